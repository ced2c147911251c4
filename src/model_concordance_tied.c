/* model_concordance_tied.c -- pairs of equal score; see model_concordance.c
 *
 * Items in the order of their moments are read twice, with a sum of weights for each distinct score
 * of a stratum: backwards, when each failing row meets the later items of its score, and forwards,
 * when each item meets the earlier failing ones. O(n).
 */
#include "model_concordance_work.h"
#include <string.h>

/* Number the distinct scores of each stratum. */
static sr_status number_groups(sr_context *ctx, sr_concordance_work *w)
{
    SR_TAKE(w->group, sr_arena_index(&ctx->arena, w->n_item));
    w->n_group = 0;
    for (size_t s = 0; s < (size_t)w->rs.n_stratum; s++)
        for (size_t a = w->item_begin[s]; a < w->item_begin[s + 1]; a++) {
            const sr_rank_item *const item = &w->item[a];
            if (a == w->item_begin[s] || item->rank != item[-1].rank)
                w->n_group++;
            w->group[a] = w->n_group - 1;
        }
    return SR_OK;
}

/* Positions of the items in the order of their moments, stratum after stratum; within a moment by
 * score. moment_begin[m] is where moment m = 2 slot + (0, 1) starts. */
static sr_status sort_moments(sr_context *ctx, const sr_concordance_work *w, uint32_t **order,
                              uint32_t **begin)
{
    const size_t n_moment = 2 * w->rs.n_slot;
    SR_TAKE(*order, sr_arena_index(&ctx->arena, w->n_item));
    SR_TAKE(*begin, (uint32_t *)sr_arena_zero(&ctx->arena, n_moment + 2, sizeof(uint32_t)));
    uint32_t *const next = *begin + 1; /* ends up one ahead, as the beginnings */
    for (int s = 0; s < w->rs.n_stratum; s++)
        for (size_t a = w->item_begin[s]; a < w->item_begin[s + 1]; a++)
            next[2 * w->rs.slot_begin[s] + w->item[a].key + 1]++;
    for (size_t m = 1; m <= n_moment; m++)
        next[m] += next[m - 1];
    for (int s = 0; s < w->rs.n_stratum; s++)
        for (size_t a = w->item_begin[s]; a < w->item_begin[s + 1]; a++)
            (*order)[next[2 * w->rs.slot_begin[s] + w->item[a].key]++] = (uint32_t)a;
    return SR_OK;
}

static void meet_tied(sr_concordance_work *w, const sr_rank_item *item, pair met, double sign,
                      sr_concordance *out)
{
    const size_t i = item->row;
    const double side = item->weight < 0 ? -1 : 1;
    sr_add_exactly(&w->below[i], &w->below_low[i], sign * side * 0.5 * met.high);
    w->below_low[i] += sign * side * 0.5 * met.low;
    if (out->tied != NULL)
        out->tied[i] += side * pair_value(met);
}

/* From the last moment back: sources meet the later items of their score. */
static void meet_tied_later(sr_concordance_work *w, const uint32_t *order, const uint32_t *begin,
                            pair *held, sr_concordance *out)
{
    const sr_riskset *const rs = &w->rs;
    for (int s = 0; s < rs->n_stratum; s++) {
        pair cubes = {0, 0}, tied = {0, 0};
        for (size_t m = 2 * rs->slot_begin[s + 1]; m-- > 2 * rs->slot_begin[s];) {
            for (size_t a = begin[m]; a < begin[m + 1] && m % 2 == 0; a++) {
                const sr_rank_item *const item = &w->item[order[a]];
                const pair met = held[w->group[order[a]]];
                meet_tied(w, item, met, 1, out);
                pair_add(&tied, item->weight * met.high, item->weight * met.low);
            }
            for (size_t a = begin[m]; a < begin[m + 1]; a++) {
                pair *const mine = &held[w->group[order[a]]];
                const pair old = pair_cube(*mine);
                pair_add(mine, w->item[order[a]].weight, 0);
                const pair new = pair_cube(*mine);
                pair_add(&cubes, new.high, new.low);
                pair_add(&cubes, -old.high, -old.low);
            }
            if (m % 2 == 0)
                w->cubes[m / 2] = cubes;
        }
        out->count[s].tied_score = pair_value(tied);
    }
}

/* From the first moment on: items meet the earlier sources of their score. */
static void meet_tied_earlier(sr_concordance_work *w, const uint32_t *order, const uint32_t *begin,
                              pair *held, sr_concordance *out)
{
    for (size_t m = 0; m < 2 * w->rs.n_slot; m++) {
        for (size_t a = begin[m]; a < begin[m + 1]; a++)
            meet_tied(w, &w->item[order[a]], held[w->group[order[a]]], -1, out);
        for (size_t a = begin[m]; a < begin[m + 1] && m % 2 == 0; a++)
            pair_add(&held[w->group[order[a]]], w->item[order[a]].weight, 0);
    }
}

/* Pairs that fail together, by whether their scores agree. */
static void count_together(const sr_concordance_work *w, const uint32_t *order,
                           const uint32_t *begin, sr_concordance *out)
{
    for (size_t k = 0; k < w->rs.n_slot; k++) {
        sr_pair_counts *const count = &out->count[w->rs.slot_stratum[k]];
        double all = 0;
        for (size_t a = begin[2 * k]; a < begin[2 * k + 1];) {
            const uint32_t group = w->group[order[a]];
            double same = 0;
            size_t end = a;
            for (; end < begin[2 * k + 1] && w->group[order[end]] == group; end++) {
                const double weight = w->item[order[end]].weight;
                count->tied_time += weight * (all - same);
                count->tied_both += weight * same;
                same += weight;
                all += weight;
            }
            for (; a < end; a++) {
                const sr_rank_item *const item = &w->item[order[a]];
                if (out->same_both != NULL)
                    out->same_both[item->row] = same - item->weight;
            }
        }
    }
}

sr_status sr_concordance_meet_tied(sr_context *ctx, sr_concordance_work *w, sr_concordance *out)
{
    uint32_t *order, *begin;
    pair *held;
    SR_TRY(number_groups(ctx, w));
    SR_TRY(sort_moments(ctx, w, &order, &begin));
    SR_TICK(ctx);
    SR_TAKE(held, (pair *)sr_arena_zero(&ctx->arena, w->n_group, sizeof(pair)));
    meet_tied_later(w, order, begin, held, out);
    SR_TICK(ctx);
    memset(held, 0, w->n_group * sizeof(pair));
    meet_tied_earlier(w, order, begin, held, out);
    count_together(w, order, begin, out);
    return SR_OK;
}
