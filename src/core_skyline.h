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
 * Reference: Jennings (1966), Computer Journal 9, 281-285, doi:10.1093/comjnl/9.3.281.
 */
#ifndef SR_CORE_SKYLINE_H
#define SR_CORE_SKYLINE_H
#include "core_context.h"

typedef struct {
    size_t m;
    size_t *first; /* [m] */
    size_t *start; /* [m] where column 0 of row j would be in value; only first[j]..j are there */
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

/* diagonal[j] of the generalised inverse; `room` [m]. O(m) solves. */
void sr_skyline_inverse_diagonal(const sr_skyline *factor, double *room, double *diagonal);
#endif
