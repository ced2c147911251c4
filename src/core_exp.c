/* core_exp.c -- see core_exp.h */
#include "core_exp.h"
#include "core_simd.h"
#include <stdint.h>
#include <string.h>

static const double SHIFTER = 6755399441055744.0; /* 1.5 2^52 */
static const double LOG2_HIGH = 0x1.62e42fee00000p-1, LOG2_LOW = 0x1.a39ef35793c76p-33;
static const double PER_LOG2 = 0x1.71547652b82fep+0;

SR_SIMD void sr_exp_block(size_t n, double *x)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        const double value = x[i] < -708 ? -708 : x[i];
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
        sum = sum * r * r + r + 1;
        uint64_t bits;
        memcpy(&bits, &shifted, sizeof bits);
        bits = (bits + 1023) << 52; /* 2^k; the low bits of `shifted` hold k */
        double power;
        memcpy(&power, &bits, sizeof power);
        x[i] = sum * power;
    }
}
