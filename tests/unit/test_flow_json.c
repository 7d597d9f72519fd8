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

static json_t *parse(const char *text)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *v = NULL;

    if (flow_json_parse(&v, text, strlen(text), &err) != APR_SUCCESS) {
        fail_msg("%s: %s", text, err.message);
    }
    return flow_json_own(pool, v);
}

static const char *text_of(const json_t *v)
{
    return flow_json_text(v, NULL, pool);
}

/* --- text ------------------------------------------------------------------*/

static void escapes_are_read_and_few_are_written(void **state)
{
    /* clang-format off */
    static const struct { const char *in, *out; } cases[] = {
        { "\"\\u0041\\/\"", "\"A/\"" },
        { "\"\\b\\f\\n\\r\\t\\\"\\\\\"", "\"\\b\\f\\n\\r\\t\\\"\\\\\"" },
        { "\"\\u001f\\u007f\"", "\"\\u001f\x7f\"" },
        { "\"a\\u0000b\"", "\"a\\u0000b\"" },
        { "\"\\u00e9\\u20AC\\ud83d\\ude00\"", "\"\xc3\xa9\xe2\x82\xac"
          "\xf0\x9f\x98\x80\"" },
        { "\"\\u2028\\u2029\"", "\"\xe2\x80\xa8\xe2\x80\xa9\"" },
        { "\"\\uffff\\udbff\\udfff\"", "\"\xef\xbf\xbf\xf4\x8f\xbf\xbf\"" },
        { "{\"\\u0000k\\\"\":1}", "{\"\\u0000k\\\"\":1}" },
        { " [ 1 ,\r\n\t{ } , [ ] , \"\" ] ", "[1,{},[],\"\"]" },
        { "\xef\xbb\xbf" "null", "null" },
        { "\"12345678\\n12345678\\t123456789\"",
          "\"12345678\\n12345678\\t123456789\"" },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        assert_string_equal(text_of(parse(cases[i].in)), cases[i].out);
    }
}

static void of_equal_keys_the_last_value_takes_the_first_place(void **state)
{
    (void)state;
    assert_string_equal(text_of(parse("{\"z\":1,\"a\":2,\"z\":3,\"m\":4}")),
                        "{\"z\":3,\"a\":2,\"m\":4}");
}

static void indented_text_is_for_people(void **state)
{
    json_t *v = parse("{\"a\":[1,{}],\"b\":{\"c\":[]}}");
    flow_buf_t b;

    (void)state;
    flow_buf_init(&b, 1000);
    assert_int_equal(flow_json_write(&b, v, FLOW_JSON_INDENT), APR_SUCCESS);
    assert_string_equal(b.data, "{\n  \"a\": [\n    1,\n    {}\n  ],\n"
                                "  \"b\": {\n    \"c\": []\n  }\n}");
    flow_buf_release(&b);
}

static void a_full_buffer_stops_the_writer(void **state)
{
    json_t *v = parse("[\"0123456789\",\"0123456789\"]");
    flow_buf_t b;

    (void)state;
    flow_buf_init(&b, 20);
    assert_int_equal(flow_json_write(&b, v, FLOW_JSON_COMPACT), APR_ENOSPC);
    flow_buf_release(&b);
}

static void a_tree_of_any_depth_is_written(void **state)
{
    json_t *v = json_array();
    apr_size_t len;
    char *text;
    int i;

    (void)state;
    for (i = 1; i < 3000; ++i) {
        json_t *outer = json_array();

        json_array_append_new(outer, v);
        v = outer;
    }
    text = flow_json_text(v, &len, pool);
    assert_int_equal(len, 6000);
    assert_int_equal(strspn(text, "["), 3000);
    json_decref(v);
}

static void what_is_wrong_is_said_with_line_and_column(void **state)
{
    /* clang-format off */
    static const struct { const char *text, *message; } cases[] = {
        { "", "line 1, column 1: the text is empty" },
        { " \n ", "line 2, column 2: the text is empty" },
        { "{\n  \"a\": 1,\n  b: 2\n}",
          "line 3, column 3: expected a name in double quotes" },
        { "{\"\xc3\xa9\" 1}", "line 1, column 6: expected ':' after a name" },
        { "[1 2]", "line 1, column 4: expected ',' or ']' in an array" },
        { "{\"a\":1", "line 1, column 7: expected ',' or '}' in an object" },
        { "[1,]", "line 1, column 4: expected a value" },
        { "[1,", "line 1, column 4: the text ends where a value is expected" },
        { "[01]", "line 1, column 3: malformed number" },
        { "1.", "line 1, column 3: malformed number" },
        { "nul", "line 1, column 1: expected a value" },
        { "1 1", "line 1, column 3: something follows the value" },
        { "\"a", "line 1, column 3: the text ends inside a string" },
        { "\"a\\", "line 1, column 4: the text ends inside a string" },
        { "\"a\tb\"", "line 1, column 3: control character in a string; "
          "write it as an escape" },
        { "\"\\x\"", "line 1, column 3: unknown escape in a string; known are "
          "\\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX" },
        { "\"\\u12g4\"", "line 1, column 6: '\\u' needs four hexadecimal "
          "digits" },
        { "\"\xff\"", "line 1, column 2: bytes that are not valid UTF-8" },
        { "\"12345678\xed\xa0\x80\"",
          "line 1, column 10: bytes that are not valid UTF-8" },
        { "\"\\ud800\"", "line 1, column 2: a surrogate escape stands alone; "
          "a character beyond U+FFFF needs two" },
        { "\"\\udc00\\ud800\"", "line 1, column 2: a surrogate escape stands "
          "alone; a character beyond U+FFFF needs two" },
        { "\"\\ud800\\u0041\"", "line 1, column 2: a surrogate escape stands "
          "alone; a character beyond U+FFFF needs two" },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        flow_error_t err = FLOW_ERROR_INIT;
        json_t *v = json_true();
        const char *expected =
            apr_pstrcat(pool, "invalid JSON at ", cases[i].message, NULL);

        assert_int_not_equal(
            flow_json_parse(&v, cases[i].text, strlen(cases[i].text), &err),
            APR_SUCCESS);
        assert_null(v);
        assert_string_equal(err.message, expected);
        assert_string_equal(err.code, "invalid_json");
        assert_int_equal(err.kind, FLOW_E_INPUT);
    }
}

static void nesting_is_allowed_to_the_limit_and_not_beyond(void **state)
{
    char text[2 * FLOW_JSON_DEPTH + 2];
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *v = NULL;

    (void)state;
    memset(text, '[', FLOW_JSON_DEPTH);
    memset(text + FLOW_JSON_DEPTH, ']', FLOW_JSON_DEPTH);
    assert_int_equal(flow_json_parse(&v, text, 2 * FLOW_JSON_DEPTH, &err),
                     APR_SUCCESS);
    json_decref(v);
    memset(text, '[', FLOW_JSON_DEPTH + 1);
    memset(text + FLOW_JSON_DEPTH + 1, ']', FLOW_JSON_DEPTH + 1);
    assert_int_not_equal(
        flow_json_parse(&v, text, 2 * FLOW_JSON_DEPTH + 2, &err), APR_SUCCESS);
    assert_string_equal(err.message,
                        "invalid JSON at line 1, column 513: nested too "
                        "deeply; at most 512 levels");
}

static apr_uint64_t next_random(apr_uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Random documents: their text is the writer's own, so reading and writing
 * must give the same bytes. */
static void add_random(flow_buf_t *b, apr_uint64_t *seed, int depth)
{
    static const char *const leaves[] = {
        "null",     "true",          "-0",
        "19.90",    "0.1",           "12345678901234567890",
        "1e400",    "\"\"",          "\"\xf0\x9f\x98\x80\\n\"",
        "5e-324",   "\"\\u0000\"",   "\"a long text, longer than a word\"",
        "-1.5e+30", "\"\\\"\\\\/\"", "false",
    };
    apr_uint64_t r = next_random(seed) >> 8;
    int n = (int)(r % 6);
    int i;

    r >>= 8;
    if (depth == 0 || r % 3 == 0) {
        flow_buf_adds(b, leaves[(r >> 4) % COUNT(leaves)]);
        return;
    }
    flow_buf_addc(b, r % 3 == 1 ? '{' : '[');
    for (i = 0; i < n; ++i) {
        if (i) {
            flow_buf_addc(b, ',');
        }
        if (r % 3 == 1) {
            flow_buf_addf(b, "\"key%d\":", i);
        }
        add_random(b, seed, depth - 1);
    }
    flow_buf_addc(b, r % 3 == 1 ? '}' : ']');
}

static void random_documents_come_back_byte_by_byte(void **state)
{
    apr_uint64_t seed = 42;
    int i;

    (void)state;
    for (i = 0; i < 2000; ++i) {
        flow_buf_t in, out;
        json_t *v = NULL;

        flow_buf_init(&in, 1 << 20);
        flow_buf_init(&out, 1 << 20);
        add_random(&in, &seed, 6);
        assert_int_equal(flow_json_parse(&v, in.data, in.len, NULL),
                         APR_SUCCESS);
        flow_json_write(&out, v, FLOW_JSON_COMPACT);
        assert_int_equal(out.len, in.len);
        assert_memory_equal(out.data, in.data, in.len);
        json_decref(v);
        flow_buf_release(&in);
        flow_buf_release(&out);
    }
}

/* --- places ----------------------------------------------------------------*/

static void a_place_is_the_line_of_the_value(void **state)
{
    /* clang-format off */
    static const char text[] =
        "{\n"
        "  \"http\": {\n"
        "    \"response\": {\n"
        "      \"resourcePath\": \"x\"\n"
        "    }\n"
        "  },\n"
        "  \"pageGenerators\": [\n"
        "    {\n"
        "      \"_exportId\":\n"
        "        \"orders\"\n"
        "    }, 7,\n"
        "    8\n"
        "  ]\n"
        "}";
    static const struct { const char *path; int line; } cases[] = {
        { "", 1 }, { "http", 2 }, { "http.response", 3 },
        { "http.response.resourcePath", 4 },
        { "http.response.missing.more", 3 }, { "pageGenerators", 7 },
        { "pageGenerators[0]", 8 }, { "pageGenerators[0]._exportId", 10 },
        { "pageGenerators[1]", 11 }, { "pageGenerators[2]", 12 },
        { "pageGenerators[9].x", 7 }, { "nowhere", 1 },
    };
    /* clang-format on */
    flow_json_places_t *places = flow_json_places_create(pool);
    json_t *v = NULL;
    size_t i;

    (void)state;
    assert_int_equal(
        flow_json_parse_placed(&v, text, strlen(text), places, NULL),
        APR_SUCCESS);
    json_decref(v);
    for (i = 0; i < COUNT(cases); ++i) {
        if (flow_json_places_line(places, cases[i].path) != cases[i].line) {
            fail_msg("%s is in line %d", cases[i].path,
                     flow_json_places_line(places, cases[i].path));
        }
    }
}

/* --- values ----------------------------------------------------------------*/

static void a_value_as_text_is_what_a_template_prints(void **state)
{
    /* clang-format off */
    static const struct { const char *json, *text; } cases[] = {
        { "null", "" }, { "true", "true" }, { "false", "false" },
        { "19.90", "19.90" }, { "0.1", "0.1" }, { "7", "7" },
        { "\"a \\\"b\\\"\"", "a \"b\"" }, { "\"\"", "" },
        { "[]", "" }, { "[1,null,\"x\",true,[2,3],{\"a\":1}]",
          "1,,x,true,2,3,{\"a\":1}" },
        { "{\"a\":[1.50]}", "{\"a\":[1.50]}" },
    };
    /* clang-format on */
    apr_size_t len;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        const char *text = flow_json_to_text(parse(cases[i].json), &len, pool);

        assert_string_equal(text, cases[i].text);
        assert_int_equal(len, strlen(cases[i].text));
    }
    assert_string_equal(flow_json_to_text(NULL, NULL, pool), "");
}

static void members_answer_only_for_their_own_kind(void **state)
{
    json_t *v = parse("{\"s\":\"x\",\"n\":19.90,\"b\":true,\"f\":false}");

    (void)state;
    assert_string_equal(flow_json_member(v, "s"), "x");
    assert_null(flow_json_member(v, "n")); /* its text is no string */
    assert_null(flow_json_member(v, "none"));
    assert_null(flow_json_member(NULL, "s"));
    assert_int_equal(flow_json_member_bool(v, "b"), 1);
    assert_int_equal(flow_json_member_bool(v, "f"), 0);
    assert_int_equal(flow_json_member_bool(v, "s"), -1);
    assert_string_equal(flow_json_type_name(json_object_get(v, "n")), "number");
    assert_false(flow_json_is(NULL, NULL));
    assert_null(flow_json_string_new("\xff", 1));
}

static void a_pool_gives_its_reference_back(void **state)
{
    apr_pool_t *sub;
    json_t *v = json_array();

    (void)state;
    apr_pool_create(&sub, pool);
    assert_ptr_equal(flow_json_own(sub, json_incref(v)), v);
    assert_null(flow_json_own(sub, NULL));
    assert_int_equal(v->refcount, 2);
    apr_pool_destroy(sub);
    assert_int_equal(v->refcount, 1);
    json_decref(v);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_pool, drop_pool)
    const struct CMUnitTest tests[] = {
        TEST(escapes_are_read_and_few_are_written),
        TEST(of_equal_keys_the_last_value_takes_the_first_place),
        TEST(indented_text_is_for_people),
        TEST(a_full_buffer_stops_the_writer),
        TEST(a_tree_of_any_depth_is_written),
        TEST(what_is_wrong_is_said_with_line_and_column),
        TEST(nesting_is_allowed_to_the_limit_and_not_beyond),
        TEST(random_documents_come_back_byte_by_byte),
        TEST(a_place_is_the_line_of_the_value),
        TEST(a_value_as_text_is_what_a_template_prints),
        TEST(members_answer_only_for_their_own_kind),
        TEST(a_pool_gives_its_reference_back),
    };
    int rc;

    apr_initialize();
    flow_json_global_init();
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return rc;
}
