/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A format, a line end, a zone, a line end, a date: whatever is read can be
 * written and read again to the same millisecond, and no text breaks anything.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_pools.h>

#include "data/flow_date.h"
#include "data/flow_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
    if (!holds)
        abort();
}

/* The next line. */
static const char *take_line(const char **ps, const char *end, size_t *plen)
{
    const char *start = *ps;
    const char *stop = memchr(start, '\n', (size_t)(end - start));

    *plen = (size_t)((stop ? stop : end) - start);
    *ps = stop ? stop + 1 : end;
    return start;
}

/* What was written as ISO 8601 is the same time. */
static void check_round_trip(apr_int64_t ms, const flow_zone_t *zone)
{
    apr_int64_t again = 0;
    flow_buf_t out;

    flow_buf_init(&out, 200);
    flow_date_format_iso(&out, ms, zone);
    check(out.status == APR_SUCCESS);
    /* odd minutes of old local times are cut to whole ones */
    if (flow_zone_offset(zone, ms / 1000 - 1) % 60 == 0 &&
        flow_zone_offset(zone, ms / 1000) % 60 == 0 && ms > 0 &&
        ms < APR_INT64_C(253402300799999)) {
        check(flow_date_parse(out.data, out.len, NULL, &again));
        check(again == ms);
    }
    flow_buf_release(&out);
}

static void check_format(apr_int64_t ms, const flow_zone_t *zone,
                         const char *format, size_t len)
{
    flow_buf_t out;

    flow_buf_init(&out, 100000);
    flow_date_format(&out, ms, zone, format, len);
    check(out.status == APR_SUCCESS);
    if (len < 1024 && flow_utf8_is_valid(format, len) && out.len)
        check(flow_utf8_is_valid(out.data, out.len));
    flow_buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int is_ready;
    const char *s = (const char *)data, *end = s + size;
    const char *format, *zone_name;
    const flow_zone_t *zone;
    size_t format_len, zone_len;
    apr_int64_t ms;

    if (!is_ready) {
        apr_initialize();
        is_ready = 1;
    }
    if (size == 0)
        return 0;
    format = take_line(&s, end, &format_len);
    zone_name = take_line(&s, end, &zone_len);
    zone = flow_zone_find(zone_name, zone_len);
    if (flow_date_parse(s, (size_t)(end - s), zone, &ms)) {
        check(ms <= FLOW_DATE_MAX_MS && ms >= -FLOW_DATE_MAX_MS);
        check_round_trip(ms, zone);
        check_format(ms, zone, format, format_len);
    }
    if (flow_date_parse_format(s, (size_t)(end - s), format, format_len, zone,
                               APR_TIME_C(1594324779161000), &ms)) {
        check_round_trip(ms, zone);
        check_format(ms, zone, format, format_len);
    }
    return 0;
}
