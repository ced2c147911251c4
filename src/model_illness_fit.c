/* model_illness_fit.c -- the maximum, and as many nodes as it needs; see model_illness.h */
#include "model_illness.h"
#include <math.h>
#include <string.h>

enum { MOST_LEVEL = 6, MOST_ROUNDS = 6 };
static const double TOLERANCE = 1e-9; /* of the sum over rows */

/* Raises the level of rows that one more still changes. *n_raised rows were; *change is the sum of
 * what is left of these changes. */
static sr_status refine_once(sr_context *ctx, const sr_illness_data *data, const double *coef,
                             size_t *n_raised, double *change)
{
    const size_t n = data->n;
    double *here, *finer;
    SR_TAKE(here, sr_arena_double(&ctx->arena, n));
    SR_TAKE(finer, sr_arena_double(&ctx->arena, n));
    SR_TRY(sr_illness_rows(ctx, data, coef, here, NULL));
    for (size_t i = 0; i < n; i++)
        data->level[i]++;
    SR_TRY(sr_illness_rows(ctx, data, coef, finer, NULL));
    *n_raised = 0;
    *change = 0;
    for (size_t i = 0; i < n; i++) {
        const double weight = data->weight != NULL ? data->weight[i] : 1;
        const double gap = weight * fabs(finer[i] - here[i]);
        const double rounding = 1e-14 * (1 + fabs(here[i]));
        const int is_raised =
            gap > fmax(TOLERANCE / (double)n, rounding) && data->level[i] <= MOST_LEVEL;
        if (!is_raised) {
            data->level[i]--;
            *change += gap;
        }
        *n_raised += (size_t)is_raised;
    }
    return SR_OK;
}

static sr_status refine(sr_context *ctx, const sr_illness_data *data, const double *coef,
                        size_t *n_raised, double *change)
{
    *n_raised = 0;
    for (size_t count = 1; count > 0;) {
        const sr_arena_mark mark = sr_arena_save(&ctx->arena);
        SR_TRY(refine_once(ctx, data, coef, &count, change));
        sr_arena_restore(&ctx->arena, mark);
        *n_raised += count;
    }
    return SR_OK;
}

static sr_status eval(sr_context *ctx, const double *theta, double *f, double *g, double *info,
                      void *data)
{
    return sr_illness_value(ctx, data, theta, f, g, info);
}

sr_status sr_illness_fit(sr_context *ctx, const sr_illness_data *data,
                         const sr_trust_control *control, sr_trust_result *result, double *change)
{
    const sr_objective objective = {
        .n_par = sr_illness_n_par(data), .eval = eval, .data = (void *)(uintptr_t)data};
    size_t n_raised = 0;
    int n_iter = 0;
    SR_TRY(refine(ctx, data, result->theta, &n_raised, change));
    for (int round = 0; round < MOST_ROUNDS; round++) {
        const double f = result->f;
        const sr_status status = sr_trust(ctx, &objective, control, result);
        n_iter += result->n_iter;
        if (status == SR_ERR_NOT_FINITE && round > 0) {
            /* finer nodes see that the search ran to where a hazard is not finite */
            result->f = f;
            break;
        }
        SR_TRY(status);
        SR_TRY(refine(ctx, data, result->theta, &n_raised, change));
        if (n_raised == 0)
            break;
    }
    result->n_iter = n_iter;
    result->is_converged = result->is_converged && n_raised == 0;
    return SR_OK;
}
