/* model_cox_layout.c -- what every likelihood of the Cox family does before and after its search
 *
 * See model_cox_layout.h.
 */
#include "model_cox_layout.h"
#include <math.h>

sr_status sr_cox_layout(sr_context *ctx, const sr_cox_data *data, const sr_cox_control *control,
                        int is_efron, sr_riskset *rs, sr_cox_fit *fit)
{
    const sr_times *times = &data->times;
    sr_timeindex index;
    SR_TRY(sr_timeindex_make(ctx, times->n, times->start, times->stop, control->tol_time, &index,
                             &fit->bad_row));
    fit->n_time_merged = index.n_merged;
    fit->n_time_distinct = index.n_distinct + index.n_merged;
    for (size_t i = 0; index.n_merged > 0 && i < times->n; i++) {
        fit->stop[i] = index.value[index.stop[i]];
        if (times->start != NULL)
            fit->start[i] = index.value[index.start[i]];
    }
    SR_TRY(sr_riskset_from_index(ctx, times, &index, is_efron, rs));
    return rs->n_slot == (size_t)times->n_stratum ? SR_ERR_NO_EVENT : SR_OK;
}

sr_status sr_cox_scaling_make(sr_context *ctx, const sr_cox_data *data, const double *weight,
                              sr_cox_scaling *out)
{
    const size_t n = data->x.n, p = data->x.p;
    SR_TAKE(out->centre, sr_arena_double(&ctx->arena, p + 1));
    SR_TAKE(out->scale, sr_arena_double(&ctx->arena, p + 1));
    for (size_t j = 0; j < p; j++) {
        const double *x = data->x.x[j];
        double weights = 0, sum = 0, rest = 0, spread = 0;
        for (size_t i = 0; i < n; i++) {
            const double w = weight != NULL ? weight[i] : 1;
            weights += w;
            sum += w * x[i];
        }
        double mean = sum / weights;
        for (size_t i = 0; i < n; i++)
            rest += (weight != NULL ? weight[i] : 1) * (x[i] - mean);
        mean += rest / weights;
        for (size_t i = 0; i < n; i++)
            spread += (weight != NULL ? weight[i] : 1) * fabs(x[i] - mean);
        out->centre[j] = mean;
        out->scale[j] = spread > 0 && isfinite(weights / spread) ? weights / spread : 1;
    }
    return SR_OK;
}

static sr_status set_martingale(sr_context *ctx, const sr_cox_data *data, const sr_riskset *rs,
                                const double *eta, double *martingale)
{
    const size_t n = data->x.n;
    const double *weight = data->times.weight;
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    double *risk, *shift;
    sr_risk_sums sums;
    sr_cum_hazard hazard;
    SR_TAKE(risk, sr_arena_double(&ctx->arena, n));
    SR_TAKE(shift, sr_arena_double(&ctx->arena, (size_t)rs->n_stratum));
    SR_TRY(sr_risk_sums_take(ctx, rs, NULL, &sums));
    SR_TRY(sr_cum_hazard_take(ctx, rs, &hazard));
    SR_TRY(sr_cox_risk(ctx, rs, &data->times, eta, shift, risk));
    SR_TRY(sr_cox_risk_sums(ctx, rs, NULL, risk, &sums));
    SR_TRY(sr_cox_cum_hazard(ctx, rs, sums.S0, sums.D0, NULL, &hazard));
    for (size_t i = 0; i < n; i++)
        martingale[i] = data->times.event[i] -
                        risk[i] / (weight != NULL ? weight[i] : 1) * sr_row_hazard(rs, &hazard, i);
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

sr_status sr_cox_finish(sr_context *ctx, const sr_cox_data *data, const sr_cox_control *control,
                        const sr_riskset *rs, const sr_cox_scaling *scaling, const double *theta,
                        const double *var, const double *score, sr_cox_fit *fit)
{
    const size_t n = data->x.n, p = data->x.p;
    const double *scale = scaling->scale;
    for (size_t j = 0; j < p; j++) {
        const int is_centred = control->is_centred == NULL || control->is_centred[j];
        fit->coef[j] = theta[j] * scale[j];
        if (fit->score != NULL)
            fit->score[j] = score[j] / scale[j];
        if (fit->means != NULL)
            fit->means[j] = is_centred ? scaling->centre[j] : 0;
        for (size_t k = 0; k < p; k++)
            fit->var[j * p + k] = var[j * p + k] * scale[j] * scale[k];
    }
    if (fit->eta == NULL)
        return SR_OK;
    for (size_t i = 0; i < n; i++)
        fit->eta[i] = data->offset != NULL ? data->offset[i] : 0;
    for (size_t j = 0; j < p; j++) {
        const int is_centred = control->is_centred == NULL || control->is_centred[j];
        const double mean = is_centred ? scaling->centre[j] : 0, beta = fit->coef[j];
        const double *x = data->x.x[j];
        for (size_t i = 0; i < n; i++)
            fit->eta[i] += (x[i] - mean) * beta;
    }
    return fit->martingale == NULL ? SR_OK
                                   : set_martingale(ctx, data, rs, fit->eta, fit->martingale);
}
