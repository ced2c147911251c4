/* core_dual.h -- arithmetic on numbers that carry their derivatives in two variables
 *
 * (value; d/da, d/db; d2/da2, d2/da db, d2/db2). Sums, products and functions.
 */
#ifndef SR_CORE_DUAL_H
#define SR_CORE_DUAL_H

typedef struct {
    double value, a, b, aa, ab, bb;
} sr_dual;

static inline sr_dual sr_dual_constant(double value)
{
    return (sr_dual){value, 0, 0, 0, 0, 0};
}

/* x + weight y */
static inline sr_dual sr_dual_add(sr_dual x, double weight, sr_dual y)
{
    return (sr_dual){x.value + weight * y.value, x.a + weight * y.a,   x.b + weight * y.b,
                     x.aa + weight * y.aa,       x.ab + weight * y.ab, x.bb + weight * y.bb};
}

static inline sr_dual sr_dual_scale(double weight, sr_dual x)
{
    return sr_dual_add(sr_dual_constant(0), weight, x);
}

static inline sr_dual sr_dual_multiply(sr_dual x, sr_dual y)
{
    return (sr_dual){x.value * y.value,
                     x.a * y.value + x.value * y.a,
                     x.b * y.value + x.value * y.b,
                     x.aa * y.value + 2 * x.a * y.a + x.value * y.aa,
                     x.ab * y.value + x.a * y.b + x.b * y.a + x.value * y.ab,
                     x.bb * y.value + 2 * x.b * y.b + x.value * y.bb};
}

/* f(x) with f, f', f'' at x.value */
static inline sr_dual sr_dual_apply(sr_dual x, double f, double slope, double curve)
{
    return (sr_dual){f,
                     slope * x.a,
                     slope * x.b,
                     slope * x.aa + curve * x.a * x.a,
                     slope * x.ab + curve * x.a * x.b,
                     slope * x.bb + curve * x.b * x.b};
}

static inline sr_dual sr_dual_inverse(sr_dual x)
{
    const double f = 1 / x.value;
    return sr_dual_apply(x, f, -f * f, 2 * f * f * f);
}

/* f(x, y), where `of` holds f and its derivatives in its two arguments */
static inline sr_dual sr_dual_compose(sr_dual of, sr_dual x, sr_dual y)
{
    return (sr_dual){
        of.value,
        of.a * x.a + of.b * y.a,
        of.a * x.b + of.b * y.b,
        of.a * x.aa + of.b * y.aa + of.aa * x.a * x.a + 2 * of.ab * x.a * y.a + of.bb * y.a * y.a,
        of.a * x.ab + of.b * y.ab + of.aa * x.a * x.b + of.ab * (x.a * y.b + x.b * y.a) +
            of.bb * y.a * y.b,
        of.a * x.bb + of.b * y.bb + of.aa * x.b * x.b + 2 * of.ab * x.b * y.b + of.bb * y.b * y.b};
}

#endif
