/* r_ttp.c -- .Call("ttp_fit"), "ttp_value", "ttp_rows": the parametric likelihood; see R/ttp-data.R
 *
 * The bundle is list(x, offset, weights, stratum, slot, extra, kind, log_t, log_r, log_e, penalty):
 * x, extra a double matrix or a list of columns or NULL, slot the parameter that each column of
 * extra enters (integer, from 1), kind integer (model_censor.h), the times double or NULL, penalty
 * the root of its matrix, or NULL. Then comes the hazard (r_hazard.h).
 */
#include "r_ttp.h"
#include "r_trust.h"
#include "r_data.h"
#include "r_hazard.h"
#include <string.h>

enum {
    BUNDLE_X,
    BUNDLE_OFFSET,
    BUNDLE_WEIGHTS,
    BUNDLE_STRATUM,
    BUNDLE_SLOT,
    BUNDLE_EXTRA,
    BUNDLE_KIND,
    BUNDLE_LOG_T,
    BUNDLE_LOG_R,
    BUNDLE_LOG_E,
    BUNDLE_PENALTY,
    N_BUNDLE
};

static void extra_from_r(SEXP bundle, R_xlen_t n, sr_ttp_data *out)
{
    sr_columns columns;
    sr_columns_from_r(VECTOR_ELT(bundle, BUNDLE_EXTRA), n, &columns);
    const int *const slot = sr_integers_or_null(VECTOR_ELT(bundle, BUNDLE_SLOT), columns.p, "slot");
    sr_ttp_extra *const extra = (sr_ttp_extra *)R_alloc(columns.p + 1, sizeof(sr_ttp_extra));
    for (size_t e = 0; e < columns.p; e++) {
        if (slot == NULL || slot[e] < 1 || (size_t)slot[e] > out->hazard.n_theta)
            Rf_error("survresist, internal: `slot` must be a parameter of the hazard");
        extra[e] = (sr_ttp_extra){.slot = (size_t)slot[e], .column = columns.x[e]};
    }
    out->extra = extra;
    out->n_extra = columns.p;
}

static void times_from_r(SEXP bundle, sr_censored *out)
{
    const size_t n = out->n;
    out->kind = sr_integers_or_null(VECTOR_ELT(bundle, BUNDLE_KIND), n, "kind");
    out->log_t = sr_doubles_or_null(VECTOR_ELT(bundle, BUNDLE_LOG_T), n, "log_t");
    out->log_r = sr_doubles_or_null(VECTOR_ELT(bundle, BUNDLE_LOG_R), n, "log_r");
    out->log_e = sr_doubles_or_null(VECTOR_ELT(bundle, BUNDLE_LOG_E), n, "log_e");
    if (out->kind == NULL || out->log_t == NULL)
        Rf_error("survresist, internal: `kind` and `log_t` must be given");
    for (size_t i = 0; out->log_r == NULL && i < n; i++)
        if (out->kind[i] == SR_INTERVAL)
            Rf_error("survresist, internal: an interval needs `log_r`");
}

void sr_ttp_from_r(SEXP bundle, SEXP hazard, sr_ttp_data *out)
{
    if (TYPEOF(bundle) != VECSXP || XLENGTH(bundle) != N_BUNDLE)
        Rf_error("survresist, internal: the data must come from ttp_data()");
    const R_xlen_t n = XLENGTH(VECTOR_ELT(bundle, BUNDLE_KIND));
    *out = (sr_ttp_data){.times.n = (size_t)n};
    sr_hazard_from_r(hazard, &out->hazard);
    sr_columns_from_r(VECTOR_ELT(bundle, BUNDLE_X), n, &out->x);
    out->offset = sr_doubles_or_null(VECTOR_ELT(bundle, BUNDLE_OFFSET), (size_t)n, "offset");
    out->weights = sr_doubles_or_null(VECTOR_ELT(bundle, BUNDLE_WEIGHTS), (size_t)n, "weights");
    out->n_stratum = (size_t)sr_strata_from_r(VECTOR_ELT(bundle, BUNDLE_STRATUM), n, &out->stratum);
    extra_from_r(bundle, n, out);
    times_from_r(bundle, &out->times);
    const size_t P = sr_ttp_n_par(out);
    out->penalty_root = sr_doubles_or_null(VECTOR_ELT(bundle, BUNDLE_PENALTY), P * P, "penalty");
}

static const char *const fit_names[] = {SR_TRUST_NAMES, "info_start", NULL};
enum { INFO_START = SR_TRUST_COUNT };

SEXP r_ttp_fit(SEXP bundle, SEXP hazard, SEXP init, SEXP fixed, SEXP max_iter, SEXP eps)
{
    sr_ttp_data data;
    sr_ttp_from_r(bundle, hazard, &data);
    const size_t P = sr_ttp_n_par(&data);
    const sr_trust_control control = sr_trust_control_from_r(fixed, max_iter, eps, P);
    SEXP list = PROTECT(sr_named_list(fit_names));
    sr_trust_result result = sr_trust_open(list, init, P);
    result.info_start = sr_put_matrix(list, INFO_START, P, P);
    sr_context ctx;
    sr_context_open(&ctx);
    sr_context_close(&ctx, sr_ttp_fit(&ctx, &data, &control, &result));
    sr_trust_close(list, &result);
    UNPROTECT(1);
    return list;
}

static const char *const value_names[] = {"loglik", "gradient", "info", NULL};

/* Log likelihood, gradient and information at given coefficients */
SEXP r_ttp_value(SEXP bundle, SEXP hazard, SEXP coef)
{
    sr_ttp_data data;
    sr_ttp_from_r(bundle, hazard, &data);
    const size_t P = sr_ttp_n_par(&data);
    const double *const at = sr_doubles(coef, P, "coef");
    SEXP list = PROTECT(sr_named_list(value_names));
    double *const f = sr_put_vector(list, 0, 1), *const gradient = sr_put_vector(list, 1, P);
    double *const info = sr_put_matrix(list, 2, P, P);
    sr_context ctx;
    sr_context_open(&ctx);
    sr_context_close(&ctx, sr_ttp_value(&ctx, &data, at, f, gradient, info));
    UNPROTECT(1);
    return list;
}

static const char *const rows_names[] = {"loglik", "score", NULL};

/* Of each row: log likelihood and its derivatives in (eta, theta), not weighted */
SEXP r_ttp_rows(SEXP bundle, SEXP hazard, SEXP coef)
{
    sr_ttp_data data;
    sr_ttp_from_r(bundle, hazard, &data);
    const size_t n = data.times.n;
    const double *const at = sr_doubles(coef, sr_ttp_n_par(&data), "coef");
    SEXP list = PROTECT(sr_named_list(rows_names));
    double *const value = sr_put_vector(list, 0, n);
    double *const score = sr_put_matrix(list, 1, n, 1 + data.hazard.n_theta);
    sr_context ctx;
    sr_context_open(&ctx);
    sr_context_close(&ctx, sr_ttp_rows(&ctx, &data, at, value, score));
    UNPROTECT(1);
    return list;
}
