/* core_special.c -- see core_special.h */
#include "core_special.h"
#include <math.h>

static const double HALF_LOG_2PI = 0.91893853320467274178032973640562;
static const double ROOT_HALF = 0.70710678118654752440084436210485;

/* 1 / (w + 2 / (w + 3 / ...)) for w >= 5, from the far end: 60 terms leave less than 1e-17 */
static double laplace_remainder(double w)
{
    double below = w;
    for (int k = 60; k > 1; k--)
        below = w + k / below;
    return 1 / below;
}

sr_normal_tail sr_normal_upper_tail(double w)
{
    sr_normal_tail tail;
    const double log_density = -w * w / 2 - HALF_LOG_2PI;
    if (w > 5) {
        tail.excess = laplace_remainder(w);
        tail.hazard = w + tail.excess;
        tail.log_hazard = log(tail.hazard);
        tail.log_tail = log_density - tail.log_hazard;
    } else {
        const double other = erfc(fabs(w) * ROOT_HALF) / 2;
        tail.log_tail = w > 0 ? log(other) : log1p(-other);
        tail.log_hazard = log_density - tail.log_tail;
        tail.hazard = exp(tail.log_hazard);
        tail.excess = tail.hazard - w;
    }
    tail.slope = tail.hazard * tail.excess;
    return tail;
}
