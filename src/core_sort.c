/* core_sort.c -- see core_sort.h
 *
 * Six digits of 11 bits cover 64. All histograms are taken in one pass.
 */
#include "core_sort.h"
#include <string.h>

enum { DIGIT_BITS = 11, N_BUCKET = 1 << DIGIT_BITS, N_DIGIT = 6 };

typedef struct {
    uint64_t key;
    uint32_t place;
} item;

/* Unsigned order of the result is the numeric order of `value`; adding 0 turns -0 into 0. */
static uint64_t ordered_bits(double value)
{
    uint64_t bits;
    value += 0.0;
    memcpy(&bits, &value, sizeof bits);
    return bits ^ ((bits >> 63) ? UINT64_MAX : UINT64_C(1) << 63);
}

static size_t digit_of(uint64_t key, int digit)
{
    return (size_t)(key >> (digit * DIGIT_BITS)) & (N_BUCKET - 1);
}

static int is_sorted(size_t n, const double *key)
{
    for (size_t i = 1; i < n; i++)
        if (key[i] < key[i - 1])
            return 0;
    return 1;
}

/* One stable pass; false when all keys share this digit and nothing was moved. */
static int pass(size_t n, const item *from, item *to, const size_t *count, int digit)
{
    size_t at[N_BUCKET], sum = 0;
    for (size_t b = 0; b < N_BUCKET; b++) {
        if (count[b] == n)
            return 0;
        at[b] = sum;
        sum += count[b];
    }
    for (size_t i = 0; i < n; i++)
        to[at[digit_of(from[i].key, digit)]++] = from[i];
    return 1;
}

sr_status sr_sort_order(sr_context *ctx, size_t n, const double *key, uint32_t *order)
{
    if (n >= UINT32_MAX)
        return SR_ERR_SIZE;
    if (is_sorted(n, key)) {
        for (size_t i = 0; i < n; i++)
            order[i] = (uint32_t)i;
        return SR_OK;
    }
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    item *from, *to;
    size_t *count;
    SR_TAKE(from, (item *)sr_arena_take(&ctx->arena, n, sizeof(item)));
    SR_TAKE(to, (item *)sr_arena_take(&ctx->arena, n, sizeof(item)));
    SR_TAKE(count, (size_t *)sr_arena_zero(&ctx->arena, (size_t)N_DIGIT * N_BUCKET, sizeof(size_t)));
    for (size_t i = 0; i < n; i++) {
        from[i].key = ordered_bits(key[i]);
        from[i].place = (uint32_t)i;
        for (int d = 0; d < N_DIGIT; d++)
            count[(size_t)d * N_BUCKET + digit_of(from[i].key, d)]++;
    }
    for (int d = 0; d < N_DIGIT; d++) {
        SR_TICK(ctx);
        if (pass(n, from, to, count + (size_t)d * N_BUCKET, d)) {
            item *swap = from;
            from = to;
            to = swap;
        }
    }
    for (size_t i = 0; i < n; i++)
        order[i] = from[i].place;
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}
