/* model_icph_layout.c -- see model_icph_layout.h */
#include "model_icph_layout.h"
#include "core_sort.h"
#include <math.h>
#include <string.h>

/* What happens at a time, and nodes that lie before the losses there, and up to and with them */
enum { EXACT_BEGINS = 1, LOSS = 2, GAIN = 4 };
typedef struct {
    double time;
    int happens;
    uint32_t before, after;
} mark;

typedef struct {
    const sr_icph_times *times;
    uint32_t *row_entry, *row_left, *row_right; /* [n] nodes of each row */
    double *end;                                /* [3 m] ends of the stratum at hand */
    uint32_t *end_order, *end_mark;             /* [3 m] */
    mark *marks;
} builder;

static double entry_of(const sr_icph_times *times, size_t i)
{
    return times->entry == NULL ? 0 : times->entry[i];
}

/* Rows of one stratum after another. */
static void order_by_stratum(const sr_icph_times *times, uint32_t *row, size_t *begin)
{
    memset(begin, 0, (times->n_stratum + 2) * sizeof(size_t));
    for (size_t i = 0; i < times->n; i++)
        begin[(times->stratum == NULL ? 0 : (size_t)times->stratum[i]) + 2]++;
    for (size_t s = 2; s < times->n_stratum + 2; s++)
        begin[s] += begin[s - 1];
    for (size_t i = 0; i < times->n; i++)
        row[begin[(times->stratum == NULL ? 0 : (size_t)times->stratum[i]) + 1]++] = (uint32_t)i;
}

/* The distinct times of m rows, and what happens at each. */
static sr_status make_marks(sr_context *ctx, builder *b, size_t m, const uint32_t *row,
                            size_t *n_mark)
{
    const sr_icph_times *const t = b->times;
    for (size_t k = 0; k < m; k++) {
        b->end[k] = entry_of(t, row[k]);
        b->end[m + k] = t->left[row[k]];
        b->end[2 * m + k] = t->right[row[k]];
    }
    SR_TRY(sr_sort_order(ctx, 3 * m, b->end, b->end_order));
    size_t count = 0;
    for (size_t k = 0; k < 3 * m; k++) {
        const double time = b->end[b->end_order[k]];
        if (count == 0 || b->marks[count - 1].time != time)
            b->marks[count++] = (mark){.time = time};
        b->end_mark[b->end_order[k]] = (uint32_t)(count - 1);
    }
    for (size_t k = 0; k < m; k++) {
        const double entry = b->end[k], left = b->end[m + k], right = b->end[2 * m + k];
        mark *const at_entry = b->marks + b->end_mark[k], *const at_left =
                                                              b->marks + b->end_mark[m + k];
        if (left == right)
            at_left->happens |= EXACT_BEGINS;
        else if (isfinite(right) || left > entry)
            at_left->happens |= GAIN;
        if (entry > 0 && (left > entry || left == right))
            at_entry->happens |= LOSS;
        if (isfinite(right))
            b->marks[b->end_mark[2 * m + k]].happens |= LOSS;
    }
    *n_mark = count;
    return SR_OK;
}

static void add_node(sr_icph_layout *out, double from, double to, int stratum, int kind)
{
    const size_t v = out->n_node++;
    out->from[v] = from;
    out->to[v] = to;
    out->stratum[v] = stratum;
    out->kind[v] = (unsigned char)kind;
}

/* The nodes of one stratum, read from its marks in the order of time. */
static void make_nodes(builder *b, size_t n_mark, int stratum, sr_icph_layout *out)
{
    double from = 0;
    int is_open = 0;
    add_node(out, NAN, NAN, stratum, SR_NODE_GROUND);
    for (size_t k = 0; k < n_mark; k++) {
        mark *const at = b->marks + k;
        at->before = (uint32_t)(out->n_node - 1);
        if (at->happens & EXACT_BEGINS) {
            from = at->time;
            is_open = 1;
        }
        if ((at->happens & LOSS) && is_open) {
            add_node(out, from, at->time, stratum, SR_NODE_JUMP);
            is_open = 0;
        }
        at->after = (uint32_t)(out->n_node - 1);
        if (at->happens & GAIN) {
            from = at->time;
            is_open = 1;
        }
    }
}

static void place_rows(builder *b, size_t m, const uint32_t *row)
{
    const sr_icph_times *const t = b->times;
    for (size_t k = 0; k < m; k++) {
        const size_t i = row[k];
        const mark *const at_left = b->marks + b->end_mark[m + k];
        b->row_entry[i] = b->marks[b->end_mark[k]].after;
        b->row_left[i] = t->left[i] == t->right[i] ? at_left->before : at_left->after;
        b->row_right[i] =
            isfinite(t->right[i]) ? b->marks[b->end_mark[2 * m + k]].after : SR_ICPH_NEVER;
    }
}

/* Nodes that no row is known to have survived have an infinite jump; rows that end there need only
 * reach them. */
static sr_status find_last(sr_context *ctx, builder *b, sr_icph_layout *out)
{
    const size_t n = b->times->n, n_node = out->n_node;
    const sr_arena_mark mark_here = sr_arena_save(&ctx->arena);
    int64_t *survived = NULL, *reached = NULL;
    uint32_t *last_to = NULL; /* how many last nodes up to here */
    SR_TAKE(survived, (int64_t *)sr_arena_zero(&ctx->arena, n_node + 1, sizeof(int64_t)));
    SR_TAKE(reached, (int64_t *)sr_arena_zero(&ctx->arena, n_node + 1, sizeof(int64_t)));
    SR_TAKE(last_to, sr_arena_index(&ctx->arena, n_node + 1));
    for (size_t i = 0; i < n; i++) {
        survived[b->row_entry[i] + 1]++;
        survived[b->row_left[i] + 1]--;
        if (b->row_right[i] != SR_ICPH_NEVER) {
            reached[b->row_left[i] + 1]++;
            reached[b->row_right[i] + 1]--;
        }
    }
    uint32_t count = 0;
    int64_t n_survived = 0, n_reached = 0;
    for (size_t v = 0; v < n_node; v++) {
        n_survived += survived[v];
        n_reached += reached[v];
        if (out->kind[v] == SR_NODE_JUMP && n_survived == 0) {
            out->kind[v] = n_reached > 0 ? SR_NODE_LAST : SR_NODE_EMPTY;
            count += n_reached > 0;
        }
        last_to[v] = count;
    }
    for (size_t i = 0; i < n; i++)
        if (b->row_right[i] != SR_ICPH_NEVER && last_to[b->row_right[i]] > last_to[b->row_left[i]])
            b->row_right[i] = SR_ICPH_NEVER;
    sr_arena_restore(&ctx->arena, mark_here);
    return SR_OK;
}

/* One pass of a stable sort of `from` by a node of each row; SR_ICPH_NEVER comes last. */
static void sort_by_node(size_t n, const uint32_t *node, size_t n_node, size_t *count,
                         const uint32_t *from, uint32_t *to)
{
    memset(count, 0, (n_node + 2) * sizeof(size_t));
    for (size_t i = 0; i < n; i++)
        count[(node[i] == SR_ICPH_NEVER ? n_node : node[i]) + 1]++;
    for (size_t v = 1; v < n_node + 2; v++)
        count[v] += count[v - 1];
    for (size_t k = 0; k < n; k++) {
        const uint32_t v = node[from[k]];
        to[count[v == SR_ICPH_NEVER ? n_node : v]++] = from[k];
    }
}

/* Rows in the order of (right, left, entry), and where each group begins. */
static sr_status make_groups(sr_context *ctx, builder *b, sr_icph_layout *out)
{
    const size_t n = b->times->n;
    uint32_t *other = NULL;
    size_t *count = NULL;
    SR_TAKE(out->order, sr_arena_index(&ctx->arena, n + 1));
    SR_TAKE(out->begin, sr_arena_index(&ctx->arena, n + 1));
    SR_TAKE(out->entry, sr_arena_index(&ctx->arena, n + 1));
    SR_TAKE(out->left, sr_arena_index(&ctx->arena, n + 1));
    SR_TAKE(out->right, sr_arena_index(&ctx->arena, n + 1));
    SR_TAKE(other, sr_arena_index(&ctx->arena, n + 1));
    SR_TAKE(count, sr_arena_sizes(&ctx->arena, out->n_node + 2));
    for (size_t i = 0; i < n; i++)
        out->order[i] = (uint32_t)i;
    sort_by_node(n, b->row_entry, out->n_node, count, out->order, other);
    sort_by_node(n, b->row_left, out->n_node, count, other, out->order);
    sort_by_node(n, b->row_right, out->n_node, count, out->order, other);
    memcpy(out->order, other, n * sizeof(uint32_t));
    for (size_t k = 0; k < n; k++) {
        const uint32_t i = out->order[k];
        const size_t g = out->n_group;
        if (g > 0 && out->entry[g - 1] == b->row_entry[i] && out->left[g - 1] == b->row_left[i] &&
            out->right[g - 1] == b->row_right[i])
            continue;
        out->begin[g] = (uint32_t)k;
        out->entry[g] = b->row_entry[i];
        out->left[g] = b->row_left[i];
        out->right[g] = b->row_right[i];
        out->n_group++;
    }
    out->begin[out->n_group] = (uint32_t)n;
    return SR_OK;
}

static sr_status builder_take(sr_context *ctx, const sr_icph_times *times, builder *b,
                              sr_icph_layout *out)
{
    const size_t n = times->n, most = n + times->n_stratum + 1;
    *b = (builder){.times = times};
    SR_TAKE(b->row_entry, sr_arena_index(&ctx->arena, n + 1));
    SR_TAKE(b->row_left, sr_arena_index(&ctx->arena, n + 1));
    SR_TAKE(b->row_right, sr_arena_index(&ctx->arena, n + 1));
    SR_TAKE(b->end, sr_arena_double(&ctx->arena, 3 * n + 1));
    SR_TAKE(b->end_order, sr_arena_index(&ctx->arena, 3 * n + 1));
    SR_TAKE(b->end_mark, sr_arena_index(&ctx->arena, 3 * n + 1));
    SR_TAKE(b->marks, (mark *)sr_arena_take(&ctx->arena, 3 * n + 1, sizeof(mark)));
    SR_TAKE(out->from, sr_arena_double(&ctx->arena, most));
    SR_TAKE(out->to, sr_arena_double(&ctx->arena, most));
    SR_TAKE(out->stratum, (int *)sr_arena_take(&ctx->arena, most, sizeof(int)));
    SR_TAKE(out->kind, (unsigned char *)sr_arena_take(&ctx->arena, most, 1));
    return SR_OK;
}

sr_status sr_icph_lay_out(sr_context *ctx, const sr_icph_times *times, sr_icph_layout *out)
{
    *out = (sr_icph_layout){.n = times->n};
    if (times->n > UINT32_MAX / 4)
        return SR_ERR_SIZE;
    builder b;
    uint32_t *row = NULL;
    size_t *begin = NULL;
    SR_TRY(builder_take(ctx, times, &b, out));
    SR_TAKE(row, sr_arena_index(&ctx->arena, times->n + 1));
    SR_TAKE(begin, sr_arena_sizes(&ctx->arena, times->n_stratum + 2));
    order_by_stratum(times, row, begin);
    for (size_t s = 0; s < times->n_stratum; s++) {
        SR_TICK(ctx);
        const uint32_t *const rows = row + begin[s];
        const size_t m = begin[s + 1] - begin[s];
        size_t n_mark = 0;
        SR_TRY(make_marks(ctx, &b, m, rows, &n_mark));
        make_nodes(&b, n_mark, (int)s, out);
        place_rows(&b, m, rows);
    }
    SR_TRY(find_last(ctx, &b, out));
    return make_groups(ctx, &b, out);
}
