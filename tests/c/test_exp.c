/* test_exp.c -- many exponentials and logarithms at once are those of libm */
#include "check.h"
#include "core_exp.h"
#include "model_outer.h"

enum { N = 1000 };
static const double ULP = 2.220446049250313e-16;

/* The i-th of N numbers between low and high, evenly spread, none of them round */
static double spread(size_t i, double low, double high)
{
    return low + (high - low) * ((double)i + 0.4142135623730951) / N;
}

/* The largest |got - want| / |want| */
static double worst(const double *got, const double *x, double (*want)(double))
{
    double most = 0;
    for (size_t i = 0; i < N; i++) {
        const double true_value = want(x[i]);
        most = fmax(most, fabs(got[i] - true_value) / fabs(true_value));
    }
    return most;
}

TEST(exp_and_log_blocks_are_those_of_libm)
{
    const double range[][2] = {{-1e-3, 1e-3}, {-1, 1}, {-0.34, 0.36}, {-700, 700}};
    double x[N], y[N];
    for (size_t k = 0; k < 4; k++) {
        for (size_t i = 0; i < N; i++)
            x[i] = y[i] = spread(i, range[k][0], range[k][1]);
        sr_exp_block(N, y);
        CHECK(worst(y, x, exp) < 3 * ULP);
        memcpy(y, x, sizeof y);
        sr_expm1_block(N, y);
        CHECK(worst(y, x, expm1) < 4 * ULP);
        for (size_t i = 0; i < N; i++)
            x[i] = y[i] = k == 1 ? spread(i, 0.5, 2) : exp(spread(i, range[k][0], range[k][1]));
        sr_log_block(N, y);
        CHECK(worst(y, x, log) < 4 * ULP);
    }
    double far[] = {-1e4, -708.5, 709.5, 712, 1500, INFINITY};
    sr_exp_block(6, far);
    for (size_t i = 0; i < 6; i++)
        CHECK(far[i] > 0 && isfinite(far[i]) && (i < 2 ? far[i] < 4e-308 : far[i] > 8e307));
    const double edge[] = {
        1, 0.70710678118654746, 0.70710678118654757, 1.4142135623730949, 2.3e-308, 1.7e308, 4};
    memcpy(y, edge, sizeof edge);
    sr_log_block(sizeof edge / sizeof *edge, y);
    CHECK(y[0] == 0);
    for (size_t i = 1; i < sizeof edge / sizeof *edge; i++)
        CHECK(fabs(y[i] - log(edge[i])) < 4 * ULP * fabs(log(edge[i])));
}

/* Central differences of `value` agree with the slopes, on both sides of each border between rows
 * that are done together and those done alone. */
TEST(outer_derivatives_of_left_censored_rows)
{
    const double step = 1e-5;
    for (double c = -330; c<5; c += c> - 4 ? 0.037 : 3.7) {
        const double at[] = {c - step, c, c + step, 0, -299.9999, 2.9999};
        sr_outer out;
        sr_outer_left(6, at, &out);
        CHECK_NEAR(out.slope[1], (out.value[2] - out.value[0]) / (2 * step), 1e-5);
        CHECK_NEAR(out.bend[1], (out.slope[2] - out.slope[0]) / (2 * step), 1e-6);
        /* log(1 - e^-H), in long double */
        const long double H = expl((long double)c);
        CHECK_NEAR(out.value[1], (double)logl(-expm1l(-H)), 4e-16);
    }
}

TEST(outer_derivatives_of_intervals)
{
    const double step = 1e-5;
    for (double c_l = -320; c_l<4; c_l += c_l> - 3 ? 0.31 : 17)
        for (double gap = 0.02; gap < 6; gap *= 1.37) {
            const double c_r = c_l + gap;
            const double left[] = {c_l, c_l - step, c_l + step, c_l, c_l, 0};
            const double right[] = {c_r, c_r, c_r, c_r - step, c_r + step, 1};
            sr_outer out;
            sr_outer_interval(6, left, right, &out);
            const double *const v = out.value, *const s = out.slope, size = fabs(s[0]) + 1;
            CHECK(fabs(s[0] - (v[2] - v[1]) / (2 * step)) < 1e-4 * size);
            CHECK(fabs(out.slope_r[0] - (v[4] - v[3]) / (2 * step)) < 1e-4 * size);
            CHECK(fabs(out.bend[0] - (s[2] - s[1]) / (2 * step)) < 1e-4 * (fabs(out.bend[0]) + 1));
            CHECK(fabs(out.both[0] - (s[4] - s[3]) / (2 * step)) < 1e-4 * (out.both[0] + 1));
            CHECK(fabs(out.bend_r[0] - (out.slope_r[4] - out.slope_r[3]) / (2 * step)) <
                  1e-4 * (fabs(out.bend_r[0]) + 1));
            const long double A = expl((long double)c_l), B = expl((long double)c_r);
            const long double want =
                -A + (B - A > 1 ? log1pl(-expl(A - B)) : logl(-expm1l(-A * expm1l(c_r - c_l))));
            CHECK(fabs(v[0] - (double)want) < 1e-13 * (1 + fabs((double)want)));
        }
}

/* Nobody survives so long: the value is that of the left end alone, and all else is 0. */
TEST(outer_ends_far_beyond_the_event)
{
    const double c_l[] = {0, -3, 2, 0, 6.5}, c_r[] = {6.6, 720, 1000, 1e5, 720};
    sr_outer out;
    sr_outer_interval(5, c_l, c_r, &out);
    for (size_t i = 0; i < 5; i++) {
        const double A = exp(c_l[i]);
        CHECK_NEAR(out.value[i], -A, 1e-15);
        CHECK_NEAR(out.slope[i], -A, 1e-15);
        CHECK_NEAR(out.bend[i], -A, 1e-15);
        CHECK_NEAR(out.slope_r[i], 0, 1e-250);
        CHECK_NEAR(out.bend_r[i], 0, 1e-250);
        CHECK_NEAR(out.both[i], 0, 1e-250);
    }
    sr_outer_left(5, c_r, &out);
    for (size_t i = 0; i < 5; i++) {
        CHECK_NEAR(out.value[i], 0, 1e-300);
        CHECK_NEAR(out.slope[i], 0, 1e-250);
        CHECK_NEAR(out.bend[i], 0, 1e-250);
    }
}
