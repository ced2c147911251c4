/* model_cox_zph.h -- does a coefficient change with time
 *
 * Score test of theta = 0 in beta(t) = beta + theta g(t). See model_cox_zph.c.
 */
#ifndef SR_MODEL_COX_ZPH_H
#define SR_MODEL_COX_ZPH_H
#include "model_cox.h"

/* What the clock g shows at an event:
 *   SR_CLOCK_GIVEN     given[row]
 *   SR_CLOCK_SURVIVAL  1 minus the Kaplan-Meier curve of all rows (unweighted, no strata) just
 *                      before the event
 *   SR_CLOCK_RANK      rank of the event's time among the times of all rows, ties sharing the mean
 *   SR_CLOCK_TIME, SR_CLOCK_LOG  the time, its logarithm */
typedef enum {
    SR_CLOCK_GIVEN,
    SR_CLOCK_SURVIVAL,
    SR_CLOCK_RANK,
    SR_CLOCK_TIME,
    SR_CLOCK_LOG
} sr_clock;

typedef struct {
    sr_clock kind;
    const double *given; /* [n] with SR_CLOCK_GIVEN */
} sr_clock_asked;

/* The events, n_event = rows with event != 0, have *places*: in the order of their times, stratum
 * after stratum; rows of one time ascend, or descend when rows enter late. In the arena. */
typedef struct {
    size_t n;
    uint32_t *row;   /* [n] by place */
    uint32_t *first; /* [n_slot + 1] first place of each slot */
} sr_event_list;

/* Caller's room for what is known of the event at each place; `stratum` may be NULL. */
typedef struct {
    double *time, *value; /* [n_event] value: the clock */
    int *stratum;         /* [n_event] */
} sr_event_places;

/* The rows' times, the places of these, and the risk sets laid out from them; borrowed. */
typedef struct {
    const sr_times *times;
    const sr_timeindex *index;
    const sr_riskset *rs;
} sr_timed_rows;

/* Lists the events and what the clock shows at each. O(n). */
sr_status sr_events_list(sr_context *ctx, const sr_timed_rows *rows, const sr_clock_asked *clock,
                         sr_event_list *events, const sr_event_places *out);

typedef struct {
    double *score;         /* [p] sum of g(t) (x_i - xbar) over the events, weighted */
    double *info[3];       /* [p x p] sum of V(t), of g(t) V(t), of g(t)^2 V(t) */
    double *schoenfeld;    /* [n_event x p] x_i - xbar by place, not weighted */
    double *stratum_event; /* [n_stratum] events */
    int *is_varying;       /* [n_stratum x p] the column is not constant in the stratum */
    sr_event_places at;
} sr_cox_zph;

/* eta [n]: linear predictor with offset. Every pointer of `out` is caller's room. g is the clock
 * about its mean over the events. Where it is not finite, nor are score and information. */
sr_status sr_cox_zph_test(sr_context *ctx, const sr_cox_data *data, const double *eta, int is_efron,
                          const sr_clock_asked *clock, sr_cox_zph *out);

/* info[m] = sum_k mark_k^m V_k, m = 0, 1, 2; mark[n_slot] */
sr_status sr_zph_information(sr_context *ctx, const sr_cox_state *at, const sr_columns *x,
                             const double *mark, double *const info[3]);

/* out[n x q] = residual[n x p] A[p x q] + slope[q]. out may be residual where p = q. */
typedef struct {
    size_t n, p, q;
    const double *residual, *A, *slope;
} sr_zph_scaling;
sr_status sr_zph_scale(sr_context *ctx, const sr_zph_scaling *scaling, double *out);
#endif
