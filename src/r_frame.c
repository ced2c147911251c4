/* r_frame.c -- the R side of core_frame.h: look through a data set without copying it */
#include "core_frame.h"
#include "core_interval.h"
#include "r_data.h"
#include <string.h>

static sr_frame_column column_of(SEXP x)
{
    sr_frame_column column = {NULL, NULL, 0, 0};
    switch (TYPEOF(x)) {
    case REALSXP:
        column.real = REAL_RO(x);
        break;
    case INTSXP:
        column.whole = INTEGER_RO(x);
        break;
    case LGLSXP:
        column.whole = LOGICAL_RO(x);
        break;
    case NILSXP:
        break;
    default:
        Rf_error("survresist: a column has type '%s'", Rf_type2char(TYPEOF(x)));
    }
    return column;
}

/* Each vector of `x` is n values, or a matrix of n rows, whose columns count under one name. */
static size_t take_columns(SEXP x, SEXP is_covariate, size_t n, sr_frame_column **out)
{
    size_t n_column = 0, at = 0;
    for (R_xlen_t k = 0; k < XLENGTH(x); k++)
        n_column += n == 0 ? 0 : (size_t)XLENGTH(VECTOR_ELT(x, k)) / n;
    *out = (sr_frame_column *)R_alloc(n_column + 1, sizeof(sr_frame_column));
    for (R_xlen_t k = 0; k < XLENGTH(x); k++) {
        sr_frame_column column = column_of(VECTOR_ELT(x, k));
        const size_t width = n == 0 ? 0 : (size_t)XLENGTH(VECTOR_ELT(x, k)) / n;
        column.is_covariate = LOGICAL_RO(is_covariate)[k];
        column.name = (size_t)k;
        for (size_t j = 0; j < width; j++) {
            (*out)[at++] = column;
            if (column.real != NULL)
                column.real += n;
            else
                column.whole += n;
        }
    }
    return n_column;
}

static SEXP rows_with(const unsigned char *row, size_t n, int flag)
{
    size_t count = 0, at = 0;
    for (size_t i = 0; i < n; i++)
        count += row[i] == flag || (flag == SR_ROW_MISSING && (row[i] & SR_ROW_MISSING));
    SEXP out = PROTECT(Rf_allocVector(INTSXP, (R_xlen_t)count));
    for (size_t i = 0; i < n && at < count; i++)
        if (row[i] == flag || (flag == SR_ROW_MISSING && (row[i] & SR_ROW_MISSING)))
            INTEGER(out)[at++] = (int)(i + 1);
    UNPROTECT(1);
    return out;
}

/* list(missing = rows, by_column = counts, not_finite = rows), or NULL when every row is sound. */
SEXP r_frame_scan(SEXP x, SEXP is_covariate, SEXP n_row)
{
    static const char *const names[] = {"missing", "by_column", "not_finite", NULL};
    const size_t n = (size_t)Rf_asReal(n_row), n_name = (size_t)XLENGTH(x);
    sr_frame_column *column = NULL;
    const size_t n_column = take_columns(x, is_covariate, n, &column);
    const sr_frame frame = {n, n_column, column};
    unsigned char *row = (unsigned char *)R_alloc(n + 1, 1);
    size_t *missing = (size_t *)R_alloc(n_name + 1, sizeof(size_t));
    memset(missing, 0, (n_name + 1) * sizeof(size_t));
    size_t n_flagged = 0;
    sr_context ctx;
    sr_context_open(&ctx);
    const sr_status status = sr_frame_scan(&ctx, &frame, row, missing, &n_flagged);
    sr_context_close(&ctx, status);
    if (n_flagged == 0)
        return R_NilValue;
    SEXP out = PROTECT(sr_named_list(names));
    SET_VECTOR_ELT(out, 0, rows_with(row, n, SR_ROW_MISSING));
    SET_VECTOR_ELT(out, 1, Rf_allocVector(REALSXP, (R_xlen_t)n_name));
    for (size_t k = 0; k < n_name; k++)
        REAL(VECTOR_ELT(out, 1))[k] = (double)missing[k];
    SET_VECTOR_ELT(out, 2, rows_with(row, n, SR_ROW_NOT_FINITE));
    UNPROTECT(1);
    return out;
}

/* list(y = matrix without names, n_bad_time, n_bad_status) */
SEXP r_frame_response(SEXP start, SEXP stop, SEXP status)
{
    static const char *const names[] = {"y", "n_bad_time", "n_bad_status", NULL};
    const size_t n = (size_t)XLENGTH(stop);
    if ((size_t)XLENGTH(status) != n || (start != R_NilValue && (size_t)XLENGTH(start) != n))
        Rf_error("survresist: the parts of the response differ in length");
    const sr_frame_times in = {n, column_of(start), column_of(stop), column_of(status), NA_REAL};
    SEXP out = PROTECT(sr_named_list(names));
    SET_VECTOR_ELT(out, 0, Rf_allocMatrix(REALSXP, (int)n, start == R_NilValue ? 2 : 3));
    size_t n_bad_time = 0, n_bad_status = 0;
    sr_context ctx;
    sr_context_open(&ctx);
    const sr_status outcome =
        sr_frame_response(&ctx, &in, REAL(VECTOR_ELT(out, 0)), &n_bad_time, &n_bad_status);
    sr_context_close(&ctx, outcome);
    SET_VECTOR_ELT(out, 1, Rf_ScalarReal((double)n_bad_time));
    SET_VECTOR_ELT(out, 2, Rf_ScalarReal((double)n_bad_status));
    UNPROTECT(1);
    return out;
}

/* As r_frame_response() for the ends of intervals; NULL when neither end of some row is known. */
SEXP r_frame_interval(SEXP left, SEXP right)
{
    static const char *const names[] = {"y", "n_bad_time", "n_bad_status", NULL};
    const size_t n = (size_t)XLENGTH(left);
    if ((size_t)XLENGTH(right) != n)
        Rf_error("survresist: the parts of the response differ in length");
    const sr_interval_ends in = {n, REAL_RO(left), REAL_RO(right), NA_REAL};
    SEXP out = PROTECT(sr_named_list(names));
    SET_VECTOR_ELT(out, 0, Rf_allocMatrix(REALSXP, (int)n, 3));
    size_t n_crossed = 0, n_unknown = 0;
    sr_context ctx;
    sr_context_open(&ctx);
    const sr_status status =
        sr_interval_response(&ctx, &in, REAL(VECTOR_ELT(out, 0)), &n_crossed, &n_unknown);
    sr_context_close(&ctx, status);
    SET_VECTOR_ELT(out, 1, Rf_ScalarReal((double)n_crossed));
    SET_VECTOR_ELT(out, 2, Rf_ScalarReal(0));
    UNPROTECT(1);
    return n_unknown > 0 ? R_NilValue : out;
}

/* list(kind, time, right) of a Surv of type "interval"; NULL where its rows need a closer look. */
SEXP r_frame_interval_rows(SEXP y)
{
    static const char *const names[] = {"kind", "time", "right", NULL};
    const R_xlen_t n = XLENGTH(y) / 3;
    SEXP out = PROTECT(sr_named_list(names));
    SET_VECTOR_ELT(out, 0, Rf_allocVector(INTSXP, n));
    SET_VECTOR_ELT(out, 1, Rf_allocVector(REALSXP, n));
    SET_VECTOR_ELT(out, 2, Rf_allocVector(REALSXP, n));
    sr_interval_rows rows = {.kind = INTEGER(VECTOR_ELT(out, 0)),
                             .time = REAL(VECTOR_ELT(out, 1)),
                             .right = REAL(VECTOR_ELT(out, 2))};
    sr_context ctx;
    sr_context_open(&ctx);
    const sr_status status = sr_interval_read(&ctx, (size_t)n, REAL_RO(y), &rows);
    sr_context_close(&ctx, status == SR_ERR_DOMAIN ? SR_OK : status);
    if (rows.n_interval == 0)
        SET_VECTOR_ELT(out, 2, R_NilValue);
    UNPROTECT(1);
    return status == SR_OK ? out : R_NilValue;
}

/* list(code = 0-based integers, value = distinct values), or NULL when they span too much. */
SEXP r_frame_group(SEXP x)
{
    static const char *const names[] = {"code", "value", NULL};
    const size_t n = (size_t)XLENGTH(x);
    const size_t room = n < 1024 ? 4096 : 4 * n;
    sr_context ctx;
    SEXP out = PROTECT(sr_named_list(names));
    SET_VECTOR_ELT(out, 0, Rf_allocVector(INTSXP, (R_xlen_t)n));
    sr_frame_groups groups = {INTEGER(VECTOR_ELT(out, 0)), (int *)R_alloc(n + 1, sizeof(int)), 0};
    const int *from = TYPEOF(x) == LGLSXP ? LOGICAL_RO(x) : INTEGER_RO(x);
    sr_context_open(&ctx);
    const sr_status status = sr_frame_group(&ctx, n, from, room, &groups);
    sr_context_close(&ctx, status == SR_ERR_DOMAIN ? SR_OK : status);
    if (status == SR_OK) {
        SET_VECTOR_ELT(out, 1, Rf_allocVector(INTSXP, (R_xlen_t)groups.n_value));
        for (size_t v = 0; v < groups.n_value; v++)
            INTEGER(VECTOR_ELT(out, 1))[v] = groups.value[v];
    }
    UNPROTECT(1);
    return status == SR_OK ? out : R_NilValue;
}

/* For each column of x (a matrix or a list of doubles): is every value among `allowed`? */
SEXP r_frame_all_in(SEXP x, SEXP allowed, SEXP n_row)
{
    const size_t n = (size_t)Rf_asReal(n_row);
    const int is_list = TYPEOF(x) == VECSXP;
    const R_xlen_t p = is_list ? XLENGTH(x) : n == 0 ? 0 : XLENGTH(x) / (R_xlen_t)n;
    SEXP out = PROTECT(Rf_allocVector(LGLSXP, p));
    for (R_xlen_t j = 0; j < p; j++) {
        const double *column = is_list ? REAL_RO(VECTOR_ELT(x, j)) : REAL_RO(x) + (size_t)j * n;
        LOGICAL(out)[j] = sr_frame_all_in(n, column, (size_t)XLENGTH(allowed), REAL_RO(allowed));
    }
    UNPROTECT(1);
    return out;
}

/* list(rows, events) for each of `n_stratum` strata; the event is the last column of y. */
SEXP r_frame_count(SEXP y, SEXP stratum, SEXP n_stratum)
{
    static const char *const names[] = {"rows", "events", NULL};
    if (TYPEOF(y) != REALSXP || !Rf_isMatrix(y))
        Rf_error("survresist, internal: `y` must be a double matrix");
    const size_t n = (size_t)Rf_nrows(y), k = (size_t)Rf_asInteger(n_stratum);
    const double *event = REAL_RO(y) + (size_t)XLENGTH(y) - n;
    const int *code = sr_integers_or_null(stratum, n, "stratum");
    for (size_t i = 0; code != NULL && i < n; i++)
        if (code[i] < 0 || (size_t)code[i] >= k)
            Rf_error("survresist, internal: `stratum` must lie from 0 to n_stratum - 1");
    SEXP out = PROTECT(sr_named_list(names));
    for (int i = 0; i < 2; i++) {
        SET_VECTOR_ELT(out, i, Rf_allocVector(REALSXP, (R_xlen_t)k));
        for (size_t s = 0; s < k; s++)
            REAL(VECTOR_ELT(out, i))[s] = 0.0;
    }
    sr_frame_count(n, event, code, REAL(VECTOR_ELT(out, 0)), REAL(VECTOR_ELT(out, 1)));
    UNPROTECT(1);
    return out;
}
