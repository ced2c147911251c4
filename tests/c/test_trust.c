/* test_trust.c -- Newton's method in a trust region, on functions whose maximum is known */
#include "check.h"
#include "core_optim_trust.h"

enum { MOST = 6 };

typedef struct {
    double theta[MOST], gradient[MOST], info[MOST * MOST], inverse[MOST * MOST], flat[MOST];
    double info_start[MOST * MOST];
    sr_trust_result result;
} problem;

static const sr_trust_control usual = {.max_iter = 200, .eps = 1e-6};

static sr_status run(const sr_objective *objective, const sr_trust_control *control,
                     const double *start, problem *out)
{
    sr_context ctx = {.n_thread = 1};
    *out = (problem){.theta = {0}};
    memcpy(out->theta, start, objective->n_par * sizeof(double));
    out->result = (sr_trust_result){.theta = out->theta,
                                    .gradient = out->gradient,
                                    .info = out->info,
                                    .inverse = out->inverse,
                                    .flat = out->flat,
                                    .info_start = out->info_start};
    const sr_status status = sr_trust(&ctx, objective, control, &out->result);
    sr_arena_free(&ctx.arena);
    return status;
}

/* -(a - 3)^2 - 2 (b + 1)^2 - (a - 3)(b + 1) - 5 */
static sr_status quadratic(sr_context *ctx, const double *theta, double *f, double *g, double *info,
                           void *data)
{
    const double a = theta[0] - 3, b = theta[1] + 1;
    (void)ctx;
    (void)data;
    *f = -a * a - 2 * b * b - a * b - 5;
    g[0] = -2 * a - b;
    g[1] = -4 * b - a;
    info[0] = 2;
    info[1] = info[2] = 1;
    info[3] = 4;
    return SR_OK;
}

TEST(trust_solves_a_quadratic_at_once)
{
    problem p;
    const sr_objective objective = {.n_par = 2, .eval = quadratic};
    CHECK_OK(run(&objective, &usual, (double[]){0, 0}, &p));
    CHECK(p.result.is_converged && p.result.is_definite && p.result.n_iter == 1);
    CHECK_NEAR(p.theta[0], 3, 1e-14);
    CHECK_NEAR(p.theta[1], -1, 1e-14);
    CHECK_NEAR(p.result.f, -5, 1e-14);
    CHECK_NEAR(p.result.f_start, -9 - 2 + 3 - 5, 1e-14);
    CHECK(p.result.scaled_gradient < 1e-12);
    const double inverse[] = {4.0 / 7, -1.0 / 7, -1.0 / 7, 2.0 / 7};
    CHECK_CLOSE(4, p.inverse, inverse, 1e-14);
    CHECK_SAME_BITS(4, p.info, p.info_start);
}

TEST(trust_holds_fixed_parameters)
{
    problem p;
    const int fixed[] = {0, 1}, both[] = {1, 1};
    const sr_objective objective = {.n_par = 2, .eval = quadratic};
    sr_trust_control control = {.max_iter = 200, .eps = 1e-6, .fixed = fixed};
    CHECK_OK(run(&objective, &control, (double[]){0, 1}, &p));
    CHECK(p.theta[1] == 1 && p.result.is_converged && p.result.is_definite);
    CHECK_NEAR(p.theta[0], 2, 1e-14);
    CHECK(p.gradient[1] == 0 && p.inverse[1] == 0 && p.inverse[3] == 0 && p.info[3] == 0);
    CHECK_NEAR(p.inverse[0], 0.5, 1e-14);
    control.fixed = both;
    CHECK_OK(run(&objective, &control, (double[]){0, 1}, &p));
    CHECK(p.theta[0] == 0 && p.theta[1] == 1 && p.result.n_iter == 0);
    CHECK(p.result.is_converged && p.result.is_definite && p.result.scaled_gradient == 0);
}

/* Rosenbrock's valley turned over: -(1 - a)^2 - 100 (b - a^2)^2, indefinite far up its walls */
static sr_status valley(sr_context *ctx, const double *theta, double *f, double *g, double *info,
                        void *data)
{
    const double a = theta[0], off = theta[1] - a * a, steep = *(double *)data;
    (void)ctx;
    *f = -(1 - a) * (1 - a) - steep * off * off;
    g[0] = 2 * (1 - a) + 4 * steep * off * a;
    g[1] = -2 * steep * off;
    info[0] = 2 - 4 * steep * (off - 2 * a * a);
    info[1] = info[2] = -4 * steep * a;
    info[3] = 2 * steep;
    return SR_OK;
}

TEST(trust_follows_a_curved_valley)
{
    static const double start[][2] = {{-1.2, 1}, {0, 50}, {30, -20}, {-5, -5}, {1, 1}};
    static const sr_trust_control patient = {.max_iter = 1000, .eps = 1e-6};
    for (double steep = 1; steep < 2e4; steep *= 10)
        for (size_t k = 0; k < sizeof start / sizeof *start; k++) {
            problem p;
            const sr_objective objective = {.n_par = 2, .eval = valley, .data = &steep};
            CHECK_OK(run(&objective, &patient, start[k], &p));
            CHECK(p.result.is_converged && p.result.is_definite);
            CHECK(steep > 100 || p.result.n_iter < 200);
            CHECK_NEAR(p.theta[0], 1, 1e-7);
            CHECK_NEAR(p.theta[1], 1, 1e-7);
            CHECK(p.result.scaled_gradient < 1e-6);
        }
}

/* A saddle at 0 and maxima at +-(1, 1): 2 a b - (a^4 + b^4) / 2 */
static sr_status saddle(sr_context *ctx, const double *theta, double *f, double *g, double *info,
                        void *data)
{
    const double a = theta[0], b = theta[1];
    (void)ctx;
    (void)data;
    *f = 2 * a * b - (pow(a, 4) + pow(b, 4)) / 2;
    g[0] = 2 * b - 2 * a * a * a;
    g[1] = 2 * a - 2 * b * b * b;
    info[0] = 6 * a * a;
    info[3] = 6 * b * b;
    info[1] = info[2] = -2;
    return SR_OK;
}

TEST(trust_leaves_a_saddle)
{
    const sr_objective objective = {.n_par = 2, .eval = saddle};
    static const double start[][2] = {{1e-3, 0}, {0.2, -0.1}, {-1, 1.1}, {5, 1e-8}, {-1e-9, -1}};
    for (size_t k = 0; k < sizeof start / sizeof *start; k++) {
        problem p;
        CHECK_OK(run(&objective, &usual, start[k], &p));
        CHECK(p.result.is_converged && p.result.is_definite);
        CHECK_NEAR(fabs(p.theta[0]), 1, 1e-9);
        CHECK_NEAR(p.theta[0] * p.theta[1], 1, 1e-9);
        CHECK_NEAR(p.result.f, 1, 1e-12);
    }
    /* on the saddle itself the gradient is 0: it goes where f curves upwards */
    problem p;
    CHECK_OK(run(&objective, &usual, (double[]){0, 0}, &p));
    CHECK(p.result.is_converged && p.result.is_definite);
    CHECK_NEAR(p.theta[0] * p.theta[1], 1, 1e-9);
}

/* -a^2 + b^2 - b^4 at (1, 0): the gradient never has a part along b. */
static sr_status ledge(sr_context *ctx, const double *theta, double *f, double *g, double *info,
                       void *data)
{
    const double a = theta[0], b = theta[1];
    (void)ctx;
    (void)data;
    *f = -a * a + b * b - pow(b, 4);
    g[0] = -2 * a;
    g[1] = 2 * b - 4 * b * b * b;
    info[0] = 2;
    info[1] = info[2] = 0;
    info[3] = 12 * b * b - 2;
    return SR_OK;
}

TEST(trust_leaves_a_ledge_along_which_the_gradient_is_nothing)
{
    problem p;
    const sr_objective objective = {.n_par = 2, .eval = ledge};
    CHECK_OK(run(&objective, &usual, (double[]){1, 0}, &p));
    CHECK(p.result.is_converged && p.result.is_definite && p.result.n_iter < 20);
    CHECK_NEAR(p.result.f, 0.25, 1e-12);
}

/* The quadratic with noise of 1e-8, as from terms of 1e8 that cancel: f falls for each good step,
 * the derivatives have their digits. */
static sr_status noisy(sr_context *ctx, const double *theta, double *f, double *g, double *info,
                       void *data)
{
    int *const n_call = data;
    SR_TRY(quadratic(ctx, theta, f, g, info, NULL));
    g[0] -= 1e-3 * pow(theta[0] - 3, 3); /* not solved at once */
    info[0] += 3e-3 * pow(theta[0] - 3, 2);
    *f -= 1e-8 * (*n_call)++;
    return SR_OK;
}

TEST(trust_does_not_repeat_a_step_that_rounding_refuses)
{
    for (double start = 1e-4; start > 1e-7; start /= 3) {
        problem p;
        int n_call = 0;
        const sr_objective objective = {.n_par = 2, .eval = noisy, .data = &n_call};
        CHECK_OK(run(&objective, &usual, (double[]){3 + start, -1}, &p));
        CHECK(p.result.is_converged && p.result.n_iter < 10);
        CHECK(p.result.scaled_gradient < 1e-6);
    }
}

/* log a - a + log b - b in units 1, 1e12: -Inf left of 0 */
static sr_status gamma_like(sr_context *ctx, const double *theta, double *f, double *g,
                            double *info, void *data)
{
    const double unit[] = {1, 1e12};
    (void)ctx;
    (void)data;
    *f = 0;
    memset(info, 0, 4 * sizeof(double));
    for (size_t j = 0; j < 2; j++) {
        const double x = theta[j] / unit[j];
        *f += log(x) - x;
        g[j] = (1 / x - 1) / unit[j];
        info[3 * j] = 1 / (x * x) / (unit[j] * unit[j]);
    }
    return SR_OK;
}

TEST(trust_stays_where_the_function_exists)
{
    const sr_objective objective = {.n_par = 2, .eval = gamma_like};
    static const double start[][2] = {{2.7, 0.3e12}, {50, 1e9}, {1e-5, 40e12}, {1e4, 1e16}};
    problem p;
    for (size_t k = 0; k < sizeof start / sizeof *start; k++) {
        CHECK_OK(run(&objective, &usual, start[k], &p));
        CHECK(p.result.is_converged && p.result.is_definite);
        CHECK_NEAR(p.theta[0], 1, 1e-9);
        CHECK_NEAR(p.theta[1] / 1e12, 1, 1e-9);
    }
    CHECK_STATUS(SR_ERR_NOT_FINITE, run(&objective, &usual, (double[]){-1, 1}, &p));
}

TEST(trust_says_when_it_was_cut_short)
{
    problem p;
    const sr_objective objective = {.n_par = 2, .eval = gamma_like};
    sr_trust_control control = {.max_iter = 1, .eps = 1e-6};
    CHECK_OK(run(&objective, &control, (double[]){0.1, 1e11}, &p));
    CHECK(!p.result.is_converged && p.result.n_iter == 1 && p.result.f > p.result.f_start);
    control.max_iter = 0;
    CHECK_OK(run(&objective, &control, (double[]){0.5, 1e12}, &p));
    CHECK(!p.result.is_converged && p.theta[0] == 0.5 && p.result.n_iter == 0);
    CHECK_NEAR(p.result.scaled_gradient, 0.5, 1e-12);
}

/* -(a + b - 1)^2: the data tell the sum and nothing else */
static sr_status ridge(sr_context *ctx, const double *theta, double *f, double *g, double *info,
                       void *data)
{
    const double off = theta[0] + theta[1] - 1;
    (void)ctx;
    (void)data;
    *f = -off * off;
    g[0] = g[1] = -2 * off;
    for (size_t k = 0; k < 4; k++)
        info[k] = 2;
    return SR_OK;
}

TEST(trust_names_a_flat_direction)
{
    problem p;
    const sr_objective objective = {.n_par = 2, .eval = ridge};
    CHECK_OK(run(&objective, &usual, (double[]){4, 0.5}, &p));
    CHECK(!p.result.is_definite);
    CHECK_NEAR(p.result.f, 0, 1e-12);
    CHECK_NEAR(p.theta[0] + p.theta[1], 1, 1e-6);
    CHECK_NEAR(fabs(p.flat[0]), 1, 1e-6);
    CHECK_NEAR(p.flat[0] + p.flat[1], 0, 1e-6);
    for (size_t k = 0; k < 4; k++)
        CHECK(p.inverse[k] == 0);
    /* with one of them held, there is nothing flat */
    const int fixed[] = {1, 0};
    const sr_trust_control held = {.max_iter = 200, .eps = 1e-6, .fixed = fixed};
    CHECK_OK(run(&objective, &held, (double[]){4, 0.5}, &p));
    CHECK(p.result.is_definite && p.result.is_converged && p.theta[0] == 4);
    CHECK_NEAR(p.theta[1], -3, 1e-12);
}

/* -e^-a - (b - 1)^2 rises for ever in a, and flattens */
static sr_status runaway(sr_context *ctx, const double *theta, double *f, double *g, double *info,
                         void *data)
{
    const double fall = exp(-theta[0]), off = theta[1] - 1;
    (void)ctx;
    (void)data;
    *f = -fall - off * off;
    g[0] = fall;
    g[1] = -2 * off;
    info[0] = fall;
    info[1] = info[2] = 0;
    info[3] = 2;
    return SR_OK;
}

TEST(trust_tells_what_was_known_at_the_start)
{
    problem p;
    const sr_objective objective = {.n_par = 2, .eval = runaway};
    CHECK_OK(run(&objective, &usual, (double[]){0, 0}, &p));
    CHECK_NEAR(p.theta[1], 1, 1e-9);
    CHECK(p.theta[0] > 20 && p.info[0] < 1e-8 * p.info_start[0]);
    CHECK(p.info_start[0] == 1 && p.info_start[3] == 2);
    CHECK(p.result.f > -1e-8 && p.result.n_iter < 60);
}

/* Ill-conditioned, but a maximum: correlation 1 - 5e-12 and scales that differ by 1e8 */
static sr_status narrow(sr_context *ctx, const double *theta, double *f, double *g, double *info,
                        void *data)
{
    const double a = theta[0] - 2, b = 1e8 * (theta[1] - 3e-8), r = 1 - 5e-12;
    (void)ctx;
    (void)data;
    *f = -(a * a + b * b) / 2 - r * a * b;
    g[0] = -a - r * b;
    g[1] = -1e8 * (b + r * a);
    info[0] = 1;
    info[1] = info[2] = 1e8 * r;
    info[3] = 1e16;
    return SR_OK;
}

TEST(trust_takes_a_narrow_ridge_for_the_maximum_that_it_is)
{
    problem p;
    const sr_objective objective = {.n_par = 2, .eval = narrow};
    CHECK_OK(run(&objective, &usual, (double[]){0, 0}, &p));
    CHECK(p.result.is_converged && p.result.is_definite);
    CHECK_NEAR(p.theta[0], 2, 1e-3);
    CHECK_NEAR(p.theta[1] * 1e8, 3, 1e-3);
    CHECK(p.result.scaled_gradient < 1e-10);
}

static sr_status interrupted(sr_context *ctx, const double *theta, double *f, double *g,
                             double *info, void *data)
{
    if (++*(int *)data == 3)
        return SR_ERR_INTERRUPT;
    return gamma_like(ctx, theta, f, g, info, NULL);
}

TEST(trust_passes_a_status_on)
{
    problem p;
    int n_call = 0;
    const sr_objective objective = {.n_par = 2, .eval = interrupted, .data = &n_call};
    CHECK_STATUS(SR_ERR_INTERRUPT, run(&objective, &usual, (double[]){0.1, 1e11}, &p));
    CHECK(n_call == 3);
}
