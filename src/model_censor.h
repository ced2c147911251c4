/* model_censor.h -- what an observation says of a hazard, whichever way it is censored
 *
 * With H = e^c, v = log h at the times of the row (model_hazard.h), log likelihoods are
 *
 *   SR_RIGHT     event after t            -H(t)
 *   SR_EXACT     event at t                v(t) - H(t)
 *   SR_LEFT      event in (0, R]           log(1 - e^-H(R))
 *   SR_INTERVAL  event in (L, R]          -H(L) + log(1 - e^-D),   D = H(R) - H(L)
 *   SR_NOTHING   right-censored at 0       0
 *
 * and each has + H(E) when the row is observed only because there was no event up to E. D comes
 * from its log, log D = c_R + log(1 - e^(c_L - c_R)): nothing underflows to the left.
 *
 * Derivatives. With A = H(L), B = H(R), q = 1 / (e^D - 1):  l_A = -1 - q, l_B = q, and every second
 * derivative in (A, B) is -+ q (1 + q). In (c_L, c_R), with a = A q and b = B q,
 *   l_L = -(A + a)       l_LL = -(A + a)(1 + a)       l_LR = a (B + b)
 *   l_R = b              l_RR = b (1 - B - b)
 * where a and b stay finite as D -> 0 relative to B. As the ends of an interval meet, these terms
 * cancel each other; where c_R - c_L and D are small the probability is an integral of the density
 * instead (model_censor_narrow.h). Its limit is the density: an interval without width is an exact
 * time.
 *
 * The result for a row is its value, its first derivatives in z = (eta, theta) and minus its second
 * ones, laid out as a jet (model_hazard.h).
 */
#ifndef SR_MODEL_CENSOR_H
#define SR_MODEL_CENSOR_H
#include "model_hazard.h"

enum { SR_RIGHT, SR_EXACT, SR_LEFT, SR_INTERVAL, SR_NOTHING };

/* Rows of a study, times as logs (of time over the unit in use) */
typedef struct {
    size_t n;
    const int *kind;     /* [n] as above */
    const double *log_t; /* [n] t; L of an interval, R of a left-censored row; finite but for
                              SR_NOTHING */
    const double *log_r; /* [n] R of an interval, not read elsewhere; NULL: there is none */
    const double *log_e; /* [n] E, -Inf where there is no delayed entry; NULL: nowhere */
} sr_censored;

/* Scratch of one thread */
typedef struct {
    sr_jet cum, haz, cum_r, node_cum, node_haz;
    double *x, *eta, *theta; /* rows gathered from a block */
    double *work;            /* [SR_BLOCK] */
    double *row;             /* one row of first derivatives, [1 + K] */
    double *least, *most;    /* [SR_BLOCK] range of the log density in narrow intervals */
} sr_censor_room;

sr_status sr_censor_room_take(sr_context *ctx, size_t n_theta, sr_censor_room *room);

/* Rows [from, from + m), m <= SR_BLOCK, with eta[m] and theta[K x SR_BLOCK] */
typedef struct {
    const sr_hazard *hazard;
    const sr_censored *times;
    size_t from, m;
    const double *eta, *theta;
    int order; /* derivatives wanted: 0, 1 or 2 */
} sr_censor_rows;

/* out->value[i] is the log likelihood; out->first and out->second its derivatives up to the order,
 * the second with the sign turned. */
void sr_censor_block(const sr_censor_rows *rows, sr_censor_room *room, sr_jet *out);
#endif
