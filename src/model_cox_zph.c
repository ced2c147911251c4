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
 * a score test). Each block is one call of sr_cox_information with the event times marked 1, g and
 * g^2: no matrix an event time is formed. O(n p^2).
 */
#include "model_cox_zph.h"
#include "core_simd.h"
#include <math.h>
#include <string.h>

static const double LARGE_MEAN = 16, FAR_APART = 1e-4;

static int has_event(const sr_times *t, size_t i)
{
    return t->event[i] != 0;
}

/* Events by place in time; rows of one place ascending or descending. */
static void order_by_place(const sr_times *t, const sr_timeindex *index, int is_reversed,
                           uint32_t *next, uint32_t *row)
{
    for (size_t i = 0; i < t->n; i++)
        if (has_event(t, i))
            next[index->stop[i] + 1]++;
    for (size_t p = 0; p < index->n_distinct; p++)
        next[p + 1] += next[p];
    for (size_t i = 0; i < t->n; i++) {
        const size_t at = is_reversed ? t->n - 1 - i : i;
        if (has_event(t, at))
            row[next[index->stop[at]]++] = (uint32_t)at;
    }
}

/* A stable pass by stratum. */
static sr_status order_by_stratum(sr_context *ctx, const sr_times *t, size_t n_event, uint32_t *row)
{
    uint32_t *next, *from;
    SR_TAKE(next, (uint32_t *)sr_arena_zero(&ctx->arena, (size_t)t->n_stratum + 1, sizeof *next));
    SR_TAKE(from, sr_arena_index(&ctx->arena, n_event));
    memcpy(from, row, n_event * sizeof *from);
    for (size_t e = 0; e < n_event; e++)
        next[sr_stratum_of(t, from[e]) + 1]++;
    for (int s = 0; s < t->n_stratum; s++)
        next[s + 1] += next[s];
    for (size_t e = 0; e < n_event; e++)
        row[next[sr_stratum_of(t, from[e])]++] = from[e];
    return SR_OK;
}

/* shown[p], p a place: 1 - KM just before it */
static void run_survival(const sr_times *t, const sr_timeindex *index, double *leaving,
                         double *failing, double *shown)
{
    double at_risk = t->start == NULL ? (double)t->n : 0, survival = 1;
    for (size_t i = 0; i < t->n; i++) {
        leaving[index->stop[i]]++;
        failing[index->stop[i]] += has_event(t, i);
        if (t->start != NULL)
            leaving[index->start[i]]--; /* enters after that place */
    }
    for (size_t p = 0; p < index->n_distinct; p++) {
        shown[p] = 1 - survival;
        if (failing[p] > 0)
            survival *= (at_risk - failing[p]) / at_risk;
        at_risk -= leaving[p];
    }
}

/* shown[p]: mean rank of the rows at place p */
static void run_rank(const sr_times *t, const sr_timeindex *index, double *count, double *shown)
{
    double before = 0;
    for (size_t i = 0; i < t->n; i++)
        count[index->stop[i]]++;
    for (size_t p = 0; p < index->n_distinct; p++) {
        shown[p] = before + 0.5 * (count[p] + 1);
        before += count[p];
    }
}

sr_status sr_event_clock(sr_context *ctx, const sr_times *times, sr_clock clock, int is_reversed,
                         uint32_t *row, double *value)
{
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    sr_timeindex index;
    size_t bad_row, n_event = 0;
    uint32_t *next;
    double *shown, *work;
    SR_TRY(sr_timeindex_make(ctx, times->n, times->start, times->stop, 0, &index, &bad_row));
    SR_TAKE(next, (uint32_t *)sr_arena_zero(&ctx->arena, index.n_distinct + 1, sizeof *next));
    SR_TAKE(shown, sr_arena_double(&ctx->arena, index.n_distinct));
    SR_TAKE(work, (double *)sr_arena_zero(&ctx->arena, index.n_distinct, 2 * sizeof(double)));
    order_by_place(times, &index, is_reversed, next, row);
    for (size_t i = 0; i < times->n; i++)
        n_event += (size_t)has_event(times, i);
    if (times->n_stratum > 1)
        SR_TRY(order_by_stratum(ctx, times, n_event, row));
    if (clock == SR_CLOCK_SURVIVAL)
        run_survival(times, &index, work, work + index.n_distinct, shown);
    if (clock == SR_CLOCK_RANK)
        run_rank(times, &index, work, shown);
    for (size_t e = 0; clock != SR_CLOCK_NONE && e < n_event; e++)
        value[e] = shown[index.stop[row[e]]];
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

/* Sums of a column by stratum, about its first value; returns the share of its variance that lies
 * within the strata. */
static double sum_column(const sr_times *t, const double *x, const double *count, double *sum,
                         double *mean, double *sd)
{
    double square = 0, total = 0, between = 0;
    for (size_t i = 0; i < t->n; i++) {
        const double d = x[i] - x[0];
        sum[sr_stratum_of(t, i)] += d;
        square += d * d;
    }
    for (int s = 0; s < t->n_stratum; s++) {
        total += sum[s];
        between += count[s] > 0 ? sum[s] * sum[s] / count[s] : 0;
    }
    const double n = (double)t->n, spread = square - total * total / n;
    *mean = x[0] + total / n;
    *sd = sqrt(fmax(spread, 0) / n);
    return (square - between) / spread;
}

/* Centre the columns where that keeps digits: at their mean when it is large, at the mean of each
 * stratum when these lie far apart. */
static sr_status centre_columns(sr_context *ctx, const sr_cox_data *data, sr_columns *x)
{
    const size_t p = x->p, n_stratum = (size_t)data->times.n_stratum;
    double *sum, *count, *centre, *within;
    SR_TAKE(sum, (double *)sr_arena_zero(&ctx->arena, n_stratum * p, sizeof(double)));
    SR_TAKE(count, (double *)sr_arena_zero(&ctx->arena, n_stratum, sizeof(double)));
    SR_TAKE(centre, sr_arena_double(&ctx->arena, n_stratum * p));
    SR_TAKE(within, sr_arena_double(&ctx->arena, p));
    for (size_t i = 0; i < data->times.n; i++)
        count[sr_stratum_of(&data->times, i)]++;
#pragma omp parallel for num_threads(ctx->n_thread) \
    schedule(static) if (data->times.n > SR_PARALLEL_FROM)
    for (size_t j = 0; j < p; j++) {
        double mean, sd;
        within[j] = sum_column(&data->times, x->x[j], count, sum + j * n_stratum, &mean, &sd);
        centre[j] = fabs(mean) > LARGE_MEAN * sd ? mean : 0;
    }
    x->centre = centre;
    x->stratum = NULL;
    for (size_t j = 0; j < p && n_stratum > 1; j++)
        if (!(within[j] > FAR_APART))
            x->stratum = data->times.stratum;
    for (size_t j = 0; x->stratum != NULL && j < p; j++)
        for (size_t s = 0; s < n_stratum; s++)
            centre[s * p + j] = x->x[j][0] + sum[j * n_stratum + s] / (count[s] > 0 ? count[s] : 1);
    return SR_OK;
}

/* Mean over the steps of an event time: xbar = a S1 - b D1, b = 0 where nothing is tied. */
static void mean_factors(const sr_riskset *rs, const sr_risk_sums *sums, size_t k, double *a,
                         double *b)
{
    *b = 0;
    *a = 1 / sums->S0[k];
    if (rs->n_tied == 0 || rs->slot_tied[k] < 0)
        return;
    const double n_death = rs->n_death[k], tied = sums->D0[rs->slot_tied[k]];
    *a = 0;
    for (double l = 0; l < n_death; l++) {
        const double share = l / n_death, inverse = 1 / (sums->S0[k] - share * tied);
        *a += inverse / n_death;
        *b += share * inverse / n_death;
    }
}

/* The events in the order of their rows: x is read forwards and the residuals are dealt out. */
typedef struct {
    uint32_t row, place, slot;
} event;

static sr_status list_events(sr_context *ctx, const sr_riskset *rs, const sr_clock_events *at,
                             event **out)
{
    uint32_t *place;
    SR_TAKE(*out, (event *)sr_arena_take(&ctx->arena, at->n, sizeof(event)));
    SR_TAKE(place, (uint32_t *)sr_arena_zero(&ctx->arena, rs->n, sizeof *place));
    for (size_t e = 0; e < at->n; e++)
        place[at->row[e]] = (uint32_t)e + 1;
    size_t next = 0;
    for (size_t i = 0; i < rs->n; i++)
        if (place[i] > 0)
            (*out)[next++] = (event){(uint32_t)i, place[i] - 1, sr_leave(rs, i)};
    return SR_OK;
}

static sr_status schoenfeld(sr_context *ctx, const sr_riskset *rs, const sr_columns *x,
                            const sr_risk_sums *sums, const sr_clock_events *at, double *out)
{
    const size_t n_event = at->n;
    double *means;
    event *events;
    SR_TAKE(means, sr_arena_double(&ctx->arena, rs->n_slot * x->p));
    SR_TRY(list_events(ctx, rs, at, &events));
    SR_TICK(ctx);
    for (size_t k = 0; k < rs->n_slot; k++) {
        double a, b;
        mean_factors(rs, sums, k, &a, &b);
        const double *const centre =
            x->centre + (x->stratum == NULL ? 0 : (size_t)rs->slot_stratum[k] * x->p);
        for (size_t j = 0; j < x->p; j++) {
            double *const mean = &means[j * rs->n_slot + k];
            *mean = centre[j] + a * sums->S1[j * rs->n_slot + k];
            if (b != 0)
                *mean -= b * sums->D1[j * rs->n_tied + (size_t)rs->slot_tied[k]];
        }
    }
#pragma omp parallel for num_threads(ctx->n_thread) schedule(static) if (x->n > SR_PARALLEL_FROM)
    for (size_t j = 0; j < x->p; j++) {
        const double *const column = x->x[j], *const mean = means + j * rs->n_slot;
        for (size_t e = 0; e < n_event; e++)
            out[j * n_event + events[e].place] = column[events[e].row] - mean[events[e].slot];
    }
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
    for (size_t i = n; i-- > 0;)
        first[sr_stratum_of(&data->times, i)] = i;
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

static sr_status test(sr_context *ctx, const sr_cox_data *data, const double *eta, int is_efron,
                      const sr_clock_events *events, sr_cox_zph *out)
{
    const size_t n = data->times.n, p = data->x.p;
    sr_riskset rs;
    sr_risk_sums sums;
    sr_columns x = data->x;
    double *risk, *shift, *mark, *unused;
    SR_TRY(sr_riskset_make(ctx, &data->times, is_efron, &rs));
    SR_TRY(centre_columns(ctx, data, &x));
    SR_TAKE(risk, sr_arena_double(&ctx->arena, n));
    SR_TAKE(shift, sr_arena_double(&ctx->arena, (size_t)rs.n_stratum));
    SR_TAKE(mark, (double *)sr_arena_zero(&ctx->arena, rs.n_slot, sizeof(double)));
    SR_TAKE(unused, sr_arena_double(&ctx->arena, p));
    SR_TRY(sr_risk_sums_take(ctx, &rs, &x, &sums));
    SR_TRY(sr_cox_risk(ctx, &rs, &data->times, eta, shift, risk));
    SR_TRY(sr_cox_risk_sums(ctx, &rs, &x, risk, &sums));
    SR_TRY(sr_cox_information(ctx, &rs, &data->times, &x, risk, &sums, NULL, unused, out->info));
    for (size_t e = 0; e < events->n; e++)
        mark[sr_leave(&rs, events->row[e])] = events->g[e];
    SR_TRY(
        sr_cox_information(ctx, &rs, &data->times, &x, risk, &sums, mark, out->score, out->info_g));
    for (size_t k = 0; k < rs.n_slot; k++)
        mark[k] *= mark[k];
    SR_TRY(sr_cox_information(ctx, &rs, &data->times, &x, risk, &sums, mark, unused, out->info_gg));
    SR_TRY(schoenfeld(ctx, &rs, &x, &sums, events, out->schoenfeld));
    SR_TICK(ctx);
    memset(out->stratum_event, 0, (size_t)rs.n_stratum * sizeof(double));
    for (size_t k = 0; k < rs.n_slot; k++)
        out->stratum_event[rs.slot_stratum[k]] += rs.n_death[k];
    return find_varying(ctx, data, out->is_varying);
}

sr_status sr_cox_zph_test(sr_context *ctx, const sr_cox_data *data, const double *eta, int is_efron,
                          const sr_clock_events *events, sr_cox_zph *out)
{
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    const sr_status status = test(ctx, data, eta, is_efron, events, out);
    sr_arena_restore(&ctx->arena, mark);
    return status;
}

SR_SIMD static void add_multiple(size_t m, double factor, const double *restrict from,
                                 double *restrict to)
{
#pragma omp simd
    for (size_t i = 0; i < m; i++)
        to[i] += factor * from[i];
}

sr_status sr_zph_scale(sr_context *ctx, const sr_zph_scaling *s, double *out)
{
    SR_TICK(ctx);
    const size_t n_block = sr_block_count(s->n);
#pragma omp parallel for num_threads(ctx->n_thread) schedule(static) if (s->n > SR_PARALLEL_FROM)
    for (size_t b = 0; b < n_block; b++) {
        const size_t from = b * SR_BLOCK;
        const size_t m = s->n - from < SR_BLOCK ? s->n - from : SR_BLOCK;
        for (size_t c = 0; c < s->q; c++) {
            double *const to = out + c * s->n + from;
            for (size_t i = 0; i < m; i++)
                to[i] = s->slope[c];
            for (size_t j = 0; j < s->p; j++)
                add_multiple(m, s->A[c * s->p + j], s->residual + j * s->n + from, to);
        }
    }
    return SR_OK;
}
