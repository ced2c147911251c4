/* core_skyline.c -- see core_skyline.h */
#include "core_skyline.h"
#include "core_columns.h"
#include <math.h>
#include <string.h>

sr_status sr_skyline_take(sr_context *ctx, size_t m, const size_t *first, sr_skyline *out)
{
    *out = (sr_skyline){.m = m};
    SR_TAKE(out->first, sr_arena_sizes(&ctx->arena, m + 1));
    SR_TAKE(out->start, sr_arena_sizes(&ctx->arena, m + 1));
    size_t total = 0;
    for (size_t j = 0; j < m; j++) {
        out->first[j] = first[j];
        out->start[j] = total;
        total += j - first[j] + 1;
    }
    SR_TAKE(out->value, (double *)sr_arena_zero(&ctx->arena, total + 1, sizeof(double)));
    return SR_OK;
}

size_t sr_skyline_factor(sr_skyline *a, double tolerance)
{
    size_t rank = 0;
    for (size_t j = 0; j < a->m; j++) {
        const size_t first_j = a->first[j];
        double *const row_j = sr_skyline_at(a, j, first_j);
        for (size_t i = first_j + 1; i < j; i++) {
            const size_t from = a->first[i] > first_j ? a->first[i] : first_j;
            row_j[i - first_j] -=
                sr_dot(i - from, row_j + (from - first_j), sr_skyline_at(a, i, from));
        }
        const double whole = row_j[j - first_j];
        double pivot = whole;
        for (size_t i = first_j; i < j; i++) {
            const double d = *sr_skyline_at(a, i, i), u = row_j[i - first_j];
            row_j[i - first_j] = d > 0 ? u / d : 0;
            pivot -= u * row_j[i - first_j];
        }
        const int is_kept = isfinite(pivot) && pivot > tolerance * whole;
        row_j[j - first_j] = is_kept ? pivot : 0;
        rank += (size_t)is_kept;
    }
    return rank;
}

void sr_skyline_solve(const sr_skyline *factor, double *y)
{
    for (size_t j = 0; j < factor->m; j++) {
        const size_t from = factor->first[j];
        y[j] -= sr_dot(j - from, sr_skyline_at(factor, j, from), y + from);
        if (*sr_skyline_at(factor, j, j) == 0)
            y[j] = 0;
    }
    for (size_t j = 0; j < factor->m; j++) {
        const double d = *sr_skyline_at(factor, j, j);
        y[j] = d > 0 ? y[j] / d : 0;
    }
    for (size_t j = factor->m; j-- > 0;) {
        const size_t from = factor->first[j];
        const double *const row = sr_skyline_at(factor, j, from);
        if (row[j - from] == 0)
            y[j] = 0;
        const double y_j = y[j];
        for (size_t i = from; i < j; i++)
            y[i] -= row[i - from] * y_j;
    }
}

/* L' y = e_j, whose D is 0 */
void sr_skyline_null(const sr_skyline *factor, size_t j, double *y)
{
    memset(y, 0, factor->m * sizeof(double));
    y[j] = 1;
    for (size_t k = j + 1; k-- > 0;) {
        const size_t from = factor->first[k];
        const double *const row = sr_skyline_at(factor, k, from);
        if (k != j && row[k - from] == 0)
            y[k] = 0;
        for (size_t i = from; i < k; i++)
            y[i] -= row[i - from] * y[k];
    }
}

/* (A^-1)_jj = sum over k >= j of (L^-1)_kj^2 / d_k */
void sr_skyline_inverse_diagonal(const sr_skyline *factor, double *room, double *diagonal)
{
    const size_t m = factor->m;
    for (size_t j = 0; j < m; j++) {
        diagonal[j] = 0;
        if (*sr_skyline_at(factor, j, j) == 0)
            continue;
        memset(room, 0, m * sizeof(double));
        room[j] = 1;
        for (size_t k = j; k < m; k++) {
            const double d = *sr_skyline_at(factor, k, k);
            size_t from = factor->first[k];
            if (k > j) {
                from = from > j ? from : j;
                room[k] =
                    from < k ? -sr_dot(k - from, sr_skyline_at(factor, k, from), room + from) : 0;
            }
            if (d > 0)
                diagonal[j] += room[k] * room[k] / d;
            else
                room[k] = 0;
        }
    }
}
