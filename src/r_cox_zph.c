/* r_cox_zph.c -- .Call("cox_zph_clock"), "cox_zph", "cox_zph_scale": see zph() in R/zph.R */
#include "model_cox_zph.h"
#include "r_data.h"

static R_xlen_t count_events(const sr_times *times)
{
    R_xlen_t count = 0;
    for (size_t i = 0; i < times->n; i++)
        count += times->event[i] != 0;
    return count;
}

/* clock: 0 none, 1 Kaplan-Meier, 2 rank. list(row = 1-based rows of the events in the order of
 * their times, value = what the clock shows then, or NULL) */
SEXP r_cox_zph_clock(SEXP bundle, SEXP clock)
{
    static const char *const names[] = {"row", "value", NULL};
    sr_cox_data data;
    sr_data_from_r(bundle, &data);
    const R_xlen_t n_event = count_events(&data.times);
    const int which = Rf_asInteger(clock);
    SEXP list = PROTECT(sr_named_list(names));
    SEXP row = PROTECT(Rf_allocVector(INTSXP, n_event));
    SEXP value = PROTECT(which == 0 ? R_NilValue : Rf_allocVector(REALSXP, n_event));
    SET_VECTOR_ELT(list, 0, row);
    SET_VECTOR_ELT(list, 1, value);
    sr_context ctx;
    sr_context_open(&ctx);
    uint32_t *const place = (uint32_t *)INTEGER(row);
    const sr_status status =
        sr_event_clock(&ctx, &data.times, (sr_clock)which, data.times.start != NULL, place,
                       which == 0 ? NULL : REAL(value));
    for (R_xlen_t e = 0; e < n_event; e++)
        INTEGER(row)[e]++;
    sr_context_close(&ctx, status);
    UNPROTECT(3);
    return list;
}

static double *put_matrix(SEXP list, int place, R_xlen_t n_row, R_xlen_t n_column)
{
    SEXP value = Rf_allocMatrix(REALSXP, (int)n_row, (int)n_column);
    SET_VECTOR_ELT(list, place, value);
    return REAL(value);
}

/* row: 1-based, as r_cox_zph_clock gave it; g: the clock, centred. */
SEXP r_cox_zph(SEXP bundle, SEXP eta, SEXP is_efron, SEXP row, SEXP g)
{
    static const char *const names[] = {"score",      "info",          "info_g",     "info_gg",
                                        "schoenfeld", "stratum_event", "is_varying", NULL};
    sr_cox_data data;
    sr_data_from_r(bundle, &data);
    const R_xlen_t n = (R_xlen_t)data.times.n, p = (R_xlen_t)data.x.p, n_event = XLENGTH(row);
    if (TYPEOF(eta) != REALSXP || XLENGTH(eta) != n)
        Rf_error("survresist, internal: `eta` must be %lld doubles", (long long)n);
    if (TYPEOF(row) != INTSXP || TYPEOF(g) != REALSXP || XLENGTH(g) != n_event)
        Rf_error("survresist, internal: `row` and `g` must have one value an event");
    uint32_t *const place = (uint32_t *)R_alloc((size_t)n_event + 1, sizeof(uint32_t));
    for (R_xlen_t e = 0; e < n_event; e++)
        place[e] = (uint32_t)INTEGER(row)[e] - 1;
    const sr_clock_events events = {(size_t)n_event, place, REAL(g)};
    SEXP list = PROTECT(sr_named_list(names));
    sr_cox_zph out = {
        .score = put_matrix(list, 0, p, 1),
        .info = put_matrix(list, 1, p, p),
        .info_g = put_matrix(list, 2, p, p),
        .info_gg = put_matrix(list, 3, p, p),
        .schoenfeld = put_matrix(list, 4, n_event, p),
        .stratum_event = put_matrix(list, 5, data.times.n_stratum, 1),
    };
    SET_VECTOR_ELT(list, 6, Rf_allocMatrix(LGLSXP, data.times.n_stratum, (int)p));
    out.is_varying = LOGICAL(VECTOR_ELT(list, 6));
    sr_context ctx;
    sr_context_open(&ctx);
    const sr_status status =
        sr_cox_zph_test(&ctx, &data, REAL(eta), Rf_asLogical(is_efron) == TRUE, &events, &out);
    sr_context_close(&ctx, status);
    UNPROTECT(1);
    return list;
}

/* residual %*% A + slope, by column */
SEXP r_cox_zph_scale(SEXP residual, SEXP A, SEXP slope)
{
    const size_t n = (size_t)Rf_nrows(residual), p = (size_t)Rf_ncols(residual);
    const size_t q = (size_t)Rf_ncols(A);
    if (TYPEOF(residual) != REALSXP || TYPEOF(A) != REALSXP || TYPEOF(slope) != REALSXP ||
        (size_t)Rf_nrows(A) != p || (size_t)XLENGTH(slope) != q)
        Rf_error("survresist, internal: sizes of residuals and their scale do not agree");
    const sr_zph_scaling scaling = {n, p, q, REAL(residual), REAL(A), REAL(slope)};
    SEXP out = PROTECT(Rf_allocMatrix(REALSXP, (int)n, (int)q));
    sr_context ctx;
    sr_context_open(&ctx);
    sr_context_close(&ctx, sr_zph_scale(&ctx, &scaling, REAL(out)));
    UNPROTECT(1);
    return out;
}
