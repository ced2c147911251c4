/* model_cox_surv.h -- survival curves and expected events after a Cox fit
 *
 * A subject with covariates z and risk r = exp(eta) has the cumulative hazard r H(t), H, V and XH
 * as in model_cox_path.h, and
 *
 *   var(r H(t)) = r^2 { V(t) + d(t)' B d(t) },   d(t) = H(t) z - XH(t),   B = var(beta):
 *
 * the first part is the variance were beta known, the second what beta adds (Tsiatis, Annals of
 * Statistics 9 (1981), 93-108, doi:10.1214/aos/1176345335). Survival is exp(-r H), or the product
 * limit of Kalbfleisch and Prentice (Biometrika 60 (1973), 267-278): the step a_k of a subject with
 * r = 1 solves
 *
 *   sum over deaths j of  w_j r_j / (1 - a_k^{r_j})  =  S0_k,
 *
 * found here in u = -log a by Newton's method from below, where the sum is convex and falls in u,
 * so that no step overshoots. Its hazard is Breslow's and V adds d / (S0 (S0 - d)).
 *
 * A curve has one row for each distinct stop time of its stratum, censored ones too; its values
 * change at the event times only. Cost: O((n + K) p) for all curves, O(K p^2) for a patient.
 */
#ifndef SR_MODEL_COX_SURV_H
#define SR_MODEL_COX_SURV_H
#include "model_cox_path.h"

/* Rows stratum after stratum, in order of time. At risk just before t: start < t <= stop. */
typedef struct {
    size_t n_row;
    size_t *row_begin; /* [n_stratum + 1] */
    size_t *n;         /* [n_stratum] rows of the data */
    double *time;      /* [n_row] */
    double *n_risk;    /* [n_row] weight at risk; n_event, n_censor: weight that leaves there */
    double *n_event, *n_censor;
    uint32_t *slot; /* [n_row] last event time up to then */
} sr_curve_rows;

typedef struct {
    int is_efron;         /* hazard: Efron's, else Breslow's */
    int is_product;       /* survival by product limit; is_efron must be 0 */
    const double *centre; /* [p] origin of z, or NULL when no variance is wanted */
} sr_curve_kind;

typedef struct {
    sr_riskset rs;
    sr_curve_rows rows;
    double *shift; /* [n_stratum] risks are taken times exp(-shift), hazards times exp(shift) */
    sr_cum_hazard hazard;
    double *log_survival; /* [n_slot] at r = 1, or NULL: -hazard */
    sr_cox_path path;     /* p = 0 without variance */
} sr_cox_curve;

/* eta[n]; the curve is that of a subject with eta = 0 and z = 0. */
sr_status sr_cox_curve_make(sr_context *ctx, const sr_cox_data *data, const double *eta,
                            const sr_curve_kind *kind, sr_cox_curve *out);

typedef struct {
    int stratum;
    const double *z; /* [p] about the centre */
    double eta;
    const double *var; /* [p x p], NULL: no standard errors */
} sr_patient;
/* One value for each row of the patient's stratum. */
sr_status sr_cox_curve_patient(sr_context *ctx, const sr_cox_curve *curve,
                               const sr_patient *patient, double *survival, double *cum_hazard,
                               double *std_err);

/* By row, at z = 0 and eta = 0: cumulative hazard, log survival, V, and XH[n_row x p] by column
 * (NULL: not wanted). */
void sr_cox_curve_baseline(const sr_cox_curve *curve, double *cum_hazard, double *log_survival,
                           double *variance, double *drift);

/* Expected events: r_i {H(stop_i) - H(start_i)}, with the full hazard of a tied time.
 *   std_err = r_i sqrt(v(stop) - v(start)), v = V + d' B d. */
typedef struct {
    size_t n;
    const double *start; /* [n] or NULL; stop[n]; NULL stop: the rows of the data themselves */
    const double *stop;
    const int *stratum; /* [n] as in the data, NULL: one stratum */
    sr_columns z;       /* about the same centre */
    const double *eta;  /* [n] */
    const double *var;  /* NULL: no standard errors */
    double *expected;   /* [n] results */
    double *std_err;    /* [n], not touched without var */
} sr_expected_query;
sr_status sr_cox_expected(sr_context *ctx, const sr_cox_data *data, const double *eta,
                          const sr_curve_kind *kind, const sr_expected_query *query);

/* std_err[i] = sqrt(z_i' var z_i) */
sr_status sr_columns_std_err(sr_context *ctx, const sr_columns *z, const double *var,
                             double *std_err);
#endif
