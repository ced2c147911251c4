/* model_cox.c -- the Cox model fitted by Newton's method
 *
 * Log partial likelihood, score and information are those of model_cox_info.c. The
 * search runs in theta = beta / scale, as if every column had been divided by its
 * mean absolute deviation, so that the pivots of the information can be compared.
 * (The scaling is applied to the p sums, not to the n rows.) Columns that hold
 * only a few given values (`is_centred` 0: such as 0/1) are left as they are, as
 * coxph does.
 *
 * One evaluation: eta = X beta, r = w exp(eta), risk-set sums, hazards, weighted
 * cross-products. Where slots are few (model_cox_pass.h), or rows stand in their
 * order (model_cox_ordered.h), that is two readings of X; elsewhere, and where some
 * |eta| is too large for exp, each sum is taken by itself, in three.
 * model_cox_view.h says in which order the rows stand.
 *
 * Cox, JRSS B 1972;34:187, doi:10.1111/j.2517-6161.1972.tb00899.x. Shapes and
 * owners: model_cox.h. Cost a step O(n p^2); memory n p doubles when laid out.
 */
#include "core_exp.h"
#include "core_optim.h"
#include "core_thread.h"
#include "model_cox_ordered.h"
#include "model_cox_pass.h"
#include "model_cox_rows.h"
#include "model_cox_sweep.h"
#include <math.h>
#include <string.h>

static int is_beyond(const double *eta, size_t from, size_t to)
{
    int beyond = 0;
    for (size_t i = from; i < to; i++)
        beyond |= !(fabs(eta[i]) < SR_LARGEST_ETA);
    return beyond;
}

/* Shifts are 0 unless exp would leave the range of doubles. `is_far` [n_block] is scratch. */
static void centre_eta(sr_context *ctx, const sr_times *times, const double *eta, int *is_far,
                       double *shift)
{
    const size_t n_block = sr_block_count(times->n);
    SR_FOR_EACH(ctx, times->n > SR_PARALLEL_FROM, b, n_block,
                is_far[b] = is_beyond(eta, b * SR_BLOCK, sr_block_end(times->n, b)));
    int is_any = 0;
    for (size_t b = 0; b < n_block; b++)
        is_any |= is_far[b];
    for (int s = 0; s < times->n_stratum; s++)
        shift[s] = 0;
    if (!is_any)
        return;
    for (int s = 0; s < times->n_stratum; s++)
        shift[s] = -INFINITY;
    for (size_t i = 0; i < times->n; i++) {
        double *const mine = &shift[sr_stratum_of(times, i)];
        *mine = eta[i] > *mine ? eta[i] : *mine;
    }
    for (int s = 0; s < times->n_stratum; s++)
        if (!isfinite(shift[s]))
            shift[s] = 0;
}

static void risk_block(const sr_cox_state *at, size_t from, size_t to)
{
    const sr_riskset *const rs = at->rs;
    const sr_times *const times = at->times;
    const double *const eta = at->eta, *const shift = at->shift;
    double *const risk = at->risk;
    for (size_t i = from; i < to; i++)
        risk[i] = eta[i] - shift[sr_stratum_of(times, i)];
    sr_exp_block(to - from, risk + from);
    for (size_t i = from; times->weight != NULL && i < to; i++)
        risk[i] *= times->weight[i];
    for (size_t i = from; rs != NULL && rs->enter != NULL && i < to; i++)
        if (rs->enter[i] == rs->cell[i])
            risk[i] = 0;
}

sr_status sr_cox_risk(sr_context *ctx, const sr_riskset *rs, const sr_times *times,
                      const double *eta, double *shift, double *risk)
{
    SR_TICK(ctx);
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    int *is_far;
    SR_TAKE(is_far, (int *)sr_arena_take(&ctx->arena, sr_block_count(times->n), sizeof(int)));
    centre_eta(ctx, times, eta, is_far, shift);
    const sr_cox_state at = {rs, times, eta, shift, risk, NULL};
    SR_FOR_EACH(ctx, times->n > SR_PARALLEL_FROM, b, sr_block_count(times->n),
                risk_block(&at, b * SR_BLOCK, sr_block_end(times->n, b)));
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

/* Risk-set sums and log-likelihood at v->beta */
static sr_status sum_risks(sr_context *ctx, sr_cox_view *v, double *f)
{
    int is_done = 0;
    double event_sum, logs;
    if (sr_few_slots_chunks(&v->rs) > 0)
        SR_TRY(sr_cox_pass(ctx, v, &event_sum, &is_done));
    if (is_done) {
        SR_TRY(sr_cox_slot_logs(ctx, &v->rs, v->times.weight, &v->sums, &logs));
        *f = event_sum - logs;
        return SR_OK;
    }
    SR_TRY(sr_columns_times(ctx, &v->x, v->beta, v->offset, v->eta));
    SR_TRY(sr_cox_risk(ctx, &v->rs, &v->times, v->eta, v->shift, v->risk));
    SR_TRY(sr_cox_risk_sums(ctx, &v->rs, &v->x, v->risk, &v->sums));
    const sr_cox_state at = sr_cox_view_state(v);
    return sr_cox_loglik(ctx, &at, f);
}

/* Likelihood, score and information by sums over risk sets. A view without room for S1 and D1 has
 * the arena's for as long; its S0 and D0 stay. */
static sr_status evaluate_by_sums(sr_context *ctx, sr_cox_view *v, double *f, double *g,
                                  double *info)
{
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    const sr_risk_sums own = v->sums;
    if (own.S1 == NULL) {
        SR_TRY(sr_risk_sums_take(ctx, &v->rs, &v->x, &v->sums));
        v->sums.S0 = own.S0;
        v->sums.D0 = own.D0;
    }
    SR_TRY(sum_risks(ctx, v, f));
    const sr_cox_state at = sr_cox_view_state(v);
    if (g != NULL && isfinite(*f))
        SR_TRY(sr_cox_information(ctx, &at, &v->x, g, info));
    v->sums = own;
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

static sr_status evaluate(sr_context *ctx, const double *theta, double *f, double *g, double *info,
                          void *data)
{
    sr_cox_view *const v = data;
    const size_t p = v->x.p;
    const double *const scale = v->scaling.scale;
    for (size_t j = 0; j < p; j++)
        v->beta[j] = theta[j] * scale[j];
    int is_done = 0;
    if (g != NULL && sr_cox_is_in_order(&v->rs))
        SR_TRY(sr_cox_evaluate_in_order(ctx, v, f, g, info, &is_done));
    if (!is_done)
        SR_TRY(evaluate_by_sums(ctx, v, f, g, info));
    if (g == NULL || !isfinite(*f))
        return SR_OK;
    for (size_t j = 0; j < p; j++) {
        g[j] *= scale[j];
        for (size_t k = 0; k < p; k++)
            info[j * p + k] *= scale[j] * scale[k];
    }
    return SR_OK;
}

static void residual_block(const sr_cox_view *v, const sr_cum_hazard *hazard, size_t block,
                           double *out)
{
    for (size_t i = block * SR_BLOCK; i < sr_block_end(v->times.n, block); i++) {
        const double weight = sr_weight_of(&v->times, i);
        const double residual =
            v->times.event[i] - v->risk[i] / weight * sr_row_hazard(&v->rs, hazard, i);
        out[v->row == NULL ? i : v->row[i]] = residual;
    }
}

/* Martingale residuals event - exp(eta) H from the last evaluation; 0 for rows that span no event
 * time. The view's risks may stand in the room for the residuals, so rows in another order go
 * through the room for eta, which is free by now. */
static sr_status set_residuals(sr_context *ctx, const sr_cox_view *v, size_t n, sr_cox_fit *fit)
{
    sr_cum_hazard hazard;
    if (fit->martingale == NULL)
        return SR_OK;
    double *const out = v->row == NULL ? fit->martingale : v->eta;
    SR_TRY(sr_cum_hazard_take(ctx, &v->rs, &hazard));
    SR_TRY(sr_cox_cum_hazard(ctx, &v->rs, &v->sums, NULL, &hazard));
    if (v->row != NULL)
        memset(out, 0, n * sizeof(double));
    SR_FOR_EACH(ctx, n > SR_PARALLEL_FROM, b, sr_block_count(v->times.n),
                residual_block(v, &hazard, b, out));
    if (out != fit->martingale)
        memcpy(fit->martingale, out, n * sizeof(double));
    return SR_OK;
}

sr_status sr_cox_fit_newton(sr_context *ctx, const sr_cox_data *data, const sr_cox_control *control,
                            sr_cox_fit *fit)
{
    const size_t p = data->x.p;
    sr_riskset rs;
    sr_cox_scaling scaling;
    sr_cox_view v;
    sr_newton_result result;
    SR_TRY(sr_newton_result_take(ctx, p, &result));
    SR_TRY(sr_cox_layout(ctx, data, control, control->is_efron, &rs, fit));
    SR_TRY(sr_cox_scaling_make(ctx, data, data->times.weight, control->is_centred, &scaling));
    const sr_arena_mark own = sr_arena_save(&ctx->arena);
    SR_TRY(sr_cox_view_make(ctx, data, &rs, &scaling, fit, &v));
    for (size_t j = 0; control->init != NULL && j < p; j++)
        result.theta[j] = control->init[j] / scaling.scale[j];
    if (p == 0) {
        SR_TRY(evaluate(ctx, NULL, &result.f, NULL, NULL, &v));
        result.f_start = result.f;
        result.is_converged = 1;
    } else {
        const sr_objective objective = {p, evaluate, &v};
        const sr_newton_control steps = {control->max_iter, control->eps, control->tol_chol, NULL};
        SR_TRY(sr_newton(ctx, &objective, &steps, &result));
        SR_TRY(sr_cox_sweep(ctx, data, &rs, &scaling, control, &result));
    }
    SR_TRY(set_residuals(ctx, &v, data->times.n, fit));
    sr_arena_restore(&ctx->arena, own);
    fit->loglik[0] = result.f_start;
    fit->loglik[1] = result.f;
    fit->score_test = result.score_test;
    fit->n_iter = result.n_iter;
    fit->n_halving = result.n_halving;
    fit->rank = result.rank;
    fit->is_converged = result.is_converged;
    sr_cox_fit rest = *fit; /* all but the residuals, which are there */
    rest.martingale = NULL;
    const sr_cox_found found = {&scaling, result.theta, result.inverse, result.gradient};
    return sr_cox_finish(ctx, data, control, &rs, &found, &rest);
}
