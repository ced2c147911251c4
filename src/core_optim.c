/* core_optim.c -- see core_optim.h */
#include "core_optim.h"
#include "core_linalg.h"
#include <gsl/gsl_eigen.h>
#include <math.h>
#include <string.h>

static const double LEAST_EPS = 1e-12; /* what rounding lets the decrement reach, relative to f */

typedef struct {
    double *trial, *gradient, *info, *factor, *step;
    double f;
    sr_ldl_info shape;
    int is_finite;
} point;

static sr_status point_take(sr_context *ctx, size_t p, point *out)
{
    SR_TAKE(out->trial, sr_arena_double(&ctx->arena, p));
    SR_TAKE(out->gradient, sr_arena_double(&ctx->arena, p));
    SR_TAKE(out->step, sr_arena_double(&ctx->arena, p));
    SR_TAKE(out->info, sr_arena_double(&ctx->arena, p * p));
    SR_TAKE(out->factor, sr_arena_double(&ctx->arena, p * p));
    return SR_OK;
}

sr_status sr_newton_result_take(sr_context *ctx, size_t n_par, sr_newton_result *out)
{
    *out = (sr_newton_result){0};
    SR_TAKE(out->theta, (double *)sr_arena_zero(&ctx->arena, n_par, sizeof(double)));
    SR_TAKE(out->gradient, sr_arena_double(&ctx->arena, n_par));
    SR_TAKE(out->info, sr_arena_double(&ctx->arena, n_par * n_par));
    SR_TAKE(out->inverse, sr_arena_double(&ctx->arena, n_par * n_par));
    return SR_OK;
}

static void hold_fixed(size_t p, const int *fixed, double *gradient, double *info)
{
    for (size_t j = 0; fixed != NULL && j < p; j++) {
        if (!fixed[j])
            continue;
        gradient[j] = 0;
        for (size_t k = 0; k < p; k++)
            info[j * p + k] = info[k * p + j] = 0;
    }
}

/* Value, gradient, factored information and Newton step at `at->trial`. */
static sr_status evaluate(sr_context *ctx, const sr_objective *objective,
                          const sr_newton_control *control, point *at)
{
    const size_t p = objective->n_par;
    SR_TRY(objective->eval(ctx, at->trial, &at->f, at->gradient, at->info, objective->data));
    at->is_finite = isfinite(at->f);
    if (!at->is_finite) { /* as good as a point without information */
        memset(at->gradient, 0, p * sizeof(double));
        memset(at->info, 0, p * p * sizeof(double));
    }
    for (size_t j = 0; j < p; j++)
        at->is_finite &= isfinite(at->gradient[j]) != 0;
    for (size_t j = 0; j < p * p; j++)
        at->is_finite &= isfinite(at->info[j]) != 0;
    hold_fixed(p, control->fixed, at->gradient, at->info);
    memcpy(at->factor, at->info, p * p * sizeof(double));
    at->shape = sr_ldl_factor(p, at->factor, control->tol_chol);
    memcpy(at->step, at->gradient, p * sizeof(double));
    sr_ldl_solve(p, at->factor, at->step);
    return SR_OK;
}

/* Nothing to be gained from `at`: see core_optim.h. */
static int is_stationary(size_t p, const point *at, double eps)
{
    const double size = fabs(at->f), rounding = 1e-10 * (1 + size);
    double decrement = 0;
    for (size_t j = 0; j < p; j++) {
        decrement += at->gradient[j] * at->step[j];
        if (at->factor[j * p + j] != 0)
            continue;
        double left = at->gradient[j];
        for (size_t k = 0; k < p; k++)
            left -= at->info[j * p + k] * at->step[k];
        if (!(left * left <= 10 * (1 + size) * at->shape.smallest + rounding * rounding))
            return 0;
    }
    return decrement / 2 <= fmax(eps, LEAST_EPS) * size;
}

static void finish(size_t p, const point *at, sr_newton_result *result)
{
    memcpy(result->gradient, at->gradient, p * sizeof(double));
    memcpy(result->info, at->info, p * p * sizeof(double));
    sr_ldl_inverse(p, at->factor, result->inverse);
    result->rank = at->shape.rank;
}

sr_status sr_newton(sr_context *ctx, const sr_objective *objective,
                    const sr_newton_control *control, sr_newton_result *result)
{
    const size_t p = objective->n_par, bytes = p * sizeof(double);
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    point at;
    SR_TRY(point_take(ctx, p, &at));
    memcpy(at.trial, result->theta, bytes);
    SR_TRY(evaluate(ctx, objective, control, &at));
    result->f_start = result->f = at.f;
    result->score_test = 0;
    for (size_t j = 0; j < p; j++)
        result->score_test += at.gradient[j] * at.step[j];
    result->n_iter = result->n_halving = 0;
    result->is_converged = control->max_iter == 0 && at.is_finite;
    const int is_startable = at.is_finite;
    int is_at_theta = 1, halving = 0;
    for (size_t j = 0; j < p; j++)
        at.trial[j] += at.step[j];
    while (is_startable && !result->is_converged && result->n_iter < control->max_iter) {
        result->n_iter++;
        SR_TRY(evaluate(ctx, objective, control, &at));
        /* a step that was cut may be too short to change anything: it is no sign of a maximum */
        result->is_converged = at.is_finite && halving == 0 &&
                               (at.f == result->f || fabs(1 - result->f / at.f) <= control->eps) &&
                               is_stationary(p, &at, control->eps);
        is_at_theta = result->is_converged || (at.is_finite && at.f >= result->f);
        if (is_at_theta) {
            halving = 0;
            result->f = at.f;
            memcpy(result->theta, at.trial, bytes);
            for (size_t j = 0; j < p; j++)
                at.trial[j] += at.step[j];
        } else {
            halving++;
            result->n_halving++;
            for (size_t j = 0; j < p; j++)
                at.trial[j] = (at.trial[j] + halving * result->theta[j]) / (halving + 1.0);
        }
    }
    if (!is_at_theta) { /* the last trial was refused: back to the best point */
        memcpy(at.trial, result->theta, bytes);
        SR_TRY(evaluate(ctx, objective, control, &at));
    }
    finish(p, &at, result);
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

sr_status sr_eigen(size_t p, double *A, double *value, double *vector)
{
    gsl_eigen_symmv_workspace *const room = gsl_eigen_symmv_alloc(p);
    if (room == NULL)
        return SR_ERR_MEMORY;
    gsl_matrix_view matrix = gsl_matrix_view_array(A, p, p);
    gsl_matrix_view vectors = gsl_matrix_view_array(vector, p, p);
    gsl_vector_view values = gsl_vector_view_array(value, p);
    gsl_eigen_symmv(&matrix.matrix, &values.vector, &vectors.matrix, room);
    gsl_eigen_symmv_sort(&values.vector, &vectors.matrix, GSL_EIGEN_SORT_VAL_ASC);
    gsl_eigen_symmv_free(room);
    return SR_OK;
}
