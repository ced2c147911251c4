/* model_finegray_curve.h -- how sure is the cumulative hazard
 *
 * For times in strata: the cumulative subdistribution hazard of a row whose covariates are at their
 * means, its variance, and its covariance with the coefficients. See model_finegray_curve.c.
 */
#ifndef SR_MODEL_FINEGRAY_CURVE_H
#define SR_MODEL_FINEGRAY_CURVE_H
#include "model_finegray.h"

typedef struct {
    size_t n;
    const int *stratum;  /* [n] 0-based */
    const double *time;  /* [n] */
    const double *extra; /* [rows x n] by column, added to the rows' influence; NULL: nothing */
} sr_fg_query;

/* The caller's room */
typedef struct {
    double *mean;   /* [p] of the covariates */
    double *hazard; /* [n] */
    double *var;    /* [n] */
    double *cov;    /* [n x p] by row */
} sr_fg_curves;

/* coef[p], var[p x p] (inverse information) are those of the fit; robust->extra is added to the
 * scores. bad_row as in sr_fg_fit. */
typedef struct {
    const double *coef, *var;
    const sr_fg_robust *robust;
} sr_fg_estimate;
sr_status sr_fg_curves_make(sr_context *ctx, const sr_fg_data *data, const sr_cox_control *control,
                            const sr_fg_estimate *at, const sr_fg_query *query, sr_fg_curves *out);
#endif
