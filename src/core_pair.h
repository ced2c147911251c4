/* core_pair.h -- a sum kept in two doubles
 *
 * high + low takes up `value` without loss (two-sum: Knuth, The Art of Computer
 * Programming 2, 4.2.2): `low` collects what rounding would drop, about 32 digits.
 */
#ifndef SR_CORE_PAIR_H
#define SR_CORE_PAIR_H

static inline void sr_add_exactly(double *high, double *low, double value)
{
    const double sum = *high + value, part = sum - *high;
    *low += (*high - (sum - part)) + (value - part);
    *high = sum;
}

#endif
