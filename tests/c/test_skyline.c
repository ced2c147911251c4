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
        double full[M * M], copy[M * M], y[M], back[M], inverse[M * M], diagonal[M], room[M];
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
        if (rank == M) {
            double want[M];
            sr_ldl_inverse(M, copy, inverse);
            sr_skyline_inverse_diagonal(&sky, room, diagonal);
            for (size_t j = 0; j < M; j++)
                want[j] = inverse[j * M + j];
            CHECK_CLOSE(M, diagonal, want, 1e-9);
        }
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
    sr_arena_free(&ctx.arena);
}
