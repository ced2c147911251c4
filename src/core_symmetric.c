/* core_symmetric.c -- elementary symmetric functions of many terms, with two derivatives
 *
 * See core_symmetric.h. Orders are updated from the highest down, so that each reads the order
 * below as it was before the item came. A block is brought back to near 1 when its G0 leaves
 * 2^-200 .. 2^200; powers of two cost no digit.
 */
#include "core_symmetric.h"
#include "core_simd.h"
#include <math.h>
#include <stdint.h>
#include <string.h>

#define LOG_2 0.693147180559945309417232121458176568
#define FAR 200   /* powers of two that a block may be away from 1 */
#define LOST 1080 /* a term smaller by that power of two changes no digit, whatever its mantissa */

static void clear(sr_symmetric *state)
{
    state->n_item = 0;
    memset(state->block, 0, state->stride * sizeof(double));
    state->block[0] = 1;
    state->exponent[0] = 0;
}

sr_status sr_symmetric_take(sr_context *ctx, size_t p, size_t n_order, sr_symmetric *out)
{
    if (p > 60000 || n_order >= SIZE_MAX / 16)
        return SR_ERR_SIZE;
    const size_t stride = 1 + p + p * (p + 1) / 2;
    if (stride > SIZE_MAX / (n_order + 1))
        return SR_ERR_SIZE;
    out->p = p;
    out->n_order = n_order;
    out->stride = stride;
    SR_TAKE(out->block, sr_arena_double(&ctx->arena, (n_order + 1) * stride));
    SR_TAKE(out->exponent, (long *)sr_arena_take(&ctx->arena, n_order + 1, sizeof(long)));
    clear(out);
    return SR_OK;
}

void sr_symmetric_copy(const sr_symmetric *from, size_t n_order, sr_symmetric *to)
{
    const size_t n_kept = (n_order < from->n_item ? n_order : from->n_item) + 1;
    to->n_item = from->n_item;
    memcpy(to->block, from->block, n_kept * from->stride * sizeof(double));
    memcpy(to->exponent, from->exponent, n_kept * sizeof(long));
}

void sr_symmetric_size(double log_size, sr_symmetric_item *item)
{
    const double power = floor(log_size / LOG_2);
    item->exponent = (long)power;
    item->size = exp(log_size - power * LOG_2);
}

SR_SIMD static void add_scaled(size_t p, double factor, const sr_symmetric_item *item,
                               const double *restrict below, double *restrict block)
{
    const double *z = item->z, *outer = item->outer, *below_1 = below + 1;
    const double one = factor * below[0];
    block[0] += one;
#pragma omp simd
    for (size_t j = 0; j < p; j++)
        block[1 + j] += factor * below_1[j] + one * z[j];
    const double *below_2 = below + 1 + p;
    double *block_2 = block + 1 + p;
    for (size_t j = 0; j < p; j++) {
        const double z_j = factor * z[j], mean_j = factor * below_1[j];
#pragma omp simd
        for (size_t k = 0; k <= j; k++)
            block_2[k] += factor * below_2[k] + z_j * below_1[k] + mean_j * z[k] + one * outer[k];
        block_2 += j + 1;
        below_2 += j + 1;
        outer += j + 1;
    }
}

static void rescale(double *block, size_t stride, long power, long *exponent)
{
    const double factor = ldexp(1.0, (int)-power);
    for (size_t j = 0; j < stride; j++)
        block[j] *= factor;
    *exponent += power;
}

void sr_symmetric_add(sr_symmetric *state, size_t n_order, const sr_symmetric_item *item)
{
    const size_t stride = state->stride;
    const double high = ldexp(1.0, FAR), low = ldexp(1.0, -FAR);
    size_t d = state->n_item + 1;
    if (d > n_order) {
        d = n_order;
    } else {
        memset(state->block + d * stride, 0, stride * sizeof(double));
        state->exponent[d] = state->exponent[d - 1] + item->exponent;
    }
    for (; d > 0; d--) {
        double *block = state->block + d * stride;
        const double *below = block - stride;
        long shift = item->exponent + state->exponent[d - 1] - state->exponent[d];
        if (shift > FAR) {
            rescale(block, stride, shift < LOST ? shift : LOST, &state->exponent[d]);
            if (shift > LOST) /* what was there is gone */
                state->exponent[d] += shift - LOST;
            shift = 0;
        }
        if (shift > -LOST)
            add_scaled(state->p, ldexp(item->size, (int)shift), item, below, block);
        if (block[0] > high || block[0] < low) {
            int power = 0;
            frexp(block[0], &power);
            rescale(block, stride, power, &state->exponent[d]);
        }
    }
    state->n_item++;
}

double sr_symmetric_read(const sr_symmetric *state, size_t d, double *mean, double *spread)
{
    const size_t p = state->p;
    const double *block = state->block + d * state->stride;
    for (size_t j = 0; j < p; j++)
        mean[j] = block[1 + j] / block[0];
    const double *block_2 = block + 1 + p;
    for (size_t j = 0; j < p; j++) {
        for (size_t k = 0; k <= j; k++)
            spread[k] += block_2[k] / block[0] - mean[j] * mean[k];
        block_2 += j + 1;
        spread += j + 1;
    }
    return log(block[0]) + (double)state->exponent[d] * LOG_2;
}
