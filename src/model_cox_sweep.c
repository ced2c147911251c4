/* model_cox_sweep.c -- see model_cox_sweep.h
 *
 * Rows are taken in blocks of 256: x centred within strata and scaled as in the search, then each
 * column less its share of the swept ones before it, while the block is in cache. Aliased columns
 * become zero columns.
 */
#include "model_cox_sweep.h"
#include "core_linalg.h"
#include "core_simd.h"
#include "core_thread.h"
#include "model_cox_path.h"
#include <math.h>
#include <string.h>

static const double KEEPS_ENOUGH = 1e-4;

typedef struct {
    const sr_cox_data *data;
    const sr_riskset *rs;
    size_t p;
    const double *factor; /* [p x p] L below the diagonal, D on it, 0 where aliased */
    sr_columns x, z;
    double *column; /* [n x p] where z stands */
} sweep;

/* Does some column keep little of its information, though enough not to be aliased? */
static int is_needed(size_t p, const double *info, const double *factor)
{
    for (size_t j = 0; j < p; j++) {
        const double kept = factor[j * p + j];
        if (kept > 0 && kept < KEEPS_ENOUGH * info[j * p + j])
            return 1;
    }
    return 0;
}

SR_SIMD static void subtract(const double *restrict z, size_t m, double share, double *restrict out)
{
#pragma omp simd
    for (size_t i = 0; i < m; i++)
        out[i] -= share * z[i];
}

static void sweep_block(const sweep *s, size_t from, size_t to)
{
    const size_t p = s->p, n = s->x.n;
    for (size_t j = 0; j < p; j++) {
        double *const out = s->column + j * n + from;
        if (s->factor[j * p + j] == 0) {
            memset(out, 0, (to - from) * sizeof(double));
            continue;
        }
        sr_columns_load_one(&s->x, j, from, to - from, NULL, out);
        for (size_t k = 0; k < j; k++)
            if (s->factor[k * p + k] != 0)
                subtract(s->column + k * n + from, to - from, s->factor[j * p + k], out);
    }
}

/* Fills x and z of `out`, whose other parts stand. */
static sr_status lay_out(sr_context *ctx, const sr_cox_scaling *scaling, sweep *out)
{
    const sr_cox_data *const data = out->data;
    const size_t n = data->x.n, p = data->x.p;
    double *centre;
    const double **column;
    SR_TAKE(centre, sr_arena_double(&ctx->arena, (size_t)data->times.n_stratum * p));
    SR_TAKE(column, (const double **)sr_arena_take(&ctx->arena, p, sizeof(double *)));
    out->x = data->x;
    SR_TAKE(out->column, (double *)sr_arena_take(&ctx->arena, n, p * sizeof(double)));
    SR_TRY(sr_cox_stratum_means(ctx, data, 0, centre));
    out->x.centre = centre;
    out->x.stratum = data->times.stratum;
    out->x.scale = scaling->scale;
    for (size_t j = 0; j < p; j++)
        column[j] = out->column + j * n;
    out->z = (sr_columns){.n = n, .p = p, .x = column};
    SR_FOR_EACH(ctx, n > SR_PARALLEL_FROM, b, sr_block_count(n),
                sweep_block(out, b * SR_BLOCK, sr_block_end(n, b)));
    return SR_OK;
}

/* Score and information of the swept columns at theta. */
static sr_status look_at(sr_context *ctx, const sweep *s, const double *theta, double *score,
                         double *info)
{
    const sr_cox_data *const data = s->data;
    const sr_riskset *const rs = s->rs;
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    double *eta, *risk, *shift;
    sr_risk_sums sums;
    SR_TAKE(eta, sr_arena_double(&ctx->arena, data->times.n));
    SR_TAKE(risk, sr_arena_double(&ctx->arena, data->times.n));
    SR_TAKE(shift, sr_arena_double(&ctx->arena, (size_t)data->times.n_stratum));
    SR_TRY(sr_risk_sums_take(ctx, rs, &s->z, &sums));
    SR_TRY(sr_columns_times(ctx, &s->x, theta, data->offset, eta));
    SR_TRY(sr_cox_risk(ctx, rs, &data->times, eta, shift, risk));
    SR_TRY(sr_cox_risk_sums(ctx, rs, &s->z, risk, &sums));
    const sr_cox_state at = {rs, &data->times, eta, shift, risk, &sums};
    SR_TRY(sr_cox_information(ctx, &at, &s->z, score, info));
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

/* The inverse of the swept information, which is scaled to a unit diagonal on the way: the columns
 * are what is left of others, so their sizes differ. Returns its rank. */
static int invert(size_t p, double *info, double tolerance, double *unit, double *inverse)
{
    for (size_t j = 0; j < p; j++)
        unit[j] = info[j * p + j] > 0 ? 1 / sqrt(info[j * p + j]) : 0;
    for (size_t j = 0; j < p; j++)
        for (size_t k = 0; k < p; k++)
            info[j * p + k] *= unit[j] * unit[k];
    const sr_ldl_info shape = sr_ldl_factor(p, info, tolerance);
    sr_ldl_inverse(p, info, inverse);
    for (size_t j = 0; j < p; j++)
        for (size_t k = 0; k < p; k++)
            inverse[j * p + k] *= unit[j] * unit[k];
    return shape.rank;
}

/* mix = L^-T, so that z = x mix: column j is what z_j takes of each x. Zero where aliased. */
static void invert_factor(size_t p, const double *factor, double *mix)
{
    memset(mix, 0, p * p * sizeof(double));
    for (size_t j = 0; j < p; j++) {
        if (factor[j * p + j] == 0)
            continue;
        mix[j * p + j] = 1;
        for (size_t i = j; i-- > 0;)
            for (size_t k = i + 1; factor[i * p + i] != 0 && k <= j; k++)
                mix[i * p + j] -= factor[k * p + i] * mix[k * p + j];
    }
}

/* V_x = mix V_z mix'. (Two triangular solves would round each element for itself; so, all elements
 * share the rounding of `mix`, and products of V_x with scores lose nothing more by it.) */
static void return_variance(size_t p, const double *mix, const double *swept, double *half,
                            double *out)
{
    for (size_t i = 0; i < p; i++)
        for (size_t j = 0; j < p; j++) {
            half[i * p + j] = 0;
            for (size_t k = 0; k < p; k++)
                half[i * p + j] += mix[i * p + k] * swept[k * p + j];
        }
    for (size_t i = 0; i < p; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = 0;
            for (size_t k = 0; k < p; k++)
                sum += half[i * p + k] * mix[j * p + k];
            out[i * p + j] = out[j * p + i] = sum;
        }
}

static int is_finite(size_t m, const double *value)
{
    int answer = 1;
    for (size_t i = 0; i < m; i++)
        answer &= isfinite(value[i]) != 0;
    return answer;
}

static double quadratic_form(size_t p, const double *matrix, const double *y)
{
    double sum = 0;
    for (size_t j = 0; j < p; j++)
        for (size_t k = 0; k < p; k++)
            sum += y[j] * matrix[j * p + k] * y[k];
    return sum;
}

typedef struct {
    double *factor, *mix, *info, *inverse, *score, *unit, *start;
} room;

static sr_status take_room(sr_context *ctx, size_t p, room *out)
{
    SR_TAKE(out->factor, sr_arena_double(&ctx->arena, p * p));
    SR_TAKE(out->mix, sr_arena_double(&ctx->arena, p * p));
    SR_TAKE(out->info, sr_arena_double(&ctx->arena, p * p));
    SR_TAKE(out->inverse, sr_arena_double(&ctx->arena, p * p));
    SR_TAKE(out->score, sr_arena_double(&ctx->arena, p));
    SR_TAKE(out->unit, sr_arena_double(&ctx->arena, p));
    SR_TAKE(out->start, sr_arena_double(&ctx->arena, p));
    return SR_OK;
}

sr_status sr_cox_sweep(sr_context *ctx, const sr_cox_data *data, const sr_riskset *rs,
                       const sr_cox_scaling *scaling, const sr_cox_control *control,
                       sr_newton_result *result)
{
    const size_t p = data->x.p;
    const double *const init = control->init;
    const double tol_chol = control->tol_chol;
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    room r;
    SR_TRY(take_room(ctx, p, &r));
    memcpy(r.factor, result->info, p * p * sizeof(double));
    sr_ldl_factor(p, r.factor, tol_chol);
    if (is_needed(p, result->info, r.factor)) {
        sweep s = {.data = data, .rs = rs, .p = p, .factor = r.factor};
        SR_TRY(lay_out(ctx, scaling, &s));
        SR_TRY(look_at(ctx, &s, result->theta, r.score, r.info));
        if (invert(p, r.info, tol_chol, r.unit, r.inverse) == result->rank) {
            invert_factor(p, r.factor, r.mix);
            return_variance(p, r.mix, r.inverse, r.info, r.factor);
            if (is_finite(p * p, r.factor))
                memcpy(result->inverse, r.factor, p * p * sizeof(double));
        }
        for (size_t j = 0; j < p; j++)
            r.start[j] = init == NULL ? 0 : init[j] / scaling->scale[j];
        SR_TRY(look_at(ctx, &s, r.start, r.score, r.info));
        if (invert(p, r.info, tol_chol, r.unit, r.inverse) == result->rank) {
            const double test = quadratic_form(p, r.inverse, r.score);
            result->score_test = isfinite(test) ? test : result->score_test;
        }
    }
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}
