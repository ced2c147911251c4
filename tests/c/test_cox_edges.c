/* test_cox_edges.c -- the Cox kernel where data are extreme, empty or wrong, or it is stopped */
#include "oracle.h"
#include <stdlib.h>

static const sr_cox_control tight = {
    .is_efron = 1, .max_iter = 40, .eps = 1e-13, .tol_chol = 1e-12, .is_centred = all_centred};

typedef struct {
    double coef[MOST_P], var[MOST_P * MOST_P], means[MOST_P], score[MOST_P];
    sr_cox_fit fit;
} fitted;

static sr_status fit_with(sr_context *ctx, const sr_cox_data *data, const sr_cox_control *control,
                          fitted *out)
{
    *out = (fitted){.coef = {0}};
    out->fit =
        (sr_cox_fit){.coef = out->coef, .var = out->var, .means = out->means, .score = out->score};
    const sr_status status = sr_cox_fit_newton(ctx, data, control, &out->fit);
    sr_arena_free(&ctx->arena);
    return status;
}

static sr_status fit(const sr_cox_data *data, const sr_cox_control *control, fitted *out)
{
    sr_context ctx = {.n_thread = 1};
    return fit_with(&ctx, data, control, out);
}

/* Risks of 1e15 that come and go by delayed entry leave small risk sets their digits. */
TEST(cox_sums_survive_cancellation)
{
    enum { N = 400 };
    design d;
    design_make(
        &(design_spec){.n = N, .p = 2, .n_stratum = 1, .n_day = 60, .has_start = 1, .seed = 31},
        &d);
    check_random random = {8};
    for (size_t i = 0; i < N; i++)
        d.offset[i] = d.stop[i] < 20 ? 35 * check_uniform(&random) : check_normal(&random);
    d.data.offset = d.offset;
    const double zero[MOST_P] = {0};
    oracle_result at = {.hazard = NULL};
    oracle_cox(&d.data, 1, zero, &at);
    sr_cox_control once = tight;
    once.max_iter = 0;
    fitted f;
    CHECK_OK(fit(&d.data, &once, &f));
    CHECK_NEAR(f.fit.loglik[0], (double)at.loglik, 1e-12);
    for (size_t j = 0; j < 2; j++)
        CHECK_NEAR(f.score[j], (double)at.score[j], 1e-10);
    CHECK_OK(fit(&d.data, &tight, &f));
    oracle_cox(&d.data, 1, f.coef, &at);
    long double step[MOST_P];
    oracle_solve(2, at.info, at.score, step);
    for (size_t j = 0; j < 2; j++)
        CHECK(fabsl(step[j]) < 1e-6L * sqrtl(1 / at.info[j * 2 + j]));
    design_free(&d);
}

/* The estimate belongs to the covariates, not to their units or their distance from zero. */
TEST(cox_fit_follows_units_and_origin)
{
    const double unit[] = {1, 1e-6, 1e6, 1e3}, origin[] = {0, 0, 0, 1e6};
    design d;
    design_make(
        &(design_spec){.n = 300, .p = 2, .n_stratum = 2, .n_day = 50, .risk_sd = 0.7, .seed = 6},
        &d);
    fitted first, f;
    CHECK_OK(fit(&d.data, &tight, &first));
    double before = 1, from = 0;
    for (int k = 1; k < 4; k++) {
        for (size_t i = 0; i < 300; i++)
            d.x[0][i] = (d.x[0][i] - from) / before * unit[k] + origin[k];
        before = unit[k];
        from = origin[k];
        CHECK_OK(fit(&d.data, &tight, &f));
        CHECK(f.fit.is_converged && f.fit.rank == 2);
        CHECK(fabs(f.coef[0] * unit[k] / first.coef[0] - 1) < 1e-8);
        CHECK(fabs(f.coef[1] / first.coef[1] - 1) < 1e-8);
        CHECK(fabs(f.var[0] * unit[k] * unit[k] / first.var[0] - 1) < 1e-8);
        CHECK_NEAR(f.fit.loglik[1], first.fit.loglik[1], 1e-10);
    }
    design_free(&d);
}

/* Strata whose covariate lies 3e4 apart: each has its own centre. */
TEST(cox_fit_of_strata_far_apart)
{
    design d;
    design_make(
        &(design_spec){.n = 300, .p = 2, .n_stratum = 3, .n_day = 40, .risk_sd = 0.7, .seed = 14},
        &d);
    fitted near, far;
    CHECK_OK(fit(&d.data, &tight, &near));
    for (size_t i = 0; i < 300; i++)
        d.x[0][i] += 0x1p15 * d.stratum[i];
    CHECK_OK(fit(&d.data, &tight, &far));
    CHECK_CLOSE(2, far.coef, near.coef, 1e-9);
    CHECK_CLOSE(4, far.var, near.var, 1e-9);
    design_free(&d);
}

TEST(cox_fit_leaves_aliased_columns_out)
{
    design d;
    design_make(
        &(design_spec){.n = 200, .p = 4, .n_stratum = 1, .n_day = 50, .risk_sd = 0.5, .seed = 2},
        &d);
    for (size_t i = 0; i < 200; i++) {
        d.x[1][i] = 7;                             /* constant */
        d.x[3][i] = 2 * d.x[0][i] - d.x[2][i] + 1; /* depends on two others */
    }
    fitted f, alone;
    CHECK_OK(fit(&d.data, &tight, &f));
    CHECK(f.fit.rank == 2 && f.fit.is_converged);
    CHECK(f.coef[1] == 0 && f.coef[3] == 0);
    for (size_t j = 0; j < 4; j++)
        CHECK(f.var[4 + j] == 0 && f.var[j * 4 + 3] == 0 && f.var[j * 4 + 1] == 0);
    d.x[1] = d.x[2];
    d.data.x.p = 2;
    CHECK_OK(fit(&d.data, &tight, &alone));
    CHECK_NEAR(f.coef[0], alone.coef[0], 1e-9);
    CHECK_NEAR(f.coef[2], alone.coef[1], 1e-9);
    CHECK_NEAR(f.fit.loglik[1], alone.fit.loglik[1], 1e-11);
    design_free(&d);
}

TEST(cox_null_model_has_a_likelihood)
{
    design d;
    design_make(
        &(design_spec){.n = 150, .p = 1, .n_stratum = 2, .n_day = 30, .has_offset = 1, .seed = 4},
        &d);
    d.data.x.p = 0;
    oracle_result at = {.hazard = NULL};
    const double none[1] = {0};
    oracle_cox(&d.data, 1, none, &at);
    fitted f;
    CHECK_OK(fit(&d.data, &tight, &f));
    CHECK_NEAR(f.fit.loglik[0], (double)at.loglik, 1e-12);
    CHECK(f.fit.loglik[0] == f.fit.loglik[1] && f.fit.is_converged);
    design_free(&d);
}

TEST(cox_fit_names_what_is_wrong)
{
    design d;
    design_make(
        &(design_spec){.n = 100, .p = 1, .n_stratum = 1, .n_day = 30, .has_start = 1, .seed = 4},
        &d);
    fitted f;
    sr_cox_control control = tight;
    d.start[42] = d.stop[42] - 1e-10;
    control.tol_time = 1e-9;
    sr_context ctx = {.n_thread = 1};
    f.fit = (sr_cox_fit){.coef = f.coef, .var = f.var, .means = f.means};
    CHECK_STATUS(SR_ERR_INTERVAL, sr_cox_fit_newton(&ctx, &d.data, &control, &f.fit));
    CHECK(f.fit.bad_row == 42);
    sr_arena_free(&ctx.arena);
    for (size_t i = 0; i < 100; i++)
        d.event[i] = 0;
    CHECK_STATUS(SR_ERR_NO_EVENT, fit(&d.data, &tight, &f));
    design_free(&d);
}

/* All events in one group: the likelihood rises for ever, and the fit ends without a NaN. */
TEST(cox_fit_without_a_maximum_stays_finite)
{
    design d;
    design_make(
        &(design_spec){.n = 120, .p = 2, .n_stratum = 1, .n_day = 30, .risk_sd = 0.5, .seed = 19},
        &d);
    for (size_t i = 0; i < 120; i++)
        d.x[1][i] = d.event[i] != 0;
    fitted f;
    CHECK_OK(fit(&d.data, &tight, &f));
    CHECK(f.coef[1] > 8);
    CHECK(isfinite(f.coef[0]) && isfinite(f.coef[1]) && isfinite(f.fit.loglik[1]));
    CHECK(f.fit.loglik[1] >= f.fit.loglik[0]);
    design_free(&d);
}

/* Three rows: the likelihood rises towards 0 along a ridge where the information drowns in
 * rounding. Stopping on the way is no maximum, in any order of the rows (unless one column is
 * taken for the other's copy). */
TEST(cox_fit_is_not_converged_half_way_up_a_ridge)
{
    static const size_t order[2][3] = {{0, 1, 2}, {2, 0, 1}};
    static const double stop[3] = {14, 26, 19}, event[3] = {1, 1, 0},
                        x[2][3] = {{-0.00075, -437500, 0.0005}, {0.00228125, 2312500, -0.0039375}};
    for (size_t way = 0; way < 2; way++) {
        double stop_of[3], event_of[3], x_of[2][3];
        const double *columns[2] = {x_of[0], x_of[1]};
        for (size_t i = 0; i < 3; i++) {
            stop_of[i] = stop[order[way][i]];
            event_of[i] = event[order[way][i]];
            for (size_t j = 0; j < 2; j++)
                x_of[j][i] = x[j][order[way][i]];
        }
        const sr_cox_data data = {
            .times = {.n = 3, .stop = stop_of, .event = event_of, .n_stratum = 1},
            .x = {.n = 3, .p = 2, .x = columns}};
        sr_cox_control control = tight;
        control.eps = control.tol_chol = 1e-11;
        control.max_iter = 25;
        fitted f;
        CHECK_OK(fit(&data, &control, &f));
        const int is_regular = f.fit.is_converged && f.fit.rank == 2;
        CHECK(!is_regular || f.fit.loglik[1] > -1e-6);
    }
}

/* Linear predictors of 1e4 are centred before exp. */
TEST(cox_fit_bears_large_offsets)
{
    design d;
    design_make(
        &(design_spec){.n = 200, .p = 2, .n_stratum = 2, .n_day = 40, .risk_sd = 0.5, .seed = 23},
        &d);
    fitted near, far;
    CHECK_OK(fit(&d.data, &tight, &near));
    for (size_t i = 0; i < 200; i++)
        d.offset[i] = d.stratum[i] == 0 ? 8192 : -4096;
    d.data.offset = d.offset;
    CHECK_OK(fit(&d.data, &tight, &far));
    CHECK_CLOSE(2, far.coef, near.coef, 1e-8);
    CHECK_NEAR(far.fit.loglik[1], near.fit.loglik[1], 1e-9);
    design_free(&d);
}

static int stop_after(void *left)
{
    return --*(int *)left < 0;
}

TEST(cox_fit_stops_wherever_it_is_told)
{
    design d;
    design_make(
        &(design_spec){.n = 500, .p = 3, .n_stratum = 2, .n_day = 40, .risk_sd = 0.5, .seed = 7},
        &d);
    fitted f;
    int n_stopped = 0, left;
    for (int most = 0; most < 1000; most++) {
        left = most;
        sr_context ctx = {.n_thread = 2, .tick = stop_after, .tick_data = &left};
        const sr_status status = fit_with(&ctx, &d.data, &tight, &f);
        if (status == SR_OK)
            break;
        CHECK(status == SR_ERR_INTERRUPT);
        n_stopped++;
    }
    CHECK(n_stopped > 5 && n_stopped < 1000);
    CHECK(f.fit.is_converged);
    design_free(&d);
}

/* The linker sends every calloc() and malloc() of the kernels here (--wrap): the k-th one fails. */
static int n_allocation_left = -1;
static size_t n_byte_taken = 0;
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
    if (n_allocation_left == 0)
        return NULL;
    if (n_allocation_left > 0)
        n_allocation_left--;
    n_byte_taken += count * size;
    return __real_calloc(count, size);
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    if (n_allocation_left == 0)
        return NULL;
    if (n_allocation_left > 0)
        n_allocation_left--;
    n_byte_taken += size;
    return __real_malloc(size);
}

size_t check_bytes_taken(void)
{
    return n_byte_taken;
}

TEST(cox_fit_says_when_memory_is_out)
{
    design d;
    design_make(
        &(design_spec){
            .n = 30000, .p = 3, .n_stratum = 2, .has_start = 1, .risk_sd = 0.5, .seed = 7},
        &d);
    fitted f;
    int n_refused = 0;
    for (int allowed = 0; allowed < 1000; allowed++) {
        n_allocation_left = allowed;
        const sr_status status = fit(&d.data, &tight, &f);
        n_allocation_left = -1;
        if (status == SR_OK)
            break;
        CHECK(status == SR_ERR_MEMORY);
        n_refused++;
    }
    CHECK(n_refused > 5 && n_refused < 1000);
    design_free(&d);
}

/* Offsets so large that risks are taken relative to them, with rows laid out in order of time and
 * columns that almost depend on each other */
TEST(cox_residuals_do_not_see_a_far_offset)
{
    enum { N = 70000 };
    design d;
    design_make(&(design_spec){.n = N, .p = 2, .n_stratum = 2, .risk_sd = 0.7, .seed = 12}, &d);
    for (size_t i = 0; i < N; i++)
        d.x[1][i] = d.x[0][i] + 1e-3 * d.x[1][i];
    double *const near = calloc(2 * N, sizeof(double)), *const far = near + N;
    double coef[2], var[4];
    sr_cox_fit fit = {.coef = coef, .var = var, .martingale = near};
    sr_context ctx = {.n_thread = 1};
    CHECK_OK(sr_cox_fit_newton(&ctx, &d.data, &tight, &fit));
    sr_arena_free(&ctx.arena);
    for (size_t i = 0; i < N; i++)
        d.offset[i] = 300;
    d.data.offset = d.offset;
    fit.martingale = far;
    CHECK_OK(sr_cox_fit_newton(&ctx, &d.data, &tight, &fit));
    sr_arena_free(&ctx.arena);
    CHECK_CLOSE(N, far, near, 1e-9);
    free(near);
    design_free(&d);
}

/* Risk sets whose sums span the range of doubles, one death a time: none is lost in a product */
TEST(cox_likelihood_of_risks_across_the_range_of_doubles)
{
    double stop[] = {1, 2, 3, 4}, event[] = {1, 1, 1, 0}, offset[] = {300, 93, -252, -252};
    const sr_cox_data data = {
        .times = {.n = 4, .stop = stop, .event = event, .n_stratum = 1}, .x = {.n = 4}, offset};
    const double none[1] = {0};
    oracle_result at = {.hazard = NULL};
    oracle_cox(&data, 1, none, &at);
    fitted f;
    CHECK_OK(fit(&data, &tight, &f));
    CHECK_NEAR(f.fit.loglik[1], (double)at.loglik, 1e-12);
}

/* A sum that leaves the range of doubles is no likelihood, whoever dies at that time */
TEST(cox_sum_that_overflows_is_not_finite)
{
    double stop[] = {1, 1, 2}, event[] = {1, 1, 0}, weight[] = {1, 1, 1e250};
    double offset[] = {0, 0, 200};
    const sr_cox_data data = {
        .times = {.n = 3, .stop = stop, .event = event, .weight = weight, .n_stratum = 1},
        .x = {.n = 3},
        offset};
    for (int is_efron = 0; is_efron < 2; is_efron++) {
        sr_cox_control control = tight;
        control.is_efron = is_efron;
        fitted f;
        const sr_status status = fit(&data, &control, &f);
        CHECK(status != SR_OK || !isfinite(f.fit.loglik[1]));
    }
}
