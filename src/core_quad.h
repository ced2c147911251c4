/* core_quad.h -- nodes and weights for integrals over time, in log time
 *
 *   integral of g(t) dt = sum_k exp(log_weight_k) t_k g(t_k)
 *
 * Over (a, b], a > 0: Gauss-Legendre with n nodes in x = log t. Its error falls like a power of n
 * as large as g is smooth. place_k is in (0, 1), x_k = log a + place_k log(b / a), and log(b / a)
 * goes to each log weight.
 *
 * Over (0, b]: t = b s with s = 1 / (1 + exp(-pi sinh y)) and steps of equal length in y (Takahasi
 * and Mori 1974, Publ RIMS 9, 721-741, doi:10.2977/prims/1195192451), which takes g(t) ~ t^(k - 1)
 * at 0 for any k > 0.07. place_k is log s_k.
 *
 * `level` 0, 1, ... doubles the nodes each time: 8 2^level, and about so the others: 36, 71, 141.
 */
#ifndef SR_CORE_QUAD_H
#define SR_CORE_QUAD_H
#include "core_context.h"

typedef struct {
    size_t n;
    double *place, *log_weight; /* [n] */
} sr_quad_rule;

sr_status sr_quad_between(sr_context *ctx, int level, sr_quad_rule *out);
sr_status sr_quad_from_zero(sr_context *ctx, int level, sr_quad_rule *out);
#endif
