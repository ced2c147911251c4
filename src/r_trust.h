/* r_trust.h -- what a search for a maximum (core_optim_trust.h) takes from R and gives back
 *
 * A list of results begins with the ten SR_TRUST_NAMES; what a model adds stands behind them.
 */
#ifndef SR_R_TRUST_H
#define SR_R_TRUST_H
#include "core_optim_trust.h"
#include <R.h>
#include <Rinternals.h>

#define SR_TRUST_NAMES                                                                       \
    "coefficients", "gradient", "info", "var", "flat", "loglik", "gap", "iter", "converged", \
        "definite"
enum { SR_TRUST_COUNT = 10 };

/* P parameters; fixed may be NULL */
sr_trust_control sr_trust_control_from_r(SEXP fixed, SEXP max_iter, SEXP eps, size_t P);

/* Room for the results in the list, which stands at the start `init` */
sr_trust_result sr_trust_open(SEXP list, SEXP init, size_t P);
/* What is not an array, into the list */
void sr_trust_close(SEXP list, const sr_trust_result *result);
#endif
