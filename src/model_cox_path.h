/* model_cox_path.h -- what the event times add to a row's score and to a curve's variance
 *
 * Along the event times t_k of a stratum three things accumulate (z: covariates, S0, S1: sums of
 * r and r z over the risk set, D0, D1: over the m tied deaths, d: weight of the deaths):
 *
 *   H(t)   = sum dH_k                the cumulative hazard (sr_cox_cum_hazard)
 *   XH(t)  = sum xbar_k dH_k         the `drift`: the mean of z weighted by the hazard
 *   V(t)   = sum dH_k^2 / d_k        the variance of H(t) were beta known
 *
 * Breslow: dH = d / S0, xbar = S1 / S0. Efron: m steps with f = 0, 1/m, .. (m - 1)/m, each with
 *   h_f = (d/m) / (S0 - f D0),  mean_f = (S1 - f D1) / (S0 - f D0);
 *   dH = sum h_f,  xbar dH = sum mean_f h_f,  dV = sum h_f / (S0 - f D0),
 * and a tied death passes through (1 - f) of each step only. As every step is linear in S1 and D1,
 * a tied time costs O(m + p), not O(m p): six sums over f are enough.
 *
 * A row's part is a difference of two places, at its cell and at its entry; so the running sums
 * carry a low part (two-sum), and late entries lose no digits.
 */
#ifndef SR_MODEL_COX_PATH_H
#define SR_MODEL_COX_PATH_H
#include "model_cox.h"

/* By slot: the p values of one place are neighbours, since a row looks at one place at a time.
 * Slots without a time (the first of a stratum) hold 0. */
typedef struct {
    size_t p;
    double *variance;  /* [n_slot] V up to and with that slot */
    double *mean;      /* [n_slot x p] by row: xbar, over tied steps their mean; NULL: not wanted */
    double *drift;     /* [(n_slot + n_tied) x p] by row: XH at each cell; NULL for p = 0 */
    double *drift_low; /* the same, what rounding lost; NULL when no row enters late */
} sr_cox_path;

/* Room in the context's arena. */
sr_status sr_cox_path_take(sr_context *ctx, const sr_riskset *rs, size_t p, int is_mean_wanted,
                           sr_cox_path *out);
/* Fill it from sums over risk sets (S0, S1, D0, D1). O(n_slot p + deaths). */
sr_status sr_cox_path_fill(sr_context *ctx, const sr_riskset *rs, const sr_risk_sums *sums,
                           sr_cox_path *out);

/* Mean of every column within each stratum, centre[n_stratum x p] by row. */
sr_status sr_cox_stratum_means(sr_context *ctx, const sr_cox_data *data, int is_weighted,
                               double *centre);
#endif
