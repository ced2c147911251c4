/* model_genf.h -- the log of a generalised F time, standardised
 *
 * W of log T = mu + sigma W (Prentice 1975): with d^2 = Q^2 + 2 P, e^dW is F distributed with
 * 2 s1 and 2 s2 degrees of freedom, 1 / s1 = d (d + Q) / 2, 1 / s2 = d (d - Q) / 2. Written so that
 * nothing grows as P -> 0 (generalised gamma) or P, Q -> 0 (normal), its log density is
 *
 *   phi(w) = -log(2 pi) / 2 - R(1 / s1) - R(1 / s2) + R(P / 2) - M(w),   R: core_stirling.h
 *   M'' = V,   V' = D V,   D' = -P V,      M(0) = M'(0) = 0, V(0) = 1, D(0) = Q
 *
 * The differential equation is phi'' = -V made explicit: V is d^2 / P times the variance of a
 * Bernoulli variable with log odds that move by d w, D is d times its skew. phi is concave and its
 * mode is 0; W turns to -W with Q to -Q.
 *
 * M and its derivatives in (Q, log P), two ways. For |d w| < 0.7 the power series in w that the
 * equations give, whose coefficients are polynomials in Q and P: no division, smooth at 0. Beyond,
 * with z = sign(Q) d w, p = P / (d (d + |Q|)) <= 1/2 and E = e^z - 1,
 *   M = 2 / (d (d + |Q|)) (B - z),       B = log(1 + p E) / p
 *   M' = 2 sign(Q) / (d + |Q|) (g - 1),  g = B_z = e^z / (1 + p E)
 *   V = e^z / (1 + p E)^2 = (g - p g^2) / (1 - p)
 * in which p may vanish. B_p and B_pp come from the series of log(1 + x) / x where x = p E is small.
 *
 * Tails as in core_tail.h, with psi = M(w) - M(w +- s).
 *
 * References: Prentice (1975), doi:10.1093/biomet/62.3.607; Cox (2008), doi:10.1002/sim.3159.
 */
#ifndef SR_MODEL_GENF_H
#define SR_MODEL_GENF_H
#include "model_location.h"

/* shape = (Q, log P), then what sr_genf_prepare() left */
void sr_genf_prepare(double *shape);
void sr_genf_row(double w, const double *shape, int order, int wants_haz, sr_small_jet *cum,
                 sr_small_jet *haz);
extern const sr_cells sr_genf_cells;

#endif
