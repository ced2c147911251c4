/* model_finegray.c -- Fine and Gray's model fitted by Newton's method
 *
 * With risks r_i = w_i exp(eta_i), the risk set of event time t_k sums those who are still under
 * observation and free of any event, and those who had a competing event before, weighted:
 *
 *   S0_k = sum over start_i < t_k <= stop_i of r_i + sum over late i of omega_i(t_k) r_i,
 *
 * S1_k likewise of r_i z_i. The first part is the risk set of a Cox model that censors at competing
 * events (a suffix sum over slots), the second a running sum (model_finegray_late.c). From here on
 * likelihood and hazard steps dH_k are those of the Cox model, and score and information too,
 *
 *   U = sum_i (w_i delta_i - r_i H_i) z_i,    I = sum_i r_i H_i z_i z_i' - sum_k d_k zbar_k zbar_k',
 *   H_i = sum over start_i < t_k <= stop_i of dH_k + sum over the later k of omega_i(t_k) dH_k,
 *
 * as a late row is no event: ties of the event of interest are treated as ever, and the weights do
 * not depend on beta. No row is copied; columns are centred as they are read.
 *
 * Shapes, owners and reference: model_finegray.h. Cost a step O(n p^2); memory K p doubles.
 */
#include "model_finegray_scores.h"
#include "core_gram.h"
#include "core_optim.h"
#include "core_thread.h"
#include "model_cox_info.h"
#include <math.h>
#include <string.h>

/* What an evaluation works in. `tail` [n]: hazard that a late row meets after its own event. */
typedef struct {
    const sr_fg_model *model;
    sr_columns x; /* centred */
    const double *scale;
    double *beta, *eta, *risk, *shift, *tail;
    sr_risk_sums sums;
    sr_cum_hazard hazard;
} search;

static sr_cox_state state_of(const search *s)
{
    return (sr_cox_state){&s->model->rs, &s->model->cox.times, s->eta, s->shift, s->risk, &s->sums};
}

static sr_status open_search(sr_context *ctx, const sr_fg_model *model,
                             const sr_cox_scaling *scaling, search *s)
{
    const size_t n = model->rs.n, p = model->cox.x.p;
    *s = (search){.model = model, .x = model->cox.x, .scale = scaling->scale};
    s->x.centre = scaling->mean;
    SR_TAKE(s->beta, sr_arena_double(&ctx->arena, p));
    SR_TAKE(s->eta, sr_arena_double(&ctx->arena, n));
    SR_TAKE(s->risk, sr_arena_double(&ctx->arena, n));
    SR_TAKE(s->tail, sr_arena_double(&ctx->arena, n));
    SR_TAKE(s->shift, sr_arena_double(&ctx->arena, (size_t)model->rs.n_stratum));
    SR_TRY(sr_risk_sums_take(ctx, &model->rs, &s->x, &s->sums));
    return sr_cum_hazard_take(ctx, &model->rs, &s->hazard);
}

/* Everything but the information, at s->beta */
static sr_status sum_risks(sr_context *ctx, search *s, int has_x, double *f)
{
    const sr_fg_model *const m = s->model;
    const sr_columns *const x = has_x ? &s->x : NULL;
    SR_TRY(sr_columns_times(ctx, &s->x, s->beta, m->cox.offset, s->eta));
    SR_TRY(sr_cox_risk(ctx, NULL, &m->cox.times, s->eta, s->shift, s->risk));
    SR_TRY(sr_cox_risk_sums(ctx, &m->rs, x, s->risk, &s->sums));
    SR_TRY(sr_fg_add_late(ctx, m, x, s->risk, &s->sums));
    const sr_cox_state at = state_of(s);
    return sr_cox_loglik(ctx, &at, f);
}

static sr_status sum_hazards(sr_context *ctx, search *s)
{
    SR_TRY(sr_cox_cum_hazard(ctx, &s->model->rs, &s->sums, NULL, &s->hazard));
    return sr_fg_tail(ctx, s->model, s->hazard.step, s->tail);
}

static double hazard_of(const search *s, size_t i)
{
    return sr_row_hazard(&s->model->rs, &s->hazard, i) + s->tail[i];
}

/* q = r_i H_i and u = w_i delta_i - r_i H_i of a block of rows */
static void fill_rows(const void *data, size_t from, size_t m, double *q, double *u)
{
    const search *const s = data;
    const sr_times *const times = &s->model->cox.times;
    for (size_t i = 0; i < m; i++) {
        q[i] = s->risk[from + i] * hazard_of(s, from + i);
        u[i] = -q[i];
    }
    for (size_t i = 0; i < m; i++)
        if (times->event[from + i] != 0)
            u[i] += sr_weight_of(times, from + i);
}

static sr_status evaluate(sr_context *ctx, const double *theta, double *f, double *g, double *info,
                          void *data)
{
    search *const s = data;
    const size_t p = s->x.p;
    for (size_t j = 0; j < p; j++)
        s->beta[j] = theta[j] * s->scale[j];
    SR_TRY(sum_risks(ctx, s, g != NULL, f));
    if (g == NULL || !isfinite(*f))
        return SR_OK;
    SR_TRY(sum_hazards(ctx, s));
    SR_TRY(sr_columns_cross_by(ctx, &s->x, fill_rows, s, info, g));
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    SR_TRY(sr_cox_subtract_means(ctx, &s->model->rs, p, &s->sums, info));
    sr_arena_restore(&ctx->arena, mark);
    for (size_t j = 0; j < p; j++) {
        g[j] *= s->scale[j];
        for (size_t k = 0; k < p; k++)
            info[j * p + k] *= s->scale[j] * s->scale[k];
    }
    return SR_OK;
}

static void put_rows(const search *s, double constant, size_t from, size_t to, sr_fg_fit *fit)
{
    const sr_times *const times = &s->model->cox.times;
    for (size_t i = from; i < to; i++) {
        fit->eta[i] = s->eta[i] + constant;
        fit->martingale[i] =
            times->event[i] - s->risk[i] / sr_weight_of(times, i) * hazard_of(s, i);
    }
}

/* Results of the rows, from one more evaluation at the estimate */
static sr_status finish(sr_context *ctx, search *s, int has_x, const sr_newton_result *found,
                        sr_fg_fit *fit)
{
    const size_t n = s->model->rs.n, p = s->x.p;
    double constant = 0, f;
    for (size_t j = 0; j < p; j++) {
        s->beta[j] = fit->coef[j] = found->theta[j] * s->scale[j];
        fit->score[j] = found->gradient[j] / s->scale[j];
        constant += s->x.centre[j] * fit->coef[j];
        for (size_t k = 0; k < p; k++)
            fit->var[j * p + k] = found->inverse[j * p + k] * s->scale[j] * s->scale[k];
    }
    SR_TRY(sum_risks(ctx, s, has_x, &f));
    SR_TRY(sum_hazards(ctx, s));
    SR_FOR_EACH(ctx, n > SR_PARALLEL_FROM, b, sr_block_count(n),
                put_rows(s, constant, b * SR_BLOCK, sr_block_end(n, b), fit));
    return SR_OK;
}

static sr_status robust_variance(sr_context *ctx, const search *s, const sr_fg_robust *robust,
                                 sr_fg_fit *fit)
{
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    sr_fg_scores scores = {.model = s->model,
                           .z = s->x,
                           .risk = s->risk,
                           .tail = s->tail,
                           .hazard = &s->hazard,
                           .extra = robust->extra};
    SR_TRY(sr_fg_scores_open(ctx, &s->sums, robust->kind, &scores));
    const sr_score_rows rows = {sr_fg_scores_fill, &scores, s->x.n, s->x.p};
    SR_TRY(sr_score_rows_sandwich(ctx, &rows, &robust->by, fit->var, fit->robust));
    if (fit->scores != NULL)
        SR_TRY(sr_fg_scores_all(ctx, &scores, fit->scores));
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

static void put_search(const sr_newton_result *found, sr_fg_fit *fit)
{
    fit->loglik[0] = found->f_start;
    fit->loglik[1] = found->f;
    fit->score_test = found->score_test;
    fit->n_iter = found->n_iter;
    fit->n_halving = found->n_halving;
    fit->rank = found->rank;
    fit->is_converged = found->is_converged;
}

sr_status sr_fg_fit_newton(sr_context *ctx, const sr_fg_data *data, const sr_cox_control *control,
                           const sr_fg_robust *robust, sr_fg_fit *fit)
{
    const size_t p = data->rows.x.p;
    sr_fg_model model;
    sr_cox_scaling scaling;
    search s;
    sr_newton_result found;
    SR_TRY(sr_newton_result_take(ctx, p, &found));
    SR_TRY(sr_fg_model_make(ctx, data, control->is_efron, control->tol_time, &model, fit));
    SR_TRY(sr_cox_scaling_make(ctx, &model.cox, model.cox.times.weight, control->is_centred,
                               &scaling));
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    SR_TRY(open_search(ctx, &model, &scaling, &s));
    for (size_t j = 0; control->init != NULL && j < p; j++)
        found.theta[j] = control->init[j] / scaling.scale[j];
    if (p == 0) {
        SR_TRY(evaluate(ctx, NULL, &found.f, NULL, NULL, &s));
        found.f_start = found.f;
        found.is_converged = 1;
    } else {
        const sr_objective objective = {p, evaluate, &s};
        const sr_newton_control steps = {control->max_iter, control->eps, control->tol_chol, NULL};
        SR_TRY(sr_newton(ctx, &objective, &steps, &found));
    }
    const int is_robust = robust->kind != SR_FG_MODEL && p > 0;
    SR_TRY(finish(ctx, &s, is_robust, &found, fit));
    if (is_robust)
        SR_TRY(robust_variance(ctx, &s, robust, fit));
    sr_arena_restore(&ctx->arena, mark);
    put_search(&found, fit);
    return SR_OK;
}
