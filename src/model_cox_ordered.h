/* model_cox_ordered.h -- likelihood, score and information where rows stand in slot order
 *
 * For many slots and nobody entering late. Reads the covariates twice an evaluation, stores no sum
 * but S0, and lets threads meet three times. The results are those of model_cox_sums.c and
 * model_cox_info.c, whose formulas hold here.
 */
#ifndef SR_MODEL_COX_ORDERED_H
#define SR_MODEL_COX_ORDERED_H
#include "model_cox_view.h"

/* Rows in the order of their slots, nobody entering late, strata long enough to be worth a block */
int sr_cox_is_in_order(const sr_riskset *rs);

/* At v->beta; score[p], info[p x p]. Sets v->risk and S0, D0 of v->sums. *is_done is false, and
 * none of them holds, where some eta is too large for exp. score and info are left alone where *f
 * is not finite. */
sr_status sr_cox_evaluate_in_order(sr_context *ctx, sr_cox_view *v, double *f, double *score,
                                   double *info, int *is_done);
#endif
