/* model_ttp.c -- see model_ttp.h */
#include "model_ttp.h"
#include "core_gram.h"
#include "core_simd.h"
#include "core_thread.h"
#include <math.h>
#include <string.h>

enum { ROWS_A_CHUNK = 2048, MOST_CHUNKS = 64, WIDE_CHUNKS = 12 };
/* Between two ticks, in rows of a Weibull: some milliseconds, far above the price of a wait */
enum { ROWS_A_TICK = 1 << 16 };

/* Scratch of one thread, small enough to stay in its second cache */
typedef struct {
    sr_censor_room censor;
    sr_jet row;                          /* of the log likelihood */
    double *eta, *theta, *column, *ones; /* [SR_BLOCK], but theta [K x SR_BLOCK] */
    double *load;                        /* [p x SR_BLOCK] a block of x, where it is not borrowed */
    const double **dense; /* [n_dense] columns of x, then the further ones, of this block */
} room;

/* What one chunk of rows sums up. Of stratum s and parameters k >= l:
 *   own[s * K + k]                  of u_k
 *   pair[(s * K (K + 1) / 2) + SR_PAIR(k, l)]   of W_kl
 *   cross[(s * K + k) * n_dense + j]            of W_k,slot(j) x_j, over the dense columns j */
typedef struct {
    sr_gram *gram; /* of x, with weights W_00 */
    double f;
    double *own, *pair, *cross;
    double *extra_score, *extra_info; /* [n_extra], [n_extra x n_dense] */
} chunk;

typedef struct {
    const sr_ttp_data *data;
    const double *coef;
    size_t n, p, K, n_stratum, n_extra, n_dense, n_chunk, n_room;
    int order;
    chunk *chunks;
    room *rooms;
} pass;

size_t sr_ttp_n_par(const sr_ttp_data *data)
{
    return data->x.p + data->n_stratum * data->hazard.n_theta + data->n_extra;
}

static pass pass_begin(const sr_context *ctx, const sr_ttp_data *data, const double *coef,
                       int order)
{
    const size_t rows_a_chunk = ROWS_A_CHUNK / data->hazard.family->cost;
    const size_t n_chunk = sr_chunk_count(data->times.n, rows_a_chunk, MOST_CHUNKS);
    return (pass){.data = data,
                  .coef = coef,
                  .n = data->times.n,
                  .p = data->x.p,
                  .K = data->hazard.n_theta,
                  .n_stratum = data->n_stratum,
                  .n_extra = data->n_extra,
                  .n_dense = data->x.p + data->n_extra,
                  .n_chunk = n_chunk,
                  .n_room = n_chunk >= WIDE_CHUNKS ? (size_t)ctx->n_thread : 1,
                  .order = order};
}

static sr_status room_take(sr_context *ctx, const pass *s, room *r)
{
    sr_arena *const arena = &ctx->arena;
    SR_TRY(sr_censor_room_take(ctx, s->K, &r->censor));
    SR_TRY(sr_jet_take(ctx, s->K, &r->row));
    SR_TAKE(r->eta, sr_arena_double(arena, SR_BLOCK));
    SR_TAKE(r->theta, sr_arena_double(arena, s->K * SR_BLOCK));
    SR_TAKE(r->column, sr_arena_double(arena, SR_BLOCK));
    SR_TAKE(r->ones, sr_arena_double(arena, SR_BLOCK));
    for (size_t i = 0; i < SR_BLOCK; i++)
        r->ones[i] = 1;
    SR_TAKE(r->load, sr_arena_double(arena, (s->p + 1) * SR_BLOCK));
    SR_TAKE(r->dense, (const double **)sr_arena_take(arena, s->n_dense + 1, sizeof(double *)));
    return SR_OK;
}

static sr_status chunk_take(sr_context *ctx, const pass *s, chunk *c)
{
    sr_arena *const arena = &ctx->arena;
    SR_TAKE(c->own, (double *)sr_arena_zero(arena, s->n_stratum * s->K, sizeof(double)));
    if (s->order < 2)
        return SR_OK;
    const size_t n_pair = s->n_stratum * SR_PAIR(s->K, 0);
    SR_TAKE(c->pair, (double *)sr_arena_zero(arena, n_pair, sizeof(double)));
    SR_TAKE(c->cross,
            (double *)sr_arena_zero(arena, s->n_stratum * s->K * (s->n_dense + 1), sizeof(double)));
    SR_TAKE(c->extra_score, (double *)sr_arena_zero(arena, s->n_extra + 1, sizeof(double)));
    SR_TAKE(c->extra_info,
            (double *)sr_arena_zero(arena, (s->n_extra + 1) * (s->n_dense + 1), sizeof(double)));
    return SR_OK;
}

static sr_status pass_take(sr_context *ctx, pass *s)
{
    SR_TAKE(s->chunks, (chunk *)sr_arena_zero(&ctx->arena, s->n_chunk, sizeof(chunk)));
    SR_TAKE(s->rooms, (room *)sr_arena_zero(&ctx->arena, s->n_room, sizeof(room)));
    for (size_t r = 0; r < s->n_room; r++)
        SR_TRY(room_take(ctx, s, &s->rooms[r]));
    sr_gram *gram = NULL;
    if (s->order > 1)
        SR_TRY(sr_gram_take(ctx, s->n_chunk, s->p, &gram));
    for (size_t c = 0; c < s->n_chunk; c++) {
        SR_TRY(chunk_take(ctx, s, &s->chunks[c]));
        s->chunks[c].gram = gram != NULL ? &gram[c] : NULL;
    }
    return SR_OK;
}

/* --- a block ---------------------------------------------------------------------------------- */

/* Which slot of z a dense column enters */
static size_t slot_of(const pass *s, size_t j)
{
    return j < s->p ? 0 : s->data->extra[j - s->p].slot;
}

SR_SIMD static void add_column(size_t m, double beta, const double *restrict x,
                               double *restrict eta)
{
#pragma omp simd
    for (size_t i = 0; i < m; i++)
        eta[i] += beta * x[i];
}

/* theta[i] = gamma[stratum[i] * stride] */
SR_SIMD static void fill_theta(size_t m, const int *restrict stratum, size_t stride,
                               const double *restrict gamma, double *restrict theta)
{
    if (stratum == NULL) {
#pragma omp simd
        for (size_t i = 0; i < m; i++)
            theta[i] = gamma[0];
        return;
    }
    for (size_t i = 0; i < m; i++)
        theta[i] = gamma[(size_t)stratum[i] * stride];
}

/* eta and theta of rows [from, from + m), and where the dense columns of the block stand */
static void set_parameters(const pass *s, room *r, size_t from, size_t m)
{
    const double *const gamma = s->coef + s->p, *const extra = gamma + s->n_stratum * s->K;
    for (size_t i = 0; i < m; i++)
        r->eta[i] = s->data->offset != NULL ? s->data->offset[from + i] : 0;
    for (size_t j = 0; j < s->n_dense; j++)
        r->dense[j] = j < s->p ? sr_columns_at(&s->data->x, j, from, m, r->load + j * SR_BLOCK)
                               : s->data->extra[j - s->p].column + from;
    for (size_t j = 0; j < s->p; j++)
        add_column(m, s->coef[j], r->dense[j], r->eta);
    const int *const stratum = s->data->stratum != NULL ? s->data->stratum + from : NULL;
    for (size_t k = 0; k < s->K; k++)
        fill_theta(m, stratum, s->K, gamma + k, r->theta + k * SR_BLOCK);
    for (size_t e = 0; e < s->n_extra; e++) {
        double *const theta = r->theta + (s->data->extra[e].slot - 1) * SR_BLOCK;
        add_column(m, extra[e], r->dense[s->p + e], theta);
    }
}

static void weigh(size_t m, size_t n_column, const double *weight, double *column)
{
    for (size_t a = 0; a < n_column; a++)
        for (size_t i = 0; i < m; i++)
            column[a * SR_BLOCK + i] *= weight[i];
}

/* Rows of one block, numbered from `stratum` on (NULL: all are one stratum) */
typedef struct {
    size_t m;
    const int *stratum;
} block_rows;

/* out[stratum * stride] += w_i x_i */
static void sum_by_stratum(block_rows rows, const double *w, const double *x, size_t stride,
                           double *out)
{
    if (rows.stratum == NULL) {
        out[0] += sr_dot(rows.m, w, x);
        return;
    }
    for (size_t i = 0; i < rows.m; i++)
        out[(size_t)rows.stratum[i] * stride] += w[i] * x[i];
}

/* The block's scores and information of everything but x by x, which the gram takes */
static void add_parameters(const pass *s, const room *r, chunk *c, size_t from, size_t m)
{
    const size_t K = s->K;
    const block_rows rows = {m, s->n_stratum > 1 ? s->data->stratum + from : NULL};
    for (size_t k = 0; k < K; k++) {
        sum_by_stratum(rows, r->row.first + (k + 1) * SR_BLOCK, r->ones, K, c->own + k);
        for (size_t l = 0; l <= k; l++)
            sum_by_stratum(rows, r->row.second + SR_PAIR(k + 1, l + 1) * SR_BLOCK, r->ones,
                           SR_PAIR(K, 0), c->pair + SR_PAIR(k, l));
        for (size_t j = 0; j < s->n_dense; j++) {
            const size_t a = slot_of(s, j), high = a > k + 1 ? a : k + 1, low = a + k + 1 - high;
            sum_by_stratum(rows, r->row.second + SR_PAIR(high, low) * SR_BLOCK, r->dense[j],
                           K * s->n_dense, c->cross + k * s->n_dense + j);
        }
    }
    for (size_t e = 0; e < s->n_extra; e++) {
        const size_t own = s->data->extra[e].slot;
        const double *const z = r->dense[s->p + e];
        c->extra_score[e] += sr_dot(m, r->row.first + own * SR_BLOCK, z);
        for (size_t j = 0; j <= s->p + e; j++) {
            const size_t a = slot_of(s, j), high = a > own ? a : own, low = a + own - high;
            const double *const W = r->row.second + SR_PAIR(high, low) * SR_BLOCK;
            for (size_t i = 0; i < m; i++)
                r->column[i] = W[i] * z[i];
            c->extra_info[e * s->n_dense + j] += sr_dot(m, r->column, r->dense[j]);
        }
    }
}

static void add_block(const pass *s, room *r, chunk *c, size_t from, size_t m)
{
    set_parameters(s, r, from, m);
    const sr_censor_rows rows = {&s->data->hazard, &s->data->times, from,    m,
                                 r->eta,           r->theta,        s->order};
    sr_censor_block(&rows, &r->censor, &r->row);
    if (s->data->weights != NULL) {
        const double *const w = s->data->weights + from;
        weigh(m, 1, w, r->row.value);
        if (s->order > 1) {
            weigh(m, 1 + s->K, w, r->row.first);
            weigh(m, SR_PAIR(1 + s->K, 0), w, r->row.second);
        }
    }
    c->f += sr_dot(m, r->row.value, r->ones);
    if (s->order < 2)
        return;
    add_parameters(s, r, c, from, m);
    for (size_t j = 0; j < s->p; j++)
        c->gram->column[j] = r->dense[j];
    if (s->p > 0)
        sr_gram_add(c->gram, m, r->row.second, r->row.first, NULL, 0);
}

static void run_chunk(const pass *s, size_t index)
{
    room *const r = &s->rooms[s->n_room > 1 ? (size_t)sr_thread_number() : 0];
    const size_t end = sr_chunk_begin(s->n, s->n_chunk, index + 1);
    for (size_t from = sr_chunk_begin(s->n, s->n_chunk, index); from < end; from += SR_BLOCK)
        add_block(s, r, &s->chunks[index], from, end - from < SR_BLOCK ? end - from : SR_BLOCK);
}

/* All chunks, in groups of at least two a thread, with a tick before each */
static sr_status run(sr_context *ctx, const pass *s)
{
    const size_t price = s->n / s->n_chunk * s->data->hazard.family->cost;
    const size_t enough = ROWS_A_TICK / (price + 1) + 1, few = 2 * s->n_room;
    const size_t group = enough > few ? enough : few;
    for (size_t from = 0; from < s->n_chunk; from += group) {
        const size_t left = s->n_chunk - from, count = left < group ? left : group;
        SR_TICK(ctx);
        SR_FOR_EACH(ctx, s->n_room > 1, c, count, run_chunk(s, from + c));
    }
    return SR_OK;
}

/* --- totals ----------------------------------------------------------------------------------- */

/* The sums of all chunks, in order, into those of the first */
static void add_chunks(const pass *s)
{
    chunk *const first = &s->chunks[0];
    const struct {
        size_t offset, size;
    } part[] = {{offsetof(chunk, own), s->n_stratum * s->K},
                {offsetof(chunk, pair), s->n_stratum * SR_PAIR(s->K, 0)},
                {offsetof(chunk, cross), s->n_stratum * s->K * s->n_dense},
                {offsetof(chunk, extra_score), s->n_extra},
                {offsetof(chunk, extra_info), s->n_extra * s->n_dense}};
    for (size_t c = 1; c < s->n_chunk; c++) {
        first->f += s->chunks[c].f;
        for (size_t k = 0; s->order > 1 && k < sizeof part / sizeof *part; k++) {
            double *const to = *(double **)((char *)first + part[k].offset);
            const double *const from = *(double **)((char *)&s->chunks[c] + part[k].offset);
            for (size_t j = 0; j < part[k].size; j++)
                to[j] += from[j];
        }
    }
}

static void put_pair(double *info, size_t P, size_t j, size_t k, double value)
{
    info[j * P + k] = info[k * P + j] = value;
}

/* From the sums to gradient and information in the order of the coefficients */
static sr_status lay_out(sr_context *ctx, const pass *s, size_t P, double *gradient, double *info)
{
    const chunk *const sum = &s->chunks[0];
    const size_t p = s->p, K = s->K, at_extra = p + s->n_stratum * K;
    memset(info, 0, P * P * sizeof(double));
    if (p > 0) {
        double *square;
        SR_TAKE(square, sr_arena_double(&ctx->arena, p * p));
        sr_gram_total(s->chunks[0].gram, s->n_chunk, square, gradient);
        for (size_t j = 0; j < p; j++)
            memcpy(info + j * P, square + j * p, p * sizeof(double));
    }
    memcpy(gradient + p, sum->own, s->n_stratum * K * sizeof(double));
    for (size_t g = 0; g < s->n_stratum; g++)
        for (size_t k = 0; k < K; k++) {
            const size_t row = p + g * K + k;
            for (size_t l = 0; l <= k; l++)
                put_pair(info, P, row, p + g * K + l, sum->pair[g * SR_PAIR(K, 0) + SR_PAIR(k, l)]);
            for (size_t j = 0; j < s->n_dense; j++)
                put_pair(info, P, row, j < p ? j : at_extra + j - p,
                         sum->cross[(g * K + k) * s->n_dense + j]);
        }
    for (size_t e = 0; e < s->n_extra; e++) {
        gradient[at_extra + e] = sum->extra_score[e];
        for (size_t j = 0; j <= p + e; j++)
            put_pair(info, P, at_extra + e, j < p ? j : at_extra + j - p,
                     sum->extra_info[e * s->n_dense + j]);
    }
    return SR_OK;
}

/* Each row of the root is a number that should be 0: its square keeps the digits that the product
 * of large weights with nearly linear coefficients would lose. */
static void penalise(const sr_ttp_data *data, size_t P, const double *coef, double *f,
                     double *gradient, double *info)
{
    const double *const root = data->penalty_root;
    for (size_t i = 0; i < P; i++) {
        double excess = 0;
        for (size_t j = 0; j < P; j++)
            excess += root[j * P + i] * coef[j];
        *f -= excess * excess / 2;
        for (size_t j = 0; gradient != NULL && j < P; j++)
            gradient[j] -= root[j * P + i] * excess;
    }
    for (size_t j = 0; info != NULL && j < P; j++)
        for (size_t k = 0; k < P; k++)
            for (size_t i = 0; i < P; i++)
                info[j * P + k] += root[j * P + i] * root[k * P + i];
}

sr_status sr_ttp_value(sr_context *ctx, const sr_ttp_data *data, const double *coef, double *f,
                       double *gradient, double *info)
{
    if ((gradient == NULL) != (info == NULL))
        return SR_ERR_SIZE;
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    const size_t P = sr_ttp_n_par(data);
    pass s = pass_begin(ctx, data, coef, info != NULL ? 2 : 0);
    SR_TRY(pass_take(ctx, &s));
    SR_TRY(run(ctx, &s));
    add_chunks(&s);
    *f = s.chunks[0].f;
    if (info != NULL)
        SR_TRY(lay_out(ctx, &s, P, gradient, info));
    if (data->penalty_root != NULL)
        penalise(data, P, coef, f, gradient, info);
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

sr_status sr_ttp_rows(sr_context *ctx, const sr_ttp_data *data, const double *coef, double *value,
                      double *score)
{
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    pass s = pass_begin(ctx, data, coef, 1);
    room r;
    SR_TRY(room_take(ctx, &s, &r));
    for (size_t from = 0; from < s.n; from += SR_BLOCK) {
        const size_t m = s.n - from < SR_BLOCK ? s.n - from : SR_BLOCK;
        SR_TICK(ctx);
        set_parameters(&s, &r, from, m);
        const sr_censor_rows rows = {&data->hazard, &data->times, from, m, r.eta, r.theta, 1};
        sr_censor_block(&rows, &r.censor, &r.row);
        memcpy(value + from, r.row.value, m * sizeof(double));
        for (size_t a = 0; a <= s.K; a++)
            memcpy(score + a * s.n + from, r.row.first + a * SR_BLOCK, m * sizeof(double));
    }
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}
