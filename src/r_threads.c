/* r_threads.c -- set and read the number of threads from R */
#include "core_thread.h"
#include <R.h>
#include <Rinternals.h>

SEXP r_set_threads(SEXP count)
{
    sr_thread_set(Rf_asInteger(count));
    return R_NilValue;
}

SEXP r_get_threads(void)
{
    return Rf_ScalarInteger(sr_thread_count());
}
