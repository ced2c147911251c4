/* core_tail.h -- the tail of a log-concave density over its density, with derivatives
 *
 * Let phi(w; shapes) be a concave log density. Right of its mode the upper tail is
 *
 *   S(w) = f(w) T(w),    T(w) = integral over s in [0, inf) of exp(psi(s)),
 *   psi(s; w, shapes) = phi(w + s) - phi(w) <= 0
 *
 * and the lower tail left of the mode is the same after w -> -w. T is a ratio of moderate numbers
 * (Mills' ratio of the normal): it neither underflows nor cancels, however far out w lies. With
 * E and Cov under the weight exp(psi) / T, its logarithm has the derivatives, in z = (w, shapes),
 *
 *   (log T)_a = E[psi_a],     (log T)_ab = E[psi_ab] + Cov[psi_a, psi_b]
 *
 * psi and its derivatives vanish at s = 0, so the covariance loses no digits.
 *
 * The integral is Gauss's rule with SR_TAIL_NODES nodes on [0, length], where psi has fallen by
 * about SR_TAIL_FALL at `length`. If the density bends on a scale much shorter than that, the range
 * is cut at bend, 2 bend, 4 bend, 8 bend, and each panel has the rule; what lies further is one
 * panel, since the density is log-linear there.
 *
 * Reference: Golub and Welsch, Calculation of Gauss quadrature rules, Mathematics of Computation 23
 * (1969) 221-230, doi:10.1090/S0025-5718-69-99647-1. Cost: that of psi at 32 points a panel.
 */
#ifndef SR_CORE_TAIL_H
#define SR_CORE_TAIL_H
#include "core_jet.h"
#include <stddef.h>

enum { SR_TAIL_NODES = 32, SR_TAIL_FALL = 40 };

/* psi at the nodes s of a panel; `value` and, up to the order asked for, derivatives in z */
typedef struct {
    double s[SR_TAIL_NODES], value[SR_TAIL_NODES];
    double first[1 + SR_MOST_SHAPES][SR_TAIL_NODES];
    double second[SR_PAIR(1 + SR_MOST_SHAPES, 0)][SR_TAIL_NODES];
} sr_tail_nodes;

typedef struct {
    size_t n_shape;
    double length, bend;
    const void *state; /* of `fill` */
    void (*fill)(const void *state, int order, sr_tail_nodes *nodes);
} sr_tail;

/* log T and its derivatives in (w, shapes) */
void sr_tail_log_ratio(const sr_tail *tail, int order, sr_small_jet *out);

#endif
