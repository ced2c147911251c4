/* model_cif.h -- cumulative incidence when several causes compete, by group
 *
 * Rows leave at `stop`: with cause 1..n_cause, or with 0 without an event. With weights w, at a
 * time t at which N_j rows leave by cause j and Y are at risk (weights summed),
 *
 *     S(t) = S(t-) (1 - N/Y)          F_j(t) = F_j(t-) + S(t-) N_j / Y          N = sum_j N_j
 *
 * (Aalen and Johansen 1978). Each curve has its own rows and its own times: those at which some
 * row of it ends its follow-up. A cell is one time of one curve; cells of a curve stand together,
 * in order of time. What a curve needs of the rows are sums by cell, so that it costs O(n) to sum
 * and then as much as there are cells.
 *
 *   model_cif.c        cells, risk sets, curves
 *   model_cif_ij.c     standard errors by the infinitesimal jackknife (model_cif_path.c,
 *                      model_cif_rows.c)
 *   model_cif_limits.c confidence limits
 *   model_cif_gray.c   Gray's test
 *
 * Inputs are borrowed; the results of sr_cif_make live in the context's arena.
 */
#ifndef SR_MODEL_CIF_H
#define SR_MODEL_CIF_H
#include "core_riskset.h"

typedef struct {
    size_t n;
    const double *start;  /* [n] entry, or NULL: all enter before the first time */
    const double *stop;   /* [n] */
    const int *cause;     /* [n] 0 no event, 1..n_cause */
    const int *curve;     /* [n] from 0, or NULL: one curve */
    const double *weight; /* [n] or NULL for 1 */
    const int *cluster;   /* [n] from 0, or NULL: every row its own */
    const int *goes_on;   /* [n] 1: the subject goes on in another row; NULL: none does */
    int n_cause, n_curve, n_cluster;
    double tolerance; /* times so close are one (sr_timeindex_make); 0: none */
    double origin;    /* areas under the curves count from here, at or before all times */
} sr_cif_data;

typedef struct {
    size_t n_cell;
    const size_t *begin;   /* [n_curve + 1] cells of the curves */
    const double *time;    /* [n_cell] */
    const uint32_t *place; /* [n_cell] number of that time among those of all curves */
    const double *n_row;   /* [n_curve] */
    const double *count;   /* [n_cell x (1 + n_cause)] by column: rows that leave, by cause */
    const double *weight;  /* the same, weights summed; `count` itself without weights */
    const double *square;  /* the same, squares of the weights */
    const double *n_risk;  /* [n_cell] rows at risk */
    const double *risk;    /* [n_cell] their weights */
    sr_timeindex index;    /* of start and stop */
    const uint32_t *leave; /* [n] how many cells of its curve are at or before the row's stop */
    const uint32_t *enter; /* [n] the same for its start, or NULL */
    const uint32_t *leaving, *entering; /* [n] rows by curve and stop, by curve and start (NULL) */
    double *state;                      /* [n_cell x (1 + n_cause)] by column: S, F_1, F_2, ... */
    double *hazard;                     /* [n_cell x n_cause] sums of N_j / Y */
} sr_cif;

/* Cells and curves. SR_ERR_INTERVAL when the tolerance closes an interval, its row in *bad_row. */
sr_status sr_cif_make(sr_context *ctx, const sr_cif_data *data, sr_cif *out, size_t *bad_row);

/* Caller's room for standard errors, by column as `state` and `hazard` */
typedef struct {
    double *state;  /* [n_cell x (1 + n_cause)] */
    double *hazard; /* [n_cell x n_cause] */
    double *area;   /* [n_cell x (1 + n_cause)] of the area under the curve up to the time */
} sr_cif_errors;

sr_status sr_cif_std_errors(sr_context *ctx, const sr_cif_data *data, const sr_cif *cif,
                            const sr_cif_errors *out);

/* Which curves are compared with each other */
typedef struct {
    const int *group;   /* [n_curve] from 0 */
    const int *stratum; /* [n_curve] from 0: curves of one stratum are compared */
    int n_group, n_stratum;
    double rho; /* weight (1 - F0)^rho */
    int cause;
} sr_gray_plan;

/* Score [n_group] of the cause and its covariance [n_group x n_group]; weights are not regarded. */
sr_status sr_cif_gray(sr_context *ctx, const sr_cif_data *data, const sr_cif *cif,
                      const sr_gray_plan *plan, double *score, double *var);

typedef enum {
    SR_LIMITS_PLAIN,
    SR_LIMITS_LOG,
    SR_LIMITS_LOGLOG,
    SR_LIMITS_LOGIT,
    SR_LIMITS_ARCSIN,
    SR_N_LIMITS
} sr_limits_scale;

/* Limits of n probabilities; lower and upper [n] are the caller's room. */
typedef struct {
    size_t n;
    const double *p, *std_err; /* [n] */
    sr_limits_scale scale;
    double z, missing; /* normal quantile; what stands for no limit */
    double *lower, *upper;
} sr_cif_limits;

sr_status sr_cif_find_limits(sr_context *ctx, const sr_cif_limits *in);
#endif
