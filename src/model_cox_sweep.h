/* model_cox_sweep.h -- the variance of columns that almost depend on each other
 *
 * A factor and its interaction with a column that lies 1e4 standard deviations from 0: in such a
 * pair the later column keeps 1e-8 of its information once the earlier one is accounted for, and
 * that share is all that the variance sees. Formed in the columns as given it has lost 8 digits.
 *
 * Sweep the columns. With I = L D L' the information of x (L unit lower triangular), take
 *
 *   z_j = x_j - sum_{k<j} L_jk z_k,        so that x = z L'
 *
 * whatever L is: near enough to the regression of each column on those before it, the z hardly
 * depend on each other, their information I_z can be formed and inverted to its last digits, and
 *
 *   score_x = L score_z,   I_x = L I_z L',   V_x = L^-T V_z L^-1
 *
 * hold exactly for the very L that made z. What is lost is one rounding of each product L_jk z_k,
 * as if x_j had been rounded once more: for a column that keeps a share s, a relative error of
 * 1e-16 / sqrt(s) in place of 1e-16 / s. Newton's steps need no sweep: the score has lost no more
 * than that, and any information near the true one leads to the same maximum.
 *
 * Reference: Golub and Van Loan, Matrix Computations, 5.2.8 (modified Gram-Schmidt).
 * Nothing is done unless some column keeps less than 1e-4; then O(n p^2) and n p doubles.
 */
#ifndef SR_MODEL_COX_SWEEP_H
#define SR_MODEL_COX_SWEEP_H
#include "core_optim.h"
#include "model_cox_layout.h"

/* Takes the search's result in theta = beta / scale, at theta and with result->info of the columns
 * given; replaces its inverse and its score test (taken at control->init) where that is needed.
 * Columns that control->tol_chol makes aliased stay so. */
sr_status sr_cox_sweep(sr_context *ctx, const sr_cox_data *data, const sr_riskset *rs,
                       const sr_cox_scaling *scaling, const sr_cox_control *control,
                       sr_newton_result *result);
#endif
