/* random.c -- random numbers for tests, see check.h */
#include "check.h"

double check_uniform(check_random *random)
{
    uint64_t z = (random->state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    z ^= z >> 31;
    return ((double)(z >> 11) + 0.5) * 0x1p-53;
}

double check_normal(check_random *random)
{
    const double radius = sqrt(-2 * log(check_uniform(random)));
    return radius * cos(6.283185307179586 * check_uniform(random));
}

size_t check_below(check_random *random, size_t limit)
{
    return (size_t)(check_uniform(random) * (double)limit);
}

void check_permutation(check_random *random, size_t n, size_t *order)
{
    for (size_t i = 0; i < n; i++) {
        const size_t j = check_below(random, i + 1);
        order[i] = order[j];
        order[j] = i;
    }
}
