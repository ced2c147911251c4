/* model_cox_view.h -- the rows as the search for the maximum sees them
 *
 * With few distinct event times: the caller's rows and columns, where they are.
 * With many: a copy in the order of the slots, so that sums over risk sets walk
 * forward in memory; rows that span no event time are left behind.
 *
 * Columns keep their digits without being centred unless their mean is large
 * beside their spread; then they are centred as they are read. Where the strata
 * lie far apart in some column, each stratum has its own centre, which changes no
 * likelihood but keeps the digits of the information.
 */
#ifndef SR_MODEL_COX_VIEW_H
#define SR_MODEL_COX_VIEW_H
#include "model_cox_layout.h"

typedef struct {
    sr_times times;
    sr_columns x;
    const double *offset;
    sr_riskset rs;
    const uint32_t *row;    /* [times.n] the caller's row, NULL where rows stand as given */
    sr_cox_scaling scaling; /* of the caller's columns */
    sr_risk_sums sums;      /* room for one evaluation, as are the next four; S1 and D1 are NULL
                               where sr_cox_evaluate_in_order() does without them */
    double *eta, *risk;     /* [times.n] */
    double *shift;          /* [n_stratum] */
    double *beta;           /* [p] */
} sr_cox_view;

/* What the last evaluation left in the view */
static inline sr_cox_state sr_cox_view_state(const sr_cox_view *v)
{
    return (sr_cox_state){&v->rs, &v->times, v->eta, v->shift, v->risk, &v->sums};
}

/* Where each stratum has its own centre, scaling->scale becomes that of the spread within strata.
 * eta and risk use the room of fit->eta and fit->martingale where the caller wants those. */
sr_status sr_cox_view_make(sr_context *ctx, const sr_cox_data *data, const sr_riskset *rs,
                           sr_cox_scaling *scaling, const sr_cox_fit *fit, sr_cox_view *out);
#endif
