/* core_thread.c -- see core_thread.h */
#include "core_thread.h"
#ifdef _OPENMP
#include <omp.h>
#endif
#ifndef _WIN32
#include <pthread.h>
#endif

static int requested = 0; /* 0: the default */
static int is_forked = 0;

#ifndef _WIN32
static void in_child(void)
{
    is_forked = 1;
}
#endif

void sr_thread_init(void)
{
#ifndef _WIN32
    static int is_registered = 0;
    if (!is_registered) {
        pthread_atfork(NULL, NULL, in_child);
        is_registered = 1;
    }
#endif
}

int sr_thread_limit(void)
{
#ifdef _OPENMP
    const int processors = omp_get_num_procs(), allowed = omp_get_thread_limit();
    const int limit = processors < allowed ? processors : allowed;
    return limit < 1 ? 1 : limit;
#else
    return 1;
#endif
}

int sr_thread_count(void)
{
    if (is_forked)
        return 1;
    const int limit = sr_thread_limit();
    if (requested == 0)
        return limit < 2 ? limit : 2;
    return requested < limit ? requested : limit;
}

void sr_thread_set(int count)
{
    requested = count < 0 ? 0 : count;
}

int sr_thread_number(void)
{
#ifdef _OPENMP
    return omp_get_thread_num();
#else
    return 0;
#endif
}
