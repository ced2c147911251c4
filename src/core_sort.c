/* core_sort.c -- see core_sort.h */
#include "core_sort.h"
#include "core_thread.h"
#include <string.h>

enum { DIGIT_BITS = 11, N_BUCKET = 1 << DIGIT_BITS, LEADING = 3, LONGEST_RUN = 32 };
enum { CHUNK_ROWS = 65536, MOST_CHUNKS = 8 };

typedef struct {
    uint64_t key; /* ordered bits above the smallest */
    uint32_t place;
} item;

typedef struct {
    size_t n, n_chunk;
    item *from, *to;
    size_t *count; /* [n_chunk x N_BUCKET] */
} sorter;

/* Unsigned order of the result is the numeric order of `value`; adding 0 turns -0 into 0. */
static uint64_t ordered_bits(double value)
{
    uint64_t bits;
    value += 0.0;
    memcpy(&bits, &value, sizeof bits);
    return bits ^ ((bits >> 63) ? UINT64_MAX : UINT64_C(1) << 63);
}

static size_t digit_of(uint64_t key, int shift)
{
    return (size_t)(key >> shift) & (N_BUCKET - 1);
}

static int is_sorted(size_t n, const double *key)
{
    for (size_t i = 1; i < n; i++)
        if (key[i] < key[i - 1])
            return 0;
    return 1;
}

/* Where each chunk writes its first item of each bucket; false if all items share one bucket. */
static int place_buckets(sorter *s)
{
    size_t sum = 0;
    for (size_t b = 0; b < N_BUCKET; b++) {
        const size_t before = sum;
        for (size_t c = 0; c < s->n_chunk; c++) {
            const size_t count = s->count[c * N_BUCKET + b];
            s->count[c * N_BUCKET + b] = sum;
            sum += count;
        }
        if (sum - before == s->n)
            return 0;
    }
    return 1;
}

static size_t chunk_begin(const sorter *s, size_t c)
{
    return s->n * c / s->n_chunk;
}

static void count_chunk(const sorter *s, size_t c, int shift)
{
    size_t *const count = s->count + c * N_BUCKET;
    memset(count, 0, N_BUCKET * sizeof(size_t));
    for (size_t i = chunk_begin(s, c); i < chunk_begin(s, c + 1); i++)
        count[digit_of(s->from[i].key, shift)]++;
}

static void move_chunk(const sorter *s, size_t c, int shift)
{
    size_t *const at = s->count + c * N_BUCKET;
    for (size_t i = chunk_begin(s, c); i < chunk_begin(s, c + 1); i++)
        s->to[at[digit_of(s->from[i].key, shift)]++] = s->from[i];
}

/* One stable pass over the digit at `shift`. */
static void pass(sr_context *ctx, sorter *s, int shift)
{
    SR_FOR_EACH(ctx, s->n_chunk > 1, c, s->n_chunk, count_chunk(s, c, shift));
    if (!place_buckets(s))
        return;
    SR_FOR_EACH(ctx, s->n_chunk > 1, c, s->n_chunk, move_chunk(s, c, shift));
    item *const swap = s->from;
    s->from = s->to;
    s->to = swap;
}

/* Sorted by the leading bits already: order the neighbours that agree in those. False, with the
 * items still all there, when a run of them is too long to be worth it. */
static int settle(sorter *s)
{
    for (size_t i = 1; i < s->n; i++) {
        const item now = s->from[i];
        size_t at = i;
        while (at > 0 && s->from[at - 1].key > now.key) {
            if (i - at == LONGEST_RUN)
                return 0;
            s->from[at] = s->from[at - 1];
            at--;
            s->from[at] = now;
        }
    }
    return 1;
}

static sr_status sorter_take(sr_context *ctx, size_t n, const double *key, sorter *s, int *width)
{
    *s = (sorter){.n = n, .n_chunk = n / CHUNK_ROWS};
    s->n_chunk = s->n_chunk < 1 ? 1 : s->n_chunk > MOST_CHUNKS ? MOST_CHUNKS : s->n_chunk;
    SR_TAKE(s->from, (item *)sr_arena_take(&ctx->arena, n, sizeof(item)));
    SR_TAKE(s->to, (item *)sr_arena_take(&ctx->arena, n, sizeof(item)));
    SR_TAKE(s->count, sr_arena_sizes(&ctx->arena, s->n_chunk * N_BUCKET));
    uint64_t low = UINT64_MAX, high = 0;
    for (size_t i = 0; i < n; i++) {
        const uint64_t bits = ordered_bits(key[i]);
        s->from[i] = (item){bits, (uint32_t)i};
        low = bits < low ? bits : low;
        high = bits > high ? bits : high;
    }
    for (size_t i = 0; i < n; i++)
        s->from[i].key -= low;
    *width = 0;
    for (uint64_t range = high - low; range > 0; range >>= 1)
        (*width)++;
    return SR_OK;
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
    sorter s;
    int width;
    SR_TRY(sorter_take(ctx, n, key, &s, &width));
    const int leading = width > LEADING * DIGIT_BITS ? width - LEADING * DIGIT_BITS : 0;
    for (int shift = leading; shift < width; shift += DIGIT_BITS) {
        SR_TICK(ctx);
        pass(ctx, &s, shift);
    }
    if (leading > 0 && !settle(&s)) {
        for (int shift = 0; shift < width; shift += DIGIT_BITS) {
            SR_TICK(ctx);
            pass(ctx, &s, shift);
        }
    }
    for (size_t i = 0; i < n; i++)
        order[i] = s.from[i].place;
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}
