/* r_cox_resid.c -- residuals and the robust variance of a Cox fit, for R */
#include "model_cox_resid.h"
#include "r_data.h"

/* A double matrix whose length may pass 2^31. */
static SEXP real_matrix(size_t n, size_t p)
{
    if (n > INT_MAX || p > INT_MAX)
        Rf_error("a matrix of %.0f by %.0f is more than R can hold", (double)n, (double)p);
    return Rf_allocMatrix(REALSXP, (int)n, (int)p);
}

static sr_status open_scores(sr_context *ctx, const sr_cox_data *data, int is_efron,
                             const double *eta, sr_riskset *rs, sr_cox_scores *scores)
{
    SR_TRY(sr_riskset_make(ctx, &data->times, is_efron, rs));
    return sr_cox_scores_open(ctx, data, rs, eta, scores);
}

/* eta: double n. Returns a matrix n x p. */
SEXP r_cox_scores(SEXP bundle, SEXP eta, SEXP is_efron, SEXP is_weighted)
{
    sr_cox_data data;
    sr_data_from_r(bundle, &data);
    const double *const predictor = sr_doubles_or_null(eta, data.times.n, "eta");
    SEXP out = PROTECT(real_matrix(data.times.n, data.x.p));
    sr_context ctx;
    sr_riskset rs;
    sr_cox_scores scores;
    sr_context_open(&ctx);
    sr_status status = open_scores(&ctx, &data, Rf_asLogical(is_efron), predictor, &rs, &scores);
    if (status == SR_OK)
        status = sr_cox_scores_all(&ctx, &scores, Rf_asLogical(is_weighted), REAL(out));
    sr_context_close(&ctx, status);
    UNPROTECT(1);
    return out;
}

/* cluster: integer n, 0-based, or NULL. Returns list(var, rscore). */
SEXP r_cox_robust(SEXP bundle, SEXP eta, SEXP eta_null, SEXP var, SEXP is_efron, SEXP cluster,
                  SEXP n_cluster, SEXP tol_chol)
{
    static const char *const names[] = {"var", "rscore", NULL};
    sr_cox_data data;
    sr_data_from_r(bundle, &data);
    const size_t n = data.times.n, p = data.x.p;
    const int *const codes = sr_integers_or_null(cluster, n, "cluster");
    const int most = Rf_asInteger(n_cluster);
    for (size_t i = 0; codes != NULL && i < n; i++)
        if (codes[i] < 0 || codes[i] >= most)
            Rf_error("survresist, internal: `cluster` is not coded 0 to %d", most - 1);
    const sr_cox_robust_in in = {
        .eta = sr_doubles_or_null(eta, n, "eta"),
        .eta_null = sr_doubles_or_null(eta_null, n, "eta_null"),
        .var = sr_doubles_or_null(var, p * p, "var"),
        .by = {codes, (size_t)most},
        .tol_chol = Rf_asReal(tol_chol),
    };
    SEXP out = PROTECT(sr_named_list(names));
    SET_VECTOR_ELT(out, 0, real_matrix(p, p));
    SET_VECTOR_ELT(out, 1, Rf_allocVector(REALSXP, 1));
    sr_context ctx;
    sr_context_open(&ctx);
    const sr_status status = sr_cox_robust(&ctx, &data, Rf_asLogical(is_efron), &in,
                                           REAL(VECTOR_ELT(out, 0)), REAL(VECTOR_ELT(out, 1)));
    sr_context_close(&ctx, status);
    UNPROTECT(1);
    return out;
}

/* Returns list(row, residual): rows of the deaths (1-based) in order, and their matrix. */
SEXP r_cox_schoenfeld(SEXP bundle, SEXP eta, SEXP is_efron)
{
    static const char *const names[] = {"row", "residual", NULL};
    sr_cox_data data;
    sr_data_from_r(bundle, &data);
    const double *const predictor = sr_doubles_or_null(eta, data.times.n, "eta");
    const size_t n_death = sr_cox_death_count(&data);
    SEXP out = PROTECT(sr_named_list(names));
    SET_VECTOR_ELT(out, 0, Rf_allocVector(REALSXP, (R_xlen_t)n_death));
    SET_VECTOR_ELT(out, 1, real_matrix(n_death, data.x.p));
    double *const row_out = REAL(VECTOR_ELT(out, 0));
    sr_context ctx;
    sr_riskset rs;
    sr_cox_scores scores;
    sr_context_open(&ctx);
    size_t *row = sr_arena_sizes(&ctx.arena, n_death + 1);
    sr_status status = row == NULL ? SR_ERR_MEMORY : SR_OK;
    if (status == SR_OK)
        status = open_scores(&ctx, &data, Rf_asLogical(is_efron), predictor, &rs, &scores);
    if (status == SR_OK)
        status = sr_cox_schoenfeld(&ctx, &scores, row, REAL(VECTOR_ELT(out, 1)));
    for (size_t i = 0; status == SR_OK && i < n_death; i++)
        row_out[i] = (double)row[i] + 1;
    sr_context_close(&ctx, status);
    UNPROTECT(1);
    return out;
}
