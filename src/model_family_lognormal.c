/* model_family_lognormal.c -- log T is normal with mean mu and standard deviation sigma
 *
 *   theta = (mu, log sigma),  w = (log t - mu) / sigma,  m(w) = phi(w) / Phi(-w) (the hazard of W)
 *   H = -log Phi(-w),      c = log H
 *   c_w = m / H,           c_ww = (m^2 - w m) / H - (m / H)^2     since m' = m^2 - w m
 *   l = log m,             l_w = m - w,    l_ww = m^2 - w m - 1
 *
 * survreg's and flexsurv's parameters are the same. Tails: log Phi(-w) and m come from
 * core_special.h. Far to the left, H = Phi(w) (1 + Phi(w) / 2 + ...) underflows, but c does not:
 * c = log Phi(w) + log(1 + Phi(w) / 2 ...), c_w = phi(w) / Phi(w) = m(-w), c_ww = m'(-w) negated.
 */
#include "core_special.h"
#include "model_location.h"
#include <math.h>

static void eval_row(double w, const double *shape, int order, int wants_haz, sr_small_jet *cum,
                     sr_small_jet *haz)
{
    (void)shape;
    (void)order;
    const sr_normal_tail upper = sr_normal_upper_tail(w);
    if (w < -8) { /* H = F to the last digit */
        const sr_normal_tail lower = sr_normal_upper_tail(-w);
        cum->value = lower.log_tail;
        cum->first[0] = lower.hazard;
        cum->second[0] = -lower.slope;
    } else {
        const double H = -upper.log_tail;
        cum->value = log(H);
        cum->first[0] = upper.hazard / H;
        cum->second[0] = upper.slope / H - cum->first[0] * cum->first[0];
    }
    if (!wants_haz)
        return;
    haz->value = upper.log_hazard;
    haz->first[0] = upper.excess;
    haz->second[0] = upper.slope - 1;
}

static void eval(const sr_hazard *hazard, const sr_hazard_rows *rows, sr_jet *cum, sr_jet *haz)
{
    static const sr_location location = {.n_shape = 0, .is_inverse = 0, .eval = eval_row};
    (void)hazard;
    sr_location_eval(&location, rows, cum, haz);
}

SR_REGISTER_FAMILY(eval, "lognormal")
