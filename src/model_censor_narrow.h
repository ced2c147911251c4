/* model_censor_narrow.h -- the probability of an interval as an integral of the density
 *
 * Gauss's rule with three nodes in log t,  log sum_k weight_k (x_R - x_L) exp(v_k - H_k + x_k),
 * whose error is of the order r^6, r the range of the log density over the interval: 1e-12 where it
 * is even (r < 0.1), as in nearly all intervals that are short beside H. Where H has come to a
 * plateau, or a late piece has a small rate, an interval is short beside H and yet long in time:
 * then it is halved until each part is even, or adds nothing. Where the hazard jumps inside an
 * interval, however little, it is parted there first.
 *
 * Also what model_censor.c and this file share: rows of a block, gathered.
 */
#ifndef SR_MODEL_CENSOR_NARROW_H
#define SR_MODEL_CENSOR_NARROW_H
#include "model_censor.h"

/* Log times, predictors and parameters of `count` rows of the block into room->x, eta, theta */
void sr_censor_gather(const sr_censor_rows *rows, sr_censor_room *room, size_t count,
                      const size_t *which, const double *log_time);

/* The hazard of gathered rows; haz may be NULL */
void sr_censor_eval_gathered(const sr_censor_rows *rows, sr_censor_room *room, size_t count,
                             sr_jet *cum, sr_jet *haz);

/* Values and derivatives of the rows `which` of the block, all of them intervals, into `out` as
 * sr_censor_block() leaves them. What stood there is overwritten. */
void sr_censor_narrow(const sr_censor_rows *rows, sr_censor_room *room, size_t count,
                      const size_t *which, sr_jet *out);
#endif
