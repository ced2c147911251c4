/* model_gengamma.h -- the log of a generalised gamma time, standardised
 *
 * W of log T = mu + sigma W (Prentice 1974, whose mode is 0) has the log density
 *
 *   phi(w; Q) = -log(2 pi) / 2 - R(Q^2) - w^2 e2(Q w)
 *   R(q) Stirling's rest of log Gamma(1 / q) (core_stirling.h),  R(0) = 0
 *   e1(z) = (e^z - 1) / z,  e2(z) = (e^z - 1 - z) / z^2,  e_k = (e_k-1 - 1 / (k-1)!) / z
 *
 * which is what  log|Q| + k log k - log Gamma(k) + k (Q w - e^Qw),  k = 1 / Q^2,  becomes when
 * the parts that grow as Q -> 0 are taken together; at Q = 0 it is the normal density. Derivatives:
 *   e_k' = e_k - k e_k+1,    phi_w = -w e1,    phi_Q = -R_Q - w^3 e2',   phi_QQ = -R_QQ - w^4 e2''
 *
 * -W has the law of W with -Q. So let y = |w|, q = Q for w >= 0 (tail: S), q = -Q for w < 0
 * (tail: F), and T the tail over the density. Two ways to T, both without cancellation.
 *
 * q > -0.2: core_tail.h with a = y e1(q y), b = e^qy,
 *   -psi(s) = a s + b s^2 e2(q s)
 *   -psi_y  = b s e1(q s)                       -psi_yy = q b s e1
 *   -psi_q  = y^2 e1'(q y) s + y b s^2 e2 + b s^3 e2'
 *   -psi_yq = y b s e1 + b s^2 e1'
 *   -psi_qq = y^3 e1''(q y) s + y^2 b s^2 e2 + 2 y b s^3 e2' + b s^4 e2''
 * a s <= -psi and b s^2 e2(q s) <= -psi bound the length of the integral, which one step of Newton
 * sharpens: with r = fall q^2 / b and u = |q| s the second is at its bound before
 * u = log(1 + r + sqrt(2 r)) where q > 0, u = r + sqrt(2 r) where q < 0.
 *
 * q = -p <= -0.2 (the exponential tail): Kummer's series of the incomplete gamma function,
 *   T = p sum_n A_n e^-npy,   A_n = 1 / prod_{j <= n} (1 + j p^2)
 * whose terms are positive; as p e^... = exp(psi_n), the moments of psi_n and its derivatives give
 * those of log T as in core_tail.h:
 *   psi_n = log p + log A_n - n p y,  B_n = d log A_n / dp,  C_n = dB_n / dp
 *
 * Far right, q y > 600: 1 / T -> b / q and log S -> -b / q^2 to the last digit, so that
 * c = q y - 2 log q and l = q y - log q. Far left, q y > 250, the same is log F: c and l are
 * -b / q^2.
 *
 * References: Prentice (1974), doi:10.1093/biomet/61.3.539; NIST Handbook 8.7.1.
 */
#ifndef SR_MODEL_GENGAMMA_H
#define SR_MODEL_GENGAMMA_H
#include "model_location.h"

/* shape[0] = Q; shape[SR_MOST_SHAPES ...] as sr_gengamma_prepare() left it */
void sr_gengamma_prepare(double *shape);
void sr_gengamma_row(double w, const double *shape, int order, int wants_haz, sr_small_jet *cum,
                     sr_small_jet *haz);
extern const sr_cells sr_gengamma_cells;

/* e2, e3 and e4 at z */
typedef struct {
    double e2, e3, e4;
} sr_exp_rest;
sr_exp_rest sr_exp_rest_at(double z);

#endif
