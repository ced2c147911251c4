/* model_cells.c -- see model_cells.h */
#include "model_cells.h"
#include "core_simd.h"
#include <math.h>
#include <string.h>

enum { CELL_TERMS = 18, CELLS_A_SIDE = 32, N_CELL = 2 * CELLS_A_SIDE, WIDTH = 12, LANES = 8 };
static const double CELL_WIDTH = 0.5, CELL_STEEP = 8;

/* Series in (w - middle) / half. In each row: c and its derivatives in the shapes, then those of l,
 * one beside the other; with one shape 3 each, with two 6. */
typedef struct {
    int state; /* 0: not yet met, 1: filled, -1: too steep */
    double term[CELL_TERMS][WIDTH];
} cell;

typedef struct {
    const sr_cells *of;
    double shape[SR_MOST_SHAPES], width;
    cell cells[N_CELL];
} cell_store;

static _Thread_local cell_store stores[SR_CELL_STORES];
static _Thread_local int oldest = 0; /* the store that the next new shapes take */

/* --- filling a cell --------------------------------------------------------------------------- */

typedef struct {
    sr_dual A[CELL_TERMS], V[CELL_TERMS], D[CELL_TERMS], h[CELL_TERMS], r[CELL_TERMS];
    sr_dual l_slope[CELL_TERMS], r_growth[CELL_TERMS]; /* h - A, h - A - r */
} cell_series;

/* Term n of the product */
static sr_dual convolve(const sr_dual *x, const sr_dual *y, int degree)
{
    sr_dual sum = sr_dual_constant(0);
    for (int j = 0; j <= degree; j++)
        sum = sr_dual_add(sum, 1, sr_dual_multiply(x[j], y[degree - j]));
    return sum;
}

static void extend(cell_series *s, sr_dual P, int has_two_shapes)
{
    for (int degree = 0; degree + 1 < CELL_TERMS; degree++) {
        const double by = 1.0 / (degree + 1);
        s->l_slope[degree] = sr_dual_add(s->h[degree], -1, s->A[degree]);
        s->r_growth[degree] = sr_dual_add(s->l_slope[degree], -1, s->r[degree]);
        s->A[degree + 1] = sr_dual_scale(by, s->V[degree]);
        s->h[degree + 1] = sr_dual_scale(by, convolve(s->h, s->l_slope, degree));
        s->r[degree + 1] = sr_dual_scale(by, convolve(s->r, s->r_growth, degree));
        if (has_two_shapes) {
            s->V[degree + 1] = sr_dual_scale(by, convolve(s->D, s->V, degree));
            s->D[degree + 1] = sr_dual_scale(-by, sr_dual_multiply(P, s->V[degree]));
        } else
            s->V[degree + 1] = sr_dual_scale(by, sr_dual_multiply(s->D[0], s->V[degree]));
    }
}

static sr_dual dual_of_jet(const sr_small_jet *jet, size_t n_shape)
{
    sr_dual out = {jet->value, jet->first[1], 0, jet->second[SR_PAIR(1, 1)], 0, 0};
    if (n_shape > 1) {
        out.b = jet->first[2];
        out.ab = jet->second[SR_PAIR(2, 1)];
        out.bb = jet->second[SR_PAIR(2, 2)];
    }
    return out;
}

/* One dual of a row of terms */
static void put(sr_dual x, double weight, size_t n_shape, double *to)
{
    to[0] = weight * x.value;
    to[1] = weight * x.a;
    to[2] = weight * x.aa;
    if (n_shape < 2)
        return;
    to[3] = weight * x.b;
    to[4] = weight * x.ab;
    to[5] = weight * x.bb;
}

static void fill(const sr_cells *of, double middle, double half, const double *shape, cell *out)
{
    const size_t n_shape = of->n_shape, per = n_shape > 1 ? 6 : 3;
    sr_small_jet cum, haz;
    sr_cell_field field;
    cell_series s;
    of->row(middle, shape, 2, 1, &cum, &haz);
    const sr_dual c = dual_of_jet(&cum, n_shape), l = dual_of_jet(&haz, n_shape);
    const sr_dual log_r = sr_dual_add(l, -1, c);
    const double h = exp(l.value), r = exp(log_r.value);
    out->state = -1;
    if (!(h * half * 2 < CELL_STEEP * CELL_WIDTH && r * half * 2 < CELL_STEEP * CELL_WIDTH))
        return;
    of->field(middle, shape, &field);
    s.A[0] = field.A;
    s.V[0] = field.V;
    s.D[0] = field.D;
    s.h[0] = sr_dual_apply(l, h, h, h);
    s.r[0] = sr_dual_apply(log_r, r, r, r);
    extend(&s, field.P, n_shape > 1);
    put(c, 1, n_shape, out->term[0]);
    put(l, 1, n_shape, out->term[0] + per);
    double power = half;
    for (int degree = 1; degree < CELL_TERMS; degree++) {
        put(s.r[degree - 1], power / degree, n_shape, out->term[degree]);
        put(s.l_slope[degree - 1], power / degree, n_shape, out->term[degree] + per);
        power *= half;
    }
    out->state = 1;
}

/* --- rows ------------------------------------------------------------------------------------- */

/* Some rows of a cell, one beside the other */
typedef double lanes __attribute__((vector_size(LANES * sizeof(double))));

/* Values v, first derivatives f and halves s of the second of the polynomials k, k + 1 and k + 2 */
typedef struct {
    lanes v[3], f[3], s[3];
} three;

SR_SIMD static void evaluate(const double (*term)[WIDTH], size_t k, const lanes *place, three *out)
{
    const lanes t = *place, zero = {0};
    lanes v0 = zero, v1 = zero, v2 = zero, f0 = zero, f1 = zero, f2 = zero;
    lanes s0 = zero, s1 = zero, s2 = zero;
    for (int degree = CELL_TERMS - 1; degree >= 0; degree--) {
        const double *const at = term[degree] + k;
        s0 = s0 * t + f0;
        s1 = s1 * t + f1;
        s2 = s2 * t + f2;
        f0 = f0 * t + v0;
        f1 = f1 * t + v1;
        f2 = f2 * t + v2;
        v0 = v0 * t + at[0];
        v1 = v1 * t + at[1];
        v2 = v2 * t + at[2];
    }
    *out = (three){{v0, v1, v2}, {f0, f1, f2}, {s0, s1, s2}};
}

/* Where the rows of one go: `rows` of them, to which[]; per_half is dt/dw */
typedef struct {
    size_t rows;
    const size_t *which;
    double per_half;
} batch;

static void put_column(const batch *b, const lanes *x, double factor, double *out)
{
    const lanes y = *x * factor;
    if (b->rows == LANES) { /* as most are: written out by the compiler */
        for (size_t r = 0; r < LANES; r++)
            out[b->which[r]] = y[r];
        return;
    }
    for (size_t r = 0; r < b->rows; r++)
        out[b->which[r]] = y[r];
}

/* The variable and the first shape, from polynomials of the value and its two derivatives in it */
static void put_first_shape(const batch *b, const three *p, sr_standard *out)
{
    const double to_w = b->per_half;
    put_column(b, &p->v[0], 1, out->value);
    put_column(b, &p->f[0], to_w, out->first);
    put_column(b, &p->v[1], 1, out->first + SR_BLOCK);
    put_column(b, &p->s[0], 2 * to_w * to_w, out->second + SR_PAIR(0, 0) * SR_BLOCK);
    put_column(b, &p->f[1], to_w, out->second + SR_PAIR(1, 0) * SR_BLOCK);
    put_column(b, &p->v[2], 1, out->second + SR_PAIR(1, 1) * SR_BLOCK);
}

static void put_second_shape(const batch *b, const three *p, sr_standard *out)
{
    put_column(b, &p->v[0], 1, out->first + 2 * SR_BLOCK);
    put_column(b, &p->f[0], b->per_half, out->second + SR_PAIR(2, 0) * SR_BLOCK);
    put_column(b, &p->v[1], 1, out->second + SR_PAIR(2, 1) * SR_BLOCK);
    put_column(b, &p->v[2], 1, out->second + SR_PAIR(2, 2) * SR_BLOCK);
}

static void put_batch(const cell *at, const batch *b, const lanes *t, size_t n_shape,
                      sr_standard *const out[2])
{
    const size_t per = n_shape > 1 ? 6 : 3;
    three p;
    for (size_t k = 0; k < 2; k++) {
        evaluate(at->term, k * per, t, &p);
        put_first_shape(b, &p, out[k]);
        if (n_shape < 2)
            continue;
        evaluate(at->term, k * per + 3, t, &p);
        put_second_shape(b, &p, out[k]);
    }
}

static cell_store *take_store(const sr_cells *of, const double *shape)
{
    for (int s = 0; s < SR_CELL_STORES; s++) {
        int is_mine = stores[s].of == of;
        for (size_t k = 0; is_mine && k < of->n_shape; k++)
            is_mine = stores[s].shape[k] == shape[k];
        if (is_mine)
            return &stores[s];
    }
    cell_store *const taken = &stores[oldest];
    oldest = (oldest + 1) % SR_CELL_STORES;
    taken->of = of;
    memcpy(taken->shape, shape, of->n_shape * sizeof(double));
    taken->width = CELL_WIDTH / fmax(1, of->bend(shape));
    for (int k = 0; k < N_CELL; k++)
        taken->cells[k].state = 0;
    return taken;
}

/* Rows by cell, those of no cell last: order[start[k]] ... order[start[k + 1] - 1] are those of cell
 * k; t is the place of each row in its cell, from -1 to 1. */
typedef struct {
    size_t start[N_CELL + 2], order[SR_BLOCK];
    double t[SR_BLOCK];
} sorted_rows;

static void sort_rows(const sr_standard_rows *rows, double width, sorted_rows *out)
{
    unsigned char cell_of[SR_BLOCK];
    size_t next[N_CELL + 2];
    memset(out->start, 0, sizeof out->start);
    for (size_t r = 0; r < rows->m; r++) {
        const size_t i = rows->which != NULL ? rows->which[r] : r;
        const double place = rows->w[i] / width + CELLS_A_SIDE;
        const int is_in = place >= 0 && place < N_CELL;
        const int cell = is_in ? (int)place : N_CELL;
        out->t[i] = is_in ? 2 * (place - cell) - 1 : 0;
        cell_of[i] = (unsigned char)cell;
        out->start[cell + 1]++;
    }
    for (size_t k = 0; k <= N_CELL; k++)
        out->start[k + 1] += out->start[k];
    memcpy(next, out->start, sizeof next);
    for (size_t r = 0; r < rows->m; r++) {
        const size_t i = rows->which != NULL ? rows->which[r] : r;
        out->order[next[cell_of[i]]++] = i;
    }
}

size_t sr_cells_block(const sr_cells *of, const double *shape, const sr_standard_rows *rows,
                      sr_standard *cum, sr_standard *haz, size_t *left)
{
    sorted_rows sorted;
    size_t n_left = 0;
    cell_store *const mine = take_store(of, shape);
    const double half = mine->width / 2;
    sr_standard *const out[] = {cum, haz};
    sort_rows(rows, mine->width, &sorted);
    for (int k = 0; k <= N_CELL; k++) {
        const size_t end = sorted.start[k + 1];
        cell *const at = k < N_CELL ? &mine->cells[k] : NULL;
        if (at != NULL && at->state == 0 && sorted.start[k] < end)
            fill(of, (k - CELLS_A_SIDE + 0.5) * mine->width, half, shape, at);
        for (size_t from = sorted.start[k]; from < end; from += LANES) {
            const batch b = {end - from < LANES ? end - from : LANES, sorted.order + from,
                             1 / half};
            lanes t = {0};
            for (size_t r = 0; r < b.rows; r++)
                t[r] = sorted.t[b.which[r]];
            if (at != NULL && at->state > 0)
                put_batch(at, &b, &t, of->n_shape, out);
            else
                for (size_t r = 0; r < b.rows; r++)
                    left[n_left++] = b.which[r];
        }
    }
    return n_left;
}
