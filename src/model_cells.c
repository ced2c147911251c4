/* model_cells.c -- see model_cells.h */
#include "model_cells.h"
#include "core_simd.h"
#include <math.h>
#include <string.h>

enum { CELL_TERMS = 18, CELLS_A_SIDE = 32, WIDTH = 16, HALF_WIDTH = 8 };
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
    cell cells[2 * CELLS_A_SIDE];
} cell_store;

static _Thread_local cell_store store;

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
    memset(out->term, 0, sizeof out->term);
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

/* --- a row ------------------------------------------------------------------------------------ */

/* Values, first derivatives and halves of the second, of `width` polynomials */
#define EVALUATE(name, width)                                                        \
    SR_SIMD static void name(double(*term)[WIDTH], double t, double *restrict value, \
                             double *restrict first, double *restrict second)        \
    {                                                                                \
        double v[width] = {0}, f[width] = {0}, s[width] = {0};                       \
        for (int degree = CELL_TERMS - 1; degree >= 0; degree--) {                   \
            const double *const at = term[degree];                                   \
            _Pragma("omp simd") for (int k = 0; k < width; k++)                      \
            {                                                                        \
                s[k] = s[k] * t + f[k];                                              \
                f[k] = f[k] * t + v[k];                                              \
                v[k] = v[k] * t + at[k];                                             \
            }                                                                        \
        }                                                                            \
        memcpy(value, v, sizeof v);                                                  \
        memcpy(first, f, sizeof f);                                                  \
        memcpy(second, s, sizeof s);                                                 \
    }
EVALUATE(evaluate_narrow, HALF_WIDTH)
EVALUATE(evaluate_wide, WIDTH)

static void take(const double *value, const double *first, const double *second, double per_half,
                 size_t n_shape, sr_small_jet *out)
{
    out->value = value[0];
    out->first[0] = first[0] * per_half;
    out->first[1] = value[1];
    out->second[SR_PAIR(0, 0)] = 2 * second[0] * per_half * per_half;
    out->second[SR_PAIR(1, 0)] = first[1] * per_half;
    out->second[SR_PAIR(1, 1)] = value[2];
    if (n_shape < 2)
        return;
    out->first[2] = value[3];
    out->second[SR_PAIR(2, 0)] = first[3] * per_half;
    out->second[SR_PAIR(2, 1)] = value[4];
    out->second[SR_PAIR(2, 2)] = value[5];
}

static void take_store(const sr_cells *of, const double *shape)
{
    store.of = of;
    memcpy(store.shape, shape, of->n_shape * sizeof(double));
    store.width = CELL_WIDTH / fmax(1, of->bend(shape));
    for (int k = 0; k < 2 * CELLS_A_SIDE; k++)
        store.cells[k].state = 0;
}

int sr_cells_row(const sr_cells *of, double w, const double *shape, int order, sr_small_jet *cum,
                 sr_small_jet *haz)
{
    (void)order;
    if (store.of != of || memcmp(store.shape, shape, of->n_shape * sizeof(double)) != 0)
        take_store(of, shape);
    const double place = floor(w / store.width);
    if (!(place >= -CELLS_A_SIDE && place < CELLS_A_SIDE))
        return 0;
    const double half = store.width / 2, middle = (place + 0.5) * store.width;
    cell *const at = &store.cells[(int)place + CELLS_A_SIDE];
    if (at->state == 0)
        fill(of, middle, half, shape, at);
    if (at->state < 0)
        return 0;
    double value[WIDTH], first[WIDTH], second[WIDTH];
    const double t = (w - middle) / half;
    const size_t per = of->n_shape > 1 ? 6 : 3;
    (of->n_shape > 1 ? evaluate_wide : evaluate_narrow)(at->term, t, value, first, second);
    take(value, first, second, 1 / half, of->n_shape, cum);
    take(value + per, first + per, second + per, 1 / half, of->n_shape, haz);
    return 1;
}
