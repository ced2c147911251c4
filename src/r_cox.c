/* r_cox.c -- .Call("cox_fit"): one Newton fit of the Cox model; see cox_newton() in R/cox-data.R */
#include "r_fit.h"

enum {
    COEF,
    VAR,
    SCORE,
    MEANS,
    LOGLIK,
    SCORE_TEST,
    ITER,
    RANK,
    HALVING,
    CONVERGED,
    ETA,
    MARTINGALE,
    TIMES,
    N_MERGED,
    N_DISTINCT
};
static const char *const fit_names[] = {"coefficients",
                                        "var",
                                        "score",
                                        "means",
                                        "loglik",
                                        "score_test",
                                        "iter",
                                        "rank",
                                        "halving",
                                        "converged",
                                        "linear.predictors",
                                        "residuals",
                                        "times",
                                        "n_merged",
                                        "n_distinct",
                                        NULL};

static double *put_doubles(SEXP list, int place, R_xlen_t n)
{
    SEXP value = Rf_allocVector(REALSXP, n);
    SET_VECTOR_ELT(list, place, value);
    return REAL(value);
}

/* Room in R's memory for every result of one fit */
static void take_room(SEXP list, const sr_cox_data *data, sr_cox_fit *fit)
{
    const R_xlen_t n = (R_xlen_t)data->times.n, p = (R_xlen_t)data->x.p;
    fit->coef = put_doubles(list, COEF, p);
    SET_VECTOR_ELT(list, VAR, Rf_allocMatrix(REALSXP, (int)p, (int)p));
    fit->var = REAL(VECTOR_ELT(list, VAR));
    fit->score = put_doubles(list, SCORE, p);
    fit->means = put_doubles(list, MEANS, p);
    fit->eta = put_doubles(list, ETA, n);
    fit->martingale = put_doubles(list, MARTINGALE, n);
}

/* list(row, value) of the moved times of one end; rows from 1, as R counts */
static void put_moved(SEXP list, int place, const sr_moved_times *moved)
{
    SEXP part = Rf_allocVector(VECSXP, 2);
    SET_VECTOR_ELT(list, place, part);
    double *const row = put_doubles(part, 0, (R_xlen_t)moved->n);
    double *const value = put_doubles(part, 1, (R_xlen_t)moved->n);
    for (size_t i = 0; i < moved->n; i++) {
        row[i] = (double)moved->row[i] + 1;
        value[i] = moved->value[i];
    }
}

typedef struct {
    SEXP list;
    const sr_cox_fit *fit;
} moved_task;

/* Runs while the arena still holds the moved times, so it must not jump past it. */
static void put_times(void *task)
{
    const moved_task *const t = task;
    SEXP times = Rf_allocVector(VECSXP, 2);
    SET_VECTOR_ELT(t->list, TIMES, times);
    if (t->fit->start.row != NULL)
        put_moved(times, 0, &t->fit->start);
    put_moved(times, 1, &t->fit->stop);
}

static void put_scalars(SEXP list, const sr_cox_fit *fit)
{
    double *const loglik = put_doubles(list, LOGLIK, 2);
    loglik[0] = fit->loglik[0];
    loglik[1] = fit->loglik[1];
    SET_VECTOR_ELT(list, SCORE_TEST, Rf_ScalarReal(fit->score_test));
    SET_VECTOR_ELT(list, ITER, Rf_ScalarInteger(fit->n_iter));
    SET_VECTOR_ELT(list, RANK, Rf_ScalarInteger(fit->rank));
    SET_VECTOR_ELT(list, HALVING, Rf_ScalarInteger(fit->n_halving));
    SET_VECTOR_ELT(list, CONVERGED, Rf_ScalarLogical(fit->is_converged));
    SET_VECTOR_ELT(list, N_MERGED, Rf_ScalarReal((double)fit->n_time_merged));
    SET_VECTOR_ELT(list, N_DISTINCT, Rf_ScalarReal((double)fit->n_time_distinct));
}

SEXP sr_fit_to_r(sr_fit_kernel kernel, const void *extra, const sr_fit_args *args)
{
    sr_cox_data data;
    sr_cox_fit fit = {0};
    sr_data_from_r(args->bundle, &data);
    const R_xlen_t p = (R_xlen_t)data.x.p;
    if (TYPEOF(args->is_centred) != LGLSXP || XLENGTH(args->is_centred) != p)
        Rf_error("survresist, internal: `is_centred` must be %lld logicals", (long long)p);
    if (args->init != R_NilValue && (TYPEOF(args->init) != REALSXP || XLENGTH(args->init) != p))
        Rf_error("survresist, internal: `init` must be %lld doubles", (long long)p);
    const sr_cox_control control = {
        .is_efron = Rf_asLogical(args->is_efron) == TRUE,
        .max_iter = Rf_asInteger(args->max_iter),
        .eps = Rf_asReal(args->eps),
        .tol_chol = Rf_asReal(args->tol_chol),
        .tol_time = Rf_asReal(args->tolerance),
        .init = args->init == R_NilValue ? NULL : REAL_RO(args->init),
        .is_centred = LOGICAL_RO(args->is_centred),
    };
    SEXP list = PROTECT(sr_named_list(fit_names));
    take_room(list, &data, &fit);
    sr_context ctx;
    sr_context_open(&ctx);
    sr_status status = kernel(&ctx, &data, &control, extra, &fit);
    moved_task task = {list, &fit};
    if (status == SR_OK && fit.n_time_merged > 0 && !R_ToplevelExec(put_times, &task))
        status = SR_ERR_MEMORY;
    sr_context_close(&ctx, status);
    put_scalars(list, &fit);
    UNPROTECT(1);
    return list;
}

sr_status sr_newton_kernel(sr_context *ctx, const sr_cox_data *data, const sr_cox_control *control,
                           const void *unused, sr_cox_fit *fit)
{
    (void)unused;
    return sr_cox_fit_newton(ctx, data, control, fit);
}

SEXP r_cox_fit(SEXP bundle, SEXP is_efron, SEXP init, SEXP max_iter, SEXP eps, SEXP tol_chol,
               SEXP is_centred, SEXP tolerance)
{
    const sr_fit_args args = {bundle, is_efron, init,       max_iter,
                              eps,    tol_chol, is_centred, tolerance};
    return sr_fit_to_r(sr_newton_kernel, NULL, &args);
}
