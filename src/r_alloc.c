/* r_alloc.c -- see r_alloc.h */
#include "r_alloc.h"
#include <limits.h>
#include <stdint.h>

static void allocate_now(void *data)
{
    const sr_allocation *const a = data;
    for (int e = 0; e < a->n_element; e++) {
        const size_t n = a->element[e].n_row, p = a->element[e].n_column;
        if (n == SIZE_MAX)
            continue;
        if (p > 0 && n > INT_MAX)
            Rf_error("too many rows for a matrix");
        SET_VECTOR_ELT(a->list, e,
                       p > 0 ? Rf_allocMatrix(a->element[e].type, (int)n, (int)p)
                             : Rf_allocVector(a->element[e].type, (R_xlen_t)n));
    }
}

sr_status sr_allocate(sr_allocation *a)
{
    return R_ToplevelExec(allocate_now, a) ? SR_OK : SR_ERR_MEMORY;
}

void sr_add_element(sr_allocation *a, SEXPTYPE type, size_t n_row, size_t n_column)
{
    a->element[a->n_element].type = type;
    a->element[a->n_element].n_row = n_row;
    a->element[a->n_element++].n_column = n_column;
}
