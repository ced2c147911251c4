/* r_cox_zph.c -- the test of proportional hazards, for zph() in R/zph.R */
#include "model_cox_zph.h"
#include "r_data.h"
#include <Rmath.h>

static R_xlen_t count_events(const sr_times *times)
{
    R_xlen_t count = 0;
    for (size_t i = 0; i < times->n; i++)
        count += times->event[i] != 0;
    return count;
}

static SEXP put(SEXP list, int place, SEXPTYPE type, R_xlen_t n)
{
    SEXP value = Rf_allocVector(type, n);
    SET_VECTOR_ELT(list, place, value);
    return value;
}

static double *put_matrix(SEXP list, int place, R_xlen_t n_row, R_xlen_t n_column)
{
    SEXP value = Rf_allocMatrix(REALSXP, (int)n_row, (int)n_column);
    SET_VECTOR_ELT(list, place, value);
    return REAL(value);
}

/* clock: an sr_clock; given: double, or NULL. stratum is 0-based, NULL where the data have none. */
SEXP r_cox_zph(SEXP bundle, SEXP eta, SEXP is_efron, SEXP clock, SEXP given)
{
    static const char *const names[] = {"score",      "info",          "info_g",     "info_gg",
                                        "schoenfeld", "stratum_event", "is_varying", "time",
                                        "clock",      "stratum",       NULL};
    sr_cox_data data;
    sr_data_from_r(bundle, &data);
    const R_xlen_t p = (R_xlen_t)data.x.p, n_event = count_events(&data.times);
    const double *const predictor = sr_doubles_or_null(eta, data.times.n, "eta");
    const sr_clock_asked asked = {(sr_clock)Rf_asInteger(clock),
                                  sr_doubles_or_null(given, data.times.n, "given")};
    if (predictor == NULL || (asked.kind == SR_CLOCK_GIVEN) != (asked.given != NULL))
        Rf_error("survresist, internal: `eta` or `given` is missing");
    SEXP list = PROTECT(sr_named_list(names));
    sr_cox_zph out = {
        .score = put_matrix(list, 0, p, 1),
        .info = {put_matrix(list, 1, p, p), put_matrix(list, 2, p, p), put_matrix(list, 3, p, p)},
        .schoenfeld = put_matrix(list, 4, n_event, p),
        .stratum_event = put_matrix(list, 5, data.times.n_stratum, 1),
    };
    SET_VECTOR_ELT(list, 6, Rf_allocMatrix(LGLSXP, data.times.n_stratum, (int)p));
    out.is_varying = LOGICAL(VECTOR_ELT(list, 6));
    out.at.time = REAL(put(list, 7, REALSXP, n_event));
    out.at.value = REAL(put(list, 8, REALSXP, n_event));
    if (data.times.stratum != NULL)
        out.at.stratum = INTEGER(put(list, 9, INTSXP, n_event));
    sr_context ctx;
    sr_context_open(&ctx);
    const sr_status status =
        sr_cox_zph_test(&ctx, &data, predictor, Rf_asLogical(is_efron) == TRUE, &asked, &out);
    sr_context_close(&ctx, status);
    UNPROTECT(1);
    return list;
}

/* residual %*% A + slope, by column, with dimnames. Where A is square the result takes the place of
 * `residual`, which must be what r_cox_zph gave and be used no more. */
SEXP r_cox_zph_scale(SEXP residual, SEXP A, SEXP slope, SEXP dimnames)
{
    const size_t n = (size_t)Rf_nrows(residual), p = (size_t)Rf_ncols(residual);
    const size_t q = (size_t)Rf_ncols(A);
    if (TYPEOF(residual) != REALSXP || TYPEOF(A) != REALSXP || TYPEOF(slope) != REALSXP ||
        (size_t)Rf_nrows(A) != p || (size_t)XLENGTH(slope) != q)
        Rf_error("survresist, internal: sizes of residuals and their scale do not agree");
    const sr_zph_scaling scaling = {n, p, q, REAL(residual), REAL(A), REAL(slope)};
    SEXP out = PROTECT(p == q ? residual : Rf_allocMatrix(REALSXP, (int)n, (int)q));
    sr_context ctx;
    sr_context_open(&ctx);
    sr_context_close(&ctx, sr_zph_scale(&ctx, &scaling, REAL(out)));
    Rf_setAttrib(out, R_DimNamesSymbol, dimnames);
    UNPROTECT(1);
    return out;
}

/* signif(time, 4), each time that follows itself rounded once */
SEXP r_cox_zph_short(SEXP time)
{
    if (TYPEOF(time) != REALSXP)
        Rf_error("survresist, internal: `time` must be double");
    const R_xlen_t n = XLENGTH(time);
    const double *const from = REAL_RO(time);
    SEXP out = PROTECT(Rf_allocVector(REALSXP, n));
    double *const to = REAL(out);
    for (R_xlen_t e = 0; e < n; e++)
        to[e] = e > 0 && from[e] == from[e - 1] ? to[e - 1] : fprec(from[e], 4);
    UNPROTECT(1);
    return out;
}
