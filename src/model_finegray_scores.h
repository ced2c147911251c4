/* model_finegray_scores.h -- what each row adds to the score, the estimated weights included
 *
 * See model_finegray_scores.c for the derivation. Rows are asked for by blocks; no n x p matrix is
 * made.
 */
#ifndef SR_MODEL_FINEGRAY_SCORES_H
#define SR_MODEL_FINEGRAY_SCORES_H
#include "model_finegray.h"

/* What one of the two distributions adds: to a row with an event of it at slot k the step of cum
 * there over that of the hazard, less ratio times the difference of cum over the time at risk.
 * [n_slot x p] by row; NULL: nothing. */
typedef struct {
    double *cum;
    size_t p;
} sr_fg_shift;

/* Borrows the first six; z.x NULL stands for columns of zeros. */
typedef struct {
    const sr_fg_model *model;
    sr_columns z;              /* centred */
    const double *risk, *tail; /* [n] */
    const sr_cum_hazard *hazard;
    const double *extra; /* [n x p] by column, or NULL */
    sr_cox_path path;    /* means and their sums along the event times */
    uint32_t *late_of;   /* [n] place among the late rows, or UINT32_MAX */
    double *late_drift;  /* [n_late x p] by row: sum of omega xbar dH */
    sr_fg_shift censoring, entry;
} sr_fg_scores;

/* The members up to `path` are set. */
sr_status sr_fg_scores_open(sr_context *ctx, sr_fg_variance kind, sr_fg_scores *scores);
/* Weighted scores of rows [from, from + m), as sr_score_rows asks for them. */
void sr_fg_scores_fill(const void *scores, size_t from, size_t m, double *block, double *side);
/* All of them: out[n x p] by column */
sr_status sr_fg_scores_all(sr_context *ctx, const sr_fg_scores *scores, double *out);
#endif
