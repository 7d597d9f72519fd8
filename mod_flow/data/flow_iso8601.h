/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_ISO8601_H
#define FLOW_ISO8601_H

#include <apr.h>

/**
 * ISO 8601 instants to milliseconds since 1970: YYYY, YYYY-MM, YYYY-MM-DD, and
 * the latter with T (or one blank) and hh:mm, hh:mm:ss or hh:mm:ss.fraction,
 * then Z, +hh, +hhmm or +hh:mm. Without an offset it is UTC, whatever the
 * machine's time zone. Digits of a fraction beyond milliseconds are dropped.
 *
 * 1 and *pms when @a s is one and exists in the calendar, else 0. Any thread.
 */
int flow_iso8601_parse(const char *s, apr_size_t len, apr_int64_t *pms);

#endif
