/* model_gengamma.c -- see model_gengamma.h */
#include "model_gengamma.h"
#include "core_exp.h"
#include "core_simd.h"
#include "core_stirling.h"
#include "core_tail.h"
#include "model_two_tails.h"
#include <math.h>
#include <string.h>

static const double HALF_LOG_2PI = 0.91893853320467274178032973640562;
static const double SERIES_FROM = 0.2; /* |Q| from which on the exponential tail has its series */
static const double FAR_LEFT = 250;    /* q y beyond which log F has one term */
static const double LEAST_LOG_F = 700; /* log -log F is kept below this */

/* What prepare leaves after the shapes */
enum { W, Q };
enum {
    MOST_TERMS = 96,
    AT_REST = SR_MOST_SHAPES, /* R and its derivatives in Q */
    AT_A = AT_REST + 3,
    AT_B = AT_A + MOST_TERMS,
    AT_C = AT_B + MOST_TERMS
};

void sr_gengamma_prepare(double *shape)
{
    const double p = fabs(shape[0]), p2 = p * p;
    double rest[3];
    sr_stirling_rest(p2, rest);
    shape[AT_REST] = rest[0];
    shape[AT_REST + 1] = 2 * shape[0] * rest[1];
    shape[AT_REST + 2] = 2 * rest[1] + 4 * p2 * rest[2];
    if (p < SERIES_FROM)
        return;
    double a = 1, b = 0, c = 0;
    for (int j = 0; j < MOST_TERMS; j++) {
        const double factor = 1 + j * p2, slope = 2 * j * p / factor;
        a /= factor;
        b -= slope;
        c -= 2 * j / factor - slope * slope;
        shape[AT_A + j] = a;
        shape[AT_B + j] = b;
        shape[AT_C + j] = c;
    }
}

/* --- e2, e3, e4 ----------------------------------------------------------------------------- */

/* e4 by its Taylor series within this, from the exponential outside */
static const double TAYLOR_WITHIN = 1.5;

static inline double e4_series(double z)
{
    double sum = 1.0 / 51090942171709440000.0; /* 1 / 21! */
    sum = sum * z + 1.0 / 2432902008176640000.0;
    sum = sum * z + 1.0 / 121645100408832000.0;
    sum = sum * z + 1.0 / 6402373705728000.0;
    sum = sum * z + 1.0 / 355687428096000.0;
    sum = sum * z + 1.0 / 20922789888000.0;
    sum = sum * z + 1.0 / 1307674368000.0;
    sum = sum * z + 1.0 / 87178291200.0;
    sum = sum * z + 1.0 / 6227020800.0;
    sum = sum * z + 1.0 / 479001600;
    sum = sum * z + 1.0 / 39916800;
    sum = sum * z + 1.0 / 3628800;
    sum = sum * z + 1.0 / 362880;
    sum = sum * z + 1.0 / 40320;
    sum = sum * z + 1.0 / 5040;
    sum = sum * z + 1.0 / 720;
    sum = sum * z + 1.0 / 120;
    return sum * z + 1.0 / 24;
}

sr_exp_rest sr_exp_rest_at(double z)
{
    sr_exp_rest e;
    if (fabs(z) < TAYLOR_WITHIN) {
        e.e4 = e4_series(z);
        e.e3 = 1.0 / 6 + z * e.e4;
        e.e2 = 0.5 + z * e.e3;
    } else {
        e.e2 = (expm1(z) - z) / (z * z);
        e.e3 = (e.e2 - 0.5) / z;
        e.e4 = (e.e3 - 1.0 / 6) / z;
    }
    return e;
}

/* The same at the nodes q s */
SR_SIMD static void rest_at_nodes(double q, const double *restrict s, const double *restrict power,
                                  double *restrict e2, double *restrict e3, double *restrict e4)
{
#pragma omp simd
    for (size_t j = 0; j < SR_TAIL_NODES; j++) {
        const double z = q * s[j], inner = fabs(z) < TAYLOR_WITHIN ? z : 0;
        const double outer = fabs(z) < TAYLOR_WITHIN ? 1 : z;
        const double t4 = e4_series(inner), t3 = 1.0 / 6 + inner * t4, t2 = 0.5 + inner * t3;
        const double x2 = ((power[j] - 1) / outer - 1) / outer, x3 = (x2 - 0.5) / outer;
        e2[j] = fabs(z) < TAYLOR_WITHIN ? t2 : x2;
        e3[j] = fabs(z) < TAYLOR_WITHIN ? t3 : x3;
        e4[j] = fabs(z) < TAYLOR_WITHIN ? t4 : (x3 - 1.0 / 6) / outer;
    }
}

SR_SIMD static void rest_by_series(double q, const double *restrict s, double *restrict e2,
                                   double *restrict e3, double *restrict e4)
{
#pragma omp simd
    for (size_t j = 0; j < SR_TAIL_NODES; j++) {
        const double z = q * s[j];
        e4[j] = e4_series(z);
        e3[j] = 1.0 / 6 + z * e4[j];
        e2[j] = 0.5 + z * e3[j];
    }
}

/* --- q > -0.2: the integral ------------------------------------------------------------------ */

typedef struct {
    double q, y;
    double a, b; /* y e1(q y), e^qy */
    double a_q, a_qq;
} tail_point;

SR_SIMD static void fill_derivatives(const tail_point *at, const double *restrict e2,
                                     const double *restrict e3, const double *restrict e4,
                                     sr_tail_nodes *restrict nodes)
{
    const double q = at->q, y = at->y, b = at->b, a_q = at->a_q, a_qq = at->a_qq;
    double *restrict in_y = nodes->first[W], *restrict in_q = nodes->first[Q];
    double *restrict in_yy = nodes->second[SR_PAIR(W, W)];
    double *restrict in_yq = nodes->second[SR_PAIR(Q, W)];
    double *restrict in_qq = nodes->second[SR_PAIR(Q, Q)];
#pragma omp simd
    for (size_t j = 0; j < SR_TAIL_NODES; j++) {
        const double s = nodes->s[j], bs = b * s, bss = bs * s;
        const double e1 = 1 + q * s * e2[j], e1_slope = e1 - e2[j];
        const double e2_slope = e2[j] - 2 * e3[j], e2_curve = e2[j] - 4 * e3[j] + 6 * e4[j];
        in_y[j] = -bs * e1;
        in_yy[j] = -q * bs * e1;
        in_q[j] = -(a_q * s + bss * (y * e2[j] + s * e2_slope));
        in_yq[j] = -bs * (y * e1 + s * e1_slope);
        in_qq[j] = -(a_qq * s + bss * (y * y * e2[j] + s * (2 * y * e2_slope + s * e2_curve)));
    }
}

static void fill(const void *state, int order, sr_tail_nodes *nodes)
{
    const tail_point *const at = state;
    double e2[SR_TAIL_NODES], e3[SR_TAIL_NODES], e4[SR_TAIL_NODES], power[SR_TAIL_NODES];
    if (fabs(at->q) * nodes->s[SR_TAIL_NODES - 1] < TAYLOR_WITHIN)
        rest_by_series(at->q, nodes->s, e2, e3, e4);
    else {
        for (size_t j = 0; j < SR_TAIL_NODES; j++)
            power[j] = at->q * nodes->s[j];
        sr_exp_block(SR_TAIL_NODES, power);
        rest_at_nodes(at->q, nodes->s, power, e2, e3, e4);
    }
    for (size_t j = 0; j < SR_TAIL_NODES; j++)
        nodes->value[j] = -nodes->s[j] * (at->a + at->b * nodes->s[j] * e2[j]);
    if (order > 0)
        fill_derivatives(at, e2, e3, e4, nodes);
}

/* Where psi has fallen by SR_TAIL_FALL or somewhat more */
static double reach(const tail_point *at)
{
    const double p = fabs(at->q), r = SR_TAIL_FALL * p * p / at->b, u = r + sqrt(2 * r);
    double s = p < 1e-8 ? sqrt(2 * SR_TAIL_FALL / at->b) : (at->q > 0 ? log1p(u) : u) / p;
    s = fmin(s, SR_TAIL_FALL / at->a);
    const sr_exp_rest e = sr_exp_rest_at(at->q * s);
    const double bs = at->b * s;
    return s - (s * (at->a + bs * e.e2) - SR_TAIL_FALL) / (at->a + bs * (1 + at->q * s * e.e2));
}

static void ratio_by_integral(tail_point *at, const sr_exp_rest *e, int order, sr_small_jet *out)
{
    const double z = at->q * at->y, e1 = 1 + z * e->e2, e1_slope = e1 - e->e2;
    const double e2_slope = e->e2 - 2 * e->e3;
    at->a = at->y * e1;
    at->b = exp(z);
    at->a_q = at->y * at->y * e1_slope;
    at->a_qq = at->y * at->y * at->y * (e1_slope - e2_slope);
    const sr_tail tail = {.n_shape = 1,
                          .length = reach(at),
                          .bend = at->q == 0 ? INFINITY : 5 / fabs(at->q),
                          .state = at,
                          .fill = fill};
    sr_tail_log_ratio(&tail, order, out);
}

/* --- q <= -0.2: the series ------------------------------------------------------------------- */

typedef struct {
    double one, n, nn, b, bb, nb; /* sums of A_n e^-npy times 1, n, n^2, B_n, B_n^2 + C_n, n B_n */
} series_sums;

/* power[j] = x^j for j < n_term, which is where the terms end */
static int fill_powers(double x, const double *a, double *power)
{
    int n_power = 1;
    double step = x;
    power[0] = 1;
    while (n_power < MOST_TERMS && a[n_power] * power[n_power - 1] * x > 1e-22) {
        const int n_more = n_power < MOST_TERMS - n_power ? n_power : MOST_TERMS - n_power;
        for (int j = 0; j < n_more; j++)
            power[n_power + j] = power[j] * step;
        step *= step;
        n_power += n_more;
    }
    return n_power;
}

SR_SIMD static series_sums sum_series(int n_term, const double *restrict shape,
                                      const double *restrict power)
{
    const double *restrict A = shape + AT_A, *restrict B = shape + AT_B, *restrict C = shape + AT_C;
    double one = 0, n = 0, nn = 0, b = 0, bb = 0, nb = 0;
#pragma omp simd reduction(+ : one, n, nn, b, bb, nb)
    for (int j = 0; j < n_term; j++) {
        const double term = A[j] * power[j], j_term = j * term;
        one += term;
        n += j_term;
        nn += j * j_term;
        b += B[j] * term;
        bb += (B[j] * B[j] + C[j]) * term;
        nb += B[j] * j_term;
    }
    return (series_sums){one, n, nn, b, bb, nb};
}

static void ratio_by_series(double q, double y, const double *shape, sr_small_jet *out)
{
    const double p = -q;
    double power[MOST_TERMS];
    const int n_term = fill_powers(exp(-p * y), shape + AT_A, power);
    const series_sums sum = sum_series(n_term, shape, power);
    const double n = sum.n / sum.one, b = sum.b / sum.one;
    const double nn = sum.nn / sum.one - n * n, nb = sum.nb / sum.one - n * b;
    out->value = log(p * sum.one);
    out->first[W] = -n * p;
    out->first[Q] = -(1 / p + b - n * y);
    out->second[SR_PAIR(W, W)] = p * p * nn;
    out->second[SR_PAIR(Q, W)] = n + p * nb - p * y * nn;
    out->second[SR_PAIR(Q, Q)] = -1 / (p * p) + sum.bb / sum.one - b * b - 2 * y * nb + y * y * nn;
}

/* --- the row ---------------------------------------------------------------------------------- */

/* Far right, where log S = -e^qy / q^2 */
static void far_right(double q, double y, sr_small_jet *cum, sr_small_jet *haz)
{
    memset(cum, 0, sizeof *cum);
    cum->value = q * y - 2 * log(q);
    cum->first[W] = q;
    cum->first[Q] = y - 2 / q;
    cum->second[SR_PAIR(Q, W)] = 1;
    cum->second[SR_PAIR(Q, Q)] = 2 / (q * q);
    *haz = *cum;
    haz->value += log(q);
    haz->first[Q] += 1 / q;
    haz->second[SR_PAIR(Q, Q)] -= 1 / (q * q);
}

/* Far left, where c = log F = -e^qy / q^2, beside which the log hazard has nothing of its own. H is
 * 0: the derivatives stay those of its beginning, so that H times their squares is 0 as well. */
static void far_left(double q, double y, sr_small_jet *cum, sr_small_jet *haz)
{
    const double b = exp(FAR_LEFT), per_q = 1 / q, drop = b * per_q * per_q;
    cum->value = -exp(fmin(q * y - 2 * log(q), LEAST_LOG_F));
    cum->first[W] = -b * per_q;
    cum->first[Q] = -drop * (y - 2 * per_q);
    cum->second[SR_PAIR(W, W)] = -b;
    cum->second[SR_PAIR(Q, W)] = -b * per_q * (y - per_q);
    cum->second[SR_PAIR(Q, Q)] = -drop * (y * y - 4 * y * per_q + 6 * per_q * per_q);
    *haz = *cum;
}

/* Odd derivatives change their sign when w and Q do. */
static void turn(sr_small_jet *jet)
{
    jet->first[W] = -jet->first[W];
    jet->first[Q] = -jet->first[Q];
}

void sr_gengamma_row(double w, const double *shape, int order, int wants_haz, sr_small_jet *cum,
                     sr_small_jet *haz)
{
    const int is_lower = w < 0;
    const double y = fabs(w), q = is_lower ? -shape[0] : shape[0];
    if (!is_lower && q * y > 600) {
        far_right(q, y, cum, haz);
        return;
    }
    if (is_lower && q * y > FAR_LEFT) {
        far_left(q, y, cum, haz);
        turn(cum);
        turn(haz);
        return;
    }
    const sr_exp_rest e = sr_exp_rest_at(q * y);
    const double e2_slope = e.e2 - 2 * e.e3, e2_curve = e.e2 - 4 * e.e3 + 6 * e.e4;
    const double *const rest = shape + AT_REST;
    sr_small_jet phi = {.value = -HALF_LOG_2PI - rest[0] - y * y * e.e2}, ratio;
    phi.first[W] = -y * (1 + q * y * e.e2);
    phi.first[Q] = -(is_lower ? -rest[1] : rest[1]) - y * y * y * e2_slope;
    phi.second[SR_PAIR(W, W)] = -exp(q * y);
    phi.second[SR_PAIR(Q, W)] = -y * y * (1 + q * y * e.e2 - e.e2);
    phi.second[SR_PAIR(Q, Q)] = -rest[2] - y * y * y * y * e2_curve;
    if (q <= -SERIES_FROM)
        ratio_by_series(q, y, shape, &ratio);
    else {
        tail_point at = {.q = q, .y = y};
        ratio_by_integral(&at, &e, order, &ratio);
    }
    if (is_lower) {
        turn(&phi);
        turn(&ratio);
    }
    const sr_tail_side side = {
        .n_shape = 1, .is_lower = is_lower, .order = order, .wants_haz = wants_haz};
    sr_two_tails(&side, &phi, &ratio, cum, haz);
}

/* A = w e1(Q w), V = e^Qw, D = Q, P = 0 */
static void field(double w, const double *shape, sr_cell_field *out)
{
    const double z = shape[0] * w, b = exp(z);
    const sr_exp_rest e = sr_exp_rest_at(z);
    const double e1 = 1 + z * e.e2, e1_slope = e1 - e.e2, e2_slope = e.e2 - 2 * e.e3;
    out->A = (sr_dual){w * e1, w * w * e1_slope, 0, w * w * w * (e1_slope - e2_slope), 0, 0};
    out->V = (sr_dual){b, w * b, 0, w * w * b, 0, 0};
    out->D = (sr_dual){shape[0], 1, 0, 0, 0, 0};
    out->P = sr_dual_constant(0);
}

static double bend(const double *shape)
{
    return fabs(shape[0]);
}

const sr_cells sr_gengamma_cells = {
    .n_shape = 1, .row = sr_gengamma_row, .field = field, .bend = bend};
