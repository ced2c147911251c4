/* model_finegray_weights.c -- who stays in the risk set after a competing event, and how much
 *
 * G is the survivor function of the time to censoring, H the distribution function of the time of
 * entry: the survivor function of a clock that runs back, on which a row enters at its exit and
 * leaves at its entry. Both are product-limit estimates from hazards dN / Y at their own times, by
 * group. With ratios r_i of a Cox model for censoring G_i = exp(-r_i L), L Breslow's sum of
 * dN / sum r.
 *
 * All that is kept is the sum A of -log(1 - dN / Y) before each time, since a weight is
 *
 *   omega_i(t) = exp(-(A(t) - A(T_i)) + (B(t) - B(T_i))),    A = -log G, B = -log H.
 *
 * A hazard of 1 ends a curve at 0. Its term is cut to a number that exp() makes 0 (of G), or an
 * infinite weight (of H), which is an error: where all who were at risk had just come in, nothing
 * is known of those before them.
 *
 * Shapes and owners: model_finegray.h. Cost O(n + n_group K) plus the sort of the times.
 */
#include "core_sort.h"
#include "core_thread.h"
#include "model_finegray.h"
#include <math.h>
#include <string.h>

static const double LAST_CENSORED = 800, FIRST_ENTERED = 1e5, NOTHING_LEFT = 1e-12;

/* Codes of time; see sr_fg_curve */
static double censoring_code(uint32_t place, double kind)
{
    return 2 * (double)place + (kind == 0);
}

typedef struct {
    double *start, *stop, *event;
} curve_rows;

static sr_status take_rows(sr_context *ctx, const sr_fg_data *data, int has_start, curve_rows *rows,
                           sr_times *times)
{
    const size_t n = data->rows.times.n;
    *rows = (curve_rows){NULL, NULL, NULL};
    if (has_start)
        SR_TAKE(rows->start, sr_arena_double(&ctx->arena, n));
    SR_TAKE(rows->stop, sr_arena_double(&ctx->arena, n));
    SR_TAKE(rows->event, sr_arena_double(&ctx->arena, n));
    *times = (sr_times){.n = n,
                        .start = rows->start,
                        .stop = rows->stop,
                        .event = rows->event,
                        .weight = data->censoring.weight,
                        .stratum = data->censoring.group,
                        .n_stratum = data->censoring.n_group};
    return SR_OK;
}

static void fill_censoring(const sr_fg_data *data, const sr_timeindex *index, const curve_rows *to)
{
    const double *const kind = data->rows.times.event;
    for (size_t i = 0; i < data->rows.times.n; i++) {
        to->stop[i] = censoring_code(index->stop[i], kind[i]);
        to->event[i] = kind[i] == 0;
        if (to->start != NULL)
            to->start[i] = censoring_code(index->start[i], 0);
    }
}

static void fill_entry(const sr_fg_data *data, const sr_timeindex *index, const curve_rows *to)
{
    for (size_t i = 0; i < data->rows.times.n; i++) {
        to->start[i] = -2 * (double)index->stop[i];
        to->stop[i] = -2 * (double)index->start[i];
        to->event[i] = 1;
    }
}

/* Hazards and their sums, once `at_risk` is known */
static void sum_hazards(int is_product, double last, sr_fg_curve *curve)
{
    const sr_riskset *const rs = &curve->rs;
    for (int s = 0; s < rs->n_stratum; s++) {
        double sum = 0;
        for (size_t k = rs->slot_begin[s]; k < rs->slot_begin[s + 1]; k++) {
            double step = 0;
            if (k > rs->slot_begin[s]) {
                step = rs->death_weight[k] / curve->at_risk[k];
                const double left = 1 - step;
                sum += !is_product ? step : left < NOTHING_LEFT ? last : -log1p(-step);
            }
            curve->step[k] = step;
            curve->sum[k] = sum;
        }
    }
}

static sr_status make_curve(sr_context *ctx, const sr_times *times, const double *ratio,
                            double last, sr_fg_curve *out)
{
    SR_TRY(sr_riskset_make(ctx, times, 0, &out->rs));
    const size_t n_slot = out->rs.n_slot;
    sr_risk_sums sums;
    SR_TRY(sr_risk_sums_take(ctx, &out->rs, NULL, &sums));
    SR_TAKE(out->step, sr_arena_double(&ctx->arena, n_slot));
    SR_TAKE(out->sum, sr_arena_double(&ctx->arena, n_slot));
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    double *risk;
    SR_TAKE(risk, sr_arena_double(&ctx->arena, times->n));
    for (size_t i = 0; i < times->n; i++)
        risk[i] = sr_weight_of(times, i) * (ratio == NULL ? 1 : ratio[i]);
    SR_TRY(sr_cox_risk_sums(ctx, &out->rs, NULL, risk, &sums));
    out->at_risk = sums.S0;
    sum_hazards(ratio == NULL, last, out);
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

static sr_status make_curves(sr_context *ctx, const sr_timeindex *index, sr_fg_model *m)
{
    const sr_fg_data *const data = m->data;
    const int has_start = data->rows.times.start != NULL;
    sr_context scratch = *ctx;
    scratch.arena = (sr_arena){0};
    curve_rows rows;
    sr_times times;
    sr_status status = take_rows(&scratch, data, has_start, &rows, &times);
    if (status == SR_OK) {
        fill_censoring(data, index, &rows);
        status = make_curve(ctx, &times, data->censoring.ratio, LAST_CENSORED, &m->censoring);
    }
    if (status == SR_OK && has_start) {
        fill_entry(data, index, &rows);
        status = make_curve(ctx, &times, NULL, FIRST_ENTERED, &m->entry);
    }
    sr_arena_free(&scratch.arena);
    return status;
}

/* The sum of a curve just before the time of every slot of the model, for one group. Codes of the
 * curve's slots rise; `wanted` is what they may at most be. */
static void values_at_slots(const sr_fg_model *m, const sr_fg_curve *curve, int is_entry, size_t g,
                            double *out)
{
    const double *const code = curve->rs.slot_time;
    const size_t begin = curve->rs.slot_begin[g], end = curve->rs.slot_begin[g + 1];
    for (int s = 0; s < m->rs.n_stratum; s++) {
        size_t at = is_entry ? end - 1 : begin;
        for (size_t k = m->rs.slot_begin[s] + 1; k < m->rs.slot_begin[s + 1]; k++) {
            const double place = (double)m->slot_place[k];
            const double wanted = is_entry ? -2 * place : 2 * place;
            while (is_entry && at > begin && code[at] > wanted)
                at--;
            while (!is_entry && at + 1 < end && code[at + 1] <= wanted)
                at++;
            out[k] = curve->sum[at];
        }
        out[m->rs.slot_begin[s]] = 0;
    }
}

static sr_status fill_values(sr_context *ctx, const sr_fg_model *m, const sr_fg_curve *curve,
                             int is_entry, double **out)
{
    const size_t n_group = (size_t)m->data->censoring.n_group, n_slot = m->rs.n_slot;
    if (n_slot > SIZE_MAX / n_group)
        return SR_ERR_SIZE;
    SR_TAKE(*out, sr_arena_double(&ctx->arena, n_group * n_slot));
    double *const values = *out;
    SR_FOR_EACH(ctx, n_group * n_slot > SR_PARALLEL_FROM, g, n_group,
                values_at_slots(m, curve, is_entry, g, values + g * n_slot));
    return SR_OK;
}

/* --- the rows that stay ------------------------------------------------------------------------*/

static int group_of(const sr_fg_data *data, size_t i)
{
    return data->censoring.group == NULL ? 0 : data->censoring.group[i];
}

static double ratio_of(const sr_fg_data *data, size_t i)
{
    return data->censoring.ratio == NULL ? 1 : data->censoring.ratio[i];
}

static int is_late(const sr_fg_model *m, size_t i)
{
    const double kind = m->data->rows.times.event[i];
    return kind != 0 && kind != m->data->cause &&
           (size_t)m->rs.cell[i] + 1 < m->rs.slot_begin[sr_stratum_of(&m->cox.times, i) + 1];
}

/* Bring row[] into the order of a key, rows that share it as they are */
static sr_status order_by(sr_context *ctx, size_t n, const double *key, uint32_t *row)
{
    uint32_t *order, *moved;
    SR_TAKE(order, sr_arena_index(&ctx->arena, n));
    SR_TAKE(moved, sr_arena_index(&ctx->arena, n));
    SR_TRY(sr_sort_order(ctx, n, key, order));
    for (size_t l = 0; l < n; l++)
        moved[l] = row[order[l]];
    memcpy(row, moved, n * sizeof *row);
    return SR_OK;
}

static sr_status order_late(sr_context *ctx, const sr_fg_model *m, const uint32_t *place, size_t n,
                            uint32_t *row)
{
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    double *key;
    SR_TAKE(key, sr_arena_double(&ctx->arena, n));
    for (size_t l = 0; l < n; l++)
        key[l] = place[row[l]];
    SR_TRY(order_by(ctx, n, key, row));
    for (size_t l = 0; m->rs.n_stratum > 1 && l < n; l++)
        key[l] = (double)sr_stratum_of(&m->cox.times, row[l]);
    if (m->rs.n_stratum > 1)
        SR_TRY(order_by(ctx, n, key, row));
    for (size_t l = 0; m->data->censoring.ratio != NULL && l < n; l++)
        key[l] = ratio_of(m->data, row[l]);
    if (m->data->censoring.ratio != NULL)
        SR_TRY(order_by(ctx, n, key, row));
    for (size_t l = 0; m->data->censoring.n_group > 1 && l < n; l++)
        key[l] = group_of(m->data, row[l]);
    if (m->data->censoring.n_group > 1)
        SR_TRY(order_by(ctx, n, key, row));
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

static sr_status find_curves(sr_context *ctx, const sr_fg_model *m, sr_fg_late *late)
{
    SR_TAKE(late->curve_begin, sr_arena_sizes(&ctx->arena, late->n + 1));
    SR_TAKE(late->curve_group, (int *)sr_arena_take(&ctx->arena, late->n + 1, sizeof(int)));
    SR_TAKE(late->curve_ratio, sr_arena_double(&ctx->arena, late->n + 1));
    size_t c = 0;
    for (size_t l = 0; l < late->n; l++) {
        const int group = group_of(m->data, late->row[l]);
        const double ratio = ratio_of(m->data, late->row[l]);
        if (c > 0 && late->curve_group[c - 1] == group && late->curve_ratio[c - 1] == ratio)
            continue;
        late->curve_begin[c] = l;
        late->curve_group[c] = group;
        late->curve_ratio[c++] = ratio;
    }
    late->curve_begin[c] = late->n;
    late->n_curve = c;
    return SR_OK;
}

/* Is the weight of some later event time infinite? -log H only falls: the last one tells. */
static int is_undefined(const sr_fg_model *m, const sr_fg_late *late, size_t at, size_t l)
{
    const size_t i = late->row[l];
    const size_t last = m->rs.slot_begin[sr_stratum_of(&m->cox.times, i) + 1] - 1;
    return late->entry != NULL &&
           m->entry.sum[m->entry.rs.enter[i]] - late->entry[at + last] > FIRST_ENTERED / 2;
}

/* omega at the first event time after each row's own */
static sr_status first_weights(const sr_fg_model *m, sr_fg_late *late, size_t *bad_row)
{
    for (size_t c = 0; c < late->n_curve; c++) {
        const size_t at = (size_t)late->curve_group[c] * m->rs.n_slot;
        for (size_t l = late->curve_begin[c]; l < late->curve_begin[c + 1]; l++) {
            const size_t i = late->row[l], next = at + late->leave[l] + 1;
            double fall = late->hazard[next] - m->censoring.sum[sr_leave(&m->censoring.rs, i)];
            fall *= late->curve_ratio[c];
            if (late->entry != NULL)
                fall += late->entry[next] - m->entry.sum[m->entry.rs.enter[i]];
            late->first[l] = exp(-fall);
            if (is_undefined(m, late, at, l)) {
                *bad_row = i;
                return SR_ERR_DOMAIN;
            }
        }
    }
    return SR_OK;
}

static sr_status make_late(sr_context *ctx, const uint32_t *place, sr_fg_model *m, size_t *bad_row)
{
    sr_fg_late *const late = &m->late;
    const size_t n = m->rs.n;
    for (size_t i = 0; i < n; i++)
        late->n += is_late(m, i);
    SR_TAKE(late->row, sr_arena_index(&ctx->arena, late->n));
    SR_TAKE(late->leave, sr_arena_index(&ctx->arena, late->n));
    SR_TAKE(late->place, sr_arena_index(&ctx->arena, late->n));
    SR_TAKE(late->first, sr_arena_double(&ctx->arena, late->n));
    size_t l = 0;
    for (size_t i = 0; i < n; i++)
        if (is_late(m, i))
            late->row[l++] = (uint32_t)i;
    SR_TRY(order_late(ctx, m, place, late->n, late->row));
    for (l = 0; l < late->n; l++) {
        late->leave[l] = m->rs.cell[late->row[l]];
        late->place[l] = place[late->row[l]];
    }
    SR_TRY(find_curves(ctx, m, late));
    SR_TRY(fill_values(ctx, m, &m->censoring, 0, &late->hazard));
    if (m->entry.rs.n > 0)
        SR_TRY(fill_values(ctx, m, &m->entry, 1, &late->entry));
    return first_weights(m, late, bad_row);
}

static sr_status make_from_index(sr_context *ctx, const sr_timeindex *index, int is_efron,
                                 sr_fg_model *m, size_t *bad_row)
{
    SR_TRY(sr_riskset_from_index(ctx, &m->cox.times, index, is_efron, &m->rs));
    if (m->rs.n_slot == (size_t)m->rs.n_stratum)
        return SR_ERR_NO_EVENT;
    SR_TAKE(m->slot_place, (uint32_t *)sr_arena_zero(&ctx->arena, m->rs.n_slot, sizeof(uint32_t)));
    for (size_t i = 0; i < m->rs.n; i++)
        if (m->cox.times.event[i] != 0)
            m->slot_place[sr_leave(&m->rs, i)] = index->stop[i];
    SR_TRY(make_curves(ctx, index, m));
    return make_late(ctx, index->stop, m, bad_row);
}

sr_status sr_fg_model_make(sr_context *ctx, const sr_fg_data *data, int is_efron, double tol_time,
                           sr_fg_model *out, sr_fg_fit *fit)
{
    const size_t n = data->rows.times.n;
    double *event;
    *out = (sr_fg_model){.data = data, .cox = data->rows};
    SR_TICK(ctx);
    SR_TAKE(event, sr_arena_double(&ctx->arena, n));
    for (size_t i = 0; i < n; i++)
        event[i] = data->rows.times.event[i] == data->cause;
    out->cox.times.event = event;
    sr_timeindex index;
    sr_context scratch = *ctx; /* what only the sorting needs is given back at once */
    scratch.arena = (sr_arena){0};
    sr_status status =
        sr_timeindex_make(&scratch, &out->cox.times, tol_time, &index, &fit->bad_row);
    if (status == SR_OK) {
        fit->n_time_merged = index.n_merged;
        fit->n_time_distinct = index.n_distinct + index.n_merged;
        status = make_from_index(ctx, &index, is_efron, out, &fit->bad_row);
    }
    sr_arena_free(&scratch.arena);
    return status;
}
