/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_HTTP_H
#define FLOW_HTTP_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "base/flow_error.h"

/**
 * Outbound HTTP. Only base/ includes curl.
 *
 * A client is made once per process (child) and shared by all its threads. It
 * keeps idle handles, and with them open connections, per `affinity` (a
 * connection's id): the handle used last is used first. TLS certificates are
 * verified against the system's store.
 */
typedef struct flow_http_client_t flow_http_client_t;

/**
 * Where calls may go (directive FlowEgress). Rules are tried in order, the
 * first that matches decides; PATTERN is a host name, a "*.suffix" (what ends
 * in ".suffix", not "suffix" itself), an address, address/bits, or "*" for
 * everything, and matches the host's name or the *resolved* address that is
 * about to be connected to. Without a matching rule, addresses that are
 * loopback, link-local, private (RFC 1918, 100.64.0.0/10, fc00::/7),
 * multicast, reserved, unspecified or a metadata service (169.254.169.254,
 * fd00:ec2::254), also inside an IPv6 address (mapped, NAT64, 6to4), are
 * refused unless the administrator named that host literally in a
 * connection's baseURI (request.trusted_host; the port does not matter).
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

/** What a request shows of itself and whom it trusts; members may be NULL. Not
 * shown to, and not valid for, where it is redirected to on another host. */
typedef struct flow_http_tls_t {
    const char *cert, *key; /* PEM, together */
    const char *passphrase; /* of key or pkcs12 */
    const char *pkcs12;     /* instead of both */
    apr_size_t pkcs12_len;
    const char *ca; /* PEM: trusted besides the system's */
} flow_http_tls_t;

typedef struct flow_http_request_t {
    const char *affinity;       /* connection id, or NULL */
    const char *method;         /* NULL = "GET" */
    const char *url;            /* absolute, http or https, already encoded */
    const char *trusted_host;   /* see flow_egress_t; NULL = none */
    const apr_table_t *headers; /* NULL = none; those that say how the message
                                 * travels (Content-Length, Connection, ...)
                                 * are left out and written by the client */
    const char *body;           /* NULL = none */
    apr_size_t body_len;
    apr_time_t deadline;                 /* absolute; no work past it */
    apr_interval_time_t connect_timeout; /* 0 = the client's */
    apr_size_t max_response; /* bytes, decompressed; 0 = the client's */
    int insecure; /* 1 = do not verify certificates (disableStrictSSL) */
    const flow_http_tls_t *tls; /* or NULL */
} flow_http_request_t;

typedef struct flow_http_response_t {
    int status;
    apr_table_t *headers; /* names as sent; apr_table ignores case. Without
                           * Content-Encoding and -Length if the body was
                           * decompressed */
    const char *body;     /* never NULL, NUL-terminated, may hold NULs */
    apr_size_t body_len;
    const char *url; /* where the answer came from, after redirects */
} flow_http_response_t;

/** @a egress may be NULL (the defaults). Released with @a p, which must not
 * be destroyed while a call is under way. Call once per process before threads
 * exist: flow_http_global_init(). */
apr_status_t flow_http_global_init(void);
apr_status_t flow_http_client_create(flow_http_client_t **pclient,
                                     const flow_egress_t *egress, apr_pool_t *p,
                                     flow_error_t *err);

/** What holds for all requests that do not say otherwise. 0 and NULL: the
 * built-in value. */
typedef struct flow_http_settings_t {
    apr_interval_time_t connect_timeout; /* 10 s */
    /** From the request's last byte to the answer's first; 0 = only the
     * deadline counts. Looked at once a second. */
    apr_interval_time_t first_byte_timeout;
    apr_size_t max_response; /* 50 MB */
    /** "http://[user:password@]host:port" or https: every call goes through
     * it but those to hosts that @a direct allows by name. The proxy resolves
     * names, so egress rules see the address only of hosts that are written
     * as one; all others are matched by name. */
    const char *proxy;
    const flow_egress_t *direct; /* or NULL */
} flow_http_settings_t;

/** NULL, or what is wrong with it. */
const char *flow_http_proxy_problem(const char *proxy, apr_pool_t *p);
/** Before other threads use the client; @a settings is copied, what it points
 * to must outlive the client. */
void flow_http_client_configure(flow_http_client_t *client,
                                const flow_http_settings_t *settings);

/**
 * Send a request and read the answer, whatever its status. GET and HEAD follow
 * up to five redirects; the target is checked like the first address, and
 * Authorization, Cookie and every header named in no list of harmless ones are
 * not sent to another host, scheme or port. A sixth redirect, and any
 * redirect of a request with a body, is returned as the answer it is.
 *
 * No answer at all is FLOW_E_UNAVAILABLE with the code of what happened:
 * "connect_failed", "connection_lost", "timeout", "tls_failed" (FLOW_E_CONFIG
 * when the certificate does not verify), "egress_refused" (FLOW_E_CONFIG),
 * "url_invalid" (FLOW_E_CONFIG), and as FLOW_E_REFUSED "response_too_large"
 * (body, or 64 KB of headers), "response_invalid", "redirect_invalid". A header
 * name that is none, or a value with a control character, is "header_invalid"
 * (FLOW_E_INPUT), a method that is none "method_invalid" (FLOW_E_INPUT).
 * Messages name the host and port and never the path, query, headers or body.
 *
 * A timeout after the request was sent has status APR_TIMEUP, and a connection
 * that was lost after it APR_ECONNRESET: the far end may have acted on the
 * request. All other failures without an answer mean that it was not sent.
 * GET, HEAD, OPTIONS, PUT and DELETE are sent a second time by themselves when
 * a kept connection turns out to be dead; POST, PATCH and the rest never are.
 */
apr_status_t flow_http_perform(flow_http_client_t *client,
                               const flow_http_request_t *req,
                               flow_http_response_t *resp, apr_pool_t *p,
                               flow_error_t *err);

/** Messages name a far end as "host 'x' port n"; for those who are not to know
 * where it is: "the far end" instead. @a message itself when it names none. */
const char *flow_http_hide_places(const char *message, apr_pool_t *p);

/** @a text with every byte outside A-Z a-z 0-9 - . _ ~ as %XX. */
char *flow_url_encode(const char *text, apr_size_t len, apr_pool_t *p);
/** The host part of an absolute http(s) URL in lower case, IPv6 addresses
 * without brackets, numbers as a.b.c.d; NULL if the URL is not one that
 * flow_http_perform() would call. */
char *flow_url_host(const char *url, apr_pool_t *p);

#endif
