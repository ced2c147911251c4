/* model_cox.h -- the Cox partial likelihood, its score and information
 *
 * See model_cox.c for the derivation. z are the covariates centred and scaled,
 * r_i = w_i exp(eta_i) the weighted risk of row i.
 */
#ifndef SR_MODEL_COX_H
#define SR_MODEL_COX_H
#include "core_columns.h"
#include "core_riskset.h"

/* Loops over fewer rows than this are not worth a second thread. */
enum { SR_PARALLEL_FROM = 65536 };

typedef struct {
    sr_times times;       /* n, start, stop, event, weight, stratum */
    sr_columns x;         /* p = 0 for a null model; fits want centre, scale and stratum unset */
    const double *offset; /* [n] or NULL */
} sr_cox_data;

typedef struct {
    int is_efron; /* else Breslow */
    int max_iter;
    double eps;         /* relative change of the log-likelihood */
    double tol_chol;    /* relative pivot below which a column is aliased */
    double tol_time;    /* 0: times are taken as they are; see sr_timeindex_make */
    const double *init; /* [p] or NULL for 0 */
    /* [p] 1: the column is scaled while its coefficient is sought, and means[] holds its mean, else
     * 0. NULL: all are */
    const int *is_centred;
} sr_cox_control;

/* Rows whose time took the value of a neighbour */
typedef struct {
    size_t n;
    uint32_t *row; /* [n] 0-based */
    double *value; /* [n] */
} sr_moved_times;

/* All pointers are the caller's room; NULL where not wanted (never coef, var, loglik). */
typedef struct {
    double *coef;     /* [p] aliased columns hold 0 */
    double *var;      /* [p x p] inverse information, zero rows where aliased */
    double *score;    /* [p] gradient at the estimate */
    double *means;    /* [p] what was subtracted: weighted mean, 0 where !is_centred */
    double loglik[2]; /* at init, at the estimate */
    double score_test;
    int n_iter, rank, n_halving, is_converged;
    double *eta;        /* [n] linear predictor: offset + sum_j (x_ij - mean_j) beta_j */
    double *martingale; /* [n] event - exp(eta) H, not weighted */
    size_t n_time_merged, n_time_distinct; /* before merging */
    sr_moved_times start, stop;            /* with n_time_merged > 0, in the context's arena */
    size_t bad_row;                        /* with SR_ERR_INTERVAL */
} sr_cox_fit;

sr_status sr_cox_fit_newton(sr_context *ctx, const sr_cox_data *data, const sr_cox_control *control,
                            sr_cox_fit *fit);

/* r_i = w_i exp(eta_i - shift_s), s the stratum of i. The shifts [n_stratum] are 0 unless some
 * |eta| is so large that exp would leave the range of doubles; then they are the largest eta of
 * each stratum. Neither the likelihood nor r_i H_i depends on them. Rows that span no event time
 * get 0 (rs may be NULL: no row does). */
sr_status sr_cox_risk(sr_context *ctx, const sr_riskset *rs, const sr_times *times,
                      const double *eta, double *shift, double *risk);

/* Sums over every risk set, for given risks.
 *   S0[n_slot], S1[p x n_slot] by column: sum of r, of r z over the risk set of each slot
 *   D0[n_tied], D1[p x n_tied]: the same over the deaths of a tied slot
 * S1 and D1 are left alone when x is NULL. Slots without a time hold sums that mean nothing. */
typedef struct {
    double *S0, *S1, *D0, *D1;
} sr_risk_sums;
sr_status sr_cox_risk_sums(sr_context *ctx, const sr_riskset *rs, const sr_columns *x,
                           const double *risk, sr_risk_sums *out);
/* Room for the above in the context's arena; x NULL: no S1 and D1. */
sr_status sr_risk_sums_take(sr_context *ctx, const sr_riskset *rs, const sr_columns *x,
                            sr_risk_sums *out);

/* How many chunks of rows can have cells of their own; 0: the slots are too many for that. */
size_t sr_few_slots_chunks(const sr_riskset *rs);
/* Has some S0 fallen so far below its peak that subtraction has eaten its digits? */
int sr_has_cancelled(const sr_riskset *rs, const double *S0);

/* What one evaluation knows: the risk sets, and the rows under one linear predictor. Borrowed. */
typedef struct {
    const sr_riskset *rs;
    const sr_times *times;
    const double *eta;        /* [n] linear predictor, offset included */
    const double *shift;      /* [n_stratum] taken from eta, see sr_cox_risk */
    double *risk;             /* [n] r_i */
    const sr_risk_sums *sums; /* S0 and D0, S1 and D1 where a score is asked for */
} sr_cox_state;

/* Steps of the cumulative hazard, and the value that each row meets.
 *   step[n_slot]  dH_k: Breslow d_k / S0_k, Efron sum over the tied steps
 *   mark[n_slot]  a factor for each event time (time-varying weights g(t)), NULL: 1
 *   at_cell[n_slot + n_tied]  sum of mark dH up to and with that cell; a tied death has its
 *                             reduced part
 *   at_cell_low  the same, what rounding lost (so that at_cell[b] - at_cell[a] keeps its digits)
 * H_i = at_cell[cell_i] - at_cell[enter_i]. `step` may be NULL;
 * so may at_cell_low where nobody enters late. Of `sums`, S0 and D0 are read. */
typedef struct {
    double *step;
    double *at_cell, *at_cell_low;
} sr_cum_hazard;
sr_status sr_cox_cum_hazard(sr_context *ctx, const sr_riskset *rs, const sr_risk_sums *sums,
                            const double *mark, sr_cum_hazard *out);
sr_status sr_cum_hazard_take(sr_context *ctx, const sr_riskset *rs, sr_cum_hazard *out);

/* The cumulative hazard that row i passes through. */
static inline double sr_row_hazard(const sr_riskset *rs, const sr_cum_hazard *h, size_t i)
{
    const uint32_t leave = rs->cell[i];
    if (rs->enter == NULL)
        return h->at_cell[leave];
    const uint32_t enter = rs->enter[i];
    return (h->at_cell[leave] - h->at_cell[enter]) +
           (h->at_cell_low[leave] - h->at_cell_low[enter]);
}

/* sum_i w_i delta_i (eta_i - shift) - sum_k (log S0_k, weighted; over the tied steps for Efron).
 * -Inf or NaN where a risk set has lost its sum to underflow. */
sr_status sr_cox_loglik(sr_context *ctx, const sr_cox_state *at, double *loglik);

/* The second of its sums alone: sum_k (log S0_k, weighted). */
sr_status sr_cox_slot_logs(sr_context *ctx, const sr_riskset *rs, const double *weight,
                           const sr_risk_sums *sums, double *out);

/* Gradient and information in z for given risks and sums: score[p], info[p x p]. eta and shift are
 * not read. */
sr_status sr_cox_information(sr_context *ctx, const sr_cox_state *at, const sr_columns *x,
                             double *score, double *info);
#endif
