/* r_data.c -- see r_data.h */
#include "r_data.h"
#include "core_thread.h"
#include <R_ext/Utils.h>
#include <time.h>

const double *sr_doubles_or_null(SEXP value, size_t n, const char *what)
{
    if (value == R_NilValue)
        return NULL;
    if (TYPEOF(value) != REALSXP || (size_t)XLENGTH(value) != n)
        Rf_error("survresist, internal: `%s` must be %lld doubles", what, (long long)n);
    return REAL_RO(value);
}

const double *sr_doubles(SEXP value, size_t n, const char *what)
{
    const double *const out = sr_doubles_or_null(value, n, what);
    if (out == NULL && n > 0)
        Rf_error("survresist, internal: `%s` must be %lld doubles", what, (long long)n);
    return out;
}

const int *sr_integers_or_null(SEXP value, size_t n, const char *what)
{
    if (value == R_NilValue)
        return NULL;
    if (TYPEOF(value) != INTSXP || (size_t)XLENGTH(value) != n)
        Rf_error("survresist, internal: `%s` must be %lld integers", what, (long long)n);
    return INTEGER_RO(value);
}

void sr_columns_from_r(SEXP x, R_xlen_t n, sr_columns *out)
{
    const int is_list = TYPEOF(x) == VECSXP, is_matrix = TYPEOF(x) == REALSXP;
    *out = (sr_columns){.n = (size_t)n};
    if (x == R_NilValue)
        return;
    if (!is_list && !is_matrix)
        Rf_error("survresist, internal: `x` must be a double matrix or a list of columns");
    if (is_matrix && (n == 0 ? XLENGTH(x) != 0 : XLENGTH(x) % n != 0))
        Rf_error("survresist, internal: `x` must have %lld rows", (long long)n);
    const size_t p = is_list ? (size_t)XLENGTH(x) : n == 0 ? 0 : (size_t)(XLENGTH(x) / n);
    const double **column = (const double **)R_alloc(p + 1, sizeof(double *));
    for (size_t j = 0; j < p; j++) {
        column[j] = is_list ? sr_doubles_or_null(VECTOR_ELT(x, (R_xlen_t)j), (size_t)n, "x")
                            : REAL_RO(x) + j * (size_t)n;
        if (column[j] == NULL)
            Rf_error("survresist, internal: `x` must be %lld doubles", (long long)n);
    }
    out->p = p;
    out->x = column;
}

int sr_strata_from_r(SEXP stratum, R_xlen_t n, const int **out)
{
    int last = 0;
    *out = sr_integers_or_null(stratum, (size_t)n, "stratum");
    for (R_xlen_t i = 0; *out != NULL && i < n; i++) {
        if ((*out)[i] < 0)
            Rf_error("survresist, internal: `stratum` must be 0 or more");
        last = (*out)[i] > last ? (*out)[i] : last;
    }
    return last + 1;
}

void sr_data_from_r(SEXP bundle, sr_cox_data *out)
{
    if (TYPEOF(bundle) != VECSXP || XLENGTH(bundle) != 5)
        Rf_error("survresist, internal: the data must come from cox_data()");
    SEXP y = VECTOR_ELT(bundle, 1);
    if (TYPEOF(y) != REALSXP || !Rf_isMatrix(y) || Rf_ncols(y) < 2 || Rf_ncols(y) > 3)
        Rf_error("survresist, internal: `y` must be a double matrix of 2 or 3 columns");
    const R_xlen_t n = Rf_nrows(y);
    const int is_counting = Rf_ncols(y) == 3;
    *out = (sr_cox_data){.times.n = (size_t)n};
    out->times.start = is_counting ? REAL_RO(y) : NULL;
    out->times.stop = REAL_RO(y) + (is_counting ? n : 0);
    out->times.event = out->times.stop + n;
    out->times.n_stratum = sr_strata_from_r(VECTOR_ELT(bundle, 2), n, &out->times.stratum);
    out->times.weight = sr_doubles_or_null(VECTOR_ELT(bundle, 3), (size_t)n, "weights");
    out->offset = sr_doubles_or_null(VECTOR_ELT(bundle, 4), (size_t)n, "offset");
    sr_columns_from_r(VECTOR_ELT(bundle, 0), n, &out->x);
}

static void check_interrupt(void *unused)
{
    (void)unused;
    R_CheckUserInterrupt();
}

/* An interrupt jumps; caught here, it becomes a flag that the kernels pass up. Kernels ask often,
 * R is asked after a fiftieth of a second. */
static int is_interrupted(void *last_check)
{
    struct timespec now, *const last = last_check;
    timespec_get(&now, TIME_UTC);
    const double passed =
        difftime(now.tv_sec, last->tv_sec) + 1e-9 * (double)(now.tv_nsec - last->tv_nsec);
    if (passed >= 0 && passed < 0.02)
        return 0;
    *last = now;
    return R_ToplevelExec(check_interrupt, NULL) == FALSE;
}

void sr_context_open(sr_context *ctx)
{
    static struct timespec last_check;
    *ctx = (sr_context){
        .n_thread = sr_thread_count(), .tick = is_interrupted, .tick_data = &last_check};
}

void sr_context_close(sr_context *ctx, sr_status status)
{
    sr_arena_free(&ctx->arena);
    if (status == SR_OK)
        return;
    SEXP name = PROTECT(Rf_ScalarInteger((int)status));
    SEXP text = PROTECT(Rf_mkString(sr_status_text(status)));
    SEXP space = PROTECT(R_FindNamespace(PROTECT(Rf_mkString("survresist"))));
    SEXP raise = PROTECT(Rf_lang3(Rf_install("raise_status"), name, text));
    Rf_eval(raise, space);
    UNPROTECT(5);
    Rf_error("%s", sr_status_text(status));
}

SEXP sr_named_list(const char *const *names)
{
    int n = 0;
    while (names[n] != NULL)
        n++;
    SEXP list = PROTECT(Rf_allocVector(VECSXP, n));
    SEXP labels = PROTECT(Rf_allocVector(STRSXP, n));
    for (int i = 0; i < n; i++)
        SET_STRING_ELT(labels, i, Rf_mkChar(names[i]));
    Rf_setAttrib(list, R_NamesSymbol, labels);
    UNPROTECT(2);
    return list;
}

double *sr_put_matrix(SEXP list, int place, size_t n_row, size_t n_column)
{
    SET_VECTOR_ELT(list, place, Rf_allocMatrix(REALSXP, (int)n_row, (int)n_column));
    return REAL(VECTOR_ELT(list, place));
}

double *sr_put_vector(SEXP list, int place, size_t n)
{
    SET_VECTOR_ELT(list, place, Rf_allocVector(REALSXP, (R_xlen_t)n));
    return REAL(VECTOR_ELT(list, place));
}
