/* model_finegray_search.c -- see model_finegray_search.h; model_finegray.c has the formulas */
#include "model_finegray_search.h"
#include "core_gram.h"
#include "core_thread.h"
#include "model_cox_info.h"

sr_status sr_fg_search_open(sr_context *ctx, const sr_fg_data *data, const sr_cox_control *control,
                            sr_fg_search *s, sr_fg_fit *fit)
{
    *s = (sr_fg_search){.beta = NULL};
    SR_TRY(sr_fg_model_make(ctx, data, control->is_efron, control->tol_time, &s->model, fit));
    const sr_cox_data *const cox = &s->model.cox;
    SR_TRY(sr_cox_scaling_make(ctx, cox, cox->times.weight, control->is_centred, &s->scaling));
    s->x = cox->x;
    s->x.centre = s->scaling.mean;
    SR_TAKE(s->beta, (double *)sr_arena_zero(&ctx->arena, cox->x.p, sizeof(double)));
    s->eta = fit->eta;
    s->tail = fit->martingale;
    if (s->eta == NULL)
        SR_TAKE(s->eta, sr_arena_double(&ctx->arena, cox->times.n));
    if (s->tail == NULL)
        SR_TAKE(s->tail, sr_arena_double(&ctx->arena, cox->times.n));
    SR_TAKE(s->risk, sr_arena_double(&ctx->arena, cox->times.n));
    SR_TAKE(s->shift, sr_arena_double(&ctx->arena, (size_t)cox->times.n_stratum));
    SR_TRY(sr_risk_sums_take(ctx, &s->model.rs, NULL, &s->sums));
    SR_TAKE(s->sums.S1, sr_arena_double(&s->means, s->model.rs.n_slot * s->x.p));
    SR_TAKE(s->sums.D1, sr_arena_double(&s->means, s->model.rs.n_tied * s->x.p));
    return sr_cum_hazard_take(ctx, &s->model.rs, &s->hazard);
}

void sr_fg_search_close(sr_fg_search *s)
{
    sr_arena_free(&s->means);
}

sr_status sr_fg_search_sums(sr_context *ctx, sr_fg_search *s, int has_x, double *loglik)
{
    const sr_fg_model *const m = &s->model;
    const sr_columns *const x = has_x ? &s->x : NULL;
    SR_TRY(sr_columns_times(ctx, &s->x, s->beta, m->cox.offset, s->eta));
    SR_TRY(sr_cox_risk(ctx, NULL, &m->cox.times, s->eta, s->shift, s->risk));
    SR_TRY(sr_cox_risk_sums(ctx, &m->rs, x, s->risk, &s->sums));
    SR_TRY(sr_fg_add_late(ctx, m, x, s->risk, &s->sums));
    const sr_cox_state at = {&m->rs, &m->cox.times, s->eta, s->shift, s->risk, &s->sums};
    return sr_cox_loglik(ctx, &at, loglik);
}

sr_status sr_fg_search_hazards(sr_context *ctx, sr_fg_search *s, const double *mark)
{
    SR_TRY(sr_cox_cum_hazard(ctx, &s->model.rs, &s->sums, mark, &s->hazard));
    return sr_fg_tail(ctx, &s->model, s->hazard.step, s->tail);
}

sr_status sr_fg_search_at(sr_context *ctx, sr_fg_search *s, const double *coef)
{
    double loglik;
    for (size_t j = 0; j < s->x.p; j++)
        s->beta[j] = coef[j];
    SR_TRY(sr_fg_search_sums(ctx, s, 1, &loglik));
    return sr_fg_search_hazards(ctx, s, NULL);
}

double sr_fg_search_constant(const sr_fg_search *s)
{
    double constant = 0;
    for (size_t j = 0; j < s->x.p; j++)
        constant += s->x.centre[j] * s->beta[j];
    return constant;
}

typedef struct {
    const sr_fg_search *s;
    const double *mark;
} row_task;

/* q = r_i H_i and u = w_i delta_i mark_i - r_i H_i of a block of rows */
static void fill_rows(const void *data, size_t from, size_t m, double *q, double *u)
{
    const row_task *const t = data;
    const sr_fg_search *const s = t->s;
    const sr_times *const times = &s->model.cox.times;
    for (size_t i = 0; i < m; i++) {
        q[i] = s->risk[from + i] * sr_fg_row_hazard(s, from + i);
        u[i] = -q[i];
    }
    for (size_t i = 0; i < m; i++)
        if (times->event[from + i] != 0)
            u[i] += sr_weight_of(times, from + i) *
                    (t->mark == NULL ? 1 : t->mark[sr_leave(&s->model.rs, from + i)]);
}

sr_status sr_fg_search_information(sr_context *ctx, sr_fg_search *s, const double *mark,
                                   double *score, double *info)
{
    const row_task task = {s, mark};
    SR_TRY(sr_columns_cross_by(ctx, &s->x, fill_rows, &task, info, score));
    const sr_arena_mark own = sr_arena_save(&ctx->arena);
    SR_TRY(sr_cox_subtract_means(ctx, &s->model.rs, s->x.p, &s->sums, mark, info));
    sr_arena_restore(&ctx->arena, own);
    return SR_OK;
}

sr_status sr_fg_search_scores(sr_context *ctx, sr_fg_search *s, const sr_fg_robust *robust,
                              int keeps_sums, sr_fg_scores *out)
{
    *out = (sr_fg_scores){.model = &s->model,
                          .z = s->x,
                          .risk = s->risk,
                          .tail = s->tail,
                          .hazard = &s->hazard,
                          .extra = robust->extra};
    const int has_means = keeps_sums || s->model.rs.n_tied > 0;
    SR_TRY(sr_cox_path_take(ctx, &s->model.rs, s->x.p, has_means, &out->path));
    SR_TRY(sr_cox_path_fill(ctx, &s->model.rs, &s->sums, &out->path));
    if (!keeps_sums)
        sr_arena_free(&s->means);
    return sr_fg_scores_open(ctx, robust->kind, out);
}
