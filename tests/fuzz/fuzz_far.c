/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A far end's words through the whole connector: the answer to an OAuth 2
 * token request up to the first 0xff byte, then that of a GraphQL query with
 * cursor paging, errors, and costs. Nothing that it says ends a header line,
 * waits past the deadline or reads for ever.
 */
#include "far_end.h"

#include <apr_general.h>
#include <apr_strings.h>

#include "connectors/flow_conn_http.h"
#include "flow/flow_docs.h"
#include "flow/flow_model.h"

#define PAGES_MAX 5

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void send_json(int fd, const uint8_t *body, size_t len)
{
    char head[128];
    int n = apr_snprintf(head, sizeof(head),
                         "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                         "Content-Length: %lu\r\nConnection: close\r\n\r\n",
                         (unsigned long)len);

    far_end_write(fd, head, (size_t)n);
    far_end_write(fd, body, len);
}

static void far_end_answer(int fd, const char *head, const uint8_t *data,
                           size_t len)
{
    const uint8_t *cut = len ? memchr(data, 0xff, len) : NULL;
    size_t first = cut ? (size_t)(cut - data) : len;

    if (strstr(head, "/token ")) {
        send_json(fd, data, first);
    }
    else if (cut) {
        send_json(fd, cut + 1, len - first - 1);
    }
    else {
        send_json(fd, data, len);
    }
}

static const char text[] =
    "{\"connections\":[{\"_id\":\"c\",\"type\":\"http\",\"http\":{"
    "\"baseURI\":\"http://127.0.0.1:%d\",\"auth\":{\"type\":\"oauth\","
    "\"oauth\":{\"grantType\":\"clientcredentials\",\"clientId\":\"i\","
    "\"clientSecret\":\"secret\",\"tokenURI\":\"http://127.0.0.1:%d/token\"}},"
    "\"rateLimit\":{\"failPath\":\"errors[0].extensions.code\","
    "\"failValues\":[\"THROTTLED\"]}}}],"
    "\"exports\":[{\"_id\":\"e\",\"_connectionId\":\"c\",\"http\":{"
    "\"method\":\"POST\",\"body\":\"{}\",\"response\":{"
    "\"resourcePath\":\"data.x.nodes\",\"failPath\":\"errors\","
    "\"errorPath\":\"errors[0].message\"},\"paging\":{\"method\":\"body\","
    "\"body\":\"{\\\"a\\\":\\\"{{previous_page.full_response.data.x.pageInfo."
    "endCursor}}\\\",\\\"r\\\":\\\"{{previous_page.last_record.id}}\\\"}\","
    "\"lastPagePath\":\"data.x.pageInfo.hasNextPage\","
    "\"lastPageValues\":[\"false\"]}}}]}";

/* Compiled anew each time, because a connection keeps its token. */
static const flow_export_t *compile(apr_pool_t *p)
{
    flow_compile_settings_t settings = { 1024 * 1024, "/nowhere" };
    flow_docs_t *docs = flow_docs_create(p);
    flow_model_t *model = NULL;
    const char *path = "/tmp/flow-fuzz-far.json";
    flow_doc_t *doc;
    json_t *all = NULL;
    flow_error_t err = FLOW_ERROR_INIT;
    const char *json = apr_psprintf(p, text, far_end_port, far_end_port);
    static const struct {
        flow_kind_e kind;
        const char *list, *id;
    } parts[] = { { FLOW_KIND_CONNECTION, "connections", "c" },
                  { FLOW_KIND_EXPORT, "exports", "e" } };
    size_t i;

    if (flow_json_parse(&all, json, strlen(json), &err) != APR_SUCCESS) {
        abort();
    }
    flow_json_own(p, all);
    for (i = 0; i < 2; ++i) {
        doc = flow_docs_add(docs, parts[i].kind, parts[i].id, path, 1);
        doc->json = json_array_get(json_object_get(all, parts[i].list), 0);
    }
    if (flow_compile(&model, docs, &settings, p, p) != APR_SUCCESS) {
        abort();
    }
    return apr_hash_get(model->exports, "e", APR_HASH_KEY_STRING);
}

static void read_pages(const flow_export_t *exp, const flow_call_t *call,
                       apr_pool_t *p)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *cursor = NULL;
    apr_time_t began = apr_time_now();
    int i;

    for (i = 0; i < PAGES_MAX; ++i) {
        flow_page_t got = { NULL, NULL };

        if (exp->connector->export_page(exp, call, NULL, cursor, &got, p,
                                        &err) != APR_SUCCESS) {
            if (strstr(err.message, "secret")) {
                abort();
            }
            break;
        }
        if (!flow_json_is(got.records, ARRAY)) {
            abort();
        }
        json_decref(got.records);
        json_decref(cursor);
        cursor = got.cursor;
        if (!cursor) {
            break;
        }
    }
    json_decref(cursor);
    if (apr_time_now() - began > apr_time_from_sec(5)) {
        abort();
    }
}

static apr_pool_t *root;

static void clean_up(void)
{
    apr_pool_destroy(root);
    far_end_set(NULL, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static flow_http_client_t *client;
    flow_error_t err = FLOW_ERROR_INIT;
    flow_call_t call = { NULL };
    apr_pool_t *p = NULL;

    if (!client) {
        apr_initialize();
        apr_pool_create(&root, NULL);
        flow_json_global_init();
        flow_text_global_init();
        flow_http_global_init();
        flow_connector_register(&flow_connector_http);
        if (flow_http_client_create(&client, NULL, root, &err) != APR_SUCCESS) {
            abort();
        }
        flow_conn_http_backoff_base = 1;
        far_end_start();
        atexit(clean_up);
    }
    far_end_set(data, size);
    apr_pool_create(&p, root);
    call.http = client;
    call.context = flow_json_own(p, json_object());
    call.deadline = apr_time_now() + apr_time_from_msec(100);
    read_pages(compile(p), &call, p);
    apr_pool_destroy(p);
    return 0;
}
