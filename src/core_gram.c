/* core_gram.c -- see core_gram.h
 *
 * A cross-product goes over tiles of 2 x 4 columns whose eight sums stay in
 * registers, so columns are padded with columns of zeros to a multiple of four.
 * Columns are more streams than the processor follows by itself: while the tiles
 * of one block are summed, the next block's columns are asked for, one a tile.
 */
#include "core_gram.h"
#include "core_simd.h"
#include "core_thread.h"
#include <string.h>

enum { BLOCK = SR_BLOCK, TILE_ROWS = 2, TILE_COLUMNS = 4, MOST_CHUNKS = 16, CHUNK_ROWS = 8192 };
enum { LINE = 64 / sizeof(double) };

/* Ask for a column's part of the block from `from` on. */
static void prefetch_column(const sr_columns *x, size_t j, size_t from)
{
    const double *const column = x->x[j];
    const size_t end = x->n - from < BLOCK ? x->n : from + BLOCK;
    for (size_t i = from; i < end; i += LINE)
        SR_PREFETCH(column + i);
}

/* out[a * 4 + b] += sum_i q[i] left_a[i] right_b[i] for columns a (2) and b (4). Weighting on the
 * way costs two products for eight, and spares a second copy of the block in the first cache. */
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

void sr_columns_dot(size_t p, const double *const *column, size_t m, const double *u, double *out)
{
    for (size_t j = 0; j < p; j += TILE_COLUMNS)
        dot_four(u, column + j, m, out + j);
}

sr_status sr_gram_take(sr_context *ctx, size_t count, size_t p, sr_gram **out)
{
    const size_t p_pad = (p + TILE_COLUMNS - 1) / TILE_COLUMNS * TILE_COLUMNS;
    const size_t room = (p_pad + 1) * p_pad;
    double *sums, *zeros;
    const double **column;
    SR_TAKE(*out, (sr_gram *)sr_arena_take(&ctx->arena, count, sizeof(sr_gram)));
    SR_TAKE(sums, (double *)sr_arena_zero(&ctx->arena, count, room * sizeof(double)));
    SR_TAKE(zeros, (double *)sr_arena_zero(&ctx->arena, SR_GRAM_ROWS, sizeof(double)));
    SR_TAKE(column, (const double **)sr_arena_take(&ctx->arena, count * p_pad, sizeof(double *)));
    for (size_t c = 0; c < count; c++) {
        double *const mine = sums + c * room;
        (*out)[c] = (sr_gram){p, p_pad, column + c * p_pad, mine, mine + p_pad * p_pad};
        for (size_t j = 0; j < p_pad; j++)
            (*out)[c].column[j] = zeros;
    }
    return SR_OK;
}

void sr_gram_add(const sr_gram *cross, size_t m, const double *q, const double *u,
                 const sr_columns *next, size_t ahead)
{
    if (u != NULL)
        sr_columns_dot(cross->p_pad, cross->column, m, u, cross->sums);
    if (q == NULL)
        return;
    const size_t n_right = cross->p_pad / TILE_COLUMNS;
    size_t asked = 0;
    for (size_t a = 0; a * TILE_ROWS < cross->p; a++)
        for (size_t b = a * TILE_ROWS / TILE_COLUMNS; b < n_right; b++) {
            if (next != NULL && asked < next->p)
                prefetch_column(next, asked++, ahead);
            tile(q, cross->column + a * TILE_ROWS, cross->column + b * TILE_COLUMNS, m,
                 cross->tiles + (a * n_right + b) * TILE_ROWS * TILE_COLUMNS);
        }
}

void sr_gram_total(const sr_gram *cross, size_t count, double *out, double *sum)
{
    const size_t p = cross->p, n_right = cross->p_pad / TILE_COLUMNS;
    for (size_t j = 0; sum != NULL && j < p; j++) {
        sum[j] = 0;
        for (size_t c = 0; c < count; c++)
            sum[j] += cross[c].sums[j];
    }
    for (size_t j = 0; out != NULL && j < p; j++)
        for (size_t k = j; k < p; k++) {
            const size_t at =
                ((j / TILE_ROWS) * n_right + k / TILE_COLUMNS) * TILE_ROWS * TILE_COLUMNS +
                (j % TILE_ROWS) * TILE_COLUMNS + k % TILE_COLUMNS;
            double total = 0;
            for (size_t c = 0; c < count; c++)
                total += cross[c].tiles[at];
            out[j * p + k] = out[k * p + j] = total;
        }
}

/* q and u of a cross-product: given as vectors (either may be NULL), or made by `fill` */
typedef struct {
    const double *q, *u;
    sr_row_weights fill;
    const void *data;
} row_weights;

static void cross_chunk(const sr_columns *x, const row_weights *by, size_t from, size_t end,
                        const sr_gram *mine, double *buffer)
{
    double made_q[BLOCK], made_u[BLOCK];
    for (; from < end; from += BLOCK) {
        const size_t m = end - from < BLOCK ? end - from : BLOCK;
        const double *q = by->q == NULL ? NULL : by->q + from;
        const double *u = by->u == NULL ? NULL : by->u + from;
        if (by->fill != NULL) {
            by->fill(by->data, from, m, made_q, made_u);
            q = made_q;
            u = made_u;
        }
        for (size_t j = 0; j < x->p; j++)
            mine->column[j] = sr_columns_at(x, j, from, m, buffer + j * BLOCK);
        sr_gram_add(mine, m, q, u, from + m < end ? x : NULL, from + m);
    }
}

static sr_status cross(sr_context *ctx, const sr_columns *x, const row_weights *by, double *out,
                       double *sum)
{
    SR_TICK(ctx);
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    const size_t n_chunk = sr_chunk_count(x->n, CHUNK_ROWS, MOST_CHUNKS);
    sr_gram *parts;
    double *buffer;
    SR_TRY(sr_gram_take(ctx, n_chunk, x->p, &parts));
    SR_TAKE(buffer, sr_arena_double(&ctx->arena, n_chunk * x->p * BLOCK));
    SR_FOR_EACH(ctx, n_chunk > 1, c, n_chunk,
                cross_chunk(x, by, sr_chunk_begin(x->n, n_chunk, c),
                            sr_chunk_begin(x->n, n_chunk, c + 1), &parts[c],
                            buffer + c * x->p * BLOCK));
    sr_gram_total(parts, n_chunk, out, sum);
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
