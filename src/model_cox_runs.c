/* model_cox_runs.c -- see model_cox_runs.h */
#include "model_cox_runs.h"
#include "core_simd.h"
#include <string.h>

void sr_find_slots(const sr_riskset *rs, size_t begin, size_t from, size_t to, int is_waiting,
                   sr_block_slots *b)
{
    b->from = from;
    b->m = to - from;
    b->last = sr_leave(rs, to - 1);
    b->n_dead = 0;
    b->n_tied = (size_t)is_waiting;
    b->tied_place[0] = 0;
    for (size_t i = b->m; i-- > 0;) {
        const uint32_t cell = rs->cell[from + i];
        uint32_t place = (uint32_t)b->last - cell;
        if (cell >= rs->n_slot) {
            place = (uint32_t)b->last - rs->tied_slot[cell - rs->n_slot];
            if (b->n_tied == 0 || b->tied_place[b->n_tied - 1] != place)
                b->tied_place[b->n_tied++] = place;
            b->dead_row[b->n_dead] = (uint32_t)i;
            b->dead_tied[b->n_dead++] = (uint32_t)b->n_tied - 1;
        }
        b->place[i] = place;
    }
    const int is_whole = from == begin || sr_leave(rs, from - 1) != sr_leave(rs, from);
    b->n_done = b->place[0] + (size_t)is_whole;
}

SR_SIMD void sr_run_four(const sr_block_slots *restrict b, const double *restrict risk,
                         const double *const *column, double *restrict run, double *restrict out)
{
    const double *restrict x0 = column[0], *restrict x1 = column[1];
    const double *restrict x2 = column[2], *restrict x3 = column[3];
    double s0 = run[0], s1 = run[1], s2 = run[2], s3 = run[3];
    for (size_t i = b->m; i-- > 0;) {
        double *const at = out + b->place[i];
        const double r = risk[i];
        at[0] = s0 += r * x0[i];
        at[SR_PLACES] = s1 += r * x1[i];
        at[2 * SR_PLACES] = s2 += r * x2[i];
        at[3 * SR_PLACES] = s3 += r * x3[i];
    }
    run[0] = s0;
    run[1] = s1;
    run[2] = s2;
    run[3] = s3;
}

int sr_sum_deaths(const sr_riskset *rs, const sr_block_slots *b, const double *share,
                  const double *risk, const sr_death_sums *at)
{
    const int waits = b->n_tied > 0 && b->tied_place[b->n_tied - 1] == b->n_done;
    const size_t n_done = b->n_tied - (size_t)waits;
    for (size_t j = 0; j < at->p; j++) {
        double sums[SR_BLOCK + 1];
        double *const out = at->sums + j * SR_PLACES;
        memset(sums, 0, b->n_tied * sizeof(double));
        if (at->is_waiting)
            sums[0] = at->waiting[j];
        for (size_t d = 0; d < b->n_dead; d++)
            sums[b->dead_tied[d]] += risk[b->dead_row[d]] * at->column[j][b->dead_row[d]];
        for (size_t t = 0; t < n_done; t++) {
            const size_t place = b->tied_place[t];
            out[place] -= share[rs->slot_tied[b->last - place]] * sums[t];
            out[b->n_done + t] = sums[t];
        }
        at->waiting[j] = waits ? sums[n_done] : 0;
    }
    return waits;
}
