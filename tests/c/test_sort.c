/* test_sort.c -- the order is ascending and stable, whatever the doubles */
#include "check.h"
#include "core_sort.h"
#include <stdlib.h>

static void check_order(size_t n, const double *key)
{
    sr_context ctx = {.n_thread = 1};
    uint32_t *order = malloc((n + 1) * sizeof(uint32_t));
    unsigned char *is_seen = calloc(n + 1, 1);
    CHECK_OK(sr_sort_order(&ctx, n, key, order));
    int is_ascending = 1, is_stable = 1, is_permutation = 1;
    for (size_t r = 0; r < n; r++) {
        is_permutation &= order[r] < n && !is_seen[order[r]];
        is_seen[order[r]] = 1;
        if (r == 0)
            continue;
        is_ascending &= key[order[r - 1]] <= key[order[r]];
        is_stable &= key[order[r - 1]] != key[order[r]] || order[r - 1] < order[r];
    }
    CHECK(is_permutation);
    CHECK(is_ascending);
    CHECK(is_stable);
    free(is_seen);
    free(order);
    sr_arena_free(&ctx.arena);
}

TEST(sort_orders_any_doubles)
{
    const double odd[] = {0.0, -0.0, INFINITY, -INFINITY, 1, -1, 5e-324, -5e-324, 1e308, -1e308,
                          0.0, -0.0, 1,        1,         2, 2,  1e-300, 3,       -3,    1};
    check_order(sizeof odd / sizeof odd[0], odd);
    check_order(0, odd);
    check_order(1, odd);
    check_order(2, odd);
}

TEST(sort_orders_many)
{
    check_random random = {11};
    enum { N = 100000 };
    double *key = malloc(N * sizeof(double));
    for (size_t i = 0; i < N; i++)
        key[i] = check_normal(&random) * exp(40 * check_normal(&random));
    check_order(N, key);
    for (size_t i = 0; i < N; i++)
        key[i] = floor(50 * check_normal(&random));
    check_order(N, key);
    for (size_t i = 0; i < N; i++)
        key[i] = (double)i;
    check_order(N, key);
    for (size_t i = 0; i < N; i++)
        key[i] = -(double)i;
    check_order(N, key);
    free(key);
}
