/* model_family_loglogistic.c -- the odds of an event by t are (t / e^mu)^k
 *
 *   theta = (mu, log k),  w = k (log t - mu),  p = F = 1 / (1 + e^-w),  q = 1 - p
 *   H = log(1 + e^w),   c = log H
 *   c_w = p / H,        c_ww = p q / H - (p / H)^2
 *   l = log h_W = log p,   l_w = q,   l_ww = -p q
 *
 * survreg's scale is 1 / k; flexsurv's shape is k, its scale e^mu. Far to the left H -> e^w and
 * c_ww = -e^w / 2 + 5 e^2w / 12 - ..., taken from the series there.
 */
#include "model_location.h"
#include <math.h>

static void eval_row(double w, const double *shape, int order, int wants_haz, sr_small_jet *cum,
                     sr_small_jet *haz)
{
    (void)shape;
    (void)order;
    const double tail = exp(-fabs(w)), large = 1 / (1 + tail), small = tail * large;
    const double p = w > 0 ? large : small, q = w > 0 ? small : large;
    const double H = w > 0 ? w + log1p(tail) : log1p(tail);
    if (w < -40) {
        cum->value = w;
        cum->first[0] = 1;
    } else {
        cum->value = log(H);
        cum->first[0] = p / H;
    }
    cum->second[0] =
        w < -12 ? -tail * (0.5 - 5 * tail / 12) : p * q / H - cum->first[0] * cum->first[0];
    if (!wants_haz)
        return;
    haz->value = w > 0 ? -log1p(tail) : w - log1p(tail);
    haz->first[0] = q;
    haz->second[0] = -p * q;
}

static void eval(const sr_hazard *hazard, const sr_hazard_rows *rows, sr_jet *cum, sr_jet *haz)
{
    static const sr_location location = {.n_shape = 0, .is_inverse = 1, .eval = eval_row};
    (void)hazard;
    sr_location_eval(&location, rows, cum, haz);
}

SR_REGISTER_FAMILY(eval, "loglogistic")
