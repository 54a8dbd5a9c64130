/* The copies around a kernel: strided elements into and out of a contiguous buffer. */
#include <string.h>
#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

#include "compiler.h"
#include "kernels.h"

/* One loop for each size of element, so that an element is moved by one load and one store. */
static ALWAYS_INLINE void copy_elements(char *destination, ptrdiff_t destination_stride, const char *source,
                                        ptrdiff_t source_stride, ptrdiff_t n, const size_t itemsize) {
    for (ptrdiff_t i = 0; i < n; i++) {
        memcpy(destination + i * destination_stride, source + i * source_stride, itemsize);
    }
}

void fl_copy_strided(char *destination, ptrdiff_t destination_stride, const char *source, ptrdiff_t source_stride,
                     ptrdiff_t n, size_t itemsize) {
    switch (itemsize) {
        case 2:
            copy_elements(destination, destination_stride, source, source_stride, n, 2);
            break;
        case 4:
            copy_elements(destination, destination_stride, source, source_stride, n, 4);
            break;
        case 8:
            copy_elements(destination, destination_stride, source, source_stride, n, 8);
            break;
        default:
            copy_elements(destination, destination_stride, source, source_stride, n, itemsize);
    }
}

/* After streaming stores, before another thread may read what they wrote. */
void fl_stream_fence(void) {
#if defined(__x86_64__) || defined(_M_X64)
    _mm_sfence();
#endif
}
