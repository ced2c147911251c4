/* model_concordance.c -- see model_concordance.h
 *
 * Row i fails at t_i; row j is comparable with it when start_j < t_i <= stop_j and j does not fail
 * at t_i. With s_ij = sign(score_i - score_j) and c, d, e the sums of w_i w_j over comparable
 * pairs with s = 1, -1, 0, the concordance is (c + e/2) / (c + d + e). Each row's share,
 *
 *   balance_i    = sum over its pairs of w_other s (s seen from the one that fails)
 *   comparable_i = sum over its pairs of w_other
 *
 * gives c - d = sum_i w_i balance_i / 2, and the derivative of the concordance in w_i,
 *
 *   (balance_i - comparable_i (c - d)/(c + d + e)) / (2 (c + d + e)),
 *
 * times w_i: its squares (summed within clusters first) add to the variance (Efron & Stein 1981;
 * Therneau & Atkinson 2024, the concordance vignette of survival, for the definition of pairs).
 *
 * `comparable` needs sums over event times only. `balance` is 2 below + tied + comparable, signs
 * by side, where `below` is the count of core_rankcount.h with the moments
 *
 *   2k for a failure at slot k,   2k + 1 for leaving after slot k without failing, and for
 *   entering before slot k + 1 (an item of weight -w).
 *
 * Equal scores take two more passes in the order of the moments: model_concordance_tied.c.
 *
 * Signed ranks of a risk set, r_j = weight below j minus weight above, have
 * sum_j w_j r_j^2 = (W^3 - sum_g W_g^3) / 3, W_g the weight of each distinct score g.
 */
#include "model_concordance_work.h"
#include "core_sort.h"
#include <math.h>
#include <string.h>

/* First slot after which the row is at risk: its stratum's first when it enters at the origin. */
static inline size_t entry_of(const sr_concordance_work *w, size_t i)
{
    return w->rs.enter == NULL ? w->rs.slot_begin[sr_stratum_of(w->times, i)] : w->rs.enter[i];
}

static inline int is_whole(const sr_times *t)
{
    if (t->weight == NULL)
        return 1;
    for (size_t i = 0; i < t->n; i++)
        if (t->weight[i] != floor(t->weight[i]) || t->weight[i] > 1e6)
            return 0;
    return 1;
}

/* Weights that fail at, and outlive, each slot, before they are summed over the slots. */
static void scatter_slots(sr_concordance_work *w)
{
    const sr_riskset *const rs = &w->rs;
    const sr_times *const t = w->times;
    for (size_t k = 0; k < rs->n_slot; k++)
        w->failing[k].high = w->is_exact ? 0 : rs->death_weight[k];
    for (size_t i = 0; i < t->n; i++) {
        const size_t leave = rs->cell[i], last = leave - (size_t)fails(t, i);
        const double weight = sr_weight_of(t, i), cube = weight * weight * weight;
        if (rs->enter == NULL) { /* nothing is taken away */
            w->outliving[last].high += weight;
            if (t->weight != NULL)
                w->cubes[leave].high += cube;
            continue;
        }
        const size_t enter = rs->enter[i];
        if (leave == enter)
            continue;
        if (w->is_exact && last != leave)
            pair_add(&w->failing[leave], weight, 0);
        pair_add(&w->outliving[last], weight, 0);
        pair_add(&w->outliving[enter], -weight, 0);
        pair_add(&w->cubes[leave], cube, 0);
        pair_add(&w->cubes[enter], -cube, 0);
    }
}

static sr_status sum_slots(sr_context *ctx, sr_concordance_work *w)
{
    const sr_riskset *const rs = &w->rs;
    SR_TAKE(w->failing, (pair *)sr_arena_zero(&ctx->arena, rs->n_slot, sizeof(pair)));
    SR_TAKE(w->outliving, (pair *)sr_arena_zero(&ctx->arena, rs->n_slot, sizeof(pair)));
    SR_TAKE(w->cubes, (pair *)sr_arena_zero(&ctx->arena, rs->n_slot, sizeof(pair)));
    scatter_slots(w);
    for (int s = 0; s < rs->n_stratum; s++) {
        for (size_t k = rs->slot_begin[s] + 1; k < rs->slot_begin[s + 1]; k++)
            pair_add(&w->failing[k], w->failing[k - 1].high, w->failing[k - 1].low);
        for (size_t k = rs->slot_begin[s + 1] - 1; k-- > rs->slot_begin[s];) {
            pair_add(&w->outliving[k], w->outliving[k + 1].high, w->outliving[k + 1].low);
            pair_add(&w->cubes[k], w->cubes[k + 1].high, w->cubes[k + 1].low);
        }
    }
    if (w->times->weight == NULL)
        for (size_t k = 0; k < rs->n_slot; k++) /* the cube of 1 is 1: all at risk */
            w->cubes[k] = (pair){pair_value(w->outliving[k]) + rs->death_weight[k], 0};
    if (w->is_exact)
        return SR_OK;
    SR_TAKE(w->met, (slot_met *)sr_arena_take(&ctx->arena, rs->n_slot, sizeof(slot_met)));
    for (size_t k = 0; k < rs->n_slot; k++) {
        const int is_first = k == rs->slot_begin[rs->slot_stratum[k]];
        w->met[k] = (slot_met){is_first ? 0 : pair_value(w->failing[k - 1]),
                               pair_value(w->failing[k]), pair_value(w->outliving[k])};
    }
    return SR_OK;
}

/* Moments of each row within its stratum: when it leaves (NEVER: it spans no event time), and when
 * it enters (0: at the origin). Counts the items of each stratum. */
static const uint32_t NEVER = UINT32_MAX;

static sr_status find_moments(sr_context *ctx, sr_concordance_work *w, uint32_t **leave,
                              uint32_t **enter)
{
    const sr_times *const t = w->times;
    const sr_riskset *const rs = &w->rs;
    SR_TAKE(*leave, sr_arena_index(&ctx->arena, t->n));
    *enter = NULL;
    if (rs->enter != NULL)
        SR_TAKE(*enter, sr_arena_index(&ctx->arena, t->n));
    for (size_t i = 0; i < t->n; i++) {
        const size_t s = sr_stratum_of(t, i), first = rs->slot_begin[s];
        size_t n_item = rs->cell[i] != first;
        (*leave)[i] = (uint32_t)(2 * (rs->cell[i] - first)) + !fails(t, i);
        if (rs->enter != NULL) {
            const size_t start = rs->enter[i];
            (*enter)[i] = start == first ? 0 : (uint32_t)(2 * (start - first)) + 1;
            n_item = start == rs->cell[i] ? 0 : 1 + (size_t)(start != first);
        }
        if (n_item == 0)
            (*leave)[i] = NEVER;
        w->item_begin[s + 1] += n_item;
    }
    return SR_OK;
}

static int put_items(sr_concordance_work *w, const double *score, const uint32_t *order,
                     const uint32_t *leave, const uint32_t *enter, size_t *next)
{
    const sr_times *const t = w->times;
    uint32_t rank = 0;
    int is_tied = 0;
    double previous = 0;
    for (size_t a = 0; a < t->n; a++) {
        const uint32_t i = order[a];
        const double mine = score[i];
        const int is_new = a == 0 || mine != previous;
        rank += (uint32_t)(is_new && a > 0);
        is_tied |= !is_new;
        previous = mine;
        if (leave[i] == NEVER)
            continue;
        sr_rank_item *item = &w->item[next[sr_stratum_of(t, i)]++];
        *item =
            (sr_rank_item){.weight = sr_weight_of(t, i), .key = leave[i], .rank = rank, .row = i};
        if (enter != NULL && enter[i] > 0) {
            item = &w->item[next[sr_stratum_of(t, i)]++];
            *item = (sr_rank_item){
                .weight = -sr_weight_of(t, i), .key = enter[i], .rank = rank, .row = i};
        }
    }
    return is_tied;
}

/* One item for each row's end, one more where it enters after the first event time. */
static sr_status lay_items(sr_context *ctx, sr_concordance_work *w, const double *score,
                           int *is_tied)
{
    const sr_times *const t = w->times;
    const size_t n_stratum = (size_t)w->rs.n_stratum;
    uint32_t *order, *leave, *enter;
    size_t *next;
    SR_TAKE(order, sr_arena_index(&ctx->arena, t->n));
    SR_TRY(sr_sort_order(ctx, t->n, score, order));
    SR_TAKE(w->item_begin, (size_t *)sr_arena_zero(&ctx->arena, n_stratum + 1, sizeof(size_t)));
    SR_TAKE(next, sr_arena_sizes(&ctx->arena, n_stratum));
    SR_TRY(find_moments(ctx, w, &leave, &enter));
    for (size_t s = 0; s < n_stratum; s++) {
        next[s] = w->item_begin[s];
        w->item_begin[s + 1] += w->item_begin[s];
    }
    w->n_item = w->item_begin[n_stratum];
    if (w->n_item >= UINT32_MAX)
        return SR_ERR_SIZE;
    SR_TAKE(w->item, (sr_rank_item *)sr_arena_take(&ctx->arena, w->n_item, sizeof(sr_rank_item)));
    *is_tied = put_items(w, score, order, leave, enter, next);
    return SR_OK;
}

/* The same where no two rows share a score. */
static sr_status count_together_untied(sr_context *ctx, const sr_concordance_work *w,
                                       sr_concordance *out)
{
    const sr_times *const t = w->times;
    double *met;
    SR_TAKE(met, (double *)sr_arena_zero(&ctx->arena, w->rs.n_slot, sizeof(double)));
    for (size_t i = 0; i < t->n; i++)
        if (fails(t, i)) {
            const size_t k = w->rs.cell[i];
            out->count[sr_stratum_of(t, i)].tied_time += sr_weight_of(t, i) * met[k];
            met[k] += sr_weight_of(t, i);
        }
    return SR_OK;
}

static sr_status count_below(sr_context *ctx, sr_concordance_work *w)
{
    size_t longest = 0;
    for (size_t s = 0; s < (size_t)w->rs.n_stratum; s++) {
        const size_t n = w->item_begin[s + 1] - w->item_begin[s];
        const size_t n_key = 2 * (w->rs.slot_begin[s + 1] - w->rs.slot_begin[s]);
        longest = n_key > SR_RANK_TABLE && n > longest ? n : longest;
    }
    sr_rank_item *scratch;
    SR_TAKE(scratch, (sr_rank_item *)sr_arena_take(&ctx->arena, longest, sizeof(sr_rank_item)));
    for (size_t s = 0; s < (size_t)w->rs.n_stratum; s++) {
        if (s % 1024 == 0)
            SR_TICK(ctx);
        sr_rank_count(w->item_begin[s + 1] - w->item_begin[s], w->item + w->item_begin[s], scratch,
                      2 * (w->rs.slot_begin[s + 1] - w->rs.slot_begin[s]), w->below,
                      w->is_exact ? w->below_low : NULL);
    }
    return SR_OK;
}

static double balance_of(const sr_concordance_work *w, size_t i, double *comparable)
{
    const size_t leave = w->rs.cell[i], enter = entry_of(w, i);
    const size_t last = leave - (size_t)fails(w->times, i);
    pair balance = {2 * w->below[i], w->below_low == NULL ? 0 : 2 * w->below_low[i]};
    *comparable = 0;
    if (leave == enter)
        return pair_value(balance);
    if (!w->is_exact) {
        const slot_met *const met = &w->met[leave];
        double before = last == leave ? met->failed : met->failed_before;
        if (w->rs.enter != NULL)
            before -= w->met[enter].failed;
        const double after = last == leave ? 0 : met->outliving;
        *comparable = before + after;
        return pair_value(balance) + (before - after);
    }
    pair earlier = w->failing[last];
    const pair later = last == leave ? (pair){0, 0} : w->outliving[leave];
    pair_add(&earlier, -w->failing[enter].high, -w->failing[enter].low);
    pair_add(&balance, earlier.high, earlier.low);
    pair_add(&balance, -later.high, -later.low);
    *comparable = pair_value(earlier) + pair_value(later);
    return pair_value(balance);
}

/* balance, comparable, and by stratum the sum of weight times balance, halved */
static void gather_rows(const sr_concordance_work *w, sr_concordance *out, pair *lead)
{
    const sr_times *const t = w->times;
    for (size_t i = 0; i < t->n; i++) {
        const double balance = balance_of(w, i, &out->comparable[i]);
        out->balance[i] = balance;
        pair_add(&lead[sr_stratum_of(t, i)], 0.5 * sr_weight_of(t, i) * balance, 0);
    }
}

static double not_negative(double value)
{
    return value > 0 ? value : 0;
}

static sr_status gather_counts(sr_context *ctx, const sr_concordance_work *w, sr_concordance *out)
{
    const sr_riskset *const rs = &w->rs;
    pair *lead;
    SR_TAKE(lead, (pair *)sr_arena_zero(&ctx->arena, (size_t)rs->n_stratum, sizeof(pair)));
    gather_rows(w, out, lead);
    for (int s = 0; s < rs->n_stratum; s++) {
        sr_pair_counts *const count = &out->count[s];
        pair pairs = {0, 0}, variance = {0, 0};
        for (size_t k = rs->slot_begin[s] + 1; k < rs->slot_begin[s + 1]; k++) {
            const double failing = rs->death_weight[k];
            pair at_risk = w->outliving[k];
            pair_add(&pairs, failing * at_risk.high, failing * at_risk.low);
            pair_add(&at_risk, failing, 0);
            pair spread = pair_cube(at_risk);
            pair_add(&spread, -w->cubes[k].high, -w->cubes[k].low);
            pair_add(&variance, failing * pair_value(spread) / (3 * pair_value(at_risk)), 0);
        }
        pair_add(&pairs, -count->tied_score, 0);
        const double untied = pair_value(pairs), difference = pair_value(lead[s]);
        count->concordant = not_negative(0.5 * (untied + difference));
        count->discordant = not_negative(0.5 * (untied - difference));
        count->rank_variance = pair_value(variance);
    }
    return SR_OK;
}

static void clear_rows(const sr_times *t, const sr_riskset *rs, sr_concordance *out)
{
    memset(out->count, 0, (size_t)rs->n_stratum * sizeof *out->count);
    if (out->tied != NULL)
        memset(out->tied, 0, t->n * sizeof(double));
    if (out->same_both != NULL)
        memset(out->same_both, 0, t->n * sizeof(double));
    if (out->same_time != NULL)
        for (size_t i = 0; i < t->n; i++)
            out->same_time[i] =
                fails(t, i) ? rs->death_weight[rs->cell[i]] - sr_weight_of(t, i) : 0;
}

static sr_status count_all(sr_context *ctx, sr_concordance_work *w, const double *score,
                           sr_concordance *out)
{
    const sr_times *const t = w->times;
    int is_tied;
    SR_TRY(sr_riskset_make(ctx, t, 0, &w->rs));
    SR_TICK(ctx);
    clear_rows(t, &w->rs, out);
    w->below = out->balance;
    memset(w->below, 0, t->n * sizeof(double));
    SR_TRY(sum_slots(ctx, w));
    SR_TRY(lay_items(ctx, w, score, &is_tied));
    SR_TICK(ctx);
    if (is_tied || w->is_exact)
        SR_TAKE(w->below_low, (double *)sr_arena_zero(&ctx->arena, t->n, sizeof(double)));
    if (is_tied)
        SR_TRY(sr_concordance_meet_tied(ctx, w, out));
    else
        SR_TRY(count_together_untied(ctx, w, out));
    SR_TICK(ctx);
    SR_TRY(count_below(ctx, w));
    SR_TRY(gather_counts(ctx, w, out));
    for (size_t i = 0; i < t->n && out->same_time != NULL; i++)
        out->same_time[i] -= out->same_both != NULL ? out->same_both[i] : 0;
    return SR_OK;
}

sr_status sr_concordance_count(sr_context *ctx, const sr_times *times, const double *score,
                               sr_concordance *out)
{
    sr_concordance_work w = {.times = times, .is_exact = times->start != NULL && !is_whole(times)};
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    const sr_status status = count_all(ctx, &w, score, out);
    sr_arena_restore(&ctx->arena, mark);
    return status;
}

sr_status sr_concordance_summarise(sr_context *ctx, const sr_times *times,
                                   const sr_concordance *counted, sr_concordance_summary *out)
{
    double comparable = 0, difference = 0, variance = 0, *sum = NULL;
    out->rank_variance = 0;
    for (int s = 0; s < times->n_stratum; s++) {
        const sr_pair_counts *const count = &counted->count[s];
        comparable += count->concordant + count->discordant + count->tied_score;
        difference += count->concordant - count->discordant;
        out->rank_variance += count->rank_variance;
    }
    const double excess = difference / comparable;
    if (out->cluster != NULL)
        SR_TAKE(sum, (double *)sr_arena_zero(&ctx->arena, (size_t)out->n_cluster, sizeof(double)));
    for (size_t i = 0; i < times->n; i++) {
        const double share = (counted->balance[i] - counted->comparable[i] * excess) *
                             sr_weight_of(times, i) / (2 * comparable);
        if (out->dfbeta != NULL)
            out->dfbeta[i] = share;
        if (sum != NULL)
            sum[out->cluster[i]] += share;
        else
            variance += share * share;
    }
    for (int c = 0; sum != NULL && c < out->n_cluster; c++)
        variance += sum[c] * sum[c];
    out->concordance = 0.5 * (excess + 1);
    out->variance = variance;
    out->rank_variance /= 4 * comparable * comparable;
    return SR_OK;
}

void sr_concordance_split(const sr_concordance *counted, size_t n, double *out)
{
    for (size_t i = 0; i < n; i++) {
        const double untied = counted->comparable[i] - counted->tied[i];
        out[i] = 0.5 * (untied + counted->balance[i]);
        out[n + i] = 0.5 * (untied - counted->balance[i]);
    }
}
