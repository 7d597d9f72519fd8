/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <apr_strings.h>

#include "data/flow_json.h"
#include "flow/flow_hooks.h"
#include "flow/flow_state.h"
#include "world.h"

/* Each function of the script is one way to answer. */
static const char source[] =
    "function all(o) { return o.data.map(function (r) { return {data: r} }) }\n"
    "function one(o) { return [{data: o.data[0]}] }\n"
    "function text(o) { return 'done' }\n"
    "function nothing(o) { }\n"
    "function numbers(o) { return o.data.map(function () { return 1 }) }\n"
    "function scalars(o) { return o.data.map(function () {"
    " return {data: 1} }) }\n"
    "function nulls(o) { return o.data.map(function () { return null }) }\n"
    "function thrower(o) { throw {code: 'too_bad', message: 'no luck'} }\n"
    "function page(o) { return {data: o.data.slice(1), errors: [],"
    " abort: true, newErrorsAndRetryData: [{retryData: o.data[0],"
    " errors: [{code: 'x', message: 'y'}]}]} }\n"
    "function pageOnly(o) { return {data: o.data} }\n"
    "function pageNoData(o) { return {errors: []} }\n"
    "function pageScalars(o) { return {data: [1]} }\n"
    "function pageErrors(o) { return {data: [], errors: 'none'} }\n"
    "function echo(o) { return {data: [o]} }\n"
    "function responses(o) { return o.responseData.map(function (r, i) {"
    " return {statusCode: 200, id: o.preMapData[i].id + '/' +"
    " o.postMapData[i].x} }) }\n"
    "function told(o) { console.log(o.postAggregateData); return 7 }\n"
    "function after(o) { return o.postResponseMapData.map("
    "function (r, i) { r.s = o.responseData[i].statusCode; return r }) }\n";

static world_t *world;
static flow_scope_t scope;

static int setup(void **state)
{
    (void)state;
    world = world_create();
    world_script(world, "s", source);
    world_doc(world, FLOW_KIND_EXPORT, "exp", "_connectionId", "far",
              "settings", "{\"a\":1}", NULL);
    world_doc(world, FLOW_KIND_EXPORT, "changes", "_connectionId", "far",
              "type", "delta", "delta.startDate", "2026-01-02T03:04:05Z", NULL);
    world_doc(world, FLOW_KIND_IMPORT, "imp", "_connectionId", "far", NULL);
    world_compile(world);
    flow_scope_init(&scope, &world->env, &world->caller, NULL,
                    world_import(world, "imp"), world->p);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_destroy(world);
    return 0;
}

static flow_hook_t hook(const char *function)
{
    flow_hook_t h = {
        apr_hash_get(world->model->scripts, "s", APR_HASH_KEY_STRING), function
    };

    return h;
}

static void pre_map_answers_element_for_element(void **state)
{
    /* clang-format off */
    static const struct { const char *function, *code, *message; } cases[] = {
        { "all",     NULL, NULL },
        { "one",     "invalid_hook_response",
          "preMap hook 'one' of script 's': hook must return 2 elements, "
          "got 1" },
        { "text",    "invalid_hook_response", "an array of 2 elements, got "
                                              "string" },
        { "nothing", "invalid_hook_response", "got undefined" },
        { "numbers", "invalid_hook_response", "element 0 must be {data}" },
        { "nulls",   "invalid_hook_response", "got null" },
        { "scalars", "invalid_hook_response", "{data} with a record, got "
                                              "number" },
        { "thrower", "too_bad", "preMap hook 'thrower' of script 's': no luck"
        },
        { "missing", "invalid_function", "missing" },
    };
    /* clang-format on */
    const json_t *records = world_json(world, "[{'id':1},{'id':2}]");
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        flow_error_t err = FLOW_ERROR_INIT;
        flow_hook_t h = hook(cases[i].function);
        json_t *result = NULL;
        apr_status_t rv =
            flow_hook_pre_map(&scope, &h, records, &result, world->p, &err);

        if (!cases[i].code) {
            assert_int_equal(rv, APR_SUCCESS);
            world_expect(world, world_own(world, result),
                         "[{'data':{'id':1}},{'data':{'id':2}}]");
            continue;
        }
        assert_int_not_equal(rv, APR_SUCCESS);
        assert_null(result);
        assert_int_equal(err.kind, FLOW_E_SCRIPT);
        assert_string_equal(err.code, cases[i].code);
        if (!strstr(err.message, cases[i].message)) {
            assert_string_equal(err.message, cases[i].message);
        }
    }
}

static void a_verdict_is_read_from_what_is_there(void **state)
{
    /* clang-format off */
    static const struct {
        const char *element; flow_verdict_e verdict; int data, errors;
    } cases[] = {
        { "{'data':{}}",                        FLOW_VERDICT_GO,     1, 0 },
        { "{'data':[{}]}",                      FLOW_VERDICT_GO,     1, 0 },
        { "{'data':{},'errors':[]}",            FLOW_VERDICT_GO,     1, 0 },
        { "{'data':{},'errors':[{'code':'x'}]}", FLOW_VERDICT_GO,    1, 1 },
        { "{'errors':[{'code':'x'}]}",          FLOW_VERDICT_FAIL,   0, 1 },
        { "{'errors':'text'}",                  FLOW_VERDICT_FAIL,   0, 1 },
        { "{'errors':[]}",                      FLOW_VERDICT_IGNORE, 0, 0 },
        { "{'data':null}",                      FLOW_VERDICT_IGNORE, 0, 0 },
        { "{}",                                 FLOW_VERDICT_IGNORE, 0, 0 },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        const json_t *data, *errors;

        assert_int_equal(flow_hook_verdict(world_json(world, cases[i].element),
                                           &data, &errors),
                         cases[i].verdict);
        assert_int_equal(data != NULL, cases[i].data);
        assert_int_equal(errors != NULL, cases[i].errors);
    }
}

static flow_save_page_t save_page(const char *records)
{
    flow_save_page_t page = { 0 };

    page.records = json_incref(world_json(world, records));
    page.errors = json_incref(world_json(
        world, "[{'code':'c','message':'m','source':'transformation',"
               "'retryDataKey':'r0'}]"));
    page.retry_data = json_incref(
        world_json(world, "{'r0':{'data':{'id':9},'stage':'export'}}"));
    page.index = 3;
    return page;
}

static void release(flow_save_page_t *page)
{
    json_decref(page->records);
    json_decref(page->errors);
    json_decref(page->retry_data);
    json_decref(page->more);
}

static void pre_save_page_replaces_the_page(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_save_page_t page = save_page("[{'id':1},{'id':2}]");
    flow_hook_t h = hook("page");

    (void)state;
    assert_int_equal(flow_hook_pre_save_page(&scope, &h, &page, world->p, &err),
                     APR_SUCCESS);
    world_expect(world, page.records, "[{'id':2}]");
    world_expect(world, page.errors, "[]");
    world_expect(
        world, page.more,
        "[{'retryData':{'id':1},'errors':[{'code':'x','message':'y'}]}]");
    assert_int_equal(page.abort, 1);
    release(&page);
}

static void pre_save_page_keeps_errors_that_it_does_not_mention(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_save_page_t page = save_page("[{'id':1}]");
    flow_hook_t h = hook("pageOnly");

    (void)state;
    assert_int_equal(flow_hook_pre_save_page(&scope, &h, &page, world->p, &err),
                     APR_SUCCESS);
    assert_int_equal(json_array_size(page.errors), 1);
    assert_int_equal(page.abort, 0);
    assert_null(page.more);
    release(&page);
}

static void pre_save_page_that_breaks_its_contract_changes_nothing(void **state)
{
    static const char *const functions[] = { "text",       "nothing",
                                             "pageNoData", "pageScalars",
                                             "pageErrors", "thrower" };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(functions) / sizeof(functions[0]); ++i) {
        flow_error_t err = FLOW_ERROR_INIT;
        flow_save_page_t page = save_page("[{'id':1}]");
        flow_hook_t h = hook(functions[i]);

        assert_int_not_equal(
            flow_hook_pre_save_page(&scope, &h, &page, world->p, &err),
            APR_SUCCESS);
        assert_int_equal(err.kind, FLOW_E_SCRIPT);
        assert_non_null(strstr(err.message, "preSavePage hook '"));
        world_expect(world, page.records, "[{'id':1}]");
        release(&page);
    }
}

static void a_hook_is_told_where_it_runs(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_save_page_t page = save_page("[]");
    flow_hook_t h = hook("echo");
    flow_scope_t of_export;
    const json_t *args;

    (void)state;
    world->caller.job = world_json(world, "{'_id':'j1','type':'flow'}");
    flow_scope_init(&of_export, &world->env, &world->caller,
                    world_export(world, "exp"), NULL, world->p);
    assert_int_equal(
        flow_hook_pre_save_page(&of_export, &h, &page, world->p, &err),
        APR_SUCCESS);
    args = json_array_get(page.records, 0);
    assert_string_equal(flow_json_member(args, "_exportId"), "exp");
    assert_string_equal(flow_json_member(args, "_connectionId"), "far");
    world_expect(world, json_object_get(args, "pageIndex"), "3");
    world_expect(world, json_object_get(args, "settings"),
                 "{'integration':{},'export':{'a':1},"
                 "'connection':{'zone':'eu'}}");
    world_expect(world, json_object_get(args, "testMode"), "false");
    world_expect(world, json_object_get(args, "sandbox"), "false");
    world_expect(world, json_object_get(args, "job"),
                 "{'_id':'j1','type':'flow'}");
    world_expect(world, json_object_get(args, "files"), "[]");
    assert_null(json_object_get(args, "lastExportDateTime"));
    world_expect(world, json_object_get(args, "retryData"),
                 "{'r0':{'data':{'id':9},'stage':'export'}}");
    release(&page);
}

static void post_submit_sees_what_was_sent_and_answered(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_hook_t h = hook("responses");
    json_t *result = NULL;

    (void)state;
    assert_int_equal(
        flow_hook_post_submit(&scope, &h, world_json(world, "[{'id':1}]"),
                              world_json(world, "[{'x':'y'}]"),
                              world_json(world, "[{'statusCode':422}]"),
                              &result, world->p, &err),
        APR_SUCCESS);
    world_expect(world, world_own(world, result),
                 "[{'statusCode':200,'id':'1/y'}]");
    h = hook("nothing");
    assert_int_not_equal(
        flow_hook_post_submit(&scope, &h, world_json(world, "[]"),
                              world_json(world, "[]"), world_json(world, "[]"),
                              &result, world->p, &err),
        APR_SUCCESS);
}

static void post_response_map_changes_copies(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    const json_t *records = world_json(world, "[{'id':1}]");
    flow_hook_t h = hook("after");
    json_t *result = NULL;

    (void)state;
    assert_int_equal(
        flow_hook_post_response_map(&scope, &h, records,
                                    world_json(world, "[{'statusCode':200}]"),
                                    &result, world->p, &err),
        APR_SUCCESS);
    world_expect(world, world_own(world, result), "[{'id':1,'s':200}]");
    world_expect(world, records, "[{'id':1}]");
}

static void a_page_of_a_file_is_told_its_name(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_save_page_t page = save_page("[{'id':1},{'id':2}]");
    flow_hook_t h = hook("echo");

    (void)state;
    page.file = "a.csv";
    assert_int_equal(flow_hook_pre_save_page(&scope, &h, &page, world->p, &err),
                     APR_SUCCESS);
    world_expect(world,
                 json_object_get(json_array_get(page.records, 0), "files"),
                 "[{'fileMeta':{'fileName':'a.csv'}},"
                 "{'fileMeta':{'fileName':'a.csv'}}]");
    release(&page);
}

static void a_delta_page_is_told_its_times(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_save_page_t page = save_page("[]");
    flow_hook_t h = hook("echo");
    flow_scope_t of_export;
    const json_t *args;

    (void)state;
    flow_scope_init(&of_export, &world->env, &world->caller,
                    world_export(world, "changes"), NULL, world->p);
    assert_int_equal(
        flow_hook_pre_save_page(&of_export, &h, &page, world->p, &err),
        APR_SUCCESS);
    args = json_array_get(page.records, 0);
    assert_string_equal(flow_json_member(args, "lastExportDateTime"),
                        "2026-01-02T03:04:05.000Z");
    assert_non_null(flow_json_member(args, "currentExportDateTime"));
    release(&page);
}

/* ---- the script log ---- */

static char logged[2048];

static void keep_log(void *baton, const flow_script_line_t *line)
{
    (void)baton;
    apr_snprintf(logged + strlen(logged), sizeof(logged) - strlen(logged),
                 "%s %s: %.*s\n", line->script_id, line->level, (int)line->len,
                 line->text);
}

static void post_aggregate_is_told_of_the_file(void **state)
{
    static const flow_state_iface_t state_iface = { .log = keep_log };
    flow_error_t err = FLOW_ERROR_INIT;
    flow_hook_t h = hook("told");

    (void)state;
    world->env.state = &state_iface;
    logged[0] = '\0';
    assert_int_equal(
        flow_hook_post_aggregate(
            &scope, &h,
            world_json(world, "[{'statusCode':200,'_json':{'fileName':'a.csv'}}"
                              ",{'statusCode':200}]"),
            world->p, &err),
        APR_SUCCESS);
    assert_int_equal(
        flow_hook_post_aggregate(
            &scope, &h,
            world_json(world, "[{'statusCode':422,'errors':[{'code':'full',"
                              "'message':'no room','source':'application'}]}]"),
            world->p, &err),
        APR_SUCCESS);
    assert_string_equal(
        logged, "s log: {\"success\":true,\"_json\":{\"fileName\":\"a.csv\"}}\n"
                "s log: {\"success\":false,\"code\":\"full\",\"message\":\"no "
                "room\",\"source\":\"application\"}\n");
    h = hook("thrower");
    assert_int_not_equal(flow_hook_post_aggregate(&scope, &h,
                                                  world_json(world, "[{}]"),
                                                  world->p, &err),
                         APR_SUCCESS);
}

/* Whatever goes wrong with a hook stands in the script log, once. */
static void the_script_log_tells_what_was_wrong(void **state)
{
    static const flow_state_iface_t state_iface = { .log = keep_log };
    static const struct {
        const char *function, *line;
    } cases[] = {
        { "thrower", "s error: thrower() failed: too_bad: no luck\n" },
        { "one", "s error: one() failed: invalid_hook_response: preMap hook "
                 "'one' of script 's': hook must return 2 elements, got 1\n" },
        { "missing", "s error: missing() failed: invalid_function: " },
    };
    size_t i;

    (void)state;
    world->env.state = &state_iface;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        flow_error_t err = FLOW_ERROR_INIT;
        flow_hook_t h = hook(cases[i].function);
        json_t *result = NULL;
        size_t len = strlen(cases[i].line);

        logged[0] = '\0';
        assert_int_not_equal(
            flow_hook_pre_map(&scope, &h,
                              world_json(world, "[{'id':1},{'id':2}]"), &result,
                              world->p, &err),
            APR_SUCCESS);
        if (strncmp(logged, cases[i].line, len) ||
            strchr(logged, '\n')[1] != '\0') {
            fail_msg("%s: %s", cases[i].function, logged);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pre_map_answers_element_for_element),
        TEST(a_verdict_is_read_from_what_is_there),
        TEST(pre_save_page_replaces_the_page),
        TEST(pre_save_page_keeps_errors_that_it_does_not_mention),
        TEST(pre_save_page_that_breaks_its_contract_changes_nothing),
        TEST(a_hook_is_told_where_it_runs),
        TEST(a_page_of_a_file_is_told_its_name),
        TEST(a_delta_page_is_told_its_times),
        TEST(post_aggregate_is_told_of_the_file),
        TEST(the_script_log_tells_what_was_wrong),
        TEST(post_submit_sees_what_was_sent_and_answered),
        TEST(post_response_map_changes_copies),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
