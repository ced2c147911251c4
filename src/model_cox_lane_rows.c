/* model_cox_lane_rows.c -- the rows that all resamples of a data set share, laid out once
 *
 * Rows that span no event time are left out. The others stand in the order of the slots at which
 * they leave, so that the passes of model_cox_lanes.c walk through memory. O(n p).
 */
#include "model_cox_lanes.h"
#include "model_cox_layout.h"
#include <math.h>
#include <string.h>

/* Rows that span an event time, in the order of the slots at which they leave. */
static sr_status order_rows(sr_context *ctx, const sr_riskset *rs, size_t **row, size_t **begin)
{
    size_t *place;
    SR_TAKE(*row, sr_arena_sizes(&ctx->arena, rs->n));
    SR_TAKE(*begin, (size_t *)sr_arena_zero(&ctx->arena, rs->n_slot + 1, sizeof(size_t)));
    SR_TAKE(place, sr_arena_sizes(&ctx->arena, rs->n_slot + 1));
    for (int is_placing = 0; is_placing < 2; is_placing++) {
        for (size_t i = 0; i < rs->n; i++) {
            const size_t leave = sr_leave(rs, i);
            const size_t enter =
                rs->enter == NULL ? rs->slot_begin[rs->slot_stratum[leave]] : rs->enter[i];
            if (enter == leave)
                continue;
            if (is_placing)
                (*row)[place[leave]++] = i;
            else
                (*begin)[leave + 1]++;
        }
        for (size_t k = 0; !is_placing && k < rs->n_slot; k++) {
            place[k] = (*begin)[k];
            (*begin)[k + 1] += (*begin)[k];
        }
    }
    return SR_OK;
}

static sr_status lay_entries(sr_context *ctx, const sr_riskset *rs, const size_t *row,
                             sr_lane_data *out)
{
    if (rs->enter == NULL)
        return SR_OK;
    uint32_t *enter, *enterer;
    size_t *begin, *place;
    SR_TAKE(enter, sr_arena_index(&ctx->arena, out->n));
    SR_TAKE(enterer, sr_arena_index(&ctx->arena, out->n));
    SR_TAKE(begin, (size_t *)sr_arena_zero(&ctx->arena, rs->n_slot + 1, sizeof(size_t)));
    SR_TAKE(place, sr_arena_sizes(&ctx->arena, rs->n_slot + 1));
    for (size_t i = 0; i < out->n; i++) {
        enter[i] = rs->enter[row[i]];
        begin[enter[i] + 1]++;
    }
    for (size_t k = 0; k < rs->n_slot; k++) {
        begin[k + 1] += begin[k];
        place[k] = begin[k];
    }
    for (size_t i = 0; i < out->n; i++)
        enterer[place[enter[i]]++] = (uint32_t)i;
    out->enter = enter;
    out->enterer = enterer;
    out->enterer_begin = begin;
    return SR_OK;
}

/* z and base by row, from the middle of each stratum: of its covariates, and of its linear
 * predictors at the start. Neither changes the likelihood. */
static sr_status lay_covariates(sr_context *ctx, const sr_cox_data *data, const double *theta,
                                const double *scale, const size_t *row, sr_lane_data *out)
{
    const size_t n = out->n, p = out->p, n_stratum = out->n_stratum;
    double *z, *base, *mean, *count, *low, *high;
    SR_TAKE(z, (double *)sr_arena_take(&ctx->arena, n, p * sizeof(double)));
    SR_TAKE(base, sr_arena_double(&ctx->arena, n));
    SR_TAKE(mean, (double *)sr_arena_zero(&ctx->arena, n_stratum * p, sizeof(double)));
    SR_TAKE(count, (double *)sr_arena_zero(&ctx->arena, n_stratum, sizeof(double)));
    SR_TAKE(low, sr_arena_double(&ctx->arena, n_stratum));
    SR_TAKE(high, sr_arena_double(&ctx->arena, n_stratum));
    const int *stratum = data->times.stratum;
    for (size_t i = 0; i < n; i++)
        count[stratum == NULL ? 0 : stratum[row[i]]]++;
    for (size_t i = 0; i < n; i++) {
        const size_t s = stratum == NULL ? 0 : (size_t)stratum[row[i]];
        for (size_t j = 0; j < p; j++)
            mean[s * p + j] += data->x.x[j][row[i]] / count[s];
    }
    for (size_t s = 0; s < n_stratum; s++) {
        low[s] = INFINITY;
        high[s] = -INFINITY;
    }
    for (size_t i = 0; i < n; i++) {
        const size_t s = stratum == NULL ? 0 : (size_t)stratum[row[i]];
        base[i] = data->offset == NULL ? 0 : data->offset[row[i]];
        double eta = base[i];
        for (size_t j = 0; j < p; j++) {
            z[i * p + j] = (data->x.x[j][row[i]] - mean[s * p + j]) * scale[j];
            eta += z[i * p + j] * theta[j];
        }
        low[s] = eta < low[s] ? eta : low[s];
        high[s] = eta > high[s] ? eta : high[s];
    }
    for (size_t i = 0; i < n; i++) {
        const size_t s = stratum == NULL ? 0 : (size_t)stratum[row[i]];
        base[i] -= (low[s] + high[s]) / 2;
    }
    out->z = z;
    out->base = base;
    return SR_OK;
}

static sr_status lay_rows(sr_context *ctx, const sr_cox_data *data, const int *of_unit,
                          const size_t *row, sr_lane_data *out)
{
    double *weight;
    unsigned char *is_death;
    uint32_t *unit;
    SR_TAKE(weight, sr_arena_double(&ctx->arena, out->n));
    SR_TAKE(is_death, (unsigned char *)sr_arena_take(&ctx->arena, out->n, 1));
    SR_TAKE(unit, sr_arena_index(&ctx->arena, out->n));
    for (size_t i = 0; i < out->n; i++) {
        weight[i] = data->times.weight == NULL ? 1 : data->times.weight[row[i]];
        is_death[i] = data->times.event[row[i]] != 0;
        unit[i] = of_unit == NULL ? (uint32_t)row[i] : (uint32_t)of_unit[row[i]];
    }
    out->weight = weight;
    out->is_death = is_death;
    out->unit = unit;
    return SR_OK;
}

sr_status sr_lane_data_make(sr_context *ctx, const sr_cox_data *data, const sr_cox_control *control,
                            const int *unit, const double *theta, sr_lane_data *out)
{
    sr_riskset rs;
    sr_cox_fit unused = {0};
    sr_cox_scaling scaling;
    size_t *row, *begin;
    SR_TRY(sr_cox_layout(ctx, data, control, 0, &rs, &unused));
    SR_TRY(sr_cox_scaling_make(ctx, data, data->times.weight, NULL, &scaling));
    SR_TRY(order_rows(ctx, &rs, &row, &begin));
    *out = (sr_lane_data){.n = begin[rs.n_slot],
                          .p = data->x.p,
                          .n_slot = rs.n_slot,
                          .n_stratum = (size_t)rs.n_stratum,
                          .n_unit = unit == NULL ? rs.n : 0,
                          .is_efron = control->is_efron,
                          .slot_begin = rs.slot_begin,
                          .row_begin = begin};
    for (size_t i = 0; unit != NULL && i < rs.n; i++)
        if ((size_t)unit[i] >= out->n_unit)
            out->n_unit = (size_t)unit[i] + 1;
    SR_TRY(lay_rows(ctx, data, unit, row, out));
    SR_TRY(lay_covariates(ctx, data, theta, scaling.scale, row, out));
    return lay_entries(ctx, &rs, row, out);
}
