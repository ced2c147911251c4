/* test_skyline.c -- an envelope factorises like the full matrix */
#include "check.h"
#include "core_linalg.h"
#include "core_skyline.h"
#include <stdlib.h>

enum { M = 23 };

/* A sum of c (e_j - e_i)(e_j - e_i)' over random pairs, and of c e_j e_j': full and as envelope */
static void make_both(sr_context *ctx, uint64_t seed, size_t reach, double *full, sr_skyline *sky)
{
    check_random random = {seed};
    size_t first[M], from[4 * M], to[4 * M];
    double weight[4 * M];
    for (size_t j = 0; j < M; j++)
        first[j] = j;
    for (size_t k = 0; k < 4 * M; k++) {
        to[k] = k < M ? k : check_below(&random, M);
        const size_t back = check_below(&random, reach + 1);
        from[k] = k < M || back > to[k] ? to[k] : to[k] - back;
        weight[k] = k < M && k > 0 ? 0 : check_uniform(&random);
        if (from[k] < first[to[k]])
            first[to[k]] = from[k];
    }
    CHECK(sr_skyline_take(ctx, M, first, sky) == SR_OK);
    memset(full, 0, M * M * sizeof(double));
    for (size_t k = 0; k < 4 * M; k++) {
        const size_t i = from[k], j = to[k];
        full[j * M + j] += weight[k];
        *sr_skyline_at(sky, j, j) += weight[k];
        if (i == j)
            continue;
        full[i * M + i] += weight[k];
        full[j * M + i] -= weight[k];
        full[i * M + j] -= weight[k];
        *sr_skyline_at(sky, i, i) += weight[k];
        *sr_skyline_at(sky, j, i) -= weight[k];
    }
}

TEST(skyline_solves_as_the_full_matrix)
{
    for (uint64_t seed = 1; seed < 12; seed++) {
        sr_context ctx = {.n_thread = 1};
        double full[M * M], copy[M * M], y[M], back[M], inverse[M * M];
        sr_skyline sky;
        make_both(&ctx, seed, seed, full, &sky);
        memcpy(copy, full, sizeof full);
        const size_t rank = sr_skyline_factor(&sky, 1e-12);
        CHECK(rank == (size_t)sr_ldl_factor(M, copy, 1e-12).rank);
        for (size_t j = 0; j < M; j++)
            y[j] = (double)j - 7;
        sr_skyline_solve(&sky, y);
        for (size_t j = 0; rank == M && j < M; j++) {
            back[j] = 0;
            for (size_t k = 0; k < M; k++)
                back[j] += full[j * M + k] * y[k];
            CHECK_NEAR(back[j], (double)j - 7, 1e-8);
        }
        sr_ldl_inverse(M, copy, inverse);
        double largest = 0;
        for (size_t k = 0; k < M * M; k++)
            largest = fmax(largest, fabs(inverse[k]));
        CHECK_OK(sr_skyline_invert(&ctx, &sky));
        for (size_t j = 0; rank == M && j < M; j++)
            for (size_t i = sky.first[j]; i <= j; i++)
                CHECK(fabs(*sr_skyline_at(&sky, j, i) - inverse[j * M + i]) <= 1e-9 * largest);
        sr_arena_free(&ctx.arena);
    }
}

TEST(skyline_leaves_out_what_depends)
{
    sr_context ctx = {.n_thread = 1};
    const size_t first[] = {0, 0, 1};
    sr_skyline sky;
    CHECK(sr_skyline_take(&ctx, 3, first, &sky) == SR_OK);
    /* the second coordinate is the first, the third stands alone */
    *sr_skyline_at(&sky, 0, 0) = *sr_skyline_at(&sky, 1, 1) = 2;
    *sr_skyline_at(&sky, 1, 0) = -2;
    *sr_skyline_at(&sky, 2, 2) = 4;
    CHECK(sr_skyline_factor(&sky, 1e-12) == 2);
    double y[] = {4, -4, 8};
    sr_skyline_solve(&sky, y);
    CHECK(y[0] == 2 && y[1] == 0 && y[2] == 2);
    sr_skyline_null(&sky, 1, y);
    CHECK(y[0] == 1 && y[1] == 1 && y[2] == 0);
    CHECK_OK(sr_skyline_invert(&ctx, &sky));
    CHECK(*sr_skyline_at(&sky, 0, 0) == 0.5 && *sr_skyline_at(&sky, 1, 1) == 0);
    CHECK(*sr_skyline_at(&sky, 2, 2) == 0.25 && *sr_skyline_at(&sky, 1, 0) == 0);
    sr_arena_free(&ctx.arena);
}

/* Stops when it has been asked so often */
static int stop_after(void *left)
{
    return (*(int *)left)-- <= 0;
}

/* A chain whose increment j has that weight, factored */
static void lay_chain(sr_skyline *sky, const double *weight)
{
    memset(sky->value, 0, (2 * sky->m - 1) * sizeof(double));
    for (size_t j = 0; j < sky->m; j++) {
        *sr_skyline_at(sky, j, j) += weight[j];
        if (j == 0)
            continue;
        *sr_skyline_at(sky, j, j - 1) = -weight[j];
        *sr_skyline_at(sky, j - 1, j - 1) += weight[j];
    }
    CHECK(sr_skyline_factor(sky, 1e-12) == sky->m);
}

/* Independent increments of variance 1 / weight: element j has the sum of the variances up to it.
 * So many of them that only a cost in proportion to their number will do. */
TEST(skyline_inverts_a_chain_in_proportion_to_its_length)
{
    enum { LONG = 200000 };
    check_random random = {5};
    sr_context ctx = {.n_thread = 1};
    sr_skyline sky;
    size_t *const first = malloc(LONG * sizeof(size_t));
    double *const weight = malloc(LONG * sizeof(double)), sum = 0;
    for (size_t j = 0; j < LONG; j++) {
        first[j] = j > 0 ? j - 1 : 0;
        weight[j] = 0.5 + check_uniform(&random);
    }
    CHECK_OK(sr_skyline_take(&ctx, LONG, first, &sky));
    lay_chain(&sky, weight);
    int left = 1000;
    ctx.tick = stop_after;
    ctx.tick_data = &left;
    CHECK_STATUS(SR_ERR_INTERRUPT, sr_skyline_invert(&ctx, &sky));
    ctx.tick = NULL;
    lay_chain(&sky, weight);
    CHECK_OK(sr_skyline_invert(&ctx, &sky));
    for (size_t j = 0; j < LONG; j++) {
        sum += 1 / weight[j];
        if (j % 1000 == 0)
            CHECK_NEAR(*sr_skyline_at(&sky, j, j), sum, 1e-7);
    }
    free(first);
    free(weight);
    sr_arena_free(&ctx.arena);
}
