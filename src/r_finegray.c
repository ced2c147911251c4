/* r_finegray.c -- .Call entries of Fine and Gray's model; see R/finegray-data.R */
#include "model_finegray_curve.h"
#include "model_finegray_zph.h"
#include "r_data.h"

/* list(cause, group, ratio, weight), and the bundle whose y holds the kind of event */
static void fg_data_from_r(SEXP bundle, SEXP spec, sr_fg_data *out)
{
    if (TYPEOF(spec) != VECSXP || XLENGTH(spec) != 4)
        Rf_error("survresist, internal: the censoring must come from finegray_spec()");
    *out = (sr_fg_data){.cause = Rf_asReal(VECTOR_ELT(spec, 0))};
    sr_data_from_r(bundle, &out->rows);
    const size_t n = out->rows.times.n;
    out->censoring.n_group =
        sr_strata_from_r(VECTOR_ELT(spec, 1), (R_xlen_t)n, &out->censoring.group);
    out->censoring.ratio = sr_doubles_or_null(VECTOR_ELT(spec, 2), n, "ratio");
    out->censoring.weight = sr_doubles_or_null(VECTOR_ELT(spec, 3), n, "weight");
}

enum {
    COEF,
    VAR,
    SCORE,
    LOGLIK,
    SCORE_TEST,
    ITER,
    RANK,
    CONVERGED,
    ETA,
    MARTINGALE,
    MERGED,
    ROBUST,
    SCORES,
    STRATUM,
    TIME,
    STEP
};
static const char *const fit_names[] = {"coefficients", "var",        "score",
                                        "loglik",       "score_test", "iter",
                                        "rank",         "converged",  "linear.predictors",
                                        "residuals",    "merged",     "robust",
                                        "scores",       "stratum",    "time",
                                        "step",         NULL};

static void put_scalars(SEXP list, const sr_fg_fit *fit)
{
    double *const loglik = sr_put_vector(list, LOGLIK, 2), *const merged =
                                                               sr_put_vector(list, MERGED, 3);
    loglik[0] = fit->loglik[0];
    loglik[1] = fit->loglik[1];
    merged[0] = (double)fit->n_time_merged;
    merged[1] = (double)fit->n_time_distinct;
    merged[2] = (double)fit->baseline.n;
    SET_VECTOR_ELT(list, SCORE_TEST, Rf_ScalarReal(fit->score_test));
    SET_VECTOR_ELT(list, ITER, Rf_ScalarInteger(fit->n_iter));
    SET_VECTOR_ELT(list, RANK, Rf_ScalarInteger(fit->rank));
    SET_VECTOR_ELT(list, CONVERGED, Rf_ScalarLogical(fit->is_converged));
}

/* Room for as many event times as there are events; R keeps the first `merged[2]` */
static void put_baseline(SEXP list, const sr_fg_data *data, sr_fg_baseline *baseline)
{
    size_t n_event = 0;
    for (size_t i = 0; i < data->rows.times.n; i++)
        n_event += data->rows.times.event[i] == data->cause;
    SET_VECTOR_ELT(list, STRATUM, Rf_allocVector(INTSXP, (R_xlen_t)n_event));
    baseline->stratum = INTEGER(VECTOR_ELT(list, STRATUM));
    baseline->time = sr_put_vector(list, TIME, n_event);
    baseline->step = sr_put_vector(list, STEP, n_event);
}

/* A status that concerns one row comes back as a number, for R to name the row. */
static SEXP bad_row_to_r(sr_context *ctx, sr_status status, size_t row)
{
    if (status != SR_ERR_DOMAIN && status != SR_ERR_INTERVAL) {
        sr_context_close(ctx, status);
        return R_NilValue;
    }
    sr_context_close(ctx, SR_OK);
    return Rf_ScalarReal((status == SR_ERR_DOMAIN ? 1 : -1) * ((double)row + 1));
}

/* control: c(is_efron, max_iter, eps, tol_chol, tol_time) */
static sr_cox_control control_from_r(SEXP control, SEXP init, size_t p)
{
    const double *const value = sr_doubles(control, 5, "control");
    return (sr_cox_control){.is_efron = value[0] != 0,
                            .max_iter = (int)value[1],
                            .eps = value[2],
                            .tol_chol = value[3],
                            .tol_time = value[4],
                            .init = sr_doubles_or_null(init, p, "init")};
}

/* list(kind, cluster from 0 or NULL, number of clusters, extra, are scores wanted) */
static sr_fg_robust robust_from_r(SEXP robust, size_t n, size_t p)
{
    if (TYPEOF(robust) != VECSXP || XLENGTH(robust) != 5)
        Rf_error("survresist, internal: the variance must come from finegray_robust()");
    const int *cluster = NULL;
    const int n_code = sr_strata_from_r(VECTOR_ELT(robust, 1), (R_xlen_t)n, &cluster);
    const int n_cluster = Rf_asInteger(VECTOR_ELT(robust, 2));
    if (cluster != NULL && n_code > n_cluster)
        Rf_error("survresist, internal: there are %d clusters, not %d", n_code, n_cluster);
    return (sr_fg_robust){
        .kind = (sr_fg_variance)Rf_asInteger(VECTOR_ELT(robust, 0)),
        .by = {cluster, (size_t)n_cluster},
        .extra = sr_doubles_or_null(VECTOR_ELT(robust, 3), n * p, "extra"),
    };
}

SEXP r_finegray_fit(SEXP bundle, SEXP spec, SEXP control, SEXP init, SEXP robust)
{
    sr_fg_data data;
    fg_data_from_r(bundle, spec, &data);
    const size_t n = data.rows.times.n, p = data.rows.x.p;
    const sr_cox_control asked = control_from_r(control, init, p);
    SEXP list = PROTECT(sr_named_list(fit_names));
    sr_fg_fit fit = {.coef = sr_put_vector(list, COEF, p),
                     .var = sr_put_matrix(list, VAR, p, p),
                     .score = sr_put_vector(list, SCORE, p),
                     .eta = sr_put_vector(list, ETA, n),
                     .martingale = sr_put_vector(list, MARTINGALE, n)};
    put_baseline(list, &data, &fit.baseline);
    const sr_fg_robust wanted = robust_from_r(robust, n, p);
    if (wanted.kind != SR_FG_MODEL)
        fit.robust = sr_put_matrix(list, ROBUST, p, p);
    if (wanted.kind != SR_FG_MODEL && Rf_asLogical(VECTOR_ELT(robust, 4)) == TRUE)
        fit.scores = sr_put_matrix(list, SCORES, n, p);
    sr_context ctx;
    sr_context_open(&ctx);
    const sr_status status = sr_fg_fit_newton(&ctx, &data, &asked, &wanted, &fit);
    SEXP bad = PROTECT(bad_row_to_r(&ctx, status, fit.bad_row));
    put_scalars(list, &fit);
    UNPROTECT(2);
    return bad == R_NilValue ? list : bad;
}

/* fit: list(coef, var); query: list(stratum, time, extra); list(mean, hazard, var, cov), cov by
 * column p x n */
SEXP r_finegray_curves(SEXP bundle, SEXP spec, SEXP control, SEXP fit, SEXP robust, SEXP query)
{
    static const char *const names[] = {"mean", "hazard", "var", "cov", NULL};
    sr_fg_data data;
    fg_data_from_r(bundle, spec, &data);
    const size_t n = data.rows.times.n, p = data.rows.x.p;
    if (TYPEOF(fit) != VECSXP || XLENGTH(fit) != 2 || TYPEOF(query) != VECSXP ||
        XLENGTH(query) != 3)
        Rf_error("survresist, internal: the curves must be asked for by finegray_spread()");
    const size_t m = (size_t)XLENGTH(VECTOR_ELT(query, 1));
    const sr_cox_control asked = control_from_r(control, R_NilValue, p);
    const int *stratum = NULL;
    if (sr_strata_from_r(VECTOR_ELT(query, 0), (R_xlen_t)m, &stratum) > data.rows.times.n_stratum)
        Rf_error("survresist, internal: a stratum of the query is not in the data");
    if (stratum == NULL)
        Rf_error("survresist, internal: the query must have strata");
    const sr_fg_query wanted = {.n = m,
                                .stratum = stratum,
                                .time = sr_doubles(VECTOR_ELT(query, 1), m, "time"),
                                .extra = sr_doubles_or_null(VECTOR_ELT(query, 2), n * m, "extra")};
    const sr_fg_robust how = robust_from_r(robust, n, p);
    const sr_fg_estimate at = {sr_doubles(VECTOR_ELT(fit, 0), p, "coef"),
                               sr_doubles(VECTOR_ELT(fit, 1), p * p, "var"), &how};
    SEXP list = PROTECT(sr_named_list(names));
    sr_fg_curves out = {.mean = sr_put_vector(list, 0, p),
                        .hazard = sr_put_vector(list, 1, m),
                        .var = sr_put_vector(list, 2, m),
                        .cov = sr_put_matrix(list, 3, p, m)};
    sr_context ctx;
    sr_context_open(&ctx);
    sr_context_close(&ctx, sr_fg_curves_make(&ctx, &data, &asked, &at, &wanted, &out));
    UNPROTECT(1);
    return list;
}

/* list(row (from 1), schoenfeld, score, info, info_g, info_gg) */
SEXP r_finegray_zph(SEXP bundle, SEXP spec, SEXP control, SEXP coef, SEXP clock, SEXP n_event)
{
    static const char *const names[] = {"row",    "schoenfeld", "score", "info",
                                        "info_g", "info_gg",    NULL};
    sr_fg_data data;
    fg_data_from_r(bundle, spec, &data);
    const size_t n = data.rows.times.n, p = data.rows.x.p, m = (size_t)Rf_asReal(n_event);
    const sr_cox_control asked = control_from_r(control, R_NilValue, p);
    const double *const beta = sr_doubles(coef, p, "coef"), *const at =
                                                                sr_doubles(clock, n, "clock");
    SEXP list = PROTECT(sr_named_list(names));
    double *const row = sr_put_vector(list, 0, m);
    sr_fg_zph out = {.row = (size_t *)R_alloc(m + 1, sizeof(size_t)),
                     .schoenfeld = sr_put_matrix(list, 1, m, p),
                     .score = sr_put_vector(list, 2, p),
                     .info = sr_put_matrix(list, 3, p, p),
                     .info_g = sr_put_matrix(list, 4, p, p),
                     .info_gg = sr_put_matrix(list, 5, p, p)};
    sr_context ctx;
    sr_context_open(&ctx);
    sr_context_close(&ctx, sr_fg_zph_make(&ctx, &data, &asked, beta, at, &out));
    for (size_t e = 0; e < m; e++)
        row[e] = (double)out.row[e] + 1;
    UNPROTECT(1);
    return list;
}
