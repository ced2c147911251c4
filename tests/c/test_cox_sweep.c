/* test_cox_sweep.c -- columns that almost depend on each other, against the oracle
 *
 * A 0/1 column b, a column x that lies 1e4 standard deviations from 0, and b x: of the later of the
 * pair 1e-8 is left once the earlier is accounted for. In doubles, the information as it stands then
 * gives a variance that is right to 1e-7. The oracle is given the same model without that trouble:
 * with FAR taken from x (no digit is lost), the columns are
 *
 *     z = (b, x - FAR, b (x - FAR), ...),      b x = z_2 + FAR z_0,
 *
 * so that beta'x = gamma'z + constant with gamma_0 = beta_0 + FAR beta_2, and the variance of beta
 * is that of gamma with FAR times row and column 2 taken from row and column 0. The score test is
 * the same.
 */
#include "model_cox_resid.h"
#include "oracle.h"
#include <stdlib.h>

enum { N_COLUMN = 4, N_CELL = N_COLUMN * N_COLUMN };
static const double FAR = 1e10;

/* b, x, b x, and another one; with `with_copy` the last is a copy of the first. */
static void far_design(size_t n, int which, int with_copy, design *out)
{
    const design_spec spec = {.n = n,
                              .p = N_COLUMN,
                              .n_stratum = which % 2 == 0 ? 1 : 3,
                              .n_day = which % 3 == 0 ? 0 : 25,
                              .has_start = which & 1,
                              .has_weight = (which & 2) != 0,
                              .has_offset = (which & 4) != 0,
                              .risk_sd = 0.6,
                              .seed = 500 + (uint64_t)which};
    design_make(&spec, out);
    for (size_t i = 0; i < n; i++) {
        const double is_in_group = out->x[2][i];
        out->x[0][i] = is_in_group;
        out->x[1][i] = FAR + 1e6 * out->x[1][i];
        out->x[2][i] = is_in_group * out->x[1][i];
        if (with_copy)
            out->x[3][i] = is_in_group;
    }
}

typedef struct {
    double coef[N_COLUMN], var[N_CELL];
    double *eta;
    sr_cox_fit fit;
} fitted;

static const int is_centred[N_COLUMN] = {0, 1, 1, 1};

static void fit_far(const design *d, int which, int n_thread, const double *init, fitted *out)
{
    const sr_cox_control control = {.is_efron = which % 2,
                                    .max_iter = init == NULL ? 40 : 0,
                                    .eps = 1e-13,
                                    .tol_chol = 1e-13,
                                    .init = init,
                                    .is_centred = is_centred};
    sr_context ctx = {.n_thread = n_thread};
    *out = (fitted){.eta = calloc(d->data.times.n, sizeof(double))};
    out->fit = (sr_cox_fit){.coef = out->coef, .var = out->var, .eta = out->eta};
    CHECK_OK(sr_cox_fit_newton(&ctx, &d->data, &control, &out->fit));
    sr_arena_free(&ctx.arena);
}

/* Inverse information and score test of the first p columns at beta, by the oracle */
static double oracle_variance(const design *d, int is_efron, size_t p, const double *beta,
                              double *var)
{
    const size_t n = d->data.times.n;
    double *const near = calloc(2 * n, sizeof(double));
    const double *const z[N_COLUMN] = {d->x[0], near, near + n, d->x[3]};
    double gamma[N_COLUMN] = {fma(FAR, beta[2], beta[0]), beta[1], beta[2], beta[3]};
    for (size_t i = 0; i < n; i++) {
        near[i] = d->x[1][i] - FAR;
        near[n + i] = d->x[0][i] * near[i];
    }
    sr_cox_data data = d->data;
    data.x = (sr_columns){.n = n, .p = p, .x = z};
    oracle_result at = {.hazard = NULL};
    long double solved[MOST_P], test = 0;
    oracle_cox(&data, is_efron, gamma, &at);
    free(near);
    oracle_solve(p, at.info, at.score, solved);
    for (size_t j = 0; j < p; j++)
        test += solved[j] * at.score[j];
    for (size_t k = 0; k < p; k++) {
        long double unit[MOST_P] = {0};
        unit[k] = 1;
        oracle_solve(p, at.info, unit, solved);
        for (size_t j = 0; j < p; j++)
            var[j * p + k] = (double)solved[j];
    }
    for (size_t j = 0; j < p; j++)
        var[j] -= FAR * var[2 * p + j];
    for (size_t j = 0; j < p; j++)
        var[j * p] -= FAR * var[j * p + 2];
    return (double)test;
}

/* The largest error, element by element, in standard errors */
static double variance_error(size_t p, const double *got, size_t stride, const double *want)
{
    double worst = 0;
    for (size_t j = 0; j < p; j++)
        for (size_t k = 0; k < p; k++)
            worst = fmax(worst, fabs(got[j * stride + k] - want[j * p + k]) /
                                    sqrt(want[j * p + j] * want[k * p + k]));
    return worst;
}

TEST(sweep_keeps_the_digits_of_a_factor_times_a_far_column)
{
    const double zero[N_COLUMN] = {0};
    for (int which = 0; which < 16; which++) {
        design d;
        fitted f;
        double want[N_CELL];
        far_design(120 + 30 * (size_t)(which % 4), which, 0, &d);
        fit_far(&d, which, 1, NULL, &f);
        CHECK(f.fit.is_converged && f.fit.rank == N_COLUMN);
        CHECK(f.fit.n_iter < 10);
        const double test = oracle_variance(&d, which % 2, N_COLUMN, zero, want);
        CHECK_NEAR(f.fit.score_test, test, 1e-9);
        oracle_variance(&d, which % 2, N_COLUMN, f.coef, want);
        CHECK(variance_error(N_COLUMN, f.var, N_COLUMN, want) < 1e-9);
        free(f.eta);
        design_free(&d);
    }
}

TEST(sweep_serves_a_fit_that_takes_no_step)
{
    const double init[N_COLUMN] = {-1999.6, -1e-7, 2e-7, 0.1}; /* on average 0.4 for the group */
    design d;
    fitted f;
    double want[N_CELL];
    far_design(150, 6, 0, &d);
    fit_far(&d, 6, 1, init, &f);
    const double test = oracle_variance(&d, 0, N_COLUMN, init, want);
    CHECK_NEAR(f.fit.score_test, test, 1e-9);
    CHECK(variance_error(N_COLUMN, f.var, N_COLUMN, want) < 1e-9);
    free(f.eta);
    design_free(&d);
}

TEST(sweep_leaves_aliased_columns_out)
{
    for (int which = 0; which < 4; which++) {
        design d;
        fitted f;
        double want[N_CELL];
        far_design(140, which, 1, &d);
        fit_far(&d, which, 1, NULL, &f);
        CHECK(f.fit.rank == N_COLUMN - 1);
        for (size_t j = 0; j < N_COLUMN; j++)
            CHECK(f.var[j * N_COLUMN + 3] == 0 && f.var[3 * N_COLUMN + j] == 0);
        oracle_variance(&d, which % 2, N_COLUMN - 1, f.coef, want);
        CHECK(variance_error(N_COLUMN - 1, f.var, N_COLUMN, want) < 1e-9);
        free(f.eta);
        design_free(&d);
    }
}

TEST(sweep_has_the_same_bits_on_any_threads)
{
    design d;
    fitted one, three;
    far_design(70000, 3, 0, &d);
    fit_far(&d, 3, 1, NULL, &one);
    fit_far(&d, 3, 3, NULL, &three);
    CHECK_SAME_BITS(N_CELL, one.var, three.var);
    CHECK_SAME_BITS(1, &one.fit.score_test, &three.fit.score_test);
    free(one.eta);
    free(three.eta);
    design_free(&d);
}

/* sum of (s_i V)'(s_i V) over rows or clusters, and u' (sum s_i' s_i)^-1 u, the latter with scores
 * in z */
static double long_robust(const design *d, const double *score, const double *var, const int *by,
                          double *out)
{
    const size_t n = d->data.times.n, p = N_COLUMN;
    long double *sum = calloc(n * p, sizeof(long double)), meat[N_CELL] = {0},
                total[N_COLUMN] = {0};
    long double solved[MOST_P], test = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < p; j++)
            sum[(size_t)by[i] * p + j] += score[j * n + i];
    for (size_t j = 0; j < p * p; j++)
        out[j] = 0;
    for (size_t g = 0; g < n; g++) {
        long double influence[N_COLUMN] = {0}, *const mine = sum + g * p;
        for (size_t j = 0; j < p * p; j++)
            influence[j % p] += mine[j / p] * var[j];
        for (size_t j = 0; j < p * p; j++)
            out[j] += (double)(influence[j / p] * influence[j % p]);
        mine[2] -= FAR * mine[0];
        for (size_t j = 0; j < p; j++) {
            total[j] += mine[j];
            for (size_t k = 0; k < p; k++)
                meat[j * p + k] += mine[j] * mine[k];
        }
    }
    oracle_solve(p, meat, total, solved);
    for (size_t j = 0; j < p; j++)
        test += total[j] * solved[j];
    free(sum);
    return (double)test;
}

TEST(robust_variance_keeps_the_digits_of_such_columns)
{
    for (int which = 0; which < 8; which++) {
        design d;
        fitted f;
        far_design(160, which, 0, &d);
        fit_far(&d, which, 1, NULL, &f);
        const size_t n = d.data.times.n;
        double *score = calloc(n * N_COLUMN, sizeof(double));
        double got[N_CELL], want[N_CELL], test = NAN, unused[N_CELL];
        int *by = calloc(n, sizeof(int));
        for (size_t i = 0; i < n; i++)
            by[i] = which < 4 ? (int)i : (int)(i * 7 % 31);
        sr_context ctx = {.n_thread = 1};
        sr_riskset rs;
        sr_cox_scores scores;
        const sr_cox_robust_in in = {
            .eta = f.eta, .var = f.var, .by = {which < 4 ? NULL : by, n}, .tol_chol = 1e-13};
        CHECK_OK(sr_cox_robust(&ctx, &d.data, which % 2, &in, got, &test));
        CHECK_OK(sr_riskset_make(&ctx, &d.data.times, which % 2, &rs));
        CHECK_OK(sr_cox_scores_open(&ctx, &d.data, &rs, f.eta, &scores));
        CHECK_OK(sr_cox_scores_all(&ctx, &scores, 1, score));
        long_robust(&d, score, f.var, by, want);
        CHECK(variance_error(N_COLUMN, got, N_COLUMN, want) < 1e-9);
        CHECK_OK(sr_cox_scores_open(&ctx, &d.data, &rs, NULL, &scores));
        CHECK_OK(sr_cox_scores_all(&ctx, &scores, 1, score));
        CHECK_NEAR(test, long_robust(&d, score, f.var, by, unused), 1e-9);
        sr_arena_free(&ctx.arena);
        free(score);
        free(by);
        free(f.eta);
        design_free(&d);
    }
}
