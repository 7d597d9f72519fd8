/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_FORMAT_H
#define FLOW_FORMAT_H

#include <apr_pools.h>
#include <jansson.h>

#include "base/flow_buf.h"
#include "base/flow_error.h"
#include "data/flow_layout.h"
#include "data/flow_source.h"
#include "data/flow_text.h"
#include "data/flow_xpath.h"

/**
 * Files of records, one record at a time: however long the file is, memory is
 * that of one record and a buffer.
 *
 * Reading pushes (flow_reader_t: feed bytes as they come, records are handed
 * to a function) or pulls (flow_records_t: ask for the next record, bytes are
 * asked for from a source). Writing appends to a buffer that the caller
 * empties as he likes: opening, records with separators between, closing.
 *
 * What a reader refuses is FLOW_E_INPUT; the message says line and byte, and
 * which bound was met. Bytes are UTF-8; see flow_source_decode() for others.
 */
typedef enum {
    FLOW_FORMAT_JSON,
    FLOW_FORMAT_CSV,
    FLOW_FORMAT_XML,
    FLOW_FORMAT_LAYOUT
} flow_format_e;

/** Immutable once made; any thread. */
typedef struct flow_format_t {
    flow_format_e kind;
    /**
     * JSON: names from the outermost object to the records, ended by NULL;
     * NULL or none: the file itself. An array there: its elements; any other
     * value: the one record; null or nothing there: none. Several values one
     * after the other (JSON lines) are looked at one by one.
     */
    const char *const *json_path;
    flow_csv_options_t csv; /* CSV: rows are flat objects */
    /** CSV: rows that follow each other and are equal in these columns are
     * one record, an array of rows; ended by NULL. NULL: none. */
    const char *const *key_columns;
    /** XML: the elements that are records, in the shape of flow_xml_parse(),
     * without their own name; nothing but text: {"_": text}. Not NULL. */
    const flow_xpath_t *xml_path;
    const flow_layout_t *layout; /* fixed width */
} flow_format_t;

#define FLOW_FORMAT_RECORD_MAX (16 * 1024 * 1024) /* bytes of its text */

/** "data.orders" as names, from @a p; NULL when it is anything but names with
 * dots between. */
const char *const *flow_format_json_path(const char *path, apr_pool_t *p);

/** Takes @a record (new); non-success stops. */
typedef apr_status_t flow_record_fn(void *baton, json_t *record,
                                    flow_error_t *err);

typedef struct flow_reader_t flow_reader_t;
/** @a format must live as long. */
apr_status_t flow_reader_create(flow_reader_t **preader,
                                const flow_format_t *format,
                                flow_record_fn *record, void *baton,
                                apr_pool_t *p, flow_error_t *err);
/**
 * To be called before the first bytes. A record that is wrong is told to
 * @a bad, and reading goes on with the next one where it can be found: rows of
 * CSV and fixed width, JSON lines. All else (broken XML, a broken JSON array, a
 * quote that is never closed) still fails. CSV with key columns: a group in
 * which or beside which a row is wrong is told and left out.
 */
void flow_reader_tolerate(flow_reader_t *reader, flow_bad_record_fn *bad,
                          void *baton);
apr_status_t flow_reader_feed(flow_reader_t *reader, const char *data,
                              apr_size_t len, flow_error_t *err);
apr_status_t flow_reader_finish(flow_reader_t *reader, flow_error_t *err);

typedef struct flow_records_t flow_records_t;
apr_status_t flow_records_open(flow_records_t **precords,
                               const flow_format_t *format,
                               const flow_source_t *source, apr_pool_t *p,
                               flow_error_t *err);
/** The same: from now on a record that is wrong is FLOW_RECORD_BAD with @a err,
 * in its place among the others, and the next call goes on behind it. */
void flow_records_tolerate(flow_records_t *records);
#define FLOW_RECORD_BAD APR_INCOMPLETE
/** *precord is new; APR_EOF (without @a err) after the last one. A failure
 * comes after the records that stand before it. */
apr_status_t flow_records_next(flow_records_t *records, json_t **precord,
                               flow_error_t *err);
/** Bytes read from the source so far. */
apr_uint64_t flow_records_bytes(const flow_records_t *records);

/**
 * What a file of no records consists of: what stands before the first record
 * and behind the last one. @a columns rules CSV's header and nothing else.
 */
apr_status_t flow_format_open(flow_buf_t *out, const flow_format_t *format,
                              const json_t *columns, apr_pool_t *scratch,
                              flow_error_t *err);
apr_status_t flow_format_close(flow_buf_t *out, const flow_format_t *format,
                               apr_pool_t *scratch);
/** Between two records. */
const char *flow_format_separator(const flow_format_t *format);
/** One record. A failure leaves @a out as it was. */
apr_status_t flow_format_write(flow_buf_t *out, const flow_format_t *format,
                               const json_t *columns, const json_t *record,
                               apr_pool_t *scratch, flow_error_t *err);

#endif
