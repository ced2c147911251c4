/* core_rankcount.c -- see core_rankcount.h for the idea, shapes and units
 *
 * Two tables: `after` knows for each digit the weight of all items added at higher digits,
 * `before` the weight of all sources added at lower ones. The value for digit d is
 * low[d] + middle[d / 16] + high[d / 256]: what its 16, its 256 and all others hold.
 */
#include "core_rankcount.h"
#include "core_pair.h"
#include "core_simd.h"
#include <string.h>

enum {
    MAX_BITS = 12, /* 2^12 = SR_RANK_TABLE */
    WIDTH = 16,    /* digits of a row of a table */
    SMALL = 12     /* segments up to here are compared pair by pair */
};

#if defined(__GNUC__)
#define ALWAYS_INLINE inline __attribute__((always_inline))
#else
#define ALWAYS_INLINE inline
#endif

typedef struct {
    double high[WIDTH], middle[WIDTH * WIDTH], low[SR_RANK_TABLE];
} layers;

typedef struct {
    layers sum, lost; /* lost: rounding errors, exact sums only */
} table;

typedef struct {
    size_t n;
    sr_rank_item *item;
    unsigned shift, n_bit; /* digit = (key >> shift) & (2^n_bit - 1) */
} segment;

/* STEP + 15 - l, read at k, is 1 where k > l; read 16 further on it is 1 where k < l. */
static const double STEP[4 * WIDTH] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};

static ALWAYS_INLINE void row_add(double *row, double *lost, unsigned place, double weight,
                                  const int is_before, const int is_exact)
{
    const double *const step = STEP + (is_before ? WIDTH - 1 : 3 * WIDTH) - place;
    if (is_exact) {
        for (int k = 0; k < WIDTH; k++)
            sr_add_exactly(&row[k], &lost[k], weight * step[k]);
    } else {
#pragma omp simd
        for (int k = 0; k < WIDTH; k++)
            row[k] += weight * step[k];
    }
}

/* The digits above (is_before) or below the item's learn of its weight. */
static ALWAYS_INLINE void table_add(table *t, unsigned digit, double weight, const int is_before,
                                    const int is_exact)
{
    const unsigned middle = digit / WIDTH, high = middle / WIDTH;
    row_add(t->sum.low + middle * WIDTH, t->lost.low + middle * WIDTH, digit % WIDTH, weight,
            is_before, is_exact);
    row_add(t->sum.middle + high * WIDTH, t->lost.middle + high * WIDTH, middle % WIDTH, weight,
            is_before, is_exact);
    row_add(t->sum.high, t->lost.high, high, weight, is_before, is_exact);
}

/* *value (and *lost) gain what the table holds at a digit. */
static ALWAYS_INLINE void table_ask(const table *t, unsigned digit, double sign, const int is_exact,
                                    double *value, double *lost)
{
    const unsigned middle = digit / WIDTH, high = middle / WIDTH;
    if (is_exact) {
        sr_add_exactly(value, lost, sign * t->sum.low[digit]);
        sr_add_exactly(value, lost, sign * t->sum.middle[middle]);
        sr_add_exactly(value, lost, sign * t->sum.high[high]);
        *lost += sign * (t->lost.low[digit] + t->lost.middle[middle] + t->lost.high[high]);
    } else {
        *value += sign * (t->sum.low[digit] + t->sum.middle[middle] + t->sum.high[high]);
    }
}

static ALWAYS_INLINE double source_share(const sr_rank_item *item)
{
    return (item->key & 1) == 0 ? 1.0 : 0.0;
}

typedef struct {
    table after, before;
    double *below, *below_low;
} work;

/* All items of one rank ask before any of them is added. Exact sums go to the row at once. */
static ALWAYS_INLINE void sweep(const segment *s, work *w, const int is_exact)
{
    const unsigned mask = (1u << s->n_bit) - 1;
    for (size_t from = 0; from < s->n;) {
        const uint32_t rank = s->item[from].rank;
        size_t to = from;
        for (; to < s->n && s->item[to].rank == rank; to++) {
            sr_rank_item *const item = &s->item[to];
            const unsigned digit = (item->key >> s->shift) & mask;
            double *const value = is_exact ? &w->below[item->row] : &item->below;
            double *const lost = is_exact ? &w->below_low[item->row] : NULL;
            table_ask(&w->after, digit, source_share(item), is_exact, value, lost);
            table_ask(&w->before, digit, item->weight < 0 ? 1 : -1, is_exact, value, lost);
        }
        for (; from < to; from++) {
            const sr_rank_item *const item = &s->item[from];
            const unsigned digit = (item->key >> s->shift) & mask;
            table_add(&w->after, digit, item->weight, 0, is_exact);
            table_add(&w->before, digit, item->weight * source_share(item), 1, is_exact);
        }
    }
}

SR_SIMD static void sweep_plain(const segment *s, work *w)
{
    sweep(s, w, 0);
}

SR_SIMD static void sweep_exact(const segment *s, work *w)
{
    sweep(s, w, 1);
}

static void clear_layers(layers *l, unsigned n_bit)
{
    const size_t n_digit = (size_t)1 << n_bit;
    memset(l->high, 0, sizeof l->high);
    memset(l->middle, 0, (n_digit / WIDTH + WIDTH) / WIDTH * WIDTH * sizeof(double));
    memset(l->low, 0, (n_digit + WIDTH - 1) / WIDTH * WIDTH * sizeof(double));
}

static void add_pair(work *w, sr_rank_item *item, double value)
{
    if (w->below_low != NULL)
        sr_add_exactly(&w->below[item->row], &w->below_low[item->row], value);
    else
        item->below += value;
}

/* A few items: every pair. */
static void count_pairs(const segment *s, work *w)
{
    for (size_t a = 0; a < s->n; a++) {
        const sr_rank_item *const low = &s->item[a];
        for (size_t b = a + 1; b < s->n; b++) {
            sr_rank_item *const high = &s->item[b];
            if (high->rank == low->rank || high->key == low->key)
                continue;
            if (high->key < low->key && (high->key & 1) == 0)
                add_pair(w, high, low->weight);
            else if (high->key > low->key && (low->key & 1) == 0)
                add_pair(w, high, high->weight < 0 ? low->weight : -low->weight);
        }
    }
}

static void hand_over(const segment *s, const work *w)
{
    for (size_t a = 0; w->below_low == NULL && a < s->n; a++)
        w->below[s->item[a].row] += s->item[a].below;
}

/* Stable split of a segment by its digit; begin[d] is where digit d starts. */
static void split(const segment *s, sr_rank_item *to, uint32_t *begin)
{
    const unsigned mask = (1u << s->n_bit) - 1;
    memset(begin, 0, (mask + 2) * sizeof *begin);
    for (size_t a = 0; a < s->n; a++)
        begin[((s->item[a].key >> s->shift) & mask) + 1]++;
    for (unsigned d = 0; d <= mask; d++)
        begin[d + 1] += begin[d];
    for (size_t a = 0; a < s->n; a++)
        to[begin[(s->item[a].key >> s->shift) & mask]++] = s->item[a];
    memmove(begin + 1, begin, (mask + 1) * sizeof *begin);
    begin[0] = 0;
}

/* Count within a segment whose keys agree above the lowest `n_bit` bits. */
static void count_segment(work *w, size_t n, sr_rank_item *item, sr_rank_item *scratch,
                          unsigned n_bit)
{
    const unsigned n_level = n_bit > 0 ? (n_bit + MAX_BITS - 1) / MAX_BITS : 1;
    const unsigned width = (n_bit + n_level - 1) / n_level;
    const segment s = {n, item, n_bit - width, width};
    if (n <= SMALL) {
        count_pairs(&s, w);
        hand_over(&s, w);
        return;
    }
    const int is_exact = w->below_low != NULL;
    clear_layers(&w->after.sum, width);
    clear_layers(&w->before.sum, width);
    if (is_exact) {
        clear_layers(&w->after.lost, width);
        clear_layers(&w->before.lost, width);
        sweep_exact(&s, w);
    } else {
        sweep_plain(&s, w);
    }
    if (s.shift == 0) {
        hand_over(&s, w);
        return;
    }
    uint32_t begin[SR_RANK_TABLE + 2];
    split(&s, scratch, begin);
    for (size_t d = 0; d < (size_t)1 << width; d++)
        if (begin[d + 1] > begin[d])
            count_segment(w, begin[d + 1] - begin[d], scratch + begin[d], item + begin[d], s.shift);
}

void sr_rank_count(size_t n, sr_rank_item *item, sr_rank_item *scratch, size_t n_key, double *below,
                   double *below_low)
{
    work w;
    unsigned n_bit = 0;
    while (n_bit < 32 && (UINT64_C(1) << n_bit) < n_key)
        n_bit++;
    w.below = below;
    w.below_low = below_low;
    count_segment(&w, n, item, scratch, n_bit);
}
