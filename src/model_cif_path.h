/* model_cif_path.h -- what the weight of one row does to a curve of cumulative incidence
 *
 * Y is the weight at risk, a_j = N_j / Y the steps of the hazards, a their sum. Along a curve
 *
 *     v(t) = sum a / (Y (1 - a))                            (Greenwood's sum)
 *     G_j(t) = sum S(t-) (v(t-) - 1/Y) a_j                  B_j(t) = sum a_j / Y
 *     for the survivors, state 0:  F_0 = S,  G_0 = v S
 *
 * With these, U = w dF_j/dw of a row that entered at e is, at the time t while it is at risk,
 *
 *     U(t) = w (G_j(t) - v(e) F_j(t) + c)                   c = v(e) F_j(e) - G_j(e)
 *
 * and after it left at s, when only its effect u on the survivors goes on,
 *
 *     U(t) = U(s) + u (F_j(t) - F_j(s))      u = w (v(s) - v(e)), if censored there
 *                                            u = w (v(s-) - v(e) - 1/Y(s)), if it had an event
 *
 * where an event of cause j adds w S(s-)/Y(s) to U(s). The cumulative hazard has
 * w (1{event of cause j} / Y(s) + B_j(e) - B_j(s)).
 *
 * One curve at a time; arrays in the arena for the longest curve. Index 0 is the origin, k the time
 * of the k-th cell.
 */
#ifndef SR_MODEL_CIF_PATH_H
#define SR_MODEL_CIF_PATH_H
#include "model_cif.h"

typedef struct {
    size_t n, n_cause, n_cell, first; /* cells first .. first + n - 1 of n_cell */
    double *time;                     /* [n + 1] since the origin */
    double *v;                        /* [n + 1] */
    double *f, *g, *area_f, *area_g; /* [(n + 1) x (1 + n_cause)] by column; area: up to the time */
    double *b;                       /* [(n + 1) x n_cause] by column */
} sr_cif_path;

static inline double *sr_path_column(double *values, const sr_cif_path *p, size_t state)
{
    return values + state * (p->n + 1);
}

sr_status sr_cif_path_take(sr_context *ctx, const sr_cif_data *data, const sr_cif *cif,
                           sr_cif_path *out);
void sr_cif_path_follow(const sr_cif_data *data, const sr_cif *cif, int curve, sr_cif_path *p);

/* Standard errors of one curve from its rows, where rows come in clusters or enter late; `begin`
 * and `end`: its rows among cif->leaving and cif->entering. model_cif_rows.c */
typedef struct {
    size_t width;
    double *value, *move; /* [n_cluster x width] zero between curves, [width] */
    double *moment;       /* [state moments and cause moments] */
} sr_cif_clusters;

typedef struct {
    const sr_cif_data *data;
    const sr_cif *cif;
    const sr_cif_path *path;
    const sr_cif_clusters *clusters;
    size_t begin, end;
} sr_cif_curve;

sr_status sr_cif_clusters_take(sr_context *ctx, const sr_cif_data *data, sr_cif_clusters *out);
sr_status sr_cif_curve_by_row(sr_context *ctx, const sr_cif_curve *curve, const sr_cif_errors *out);
#endif
