/* model_cox_resid.c -- see model_cox_resid.h
 *
 * Rows are taken in blocks of 256 whose covariates are loaded, centred, into a buffer by column;
 * the block of scores replaces them there.
 */
#include "model_cox_resid.h"
#include "core_simd.h"
#include <string.h>

enum { BLOCK = SR_BLOCK };

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
    SR_TRY(sr_cox_cum_hazard(ctx, rs, &sums, NULL, &out->hazard));
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

void sr_cox_scores_block(const sr_cox_scores *scores, int is_weighted, size_t from, size_t m,
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
            sr_cox_scores_block(scores, is_weighted, from, m, block, side);
            for (size_t j = 0; j < p; j++)
                memcpy(out + j * n + from, block + j * BLOCK, m * sizeof(double));
        }
    }
    sr_arena_restore(&ctx->arena, mark);
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
