/* model_cox_surv.c -- see model_cox_surv.h */
#include "model_cox_surv.h"
#include "core_pair.h"
#include "model_cox_resid.h"
#include <math.h>
#include <string.h>

/* Where rows leave and enter: *keys*, numbered by stratum and, within, by time. Every pair of a
 * stratum and a distinct time is one while there are not many more of them than rows; where strata
 * are many, only the stop times of each stratum are. */
typedef struct {
    const sr_times *times;
    const sr_timeindex *index;
    size_t n_key;
    size_t *begin;   /* [n_stratum + 1] first key of each stratum */
    double *time;    /* [n_key], NULL: those of `index`, again in each stratum */
    uint32_t *stop;  /* [n] key at which a row leaves */
    uint32_t *start; /* [n] last key before a row is at risk, or NO_KEY; NULL: nobody enters late */
    double *leaving; /* [n_key x 2] weight that leaves: without, with an event */
    double *entering;
} key_job;

static const uint32_t NO_KEY = UINT32_MAX;

/* count[b] becomes the first place of bucket b */
static void begin_buckets(size_t n_bucket, size_t *count)
{
    size_t sum = 0;
    for (size_t b = 0; b < n_bucket; b++) {
        const size_t here = count[b];
        count[b] = sum;
        sum += here;
    }
}

/* Data rows in order of stratum and, within, of place: two stable counting sorts. */
static sr_status order_by_place(sr_context *ctx, const sr_times *times, const uint32_t *place,
                                size_t n_place, uint32_t *order)
{
    const size_t n = times->n, n_stratum = (size_t)times->n_stratum;
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    size_t *count;
    uint32_t *by_place;
    SR_TAKE(count, (size_t *)sr_arena_zero(&ctx->arena, n_place, sizeof(size_t)));
    SR_TAKE(by_place, sr_arena_index(&ctx->arena, n));
    for (size_t i = 0; i < n; i++)
        count[place[i]]++;
    begin_buckets(n_place, count);
    for (size_t i = 0; i < n; i++)
        by_place[count[place[i]]++] = (uint32_t)i;
    SR_TAKE(count, (size_t *)sr_arena_zero(&ctx->arena, n_stratum, sizeof(size_t)));
    for (size_t i = 0; i < n; i++)
        count[sr_stratum_of(times, i)]++;
    begin_buckets(n_stratum, count);
    for (size_t r = 0; r < n; r++)
        order[count[sr_stratum_of(times, by_place[r])]++] = by_place[r];
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

static sr_status keys_by_table(sr_context *ctx, key_job *job)
{
    const sr_times *const t = job->times;
    const size_t n_place = job->index->n_distinct;
    job->n_key = n_place * (size_t)t->n_stratum;
    for (size_t s = 0; s <= (size_t)t->n_stratum; s++)
        job->begin[s] = s * n_place;
    SR_TICK(ctx);
    for (size_t i = 0; i < t->n; i++)
        job->stop[i] = (uint32_t)(sr_stratum_of(t, i) * n_place) + job->index->stop[i];
    for (size_t i = 0; job->start != NULL && i < t->n; i++)
        job->start[i] = (uint32_t)(sr_stratum_of(t, i) * n_place) + job->index->start[i];
    return SR_OK;
}

static sr_status keys_by_order(sr_context *ctx, key_job *job)
{
    const sr_times *const t = job->times;
    const sr_timeindex *const index = job->index;
    size_t key = 0, next_stratum = 0, r = 0;
    uint32_t *order;
    SR_TAKE(order, sr_arena_index(&ctx->arena, t->n));
    SR_TAKE(job->time, sr_arena_double(&ctx->arena, t->n));
    SR_TRY(order_by_place(ctx, t, index->stop, index->n_distinct, order));
    for (; r < t->n; r++) {
        const size_t i = order[r], s = sr_stratum_of(t, i);
        if (r > 0 && (next_stratum <= s || index->stop[i] != index->stop[order[r - 1]]))
            key++;
        while (next_stratum <= s)
            job->begin[next_stratum++] = key;
        job->time[key] = index->value[index->stop[i]];
        job->stop[i] = (uint32_t)key;
    }
    job->n_key = t->n > 0 ? key + 1 : 0;
    while (next_stratum <= (size_t)t->n_stratum)
        job->begin[next_stratum++] = job->n_key;
    if (job->start == NULL)
        return SR_OK;
    SR_TRY(order_by_place(ctx, t, index->start, index->n_distinct, order));
    for (r = 0, key = 0; r < t->n; r++) { /* key: first one that is later than the entry */
        const size_t i = order[r], s = sr_stratum_of(t, i);
        if (key < job->begin[s])
            key = job->begin[s];
        while (key < job->begin[s + 1] && job->time[key] <= index->value[index->start[i]])
            key++;
        job->start[i] = key > job->begin[s] ? (uint32_t)(key - 1) : NO_KEY;
    }
    return SR_OK;
}

static sr_status weigh_keys(sr_context *ctx, key_job *job)
{
    const sr_times *const t = job->times;
    SR_TAKE(job->leaving, (double *)sr_arena_zero(&ctx->arena, job->n_key, 2 * sizeof(double)));
    for (size_t i = 0; i < t->n; i++)
        job->leaving[2 * (size_t)job->stop[i] + (t->event[i] != 0)] += sr_weight_of(t, i);
    if (job->start == NULL)
        return SR_OK;
    SR_TAKE(job->entering, (double *)sr_arena_zero(&ctx->arena, job->n_key, sizeof(double)));
    for (size_t i = 0; i < t->n; i++)
        if (job->start[i] != NO_KEY)
            job->entering[job->start[i]] += sr_weight_of(t, i);
    return SR_OK;
}

/* The weight that leaves at a key, which is a row of the curve where there is some. */
static double leaving_at(const key_job *job, size_t key)
{
    return job->leaving[2 * key] + job->leaving[2 * key + 1];
}

/* The rows of stratum s from `row` on; returns the row after its last. */
static size_t fill_stratum(const key_job *job, const sr_riskset *rs, size_t s, size_t row,
                           sr_curve_rows *out)
{
    const double *const time = job->time == NULL ? job->index->value : job->time + job->begin[s];
    size_t slot = rs->slot_begin[s];
    for (size_t k = job->begin[s]; k < job->begin[s + 1]; k++) {
        if (!(leaving_at(job, k) > 0))
            continue;
        out->time[row] = time[k - job->begin[s]];
        out->n_censor[row] = job->leaving[2 * k];
        out->n_event[row] = job->leaving[2 * k + 1];
        slot += job->leaving[2 * k + 1] > 0; /* a time with events is the next slot */
        out->slot[row++] = (uint32_t)slot;
    }
    double high = 0, low = 0;
    for (size_t k = job->begin[s + 1], r = row; k-- > job->begin[s];) {
        sr_add_exactly(&high, &low, leaving_at(job, k));
        if (job->start != NULL)
            sr_add_exactly(&high, &low, -job->entering[k]);
        if (leaving_at(job, k) > 0)
            out->n_risk[--r] = high + low;
    }
    return row;
}

static sr_status rows_make(sr_context *ctx, const sr_times *times, const sr_timeindex *index,
                           const sr_riskset *rs, sr_curve_rows *out)
{
    const size_t n_stratum = (size_t)times->n_stratum;
    key_job job = {.times = times, .index = index};
    *out = (sr_curve_rows){0};
    SR_TAKE(job.begin, sr_arena_sizes(&ctx->arena, n_stratum + 1));
    SR_TAKE(job.stop, sr_arena_index(&ctx->arena, times->n));
    if (times->start != NULL)
        SR_TAKE(job.start, sr_arena_index(&ctx->arena, times->n));
    if (n_stratum <= (4 * times->n + 65536) / (index->n_distinct + 1) &&
        n_stratum * index->n_distinct < NO_KEY)
        SR_TRY(keys_by_table(ctx, &job));
    else
        SR_TRY(keys_by_order(ctx, &job));
    SR_TRY(weigh_keys(ctx, &job));
    for (size_t k = 0; k < job.n_key; k++)
        out->n_row += leaving_at(&job, k) > 0;
    SR_TAKE(out->row_begin, sr_arena_sizes(&ctx->arena, n_stratum + 1));
    SR_TAKE(out->n, (size_t *)sr_arena_zero(&ctx->arena, n_stratum, sizeof(size_t)));
    SR_TAKE(out->time, sr_arena_double(&ctx->arena, out->n_row));
    SR_TAKE(out->n_risk, sr_arena_double(&ctx->arena, out->n_row));
    SR_TAKE(out->n_event, sr_arena_double(&ctx->arena, out->n_row));
    SR_TAKE(out->n_censor, sr_arena_double(&ctx->arena, out->n_row));
    SR_TAKE(out->slot, sr_arena_index(&ctx->arena, out->n_row));
    size_t row = 0;
    for (size_t s = 0; s < n_stratum; s++) {
        out->row_begin[s] = row;
        row = fill_stratum(&job, rs, s, row, out);
    }
    out->row_begin[n_stratum] = row;
    for (size_t i = 0; i < times->n; i++)
        out->n[sr_stratum_of(times, i)]++;
    return SR_OK;
}

/* How many rows are at risk at each slot: a whole number, where S0 is only near what it would be */
static sr_status count_at_risk(sr_context *ctx, const sr_riskset *rs, size_t **out)
{
    SR_TAKE(*out, (size_t *)sr_arena_zero(&ctx->arena, rs->n_slot, sizeof(size_t)));
    for (size_t i = 0; i < rs->n; i++) {
        (*out)[sr_leave(rs, i)]++;
        if (rs->enter != NULL)
            (*out)[rs->enter[i]]--;
    }
    for (int s = 0; s < rs->n_stratum; s++)
        for (size_t k = rs->slot_begin[s + 1] - 1; k-- > rs->slot_begin[s];)
            (*out)[k] += (*out)[k + 1];
    return SR_OK;
}

/* u = -log a of one event time that somebody survives; deaths row[0..m), risk weighted, in the
 * units of S0. */
static double product_step(const sr_times *times, const double *risk, const size_t *row, size_t m,
                           double S0)
{
    double weight = 0, least = 0;
    for (size_t d = 0; d < m; d++) {
        weight += sr_weight_of(times, row[d]);
        least += risk[row[d]];
    }
    if (!(S0 > least)) /* the risk of who survives is below the rounding of the sum */
        return INFINITY;
    if (m == 1)
        return -log1p(-risk[row[0]] / S0) * weight / risk[row[0]];
    double u = weight / S0;
    for (int step = 0; step < 200; step++) {
        double sum = -S0, slope = 0;
        for (size_t d = 0; d < m; d++) {
            const double r = risk[row[d]] / sr_weight_of(times, row[d]);
            const double gone = -expm1(-u * r), part = risk[row[d]] / gone;
            sum += part;
            slope -= part * r * (1 - gone) / gone;
        }
        const double by = -sum / slope;
        u += by;
        if (!(by > 1e-15 * u))
            break;
    }
    return u;
}

/* log survival and Greenwood's variance, cumulative, at every slot */
static sr_status product_limit(sr_context *ctx, const sr_cox_data *data, const double *risk,
                               const double *S0, sr_cox_curve *curve)
{
    SR_TICK(ctx);
    const sr_riskset *const rs = &curve->rs;
    size_t *row, *at_risk;
    SR_TRY(count_at_risk(ctx, rs, &at_risk));
    SR_TAKE(curve->log_survival, sr_arena_double(&ctx->arena, rs->n_slot));
    SR_TAKE(row, sr_arena_sizes(&ctx->arena, sr_cox_death_count(data) + 1));
    SR_TRY(sr_cox_order_deaths(ctx, data, rs, row));
    for (int s = 0; s < rs->n_stratum; s++) {
        const double scale = exp(curve->shift[s]);
        double log_survival = 0, variance = 0;
        for (size_t k = rs->slot_begin[s]; k < rs->slot_begin[s + 1]; k++) {
            const size_t m = (size_t)rs->n_death[k];
            if (m > 0) {
                const double sum = S0[k] * scale, dead = rs->death_weight[k];
                log_survival -=
                    m == at_risk[k] ? INFINITY : product_step(&data->times, risk, row, m, S0[k]);
                variance += dead / (S0[k] * (dead >= sum ? sum : sum - dead)) * scale;
            }
            row += m;
            curve->log_survival[k] = log_survival;
            curve->path.variance[k] = variance;
        }
    }
    return SR_OK;
}

sr_status sr_cox_curve_make(sr_context *ctx, const sr_cox_data *data, const double *eta,
                            const sr_curve_kind *kind, sr_cox_curve *out)
{
    sr_timeindex index;
    size_t bad_row;
    const sr_times *const times = &data->times;
    const int with_variance = kind->centre != NULL;
    sr_columns z = data->x;
    z.centre = kind->centre;
    *out = (sr_cox_curve){0};
    SR_TRY(sr_timeindex_make(ctx, times, 0, &index, &bad_row));
    SR_TRY(sr_riskset_from_index(ctx, times, &index, kind->is_efron, &out->rs));
    SR_TRY(rows_make(ctx, times, &index, &out->rs, &out->rows));
    SR_TAKE(out->shift, sr_arena_double(&ctx->arena, (size_t)times->n_stratum));
    SR_TRY(sr_cum_hazard_take(ctx, &out->rs, &out->hazard));
    SR_TRY(sr_cox_path_take(ctx, &out->rs, with_variance ? z.p : 0, 0, &out->path));
    double *risk;
    sr_risk_sums sums;
    const sr_columns *const wanted = with_variance ? &z : NULL;
    SR_TAKE(risk, sr_arena_double(&ctx->arena, times->n));
    SR_TRY(sr_cox_risk(ctx, &out->rs, times, eta, out->shift, risk));
    SR_TRY(sr_risk_sums_take(ctx, &out->rs, wanted, &sums));
    SR_TRY(sr_cox_risk_sums(ctx, &out->rs, wanted, risk, &sums));
    SR_TRY(sr_cox_cum_hazard(ctx, &out->rs, &sums, NULL, &out->hazard));
    SR_TRY(sr_cox_path_fill(ctx, &out->rs, &sums, &out->path));
    return kind->is_product ? product_limit(ctx, data, risk, sums.S0, out) : SR_OK;
}
