/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_HTTP_CALL_H
#define FLOW_HTTP_CALL_H

#include "base/flow_buf.h"
#include "base/flow_http.h"
#include "base/flow_http_url.h"

/**
 * For base/ only: one request on the wire and its answer, without redirects.
 * A handle keeps connections open between calls; one thread at a time, but not
 * always the same one.
 */
typedef struct flow_http_handle_t flow_http_handle_t;

flow_http_handle_t *flow_http_handle_create(void); /* NULL: out of memory */
void flow_http_handle_destroy(flow_http_handle_t *handle);

/** What goes out. Strings live until the call returns. */
typedef struct flow_http_call_t {
    const flow_http_request_t *req; /* method, body, limits */
    const flow_http_url_t *url;     /* instead of req->url */
    const apr_table_t *headers;     /* instead of req->headers, checked */
    const flow_http_tls_t *tls;     /* instead of req->tls */
    const flow_egress_t *egress;
    const char *proxy;                      /* NULL = none */
    apr_interval_time_t first_byte_timeout; /* 0 = none */
    const char *where; /* "host 'x' port 80", for messages */
    flow_buf_t *body;  /* out: the answer's body */
    int was_sent;      /* out: the far end may have seen the request */
} flow_http_call_t;

/** Fills status and headers of @a resp. */
apr_status_t flow_http_call(flow_http_handle_t *handle, flow_http_call_t *call,
                            flow_http_response_t *resp, apr_pool_t *p,
                            flow_error_t *err);

#endif
