/* core_stirling.c -- see core_stirling.h */
#include "core_stirling.h"
#include <math.h>

/* of q, q^3, q^5, ...: Bernoulli's numbers B_2n / (2n (2n - 1)) */
enum { N_TERM = 9 };
static const double coefficient[N_TERM] = {1.0 / 12,    -1.0 / 360,       1.0 / 1260,
                                           -1.0 / 1680, 1.0 / 1188,       -691.0 / 360360,
                                           1.0 / 156,   -3617.0 / 122400, 43867.0 / 244188};

static void from_series(double q, double out[3])
{
    const double q2 = q * q;
    double value = 0, first = 0, second = 0;
    for (int degree = N_TERM - 1; degree >= 0; degree--) {
        const double power = 2 * degree + 1;
        value = value * q2 + coefficient[degree];
        first = first * q2 + power * coefficient[degree];
        if (degree > 0)
            second = second * q2 + power * (power - 1) * coefficient[degree];
    }
    out[0] = value * q;
    out[1] = first;
    out[2] = second * q;
}

void sr_stirling_rest(double q, double out[3])
{
    if (q <= 0.1) {
        from_series(q, out);
        return;
    }
    double k = 1 / q, r = 0, r_first = 0, r_second = 0;
    const double k0 = k;
    for (; k < 10; k++) {
        const double product = k * (k + 1), step = log1p(1 / k);
        r += (k + 0.5) * step - 1;
        r_first += step - (k + 0.5) / product;
        r_second += 0.5 / (product * product);
    }
    double rest[3];
    from_series(1 / k, rest);
    r += rest[0];
    r_first -= rest[1] / (k * k);
    r_second += (rest[2] / k + 2 * rest[1]) / (k * k * k);
    out[0] = r;
    out[1] = -k0 * k0 * r_first;
    out[2] = k0 * k0 * k0 * (k0 * r_second + 2 * r_first);
}
