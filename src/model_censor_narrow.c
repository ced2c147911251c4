/* model_censor_narrow.c -- see model_censor_narrow.h */
#include "model_censor_narrow.h"
#include <math.h>

enum { N_NODE = 3, N_PROBE = N_NODE + 2, MOST_HALVINGS = 34, MOST_PANELS = 2000 };
static const double NODE[N_NODE] = {0.11270166537925831148, 0.5, 0.88729833462074168852};
static const double LOG_WEIGHT[N_NODE] = {-1.2809338454620643, -0.8109302162163288,
                                          -1.2809338454620643}; /* log 5/18, 8/18, 5/18 */
static const double EVEN = 0.1; /* range of the log density within which the nodes suffice */
static const double NEAR_END = 1e-6, SHORTEST = 1e-10; /* shares of an interval, and log time */

typedef struct {
    const sr_censor_rows *rows;
    const double *log_l, *log_r; /* of the block */
    size_t n_z;
    int order;
    sr_censor_room *room;
    sr_jet *out;
} block;

/* A part of an interval, as shares of its width in log time */
typedef struct {
    double from, width;
} part;

static void clear_row(const block *b, size_t i)
{
    b->out->value[i] = 0;
    for (size_t a = 0; b->order > 0 && a < b->n_z; a++)
        b->out->first[a * SR_BLOCK + i] = 0;
    for (size_t k = 0; b->order > 1 && k < SR_PAIR(b->n_z, 0); k++)
        b->out->second[k * SR_BLOCK + i] = 0;
}

/* Node k adds its density to a narrow interval. Log of the sum so far: value; its derivatives are
 * means over the nodes, so a new node with share p moves them by p times the difference. */
static void add_node(const block *b, size_t i, size_t j, double log_weight, int is_first)
{
    sr_jet *const cum = &b->room->node_cum, *const haz = &b->room->node_haz, *const out = b->out;
    const double H = exp(cum->value[j]);
    const double term = haz->value[j] - H + b->room->x[j] + log_weight;
    const double old = is_first ? -INFINITY : out->value[i];
    const double top = fmax(old, term);
    const double total = is_first ? term : top + log(exp(old - top) + exp(term - top));
    const double p = is_first ? 1 : exp(term - total);
    double *const first = b->room->row;
    for (size_t a = 0; b->order > 0 && a < b->n_z; a++)
        first[a] = haz->first[a * SR_BLOCK + j] - H * cum->first[a * SR_BLOCK + j];
    /* minus the second derivative of a log of a sum: mean of minus second derivatives, less the
     * spread of the first ones */
    for (size_t a = 0; b->order > 1 && a < b->n_z; a++)
        for (size_t d = 0; d <= a; d++) {
            const size_t pair = SR_PAIR(a, d) * SR_BLOCK;
            const double own = H * (cum->second[pair + j] +
                                    cum->first[a * SR_BLOCK + j] * cum->first[d * SR_BLOCK + j]) -
                               haz->second[pair + j];
            const double gap_a = first[a] - out->first[a * SR_BLOCK + i];
            const double gap_d = first[d] - out->first[d * SR_BLOCK + i];
            out->second[pair + i] = (1 - p) * out->second[pair + i] + p * own -
                                    (is_first ? 0 : p * (1 - p) * gap_a * gap_d);
        }
    for (size_t a = 0; b->order > 0 && a < b->n_z; a++)
        out->first[a * SR_BLOCK + i] += p * (first[a] - out->first[a * SR_BLOCK + i]);
    out->value[i] = total;
}

/* Rows at `place` of their intervals */
static void eval_at_place(const block *b, size_t count, const size_t *which, double place)
{
    sr_censor_gather(b->rows, b->room, count, which, b->rows->times->log_t);
    for (size_t j = 0; j < count; j++)
        b->room->x[j] += place * (b->log_r[which[j]] - b->log_l[which[j]]);
    sr_censor_eval_gathered(b->rows, b->room, count, &b->room->node_cum, &b->room->node_haz);
}

/* The log density, per log time, of gathered row j */
static double log_density(const block *b, size_t j)
{
    return b->room->node_haz.value[j] - exp(b->room->node_cum.value[j]) + b->room->x[j];
}

static void note_range(const block *b, size_t count)
{
    for (size_t j = 0; j < count; j++) {
        const double density = log_density(b, j);
        b->room->least[j] = fmin(b->room->least[j], density);
        b->room->most[j] = fmax(b->room->most[j], density);
    }
}

/* Row i at the nodes of a part of its interval, and beside its ends: range of the log density */
static double eval_part(const block *b, size_t i, part at, double *most)
{
    size_t which[N_PROBE];
    double least = INFINITY;
    *most = -INFINITY;
    for (size_t k = 0; k < N_PROBE; k++)
        which[k] = i;
    sr_censor_gather(b->rows, b->room, N_PROBE, which, b->rows->times->log_t);
    for (size_t k = 0; k < N_PROBE; k++) {
        const double node = k < N_NODE ? NODE[k] : k == N_NODE ? NEAR_END : 1 - NEAR_END;
        b->room->x[k] += (at.from + node * at.width) * (b->log_r[i] - b->log_l[i]);
    }
    sr_censor_eval_gathered(b->rows, b->room, N_PROBE, &b->room->node_cum, &b->room->node_haz);
    for (size_t k = 0; k < N_PROBE; k++) {
        least = fmin(least, log_density(b, k));
        *most = fmax(*most, log_density(b, k));
    }
    return *most - least;
}

/* The parts of an interval that are still to be integrated, the first on top */
typedef struct {
    size_t depth;
    part parts[SR_MOST_THETA + MOST_HALVINGS + 2];
} part_stack;

/* Row i, parted where its hazard jumps */
static void part_at_jumps(const block *b, size_t i, part_stack *stack)
{
    const sr_hazard *const hazard = b->rows->hazard;
    const size_t n_jump = hazard->family->jumps_at_settings ? hazard->n_setting : 0;
    const double width = b->log_r[i] - b->log_l[i];
    double end = 1;
    stack->depth = 0;
    for (size_t k = n_jump; k-- > 0;) {
        const double jump = (log(hazard->setting[k]) - b->log_l[i]) / width;
        if (jump > 0 && jump < end) {
            stack->parts[stack->depth++] = (part){jump, end - jump};
            end = jump;
        }
    }
    stack->parts[stack->depth++] = (part){0, end};
}

/* Halves of the parts until each is even, or adds nothing beside those before it */
static void add_uneven(const block *b, size_t i, part_stack *stack)
{
    size_t n_panel = 0;
    const double width = b->log_r[i] - b->log_l[i], log_width = log(width);
    clear_row(b, i);
    while (stack->depth > 0) {
        const part at = stack->parts[--stack->depth];
        const double log_part = log_width + log(at.width), half = at.width / 2;
        double most;
        const double range = eval_part(b, i, at, &most);
        if (!(most > -INFINITY) || (n_panel > 0 && most + log_part < b->out->value[i] - 45))
            continue;
        const int is_short = at.width * fmin(width, 1) < SHORTEST;
        if (range > EVEN && !is_short && n_panel < MOST_PANELS) {
            stack->parts[stack->depth++] = (part){at.from + half, half};
            stack->parts[stack->depth++] = (part){at.from, half};
            continue;
        }
        for (size_t k = 0; k < N_NODE; k++)
            add_node(b, i, k, LOG_WEIGHT[k] + log_part, n_panel == 0 && k == 0);
        n_panel++;
    }
    if (n_panel == 0)
        b->out->value[i] = -INFINITY;
}

void sr_censor_narrow(const sr_censor_rows *rows, sr_censor_room *room, size_t count,
                      const size_t *which, sr_jet *out)
{
    const size_t from = rows->from, n_z = 1 + rows->hazard->n_theta;
    const block b = {
        rows, rows->times->log_t + from, rows->times->log_r + from, n_z, rows->order, room, out};
    for (size_t j = 0; j < count; j++) {
        clear_row(&b, which[j]);
        room->least[j] = INFINITY;
        room->most[j] = -INFINITY;
    }
    for (size_t k = 0; k < N_NODE; k++) {
        eval_at_place(&b, count, which, NODE[k]);
        note_range(&b, count);
        for (size_t j = 0; j < count; j++) {
            const double width = b.log_r[which[j]] - b.log_l[which[j]];
            add_node(&b, which[j], j, LOG_WEIGHT[k] + log(width), k == 0);
        }
    }
    for (int end = 0; end < 2; end++) {
        eval_at_place(&b, count, which, end ? 1 - NEAR_END : NEAR_END);
        note_range(&b, count);
    }
    for (size_t j = 0; j < count; j++) {
        part_stack stack;
        part_at_jumps(&b, which[j], &stack);
        if (stack.depth > 1 || room->most[j] - room->least[j] > EVEN)
            add_uneven(&b, which[j], &stack);
    }
}
