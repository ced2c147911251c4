/* model_cox_zph_info.c -- the information under the marks 1, g and g^2, in one sweep
 *
 * With marks m_k at the event times (model_cox_info.c derives it for m = 1),
 *
 *     sum_k m_k V_k = sum_i r_i H_i z_i z_i' - sum_k m_k sum_l w xbar_l xbar_l',
 *
 * H_i the sum of m_k dH_k that row i meets. Both parts are cross-products of the same columns under
 * three weights (core_cross_weights.h). O((n + K) p^2).
 */
#include "core_cross_weights.h"
#include "model_cox_info.h"
#include "model_cox_zph.h"

enum { MARKS = SR_CROSS_WEIGHTS };

/* at[cell * MARKS + m]: hazard under mark m up to that cell; low: what rounding lost of it, NULL
 * where nobody enters late. */
typedef struct {
    const sr_riskset *rs;
    const double *risk;
    double *at, *low;
} row_task;

static void fill_rows(const void *data, size_t from, size_t m, double *q)
{
    const row_task *const t = data;
    const uint32_t *const cell = t->rs->cell + from;
    const double *const risk = t->risk + from;
    if (t->rs->enter == NULL) {
        for (size_t i = 0; i < m; i++) {
            const double *const here = t->at + (size_t)cell[i] * MARKS;
            q[i] = risk[i] * here[0];
            q[SR_BLOCK + i] = risk[i] * here[1];
            q[2 * SR_BLOCK + i] = risk[i] * here[2];
        }
        return;
    }
    const uint32_t *const enter = t->rs->enter + from;
    for (size_t i = 0; i < m; i++) {
        const size_t leave = (size_t)cell[i] * MARKS, before = (size_t)enter[i] * MARKS;
        for (size_t k = 0; k < MARKS; k++)
            q[k * SR_BLOCK + i] = risk[i] * ((t->at[leave + k] - t->at[before + k]) +
                                             (t->low[leave + k] - t->low[before + k]));
    }
}

/* Hazards under 1, mark and mark^2, beside each other at each cell. */
static sr_status lay_hazards(sr_context *ctx, const sr_risk_sums *sums, const double *mark,
                             row_task *out)
{
    const sr_riskset *const rs = out->rs;
    const size_t n_cell = rs->n_slot + rs->n_tied;
    double *square;
    sr_cum_hazard hazard = {NULL, NULL, NULL};
    SR_TAKE(out->at, sr_arena_double(&ctx->arena, n_cell * MARKS));
    out->low = NULL;
    if (rs->enter != NULL)
        SR_TAKE(out->low, sr_arena_double(&ctx->arena, n_cell * MARKS));
    SR_TAKE(square, sr_arena_double(&ctx->arena, rs->n_slot));
    SR_TAKE(hazard.at_cell, sr_arena_double(&ctx->arena, n_cell));
    if (rs->enter != NULL)
        SR_TAKE(hazard.at_cell_low, sr_arena_double(&ctx->arena, n_cell));
    for (size_t k = 0; k < rs->n_slot; k++)
        square[k] = mark[k] * mark[k];
    const double *const marks[MARKS] = {NULL, mark, square};
    for (size_t k = 0; k < MARKS; k++) {
        SR_TRY(sr_cox_cum_hazard(ctx, rs, sums, marks[k], &hazard));
        for (size_t c = 0; c < n_cell; c++)
            out->at[c * MARKS + k] = hazard.at_cell[c];
        for (size_t c = 0; out->low != NULL && c < n_cell; c++)
            out->low[c * MARKS + k] = hazard.at_cell_low[c];
    }
    return SR_OK;
}

/* A dense matrix [n x p], a weight for each row, and the mark there: mark[slot[k]], or mark[k]. */
typedef struct {
    size_t n;
    const double *matrix, *weight, *mark;
    const uint32_t *slot;
} mean_task;

static void fill_means(const void *data, size_t from, size_t m, double *q)
{
    const mean_task *const t = data;
    for (size_t i = 0; i < m; i++) {
        const double weight = t->weight[from + i];
        const double mark = t->mark[t->slot == NULL ? from + i : t->slot[from + i]];
        q[i] = weight;
        q[SR_BLOCK + i] = weight * mark;
        q[2 * SR_BLOCK + i] = weight * mark * mark;
    }
}

/* info[m] -= sum_k mark_k^m weight_k row_k row_k' */
static sr_status subtract_cross(sr_context *ctx, const mean_task *task, size_t p,
                                double *const info[MARKS])
{
    if (task->n == 0 || p == 0)
        return SR_OK;
    const double **column;
    double *cross[MARKS];
    SR_TAKE(column, (const double **)sr_arena_take(&ctx->arena, p, sizeof(double *)));
    for (size_t j = 0; j < p; j++)
        column[j] = task->matrix + j * task->n;
    for (size_t k = 0; k < MARKS; k++)
        SR_TAKE(cross[k], sr_arena_double(&ctx->arena, p * p));
    const sr_columns x = {.n = task->n, .p = p, .x = column};
    SR_TRY(sr_columns_cross_weights(ctx, &x, fill_means, task, cross));
    for (size_t k = 0; k < MARKS; k++)
        for (size_t j = 0; j < p * p; j++)
            info[k][j] -= cross[k][j];
    return SR_OK;
}

static sr_status subtract_means(sr_context *ctx, const sr_riskset *rs, size_t p,
                                const sr_risk_sums *sums, const double *mark,
                                double *const info[MARKS])
{
    sr_mean_weights weights;
    SR_TRY(sr_cox_weigh_means(ctx, rs, sums, &weights));
    if (rs->n_tied < rs->n_slot - (size_t)rs->n_stratum) {
        const mean_task untied = {rs->n_slot, sums->S1, weights.of_slot, mark, NULL};
        SR_TRY(subtract_cross(ctx, &untied, p, info));
    }
    if (rs->n_tied == 0)
        return SR_OK;
    double *middle;
    SR_TRY(sr_cox_tied_means(ctx, rs, p, sums, weights.share, &middle));
    const mean_task between = {rs->n_tied, middle, weights.of_mean, mark, rs->tied_slot};
    const mean_task within = {rs->n_tied, sums->D1, weights.of_death, mark, rs->tied_slot};
    SR_TRY(subtract_cross(ctx, &between, p, info));
    return subtract_cross(ctx, &within, p, info);
}

sr_status sr_zph_information(sr_context *ctx, const sr_cox_state *at, const sr_columns *x,
                             const double *mark, double *const info[MARKS])
{
    const sr_arena_mark start = sr_arena_save(&ctx->arena);
    row_task task = {at->rs, at->risk, NULL, NULL};
    SR_TRY(lay_hazards(ctx, at->sums, mark, &task));
    SR_TRY(sr_columns_cross_weights(ctx, x, fill_rows, &task, info));
    SR_TRY(subtract_means(ctx, at->rs, x->p, at->sums, mark, info));
    sr_arena_restore(&ctx->arena, start);
    return SR_OK;
}
