/* model_outer.h -- the probability of (0, R] and of (L, R] in the log cumulative hazards
 *
 * With A = e^c_L, B = e^c_R, D = B - A and q = 1 / (e^D - 1) (model_censor.h):
 *
 *   (0, R]   l = log(1 - e^-B)         l_R = b           l_RR = b (1 - B - b)       b = B q, A = 0
 *   (L, R]   l = -A + log(1 - e^-D)    l_L = -(A + a)    l_LL = -(A + a)(1 + a)     a = A q
 *                                      l_R = b           l_RR = b (1 - B - b)
 *                                      l_LR = a (B + b)
 *
 * Where A, B and D keep their digits as doubles and e^-D is not lost beside 1, which is nearly
 * everywhere, many rows are done at once, with the exponentials and logarithms of core_exp.h; the
 * others one by one through log D = c_R + log(1 - e^(c_L - c_R)), which underflows nowhere.
 */
#ifndef SR_MODEL_OUTER_H
#define SR_MODEL_OUTER_H
#include "core_columns.h"

/* What SR_BLOCK rows or fewer have of l: its value, and its derivatives in c_L and c_R */
typedef struct {
    double value[SR_BLOCK], slope[SR_BLOCK],
        bend[SR_BLOCK]; /* l, l_L, l_LL; of (0, R]: l_R, l_RR */
    double slope_r[SR_BLOCK], bend_r[SR_BLOCK], both[SR_BLOCK]; /* l_R, l_RR, l_LR */
} sr_outer;

/* (0, R]: value, slope and bend in c_R */
void sr_outer_left(size_t m, const double *c, sr_outer *out);

/* (L, R], c_r > c_l */
void sr_outer_interval(size_t m, const double *c_l, const double *c_r, sr_outer *out);
#endif
