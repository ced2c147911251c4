/* core_linalg.h -- L D L' of a symmetric positive semidefinite matrix
 *
 * Matrices are full and square, element (i, j) at [i * p + j]. The factor
 * overwrites the lower triangle: D on the diagonal, L below it. A pivot below
 * `tolerance` times the largest diagonal marks a column that depends on those
 * before it (aliased): its D is 0, and it stays out of every solution.
 */
#ifndef SR_CORE_LINALG_H
#define SR_CORE_LINALG_H
#include <stddef.h>

typedef struct {
    int rank;          /* pivots kept */
    int is_indefinite; /* a pivot was clearly negative, or not finite */
    double smallest;   /* the pivot below which a column is aliased */
} sr_ldl_info;

sr_ldl_info sr_ldl_factor(size_t p, double *matrix, double tolerance);
/* Replace y by a solution of the factored system; aliased elements become 0. */
void sr_ldl_solve(size_t p, const double *factor, double *y);
/* out = generalised inverse, zero rows and columns where aliased. out may not overlap factor. */
void sr_ldl_inverse(size_t p, const double *factor, double *out);
#endif
