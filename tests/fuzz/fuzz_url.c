/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What comes from far ends and configuration into base/: a URL, one that a
 * redirect gives, an egress pattern, base64. The first byte says which.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "base/flow_http.h"
#include "base/flow_http_url.h"
#include "base/flow_sign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int is_true)
{
    if (!is_true) {
        abort();
    }
}

/* What was read once is read the same again: the check and the call that
 * follows it never disagree about the host. */
static void try_url(const char *base, const char *text, apr_pool_t *p)
{
    flow_http_url_t url, again;
    const char *why = flow_http_url_parse(&url, base, text, p);

    if (why) {
        must(*why);
        return;
    }
    must(!strcmp(url.scheme, "http") || !strcmp(url.scheme, "https"));
    must(*url.host && url.port >= 0 && url.port <= 65535);
    must(!strpbrk(url.host, " /@?#[]\r\n\t"));
    must(!strpbrk(url.text, " #\r\n\t"));
    must(!flow_http_url_parse(&again, NULL, url.text, p));
    must(flow_http_url_is_same_origin(&url, &again));
    must(!strcmp(url.text, again.text));
    must(!strcmp(flow_url_host(url.text, p), url.host));
}

static void try_pattern(const char *text, apr_pool_t *p)
{
    flow_egress_t *egress = flow_egress_create(p);
    const char *why = flow_egress_add(egress, 1, text, p);

    if (why) {
        /* a refused pattern opens nothing */
        must(*why);
        must(!flow_egress_allows(egress, "h.example", "127.0.0.1", NULL));
        must(!flow_egress_allows(egress, text, "::1", NULL));
        return;
    }
    flow_egress_allows(egress, text, "127.0.0.1", text);
    flow_egress_allows(egress, "a.h.example", "::ffff:10.1.2.3", NULL);
    flow_egress_allows(egress, "h.example", "fd00::1", "h.example");
}

static void try_base64(const char *text, apr_pool_t *p)
{
    apr_size_t len = 0, again_len = 0;
    char *out, *again;

    if (flow_base64_decode(&out, &len, text, p) != APR_SUCCESS) {
        return;
    }
    must(len <= strlen(text));
    must(flow_base64_decode(&again, &again_len, flow_base64(out, len, p), p) ==
         APR_SUCCESS);
    must(again_len == len && !memcmp(out, again, len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int is_ready;
    apr_pool_t *p;
    char *text;

    if (!size || size > 4096) {
        return 0;
    }
    if (!is_ready) {
        apr_initialize();
        is_ready = 1;
    }
    apr_pool_create(&p, NULL);
    text = apr_pstrmemdup(p, (const char *)data + 1, size - 1);
    switch (data[0]) {
    case 'u':
        try_url(NULL, text, p);
        flow_url_encode((const char *)data, size, p);
        break;
    case 'r':
        try_url("https://shop.example:8443/a/b/c?d", text, p);
        break;
    case 'e':
        try_pattern(text, p);
        break;
    case 'b':
        try_base64(text, p);
        break;
    }
    apr_pool_destroy(p);
    return 0;
}
