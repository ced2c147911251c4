/* model_cox_lanes.h -- the Cox likelihood of several resamples at once
 *
 * Resamples of one data set share rows, times and risk sets; only how often each row was drawn
 * differs. So SR_LANES resamples are evaluated side by side, each at its own theta, every sum an
 * array of SR_LANES numbers: the machine's wide registers do what a loop over resamples would.
 * See model_cox_lanes.c for the sums.
 *
 * An array named [a x lanes] holds item i of lane l at [i * SR_LANES + l].
 */
#ifndef SR_MODEL_COX_LANES_H
#define SR_MODEL_COX_LANES_H
#include "model_cox.h"

enum { SR_LANES = 8 };

/* What all resamples share: the rows that span an event time, by the slot at which they leave. */
typedef struct {
    size_t n, p, n_slot, n_stratum, n_unit;
    int is_efron;
    const size_t *slot_begin; /* [n_stratum + 1] as in core_riskset.h */
    const size_t *row_begin;  /* [n_slot + 1] rows that leave at slot k */
    const double *z;          /* [n x p] by row, centred and scaled */
    const double *base;       /* [n] offset, less the middle of its stratum's predictors */
    const double *weight;     /* [n] of one copy of the row */
    const unsigned char *is_death;
    const uint32_t *unit;        /* [n] what is drawn: counts are by unit */
    const uint32_t *enter;       /* [n] or NULL */
    const size_t *enterer_begin; /* [n_slot + 1] rows that enter at slot k; NULL with enter */
    const uint32_t *enterer;     /* [n] */
} sr_lane_data;

/* One batch of resamples. */
typedef struct {
    int *count;             /* [n_unit x lanes] copies of each unit */
    double *theta;          /* [p x lanes] in */
    double *f, *score;      /* [lanes], [p x lanes] out */
    double *info;           /* [p (p + 1) / 2 x lanes] out: lower triangle by rows */
    double *n_death;        /* [lanes] copies of rows that die */
    double *slot_step;      /* [n_slot x lanes] tied steps at a slot: copies that die, or 1 */
    double *slot_most;      /* [n_slot] the most of any lane */
    double *slot_weight;    /* [n_slot x lanes] their weight */
    double *dead_z;         /* [p x lanes] weighted sum of z over the dead */
    double *dead_base;      /* [lanes] the same of base */
    double *risk;           /* [n x lanes] */
    double *met, *met_dead; /* [n_slot x lanes] hazard met by the end of a slot; by its deaths */
    double *sums;           /* [6 (p + 1) x lanes] scratch */
} sr_lanes;

/* unit[n]: which unit each row belongs to, NULL: its own. theta[p], in the scale of z: where the
 * predictors are about to be, so that exp keeps its range. z = scale (x - the stratum's mean), with
 * the scale of sr_cox_scaling_make with all columns centred. */
sr_status sr_lane_data_make(sr_context *ctx, const sr_cox_data *data, const sr_cox_control *control,
                            const int *unit, const double *theta, sr_lane_data *out);

sr_status sr_lanes_take(sr_context *ctx, const sr_lane_data *data, sr_lanes *out);

/* Takes up new counts: what does not depend on theta. */
void sr_lanes_dress(const sr_lane_data *data, sr_lanes *batch);

/* f, score and info of every lane at its theta; f is NaN where a predictor is out of range. */
void sr_lanes_evaluate(const sr_lane_data *data, sr_lanes *batch);
#endif
