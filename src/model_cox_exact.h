/* model_cox_exact.h -- the exact (discrete logistic) partial likelihood
 *
 * For tied deaths that are truly simultaneous: given that d of the subjects at
 * risk die, which d? See model_cox_exact.c for the derivation and the cost.
 */
#ifndef SR_MODEL_COX_EXACT_H
#define SR_MODEL_COX_EXACT_H
#include "model_cox.h"

/* Maximises the exact partial likelihood. Case weights of `data` are not used (each dies once).
 * `control->is_efron` is ignored; `fit` is filled as by sr_cox_fit_newton, the martingale residuals
 * with Breslow's hazard. SR_ERR_TOO_MANY_TIES: one pass would take more than about 1e14 steps. */
sr_status sr_cox_exact_fit(sr_context *ctx, const sr_cox_data *data, const sr_cox_control *control,
                           sr_cox_fit *fit);
#endif
