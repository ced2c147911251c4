/* model_illness.c -- see model_illness.h */
#include "model_illness_pass.h"
#include "core_thread.h"
#include <math.h>
#include <string.h>

enum { ROWS_A_CHUNK = 512, MOST_CHUNKS = 64 };

size_t sr_illness_n_par(const sr_illness_data *data)
{
    size_t P = 0;
    for (size_t k = 0; k < SR_N_PATH; k++)
        P += sr_ttp_n_par(&data->path[k]);
    return P;
}

size_t sr_illness_n_z(const sr_illness_data *data)
{
    size_t n_z = 0;
    for (size_t k = 0; k < SR_N_PATH; k++)
        n_z += 1 + data->path[k].hazard.n_theta;
    return n_z;
}

static sr_illness_pass pass_begin(const sr_context *ctx, const sr_illness_data *data,
                                  const double *coef, int order)
{
    const size_t n_chunk = sr_chunk_count(data->n, ROWS_A_CHUNK, MOST_CHUNKS);
    sr_illness_pass s = {.data = data,
                         .n = data->n,
                         .P = sr_illness_n_par(data),
                         .n_z = sr_illness_n_z(data),
                         .n_chunk = n_chunk,
                         .n_room = n_chunk > 1 ? (size_t)ctx->n_thread : 1,
                         .order = order};
    size_t slot = 0, base = 0;
    for (size_t k = 0; k < SR_N_PATH; k++) {
        s.slot[k] = slot;
        s.base[k] = base;
        s.coef[k] = coef + base;
        slot += 1 + data->path[k].hazard.n_theta;
        base += sr_ttp_n_par(&data->path[k]);
    }
    return s;
}

static sr_status path_take(sr_context *ctx, const sr_illness_pass *s, size_t k, sr_illness_room *r)
{
    const sr_ttp_data *const path = &s->data->path[k];
    const size_t K = path->hazard.n_theta, n_column = path->x.p + path->n_extra;
    SR_TAKE(r->eta[k], sr_arena_double(&ctx->arena, SR_BLOCK));
    SR_TAKE(r->theta[k], sr_arena_double(&ctx->arena, K * SR_BLOCK));
    SR_TAKE(r->column[k],
            (const double **)sr_arena_take(&ctx->arena, n_column + 1, sizeof(double *)));
    SR_TAKE(r->load[k], sr_arena_double(&ctx->arena, (path->x.p + 1) * SR_BLOCK));
    SR_TRY(sr_jet_take(ctx, K, &r->end_cum[k]));
    SR_TRY(sr_jet_take(ctx, K, &r->end_haz[k]));
    SR_TRY(sr_jet_take(ctx, K, &r->cum[k]));
    if (k == SR_PATH_01)
        SR_TRY(sr_jet_take(ctx, K, &r->haz));
    if (k != SR_PATH_12)
        SR_TRY(sr_jet_take(ctx, K, &r->entry[k]));
    return SR_OK;
}

static sr_status room_take(sr_context *ctx, const sr_illness_pass *s, sr_illness_room *r)
{
    sr_arena *const arena = &ctx->arena;
    size_t most_theta = 0;
    for (size_t k = 0; k < SR_N_PATH; k++) {
        SR_TRY(path_take(ctx, s, k, r));
        const size_t K = s->data->path[k].hazard.n_theta;
        most_theta = K > most_theta ? K : most_theta;
    }
    double **const by_node[] = {&r->x, &r->log_weight, &r->node_eta, &r->work};
    for (size_t k = 0; k < sizeof by_node / sizeof *by_node; k++)
        SR_TAKE(*by_node[k], sr_arena_double(arena, SR_BLOCK));
    SR_TAKE(r->node_theta, sr_arena_double(arena, most_theta * SR_BLOCK));
    SR_TAKE(r->node_row, sr_arena_sizes(arena, SR_BLOCK));
    sr_illness_term *const terms[] = {&r->node, &r->row};
    for (size_t k = 0; k < 2; k++) {
        SR_TAKE(terms[k]->slope, sr_arena_double(arena, s->n_z));
        SR_TAKE(terms[k]->own, sr_arena_double(arena, SR_PAIR(s->n_z, 0)));
    }
    if (s->order < 2)
        return SR_OK;
    SR_TAKE(r->place, sr_arena_sizes(arena, s->P));
    SR_TAKE(r->slot, sr_arena_sizes(arena, s->P));
    SR_TAKE(r->entering, sr_arena_double(arena, s->P));
    return SR_OK;
}

static sr_status chunk_take(sr_context *ctx, const sr_illness_pass *s, sr_illness_chunk *c)
{
    SR_TAKE(c->gradient, (double *)sr_arena_zero(&ctx->arena, s->P, sizeof(double)));
    SR_TAKE(c->info, (double *)sr_arena_zero(&ctx->arena, s->P * s->P, sizeof(double)));
    return SR_OK;
}

static sr_status pass_take(sr_context *ctx, sr_illness_pass *s)
{
    int most = 0;
    for (size_t i = 0; i < s->n; i++)
        most = s->data->level[i] > most ? s->data->level[i] : most;
    if (most >= SR_ILLNESS_LEVELS)
        return SR_ERR_SIZE;
    for (int level = 0; level <= most; level++) {
        SR_TRY(sr_quad_between(ctx, level, &s->between[level]));
        SR_TRY(sr_quad_from_zero(ctx, level, &s->from_zero[level]));
    }
    SR_TAKE(s->chunks,
            (sr_illness_chunk *)sr_arena_zero(&ctx->arena, s->n_chunk, sizeof(sr_illness_chunk)));
    SR_TAKE(s->rooms,
            (sr_illness_room *)sr_arena_zero(&ctx->arena, s->n_room, sizeof(sr_illness_room)));
    for (size_t r = 0; r < s->n_room; r++)
        SR_TRY(room_take(ctx, s, &s->rooms[r]));
    for (size_t c = 0; s->order > 1 && c < s->n_chunk; c++)
        SR_TRY(chunk_take(ctx, s, &s->chunks[c]));
    return SR_OK;
}

/* --- nodes ---------------------------------------------------------------------------------------- */

static void eval_path(const sr_illness_pass *s, sr_illness_room *r, size_t k, size_t m, sr_jet *cum,
                      sr_jet *haz)
{
    const sr_hazard_rows rows = {.m = m, .x = r->x, .theta = r->node_theta, .order = s->order};
    sr_hazard_eval(&s->data->path[k].hazard, &rows, r->node_eta, r->work, cum, haz);
}

/* Progression at node j, then what was seen at C: joins row i. */
static void join_node(const sr_illness_pass *s, sr_illness_room *r, size_t from, size_t i, size_t j)
{
    sr_illness_clear(s, &r->node);
    double value = r->x[j] + r->log_weight[j];
    value += sr_illness_add_log_hazard(s, &r->node, SR_PATH_01, &r->haz, j);
    value += sr_illness_add_cum(s, &r->node, SR_PATH_01, &r->cum[SR_PATH_01], j, -1);
    value += sr_illness_add_cum(s, &r->node, SR_PATH_02, &r->cum[SR_PATH_02], j, -1);
    value += sr_illness_add_cum(s, &r->node, SR_PATH_12, &r->cum[SR_PATH_12], j, 1);
    value += sr_illness_add_cum(s, &r->node, SR_PATH_12, &r->end_cum[SR_PATH_12], i, -1);
    if (s->data->is_dead[from + i])
        value += sr_illness_add_log_hazard(s, &r->node, SR_PATH_12, &r->end_haz[SR_PATH_12], i);
    sr_illness_join(s, r, value);
}

/* All nodes that wait, in order; the row of the last one may have more to come. */
static void settle_nodes(const sr_illness_pass *s, sr_illness_room *r, size_t from)
{
    for (size_t k = 0; k < SR_N_PATH; k++) {
        for (size_t j = 0; j < r->n_node; j++)
            r->node_eta[j] = r->eta[k][r->node_row[j]];
        for (size_t t = 0; t < s->data->path[k].hazard.n_theta; t++)
            for (size_t j = 0; j < r->n_node; j++)
                r->node_theta[t * SR_BLOCK + j] = r->theta[k][t * SR_BLOCK + r->node_row[j]];
        if (r->n_node > 0)
            eval_path(s, r, k, r->n_node, &r->cum[k], k == SR_PATH_01 ? &r->haz : NULL);
    }
    for (size_t j = 0; j < r->n_node; j++) {
        sr_illness_go_to_row(s, r, from, r->node_row[j]);
        join_node(s, r, from, r->node_row[j], j);
    }
    r->n_node = 0;
}

static void push_node(const sr_illness_pass *s, sr_illness_room *r, size_t from, size_t i, double x,
                      double log_weight)
{
    if (r->n_node == SR_BLOCK)
        settle_nodes(s, r, from);
    r->x[r->n_node] = x;
    r->log_weight[r->n_node] = log_weight;
    r->node_row[r->n_node++] = i;
}

/* Nodes of row i: over (L, R] in pieces between the cuts, or R alone */
static void push_row(const sr_illness_pass *s, sr_illness_room *r, size_t from, size_t i)
{
    const sr_illness_data *const data = s->data;
    const size_t row = from + i;
    const int kind = data->kind[row], level = data->level[row];
    if (kind == SR_FOUND_AT)
        push_node(s, r, from, i, data->log_r[row], -data->log_r[row]);
    if (kind != SR_FOUND && kind != SR_UNSEEN)
        return;
    size_t next = 0;
    for (double left = data->log_l[row]; left < data->log_r[row];) {
        while (next < data->n_cut && data->cut[next] <= left)
            next++;
        const double cut = next < data->n_cut ? data->cut[next] : INFINITY;
        const double right = fmin(cut, data->log_r[row]);
        const int is_from_zero = left == -INFINITY;
        const sr_quad_rule *const rule = is_from_zero ? &s->from_zero[level] : &s->between[level];
        const double width = right - left, log_width = is_from_zero ? 0 : log(width);
        for (size_t k = 0; k < rule->n; k++)
            push_node(s, r, from, i,
                      is_from_zero ? right + rule->place[k] : left + rule->place[k] * width,
                      rule->log_weight[k] + log_width);
        left = right;
    }
}

/* --- blocks, chunks ------------------------------------------------------------------------------- */

/* eta and theta of rows [from, from + m) on path k */
static void set_path(const sr_illness_pass *s, sr_illness_room *r, size_t k, size_t from, size_t m)
{
    const sr_ttp_data *const path = &s->data->path[k];
    const size_t p = path->x.p, K = path->hazard.n_theta;
    const double *const gamma = s->coef[k] + p, *const extra = gamma + path->n_stratum * K;
    for (size_t i = 0; i < m; i++)
        r->eta[k][i] = path->offset != NULL ? path->offset[from + i] : 0;
    for (size_t j = 0; j < p; j++) {
        r->column[k][j] = sr_columns_at(&path->x, j, from, m, r->load[k] + j * SR_BLOCK);
        for (size_t i = 0; i < m; i++)
            r->eta[k][i] += s->coef[k][j] * r->column[k][j][i];
    }
    for (size_t i = 0; i < m; i++) {
        const size_t g = path->stratum != NULL ? (size_t)path->stratum[from + i] : 0;
        for (size_t t = 0; t < K; t++)
            r->theta[k][t * SR_BLOCK + i] = gamma[g * K + t];
    }
    for (size_t e = 0; e < path->n_extra; e++) {
        double *const theta = r->theta[k] + (path->extra[e].slot - 1) * SR_BLOCK;
        r->column[k][p + e] = path->extra[e].column + from;
        for (size_t i = 0; i < m; i++)
            theta[i] += extra[e] * r->column[k][p + e][i];
    }
}

/* Log times at which the rows of the block are asked next; any stands for one that is not finite. */
static void set_times(sr_illness_room *r, const double *log_time, size_t m)
{
    for (size_t i = 0; i < m; i++)
        r->x[i] = isfinite(log_time[i]) ? log_time[i] : 0;
}

/* The hazard of path k at those times */
static void eval_rows(const sr_illness_pass *s, sr_illness_room *r, size_t k, size_t m, sr_jet *cum,
                      sr_jet *haz)
{
    const sr_hazard_rows rows = {.m = m, .x = r->x, .theta = r->theta[k], .order = s->order};
    sr_hazard_eval(&s->data->path[k].hazard, &rows, r->eta[k], r->work, cum, haz);
}

static void run_block(const sr_illness_pass *s, sr_illness_room *r, size_t from, size_t m)
{
    const sr_illness_data *const data = s->data;
    for (size_t k = 0; k < SR_N_PATH; k++) {
        set_path(s, r, k, from, m);
        set_times(r, data->log_c + from, m);
        eval_rows(s, r, k, m, &r->end_cum[k], &r->end_haz[k]);
        if (data->log_e == NULL || k == SR_PATH_12)
            continue;
        set_times(r, data->log_e + from, m);
        eval_rows(s, r, k, m, &r->entry[k], NULL);
    }
    r->n_node = r->open = 0;
    sr_illness_begin_row(s, r, from, 0);
    for (size_t i = 0; i < m; i++)
        push_row(s, r, from, i);
    settle_nodes(s, r, from);
    sr_illness_go_to_row(s, r, from, m - 1);
    sr_illness_end_row(s, r, from, m - 1);
}

static void run_chunk(const sr_illness_pass *s, size_t index)
{
    sr_illness_room *const r = &s->rooms[s->n_room > 1 ? (size_t)sr_thread_number() : 0];
    const size_t end = sr_chunk_begin(s->n, s->n_chunk, index + 1);
    r->sum = &s->chunks[index];
    for (size_t from = sr_chunk_begin(s->n, s->n_chunk, index); from < end; from += SR_BLOCK)
        run_block(s, r, from, end - from < SR_BLOCK ? end - from : SR_BLOCK);
}

/* Chunks in groups of two a thread, with a tick before each */
static sr_status run(sr_context *ctx, sr_illness_pass *s)
{
    SR_TRY(pass_take(ctx, s));
    const size_t group = 2 * s->n_room;
    for (size_t from = 0; from < s->n_chunk; from += group) {
        const size_t left = s->n_chunk - from, count = left < group ? left : group;
        SR_TICK(ctx);
        SR_FOR_EACH(ctx, s->n_room > 1, c, count, run_chunk(s, from + c));
    }
    return SR_OK;
}

sr_status sr_illness_value(sr_context *ctx, const sr_illness_data *data, const double *coef,
                           double *f, double *gradient, double *info)
{
    if ((gradient == NULL) != (info == NULL))
        return SR_ERR_SIZE;
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    sr_illness_pass s = pass_begin(ctx, data, coef, info != NULL ? 2 : 0);
    SR_TRY(run(ctx, &s));
    *f = 0;
    for (size_t c = 0; c < s.n_chunk; c++)
        *f += s.chunks[c].f;
    if (info != NULL) {
        memset(gradient, 0, s.P * sizeof(double));
        memset(info, 0, s.P * s.P * sizeof(double));
    }
    for (size_t c = 0; info != NULL && c < s.n_chunk; c++)
        for (size_t j = 0; j < s.P; j++) {
            gradient[j] += s.chunks[c].gradient[j];
            for (size_t l = 0; l <= j; l++)
                info[j * s.P + l] += s.chunks[c].info[j * s.P + l];
        }
    for (size_t j = 0; info != NULL && j < s.P; j++)
        for (size_t l = 0; l < j; l++)
            info[l * s.P + j] = info[j * s.P + l];
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

sr_status sr_illness_rows(sr_context *ctx, const sr_illness_data *data, const double *coef,
                          double *value, double *score)
{
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    sr_illness_pass s = pass_begin(ctx, data, coef, score != NULL ? 1 : 0);
    s.value = value;
    s.score = score;
    SR_TRY(run(ctx, &s));
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}
