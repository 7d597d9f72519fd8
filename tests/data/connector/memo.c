/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connector in a module of its own, as connectors/README.md has it: the
 * smallest that is complete. It exports what its connection says, twice.
 */
#include <httpd.h>
#include <http_config.h>
#include <ap_provider.h>
#include <apr_strings.h>

#include "flow/flow_connector.h"

/* clang-format off */
static const flow_field_t connection_fields[] = {
    { "memo", FLOW_FIELD_OBJECT, FLOW_FIELD_REQUIRED, NULL, NULL, "the memo" },
    { "memo.text", FLOW_FIELD_STRING, FLOW_FIELD_REQUIRED, NULL, NULL,
      "what every record says" },
    { NULL },
};
static const flow_field_t export_fields[] = { { NULL } };
/* clang-format on */

static void compile_connection(flow_compile_t *c, const json_t *doc,
                               void **pdata)
{
    const char *text = flow_compile_string(c, "memo.text");

    (void)doc;
    if (text && strchr(text, '!')) {
        flow_compile_problem(c, "memo.text", "must not shout");
    }
    *pdata = apr_pstrdup(flow_compile_pool(c), text ? text : "");
}

static void compile_export(flow_compile_t *c, const json_t *doc,
                           const flow_connection_t *connection, void **pdata)
{
    (void)c;
    (void)doc;
    *pdata = connection ? connection->data : NULL;
}

static apr_status_t export_page(const flow_export_t *exp,
                                const flow_call_t *call, const json_t *input,
                                const json_t *cursor, flow_page_t *page,
                                apr_pool_t *p, flow_error_t *err)
{
    const char *text = exp->data;
    json_t *record = json_object();

    (void)call;
    (void)input;
    (void)p;
    (void)err;
    json_object_set_new(record, "text",
                        flow_json_string_new(text, strlen(text)));
    page->records = json_array();
    json_array_append_new(page->records, record);
    /* One page more; then the last. */
    page->cursor = cursor ? NULL : json_true();
    return APR_SUCCESS;
}

static const flow_connector_t memo_connector = {
    .name = "memo",
    .export_adaptor = "MemoExport",
    .connection_fields = connection_fields,
    .export_fields = export_fields,
    .compile_connection = compile_connection,
    .compile_export = compile_export,
    .export_page = export_page,
};

static void register_hooks(apr_pool_t *p)
{
    ap_register_provider(p, FLOW_CONNECTOR_GROUP, memo_connector.name,
                         FLOW_CONNECTOR_VERSION, &memo_connector);
}

/* clang-format off */
module AP_MODULE_DECLARE_DATA memo_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks
};
/* clang-format on */
