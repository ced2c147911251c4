/* r_trust.c -- see r_trust.h */
#include "r_trust.h"
#include "r_data.h"
#include <string.h>

enum { COEF, GRADIENT, INFO, VAR, FLAT, LOGLIK, GAP, ITER, CONVERGED, DEFINITE };

sr_trust_control sr_trust_control_from_r(SEXP fixed, SEXP max_iter, SEXP eps, size_t P)
{
    return (sr_trust_control){.max_iter = Rf_asInteger(max_iter),
                              .eps = Rf_asReal(eps),
                              .fixed = sr_integers_or_null(fixed, P, "fixed")};
}

sr_trust_result sr_trust_open(SEXP list, SEXP init, size_t P)
{
    const double *const start = sr_doubles_or_null(init, P, "init");
    sr_trust_result result = {.theta = sr_put_vector(list, COEF, P),
                              .gradient = sr_put_vector(list, GRADIENT, P),
                              .info = sr_put_matrix(list, INFO, P, P),
                              .inverse = sr_put_matrix(list, VAR, P, P),
                              .flat = sr_put_vector(list, FLAT, P)};
    if (start == NULL)
        Rf_error("survresist, internal: `init` must be given");
    memcpy(result.theta, start, P * sizeof(double));
    return result;
}

void sr_trust_close(SEXP list, const sr_trust_result *result)
{
    double *const loglik = sr_put_vector(list, LOGLIK, 2);
    loglik[0] = result->f_start;
    loglik[1] = result->f;
    SET_VECTOR_ELT(list, GAP, Rf_ScalarReal(result->scaled_gradient));
    SET_VECTOR_ELT(list, ITER, Rf_ScalarInteger(result->n_iter));
    SET_VECTOR_ELT(list, CONVERGED, Rf_ScalarLogical(result->is_converged));
    SET_VECTOR_ELT(list, DEFINITE, Rf_ScalarLogical(result->is_definite));
}
