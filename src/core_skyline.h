/* core_skyline.h -- L D L' of a symmetric matrix whose rows begin late
 *
 * Row j of the lower triangle is stored from its first column that is not zero to the diagonal; the
 * factor fills nothing outside that envelope (Jennings 1966). A chain costs O(m), a full matrix
 * m^3 / 6 multiplications; in between it is the sum of the squared row lengths, halved.
 *
 *   m      rows
 *   first  [m] first column of row j, at most j
 *
 * A pivot below `tolerance` times the diagonal element that it began as marks a coordinate that
 * depends on those before it: its D is 0 and it stays out of every solution. Memory is the arena's.
 *
 * The inverse Z has L' Z = D^-1 L^-1, whose upper triangle is that of D^-1, so for i < j
 *
 *   Z_ij = - sum over k > i of L_ki Z_kj,     Z_ii = 1 / d_i - sum over k > i of L_ki Z_ki.
 *
 * Only k with L_ki != 0 count, whose rows, as that of j, reach back to column i or before: of k and
 * j the later row holds the earlier one's column, so elements inside the envelope follow from such
 * elements alone, column after column from the last one back, in the place of L (Takahashi's
 * recursion; Erisman and Tinney 1975). It costs what the factor did.
 *
 * References: Jennings (1966), Computer Journal 9, 281-285, doi:10.1093/comjnl/9.3.281. Erisman,
 * Tinney (1975), Communications of the ACM 18, 177-179, doi:10.1145/360680.360704.
 */
#ifndef SR_CORE_SKYLINE_H
#define SR_CORE_SKYLINE_H
#include "core_context.h"

typedef struct {
    size_t m;
    size_t *first; /* [m] */
    size_t *start; /* [m] where column first[j] of row j is in value; columns up to j follow */
    double *value; /* the matrix, later L below D */
} sr_skyline;

/* Room for a matrix with this envelope, all zero; `first` is copied. */
sr_status sr_skyline_take(sr_context *ctx, size_t m, const size_t *first, sr_skyline *out);

/* Element (j, i), first[j] <= i <= j. */
static inline double *sr_skyline_at(const sr_skyline *a, size_t j, size_t i)
{
    return a->value + (a->start[j] + i - a->first[j]);
}

/* Factors in place; returns the pivots kept. */
size_t sr_skyline_factor(sr_skyline *a, double tolerance);

/* Replaces y[m] by a solution of the factored system; marked coordinates become 0. */
void sr_skyline_solve(const sr_skyline *factor, double *y);

/* y[m]: for a coordinate j that was marked, the combination that the matrix takes to 0, y[j] = 1. */
void sr_skyline_null(const sr_skyline *factor, size_t j, double *y);

/* Replaces the factor by the generalised inverse inside the envelope; 0 for marked coordinates. */
sr_status sr_skyline_invert(sr_context *ctx, sr_skyline *factor);
#endif
