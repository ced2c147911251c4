/* model_cif.c -- rows to cells, cells to curves: see model_cif.h
 *
 * Rows are put in order of (curve, time) by two counting sorts, the second stable, so that the rows
 * of a cell follow each other. A row whose subject goes on in another row ends nobody's follow-up
 * and makes no cell of its own. Risk sets are suffix sums over the cells of a curve: a row counts
 * from the cell after its start to that of its stop. O(n + number of distinct times).
 */
#include "model_cif.h"
#include "core_pair.h"

static size_t curve_of(const sr_cif_data *data, size_t i)
{
    return data->curve == NULL ? 0 : (size_t)data->curve[i];
}

static int ends_here(const sr_cif_data *data, size_t i)
{
    return data->cause[i] > 0 || data->goes_on == NULL || !data->goes_on[i];
}

/* order[n]: rows by curve, then by place; place[i] < n_place. */
static sr_status order_rows(sr_context *ctx, const sr_cif_data *data, const uint32_t *place,
                            size_t n_place, uint32_t *order)
{
    const size_t n = data->n, n_curve = (size_t)data->n_curve;
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    size_t *at;
    uint32_t *by_place = order;
    SR_TAKE(at, (size_t *)sr_arena_zero(&ctx->arena, n_place + 1, sizeof(size_t)));
    if (n_curve > 1)
        SR_TAKE(by_place, sr_arena_index(&ctx->arena, n));
    for (size_t i = 0; i < n; i++)
        at[place[i] + 1]++;
    for (size_t p = 0; p < n_place; p++)
        at[p + 1] += at[p];
    for (size_t i = 0; i < n; i++)
        by_place[at[place[i]]++] = (uint32_t)i;
    if (n_curve > 1) {
        SR_TAKE(at, (size_t *)sr_arena_zero(&ctx->arena, n_curve + 1, sizeof(size_t)));
        for (size_t i = 0; i < n; i++)
            at[curve_of(data, i) + 1]++;
        for (size_t c = 0; c < n_curve; c++)
            at[c + 1] += at[c];
        for (size_t r = 0; r < n; r++)
            order[at[curve_of(data, by_place[r])]++] = by_place[r];
    }
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

/* Which cell each row leaves in, the first cell and the number of rows of each curve, and the time
 * of each of the cells, at most n */
typedef struct {
    uint32_t *leave;
    size_t *begin;
    double *n_row;
    uint32_t *place;
} cell_numbers;

/* Numbers the cells along `leaving`; returns how many there are. */
static size_t number_cells(const sr_cif_data *data, const sr_timeindex *index,
                           const uint32_t *leaving, const cell_numbers *out)
{
    const size_t n = data->n;
    size_t n_cell = 0, r = 0;
    for (size_t c = 0; c < (size_t)data->n_curve; c++) {
        const size_t first_row = r;
        out->begin[c] = n_cell;
        while (r < n && curve_of(data, leaving[r]) == c) {
            const uint32_t p = index->stop[leaving[r]];
            size_t last = r;
            int is_cell = 0;
            for (; last < n && curve_of(data, leaving[last]) == c; last++) {
                if (index->stop[leaving[last]] != p)
                    break;
                is_cell |= ends_here(data, leaving[last]);
            }
            if (is_cell)
                out->place[n_cell++] = p;
            for (; r < last; r++)
                out->leave[leaving[r]] = (uint32_t)(n_cell - out->begin[c]);
        }
        out->n_row[c] = (double)(r - first_row);
    }
    out->begin[data->n_curve] = n_cell;
    return n_cell;
}

/* How many cells of its curve are at or before each row's start: both orders rise together. */
static void find_entries(const sr_cif_data *data, const sr_timeindex *index, const sr_cif *cif,
                         uint32_t *enter)
{
    size_t curve = 0, cell = 0;
    for (size_t r = 0; r < data->n; r++) {
        const size_t i = cif->entering[r], c = curve_of(data, i);
        if (r == 0 || c != curve)
            cell = cif->begin[c];
        curve = c;
        while (cell < cif->begin[c + 1] && cif->place[cell] <= index->start[i])
            cell++;
        enter[i] = (uint32_t)(cell - cif->begin[c]);
    }
}

/* The rows that leave in each cell, by cause; and in n_risk and risk first all that stop there or
 * before the next cell, less those that enter there, then their suffix sums. */
typedef struct {
    double *count, *weight, *square, *n_risk, *risk, *low;
} cell_sums;

static void sum_rows(const sr_cif_data *data, const sr_cif *cif, const cell_sums *sums)
{
    const size_t n_cell = cif->n_cell;
    for (size_t r = 0; r < data->n; r++) {
        const size_t i = cif->leaving[r], before = cif->begin[curve_of(data, i)];
        const double w = data->weight == NULL ? 1 : data->weight[i];
        if (cif->leave[i] > 0) {
            const size_t cell = before + cif->leave[i] - 1;
            if (ends_here(data, i)) {
                const size_t at = (size_t)data->cause[i] * n_cell + cell;
                sums->count[at]++;
                if (data->weight != NULL) {
                    sums->weight[at] += w;
                    sums->square[at] += w * w;
                }
            }
            sums->n_risk[cell]++;
            sr_add_exactly(&sums->risk[cell], &sums->low[cell], w);
        }
        if (data->start != NULL && cif->enter[i] > 0) {
            const size_t cell = before + cif->enter[i] - 1;
            sums->n_risk[cell]--;
            sr_add_exactly(&sums->risk[cell], &sums->low[cell], -w);
        }
    }
    for (int c = 0; c < data->n_curve; c++) {
        double high = 0, low = 0, count = 0;
        for (size_t cell = cif->begin[c + 1]; cell-- > cif->begin[c];) {
            count += sums->n_risk[cell];
            sr_add_exactly(&high, &low, sums->risk[cell]);
            low += sums->low[cell];
            sums->n_risk[cell] = count;
            sums->risk[cell] = high + low;
        }
    }
}

static sr_status take_sums(sr_context *ctx, const sr_cif_data *data, sr_cif *cif)
{
    const size_t n_cell = cif->n_cell, n_kind = (size_t)data->n_cause + 1;
    cell_sums sums;
    SR_TAKE(sums.count, (double *)sr_arena_zero(&ctx->arena, n_cell * n_kind, sizeof(double)));
    sums.weight = sums.square = sums.count;
    if (data->weight != NULL) {
        SR_TAKE(sums.weight, (double *)sr_arena_zero(&ctx->arena, n_cell * n_kind, sizeof(double)));
        SR_TAKE(sums.square, (double *)sr_arena_zero(&ctx->arena, n_cell * n_kind, sizeof(double)));
    }
    SR_TAKE(sums.n_risk, (double *)sr_arena_zero(&ctx->arena, n_cell, sizeof(double)));
    SR_TAKE(sums.risk, (double *)sr_arena_zero(&ctx->arena, n_cell, sizeof(double)));
    SR_TAKE(sums.low, (double *)sr_arena_zero(&ctx->arena, n_cell, sizeof(double)));
    sum_rows(data, cif, &sums);
    cif->count = sums.count;
    cif->weight = sums.weight;
    cif->square = sums.square;
    cif->n_risk = sums.n_risk;
    cif->risk = sums.risk;
    return SR_OK;
}

static void follow_curves(const sr_cif_data *data, const sr_cif *cif)
{
    const size_t n_cell = cif->n_cell, n_cause = (size_t)data->n_cause;
    for (size_t c = 0; c < (size_t)data->n_curve; c++)
        for (size_t k = cif->begin[c]; k < cif->begin[c + 1]; k++) {
            const int is_first = k == cif->begin[c];
            const double before = is_first ? 1 : cif->state[k - 1];
            double total = 0, n_event = 0;
            for (size_t j = 1; j <= n_cause; j++) {
                const double step = cif->weight[j * n_cell + k] / cif->risk[k];
                cif->state[j * n_cell + k] =
                    (is_first ? 0 : cif->state[j * n_cell + k - 1]) + before * step;
                cif->hazard[(j - 1) * n_cell + k] =
                    (is_first ? 0 : cif->hazard[(j - 1) * n_cell + k - 1]) + step;
                total += step;
                n_event += cif->count[j * n_cell + k];
            }
            cif->state[k] = n_event == cif->n_risk[k] ? 0 : before * (1 - total);
        }
}

sr_status sr_cif_make(sr_context *ctx, const sr_cif_data *data, sr_cif *out, size_t *bad_row)
{
    const size_t n = data->n, n_cause = (size_t)data->n_cause, n_curve = (size_t)data->n_curve;
    const sr_times times = {.n = n, .start = data->start, .stop = data->stop};
    sr_timeindex index;
    uint32_t *leaving, *entering = NULL, *leave, *enter = NULL, *place;
    size_t *begin;
    double *n_row, *time;
    SR_TRY(sr_timeindex_make(ctx, &times, data->tolerance, &index, bad_row));
    SR_TICK(ctx);
    SR_TAKE(leaving, sr_arena_index(&ctx->arena, n));
    SR_TAKE(leave, sr_arena_index(&ctx->arena, n));
    SR_TAKE(begin, sr_arena_sizes(&ctx->arena, n_curve + 1));
    SR_TAKE(n_row, sr_arena_double(&ctx->arena, n_curve));
    SR_TAKE(place, sr_arena_index(&ctx->arena, n));
    SR_TRY(order_rows(ctx, data, index.stop, index.n_distinct, leaving));
    const cell_numbers numbers = {leave, begin, n_row, place};
    const size_t n_cell = number_cells(data, &index, leaving, &numbers);
    SR_TAKE(time, sr_arena_double(&ctx->arena, n_cell));
    for (size_t k = 0; k < n_cell; k++)
        time[k] = index.value[place[k]];
    *out = (sr_cif){.n_cell = n_cell,
                    .begin = begin,
                    .time = time,
                    .place = place,
                    .n_row = n_row,
                    .index = index,
                    .leave = leave,
                    .leaving = leaving};
    SR_TICK(ctx);
    if (data->start != NULL) {
        SR_TAKE(entering, sr_arena_index(&ctx->arena, n));
        SR_TAKE(enter, sr_arena_index(&ctx->arena, n));
        SR_TRY(order_rows(ctx, data, index.start, index.n_distinct, entering));
        out->entering = entering;
        find_entries(data, &index, out, enter);
        out->enter = enter;
    }
    SR_TAKE(out->state, sr_arena_double(&ctx->arena, n_cell * (n_cause + 1)));
    SR_TAKE(out->hazard, sr_arena_double(&ctx->arena, n_cell * n_cause));
    SR_TRY(take_sums(ctx, data, out));
    follow_curves(data, out);
    return SR_OK;
}
