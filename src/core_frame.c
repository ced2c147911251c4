/* core_frame.c -- see core_frame.h
 *
 * A block of a double column is sound when the sum of 0 * x is 0: it is NaN as
 * soon as one value is NaN or infinite. Only blocks that fail are looked at value
 * by value. Blocks are shared among threads; a block's rows belong to one thread,
 * and the counters are whole numbers, so that any order gives the same result.
 */
#include "core_frame.h"
#include "core_simd.h"
#include <limits.h>
#include <math.h>
#include <string.h>

enum { BLOCK_ROWS = 4096 };

SR_SIMD static double sum_of_zeros(const double *x, size_t n)
{
    double sum = 0.0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++)
        sum += 0.0 * x[i];
    return sum;
}

SR_SIMD static int count_na(const int *x, size_t n)
{
    int count = 0;
#pragma omp simd reduction(+ : count)
    for (size_t i = 0; i < n; i++)
        count += x[i] == INT_MIN;
    return count;
}

static int is_na(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return isnan(x) && (uint32_t)bits == SR_NA_LOW_WORD;
}

/* Flags the rows of a block of doubles that is not sound; the number that is missing. */
static size_t flag_real(const double *x, size_t n, int is_covariate, unsigned char *row)
{
    size_t n_missing = 0;
    for (size_t i = 0; i < n; i++) {
        const int is_missing = is_covariate ? is_na(x[i]) : isnan(x[i]);
        if (is_missing) {
            row[i] |= SR_ROW_MISSING;
            n_missing++;
        } else if (is_covariate && !isfinite(x[i])) {
            row[i] |= SR_ROW_NOT_FINITE;
        }
    }
    return n_missing;
}

static size_t flag_whole(const int *x, size_t n, unsigned char *row)
{
    size_t n_missing = 0;
    for (size_t i = 0; i < n; i++) {
        if (x[i] == INT_MIN) {
            row[i] |= SR_ROW_MISSING;
            n_missing++;
        }
    }
    return n_missing;
}

static size_t scan_column(const sr_frame_column *column, size_t from, size_t m, unsigned char *row)
{
    if (column->real != NULL) {
        const double *x = column->real + from;
        return sum_of_zeros(x, m) == 0.0 ? 0 : flag_real(x, m, column->is_covariate, row);
    }
    const int *x = column->whole + from;
    return count_na(x, m) == 0 ? 0 : flag_whole(x, m, row);
}

sr_status sr_frame_scan(sr_context *ctx, const sr_frame *frame, unsigned char *row, size_t *missing,
                        size_t *n_flagged)
{
    const size_t n = frame->n;
    const long n_block = (long)((n + BLOCK_ROWS - 1) / BLOCK_ROWS);
    size_t flagged = 0;
    memset(row, 0, n);
    SR_TICK(ctx);
#pragma omp parallel for num_threads(ctx->n_thread) schedule(static) reduction(+ : flagged) \
    if (n_block > 4)
    for (long b = 0; b < n_block; b++) {
        const size_t from = (size_t)b * BLOCK_ROWS;
        const size_t m = n - from < BLOCK_ROWS ? n - from : BLOCK_ROWS;
        for (size_t j = 0; j < frame->n_column; j++) {
            const size_t found = scan_column(&frame->column[j], from, m, row + from);
            if (found > 0) {
#pragma omp atomic
                missing[frame->column[j].name] += found;
            }
        }
        for (size_t i = 0; i < m; i++)
            flagged += row[from + i] != 0;
    }
    *n_flagged = flagged;
    return SR_OK;
}

static double value_at(const sr_frame_column *column, size_t i, double na)
{
    if (column->real != NULL)
        return column->real[i];
    return column->whole[i] == INT_MIN ? na : (double)column->whole[i];
}

static void copy_column(const sr_frame_column *column, size_t n, double na, double *out)
{
    if (column->real != NULL) {
        memcpy(out, column->real, n * sizeof(double));
        return;
    }
    for (size_t i = 0; i < n; i++)
        out[i] = value_at(column, i, na);
}

SR_SIMD static double largest(const double *x, size_t n)
{
    double top = -INFINITY;
    for (size_t i = 0; i < n; i++)
        top = x[i] > top ? x[i] : top;
    return top;
}

/* Shifts a status of 1 and 2 to 0 and 1; returns how many values are neither. */
static size_t settle_status(double *status, size_t n, double na)
{
    const double shift = largest(status, n) == 2.0 ? 1.0 : 0.0;
    size_t n_bad = 0;
    for (size_t i = 0; i < n; i++) {
        const double value = status[i] - shift;
        if (isnan(value)) {
            status[i] = na;
        } else if (value != 0.0 && value != 1.0) {
            status[i] = na;
            n_bad++;
        } else {
            status[i] = value;
        }
    }
    return n_bad;
}

sr_status sr_frame_response(sr_context *ctx, const sr_frame_times *in, double *out,
                            size_t *n_bad_time, size_t *n_bad_status)
{
    const size_t n = in->n;
    const int has_start = in->start.real != NULL || in->start.whole != NULL;
    double *stop = has_start ? out + n : out;
    SR_TICK(ctx);
    *n_bad_time = 0;
    copy_column(&in->stop, n, in->na, stop);
    copy_column(&in->status, n, in->na, stop + n);
    *n_bad_status = settle_status(stop + n, n, in->na);
    if (has_start) {
        copy_column(&in->start, n, in->na, out);
        for (size_t i = 0; i < n; i++) {
            if (out[i] >= stop[i]) {
                out[i] = in->na;
                (*n_bad_time)++;
            }
        }
    }
    return SR_OK;
}

sr_status sr_frame_group(sr_context *ctx, size_t n, const int *x, size_t room, sr_frame_groups *out)
{
    int low = INT_MAX, high = INT_MIN;
    SR_TICK(ctx);
    for (size_t i = 0; i < n; i++) {
        if (x[i] != INT_MIN) {
            low = x[i] < low ? x[i] : low;
            high = x[i] > high ? x[i] : high;
        }
    }
    out->n_value = 0;
    if (low > high) { /* nothing but NA */
        for (size_t i = 0; i < n; i++)
            out->code[i] = INT_MIN;
        return SR_OK;
    }
    const size_t span = (size_t)((int64_t)high - (int64_t)low) + 1;
    if (span > room)
        return SR_ERR_DOMAIN;
    int *number;
    SR_TAKE(number, sr_arena_zero(&ctx->arena, span, sizeof(int)));
    for (size_t i = 0; i < n; i++) {
        if (x[i] != INT_MIN)
            number[(int64_t)x[i] - low] = 1;
    }
    for (size_t v = 0; v < span; v++) {
        if (number[v]) {
            number[v] = (int)out->n_value;
            out->value[out->n_value++] = (int)((int64_t)low + (int64_t)v);
        }
    }
    for (size_t i = 0; i < n; i++)
        out->code[i] = x[i] == INT_MIN ? INT_MIN : number[(int64_t)x[i] - low];
    return SR_OK;
}

int sr_frame_all_in(size_t n, const double *x, size_t n_allowed, const double *allowed)
{
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (k < n_allowed && x[i] != allowed[k])
            k++;
        if (k == n_allowed)
            return 0;
    }
    return 1;
}

void sr_frame_count(size_t n, const double *event, const int *stratum, double *rows, double *events)
{
    if (stratum == NULL) {
        double sum = 0.0;
        for (size_t i = 0; i < n; i++)
            sum += event[i];
        rows[0] = (double)n;
        events[0] = sum;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        rows[stratum[i]] += 1.0;
        events[stratum[i]] += event[i];
    }
}
