/* model_family_loglogistic.c -- the odds of an event by t are (t / e^mu)^k
 *
 *   theta = (mu, log k),  w = k (log t - mu) = logit F      (model_link.h)
 *
 * survreg's scale is 1 / k; flexsurv's shape is k, its scale e^mu.
 */
#include "model_link.h"
#include "model_location.h"

static void eval_row(double w, const double *shape, int order, int wants_haz, sr_small_jet *cum,
                     sr_small_jet *haz)
{
    (void)shape;
    (void)order;
    (void)wants_haz;
    const sr_link_point at = sr_link_at(SR_LINK_ODDS, w);
    *cum = (sr_small_jet){at.c, {at.c_w}, {at.c_ww}};
    *haz = (sr_small_jet){at.l, {at.l_w}, {at.l_ww}};
}

static void eval(const sr_hazard *hazard, const sr_hazard_rows *rows, sr_jet *cum, sr_jet *haz)
{
    static const sr_location location = {.n_shape = 0, .is_inverse = 1, .eval = eval_row};
    (void)hazard;
    sr_location_eval(&location, rows, cum, haz);
}

SR_REGISTER_FAMILY(eval, "loglogistic", 4, SR_THETA(2, 2))
