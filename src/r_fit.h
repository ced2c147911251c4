/* r_fit.h -- one way from R's arguments to a fit of the Cox family and back
 *
 * Every kernel that fills an sr_cox_fit is called from R through sr_fit_to_r(), so that all of them
 * take the same arguments and return the same list (R/cox-data.R tells its elements).
 */
#ifndef SR_R_FIT_H
#define SR_R_FIT_H
#include "r_data.h"

typedef sr_status (*sr_fit_kernel)(sr_context *ctx, const sr_cox_data *data,
                                   const sr_cox_control *control, const void *extra,
                                   sr_cox_fit *fit);

/* bundle, init, is_centred, tolerance as cox_newton() hands them; the others scalars. `extra` goes
 * to the kernel untouched. */
typedef struct {
    SEXP bundle, is_efron, init, max_iter, eps, tol_chol, is_centred, tolerance;
} sr_fit_args;

SEXP sr_fit_to_r(sr_fit_kernel kernel, const void *extra, const sr_fit_args *args);

/* sr_cox_fit_newton as such a kernel; `unused` may be NULL. */
sr_status sr_newton_kernel(sr_context *ctx, const sr_cox_data *data, const sr_cox_control *control,
                           const void *unused, sr_cox_fit *fit);
#endif
