/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/flow_error.h"
#include "data/flow_json.h"
#include "flow/flow_request.h"

static apr_pool_t *pool;

static int setup(void **state)
{
    (void)state;
    flow_json_global_init();
    return apr_pool_create(&pool, NULL);
}

static int teardown(void **state)
{
    (void)state;
    apr_pool_destroy(pool);
    return 0;
}

static void names_that_are_no_token_are_refused(void **state)
{
    /* clang-format off */
    static const struct { const char *name; int ok; } cases[] = {
        { "Content-Type",    1 },
        { "X_1.a~b|c^`!#$%&'*+", 1 },
        { "",                0 },
        { "a b",             0 },
        { "a:b",             0 },
        { "a\r\nb",          0 },
        { "a\tb",            0 },
        { "a\x7f",           0 },
        { "\xc3\xa4",        0 },
        { "(a)",             0 },
        { "a\"b",            0 },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        assert_int_equal(flow_header_name_ok(cases[i].name), cases[i].ok);
    }
}

static void values_with_control_characters_are_refused(void **state)
{
    (void)state;
    assert_true(flow_header_value_ok("a\tb c", 5));
    assert_true(flow_header_value_ok("", 0));
    assert_true(flow_header_value_ok("\xc3\xa4", 2));
    assert_false(flow_header_value_ok("a\rb", 3));
    assert_false(flow_header_value_ok("a\nb", 3));
    assert_false(flow_header_value_ok("a\0b", 3));
    assert_false(flow_header_value_ok("a\x7f", 2));
}

static flow_request_t *request(void)
{
    flow_request_t *req = apr_pcalloc(pool, sizeof(*req));

    req->method = "POST";
    req->uri = "/hooks/orders";
    req->path_info = "";
    req->body = "";
    req->headers = apr_table_make(pool, 4);
    return req;
}

static void set_header(flow_request_t *req, const char *name, const char *value)
{
    apr_table_addn((apr_table_t *)req->headers, name, value);
}

static void headers_have_lower_case_names(void **state)
{
    flow_request_t *req = request();
    char *long_name = apr_pcalloc(pool, 200);
    json_t *headers;

    (void)state;
    memset(long_name, 'A', 150);
    set_header(req, "Content-Type", "text/plain");
    set_header(req, "X-Bad",
               "a\xff"
               "b");
    set_header(req, "X-Two", "1");
    set_header(req, "x-two", "2");
    set_header(req, long_name, "long");
    headers = flow_request_headers_json(req);
    assert_string_equal(flow_json_member(headers, "content-type"),
                        "text/plain");
    assert_string_equal(flow_json_member(headers, "x-two"), "1, 2");
    assert_string_equal(flow_json_member(headers, "x-bad"), "a\xef\xbf\xbd"
                                                            "b");
    memset(long_name, 'a', 150);
    assert_string_equal(flow_json_member(headers, long_name), "long");
    assert_int_equal(json_object_size(headers), 4);
    json_decref(headers);

    req->headers = NULL;
    headers = flow_request_headers_json(req);
    assert_int_equal(json_object_size(headers), 0);
    json_decref(headers);
}

static void an_event_comes_back_from_the_store_as_it_was(void **state)
{
    static const char binary[] = "\xff\x00\x01zip";
    flow_request_t *req = request(), *back;
    json_t *v;

    (void)state;
    set_header(req, "Content-Type", "application/json");
    set_header(req, "Authorization", "Bearer hidden");
    set_header(req, "Cookie", "sid=hidden");
    req->query = "a=1&b=2";
    req->body = "{\"price\":19.90}";
    req->body_len = strlen(req->body);
    v = flow_request_to_json(req, pool);
    assert_null(json_object_get(json_object_get(v, "headers"), "cookie"));
    assert_null(strstr(flow_json_text(v, NULL, pool), "hidden"));
    back = flow_request_from_json(v, pool);
    json_decref(v);
    assert_string_equal(back->method, "POST");
    assert_string_equal(back->uri, "/hooks/orders");
    assert_string_equal(back->query, "a=1&b=2");
    assert_string_equal(apr_table_get(back->headers, "Content-Type"),
                        "application/json");
    assert_int_equal(back->body_len, req->body_len);
    assert_string_equal(back->body, req->body);

    req->query = NULL;
    req->body = binary;
    req->body_len = sizeof(binary) - 1;
    v = flow_request_to_json(req, pool);
    assert_null(json_object_get(v, "body"));
    back = flow_request_from_json(v, pool);
    json_decref(v);
    assert_null(back->query);
    assert_int_equal(back->body_len, sizeof(binary) - 1);
    assert_memory_equal(back->body, binary, sizeof(binary) - 1);
}

static void an_event_with_nothing_in_it_is_still_a_request(void **state)
{
    json_t *v = json_object();
    flow_request_t *req = flow_request_from_json(v, pool);

    (void)state;
    json_decref(v);
    assert_string_equal(req->method, "POST");
    assert_string_equal(req->uri, "");
    assert_string_equal(req->body, "");
    assert_int_equal(req->body_len, 0);
    assert_non_null(req->headers);
}

static void an_error_answer_is_an_envelope(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_answer_t answer = { 0 };

    (void)state;
    flow_error_set(&err, FLOW_E_REFUSED, APR_EGENERAL, "no", "it said \"no\"");
    flow_answer_error(&answer, 0, &err, "application", pool);
    assert_int_equal(answer.status, 502);
    assert_string_equal(answer.content_type, "application/json");
    assert_string_equal(answer.body,
                        "{\"errors\":[{\"code\":\"no\",\"message\":"
                        "\"it said \\\"no\\\"\",\"source\":\"application\"}]}");
    assert_int_equal(answer.body_len, strlen(answer.body));

    flow_answer_error(&answer, 404, &err, NULL, pool);
    assert_int_equal(answer.status, 404);
    assert_non_null(strstr(answer.body, "\"source\":\"internal\""));
    flow_error_clear(&err);
    flow_error_set(&err, FLOW_E_INPUT, APR_EINVAL, "no", "not so");
    flow_answer_error(&answer, 404, &err, NULL, pool);
    assert_non_null(strstr(answer.body, "\"source\":\"request\""));
}

static void a_json_answer_keeps_numbers_as_they_are(void **state)
{
    flow_answer_t answer = { 0 };
    json_t *v = NULL;

    (void)state;
    assert_int_equal(flow_json_parse(&v, "{\"a\":19.90}", 11, NULL),
                     APR_SUCCESS);
    flow_answer_json(&answer, 201, v, pool);
    json_decref(v);
    assert_int_equal(answer.status, 201);
    assert_string_equal(answer.body, "{\"a\":19.90}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_are_no_token_are_refused),
        cmocka_unit_test(values_with_control_characters_are_refused),
        cmocka_unit_test(headers_have_lower_case_names),
        cmocka_unit_test(an_event_comes_back_from_the_store_as_it_was),
        cmocka_unit_test(an_event_with_nothing_in_it_is_still_a_request),
        cmocka_unit_test(an_error_answer_is_an_envelope),
        cmocka_unit_test(a_json_answer_keeps_numbers_as_they_are),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, setup, teardown);
}
