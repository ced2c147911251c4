/* model_icph_after.h -- what a fitted interval-censored model says of its rows, its curve, itself
 *
 * See model_icph_after.c. `fit` is at a maximum; coefficients are those of the scaled columns.
 */
#ifndef SR_MODEL_ICPH_AFTER_H
#define SR_MODEL_ICPH_AFTER_H
#include "model_icph.h"

/* Of each row, in the order of the data; weights left out. */
typedef struct {
    double *survived; /* [n] hazard from entry to the left end */
    double *met;      /* [n] hazard from the left to the right end, 0 where that is not seen */
    double *score;    /* [n x p] by column: score of beta when the jumps follow */
} sr_icph_rows;
sr_status sr_icph_row_terms(sr_context *ctx, const sr_icph_model *model, const sr_icph_point *at,
                            sr_icph_rows *out);

/* Of each node: variance of the cumulative hazard there when beta is known (what beta adds is up to
 * the caller), and [n_node x p] by column how the cumulative hazard moves with beta along the
 * profile. 0 before the first positive jump. */
sr_status sr_icph_curve_terms(sr_context *ctx, const sr_icph_model *model, const sr_icph_point *at,
                              double *variance, double *slope);

/* curvature[p]: minus the second difference of the profile log-likelihood over one standard error
 * (of a coefficient, the others known) to either side. NAN where a search failed. */
sr_status sr_icph_curvature(sr_context *ctx, const sr_icph_model *model,
                            const sr_icph_control *control, const sr_icph_fit *fit,
                            double *curvature);
#endif
