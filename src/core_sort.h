/* core_sort.h -- the order of a vector of doubles
 *
 * Least-significant-digit radix sort of the keys' bits, mapped so that unsigned
 * order is numeric order (-0 equals 0). Digits that all keys share are skipped,
 * and a sorted input is noticed first. Stable. NaN is the caller's to exclude.
 * O(n), scratch of 32 n bytes, given back on return.
 */
#ifndef SR_CORE_SORT_H
#define SR_CORE_SORT_H
#include "core_context.h"

/* order[n]: positions of key[] in ascending order. */
sr_status sr_sort_order(sr_context *ctx, size_t n, const double *key, uint32_t *order);
#endif
