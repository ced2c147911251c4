/* model_outer.c -- see model_outer.h */
#include "model_outer.h"
#include "core_exp.h"
#include "core_simd.h"
#include <math.h>

static const double LEAST_PLAIN = -300; /* c below which e^c loses digits */
static const double MOST_PLAIN = 3;     /* c above which e^-D is lost beside 1 */
static const double LEAST_GAP = 0.1;    /* c_R - c_L below which B - A loses digits */
static const double SURE = 700;         /* D above which e^-D, and D e^-D, are nothing */
static const double MOST = 1e300;       /* stands for a B that is beyond the range of a double */

/* log(1 - e^-D) for D > 0 */
static double log_one_minus_exp(double D)
{
    return D > M_LN2 ? log1p(-exp(-D)) : log(-expm1(-D));
}

/* --- (0, R] --------------------------------------------------------------------------------- */

static int is_plain_left(double c)
{
    return c > LEAST_PLAIN && c < MOST_PLAIN;
}

SR_SIMD static void bend_left(size_t m, const double *restrict B, const double *restrict growth,
                              sr_outer *out)
{
#pragma omp simd
    for (size_t i = 0; i < m; i++) {
        const double b = B[i] / growth[i];
        out->value[i] = growth[i] / (1 + growth[i]);
        out->slope[i] = b;
        out->bend[i] = b * (1 - B[i] - b);
    }
}

void sr_outer_left(size_t m, const double *c, sr_outer *out)
{
    double B[SR_BLOCK], growth[SR_BLOCK]; /* growth: e^D - 1 */
    for (size_t i = 0; i < m; i++)
        B[i] = is_plain_left(c[i]) ? c[i] : 0;
    sr_exp_block(m, B);
    for (size_t i = 0; i < m; i++)
        growth[i] = B[i];
    sr_expm1_block(m, growth);
    bend_left(m, B, growth, out);
    sr_log_block(m, out->value);
    for (size_t i = 0; i < m; i++) {
        if (is_plain_left(c[i]))
            continue;
        const double H = exp(c[i]);
        out->value[i] = c[i] < -40 ? c[i] : log_one_minus_exp(H);
        out->slope[i] = c[i] < -40 ? 1 : H > SURE ? 0 : H / expm1(H);
        out->bend[i] = out->slope[i] * (1 - fmin(H, MOST) - out->slope[i]);
    }
}

/* --- (L, R] --------------------------------------------------------------------------------- */

static int is_plain(double c_l, double c_r)
{
    return c_l > LEAST_PLAIN && c_r - c_l > LEAST_GAP && c_r < MOST_PLAIN;
}

SR_SIMD static void bend_interval(size_t m, const double *restrict A, const double *restrict B,
                                  const double *restrict growth, sr_outer *out)
{
#pragma omp simd
    for (size_t i = 0; i < m; i++) {
        const double q = 1 / growth[i], a = A[i] * q, b = B[i] * q;
        out->value[i] = growth[i] / (1 + growth[i]);
        out->slope[i] = -(A[i] + a);
        out->bend[i] = -(A[i] + a) * (1 + a);
        out->slope_r[i] = b;
        out->bend_r[i] = b * (1 - B[i] - b);
        out->both[i] = a * (B[i] + b);
    }
}

static void set_one(double c_l, double c_r, size_t i, sr_outer *out)
{
    const double A = exp(c_l), B = fmin(exp(c_r), MOST);
    const double log_d = c_r + log_one_minus_exp(c_r - c_l), D = exp(log_d);
    const double shape = D > SURE ? 0 : D > 1e-300 ? D / expm1(D) : 1;
    const double a = exp(c_l - log_d) * shape, b = exp(c_r - log_d) * shape;
    out->value[i] = -A + (D < 1e-17 ? log_d : log_one_minus_exp(D));
    out->slope[i] = -(A + a);
    out->bend[i] = -(A + a) * (1 + a);
    out->slope_r[i] = b;
    out->bend_r[i] = b * (1 - B - b);
    out->both[i] = a * (B + b);
}

void sr_outer_interval(size_t m, const double *c_l, const double *c_r, sr_outer *out)
{
    double A[SR_BLOCK], B[SR_BLOCK], growth[SR_BLOCK]; /* growth: e^D - 1 */
    for (size_t i = 0; i < m; i++) {
        const int is_usual = is_plain(c_l[i], c_r[i]);
        A[i] = is_usual ? c_l[i] : -1;
        B[i] = is_usual ? c_r[i] : 1;
    }
    sr_exp_block(m, A);
    sr_exp_block(m, B);
    for (size_t i = 0; i < m; i++)
        growth[i] = B[i] - A[i];
    sr_expm1_block(m, growth);
    bend_interval(m, A, B, growth, out);
    sr_log_block(m, out->value);
    for (size_t i = 0; i < m; i++)
        out->value[i] -= A[i];
    for (size_t i = 0; i < m; i++)
        if (!is_plain(c_l[i], c_r[i]))
            set_one(c_l[i], c_r[i], i, out);
}
