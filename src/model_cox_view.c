/* model_cox_view.c -- see model_cox_view.h
 *
 * Order: a counting sort of the rows by the slot at which they leave, O(n + K).
 */
#include "model_cox_ordered.h"
#include <math.h>
#include <string.h>

enum { LAID_OUT_FROM = 32768, SAMPLE = 65536 };
static const double FAR_APART = 100, LARGE_MEAN = 16;

/* Is some stratum's mean far from the rest, on a sample of the rows? *within: the mean absolute
 * deviation from the stratum's own mean there. sum, count [n_stratum] are scratch. */
static int is_far_apart(const sr_cox_data *data, size_t j, double mean, double spread,
                        double *within, double *sum, double *count)
{
    const size_t n = data->times.n, by = n > SAMPLE ? n / SAMPLE : 1;
    const size_t n_stratum = (size_t)data->times.n_stratum;
    memset(sum, 0, n_stratum * sizeof(double));
    memset(count, 0, n_stratum * sizeof(double));
    for (size_t i = 0; i < n; i += by) {
        sum[data->times.stratum[i]] += data->x.x[j][i] - mean;
        count[data->times.stratum[i]] += 1;
    }
    double total = 0, farthest = 0;
    for (size_t s = 0; s < n_stratum; s++)
        if (count[s] > 0 && fabs(sum[s] / count[s]) > farthest)
            farthest = fabs(sum[s] / count[s]);
    if (farthest < spread / 2) /* then *within is at least spread - farthest */
        return 0;
    *within = 0;
    for (size_t i = 0; i < n; i += by) {
        const int s = data->times.stratum[i];
        *within += fabs(data->x.x[j][i] - mean - sum[s] / count[s]);
        total += 1;
    }
    *within /= total;
    return farthest > FAR_APART * *within;
}

static void centre_by_stratum(const sr_cox_data *data, size_t j, double mean, double *count,
                              double *centre)
{
    const size_t p = data->x.p, n_stratum = (size_t)data->times.n_stratum;
    memset(count, 0, n_stratum * sizeof(double));
    for (size_t s = 0; s < n_stratum; s++)
        centre[s * p + j] = 0;
    for (size_t i = 0; i < data->times.n; i++) {
        const double w = sr_weight_of(&data->times, i);
        count[data->times.stratum[i]] += w;
        centre[(size_t)data->times.stratum[i] * p + j] += w * (data->x.x[j][i] - mean);
    }
    for (size_t s = 0; s < n_stratum; s++)
        centre[s * p + j] = mean + (count[s] > 0 ? centre[s * p + j] / count[s] : 0);
}

static sr_status choose_centre(sr_context *ctx, const sr_cox_data *data, sr_cox_scaling *scaling,
                               sr_cox_view *v)
{
    const size_t p = data->x.p, n_stratum = (size_t)data->times.n_stratum;
    double *centre, *work;
    int is_by_stratum = 0;
    SR_TAKE(centre, sr_arena_double(&ctx->arena, p));
    SR_TAKE(work, sr_arena_double(&ctx->arena, 2 * n_stratum));
    v->x.centre = centre;
    for (size_t j = 0; j < p; j++) {
        const double mean = scaling->mean[j], spread = scaling->spread[j];
        double within;
        centre[j] = fabs(mean) > LARGE_MEAN * spread ? mean : 0;
        if (n_stratum == 1 || spread == 0 ||
            !is_far_apart(data, j, mean, spread, &within, work, work + n_stratum))
            continue;
        is_by_stratum = 1;
        if (scaling->scale[j] != 1 && within > 0)
            scaling->scale[j] = 1 / within; /* what is left of the column, for the pivots */
    }
    if (!is_by_stratum)
        return SR_OK;
    SR_TAKE(centre, sr_arena_double(&ctx->arena, n_stratum * p));
    for (size_t j = 0; j < p; j++)
        centre_by_stratum(data, j, scaling->mean[j], work, centre);
    v->x.centre = centre;
    v->x.stratum = data->times.stratum;
    return SR_OK;
}

/* row[]: rows that span an event time, by the slot at which they leave */
static sr_status order_by_slot(sr_context *ctx, const sr_riskset *rs, const int *stratum,
                               uint32_t **row, size_t *n_used)
{
    sr_arena scratch = {0};
    SR_TAKE(*row, sr_arena_index(&ctx->arena, rs->n));
    uint32_t *const next = sr_arena_zero(&scratch, rs->n_slot + 1, sizeof(uint32_t));
    if (next == NULL)
        return SR_ERR_MEMORY;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < rs->n; i++) {
            const size_t leave = sr_leave(rs, i);
            const size_t first = rs->slot_begin[stratum == NULL ? 0 : stratum[i]];
            if (leave == (rs->enter == NULL ? first : rs->enter[i]))
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
    sr_arena_free(&scratch);
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

static sr_status gather_rows(sr_context *ctx, const uint32_t *row, size_t n, sr_cox_view *v)
{
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
    v->rs.is_ordered = 1;
    return SR_OK;
}

static sr_status lay_out(sr_context *ctx, sr_cox_view *v)
{
    uint32_t *row;
    size_t n;
    SR_TICK(ctx);
    SR_TRY(order_by_slot(ctx, &v->rs, v->times.stratum, &row, &n));
    v->row = row;
    return gather_rows(ctx, row, n, v);
}

sr_status sr_cox_view_make(sr_context *ctx, const sr_cox_data *data, const sr_riskset *rs,
                           sr_cox_scaling *scaling, const sr_cox_fit *fit, sr_cox_view *v)
{
    *v = (sr_cox_view){.eta = fit->eta,
                       .risk = fit->martingale,
                       .times = data->times,
                       .x = data->x,
                       .offset = data->offset,
                       .rs = *rs};
    SR_TRY(choose_centre(ctx, data, scaling, v));
    v->scaling = *scaling;
    if (rs->n_slot + rs->n_tied > LAID_OUT_FROM && data->x.p > 0)
        SR_TRY(lay_out(ctx, v));
    if (v->eta == NULL)
        SR_TAKE(v->eta, sr_arena_double(&ctx->arena, data->times.n));
    if (v->risk == NULL)
        SR_TAKE(v->risk, sr_arena_double(&ctx->arena, v->times.n));
    SR_TAKE(v->beta, sr_arena_double(&ctx->arena, data->x.p));
    SR_TAKE(v->shift, sr_arena_double(&ctx->arena, (size_t)data->times.n_stratum));
    const int is_in_order = sr_cox_is_in_order(&v->rs);
    SR_TRY(sr_risk_sums_take(ctx, &v->rs, is_in_order ? NULL : &v->x, &v->sums));
    if (is_in_order)
        v->sums.S1 = v->sums.D1 = NULL;
    return SR_OK;
}
