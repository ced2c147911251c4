/* model_icph.c -- the maximum of an interval-censored proportional hazards likelihood
 *
 * The parameters are beta and one jump of the cumulative hazard in each node of model_icph_layout.h
 * (most of them 0 at the maximum when times are continuous). A maximum is where, for every node k,
 *
 *   gradient_k / exposure_k  = 0 where the jump is positive,  <= 0 where it is 0,       (1)
 *
 * exposure_k being the summed risk of the rows that can have their event in k or later: with this
 * scale (1) is an EM step's factor less 1, and free of the unit of time. These are the conditions
 * of Gentleman and Geyer (1994) for the jumps; for given beta the likelihood is concave in the
 * jumps, also under left truncation, so there they are sufficient. Beside them stands the score of
 * beta in standard errors. The largest violation is the *certificate* of a fit.
 *
 * Start: the least set of nodes that reaches every interval, and a few EM steps on it (Wang et al.
 * 2016), each jump times (expected events / exposure).
 * Then each iteration
 *   1. frees the positive jumps, and between any two of them the node where (1) fails most;
 *   2. takes the Newton step in beta and the free jumps, beta by the profile information (the
 *      information less what the jumps take), which is made positive definite where it is not;
 *   3. goes along the step, jumps stopping at 0, halving it until the likelihood grows enough
 *      (projected Newton; Bertsekas 1982). Where the jumps have no information along some
 *      combination, but a slope, that combination is followed until a jump is 0.
 * Once the jumps that are 0 no longer change, it converges quadratically.
 *
 * References: Finkelstein (1986), Biometrics 42, 845-854, doi:10.2307/2530698; Gentleman and Geyer
 * (1994), Biometrika 81, 618-623, doi:10.1093/biomet/81.3.618; Wang et al. (2016), Biometrics 72,
 * 222-231, doi:10.1111/biom.12389; Zeng, Mao and Lin (2016), Biometrika 103, 253-271,
 * doi:10.1093/biomet/asw013; Bertsekas (1982), SIAM J Control 20, 221-246, doi:10.1137/0320018.
 */
#include "model_icph.h"
#include "core_linalg.h"
#include <math.h>
#include <string.h>

enum { EM_STEPS = 10, MOST_HALVINGS = 60 };
static const double FREED_ABOVE = 1e-11; /* what (1) must exceed to free a node */
static const double WELL_BELOW = 1e-12;  /* a certificate that needs no better */
static const double ENOUGH = 1e-4;       /* of the growth that the slope promises */
static const double ROUNDING = 1e-13;    /* of the log-likelihood */
static const double STRAIGHT = 1e-9;     /* slope along a combination without information */
static const double NO_PIVOT = 1e-12;    /* of the profile information */

typedef struct {
    const sr_icph_model *model;
    const sr_icph_control *control;
    sr_icph_fit *fit;
    sr_icph_point trial;
    unsigned char *is_free;        /* [n_node] */
    double *jump_step, *beta_step; /* [n_node], [p] */
    double *factor, *unit;         /* [p x p], [p] */
} search;

sr_status sr_icph_fit_take(sr_context *ctx, const sr_icph_model *model, sr_icph_fit *out)
{
    const size_t p = model->p;
    *out = (sr_icph_fit){0};
    SR_TRY(sr_icph_point_take(ctx, model, &out->at));
    SR_TAKE(out->profile, (double *)sr_arena_zero(&ctx->arena, p * p + 1, sizeof(double)));
    SR_TAKE(out->inverse, (double *)sr_arena_zero(&ctx->arena, p * p + 1, sizeof(double)));
    return SR_OK;
}

static int is_held(const search *s, size_t j)
{
    return s->model->scale[j] == 0 || (s->control->fixed != NULL && s->control->fixed[j]);
}

/* ---- the start --------------------------------------------------------------------------- */

/* Groups come in the order of their right ends: a node there whenever none before reaches. */
static void stab(const sr_icph_model *model, double *jump)
{
    const sr_icph_layout *const layout = &model->layout;
    int64_t last = -1;
    for (size_t g = 0; g < layout->n_group; g++) {
        if (layout->right[g] == SR_ICPH_NEVER || last > (int64_t)layout->left[g])
            continue;
        last = layout->right[g];
        jump[last] = 1e-2;
    }
}

static sr_status start_jumps(sr_context *ctx, search *s)
{
    sr_icph_point *const at = &s->fit->at;
    const size_t n_node = s->model->layout.n_node;
    memset(at->jump, 0, n_node * sizeof(double));
    stab(s->model, at->jump);
    for (int step = 0; step < EM_STEPS; step++) {
        SR_TRY(sr_icph_evaluate(ctx, s->model, at));
        for (size_t v = 0; v < n_node; v++)
            if (at->jump[v] > 0)
                at->jump[v] *= 1 + at->gradient[v] / at->exposure[v];
    }
    return SR_OK;
}

/* ---- one iteration ----------------------------------------------------------------------- */

/* Frees nodes, and measures how far (1) is from holding. */
static void choose_free(search *s)
{
    const sr_icph_layout *const layout = &s->model->layout;
    const sr_icph_point *const at = &s->fit->at;
    double gap = 0, worst = FREED_ABOVE;
    size_t worst_node = SIZE_MAX;
    for (size_t v = 0; v <= layout->n_node; v++) {
        const int is_end = v == layout->n_node || layout->kind[v] == SR_NODE_GROUND;
        if ((is_end || at->jump[v] > 0) && worst_node != SIZE_MAX) {
            s->is_free[worst_node] = 1;
            worst_node = SIZE_MAX;
        }
        if (is_end || at->jump[v] > 0)
            worst = FREED_ABOVE;
        if (v == layout->n_node)
            break;
        s->is_free[v] = at->jump[v] > 0;
        if (layout->kind[v] != SR_NODE_JUMP)
            continue;
        const double excess = at->gradient[v] / at->exposure[v];
        gap = fmax(gap, at->jump[v] > 0 ? fabs(excess) : excess);
        if (at->jump[v] == 0 && excess > worst) {
            worst = excess;
            worst_node = v;
        }
    }
    s->fit->hazard_gap = gap;
}

/* The profile information over the free coefficients, each in units of its own information, into
 * s->factor; s->unit has the units, 0 where a coefficient is held. */
static void unit_profile(search *s, const double *profile, double ridge)
{
    const size_t p = s->model->p;
    for (size_t j = 0; j < p; j++) {
        const double own = fabs(profile[j * p + j]);
        s->unit[j] = is_held(s, j) || !(own > 0) ? 0 : 1 / sqrt(own);
    }
    for (size_t j = 0; j < p; j++)
        for (size_t k = 0; k < p; k++)
            s->factor[j * p + k] = profile[j * p + k] * s->unit[j] * s->unit[k] +
                                   (j == k && s->unit[j] > 0 ? ridge : 0);
}

/* Factors it, with a ridge if it needs one to be positive definite. */
static void factor_profile(search *s, const double *profile)
{
    const size_t p = s->model->p;
    for (double ridge = 0; ridge <= 1e9; ridge = ridge == 0 ? 1e-10 : 30 * ridge) {
        size_t n_free = 0;
        unit_profile(s, profile, ridge);
        for (size_t j = 0; j < p; j++)
            n_free += s->unit[j] > 0;
        if ((size_t)sr_ldl_factor(p, s->factor, NO_PIVOT).rank == n_free)
            return;
    }
}

/* The score of each free coefficient in its standard errors, the jumps following */
static double beta_gap(const search *s, const double *efficient, const double *profile)
{
    const size_t p = s->model->p;
    double gap = 0;
    for (size_t j = 0; j < p; j++)
        if (!is_held(s, j))
            gap = fmax(gap, fabs(efficient[j]) / sqrt(fmax(fabs(profile[j * p + j]), 1e-300)));
    return gap;
}

/* Slope of the log-likelihood in each free cumulative hazard */
static void pull_on(const search *s, const sr_icph_system *system, double *out)
{
    const sr_icph_layout *const layout = &s->model->layout;
    for (size_t f = 0; f < system->m; f++) {
        const uint32_t v = system->node[f];
        const int is_next =
            f + 1 < system->m && layout->stratum[system->node[f + 1]] == layout->stratum[v];
        out[f] = s->fit->at.gradient[v] - (is_next ? s->fit->at.gradient[system->node[f + 1]] : 0);
    }
}

/* From steps of the free cumulative hazards to steps of their jumps */
static void jumps_of(search *s, const sr_icph_system *system, const double *hazard_step)
{
    const sr_icph_layout *const layout = &s->model->layout;
    memset(s->jump_step, 0, layout->n_node * sizeof(double));
    for (size_t f = 0; f < system->m; f++) {
        const uint32_t v = system->node[f];
        const int is_first = f == 0 || layout->stratum[system->node[f - 1]] != layout->stratum[v];
        s->jump_step[v] = hazard_step[f] - (is_first ? 0 : hazard_step[f - 1]);
    }
}

/* Where entries end intervals, jumps may be told apart by nobody's event, but by who survived them:
 * along such a combination the likelihood is straight. Go up it until a jump is 0. Returns whether
 * there was one that rises. */
static int follow_straight(search *s, const sr_icph_system *system, double *room)
{
    const sr_icph_point *const at = &s->fit->at;
    for (size_t f = 0; f < system->m; f++) {
        if (*sr_skyline_at(&system->hazard, f, f) != 0)
            continue;
        double slope = 0, size = 0, length = INFINITY;
        sr_skyline_null(&system->hazard, f, room);
        jumps_of(s, system, room);
        for (size_t k = 0; k < system->m; k++) {
            const uint32_t v = system->node[k];
            slope += at->gradient[v] * s->jump_step[v];
            size += at->exposure[v] * fabs(s->jump_step[v]);
        }
        if (fabs(slope) <= STRAIGHT * size)
            continue;
        for (size_t k = 0; k < system->m; k++) {
            const uint32_t v = system->node[k];
            s->jump_step[v] = slope > 0 ? s->jump_step[v] : -s->jump_step[v];
            if (s->jump_step[v] < -STRAIGHT)
                length = fmin(length, -at->jump[v] / s->jump_step[v]);
        }
        if (!isfinite(length) || length == 0)
            continue;
        for (size_t k = 0; k < system->m; k++) /* a little too far, so that it ends at 0 */
            s->jump_step[system->node[k]] *= length * (1 + STRAIGHT);
        memset(s->beta_step, 0, s->model->p * sizeof(double));
        return 1;
    }
    return 0;
}

/* Newton's step from fit->at into jump_step and beta_step. */
static sr_status find_step(sr_context *ctx, search *s)
{
    const size_t p = s->model->p;
    const sr_icph_point *const at = &s->fit->at;
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    sr_icph_system system;
    double *hazard_step = NULL, *room = NULL;
    SR_TRY(sr_icph_build(ctx, s->model, at, s->is_free, &system));
    SR_TAKE(hazard_step, sr_arena_double(&ctx->arena, system.m + 1));
    SR_TAKE(room, sr_arena_double(&ctx->arena, system.m + 1));
    pull_on(s, &system, hazard_step);
    for (size_t j = 0; j < p; j++)
        s->beta_step[j] =
            is_held(s, j)
                ? 0
                : at->score[j] - sr_dot(system.m, system.solved + j * system.m, hazard_step);
    s->fit->beta_gap = beta_gap(s, s->beta_step, system.profile);
    factor_profile(s, system.profile);
    for (size_t j = 0; j < p; j++)
        s->beta_step[j] *= s->unit[j];
    sr_ldl_solve(p, s->factor, s->beta_step);
    for (size_t j = 0; j < p; j++)
        s->beta_step[j] *= s->unit[j];
    sr_skyline_solve(&system.hazard, hazard_step);
    for (size_t j = 0; j < p; j++)
        for (size_t f = 0; f < system.m; f++)
            hazard_step[f] -= system.solved[j * system.m + f] * s->beta_step[j];
    if (system.rank == system.m || !follow_straight(s, &system, room))
        jumps_of(s, &system, hazard_step);
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

/* Along the step by `length`, jumps stopping at 0; returns the growth that the slope promises. */
static double go(search *s, double length)
{
    const sr_icph_point *const at = &s->fit->at;
    double promised = 0;
    for (size_t v = 0; v < s->model->layout.n_node; v++) {
        s->trial.jump[v] = fmax(0, at->jump[v] + length * s->jump_step[v]);
        promised += at->gradient[v] * (s->trial.jump[v] - at->jump[v]);
    }
    for (size_t j = 0; j < s->model->p; j++) {
        s->trial.beta[j] = at->beta[j] + length * s->beta_step[j];
        promised += at->score[j] * (s->trial.beta[j] - at->beta[j]);
    }
    return promised;
}

/* Moves fit->at to a better point; *is_moved 0: there is none along the step. */
static sr_status search_line(sr_context *ctx, search *s, int *is_moved)
{
    sr_icph_fit *const fit = s->fit;
    double length = 1;
    *is_moved = 0;
    for (int k = 0; k < MOST_HALVINGS && !*is_moved; k++) {
        const double promised = go(s, length);
        SR_TRY(sr_icph_evaluate(ctx, s->model, &s->trial));
        const double slack = ROUNDING * (1 + fabs(fit->at.loglik));
        *is_moved = isfinite(s->trial.loglik) &&
                    s->trial.loglik >= fit->at.loglik + ENOUGH * promised - slack;
        length /= 2;
        fit->n_halving += !*is_moved;
    }
    if (*is_moved) {
        const sr_icph_point left = fit->at;
        fit->at = s->trial;
        s->trial = left;
    }
    return SR_OK;
}

/* ---- the search -------------------------------------------------------------------------- */

static sr_status search_take(sr_context *ctx, search *s)
{
    const size_t p = s->model->p, n_node = s->model->layout.n_node;
    SR_TRY(sr_icph_point_take(ctx, s->model, &s->trial));
    SR_TAKE(s->is_free, (unsigned char *)sr_arena_zero(&ctx->arena, n_node + 1, 1));
    SR_TAKE(s->jump_step, sr_arena_double(&ctx->arena, n_node + 1));
    SR_TAKE(s->beta_step, sr_arena_double(&ctx->arena, p + 1));
    SR_TAKE(s->factor, sr_arena_double(&ctx->arena, p * p + 1));
    SR_TAKE(s->unit, sr_arena_double(&ctx->arena, p + 1));
    return SR_OK;
}

/* The information of the positive jumps, and what it leaves for beta. */
static sr_status finish(sr_context *ctx, search *s)
{
    sr_icph_fit *const fit = s->fit;
    const size_t p = s->model->p;
    sr_icph_system system;
    for (size_t v = 0; v < s->model->layout.n_node; v++)
        s->is_free[v] = fit->at.jump[v] > 0;
    SR_TRY(sr_icph_build(ctx, s->model, &fit->at, s->is_free, &system));
    fit->n_free = system.m;
    fit->rank = system.rank;
    memcpy(fit->profile, system.profile, p * p * sizeof(double));
    unit_profile(s, system.profile, 0);
    (void)sr_ldl_factor(p, s->factor, NO_PIVOT);
    sr_ldl_inverse(p, s->factor, fit->inverse);
    for (size_t j = 0; j < p; j++)
        for (size_t k = 0; k < p; k++)
            fit->inverse[j * p + k] *= s->unit[j] * s->unit[k];
    return SR_OK;
}

sr_status sr_icph_maximise(sr_context *ctx, const sr_icph_model *model,
                           const sr_icph_control *control, sr_icph_fit *fit)
{
    search s = {.model = model, .control = control, .fit = fit};
    SR_TRY(search_take(ctx, &s));
    if (!fit->is_started)
        SR_TRY(start_jumps(ctx, &s));
    SR_TRY(sr_icph_evaluate(ctx, model, &fit->at));
    if (!isfinite(fit->at.loglik))
        return SR_ERR_NOT_FINITE;
    double before = INFINITY;
    int is_moved = 1;
    fit->is_converged = fit->n_iter = fit->n_halving = 0;
    for (;;) {
        choose_free(&s);
        SR_TRY(find_step(ctx, &s));
        const double gap = fmax(fit->hazard_gap, fit->beta_gap);
        fit->is_converged = gap <= control->tolerance;
        /* no better can be had, or is wanted */
        if (gap <= WELL_BELOW || (fit->is_converged && gap > before / 4) || !is_moved ||
            fit->n_iter >= control->max_iter)
            break;
        before = gap;
        SR_TRY(search_line(ctx, &s, &is_moved));
        fit->n_iter++;
    }
    return finish(ctx, &s);
}
