/* core_resample.c -- see core_resample.h */
#include "core_resample.h"

sr_status sr_resample_make(sr_context *ctx, size_t n_unit, const int *group, uint32_t seed,
                           sr_resample *out)
{
    if (n_unit > UINT32_MAX)
        return SR_ERR_SIZE;
    size_t n_group = 1, *begin, *place;
    for (size_t u = 0; group != NULL && u < n_unit; u++)
        if ((size_t)group[u] >= n_group)
            n_group = (size_t)group[u] + 1;
    SR_TAKE(begin, (size_t *)sr_arena_zero(&ctx->arena, n_group + 1, sizeof(size_t)));
    *out = (sr_resample){.n_unit = n_unit, .seed = seed, .n_group = n_group, .group_begin = begin};
    begin[1] = n_unit;
    if (group == NULL)
        return SR_OK;
    uint32_t *unit;
    SR_TAKE(unit, sr_arena_index(&ctx->arena, n_unit));
    SR_TAKE(place, sr_arena_sizes(&ctx->arena, n_group));
    begin[1] = 0;
    for (size_t u = 0; u < n_unit; u++)
        begin[group[u] + 1]++;
    for (size_t g = 0; g < n_group; g++) {
        begin[g + 1] += begin[g];
        place[g] = begin[g];
    }
    for (size_t u = 0; u < n_unit; u++)
        unit[place[group[u]]++] = (uint32_t)u;
    out->group_unit = unit;
    return SR_OK;
}

void sr_resample_draw(const sr_resample *plan, sr_rng *rng, size_t r, size_t stride, int *count)
{
    sr_rng_start(rng, plan->seed, (uint32_t)r);
    for (size_t u = 0; u < plan->n_unit; u++)
        count[u * stride] = 0;
    for (size_t g = 0; g < plan->n_group; g++) {
        const size_t begin = plan->group_begin[g], size = plan->group_begin[g + 1] - begin;
        for (size_t draw = 0; draw < size; draw++) {
            const size_t at = begin + sr_rng_below(rng, (uint32_t)size);
            count[(plan->group_unit == NULL ? at : plan->group_unit[at]) * stride]++;
        }
    }
}
