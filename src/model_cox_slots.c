/* model_cox_slots.c -- see model_cox_slots.h */
#include "model_cox_slots.h"
#include "core_simd.h"
#include <math.h>
#include <stdlib.h>

/* Sums over l = 0 .. n - 1 of c_l = 1 / (S0 - l share): c, c (n - l), c^2, c^2 l, c^2 l^2 */
typedef struct {
    double one, one_left, two, two_l, two_ll;
} step_sums;

SR_SIMD static void sum_steps(double S0, double share, size_t n, step_sums *out)
{
    double one = 0, one_left = 0, two = 0, two_l = 0, two_ll = 0;
#pragma omp simd reduction(+ : one, one_left, two, two_l, two_ll)
    for (int l = 0; l < (int)n; l++) {
        const double step = l, c = 1 / (S0 - step * share), c_l = c * step;
        one += c;
        one_left += c * ((double)n - step);
        two += c * c;
        two_l += c * c_l;
        two_ll += c_l * c_l;
    }
    *out = (step_sums){one, one_left, two, two_l, two_ll};
}

/* dH of slot k, and what a tied death meets of it */
static double hazard_step(const sr_riskset *rs, size_t k, const double *S0, const double *D0,
                          double *of_death)
{
    if (rs->n_death[k] == 0)
        return 0;
    if (!sr_is_tied(rs, k))
        return rs->death_weight[k] / S0[k];
    const double n_death = rs->n_death[k];
    step_sums sums;
    sum_steps(S0[k], D0[rs->slot_tied[k]] / n_death, (size_t)n_death, &sums);
    *of_death = sums.one_left * rs->death_weight[k] / (n_death * n_death);
    return sums.one * rs->death_weight[k] / n_death;
}

void sr_put_steps(const sr_riskset *rs, const sr_risk_sums *sums, const double *mark, size_t from,
                  size_t to, sr_cum_hazard *out)
{
    const double *const S0 = sums->S0, *const D0 = sums->D0;
    for (size_t k = from; k < to; k++) {
        const double factor = mark == NULL ? 1 : mark[k];
        double of_death = 0;
        out->at_cell[k] = factor * hazard_step(rs, k, S0, D0, &of_death);
        if (sr_is_tied(rs, k))
            out->at_cell[rs->n_slot + (size_t)rs->slot_tied[k]] = factor * of_death;
    }
}

SR_SIMD static double product_of_steps(double ratio, size_t from, size_t to)
{
    double product = 1;
#pragma omp simd reduction(* : product)
    for (int l = (int)from; l < (int)to; l++)
        product *= 1 - l * ratio;
    return product;
}

/* sum_l log(S0 - l / d D0) = d log S0 + sum_l log(1 - l / d D0 / S0), the latter as logarithms of
 * products: their factors fall from 1 to the last, and a product has so few of them that it stays
 * within the range of doubles. */
static double log_of_steps(double S0, double D0, double n_death)
{
    enum { RANGE = 1000 }; /* of the exponents of doubles */
    const size_t n = (size_t)n_death;
    const double ratio = D0 / S0 / n_death, last = 1 - (n_death - 1) * ratio;
    if (!(last > 0 && isfinite(S0)))
        return log(last > 0 ? S0 : last);
    int exponent;
    (void)frexp(last, &exponent);
    const size_t run = (size_t)(RANGE / (1 + abs(exponent)));
    double logs = n_death * log(S0);
    for (size_t from = 0; from < n; from += run)
        logs += log(product_of_steps(ratio, from, n - from < run ? n : from + run));
    return logs;
}

/* May a sum join a product of such that is kept within 1e100 of 1? */
static int is_moderate(double S0)
{
    return S0 > 1e-200 && S0 < 1e200;
}

/* Terms of the log-likelihood that slots [from, to) take away. Where rows have no weights, an
 * untied slot's sum joins a product, and one logarithm serves many of them. */
double sr_slot_logs(const sr_riskset *rs, const sr_risk_sums *sums, int is_weighted, size_t from,
                    size_t to)
{
    double sum = 0, product = 1;
    for (size_t k = from; k < to; k++) {
        if (rs->n_death[k] == 0)
            continue;
        if (sr_is_tied(rs, k)) {
            sum += rs->death_weight[k] / rs->n_death[k] *
                   log_of_steps(sums->S0[k], sums->D0[rs->slot_tied[k]], rs->n_death[k]);
        } else if (is_weighted || rs->n_death[k] != 1 || !is_moderate(sums->S0[k])) {
            sum += rs->death_weight[k] * log(sums->S0[k]);
        } else {
            product *= sums->S0[k];
            if (!(product < 1e100 && product > 1e-100)) {
                sum += log(product);
                product = 1;
            }
        }
    }
    return sum + log(product);
}

static void weigh_tied(const sr_riskset *rs, size_t k, const sr_risk_sums *sums,
                       sr_mean_weights *out)
{
    const size_t t = (size_t)rs->slot_tied[k];
    const double n_death = rs->n_death[k], share = sums->D0[t] / n_death;
    step_sums sums_l;
    sum_steps(sums->S0[k], share, (size_t)n_death, &sums_l);
    const double mean = sums_l.two_l / sums_l.two, of_one = rs->death_weight[k] / n_death;
    const double spread = (sums_l.two_ll - mean * sums_l.two_l) / (n_death * n_death);
    out->share[t] = mean / n_death;
    out->of_mean[t] = of_one * sums_l.two;
    out->of_death[t] = spread > 0 ? of_one * spread : 0;
}

void sr_weigh_slots(const sr_riskset *rs, const sr_risk_sums *sums, size_t from, size_t to,
                    sr_mean_weights *out)
{
    for (size_t k = from; k < to; k++) {
        if (sr_is_tied(rs, k))
            weigh_tied(rs, k, sums, out);
        else if (rs->n_death[k] > 0)
            out->of_slot[k] = rs->death_weight[k] / (sums->S0[k] * sums->S0[k]);
    }
}
