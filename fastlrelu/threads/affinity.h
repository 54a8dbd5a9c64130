/* The affinity mask of the calling thread. */
#ifndef FASTLRELU_AFFINITY_H
#define FASTLRELU_AFFINITY_H

#include <limits.h>

#if defined(__linux__)
#include <sched.h>
#endif

/* INT_MAX where the system does not say, as for a mask of more than 1024 processors. */
static int processors_of_caller(void) {
#if defined(__linux__)
    cpu_set_t processors;
    if (sched_getaffinity(0, sizeof processors, &processors) == 0) {
        return CPU_COUNT(&processors);
    }
#endif
    return INT_MAX;
}

#endif
