/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_REQUEST_H
#define FLOW_REQUEST_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "data/flow_tree.h"

/**
 * An inbound HTTP request and its answer, without httpd: what the glue fills
 * in and reads back, what webhooks and APIs work on, and what tests build by
 * hand. Everything lives in the request's pool.
 */
typedef struct flow_request_t {
    const char *method;         /* upper case */
    const char *uri;            /* path as the client wrote it, no query */
    const char *path_info;      /* below the Location, "" or "/..." */
    const char *query;          /* without '?', or NULL */
    const apr_table_t *headers; /* as received; repeated ones merged ", " */
    const char *body;           /* raw bytes, never NULL */
    apr_size_t body_len;
    const char *user;   /* authenticated by Apache or a token, or NULL */
    const char *remote; /* client address */
    const int *client;  /* its socket, or NULL */
} flow_request_t;

typedef struct flow_answer_t {
    int status;
    const char *content_type; /* NULL = none */
    apr_table_t *headers;     /* to send; names and values are clean */
    const char *body;         /* may be NULL */
    apr_size_t body_len;
} flow_answer_t;

/** {name: value} with lower-case names. New. */
json_t *flow_request_headers_json(const flow_request_t *req);

/** For the store and back: {method, uri, query, headers, body | body64}. */
json_t *flow_request_to_json(const flow_request_t *req, apr_pool_t *p);
flow_request_t *flow_request_from_json(const json_t *v, apr_pool_t *p);

/** Is @a name a token (RFC 9110)? Is @a value free of control characters but
 * TAB? What is not is never sent. */
int flow_header_name_ok(const char *name);
int flow_header_value_ok(const char *value, apr_size_t len);

/** An error envelope {"errors":[{code,message,source?,field?}]} with
 * @a status (0 = flow_error_http_status()). */
struct flow_error_t;
void flow_answer_error(flow_answer_t *answer, int status,
                       const struct flow_error_t *err, const char *source,
                       apr_pool_t *p);
/** JSON answer; @a v borrowed. */
void flow_answer_json(flow_answer_t *answer, int status, const json_t *v,
                      apr_pool_t *p);

#endif
