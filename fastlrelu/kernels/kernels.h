/* What the Cython modules see of the C kernels. */
#ifndef FASTLRELU_KERNELS_H
#define FASTLRELU_KERNELS_H

#include <stddef.h>

enum fl_dtype { FL_FLOAT16, FL_BFLOAT16, FL_FLOAT32, FL_FLOAT64, FL_LONGDOUBLE, FL_DTYPES };

enum { FL_MAX_INPUTS = 3 };

#define OPERATION1(name, a, result) FL_OPERATION_##name,
#define OPERATION2(name, a, b, result) FL_OPERATION_##name,
#define OPERATION3(name, a, b, c, result) FL_OPERATION_##name,
enum fl_operation_index {
#include "operations.h"
    FL_OPERATIONS
};
#undef OPERATION1
#undef OPERATION2
#undef OPERATION3

/* args: the inputs, then the output. strides: bytes from one element to the next, in the same order. */
typedef void (*fl_kernel)(char *const *args, const ptrdiff_t *strides, ptrdiff_t n);

typedef struct {
    /* Needs a contiguous output, inputs contiguous or of stride 0, and no input that partly overlaps the output. */
    fl_kernel contiguous;
    /* Needs whole cache lines of output besides. Faster than `contiguous` from 1 KiB on, and reads ahead. */
    fl_kernel ahead;
    /* As `ahead`, and the output goes past the caches: no input may be the output. fl_stream_fence() afterwards. */
    fl_kernel streamed;
    /* Takes anything, one element after the other in ascending order. */
    fl_kernel strided;
} fl_kernels;

/* grad_x as leaky_relu_grad, and sums[i] += grad[i] * x[i] where x[i] <= 0. slope_step is 0 or 1. sums has
 * long double elements for FL_LONGDOUBLE and double elements for every other dtype. */
typedef void (*fl_prelu_grad)(const void *grad, const void *x, const void *slope, ptrdiff_t slope_step, void *grad_x,
                              void *sums, ptrdiff_t n);

typedef struct {
    const char *name;
    int (*supported)(void);
    fl_kernels kernels[FL_OPERATIONS][FL_DTYPES];
    fl_prelu_grad prelu_grad[FL_DTYPES];
} fl_level;

/* The SIMD levels compiled in, best first. */
extern const fl_level *const fl_levels[];
extern const int fl_levels_count;

typedef struct {
    const char *name;
    int inputs;
} fl_operation;

extern const fl_operation fl_operations[FL_OPERATIONS];

void fl_copy_strided(char *destination, ptrdiff_t destination_stride, const char *source, ptrdiff_t source_stride,
                     ptrdiff_t n, size_t itemsize);

/* After `streamed`, before another thread may read the output. */
void fl_stream_fence(void);

#endif
