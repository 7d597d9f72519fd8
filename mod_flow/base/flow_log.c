/* SPDX-License-Identifier: Apache-2.0 */
#include "base/flow_log.h"

#include <stdarg.h>
#include <stdio.h>

/* Longer lines are cut. Twice the longest error message, so that an error and
 * its circumstances fit. */
#define LINE_MAX_BYTES 2048

/* Written once before threads exist (see the header), so there is no lock. */
static flow_log_sink_fn *the_sink;
static void *the_baton;
static flow_log_level_e the_max_level;

void flow_log_set_sink(flow_log_sink_fn *sink, void *baton,
                       flow_log_level_e max_level)
{
    the_sink = sink;
    the_baton = baton;
    the_max_level = max_level;
}

int flow_log_enabled(flow_log_level_e level)
{
    return the_sink && level <= the_max_level;
}

void flow_log_write(flow_log_level_e level, const char *file, int line,
                    const char *fmt, ...)
{
    char text[LINE_MAX_BYTES];
    va_list args;
    int len;

    if (!flow_log_enabled(level)) {
        return;
    }
    va_start(args, fmt);
    len = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    if (len < 0) {
        snprintf(text, sizeof(text), "a line that cannot be formatted");
    }
    the_sink(the_baton, level, file, line, text);
}
