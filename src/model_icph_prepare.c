/* model_icph_prepare.c -- rows in the order of their groups, columns centred and scaled
 *
 * A column is aliased when, centred within strata, it is a combination of the columns before it:
 * any constant of a stratum goes into that stratum's baseline. Cost O(n p^2).
 */
#include "core_linalg.h"
#include "model_icph.h"
#include <math.h>
#include <string.h>

static const double ALIASED = 1e-11;  /* of a column's variance, what others leave of it */
static const double CONSTANT = 1e-20; /* of its mean square */
enum { ROWS_A_CHUNK = 4096, MOST_CHUNKS = 64 };

/* Pieces of about equal numbers of rows; they depend on the groups alone. */
static sr_status make_chunks(sr_context *ctx, sr_icph_model *out)
{
    const sr_icph_layout *const layout = &out->layout;
    const size_t most = sr_chunk_count(out->n, ROWS_A_CHUNK, MOST_CHUNKS);
    SR_TAKE(out->chunk, sr_arena_sizes(&ctx->arena, most + 2));
    size_t g = 0;
    out->n_chunk = 0;
    while (g < layout->n_group) {
        out->chunk[out->n_chunk++] = g;
        const size_t until = sr_chunk_begin(out->n, most, out->n_chunk);
        do
            g++;
        while (g < layout->n_group && (layout->begin[g] < until || out->n_chunk == most));
    }
    out->chunk[out->n_chunk] = layout->n_group;
    return SR_OK;
}

static void load_column(sr_icph_model *out, const double *column, size_t j)
{
    double total = 0, mean = 0;
    for (size_t i = 0; i < out->n; i++) {
        total += out->weight[i];
        mean += out->weight[i] * (column[out->layout.order[i]] - column[0]);
    }
    out->centre[j] = column[0] + mean / total;
    for (size_t i = 0; i < out->n; i++)
        out->x[i * out->p + j] = column[out->layout.order[i]] - out->centre[j];
}

/* Cross-products of the columns centred within strata. */
static sr_status within_strata(sr_context *ctx, const sr_icph_model *model, const int *stratum,
                               size_t n_stratum, double *gram)
{
    const size_t p = model->p;
    double *mean = NULL, *total = NULL, *z = NULL;
    SR_TAKE(mean, (double *)sr_arena_zero(&ctx->arena, n_stratum * p + 1, sizeof(double)));
    SR_TAKE(total, (double *)sr_arena_zero(&ctx->arena, n_stratum + 1, sizeof(double)));
    SR_TAKE(z, sr_arena_double(&ctx->arena, p + 1));
    memset(gram, 0, p * p * sizeof(double));
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < model->n; i++) {
            const size_t s = stratum == NULL ? 0 : (size_t)stratum[model->layout.order[i]];
            const double w = model->weight[i];
            if (pass == 0)
                total[s] += w;
            for (size_t j = 0; j < p; j++) {
                if (pass == 0)
                    mean[s * p + j] += w * model->x[i * p + j];
                else
                    z[j] = model->x[i * p + j] - mean[s * p + j] / total[s];
            }
            for (size_t j = 0; pass == 1 && j < p; j++)
                for (size_t k = 0; k <= j; k++)
                    gram[j * p + k] += w * z[j] * z[k];
        }
    return SR_OK;
}

/* Standard deviations within strata, 0 for what is aliased; columns divided by them. */
static sr_status scale_columns(sr_context *ctx, sr_icph_model *model, const sr_columns *columns,
                               const int *stratum, size_t n_stratum)
{
    const size_t p = model->p, n = model->n;
    double *gram = NULL, total = 0;
    SR_TAKE(gram, sr_arena_double(&ctx->arena, p * p + 1));
    SR_TRY(within_strata(ctx, model, stratum, n_stratum, gram));
    for (size_t i = 0; i < n; i++)
        total += model->weight[i];
    for (size_t j = 0; j < p; j++) {
        double square = 0;
        for (size_t i = 0; i < n; i++)
            square += model->weight[i] * columns->x[j][model->layout.order[i]] *
                      columns->x[j][model->layout.order[i]];
        model->scale[j] = gram[j * p + j] > CONSTANT * square ? sqrt(gram[j * p + j] / total) : 0;
    }
    for (size_t j = 0; j < p; j++)
        for (size_t k = 0; k <= j; k++) {
            const double size = model->scale[j] * model->scale[k];
            gram[j * p + k] = size > 0 ? gram[j * p + k] / (size * total) : 0;
        }
    (void)sr_ldl_factor(p, gram, ALIASED);
    for (size_t j = 0; j < p; j++) {
        if (gram[j * p + j] == 0)
            model->scale[j] = 0;
        for (size_t i = 0; i < n; i++)
            model->x[i * p + j] = model->scale[j] > 0 ? model->x[i * p + j] / model->scale[j] : 0;
    }
    return SR_OK;
}

sr_status sr_icph_prepare(sr_context *ctx, const sr_icph_times *times, const sr_columns *columns,
                          const double *weight, const double *offset, sr_icph_model *out)
{
    const size_t n = times->n, p = columns->p;
    *out = (sr_icph_model){.n = n, .p = p};
    SR_TRY(sr_icph_lay_out(ctx, times, &out->layout));
    SR_TRY(make_chunks(ctx, out));
    SR_TAKE(out->x, sr_arena_double(&ctx->arena, n * p + 1));
    SR_TAKE(out->weight, sr_arena_double(&ctx->arena, n + 1));
    SR_TAKE(out->offset, sr_arena_double(&ctx->arena, n + 1));
    SR_TAKE(out->centre, sr_arena_double(&ctx->arena, p + 1));
    SR_TAKE(out->scale, sr_arena_double(&ctx->arena, p + 1));
    for (size_t i = 0; i < n; i++) {
        const size_t row = out->layout.order[i];
        out->weight[i] = weight == NULL ? 1 : weight[row];
        out->offset[i] = offset == NULL ? 0 : offset[row];
    }
    for (size_t j = 0; j < p; j++)
        load_column(out, columns->x[j], j);
    return p == 0 ? SR_OK : scale_columns(ctx, out, columns, times->stratum, times->n_stratum);
}
