/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions of 'integrator-api' and 'mod_flow' as scripts call them, with a
 * store that only remembers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "data/flow_json.h"
#include "flow/flow_host.h"
#include "world.h"

static world_t *w;
static flow_error_t err;
static int status;
static json_t *stored;            /* scope/name -> text */
static const char *last, *logged; /* what the store was asked, told */

/* ---- a store that is none ---- */

static const char *key_of(const char *scope, const char *name)
{
    return apr_pstrcat(w->p, scope, "|", name, NULL);
}

static apr_status_t s_get(void *baton, const char *scope, const char *name,
                          const char **ptext, apr_pool_t *p, flow_error_t *e)
{
    (void)baton;
    (void)p;
    (void)e;
    *ptext = flow_json_member(stored, key_of(scope, name));
    return *ptext ? APR_SUCCESS : APR_NOTFOUND;
}

static apr_status_t s_put(void *baton, const char *scope, const char *name,
                          const char *text, apr_time_t until, int *pis_new,
                          flow_error_t *e)
{
    (void)baton;
    (void)e;
    assert_true(until > apr_time_now());
    *pis_new = !json_object_get(stored, key_of(scope, name));
    json_object_set_new(stored, key_of(scope, name),
                        flow_json_string_new(text, strlen(text)));
    return APR_SUCCESS;
}

static apr_status_t s_remove(void *baton, const char *scope, const char *name,
                             apr_time_t until, flow_error_t *e)
{
    (void)baton;
    (void)until;
    (void)e;
    last = name ? key_of(scope, name) : apr_pstrcat(w->p, scope, "|*", NULL);
    return APR_SUCCESS;
}

static apr_status_t s_keys(void *baton, const char *scope, json_t **plist,
                           apr_pool_t *p, flow_error_t *e)
{
    (void)baton;
    (void)p;
    (void)e;
    *plist = json_array();
    json_array_append_new(*plist, flow_json_string_new(scope, strlen(scope)));
    return APR_SUCCESS;
}

static apr_status_t c_read(void *baton, const char *cache,
                           const flow_cache_query_t *query, json_t **plist,
                           apr_pool_t *p, flow_error_t *e)
{
    (void)baton;
    (void)e;
    last = apr_psprintf(
        p, "%s %s %s %s", cache,
        query->keys ? flow_json_text(query->keys, NULL, p) : "-",
        query->prefix ? query->prefix : "-", query->after ? query->after : "-");
    last = apr_pstrdup(w->p, last);
    *plist = json_array();
    return APR_SUCCESS;
}

static apr_status_t c_write(void *baton, const char *cache,
                            const json_t *entries, apr_time_t until,
                            flow_error_t *e)
{
    (void)baton;
    (void)until;
    (void)e;
    last = apr_pstrcat(w->p, cache, " ", flow_json_text(entries, NULL, w->p),
                       NULL);
    return APR_SUCCESS;
}

static apr_status_t c_remove(void *baton, const char *cache, const json_t *keys,
                             apr_time_t until, flow_error_t *e)
{
    return keys ? c_write(baton, cache, keys, until, e)
                : (last = apr_pstrcat(w->p, cache, " *", NULL), APR_SUCCESS);
}

static apr_status_t s_list(void *baton, json_t **plist, apr_pool_t *p,
                           flow_error_t *e)
{
    (void)baton;
    (void)p;
    (void)e;
    *plist = json_array();
    json_array_append(*plist, world_json(w, "{'_id':'t','name':'one'}"));
    return APR_SUCCESS;
}

static void s_log(void *baton, const flow_script_line_t *line)
{
    (void)baton;
    logged = apr_psprintf(w->p, "%s %s %s: %.*s", line->level, line->script_id,
                          line->job_id ? line->job_id : "-", (int)line->len,
                          line->text);
}

static const flow_state_iface_t iface = { NULL,   s_get,  s_put,   s_remove,
                                          s_keys, c_read, c_write, c_remove,
                                          s_list, s_list, s_log };

/* ---- the world ---- */

static int setup(void **state)
{
    (void)state;
    w = world_create();
    world_script(w, "s",
                 "function hook(o) { console.warn('page', o.pageIndex);"
                 " return {data: o.data.map(function (r) {"
                 " r.seen = true; return r }), errors: []} }\n"
                 "function bad(o) { return o.none.x }\n");
    world_doc(w, FLOW_KIND_EXPORT, "exp", "_connectionId", "far", "externalId",
              "x1", "_integrationId", "int", NULL);
    world_doc(w, FLOW_KIND_EXPORT, "other", "_connectionId", "far", NULL);
    world_doc(w, FLOW_KIND_IMPORT, "imp", "_connectionId", "far", NULL);
    world_compile(w);
    w->env.state = &iface;
    stored = world_own(w, json_object());
    fake.pages = world_json(w, "[[{'id':1}],[{'id':2}]]");
    last = logged = "";
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_destroy(w);
    return 0;
}

/* The result as text, "undefined", or "!status code: message". @a args is what
 * stands between the parentheses. */
static const char *call(const char *object, const char *function,
                        const char *args)
{
    json_t *result = NULL;
    apr_status_t rv;

    flow_error_clear(&err);
    status = 0;
    rv = flow_host_api(&w->env, &w->caller, object, function,
                       world_json(w, apr_pstrcat(w->p, "[", args, "]", NULL)),
                       w->caller.deadline, &result, &status, w->p, &err);
    if (rv != APR_SUCCESS) {
        assert_null(result);
        return apr_psprintf(w->p, "!%d %s: %s", status, err.code, err.message);
    }
    return result ? flow_json_text(world_own(w, result), NULL, w->p)
                  : "undefined";
}

typedef struct case_t {
    const char *object, *function, *args, *result;
} case_t;

static void expect(const case_t *cases, size_t n)
{
    size_t i;

    for (i = 0; i < n; ++i) {
        const case_t *c = &cases[i];
        const char *got = call(c->object, c->function, c->args);

        if (c->result[0] == '!' ? strncmp(got, c->result, strlen(c->result))
                                : strcmp(got, c->result)) {
            fail_msg("%s.%s(%s) gives %s instead of %s", c->object, c->function,
                     c->args, got, c->result);
        }
    }
}

#define EXPECT(cases) expect(cases, sizeof(cases) / sizeof((cases)[0]))

/* ---- documents ---- */

static void documents_are_found_and_read_but_never_changed(void **state)
{
    static const case_t cases[] = {
        { "exports", "find", "{'externalId':'x1'}",
          "[{\"_id\":\"exp\",\"_connectionId\":\"far\",\"externalId\":\"x1\","
          "\"_integrationId\":\"int\"}]" },
        { "exports", "find", "{'externalId':'x2'}", "[]" },
        { "imports", "get", "'imp'",
          "{\"_id\":\"imp\",\"_connectionId\":\"far\"}" },
        { "imports", "get", "{'_id':'imp'}",
          "{\"_id\":\"imp\",\"_connectionId\":\"far\"}" },
        { "imports", "get", "'none'", "undefined" },
        { "imports", "get", "", "!422 missing_required_field: imports.get" },
        { "flows", "find", "", "[]" },
        { "integrations", "find", "", "[{\"_id\":\"int\",\"name\":\"int\"}]" },
        { "integrations", "get", "'int'",
          "{\"_id\":\"int\",\"name\":\"int\"}" },
        { "integrations", "get", "'none'", "undefined" },
        { "accessTokens", "find", "", "[{\"_id\":\"t\",\"name\":\"one\"}]" },
        { "asyncHelpers", "find", "", "[]" },
        { "fileDefinitions", "get", "'x'", "undefined" },
        { "exports", "create", "{}",
          "!405 not_supported: exports.create is refused: definitions live in "
          "files" },
        { "connections", "patch", "'x'", "!405 not_supported" },
        { "accessTokens", "delete", "'t'",
          "!405 not_supported: accessTokens.delete is refused: scripts make "
          "no access tokens" },
        { "", "request", "{}", "!422 missing_required_field: request needs" },
        { "exports", "explode", "", "!501 not_implemented: exports.explode" },
    };

    (void)state;
    EXPECT(cases);
    assert_int_equal(
        json_array_size(world_json(w, call("exports", "find", ""))), 2);
}

/* ---- request ---- */

static void request_reaches_the_same_functions(void **state)
{
    static const case_t cases[] = {
        { "", "request", "{'relativeURI':'/v1/imports/imp'}",
          "{\"_id\":\"imp\",\"_connectionId\":\"far\"}" },
        { "", "request", "{'relativeURI':'imports/imp','method':'get'}",
          "{\"_id\":\"imp\",\"_connectionId\":\"far\"}" },
        { "", "request", "{'relativeURI':'/v1/exports?externalId=x2'}", "[]" },
        { "", "request", "{'relativeURI':'/v1/imports/none'}",
          "!404 not_found: request: there is nothing at '/v1/imports/none'" },
        { "", "request",
          "{'relativeURI':'/v1/exports/exp/invoke','method':'POST'}",
          "{\"data\":[{\"id\":1},{\"id\":2}],\"errors\":[]}" },
        { "", "request",
          "{'relativeURI':'/v1/imports/imp/invoke','method':'POST',"
          "'body':{'data':{'id':7}}}",
          "{\"statusCode\":200,\"ignored\":false,\"errors\":[],\"id\":7,"
          "\"_json\":{\"id\":7}}" },
        { "", "request", "{'relativeURI':'/v1/flows/none/run','method':'POST'}",
          "!404 not_found: there is no flow 'none'" },
        { "", "request",
          "{'relativeURI':'/v1/state/a%20b','method':'PUT',"
          "'body':[1]}",
          "\"Created\"" },
        { "", "request", "{'relativeURI':'/v1/state/a%20b'}", "[1]" },
        { "", "request", "{'relativeURI':'/v1/state/none'}",
          "!404 not_found: request: there is nothing" },
        { "", "request", "{'relativeURI':'/v1/state'}", "{\"keys\":[\"\"]}" },
        { "", "request",
          "{'relativeURI':'/v1/flows/f/state/k','method':'PUT','body':1}",
          "\"Created\"" },
        { "", "request", "{'relativeURI':'/v1/flows/f/state/k'}", "1" },
        { "state", "getForResource", "'flows','f','k'", "1" },
        { "", "request",
          "{'relativeURI':'/v1/lookupcaches/c/getData',"
          "'method':'POST','body':{'keys':['x']}}",
          "{\"data\":[]}" },
        { "", "request",
          "{'relativeURI':'/v1/exports/exp','method':'PUT',"
          "'body':{}}",
          "!405 not_supported: request: exports.update is refused" },
        { "", "request", "{'relativeURI':'/v1/accesstokens','method':'POST'}",
          "!405 not_supported: request: accessTokens.create is refused" },
        { "", "request", "{'relativeURI':'/v1/nothing'}",
          "!404 not_found: request: there is no GET '/v1/nothing' here; a" },
        { "", "request", "{'relativeURI':'/v1/state/x/y/z/a/b/c/d/e'}",
          "!404 not_found" },
        { "", "request", "{'relativeURI':'/v1'}", "!404 not_found" },
        /* what is empty must not become something larger */
        { "", "request", "{'relativeURI':'/v1/state/','method':'DELETE'}",
          "!404 not_found" },
        { "", "request", "{'relativeURI':'/v1/flows//state','method':'DELETE'}",
          "!404 not_found" },
        { "", "request", "{'relativeURI':'/v1/state/a%00b'}",
          "!404 not_found" },
        { "", "request", "{'relativeURI':'/v1/state/%ff'}", "!404 not_found" },
        { "", "request", "{'relativeURI':'/v1/state/..%2fx'}",
          "!404 not_found" },
        { "", "request", "{'relativeURI':'https://elsewhere/v1/state'}",
          "!404 not_found" },
        { "", "request", "{'relativeURI':'/v1/state','method':5}",
          "!422 invalid_field: request method must be a text" },
    };

    (void)state;
    EXPECT(cases);
    call("", "request", "{'relativeURI':'/v1/state/k','method':'DELETE'}");
    assert_string_equal(last, "|k");
    call("", "request", "{'relativeURI':'/v1/state','method':'DELETE'}");
    assert_string_equal(last, "|*");
    call("", "request",
         "{'relativeURI':'/v1/lookupcaches/c/data/purge',"
         "'method':'DELETE'}");
    assert_string_equal(last, "c *");
}

/* ---- virtual documents ---- */

#define DOC                                                                    \
    "{'_connectionId':'far','hooks':{'preSavePage':"                           \
    "{'_scriptId':'s','function':'hook'}}}"

static void a_virtual_export_runs_like_one_in_a_file(void **state)
{
    static const case_t cases[] = {
        { "exports", "runVirtualWithPaging", "{'export':" DOC "}",
          "{\"data\":[{\"id\":1,\"seen\":true},{\"id\":2,\"seen\":true}],"
          "\"errors\":[]}" },
        { "exports", "runVirtual", "{'export':{'_connectionId':'far'}}",
          "{\"data\":[{\"id\":1},{\"id\":2}],\"errors\":[]}" },
    };

    (void)state;
    EXPECT(cases);
    assert_string_equal(logged, "warn s -: page 0");
}

static void a_virtual_import_answers_as_it_was_asked(void **state)
{
    static const case_t cases[] = {
        { "imports", "runVirtual",
          "{'import':{'_connectionId':'far'},'data':{'id':7}}",
          "{\"statusCode\":200,\"ignored\":false,\"errors\":[],\"id\":7,"
          "\"_json\":{\"id\":7}}" },
        { "imports", "runVirtual", "{'import':{'_connectionId':'far'}}",
          "!422 missing_required_field: imports.runVirtual needs data" },
    };

    (void)state;
    EXPECT(cases);
}

static void a_wrong_virtual_document_names_the_field(void **state)
{
    static const case_t cases[] = {
        { "exports", "runVirtual", "{}",
          "!422 missing_required_field: exports.runVirtual needs export" },
        { "exports", "runVirtual", "{'export':{}}",
          "!422 invalid_document: exports.runVirtual _connectionId: required "
          "field" },
        { "exports", "runVirtual",
          "{'export':{'_connectionId':'fat','pageSise':1}}",
          "!422 invalid_document: exports.runVirtual " },
        { "exports", "runVirtual",
          "{'export':{'_connectionId':'far','hooks':{'preSavePage':"
          "{'_scriptId':'s','function':'hock'}}}}",
          "!422 invalid_document: exports.runVirtual "
          "hooks.preSavePage.function: script 's' has no function 'hock'" },
        { "exports", "runVirtual", "{'export':{'type':'webhook'}}",
          "!422 invalid_document: exports.runVirtual type: a webhook" },
        { "imports", "runVirtual",
          "{'data':{},'import':{'_connectionId':'far','oneToMany':3,'a':1,"
          "'b':1,'c':1}}",
          "!422 invalid_document: " },
    };
    const json_t *secrets;
    size_t before;

    (void)state;
    secrets = ((flow_connection_t *)apr_hash_get(w->model->connections, "far",
                                                 APR_HASH_KEY_STRING))
                  ->secrets;
    before = json_array_size(secrets);
    EXPECT(cases);
    assert_non_null(strstr(err.message, "more"));
    assert_int_equal(json_array_size(secrets), before);
    assert_null(
        apr_hash_get(w->model->exports, "virtual", APR_HASH_KEY_STRING));
}

/* ---- state and lookup caches ---- */

static void state_is_kept_by_scope(void **state)
{
    static const case_t cases[] = {
        { "state", "put", "'k',{'n':19.90}", "\"Created\"" },
        { "state", "put", "{'key':'k','value':[null]}", "\"OK\"" },
        { "state", "get", "'k'", "[null]" },
        { "state", "get", "{'key':'none'}", "undefined" },
        { "state", "putForResource", "'exports','e','k',5", "\"Created\"" },
        { "state", "getForResource", "{'type':'exports','_id':'e','key':'k'}",
          "5" },
        { "state", "getForResource", "'exports','e2','k'", "undefined" },
        { "state", "getKeys", "", "{\"keys\":[\"\"]}" },
        { "state", "getKeysForResource", "'flows','f'",
          "{\"keys\":[\"flows/f\"]}" },
        { "state", "get", "", "!422 missing_required_field: state.get" },
        { "state", "get", "'a\\nb'", "!422 invalid_field" },
        { "state", "put", "'k'",
          "!422 missing_required_field: state.put needs "
          "a value" },
        { "state", "getForResource", "'things','e','k'",
          "!422 invalid_field: state.getForResource the type must be" },
        { "state", "delete", "null", "!422 missing_required_field" },
        { "state", "delete", "{}", "!422 missing_required_field" },
        { "state", "deleteForResource", "'exports','e',null",
          "!422 missing_required_field" },
        { "state", "delete", "'k'", "undefined" },
    };

    (void)state;
    EXPECT(cases);
    assert_string_equal(last, "|k");
    call("state", "delete", "");
    assert_string_equal(last, "|*");
    call("state", "deleteForResource", "'exports','e'");
    assert_string_equal(last, "exports/e|*");
    w->env.state = NULL;
    assert_non_null(strstr(call("state", "get", "'k'"), "state_unavailable"));
}

static void lookup_caches_take_texts(void **state)
{
    static const case_t cases[] = {
        { "lookupCaches", "getData", "'c'", "{\"data\":[]}" },
        { "lookupCaches", "getData", "'c',{'keys':'a'}",
          "!422 invalid_field: lookupCaches.getData keys must be" },
        { "lookupCaches", "getData", "{'keys':['a']}",
          "!422 missing_required_field" },
        { "lookupCaches", "upsertData", "'c',{'data':[{'key':'a','value':1}]}",
          "!422 invalid_field: lookupCaches.upsertData the value of 'a' must "
          "be a text" },
        { "lookupCaches", "upsert", "'c',[{'key':'','value':'x'}]",
          "!422 missing_required_field" },
        { "lookupCaches", "deleteData", "'c'", "!422 invalid_field" },
        { "lookupCaches", "create", "{}", "!405 not_supported" },
        { "lookupCaches", "find", "", "[{\"_id\":\"t\",\"name\":\"one\"}]" },
        { "lookupCaches", "upsertData",
          "{'_id':'c','data':[{'key':'a','value':'1'}]}", "undefined" },
    };

    (void)state;
    EXPECT(cases);
    assert_string_equal(last, "c [{\"key\":\"a\",\"value\":\"1\"}]");
    call("lookupCaches", "getData", "'c',{'startsWith':'a','after':'ab'}");
    assert_string_equal(last, "c - a ab");
    call("lookupCaches", "getData", "{'_id':'c','keys':['x','y']}");
    assert_string_equal(last, "c [\"x\",\"y\"] - -");
    call("lookupCaches", "deleteData", "'c',['x']");
    assert_string_equal(last, "c [\"x\"]");
    call("lookupCaches", "purge", "'c'");
    assert_string_equal(last, "c *");
}

/* ---- mod_flow ---- */

static void crypto_gives_known_values(void **state)
{
    static const case_t cases[] = {
        { "crypto", "hash", "'sha256','abc'",
          "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
          "\"" },
        { "crypto", "hash", "'md5','abc','base64'",
          "\"kAFQmDzST7DWlj99KOF/cg==\"" },
        /* RFC 4231, test case 2 */
        { "crypto", "hmac", "'sha256','Jefe','what do ya want for nothing?'",
          "\"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
          "\"" },
        { "crypto", "timingSafeEqual", "'abc','abc'", "true" },
        { "crypto", "timingSafeEqual", "'abd','abc'", "false" },
        { "crypto", "timingSafeEqual", "'abc','abcd'", "false" },
        { "crypto", "hash", "'sha3','abc'",
          "!422 invalid_field: crypto.hash needs an algorithm" },
        { "crypto", "hash", "'sha1','abc','latin'", "!422 invalid_field" },
        { "crypto", "hash", "'sha1',7", "!422 invalid_field" },
        { "crypto", "timingSafeEqual", "'abc'", "!422 invalid_field" },
        { "crypto", "randomBytes", "0", "!422 invalid_field" },
        { "crypto", "randomBytes", "1025", "!422 invalid_field" },
    };
    const char *a, *b;

    (void)state;
    EXPECT(cases);
    a = call("crypto", "randomBytes", "16");
    b = call("crypto", "randomBytes", "16");
    assert_int_equal(strlen(a), 34);
    assert_string_not_equal(a, b);
    a = call("crypto", "uuid", "");
    assert_int_equal(strlen(a), 38);
    assert_int_equal(a[15], '4');
    assert_string_not_equal(a, call("crypto", "uuid", ""));
}

static void sleep_ends_in_time(void **state)
{
    volatile apr_uint32_t stopping = 0;
    apr_time_t start = apr_time_now();

    (void)state;
    assert_string_equal(call("", "sleep", "5"), "undefined");
    assert_true(apr_time_now() - start >= apr_time_from_msec(5));
    assert_int_equal(call("", "sleep", "'x'")[0], '!');
    assert_int_equal(call("", "sleep", "-1")[0], '!');

    start = apr_time_now();
    w->caller.deadline = start + apr_time_from_msec(10);
    assert_string_equal(call("", "sleep", "1e300"), "undefined");
    assert_true(apr_time_now() - start < apr_time_from_sec(5));

    w->caller.deadline = start + apr_time_from_sec(60);
    stopping = 1;
    w->caller.stopping = &stopping;
    assert_non_null(strstr(call("", "sleep", "60000"), "stopping"));
}

static void a_failed_script_is_in_the_script_log(void **state)
{
    static const flow_hook_t none = { NULL, NULL };
    flow_hook_t bad = none;
    json_t *result = NULL;

    (void)state;
    bad.script = apr_hash_get(w->model->scripts, "s", APR_HASH_KEY_STRING);
    bad.function = "bad";
    w->caller.job = world_json(w, "{'_id':'j1'}");
    flow_error_clear(&err);
    flow_host_hook(&w->env, &w->caller, &bad, world_json(w, "{}"), &result,
                   w->p, &err);
    assert_string_equal(err.code, "TypeError");
    if (strncmp(logged, "error s j1: bad() failed: TypeError: ", 37) != 0 ||
        !strstr(logged, "; at bad (")) {
        fail_msg("%s", logged);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(documents_are_found_and_read_but_never_changed),
        TEST(request_reaches_the_same_functions),
        TEST(a_virtual_export_runs_like_one_in_a_file),
        TEST(a_virtual_import_answers_as_it_was_asked),
        TEST(a_wrong_virtual_document_names_the_field),
        TEST(state_is_kept_by_scope),
        TEST(lookup_caches_take_texts),
        TEST(crypto_gives_known_values),
        TEST(sleep_ends_in_time),
        TEST(a_failed_script_is_in_the_script_log),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
