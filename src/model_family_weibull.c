/* model_family_weibull.c -- H(t) = (t / e^mu)^k
 *
 *   theta = (mu, log k),  x = log t,  w = k (x - mu)
 *   c = log H = w                    v = log h = log k + w - x
 *   w_x = k = -w_mu,  w_lambda = w,  w_x,lambda = k,  w_mu,lambda = -k,  w_lambda,lambda = w
 *
 * survreg's scale is 1 / k, its intercept mu; flexsurv's shape is k, its scale e^mu. Written out
 * rather than by way of model_location.h: it is the family that meets a million rows.
 */
#include "core_exp.h"
#include "core_simd.h"
#include "model_hazard.h"
#include <math.h>
#include <string.h>

enum { X, MU, LAMBDA };

SR_SIMD static void fill_second(size_t m, const double *restrict k, const double *restrict w,
                                double *restrict second)
{
    memset(second, 0, SR_PAIR(3, 0) * SR_BLOCK * sizeof(double));
    double *restrict x_lambda = second + SR_PAIR(LAMBDA, X) * SR_BLOCK;
    double *restrict mu_lambda = second + SR_PAIR(LAMBDA, MU) * SR_BLOCK;
    double *restrict lambda_lambda = second + SR_PAIR(LAMBDA, LAMBDA) * SR_BLOCK;
#pragma omp simd
    for (size_t i = 0; i < m; i++) {
        x_lambda[i] = k[i];
        mu_lambda[i] = -k[i];
        lambda_lambda[i] = w[i];
    }
}

SR_SIMD static void fill_first(size_t m, const double *restrict k, const double *restrict w,
                               double add_x, double add_lambda, double *restrict first)
{
#pragma omp simd
    for (size_t i = 0; i < m; i++) {
        first[X * SR_BLOCK + i] = k[i] + add_x;
        first[MU * SR_BLOCK + i] = -k[i];
        first[LAMBDA * SR_BLOCK + i] = w[i] + add_lambda;
    }
}

SR_SIMD static void fill_values(size_t m, const double *restrict x, const double *restrict mu,
                                const double *restrict k, double *restrict w)
{
#pragma omp simd
    for (size_t i = 0; i < m; i++)
        w[i] = k[i] * (x[i] - mu[i]);
}

static void eval(const sr_hazard *hazard, const sr_hazard_rows *rows, sr_jet *cum, sr_jet *haz)
{
    const size_t m = rows->m;
    const double *const mu = rows->theta, *const log_k = rows->theta + SR_BLOCK;
    double k[SR_BLOCK], w[SR_BLOCK];
    (void)hazard;
    memcpy(k, log_k, m * sizeof(double));
    sr_exp_block(m, k);
    for (size_t i = 0; i < m; i++)
        k[i] = log_k[i] < 709 ? k[i] : INFINITY;
    fill_values(m, rows->x, mu, k, w);
    if (cum != NULL) {
        memcpy(cum->value, w, m * sizeof(double));
        if (rows->order > 0)
            fill_first(m, k, w, 0, 0, cum->first);
        if (rows->order > 1)
            fill_second(m, k, w, cum->second);
    }
    if (haz == NULL)
        return;
    for (size_t i = 0; i < m; i++)
        haz->value[i] = log_k[i] + w[i] - rows->x[i];
    if (rows->order > 0)
        fill_first(m, k, w, -1, 1, haz->first);
    if (rows->order > 1)
        fill_second(m, k, w, haz->second);
}

SR_REGISTER_FAMILY(eval, "weibull", 1, SR_THETA(2, 2))
