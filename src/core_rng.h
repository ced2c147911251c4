/* core_rng.h -- random streams that do not depend on who draws first
 *
 * A stream is named by a seed and a number. Replicate r of a simulation draws from stream r only,
 * so the result is the same for any number of threads and any order of the work. Streams of one
 * seed start from 2^32 different states of the Mersenne Twister (GSL's gsl_rng_mt19937): seed and
 * number are mixed into its 32-bit seed by a bijection in each (a multiply-xorshift finaliser).
 *
 * One sr_rng a thread; its memory is the arena's. Seeding costs about a microsecond.
 */
#ifndef SR_CORE_RNG_H
#define SR_CORE_RNG_H
#include "core_context.h"

typedef struct sr_rng sr_rng;

sr_status sr_rng_take(sr_context *ctx, sr_rng **out);
void sr_rng_start(sr_rng *rng, uint32_t seed, uint32_t stream);

/* A whole number from 0 to n - 1, all alike; 1 <= n <= 2^32 - 1. */
uint32_t sr_rng_below(sr_rng *rng, uint32_t n);
#endif
