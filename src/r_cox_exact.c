/* r_cox_exact.c -- .Call("cox_exact"): the exact partial likelihood; see R/cox-exact.R */
#include "model_cox_exact.h"
#include "r_fit.h"

static sr_status exact_kernel(sr_context *ctx, const sr_cox_data *data,
                              const sr_cox_control *control, const void *unused, sr_cox_fit *fit)
{
    (void)unused;
    return sr_cox_exact_fit(ctx, data, control, fit);
}

SEXP r_cox_exact(SEXP bundle, SEXP init, SEXP max_iter, SEXP eps, SEXP tol_chol, SEXP is_centred,
                 SEXP tolerance)
{
    const sr_fit_args args = {.bundle = bundle,
                              .is_efron = R_NilValue,
                              .init = init,
                              .max_iter = max_iter,
                              .eps = eps,
                              .tol_chol = tol_chol,
                              .is_centred = is_centred,
                              .tolerance = tolerance};
    return sr_fit_to_r(exact_kernel, NULL, &args);
}
