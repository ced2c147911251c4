/* model_finegray_late.c -- sums over those who stay in the risk set after a competing event
 *
 * Along the slots of a stratum, for the rows of one censoring curve, the sum over those who stay
 * follows from the slot before: all weights fall by the same factor, and those whose own event
 * came in between join,
 *
 *   late(k + 1) = q(k + 1) late(k) + sum over leave_i = k of omega_i(t_(k+1)) r_i z_i,
 *   q(k + 1)    = omega(t_(k+1)) / omega(t_k),
 *
 * and the sum of a quantity c_k over the rest of a row's time is the same recursion run back,
 *
 *   tail(k) = c_k + q(k + 1) tail(k + 1),     sum over k of omega_i(t_k) c_k = first_i tail.
 *
 * No weight is ever divided by another, so nothing is lost where G falls by many orders. Columns
 * are dealt to the threads. Shapes: model_finegray.h. Cost O(n p + n_curve K p).
 */
#include "core_exp.h"
#include "core_thread.h"
#include "model_finegray_late.h"

static size_t run_end(const sr_fg_model *m, size_t from, size_t curve_end)
{
    const size_t end = m->rs.slot_begin[(size_t)m->rs.slot_stratum[m->late.leave[from]] + 1];
    size_t to = from;
    while (to < curve_end && m->late.leave[to] < end)
        to++;
    return to;
}

static void fill_fall(const sr_fg_model *m, size_t c, size_t from, size_t end, double *fall)
{
    const sr_fg_late *const late = &m->late;
    const size_t at = (size_t)late->curve_group[c] * m->rs.n_slot;
    const double *const hazard = late->hazard + at;
    for (size_t k = from; k < end; k++)
        fall[k] = late->curve_ratio[c] * (hazard[k - 1] - hazard[k]);
    for (size_t k = from; late->entry != NULL && k < end; k++)
        fall[k] += late->entry[at + k - 1] - late->entry[at + k];
    sr_exp_block(end - from, fall + from);
}

sr_fg_run sr_fg_run_make(const sr_fg_model *m, size_t c, size_t from, double *fall)
{
    const size_t first = m->late.leave[from];
    const sr_fg_run run = {.from = from,
                           .to = run_end(m, from, m->late.curve_begin[c + 1]),
                           .first = first,
                           .end = m->rs.slot_begin[(size_t)m->rs.slot_stratum[first] + 1],
                           .fall = fall};
    if (first + 2 < run.end)
        fill_fall(m, c, first + 2, run.end, fall);
    return run;
}

typedef struct {
    const sr_fg_model *model;
    const sr_columns *x;
    const double *risk;
    const sr_risk_sums *sums;
} late_task;

/* Column 0 is the risk itself, then come those of x. */
static void add_column(const late_task *task, const sr_fg_run *run, size_t column)
{
    const sr_fg_late *const late = &task->model->late;
    const size_t j = column - 1;
    const double *const x = column == 0 ? NULL : task->x->x[j];
    const double centre = column == 0 || task->x->centre == NULL ? 0 : task->x->centre[j];
    double *const out = column == 0 ? task->sums->S0 : task->sums->S1 + j * task->model->rs.n_slot;
    size_t l = run->from;
    double sum = 0;
    for (size_t k = run->first; k + 1 < run->end; k++) {
        if (l > run->from)
            sum *= run->fall[k + 1];
        for (; l < run->to && late->leave[l] == k; l++) {
            const size_t i = late->row[l];
            sum += late->first[l] * task->risk[i] * (x == NULL ? 1 : x[i] - centre);
        }
        out[k + 1] += sum;
    }
}

sr_status sr_fg_add_late(sr_context *ctx, const sr_fg_model *model, const sr_columns *x,
                         const double *risk, sr_risk_sums *sums)
{
    const sr_fg_late *const late = &model->late;
    const size_t n_column = 1 + (x == NULL ? 0 : x->p);
    const late_task task = {model, x, risk, sums};
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    double *fall;
    SR_TAKE(fall, sr_arena_double(&ctx->arena, model->rs.n_slot));
    for (size_t c = 0; c < late->n_curve; c++) {
        SR_TICK(ctx);
        sr_fg_run run;
        for (size_t from = late->curve_begin[c]; from < late->curve_begin[c + 1]; from = run.to) {
            run = sr_fg_run_make(model, c, from, fall);
            const size_t work = run.end - run.first + (run.to - from);
            SR_FOR_EACH(ctx, work > SR_PARALLEL_FROM / 8, column, n_column,
                        add_column(&task, &run, column));
        }
    }
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

static void tail_of_run(const sr_fg_late *late, const sr_fg_run *run, const double *value,
                        double *out)
{
    double sum = 0;
    size_t l = run->to;
    for (size_t k = run->end; k-- > run->first + 1;) {
        sum = sr_fg_tail_step(run, k, value[k], sum);
        for (; l > run->from && late->leave[l - 1] + 1 == k; l--)
            out[late->row[l - 1]] = late->first[l - 1] * sum;
    }
}

sr_status sr_fg_tail(sr_context *ctx, const sr_fg_model *model, const double *value, double *out)
{
    const sr_fg_late *const late = &model->late;
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    double *fall;
    SR_TAKE(fall, sr_arena_double(&ctx->arena, model->rs.n_slot));
    for (size_t i = 0; i < model->rs.n; i++)
        out[i] = 0;
    for (size_t c = 0; c < late->n_curve; c++) {
        SR_TICK(ctx);
        sr_fg_run run;
        for (size_t from = late->curve_begin[c]; from < late->curve_begin[c + 1]; from = run.to) {
            run = sr_fg_run_make(model, c, from, fall);
            tail_of_run(late, &run, value, out);
        }
    }
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}
