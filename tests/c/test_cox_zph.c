/* test_cox_zph.c -- the proportional-hazards test, profile limits and root finding */
#include "check.h"
#include "core_root.h"
#include "model_cox_profile.h"
#include "model_cox_zph.h"
#include "oracle.h"
#include <stdlib.h>

static const design_spec DESIGNS[] = {
    {.n = 90, .p = 3, .n_stratum = 1, .n_day = 12, .risk_sd = 1, .seed = 1},
    {.n = 90, .p = 3, .n_stratum = 3, .n_day = 0, .has_start = 1, .risk_sd = 1, .seed = 2},
    {.n = 90, .p = 2, .n_stratum = 2, .n_day = 9, .has_weight = 1, .has_offset = 1, .seed = 3},
};
enum { N_DESIGN = sizeof DESIGNS / sizeof *DESIGNS };

TEST(zph_with_a_constant_clock_is_score_and_information)
{
    for (int which = 0; which < 2 * N_DESIGN; which++) {
        design d;
        design_make(&DESIGNS[which / 2], &d);
        const size_t n = d.data.times.n, p = d.data.x.p;
        double eta[90], g[90], residual[90 * 3], score[3], info[3][9], events[3];
        int is_varying[9];
        uint32_t row[90];
        size_t n_event = 0;
        oracle_result want = {.hazard = NULL};
        oracle_cox(&d.data, which % 2, d.truth, &want);
        for (size_t i = 0; i < n; i++) {
            eta[i] = (double)oracle_eta(&d.data, d.truth, i);
            n_event += d.data.times.event[i] != 0;
            g[i] = 2;
        }
        sr_context ctx = {.n_thread = 1};
        sr_cox_zph out = {score, info[0], info[1], info[2], residual, events, is_varying};
        CHECK_OK(sr_event_clock(&ctx, &d.data.times, SR_CLOCK_NONE, which % 2, row, NULL));
        const sr_clock_events events_at = {n_event, row, g};
        CHECK_OK(sr_cox_zph_test(&ctx, &d.data, eta, which % 2, &events_at, &out));
        for (size_t j = 0; j < p; j++)
            CHECK_NEAR(score[j], 2 * (double)want.score[j], 1e-10);
        for (size_t j = 0; j < p * p; j++)
            for (int power = 0; power < 3; power++)
                CHECK_NEAR(info[power][j], (1 << power) * (double)want.info[j], 1e-9);
        double counted = 0;
        for (int s = 0; s < d.data.times.n_stratum; s++)
            counted += events[s];
        CHECK(counted == (double)n_event);
        for (size_t e = 1; e < n_event; e++) {
            const sr_times *const t = &d.data.times;
            const int before = t->stratum == NULL ? 0 : t->stratum[row[e - 1]];
            const int mine = t->stratum == NULL ? 0 : t->stratum[row[e]];
            CHECK(before < mine || (before == mine && t->stop[row[e - 1]] <= t->stop[row[e]]));
        }
        sr_arena_free(&ctx.arena);
        design_free(&d);
    }
}

TEST(clocks_show_survival_and_rank)
{
    const double start[] = {0, 0, 1, 2, 0}, stop[] = {3, 2, 3, 5, 4}, event[] = {1, 1, 0, 1, 0};
    const double survival[] = {0, 0.25, 1 - 9.0 / 16}, rank[] = {1, 2.5, 5};
    const sr_times t = {.n = 5, .start = start, .stop = stop, .event = event, .n_stratum = 1};
    sr_context ctx = {.n_thread = 1};
    uint32_t row[3];
    double value[3];
    CHECK_OK(sr_event_clock(&ctx, &t, SR_CLOCK_SURVIVAL, 0, row, value));
    CHECK(row[0] == 1 && row[1] == 0 && row[2] == 3);
    CHECK_CLOSE(3, value, survival, 1e-15);
    CHECK_OK(sr_event_clock(&ctx, &t, SR_CLOCK_RANK, 0, row, value));
    CHECK_CLOSE(3, value, rank, 1e-15);
    sr_arena_free(&ctx.arena);
}

static sr_status cubic(sr_context *ctx, double x, double *f, void *data)
{
    (void)ctx;
    ++*(int *)data;
    *f = x * x * x - 2;
    return x > 100 ? SR_ERR_INTERRUPT : SR_OK;
}

TEST(root_is_found_without_new_values_at_the_ends)
{
    int n_call = 0;
    double root = 0;
    sr_context ctx = {.n_thread = 1};
    const sr_function function = {cubic, &n_call};
    const sr_bracket good = {0, -2, 2, 6}, bad = {2, 6, 3, 25}, broken = {101, -1, 300, 1};
    CHECK_OK(sr_root_find(&ctx, &function, &good, 1e-12, &root));
    CHECK_NEAR(root, cbrt(2), 1e-12);
    CHECK(n_call < 20);
    CHECK_STATUS(SR_ERR_DOMAIN, sr_root_find(&ctx, &function, &bad, 1e-12, &root));
    CHECK_STATUS(SR_ERR_INTERRUPT, sr_root_find(&ctx, &function, &broken, 1e-12, &root));
}

TEST(profile_limits_lie_where_the_likelihood_has_fallen)
{
    for (int which = 0; which < N_DESIGN; which++) {
        design d;
        design_make(&DESIGNS[which], &d);
        double coef[3], var[9], means[3], lower[1], upper[1];
        const int centred[] = {1, 1, 1}, wanted = 1;
        const sr_cox_control control = {
            .is_efron = 1, .max_iter = 60, .eps = 1e-13, .tol_chol = 1e-12, .is_centred = centred};
        sr_context ctx = {.n_thread = 1};
        sr_cox_fit fit = {.coef = coef, .var = var, .means = means};
        const sr_profile_limits limits = {coef, 1, &wanted, 2, lower, upper};
        CHECK_OK(sr_cox_fit_newton(&ctx, &d.data, &control, &fit));
        CHECK_OK(sr_cox_profile(&ctx, &d.data, &control, &limits));
        CHECK(lower[0] < coef[1] && coef[1] < upper[0]);
        for (int side = 0; side < 2; side++) {
            /* the column's contribution goes to the offset, the others are fitted again */
            const double value = side == 0 ? lower[0] : upper[0];
            double offset[90];
            const double *column[2] = {d.data.x.x[0], d.data.x.x[d.data.x.p - 1]};
            sr_cox_data held = d.data;
            held.x.x = column;
            held.x.p = d.data.x.p - 1;
            held.offset = offset;
            for (size_t i = 0; i < d.data.times.n; i++)
                offset[i] =
                    value * d.data.x.x[1][i] + (d.data.offset == NULL ? 0 : d.data.offset[i]);
            sr_cox_fit other = {.coef = (double[3]){0}, .var = (double[9]){0}, .means = means};
            CHECK_OK(sr_cox_fit_newton(&ctx, &held, &control, &other));
            CHECK_NEAR(2 * (fit.loglik[1] - other.loglik[1]), 4, 1e-7);
        }
        sr_arena_free(&ctx.arena);
        design_free(&d);
    }
}
