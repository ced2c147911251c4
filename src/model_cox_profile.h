/* model_cox_profile.h -- limits of a coefficient by its profile likelihood
 *
 * See model_cox_profile.c.
 */
#ifndef SR_MODEL_COX_PROFILE_H
#define SR_MODEL_COX_PROFILE_H
#include "model_cox.h"

/* coef[p]: the maximum-likelihood estimate, no column aliased. For each of the n_which columns
 * which[]: the values below and above the estimate where twice the fall of the profile
 * log-likelihood is quantile^2; -Inf, Inf where it never falls that far. lower[n_which],
 * upper[n_which]. control->is_centred as for the fit, max_iter and eps of each constrained fit. */
sr_status sr_cox_profile(sr_context *ctx, const sr_cox_data *data, const sr_cox_control *control,
                         const double *coef, size_t n_which, const int *which, double quantile,
                         double *lower, double *upper);
#endif
