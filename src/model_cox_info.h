/* model_cox_info.h -- what the means over the risk sets take from the information
 *
 * The information is a sum over rows less sum_k sum_l w xbar_l xbar_l' (model_cox_info.c, which
 * derives the numbers below). The latter is a weighted cross-product of
 *   untied slots: S1 with weight W / S0^2;  tied slots: S1 - f D1 with a, and D1 with b.
 */
#ifndef SR_MODEL_COX_INFO_H
#define SR_MODEL_COX_INFO_H
#include "model_cox.h"

typedef struct {
    double *of_slot;  /* [n_slot] weight, 0 at tied slots */
    double *of_mean;  /* [n_tied] a */
    double *of_death; /* [n_tied] b */
    double *share;    /* [n_tied] f */
} sr_mean_weights;

/* Room in the context's arena. */
sr_status sr_cox_weigh_means(sr_context *ctx, const sr_riskset *rs, const sr_risk_sums *sums,
                             sr_mean_weights *out);

/* S1 - f D1 at the tied slots, out[n_tied x p] by column, in the context's arena. */
sr_status sr_cox_tied_means(sr_context *ctx, const sr_riskset *rs, size_t p,
                            const sr_risk_sums *sums, const double *share, double **out);

/* info[p x p] less all of it, each slot times mark[slot] unless that is NULL. Leaves its room in the
 * arena taken. */
sr_status sr_cox_subtract_means(sr_context *ctx, const sr_riskset *rs, size_t p,
                                const sr_risk_sums *sums, const double *mark, double *info);
#endif
