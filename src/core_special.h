/* core_special.h -- tails of distributions, as logs, with what their derivatives need
 *
 * The upper tail of the normal, Q(w) = 1 - Phi(w):
 *   log_tail   log Q(w)
 *   hazard     m = phi(w) / Q(w), Mills' ratio turned over
 *   log_hazard log m, finite where m underflows (w < -38)
 *   excess     m - w
 *   slope      m' = m (m - w)
 *
 * Q(w) = erfc(w / sqrt 2) / 2 while that is a normal number; beyond w = 5 Laplace's continued
 * fraction  Q / phi = 1 / (w + 1 / (w + 2 / (w + 3 / ...))), of which excess is the first
 * remainder, so nothing cancels. For w <= 0 log Q = log1p(-erfc(-w / sqrt 2) / 2).
 */
#ifndef SR_CORE_SPECIAL_H
#define SR_CORE_SPECIAL_H

typedef struct {
    double log_tail, hazard, log_hazard, excess, slope;
} sr_normal_tail;

sr_normal_tail sr_normal_upper_tail(double w);
#endif
