/* model_cox_layout.h -- what every likelihood of the Cox family does before and after its search
 *
 * Before: merge times that differ by rounding, lay out the risk sets, measure the columns' middle
 * and scale. The search runs in theta = beta / scale, each likelihood choosing the centre that
 * keeps its digits, since none notices it. After: bring coefficients and their variance back to x,
 * and compute the linear predictor and the martingale residuals
 *
 *   eta_i = offset_i + sum_j (x_ij - mean_j) beta_j        m_i = event_i - exp(eta_i) H_i
 *
 * with mean_j = 0 where a column is not to be centred. Cost O(n p); memory is the arena's.
 */
#ifndef SR_MODEL_COX_LAYOUT_H
#define SR_MODEL_COX_LAYOUT_H
#include "model_cox.h"

typedef struct {
    double *mean;   /* [p] weighted mean of the column */
    double *spread; /* [p] weighted mean absolute deviation from it */
    double *scale;  /* [p] 1 / spread; 1 for a constant column and one with is_centred 0 */
} sr_cox_scaling;

/* Risk sets under control->tol_time. Sets n_time_merged, n_time_distinct, start and stop of `fit`,
 * bad_row with SR_ERR_INTERVAL. */
sr_status sr_cox_layout(sr_context *ctx, const sr_cox_data *data, const sr_cox_control *control,
                        int is_efron, sr_riskset *rs, sr_cox_fit *fit);

/* Can every number be used as it is? x, times, offset and weights finite, weights positive, events
 * 0 or 1, start before stop. O(n p), to be asked where nobody has looked before. */
int sr_cox_is_sound(sr_context *ctx, const sr_cox_data *data);

/* `weight` NULL: 1. is_centred [p] NULL: all columns are. The means are those of all columns. */
sr_status sr_cox_scaling_make(sr_context *ctx, const sr_cox_data *data, const double *weight,
                              const int *is_centred, sr_cox_scaling *out);

/* Where a search ended */
typedef struct {
    const sr_cox_scaling *scaling; /* theta = beta / scale */
    const double *theta;           /* [p] */
    const double *var, *score;     /* [p x p] variance of theta, [p] gradient there */
} sr_cox_found;

/* Fills coef, var, score, means, eta and martingale of `fit`. `rs` as laid out for the residuals
 * wanted. */
sr_status sr_cox_finish(sr_context *ctx, const sr_cox_data *data, const sr_cox_control *control,
                        const sr_riskset *rs, const sr_cox_found *found, sr_cox_fit *fit);
#endif
