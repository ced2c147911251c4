/* model_cox_lanes.c -- the Cox likelihood of several resamples at once
 *
 * A row drawn c times stands for c rows: c deaths, tied with each other, or c at risk. With weight
 * w each, risk r = w exp(eta), and at an event time d = sum of c over the dead, W = sum of c w,
 * S0 = sum of c r over the risk set, D0 over the dead (S1, D1 the same with z), Efron's steps are
 * f = 0, 1/d, .. (d-1)/d, as they would be on the rows written out:
 *
 *   T = S0 - f D0,  x = (S1 - f D1) / T,  h = W / (d T)
 *   l    = sum over the dead of c w eta - sum over steps of (W / d) log T
 *   U    = sum over the dead of c w z - sum_i c r H_i z_i
 *   I    = sum_i c r H_i z z' - sum over steps of (W / d) x x'
 *   H_i  = sum of h over the steps that row i is at risk at, times (1 - f) where it dies itself
 *
 * Breslow is the one step f = 0, h = W / T. The sum over a slot's steps of (W / d) x x' has rank
 * two: a m m' + b D1 D1', m = S1 - g D1, with a = sum of h / T, g = sum of (h / T) f / a and
 * b = sum of (h / T)(f - g)^2.
 *
 * Three passes: risks; slots from the last back, where sums grow as rows come in and shrink as rows
 * reach back to their entry (kept in two doubles then, so that what leaves is what came);
 * rows again, each with the hazard it met. Cost O((n + n_slot) p^2) for all lanes, memory
 * 8 SR_LANES bytes a row.
 */
#include "model_cox_lanes.h"
#include "core_exp.h"
#include "core_simd.h"
#include <math.h>
#include <string.h>

#define L SR_LANES
#define LOG_2 0.693147180559945309417232121458176568
/* Inlined into the version of its caller that SR_SIMD makes for the machine's width. */
#if defined(__GNUC__)
#define WIDE_INLINE static inline __attribute__((always_inline))
#else
#define WIDE_INLINE static inline
#endif
#define EACH_LANE _Pragma("omp simd") for (int l = 0; l < L; l++)

enum { ROWS = 64 };
static const double LARGEST_ETA = 600;

sr_status sr_lanes_take(sr_context *ctx, const sr_lane_data *data, sr_lanes *out)
{
    sr_arena *arena = &ctx->arena;
    const size_t p = data->p, n_slot = data->n_slot;
    SR_TAKE(out->count, (int *)sr_arena_take(arena, data->n_unit, L * sizeof(int)));
    SR_TAKE(out->theta, sr_arena_double(arena, p * L));
    SR_TAKE(out->f, sr_arena_double(arena, L));
    SR_TAKE(out->score, sr_arena_double(arena, p * L));
    SR_TAKE(out->info, sr_arena_double(arena, p * (p + 1) / 2 * L));
    SR_TAKE(out->n_death, sr_arena_double(arena, L));
    SR_TAKE(out->slot_step, sr_arena_double(arena, n_slot * L));
    SR_TAKE(out->slot_most, sr_arena_double(arena, n_slot));
    SR_TAKE(out->slot_weight, sr_arena_double(arena, n_slot * L));
    SR_TAKE(out->dead_z, sr_arena_double(arena, p * L));
    SR_TAKE(out->dead_base, sr_arena_double(arena, L));
    SR_TAKE(out->risk, (double *)sr_arena_take(arena, data->n, L * sizeof(double)));
    SR_TAKE(out->met, sr_arena_double(arena, n_slot * L));
    SR_TAKE(out->met_dead, sr_arena_double(arena, n_slot * L));
    SR_TAKE(out->sums, sr_arena_double(arena, 6 * (p + 1) * L));
    return SR_OK;
}

/* From deaths to steps of a slot: Breslow takes all deaths in one. */
WIDE_INLINE void set_most(int is_efron, double *slot_step, double *most)
{
    *most = 0;
    for (int l = 0; l < L; l++) {
        if (!is_efron && slot_step[l] > 0)
            slot_step[l] = 1;
        if (slot_step[l] > *most)
            *most = slot_step[l];
    }
}

SR_SIMD void sr_lanes_dress(const sr_lane_data *data, sr_lanes *batch)
{
    const size_t p = data->p;
    memset(batch->n_death, 0, L * sizeof(double));
    memset(batch->dead_base, 0, L * sizeof(double));
    memset(batch->dead_z, 0, p * L * sizeof(double));
    memset(batch->slot_step, 0, data->n_slot * L * sizeof(double));
    memset(batch->slot_weight, 0, data->n_slot * L * sizeof(double));
    for (size_t k = 0; k < data->n_slot; k++) {
        for (size_t i = data->row_begin[k]; i < data->row_begin[k + 1]; i++) {
            if (!data->is_death[i])
                continue;
            const int *count = batch->count + (size_t)data->unit[i] * L;
            const double weight = data->weight[i], base = data->base[i];
            double *slot_step = batch->slot_step + k * L;
            double *slot_weight = batch->slot_weight + k * L;
            EACH_LANE
            {
                batch->n_death[l] += count[l];
                batch->dead_base[l] += count[l] * weight * base;
                slot_step[l] += count[l];
                slot_weight[l] += count[l] * weight;
            }
            for (size_t j = 0; j < p; j++) {
                const double part = weight * data->z[i * p + j];
                EACH_LANE batch->dead_z[j * L + l] += count[l] * part;
            }
        }
        set_most(data->is_efron, batch->slot_step + k * L, &batch->slot_most[k]);
    }
}

/* ---- first pass: risks ------------------------------------------------------------------- */

SR_SIMD static void set_eta(const sr_lane_data *data, const double *theta, size_t from, size_t m,
                            double *restrict eta)
{
    const size_t p = data->p;
    for (size_t i = 0; i < m; i++) {
        const double *z = data->z + (from + i) * p;
        double sum[L];
        EACH_LANE sum[l] = data->base[from + i];
        for (size_t j = 0; j < p; j++)
            EACH_LANE sum[l] += theta[j * L + l] * z[j];
        EACH_LANE eta[i * L + l] = sum[l];
    }
}

/* Risks of m rows from their predictors; f becomes NaN where one is out of range. */
SR_SIMD static void set_risk(const sr_lane_data *data, sr_lanes *batch, size_t from, size_t m,
                             double *restrict eta)
{
    double n_wild[L];
    EACH_LANE n_wild[l] = 0;
    for (size_t i = 0; i < m; i++)
        EACH_LANE
        {
            const int is_tame = fabs(eta[i * L + l]) < LARGEST_ETA;
            n_wild[l] += is_tame ? 0 : 1;
            eta[i * L + l] = is_tame ? eta[i * L + l] : 0;
        }
    EACH_LANE batch->f[l] += n_wild[l] > 0 ? NAN : 0;
    sr_exp_block(m * L, eta);
    for (size_t i = 0; i < m; i++) {
        const int *count = batch->count + (size_t)data->unit[from + i] * L;
        const double weight = data->weight[from + i];
        double *risk = batch->risk + (from + i) * L;
        EACH_LANE risk[l] = count[l] * weight * eta[i * L + l];
    }
}

/* ---- second pass: slots ------------------------------------------------------------------ */

/* What the steps of one slot sum to. */
typedef struct {
    double logs[L];                          /* sum of (W / d) log T */
    double met[L], met_dead[L];              /* H of those who survive the slot, of those who die */
    double of_mean[L], of_dead[L], share[L]; /* a, b, g */
} slot_steps;

/* logs += weight log x, for x > 0 (else NaN). x = 2^k m with m near 1, log m = 2 atanh(s) and its
 * series to s^21, s = (m - 1) / (m + 1), |s| < 0.172: the remainder is below 2^-56. */
WIDE_INLINE void add_log(const double *x, const double *weight, double *restrict logs)
{
    EACH_LANE
    {
        uint64_t bits, power_bits;
        double m, power;
        memcpy(&bits, &x[l], sizeof bits);
        bits -= 0x3fe6a09e667f3bcdULL; /* the bits of sqrt(1/2): k is the exponent above it */
        power_bits = (bits >> 52) | 0x4330000000000000ULL;
        memcpy(&power, &power_bits, sizeof power);
        power -= 0x1p52;
        bits = (bits & 0x000fffffffffffffULL) + 0x3fe6a09e667f3bcdULL;
        memcpy(&m, &bits, sizeof m);
        power = power > 2048 ? power - 4096 : power;
        const double s = (m - 1) / (m + 1), t = s * s;
        double sum = 2.0 / 21;
        sum = sum * t + 2.0 / 19;
        sum = sum * t + 2.0 / 17;
        sum = sum * t + 2.0 / 15;
        sum = sum * t + 2.0 / 13;
        sum = sum * t + 2.0 / 11;
        sum = sum * t + 2.0 / 9;
        sum = sum * t + 2.0 / 7;
        sum = sum * t + 2.0 / 5;
        sum = sum * t + 2.0 / 3;
        const double log_x = power * LOG_2 + (2 * s + sum * t * s);
        logs[l] += weight[l] * (x[l] > 0 && x[l] < INFINITY ? log_x : NAN);
    }
}

/* `most`: the largest number of steps of any lane. */
WIDE_INLINE void take_steps(const double *n_step, const double *weight, double most,
                            const double *S0, const double *D0, slot_steps *out)
{
    double share[L], step_weight[L], moment[L], square[L];
    EACH_LANE
    {
        share[l] = n_step[l] > 0 ? 1 / n_step[l] : 0;
        step_weight[l] = weight[l] * share[l];
        out->logs[l] = out->met[l] = out->met_dead[l] = out->of_mean[l] = 0;
        moment[l] = square[l] = 0;
    }
    for (double step = 0; step < most; step++) {
        double total[L];
        EACH_LANE
        {
            const double f = step * share[l];
            const int is_in = step < n_step[l];
            total[l] = is_in ? S0[l] - f * D0[l] : 1;
            const double inverse = 1 / total[l];
            const double hazard = is_in ? step_weight[l] * inverse : 0;
            const double part = hazard * inverse;
            out->met[l] += hazard;
            out->met_dead[l] += hazard * (1 - f);
            out->of_mean[l] += part;
            moment[l] += part * f;
            square[l] += part * f * f;
        }
        add_log(total, step_weight, out->logs);
    }
    EACH_LANE
    {
        out->share[l] = out->of_mean[l] > 0 ? moment[l] / out->of_mean[l] : 0;
        out->of_dead[l] = square[l] - out->share[l] * moment[l];
    }
}

/* sums += sign of (r, r z); with entry times in two doubles. */
WIDE_INLINE void add_row(const sr_lane_data *data, const sr_lanes *batch, size_t i, double sign,
                         double *restrict sums, double *restrict low)
{
    const size_t p = data->p;
    const double *risk = batch->risk + i * L, *z = data->z + i * p;
    for (size_t j = 0; j <= p; j++) {
        const double factor = sign * (j == 0 ? 1 : z[j - 1]);
        double *restrict high = sums + j * L, *restrict lost = low + j * L;
        if (data->enter == NULL) {
            EACH_LANE high[l] += factor * risk[l];
            continue;
        }
        EACH_LANE
        {
            const double value = factor * risk[l], sum = high[l] + value, part = sum - high[l];
            lost[l] += (high[l] - (sum - part)) + (value - part);
            high[l] = sum;
        }
    }
}

/* f and the part of the information that a slot's means take away. */
WIDE_INLINE void close_slot(const sr_lane_data *data, sr_lanes *batch, size_t k,
                            const double *restrict all, const double *restrict dead)
{
    const size_t p = data->p;
    slot_steps steps;
    double *restrict mean = batch->sums + 5 * (p + 1) * L;
    take_steps(batch->slot_step + k * L, batch->slot_weight + k * L, batch->slot_most[k], all, dead,
               &steps);
    EACH_LANE
    {
        batch->f[l] -= steps.logs[l];
        batch->met[k * L + l] = steps.met[l];
        batch->met_dead[k * L + l] = steps.met_dead[l];
    }
    for (size_t j = 0; j < p; j++)
        EACH_LANE
        {
            mean[j * L + l] = all[(j + 1) * L + l] - steps.share[l] * dead[(j + 1) * L + l];
        }
    double *restrict info = batch->info;
    for (size_t j = 0; j < p; j++) {
        double of_mean[L], of_dead[L];
        const double *dead_j = dead + (j + 1) * L;
        EACH_LANE
        {
            of_mean[l] = steps.of_mean[l] * mean[j * L + l];
            of_dead[l] = steps.of_dead[l] * dead_j[l];
        }
        for (size_t h = 0; h <= j; h++, info += L)
            EACH_LANE
            {
                info[l] -= of_mean[l] * mean[h * L + l] + of_dead[l] * dead[(h + 1) * L + l];
            }
    }
}

SR_SIMD static void pass_slots(const sr_lane_data *data, sr_lanes *batch, size_t first, size_t end)
{
    const size_t width = (data->p + 1) * L;
    double *sums = batch->sums, *low = sums + width; /* over the risk set, and what rounding lost */
    double *dead = low + width, *dead_low = dead + width, *all = dead_low + width;
    memset(sums, 0, 2 * width * sizeof(double));
    for (size_t k = end - 1; k > first; k--) {
        memset(dead, 0, 2 * width * sizeof(double));
        if (data->enter != NULL)
            for (size_t at = data->enterer_begin[k]; at < data->enterer_begin[k + 1]; at++)
                add_row(data, batch, data->enterer[at], -1, sums, low);
        for (size_t i = data->row_begin[k]; i < data->row_begin[k + 1]; i++) {
            add_row(data, batch, i, 1, sums, low);
            if (data->is_death[i])
                add_row(data, batch, i, 1, dead, dead_low);
        }
        if (batch->slot_most[k] == 0) {
            memset(batch->met + k * L, 0, L * sizeof(double));
            memset(batch->met_dead + k * L, 0, L * sizeof(double));
            continue;
        }
        for (size_t j = 0; j < width; j++) {
            all[j] = sums[j] + low[j];
            dead[j] += dead_low[j];
        }
        close_slot(data, batch, k, all, dead);
    }
}

/* ---- third pass: rows with the hazard they met ------------------------------------------- */

static void cumulate(sr_lanes *batch, size_t first, size_t end)
{
    memset(batch->met + first * L, 0, L * sizeof(double));
    memset(batch->met_dead + first * L, 0, L * sizeof(double));
    for (size_t k = first + 1; k < end; k++) {
        const double *before = batch->met + (k - 1) * L;
        double *met = batch->met + k * L, *met_dead = batch->met_dead + k * L;
        EACH_LANE
        {
            met[l] += before[l];
            met_dead[l] += before[l];
        }
    }
}

SR_SIMD static void pass_rows(const sr_lane_data *data, sr_lanes *batch)
{
    const size_t p = data->p;
    for (size_t k = 0; k < data->n_slot; k++)
        for (size_t i = data->row_begin[k]; i < data->row_begin[k + 1]; i++) {
            const double *met = (data->is_death[i] ? batch->met_dead : batch->met) + k * L;
            const double *risk = batch->risk + i * L, *z = data->z + i * p;
            double hazard[L];
            EACH_LANE hazard[l] = met[l];
            if (data->enter != NULL) {
                const double *before = batch->met + (size_t)data->enter[i] * L;
                EACH_LANE hazard[l] -= before[l];
            }
            EACH_LANE hazard[l] *= risk[l];
            double *restrict info = batch->info;
            for (size_t j = 0; j < p; j++) {
                double part[L];
                double *restrict score = batch->score + j * L;
                EACH_LANE
                {
                    part[l] = hazard[l] * z[j];
                    score[l] -= part[l];
                }
                for (size_t h = 0; h <= j; h++, info += L)
                    EACH_LANE info[l] += part[l] * z[h];
            }
        }
}

void sr_lanes_evaluate(const sr_lane_data *data, sr_lanes *batch)
{
    const size_t p = data->p;
    double eta[ROWS * L];
    for (int l = 0; l < L; l++) {
        batch->f[l] = batch->dead_base[l];
        for (size_t j = 0; j < p; j++)
            batch->f[l] += batch->theta[j * L + l] * batch->dead_z[j * L + l];
    }
    memcpy(batch->score, batch->dead_z, p * L * sizeof(double));
    memset(batch->info, 0, p * (p + 1) / 2 * L * sizeof(double));
    for (size_t i = 0; i < data->n; i += ROWS) {
        const size_t m = data->n - i < ROWS ? data->n - i : ROWS;
        set_eta(data, batch->theta, i, m, eta);
        set_risk(data, batch, i, m, eta);
    }
    for (size_t s = 0; s < data->n_stratum; s++) {
        pass_slots(data, batch, data->slot_begin[s], data->slot_begin[s + 1]);
        cumulate(batch, data->slot_begin[s], data->slot_begin[s + 1]);
    }
    pass_rows(data, batch);
}
