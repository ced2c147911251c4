/* core_stirling.h -- what Stirling's formula leaves of log Gamma, regular at infinity
 *
 *   r(k) = log Gamma(k) - (k - 1/2) log k + k - log(2 pi) / 2 = 1 / (12 k) - 1 / (360 k^3) + ...
 *
 * as a function R of q = 1 / k >= 0, with R(0) = 0, and its first two derivatives in q: densities
 * that have Gamma(1 / Q^2) as a constant (generalised gamma and F) are smooth through Q = 0 when
 * it is written so. For q <= 1/10 nine terms of the asymptotic series; otherwise k is raised to 10
 * or more by  r(k) - r(k + 1) = (k + 1/2) log(1 + 1 / k) - 1,  all of whose terms are positive.
 *
 * Reference: NIST Handbook of Mathematical Functions (2010), 5.11.1.
 */
#ifndef SR_CORE_STIRLING_H
#define SR_CORE_STIRLING_H

/* out: R, R', R'' at q >= 0 */
void sr_stirling_rest(double q, double out[3]);

#endif
