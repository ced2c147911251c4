/* core_arena.h -- memory of a computation, freed all at once
 *
 * A kernel that needs scratch takes an arena, cuts pieces off it and never frees
 * one. Whoever made the arena frees it when the computation ends, however it
 * ends. Pieces are aligned to 64 bytes. An arena grows by whole blocks from the
 * system; blocks given back by a restore are kept for the next request of their
 * size, so that a loop pays for fresh pages once. One thread at a time.
 *
 *   sr_arena a = {0};
 *   double *r = sr_arena_double(&a, n);     NULL when memory is out
 *   sr_arena_mark m = sr_arena_save(&a);    ... sr_arena_restore(&a, m);
 *   sr_arena_free(&a);
 */
#ifndef SR_CORE_ARENA_H
#define SR_CORE_ARENA_H
#include <stddef.h>
#include <stdint.h>

typedef struct sr_arena_block sr_arena_block;
typedef struct {
    sr_arena_block *top;   /* newest block */
    sr_arena_block *spare; /* given back, kept for reuse */
} sr_arena;
typedef struct {
    sr_arena_block *block;
    size_t used;
} sr_arena_mark;

/* `count` items of `size` bytes, not cleared; NULL when the product overflows or memory is out. */
void *sr_arena_take(sr_arena *arena, size_t count, size_t size);
/* The same, cleared to zero. */
void *sr_arena_zero(sr_arena *arena, size_t count, size_t size);
sr_arena_mark sr_arena_save(const sr_arena *arena);
void sr_arena_restore(sr_arena *arena, sr_arena_mark mark);
void sr_arena_free(sr_arena *arena);

#define sr_arena_double(arena, count) ((double *)sr_arena_take((arena), (count), sizeof(double)))
#define sr_arena_index(arena, count) ((uint32_t *)sr_arena_take((arena), (count), sizeof(uint32_t)))
#define sr_arena_sizes(arena, count) ((size_t *)sr_arena_take((arena), (count), sizeof(size_t)))

#endif
