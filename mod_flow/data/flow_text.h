/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_TEXT_H
#define FLOW_TEXT_H

#include <apr_pools.h>

#include "base/flow_buf.h"
#include "base/flow_error.h"
#include "data/flow_tree.h"

/**
 * Bytes <-> values, by media type: JSON, CSV, XML, urlencoded forms, text.
 * All input is hostile: every parser is bounded in size, depth and count, and
 * what a parser refuses is FLOW_E_INPUT with line where there are lines.
 */
typedef enum {
    FLOW_MEDIA_UNKNOWN,
    FLOW_MEDIA_JSON,       /* application/json, +json, text/json */
    FLOW_MEDIA_XML,        /* application/xml, text/xml, +xml */
    FLOW_MEDIA_CSV,        /* text/csv */
    FLOW_MEDIA_URLENCODED, /* application/x-www-form-urlencoded */
    FLOW_MEDIA_FORM_DATA,  /* multipart/form-data (not parsed) */
    FLOW_MEDIA_PLAINTEXT   /* text/plain and every other text type */
} flow_media_e;

/** Once per process, before threads exist. Harmless to repeat. */
void flow_text_global_init(void);

/** From a Content-Type value ("application/json; charset=utf-8"); NULL and
 * what is none of ours are UNKNOWN. */
flow_media_e flow_media_from_type(const char *content_type);
/** The charset that a Content-Type value names, or NULL. */
const char *flow_media_charset(const char *content_type, apr_pool_t *p);
/** From a document's word: json xml csv urlencoded form-data plaintext. */
flow_media_e flow_media_from_name(const char *name);
/** "application/json" ... for sending. */
const char *flow_media_type(flow_media_e media);

/** Parse a whole body. JSON: the value. URLENCODED: object of strings; a
 * repeated key gives an array. XML: see flow_xml_parse(). CSV: array of rows
 * with the header row as names. PLAINTEXT: a string. A charset other than
 * UTF-8 in @a content_type (may be NULL) is converted (apr_xlate) when known,
 * else refused ("unsupported_charset"). UNKNOWN and FORM_DATA are refused
 * ("unsupported_media_type"). *pv is new. */
apr_status_t flow_body_parse(json_t **pv, flow_media_e media,
                             const char *content_type, const char *body,
                             apr_size_t len, apr_pool_t *p, flow_error_t *err);
/** The other way: JSON, URLENCODED (flat object), XML (xml2js shape), CSV
 * (array of flat objects), PLAINTEXT (flow_json_to_text). */
apr_status_t flow_body_write(flow_buf_t *out, flow_media_e media,
                             const json_t *v, apr_pool_t *scratch,
                             flow_error_t *err);

/** name=value&... with '+' and %XX; names and values repaired to UTF-8.
 * At most 10,000 pairs ("invalid_form"). New object, NULL on failure. */
json_t *flow_query_parse(const char *query, apr_size_t len, apr_pool_t *p,
                         flow_error_t *err);

/** xml2js style: {"root":{"$":{attrs},"child":[...]}}; text alone is a
 * string, with attributes or children it sits in "_". Names keep their prefix.
 * No DTD ("xml_doctype"), no entities beyond the five, depth 128, 1,000,000
 * nodes; else "invalid_xml". */
apr_status_t flow_xml_parse(json_t **pv, const char *xml, apr_size_t len,
                            apr_pool_t *p, flow_error_t *err);
/** The same shape back; single values need no array. An object with one member
 * is that root element, any other becomes <root>. */
apr_status_t flow_xml_write(flow_buf_t *out, const json_t *v,
                            flow_error_t *err);

typedef struct flow_csv_options_t {
    const char *delimiter; /* NULL = ","; at most 16 bytes, here and below */
    /* Reading: NULL = LF, CR or CR LF, whichever comes. Writing: NULL = "\n" */
    const char *row_delimiter;
    char escape;   /* 0 = none: the character behind it is text; a doubled
                      quote is one quote in any case */
    int no_quotes; /* reading: quotes are text, but those around a whole cell
                      are dropped */
    int no_header; /* reading: names are Column1, Column2 ... */
    int trim_spaces;
    int rows_to_skip;
    int no_header_out;    /* writing: 1 = no header row */
    int wrap_with_quotes; /* writing: quote every cell */
    int tab_to_space;     /* writing, in cells */
    int newline_to_space; /* writing, in cells: CR LF is one */
} flow_csv_options_t;

/** Called per row with a new object it must take; non-success stops. */
typedef apr_status_t flow_csv_row_fn(void *baton, json_t *row,
                                     flow_error_t *err);
/** A streaming reader: feed bytes as they come, finish at the end. Ragged
 * rows: missing cells are absent, surplus cells are an error naming line and
 * byte; one empty cell too many (a delimiter behind the last cell) is none.
 * A BOM is skipped; bytes are UTF-8 (repaired). Cells are strings; at most
 * 1 MB each, 10,000 and 5 MB in a row. */
typedef struct flow_csv_reader_t flow_csv_reader_t;
apr_status_t flow_csv_reader_create(flow_csv_reader_t **preader,
                                    const flow_csv_options_t *options,
                                    flow_csv_row_fn *row, void *baton,
                                    apr_pool_t *p, flow_error_t *err);
apr_status_t flow_csv_reader_feed(flow_csv_reader_t *reader, const char *data,
                                  apr_size_t len, flow_error_t *err);
apr_status_t flow_csv_reader_finish(flow_csv_reader_t *reader,
                                    flow_error_t *err);
/** Called with a row: each of @a names (ended by NULL) is a column, or the
 * first that is none is FLOW_E_INPUT. */
apr_status_t flow_csv_reader_check_names(flow_csv_reader_t *reader,
                                         const char *const *names,
                                         flow_error_t *err);
/** Append one record as a CSV row; @a columns (array of names) rules order;
 * flow_csv_write_header() writes the names. */
apr_status_t flow_csv_write_header(flow_buf_t *out,
                                   const flow_csv_options_t *options,
                                   const json_t *columns, apr_pool_t *scratch);
apr_status_t flow_csv_write_row(flow_buf_t *out,
                                const flow_csv_options_t *options,
                                const json_t *columns, const json_t *record,
                                apr_pool_t *scratch);
/** Add the names of @a record (an object) to @a columns that are not in the
 * set @a known (an object) yet. 0 when out of memory. */
int flow_csv_add_columns(json_t *columns, json_t *known, json_t *record);

#endif
