/* model_location.c -- see model_location.h */
#include "model_location.h"
#include <math.h>

enum { X, MU, LAMBDA, SHAPE };

typedef struct {
    double first[3];     /* of w in x, mu, lambda */
    double mixed, twice; /* w_x,lambda (its negative is w_mu,lambda) and w_lambda,lambda */
} standardised;

static void write_row(const sr_location *location, const standardised *w, const sr_small_jet *in,
                      int order, size_t i, sr_jet *out)
{
    const size_t n_z = 3 + location->n_shape;
    out->value[i] = in->value;
    for (size_t a = 0; order > 0 && a < n_z; a++)
        out->first[a * SR_BLOCK + i] =
            a < SHAPE ? in->first[0] * w->first[a] : in->first[a - SHAPE + 1];
    for (size_t a = 0; order > 1 && a < n_z; a++)
        for (size_t b = 0; b <= a; b++) {
            double value;
            if (b >= SHAPE)
                value = in->second[SR_PAIR(a - SHAPE + 1, b - SHAPE + 1)];
            else if (a >= SHAPE)
                value = in->second[SR_PAIR(a - SHAPE + 1, 0)] * w->first[b];
            else
                value = in->second[0] * w->first[a] * w->first[b];
            if (a == LAMBDA)
                value += in->first[0] * (b == X ? w->mixed : b == MU ? -w->mixed : w->twice);
            out->second[SR_PAIR(a, b) * SR_BLOCK + i] = value;
        }
}

/* The shapes of row i; whether they differ from those before */
static int take_shapes(const sr_location *location, const sr_hazard_rows *rows, size_t i,
                       double *shape)
{
    int differs = i == 0;
    for (size_t k = 0; k < location->n_shape; k++) {
        const double value = rows->theta[(2 + k) * SR_BLOCK + i];
        differs |= value != shape[k];
        shape[k] = value;
    }
    return differs;
}

int sr_location_is_uniform(const sr_hazard_rows *rows, size_t from, size_t n_shape)
{
    for (size_t k = from; k < from + n_shape; k++)
        for (size_t i = 1; i < rows->m; i++)
            if (rows->theta[k * SR_BLOCK + i] != rows->theta[k * SR_BLOCK])
                return 0;
    return 1;
}

void sr_location_eval(const sr_location *location, const sr_hazard_rows *rows, sr_jet *cum,
                      sr_jet *haz)
{
    const double sign = location->is_inverse ? 1 : -1;
    double shape[SR_MOST_SHAPES + SR_MOST_PREPARED] = {0};
    const int has_cells =
        location->cells != NULL && sr_location_is_uniform(rows, 2, location->n_shape);
    for (size_t i = 0; i < rows->m; i++) {
        const double lambda = rows->theta[SR_BLOCK + i], rate = exp(sign * lambda);
        const double w = (rows->x[i] - rows->theta[i]) * rate;
        if (take_shapes(location, rows, i, shape) && location->prepare != NULL)
            location->prepare(shape);
        const standardised of = {
            .first = {rate, -rate, sign * w}, .mixed = sign * rate, .twice = w};
        sr_small_jet c, l;
        if (!has_cells || !sr_cells_row(location->cells, w, shape, rows->order, &c, &l))
            location->eval(w, shape, rows->order, haz != NULL, &c, &l);
        if (cum != NULL)
            write_row(location, &of, &c, rows->order, i, cum);
        if (haz == NULL)
            continue;
        write_row(location, &of, &l, rows->order, i, haz);
        haz->value[i] += sign * lambda - rows->x[i];
        if (rows->order > 0) {
            haz->first[X * SR_BLOCK + i] -= 1;
            haz->first[LAMBDA * SR_BLOCK + i] += sign;
        }
    }
}
