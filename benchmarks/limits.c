/* What this machine's memory allows: the loops behind targets.py, bare, without Python, NumPy or fastlrelu.
 *
 *     cc -O3 -march=native -fno-trapping-math -pthread benchmarks/limits.c -o limits && ./limits
 *
 * Candidates take turns; the figures are medians in microseconds, and how many times as fast as memcpy that is. x86-64
 * Linux; without AVX-512 the streaming loop is left out. */
#define _GNU_SOURCE
#include <immintrin.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { ROUNDS = 15, MOST_THREADS = 2, HUGE_PAGE = 2 << 20 };

static const float slope = 0.01f;

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static float *pages(size_t bytes) {
    char *const start = mmap(NULL, bytes + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    /* As NumPy asks for its own large arrays. */
    char *const aligned = start + (-(size_t)start & (HUGE_PAGE - 1));
    madvise(aligned, bytes, MADV_HUGEPAGE);
    return (float *)aligned;
}

static void copy(float *out, const float *x, size_t n) {
    memcpy(out, x, n * sizeof *x);
}

static void copy_by_string_instruction(float *out, const float *x, size_t n) {
    size_t bytes = n * sizeof *x;
    __asm__ volatile("rep movsb" : "+D"(out), "+S"(x), "+c"(bytes)::"memory");
}

static void select_loop(float *out, const float *x, size_t n) {
    for (size_t i = 0; i < n; i++) {
        out[i] = x[i] > 0 ? x[i] : slope * x[i];
    }
}

static void in_place(float *out, const float *x, size_t n) {
    (void)x;
    for (size_t i = 0; i < n; i++) {
        /* Slope 1, as in targets.py: a smaller one would soon make subnormals. */
        out[i] = out[i] > 0 ? out[i] : 1.0f * out[i] + 0.0f;
    }
}

#if defined(__AVX512F__)
static void streaming_loop(float *out, const float *x, size_t n) {
    for (size_t i = 0; i < n; i += 16) {
        const __m512 v = _mm512_loadu_ps(x + i);
        const __mmask16 positive = _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_GT_OQ);
        _mm512_stream_ps(out + i, _mm512_mask_blend_ps(positive, _mm512_mul_ps(v, _mm512_set1_ps(slope)), v));
    }
    _mm_sfence();
}
#endif

typedef struct {
    const char *name;
    void (*loop)(float *, const float *, size_t);
    int threads;
    int new_pages;
} candidate;

static const candidate candidates[] = {
    {"memcpy", copy, 1, 0},
    {"rep movsb", copy_by_string_instruction, 1, 0},
    {"loop", select_loop, 1, 0},
    {"loop, 2 threads", select_loop, 2, 0},
    {"in place", in_place, 1, 0},
    {"in place, 2 threads", in_place, 2, 0},
#if defined(__AVX512F__)
    {"streaming loop", streaming_loop, 1, 0},
    {"streaming loop, 2 threads", streaming_loop, 2, 0},
#endif
    {"memcpy to new pages", copy, 1, 1},
    {"loop to new pages", select_loop, 1, 1},
    {"loop to new pages, 2 threads", select_loop, 2, 1},
};
enum { CANDIDATES = sizeof candidates / sizeof *candidates };

typedef struct {
    const candidate *what;
    float *out;
    const float *x;
    size_t n;
} share;

/* A second thread that is awake: between the two flags it spins. */
static share second;
static int wanted;

static void *work_for_ever(void *unused) {
    for (;;) {
        while (__atomic_load_n(&wanted, __ATOMIC_ACQUIRE) == 0) {
            _mm_pause();
        }
        second.what->loop(second.out, second.x, second.n);
        __atomic_store_n(&wanted, 0, __ATOMIC_RELEASE);
    }
    return unused;
}

static void run(const candidate *what, float *out, const float *x, size_t n) {
    const size_t own = n / (size_t)what->threads;
    if (what->threads == MOST_THREADS) {
        second = (share){what, out + own, x + own, n - own};
        __atomic_store_n(&wanted, 1, __ATOMIC_RELEASE);
    }
    what->loop(out, x, own);
    while (__atomic_load_n(&wanted, __ATOMIC_ACQUIRE) != 0) {
        _mm_pause();
    }
}

static double time_of(const candidate *what, float *out, const float *x, size_t n) {
    const size_t bytes = n * sizeof *x;
    const int calls = what->new_pages || bytes > (4 << 20) ? 1 : (int)((8 << 20) / bytes);
    if (what->new_pages) {
        out = pages(bytes);
    } else {
        run(what, out, x, n);
    }
    const double start = seconds();
    for (int i = 0; i < calls; i++) {
        run(what, out, x, n);
    }
    const double taken = (seconds() - start) / calls;
    if (what->new_pages) {
        munmap(out, bytes);
    }
    return taken;
}

static int ascending(const void *a, const void *b) {
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

int main(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, work_for_ever, NULL) != 0) {
        return 1;
    }
    for (size_t bytes = 128 << 10; bytes <= (size_t)256 << 20; bytes *= bytes < (32 << 20) ? 2 : 8) {
        const size_t n = bytes / sizeof(float);
        float *const x = pages(bytes), *const out = pages(bytes);
        double samples[CANDIDATES][ROUNDS];
        for (size_t i = 0; i < n; i++) {
            x[i] = (float)(i * 2654435761u >> 7 & 1) - 0.5f;
        }
        memset(out, 0, bytes);
        for (int round = 0; round < ROUNDS; round++) {
            for (int i = 0; i < CANDIDATES; i++) {
                if (!candidates[i].new_pages || bytes >= (4 << 20)) {
                    samples[i][round] = time_of(&candidates[i], out, x, n);
                }
            }
        }
        printf("%zu KiB in, as much out\n", bytes >> 10);
        for (int i = 0; i < CANDIDATES; i++) {
            if (!candidates[i].new_pages || bytes >= (4 << 20)) {
                qsort(samples[i], ROUNDS, sizeof **samples, ascending);
                qsort(samples[0], ROUNDS, sizeof **samples, ascending);
                const double median = samples[i][ROUNDS / 2];
                printf("  %-28s %10.1f us  %5.2f\n", candidates[i].name, 1e6 * median, samples[0][ROUNDS / 2] / median);
            }
        }
        munmap(x, bytes);
        munmap(out, bytes);
    }
    return 0;
}
