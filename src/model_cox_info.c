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
 * so both parts are weighted cross-products of columns (core_columns.h).
 *
 * Efron, JASA 1977;72:557, doi:10.1080/01621459.1977.10480613. Breslow, Biometrics
 * 1974;30:89, doi:10.2307/2529620. Shapes: model_cox.h. Cost O((n + K) p^2).
 */
#include "core_pair.h"
#include "core_simd.h"
#include "core_thread.h"
#include "model_cox_info.h"
#include <math.h>

static int is_tied(const sr_riskset *rs, size_t k)
{
    return rs->n_tied > 0 && rs->slot_tied[k] >= 0;
}

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

/* dH of slot k, and what a tied death meets of it */
static double hazard_step(const sr_riskset *rs, size_t k, const double *S0, const double *D0,
                          double *of_death)
{
    if (rs->n_death[k] == 0)
        return 0;
    if (!is_tied(rs, k))
        return rs->death_weight[k] / S0[k];
    const double n_death = rs->n_death[k], share = D0[rs->slot_tied[k]] / n_death;
    double all = 0, moment = 0;
    for (double l = 0; l < n_death; l++) {
        const double hazard = 1 / (S0[k] - l * share);
        all += hazard;
        moment += hazard * (n_death - l);
    }
    *of_death = moment * rs->death_weight[k] / (n_death * n_death);
    return all * rs->death_weight[k] / n_death;
}

/* Steps of some slots, where their sums will stand; tied deaths' own parts in their cells */
static void put_steps(const sr_riskset *rs, const double *S0, const double *D0, const double *mark,
                      size_t from, size_t to, sr_cum_hazard *out)
{
    for (size_t k = from; k < to; k++) {
        const double factor = mark == NULL ? 1 : mark[k];
        double of_death = 0;
        out->at_cell[k] = factor * hazard_step(rs, k, S0, D0, &of_death);
        if (is_tied(rs, k))
            out->at_cell[rs->n_slot + (size_t)rs->slot_tied[k]] = factor * of_death;
    }
}

static void put_sum(sr_cum_hazard *out, size_t cell, double high, double low)
{
    out->at_cell[cell] = high;
    if (out->at_cell_low != NULL)
        out->at_cell_low[cell] = low;
}

sr_status sr_cox_cum_hazard(sr_context *ctx, const sr_riskset *rs, const double *S0,
                            const double *D0, const double *mark, sr_cum_hazard *out)
{
    SR_TICK(ctx);
    SR_FOR_EACH(ctx, rs->n > SR_PARALLEL_FROM, b, sr_block_count(rs->n_slot),
                put_steps(rs, S0, D0, mark, b * SR_BLOCK, sr_block_end(rs->n_slot, b), out));
    for (int s = 0; s < rs->n_stratum; s++) {
        double high = 0, low = 0;
        for (size_t k = rs->slot_begin[s]; k < rs->slot_begin[s + 1]; k++) {
            const double step = out->at_cell[k];
            if (is_tied(rs, k)) {
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

/* sum_l log(S0 - l / d D0): the logarithm of products, each within the range of doubles */
static double log_of_steps(double S0, double D0, double n_death)
{
    double logs = 0, product = 1;
    const double share = D0 / n_death;
    for (double l = 0; l < n_death; l++) {
        product *= S0 - l * share;
        if (!(product < 1e100 && product > 1e-100)) {
            logs += log(product);
            product = 1;
        }
    }
    return logs + log(product);
}

/* Terms of the log-likelihood that slots [from, to) take away. Where rows have no weights, an
 * untied slot's sum joins a product, and one logarithm serves many of them. */
static double slot_logs(const sr_riskset *rs, const sr_risk_sums *sums, int is_weighted,
                        size_t from, size_t to)
{
    double sum = 0, product = 1;
    for (size_t k = from; k < to; k++) {
        if (rs->n_death[k] == 0)
            continue;
        if (is_tied(rs, k)) {
            sum += rs->death_weight[k] / rs->n_death[k] *
                   log_of_steps(sums->S0[k], sums->D0[rs->slot_tied[k]], rs->n_death[k]);
        } else if (is_weighted || rs->n_death[k] != 1) {
            sum += rs->death_weight[k] * log(sums->S0[k]);
        } else {
            product *= sums->S0[k];
            if (!(product < 1e100 && product > 1e-100)) {
                sum += log(product);
                product = 1;
            }
        }
    }
    return sum + log(product);
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
    SR_FOR_EACH(ctx, rs->n_slot > SR_PARALLEL_FROM, b, n_block,
                part[b] =
                    slot_logs(rs, sums, weight != NULL, b * SR_BLOCK, sr_block_end(rs->n_slot, b)));
    *out = sum_of_parts(part, n_block);
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

sr_status sr_cox_loglik(sr_context *ctx, const sr_riskset *rs, const sr_times *times,
                        const double *eta, const double *shift, const sr_risk_sums *sums,
                        double *loglik)
{
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    const size_t n_block = sr_block_count(times->n);
    double *part, logs;
    SR_TAKE(part, sr_arena_double(&ctx->arena, n_block));
    SR_FOR_EACH(ctx, times->n > SR_PARALLEL_FROM, b, n_block,
                part[b] = event_sum(times, eta, shift, b * SR_BLOCK, sr_block_end(times->n, b)));
    SR_TRY(sr_cox_slot_logs(ctx, rs, times->weight, sums, &logs));
    *loglik = sum_of_parts(part, n_block) - logs;
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

static void weigh_tied(const sr_riskset *rs, size_t k, double factor, const sr_risk_sums *sums,
                       sr_mean_weights *out)
{
    const size_t t = (size_t)rs->slot_tied[k];
    const double n_death = rs->n_death[k], share = sums->D0[t] / n_death;
    double sum = 0, moment = 0, square = 0; /* of l under the weights c_l^2 */
    for (double l = 0; l < n_death; l++) {
        const double hazard = 1 / (sums->S0[k] - l * share), weight = hazard * hazard;
        sum += weight;
        moment += weight * l;
        square += weight * l * l;
    }
    const double mean = moment / sum, of_one = factor * rs->death_weight[k] / n_death;
    const double spread = (square - mean * moment) / (n_death * n_death);
    out->share[t] = mean / n_death;
    out->of_mean[t] = of_one * sum;
    out->of_death[t] = spread > 0 ? of_one * spread : 0;
}

static void weigh_slots(const sr_riskset *rs, const sr_risk_sums *sums, const double *mark,
                        size_t from, size_t to, sr_mean_weights *out)
{
    for (size_t k = from; k < to; k++) {
        const double factor = mark == NULL ? 1 : mark[k];
        if (is_tied(rs, k))
            weigh_tied(rs, k, factor, sums, out);
        else if (rs->n_death[k] > 0)
            out->of_slot[k] = factor * rs->death_weight[k] / (sums->S0[k] * sums->S0[k]);
    }
}

sr_status sr_cox_weigh_means(sr_context *ctx, const sr_riskset *rs, const sr_risk_sums *sums,
                             const double *mark, sr_mean_weights *out)
{
    SR_TAKE(out->of_slot, (double *)sr_arena_zero(&ctx->arena, rs->n_slot, sizeof(double)));
    SR_TAKE(out->of_mean, sr_arena_double(&ctx->arena, rs->n_tied));
    SR_TAKE(out->of_death, sr_arena_double(&ctx->arena, rs->n_tied));
    SR_TAKE(out->share, sr_arena_double(&ctx->arena, rs->n_tied));
    SR_FOR_EACH(ctx, rs->n > SR_PARALLEL_FROM, b, sr_block_count(rs->n_slot),
                weigh_slots(rs, sums, mark, b * SR_BLOCK, sr_block_end(rs->n_slot, b), out));
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

static sr_status subtract_means(sr_context *ctx, const sr_riskset *rs, size_t p,
                                const sr_risk_sums *sums, const double *mark, double *info)
{
    sr_mean_weights weights;
    SR_TRY(sr_cox_weigh_means(ctx, rs, sums, mark, &weights));
    SR_TRY(subtract_cross(ctx, rs->n_slot, p, sums->S1, weights.of_slot, info));
    if (rs->n_tied == 0)
        return SR_OK;
    double *middle;
    SR_TAKE(middle, sr_arena_double(&ctx->arena, rs->n_tied * p));
    for (size_t j = 0; j < p; j++)
        for (size_t t = 0; t < rs->n_tied; t++)
            middle[j * rs->n_tied + t] = sums->S1[j * rs->n_slot + rs->tied_slot[t]] -
                                         weights.share[t] * sums->D1[j * rs->n_tied + t];
    SR_TRY(subtract_cross(ctx, rs->n_tied, p, middle, weights.of_mean, info));
    return subtract_cross(ctx, rs->n_tied, p, sums->D1, weights.of_death, info);
}

typedef struct {
    const sr_riskset *rs;
    const sr_times *times;
    const double *risk, *mark;
    const sr_cum_hazard *hazard;
} row_task;

/* q = r_i H_i where nobody enters late */
SR_SIMD static void weigh_rows(const double *restrict risk, const uint32_t *restrict cell,
                               const double *restrict at_cell, size_t m, double *restrict q)
{
#pragma omp simd
    for (size_t i = 0; i < m; i++)
        q[i] = risk[i] * at_cell[cell[i]];
}

/* u = weight_i - q_i for an event, -q_i otherwise; weight NULL: 1 */
SR_SIMD static void weigh_events(const double *restrict event, const double *restrict weight,
                                 const double *restrict q, size_t m, double *restrict u)
{
    if (weight == NULL) {
#pragma omp simd
        for (size_t i = 0; i < m; i++)
            u[i] = (event[i] != 0 ? 1.0 : 0.0) - q[i];
    } else {
#pragma omp simd
        for (size_t i = 0; i < m; i++)
            u[i] = (event[i] != 0 ? weight[i] : 0.0) - q[i];
    }
}

/* q = r_i H_i and u = w_i delta_i mark - r_i H_i of a block of rows */
static void fill_rows(const void *data, size_t from, size_t m, double *q, double *u)
{
    const row_task *const t = data;
    const double *const weight = t->times->weight == NULL ? NULL : t->times->weight + from;
    if (t->rs->enter == NULL)
        weigh_rows(t->risk + from, t->rs->cell + from, t->hazard->at_cell, m, q);
    else
        for (size_t i = 0; i < m; i++)
            q[i] = t->risk[from + i] * sr_row_hazard(t->rs, t->hazard, from + i);
    weigh_events(t->times->event + from, weight, q, m, u);
    for (size_t i = 0; t->mark != NULL && i < m; i++)
        if (t->times->event[from + i] != 0)
            u[i] += (weight == NULL ? 1 : weight[i]) * (t->mark[sr_leave(t->rs, from + i)] - 1);
}

sr_status sr_cox_information(sr_context *ctx, const sr_riskset *rs, const sr_times *times,
                             const sr_columns *x, const double *risk, const sr_risk_sums *sums,
                             const double *mark, double *score, double *info)
{
    const sr_arena_mark start = sr_arena_save(&ctx->arena);
    sr_cum_hazard hazard;
    SR_TRY(row_hazard_take(ctx, rs, &hazard));
    SR_TRY(sr_cox_cum_hazard(ctx, rs, sums->S0, sums->D0, mark, &hazard));
    const row_task task = {rs, times, risk, mark, &hazard};
    SR_TRY(sr_columns_cross_by(ctx, x, fill_rows, &task, info, score));
    sr_arena_restore(&ctx->arena, start);
    SR_TRY(subtract_means(ctx, rs, x->p, sums, mark, info));
    sr_arena_restore(&ctx->arena, start);
    return SR_OK;
}
