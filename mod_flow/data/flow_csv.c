/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_text.h"

#include <stdlib.h>
#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>
#include <csv.h>

#include "data/flow_json.h"
#include "data/flow_text_private.h"

#define CELL_MAX  (1024 * 1024)
#define ROW_MAX   (5 * 1024 * 1024)
#define CELLS_MAX 10000

/* libcsv cannot be stopped; it is given this much at a time, so that a cell
 * is found too long soon after it is. */
#define SLICE_MAX 16384

typedef struct name_t {
    const char *text;
    apr_size_t len;
} name_t;

struct flow_csv_reader_t {
    flow_csv_options_t options;
    flow_csv_row_fn *row_fn;
    void *baton;
    apr_pool_t *p;

    struct csv_parser parser;
    int bom; /* bytes of a BOM seen at the start; -1 = past that */
    int rows_to_skip;
    int line;        /* of the next byte */
    int row_line;    /* where the row began */
    int is_row_open; /* something of the row has been read */
    char last;       /* previous byte: CR LF is one line end */

    name_t *names; /* CELLS_MAX of them at most */
    int n_names;
    int names_cap;
    int has_names;

    json_t *row;
    int n_cells;
    apr_size_t row_bytes;
    apr_pool_t *scratch; /* cleared with every row */

    flow_error_t err; /* the first failure; nothing is read after it */
};

static int is_failed(const flow_csv_reader_t *reader)
{
    return reader->err.kind != FLOW_E_NONE;
}

static void fail(flow_csv_reader_t *reader, int line, const char *why)
{
    flow_error_set(&reader->err, FLOW_E_INPUT, APR_EINVAL, "invalid_csv",
                   "invalid CSV at line %d: %s", line, why);
}

/* --- names -----------------------------------------------------------------*/

static int is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void trim(const char **ps, apr_size_t *plen)
{
    while (*plen > 0 && is_blank(**ps)) {
        ++*ps;
        --*plen;
    }
    while (*plen > 0 && is_blank((*ps)[*plen - 1])) {
        --*plen;
    }
}

static void add_name(flow_csv_reader_t *reader, const char *s, apr_size_t len)
{
    name_t *name;

    if (reader->n_names == reader->names_cap) {
        int cap = reader->names_cap ? reader->names_cap * 2 : 16;
        name_t *more = apr_palloc(reader->p, (apr_size_t)cap * sizeof(*more));

        if (reader->n_names) {
            memcpy(more, reader->names,
                   (apr_size_t)reader->n_names * sizeof(*more));
        }
        reader->names = more;
        reader->names_cap = cap;
    }
    name = &reader->names[reader->n_names++];
    name->text = apr_pstrmemdup(reader->p, s, len);
    name->len = len;
}

/* Column1, Column2 ... as far as needed. */
static void number_names(flow_csv_reader_t *reader, int n)
{
    while (reader->n_names < n) {
        const char *name =
            apr_psprintf(reader->scratch, "Column%d", reader->n_names + 1);

        add_name(reader, name, strlen(name));
    }
}

/* The header is complete: give a name to empty ones, tell equal ones apart. */
static void settle_names(flow_csv_reader_t *reader)
{
    apr_hash_t *seen = apr_hash_make(reader->scratch); /* name -> int */
    int i;

    for (i = 0; i < reader->n_names; ++i) {
        name_t *name = &reader->names[i];
        const char *base;
        int *count;

        if (name->len == 0) {
            name->text = apr_psprintf(reader->p, "Column%d", i + 1);
            name->len = strlen(name->text);
        }
        base = name->text;
        count = apr_hash_get(seen, name->text, (apr_ssize_t)name->len);
        while (count &&
               apr_hash_get(seen, name->text, (apr_ssize_t)name->len)) {
            name->text = apr_psprintf(reader->p, "%s_%d", base, ++*count);
            name->len = strlen(name->text);
        }
        count = apr_palloc(reader->scratch, sizeof(*count));
        *count = 1;
        apr_hash_set(seen, name->text, (apr_ssize_t)name->len, count);
    }
    reader->has_names = 1;
}

/* --- cells and rows, called by libcsv --------------------------------------*/

static void add_cell(flow_csv_reader_t *reader, const char *s, apr_size_t len)
{
    const name_t *name;
    json_t *v;

    s = flow_utf8_repair(s, len, &len, reader->scratch);
    if (!reader->has_names) {
        trim(&s, &len);
        /* a NUL would end the name early where names are C strings */
        add_name(reader, s, memchr(s, '\0', len) ? strlen(s) : len);
        return;
    }
    if (reader->options.no_header) {
        number_names(reader, reader->n_cells);
    }
    if (reader->n_cells > reader->n_names) {
        return; /* counted, and told about at the end of the row */
    }
    if (!reader->row) {
        reader->row = json_object();
    }
    name = &reader->names[reader->n_cells - 1];
    v = json_stringn_nocheck(s, len);
    if (json_object_setn_new_nocheck(reader->row, name->text, name->len, v)) {
        flow_text_no_memory(&reader->err);
    }
}

static void on_cell(void *data, size_t len, void *baton)
{
    flow_csv_reader_t *reader = baton;

    if (is_failed(reader)) {
        return;
    }
    reader->row_bytes += len;
    if (len > CELL_MAX) {
        fail(reader, reader->row_line, "a cell is longer than 1 MB");
    }
    else if (reader->row_bytes > ROW_MAX) {
        fail(reader, reader->row_line, "the row is longer than 5 MB");
    }
    else if (++reader->n_cells > CELLS_MAX) {
        fail(reader, reader->row_line,
             "the row has more than " APR_STRINGIFY(CELLS_MAX) " cells");
    }
    else {
        add_cell(reader, data ? data : "", len);
    }
}

static void deliver(flow_csv_reader_t *reader)
{
    json_t *row = reader->row;
    char why[96];
    apr_status_t rv;

    reader->row = NULL;
    if (reader->n_cells > reader->n_names) {
        apr_snprintf(why, sizeof(why),
                     "the row has %d cells where the header has %d",
                     reader->n_cells, reader->n_names);
        fail(reader, reader->row_line, why);
        json_decref(row);
        return;
    }
    rv = reader->row_fn(reader->baton, row, &reader->err);
    if (rv != APR_SUCCESS) {
        /* when the callback did not say why */
        flow_error_set(&reader->err, FLOW_E_INTERNAL, rv, "csv_stopped",
                       "the reader of the rows stopped");
    }
}

static void on_row(int terminator, void *baton)
{
    flow_csv_reader_t *reader = baton;

    (void)terminator;
    reader->is_row_open = 0;
    if (is_failed(reader) || reader->n_cells == 0) {
        return;
    }
    if (!reader->has_names) {
        settle_names(reader);
    }
    else {
        deliver(reader);
    }
    reader->n_cells = 0;
    reader->row_bytes = 0;
    apr_pool_clear(reader->scratch);
}

/* --- the reader ------------------------------------------------------------*/

static int is_no_space(unsigned char c)
{
    (void)c;
    return 0;
}

static apr_status_t release(void *data)
{
    flow_csv_reader_t *reader = data;

    csv_free(&reader->parser);
    json_decref(reader->row);
    return APR_SUCCESS;
}

apr_status_t flow_csv_reader_create(flow_csv_reader_t **preader,
                                    const flow_csv_options_t *options,
                                    flow_csv_row_fn *row, void *baton,
                                    apr_pool_t *p, flow_error_t *err)
{
    flow_csv_reader_t *reader = apr_pcalloc(p, sizeof(*reader));
    char delimiter = ',';

    *preader = NULL;
    if (options) {
        reader->options = *options;
        delimiter = options->delimiter ? options->delimiter : ',';
    }
    if (strchr("\"\r\n", delimiter)) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_EINVAL, "csv_delimiter",
                              "a quote or line end cannot separate columns; "
                              "use ',' ';' '|' or a tab");
    }
    if (csv_init(&reader->parser, 0) != 0) {
        return flow_text_no_memory(err);
    }
    csv_set_delim(&reader->parser, (unsigned char)delimiter);
    csv_set_blk_size(&reader->parser, 4096);
    if (!reader->options.trim_spaces) {
        csv_set_space_func(&reader->parser, is_no_space);
    }
    reader->row_fn = row;
    reader->baton = baton;
    reader->p = p;
    reader->line = 1;
    reader->rows_to_skip = reader->options.rows_to_skip;
    reader->has_names = reader->options.no_header;
    apr_pool_create(&reader->scratch, p);
    apr_pool_cleanup_register(p, reader, release, apr_pool_cleanup_null);
    *preader = reader;
    return APR_SUCCESS;
}

/* At most one line, and that to its end, so that the line is known in which a
 * row ends. */
static void parse_line(flow_csv_reader_t *reader, const char *s, apr_size_t len)
{
    int is_end = s[len - 1] == '\n' || s[len - 1] == '\r';

    if (!reader->is_row_open) {
        reader->row_line = reader->line;
        reader->is_row_open = !(is_end && len == 1);
    }
    if (reader->rows_to_skip > 0) {
        reader->is_row_open = 0;
    }
    else if (csv_parse(&reader->parser, s, len, on_cell, on_row, reader) !=
             len) {
        flow_text_no_memory(&reader->err);
    }
    if (reader->parser.entry_pos > CELL_MAX) {
        fail(reader, reader->row_line, "a cell is longer than 1 MB");
    }
}

static void count_line_end(flow_csv_reader_t *reader, const char *s,
                           apr_size_t len)
{
    char c = s[len - 1];
    char before = len > 1 ? s[len - 2] : reader->last;

    reader->last = c;
    if (c == '\r' || (c == '\n' && before != '\r')) {
        ++reader->line;
        if (reader->rows_to_skip > 0) {
            --reader->rows_to_skip;
        }
    }
}

static void parse_bytes(flow_csv_reader_t *reader, const char *s,
                        apr_size_t len)
{
    while (len > 0 && !is_failed(reader)) {
        apr_size_t n = 0;

        while (n < len && n < SLICE_MAX && s[n] != '\n' && s[n] != '\r') {
            ++n;
        }
        if (n < len && n < SLICE_MAX) {
            ++n; /* with the line end */
        }
        parse_line(reader, s, n);
        count_line_end(reader, s, n);
        s += n;
        len -= n;
    }
}

static apr_status_t status_of(const flow_csv_reader_t *reader,
                              flow_error_t *err)
{
    if (!is_failed(reader)) {
        return APR_SUCCESS;
    }
    return flow_error_set(err, reader->err.kind, reader->err.status,
                          reader->err.code, "%s", reader->err.message);
}

apr_status_t flow_csv_reader_feed(flow_csv_reader_t *reader, const char *data,
                                  apr_size_t len, flow_error_t *err)
{
    static const char bom[] = "\xef\xbb\xbf";

    while (reader->bom >= 0 && reader->bom < 3 && len > 0) {
        if (*data == bom[reader->bom]) {
            ++reader->bom;
            ++data;
            --len;
        }
        else {
            /* it was none after all */
            int n = reader->bom;

            reader->bom = -1;
            parse_bytes(reader, bom, (apr_size_t)n);
        }
    }
    parse_bytes(reader, data, len);
    return status_of(reader, err);
}

apr_status_t flow_csv_reader_finish(flow_csv_reader_t *reader,
                                    flow_error_t *err)
{
    if (reader->bom == 1 || reader->bom == 2) {
        int n = reader->bom;

        reader->bom = -1;
        parse_bytes(reader, "\xef\xbb", (apr_size_t)n);
    }
    /* lenient with stray quotes, but a quoted cell that never ends has
     * swallowed the rest of the file */
    csv_set_opts(&reader->parser, CSV_STRICT | CSV_STRICT_FINI);
    if (!is_failed(reader) &&
        csv_fini(&reader->parser, on_cell, on_row, reader) != 0) {
        fail(reader, reader->row_line,
             "a quoted cell that begins in this row "
             "is never closed");
    }
    return status_of(reader, err);
}

/* --- whole texts -----------------------------------------------------------*/

static apr_status_t append_row(void *baton, json_t *row, flow_error_t *err)
{
    if (json_array_append_new(baton, row) != 0) {
        return flow_text_no_memory(err);
    }
    return APR_SUCCESS;
}

apr_status_t flow_csv_parse(json_t **pv, const char *csv, apr_size_t len,
                            apr_pool_t *p, flow_error_t *err)
{
    flow_csv_reader_t *reader;
    json_t *rows = json_array();
    apr_status_t rv;

    *pv = NULL;
    rv = flow_csv_reader_create(&reader, NULL, append_row, rows, p, err);
    if (reader) {
        rv = flow_csv_reader_feed(reader, csv, len, err);
        if (rv == APR_SUCCESS) {
            rv = flow_csv_reader_finish(reader, err);
        }
    }
    if (rv != APR_SUCCESS) {
        json_decref(rows);
        return rv;
    }
    *pv = rows;
    return APR_SUCCESS;
}
