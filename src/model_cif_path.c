/* model_cif_path.c -- see model_cif_path.h */
#include "model_cif_path.h"

sr_status sr_cif_path_take(sr_context *ctx, const sr_cif_data *data, const sr_cif *cif,
                           sr_cif_path *out)
{
    const size_t n_cause = (size_t)data->n_cause;
    size_t rows = 1;
    for (int c = 0; c < data->n_curve; c++) {
        const size_t n = cif->begin[c + 1] - cif->begin[c] + 1;
        rows = n > rows ? n : rows;
    }
    *out = (sr_cif_path){.n_cause = n_cause, .n_cell = cif->n_cell};
    SR_TAKE(out->time, sr_arena_double(&ctx->arena, rows));
    SR_TAKE(out->v, sr_arena_double(&ctx->arena, rows));
    SR_TAKE(out->f, sr_arena_double(&ctx->arena, rows * (n_cause + 1)));
    SR_TAKE(out->g, sr_arena_double(&ctx->arena, rows * (n_cause + 1)));
    SR_TAKE(out->area_f, sr_arena_double(&ctx->arena, rows * (n_cause + 1)));
    SR_TAKE(out->area_g, sr_arena_double(&ctx->arena, rows * (n_cause + 1)));
    SR_TAKE(out->b, sr_arena_double(&ctx->arena, rows * n_cause));
    return SR_OK;
}

/* F, G and B of cause j */
static void follow_cause(const sr_cif *cif, const sr_cif_path *p, size_t j)
{
    double *const f = sr_path_column(p->f, p, j), *const g = sr_path_column(p->g, p, j);
    double *const b = sr_path_column(p->b, p, j - 1);
    const double *const event = cif->weight + j * p->n_cell + p->first;
    const double *const risk = cif->risk + p->first;
    f[0] = g[0] = b[0] = 0;
    for (size_t k = 0; k < p->n; k++) {
        const double step = event[k] / risk[k];
        f[k + 1] = cif->state[j * p->n_cell + p->first + k];
        g[k + 1] = g[k] + p->f[k] * (p->v[k] - 1 / risk[k]) * step;
        b[k + 1] = b[k] + step / risk[k];
    }
}

static void integrate(const sr_cif_path *p, const double *value, double *area)
{
    area[0] = 0;
    for (size_t k = 0; k < p->n; k++)
        area[k + 1] = area[k] + value[k] * (p->time[k + 1] - p->time[k]);
}

void sr_cif_path_follow(const sr_cif_data *data, const sr_cif *cif, int curve, sr_cif_path *p)
{
    p->first = cif->begin[curve];
    p->n = cif->begin[curve + 1] - p->first;
    p->time[0] = p->v[0] = p->g[0] = 0;
    p->f[0] = 1;
    for (size_t k = 0; k < p->n; k++) {
        const size_t cell = p->first + k;
        const double before = p->f[k], after = cif->state[cell];
        double step = 0;
        for (size_t j = 1; j <= p->n_cause; j++)
            step += cif->weight[j * p->n_cell + cell];
        step /= cif->risk[cell];
        p->time[k + 1] = cif->time[cell] - data->origin;
        /* once nobody is left, nothing moves any more */
        p->v[k + 1] = p->v[k];
        if (after > 0 && step > 0)
            p->v[k + 1] += step / (cif->risk[cell] * (after / before));
        p->f[k + 1] = after;
        p->g[k + 1] = p->v[k + 1] * after;
    }
    for (size_t j = 1; j <= p->n_cause; j++)
        follow_cause(cif, p, j);
    for (size_t j = 0; j <= p->n_cause; j++) {
        integrate(p, sr_path_column(p->f, p, j), sr_path_column(p->area_f, p, j));
        integrate(p, sr_path_column(p->g, p, j), sr_path_column(p->area_g, p, j));
    }
}
