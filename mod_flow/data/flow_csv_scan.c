/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_csv_private.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "data/flow_text_private.h"

/* So much is looked at in one go; the buffer never holds more than this and
 * one unfinished row. */
#define SLICE_MAX ((apr_size_t)65536)

static int is_failed(const flow_csv_scan_t *scan)
{
    return scan->err.kind != FLOW_E_NONE;
}

apr_status_t flow_csv_scan_fail(flow_csv_scan_t *scan, flow_error_t *err,
                                const char *fmt, ...)
{
    char why[128];
    va_list args;

    va_start(args, fmt);
    apr_vsnprintf(why, sizeof(why), fmt, args);
    va_end(args);
    return flow_error_set(
        err, FLOW_E_INPUT, APR_EINVAL, "invalid_csv",
        "invalid CSV at line %d, byte %" APR_UINT64_T_FMT ": %s",
        scan->row_line, scan->dropped + scan->row_at + 1, why);
}

apr_status_t flow_csv_scan_bad(flow_csv_scan_t *scan, flow_error_t *err,
                               const char *fmt, ...)
{
    flow_error_t why = FLOW_ERROR_INIT;
    char text[128];
    apr_status_t rv;
    va_list args;

    va_start(args, fmt);
    apr_vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (!scan->bad_fn) {
        return flow_csv_scan_fail(scan, err, "%s", text);
    }
    if (scan->is_row_bad) {
        return APR_SUCCESS;
    }
    scan->is_row_bad = 1;
    flow_csv_scan_fail(scan, &why, "%s", text);
    rv = scan->bad_fn(scan->bad_baton, &why, err);
    if (rv != APR_SUCCESS) {
        /* when the callback did not say why */
        flow_error_set(err, FLOW_E_INTERNAL, rv, "csv_stopped",
                       "the reader of the rows stopped");
    }
    return rv;
}

void flow_csv_scan_tolerate(flow_csv_scan_t *scan, flow_bad_record_fn *bad,
                            void *baton)
{
    scan->bad_fn = bad;
    scan->bad_baton = baton;
}

apr_uint64_t flow_csv_scan_byte(const flow_csv_scan_t *scan, const char *s)
{
    return scan->dropped + (apr_uint64_t)(s - scan->data) + 1;
}

/* ---- bytes in ---- */

/* Throw away what has been dealt with. */
static void compact(flow_csv_scan_t *scan)
{
    apr_size_t gone = scan->row_at;
    int i;

    if (!gone) {
        return;
    }
    memmove(scan->data, scan->data + gone, scan->len - gone);
    scan->len -= gone;
    scan->pos -= gone;
    scan->cell_at -= scan->cell_at < gone ? scan->cell_at : gone;
    scan->row_at = 0;
    scan->dropped += gone;
    for (i = 0; i < scan->n; ++i) {
        scan->spans[i].at -= gone;
    }
}

static int make_room(flow_csv_scan_t *scan, apr_size_t more)
{
    apr_size_t cap = scan->cap ? scan->cap : 2 * SLICE_MAX;
    char *data;

    while (cap - scan->len < more) {
        cap *= 2;
    }
    if (cap == scan->cap) {
        return 1;
    }
    data = realloc(scan->data, cap);
    if (!data) {
        return 0;
    }
    scan->data = data;
    scan->cap = cap;
    return 1;
}

/* A row may be 5 MB of text, and its quotes and blanks come on top. */
static int is_row_too_long(const flow_csv_scan_t *scan)
{
    return scan->len - scan->row_at > 2 * FLOW_CSV_ROW_MAX;
}

static void take(flow_csv_scan_t *scan, const char *data, apr_size_t len)
{
    while (len > 0 && !is_failed(scan)) {
        apr_size_t n = len < SLICE_MAX ? len : SLICE_MAX;

        compact(scan);
        if (!make_room(scan, n)) {
            flow_text_no_memory(&scan->err);
            return;
        }
        memcpy(scan->data + scan->len, data, n);
        scan->len += n;
        data += n;
        len -= n;
        flow_csv_scan_all(scan, 0);
        if (is_row_too_long(scan) && !is_failed(scan)) {
            flow_csv_scan_fail(scan, &scan->err, "the row is longer than 5 MB");
        }
    }
}

static apr_status_t status_of(const flow_csv_scan_t *scan, flow_error_t *err)
{
    if (!is_failed(scan)) {
        return APR_SUCCESS;
    }
    return flow_error_set(err, scan->err.kind, scan->err.status, scan->err.code,
                          "%s", scan->err.message);
}

apr_status_t flow_csv_scan_feed(flow_csv_scan_t *scan, const char *data,
                                apr_size_t len, flow_error_t *err)
{
    static const char bom[] = "\xef\xbb\xbf";

    while (scan->bom >= 0 && scan->bom < 3 && len > 0) {
        if (*data == bom[scan->bom]) {
            ++scan->bom;
            ++data;
            --len;
        }
        else {
            /* it was none after all */
            int n = scan->bom;

            scan->bom = -1;
            take(scan, bom, (apr_size_t)n);
        }
    }
    if (scan->bom == 3) {
        scan->bom = -1;
        scan->dropped = 3;
    }
    take(scan, data, len);
    return status_of(scan, err);
}

apr_status_t flow_csv_scan_finish(flow_csv_scan_t *scan, flow_error_t *err)
{
    if (scan->bom == 1 || scan->bom == 2) {
        int n = scan->bom;

        scan->bom = -1;
        take(scan, "\xef\xbb", (apr_size_t)n);
    }
    if (!is_failed(scan)) {
        flow_csv_scan_all(scan, 1);
    }
    if (!is_failed(scan) && scan->state == FLOW_CSV_IN_QUOTES) {
        apr_size_t at = scan->pos;

        /* a quote, and blanks that do not count */
        if (at == scan->len || scan->data[at] != scan->quote) {
            /* lenient with stray quotes, but a cell that never ends has
             * swallowed the rest of the file */
            flow_csv_scan_fail(scan, &scan->err,
                               "a quoted cell that begins in this row is "
                               "never closed");
        }
        else {
            flow_csv_end_cell(scan, at, 1);
            flow_csv_end_row(scan);
        }
    }
    else if (!is_failed(scan) && scan->state != FLOW_CSV_AT_ROW) {
        flow_csv_end_cell(scan, scan->len, 0);
        flow_csv_end_row(scan);
    }
    scan->pos = scan->len;
    flow_csv_start_row(scan);
    return status_of(scan, err);
}

/* ---- making one ---- */

static apr_status_t release(void *data)
{
    flow_csv_scan_t *scan = data;

    free(scan->data);
    free(scan->spans);
    free(scan->cells);
    return APR_SUCCESS;
}

static const char *mark_problem(const char *mark)
{
    apr_size_t len = strlen(mark);

    if (len == 0) {
        return "is empty";
    }
    return len > FLOW_CSV_MARK_MAX
               ? "is longer than " APR_STRINGIFY(FLOW_CSV_MARK_MAX) " bytes"
               : NULL;
}

static apr_status_t check_marks(const flow_csv_scan_t *scan,
                                const flow_csv_options_t *options,
                                flow_error_t *err)
{
    const char *why = mark_problem(options->delimiter);

    if (!why && options->row_delimiter) {
        why = mark_problem(options->row_delimiter);
    }
    if (!why && (strpbrk(options->delimiter, "\r\n") ||
                 (scan->quote && strchr(options->delimiter, scan->quote)))) {
        why = "contains a quote or a line end";
    }
    return why ? flow_error_set(err, FLOW_E_CONFIG, APR_EINVAL, "csv_delimiter",
                                "a delimiter %s; use ',' ';' '|' or a tab", why)
               : APR_SUCCESS;
}

apr_status_t flow_csv_scan_create(flow_csv_scan_t **pscan,
                                  const flow_csv_options_t *options,
                                  flow_csv_cells_fn *row, void *baton,
                                  apr_pool_t *p, flow_error_t *err)
{
    flow_csv_scan_t *scan = apr_pcalloc(p, sizeof(*scan));
    flow_csv_options_t o = { 0 };
    apr_status_t rv;

    *pscan = NULL;
    if (options) {
        o = *options;
    }
    o.delimiter = o.delimiter ? o.delimiter : ",";
    scan->quote = o.no_quotes ? '\0' : '"';
    rv = check_marks(scan, &o, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_cpystrn(scan->delimiter, o.delimiter, sizeof(scan->delimiter));
    scan->delimiter_len = strlen(scan->delimiter);
    apr_cpystrn(scan->end, o.row_delimiter ? o.row_delimiter : "",
                sizeof(scan->end));
    scan->end_len = strlen(scan->end);
    scan->escape = o.escape == '"' ? '\0' : o.escape;
    scan->trims = o.trim_spaces;
    scan->lines_to_skip = o.rows_to_skip;
    scan->stops[(unsigned char)scan->delimiter[0]] = 1;
    scan->stops[(unsigned char)scan->escape] |= scan->escape != '\0';
    scan->stops[(unsigned char)(scan->end_len ? scan->end[0] : '\n')] = 1;
    scan->stops[(unsigned char)(scan->end_len ? scan->end[0] : '\r')] = 1;
    scan->row_fn = row;
    scan->baton = baton;
    scan->line = scan->row_line = 1;
    apr_pool_cleanup_register(p, scan, release, apr_pool_cleanup_null);
    *pscan = scan;
    return APR_SUCCESS;
}
