/* model_cox_exact.c -- the exact (discrete logistic) partial likelihood
 *
 * When d of the n subjects at risk die at one time, and the tie is real, the likelihood of the d
 * being the ones they are is
 *
 *   prod over the dead of r_i  /  sum over all sets S of d at risk of prod over S of r_i,
 *
 * r_i = exp(eta_i). The denominator is an elementary symmetric function; its logarithm's gradient
 * and second derivative are the mean and the spread of the sum of z over a random S
 * (core_symmetric.h), so for each event time
 *
 *   U += sum over the dead of z - mean       I += spread.
 *
 * Which sets are met, and in what order, makes the cost. Without entry times the risk sets of a
 * stratum are nested: one pass from the last time back adds every row once, and each event time
 * reads its own order d on the way. With entry times rows also leave, and taking an item out of a
 * symmetric function is unstable. So the event times of a stratum are halved again and again: a
 * row is added at the largest pieces of time that lie wholly within its stay, both halves inherit a
 * copy of their parent's state, and a single event time finds exactly its risk set added.
 * A set whose members all die says nothing and is passed over. Where all sets have one death, the
 * order is 1 and all this is the ordinary Cox likelihood.
 *
 * References: Cox (1972), J R Stat Soc B 34, 187-220, doi:10.1111/j.2517-6161.1972.tb00899.x,
 * section 6; Gail, Lubin and Rubinstein (1981), Biometrika 68, 703-707,
 * doi:10.1093/biomet/68.3.703.
 *
 * Cost of one pass: O(n d p^2), n rows and d the most deaths at one time of the stratum; with entry
 * times that times log2 of the number of event times. Memory O(n p + d p^2).
 */
#include "model_cox_exact.h"
#include "core_optim.h"
#include "core_symmetric.h"
#include "model_cox_layout.h"
#include <math.h>
#include <string.h>

#define MOST_STEPS 1e14 /* of one pass; some days */
#define STEPS_A_TICK 1e7
#define LARGEST_ETA 1e15 /* beyond it exp(eta) has no exponent that fits */

typedef struct {
    sr_context *ctx;
    const sr_riskset *rs;
    const double *offset;
    size_t n, p;
    double *z;               /* [n x p] by row, centred in each stratum, scaled */
    const double *event;     /* [n] */
    size_t *leaver;          /* [n] rows by the slot at which they leave */
    size_t *leaver_begin;    /* [n_slot + 1] */
    size_t *n_at_risk;       /* [n_slot] */
    size_t *order;           /* [n_slot] deaths, 0 where all at risk die */
    sr_symmetric_item *item; /* [n] sizes for the theta at hand */
    double *eta;             /* [n] */
    double *mean, *outer;    /* [p], [p(p+1)/2] scratch */
    double *score, *spread;
    double loglik, steps; /* so far in this pass; steps since the last tick */
} exact_problem;

/* ---- one pass ---------------------------------------------------------------------------- */

static sr_status count_steps(exact_problem *problem, size_t n_order, size_t stride)
{
    problem->steps += (double)n_order * (double)stride;
    if (problem->steps < STEPS_A_TICK)
        return SR_OK;
    problem->steps = 0;
    SR_TICK(problem->ctx);
    return SR_OK;
}

static sr_status add_row(exact_problem *problem, size_t i, size_t n_order, sr_symmetric *state)
{
    const size_t p = problem->p;
    sr_symmetric_item *item = &problem->item[i];
    item->z = problem->z + i * p;
    item->outer = problem->outer;
    double *outer = problem->outer;
    for (size_t j = 0; j < p; j++)
        for (size_t k = 0; k <= j; k++)
            *outer++ = item->z[j] * item->z[k];
    sr_symmetric_add(state, n_order, item);
    return count_steps(problem, n_order, state->stride);
}

/* All of the risk set of slot k has been added. */
static void read_slot(exact_problem *problem, size_t k, const sr_symmetric *state)
{
    const size_t d = problem->order[k];
    if (d == 0)
        return;
    problem->loglik -= sr_symmetric_read(state, d, problem->mean, problem->spread);
    for (size_t j = 0; j < problem->p; j++)
        problem->score[j] -= problem->mean[j];
}

/* Nested risk sets: slots `first` (no time) to `last` of a stratum, from the last back. */
static sr_status pass_nested(exact_problem *problem, size_t first, size_t last)
{
    sr_context *ctx = problem->ctx;
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    size_t *n_order; /* most deaths that any slot up to this one asks for */
    SR_TAKE(n_order, sr_arena_sizes(&ctx->arena, last - first + 1));
    n_order[0] = 0;
    for (size_t k = first + 1; k <= last; k++)
        n_order[k - first] =
            problem->order[k] > n_order[k - first - 1] ? problem->order[k] : n_order[k - first - 1];
    sr_symmetric state;
    SR_TRY(sr_symmetric_take(ctx, problem->p, n_order[last - first], &state));
    for (size_t k = last; k > first && n_order[k - first] > 0; k--) {
        for (size_t at = problem->leaver_begin[k]; at < problem->leaver_begin[k + 1]; at++)
            SR_TRY(add_row(problem, problem->leaver[at], n_order[k - first], &state));
        read_slot(problem, k, &state);
    }
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

/* Slots `low` to `high`; `above` holds the rows that are at risk through all of a wider piece,
 * row[0 .. n_row) those that are at risk in a part of it. */
static sr_status pass_halves(exact_problem *problem, size_t low, size_t high, const size_t *row,
                             size_t n_row, const sr_symmetric *above)
{
    sr_context *ctx = problem->ctx;
    size_t n_order = 0;
    for (size_t k = low; k <= high; k++)
        if (problem->order[k] > n_order)
            n_order = problem->order[k];
    if (n_order == 0)
        return SR_OK;
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    sr_symmetric state;
    SR_TRY(sr_symmetric_take(ctx, problem->p, n_order, &state));
    if (above != NULL)
        sr_symmetric_copy(above, n_order, &state);
    size_t *part, n_part = 0;
    SR_TAKE(part, sr_arena_sizes(&ctx->arena, n_row + 1));
    for (size_t r = 0; r < n_row; r++) {
        const size_t i = row[r];
        const size_t enter = problem->rs->enter[i], leave = sr_leave(problem->rs, i);
        if (enter < low && leave >= high)
            SR_TRY(add_row(problem, i, n_order, &state));
        else if (enter < high && leave >= low)
            part[n_part++] = i;
    }
    if (low == high) {
        read_slot(problem, low, &state);
    } else {
        const size_t middle = low + (high - low) / 2;
        SR_TRY(pass_halves(problem, low, middle, part, n_part, &state));
        SR_TRY(pass_halves(problem, middle + 1, high, part, n_part, &state));
    }
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

/* Linear predictors and sizes; 0 where one is not usable. */
static int set_theta(exact_problem *problem, const double *theta)
{
    for (size_t i = 0; i < problem->n; i++) {
        double eta = problem->offset != NULL ? problem->offset[i] : 0;
        for (size_t j = 0; j < problem->p; j++)
            eta += theta[j] * problem->z[i * problem->p + j];
        if (!(fabs(eta) < LARGEST_ETA))
            return 0;
        problem->eta[i] = eta;
        sr_symmetric_size(eta, &problem->item[i]);
    }
    return 1;
}

static sr_status exact_eval(sr_context *ctx, const double *theta, double *f, double *g,
                            double *info, void *data)
{
    exact_problem *problem = data;
    const sr_riskset *rs = problem->rs;
    const size_t p = problem->p;
    SR_TICK(ctx);
    *f = -INFINITY;
    if (!set_theta(problem, theta))
        return SR_OK;
    problem->loglik = 0;
    memset(problem->score, 0, p * sizeof(double));
    memset(problem->spread, 0, p * (p + 1) / 2 * sizeof(double));
    for (size_t i = 0; i < problem->n; i++) {
        if (problem->event[i] == 0 || problem->order[sr_leave(rs, i)] == 0)
            continue;
        problem->loglik += problem->eta[i];
        for (size_t j = 0; j < p; j++)
            problem->score[j] += problem->z[i * p + j];
    }
    for (int s = 0; s < rs->n_stratum; s++) {
        const size_t first = rs->slot_begin[s], end = rs->slot_begin[s + 1];
        if (end - first < 2)
            continue;
        if (rs->enter == NULL) {
            SR_TRY(pass_nested(problem, first, end - 1));
        } else {
            const size_t *begin = problem->leaver_begin;
            SR_TRY(pass_halves(problem, first + 1, end - 1, problem->leaver + begin[first],
                               begin[end] - begin[first], NULL));
        }
    }
    *f = problem->loglik;
    if (g != NULL)
        memcpy(g, problem->score, p * sizeof(double));
    if (info != NULL)
        for (size_t j = 0, at = 0; j < p; j++)
            for (size_t k = 0; k <= j; k++, at++)
                info[j * p + k] = info[k * p + j] = problem->spread[at];
    return SR_OK;
}

/* ---- before the search ------------------------------------------------------------------- */

/* z by row, centred in each stratum: sums over subsets then stay near 0 and G2 keeps its digits. */
static sr_status lay_rows(exact_problem *problem, const sr_cox_data *data, const double *scale)
{
    sr_context *ctx = problem->ctx;
    const size_t n = problem->n, p = problem->p, n_stratum = (size_t)problem->rs->n_stratum;
    const int *stratum = data->times.stratum;
    double *mean, *count;
    SR_TAKE(problem->z, sr_arena_double(&ctx->arena, n * p + 1));
    SR_TAKE(mean, sr_arena_double(&ctx->arena, n_stratum));
    SR_TAKE(count, (double *)sr_arena_zero(&ctx->arena, n_stratum, sizeof(double)));
    for (size_t i = 0; i < n; i++)
        count[stratum != NULL ? stratum[i] : 0]++;
    for (size_t j = 0; j < p; j++) {
        const double *x = data->x.x[j];
        memset(mean, 0, n_stratum * sizeof(double));
        for (size_t i = 0; i < n; i++) {
            const int s = stratum != NULL ? stratum[i] : 0;
            mean[s] += x[i] / count[s];
        }
        for (size_t i = 0; i < n; i++)
            problem->z[i * p + j] = (x[i] - mean[stratum != NULL ? stratum[i] : 0]) * scale[j];
    }
    return SR_OK;
}

/* Rows by the slot at which they leave (a counting sort), and the number at risk in each slot. */
static sr_status lay_slots(exact_problem *problem)
{
    sr_context *ctx = problem->ctx;
    const sr_riskset *rs = problem->rs;
    const size_t n = problem->n, n_slot = rs->n_slot;
    size_t *begin, *n_at_risk, *place;
    SR_TAKE(begin, (size_t *)sr_arena_zero(&ctx->arena, n_slot + 2, sizeof(size_t)));
    SR_TAKE(n_at_risk, (size_t *)sr_arena_zero(&ctx->arena, n_slot + 1, sizeof(size_t)));
    SR_TAKE(place, sr_arena_sizes(&ctx->arena, n_slot + 1));
    SR_TAKE(problem->leaver, sr_arena_sizes(&ctx->arena, n + 1));
    SR_TAKE(problem->order, sr_arena_sizes(&ctx->arena, n_slot + 1));
    for (size_t i = 0; i < n; i++)
        begin[sr_leave(rs, i) + 1]++;
    for (size_t k = 0; k < n_slot; k++) {
        begin[k + 1] += begin[k];
        place[k] = begin[k];
    }
    for (size_t i = 0; i < n; i++)
        problem->leaver[place[sr_leave(rs, i)]++] = i;
    problem->leaver_begin = begin;
    /* a row counts in the slots from enter + 1 to leave; unsigned wrap-around cancels in the sum */
    for (size_t i = 0; i < n; i++) {
        n_at_risk[sr_leave(rs, i)]++;
        if (rs->enter != NULL)
            n_at_risk[rs->enter[i]]--;
    }
    for (int s = 0; s < rs->n_stratum; s++)
        for (size_t k = rs->slot_begin[s + 1] - 1; k > rs->slot_begin[s]; k--)
            n_at_risk[k - 1] += n_at_risk[k];
    double steps = 0;
    for (size_t k = 0; k < n_slot; k++) {
        const size_t d = isfinite(rs->slot_time[k]) ? (size_t)rs->n_death[k] : 0;
        problem->order[k] = d < n_at_risk[k] ? d : 0;
        steps = fmax(steps, (double)problem->order[k]);
    }
    steps *= (double)n * (1.0 + (double)problem->p * (double)(problem->p + 3) / 2);
    return steps < MOST_STEPS ? SR_OK : SR_ERR_TOO_MANY_TIES;
}

static sr_status lay_problem(exact_problem *problem, const sr_cox_data *data, const double *scale)
{
    sr_arena *arena = &problem->ctx->arena;
    const size_t n = problem->n, p = problem->p;
    SR_TRY(lay_slots(problem));
    SR_TRY(lay_rows(problem, data, scale));
    SR_TAKE(problem->item,
            (sr_symmetric_item *)sr_arena_take(arena, n + 1, sizeof(sr_symmetric_item)));
    SR_TAKE(problem->eta, sr_arena_double(arena, n + 1));
    SR_TAKE(problem->mean, sr_arena_double(arena, p + 1));
    SR_TAKE(problem->score, sr_arena_double(arena, p + 1));
    SR_TAKE(problem->outer, sr_arena_double(arena, p * (p + 1) / 2 + 1));
    SR_TAKE(problem->spread, sr_arena_double(arena, p * (p + 1) / 2 + 1));
    return SR_OK;
}

sr_status sr_cox_exact_fit(sr_context *ctx, const sr_cox_data *data, const sr_cox_control *control,
                           sr_cox_fit *fit)
{
    const size_t n = data->x.n, p = data->x.p;
    sr_cox_data once = *data;
    once.times.weight = NULL;
    sr_riskset rs;
    sr_cox_scaling scaling;
    SR_TRY(sr_cox_layout(ctx, &once, control, 0, &rs, fit));
    SR_TRY(sr_cox_scaling_make(ctx, &once, NULL, control->is_centred, &scaling));
    exact_problem problem = {
        .ctx = ctx, .rs = &rs, .offset = data->offset, .n = n, .p = p, .event = data->times.event};
    SR_TRY(lay_problem(&problem, &once, scaling.scale));

    const sr_objective objective = {.n_par = p, .eval = exact_eval, .data = &problem};
    const sr_newton_control newton = {.max_iter = p > 0 ? control->max_iter : 0,
                                      .eps = control->eps,
                                      .tol_chol = control->tol_chol};
    sr_newton_result result;
    SR_TRY(sr_newton_result_take(ctx, p, &result));
    for (size_t j = 0; control->init != NULL && j < p; j++)
        result.theta[j] = control->init[j] / scaling.scale[j];
    SR_TRY(sr_newton(ctx, &objective, &newton, &result));
    fit->loglik[0] = result.f_start;
    fit->loglik[1] = result.f;
    fit->score_test = result.score_test;
    fit->n_iter = result.n_iter;
    fit->n_halving = result.n_halving;
    fit->rank = result.rank;
    fit->is_converged = result.is_converged;
    const sr_cox_found found = {&scaling, result.theta, result.inverse, result.gradient};
    return sr_cox_finish(ctx, &once, control, &rs, &found, fit);
}
