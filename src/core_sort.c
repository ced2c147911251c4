/* core_sort.c -- see core_sort.h */
#include "core_sort.h"
#include "core_thread.h"
#include <string.h>

enum { DIGIT_BITS = 11, N_BUCKET = 1 << DIGIT_BITS, LEADING = 3, LONGEST_RUN = 32 };
enum { CHUNK_ROWS = 65536, MOST_CHUNKS = 8, PACKED_FROM = 65536 };
enum { PACKED_BITS = 13, N_PACKED_BUCKET = 1 << PACKED_BITS };

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

static int bits_of(uint64_t value)
{
    int width = 0;
    for (; value > 0; value >>= 1)
        width++;
    return width;
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

/* A key's leading bits and its place in one word: half the memory to move */
typedef struct {
    size_t n, n_chunk;
    const double *key;
    uint64_t low;            /* ordered bits of the smallest key */
    int dropped, place_bits; /* bits of the key left out below, bits of the place */
    uint64_t *from, *to;
    uint64_t *least, *most; /* [n_chunk] ordered bits */
    size_t *count;          /* [n_chunk x N_PACKED_BUCKET] */
} packed;

static size_t packed_begin(const packed *s, size_t c)
{
    return s->n * c / s->n_chunk;
}

static void find_range(const packed *s, size_t c)
{
    uint64_t least = UINT64_MAX, most = 0;
    for (size_t i = packed_begin(s, c); i < packed_begin(s, c + 1); i++) {
        const uint64_t bits = ordered_bits(s->key[i]);
        least = bits < least ? bits : least;
        most = bits > most ? bits : most;
    }
    s->least[c] = least;
    s->most[c] = most;
}

static void pack(const packed *s, size_t c)
{
    for (size_t i = packed_begin(s, c); i < packed_begin(s, c + 1); i++)
        s->from[i] =
            ((ordered_bits(s->key[i]) - s->low) >> s->dropped) << s->place_bits | (uint64_t)i;
}

static void count_packed(const packed *s, size_t c, int shift)
{
    size_t *const count = s->count + c * N_PACKED_BUCKET;
    memset(count, 0, N_PACKED_BUCKET * sizeof(size_t));
    for (size_t i = packed_begin(s, c); i < packed_begin(s, c + 1); i++)
        count[(s->from[i] >> shift) & (N_PACKED_BUCKET - 1)]++;
}

static void move_packed(const packed *s, size_t c, int shift)
{
    size_t *const at = s->count + c * N_PACKED_BUCKET;
    for (size_t i = packed_begin(s, c); i < packed_begin(s, c + 1); i++)
        s->to[at[(s->from[i] >> shift) & (N_PACKED_BUCKET - 1)]++] = s->from[i];
}

static void pass_packed(sr_context *ctx, packed *s, int shift)
{
    SR_FOR_EACH(ctx, s->n_chunk > 1, c, s->n_chunk, count_packed(s, c, shift));
    size_t sum = 0;
    for (size_t b = 0; b < N_PACKED_BUCKET; b++)
        for (size_t c = 0; c < s->n_chunk; c++) {
            const size_t count = s->count[c * N_PACKED_BUCKET + b];
            s->count[c * N_PACKED_BUCKET + b] = sum;
            sum += count;
        }
    SR_FOR_EACH(ctx, s->n_chunk > 1, c, s->n_chunk, move_packed(s, c, shift));
    uint64_t *const swap = s->from;
    s->from = s->to;
    s->to = swap;
}

static int is_later(const packed *s, uint64_t a, uint64_t b)
{
    if (a >> s->place_bits != b >> s->place_bits)
        return a > b;
    const uint64_t place = (UINT64_C(1) << s->place_bits) - 1;
    return s->dropped > 0 && ordered_bits(s->key[a & place]) > ordered_bits(s->key[b & place]);
}

/* As settle(), for packed keys */
static int settle_packed(const packed *s)
{
    for (size_t i = 1; i < s->n; i++) {
        const uint64_t now = s->from[i];
        size_t at = i;
        for (; at > 0 && is_later(s, s->from[at - 1], now); at--) {
            if (i - at == LONGEST_RUN)
                return 0;
            s->from[at] = s->from[at - 1];
            s->from[at - 1] = now;
        }
    }
    return 1;
}

/* *is_done: false where the keys crowd together so that their leading bits do not tell them apart */
static sr_status sort_packed(sr_context *ctx, size_t n, const double *key, uint32_t *order,
                             int *is_done)
{
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    packed s = {.n = n, .key = key, .low = UINT64_MAX, .place_bits = bits_of(n - 1)};
    s.n_chunk = n / CHUNK_ROWS > MOST_CHUNKS ? MOST_CHUNKS : n / CHUNK_ROWS;
    uint64_t high = 0;
    SR_TAKE(s.from, (uint64_t *)sr_arena_take(&ctx->arena, n, sizeof(uint64_t)));
    SR_TAKE(s.to, (uint64_t *)sr_arena_take(&ctx->arena, n, sizeof(uint64_t)));
    SR_TAKE(s.count, sr_arena_sizes(&ctx->arena, s.n_chunk * N_PACKED_BUCKET));
    SR_TAKE(s.least, (uint64_t *)sr_arena_take(&ctx->arena, 2 * s.n_chunk, sizeof(uint64_t)));
    s.most = s.least + s.n_chunk;
    SR_FOR_EACH(ctx, s.n_chunk > 1, c, s.n_chunk, find_range(&s, c));
    for (size_t c = 0; c < s.n_chunk; c++) {
        s.low = s.least[c] < s.low ? s.least[c] : s.low;
        high = s.most[c] > high ? s.most[c] : high;
    }
    const int width = bits_of(high - s.low);
    s.dropped = width > 64 - s.place_bits ? width - (64 - s.place_bits) : 0;
    SR_FOR_EACH(ctx, s.n_chunk > 1, c, s.n_chunk, pack(&s, c));
    const int top = s.place_bits + width - s.dropped;
    const int first = top - 2 * PACKED_BITS > s.place_bits ? top - 2 * PACKED_BITS : s.place_bits;
    for (int shift = first; shift < top; shift += PACKED_BITS) {
        SR_TICK(ctx);
        pass_packed(ctx, &s, shift);
    }
    *is_done = settle_packed(&s);
    for (size_t i = 0; *is_done && i < n; i++)
        order[i] = (uint32_t)(s.from[i] & ((UINT64_C(1) << s.place_bits) - 1));
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
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
    *width = bits_of(high - low);
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
    int is_done = 0;
    if (n >= PACKED_FROM)
        SR_TRY(sort_packed(ctx, n, key, order, &is_done));
    if (is_done)
        return SR_OK;
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
