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
#include "model_gengamma.h"
#include <math.h>

enum { X, MU, LOG_K };
enum { W, Q };

typedef struct {
    double g, w_n, w_nn, q_n, q_nn;
} moves;

static void write_row(const moves *by, const sr_small_jet *in, int order, size_t i, sr_jet *out)
{
    const double *const c1 = in->first, *const c2 = in->second;
    const double ww = c2[SR_PAIR(W, W)], qw = c2[SR_PAIR(Q, W)], qq = c2[SR_PAIR(Q, Q)];
    out->value[i] = in->value;
    if (order > 0) {
        out->first[X * SR_BLOCK + i] = c1[W] * by->g;
        out->first[MU * SR_BLOCK + i] = -c1[W] * by->g;
        out->first[LOG_K * SR_BLOCK + i] = c1[W] * by->w_n + c1[Q] * by->q_n;
    }
    if (order < 2)
        return;
    const double mixed = by->g * (ww * by->w_n + qw * by->q_n + c1[W] / 2);
    out->second[SR_PAIR(X, X) * SR_BLOCK + i] = ww * by->g * by->g;
    out->second[SR_PAIR(MU, X) * SR_BLOCK + i] = -ww * by->g * by->g;
    out->second[SR_PAIR(MU, MU) * SR_BLOCK + i] = ww * by->g * by->g;
    out->second[SR_PAIR(LOG_K, X) * SR_BLOCK + i] = mixed;
    out->second[SR_PAIR(LOG_K, MU) * SR_BLOCK + i] = -mixed;
    out->second[SR_PAIR(LOG_K, LOG_K) * SR_BLOCK + i] =
        by->w_n * (ww * by->w_n + 2 * qw * by->q_n) + qq * by->q_n * by->q_n + c1[W] * by->w_nn +
        c1[Q] * by->q_nn;
}

static void eval(const sr_hazard *hazard, const sr_hazard_rows *rows, sr_jet *cum, sr_jet *haz)
{
    double shape[SR_MOST_SHAPES + SR_MOST_PREPARED] = {0};
    const int is_uniform = sr_location_is_uniform(rows, 1, 1);
    (void)hazard;
    for (size_t i = 0; i < rows->m; i++) {
        const double n = rows->theta[SR_BLOCK + i], g = exp(n / 2);
        const double w = (rows->x[i] - rows->theta[i] - n) * g;
        if (i == 0 || shape[0] != 1 / g) {
            shape[0] = 1 / g;
            sr_gengamma_prepare(shape);
        }
        const moves by = {
            .g = g, .w_n = w / 2 - g, .w_nn = w / 4 - g, .q_n = -0.5 / g, .q_nn = 0.25 / g};
        sr_small_jet c, l;
        if (!is_uniform || !sr_cells_row(&sr_gengamma_cells, w, shape, rows->order, &c, &l))
            sr_gengamma_row(w, shape, rows->order, haz != NULL, &c, &l);
        if (cum != NULL)
            write_row(&by, &c, rows->order, i, cum);
        if (haz == NULL)
            continue;
        write_row(&by, &l, rows->order, i, haz);
        haz->value[i] += n / 2 - rows->x[i];
        if (rows->order > 0) {
            haz->first[X * SR_BLOCK + i] -= 1;
            haz->first[LOG_K * SR_BLOCK + i] += 0.5;
        }
    }
}

SR_REGISTER_FAMILY(eval, "gamma")
