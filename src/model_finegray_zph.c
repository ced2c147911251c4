/* model_finegray_zph.c -- see model_finegray_zph.h
 *
 * V_k is the covariance of z over the weighted risk set of event time t_k, times its events. As in
 * the fit,
 *
 * sum_k g_k V_k = sum_i r_i (sum_k omega_i(t_k) g_k dH_k) z_i z_i' - sum_k g_k d_k zbar_k zbar_k',
 *
 * the information of a fit whose steps are marked with g, and the score of theta is its score.
 * Grambsch and Therneau, Biometrika 1994;81:515, doi:10.1093/biomet/81.3.515. Cost O(n p^2).
 */
#include "model_finegray_zph.h"
#include "model_finegray_search.h"

static void put_schoenfeld(const sr_fg_search *s, const sr_cox_path *path, sr_fg_zph *out)
{
    const size_t n_event = sr_cox_death_count(&s->model.cox), p = s->x.p;
    for (size_t j = 0; j < p; j++)
        for (size_t d = 0; d < n_event; d++) {
            const size_t i = out->row[d];
            out->schoenfeld[j * n_event + d] =
                s->x.x[j][i] - s->x.centre[j] - path->mean[sr_leave(&s->model.rs, i) * p + j];
        }
}

static sr_status test_at(sr_context *ctx, sr_fg_search *s, const double *coef, const double *clock,
                         sr_fg_zph *out)
{
    const sr_fg_robust plain = {.kind = SR_FG_MODEL};
    const size_t p = s->x.p;
    sr_fg_scores scores;
    double *mark, *score;
    SR_TRY(sr_fg_search_at(ctx, s, coef));
    const size_t n_slot = s->model.rs.n_slot;
    SR_TAKE(mark, (double *)sr_arena_zero(&ctx->arena, n_slot, sizeof(double)));
    SR_TAKE(score, sr_arena_double(&ctx->arena, p));
    SR_TRY(sr_fg_search_information(ctx, s, NULL, score, out->info));
    SR_TRY(sr_fg_search_scores(ctx, s, &plain, 1, &scores));
    SR_TRY(sr_cox_order_deaths(ctx, &s->model.cox, &s->model.rs, out->row));
    put_schoenfeld(s, &scores.path, out);
    for (size_t i = 0; i < s->model.rs.n; i++)
        if (s->model.cox.times.event[i] != 0)
            mark[sr_leave(&s->model.rs, i)] = clock[i];
    SR_TRY(sr_fg_search_hazards(ctx, s, mark));
    SR_TRY(sr_fg_search_information(ctx, s, mark, out->score, out->info_g));
    for (size_t k = 0; k < n_slot; k++)
        mark[k] *= mark[k];
    SR_TRY(sr_fg_search_hazards(ctx, s, mark));
    return sr_fg_search_information(ctx, s, mark, score, out->info_gg);
}

sr_status sr_fg_zph_make(sr_context *ctx, const sr_fg_data *data, const sr_cox_control *control,
                         const double *coef, const double *clock, sr_fg_zph *out)
{
    sr_fg_search s = {.beta = NULL};
    sr_fg_fit unused = {.coef = NULL};
    sr_status status = sr_fg_search_open(ctx, data, control, &s, &unused);
    if (status == SR_OK)
        status = test_at(ctx, &s, coef, clock, out);
    sr_fg_search_close(&s);
    return status;
}
