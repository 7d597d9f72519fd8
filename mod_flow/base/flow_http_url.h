/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_HTTP_URL_H
#define FLOW_HTTP_URL_H

#include <apr_pools.h>

/**
 * For base/ only: a URL taken apart by the same parser that connects to it, so
 * that no check ever looks at another host than the one that is called.
 */
typedef struct flow_http_url_t {
    const char *text;   /* absolute, normalized, without fragment */
    const char *scheme; /* "http" or "https" */
    const char *host;   /* lower case, punycode, IPv6 without brackets */
    int port;           /* the default one if the URL has none */
} flow_http_url_t;

/**
 * @a base is what a relative @a text is resolved against; NULL = @a text must
 * be absolute.
 * @return NULL, or what is wrong (a text that shows nothing of the URL)
 */
const char *flow_http_url_parse(flow_http_url_t *url, const char *base,
                                const char *text, apr_pool_t *p);

int flow_http_url_is_same_origin(const flow_http_url_t *a,
                                 const flow_http_url_t *b);

#endif
