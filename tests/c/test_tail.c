/* test_tail.c -- tails of log-concave densities, Stirling's rest, and the hazard made of them */
#include "check.h"
#include "core_special.h"
#include "core_stirling.h"
#include "core_tail.h"
#include "model_gengamma.h"

/* psi = -a s, with the shape a: T = 1 / a */
static void fill_exponential(const void *state, int order, sr_tail_nodes *nodes)
{
    const double a = *(const double *)state;
    (void)order;
    for (size_t j = 0; j < SR_TAIL_NODES; j++) {
        nodes->value[j] = -a * nodes->s[j];
        nodes->first[0][j] = 0;
        nodes->first[1][j] = -nodes->s[j];
        for (size_t k = 0; k < SR_PAIR(2, 0); k++)
            nodes->second[k][j] = 0;
    }
}

TEST(the_tail_of_an_exponential_is_its_mean)
{
    for (double a = 1e-3; a < 1e4; a *= 7)
        for (int n_panel = 0; n_panel < 3; n_panel++) {
            const double length = SR_TAIL_FALL / a;
            const sr_tail tail = {.n_shape = 1,
                                  .length = length,
                                  .bend = n_panel == 0   ? INFINITY
                                          : n_panel == 1 ? length / 3
                                                         : length / 20,
                                  .state = &a,
                                  .fill = fill_exponential};
            sr_small_jet ratio;
            sr_tail_log_ratio(&tail, 2, &ratio);
            CHECK_NEAR(ratio.value, -log(a), 1e-14);
            CHECK_NEAR(ratio.first[1] * a, -1, 1e-14);
            CHECK_NEAR(ratio.second[SR_PAIR(1, 1)] * a * a, 1, 1e-12);
            CHECK(ratio.first[0] == 0);
        }
}

TEST(stirlings_rest_is_that_of_log_gamma)
{
    double at[3], below[3], above[3];
    sr_stirling_rest(0, at);
    CHECK(at[0] == 0);
    CHECK_NEAR(at[1], 1.0 / 12, 1e-16);
    for (double q = 0.02; q < 200; q *= 1.37) {
        const double k = 1 / q, step = 1e-5 * q;
        sr_stirling_rest(q, at);
        sr_stirling_rest(q - step, below);
        sr_stirling_rest(q + step, above);
        CHECK_NEAR(at[0], lgamma(k) - (k - 0.5) * log(k) + k - log(2 * acos(-1)) / 2, 1e-13);
        CHECK_NEAR(at[1], (above[0] - below[0]) / (2 * step), 1e-7);
        CHECK_NEAR(at[2], (above[1] - below[1]) / (2 * step), 1e-7);
    }
}

static void gengamma(double w, double Q, int order, sr_small_jet *cum, sr_small_jet *haz)
{
    double shape[SR_MOST_SHAPES + SR_MOST_PREPARED] = {Q};
    sr_gengamma_prepare(shape);
    sr_gengamma_row(w, shape, order, 1, cum, haz);
}

TEST(a_generalised_gamma_without_q_is_normal)
{
    sr_small_jet cum, haz;
    for (double w = -100; w < 100; w += 0.37) {
        const sr_normal_tail upper = sr_normal_upper_tail(w), lower = sr_normal_upper_tail(-w);
        gengamma(w, 0, 2, &cum, &haz);
        CHECK_NEAR(cum.value, w < -8 ? lower.log_tail : log(-upper.log_tail), 1e-14);
        CHECK_NEAR(cum.first[0], w < -8 ? lower.hazard : -upper.hazard / upper.log_tail, 1e-13);
        CHECK_NEAR(haz.value, upper.log_hazard, 1e-13);
        CHECK_NEAR(haz.first[0], upper.excess, 1e-13);
        CHECK_NEAR(haz.second[0], upper.slope - 1, 1e-12);
    }
}

TEST(a_generalised_gamma_with_q_one_is_an_extreme_value)
{
    sr_small_jet cum, haz;
    for (double w = -300; w < 650; w += 1.7) {
        gengamma(w, 1, 2, &cum, &haz);
        CHECK_NEAR(cum.value, w, 1e-14);
        CHECK_NEAR(cum.first[0], 1, 1e-14);
        CHECK_NEAR(cum.second[0], 0, 1e-13);
        CHECK_NEAR(haz.value, w, 1e-14);
        CHECK_NEAR(haz.first[0], 1, 1e-13);
    }
}

/* f(after) - f(before) where the way to compute changes, against the derivative between */
static void check_seam(double w, double Q, int is_in_shape)
{
    const double step = 1e-7;
    sr_small_jet cum[2], haz[2];
    for (int k = 0; k < 2; k++) {
        const double move = k == 0 ? -step : step;
        gengamma(is_in_shape ? w : w + move, is_in_shape ? Q + move : Q, 2, cum + k, haz + k);
    }
    for (int part = 0; part < 2; part++) {
        const sr_small_jet *const jet = part == 0 ? cum : haz;
        const double slope = (jet[0].first[is_in_shape] + jet[1].first[is_in_shape]) / 2;
        CHECK_NEAR(jet[1].value - jet[0].value - 2 * step * slope, 0, 1e-13);
        for (int a = 0; a < 2; a++) {
            const int pair =
                SR_PAIR(a > is_in_shape ? a : is_in_shape, a < is_in_shape ? a : is_in_shape);
            const double curve = (jet[0].second[pair] + jet[1].second[pair]) / 2;
            CHECK_NEAR((jet[1].first[a] - jet[0].first[a] - 2 * step * curve) /
                           (1 + fabs(jet[0].first[a])),
                       0, 1e-12);
        }
        for (int k = 0; k < 3; k++)
            CHECK_NEAR((jet[1].second[k] - jet[0].second[k]) / (1 + fabs(jet[0].second[k])), 0,
                       1e-5);
    }
}

TEST(a_generalised_gamma_has_no_break)
{
    const double shapes[] = {-10, -3, -1, -0.3, -0.1, 0, 0.1, 0.3, 1, 3, 10};
    const double seams[] = {-0.2, 0, 0.2};
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++)
        check_seam(0, shapes[k], 0);
    for (size_t k = 0; k < sizeof seams / sizeof *seams; k++)
        for (double w = -6; w < 6; w += 0.7)
            check_seam(w, seams[k], 1);
    for (double Q = -0.6; Q < 0.6; Q += 0.037)
        if (fabs(Q) > 0.1)
            for (int sign = -1; sign < 2; sign += 2)
                check_seam(sign * 1.5 / Q, Q, 0); /* the series of e4 ends */
}
