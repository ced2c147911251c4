/* test_interval.c -- ends of intervals become a response, and what a likelihood reads of it */
#include "check.h"
#include "core_interval.h"

TEST(interval_ends_become_a_response)
{
    sr_context ctx = {.n_thread = 1};
    const double left[] = {1, 2, NAN, 3, -INFINITY, 5, NAN, 2, 0};
    const double right[] = {2, 2, 4, NAN, 6, INFINITY, NAN, 1, 3};
    const double time1[] = {1, 2, 4, 3, 6, 5, NAN, 2, 0}, time2[] = {2, 1, 1, 1, 1, 1, 1, 1, 3};
    const double status[] = {3, 1, 2, 0, 2, 0, NAN, NAN, 3};
    double out[27];
    size_t n_crossed = 0, n_unknown = 0;
    const sr_interval_ends in = {9, left, right, NAN};
    CHECK_OK(sr_interval_response(&ctx, &in, out, &n_crossed, &n_unknown));
    CHECK(n_crossed == 1 && n_unknown == 1);
    for (size_t i = 0; i < 9; i++) {
        CHECK(out[i] == time1[i] || (isnan(out[i]) && isnan(time1[i])));
        CHECK(out[9 + i] == time2[i]);
        CHECK(out[18 + i] == status[i] || (isnan(out[18 + i]) && isnan(status[i])));
    }
    sr_arena_free(&ctx.arena);
}

TEST(interval_rows_are_read_as_the_likelihood_has_them)
{
    sr_context ctx = {.n_thread = 1};
    /* (1, 2], exact 2, before 4, after 3, (0, 3], after 0 */
    double y[] = {1, 2, 4, 3, 0, 0, 2, 1, 1, 1, 3, 1, 3, 1, 2, 0, 3, 0};
    int kind[6];
    double time[6], right[6];
    const int want[] = {3, 1, 2, 0, 2, 4};
    sr_interval_rows rows = {kind, time, right, 0};
    CHECK_OK(sr_interval_read(&ctx, 6, y, &rows));
    CHECK_SAME_BITS(6, kind, want);
    CHECK(rows.n_interval == 1 && right[0] == 2 && time[0] == 1 && time[4] == 3 && right[4] == 1);
    const struct {
        size_t at;
        double value;
    } odd[] = {{1, 0},   {2, 0},        {0, -1}, {3, INFINITY}, {6, 1},
               {6, 0.5}, {6, INFINITY}, {12, 7}, {13, -1},      {14, NAN}};
    for (size_t k = 0; k < sizeof odd / sizeof *odd; k++) {
        const double before = y[odd[k].at];
        y[odd[k].at] = odd[k].value;
        CHECK_STATUS(SR_ERR_DOMAIN, sr_interval_read(&ctx, 6, y, &rows));
        y[odd[k].at] = before;
    }
    sr_arena_free(&ctx.arena);
}
