/* test_quad.c -- integrals over time: powers that are infinite at 0, logs, narrow and wide spans */
#include "check.h"
#include "core_quad.h"

/* Integral of t^(k - 1) over (0, b], log b given, which is b^k / k */
static double power_from_zero(const sr_quad_rule *rule, double k, double log_b)
{
    double sum = 0;
    for (size_t i = 0; i < rule->n; i++)
        sum += exp(rule->log_weight[i] + k * (log_b + rule->place[i]));
    return sum;
}

/* Integral of t^(k - 1) over (a, b] */
static double power_between(const sr_quad_rule *rule, double k, double log_a, double log_b)
{
    const double width = log_b - log_a;
    double sum = 0;
    for (size_t i = 0; i < rule->n; i++)
        sum += width * exp(rule->log_weight[i] + k * (log_a + rule->place[i] * width));
    return sum;
}

TEST(quad_from_zero)
{
    const double powers[] = {0.1, 0.4, 1, 1.7, 6};
    sr_context ctx = {.n_thread = 1};
    sr_quad_rule rule;
    CHECK(sr_quad_from_zero(&ctx, 2, &rule) == SR_OK);
    for (size_t i = 0; i < sizeof powers / sizeof *powers; i++)
        for (double log_b = -20; log_b <= 20; log_b += 10)
            CHECK_NEAR(power_from_zero(&rule, powers[i], log_b) * powers[i] /
                           exp(powers[i] * log_b),
                       1.0, 1e-12);
    sr_arena_free(&ctx.arena);
}

TEST(quad_between)
{
    sr_context ctx = {.n_thread = 1};
    sr_quad_rule rule;
    for (int level = 0; level < 8; level++) {
        CHECK(sr_quad_between(&ctx, level, &rule) == SR_OK);
        CHECK(rule.n == (size_t)8 << level);
        double total = 0;
        for (size_t i = 0; i < rule.n; i++) {
            CHECK(rule.place[i] > 0 && rule.place[i] < 1);
            total += exp(rule.log_weight[i]);
        }
        CHECK_NEAR(total, 1.0, 1e-13);
        /* over a factor of e^0.01, and of e^4: the error falls as the nodes double */
        CHECK_NEAR(power_between(&rule, 3, 1, 1.01), (exp(3.03) - exp(3)) / 3, 1e-13);
        const double tolerance = level == 0 ? 1e-4 : 1e-12;
        CHECK_NEAR(power_between(&rule, 2, -3, 1), (exp(2) - exp(-6)) / 2, tolerance);
        /* Gauss: exact for polynomials in log t up to degree 2 n - 1 = 15 */
        double moment = 0;
        for (size_t i = 0; i < rule.n; i++)
            moment += exp(rule.log_weight[i]) * pow(rule.place[i], 15);
        CHECK_NEAR(moment, 1.0 / 16, 1e-14);
    }
    sr_arena_free(&ctx.arena);
}
