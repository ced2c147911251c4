/* model_hazard.h -- a hazard with a shape, as one object
 *
 * Everything that a likelihood, a prediction or a simulation asks of a distribution of times
 * follows from two functions of x = log t and the parameters theta:
 *
 *   c = log H(t)   the log cumulative hazard        log S = -e^c
 *   v = log h(t)   the log hazard                   log F = log(1 - e^-H), = c where H is tiny
 *
 * c keeps its digits in both tails: where H underflows, c is log F; where S underflows, -e^c
 * is log S. An interval's probability is  S(L) - S(R) = e^-H(L) (1 - e^-(H(R) - H(L))), whose
 * parts are known as logs (model_censor.h).
 *
 * A *family* computes c and v and their first and second derivatives in z = (x, theta_1 ...
 * theta_K) for a block of rows. A *scale* says what the linear predictor eta does to the baseline
 * (S0, H0, h0) of the family, whichever that is:
 *
 *   SR_SCALE_TIME     S = S0(t e^-eta)              c = c0(x - eta),  v = v0(x - eta) - eta
 *   SR_SCALE_HAZARD   S = S0^exp(eta)               c = c0 + eta,     v = v0 + eta
 *   SR_SCALE_ODDS     logit F = logit F0 + eta      H = log(1 + e^eta (e^H0 - 1))
 *   SR_SCALE_FIRST    theta_1 becomes theta_1 + eta
 *
 * The last is for families whose first parameter is the level of a function that has a meaning of
 * its own: a spline of Phi^-1(F), on which covariates are those of a probit model at each time.
 *
 * sr_hazard_eval() does both: its jets are in (eta, theta), or, on request, in (x, theta).
 *
 * A family lives in one file, model_family_<name>.c, which registers it on loading
 * (SR_REGISTER_FAMILY); its constructor is in R/ttp-families.R. Nothing else knows its name.
 *
 * Layout: a block has m <= SR_BLOCK rows, arrays of rows have that stride:
 *   theta[k * SR_BLOCK + i], jet.first[a * SR_BLOCK + i], jet.second[SR_PAIR(a, b) * SR_BLOCK + i]
 */
#ifndef SR_MODEL_HAZARD_H
#define SR_MODEL_HAZARD_H
#include "core_columns.h"
#include "core_jet.h"

enum { SR_MOST_THETA = 64 };

typedef enum { SR_SCALE_TIME, SR_SCALE_HAZARD, SR_SCALE_ODDS, SR_SCALE_FIRST, SR_N_SCALE } sr_scale;

/* A function of z at each row of a block, with derivatives up to the order that was asked for */
typedef struct {
    double *value;  /* [SR_BLOCK] */
    double *first;  /* [(1 + K) x SR_BLOCK] */
    double *second; /* [SR_PAIR(1 + K, 0) x SR_BLOCK] */
} sr_jet;

typedef struct {
    size_t m;
    const double *x;     /* [m] log time, finite */
    const double *theta; /* [K x SR_BLOCK] */
    int order;           /* derivatives wanted: 0, 1 or 2 */
} sr_hazard_rows;

typedef struct sr_hazard sr_hazard;

typedef struct sr_family {
    const char *name;
    /* c into cum, v into haz; either may be NULL. Every entry up to rows->order is written. */
    void (*eval)(const sr_hazard *hazard, const sr_hazard_rows *rows, sr_jet *cum, sr_jet *haz);
    size_t least_theta, most_theta; /* how many parameters it can have */
    int has_setting;                /* K parameters want K + more_setting numbers, else none */
    int more_setting;
    size_t cost;            /* of a row, in rows of a Weibull: how few rows are worth a thread */
    int jumps_at_settings;  /* whether its hazard jumps at the times that are its settings; such a
                               family is not for SR_SCALE_TIME, which would move them */
    struct sr_family *next; /* set by registration */
} sr_family;

struct sr_hazard {
    const sr_family *family;
    sr_scale scale;
    size_t n_theta;
    const double *setting; /* [n_setting] what the family fixes: knots, cuts; borrowed */
    size_t n_setting;
};

void sr_family_register(sr_family *family);
/* How many numbers the family fixes with K parameters */
size_t sr_family_n_setting(const sr_family *family, size_t n_theta);
/* NULL: there is none of that name */
const sr_family *sr_family_find(const char *name);

/* Further arguments: what sizes it can have, as initialisers of sr_family */
#define SR_REGISTER_FAMILY(function, text, price, ...)                     \
    static sr_family family_entry = {                                      \
        .name = (text), .eval = (function), .cost = (price), __VA_ARGS__}; \
    __attribute__((constructor)) static void register_family(void)         \
    {                                                                      \
        sr_family_register(&family_entry);                                 \
    }
#define SR_THETA(least, most) .least_theta = (least), .most_theta = (most)
#define SR_SETTING(more) .has_setting = 1, .more_setting = (more)

/* Room for a jet in K parameters */
sr_status sr_jet_take(sr_context *ctx, size_t n_theta, sr_jet *out);

/* The hazard of rows with linear predictor eta[m]. Jets are in (eta, theta). `work` [SR_BLOCK] is
 * scratch. haz may be NULL. */
void sr_hazard_eval(const sr_hazard *hazard, const sr_hazard_rows *rows, const double *eta,
                    double *work, sr_jet *cum, sr_jet *haz);
#endif
