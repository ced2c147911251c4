/* test_finegray.c -- Fine and Gray's model against its definition, row by row in long double */
#include "model_finegray.h"
#include "oracle.h"
#include <stdlib.h>

enum { MOST_N = 400 };

/* Competing risks on the rows of a design: the design's events are split into two kinds. */
typedef struct {
    design d;
    double kind[MOST_N], ratio[MOST_N];
    int group[MOST_N];
    sr_fg_data data;
} trial;

static void trial_make(const design_spec *spec, int n_group, int has_ratio, trial *out)
{
    check_random random = {spec->seed + 100};
    design_make(spec, &out->d);
    for (size_t i = 0; i < spec->n; i++) {
        out->kind[i] = out->d.event[i] == 0 ? 0 : check_uniform(&random) < 0.5 ? 1 : 2;
        out->group[i] = (int)check_below(&random, (size_t)n_group);
        out->ratio[i] = exp(0.5 * check_normal(&random));
    }
    out->data = (sr_fg_data){.rows = out->d.data,
                             .cause = 1,
                             .censoring = {.group = n_group > 1 ? out->group : NULL,
                                           .n_group = n_group,
                                           .ratio = has_ratio ? out->ratio : NULL}};
    out->data.rows.times.event = out->kind;
}

static double start_of(const trial *t, size_t i)
{
    return t->data.rows.times.start == NULL ? -1e300 : t->data.rows.times.start[i];
}

static int is_same_group(const trial *t, size_t i, size_t j)
{
    return t->data.censoring.n_group == 1 || t->group[i] == t->group[j];
}

/* Is row j at risk of censoring at u? Events leave before censorings at the same time. */
static int awaits_censoring(const trial *t, size_t j, double u)
{
    const double stop = t->data.rows.times.stop[j];
    return start_of(t, j) < u && (stop > u || (stop == u && t->kind[j] == 0));
}

/* Is row j the first of its group with this value of `time`? Then the value counts once. */
static int is_first(const trial *t, const double *time, size_t j, int kind)
{
    for (size_t m = 0; m < j; m++)
        if (is_same_group(t, m, j) && time[m] == time[j] && (kind < 0 || t->kind[m] == kind))
            return 0;
    return 1;
}

/* omega of row i at time s, after its competing event */
static long double weight_of(const trial *t, size_t i, double s)
{
    const sr_times *const times = &t->data.rows.times;
    const double *const ratio = t->data.censoring.ratio;
    long double product = 1, sum = 0;
    for (size_t j = 0; j < times->n; j++) {
        const double u = times->stop[j];
        if (t->kind[j] != 0 || !is_same_group(t, i, j) || u < times->stop[i] || u >= s ||
            !is_first(t, times->stop, j, 0))
            continue;
        long double gone = 0, risk = 0;
        for (size_t m = 0; m < times->n; m++) {
            if (!is_same_group(t, i, m))
                continue;
            gone += t->kind[m] == 0 && times->stop[m] == u;
            if (awaits_censoring(t, m, u))
                risk += ratio == NULL ? 1 : ratio[m];
        }
        product *= 1 - gone / risk;
        sum += gone / risk;
    }
    long double weight = ratio == NULL ? product : expl(-ratio[i] * sum);
    for (size_t j = 0; times->start != NULL && j < times->n; j++) {
        const double u = times->start[j];
        if (!is_same_group(t, i, j) || u < times->stop[i] || u >= s ||
            !is_first(t, times->start, j, -1))
            continue;
        long double in = 0, risk = 0;
        for (size_t m = 0; m < times->n; m++) {
            if (!is_same_group(t, i, m))
                continue;
            in += times->start[m] == u;
            risk += times->start[m] <= u && times->stop[m] > u;
        }
        weight /= 1 - in / risk;
    }
    return weight;
}

/* omega of row i at time s while it is in the risk set of a stratum, else 0 */
static long double share_of(const trial *t, size_t i, double s)
{
    const double stop = t->data.rows.times.stop[i];
    if (start_of(t, i) >= s)
        return 0;
    if (stop >= s)
        return 1;
    return t->kind[i] == 2 ? weight_of(t, i, s) : 0;
}

/* Log-likelihood and score by Breslow's rule, one event at a time, each with the whole risk set */
static void slow_likelihood(const trial *t, const double *beta, long double *loglik,
                            long double *score)
{
    const sr_cox_data *const rows = &t->data.rows;
    const size_t p = rows->x.p;
    *loglik = 0;
    for (size_t j = 0; j < p; j++)
        score[j] = 0;
    for (size_t e = 0; e < rows->times.n; e++) {
        if (t->kind[e] != 1)
            continue;
        const double w = sr_weight_of(&rows->times, e);
        long double S0 = 0, S1[MOST_P] = {0};
        for (size_t i = 0; i < rows->times.n; i++) {
            if (sr_stratum_of(&rows->times, i) != sr_stratum_of(&rows->times, e))
                continue;
            const long double r = sr_weight_of(&rows->times, i) * expl(oracle_eta(rows, beta, i)) *
                                  share_of(t, i, rows->times.stop[e]);
            S0 += r;
            for (size_t j = 0; j < p; j++)
                S1[j] += r * rows->x.x[j][i];
        }
        *loglik += w * (oracle_eta(rows, beta, e) - logl(S0));
        for (size_t j = 0; j < p; j++)
            score[j] += w * (rows->x.x[j][e] - S1[j] / S0);
    }
}

typedef struct {
    double coef[MOST_P], var[MOST_P * MOST_P], score[MOST_P], robust[MOST_P * MOST_P];
    double eta[MOST_N], martingale[MOST_N], time[MOST_N], step[MOST_N];
    int stratum[MOST_N];
    sr_fg_fit fit;
} fitted;

static sr_status fit_with(int n_thread, const trial *t, const double *init, int max_iter,
                          fitted *out)
{
    sr_context ctx = {.n_thread = n_thread};
    sr_cox_control control = tight_control(0);
    const sr_fg_robust robust = {.kind = SR_FG_ESTIMATED};
    control.init = init;
    control.max_iter = max_iter;
    out->fit = (sr_fg_fit){.coef = out->coef,
                           .var = out->var,
                           .score = out->score,
                           .robust = out->robust,
                           .eta = out->eta,
                           .martingale = out->martingale,
                           .baseline = {0, out->stratum, out->time, out->step}};
    const sr_status status = sr_fg_fit_newton(&ctx, &t->data, &control, &robust, &out->fit);
    sr_arena_free(&ctx.arena);
    return status;
}

static void compare(const design_spec *spec, int n_group, int has_ratio)
{
    static trial t;
    static fitted f;
    const double beta[MOST_P] = {0.3, -0.2, 0.1};
    long double loglik, score[MOST_P];
    trial_make(spec, n_group, has_ratio, &t);
    slow_likelihood(&t, beta, &loglik, score);
    CHECK_OK(fit_with(1, &t, beta, 0, &f));
    CHECK_NEAR(f.fit.loglik[1], (double)loglik, 1e-11);
    for (size_t j = 0; j < spec->p; j++)
        CHECK_NEAR(f.score[j], (double)score[j], 1e-9);
    CHECK_OK(fit_with(1, &t, NULL, 50, &f));
    CHECK(f.fit.is_converged);
    slow_likelihood(&t, f.coef, &loglik, score);
    for (size_t j = 0; j < spec->p; j++)
        CHECK(fabsl(score[j]) < 1e-6L);
    design_free(&t.d);
}

TEST(finegray_is_its_definition)
{
    for (uint64_t seed = 1; seed <= 3; seed++)
        for (int day = 0; day <= 20; day += 20) {
            design_spec spec = {
                .n = 90, .p = 3, .n_stratum = 1, .n_day = day, .risk_sd = 0.5, .seed = seed};
            compare(&spec, 1, 0);
            compare(&spec, 2, 1);
            spec.n_stratum = 2;
            spec.has_weight = spec.has_offset = 1;
            compare(&spec, 3, 0);
        }
}

/* Late entry: subjects who are there from the beginning keep the risk sets of the entry
 * distribution from being made up of those who just came in. */
TEST(finegray_follows_late_entry)
{
    for (uint64_t seed = 11; seed <= 13; seed++) {
        const design_spec spec = {.n = 120,
                                  .p = 2,
                                  .n_stratum = 1,
                                  .n_day = 30,
                                  .has_start = 1,
                                  .risk_sd = 0.5,
                                  .seed = seed};
        static trial t;
        static fitted f;
        const double beta[MOST_P] = {0.3, -0.2};
        long double loglik, score[MOST_P];
        trial_make(&spec, 1, 0, &t);
        for (size_t i = 0; i < 10; i++)
            t.d.start[i] = 0;
        slow_likelihood(&t, beta, &loglik, score);
        CHECK_OK(fit_with(1, &t, beta, 0, &f));
        CHECK_NEAR(f.fit.loglik[1], (double)loglik, 1e-11);
        for (size_t j = 0; j < 2; j++)
            CHECK_NEAR(f.score[j], (double)score[j], 1e-9);
        design_free(&t.d);
    }
}

TEST(finegray_information_is_the_slope_of_the_score)
{
    const design_spec spec = {
        .n = 200, .p = 3, .n_stratum = 2, .n_day = 15, .has_weight = 1, .risk_sd = 0.5, .seed = 21};
    static trial t;
    static fitted f, up, down;
    const double step = 1e-5;
    trial_make(&spec, 2, 0, &t);
    CHECK_OK(fit_with(1, &t, NULL, 50, &f));
    for (size_t j = 0; j < 3; j++) {
        double at[MOST_P];
        memcpy(at, f.coef, sizeof at);
        at[j] += step;
        CHECK_OK(fit_with(1, &t, at, 0, &up));
        at[j] -= 2 * step;
        CHECK_OK(fit_with(1, &t, at, 0, &down));
        for (size_t k = 0; k < 3; k++) { /* var times the information is one */
            double product = 0;
            for (size_t m = 0; m < 3; m++)
                product += f.var[k * 3 + m] * (down.score[m] - up.score[m]) / (2 * step);
            CHECK_NEAR(product, k == j ? 1.0 : 0.0, 1e-6);
        }
    }
    design_free(&t.d);
}

TEST(finegray_has_the_same_bits_on_any_number_of_threads)
{
    const design_spec spec = {
        .n = MOST_N, .p = 4, .n_stratum = 1, .has_weight = 1, .risk_sd = 0.5, .seed = 31};
    static trial t;
    static fitted one, three;
    for (int has_ratio = 0; has_ratio < 2; has_ratio++) {
        trial_make(&spec, 2, has_ratio, &t);
        CHECK_OK(fit_with(1, &t, NULL, 50, &one));
        CHECK_OK(fit_with(3, &t, NULL, 50, &three));
        CHECK_SAME_BITS(4, one.coef, three.coef);
        CHECK_SAME_BITS(16, one.robust, three.robust);
        CHECK_SAME_BITS(MOST_N, one.martingale, three.martingale);
        design_free(&t.d);
    }
}

TEST(finegray_tells_what_it_cannot_do)
{
    const design_spec spec = {.n = 60, .p = 2, .n_stratum = 1, .has_start = 1, .seed = 41};
    static trial t;
    static fitted f;
    trial_make(&spec, 1, 0, &t);
    t.data.cause = 7;
    CHECK_STATUS(SR_ERR_NO_EVENT, fit_with(1, &t, NULL, 50, &f));
    t.data.cause = 1;
    for (size_t i = 0; i < 60; i++) { /* the first is gone before anybody else enters */
        t.d.start[i] = i == 0 ? 1 : 10 + (double)(i % 7);
        t.d.stop[i] = i == 0 ? 2 : 30 + (double)i;
        t.kind[i] = i == 0 ? 2 : i % 3;
    }
    CHECK_STATUS(SR_ERR_DOMAIN, fit_with(1, &t, NULL, 50, &f));
    CHECK(f.fit.bad_row == 0);
    design_free(&t.d);
}
