/* model_link.c -- see model_link.h
 *
 * odds:    p = F = 1 / (1 + e^-w), q = 1 - p, H = log(1 + e^w);  dH/dw = p
 *   c_w = p / H        c_ww = p q / H - (p / H)^2        l = log p,  l_w = q,  l_ww = -p q
 *   Far to the left H -> e^w and c_ww = -e^w / 2 + 5 e^2w / 6 - ..., taken from the series there.
 * normal:  m = phi(w) / Phi(-w), H = -log Phi(-w);  dH/dw = m,  m' = m^2 - w m
 *   c_w = m / H        c_ww = m' / H - (m / H)^2         l = log m,  l_w = m - w,  l_ww = m' - 1
 *   log Phi(-w) and m come from core_special.h. Far to the left H = Phi(w) (1 + Phi(w) / 2 + ...)
 *   underflows, but c does not: c = log Phi(w), c_w = phi(w) / Phi(w) = m(-w), c_ww = -m'(-w).
 */
#include "model_link.h"
#include "core_special.h"
#include <math.h>

static sr_link_point odds_at(double w)
{
    sr_link_point at;
    const double tail = exp(-fabs(w)), large = 1 / (1 + tail), small = tail * large;
    const double p = w > 0 ? large : small, q = w > 0 ? small : large;
    const double H = w > 0 ? w + log1p(tail) : log1p(tail);
    at.c = w < -40 ? w : log(H);
    at.c_w = w < -40 ? 1 : p / H;
    at.c_ww = w < -12 ? -tail * (0.5 - 5 * tail / 6) : p * q / H - at.c_w * at.c_w;
    at.l = w > 0 ? -log1p(tail) : w - log1p(tail);
    at.l_w = q;
    at.l_ww = -p * q;
    return at;
}

static sr_link_point normal_at(double w)
{
    sr_link_point at;
    const sr_normal_tail upper = sr_normal_upper_tail(w);
    if (w < -8) { /* H = F to the last digit */
        const sr_normal_tail lower = sr_normal_upper_tail(-w);
        at.c = lower.log_tail;
        at.c_w = lower.hazard;
        at.c_ww = -lower.slope;
    } else {
        const double H = -upper.log_tail;
        at.c = log(H);
        at.c_w = upper.hazard / H;
        at.c_ww = upper.slope / H - at.c_w * at.c_w;
    }
    at.l = upper.log_hazard;
    at.l_w = upper.excess;
    at.l_ww = upper.slope - 1;
    return at;
}

sr_link_point sr_link_at(sr_link link, double w)
{
    switch (link) {
    case SR_LINK_ODDS:
        return odds_at(w);
    case SR_LINK_NORMAL:
        return normal_at(w);
    default:
        return (sr_link_point){.c = w, .c_w = 1, .c_ww = 0, .l = w, .l_w = 1, .l_ww = 0};
    }
}
