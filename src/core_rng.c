/* core_rng.c -- see core_rng.h
 *
 * sr_rng_below: the product of n and a 32-bit draw, high half; draws whose low half falls into the
 * incomplete first interval are thrown back (Lemire 2019, ACM Trans Model Comput Simul 29(1) 3,
 * doi:10.1145/3230636). Almost never a division.
 */
#include "core_rng.h"
#include <gsl/gsl_rng.h>

struct sr_rng {
    gsl_rng gsl;
};

sr_status sr_rng_take(sr_context *ctx, sr_rng **out)
{
    const gsl_rng_type *type = gsl_rng_mt19937;
    sr_rng *rng;
    SR_TAKE(rng, (sr_rng *)sr_arena_take(&ctx->arena, 1, sizeof(sr_rng)));
    rng->gsl.type = type;
    SR_TAKE(rng->gsl.state, sr_arena_take(&ctx->arena, 1, type->size));
    *out = rng;
    return SR_OK;
}

static uint32_t mix(uint32_t x)
{
    x = (x ^ (x >> 16)) * 0x7feb352dU;
    x = (x ^ (x >> 15)) * 0x846ca68bU;
    return x ^ (x >> 16);
}

void sr_rng_start(sr_rng *rng, uint32_t seed, uint32_t stream)
{
    gsl_rng_set(&rng->gsl, mix(mix(seed) ^ stream));
}

uint32_t sr_rng_below(sr_rng *rng, uint32_t n)
{
    uint64_t product = (uint64_t)(uint32_t)gsl_rng_get(&rng->gsl) * n;
    if ((uint32_t)product < n) {
        const uint32_t incomplete = (uint32_t)(-n) % n;
        while ((uint32_t)product < incomplete)
            product = (uint64_t)(uint32_t)gsl_rng_get(&rng->gsl) * n;
    }
    return (uint32_t)(product >> 32);
}
