/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_CONNECTOR_H
#define FLOW_CONNECTOR_H

#include <apr_pools.h>
#include <apr_time.h>

#include "base/flow_error.h"
#include "base/flow_http.h"
#include "data/flow_tree.h"
#include "flow/flow_blob.h"
#include "flow/flow_grant.h"
#include "flow/flow_model.h"
#include "flow/flow_schema.h"

/**
 * THE PUBLIC HEADER: what a connector implements.
 *
 * A connector is one const struct, registered under its name as an httpd
 * provider (ap_register_provider, group FLOW_CONNECTOR_GROUP, version
 * FLOW_CONNECTOR_VERSION), ours and third parties' alike; flow/ sees it
 * through flow_connector_register(). It holds no state; what it compiles from
 * documents is immutable; what one call needs lives in that call's pool.
 *
 * Every text a connector gets is UTF-8, every json_t exact (flow_json.h).
 */
#define FLOW_CONNECTOR_GROUP   "flow_connector"
#define FLOW_CONNECTOR_VERSION "0"

/** Passed to the compile functions: pools and a way to complain. */
typedef struct flow_compile_t flow_compile_t;
/** Lives as long as the configuration. */
apr_pool_t *flow_compile_pool(flow_compile_t *c);
/** Report a mistake at @a field of the document being compiled; compiling
 * goes on so that all mistakes are found. */
void flow_compile_problem(flow_compile_t *c, const char *field, const char *fmt,
                          ...) __attribute__((format(printf, 3, 4)));
/** From here on a value that a template misses is an error of the record
 * ("template_missing") when it is rendered; 0 = nothing again. */
void flow_compile_strict(flow_compile_t *c, int on);
/** Compile the text at @a field; NULL when absent or wrong (reported). */
const flow_template_t *flow_compile_template(flow_compile_t *c,
                                             const char *field,
                                             flow_escape_e escape);
const flow_path_t *flow_compile_path(flow_compile_t *c, const char *field);
/** Compile a text that does not stand in the document as such (an element);
 * @a field is for the message. */
const flow_template_t *flow_compile_template_text(flow_compile_t *c,
                                                  const char *field,
                                                  const char *text,
                                                  flow_escape_e escape);
/** The same for a path that is an element. */
const flow_path_t *flow_compile_path_text(flow_compile_t *c, const char *field,
                                          const char *text);
/** A text that is made from secrets of this connection (an Authorization
 * value, an encoded form) and is to be masked like them. */
void flow_compile_secret(flow_compile_t *c, const char *text);
/** Another document with its secrets, which become secrets of this connection;
 * NULL when there is none (exports of scripts cannot name any). */
const json_t *flow_compile_document(flow_compile_t *c, flow_kind_e kind,
                                    const char *id);
/**
 * Another export of this connector, compiled once more as a part of this
 * document: *pdata and *pconnection; its mistakes are told where it is compiled
 * for itself. APR_NOTFOUND when there is none, or it is of another connector.
 */
apr_status_t flow_compile_part(flow_compile_t *c, const char *export_id,
                               void **pdata,
                               const flow_connection_t **pconnection);
/** Put @a v (borrowed, may be NULL) where the document has nothing. */
void flow_compile_default(flow_compile_t *c, const char *field,
                          const json_t *v);
/** What templates of this connection see as `iClient`. */
void flow_compile_client(flow_compile_t *c, const json_t *client);
/** Value at a dotted path without arrays, borrowed, or NULL. */
const json_t *flow_compile_get(flow_compile_t *c, const char *field);
/** The row's default when absent; NULL when neither. */
const char *flow_compile_string(flow_compile_t *c, const char *field);
int flow_compile_bool(flow_compile_t *c, const char *field);
apr_int64_t flow_compile_int(flow_compile_t *c, const char *field);

/**
 * What an export may keep from one page to the next of the same run (a file
 * that is open, a parser in the middle of it): `data` is the connector's, lives
 * in `p`, and is thrown away by clearing `p`. One thread at a time. Never
 * needed: any page can be asked for with nothing but its cursor.
 */
typedef struct flow_keep_t {
    apr_pool_t *p;
    void *data; /* NULL at first; to be reset when p is cleared */
} flow_keep_t;

/** What one call has to respect and may use. */
typedef struct flow_call_t {
    flow_http_client_t *http;
    apr_time_t deadline;             /* absolute; of the whole call */
    volatile apr_uint32_t *stopping; /* non-zero: give up soon; may be NULL */
    /** Template context, an object: connection, settings, export or import,
     * lastExportDateTime, job, testMode ... The connector may add members
     * (`record`, `data`, `previous_page`) to a shallow copy. Borrowed. */
    const json_t *context;
    int test_mode;
    /** Preview: build the request, fill `stages`, send nothing. */
    int dry_run;
    json_t *stages; /* array to append {name, ...} to, or NULL */
    /** The caller cannot say when the records are safe (an API reads them):
     * an export that takes what it reads leaves it. */
    int leave;
    apr_interval_time_t step_timeout; /* of one request; 0 = the deadline's */
    /** What templates may use besides the context: {{lookup "name" key}}; may
     * be NULL. Its record is the one that call->context has. */
    const flow_template_env_t *templates;
    /** Exports that are lookups and have a mapping: what it made of the
     * input, for the body; else NULL. */
    const json_t *mapped;
    flow_keep_t *keep; /* exports; NULL: nothing is kept */
    /** Where to put what was sent and answered when the call fails, new:
     * {request, response} without secrets (at most about 128 KB). NULL: not
     * asked for. For single records of an import it goes into the response
     * element, as `_exchange`. */
    json_t **exchange;
    /** Imports: for flow_call_idempotency_key(); NULL outside of flows. */
    struct flow_call_keys_t *keys;
    /** Where credentials that a call gets are kept; NULL = nowhere (tools). */
    const flow_grant_iface_t *grants;
    const flow_blob_iface_t *blobs; /* NULL: there are none (tools) */
} flow_call_t;

/**
 * The idempotency key of a request that carries these @a n records of the
 * call: 32 hex digits, the same when the page is repeated after a crash,
 * another one for everything else. It is made of the job, the page, the step
 * and what the records were when they came to the import, so that a page that
 * was read anew and holds other records has other keys. Costs the text of each
 * record once; ask only where a template wants it.
 */
const char *flow_call_idempotency_key(const flow_call_t *call,
                                      const size_t *indexes, size_t n,
                                      apr_pool_t *p);

/** When a request (or a wait) that begins now has to be over: the call's
 * deadline or its step_timeout, whichever comes first. */
apr_time_t flow_call_until(const flow_call_t *call);

/** One page as it came from the far end. */
typedef struct flow_page_t {
    json_t *records; /* new array; never NULL on success */
    json_t *cursor;  /* new: opaque JSON from which the export can go on after
                        this page, in another process; NULL = this was the
                        last page */
    /** With a cursor and no records: nothing yet, but where to go on is worth
     * keeping (a far end has begun what must not begin twice). */
    int pause;
} flow_page_t;

struct flow_connector_t {
    const char *name;           /* connection.type, e.g. "http" */
    const char *export_adaptor; /* "HTTPExport", NULL = cannot export */
    const char *import_adaptor; /* "HTTPImport", NULL = cannot import */

    /** Rows of the schema for its object in each document, path NULL at the
     * end. May be NULL where there is nothing. */
    const flow_field_t *connection_fields, *export_fields, *import_fields;

    /**
     * Compile a document. What the schema found wrong has been reported and
     * taken out, so even a required field may be missing, and an element of
     * an array may be null. *pdata is what the calls
     * below find in connection->data, export->data, import->data. Exports and
     * imports are also compiled while the server runs, for one call of a script
     * and on its thread: nothing but the result may be changed. Mistakes go
     * to flow_compile_problem(); no I/O to the far end. compile_connection may
     * be NULL; the others NULL exactly when the adaptor name is.
     */
    void (*compile_connection)(flow_compile_t *c, const json_t *doc,
                               void **pdata);
    void (*compile_export)(flow_compile_t *c, const json_t *doc,
                           const flow_connection_t *connection, void **pdata);
    void (*compile_import)(flow_compile_t *c, const json_t *doc,
                           const flow_connection_t *connection, void **pdata);

    /**
     * Read one page. @a input: the record(s) that feed a lookup or
     * parameterize the export, or NULL. @a cursor: NULL for the first page,
     * else what the page before left. Records are as parsed; transform, filter
     * and hooks are the caller's. An error ends the export; err->kind decides
     * whether the job is tried again. */
    apr_status_t (*export_page)(const flow_export_t *exp,
                                const flow_call_t *call, const json_t *input,
                                const json_t *cursor, flow_page_t *page,
                                apr_pool_t *p, flow_error_t *err);

    /**
     * Deliver the records of a page. @a records: array, mapped; @a originals: array of the
     * same length, before mapping. *presponses: new array of the same length
     * of response elements {statusCode, id, ignored, errors, _json, _headers,
     * dataURI}: errors of single records go there (flow_response_error()).
     * A non-success return means that nothing is known about any of them.
     */
    apr_status_t (*import_records)(const flow_import_t *imp,
                                   const flow_call_t *call,
                                   const json_t *records,
                                   const json_t *originals, json_t **presponses,
                                   apr_pool_t *p, flow_error_t *err);

    /** Is the far end there and does it take our credentials? May be NULL. */
    apr_status_t (*ping)(const flow_connection_t *connection,
                         const flow_call_t *call, apr_pool_t *p,
                         flow_error_t *err);

    /** 1: asking for a page takes (deletes, acknowledges) what the pages
     * before it held. It is then asked for only after those records have gone
     * through all steps and that is committed. */
    int takes;

    /** Compile a lookup that asks the far end: @a item stands at @a field of
     * lookups[] (or of the connector's own lookups). NULL with `lookup` where
     * there are none. */
    void (*compile_lookup)(flow_compile_t *c, const char *field,
                           const json_t *item,
                           const flow_connection_t *connection, void **pdata);
    /** Ask. *pvalue is new: the one value found, the default, or NULL (a miss
     * that is allowed). */
    apr_status_t (*lookup)(const flow_connection_t *connection,
                           const void *data, const flow_call_t *call,
                           const json_t *record, json_t **pvalue, apr_pool_t *p,
                           flow_error_t *err);
    /** Would the import update this record (1) or create it (0)? For mappings
     * that depend on it; NULL: it creates. */
    apr_status_t (*is_update)(const flow_import_t *imp, const flow_call_t *call,
                              const json_t *original, int *pis, apr_pool_t *p,
                              flow_error_t *err);
    /**
     * Exports of type once: tell the far end that the record (as the export
     * gave it to the flow) has been dealt with. Called after its page has gone
     * through all steps and that is committed, and again when it is not known
     * whether it was. NULL: the connector has no such exports. */
    apr_status_t (*export_mark)(const flow_export_t *exp,
                                const flow_call_t *call, const json_t *record,
                                apr_pool_t *p, flow_error_t *err);
};

/** @a text with every value of @a secrets (flow_connection_t) replaced by
 * "******"; @a text itself when there is none in it. */
const char *flow_secret_mask(const char *text, const json_t *secrets,
                             apr_pool_t *p);

/** The first @a max bytes of what masking makes of @a len bytes of @a text: a
 * secret at the cut is masked like any other, which it is not when a text is
 * cut first. New, with a NUL behind it. */
char *flow_secret_mask_cut(const char *text, apr_size_t len, apr_size_t max,
                           const json_t *secrets, apr_size_t *pout,
                           apr_pool_t *p);

/** Is the far end or the way to it at fault (gone, refused, no credentials)
 * rather than this one record, such as an address made from it that leads
 * nowhere? */
int flow_response_is_connections_fault(const flow_error_t *err);

/** New response element with status 422 (403 when the connection is at fault)
 * and one error {code, message, source}. */
json_t *flow_response_error(const flow_error_t *err, const char *source);
/** New response element with status 200; @a id and @a json may be NULL and
 * are borrowed. */
json_t *flow_response_ok(const json_t *id, const json_t *json);

/** The registry. Registration happens before documents are compiled, one
 * thread; a second connector of the same name replaces the first. */
void flow_connector_register(const flow_connector_t *connector);
void flow_connector_reset(void); /* forget all: configuration is read anew */
const flow_connector_t *flow_connector_find(const char *name);
/** By "HTTPExport" or "HTTPImport". */
const flow_connector_t *flow_connector_by_adaptor(const char *adaptor);
const flow_connector_t *flow_connector_at(int i); /* NULL past the end */

/* Ours. */
extern const flow_connector_t flow_connector_http;
extern const flow_connector_t flow_connector_filesystem;

#endif
