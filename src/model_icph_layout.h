/* model_icph_layout.h -- where a baseline that nobody saw can have its jumps
 *
 * Each row's event lies in (left, right] (at left, where they are equal), and the row is observed
 * from entry on. Crossing a time from left to right, a jump of the cumulative hazard
 *
 *   gains   at the left end of a row: the row survived until then
 *   loses   at a right end, and at the entry of a row that was seen free of the event later on
 *
 * and nothing happens in between. So a maximum of the likelihood has its jumps in the intervals
 * that begin where something was gained and end at the next loss: Turnbull's innermost intervals,
 * with the entry times among the ends (Frydman 1994). Where within an interval the jump lies, no
 * datum tells. At one time the order is: left ends of exact events, losses, other left ends.
 *
 * These intervals are the *nodes*, in the order of time, stratum after stratum, each stratum's
 * behind a *ground* node where its cumulative hazard is 0. A row reads the cumulative hazard at
 * three nodes: survival to its left end is that at `left` less that at `entry`, the event lies in
 * the nodes after `left` up to `right`. A node that nobody is known to have survived is *last*: its
 * jump is infinite, its rows need no more. Rows with the same three nodes are a *group*.
 *
 * References: Turnbull (1976), J R Stat Soc B 38, 290-295, doi:10.1111/j.2517-6161.1976.tb01597.x;
 * Frydman (1994), J R Stat Soc B 56, 71-74, doi:10.1111/j.2517-6161.1994.tb01960.x.
 *
 * Cost O(n) after a sort of the 3 n ends. Memory is the arena's.
 */
#ifndef SR_MODEL_ICPH_LAYOUT_H
#define SR_MODEL_ICPH_LAYOUT_H
#include "core_context.h"

#define SR_ICPH_NEVER UINT32_MAX /* a right end that is not seen */

typedef struct {
    size_t n;
    const double *left, *right; /* [n] 0 <= left <= right <= Inf */
    const double *entry;        /* [n] entry <= left; NULL: 0 */
    const int *stratum;         /* [n] from 0; NULL: one */
    size_t n_stratum;
} sr_icph_times;

/* EMPTY: nobody is at risk, nothing can be said; the jump is 0 */
typedef enum { SR_NODE_GROUND, SR_NODE_JUMP, SR_NODE_LAST, SR_NODE_EMPTY } sr_icph_kind;

typedef struct {
    size_t n, n_node, n_group;
    double *from, *to;      /* [n_node] the interval (from, to], the point where they are equal */
    int *stratum;           /* [n_node] */
    unsigned char *kind;    /* [n_node] sr_icph_kind */
    uint32_t *order;        /* [n] rows, group after group */
    uint32_t *begin;        /* [n_group + 1] into order */
    uint32_t *entry, *left; /* [n_group] nodes */
    uint32_t *right;        /* [n_group] or SR_ICPH_NEVER */
} sr_icph_layout;

sr_status sr_icph_lay_out(sr_context *ctx, const sr_icph_times *times, sr_icph_layout *out);
#endif
