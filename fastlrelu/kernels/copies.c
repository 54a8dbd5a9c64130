/* The copies around a kernel: strided elements into and out of a contiguous buffer, and results past the caches. */
#include <stdint.h>
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

/* On other CPUs than x86 this is a plain copy. */
void fl_stream_copy(char *destination, const char *source, size_t bytes) {
#if defined(__x86_64__) || defined(_M_X64)
    const size_t misaligned = (size_t)(-(ptrdiff_t)(uintptr_t)destination & 15);
    const size_t head = misaligned < bytes ? misaligned : bytes;
    memcpy(destination, source, head);
    size_t i = head;
    for (; i + 64 <= bytes; i += 64) {
        /* A whole cache line at once: a partly filled write-combining buffer costs a read of memory. */
        const __m128i a = _mm_loadu_si128((const __m128i *)(source + i));
        const __m128i b = _mm_loadu_si128((const __m128i *)(source + i + 16));
        const __m128i c = _mm_loadu_si128((const __m128i *)(source + i + 32));
        const __m128i d = _mm_loadu_si128((const __m128i *)(source + i + 48));
        _mm_stream_si128((__m128i *)(destination + i), a);
        _mm_stream_si128((__m128i *)(destination + i + 16), b);
        _mm_stream_si128((__m128i *)(destination + i + 32), c);
        _mm_stream_si128((__m128i *)(destination + i + 48), d);
    }
    memcpy(destination + i, source + i, bytes - i);
#else
    memcpy(destination, source, bytes);
#endif
}

void fl_stream_fence(void) {
#if defined(__x86_64__) || defined(_M_X64)
    _mm_sfence();
#endif
}
