/* model_censor.c -- see model_censor.h */
#include "model_censor.h"
#include "core_exp.h"
#include "core_simd.h"
#include "model_censor_narrow.h"
#include "model_outer.h"
#include <math.h>
#include <string.h>

static const double NARROW = 1e-3; /* c_R - c_L below which an interval is integrated */
static const double FEW = 0.03;    /* ... unless D is larger: then no digits are lost */

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
    SR_TAKE(room->least, sr_arena_double(&ctx->arena, SR_BLOCK));
    SR_TAKE(room->most, sr_arena_double(&ctx->arena, SR_BLOCK));
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

/* --- one time a row ------------------------------------------------------------------------- */

/* Row i of a block is  l = is_event v(z) + f(c(z), ...):  the first two derivatives of f in c. Rows
 * that are no such thing have 0 throughout. */
typedef struct {
    double is_event[SR_BLOCK], slope[SR_BLOCK], bend[SR_BLOCK];
} outer;

SR_SIMD static void wide_first(size_t m, const outer *f, const double *restrict c,
                               const double *restrict v, double *restrict out)
{
    if (v == NULL) {
#pragma omp simd
        for (size_t i = 0; i < m; i++)
            out[i] = f->slope[i] * c[i];
        return;
    }
#pragma omp simd
    for (size_t i = 0; i < m; i++)
        out[i] = f->is_event[i] * v[i] + f->slope[i] * c[i];
}

/* Minus the second derivative, from those of c in z_a, z_d and the pair */
SR_SIMD static void wide_second(size_t m, const outer *f, const double *const restrict c[3],
                                const double *restrict v, double *restrict out)
{
    const double *restrict ca = c[0], *restrict cd = c[1], *restrict cad = c[2];
    if (v == NULL) {
#pragma omp simd
        for (size_t i = 0; i < m; i++)
            out[i] = -f->slope[i] * cad[i] - f->bend[i] * ca[i] * cd[i];
        return;
    }
#pragma omp simd
    for (size_t i = 0; i < m; i++)
        out[i] = -f->is_event[i] * v[i] - f->slope[i] * cad[i] - f->bend[i] * ca[i] * cd[i];
}

/* The derivatives of all rows, whole columns at a time; haz NULL: there is no event. */
static void add_wide(const block *b, const outer *f, const sr_jet *haz)
{
    const sr_jet *const cum = &b->room->cum;
    for (size_t a = 0; b->order > 0 && a < b->n_z; a++) {
        const size_t at_a = a * SR_BLOCK;
        wide_first(b->m, f, cum->first + at_a, haz != NULL ? haz->first + at_a : NULL,
                   b->out->first + at_a);
        for (size_t d = 0; b->order > 1 && d <= a; d++) {
            const size_t pair = SR_PAIR(a, d) * SR_BLOCK;
            const double *const c[3] = {cum->first + at_a, cum->first + d * SR_BLOCK,
                                        cum->second + pair};
            wide_second(b->m, f, c, haz != NULL ? haz->second + pair : NULL, b->out->second + pair);
        }
    }
}

/* Rows `which` in (0, R] */
static void set_left(const block *b, size_t count, const size_t *which, outer *f)
{
    double c[SR_BLOCK];
    sr_outer left;
    for (size_t j = 0; j < count; j++)
        c[j] = b->room->cum.value[which[j]];
    sr_outer_left(count, c, &left);
    for (size_t j = 0; j < count; j++) {
        b->out->value[which[j]] = left.value[j];
        f->slope[which[j]] = left.slope[j];
        f->bend[which[j]] = left.bend[j];
    }
}

/* --- intervals ------------------------------------------------------------------------------ */

/* Rows of a block, in their order */
typedef struct {
    size_t count, which[SR_BLOCK];
} row_list;

/* What the right ends add to the derivatives */
static void add_right_ends(const block *b, const row_list *rows, const sr_outer *ends)
{
    const sr_jet *const left = &b->room->cum, *const end = &b->room->cum_r;
    for (size_t a = 0; b->order > 0 && a < b->n_z; a++) {
        const double *const ra = end->first + a * SR_BLOCK, *const la = left->first + a * SR_BLOCK;
        double *const first = b->out->first + a * SR_BLOCK;
        for (size_t j = 0; j < rows->count; j++)
            first[rows->which[j]] += ends->slope_r[j] * ra[j];
        for (size_t d = 0; b->order > 1 && d <= a; d++) {
            const size_t pair = SR_PAIR(a, d) * SR_BLOCK;
            const double *const rd = end->first + d * SR_BLOCK, *const rad = end->second + pair;
            const double *const ld = left->first + d * SR_BLOCK;
            double *const second = b->out->second + pair;
            for (size_t j = 0; j < rows->count; j++) {
                const size_t i = rows->which[j];
                second[i] -= ends->slope_r[j] * rad[j] + ends->bend_r[j] * ra[j] * rd[j] +
                             ends->both[j] * (la[i] * rd[j] + ld[i] * ra[j]);
            }
        }
    }
}

void sr_censor_gather(const sr_censor_rows *rows, sr_censor_room *room, size_t count,
                      const size_t *which, const double *log_time)
{
    for (size_t j = 0; j < count; j++) {
        room->x[j] = log_time[rows->from + which[j]];
        room->eta[j] = rows->eta[which[j]];
    }
    for (size_t k = 0; k < rows->hazard->n_theta; k++)
        for (size_t j = 0; j < count; j++)
            room->theta[k * SR_BLOCK + j] = rows->theta[k * SR_BLOCK + which[j]];
}

void sr_censor_eval_gathered(const sr_censor_rows *rows, sr_censor_room *room, size_t count,
                             sr_jet *cum, sr_jet *haz)
{
    const sr_hazard_rows at = {
        .m = count, .x = room->x, .theta = room->theta, .order = rows->order};
    sr_hazard_eval(rows->hazard, &at, room->eta, room->work, cum, haz);
}

/* Values and outer derivatives of the rows in (L, R]; the narrow ones are listed, and have none. */
static void set_intervals(const block *b, const row_list *rows, outer *f, sr_outer *ends,
                          row_list *narrow)
{
    const double *const value = b->room->cum.value, *const c_r = b->room->cum_r.value;
    double c_l[SR_BLOCK];
    sr_censor_gather(b->rows, b->room, rows->count, rows->which, b->times->log_r);
    sr_censor_eval_gathered(b->rows, b->room, rows->count, &b->room->cum_r, NULL);
    for (size_t j = 0; j < rows->count; j++)
        c_l[j] = value[rows->which[j]];
    sr_outer_interval(rows->count, c_l, c_r, ends);
    for (size_t j = 0; j < rows->count; j++) {
        const size_t i = rows->which[j];
        const double gap = c_r[j] - c_l[j];
        if (gap < NARROW && exp(c_l[j]) * gap < FEW) {
            narrow->which[narrow->count++] = i;
            ends->slope[j] = ends->bend[j] = 0;
            ends->slope_r[j] = ends->bend_r[j] = ends->both[j] = 0;
        }
        b->out->value[i] = ends->value[j];
        f->slope[i] = ends->slope[j];
        f->bend[i] = ends->bend[j];
    }
}

/* --- delayed entry -------------------------------------------------------------------------- */

/* + H(E): f' = f'' = H in c */
static void add_entry(const block *b)
{
    row_list late = {.count = 0};
    sr_outer ends;
    for (size_t i = 0; i < b->m; i++)
        if (b->times->log_e[b->from + i] > -INFINITY)
            late.which[late.count++] = i;
    if (late.count == 0)
        return;
    sr_censor_gather(b->rows, b->room, late.count, late.which, b->times->log_e);
    sr_censor_eval_gathered(b->rows, b->room, late.count, &b->room->cum_r, NULL);
    for (size_t j = 0; j < late.count; j++) {
        ends.slope_r[j] = ends.bend_r[j] = exp(b->room->cum_r.value[j]);
        ends.both[j] = 0;
        b->out->value[late.which[j]] += ends.slope_r[j];
    }
    add_right_ends(b, &late, &ends);
}

/* --- all of a block --------------------------------------------------------------------------- */

/* H of every row, e^c; Inf beyond the range of a double */
static void set_cum_hazard(size_t m, const double *c, double *H)
{
    memcpy(H, c, m * sizeof(double));
    sr_exp_block(m, H);
    for (size_t i = 0; i < m; i++)
        H[i] = c[i] < 709 ? H[i] : exp(c[i]);
}

/* Which rows are left-censored, and which in an interval; written without a branch, since the kinds
 * of rows follow no pattern that a processor could foresee. */
static void list_rows(size_t m, const int *kind, row_list *left, row_list *interval)
{
    left->count = interval->count = 0;
    for (size_t i = 0; i < m; i++) {
        left->which[left->count] = interval->which[interval->count] = i;
        left->count += kind[i] == SR_LEFT;
        interval->count += kind[i] == SR_INTERVAL;
    }
}

/* Values and outer derivatives of exact and right-censored rows; 0 of the others. */
SR_SIMD static void set_plain(size_t m, const int *restrict kind, const double *restrict log_hazard,
                              double *restrict value, outer *restrict f)
{
#pragma omp simd
    for (size_t i = 0; i < m; i++) {
        const double H = kind[i] == SR_RIGHT || kind[i] == SR_EXACT ? f->slope[i] : 0;
        value[i] = -H;
        f->slope[i] = f->bend[i] = -H;
    }
    if (log_hazard == NULL)
        return;
#pragma omp simd
    for (size_t i = 0; i < m; i++)
        value[i] += kind[i] == SR_EXACT ? log_hazard[i] : 0;
}

void sr_censor_block(const sr_censor_rows *rows, sr_censor_room *room, sr_jet *out)
{
    const sr_censored *const times = rows->times;
    const size_t from = rows->from, m = rows->m;
    const int *const kind = times->kind + from;
    const block b = {rows, times, from, m, 1 + rows->hazard->n_theta, rows->order, room, out};
    outer f;
    sr_outer ends;
    row_list left, interval, narrow = {.count = 0};
    int has_event = 0;
    for (size_t i = 0; i < m; i++) {
        f.is_event[i] = kind[i] == SR_EXACT;
        has_event |= kind[i] == SR_EXACT;
        room->x[i] = kind[i] == SR_NOTHING ? 0 : times->log_t[from + i];
    }
    list_rows(m, kind, &left, &interval);
    const sr_hazard_rows at = {.m = m, .x = room->x, .theta = rows->theta, .order = rows->order};
    sr_jet *const haz = has_event ? &room->haz : NULL;
    sr_hazard_eval(rows->hazard, &at, rows->eta, room->work, &room->cum, haz);
    set_cum_hazard(m, room->cum.value, f.slope);
    set_plain(m, kind, haz != NULL ? haz->value : NULL, out->value, &f);
    if (left.count > 0)
        set_left(&b, left.count, left.which, &f);
    if (interval.count > 0)
        set_intervals(&b, &interval, &f, &ends, &narrow);
    add_wide(&b, &f, haz);
    if (interval.count > 0)
        add_right_ends(&b, &interval, &ends);
    if (narrow.count > 0)
        sr_censor_narrow(rows, room, narrow.count, narrow.which, out);
    if (times->log_e != NULL)
        add_entry(&b);
}
