/* core_skyline.c -- see core_skyline.h */
#include "core_skyline.h"
#include "core_columns.h"
#include "core_simd.h"
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

SR_SIMD static void add_multiple(size_t n, double factor, const double *restrict x,
                                 double *restrict y)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        y[i] += factor * x[i];
}

/* Column i of the inverse from those after it. late[n_late] are the later rows that reach column i;
 * l, y [m] are zero, and left so. */
static void invert_column(sr_skyline *a, size_t i, const size_t *late, size_t n_late, double *l,
                          double *y)
{
    double *const pivot = sr_skyline_at(a, i, i);
    double whole = *pivot > 0 ? 1 / *pivot : 0;
    size_t end = i + 1;
    for (size_t r = 0; r < n_late; r++) {
        const size_t j = late[r];
        l[j] = *sr_skyline_at(a, j, j) > 0 ? *sr_skyline_at(a, j, i) : 0;
        end = j + 1 > end ? j + 1 : end;
    }
    for (size_t r = 0; r < n_late; r++) { /* y = Z l, a row of the lower triangle at a time */
        const size_t j = late[r], n = j - i - 1;
        const double *const row = sr_skyline_at(a, j, i + 1);
        y[j] += sr_dot(n, row, l + i + 1) + row[n] * l[j];
        add_multiple(n, l[j], row, y + i + 1);
    }
    for (size_t r = 0; r < n_late; r++) {
        const size_t j = late[r];
        whole += l[j] * y[j];
        *sr_skyline_at(a, j, i) = -y[j];
    }
    *pivot = whole;
    memset(l + i, 0, (end - i) * sizeof(double));
    memset(y + i, 0, (end - i) * sizeof(double));
}

sr_status sr_skyline_invert(sr_context *ctx, sr_skyline *factor)
{
    const size_t m = factor->m;
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    double *l, *y;
    size_t *late, n_late = 0;
    SR_TAKE(l, (double *)sr_arena_zero(&ctx->arena, m + 1, sizeof(double)));
    SR_TAKE(y, (double *)sr_arena_zero(&ctx->arena, m + 1, sizeof(double)));
    SR_TAKE(late, sr_arena_sizes(&ctx->arena, m + 1));
    for (size_t i = m; i-- > 0;) {
        SR_TICK(ctx);
        const size_t n_before = n_late;
        n_late = 0;
        for (size_t r = 0; r < n_before; r++)
            if (factor->first[late[r]] <= i)
                late[n_late++] = late[r];
        invert_column(factor, i, late, n_late, l, y);
        late[n_late++] = i;
    }
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}
