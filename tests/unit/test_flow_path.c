/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "data/flow_json.h"
#include "data/flow_path.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static json_t *parse(const char *text)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *v = NULL;

    if (flow_json_parse(&v, text, strlen(text), &err) != APR_SUCCESS)
        fail_msg("%s: %s", text, err.message);
    return v;
}

static flow_path_t *compile(const char *text, apr_pool_t *p)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_path_t *path = NULL;

    if (flow_path_compile(&path, text, p, &err) != APR_SUCCESS)
        fail_msg("%s: %s", text, err.message);
    return path;
}

/* clang-format off */
#define ORDER "{\"id\":9007199254740993,\"total\":19.90,\"a\":{\"b\":{\"c\":1}},"  \
    "\"items\":[{\"sku\":\"x\",\"q\":2},{\"sku\":\"y\"},{\"q\":3}],"               \
    "\"First Name\":\"Ann\",\"a.b\":\"dotted\",\"o\":{\"0\":\"zero\",\"*\":\"star\"},"  \
    "\"n\":null,\"]\":1,\"it's\":2,\"\xc3\xa9\":\"e\",\"$\":{\"$x\":4},\"07\":7,"  \
    "\"deep\":[[1,2],[3]],\"g\":[{\"l\":[{\"v\":1},{\"v\":2}]},{\"l\":[{\"v\":3}]}],\"e\":[]}"
/* clang-format on */

static void a_path_finds_what_it_names(void **state)
{
    /* clang-format off */
    static const struct { const char *root, *path, *found; } cases[] = {
        { ORDER, "id",              "9007199254740993" },
        { ORDER, "total",           "19.90" },
        { ORDER, "$.total",         "19.90" },
        { ORDER, "a.b.c",           "1" },
        { ORDER, "$['a']['b'].c",   "1" },
        { ORDER, "$[\"a\"].b",      "{\"c\":1}" },
        { ORDER, "a.b.c.d",         NULL },
        { "[1e400,{\"x\":1}]", "x",   "1" },
        { ORDER, "A",               NULL },
        { ORDER, "n",               "null" },
        { ORDER, "n.x",             NULL },
        { ORDER, "items[0].sku",    "\"x\"" },
        { ORDER, "items.1.sku",     "\"y\"" },
        { ORDER, "items.[1].sku",   "\"y\"" },
        { ORDER, "items[ 1].sku",   NULL },
        { ORDER, "items[3]",        NULL },
        { ORDER, "items['0']",      NULL }, /* quoted is a name */
        { ORDER, "items.sku",       "\"x\"" },
        { ORDER, "items[*].sku",    "[\"x\",\"y\"]" },
        { ORDER, "items.*.q",       "[2,3]" },
        { ORDER, "items[*].zzz",    NULL },
        { ORDER, "a[*]",            NULL },
        { ORDER, "e[*]",            NULL },
        { ORDER, "deep[*]",         "[[1,2],[3]]" },
        { ORDER, "deep[*][0]",      "[1,3]" },
        { ORDER, "deep[*][*]",      "[1,2,3]" },
        { ORDER, "g[*].l[*].v",     "[1,2,3]" },
        { ORDER, "g[*].l.v",        "[1,3]" },
        { ORDER, "[First Name]",    "\"Ann\"" },
        { ORDER, "First Name",      "\"Ann\"" },
        { ORDER, "$.[First Name]",  "\"Ann\"" },
        { ORDER, "['a.b']",         "\"dotted\"" },
        { ORDER, "[a.b]",           "\"dotted\"" },
        { ORDER, "o.0",             "\"zero\"" },
        { ORDER, "o[0]",            "\"zero\"" },
        { ORDER, "o['*']",          "\"star\"" },
        { ORDER, "[']']",           "1" },
        { ORDER, "['it\\'s']",      "2" },
        { ORDER, "\xc3\xa9",        "\"e\"" },
        { ORDER, "$.$.$x",          "4" },
        { ORDER, "07",              "7" },
        { "[1,2]", "",              "[1,2]" },
        { "[1,2]", "$",             "[1,2]" },
        { "[1,2]", "$[1]",          "2" },
        { "[1,2]", "1",             "2" },
        { "[1,2]", "*",             "[1,2]" },
        { "[{\"x\":1,\"s\":{\"y\":5}},{\"x\":2}]", "*.x", "[1,2]" },
        { "[{\"x\":1,\"s\":{\"y\":5}},{\"x\":2}]", "*.[x]", "[1,2]" },
        { "[{\"x\":1,\"s\":{\"y\":5}},{\"x\":2}]", "s.y", "5" },
        { "\"text\"", "x",          NULL },
        { "{}", "999999999",        NULL },
        { "{\"9999999999\":1}", "9999999999", "1" },
    };
    /* clang-format on */
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        flow_path_t *path = compile(cases[i].path, *state);
        json_t *root = parse(cases[i].root);
        json_t *found = flow_path_get(path, root);

        if (!cases[i].found) {
            if (found)
                fail_msg("%s found something", cases[i].path);
        }
        else {
            if (!found)
                fail_msg("%s found nothing", cases[i].path);
            assert_string_equal(flow_json_text(found, NULL, *state),
                                cases[i].found);
        }
        json_decref(found);
        json_decref(root);
    }
}

static void what_a_path_cannot_say_names_the_column(void **state)
{
    /* clang-format off */
    static const struct { const char *path, *code, *message; } cases[] = {
        { "$..x", "path_unsupported",
          "path '$..x': '..' is not supported, at column 3; use names, [n] and [*]" },
        { "a..b", "path_unsupported",
          "path 'a..b': '..' is not supported, at column 3; use names, [n] and [*]" },
        { "a[?(@.x>1)]", "path_unsupported",
          "path 'a[?(@.x>1)]': a filter ('?') or script is not supported, at column 3; use names, [n] and [*]" },
        { "a[(@.length-1)]", "path_unsupported",
          "path 'a[(@.length-1)]': a filter ('?') or script is not supported, at column 3; use names, [n] and [*]" },
        { "a[1:2]", "path_unsupported",
          "path 'a[1:2]': a slice (':') is not supported, at column 3; use names, [n] and [*]" },
        { "a[:-1]", "path_unsupported",
          "path 'a[:-1]': a slice (':') is not supported, at column 3; use names, [n] and [*]" },
        { "a[0, 1]", "path_unsupported",
          "path 'a[0, 1]': a union (',') is not supported, at column 3; use names, [n] and [*]" },
        { "['a','b']", "path_unsupported",
          "path '['a','b']': a union (',') is not supported, at column 5; use names, [n] and [*]" },
        { "a[-1]", "path_unsupported",
          "path 'a[-1]': a negative index is not supported, at column 3; use names, [n] and [*]" },
        { "/Tag", "path_unsupported",
          "path '/Tag': an XML path ('/') is not supported, at column 1; use names, [n] and [*]" },
        { "a.",     "path_syntax", "path 'a.': a name is missing at column 3" },
        { ".a",     "path_syntax", "path '.a': a name is missing at column 1" },
        { "$.",     "path_syntax", "path '$.': a name is missing at column 3" },
        { "a[0",    "path_syntax", "path 'a[0': ']' is missing for the '[' at column 2" },
        { "a[]",    "path_syntax", "path 'a[]': nothing stands between '[' and ']' at column 2" },
        { "a]",     "path_syntax", "path 'a]': ']' without '[' at column 2" },
        { "a[0]b",  "path_syntax", "path 'a[0]b': '.' or '[' is missing at column 5" },
        { "a['b",   "path_syntax", "path 'a['b': no end to the quote at column 3" },
        { "a['b'x", "path_syntax", "path 'a['b'x': ']' is missing at column 6" },
        /* characters are counted, not bytes */
        { "\xc3\xa9\xc3\xa9]", "path_syntax",
          "path '\xc3\xa9\xc3\xa9]': ']' without '[' at column 3" },
    };
    /* clang-format on */
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        flow_error_t err = FLOW_ERROR_INIT;
        flow_path_t *path = (flow_path_t *)1;

        if (flow_path_compile(&path, cases[i].path, *state, &err) ==
            APR_SUCCESS)
            fail_msg("%s was accepted", cases[i].path);
        assert_string_equal(err.message, cases[i].message);
        assert_string_equal(err.code, cases[i].code);
        assert_int_equal(err.kind, FLOW_E_CONFIG);
        assert_null(path);
    }
}

static void a_path_into_an_answer_may_be_an_xpath(void **state)
{
    static const char *const cases[][2] = {
        { "/o/id", "\"7\"" },
        { "//line", "[{\"n\":[\"1\"]},{\"n\":[\"2\"]}]" },
        { "/o/lines", "{\"line\":[{\"n\":[\"1\"]},{\"n\":[\"2\"]}]}" },
        { "/o/nothing", "null" },
        { "o.id[0]", "\"7\"" },
    };
    static const char text[] =
        "{\"o\":{\"id\":[\"7\"],\"lines\":[{\"line\":[{\"n\":[\"1\"]},"
        "{\"n\":[\"2\"]}]}]}}";
    flow_error_t err = FLOW_ERROR_INIT;
    flow_path_t *path;
    json_t *document = NULL;
    apr_pool_t *p;
    size_t i;

    (void)state;
    apr_pool_create(&p, NULL);
    assert_int_equal(flow_json_parse(&document, text, strlen(text), NULL), 0);
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        json_t *found;

        assert_int_equal(flow_path_compile_answer(&path, cases[i][0], p, &err),
                         0);
        found = flow_path_get(path, document);
        assert_string_equal(flow_json_text(found, NULL, p), cases[i][1]);
        json_decref(found);
    }
    assert_int_not_equal(flow_path_compile_answer(&path, "/a[1]", p, &err), 0);
    assert_string_equal(err.code, "invalid_xpath");
    assert_int_equal(flow_path_compile_answer(&path, "/a", p, NULL), 0);
    assert_int_not_equal(flow_path_set(path, document, json_true()), 0);
    json_decref(document);
    apr_pool_destroy(p);
}

static void a_path_has_bounds(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_path_t *path;
    char *text = apr_pcalloc(*state, 4000);
    int i;

    for (i = 0; i < 64; ++i)
        memcpy(text + 2 * i, "a.", 2);
    text[127] = '\0';
    assert_int_equal(flow_path_compile(&path, text, *state, &err), APR_SUCCESS);
    memcpy(text + 127, ".a", 3);
    assert_int_not_equal(flow_path_compile(&path, text, *state, &err),
                         APR_SUCCESS);
    assert_non_null(strstr(err.message, "more than 64 steps at column 129"));
    flow_error_clear(&err);
    memset(text, 'a', 2049);
    assert_int_not_equal(flow_path_compile(&path, text, *state, &err),
                         APR_SUCCESS);
    assert_string_equal(err.message, "the path is longer than 2048 bytes");
}

static void a_found_value_is_shared_and_not_copied(void **state)
{
    json_t *root = parse(ORDER);
    json_t *found = flow_path_get(compile("a.b", *state), root);

    assert_ptr_equal(found, json_object_get(json_object_get(root, "a"), "b"));
    assert_int_equal(found->refcount, 2);
    json_decref(root);
    assert_int_equal(found->refcount, 1); /* it outlives its document */
    json_decref(found);
    assert_null(flow_path_get(compile("a", *state), NULL));
}

static void a_value_is_put_where_the_path_says(void **state)
{
    /* clang-format off */
    static const struct { const char *root, *path, *value, *result; } cases[] = {
        { "{}", "a", "19.90", "{\"a\":19.90}" },
        { "{}", "a.b.c", "1", "{\"a\":{\"b\":{\"c\":1}}}" },
        { "{}", "$.a['x.y']", "1", "{\"a\":{\"x.y\":1}}" },
        { "{\"a\":null}", "a.b", "1", "{\"a\":{\"b\":1}}" },
        { "{\"a\":{\"b\":2,\"c\":3}}", "a.b", "1", "{\"a\":{\"b\":1,\"c\":3}}" },
        { "{}", "a[0]", "1", "{\"a\":[1]}" },
        { "{}", "a.2.x", "1", "{\"a\":[null,null,{\"x\":1}]}" },
        { "{\"a\":{\"0\":5}}", "a[0]", "1", "{\"a\":{\"0\":1}}" },
        { "{\"a\":[7,8]}", "a.1", "1", "{\"a\":[7,1]}" },
        { "{}", "l[*].x", "[1,2]", "{\"l\":[{\"x\":1},{\"x\":2}]}" },
        { "{\"l\":[{\"y\":0}]}", "l[*].x", "[1,2]", "{\"l\":[{\"y\":0,\"x\":1},{\"x\":2}]}" },
        { "{\"l\":[{\"y\":0},null]}", "l[*].x", "5", "{\"l\":[{\"y\":0,\"x\":5},{\"x\":5}]}" },
        { "{}", "l[*]", "[1,2]", "{\"l\":[1,2]}" },
        { "{\"l\":[1,2]}", "l[*]", "0", "{\"l\":[0,0]}" },
        { "{}", "l[*].x", "5", "{}" },
        { "{}", "p.l[*].x", "5", "{}" },
        { "{}", "l[0].m[*].x", "5", "{}" },
        { "{}", "l[*].m[*].x", "[[1,2],[3]]",
          "{\"l\":[{\"m\":[{\"x\":1},{\"x\":2}]},{\"m\":[{\"x\":3}]}]}" },
        { "{}", "l[*].x", "[]", "{\"l\":[]}" },
        { "[]", "*.x", "[1,2]", "[{\"x\":1},{\"x\":2}]" },
        { "[{\"a\":1},{\"a\":2}]", "b", "9", "[{\"a\":1,\"b\":9},{\"a\":2,\"b\":9}]" },
        { "[{\"a\":1},5]", "b.c", "9", "[{\"a\":1,\"b\":{\"c\":9}},5]" },
        { "{\"l\":[{},{}]}", "l.x[*].y", "[1]",
          "{\"l\":[{\"x\":[{\"y\":1}]},{\"x\":[{\"y\":1}]}]}" },
    };
    /* clang-format on */
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        json_t *root = parse(cases[i].root);
        apr_status_t rv = flow_path_set(compile(cases[i].path, *state), root,
                                        parse(cases[i].value));

        if (rv != APR_SUCCESS)
            fail_msg("%s in %s", cases[i].path, cases[i].root);
        assert_string_equal(flow_json_text(root, NULL, *state),
                            cases[i].result);
        json_decref(root);
    }
}

static void a_path_into_nowhere_sets_nothing(void **state)
{
    /* clang-format off */
    static const struct { const char *root, *path; } cases[] = {
        { "{}", "" }, { "{}", "$" },
        { "{\"a\":1}", "a.b" },
        { "{\"a\":\"x\"}", "a[0]" },
        { "{\"a\":19.90}", "a.b" }, /* a number with its own text is no text */
        { "{\"a\":{}}", "a[*]" },
        { "{\"a\":[]}", "a.b" },
        { "{\"a\":[1,2]}", "a.b" },
        { "{}", "a[10001]" },
        { "5", "a" },
    };
    /* clang-format on */
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        json_t *root = parse(cases[i].root);

        assert_int_equal(
            flow_path_set(compile(cases[i].path, *state), root, json_true()),
            APR_EINVAL);
        if (strcmp(cases[i].path, "a[10001]") != 0) {
            assert_string_equal(flow_json_text(root, NULL, *state),
                                cases[i].root);
        }
        json_decref(root);
    }
}

static void records_that_share_values_do_not_see_each_other(void **state)
{
    json_t *one =
        parse("{\"a\":{\"b\":{\"c\":1}},\"l\":[{\"x\":1},{\"x\":2}]}");
    json_t *two = json_copy(one); /* shares a and l */
    const char *before = flow_json_text(one, NULL, *state);
    json_t *b = json_object_get(json_object_get(one, "a"), "b");

    assert_int_equal(flow_path_set(compile("a.b.c", *state), two, parse("2")),
                     APR_SUCCESS);
    assert_int_equal(flow_path_set(compile("l[*].x", *state), two, parse("9")),
                     APR_SUCCESS);
    assert_int_equal(flow_path_set(compile("l[0].y", *state), two, parse("8")),
                     APR_SUCCESS);
    assert_string_equal(flow_json_text(one, NULL, *state), before);
    assert_string_equal(flow_json_text(two, NULL, *state),
                        "{\"a\":{\"b\":{\"c\":2}},"
                        "\"l\":[{\"x\":9,\"y\":8},{\"x\":9}]}");
    assert_ptr_equal(json_object_get(json_object_get(one, "a"), "b"), b);
    json_decref(one);
    json_decref(two);
}

static void a_copied_container_keeps_keys_with_nul(void **state)
{
    static const char text[] = "{\"a\":{\"k\\u0000y\":1,\"k\":2}}";
    json_t *one = parse(text), *two = json_object();

    json_object_set(two, "a", json_object_get(one, "a"));
    assert_int_equal(flow_path_set(compile("a.b", *state), two, parse("3")),
                     APR_SUCCESS);
    assert_string_equal(flow_json_text(two, NULL, *state),
                        "{\"a\":{\"k\\u0000y\":1,\"k\":2,\"b\":3}}");
    assert_string_equal(flow_json_text(one, NULL, *state), text);
    json_decref(one);
    json_decref(two);
}

static void what_is_ours_alone_is_changed_in_place(void **state)
{
    json_t *root = parse("{\"a\":{\"b\":1}}");
    json_t *a = json_object_get(root, "a");

    assert_int_equal(flow_path_set(compile("a.c", *state), root, parse("2")),
                     APR_SUCCESS);
    assert_ptr_equal(json_object_get(root, "a"), a);
    json_decref(root);
}

static void a_value_moved_below_itself_makes_no_circle(void **state)
{
    json_t *root = parse("{\"a\":{\"b\":1}}");
    json_t *a = flow_path_get(compile("a", *state), root);

    assert_int_equal(flow_path_set(compile("a.c", *state), root, a),
                     APR_SUCCESS);
    assert_string_equal(flow_json_text(root, NULL, *state),
                        "{\"a\":{\"b\":1,\"c\":{\"b\":1}}}");
    assert_int_equal(
        flow_path_set(compile("a", *state), root, json_incref(root)),
        APR_EINVAL);
    assert_int_equal(root->refcount, 1);
    json_decref(root);
}

static int setup(void **state)
{
    flow_json_global_init();
    return apr_pool_create((apr_pool_t **)state, NULL) != APR_SUCCESS;
}

static int teardown(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_finds_what_it_names),
        cmocka_unit_test(what_a_path_cannot_say_names_the_column),
        cmocka_unit_test(a_path_into_an_answer_may_be_an_xpath),
        cmocka_unit_test(a_path_has_bounds),
        cmocka_unit_test(a_found_value_is_shared_and_not_copied),
        cmocka_unit_test(a_value_is_put_where_the_path_says),
        cmocka_unit_test(a_path_into_nowhere_sets_nothing),
        cmocka_unit_test(records_that_share_values_do_not_see_each_other),
        cmocka_unit_test(a_copied_container_keeps_keys_with_nul),
        cmocka_unit_test(what_is_ours_alone_is_changed_in_place),
        cmocka_unit_test(a_value_moved_below_itself_makes_no_circle),
    };
    int rc;

    apr_initialize();
    rc = cmocka_run_group_tests(tests, setup, teardown);
    apr_terminate();
    return rc;
}
