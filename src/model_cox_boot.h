/* model_cox_boot.h -- the bootstrap of a Cox fit: many resamples, risk sets laid out once
 *
 * See model_cox_boot.c.
 */
#ifndef SR_MODEL_COX_BOOT_H
#define SR_MODEL_COX_BOOT_H
#include "core_resample.h"
#include "model_cox.h"

/* How a replicate ended. */
enum { SR_BOOT_DONE, SR_BOOT_INFINITE, SR_BOOT_NOT_CONVERGED, SR_BOOT_NO_EVENT };

typedef struct {
    size_t n_replicate, n_unit;
    const int *unit;  /* [n] 0-based unit that a row belongs to; NULL: each row is its own */
    const int *group; /* [n_unit] 0-based group within which a unit is drawn; NULL: one */
    uint32_t seed;
} sr_boot_design;

/* SR_ERR_SIZE unless n_unit is 1 + the largest unit (n without units).
 * coef[n_replicate x p] by column, NaN where a replicate has no estimate; state[n_replicate].
 * control->init is where every search starts: the estimate on the whole data. */
sr_status sr_cox_boot(sr_context *ctx, const sr_cox_data *data, const sr_cox_control *control,
                      const sr_boot_design *design, double *coef, int *state);
#endif
