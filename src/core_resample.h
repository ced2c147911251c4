/* core_resample.h -- how often each unit is drawn in a bootstrap resample
 *
 * Units are drawn with replacement within groups, as many from each group as it has. Resample r of
 * a seed comes from random stream r alone (core_rng.h). O(n_unit) a resample.
 *
 *   group  [n_unit] 0-based, or NULL for one group
 */
#ifndef SR_CORE_RESAMPLE_H
#define SR_CORE_RESAMPLE_H
#include "core_rng.h"

typedef struct {
    size_t n_unit;
    uint32_t seed;
    size_t n_group;
    const size_t *group_begin;  /* [n_group + 1] */
    const uint32_t *group_unit; /* [n_unit] units by group; NULL: one group */
} sr_resample;

sr_status sr_resample_make(sr_context *ctx, size_t n_unit, const int *group, uint32_t seed,
                           sr_resample *out);

/* count[unit * stride] copies of each unit in resample r. */
void sr_resample_draw(const sr_resample *plan, sr_rng *rng, size_t r, size_t stride, int *count);
#endif
