/* Which OpenMP library is loaded, and what it says of threads: one thread without it. */
#ifndef FASTLRELU_OPENMP_H
#define FASTLRELU_OPENMP_H

#include <stddef.h>

/* LLVM's library, or Intel's, whatever the name it was loaded under. */
static int openmp_is_llvm = 0;

typedef struct {
    int threads; /* of a region that this thread would open */
    int limit;   /* of all threads that it may start */
    int level;   /* of regions that it is in, other libraries' too */
} openmp_state;

#if defined(_OPENMP)
#include <omp.h>

static const int openmp_compiled = 1;

static openmp_state ask_openmp(void) {
#if _OPENMP >= 200805
    return (openmp_state){omp_get_max_threads(), omp_get_thread_limit(), omp_get_level()};
#else
    /* Microsoft's is older. */
    const openmp_state state = {omp_get_max_threads(), 1 << 16, omp_in_parallel()};
    return state;
#endif
}

#if defined(_WIN32)
static const int openmp_loses_forks = 0;
static int openmp_may_be_asked(void) {
    return 1;
}
static int openmp_opens_regions_here(void) {
    return 1;
}
static const char *openmp_library(void) {
    return NULL;
}
static openmp_state ask_openmp_first(void) {
    return ask_openmp();
}
#else
#include <dlfcn.h>
#include <pthread.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif

static int is_main_thread(void) {
#if defined(__linux__)
    return syscall(SYS_gettid) == getpid();
#elif defined(__APPLE__)
    return pthread_main_np();
#else
    return 0;
#endif
}

/* LLVM's library before version 19: a child that a thread forks while there are workers hangs or crashes when that
 * thread ends, whoever opened the region. */
static int openmp_loses_forks;

/* Ends the threads that wait for this one's next region. In libgomp since GCC 9; LLVM's crashes afterwards. */
static int (*openmp_pause)(int kind);
static int openmp_is_pausable;
enum { PAUSE_HARD = 2 };

/* LLVM's library takes in each thread that asks it: it gives the thread back the processors of the whole process, and
 * in a child that the thread forked, it crashes when the thread ends. The main thread does not end before the process.
 */
static int openmp_may_be_asked(void) {
    return !openmp_is_llvm || is_main_thread();
}

/* A thread whose workers cannot be ended may not leave before the process does: in the child of a fork the library
 * would wait for them. */
static int openmp_opens_regions_here(void) {
    return openmp_is_pausable || (!openmp_loses_forks && is_main_thread());
}

/* The path of the library in use. */
static const char *openmp_library(void) {
    Dl_info found;
    return dladdr((void *)(size_t)omp_get_max_threads, &found) != 0 ? found.dli_fname : NULL;
}

static void *ask_openmp_elsewhere(void *state) {
    *(openmp_state *)state = ask_openmp();
    return NULL;
}

/* For a thread that has set nothing of its own. Also finds out which library it is. */
static openmp_state ask_openmp_first(void) {
    openmp_state state = {1, 1, 0};
    pthread_t asker;
    void *const library = dlopen(openmp_library(), RTLD_LAZY | RTLD_NOLOAD);
    if (library != NULL) {
        openmp_is_llvm = dlsym(library, "kmp_get_blocktime") != NULL;
        /* It does not tell its version; this came with 19. */
        openmp_loses_forks = openmp_is_llvm && dlsym(library, "__kmpc_dispatch_deinit") == NULL;
        openmp_pause = openmp_is_llvm ? NULL : (int (*)(int))(size_t)dlsym(library, "omp_pause_resource_all");
        openmp_is_pausable = openmp_pause != NULL;
    }
    if (openmp_may_be_asked()) {
        return ask_openmp();
    }
    if (pthread_create(&asker, NULL, ask_openmp_elsewhere, &state) == 0) {
        pthread_join(asker, NULL);
    }
    return state;
}
#endif

static openmp_state ask_openmp_now(const openmp_state *first) {
    if (openmp_may_be_asked()) {
        return ask_openmp();
    }
    /* LLVM's library answers this without taking the thread in. */
    return (openmp_state){first->threads, first->limit, omp_get_thread_num() > 0};
}
#else
static const int openmp_compiled = 0;
static const int openmp_loses_forks = 0;
static openmp_state ask_openmp_first(void) {
    return (openmp_state){1, 1, 0};
}
static openmp_state ask_openmp_now(const openmp_state *first) {
    return *first;
}
static int openmp_opens_regions_here(void) {
    return 0;
}
static const char *openmp_library(void) {
    return NULL;
}
#endif

#endif
