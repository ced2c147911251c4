/* test_cox_exact.c -- symmetric functions, the exact and the penalised likelihood, by definition */
#include "core_symmetric.h"
#include "model_cox_exact.h"
#include "model_cox_firth.h"
#include "model_cox_jeffreys.h"
#include "oracle.h"
#include <stdlib.h>

enum { N_ITEM = 9, N_COLUMN = 3, N_LOWER = N_COLUMN * (N_COLUMN + 1) / 2 };

/* The subset's sums of z; returns its log size. */
static long double sum_subset(unsigned set, const double *log_size, double z[N_ITEM][N_COLUMN],
                              long double *sum)
{
    long double log_of_set = 0;
    for (size_t j = 0; j < N_COLUMN; j++)
        sum[j] = 0;
    for (size_t i = 0; i < N_ITEM; i++)
        if (set >> i & 1) {
            log_of_set += log_size[i];
            for (size_t j = 0; j < N_COLUMN; j++)
                sum[j] += z[i][j];
        }
    return log_of_set;
}

/* Sums over all subsets of d of the items: log G0, mean, spread. Sizes are relative to the largest,
 * spreads about the mean, so that a `long double` of 64 bits (valgrind's) is enough. */
static double list_subsets(size_t d, const double *log_size, double z[N_ITEM][N_COLUMN],
                           double *mean, double *spread)
{
    long double top = -INFINITY, total = 0, sum[N_COLUMN], first[N_COLUMN] = {0};
    long double second[N_LOWER] = {0};
    for (int pass = 0; pass < 3; pass++) {
        for (unsigned set = 0; set < 1u << N_ITEM; set++) {
            if ((size_t)__builtin_popcount(set) != d)
                continue;
            const long double log_of_set = sum_subset(set, log_size, z, sum);
            const long double size = expl(log_of_set - top);
            if (pass == 0)
                top = fmaxl(top, log_of_set);
            if (pass == 1)
                total += size;
            for (size_t j = 0; pass == 1 && j < N_COLUMN; j++)
                first[j] += size * sum[j];
            for (size_t j = 0, at = 0; pass == 2 && j < N_COLUMN; j++)
                for (size_t k = 0; k <= j; k++, at++)
                    second[at] += size * (sum[j] - first[j]) * (sum[k] - first[k]);
        }
        for (size_t j = 0; pass == 1 && j < N_COLUMN; j++)
            first[j] /= total;
    }
    for (size_t j = 0; j < N_COLUMN; j++)
        mean[j] = (double)first[j];
    for (size_t at = 0; at < N_LOWER; at++)
        spread[at] = (double)(second[at] / total);
    return (double)(top + logl(total));
}

/* `apart` stretches the sizes: 400 makes products leave a double's range. */
static void check_symmetric(uint64_t seed, double apart)
{
    check_random random = {seed};
    sr_context ctx = {.n_thread = 1};
    sr_symmetric state;
    double log_size[N_ITEM], z[N_ITEM][N_COLUMN], outer[N_LOWER];
    CHECK_OK(sr_symmetric_take(&ctx, N_COLUMN, N_ITEM, &state));
    for (size_t i = 0; i < N_ITEM; i++) {
        sr_symmetric_item item = {.z = z[i], .outer = outer};
        log_size[i] = apart * (2 * check_uniform(&random) - 1);
        for (size_t j = 0, at = 0; j < N_COLUMN; j++) {
            z[i][j] = check_normal(&random);
            for (size_t k = 0; k <= j; k++)
                outer[at++] = z[i][j] * z[i][k];
        }
        sr_symmetric_size(log_size[i], &item);
        sr_symmetric_add(&state, N_ITEM, &item);
    }
    for (size_t d = 1; d <= N_ITEM; d++) {
        double mean[N_COLUMN], spread[N_LOWER] = {0}, want_mean[N_COLUMN], want_spread[N_LOWER];
        const double want = list_subsets(d, log_size, z, want_mean, want_spread);
        CHECK_NEAR(sr_symmetric_read(&state, d, mean, spread), want, 1e-13);
        CHECK_CLOSE(N_COLUMN, mean, want_mean, 1e-12);
        for (size_t at = 0; at < N_LOWER; at++)
            CHECK_NEAR(spread[at], want_spread[at], 1e-12);
    }
    sr_arena_free(&ctx.arena);
}

TEST(symmetric_functions_are_sums_over_subsets)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        check_symmetric(seed, 1);
        check_symmetric(seed, 30);
        check_symmetric(seed, 400);
    }
}

TEST(symmetric_functions_of_equal_items_count_the_ways)
{
    enum { N = 3000, D = 700 };
    sr_context ctx = {.n_thread = 1};
    sr_symmetric state;
    sr_symmetric_item item = {0};
    double none[1];
    CHECK_OK(sr_symmetric_take(&ctx, 0, D, &state));
    sr_symmetric_size(0, &item);
    for (int i = 0; i < N; i++)
        sr_symmetric_add(&state, D, &item);
    CHECK_NEAR(sr_symmetric_read(&state, D, none, none),
               lgamma(N + 1.0) - lgamma(D + 1.0) - lgamma(N - D + 1.0), 1e-12);
    /* one item far smaller than all others changes nothing, one far larger is in every set */
    const double before = sr_symmetric_read(&state, D - 1, none, none);
    sr_symmetric_size(-1e6, &item);
    sr_symmetric_add(&state, D, &item);
    CHECK_NEAR(sr_symmetric_read(&state, D - 1, none, none), before, 1e-14);
    sr_symmetric_size(1e6, &item);
    sr_symmetric_add(&state, D, &item);
    CHECK_NEAR(sr_symmetric_read(&state, D, none, none), before + 1e6, 1e-14);
    sr_arena_free(&ctx.arena);
}

/* log-likelihood + log det of the information / 2, in long double */
static long double penalised(const sr_cox_data *data, int is_efron, const double *beta)
{
    oracle_result at = {0};
    const size_t p = data->x.p;
    long double value, *m = at.info;
    oracle_cox(data, is_efron, beta, &at);
    value = at.loglik;
    for (size_t k = 0; k < p; k++) {
        value += logl(m[k * p + k]) / 2;
        for (size_t i = k + 1; i < p; i++)
            for (size_t j = k + 1; j < p; j++)
                m[i * p + j] -= m[i * p + k] * m[k * p + j] / m[k * p + k];
    }
    return value;
}

static void check_firth(const design_spec *spec, int is_efron)
{
    const size_t p = spec->p;
    const double step = 1e-4;
    double coef[MOST_P], var[MOST_P * MOST_P], means[MOST_P], score[MOST_P];
    design d;
    design_make(spec, &d);
    sr_context ctx = {.n_thread = 1};
    sr_cox_fit fit = {.coef = coef, .var = var, .means = means, .score = score};
    sr_cox_control control = {.is_efron = is_efron,
                              .eps = 1e-13,
                              .tol_chol = 1e-12,
                              .init = d.truth,
                              .is_centred = all_centred};
    CHECK_OK(sr_cox_firth_fit(&ctx, &d.data, &control, NULL, &fit));
    CHECK_NEAR(fit.loglik[1], (double)penalised(&d.data, is_efron, d.truth), 1e-12);
    for (size_t j = 0; j < p; j++) {
        double beta[MOST_P];
        long double slope = 0;
        for (int side = -1; side <= 1; side += 2) {
            memcpy(beta, d.truth, sizeof beta);
            beta[j] += side * step;
            slope += side * 8 * penalised(&d.data, is_efron, beta);
            beta[j] += side * step;
            slope -= side * penalised(&d.data, is_efron, beta);
        }
        CHECK_NEAR(score[j], (double)(slope / (12 * step)), 1e-7 * (1 + fabs(score[j])));
    }
    /* at the maximum the slope is gone */
    control.max_iter = 50;
    CHECK_OK(sr_cox_firth_fit(&ctx, &d.data, &control, NULL, &fit));
    CHECK(fit.is_converged);
    for (size_t j = 0; j < p; j++)
        CHECK(fabs(score[j]) * sqrt(var[j * p + j]) < 1e-8);
    sr_arena_free(&ctx.arena);
    design_free(&d);
}

TEST(firth_is_the_likelihood_with_the_root_of_the_determinant)
{
    for (int which = 0; which < 16; which++) {
        const design_spec spec = {.n = 40,
                                  .p = 1 + (size_t)(which % 4),
                                  .n_stratum = 1 + which / 8,
                                  .n_day = which % 3 == 0 ? 0 : 12,
                                  .has_start = (which & 1) != 0,
                                  .has_weight = (which & 2) != 0,
                                  .has_offset = (which & 4) != 0,
                                  .risk_sd = 0.8,
                                  .seed = 500 + (uint64_t)which};
        check_firth(&spec, 0);
        check_firth(&spec, 1);
    }
}

TEST(exact_refuses_what_would_take_days)
{
    enum { N = 400000, P = 60 };
    double *column = calloc(N, sizeof(double)), *event = calloc(N, sizeof(double));
    const double *x[P];
    double coef[P], var[P * P], means[P];
    int is_centred[P];
    for (size_t i = 0; i < N; i++) {
        column[i] = 1 + (double)(i % 7);
        event[i] = (double)(i % 2);
    }
    for (size_t j = 0; j < P; j++) {
        x[j] = column;
        is_centred[j] = 1;
    }
    double *stop = calloc(N, sizeof(double));
    for (size_t i = 0; i < N; i++)
        stop[i] = 1;
    const sr_cox_data data = {.times = {.n = N, .stop = stop, .event = event, .n_stratum = 1},
                              .x = {.n = N, .p = P, .x = x}};
    const sr_cox_control control = {
        .max_iter = 20, .eps = 1e-9, .tol_chol = 1e-12, .is_centred = is_centred};
    sr_cox_fit fit = {.coef = coef, .var = var, .means = means};
    sr_context ctx = {.n_thread = 1};
    CHECK_STATUS(SR_ERR_TOO_MANY_TIES, sr_cox_exact_fit(&ctx, &data, &control, &fit));
    sr_arena_free(&ctx.arena);
    free(column);
    free(event);
    free(stop);
}

static int stop_at_once(void *count)
{
    return ++*(int *)count > 2;
}

TEST(exact_and_firth_stop_when_asked)
{
    const design_spec spec = {.n = 60, .p = 2, .n_stratum = 1, .n_day = 10, .seed = 3};
    double coef[2], var[4], means[2];
    int count = 0;
    design d;
    design_make(&spec, &d);
    const sr_cox_control control = {
        .max_iter = 20, .eps = 1e-9, .tol_chol = 1e-12, .is_centred = all_centred};
    sr_cox_fit fit = {.coef = coef, .var = var, .means = means};
    sr_context ctx = {.n_thread = 1, .tick = stop_at_once, .tick_data = &count};
    CHECK_STATUS(SR_ERR_INTERRUPT, sr_cox_exact_fit(&ctx, &d.data, &control, &fit));
    count = 0;
    CHECK_STATUS(SR_ERR_INTERRUPT, sr_cox_firth_fit(&ctx, &d.data, &control, NULL, &fit));
    sr_arena_free(&ctx.arena);
    design_free(&d);
}
