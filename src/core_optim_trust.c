/* core_optim_trust.c -- see core_optim_trust.h */
#include "core_optim_trust.h"
#include <float.h>
#include <math.h>
#include <string.h>

static const double LEAST_EIGENVALUE = 1e-13; /* of A: below, a direction has no information */
static const double LEAST_STEP = 1e-9;        /* standard errors; a shorter step changes nothing */
static const double NEAR = 1e-3; /* standard errors; there the model is as good as f itself */

/* A point of the search. Free parameters only: their number is `p`, their places `place`. */
typedef struct {
    size_t n_par, p;
    size_t *place;    /* [p] */
    double *gradient; /* [n_par] */
    double *info;     /* [n_par x n_par] */
    double *scale;    /* [p] d */
    double *b;        /* [p] */
    double *A;        /* [p x p] */
    double *value;    /* [p] eigenvalues, ascending */
    double *vector;   /* [p x p] eigenvector k in column k */
    double *along;    /* [p] b in the eigenvectors */
    double *step;     /* [p] s */
    double f;
} trust;

sr_status sr_trust_result_take(sr_context *ctx, size_t n_par, sr_trust_result *out)
{
    *out = (sr_trust_result){0};
    SR_TAKE(out->theta, (double *)sr_arena_zero(&ctx->arena, n_par, sizeof(double)));
    SR_TAKE(out->gradient, (double *)sr_arena_zero(&ctx->arena, n_par, sizeof(double)));
    SR_TAKE(out->flat, (double *)sr_arena_zero(&ctx->arena, n_par, sizeof(double)));
    SR_TAKE(out->info, (double *)sr_arena_zero(&ctx->arena, n_par * n_par, sizeof(double)));
    SR_TAKE(out->inverse, (double *)sr_arena_zero(&ctx->arena, n_par * n_par, sizeof(double)));
    SR_TAKE(out->info_start, (double *)sr_arena_zero(&ctx->arena, n_par * n_par, sizeof(double)));
    return SR_OK;
}

static sr_status trust_take(sr_context *ctx, size_t n_par, const int *fixed, trust *t)
{
    t->n_par = n_par;
    t->p = 0;
    SR_TAKE(t->place, sr_arena_sizes(&ctx->arena, n_par + 1));
    for (size_t j = 0; j < n_par; j++)
        if (fixed == NULL || !fixed[j])
            t->place[t->p++] = j;
    const size_t p = t->p;
    double **const vectors[] = {&t->scale, &t->b, &t->value, &t->along, &t->step};
    for (size_t k = 0; k < sizeof vectors / sizeof *vectors; k++)
        SR_TAKE(*vectors[k], sr_arena_double(&ctx->arena, p));
    SR_TAKE(t->gradient, sr_arena_double(&ctx->arena, n_par));
    SR_TAKE(t->info, sr_arena_double(&ctx->arena, n_par * n_par));
    SR_TAKE(t->A, sr_arena_double(&ctx->arena, p * p));
    SR_TAKE(t->vector, sr_arena_double(&ctx->arena, p * p));
    return SR_OK;
}

/* Value, gradient and information at theta; *is_finite tells whether all of it exists. */
static sr_status evaluate(sr_context *ctx, const sr_objective *objective, const double *theta,
                          trust *t, double *f, int *is_finite)
{
    SR_TRY(objective->eval(ctx, theta, f, t->gradient, t->info, objective->data));
    *is_finite = isfinite(*f);
    for (size_t j = 0; *is_finite && j < t->n_par; j++)
        *is_finite = isfinite(t->gradient[j]);
    for (size_t j = 0; *is_finite && j < t->n_par * t->n_par; j++)
        *is_finite = isfinite(t->info[j]);
    return SR_OK;
}

/* The model at the point in hand: scales, b, and A in its eigenvectors */
static sr_status set_model(trust *t)
{
    const size_t p = t->p, n = t->n_par;
    if (p == 0)
        return SR_OK;
    for (size_t j = 0; j < p; j++) {
        const double own = fabs(t->info[t->place[j] * n + t->place[j]]);
        t->scale[j] = own > DBL_MIN ? sqrt(own) : 1; /* units of parameters say nothing */
        t->b[j] = t->gradient[t->place[j]] / t->scale[j];
    }
    for (size_t j = 0; j < p; j++)
        for (size_t k = 0; k < p; k++)
            t->A[j * p + k] = t->info[t->place[j] * n + t->place[k]] / (t->scale[j] * t->scale[k]);
    SR_TRY(sr_eigen(p, t->A, t->value, t->vector));
    for (size_t k = 0; k < p; k++) {
        t->along[k] = 0;
        for (size_t j = 0; j < p; j++)
            t->along[k] += t->vector[j * p + k] * t->b[j];
    }
    return SR_OK;
}

/* |(A + mu)^-1 b| */
static double step_length(const trust *t, double mu)
{
    double sum = 0;
    for (size_t k = 0; k < t->p; k++) {
        const double part = t->along[k] / (t->value[k] + mu);
        sum += part * part;
    }
    return sqrt(sum);
}

/* The mu that makes the step as long as the radius. 1 / |s| is nearly linear in mu, so Newton's
 * method from the left of the solution takes few steps; a bracket keeps it safe. */
static double find_shift(const trust *t, double radius)
{
    double size = 0;
    for (size_t k = 0; k < t->p; k++)
        size += t->along[k] * t->along[k];
    const double lowest = t->value[0], floor = fmax(0, -lowest);
    double low = floor, high = floor + sqrt(size) / radius + DBL_EPSILON * (1 + floor);
    double mu = floor + 1e-8 * (1 + floor);
    for (int k = 0; k < 100; k++) {
        const double length = step_length(t, mu);
        if (fabs(length - radius) <= 0.01 * radius)
            break;
        if (length > radius)
            low = mu;
        else
            high = mu;
        double slope = 0; /* of |s|^2 / -2 */
        for (size_t j = 0; j < t->p; j++)
            slope += t->along[j] * t->along[j] / pow(t->value[j] + mu, 3);
        const double next = mu + (length - radius) / radius * length * length / slope;
        mu = next > low && next < high ? next : (low + high) / 2;
        if (!(high - low > DBL_EPSILON * (1 + high)))
            break;
    }
    return mu;
}

/* At a saddle the gradient may have no part in the direction in which f curves upwards, and no shift
 * makes the step long enough: what is left of the radius goes that way. */
static double way_aside(const trust *t, double radius, double mu)
{
    const double length = step_length(t, mu);
    if (!(t->value[0] < 0 && length < 0.9 * radius && isfinite(radius)))
        return 0;
    return copysign(sqrt(radius * radius - length * length), t->along[0]);
}

/* Has the largest scaled element of the gradient become half of what it is in the model? */
static int is_flatter(const trust *t)
{
    double before = 0, now = 0;
    for (size_t j = 0; j < t->p; j++) {
        before = fmax(before, fabs(t->b[j]));
        now = fmax(now, fabs(t->gradient[t->place[j]]) / t->scale[j]);
    }
    return now < before / 2;
}

/* t->step within the radius; returns what the model promises. *is_newton: the step is Newton's. */
static double choose_step(trust *t, double radius, int *is_newton, double *length)
{
    const size_t p = t->p;
    const int is_definite = p == 0 || t->value[0] > LEAST_EIGENVALUE;
    double mu = 0, promise = 0, aside = 0;
    *is_newton = is_definite && step_length(t, 0) <= radius;
    if (!*is_newton) {
        mu = find_shift(t, radius);
        aside = way_aside(t, radius, mu);
    }
    memset(t->step, 0, p * sizeof(double));
    *length = 0;
    for (size_t k = 0; k < p; k++) {
        const double part = t->along[k] / (t->value[k] + mu) + (k == 0 ? aside : 0);
        promise += part * (t->along[k] - t->value[k] * part / 2);
        *length += part * part;
        for (size_t j = 0; j < p; j++)
            t->step[j] += t->vector[j * p + k] * part;
    }
    *length = sqrt(*length);
    return promise;
}

static void finish(const trust *t, sr_trust_result *result)
{
    const size_t p = t->p, n = t->n_par;
    memset(result->gradient, 0, n * sizeof(double));
    memset(result->info, 0, n * n * sizeof(double));
    memset(result->inverse, 0, n * n * sizeof(double));
    memset(result->flat, 0, n * sizeof(double));
    result->is_definite = p == 0 || t->value[0] > LEAST_EIGENVALUE;
    result->scaled_gradient = 0;
    double most = 0;
    for (size_t j = 0; j < p; j++) {
        const size_t at = t->place[j];
        result->gradient[at] = t->gradient[at];
        result->scaled_gradient = fmax(result->scaled_gradient, fabs(t->b[j]));
        result->flat[at] = t->vector[j * p] / t->scale[j];
        most = fmax(most, fabs(result->flat[at]));
        for (size_t k = 0; k < p; k++) {
            const size_t pair = at * n + t->place[k];
            result->info[pair] = t->info[pair];
            for (size_t e = 0; result->is_definite && e < p; e++)
                result->inverse[pair] += t->vector[j * p + e] * t->vector[k * p + e] /
                                         (t->value[e] * t->scale[j] * t->scale[k]);
        }
    }
    for (size_t j = 0; j < n && most > 0; j++)
        result->flat[j] /= most;
}

/* One search from result->theta, whose value and derivatives are in *t. */
static sr_status search(sr_context *ctx, const sr_objective *objective,
                        const sr_trust_control *control, trust *t, double *trial,
                        sr_trust_result *result)
{
    double radius = INFINITY;
    int is_current = 1;
    SR_TRY(set_model(t));
    while (t->p > 0 && result->n_iter < control->max_iter) {
        int is_newton, is_finite;
        double length, f;
        if (!(t->value[0] > LEAST_EIGENVALUE) && !isfinite(radius))
            radius = 1 + sqrt((double)t->p);
        const double promise = choose_step(t, radius, &is_newton, &length);
        if (is_newton && length <= fmin(LEAST_STEP, control->eps)) {
            result->is_converged = 1;
            break;
        }
        const int is_last =
            is_newton && (length <= control->eps || promise <= 1e-14 * (1 + fabs(result->f)));
        memcpy(trial, result->theta, t->n_par * sizeof(double));
        for (size_t j = 0; j < t->p; j++)
            trial[t->place[j]] += t->step[j] / t->scale[j];
        result->n_iter++;
        SR_TICK(ctx);
        SR_TRY(evaluate(ctx, objective, trial, t, &f, &is_finite));
        const double gain = is_finite ? f - result->f : -INFINITY;
        const double noise = 1e-13 * (1 + fabs(result->f));
        const int is_nearer = is_finite && is_newton && length <= NEAR && is_flatter(t);
        const int is_taken = gain >= 0 || (is_last && gain >= -noise) || is_nearer;
        if (is_taken) {
            memcpy(result->theta, trial, t->n_par * sizeof(double));
            result->f = f;
            SR_TRY(set_model(t));
            result->is_converged = is_last;
            is_current = 1;
        } else {                            /* the model of the best point still stands */
            result->is_converged = is_last; /* only rounding is left to gain */
            is_current = 0;
        }
        if (!is_taken || (gain < promise / 4 - noise && !is_nearer))
            radius = length / 4;
        else if (gain > 0.75 * promise && length >= 0.99 * radius)
            radius = 2 * radius;
        if (is_last || !(radius > 1e-12))
            break;
    }
    result->is_converged |= t->p == 0;
    if (is_current)
        return SR_OK;
    double same;
    SR_TRY(evaluate(ctx, objective, result->theta, t, &same, &is_current));
    return set_model(t);
}

sr_status sr_trust(sr_context *ctx, const sr_objective *objective, const sr_trust_control *control,
                   sr_trust_result *result)
{
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    trust t;
    double *trial;
    int is_finite;
    SR_TRY(trust_take(ctx, objective->n_par, control->fixed, &t));
    SR_TAKE(trial, sr_arena_double(&ctx->arena, objective->n_par));
    SR_TRY(evaluate(ctx, objective, result->theta, &t, &result->f, &is_finite));
    result->f_start = result->f;
    result->n_iter = result->is_converged = 0;
    if (!is_finite)
        return SR_ERR_NOT_FINITE;
    if (result->info_start != NULL)
        memcpy(result->info_start, t.info, t.n_par * t.n_par * sizeof(double));
    SR_TRY(search(ctx, objective, control, &t, trial, result));
    finish(&t, result);
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}
