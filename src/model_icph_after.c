/* model_icph_after.c -- rows, curve and curvature of a fitted interval-censored model
 *
 * With H the information of the free cumulative hazards, C their cross-information with beta (both
 * of model_icph_eval.c) and g_i the slope of row i in those hazards,
 *
 *   score of beta when the jumps follow    s_i = x_i slope_i - C' H^-1 g_i
 *   information of beta                    sum over rows of minus its derivative = I - C' H^-1 C
 *   d Lambda / d beta along the profile    -H^-1 C
 *   var Lambda                             diag H^-1 + (H^-1 C) V (H^-1 C)',    V = var beta.
 *
 * The check of the information is the profile log-likelihood itself, maximised over the jumps (all
 * of them: nodes may come and go) a standard error away on either side (Murphy and van der Vaart
 * 2000, J Am Stat Assoc 95, 449-465, doi:10.1080/01621459.2000.10474219). With few distinct times
 * the two agree; where times are continuous they need not, and the user is told.
 *
 * Cost: rows O(n p); curve O(m solves), m positive jumps; curvature 2 p searches from a good start.
 */
#include "model_icph_after.h"
#include <math.h>
#include <string.h>

static sr_status build_at(sr_context *ctx, const sr_icph_model *model, const sr_icph_point *at,
                          sr_icph_system *out)
{
    const size_t n_node = model->layout.n_node;
    unsigned char *is_free = NULL;
    SR_TAKE(is_free, (unsigned char *)sr_arena_zero(&ctx->arena, n_node + 1, 1));
    for (size_t v = 0; v < n_node; v++)
        is_free[v] = at->jump[v] > 0;
    return sr_icph_build(ctx, model, at, is_free, out);
}

static double solved_at(const sr_icph_system *system, size_t j, uint32_t node)
{
    const int32_t place = system->place[node];
    return place < 0 ? 0 : system->solved[j * system->m + (size_t)place];
}

sr_status sr_icph_row_terms(sr_context *ctx, const sr_icph_model *model, const sr_icph_point *at,
                            sr_icph_rows *out)
{
    const sr_icph_layout *const layout = &model->layout;
    const size_t p = model->p, n = model->n;
    sr_icph_system system;
    SR_TRY(build_at(ctx, model, at, &system));
    for (size_t g = 0; g < layout->n_group; g++) {
        const uint32_t e = layout->entry[g], l = layout->left[g], r = layout->right[g];
        const double survived = sr_icph_between(at, e, l);
        const double met = r == SR_ICPH_NEVER ? 0 : sr_icph_between(at, l, r);
        for (size_t i = layout->begin[g]; i < layout->begin[g + 1]; i++) {
            const size_t row = layout->order[i];
            double eta = model->offset[i];
            for (size_t j = 0; j < p; j++)
                eta += model->x[i * p + j] * at->beta[j];
            const double risk = exp(eta), t = met > 0 ? 1 / expm1(risk * met) : 0;
            const double slope = risk * (met * t - survived);
            out->survived[row] = risk * survived;
            out->met[row] = risk * met;
            for (size_t j = 0; j < p; j++) {
                const double at_left = solved_at(&system, j, l);
                double follow = risk * (solved_at(&system, j, e) - at_left);
                if (r != SR_ICPH_NEVER)
                    follow += risk * t * (solved_at(&system, j, r) - at_left);
                out->score[j * n + row] = slope * model->x[i * p + j] - follow;
            }
        }
    }
    return SR_OK;
}

sr_status sr_icph_curve_terms(sr_context *ctx, const sr_icph_model *model, const sr_icph_point *at,
                              double *variance, double *slope)
{
    const size_t n_node = model->layout.n_node;
    sr_icph_system system;
    SR_TRY(build_at(ctx, model, at, &system));
    SR_TRY(sr_skyline_invert(ctx, &system.hazard));
    for (size_t v = 0; v < n_node; v++) {
        const int32_t place = system.place[v];
        variance[v] = place < 0 ? 0 : *sr_skyline_at(&system.hazard, (size_t)place, (size_t)place);
        for (size_t j = 0; j < model->p; j++)
            slope[j * n_node + v] = -solved_at(&system, j, (uint32_t)v);
    }
    return SR_OK;
}

/* *loglik: the profile log-likelihood at a fit's coefficients moved by `by`, those of `control`
 * fixed; NAN when the search fails */
static sr_status profile_at(sr_context *ctx, const sr_icph_model *model,
                            const sr_icph_control *control, const sr_icph_fit *fit,
                            const double *by, double *loglik)
{
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    sr_icph_fit moved;
    SR_TRY(sr_icph_fit_take(ctx, model, &moved));
    memcpy(moved.at.jump, fit->at.jump, model->layout.n_node * sizeof(double));
    for (size_t j = 0; j < model->p; j++)
        moved.at.beta[j] = fit->at.beta[j] + by[j];
    moved.is_started = 1;
    const sr_status status = sr_icph_maximise(ctx, model, control, &moved);
    *loglik = status == SR_OK && moved.is_converged ? moved.at.loglik : NAN;
    sr_arena_restore(&ctx->arena, mark);
    /* a standard error away from a coefficient without a maximum there may be no likelihood */
    return status == SR_ERR_NOT_FINITE ? SR_OK : status;
}

sr_status sr_icph_curvature(sr_context *ctx, const sr_icph_model *model,
                            const sr_icph_control *control, const sr_icph_fit *fit,
                            double *curvature)
{
    const size_t p = model->p;
    int *fixed = NULL;
    double *by = NULL;
    SR_TAKE(fixed, (int *)sr_arena_take(&ctx->arena, p + 1, sizeof(int)));
    SR_TAKE(by, (double *)sr_arena_zero(&ctx->arena, p + 1, sizeof(double)));
    for (size_t j = 0; j < p; j++)
        fixed[j] = 1;
    sr_icph_control held = *control;
    held.fixed = fixed;
    for (size_t j = 0; j < p; j++) {
        const double information = fit->profile[j * p + j];
        curvature[j] = NAN;
        if (model->scale[j] == 0 || !(information > 0))
            continue;
        double above = NAN, below = NAN;
        by[j] = 1 / sqrt(information);
        SR_TRY(profile_at(ctx, model, &held, fit, by, &above));
        by[j] = -by[j];
        SR_TRY(profile_at(ctx, model, &held, fit, by, &below));
        by[j] = 0;
        curvature[j] = (2 * fit->at.loglik - above - below) * information;
    }
    return SR_OK;
}
