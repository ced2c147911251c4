/* core_linalg.c -- see core_linalg.h; Golub and Van Loan, Matrix Computations, 4.1 */
#include "core_linalg.h"
#include <float.h>
#include <math.h>
#include <string.h>

/* What has an inverse, with room for a sum of such */
static const double LEAST_PIVOT = DBL_MIN / DBL_EPSILON;

sr_ldl_info sr_ldl_factor(size_t p, double *matrix, double tolerance)
{
    sr_ldl_info info = {0, 0, 0};
    double largest = 0;
    for (size_t i = 0; i < p; i++)
        if (matrix[i * p + i] > largest)
            largest = matrix[i * p + i];
    const double smallest = largest > 0 ? fmax(tolerance * largest, LEAST_PIVOT) : tolerance;
    info.smallest = smallest;
    for (size_t k = 0; k < p; k++) {
        const double pivot = matrix[k * p + k];
        if (!isfinite(pivot) || pivot < smallest) {
            info.is_indefinite |= !isfinite(pivot) || pivot < -8 * smallest;
            matrix[k * p + k] = 0;
            continue;
        }
        info.rank++;
        for (size_t i = k + 1; i < p; i++) {
            const double factor = matrix[i * p + k] / pivot;
            for (size_t j = k + 1; j <= i; j++)
                matrix[i * p + j] -= factor * matrix[j * p + k];
        }
        for (size_t i = k + 1; i < p; i++)
            matrix[i * p + k] /= pivot;
    }
    return info;
}

void sr_ldl_solve(size_t p, const double *factor, double *y)
{
    for (size_t i = 0; i < p; i++)
        for (size_t k = 0; k < i; k++)
            if (factor[k * p + k] != 0)
                y[i] -= factor[i * p + k] * y[k];
    for (size_t i = p; i-- > 0;) {
        const double pivot = factor[i * p + i];
        if (pivot == 0) {
            y[i] = 0;
            continue;
        }
        y[i] /= pivot;
        for (size_t k = i + 1; k < p; k++)
            y[i] -= factor[k * p + i] * y[k];
    }
}

void sr_ldl_inverse(size_t p, const double *factor, double *out)
{
    memset(out, 0, p * p * sizeof(double));
    for (size_t j = 0; j < p; j++) {
        if (factor[j * p + j] == 0)
            continue;
        double *const column = out + j * p;
        column[j] = 1;
        sr_ldl_solve(p, factor, column);
    }
    for (size_t i = 0; i < p; i++)
        for (size_t j = 0; j < i; j++)
            out[i * p + j] = out[j * p + i] = (out[i * p + j] + out[j * p + i]) / 2;
}
