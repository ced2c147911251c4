/* model_cox_jeffreys.c -- log-likelihood plus Jeffreys' penalty, and its gradient, in linear time
 *
 *   f(beta) = l(beta) + log det I(beta) / 2
 *   df/dbeta_m = U_m + T_m / 2,     T_m = tr(A dI/dbeta_m),   A = I^-1
 *
 * Take every step of every event time as an event of its own: step l of time k has weight h S0 and
 * risk weights r_i (1 - f [i dies at k]), with f = l/d and mean death weight for Efron; Breslow is
 * the one step f = 0. Write E for the mean over the risk set under these weights, x = E[z], and
 * I = sum of w (E[zz'] - xx'). The derivative of a variance is the third central moment, so with
 * the quadratic form (z - x)'A(z - x) = s - 2 x'Az + q,   s = z'Az,  q = x'Ax,
 *
 *   T = sum over steps of w E[(s - 2 x'Az + q)(z - x)]
 *     = sum over steps of w { E[s z] - 2 E[(x'Az) z] + (2 q - E[s]) x }.
 *
 * No risk set needs to be listed. Exchange the sums over steps and rows: a row collects, from the
 * steps that it is at risk at, the hazard H_i = sum of (1 - f..) w / S0 and the vector
 * X_i = sum of (1 - f..) (w / S0) x, both prefix sums over the event times, and
 *
 *   T = sum_i r_i (s_i H_i - 2 z_i'A X_i) z_i  +  sum over steps of w (2 q - E[s]) x.
 *
 * At a tied time x = (S1 - f D1) / S0_l, S0_l = S0 - f D0, so q needs three forms, S1'A S1, S1'A D1
 * and D1'A D1, and all sums over the d steps are scalars that multiply S1 and D1. E[s] is a
 * risk-set sum of the scalar r s.
 *
 * References: Firth (1993), Biometrika 80, 27-38, doi:10.1093/biomet/80.1.27; Heinze and Schemper
 * (2001), Biometrics 57, 114-119, doi:10.1111/j.0006-341X.2001.00114.x.
 *
 * Cost: O((n + K) p^2), K distinct event times. Memory O(n + K p), the arena's.
 */
#include "model_cox_jeffreys.h"
#include "core_gram.h"
#include "core_linalg.h"
#include <math.h>
#include <string.h>

static const double LEAST_PIVOT = 1e-15; /* relative; below it a determinant is rounding error */

/* ---- the trace term ---------------------------------------------------------------------- */

static int tied_of(const sr_riskset *rs, size_t k)
{
    return rs->n_tied > 0 ? rs->slot_tied[k] : -1;
}

/* S1 or D1 of a slot as a vector: element j at [j * stride]. */
typedef struct {
    const double *of_all, *of_dead; /* of_dead NULL: no tie */
    size_t stride_all, stride_dead;
} slot_means;

static slot_means means_of(const sr_jeffreys *problem, size_t k)
{
    const sr_riskset *rs = problem->rs;
    const int t = tied_of(rs, k);
    const slot_means out = {problem->sums.S1 + k, t < 0 ? NULL : problem->sums.D1 + t, rs->n_slot,
                            rs->n_tied};
    return out;
}

/* out = matrix x, out apart from x. */
static void multiply(size_t p, const double *matrix, const double *x, double *out)
{
    for (size_t j = 0; j < p; j++) {
        out[j] = 0;
        for (size_t k = 0; k < p; k++)
            out[j] += matrix[j * p + k] * x[k];
    }
}

/* x'Ay for vectors with strides. */
static double form_of(size_t p, const double *matrix, const double *x, size_t stride_x,
                      const double *y, size_t stride_y)
{
    double sum = 0;
    for (size_t j = 0; j < p; j++) {
        double row = 0;
        for (size_t k = 0; k < p; k++)
            row += matrix[j * p + k] * y[k * stride_y];
        sum += row * x[j * stride_x];
    }
    return sum;
}

/* X at every cell, multiplied by A. */
static void set_reach(sr_jeffreys *problem, const double *inverse)
{
    const sr_riskset *rs = problem->rs;
    const size_t p = problem->z.p;
    for (int s = 0; s < rs->n_stratum; s++) {
        const size_t first = rs->slot_begin[s];
        memset(problem->reach + first * p, 0, p * sizeof(double));
        for (size_t k = first + 1; k < rs->slot_begin[s + 1]; k++) {
            const int t = tied_of(rs, k);
            const double n_step = t < 0 ? 1 : rs->n_death[k], weight = rs->death_weight[k] / n_step;
            const double tied = t < 0 ? 0 : problem->sums.D0[t];
            double all_1 = 0, all_f = 0, dead_1 = 0, dead_f = 0;
            for (double l = 0; l < n_step; l++) {
                const double share = l / n_step, total = problem->sums.S0[k] - share * tied;
                const double hazard = weight / (total * total);
                all_1 += hazard;
                all_f += hazard * share;
                dead_1 += hazard * (1 - share);
                dead_f += hazard * (1 - share) * share;
            }
            const slot_means mean = means_of(problem, k);
            const double *before = problem->reach + (k - 1) * p;
            double *at = problem->reach + k * p;
            double *dead = t < 0 ? NULL : problem->reach + (rs->n_slot + (size_t)t) * p;
            for (size_t j = 0; j < p; j++) {
                const double of_all = mean.of_all[j * mean.stride_all];
                const double of_dead = t < 0 ? 0 : mean.of_dead[j * mean.stride_dead];
                at[j] = before[j] + all_1 * of_all - all_f * of_dead;
                if (dead != NULL)
                    dead[j] = before[j] + dead_1 * of_all - dead_f * of_dead;
            }
        }
    }
    for (size_t c = 0; c < problem->n_cell; c++) {
        double *at = problem->reach + c * p;
        multiply(p, inverse, at, problem->product);
        memcpy(at, problem->product, p * sizeof(double));
    }
}

/* s, r s and the weights of z for the rows of one block. */
static void set_block(sr_jeffreys *problem, const double *inverse, size_t from, size_t m,
                      double *block)
{
    const sr_riskset *rs = problem->rs;
    const size_t p = problem->z.p;
    double s[SR_BLOCK], t[SR_BLOCK], row[SR_BLOCK];
    sr_columns_load(&problem->z, from, m, block, SR_BLOCK);
    memset(s, 0, sizeof s);
    memset(t, 0, sizeof t);
    for (size_t j = 0; j < p; j++) {
        const double *z_j = block + j * SR_BLOCK;
        for (size_t i = 0; i < m; i++)
            row[i] = inverse[j * p + j] / 2 * z_j[i];
        for (size_t k = 0; k < j; k++)
            for (size_t i = 0; i < m; i++)
                row[i] += inverse[j * p + k] * block[k * SR_BLOCK + i];
        for (size_t i = 0; i < m; i++)
            s[i] += 2 * row[i] * z_j[i];
        for (size_t i = 0; i < m; i++) {
            double reach = problem->reach[rs->cell[from + i] * p + j];
            if (rs->enter != NULL)
                reach -= problem->reach[rs->enter[from + i] * p + j];
            t[i] += z_j[i] * reach;
        }
    }
    for (size_t i = 0; i < m; i++) {
        const double risk = problem->risk[from + i];
        problem->form[from + i] = risk * s[i];
        problem->pull[from + i] =
            risk * (s[i] * sr_row_hazard(rs, &problem->hazard, from + i) - 2 * t[i]);
    }
}

static sr_status set_rows(sr_context *ctx, sr_jeffreys *problem, const double *inverse)
{
    const size_t n = problem->z.n, p = problem->z.p, n_lane = (size_t)ctx->n_thread;
    double *block;
    SR_TAKE(block, sr_arena_double(&ctx->arena, n_lane * p * SR_BLOCK));
#pragma omp parallel for num_threads(ctx->n_thread) schedule(static, 1) if (n > 4096)
    for (size_t lane = 0; lane < n_lane; lane++)
        for (size_t i = lane * SR_BLOCK; i < n; i += n_lane * SR_BLOCK)
            set_block(problem, inverse, i, n - i < SR_BLOCK ? n - i : SR_BLOCK,
                      block + lane * p * SR_BLOCK);
    return SR_OK;
}

/* trace += sum over the steps of slot k of w (2 q - E[s]) x */
static void add_slot(const sr_jeffreys *problem, size_t k, const double *inverse, double *trace)
{
    const sr_riskset *rs = problem->rs;
    const size_t p = problem->z.p;
    const int t = tied_of(rs, k);
    const slot_means mean = means_of(problem, k);
    const double n_step = t < 0 ? 1 : rs->n_death[k], weight = rs->death_weight[k] / n_step;
    const double tied = t < 0 ? 0 : problem->sums.D0[t];
    const double tied_form = t < 0 ? 0 : problem->form_sums.D0[t];
    const double q_all =
        form_of(p, inverse, mean.of_all, mean.stride_all, mean.of_all, mean.stride_all);
    double q_both = 0, q_dead = 0, sum_1 = 0, sum_f = 0;
    if (t >= 0) {
        q_both = form_of(p, inverse, mean.of_all, mean.stride_all, mean.of_dead, mean.stride_dead);
        q_dead =
            form_of(p, inverse, mean.of_dead, mean.stride_dead, mean.of_dead, mean.stride_dead);
    }
    for (double l = 0; l < n_step; l++) {
        const double share = l / n_step, total = problem->sums.S0[k] - share * tied;
        const double q = (q_all - 2 * share * q_both + share * share * q_dead) / (total * total);
        const double form = (problem->form_sums.S0[k] - share * tied_form) / total;
        const double factor = weight / total * (2 * q - form);
        sum_1 += factor;
        sum_f += factor * share;
    }
    for (size_t j = 0; j < p; j++) {
        trace[j] += sum_1 * mean.of_all[j * mean.stride_all];
        if (t >= 0)
            trace[j] -= sum_f * mean.of_dead[j * mean.stride_dead];
    }
}

/* gradient += T / 2 */
static sr_status add_trace(sr_context *ctx, sr_jeffreys *problem, const double *inverse,
                           double *gradient)
{
    const sr_riskset *rs = problem->rs;
    const size_t p = problem->z.p;
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    double *trace;
    SR_TAKE(trace, sr_arena_double(&ctx->arena, p));
    SR_TRY(sr_cox_cum_hazard(ctx, rs, &problem->sums, NULL, &problem->hazard));
    set_reach(problem, inverse);
    SR_TRY(set_rows(ctx, problem, inverse));
    SR_TRY(sr_cox_risk_sums(ctx, rs, NULL, problem->form, &problem->form_sums));
    SR_TRY(sr_columns_cross(ctx, &problem->z, NULL, problem->pull, NULL, trace));
    for (int s = 0; s < rs->n_stratum; s++)
        for (size_t k = rs->slot_begin[s] + 1; k < rs->slot_begin[s + 1]; k++)
            add_slot(problem, k, inverse, trace);
    for (size_t j = 0; j < p; j++)
        gradient[j] += trace[j] / 2;
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

/* ---- value and gradient ------------------------------------------------------------------ */

sr_status sr_jeffreys_plain(sr_context *ctx, sr_jeffreys *problem, sr_jeffreys_point *at)
{
    const sr_riskset *rs = problem->rs;
    SR_TRY(sr_columns_times(ctx, &problem->z, at->theta, problem->offset, problem->eta));
    SR_TRY(sr_cox_risk(ctx, rs, problem->times, problem->eta, problem->shift, problem->risk));
    SR_TRY(sr_cox_risk_sums(ctx, rs, &problem->z, problem->risk, &problem->sums));
    const sr_cox_state state = {
        rs, problem->times, problem->eta, problem->shift, problem->risk, &problem->sums};
    SR_TRY(sr_cox_loglik(ctx, &state, &at->f));
    return sr_cox_information(ctx, &state, &problem->z, at->gradient, at->info);
}

sr_status sr_jeffreys_evaluate(sr_context *ctx, sr_jeffreys *problem, sr_jeffreys_point *at)
{
    const size_t p = problem->z.p;
    SR_TRY(sr_jeffreys_plain(ctx, problem, at));
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    double *factor, log_det = 0;
    SR_TAKE(factor, sr_arena_double(&ctx->arena, p * p));
    memcpy(factor, at->info, p * p * sizeof(double));
    const sr_ldl_info shape = sr_ldl_factor(p, factor, LEAST_PIVOT);
    for (size_t j = 0; j < p; j++)
        log_det += log(factor[j * p + j]);
    at->f += log_det / 2 - problem->log_scale;
    if (shape.rank < (int)p || shape.is_indefinite || !isfinite(at->f)) {
        at->f = -INFINITY;
    } else {
        sr_ldl_inverse(p, factor, at->inverse);
        SR_TRY(add_trace(ctx, problem, at->inverse, at->gradient));
    }
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

sr_status sr_jeffreys_take(sr_context *ctx, const sr_riskset *rs, const sr_times *times,
                           const double *offset, const sr_columns *z, sr_jeffreys *out)
{
    sr_arena *arena = &ctx->arena;
    const size_t n = z->n, p = z->p;
    out->rs = rs;
    out->times = times;
    out->offset = offset;
    out->z = *z;
    out->n_cell = rs->n_slot + rs->n_tied;
    out->log_scale = 0;
    for (size_t j = 0; j < p; j++)
        out->log_scale += z->scale != NULL ? log(z->scale[j]) : 0;
    SR_TAKE(out->eta, sr_arena_double(arena, n));
    SR_TAKE(out->risk, sr_arena_double(arena, n));
    SR_TAKE(out->form, sr_arena_double(arena, n));
    SR_TAKE(out->pull, sr_arena_double(arena, n));
    SR_TAKE(out->shift, sr_arena_double(arena, (size_t)rs->n_stratum));
    SR_TAKE(out->reach, sr_arena_double(arena, out->n_cell * p));
    SR_TAKE(out->product, sr_arena_double(arena, p));
    SR_TRY(sr_risk_sums_take(ctx, rs, &out->z, &out->sums));
    SR_TRY(sr_risk_sums_take(ctx, rs, NULL, &out->form_sums));
    return sr_cum_hazard_take(ctx, rs, &out->hazard);
}

sr_status sr_jeffreys_point_take(sr_context *ctx, size_t p, sr_jeffreys_point *out)
{
    SR_TAKE(out->theta, sr_arena_double(&ctx->arena, p));
    SR_TAKE(out->gradient, sr_arena_double(&ctx->arena, p));
    SR_TAKE(out->info, sr_arena_double(&ctx->arena, p * p));
    SR_TAKE(out->inverse, sr_arena_double(&ctx->arena, p * p));
    return SR_OK;
}
