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
 *   U = sum_i (w_i delta_i - r_i H_i) z_i,  I = sum_i r_i H_i z_i z_i' - sum_k d_k zbar_k zbar_k',
 *   H_i = sum over start_i < t_k <= stop_i of dH_k + sum over the later k of omega_i(t_k) dH_k,
 *
 * as a late row is no event: ties of the event of interest are treated as ever, and the weights do
 * not depend on beta. No row is copied; columns are centred as they are read.
 *
 * Shapes, owners and reference: model_finegray.h. Cost a step O(n p^2 + n_curve K p), with K event
 * times and a censoring curve for each group or, with a Cox model for censoring, for each distinct
 * ratio: where most rows have one of their own that is O(n K p), quadratic in the rows. Memory K p
 * doubles.
 */
#include "model_finegray_search.h"
#include "core_optim.h"
#include "core_thread.h"
#include <math.h>

static sr_status evaluate(sr_context *ctx, const double *theta, double *f, double *g, double *info,
                          void *data)
{
    sr_fg_search *const s = data;
    const size_t p = s->x.p;
    const double *const scale = s->scaling.scale;
    for (size_t j = 0; j < p; j++)
        s->beta[j] = theta[j] * scale[j];
    SR_TRY(sr_fg_search_sums(ctx, s, g != NULL, f));
    if (g == NULL || !isfinite(*f))
        return SR_OK;
    SR_TRY(sr_fg_search_hazards(ctx, s, NULL));
    SR_TRY(sr_fg_search_information(ctx, s, NULL, g, info));
    for (size_t j = 0; j < p; j++) {
        g[j] *= scale[j];
        for (size_t k = 0; k < p; k++)
            info[j * p + k] *= scale[j] * scale[k];
    }
    return SR_OK;
}

static void put_rows(const sr_fg_search *s, double constant, size_t from, size_t to, sr_fg_fit *fit)
{
    const sr_times *const times = &s->model.cox.times;
    for (size_t i = from; i < to; i++) {
        fit->eta[i] = s->eta[i] + constant;
        fit->martingale[i] =
            times->event[i] - s->risk[i] / sr_weight_of(times, i) * sr_fg_row_hazard(s, i);
    }
}

/* The hazard of every event time, for eta = 0 */
static void put_baseline(const sr_fg_search *s, double constant, sr_fg_baseline *out)
{
    const sr_riskset *const rs = &s->model.rs;
    out->n = 0;
    for (int h = 0; h < rs->n_stratum; h++) {
        const double unit = exp(-constant - s->shift[h]);
        for (size_t k = rs->slot_begin[h] + 1; k < rs->slot_begin[h + 1]; k++) {
            out->stratum[out->n] = h;
            out->time[out->n] = rs->slot_time[k];
            out->step[out->n++] = s->hazard.step[k] * unit;
        }
    }
}

static void put_coefficients(const sr_fg_search *s, const sr_newton_result *found, sr_fg_fit *fit)
{
    const size_t p = s->x.p;
    const double *const scale = s->scaling.scale;
    for (size_t j = 0; j < p; j++) {
        s->beta[j] = fit->coef[j] = found->theta[j] * scale[j];
        fit->score[j] = found->gradient[j] / scale[j];
        for (size_t k = 0; k < p; k++)
            fit->var[j * p + k] = found->inverse[j * p + k] * scale[j] * scale[k];
    }
    fit->loglik[0] = found->f_start;
    fit->loglik[1] = found->f;
    fit->score_test = found->score_test;
    fit->n_iter = found->n_iter;
    fit->n_halving = found->n_halving;
    fit->rank = found->rank;
    fit->is_converged = found->is_converged;
}

static void put_all_rows(sr_context *ctx, const sr_fg_search *s, sr_fg_fit *fit)
{
    const size_t n = s->model.rs.n;
    const double constant = sr_fg_search_constant(s);
    put_baseline(s, constant, &fit->baseline);
    SR_FOR_EACH(ctx, n > SR_PARALLEL_FROM, b, sr_block_count(n),
                put_rows(s, constant, b * SR_BLOCK, sr_block_end(n, b), fit));
}

static sr_status robust_variance(sr_context *ctx, sr_fg_search *s, const sr_fg_robust *robust,
                                 sr_fg_fit *fit)
{
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    sr_fg_scores scores;
    SR_TRY(sr_fg_search_scores(ctx, s, robust, 0, &scores));
    const sr_score_rows rows = {sr_fg_scores_fill, &scores, s->x.n, s->x.p};
    SR_TRY(sr_score_rows_sandwich(ctx, &rows, &robust->by, fit->var, fit->robust));
    if (fit->scores != NULL)
        SR_TRY(sr_fg_scores_all(ctx, &scores, fit->scores));
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

static sr_status maximise(sr_context *ctx, const sr_cox_control *control, sr_fg_search *s,
                          sr_newton_result *found)
{
    const size_t p = s->x.p;
    for (size_t j = 0; control->init != NULL && j < p; j++)
        found->theta[j] = control->init[j] / s->scaling.scale[j];
    if (p > 0) {
        const sr_objective objective = {p, evaluate, s};
        const sr_newton_control steps = {control->max_iter, control->eps, control->tol_chol, NULL};
        return sr_newton(ctx, &objective, &steps, found);
    }
    SR_TRY(evaluate(ctx, NULL, &found->f, NULL, NULL, s));
    found->f_start = found->f;
    found->is_converged = 1;
    return SR_OK;
}

static sr_status fit_with(sr_context *ctx, const sr_fg_data *data, const sr_cox_control *control,
                          const sr_fg_robust *robust, sr_fg_search *s, sr_fg_fit *fit)
{
    const size_t p = data->rows.x.p;
    const int is_robust = robust->kind != SR_FG_MODEL && p > 0;
    sr_newton_result found;
    double f;
    SR_TRY(sr_newton_result_take(ctx, p, &found));
    SR_TRY(sr_fg_search_open(ctx, data, control, s, fit));
    SR_TRY(maximise(ctx, control, s, &found));
    put_coefficients(s, &found, fit);
    SR_TRY(sr_fg_search_sums(ctx, s, is_robust, &f));
    SR_TRY(sr_fg_search_hazards(ctx, s, NULL));
    if (is_robust)
        SR_TRY(robust_variance(ctx, s, robust, fit));
    put_all_rows(ctx, s, fit);
    return SR_OK;
}

sr_status sr_fg_fit_newton(sr_context *ctx, const sr_fg_data *data, const sr_cox_control *control,
                           const sr_fg_robust *robust, sr_fg_fit *fit)
{
    sr_fg_search s = {.beta = NULL};
    const sr_status status = fit_with(ctx, data, control, robust, &s, fit);
    sr_fg_search_close(&s);
    return status;
}
