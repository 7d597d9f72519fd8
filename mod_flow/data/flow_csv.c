/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_text.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "data/flow_csv_private.h"
#include "data/flow_json.h"
#include "data/flow_json_private.h"
#include "data/flow_text_private.h"

typedef struct name_t {
    const char *text;
    apr_size_t len;
} name_t;

struct flow_csv_reader_t {
    flow_csv_scan_t *scan;
    flow_csv_row_fn *row_fn;
    void *baton;
    flow_bad_record_fn *bad_fn; /* once there is a header */
    void *bad_baton;
    apr_pool_t *p;
    int no_header;

    name_t *names; /* FLOW_CSV_CELLS_MAX of them at most */
    int n_names;
    int names_cap;
    int has_names;
    apr_pool_t *scratch; /* cleared with every row that used it */
};

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
    char name[24];

    while (reader->n_names < n) {
        apr_snprintf(name, sizeof(name), "Column%d", reader->n_names + 1);
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

/* Is there a cell that is not UTF-8? Then its number from 1, and *pat is where
 * it is not. */
static int find_foreign(const flow_csv_cell_t *cells, int n, const char **pat)
{
    int i;

    for (i = 0; i < n; ++i) {
        if (!flow_utf8_is_valid(cells[i].s, cells[i].len)) {
            *pat = cells[i].s + flow_utf8_prefix(cells[i].s, cells[i].len);
            return i + 1;
        }
    }
    return 0;
}

static apr_status_t read_header(flow_csv_reader_t *reader,
                                const flow_csv_cell_t *cells, int n,
                                flow_error_t *err)
{
    const char *at;
    int i = find_foreign(cells, n, &at);

    if (i) {
        return flow_csv_scan_fail(reader->scan, err,
                                  "the header is not UTF-8 in column %d, byte "
                                  "%" APR_UINT64_T_FMT "; set the encoding",
                                  i, flow_csv_scan_byte(reader->scan, at));
    }
    for (i = 0; i < n; ++i) {
        apr_size_t len = cells[i].len;
        const char *s = cells[i].s;

        trim(&s, &len);
        /* a NUL would end the name early where names are C strings */
        add_name(reader, s, memchr(s, '\0', len) ? strlen(s) : len);
    }
    settle_names(reader);
    return APR_SUCCESS;
}

/* --- rows ------------------------------------------------------------------*/

/* 0 when the row has more cells than there are names. */
static int check_count(flow_csv_reader_t *reader, const flow_csv_cell_t *cells,
                       int *pn)
{
    int n = *pn;

    if (reader->no_header) {
        number_names(reader, n);
    }
    /* a delimiter behind the last cell makes no cell */
    if (n == reader->n_names + 1 && cells[n - 1].len == 0) {
        --n;
    }
    *pn = n;
    return n <= reader->n_names;
}

static apr_status_t tell_foreign(flow_csv_reader_t *reader,
                                 const flow_csv_cell_t *cells, int n,
                                 flow_error_t *err)
{
    const char *at = "";
    int i = find_foreign(cells, n, &at);

    return flow_csv_scan_bad(reader->scan, err,
                             "the row is not UTF-8 in column '%.48s', byte "
                             "%" APR_UINT64_T_FMT "; set the encoding",
                             reader->names[i - 1].text,
                             flow_csv_scan_byte(reader->scan, at));
}

static apr_status_t on_row(void *baton, flow_csv_cell_t *cells, int n,
                           flow_error_t *err)
{
    flow_csv_reader_t *reader = baton;
    json_t *row;
    apr_status_t rv;
    int i;

    if (!reader->has_names) {
        rv = read_header(reader, cells, n, err);
        flow_csv_scan_tolerate(reader->scan, reader->bad_fn, reader->bad_baton);
        apr_pool_clear(reader->scratch);
        return rv;
    }
    if (!check_count(reader, cells, &n)) {
        return flow_csv_scan_bad(reader->scan, err,
                                 "the row has %d cells where the header has %d",
                                 n, reader->n_names);
    }
    row = json_object();
    for (i = 0; i < n; ++i) {
        const name_t *name = &reader->names[i];
        const char *s = cells[i].s;
        apr_size_t len = cells[i].len;

        if (!flow_utf8_is_valid(s, len)) {
            json_decref(row);
            return tell_foreign(reader, cells, n, err);
        }
        if (json_object_setn_new_nocheck(row, name->text, name->len,
                                         json_stringn_nocheck(s, len)) != 0) {
            json_decref(row);
            return flow_text_no_memory(err);
        }
    }
    return reader->row_fn(reader->baton, row, err);
}

/* --- the reader ------------------------------------------------------------*/

apr_status_t flow_csv_reader_create(flow_csv_reader_t **preader,
                                    const flow_csv_options_t *options,
                                    flow_csv_row_fn *row, void *baton,
                                    apr_pool_t *p, flow_error_t *err)
{
    flow_csv_reader_t *reader = apr_pcalloc(p, sizeof(*reader));
    apr_status_t rv;

    *preader = NULL;
    reader->row_fn = row;
    reader->baton = baton;
    reader->p = p;
    reader->no_header = reader->has_names = options && options->no_header;
    apr_pool_create(&reader->scratch, p);
    rv = flow_csv_scan_create(&reader->scan, options, on_row, reader, p, err);
    if (rv == APR_SUCCESS) {
        *preader = reader;
    }
    return rv;
}

void flow_csv_reader_tolerate(flow_csv_reader_t *reader,
                              flow_bad_record_fn *bad, void *baton)
{
    reader->bad_fn = bad;
    reader->bad_baton = baton;
    if (reader->has_names) {
        flow_csv_scan_tolerate(reader->scan, bad, baton);
    }
}

apr_status_t flow_csv_reader_feed(flow_csv_reader_t *reader, const char *data,
                                  apr_size_t len, flow_error_t *err)
{
    return flow_csv_scan_feed(reader->scan, data, len, err);
}

apr_status_t flow_csv_reader_finish(flow_csv_reader_t *reader,
                                    flow_error_t *err)
{
    return flow_csv_scan_finish(reader->scan, err);
}

apr_status_t flow_csv_reader_check_names(flow_csv_reader_t *reader,
                                         const char *const *names,
                                         flow_error_t *err)
{
    int i;

    /* without a header there are as many columns as the widest row has */
    for (; !reader->no_header && *names; ++names) {
        for (i = 0; i < reader->n_names; ++i) {
            if (reader->names[i].len == strlen(*names) &&
                memcmp(reader->names[i].text, *names, strlen(*names)) == 0) {
                break;
            }
        }
        if (i == reader->n_names) {
            return flow_csv_scan_fail(reader->scan, err,
                                      "there is no column '%.64s', which is "
                                      "one of the key columns; the first "
                                      "column is '%.64s'",
                                      *names, i ? reader->names[0].text : "");
        }
    }
    return APR_SUCCESS;
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
