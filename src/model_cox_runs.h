/* model_cox_runs.h -- running sums over a block of rows that stand in slot order
 *
 * A block [from, from + m) of one stratum is read from its last row back. Every row writes the sums
 * so far at the place of its slot; the slot's first row has the last word. A slot whose first row
 * lies before the block waits for that block.
 *
 *   sums  [column x SR_PLACES] S1 of the whole slots; then D1 of the whole tied ones
 */
#ifndef SR_MODEL_COX_RUNS_H
#define SR_MODEL_COX_RUNS_H
#include "core_gram.h"
#include "core_riskset.h"

/* A block has at most as many slots as rows, and as many tied ones and one that waited. */
enum { SR_PLACES = SR_GRAM_ROWS };

/* The slots of a block, counted from its end. Each has rows, so they are consecutive: slot last -
 * at stands at place `at`. */
typedef struct {
    size_t from, m, last;
    size_t n_done;                     /* slots whose first row is in the block */
    uint32_t place[SR_BLOCK];          /* of each row */
    size_t n_dead, n_tied;             /* deaths at tied slots, and those slots */
    uint32_t dead_row[SR_BLOCK];       /* from the last back */
    uint32_t dead_tied[SR_BLOCK];      /* which of the tied slots */
    uint32_t tied_place[SR_BLOCK + 1]; /* where that stands */
} sr_block_slots;

/* `is_waiting`: the block ends in a slot whose deaths are partly summed. `begin`: where rows of the
 * stratum begin, or those that this thread looks at. */
void sr_find_slots(const sr_riskset *rs, size_t begin, size_t from, size_t to, int is_waiting,
                   sr_block_slots *b);

/* Sums of r and four columns; run[4] goes on from block to block. Pointers to the block's rows. */
void sr_run_four(const sr_block_slots *restrict b, const double *restrict risk,
                 const double *const *column, double *restrict run, double *restrict out);

typedef struct {
    size_t p;
    const double *const *column; /* [p] the block's rows */
    double *sums;
    double *waiting; /* [p] D1 of the slot that waits, so far */
    int is_waiting;
} sr_death_sums;

/* D1 of each tied slot; S1 becomes S1 - f D1, f = share[n_tied]. Returns whether the last slot
 * waits with deaths. */
int sr_sum_deaths(const sr_riskset *rs, const sr_block_slots *b, const double *share,
                  const double *risk, const sr_death_sums *at);
#endif
