/* model_cox_jeffreys.h -- log-likelihood plus Jeffreys' penalty, and its gradient
 *
 *   f(theta) = l(theta) + log det I / 2,   I in the units of x, theta in those of z = scale (x - c)
 *
 * See model_cox_jeffreys.c for the derivation. All memory is the arena's.
 */
#ifndef SR_MODEL_COX_JEFFREYS_H
#define SR_MODEL_COX_JEFFREYS_H
#include "model_cox.h"

typedef struct {
    const sr_riskset *rs;
    const sr_times *times;
    const double *offset;
    sr_columns z; /* p columns that are not aliased, centred and scaled */
    double
        log_scale; /* sum of log scale: log det I in the units of x is that of z minus twice it */
    size_t n_cell; /* slots and cells of tied deaths */
    double *eta, *risk, *shift;
    double *form;    /* [n] r s */
    double *pull;    /* [n] r (s H - 2 z'A X), the weight of z in T */
    double *reach;   /* [n_cell x p] by row: X at each cell, then A X */
    double *product; /* [p] scratch */
    sr_risk_sums sums, form_sums;
    sr_cum_hazard hazard;
} sr_jeffreys;

typedef struct {
    double f;
    double *theta, *gradient; /* [p] */
    double *info, *inverse;   /* [p x p] */
} sr_jeffreys_point;

/* Borrows all that it is given. */
sr_status sr_jeffreys_take(sr_context *ctx, const sr_riskset *rs, const sr_times *times,
                           const double *offset, const sr_columns *z, sr_jeffreys *out);
sr_status sr_jeffreys_point_take(sr_context *ctx, size_t p, sr_jeffreys_point *out);

/* f, gradient, info and inverse at at->theta; f = -Inf where the information has no full rank. */
sr_status sr_jeffreys_evaluate(sr_context *ctx, sr_jeffreys *problem, sr_jeffreys_point *at);

/* f, gradient and info of the likelihood alone. */
sr_status sr_jeffreys_plain(sr_context *ctx, sr_jeffreys *problem, sr_jeffreys_point *at);
#endif
