/* core_jet.h -- the value of a function at one point with its derivatives
 *
 * A function of a few variables z_0, z_1, ... : value, first[a] = d/dz_a, and the second
 * derivative in z_a, z_b at second[SR_PAIR(a, b)], a >= b.
 */
#ifndef SR_CORE_JET_H
#define SR_CORE_JET_H

/* Where the second derivative in z_a, z_b stands, a >= b */
#define SR_PAIR(a, b) ((a) * ((a) + 1) / 2 + (b))

/* A variable and up to two shape parameters */
enum { SR_MOST_SHAPES = 2 };
typedef struct {
    double value, first[1 + SR_MOST_SHAPES], second[SR_PAIR(1 + SR_MOST_SHAPES, 0)];
} sr_small_jet;

#endif
