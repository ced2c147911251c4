/* model_ttp_fit.c -- the maximum of the log likelihood; see model_ttp.h */
#include "model_ttp.h"

/* What is maximised: the log likelihood per unit of mean weight, so that the bounds of the search,
 * in standard errors, do not depend on the unit of the weights. */
typedef struct {
    const sr_ttp_data *data;
    double unit;
} scaled_data;

static double mean_weight(const sr_ttp_data *data)
{
    double sum = 0;
    if (data->weights == NULL || data->times.n == 0)
        return 1;
    for (size_t i = 0; i < data->times.n; i++)
        sum += data->weights[i];
    return sum / (double)data->times.n;
}

static void multiply(size_t n, double factor, double *x)
{
    for (size_t i = 0; x != NULL && i < n; i++)
        x[i] *= factor;
}

static sr_status eval(sr_context *ctx, const double *theta, double *f, double *g, double *info,
                      void *data)
{
    const scaled_data *const scaled = data;
    const size_t P = sr_ttp_n_par(scaled->data);
    SR_TRY(sr_ttp_value(ctx, scaled->data, theta, f, g, info));
    multiply(1, 1 / scaled->unit, f);
    multiply(P, 1 / scaled->unit, g);
    multiply(P * P, 1 / scaled->unit, info);
    return SR_OK;
}

sr_status sr_ttp_fit(sr_context *ctx, const sr_ttp_data *data, const sr_trust_control *control,
                     sr_trust_result *result)
{
    scaled_data scaled = {data, mean_weight(data)};
    const size_t P = sr_ttp_n_par(data);
    const sr_objective objective = {.n_par = P, .eval = eval, .data = &scaled};
    SR_TRY(sr_trust(ctx, &objective, control, result));
    multiply(1, scaled.unit, &result->f_start);
    multiply(1, scaled.unit, &result->f);
    multiply(P, scaled.unit, result->gradient);
    multiply(P * P, scaled.unit, result->info);
    multiply(P * P, scaled.unit, result->info_start);
    multiply(P * P, 1 / scaled.unit, result->inverse);
    return SR_OK;
}
