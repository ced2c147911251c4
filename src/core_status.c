/* core_status.c -- the text behind each status of core_status.h */
#include "core_status.h"

const char *sr_status_text(sr_status status)
{
    static const char *const text[] = {
#define SR_STATUS_TEXT(name, words) words,
        SR_STATUS_LIST(SR_STATUS_TEXT)
#undef SR_STATUS_TEXT
    };
    const unsigned long n = sizeof text / sizeof text[0];
    return (unsigned long)status < n ? text[status] : "unknown status";
}
