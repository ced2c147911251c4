/* r_cox_surv.c -- survival curves, expected events and standard errors of predictions, for R
 *
 * kind = logical c(efron, product); centre = double p or NULL (no variance wanted). */
#include "model_cox_surv.h"
#include "r_alloc.h"
#include "r_data.h"
#include <string.h>

static sr_curve_kind kind_from_r(SEXP kind, SEXP centre, size_t p)
{
    if (TYPEOF(kind) != LGLSXP || XLENGTH(kind) != 2)
        Rf_error("survresist, internal: `kind` must be 2 logicals");
    return (sr_curve_kind){LOGICAL(kind)[0], LOGICAL(kind)[1],
                           sr_doubles_or_null(centre, p, "centre")};
}

/* The first six elements of every curve: n, rows by stratum, time, n.risk, n.event, n.censor. */
static void add_rows(sr_allocation *a, const sr_cox_curve *curve)
{
    const size_t n_stratum = (size_t)curve->rs.n_stratum;
    sr_add_element(a, REALSXP, n_stratum, 0);
    sr_add_element(a, REALSXP, n_stratum, 0);
    for (int e = 0; e < 4; e++)
        sr_add_element(a, REALSXP, curve->rows.n_row, 0);
}

static void copy_rows(SEXP list, const sr_cox_curve *curve)
{
    const sr_curve_rows *const rows = &curve->rows;
    const size_t size = rows->n_row * sizeof(double);
    for (int s = 0; s < curve->rs.n_stratum; s++) {
        REAL(VECTOR_ELT(list, 0))[s] = (double)rows->n[s];
        REAL(VECTOR_ELT(list, 1))[s] = (double)(rows->row_begin[s + 1] - rows->row_begin[s]);
    }
    memcpy(REAL(VECTOR_ELT(list, 2)), rows->time, size);
    memcpy(REAL(VECTOR_ELT(list, 3)), rows->n_risk, size);
    memcpy(REAL(VECTOR_ELT(list, 4)), rows->n_event, size);
    memcpy(REAL(VECTOR_ELT(list, 5)), rows->n_censor, size);
}

/* The curve at z = 0 and eta = 0, by row: list(n, rows, time, n.risk, n.event, n.censor, cumhaz,
 * logsurv, variance, drift); drift, n_row x p, is NULL unless centre is given. */
static sr_status baseline_out(const sr_cox_curve *curve, SEXP list)
{
    const size_t n_row = curve->rows.n_row, p = curve->path.p;
    sr_allocation a = {.list = list};
    add_rows(&a, curve);
    for (int e = 0; e < 3; e++)
        sr_add_element(&a, REALSXP, n_row, 0);
    sr_add_element(&a, REALSXP, p > 0 ? n_row : SIZE_MAX, p);
    SR_TRY(sr_allocate(&a));
    copy_rows(list, curve);
    sr_cox_curve_baseline(curve, REAL(VECTOR_ELT(list, 6)), REAL(VECTOR_ELT(list, 7)),
                          REAL(VECTOR_ELT(list, 8)), p > 0 ? REAL(VECTOR_ELT(list, 9)) : NULL);
    return SR_OK;
}

SEXP r_cox_baseline(SEXP bundle, SEXP eta, SEXP kind, SEXP centre)
{
    static const char *const names[] = {"n",        "rows",     "time",   "n.risk",
                                        "n.event",  "n.censor", "cumhaz", "logsurv",
                                        "variance", "drift",    NULL};
    sr_cox_data data;
    sr_data_from_r(bundle, &data);
    const double *const predictor = sr_doubles_or_null(eta, data.times.n, "eta");
    const sr_curve_kind how = kind_from_r(kind, centre, data.x.p);
    SEXP out = PROTECT(sr_named_list(names));
    sr_context ctx;
    sr_cox_curve curve;
    sr_context_open(&ctx);
    sr_status status = sr_cox_curve_make(&ctx, &data, predictor, &how, &curve);
    if (status == SR_OK)
        status = baseline_out(&curve, out);
    sr_context_close(&ctx, status);
    UNPROTECT(1);
    return out;
}

/* New patients: z[n_patient x p] by row, eta[n_patient], stratum[n_patient] or NULL: each in every
 * stratum. */
typedef struct {
    size_t n;
    const double *z, *eta, *var;
    const int *stratum;
} patients;

static size_t rows_of(const sr_cox_curve *curve, int s)
{
    return curve->rows.row_begin[s + 1] - curve->rows.row_begin[s];
}

static sr_status patients_out(sr_context *ctx, const sr_cox_curve *curve, const patients *who,
                              SEXP list)
{
    const size_t p = curve->path.p;
    const int n_stratum = curve->rs.n_stratum;
    size_t n_value = who->stratum == NULL ? curve->rows.n_row * who->n : 0;
    for (size_t i = 0; who->stratum != NULL && i < who->n; i++)
        n_value += rows_of(curve, who->stratum[i]);
    sr_allocation a = {.list = list};
    add_rows(&a, curve);
    sr_add_element(&a, REALSXP, n_value, 0);
    sr_add_element(&a, REALSXP, n_value, 0);
    sr_add_element(&a, REALSXP, who->var == NULL ? SIZE_MAX : n_value, 0);
    SR_TRY(sr_allocate(&a));
    copy_rows(list, curve);
    double *survival = REAL(VECTOR_ELT(list, 6)), *hazard = REAL(VECTOR_ELT(list, 7));
    double *std_err = who->var == NULL ? NULL : REAL(VECTOR_ELT(list, 8));
    for (size_t i = 0; i < who->n; i++) {
        const int first = who->stratum == NULL ? 0 : who->stratum[i];
        const int last = who->stratum == NULL ? n_stratum - 1 : first;
        for (int s = first; s <= last; s++) {
            const sr_patient one = {s, who->z + i * p, who->eta[i], who->var};
            SR_TRY(sr_cox_curve_patient(ctx, curve, &one, survival, hazard, std_err));
            survival += rows_of(curve, s);
            hazard += rows_of(curve, s);
            std_err = std_err == NULL ? NULL : std_err + rows_of(curve, s);
        }
    }
    return SR_OK;
}

/* z: double matrix p x n_patient (a patient a column), z_eta their linear predictors; stratum:
 * integer, 0-based, or NULL; var: double p x p or NULL. Returns list(n, rows, time, n.risk,
 * n.event, n.censor, surv, cumhaz, std.err), the last three patient after patient. */
SEXP r_cox_survfit(SEXP bundle, SEXP eta, SEXP kind, SEXP centre, SEXP z, SEXP z_eta, SEXP stratum,
                   SEXP var)
{
    static const char *const names[] = {"n",        "rows", "time",   "n.risk",  "n.event",
                                        "n.censor", "surv", "cumhaz", "std.err", NULL};
    sr_cox_data data;
    sr_data_from_r(bundle, &data);
    const size_t p = data.x.p;
    const double *const predictor = sr_doubles_or_null(eta, data.times.n, "eta");
    const sr_curve_kind how = kind_from_r(kind, centre, p);
    const size_t n_patient = (size_t)XLENGTH(z_eta);
    const patients who = {
        n_patient, how.centre == NULL ? NULL : sr_doubles_or_null(z, p * n_patient, "z"),
        sr_doubles_or_null(z_eta, n_patient, "z_eta"), sr_doubles_or_null(var, p * p, "var"),
        sr_integers_or_null(stratum, n_patient, "stratum")};
    if ((who.var == NULL) != (how.centre == NULL))
        Rf_error("survresist, internal: `var` and `centre` go together");
    for (size_t i = 0; who.stratum != NULL && i < who.n; i++)
        if (who.stratum[i] < 0 || who.stratum[i] >= data.times.n_stratum)
            Rf_error("survresist, internal: `stratum` is not one of the data");
    SEXP out = PROTECT(sr_named_list(names));
    sr_context ctx;
    sr_cox_curve curve;
    sr_context_open(&ctx);
    sr_status status = sr_cox_curve_make(&ctx, &data, predictor, &how, &curve);
    if (status == SR_OK)
        status = patients_out(&ctx, &curve, &who, out);
    sr_context_close(&ctx, status);
    UNPROTECT(1);
    return out;
}

/* query: NULL (the rows of the data), or a bundle as cox_data() makes it for the new rows, whose
 * strata are those of the data. Returns list(expected, std.err). */
SEXP r_cox_expected(SEXP bundle, SEXP eta, SEXP kind, SEXP centre, SEXP query, SEXP query_eta,
                    SEXP var)
{
    static const char *const names[] = {"expected", "std.err", NULL};
    sr_cox_data data, asked;
    sr_data_from_r(bundle, &data);
    asked = data;
    if (!Rf_isNull(query))
        sr_data_from_r(query, &asked);
    const double *const predictor = sr_doubles_or_null(eta, data.times.n, "eta");
    const sr_curve_kind how = kind_from_r(kind, centre, data.x.p);
    sr_expected_query in = {.n = asked.times.n,
                            .start = asked.times.start,
                            .stop = Rf_isNull(query) ? NULL : asked.times.stop,
                            .stratum = asked.times.stratum,
                            .z = asked.x,
                            .eta = sr_doubles_or_null(query_eta, asked.times.n, "query_eta"),
                            .var = sr_doubles_or_null(var, data.x.p * data.x.p, "var")};
    in.z.centre = how.centre;
    if (in.var != NULL && (how.centre == NULL || asked.x.p != data.x.p))
        Rf_error("survresist, internal: the new rows do not have the columns of the fit");
    SEXP out = PROTECT(sr_named_list(names));
    SET_VECTOR_ELT(out, 0, Rf_allocVector(REALSXP, (R_xlen_t)in.n));
    if (in.var != NULL)
        SET_VECTOR_ELT(out, 1, Rf_allocVector(REALSXP, (R_xlen_t)in.n));
    in.expected = REAL(VECTOR_ELT(out, 0));
    in.std_err = in.var == NULL ? NULL : REAL(VECTOR_ELT(out, 1));
    sr_context ctx;
    sr_context_open(&ctx);
    const sr_status status = sr_cox_expected(&ctx, &data, predictor, &how, &in);
    sr_context_close(&ctx, status);
    UNPROTECT(1);
    return out;
}

/* Weighted means of the columns: double matrix p x n_stratum. */
SEXP r_cox_stratum_means(SEXP bundle)
{
    sr_cox_data data;
    sr_data_from_r(bundle, &data);
    SEXP out = PROTECT(Rf_allocMatrix(REALSXP, (int)data.x.p, data.times.n_stratum));
    sr_context ctx;
    sr_context_open(&ctx);
    const sr_status status = sr_cox_stratum_means(&ctx, &data, 1, REAL(out));
    sr_context_close(&ctx, status);
    UNPROTECT(1);
    return out;
}

/* Rows of x about a centre: p values, or p x n_stratum when the bundle has strata. */
static void centred_from_r(SEXP bundle, SEXP centre, sr_cox_data *data)
{
    sr_data_from_r(bundle, data);
    data->x.centre =
        sr_doubles_or_null(centre, data->x.p * (size_t)data->times.n_stratum, "centre");
    data->x.stratum = data->times.stratum;
}

/* z beta of every row, z about the centre. */
SEXP r_cox_linear(SEXP bundle, SEXP centre, SEXP beta)
{
    sr_cox_data data;
    centred_from_r(bundle, centre, &data);
    const double *const slope = sr_doubles_or_null(beta, data.x.p, "beta");
    SEXP out = PROTECT(Rf_allocVector(REALSXP, (R_xlen_t)data.times.n));
    sr_context ctx;
    sr_context_open(&ctx);
    const sr_status status = sr_columns_times(&ctx, &data.x, slope, NULL, REAL(out));
    sr_context_close(&ctx, status);
    UNPROTECT(1);
    return out;
}

/* sqrt(z' var z) of every row, z about the centre. */
SEXP r_cox_std_err(SEXP bundle, SEXP centre, SEXP var)
{
    sr_cox_data data;
    centred_from_r(bundle, centre, &data);
    const double *const form = sr_doubles_or_null(var, data.x.p * data.x.p, "var");
    SEXP out = PROTECT(Rf_allocVector(REALSXP, (R_xlen_t)data.times.n));
    sr_context ctx;
    sr_context_open(&ctx);
    const sr_status status = sr_columns_std_err(&ctx, &data.x, form, REAL(out));
    sr_context_close(&ctx, status);
    UNPROTECT(1);
    return out;
}
