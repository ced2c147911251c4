/* model_cox_profile.c -- see model_cox_profile.h
 *
 * With l_j(v) the maximum of the log-likelihood over all other coefficients while the j-th is v,
 * the limits solve
 *
 *     sqrt(2 (l - l_j(v))) = quantile,      v below and above the estimate
 *
 * (Venzon & Moolgavkar, Applied Statistics 1988;37:87, doi:10.2307/2347496). The left side is
 * nearly a straight line in v. From a first step of quantile standard errors the distance doubles
 * until the limit is passed; Brent's method does the rest. Each constrained maximum starts where
 * the variance matrix says that the other coefficients move to.
 *
 * l_j is concave: it falls ever faster, unless it has no maximum on that side; where it is still
 * flat after some doublings the limit is infinite. Where an estimate is infinite its standard error
 * is no measure of distance; the one at coefficients of zero bounds the first step.
 *
 * Cost: about 5 constrained fits a limit, each O(n p^2) a step.
 */
#include "model_cox_profile.h"
#include "core_optim.h"
#include "core_root.h"
#include "model_cox_layout.h"
#include <math.h>
#include <string.h>

enum { MOST_DOUBLINGS = 16, FLAT_DOUBLINGS = 5 };
static const double START_RATIO = 2, FLAT = 1e-3, TOLERANCE = 1e-10, HIGHEST = 1e4;

typedef struct {
    const sr_cox_data *data;
    sr_riskset rs;
    sr_columns z;
    const double *scale;
    sr_risk_sums sums;
    double *eta, *risk, *shift;
} likelihood;

static sr_status evaluate(sr_context *ctx, const double *theta, double *f, double *g, double *info,
                          void *data)
{
    likelihood *const m = data;
    const sr_times *const times = &m->data->times;
    SR_TRY(sr_columns_times(ctx, &m->z, theta, m->data->offset, m->eta));
    SR_TRY(sr_cox_risk(ctx, &m->rs, times, m->eta, m->shift, m->risk));
    SR_TRY(sr_cox_risk_sums(ctx, &m->rs, g == NULL ? NULL : &m->z, m->risk, &m->sums));
    const sr_cox_state at = {&m->rs, times, m->eta, m->shift, m->risk, &m->sums};
    SR_TRY(sr_cox_loglik(ctx, &at, f));
    if (g == NULL || !isfinite(*f))
        return SR_OK;
    return sr_cox_information(ctx, &at, &m->z, g, info);
}

typedef struct {
    sr_objective objective;
    sr_newton_control steps;
    sr_newton_result best, held; /* at the maximum; with one coefficient held */
    double *theta;               /* [p] start of the next constrained fit */
    double *nearest;             /* [p] the last constrained maximum */
    int *fixed;                  /* [p] */
    size_t column;
    double side, quantile;
} profile;

/* Signed root of the deviance minus the quantile, `distance` away from the estimate. */
static sr_status excess(sr_context *ctx, double distance, double *f, void *data)
{
    profile *const q = data;
    const size_t p = q->objective.n_par, j = q->column;
    const double *const cov = q->best.inverse + j * p;
    const double value = q->best.theta[j] + q->side * distance;
    for (int attempt = 0; attempt < 2; attempt++) {
        for (size_t k = 0; k < p; k++)
            q->held.theta[k] =
                attempt > 0 ? q->nearest[k]
                            : q->best.theta[k] + cov[k] / cov[j] * (value - q->best.theta[j]);
        q->held.theta[j] = value;
        SR_TRY(sr_newton(ctx, &q->objective, &q->steps, &q->held));
        if (isfinite(q->held.f) && q->held.is_converged)
            break;
    }
    if (!isfinite(q->held.f)) {
        *f = HIGHEST;
        return SR_OK;
    }
    memcpy(q->nearest, q->held.theta, p * sizeof(double));
    *f = fmin(sqrt(fmax(0, 2 * (q->best.f - q->held.f))) - q->quantile, HIGHEST);
    return SR_OK;
}

static sr_status find_limit(sr_context *ctx, profile *q, double first, double *limit)
{
    const sr_function function = {excess, q};
    sr_bracket around = {0, -q->quantile, first, 0};
    double distance;
    memcpy(q->nearest, q->best.theta, q->objective.n_par * sizeof(double));
    for (int doubling = 0;; doubling++) {
        SR_TRY(excess(ctx, around.high, &around.f_high, q));
        if (around.f_high >= 0)
            break;
        const int is_flat = around.f_high + q->quantile < FLAT * q->quantile;
        if (doubling == MOST_DOUBLINGS || (doubling >= FLAT_DOUBLINGS && is_flat)) {
            *limit = q->side * INFINITY;
            return SR_OK;
        }
        around.low = around.high;
        around.f_low = around.f_high;
        around.high *= 2;
    }
    SR_TRY(sr_root_find(ctx, &function, &around, TOLERANCE * around.high, &distance));
    *limit = q->best.theta[q->column] + q->side * distance;
    return SR_OK;
}

static sr_status prepare(sr_context *ctx, const sr_cox_data *data, const sr_cox_control *control,
                         const double *coef, likelihood *m, profile *q)
{
    const size_t p = data->x.p;
    sr_cox_scaling scaling;
    sr_cox_fit unused = {0};
    SR_TRY(sr_cox_layout(ctx, data, control, control->is_efron, &m->rs, &unused));
    SR_TRY(sr_cox_scaling_make(ctx, data, data->times.weight, control->is_centred, &scaling));
    m->data = data;
    m->scale = scaling.scale;
    m->z = data->x;
    m->z.centre = scaling.mean;
    m->z.scale = scaling.scale;
    SR_TRY(sr_risk_sums_take(ctx, &m->rs, &m->z, &m->sums));
    SR_TAKE(m->eta, sr_arena_double(&ctx->arena, data->times.n));
    SR_TAKE(m->risk, sr_arena_double(&ctx->arena, data->times.n));
    SR_TAKE(m->shift, sr_arena_double(&ctx->arena, (size_t)m->rs.n_stratum));
    SR_TRY(sr_newton_result_take(ctx, p, &q->best));
    SR_TRY(sr_newton_result_take(ctx, p, &q->held));
    SR_TAKE(q->nearest, sr_arena_double(&ctx->arena, p));
    SR_TAKE(q->fixed, (int *)sr_arena_zero(&ctx->arena, p, sizeof(int)));
    q->objective = (sr_objective){p, evaluate, m};
    q->steps = (sr_newton_control){control->max_iter, control->eps, control->tol_chol, NULL};
    for (size_t j = 0; j < p; j++)
        q->best.theta[j] = coef[j] / scaling.scale[j];
    return sr_newton(ctx, &q->objective, &q->steps, &q->best);
}

sr_status sr_cox_profile(sr_context *ctx, const sr_cox_data *data, const sr_cox_control *control,
                         const sr_profile_limits *wanted)
{
    const size_t p = data->x.p;
    likelihood m;
    profile q = {.quantile = wanted->quantile};
    double *zero, *info, f;
    SR_TRY(prepare(ctx, data, control, wanted->coef, &m, &q));
    SR_TAKE(zero, (double *)sr_arena_zero(&ctx->arena, p, sizeof(double)));
    SR_TAKE(info, (double *)sr_arena_zero(&ctx->arena, p * p, sizeof(double)));
    SR_TRY(evaluate(ctx, zero, &f, q.held.gradient, info, &m));
    q.steps.fixed = q.fixed;
    for (size_t c = 0; c < wanted->n_which; c++) {
        const size_t j = (size_t)wanted->which[c];
        const double here = sqrt(q.best.inverse[j * p + j]), start = 1 / sqrt(info[j * p + j]);
        const double first = wanted->quantile *
                             (start > 0 && here > START_RATIO * start ? START_RATIO * start : here);
        q.column = j;
        q.fixed[j] = 1;
        for (q.side = -1; q.side <= 1; q.side += 2) {
            double *const limit = q.side < 0 ? &wanted->lower[c] : &wanted->upper[c];
            SR_TRY(find_limit(ctx, &q, first, limit));
            *limit *= m.scale[j];
        }
        q.fixed[j] = 0;
    }
    return SR_OK;
}
