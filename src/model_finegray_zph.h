/* model_finegray_zph.h -- does an effect on the subdistribution hazard change with time
 *
 * Score test of theta = 0 in beta(t) = beta + theta g(t); see model_finegray_zph.c.
 */
#ifndef SR_MODEL_FINEGRAY_ZPH_H
#define SR_MODEL_FINEGRAY_ZPH_H
#include "model_finegray.h"

/* The caller's room. Events come in the order of stratum and time, n_event of them. */
typedef struct {
    size_t *row;                     /* [n_event] */
    double *schoenfeld;              /* [n_event x p] by column: z - zbar */
    double *score;                   /* [p] of theta */
    double *info, *info_g, *info_gg; /* [p x p] blocks: sum of V, g V, g^2 V */
} sr_fg_zph;

/* coef[p]; clock[n] is g at the time of each event (the same for all of one time), centred by the
 * caller; read for events alone. */
sr_status sr_fg_zph_make(sr_context *ctx, const sr_fg_data *data, const sr_cox_control *control,
                         const double *coef, const double *clock, sr_fg_zph *out);
#endif
