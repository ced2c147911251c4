/* model_cox_zph.c -- see model_cox_zph.h
 *
 * With V(t) the variance of x over the risk set of an event time, weighted by the risks at beta
 * (summed over the steps of Efron's approximation at a tied time), the score and information of
 * (beta, theta) at theta = 0 are
 *
 *     U = (0, sum_i g(t_i) w_i (x_i - xbar(t_i))),     I = [ sum V       sum g V   ]
 *                                                         [ sum g V     sum g^2 V ]
 *
 * (Grambsch & Therneau, Biometrika 1994;81:515, doi:10.1093/biomet/81.3.515, in the exact form of
 * a score test). Each block is one call of sr_cox_information with the event times marked 1, g and
 * g^2: no matrix an event time is formed. O(n p^2).
 */
#include "model_cox_zph.h"
#include <math.h>
#include <string.h>

static int has_event(const sr_times *t, size_t i)
{
    return t->event[i] != 0;
}

static size_t stratum_of(const sr_times *t, size_t i)
{
    return t->stratum == NULL ? 0 : (size_t)t->stratum[i];
}

sr_status sr_event_order(sr_context *ctx, const sr_times *times, int is_reversed, uint32_t *row)
{
    sr_riskset rs;
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    SR_TRY(sr_riskset_make(ctx, times, 0, &rs));
    size_t *next;
    SR_TAKE(next, (size_t *)sr_arena_zero(&ctx->arena, rs.n_slot + 1, sizeof(size_t)));
    for (size_t k = 0; k < rs.n_slot; k++)
        next[k + 1] = next[k] + (size_t)rs.n_death[k];
    for (size_t i = 0; i < times->n; i++) {
        const size_t at = is_reversed ? times->n - 1 - i : i;
        if (has_event(times, at))
            row[next[rs.cell[at]]++] = (uint32_t)at;
    }
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

sr_status sr_event_survival(sr_context *ctx, const sr_times *times, size_t n_event,
                            const uint32_t *row, double *value)
{
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    sr_times all = *times;
    all.stratum = NULL;
    all.n_stratum = 1;
    all.weight = NULL;
    sr_riskset rs;
    sr_risk_sums at_risk;
    double *one, *failed;
    SR_TRY(sr_riskset_make(ctx, &all, 0, &rs));
    SR_TRY(sr_risk_sums_take(ctx, &rs, NULL, &at_risk));
    SR_TAKE(one, sr_arena_double(&ctx->arena, times->n));
    for (size_t i = 0; i < times->n; i++)
        one[i] = 1;
    SR_TRY(sr_cox_risk_sums(ctx, &rs, NULL, one, &at_risk));
    SR_TAKE(failed, sr_arena_double(&ctx->arena, rs.n_slot));
    double survival = 1;
    for (size_t k = 1; k < rs.n_slot; k++) {
        failed[k] = 1 - survival;
        survival *= (at_risk.S0[k] - rs.n_death[k]) / at_risk.S0[k];
    }
    for (size_t e = 0; e < n_event; e++)
        value[e] = failed[rs.cell[row[e]]];
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

sr_status sr_event_rank(sr_context *ctx, const sr_times *times, size_t n_event, const uint32_t *row,
                        double *value)
{
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    sr_timeindex index;
    size_t bad_row;
    double *up_to; /* rows at places before p in up_to[p], p = 0 .. n_distinct */
    SR_TRY(sr_timeindex_make(ctx, times->n, NULL, times->stop, 0, &index, &bad_row));
    SR_TAKE(up_to, (double *)sr_arena_zero(&ctx->arena, index.n_distinct + 1, sizeof(double)));
    for (size_t i = 0; i < times->n; i++)
        up_to[index.stop[i] + 1]++;
    for (size_t p = 0; p < index.n_distinct; p++)
        up_to[p + 1] += up_to[p];
    for (size_t e = 0; e < n_event; e++) {
        const uint32_t place = index.stop[row[e]];
        value[e] = 0.5 * (up_to[place] + 1 + up_to[place + 1]);
    }
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

/* Centre each column at its mean, within strata where there are several. */
static sr_status centre_columns(sr_context *ctx, const sr_cox_data *data, sr_columns *x)
{
    const size_t n = data->times.n, p = x->p, n_stratum = (size_t)data->times.n_stratum;
    double *centre, *count;
    SR_TAKE(centre, (double *)sr_arena_zero(&ctx->arena, n_stratum * p, sizeof(double)));
    SR_TAKE(count, (double *)sr_arena_zero(&ctx->arena, n_stratum, sizeof(double)));
    for (size_t i = 0; i < n; i++)
        count[stratum_of(&data->times, i)]++;
#pragma omp parallel for num_threads(ctx->n_thread) schedule(static)
    for (size_t j = 0; j < p; j++) {
        for (size_t i = 0; i < n; i++)
            centre[stratum_of(&data->times, i) * p + j] += data->x.x[j][i];
        for (size_t s = 0; s < n_stratum; s++)
            centre[s * p + j] /= count[s] > 0 ? count[s] : 1;
    }
    x->centre = centre;
    x->stratum = n_stratum > 1 ? data->times.stratum : NULL;
    return SR_OK;
}

/* Mean over the steps of an event time: xbar = a S1 - b D1, b = 0 where nothing is tied. */
static void mean_factors(const sr_riskset *rs, const sr_risk_sums *sums, size_t k, double *a,
                         double *b)
{
    *b = 0;
    *a = 1 / sums->S0[k];
    if (rs->n_tied == 0 || rs->slot_tied[k] < 0)
        return;
    const double n_death = rs->n_death[k], tied = sums->D0[rs->slot_tied[k]];
    *a = 0;
    for (double l = 0; l < n_death; l++) {
        const double share = l / n_death, inverse = 1 / (sums->S0[k] - share * tied);
        *a += inverse / n_death;
        *b += share * inverse / n_death;
    }
}

static sr_status schoenfeld(sr_context *ctx, const sr_riskset *rs, const sr_columns *x,
                            const sr_risk_sums *sums, size_t n_event, const uint32_t *row,
                            double *out)
{
    double *a, *b;
    SR_TAKE(a, sr_arena_double(&ctx->arena, rs->n_slot));
    SR_TAKE(b, sr_arena_double(&ctx->arena, rs->n_slot));
    for (size_t k = 0; k < rs->n_slot; k++)
        mean_factors(rs, sums, k, &a[k], &b[k]);
    SR_TICK(ctx);
#pragma omp parallel for num_threads(ctx->n_thread) schedule(static)
    for (size_t j = 0; j < x->p; j++) {
        const double *const S1 = sums->S1 + j * rs->n_slot, *const D1 = sums->D1 + j * rs->n_tied;
        for (size_t e = 0; e < n_event; e++) {
            const size_t i = row[e], k = sr_leave(rs, i);
            const size_t s = x->stratum == NULL ? 0 : (size_t)x->stratum[i];
            double mean = a[k] * S1[k];
            if (b[k] != 0)
                mean -= b[k] * D1[rs->slot_tied[k]];
            out[j * n_event + e] = x->x[j][i] - x->centre[s * x->p + j] - mean;
        }
    }
    return SR_OK;
}

/* In which strata is a column constant? */
static sr_status find_varying(sr_context *ctx, const sr_cox_data *data, int *is_varying)
{
    const size_t n_stratum = (size_t)data->times.n_stratum, n = data->times.n;
    size_t *first;
    SR_TAKE(first, sr_arena_sizes(&ctx->arena, n_stratum));
    for (size_t s = 0; s < n_stratum; s++)
        first[s] = n;
    for (size_t i = n; i-- > 0;)
        first[stratum_of(&data->times, i)] = i;
    memset(is_varying, 0, n_stratum * data->x.p * sizeof(int));
    for (size_t j = 0; j < data->x.p; j++) {
        size_t n_open = n_stratum;
        for (size_t i = 0; i < n && n_open > 0; i++) {
            const size_t s = stratum_of(&data->times, i);
            int *const mine = &is_varying[j * n_stratum + s];
            if (!*mine && data->x.x[j][i] != data->x.x[j][first[s]]) {
                *mine = 1;
                n_open--;
            }
        }
    }
    return SR_OK;
}

static sr_status test(sr_context *ctx, const sr_cox_data *data, const double *eta, int is_efron,
                      size_t n_event, const uint32_t *row, const double *g, sr_cox_zph *out)
{
    const size_t n = data->times.n, p = data->x.p;
    sr_riskset rs;
    sr_risk_sums sums;
    sr_columns x = data->x;
    double *risk, *shift, *mark, *unused;
    SR_TRY(sr_riskset_make(ctx, &data->times, is_efron, &rs));
    SR_TRY(centre_columns(ctx, data, &x));
    SR_TAKE(risk, sr_arena_double(&ctx->arena, n));
    SR_TAKE(shift, sr_arena_double(&ctx->arena, (size_t)rs.n_stratum));
    SR_TAKE(mark, (double *)sr_arena_zero(&ctx->arena, rs.n_slot, sizeof(double)));
    SR_TAKE(unused, sr_arena_double(&ctx->arena, p));
    SR_TRY(sr_risk_sums_take(ctx, &rs, &x, &sums));
    SR_TRY(sr_cox_risk(ctx, &rs, &data->times, eta, shift, risk));
    SR_TRY(sr_cox_risk_sums(ctx, &rs, &x, risk, &sums));
    SR_TRY(sr_cox_information(ctx, &rs, &data->times, &x, risk, &sums, NULL, unused, out->info));
    for (size_t e = 0; e < n_event; e++)
        mark[sr_leave(&rs, row[e])] = g[e];
    SR_TRY(
        sr_cox_information(ctx, &rs, &data->times, &x, risk, &sums, mark, out->score, out->info_g));
    for (size_t k = 0; k < rs.n_slot; k++)
        mark[k] *= mark[k];
    SR_TRY(sr_cox_information(ctx, &rs, &data->times, &x, risk, &sums, mark, unused, out->info_gg));
    SR_TRY(schoenfeld(ctx, &rs, &x, &sums, n_event, row, out->schoenfeld));
    SR_TICK(ctx);
    memset(out->stratum_event, 0, (size_t)rs.n_stratum * sizeof(double));
    for (size_t k = 0; k < rs.n_slot; k++)
        out->stratum_event[rs.slot_stratum[k]] += rs.n_death[k];
    return find_varying(ctx, data, out->is_varying);
}

sr_status sr_cox_zph_test(sr_context *ctx, const sr_cox_data *data, const double *eta, int is_efron,
                          size_t n_event, const uint32_t *row, const double *g, sr_cox_zph *out)
{
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    const sr_status status = test(ctx, data, eta, is_efron, n_event, row, g, out);
    sr_arena_restore(&ctx->arena, mark);
    return status;
}
