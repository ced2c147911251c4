/* test_frame.c -- missing values, responses and groups are found where they are */
#include "check.h"
#include "core_frame.h"
#include <limits.h>
#include <stdlib.h>

/* R's NA: a NaN whose low word is SR_NA_LOW_WORD */
static double na_real(void)
{
    const uint64_t bits = ((uint64_t)0x7FF00000 << 32) | SR_NA_LOW_WORD;
    double na;
    memcpy(&na, &bits, sizeof na);
    return na;
}

TEST(frame_tells_missing_from_not_finite)
{
    enum { N = 20000 };
    sr_context ctx = {.n_thread = 2};
    double *x = malloc(N * sizeof(double)), *time = malloc(N * sizeof(double));
    int *group = malloc(N * sizeof(int));
    unsigned char *row = malloc(N);
    for (size_t i = 0; i < N; i++) {
        x[i] = (double)i;
        time[i] = 1;
        group[i] = 3;
    }
    x[5] = na_real();
    x[7] = NAN;
    x[19999] = -INFINITY;
    time[6] = NAN;
    time[8] = INFINITY;
    group[7] = INT_MIN;
    group[12000] = INT_MIN;
    const sr_frame_column columns[] = {{x, NULL, 1, 0}, {time, NULL, 0, 1}, {NULL, group, 0, 2}};
    const sr_frame frame = {N, 3, columns};
    size_t missing[3] = {0, 0, 0}, n_flagged = 0;
    CHECK_OK(sr_frame_scan(&ctx, &frame, row, missing, &n_flagged));
    CHECK(n_flagged == 5);
    CHECK(missing[0] == 1 && missing[1] == 1 && missing[2] == 2);
    CHECK(row[5] == SR_ROW_MISSING && row[6] == SR_ROW_MISSING && row[12000] == SR_ROW_MISSING);
    CHECK(row[7] == (SR_ROW_MISSING | SR_ROW_NOT_FINITE));
    CHECK(row[19999] == SR_ROW_NOT_FINITE);
    CHECK(row[8] == 0); /* an infinite time is one */
    free(row);
    free(group);
    free(time);
    free(x);
    sr_arena_free(&ctx.arena);
}

TEST(frame_makes_responses)
{
    sr_context ctx = {.n_thread = 1};
    const double start[] = {0, 1, 3, 2}, stop[] = {2, 1, 4, NAN};
    const int status[] = {1, 2, INT_MIN, 2};
    double out[12];
    size_t n_bad_time = 9, n_bad_status = 9;
    sr_frame_times in = {4, {0}, {stop, NULL, 0, 0}, {NULL, status, 0, 0}, na_real()};
    CHECK_OK(sr_frame_response(&ctx, &in, out, &n_bad_time, &n_bad_status));
    CHECK(n_bad_time == 0 && n_bad_status == 0);
    CHECK(out[0] == 2 && out[2] == 4 && isnan(out[3]));
    CHECK(out[4] == 0 && out[5] == 1 && isnan(out[6]) && out[7] == 1);
    in.start = (sr_frame_column){start, NULL, 0, 0};
    CHECK_OK(sr_frame_response(&ctx, &in, out, &n_bad_time, &n_bad_status));
    CHECK(n_bad_time == 1 && isnan(out[1]) && out[0] == 0 && out[2] == 3 && out[3] == 2);
    const double odd[] = {0, 1, 3, 1};
    in.status = (sr_frame_column){odd, NULL, 0, 0};
    CHECK_OK(sr_frame_response(&ctx, &in, out, &n_bad_time, &n_bad_status));
    CHECK(n_bad_status == 1 && out[8] == 0 && out[9] == 1 && isnan(out[10]) && out[11] == 1);
    sr_arena_free(&ctx.arena);
}

TEST(frame_numbers_groups_in_order)
{
    sr_context ctx = {.n_thread = 1};
    const int x[] = {7, -2, INT_MIN, 7, 5}, lost[] = {INT_MIN, INT_MIN};
    const int wide[] = {INT_MAX, -INT_MAX};
    int code[5], value[5];
    sr_frame_groups groups = {code, value, 0};
    CHECK_OK(sr_frame_group(&ctx, 5, x, 100, &groups));
    CHECK(groups.n_value == 3 && value[0] == -2 && value[1] == 5 && value[2] == 7);
    CHECK(code[0] == 2 && code[1] == 0 && code[2] == INT_MIN && code[3] == 2 && code[4] == 1);
    CHECK_OK(sr_frame_group(&ctx, 2, lost, 100, &groups));
    CHECK(groups.n_value == 0 && code[0] == INT_MIN && code[1] == INT_MIN);
    CHECK_STATUS(SR_ERR_DOMAIN, sr_frame_group(&ctx, 2, wide, 100, &groups));
    sr_arena_free(&ctx.arena);
}

TEST(frame_counts_events_and_knows_few_values)
{
    const double event[] = {1, 0, 1, 1}, x[] = {0, 1, -1, 1}, allowed[] = {-1, 0, 1};
    const int stratum[] = {0, 2, 2, 0};
    double rows[3] = {0, 0, 0}, events[3] = {0, 0, 0};
    sr_frame_count(4, event, stratum, rows, events);
    CHECK(rows[0] == 2 && rows[1] == 0 && rows[2] == 2);
    CHECK(events[0] == 2 && events[1] == 0 && events[2] == 1);
    sr_frame_count(4, event, NULL, rows, events);
    CHECK(rows[0] == 4 && events[0] == 3);
    CHECK(sr_frame_all_in(4, x, 3, allowed));
    CHECK(!sr_frame_all_in(4, x, 2, allowed));
    CHECK(sr_frame_all_in(0, x, 0, allowed));
}
