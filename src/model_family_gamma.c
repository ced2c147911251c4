/* model_family_gamma.c -- gamma times: f(t) = rate^k t^(k - 1) e^(-rate t) / Gamma(k)
 *
 *   theta = (mu, log k),  mu = -log rate (a location of log time)
 *
 * It is the generalised gamma (model_gengamma.h) with sigma = Q = k^(-1/2) about the log of the
 * mean: with u = log t - mu and n = log k,
 *
 *   w = (u - n) g,   g = e^(n/2) = 1 / Q,     v = l + n / 2 - log t
 *   w_u = g,  w_n = w / 2 - g,  w_un = g / 2,  w_nn = w / 4 - g,     Q_n = -Q / 2,  Q_nn = Q / 4
 *
 * dgamma()'s shape is k, its rate e^-mu; flexsurv's the same.
 */
#include "core_simd.h"
#include "model_gengamma.h"
#include <math.h>
#include <string.h>

enum { X, MU, LOG_K };
enum { W, Q };

/* Derivatives of w and Q in u and n, row by row */
typedef struct {
    size_t m;
    double g[SR_BLOCK], q[SR_BLOCK], w[SR_BLOCK], w_n[SR_BLOCK];
} moves;

SR_SIMD static void spread_first(const moves *by, const double *restrict in, double *restrict out)
{
#pragma omp simd
    for (size_t i = 0; i < by->m; i++) {
        const double c_w = in[W * SR_BLOCK + i], c_q = in[Q * SR_BLOCK + i];
        out[X * SR_BLOCK + i] = c_w * by->g[i];
        out[MU * SR_BLOCK + i] = -c_w * by->g[i];
        out[LOG_K * SR_BLOCK + i] = c_w * by->w_n[i] - c_q * by->q[i] / 2;
    }
}

SR_SIMD static void spread_second(const moves *by, const double *restrict first,
                                  const double *restrict in, double *restrict out)
{
#pragma omp simd
    for (size_t i = 0; i < by->m; i++) {
        const double c_w = first[W * SR_BLOCK + i], c_q = first[Q * SR_BLOCK + i];
        const double ww = in[SR_PAIR(W, W) * SR_BLOCK + i], qw = in[SR_PAIR(Q, W) * SR_BLOCK + i];
        const double qq = in[SR_PAIR(Q, Q) * SR_BLOCK + i];
        const double g = by->g[i], q_n = -by->q[i] / 2, w_n = by->w_n[i], w_nn = by->w[i] / 4 - g;
        const double twice = ww * g * g, mixed = g * (ww * w_n + qw * q_n + c_w / 2);
        out[SR_PAIR(X, X) * SR_BLOCK + i] = twice;
        out[SR_PAIR(MU, X) * SR_BLOCK + i] = -twice;
        out[SR_PAIR(MU, MU) * SR_BLOCK + i] = twice;
        out[SR_PAIR(LOG_K, X) * SR_BLOCK + i] = mixed;
        out[SR_PAIR(LOG_K, MU) * SR_BLOCK + i] = -mixed;
        out[SR_PAIR(LOG_K, LOG_K) * SR_BLOCK + i] =
            w_n * (ww * w_n + 2 * qw * q_n) + qq * q_n * q_n + c_w * w_nn - c_q * q_n / 2;
    }
}

static void spread(const moves *by, const sr_standard *in, int order, sr_jet *out)
{
    memcpy(out->value, in->value, by->m * sizeof(double));
    if (order > 0)
        spread_first(by, in->first, out->first);
    if (order > 1)
        spread_second(by, in->first, in->second, out->second);
}

static void eval(const sr_hazard *hazard, const sr_hazard_rows *rows, sr_jet *cum, sr_jet *haz)
{
    static const sr_location location = {.n_shape = 1,
                                         .eval = sr_gengamma_row,
                                         .prepare = sr_gengamma_prepare,
                                         .cells = &sr_gengamma_cells};
    const double *const log_k = rows->theta + SR_BLOCK;
    moves by = {.m = rows->m};
    sr_standard of_c, of_l;
    (void)hazard;
    for (size_t i = 0; i < rows->m; i++) {
        by.g[i] = i > 0 && log_k[i] == log_k[i - 1] ? by.g[i - 1] : exp(log_k[i] / 2);
        by.q[i] = 1 / by.g[i];
        by.w[i] = (rows->x[i] - rows->theta[i] - log_k[i]) * by.g[i];
        by.w_n[i] = by.w[i] / 2 - by.g[i];
    }
    const sr_standard_rows at = {rows->m, by.w, by.q, rows->order, NULL};
    sr_standard_eval(&location, &at, &of_c, haz != NULL ? &of_l : NULL);
    if (cum != NULL)
        spread(&by, &of_c, rows->order, cum);
    if (haz == NULL)
        return;
    spread(&by, &of_l, rows->order, haz);
    for (size_t i = 0; i < rows->m; i++)
        haz->value[i] += log_k[i] / 2 - rows->x[i];
    for (size_t i = 0; rows->order > 0 && i < rows->m; i++) {
        haz->first[X * SR_BLOCK + i] -= 1;
        haz->first[LOG_K * SR_BLOCK + i] += 0.5;
    }
}

SR_REGISTER_FAMILY(eval, "gamma", 8, SR_THETA(2, 2))
