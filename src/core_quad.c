/* core_quad.c -- see core_quad.h */
#include "core_quad.h"
#include <math.h>

enum { LEAST_NODES = 8, STEPS_A_UNIT = 4 };
/* s from exp(-384), where s^0.1 is below 1e-16, to 1 - 1e-17 */
static const double LEAST_Y = -5.5, MOST_Y = 3.25;

static sr_status rule_take(sr_context *ctx, size_t n, sr_quad_rule *out)
{
    out->n = n;
    SR_TAKE(out->place, sr_arena_double(&ctx->arena, n));
    SR_TAKE(out->log_weight, sr_arena_double(&ctx->arena, n));
    return SR_OK;
}

/* Legendre's polynomial of degree n at z, by its recurrence, and its slope */
static double legendre(size_t n, double z, double *slope)
{
    double before = 1, here = z;
    for (size_t k = 2; k <= n; k++) {
        const double next = ((double)(2 * k - 1) * z * here - (double)(k - 1) * before) / (double)k;
        before = here;
        here = next;
    }
    *slope = (double)n * (z * here - before) / (z * z - 1);
    return here;
}

sr_status sr_quad_between(sr_context *ctx, int level, sr_quad_rule *out)
{
    const size_t n = (size_t)LEAST_NODES << level;
    SR_TRY(rule_take(ctx, n, out));
    for (size_t k = 0; k < n; k++) {
        double z = cos(M_PI * ((double)k + 0.75) / ((double)n + 0.5)), slope = 1;
        for (int step = 0; step < 8; step++)
            z -= legendre(n, z, &slope) / slope;
        legendre(n, z, &slope);
        out->place[k] = (1 - z) / 2;
        out->log_weight[k] = -log((1 - z * z) * slope * slope);
    }
    return SR_OK;
}

sr_status sr_quad_from_zero(sr_context *ctx, int level, sr_quad_rule *out)
{
    const double step = ldexp(1.0 / STEPS_A_UNIT, -level);
    const size_t n = (size_t)ceil((MOST_Y - LEAST_Y) / step) + 1;
    SR_TRY(rule_take(ctx, n, out));
    for (size_t k = 0; k < n; k++) {
        const double y = LEAST_Y + step * (double)k, tilt = M_PI * sinh(y);
        /* ds / s = pi cosh(y) (1 - s) dy */
        out->place[k] = tilt > 0 ? -log1p(exp(-tilt)) : tilt - log1p(exp(tilt));
        out->log_weight[k] =
            log(step * M_PI * cosh(y)) - (tilt > 0 ? tilt + log1p(exp(-tilt)) : log1p(exp(tilt)));
    }
    return SR_OK;
}
