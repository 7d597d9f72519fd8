/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading: one request is one page.
 */
#include "connectors/flow_conn_http.h"

#include <string.h>

#define BODY_MAX (50 * 1024 * 1024)

/* A lookup sees its record's fields at the top level, too. */
static void add_input(http_turn_t *t, const json_t *input)
{
    const json_t *record = input;
    const char *key;
    json_t *v;

    if (!input) {
        return;
    }
    if (flow_json_is(input, ARRAY)) {
        record = json_array_get(input, 0);
    }
    json_object_set(t->context, "data", (json_t *)input);
    if (record) {
        json_object_set(t->context, "record", (json_t *)record);
    }
    if (!t->exp->is_lookup || !flow_json_is(record, OBJECT)) {
        return;
    }
    json_object_foreach((json_t *)record, key, v)
    {
        if (!json_object_get(t->context, key)) {
            json_object_set(t->context, key, v);
        }
    }
}

/* A body's template sees what the mapping has made; without a template that
 * is the body itself. */
static apr_status_t use_mapped(http_turn_t *t, flow_error_t *err)
{
    const json_t *mapped = t->call->mapped;
    const http_step_t *step = t->send.step;
    json_t *context, *list;
    flow_buf_t text;
    apr_status_t rv;

    if (t->send.tpl->tpl) {
        context = flow_json_own(t->p, json_copy(t->context));
        list = json_array();
        json_array_append(list, (json_t *)mapped);
        json_object_set_new(context, "data", list);
        json_object_set(context, "record", (json_t *)mapped);
        t->send.body_context = context;
        return APR_SUCCESS;
    }
    if (strcmp(step->method, "GET") == 0) {
        return APR_SUCCESS;
    }
    if (step->request_media == FLOW_MEDIA_FORM_DATA) {
        return flow_conn_http_multipart(mapped, t->call->blobs, &t->send.body,
                                        &t->send.body_len,
                                        &t->send.content_type, t->p, err);
    }
    flow_buf_init(&text, BODY_MAX);
    rv = flow_body_write(&text, step->request_media, mapped, t->p, err);
    if (rv == APR_SUCCESS) {
        t->send.body = flow_buf_steal(&text, &t->send.body_len, t->p);
    }
    flow_buf_release(&text);
    return rv;
}

static apr_status_t request_page(http_turn_t *t, flow_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;

    t->send.templates = t->call->templates;
    t->send.tpl = &t->x->step.body;
    t->send.connection = t->exp->connection;
    t->send.step = &t->x->step;
    t->send.context = t->context;
    if (t->pages > 0) {
        t->send.url = flow_json_member(t->cursor, "url");
        t->send.uri = t->x->next_uri;
        if (t->x->next_body.tpl) {
            t->send.tpl = &t->x->next_body;
        }
    }
    if (t->call->mapped) {
        rv = use_mapped(t, err);
    }
    if (rv == APR_SUCCESS) {
        rv = flow_conn_http_paging_check(t, err);
    }
    if (rv == APR_SUCCESS) {
        rv = flow_conn_http_send(&t->send, t->call, &t->answer, t->p, err);
    }
    return rv;
}

static void keep_exchange(const http_turn_t *t)
{
    if (t->call->exchange) {
        *t->call->exchange =
            flow_conn_http_exchange(&t->answer, t->exp->connection, t->p);
    }
}

static json_t *page_records(const http_turn_t *t)
{
    const http_export_t *x = t->x;
    json_t *records = flow_conn_http_records(
        t->answer.value, t->pages > 0 && x->next_resource_path
                             ? x->next_resource_path
                             : x->step.resource_path);

    return x->has_rows ? flow_conn_http_rows(records, x->has_header, t->p)
                       : records;
}

/* @a records is taken. */
static apr_status_t next_page(http_turn_t *t, json_t *records,
                              flow_page_t *page, flow_error_t *err)
{
    apr_status_t rv =
        flow_conn_http_paging_next(t, records, &page->cursor, err);

    if (rv != APR_SUCCESS) {
        json_decref(records);
        return rv;
    }
    page->records = records;
    return APR_SUCCESS;
}

apr_status_t flow_conn_http_export_page(const flow_export_t *exp,
                                        const flow_call_t *call,
                                        const json_t *input,
                                        const json_t *cursor, flow_page_t *page,
                                        apr_pool_t *p, flow_error_t *err)
{
    http_turn_t t = { exp, exp->data, call, cursor };
    json_t *records = NULL;
    apr_status_t rv;

    page->records = NULL;
    page->cursor = NULL;
    page->errors = NULL;
    if (t.x->async && cursor) {
        return flow_conn_http_async_page(exp, call, cursor, page, p, err);
    }
    t.p = p;
    t.context = flow_conn_http_context(call, p);
    flow_conn_http_paging_read(&t);
    add_input(&t, input);
    flow_conn_http_paging_context(&t);
    rv = request_page(&t, err);
    if (rv != APR_SUCCESS) {
        keep_exchange(&t);
        return rv;
    }
    if (call->dry_run || flow_conn_http_paging_ended(&t)) {
        page->records = json_array();
        return APR_SUCCESS;
    }
    rv = flow_conn_http_judge(&t.answer, &t.x->step.verdict, exp->connection, p,
                              err);
    if (rv != APR_SUCCESS) {
        keep_exchange(&t);
        return rv;
    }
    if (t.x->async) {
        return flow_conn_http_async_begin(exp, call, t.answer.value, page, p,
                                          err);
    }
    if (t.x->is_blob) {
        return flow_conn_http_blob_record(t.x, call, &t.answer, &page->records,
                                          p, err);
    }
    if (t.x->file) {
        rv =
            flow_conn_http_file_records(t.x, &t.answer, &records, page, p, err);
        if (rv != APR_SUCCESS) {
            keep_exchange(&t);
            return flow_error_prefix(err, "connection '%s'",
                                     exp->connection->id);
        }
        return next_page(&t, records, page, err);
    }
    return next_page(&t, page_records(&t), page, err);
}
