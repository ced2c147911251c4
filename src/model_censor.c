/* model_censor.c -- see model_censor.h */
#include "model_censor.h"
#include "core_exp.h"
#include "core_simd.h"
#include <math.h>
#include <string.h>

static const double NARROW = 1e-3; /* c_R - c_L below which an interval is integrated */
enum { N_NODE = 3 };
static const double NODE[N_NODE] = {0.11270166537925831148, 0.5, 0.88729833462074168852};
static const double LOG_WEIGHT[N_NODE] = {-1.2809338454620643, -0.8109302162163288,
                                          -1.2809338454620643}; /* log 5/18, 8/18, 5/18 */

sr_status sr_censor_room_take(sr_context *ctx, size_t n_theta, sr_censor_room *room)
{
    const size_t n_z = 1 + n_theta;
    sr_jet *const jets[] = {&room->cum, &room->haz, &room->cum_r, &room->node_cum, &room->node_haz};
    for (size_t k = 0; k < sizeof jets / sizeof *jets; k++)
        SR_TRY(sr_jet_take(ctx, n_theta, jets[k]));
    SR_TAKE(room->x, sr_arena_double(&ctx->arena, SR_BLOCK));
    SR_TAKE(room->eta, sr_arena_double(&ctx->arena, SR_BLOCK));
    SR_TAKE(room->theta, sr_arena_double(&ctx->arena, n_theta * SR_BLOCK));
    SR_TAKE(room->work, sr_arena_double(&ctx->arena, SR_BLOCK));
    SR_TAKE(room->row, sr_arena_double(&ctx->arena, n_z));
    SR_TAKE(room->mixture, sr_arena_double(&ctx->arena, SR_PAIR(n_z, 0)));
    return SR_OK;
}

typedef struct {
    const sr_censor_rows *rows;
    const sr_censored *times;
    size_t from, m, n_z;
    int order;
    sr_censor_room *room;
    sr_jet *out;
} block;

/* log(1 - e^-D) for D > 0 */
static double log_one_minus_exp(double D)
{
    return D > M_LN2 ? log1p(-exp(-D)) : log(-expm1(-D));
}

/* --- one time a row ------------------------------------------------------------------------- */

/* A function of c: its first and second derivative there */
typedef struct {
    double slope, bend;
} outer;

/* out += the derivatives of f(c(z)), c in row j of its jet, to row i. */
static void add_terms(const block *b, size_t i, size_t j, outer f, const sr_jet *cum)
{
    for (size_t a = 0; b->order > 0 && a < b->n_z; a++) {
        const double ca = cum->first[a * SR_BLOCK + j];
        b->out->first[a * SR_BLOCK + i] += f.slope * ca;
        for (size_t d = 0; b->order > 1 && d <= a; d++) {
            const size_t pair = SR_PAIR(a, d) * SR_BLOCK;
            b->out->second[pair + i] -=
                f.slope * cum->second[pair + j] + f.bend * ca * cum->first[d * SR_BLOCK + j];
        }
    }
}

/* What a block of right-censored and exact times is made of: l = is_event v - H, H = e^c */
typedef struct {
    double H[SR_BLOCK], is_event[SR_BLOCK];
} wide_rows;

SR_SIMD static void wide_first(size_t m, const wide_rows *rows, const double *restrict c,
                               const double *restrict v, double *restrict out)
{
#pragma omp simd
    for (size_t i = 0; i < m; i++)
        out[i] = rows->is_event[i] * v[i] - rows->H[i] * c[i];
}

/* Minus the second derivative: H (c_ad + c_a c_d) - is_event v_ad. `at` is where the pair stands. */
SR_SIMD static void wide_second(size_t m, const wide_rows *rows, const sr_jet *cum,
                                const sr_jet *haz, const size_t at[3], double *restrict out)
{
    const double *restrict ca = cum->first + at[0], *restrict cd = cum->first + at[1];
    const double *restrict cad = cum->second + at[2], *restrict vad = haz->second + at[2];
#pragma omp simd
    for (size_t i = 0; i < m; i++)
        out[i] = rows->H[i] * (cad[i] + ca[i] * cd[i]) - rows->is_event[i] * vad[i];
}

/* The usual case, whole columns at a time, so that the compiler makes them wide */
static void add_wide(const block *b, const wide_rows *rows)
{
    const sr_jet *const cum = &b->room->cum, *const haz = &b->room->haz;
    for (size_t i = 0; i < b->m; i++)
        b->out->value[i] = rows->is_event[i] * haz->value[i] - rows->H[i];
    for (size_t a = 0; b->order > 0 && a < b->n_z; a++) {
        wide_first(b->m, rows, cum->first + a * SR_BLOCK, haz->first + a * SR_BLOCK,
                   b->out->first + a * SR_BLOCK);
        for (size_t d = 0; b->order > 1 && d <= a; d++) {
            const size_t at[3] = {a * SR_BLOCK, d * SR_BLOCK, SR_PAIR(a, d) * SR_BLOCK};
            wide_second(b->m, rows, cum, haz, at, b->out->second + at[2]);
        }
    }
}

static void clear_row(const block *b, size_t i)
{
    b->out->value[i] = 0;
    for (size_t a = 0; b->order > 0 && a < b->n_z; a++)
        b->out->first[a * SR_BLOCK + i] = 0;
    for (size_t k = 0; b->order > 1 && k < SR_PAIR(b->n_z, 0); k++)
        b->out->second[k * SR_BLOCK + i] = 0;
}

/* log(1 - e^-H): f' = H q = b, f'' = b (1 - H - b) */
static void add_left(const block *b, size_t i)
{
    const double c = b->room->cum.value[i], H = exp(c);
    clear_row(b, i);
    b->out->value[i] = c < -40 ? c : log_one_minus_exp(H);
    const double by_c = c < -40 ? 1 : H / expm1(H);
    add_terms(b, i, i, (outer){by_c, by_c * (1 - H - by_c)}, &b->room->cum);
}

/* --- intervals ------------------------------------------------------------------------------ */

/* Row i between c_L (row i of cum) and c_R (row j of cum_r) */
static void add_interval(const block *b, size_t i, size_t j)
{
    const sr_jet *const left = &b->room->cum, *const right = &b->room->cum_r;
    const double c_l = left->value[i], c_r = right->value[j];
    const double log_d = c_r + log_one_minus_exp(c_r - c_l), D = exp(log_d);
    const double A = exp(c_l), B = exp(c_r), shape = D > 1e-300 ? D / expm1(D) : 1;
    const double alpha = exp(c_l - log_d) * shape, beta = exp(c_r - log_d) * shape;
    clear_row(b, i);
    b->out->value[i] = -A + (log_d < -40 ? log_d : log_one_minus_exp(D));
    add_terms(b, i, i, (outer){-(A + alpha), -(A + alpha) * (1 + alpha)}, left);
    add_terms(b, i, j, (outer){beta, beta * (1 - B - beta)}, right);
    const double both = alpha * (B + beta);
    for (size_t a = 0; b->order > 1 && a < b->n_z; a++)
        for (size_t d = 0; d <= a; d++)
            b->out->second[SR_PAIR(a, d) * SR_BLOCK + i] -=
                both * (left->first[a * SR_BLOCK + i] * right->first[d * SR_BLOCK + j] +
                        left->first[d * SR_BLOCK + i] * right->first[a * SR_BLOCK + j]);
}

/* The parameters of `count` rows of the block, one after the other */
static void gather(const block *b, size_t count, const size_t *which, const double *log_time)
{
    sr_censor_room *const room = b->room;
    for (size_t j = 0; j < count; j++) {
        room->x[j] = log_time[b->from + which[j]];
        room->eta[j] = b->rows->eta[which[j]];
    }
    for (size_t k = 0; k + 1 < b->n_z; k++)
        for (size_t j = 0; j < count; j++)
            room->theta[k * SR_BLOCK + j] = b->rows->theta[k * SR_BLOCK + which[j]];
}

static void eval_gathered(const block *b, size_t count, sr_jet *cum, sr_jet *haz)
{
    const sr_hazard_rows rows = {
        .m = count, .x = b->room->x, .theta = b->room->theta, .order = b->order};
    sr_hazard_eval(b->rows->hazard, &rows, b->room->eta, b->room->work, cum, haz);
}

/* Node k adds its density to a narrow interval. Log of the sum so far: value; its derivatives are
 * means over the nodes, so a new node with share p moves them by p times the difference. */
static void add_node(const block *b, size_t i, size_t j, double log_weight, int is_first)
{
    sr_jet *const cum = &b->room->node_cum, *const haz = &b->room->node_haz, *const out = b->out;
    const double H = exp(cum->value[j]);
    const double term = haz->value[j] - H + b->room->x[j] + log_weight;
    const double old = is_first ? -INFINITY : out->value[i];
    const double top = fmax(old, term);
    const double total = is_first ? term : top + log(exp(old - top) + exp(term - top));
    const double p = is_first ? 1 : exp(term - total);
    double *const first = b->room->row;
    for (size_t a = 0; b->order > 0 && a < b->n_z; a++)
        first[a] = haz->first[a * SR_BLOCK + j] - H * cum->first[a * SR_BLOCK + j];
    /* minus the second derivative of a log of a sum: mean of minus second derivatives, less the
     * spread of the first ones */
    for (size_t a = 0; b->order > 1 && a < b->n_z; a++)
        for (size_t d = 0; d <= a; d++) {
            const size_t pair = SR_PAIR(a, d) * SR_BLOCK;
            const double own = H * (cum->second[pair + j] +
                                    cum->first[a * SR_BLOCK + j] * cum->first[d * SR_BLOCK + j]) -
                               haz->second[pair + j];
            const double gap_a = first[a] - out->first[a * SR_BLOCK + i];
            const double gap_d = first[d] - out->first[d * SR_BLOCK + i];
            out->second[pair + i] = (1 - p) * out->second[pair + i] + p * own -
                                    (is_first ? 0 : p * (1 - p) * gap_a * gap_d);
        }
    for (size_t a = 0; b->order > 0 && a < b->n_z; a++)
        out->first[a * SR_BLOCK + i] += p * (first[a] - out->first[a * SR_BLOCK + i]);
    out->value[i] = total;
}

static void add_narrow(const block *b, size_t count, const size_t *which)
{
    const double *const log_l = b->times->log_t + b->from, *const log_r = b->times->log_r + b->from;
    for (size_t j = 0; j < count; j++)
        clear_row(b, which[j]);
    for (size_t k = 0; k < N_NODE; k++) {
        gather(b, count, which, b->times->log_t);
        for (size_t j = 0; j < count; j++)
            b->room->x[j] += NODE[k] * (log_r[which[j]] - log_l[which[j]]);
        eval_gathered(b, count, &b->room->node_cum, &b->room->node_haz);
        for (size_t j = 0; j < count; j++) {
            const double width = log_r[which[j]] - log_l[which[j]];
            add_node(b, which[j], j, LOG_WEIGHT[k] + log(width), k == 0);
        }
    }
}

static void add_intervals(const block *b, size_t count, const size_t *which)
{
    size_t narrow[SR_BLOCK], n_narrow = 0;
    gather(b, count, which, b->times->log_r);
    eval_gathered(b, count, &b->room->cum_r, NULL);
    for (size_t j = 0; j < count; j++) {
        if (b->room->cum_r.value[j] - b->room->cum.value[which[j]] < NARROW)
            narrow[n_narrow++] = which[j];
        else
            add_interval(b, which[j], j);
    }
    if (n_narrow > 0)
        add_narrow(b, n_narrow, narrow);
}

/* --- delayed entry -------------------------------------------------------------------------- */

/* + H(E): f' = f'' = H in c */
static void add_entry(const block *b)
{
    size_t which[SR_BLOCK], count = 0;
    for (size_t i = 0; i < b->m; i++)
        if (b->times->log_e[b->from + i] > -INFINITY)
            which[count++] = i;
    if (count == 0)
        return;
    gather(b, count, which, b->times->log_e);
    eval_gathered(b, count, &b->room->cum_r, NULL);
    for (size_t j = 0; j < count; j++) {
        const double H = exp(b->room->cum_r.value[j]);
        b->out->value[which[j]] += H;
        add_terms(b, which[j], j, (outer){H, H}, &b->room->cum_r);
    }
}

void sr_censor_block(const sr_censor_rows *rows, sr_censor_room *room, sr_jet *out)
{
    const sr_censored *const times = rows->times;
    const size_t from = rows->from, m = rows->m;
    const block b = {rows, times, from, m, 1 + rows->hazard->n_theta, rows->order, room, out};
    size_t interval[SR_BLOCK], n_interval = 0;
    wide_rows wide;
    int has_left = 0, has_nothing = 0;
    for (size_t i = 0; i < m; i++) {
        const int kind = times->kind[from + i];
        wide.is_event[i] = kind == SR_EXACT;
        has_left |= kind == SR_LEFT;
        has_nothing |= kind == SR_NOTHING;
        if (kind == SR_INTERVAL)
            interval[n_interval++] = i;
        room->x[i] = kind == SR_NOTHING ? 0 : times->log_t[from + i];
    }
    const sr_hazard_rows at = {.m = m, .x = room->x, .theta = rows->theta, .order = rows->order};
    sr_hazard_eval(rows->hazard, &at, rows->eta, room->work, &room->cum, &room->haz);
    memcpy(wide.H, room->cum.value, m * sizeof(double));
    sr_exp_block(m, wide.H);
    for (size_t i = 0; i < m; i++)
        wide.H[i] = room->cum.value[i] < 709 ? wide.H[i] : exp(room->cum.value[i]);
    add_wide(&b, &wide);
    for (size_t i = 0; has_left && i < m; i++)
        if (times->kind[from + i] == SR_LEFT)
            add_left(&b, i);
    if (n_interval > 0)
        add_intervals(&b, n_interval, interval);
    for (size_t i = 0; has_nothing && i < m; i++)
        if (times->kind[from + i] == SR_NOTHING)
            clear_row(&b, i);
    if (times->log_e != NULL)
        add_entry(&b);
}
