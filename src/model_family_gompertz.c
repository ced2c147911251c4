/* model_family_gompertz.c -- a hazard that grows, or falls, exponentially: h(t) = b e^(a t)
 *
 *   theta = (log b, a),  t = e^x,  y = a t
 *   H = b (e^y - 1) / a,    c = log b + x + g(y),    g(y) = log((e^y - 1) / y),   g(0) = 0
 *   v = log b + y
 *   g' = 1 / (1 - e^-y) - 1 / y,        g'' = 1 / y^2 - 1 / (2 sinh(y / 2))^2
 *   y_x = y,  y_a = t,  y_xx = y,  y_xa = t
 *
 * Smooth through a = 0, the exponential. Where a < 0, H stays below b / -a: a share
 * exp(-b / -a) never has the event. flexsurv's shape is a, its rate b. Near y = 0, g comes from
 * g' = 1/2 + sum over even n of B_n y^(n-1) / n!, with Bernoulli's numbers B_n; |y| < 1 there, and
 * every term is a fortieth of the one before.
 */
#include "model_hazard.h"
#include <math.h>
#include <string.h>

enum { X, RATE, SHAPE, N_Z };

typedef struct {
    double value, slope, curve; /* g, g', g'' */
} mean_growth;

/* B_n / n! for n = 2, 4, ... 20 */
static const double SERIES[] = {
    1.0 / 12,
    -1.0 / 720,
    1.0 / 30240,
    -1.0 / 1209600,
    1.0 / 47900160,
    -5.2841901386874931e-10,
    1.3382536530684679e-11,
    -3.3896802963225829e-13,
    8.5860620562778446e-15,
    -2.1748686985580618e-16,
};
enum { N_SERIES = sizeof SERIES / sizeof *SERIES };

static mean_growth growth_near_zero(double y)
{
    const double y2 = y * y;
    mean_growth g = {0, 0, 0};
    for (int k = N_SERIES - 1; k >= 0; k--) {
        const int degree = 2 * (k + 1);
        g.value = g.value * y2 + SERIES[k] / degree;
        g.slope = g.slope * y2 + SERIES[k];
        g.curve = g.curve * y2 + SERIES[k] * (degree - 1);
    }
    g.value = y / 2 + y2 * g.value;
    g.slope = 0.5 + y * g.slope;
    return g;
}

static mean_growth growth_at(double y)
{
    if (fabs(y) < 1)
        return growth_near_zero(y);
    mean_growth g;
    const double decay = exp(-fabs(y)), miss = -expm1(-fabs(y));
    g.value = fmax(y, 0) + log(miss) - log(fabs(y));
    g.slope = (y > 0 ? 1 : -decay) / miss - 1 / y;
    g.curve = 1 / (y * y) - decay / (miss * miss);
    return g;
}

static void write_cum(size_t i, int order, const double *x_t_y, const double *log_rate, sr_jet *cum)
{
    const double t = x_t_y[1], y = x_t_y[2];
    const mean_growth g = growth_at(y);
    cum->value[i] = log_rate[i] + x_t_y[0] + g.value;
    if (order > 0) {
        cum->first[X * SR_BLOCK + i] = 1 + g.slope * y;
        cum->first[RATE * SR_BLOCK + i] = 1;
        cum->first[SHAPE * SR_BLOCK + i] = g.slope * t;
    }
    if (order > 1) {
        cum->second[SR_PAIR(X, X) * SR_BLOCK + i] = (g.curve * y + g.slope) * y;
        cum->second[SR_PAIR(SHAPE, X) * SR_BLOCK + i] = (g.curve * y + g.slope) * t;
        cum->second[SR_PAIR(SHAPE, SHAPE) * SR_BLOCK + i] = g.curve * t * t;
    }
}

static void write_haz(size_t i, int order, const double *x_t_y, const double *log_rate, sr_jet *haz)
{
    const double t = x_t_y[1], y = x_t_y[2];
    haz->value[i] = log_rate[i] + y;
    if (order > 0) {
        haz->first[X * SR_BLOCK + i] = y;
        haz->first[RATE * SR_BLOCK + i] = 1;
        haz->first[SHAPE * SR_BLOCK + i] = t;
    }
    if (order > 1) {
        haz->second[SR_PAIR(X, X) * SR_BLOCK + i] = y;
        haz->second[SR_PAIR(SHAPE, X) * SR_BLOCK + i] = t;
        haz->second[SR_PAIR(SHAPE, SHAPE) * SR_BLOCK + i] = 0;
    }
}

static void clear_rate(size_t m, int order, sr_jet *jet)
{
    for (size_t a = X; order > 1 && a < N_Z; a++) {
        const size_t pair = a < RATE ? SR_PAIR(RATE, a) : SR_PAIR(a, RATE);
        memset(jet->second + pair * SR_BLOCK, 0, m * sizeof(double));
    }
}

static void eval(const sr_hazard *hazard, const sr_hazard_rows *rows, sr_jet *cum, sr_jet *haz)
{
    const double *const log_rate = rows->theta, *const shape = rows->theta + SR_BLOCK;
    (void)hazard;
    for (size_t i = 0; i < rows->m; i++) {
        const double t = exp(rows->x[i]);
        const double x_t_y[] = {rows->x[i], t, shape[i] * t};
        if (cum != NULL)
            write_cum(i, rows->order, x_t_y, log_rate, cum);
        if (haz != NULL)
            write_haz(i, rows->order, x_t_y, log_rate, haz);
    }
    if (cum != NULL)
        clear_rate(rows->m, rows->order, cum);
    if (haz != NULL)
        clear_rate(rows->m, rows->order, haz);
}

SR_REGISTER_FAMILY(eval, "gompertz", 2, SR_THETA(2, 2))
