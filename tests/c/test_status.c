/* test_status.c -- every status has its text, threads are counted politely, a stop is heard */
#include "check.h"
#include "core_context.h"
#include "core_thread.h"
#include <sys/wait.h>
#include <unistd.h>

TEST(status_texts_are_apart)
{
    const char *text[] = {
#define TEXT(name, words) sr_status_text(name),
        SR_STATUS_LIST(TEXT)
#undef TEXT
    };
    const size_t n = sizeof text / sizeof text[0];
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            CHECK(strcmp(text[i], text[j]) != 0);
    CHECK(strcmp(sr_status_text((sr_status)n), "unknown status") == 0);
}

static int stop_at_third(void *count)
{
    return ++*(int *)count >= 3;
}

static sr_status loop(sr_context *ctx, int n_step, int *n_done)
{
    for (*n_done = 0; *n_done < n_step; ++*n_done)
        SR_TICK(ctx);
    return SR_OK;
}

TEST(tick_stops_a_loop)
{
    int count = 0, n_done;
    sr_context ctx = {.n_thread = 1, .tick = stop_at_third, .tick_data = &count};
    CHECK_STATUS(SR_ERR_INTERRUPT, loop(&ctx, 10, &n_done));
    CHECK(n_done == 2);
    ctx.tick = NULL;
    CHECK_OK(loop(&ctx, 10, &n_done));
    CHECK(n_done == 10);
}

TEST(threads_stay_within_the_limit)
{
    sr_thread_init();
    const int limit = sr_thread_limit();
    CHECK(limit >= 1);
    CHECK(sr_thread_count() == (limit < 2 ? limit : 2));
    sr_thread_set(1);
    CHECK(sr_thread_count() == 1);
    sr_thread_set(1000000);
    CHECK(sr_thread_count() == limit);
    sr_thread_set(-3);
    CHECK(sr_thread_count() == (limit < 2 ? limit : 2));
    sr_thread_set(0);
    CHECK(sr_thread_count() == (limit < 2 ? limit : 2));
}

TEST(a_forked_child_has_one_thread)
{
    sr_thread_init();
    const pid_t child = fork();
    if (child == 0) {
        alarm(20); /* one that hangs is killed, and has then not exited */
        _exit(sr_thread_count());
    }
    int status = 0;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}
