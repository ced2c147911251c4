/* core_exp.h -- the exponential of many numbers at once
 *
 * exp(x) = 2^k exp(r), k the nearest whole number to x / log 2, |r| <= log(2) / 2.
 * k comes from adding 1.5 2^52, which leaves it in the low bits; r from log 2 in
 * two parts (Cody and Waite 1980); exp(r) from its Taylor series to r^13, whose
 * remainder is below 2^-57. No call, no branch: the compiler makes it as wide as
 * the machine. Within 2 units of the last place of libm on [-708, 709].
 */
#ifndef SR_CORE_EXP_H
#define SR_CORE_EXP_H
#include <stddef.h>

/* x[i] becomes exp(x[i]); below -708 it stays at exp(-708), about 3e-308. Above 709: +Inf or NaN;
 * the caller keeps x below that. */
void sr_exp_block(size_t n, double *x);
#endif
