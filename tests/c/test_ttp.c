/* test_ttp.c -- hazards, censoring and the likelihood of fit_ttp(), in plain C
 *
 * Derivatives of sr_censor_block() are compared with central differences for every family, scale
 * and kind of observation; that the values themselves are right is a matter of the R tests.
 */
#include "check.h"
#include "model_link.h"
#include "model_ttp.h"
#include <stdlib.h>

enum { MOST_Z = 4 };

static const struct {
    const char *name;
    size_t n_theta;
} families[] = {{"exponential", 1}, {"weibull", 2}, {"lognormal", 2}, {"loglogistic", 2}};
enum { N_FAMILY = sizeof families / sizeof *families };

static sr_hazard hazard_of(size_t family, sr_scale scale)
{
    return (sr_hazard){.family = sr_family_find(families[family].name),
                       .scale = scale,
                       .n_theta = families[family].n_theta};
}

/* --- one row --------------------------------------------------------------------------------- */

typedef struct {
    int kind;
    double log_t, log_r, log_e;
} observation;

typedef struct {
    double value, first[MOST_Z], second[MOST_Z * (MOST_Z + 1) / 2];
} row;

/* The row's contribution at z = (eta, theta), among others in a block */
static void row_at(const sr_hazard *hazard, observation what, const double *z, int order, row *out)
{
    enum { M = 3 };
    const int kind[M] = {SR_RIGHT, what.kind, SR_EXACT};
    const double log_t[M] = {0.1, what.log_t, -0.2}, log_r[M] = {0, what.log_r, 0};
    const double log_e[M] = {-INFINITY, what.log_e, -INFINITY};
    double eta[M], theta[SR_BLOCK * (MOST_Z - 1)];
    for (size_t i = 0; i < M; i++) {
        eta[i] = z[0];
        for (size_t k = 0; k < hazard->n_theta; k++)
            theta[k * SR_BLOCK + i] = z[1 + k];
    }
    const sr_censored times = {M, kind, log_t, log_r, log_e};
    const sr_censor_rows rows = {hazard, &times, 0, M, eta, theta, order};
    sr_context ctx = {.n_thread = 1};
    sr_censor_room room;
    sr_jet jet;
    CHECK_OK(sr_censor_room_take(&ctx, hazard->n_theta, &room));
    CHECK_OK(sr_jet_take(&ctx, hazard->n_theta, &jet));
    sr_censor_block(&rows, &room, &jet);
    const size_t n_z = 1 + hazard->n_theta;
    out->value = jet.value[1];
    for (size_t a = 0; order > 0 && a < n_z; a++)
        out->first[a] = jet.first[a * SR_BLOCK + 1];
    for (size_t k = 0; order > 1 && k < SR_PAIR(n_z, 0); k++)
        out->second[k] = jet.second[k * SR_BLOCK + 1];
    sr_arena_free(&ctx.arena);
}

static void check_derivatives(const sr_hazard *hazard, observation what, const double *z)
{
    const size_t n_z = 1 + hazard->n_theta;
    const double step = 1e-5;
    row at;
    row_at(hazard, what, z, 2, &at);
    CHECK(isfinite(at.value));
    for (size_t a = 0; a < n_z; a++) {
        double moved[MOST_Z];
        row up, down;
        memcpy(moved, z, n_z * sizeof(double));
        moved[a] = z[a] + step;
        row_at(hazard, what, moved, 1, &up);
        moved[a] = z[a] - step;
        row_at(hazard, what, moved, 1, &down);
        CHECK_NEAR(at.first[a], (up.value - down.value) / (2 * step), 1e-6);
        for (size_t b = 0; b < n_z; b++) {
            const size_t pair = a > b ? SR_PAIR(a, b) : SR_PAIR(b, a);
            CHECK_NEAR(-at.second[pair], (up.first[b] - down.first[b]) / (2 * step), 1e-6);
        }
    }
}

TEST(censor_derivatives_are_those_of_differences)
{
    static const observation kinds[] = {{SR_RIGHT, 0.3, 0, -INFINITY},
                                        {SR_EXACT, -0.4, 0, -INFINITY},
                                        {SR_LEFT, 0.2, 0, -INFINITY},
                                        {SR_LEFT, -3, 0, -INFINITY},
                                        {SR_INTERVAL, -0.5, 0.4, -INFINITY},
                                        {SR_INTERVAL, -6, 1.5, -INFINITY},
                                        {SR_INTERVAL, 0.5, 0.52, -INFINITY},
                                        {SR_INTERVAL, 0.5, 0.5001, -INFINITY},
                                        {SR_NOTHING, 0, 0, -INFINITY},
                                        {SR_RIGHT, 0.3, 0, -0.5},
                                        {SR_EXACT, 0.3, 0, 0.1},
                                        {SR_INTERVAL, -0.5, 0.4, -0.6},
                                        {SR_INTERVAL, 0.5, 0.5001, 0.5}};
    for (size_t family = 0; family < N_FAMILY; family++)
        for (int scale = SR_SCALE_TIME; scale <= SR_SCALE_FIRST; scale++) {
            const sr_hazard hazard = hazard_of(family, (sr_scale)scale);
            CHECK(hazard.family != NULL);
            for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
                check_derivatives(&hazard, kinds[k], (double[]){0.3, -0.2, 0.4});
                check_derivatives(&hazard, kinds[k], (double[]){-0.8, 0.5, -0.3});
            }
        }
}

TEST(censor_narrow_intervals_go_over_into_densities)
{
    for (size_t family = 0; family < N_FAMILY; family++)
        for (int scale = SR_SCALE_TIME; scale <= SR_SCALE_ODDS; scale++) {
            const sr_hazard hazard = hazard_of(family, (sr_scale)scale);
            const double z[] = {0.2, -0.1, 0.3}, log_t = 0.4;
            const size_t n_z = 1 + hazard.n_theta;
            row exact;
            row_at(&hazard, (observation){SR_EXACT, log_t, 0, -INFINITY}, z, 2, &exact);
            for (double width = 1e-12; width < 1e-2; width *= 10) {
                row near;
                const double log_r = log_t + width;
                row_at(&hazard, (observation){SR_INTERVAL, log_t, log_r, -INFINITY}, z, 2, &near);
                /* log f(t) + log of the width in time */
                const double log_width = log_t + log(expm1(log_r - log_t));
                CHECK_NEAR(near.value - log_width, exact.value, 5 * width);
                for (size_t a = 0; a < n_z; a++)
                    CHECK_NEAR(near.first[a], exact.first[a], 10 * width + 1e-12);
                for (size_t a = 0; a < SR_PAIR(n_z, 0); a++)
                    CHECK_NEAR(near.second[a], exact.second[a], 20 * width + 1e-11);
            }
        }
}

/* H is 1 + little, and the interval short beside it: over a cut, and where the hazard dies out */
TEST(censor_integrates_densities_that_jump_or_fall)
{
    const double cut[] = {0.8};
    const sr_hazard pieces = {.family = sr_family_find("pieces"),
                              .scale = SR_SCALE_HAZARD,
                              .n_theta = 2,
                              .setting = cut,
                              .n_setting = 1};
    for (double rare = 1e-4; rare > 1e-12; rare /= 10) {
        row at;
        const double z[] = {0, log(2), log(rare)}, L = 1.1, R = 4;
        row_at(&pieces, (observation){SR_INTERVAL, log(L), log(R), -INFINITY}, z, 2, &at);
        const double before = 2 * 0.8 + rare * (L - 0.8);
        CHECK_NEAR(at.value, -before + log(-expm1(-rare * (R - L))), 1e-12);
    }
    /* a cut within: 0.1 of the first piece, 0.3 of the second */
    const double z[] = {0, log(1e-4), log(1e-6)};
    row at;
    row_at(&pieces, (observation){SR_INTERVAL, log(0.7), log(1.1), -INFINITY}, z, 2, &at);
    CHECK_NEAR(at.value, -0.7e-4 + log(-expm1(-(0.1e-4 + 0.3e-6))), 1e-9);
    const sr_hazard gompertz = {
        .family = sr_family_find("gompertz"), .scale = SR_SCALE_HAZARD, .n_theta = 2};
    CHECK(pieces.family != NULL && gompertz.family != NULL);
    for (double L = 20; L < 150; L += 10) { /* H comes to 2; what is left of it is 2 e^(-t / 2) */
        const double falling[] = {0, 0, -0.5}, R = 2 * L;
        row_at(&gompertz, (observation){SR_INTERVAL, log(L), log(R), -INFINITY}, falling, 2, &at);
        const double left = 2 * exp(-L / 2), met = -left * expm1(-L / 2);
        CHECK_NEAR(at.value, -2 + left + log(-expm1(-met)), 1e-9);
    }
}

TEST(censor_is_continuous_where_its_formula_changes)
{
    /* On both sides of c_R - c_L = 1e-3 an interval's probability is the same function. */
    const sr_hazard hazard = hazard_of(2, SR_SCALE_TIME);
    const double z[] = {0.1, 0, -0.2};
    double before = 0;
    for (int k = 0; k < 200; k++) {
        row at;
        const double width = 2e-4 * exp(0.02 * k);
        row_at(&hazard, (observation){SR_INTERVAL, 0.3, 0.3 + width, -INFINITY}, z, 2, &at);
        const double rate = at.value - log(width);
        if (k > 0)
            CHECK_NEAR(rate, before, 1e-4);
        before = rate;
    }
}

static sr_hazard pieces_with(sr_scale scale, size_t n_theta, const double *cut)
{
    return (sr_hazard){.family = sr_family_find("pieces"),
                       .scale = scale,
                       .n_theta = n_theta,
                       .setting = cut,
                       .n_setting = n_theta - 1};
}

/* A step that the range of the log density does not show */
TEST(censor_short_intervals_over_a_small_step)
{
    const double cut[] = {1}, days[] = {1095.75};
    for (double step = 1e-4; step < 0.2; step *= 1.3)
        for (double w = 4e-4; w > 1e-9; w /= 3) {
            const sr_hazard pieces = pieces_with(SR_SCALE_HAZARD, 2, cut);
            const double z[] = {0, 0, step}, L = 1 - 0.3 * w, R = 1 + 0.7 * w, h = exp(step);
            const double D = (1 - L) + h * (R - 1), q = 1 / expm1(D), late = h * (R - 1);
            const double digits = 1e-11 + 2e-15 / w;
            row at;
            row_at(&pieces, (observation){SR_INTERVAL, log(L), log(R), -INFINITY}, z, 2, &at);
            CHECK_NEAR(at.value, -L + log(-expm1(-D)), digits);
            CHECK_NEAR(at.first[0], -L + q * D, digits);
            CHECK_NEAR(at.first[1], -L + q * (1 - L), digits);
            CHECK_NEAR(at.first[2], q * late, digits);
            CHECK_NEAR(at.second[SR_PAIR(2, 2)], q * (1 + q) * late * late - q * late, digits);
        }
    const sr_hazard pieces = pieces_with(SR_SCALE_HAZARD, 2, days);
    const double z[] = {0, log(1e-3), log(1e-3) + 0.09};
    row at;
    row_at(&pieces, (observation){SR_INTERVAL, log(1095), log(1096), -INFINITY}, z, 0, &at);
    CHECK_NEAR(at.value, -1.095 + log(-expm1(-1e-3 * (0.75 + 0.25 * exp(0.09)))), 1e-11);
}

/* An interval over two cuts says what its three parts say together. */
TEST(censor_short_intervals_add_up_over_several_cuts)
{
    const double cut[] = {1.3, 1.3002};
    for (int scale = SR_SCALE_HAZARD; scale <= SR_SCALE_FIRST; scale++) {
        const sr_hazard pieces = pieces_with((sr_scale)scale, 3, cut);
        const double z[] = {0.4, -0.2, -0.15, -0.23};
        const double at[] = {log(1.2999), log(cut[0]), log(cut[1]), log(1.3005)};
        double sum = 0;
        row whole, part;
        for (size_t k = 0; k < 3; k++) {
            row_at(&pieces, (observation){SR_INTERVAL, at[k], at[k + 1], -INFINITY}, z, 0, &part);
            sum += exp(part.value);
        }
        const observation all = {SR_INTERVAL, at[0], at[3], -INFINITY};
        row_at(&pieces, all, z, 0, &whole);
        CHECK_NEAR(whole.value, log(sum), 1e-11);
        check_derivatives(&pieces, all, z);
    }
}

TEST(censor_intervals_keep_their_logs_far_before_the_median)
{
    /* Weibull of shape 1, c = log t: where H is tiny, log P = c_R + log(1 - e^(c_L - c_R)). */
    const sr_hazard hazard = hazard_of(1, SR_SCALE_TIME);
    const double z[] = {0, 0, 0};
    for (double c_r = -34; c_r > -690; c_r -= 7.3)
        for (double gap = 0.05; gap < 3; gap *= 1.7) {
            row at;
            row_at(&hazard, (observation){SR_INTERVAL, c_r - gap, c_r, -INFINITY}, z, 1, &at);
            CHECK_NEAR(at.value, c_r + log(-expm1(-gap)), 1e-13);
            CHECK_NEAR(at.first[0], -1, 1e-12);
        }
}

TEST(hazards_overflow_to_what_is_not_finite)
{
    /* a shape whose exponential is no number must not come out as one */
    for (size_t family = 1; family < N_FAMILY; family++)
        for (double lambda = 700; lambda < 1e5; lambda *= 1.7) {
            const sr_hazard hazard = hazard_of(family, SR_SCALE_HAZARD);
            row late, early;
            const double sign = family == 2 ? -1 : 1;
            const double z[] = {0, 0.5, sign * lambda};
            row_at(&hazard, (observation){SR_RIGHT, 1, 0, -INFINITY}, z, 0, &late);
            row_at(&hazard, (observation){SR_EXACT, 0, 0, -INFINITY}, z, 0, &early);
            CHECK(late.value < -1e100);
            CHECK(!(early.value > -1e100));
        }
}

TEST(hazards_of_light_lower_tails_run_to_nothing)
{
    /* log F = -e^(Q w) / Q^2: what is right-censored there says nothing, not even of the slopes */
    enum { K = 3, N_Z = K + 1 };
    const sr_hazard hazard = {
        .family = sr_family_find("gengamma"), .scale = SR_SCALE_TIME, .n_theta = K};
    sr_context ctx = {.n_thread = 1};
    sr_jet c, v;
    CHECK_OK(sr_jet_take(&ctx, K, &c));
    CHECK_OK(sr_jet_take(&ctx, K, &v));
    for (double Q = -0.01; Q > -8; Q *= 2.7)
        for (double z = 10, eta = 0, before = 0; z < 1e5; z *= 1.1) {
            const double sigma = 0.01, x = sigma * z / Q, shape[] = {0, log(sigma), Q};
            double theta[K * SR_BLOCK], work[SR_BLOCK];
            for (size_t k = 0; k < K; k++)
                theta[k * SR_BLOCK] = shape[k];
            const sr_hazard_rows at = {.m = 1, .x = &x, .theta = theta, .order = 2};
            sr_hazard_eval(&hazard, &at, &eta, work, &c, &v);
            const double H = exp(c.value[0]);
            CHECK(c.value[0] <= before && v.value[0] < 0 && isfinite(v.value[0]));
            before = c.value[0];
            if (z > 40 && z < 690)
                CHECK_NEAR(log(-before), z - 2 * log(-Q), 1e-12);
            for (size_t a = 0; z > 40 && a < N_Z; a++)
                for (size_t b = 0; b <= a; b++) {
                    const double ca = c.first[a * SR_BLOCK], cb = c.first[b * SR_BLOCK];
                    CHECK(H * (c.second[SR_PAIR(a, b) * SR_BLOCK] + ca * cb) == 0);
                    CHECK(isfinite(v.second[SR_PAIR(a, b) * SR_BLOCK]));
                }
        }
    sr_arena_free(&ctx.arena);
}

TEST(odds_keep_their_digits_where_the_baseline_has_none)
{
    /* log odds k (x - mu) + eta: what mu takes away, eta gives back */
    const sr_hazard hazard = hazard_of(3, SR_SCALE_ODDS);
    for (double far = -2000; far <= 2000; far += 125) {
        static const int kinds[] = {SR_RIGHT, SR_EXACT, SR_LEFT, SR_INTERVAL};
        for (size_t k = 0; k < 4; k++) {
            const observation what = {kinds[k], 0.3, 0.9, -1};
            row near, away;
            row_at(&hazard, what, (double[]){0.25, 0.125, 0}, 2, &near);
            row_at(&hazard, what, (double[]){0.25 + far, 0.125 + far, 0}, 2, &away);
            CHECK_NEAR(away.value, near.value, 1e-11);
            CHECK_NEAR(away.first[0], near.first[0], 1e-11);
            CHECK_NEAR(away.first[1], near.first[1], 1e-11);
            CHECK_CLOSE(3, away.second, near.second, 1e-10);
        }
    }
}

/* c = log log(1 + u), u = e^w: c'' = -u / 2 + 5 u^2 / 6 - 9 u^3 / 8 + ... */
static double odds_bend(double w)
{
    const double u = exp(w);
    return -u * (0.5 - u * (5.0 / 6 - u * 9 / 8));
}

TEST(odds_bend_as_their_series_on_both_sides_of_where_it_is_taken)
{
    const sr_hazard hazard = hazard_of(0, SR_SCALE_ODDS);
    sr_context ctx = {.n_thread = 1};
    sr_jet jet;
    CHECK_OK(sr_jet_take(&ctx, hazard.n_theta, &jet));
    for (double w = -16; w < -11; w += 0.0625) {
        double zero = 0, work[SR_BLOCK], theta[SR_BLOCK] = {0};
        const double eta = w - log(expm1(1)); /* H0 = 1 */
        const sr_hazard_rows at = {.m = 1, .x = &zero, .theta = theta, .order = 2};
        sr_hazard_eval(&hazard, &at, &eta, work, &jet, NULL);
        CHECK_NEAR(sr_link_at(SR_LINK_ODDS, w).c_ww / odds_bend(w), 1, 1e-9);
        CHECK_NEAR(jet.second[SR_PAIR(0, 0)] / odds_bend(w), 1, 1e-9);
    }
    sr_arena_free(&ctx.arena);
}

TEST(odds_of_a_baseline_that_nobody_survives_are_numbers)
{
    /* c -> c0 as H0 grows, whatever the odds ratio */
    const sr_hazard hazard = hazard_of(1, SR_SCALE_ODDS);
    for (double c0 = 4; c0 < 2000; c0 *= 1.3) {
        row at;
        row_at(&hazard, (observation){SR_INTERVAL, -1, c0, -INFINITY}, (double[]){0.5, 0, 0}, 2,
               &at);
        row right;
        row_at(&hazard, (observation){SR_RIGHT, -1, 0, -INFINITY}, (double[]){0.5, 0, 0}, 2,
               &right);
        CHECK_NEAR(at.value, right.value, 1e-12);
        CHECK_CLOSE(3, at.first, right.first, 1e-12);
        CHECK_CLOSE(6, at.second, right.second, 1e-12);
    }
}

TEST(hazards_have_no_unknown_name)
{
    CHECK(sr_family_find("cauchy") == NULL);
}

/* --- a study ---------------------------------------------------------------------------------- */

enum { N = 12345, P_X = 2, N_STRATUM = 3 };
static double x[P_X][N], weights[N], offset[N], log_t[N], log_r[N], log_e[N], shape_x[N];
static int kind[N], stratum[N];
static const double *columns[P_X] = {x[0], x[1]};
static const sr_ttp_extra extra = {.slot = 2, .column = shape_x};

static sr_ttp_data make_study(void)
{
    check_random random = {77};
    for (size_t i = 0; i < N; i++) {
        x[0][i] = check_normal(&random);
        x[1][i] = check_uniform(&random) < 0.3;
        weights[i] = 0.5 + check_uniform(&random);
        offset[i] = 0.2 * check_normal(&random);
        shape_x[i] = check_uniform(&random) < 0.5;
        stratum[i] = (int)check_below(&random, N_STRATUM);
        log_t[i] = 0.3 * x[0][i] + check_normal(&random);
        kind[i] = (int)check_below(&random, 5);
        log_r[i] = log_t[i] + 0.05 + check_uniform(&random);
        log_e[i] =
            check_uniform(&random) < 0.3 ? log_t[i] - 0.5 - check_uniform(&random) : -INFINITY;
        if (kind[i] == SR_LEFT || kind[i] == SR_NOTHING)
            log_e[i] = -INFINITY;
    }
    return (sr_ttp_data){.x = {.n = N, .p = P_X, .x = columns},
                         .offset = offset,
                         .weights = weights,
                         .stratum = stratum,
                         .n_stratum = N_STRATUM,
                         .extra = &extra,
                         .n_extra = 1,
                         .times = {N, kind, log_t, log_r, log_e},
                         .hazard = hazard_of(2, SR_SCALE_TIME)};
}

enum { P = P_X + 2 * N_STRATUM + 1 };

static void value_at(const sr_ttp_data *data, const double *coef, int n_thread, double *f,
                     double *gradient, double *info)
{
    sr_context ctx = {.n_thread = n_thread};
    CHECK_OK(sr_ttp_value(&ctx, data, coef, f, gradient, info));
    sr_arena_free(&ctx.arena);
}

TEST(ttp_has_the_same_bits_for_any_number_of_threads)
{
    const sr_ttp_data data = make_study();
    const double coef[P] = {0.2, -0.3, 0.1, 0, 0.2, -0.1, 0, 0.1, 0.05};
    double f, gradient[P], info[P * P];
    CHECK(sr_ttp_n_par(&data) == P);
    value_at(&data, coef, 1, &f, gradient, info);
    CHECK(isfinite(f));
    for (int n_thread = 2; n_thread <= 5; n_thread++) {
        double f_same, gradient_same[P], info_same[P * P];
        value_at(&data, coef, n_thread, &f_same, gradient_same, info_same);
        CHECK_SAME_BITS(1, &f_same, &f);
        CHECK_SAME_BITS(P, gradient_same, gradient);
        CHECK_SAME_BITS(P * P, info_same, info);
        value_at(&data, coef, n_thread, &f_same, NULL, NULL);
        CHECK_NEAR(f_same, f, 1e-14);
    }
}

/* Stops when it has been asked so often */
static int stop_after(void *left)
{
    return (*(int *)left)-- <= 0;
}

TEST(ttp_can_be_stopped_between_groups_of_chunks)
{
    sr_ttp_data data = make_study();
    data.hazard =
        (sr_hazard){.family = sr_family_find("genf"), .scale = SR_SCALE_TIME, .n_theta = 4};
    const double coef[P_X + 4 * N_STRATUM + 1] = {0};
    double f;
    static const int lefts[] = {0, 1, 1000}; /* at least two groups */
    for (size_t k = 0; k < 3; k++) {
        int asked = lefts[k];
        sr_context ctx = {.n_thread = 2, .tick = stop_after, .tick_data = &asked};
        CHECK_STATUS(k < 2 ? SR_ERR_INTERRUPT : SR_OK,
                     sr_ttp_value(&ctx, &data, coef, &f, NULL, NULL));
        sr_arena_free(&ctx.arena);
    }
}

TEST(ttp_derivatives_are_had_both_or_not_at_all)
{
    const sr_ttp_data data = make_study();
    const double coef[P] = {0};
    double f, gradient[P], info[P * P];
    sr_context ctx = {.n_thread = 1};
    CHECK_STATUS(SR_ERR_SIZE, sr_ttp_value(&ctx, &data, coef, &f, gradient, NULL));
    CHECK_STATUS(SR_ERR_SIZE, sr_ttp_value(&ctx, &data, coef, &f, NULL, info));
    sr_arena_free(&ctx.arena);
}

TEST(ttp_derivatives_are_those_of_differences)
{
    sr_ttp_data data = make_study();
    data.times.n = data.x.n = 500;
    double root[P * P] = {0};
    for (size_t j = 0; j < P; j++)
        root[j * P + j] = sqrt(3);
    data.penalty_root = root;
    const double coef[P] = {0.2, -0.3, 0.1, 0, 0.2, -0.1, 0, 0.1, 0.05}, step = 1e-5;
    double f, gradient[P], info[P * P];
    value_at(&data, coef, 1, &f, gradient, info);
    for (size_t j = 0; j < P; j++) {
        double moved[P], f_up, f_down, up[P], down[P], unused[P * P], slope[P];
        memcpy(moved, coef, sizeof coef);
        moved[j] = coef[j] + step;
        value_at(&data, moved, 1, &f_up, up, unused);
        moved[j] = coef[j] - step;
        value_at(&data, moved, 1, &f_down, down, unused);
        CHECK_NEAR((f_up - f_down) / (2 * step), gradient[j], 1e-5);
        for (size_t k = 0; k < P; k++)
            slope[k] = (down[k] - up[k]) / (2 * step);
        CHECK_CLOSE(P, slope, info + j * P, 1e-6);
    }
}

TEST(ttp_rows_add_up)
{
    const sr_ttp_data data = make_study();
    const double coef[P] = {0.2, -0.3, 0.1, 0, 0.2, -0.1, 0, 0.1, 0.05};
    double f, gradient[P], info[P * P], sum = 0, by_x = 0;
    double *const value = malloc(N * sizeof(double)), *const score = malloc(3 * N * sizeof(double));
    sr_context ctx = {.n_thread = 1};
    CHECK_OK(sr_ttp_rows(&ctx, &data, coef, value, score));
    sr_arena_free(&ctx.arena);
    value_at(&data, coef, 1, &f, gradient, info);
    for (size_t i = 0; i < N; i++) {
        sum += weights[i] * value[i];
        by_x += weights[i] * score[i] * x[0][i];
    }
    CHECK_NEAR(sum, f, 1e-12);
    CHECK_NEAR(by_x, gradient[0], 1e-9);
    free(value);
    free(score);
}

TEST(ttp_finds_the_maximum_whatever_the_unit_of_weights)
{
    sr_ttp_data data = make_study();
    const sr_trust_control control = {.max_iter = 100, .eps = 1e-6};
    double first[P];
    for (int k = 0; k < 3; k++) {
        const double unit = k == 0 ? 1 : k == 1 ? 1e-9 : 1e9;
        static double scaled[N];
        for (size_t i = 0; i < N; i++)
            scaled[i] = weights[i] * unit;
        data.weights = scaled;
        sr_context ctx = {.n_thread = 1};
        sr_trust_result fit;
        CHECK_OK(sr_trust_result_take(&ctx, P, &fit));
        CHECK_OK(sr_ttp_fit(&ctx, &data, &control, &fit));
        CHECK(fit.is_converged && fit.is_definite && fit.scaled_gradient < 1e-9);
        if (k == 0)
            memcpy(first, fit.theta, sizeof first);
        CHECK_CLOSE(P, fit.theta, first, 1e-9);
        CHECK(fit.inverse[0] * fit.info[0] >= 1 - 1e-12);
        double f, gradient[P], info[P * P];
        value_at(&data, fit.theta, 1, &f, gradient, info);
        CHECK_NEAR(f / unit, fit.f / unit, 1e-12);
        CHECK_CLOSE(P * P, fit.info, info, 1e-12);
        sr_arena_free(&ctx.arena);
    }
}

TEST(generalised_f_is_a_number_where_its_density_is_nothing)
{
    const sr_hazard hazard =
        (sr_hazard){.family = sr_family_find("genf"), .scale = SR_SCALE_TIME, .n_theta = 4};
    sr_context ctx = {.n_thread = 1};
    sr_jet c, v;
    CHECK_OK(sr_jet_take(&ctx, 4, &c));
    CHECK_OK(sr_jet_take(&ctx, 4, &v));
    static const double Q[] = {-2, -0.5, 0, 0.5, 2}, log_P[] = {-300, -50, -30, -5, 0, 3};
    for (size_t q = 0; q < 5; q++)
        for (size_t p = 0; p < 6; p++)
            for (double far = -65; far <= 65; far += 0.25) {
                const double d = sqrt(Q[q] * Q[q] + 2 * exp(log_P[p])), eta = 0;
                const double x = far / fmax(d, 0.1);
                double work[SR_BLOCK], theta[4 * SR_BLOCK] = {0};
                theta[2 * SR_BLOCK] = Q[q];
                theta[3 * SR_BLOCK] = log_P[p];
                const sr_hazard_rows at = {.m = 1, .x = &x, .theta = theta, .order = 2};
                sr_hazard_eval(&hazard, &at, &eta, work, &c, &v);
                CHECK(!isnan(c.value[0]) && !isnan(v.value[0]));
                for (size_t a = 0; a < SR_PAIR(5, 0); a++)
                    CHECK(!isnan(c.second[a * SR_BLOCK]) && !isnan(v.second[a * SR_BLOCK]));
            }
    sr_arena_free(&ctx.arena);
}
