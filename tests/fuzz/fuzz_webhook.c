/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A webhook request from anybody, before and after it is verified.
 *
 * Input: one byte that chooses the verify method, then lines: the header (or
 * query, or path), the Content-Type; the rest is the body. Nothing may pass
 * that does not hold the secret or its signature, whatever else it holds.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "data/flow_json.h"
#include "flow/flow_webhook_private.h"

#define SECRET "4f1d2c7b9e"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static apr_pool_t *root;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    apr_initialize();
    flow_json_global_init();
    flow_text_global_init();
    return apr_pool_create(&root, NULL) == APR_SUCCESS ? 0 : -1;
}

static char *next_line(const uint8_t **pdata, size_t *psize, apr_pool_t *p)
{
    const uint8_t *end = memchr(*pdata, '\n', *psize);
    size_t len = end ? (size_t)(end - *pdata) : *psize;
    char *line = apr_pstrmemdup(p, (const char *)*pdata, len);

    len += end != NULL;
    *pdata += len;
    *psize -= len;
    return line;
}

static void make_listener(flow_webhook_t *w, uint8_t choice, apr_pool_t *p)
{
    static const char *const schemes[] = { NULL, "Bearer", "Key" };
    const char *reply = "{{challenge}} {{hub.challenge}} {{{body}}}";
    flow_template_t *tpl = NULL;
    flow_path_t *path = NULL;

    memset(w, 0, sizeof(*w));
    w->verify = (flow_verify_e)(1 + choice % 6);
    if (choice % 8 >= 6) {
        w->verify = FLOW_VERIFY_HMAC;
        w->is_signed = (flow_signed_e)(1 + choice / 16 % 3);
    }
    w->username = "user";
    w->password = w->token = w->key = SECRET;
    w->token_name = w->header = "X-Proof";
    w->token_scheme = schemes[choice / 8 % 3];
    w->key_len = strlen(SECRET);
    w->is_base64 = choice & 64;
    w->digest = choice & 128 ? FLOW_DIGEST_SHA512 : FLOW_DIGEST_SHA1;
    flow_path_compile(&path, "meta.token", p, NULL);
    w->token_path = path;
    flow_template_compile(&tpl, reply, strlen(reply), FLOW_ESCAPE_JSON, p,
                          NULL);
    w->challenge.status = 200;
    w->challenge.content_type = "application/json";
    w->challenge.body = tpl;
    w->has_challenge = 1;
    if (choice & 32) {
        flow_path_compile(&path, "a.records", p, NULL);
        w->records_path = path;
        w->include_parent = 1;
    }
}

/* Escapes, entities and other charsets hide it from a plain search. */
static int may_hold_secret(const flow_request_t *req, const char *line,
                           const char *type)
{
    return strstr(line, SECRET) || strchr(line, '%') ||
           strcspn(req->body, "\\%&") < strlen(req->body) ||
           strstr(req->body, SECRET) || strstr(type, "charset");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    flow_request_t req = { 0 };
    flow_answer_t answer;
    flow_webhook_t w;
    apr_table_t *headers;
    apr_pool_t *p;
    json_t *records = NULL;
    const char *line, *type;
    int ok;

    if (size < 1) {
        return 0;
    }
    apr_pool_create(&p, root);
    make_listener(&w, data[0], p);
    ++data;
    --size;
    headers = apr_table_make(p, 4);
    line = next_line(&data, &size, p);
    apr_table_setn(headers, "X-Proof", line);
    apr_table_setn(headers, "Authorization", line);
    apr_table_setn(headers, "X-Slack-Request-Timestamp", line);
    apr_table_setn(headers, "webhook-timestamp", line);
    apr_table_setn(headers, "webhook-id", line);
    type = next_line(&data, &size, p);
    apr_table_setn(headers, "Content-Type", type);
    req.method = "POST";
    req.uri = "/";
    req.path_info = line;
    req.query = line;
    req.headers = headers;
    req.body = apr_pstrmemdup(p, (const char *)data, size);
    req.body_len = size;

    if (w.is_signed == FLOW_SIGNED_SLACK ||
        w.is_signed == FLOW_SIGNED_STANDARD) {
        apr_table_setn(headers, "X-Proof", type); /* beside the time */
    }
    ok = flow_webhook_verify(&w, &req, p, NULL) == APR_SUCCESS;
    if (ok && w.verify != FLOW_VERIFY_BASIC && w.verify != FLOW_VERIFY_HMAC &&
        !may_hold_secret(&req, line, type)) {
        abort();
    }
    flow_webhook_records(&w, &req, &records, p, NULL);
    json_decref(records);
    ok = flow_webhook_is_challenge(&w, &req, p);
    flow_webhook_answer(&w, &req, ok, &answer, p, NULL);
    apr_pool_destroy(p);
    return 0;
}
