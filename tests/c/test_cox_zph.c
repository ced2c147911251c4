/* test_cox_zph.c -- the proportional-hazards test, profile limits and root finding */
#include "check.h"
#include "core_root.h"
#include "model_cox_profile.h"
#include "model_cox_zph.h"
#include "oracle.h"
#include <stdlib.h>
#include <string.h>

static const design_spec DESIGNS[] = {
    {.n = 90, .p = 3, .n_stratum = 1, .n_day = 12, .risk_sd = 1, .seed = 1},
    {.n = 90, .p = 3, .n_stratum = 3, .n_day = 0, .has_start = 1, .risk_sd = 1, .seed = 2},
    {.n = 90, .p = 2, .n_stratum = 2, .n_day = 9, .has_weight = 1, .has_offset = 1, .seed = 3},
};
enum { N_DESIGN = sizeof DESIGNS / sizeof *DESIGNS };

/* A clock that jumps once: score and information are those of all events and of the late ones, for
 * which the others are made censored. */
TEST(zph_with_a_clock_that_jumps_is_score_and_information)
{
    for (int which = 0; which < 2 * N_DESIGN; which++) {
        design d;
        design_make(&DESIGNS[which / 2], &d);
        const sr_times *const t = &d.data.times;
        const size_t n = t->n, p = d.data.x.p;
        double eta[90], given[90], residual[90 * 3], score[3], info[3][9], events[3];
        double time[90], value[90], n_event = 0, n_late = 0;
        int is_varying[9], stratum[90];
        oracle_result all = {.hazard = NULL}, late = {.hazard = NULL};
        for (size_t i = 0; i < n; i++) {
            eta[i] = (double)oracle_eta(&d.data, d.truth, i);
            given[i] = t->stop[i] > t->stop[0];
            n_event += t->event[i];
            n_late += t->event[i] * given[i];
        }
        sr_context ctx = {.n_thread = 1};
        sr_cox_zph out = {score,      {info[0], info[1], info[2]}, residual, events,
                          is_varying, {time, value, stratum}};
        const sr_clock_asked clock = {SR_CLOCK_GIVEN, given};
        CHECK_OK(sr_cox_zph_test(&ctx, &d.data, eta, which % 2, &clock, &out));
        oracle_cox(&d.data, which % 2, d.truth, &all);
        for (size_t i = 0; i < n; i++)
            d.event[i] *= given[i];
        oracle_cox(&d.data, which % 2, d.truth, &late);
        const double f = n_late / n_event;
        CHECK(f > 0 && f < 1);
        for (size_t j = 0; j < p; j++)
            CHECK_NEAR(score[j], (double)(late.score[j] - f * all.score[j]), 1e-10);
        for (size_t j = 0; j < p * p; j++) {
            const double one = (double)all.info[j], two = (double)late.info[j];
            CHECK_NEAR(info[0][j], one, 1e-9);
            CHECK_NEAR(info[1][j], two - f * one, 1e-9);
            CHECK_NEAR(info[2][j], (1 - 2 * f) * two + f * f * one, 1e-9);
        }
        double counted = 0;
        for (int s = 0; s < t->n_stratum; s++)
            counted += events[s];
        CHECK(counted == n_event);
        for (size_t e = 0; e < (size_t)n_event; e++) {
            CHECK(value[e] == (time[e] > t->stop[0]));
            CHECK(e == 0 || stratum[e - 1] < stratum[e] ||
                  (stratum[e - 1] == stratum[e] && time[e - 1] <= time[e]));
        }
        sr_arena_free(&ctx.arena);
        design_free(&d);
    }
}

/* Centring by what a part of the rows shows, and threads, change no more than rounding; the bits
 * are those of any number of threads. */
TEST(zph_of_many_rows_has_the_bits_of_any_number_of_threads)
{
    const design_spec spec = {
        .n = 70000, .p = 3, .n_stratum = 2, .n_day = 40, .risk_sd = 1, .seed = 4};
    design d;
    design_make(&spec, &d);
    const size_t n = d.data.times.n;
    double *const room = calloc(2 * 5 * n + n, sizeof(double)), *const eta = room + 10 * n;
    double score[2][3], info[2][3][9], events[2];
    int is_varying[6], *const stratum = calloc(n, sizeof(int));
    size_t n_event = 0;
    for (size_t i = 0; i < n; i++) {
        eta[i] = (double)oracle_eta(&d.data, d.truth, i);
        n_event += d.event[i] != 0;
        d.x[1][i] += 1e6;                            /* a large mean */
        d.x[2][i] += d.stratum[i] == 0 ? -1e5 : 1e5; /* strata far apart */
    }
    for (int k = 0; k < 2; k++) {
        sr_context ctx = {.n_thread = 1 + 2 * k};
        double *const mine = room + (size_t)k * 5 * n;
        sr_cox_zph out = {score[k],   {info[k][0], info[k][1], info[k][2]}, mine, events,
                          is_varying, {mine + 3 * n, mine + 4 * n, stratum}};
        const sr_clock_asked clock = {SR_CLOCK_LOG, NULL};
        CHECK_OK(sr_cox_zph_test(&ctx, &d.data, eta, 1, &clock, &out));
        sr_arena_free(&ctx.arena);
    }
    CHECK_SAME_BITS(3, score[0], score[1]);
    CHECK_SAME_BITS(27, &info[0][0][0], &info[1][0][0]);
    CHECK_SAME_BITS(5 * n, room, room + 5 * n);
    /* the columns as they were drawn, which need no centre */
    for (size_t i = 0; i < n; i++) {
        d.x[1][i] -= 1e6;
        d.x[2][i] -= d.stratum[i] == 0 ? -1e5 : 1e5;
    }
    sr_context ctx = {.n_thread = 1};
    double *const mine = room + 5 * n;
    sr_cox_zph out = {score[1],   {info[1][0], info[1][1], info[1][2]}, mine, events,
                      is_varying, {mine + 3 * n, mine + 4 * n, stratum}};
    const sr_clock_asked clock = {SR_CLOCK_LOG, NULL};
    CHECK_OK(sr_cox_zph_test(&ctx, &d.data, eta, 1, &clock, &out));
    for (int power = 0; power < 3; power++)
        CHECK_CLOSE(9, info[0][power], info[1][power], 1e-8);
    CHECK_CLOSE(3 * n_event, room, room + 5 * n, 1e-8);
    free(room);
    free(stratum);
    sr_arena_free(&ctx.arena);
    design_free(&d);
}

TEST(residuals_are_scaled_in_place)
{
    enum { N = 20000 };
    const double A[] = {1, 2, 3, -1, 0.5, 0, 0, 4, 1}, slope[] = {7, 8, 9};
    double *const from = calloc(3 * N, sizeof(double)), *const to = calloc(3 * N, sizeof(double));
    check_random random = {6};
    for (size_t k = 0; k < 3 * N; k++)
        from[k] = check_normal(&random);
    sr_context ctx = {.n_thread = 3};
    const sr_zph_scaling all = {N, 3, 3, from, A, slope}, two = {N, 3, 2, from, A, slope};
    CHECK_OK(sr_zph_scale(&ctx, &all, to));
    for (size_t e = 0; e < N; e++)
        for (size_t c = 0; c < 3; c++) {
            double sum = slope[c];
            for (size_t j = 0; j < 3; j++)
                sum += A[c * 3 + j] * from[j * N + e];
            CHECK_NEAR(to[c * N + e], sum, 1e-12);
        }
    double *const fewer = calloc(2 * N, sizeof(double));
    CHECK_OK(sr_zph_scale(&ctx, &two, fewer));
    CHECK_SAME_BITS(2 * N, fewer, to);
    CHECK_OK(sr_zph_scale(&ctx, &all, from));
    CHECK_SAME_BITS(3 * N, from, to);
    free(from);
    free(to);
    free(fewer);
    sr_arena_free(&ctx.arena);
}

TEST(clocks_show_survival_and_rank)
{
    const double start[] = {0, 0, 1, 2, 0}, stop[] = {3, 2, 3, 5, 4}, event[] = {1, 1, 0, 1, 0};
    const double survival[] = {0, 0.25, 1 - 9.0 / 16}, rank[] = {1, 2.5, 5};
    const double at[] = {2, 3, 5};
    const sr_times t = {.n = 5, .start = start, .stop = stop, .event = event, .n_stratum = 1};
    sr_context ctx = {.n_thread = 1};
    sr_timeindex index;
    sr_riskset rs;
    size_t bad_row;
    double time[3], value[3];
    sr_event_list events;
    const sr_event_places out = {time, value, NULL};
    CHECK_OK(sr_timeindex_make(&ctx, &t, 0, &index, &bad_row));
    CHECK_OK(sr_riskset_from_index(&ctx, &t, &index, 1, &rs));
    const sr_timed_rows rows = {&t, &index, &rs};
    for (int kind = SR_CLOCK_SURVIVAL; kind <= SR_CLOCK_TIME; kind++) {
        const sr_clock_asked clock = {(sr_clock)kind, NULL};
        const double *const want[] = {survival, rank, at};
        CHECK_OK(sr_events_list(&ctx, &rows, &clock, &events, &out));
        CHECK(events.n == 3 && events.row[0] == 1 && events.row[1] == 0 && events.row[2] == 3);
        CHECK_CLOSE(3, value, want[kind - SR_CLOCK_SURVIVAL], 1e-15);
        CHECK_CLOSE(3, time, at, 0);
    }
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
