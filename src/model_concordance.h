/* model_concordance.h -- how often does the higher risk fail first
 *
 * See model_concordance.c for the definitions. A pair is comparable when one row fails at t while
 * the other is at risk at t and does not fail then; it counts the product of the two weights.
 * Strata are not compared with each other.
 */
#ifndef SR_MODEL_CONCORDANCE_H
#define SR_MODEL_CONCORDANCE_H
#include "core_riskset.h"

typedef struct {
    double concordant; /* the one that fails first has the higher score */
    double discordant, tied_score;
    double tied_time, tied_both; /* pairs failing together: other score, same score */
    double rank_variance;        /* sum over failures of the weighted variance of signed ranks */
} sr_pair_counts;

typedef struct {
    sr_pair_counts *count;         /* [n_stratum] */
    double *balance;               /* [n] concordant minus discordant weight of a row's pairs */
    double *comparable;            /* [n] weight of the rows that a row can be compared with */
    double *tied;                  /* [n] of these, with the same score */
    double *same_time, *same_both; /* [n] weight of rows failing with it; of these, same score */
} sr_concordance;

/* `score` [n], finite. Every pointer of `out` is the caller's room; tied, same_time and same_both
 * may be NULL. O(n log n). */
sr_status sr_concordance_count(sr_context *ctx, const sr_times *times, const double *score,
                               sr_concordance *out);

/* Sums over the strata, and the infinitesimal-jackknife variance of
 * concordance = (concordant + tied_score / 2) / comparable pairs. */
typedef struct {
    const int *cluster; /* [n] from 0: rows are summed within clusters first; NULL: they are not */
    int n_cluster;
    double *dfbeta; /* [n] caller's room for the rows' shares, NULL: not wanted */
    double concordance, variance, rank_variance;
} sr_concordance_summary;
sr_status sr_concordance_summarise(sr_context *ctx, const sr_times *times,
                                   const sr_concordance *counted, sr_concordance_summary *out);

/* Two columns of n: the concordant and the discordant weight of each row's pairs; needs `tied`. */
void sr_concordance_split(const sr_concordance *counted, size_t n, double *out);
#endif
