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

#include "data/flow_case.h"
#include "data/flow_filter.h"
#include "data/flow_iso8601.h"
#include "data/flow_json.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static json_t *parse(const char *text)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *v = NULL;

    if (flow_json_parse(&v, text, strlen(text), &err) != APR_SUCCESS)
        fail_msg("%s: %s", text, err.message);
    return v;
}

static flow_filter_t *compile(const char *rules, apr_pool_t *p)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_filter_t *filter = NULL;
    json_t *doc = parse(rules);

    if (flow_filter_compile(&filter, doc, p, &err) != APR_SUCCESS)
        fail_msg("%s: %s", rules, err.message);
    json_decref(doc); /* a filter keeps what it needs */
    return filter;
}

static int matches(const char *rules, const json_t *record,
                   const json_t *context, apr_pool_t *p)
{
    flow_error_t err = FLOW_ERROR_INIT;
    int match = -1;

    if (flow_filter_match(compile(rules, p), record, context, &match, p,
                          &err) != APR_SUCCESS)
        fail_msg("%s: %s", rules, err.message);
    return match;
}

/* clang-format off */
#define RECORD "{\"id\":9007199254740993,\"price\":19.90,\"qty\":\"10\",\"name\":\"Ann Lee\","      \
    "\"email\":\"\",\"nil\":null,\"list\":[],\"obj\":{},\"tags\":[\"a\",1,19.9],\"ok\":true,"       \
    "\"no\":false,\"textno\":\"FALSE\",\"zero\":\"0\",\"neg\":-2.5,\"big\":-123456789012345678901234567890,"  \
    "\"when\":\"2025-01-01T00:00:00Z\",\"straße\":\"Straße\",\"rows\":[{\"x\":1},{\"x\":2}],"       \
    "\"country\":\"DE\",\"huge\":1e400,\"re\":\"^Ann\",\"sp\":\" 7 \",\"n\":{\"x\":0}}"
/* clang-format on */

static void every_operator_answers_as_its_name_says(void **state)
{
    /* clang-format off */
    static const struct { const char *rules; int match; } cases[] = {
        { "[\"equals\",[\"extract\",\"name\"],\"Ann Lee\"]", 1 },
        { "[\"equals\",[\"extract\",\"name\"],\"ann lee\"]", 0 },
        { "[\"equals\",[\"extract\",\"price\"],19.9]", 1 },
        { "[\"equals\",[\"extract\",\"price\"],1990e-2]", 1 },
        { "[\"equals\",[\"extract\",\"id\"],9007199254740992]", 0 },
        { "[\"equals\",[\"extract\",\"id\"],9007199254740993]", 1 },
        { "[\"equals\",[\"extract\",\"qty\"],10]", 0 }, /* text is no number */
        { "[\"equals\",[\"number\",[\"extract\",\"qty\"]],10]", 1 },
        { "[\"equals\",[\"extract\",\"zzz\"],null]", 1 },
        { "[\"equals\",[\"extract\",\"nil\"],null]", 1 },
        { "[\"equals\",[\"extract\",\"email\"],null]", 0 },
        { "[\"equals\",[\"extract\",\"rows[*].x\"],[\"extract\",\"rows[*].x\"]]", 1 },
        { "[\"notequals\",[\"extract\",\"qty\"],10]", 1 },
        { "[\"notequals\",[\"extract\",\"qty\"],\"10\"]", 0 },
        { "[\"greaterthan\",[\"extract\",\"id\"],9007199254740992]", 1 },
        { "[\"greaterthan\",[\"extract\",\"id\"],9007199254740993]", 0 },
        { "[\"greaterthan\",[\"extract\",\"qty\"],9]", 0 },
        { "[\"lessthan\",[\"extract\",\"qty\"],9]", 0 },
        { "[\"greaterthan\",[\"number\",[\"extract\",\"qty\"]],9]", 1 },
        { "[\"greaterthan\",\"b\",\"a\"]", 1 },
        { "[\"greaterthan\",\"ab\",\"a\"]", 1 },
        { "[\"greaterthan\",\"10\",\"9\"]", 0 },
        { "[\"greaterthan\",true,false]", 0 },
        { "[\"greaterthan\",[\"extract\",\"zzz\"],0]", 0 },
        { "[\"lessthan\",[\"extract\",\"zzz\"],0]", 0 },
        { "[\"greaterthanequals\",[\"extract\",\"price\"],19.9]", 1 },
        { "[\"greaterthanequals\",[\"extract\",\"price\"],19.91]", 0 },
        { "[\"greaterthan\",[\"extract\",\"huge\"],1e308]", 1 },
        /* what a double would call the same */
        { "[\"greaterthan\",[\"extract\",\"big\"],-123456789012345678901234567891]", 1 },
        { "[\"lessthan\",[\"extract\",\"big\"],-123456789012345678901234567889]", 1 },
        { "[\"greaterthanequals\",[\"extract\",\"huge\"],1.1e400]", 0 },
        { "[\"lessthanequals\",[\"extract\",\"huge\"],10e399]", 1 },
        { "[\"greaterthan\",-1e400,1e-400]", 0 },
        { "[\"greaterthan\",1e-400,0]", 1 },
        { "[\"greaterthan\",-0.0,0]", 0 },
        { "[\"lessthan\",0.1,0.10000000000000000001]", 1 },
        { "[\"lessthan\",99.5,100.25]", 1 },
        { "[\"lessthan\",[\"extract\",\"price\"],20]", 1 },
        { "[\"lessthan\",[\"extract\",\"price\"],19.90]", 0 },
        { "[\"lessthanequals\",[\"extract\",\"price\"],19.90]", 1 },
        { "[\"lessthanequals\",\"a\",\"a\"]", 1 },
        { "[\"lessthanequals\",[\"extract\",\"neg\"],-3]", 0 },
        { "[\"startswith\",[\"extract\",\"name\"],\"Ann\"]", 1 },
        { "[\"startswith\",[\"extract\",\"name\"],\"Lee\"]", 0 },
        { "[\"startswith\",[\"extract\",\"name\"],\"\"]", 1 },
        { "[\"startswith\",[\"extract\",\"name\"],\"Ann Lee and more\"]", 0 },
        { "[\"startswith\",[\"extract\",\"id\"],\"9\"]", 0 },
        { "[\"startswith\",[\"string\",[\"extract\",\"id\"]],\"9007\"]", 1 },
        { "[\"endswith\",[\"extract\",\"name\"],\"Lee\"]", 1 },
        { "[\"endswith\",[\"extract\",\"name\"],\"Ann\"]", 0 },
        { "[\"contains\",[\"extract\",\"name\"],\"n L\"]", 1 },
        { "[\"contains\",[\"extract\",\"name\"],\"N\"]", 0 },
        { "[\"contains\",[\"extract\",\"tags\"],\"a\"]", 1 },
        { "[\"contains\",[\"extract\",\"tags\"],19.90]", 1 },
        { "[\"contains\",[\"extract\",\"tags\"],\"1\"]", 0 },
        { "[\"contains\",[\"extract\",\"rows[*].x\"],2]", 1 },
        { "[\"contains\",[\"extract\",\"zzz\"],\"a\"]", 0 },
        { "[\"doesnotcontain\",[\"extract\",\"name\"],\"x\"]", 1 },
        { "[\"doesnotcontain\",[\"extract\",\"tags\"],\"a\"]", 0 },
        { "[\"doesnotcontain\",[\"extract\",\"zzz\"],\"a\"]", 1 },
        { "[\"matches\",[\"extract\",\"name\"],\"n{2}\\\\s\\\\w+$\"]", 1 },
        { "[\"matches\",[\"extract\",\"name\"],\"^Lee\"]", 0 },
        { "[\"matches\",[\"extract\",\"name\"],\"(?<=Ann )Lee\"]", 1 },
        { "[\"matches\",\"x\\n\",\"x$\"]", 0 }, /* $ as in JavaScript */
        { "[\"matches\",\"\\u00e9\",\"^.$\"]", 1 }, /* characters, not bytes */
        { "[\"matches\",\"\\u00e9\",\"^\\\\u00e9$\"]", 1 },
        { "[\"matches\",[\"extract\",\"name\"],[\"extract\",\"re\"]]", 1 },
        { "[\"matches\",[\"extract\",\"name\"],[\"extract\",\"zzz\"]]", 0 },
        { "[\"matches\",[\"extract\",\"id\"],\"9\"]", 0 },
        { "[\"matches\",[\"string\",[\"extract\",\"id\"]],\"3$\"]", 1 },
        { "[\"anyof\",[\"extract\",\"qty\"],[\"9\",\"10\"]]", 1 },
        { "[\"anyof\",[\"extract\",\"qty\"],[9,10]]", 0 },
        { "[\"anyof\",[\"extract\",\"price\"],[\"x\",19.9]]", 1 },
        { "[\"anyof\",[\"extract\",\"price\"],[]]", 0 },
        /* a list is never taken for an expression */
        { "[\"anyof\",[\"extract\",\"name\"],[\"extract\",\"name\"]]", 0 },
        { "[\"anyof\",[\"extract\",\"zzz\"],[null]]", 1 },
        { "[\"empty\",[\"extract\",\"zzz\"]]", 1 },
        { "[\"empty\",[\"extract\",\"nil\"]]", 1 },
        { "[\"empty\",[\"extract\",\"email\"]]", 1 },
        { "[\"empty\",[\"extract\",\"list\"]]", 1 },
        { "[\"empty\",[\"extract\",\"obj\"]]", 1 },
        { "[\"empty\",[\"extract\",\"n.x\"]]", 0 },
        { "[\"empty\",[\"extract\",\"no\"]]", 0 },
        { "[\"isempty\",[\"extract\",\"email\"]]", 1 },
        { "[\"notempty\",[\"extract\",\"name\"]]", 1 },
        { "[\"notempty\",[\"extract\",\"price\"]]", 1 }, /* its own text */
        { "[\"notempty\",[\"extract\",\"email\"]]", 0 },
        { "[\"isnotempty\",[\"extract\",\"name\"]]", 1 },
        { "[\"and\",[\"extract\",\"ok\"],[\"notempty\",[\"extract\",\"name\"]]]", 1 },
        { "[\"and\",[\"extract\",\"ok\"],[\"extract\",\"no\"],[\"extract\",\"ok\"]]", 0 },
        { "[\"and\",true]", 1 },
        { "[\"or\",[\"extract\",\"no\"],[\"extract\",\"ok\"]]", 1 },
        { "[\"or\",[\"extract\",\"no\"],[\"extract\",\"zzz\"]]", 0 },
        { "[\"not\",[\"extract\",\"no\"]]", 1 },
        { "[\"not\",[\"equals\",1,1.0]]", 0 },
        { "[\"settings\",\"flow.on\"]", 1 },
        { "[\"equals\",[\"settings\",\"flow.limit\"],5]", 1 },
        { "[\"equals\",[\"context\",\"job.type\"],\"flow\"]", 1 },
        { "[\"empty\",[\"context\",\"flow.on\"]]", 1 },
        { "[\"equals\",[\"string\",[\"extract\",\"price\"]],\"19.90\"]", 1 },
        { "[\"equals\",[\"string\",[\"extract\",\"zzz\"]],\"\"]", 1 },
        { "[\"equals\",[\"string\",true],\"true\"]", 1 },
        { "[\"equals\",[\"number\",\" 007.50 \"],7.5]", 1 },
        { "[\"equals\",[\"number\",[\"extract\",\"sp\"]],7]", 1 },
        { "[\"equals\",[\"number\",\"+.5\"],0.5]", 1 },
        { "[\"equals\",[\"number\",\"-5.\"],-5]", 1 },
        { "[\"equals\",[\"number\",\"5.e2\"],500]", 1 },
        { "[\"equals\",[\"number\",true],1]", 1 },
        { "[\"empty\",[\"number\",\"abc\"]]", 1 },
        { "[\"empty\",[\"number\",\"\"]]", 1 },
        { "[\"empty\",[\"number\",\".\"]]", 1 },
        { "[\"empty\",[\"number\",\"-\"]]", 1 },
        { "[\"empty\",[\"number\",\"+-1\"]]", 1 },
        { "[\"empty\",[\"number\",\"1,000\"]]", 1 },
        { "[\"empty\",[\"number\",\"0x10\"]]", 1 },
        { "[\"empty\",[\"number\",[\"extract\",\"n\"]]]", 1 },
        { "[\"equals\",[\"number\",\"9007199254740993\"],9007199254740993]", 1 },
        { "[\"boolean\",[\"extract\",\"name\"]]", 1 },
        { "[\"equals\",[\"boolean\",[\"extract\",\"textno\"]],false]", 1 },
        { "[\"equals\",[\"boolean\",[\"extract\",\"zero\"]],false]", 1 },
        { "[\"equals\",[\"boolean\",[\"extract\",\"zzz\"]],false]", 1 },
        { "[\"equals\",[\"boolean\",0],false]", 1 },
        { "[\"equals\",[\"boolean\",[\"extract\",\"list\"]],true]", 1 },
        { "[\"equals\",[\"epochtime\",[\"extract\",\"when\"]],1735689600000]", 1 },
        { "[\"greaterthanequals\",[\"epochtime\",\"2025-01-01\"],1735689600000]", 1 },
        { "[\"lessthan\",[\"epochtime\",\"2025-01-01T00:00:00.5+01:00\"],[\"epochtime\",\"2025-01-01\"]]", 1 },
        { "[\"equals\",[\"epochtime\",1735689600000],1735689600000]", 1 },
        { "[\"equals\",[\"epochtime\",\"1735689600000\"],1735689600000]", 1 },
        { "[\"empty\",[\"epochtime\",\"yesterday\"]]", 1 },
        { "[\"empty\",[\"epochtime\",true]]", 1 },
        { "[\"equals\",[\"lowercase\",[\"extract\",\"country\"]],\"de\"]", 1 },
        { "[\"equals\",[\"uppercase\",[\"extract\",\"straße\"]],\"STRASSE\"]", 1 },
        { "[\"equals\",[\"uppercase\",5],5]", 1 },
        { "[\"empty\",[\"uppercase\",[\"extract\",\"zzz\"]]]", 1 },
        { "[\"equals\",[\"ceiling\",[\"extract\",\"price\"]],20]", 1 },
        { "[\"equals\",[\"ceiling\",[\"extract\",\"neg\"]],-2]", 1 },
        { "[\"equals\",[\"floor\",[\"extract\",\"price\"]],19]", 1 },
        { "[\"equals\",[\"floor\",[\"extract\",\"neg\"]],-3]", 1 },
        { "[\"equals\",[\"floor\",[\"extract\",\"id\"]],9007199254740993]", 1 },
        { "[\"equals\",[\"floor\",[\"extract\",\"huge\"]],1e400]", 1 },
        { "[\"empty\",[\"floor\",\"1.5\"]]", 1 },
        { "[\"equals\",[\"abs\",[\"extract\",\"neg\"]],2.5]", 1 },
        { "[\"equals\",[\"abs\",[\"extract\",\"big\"]],123456789012345678901234567890]", 1 },
        { "[\"equals\",[\"abs\",-9223372036854775808],9223372036854775808]", 1 },
        { "[\"equals\",[\"abs\",[\"extract\",\"id\"]],9007199254740993]", 1 },
        { "[\"and\",[\"notempty\",[\"extract\",\"name\"]],[\"greaterthan\",[\"number\",[\"extract\",\"qty\"]],5],"
          "[\"or\",[\"equals\",[\"lowercase\",[\"string\",[\"extract\",\"country\"]]],\"de\"],"
          "[\"anyof\",[\"extract\",\"tier\"],[\"gold\",\"silver\"]]],"
          "[\"greaterthanequals\",[\"epochtime\",[\"extract\",\"when\"]],1735689600000]]", 1 },
    };
    /* clang-format on */
    json_t *record = parse(RECORD);
    json_t *context = parse("{\"settings\":{\"flow\":{\"on\":true,\"limit\":5}"
                            "},\"context\":{\"job\":{\"type\":\"flow\"}}}");
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        if (matches(cases[i].rules, record, context, *state) != cases[i].match)
            fail_msg("%s is not %d", cases[i].rules, cases[i].match);
    }
    json_decref(record);
    json_decref(context);
}

static void a_filter_comes_in_several_wrappings(void **state)
{
    /* clang-format off */
    static const struct { const char *doc; int match; } cases[] = {
        { "[\"extract\",\"a\"]", 1 },
        { "{\"version\":\"1\",\"rules\":[\"extract\",\"b\"]}", 0 },
        { "{\"version\":1,\"rules\":[\"extract\",\"a\"]}", 1 },
        { "{\"type\":\"expression\",\"expression\":{\"version\":\"1\",\"rules\":[\"extract\",\"b\"]}}", 0 },
        { "{\"type\":\"expression\",\"expression\":{\"rules\":[\"extract\",\"a\"]},\"rules\":[\"extract\",\"b\"]}", 1 },
        /* no rules: no filter */
        { "[]", 1 },
        { "{\"version\":\"1\",\"rules\":[]}", 1 },
        { "{\"type\":\"expression\",\"expression\":{\"version\":\"1\"}}", 1 },
        { "null", 1 },
    };
    /* clang-format on */
    json_t *record = parse("{\"a\":true}");
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        if (matches(cases[i].doc, record, NULL, *state) != cases[i].match)
            fail_msg("%s is not %d", cases[i].doc, cases[i].match);
    }
    json_decref(record);
}

static void a_wrong_filter_says_where_and_what_is_right(void **state)
{
    /* clang-format off */
    static const struct { const char *doc, *code, *message; } cases[] = {
        { "[\"greatherthan\",1,2]", "filter_operator",
          "rules: unknown operator 'greatherthan'; did you mean 'greaterthan'" },
        { "[\"and\",true,[\"equlas\",1,2]]", "filter_operator",
          "rules[2]: unknown operator 'equlas'; did you mean 'equals'" },
        { "[\"frobnicate\",1]", "filter_operator", "rules: unknown operator 'frobnicate'" },
        { "[[\"equals\",1,2]]", "filter_operator",
          "rules: an expression must begin with the name of an operator" },
        { "[\"and\",[]]", "filter_operator",
          "rules[1]: an expression must begin with the name of an operator" },
        { "{\"rules\":\"x\"}", "filter_operator", "rules: an expression must be an array" },
        { "[\"equals\",1]", "filter_operands", "rules: 'equals' takes two operands, found 1" },
        { "[\"equals\",1,2,3]", "filter_operands", "rules: 'equals' takes two operands, found 3" },
        { "[\"not\"]", "filter_operands", "rules: 'not' takes one operand, found 0" },
        { "[\"or\"]", "filter_operands", "rules: 'or' takes at least one operand, found 0" },
        { "[\"equals\",{\"a\":1},2]", "filter_operands",
          "rules[1]: an object is no operand; write [\"extract\", path] or a plain value" },
        { "[\"empty\",[\"extract\",5]]", "filter_operands", "rules[1]: 'extract' takes a path as text" },
        { "[\"empty\",[\"extract\",\"a[\"]]", "path_syntax",
          "rules[1]: path 'a[': ']' is missing for the '[' at column 2" },
        { "[\"empty\",[\"settings\",\"$..a\"]]", "path_unsupported",
          "rules[1]: path '$..a': '..' is not supported, at column 3; use names, [n] and [*]" },
        { "[\"anyof\",1,\"a\"]", "filter_operands",
          "rules: 'anyof' takes a list of values as its second operand" },
        { "[\"matches\",\"a\",5]", "filter_operands", "rules: 'matches' takes a pattern as text" },
        { "[\"matches\",\"a\",\"\\u00e9(b\"]", "pattern_syntax",
          "rules: the pattern is wrong at character 4: missing closing parenthesis" },
        { "{\"type\":\"script\",\"script\":{}}", "filter_type", "type: 'script' is no expression filter" },
        { "{\"version\":\"2\",\"rules\":[]}", "filter_version",
          "version: only version 1 of filter expressions is known" },
    };
    /* clang-format on */
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        flow_error_t err = FLOW_ERROR_INIT;
        flow_filter_t *filter = (flow_filter_t *)1;
        json_t *doc = parse(cases[i].doc);

        if (flow_filter_compile(&filter, doc, *state, &err) == APR_SUCCESS)
            fail_msg("%s was accepted", cases[i].doc);
        assert_string_equal(err.message, cases[i].message);
        assert_string_equal(err.code, cases[i].code);
        assert_int_equal(err.kind, FLOW_E_CONFIG);
        assert_null(filter);
        json_decref(doc);
    }
}

static json_t *not_of(json_t *doc)
{
    json_t *outer = json_array();

    json_array_append_new(outer, json_string("not"));
    json_array_append_new(outer, doc);
    return outer;
}

static void a_filter_has_bounds(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_filter_t *filter;
    json_t *doc = json_true();
    int i;

    for (i = 0; i < 63; ++i) {
        doc = not_of(doc);
    }
    assert_int_equal(flow_filter_compile(&filter, doc, *state, &err),
                     APR_SUCCESS);
    doc = not_of(doc);
    assert_int_not_equal(flow_filter_compile(&filter, doc, *state, &err),
                         APR_SUCCESS);
    assert_string_equal(err.message, "rules: the filter has more than 64 "
                                     "levels or 10000 operands");
    json_decref(doc);

    flow_error_clear(&err);
    doc = json_array();
    json_array_append_new(doc, json_string("and"));
    for (i = 0; i < 10000; ++i)
        json_array_append_new(doc, json_true());
    assert_int_not_equal(flow_filter_compile(&filter, doc, *state, &err),
                         APR_SUCCESS);
    assert_string_equal(err.code, "filter_too_large");
    json_decref(doc);
}

static void a_pattern_that_explodes_fails_the_record(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_filter_t *filter = compile(
        "[\"and\",true,[\"matches\",[\"extract\",\"s\"],\"^(a+)+$\"]]", *state);
    json_t *record =
        parse("{\"s\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\"}");
    int match = -1;

    assert_int_not_equal(
        flow_filter_match(filter, record, NULL, &match, *state, &err),
        APR_SUCCESS);
    assert_string_equal(err.code, "pattern_limit");
    assert_int_equal(err.kind, FLOW_E_INPUT);
    assert_string_equal(err.message,
                        "filter rules[2]: the search for the pattern took too "
                        "many steps; write it so that it backtracks less");
    json_decref(record);
}

static void a_pattern_from_the_record_may_be_wrong(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_filter_t *filter =
        compile("[\"matches\",\"x\",[\"extract\",\"s\"]]", *state);
    json_t *record = parse("{\"s\":\"secret(\"}");
    int match = -1;

    assert_int_not_equal(
        flow_filter_match(filter, record, NULL, &match, *state, &err),
        APR_SUCCESS);
    assert_int_equal(err.kind, FLOW_E_INPUT);
    assert_string_equal(err.message,
                        "filter rules: the pattern is wrong at character 8: "
                        "missing closing parenthesis");
    json_decref(record);
}

static void a_long_text_is_searched_to_its_end(void **state)
{
    enum {
        LEN = 40000
    };
    char *text = apr_palloc(*state, LEN + 1);
    json_t *record = json_object();

    /* Two-byte characters, so that windows would cut them in half. */
    memset(text, 'x', LEN);
    text[LEN] = '\0';
    for (int i = 1; i + 1 < LEN; i += 2)
        memcpy(text + i, "\xc3\xa9", 2);
    memcpy(text + LEN - 7, "xend", 4);
    json_object_set_new(record, "s", flow_json_string_new(text, LEN));
    assert_int_equal(matches("[\"matches\",[\"extract\",\"s\"],\"(?<=.)end\"]",
                             record, NULL, *state),
                     1);
    assert_int_equal(matches("[\"matches\",[\"extract\",\"s\"],\"endx$\"]",
                             record, NULL, *state),
                     0);
    assert_int_equal(matches("[\"matches\",[\"extract\",\"s\"],\"x$\"]", record,
                             NULL, *state),
                     1);
    assert_int_equal(matches("[\"matches\",[\"extract\",\"s\"],\"^\\u00e9\"]",
                             record, NULL, *state),
                     0);
    json_decref(record);
}

static void instants_are_read_exactly(void **state)
{
    /* clang-format off */
    static const struct { const char *text; int ok; apr_int64_t ms; } cases[] = {
        { "1970-01-01T00:00:00Z",          1, 0 },
        { "1970",                          1, 0 },
        { "1970-02",                       1, APR_INT64_C(2678400000) },
        { "1969-12-31T23:59:59.999Z",      1, -1 },
        { "2000-02-29",                    1, APR_INT64_C(951782400000) },
        { "2024-02-29T12:30",              1, APR_INT64_C(1709209800000) },
        { "2024-02-29 12:30:15",           1, APR_INT64_C(1709209815000) },
        { "2024-02-29T12:30:15.1",         1, APR_INT64_C(1709209815100) },
        { "2024-02-29T12:30:15.123456789", 1, APR_INT64_C(1709209815123) },
        { "2024-02-29T12:30:15,12Z",       1, APR_INT64_C(1709209815120) },
        { "2024-02-29T12:30:15+02:00",     1, APR_INT64_C(1709202615000) },
        { "2024-02-29T12:30:15-0530",      1, APR_INT64_C(1709229615000) },
        { "2024-02-29T12:30+02",           1, APR_INT64_C(1709202600000) },
        { "2024-12-31T24:00:00Z",          1, APR_INT64_C(1735689600000) },
        { "0001-01-01",                    1, APR_INT64_C(-62135596800000) },
        { "0000-02-29",                    1, APR_INT64_C(-62162121600000) },
        { "9999-12-31T23:59:59.999Z",      1, APR_INT64_C(253402300799999) },
        { "2023-02-29",                    0, 0 },
        { "1900-02-29",                    0, 0 },
        { "2024-13-01",                    0, 0 },
        { "2024-00-01",                    0, 0 },
        { "2024-01-00",                    0, 0 },
        { "2024-04-31",                    0, 0 },
        { "2024-01-01T25:00",              0, 0 },
        { "2024-01-01T24:00:01",           0, 0 },
        { "2024-01-01T12:60",              0, 0 },
        { "2024-01-01T12:00:60",           0, 0 },
        { "2024-01-01T12",                 0, 0 },
        { "2024-01-01T12:00:00.",          0, 0 },
        { "2024-01-01T12:00+24:00",        0, 0 },
        { "2024-01-01T12:00+01:60",        0, 0 },
        { "2024-01-01T12:00+1",            0, 0 },
        { "2024-01-01T12:00Zx",            0, 0 },
        { "2024-01-01T",                   0, 0 },
        { "2024-01-01Z",                   0, 0 },
        { "2024-01T12:00:00",              0, 0 },
        { "2024-1-1",                      0, 0 },
        { "20240101",                      0, 0 },
        { " 2024-01-01",                   0, 0 },
        { "",                              0, 0 },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        apr_int64_t ms = 0;

        if (flow_iso8601_parse(cases[i].text, strlen(cases[i].text), &ms) !=
                cases[i].ok ||
            (cases[i].ok && ms != cases[i].ms))
            fail_msg("%s gave %" APR_INT64_T_FMT, cases[i].text, ms);
    }
}

static void case_is_changed_in_every_script(void **state)
{
    /* clang-format off */
    static const struct { const char *lower, *upper; } cases[] = {
        { "abcxyz019@[`{", "ABCXYZ019@[`{" },
        { "éàüñ÷", "ÉÀÜÑ÷" },
        { "ž ÿ ąőł", "Ž Ÿ ĄŐŁ" },
        { "αβγω", "ΑΒΓΩ" },
        { "привет ё", "ПРИВЕТ Ё" },
        { "ա", "Ա" }, { "ẁ", "Ẁ" }, { "ａ", "Ａ" },
        { "\xf0\x90\x90\xa8", "\xf0\x90\x90\x80" }, /* Deseret */
        { "日本", "日本" },
    };
    /* clang-format on */
    static const char mixed[] = "no capitals";
    apr_size_t len, i;

    for (i = 0; i < COUNT(cases); ++i) {
        assert_string_equal(flow_case_upper(cases[i].lower,
                                            strlen(cases[i].lower), &len,
                                            *state),
                            cases[i].upper);
        assert_int_equal(len, strlen(cases[i].upper));
        assert_string_equal(flow_case_lower(cases[i].upper,
                                            strlen(cases[i].upper), &len,
                                            *state),
                            cases[i].lower);
    }
    assert_string_equal(flow_case_upper("aß", 3, &len, *state), "ASS");
    assert_ptr_equal(flow_case_lower(mixed, 11, &len, *state), mixed);
    /* the ones that grow, and what was cut off */
    assert_string_equal(
        flow_case_upper("\xc9\x90\xc9\x90\xc9\x90", 6, &len, *state),
        "\xe2\xb1\xaf\xe2\xb1\xaf\xe2\xb1\xaf");
    assert_string_equal(flow_case_upper("a\xc3", 2, &len, *state), "A\xc3");
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
        cmocka_unit_test(every_operator_answers_as_its_name_says),
        cmocka_unit_test(a_filter_comes_in_several_wrappings),
        cmocka_unit_test(a_wrong_filter_says_where_and_what_is_right),
        cmocka_unit_test(a_filter_has_bounds),
        cmocka_unit_test(a_pattern_that_explodes_fails_the_record),
        cmocka_unit_test(a_pattern_from_the_record_may_be_wrong),
        cmocka_unit_test(a_long_text_is_searched_to_its_end),
        cmocka_unit_test(instants_are_read_exactly),
        cmocka_unit_test(case_is_changed_in_every_script),
    };
    int rc;

    apr_initialize();
    rc = cmocka_run_group_tests(tests, setup, teardown);
    apr_terminate();
    return rc;
}
