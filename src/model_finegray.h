/* model_finegray.h -- subdistribution hazards: what acts on the share that ever has the event
 *
 * Fine and Gray's model for the cause of interest when other events compete. A subject who had
 * another event at T stays in the risk set of every later event time t with the weight
 *
 *   omega(t) = G(t-) H(t-) / (G(T-) H(T-)),
 *
 * G the chance not to be censored yet, H the chance to have entered already (1 where nobody enters
 * late). Events come before censorings at the same time. model_finegray.c has the likelihood,
 * model_finegray_weights.c the two distributions, model_finegray_late.c the sums over those who
 * stay.
 *
 * Fine and Gray, JASA 1999;94:496, doi:10.1080/01621459.1999.10474144. Delayed entry: Geskus,
 * Biometrics 2011;67:39, doi:10.1111/j.1541-0420.2010.01420.x.
 */
#ifndef SR_MODEL_FINEGRAY_H
#define SR_MODEL_FINEGRAY_H
#include "model_cox_layout.h"
#include "model_cox_resid.h"

/* What decides who is censored */
typedef struct {
    const int *group;     /* [n] 0-based: each group has its own G and H; NULL: one group */
    int n_group;          /* at least 1 */
    const double *ratio;  /* [n] hazard ratio of censoring (Cox, Breslow): G_i = exp(-ratio_i L);
                             NULL: the product-limit estimate of each group */
    const double *weight; /* [n] weights of the rows in G and H, NULL: 1 */
} sr_fg_censoring;

typedef struct {
    sr_cox_data rows; /* rows.times.event holds the kind of event: 0 for censored */
    double cause;     /* the kind that counts */
    sr_fg_censoring censoring;
} sr_fg_data;

/* Variance beside the inverse information */
typedef enum {
    SR_FG_MODEL,     /* none */
    SR_FG_FIXED,     /* robust, the weights omega taken as known */
    SR_FG_ESTIMATED, /* robust, with what estimating G and H adds */
} sr_fg_variance;

typedef struct {
    sr_fg_variance kind;
    sr_cox_clusters by;
    const double *extra; /* [n x p] by column, added to the scores; NULL: nothing */
} sr_fg_robust;

/* Steps of the baseline hazard: those of the event times, stratum after stratum */
typedef struct {
    size_t n; /* event times; the caller's room is for as many as there are events */
    int *stratum;
    double *time, *step; /* the step of a row whose linear predictor is 0 */
} sr_fg_baseline;

/* All pointers are the caller's room. */
typedef struct {
    double *coef;   /* [p] aliased columns hold 0 */
    double *var;    /* [p x p] inverse information */
    double *score;  /* [p] gradient at the estimate */
    double *robust; /* [p x p], not touched for SR_FG_MODEL */
    double *scores; /* [n x p] weighted, of the kind of the variance; NULL: not wanted */
    double loglik[2];
    double score_test;
    int n_iter, rank, n_halving, is_converged;
    double *eta;        /* [n] offset + x'beta, not centred */
    double *martingale; /* [n] */
    sr_fg_baseline baseline;
    size_t n_time_merged, n_time_distinct;
    size_t bad_row; /* with SR_ERR_INTERVAL; with SR_ERR_DOMAIN: its weight is not defined */
} sr_fg_fit;

/* Rows that stay in the risk sets after a competing event at T (no row where no event of the cause
 * follows), ordered by curve (group and ratio), then by stratum and T. */
typedef struct {
    size_t n;
    uint32_t *row;   /* [n] */
    uint32_t *place; /* [n] place of T in the time index */
    uint32_t *leave; /* [n] slot of the last event time <= T */
    double *first;   /* [n] omega at slot leave + 1 */
    size_t n_curve;
    size_t *curve_begin; /* [n_curve + 1] */
    int *curve_group;    /* [n_curve] */
    double *curve_ratio; /* [n_curve] */
    double *hazard;      /* [n_group x n_slot] -log G(t_k-), or L(t_k-) with ratios */
    double *entry;       /* [n_group x n_slot] -log H(t_k-), NULL: nobody enters late */
} sr_fg_late;

/* One of the two distributions: its times are the slots of a risk set of its own, codes of time
 * being 2 p + 1 for a censoring at place p of the time index, 2 p for an event, and -2 p for an
 * entry, which is met going back. */
typedef struct {
    sr_riskset rs;
    double *at_risk; /* [n_slot] weight at risk, times the ratio */
    double *step;    /* [n_slot] the hazard there */
    double *sum;     /* [n_slot] -log of the curve after that slot */
} sr_fg_curve;

typedef struct {
    const sr_fg_data *data;
    sr_cox_data cox;              /* the rows with event 1 for the cause, else 0 */
    sr_riskset rs;                /* event times of the cause */
    uint32_t *slot_place;         /* [n_slot] place of a slot's time in the time index */
    sr_fg_curve censoring, entry; /* entry.rs.n is 0 where nobody enters late */
    sr_fg_late late;
} sr_fg_model;

/* Risk sets, G, H and the late rows. Sets n_time_merged, n_time_distinct and bad_row of `fit`. */
sr_status sr_fg_model_make(sr_context *ctx, const sr_fg_data *data, int is_efron, double tol_time,
                           sr_fg_model *out, sr_fg_fit *fit);

/* S0 and S1 (x NULL: S0 alone) grow by the late rows. */
sr_status sr_fg_add_late(sr_context *ctx, const sr_fg_model *model, const sr_columns *x,
                         const double *risk, sr_risk_sums *sums);
/* out[n]: sum over the later slots of omega_i(t_k) value_k, 0 for a row that is not late. */
sr_status sr_fg_tail(sr_context *ctx, const sr_fg_model *model, const double *value, double *out);

sr_status sr_fg_fit_newton(sr_context *ctx, const sr_fg_data *data, const sr_cox_control *control,
                           const sr_fg_robust *robust, sr_fg_fit *fit);
#endif
