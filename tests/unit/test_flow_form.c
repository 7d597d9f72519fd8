/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "data/flow_json.h"
#include "data/flow_text.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static apr_pool_t *pool;

static int make_pool(void **state)
{
    (void)state;
    apr_pool_create(&pool, NULL);
    return 0;
}

static int drop_pool(void **state)
{
    (void)state;
    apr_pool_destroy(pool);
    return 0;
}

static void names_and_values_are_decoded(void **state)
{
    /* clang-format off */
    static const struct { const char *query, *json; } cases[] = {
        { "", "{}" }, { "a=1", "{\"a\":\"1\"}" }, { "a", "{\"a\":\"\"}" },
        { "a=", "{\"a\":\"\"}" }, { "=x", "{\"\":\"x\"}" },
        { "&&a=1&&b=2&", "{\"a\":\"1\",\"b\":\"2\"}" },
        { "a=1=2", "{\"a\":\"1=2\"}" },
        { "a+b=c+d%2B%20", "{\"a b\":\"c d+ \"}" },
        { "%41%c3%a9=%C3%9F", "{\"A\xc3\xa9\":\"\xc3\x9f\"}" },
        { "a=%&b=%4&c=%zz&d=%4g&e=100%",
          "{\"a\":\"%\",\"b\":\"%4\",\"c\":\"%zz\",\"d\":\"%4g\","
          "\"e\":\"100%\"}" },
        { "a=1&b=2&a=3&a=4", "{\"a\":[\"1\",\"3\",\"4\"],\"b\":\"2\"}" },
        { "a[b]=c&x[]=1&x[]=2",
          "{\"a[b]\":\"c\",\"x[]\":[\"1\",\"2\"]}" },
        { "a;b=1", "{\"a;b\":\"1\"}" },
        { "a=%00b", "{\"a\":\"\\u0000b\"}" },
        { "a=%ff&\xff=1", "{\"a\":\"\xef\xbf\xbd\",\"\xef\xbf\xbd\":\"1\"}" },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        size_t len = strlen(cases[i].query);
        char *exact = malloc(len ? len : 1); /* no NUL behind it */
        json_t *v;

        memcpy(exact, cases[i].query, len);
        v = flow_query_parse(exact, len, pool, NULL);
        free(exact);
        assert_non_null(v);
        assert_string_equal(flow_json_text(v, NULL, pool), cases[i].json);
        json_decref(v);
    }
}

static void too_many_pairs_are_refused(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    char *query = apr_palloc(pool, 20002);
    json_t *v;
    int i;

    (void)state;
    for (i = 0; i < 10001; ++i) {
        memcpy(query + 2 * i, "a&", 2);
    }
    v = flow_query_parse(query, 20000, pool, &err);
    assert_non_null(v);
    assert_int_equal(json_array_size(json_object_get(v, "a")), 10000);
    json_decref(v);
    assert_null(flow_query_parse(query, 20002, pool, &err));
    assert_string_equal(err.code, "invalid_form");
    assert_string_equal(err.message, "more than 10000 name=value pairs");
}

static void an_object_becomes_a_form_and_comes_back(void **state)
{
    static const char json[] =
        "{\"a b\":\"1&2=3\",\"n\":19.90,\"l\":[\"x\",\"\",true],"
        "\"\xc3\xa9\":\"~-._*\",\"z\":null,\"e\":[]}";
    json_t *v = NULL, *back;
    flow_buf_t out;

    (void)state;
    assert_int_equal(flow_json_parse(&v, json, strlen(json), NULL), 0);
    flow_buf_init(&out, 1000);
    flow_buf_addc(&out, '?');
    assert_int_equal(
        flow_body_write(&out, FLOW_MEDIA_URLENCODED, v, pool, NULL), 0);
    assert_string_equal(out.data, "?a+b=1%262%3D3&n=19.90&l=x&l=&l=true&"
                                  "%C3%A9=%7E-._*&z=");
    back = flow_query_parse(out.data + 1, out.len - 1, pool, NULL);
    assert_string_equal(flow_json_text(back, NULL, pool),
                        "{\"a b\":\"1&2=3\",\"n\":\"19.90\",\"l\":[\"x\","
                        "\"\",\"true\"],\"\xc3\xa9\":\"~-._*\",\"z\":\"\"}");
    json_decref(back);
    json_decref(v);
    flow_buf_release(&out);
}

static void only_an_object_is_a_form(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *v = json_array();
    flow_buf_t out;

    (void)state;
    flow_buf_init(&out, 1000);
    assert_int_not_equal(
        flow_body_write(&out, FLOW_MEDIA_URLENCODED, v, pool, &err), 0);
    assert_string_equal(err.message,
                        "a form is written from an object, not from array");
    json_decref(v);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_pool, drop_pool)
    const struct CMUnitTest tests[] = {
        TEST(names_and_values_are_decoded),
        TEST(too_many_pairs_are_refused),
        TEST(an_object_becomes_a_form_and_comes_back),
        TEST(only_an_object_is_a_form),
    };
    int rc;

    apr_initialize();
    flow_json_global_init();
    flow_text_global_init();
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return rc;
}
