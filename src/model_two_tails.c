/* model_two_tails.c -- see model_two_tails.h */
#include "model_two_tails.h"
#include <math.h>

/* y(x) of a jet x, given y and its first two derivatives in x */
static void compose(const sr_tail_side *side, double value, double slope, double curve,
                    const sr_small_jet *in, sr_small_jet *out)
{
    const size_t n_z = 1 + side->n_shape;
    out->value = value;
    for (size_t a = 0; side->order > 0 && a < n_z; a++)
        out->first[a] = slope * in->first[a];
    for (size_t a = 0; side->order > 1 && a < n_z; a++)
        for (size_t b = 0; b <= a; b++)
            out->second[SR_PAIR(a, b)] =
                slope * in->second[SR_PAIR(a, b)] + curve * in->first[a] * in->first[b];
}

static void add(const sr_tail_side *side, const sr_small_jet *more, sr_small_jet *out)
{
    const size_t n_z = 1 + side->n_shape;
    out->value += more->value;
    for (size_t a = 0; side->order > 0 && a < n_z; a++)
        out->first[a] += more->first[a];
    for (size_t k = 0; side->order > 1 && k < SR_PAIR(n_z, 0); k++)
        out->second[k] += more->second[k];
}

/* The log of the tail */
static void log_tail(const sr_tail_side *side, const sr_small_jet *phi, const sr_small_jet *ratio,
                     sr_small_jet *out)
{
    *out = *ratio;
    add(side, phi, out);
    const double rate = exp(-ratio->value) * (side->is_lower ? 1 : -1);
    if (side->order > 0)
        out->first[0] = rate;
    for (size_t a = 0; side->order > 1 && a <= side->n_shape; a++)
        out->second[SR_PAIR(a, 0)] = -rate * ratio->first[a];
}

/* L - 1, where L = H / F, given F and H */
static double excess_of_hazard(double F, double H)
{
    if (F > 0.03)
        return H / F - 1;
    double sum = 0; /* F / 2 + F^2 / 3 + ... */
    for (int k = 12; k > 1; k--)
        sum = F * (1.0 / k + sum);
    return sum;
}

static void from_lower(const sr_tail_side *side, const sr_small_jet *phi, const sr_small_jet *U,
                       sr_small_jet *cum, sr_small_jet *haz)
{
    const double F = exp(U->value), S = -expm1(U->value), H = -log1p(-F);
    const double excess = excess_of_hazard(F, H), odds = F / S;
    const double slope = 1 / (S * (1 + excess));
    compose(side, U->value + log1p(excess), slope, slope * excess / ((1 + excess) * S), U, cum);
    if (!side->wants_haz)
        return;
    compose(side, H, odds, odds * (1 + odds), U, haz);
    add(side, phi, haz);
}

void sr_two_tails(const sr_tail_side *side, const sr_small_jet *phi, const sr_small_jet *ratio,
                  sr_small_jet *cum, sr_small_jet *haz)
{
    sr_small_jet U;
    log_tail(side, phi, ratio, &U);
    if (side->is_lower) {
        from_lower(side, phi, &U, cum, haz);
        return;
    }
    compose(side, log(-U.value), 1 / U.value, 0, &U, cum);
    for (size_t a = 0; side->order > 1 && a <= side->n_shape; a++)
        for (size_t b = 0; b <= a; b++) /* U^2 may overflow */
            cum->second[SR_PAIR(a, b)] -= cum->first[a] * cum->first[b];
    if (side->wants_haz)
        compose(side, -ratio->value, -1, 0, ratio, haz);
}
