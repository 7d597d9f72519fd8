/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a far end says about credentials and waiting: WWW-Authenticate,
 * Set-Cookie, Retry-After. Nothing of it may end a header line, and a wait is
 * never longer than a year.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "connectors/flow_conn_http_auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(const char *line, const char *text)
{
    /* A field value with a line break never comes from the client. */
    if (line && !strpbrk(text, "\r\n") && strpbrk(line, "\r\n")) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char url[] = "https://shop.example.com/api/orders?page=1";
    static int is_ready;
    apr_time_t now = apr_time_from_sec(1771329845);
    apr_interval_time_t wait;
    apr_table_t *headers;
    http_digest_t *digest;
    apr_pool_t *p = NULL;
    const char *text, *jar;

    if (!is_ready) {
        apr_initialize();
        flow_json_global_init();
        is_ready = 1;
    }
    apr_pool_create(&p, NULL);
    text = apr_pstrmemdup(p, (const char *)data, size);
    headers = apr_table_make(p, 2);
    apr_table_add(headers, "WWW-Authenticate", text);
    apr_table_add(headers, "Set-Cookie", text);
    digest = flow_conn_http_digest_create(p);
    if (flow_conn_http_digest_learn(digest, headers, p)) {
        check_line(
            flow_conn_http_digest_answer(digest, "u", "p", "GET", url, p),
            text);
    }
    jar = flow_conn_http_cookies_take(NULL, headers, url, now, p);
    check_line(flow_conn_http_cookies_for(jar, url, now, p), text);
    if (flow_conn_http_cookies_for(jar, "https://other.example.org/", now, p)) {
        abort();
    }
    wait = flow_conn_http_wait_of(text, NULL, now);
    if (wait < -1 || wait > apr_time_from_sec(366 * 86400)) {
        abort();
    }
    apr_pool_destroy(p);
    return 0;
}
