/* model_icph_eval.c -- the likelihood of an interval-censored proportional hazards model
 *
 * With Lambda the cumulative hazard at x = 0 (the centre), r_i = exp(x_i'beta + offset_i), the
 * hazard A_i = r_i (Lambda(left) - Lambda(entry)) survived and D_i = r_i (Lambda(right) -
 * Lambda(left)) met, a row of weight w_i gives
 *
 *   log (exp(-A) - exp(-A - D)) = -A + log(1 - exp(-D)),      -A alone when right is not seen.
 *
 * For given beta this is concave in the jumps of Lambda. With t = 1 / (exp(D) - 1) and
 * u(D) = D^2 t (1 + t) - D t = D/2 - D^2/6 + D^4/180 - ...,
 *
 *   in Lambda(left) - Lambda(entry):  slope -r            cross with eta  r
 *   in Lambda(right) - Lambda(left):  slope  r t          cross with eta  r u / D
 *                                     information r^2 t (1 + t)
 *   in eta:                           slope  D t - A      information     A + u
 *
 * (information and cross: minus the second derivative). A group of rows shares its nodes, so all
 * that the jumps need of it is sums over its rows:
 *
 *   risk = sum w r      pull = sum w r t      curve = sum w r^2 t (1 + t)
 *   risk_x = sum w r x  pull_x = sum w r (u / D) x
 *
 * which are then added up along the nodes: the gradient in the jump at a node is what the
 * cumulative hazards from there on give. Cost O(n (p^2 + 2 exp)) + O(nodes + groups p).
 *
 * The Newton system is written in the free cumulative hazards, not in their jumps: there each group
 * touches two places, so that its information is a sum of c (e_j - e_i)(e_j - e_i)', whose envelope
 * is as short as the intervals are: a chain when events are exact.
 */
#include "model_icph.h"
#include "core_thread.h"
#include <math.h>
#include <string.h>

enum { WIDE = 50000 }; /* rows below which waking a second thread costs more than it does */
static const double SERIES_BELOW = 0.3;
static const double PIVOT = 1e-13; /* of an information that cancels */

sr_status sr_icph_point_take(sr_context *ctx, const sr_icph_model *model, sr_icph_point *out)
{
    const size_t p = model->p, v = model->layout.n_node, g = model->layout.n_group;
    *out = (sr_icph_point){0};
    SR_TAKE(out->beta, (double *)sr_arena_zero(&ctx->arena, p + 1, sizeof(double)));
    SR_TAKE(out->jump, (double *)sr_arena_zero(&ctx->arena, v + 1, sizeof(double)));
    SR_TAKE(out->gradient, sr_arena_double(&ctx->arena, v + 1));
    SR_TAKE(out->exposure, sr_arena_double(&ctx->arena, v + 1));
    SR_TAKE(out->score, sr_arena_double(&ctx->arena, p + 1));
    SR_TAKE(out->info, sr_arena_double(&ctx->arena, p * p + 1));
    SR_TAKE(out->risk, sr_arena_double(&ctx->arena, g + 1));
    SR_TAKE(out->pull, sr_arena_double(&ctx->arena, g + 1));
    SR_TAKE(out->curve, sr_arena_double(&ctx->arena, g + 1));
    SR_TAKE(out->risk_x, sr_arena_double(&ctx->arena, g * p + 1));
    SR_TAKE(out->pull_x, sr_arena_double(&ctx->arena, g * p + 1));
    SR_TAKE(out->cum_high, sr_arena_double(&ctx->arena, v + 1));
    SR_TAKE(out->cum_low, sr_arena_double(&ctx->arena, v + 1));
    SR_TAKE(out->chunk_room, sr_arena_double(&ctx->arena, model->n_chunk * (1 + p + p * p)));
    return SR_OK;
}

/* Sums of jumps within strata, with what rounding loses carried along. */
static void accumulate(const sr_icph_layout *layout, sr_icph_point *at)
{
    double high = 0, low = 0;
    for (size_t v = 0; v < layout->n_node; v++) {
        if (layout->kind[v] == SR_NODE_GROUND)
            high = low = 0;
        const double sum = high + at->jump[v], part = sum - high;
        low += (high - (sum - part)) + (at->jump[v] - part);
        high = sum;
        at->cum_high[v] = high;
        at->cum_low[v] = low;
    }
}

/* u / D, u = D^2 t (1 + t) - D t; 1/2 at 0 */
static double shape_of(double d, double t)
{
    if (d > SERIES_BELOW)
        return d * t * (1 + t) - t;
    const double s = d * d;
    return 0.5 - d / 6 +
           d * s *
               (1.0 / 180 -
                s * (1.0 / 5040 - s * (1.0 / 151200 - s * (1.0 / 4790016 - s * 6.341e-9))));
}

/* What the rows of a group say of eta alone, summed where a chunk keeps it */
typedef struct {
    double *loglik, *score, *info;
} eta_sums;

static void add_eta(size_t p, const double *x, double slope, double information, eta_sums *to)
{
    for (size_t j = 0; j < p; j++) {
        to->score[j] += slope * x[j];
        const double scaled = information * x[j];
        for (size_t k = 0; k <= j; k++)
            to->info[j * p + k] += scaled * x[k];
    }
}

static double risk_of(const sr_icph_model *model, const double *beta, size_t i)
{
    double eta = model->offset[i];
    for (size_t j = 0; j < model->p; j++)
        eta += model->x[i * model->p + j] * beta[j];
    return exp(eta);
}

static void evaluate_group(const sr_icph_model *model, sr_icph_point *at, size_t g, eta_sums *to)
{
    const sr_icph_layout *const layout = &model->layout;
    const size_t p = model->p;
    const double survived = sr_icph_between(at, layout->entry[g], layout->left[g]);
    const int is_seen = layout->right[g] != SR_ICPH_NEVER;
    const double met = is_seen ? sr_icph_between(at, layout->left[g], layout->right[g]) : 0;
    double risk = 0, pull = 0, curve = 0, loglik = 0;
    double *const risk_x = at->risk_x + g * p, *const pull_x = at->pull_x + g * p;
    memset(risk_x, 0, p * sizeof(double));
    memset(pull_x, 0, p * sizeof(double));
    for (size_t i = layout->begin[g]; i < layout->begin[g + 1]; i++) {
        const double *const x = model->x + i * p;
        const double w = model->weight[i], r = risk_of(model, at->beta, i), a = r * survived;
        double slope = -a, information = a, shape = 0;
        risk += w * r;
        loglik -= w * a;
        if (is_seen) {
            const double d = r * met, decay = exp(-d), missed = -expm1(-d), t = decay / missed;
            shape = shape_of(d, t);
            slope += d * t;
            information += d * shape;
            loglik += w * (d > 0.6931471805599453 ? log1p(-decay) : log(missed));
            pull += w * r * t;
            curve += w * r * r * t * (1 + t);
        }
        add_eta(p, x, w * slope, w * information, to);
        for (size_t j = 0; j < p; j++) {
            risk_x[j] += w * r * x[j];
            pull_x[j] += w * r * shape * x[j];
        }
    }
    at->risk[g] = risk;
    at->pull[g] = pull;
    at->curve[g] = curve;
    *to->loglik += loglik;
}

static void evaluate_chunk(const sr_icph_model *model, sr_icph_point *at, size_t c)
{
    const size_t p = model->p, width = 1 + p + p * p;
    double *const room = at->chunk_room + c * width;
    memset(room, 0, width * sizeof(double));
    eta_sums to = {room, room + 1, room + 1 + p};
    for (size_t g = model->chunk[c]; g < model->chunk[c + 1]; g++)
        evaluate_group(model, at, g, &to);
}

static void total_chunks(const sr_icph_model *model, sr_icph_point *at)
{
    const size_t p = model->p, width = 1 + p + p * p;
    at->loglik = 0;
    memset(at->score, 0, p * sizeof(double));
    memset(at->info, 0, p * p * sizeof(double));
    for (size_t c = 0; c < model->n_chunk; c++) {
        const double *const room = at->chunk_room + c * width;
        at->loglik += room[0];
        for (size_t j = 0; j < p; j++)
            at->score[j] += room[1 + j];
        for (size_t j = 0; j < p * p; j++)
            at->info[j] += room[1 + p + j];
    }
    for (size_t j = 0; j < p; j++)
        for (size_t k = 0; k < j; k++)
            at->info[k * p + j] = at->info[j * p + k];
}

/* From groups to nodes: what each cumulative hazard feels, then sums from the last node back. */
static void spread(const sr_icph_layout *layout, sr_icph_point *at)
{
    memset(at->gradient, 0, layout->n_node * sizeof(double));
    memset(at->exposure, 0, layout->n_node * sizeof(double));
    for (size_t g = 0; g < layout->n_group; g++) {
        const uint32_t e = layout->entry[g], l = layout->left[g], r = layout->right[g];
        const uint32_t end = r == SR_ICPH_NEVER ? l : r;
        at->gradient[e] += at->risk[g];
        at->gradient[l] -= at->risk[g];
        at->exposure[e] -= at->risk[g];
        at->exposure[end] += at->risk[g];
        if (r != SR_ICPH_NEVER) {
            at->gradient[l] -= at->pull[g];
            at->gradient[r] += at->pull[g];
        }
    }
    for (size_t v = layout->n_node - 1; v-- > 0;) {
        if (layout->kind[v + 1] == SR_NODE_GROUND)
            continue;
        at->gradient[v] += at->gradient[v + 1];
        at->exposure[v] += at->exposure[v + 1];
    }
}

sr_status sr_icph_evaluate(sr_context *ctx, const sr_icph_model *model, sr_icph_point *at)
{
    accumulate(&model->layout, at);
    SR_FOR_EACH(ctx, model->n >= WIDE, c, model->n_chunk, { evaluate_chunk(model, at, c); });
    total_chunks(model, at);
    spread(&model->layout, at);
    SR_TICK(ctx);
    return SR_OK;
}

/* ---- the Newton system ------------------------------------------------------------------- */

static sr_status number_free(sr_context *ctx, const sr_icph_layout *layout,
                             const unsigned char *is_free, sr_icph_system *out)
{
    SR_TAKE(out->place, (int32_t *)sr_arena_take(&ctx->arena, layout->n_node + 1, sizeof(int32_t)));
    SR_TAKE(out->node, sr_arena_index(&ctx->arena, layout->n_node + 1));
    int32_t now = -1;
    for (size_t v = 0; v < layout->n_node; v++) {
        if (layout->kind[v] == SR_NODE_GROUND)
            now = -1;
        if (is_free[v]) {
            now = (int32_t)out->m;
            out->node[out->m++] = (uint32_t)v;
        }
        out->place[v] = now;
    }
    return SR_OK;
}

static sr_status make_hazard(sr_context *ctx, const sr_icph_layout *layout, const sr_icph_point *at,
                             sr_icph_system *out)
{
    size_t *first = NULL;
    SR_TAKE(first, sr_arena_sizes(&ctx->arena, out->m + 1));
    for (size_t j = 0; j < out->m; j++)
        first[j] = j;
    for (size_t g = 0; g < layout->n_group; g++) {
        if (layout->right[g] == SR_ICPH_NEVER)
            continue;
        const int32_t i = out->place[layout->left[g]], j = out->place[layout->right[g]];
        if (i >= 0 && j > i && (size_t)i < first[j])
            first[j] = (size_t)i;
    }
    SR_TRY(sr_skyline_take(ctx, out->m, first, &out->hazard));
    for (size_t g = 0; g < layout->n_group; g++) {
        if (layout->right[g] == SR_ICPH_NEVER)
            continue;
        const int32_t i = out->place[layout->left[g]], j = out->place[layout->right[g]];
        if (i == j)
            continue;
        *sr_skyline_at(&out->hazard, (size_t)j, (size_t)j) += at->curve[g];
        if (i >= 0) {
            *sr_skyline_at(&out->hazard, (size_t)i, (size_t)i) += at->curve[g];
            *sr_skyline_at(&out->hazard, (size_t)j, (size_t)i) -= at->curve[g];
        }
    }
    out->rank = sr_skyline_factor(&out->hazard, PIVOT);
    return SR_OK;
}

static void add_at(double *column, int32_t place, double value)
{
    if (place >= 0)
        column[place] += value;
}

static void make_cross(const sr_icph_model *model, const sr_icph_point *at, sr_icph_system *out)
{
    const sr_icph_layout *const layout = &model->layout;
    const size_t p = model->p;
    for (size_t g = 0; g < layout->n_group; g++) {
        const int32_t e = out->place[layout->entry[g]], l = out->place[layout->left[g]];
        const int is_seen = layout->right[g] != SR_ICPH_NEVER;
        for (size_t j = 0; j < p; j++) {
            double *const column = out->cross + j * out->m;
            add_at(column, l, at->risk_x[g * p + j]);
            add_at(column, e, -at->risk_x[g * p + j]);
            if (is_seen) {
                add_at(column, out->place[layout->right[g]], at->pull_x[g * p + j]);
                add_at(column, l, -at->pull_x[g * p + j]);
            }
        }
    }
}

sr_status sr_icph_build(sr_context *ctx, const sr_icph_model *model, const sr_icph_point *at,
                        const unsigned char *is_free, sr_icph_system *out)
{
    const size_t p = model->p;
    *out = (sr_icph_system){0};
    SR_TRY(number_free(ctx, &model->layout, is_free, out));
    SR_TRY(make_hazard(ctx, &model->layout, at, out));
    const size_t m = out->m;
    SR_TAKE(out->cross, (double *)sr_arena_zero(&ctx->arena, p * m + 1, sizeof(double)));
    SR_TAKE(out->solved, sr_arena_double(&ctx->arena, p * m + 1));
    SR_TAKE(out->profile, sr_arena_double(&ctx->arena, p * p + 1));
    make_cross(model, at, out);
    memcpy(out->solved, out->cross, p * m * sizeof(double));
    for (size_t j = 0; j < p; j++)
        sr_skyline_solve(&out->hazard, out->solved + j * m);
    for (size_t j = 0; j < p; j++)
        for (size_t k = 0; k <= j; k++)
            out->profile[j * p + k] = out->profile[k * p + j] =
                at->info[j * p + k] - sr_dot(m, out->cross + j * m, out->solved + k * m);
    return SR_OK;
}
