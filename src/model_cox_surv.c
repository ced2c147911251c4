/* model_cox_surv.c -- see model_cox_surv.h */
#include "model_cox_surv.h"
#include "core_pair.h"
#include "model_cox_resid.h"
#include <math.h>
#include <string.h>

/* What a curve's rows are made from: places of the times among the distinct ones. */
typedef struct {
    const sr_times *times;
    const sr_timeindex *index;
    const sr_riskset *rs;
    uint32_t *by_stop;  /* [n] data rows by stratum and stop */
    uint32_t *by_start; /* [n] by stratum and start, or NULL */
} row_job;

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
    SR_TAKE(count, (size_t *)sr_arena_zero(&ctx->arena, n_place, sizeof(size_t)));
    for (size_t i = 0; i < n; i++)
        count[place[i]]++;
    begin_buckets(n_place, count);
    for (size_t i = 0; i < n; i++)
        order[count[place[i]]++] = (uint32_t)i;
    if (n_stratum > 1) {
        uint32_t *by_place;
        SR_TAKE(by_place, sr_arena_index(&ctx->arena, n));
        SR_TAKE(count, (size_t *)sr_arena_zero(&ctx->arena, n_stratum, sizeof(size_t)));
        memcpy(by_place, order, n * sizeof(uint32_t));
        for (size_t i = 0; i < n; i++)
            count[sr_stratum_of(times, i)]++;
        begin_buckets(n_stratum, count);
        for (size_t r = 0; r < n; r++)
            order[count[sr_stratum_of(times, by_place[r])]++] = by_place[r];
    }
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

/* Does the r-th data row in order open a new curve row? */
static int is_new_row(const row_job *job, size_t r)
{
    const size_t i = job->by_stop[r];
    if (r == 0)
        return 1;
    const size_t before = job->by_stop[r - 1];
    return job->index->stop[i] != job->index->stop[before] ||
           sr_stratum_of(job->times, i) != sr_stratum_of(job->times, before);
}

/* Fill time, counts and slot; n_risk gets the weight that leaves at each row. */
static void fill_rows(const row_job *job, sr_curve_rows *out)
{
    size_t row = 0, next_stratum = 0;
    for (size_t r = 0; r < job->times->n; r++) {
        const size_t i = job->by_stop[r], s = sr_stratum_of(job->times, i);
        if (is_new_row(job, r)) {
            row = r == 0 ? 0 : row + 1;
            while (next_stratum <= s)
                out->row_begin[next_stratum++] = row;
            out->time[row] = job->index->value[job->index->stop[i]];
            out->slot[row] = sr_leave(job->rs, i);
        }
        const double weight = sr_weight_of(job->times, i);
        if (job->times->event[i] != 0)
            out->n_event[row] += weight;
        else
            out->n_censor[row] += weight;
        out->n_risk[row] += weight;
        out->n[s]++;
    }
    while (next_stratum <= (size_t)job->times->n_stratum)
        out->row_begin[next_stratum++] = out->n_row;
}

/* Weight at risk from the weight that leaves at each row, less that of later entries. */
static void suffix_risk(const row_job *job, sr_curve_rows *out)
{
    size_t late = job->times->n; /* entries before `late`, in order, are not yet looked at */
    for (size_t s = (size_t)job->times->n_stratum; s-- > 0;) {
        double high = 0, low = 0;
        for (size_t row = out->row_begin[s + 1]; row-- > out->row_begin[s];) {
            sr_add_exactly(&high, &low, out->n_risk[row]);
            while (job->by_start != NULL && late > 0) {
                const size_t i = job->by_start[late - 1];
                if (sr_stratum_of(job->times, i) != s ||
                    job->index->value[job->index->start[i]] < out->time[row])
                    break;
                sr_add_exactly(&high, &low, -sr_weight_of(job->times, i));
                late--;
            }
            out->n_risk[row] = high + low;
        }
        while (job->by_start != NULL && late > 0 &&
               sr_stratum_of(job->times, job->by_start[late - 1]) == s)
            late--;
    }
}

static sr_status rows_make(sr_context *ctx, const sr_times *times, const sr_timeindex *index,
                           const sr_riskset *rs, sr_curve_rows *out)
{
    SR_TICK(ctx);
    row_job job = {times, index, rs, NULL, NULL};
    const size_t n_stratum = (size_t)times->n_stratum;
    SR_TAKE(job.by_stop, sr_arena_index(&ctx->arena, times->n));
    SR_TRY(order_by_place(ctx, times, index->stop, index->n_distinct, job.by_stop));
    if (times->start != NULL) {
        SR_TAKE(job.by_start, sr_arena_index(&ctx->arena, times->n));
        SR_TRY(order_by_place(ctx, times, index->start, index->n_distinct, job.by_start));
    }
    *out = (sr_curve_rows){0};
    for (size_t r = 0; r < times->n; r++)
        out->n_row += (size_t)is_new_row(&job, r);
    const size_t n_row = out->n_row;
    SR_TAKE(out->row_begin, sr_arena_sizes(&ctx->arena, n_stratum + 1));
    SR_TAKE(out->n, (size_t *)sr_arena_zero(&ctx->arena, n_stratum, sizeof(size_t)));
    SR_TAKE(out->time, sr_arena_double(&ctx->arena, n_row));
    SR_TAKE(out->n_risk, (double *)sr_arena_zero(&ctx->arena, n_row, sizeof(double)));
    SR_TAKE(out->n_event, (double *)sr_arena_zero(&ctx->arena, n_row, sizeof(double)));
    SR_TAKE(out->n_censor, (double *)sr_arena_zero(&ctx->arena, n_row, sizeof(double)));
    SR_TAKE(out->slot, sr_arena_index(&ctx->arena, n_row));
    fill_rows(&job, out);
    suffix_risk(&job, out);
    return SR_OK;
}

/* u = -log a of one event time; deaths row[0..m), risk weighted, in the units of S0. */
static double product_step(const sr_times *times, const double *risk, const size_t *row, size_t m,
                           double S0)
{
    double weight = 0, least = 0;
    for (size_t d = 0; d < m; d++) {
        weight += sr_weight_of(times, row[d]);
        least += risk[row[d]];
    }
    if (!(S0 > least * (1 + 1e-15)))
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
    size_t *row;
    SR_TAKE(curve->log_survival, sr_arena_double(&ctx->arena, rs->n_slot));
    SR_TAKE(row, sr_arena_sizes(&ctx->arena, sr_cox_death_count(data) + 1));
    SR_TRY(sr_cox_order_deaths(ctx, data, rs, row));
    for (int s = 0; s < rs->n_stratum; s++) {
        const double scale = exp(curve->shift[s]);
        double log_survival = 0, variance = 0;
        for (size_t k = rs->slot_begin[s]; k < rs->slot_begin[s + 1]; k++) {
            const size_t m = (size_t)rs->n_death[k];
            if (m > 0) {
                const double at_risk = S0[k] * scale, dead = rs->death_weight[k];
                log_survival -= product_step(&data->times, risk, row, m, S0[k]);
                variance += dead / (S0[k] * (dead >= at_risk ? at_risk : at_risk - dead)) * scale;
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
    SR_TRY(sr_timeindex_make(ctx, times->n, times->start, times->stop, 0, &index, &bad_row));
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
    SR_TRY(sr_cox_cum_hazard(ctx, &out->rs, sums.S0, sums.D0, NULL, &out->hazard));
    SR_TRY(sr_cox_path_fill(ctx, &out->rs, &sums, &out->path));
    return kind->is_product ? product_limit(ctx, data, risk, sums.S0, out) : SR_OK;
}
