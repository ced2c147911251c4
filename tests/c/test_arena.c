/* test_arena.c -- pieces are aligned, cleared when asked, and all freed at once */
#include "check.h"
#include "core_arena.h"

static int is_aligned(const void *piece)
{
    return ((uintptr_t)piece & 63) == 0;
}

TEST(arena_pieces_are_aligned_and_apart)
{
    sr_arena arena = {0};
    unsigned char *piece[40];
    for (size_t i = 0; i < 40; i++) {
        piece[i] = sr_arena_take(&arena, 977 * i, 3);
        CHECK(piece[i] != NULL);
        CHECK(is_aligned(piece[i]));
        memset(piece[i], (int)i, 977 * i * 3);
    }
    for (size_t i = 1; i < 40; i++) {
        CHECK(piece[i][0] == i);
        CHECK(piece[i][977 * i * 3 - 1] == i);
    }
    sr_arena_free(&arena);
    CHECK(arena.top == NULL);
}

TEST(arena_zero_clears_used_room)
{
    sr_arena arena = {0};
    const sr_arena_mark start = sr_arena_save(&arena);
    double *small = sr_arena_double(&arena, 100);
    small[0] = 1;
    const sr_arena_mark mark = sr_arena_save(&arena);
    double *dirty = sr_arena_double(&arena, 500);
    for (size_t i = 0; i < 500; i++)
        dirty[i] = 7;
    sr_arena_restore(&arena, mark);
    const double *clean = sr_arena_zero(&arena, 500, sizeof(double));
    CHECK(clean == dirty);
    double sum = 0;
    for (size_t i = 0; i < 500; i++)
        sum += fabs(clean[i]);
    CHECK(sum == 0);
    CHECK(small[0] == 1);
    CHECK(sr_arena_double(&arena, 1u << 20) != NULL);
    sr_arena_restore(&arena, mark);
    CHECK(small[0] == 1);
    sr_arena_restore(&arena, start);
    CHECK(arena.top == NULL);
    sr_arena_free(&arena);
}

TEST(arena_uses_a_block_given_back_again)
{
    sr_arena arena = {0};
    const sr_arena_mark start = sr_arena_save(&arena);
    double *first = sr_arena_double(&arena, 100000);
    for (size_t i = 0; i < 100000; i++)
        first[i] = 1;
    sr_arena_restore(&arena, start);
    const double *again = sr_arena_zero(&arena, 99000, sizeof(double));
    CHECK(again == first);
    double sum = 0;
    for (size_t i = 0; i < 99000; i++)
        sum += again[i];
    CHECK(sum == 0);
    sr_arena_restore(&arena, start);
    CHECK((const double *)sr_arena_double(&arena, 10) != first); /* far too large for 10 */
    sr_arena_free(&arena);
    CHECK(arena.top == NULL && arena.spare == NULL);
}

TEST(arena_refuses_sizes_that_overflow)
{
    sr_arena arena = {0};
    CHECK(sr_arena_take(&arena, SIZE_MAX, 1) == NULL);
    CHECK(sr_arena_take(&arena, SIZE_MAX / 2, 8) == NULL);
    CHECK(sr_arena_take(&arena, SIZE_MAX / 8 + 2, 8) == NULL);
    CHECK(sr_arena_take(&arena, 0, 8) != NULL);
    CHECK(sr_arena_take(&arena, 8, 0) != NULL);
    sr_arena_free(&arena);
    sr_arena_free(&arena);
}
