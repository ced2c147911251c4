/* core_interval.h -- an event known to lie in (left, right], read once
 *
 * Two columns (left, right) become the three of a survival response, (time1, time2, status):
 *
 *   left known     right not       0  right-censored at time1 = left
 *   left = right                   1  exact, time1
 *   left not       right known     2  left-censored: before time1 = right
 *   left < right                   3  in (time1, time2]
 *
 * An end that is missing or infinite is not known. time2 is 1 where it means nothing. Then these
 * three become what a likelihood reads (the codes of model_censor.h): an interval from 0 is
 * left-censored, and a row that is censored at 0 says nothing (4).
 *
 * Inputs are borrowed; the caller gives the outputs. One pass each.
 */
#ifndef SR_CORE_INTERVAL_H
#define SR_CORE_INTERVAL_H
#include "core_context.h"

typedef struct {
    size_t n;
    const double *left, *right; /* [n] */
    double na;                  /* the missing value to write */
} sr_interval_ends;

/* out[n x 3]. *n_crossed rows have left > right, *n_unknown know neither end; the status of both is
 * missing. */
sr_status sr_interval_response(sr_context *ctx, const sr_interval_ends *in, double *out,
                               size_t *n_crossed, size_t *n_unknown);

typedef struct {
    int *kind;            /* [n] 0 to 4 */
    double *time, *right; /* [n]; right is 1 where it means nothing */
    size_t n_interval;    /* filled: rows of kind 3 */
} sr_interval_rows;

/* From y[n x 3] as above. SR_ERR_DOMAIN where a time is negative, not finite, 0 for an event, or an
 * interval has no width: the caller then looks row by row. */
sr_status sr_interval_read(sr_context *ctx, size_t n, const double *y, sr_interval_rows *out);
#endif
