/* test_optim.c -- Newton's method on functions whose maximum is known */
#include "check.h"
#include "core_optim.h"

enum { P = 2 };

typedef struct {
    double theta[P], gradient[P], info[P * P], inverse[P * P];
    sr_newton_result result;
} problem;

static sr_status run(sr_objective *objective, const sr_newton_control *control, double a, double b,
                     problem *out)
{
    sr_context ctx = {.n_thread = 1};
    *out = (problem){.theta = {a, b}};
    out->result = (sr_newton_result){
        .theta = out->theta, .gradient = out->gradient, .info = out->info, .inverse = out->inverse};
    const sr_status status = sr_newton(&ctx, objective, control, &out->result);
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
    if (g != NULL) {
        g[0] = -2 * a - b;
        g[1] = -4 * b - a;
    }
    if (info != NULL) {
        info[0] = 2;
        info[1] = info[2] = 1;
        info[3] = 4;
    }
    return SR_OK;
}

TEST(newton_solves_a_quadratic_at_once)
{
    problem p;
    sr_objective objective = {.n_par = P, .eval = quadratic};
    const sr_newton_control control = {.max_iter = 20, .eps = 1e-12, .tol_chol = 1e-12};
    CHECK_OK(run(&objective, &control, 0, 0, &p));
    CHECK(p.result.is_converged && p.result.n_iter == 2 && p.result.rank == P);
    CHECK_NEAR(p.theta[0], 3, 1e-12);
    CHECK_NEAR(p.theta[1], -1, 1e-12);
    CHECK_NEAR(p.result.f, -5, 1e-12);
    CHECK_NEAR(p.result.f_start, -9 - 2 + 3 - 5, 1e-12);
    CHECK_NEAR(p.inverse[0], 4.0 / 7, 1e-12);
    CHECK_NEAR(p.inverse[1], -1.0 / 7, 1e-12);
    /* g' I^-1 g = 2 (f_max - f_start) for a quadratic */
    CHECK_NEAR(p.result.score_test, 2 * (p.result.f - p.result.f_start), 1e-10);
}

TEST(newton_holds_fixed_parameters)
{
    problem p;
    sr_objective objective = {.n_par = P, .eval = quadratic};
    const int fixed[P] = {0, 1};
    const sr_newton_control control = {
        .max_iter = 20, .eps = 1e-12, .tol_chol = 1e-12, .fixed = fixed};
    CHECK_OK(run(&objective, &control, 0, 1, &p));
    CHECK(p.theta[1] == 1);
    CHECK_NEAR(p.theta[0], 2, 1e-12);
    CHECK(p.result.rank == 1);
}

/* log(t) - t in each, far from its quadratic: -Inf or NaN left of 0 */
static sr_status gamma_like(sr_context *ctx, const double *theta, double *f, double *g,
                            double *info, void *data)
{
    (void)ctx;
    (void)data;
    *f = log(theta[0]) - theta[0] + log(theta[1]) - theta[1];
    if (g != NULL)
        for (size_t j = 0; j < P; j++)
            g[j] = 1 / theta[j] - 1;
    if (info != NULL) {
        info[1] = info[2] = 0;
        info[0] = 1 / (theta[0] * theta[0]);
        info[3] = 1 / (theta[1] * theta[1]);
    }
    return SR_OK;
}

TEST(newton_cuts_steps_that_leave_the_domain)
{
    problem p;
    sr_objective objective = {.n_par = P, .eval = gamma_like};
    const sr_newton_control control = {.max_iter = 50, .eps = 1e-13, .tol_chol = 1e-12};
    CHECK_OK(run(&objective, &control, 2.7, 0.3, &p)); /* the first step goes to -1.9 */
    CHECK(p.result.is_converged && p.result.n_halving > 0);
    CHECK_NEAR(p.theta[0], 1, 1e-6);
    CHECK_NEAR(p.theta[1], 1, 1e-6);
}

TEST(newton_says_when_it_has_not_converged)
{
    problem p;
    sr_objective objective = {.n_par = P, .eval = gamma_like};
    sr_newton_control control = {.max_iter = 1, .eps = 1e-13, .tol_chol = 1e-12};
    CHECK_OK(run(&objective, &control, 0.1, 0.1, &p));
    CHECK(!p.result.is_converged && p.result.n_iter == 1);
    CHECK_NEAR(p.theta[0], 0.1 + 0.1 * 0.9, 1e-12);
    control.max_iter = 0;
    CHECK_OK(run(&objective, &control, 0.1, 0.2, &p));
    CHECK(p.theta[0] == 0.1 && p.theta[1] == 0.2 && p.result.n_iter == 0);
    CHECK_NEAR(p.gradient[0], 9, 1e-12);
    control.max_iter = 10;
    CHECK_OK(run(&objective, &control, -1, 1, &p)); /* no value at the start: it stays there */
    CHECK(!p.result.is_converged && p.theta[0] == -1);
}

/* Leaves gradient and information alone where there is no value. */
static sr_status silent(sr_context *ctx, const double *theta, double *f, double *g, double *info,
                        void *data)
{
    *f = -INFINITY;
    return theta[0] > 0 ? gamma_like(ctx, theta, f, g, info, data) : SR_OK;
}

TEST(newton_reads_nothing_where_there_is_no_value)
{
    problem p;
    sr_objective objective = {.n_par = P, .eval = silent};
    const sr_newton_control control = {.max_iter = 50, .eps = 1e-13, .tol_chol = 1e-12};
    CHECK_OK(run(&objective, &control, -1, 1, &p));
    CHECK(!p.result.is_converged && p.result.rank == 0 && p.result.score_test == 0);
    for (size_t j = 0; j < P; j++)
        CHECK(p.gradient[j] == 0 && p.info[j * P + j] == 0 && p.inverse[j * P + j] == 0);
    CHECK_OK(run(&objective, &control, 2.7, 0.3, &p));
    CHECK(p.result.is_converged && p.result.n_halving > 0);
    CHECK_NEAR(p.theta[0], 1, 1e-6);
}

/* As the quadratic, but it tells no information on b, though its gradient there is not 0. */
static sr_status blind(sr_context *ctx, const double *theta, double *f, double *g, double *info,
                       void *data)
{
    const sr_status status = quadratic(ctx, theta, f, g, info, data);
    info[1] = info[2] = info[3] = 0;
    return status;
}

TEST(newton_does_not_take_blindness_for_a_maximum)
{
    problem p;
    sr_objective objective = {.n_par = P, .eval = blind};
    const sr_newton_control control = {.max_iter = 20, .eps = 1e-9, .tol_chol = 1e-12};
    CHECK_OK(run(&objective, &control, 3, 4, &p));
    CHECK(p.result.rank == 1 && !p.result.is_converged && p.result.n_iter == 20);
    CHECK_OK(run(&objective, &control, 2, -1, &p)); /* here the gradient is 0 where it is blind */
    CHECK(p.result.rank == 1 && p.result.is_converged);
    CHECK_NEAR(p.theta[0], 3, 1e-12);
}

static sr_status interrupted(sr_context *ctx, const double *theta, double *f, double *g,
                             double *info, void *data)
{
    if (++*(int *)data == 3)
        return SR_ERR_INTERRUPT;
    return gamma_like(ctx, theta, f, g, info, NULL);
}

TEST(newton_passes_a_status_on)
{
    problem p;
    int n_call = 0;
    sr_objective objective = {.n_par = P, .eval = interrupted, .data = &n_call};
    const sr_newton_control control = {.max_iter = 50, .eps = 1e-13, .tol_chol = 1e-12};
    CHECK_STATUS(SR_ERR_INTERRUPT, run(&objective, &control, 0.1, 0.1, &p));
    CHECK(n_call == 3);
}
