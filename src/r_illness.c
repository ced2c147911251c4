/* r_illness.c -- .Call("illness_fit"), "illness_value", "illness_rows": see R/ttp-illness.R
 *
 * The bundle is list(paths, hazards, kind, log_l, log_r, log_c, log_e, is_dead, weights, cut): paths
 * three bundles of r_ttp.c (01, 02, 12) and hazards three hazards (r_hazard.c); kind and is_dead
 * integer; log_e and weights double or NULL; cut double. level [n] integer from 0.
 */
#include "model_illness.h"
#include "r_data.h"
#include "r_trust.h"
#include "r_ttp.h"
#include <string.h>

enum { PATHS, HAZARDS, KIND, LOG_L, LOG_R, LOG_C, LOG_E, IS_DEAD, WEIGHTS, CUT, N_BUNDLE };

static const int *integers_of(SEXP value, size_t n, const char *what)
{
    const int *const found = sr_integers_or_null(value, n, what);
    if (found == NULL)
        Rf_error("survresist, internal: `%s` must be given", what);
    return found;
}

/* Levels are copied: the fit raises them. */
static void illness_from_r(SEXP bundle, SEXP level, sr_illness_data *out)
{
    if (TYPEOF(bundle) != VECSXP || XLENGTH(bundle) != N_BUNDLE)
        Rf_error("survresist, internal: the data must come from illness_bundle()");
    SEXP paths = VECTOR_ELT(bundle, PATHS), hazards = VECTOR_ELT(bundle, HAZARDS);
    const size_t n = (size_t)XLENGTH(VECTOR_ELT(bundle, KIND));
    *out = (sr_illness_data){.n = n};
    for (int k = 0; k < SR_N_PATH; k++) {
        sr_ttp_from_r(VECTOR_ELT(paths, k), VECTOR_ELT(hazards, k), &out->path[k]);
        if (out->path[k].times.n != n)
            Rf_error("survresist, internal: paths must have the rows of the data");
    }
    out->kind = integers_of(VECTOR_ELT(bundle, KIND), n, "kind");
    out->log_l = sr_doubles(VECTOR_ELT(bundle, LOG_L), n, "log_l");
    out->log_r = sr_doubles(VECTOR_ELT(bundle, LOG_R), n, "log_r");
    out->log_c = sr_doubles(VECTOR_ELT(bundle, LOG_C), n, "log_c");
    out->log_e = sr_doubles_or_null(VECTOR_ELT(bundle, LOG_E), n, "log_e");
    out->is_dead = integers_of(VECTOR_ELT(bundle, IS_DEAD), n, "is_dead");
    out->weight = sr_doubles_or_null(VECTOR_ELT(bundle, WEIGHTS), n, "weights");
    out->n_cut = (size_t)XLENGTH(VECTOR_ELT(bundle, CUT));
    out->cut = sr_doubles(VECTOR_ELT(bundle, CUT), out->n_cut, "cut");
    out->level = (int *)R_alloc(n, sizeof(int));
    memcpy(out->level, integers_of(level, n, "level"), n * sizeof(int));
}

static const char *const fit_names[] = {SR_TRUST_NAMES, "level", "change", NULL};
enum { LEVEL = SR_TRUST_COUNT, CHANGE };

SEXP r_illness_fit(SEXP bundle, SEXP level, SEXP init, SEXP fixed, SEXP max_iter, SEXP eps)
{
    sr_illness_data data;
    illness_from_r(bundle, level, &data);
    const size_t P = sr_illness_n_par(&data);
    const sr_trust_control control = sr_trust_control_from_r(fixed, max_iter, eps, P);
    SEXP list = PROTECT(sr_named_list(fit_names));
    sr_trust_result result = sr_trust_open(list, init, P);
    double change = 0;
    sr_context ctx;
    sr_context_open(&ctx);
    sr_context_close(&ctx, sr_illness_fit(&ctx, &data, &control, &result, &change));
    sr_trust_close(list, &result);
    SET_VECTOR_ELT(list, LEVEL, Rf_allocVector(INTSXP, (R_xlen_t)data.n));
    memcpy(INTEGER(VECTOR_ELT(list, LEVEL)), data.level, data.n * sizeof(int));
    SET_VECTOR_ELT(list, CHANGE, Rf_ScalarReal(change));
    UNPROTECT(1);
    return list;
}

static const char *const value_names[] = {"loglik", "gradient", "info", NULL};

/* Log likelihood, gradient and information at given coefficients and levels */
SEXP r_illness_value(SEXP bundle, SEXP level, SEXP coef)
{
    sr_illness_data data;
    illness_from_r(bundle, level, &data);
    const size_t P = sr_illness_n_par(&data);
    const double *const at = sr_doubles(coef, P, "coef");
    SEXP list = PROTECT(sr_named_list(value_names));
    double *const f = sr_put_vector(list, 0, 1), *const gradient = sr_put_vector(list, 1, P);
    double *const info = sr_put_matrix(list, 2, P, P);
    sr_context ctx;
    sr_context_open(&ctx);
    sr_context_close(&ctx, sr_illness_value(&ctx, &data, at, f, gradient, info));
    UNPROTECT(1);
    return list;
}

static const char *const rows_names[] = {"loglik", "score", NULL};

/* Of each row: log likelihood and its derivatives in z (model_illness.h), not weighted */
SEXP r_illness_rows(SEXP bundle, SEXP level, SEXP coef)
{
    sr_illness_data data;
    illness_from_r(bundle, level, &data);
    const double *const at = sr_doubles(coef, sr_illness_n_par(&data), "coef");
    SEXP list = PROTECT(sr_named_list(rows_names));
    double *const value = sr_put_vector(list, 0, data.n);
    double *const score = sr_put_matrix(list, 1, data.n, sr_illness_n_z(&data));
    sr_context ctx;
    sr_context_open(&ctx);
    sr_context_close(&ctx, sr_illness_rows(&ctx, &data, at, value, score));
    UNPROTECT(1);
    return list;
}
