/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_text.h"

#include <string.h>

#include <apr_strings.h>

#include "data/flow_json.h"
#include "data/flow_text_private.h"

/* What writing needs to know, asked for once per row. */
typedef struct style_t {
    const char *delimiter, *end;
    apr_size_t delimiter_len, end_len;
    int wraps, no_tabs, no_newlines;
} style_t;

static void read_style(style_t *style, const flow_csv_options_t *options)
{
    memset(style, 0, sizeof(*style));
    style->delimiter = options && options->delimiter ? options->delimiter : ",";
    style->end =
        options && options->row_delimiter ? options->row_delimiter : "\n";
    style->delimiter_len = strlen(style->delimiter);
    style->end_len = strlen(style->end);
    if (options) {
        style->wraps = options->wrap_with_quotes;
        style->no_tabs = options->tab_to_space;
        style->no_newlines = options->newline_to_space;
    }
}

/* Would a reader take the cell for something else? Spaces at the ends are
 * quoted because many readers trim, what looks like a BOM because they drop
 * it; of delimiters of several characters the first one is enough. */
static int needs_quotes(const char *s, apr_size_t len, const style_t *style)
{
    char mark = style->delimiter[0], end = style->end[0];
    apr_size_t i;

    if (style->wraps) {
        return 1;
    }
    if (len == 0) {
        return 0;
    }
    if (s[0] == ' ' || s[0] == '\t' || s[len - 1] == ' ' ||
        s[len - 1] == '\t' || (len >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0)) {
        return 1;
    }
    for (i = 0; i < len; ++i) {
        if (s[i] == mark || s[i] == '"' || s[i] == '\n' || s[i] == '\r' ||
            (end && s[i] == end)) {
            return 1;
        }
    }
    return 0;
}

/* The cell without tabs or line ends; CR LF is one line end. */
static const char *flatten(const char *s, apr_size_t *plen,
                           const style_t *style, apr_pool_t *p)
{
    char *out = apr_palloc(p, *plen + 1);
    apr_size_t i, n = 0;

    for (i = 0; i < *plen; ++i) {
        int is_end = style->no_newlines && (s[i] == '\n' || s[i] == '\r');

        if (is_end && s[i] == '\r' && i + 1 < *plen && s[i + 1] == '\n') {
            ++i;
        }
        out[n++] =
            (char)(is_end || (style->no_tabs && s[i] == '\t') ? ' ' : s[i]);
    }
    *plen = n;
    return out;
}

static void write_quoted(flow_buf_t *out, const char *s, apr_size_t len)
{
    const char *quote;

    flow_buf_addc(out, '"');
    while ((quote = memchr(s, '"', len)) != NULL) {
        apr_size_t n = (apr_size_t)(quote - s) + 1;

        flow_buf_add(out, s, n);
        flow_buf_addc(out, '"');
        s += n;
        len -= n;
    }
    flow_buf_add(out, s, len);
    flow_buf_addc(out, '"');
}

/* A row of nothing would be an empty line, which readers skip: @a is_alone. */
static void write_cell(flow_buf_t *out, const char *s, apr_size_t len,
                       int is_alone, const style_t *style, apr_pool_t *scratch)
{
    if (style->no_tabs || style->no_newlines) {
        s = flatten(s, &len, style, scratch);
    }
    if ((is_alone && len == 0) || needs_quotes(s, len, style)) {
        write_quoted(out, s, len);
    }
    else {
        flow_buf_add(out, s, len);
    }
}

/* The member called @a name. Records mostly have their members in the order
 * of the columns, so the next one is looked at before anything is hashed. */
static json_t *find_cell(json_t *record, void **piter, const char *name,
                         apr_size_t len)
{
    void *iter = *piter;

    if (iter && json_object_iter_key_len(iter) == len &&
        memcmp(json_object_iter_key(iter), name, len) == 0) {
        *piter = json_object_iter_next(record, iter);
        return json_object_iter_value(iter);
    }
    return json_object_getn(record, name, len);
}

/* One row; @a record NULL writes the names themselves. */
static apr_status_t write_row(flow_buf_t *out,
                              const flow_csv_options_t *options,
                              const json_t *columns, json_t *record,
                              apr_pool_t *scratch)
{
    apr_size_t i, n = json_array_size(columns);
    void *iter = record ? json_object_iter(record) : NULL;
    style_t style;

    read_style(&style, options);
    for (i = 0; i < n && out->status == APR_SUCCESS; ++i) {
        apr_size_t len = 0;
        const char *s = flow_json_string(json_array_get(columns, i), &len);

        if (record && s) {
            json_t *cell = find_cell(record, &iter, s, len);

            s = flow_json_string(cell, &len);
            if (!s) {
                s = flow_json_to_text(cell, &len, scratch);
            }
        }
        if (i > 0) {
            flow_buf_add(out, style.delimiter, style.delimiter_len);
        }
        write_cell(out, s ? s : "", len, n == 1, &style, scratch);
    }
    return flow_buf_add(out, style.end, style.end_len);
}

apr_status_t flow_csv_write_header(flow_buf_t *out,
                                   const flow_csv_options_t *options,
                                   const json_t *columns, apr_pool_t *scratch)
{
    if (options && options->no_header_out) {
        return out->status;
    }
    return write_row(out, options, columns, NULL, scratch);
}

apr_status_t flow_csv_write_row(flow_buf_t *out,
                                const flow_csv_options_t *options,
                                const json_t *columns, const json_t *record,
                                apr_pool_t *scratch)
{
    /* only read; jansson's iterators want it mutable */
    return write_row(out, options, columns, (json_t *)record, scratch);
}

/* --- whole texts -----------------------------------------------------------*/

int flow_csv_add_columns(json_t *columns, json_t *known, json_t *record)
{
    void *iter;

    for (iter = json_object_iter(record); iter;
         iter = json_object_iter_next(record, iter)) {
        const char *name = json_object_iter_key(iter);
        apr_size_t len = json_object_iter_key_len(iter);

        if (json_object_getn(known, name, len)) {
            continue;
        }
        if (json_object_setn_new_nocheck(known, name, len, json_true()) ||
            json_array_append_new(columns, json_stringn_nocheck(name, len))) {
            return 0;
        }
    }
    return 1;
}

/* A new array of names, or NULL. */
static json_t *collect_columns(const json_t *rows, flow_error_t *err)
{
    json_t *columns = json_array();
    json_t *known = json_object();
    int is_good = 1;
    apr_size_t i;

    for (i = 0; i < json_array_size(rows) && is_good; ++i) {
        json_t *row = json_array_get(rows, i);

        if (!json_is_object(row)) {
            flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "csv_shape",
                           "CSV is written from objects; element %d is %s",
                           (int)i, flow_json_type_name(row));
            is_good = 0;
        }
        else if (!flow_csv_add_columns(columns, known, row)) {
            flow_text_no_memory(err);
            is_good = 0;
        }
    }
    json_decref(known);
    if (!is_good) {
        json_decref(columns);
        return NULL;
    }
    return columns;
}

static apr_status_t write_rows(flow_buf_t *out, const json_t *rows,
                               apr_pool_t *scratch, flow_error_t *err)
{
    json_t *columns = collect_columns(rows, err);
    apr_pool_t *row_pool;
    apr_size_t i;

    if (!columns) {
        return err ? err->status : APR_EINVAL;
    }
    apr_pool_create(&row_pool, scratch);
    if (json_array_size(columns) > 0) {
        flow_csv_write_header(out, NULL, columns, row_pool);
    }
    for (i = 0; i < json_array_size(rows) && out->status == APR_SUCCESS &&
                json_array_size(columns) > 0;
         ++i) {
        flow_csv_write_row(out, NULL, columns, json_array_get(rows, i),
                           row_pool);
        apr_pool_clear(row_pool);
    }
    apr_pool_destroy(row_pool);
    json_decref(columns);
    return flow_text_buffer_status(out, err);
}

apr_status_t flow_csv_write(flow_buf_t *out, const json_t *v,
                            apr_pool_t *scratch, flow_error_t *err)
{
    json_t *rows;
    apr_status_t rv;

    if (json_is_array(v)) {
        return write_rows(out, v, scratch, err);
    }
    if (!json_is_object(v)) {
        return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "csv_shape",
                              "CSV is written from an array of objects, not "
                              "from %s",
                              flow_json_type_name(v));
    }
    rows = json_array();
    if (json_array_append(rows, (json_t *)v) != 0) {
        json_decref(rows);
        return flow_text_no_memory(err);
    }
    rv = write_rows(out, rows, scratch, err);
    json_decref(rows);
    return rv;
}
