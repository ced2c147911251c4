/* model_hazard_table.c -- see model_hazard_table.h */
#include "model_hazard_table.h"
#include <string.h>

static void copy_columns(const double *from, size_t m, size_t n_column, size_t n, double *to)
{
    for (size_t a = 0; a < n_column; a++)
        memcpy(to + a * n, from + a * SR_BLOCK, m * sizeof(double));
}

/* Rows [begin, begin + m) of a jet */
static void copy_jet(const sr_jet *from, const sr_hazard_query *query, size_t begin, size_t m,
                     size_t n_z, sr_jet *to)
{
    memcpy(to->value + begin, from->value, m * sizeof(double));
    if (query->order > 0)
        copy_columns(from->first, m, n_z, query->n, to->first + begin);
    if (query->order > 1)
        copy_columns(from->second, m, SR_PAIR(n_z, 0), query->n, to->second + begin);
}

sr_status sr_hazard_table(sr_context *ctx, const sr_hazard *hazard, const sr_hazard_query *query,
                          sr_jet *cum, sr_jet *haz)
{
    const size_t K = hazard->n_theta, n = query->n;
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    sr_jet c, v;
    double *theta, *work;
    SR_TRY(sr_jet_take(ctx, K, &c));
    SR_TRY(sr_jet_take(ctx, K, &v));
    SR_TAKE(theta, sr_arena_double(&ctx->arena, K * SR_BLOCK));
    SR_TAKE(work, sr_arena_double(&ctx->arena, SR_BLOCK));
    for (size_t begin = 0; begin < n; begin += SR_BLOCK) {
        const size_t m = n - begin < SR_BLOCK ? n - begin : SR_BLOCK;
        SR_TICK(ctx);
        for (size_t k = 0; k < K; k++)
            memcpy(theta + k * SR_BLOCK, query->theta + k * n + begin, m * sizeof(double));
        const sr_hazard_rows rows = {
            .m = m, .x = query->x + begin, .theta = theta, .order = query->order};
        if (query->is_log_time)
            hazard->family->eval(hazard, &rows, &c, &v);
        else
            sr_hazard_eval(hazard, &rows, query->eta + begin, work, &c, &v);
        copy_jet(&c, query, begin, m, 1 + K, cum);
        copy_jet(&v, query, begin, m, 1 + K, haz);
    }
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}
