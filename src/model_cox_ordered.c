/* model_cox_ordered.c -- see model_cox_ordered.h
 *
 * Rows are cut into stretches that begin with a slot. Sums over risk sets run from
 * the last row back, the cumulative hazard from the first slot on; both cross
 * stretches as a carry, within one stratum. Three rounds over the stretches:
 *
 *   1  forward, X:     eta, risk, event terms; r and r z of the first stratum's
 *                      rows, which are the stretch's part of the carries before it
 *   2  back, no X:     S0, D0 from the carry; hazard steps, logs, weights of slots
 *   3  back, X:        S1 from the carry, a block at a time; the block's slots join
 *                      sum_k d_k xbar_k xbar_k' and its rows sum_i r_i H_i z_i z_i'
 *                      at once, so that S1 is never stored
 *
 * Stretches depend on n and the slots alone and their parts are added in order.
 */
#include "model_cox_ordered.h"
#include "core_gram.h"
#include "core_pair.h"
#include "core_thread.h"
#include "model_cox_rows.h"
#include "model_cox_runs.h"
#include "model_cox_slots.h"
#include <math.h>
#include <string.h>

enum { GROUP = 4, STRETCH_ROWS = 32768, MOST_STRETCHES = 16, LEAST_STRATUM = 1024 };

typedef struct {
    size_t begin, end;           /* rows */
    size_t first_slot, end_slot; /* slots whose rows these are */
    size_t head_end;             /* rows of the first row's stratum end here */
    double event_sum, logs;
    double hazard_in; /* of the first stratum, before this stretch */
    int is_far;
    double *head, *carry; /* [n_lane] r, r z: of [begin, head_end); of the last stratum, later on */
    double *sums; /* [n_lane x SR_PLACES] running sums of a block's slots, sums of tied deaths */
    double *dead; /* [n_lane] of the slot that waits */
    const double **column; /* [n_lane] ones, the covariates, zeros */
} stretch;

typedef struct {
    sr_cox_view *v;
    size_t n_stretch, n_lane; /* lanes: 1 + p, to a multiple of GROUP */
    int is_flat;
    stretch *each;
    double *ones;       /* [SR_BLOCK] then as many zeros */
    double *at_cell;    /* [n_slot + n_tied] */
    sr_mean_weights by; /* as model_cox_info.c has them */
    sr_gram *of_rows, *of_means;
} ordered;

int sr_cox_is_in_order(const sr_riskset *rs)
{
    return rs->is_ordered && rs->enter == NULL && (size_t)rs->n_stratum <= rs->n / LEAST_STRATUM;
}

static int stratum_of_row(const sr_riskset *rs, size_t i)
{
    return rs->slot_stratum[sr_leave(rs, i)];
}

/* The first row that leaves at `slot` or later */
static size_t first_row_at(const sr_riskset *rs, size_t slot)
{
    size_t low = 0, high = rs->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (sr_leave(rs, middle) < slot)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void cut(ordered *job)
{
    const sr_riskset *const rs = &job->v->rs;
    const size_t wanted = sr_chunk_count(rs->n, STRETCH_ROWS, MOST_STRETCHES);
    size_t begin = 0;
    job->n_stretch = 0;
    for (size_t c = 1; c <= wanted; c++) {
        size_t end = sr_chunk_begin(rs->n, wanted, c);
        while (end < rs->n && end > 0 && sr_leave(rs, end) == sr_leave(rs, end - 1))
            end++;
        if (end <= begin)
            continue;
        stretch *const s = &job->each[job->n_stretch++];
        s->begin = begin;
        s->end = end;
        s->first_slot = begin == 0 ? 0 : sr_leave(rs, begin);
        s->end_slot = end == rs->n ? rs->n_slot : sr_leave(rs, end);
        s->head_end = first_row_at(rs, rs->slot_begin[stratum_of_row(rs, begin) + 1]);
        s->head_end = s->head_end < end ? s->head_end : end;
        begin = end;
    }
}

static sr_status take_stretches(sr_context *ctx, ordered *job)
{
    enum { VECTORS = 3 };
    const size_t n_lane = job->n_lane, size = n_lane * (VECTORS + SR_PLACES);
    double *room;
    const double **column;
    SR_TAKE(job->each, (stretch *)sr_arena_zero(&ctx->arena, MOST_STRETCHES, sizeof(stretch)));
    SR_TAKE(room, sr_arena_double(&ctx->arena, MOST_STRETCHES * size));
    SR_TAKE(column,
            (const double **)sr_arena_take(&ctx->arena, MOST_STRETCHES * n_lane, sizeof(double *)));
    for (size_t c = 0; c < MOST_STRETCHES; c++) {
        stretch *const s = &job->each[c];
        s->head = room + c * size;
        s->carry = s->head + n_lane;
        s->dead = s->carry + n_lane;
        s->sums = s->dead + n_lane;
        s->column = column + c * n_lane;
        memset(s->head, 0, VECTORS * n_lane * sizeof(double));
        for (size_t j = 0; j < n_lane; j++)
            s->column[j] = j == 0 ? job->ones : job->ones + SR_BLOCK;
    }
    return SR_OK;
}

static sr_status take_job(sr_context *ctx, sr_cox_view *v, ordered *job)
{
    const sr_riskset *const rs = &v->rs;
    const size_t p = v->x.p;
    *job = (ordered){.v = v, .n_lane = (p + GROUP) / GROUP * GROUP, .is_flat = 1};
    for (size_t j = 0; j < p; j++)
        job->is_flat &= v->beta[j] == 0;
    SR_TAKE(job->ones, (double *)sr_arena_zero(&ctx->arena, 2 * SR_BLOCK, sizeof(double)));
    for (size_t i = 0; i < SR_BLOCK; i++)
        job->ones[i] = 1;
    SR_TAKE(job->at_cell, sr_arena_double(&ctx->arena, rs->n_slot + rs->n_tied));
    SR_TAKE(job->by.of_slot, sr_arena_double(&ctx->arena, rs->n_slot));
    SR_TAKE(job->by.of_mean, sr_arena_double(&ctx->arena, rs->n_tied));
    SR_TAKE(job->by.of_death, sr_arena_double(&ctx->arena, rs->n_tied));
    SR_TAKE(job->by.share, sr_arena_double(&ctx->arena, rs->n_tied));
    SR_TRY(sr_gram_take(ctx, MOST_STRETCHES, p, &job->of_rows));
    SR_TRY(sr_gram_take(ctx, MOST_STRETCHES, p, &job->of_means));
    SR_TRY(take_stretches(ctx, job));
    cut(job);
    return SR_OK;
}

/* Round 1 */
static void sum_stretch(const ordered *job, stretch *s)
{
    const sr_cox_view *const v = job->v;
    sr_cox_rows rows = {.column = s->column + 1};
    double high = 0, low = 0;
    for (size_t from = s->begin; from < s->end; from += SR_BLOCK) {
        const size_t m = s->end - from < SR_BLOCK ? s->end - from : SR_BLOCK;
        sr_cox_rows_load(v, job->is_flat, from, m, &rows);
        sr_add_exactly(&high, &low, rows.event_sum);
        s->is_far |= rows.is_far;
        if (from < s->head_end)
            sr_columns_dot(job->n_lane, s->column, s->head_end - from < m ? s->head_end - from : m,
                           v->risk + from, s->head);
    }
    s->event_sum = high + low;
}

/* Does the stratum of the last row of stretch c go on in the next? */
static int goes_on(const ordered *job, size_t c)
{
    const sr_riskset *const rs = &job->v->rs;
    return c + 1 < job->n_stretch &&
           stratum_of_row(rs, job->each[c].end - 1) == stratum_of_row(rs, job->each[c + 1].begin);
}

static void carry_sums(const ordered *job)
{
    for (size_t c = job->n_stretch; c-- > 0;) {
        const stretch *const next = &job->each[c + 1];
        for (size_t j = 0; j < job->n_lane && goes_on(job, c); j++)
            job->each[c].carry[j] =
                next->head[j] + (next->head_end == next->end ? next->carry[j] : 0);
    }
}

static void scan_risk(const ordered *job, const stretch *s)
{
    const sr_riskset *const rs = &job->v->rs;
    const double *const risk = job->v->risk;
    double *const S0 = job->v->sums.S0, *const D0 = job->v->sums.D0;
    memset(S0 + s->first_slot, 0, (s->end_slot - s->first_slot) * sizeof(double));
    for (size_t k = s->first_slot; k < s->end_slot; k++)
        if (sr_is_tied(rs, k))
            D0[rs->slot_tied[k]] = 0;
    double sum = s->carry[0];
    size_t lowest = rs->slot_begin[stratum_of_row(rs, s->end - 1)];
    for (size_t i = s->end; i-- > s->begin;) {
        const uint32_t cell = rs->cell[i];
        const size_t slot = sr_leave(rs, i);
        if (cell >= rs->n_slot)
            D0[cell - rs->n_slot] += risk[i];
        if (slot < lowest) {
            lowest = rs->slot_begin[rs->slot_stratum[slot]];
            sum = 0;
        }
        S0[slot] = sum += risk[i];
    }
}

/* Hazard steps become their sums from the stretch's first slot on, or the stratum's. */
static void add_up_hazard(const ordered *job, const stretch *s)
{
    const sr_riskset *const rs = &job->v->rs;
    double high = 0, low = 0;
    for (size_t k = s->first_slot; k < s->end_slot; k++) {
        if (k == rs->slot_begin[rs->slot_stratum[k]])
            high = low = 0;
        if (sr_is_tied(rs, k))
            job->at_cell[rs->n_slot + (size_t)rs->slot_tied[k]] += high + low;
        sr_add_exactly(&high, &low, job->at_cell[k]);
        job->at_cell[k] = high + low;
    }
}

/* Round 2 */
static void weigh_stretch(const ordered *job, stretch *s)
{
    const sr_riskset *const rs = &job->v->rs;
    const sr_risk_sums *const sums = &job->v->sums;
    sr_cum_hazard hazard = {.at_cell = job->at_cell};
    sr_mean_weights by = job->by;
    scan_risk(job, s);
    sr_put_steps(rs, sums, NULL, s->first_slot, s->end_slot, &hazard);
    s->logs = sr_slot_logs(rs, sums, job->v->times.weight != NULL, s->first_slot, s->end_slot);
    memset(by.of_slot + s->first_slot, 0, (s->end_slot - s->first_slot) * sizeof(double));
    sr_weigh_slots(rs, sums, s->first_slot, s->end_slot, &by);
    add_up_hazard(job, s);
}

static void carry_hazard(const ordered *job)
{
    const sr_riskset *const rs = &job->v->rs;
    for (size_t c = 0; c + 1 < job->n_stretch; c++) {
        const stretch *const s = &job->each[c];
        if (goes_on(job, c))
            job->each[c + 1].hazard_in =
                job->at_cell[sr_leave(rs, s->end - 1)] + (s->head_end == s->end ? s->hazard_in : 0);
    }
}

static void add_hazard_before(const ordered *job, const stretch *s)
{
    const sr_riskset *const rs = &job->v->rs;
    if (s->hazard_in == 0)
        return;
    const size_t last = rs->slot_begin[stratum_of_row(rs, s->begin) + 1];
    for (size_t k = s->first_slot; k < s->end_slot && k < last; k++) {
        job->at_cell[k] += s->hazard_in;
        if (sr_is_tied(rs, k))
            job->at_cell[rs->n_slot + (size_t)rs->slot_tied[k]] += s->hazard_in;
    }
}

/* The block's whole slots join the sum over event times: S1 - f D1 of each, then D1 of tied ones */
static int add_means(const ordered *job, const stretch *s, const sr_block_slots *b, int is_waiting,
                     const sr_gram *means)
{
    const sr_riskset *const rs = &job->v->rs;
    double weight[SR_PLACES];
    int waits = 0;
    size_t n = b->n_done;
    for (size_t at = 0; at < n; at++)
        weight[at] = job->by.of_slot[b->last - at];
    if (b->n_tied > 0) {
        const sr_death_sums at = {job->v->x.p, s->column + 1, s->sums + SR_PLACES, s->dead,
                                  is_waiting};
        waits = sr_sum_deaths(rs, b, job->by.share, job->v->risk + b->from, &at);
        for (size_t t = 0; t < b->n_tied - (size_t)waits; t++) {
            const int32_t tied = rs->slot_tied[b->last - b->tied_place[t]];
            weight[b->tied_place[t]] = job->by.of_mean[tied];
            weight[n++] = job->by.of_death[tied];
        }
    }
    sr_gram_add(means, n, weight, NULL, NULL, 0);
    return waits;
}

/* Round 3 */
static void cross_stretch(const ordered *job, size_t c)
{
    stretch *const s = &job->each[c];
    const sr_cox_view *const v = job->v;
    const sr_riskset *const rs = &v->rs;
    const sr_cox_state at = sr_cox_view_state(v);
    const sr_gram *const rows = &job->of_rows[c], *const means = &job->of_means[c];
    double q[SR_BLOCK], u[SR_BLOCK], *const run = s->carry;
    sr_block_slots b;
    int is_waiting = 0;
    add_hazard_before(job, s);
    for (size_t j = 0; j < v->x.p; j++)
        means->column[j] = s->sums + (1 + j) * SR_PLACES;
    size_t begin = s->end; /* of the stratum in hand */
    for (size_t to = s->end, from; to > s->begin; to = from) {
        if (to == begin) {
            if (to < s->end)
                memset(run, 0, job->n_lane * sizeof(double));
            begin = first_row_at(rs, rs->slot_begin[stratum_of_row(rs, to - 1)]);
            begin = begin > s->begin ? begin : s->begin;
        }
        from = to - begin > SR_BLOCK ? to - SR_BLOCK : begin;
        sr_find_slots(rs, begin, from, to, is_waiting, &b);
        for (size_t j = 0; j < v->x.p; j++)
            rows->column[j] = s->column[1 + j] = v->x.x[j] + from;
        for (size_t j = 0; j < job->n_lane; j += GROUP)
            sr_run_four(&b, v->risk + from, s->column + j, run + j, s->sums + j * SR_PLACES);
        is_waiting = add_means(job, s, &b, is_waiting, means);
        sr_cox_rows_weigh(&at, job->at_cell, from, b.m, q, u);
        sr_gram_add(rows, b.m, q, u, from > SR_BLOCK ? &v->x : NULL, from - SR_BLOCK);
    }
}

sr_status sr_cox_evaluate_in_order(sr_context *ctx, sr_cox_view *v, double *f, double *score,
                                   double *info, int *is_done)
{
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    const size_t p = v->x.p;
    ordered job;
    double *means;
    SR_TICK(ctx);
    SR_TAKE(means, sr_arena_double(&ctx->arena, p * p));
    SR_TRY(take_job(ctx, v, &job));
    SR_FOR_EACH(ctx, job.n_stretch > 1, c, job.n_stretch, sum_stretch(&job, &job.each[c]));
    int is_far = 0;
    for (size_t c = 0; c < job.n_stretch; c++)
        is_far |= job.each[c].is_far;
    *is_done = !is_far;
    if (!is_far) {
        SR_TICK(ctx);
        carry_sums(&job);
        SR_FOR_EACH(ctx, job.n_stretch > 1, c, job.n_stretch, weigh_stretch(&job, &job.each[c]));
        double high = 0, low = 0;
        for (size_t c = 0; c < job.n_stretch; c++)
            sr_add_exactly(&high, &low, job.each[c].event_sum - job.each[c].logs);
        *f = high + low;
    }
    if (!is_far && isfinite(*f)) {
        SR_TICK(ctx);
        carry_hazard(&job);
        SR_FOR_EACH(ctx, job.n_stretch > 1, c, job.n_stretch, cross_stretch(&job, c));
        sr_gram_total(job.of_rows, job.n_stretch, info, score);
        sr_gram_total(job.of_means, job.n_stretch, means, NULL);
        for (size_t j = 0; j < p * p; j++)
            info[j] -= means[j];
    }
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}
