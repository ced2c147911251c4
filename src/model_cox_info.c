/* model_cox_info.c -- from risk-set sums to hazard, log-likelihood, score and information
 *
 * At an event time with d tied deaths of total weight W, let f_l = l / d and
 * w = W / d. Efron's approximation lets the tied deaths leave one by one, each a
 * share f_l of all of them: step l = 0 .. d-1 has
 *
 *     T_l = S0 - f_l D0,   xbar_l = (S1 - f_l D1) / T_l,   c_l = 1 / T_l.
 *
 * Breslow's approximation is the single step f = 0 with weight W. Then
 *
 *     dH        = sum_l w c_l                  hazard met by those who survive the time
 *     dH_death  = sum_l w c_l (1 - f_l)        hazard met by each of the tied deaths
 *     loglik    = sum_i w_i delta_i eta_i - sum_k sum_l w log T_l
 *     U         = sum_i (w_i delta_i - r_i H_i) z_i
 *     I         = sum_i r_i H_i z_i z_i' - sum_k sum_l w xbar_l xbar_l'
 *
 * with H_i the sum of the hazards that row i meets. (Sum r z z' over the risk set
 * of each step, with weight w c_l, and exchange the sums: each row collects H_i.)
 * The last sum has rank 2 at a tied time. With a = sum_l w c_l^2 and f the mean of
 * f_l under the weights w c_l^2,
 *
 *     sum_l w xbar_l xbar_l' = a (S1 - f D1)(S1 - f D1)' + b D1 D1',
 *     b = sum_l w c_l^2 (f_l - f)^2,
 *
 * so both parts are weighted cross-products of columns (core_gram.h).
 *
 * Efron, JASA 1977;72:557, doi:10.1080/01621459.1977.10480613. Breslow, Biometrics
 * 1974;30:89, doi:10.2307/2529620. Shapes: model_cox.h. Cost O((n + K) p^2).
 */
#include "core_gram.h"
#include "core_pair.h"
#include "core_thread.h"
#include "model_cox_info.h"
#include "model_cox_rows.h"
#include "model_cox_slots.h"
#include <math.h>

/* Room for the hazards that rows meet: no single steps, and low parts only where sums subtract */
static sr_status row_hazard_take(sr_context *ctx, const sr_riskset *rs, sr_cum_hazard *out)
{
    const size_t n_cell = rs->n_slot + rs->n_tied;
    *out = (sr_cum_hazard){NULL, NULL, NULL};
    SR_TAKE(out->at_cell, sr_arena_double(&ctx->arena, n_cell));
    if (rs->enter != NULL)
        SR_TAKE(out->at_cell_low, sr_arena_double(&ctx->arena, n_cell));
    return SR_OK;
}

sr_status sr_cum_hazard_take(sr_context *ctx, const sr_riskset *rs, sr_cum_hazard *out)
{
    const size_t n_cell = rs->n_slot + rs->n_tied;
    SR_TAKE(out->step, sr_arena_double(&ctx->arena, rs->n_slot));
    SR_TAKE(out->at_cell, sr_arena_double(&ctx->arena, n_cell));
    SR_TAKE(out->at_cell_low, sr_arena_double(&ctx->arena, n_cell));
    return SR_OK;
}

static void put_sum(sr_cum_hazard *out, size_t cell, double high, double low)
{
    out->at_cell[cell] = high;
    if (out->at_cell_low != NULL)
        out->at_cell_low[cell] = low;
}

sr_status sr_cox_cum_hazard(sr_context *ctx, const sr_riskset *rs, const sr_risk_sums *sums,
                            const double *mark, sr_cum_hazard *out)
{
    SR_TICK(ctx);
    SR_FOR_EACH(ctx, rs->n_slot > SR_PARALLEL_FROM / 4, b, sr_block_count(rs->n_slot),
                sr_put_steps(rs, sums, mark, b * SR_BLOCK, sr_block_end(rs->n_slot, b), out));
    for (int s = 0; s < rs->n_stratum; s++) {
        double high = 0, low = 0;
        for (size_t k = rs->slot_begin[s]; k < rs->slot_begin[s + 1]; k++) {
            const double step = out->at_cell[k];
            if (sr_is_tied(rs, k)) {
                const size_t cell = rs->n_slot + (size_t)rs->slot_tied[k];
                double own_high = high, own_low = low;
                sr_add_exactly(&own_high, &own_low, out->at_cell[cell]);
                put_sum(out, cell, own_high, own_low);
            }
            sr_add_exactly(&high, &low, step);
            if (out->step != NULL)
                out->step[k] = step;
            put_sum(out, k, high, low);
        }
    }
    return SR_OK;
}

/* sum_i w_i delta_i (eta_i - shift) over one block */
static double event_sum(const sr_times *times, const double *eta, const double *shift, size_t from,
                        size_t to)
{
    double sum = 0;
    for (size_t i = from; i < to; i++)
        if (times->event[i] != 0)
            sum += sr_weight_of(times, i) * (eta[i] - shift[sr_stratum_of(times, i)]);
    return sum;
}

static double sum_of_parts(const double *part, size_t n_part)
{
    double high = 0, low = 0;
    for (size_t b = 0; b < n_part; b++)
        sr_add_exactly(&high, &low, part[b]);
    return high + low;
}

sr_status sr_cox_slot_logs(sr_context *ctx, const sr_riskset *rs, const double *weight,
                           const sr_risk_sums *sums, double *out)
{
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    const size_t n_block = sr_block_count(rs->n_slot);
    double *part;
    SR_TAKE(part, sr_arena_double(&ctx->arena, n_block));
    SR_FOR_EACH(ctx, rs->n_slot > SR_PARALLEL_FROM / 4, b, n_block,
                part[b] = sr_slot_logs(rs, sums, weight != NULL, b * SR_BLOCK,
                                       sr_block_end(rs->n_slot, b)));
    *out = sum_of_parts(part, n_block);
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

sr_status sr_cox_loglik(sr_context *ctx, const sr_cox_state *at, double *loglik)
{
    const sr_times *const times = at->times;
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    const size_t n_block = sr_block_count(times->n);
    double *part, logs;
    SR_TAKE(part, sr_arena_double(&ctx->arena, n_block));
    SR_FOR_EACH(ctx, times->n > SR_PARALLEL_FROM, b, n_block,
                part[b] =
                    event_sum(times, at->eta, at->shift, b * SR_BLOCK, sr_block_end(times->n, b)));
    SR_TRY(sr_cox_slot_logs(ctx, at->rs, times->weight, at->sums, &logs));
    *loglik = sum_of_parts(part, n_block) - logs;
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

sr_status sr_cox_weigh_means(sr_context *ctx, const sr_riskset *rs, const sr_risk_sums *sums,
                             sr_mean_weights *out)
{
    SR_TAKE(out->of_slot, (double *)sr_arena_zero(&ctx->arena, rs->n_slot, sizeof(double)));
    SR_TAKE(out->of_mean, sr_arena_double(&ctx->arena, rs->n_tied));
    SR_TAKE(out->of_death, sr_arena_double(&ctx->arena, rs->n_tied));
    SR_TAKE(out->share, sr_arena_double(&ctx->arena, rs->n_tied));
    SR_FOR_EACH(ctx, rs->n_slot > SR_PARALLEL_FROM / 4, b, sr_block_count(rs->n_slot),
                sr_weigh_slots(rs, sums, b * SR_BLOCK, sr_block_end(rs->n_slot, b), out));
    return SR_OK;
}

sr_status sr_cox_tied_means(sr_context *ctx, const sr_riskset *rs, size_t p,
                            const sr_risk_sums *sums, const double *share, double **out)
{
    SR_TAKE(*out, sr_arena_double(&ctx->arena, rs->n_tied * p));
    for (size_t j = 0; j < p; j++)
        for (size_t t = 0; t < rs->n_tied; t++)
            (*out)[j * rs->n_tied + t] = sums->S1[j * rs->n_slot + rs->tied_slot[t]] -
                                         share[t] * sums->D1[j * rs->n_tied + t];
    return SR_OK;
}

/* info -= sum_k weight_k column_k column_k', the columns a dense [p x n] matrix */
static sr_status subtract_cross(sr_context *ctx, size_t n, size_t p, const double *matrix,
                                const double *weight, double *info)
{
    if (n == 0 || p == 0)
        return SR_OK;
    const double **column;
    double *cross;
    SR_TAKE(column, (const double **)sr_arena_take(&ctx->arena, p, sizeof(double *)));
    SR_TAKE(cross, sr_arena_double(&ctx->arena, p * p));
    for (size_t j = 0; j < p; j++)
        column[j] = matrix + j * n;
    const sr_columns x = {.n = n, .p = p, .x = column};
    SR_TRY(sr_columns_cross(ctx, &x, weight, NULL, cross, NULL));
    for (size_t j = 0; j < p * p; j++)
        info[j] -= cross[j];
    return SR_OK;
}

sr_status sr_cox_subtract_means(sr_context *ctx, const sr_riskset *rs, size_t p,
                                const sr_risk_sums *sums, const double *mark, double *info)
{
    sr_mean_weights weights;
    double *middle;
    SR_TRY(sr_cox_weigh_means(ctx, rs, sums, &weights));
    for (size_t k = 0; mark != NULL && k < rs->n_slot; k++)
        weights.of_slot[k] *= mark[k];
    for (size_t t = 0; mark != NULL && t < rs->n_tied; t++) {
        weights.of_mean[t] *= mark[rs->tied_slot[t]];
        weights.of_death[t] *= mark[rs->tied_slot[t]];
    }
    SR_TRY(subtract_cross(ctx, rs->n_slot, p, sums->S1, weights.of_slot, info));
    if (rs->n_tied == 0)
        return SR_OK;
    SR_TRY(sr_cox_tied_means(ctx, rs, p, sums, weights.share, &middle));
    SR_TRY(subtract_cross(ctx, rs->n_tied, p, middle, weights.of_mean, info));
    return subtract_cross(ctx, rs->n_tied, p, sums->D1, weights.of_death, info);
}

typedef struct {
    const sr_cox_state *at;
    const sr_cum_hazard *hazard;
} row_task;

/* q = r_i H_i and u = w_i delta_i - r_i H_i of a block of rows */
static void fill_rows(const void *data, size_t from, size_t m, double *q, double *u)
{
    const row_task *const t = data;
    const sr_riskset *const rs = t->at->rs;
    const sr_times *const times = t->at->times;
    const double *const risk = t->at->risk;
    if (rs->enter == NULL) {
        sr_cox_rows_weigh(t->at, t->hazard->at_cell, from, m, q, u);
        return;
    }
    for (size_t i = 0; i < m; i++) {
        q[i] = risk[from + i] * sr_row_hazard(rs, t->hazard, from + i);
        u[i] = -q[i];
    }
    for (size_t i = 0; i < m; i++)
        if (times->event[from + i] != 0)
            u[i] += sr_weight_of(times, from + i);
}

sr_status sr_cox_information(sr_context *ctx, const sr_cox_state *at, const sr_columns *x,
                             double *score, double *info)
{
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    sr_cum_hazard hazard;
    SR_TRY(row_hazard_take(ctx, at->rs, &hazard));
    SR_TRY(sr_cox_cum_hazard(ctx, at->rs, at->sums, NULL, &hazard));
    const row_task task = {at, &hazard};
    SR_TRY(sr_columns_cross_by(ctx, x, fill_rows, &task, info, score));
    sr_arena_restore(&ctx->arena, mark);
    SR_TRY(sr_cox_subtract_means(ctx, at->rs, x->p, at->sums, NULL, info));
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}
