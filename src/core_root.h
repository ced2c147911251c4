/* core_root.h -- where a function of one variable crosses zero
 *
 * Brent's method (GSL's), for functions that are dear: the values at the two ends of the bracket
 * are given, not computed again.
 */
#ifndef SR_CORE_ROOT_H
#define SR_CORE_ROOT_H
#include "core_context.h"

typedef struct {
    sr_status (*eval)(sr_context *ctx, double x, double *f, void *data);
    void *data;
} sr_function;

typedef struct {
    double low, f_low, high, f_high; /* f_low and f_high have opposite signs */
} sr_bracket;

/* *root is within `tolerance` of a crossing. SR_ERR_NO_CONVERGENCE after 100 steps, SR_ERR_DOMAIN
 * without a change of sign. */
sr_status sr_root_find(sr_context *ctx, const sr_function *function, const sr_bracket *bracket,
                       double tolerance, double *root);
#endif
