/* test_cox_follow.c -- residuals, robust variance and curves against their definitions */
#define _GNU_SOURCE
#include "model_cox_resid.h"
#include "model_cox_surv.h"
#include "oracle.h"
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { N_DESIGN = 24 };

static design_spec spec_of(int which)
{
    return (design_spec){.n = 60 + 17 * (size_t)(which % 5),
                         .p = 1 + (size_t)(which % 4),
                         .n_stratum = 1 + 2 * (which / 4 % 2),
                         .n_day = which % 3 == 0 ? 0 : 20,
                         .has_start = (which & 1) != 0,
                         .has_weight = (which & 2) != 0,
                         .risk_sd = 0.8,
                         .seed = 7000 + (uint64_t)which};
}

static double *true_eta(const design *d)
{
    double *eta = calloc(d->data.times.n, sizeof(double));
    for (size_t i = 0; i < d->data.times.n; i++)
        for (size_t j = 0; j < d->data.x.p; j++)
            eta[i] += d->truth[j] * d->data.x.x[j][i];
    return eta;
}

static int is_at_risk(const sr_times *t, size_t i, size_t at)
{
    const int s = t->stratum == NULL ? 0 : t->stratum[i];
    return s == (t->stratum == NULL ? 0 : t->stratum[at]) && t->stop[i] >= t->stop[at] &&
           (t->start == NULL || t->start[i] < t->stop[at]);
}

static int dies_with(const sr_times *t, size_t i, size_t at)
{
    return t->event[i] != 0 && is_at_risk(t, i, at) && t->stop[i] == t->stop[at];
}

/* out[n x p] by column: each death in turn stands for 1/m of its tied time. */
static void oracle_scores(const sr_cox_data *data, int is_efron, const double *eta, double *out)
{
    const sr_times *const t = &data->times;
    const size_t n = t->n, p = data->x.p;
    memset(out, 0, n * p * sizeof(double));
    for (size_t at = 0; at < n; at++) {
        if (t->event[at] == 0)
            continue;
        size_t m = 0, rank = 0;
        long double weight = 0, S0 = 0, S1[MOST_P] = {0};
        for (size_t i = 0; i < n; i++)
            if (dies_with(t, i, at)) {
                rank += i < at;
                m++;
                weight += t->weight == NULL ? 1 : t->weight[i];
            }
        const long double f = is_efron ? (long double)rank / (long double)m : 0;
        for (size_t i = 0; i < n; i++) {
            if (!is_at_risk(t, i, at))
                continue;
            const long double share = (dies_with(t, i, at) ? 1 - f : 1) * expl(eta[i]) *
                                      (t->weight == NULL ? 1 : t->weight[i]);
            S0 += share;
            for (size_t j = 0; j < p; j++)
                S1[j] += share * data->x.x[j][i];
        }
        for (size_t i = 0; i < n; i++) {
            if (!is_at_risk(t, i, at))
                continue;
            const int dies = dies_with(t, i, at);
            const long double step =
                (dies ? 1.0L / (long double)m : 0) -
                (dies ? 1 - f : 1) * expl(eta[i]) * weight / (long double)m / S0;
            for (size_t j = 0; j < p; j++)
                out[j * n + i] += (double)(step * (data->x.x[j][i] - S1[j] / S0));
        }
    }
}

static sr_status scores_of(sr_context *ctx, const design *d, int is_efron, const double *eta,
                           sr_riskset *rs, sr_cox_scores *scores)
{
    SR_TRY(sr_riskset_make(ctx, &d->data.times, is_efron, rs));
    return sr_cox_scores_open(ctx, &d->data, rs, eta, scores);
}

TEST(scores_are_their_definition)
{
    for (int which = 0; which < 2 * N_DESIGN; which++) {
        const design_spec spec = spec_of(which / 2);
        design d;
        design_make(&spec, &d);
        double *eta = true_eta(&d), *got = calloc(2 * d.data.times.n * d.data.x.p, sizeof(double));
        double *want = got + d.data.times.n * d.data.x.p;
        sr_context ctx = {.n_thread = 1};
        sr_riskset rs;
        sr_cox_scores scores;
        oracle_scores(&d.data, which % 2, eta, want);
        CHECK_OK(scores_of(&ctx, &d, which % 2, eta, &rs, &scores));
        CHECK_OK(sr_cox_scores_all(&ctx, &scores, 0, got));
        CHECK_CLOSE(d.data.times.n * d.data.x.p, got, want, 1e-11);
        sr_arena_free(&ctx.arena);
        free(eta);
        free(got);
        design_free(&d);
    }
}

TEST(robust_variance_is_the_crossproduct_of_cluster_sums)
{
    for (int which = 0; which < N_DESIGN; which++) {
        const design_spec spec = spec_of(which);
        design d;
        design_make(&spec, &d);
        const size_t n = d.data.times.n, p = d.data.x.p, n_cluster = 13;
        double *eta = true_eta(&d), *score = calloc(n * p, sizeof(double));
        double sums[13 * MOST_P] = {0}, want[MOST_P * MOST_P] = {0}, got[MOST_P * MOST_P];
        double total[MOST_P], again[MOST_P * MOST_P];
        int *cluster = calloc(n, sizeof(int));
        sr_context ctx = {.n_thread = 1};
        sr_riskset rs;
        sr_cox_scores scores;
        CHECK_OK(scores_of(&ctx, &d, 1, eta, &rs, &scores));
        CHECK_OK(sr_cox_scores_all(&ctx, &scores, 1, score));
        for (size_t i = 0; i < n; i++) {
            cluster[i] = (int)(i * 7 % n_cluster);
            for (size_t j = 0; j < p; j++)
                sums[(size_t)cluster[i] * p + j] += score[j * n + i];
        }
        for (size_t g = 0; g < n_cluster; g++)
            for (size_t j = 0; j < p * p; j++)
                want[j] += sums[g * p + j / p] * sums[g * p + j % p];
        const sr_cox_clusters by = {cluster, n_cluster};
        CHECK_OK(sr_cox_scores_meat(&ctx, &scores, &by, NULL, got, total));
        CHECK_CLOSE(p * p, got, want, 1e-11);
        ctx.n_thread = 3;
        CHECK_OK(sr_cox_scores_meat(&ctx, &scores, &by, NULL, again, total));
        CHECK_SAME_BITS(p * p, again, got);
        sr_arena_free(&ctx.arena);
        free(eta);
        free(score);
        free(cluster);
        design_free(&d);
    }
}

TEST(schoenfeld_rows_are_the_deaths_in_order_and_add_up_to_the_gradient)
{
    for (int which = 0; which < N_DESIGN; which++) {
        design_spec spec = spec_of(which);
        spec.has_weight = 0;
        design d;
        design_make(&spec, &d);
        const size_t p = d.data.x.p, n_death = sr_cox_death_count(&d.data);
        double *eta = true_eta(&d), *out = calloc(n_death * p + 1, sizeof(double));
        double sum[MOST_P] = {0}, want[MOST_P];
        size_t *row = calloc(n_death + 1, sizeof(size_t));
        const sr_times *const t = &d.data.times;
        oracle_result truth = {0};
        sr_context ctx = {.n_thread = 1};
        sr_riskset rs;
        sr_cox_scores scores;
        CHECK_OK(scores_of(&ctx, &d, which % 2, eta, &rs, &scores));
        CHECK_OK(sr_cox_schoenfeld(&ctx, &scores, row, out));
        for (size_t k = 0; k < n_death; k++) {
            CHECK(t->event[row[k]] != 0);
            if (k > 0 && (t->stratum == NULL || t->stratum[row[k]] == t->stratum[row[k - 1]]))
                CHECK(t->stop[row[k]] > t->stop[row[k - 1]] ||
                      (t->stop[row[k]] == t->stop[row[k - 1]] && row[k] > row[k - 1]));
            for (size_t j = 0; j < p; j++)
                sum[j] += out[j * n_death + k];
        }
        oracle_cox(&d.data, which % 2, d.truth, &truth);
        for (size_t j = 0; j < p; j++)
            want[j] = (double)truth.score[j];
        CHECK_CLOSE(p, sum, want, 1e-9);
        sr_arena_free(&ctx.arena);
        free(eta);
        free(out);
        free(row);
        design_free(&d);
    }
}

TEST(curves_count_who_is_at_risk_and_end_at_the_rows_expected_numbers)
{
    for (int which = 0; which < N_DESIGN; which++) {
        const design_spec spec = spec_of(which);
        design d;
        design_make(&spec, &d);
        const sr_times *const t = &d.data.times;
        double *eta = true_eta(&d), *expected = calloc(2 * d.data.times.n, sizeof(double));
        const double centre[MOST_P] = {0}, var[MOST_P * MOST_P] = {0};
        const sr_curve_kind kind = {0, 0, centre};
        sr_context ctx = {.n_thread = 1};
        sr_cox_curve curve;
        CHECK_OK(sr_cox_curve_make(&ctx, &d.data, eta, &kind, &curve));
        for (int s = 0; s < curve.rs.n_stratum; s++)
            for (size_t row = curve.rows.row_begin[s]; row < curve.rows.row_begin[s + 1]; row++) {
                double at_risk = 0, dead = 0;
                for (size_t i = 0; i < d.data.times.n; i++) {
                    const double weight = t->weight == NULL ? 1 : t->weight[i];
                    if ((t->stratum != NULL && t->stratum[i] != s) ||
                        t->stop[i] < curve.rows.time[row])
                        continue;
                    if (t->start == NULL || t->start[i] < curve.rows.time[row])
                        at_risk += weight;
                    if (t->stop[i] == curve.rows.time[row] && t->event[i] != 0)
                        dead += weight;
                }
                CHECK_NEAR(curve.rows.n_risk[row], at_risk, 1e-12);
                CHECK_NEAR(curve.rows.n_event[row], dead, 1e-12);
            }
        /* Breslow: the same hazards as the oracle's */
        oracle_result truth = {.hazard = expected + d.data.times.n};
        oracle_cox(&d.data, 0, d.truth, &truth);
        double *std_err = calloc(d.data.times.n, sizeof(double));
        sr_expected_query query = {.n = d.data.times.n,
                                   .stratum = t->stratum,
                                   .z = d.data.x,
                                   .eta = eta,
                                   .var = var,
                                   .expected = expected,
                                   .std_err = std_err};
        CHECK_OK(sr_cox_expected(&ctx, &d.data, eta, &kind, &query));
        for (size_t i = 0; i < d.data.times.n; i++)
            expected[d.data.times.n + i] *= exp(eta[i]);
        CHECK_CLOSE(d.data.times.n, expected, expected + d.data.times.n, 1e-11);
        query.start = t->start;
        query.stop = t->stop;
        query.expected = expected + d.data.times.n;
        CHECK_OK(sr_cox_expected(&ctx, &d.data, eta, &kind, &query));
        CHECK_CLOSE(d.data.times.n, expected + d.data.times.n, expected, 1e-13);
        sr_arena_free(&ctx.arena);
        free(eta);
        free(expected);
        free(std_err);
        design_free(&d);
    }
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(SR_NO_CLONES)
/* More than 2^31 residuals: 2^20 rows of 2049 columns, every column of the result being the same
 * 8 MB of memory, laid out one after the other. An index of 32 bits would leave them. */
TEST(residuals_may_have_more_than_2_31_cells)
{
    const size_t n = (size_t)1 << 20, p = 2049, size = n * sizeof(double);
    const int file = memfd_create("column", 0);
    char *const out =
        mmap(NULL, p * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (file < 0 || out == MAP_FAILED || ftruncate(file, (off_t)size) != 0)
        return; /* this machine does not offer so large a space */
    for (size_t j = 0; j < p; j++)
        if (mmap(out + j * size, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0) ==
            MAP_FAILED)
            return;
    double *const ones = calloc(2 * n, sizeof(double)), *const last = ones + n;
    const double **column = calloc(p, sizeof(*column));
    uint32_t *cell = calloc(n, sizeof(*cell));
    for (size_t i = 0; i < n; i++) {
        ones[i] = 1;
        last[i] = (double)i;
    }
    for (size_t j = 0; j < p; j++)
        column[j] = j + 1 < p ? ones : last;
    /* one slot without events, a risk of 2 and a hazard of 1: each score is -2 z */
    double *const risk = calloc(n, sizeof(double)), *const event = calloc(n, sizeof(double));
    double *const place = calloc(p, sizeof(double));
    double hazard = 1, low = 0;
    for (size_t i = 0; i < n; i++)
        risk[i] = 2;
    const sr_cox_data data = {.times = {.n = n, .event = event, .n_stratum = 1}};
    const sr_riskset rs = {.n = n, .n_stratum = 1, .n_slot = 1, .cell = cell};
    const sr_cox_scores scores = {.data = &data,
                                  .rs = &rs,
                                  .z = {.n = n, .p = p, .x = column},
                                  .risk = risk,
                                  .hazard = {.at_cell = &hazard, .at_cell_low = &low},
                                  .path = {.p = p, .mean = place, .drift = place}};
    sr_context ctx = {.n_thread = 2};
    CHECK_OK(sr_cox_scores_all(&ctx, &scores, 0, (double *)out));
    const double *const got = (const double *)(out + (p - 1) * size);
    size_t n_wrong = 0;
    for (size_t i = 0; i < n; i++)
        n_wrong += got[i] != -2 * (double)i;
    CHECK(n_wrong == 0);
    sr_arena_free(&ctx.arena);
    munmap(out, p * size);
    close(file);
    free(ones);
    free(column);
    free(cell);
    free(risk);
    free(event);
    free(place);
}
#endif
