/* core_interval.c -- see core_interval.h */
#include "core_interval.h"
#include <math.h>

enum { RIGHT, EXACT, LEFT, INTERVAL, NOTHING };

sr_status sr_interval_response(sr_context *ctx, const sr_interval_ends *in, double *out,
                               size_t *n_crossed, size_t *n_unknown)
{
    const size_t n = in->n;
    double *const time1 = out, *const time2 = out + n, *const status = out + 2 * n;
    SR_TICK(ctx);
    *n_crossed = *n_unknown = 0;
    for (size_t i = 0; i < n; i++) {
        const double left = in->left[i], right = in->right[i];
        const int has_left = isfinite(left), has_right = isfinite(right);
        const int is_wide = has_left && has_right && left != right;
        time1[i] = has_left ? left : has_right ? right : in->na;
        time2[i] = is_wide ? right : 1;
        status[i] = is_wide ? INTERVAL : !has_right ? RIGHT : has_left ? EXACT : LEFT;
        if (left > right) {
            status[i] = in->na;
            time2[i] = 1;
            (*n_crossed)++;
        } else if (!has_left && !has_right) {
            status[i] = in->na;
            (*n_unknown)++;
        }
    }
    return SR_OK;
}

sr_status sr_interval_read(sr_context *ctx, size_t n, const double *y, sr_interval_rows *out)
{
    const double *const time1 = y, *const time2 = y + n, *const status = y + 2 * n;
    int is_sound = 1;
    SR_TICK(ctx);
    out->n_interval = 0;
    for (size_t i = 0; i < n; i++) {
        const int has_code = status[i] >= RIGHT && status[i] <= INTERVAL; /* not so of a NaN */
        const int code = has_code ? (int)status[i] : RIGHT;
        const int is_interval = code == INTERVAL, from_origin = time1[i] == 0;
        is_sound &= has_code && isfinite(time1[i]) && time1[i] >= 0;
        is_sound &= !is_interval || (isfinite(time2[i]) && time2[i] > time1[i]);
        is_sound &= !from_origin || code == RIGHT || is_interval;
        out->kind[i] = !from_origin ? code : is_interval ? LEFT : NOTHING;
        out->time[i] = from_origin && is_interval ? time2[i] : time1[i];
        out->right[i] = is_interval && !from_origin ? time2[i] : 1;
        out->n_interval += is_interval && !from_origin;
    }
    return is_sound ? SR_OK : SR_ERR_DOMAIN;
}
