/* model_cox_slots.c -- see model_cox_slots.h */
#include "model_cox_slots.h"
#include <math.h>

/* dH of slot k, and what a tied death meets of it */
static double hazard_step(const sr_riskset *rs, size_t k, const double *S0, const double *D0,
                          double *of_death)
{
    if (rs->n_death[k] == 0)
        return 0;
    if (!sr_is_tied(rs, k))
        return rs->death_weight[k] / S0[k];
    const double n_death = rs->n_death[k], share = D0[rs->slot_tied[k]] / n_death;
    double all = 0, moment = 0;
    for (double l = 0; l < n_death; l++) {
        const double hazard = 1 / (S0[k] - l * share);
        all += hazard;
        moment += hazard * (n_death - l);
    }
    *of_death = moment * rs->death_weight[k] / (n_death * n_death);
    return all * rs->death_weight[k] / n_death;
}

/* Steps of some slots, where their sums will stand; tied deaths' own parts in their cells */
void sr_put_steps(const sr_riskset *rs, const double *S0, const double *D0, const double *mark,
                  size_t from, size_t to, sr_cum_hazard *out)
{
    for (size_t k = from; k < to; k++) {
        const double factor = mark == NULL ? 1 : mark[k];
        double of_death = 0;
        out->at_cell[k] = factor * hazard_step(rs, k, S0, D0, &of_death);
        if (sr_is_tied(rs, k))
            out->at_cell[rs->n_slot + (size_t)rs->slot_tied[k]] = factor * of_death;
    }
}

/* sum_l log(S0 - l / d D0): the logarithm of products, each within the range of doubles */
static double log_of_steps(double S0, double D0, double n_death)
{
    double logs = 0, product = 1;
    const double share = D0 / n_death;
    for (double l = 0; l < n_death; l++) {
        product *= S0 - l * share;
        if (!(product < 1e100 && product > 1e-100)) {
            logs += log(product);
            product = 1;
        }
    }
    return logs + log(product);
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
        } else if (is_weighted || rs->n_death[k] != 1) {
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

static void weigh_tied(const sr_riskset *rs, size_t k, double factor, const sr_risk_sums *sums,
                       sr_mean_weights *out)
{
    const size_t t = (size_t)rs->slot_tied[k];
    const double n_death = rs->n_death[k], share = sums->D0[t] / n_death;
    double sum = 0, moment = 0, square = 0; /* of l under the weights c_l^2 */
    for (double l = 0; l < n_death; l++) {
        const double hazard = 1 / (sums->S0[k] - l * share), weight = hazard * hazard;
        sum += weight;
        moment += weight * l;
        square += weight * l * l;
    }
    const double mean = moment / sum, of_one = factor * rs->death_weight[k] / n_death;
    const double spread = (square - mean * moment) / (n_death * n_death);
    out->share[t] = mean / n_death;
    out->of_mean[t] = of_one * sum;
    out->of_death[t] = spread > 0 ? of_one * spread : 0;
}

void sr_weigh_slots(const sr_riskset *rs, const sr_risk_sums *sums, const double *mark, size_t from,
                    size_t to, sr_mean_weights *out)
{
    for (size_t k = from; k < to; k++) {
        const double factor = mark == NULL ? 1 : mark[k];
        if (sr_is_tied(rs, k))
            weigh_tied(rs, k, factor, sums, out);
        else if (rs->n_death[k] > 0)
            out->of_slot[k] = factor * rs->death_weight[k] / (sums->S0[k] * sums->S0[k]);
    }
}
