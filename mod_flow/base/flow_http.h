/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_HTTP_H
#define FLOW_HTTP_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "base/flow_error.h"

/**
 * Outbound HTTP. The only file that includes curl.
 *
 * A client is made once per process (child) and shared by all its threads. It
 * keeps idle handles, and with them open connections, per `affinity` (a
 * connection's id): the handle used last is used first. TLS certificates are
 * verified against the system's store.
 */
typedef struct flow_http_client_t flow_http_client_t;

/**
 * Where calls may go (directive FlowEgress). Rules are tried in order, the
 * first that matches decides; PATTERN is a host name, a "*.suffix", an
 * address, or address/bits, and matches the host's name or the *resolved*
 * address that is about to be connected to. Without a matching rule,
 * addresses that are loopback, link-local, private (RFC 1918, fc00::/7),
 * multicast, unspecified or a metadata service (169.254.169.254,
 * fd00:ec2::254) are refused unless the administrator named that host
 * literally in a connection's baseURI (request.trusted_host).
 * Made while the configuration is read, immutable afterwards.
 */
typedef struct flow_egress_t flow_egress_t;

flow_egress_t *flow_egress_create(apr_pool_t *p);
/** NULL, or what is wrong with @a pattern. */
const char *flow_egress_add(flow_egress_t *egress, int allow,
                            const char *pattern, apr_pool_t *p);
/** For tests: would a connection to @a address (text form) of @a host go
 * through? @a trusted as request.trusted_host. */
int flow_egress_allows(const flow_egress_t *egress, const char *host,
                       const char *address, const char *trusted);

typedef struct flow_http_request_t {
    const char *affinity;     /* connection id, or NULL */
    const char *method;       /* "GET" */
    const char *url;          /* absolute, http or https, already encoded */
    const char *trusted_host; /* see flow_egress_t; NULL = none */
    const apr_table_t *headers;
    const char *body; /* NULL = none */
    apr_size_t body_len;
    apr_time_t deadline;             /* absolute; no work past it */
    apr_interval_time_t connect_timeout; /* 0 = 10 s */
    apr_size_t max_response;         /* bytes, decompressed; 0 = 50 MB */
    int insecure; /* 1 = do not verify certificates (disableStrictSSL) */
} flow_http_request_t;

typedef struct flow_http_response_t {
    int status;
    apr_table_t *headers; /* names as sent; apr_table ignores case */
    const char *body;     /* never NULL, NUL-terminated, may hold NULs */
    apr_size_t body_len;
    const char *url;      /* where the answer came from, after redirects */
} flow_http_response_t;

/** @a egress may be NULL (the defaults). Released with @a p, which must not
 * be destroyed while a call is under way. Call once per process before threads
 * exist: flow_http_global_init(). */
apr_status_t flow_http_global_init(void);
apr_status_t flow_http_client_create(flow_http_client_t **pclient,
                                     const flow_egress_t *egress,
                                     apr_pool_t *p, flow_error_t *err);

/**
 * Send a request and read the answer, whatever its status. GET and HEAD follow
 * up to five redirects; the target is checked like the first address, and
 * Authorization, Cookie and every header named in no list of harmless ones are
 * not sent to another host, scheme or port.
 *
 * No answer at all is FLOW_E_UNAVAILABLE with the code of what happened:
 * "connect_failed", "timeout", "tls_failed" (FLOW_E_CONFIG when the
 * certificate does not verify), "egress_refused" (FLOW_E_CONFIG), "url_invalid"
 * (FLOW_E_CONFIG), "response_too_large" (FLOW_E_REFUSED). A header name or
 * value with a control character is "header_invalid" (FLOW_E_INPUT). Messages
 * name the host and port and never the path, query, headers or body.
 * A timeout after the request was sent has status APR_TIMEUP: the far end may
 * have acted on it.
 */
apr_status_t flow_http_perform(flow_http_client_t *client,
                               const flow_http_request_t *req,
                               flow_http_response_t *resp, apr_pool_t *p,
                               flow_error_t *err);

/** @a text with every byte outside A-Z a-z 0-9 - . _ ~ as %XX. */
char *flow_url_encode(const char *text, apr_size_t len, apr_pool_t *p);
/** The host part of an absolute http(s) URL in lower case, or NULL. */
char *flow_url_host(const char *url, apr_pool_t *p);

#endif
