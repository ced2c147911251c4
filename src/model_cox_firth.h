/* model_cox_firth.h -- Firth's penalised partial likelihood
 *
 * The likelihood times the root of the information's determinant (Jeffreys' prior): its maximum
 * exists where the plain one is infinite, and has less bias. See model_cox_firth.c.
 */
#ifndef SR_MODEL_COX_FIRTH_H
#define SR_MODEL_COX_FIRTH_H
#include "model_cox.h"

/* Maximises l(beta) + log det I(beta) / 2, the coefficients with fixed[j] != 0 held at their start
 * (fixed NULL: none). The determinant is always that of all columns that are not aliased, so that
 * fits with different `fixed` compare. `fit` is filled as by sr_cox_fit_newton: loglik penalised, I
 * in the units of x; var the inverse of I (of its free block); score the penalised gradient, with
 * the fixed coefficients' entries too. */
sr_status sr_cox_firth_fit(sr_context *ctx, const sr_cox_data *data, const sr_cox_control *control,
                           const int *fixed, sr_cox_fit *fit);
#endif
