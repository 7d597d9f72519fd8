/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines from the rooms below go to Apache's error log, with the file and line
 * they came from and under this module's LogLevel.
 */
#include "httpd/mod_flow_private.h"

static int apache_level(flow_log_level_e level)
{
    switch (level) {
    case FLOW_LOG_ERROR:
        return APLOG_ERR;
    case FLOW_LOG_WARNING:
        return APLOG_WARNING;
    case FLOW_LOG_NOTICE:
        return APLOG_NOTICE;
    case FLOW_LOG_INFO:
        return APLOG_INFO;
    case FLOW_LOG_DEBUG:
        return APLOG_DEBUG;
    }
    return APLOG_ERR;
}

static void write_line(void *baton, flow_log_level_e level, const char *file,
                       int line, const char *text)
{
    const server_rec *s = baton;
    int l = apache_level(level);

    if (APLOG_MODULE_IS_LEVEL(s, APLOG_MODULE_INDEX, l)) {
        ap_log_error_(file, line, APLOG_MODULE_INDEX, l, 0, s, "%s", text);
    }
}

void mod_flow_log_install(server_rec *s)
{
    flow_log_level_e max = FLOW_LOG_DEBUG;

    /* Spare the rooms below the building of lines that nobody wants. */
    if (!APLOG_MODULE_IS_LEVEL(s, APLOG_MODULE_INDEX, APLOG_DEBUG)) {
        max = APLOG_MODULE_IS_LEVEL(s, APLOG_MODULE_INDEX, APLOG_INFO)
                  ? FLOW_LOG_INFO
                  : FLOW_LOG_NOTICE;
    }
    flow_log_set_sink(write_line, s, max);
}
