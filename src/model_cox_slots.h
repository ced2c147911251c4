/* model_cox_slots.h -- what each slot gives once its sums are known
 *
 * The pieces of model_cox_info.c that look at one slot at a time, for slots [from, to). The
 * formulas are told there.
 */
#ifndef SR_MODEL_COX_SLOTS_H
#define SR_MODEL_COX_SLOTS_H
#include "model_cox_info.h"

/* Steps of the hazard times mark[k] (NULL: 1) at out->at_cell, where their sums will stand; what a
 * tied death meets of a step, in the cell of the tied deaths */
void sr_put_steps(const sr_riskset *rs, const sr_risk_sums *sums, const double *mark, size_t from,
                  size_t to, sr_cum_hazard *out);

/* Terms of the log-likelihood that the slots take away */
double sr_slot_logs(const sr_riskset *rs, const sr_risk_sums *sums, int is_weighted, size_t from,
                    size_t to);

/* Their weights in the information */
void sr_weigh_slots(const sr_riskset *rs, const sr_risk_sums *sums, size_t from, size_t to,
                    sr_mean_weights *out);
#endif
