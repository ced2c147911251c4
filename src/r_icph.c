/* r_icph.c -- .Call of the interval-censored proportional hazards model; see R/icph-fit.R
 *
 * The data come as list(x, left, right, entry, stratum, weights, offset): doubles of length n, x as
 * cox_data() takes it, stratum integers from 0; entry, stratum, weights and offset may be NULL.
 */
#include "model_icph_after.h"
#include "r_alloc.h"
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
    out->times.left = sr_doubles(left, n, "left");
    out->times.right = sr_doubles(VECTOR_ELT(bundle, 2), n, "right");
    out->times.entry = sr_doubles_or_null(VECTOR_ELT(bundle, 3), n, "entry");
    out->times.n_stratum =
        (size_t)sr_strata_from_r(VECTOR_ELT(bundle, 4), n_row, &out->times.stratum);
    out->weight = sr_doubles_or_null(VECTOR_ELT(bundle, 5), n, "weights");
    out->offset = sr_doubles_or_null(VECTOR_ELT(bundle, 6), n, "offset");
    sr_columns_from_r(VECTOR_ELT(bundle, 0), n_row, &out->x);
    if (n == 0)
        Rf_error("survresist, internal: there must be rows");
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

enum {
    COEF,
    VAR,
    INFORMATION,
    CURVATURE,
    MEANS,
    ALIASED,
    LOGLIK,
    NODE,
    HAZARD_GAP,
    BETA_GAP,
    N_FREE,
    RANK,
    ITER,
    HALVING,
    CONVERGED,
    SCALE
};
static const char *const fit_names[] = {
    "coefficients", "var",     "information", "curvature", "means",  "aliased",
    "loglik",       "node",    "hazard_gap",  "beta_gap",  "n_free", "rank",
    "iter",         "halving", "converged",   "scale",     NULL};

enum { FROM, TO, STRATUM, KIND, JUMP, CUMHAZ, EXCESS };
static const char *const node_names[] = {"from", "to",     "stratum", "kind",
                                         "jump", "cumhaz", "excess",  NULL};

/* Room for all whose size is known before the search: everything but the nodes */
static SEXP open_fit(size_t p)
{
    SEXP list = PROTECT(sr_named_list(fit_names));
    static const int vectors[] = {COEF, CURVATURE, MEANS, SCALE};
    for (size_t k = 0; k < sizeof vectors / sizeof *vectors; k++)
        sr_put_vector(list, vectors[k], p);
    sr_put_matrix(list, VAR, p, p);
    sr_put_matrix(list, INFORMATION, p, p);
    SET_VECTOR_ELT(list, ALIASED, Rf_allocVector(LGLSXP, (R_xlen_t)p));
    sr_put_vector(list, LOGLIK, 2);
    SET_VECTOR_ELT(list, NODE, sr_named_list(node_names));
    for (int k = HAZARD_GAP; k <= RANK; k++)
        sr_put_vector(list, k, 1);
    SET_VECTOR_ELT(list, ITER, Rf_allocVector(INTSXP, 1));
    SET_VECTOR_ELT(list, HALVING, Rf_allocVector(INTSXP, 1));
    SET_VECTOR_ELT(list, CONVERGED, Rf_allocVector(LGLSXP, 1));
    UNPROTECT(1);
    return list;
}

/* Room for the nodes, while the context is open */
static sr_status allocate_nodes(const icph_job *job, SEXP list)
{
    sr_allocation node = {.list = list};
    for (int k = FROM; k <= EXCESS; k++)
        sr_add_element(&node, k == STRATUM || k == KIND ? INTSXP : REALSXP,
                       job->model.layout.n_node, 0);
    return sr_allocate(&node);
}

/* A [p x p] matrix of the scaled columns as one of the columns; `power` 1 for an information, -1
 * for a variance. Aliased: 0. */
static void unscale(const icph_job *job, const double *matrix, int power, double *out)
{
    const size_t p = job->model.p;
    for (size_t j = 0; j < p; j++)
        for (size_t k = 0; k < p; k++) {
            const double size = job->model.scale[j] * job->model.scale[k];
            const double value = matrix[j * p + k];
            out[j + k * p] = size == 0 ? 0 : power > 0 ? value * size : value / size;
        }
}

static void copy_nodes(const icph_job *job, SEXP list)
{
    const sr_icph_layout *const layout = &job->model.layout;
    const sr_icph_point *const at = &job->fit.at;
    for (size_t v = 0; v < layout->n_node; v++) {
        REAL(VECTOR_ELT(list, FROM))[v] = layout->from[v];
        REAL(VECTOR_ELT(list, TO))[v] = layout->to[v];
        INTEGER(VECTOR_ELT(list, STRATUM))[v] = layout->stratum[v];
        INTEGER(VECTOR_ELT(list, KIND))[v] = layout->kind[v];
        REAL(VECTOR_ELT(list, JUMP))[v] = at->jump[v];
        REAL(VECTOR_ELT(list, CUMHAZ))[v] = at->cum_high[v];
        const int is_jump = layout->kind[v] == SR_NODE_JUMP;
        REAL(VECTOR_ELT(list, EXCESS))[v] = is_jump ? at->gradient[v] / at->exposure[v] : 0;
    }
}

static void copy_fit(const icph_job *job, SEXP list)
{
    const sr_icph_fit *const fit = &job->fit;
    unscale(job, fit->inverse, -1, REAL(VECTOR_ELT(list, VAR)));
    unscale(job, fit->profile, 1, REAL(VECTOR_ELT(list, INFORMATION)));
    for (size_t j = 0; j < job->model.p; j++) {
        const double scale = job->model.scale[j];
        REAL(VECTOR_ELT(list, COEF))[j] = scale == 0 ? 0 : fit->at.beta[j] / scale;
        REAL(VECTOR_ELT(list, CURVATURE))[j] = job->curvature[j] * (scale * scale);
        REAL(VECTOR_ELT(list, MEANS))[j] = job->model.centre[j];
        LOGICAL(VECTOR_ELT(list, ALIASED))[j] = scale == 0;
        REAL(VECTOR_ELT(list, SCALE))[j] = scale;
    }
    REAL(VECTOR_ELT(list, LOGLIK))[0] = job->loglik_null;
    REAL(VECTOR_ELT(list, LOGLIK))[1] = fit->at.loglik;
    REAL(VECTOR_ELT(list, HAZARD_GAP))[0] = fit->hazard_gap;
    REAL(VECTOR_ELT(list, BETA_GAP))[0] = fit->beta_gap;
    REAL(VECTOR_ELT(list, N_FREE))[0] = (double)fit->n_free;
    REAL(VECTOR_ELT(list, RANK))[0] = (double)fit->rank;
    INTEGER(VECTOR_ELT(list, ITER))[0] = fit->n_iter;
    INTEGER(VECTOR_ELT(list, HALVING))[0] = fit->n_halving;
    LOGICAL(VECTOR_ELT(list, CONVERGED))[0] = fit->is_converged;
    copy_nodes(job, VECTOR_ELT(list, NODE));
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
    const double *const limits = sr_doubles(control, 2, "control");
    job.control.max_iter = (int)limits[0];
    job.control.tolerance = limits[1];
    if (TYPEOF(wants) != LGLSXP || XLENGTH(wants) != 2)
        Rf_error("survresist, internal: `wants` must be two logical values");
    job.wants_null = LOGICAL_RO(wants)[0];
    job.wants_curvature = LOGICAL_RO(wants)[1];
    SEXP list = PROTECT(open_fit(data.x.p));
    sr_context ctx;
    sr_context_open(&ctx);
    sr_status status = run_job(&ctx, &job);
    if (status == SR_OK)
        status = allocate_nodes(&job, VECTOR_ELT(list, NODE));
    if (status == SR_OK)
        copy_fit(&job, list);
    sr_context_close(&ctx, status);
    UNPROTECT(1);
    return list;
}

/* ---- after a fit ------------------------------------------------------------------------- */

/* A fit as R has it: unscaled coefficients, and the jump of each node */
typedef struct {
    const double *beta, *jump;
    size_t n_jump;
} icph_estimate;

static icph_estimate estimate_from_r(const icph_data *data, SEXP beta, SEXP jump)
{
    const size_t n_jump = (size_t)XLENGTH(jump);
    return (icph_estimate){sr_doubles(beta, data->x.p, "beta"), sr_doubles(jump, n_jump, "jump"),
                           n_jump};
}

/* The model, and its point at an estimate */
static sr_status point_take(sr_context *ctx, const icph_data *data, const icph_estimate *estimate,
                            sr_icph_model *model, sr_icph_point *at)
{
    SR_TRY(sr_icph_prepare(ctx, &data->times, &data->x, data->weight, data->offset, model));
    SR_TRY(sr_icph_point_take(ctx, model, at));
    if (estimate->n_jump != model->layout.n_node)
        return SR_ERR_SIZE;
    for (size_t j = 0; j < model->p; j++)
        at->beta[j] = estimate->beta[j] * model->scale[j];
    memcpy(at->jump, estimate->jump, model->layout.n_node * sizeof(double));
    return sr_icph_evaluate(ctx, model, at);
}

/* list(survived, met, score): score n x p */
SEXP r_icph_rows(SEXP bundle, SEXP beta, SEXP jump)
{
    static const char *const names[] = {"survived", "met", "score", NULL};
    icph_data data;
    icph_from_r(bundle, &data);
    const icph_estimate estimate = estimate_from_r(&data, beta, jump);
    const size_t n = data.times.n, p = data.x.p;
    SEXP out = PROTECT(sr_named_list(names));
    sr_icph_rows rows = {sr_put_vector(out, 0, n), sr_put_vector(out, 1, n),
                         sr_put_matrix(out, 2, n, p)};
    sr_context ctx;
    sr_context_open(&ctx);
    sr_icph_model model;
    sr_icph_point at;
    sr_status status = point_take(&ctx, &data, &estimate, &model, &at);
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
    const icph_estimate estimate = estimate_from_r(&data, beta, jump);
    const size_t n_node = estimate.n_jump, p = data.x.p;
    SEXP out = PROTECT(sr_named_list(names));
    double *const variance = sr_put_vector(out, 0, n_node);
    double *const slope = sr_put_matrix(out, 1, n_node, p);
    sr_context ctx;
    sr_context_open(&ctx);
    sr_icph_model model;
    sr_icph_point at;
    sr_status status = point_take(&ctx, &data, &estimate, &model, &at);
    if (status == SR_OK)
        status = sr_icph_curve_terms(&ctx, &model, &at, variance, slope);
    for (size_t j = 0; status == SR_OK && j < p; j++)
        for (size_t v = 0; v < n_node; v++)
            slope[j * n_node + v] *= model.scale[j];
    sr_context_close(&ctx, status);
    UNPROTECT(1);
    return out;
}
