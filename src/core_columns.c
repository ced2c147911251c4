/* core_columns.c -- see core_columns.h
 *
 * Rows are taken in blocks of 256, so that what is loaded stays in the first
 * caches. Columns that enter as they are, are read in place.
 */
#include "core_columns.h"
#include "core_simd.h"
#include "core_thread.h"
#include <string.h>

enum { BLOCK = SR_BLOCK, CHUNK_ROWS = 8192 };

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

SR_SIMD double sr_dot(size_t m, const double *restrict a, const double *restrict b)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < m; i++)
        sum += a[i] * b[i];
    return sum;
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
