/* model_cox_zph.h -- does a coefficient change with time
 *
 * Score test of theta = 0 in beta(t) = beta + theta g(t). See model_cox_zph.c.
 */
#ifndef SR_MODEL_COX_ZPH_H
#define SR_MODEL_COX_ZPH_H
#include "model_cox.h"

/* The events in the order of their times, stratum after stratum, and what a clock that runs with
 * the data shows at each:
 *   SR_CLOCK_SURVIVAL  1 minus the Kaplan-Meier curve of all rows (unweighted, no strata) just
 *                      before the event
 *   SR_CLOCK_RANK      rank of the event's time among the times of all rows, ties sharing the mean
 * row[n_event] and value[n_event] are the caller's room, n_event = rows with event != 0. Rows of
 * one time come ascending, or descending with is_reversed. O(n). */
typedef enum { SR_CLOCK_NONE, SR_CLOCK_SURVIVAL, SR_CLOCK_RANK } sr_clock;
sr_status sr_event_clock(sr_context *ctx, const sr_times *times, sr_clock clock, int is_reversed,
                         uint32_t *row, double *value);

/* The events in that order, and the clock at each. */
typedef struct {
    size_t n;
    const uint32_t *row; /* [n] */
    const double *g;     /* [n] centred by the caller */
} sr_clock_events;

typedef struct {
    double *score;         /* [p] sum of g(t) (x_i - xbar) over the events, weighted */
    double *info;          /* [p x p] sum of V(t) */
    double *info_g;        /* [p x p] sum of g(t) V(t) */
    double *info_gg;       /* [p x p] sum of g(t)^2 V(t) */
    double *schoenfeld;    /* [n_event x p] x_i - xbar, not weighted, by sr_event_clock */
    double *stratum_event; /* [n_stratum] events */
    int *is_varying;       /* [n_stratum x p] the column is not constant in the stratum */
} sr_cox_zph;

/* eta [n]: linear predictor with offset. Every pointer of `out` is caller's room. */
sr_status sr_cox_zph_test(sr_context *ctx, const sr_cox_data *data, const double *eta, int is_efron,
                          const sr_clock_events *events, sr_cox_zph *out);

/* out[n x q] = residual[n x p] A[p x q] + slope[q] */
typedef struct {
    size_t n, p, q;
    const double *residual, *A, *slope;
} sr_zph_scaling;
sr_status sr_zph_scale(sr_context *ctx, const sr_zph_scaling *scaling, double *out);
#endif
