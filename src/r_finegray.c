/* r_finegray.c -- .Call entries of Fine and Gray's model; see R/finegray-data.R */
#include "model_finegray_curve.h"
#include "model_finegray_zph.h"
#include "r_data.h"

static const int *groups_from_r(SEXP group, size_t n, int *count)
{
    const int *const code = sr_integers_or_null(group, n, "group");
    *count = 1;
    for (size_t i = 0; code != NULL && i < n; i++)
        *count = code[i] >= *count ? code[i] + 1 : *count;
    return code;
}

/* list(cause, group, ratio, weight), and the bundle whose y holds the kind of event */
static void fg_data_from_r(SEXP bundle, SEXP spec, sr_fg_data *out)
{
    if (TYPEOF(spec) != VECSXP || XLENGTH(spec) != 4)
        Rf_error("survresist, internal: the censoring must come from finegray_spec()");
    *out = (sr_fg_data){.cause = Rf_asReal(VECTOR_ELT(spec, 0))};
    sr_data_from_r(bundle, &out->rows);
    const size_t n = out->rows.times.n;
    out->censoring.group = groups_from_r(VECTOR_ELT(spec, 1), n, &out->censoring.n_group);
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

static double *put_doubles(SEXP list, int place, R_xlen_t n)
{
    SEXP value = Rf_allocVector(REALSXP, n);
    SET_VECTOR_ELT(list, place, value);
    return REAL(value);
}

static double *put_matrix(SEXP list, int place, R_xlen_t rows, R_xlen_t columns)
{
    SEXP value = Rf_allocMatrix(REALSXP, (int)rows, (int)columns);
    SET_VECTOR_ELT(list, place, value);
    return REAL(value);
}

static void put_scalars(SEXP list, const sr_fg_fit *fit)
{
    double *const loglik = put_doubles(list, LOGLIK, 2), *const merged =
                                                             put_doubles(list, MERGED, 3);
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
    R_xlen_t n_event = 0;
    for (size_t i = 0; i < data->rows.times.n; i++)
        n_event += data->rows.times.event[i] == data->cause;
    SET_VECTOR_ELT(list, STRATUM, Rf_allocVector(INTSXP, n_event));
    baseline->stratum = INTEGER(VECTOR_ELT(list, STRATUM));
    baseline->time = put_doubles(list, TIME, n_event);
    baseline->step = put_doubles(list, STEP, n_event);
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
static sr_cox_control control_from_r(SEXP control, SEXP init)
{
    const double *const value = REAL_RO(control);
    return (sr_cox_control){.is_efron = value[0] != 0,
                            .max_iter = (int)value[1],
                            .eps = value[2],
                            .tol_chol = value[3],
                            .tol_time = value[4],
                            .init = init == R_NilValue ? NULL : REAL_RO(init)};
}

/* list(kind, cluster from 0 or NULL, number of clusters, extra, are scores wanted) */
static sr_fg_robust robust_from_r(SEXP robust, size_t n, size_t p)
{
    return (sr_fg_robust){
        .kind = (sr_fg_variance)Rf_asInteger(VECTOR_ELT(robust, 0)),
        .by = {sr_integers_or_null(VECTOR_ELT(robust, 1), n, "cluster"),
               (size_t)Rf_asInteger(VECTOR_ELT(robust, 2))},
        .extra = sr_doubles_or_null(VECTOR_ELT(robust, 3), n * p, "extra"),
    };
}

SEXP r_finegray_fit(SEXP bundle, SEXP spec, SEXP control, SEXP init, SEXP robust)
{
    sr_fg_data data;
    fg_data_from_r(bundle, spec, &data);
    const R_xlen_t n = (R_xlen_t)data.rows.times.n, p = (R_xlen_t)data.rows.x.p;
    const sr_cox_control asked = control_from_r(control, init);
    SEXP list = PROTECT(sr_named_list(fit_names));
    sr_fg_fit fit = {.coef = put_doubles(list, COEF, p),
                     .var = put_matrix(list, VAR, p, p),
                     .score = put_doubles(list, SCORE, p),
                     .eta = put_doubles(list, ETA, n),
                     .martingale = put_doubles(list, MARTINGALE, n)};
    put_baseline(list, &data, &fit.baseline);
    const sr_fg_robust wanted = robust_from_r(robust, (size_t)n, (size_t)p);
    if (wanted.kind != SR_FG_MODEL)
        fit.robust = put_matrix(list, ROBUST, p, p);
    if (wanted.kind != SR_FG_MODEL && Rf_asLogical(VECTOR_ELT(robust, 4)) == TRUE)
        fit.scores = put_matrix(list, SCORES, n, p);
    sr_context ctx;
    sr_context_open(&ctx);
    const sr_status status = sr_fg_fit_newton(&ctx, &data, &asked, &wanted, &fit);
    SEXP bad = PROTECT(bad_row_to_r(&ctx, status, fit.bad_row));
    put_scalars(list, &fit);
    UNPROTECT(2);
    return bad == R_NilValue ? list : bad;
}

/* query: list(stratum, time, extra); list(mean, hazard, var, cov), cov by column p x n */
SEXP r_finegray_curves(SEXP bundle, SEXP spec, SEXP control, SEXP coef, SEXP var, SEXP robust,
                       SEXP query)
{
    static const char *const names[] = {"mean", "hazard", "var", "cov", NULL};
    sr_fg_data data;
    fg_data_from_r(bundle, spec, &data);
    const size_t n = data.rows.times.n, p = data.rows.x.p;
    const R_xlen_t m = XLENGTH(VECTOR_ELT(query, 1));
    const sr_cox_control asked = control_from_r(control, R_NilValue);
    const sr_fg_query wanted = {
        .n = (size_t)m,
        .stratum = sr_integers_or_null(VECTOR_ELT(query, 0), (size_t)m, "stratum"),
        .time = sr_doubles_or_null(VECTOR_ELT(query, 1), (size_t)m, "time"),
        .extra = sr_doubles_or_null(VECTOR_ELT(query, 2), n * (size_t)m, "extra")};
    const sr_fg_robust how = robust_from_r(robust, n, p);
    const sr_fg_estimate at = {sr_doubles_or_null(coef, p, "coef"),
                               sr_doubles_or_null(var, p * p, "var"), &how};
    SEXP list = PROTECT(sr_named_list(names));
    sr_fg_curves out = {.mean = put_doubles(list, 0, (R_xlen_t)p),
                        .hazard = put_doubles(list, 1, m),
                        .var = put_doubles(list, 2, m),
                        .cov = put_matrix(list, 3, (R_xlen_t)p, m)};
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
    const R_xlen_t n = (R_xlen_t)data.rows.times.n, p = (R_xlen_t)data.rows.x.p;
    const R_xlen_t m = (R_xlen_t)Rf_asReal(n_event);
    const sr_cox_control asked = control_from_r(control, R_NilValue);
    SEXP list = PROTECT(sr_named_list(names));
    double *const row = put_doubles(list, 0, m);
    sr_fg_zph out = {.row = (size_t *)R_alloc((size_t)m + 1, sizeof(size_t)),
                     .schoenfeld = put_matrix(list, 1, m, p),
                     .score = put_doubles(list, 2, p),
                     .info = put_matrix(list, 3, p, p),
                     .info_g = put_matrix(list, 4, p, p),
                     .info_gg = put_matrix(list, 5, p, p)};
    sr_context ctx;
    sr_context_open(&ctx);
    sr_context_close(&ctx, sr_fg_zph_make(&ctx, &data, &asked,
                                          sr_doubles_or_null(coef, (size_t)p, "coef"),
                                          sr_doubles_or_null(clock, (size_t)n, "clock"), &out));
    for (R_xlen_t e = 0; e < m; e++)
        row[e] = (double)out.row[e] + 1;
    UNPROTECT(1);
    return list;
}
