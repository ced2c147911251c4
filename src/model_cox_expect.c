/* model_cox_expect.c -- what a fitted curve says of single subjects; see model_cox_surv.h
 *
 * Quadratic forms d' B d are taken for blocks of 256 rows at a time, d by column. */
#include "core_simd.h"
#include "model_cox_surv.h"
#include <math.h>
#include <string.h>

enum { BLOCK = SR_BLOCK };

SR_SIMD static void multiply_add(double factor, const double *restrict x, size_t m,
                                 double *restrict out)
{
#pragma omp simd
    for (size_t i = 0; i < m; i++)
        out[i] += factor * x[i];
}

/* form[i] += d_i' B d_i, d_ij = d[j * BLOCK + i]; B symmetric */
static void add_forms(const double *d, size_t p, size_t m, const double *var, double *form)
{
    double half[BLOCK];
    for (size_t j = 0; j < p; j++) {
        for (size_t i = 0; i < m; i++)
            half[i] = 0;
        for (size_t k = 0; k < j; k++)
            if (var[j * p + k] != 0)
                multiply_add(2 * var[j * p + k], d + k * BLOCK, m, half);
        multiply_add(var[j * p + j], d + j * BLOCK, m, half);
        for (size_t i = 0; i < m; i++)
            form[i] += d[j * BLOCK + i] * half[i];
    }
}

sr_status sr_columns_std_err(sr_context *ctx, const sr_columns *z, const double *var,
                             double *std_err)
{
    SR_TICK(ctx);
    const size_t n = z->n, p = z->p, n_chunk = sr_chunk_count(n, 8192, 16);
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    double *room;
    SR_TAKE(room, sr_arena_double(&ctx->arena, n_chunk * p * BLOCK + 1));
#pragma omp parallel for num_threads(ctx->n_thread) schedule(static) if (n_chunk > 1)
    for (size_t c = 0; c < n_chunk; c++) {
        double *const block = room + c * p * BLOCK;
        const size_t end = sr_chunk_begin(n, n_chunk, c + 1);
        for (size_t from = sr_chunk_begin(n, n_chunk, c); from < end; from += BLOCK) {
            const size_t m = end - from < BLOCK ? end - from : BLOCK;
            double *const form = std_err + from;
            sr_columns_load(z, from, m, block, BLOCK);
            for (size_t i = 0; i < m; i++)
                form[i] = 0;
            add_forms(block, p, m, var, form);
            for (size_t i = 0; i < m; i++)
                form[i] = sqrt(form[i]);
        }
    }
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

static double hazard_at(const sr_cox_curve *curve, size_t slot)
{
    return curve->hazard.at_cell[slot] + curve->hazard.at_cell_low[slot];
}

static double drift_at(const sr_cox_path *path, size_t slot, size_t j)
{
    const size_t at = slot * path->p + j;
    return path->drift[at] + (path->drift_low == NULL ? 0 : path->drift_low[at]);
}

/* v at the slots [from, from + m) for one z; block is room for p x BLOCK */
static void slot_variance(const sr_cox_curve *curve, const sr_patient *patient, size_t from,
                          size_t m, double *block, double *out)
{
    const size_t p = curve->path.p;
    for (size_t i = 0; i < m; i++) {
        const double hazard = hazard_at(curve, from + i);
        for (size_t j = 0; j < p; j++)
            block[j * BLOCK + i] = hazard * patient->z[j] - drift_at(&curve->path, from + i, j);
        out[i] = curve->path.variance[from + i];
    }
    add_forms(block, p, m, patient->var, out);
}

sr_status sr_cox_curve_patient(sr_context *ctx, const sr_cox_curve *curve,
                               const sr_patient *patient, double *survival, double *cum_hazard,
                               double *std_err)
{
    SR_TICK(ctx);
    const size_t s = (size_t)patient->stratum, p = curve->path.p;
    const size_t first = curve->rs.slot_begin[s], n_slot = curve->rs.slot_begin[s + 1] - first;
    const double risk = exp(patient->eta - curve->shift[s]);
    const sr_curve_rows *const rows = &curve->rows;
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    double *variance = NULL;
    if (patient->var != NULL) {
        const size_t n_chunk = sr_chunk_count(n_slot, 4096, 16);
        double *room;
        SR_TAKE(variance, sr_arena_double(&ctx->arena, n_slot));
        SR_TAKE(room, sr_arena_double(&ctx->arena, n_chunk * p * BLOCK + 1));
#pragma omp parallel for num_threads(ctx->n_thread) schedule(static) if (n_chunk > 1)
        for (size_t c = 0; c < n_chunk; c++) {
            const size_t end = sr_chunk_begin(n_slot, n_chunk, c + 1);
            for (size_t k = sr_chunk_begin(n_slot, n_chunk, c); k < end; k += BLOCK)
                slot_variance(curve, patient, first + k, end - k < BLOCK ? end - k : BLOCK,
                              room + c * p * BLOCK, variance + k);
        }
    }
    for (size_t row = rows->row_begin[s], i = 0; row < rows->row_begin[s + 1]; row++, i++) {
        const size_t slot = rows->slot[row];
        const double hazard = hazard_at(curve, slot);
        cum_hazard[i] = hazard * risk;
        survival[i] =
            exp((curve->log_survival == NULL ? -hazard : curve->log_survival[slot]) * risk);
        if (variance != NULL)
            std_err[i] = sqrt(variance[slot - first]) * risk;
    }
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

void sr_cox_curve_baseline(const sr_cox_curve *curve, double *cum_hazard, double *log_survival,
                           double *variance, double *drift)
{
    const sr_curve_rows *const rows = &curve->rows;
    for (int s = 0; s < curve->rs.n_stratum; s++) {
        const double scale = exp(-curve->shift[s]);
        for (size_t row = rows->row_begin[s]; row < rows->row_begin[s + 1]; row++) {
            const size_t slot = rows->slot[row];
            const double hazard = hazard_at(curve, slot);
            cum_hazard[row] = hazard * scale;
            log_survival[row] =
                scale * (curve->log_survival == NULL ? -hazard : curve->log_survival[slot]);
            variance[row] = curve->path.variance[slot] * scale * scale;
            for (size_t j = 0; drift != NULL && j < curve->path.p; j++)
                drift[j * rows->n_row + row] = drift_at(&curve->path, slot, j) * scale;
        }
    }
}

/* The last event time of stratum s up to `time`. */
static size_t find_slot(const sr_riskset *rs, int s, double time)
{
    size_t low = rs->slot_begin[s], high = rs->slot_begin[s + 1]; /* slot_time[low] <= time */
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (rs->slot_time[middle] <= time)
            low = middle;
        else
            high = middle;
    }
    return low;
}

typedef struct {
    const sr_cox_curve *curve;
    const sr_expected_query *query;
} expected_job;

/* Slots at entry and exit of a row. A row that enters at the origin enters at the first slot of its
 * stratum, where all sums are 0. */
static void find_place(const expected_job *job, size_t i, size_t *entry, size_t *leave)
{
    const sr_riskset *const rs = &job->curve->rs;
    const sr_expected_query *const query = job->query;
    if (query->stop == NULL) {
        *leave = sr_leave(rs, i);
        *entry = rs->enter == NULL ? rs->slot_begin[rs->slot_stratum[*leave]] : rs->enter[i];
        return;
    }
    const int s = query->stratum == NULL ? 0 : query->stratum[i];
    *leave = find_slot(rs, s, query->stop[i]);
    *entry = query->start == NULL ? rs->slot_begin[s] : find_slot(rs, s, query->start[i]);
}

/* d of each row at its slot, by column, in place of z; out = V there */
static void place_differences(const sr_cox_curve *curve, const size_t *slot, size_t m, double *d,
                              double *out)
{
    for (size_t i = 0; i < m; i++) {
        const double hazard = hazard_at(curve, slot[i]);
        for (size_t j = 0; j < curve->path.p; j++)
            d[j * BLOCK + i] = hazard * d[j * BLOCK + i] - drift_at(&curve->path, slot[i], j);
        out[i] = curve->path.variance[slot[i]];
    }
}

static void expected_block(const expected_job *job, size_t from, size_t m, double *room)
{
    const sr_cox_curve *const curve = job->curve;
    const sr_expected_query *const query = job->query;
    const size_t p = query->z.p;
    size_t entry[BLOCK], leave[BLOCK];
    double risk[BLOCK], at_exit[BLOCK], at_entry[BLOCK];
    for (size_t i = 0; i < m; i++) {
        find_place(job, from + i, entry + i, leave + i);
        const size_t in = entry[i], out = leave[i];
        risk[i] = exp(query->eta[from + i] - curve->shift[curve->rs.slot_stratum[out]]);
        query->expected[from + i] =
            risk[i] * ((curve->hazard.at_cell[out] - curve->hazard.at_cell[in]) +
                       (curve->hazard.at_cell_low[out] - curve->hazard.at_cell_low[in]));
    }
    if (query->var == NULL)
        return;
    double *const other = room + p * BLOCK;
    sr_columns_load(&query->z, from, m, room, BLOCK);
    memcpy(other, room, p * BLOCK * sizeof(double));
    place_differences(curve, leave, m, room, at_exit);
    add_forms(room, p, m, query->var, at_exit);
    place_differences(curve, entry, m, other, at_entry);
    add_forms(other, p, m, query->var, at_entry);
    for (size_t i = 0; i < m; i++)
        query->std_err[from + i] = risk[i] * sqrt(at_exit[i] - at_entry[i]);
}

sr_status sr_cox_expected(sr_context *ctx, const sr_cox_data *data, const double *eta,
                          const sr_curve_kind *kind, const sr_expected_query *query)
{
    sr_cox_curve curve;
    for (size_t i = 0; query->stratum != NULL && i < query->n; i++)
        if (query->stratum[i] < 0 || query->stratum[i] >= data->times.n_stratum)
            return SR_ERR_DOMAIN;
    SR_TRY(sr_cox_curve_make(ctx, data, eta, kind, &curve));
    SR_TICK(ctx);
    const expected_job job = {&curve, query};
    const size_t n = query->n, p = query->z.p, n_chunk = sr_chunk_count(n, 8192, 16);
    double *room;
    SR_TAKE(room, sr_arena_double(&ctx->arena, n_chunk * 2 * p * BLOCK + 1));
#pragma omp parallel for num_threads(ctx->n_thread) schedule(static) if (n_chunk > 1)
    for (size_t c = 0; c < n_chunk; c++) {
        const size_t end = sr_chunk_begin(n, n_chunk, c + 1);
        for (size_t from = sr_chunk_begin(n, n_chunk, c); from < end; from += BLOCK)
            expected_block(&job, from, end - from < BLOCK ? end - from : BLOCK,
                           room + c * 2 * p * BLOCK);
    }
    return SR_OK;
}
