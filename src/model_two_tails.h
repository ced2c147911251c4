/* model_two_tails.h -- from a log density and one of its tails to the hazard
 *
 * Given, at w, jets in (w, shapes) of  phi = log f  and of  r = log of the tail over the density,
 * the tail being the upper one, S, or (is_lower) the lower one, F:
 *
 *   upper   U = phi + r = log S,   l = log h = -r
 *           c = log(-U),           c_a = U_a / U,      c_ab = U_ab / U - c_a c_b
 *   lower   U = phi + r = log F,   H = -log(1 - e^U),  l = phi + H
 *           with o = F / (1 - F):  H_a = o U_a,        H_ab = o U_ab + o (1 + o) U_a U_b
 *           with g = o / H = dc/dU,  L = H / F,  and   d2c/dU2 = g (L - 1) / (L (1 - F)):
 *           c = U + log L,         c_a = g U_a,        c_ab = g U_ab + c'' U_a U_b
 *
 * L = 1 + F / 2 + F^2 / 3 + ... is summed so where F is small: c keeps its digits where F has
 * underflowed. In w itself  U_w = -+ 1 / T  and  U_wa = +- r_a / T,  T = e^r: nothing cancels there
 * either, as it would in phi_w + r_w.
 */
#ifndef SR_MODEL_TWO_TAILS_H
#define SR_MODEL_TWO_TAILS_H
#include "core_jet.h"
#include <stddef.h>

typedef struct {
    size_t n_shape;
    int is_lower, order, wants_haz;
} sr_tail_side;

/* l is written where side->wants_haz */
void sr_two_tails(const sr_tail_side *side, const sr_small_jet *phi, const sr_small_jet *ratio,
                  sr_small_jet *cum, sr_small_jet *haz);

#endif
