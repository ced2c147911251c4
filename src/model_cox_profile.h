/* model_cox_profile.h -- limits of a coefficient by its profile likelihood
 *
 * See model_cox_profile.c.
 */
#ifndef SR_MODEL_COX_PROFILE_H
#define SR_MODEL_COX_PROFILE_H
#include "model_cox.h"

/* For each of the columns which[]: the values below and above the estimate where twice the fall of
 * the profile log-likelihood is quantile^2; -Inf, Inf where it never falls that far. */
typedef struct {
    const double *coef; /* [p] the maximum-likelihood estimate, no column aliased */
    size_t n_which;
    const int *which; /* [n_which] columns, from 0 */
    double quantile;
    double *lower, *upper; /* [n_which] caller's room */
} sr_profile_limits;

/* control->is_centred as for the fit, max_iter and eps of each constrained fit. */
sr_status sr_cox_profile(sr_context *ctx, const sr_cox_data *data, const sr_cox_control *control,
                         const sr_profile_limits *wanted);
#endif
