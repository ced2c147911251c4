/* core_riskset.c -- see core_riskset.h for the idea, shapes and units
 *
 * Two ways to number the event times of each stratum. A table over
 * (stratum, place) is used while it is not much larger than the data. With many
 * strata (matched sets) the event places of each stratum are listed, sorted, and
 * searched by bisection: O(n log m), m event times in a stratum.
 */
#include "core_riskset.h"
#include "core_thread.h"
#include <math.h>
#include <stdlib.h>

enum { PARALLEL_FROM = 65536, ROWS_A_PIECE = 65536 };

typedef struct {
    size_t *slot_begin;
    int *slot_stratum;
    double *slot_time;
    uint32_t *leave, *enter;
    size_t n_slot;
} layout;

static sr_status take_slots(sr_context *ctx, layout *lay)
{
    if (lay->n_slot >= UINT32_MAX / 2)
        return SR_ERR_SIZE;
    SR_TAKE(lay->slot_stratum, (int *)sr_arena_take(&ctx->arena, lay->n_slot, sizeof(int)));
    SR_TAKE(lay->slot_time, sr_arena_double(&ctx->arena, lay->n_slot));
    return SR_OK;
}

static void look_up(const sr_times *t, const sr_timeindex *index, const uint32_t *slot, size_t from,
                    layout *lay)
{
    const size_t to = t->n - from < ROWS_A_PIECE ? t->n : from + ROWS_A_PIECE;
    for (size_t i = from; i < to; i++)
        lay->leave[i] = slot[sr_stratum_of(t, i) * index->n_distinct + index->stop[i]];
    for (size_t i = from; lay->enter != NULL && i < to; i++)
        lay->enter[i] = slot[sr_stratum_of(t, i) * index->n_distinct + index->start[i]];
}

/* slot [n_stratum x n_place], cleared: flags first, then the slot of the last event time up to each
 * place */
static sr_status number_by_table(sr_context *ctx, const sr_times *t, const sr_timeindex *index,
                                 uint32_t *slot, layout *lay)
{
    const size_t n_place = index->n_distinct, n_stratum = (size_t)t->n_stratum;
    for (size_t i = 0; i < t->n; i++) /* no branch: nobody can guess who has an event */
        slot[sr_stratum_of(t, i) * n_place + index->stop[i]] |= t->event[i] != 0;
    size_t n_event_time = 0;
    for (size_t k = 0; k < n_place * n_stratum; k++)
        n_event_time += slot[k];
    lay->n_slot = n_event_time + n_stratum;
    SR_TRY(take_slots(ctx, lay));
    uint32_t now = 0;
    for (size_t s = 0; s < n_stratum; s++) {
        lay->slot_begin[s] = now;
        lay->slot_stratum[now] = (int)s;
        lay->slot_time[now++] = -INFINITY;
        for (size_t k = 0; k < n_place; k++) {
            uint32_t *const here = &slot[s * n_place + k];
            if (*here != 0) {
                lay->slot_stratum[now] = (int)s;
                lay->slot_time[now++] = index->value[k];
            }
            *here = now - 1;
        }
    }
    lay->slot_begin[n_stratum] = now;
    SR_FOR_EACH(ctx, t->n > PARALLEL_FROM, b, (t->n + ROWS_A_PIECE - 1) / ROWS_A_PIECE,
                look_up(t, index, slot, b * ROWS_A_PIECE, lay));
    return SR_OK;
}

static sr_status layout_by_table(sr_context *ctx, const sr_times *t, const sr_timeindex *index,
                                 layout *lay)
{
    sr_arena scratch = {0};
    uint32_t *const slot =
        sr_arena_zero(&scratch, index->n_distinct * (size_t)t->n_stratum, sizeof(uint32_t));
    const sr_status status =
        slot == NULL ? SR_ERR_MEMORY : number_by_table(ctx, t, index, slot, lay);
    sr_arena_free(&scratch);
    return status;
}

static int compare_place(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* How many of the sorted places are <= wanted. */
static size_t count_up_to(const uint32_t *place, size_t count, uint32_t wanted)
{
    size_t low = 0, high = count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (place[middle] <= wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Sort each stratum's event places and drop repeats: they stay at event_begin[s]. */
static size_t distinct_places(size_t n_stratum, const size_t *event_begin, size_t *n_place,
                              uint32_t *place)
{
    size_t total = 0;
    for (size_t s = 0; s < n_stratum; s++) {
        uint32_t *const mine = place + event_begin[s];
        const size_t count = event_begin[s + 1] - event_begin[s];
        qsort(mine, count, sizeof(uint32_t), compare_place);
        size_t kept = 0;
        for (size_t k = 0; k < count; k++)
            if (kept == 0 || mine[k] != mine[kept - 1])
                mine[kept++] = mine[k];
        n_place[s] = kept;
        total += kept;
    }
    return total;
}

static sr_status layout_by_search(sr_context *ctx, const sr_times *t, const sr_timeindex *index,
                                  layout *lay)
{
    const size_t n_stratum = (size_t)t->n_stratum;
    size_t *event_begin, *n_place;
    uint32_t *place;
    SR_TAKE(event_begin, (size_t *)sr_arena_zero(&ctx->arena, n_stratum + 2, sizeof(size_t)));
    SR_TAKE(n_place, sr_arena_sizes(&ctx->arena, n_stratum));
    SR_TAKE(place, sr_arena_index(&ctx->arena, t->n));
    /* counts two ahead, so that filling leaves each stratum's beginning in place */
    for (size_t i = 0; i < t->n; i++)
        event_begin[sr_stratum_of(t, i) + 2] += t->event[i] != 0;
    for (size_t s = 2; s < n_stratum + 2; s++)
        event_begin[s] += event_begin[s - 1];
    for (size_t i = 0; i < t->n; i++)
        if (t->event[i] != 0)
            place[event_begin[sr_stratum_of(t, i) + 1]++] = index->stop[i];
    SR_TICK(ctx);
    lay->n_slot = n_stratum + distinct_places(n_stratum, event_begin, n_place, place);
    SR_TRY(take_slots(ctx, lay));
    size_t now = 0;
    for (size_t s = 0; s < n_stratum; s++) {
        lay->slot_begin[s] = now;
        lay->slot_stratum[now] = (int)s;
        lay->slot_time[now++] = -INFINITY;
        for (size_t k = 0; k < n_place[s]; k++) {
            lay->slot_stratum[now] = (int)s;
            lay->slot_time[now++] = index->value[place[event_begin[s] + k]];
        }
    }
    lay->slot_begin[n_stratum] = now;
    for (size_t i = 0; i < t->n; i++) {
        const size_t s = sr_stratum_of(t, i);
        const uint32_t *const mine = place + event_begin[s];
        lay->leave[i] =
            (uint32_t)(lay->slot_begin[s] + count_up_to(mine, n_place[s], index->stop[i]));
        if (lay->enter != NULL)
            lay->enter[i] =
                (uint32_t)(lay->slot_begin[s] + count_up_to(mine, n_place[s], index->start[i]));
    }
    return SR_OK;
}

/* Deaths at a tied slot go to its own cell. */
static void move_tied(const sr_times *t, const int32_t *slot_tied, size_t from, layout *lay)
{
    const size_t to = t->n - from < ROWS_A_PIECE ? t->n : from + ROWS_A_PIECE;
    for (size_t i = from; i < to; i++) {
        const uint32_t slot = lay->leave[i];
        const uint32_t is_tied = (slot_tied[slot] >= 0) & (t->event[i] != 0);
        const uint32_t cell = (uint32_t)lay->n_slot + (uint32_t)slot_tied[slot];
        lay->leave[i] = slot + is_tied * (cell - slot); /* no branch */
    }
}

/* Deaths of each slot; under Efron, a cell for the deaths of each tied one. */
static sr_status count_deaths(sr_context *ctx, const sr_times *t, int is_efron, layout *lay,
                              sr_riskset *out)
{
    double *n_death, *death_weight;
    SR_TAKE(n_death, (double *)sr_arena_zero(&ctx->arena, lay->n_slot, sizeof(double)));
    death_weight = n_death;
    if (t->weight != NULL)
        SR_TAKE(death_weight, (double *)sr_arena_zero(&ctx->arena, lay->n_slot, sizeof(double)));
    static const double one_if[2] = {0, 1}; /* no branch, as above */
    for (size_t i = 0; i < t->n; i++)
        n_death[lay->leave[i]] += one_if[t->event[i] != 0];
    for (size_t i = 0; t->weight != NULL && i < t->n; i++)
        death_weight[lay->leave[i]] += one_if[t->event[i] != 0] * t->weight[i];
    size_t n_tied = 0;
    for (size_t k = 0; is_efron && k < lay->n_slot; k++)
        n_tied += n_death[k] > 1;
    if (n_tied > 0) {
        uint32_t *tied_slot;
        int32_t *slot_tied;
        SR_TAKE(tied_slot, sr_arena_index(&ctx->arena, n_tied));
        SR_TAKE(slot_tied, (int32_t *)sr_arena_take(&ctx->arena, lay->n_slot, sizeof(int32_t)));
        int32_t tied = 0;
        for (size_t k = 0; k < lay->n_slot; k++) {
            slot_tied[k] = n_death[k] > 1 ? tied : -1;
            if (n_death[k] > 1)
                tied_slot[tied++] = (uint32_t)k;
        }
        SR_FOR_EACH(ctx, t->n > PARALLEL_FROM, b, (t->n + ROWS_A_PIECE - 1) / ROWS_A_PIECE,
                    move_tied(t, slot_tied, b * ROWS_A_PIECE, lay));
        out->tied_slot = tied_slot;
        out->slot_tied = slot_tied;
    }
    out->n_tied = n_tied;
    out->n_death = n_death;
    out->death_weight = death_weight;
    return SR_OK;
}

sr_status sr_riskset_from_index(sr_context *ctx, const sr_times *times, const sr_timeindex *index,
                                int is_efron, sr_riskset *out)
{
    const size_t n_stratum = (size_t)times->n_stratum;
    layout lay = {0};
    *out = (sr_riskset){.n = times->n, .n_stratum = times->n_stratum};
    SR_TAKE(lay.slot_begin, sr_arena_sizes(&ctx->arena, n_stratum + 1));
    SR_TAKE(lay.leave, sr_arena_index(&ctx->arena, times->n));
    if (times->start != NULL)
        SR_TAKE(lay.enter, sr_arena_index(&ctx->arena, times->n));
    if (n_stratum <= (4 * times->n + 65536) / (index->n_distinct + 1))
        SR_TRY(layout_by_table(ctx, times, index, &lay));
    else
        SR_TRY(layout_by_search(ctx, times, index, &lay));
    SR_TRY(count_deaths(ctx, times, is_efron, &lay, out));
    out->n_slot = lay.n_slot;
    out->slot_begin = lay.slot_begin;
    out->slot_stratum = lay.slot_stratum;
    out->slot_time = lay.slot_time;
    out->cell = lay.leave;
    out->enter = lay.enter;
    return SR_OK;
}

sr_status sr_riskset_make(sr_context *ctx, const sr_times *times, int is_efron, sr_riskset *out)
{
    sr_timeindex index;
    size_t bad_row;
    sr_context scratch = *ctx; /* what only the sorting needs is given back at once */
    scratch.arena = (sr_arena){0};
    sr_status status = sr_timeindex_make(&scratch, times, 0, &index, &bad_row);
    if (status == SR_OK)
        status = sr_riskset_from_index(ctx, times, &index, is_efron, out);
    sr_arena_free(&scratch.arena);
    return status;
}
