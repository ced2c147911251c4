/* model_finegray_search.h -- the model at given coefficients: risks, sums over risk sets, hazards
 *
 * What the search for the maximum and all that follows it (variance, curves, the test of
 * proportionality) work in. Columns are centred at their means, so eta is too.
 */
#ifndef SR_MODEL_FINEGRAY_SEARCH_H
#define SR_MODEL_FINEGRAY_SEARCH_H
#include "model_finegray_scores.h"

typedef struct {
    sr_fg_model model;
    sr_cox_scaling scaling;
    sr_columns x; /* centred */
    double *beta, *eta, *risk, *shift;
    double *tail; /* [n] hazard that a late row meets after its own event */
    sr_risk_sums sums;
    sr_arena means; /* of S1 and D1, which may be given back before the rest */
    sr_cum_hazard hazard;
} sr_fg_search;

/* Sets n_time_merged, n_time_distinct and bad_row of `fit`; eta and tail stand in its eta and
 * martingale where it has them. Whatever it answers, the search must be closed. */
sr_status sr_fg_search_open(sr_context *ctx, const sr_fg_data *data, const sr_cox_control *control,
                            sr_fg_search *out, sr_fg_fit *fit);
void sr_fg_search_close(sr_fg_search *s);
/* Risks, sums (S1 unless has_x is 0) and log-likelihood at s->beta */
sr_status sr_fg_search_sums(sr_context *ctx, sr_fg_search *s, int has_x, double *loglik);
/* Hazards from these sums, in `hazard` and `tail`; `mark` [n_slot] a factor a step, or NULL */
sr_status sr_fg_search_hazards(sr_context *ctx, sr_fg_search *s, const double *mark);
/* Both at these coefficients, with S1 */
sr_status sr_fg_search_at(sr_context *ctx, sr_fg_search *s, const double *coef);
/* What eta lacks for its centring: sum of mean_j beta_j */
double sr_fg_search_constant(const sr_fg_search *s);

/* The hazard that row i meets */
static inline double sr_fg_row_hazard(const sr_fg_search *s, size_t i)
{
    return sr_row_hazard(&s->model.rs, &s->hazard, i) + s->tail[i];
}

/* sum of w_i delta_i mark_i z_i - r_i H_i z_i, and sum of r_i H_i z_i z_i' less the part of the
 * means, for the hazards there; mark as above. score[p], info[p x p]. */
sr_status sr_fg_search_information(sr_context *ctx, sr_fg_search *s, const double *mark,
                                   double *score, double *info);
/* The scores of the rows; S1 and hazards as sr_fg_search_at() leaves them. Gives S1 back, unless
 * keeps_sums; then path.mean is made too, which the rows need with Efron's cells only. */
sr_status sr_fg_search_scores(sr_context *ctx, sr_fg_search *s, const sr_fg_robust *robust,
                              int keeps_sums, sr_fg_scores *out);
#endif
