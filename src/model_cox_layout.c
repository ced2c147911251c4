/* model_cox_layout.c -- what every likelihood of the Cox family does before and after its search
 *
 * See model_cox_layout.h.
 */
#include "model_cox_layout.h"
#include "core_simd.h"
#include "core_thread.h"
#include <math.h>

/* x - x is 0 for a finite x only, and sums of zeros stay 0. */
SR_SIMD static int all_finite(const double *restrict x, size_t m)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < m; i++)
        sum += x[i] - x[i];
    return sum == 0;
}

static int is_sound_block(const sr_cox_data *data, size_t from, size_t to)
{
    const sr_times *const t = &data->times;
    int is_sound = all_finite(t->stop + from, to - from);
    for (size_t j = 0; j < data->x.p; j++)
        is_sound &= all_finite(data->x.x[j] + from, to - from);
    if (data->offset != NULL)
        is_sound &= all_finite(data->offset + from, to - from);
    for (size_t i = from; i < to; i++)
        is_sound &= t->event[i] == 0 || t->event[i] == 1;
    for (size_t i = from; t->weight != NULL && i < to; i++)
        is_sound &= t->weight[i] > 0 && isfinite(t->weight[i]);
    for (size_t i = from; t->start != NULL && i < to; i++)
        is_sound &= t->start[i] < t->stop[i] && isfinite(t->start[i]);
    return is_sound;
}

int sr_cox_is_sound(sr_context *ctx, const sr_cox_data *data)
{
    enum { GROUP = 64 }; /* answers: one a group of blocks, so that threads keep apart */
    int is_sound[GROUP];
    const size_t n = data->times.n, n_group = sr_chunk_count(n, SR_PARALLEL_FROM / 8, GROUP);
    SR_FOR_EACH(ctx, n > SR_PARALLEL_FROM, g, n_group, {
        is_sound[g] = 1;
        for (size_t from = sr_chunk_begin(n, n_group, g); from < sr_chunk_begin(n, n_group, g + 1);
             from += SR_BLOCK)
            is_sound[g] &= is_sound_block(data, from, sr_block_end(n, from / SR_BLOCK));
    });
    for (size_t g = 1; g < n_group; g++)
        is_sound[0] &= is_sound[g];
    return is_sound[0];
}

/* One end of the rows' intervals, and the values that its places stand for */
typedef struct {
    size_t n;
    const double *time;    /* [n] as given */
    const uint32_t *place; /* [n] */
    const double *value;
} placed_times;

/* Rows of one chunk whose time differs from the value of its place; out NULL: only counted */
static size_t moved_in(const placed_times *t, size_t from, size_t to, const sr_moved_times *out,
                       size_t at)
{
    const double *const time = t->time, *const value = t->value;
    const uint32_t *const place = t->place;
    for (size_t i = from; i < to; i++) {
        if (time[i] == value[place[i]])
            continue;
        if (out != NULL) {
            out->row[at] = (uint32_t)i;
            out->value[at] = value[place[i]];
        }
        at++;
    }
    return at;
}

static sr_status find_moved(sr_context *ctx, const placed_times *t, sr_moved_times *out)
{
    enum { MOST = 16 };
    size_t before[MOST + 1] = {0};
    const size_t n_chunk = sr_chunk_count(t->n, SR_PARALLEL_FROM, MOST);
    SR_FOR_EACH(ctx, n_chunk > 1, c, n_chunk,
                before[c + 1] = moved_in(t, sr_chunk_begin(t->n, n_chunk, c),
                                         sr_chunk_begin(t->n, n_chunk, c + 1), NULL, 0));
    for (size_t c = 0; c < n_chunk; c++)
        before[c + 1] += before[c];
    out->n = before[n_chunk];
    SR_TAKE(out->row, sr_arena_index(&ctx->arena, out->n));
    SR_TAKE(out->value, sr_arena_double(&ctx->arena, out->n));
    SR_FOR_EACH(ctx, n_chunk > 1, c, n_chunk,
                moved_in(t, sr_chunk_begin(t->n, n_chunk, c), sr_chunk_begin(t->n, n_chunk, c + 1),
                         out, before[c]));
    return SR_OK;
}

static sr_status index_times(sr_context *ctx, sr_context *scratch, const sr_times *times,
                             double tolerance, sr_timeindex *index, sr_cox_fit *fit)
{
    SR_TRY(sr_timeindex_make(scratch, times, tolerance, index, &fit->bad_row));
    fit->n_time_merged = index->n_merged;
    fit->n_time_distinct = index->n_distinct + index->n_merged;
    if (index->n_merged == 0)
        return SR_OK;
    const placed_times stop = {times->n, times->stop, index->stop, index->value};
    const placed_times start = {times->n, times->start, index->start, index->value};
    SR_TRY(find_moved(ctx, &stop, &fit->stop));
    return times->start == NULL ? SR_OK : find_moved(ctx, &start, &fit->start);
}

sr_status sr_cox_layout(sr_context *ctx, const sr_cox_data *data, const sr_cox_control *control,
                        int is_efron, sr_riskset *rs, sr_cox_fit *fit)
{
    sr_timeindex index;
    sr_context scratch = *ctx; /* what only the sorting needs is given back at once */
    scratch.arena = (sr_arena){0};
    sr_status status = index_times(ctx, &scratch, &data->times, control->tol_time, &index, fit);
    if (status == SR_OK)
        status = sr_riskset_from_index(ctx, &data->times, &index, is_efron, rs);
    sr_arena_free(&scratch.arena);
    SR_TRY(status);
    return rs->n_slot == (size_t)data->times.n_stratum ? SR_ERR_NO_EVENT : SR_OK;
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

static void scale_column(const sr_cox_data *data, const double *weight, double total,
                         const int *is_centred, size_t j, sr_cox_scaling *out)
{
    const double *const x = data->x.x[j];
    const size_t n = data->x.n;
    const size_t m = n < SR_BLOCK ? n : SR_BLOCK; /* a first guess spares a pass over the column */
    const double weight_of_m = weight == NULL ? (double)m : column_sum(weight, NULL, m, 0, 0);
    const double rough = column_sum(x, weight, m, 0, 0) / weight_of_m;
    out->mean[j] = rough + column_sum(x, weight, n, rough, 0) / total;
    out->spread[j] = column_sum(x, weight, n, out->mean[j], 1) / total;
    const int is_scaled = (is_centred == NULL || is_centred[j]) && isfinite(1 / out->spread[j]);
    out->scale[j] = is_scaled ? 1 / out->spread[j] : 1;
}

sr_status sr_cox_scaling_make(sr_context *ctx, const sr_cox_data *data, const double *weight,
                              const int *is_centred, sr_cox_scaling *out)
{
    const size_t n = data->x.n, p = data->x.p;
    SR_TICK(ctx);
    SR_TAKE(out->mean, sr_arena_double(&ctx->arena, p));
    SR_TAKE(out->spread, sr_arena_double(&ctx->arena, p));
    SR_TAKE(out->scale, sr_arena_double(&ctx->arena, p));
    const double total = weight == NULL ? (double)n : column_sum(weight, NULL, n, 0, 0);
    SR_FOR_EACH(ctx, n > SR_PARALLEL_FROM, j, p,
                scale_column(data, weight, total, is_centred, j, out));
    return SR_OK;
}

static void martingale_block(const sr_cox_data *data, const sr_riskset *rs, const double *risk,
                             const sr_cum_hazard *hazard, size_t block, double *martingale)
{
    const double *const weight = data->times.weight;
    for (size_t i = block * SR_BLOCK; i < sr_block_end(data->x.n, block); i++)
        martingale[i] = data->times.event[i] -
                        risk[i] / (weight != NULL ? weight[i] : 1) * sr_row_hazard(rs, hazard, i);
}

static sr_status set_martingale(sr_context *ctx, const sr_cox_data *data, const sr_riskset *rs,
                                const double *eta, double *martingale)
{
    const size_t n = data->x.n;
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    double *risk, *shift;
    sr_risk_sums sums;
    sr_cum_hazard hazard;
    SR_TAKE(risk, sr_arena_double(&ctx->arena, n));
    SR_TAKE(shift, sr_arena_double(&ctx->arena, (size_t)rs->n_stratum));
    SR_TRY(sr_risk_sums_take(ctx, rs, NULL, &sums));
    SR_TRY(sr_cum_hazard_take(ctx, rs, &hazard));
    SR_TRY(sr_cox_risk(ctx, rs, &data->times, eta, shift, risk));
    SR_TRY(sr_cox_risk_sums(ctx, rs, NULL, risk, &sums));
    SR_TRY(sr_cox_cum_hazard(ctx, rs, &sums, NULL, &hazard));
    SR_FOR_EACH(ctx, n > SR_PARALLEL_FROM, b, sr_block_count(n),
                martingale_block(data, rs, risk, &hazard, b, martingale));
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

sr_status sr_cox_finish(sr_context *ctx, const sr_cox_data *data, const sr_cox_control *control,
                        const sr_riskset *rs, const sr_cox_found *found, sr_cox_fit *fit)
{
    const size_t p = data->x.p;
    const double *const scale = found->scaling->scale, *const mean = found->scaling->mean;
    double *means;
    SR_TAKE(means, sr_arena_double(&ctx->arena, p));
    for (size_t j = 0; j < p; j++) {
        means[j] = control->is_centred == NULL || control->is_centred[j] ? mean[j] : 0;
        fit->coef[j] = found->theta[j] * scale[j];
        if (fit->score != NULL)
            fit->score[j] = found->score[j] / scale[j];
        if (fit->means != NULL)
            fit->means[j] = means[j];
        for (size_t k = 0; k < p; k++)
            fit->var[j * p + k] = found->var[j * p + k] * scale[j] * scale[k];
    }
    if (fit->eta == NULL)
        return SR_OK;
    const sr_columns x = {.n = data->x.n, .p = p, .x = data->x.x, .centre = means};
    SR_TRY(sr_columns_times(ctx, &x, fit->coef, data->offset, fit->eta));
    return fit->martingale == NULL ? SR_OK
                                   : set_martingale(ctx, data, rs, fit->eta, fit->martingale);
}
