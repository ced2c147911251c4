/* core_tail.c -- see core_tail.h */
#include "core_tail.h"
#include "core_exp.h"
#include "core_simd.h"
#include <math.h>
#include <string.h>

/* After so many times `bend` the density is log-linear. */
static const double MOST_BENDS = 9;

/* Nodes right of 0 of the rule on [-1, 1], and their weights */
static const double half_node[SR_TAIL_NODES / 2] = {
    0.048307665687738316235, 0.14447196158279649349, 0.23928736225213707454,
    0.33186860228212764978,  0.42135127613063534536, 0.50689990893222939002,
    0.58771575724076232904,  0.66304426693021520098, 0.73218211874028968039,
    0.79448379596794240696,  0.84936761373256997013, 0.89632115576605212397,
    0.93490607593773968917,  0.96476225558750643077, 0.98561151154526833540,
    0.99726386184948156354};
static const double half_weight[SR_TAIL_NODES / 2] = {
    0.096540088514727800567, 0.095638720079274859419, 0.093844399080804565639,
    0.091173878695763884713, 0.087652093004403811143, 0.083311924226946755222,
    0.078193895787070306472, 0.072345794108848506225, 0.065822222776361846838,
    0.058684093478535547145, 0.050998059262376176196, 0.042835898022226680657,
    0.034273862913021433103, 0.025392065309262059456, 0.016274394730905670605,
    0.0070186100094700966004};

static void place_nodes(double from, double to, double *s, double *weight)
{
    const double middle = (from + to) / 2, half = (to - from) / 2;
    for (size_t j = 0; j < SR_TAIL_NODES / 2; j++) {
        s[2 * j] = middle - half * half_node[j];
        s[2 * j + 1] = middle + half * half_node[j];
        weight[2 * j] = weight[2 * j + 1] = half * half_weight[j];
    }
}

/* Sums over the nodes: of the weight exp(psi), of psi_a, of psi_ab + psi_a psi_b */
SR_SIMD static double sum_weights(const double *restrict value, double *restrict weight)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t j = 0; j < SR_TAIL_NODES; j++) {
        weight[j] *= value[j];
        sum += weight[j];
    }
    return sum;
}

SR_SIMD static double sum_first(const double *restrict weight, const double *restrict a)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t j = 0; j < SR_TAIL_NODES; j++)
        sum += weight[j] * a[j];
    return sum;
}

SR_SIMD static double sum_second(const double *restrict weight, const double *restrict ab,
                                 const double *a, const double *b)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t j = 0; j < SR_TAIL_NODES; j++)
        sum += weight[j] * (ab[j] + a[j] * b[j]);
    return sum;
}

static void add_panel(const sr_tail *tail, double from, double to, int order, sr_small_jet *sum)
{
    sr_tail_nodes nodes;
    double weight[SR_TAIL_NODES];
    place_nodes(from, to, nodes.s, weight);
    tail->fill(tail->state, order, &nodes);
    sr_exp_block(SR_TAIL_NODES, nodes.value);
    sum->value += sum_weights(nodes.value, weight);
    for (size_t a = 0; order > 0 && a <= tail->n_shape; a++)
        sum->first[a] += sum_first(weight, nodes.first[a]);
    for (size_t a = 0; order > 1 && a <= tail->n_shape; a++)
        for (size_t b = 0; b <= a; b++)
            sum->second[SR_PAIR(a, b)] +=
                sum_second(weight, nodes.second[SR_PAIR(a, b)], nodes.first[a], nodes.first[b]);
}

void sr_tail_log_ratio(const sr_tail *tail, int order, sr_small_jet *out)
{
    sr_small_jet sum = {0};
    double from = 0, to = tail->bend;
    while (to < tail->length / 1.3 && to < MOST_BENDS * tail->bend) {
        add_panel(tail, from, to, order, &sum);
        from = to;
        to *= 2;
    }
    add_panel(tail, from, tail->length, order, &sum);
    out->value = log(sum.value);
    for (size_t a = 0; order > 0 && a <= tail->n_shape; a++)
        out->first[a] = sum.first[a] / sum.value;
    for (size_t a = 0; order > 1 && a <= tail->n_shape; a++)
        for (size_t b = 0; b <= a; b++)
            out->second[SR_PAIR(a, b)] =
                sum.second[SR_PAIR(a, b)] / sum.value - out->first[a] * out->first[b];
}
