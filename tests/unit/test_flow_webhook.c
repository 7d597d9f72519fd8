/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <apr_strings.h>

#include "hook_fixture.h"

static flow_request_t *post(const char *type, const char *body)
{
    return world_request(hook_world, "POST", type, body);
}

/* ---- mistakes ---- */

static void a_method_says_what_it_needs(void **state)
{
    /* clang-format off */
    static const struct {
        const char *path[4], *value[4], *message;
    } cases[] = {
        { { "verify" }, { "basic" }, "webhook.username: is required" },
        { { "verify", "token" }, { "token", "x" }, "webhook.path: is req" },
        { { "verify", "token", "tokenLocation" }, { "token", "x", "header" },
          "webhook.tokenHeaderName: is required" },
        { { "verify", "token", "tokenLocation" },
          { "token", "x", "queryParam" },
          "webhook.tokenQueryParamName: is required" },
        { { "verify", "key", "header" }, { "hmac", "x", "X-Sig" },
          "webhook.algorithm: is required" },
        { { "verify", "header" }, { "hmac", "X Sig" }, "'X Sig' cannot be" },
        { { "verify" }, { "secret_url" }, "webhook.token: is required" },
        { { "verify" }, { "hmca" }, "hmac" },
        { { "provider" }, { "box" }, "box" },
        { { "includeParentData" }, { "true" }, "needs pathToRecords" },
        { { "successStatusCode" }, { "302" }, "successStatusCode" },
    };
    /* clang-format on */
    const flow_compile_settings_t settings = { 16 * 1024 * 1024 };
    size_t i, k;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        char path[80];

        hook_teardown(state);
        hook_setup(state);
        flow_docs_begin(hook_world->docs, FLOW_KIND_EXPORT, "in", "world.conf",
                        1);
        flow_docs_set(hook_world->docs, "type", "webhook", "world.conf", 2);
        for (k = 0; k < 4 && cases[i].path[k]; ++k) {
            apr_snprintf(path, sizeof(path), "webhook.%s", cases[i].path[k]);
            flow_docs_set(hook_world->docs, path, cases[i].value[k],
                          "world.conf", 3);
        }
        flow_compile(&hook_world->model, hook_world->docs, &settings,
                     hook_world->p, hook_world->p);
        if (!strstr(world_problems(hook_world), cases[i].message)) {
            assert_string_equal(world_problems(hook_world), cases[i].message);
        }
    }
}

/* ---- records ---- */

static void expect_records(const flow_webhook_t *w, const char *type,
                           const char *body, const char *expected)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *records = NULL;
    apr_status_t rv = flow_webhook_records(w, post(type, body), &records,
                                           hook_world->p, &err);

    if (!expected) {
        assert_int_not_equal(rv, APR_SUCCESS);
        assert_int_equal(err.kind, FLOW_E_INPUT);
        assert_null(records);
        return;
    }
    assert_string_equal(err.message, "");
    world_own(hook_world, records);
    world_expect(hook_world, records, expected);
}

static void bodies_are_read_by_their_type(void **state)
{
    /* clang-format off */
    static const struct { const char *type, *body, *records; } cases[] = {
        { "application/json", "{\"a\":1}", "[{'a':1}]" },
        { "application/vnd.x+json; charset=utf-8", "{\"a\":1}", "[{'a':1}]" },
        { "application/json", "[{\"a\":1},{\"a\":2}]", "[{'a':1},{'a':2}]" },
        { "application/json", "[1,{\"a\":2}]", "[[1,{'a':2}]]" },
        { "application/json", "[]", "[]" },
        { "application/json", "7", NULL },
        { "application/json", "null", NULL },
        { "application/json", "{\"a\":", NULL },
        { "application/json", "", NULL },
        { "application/x-www-form-urlencoded", "a=1&b=x+y&a=2",
          "[{'a':['1','2'],'b':'x y'}]" },
        { "text/plain", "hello", "[{'text':'hello'}]" },
        { NULL, "{\"a\":1}", "[{'a':1}]" },
        { NULL, "hello", NULL },
        { NULL, "", "[{}]" },
        { "multipart/form-data; boundary=x", "--x", NULL },
    };
    /* clang-format on */
    const flow_webhook_t *w = LISTENER({ "provider", "custom" });
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        expect_records(w, cases[i].type, cases[i].body, cases[i].records);
    }
}

static void a_setting_wins_over_the_content_type(void **state)
{
    const flow_webhook_t *w = LISTENER({ "requestMediaType", "csv" });

    (void)state;
    expect_records(w, "application/json", "id,name\n1,Ada\n2,Bob\n",
                   "[{'id':'1','name':'Ada'},{'id':'2','name':'Bob'}]");
}

static void a_path_leads_to_the_records(void **state)
{
    const flow_webhook_t *w = LISTENER({ "pathToRecords", "data.orders" });

    (void)state;
    expect_records(w, NULL,
                   "{\"shop\":\"x\",\"data\":{\"orders\":[{\"id\":1},"
                   "{\"id\":2}]}}",
                   "[{'id':1},{'id':2}]");
    expect_records(w, NULL, "{\"data\":{\"orders\":[]}}", "[]");
    expect_records(w, NULL, "{\"data\":{\"orders\":{}}}", NULL);
    expect_records(w, NULL, "{\"data\":{}}", NULL);
    expect_records(w, NULL, "{\"data\":{\"orders\":[1]}}", NULL);
}

static void records_may_keep_what_surrounds_them(void **state)
{
    const flow_webhook_t *w = LISTENER({ "pathToRecords", "orders" },
                                       { "includeParentData", "true" });

    (void)state;
    expect_records(w, NULL,
                   "{\"shop\":\"x\",\"id\":9,\"ordersTotal\":2,"
                   "\"orders\":[{\"id\":1},{\"n\":2}]}",
                   "[{'shop':'x','id':1,'ordersTotal':2},"
                   "{'shop':'x','id':9,'ordersTotal':2,'n':2}]");
}

/* ---- answers ---- */

static flow_answer_t answer_to(const flow_webhook_t *w,
                               const flow_request_t *req, int challenge)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_answer_t answer;

    assert_int_equal(
        flow_webhook_answer(w, req, challenge, &answer, hook_world->p, &err),
        APR_SUCCESS);
    return answer;
}

static void the_usual_answer_is_204_and_nothing(void **state)
{
    const flow_webhook_t *w = LISTENER({ "successBody", "{\"ok\":true}" });
    flow_answer_t answer = answer_to(w, post(NULL, "{}"), 0);

    (void)state;
    assert_int_equal(answer.status, 204);
    assert_null(answer.body);
    assert_null(answer.content_type);
    assert_int_equal(answer.body_len, 0);
    assert_string_equal(flow_webhook_allowed(w), "POST, PUT");
}

static void an_answer_sees_the_request(void **state)
{
    const flow_webhook_t *w = LISTENER(
        { "successStatusCode", "202" },
        { "successBody", "{\"got\":\"{{order.id}}\",\"by\":\"{{body.by}}\"}" },
        { "successResponseHeaders",
          "[{\"name\":\"X-Id\",\"value\":\"{{{order.id}}}\"},"
          "{\"name\":\"X-By\",\"value\":\"{{{by}}}\"}]" });
    flow_answer_t answer = answer_to(
        w, post(NULL, "{\"order\":{\"id\":7},\"by\":\"a\\r\\nSet-Cookie: x\"}"),
        0);

    (void)state;
    assert_int_equal(answer.status, 202);
    assert_string_equal(answer.content_type, "application/json");
    assert_string_equal(answer.body,
                        "{\"got\":\"7\",\"by\":\"a\\r\\nSet-Cookie: x\"}");
    assert_int_equal(answer.body_len, strlen(answer.body));
    assert_string_equal(apr_table_get(answer.headers, "X-Id"), "7");
    assert_null(apr_table_get(answer.headers, "X-By"));
}

static void a_challenge_is_answered_and_makes_no_record(void **state)
{
    const flow_webhook_t *w = LISTENER(
        { "verify", "hmac" }, { "key", "s3cret" }, { "algorithm", "sha256" },
        { "encoding", "hex" }, { "header", "X-Signature" },
        { "challengeSuccessBody", "{{{hub.challenge}}}{{{challenge}}}" },
        { "challengeSuccessMediaType", "plaintext" });
    flow_request_t *req = post(NULL, "");
    flow_answer_t answer;

    (void)state;
    assert_string_equal(flow_webhook_allowed(w), "GET, POST, PUT");
    req->method = "GET";
    req->query = "hub.mode=subscribe&hub.challenge=1158201444";
    assert_true(
        hook_passes(w, req)); /* there is nothing that could be signed */
    assert_true(flow_webhook_is_challenge(w, req, hook_world->p));
    answer = answer_to(w, req, 1);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.content_type, "text/plain; charset=utf-8");
    assert_string_equal(answer.body, "1158201444");

    req = post("application/json", "{\"challenge\":\"abc\"}");
    assert_false(hook_passes(w, req));
    assert_true(flow_webhook_is_challenge(w, req, hook_world->p));
    answer = answer_to(w, req, 1);
    assert_string_equal(answer.body, "abc");

    req = post("application/json", "{\"id\":1}");
    assert_false(flow_webhook_is_challenge(w, req, hook_world->p));
}

static void without_a_challenge_body_there_are_no_challenges(void **state)
{
    const flow_webhook_t *w = LISTENER({ "provider", "custom" });

    (void)state;
    assert_false(flow_webhook_is_challenge(
        w, post("application/json", "{\"challenge\":\"abc\"}"), hook_world->p));
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, hook_setup, hook_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_method_says_what_it_needs),
        TEST(bodies_are_read_by_their_type),
        TEST(a_setting_wins_over_the_content_type),
        TEST(a_path_leads_to_the_records),
        TEST(records_may_keep_what_surrounds_them),
        TEST(the_usual_answer_is_204_and_nothing),
        TEST(an_answer_sees_the_request),
        TEST(a_challenge_is_answered_and_makes_no_record),
        TEST(without_a_challenge_body_there_are_no_challenges),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
