/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <apr_strings.h>

#include "data/flow_json.h"
#include "data/flow_text.h"
#include "flow/flow_connector.h"

fake_t fake;
static pthread_mutex_t fake_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- the connector ---- */

static void note_call(const flow_call_t *call)
{
    json_array_append(fake.contexts, (json_t *)call->context);
}

static apr_status_t fake_export(const flow_export_t *exp,
                                const flow_call_t *call, const json_t *input,
                                const json_t *cursor, flow_page_t *page,
                                apr_pool_t *p, flow_error_t *err)
{
    apr_int64_t at = 0;
    json_t *row;

    (void)exp;
    (void)p;
    pthread_mutex_lock(&fake_lock);
    note_call(call);
    if (input) {
        json_array_append(fake.inputs, (json_t *)input);
    }
    pthread_mutex_unlock(&fake_lock);
    flow_json_int64(cursor, &at);
    if (fake.on_read) {
        fake.on_read((int)at);
    }
    if (at == fake.fail_at) {
        return flow_error_set(err, fake.fail_kind, APR_EGENERAL, "far_end",
                              "page %d cannot be read", (int)at);
    }
    if (fake.echo_input && input) {
        row = json_object();
        json_object_set(row, "found", json_object_get(input, "id"));
        page->records = json_array();
        json_array_append_new(page->records, row);
        return APR_SUCCESS;
    }
    page->records = json_copy(json_array_get(fake.pages, (size_t)at));
    if (!page->records) {
        page->records = json_array();
    }
    if ((size_t)at + 1 < json_array_size(fake.pages)) {
        page->cursor = json_integer(at + 1);
    }
    return APR_SUCCESS;
}

/* A record with "refuse" is refused, one with "skip" ignored. */
static json_t *answer_record(const json_t *record)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *response;

    if (json_object_get(record, "refuse")) {
        flow_error_set(&err, FLOW_E_REFUSED, APR_EGENERAL, "refused",
                       "the far end does not want it");
        return flow_response_error(&err, "application");
    }
    response = flow_response_ok(json_object_get(record, "id"), record);
    if (json_object_get(record, "skip")) {
        json_object_set_new(response, "ignored", json_true());
    }
    return response;
}

static apr_status_t fake_import(const flow_import_t *imp,
                                const flow_call_t *call, const json_t *records,
                                const json_t *originals, json_t **presponses,
                                apr_pool_t *p, flow_error_t *err)
{
    size_t i;

    (void)imp;
    (void)p;
    pthread_mutex_lock(&fake_lock);
    note_call(call);
    ++fake.calls;
    fake.deadline = call->deadline;
    fake.until = flow_call_until(call);
    fake.dry_runs += call->dry_run;
    pthread_mutex_unlock(&fake_lock);
    if (fake.import_fails) {
        return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EGENERAL,
                              "connect_failed", "nobody is there");
    }
    *presponses = json_array();
    pthread_mutex_lock(&fake_lock);
    for (i = 0; i < json_array_size(records); ++i) {
        json_array_append_new(*presponses,
                              answer_record(json_array_get(records, i)));
        if (!call->dry_run) {
            json_array_append(fake.sent, json_array_get(records, i));
            json_array_append(fake.originals, json_array_get(originals, i));
        }
    }
    pthread_mutex_unlock(&fake_lock);
    return APR_SUCCESS;
}

static void compile_nothing(flow_compile_t *c, const json_t *doc,
                            const flow_connection_t *connection, void **pdata)
{
    (void)c;
    (void)doc;
    (void)connection;
    (void)pdata;
}

static apr_status_t fake_mark(const flow_export_t *exp, const flow_call_t *call,
                              const json_t *record, apr_pool_t *p,
                              flow_error_t *err)
{
    apr_int64_t id = 0;

    (void)exp;
    (void)call;
    (void)p;
    flow_json_int64(json_object_get(record, "id"), &id);
    if (fake.mark_fails && id == fake.mark_fails) {
        return flow_error_set(err, FLOW_E_REFUSED, APR_EGENERAL, "no_mark",
                              "it stays as it is");
    }
    pthread_mutex_lock(&fake_lock);
    json_array_append(fake.marked, (json_t *)record);
    pthread_mutex_unlock(&fake_lock);
    return APR_SUCCESS;
}

static apr_status_t fake_ping(const flow_connection_t *connection,
                              const flow_call_t *call, apr_pool_t *p,
                              flow_error_t *err)
{
    (void)connection;
    (void)call;
    (void)p;
    return fake.import_fails
               ? flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EGENERAL,
                                "connect_failed", "nobody is there")
               : APR_SUCCESS;
}

static const flow_connector_t fake_connector = {
    .name = "fake",
    .export_adaptor = "FakeExport",
    .import_adaptor = "FakeImport",
    .compile_export = compile_nothing,
    .compile_import = compile_nothing,
    .export_page = fake_export,
    .import_records = fake_import,
    .export_mark = fake_mark,
    .ping = fake_ping,
};

static void reset_fake(world_t *w)
{
    memset(&fake, 0, sizeof(fake));
    fake.fail_at = -1;
    fake.fail_kind = FLOW_E_REFUSED;
    fake.inputs = world_own(w, json_array());
    fake.sent = world_own(w, json_array());
    fake.marked = world_own(w, json_array());
    fake.originals = world_own(w, json_array());
    fake.contexts = world_own(w, json_array());
}

/* ---- the world ---- */

world_t *world_create(void)
{
    apr_pool_t *p;
    world_t *w;

    assert_int_equal(apr_pool_create(&p, NULL), APR_SUCCESS);
    flow_json_global_init();
    flow_text_global_init();
    flow_script_global_init();
    w = apr_pcalloc(p, sizeof(*w));
    w->p = p;
    w->docs = flow_docs_create(p);
    flow_connector_reset();
    flow_connector_register(&fake_connector);
    reset_fake(w);
    world_doc(w, FLOW_KIND_CONNECTION, "far", "type", "fake", "settings",
              "{\"zone\":\"eu\"}", NULL);
    return w;
}

void world_destroy(world_t *w)
{
    apr_pool_destroy(w->p);
}

void world_doc(world_t *w, flow_kind_e kind, const char *id, ...)
{
    const char *path, *value;
    va_list args;

    flow_docs_begin(w->docs, kind, id, "world.conf", 1);
    va_start(args, id);
    while ((path = va_arg(args, const char *)) != NULL) {
        value = va_arg(args, const char *);
        flow_docs_set(w->docs, path, value, "world.conf", 1);
    }
    va_end(args);
}

void world_script(world_t *w, const char *id, const char *source)
{
    flow_doc_t *doc;

    flow_docs_begin(w->docs, FLOW_KIND_SCRIPT, id, "world.js", 1);
    doc = flow_docs_find(w->docs, FLOW_KIND_SCRIPT, id);
    doc->source = source;
    doc->source_len = strlen(source);
}

const char *world_problems(world_t *w)
{
    const flow_problem_t *problems;
    const char *text = "";
    apr_size_t i, n;

    problems = flow_docs_problems(w->docs, &n);
    for (i = 0; i < n; ++i) {
        text = apr_pstrcat(w->p, text, flow_problem_text(&problems[i], w->p),
                           "\n", NULL);
    }
    return text;
}

void world_compile(world_t *w)
{
    const flow_compile_settings_t settings = { 16 * 1024 * 1024 };
    flow_error_t err = FLOW_ERROR_INIT;
    apr_status_t rv = flow_compile(&w->model, w->docs, &settings, w->p, w->p);

    assert_string_equal(world_problems(w), "");
    assert_int_equal(rv, APR_SUCCESS);
    rv = flow_script_engine_create(&w->env.scripts, 16 * 1024 * 1024, 16,
                                   16 * 1024 * 1024, w->p, &err);
    assert_string_equal(err.message, "");
    assert_int_equal(rv, APR_SUCCESS);
    w->env.model = w->model;
    w->env.api_timeout = apr_time_from_sec(10);
    w->env.hook_timeout = apr_time_from_sec(10);
    w->env.call_timeout = apr_time_from_sec(10);
    w->caller.deadline = apr_time_now() + apr_time_from_sec(10);
}

const flow_export_t *world_export(world_t *w, const char *id)
{
    return apr_hash_get(w->model->exports, id, APR_HASH_KEY_STRING);
}

const flow_import_t *world_import(world_t *w, const char *id)
{
    return apr_hash_get(w->model->imports, id, APR_HASH_KEY_STRING);
}

const flow_flow_t *world_flow(world_t *w, const char *id)
{
    return apr_hash_get(w->model->flows, id, APR_HASH_KEY_STRING);
}

/* ---- requests ---- */

flow_request_t *world_request(world_t *w, const char *method, const char *type,
                              const char *body)
{
    flow_request_t *req = apr_pcalloc(w->p, sizeof(*req));
    apr_table_t *headers = apr_table_make(w->p, 4);

    req->method = method;
    req->uri = "/here";
    req->path_info = "";
    req->body = body ? body : "";
    req->body_len = strlen(req->body);
    req->headers = headers;
    if (type) {
        apr_table_set(headers, "Content-Type", type);
    }
    return req;
}

flow_request_t *world_header(flow_request_t *req, const char *name,
                             const char *value)
{
    apr_table_addn((apr_table_t *)req->headers, name, value);
    return req;
}

/* ---- values ---- */

json_t *world_own(world_t *w, json_t *v)
{
    return flow_json_own(w->p, v);
}

json_t *world_json(world_t *w, const char *text)
{
    char *copy = apr_pstrdup(w->p, text), *s;
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *v = NULL;

    for (s = copy; *s; ++s) {
        if (*s == '\'') {
            *s = '"';
        }
    }
    flow_json_parse(&v, copy, strlen(copy), &err);
    assert_string_equal(err.message, "");
    return world_own(w, v);
}

void world_expect(world_t *w, const json_t *v, const char *text)
{
    json_t *expected = world_json(w, text);

    if (!v || !flow_json_equal(v, expected)) {
        /* says what is there instead */
        assert_string_equal(v ? flow_json_text(v, NULL, w->p) : "NULL",
                            flow_json_text(expected, NULL, w->p));
        fail_msg("values differ");
    }
}
