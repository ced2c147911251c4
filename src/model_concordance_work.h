/* model_concordance_work.h -- what the passes of model_concordance*.c share */
#ifndef SR_MODEL_CONCORDANCE_WORK_H
#define SR_MODEL_CONCORDANCE_WORK_H
#include "core_pair.h"
#include "core_rankcount.h"
#include "model_concordance.h"
#include <math.h>

typedef struct {
    double high, low;
} pair;

static inline void pair_add(pair *sum, double high, double low)
{
    sr_add_exactly(&sum->high, &sum->low, high);
    sum->low += low;
}

static inline double pair_value(pair a)
{
    return a.high + a.low;
}

static inline pair pair_product(pair a, pair b)
{
    const double high = a.high * b.high;
    return (pair){high, fma(a.high, b.high, -high) + (a.high * b.low + a.low * b.high)};
}

/* What a row that leaves at a slot has met, side by side for one reading. */
typedef struct {
    double failed_before, failed, outliving;
} slot_met;

static inline pair pair_cube(pair a)
{
    return pair_product(pair_product(a, a), a);
}

typedef struct {
    const sr_times *times;
    sr_riskset rs;
    int is_exact; /* sums are taken away from, and weights are not whole numbers */
    size_t n_item;
    size_t *item_begin; /* [n_stratum + 1] */
    sr_rank_item *item; /* [n_item] by stratum, then by score */
    uint32_t n_group;   /* distinct scores, summed over the strata */
    uint32_t *group;    /* [n_item], only where two rows share a score */
    pair *failing;      /* [n_slot] weight failing at slots of the stratum up to and with k */
    pair *outliving;    /* [n_slot] weight at risk at k that does not fail at k */
    pair *cubes;        /* [n_slot] sum of W_g^3 over the risk set at k */
    slot_met *met;      /* [n_slot], NULL when sums are exact */
    double *below;      /* [n] becomes balance */
    double *below_low;  /* [n], NULL where nothing is tied and sums need not be exact */
} sr_concordance_work;

/* Adds what rows of equal score mean to each other: to below and below_low (halved, so that
 * balance = 2 below + earlier - later), to `out` and to w->cubes. Also counts the pairs that fail
 * together. Before sr_rank_count, which moves the items. */
sr_status sr_concordance_meet_tied(sr_context *ctx, sr_concordance_work *w, sr_concordance *out);

static inline int fails(const sr_times *t, size_t i)
{
    return t->event[i] != 0;
}
#endif
