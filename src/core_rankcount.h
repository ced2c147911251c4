/* core_rankcount.h -- how much weight of lower rank lies before and after each item
 *
 * Items carry a key (a moment), a rank and a weight. An item with an even key is a *source*: it
 * meets every item of a higher key, none of its own. Over the meetings of a source i with a
 * later item j,
 *
 *   below_i  gains  weight_j  when rank_j < rank_i
 *   below_j  loses  weight_i  when rank_i < rank_j; gains it when weight_j < 0
 *
 * so an item of negative weight takes back what another item of the same row has met before it.
 * Sums of all items of a row are added to below[row].
 *
 * Items are read in ascending order of rank, while a table over the digits of the key answers
 * "what has been added before (after) this moment". A table of 4,096 digits stays in the
 * first-level cache: digits are counted in 16s, 16s in 256s, so adding is three short rows of
 * multiply-adds, asking three loads. Longer keys are cut: the leading digit first, then the items
 * of each digit by the next. O(n log n / 12) at the pace of reading memory.
 *
 * With `below_low` every sum carries its rounding error along (double-double), for data where
 * weights of very different size are added and taken away again.
 */
#ifndef SR_CORE_RANKCOUNT_H
#define SR_CORE_RANKCOUNT_H
#include "core_context.h"

typedef struct {
    double weight;
    double below; /* caller sets 0; used on the way */
    uint32_t key, rank, row;
} sr_rank_item;

/* item[n], in ascending order of rank, and scratch[n] (NULL while n_key <= SR_RANK_TABLE) are both
 * overwritten. Keys are below n_key. below[rows] and, or NULL, below_low[rows] are added to. */
enum { SR_RANK_TABLE = 4096 };
void sr_rank_count(size_t n, sr_rank_item *item, sr_rank_item *scratch, size_t n_key, double *below,
                   double *below_low);
#endif
