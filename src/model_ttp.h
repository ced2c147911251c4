/* model_ttp.h -- the log likelihood of a parametric hazard, and its maximum
 *
 * Row i has a linear predictor eta_i = offset_i + x_i'beta and parameters of the hazard
 *
 *   theta_ki = gamma_k,stratum(i) + sum of its further columns z_ij gamma_j
 *
 * Its contribution l_i(eta, theta) is that of model_censor.h. With the row's derivatives u = dl/dz
 * and W = -d2l/dz dz' in z = (eta, theta_1 .. theta_K), a coefficient that enters slot a by a
 * column x_j has score sum_i u_a x_j, and two of them have information sum_i W_ab x_j x_k: cross-
 * products of columns, weighted by row. Chunks of rows have sums of their own, which are added in
 * order: the same bits for any number of threads. O(n (P^2 + cost of the family)).
 *
 * A quadratic penalty  -|root coef|^2 / 2  may be taken off.
 *
 * Order of the P coefficients:  beta [p];  gamma [n_stratum x K], one stratum after the other;
 * the further columns' [n_extra].
 */
#ifndef SR_MODEL_TTP_H
#define SR_MODEL_TTP_H
#include "core_optim_trust.h"
#include "model_censor.h"

/* A covariate of theta_slot, slot 1..K */
typedef struct {
    size_t slot;
    const double *column; /* [n] */
} sr_ttp_extra;

typedef struct {
    sr_columns x;          /* n rows, p columns, neither centred nor scaled */
    const double *offset;  /* [n] or NULL */
    const double *weights; /* [n] or NULL */
    const int *stratum;    /* [n] from 0, or NULL */
    size_t n_stratum;      /* at least 1 */
    const sr_ttp_extra *extra;
    size_t n_extra;
    sr_censored times;
    sr_hazard hazard;
    const double *penalty_root; /* [P x P], column j at j * P; or NULL */
} sr_ttp_data;

size_t sr_ttp_n_par(const sr_ttp_data *data);

/* Log likelihood, less the penalty; gradient [P] and information [P x P], both or neither (NULL).
 * f is not finite where a hazard does not exist. */
sr_status sr_ttp_value(sr_context *ctx, const sr_ttp_data *data, const double *coef, double *f,
                       double *gradient, double *info);

/* Per row: log likelihood [n], not weighted, and derivatives in (eta, theta) [n x (1 + K)]. */
sr_status sr_ttp_rows(sr_context *ctx, const sr_ttp_data *data, const double *coef, double *value,
                      double *score);

/* The maximum from result->theta on, by sr_trust() on the log likelihood over the mean weight:
 * result->scaled_gradient counts standard errors as if weights had the mean 1. Columns of x that
 * depend on earlier ones and the intercept have to be held fixed by the caller. */
sr_status sr_ttp_fit(sr_context *ctx, const sr_ttp_data *data, const sr_trust_control *control,
                     sr_trust_result *result);
#endif
