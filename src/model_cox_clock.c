/* model_cox_clock.c -- the events in order of time, and what a clock shows at each
 *
 * Slots are numbered by stratum and time (core_riskset.h), so that the number of deaths of the
 * slots before gives the first place of each, and one pass over the events deals them out. They are
 * listed in the order of their rows first, without a branch on what chance decides.
 */
#include "model_cox_zph.h"
#include <math.h>
#include <string.h>

static const uint32_t NO_TIME = UINT32_MAX;

/* Rows with an event, in their order. list[] has one element more than there are. */
static void list_rows(const sr_times *times, uint32_t *list)
{
    size_t next = 0;
    for (size_t i = 0; i < times->n; i++) {
        list[next] = (uint32_t)i;
        next += times->event[i] != 0;
    }
}

/* index_of[slot]: which of the distinct times it is, or NO_TIME */
static sr_status deal_rows(sr_context *ctx, const sr_timed_rows *rows, sr_event_list *out,
                           uint32_t *index_of)
{
    const sr_riskset *const rs = rows->rs;
    double n_death = 0;
    for (size_t k = 0; k < rs->n_slot; k++)
        n_death += rs->n_death[k];
    out->n = (size_t)n_death;
    SR_TAKE(out->row, sr_arena_index(&ctx->arena, out->n));
    SR_TAKE(out->first, sr_arena_index(&ctx->arena, rs->n_slot + 1));
    out->first[0] = 0;
    for (size_t k = 0; k < rs->n_slot; k++)
        out->first[k + 1] = out->first[k] + (uint32_t)rs->n_death[k];
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    uint32_t *list, *next;
    SR_TAKE(list, sr_arena_index(&ctx->arena, out->n + 1));
    SR_TAKE(next, sr_arena_index(&ctx->arena, rs->n_slot));
    list_rows(rows->times, list);
    memcpy(next, out->first, rs->n_slot * sizeof *next);
    for (size_t k = 0; k < rs->n_slot; k++)
        index_of[k] = NO_TIME;
    for (size_t e = 0; e < out->n; e++) {
        const uint32_t row = list[rows->times->start == NULL ? e : out->n - 1 - e];
        const uint32_t slot = sr_leave(rs, row);
        out->row[next[slot]++] = row;
        index_of[slot] = rows->index->stop[row];
    }
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

/* shown[index of a time]: 1 - KM just before it; dead[]: deaths there */
static void run_survival(const sr_times *t, const sr_timeindex *index, const double *dead,
                         double *leaving, double *shown)
{
    double at_risk = t->start == NULL ? (double)t->n : 0, survival = 1;
    for (size_t i = 0; i < t->n; i++)
        leaving[index->stop[i]]++;
    for (size_t i = 0; t->start != NULL && i < t->n; i++)
        leaving[index->start[i]]--; /* enters after that time */
    for (size_t p = 0; p < index->n_distinct; p++) {
        shown[p] = 1 - survival;
        if (dead[p] > 0)
            survival *= (at_risk - dead[p]) / at_risk;
        at_risk -= leaving[p];
    }
}

/* shown[index of a time]: mean rank of the rows that stop there */
static void run_rank(const sr_times *t, const sr_timeindex *index, double *count, double *shown)
{
    double before = 0;
    for (size_t i = 0; i < t->n; i++)
        count[index->stop[i]]++;
    for (size_t p = 0; p < index->n_distinct; p++) {
        shown[p] = before + 0.5 * (count[p] + 1);
        before += count[p];
    }
}

/* What the clock shows at each distinct time */
static sr_status run_clock(sr_context *ctx, const sr_timed_rows *rows, sr_clock kind,
                           const uint32_t *index_of, double *shown)
{
    const sr_timeindex *const index = rows->index;
    const size_t n = index->n_distinct;
    double *count, *dead;
    for (size_t p = 0; p < n && (kind == SR_CLOCK_TIME || kind == SR_CLOCK_LOG); p++)
        shown[p] = kind == SR_CLOCK_TIME ? index->value[p] : log(index->value[p]);
    if (kind != SR_CLOCK_SURVIVAL && kind != SR_CLOCK_RANK)
        return SR_OK;
    SR_TAKE(count, (double *)sr_arena_zero(&ctx->arena, n, sizeof(double)));
    if (kind == SR_CLOCK_RANK) {
        run_rank(rows->times, index, count, shown);
        return SR_OK;
    }
    SR_TAKE(dead, (double *)sr_arena_zero(&ctx->arena, n, sizeof(double)));
    for (size_t k = 0; k < rows->rs->n_slot; k++)
        if (index_of[k] != NO_TIME)
            dead[index_of[k]] += rows->rs->n_death[k];
    run_survival(rows->times, index, dead, count, shown);
    return SR_OK;
}

sr_status sr_events_list(sr_context *ctx, const sr_timed_rows *rows, const sr_clock_asked *clock,
                         sr_event_list *events, const sr_event_places *out)
{
    const sr_riskset *const rs = rows->rs;
    const double *const time = rows->index->value;
    uint32_t *index_of;
    double *shown;
    SR_TICK(ctx);
    SR_TAKE(index_of, sr_arena_index(&ctx->arena, rs->n_slot));
    SR_TAKE(shown, sr_arena_double(&ctx->arena, rows->index->n_distinct));
    SR_TRY(deal_rows(ctx, rows, events, index_of));
    SR_TRY(run_clock(ctx, rows, clock->kind, index_of, shown));
    for (size_t k = 0; k < rs->n_slot; k++)
        for (size_t e = events->first[k]; e < events->first[k + 1]; e++) {
            out->time[e] = time[index_of[k]];
            out->value[e] =
                clock->kind == SR_CLOCK_GIVEN ? clock->given[events->row[e]] : shown[index_of[k]];
            if (out->stratum != NULL)
                out->stratum[e] = rs->slot_stratum[k];
        }
    return SR_OK;
}
