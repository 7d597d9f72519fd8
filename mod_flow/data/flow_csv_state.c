/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where cells and rows end: the states of the scanner.
 */
#include "data/flow_csv_private.h"

#include <stdlib.h>
#include <string.h>

#include "data/flow_text_private.h"

static int is_failed(const flow_csv_scan_t *scan)
{
    return scan->err.kind != FLOW_E_NONE;
}

static int is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Is @a mark at @a pos? -1: its beginning is, and then the buffer ends. */
static int is_at(const flow_csv_scan_t *scan, apr_size_t pos, const char *mark,
                 apr_size_t len)
{
    apr_size_t have = scan->len - pos;

    if (have >= len) {
        return memcmp(scan->data + pos, mark, len) == 0;
    }
    return memcmp(scan->data + pos, mark, have) == 0 ? -1 : 0;
}

static int is_delimiter(const flow_csv_scan_t *scan, apr_size_t pos)
{
    if (scan->delimiter_len == 1) {
        return scan->data[pos] == scan->delimiter[0];
    }
    return is_at(scan, pos, scan->delimiter, scan->delimiter_len);
}

static int is_end(const flow_csv_scan_t *scan, apr_size_t pos)
{
    if (scan->end_len == 0) {
        return scan->data[pos] == '\n' || scan->data[pos] == '\r';
    }
    return is_at(scan, pos, scan->end, scan->end_len);
}

/* ---- cells and rows ---- */

static int grow_spans(flow_csv_scan_t *scan)
{
    int cap = scan->spans_cap ? scan->spans_cap * 2 : 32;
    flow_csv_span_t *spans = realloc(scan->spans, (size_t)cap * sizeof(*spans));
    flow_csv_cell_t *cells;

    if (!spans) {
        return 0;
    }
    scan->spans = spans;
    cells = realloc(scan->cells, (size_t)cap * sizeof(*cells));
    if (!cells) {
        return 0;
    }
    scan->cells = cells;
    scan->spans_cap = cap;
    return 1;
}

/* The cell that began at cell_at ends before @a end. */
void flow_csv_end_cell(flow_csv_scan_t *scan, apr_size_t end, int was_quoted)
{
    apr_size_t at = scan->cell_at;
    flow_csv_span_t *span;

    if (scan->trims && !was_quoted) {
        while (end > at && is_blank(scan->data[end - 1])) {
            --end;
        }
    }
    if (!scan->quote && end - at >= 2 && scan->data[at] == '"' &&
        scan->data[end - 1] == '"') {
        ++at;
        --end;
    }
    scan->row_bytes += end - at;
    if (end - at > FLOW_CSV_CELL_MAX) {
        flow_csv_scan_bad(scan, &scan->err, "a cell is longer than 1 MB");
    }
    else if (scan->row_bytes > FLOW_CSV_ROW_MAX) {
        flow_csv_scan_bad(scan, &scan->err, "the row is longer than 5 MB");
    }
    else if (scan->n == FLOW_CSV_CELLS_MAX) {
        flow_csv_scan_bad(scan, &scan->err, "the row has more than %d cells",
                          FLOW_CSV_CELLS_MAX);
    }
    else if (scan->n == scan->spans_cap && !grow_spans(scan)) {
        flow_text_no_memory(&scan->err);
    }
    else {
        span = &scan->spans[scan->n++];
        span->at = at;
        span->len = end - at;
        span->has_marks = scan->has_marks;
    }
    scan->has_marks = 0;
}

/* Take the marks out of a cell, in place. */
static apr_size_t unmark(const flow_csv_scan_t *scan, char *s, apr_size_t len)
{
    apr_size_t i, n = 0;

    for (i = 0; i < len; ++i) {
        if (i + 1 < len && ((scan->escape && s[i] == scan->escape) ||
                            (s[i] == scan->quote && s[i + 1] == scan->quote))) {
            ++i;
        }
        s[n++] = s[i];
    }
    return n;
}

void flow_csv_end_row(flow_csv_scan_t *scan)
{
    apr_status_t rv;
    int i;

    for (i = 0; i < scan->n; ++i) {
        flow_csv_span_t *span = &scan->spans[i];
        char *s = scan->data + span->at;

        scan->cells[i].s = s;
        scan->cells[i].len =
            span->has_marks ? unmark(scan, s, span->len) : span->len;
    }
    if (is_failed(scan) || scan->is_row_bad) {
        return;
    }
    rv = scan->row_fn(scan->baton, scan->cells, scan->n, &scan->err);
    if (rv != APR_SUCCESS) {
        /* when the callback did not say why */
        flow_error_set(&scan->err, FLOW_E_INTERNAL, rv, "csv_stopped",
                       "the reader of the rows stopped");
    }
}

void flow_csv_start_row(flow_csv_scan_t *scan)
{
    scan->state = FLOW_CSV_AT_ROW;
    scan->row_at = scan->pos;
    scan->n = 0;
    scan->row_bytes = 0;
    scan->is_row_bad = 0;
}

/* Over the line end at pos. */
static void pass_end(flow_csv_scan_t *scan)
{
    if (scan->end_len) {
        scan->pos += scan->end_len;
    }
    else {
        scan->skips_lf = scan->data[scan->pos] == '\r';
        ++scan->pos;
    }
    ++scan->line;
}

/* ---- states: each returns 0 when it needs more bytes ---- */

static int skip_line(flow_csv_scan_t *scan, int is_last)
{
    for (; scan->pos < scan->len; ++scan->pos) {
        int found = is_end(scan, scan->pos);

        if (found < 0 && !is_last) {
            break;
        }
        if (found > 0) {
            pass_end(scan);
            --scan->lines_to_skip;
            flow_csv_start_row(scan);
            return 1;
        }
    }
    scan->row_at = scan->pos; /* nothing of it is kept */
    return 0;
}

static int at_row(flow_csv_scan_t *scan, int is_last)
{
    apr_size_t at;
    int found;

    if (scan->skips_lf && scan->data[scan->pos] == '\n') {
        ++scan->pos;
        scan->skips_lf = 0;
        scan->row_at = scan->pos;
        return 1;
    }
    scan->skips_lf = 0;
    if (scan->lines_to_skip > 0) {
        return skip_line(scan, is_last);
    }
    at = scan->pos;
    while (scan->trims && at < scan->len && is_blank(scan->data[at]) &&
           is_delimiter(scan, at) == 0) {
        ++at;
    }
    if (at == scan->len) {
        scan->row_line = scan->line;
        return 0;
    }
    found = is_end(scan, at);
    if (found < 0 && !is_last) {
        return 0;
    }
    if (found > 0) {
        scan->pos = at;
        pass_end(scan);
        flow_csv_start_row(scan);
        return 1;
    }
    scan->row_line = scan->line;
    scan->state = FLOW_CSV_AT_CELL;
    scan->cell_at = scan->pos;
    return 1;
}

static int at_cell(flow_csv_scan_t *scan)
{
    while (scan->trims && scan->pos < scan->len &&
           is_blank(scan->data[scan->pos]) &&
           is_delimiter(scan, scan->pos) == 0) {
        ++scan->pos;
    }
    scan->cell_at = scan->pos;
    if (scan->pos == scan->len) {
        return 0;
    }
    if (scan->quote && scan->data[scan->pos] == scan->quote) {
        scan->cell_at = ++scan->pos;
        scan->state = FLOW_CSV_IN_QUOTES;
    }
    else {
        scan->state = FLOW_CSV_IN_CELL;
    }
    return 1;
}

/* What stands behind a cell, at @a at: 1 = it was the end of the cell, which
 * ended before @a end; 0 = no end; -1 = more bytes are needed. */
static int pass_cell_end(flow_csv_scan_t *scan, apr_size_t at, apr_size_t end,
                         int was_quoted, int is_last)
{
    int found = is_delimiter(scan, at);

    if (found < 0 && !is_last) {
        return -1;
    }
    if (found > 0) {
        flow_csv_end_cell(scan, end, was_quoted);
        scan->pos = scan->cell_at = at + scan->delimiter_len;
        scan->state = FLOW_CSV_AT_CELL;
        return 1;
    }
    found = is_end(scan, at);
    if (found < 0 && !is_last) {
        return -1;
    }
    if (found > 0) {
        flow_csv_end_cell(scan, end, was_quoted);
        scan->pos = at;
        flow_csv_end_row(scan);
        pass_end(scan);
        flow_csv_start_row(scan);
        return 1;
    }
    return 0;
}

static int in_cell(flow_csv_scan_t *scan, int is_last)
{
    const char *data = scan->data;
    apr_size_t pos = scan->pos, len = scan->len;
    int found;

    while (pos < len) {
        while (pos < len && !scan->stops[(unsigned char)data[pos]]) {
            ++pos;
        }
        scan->pos = pos;
        if (pos == len) {
            return 0;
        }
        if (scan->escape && data[pos] == scan->escape) {
            if (pos + 1 == len && !is_last) {
                return 0;
            }
            scan->has_marks = 1;
            pos += pos + 1 == len ? 1 : 2;
            continue;
        }
        found = pass_cell_end(scan, pos, pos, 0, is_last);
        if (found) {
            return found > 0;
        }
        ++pos;
    }
    scan->pos = pos;
    return 0;
}

/* At a quote inside a quoted cell. */
static int at_quote(flow_csv_scan_t *scan, int is_last)
{
    apr_size_t at = scan->pos + 1;
    int found;

    if (at < scan->len && scan->data[at] == scan->quote) {
        scan->has_marks = 1;
        scan->pos += 2;
        return 1;
    }
    while (scan->trims && at < scan->len && is_blank(scan->data[at]) &&
           is_delimiter(scan, at) == 0) {
        ++at;
    }
    if (at == scan->len) {
        return 0;
    }
    found = pass_cell_end(scan, at, scan->pos, 1, is_last);
    if (found == 0) {
        ++scan->pos; /* a quote that somebody forgot to double */
    }
    return found >= 0;
}

static int in_quotes(flow_csv_scan_t *scan, int is_last)
{
    while (scan->pos < scan->len) {
        char c = scan->data[scan->pos];

        if (c == scan->quote) {
            return at_quote(scan, is_last);
        }
        if (scan->escape && c == scan->escape) {
            if (scan->pos + 1 == scan->len) {
                return 0;
            }
            scan->has_marks = 1;
            ++scan->pos;
            c = scan->data[scan->pos];
        }
        if (c == '\n' || c == '\r') {
            if (c == '\r' && scan->pos + 1 == scan->len && !is_last) {
                return 0;
            }
            scan->line += c == '\n' || scan->pos + 1 == scan->len ||
                          scan->data[scan->pos + 1] != '\n';
        }
        ++scan->pos;
    }
    return 0;
}

void flow_csv_scan_all(flow_csv_scan_t *scan, int is_last)
{
    int goes_on = 1;

    while (goes_on && scan->pos < scan->len && !is_failed(scan)) {
        switch (scan->state) {
        case FLOW_CSV_AT_ROW:
            goes_on = at_row(scan, is_last);
            break;
        case FLOW_CSV_AT_CELL:
            goes_on = at_cell(scan);
            break;
        case FLOW_CSV_IN_CELL:
            goes_on = in_cell(scan, is_last);
            break;
        case FLOW_CSV_IN_QUOTES:
            goes_on = in_quotes(scan, is_last);
            break;
        }
    }
    if ((scan->state == FLOW_CSV_IN_CELL ||
         scan->state == FLOW_CSV_IN_QUOTES) &&
        scan->pos - scan->cell_at > FLOW_CSV_CELL_MAX && !is_failed(scan)) {
        flow_csv_scan_fail(scan, &scan->err, "a cell is longer than 1 MB");
    }
}
