/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_csv_private.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "data/flow_text_private.h"

/* So much is looked at in one go; the buffer never holds more than this and
 * one unfinished row. */
#define SLICE_MAX ((apr_size_t)65536)

typedef enum {
    AT_ROW,
    AT_CELL,
    IN_CELL,
    IN_QUOTES
} state_e;

typedef struct span_t {
    apr_size_t at, len; /* in the buffer */
    int has_marks;      /* doubled quotes or escapes are still in it */
} span_t;

struct flow_csv_scan_t {
    flow_csv_cells_fn *row_fn;
    void *baton;

    char delimiter[FLOW_CSV_MARK_MAX + 1];
    apr_size_t delimiter_len;
    char end[FLOW_CSV_MARK_MAX + 1]; /* of a row; "" = CR, LF or CR LF */
    apr_size_t end_len;
    char quote;  /* 0: quotes are text, and stripped around a cell */
    char escape; /* 0: none */
    int trims;
    unsigned char stops[256]; /* bytes that end a run of plain text */

    char *data;
    apr_size_t len, cap;
    apr_size_t pos;    /* next byte to look at */
    apr_size_t row_at; /* where the row begins */
    apr_size_t cell_at;
    state_e state;
    int has_marks; /* of the cell */
    int skips_lf;  /* the row ended with CR */
    int bom;       /* bytes of a BOM seen at the start; -1 = past that */
    int lines_to_skip;

    span_t *spans; /* of the row so far */
    flow_csv_cell_t *cells;
    int n, spans_cap;
    apr_size_t row_bytes;

    apr_uint64_t dropped; /* bytes before data[0] */
    int line;             /* of data[pos] */
    int row_line;
    flow_error_t err; /* the first failure; nothing is read after it */
};

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
    span_t *spans = realloc(scan->spans, (size_t)cap * sizeof(*spans));
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
static void end_cell(flow_csv_scan_t *scan, apr_size_t end, int was_quoted)
{
    apr_size_t at = scan->cell_at;
    span_t *span;

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
        flow_csv_scan_fail(scan, &scan->err, "a cell is longer than 1 MB");
    }
    else if (scan->row_bytes > FLOW_CSV_ROW_MAX) {
        flow_csv_scan_fail(scan, &scan->err, "the row is longer than 5 MB");
    }
    else if (scan->n == FLOW_CSV_CELLS_MAX) {
        flow_csv_scan_fail(scan, &scan->err, "the row has more than %d cells",
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

static void end_row(flow_csv_scan_t *scan)
{
    apr_status_t rv;
    int i;

    for (i = 0; i < scan->n; ++i) {
        span_t *span = &scan->spans[i];
        char *s = scan->data + span->at;

        scan->cells[i].s = s;
        scan->cells[i].len =
            span->has_marks ? unmark(scan, s, span->len) : span->len;
    }
    if (is_failed(scan)) {
        return;
    }
    rv = scan->row_fn(scan->baton, scan->cells, scan->n, &scan->err);
    if (rv != APR_SUCCESS) {
        /* when the callback did not say why */
        flow_error_set(&scan->err, FLOW_E_INTERNAL, rv, "csv_stopped",
                       "the reader of the rows stopped");
    }
}

static void start_row(flow_csv_scan_t *scan)
{
    scan->state = AT_ROW;
    scan->row_at = scan->pos;
    scan->n = 0;
    scan->row_bytes = 0;
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
            start_row(scan);
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
        start_row(scan);
        return 1;
    }
    scan->row_line = scan->line;
    scan->state = AT_CELL;
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
        scan->state = IN_QUOTES;
    }
    else {
        scan->state = IN_CELL;
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
        end_cell(scan, end, was_quoted);
        scan->pos = scan->cell_at = at + scan->delimiter_len;
        scan->state = AT_CELL;
        return 1;
    }
    found = is_end(scan, at);
    if (found < 0 && !is_last) {
        return -1;
    }
    if (found > 0) {
        end_cell(scan, end, was_quoted);
        scan->pos = at;
        end_row(scan);
        pass_end(scan);
        start_row(scan);
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

static void scan_all(flow_csv_scan_t *scan, int is_last)
{
    int goes_on = 1;

    while (goes_on && scan->pos < scan->len && !is_failed(scan)) {
        switch (scan->state) {
        case AT_ROW:
            goes_on = at_row(scan, is_last);
            break;
        case AT_CELL:
            goes_on = at_cell(scan);
            break;
        case IN_CELL:
            goes_on = in_cell(scan, is_last);
            break;
        case IN_QUOTES:
            goes_on = in_quotes(scan, is_last);
            break;
        }
    }
    if ((scan->state == IN_CELL || scan->state == IN_QUOTES) &&
        scan->pos - scan->cell_at > FLOW_CSV_CELL_MAX && !is_failed(scan)) {
        flow_csv_scan_fail(scan, &scan->err, "a cell is longer than 1 MB");
    }
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
        scan_all(scan, 0);
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
        scan_all(scan, 1);
    }
    if (!is_failed(scan) && scan->state == IN_QUOTES) {
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
            end_cell(scan, at, 1);
            end_row(scan);
        }
    }
    else if (!is_failed(scan) && scan->state != AT_ROW) {
        end_cell(scan, scan->len, 0);
        end_row(scan);
    }
    scan->pos = scan->len;
    start_row(scan);
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
