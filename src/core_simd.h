/* core_simd.h -- one macro for leaf loops that the processor's width speeds up
 *
 * SR_SIMD before a function lets the compiler make one version for each class of
 * x86-64 machine and choose on loading. It is empty where that is not offered.
 * Leaf loops carry `#pragma omp simd`, since -O2 vectorises no loop of unknown
 * length in gcc 12.
 */
#ifndef SR_CORE_SIMD_H
#define SR_CORE_SIMD_H

#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__) && \
    __GNUC__ >= 12 && !defined(SR_NO_CLONES)
#define SR_SIMD __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SR_SIMD
#endif

/* Ask for a line of memory that is soon to be read, into the second cache. */
#if defined(__GNUC__)
#define SR_PREFETCH(address) __builtin_prefetch(address, 0, 2)
#else
#define SR_PREFETCH(address) ((void)(address))
#endif

#endif
