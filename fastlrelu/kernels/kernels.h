/* What the Cython modules see of the C kernels. */
#ifndef FASTLRELU_KERNELS_H
#define FASTLRELU_KERNELS_H

#include <limits.h>
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

/* The gradients of PReLU, by exact sums: of long double for FL_LONGDOUBLE, of double for every other dtype. */
enum { FL_BINS = 3, FL_SPARE_BITS = 17, FL_ZERO = INT_MIN, FL_NOT_FINITE = INT_MAX };

typedef struct {
    /* grad_x as leaky_relu_grad, and products[i] = grad[i] * x[i] where x[i] <= 0, else 0. slope_step is 0 or 1.
     * Returns e with all products below 2^e before they are rounded, FL_ZERO if they are zeros, or FL_NOT_FINITE if a
     * factor of one may not be finite. */
    int (*prelu_grad)(const void *grad, const void *x, const void *slopes, ptrdiff_t slope_step, void *grad_x,
                      void *products, ptrdiff_t n);
    /* bins[b * stride + i % stride] += piece b of values[i], cut off where cuts[b] ends, for FL_BINS pieces. Returns
     * whether something is left of a value. So many bits are spared that 2^FL_SPARE_BITS values add up exactly. */
    int (*extract)(const void *values, const void *cuts, void *bins, ptrdiff_t stride, ptrdiff_t n);
    /* bins[i] becomes the sum of its FL_BINS bins, correctly rounded. */
    void (*join)(void *bins, ptrdiff_t stride, ptrdiff_t n);
} fl_sums;

typedef struct {
    const char *name;
    int (*supported)(void);
    fl_kernels kernels[FL_OPERATIONS][FL_DTYPES];
    fl_sums sums[FL_DTYPES];
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
