/* core_cross_weights.c -- see core_cross_weights.h
 *
 * Rows go by blocks of SR_BLOCK, which stay in the first cache with their weights.
 * Column j meets the columns from j on, four at a time: twelve sums in registers.
 * The last group is filled up with a column of zeros. Chunks of blocks have sums of
 * their own, added in chunk order.
 */
#include "core_cross_weights.h"
#include "core_simd.h"
#include "core_thread.h"
#include <string.h>

enum { GROUP = 4, TILE = GROUP * SR_CROSS_WEIGHTS, MOST_CHUNKS = 16, CHUNK_ROWS = 8192 };

/* out[b * 3 + w] += sum_i q_wi left_i right_bi */
SR_SIMD static void tile(const double *restrict q, const double *left, const double *const *right,
                         size_t m, double *restrict out)
{
    const double *const q0 = q, *const q1 = q + SR_BLOCK, *const q2 = q + 2 * SR_BLOCK;
    const double *const r0 = right[0], *const r1 = right[1];
    const double *const r2 = right[2], *const r3 = right[3];
    double s00 = 0, s01 = 0, s02 = 0, s10 = 0, s11 = 0, s12 = 0;
    double s20 = 0, s21 = 0, s22 = 0, s30 = 0, s31 = 0, s32 = 0;
#pragma omp simd reduction(+ : s00, s01, s02, s10, s11, s12, s20, s21, s22, s30, s31, s32)
    for (size_t i = 0; i < m; i++) {
        const double p0 = left[i] * r0[i], p1 = left[i] * r1[i];
        const double p2 = left[i] * r2[i], p3 = left[i] * r3[i];
        s00 += q0[i] * p0;
        s01 += q1[i] * p0;
        s02 += q2[i] * p0;
        s10 += q0[i] * p1;
        s11 += q1[i] * p1;
        s12 += q2[i] * p1;
        s20 += q0[i] * p2;
        s21 += q1[i] * p2;
        s22 += q2[i] * p2;
        s30 += q0[i] * p3;
        s31 += q1[i] * p3;
        s32 += q2[i] * p3;
    }
    const double sums[TILE] = {s00, s01, s02, s10, s11, s12, s20, s21, s22, s30, s31, s32};
    for (int k = 0; k < TILE; k++)
        out[k] += sums[k];
}

/* Groups of columns that meet column j, and those of all columns before it. */
static size_t group_count(size_t p, size_t j)
{
    return (p - j + GROUP - 1) / GROUP;
}

typedef struct {
    const sr_columns *x;
    sr_fill_weights fill;
    const void *data;
    size_t n_chunk, n_tile, room_size;
    double *room;          /* [n_chunk x room_size]: tiles, then block[(p + 1) x SR_BLOCK] */
    const double **column; /* [n_chunk x (p + GROUP)] */
} job;

static void add_block(const job *work, size_t from, size_t m, double *tiles, double *block,
                      const double **column)
{
    const sr_columns *const x = work->x;
    double q[SR_CROSS_WEIGHTS * SR_BLOCK];
    work->fill(work->data, from, m, q);
    for (size_t j = 0; j < x->p; j++)
        column[j] = sr_columns_at(x, j, from, m, block + j * SR_BLOCK);
    for (size_t j = 0; j < x->p; j++)
        for (size_t k = j; k < x->p; k += GROUP, tiles += TILE)
            tile(q, column[j], column + k, m, tiles);
}

static void add_chunk(const job *work, size_t c)
{
    const size_t p = work->x->p, end = sr_chunk_begin(work->x->n, work->n_chunk, c + 1);
    double *const tiles = work->room + c * work->room_size;
    double *const block = tiles + work->n_tile * TILE;
    const double **const column = work->column + c * (p + GROUP);
    memset(tiles, 0, work->n_tile * TILE * sizeof(double));
    memset(block + p * SR_BLOCK, 0, SR_BLOCK * sizeof(double));
    for (size_t k = p; k < p + GROUP; k++)
        column[k] = block + p * SR_BLOCK;
    for (size_t i = sr_chunk_begin(work->x->n, work->n_chunk, c); i < end; i += SR_BLOCK)
        add_block(work, i, end - i < SR_BLOCK ? end - i : SR_BLOCK, tiles, block, column);
}

/* Add the chunks in their order and lay the tiles out as full symmetric matrices. */
static void gather(const job *work, double *const out[SR_CROSS_WEIGHTS])
{
    const size_t p = work->x->p;
    size_t first = 0; /* tile of column j */
    for (size_t j = 0; j < p; first += group_count(p, j++))
        for (size_t k = j; k < p; k++)
            for (size_t w = 0; w < SR_CROSS_WEIGHTS; w++) {
                const size_t at =
                    (first + (k - j) / GROUP) * TILE + (k - j) % GROUP * SR_CROSS_WEIGHTS + w;
                double sum = 0;
                for (size_t c = 0; c < work->n_chunk; c++)
                    sum += work->room[c * work->room_size + at];
                out[w][j * p + k] = out[w][k * p + j] = sum;
            }
}

sr_status sr_columns_cross_weights(sr_context *ctx, const sr_columns *x, sr_fill_weights fill,
                                   const void *data, double *const out[SR_CROSS_WEIGHTS])
{
    SR_TICK(ctx);
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    job work = {.x = x, .fill = fill, .data = data};
    work.n_chunk = sr_chunk_count(x->n, CHUNK_ROWS, MOST_CHUNKS);
    for (size_t j = 0; j < x->p; j++)
        work.n_tile += group_count(x->p, j);
    work.room_size = work.n_tile * TILE + (x->p + 1) * SR_BLOCK;
    SR_TAKE(work.room,
            (double *)sr_arena_take(&ctx->arena, work.n_chunk, work.room_size * sizeof(double)));
    SR_TAKE(work.column, (const double **)sr_arena_take(&ctx->arena, work.n_chunk * (x->p + GROUP),
                                                        sizeof(double *)));
    SR_FOR_EACH(ctx, work.n_chunk > 1, c, work.n_chunk, add_chunk(&work, c));
    gather(&work, out);
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}
