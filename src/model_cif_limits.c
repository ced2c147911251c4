/* model_cif_limits.c -- confidence limits of probabilities, symmetric on another scale
 *
 * With p an estimate, s its standard error, z a normal quantile, limits are p moved by z s on the
 * scale of p itself, log p, log(-log p), logit p or asin(sqrt p), and taken back:
 *
 *     plain     p -+ z s
 *     log       p e^(-+ z s / p)
 *     log-log   p^(e^(+- z s / (p |log p|)))
 *     logit     1 / (1 + (1 - p)/p e^(+- z s / (p (1 - p))))
 *     arcsin    sin^2(asin(sqrt p) -+ z s / (2 sqrt(p (1 - p))))
 *
 * kept inside 0 and 1. Where s is 0 both are p. Else they are `missing` where p is at an end of
 * [0, 1] that has no finite place on the scale, or at which its slope is infinite: 0 but for plain,
 * 1 for the last three. O(n), rows side by side.
 */
#include "core_thread.h"
#include "model_cif.h"
#include <math.h>

enum { CHUNK = 16384 };

static void one_limit(sr_limits_scale scale, double p, double s, double z, double *low,
                      double *high)
{
    const double width = z * s;
    if (scale == SR_LIMITS_PLAIN) {
        *low = fmax(p - width, 0);
        *high = fmin(p + width, 1);
    } else if (scale == SR_LIMITS_LOG) {
        const double factor = exp(width / p);
        *low = p / factor;
        *high = fmin(p * factor, 1);
    } else if (scale == SR_LIMITS_LOGLOG) {
        const double log_p = log(p), factor = exp(-width / (p * log_p));
        *low = exp(log_p * factor);
        *high = exp(log_p / factor);
    } else if (scale == SR_LIMITS_LOGIT) {
        const double odds = (1 - p) / p, factor = exp(width / (p * (1 - p)));
        *low = 1 / (1 + odds * factor);
        *high = 1 / (1 + odds / factor);
    } else {
        const double angle = asin(sqrt(p)), turn = width / (2 * sqrt(p * (1 - p)));
        const double first = sin(fmax(angle - turn, 0)), last = sin(fmin(angle + turn, acos(0)));
        *low = first * first;
        *high = last * last;
    }
}

static int has_no_limits(sr_limits_scale scale, double p)
{
    if (scale == SR_LIMITS_PLAIN)
        return 0;
    return p <= 0 || (p >= 1 && scale != SR_LIMITS_LOG);
}

static void limit_chunk(const sr_cif_limits *in, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++) {
        const double p = in->p[i], s = in->std_err[i];
        if (isnan(p) || isnan(s))
            in->lower[i] = in->upper[i] = in->missing;
        else if (s == 0)
            in->lower[i] = in->upper[i] = p;
        else if (has_no_limits(in->scale, p))
            in->lower[i] = in->upper[i] = in->missing;
        else
            one_limit(in->scale, p, s, in->z, &in->lower[i], &in->upper[i]);
    }
}

sr_status sr_cif_find_limits(sr_context *ctx, const sr_cif_limits *in)
{
    const size_t n_chunk = (in->n + CHUNK - 1) / CHUNK;
    SR_FOR_EACH(ctx, n_chunk > 1, c, n_chunk,
                limit_chunk(in, c * CHUNK, c + 1 == n_chunk ? in->n : (c + 1) * CHUNK));
    SR_TICK(ctx);
    return SR_OK;
}
