/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_LOG_H
#define FLOW_LOG_H

/**
 * Log lines from the rooms below httpd/.
 *
 * The httpd glue installs a sink that writes to Apache's error log; a
 * command-line tool installs one that writes to stderr. Without a sink, lines
 * are dropped. flow_log() may be called from any thread; the sink must be
 * thread safe, and is installed once, before threads exist.
 *
 * error: an operator must act. warning: will become an error. notice: start,
 * stop, pause. info: one line per finished job. debug: decisions. Error,
 * warning and notice start with FLOW_LOGNO(nnnn); every number stands once in
 * the code and once in docs/messages.md (tests/lint/messages.sh).
 *
 * Ranges: 01xx httpd start and configuration, 02xx httpd requests, 03xx
 * jobs and store, 04xx flow runs, 05xx script, 06xx base and connectors,
 * 07xx flowctl.
 */
typedef enum {
    FLOW_LOG_ERROR,
    FLOW_LOG_WARNING,
    FLOW_LOG_NOTICE,
    FLOW_LOG_INFO,
    FLOW_LOG_DEBUG
} flow_log_level_e;

#define FLOW_LOGNO(n) "FLOW" #n ": "

typedef void flow_log_sink_fn(void *baton, flow_log_level_e level,
                              const char *file, int line, const char *text);

void flow_log_set_sink(flow_log_sink_fn *sink, void *baton,
                       flow_log_level_e max_level);

/** Cheap test for callers that would have to build an expensive text. */
int flow_log_enabled(flow_log_level_e level);

void flow_log_write(flow_log_level_e level, const char *file, int line,
                    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#define flow_log(level, ...)                                                   \
    flow_log_write((level), __FILE__, __LINE__, __VA_ARGS__)

#endif
