/* model_cox_view.c -- see model_cox_view.h
 *
 * Order: a counting sort of the rows by the slot at which they leave, O(n + K).
 */
#include "core_thread.h"
#include "model_cox_ordered.h"
#include <math.h>
#include <string.h>

enum { LAID_OUT_FROM = 32768, SAMPLE = 65536 };
static const double FAR_APART = 100, LARGE_MEAN = 16;

/* Is some stratum's mean of column j far from the rest, on a sample of the rows? *within: the mean
 * absolute deviation from the stratum's own mean there. sum, count [n_stratum] are scratch. */
static int is_far_apart(const sr_cox_data *data, const sr_cox_scaling *scaling, size_t j,
                        double *within, double *sum, double *count)
{
    const double mean = scaling->mean[j], spread = scaling->spread[j];
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
            !is_far_apart(data, scaling, j, &within, work, work + n_stratum))
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

/* One vector to be laid out: doubles, or 32-bit integers, or a column that is centred on the way */
typedef struct {
    const double *number;
    const uint32_t *index;
    const int *stratum;   /* of the centre, NULL: one for all rows */
    const double *centre; /* [stride x strata], NULL: none */
    size_t stride;
    double *to_number;
    uint32_t *to_index;
} transfer;

static void gather(const transfer *t, const uint32_t *row, size_t from, size_t to)
{
    if (t->index != NULL)
        for (size_t i = from; i < to; i++)
            t->to_index[i] = t->index[row[i]];
    else if (t->stratum != NULL)
        for (size_t i = from; i < to; i++)
            t->to_number[i] = t->number[row[i]] - t->centre[(size_t)t->stratum[row[i]] * t->stride];
    else
        for (size_t i = from; i < to; i++)
            t->to_number[i] = t->number[row[i]] - (t->centre == NULL ? 0 : *t->centre);
}

static sr_status add_numbers(sr_context *ctx, const double **vector, size_t n, transfer *all,
                             size_t *count)
{
    transfer *const t = &all[*count];
    if (*vector == NULL)
        return SR_OK;
    *t = (transfer){.number = *vector};
    SR_TAKE(t->to_number, sr_arena_double(&ctx->arena, n));
    *vector = t->to_number;
    (*count)++;
    return SR_OK;
}

static sr_status add_indices(sr_context *ctx, const uint32_t **vector, size_t n, transfer *all,
                             size_t *count)
{
    transfer *const t = &all[*count];
    if (*vector == NULL)
        return SR_OK;
    *t = (transfer){.index = *vector};
    SR_TAKE(t->to_index, sr_arena_index(&ctx->arena, n));
    *vector = t->to_index;
    (*count)++;
    return SR_OK;
}

static sr_status add_columns(sr_context *ctx, sr_columns *x, size_t n, transfer *all, size_t *count)
{
    const double **column;
    double *matrix;
    SR_TAKE(column, (const double **)sr_arena_take(&ctx->arena, x->p, sizeof(double *)));
    SR_TAKE(matrix, (double *)sr_arena_take(&ctx->arena, n, x->p * sizeof(double)));
    for (size_t j = 0; j < x->p; j++) {
        column[j] = matrix + j * n;
        all[(*count)++] = (transfer){.number = x->x[j],
                                     .stratum = x->stratum,
                                     .centre = x->centre + j,
                                     .stride = x->p,
                                     .to_number = matrix + j * n};
    }
    *x = (sr_columns){.n = n, .p = x->p, .x = column};
    return SR_OK;
}

/* All vectors, cut into pieces, in one round: one vector after the other, so that what is read
 * here and there stays near. */
static sr_status gather_rows(sr_context *ctx, const uint32_t *row, size_t n, sr_cox_view *v)
{
    enum { MOST_VECTORS = 6, ROWS_A_PIECE = 65536 };
    transfer *all;
    size_t count = 0;
    const uint32_t *stratum = (const uint32_t *)v->times.stratum;
    SR_TAKE(all, (transfer *)sr_arena_take(&ctx->arena, MOST_VECTORS + v->x.p, sizeof(transfer)));
    SR_TRY(add_numbers(ctx, &v->times.event, n, all, &count));
    SR_TRY(add_numbers(ctx, &v->times.weight, n, all, &count));
    SR_TRY(add_numbers(ctx, &v->offset, n, all, &count));
    SR_TRY(add_indices(ctx, &stratum, n, all, &count));
    SR_TRY(add_indices(ctx, &v->rs.cell, n, all, &count));
    SR_TRY(add_indices(ctx, &v->rs.enter, n, all, &count));
    SR_TRY(add_columns(ctx, &v->x, n, all, &count));
    const size_t n_piece = (n + ROWS_A_PIECE - 1) / ROWS_A_PIECE;
    SR_FOR_EACH(ctx, n > SR_PARALLEL_FROM, k, count * n_piece, {
        const size_t from = k % n_piece * ROWS_A_PIECE;
        gather(&all[k / n_piece], row, from, n - from < ROWS_A_PIECE ? n : from + ROWS_A_PIECE);
    });
    v->times.stratum = (const int *)stratum;
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
