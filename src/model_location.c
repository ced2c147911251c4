/* model_location.c -- see model_location.h */
#include "model_location.h"
#include "core_simd.h"
#include <math.h>
#include <string.h>

enum { X, MU, LAMBDA, SHAPE };

/* --- in (w, shapes) --------------------------------------------------------------------------- */

static void put_row(const sr_small_jet *in, size_t n_shape, int order, size_t i, sr_standard *out)
{
    out->value[i] = in->value;
    for (size_t a = 0; order > 0 && a <= n_shape; a++)
        out->first[a * SR_BLOCK + i] = in->first[a];
    for (size_t k = 0; order > 1 && k < SR_PAIR(1 + n_shape, 0); k++)
        out->second[k * SR_BLOCK + i] = in->second[k];
}

/* The shapes of row i; whether they differ from those in hand */
static int take_shapes(size_t n_shape, const double *column, size_t i, double *shape)
{
    int differs = 0;
    for (size_t k = 0; k < n_shape; k++) {
        const double value = column[k * SR_BLOCK + i];
        differs |= value != shape[k];
        shape[k] = value;
    }
    return differs;
}

/* Rows of a block by their shapes, as those of strata: rows start[g] ... start[g + 1] - 1 of `order`
 * have the shapes of group g */
typedef struct {
    size_t n, start[SR_CELL_STORES + 1], order[SR_BLOCK];
} shape_groups;

static int has_shapes_of(const sr_standard_rows *rows, size_t n_shape, size_t i, size_t other)
{
    for (size_t k = 0; k < n_shape; k++)
        if (rows->shape[k * SR_BLOCK + i] != rows->shape[k * SR_BLOCK + other])
            return 0;
    return 1;
}

/* 0: there are more groups than stores */
static int group_shapes(const sr_standard_rows *rows, size_t n_shape, shape_groups *out)
{
    size_t first[SR_CELL_STORES], next[SR_CELL_STORES];
    unsigned char group[SR_BLOCK];
    memset(out->start, 0, sizeof out->start);
    out->n = 0;
    for (size_t i = 0; i < rows->m; i++) {
        size_t g = i > 0 && has_shapes_of(rows, n_shape, i, i - 1) ? group[i - 1] : 0;
        while (g < out->n && !has_shapes_of(rows, n_shape, i, first[g]))
            g++;
        if (g == SR_CELL_STORES)
            return 0;
        if (g == out->n)
            first[out->n++] = i;
        group[i] = (unsigned char)g;
        out->start[g + 1]++;
    }
    for (size_t g = 0; g < out->n; g++) {
        next[g] = out->start[g];
        out->start[g + 1] += out->start[g];
    }
    for (size_t i = 0; i < rows->m; i++)
        out->order[next[group[i]]++] = i;
    return 1;
}

/* From the cells; returns the number of rows left[] that have none. */
static size_t from_cells(const sr_location *location, const sr_standard_rows *rows, double *shape,
                         sr_standard *const out[2], size_t *left)
{
    shape_groups groups;
    size_t n_left = 0;
    if (location->cells == NULL || !group_shapes(rows, location->n_shape, &groups)) {
        for (size_t i = 0; i < rows->m; i++)
            left[i] = i;
        return rows->m;
    }
    for (size_t g = 0; g < groups.n; g++) {
        sr_standard_rows some = *rows;
        some.which = groups.order + groups.start[g];
        some.m = groups.start[g + 1] - groups.start[g];
        take_shapes(location->n_shape, rows->shape, some.which[0], shape);
        if (location->prepare != NULL)
            location->prepare(shape);
        n_left += sr_cells_block(location->cells, shape, &some, out[0], out[1], left + n_left);
    }
    return n_left;
}

void sr_standard_eval(const sr_location *location, const sr_standard_rows *rows, sr_standard *cum,
                      sr_standard *haz)
{
    const size_t n_shape = location->n_shape;
    double shape[SR_MOST_SHAPES + SR_MOST_PREPARED] = {NAN};
    size_t left[SR_BLOCK];
    sr_standard unasked;
    sr_standard *const out[] = {cum, haz != NULL ? haz : &unasked};
    const size_t n_left = from_cells(location, rows, shape, out, left);
    for (size_t j = 0; j < n_left; j++) {
        const size_t i = left[j];
        sr_small_jet c, l;
        if (take_shapes(n_shape, rows->shape, i, shape) && location->prepare != NULL)
            location->prepare(shape);
        location->eval(rows->w[i], shape, rows->order, haz != NULL, &c, &l);
        put_row(&c, n_shape, rows->order, i, cum);
        if (haz != NULL)
            put_row(&l, n_shape, rows->order, i, haz);
    }
}

/* --- in (x, mu, lambda, shapes) --------------------------------------------------------------- */

/* From derivatives in w to those in x, mu and lambda, for a block of rows. `rate` is w_x, `along`
 * is w_lambda = sign w; both have m rows. */
typedef struct {
    size_t m, n_shape;
    double sign;
    const double *rate, *along;
} standardised;

SR_SIMD static void multiply(size_t m, double sign, const double *restrict a,
                             const double *restrict b, double *restrict out)
{
#pragma omp simd
    for (size_t i = 0; i < m; i++)
        out[i] = sign * a[i] * b[i];
}

static void spread_first(const standardised *w, const double *first, double *out)
{
    multiply(w->m, 1, first, w->rate, out + X * SR_BLOCK);
    multiply(w->m, -1, first, w->rate, out + MU * SR_BLOCK);
    multiply(w->m, 1, first, w->along, out + LAMBDA * SR_BLOCK);
    for (size_t k = 0; k < w->n_shape; k++)
        memcpy(out + (SHAPE + k) * SR_BLOCK, first + (1 + k) * SR_BLOCK, w->m * sizeof(double));
}

/* The pairs among x, mu and lambda */
SR_SIMD static void spread_second(const standardised *w, const double *restrict slope,
                                  const double *restrict bend, double *restrict out)
{
    const double *restrict rate = w->rate, *restrict along = w->along;
    double *restrict xx = out + SR_PAIR(X, X) * SR_BLOCK, *restrict mx =
                                                              out + SR_PAIR(MU, X) * SR_BLOCK;
    double *restrict mm = out + SR_PAIR(MU, MU) * SR_BLOCK;
    double *restrict lx = out + SR_PAIR(LAMBDA, X) * SR_BLOCK;
    double *restrict lm = out + SR_PAIR(LAMBDA, MU) * SR_BLOCK;
    double *restrict ll = out + SR_PAIR(LAMBDA, LAMBDA) * SR_BLOCK;
    const double sign = w->sign;
#pragma omp simd
    for (size_t i = 0; i < w->m; i++) {
        const double twice = bend[i] * rate[i] * rate[i];
        const double mixed = rate[i] * (bend[i] * along[i] + sign * slope[i]);
        xx[i] = mm[i] = twice;
        mx[i] = -twice;
        lx[i] = mixed;
        lm[i] = -mixed;
        ll[i] = along[i] * (bend[i] * along[i] + sign * slope[i]);
    }
}

static void spread(const standardised *w, const sr_standard *in, int order, sr_jet *out)
{
    memcpy(out->value, in->value, w->m * sizeof(double));
    if (order > 0)
        spread_first(w, in->first, out->first);
    if (order < 2)
        return;
    spread_second(w, in->first, in->second, out->second);
    for (size_t k = 1; k <= w->n_shape; k++) {
        const double *const mixed = in->second + SR_PAIR(k, 0) * SR_BLOCK;
        const size_t at = SHAPE + k - 1;
        multiply(w->m, 1, mixed, w->rate, out->second + SR_PAIR(at, X) * SR_BLOCK);
        multiply(w->m, -1, mixed, w->rate, out->second + SR_PAIR(at, MU) * SR_BLOCK);
        multiply(w->m, 1, mixed, w->along, out->second + SR_PAIR(at, LAMBDA) * SR_BLOCK);
        for (size_t j = 1; j <= k; j++)
            memcpy(out->second + SR_PAIR(at, SHAPE + j - 1) * SR_BLOCK,
                   in->second + SR_PAIR(k, j) * SR_BLOCK, w->m * sizeof(double));
    }
}

/* l is the log hazard of w; that of t has log w'(x) - x besides. */
static void add_scale(const sr_hazard_rows *rows, double sign, sr_jet *haz)
{
    for (size_t i = 0; i < rows->m; i++)
        haz->value[i] += sign * rows->theta[SR_BLOCK + i] - rows->x[i];
    for (size_t i = 0; rows->order > 0 && i < rows->m; i++) {
        haz->first[X * SR_BLOCK + i] -= 1;
        haz->first[LAMBDA * SR_BLOCK + i] += sign;
    }
}

void sr_location_eval(const sr_location *location, const sr_hazard_rows *rows, sr_jet *cum,
                      sr_jet *haz)
{
    const double sign = location->is_inverse ? 1 : -1;
    const size_t m = rows->m;
    double rate[SR_BLOCK], w[SR_BLOCK], along[SR_BLOCK];
    sr_standard of_c, of_l;
    for (size_t i = 0; i < m; i++) {
        const double *const lambda = rows->theta + SR_BLOCK + i;
        rate[i] = i > 0 && lambda[0] == lambda[-1] ? rate[i - 1] : exp(sign * lambda[0]);
        w[i] = (rows->x[i] - rows->theta[i]) * rate[i];
        along[i] = sign * w[i];
    }
    const sr_standard_rows at = {m, w, rows->theta + 2 * SR_BLOCK, rows->order, NULL};
    sr_standard_eval(location, &at, &of_c, haz != NULL ? &of_l : NULL);
    const standardised by = {m, location->n_shape, sign, rate, along};
    if (cum != NULL)
        spread(&by, &of_c, rows->order, cum);
    if (haz == NULL)
        return;
    spread(&by, &of_l, rows->order, haz);
    add_scale(rows, sign, haz);
}
