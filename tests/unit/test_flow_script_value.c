/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "data/flow_json.h"
#include "tests/unit/script_fixture.h"

#define ECHO "function f(o) { return o }"

typedef struct case_t {
    const char *script, *arg, *result;
} case_t;

static void check(const case_t *cases, size_t n, apr_pool_t *p)
{
    size_t i;

    for (i = 0; i < n; ++i) {
        const char *result = script_once(cases[i].script, cases[i].arg, p);
        if (strcmp(result, cases[i].result) != 0) {
            fail_msg("%s of %s\nis         %s\ninstead of %s", cases[i].script,
                     cases[i].arg ? cases[i].arg : "nothing", result,
                     cases[i].result);
        }
    }
}

static void numbers_that_are_only_moved_keep_their_text(void **state)
{
    /* clang-format off */
    static const case_t cases[] = {
        { ECHO, "19.90", "19.90" },
        { ECHO, "[1.0,1.50,-0,1e2,1E+2,0.10e1]", "[1.0,1.50,-0,1e2,1E+2,0.10e1]" },
        { ECHO, "[9007199254740993,-9007199254740993,9223372036854775807]",
                "[9007199254740993,-9007199254740993,9223372036854775807]" },
        { ECHO, "[123456789012345678901234567890,1e400,-1e-400]",
                "[123456789012345678901234567890,1e400,-1e-400]" },
        { ECHO, "[0.1,0.30000000000000004,5e-324,1.7976931348623157e308]",
                "[0.1,0.30000000000000004,5e-324,1.7976931348623157e308]" },
        { "function f(o) { var a = [].concat(o.x, [o.y]); a.push(o.z); a.reverse();"
          " var b = a.slice(); b.sort(function(x, y) { return x - y }); return { q: b } }",
          "{\"x\":2.50,\"y\":1.10,\"z\":1e400}", "{\"q\":[1.10,2.50,1e400]}" },
        { "function f(o) { return o.a.map(function(x) { return { v: x } }) }",
          "{\"a\":[1.10,9007199254740993]}", "[{\"v\":1.10},{\"v\":9007199254740993}]" },
        { "function f(o) { return JSON.parse(JSON.stringify(o)) }",
          "{\"p\":19.90,\"i\":9007199254740993,\"e\":1e400}",
          "{\"p\":19.90,\"i\":9007199254740993,\"e\":1e400}" },
        { "function f(o) { return JSON.parse('{\"a\":[19.90,9007199254740993]}') }",
          NULL, "{\"a\":[19.90,9007199254740993]}" },
        { "function f(o) { return JSON.parse('[19.90]', function(k, v) { return v }) }",
          NULL, "[19.90]" },
        { "function f(o) { return JSON.stringify([o, o + 1], null, 1) }", "19.90",
          "\"[\\n 19.90,\\n 20.9\\n]\"" },
    };
    /* clang-format on */

    check(cases, COUNT(cases), *state);
}

static void numbers_that_are_computed_are_doubles(void **state)
{
    /* clang-format off */
    static const case_t cases[] = {
        { "function f(o) { return [o + 0, o * 1, -o, +o, Number(o), Math.max(o, 1)] }",
          "19.90", "[19.9,19.9,-19.9,19.9,19.9,19.9]" },
        { "function f(o) { return [String(o), o + '', o.toFixed(2), o === 19.9] }",
          "19.90", "[\"19.9\",\"19.9\",\"19.90\",true]" },
        { "function f(o) { return o + 1 }", "9007199254740993", "9007199254740992" },
        { "function f() { return [0.1 + 0.2, 1 / 3, 1e21, 1e-7, 123456789.125, -0.5] }",
          NULL, "[0.30000000000000004,0.3333333333333333,1e+21,1e-7,123456789.125,-0.5]" },
        { "function f() { return [0 / 0, 1 / 0, -1 / 0] }", NULL, "[null,null,null]" },
        { "function f(o) { var n = 0; o.forEach(function(x) { n += x }); return n }",
          "[0.10,0.20]", "0.30000000000000004" },
        { "function f() { return ['' + 0.1, '' + 5e-324, '' + 1e300 * 10, (25).toString(2)] }",
          NULL, "[\"0.1\",\"5e-324\",\"1e+301\",\"11001\"]" },
        { "function f() { return [Number('-12'), Number('1.5e'), parseFloat('1.5e'),"
          " Number(''), 4.35, 0.000001] }",
          NULL, "[-12,null,1.5,0,4.35,0.000001]" },
    };
    /* clang-format on */

    check(cases, COUNT(cases), *state);
}

static void keys_keep_javascripts_order(void **state)
{
    /* clang-format off */
    static const case_t cases[] = {
        { ECHO, "{\"zeta\":1,\"alpha\":{\"y\":1,\"x\":2},\"mid\":3}",
                "{\"zeta\":1,\"alpha\":{\"y\":1,\"x\":2},\"mid\":3}" },
        { ECHO, "{\"b\":1,\"10\":2,\"9\":3,\"a\":4,\"01\":5,\"-1\":6}",
                "{\"9\":3,\"10\":2,\"b\":1,\"a\":4,\"01\":5,\"-1\":6}" },
        { "function f(o) { o.c = 3; delete o.a; o.a = 9; return o }",
          "{\"b\":2,\"a\":1}", "{\"b\":2,\"c\":3,\"a\":9}" },
        { "function f(o) { var k, r = []; for (k in o) r.push(k);"
          " return [r, Object.keys(o), Object.getOwnPropertyNames(o), JSON.stringify(o)] }",
          "{\"b\":2,\"a\":1,\"3\":0}",
          "[[\"3\",\"b\",\"a\"],[\"3\",\"b\",\"a\"],[\"3\",\"b\",\"a\"],"
          "\"{\\\"3\\\":0,\\\"b\\\":2,\\\"a\\\":1}\"]" },
        { "function f() { var p = Object.create({ z: 1, a: 2 }); p.m = 3; p.a = 4;"
          " var k, r = []; for (k in p) r.push(k + p[k]); return r }",
          NULL, "[\"m3\",\"a4\",\"z1\"]" },
        { "function f() { var o = {}, i; for (i = 0; i < 300; i++) o['k' + (i * 7 % 300)] = i;"
          " var k = Object.keys(o); for (i = 0; i < 300; i++)"
          " if (k[i] !== 'k' + (i * 7 % 300)) return i; return 'right' }",
          NULL, "\"right\"" },
        { "function f() { var a = [1, 2]; a.x = 3; return [Object.keys(a),"
          " Object.getOwnPropertyNames(a)] }",
          NULL, "[[\"0\",\"1\",\"x\"],[\"0\",\"1\",\"length\",\"x\"]]" },
    };
    /* clang-format on */

    check(cases, COUNT(cases), *state);
}

static void text_comes_in_and_out_as_utf8(void **state)
{
    /* clang-format off */
    static const case_t cases[] = {
        { ECHO, "\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80 \\u0000 x\"",
                "\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80 \\u0000 x\"" },
        { ECHO, "{\"\\u0000k\xf0\x9f\x98\x80\":{\"\\u0000\":1}}",
                "{\"\\u0000k\xf0\x9f\x98\x80\":{\"\\u0000\":1}}" },
        { "function f(s) { return [s.length, s.charCodeAt(0), s.charCodeAt(1),"
          " s === '\\ud83d\\ude00', s.charAt(0) + s.charAt(1) === s, s.indexOf('x')] }",
          "\"\xf0\x9f\x98\x80x\"", "[3,55357,56832,false,false,2]" },
        { "function f(s) { return s === '\\ud83d\\ude00' && s === '\xf0\x9f\x98\x80' &&"
          " s === '\\ud83d' + '\\ude00' && s === String.fromCharCode(0xd83d, 0xde00) }",
          "\"\xf0\x9f\x98\x80\"", "true" },
        { "function f() { return ['\\ud83d', '\\ude00', 'a\\0b', '\\ud83d\\ude00'] }",
          NULL, "[\"\xef\xbf\xbd\",\"\xef\xbf\xbd\",\"a\\u0000b\",\"\xf0\x9f\x98\x80\"]" },
        { "function f() { return JSON.stringify('\\ud83d\\ude00\\ud83d\\0') }",
          NULL, "\"\\\"\xf0\x9f\x98\x80\\\\ud83d\\\\u0000\\\"\"" },
        { "function f(s) { return [s.length, s.charCodeAt(1), s.split('\\0').length] }",
          "\"a\\u0000b\"", "[3,0,2]" },
        { "function f(s) { return /x/.exec(s).index }",
          "\"\xf0\x9f\x98\x80yx\"", "3" },
        { "function f(s) { return JSON.parse(s) }", "\"\\\"\\\\ud83d\\\\ude00\\\"\"",
          "\"\xf0\x9f\x98\x80\"" },
    };
    /* clang-format on */

    check(cases, COUNT(cases), *state);
}

static void a_result_is_read_as_json(void **state)
{
    /* clang-format off */
    static const case_t cases[] = {
        { "function f() {}", NULL, "undefined" },
        { "function f() { return null }", NULL, "null" },
        { "function f() { return { a: undefined, b: [undefined, , 1] } }", NULL,
          "{\"b\":[null,null,1]}" },
        { "function f() { return [new Number(5), new String('s'), new Boolean(false)] }",
          NULL, "[5,\"s\",false]" },
        { "function f() { return { get x() { return { y: 1.5 } }, z: [1] } }", NULL,
          "{\"x\":{\"y\":1.5},\"z\":[1]}" },
        { "function f() { return [{ toJSON: function(k) { return 'at ' + k } }] }",
          NULL, "[\"at 0\"]" },
        { "function f() { return { a: { toJSON: function(k) { return { k: k } } } } }",
          NULL, "{\"a\":{\"k\":\"a\"}}" },
        { "function f() { var a = []; a[5] = 1; return a }", NULL,
          "[null,null,null,null,null,1]" },
        { "function f() { return Object.create({ inherited: 1 }, { hidden: { value: 2 } }) }",
          NULL, "{}" },
        { "function f() { return [/x/, arguments] }", "1", "[{},{\"0\":1}]" },
        { "function f() { var s = { a: 1 }; return [s, s] }", NULL,
          "[{\"a\":1},{\"a\":1}]" },
        { "function f() { Object.prototype.toJSON = function() { return 7 };"
          " return { a: 1 } }", NULL, "7" },
        { "function f() { return JSON.stringify({ d: new Date(0), u: undefined,"
          " n: 0 / 0, f: f }) }", NULL,
          "\"{\\\"d\\\":\\\"1970-01-01T00:00:00.000Z\\\",\\\"n\\\":null}\"" },
    };
    /* clang-format on */

    check(cases, COUNT(cases), *state);
}

#define NO_JSON "!invalid_extension_response: the result of f() is "

static void what_is_no_json_is_refused_with_its_place(void **state)
{
    /* clang-format off */
    static const case_t cases[] = {
        { "function f() { return f }", NULL, NO_JSON "a function" },
        { "function f() { return new Date() }", NULL,
          NO_JSON "a Date; use its toISOString()" },
        { "function f() { return { a: [{ b: new Date() }] } }", NULL,
          NO_JSON "no JSON: 'a[0].b' is a Date; use its toISOString()" },
        { "function f() { return { a: new Error('x') } }", NULL,
          NO_JSON "no JSON: 'a' is an Error; use its message" },
        { "function f() { return { get a() { return f } } }", NULL,
          NO_JSON "no JSON: 'a' is a function" },
        { "function f() { var a = {}; a.b = [a]; return a }", NULL,
          NO_JSON "no JSON: 'b[0]' contains itself" },
        { "function f() { var a = { get x() { return a } }; return a }", NULL,
          NO_JSON "no JSON: 'x' contains itself" },
        { "function f() { var s = 'xxxxxxxxxxxxxxxx'; while (s.length < 3e6) s += s;"
          " return [s, s] }", NULL,
          "!response_size_exceeded: the result of f() is too large" },
        { "function f() { var a = [1], i; for (i = 0; i < 40; i++) a = [a, a]; return a }",
          NULL, "!response_size_exceeded: the result of f() is too large" },
        { "function f() { var a = [], i; for (i = 0; i < 300000; i++)"
          " a.push(i + 1 / 3); return a }", NULL,
          "!response_size_exceeded: the result of f() is too large" },
        { "function f() { return { get a() { throw new Error('no') } } }", NULL,
          "!Error: no" },
        { "function f() { return JSON.parse('[1,]') }", NULL,
          "!SyntaxError: test.js:1:16: JSON: invalid JSON at line 1, column 4: "
          "the array ends where a value is expected" },
    };
    /* clang-format on */
    const char *deep;

    check(cases, COUNT(cases) - 1, *state);
    assert_non_null(
        strstr(script_once(cases[COUNT(cases) - 1].script, NULL, *state),
               "!SyntaxError: test.js:1:16: JSON: invalid JSON at "
               "line 1, column 4"));
    deep = script_once("function f() { var a = 1, i;"
                       " for (i = 0; i < 600; i++) a = [a]; return a }",
                       NULL, *state);
    assert_non_null(strstr(deep, "is nested too deeply"));
}

static int setup(void **state)
{
    apr_initialize();
    flow_json_global_init();
    flow_script_global_init();
    return apr_pool_create((apr_pool_t **)state, NULL) != APR_SUCCESS;
}

static int teardown(void **state)
{
    apr_pool_destroy(*state);
    apr_terminate();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_that_are_only_moved_keep_their_text),
        cmocka_unit_test(numbers_that_are_computed_are_doubles),
        cmocka_unit_test(keys_keep_javascripts_order),
        cmocka_unit_test(text_comes_in_and_out_as_utf8),
        cmocka_unit_test(a_result_is_read_as_json),
        cmocka_unit_test(what_is_no_json_is_refused_with_its_place),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
