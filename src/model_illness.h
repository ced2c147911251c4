/* model_illness.h -- progression that only scans show, and death before or after it
 *
 * Three hazards of the time since the origin (model_hazard.h), each with covariates and strata of
 * its own: h01 of progression, h02 of death without progression, h12 of death after it, which
 * depends on the time since the origin and not on that of progression. With S = e^-H, the last
 * scan without progression at L, the end of follow-up at C (death: d = 1, or alive: d = 0), a
 * progression at u followed by what was seen at C has the density
 *
 *   g(u) = h01(u) S01(u) S02(u)  S12(C) / S12(u)  h12(C)^d
 *
 * and a row the likelihood
 *
 *   SR_FOUND     progression in (L, R]           integral of g over (L, R]
 *   SR_FOUND_AT  progression at R                g(R)
 *   SR_UNSEEN    not known after L               S01(C) S02(C) h02(C)^d + integral of g over (L, C]
 *   SR_UNKNOWN   followed up to 0                1
 *
 * over S01(E) S02(E) when it was observed only because nothing had happened up to E.
 * Joly, Commenges, Helmer, Letenneur (2002), Biostatistics 3, 433-443,
 * doi:10.1093/biostatistics/3.3.433.
 *
 * Each of these is a sum over nodes (core_quad.h) of exp(a_k), a_k in the logs and cumulative
 * hazards alone, so l = log sum exp a_k. With p_k = exp(a_k - l), l' is the mean of a_k' under p
 * and -l'' the mean of -a_k'' less the spread of a_k'. The integral is cut where a hazard has its
 * knots, log times cut[n_cut]. Row i takes the rules of level[i], raised at given coefficients
 * until a doubling of the nodes changes the sum over rows by less than 1e-9.
 *
 * Derivatives are in z = (eta01, theta01 .., eta02, theta02 .., eta12, theta12 ..), n_z of them.
 * Coefficients: those of path 01 in the order of model_ttp.h, of 02, of 12: P of them. Of path[k],
 * the covariates, strata and hazard are read; its times and weights are not. Chunks of rows are
 * added in order: the same bits for any number of threads. O(n (nodes n_z^2 + P^2)).
 */
#ifndef SR_MODEL_ILLNESS_H
#define SR_MODEL_ILLNESS_H
#include "model_ttp.h"

enum { SR_PATH_01, SR_PATH_02, SR_PATH_12, SR_N_PATH };
enum { SR_FOUND, SR_FOUND_AT, SR_UNSEEN, SR_UNKNOWN };

typedef struct {
    size_t n;
    sr_ttp_data path[SR_N_PATH];
    const int *kind;      /* [n] */
    const double *log_l;  /* [n] -Inf: 0 */
    const double *log_r;  /* [n] R; of SR_UNSEEN, C */
    const double *log_c;  /* [n] C, finite but for SR_UNKNOWN */
    const double *log_e;  /* [n] -Inf: 0; or NULL */
    const int *is_dead;   /* [n] */
    const double *weight; /* [n] or NULL */
    const double *cut;    /* [n_cut] ascending */
    size_t n_cut;
    int *level; /* [n] */
} sr_illness_data;

size_t sr_illness_n_par(const sr_illness_data *data);
size_t sr_illness_n_z(const sr_illness_data *data);

/* Log likelihood; gradient [P] and information [P x P], both or neither (NULL) */
sr_status sr_illness_value(sr_context *ctx, const sr_illness_data *data, const double *coef,
                           double *f, double *gradient, double *info);

/* Per row, not weighted: log likelihood [n], and derivatives in z [n x n_z] unless NULL */
sr_status sr_illness_rows(sr_context *ctx, const sr_illness_data *data, const double *coef,
                          double *value, double *score);

/* The maximum from result->theta on. *change is what the last doubling of nodes did to f. A search
 * that runs to where a hazard is not finite has not converged, nor has one whose end wants other
 * nodes round after round; SR_ERR_NOT_FINITE: it starts there. */
sr_status sr_illness_fit(sr_context *ctx, const sr_illness_data *data,
                         const sr_trust_control *control, sr_trust_result *result, double *change);
#endif
