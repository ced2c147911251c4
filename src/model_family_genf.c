/* model_family_genf.c -- log T = mu + sigma W, W standardised generalised F with shapes Q and P
 *
 *   theta = (mu, log sigma, Q, log P),   w = (log t - mu) / sigma
 *
 * All of it is in model_genf.h. flexsurv's genf has the same parameters. P -> 0 is the generalised
 * gamma; P = 1 and Q = 0 the log-logistic with shape sqrt(2) / sigma.
 */
#include "model_genf.h"

static void eval(const sr_hazard *hazard, const sr_hazard_rows *rows, sr_jet *cum, sr_jet *haz)
{
    static const sr_location location = {.n_shape = 2,
                                         .is_inverse = 0,
                                         .eval = sr_genf_row,
                                         .prepare = sr_genf_prepare,
                                         .cells = &sr_genf_cells};
    (void)hazard;
    sr_location_eval(&location, rows, cum, haz);
}

SR_REGISTER_FAMILY(eval, "genf", 16, SR_THETA(4, 4))
