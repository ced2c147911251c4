/* test_concordance.c -- rank counts and concordance against all pairs */
#include "check.h"
#include "core_rankcount.h"
#include "model_concordance.h"
#include "oracle.h"
#include <stdlib.h>

/* ---- core_rankcount -------------------------------------------------------------------------- */

static void count_pairwise(size_t n, const sr_rank_item *item, double *below)
{
    for (size_t a = 0; a < n; a++)
        for (size_t b = 0; b < n; b++) {
            const sr_rank_item *const source = &item[a], *const later = &item[b];
            if (source->key % 2 != 0 || later->key <= source->key || later->rank == source->rank)
                continue;
            if (later->rank < source->rank)
                below[source->row] += later->weight;
            else
                below[later->row] -= (later->weight < 0 ? -1 : 1) * source->weight;
        }
}

static void check_count(size_t n, uint32_t n_rank, size_t n_key, int is_exact, double weight_sd)
{
    check_random random = {n + n_key + (size_t)is_exact};
    sr_rank_item *item = calloc(2 * n, sizeof *item), *copy = calloc(n, sizeof *copy);
    double *want = calloc(3 * n, sizeof(double)), *got = want + n, *low = got + n;
    for (size_t i = 0; i < n; i++) {
        item[i].rank = (uint32_t)(i * n_rank / n);
        item[i].key = (uint32_t)check_below(&random, n_key);
        item[i].weight = exp(weight_sd * check_normal(&random));
        item[i].row = (uint32_t)check_below(&random, n);
        if (item[i].key % 2 == 1 && check_uniform(&random) < 0.3)
            item[i].weight *= -1;
    }
    memcpy(copy, item, n * sizeof *item);
    count_pairwise(n, copy, want);
    sr_rank_count(n, item, item + n, n_key, got, is_exact ? low : NULL);
    for (size_t i = 0; i < n; i++)
        got[i] += low[i];
    CHECK_CLOSE(n, got, want, 1e-12);
    free(item);
    free(copy);
    free(want);
}

TEST(rank_count_is_the_sum_over_pairs)
{
    const size_t keys[] = {2, 15, 16, 17, 300, SR_RANK_TABLE, SR_RANK_TABLE + 1, 3000000};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
        for (int is_exact = 0; is_exact < 2; is_exact++) {
            check_count(900, 900, keys[k], is_exact, is_exact ? 3 : 0);
            check_count(900, 7, keys[k], is_exact, 1);
            check_count(10, 10, keys[k], is_exact, 1);
            check_count(1, 1, keys[k], is_exact, 1);
        }
}

/* ---- model_concordance ----------------------------------------------------------------------- */

typedef struct {
    sr_pair_counts count;
    double *rows; /* balance, comparable, tied, same_time, same_both */
} pairs;

static int comes_after(const sr_times *t, size_t i, size_t j)
{
    return (t->start == NULL || t->start[j] < t->stop[i]) &&
           (t->stop[j] > t->stop[i] || (t->stop[j] == t->stop[i] && t->event[j] == 0));
}

static double weight_of(const sr_times *t, size_t i)
{
    return t->weight == NULL ? 1 : t->weight[i];
}

static void meet(const sr_times *t, const double *score, size_t i, size_t j, pairs *out)
{
    const double w = weight_of(t, i), v = weight_of(t, j);
    const double sign = (score[i] > score[j]) - (score[i] < score[j]);
    double *const balance = out->rows, *const comparable = balance + t->n;
    double *const tied = comparable + t->n, *const same_time = tied + t->n;
    if (t->event[i] == 0 || i == j || (t->stratum != NULL && t->stratum[i] != t->stratum[j]))
        return;
    if (comes_after(t, i, j)) {
        *(sign > 0   ? &out->count.concordant
          : sign < 0 ? &out->count.discordant
                     : &out->count.tied_score) += w * v;
        balance[i] += v * sign;
        balance[j] += w * sign;
        comparable[i] += v;
        comparable[j] += w;
        tied[i] += sign == 0 ? v : 0;
        tied[j] += sign == 0 ? w : 0;
    } else if (t->event[j] != 0 && t->stop[i] == t->stop[j]) {
        *(sign == 0 ? &out->count.tied_both : &out->count.tied_time) += w * v / 2;
        (sign == 0 ? same_time + t->n : same_time)[i] += v;
    }
}

static void check_concordance(const design_spec *spec, double n_score)
{
    design d;
    design_make(spec, &d);
    const sr_times *const t = &d.data.times;
    const size_t n = t->n;
    double *score = calloc(11 * n, sizeof(double));
    sr_pair_counts count[8] = {{0}}, sum = {0};
    pairs want = {{0}, score + n};
    double *const got = score + 6 * n;
    for (size_t i = 0; i < n; i++)
        score[i] = floor(d.data.x.x[0][i] * n_score) / n_score;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            meet(t, score, i, j, &want);
    sr_context ctx = {.n_thread = 1};
    sr_concordance out = {count, got, got + n, got + 2 * n, got + 3 * n, got + 4 * n};
    CHECK_OK(sr_concordance_count(&ctx, t, score, &out));
    for (int s = 0; s < t->n_stratum; s++) {
        sum.concordant += count[s].concordant;
        sum.discordant += count[s].discordant;
        sum.tied_score += count[s].tied_score;
        sum.tied_time += count[s].tied_time;
        sum.tied_both += count[s].tied_both;
    }
    CHECK_CLOSE(5, &sum.concordant, &want.count.concordant, 1e-12);
    for (size_t part = 0; part < 5; part++)
        CHECK_CLOSE(n, got + part * n, want.rows + part * n, 1e-11);
    double *const dfbeta = score;
    sr_concordance_summary summary = {.dfbeta = dfbeta};
    CHECK_OK(sr_concordance_summarise(&ctx, t, &out, &summary));
    double squares = 0;
    for (size_t i = 0; i < n; i++)
        squares += dfbeta[i] * dfbeta[i];
    CHECK_NEAR(summary.variance, squares, 1e-12);
    CHECK_NEAR(summary.concordance,
               (sum.concordant + sum.tied_score / 2) /
                   (sum.concordant + sum.discordant + sum.tied_score),
               1e-12);
    sr_arena_free(&ctx.arena);
    free(score);
    design_free(&d);
}

TEST(concordance_counts_all_pairs)
{
    const double days[] = {0, 6, 40};
    for (int which = 0; which < 24; which++) {
        const design_spec spec = {.n = 150,
                                  .p = 2,
                                  .n_stratum = which % 4 < 2 ? 1 : 4,
                                  .n_day = days[which % 3],
                                  .has_start = which % 2,
                                  .has_weight = which / 6 % 2,
                                  .risk_sd = 1,
                                  .seed = 100 + (uint64_t)which};
        check_concordance(&spec, which % 8 < 4 ? 2 : 1e9);
    }
}

static int stop_at(void *left)
{
    return --*(int *)left < 0;
}

TEST(concordance_stops_when_asked)
{
    const design_spec spec = {.n = 60, .p = 1, .n_stratum = 1, .n_day = 9, .risk_sd = 1, .seed = 9};
    design d;
    design_make(&spec, &d);
    double rows[2 * 60], score[60];
    for (size_t i = 0; i < 60; i++)
        score[i] = floor(2 * d.data.x.x[0][i]);
    sr_pair_counts count;
    sr_concordance out = {.count = &count, .balance = rows, .comparable = rows + 60};
    int n_stopped = 0;
    for (int ticks = 0; ticks < 20; ticks++) {
        int left = ticks;
        sr_context ctx = {.n_thread = 1, .tick = stop_at, .tick_data = &left};
        const sr_status status = sr_concordance_count(&ctx, &d.data.times, score, &out);
        CHECK(status == SR_OK || status == SR_ERR_INTERRUPT);
        n_stopped += status == SR_ERR_INTERRUPT;
        sr_arena_free(&ctx.arena);
    }
    CHECK(n_stopped > 2 && n_stopped < 20);
    design_free(&d);
}
