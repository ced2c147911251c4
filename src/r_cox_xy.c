/* r_cox_xy.c -- .Call("cox_xy"): the fit of fit_cox_xy() for inputs that can be used as they are
 *
 * Returns what r_cox_fit returns, or NULL when something needs R's eye: another type, another
 * length, a value that is not sound. R then says what is wrong, or converts it and fits.
 */
#include "model_cox_layout.h"
#include "r_fit.h"
#include <string.h>

static int is_doubles(SEXP value, R_xlen_t n)
{
    return value == R_NilValue || (TYPEOF(value) == REALSXP && XLENGTH(value) == n);
}

/* Codes from 0 to n serve as strata; those that do not occur are empty ones. */
static int is_strata(SEXP value, R_xlen_t n)
{
    if (value == R_NilValue)
        return 1;
    if (TYPEOF(value) != INTSXP || XLENGTH(value) != n)
        return 0;
    const int *const code = INTEGER_RO(value);
    for (R_xlen_t i = 0; i < n; i++)
        if (code[i] < 0 || code[i] > n)
            return 0;
    return 1;
}

static int is_response(SEXP y)
{
    if (TYPEOF(y) != REALSXP || !Rf_isMatrix(y) || Rf_nrows(y) == 0 || Rf_ncols(y) < 2 ||
        Rf_ncols(y) > 3)
        return 0;
    SEXP type = Rf_getAttrib(y, Rf_install("type"));
    if (type == R_NilValue)
        return !Rf_isObject(y);
    if (TYPEOF(type) != STRSXP || XLENGTH(type) != 1)
        return 0;
    const char *const name = CHAR(STRING_ELT(type, 0));
    return strcmp(name, "right") == 0 || strcmp(name, "counting") == 0;
}

static int is_ready(SEXP bundle, SEXP init)
{
    SEXP x = VECTOR_ELT(bundle, 0), y = VECTOR_ELT(bundle, 1);
    if (!is_response(y) || TYPEOF(x) != REALSXP || !Rf_isMatrix(x) || Rf_nrows(x) != Rf_nrows(y))
        return 0;
    const R_xlen_t n = Rf_nrows(y);
    return is_strata(VECTOR_ELT(bundle, 2), n) && is_doubles(VECTOR_ELT(bundle, 3), n) &&
           is_doubles(VECTOR_ELT(bundle, 4), n) && is_doubles(init, Rf_ncols(x));
}

static int is_sound(SEXP bundle)
{
    sr_cox_data data;
    sr_context ctx;
    sr_data_from_r(bundle, &data);
    sr_context_open(&ctx);
    const int answer = sr_cox_is_sound(&ctx, &data);
    sr_context_close(&ctx, SR_OK);
    return answer;
}

SEXP r_cox_xy(SEXP bundle, SEXP is_efron, SEXP init, SEXP max_iter, SEXP eps, SEXP tol_chol,
              SEXP tolerance)
{
    if (!is_ready(bundle, init) || !is_sound(bundle))
        return R_NilValue;
    const R_xlen_t p = Rf_ncols(VECTOR_ELT(bundle, 0));
    SEXP is_centred = PROTECT(Rf_allocVector(LGLSXP, p));
    for (R_xlen_t j = 0; j < p; j++)
        LOGICAL(is_centred)[j] = 1;
    const sr_fit_args args = {bundle, is_efron, init,       max_iter,
                              eps,    tol_chol, is_centred, tolerance};
    SEXP fit = sr_fit_to_r(sr_newton_kernel, NULL, &args);
    UNPROTECT(1);
    return fit;
}
