/* model_cox_firth.c -- the search for the maximum of Firth's penalised likelihood
 *
 * Value and gradient come from model_cox_jeffreys.c. Steps are A g, A the inverse information,
 * corrected by the last secant pairs (BFGS in its two-loop form, with A where the search now stands
 * as the first inverse), and cut in half until f rises. A alone would do but converges linearly,
 * as it leaves out the penalty's own curvature. The search ends when g'Ag, the squared length of
 * the step in standard errors, is at most eps^1.5.
 *
 * Columns that depend on those before them at the start are left out, of the determinant too.
 *
 * References: Firth (1993), Biometrika 80, 27-38, doi:10.1093/biomet/80.1.27; Nocedal (1980),
 * Math Comp 35, 773-782, doi:10.1090/S0025-5718-1980-0572855-7.
 *
 * Cost of a step: O((n + K) p^2), K distinct event times.
 */
#include "model_cox_firth.h"
#include "core_linalg.h"
#include "model_cox_jeffreys.h"
#include "model_cox_layout.h"
#include <math.h>
#include <string.h>

enum { MOST_PAIRS = 8, MOST_CUTS = 40 };
static const double ROUNDING = 1e-13; /* of f, relative: a smaller fall is none */
static const double LEAST_PIVOT = 1e-15;
static const double NEAR = 1e-10; /* g'Ag from where no rise can be seen any more */

typedef struct {
    size_t p;
    const int *fixed;      /* [p] or NULL */
    double *inverse;       /* [p x p] of the free block */
    double *free_gradient; /* [p] 0 where fixed */
    double *direction;
    double length; /* g'Ag */
    size_t n_pair, newest;
    int n_cut, is_up;       /* cuts so far; did the last walk lead up? */
    double *moved, *turned; /* [MOST_PAIRS x p] change of theta, of -gradient */
} firth_search;

static void multiply(size_t p, const double *matrix, const double *x, double *out)
{
    for (size_t j = 0; j < p; j++)
        out[j] = sr_dot(p, matrix + j * p, x);
}

/* Free gradient, free inverse and g'Ag at a point. */
static sr_status measure(sr_context *ctx, firth_search *search, const sr_jeffreys_point *at)
{
    const size_t p = search->p;
    memcpy(search->inverse, at->inverse, p * p * sizeof(double));
    memcpy(search->free_gradient, at->gradient, p * sizeof(double));
    if (search->fixed != NULL) {
        const sr_arena_mark mark = sr_arena_save(&ctx->arena);
        double *factor;
        SR_TAKE(factor, sr_arena_double(&ctx->arena, p * p));
        memcpy(factor, at->info, p * p * sizeof(double));
        for (size_t j = 0; j < p; j++) {
            if (!search->fixed[j])
                continue;
            search->free_gradient[j] = 0;
            for (size_t k = 0; k < p; k++)
                factor[j * p + k] = factor[k * p + j] = 0;
        }
        sr_ldl_factor(p, factor, LEAST_PIVOT);
        sr_ldl_inverse(p, factor, search->inverse);
        sr_arena_restore(&ctx->arena, mark);
    }
    multiply(p, search->inverse, search->free_gradient, search->direction);
    search->length = sr_dot(p, search->free_gradient, search->direction);
    return SR_OK;
}

/* The two-loop form. Leaves A g where the pairs give no way up. */
static sr_status correct_direction(sr_context *ctx, firth_search *search)
{
    const size_t p = search->p;
    if (search->n_pair == 0)
        return SR_OK;
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    double *rest, *way, share[MOST_PAIRS];
    SR_TAKE(rest, sr_arena_double(&ctx->arena, p));
    SR_TAKE(way, sr_arena_double(&ctx->arena, p));
    memcpy(rest, search->free_gradient, p * sizeof(double));
    for (size_t m = 0; m < search->n_pair; m++) {
        const size_t at = (search->newest + MOST_PAIRS - m) % MOST_PAIRS * p;
        const double *moved = search->moved + at, *turned = search->turned + at;
        share[m] = sr_dot(p, moved, rest) / sr_dot(p, moved, turned);
        for (size_t j = 0; j < p; j++)
            rest[j] -= share[m] * turned[j];
    }
    multiply(p, search->inverse, rest, way);
    for (size_t m = search->n_pair; m-- > 0;) {
        const size_t at = (search->newest + MOST_PAIRS - m) % MOST_PAIRS * p;
        const double *moved = search->moved + at, *turned = search->turned + at;
        const double back = share[m] - sr_dot(p, turned, way) / sr_dot(p, moved, turned);
        for (size_t j = 0; j < p; j++)
            way[j] += back * moved[j];
    }
    if (sr_dot(p, way, search->free_gradient) > 0)
        memcpy(search->direction, way, p * sizeof(double));
    else
        search->n_pair = 0;
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

/* Remember how the gradient turned on the way; `old_gradient` is the free one. */
static void add_pair(firth_search *search, const sr_jeffreys_point *from,
                     const double *old_gradient, const sr_jeffreys_point *to)
{
    const size_t p = search->p, next = search->n_pair == 0 ? 0 : (search->newest + 1) % MOST_PAIRS;
    double *moved = search->moved + next * p, *turned = search->turned + next * p;
    for (size_t j = 0; j < p; j++) {
        moved[j] = to->theta[j] - from->theta[j];
        turned[j] = old_gradient[j] - search->free_gradient[j];
    }
    const double curvature = sr_dot(p, moved, turned);
    if (!(curvature > 1e-8 * sqrt(sr_dot(p, moved, moved) * sr_dot(p, turned, turned))))
        return;
    search->newest = next;
    if (search->n_pair < MOST_PAIRS)
        search->n_pair++;
}

/* Walk along the direction from `at`; the better point in `to`, unless search->is_up = 0. */
static sr_status walk(sr_context *ctx, sr_jeffreys *problem, firth_search *search,
                      const sr_jeffreys_point *at, sr_jeffreys_point *to)
{
    const size_t p = search->p;
    const double slope = sr_dot(p, search->direction, search->free_gradient);
    double stretch = 1;
    search->is_up = 0;
    for (int cut = 0; cut < MOST_CUTS && !search->is_up; cut++, stretch /= 2) {
        for (size_t j = 0; j < p; j++)
            to->theta[j] = at->theta[j] + stretch * search->direction[j];
        SR_TRY(sr_jeffreys_evaluate(ctx, problem, to));
        search->n_cut += cut > 0;
        search->is_up = to->f >= at->f + 1e-4 * stretch * slope - ROUNDING * fabs(at->f);
    }
    return SR_OK;
}

static sr_status climb(sr_context *ctx, sr_jeffreys *problem, firth_search *search,
                       const sr_cox_control *control, sr_jeffreys_point *at, sr_cox_fit *fit)
{
    const size_t p = search->p;
    const double tolerance = control->eps * sqrt(control->eps);
    sr_jeffreys_point to;
    double *old_gradient;
    SR_TRY(sr_jeffreys_point_take(ctx, p, &to));
    SR_TAKE(old_gradient, sr_arena_double(&ctx->arena, p));
    SR_TRY(sr_jeffreys_evaluate(ctx, problem, at));
    if (!isfinite(at->f))
        return SR_ERR_NOT_FINITE;
    SR_TRY(measure(ctx, search, at));
    fit->loglik[0] = at->f;
    fit->score_test = search->length;
    fit->n_iter = 0;
    fit->is_converged = control->max_iter == 0 || search->length <= tolerance;
    while (!fit->is_converged && fit->n_iter < control->max_iter) {
        fit->n_iter++;
        SR_TRY(correct_direction(ctx, search));
        SR_TRY(walk(ctx, problem, search, at, &to));
        if (!search->is_up && search->n_pair == 0) {
            fit->is_converged = search->length <= NEAR;
            break;
        }
        if (!search->is_up) {
            search->n_pair = 0;
            SR_TRY(measure(ctx, search, at));
            continue;
        }
        memcpy(old_gradient, search->free_gradient, p * sizeof(double));
        SR_TRY(measure(ctx, search, &to));
        add_pair(search, at, old_gradient, &to);
        const sr_jeffreys_point left = *at;
        *at = to;
        to = left;
        fit->is_converged = search->length <= tolerance;
    }
    fit->loglik[1] = at->f;
    fit->n_halving = search->n_cut;
    return SR_OK;
}

/* ---- around the search ------------------------------------------------------------------- */

/* Which columns do not depend on those before them, at the start: used[0 .. *n_used). */
static sr_status find_used(sr_context *ctx, sr_jeffreys *problem, const double *theta,
                           double tol_chol, size_t *used, size_t *n_used)
{
    const size_t p = problem->z.p;
    sr_jeffreys_point start;
    SR_TRY(sr_jeffreys_point_take(ctx, p, &start));
    memcpy(start.theta, theta, p * sizeof(double));
    SR_TRY(sr_jeffreys_plain(ctx, problem, &start));
    if (!isfinite(start.f))
        return SR_ERR_NOT_FINITE;
    sr_ldl_factor(p, start.info, tol_chol);
    *n_used = 0;
    for (size_t j = 0; j < p; j++)
        if (start.info[j * p + j] > 0)
            used[(*n_used)++] = j;
    return SR_OK;
}

static sr_status search_take(sr_context *ctx, size_t p, const int *fixed, firth_search *out)
{
    sr_arena *arena = &ctx->arena;
    out->p = p;
    out->fixed = fixed;
    out->n_pair = out->newest = 0;
    out->n_cut = out->is_up = 0;
    SR_TAKE(out->inverse, sr_arena_double(arena, p * p));
    SR_TAKE(out->free_gradient, sr_arena_double(arena, p));
    SR_TAKE(out->direction, sr_arena_double(arena, p));
    SR_TAKE(out->moved, sr_arena_double(arena, MOST_PAIRS * p));
    SR_TAKE(out->turned, sr_arena_double(arena, MOST_PAIRS * p));
    return SR_OK;
}

/* From the columns in use to all p: theta, free inverse and gradient, 0 elsewhere. */
static sr_status spread(sr_context *ctx, const firth_search *search, const sr_jeffreys_point *at,
                        const size_t *used, size_t p, sr_jeffreys_point *out)
{
    SR_TAKE(out->theta, (double *)sr_arena_zero(&ctx->arena, p, sizeof(double)));
    SR_TAKE(out->gradient, (double *)sr_arena_zero(&ctx->arena, p, sizeof(double)));
    SR_TAKE(out->inverse, (double *)sr_arena_zero(&ctx->arena, p * p, sizeof(double)));
    for (size_t j = 0; j < search->p; j++) {
        out->theta[used[j]] = at->theta[j];
        out->gradient[used[j]] = at->gradient[j];
        for (size_t k = 0; k < search->p; k++)
            out->inverse[used[j] * p + used[k]] = search->inverse[j * search->p + k];
    }
    return SR_OK;
}

/* The columns used[0 .. n_used) of x, of its scaling, of the start and of the mask. */
typedef struct {
    size_t n_used, *used;
    const double **column;
    double *centre, *scale, *theta;
    int *fixed;
} selection;

static sr_status selection_take(sr_context *ctx, size_t p, selection *out)
{
    sr_arena *arena = &ctx->arena;
    SR_TAKE(out->used, sr_arena_sizes(arena, p));
    SR_TAKE(out->column, (const double **)sr_arena_take(arena, p, sizeof(double *)));
    SR_TAKE(out->centre, sr_arena_double(arena, p));
    SR_TAKE(out->scale, sr_arena_double(arena, p));
    SR_TAKE(out->theta, sr_arena_double(arena, p));
    SR_TAKE(out->fixed, (int *)sr_arena_zero(arena, p, sizeof(int)));
    for (size_t j = 0; j < p; j++)
        out->used[j] = j;
    out->n_used = p;
    return SR_OK;
}

static sr_columns select_columns(const sr_cox_data *data, const sr_cox_control *control,
                                 const sr_cox_scaling *scaling, const int *fixed, selection *chosen)
{
    for (size_t j = 0; j < chosen->n_used; j++) {
        const size_t from = chosen->used[j];
        chosen->column[j] = data->x.x[from];
        chosen->centre[j] = scaling->mean[from];
        chosen->scale[j] = scaling->scale[from];
        chosen->theta[j] = control->init != NULL ? control->init[from] / scaling->scale[from] : 0;
        chosen->fixed[j] = fixed != NULL ? fixed[from] : 0;
    }
    const sr_columns out = {.n = data->x.n,
                            .p = chosen->n_used,
                            .x = chosen->column,
                            .centre = chosen->centre,
                            .scale = chosen->scale};
    return out;
}

sr_status sr_cox_firth_fit(sr_context *ctx, const sr_cox_data *data, const sr_cox_control *control,
                           const int *fixed, sr_cox_fit *fit)
{
    const size_t p = data->x.p;
    sr_riskset rs;
    sr_cox_scaling scaling;
    sr_jeffreys problem;
    selection chosen;
    SR_TRY(sr_cox_layout(ctx, data, control, control->is_efron, &rs, fit));
    SR_TRY(sr_cox_scaling_make(ctx, data, data->times.weight, control->is_centred, &scaling));
    SR_TRY(selection_take(ctx, p, &chosen));
    sr_columns z = select_columns(data, control, &scaling, fixed, &chosen);
    SR_TRY(sr_jeffreys_take(ctx, &rs, &data->times, data->offset, &z, &problem));
    SR_TRY(find_used(ctx, &problem, chosen.theta, control->tol_chol, chosen.used, &chosen.n_used));
    if (chosen.n_used < p) {
        z = select_columns(data, control, &scaling, fixed, &chosen);
        SR_TRY(sr_jeffreys_take(ctx, &rs, &data->times, data->offset, &z, &problem));
    }
    firth_search search;
    sr_jeffreys_point at, all;
    SR_TRY(search_take(ctx, chosen.n_used, fixed != NULL ? chosen.fixed : NULL, &search));
    SR_TRY(sr_jeffreys_point_take(ctx, chosen.n_used, &at));
    memcpy(at.theta, chosen.theta, chosen.n_used * sizeof(double));
    SR_TRY(climb(ctx, &problem, &search, control, &at, fit));
    fit->rank = (int)chosen.n_used;
    SR_TRY(spread(ctx, &search, &at, chosen.used, p, &all));
    const sr_cox_found found = {&scaling, all.theta, all.inverse, all.gradient};
    return sr_cox_finish(ctx, data, control, &rs, &found, fit);
}
