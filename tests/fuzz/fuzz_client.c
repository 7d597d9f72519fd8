/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any bytes as the answer to a request of the HTTP client: broken heads,
 * chunks, lengths, compressed bodies, redirects. What comes of it keeps the
 * limits that the request has set.
 */
#include "far_end.h"

#include <apr_general.h>
#include <apr_strings.h>

#include "base/flow_http.h"

#define ANSWER_MAX 100000 /* bytes of a body, decompressed */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void far_end_answer(int fd, const char *head, const uint8_t *data,
                           size_t len)
{
    (void)head;
    far_end_write(fd, data, len);
}

static apr_pool_t *root;

static void clean_up(void)
{
    apr_pool_destroy(root);
    far_end_set(NULL, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const methods[] = { "GET", "POST", "HEAD", "PUT" };
    static flow_http_client_t *client;
    flow_error_t err = FLOW_ERROR_INIT;
    flow_http_request_t req = { "fuzz" };
    flow_http_response_t resp;
    apr_pool_t *p = NULL;

    if (!client) {
        apr_initialize();
        apr_pool_create(&root, NULL);
        flow_http_global_init();
        if (flow_http_client_create(&client, NULL, root, &err) != APR_SUCCESS) {
            abort();
        }
        far_end_start();
        atexit(clean_up);
    }
    if (size < 1) {
        return 0;
    }
    far_end_set(data + 1, size - 1);
    apr_pool_create(&p, root);
    req.method = methods[data[0] % 4];
    req.url = apr_psprintf(p, "http://127.0.0.1:%d/x", far_end_port);
    req.trusted_host = "127.0.0.1";
    req.max_response = ANSWER_MAX;
    req.deadline = apr_time_now() + apr_time_from_sec(2);
    if (data[0] % 4 == 1) {
        req.body = "{}";
        req.body_len = 2;
    }
    if (flow_http_perform(client, &req, &resp, p, &err) == APR_SUCCESS) {
        if (resp.status < 100 || resp.body_len > ANSWER_MAX || !resp.body ||
            resp.body[resp.body_len]) {
            abort();
        }
    }
    else if (!*err.code || !*err.message) {
        abort();
    }
    apr_pool_destroy(p);
    return 0;
}
