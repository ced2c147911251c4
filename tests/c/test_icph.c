/* test_icph.c -- interval-censored proportional hazards: where jumps can be, derivatives, maximum */
#include "check.h"
#include "model_icph_after.h"
#include <stdlib.h>

enum { N = 120, P = 2, S = 2 };

typedef struct {
    double left[N], right[N], entry[N], x[P][N], weight[N], offset[N];
    int stratum[N];
    const double *column[P];
    sr_icph_times times;
    sr_columns columns;
} study;

/* Scans at whole times up to `scans`; some exact, some who enter late */
static void make_study(uint64_t seed, int scans, int has_entry, study *out)
{
    check_random random = {seed};
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < P; j++)
            out->x[j][i] = check_normal(&random);
        const double t = -log(check_uniform(&random)) * 0.5 * scans * exp(-0.5 * out->x[0][i]);
        const double width = 1 + (double)check_below(&random, 3);
        const double last = scans * (0.3 + 0.7 * check_uniform(&random));
        out->left[i] = fmin(floor(t), floor(last));
        out->right[i] = t > last ? INFINITY : out->left[i] + width;
        if (check_uniform(&random) < 0.2 && t > 0.5 && t <= last)
            out->left[i] = out->right[i] = ceil(2 * t) / 2;
        out->entry[i] = check_uniform(&random) < 0.5 ? 0 : floor(0.6 * out->left[i]);
        if (out->entry[i] >= out->left[i])
            out->entry[i] = 0;
        out->weight[i] = 0.5 + check_uniform(&random);
        out->offset[i] = 0.3 * check_normal(&random);
        out->stratum[i] = (int)check_below(&random, S);
    }
    for (size_t j = 0; j < P; j++)
        out->column[j] = out->x[j];
    out->times = (sr_icph_times){.n = N,
                                 .left = out->left,
                                 .right = out->right,
                                 .entry = has_entry ? out->entry : NULL,
                                 .stratum = out->stratum,
                                 .n_stratum = S};
    out->columns = (sr_columns){.n = N, .p = P, .x = out->column};
}

TEST(icph_nodes_by_hand)
{
    /* (0, 2] (1, 3] (2, 4], 5 exact, beyond 4: Turnbull's intervals are (1, 2], (2, 3], [5, 5] */
    const double left[] = {0, 1, 2, 5, 4}, right[] = {2, 3, 4, 5, INFINITY};
    const sr_icph_times times = {.n = 5, .left = left, .right = right, .n_stratum = 1};
    sr_context ctx = {.n_thread = 1};
    sr_icph_layout layout;
    CHECK(sr_icph_lay_out(&ctx, &times, &layout) == SR_OK);
    CHECK(layout.n_node == 4);
    CHECK(layout.from[1] == 1 && layout.to[1] == 2);
    CHECK(layout.from[2] == 2 && layout.to[2] == 3);
    CHECK(layout.from[3] == 5 && layout.to[3] == 5);
    CHECK(layout.kind[0] == SR_NODE_GROUND && layout.kind[1] == SR_NODE_JUMP);
    CHECK(layout.kind[3] == SR_NODE_LAST); /* who is beyond 4 may have had it by 5 */
    CHECK(layout.n_group == 4);            /* so 5 says no more than beyond 4 */
    sr_arena_free(&ctx.arena);
}

TEST(icph_entries_end_intervals_too)
{
    /* nobody is at risk between 3 and 4: nothing can be said there, and it is no last node */
    const double left[] = {1, 3, 5, 6}, right[] = {2, INFINITY, 6, INFINITY};
    const double entry[] = {0, 0, 4, 4};
    const sr_icph_times times = {
        .n = 4, .left = left, .right = right, .entry = entry, .n_stratum = 1};
    sr_context ctx = {.n_thread = 1};
    sr_icph_layout layout;
    CHECK(sr_icph_lay_out(&ctx, &times, &layout) == SR_OK);
    CHECK(layout.n_node == 4);
    CHECK(layout.from[2] == 3 && layout.to[2] == 4 && layout.kind[2] == SR_NODE_EMPTY);
    CHECK(layout.from[3] == 5 && layout.to[3] == 6 && layout.kind[3] == SR_NODE_JUMP);
    sr_arena_free(&ctx.arena);
}

/* The log-likelihood at a point, as the definition reads */
static double plain_loglik(const study *study, const sr_icph_model *model, const sr_icph_point *at)
{
    const sr_icph_layout *const layout = &model->layout;
    double total = 0;
    for (size_t i = 0; i < N; i++) {
        double eta = study->offset[i], survived = 0, met = 0;
        for (size_t j = 0; j < P; j++)
            eta += (study->x[j][i] - model->centre[j]) / model->scale[j] * at->beta[j];
        const double entry = study->times.entry == NULL ? 0 : study->entry[i];
        const int is_exact = study->left[i] == study->right[i];
        int reaches_last = 0;
        for (size_t v = 0; v < layout->n_node; v++) {
            if (layout->stratum[v] != study->stratum[i] || layout->kind[v] == SR_NODE_GROUND)
                continue;
            const double to = layout->to[v];
            if (to <= entry)
                continue;
            if (is_exact ? to < study->left[i] : to <= study->left[i])
                survived += at->jump[v];
            else if (to <= study->right[i]) {
                met += at->jump[v];
                reaches_last |= layout->kind[v] == SR_NODE_LAST;
            }
        }
        const double r = exp(eta);
        const double late = isinf(study->right[i]) || reaches_last ? 0 : exp(-r * (survived + met));
        total += study->weight[i] * log(exp(-r * survived) - late);
    }
    return total;
}

/* Central difference in one place of the point */
static double difference(sr_context *ctx, const sr_icph_model *model, sr_icph_point *at,
                         double *place, const double *of)
{
    const double kept = *place, step = 1e-5 * fmax(1e-2, fabs(kept));
    *place = kept + step;
    CHECK(sr_icph_evaluate(ctx, model, at) == SR_OK);
    const double above = *of;
    *place = kept - step;
    CHECK(sr_icph_evaluate(ctx, model, at) == SR_OK);
    const double below = *of;
    *place = kept;
    CHECK(sr_icph_evaluate(ctx, model, at) == SR_OK);
    return (above - below) / (2 * step);
}

TEST(icph_derivatives_are_those_of_the_definition)
{
    for (uint64_t seed = 1; seed < 5; seed++) {
        study s;
        make_study(seed, 6 + 5 * (int)seed, seed % 2 == 0, &s);
        sr_context ctx = {.n_thread = 1};
        sr_icph_model model;
        sr_icph_point at;
        CHECK(sr_icph_prepare(&ctx, &s.times, &s.columns, s.weight, s.offset, &model) == SR_OK);
        CHECK(sr_icph_point_take(&ctx, &model, &at) == SR_OK);
        check_random random = {seed + 77};
        for (size_t v = 0; v < model.layout.n_node; v++)
            at.jump[v] = model.layout.kind[v] == SR_NODE_JUMP ? 0.02 + check_uniform(&random) : 0;
        at.beta[0] = 0.4;
        at.beta[1] = -0.7;
        CHECK(sr_icph_evaluate(&ctx, &model, &at) == SR_OK);
        CHECK_NEAR(at.loglik, plain_loglik(&s, &model, &at), 1e-11);
        for (size_t v = 0; v < model.layout.n_node; v++) {
            if (model.layout.kind[v] != SR_NODE_JUMP)
                continue;
            const double want = difference(&ctx, &model, &at, &at.jump[v], &at.loglik);
            CHECK_NEAR(at.gradient[v], want, 1e-6);
        }
        for (size_t j = 0; j < P; j++) {
            CHECK_NEAR(at.score[j], difference(&ctx, &model, &at, &at.beta[j], &at.loglik), 1e-6);
            for (size_t k = 0; k < P; k++) {
                const double want = difference(&ctx, &model, &at, &at.beta[j], &at.score[k]);
                CHECK_NEAR(at.info[j * P + k], -want, 1e-6);
            }
        }
        sr_arena_free(&ctx.arena);
    }
}

static void fit_study(sr_context *ctx, const study *s, sr_icph_model *model, sr_icph_fit *fit)
{
    const sr_icph_control control = {.max_iter = 200, .tolerance = 1e-8};
    CHECK(sr_icph_prepare(ctx, &s->times, &s->columns, s->weight, s->offset, model) == SR_OK);
    CHECK(sr_icph_fit_take(ctx, model, fit) == SR_OK);
    CHECK(sr_icph_maximise(ctx, model, &control, fit) == SR_OK);
}

TEST(icph_finds_the_maximum)
{
    for (uint64_t seed = 1; seed < 9; seed++) {
        study s;
        make_study(seed, 4 + 3 * (int)seed, seed % 2 == 0, &s);
        sr_context ctx = {.n_thread = 1};
        sr_icph_model model;
        sr_icph_fit fit;
        fit_study(&ctx, &s, &model, &fit);
        CHECK(fit.is_converged);
        CHECK(fit.hazard_gap < 1e-8 && fit.beta_gap < 1e-8);
        /* the profile information is that of the efficient scores: their mean is 0, and moving beta
         * moves their sum by minus the information */
        double survived[N], met[N], score[N * P], sum[P] = {0};
        sr_icph_rows rows = {survived, met, score};
        CHECK(sr_icph_row_terms(&ctx, &model, &fit.at, &rows) == SR_OK);
        for (size_t j = 0; j < P; j++)
            for (size_t i = 0; i < N; i++)
                sum[j] += s.weight[i] * score[j * N + i];
        CHECK_NEAR(sum[0], 0, 1e-6);
        CHECK_NEAR(sum[1], 0, 1e-6);
        /* no random point nearby is higher */
        check_random random = {seed + 5};
        const double top = fit.at.loglik;
        double *const kept = malloc(model.layout.n_node * sizeof(double));
        memcpy(kept, fit.at.jump, model.layout.n_node * sizeof(double));
        const double beta[] = {fit.at.beta[0], fit.at.beta[1]};
        for (int k = 0; k < 200; k++) {
            for (size_t v = 0; v < model.layout.n_node; v++)
                if (model.layout.kind[v] == SR_NODE_JUMP)
                    fit.at.jump[v] = fabs(kept[v] + 0.01 * check_normal(&random));
            for (size_t j = 0; j < P; j++)
                fit.at.beta[j] = beta[j] + 0.05 * check_normal(&random);
            CHECK(sr_icph_evaluate(&ctx, &model, &fit.at) == SR_OK);
            CHECK(fit.at.loglik <= top + 1e-9);
        }
        free(kept);
        sr_arena_free(&ctx.arena);
    }
}
