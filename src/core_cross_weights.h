/* core_cross_weights.h -- the same cross-product under three weights, in one sweep
 *
 * out_m = sum_i q_mi z_i z_i', m = 0, 1, 2. A product z_ij z_ik is formed once and
 * meets its three weights in registers, so that three matrices cost less than two
 * by core_gram.h, and X is read once. O(n p^2), the same bits for any number of threads.
 */
#ifndef SR_CORE_CROSS_WEIGHTS_H
#define SR_CORE_CROSS_WEIGHTS_H
#include "core_columns.h"

enum { SR_CROSS_WEIGHTS = 3 };

/* Writes the weights of rows [from, from + m), m <= SR_BLOCK: q[w * SR_BLOCK + i]. It is called
 * from several threads. */
typedef void (*sr_fill_weights)(const void *data, size_t from, size_t m, double *q);

/* out[w]: [p x p], full symmetric. */
sr_status sr_columns_cross_weights(sr_context *ctx, const sr_columns *x, sr_fill_weights fill,
                                   const void *data, double *const out[SR_CROSS_WEIGHTS]);
#endif
