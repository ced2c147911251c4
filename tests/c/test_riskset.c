/* test_riskset.c -- slots, cells and merged times against their definitions */
#include "oracle.h"
#include <stdlib.h>

/* A row belongs to the slots of its stratum whose time is in (start, stop]. */
static void check_definition(const sr_times *t, const sr_riskset *rs, int is_efron)
{
    int is_placed = 1, is_dead_right = 1;
    for (size_t i = 0; i < t->n; i++) {
        const int s = t->stratum == NULL ? 0 : t->stratum[i];
        const uint32_t leave = sr_leave(rs, i);
        for (size_t k = 0; k < rs->n_slot; k++) {
            if (rs->slot_stratum[k] != s || k == rs->slot_begin[s])
                continue;
            const double now = rs->slot_time[k];
            const int is_in = k <= leave && (rs->enter == NULL || k > rs->enter[i]);
            const int is_at_risk = now <= t->stop[i] && (t->start == NULL || now > t->start[i]);
            is_placed &= is_in == is_at_risk;
        }
        is_placed &= leave >= rs->slot_begin[s] && leave < rs->slot_begin[s + 1];
        if (t->event[i] != 0) {
            is_dead_right &= rs->slot_time[leave] == t->stop[i];
            is_dead_right &= (rs->cell[i] >= rs->n_slot) == (is_efron && rs->n_death[leave] > 1);
        } else {
            is_dead_right &= rs->cell[i] < rs->n_slot;
        }
    }
    CHECK(is_placed);
    CHECK(is_dead_right);
}

static void check_slots(const sr_times *t, const sr_riskset *rs)
{
    CHECK(rs->slot_begin[0] == 0 && rs->slot_begin[t->n_stratum] == rs->n_slot);
    int is_right = 1;
    double *n_death = calloc(rs->n_slot, sizeof(double));
    double *weight = calloc(rs->n_slot, sizeof(double));
    for (size_t i = 0; i < t->n; i++)
        if (t->event[i] != 0) {
            n_death[sr_leave(rs, i)] += 1;
            weight[sr_leave(rs, i)] += t->weight == NULL ? 1 : t->weight[i];
        }
    CHECK_CLOSE(rs->n_slot, rs->n_death, n_death, 0);
    CHECK_CLOSE(rs->n_slot, rs->death_weight, weight, 1e-14);
    for (int s = 0; s < t->n_stratum; s++) {
        is_right &= rs->n_death[rs->slot_begin[s]] == 0;
        for (size_t k = rs->slot_begin[s]; k < rs->slot_begin[s + 1]; k++) {
            is_right &= rs->slot_stratum[k] == s;
            if (k > rs->slot_begin[s])
                is_right &= rs->slot_time[k] > rs->slot_time[k - 1] && n_death[k] > 0;
        }
    }
    CHECK(is_right);
    for (size_t tied = 0; tied < rs->n_tied; tied++)
        CHECK(rs->slot_tied[rs->tied_slot[tied]] == (int32_t)tied);
    free(n_death);
    free(weight);
}

TEST(riskset_holds_who_is_at_risk)
{
    const int n_stratum[] = {1, 3, 40};
    for (int which = 0; which < 24; which++) {
        const design_spec spec = {.n = 60 + 7 * (size_t)which,
                                  .p = 1,
                                  .n_stratum = n_stratum[which % 3],
                                  .n_day = which & 1 ? 30 : 0,
                                  .has_start = (which & 2) != 0,
                                  .has_weight = (which & 4) != 0,
                                  .seed = 100 + (uint64_t)which};
        design d;
        design_make(&spec, &d);
        sr_context ctx = {.n_thread = 1};
        sr_riskset rs;
        for (int is_efron = 0; is_efron < 2; is_efron++) {
            CHECK_OK(sr_riskset_make(&ctx, &d.data.times, is_efron, &rs));
            check_definition(&d.data.times, &rs, is_efron);
            check_slots(&d.data.times, &rs);
        }
        sr_arena_free(&ctx.arena);
        design_free(&d);
    }
}

TEST(riskset_of_matched_sets)
{
    /* 30,000 strata of two: too many for a table of stratum by time */
    enum { N = 60000 };
    design d;
    design_make(&(design_spec){.n = N, .p = 1, .n_stratum = N / 2, .has_start = 1, .seed = 5}, &d);
    sr_context ctx = {.n_thread = 1};
    sr_riskset rs;
    CHECK_OK(sr_riskset_make(&ctx, &d.data.times, 1, &rs));
    check_slots(&d.data.times, &rs);
    int is_right = 1;
    for (size_t i = 0; i < N; i++) {
        const uint32_t leave = sr_leave(&rs, i), enter = rs.enter[i];
        is_right &=
            rs.slot_stratum[leave] == d.stratum[i] && rs.slot_stratum[enter] == d.stratum[i];
        is_right &= rs.slot_time[leave] <= d.stop[i] && rs.slot_time[enter] <= d.start[i];
        const size_t end = rs.slot_begin[d.stratum[i] + 1];
        is_right &= leave + 1u == end || rs.slot_time[leave + 1] > d.stop[i];
        is_right &= enter + 1u == end || rs.slot_time[enter + 1] > d.start[i];
    }
    CHECK(is_right);
    sr_arena_free(&ctx.arena);
    design_free(&d);
}

TEST(timeindex_finds_distinct_times)
{
    check_random random = {3};
    enum { N = 5000 };
    double start[N], stop[N];
    for (int is_whole = 0; is_whole < 2; is_whole++) {
        for (size_t i = 0; i < N; i++) {
            stop[i] = is_whole ? floor(400 * check_uniform(&random)) - 100
                               : floor(400 * check_uniform(&random)) / 7;
            start[i] = stop[i] - 1 - floor(20 * check_uniform(&random));
        }
        const sr_times times = {.n = N, .start = start, .stop = stop};
        sr_context ctx = {.n_thread = 1};
        sr_timeindex index;
        size_t bad_row = 0;
        CHECK_OK(sr_timeindex_make(&ctx, &times, 0, &index, &bad_row));
        int is_right = 1;
        for (size_t i = 0; i < N; i++)
            is_right &=
                index.value[index.start[i]] == start[i] && index.value[index.stop[i]] == stop[i];
        for (size_t k = 1; k < index.n_distinct; k++)
            is_right &= index.value[k - 1] < index.value[k];
        CHECK(is_right);
        CHECK(index.n_merged == 0);
        sr_arena_free(&ctx.arena);
    }
}

TEST(timeindex_merges_neighbours)
{
    /* steps of 1e-9 chain into one time, which takes the value of the first */
    const double stop[] = {1, 1 + 1e-9, 1 + 2e-9, 2, 2 + 1e-6, 3 - 1e-9, 3, INFINITY};
    const double merged[] = {1, 1, 1, 2, 2 + 1e-6, 3 - 1e-9, 3 - 1e-9, INFINITY};
    const double start[] = {0, 0, 0, 1, 1, 1, 2 + 1e-6, 2 + 1e-9};
    enum { N = sizeof stop / sizeof stop[0] };
    sr_times times = {.n = N, .stop = stop};
    sr_context ctx = {.n_thread = 1};
    sr_timeindex index;
    size_t bad_row = 99;
    CHECK_OK(sr_timeindex_make(&ctx, &times, 1e-8, &index, &bad_row));
    CHECK(index.n_merged == 3);
    CHECK(index.n_distinct == 5);
    for (size_t i = 0; i < N; i++)
        CHECK(index.value[index.stop[i]] == merged[i]);
    CHECK_OK(sr_timeindex_make(&ctx, &times, 0, &index, &bad_row));
    CHECK(index.n_merged == 0 && index.n_distinct == N);
    times.start = start;
    CHECK_OK(sr_timeindex_make(&ctx, &times, 1e-8, &index, &bad_row));
    CHECK(index.value[index.start[7]] == 2);
    const double too_late[] = {0, 0, 0, 1, 2 + 1e-6 - 1e-9, 1, 1, 1};
    times.start = too_late;
    CHECK_STATUS(SR_ERR_INTERVAL, sr_timeindex_make(&ctx, &times, 1e-8, &index, &bad_row));
    CHECK(bad_row == 4);
    sr_arena_free(&ctx.arena);
}
