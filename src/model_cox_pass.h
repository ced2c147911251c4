/* model_cox_pass.h -- risk and risk-set sums in one pass over the rows
 *
 * For few slots (sr_few_slots_chunks): chunk by chunk, block by block, each row's linear predictor,
 * risk and contributions to its cell are made while its covariates are in the first cache, so that
 * X is read once and threads meet twice. The sums are those of sr_cox_risk and sr_cox_risk_sums.
 */
#ifndef SR_MODEL_COX_PASS_H
#define SR_MODEL_COX_PASS_H
#include "model_cox_view.h"

/* Sets v->risk and v->sums under v->beta, and *event_sum = sum_i w_i delta_i eta_i. *is_done is
 * false, and none of them holds, where some eta is too large or subtraction has eaten the digits of
 * a sum: then sr_cox_risk and sr_cox_risk_sums are asked. */
sr_status sr_cox_pass(sr_context *ctx, sr_cox_view *v, double *event_sum, int *is_done);
#endif
