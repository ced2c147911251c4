/* core_gram.h -- weighted cross-products of columns
 *
 * Of a whole matrix: sr_columns_cross(). Block by block: sr_gram_add(), for a pass
 * that makes its own columns, or has other work to do with a block while it is in
 * the first cache. Chunks of rows have accumulators of their own, which are added
 * in chunk order at the end. O(n p^2).
 *
 *   column  [p_pad] where each column of the block in hand stands; the caller sets the first p,
 *           the rest are columns of zeros
 *   p_pad   p, to the next multiple of four
 */
#ifndef SR_CORE_GRAM_H
#define SR_CORE_GRAM_H
#include "core_columns.h"

/* out[p x p], full symmetric, = sum_i q_i z_i z_i'; if u is not NULL, sum[p] = sum_i u_i z_i.
 * q may be NULL (then out is not touched). Same bits for any number of threads. */
sr_status sr_columns_cross(sr_context *ctx, const sr_columns *x, const double *q, const double *u,
                           double *out, double *sum);

/* The same with q and u made as they are needed: `fill` writes m of each for rows [from, from + m);
 * it is called from several threads. */
typedef void (*sr_row_weights)(const void *data, size_t from, size_t m, double *q, double *u);
sr_status sr_columns_cross_by(sr_context *ctx, const sr_columns *x, sr_row_weights fill,
                              const void *data, double *out, double *sum);

/* The most rows that a block may have */
enum { SR_GRAM_ROWS = 2 * SR_BLOCK + 8 };

typedef struct {
    size_t p, p_pad;
    const double **column;
    double *tiles, *sums; /* sums of products, of columns */
} sr_gram;

/* `count` accumulators, all zero, in the context's arena */
sr_status sr_gram_take(sr_context *ctx, size_t count, size_t p, sr_gram **out);

/* sum_i q_i z_i z_i' and sum_i u_i z_i of a block of m <= SR_GRAM_ROWS rows; q or u may be NULL.
 * Rows [ahead, ahead + SR_BLOCK) of `next` are asked for on the way (next NULL: none are). */
void sr_gram_add(const sr_gram *cross, size_t m, const double *q, const double *u,
                 const sr_columns *next, size_t ahead);

/* Totals over `count` accumulators: out[p x p], full symmetric, and sum[p]; either may be NULL. */
void sr_gram_total(const sr_gram *cross, size_t count, double *out, double *sum);

/* out[j] += sum_i u_i column_j[i] for p columns, p a multiple of four */
void sr_columns_dot(size_t p, const double *const *column, size_t m, const double *u, double *out);
#endif
