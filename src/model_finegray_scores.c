/* model_finegray_scores.c -- see model_finegray_scores.h
 *
 * With the weights known, row i adds to the score what it adds in the Cox model, plus its time
 * after a competing event,
 *
 *   s_i = (w_i delta_i - r_i H_i) z_i - w_i delta_i zbar_k + r_i sum_k omega_i(t_k) zbar_k dH_k,
 *
 * the sum over the event times at which it is at risk. Estimating G changes omega_i(t) by
 * -omega_i(t) times the sum, over censoring times u with T_i <= u < t, of the change of
 * -log(1 - dN / Y): so subject j, through its censoring martingale M_j, adds
 *
 *   psi_j = sum_u Q(u) / Y(u) dM_j(u),
 *   Q(u)  = sum over late i with T_i <= u of r_i sum over t_k > u of omega_i(t_k) (z_i - zbar_k) dH_k
 *
 * (Fine and Gray 1999; where 1 - dN / Y is not near 1, its inverse should stand before Q, but stays
 * out as in their formula: it would make the last censorings of a small risk set weigh without
 * bound). A Cox model for censoring puts its ratio before r_i and dM_j, and adds what its
 * coefficients do, which the caller hands in as `extra`. Entry is the same on a clock
 * that runs back, with the opposite sign.
 *
 * Q has two sums over late rows (r omega, r omega z, brought to the next event time) and two tails
 * (dH, zbar dH): one pass over slots, late rows and the curve's times for each censoring curve and
 * column, instead of a sum over pairs. Columns are dealt to the threads.
 *
 * Shapes: model_finegray_scores.h. Cost O(n p + n_curve (K + C) p), C times of the curve.
 */
#include "model_finegray_scores.h"
#include "core_thread.h"
#include "model_finegray_late.h"
#include <string.h>

enum { BLOCK = SR_BLOCK, MOST_PARTS = 2 };
static const uint32_t NOT_LATE = UINT32_MAX;

typedef struct {
    sr_fg_scores *scores;
    sr_fg_run run;
    double ratio;
    size_t group;
    const double *tail; /* [n_slot] of dH in this run */
} run_job;

/* zbar dH of a slot in column j */
static double drift_step(const sr_cox_path *path, size_t k, size_t j)
{
    const size_t now = k * path->p + j, before = now - path->p;
    const double step = path->drift[now] - path->drift[before];
    return path->drift_low == NULL ? step : step + (path->drift_low[now] - path->drift_low[before]);
}

/* The sums over the late rows that are known by a time, brought to slot `slot` + 1 */
typedef struct {
    size_t next, slot; /* late row, slot */
    double risk, risk_z;
} gathered;

static void gather(const run_job *job, size_t j, uint32_t place, gathered *at)
{
    const sr_fg_scores *const s = job->scores;
    const sr_fg_late *const late = &s->model->late;
    const double *const x = s->z.x == NULL ? NULL : s->z.x[j];
    const double centre = x == NULL ? 0 : s->z.centre[j];
    for (;;) {
        const int is_here =
            at->slot + 1 >= job->run.end || s->model->slot_place[at->slot + 1] > place;
        for (; at->next < job->run.to && late->leave[at->next] == at->slot &&
               (!is_here || late->place[at->next] <= place);
             at->next++) {
            const size_t i = late->row[at->next];
            const double risk = late->first[at->next] * s->risk[i];
            at->risk += risk;
            at->risk_z += x == NULL ? 0 : risk * (x[i] - centre);
        }
        if (is_here)
            return;
        at->slot++;
        if (at->slot + 1 < job->run.end) {
            at->risk *= job->run.fall[at->slot + 1];
            at->risk_z *= job->run.fall[at->slot + 1];
        }
    }
}

/* Q of one run and column, at the slots of a curve in the order of their times */
static void add_to_curve(const run_job *job, size_t j, const double *drift_tail,
                         const sr_fg_curve *curve, int is_entry, double *own)
{
    const size_t p = job->scores->z.p, begin = curve->rs.slot_begin[job->group] + 1;
    const size_t end = curve->rs.slot_begin[job->group + 1];
    const uint32_t earliest = job->scores->model->late.place[job->run.from];
    gathered at = {job->run.from, job->run.first, 0, 0};
    for (size_t c = begin; c < end; c++) {
        const size_t u = is_entry ? end - 1 - (c - begin) : c;
        const double code = curve->rs.slot_time[u];
        const uint32_t place = (uint32_t)(is_entry ? -code / 2 : (code - 1) / 2);
        if (place < earliest)
            continue;
        gather(job, j, place, &at);
        const size_t k = at.slot + 1;
        if (k >= job->run.end)
            return;
        own[u * p + j] += job->ratio * (at.risk_z * job->tail[k] - at.risk * drift_tail[k]);
    }
}

static void run_column(const run_job *job, size_t j, double *drift_tail)
{
    sr_fg_scores *const s = job->scores;
    const sr_fg_late *const late = &s->model->late;
    double sum = 0;
    for (size_t k = job->run.end; k-- > job->run.first + 1;)
        drift_tail[k] = sum = sr_fg_tail_step(&job->run, k, drift_step(&s->path, k, j), sum);
    for (size_t l = job->run.from; l < job->run.to; l++)
        s->late_drift[l * s->z.p + j] = late->first[l] * drift_tail[late->leave[l] + 1];
    if (s->censoring.cum != NULL)
        add_to_curve(job, j, drift_tail, &s->model->censoring, 0, s->censoring.cum);
    if (s->entry.cum != NULL) {
        run_job entry = *job; /* the ratio is that of censoring */
        entry.ratio = -1;
        add_to_curve(&entry, j, drift_tail, &s->model->entry, 1, s->entry.cum);
    }
}

static void run_columns(const run_job *job, size_t from, size_t to, double *drift_tail)
{
    for (size_t j = from; j < to; j++)
        run_column(job, j, drift_tail);
}

static sr_status fill_runs(sr_context *ctx, sr_fg_scores *s)
{
    const sr_fg_late *const late = &s->model->late;
    const size_t n_slot = s->model->rs.n_slot, p = s->z.p;
    const size_t n_part = p < MOST_PARTS ? p : MOST_PARTS;
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    double *fall, *tail, *room;
    SR_TAKE(fall, sr_arena_double(&ctx->arena, n_slot));
    SR_TAKE(tail, sr_arena_double(&ctx->arena, n_slot));
    SR_TAKE(room, sr_arena_double(&ctx->arena, n_part * n_slot));
    for (size_t c = 0; c < late->n_curve; c++) {
        SR_TICK(ctx);
        run_job job = {s, {0}, late->curve_ratio[c], (size_t)late->curve_group[c], tail};
        for (size_t from = late->curve_begin[c]; from < late->curve_begin[c + 1];
             from = job.run.to) {
            job.run = sr_fg_run_make(s->model, c, from, fall);
            double sum = 0;
            for (size_t k = job.run.end; k-- > job.run.first + 1;)
                tail[k] = sum = sr_fg_tail_step(&job.run, k, s->hazard->step[k], sum);
            const size_t work = job.run.end - job.run.first + (job.run.to - from);
            SR_FOR_EACH(ctx, work > SR_PARALLEL_FROM / 8, part, n_part,
                        run_columns(&job, p * part / n_part, p * (part + 1) / n_part,
                                    room + part * n_slot));
        }
    }
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

static sr_status take_shift(sr_context *ctx, const sr_fg_curve *curve, size_t p, sr_fg_shift *out)
{
    const size_t count = curve->rs.n_slot * p;
    out->p = p;
    SR_TAKE(out->cum, (double *)sr_arena_zero(&ctx->arena, count, sizeof(double)));
    return SR_OK;
}

/* From Q to its sum times dN / Y^2 */
static void close_shift(const sr_fg_curve *curve, size_t p, sr_fg_shift *shift)
{
    for (int g = 0; g < curve->rs.n_stratum; g++) {
        const size_t begin = curve->rs.slot_begin[g];
        memset(shift->cum + begin * p, 0, p * sizeof(double));
        for (size_t k = begin + 1; k < curve->rs.slot_begin[g + 1]; k++)
            for (size_t j = 0; j < p; j++) {
                double *const cum = shift->cum + k * p + j;
                *cum = cum[-(ptrdiff_t)p] + *cum * (curve->step[k] / curve->at_risk[k]);
            }
    }
}

sr_status sr_fg_scores_open(sr_context *ctx, sr_fg_variance kind, sr_fg_scores *s)
{
    const sr_fg_model *const m = s->model;
    const size_t p = s->z.p;
    SR_TAKE(s->late_of, sr_arena_index(&ctx->arena, m->rs.n));
    memset(s->late_of, 0xff, m->rs.n * sizeof *s->late_of);
    for (size_t l = 0; l < m->late.n; l++)
        s->late_of[m->late.row[l]] = (uint32_t)l;
    SR_TAKE(s->late_drift, sr_arena_double(&ctx->arena, m->late.n * p));
    if (kind == SR_FG_ESTIMATED)
        SR_TRY(take_shift(ctx, &m->censoring, p, &s->censoring));
    if (kind == SR_FG_ESTIMATED && m->entry.rs.n > 0)
        SR_TRY(take_shift(ctx, &m->entry, p, &s->entry));
    SR_TRY(fill_runs(ctx, s));
    if (s->censoring.cum != NULL)
        close_shift(&m->censoring, p, &s->censoring);
    if (s->entry.cum != NULL)
        close_shift(&m->entry, p, &s->entry);
    return SR_OK;
}

/* --- rows --------------------------------------------------------------------------------------*/

/* side[p] += what row i adds through one distribution; `ratio` its hazard ratio there */
static void add_shift(const sr_fg_curve *curve, const sr_fg_shift *shift, size_t i, int is_event,
                      const double factor[2], double *side)
{
    const size_t leave = curve->rs.cell[i], p = shift->p;
    const double weight = factor[0], ratio = factor[1];
    const double *const cum = shift->cum + leave * p;
    const double *const before =
        curve->rs.enter == NULL ? NULL : shift->cum + (size_t)curve->rs.enter[i] * p;
    for (size_t j = 0; j < p; j++) {
        const double passed = cum[j] - (before == NULL ? 0 : before[j]);
        const double own =
            is_event ? (cum[j] - cum[(ptrdiff_t)j - (ptrdiff_t)p]) / curve->step[leave] : 0;
        side[j] += weight * (own - ratio * passed);
    }
}

static void add_shifts(const sr_fg_scores *s, size_t i, double *side)
{
    const sr_fg_data *const data = s->model->data;
    const double weight = data->censoring.weight == NULL ? 1 : data->censoring.weight[i];
    const double ratio = data->censoring.ratio == NULL ? 1 : data->censoring.ratio[i];
    if (s->censoring.cum != NULL)
        add_shift(&s->model->censoring, &s->censoring, i, data->rows.times.event[i] == 0,
                  (const double[]){weight, ratio}, side);
    if (s->entry.cum != NULL)
        add_shift(&s->model->entry, &s->entry, i, 1, (const double[]){weight, 1}, side);
}

/* All but the multiple of z, which is returned */
static double row_side(const sr_fg_scores *s, size_t i, double *side)
{
    const sr_riskset *const rs = &s->model->rs;
    const sr_cox_path *const path = &s->path;
    const size_t p = path->p, cell = (size_t)rs->cell[i] * p;
    const double dead =
        s->model->cox.times.event[i] == 0 ? 0 : sr_weight_of(&s->model->cox.times, i);
    const double risk = s->risk[i];
    for (size_t j = 0; j < p; j++)
        side[j] = path->drift[cell + j];
    for (size_t j = 0; rs->enter != NULL && j < p; j++) {
        const size_t enter = (size_t)rs->enter[i] * p + j;
        side[j] =
            (side[j] - path->drift[enter]) + (path->drift_low[cell + j] - path->drift_low[enter]);
    }
    if (s->late_of[i] != NOT_LATE)
        for (size_t j = 0; j < p; j++)
            side[j] += s->late_drift[(size_t)s->late_of[i] * p + j];
    for (size_t j = 0; j < p; j++)
        side[j] *= risk;
    const size_t slot = sr_leave(rs, i);
    for (size_t j = 0; dead != 0 && j < p; j++)
        side[j] -= dead * (path->mean != NULL ? path->mean[slot * p + j]
                                              : drift_step(path, slot, j) / s->hazard->step[slot]);
    add_shifts(s, i, side);
    return dead - risk * (sr_row_hazard(rs, s->hazard, i) + s->tail[i]);
}

void sr_fg_scores_fill(const void *scores, size_t from, size_t m, double *block, double *side)
{
    const sr_fg_scores *const s = scores;
    const size_t p = s->z.p;
    double martingale[BLOCK];
    if (s->z.x == NULL)
        memset(block, 0, p * BLOCK * sizeof(double));
    else
        sr_columns_load(&s->z, from, m, block, BLOCK);
    for (size_t i = 0; i < m; i++)
        martingale[i] = row_side(s, from + i, side + i * p);
    for (size_t j = 0; j < p; j++)
        for (size_t i = 0; i < m; i++)
            block[j * BLOCK + i] = block[j * BLOCK + i] * martingale[i] + side[i * p + j];
    for (size_t j = 0; s->extra != NULL && j < p; j++)
        for (size_t i = 0; i < m; i++)
            block[j * BLOCK + i] += s->extra[j * s->z.n + from + i];
}

sr_status sr_fg_scores_all(sr_context *ctx, const sr_fg_scores *scores, double *out)
{
    const size_t n = scores->z.n, p = scores->z.p;
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    double *room;
    SR_TAKE(room, sr_arena_double(&ctx->arena, 2 * p * BLOCK));
    for (size_t from = 0; from < n; from += BLOCK) {
        SR_TICK(ctx);
        const size_t m = n - from < BLOCK ? n - from : BLOCK;
        sr_fg_scores_fill(scores, from, m, room, room + p * BLOCK);
        for (size_t j = 0; j < p; j++)
            memcpy(out + j * n + from, room + j * BLOCK, m * sizeof(double));
    }
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}
