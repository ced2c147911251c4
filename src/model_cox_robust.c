/* model_cox_robust.c -- the variance robust to clusters, and its score test; see model_cox_resid.h
 *
 * Rows give their scores a block of 256 at a time; no matrix of them exists. Sums over rows are
 * made in chunks whose number depends on n alone. Cluster sums are filled by owners: after each
 * batch of blocks every thread adds the rows of its own range of clusters, in row order; so the
 * bits do not depend on the threads.
 */
#include "core_linalg.h"
#include "core_simd.h"
#include "model_cox_resid.h"
#include <float.h>
#include <math.h>
#include <string.h>

enum { BLOCK = SR_BLOCK, MOST_CHUNKS = 16, BATCH_DOUBLES = 1 << 20 };

/* meat (lower triangle) and total grow by the rows of a block */
static void add_block(const double *block, size_t p, size_t m, double *meat, double *total)
{
    for (size_t j = 0; j < p; j++) {
        double sum = 0;
        for (size_t i = 0; i < m; i++)
            sum += block[j * BLOCK + i];
        total[j] += sum;
        for (size_t k = 0; k <= j; k++)
            meat[j * p + k] += sr_dot(m, block + j * BLOCK, block + k * BLOCK);
    }
}

/* Where the rows of a cross-product come from: scores of rows, or sums of clusters by row. */
typedef struct {
    const sr_score_rows *scores; /* NULL: sums */
    const double *sums;          /* [n x p] by row */
    const double *root; /* [p x p] lower triangular: each row times it; NULL: as they are */
    size_t n, p;
} row_source;

SR_SIMD static void mix_columns(size_t m, double factor, const double *restrict from,
                                double *restrict to)
{
#pragma omp simd
    for (size_t i = 0; i < m; i++)
        to[i] += factor * from[i];
}

/* block <- block root: a column takes from itself and from those after it, which still stand. */
static void multiply_block(size_t p, size_t m, const double *root, double *block)
{
    for (size_t j = 0; j < p; j++) {
        for (size_t i = 0; i < m; i++)
            block[j * BLOCK + i] *= root[j * p + j];
        for (size_t k = j + 1; k < p; k++)
            mix_columns(m, root[k * p + j], block + k * BLOCK, block + j * BLOCK);
    }
}

static void source_block(const row_source *source, size_t from, size_t m, double *block,
                         double *side)
{
    if (source->scores != NULL) {
        source->scores->fill(source->scores->scores, from, m, block, side);
        return;
    }
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < source->p; j++)
            block[j * BLOCK + i] = source->sums[(from + i) * source->p + j];
}

static sr_status cross_rows(sr_context *ctx, const row_source *source, double *meat, double *total)
{
    SR_TICK(ctx);
    const size_t n = source->n, p = source->p, n_block = (n + BLOCK - 1) / BLOCK;
    const size_t n_chunk = n_block < MOST_CHUNKS ? n_block : MOST_CHUNKS;
    const size_t room_size = 2 * p * BLOCK + p * p + p;
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    double *room;
    SR_TAKE(room, (double *)sr_arena_zero(&ctx->arena, n_chunk * room_size + 1, sizeof(double)));
#pragma omp parallel for num_threads(ctx->n_thread) schedule(dynamic) if (n_chunk > 1)
    for (size_t c = 0; c < n_chunk; c++) {
        double *const block = room + c * room_size, *const side = block + p * BLOCK;
        double *const sum = side + p * BLOCK;
        for (size_t b = n_block * c / n_chunk; b < n_block * (c + 1) / n_chunk; b++) {
            const size_t from = b * BLOCK, m = n - from < BLOCK ? n - from : BLOCK;
            source_block(source, from, m, block, side);
            if (source->root != NULL)
                multiply_block(p, m, source->root, block);
            add_block(block, p, m, sum, sum + p * p);
        }
    }
    memset(meat, 0, p * p * sizeof(double));
    memset(total, 0, p * sizeof(double));
    for (size_t c = 0; c < n_chunk; c++) {
        const double *const sum = room + c * room_size + 2 * p * BLOCK;
        for (size_t j = 0; j < p; j++) {
            total[j] += sum[p * p + j];
            for (size_t k = 0; k <= j; k++)
                meat[j * p + k] += sum[j * p + k];
        }
    }
    for (size_t j = 0; j < p; j++)
        for (size_t k = 0; k < j; k++)
            meat[k * p + j] = meat[j * p + k];
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

/* Scores of a batch of rows, block after block, on their way into the sums of clusters. */
typedef struct {
    const double *scores;
    size_t from, rows, p;
    const int *cluster;
    double *sums;
} cluster_batch;

/* Add the batch's rows to those clusters that lie in [first, last). */
static void add_to_clusters(const cluster_batch *batch, size_t first, size_t last)
{
    const size_t p = batch->p;
    for (size_t i = 0; i < batch->rows; i++) {
        const size_t g = (size_t)batch->cluster[batch->from + i];
        if (g < first || g >= last)
            continue;
        const double *const block = batch->scores + i / BLOCK * p * BLOCK + i % BLOCK;
        for (size_t j = 0; j < p; j++)
            batch->sums[g * p + j] += block[j * BLOCK];
    }
}

static sr_status cluster_sums(sr_context *ctx, const sr_score_rows *scores,
                              const sr_cox_clusters *by, double *sums)
{
    const size_t n = scores->n, p = scores->p, n_owner = (size_t)ctx->n_thread;
    size_t batch_blocks = BATCH_DOUBLES / (p * BLOCK);
    if (batch_blocks < 2)
        batch_blocks = 2;
    double *room, *side;
    SR_TAKE(room, sr_arena_double(&ctx->arena, batch_blocks * p * BLOCK));
    SR_TAKE(side, sr_arena_double(&ctx->arena, batch_blocks * p * BLOCK));
    for (size_t from = 0; from < n; from += batch_blocks * BLOCK) {
        SR_TICK(ctx);
        const size_t left = n - from;
        const size_t rows = left < batch_blocks * BLOCK ? left : batch_blocks * BLOCK;
        const size_t n_block = (rows + BLOCK - 1) / BLOCK;
        const cluster_batch batch = {room, from, rows, p, by->cluster, sums};
#pragma omp parallel for num_threads(ctx->n_thread) schedule(static) if (rows > SR_PARALLEL_FROM)
        for (size_t b = 0; b < n_block; b++) {
            const size_t first = b * BLOCK, m = rows - first < BLOCK ? rows - first : BLOCK;
            scores->fill(scores->scores, from + first, m, room + b * p * BLOCK,
                         side + b * p * BLOCK);
        }
#pragma omp parallel for num_threads(ctx->n_thread) schedule(static) if (rows > SR_PARALLEL_FROM)
        for (size_t t = 0; t < n_owner; t++)
            add_to_clusters(&batch, by->n_cluster * t / n_owner, by->n_cluster * (t + 1) / n_owner);
    }
    return SR_OK;
}

sr_status sr_score_rows_meat(sr_context *ctx, const sr_score_rows *scores,
                             const sr_cox_clusters *by, const double *root, double *meat,
                             double *total)
{
    const size_t p = scores->p;
    row_source source = {scores, NULL, root, scores->n, p};
    if (by->cluster == NULL || p == 0)
        return cross_rows(ctx, &source, meat, total);
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    double *sums;
    if (by->n_cluster > SIZE_MAX / p)
        return SR_ERR_SIZE;
    SR_TAKE(sums, (double *)sr_arena_zero(&ctx->arena, by->n_cluster * p, sizeof(double)));
    SR_TRY(cluster_sums(ctx, scores, by, sums));
    source = (row_source){NULL, sums, root, by->n_cluster, p};
    SR_TRY(cross_rows(ctx, &source, meat, total));
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

static void fill_cox(const void *scores, size_t from, size_t m, double *block, double *side)
{
    sr_cox_scores_block(scores, 1, from, m, block, side);
}

sr_status sr_cox_scores_meat(sr_context *ctx, const sr_cox_scores *scores,
                             const sr_cox_clusters *by, const double *root, double *meat,
                             double *total)
{
    const sr_score_rows rows = {fill_cox, scores, scores->z.n, scores->z.p};
    return sr_score_rows_meat(ctx, &rows, by, root, meat, total);
}

/* Lower triangular root of a variance, root root' = var; zero columns where it has no extent. The
 * scale is taken out first, so that columns are judged alike. */
static void variance_root(size_t p, const double *var, double *size, double *root)
{
    for (size_t j = 0; j < p; j++)
        size[j] = var[j * p + j] > 0 ? sqrt(var[j * p + j]) : 0;
    for (size_t j = 0; j < p; j++)
        for (size_t k = 0; k < p; k++)
            root[j * p + k] = size[j] * size[k] > 0 ? var[j * p + k] / size[j] / size[k] : 0;
    sr_ldl_factor(p, root, DBL_EPSILON);
    for (size_t k = 0; k < p; k++) {
        const double spread = sqrt(root[k * p + k]);
        for (size_t j = 0; j < p; j++) {
            const double share = j == k ? 1 : j > k ? root[j * p + k] : 0;
            root[j * p + k] = spread * size[j] * share;
        }
    }
}

/* var = root meat root', by the elements of the lower triangle */
static void enclose(size_t p, const double *root, const double *meat, double *half, double *var)
{
    for (size_t i = 0; i < p; i++)
        for (size_t j = 0; j < p; j++) {
            half[i * p + j] = 0;
            for (size_t k = 0; k <= i; k++)
                half[i * p + j] += root[i * p + k] * meat[k * p + j];
        }
    for (size_t i = 0; i < p; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = 0;
            for (size_t k = 0; k <= j; k++)
                sum += half[i * p + k] * root[j * p + k];
            var[i * p + j] = var[j * p + i] = sum;
        }
}

sr_status sr_score_rows_sandwich(sr_context *ctx, const sr_score_rows *rows,
                                 const sr_cox_clusters *by, const double *var, double *out)
{
    const size_t p = rows->p;
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    double *root, *meat, *half, *total;
    SR_TAKE(root, sr_arena_double(&ctx->arena, p * p));
    SR_TAKE(meat, sr_arena_double(&ctx->arena, p * p));
    SR_TAKE(half, sr_arena_double(&ctx->arena, p * p));
    SR_TAKE(total, sr_arena_double(&ctx->arena, p));
    variance_root(p, var, total, root);
    SR_TRY(sr_score_rows_meat(ctx, rows, by, root, meat, total));
    enclose(p, root, meat, half, out);
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

/* total' meat^-1 total, both scaled to a unit diagonal first: what counts as aliased must not
 * depend on the units of the covariates. */
static double score_statistic(size_t p, double *meat, const double *total, double tol,
                              double *solved)
{
    double *const unit = solved + p;
    double sum = 0;
    for (size_t j = 0; j < p; j++)
        unit[j] = meat[j * p + j] > 0 ? 1 / sqrt(meat[j * p + j]) : 0;
    for (size_t j = 0; j < p; j++) {
        solved[j] = total[j] * unit[j];
        for (size_t k = 0; k < p; k++)
            meat[j * p + k] *= unit[j] * unit[k];
    }
    sr_ldl_factor(p, meat, tol);
    sr_ldl_solve(p, meat, solved);
    for (size_t j = 0; j < p; j++)
        sum += total[j] * unit[j] * solved[j];
    return sum;
}

sr_status sr_cox_robust(sr_context *ctx, const sr_cox_data *data, int is_efron,
                        const sr_cox_robust_in *in, double *var, double *score_test)
{
    const size_t p = data->x.p;
    sr_riskset rs;
    sr_cox_scores scores;
    double *root, *meat, *half, *total;
    SR_TRY(sr_riskset_make(ctx, &data->times, is_efron, &rs));
    SR_TAKE(root, sr_arena_double(&ctx->arena, p * p));
    SR_TAKE(meat, sr_arena_double(&ctx->arena, p * p));
    SR_TAKE(half, sr_arena_double(&ctx->arena, p * p));
    SR_TAKE(total, sr_arena_double(&ctx->arena, 3 * p));
    variance_root(p, in->var, total, root);
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    SR_TRY(sr_cox_scores_open(ctx, data, &rs, in->eta, &scores));
    SR_TRY(sr_cox_scores_meat(ctx, &scores, &in->by, root, meat, total));
    enclose(p, root, meat, half, var);
    sr_arena_restore(&ctx->arena, mark);
    SR_TRY(sr_cox_scores_open(ctx, data, &rs, in->eta_null, &scores));
    SR_TRY(sr_cox_scores_meat(ctx, &scores, &in->by, root, meat, total));
    *score_test = score_statistic(p, meat, total, in->tol_chol, total + p);
    return SR_OK;
}
