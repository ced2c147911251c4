/* core_optim.h -- one optimiser for every log-likelihood
 *
 * An objective gives a function to be maximised, its gradient, and its
 * information (minus the Hessian, or what stands for it). `eval` returns SR_OK
 * with a non-finite *f where the function does not exist, and may then leave the
 * rest alone; the step is cut.
 *
 * Newton-Raphson with step cutting: from theta the step s = I^-1 g; while the
 * new value is lower or not finite, the new point moves back towards theta, the
 * k-th time to (new + k theta) / (k + 1). It has converged when
 * |1 - f_old / f_new| <= eps after a whole step, which is the rule of coxph, so that
 * iterations and estimates agree with it under the same control, and when the new
 * point owns up to no more than that:
 *   - what the next step promises, g' I^-1 g / 2, is at most eps |f|. A step that had
 *     lost a direction to rounding leaves f alone without being at a maximum;
 *   - in a direction without information the gradient is 0 too. With pivot v below the
 *     smallest allowed, r = g - I s left over, and f <= 0, at most |f| = r^2 / (2 v)
 *     could be gained: so r^2 may be of the order of 2 |f| v, or rounding.
 * Where f has a maximum both follow from the first, since the decrement of the next
 * step is of the order of the square of this one's.
 */
#ifndef SR_CORE_OPTIM_H
#define SR_CORE_OPTIM_H
#include "core_context.h"

typedef struct {
    size_t n_par;
    /* f always; g[n_par] and info[n_par x n_par] unless NULL */
    sr_status (*eval)(sr_context *ctx, const double *theta, double *f, double *g, double *info,
                      void *data);
    void *data;
} sr_objective;

typedef struct {
    int max_iter;
    double eps;       /* relative change of f */
    double tol_chol;  /* see core_linalg.h */
    const int *fixed; /* [n_par] 1: this parameter stays at its start; NULL: all are free */
} sr_newton_control;

typedef struct {
    double *theta;    /* [n_par] in: start; out: maximiser */
    double *gradient; /* [n_par] at theta */
    double *info;     /* [n_par x n_par] at theta, rows and columns of fixed parameters zero */
    double *inverse;  /* [n_par x n_par] generalised inverse of info */
    double f_start, f;
    double score_test; /* g' I^-1 g at the start */
    int n_iter;        /* steps tried */
    int n_halving;
    int rank; /* of info */
    int is_converged;
} sr_newton_result;

/* Room for the vectors and matrices of a result, theta at 0. */
sr_status sr_newton_result_take(sr_context *ctx, size_t n_par, sr_newton_result *out);

/* Eigenvalues, ascending, and eigenvectors, the k-th in column k, of a symmetric A [p x p], p > 0,
 * which is destroyed: what a step needs where the information is not definite. */
sr_status sr_eigen(size_t p, double *A, double *value, double *vector);

sr_status sr_newton(sr_context *ctx, const sr_objective *objective,
                    const sr_newton_control *control, sr_newton_result *result);
#endif
