/* core_columns.h -- a matrix as its columns, read where they are
 *
 * A model matrix may be one block of memory or the separate vectors of a data
 * frame; a kernel sees `p` pointers to columns of length n and copies nothing.
 * `centre` is subtracted as a block of rows is loaded: one row of it a stratum
 * when `stratum` is set, else one row for all. z_ij = scale_j (x_ij - centre_[s_i]j).
 */
#ifndef SR_CORE_COLUMNS_H
#define SR_CORE_COLUMNS_H
#include "core_context.h"

typedef struct {
    size_t n;
    size_t p;
    const double *const *x; /* [p] columns of length n */
    const double *centre;   /* [p], or [n_stratum x p] by row when stratum is not NULL; NULL: 0 */
    const double *scale;    /* [p], NULL: 1 */
    const int *stratum;     /* [n] or NULL */
} sr_columns;

/* Rows [from, from + m) into block[j * stride + i], centred and scaled. */
void sr_columns_load(const sr_columns *x, size_t from, size_t m, double *block, size_t stride);

/* One column of such a block, times factor[from..] unless NULL: out[m]. */
void sr_columns_load_one(const sr_columns *x, size_t j, size_t from, size_t m, const double *factor,
                         double *out);

/* Where rows [from, from + m) of one column stand: in x if they enter as they are, else in `room`
 * [m], centred and scaled. */
const double *sr_columns_at(const sr_columns *x, size_t j, size_t from, size_t m, double *room);

/* Rows in blocks, blocks in chunks: work for several threads that comes out the same for any
 * number of them. Chunk c of n_chunk begins at row sr_chunk_begin(n, n_chunk, c). */
enum { SR_BLOCK = 256 };
static inline size_t sr_block_count(size_t n)
{
    return (n + SR_BLOCK - 1) / SR_BLOCK;
}

/* One past the last row of block b */
static inline size_t sr_block_end(size_t n, size_t b)
{
    const size_t end = (b + 1) * SR_BLOCK;
    return end < n ? end : n;
}

/* sum_i a_i b_i, at the width of the machine */
double sr_dot(size_t m, const double *restrict a, const double *restrict b);

size_t sr_chunk_count(size_t n, size_t rows_a_chunk, size_t most);
size_t sr_chunk_begin(size_t n, size_t n_chunk, size_t c);

/* eta[i] = base[i] + sum_j beta_j z_ij  (base NULL: 0). */
sr_status sr_columns_times(sr_context *ctx, const sr_columns *x, const double *beta,
                           const double *base, double *eta);
#endif
