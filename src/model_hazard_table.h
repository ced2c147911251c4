/* model_hazard_table.h -- a hazard at many rows at once, for curves, residuals and tests
 *
 *   x [n] log time, finite;  eta [n];  theta [n x K] by column
 *   order 0, 1 or 2;  is_log_time: derivatives in (x, theta) of the baseline rather than (eta,
 *   theta) of the scaled hazard: eta is then ignored
 *   cum, haz: value [n], first [n x (1 + K)], second [n x (1 + K)(2 + K) / 2] by column, owned by
 *   the caller; those beyond `order` may be NULL
 */
#ifndef SR_MODEL_HAZARD_TABLE_H
#define SR_MODEL_HAZARD_TABLE_H
#include "model_hazard.h"

typedef struct {
    size_t n;
    const double *x, *eta, *theta;
    int order, is_log_time;
} sr_hazard_query;

sr_status sr_hazard_table(sr_context *ctx, const sr_hazard *hazard, const sr_hazard_query *query,
                          sr_jet *cum, sr_jet *haz);
#endif
