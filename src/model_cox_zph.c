/* model_cox_zph.c -- see model_cox_zph.h
 *
 * With V(t) the variance of x over the risk set of an event time, weighted by the risks at beta
 * (summed over the steps of Efron's approximation at a tied time), the score and information of
 * (beta, theta) at theta = 0 are
 *
 *     U = (0, sum_i g(t_i) w_i (x_i - xbar(t_i))),     I = [ sum V       sum g V   ]
 *                                                         [ sum g V     sum g^2 V ]
 *
 * (Grambsch & Therneau, Biometrika 1994;81:515, doi:10.1093/biomet/81.3.515, in the exact form of
 * a score test). The three blocks come from one sweep over the rows (model_cox_zph_info.c): no
 * matrix an event time is formed. The score is summed while the residuals are dealt out. O(n p^2).
 */
#include "model_cox_zph.h"
#include "core_pair.h"
#include "core_simd.h"
#include "core_thread.h"
#include <math.h>
#include <string.h>

static const double LARGE_MEAN = 16, FAR_APART = 1e-4;

/* How columns are centred changes no result but for its last digits, so that a part of the rows is
 * enough to judge them by: every `step`-th block. All of them where strata are many. */
enum { ENOUGH_BLOCKS = 256, FEW_STRATA = 64 };

typedef struct {
    const sr_times *times;
    size_t step;
    double *count; /* [n_stratum] rows looked at */
    double n;
} look;

static sr_status look_at_rows(sr_context *ctx, const sr_times *times, look *out)
{
    const size_t n_block = sr_block_count(times->n);
    *out = (look){.times = times, .step = 1};
    if (times->n_stratum <= FEW_STRATA && n_block > ENOUGH_BLOCKS)
        out->step = n_block / ENOUGH_BLOCKS;
    SR_TAKE(out->count,
            (double *)sr_arena_zero(&ctx->arena, (size_t)times->n_stratum, sizeof(double)));
    for (size_t b = 0; b < n_block; b += out->step)
        for (size_t i = b * SR_BLOCK; i < sr_block_end(times->n, b); i++) {
            out->count[sr_stratum_of(times, i)]++;
            out->n++;
        }
    return SR_OK;
}

/* Sums of a column by stratum, about its first value; returns the share of its variance that lies
 * within the strata. */
static double sum_column(const look *rows, const double *x, double *sum, double *mean, double *sd)
{
    const sr_times *const t = rows->times;
    double square = 0, total = 0, between = 0;
    for (size_t b = 0; b < sr_block_count(t->n); b += rows->step)
        for (size_t i = b * SR_BLOCK; i < sr_block_end(t->n, b); i++) {
            const double d = x[i] - x[0];
            sum[sr_stratum_of(t, i)] += d;
            square += d * d;
        }
    for (int s = 0; s < t->n_stratum; s++) {
        total += sum[s];
        between += rows->count[s] > 0 ? sum[s] * sum[s] / rows->count[s] : 0;
    }
    const double spread = square - total * total / rows->n;
    *mean = x[0] + total / rows->n;
    *sd = sqrt(fmax(spread, 0) / rows->n);
    return (square - between) / spread;
}

/* Centre the columns where that keeps digits: at their mean when it is large, at the mean of each
 * stratum when these lie far apart. */
static sr_status centre_columns(sr_context *ctx, const sr_cox_data *data, sr_columns *x)
{
    const size_t p = x->p, n_stratum = (size_t)data->times.n_stratum;
    look rows;
    double *sum, *centre, *mean, *within;
    SR_TAKE(sum, (double *)sr_arena_zero(&ctx->arena, n_stratum * p, sizeof(double)));
    SR_TAKE(centre, sr_arena_double(&ctx->arena, n_stratum * p));
    SR_TAKE(mean, sr_arena_double(&ctx->arena, p));
    SR_TAKE(within, sr_arena_double(&ctx->arena, p));
    SR_TRY(look_at_rows(ctx, &data->times, &rows));
#pragma omp parallel for num_threads(ctx->n_thread) \
    schedule(static) if (data->times.n > SR_PARALLEL_FROM)
    for (size_t j = 0; j < p; j++) {
        double sd;
        within[j] = sum_column(&rows, x->x[j], sum + j * n_stratum, &mean[j], &sd);
        centre[j] = fabs(mean[j]) > LARGE_MEAN * sd ? mean[j] : 0;
    }
    x->centre = centre;
    x->stratum = NULL;
    for (size_t j = 0; j < p && n_stratum > 1; j++)
        if (!(within[j] > FAR_APART))
            x->stratum = data->times.stratum;
    for (size_t j = 0; x->stratum != NULL && j < p; j++)
        for (size_t s = 0; s < n_stratum; s++)
            centre[s * p + j] =
                rows.count[s] > 0 ? x->x[j][0] + sum[j * n_stratum + s] / rows.count[s] : mean[j];
    return SR_OK;
}

/* Mean over the steps of an event time: xbar = a S1 - b D1, b = 0 where nothing is tied. */
static void mean_factors(const sr_riskset *rs, const sr_risk_sums *sums, size_t k, double *a,
                         double *b)
{
    *b = 0;
    *a = 1 / sums->S0[k];
    if (!sr_is_tied(rs, k))
        return;
    const double n_death = rs->n_death[k], tied = sums->D0[rs->slot_tied[k]];
    *a = 0;
    for (double l = 0; l < n_death; l++) {
        const double share = l / n_death, inverse = 1 / (sums->S0[k] - share * tied);
        *a += inverse / n_death;
        *b += share * inverse / n_death;
    }
}

static sr_status mean_of_slots(sr_context *ctx, const sr_riskset *rs, const sr_columns *x,
                               const sr_risk_sums *sums, double **out)
{
    SR_TAKE(*out, sr_arena_double(&ctx->arena, rs->n_slot * x->p));
    for (size_t k = 0; k < rs->n_slot; k++) {
        double a, b;
        mean_factors(rs, sums, k, &a, &b);
        const double *const centre =
            x->centre + (x->stratum == NULL ? 0 : (size_t)rs->slot_stratum[k] * x->p);
        for (size_t j = 0; j < x->p; j++) {
            double *const mean = &(*out)[j * rs->n_slot + k];
            *mean = centre[j] + a * sums->S1[j * rs->n_slot + k];
            if (b != 0)
                *mean -= b * sums->D1[j * rs->n_tied + (size_t)rs->slot_tied[k]];
        }
    }
    return SR_OK;
}

/* The residuals are written from the first place to the last, x is gathered: a load that waits does
 * not keep the next from starting, as a store does. */
typedef struct {
    const sr_riskset *rs;
    size_t n_event;
    const uint32_t *row, *first; /* [n_event] by place; [n_slot + 1] first place of a slot */
    const double *weight;        /* [n] case weights, or NULL */
    const double *mark, *mean;   /* [n_slot]; [n_slot x p] by column */
    double *out;                 /* [n_event x p] */
} residual_task;

/* Column j of the residuals at slots [from, to), whose part of the score it returns */
SR_SIMD static double deal_slots(const residual_task *t, const double *restrict x, size_t j,
                                 size_t from, size_t to)
{
    const double *const mean = t->mean + j * t->rs->n_slot, *const weight = t->weight;
    const uint32_t *restrict row = t->row;
    double *restrict out = t->out + j * t->n_event, score = 0;
    for (size_t k = from; k < to; k++) {
        const double here = mean[k];
        const size_t begin = t->first[k], end = t->first[k + 1];
        double sum = 0;
#pragma omp simd reduction(+ : sum)
        for (size_t e = begin; e < end; e++) {
            out[e] = x[row[e]] - here;
            sum += out[e];
        }
        if (weight != NULL) {
            sum = 0;
            for (size_t e = begin; e < end; e++)
                sum += weight[row[e]] * out[e];
        }
        score += t->mark[k] * sum;
    }
    return score;
}

static double deal_column(const residual_task *t, const double *x, size_t j)
{
    double high = 0, low = 0;
    for (size_t b = 0; b < sr_block_count(t->rs->n_slot); b++)
        sr_add_exactly(&high, &low,
                       deal_slots(t, x, j, b * SR_BLOCK, sr_block_end(t->rs->n_slot, b)));
    return high + low;
}

static sr_status schoenfeld(sr_context *ctx, const sr_cox_state *at, const sr_columns *x,
                            const double *mark, const sr_event_list *events, sr_cox_zph *out)
{
    double *mean;
    SR_TRY(mean_of_slots(ctx, at->rs, x, at->sums, &mean));
    SR_TICK(ctx);
    const residual_task task = {.rs = at->rs,
                                .n_event = events->n,
                                .row = events->row,
                                .first = events->first,
                                .weight = at->times->weight,
                                .mark = mark,
                                .mean = mean,
                                .out = out->schoenfeld};
    SR_FOR_EACH(ctx, x->n > SR_PARALLEL_FROM, j, x->p,
                out->score[j] = deal_column(&task, x->x[j], j));
    return SR_OK;
}

/* In which strata is a column constant? */
static sr_status find_varying(sr_context *ctx, const sr_cox_data *data, int *is_varying)
{
    const size_t n_stratum = (size_t)data->times.n_stratum, n = data->times.n;
    size_t *first;
    SR_TAKE(first, sr_arena_sizes(&ctx->arena, n_stratum));
    for (size_t s = 0; s < n_stratum; s++)
        first[s] = n;
    for (size_t i = 0, n_found = 0; i < n && n_found < n_stratum; i++) {
        size_t *const mine = &first[sr_stratum_of(&data->times, i)];
        if (*mine == n) {
            *mine = i;
            n_found++;
        }
    }
    memset(is_varying, 0, n_stratum * data->x.p * sizeof(int));
    for (size_t j = 0; j < data->x.p; j++) {
        size_t n_open = n_stratum;
        for (size_t i = 0; i < n && n_open > 0; i++) {
            const size_t s = sr_stratum_of(&data->times, i);
            int *const mine = &is_varying[j * n_stratum + s];
            if (!*mine && data->x.x[j][i] != data->x.x[j][first[s]]) {
                *mine = 1;
                n_open--;
            }
        }
    }
    return SR_OK;
}

/* mark[k]: the clock at the last event of slot k, about its mean over the events */
static sr_status centre_clock(sr_context *ctx, const sr_riskset *rs, const sr_event_list *events,
                              const double *value, double **mark)
{
    double high = 0, low = 0;
    SR_TAKE(*mark, (double *)sr_arena_zero(&ctx->arena, rs->n_slot, sizeof(double)));
    for (size_t k = 0; k < rs->n_slot; k++) {
        double sum = 0;
        for (size_t e = events->first[k]; e < events->first[k + 1]; e++)
            sum += (*mark)[k] = value[e];
        sr_add_exactly(&high, &low, sum);
    }
    for (size_t k = 0; k < rs->n_slot; k++)
        if (events->first[k] < events->first[k + 1])
            (*mark)[k] -= (high + low) / (double)events->n;
    return SR_OK;
}

static sr_status test(sr_context *ctx, const sr_cox_data *data, const double *eta, int is_efron,
                      const sr_clock_asked *clock, sr_cox_zph *out)
{
    const sr_times *const times = &data->times;
    sr_timeindex index;
    sr_riskset rs;
    sr_risk_sums sums;
    sr_event_list events;
    size_t bad_row;
    sr_columns x = data->x;
    const sr_timed_rows rows = {times, &index, &rs};
    double *risk, *shift, *mark;
    SR_TRY(sr_timeindex_make(ctx, times, 0, &index, &bad_row));
    SR_TRY(sr_riskset_from_index(ctx, times, &index, is_efron, &rs));
    SR_TRY(sr_events_list(ctx, &rows, clock, &events, &out->at));
    SR_TRY(centre_clock(ctx, &rs, &events, out->at.value, &mark));
    SR_TRY(centre_columns(ctx, data, &x));
    SR_TAKE(risk, sr_arena_double(&ctx->arena, times->n));
    SR_TAKE(shift, sr_arena_double(&ctx->arena, (size_t)rs.n_stratum));
    SR_TRY(sr_risk_sums_take(ctx, &rs, &x, &sums));
    SR_TRY(sr_cox_risk(ctx, &rs, times, eta, shift, risk));
    SR_TRY(sr_cox_risk_sums(ctx, &rs, &x, risk, &sums));
    const sr_cox_state at = {&rs, times, eta, shift, risk, &sums};
    SR_TRY(sr_zph_information(ctx, &at, &x, mark, out->info));
    SR_TRY(schoenfeld(ctx, &at, &x, mark, &events, out));
    SR_TICK(ctx);
    memset(out->stratum_event, 0, (size_t)rs.n_stratum * sizeof(double));
    for (size_t k = 0; k < rs.n_slot; k++)
        out->stratum_event[rs.slot_stratum[k]] += rs.n_death[k];
    return find_varying(ctx, data, out->is_varying);
}

sr_status sr_cox_zph_test(sr_context *ctx, const sr_cox_data *data, const double *eta, int is_efron,
                          const sr_clock_asked *clock, sr_cox_zph *out)
{
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    const sr_status status = test(ctx, data, eta, is_efron, clock, out);
    sr_arena_restore(&ctx->arena, mark);
    return status;
}

enum { TOGETHER = 4, CHUNK_ROWS = 8192, MOST_CHUNKS = 16 };

/* to += sum of four columns of a block times their factors */
SR_SIMD static void add_four(size_t m, const double *factor, const double *restrict x,
                             double *restrict to)
{
    const double f0 = factor[0], f1 = factor[1], f2 = factor[2], f3 = factor[3];
    const double *restrict x1 = x + SR_BLOCK, *restrict x2 = x + 2 * SR_BLOCK;
    const double *restrict x3 = x + 3 * SR_BLOCK;
#pragma omp simd
    for (size_t i = 0; i < m; i++)
        to[i] += (f0 * x[i] + f1 * x1[i]) + (f2 * x2[i] + f3 * x3[i]);
}

/* p filled up to whole groups of columns */
static size_t padded(size_t p)
{
    return (p + TOGETHER - 1) / TOGETHER * TOGETHER;
}

/* Rows [from, from + m), copied first, for they may be overwritten. copy[padded(p) x SR_BLOCK];
 * factor[padded(p) x q]: A, filled up with zeros. */
static void scale_block(const sr_zph_scaling *s, const double *factor, size_t from, size_t m,
                        double *copy, double *out)
{
    const size_t p_pad = padded(s->p);
    double sum[SR_BLOCK];
    for (size_t j = 0; j < s->p; j++)
        memcpy(copy + j * SR_BLOCK, s->residual + j * s->n + from, m * sizeof(double));
    for (size_t c = 0; c < s->q; c++) {
        for (size_t i = 0; i < SR_BLOCK; i++)
            sum[i] = s->slope[c];
        for (size_t j = 0; j < p_pad; j += TOGETHER)
            add_four(m, factor + c * p_pad + j, copy + j * SR_BLOCK, sum);
        memcpy(out + c * s->n + from, sum, m * sizeof(double));
    }
}

sr_status sr_zph_scale(sr_context *ctx, const sr_zph_scaling *s, double *out)
{
    SR_TICK(ctx);
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    const size_t n_chunk = sr_chunk_count(s->n, CHUNK_ROWS, MOST_CHUNKS);
    const size_t p_pad = padded(s->p), room = p_pad * SR_BLOCK;
    double *copy, *factor;
    SR_TAKE(copy, (double *)sr_arena_zero(&ctx->arena, n_chunk * room, sizeof(double)));
    SR_TAKE(factor, (double *)sr_arena_zero(&ctx->arena, p_pad * s->q, sizeof(double)));
    for (size_t c = 0; c < s->q; c++)
        memcpy(factor + c * p_pad, s->A + c * s->p, s->p * sizeof(double));
#pragma omp parallel for num_threads(ctx->n_thread) schedule(static) if (s->n > SR_PARALLEL_FROM)
    for (size_t c = 0; c < n_chunk; c++) {
        const size_t end = sr_chunk_begin(s->n, n_chunk, c + 1);
        for (size_t i = sr_chunk_begin(s->n, n_chunk, c); i < end; i += SR_BLOCK)
            scale_block(s, factor, i, end - i < SR_BLOCK ? end - i : SR_BLOCK, copy + c * room,
                        out);
    }
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}
