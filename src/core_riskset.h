/* core_riskset.h -- who is at risk, and when
 *
 * No risk set is ever listed. Only the distinct event times of a stratum matter:
 * each is a *slot*, numbered upwards in time, stratum after stratum. A row
 * belongs to the slots from `enter` (exclusive) to `leave` (inclusive), so a sum
 * over a risk set is a suffix sum over the slots of its stratum: a row adds
 * itself at `leave` and takes itself away at `enter`. The first slot of each
 * stratum is no event time; it holds rows that leave before the first one.
 *
 *   slots of stratum s:  slot_begin[s] (no time), then its event times in order,
 *                        up to slot_begin[s + 1] - 1
 *   leave[i]  slot of the last event time <= stop[i]
 *   enter[i]  slot of the last event time <= start[i]   (NULL: all enter at the origin)
 *   a row with enter == leave spans no event time and adds nothing
 *
 * Tied deaths under Efron's approximation need their own sums. A slot with two
 * deaths or more gets an extra *cell* behind the slots, where its deaths go:
 *
 *   cell[i] = n_slot + t   for a death at the tied slot tied_slot[t]
 *           = leave[i]     for every other row
 *   slot_tied[k] = t or -1
 *
 * Without Efron, n_tied = 0 and cell is leave. At risk at t: start < t <= stop.
 *
 * Times are sorted once (radix; a table when they are whole numbers). Inputs are
 * borrowed; results live in the context's arena. O(n) plus the sort.
 */
#ifndef SR_CORE_RISKSET_H
#define SR_CORE_RISKSET_H
#include "core_context.h"

typedef struct {
    size_t n;             /* rows */
    const double *start;  /* [n] entry, or NULL */
    const double *stop;   /* [n] exit, stop[i] > start[i] */
    const double *event;  /* [n] 1 event, 0 censored */
    const double *weight; /* [n] case weights, or NULL for 1 */
    const int *stratum;   /* [n] 0-based, or NULL for one stratum */
    int n_stratum;        /* at least 1 */
} sr_times;

static inline size_t sr_stratum_of(const sr_times *times, size_t i)
{
    return times->stratum == NULL ? 0 : (size_t)times->stratum[i];
}

static inline double sr_weight_of(const sr_times *times, size_t i)
{
    return times->weight == NULL ? 1 : times->weight[i];
}

typedef struct {
    size_t n;
    int n_stratum;
    size_t n_slot;              /* event times of all strata, plus one a stratum */
    const size_t *slot_begin;   /* [n_stratum + 1] */
    const int *slot_stratum;    /* [n_slot] */
    const double *slot_time;    /* [n_slot] -Inf in a stratum's first slot */
    const double *n_death;      /* [n_slot] rows that die there */
    const double *death_weight; /* [n_slot] sum of their weights */
    const uint32_t *cell;       /* [n] */
    const uint32_t *enter;      /* [n] or NULL */
    size_t n_tied;              /* slots with an extra cell */
    const uint32_t *tied_slot;  /* [n_tied] */
    const int32_t *slot_tied;   /* [n_slot], NULL when n_tied is 0 */
    int is_ordered;             /* rows stand in the order of the slots at which they leave */
} sr_riskset;

/* The slot at which row i leaves. */
static inline uint32_t sr_leave(const sr_riskset *rs, size_t i)
{
    const uint32_t c = rs->cell[i];
    return c < rs->n_slot ? c : rs->tied_slot[c - rs->n_slot];
}

/* Does slot k have a cell of its own for its deaths? */
static inline int sr_is_tied(const sr_riskset *rs, size_t k)
{
    return rs->n_tied > 0 && rs->slot_tied[k] >= 0;
}

/* Lay out the risk sets. `is_efron` asks for cells of tied deaths. */
sr_status sr_riskset_make(sr_context *ctx, const sr_times *times, int is_efron, sr_riskset *out);

/* Distinct times, and the place of each time among them.
 *
 * `tolerance` > 0 merges neighbours as survival's timefix does: times a step of
 * at most `tolerance`, or at most `tolerance` of the mean absolute time, apart
 * take the value of the first. Place p stands for value[p]. Both ends of an
 * interval merging is SR_ERR_INTERVAL, with the row in *bad_row. Only n, start and
 * stop of `times` are read.
 */
typedef struct {
    size_t n_distinct;     /* after merging */
    size_t n_merged;       /* distinct times that took a neighbour's value */
    const double *value;   /* [n_distinct] ascending */
    const uint32_t *start; /* [n] places, or NULL */
    const uint32_t *stop;  /* [n] places */
} sr_timeindex;

sr_status sr_timeindex_make(sr_context *ctx, const sr_times *times, double tolerance,
                            sr_timeindex *out, size_t *bad_row);
sr_status sr_riskset_from_index(sr_context *ctx, const sr_times *times, const sr_timeindex *index,
                                int is_efron, sr_riskset *out);
#endif
