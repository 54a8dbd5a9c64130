/* What several threads add to at once. */
#ifndef FASTLRELU_SHARED_WORDS_H
#define FASTLRELU_SHARED_WORDS_H

#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#define ADD_SHARED(word, value) ((void)_InterlockedExchangeAdd64((word), (value)))
#else
/* In any order: the sum is read after the end of the region. */
#define ADD_SHARED(word, value) ((void)__atomic_fetch_add((word), (value), __ATOMIC_RELAXED))
#endif

#endif
