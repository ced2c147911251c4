/* model_family_gengamma.c -- log T = mu + sigma W, W standardised generalised gamma with shape Q
 *
 *   theta = (mu, log sigma, Q),   w = (log t - mu) / sigma
 *
 * All of it is in model_gengamma.h. flexsurv's gengamma has the same parameters. Q = 0 is the
 * lognormal, Q = 1 the Weibull (k = 1 / sigma), Q = -1 its reciprocal, Q = sigma the gamma.
 */
#include "model_gengamma.h"

static void eval(const sr_hazard *hazard, const sr_hazard_rows *rows, sr_jet *cum, sr_jet *haz)
{
    static const sr_location location = {.n_shape = 1,
                                         .is_inverse = 0,
                                         .eval = sr_gengamma_row,
                                         .prepare = sr_gengamma_prepare,
                                         .cells = &sr_gengamma_cells};
    (void)hazard;
    sr_location_eval(&location, rows, cum, haz);
}

SR_REGISTER_FAMILY(eval, "gengamma", 8, SR_THETA(3, 3))
