/* core_timeindex.c -- distinct times and the place of each time among them
 *
 * Whole numbers in a range not much wider than n are placed by a table of flags;
 * all else is sorted. Merging then works on the distinct values alone: with y the
 * distinct finite times and m the mean of |y|, neighbours with
 *
 *     y[k+1] - y[k] <= tolerance   or   (y[k+1] - y[k]) / m <= tolerance
 *
 * are one time, the first of their run (the rule of all.equal(), as survival's
 * `timefix` applies it). See core_riskset.h for shapes. O(n) with a table.
 */
#include "core_riskset.h"
#include "core_sort.h"
#include <math.h>
#include <string.h>

/* Where each row's times stand among the distinct ones */
typedef struct {
    uint32_t *start, *stop; /* [n] start NULL where nobody enters late */
} row_places;

static double time_at(const sr_times *t, size_t i)
{
    return i < t->n ? t->stop[i] : t->start[i - t->n];
}

/* The range of the times, if all are whole numbers; else false. */
static int is_whole(size_t n, const double *time, double *low, double *high)
{
    for (size_t i = 0; i < n; i++) {
        const double t = time[i];
        if (!(fabs(t) < 1e9) || t != (double)(int64_t)t)
            return 0;
        if (t < *low)
            *low = t;
        if (t > *high)
            *high = t;
    }
    return 1;
}

static void place_by_table(const double *time, size_t n, double low, const uint32_t *rank,
                           uint32_t *place)
{
    for (size_t i = 0; i < n; i++)
        place[i] = rank[(size_t)(time[i] - low)];
}

static sr_status distinct_by_table(sr_context *ctx, const sr_times *t, double low, double high,
                                   const row_places *places, sr_timeindex *out)
{
    const size_t range = (size_t)(high - low) + 1;
    uint32_t *rank;
    double *value;
    SR_TAKE(rank, (uint32_t *)sr_arena_zero(&ctx->arena, range, sizeof(uint32_t)));
    for (size_t i = 0; i < t->n; i++)
        rank[(size_t)(t->stop[i] - low)] = 1;
    for (size_t i = 0; t->start != NULL && i < t->n; i++)
        rank[(size_t)(t->start[i] - low)] = 1;
    const size_t total = t->start == NULL ? t->n : 2 * t->n;
    SR_TAKE(value, sr_arena_double(&ctx->arena, total < range ? total : range));
    size_t n_distinct = 0;
    for (size_t v = 0; v < range; v++)
        if (rank[v]) {
            value[n_distinct] = low + (double)v;
            rank[v] = (uint32_t)n_distinct++;
        }
    place_by_table(t->stop, t->n, low, rank, places->stop);
    if (t->start != NULL)
        place_by_table(t->start, t->n, low, rank, places->start);
    out->n_distinct = n_distinct;
    out->value = value;
    return SR_OK;
}

static sr_status distinct_by_sort(sr_context *ctx, const sr_times *t, const row_places *places,
                                  sr_timeindex *out)
{
    uint32_t *const start = places->start, *const stop = places->stop;
    const size_t total = t->start == NULL ? t->n : 2 * t->n;
    double *value;
    SR_TAKE(value, sr_arena_double(&ctx->arena, total));
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    const double *key = t->stop;
    uint32_t *order;
    if (t->start != NULL) {
        double *both;
        SR_TAKE(both, sr_arena_double(&ctx->arena, total));
        memcpy(both, t->stop, t->n * sizeof(double));
        memcpy(both + t->n, t->start, t->n * sizeof(double));
        key = both;
    }
    SR_TAKE(order, sr_arena_index(&ctx->arena, total));
    SR_TRY(sr_sort_order(ctx, total, key, order));
    size_t n_distinct = 0;
    for (size_t r = 0; r < total; r++) {
        const size_t i = order[r];
        const double now = time_at(t, i);
        if (n_distinct == 0 || now != value[n_distinct - 1])
            value[n_distinct++] = now;
        if (i < t->n)
            stop[i] = (uint32_t)(n_distinct - 1);
        else
            start[i - t->n] = (uint32_t)(n_distinct - 1);
    }
    sr_arena_restore(&ctx->arena, mark);
    out->n_distinct = n_distinct;
    out->value = value;
    return SR_OK;
}

/* Merge neighbours within the tolerance: value[] is packed, moved[] takes old places to new. */
static size_t merge_neighbours(size_t n_distinct, double *value, double tolerance, uint32_t *moved)
{
    double sum = 0;
    size_t first = 0, n_finite = n_distinct;
    while (first < n_finite && isinf(value[first]))
        first++;
    while (n_finite > first && isinf(value[n_finite - 1]))
        n_finite--;
    for (size_t k = first; k < n_finite; k++)
        sum += fabs(value[k]);
    const double mean = sum / (double)(n_finite - first);
    size_t kept = 0;
    double before = 0;
    for (size_t k = 0; k < n_distinct; k++) {
        const double now = value[k], step = now - before;
        const int is_tied =
            k > first && k < n_finite && (step <= tolerance || step / mean <= tolerance);
        if (!is_tied)
            value[kept++] = now;
        moved[k] = (uint32_t)(kept - 1);
        before = now;
    }
    return kept;
}

sr_status sr_timeindex_make(sr_context *ctx, const sr_times *times, double tolerance,
                            sr_timeindex *out, size_t *bad_row)
{
    const size_t n = times->n;
    const double *const start = times->start, *const stop = times->stop;
    if (n >= UINT32_MAX / 2)
        return SR_ERR_SIZE;
    row_places places = {NULL, NULL};
    SR_TAKE(places.stop, sr_arena_index(&ctx->arena, n));
    if (start != NULL)
        SR_TAKE(places.start, sr_arena_index(&ctx->arena, n));
    double low = INFINITY, high = -INFINITY;
    const int is_tabled = n > 0 && is_whole(n, stop, &low, &high) &&
                          (start == NULL || is_whole(n, start, &low, &high)) &&
                          high - low < 4.0 * (double)n + 65536.0;
    if (is_tabled)
        SR_TRY(distinct_by_table(ctx, times, low, high, &places, out));
    else
        SR_TRY(distinct_by_sort(ctx, times, &places, out));
    out->n_merged = 0;
    if (tolerance > 0 && out->n_distinct > 1) {
        const sr_arena_mark mark = sr_arena_save(&ctx->arena);
        uint32_t *moved;
        SR_TAKE(moved, sr_arena_index(&ctx->arena, out->n_distinct));
        const size_t kept =
            merge_neighbours(out->n_distinct, (double *)out->value, tolerance, moved);
        out->n_merged = out->n_distinct - kept;
        out->n_distinct = kept;
        for (size_t i = 0; out->n_merged > 0 && i < n; i++) {
            places.stop[i] = moved[places.stop[i]];
            if (start == NULL)
                continue;
            places.start[i] = moved[places.start[i]];
            if (places.start[i] >= places.stop[i]) {
                *bad_row = i;
                return SR_ERR_INTERVAL;
            }
        }
        sr_arena_restore(&ctx->arena, mark);
    }
    out->start = places.start;
    out->stop = places.stop;
    return SR_OK;
}
