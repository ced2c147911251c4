/* r_cif.c -- cumulative incidence by group, and Gray's test, for R
 *
 * rows: list(start, stop, cause, curve, weight, cluster, goes_on), see model_cif.h; NULL where they
 * may be. numbers: double c(n_cause, n_curve, n_cluster, tolerance, origin). plan: NULL, or
 * list(group, stratum, rho) with group and stratum of each curve from 0. */
#include "model_cif.h"
#include "r_alloc.h"
#include "r_data.h"
#include <string.h>

enum { START, STOP, CAUSE, CURVE, WEIGHT, CLUSTER, GOES_ON, N_ROWS };
enum {
    N,
    CELLS,
    TIME,
    N_RISK,
    COUNT,
    RISK,
    LEFT,
    STATE,
    CUMHAZ,
    STD_ERR,
    STD_CHAZ,
    STD_AUC,
    SCORE,
    VAR
};
static const char *const names[] = {"n",        "cells",   "time",  "n.risk", "n.left",
                                    "risk",     "left",    "state", "cumhaz", "std.err",
                                    "std.chaz", "std.auc", "score", "var",    NULL};

static void check_codes(const int *code, size_t n, int limit, const char *what)
{
    for (size_t i = 0; code != NULL && i < n; i++)
        if (code[i] < 0 || code[i] >= limit)
            Rf_error("survresist, internal: `%s` must be from 0 to %d", what, limit - 1);
}

static void rows_from_r(SEXP rows, SEXP numbers, sr_cif_data *out)
{
    if (TYPEOF(rows) != VECSXP || XLENGTH(rows) != N_ROWS || TYPEOF(numbers) != REALSXP ||
        XLENGTH(numbers) != 5)
        Rf_error("survresist, internal: the rows must come from cif_rows()");
    const size_t n = (size_t)XLENGTH(VECTOR_ELT(rows, STOP));
    const double *const number = REAL_RO(numbers);
    *out = (sr_cif_data){
        .n = n,
        .start = sr_doubles_or_null(VECTOR_ELT(rows, START), n, "start"),
        .stop = sr_doubles_or_null(VECTOR_ELT(rows, STOP), n, "stop"),
        .cause = sr_integers_or_null(VECTOR_ELT(rows, CAUSE), n, "cause"),
        .curve = sr_integers_or_null(VECTOR_ELT(rows, CURVE), n, "curve"),
        .weight = sr_doubles_or_null(VECTOR_ELT(rows, WEIGHT), n, "weight"),
        .cluster = sr_integers_or_null(VECTOR_ELT(rows, CLUSTER), n, "cluster"),
        .goes_on = sr_integers_or_null(VECTOR_ELT(rows, GOES_ON), n, "goes_on"),
        .n_cause = (int)number[0],
        .n_curve = (int)number[1],
        .n_cluster = (int)number[2],
        .tolerance = number[3],
        .origin = number[4],
    };
    if (out->stop == NULL || out->cause == NULL)
        Rf_error("survresist, internal: `stop` and `cause` are needed");
    check_codes(out->cause, n, out->n_cause + 1, "cause");
    check_codes(out->curve, n, out->n_curve, "curve");
    check_codes(out->cluster, n, out->n_cluster, "cluster");
}

static int plan_from_r(SEXP plan, int n_curve, sr_gray_plan *out)
{
    if (plan == R_NilValue)
        return 0;
    out->group = sr_integers_or_null(VECTOR_ELT(plan, 0), (size_t)n_curve, "group");
    out->stratum = sr_integers_or_null(VECTOR_ELT(plan, 1), (size_t)n_curve, "stratum");
    out->rho = Rf_asReal(VECTOR_ELT(plan, 2));
    if (out->group == NULL || out->stratum == NULL)
        Rf_error("survresist, internal: `group` and `stratum` are needed");
    for (int c = 0; c < n_curve; c++) {
        out->n_group = out->group[c] >= out->n_group ? out->group[c] + 1 : out->n_group;
        out->n_stratum = out->stratum[c] >= out->n_stratum ? out->stratum[c] + 1 : out->n_stratum;
    }
    check_codes(out->group, (size_t)n_curve, out->n_group, "group");
    check_codes(out->stratum, (size_t)n_curve, out->n_stratum, "stratum");
    return 1;
}

static sr_status allocate_out(const sr_cif_data *data, const sr_cif *cif, int has_errors,
                              const sr_gray_plan *plan, SEXP list)
{
    const size_t n_cell = cif->n_cell, n_cause = (size_t)data->n_cause;
    const size_t n_curve = (size_t)data->n_curve, n_group = (size_t)plan->n_group;
    const size_t weighted = data->weight == NULL ? SIZE_MAX : n_cell;
    const size_t errors = has_errors ? n_cell : SIZE_MAX, tests = n_group > 0 ? n_cause : SIZE_MAX;
    sr_allocation a = {.list = list};
    sr_add_element(&a, REALSXP, n_curve, 0);
    sr_add_element(&a, REALSXP, n_curve, 0);
    sr_add_element(&a, REALSXP, n_cell, 0);
    sr_add_element(&a, REALSXP, n_cell, 0);
    sr_add_element(&a, REALSXP, n_cell, n_cause + 1);
    sr_add_element(&a, REALSXP, weighted, 0);
    sr_add_element(&a, REALSXP, weighted, n_cause + 1);
    sr_add_element(&a, REALSXP, n_cell, n_cause + 1);
    sr_add_element(&a, REALSXP, n_cell, n_cause);
    sr_add_element(&a, REALSXP, errors, n_cause + 1);
    sr_add_element(&a, REALSXP, errors, n_cause);
    sr_add_element(&a, REALSXP, errors, n_cause + 1);
    sr_add_element(&a, REALSXP, tests, n_group);
    sr_add_element(&a, REALSXP, tests, n_group * n_group);
    return sr_allocate(&a);
}

static void copy_curves(const sr_cif_data *data, const sr_cif *cif, SEXP list)
{
    const size_t size = cif->n_cell * sizeof(double), n_cause = (size_t)data->n_cause;
    for (int c = 0; c < data->n_curve; c++) {
        REAL(VECTOR_ELT(list, N))[c] = cif->n_row[c];
        REAL(VECTOR_ELT(list, CELLS))[c] = (double)(cif->begin[c + 1] - cif->begin[c]);
    }
    memcpy(REAL(VECTOR_ELT(list, TIME)), cif->time, size);
    memcpy(REAL(VECTOR_ELT(list, N_RISK)), cif->n_risk, size);
    memcpy(REAL(VECTOR_ELT(list, COUNT)), cif->count, size * (n_cause + 1));
    memcpy(REAL(VECTOR_ELT(list, STATE)), cif->state, size * (n_cause + 1));
    memcpy(REAL(VECTOR_ELT(list, CUMHAZ)), cif->hazard, size * n_cause);
    if (data->weight == NULL)
        return;
    memcpy(REAL(VECTOR_ELT(list, RISK)), cif->risk, size);
    memcpy(REAL(VECTOR_ELT(list, LEFT)), cif->weight, size * (n_cause + 1));
}

/* Scores and covariances of the causes, a row each */
static sr_status test_causes(sr_context *ctx, const sr_cif_data *data, const sr_cif *cif,
                             const sr_gray_plan *plan, SEXP list)
{
    const size_t n_cause = (size_t)data->n_cause, m = (size_t)plan->n_group;
    double *score, *var;
    SR_TAKE(score, sr_arena_double(&ctx->arena, m));
    SR_TAKE(var, sr_arena_double(&ctx->arena, m * m));
    for (size_t j = 0; j < n_cause; j++) {
        sr_gray_plan of_cause = *plan;
        of_cause.cause = (int)j + 1;
        SR_TRY(sr_cif_gray(ctx, data, cif, &of_cause, score, var));
        for (size_t a = 0; a < m; a++)
            REAL(VECTOR_ELT(list, SCORE))[j + n_cause * a] = score[a];
        for (size_t a = 0; a < m * m; a++)
            REAL(VECTOR_ELT(list, VAR))[j + n_cause * a] = var[a];
    }
    return SR_OK;
}

SEXP r_cif(SEXP rows, SEXP numbers, SEXP plan, SEXP has_errors)
{
    sr_cif_data data;
    sr_gray_plan test = {0};
    rows_from_r(rows, numbers, &data);
    const int is_tested = plan_from_r(plan, data.n_curve, &test);
    const int wants_errors = Rf_asLogical(has_errors);
    SEXP list = PROTECT(sr_named_list(names));
    sr_context ctx;
    sr_cif cif;
    size_t bad_row = 0;
    sr_context_open(&ctx);
    sr_status status = sr_cif_make(&ctx, &data, &cif, &bad_row);
    if (status == SR_OK)
        status = allocate_out(&data, &cif, wants_errors, &test, list);
    if (status == SR_OK)
        copy_curves(&data, &cif, list);
    if (status == SR_OK && wants_errors) {
        const sr_cif_errors errors = {REAL(VECTOR_ELT(list, STD_ERR)),
                                      REAL(VECTOR_ELT(list, STD_CHAZ)),
                                      REAL(VECTOR_ELT(list, STD_AUC))};
        status = sr_cif_std_errors(&ctx, &data, &cif, &errors);
    }
    if (status == SR_OK && is_tested)
        status = test_causes(&ctx, &data, &cif, &test, list);
    sr_context_close(&ctx, status);
    UNPROTECT(1);
    return list;
}

/* list(lower, upper) of the shape of p. scale: 0 plain, 1 log, 2 log-log, 3 logit, 4 arcsin. */
SEXP r_cif_limits(SEXP p, SEXP std_err, SEXP scale, SEXP quantile)
{
    static const char *const ends[] = {"lower", "upper", NULL};
    const size_t n = (size_t)XLENGTH(p);
    const int which = Rf_asInteger(scale);
    if (which < 0 || which >= SR_N_LIMITS)
        Rf_error("survresist, internal: there is no scale %d", which);
    SEXP out = PROTECT(sr_named_list(ends));
    SET_VECTOR_ELT(out, 0, Rf_allocVector(REALSXP, (R_xlen_t)n));
    SET_VECTOR_ELT(out, 1, Rf_allocVector(REALSXP, (R_xlen_t)n));
    const sr_cif_limits in = {.n = n,
                              .p = sr_doubles_or_null(p, n, "p"),
                              .std_err = sr_doubles_or_null(std_err, n, "std_err"),
                              .scale = (sr_limits_scale)which,
                              .z = Rf_asReal(quantile),
                              .missing = NA_REAL,
                              .lower = REAL(VECTOR_ELT(out, 0)),
                              .upper = REAL(VECTOR_ELT(out, 1))};
    if (in.p == NULL || in.std_err == NULL)
        Rf_error("survresist, internal: `p` and `std_err` are needed");
    sr_context ctx;
    sr_context_open(&ctx);
    const sr_status status = sr_cif_find_limits(&ctx, &in);
    sr_context_close(&ctx, status);
    for (int e = 0; e < 2; e++) {
        Rf_setAttrib(VECTOR_ELT(out, e), R_DimSymbol, Rf_getAttrib(p, R_DimSymbol));
        Rf_setAttrib(VECTOR_ELT(out, e), R_DimNamesSymbol, Rf_getAttrib(p, R_DimNamesSymbol));
    }
    UNPROTECT(1);
    return out;
}
