/* core_exp.h -- the exponential and the logarithm of many numbers at once
 *
 * exp(x) = 2^k exp(r), k the nearest whole number to x / log 2, |r| <= log(2) / 2.
 * k comes from adding 1.5 2^52, which leaves it in the low bits; r from log 2 in
 * two parts (Cody and Waite 1980); exp(r) from its Taylor series to r^13, whose
 * remainder is below 2^-57. No call, no branch: the compiler makes it as wide as
 * the machine. Within 2 units of the last place of libm on [-708, 709].
 *
 * expm1(x) = 2^k expm1(r) + (2^k - 1) by the same series: where k is 0 it keeps its digits.
 *
 * log(x) = e log 2 + log(m), x = 2^e m, m in [sqrt(1/2), sqrt 2), with s = (m - 1) / (m + 1) and
 * log m = 2 (s + s^3 / 3 + ... + s^21 / 21), whose remainder is below 2^-59 of it. Within 4 units
 * of the last place of libm for normal numbers.
 */
#ifndef SR_CORE_EXP_H
#define SR_CORE_EXP_H
#include <stddef.h>

/* x[i] becomes exp(x[i]); below -708 it stays at exp(-708), about 3e-308, above 709 at exp(709),
 * about 8e307. A NaN becomes a number: it is the caller who knows of it. */
void sr_exp_block(size_t n, double *x);

/* x[i] becomes e^x[i] - 1, for x in [-708, 708] */
void sr_expm1_block(size_t n, double *x);

/* x[i] becomes log x[i], for normal positive x */
void sr_log_block(size_t n, double *x);
#endif
