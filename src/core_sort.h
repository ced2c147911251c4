/* core_sort.h -- the order of a vector of doubles
 *
 * Radix sort of the keys' bits, mapped so that unsigned order is numeric order (-0
 * equals 0). Many keys: two passes over words of a key's leading bits and its place, sorted by
 * the leading 26 bits of the range that the keys span; neighbours that agree in those are put
 * right by insertion. Where too many agree, or keys are few: three passes sort by the leading
 * 33 bits of the range that the keys span, from the least significant digit on; neighbours that
 * agree in those are put right by insertion. Where too many agree (times that crowd together), all
 * digits are sorted instead. A sorted input is noticed. Each pass counts
 * and moves chunks of rows side by side; chunks depend on n alone. Stable. NaN is
 * the caller's to exclude. O(n), scratch of 32 n bytes, given back on return.
 */
#ifndef SR_CORE_SORT_H
#define SR_CORE_SORT_H
#include "core_context.h"

/* order[n]: positions of key[] in ascending order. */
sr_status sr_sort_order(sr_context *ctx, size_t n, const double *key, uint32_t *order);
#endif
