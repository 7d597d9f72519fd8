/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_CONN_HTTP_H
#define FLOW_CONN_HTTP_H

#include "flow/flow_connector.h"

#include "connectors/flow_conn_filesystem.h"
#include "data/flow_text.h"

/**
 * The http connector's own parts; for its files and their tests only.
 *
 * Everything here is compiled once and immutable, but for the gate, which
 * counts the calls under way in all processes and has a lock of its own.
 */
typedef struct http_gate_t http_gate_t;
typedef struct http_auth_t http_auth_t; /* flow_conn_http_auth.h */

typedef struct http_header_t {
    const char *name;
    const flow_template_t *value;
} http_header_t;

typedef struct http_headers_t {
    const http_header_t *all;
    int n;
} http_headers_t;

/** When is an answer a good one? */
typedef struct http_verdict_t {
    const flow_path_t *success_path, *fail_path, *error_path;
    /* arrays of strings; NULL: any value but null, false and "" counts */
    const json_t *success_values, *fail_values;
    int array_ok; /* allowArrayforSuccessPath */
} http_verdict_t;

/** A body's template. With @a is_object what it renders is a JSON object of
 * fields, written as the form that the media type says. */
typedef struct http_body_t {
    const flow_template_t *tpl; /* NULL = none */
    int is_object;
} http_body_t;

/** How a blob's bytes are written where they are text. */
typedef enum {
    HTTP_CODING_NONE,
    HTTP_CODING_BASE64,
    HTTP_CODING_HEX
} http_coding_e;

/** One operation: what is sent and how its answer is read. */
typedef struct http_step_t {
    const char *method;
    const flow_template_t *uri; /* may be NULL */
    http_body_t body;
    http_headers_t headers;
    flow_media_e request_media, success_media, error_media; /* UNKNOWN: by
                                                               Content-Type */
    http_verdict_t verdict;
    const flow_path_t *resource_path, *id_path; /* may be NULL */
    int attempts;                               /* maxAttempts; 0 = as usual */
    int is_raw; /* a good answer is bytes and not parsed */
} http_step_t;

typedef struct http_connection_t {
    const flow_template_t *base;
    const char *trusted_host; /* NULL: the host is not literal */
    http_headers_t headers;
    flow_media_e media, success_media, error_media;
    const http_auth_t *auth;
    int insecure;
    const flow_http_tls_t *tls; /* or NULL */
    http_step_t ping;
    http_gate_t *gate;
    /* too many requests: the status, or a value in the answer */
    int limit_status;
    const flow_path_t *limit_path;
    const json_t *limit_values;
    int recovers;             /* autoRecoverRateLimitErrors */
    const char *retry_header; /* how long to wait */
    apr_time_t debug_until;   /* debugDate; 0: nothing is logged */
} http_connection_t;

typedef enum {
    HTTP_PAGING_NONE,
    HTTP_PAGING_PAGE,
    HTTP_PAGING_SKIP,
    HTTP_PAGING_TOKEN,
    HTTP_PAGING_URL,
    HTTP_PAGING_LINK,
    HTTP_PAGING_RELATIVE, /* the template of the address does it all */
    HTTP_PAGING_BODY      /* the template of the body does */
} http_paging_e;

/** Where a token or the next address is: in the body or in a header. */
typedef struct http_place_t {
    const flow_path_t *path;
    const char *header; /* any case; NULL = path */
} http_place_t;

typedef struct http_async_t http_async_t; /* flow_conn_http_async.c */

typedef struct http_export_t {
    http_step_t step;
    const http_async_t *async; /* NULL: the answer is the result */
    http_paging_e paging;
    apr_int64_t first_page, first_skip;
    const char *first_token;
    http_place_t next, later; /* of token or address; later: from page 2 on */
    http_step_t once;         /* type once: marks a record */
    const flow_template_t *next_uri; /* pages 2+, or NULL */
    http_body_t next_body;
    const flow_path_t *next_resource_path;
    int has_rows, has_header; /* twoDArray */
    int is_blob;
    http_coding_e blob_coding;
    const char *link_relation;
    int last_status; /* 0 = 404, from page 2 on */
    const flow_path_t *last_path, *max_page_path, *max_count_path;
    const json_t *last_values;
    /* which members of previous_page the templates use */
    int uses_response, uses_record, uses_headers;
    const fs_content_t *file; /* http.type file: what is in it; or NULL */
} http_export_t;

/** A lookup of an import: a table, or a request that finds a value. */
typedef struct http_lookup_t {
    const char *name;
    const json_t *map; /* NULL: a request */
    http_step_t step;
    const flow_path_t *extract; /* NULL: the whole answer */
    const json_t *dflt;         /* or NULL */
    int allow_failures;
    int in_templates; /* some template has {{lookup.NAME}} */
} http_lookup_t;

#define HTTP_OPERATIONS_MAX 2

typedef struct http_import_t {
    http_step_t ops[HTTP_OPERATIONS_MAX];
    int nops;
    int update, create; /* indexes in a composite import */
    const flow_path_t *existing_path, *ignore_path;
    const http_lookup_t *existing_lookup, *ignore_lookup;
    int ignore_existing, ignore_missing;
    const http_lookup_t *lookups;
    int nlookups;
    int batch_size;
    int send_original;            /* sendPostMappedData false */
    int drop_empty;               /* ignoreEmptyNodes */
    int uses_key;                 /* a template names idempotencyKey */
    int has_header;               /* of rows in the answer */
    apr_size_t body_limit;        /* endPointBodyLimit; 0 = ours */
    const http_async_t *async;    /* NULL: the answer is the result */
    const flow_path_t *blob_path; /* NULL: records, not blobs */
    http_coding_e blob_coding;
    int delete_blob;          /* deleteAfterImport */
    const fs_content_t *file; /* http.type file: what is written; or NULL */
    const flow_template_t *file_name; /* or NULL */
    int file_per_record;              /* skipAggregation */
} http_import_t;

/** What came back. */
typedef struct http_answer_t {
    int status;
    const apr_table_t *headers;
    const char *body;
    apr_size_t body_len;
    const char *url;     /* where it came from */
    const json_t *value; /* parsed, owned by the pool; NULL = nothing */
    const flow_http_request_t *sent; /* what it answers; NULL = nothing was */
    const char *sent_secret;         /* made for it, or NULL */
    int is_answered;                 /* 0: the status is only a default */
} http_answer_t;

/* ---- flow_conn_http_fields.c ---- */
extern const flow_field_t flow_conn_http_connection_fields[];
extern const flow_field_t flow_conn_http_export_fields[];
extern const flow_field_t flow_conn_http_import_fields[];

/* ---- flow_conn_http_file.c: http.type file ---- */
void flow_conn_http_compile_file(flow_compile_t *c, http_export_t *x);
/** All records of the file in the answer: new array. FLOW_E_REFUSED
 * "response_invalid" names line and byte. */
apr_status_t flow_conn_http_file_records(const http_export_t *x,
                                         const http_answer_t *answer,
                                         json_t **precords, flow_page_t *page,
                                         apr_pool_t *p, flow_error_t *err);

/* ---- flow_conn_http_once.c ---- */
void flow_conn_http_compile_once(flow_compile_t *c, http_export_t *x);
apr_status_t flow_conn_http_export_mark(const flow_export_t *exp,
                                        const flow_call_t *call,
                                        const json_t *record, apr_pool_t *p,
                                        flow_error_t *err);

/* ---- flow_conn_http_compile.c ---- */
void flow_conn_http_compile_connection(flow_compile_t *c, const json_t *doc,
                                       void **pdata);
void flow_conn_http_compile_export(flow_compile_t *c, const json_t *doc,
                                   const flow_connection_t *connection,
                                   void **pdata);
flow_media_e flow_conn_http_compile_media(flow_compile_t *c, const char *field,
                                          flow_media_e otherwise);
/** Media types and headers of an export or import. */
void flow_conn_http_compile_step(flow_compile_t *c,
                                 const http_connection_t *conn,
                                 http_step_t *step);
http_headers_t flow_conn_http_compile_headers(flow_compile_t *c,
                                              const char *field);
/** @a text may be NULL. */
http_body_t flow_conn_http_compile_body(flow_compile_t *c, const char *field,
                                        const char *text, flow_media_e media);

/* ---- flow_conn_http_compile_import.c ---- */
void flow_conn_http_compile_import(flow_compile_t *c, const json_t *doc,
                                   const flow_connection_t *connection,
                                   void **pdata);

/** A lookup that is a request, but for its name; @a shared: as the import's
 * step has it. */
void flow_conn_http_compile_search(flow_compile_t *c, const json_t *item,
                                   const char *field, const http_step_t *shared,
                                   http_lookup_t *lookup);
/** Does a template of the document have {{lookup.NAME}}? */
int flow_conn_http_in_templates(flow_compile_t *c, const char *name);

/* ---- flow_conn_http_ask.c: lookups[], for mappings ---- */
void flow_conn_http_compile_lookup(flow_compile_t *c, const char *field,
                                   const json_t *item,
                                   const flow_connection_t *connection,
                                   void **pdata);
apr_status_t flow_conn_http_ask(const flow_connection_t *connection,
                                const void *data, const flow_call_t *call,
                                const json_t *record, json_t **pvalue,
                                apr_pool_t *p, flow_error_t *err);
apr_status_t flow_conn_http_is_update(const flow_import_t *imp,
                                      const flow_call_t *call,
                                      const json_t *original, int *pis,
                                      apr_pool_t *p, flow_error_t *err);

/* ---- flow_conn_http_url.c ---- */
/** Do both absolute URLs have the same scheme, host and port? What has user
 * information or a backslash in its authority has no origin at all. */
int flow_conn_http_same_origin(const char *a, const char *b, apr_pool_t *p);
/** baseURI + relativeURI. An absolute @a relative must have base's origin. */
apr_status_t flow_conn_http_join(const char **purl, const char *base,
                                 const char *relative, apr_pool_t *p,
                                 flow_error_t *err);
/** @a reference seen from @a base (RFC 3986, 5.2; dot segments stay). */
const char *flow_conn_http_resolve(const char *base, const char *reference,
                                   apr_pool_t *p);
/** Append "name=value" to the query. */
const char *flow_conn_http_add_query(const char *url, const char *pair,
                                     apr_pool_t *p);
/** The query with "name=value" in place of whatever it has of that name. */
const char *flow_conn_http_set_query(const char *url, const char *name,
                                     const char *value, apr_pool_t *p);
/** The target of the first link of relation @a rel in a Link field value
 * (RFC 8288), or NULL. */
const char *flow_conn_http_link(const char *value, const char *rel,
                                apr_pool_t *p);

/* ---- flow_conn_http_answer.c ---- */
/** Parse the body (media type by the step, else by Content-Type). A 2xx body
 * that does not parse is FLOW_E_REFUSED "response_invalid". */
apr_status_t flow_conn_http_parse(http_answer_t *answer,
                                  const http_step_t *step, apr_pool_t *p,
                                  flow_error_t *err);
/** Good, or FLOW_E_REFUSED / FLOW_E_UNAVAILABLE with the status, "fail_path"
 * or "success_path" as code. */
apr_status_t flow_conn_http_judge(const http_answer_t *answer,
                                  const http_verdict_t *verdict,
                                  const flow_connection_t *connection,
                                  apr_pool_t *p, flow_error_t *err);
/** The connection's secrets with the tokens it has got meanwhile: what is to be
 * masked. Lives as long as @a p. */
const json_t *flow_conn_http_secrets(const flow_connection_t *connection,
                                     apr_pool_t *p);
/** What the far end says about it, without secrets, on one line; NULL when it
 * says nothing. @a verdict (may be NULL) has the errorPath. */
const char *flow_conn_http_error_text(const http_answer_t *answer,
                                      const http_verdict_t *verdict,
                                      const flow_connection_t *connection,
                                      apr_pool_t *p);
/** Is the value at @a path one of @a values, compared as text? */
int flow_conn_http_matches(const flow_path_t *path, const json_t *value,
                           const json_t *values, int array_ok, apr_pool_t *p);
/** The records of an answer: new array. */
json_t *flow_conn_http_records(const json_t *value, const flow_path_t *path);
/** Steals a list of rows, arrays of cells: their objects, named by the first row
 * (@a has_header) or Column1, Column2 ...; what is no row stays. New. */
json_t *flow_conn_http_rows(json_t *list, int has_header, apr_pool_t *p);
/** The text of a header field, the first one of several; NULL = none. */
const char *flow_conn_http_header(const http_answer_t *answer,
                                  const char *name);
/** {name: value} with lower-case names; new. */
json_t *flow_conn_http_headers_json(const apr_table_t *headers);

/* ---- flow_conn_http_exchange.c ---- */
/** New {request, response}: bounded, without secrets; NULL when nothing has
 * been sent. Without an answer there is no response. */
json_t *flow_conn_http_exchange(const http_answer_t *answer,
                                const flow_connection_t *connection,
                                apr_pool_t *p);

/* ---- flow_conn_http_gate.c ---- */
http_gate_t *flow_conn_http_gate_create(int max, apr_pool_t *p);
/** That of connection @a id, made when it is first asked for; @a p is the
 * configuration's. */
http_gate_t *flow_conn_http_gate_of(const char *id, apr_pool_t *p);
/** Wait for a place until @a call's deadline ("connection_busy"). A NULL gate
 * is open. */
apr_status_t flow_conn_http_gate_enter(http_gate_t *gate,
                                       const flow_call_t *call, int *pplace,
                                       flow_error_t *err);
void flow_conn_http_gate_leave(http_gate_t *gate, int place);
/** Made while compiling: calls at the same time; or those of another gate. */
void flow_conn_http_gate_size(http_gate_t *gate, int max);
void flow_conn_http_gate_borrow(http_gate_t *gate, http_gate_t *from);
/** Let the number of calls move between 1 and @a target;
 * or one call at a time and at most @a limit in each @a span. */
void flow_conn_http_gate_adapt(http_gate_t *gate, int target);
void flow_conn_http_gate_limit(http_gate_t *gate, int limit,
                               apr_interval_time_t span);
/** Too many requests: nobody enters for a while, and fewer then. */
void flow_conn_http_gate_pause(http_gate_t *gate, apr_interval_time_t wait);
/** A request has been taken. */
void flow_conn_http_gate_good(http_gate_t *gate);

/* ---- flow_conn_http_wait.c ---- */
/** What a Retry-After field asks for: seconds, decimal seconds, an HTTP date in
 * any of its three forms (seen from the answer's @a date, may be NULL), or a
 * Unix time in seconds or milliseconds. -1 when it is missing or none of
 * these; 0 when the time is over. */
apr_interval_time_t flow_conn_http_wait_of(const char *value, const char *date,
                                           apr_time_t now);
/** How long a GraphQL server that counts costs wants to be left alone:
 * extensions.cost {requestedQueryCost, throttleStatus {currentlyAvailable,
 * restoreRate}} of the answer. -1 when it does not say. */
apr_interval_time_t flow_conn_http_wait_of_cost(const json_t *value);
/** The n-th wait (from 0) when nobody says how long: random, up to a limit that
 * doubles, never nothing. */
apr_interval_time_t flow_conn_http_backoff(int n);
extern apr_interval_time_t flow_conn_http_backoff_base; /* tests hurry */
/** APR_TIMEUP at once when the time would not suffice; APR_EINTR: stopping. */
apr_status_t flow_conn_http_sleep(apr_interval_time_t wait,
                                  const flow_call_t *call);

/* ---- flow_conn_http_request.c ---- */
typedef struct http_send_t {
    const flow_connection_t *connection;
    const http_step_t *step;
    const flow_template_t *uri; /* instead of the step's, or NULL */
    const char *url;            /* instead of any template, or NULL */
    const json_t *context;      /* for URI and headers */
    const http_body_t *tpl;     /* the body's template, or NULL */
    const json_t *body_context; /* for it; NULL: context */
    const char *body;           /* when there is no template; NULL = none */
    apr_size_t body_len;
    const char *content_type;             /* of body; NULL: by the step */
    const flow_template_env_t *templates; /* what templates may use; or NULL */
    apr_size_t body_max;                  /* 0 = no limit but ours */
    const flow_blob_iface_t *blobs;       /* for forms; or NULL */
} http_send_t;

/** Build the request's URL, without credentials (for guards) ... */
apr_status_t flow_conn_http_url_of(const http_send_t *send, const char **purl,
                                   apr_pool_t *p, flow_error_t *err);
/** ... and send it: credentials, gate, stages, dry run; again when the far end
 * wants other credentials or more time, or when sending twice does no harm. In
 * a dry run *answer is a 200 without a body. The answer is parsed but not
 * judged. */
apr_status_t flow_conn_http_send(const http_send_t *send,
                                 const flow_call_t *call, http_answer_t *answer,
                                 apr_pool_t *p, flow_error_t *err);
/* ---- flow_conn_http_build.c ---- */
/** Without those that look at the request (aws4, hash, hmac) ... */
apr_status_t flow_conn_http_render_headers(apr_table_t *out,
                                           const http_headers_t *headers,
                                           const json_t *context, apr_pool_t *p,
                                           flow_error_t *err);
/** All headers but credentials and the last ones. */
apr_status_t flow_conn_http_make_headers(const http_send_t *send,
                                         apr_table_t **pout, apr_pool_t *p,
                                         flow_error_t *err);
/** Render the body template into send->body; without one nothing happens. */
apr_status_t flow_conn_http_render_body(http_send_t *send, const char *url,
                                        apr_pool_t *p, flow_error_t *err);
/** A shallow copy of the call's context that the caller may add to; lives as
 * long as @a p. */
json_t *flow_conn_http_context(const flow_call_t *call, apr_pool_t *p);

/* ---- flow_conn_http_stage.c ---- */
/** @a secret: what was made for this request alone, or NULL. */
void flow_conn_http_request_stage(const flow_call_t *call,
                                  const flow_connection_t *connection,
                                  const flow_http_request_t *req,
                                  const char *secret, apr_pool_t *p);
void flow_conn_http_response_stage(const flow_call_t *call,
                                   const flow_connection_t *connection,
                                   const http_answer_t *answer, apr_pool_t *p);

/* ---- flow_conn_http_revoke.c ---- */
apr_status_t flow_conn_http_revoke(const flow_connection_t *connection,
                                   const flow_call_t *call, apr_pool_t *p,
                                   flow_error_t *err);

/* ---- flow_conn_http_exchange.c, further below ---- */
/** Into the log: what was sent and what came back, as it would be kept with an
 * error, but shorter. */
void flow_conn_http_debug(const http_answer_t *answer,
                          const flow_connection_t *connection, apr_pool_t *p);

/* ---- flow_conn_http_async.c ---- */
/** 'http._asyncHelperId' of an export or import; NULL = none. */
const http_async_t *flow_conn_http_compile_async(flow_compile_t *c);
/** One page of an export whose result takes its time. The cursor is {answer,
 * next} while it is waited for, {record, cursor} while it is read. */
apr_status_t flow_conn_http_async_page(const flow_export_t *exp,
                                       const flow_call_t *call,
                                       const json_t *cursor, flow_page_t *page,
                                       apr_pool_t *p, flow_error_t *err);
/** What the first answer of an export leads to. */
apr_status_t flow_conn_http_async_begin(const flow_export_t *exp,
                                        const flow_call_t *call,
                                        const json_t *answer, flow_page_t *page,
                                        apr_pool_t *p, flow_error_t *err);
/** Wait for the result that @a answer (in and out) announces. */
apr_status_t flow_conn_http_async_wait(const http_async_t *async,
                                       const flow_call_t *call,
                                       http_answer_t *answer, apr_pool_t *p,
                                       flow_error_t *err);

/* ---- flow_conn_http_blob.c ---- */
http_coding_e flow_conn_http_coding(const char *format);
/** The answer's bytes, or those of the text at resourcePath, decoded. */
apr_status_t flow_conn_http_blob_bytes(const http_export_t *x,
                                       const http_answer_t *answer,
                                       const char **pdata, apr_size_t *plen,
                                       apr_pool_t *p, flow_error_t *err);
/** Store the answer's bytes: *precords is new, one record {blobKey, size,
 * contentType, fileName}. */
apr_status_t flow_conn_http_blob_record(const http_export_t *x,
                                        const flow_call_t *call,
                                        const http_answer_t *answer,
                                        json_t **precords, apr_pool_t *p,
                                        flow_error_t *err);
/** The key that a record has; NULL = none. */
const char *flow_conn_http_blob_key(const http_import_t *x,
                                    const json_t *record, apr_pool_t *p);
/** The blob of the record's key as the body. */
apr_status_t flow_conn_http_blob_body(const http_import_t *x,
                                      const flow_call_t *call,
                                      const json_t *record, http_send_t *send,
                                      apr_pool_t *p, flow_error_t *err);

/* ---- flow_conn_http_form.c ---- */
/** The members of @a fields as multipart/form-data. A value is a text, an
 * array (the field repeated), or a file {value, fileName, contentType,
 * encoding: "base64"}, or one that is stored {blobKey, fileName, contentType}
 * (@a blobs may be NULL). *ptype is the Content-Type with its boundary. */
apr_status_t flow_conn_http_multipart(const json_t *fields,
                                      const flow_blob_iface_t *blobs,
                                      const char **pbody, apr_size_t *plen,
                                      const char **ptype, apr_pool_t *p,
                                      flow_error_t *err);

/* ---- flow_conn_http_file_out.c: imports of http.type file ---- */
void flow_conn_http_compile_file_out(flow_compile_t *c, http_import_t *x);
/** The records as a file in @a send; elements[i] (n NULLs before) becomes a new
 * response element for a record that does not fit the format. Nothing is left
 * to be sent when send->body_len is 0. @a context: for
 * the name, which becomes its member fileName. */
apr_status_t flow_conn_http_file_body(const http_import_t *x,
                                      const flow_call_t *call,
                                      const json_t *records, json_t *context,
                                      json_t **elements, http_send_t *send,
                                      apr_pool_t *p, flow_error_t *err);

/* ---- flow_conn_http_lookup.c ---- */
/** *pvalue is new: what the lookup finds for @a record, its default, or NULL
 * (a miss that is allowed). */
apr_status_t flow_conn_http_lookup(const http_lookup_t *lookup,
                                   const flow_connection_t *connection,
                                   const flow_call_t *call,
                                   const json_t *record, json_t **pvalue,
                                   apr_pool_t *p, flow_error_t *err);

/* ---- flow_conn_http_paging.c ---- */
/** One request of an export. */
typedef struct http_turn_t {
    const flow_export_t *exp;
    const http_export_t *x;
    const flow_call_t *call;
    const json_t *cursor;
    apr_int64_t pages, records; /* done before this one */
    apr_time_t began;           /* when the first one was read */
    const char *token;          /* that this request uses; NULL: none */
    json_t *context;
    http_send_t send;
    http_answer_t answer;
    const char *request_digest, *body_digest;
    apr_int64_t same; /* pages with these very records before this one */
    apr_pool_t *p;
} http_turn_t;

/* Beyond these paging is taken for endless. */
#define HTTP_PAGES_MAX   100000
#define HTTP_RECORDS_MAX 100000000
#define HTTP_PAGING_MAX  apr_time_from_sec(24 * 3600)
#define HTTP_SAME_MAX    10 /* equal pages in a row, of records without ids */

/** The member as a copy of its own: to be changed while the rest is shared. */
json_t *flow_conn_http_copy_member(json_t *object, const char *key);
void flow_conn_http_paging_read(http_turn_t *t);
/** export.http.paging.* and previous_page in the context. */
void flow_conn_http_paging_context(http_turn_t *t);
/** Guards before the request ... */
apr_status_t flow_conn_http_paging_check(http_turn_t *t, flow_error_t *err);
/** Does the status say that there is no such page? */
int flow_conn_http_paging_ended(const http_turn_t *t);
/** ... and after it: *pcursor is new, NULL = that was the last page. */
apr_status_t flow_conn_http_paging_next(http_turn_t *t, const json_t *records,
                                        json_t **pcursor, flow_error_t *err);

/* ---- flow_conn_http_export.c, flow_conn_http_import.c ---- */
apr_status_t flow_conn_http_export_page(const flow_export_t *exp,
                                        const flow_call_t *call,
                                        const json_t *input,
                                        const json_t *cursor, flow_page_t *page,
                                        apr_pool_t *p, flow_error_t *err);
apr_status_t flow_conn_http_import_records(const flow_import_t *imp,
                                           const flow_call_t *call,
                                           const json_t *records,
                                           const json_t *originals,
                                           json_t **presponses, apr_pool_t *p,
                                           flow_error_t *err);

#endif
