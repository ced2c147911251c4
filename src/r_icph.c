/* r_icph.c -- .Call of the interval-censored proportional hazards model; see R/icph-fit.R
 *
 * The data come as list(x, left, right, entry, stratum, weights, offset): doubles of length n, x as
 * cox_data() takes it, stratum integers from 0; entry, stratum, weights and offset may be NULL.
 */
#include "model_icph_after.h"
#include "r_data.h"
#include <math.h>
#include <string.h>

typedef struct {
    sr_icph_times times;
    sr_columns x;
    const double *weight, *offset;
} icph_data;

static void icph_from_r(SEXP bundle, icph_data *out)
{
    if (TYPEOF(bundle) != VECSXP || XLENGTH(bundle) != 7)
        Rf_error("survresist, internal: the data must come from icph_data()");
    SEXP left = VECTOR_ELT(bundle, 1);
    const R_xlen_t n_row = XLENGTH(left);
    const size_t n = (size_t)n_row;
    *out = (icph_data){.times.n = n};
    out->times.left = sr_doubles_or_null(left, n, "left");
    out->times.right = sr_doubles_or_null(VECTOR_ELT(bundle, 2), n, "right");
    out->times.entry = sr_doubles_or_null(VECTOR_ELT(bundle, 3), n, "entry");
    out->times.n_stratum =
        (size_t)sr_strata_from_r(VECTOR_ELT(bundle, 4), n_row, &out->times.stratum);
    out->weight = sr_doubles_or_null(VECTOR_ELT(bundle, 5), n, "weights");
    out->offset = sr_doubles_or_null(VECTOR_ELT(bundle, 6), n, "offset");
    sr_columns_from_r(VECTOR_ELT(bundle, 0), n_row, &out->x);
    if (out->times.left == NULL || out->times.right == NULL || n == 0)
        Rf_error("survresist, internal: `left` and `right` must be given");
}

static SEXP doubles(const double *value, size_t n)
{
    SEXP out = Rf_allocVector(REALSXP, (R_xlen_t)n);
    if (n > 0)
        memcpy(REAL(out), value, n * sizeof(double));
    return out;
}

/* ---- fit --------------------------------------------------------------------------------- */

typedef struct {
    const icph_data *data;
    const double *start_beta, *start_jump; /* unscaled coefficients; NULL: none */
    size_t n_start_jump;
    sr_icph_control control;
    int wants_null, wants_curvature;
    sr_icph_model model;
    sr_icph_fit fit;
    double loglik_null;
    double *curvature;
} icph_job;

static sr_status fit_null(sr_context *ctx, icph_job *job)
{
    const size_t p = job->model.p;
    int *fixed = NULL;
    SR_TAKE(fixed, (int *)sr_arena_take(&ctx->arena, p + 1, sizeof(int)));
    for (size_t j = 0; j < p; j++)
        fixed[j] = 1;
    sr_icph_control control = job->control;
    control.fixed = fixed;
    SR_TRY(sr_icph_maximise(ctx, &job->model, &control, &job->fit));
    job->loglik_null = job->fit.is_converged ? job->fit.at.loglik : NAN;
    job->fit.is_started = 1;
    return SR_OK;
}

static sr_status run_job(sr_context *ctx, icph_job *job)
{
    const icph_data *const data = job->data;
    sr_icph_model *const model = &job->model;
    SR_TRY(sr_icph_prepare(ctx, &data->times, &data->x, data->weight, data->offset, model));
    const size_t p = model->p, n_node = model->layout.n_node;
    SR_TRY(sr_icph_fit_take(ctx, model, &job->fit));
    SR_TAKE(job->curvature, sr_arena_double(&ctx->arena, p + 1));
    for (size_t j = 0; j < p; j++) {
        job->curvature[j] = NAN;
        if (job->start_beta != NULL)
            job->fit.at.beta[j] = job->start_beta[j] * model->scale[j];
    }
    if (job->start_jump != NULL) {
        if (job->n_start_jump != n_node)
            return SR_ERR_SIZE;
        memcpy(job->fit.at.jump, job->start_jump, n_node * sizeof(double));
        job->fit.is_started = 1;
    }
    job->loglik_null = NAN;
    if (job->wants_null)
        SR_TRY(fit_null(ctx, job));
    if (!job->wants_null || p > 0)
        SR_TRY(sr_icph_maximise(ctx, model, &job->control, &job->fit));
    if (job->wants_curvature)
        SR_TRY(sr_icph_curvature(ctx, model, &job->control, &job->fit, job->curvature));
    return SR_OK;
}

/* A [p x p] matrix of the scaled columns as one of the columns; `power` 1 for an information, -1
 * for a variance. Aliased: 0. */
static SEXP unscaled(const icph_job *job, const double *matrix, int power)
{
    const size_t p = job->model.p;
    SEXP out = PROTECT(Rf_allocMatrix(REALSXP, (int)p, (int)p));
    for (size_t j = 0; j < p; j++)
        for (size_t k = 0; k < p; k++) {
            const double size = job->model.scale[j] * job->model.scale[k];
            REAL(out)
            [j + k * p] = size == 0   ? 0
                          : power > 0 ? matrix[j * p + k] * size
                                      : matrix[j * p + k] / size;
        }
    UNPROTECT(1);
    return out;
}

static SEXP nodes_to_r(const icph_job *job)
{
    static const char *const names[] = {"from", "to",     "stratum", "kind",
                                        "jump", "cumhaz", "excess",  NULL};
    const sr_icph_layout *const layout = &job->model.layout;
    const sr_icph_point *const at = &job->fit.at;
    const size_t n_node = layout->n_node;
    SEXP out = PROTECT(sr_named_list(names));
    SET_VECTOR_ELT(out, 0, doubles(layout->from, n_node));
    SET_VECTOR_ELT(out, 1, doubles(layout->to, n_node));
    SET_VECTOR_ELT(out, 2, Rf_allocVector(INTSXP, (R_xlen_t)n_node));
    SET_VECTOR_ELT(out, 3, Rf_allocVector(INTSXP, (R_xlen_t)n_node));
    SET_VECTOR_ELT(out, 4, doubles(at->jump, n_node));
    SET_VECTOR_ELT(out, 5, doubles(at->cum_high, n_node));
    SET_VECTOR_ELT(out, 6, Rf_allocVector(REALSXP, (R_xlen_t)n_node));
    for (size_t v = 0; v < n_node; v++) {
        INTEGER(VECTOR_ELT(out, 2))[v] = layout->stratum[v];
        INTEGER(VECTOR_ELT(out, 3))[v] = layout->kind[v];
        REAL(VECTOR_ELT(out, 6))
        [v] = layout->kind[v] == SR_NODE_JUMP ? at->gradient[v] / at->exposure[v] : 0;
    }
    UNPROTECT(1);
    return out;
}

static SEXP job_to_r(const icph_job *job)
{
    static const char *const names[] = {
        "coefficients", "var",     "information", "curvature", "means",  "aliased",
        "loglik",       "node",    "hazard_gap",  "beta_gap",  "n_free", "rank",
        "iter",         "halving", "converged",   "scale",     NULL};
    const sr_icph_fit *const fit = &job->fit;
    const size_t p = job->model.p;
    SEXP out = PROTECT(sr_named_list(names));
    const double loglik[] = {job->loglik_null, fit->at.loglik};
    SET_VECTOR_ELT(out, 0, doubles(fit->at.beta, p));
    SET_VECTOR_ELT(out, 1, unscaled(job, fit->inverse, -1));
    SET_VECTOR_ELT(out, 2, unscaled(job, fit->profile, 1));
    SET_VECTOR_ELT(out, 3, doubles(job->curvature, p));
    SET_VECTOR_ELT(out, 4, doubles(job->model.centre, p));
    SET_VECTOR_ELT(out, 5, Rf_allocVector(LGLSXP, (R_xlen_t)p));
    SET_VECTOR_ELT(out, 6, doubles(loglik, 2));
    SET_VECTOR_ELT(out, 7, nodes_to_r(job));
    SET_VECTOR_ELT(out, 8, Rf_ScalarReal(fit->hazard_gap));
    SET_VECTOR_ELT(out, 9, Rf_ScalarReal(fit->beta_gap));
    SET_VECTOR_ELT(out, 10, Rf_ScalarReal((double)fit->n_free));
    SET_VECTOR_ELT(out, 11, Rf_ScalarReal((double)fit->rank));
    SET_VECTOR_ELT(out, 12, Rf_ScalarInteger(fit->n_iter));
    SET_VECTOR_ELT(out, 13, Rf_ScalarInteger(fit->n_halving));
    SET_VECTOR_ELT(out, 14, Rf_ScalarLogical(fit->is_converged));
    SET_VECTOR_ELT(out, 15, doubles(job->model.scale, p));
    for (size_t j = 0; j < p; j++) {
        const double scale = job->model.scale[j];
        LOGICAL(VECTOR_ELT(out, 5))[j] = scale == 0;
        REAL(VECTOR_ELT(out, 0))[j] = scale == 0 ? 0 : fit->at.beta[j] / scale;
        REAL(VECTOR_ELT(out, 3))[j] *= scale * scale;
    }
    UNPROTECT(1);
    return out;
}

/* `beta`, `jump`: where to start, or NULL; `fixed`: which coefficients stay there (integers, or
 * NULL); `control`: max_iter, tolerance; `wants`: logical, the null model, the curvature. */
SEXP r_icph_fit(SEXP bundle, SEXP beta, SEXP jump, SEXP fixed, SEXP control, SEXP wants)
{
    icph_data data;
    icph_from_r(bundle, &data);
    icph_job job = {.data = &data};
    job.start_beta = sr_doubles_or_null(beta, data.x.p, "beta");
    job.n_start_jump = jump == R_NilValue ? 0 : (size_t)XLENGTH(jump);
    job.start_jump = sr_doubles_or_null(jump, job.n_start_jump, "jump");
    job.control.fixed = sr_integers_or_null(fixed, data.x.p, "fixed");
    job.control.max_iter = (int)REAL_RO(control)[0];
    job.control.tolerance = REAL_RO(control)[1];
    job.wants_null = LOGICAL_RO(wants)[0];
    job.wants_curvature = LOGICAL_RO(wants)[1];
    sr_context ctx;
    sr_context_open(&ctx);
    const sr_status status = run_job(&ctx, &job);
    SEXP out = PROTECT(status == SR_OK ? job_to_r(&job) : R_NilValue);
    sr_context_close(&ctx, status);
    UNPROTECT(1);
    return out;
}

/* ---- after a fit ------------------------------------------------------------------------- */

/* The point of a fit: unscaled `beta`, and `jump` of each node. */
static sr_status point_from_r(sr_context *ctx, const icph_data *data, SEXP beta, SEXP jump,
                              sr_icph_model *model, sr_icph_point *at)
{
    SR_TRY(sr_icph_prepare(ctx, &data->times, &data->x, data->weight, data->offset, model));
    SR_TRY(sr_icph_point_take(ctx, model, at));
    if ((size_t)XLENGTH(beta) != model->p || (size_t)XLENGTH(jump) != model->layout.n_node)
        return SR_ERR_SIZE;
    for (size_t j = 0; j < model->p; j++)
        at->beta[j] = REAL_RO(beta)[j] * model->scale[j];
    memcpy(at->jump, REAL_RO(jump), model->layout.n_node * sizeof(double));
    return sr_icph_evaluate(ctx, model, at);
}

/* list(survived, met, score): score n x p */
SEXP r_icph_rows(SEXP bundle, SEXP beta, SEXP jump)
{
    static const char *const names[] = {"survived", "met", "score", NULL};
    icph_data data;
    icph_from_r(bundle, &data);
    const size_t n = data.times.n, p = data.x.p;
    SEXP out = PROTECT(sr_named_list(names));
    SET_VECTOR_ELT(out, 0, Rf_allocVector(REALSXP, (R_xlen_t)n));
    SET_VECTOR_ELT(out, 1, Rf_allocVector(REALSXP, (R_xlen_t)n));
    SET_VECTOR_ELT(out, 2, Rf_allocMatrix(REALSXP, (int)n, (int)p));
    sr_icph_rows rows = {REAL(VECTOR_ELT(out, 0)), REAL(VECTOR_ELT(out, 1)),
                         REAL(VECTOR_ELT(out, 2))};
    sr_context ctx;
    sr_context_open(&ctx);
    sr_icph_model model;
    sr_icph_point at;
    sr_status status = point_from_r(&ctx, &data, beta, jump, &model, &at);
    if (status == SR_OK)
        status = sr_icph_row_terms(&ctx, &model, &at, &rows);
    for (size_t j = 0; status == SR_OK && j < p; j++)
        for (size_t i = 0; i < n; i++)
            rows.score[j * n + i] *= model.scale[j];
    sr_context_close(&ctx, status);
    UNPROTECT(1);
    return out;
}

/* list(variance, slope): by node; slope n_node x p */
SEXP r_icph_curve(SEXP bundle, SEXP beta, SEXP jump)
{
    static const char *const names[] = {"variance", "slope", NULL};
    icph_data data;
    icph_from_r(bundle, &data);
    const size_t n_node = (size_t)XLENGTH(jump), p = data.x.p;
    SEXP out = PROTECT(sr_named_list(names));
    SET_VECTOR_ELT(out, 0, Rf_allocVector(REALSXP, (R_xlen_t)n_node));
    SET_VECTOR_ELT(out, 1, Rf_allocMatrix(REALSXP, (int)n_node, (int)p));
    double *const slope = REAL(VECTOR_ELT(out, 1));
    sr_context ctx;
    sr_context_open(&ctx);
    sr_icph_model model;
    sr_icph_point at;
    sr_status status = point_from_r(&ctx, &data, beta, jump, &model, &at);
    if (status == SR_OK)
        status = sr_icph_curve_terms(&ctx, &model, &at, REAL(VECTOR_ELT(out, 0)), slope);
    for (size_t j = 0; status == SR_OK && j < p; j++)
        for (size_t v = 0; v < n_node; v++)
            slope[j * n_node + v] *= model.scale[j];
    sr_context_close(&ctx, status);
    UNPROTECT(1);
    return out;
}
