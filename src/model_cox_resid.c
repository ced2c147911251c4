/* model_cox_resid.c -- see model_cox_resid.h
 *
 * Rows are taken in blocks of 256 whose covariates are loaded, centred, into a buffer by column;
 * the block of scores replaces them there. Sums over rows are made in chunks whose number depends
 * on n alone. Cluster sums are filled by owners: after each batch of blocks every thread adds the
 * rows of its own range of clusters, in row order; so the bits do not depend on the threads.
 */
#include "model_cox_resid.h"
#include "core_linalg.h"
#include "core_simd.h"
#include <math.h>
#include <string.h>

enum { BLOCK = 256, MOST_CHUNKS = 16, BATCH_DOUBLES = 1 << 20 };

/* Weighted risks; hazards and risks are both off by the strata's shifts, which cancel in r H. */
static sr_status score_risks(sr_context *ctx, const sr_cox_data *data, const sr_riskset *rs,
                             const double *eta, double *risk)
{
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    double *shift;
    SR_TAKE(shift, sr_arena_double(&ctx->arena, (size_t)rs->n_stratum));
    if (eta == NULL)
        SR_TAKE(eta, (double *)sr_arena_zero(&ctx->arena, rs->n, sizeof(double)));
    SR_TRY(sr_cox_risk(ctx, rs, &data->times, eta, shift, risk));
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

sr_status sr_cox_scores_open(sr_context *ctx, const sr_cox_data *data, const sr_riskset *rs,
                             const double *eta, sr_cox_scores *out)
{
    const size_t p = data->x.p;
    double *centre;
    *out = (sr_cox_scores){.data = data, .rs = rs, .z = data->x};
    SR_TAKE(centre, sr_arena_double(&ctx->arena, (size_t)data->times.n_stratum * p));
    SR_TRY(sr_cox_stratum_means(ctx, data, 0, centre));
    out->z.centre = centre;
    out->z.stratum = data->times.stratum;
    SR_TAKE(out->risk, sr_arena_double(&ctx->arena, rs->n));
    SR_TRY(score_risks(ctx, data, rs, eta, out->risk));
    SR_TRY(sr_cum_hazard_take(ctx, rs, &out->hazard));
    SR_TRY(sr_cox_path_take(ctx, rs, p, 1, &out->path));
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    sr_risk_sums sums;
    SR_TRY(sr_risk_sums_take(ctx, rs, &out->z, &sums));
    SR_TRY(sr_cox_risk_sums(ctx, rs, &out->z, out->risk, &sums));
    SR_TRY(sr_cox_cum_hazard(ctx, rs, sums.S0, sums.D0, NULL, &out->hazard));
    SR_TRY(sr_cox_path_fill(ctx, rs, &sums, &out->path));
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

/* side[j] = r XH_i - w delta xbar, all but the part that is a multiple of z */
SR_SIMD static void row_side(const sr_cox_path *path, double risk, double dead, size_t cell,
                             size_t leave, double *restrict side)
{
    const size_t p = path->p;
    const double *const drift = path->drift + cell * p;
    const double *const mean = path->mean + leave * p;
    if (dead == 0) {
#pragma omp simd
        for (size_t j = 0; j < p; j++)
            side[j] = risk * drift[j];
    } else {
#pragma omp simd
        for (size_t j = 0; j < p; j++)
            side[j] = risk * drift[j] - dead * mean[j];
    }
}

SR_SIMD static void row_side_entered(const sr_cox_path *path, double risk, double dead,
                                     const size_t place[3], double *restrict side)
{
    const size_t p = path->p;
    const double *const high = path->drift + place[0] * p;
    const double *const low = path->drift_low + place[0] * p;
    const double *const mean = path->mean + place[1] * p;
    const double *const high_in = path->drift + place[2] * p;
    const double *const low_in = path->drift_low + place[2] * p;
#pragma omp simd
    for (size_t j = 0; j < p; j++)
        side[j] = risk * ((high[j] - high_in[j]) + (low[j] - low_in[j]));
    if (dead != 0)
        for (size_t j = 0; j < p; j++)
            side[j] -= dead * mean[j];
}

SR_SIMD static void block_columns(const double *restrict martingale, const double *restrict side,
                                  size_t p, size_t m, double *restrict block)
{
    for (size_t j = 0; j < p; j++) {
        double *restrict z = block + j * BLOCK;
        for (size_t i = 0; i < m; i++)
            z[i] = z[i] * martingale[i] + side[i * p + j];
    }
}

/* Rows [from, from + m) into block[j * BLOCK + i]; side is room for p x BLOCK. */
static void score_block(const sr_cox_scores *scores, int is_weighted, size_t from, size_t m,
                        double *block, double *side)
{
    const sr_riskset *const rs = scores->rs;
    const sr_times *const times = &scores->data->times;
    const size_t p = scores->z.p;
    double martingale[BLOCK];
    sr_columns_load(&scores->z, from, m, block, BLOCK);
    for (size_t i = 0; i < m; i++) {
        const size_t row = from + i, leave = sr_leave(rs, row);
        const double weight = sr_weight_of(times, row);
        const double factor = is_weighted ? 1 : 1 / weight;
        const double risk = scores->risk[row] * factor;
        const double dead = times->event[row] == 0 ? 0 : weight * factor;
        martingale[i] = dead - risk * sr_row_hazard(rs, &scores->hazard, row);
        if (rs->enter == NULL) {
            row_side(&scores->path, risk, dead, rs->cell[row], leave, side + i * p);
        } else {
            const size_t place[3] = {rs->cell[row], leave, rs->enter[row]};
            row_side_entered(&scores->path, risk, dead, place, side + i * p);
        }
    }
    block_columns(martingale, side, p, m, block);
}

sr_status sr_cox_scores_all(sr_context *ctx, const sr_cox_scores *scores, int is_weighted,
                            double *out)
{
    SR_TICK(ctx);
    const size_t n = scores->z.n, p = scores->z.p;
    const size_t n_block = (n + BLOCK - 1) / BLOCK;
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    const size_t n_wanted = 8 * (size_t)ctx->n_thread; /* rows stand alone: any division will do */
    const size_t n_part = n_block < n_wanted ? n_block : n_wanted;
    double *room;
    SR_TAKE(room, sr_arena_double(&ctx->arena, n_part * 2 * p * BLOCK + 1));
#pragma omp parallel for num_threads(ctx->n_thread) schedule(dynamic) if (n_part > 1)
    for (size_t part = 0; part < n_part; part++) {
        double *const block = room + part * 2 * p * BLOCK, *const side = block + p * BLOCK;
        for (size_t b = n_block * part / n_part; b < n_block * (part + 1) / n_part; b++) {
            const size_t from = b * BLOCK, m = n - from < BLOCK ? n - from : BLOCK;
            score_block(scores, is_weighted, from, m, block, side);
            for (size_t j = 0; j < p; j++)
                memcpy(out + j * n + from, block + j * BLOCK, m * sizeof(double));
        }
    }
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

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
    const sr_cox_scores *scores; /* NULL: sums */
    const double *sums;          /* [n x p] by row */
    size_t n, p;
} row_source;

static void source_block(const row_source *source, size_t from, size_t m, double *block,
                         double *side)
{
    if (source->scores != NULL) {
        score_block(source->scores, 1, from, m, block, side);
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

static sr_status cluster_sums(sr_context *ctx, const sr_cox_scores *scores, const int *cluster,
                              size_t n_cluster, double *sums)
{
    const size_t n = scores->z.n, p = scores->z.p, n_owner = (size_t)ctx->n_thread;
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
        const cluster_batch batch = {room, from, rows, p, cluster, sums};
#pragma omp parallel for num_threads(ctx->n_thread) schedule(static) if (rows > SR_PARALLEL_FROM)
        for (size_t b = 0; b < n_block; b++) {
            const size_t first = b * BLOCK, m = rows - first < BLOCK ? rows - first : BLOCK;
            score_block(scores, 1, from + first, m, room + b * p * BLOCK, side + b * p * BLOCK);
        }
#pragma omp parallel for num_threads(ctx->n_thread) schedule(static) if (rows > SR_PARALLEL_FROM)
        for (size_t t = 0; t < n_owner; t++)
            add_to_clusters(&batch, n_cluster * t / n_owner, n_cluster * (t + 1) / n_owner);
    }
    return SR_OK;
}

sr_status sr_cox_scores_meat(sr_context *ctx, const sr_cox_scores *scores, const int *cluster,
                             size_t n_cluster, double *meat, double *total)
{
    row_source source = {scores, NULL, scores->z.n, scores->z.p};
    if (cluster == NULL || source.p == 0)
        return cross_rows(ctx, &source, meat, total);
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    double *sums;
    if (n_cluster > SIZE_MAX / source.p)
        return SR_ERR_SIZE;
    SR_TAKE(sums, (double *)sr_arena_zero(&ctx->arena, n_cluster * source.p, sizeof(double)));
    SR_TRY(cluster_sums(ctx, scores, cluster, n_cluster, sums));
    source = (row_source){NULL, sums, n_cluster, source.p};
    SR_TRY(cross_rows(ctx, &source, meat, total));
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

/* out = left right, p x p, symmetric matrices */
static void multiply(size_t p, const double *left, const double *right, double *out)
{
    for (size_t i = 0; i < p; i++)
        for (size_t j = 0; j < p; j++) {
            double sum = 0;
            for (size_t k = 0; k < p; k++)
                sum += left[i * p + k] * right[k * p + j];
            out[i * p + j] = sum;
        }
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
    double *meat, *half, *total;
    SR_TRY(sr_riskset_make(ctx, &data->times, is_efron, &rs));
    SR_TAKE(meat, sr_arena_double(&ctx->arena, p * p));
    SR_TAKE(half, sr_arena_double(&ctx->arena, p * p));
    SR_TAKE(total, sr_arena_double(&ctx->arena, 3 * p));
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    SR_TRY(sr_cox_scores_open(ctx, data, &rs, in->eta, &scores));
    SR_TRY(sr_cox_scores_meat(ctx, &scores, in->cluster, in->n_cluster, meat, total));
    multiply(p, in->var, meat, half);
    multiply(p, half, in->var, var);
    for (size_t j = 0; j < p; j++)
        for (size_t k = 0; k < j; k++)
            var[j * p + k] = var[k * p + j] = (var[j * p + k] + var[k * p + j]) / 2;
    sr_arena_restore(&ctx->arena, mark);
    SR_TRY(sr_cox_scores_open(ctx, data, &rs, in->eta_null, &scores));
    SR_TRY(sr_cox_scores_meat(ctx, &scores, in->cluster, in->n_cluster, meat, total));
    *score_test = score_statistic(p, meat, total, in->tol_chol, total + p);
    return SR_OK;
}

size_t sr_cox_death_count(const sr_cox_data *data)
{
    size_t count = 0;
    for (size_t i = 0; i < data->times.n; i++)
        count += data->times.event[i] != 0;
    return count;
}

/* Rows of the deaths by slot; n_death of the slots gives the places. */
sr_status sr_cox_order_deaths(sr_context *ctx, const sr_cox_data *data, const sr_riskset *rs,
                              size_t *row)
{
    size_t *place, next = 0;
    SR_TAKE(place, sr_arena_sizes(&ctx->arena, rs->n_slot));
    for (size_t k = 0; k < rs->n_slot; k++) {
        place[k] = next;
        next += (size_t)rs->n_death[k];
    }
    for (size_t i = 0; i < rs->n; i++)
        if (data->times.event[i] != 0)
            row[place[sr_leave(rs, i)]++] = i;
    return SR_OK;
}

sr_status sr_cox_schoenfeld(sr_context *ctx, const sr_cox_scores *scores, size_t *row, double *out)
{
    SR_TICK(ctx);
    const size_t n_death = sr_cox_death_count(scores->data), p = scores->z.p;
    const sr_columns *const z = &scores->z;
    SR_TRY(sr_cox_order_deaths(ctx, scores->data, scores->rs, row));
#pragma omp parallel for num_threads(ctx->n_thread) schedule(static) if (n_death > 8192)
    for (size_t j = 0; j < p; j++)
        for (size_t d = 0; d < n_death; d++) {
            const size_t i = row[d];
            const size_t s = sr_stratum_of(&scores->data->times, i);
            out[j * n_death + d] = z->x[j][i] - z->centre[s * p + j] -
                                   scores->path.mean[(size_t)sr_leave(scores->rs, i) * p + j];
        }
    return SR_OK;
}
