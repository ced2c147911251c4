/* model_cox_pass.c -- see model_cox_pass.h
 *
 * A cell's 1 + p sums stand in groups of four neighbours, and a block's
 * contributions r_i (1, z_i1, z_i2, z_i3), r_i (z_i4, ...), ... are woven in the
 * same way first. A row then adds to each group with one load, one addition and
 * one store of four numbers.
 *
 *   cells  [n_chunk][n_group][n_cell][4]
 *
 * Chunks depend on n alone and are added in their order. Cost O(n p + K p).
 */
#include "model_cox_pass.h"
#include "core_pair.h"
#include "core_simd.h"
#include "core_thread.h"
#include "model_cox_rows.h"
#include <string.h>

enum { GROUP = 4, LINE = 64 / sizeof(double) };

typedef struct {
    const sr_cox_view *v;
    size_t n_chunk, n_cell, n_group, n_column;
    int is_flat;           /* all coefficients are 0 */
    double *cells;         /* as above */
    double *buffer;        /* [n_chunk][p x SR_BLOCK] */
    const double **column; /* [n_chunk][2][GROUP n_group]: this block's, the next one's */
    double *event_sum;     /* [n_block] */
    int *is_far;           /* [n_chunk] */
} pass_job;

/* out[4 i + lane] = risk[i] column[lane][i] */
SR_SIMD static void weave(const double *restrict risk, const double *const *column, size_t m,
                          double *restrict out)
{
    const double *restrict a = column[0], *restrict b = column[1];
    const double *restrict c = column[2], *restrict d = column[3];
#pragma omp simd
    for (size_t i = 0; i < m; i++) {
        out[4 * i] = risk[i] * a[i];
        out[4 * i + 1] = risk[i] * b[i];
        out[4 * i + 2] = risk[i] * c[i];
        out[4 * i + 3] = risk[i] * d[i];
    }
}

/* A group's sums of m rows; the same columns of the next block are asked for on the way. */
SR_SIMD static void add_to_cells(const uint32_t *restrict cell, const double *restrict woven,
                                 size_t m, const double *const *next, double *restrict cells)
{
    for (size_t i = 0; i < m; i += LINE) {
        for (size_t lane = 0; lane < GROUP; lane++)
            SR_PREFETCH(next[lane] + i);
        const size_t end = m < i + LINE ? m : i + LINE;
        for (size_t k = i; k < end; k++) {
            double *const at = cells + GROUP * (size_t)cell[k];
#pragma omp simd
            for (size_t lane = 0; lane < GROUP; lane++)
                at[lane] += woven[GROUP * k + lane];
        }
    }
}

SR_SIMD static void take_from_cells(const uint32_t *restrict cell, const double *restrict woven,
                                    size_t m, double *restrict cells)
{
    for (size_t i = 0; i < m; i++) {
        double *const at = cells + GROUP * (size_t)cell[i];
#pragma omp simd
        for (size_t lane = 0; lane < GROUP; lane++)
            at[lane] -= woven[GROUP * i + lane];
    }
}

static void pass_chunk(const pass_job *job, size_t c)
{
    const sr_cox_view *const v = job->v;
    const size_t n = v->times.n, room = job->n_group * job->n_cell * GROUP;
    double *const cells = job->cells + c * room;
    double ones[SR_BLOCK], woven[GROUP * SR_BLOCK];
    const double **const column = job->column + 2 * c * job->n_group * GROUP;
    const double **const next = column + job->n_group * GROUP;
    sr_cox_rows rows = {.column = column + 1, .buffer = job->buffer + c * v->x.p * SR_BLOCK};
    for (size_t i = 0; i < SR_BLOCK; i++)
        ones[i] = 1;
    for (size_t j = 0; j < job->n_group * GROUP; j++)
        column[j] = next[j] = ones;
    memset(cells, 0, room * sizeof(double));
    job->is_far[c] = 0;
    const size_t end = sr_chunk_begin(n, job->n_chunk, c + 1);
    for (size_t from = sr_chunk_begin(n, job->n_chunk, c); from < end; from += SR_BLOCK) {
        const size_t m = end - from < SR_BLOCK ? end - from : SR_BLOCK;
        for (size_t j = 0; j < v->x.p && from + 2 * SR_BLOCK <= end; j++)
            next[1 + j] = v->x.x[j] + from + SR_BLOCK;
        sr_cox_rows_load(v, job->is_flat, from, m, &rows);
        job->event_sum[from / SR_BLOCK] = rows.event_sum;
        job->is_far[c] |= rows.is_far;
        for (size_t g = 0; g < job->n_group; g++) {
            double *const mine = cells + g * job->n_cell * GROUP;
            weave(v->risk + from, column + g * GROUP, m, woven);
            add_to_cells(v->rs.cell + from, woven, m, next + g * GROUP, mine);
            if (v->rs.enter != NULL)
                take_from_cells(v->rs.enter + from, woven, m, mine);
        }
    }
}

SR_SIMD static void add_cells(const double *restrict from, size_t m, double *restrict to)
{
#pragma omp simd
    for (size_t k = 0; k < m; k++)
        to[k] += from[k];
}

/* Four columns from the end of each stratum back; columns past the last have nowhere to go. */
static void scan_group(const pass_job *job, size_t g, const double *cells)
{
    const sr_riskset *const rs = &job->v->rs;
    const sr_risk_sums *const out = &job->v->sums;
    double *slots[GROUP], *ties[GROUP];
    size_t n_own = 0;
    for (size_t j = g * GROUP; j < (g + 1) * GROUP && j < job->n_column; j++, n_own++) {
        slots[n_own] = j == 0 ? out->S0 : out->S1 + (j - 1) * rs->n_slot;
        ties[n_own] = j == 0 ? out->D0 : out->D1 + (j - 1) * rs->n_tied;
    }
    for (size_t t = 0; t < rs->n_tied; t++)
        for (size_t lane = 0; lane < n_own; lane++)
            ties[lane][t] = cells[(rs->n_slot + t) * GROUP + lane];
    for (int s = 0; s < rs->n_stratum; s++) {
        double sum[GROUP] = {0};
        for (size_t k = rs->slot_begin[s + 1]; k-- > rs->slot_begin[s];) {
            for (size_t lane = 0; lane < GROUP; lane++)
                sum[lane] += cells[k * GROUP + lane];
            if (sr_is_tied(rs, k)) {
                const double *const tied = cells + (rs->n_slot + (size_t)rs->slot_tied[k]) * GROUP;
                for (size_t lane = 0; lane < GROUP; lane++)
                    sum[lane] += tied[lane];
            }
            for (size_t lane = 0; lane < n_own; lane++)
                slots[lane][k] = sum[lane];
        }
    }
}

static void finish_group(const pass_job *job, size_t g)
{
    const size_t own = job->n_cell * GROUP;
    double *const total = job->cells + g * own;
    for (size_t c = 1; c < job->n_chunk; c++)
        add_cells(total + c * job->n_group * own, own, total);
    scan_group(job, g, total);
}

static sr_status job_take(sr_context *ctx, const sr_cox_view *v, pass_job *job)
{
    const size_t p = v->x.p, n_chunk = sr_few_slots_chunks(&v->rs);
    *job = (pass_job){.v = v, .n_chunk = n_chunk, .n_column = 1 + p, .is_flat = 1};
    job->n_cell = v->rs.n_slot + v->rs.n_tied;
    job->n_group = (job->n_column + GROUP - 1) / GROUP;
    for (size_t j = 0; j < p; j++)
        job->is_flat &= v->beta[j] == 0;
    const size_t n_pointer = n_chunk * job->n_group * GROUP;
    SR_TAKE(job->cells,
            (double *)sr_arena_take(&ctx->arena, n_pointer, job->n_cell * sizeof(double)));
    SR_TAKE(job->buffer, sr_arena_double(&ctx->arena, n_chunk * p * SR_BLOCK));
    SR_TAKE(job->column,
            (const double **)sr_arena_take(&ctx->arena, 2 * n_pointer, sizeof(double *)));
    SR_TAKE(job->event_sum, sr_arena_double(&ctx->arena, sr_block_count(v->times.n)));
    SR_TAKE(job->is_far, (int *)sr_arena_take(&ctx->arena, n_chunk, sizeof(int)));
    return SR_OK;
}

sr_status sr_cox_pass(sr_context *ctx, sr_cox_view *v, double *event_sum, int *is_done)
{
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    pass_job job;
    *is_done = 0;
    SR_TICK(ctx);
    SR_TRY(job_take(ctx, v, &job));
    SR_FOR_EACH(ctx, job.n_chunk > 1, c, job.n_chunk, pass_chunk(&job, c));
    int is_far = 0;
    for (size_t c = 0; c < job.n_chunk; c++)
        is_far |= job.is_far[c];
    if (!is_far) {
        SR_FOR_EACH(ctx, job.n_chunk > 1, g, job.n_group, finish_group(&job, g));
        *is_done = v->rs.enter == NULL || !sr_has_cancelled(&v->rs, v->sums.S0);
    }
    double high = 0, low = 0;
    for (size_t b = 0; b < sr_block_count(v->times.n); b++)
        sr_add_exactly(&high, &low, job.event_sum[b]);
    *event_sum = high + low;
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}
