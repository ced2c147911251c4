/* core_arena.c -- see core_arena.h
 *
 * Blocks form a list, newest first. Small requests share a block of 32 KiB or
 * more; a large one gets its own. Restoring to a mark frees the blocks made
 * since to the spares. Pieces asked for cleared come fresh from `calloc`, which leaves
 * untouched pages to the system. A spare block serves a request of at least half its size.
 *
 * Where the system lets a process ask for large pages (Linux), blocks of some
 * megabytes do: to touch a fresh block in pages of 4 KiB costs as much as to
 * compute with it.
 */
#if defined(__linux__)
#include <sys/mman.h>
#endif
#include "core_arena.h"
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64, SMALLEST_BLOCK = 1 << 15, PAGE = 1 << 12, LARGE_PAGE = 1 << 21 };

struct sr_arena_block {
    sr_arena_block *below;
    size_t used, size; /* bytes of `room` */
    unsigned char *room;
};

static size_t round_up(size_t bytes)
{
    return (bytes + (ALIGNMENT - 1)) & ~(size_t)(ALIGNMENT - 1);
}

/* Ask for large pages under room that is not touched yet. */
static void prepare_pages(void *room, size_t bytes)
{
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    const uintptr_t first = ((uintptr_t)room + (PAGE - 1)) & ~(uintptr_t)(PAGE - 1);
    const uintptr_t last = ((uintptr_t)room + bytes) & ~(uintptr_t)(PAGE - 1);
    if (last > first && last - first >= 2 * (size_t)LARGE_PAGE)
        (void)madvise((void *)first, last - first, MADV_HUGEPAGE); /* advice may be refused */
#else
    (void)room;
    (void)bytes;
#endif
}

/* A large block that is to be cleared comes so from the system, which costs nothing before it is
 * touched. */
static sr_arena_block *new_block(sr_arena_block *below, size_t size, int is_cleared)
{
    const size_t header = round_up(sizeof(sr_arena_block));
    const size_t bytes = header + size + ALIGNMENT;
    unsigned char *raw = is_cleared && size > SMALLEST_BLOCK ? calloc(1, bytes) : malloc(bytes);
    if (raw == NULL)
        return NULL;
    prepare_pages(raw, bytes);
    sr_arena_block *block = (sr_arena_block *)raw;
    block->below = below;
    block->used = 0;
    block->size = size;
    block->room = (unsigned char *)round_up((size_t)(uintptr_t)(raw + header));
    return block;
}

/* A spare block that fits `room` bytes without waste, taken off its list; NULL if none. */
static sr_arena_block *take_spare(sr_arena *arena, size_t room)
{
    for (sr_arena_block **at = &arena->spare; *at != NULL; at = &(*at)->below)
        if ((*at)->size >= room && (*at)->size / 2 <= room) {
            sr_arena_block *found = *at;
            *at = found->below;
            found->below = arena->top;
            found->used = 0;
            return found;
        }
    return NULL;
}

static void *take(sr_arena *arena, size_t count, size_t size, int is_cleared)
{
    if (size != 0 && count > (SIZE_MAX / 4) / size)
        return NULL;
    const size_t bytes = round_up(count * size + 1);
    int is_fresh = 0;
    if (arena->top == NULL || arena->top->size - arena->top->used < bytes) {
        const size_t room = bytes > SMALLEST_BLOCK ? bytes : SMALLEST_BLOCK;
        sr_arena_block *block = take_spare(arena, room);
        is_fresh = block == NULL;
        if (is_fresh)
            block = new_block(arena->top, room, is_cleared);
        if (block == NULL)
            return NULL;
        is_fresh = is_fresh && room > SMALLEST_BLOCK;
        arena->top = block;
    }
    void *piece = arena->top->room + arena->top->used;
    arena->top->used += bytes;
    if (is_cleared && !is_fresh)
        memset(piece, 0, bytes);
    return piece;
}

void *sr_arena_take(sr_arena *arena, size_t count, size_t size)
{
    return take(arena, count, size, 0);
}

void *sr_arena_zero(sr_arena *arena, size_t count, size_t size)
{
    return take(arena, count, size, 1);
}

sr_arena_mark sr_arena_save(const sr_arena *arena)
{
    sr_arena_mark mark = {arena->top, arena->top ? arena->top->used : 0};
    return mark;
}

void sr_arena_restore(sr_arena *arena, sr_arena_mark mark)
{
    while (arena->top != mark.block) {
        sr_arena_block *below = arena->top->below;
        arena->top->below = arena->spare;
        arena->spare = arena->top;
        arena->top = below;
    }
    if (arena->top != NULL)
        arena->top->used = mark.used;
}

void sr_arena_free(sr_arena *arena)
{
    sr_arena_restore(arena, (sr_arena_mark){NULL, 0});
    while (arena->spare != NULL) {
        sr_arena_block *below = arena->spare->below;
        free(arena->spare);
        arena->spare = below;
    }
}
