/* What this machine's memory allows: the loops behind targets.py, bare, without Python, NumPy or fastlrelu.
 *
 *     cc -O3 -fno-trapping-math -pthread benchmarks/limits.c -o limits && ./limits
 *
 * Candidates take turns; the figures are medians in microseconds, and how many times as fast as memcpy that is. x86-64
 * Linux; the loops are those of AVX-512 where the processor has it, else of AVX2. */
#define _GNU_SOURCE
#include <immintrin.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { ROUNDS = 15, MOST_THREADS = 2, HUGE_PAGE = 2 << 20, PAGE = 4096 / sizeof(float) };

static const float slope = 0.01f;
/* Not known to the compiler, which would leave the loop out. */
static volatile float unit_slope = 1.0f;

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

/* Where it is positive x, else x times the slope. In place that is 1: a smaller one would soon make subnormals. */
#define ACTIVATED(v, factor) BLEND_POSITIVE(v, MUL(v, factor))

/* The loops of one instruction set. */
#define LOOPS(set, features)                                                                             \
    __attribute__((target(features))) static void plain_##set(float *out, const float *x, size_t n) {    \
        for (size_t i = 0; i < n; i += LANES) {                                                          \
            STORE(out + i, ACTIVATED(LOAD(x + i), SET1(slope)));                                         \
        }                                                                                                \
    }                                                                                                    \
    __attribute__((target(features))) static void in_place_##set(float *out, const float *x, size_t n) { \
        (void)x;                                                                                         \
        const float factor = unit_slope;                                                                 \
        for (size_t i = 0; i < n; i += LANES) {                                                          \
            STORE(out + i, ACTIVATED(LOAD(out + i), SET1(factor)));                                      \
        }                                                                                                \
    }                                                                                                    \
    __attribute__((target(features))) static void stream_##set(float *out, const float *x, size_t n) {   \
        for (size_t i = 0; i < n; i += LANES) {                                                          \
            STREAM(out + i, ACTIVATED(LOAD(x + i), SET1(slope)));                                        \
        }                                                                                                \
        _mm_sfence();                                                                                    \
    }                                                                                                    \
    __attribute__((target(features))) static void buffered_##set(float *out, const float *x, size_t n) { \
        float buffer[PAGE] __attribute__((aligned(64)));                                                 \
        for (size_t start = 0; start < n; start += PAGE) {                                               \
            plain_##set(buffer, x + start, PAGE);                                                        \
            __asm__ volatile("" ::: "memory");                                                           \
            for (size_t i = 0; i < PAGE; i += LANES) {                                                   \
                STREAM(out + start + i, LOAD(buffer + i));                                               \
            }                                                                                            \
        }                                                                                                \
        _mm_sfence();                                                                                    \
    }                                                                                                    \
    AHEAD(set, features)                                                                                 \
    PAGES(set, features, 4)

/* A cache line at a time, asking for what comes so many bytes later: the loops of fastlrelu's kernels. */
enum { BYTES_AHEAD = 1024 };
#define OVER_LINES(from, put, to, factor)                                     \
    for (size_t line = 0; line < n; line += 16) {                             \
        _mm_prefetch((const char *)(from + line) + BYTES_AHEAD, _MM_HINT_T0); \
        for (size_t i = line; i < line + 16; i += LANES) {                    \
            put(to + i, ACTIVATED(LOAD(from + i), SET1(factor)));             \
        }                                                                     \
    }

#define AHEAD(set, features)                                                                                   \
    __attribute__((target(features))) static void plain_ahead_##set(float *out, const float *x, size_t n) {    \
        OVER_LINES(x, STORE, out, slope)                                                                       \
    }                                                                                                          \
    __attribute__((target(features))) static void in_place_ahead_##set(float *out, const float *x, size_t n) { \
        (void)x;                                                                                               \
        const float factor = unit_slope;                                                                       \
        OVER_LINES(out, STORE, out, factor)                                                                    \
    }                                                                                                          \
    __attribute__((target(features))) static void stream_ahead_##set(float *out, const float *x, size_t n) {   \
        OVER_LINES(x, STREAM, out, slope)                                                                      \
        _mm_sfence();                                                                                          \
    }

/* 64 bytes of each of several neighbouring pages in turn. */
#define OVER_PAGES(pages, from, put, to, factor)                                \
    for (size_t start = 0; start < n; start += pages * PAGE) {                  \
        for (size_t line = start; line < start + PAGE; line += 16) {            \
            for (size_t page = 0; page < pages; page++) {                       \
                const float *const source = from + line + page * PAGE;          \
                float *const target = to + line + page * PAGE;                  \
                _mm_prefetch((const char *)(source + 16), _MM_HINT_T0);         \
                for (size_t i = 0; i < 16; i += LANES) {                        \
                    put(target + i, ACTIVATED(LOAD(source + i), SET1(factor))); \
                }                                                               \
            }                                                                   \
        }                                                                       \
    }

#define PAGES(set, features, pages)                                                                                \
    __attribute__((target(features))) static void plain_##pages##_##set(float *out, const float *x, size_t n) {    \
        OVER_PAGES(pages, x, STORE, out, slope)                                                                    \
    }                                                                                                              \
    __attribute__((target(features))) static void in_place_##pages##_##set(float *out, const float *x, size_t n) { \
        (void)x;                                                                                                   \
        const float factor = unit_slope;                                                                           \
        OVER_PAGES(pages, out, STORE, out, factor)                                                                 \
    }                                                                                                              \
    __attribute__((target(features))) static void stream_##pages##_##set(float *out, const float *x, size_t n) {   \
        OVER_PAGES(pages, x, STREAM, out, slope)                                                                   \
        _mm_sfence();                                                                                              \
    }

#define LANES 8
#define LOAD _mm256_loadu_ps
#define STORE _mm256_storeu_ps
#define STREAM _mm256_stream_ps
#define MUL _mm256_mul_ps
#define SET1 _mm256_set1_ps
#define BLEND_POSITIVE(v, other) _mm256_blendv_ps(other, v, _mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_GT_OQ))
LOOPS(avx2, "avx2")
#undef LANES
#undef LOAD
#undef STORE
#undef STREAM
#undef MUL
#undef SET1
#undef BLEND_POSITIVE

#define LANES 16
#define LOAD _mm512_loadu_ps
#define STORE _mm512_storeu_ps
#define STREAM _mm512_stream_ps
#define MUL _mm512_mul_ps
#define SET1 _mm512_set1_ps
#define BLEND_POSITIVE(v, other) _mm512_mask_blend_ps(_mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_GT_OQ), other, v)
LOOPS(avx512, "avx512f,avx512bw,avx512dq,avx512vl,avx2")

typedef struct {
    const char *name;
    void (*loop)(float *, const float *, size_t);
    int threads;
    int new_pages;
} candidate;

#define CANDIDATES_OF(set)                                                                                             \
    {"memcpy", copy, 1, 0}, {"memcpy, 2 threads", copy, 2, 0}, {"rep movsb", copy_by_string_instruction, 1, 0},        \
        {"out=", plain_##set, 1, 0}, {"out=, 4 pages", plain_4_##set, 1, 0}, {"out=, ahead", plain_ahead_##set, 1, 0}, \
        {"out=, ahead, 2 threads", plain_ahead_##set, 2, 0}, {"streaming", stream_##set, 1, 0},                        \
        {"streaming by a buffer", buffered_##set, 1, 0}, {"streaming, 4 pages", stream_4_##set, 1, 0},                 \
        {"streaming, ahead", stream_ahead_##set, 1, 0}, {"streaming, ahead, 2 threads", stream_ahead_##set, 2, 0},     \
        {"in place", in_place_##set, 1, 0}, {"in place, 4 pages", in_place_4_##set, 1, 0},                             \
        {"in place, ahead", in_place_ahead_##set, 1, 0}, {"in place, ahead, 2 threads", in_place_ahead_##set, 2, 0},   \
        {"new array", plain_##set, 1, 1}, {"new array, 2 threads", plain_##set, 2, 1},                                 \
        {"memcpy to a new array", copy, 1, 1}

static const candidate with_avx2[] = {CANDIDATES_OF(avx2)};
static const candidate with_avx512[] = {CANDIDATES_OF(avx512)};
enum { CANDIDATES = sizeof with_avx2 / sizeof *with_avx2 };

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
    const int calls = what->new_pages || bytes > (16 << 20) ? 1 : (int)((32 << 20) / bytes);
    if (what->new_pages) {
        out = pages(bytes);
    } else {
        /* Twice: the caches may still hold what the candidate before left there. */
        run(what, out, x, n);
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

/* For targets.py, which calls the loops of one thread in turn with fastlrelu: NULL past the last. */
const char *limits_loop(int index, float *out, const float *x, size_t n) {
    const candidate *const candidates = __builtin_cpu_supports("avx512vl") ? with_avx512 : with_avx2;
    if (index >= CANDIDATES) {
        return NULL;
    }
    if (n > 0) {
        candidates[index].loop(out, x, n);
    }
    return candidates[index].threads == 1 && !candidates[index].new_pages ? candidates[index].name : "";
}

static int ascending(const void *a, const void *b) {
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

int main(void) {
    pthread_t thread;
    const candidate *const candidates = __builtin_cpu_supports("avx512vl") ? with_avx512 : with_avx2;
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
