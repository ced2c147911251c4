/* model_cox_sums.c -- sums over all risk sets at once
 *
 * Every row adds v_i = r_i (or r_i z_ij) to the cell where it leaves and takes it
 * away at the slot where it enters; the risk-set sum of slot k is then the sum
 * over the slots k, k+1, ... of its stratum,
 *
 *     S(k) = sum_{leave_i >= k} v_i - sum_{enter_i >= k} v_i.
 *
 * Few cells: the rows are streamed once, block by block, into cells that stay in
 * cache, one set a chunk of rows. Many cells: columns are dealt to the threads
 * and each is scattered on its own. Both end in the same suffix scan. Where rows
 * stand in the order of their slots and none enters late, there is nothing to
 * scatter: four columns at a time are summed from the last row back, and the sum
 * is written at the row's slot, where the slot's first row has the last word.
 *
 * Where subjects leave by subtraction, a sum can lose its digits: a risk of 1e12
 * that comes and goes leaves an error of 1e-4. When S0 falls below 1e-5 of what
 * has been added and taken away, all sums are taken again with each cell a pair
 * of doubles (Knuth's two-sum), about 32 digits. Adding and subtracting v_i is
 * then exact in effect, since the same rounded product is used both times.
 *
 * Shapes: model_cox.h. Cost O(n p + K p), K slots.
 */
#include "core_pair.h"
#include "core_thread.h"
#include "model_cox.h"
#include <math.h>
#include <string.h>

enum { MOST_CELLS = 32768, ROWS_A_CHUNK = 65536, MOST_CHUNKS = 8 };
static const double LOST_DIGITS = 1e-5;

typedef struct {
    const sr_riskset *rs;
    const sr_columns *x; /* NULL: only S0 */
    const double *risk;
    size_t n_cell, n_column; /* columns: the risk itself, then z */
    sr_risk_sums *out;
} job;

size_t sr_few_slots_chunks(const sr_riskset *rs)
{
    const size_t n_cell = rs->n_slot + rs->n_tied;
    const size_t n_chunk = sr_chunk_count(rs->n, ROWS_A_CHUNK, MOST_CHUNKS);
    return n_cell <= MOST_CELLS && (n_chunk == 1 || n_chunk * n_cell <= rs->n) ? n_chunk : 0;
}

sr_status sr_risk_sums_take(sr_context *ctx, const sr_riskset *rs, const sr_columns *x,
                            sr_risk_sums *out)
{
    const size_t p = x == NULL ? 0 : x->p;
    SR_TAKE(out->S0, sr_arena_double(&ctx->arena, rs->n_slot));
    SR_TAKE(out->D0, sr_arena_double(&ctx->arena, rs->n_tied));
    SR_TAKE(out->S1, sr_arena_double(&ctx->arena, rs->n_slot * p));
    SR_TAKE(out->D1, sr_arena_double(&ctx->arena, rs->n_tied * p));
    return SR_OK;
}

static double *slots_of(const job *work, size_t column)
{
    return column == 0 ? work->out->S0 : work->out->S1 + (column - 1) * work->rs->n_slot;
}

static double *ties_of(const job *work, size_t column)
{
    return column == 0 ? work->out->D0 : work->out->D1 + (column - 1) * work->rs->n_tied;
}

/* v_i of one column for m rows */
static void load_value(const job *work, size_t column, size_t from, size_t m, double *value)
{
    if (column == 0)
        memcpy(value, work->risk + from, m * sizeof(double));
    else
        sr_columns_load_one(work->x, column - 1, from, m, work->risk, value);
}

static void scatter(const job *work, size_t column, size_t from, size_t m, double *cells)
{
    double value[SR_BLOCK];
    load_value(work, column, from, m, value);
    const uint32_t *const cell = work->rs->cell + from;
    for (size_t i = 0; i < m; i++)
        cells[cell[i]] += value[i];
    if (work->rs->enter == NULL)
        return;
    const uint32_t *const enter = work->rs->enter + from;
    for (size_t i = 0; i < m; i++)
        cells[enter[i]] -= value[i];
}

/* Sum cells from the end of each stratum back: S of every slot, D of every tied slot. */
static void suffix_scan(const job *work, const double *cells, double *slots, double *ties)
{
    const sr_riskset *const rs = work->rs;
    memcpy(ties, cells + rs->n_slot, rs->n_tied * sizeof(double));
    for (int s = 0; s < rs->n_stratum; s++) {
        double sum = 0;
        for (size_t k = rs->slot_begin[s + 1]; k-- > rs->slot_begin[s];) {
            sum += cells[k];
            if (sr_is_tied(rs, k))
                sum += ties[rs->slot_tied[k]];
            slots[k] = sum;
        }
    }
}

static void scatter_chunk(const job *work, size_t n_chunk, size_t c, double *cells)
{
    const size_t end = sr_chunk_begin(work->rs->n, n_chunk, c + 1);
    for (size_t i = sr_chunk_begin(work->rs->n, n_chunk, c); i < end; i += SR_BLOCK)
        for (size_t j = 0; j < work->n_column; j++)
            scatter(work, j, i, end - i < SR_BLOCK ? end - i : SR_BLOCK, cells + j * work->n_cell);
}

/* One column: the chunks' cells, added in their order, and scanned. */
static void add_chunks(const job *work, size_t n_chunk, size_t column, double *cells)
{
    const size_t room = work->n_cell * work->n_column;
    double *const total = cells + column * work->n_cell;
    for (size_t c = 1; c < n_chunk; c++)
        for (size_t k = 0; k < work->n_cell; k++)
            total[k] += total[c * room + k];
    suffix_scan(work, total, slots_of(work, column), ties_of(work, column));
}

static sr_status by_chunk(sr_context *ctx, const job *work, size_t n_chunk)
{
    const size_t room = work->n_cell * work->n_column;
    double *cells;
    SR_TAKE(cells, (double *)sr_arena_zero(&ctx->arena, n_chunk * room, sizeof(double)));
    SR_FOR_EACH(ctx, n_chunk > 1, c, n_chunk, scatter_chunk(work, n_chunk, c, cells + c * room));
    SR_FOR_EACH(ctx, n_chunk > 1, j, work->n_column, add_chunks(work, n_chunk, j, cells));
    return SR_OK;
}

static sr_status by_column(sr_context *ctx, const job *work)
{
    const size_t n_lane = (size_t)ctx->n_thread;
    double *cells;
    SR_TAKE(cells, sr_arena_double(&ctx->arena, n_lane * work->n_cell));
#pragma omp parallel for num_threads(ctx->n_thread) schedule(static, 1)
    for (size_t lane = 0; lane < n_lane; lane++)
        for (size_t j = lane; j < work->n_column; j += n_lane) {
            double *const mine = cells + lane * work->n_cell;
            memset(mine, 0, work->n_cell * sizeof(double));
            for (size_t i = 0; i < work->rs->n; i += SR_BLOCK)
                scatter(work, j, i, work->rs->n - i < SR_BLOCK ? work->rs->n - i : SR_BLOCK, mine);
            suffix_scan(work, mine, slots_of(work, j), ties_of(work, j));
        }
    return SR_OK;
}

static void column_carefully(const job *work, size_t column, double *high, double *low)
{
    const sr_riskset *const rs = work->rs;
    double value[SR_BLOCK];
    memset(high, 0, work->n_cell * sizeof(double));
    memset(low, 0, work->n_cell * sizeof(double));
    for (size_t from = 0; from < rs->n; from += SR_BLOCK) {
        const size_t m = rs->n - from < SR_BLOCK ? rs->n - from : SR_BLOCK;
        load_value(work, column, from, m, value);
        for (size_t i = 0; i < m; i++) {
            sr_add_exactly(&high[rs->cell[from + i]], &low[rs->cell[from + i]], value[i]);
            sr_add_exactly(&high[rs->enter[from + i]], &low[rs->enter[from + i]], -value[i]);
        }
    }
    double *const slots = slots_of(work, column), *const ties = ties_of(work, column);
    for (size_t t = 0; t < rs->n_tied; t++)
        ties[t] = high[rs->n_slot + t] + low[rs->n_slot + t];
    for (int s = 0; s < rs->n_stratum; s++) {
        double sum = 0, lost = 0;
        for (size_t k = rs->slot_begin[s + 1]; k-- > rs->slot_begin[s];) {
            sr_add_exactly(&sum, &lost, high[k]);
            lost += low[k];
            if (sr_is_tied(rs, k)) {
                const size_t t = rs->n_slot + (size_t)rs->slot_tied[k];
                sr_add_exactly(&sum, &lost, high[t]);
                lost += low[t];
            }
            slots[k] = sum + lost;
        }
    }
}

static sr_status carefully(sr_context *ctx, const job *work)
{
    const size_t n_lane = (size_t)ctx->n_thread;
    double *cells;
    SR_TAKE(cells, sr_arena_double(&ctx->arena, 2 * n_lane * work->n_cell));
#pragma omp parallel for num_threads(ctx->n_thread) schedule(static, 1)
    for (size_t lane = 0; lane < n_lane; lane++)
        for (size_t j = lane; j < work->n_column; j += n_lane) {
            double *const mine = cells + 2 * lane * work->n_cell;
            column_carefully(work, j, mine, mine + work->n_cell);
        }
    return SR_OK;
}

enum { LANES = 4 };

/* Rows in the order of their slots, nobody enters late: columns [column, column + LANES). A lane
 * past the last column does the work of the first lane again. */
static void column_backwards(const job *work, size_t column)
{
    const sr_riskset *const rs = work->rs;
    double value[LANES][SR_BLOCK], *slots[LANES];
    size_t own[LANES], n_own = 0;
    for (size_t lane = 0; lane < LANES; lane++) {
        own[lane] = column + lane < work->n_column ? column + lane : column;
        slots[lane] = slots_of(work, own[lane]);
        n_own += own[lane] == column + lane;
        memset(ties_of(work, own[lane]), 0, rs->n_tied * sizeof(double));
    }
    double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    int stratum = -1;
    for (size_t to = rs->n; to > 0;) {
        const size_t from = (to - 1) / SR_BLOCK * SR_BLOCK;
        for (size_t lane = 0; lane < LANES; lane++)
            load_value(work, own[lane], from, to - from, value[lane]);
        for (size_t i = to - from; i-- > 0;) {
            const uint32_t cell = rs->cell[from + i];
            uint32_t slot = cell;
            if (cell >= rs->n_slot) {
                slot = rs->tied_slot[cell - rs->n_slot];
                for (size_t lane = 0; lane < n_own; lane++)
                    ties_of(work, own[lane])[cell - rs->n_slot] += value[lane][i];
            }
            if (rs->n_stratum > 1 && rs->slot_stratum[slot] != stratum) {
                stratum = rs->slot_stratum[slot];
                s0 = s1 = s2 = s3 = 0;
            }
            slots[0][slot] = s0 += value[0][i];
            slots[1][slot] = s1 += value[1][i];
            slots[2][slot] = s2 += value[2][i];
            slots[3][slot] = s3 += value[3][i];
        }
        to = from;
    }
}

static sr_status backwards(sr_context *ctx, const job *work)
{
    const size_t n_group = (work->n_column + LANES - 1) / LANES;
    SR_FOR_EACH(ctx, 1, group, n_group, column_backwards(work, group * LANES));
    for (size_t j = 0; j < work->n_column; j++)
        for (int s = 0; s < work->rs->n_stratum; s++)
            slots_of(work, j)[work->rs->slot_begin[s]] = 0;
    return SR_OK;
}

int sr_has_cancelled(const sr_riskset *rs, const double *S0)
{
    for (int s = 0; s < rs->n_stratum; s++) {
        double peak = 0;
        for (size_t k = rs->slot_begin[s + 1]; k-- > rs->slot_begin[s] + 1;) {
            if (S0[k] > peak)
                peak = S0[k];
            if (!(S0[k] > LOST_DIGITS * peak))
                return 1;
        }
    }
    return 0;
}

sr_status sr_cox_risk_sums(sr_context *ctx, const sr_riskset *rs, const sr_columns *x,
                           const double *risk, sr_risk_sums *out)
{
    SR_TICK(ctx);
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    const job work = {rs, x, risk, rs->n_slot + rs->n_tied, x == NULL ? 1 : 1 + x->p, out};
    const size_t n_chunk = sr_few_slots_chunks(rs);
    if (n_chunk > 0)
        SR_TRY(by_chunk(ctx, &work, n_chunk));
    else if (rs->is_ordered && rs->enter == NULL)
        SR_TRY(backwards(ctx, &work));
    else
        SR_TRY(by_column(ctx, &work));
    if (rs->enter != NULL && sr_has_cancelled(rs, out->S0))
        SR_TRY(carefully(ctx, &work));
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}
