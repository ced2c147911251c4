/* core_symmetric.h -- elementary symmetric functions of many terms, with two derivatives
 *
 * Each item i has a size r_i > 0 and a vector z_i of length p. For every order d up to n_order
 *
 *   G0(d) = sum over subsets S of d items of  R(S),             R(S) = product of r_i
 *   G1(d) = sum of R(S) s(S),     G2(d) = sum of R(S) s s',     s(S) = sum of z_i
 *
 * G0(d) is the elementary symmetric function of the sizes; with r_i = exp(z_i'b), G1 and G2 are its
 * first and second derivatives in b. Adding one item splits the subsets into those without and
 * those with it:
 *
 *   G0(d) += r G0(d-1)
 *   G1(d) += r (G1(d-1) + z G0(d-1))
 *   G2(d) += r (G2(d-1) + z G1(d-1)' + G1(d-1) z' + z z' G0(d-1))
 *
 * All terms of G0 are positive, so nothing cancels; centre z so that G2 keeps its digits. The
 * values soon leave the range of a double (there are 1e625 ways to choose 200 of 1e5), so every
 * order carries a power of two of its own, and every item too: any finite log r will do.
 *
 * Reference: the recursion for G0 is that of Gail, Lubin and Rubinstein (1981), Biometrika 68,
 * 703-707, doi:10.1093/biomet/68.3.703.
 *
 * Shapes: an order is a block of 1 + p + p(p+1)/2 doubles: G0, G1, and the lower triangle of G2 by
 * rows. Cost of adding an item: n_order times that. Memory is the arena's.
 */
#ifndef SR_CORE_SYMMETRIC_H
#define SR_CORE_SYMMETRIC_H
#include "core_context.h"

typedef struct {
    size_t p, n_order, stride;
    size_t n_item;  /* added so far */
    double *block;  /* [(n_order + 1) x stride] */
    long *exponent; /* [n_order + 1] the block stands for itself times 2^exponent */
} sr_symmetric;

/* One item; `z` has p entries, `outer` the lower triangle of zz' by rows. */
typedef struct {
    double size; /* r = size 2^exponent, 1 <= size < 2 */
    long exponent;
    const double *z, *outer;
} sr_symmetric_item;

sr_status sr_symmetric_take(sr_context *ctx, size_t p, size_t n_order, sr_symmetric *out);

/* The orders up to `n_order` of `from`, into room for at least as many. */
void sr_symmetric_copy(const sr_symmetric *from, size_t n_order, sr_symmetric *to);

/* Size and exponent of exp(log_size). */
void sr_symmetric_size(double log_size, sr_symmetric_item *item);

/* Adds an item to the orders 1 to min(n_order, items); higher orders are then no longer kept. */
void sr_symmetric_add(sr_symmetric *state, size_t n_order, const sr_symmetric_item *item);

/* log G0(d); mean[p] = G1 / G0; spread[p(p+1)/2] += G2 / G0 - mean mean'.  1 <= d <= items. */
double sr_symmetric_read(const sr_symmetric *state, size_t d, double *mean, double *spread);
#endif
