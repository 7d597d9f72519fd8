/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_CONN_HTTP_H
#define FLOW_CONN_HTTP_H

#include "flow/flow_connector.h"

#include "data/flow_text.h"

/**
 * The http connector's own parts; for its files and their tests only.
 *
 * Everything here is compiled once and immutable, but for the gate, which
 * counts the calls under way in this process and has a lock of its own.
 */
typedef struct http_gate_t http_gate_t;

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

/** One operation: what is sent and how its answer is read. */
typedef struct http_step_t {
    const char *method;
    const flow_template_t *uri, *body; /* may be NULL */
    http_headers_t headers;
    flow_media_e request_media, success_media, error_media; /* UNKNOWN: by
                                                               Content-Type */
    http_verdict_t verdict;
    const flow_path_t *resource_path, *id_path; /* may be NULL */
} http_step_t;

typedef struct http_connection_t {
    const flow_template_t *base;
    const char *trusted_host; /* NULL: the host is not literal */
    http_headers_t headers;
    flow_media_e media, success_media, error_media;
    const char *auth_header, *auth_value; /* or NULL */
    const char *auth_query;               /* "name=value", encoded, or NULL */
    int insecure;
    http_step_t ping;
    http_gate_t *gate;
} http_connection_t;

typedef enum {
    HTTP_PAGING_NONE,
    HTTP_PAGING_PAGE,
    HTTP_PAGING_LINK
} http_paging_e;

typedef struct http_export_t {
    http_step_t step;
    http_paging_e paging;
    apr_int64_t first_page;
    const flow_template_t *next_uri, *next_body; /* pages 2+, or NULL */
    const flow_path_t *next_resource_path;
    const char *link_relation;
    int last_status; /* 0 = 404, from page 2 on */
    const flow_path_t *last_path, *max_page_path, *max_count_path;
    const json_t *last_values;
    /* which members of previous_page the templates use */
    int uses_response, uses_record, uses_headers;
} http_export_t;

typedef struct http_import_t {
    http_step_t step;
    int batch_size;
    int send_original; /* sendPostMappedData false */
    int drop_empty;    /* ignoreEmptyNodes */
} http_import_t;

/** What came back. */
typedef struct http_answer_t {
    int status;
    const apr_table_t *headers;
    const char *body;
    apr_size_t body_len;
    const char *url;     /* where it came from */
    const json_t *value; /* parsed, owned by the pool; NULL = nothing */
} http_answer_t;

/* ---- flow_conn_http_fields.c ---- */
extern const flow_field_t flow_conn_http_connection_fields[];
extern const flow_field_t flow_conn_http_export_fields[];
extern const flow_field_t flow_conn_http_import_fields[];

/* ---- flow_conn_http_compile.c ---- */
void flow_conn_http_compile_connection(flow_compile_t *c, const json_t *doc,
                                       void **pdata);
void flow_conn_http_compile_export(flow_compile_t *c, const json_t *doc,
                                   const flow_connection_t *connection,
                                   void **pdata);
void flow_conn_http_compile_import(flow_compile_t *c, const json_t *doc,
                                   const flow_connection_t *connection,
                                   void **pdata);

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
                                  const json_t *secrets, apr_pool_t *p,
                                  flow_error_t *err);
/** Is the value at @a path one of @a values, compared as text? */
int flow_conn_http_matches(const flow_path_t *path, const json_t *value,
                           const json_t *values, int array_ok, apr_pool_t *p);
/** The records of an answer: new array. */
json_t *flow_conn_http_records(const json_t *value, const flow_path_t *path);
/** {name: value} with lower-case names; new. */
json_t *flow_conn_http_headers_json(const apr_table_t *headers);

/* ---- flow_conn_http_gate.c ---- */
http_gate_t *flow_conn_http_gate_create(int max, apr_pool_t *p);
/** Wait for a place until @a call's deadline ("connection_busy"). */
apr_status_t flow_conn_http_gate_enter(http_gate_t *gate,
                                       const flow_call_t *call,
                                       flow_error_t *err);
void flow_conn_http_gate_leave(http_gate_t *gate);

/* ---- flow_conn_http_request.c ---- */
typedef struct http_send_t {
    const flow_connection_t *connection;
    const http_step_t *step;
    const flow_template_t *uri; /* instead of the step's, or NULL */
    const char *url;            /* instead of any template, or NULL */
    const json_t *context;      /* for URI and headers */
    const char *body;           /* NULL = none */
    apr_size_t body_len;
} http_send_t;

/** Build the request's URL (for guards) ... */
apr_status_t flow_conn_http_url_of(const http_send_t *send, const char **purl,
                                   apr_pool_t *p, flow_error_t *err);
/** ... and send it: gate, stages, dry run. In a dry run *answer is a 200
 * without a body. The answer is parsed but not judged. */
apr_status_t flow_conn_http_send(const http_send_t *send,
                                 const flow_call_t *call, http_answer_t *answer,
                                 apr_pool_t *p, flow_error_t *err);
/** Render a body template; NULL stays NULL. */
apr_status_t flow_conn_http_body(const flow_template_t *tpl,
                                 const json_t *context, const char **pbody,
                                 apr_size_t *plen, apr_pool_t *p,
                                 flow_error_t *err);
/** A shallow copy of the call's context that the caller may add to; lives as
 * long as @a p. */
json_t *flow_conn_http_context(const flow_call_t *call, apr_pool_t *p);

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
