/* model_finegray_curve.c -- see model_finegray_curve.h
 *
 * H(t) = sum over t_k <= t of dH_k at the means of the covariates. With the weights known and no
 * robust variance it is Breslow's (or Efron's) estimate in a Cox model, with variance
 *
 *   V(t) + a' var a,    a = sum over t_k <= t of zbar_k dH_k,    cov(H, beta) = -var a
 *
 * (model_cox_path.h). Else row i has the influence T_i - a' var s_i, s_i its score and
 *
 *   T_i = sum_k F_k dM_i(t_k),    F_k = 1 / S0_k up to t, 0 after it,
 *
 * M_i its martingale with weights: the score of covariates that are 0 and whose means are F, with
 * the opposite sign, and so found by the same code, the part of the estimated weights included.
 * F is what zbar is when S1 is 1 up to t and no death has a covariate. Times come in batches.
 *
 * Cost O((n + K) m p) for m times.
 */
#include "model_finegray_curve.h"
#include "model_finegray_search.h"
#include <math.h>
#include <string.h>

enum { BATCH = 16 };

typedef struct {
    sr_fg_search search;
    sr_fg_scores rows; /* scores of the rows, p columns */
    const sr_fg_estimate *at;
    const sr_fg_query *query;
    sr_fg_curves *out;
} curve_task;

/* The slot of the last event time <= that of query q */
static size_t query_slot(const curve_task *task, size_t q)
{
    const sr_riskset *const rs = &task->search.model.rs;
    const size_t s = (size_t)task->query->stratum[q];
    size_t low = rs->slot_begin[s], high = rs->slot_begin[s + 1];
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (rs->slot_time[middle] <= task->query->time[q])
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* What stands between the hazards of a stratum and those of eta as it is */
static double unit_of(const curve_task *task, size_t q)
{
    return exp(-task->search.shift[task->query->stratum[q]]);
}

/* a[p] of query q */
static void drift_at(const curve_task *task, size_t q, double *a)
{
    const size_t p = task->search.x.p, slot = query_slot(task, q);
    for (size_t j = 0; j < p; j++)
        a[j] = task->rows.path.drift[slot * p + j] * unit_of(task, q);
}

static void put_by_model(const curve_task *task, size_t q, double *a)
{
    const size_t p = task->search.x.p;
    const double unit = unit_of(task, q);
    double *const cov = task->out->cov + q * p;
    double var = task->rows.path.variance[query_slot(task, q)] * unit * unit;
    drift_at(task, q, a);
    for (size_t j = 0; j < p; j++) {
        cov[j] = 0;
        for (size_t k = 0; k < p; k++)
            cov[j] -= task->at->var[j * p + k] * a[k];
        var -= cov[j] * a[j];
    }
    task->out->var[q] = var;
}

/* --- a batch of times --------------------------------------------------------------------------*/

typedef struct {
    const curve_task *task;
    sr_fg_scores curve; /* as many columns as the batch has times */
    size_t from;        /* first query */
    double unit[BATCH];
} batch;

/* Scores of the rows, then T, side by side */
static void fill_batch(const void *data, size_t from, size_t m, double *block, double *side)
{
    const batch *const b = data;
    const size_t p = b->task->search.x.p, n = b->task->search.x.n;
    const double *const extra = b->task->query->extra;
    double *const own = block + p * SR_BLOCK;
    if (p > 0)
        sr_fg_scores_fill(&b->task->rows, from, m, block, side);
    sr_fg_scores_fill(&b->curve, from, m, own, side);
    for (size_t q = 0; q < b->curve.z.p; q++)
        for (size_t i = 0; i < m; i++) {
            own[q * SR_BLOCK + i] *= -b->unit[q];
            if (extra != NULL)
                own[q * SR_BLOCK + i] += extra[(b->from + q) * n + from + i];
        }
}

/* The path of F: see the opening comment */
static sr_status fill_path(sr_context *ctx, batch *b)
{
    const sr_fg_search *const s = &b->task->search;
    const sr_riskset *const rs = &s->model.rs;
    const size_t n = b->curve.z.p;
    SR_TRY(sr_cox_path_take(ctx, rs, n, 1, &b->curve.path));
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    sr_risk_sums sums = s->sums;
    SR_TAKE(sums.S1, (double *)sr_arena_zero(&ctx->arena, rs->n_slot * n, sizeof(double)));
    SR_TAKE(sums.D1, (double *)sr_arena_zero(&ctx->arena, rs->n_tied * n, sizeof(double)));
    for (size_t q = 0; q < n; q++) {
        const size_t last = query_slot(b->task, b->from + q);
        const size_t stratum = (size_t)b->task->query->stratum[b->from + q];
        for (size_t k = rs->slot_begin[stratum] + 1; k <= last; k++)
            sums.S1[q * rs->n_slot + k] = 1;
        b->unit[q] = unit_of(b->task, b->from + q);
    }
    SR_TRY(sr_cox_path_fill(ctx, rs, &sums, &b->curve.path));
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

/* Variances from the products of scores and T; `meat` has `width` columns. room: 3 p */
static void put_robust(const batch *b, const double *meat, size_t width, double *room)
{
    const curve_task *const task = b->task;
    const size_t p = task->search.x.p;
    const double *const V = task->at->var;
    double *const a = room, *const lever = a + p, *const product = lever + p;
    for (size_t c = 0; c < b->curve.z.p; c++) {
        const size_t q = b->from + c, row = p + c;
        double var = meat[row * width + row];
        drift_at(task, q, a);
        for (size_t j = 0; j < p; j++) {
            lever[j] = 0; /* var a */
            for (size_t k = 0; k < p; k++)
                lever[j] += V[j * p + k] * a[k];
        }
        for (size_t j = 0; j < p; j++) {
            product[j] = meat[row * width + j]; /* influence times scores */
            for (size_t k = 0; k < p; k++)
                product[j] -= lever[k] * meat[k * width + j];
            var -= lever[j] * (product[j] + meat[row * width + j]);
        }
        for (size_t j = 0; j < p; j++) {
            task->out->cov[q * p + j] = 0;
            for (size_t k = 0; k < p; k++)
                task->out->cov[q * p + j] += product[k] * V[k * p + j];
        }
        task->out->var[q] = var;
    }
}

static sr_status run_batch(sr_context *ctx, const curve_task *task, size_t from, size_t count)
{
    const sr_fg_search *const s = &task->search;
    const size_t width = s->x.p + count;
    batch b = {.task = task, .from = from};
    double *meat, *total, *room;
    b.curve = task->rows;
    b.curve.extra = NULL;
    b.curve.z = (sr_columns){.n = s->x.n, .p = count};
    SR_TRY(fill_path(ctx, &b));
    SR_TRY(sr_fg_scores_open(ctx, task->at->robust->kind, &b.curve));
    SR_TAKE(meat, sr_arena_double(&ctx->arena, width * width));
    SR_TAKE(total, sr_arena_double(&ctx->arena, width));
    SR_TAKE(room, sr_arena_double(&ctx->arena, 3 * s->x.p));
    const sr_score_rows rows = {fill_batch, &b, s->x.n, width};
    SR_TRY(sr_score_rows_meat(ctx, &rows, &task->at->robust->by, NULL, meat, total));
    put_robust(&b, meat, width, room);
    return SR_OK;
}

static sr_status put_variances(sr_context *ctx, curve_task *task)
{
    const size_t p = task->search.x.p, n = task->query->n;
    double *a;
    SR_TAKE(a, sr_arena_double(&ctx->arena, p));
    for (size_t q = 0; task->at->robust->kind == SR_FG_MODEL && q < n; q++)
        put_by_model(task, q, a);
    for (size_t q = 0; task->at->robust->kind != SR_FG_MODEL && q < n; q += BATCH) {
        const sr_arena_mark mark = sr_arena_save(&ctx->arena);
        SR_TRY(run_batch(ctx, task, q, n - q < BATCH ? n - q : BATCH));
        sr_arena_restore(&ctx->arena, mark);
    }
    return SR_OK;
}

static sr_status make_curves(sr_context *ctx, const sr_fg_data *data, const sr_cox_control *control,
                             curve_task *task)
{
    sr_fg_search *const s = &task->search;
    sr_fg_fit unused = {.coef = NULL};
    SR_TRY(sr_fg_search_open(ctx, data, control, s, &unused));
    SR_TRY(sr_fg_search_at(ctx, s, task->at->coef));
    memcpy(task->out->mean, s->scaling.mean, s->x.p * sizeof(double));
    SR_TRY(sr_fg_search_scores(ctx, s, task->at->robust, 0, &task->rows));
    for (size_t q = 0; q < task->query->n; q++) {
        const size_t slot = query_slot(task, q);
        task->out->hazard[q] =
            (s->hazard.at_cell[slot] + s->hazard.at_cell_low[slot]) * unit_of(task, q);
    }
    return put_variances(ctx, task);
}

sr_status sr_fg_curves_make(sr_context *ctx, const sr_fg_data *data, const sr_cox_control *control,
                            const sr_fg_estimate *at, const sr_fg_query *query, sr_fg_curves *out)
{
    curve_task task = {.at = at, .query = query, .out = out};
    const sr_status status = make_curves(ctx, data, control, &task);
    sr_fg_search_close(&task.search);
    return status;
}
