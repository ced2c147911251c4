/* core_root.c -- see core_root.h */
#include "core_root.h"
#include <gsl/gsl_errno.h>
#include <gsl/gsl_roots.h>
#include <math.h>

enum { MOST_STEPS = 100 };

typedef struct {
    sr_context *ctx;
    const sr_function *function;
    const sr_bracket *bracket;
    sr_status status;
} search;

static double value_at(double x, void *data)
{
    search *const s = data;
    double f = NAN;
    if (x == s->bracket->low)
        return s->bracket->f_low;
    if (x == s->bracket->high)
        return s->bracket->f_high;
    if (s->status == SR_OK)
        s->status = s->function->eval(s->ctx, x, &f, s->function->data);
    return f;
}

static sr_status run(search *s, gsl_root_fsolver *solver, double tolerance, double *root)
{
    gsl_function function = {value_at, s};
    if (gsl_root_fsolver_set(solver, &function, s->bracket->low, s->bracket->high) != GSL_SUCCESS)
        return s->status == SR_OK ? SR_ERR_DOMAIN : s->status;
    for (int step = 0; step < MOST_STEPS; step++) {
        const int outcome = gsl_root_fsolver_iterate(solver);
        SR_TRY(s->status);
        if (outcome != GSL_SUCCESS)
            return SR_ERR_NO_CONVERGENCE;
        *root = gsl_root_fsolver_root(solver);
        if (gsl_root_fsolver_x_upper(solver) - gsl_root_fsolver_x_lower(solver) <= tolerance)
            return SR_OK;
    }
    return SR_ERR_NO_CONVERGENCE;
}

sr_status sr_root_find(sr_context *ctx, const sr_function *function, const sr_bracket *bracket,
                       double tolerance, double *root)
{
    search s = {ctx, function, bracket, SR_OK};
    gsl_error_handler_t *const handler = gsl_set_error_handler_off();
    gsl_root_fsolver *const solver = gsl_root_fsolver_alloc(gsl_root_fsolver_brent);
    sr_status status = SR_ERR_MEMORY;
    if (solver != NULL) {
        status = run(&s, solver, tolerance, root);
        gsl_root_fsolver_free(solver);
    }
    gsl_set_error_handler(handler);
    return status;
}
