/* core_columns.c -- see core_columns.h
 *
 * Rows are taken in blocks of 256, loaded column by column into a buffer that
 * stays in the first caches, centred and scaled on the way; the buffer is padded
 * with zero columns to a multiple of 4. A cross-product then goes over tiles of
 * 2 x 4 columns whose eight sums stay in registers. Blocks are dealt in chunks
 * whose number depends on n alone, each with sums of its own, added in chunk
 * order: the same bits for any number of threads.
 */
#include "core_columns.h"
#include "core_simd.h"
#include "core_thread.h"
#include <string.h>

enum { BLOCK = SR_BLOCK, TILE_ROWS = 2, TILE_COLUMNS = 4, MOST_CHUNKS = 16, CHUNK_ROWS = 8192 };
enum { LINE = 64 / sizeof(double) };

size_t sr_chunk_count(size_t n, size_t rows_a_chunk, size_t most)
{
    const size_t wanted = n / rows_a_chunk;
    return wanted < 1 ? 1 : wanted > most ? most : wanted;
}

size_t sr_chunk_begin(size_t n, size_t n_chunk, size_t c)
{
    const size_t n_block = (n + BLOCK - 1) / BLOCK;
    const size_t row = n_block * c / n_chunk * BLOCK;
    return row < n ? row : n;
}

SR_SIMD static void load_column(const double *restrict x, size_t m, double centre, double scale,
                                double *restrict out)
{
#pragma omp simd
    for (size_t i = 0; i < m; i++)
        out[i] = (x[i] - centre) * scale;
}

static void load_column_by_stratum(const sr_columns *x, size_t j, size_t from, size_t m,
                                   double *out)
{
    const double *const column = x->x[j] + from;
    const int *const stratum = x->stratum + from;
    const double scale = x->scale == NULL ? 1 : x->scale[j];
    for (size_t i = 0; i < m; i++)
        out[i] = (column[i] - x->centre[(size_t)stratum[i] * x->p + j]) * scale;
}

/* Does column j enter as it is? Then it is read where it stands. */
static int is_plain(const sr_columns *x, size_t j)
{
    return (x->scale == NULL || x->scale[j] == 1) &&
           (x->centre == NULL || (x->stratum == NULL && x->centre[j] == 0));
}

SR_SIMD static void multiply(const double *restrict q, size_t m, const double *a, double *out)
{
#pragma omp simd
    for (size_t i = 0; i < m; i++)
        out[i] = a[i] * q[i];
}

void sr_columns_load_one(const sr_columns *x, size_t j, size_t from, size_t m, const double *factor,
                         double *out)
{
    if (is_plain(x, j)) {
        if (factor != NULL)
            multiply(factor + from, m, x->x[j] + from, out);
        else
            memcpy(out, x->x[j] + from, m * sizeof(double));
        return;
    }
    if (x->centre != NULL && x->stratum != NULL)
        load_column_by_stratum(x, j, from, m, out);
    else
        load_column(x->x[j] + from, m, x->centre == NULL ? 0 : x->centre[j],
                    x->scale == NULL ? 1 : x->scale[j], out);
    if (factor != NULL)
        multiply(factor + from, m, out, out);
}

void sr_columns_load(const sr_columns *x, size_t from, size_t m, double *block, size_t stride)
{
    for (size_t j = 0; j < x->p; j++)
        sr_columns_load_one(x, j, from, m, NULL, block + j * stride);
}

const double *sr_columns_at(const sr_columns *x, size_t j, size_t from, size_t m, double *room)
{
    if (is_plain(x, j))
        return x->x[j] + from;
    sr_columns_load_one(x, j, from, m, NULL, room);
    return room;
}

/* Ask for a column's part of the block from `from` on. */
static void prefetch_column(const sr_columns *x, size_t j, size_t from)
{
    const double *const column = x->x[j];
    const size_t end = x->n < from + BLOCK ? x->n : from + BLOCK;
    for (size_t i = from; i < end; i += LINE)
        SR_PREFETCH(column + i);
}

/* out[a * 4 + b] += sum_i q[i] left_a[i] right_b[i] for columns a (2) and b (4). Weighting on the way
 * costs two products for eight, and spares a second copy of the block in the first cache. */
SR_SIMD static void tile(const double *restrict q, const double *const *left,
                         const double *const *right, size_t m, double *restrict out)
{
    const double *restrict l0 = left[0], *restrict l1 = left[1];
    const double *restrict r0 = right[0], *restrict r1 = right[1];
    const double *restrict r2 = right[2], *restrict r3 = right[3];
    double s00 = 0, s01 = 0, s02 = 0, s03 = 0, s10 = 0, s11 = 0, s12 = 0, s13 = 0;
#pragma omp simd reduction(+ : s00, s01, s02, s03, s10, s11, s12, s13)
    for (size_t i = 0; i < m; i++) {
        const double a = q[i] * l0[i], b = q[i] * l1[i];
        s00 += a * r0[i];
        s01 += a * r1[i];
        s02 += a * r2[i];
        s03 += a * r3[i];
        s10 += b * r0[i];
        s11 += b * r1[i];
        s12 += b * r2[i];
        s13 += b * r3[i];
    }
    out[0] += s00;
    out[1] += s01;
    out[2] += s02;
    out[3] += s03;
    out[4] += s10;
    out[5] += s11;
    out[6] += s12;
    out[7] += s13;
}

/* out[b] += sum_i u[i] column_b[i] for four columns */
SR_SIMD static void dot_four(const double *restrict u, const double *const *column, size_t m,
                             double *restrict out)
{
    const double *restrict a = column[0], *restrict b = column[1];
    const double *restrict c = column[2], *restrict d = column[3];
    double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
#pragma omp simd reduction(+ : s0, s1, s2, s3)
    for (size_t i = 0; i < m; i++) {
        s0 += u[i] * a[i];
        s1 += u[i] * b[i];
        s2 += u[i] * c[i];
        s3 += u[i] * d[i];
    }
    out[0] += s0;
    out[1] += s1;
    out[2] += s2;
    out[3] += s3;
}

SR_SIMD double sr_dot(size_t m, const double *restrict a, const double *restrict b)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < m; i++)
        sum += a[i] * b[i];
    return sum;
}

/* q and u of a cross-product: given as vectors (either may be NULL), or made by `fill` */
typedef struct {
    const double *q, *u;
    sr_row_weights fill;
    const void *data;
} row_weights;

/* One chunk's room: the block, tile sums [p_pad/2][p_pad/4][8], column sums, and
 * where each column of the block stands (columns that need no centring stay where they are). */
typedef struct {
    double *block, *tiles, *sums;
    const double **column;
} cross_room;

static void cross_block(const sr_columns *x, size_t from, size_t m, const row_weights *by,
                        size_t p_pad, const cross_room *room)
{
    double made_q[BLOCK], made_u[BLOCK];
    const double *q = by->q == NULL ? NULL : by->q + from;
    const double *u = by->u == NULL ? NULL : by->u + from;
    if (by->fill != NULL) {
        by->fill(by->data, from, m, made_q, made_u);
        q = made_q;
        u = made_u;
    }
    for (size_t j = 0; j < x->p; j++)
        room->column[j] = sr_columns_at(x, j, from, m, room->block + j * BLOCK);
    for (size_t j = 0; u != NULL && j < p_pad; j += TILE_COLUMNS)
        dot_four(u, room->column + j, m, room->sums + j);
    if (q == NULL)
        return;
    const size_t n_right = p_pad / TILE_COLUMNS;
    size_t next = 0; /* a column of the next block is asked for before each tile */
    for (size_t a = 0; a * TILE_ROWS < x->p; a++)
        for (size_t b = a * TILE_ROWS / TILE_COLUMNS; b < n_right; b++) {
            if (next < x->p)
                prefetch_column(x, next++, from + BLOCK);
            tile(q, room->column + a * TILE_ROWS, room->column + b * TILE_COLUMNS, m,
                 room->tiles + (a * n_right + b) * TILE_ROWS * TILE_COLUMNS);
        }
}

/* Add the chunks' tiles in their order and lay them out as a full symmetric matrix. */
static void gather_tiles(const double *tiles, size_t n_chunk, size_t room_size, size_t p,
                         size_t p_pad, double *out)
{
    const size_t n_right = p_pad / TILE_COLUMNS;
    for (size_t j = 0; j < p; j++)
        for (size_t k = j; k < p; k++) {
            const size_t at =
                ((j / TILE_ROWS) * n_right + k / TILE_COLUMNS) * TILE_ROWS * TILE_COLUMNS +
                (j % TILE_ROWS) * TILE_COLUMNS + k % TILE_COLUMNS;
            double sum = 0;
            for (size_t c = 0; c < n_chunk; c++)
                sum += tiles[c * room_size + at];
            out[j * p + k] = out[k * p + j] = sum;
        }
}

typedef struct {
    const sr_columns *x;
    const row_weights *by;
    size_t p_pad, n_chunk, n_tile, room_size;
    double *room;          /* [n_chunk x room_size]: block, tiles, sums */
    const double **column; /* [n_chunk x p_pad] */
} cross_job;

static double *tiles_of(const cross_job *job, size_t c)
{
    return job->room + c * job->room_size + job->p_pad * BLOCK;
}

static void cross_chunk(const cross_job *job, size_t c)
{
    const size_t p = job->x->p, p_pad = job->p_pad, n = job->x->n;
    double *const mine = job->room + c * job->room_size;
    const cross_room parts = {mine, tiles_of(job, c), tiles_of(job, c) + job->n_tile,
                              job->column + c * p_pad};
    memset(parts.tiles, 0, (job->n_tile + p_pad) * sizeof(double));
    for (size_t j = p; j < p_pad; j++) {
        memset(parts.block + j * BLOCK, 0, BLOCK * sizeof(double));
        parts.column[j] = parts.block + j * BLOCK;
    }
    const size_t end = sr_chunk_begin(n, job->n_chunk, c + 1);
    for (size_t i = sr_chunk_begin(n, job->n_chunk, c); i < end; i += BLOCK) {
        cross_block(job->x, i, end - i < BLOCK ? end - i : BLOCK, job->by, p_pad, &parts);
    }
}

static sr_status cross(sr_context *ctx, const sr_columns *x, const row_weights *by, double *out,
                       double *sum)
{
    SR_TICK(ctx);
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    cross_job job = {.x = x, .by = by};
    job.p_pad = (x->p + TILE_COLUMNS - 1) / TILE_COLUMNS * TILE_COLUMNS;
    job.n_chunk = sr_chunk_count(x->n, CHUNK_ROWS, MOST_CHUNKS);
    job.n_tile = job.p_pad * job.p_pad;
    job.room_size = job.p_pad * BLOCK + job.n_tile + job.p_pad;
    SR_TAKE(job.room,
            (double *)sr_arena_take(&ctx->arena, job.n_chunk, job.room_size * sizeof(double)));
    SR_TAKE(job.column,
            (const double **)sr_arena_take(&ctx->arena, job.n_chunk * job.p_pad, sizeof(double *)));
    SR_FOR_EACH(ctx, job.n_chunk > 1, c, job.n_chunk, cross_chunk(&job, c));
    if (out != NULL)
        gather_tiles(tiles_of(&job, 0), job.n_chunk, job.room_size, x->p, job.p_pad, out);
    for (size_t j = 0; sum != NULL && j < x->p; j++) {
        sum[j] = 0;
        for (size_t c = 0; c < job.n_chunk; c++)
            sum[j] += tiles_of(&job, c)[job.n_tile + j];
    }
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

sr_status sr_columns_cross(sr_context *ctx, const sr_columns *x, const double *q, const double *u,
                           double *out, double *sum)
{
    const row_weights by = {.q = q, .u = u};
    return cross(ctx, x, &by, q == NULL ? NULL : out, u == NULL ? NULL : sum);
}

sr_status sr_columns_cross_by(sr_context *ctx, const sr_columns *x, sr_row_weights fill,
                              const void *data, double *out, double *sum)
{
    const row_weights by = {.fill = fill, .data = data};
    return cross(ctx, x, &by, out, sum);
}

SR_SIMD static void add_column(const double *restrict x, size_t m, double centre, double slope,
                               double *restrict eta)
{
#pragma omp simd
    for (size_t i = 0; i < m; i++)
        eta[i] += slope * (x[i] - centre);
}

static void times_block(const sr_columns *x, const double *beta, const double *base, size_t from,
                        size_t m, double *eta)
{
    if (base == NULL)
        memset(eta + from, 0, m * sizeof(double));
    else if (base != eta)
        memcpy(eta + from, base + from, m * sizeof(double));
    for (size_t j = 0; j < x->p; j++) {
        const double slope = beta[j] * (x->scale == NULL ? 1 : x->scale[j]);
        if (slope == 0)
            continue;
        if (x->centre != NULL && x->stratum != NULL)
            for (size_t i = from; i < from + m; i++)
                eta[i] += slope * (x->x[j][i] - x->centre[(size_t)x->stratum[i] * x->p + j]);
        else
            add_column(x->x[j] + from, m, x->centre == NULL ? 0 : x->centre[j], slope, eta + from);
    }
}

sr_status sr_columns_times(sr_context *ctx, const sr_columns *x, const double *beta,
                           const double *base, double *eta)
{
    SR_TICK(ctx);
    SR_FOR_EACH(ctx, x->n > 2 * CHUNK_ROWS, b, sr_block_count(x->n),
                times_block(x, beta, base, b * BLOCK, sr_block_end(x->n, b) - b * BLOCK, eta));
    return SR_OK;
}
