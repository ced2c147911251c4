/* model_cox_path.c -- see model_cox_path.h */
#include "model_cox_path.h"
#include "core_pair.h"

enum { SLOT_BLOCK = 64 };

/* The six sums over the steps of a tied time; an untied time is the case of one step, f = 0. */
typedef struct {
    double whole_all, whole_tied; /* xbar dH = whole_all S1 - whole_tied D1 */
    double part_all, part_tied;   /* the same, as a tied death meets it */
    double mean_all, mean_tied;   /* xbar = mean_all S1 - mean_tied D1 */
} tie_sums;

static tie_sums tie_steps(double n_death, double weight, double S0, double D0)
{
    tie_sums sum = {0, 0, 0, 0, 0, 0};
    const size_t m = (size_t)n_death;
    for (size_t d = 0; d < m; d++) {
        const double f = (double)d / n_death;
        const double inverse = 1 / (S0 - f * D0);
        const double a = weight / n_death * inverse * inverse;
        sum.whole_all += a;
        sum.whole_tied += f * a;
        sum.part_all += (1 - f) * a;
        sum.part_tied += (1 - f) * f * a;
        sum.mean_all += inverse / n_death;
        sum.mean_tied += f * inverse / n_death;
    }
    return sum;
}

static tie_sums slot_steps(const sr_riskset *rs, const sr_risk_sums *sums, size_t k)
{
    const int32_t t = rs->n_tied > 0 ? rs->slot_tied[k] : -1;
    if (t >= 0)
        return tie_steps(rs->n_death[k], rs->death_weight[k], sums->S0[k], sums->D0[t]);
    const double inverse = 1 / sums->S0[k];
    const double a = rs->death_weight[k] * inverse * inverse;
    return (tie_sums){a, 0, a, 0, inverse, 0};
}

static inline void keep(double high, double low, double *out, double *out_low, size_t at)
{
    if (out_low == NULL) {
        out[at] = high + low;
        return;
    }
    out[at] = high;
    out_low[at] = low;
}

typedef struct {
    const sr_riskset *rs;
    const tie_sums *steps; /* [n_slot] */
    const sr_risk_sums *sums;
    sr_cox_path *path;
} path_job;

/* One column along the slots [from, to) of a stratum; high + low is its running sum. */
static void path_column(const path_job *job, size_t j, size_t from, size_t to, double *high,
                        double *low)
{
    const sr_riskset *const rs = job->rs;
    const sr_cox_path *const path = job->path;
    const double *const S1 = job->sums->S1 + j * rs->n_slot;
    const double *const D1 = job->sums->D1 + j * rs->n_tied;
    for (size_t k = from; k < to; k++) {
        const tie_sums *const step = job->steps + k;
        const int32_t t = rs->n_tied > 0 ? rs->slot_tied[k] : -1;
        double tied = 0;
        if (t >= 0) {
            double cell = *high, cell_low = *low;
            tied = D1[t];
            sr_add_exactly(&cell, &cell_low, step->part_all * S1[k] - step->part_tied * tied);
            keep(cell, cell_low, path->drift, path->drift_low,
                 (rs->n_slot + (size_t)t) * path->p + j);
        }
        sr_add_exactly(high, low, step->whole_all * S1[k] - step->whole_tied * tied);
        keep(*high, *low, path->drift, path->drift_low, k * path->p + j);
        if (path->mean != NULL)
            path->mean[k * path->p + j] = step->mean_all * S1[k] - step->mean_tied * tied;
    }
}

/* Columns [from, to). Slots come in short blocks, so that a block's places stay in cache while the
 * columns fill them. */
static void path_columns(const path_job *job, size_t from, size_t to, double *high, double *low)
{
    const sr_riskset *const rs = job->rs;
    const sr_cox_path *const path = job->path;
    for (int s = 0; s < rs->n_stratum; s++) {
        const size_t first = rs->slot_begin[s], end = rs->slot_begin[s + 1];
        for (size_t j = from; j < to; j++) {
            high[j] = low[j] = 0;
            keep(0, 0, path->drift, path->drift_low, first * path->p + j);
            if (path->mean != NULL)
                path->mean[first * path->p + j] = 0;
        }
        for (size_t k = first + 1; k < end; k += SLOT_BLOCK)
            for (size_t j = from; j < to; j++)
                path_column(job, j, k, end - k < SLOT_BLOCK ? end : k + SLOT_BLOCK, high + j,
                            low + j);
    }
}

static void path_variance(const sr_riskset *rs, const tie_sums *steps, double *variance)
{
    for (int s = 0; s < rs->n_stratum; s++) {
        double high = 0, low = 0;
        variance[rs->slot_begin[s]] = 0;
        for (size_t k = rs->slot_begin[s] + 1; k < rs->slot_begin[s + 1]; k++) {
            sr_add_exactly(&high, &low, steps[k].whole_all);
            variance[k] = high + low;
        }
    }
}

sr_status sr_cox_path_take(sr_context *ctx, const sr_riskset *rs, size_t p, int is_mean_wanted,
                           sr_cox_path *out)
{
    const size_t n_cell = rs->n_slot + rs->n_tied;
    if (p > 0 && n_cell > SIZE_MAX / p)
        return SR_ERR_SIZE;
    *out = (sr_cox_path){.p = p};
    SR_TAKE(out->variance, sr_arena_double(&ctx->arena, rs->n_slot));
    if (p == 0)
        return SR_OK;
    SR_TAKE(out->drift, sr_arena_double(&ctx->arena, n_cell * p));
    if (rs->enter != NULL)
        SR_TAKE(out->drift_low, sr_arena_double(&ctx->arena, n_cell * p));
    if (is_mean_wanted)
        SR_TAKE(out->mean, sr_arena_double(&ctx->arena, rs->n_slot * p));
    return SR_OK;
}

sr_status sr_cox_path_fill(sr_context *ctx, const sr_riskset *rs, const sr_risk_sums *sums,
                           sr_cox_path *out)
{
    SR_TICK(ctx);
    const size_t p = out->p;
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    tie_sums *steps;
    double *running;
    SR_TAKE(steps, (tie_sums *)sr_arena_take(&ctx->arena, rs->n_slot, sizeof(tie_sums)));
    SR_TAKE(running, sr_arena_double(&ctx->arena, 2 * p + 1));
    for (int s = 0; s < rs->n_stratum; s++)
        for (size_t k = rs->slot_begin[s] + 1; k < rs->slot_begin[s + 1]; k++)
            steps[k] = slot_steps(rs, sums, k);
    path_variance(rs, steps, out->variance);
    SR_TICK(ctx);
    const path_job job = {rs, steps, sums, out};
    const size_t n_group = p < 8 ? (p > 0) : p / 4; /* groups of columns do not touch each other */
#pragma omp parallel for num_threads(ctx->n_thread) schedule(static) if (n_group > 1)
    for (size_t g = 0; g < n_group; g++)
        path_columns(&job, p * g / n_group, p * (g + 1) / n_group, running, running + p);
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

static void column_means(const sr_cox_data *data, const double *weight, const double *total,
                         size_t j, double *centre)
{
    const sr_times *const times = &data->times;
    const double *const x = data->x.x[j];
    const size_t p = data->x.p;
    for (int s = 0; s < times->n_stratum; s++)
        centre[(size_t)s * p + j] = 0;
    double sum = 0;
    for (size_t i = 0; i < times->n; i++) {
        const double term = weight == NULL ? x[i] : weight[i] * x[i];
        if (times->stratum == NULL)
            sum += term;
        else
            centre[(size_t)times->stratum[i] * p + j] += term;
    }
    if (times->stratum == NULL)
        centre[j] = sum;
    for (int s = 0; s < times->n_stratum; s++)
        if (total[s] > 0)
            centre[(size_t)s * p + j] /= total[s];
}

sr_status sr_cox_stratum_means(sr_context *ctx, const sr_cox_data *data, int is_weighted,
                               double *centre)
{
    SR_TICK(ctx);
    const sr_times *const times = &data->times;
    const double *const weight = is_weighted ? times->weight : NULL;
    const size_t p = data->x.p;
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    double *total;
    SR_TAKE(total, (double *)sr_arena_zero(&ctx->arena, (size_t)times->n_stratum, sizeof(double)));
    for (size_t i = 0; i < times->n; i++)
        total[sr_stratum_of(times, i)] += weight == NULL ? 1 : weight[i];
#pragma omp parallel for num_threads(ctx->n_thread) schedule(static) if (times->n > 8192)
    for (size_t j = 0; j < p; j++)
        column_means(data, weight, total, j, centre);
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}
