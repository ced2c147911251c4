/* model_cox.c -- the Cox model fitted by Newton's method
 *
 * Log partial likelihood, score and information are those of model_cox_info.c, in
 * covariates z that are centred and scaled so that the pivots of the information
 * can be compared: z_ij = (x_ij - m_j) / s_j, m_j the weighted mean and s_j the
 * weighted mean of |x_ij - m_j|. (The scaling is applied to the p sums, not to the
 * n rows.) Columns that hold only a few given values
 * (`is_centred` 0: such as 0/1) are left as they are, as coxph does. Where the
 * strata lie far apart in some column, each stratum has its own centre, which
 * changes no likelihood but keeps the digits of the information.
 *
 * One evaluation: eta = Z beta (one pass over X), r = w exp(eta), risk-set sums
 * (a second pass), hazards, weighted cross-products (a third). With few distinct
 * event times X is read where the caller keeps it. With many, rows are first laid
 * out in the order of their slots, so that the scatter walks forward; rows that
 * span no event time are left behind.
 *
 * Cox, JRSS B 1972;34:187, doi:10.1111/j.2517-6161.1972.tb00899.x. Shapes and
 * owners: model_cox.h. Cost a step O(n p^2); memory n p doubles when laid out.
 */
#include "model_cox.h"
#include "core_exp.h"
#include "core_optim.h"
#include "core_simd.h"
#include <math.h>
#include <string.h>

enum { LAID_OUT_FROM = 32768, SAMPLE = 65536 };
static const double FAR_APART = 100, LARGE_MEAN = 16, LARGEST_ETA = 250;

/* What the objective sees: the rows as given, or laid out by slot. */
typedef struct {
    sr_times times;
    sr_columns x;
    const double *offset;
    sr_riskset rs, given; /* of the rows seen, of the caller's rows */
    const double *scale;  /* [p] of the caller's columns */
    sr_risk_sums sums;
    double *eta, *risk, *shift, *beta;
    sr_arena_mark own; /* what was taken since is of no use after the last step */
} view;

/* ---- centre and scale ------------------------------------------------------------------ */

static double weight_of(const sr_times *times, size_t i)
{
    return times->weight == NULL ? 1 : times->weight[i];
}

/* Sum of w (x - from), or of w |x - from|, over one block */
SR_SIMD static double block_sum(const double *restrict x, const double *restrict weight, size_t m,
                                double from, int is_absolute)
{
    double sum = 0;
    if (weight == NULL && is_absolute) {
#pragma omp simd reduction(+ : sum)
        for (size_t i = 0; i < m; i++)
            sum += fabs(x[i] - from);
    } else if (weight == NULL) {
#pragma omp simd reduction(+ : sum)
        for (size_t i = 0; i < m; i++)
            sum += x[i] - from;
    } else {
#pragma omp simd reduction(+ : sum)
        for (size_t i = 0; i < m; i++)
            sum += weight[i] * (is_absolute ? fabs(x[i] - from) : x[i] - from);
    }
    return sum;
}

static double column_sum(const double *x, const double *weight, size_t n, double from,
                         int is_absolute)
{
    double sum = 0;
    for (size_t i = 0; i < n; i += SR_BLOCK)
        sum += block_sum(x + i, weight == NULL ? NULL : weight + i,
                         n - i < SR_BLOCK ? n - i : SR_BLOCK, from, is_absolute);
    return sum;
}

/* Is some stratum's mean far from the rest, on a sample of the rows? */
static int is_far_apart(const sr_cox_data *data, size_t j, double mean, double spread,
                        double *sum, double *count)
{
    const size_t n = data->times.n, by = n > SAMPLE ? n / SAMPLE : 1;
    const size_t n_stratum = (size_t)data->times.n_stratum;
    memset(sum, 0, n_stratum * sizeof(double));
    memset(count, 0, n_stratum * sizeof(double));
    for (size_t i = 0; i < n; i += by) {
        sum[data->times.stratum[i]] += data->x.x[j][i] - mean;
        count[data->times.stratum[i]] += 1;
    }
    double within = 0, total = 0, farthest = 0;
    for (size_t i = 0; i < n; i += by) {
        const int s = data->times.stratum[i];
        within += fabs(data->x.x[j][i] - mean - sum[s] / count[s]);
        total += 1;
    }
    for (size_t s = 0; s < n_stratum; s++)
        if (count[s] > 0 && fabs(sum[s] / count[s]) > farthest)
            farthest = fabs(sum[s] / count[s]);
    return spread > 0 && farthest > FAR_APART * within / total;
}

static void centre_by_stratum(const sr_cox_data *data, size_t j, double mean, double *count,
                              double *centre)
{
    const size_t p = data->x.p, n_stratum = (size_t)data->times.n_stratum;
    memset(count, 0, n_stratum * sizeof(double));
    for (size_t s = 0; s < n_stratum; s++)
        centre[s * p + j] = 0;
    for (size_t i = 0; i < data->times.n; i++) {
        const double w = weight_of(&data->times, i);
        count[data->times.stratum[i]] += w;
        centre[(size_t)data->times.stratum[i] * p + j] += w * (data->x.x[j][i] - mean);
    }
    for (size_t s = 0; s < n_stratum; s++)
        centre[s * p + j] = mean + (count[s] > 0 ? centre[s * p + j] / count[s] : 0);
}

/* means[p] for the caller; centre and scale of the view. A column whose mean is not large beside
 * its spread keeps its digits without being centred, and is then read where it stands. */
static sr_status standardise(sr_context *ctx, const sr_cox_data *data, const int *is_centred,
                             double *means, view *out)
{
    const size_t p = data->x.p, n_stratum = (size_t)data->times.n_stratum;
    double *mean, *scale, *centre, *work;
    SR_TAKE(centre, sr_arena_double(&ctx->arena, p));
    SR_TAKE(mean, sr_arena_double(&ctx->arena, p));
    SR_TAKE(scale, sr_arena_double(&ctx->arena, p));
    SR_TAKE(work, sr_arena_double(&ctx->arena, 2 * n_stratum));
    const double total = data->times.weight == NULL
                             ? (double)data->times.n
                             : column_sum(data->times.weight, NULL, data->times.n, 0, 0);
#pragma omp parallel for num_threads(ctx->n_thread) schedule(static) if (data->times.n > SR_PARALLEL_FROM)
    for (size_t j = 0; j < p; j++) {
        const double *const x = data->x.x[j], *const weight = data->times.weight;
        mean[j] = column_sum(x, weight, data->times.n, 0, 0) / total;
        const double spread = column_sum(x, weight, data->times.n, mean[j], 1) / total;
        means[j] = is_centred[j] ? mean[j] : 0;
        scale[j] = is_centred[j] && spread > 0 ? 1 / spread : 1;
        centre[j] = fabs(mean[j]) > LARGE_MEAN * spread ? mean[j] : 0;
    }
    SR_TICK(ctx);
    int is_by_stratum = 0;
    for (size_t j = 0; n_stratum > 1 && !is_by_stratum && j < p; j++)
        is_by_stratum = is_far_apart(data, j, mean[j], 1 / scale[j], work, work + n_stratum);
    out->scale = scale;
    out->x.centre = centre;
    out->x.stratum = NULL;
    if (!is_by_stratum)
        return SR_OK;
    SR_TAKE(centre, sr_arena_double(&ctx->arena, n_stratum * p));
    for (size_t j = 0; j < p; j++)
        centre_by_stratum(data, j, mean[j], work, centre);
    out->x.centre = centre;
    out->x.stratum = data->times.stratum;
    return SR_OK;
}

/* ---- rows in the order of their slots ---------------------------------------------------- */

/* row[]: rows that span an event time, by the slot at which they leave */
static sr_status order_by_slot(sr_context *ctx, const sr_riskset *rs, uint32_t **row, size_t *n_used)
{
    size_t *next;
    SR_TAKE(*row, sr_arena_index(&ctx->arena, rs->n));
    SR_TAKE(next, (size_t *)sr_arena_zero(&ctx->arena, rs->n_slot + 1, sizeof(size_t)));
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < rs->n; i++) {
            const size_t leave = sr_leave(rs, i);
            const size_t enter = rs->enter == NULL ? rs->slot_begin[rs->slot_stratum[leave]]
                                                   : rs->enter[i];
            if (leave == enter)
                continue;
            if (pass == 0)
                next[leave + 1]++;
            else
                (*row)[next[leave]++] = (uint32_t)i;
        }
        for (size_t k = 1; pass == 0 && k <= rs->n_slot; k++)
            next[k] += next[k - 1];
    }
    *n_used = next[rs->n_slot - 1];
    return SR_OK;
}

static sr_status gather(sr_context *ctx, const double *from, const uint32_t *row, size_t n,
                        const double **out)
{
    double *to;
    if (from == NULL)
        return SR_OK;
    SR_TAKE(to, sr_arena_double(&ctx->arena, n));
#pragma omp parallel for num_threads(ctx->n_thread) schedule(static) if (n > SR_PARALLEL_FROM)
    for (size_t i = 0; i < n; i++)
        to[i] = from[row[i]];
    *out = to;
    return SR_OK;
}

static sr_status gather_index(sr_context *ctx, const uint32_t *from, const uint32_t *row, size_t n,
                              const uint32_t **out)
{
    uint32_t *to;
    if (from == NULL)
        return SR_OK;
    SR_TAKE(to, sr_arena_index(&ctx->arena, n));
#pragma omp parallel for num_threads(ctx->n_thread) schedule(static) if (n > SR_PARALLEL_FROM)
    for (size_t i = 0; i < n; i++)
        to[i] = from[row[i]];
    *out = to;
    return SR_OK;
}

static sr_status gather_columns(sr_context *ctx, const uint32_t *row, size_t n, sr_columns *x)
{
    const double **column;
    double *matrix;
    const sr_columns from = *x;
    SR_TAKE(column, (const double **)sr_arena_take(&ctx->arena, x->p, sizeof(double *)));
    SR_TAKE(matrix, (double *)sr_arena_take(&ctx->arena, n, x->p * sizeof(double)));
#pragma omp parallel for num_threads(ctx->n_thread) schedule(static) if (n > SR_PARALLEL_FROM)
    for (size_t j = 0; j < from.p; j++) {
        double *const to = matrix + j * n;
        for (size_t i = 0; i < n; i++) {
            const size_t s = from.stratum == NULL ? 0 : (size_t)from.stratum[row[i]];
            to[i] = from.x[j][row[i]] - from.centre[s * from.p + j];
        }
        column[j] = to;
    }
    *x = (sr_columns){.n = n, .p = from.p, .x = column};
    return SR_OK;
}

static sr_status lay_out(sr_context *ctx, view *v)
{
    uint32_t *row;
    size_t n;
    SR_TICK(ctx);
    SR_TRY(order_by_slot(ctx, &v->rs, &row, &n));
    const sr_times from = v->times;
    SR_TRY(gather(ctx, from.event, row, n, &v->times.event));
    SR_TRY(gather(ctx, from.weight, row, n, &v->times.weight));
    SR_TRY(gather(ctx, v->offset, row, n, &v->offset));
    if (from.stratum != NULL) {
        const uint32_t *stratum;
        SR_TRY(gather_index(ctx, (const uint32_t *)from.stratum, row, n, &stratum));
        v->times.stratum = (const int *)stratum;
    }
    SR_TRY(gather_index(ctx, v->rs.cell, row, n, &v->rs.cell));
    SR_TRY(gather_index(ctx, v->rs.enter, row, n, &v->rs.enter));
    SR_TRY(gather_columns(ctx, row, n, &v->x));
    v->times.n = v->rs.n = n;
    return SR_OK;
}

/* ---- risks ------------------------------------------------------------------------------- */

/* Shifts are 0 unless exp would leave the range of doubles. */
static void centre_eta(sr_context *ctx, const sr_times *times, const double *eta, double *shift)
{
    double low = 0, high = 0;
    for (int s = 0; s < times->n_stratum; s++)
        shift[s] = 0;
#pragma omp parallel for num_threads(ctx->n_thread) reduction(min : low) reduction(max : high) \
    schedule(static) if (times->n > SR_PARALLEL_FROM)
    for (size_t i = 0; i < times->n; i++) {
        low = eta[i] < low ? eta[i] : low;
        high = eta[i] > high ? eta[i] : high;
    }
    if (high < LARGEST_ETA && low > -LARGEST_ETA)
        return;
    for (int s = 0; s < times->n_stratum; s++)
        shift[s] = -INFINITY;
    for (size_t i = 0; i < times->n; i++) {
        double *const mine = &shift[times->stratum == NULL ? 0 : times->stratum[i]];
        *mine = eta[i] > *mine ? eta[i] : *mine;
    }
    for (int s = 0; s < times->n_stratum; s++)
        if (!isfinite(shift[s]))
            shift[s] = 0;
}

static void risk_block(const sr_riskset *rs, const sr_times *times, const double *eta,
                       const double *shift, size_t from, size_t to, double *risk)
{
    for (size_t i = from; i < to; i++)
        risk[i] = eta[i] - shift[times->stratum == NULL ? 0 : times->stratum[i]];
    sr_exp_block(to - from, risk + from);
    for (size_t i = from; times->weight != NULL && i < to; i++)
        risk[i] *= times->weight[i];
    for (size_t i = from; rs != NULL && rs->enter != NULL && i < to; i++)
        if (rs->enter[i] == rs->cell[i])
            risk[i] = 0;
}

sr_status sr_cox_risk(sr_context *ctx, const sr_riskset *rs, const sr_times *times,
                      const double *eta, double *shift, double *risk)
{
    SR_TICK(ctx);
    centre_eta(ctx, times, eta, shift);
    const size_t n_block = (times->n + SR_BLOCK - 1) / SR_BLOCK;
#pragma omp parallel for num_threads(ctx->n_thread) schedule(static) if (times->n > SR_PARALLEL_FROM)
    for (size_t b = 0; b < n_block; b++) {
        const size_t end = (b + 1) * SR_BLOCK;
        risk_block(rs, times, eta, shift, b * SR_BLOCK, end < times->n ? end : times->n, risk);
    }
    return SR_OK;
}

/* ---- the objective ----------------------------------------------------------------------- */

static sr_status evaluate(sr_context *ctx, const double *theta, double *f, double *g, double *info,
                          void *data)
{
    view *const v = data;
    const sr_columns *const x = &v->x;
    for (size_t j = 0; j < x->p; j++)
        v->beta[j] = theta[j] * v->scale[j];
    SR_TRY(sr_columns_times(ctx, x, v->beta, v->offset, v->eta));
    SR_TRY(sr_cox_risk(ctx, &v->rs, &v->times, v->eta, v->shift, v->risk));
    SR_TRY(sr_cox_risk_sums(ctx, &v->rs, g == NULL ? NULL : x, v->risk, &v->sums));
    SR_TRY(sr_cox_loglik(ctx, &v->rs, &v->times, v->eta, v->shift, &v->sums, f));
    if (g == NULL)
        return SR_OK;
    if (!isfinite(*f)) {
        memset(g, 0, x->p * sizeof(double));
        memset(info, 0, x->p * x->p * sizeof(double));
        return SR_OK;
    }
    SR_TRY(sr_cox_information(ctx, &v->rs, &v->times, x, v->risk, &v->sums, NULL, g, info));
    for (size_t j = 0; j < x->p; j++) {
        g[j] *= v->scale[j];
        for (size_t k = 0; k < x->p; k++)
            info[j * x->p + k] *= v->scale[j] * v->scale[k];
    }
    return SR_OK;
}

/* ---- the fit ------------------------------------------------------------------------------ */

/* Risk sets of the caller's rows. What only the sorting needs is given back at once. */
static sr_status find_risk_sets(sr_context *ctx, const sr_cox_data *data,
                                const sr_cox_control *control, sr_cox_fit *fit, sr_riskset *out)
{
    sr_timeindex index;
    const sr_times *const t = &data->times;
    sr_context scratch = *ctx;
    scratch.arena = (sr_arena){0};
    sr_status status = sr_timeindex_make(&scratch, t->n, t->start, t->stop, control->tol_time,
                                         &index, &fit->bad_row);
    if (status == SR_OK) {
        fit->n_time_merged = index.n_merged;
        fit->n_time_distinct = index.n_distinct + index.n_merged;
        for (size_t i = 0; index.n_merged > 0 && i < t->n; i++) {
            fit->stop[i] = index.value[index.stop[i]];
            if (t->start != NULL)
                fit->start[i] = index.value[index.start[i]];
        }
        status = sr_riskset_from_index(ctx, t, &index, control->is_efron, out);
    }
    sr_arena_free(&scratch.arena);
    return status;
}

static sr_status make_view(sr_context *ctx, const sr_cox_data *data, const sr_cox_control *control,
                           sr_cox_fit *fit, view *v)
{
    const sr_times *const t = &data->times;
    *v = (view){.times = *t, .x = data->x, .offset = data->offset};
    SR_TRY(find_risk_sets(ctx, data, control, fit, &v->given));
    if (v->given.n_slot == (size_t)t->n_stratum)
        return SR_ERR_NO_EVENT;
    v->rs = v->given;
    SR_TRY(standardise(ctx, data, control->is_centred, fit->means, v));
    v->own = sr_arena_save(&ctx->arena);
    if (v->rs.n_slot + v->rs.n_tied > LAID_OUT_FROM && data->x.p > 0)
        SR_TRY(lay_out(ctx, v));
    SR_TAKE(v->eta, sr_arena_double(&ctx->arena, v->times.n));
    SR_TAKE(v->risk, sr_arena_double(&ctx->arena, v->times.n));
    SR_TAKE(v->beta, sr_arena_double(&ctx->arena, data->x.p));
    SR_TAKE(v->shift, sr_arena_double(&ctx->arena, (size_t)t->n_stratum));
    return sr_risk_sums_take(ctx, &v->rs, &v->x, &v->sums);
}

/* From the scaled columns back to those of the caller */
static void unscale(const double *scale, size_t p, const sr_newton_result *result, sr_cox_fit *fit)
{
    for (size_t j = 0; j < p; j++) {
        fit->coef[j] = result->theta[j] * scale[j];
        if (fit->score != NULL)
            fit->score[j] = result->gradient[j] / scale[j];
        for (size_t k = 0; k < p; k++)
            fit->var[j * p + k] = result->inverse[j * p + k] * scale[j] * scale[k];
    }
}

/* Linear predictor and martingale residuals of the caller's rows, in the caller's order. */
static sr_status finish_rows(sr_context *ctx, const sr_cox_data *data, const sr_riskset *rs,
                             sr_cox_fit *fit)
{
    const sr_columns x = {.n = data->x.n, .p = data->x.p, .x = data->x.x, .centre = fit->means};
    double *eta = fit->eta, *risk, *shift;
    sr_risk_sums sums;
    sr_cum_hazard hazard;
    if (eta == NULL)
        SR_TAKE(eta, sr_arena_double(&ctx->arena, data->times.n));
    SR_TRY(sr_columns_times(ctx, &x, fit->coef, data->offset, eta));
    if (fit->martingale == NULL)
        return SR_OK;
    SR_TAKE(risk, sr_arena_double(&ctx->arena, data->times.n));
    SR_TAKE(shift, sr_arena_double(&ctx->arena, (size_t)rs->n_stratum));
    SR_TRY(sr_risk_sums_take(ctx, rs, NULL, &sums));
    SR_TRY(sr_cum_hazard_take(ctx, rs, &hazard));
    SR_TRY(sr_cox_risk(ctx, rs, &data->times, eta, shift, risk));
    SR_TRY(sr_cox_risk_sums(ctx, rs, NULL, risk, &sums));
    SR_TRY(sr_cox_cum_hazard(ctx, rs, sums.S0, sums.D0, NULL, &hazard));
#pragma omp parallel for num_threads(ctx->n_thread) schedule(static) if (rs->n > SR_PARALLEL_FROM)
    for (size_t i = 0; i < rs->n; i++)
        fit->martingale[i] = (data->times.event[i] != 0) - risk[i] * sr_row_hazard(rs, &hazard, i) /
                                                               weight_of(&data->times, i);
    return SR_OK;
}

static sr_status result_take(sr_context *ctx, size_t p, sr_newton_result *out)
{
    SR_TAKE(out->theta, (double *)sr_arena_zero(&ctx->arena, p, sizeof(double)));
    SR_TAKE(out->gradient, sr_arena_double(&ctx->arena, p));
    SR_TAKE(out->info, sr_arena_double(&ctx->arena, p * p));
    SR_TAKE(out->inverse, sr_arena_double(&ctx->arena, p * p));
    return SR_OK;
}

sr_status sr_cox_fit_newton(sr_context *ctx, const sr_cox_data *data, const sr_cox_control *control,
                            sr_cox_fit *fit)
{
    const size_t p = data->x.p;
    sr_newton_result result = {.is_converged = 1};
    view v;
    SR_TRY(result_take(ctx, p, &result));
    SR_TRY(make_view(ctx, data, control, fit, &v));
    for (size_t j = 0; control->init != NULL && j < p; j++)
        result.theta[j] = control->init[j] / v.scale[j];
    if (p == 0) {
        SR_TRY(evaluate(ctx, NULL, &result.f, NULL, NULL, &v));
        result.f_start = result.f;
    } else {
        const sr_objective objective = {p, evaluate, &v};
        const sr_newton_control steps = {control->max_iter, control->eps, control->tol_chol, NULL};
        SR_TRY(sr_newton(ctx, &objective, &steps, &result));
    }
    unscale(v.scale, p, &result, fit);
    fit->loglik[0] = result.f_start;
    fit->loglik[1] = result.f;
    fit->score_test = result.score_test;
    fit->n_iter = result.n_iter;
    fit->n_halving = result.n_halving;
    fit->rank = result.rank;
    fit->is_converged = result.is_converged;
    sr_arena_restore(&ctx->arena, v.own);
    return finish_rows(ctx, data, &v.given, fit);
}
