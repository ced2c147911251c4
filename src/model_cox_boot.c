/* model_cox_boot.c -- the bootstrap of a Cox fit
 *
 * The risk sets are laid out once; a resample is a set of counts (core_resample.h), taken as copies
 * of rows, so that each replicate is the fit to the rows written out (ties among copies included).
 * SR_LANES replicates go through Newton's method side by side (model_cox_lanes.c), batches of them
 * on the threads. Replicate r depends on the seed and r alone: the same numbers for any number of
 * threads.
 *
 * Every search starts at the estimate on the whole data, a step or two from its end. It follows
 * core_optim.h's rule (step, move back while the likelihood falls, stop when it changes by less
 * than eps, relatively); and it also stops after a step that promises a rise of less than 1e-9,
 * as the one after would promise its square. A column that is aliased in a resample has no
 * coefficient there. A coefficient has none either if the last step would still move some predictor
 * by more than 1 %: its likelihood has no maximum.
 *
 * Efron (1979), Ann Stat 7, 1-26, doi:10.1214/aos/1176344552. Cost O(n_replicate (n + K) p^2).
 */
#include "model_cox_boot.h"
#include "core_linalg.h"
#include "model_cox_lanes.h"
#include "model_cox_layout.h"
#include <math.h>
#include <string.h>

static const double SMALL_RISE = 1e-9, LARGE_MOVE = 0.01;
static const double STEPS_A_TICK = 2e7;

/* ---- one lane's search ------------------------------------------------------------------- */

typedef struct {
    size_t p;
    const sr_cox_control *control;
    const double *start; /* [p] */
    const double *scale; /* [p] theta = beta / scale */
    const double *range; /* [p] of z */
    const sr_resample *plan;
} search_rules;

typedef struct {
    int is_over, is_started, is_moving, state, n_iter, n_halving;
    double f;
    double *theta;             /* [p] best so far */
    double *trial;             /* [p] where f is wanted next */
    double *step, *gradient;   /* [p] */
    double *factor;            /* [p x p] */
    unsigned char *is_aliased; /* [p] */
} lane_search;

static sr_status search_take(sr_context *ctx, size_t p, lane_search *out)
{
    sr_arena *arena = &ctx->arena;
    SR_TAKE(out->theta, sr_arena_double(arena, p));
    SR_TAKE(out->trial, sr_arena_double(arena, p));
    SR_TAKE(out->step, sr_arena_double(arena, p));
    SR_TAKE(out->gradient, sr_arena_double(arena, p));
    SR_TAKE(out->factor, sr_arena_double(arena, p * p));
    SR_TAKE(out->is_aliased, (unsigned char *)sr_arena_take(arena, p, 1));
    return SR_OK;
}

/* Gradient, factored information and Newton step of lane l. 0 if they are not finite. */
static int read_lane(const search_rules *rules, const sr_lanes *batch, size_t l, lane_search *lane)
{
    const size_t p = rules->p;
    const double *info = batch->info + l;
    if (!isfinite(batch->f[l]))
        return 0;
    for (size_t j = 0; j < p; j++) {
        lane->gradient[j] = lane->step[j] = batch->score[j * SR_LANES + l];
        for (size_t k = 0; k <= j; k++, info += SR_LANES)
            lane->factor[j * p + k] = lane->factor[k * p + j] = *info;
    }
    if (sr_ldl_factor(p, lane->factor, rules->control->tol_chol).is_indefinite)
        return 0;
    sr_ldl_solve(p, lane->factor, lane->step);
    return 1;
}

static int moves_far(const search_rules *rules, const lane_search *lane, size_t j)
{
    return fabs(lane->step[j]) * rules->range[j] > LARGE_MOVE;
}

static void end_search(const search_rules *rules, int state, lane_search *lane)
{
    lane->is_over = 1;
    lane->state = state;
    for (size_t j = 0; state == SR_BOOT_DONE && j < rules->p; j++)
        if (moves_far(rules, lane, j)) {
            lane->state = SR_BOOT_INFINITE;
            lane->theta[j] = NAN;
        }
}

/* Is there nothing more to gain? A coefficient that still moves far may be on its way to infinity,
 * or one of two that almost depend on each other, which move together by a small step: that one
 * stands still after one more. */
static int is_at_end(const search_rules *rules, lane_search *lane)
{
    const int was_moving = lane->is_moving;
    lane->is_moving = 0;
    for (size_t j = 0; j < rules->p; j++)
        lane->is_moving |= moves_far(rules, lane, j);
    return was_moving || !lane->is_moving;
}

/* The first value: aliased columns leave, and the search starts again without them. */
static int is_start_clean(const search_rules *rules, lane_search *lane)
{
    int is_clean = 1;
    for (size_t j = 0; j < rules->p; j++) {
        const int is_aliased = lane->factor[j * rules->p + j] == 0;
        if (is_aliased && lane->trial[j] != 0) {
            lane->trial[j] = 0;
            is_clean = 0;
        }
        lane->is_aliased[j] = (unsigned char)is_aliased;
    }
    return is_clean;
}

/* Takes f, gradient and information at lane->trial; sets the next trial or ends the search. */
static void advance(const search_rules *rules, const sr_lanes *batch, size_t l, lane_search *lane)
{
    const size_t p = rules->p;
    const double f = batch->f[l];
    const int is_usable = read_lane(rules, batch, l, lane);
    if (!lane->is_started) {
        if (!is_usable) {
            end_search(rules, SR_BOOT_NOT_CONVERGED, lane);
            return;
        }
        if (!is_start_clean(rules, lane))
            return;
    } else {
        lane->n_iter++;
    }
    const int is_settled =
        lane->is_started && is_usable && fabs(1 - lane->f / f) <= rules->control->eps;
    if (lane->is_started && !is_settled && !(is_usable && f >= lane->f)) {
        lane->n_halving++;
        for (size_t j = 0; j < p; j++)
            lane->trial[j] =
                (lane->trial[j] + lane->n_halving * lane->theta[j]) / (lane->n_halving + 1.0);
    } else {
        double rise = 0;
        lane->is_started = 1;
        lane->n_halving = 0;
        lane->f = f;
        for (size_t j = 0; j < p; j++) {
            rise += lane->step[j] * lane->gradient[j] / 2;
            lane->theta[j] = lane->trial[j];
            lane->trial[j] += lane->step[j];
        }
        if ((is_settled || rise < SMALL_RISE) && is_at_end(rules, lane)) {
            memcpy(lane->theta, lane->trial, p * sizeof(double)); /* that step costs nothing more */
            end_search(rules, SR_BOOT_DONE, lane);
            return;
        }
    }
    if (lane->n_iter >= rules->control->max_iter)
        end_search(rules, SR_BOOT_NOT_CONVERGED, lane);
}

/* ---- batches ----------------------------------------------------------------------------- */

/* One thread's room. */
typedef struct {
    sr_rng *rng;
    sr_lanes batch;
    lane_search lane[SR_LANES];
} worker;

static sr_status worker_take(sr_context *ctx, const sr_lane_data *data, worker *out)
{
    SR_TRY(sr_rng_take(ctx, &out->rng));
    SR_TRY(sr_lanes_take(ctx, data, &out->batch));
    for (int l = 0; l < SR_LANES; l++)
        SR_TRY(search_take(ctx, data->p, &out->lane[l]));
    return SR_OK;
}

static void start_lane(const search_rules *rules, int has_event, lane_search *lane)
{
    memcpy(lane->trial, rules->start, rules->p * sizeof(double));
    lane->is_started = lane->is_moving = lane->n_iter = lane->n_halving = 0;
    lane->is_over = !has_event;
    lane->state = SR_BOOT_NO_EVENT;
}

/* Replicates from `first` on, at most SR_LANES of them. */
static void run_batch(const sr_lane_data *data, const search_rules *rules,
                      const sr_boot_design *design, size_t first, worker *work)
{
    const size_t p = data->p, left = design->n_replicate - first;
    sr_lanes *batch = &work->batch;
    memset(batch->count, 0, data->n_unit * SR_LANES * sizeof(int));
    for (size_t l = 0; l < SR_LANES && l < left; l++)
        sr_resample_draw(rules->plan, work->rng, first + l, SR_LANES, batch->count + l);
    sr_lanes_dress(data, batch);
    for (size_t l = 0; l < SR_LANES; l++)
        start_lane(rules, batch->n_death[l] > 0, &work->lane[l]);
    for (;;) {
        int is_over = 1;
        for (size_t l = 0; l < SR_LANES; l++) {
            is_over &= work->lane[l].is_over;
            for (size_t j = 0; j < p; j++)
                batch->theta[j * SR_LANES + l] = work->lane[l].trial[j];
        }
        if (is_over)
            return;
        sr_lanes_evaluate(data, batch);
        for (size_t l = 0; l < SR_LANES; l++)
            if (!work->lane[l].is_over)
                advance(rules, batch, l, &work->lane[l]);
    }
}

static void put_replicate(const search_rules *rules, const lane_search *lane, size_t n_replicate,
                          size_t r, double *coef, int *state)
{
    const int has_estimate = lane->state == SR_BOOT_DONE || lane->state == SR_BOOT_INFINITE;
    state[r] = lane->state;
    for (size_t j = 0; j < rules->p; j++)
        coef[j * n_replicate + r] =
            has_estimate && !lane->is_aliased[j] ? lane->theta[j] * rules->scale[j] : NAN;
}

static sr_status run_batches(sr_context *ctx, const sr_lane_data *data, const search_rules *rules,
                             const sr_boot_design *design, double *coef, int *state)
{
    const size_t n_worker = (size_t)ctx->n_thread;
    const size_t n_batch = (design->n_replicate + SR_LANES - 1) / SR_LANES;
    const double cost =
        (double)(data->n + data->n_slot + 1) * (double)((data->p + 3) * data->p) * 4;
    const size_t a_worker = cost < STEPS_A_TICK ? (size_t)(STEPS_A_TICK / cost) : 1;
    worker *workers;
    SR_TAKE(workers, (worker *)sr_arena_take(&ctx->arena, n_worker, sizeof(worker)));
    for (size_t w = 0; w < n_worker; w++)
        SR_TRY(worker_take(ctx, data, &workers[w]));
    for (size_t from = 0; from < n_batch; from += n_worker * a_worker) {
        const size_t wave = from + n_worker * a_worker, end = wave < n_batch ? wave : n_batch;
        size_t next = from; /* whoever is free takes the next batch; its numbers do not care who */
        SR_TICK(ctx);
#pragma omp parallel for num_threads(ctx->n_thread) schedule(static, 1)
        for (size_t w = 0; w < n_worker; w++)
            for (;;) {
                size_t b;
#pragma omp atomic capture
                b = next++;
                if (b >= end)
                    break;
                run_batch(data, rules, design, b * SR_LANES, &workers[w]);
                for (size_t l = 0; l < SR_LANES && b * SR_LANES + l < design->n_replicate; l++)
                    put_replicate(rules, &workers[w].lane[l], design->n_replicate, b * SR_LANES + l,
                                  coef, state);
            }
    }
    return SR_OK;
}

sr_status sr_cox_boot(sr_context *ctx, const sr_cox_data *data, const sr_cox_control *control,
                      const sr_boot_design *design, double *coef, int *state)
{
    const size_t p = data->x.p;
    sr_cox_scaling scaling;
    sr_lane_data rows;
    sr_resample plan;
    double *start, *range;
    SR_TRY(sr_resample_make(ctx, design->n_unit, design->group, design->seed, &plan));
    SR_TRY(sr_cox_scaling_make(ctx, data, data->times.weight, NULL, &scaling));
    SR_TAKE(start, sr_arena_double(&ctx->arena, p));
    SR_TAKE(range, (double *)sr_arena_zero(&ctx->arena, p, sizeof(double)));
    for (size_t j = 0; j < p; j++)
        start[j] = control->init[j] / scaling.scale[j];
    SR_TRY(sr_lane_data_make(ctx, data, control, design->unit, start, &rows));
    if (rows.n_unit != design->n_unit) /* counts are drawn for the one, laid out for the other */
        return SR_ERR_SIZE;
    for (size_t i = 0; i < rows.n; i++)
        for (size_t j = 0; j < p; j++)
            range[j] = fmax(range[j], 2 * fabs(rows.z[i * p + j]));
    const search_rules rules = {.p = p,
                                .control = control,
                                .start = start,
                                .scale = scaling.scale,
                                .range = range,
                                .plan = &plan};
    return run_batches(ctx, &rows, &rules, design, coef, state);
}
