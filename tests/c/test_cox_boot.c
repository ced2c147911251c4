/* test_cox_boot.c -- resamples side by side against the oracle and against rows written out */
#include "model_cox_boot.h"
#include "model_cox_lanes.h"
#include "model_cox_layout.h"
#include "oracle.h"
#include <stdlib.h>

static design_spec spec_of(int which)
{
    return (design_spec){.n = 60 + 7 * (size_t)which,
                         .p = 1 + (size_t)(which % 4),
                         .n_stratum = 1 + which / 8 % 2,
                         .n_day = which % 3 == 0 ? 0 : 15,
                         .has_start = (which & 1) != 0,
                         .has_weight = (which & 2) != 0,
                         .has_offset = (which & 4) != 0,
                         .risk_sd = 0.6,
                         .seed = 4000 + (uint64_t)which};
}
enum { N_DESIGN = 16, N_REPLICATE = 19 };

/* The rows of a design, row i written out count[i * stride] times. */
static void write_out(const design *from, const int *count, size_t stride, design *out)
{
    size_t n = 0, at = 0;
    for (size_t i = 0; i < from->data.times.n; i++)
        n += (size_t)count[i * stride];
    size_t *order = calloc(n + 1, sizeof(size_t));
    for (size_t i = 0; i < from->data.times.n; i++)
        for (int copy = 0; copy < count[i * stride]; copy++)
            order[at++] = i;
    /* a reordering into more or fewer rows: lend the source that many */
    design lent = *from;
    lent.data.times.n = lent.data.x.n = n;
    design_reorder(&lent, order, out);
    free(order);
}

TEST(lanes_give_the_likelihood_of_the_rows_written_out)
{
    for (int which = 0; which < N_DESIGN; which++)
        for (int is_efron = 0; is_efron < 2; is_efron++) {
            const design_spec spec = spec_of(which);
            const size_t p = spec.p;
            const sr_cox_control control = tight_control(is_efron);
            design d;
            design_make(&spec, &d);
            sr_context ctx = {.n_thread = 1};
            sr_cox_scaling scaling;
            sr_resample plan;
            sr_rng *rng;
            sr_lane_data rows;
            sr_lanes batch;
            double theta[MOST_P];
            CHECK_OK(sr_cox_scaling_make(&ctx, &d.data, d.data.times.weight, NULL, &scaling));
            for (size_t j = 0; j < p; j++)
                theta[j] = (d.truth[j] + 0.1 * (double)j) / scaling.scale[j];
            CHECK_OK(sr_lane_data_make(&ctx, &d.data, &control, NULL, theta, &rows));
            CHECK_OK(sr_lanes_take(&ctx, &rows, &batch));
            CHECK_OK(sr_rng_take(&ctx, &rng));
            CHECK_OK(sr_resample_make(&ctx, spec.n, NULL, 9, &plan));
            for (size_t l = 0; l < SR_LANES; l++) {
                sr_resample_draw(&plan, rng, l, SR_LANES, batch.count + l);
                for (size_t j = 0; j < p; j++)
                    batch.theta[j * SR_LANES + l] = theta[j] * (1 + 0.1 * (double)l);
            }
            sr_lanes_dress(&rows, &batch);
            sr_lanes_evaluate(&rows, &batch);
            for (size_t l = 0; l < SR_LANES; l++) {
                design copies;
                oracle_result want = {0};
                double beta[MOST_P], got[MOST_P * MOST_P], expected[MOST_P * MOST_P];
                write_out(&d, batch.count + l, SR_LANES, &copies);
                for (size_t j = 0; j < p; j++)
                    beta[j] = batch.theta[j * SR_LANES + l] * scaling.scale[j];
                oracle_cox(&copies.data, is_efron, beta, &want);
                CHECK_NEAR(batch.f[l], (double)want.loglik, 1e-12);
                for (size_t j = 0; j < p; j++) {
                    got[j] = batch.score[j * SR_LANES + l] / scaling.scale[j];
                    expected[j] = (double)want.score[j];
                    for (size_t k = 0, n = p; k < n; k++)
                        expected[p + j * p + k] = (double)want.info[j * p + k];
                }
                CHECK(p + p * p <= MOST_P * MOST_P);
                for (size_t j = 0, at = 0; j < p; j++)
                    for (size_t k = 0; k <= j; k++, at++)
                        got[p + j * p + k] = got[p + k * p + j] =
                            batch.info[at * SR_LANES + l] / scaling.scale[j] / scaling.scale[k];
                CHECK_CLOSE(p * p, got + p, expected + p, 1e-10);
                for (size_t j = 0; j < p; j++) /* against the size of the information */
                    CHECK_NEAR(got[j], expected[j], 1e-10 * (1 + expected[p + j * p + j]));
                design_free(&copies);
            }
            sr_arena_free(&ctx.arena);
            design_free(&d);
        }
}

static sr_status boot_on(int n_thread, const design *d, const sr_cox_control *control, double *coef,
                         int *state)
{
    sr_context ctx = {.n_thread = n_thread};
    const sr_boot_design design = {
        .n_replicate = N_REPLICATE, .n_unit = d->data.times.n, .seed = 77};
    const sr_status status = sr_cox_boot(&ctx, &d->data, control, &design, coef, state);
    sr_arena_free(&ctx.arena);
    return status;
}

TEST(boot_is_the_fit_to_the_rows_written_out)
{
    for (int which = 0; which < N_DESIGN; which++) {
        const design_spec spec = spec_of(which);
        const size_t n = spec.n, p = spec.p;
        sr_cox_control control = tight_control(which % 5 != 0);
        design d;
        design_make(&spec, &d);
        control.init = d.truth;
        double *coef = calloc(N_REPLICATE * p, sizeof(double));
        double *again = calloc(N_REPLICATE * p, sizeof(double));
        int *count = calloc(n, sizeof(int)), state[N_REPLICATE], state_again[N_REPLICATE];
        CHECK_OK(boot_on(1, &d, &control, coef, state));
        CHECK_OK(boot_on(2, &d, &control, again, state_again));
        CHECK_SAME_BITS(N_REPLICATE * p, coef, again);
        sr_context ctx = {.n_thread = 1};
        sr_resample plan;
        sr_rng *rng;
        CHECK_OK(sr_resample_make(&ctx, n, NULL, 77, &plan));
        CHECK_OK(sr_rng_take(&ctx, &rng));
        for (size_t r = 0; r < N_REPLICATE; r++) {
            design copies;
            double got[MOST_P], want[MOST_P], var[MOST_P * MOST_P], means[MOST_P];
            sr_cox_fit fit = {.coef = want, .var = var, .means = means};
            sr_resample_draw(&plan, rng, r, 1, count);
            write_out(&d, count, 1, &copies);
            CHECK_OK(sr_cox_fit_newton(&ctx, &copies.data, &control, &fit));
            CHECK(state[r] == SR_BOOT_DONE);
            for (size_t j = 0; j < p; j++)
                got[j] = coef[j * N_REPLICATE + r];
            CHECK_CLOSE(p, got, want, 1e-8);
            design_free(&copies);
        }
        sr_arena_free(&ctx.arena);
        design_free(&d);
        free(coef);
        free(again);
        free(count);
    }
}

TEST(resamples_keep_the_size_of_each_group)
{
    enum { N = 50 };
    int group[N], count[N];
    sr_context ctx = {.n_thread = 1};
    sr_resample plan;
    sr_rng *rng;
    for (int u = 0; u < N; u++)
        group[u] = u % 3 == 0 ? 0 : 1 + u % 2;
    CHECK_OK(sr_resample_make(&ctx, N, group, 5, &plan));
    CHECK_OK(sr_rng_take(&ctx, &rng));
    double square = 0;
    for (size_t r = 0; r < 400; r++) {
        int drawn[3] = {0}, size[3] = {0};
        sr_resample_draw(&plan, rng, r, 1, count);
        for (int u = 0; u < N; u++) {
            drawn[group[u]] += count[u];
            size[group[u]]++;
            square += (count[u] - 1.0) * (count[u] - 1.0);
        }
        CHECK(memcmp(drawn, size, sizeof drawn) == 0);
    }
    /* counts have mean 1 and variance 1 - 1/size, near 0.94 here */
    CHECK_NEAR(square / (400 * N), 1 - 3.0 / N, 0.05);
    sr_arena_free(&ctx.arena);
}

TEST(streams_differ_and_draws_are_even)
{
    sr_context ctx = {.n_thread = 1};
    sr_rng *rng;
    CHECK_OK(sr_rng_take(&ctx, &rng));
    size_t seen[7] = {0}, n_same = 0;
    for (uint32_t stream = 0; stream < 700; stream++) {
        sr_rng_start(rng, 1, stream);
        const uint32_t one = sr_rng_below(rng, UINT32_MAX);
        seen[sr_rng_below(rng, 7)]++;
        sr_rng_start(rng, 2, stream);
        n_same += one == sr_rng_below(rng, UINT32_MAX);
    }
    CHECK(n_same == 0);
    for (int k = 0; k < 7; k++)
        CHECK(seen[k] > 60 && seen[k] < 145);
    sr_arena_free(&ctx.arena);
}
