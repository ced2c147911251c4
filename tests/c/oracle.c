/* oracle.c -- see oracle.h */
#include "oracle.h"
#include <stdlib.h>

static int stratum_at(const sr_cox_data *data, size_t i)
{
    return data->times.stratum == NULL ? 0 : data->times.stratum[i];
}

static double weight_at(const sr_cox_data *data, size_t i)
{
    return data->times.weight == NULL ? 1 : data->times.weight[i];
}

static int is_at_risk(const sr_cox_data *data, size_t i, size_t at)
{
    const double now = data->times.stop[at];
    return stratum_at(data, i) == stratum_at(data, at) && data->times.stop[i] >= now &&
           (data->times.start == NULL || data->times.start[i] < now);
}

static int dies_with(const sr_cox_data *data, size_t i, size_t at)
{
    return data->times.event[i] != 0 && stratum_at(data, i) == stratum_at(data, at) &&
           data->times.stop[i] == data->times.stop[at];
}

const int all_centred[MOST_P] = {1, 1, 1, 1, 1, 1, 1, 1};
sr_cox_control tight_control(int is_efron)
{
    return (sr_cox_control){.is_efron = is_efron,
                            .max_iter = 40,
                            .eps = 1e-13,
                            .tol_chol = 1e-12,
                            .is_centred = all_centred};
}

long double oracle_eta(const sr_cox_data *data, const double *beta, size_t i)
{
    long double eta = data->offset == NULL ? 0 : data->offset[i];
    for (size_t j = 0; j < data->x.p; j++)
        eta += (long double)beta[j] * data->x.x[j][i];
    return eta;
}

/* Sums of risk, risk x and risk x x' over a set. */
typedef struct {
    long double s0, s1[MOST_P], s2[MOST_P * MOST_P];
} sums;

static void add_row(const sr_cox_data *data, size_t i, long double risk, sums *out)
{
    const size_t p = data->x.p;
    out->s0 += risk;
    for (size_t j = 0; j < p; j++) {
        out->s1[j] += risk * data->x.x[j][i];
        for (size_t k = 0; k < p; k++)
            out->s2[j * p + k] += risk * data->x.x[j][i] * data->x.x[k][i];
    }
}

/* One death of weight `weight` from the risk set less `share` of its deaths. */
static long double add_step(size_t p, const sums *all, const sums *dead, long double share,
                            long double weight, oracle_result *out)
{
    const long double total = all->s0 - share * dead->s0;
    long double mean[MOST_P];
    for (size_t j = 0; j < p; j++) {
        mean[j] = (all->s1[j] - share * dead->s1[j]) / total;
        out->score[j] -= weight * mean[j];
    }
    for (size_t j = 0; j < p; j++)
        for (size_t k = 0; k < p; k++)
            out->info[j * p + k] +=
                weight *
                ((all->s2[j * p + k] - share * dead->s2[j * p + k]) / total - mean[j] * mean[k]);
    out->loglik -= weight * logl(total);
    return weight / total;
}

/* All that happens at the event time of row `at`. */
static void add_time(const sr_cox_data *data, int is_efron, const long double *risk, size_t at,
                     oracle_result *out)
{
    const size_t n = data->times.n, p = data->x.p;
    sums all = {0}, dead = {0};
    long double weight = 0, n_death = 0, survives = 0, dies = 0;
    for (size_t i = 0; i < n; i++) {
        if (!is_at_risk(data, i, at))
            continue;
        add_row(data, i, weight_at(data, i) * risk[i], &all);
        if (!dies_with(data, i, at))
            continue;
        add_row(data, i, weight_at(data, i) * risk[i], &dead);
        n_death += 1;
        weight += weight_at(data, i);
        out->loglik += weight_at(data, i) * logl(risk[i]);
        for (size_t j = 0; j < p; j++)
            out->score[j] += weight_at(data, i) * data->x.x[j][i];
    }
    if (is_efron) {
        for (long double l = 0; l < n_death; l++) {
            const long double share = l / n_death;
            const long double hazard = add_step(p, &all, &dead, share, weight / n_death, out);
            survives += hazard;
            dies += hazard * (1 - share);
        }
    } else {
        survives = dies = add_step(p, &all, &dead, 0, weight, out);
    }
    for (size_t i = 0; out->hazard != NULL && i < n; i++)
        if (is_at_risk(data, i, at))
            out->hazard[i] += (double)(dies_with(data, i, at) ? dies : survives);
}

void oracle_cox(const sr_cox_data *data, int is_efron, const double *beta, oracle_result *out)
{
    const size_t n = data->times.n;
    double *const hazard = out->hazard;
    *out = (oracle_result){.hazard = hazard};
    long double *risk = calloc(n, sizeof(long double));
    long double shift = -INFINITY; /* leaves the likelihood alone, and keeps exp() in range */
    for (size_t i = 0; i < n; i++) {
        risk[i] = oracle_eta(data, beta, i);
        shift = fmaxl(shift, risk[i]);
    }
    for (size_t i = 0; i < n; i++) {
        risk[i] = expl(risk[i] - shift);
        if (hazard != NULL)
            hazard[i] = 0;
    }
    for (size_t at = 0; at < n; at++) {
        size_t first = 0;
        while (first < at && !dies_with(data, first, at))
            first++;
        if (data->times.event[at] != 0 && first == at)
            add_time(data, is_efron, risk, at, out);
    }
    for (size_t i = 0; hazard != NULL && i < n; i++)
        hazard[i] *= (double)expl(-shift);
    free(risk);
}

void oracle_solve(size_t p, const long double *info, const long double *score, long double *s)
{
    long double a[MOST_P * (MOST_P + 1)];
    const size_t width = p + 1;
    for (size_t j = 0; j < p; j++) {
        for (size_t k = 0; k < p; k++)
            a[j * width + k] = info[j * p + k];
        a[j * width + p] = score[j];
    }
    for (size_t j = 0; j < p; j++)
        for (size_t i = 0; i < p; i++) {
            const long double factor = i == j ? 0 : a[i * width + j] / a[j * width + j];
            for (size_t k = j; i != j && k <= p; k++)
                a[i * width + k] -= factor * a[j * width + k];
        }
    for (size_t j = 0; j < p; j++)
        s[j] = a[j * width + p] / a[j * width + j];
}

static void take_room(design *d, size_t n, size_t p)
{
    d->start = sr_arena_double(&d->arena, n);
    d->stop = sr_arena_double(&d->arena, n);
    d->event = sr_arena_double(&d->arena, n);
    d->weight = sr_arena_double(&d->arena, n);
    d->offset = sr_arena_double(&d->arena, n);
    d->stratum = sr_arena_take(&d->arena, n, sizeof(int));
    d->x = sr_arena_take(&d->arena, p, sizeof(double *));
    for (size_t j = 0; j < p; j++)
        d->x[j] = sr_arena_double(&d->arena, n);
}

static void point_at_room(design *d, const design_spec *spec)
{
    d->data = (sr_cox_data){
        .times = {.n = spec->n,
                  .start = spec->has_start ? d->start : NULL,
                  .stop = d->stop,
                  .event = d->event,
                  .weight = spec->has_weight ? d->weight : NULL,
                  .stratum = spec->n_stratum > 1 ? d->stratum : NULL,
                  .n_stratum = spec->n_stratum},
        .x = {.n = spec->n, .p = spec->p, .x = (const double *const *)d->x},
        .offset = spec->has_offset ? d->offset : NULL,
    };
}

void design_make(const design_spec *spec, design *out)
{
    check_random random = {spec->seed};
    *out = (design){.arena = {0}};
    take_room(out, spec->n, spec->p);
    for (size_t j = 0; j < spec->p; j++)
        out->truth[j] = spec->risk_sd / sqrt((double)spec->p) * (j % 2 == 0 ? 1 : -1);
    for (size_t i = 0; i < spec->n; i++) {
        double eta = 0;
        for (size_t j = 0; j < spec->p; j++) {
            out->x[j][i] =
                j % 3 == 2 ? (double)(check_uniform(&random) < 0.4) : check_normal(&random);
            eta += out->truth[j] * out->x[j][i];
        }
        out->offset[i] = 0.3 * check_normal(&random);
        out->weight[i] = 0.25 + 2 * check_uniform(&random);
        out->stratum[i] = (int)check_below(&random, (size_t)spec->n_stratum);
        const double unit = spec->n_day > 0 ? spec->n_day / 4 : 1;
        const double dies = -log(check_uniform(&random)) * exp(-eta) * unit;
        const double leaves = 2 * unit * check_uniform(&random);
        out->event[i] = dies <= leaves;
        out->stop[i] = fmin(dies, leaves);
        out->start[i] = out->stop[i] * check_uniform(&random) - unit * 0.1;
        if (spec->n_day > 0) {
            out->stop[i] = ceil(out->stop[i]);
            out->start[i] = fmin(floor(out->start[i]), out->stop[i] - 1);
        }
    }
    point_at_room(out, spec);
}

void design_reorder(const design *from, const size_t *order, design *out)
{
    const size_t n = from->data.times.n, p = from->data.x.p;
    *out = (design){.arena = {0}};
    take_room(out, n, p);
    for (size_t i = 0; i < n; i++) {
        out->start[i] = from->start[order[i]];
        out->stop[i] = from->stop[order[i]];
        out->event[i] = from->event[order[i]];
        out->weight[i] = from->weight[order[i]];
        out->offset[i] = from->offset[order[i]];
        out->stratum[i] = from->stratum[order[i]];
        for (size_t j = 0; j < p; j++)
            out->x[j][i] = from->x[j][order[i]];
    }
    const sr_times *t = &from->data.times;
    point_at_room(out, &(design_spec){.n = n,
                                      .p = p,
                                      .n_stratum = t->n_stratum,
                                      .has_start = t->start != NULL,
                                      .has_weight = t->weight != NULL,
                                      .has_offset = from->data.offset != NULL});
}

void design_free(design *d)
{
    sr_arena_free(&d->arena);
}
