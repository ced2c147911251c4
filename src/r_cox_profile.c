/* r_cox_profile.c -- .Call("cox_profile"): see cox_profile() in R/cox-confint.R */
#include "model_cox_profile.h"
#include "r_data.h"

/* which: 0-based columns. Returns a matrix with lower and upper limits in its columns. */
SEXP r_cox_profile(SEXP bundle, SEXP is_efron, SEXP coef, SEXP is_centred, SEXP which,
                   SEXP quantile)
{
    sr_cox_data data;
    sr_data_from_r(bundle, &data);
    const R_xlen_t p = (R_xlen_t)data.x.p, n_which = XLENGTH(which);
    if (TYPEOF(coef) != REALSXP || XLENGTH(coef) != p)
        Rf_error("survresist, internal: `coef` must be %lld doubles", (long long)p);
    if (TYPEOF(is_centred) != LGLSXP || XLENGTH(is_centred) != p || TYPEOF(which) != INTSXP)
        Rf_error("survresist, internal: `is_centred` must be %lld logicals", (long long)p);
    for (R_xlen_t c = 0; c < n_which; c++)
        if (INTEGER(which)[c] < 0 || INTEGER(which)[c] >= p)
            Rf_error("survresist, internal: `which` must be columns of `x`");
    const sr_cox_control control = {
        .is_efron = Rf_asLogical(is_efron) == TRUE,
        .max_iter = 50,
        .eps = 1e-12,
        .tol_chol = 1e-12,
        .is_centred = LOGICAL(is_centred),
    };
    SEXP limits = PROTECT(Rf_allocMatrix(REALSXP, (int)n_which, 2));
    const sr_profile_limits wanted = {REAL(coef),          (size_t)n_which, INTEGER(which),
                                      Rf_asReal(quantile), REAL(limits),    REAL(limits) + n_which};
    sr_context ctx;
    sr_context_open(&ctx);
    sr_context_close(&ctx, sr_cox_profile(&ctx, &data, &control, &wanted));
    UNPROTECT(1);
    return limits;
}
