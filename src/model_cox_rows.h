/* model_cox_rows.h -- linear predictor, risk and events of a block of rows, in the first cache
 *
 * What every pass over the rows of a view begins with. The columns of the block are loaded once
 * (read in place where they need no centring) and stay at hand for the sums that follow.
 *
 *   column  [p] where each column of the block stands: z_ij = column[j][i]
 *   buffer  [p x SR_BLOCK] room for columns that are centred; NULL where none is
 *   risk    v->risk[from ..] becomes w_i exp(eta_i); 0 for a row that spans no event time
 *
 * eta is centred by nothing: a block with some |eta| of SR_LARGEST_ETA or more is `is_far`, its
 * risks may have left the range of doubles, and the caller takes the slower way (sr_cox_risk).
 */
#ifndef SR_MODEL_COX_ROWS_H
#define SR_MODEL_COX_ROWS_H
#include "model_cox_view.h"

#define SR_LARGEST_ETA 250.0

typedef struct {
    const double **column;
    double *buffer;
    double event_sum; /* sum of w_i delta_i eta_i over the block */
    int is_far;
} sr_cox_rows;

/* Rows [from, from + m) of v under the coefficients v->beta. `is_flat`: all of them are 0. */
void sr_cox_rows_load(const sr_cox_view *v, int is_flat, size_t from, size_t m, sr_cox_rows *out);

/* q_i = r_i H_i and u_i = w_i delta_i - r_i H_i of rows [from, from + m), nobody entering late. */
void sr_cox_rows_weigh(const sr_cox_state *at, const double *at_cell, size_t from, size_t m,
                       double *q, double *u);
#endif
