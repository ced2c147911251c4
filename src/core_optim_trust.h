/* core_optim_trust.h -- Newton's method with a trust region, for functions that are not concave
 *
 * Maximises an objective (core_optim.h) whose `info`, minus the Hessian, may be indefinite away
 * from the maximum. With scales d_j = sqrt |I_jj|, s_j = d_j (theta_j' - theta_j), A = I / (d d')
 * and b = g / d, a step maximises the model
 *
 *   b's - s'As / 2     within |s| <= radius
 *
 * which is Newton's step A^-1 b where A is positive definite and that step is short enough, and
 * otherwise (A + mu)^-1 b with the mu > max(0, -smallest eigenvalue) that makes |s| = radius (More
 * and Sorensen 1983, SIAM J Sci Stat Comput 4, 553-572, doi:10.1137/0904038), found by Newton's
 * method for 1 / |s| in the eigenvectors of A. Where no mu makes the step so long (a saddle whose
 * gradient has no part along the lowest eigenvector), the rest of the radius goes that way. A step is
 * taken when f does not fall; the radius shrinks to a quarter of the step when the model promised
 * over four times too much or the step was refused, and doubles when the model was right. s is
 * measured in standard errors: a step of s changes f by about |s|^2 / 2. A Newton step below 1e-3 is
 * also taken when it halves the gradient: f may fall there by rounding alone, when its terms are much
 * larger than their sum.
 *
 * It has converged when Newton's step is shorter than `eps` standard errors: that step is still
 * taken, and the error left is of the order of its square; one below 1e-9 is not. What cannot be
 * gained from rounding (a promise below 1e-14 (1 + |f|)) also ends the search. A maximum is told
 * apart from a flat place by the eigenvalues of A, which are of the order 1 unless a direction has
 * no information:
 *
 *   is_definite     the smallest eigenvalue is above 1e-13
 *   flat            the eigenvector of the smallest one, in theta (largest element 1)
 *   scaled_gradient max |g_j| / d_j
 */
#ifndef SR_CORE_OPTIM_TRUST_H
#define SR_CORE_OPTIM_TRUST_H
#include "core_optim.h"

typedef struct {
    int max_iter;
    double eps;
    const int *fixed; /* [n_par] 1: this parameter stays at its start; NULL: all are free */
} sr_trust_control;

typedef struct {
    double *theta;    /* [n_par] in: start; out: maximiser */
    double *gradient; /* [n_par] at theta, 0 where fixed */
    double *info;     /* [n_par x n_par] at theta, rows and columns of fixed parameters zero */
    double
        *inverse; /* [n_par x n_par] of info, zero where fixed; zero throughout if not definite */
    double *flat; /* [n_par] */
    double *info_start; /* [n_par x n_par] at the start, fixed parameters too; or NULL. Where there
                           was information then and is none now, a parameter runs to its border. */
    double f_start, f, scaled_gradient;
    int n_iter;
    int is_converged, is_definite;
} sr_trust_result;

sr_status sr_trust_result_take(sr_context *ctx, size_t n_par, sr_trust_result *out);

/* SR_ERR_NOT_FINITE: f is not finite at the start. */
sr_status sr_trust(sr_context *ctx, const sr_objective *objective, const sr_trust_control *control,
                   sr_trust_result *result);
#endif
