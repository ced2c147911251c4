/* r_cox_firth.c -- .Call("cox_firth"): Firth's penalised likelihood; see R/cox-firth.R */
#include "model_cox_firth.h"
#include "r_fit.h"

static sr_status firth_kernel(sr_context *ctx, const sr_cox_data *data,
                              const sr_cox_control *control, const void *fixed, sr_cox_fit *fit)
{
    return sr_cox_firth_fit(ctx, data, control, fixed, fit);
}

SEXP r_cox_firth(SEXP bundle, SEXP is_efron, SEXP init, SEXP max_iter, SEXP eps, SEXP tol_chol,
                 SEXP is_centred, SEXP tolerance, SEXP fixed)
{
    if (fixed != R_NilValue && (TYPEOF(fixed) != LGLSXP || XLENGTH(fixed) != XLENGTH(is_centred)))
        Rf_error("survresist, internal: `fixed` must be a logical for each column");
    const sr_fit_args args = {bundle, is_efron, init,       max_iter,
                              eps,    tol_chol, is_centred, tolerance};
    return sr_fit_to_r(firth_kernel, fixed == R_NilValue ? NULL : LOGICAL(fixed), &args);
}
