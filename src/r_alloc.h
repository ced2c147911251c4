/* r_alloc.h -- results for R whose size is known only while a context is open
 *
 * R may jump when it runs out of memory, and the context would be lost; so what is allocated while
 * one is open goes through R_ToplevelExec. Elements are added in the order of the list.
 */
#ifndef SR_R_ALLOC_H
#define SR_R_ALLOC_H
#include "core_status.h"
#include <R.h>
#include <Rinternals.h>

enum { SR_MOST_ELEMENTS = 20 };

typedef struct {
    SEXP list; /* the caller's, protected */
    int n_element;
    struct {
        SEXPTYPE type;
        size_t n_row, n_column; /* n_column 0: a vector; n_row SIZE_MAX: none */
    } element[SR_MOST_ELEMENTS];
} sr_allocation;

void sr_add_element(sr_allocation *a, SEXPTYPE type, size_t n_row, size_t n_column);
/* SR_ERR_MEMORY when R has none left. */
sr_status sr_allocate(sr_allocation *a);
#endif
