/* core_exp.c -- see core_exp.h */
#include "core_exp.h"
#include "core_simd.h"
#include <stdint.h>
#include <string.h>

static const double SHIFTER = 6755399441055744.0; /* 1.5 2^52 */
static const double LOG2_HIGH = 0x1.62e42fee00000p-1, LOG2_LOW = 0x1.a39ef35793c76p-33;
static const uint64_t ONE_BITS = 0x3ff0000000000000, SQRT_HALF_BITS = 0x3fe6a09e667f3bcd,
                      TWO_52_BITS = 0x4330000000000000;
static const double PER_LOG2 = 0x1.71547652b82fep+0;

/* x = k log 2 + r: 2^k, and expm1(r) by its series */
typedef struct {
    double power, less_one;
} exp_parts;

static inline exp_parts split_exp(double value)
{
    const double shifted = value * PER_LOG2 + SHIFTER;
    const double k = shifted - SHIFTER;
    const double r = (value - k * LOG2_HIGH) - k * LOG2_LOW;
    double sum = 1.0 / 6227020800;
    sum = sum * r + 1.0 / 479001600;
    sum = sum * r + 1.0 / 39916800;
    sum = sum * r + 1.0 / 3628800;
    sum = sum * r + 1.0 / 362880;
    sum = sum * r + 1.0 / 40320;
    sum = sum * r + 1.0 / 5040;
    sum = sum * r + 1.0 / 720;
    sum = sum * r + 1.0 / 120;
    sum = sum * r + 1.0 / 24;
    sum = sum * r + 1.0 / 6;
    sum = sum * r + 0.5;
    uint64_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 1023) << 52; /* 2^k; the low bits of `shifted` hold k */
    exp_parts parts = {.less_one = sum * r * r + r};
    memcpy(&parts.power, &bits, sizeof bits);
    return parts;
}

SR_SIMD void sr_exp_block(size_t n, double *x)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        const double low = x[i] > -708 ? x[i] : -708;
        const exp_parts parts = split_exp(low < 709 ? low : 709);
        x[i] = (parts.less_one + 1) * parts.power;
    }
}

SR_SIMD void sr_expm1_block(size_t n, double *x)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        const exp_parts parts = split_exp(x[i]);
        x[i] = parts.less_one * parts.power + (parts.power - 1);
    }
}

SR_SIMD void sr_log_block(size_t n, double *x)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        uint64_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        /* e + 1023, which is read as a double by putting it under 2^52 */
        const uint64_t raised = (bits + (ONE_BITS - SQRT_HALF_BITS)) >> 52;
        const uint64_t mantissa = bits - ((raised - 1023) << 52);
        const uint64_t number = raised | TWO_52_BITS;
        double m, e;
        memcpy(&m, &mantissa, sizeof m);
        memcpy(&e, &number, sizeof e);
        e -= 0x1p52 + 1023;
        const double s = (m - 1) / (m + 1), z = s * s;
        double sum = 1.0 / 21;
        sum = sum * z + 1.0 / 19;
        sum = sum * z + 1.0 / 17;
        sum = sum * z + 1.0 / 15;
        sum = sum * z + 1.0 / 13;
        sum = sum * z + 1.0 / 11;
        sum = sum * z + 1.0 / 9;
        sum = sum * z + 1.0 / 7;
        sum = sum * z + 1.0 / 5;
        sum = sum * z + 1.0 / 3;
        x[i] = e * LOG2_HIGH + (e * LOG2_LOW + (2 * s * z * sum + 2 * s));
    }
}
