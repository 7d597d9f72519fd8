/* SPDX-License-Identifier: Apache-2.0 */
/* size: two thirds are tables of cases */
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

#include "mujs.h"
#include "jses.h"
#include "jsflow.h"

#include "script/flow_es.h"

typedef struct es_case_t {
    const char *source, *out;
} es_case_t;

#include "flow_es_cases.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- mujs with the compiler's runtime ---- */

static void *allocate(void *actx, void *ptr, int size)
{
    (void)actx;
    if (size == 0) {
        free(ptr);
        return NULL;
    }
    return realloc(ptr, (size_t)size);
}

static void limit(js_State *J, int which)
{
    (void)J;
    fail_msg("limit %d of the engine was reached", which);
}

static void parse_nothing(js_State *J, const char *source)
{
    (void)source;
    js_error(J, "JSON.parse is not part of this test");
}

/* Leaves the compiled text of @a source on the stack. */
static void push_compiled(js_State *J, const char *source)
{
    flow_es_options_t opt = { 1, 0, NULL };
    flow_es_output_t out;
    flow_error_t err = FLOW_ERROR_INIT;
    apr_pool_t *p = js_getcontext(J);

    if (flow_es_compile(source, strlen(source), "eval", &opt, &out, p, &err) !=
        APR_SUCCESS) {
        js_newsyntaxerror(J, err.message);
        js_throw(J);
    }
    js_pushstring(J, out.text);
}

static void run_text(js_State *J, const char *name, const char *text)
{
    if (js_ploadstring(J, name, text)) {
        fail_msg("%s: %s", name, js_trystring(J, -1, "error"));
    }
    js_pushundefined(J);
    if (js_pcall(J, 0)) {
        fail_msg("%s: %s", name, js_trystring(J, -1, "error"));
    }
}

static js_State *new_state(apr_pool_t *p)
{
    static const char out[] =
        "var __log = []; function out() { for (var i = 0; i < "
        "arguments.length; ++i) __log.push(arguments[i] === undefined ? "
        "'undefined' : JSON.stringify(arguments[i])); }";
    js_State *J = js_newstate(allocate, NULL, 0);

    js_setlimit(J, limit, 64 << 20);
    js_flowinit(J, parse_nothing);
    js_setcontext(J, p);
    js_esinit(J);
    js_setcompile(J, push_compiled);
    run_text(J, "es_runtime.js", flow_es_runtime());
    run_text(J, "out", out);
    run_text(J, "modules",
             "var __exports = {}, __functions = {};"
             "function __require(name) { return "
             "name === './self.js' ? __exports : { a: 1, "
             "default: name, f: function () { return this; }, "
             "'x-y': 3 }; }");
    return J;
}

/* Runs compiled text; what is left on the stack is a result or an error. */
static int call_module(js_State *J, const flow_es_output_t *out)
{
    if (js_ploadstring(J, "test.js", out->text)) {
        return 1;
    }
    js_pushundefined(J);
    if (js_pcall(J, 0)) {
        return 1;
    }
    js_pushglobal(J);
    js_getglobal(J, "__exports");
    js_getglobal(J, "__functions");
    js_getglobal(J, "__require");
    return js_pcall(J, 3);
}

static const char *run_source(const char *source, apr_pool_t *p)
{
    flow_es_output_t out;
    flow_error_t err = FLOW_ERROR_INIT;
    js_State *J;
    const char *result;

    if (flow_es_compile(source, strlen(source), "test.js", NULL, &out, p,
                        &err) != APR_SUCCESS) {
        return apr_pstrdup(p, err.message);
    }
    J = new_state(p);
    if (call_module(J, &out)) {
        result = apr_pstrcat(p, "thrown: ", js_trystring(J, -1, "error"), NULL);
    }
    else {
        run_text(J, "log", "__log = __log.join(' ')");
        js_getglobal(J, "__log");
        result = apr_pstrdup(p, js_tostring(J, -1));
    }
    js_freestate(J);
    return result;
}

static void check(const es_case_t *cases, size_t n)
{
    apr_pool_t *p;
    const char *got;
    size_t i;

    for (i = 0; i < n; ++i) {
        apr_pool_create(&p, NULL);
        got = run_source(cases[i].source, p);
        if (strcmp(got, cases[i].out) != 0) {
            fail_msg("%s\n  gives    %s\n  expected %s", cases[i].source, got,
                     cases[i].out);
        }
        apr_pool_destroy(p);
    }
}

#define TOPIC(name)                                                            \
    static void name(void **state)                                             \
    {                                                                          \
        (void)state;                                                           \
        check(name##_cases, COUNT(name##_cases));                              \
    }

TOPIC(blocks_have_variables_of_their_own)
TOPIC(a_name_before_its_declaration_is_an_error)
TOPIC(constants_stay_as_they_are)
TOPIC(closures_keep_the_variables_of_their_iteration)
TOPIC(arrow_functions_are_bound_to_what_is_outside)
TOPIC(parameters_have_defaults_and_rest)
TOPIC(patterns_take_values_apart)
TOPIC(spread_and_rest_take_any_iterable)
TOPIC(for_of_walks_whatever_can_be_iterated)
TOPIC(classes_do_what_classes_do)
TOPIC(objects_are_written_in_short)
TOPIC(optional_chains_stop_where_nothing_is)
TOPIC(operators_of_later_years)
TOPIC(templates_and_tags)
TOPIC(strings_and_names_in_unicode)
TOPIC(lines_end_where_they_must)
TOPIC(labels_jumps_and_finally)
TOPIC(functions_keep_their_names)
TOPIC(asynchronous_functions_run_at_once)
TOPIC(eval_and_function_take_the_language_too)
TOPIC(private_methods_belong_to_objects_of_their_class)
TOPIC(constructors_of_derived_classes_return_at_the_end)
TOPIC(members_have_names)
TOPIC(symbols_are_copied_but_not_listed)
TOPIC(a_finally_that_jumps_forgets_what_was_thrown)
TOPIC(what_is_thrown_is_not_hidden_by_closing)
TOPIC(statements_have_a_value_in_eval)
TOPIC(references_are_made_before_keys_are_read)

/* ---- what node cannot say ---- */

static void modules_are_imported_and_exported(void **state)
{
    /* clang-format off */
    static const es_case_t cases[] = {
        { "import x from 'dayjs'; out(x);", "\"dayjs\"" },
        { "import { a as b } from 'm'; out(b, ((b) => b)(2), { b });", "1 2 {\"b\":1}" },
        { "import { f } from 'm'; out((function () { return f(); })() === undefined || f() === globalThis);", "true" },
        { "import * as ns from 'm'; out(ns.a, ns.default);", "1 \"m\"" },
        { "import d, { a } from 'm'; out(d, a);", "\"m\" 1" },
        { "import d, * as n from 'm'; out(d, n.a);", "\"m\" 1" },
        { "import { 'x-y' as z, default as q } from 'm'; out(z, q);", "3 \"m\"" },
        { "import 'm'; out(1);", "1" },
        { "out(a); import { a } from 'm';", "1" },
        { "import { a } from 'm'; try { a = 2; } catch (e) { out(e.name); }", "\"TypeError\"" },
        { "import { a } from 'm'; { const a = 5; out(a); } out(a);", "5 1" },
        { "import self from './self.js'; import * as s from './self.js'; export let n = 1; n++; out(s.n);", "2" },
        { "import * as s from './self.js'; export function f() { return 3; } out(s.f());", "3" },
        { "import * as s from './self.js'; out(s.f()); export function f() { return 3; }", "3" },
        { "import * as s from './self.js'; export default class { m() { return 4; } } out(new s.default().m(), s.default.name);", "4 \"default\"" },
        { "import * as s from './self.js'; export default function () { return 5; } out(s.default());", "5" },
        { "import * as s from './self.js'; export default function g() { return 5; } out(s.default(), g());", "5 5" },
        { "import * as s from './self.js'; export default 1 + 1; out(s.default);", "2" },
        { "import * as s from './self.js'; const a = 1; export { a, a as b, a as default }; out(s.a, s.b, s.default);", "1 1 1" },
        { "import * as s from './self.js'; export const { x, y: [z] } = { x: 1, y: [2] }; out(s.x, s.z);", "1 2" },
        { "import * as s from './self.js'; export { a as c } from 'm'; export * from 'n'; out(s.c, s.a);", "1 1" },
        { "import * as s from './self.js'; export * as n from 'm'; out(s.n.a);", "1" },
        { "import * as s from './self.js'; export class A { v() { return 1; } } out(new s.A().v());", "1" },
        { "export async function f() { return await 1; } export const g = async () => f(); out(await g());", "1" },
        { "const x = await 5; out(x);", "5" },
        { "function a() {} const b = () => 1; export const c = function () {}; let d = 5; out(1); globalThis.__f = __functions;", "1" },
        { "async function f() { throw new Error('x'); } try { await f(); } catch (e) { out(e.message); }", "\"x\"" },
        { "async function f(a, { b } = { b: 2 }) { return a + b + this.c + arguments.length; } out(await f.call({ c: 1 }, 1));", "5" },
        { "async function f() { for await (const x of [1, 2]) out(x); } f();", "1 2" },
    };
    /* clang-format on */

    (void)state;
    check(cases, COUNT(cases));
}

static void the_output_lists_functions_and_imports(void **state)
{
    static const char source[] =
        "import a from 'integrator-api'; import b from './x.js';\n"
        "import { c } from 'integrator-api'; export * from './y.js';\n"
        "function one() {} const two = () => 1, n = 2;\n"
        "export async function three() {} export let four = function () {};\n"
        "{ function inner() {} } class K {}\n";
    static const char *const functions[] = { "one", "three", "two", "four" };
    static const char *const imports[] = { "integrator-api", "./x.js",
                                           "integrator-api", "./y.js" };
    flow_es_output_t out;
    flow_error_t err = FLOW_ERROR_INIT;
    apr_pool_t *p;
    int i;

    (void)state;
    apr_pool_create(&p, NULL);
    assert_int_equal(
        flow_es_compile(source, strlen(source), "t.js", NULL, &out, p, &err),
        APR_SUCCESS);
    assert_int_equal(out.nfunctions, 4);
    assert_int_equal(out.nimports, 4);
    assert_int_equal(out.nexports, 2);
    assert_string_equal(out.exports[0], "three");
    assert_string_equal(out.exports[1], "four");
    for (i = 0; i < 4; ++i) {
        assert_string_equal(out.functions[i], functions[i]);
    }
    for (i = 0; i < 4; ++i) {
        assert_string_equal(out.imports[i].module, imports[i]);
        assert_int_equal(out.imports[i].is_star, i == 3);
    }
    assert_int_equal(out.imports[2].nnames, 1);
    assert_string_equal(out.imports[2].names[0].name, "c");
    assert_int_equal(out.imports[2].names[0].line, 2);
    assert_int_equal(out.imports[2].names[0].column, 10);
    assert_int_equal(out.imports[2].column, 19);
    assert_int_equal(out.imports[3].line, 2);
    assert_int_equal(out.imports[3].column, 51);
    assert_int_equal(out.needs_runtime, 1);
    apr_pool_destroy(p);
}

/* ---- refusals ---- */

static void what_is_wrong_is_refused_with_its_place(void **state)
{
    /* clang-format off */
    static const es_case_t cases[] = {
        { "let a;\nlet a;", "test.js:2:5: 'a' is declared twice" },
        { "let a; var a;", "test.js:1:12: 'a' is declared twice" },
        { "{ let a; { var a; } }", "test.js:1:16: 'a' is declared twice" },
        { "function f(a) { let a; }", "test.js:1:21: 'a' is declared twice" },
        { "try {} catch (e) { let e; }", "test.js:1:24: 'e' is declared twice" },
        { "const a;", "test.js:1:7: a constant needs a value" },
        { "let [a];", "test.js:1:5: a pattern needs a value" },
        { "f(;", "test.js:1:3: unexpected ';'" },
        { "a +", "test.js:1:4: unexpected end of the script" },
        { "\n\n  é = @", "test.js:3:7: decorators are not supported" },
        { "function* g() {}", "test.js:1:9: generators are not supported" },
        { "({ *g() {} })", "test.js:1:4: generators are not supported" },
        { "class A { *g() {} }", "test.js:1:11: generators are not supported" },
        { "with (a) {}", "test.js:1:1: 'with' is not supported" },
        { "import('x')", "test.js:1:1: dynamic import and import.meta are not supported" },
        { "x = 10n", "test.js:1:5: BigInt numbers are not supported" },
        { "function f() { await x; }", "test.js:1:16: 'await' is possible in async functions only" },
        { "x <!-- y", "test.js:1:3: HTML-like comments are not supported" },
        { "'abc", "test.js:1:1: string is not closed" },
        { "`abc", "test.js:1:1: template literal is not closed" },
        { "/abc", "test.js:1:1: regular expression is not closed" },
        { "/a/gg", "test.js:1:1: flag 'g' is given twice" },
        { "/* abc", "test.js:1:1: comment is not closed" },
        { "1_", "test.js:1:2: a numeric separator must stand between digits" },
        { "3in x", "test.js:1:2: a name may not follow a number directly" },
        { "'\\x4'", "test.js:1:2: wrong escape in a string" },
        { "break;", "test.js:1:1: 'break' may stand in loops and 'switch' only" },
        { "continue;", "test.js:1:1: 'continue' may stand in loops only" },
        { "for (;;) { break a; }", "test.js:1:18: there is no label 'a' around this" },
        { "a: { continue a; }", "test.js:1:15: label 'a' does not name a loop" },
        { "a: a: ;", "test.js:1:4: label 'a' is given twice" },
        { "return 1;", "test.js:1:1: 'return' may stand in functions only" },
        { "a + b = 1;", "test.js:1:1: this cannot be assigned to" },
        { "a?.b = 1;", "test.js:1:1: this cannot be assigned to" },
        { "f()++;", "test.js:1:1: this cannot be assigned to" },
        { "({ a: 1 }) = 1;", "test.js:1:2: this pattern may not be in parentheses" },
        { "({ a = 1 });", "test.js:1:6: a default value may stand in a pattern only" },
        { "[...a, b] = c;", "test.js:1:2: a rest element must be the last" },
        { "-1 ** 2;", "test.js:1:1: a unary operator before '**' needs parentheses" },
        { "a ?\? b || c;", "test.js:1:6: '?\?' beside '||' or '&&' needs parentheses" },
        { "a?.`x`;", "test.js:1:4: a template may not follow an optional chain" },
        { "new a?.b();", "test.js:1:6: '?.' may not follow 'new' directly" },
        { "if (1) let x;", "test.js:1:8: a declaration here needs a block around it" },
        { "while (1) function f() {}", "test.js:1:11: a declaration here needs a block around it" },
        { "class A { constructor() {} constructor() {} }", "test.js:1:28: a class has one constructor only" },
        { "class A { constructor() { super(); } }", "test.js:1:27: 'super()' may stand in the constructor of a class with 'extends' only" },
        { "function f() { super.x; }", "test.js:1:16: 'super' may stand in methods only" },
        { "class A { m() { this.#x; } }", "test.js:1:17: no class around this declares '#x'" },
        { "class A { #x; #x; }", "test.js:1:15: '#x' is declared twice" },
        { "new.target", "test.js:1:1: 'new.target' may stand in functions only" },
        { "({ get a(x) {} })", "test.js:1:10: a getter has no parameters" },
        { "(a, a) => 1", "test.js:1:5: parameter 'a' is given twice" },
        { "'use strict'; x = 010;", "test.js:1:19: numbers with a leading 0 are not allowed in strict code" },
        { "'use strict'; delete x;", "test.js:1:22: strict code may not delete a variable" },
        { "'use strict'; eval = 1;", "test.js:1:15: 'eval' may not be assigned in strict code" },
        { "'use strict'; let static;", "test.js:1:19: unexpected 'static'; a name was expected, and this is a reserved word" },
        { "function f(a = 1) { 'use strict'; }", "test.js:1:21: 'use strict' may not stand in a function whose parameters are not plain names" },
        { "let let = 1;", "test.js:1:5: a variable may not be named 'let'" },
        { "for (let a, b of c);", "test.js:1:6: only one variable may stand here" },
        { "for (let a = 1 of c);", "test.js:1:14: this variable may not have a value" },
        { "throw\nx", "test.js:1:1: what is thrown must begin on the line of 'throw'" },
        { "switch (1) { default: default: }", "test.js:1:23: a switch has one 'default' only" },
        { "try {}", "test.js:1:7: 'catch' or 'finally' is missing" },
        { "{ import a from 'x'; }", "test.js:1:3: 'import' may stand at the top of a script only" },
        { "export { nothing };", "test.js:1:10: 'nothing' is exported, but not declared" },
        { "a\n=> 1", "test.js:2:1: '=>' must stand on the line of its parameters" },
        { "var class;", "test.js:1:5: unexpected 'class'; a name was expected, and this is a reserved word" },
        { "\\u0066or", "test.js:1:1: unexpected '\\u0066or'; a name was expected, and this is a reserved word" },
    };
    /* clang-format on */

    (void)state;
    check(cases, COUNT(cases));
}

static char *repeat(const char *head, const char *part, const char *tail, int n,
                    apr_pool_t *p)
{
    size_t len = strlen(part), i;
    char *s = apr_palloc(p, strlen(head) + len * (size_t)n + strlen(tail) + 1);
    char *at = s + strlen(head);

    memcpy(s, head, strlen(head));
    for (i = 0; i < (size_t)n; ++i, at += len) {
        memcpy(at, part, len);
    }
    memcpy(at, tail, strlen(tail) + 1);
    return s;
}

static void deep_and_large_scripts_are_refused_not_crashed_on(void **state)
{
    static const struct {
        const char *head, *part, *tail, *message;
    } cases[] = {
        { "", "(", "1", "nested too deeply" },
        { "", "[", "", "nested too deeply" },
        { "x = ", "{a:", "", "" },
        { "", "{", "", "nested too deeply" },
        { "", "if(a)", ";", "nested too deeply" },
        { "", "a=>", "1", "nested too deeply" },
        { "", "- ", "1", "nested too deeply" },
        { "let ", "[", "", "nested too deeply" },
        { "", "`${", "", "nested too deeply" },
        { "1", "+1", "", "expression is too long" },
        { "a", ".b", "", "expression is too long" },
        { "a", "?.b", "", "expression is too long" },
        { "a", "()", "", "expression is too long" },
        { "", "function f(){", "", "nested too deeply" },
        { "", "class A{m(){", "", "nested too deeply" },
        { "", "a:", ";", "" },
        { "", "new ", "x", "nested too deeply" },
        { "", "async(", "", "nested too deeply" },
        { "", "a?b:", "c", "nested too deeply" },
        { "", "for(;;)", ";", "nested too deeply" },
        { "", "try{", "", "nested too deeply" },
    };
    flow_es_output_t out;
    flow_error_t err = FLOW_ERROR_INIT;
    apr_pool_t *p;
    char *s;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        apr_pool_create(&p, NULL);
        flow_error_clear(&err);
        s = repeat(cases[i].head, cases[i].part, cases[i].tail, 60000, p);
        assert_int_not_equal(
            flow_es_compile(s, strlen(s), "t.js", NULL, &out, p, &err),
            APR_SUCCESS);
        if (!strstr(err.message, cases[i].message)) {
            fail_msg("%s: %s", cases[i].part, err.message);
        }
        apr_pool_destroy(p);
    }
    apr_pool_create(&p, NULL);
    flow_error_clear(&err);
    s = repeat("", "  ", "", 600000, p);
    assert_int_not_equal(
        flow_es_compile(s, strlen(s), "t.js", NULL, &out, p, &err),
        APR_SUCCESS);
    assert_string_equal(err.code, "script_syntax");
    assert_int_equal(err.kind, FLOW_E_CONFIG);
    apr_pool_destroy(p);
}

/* ---- positions ---- */

/* The position that the map gives for the error of a script. */
static void error_place(const char *source, const char *word, int *line,
                        int *column, apr_pool_t *p)
{
    flow_es_output_t out;
    flow_error_t err = FLOW_ERROR_INIT;
    js_State *J = new_state(p);
    const char *trace, *at;

    assert_int_equal(
        flow_es_compile(source, strlen(source), "test.js", NULL, &out, p, &err),
        APR_SUCCESS);
    assert_int_equal(call_module(J, &out), 1);
    js_getproperty(J, -1, "stackTrace");
    trace = js_tostring(J, -1);
    at = strstr(trace, "test.js:");
    assert_non_null(at);
    assert_int_equal(flow_es_map_position(out.map,
                                          (int)strtol(at + 8, NULL, 10), word,
                                          line, column),
                     1);
    js_freestate(J);
}

static void an_error_is_mapped_to_its_line_and_column(void **state)
{
    static const struct {
        const char *source;
        int line, column;
        const char *word;
    } cases[] = {
        { "null.x;", 1, 1 },
        { "let a = 1; null.x; a++;", 1, 12 },
        { "let f = (n) => { if (n) throw new Error('x'); }; f(0); f(1);", 1,
          25 },
        { "let xx = 1;  xx(x.x);", 1, 17, "x" },
        { "let xx = 1;  xx(x.x);", 1, 14, "y" },
        { "1;  (xx\n.x)", 1, 6, "xx" },
        { "1;  (xx\n.x)", 1, 6, "n" },
        { "let a = 1;\n\n  null.x;\n", 3, 3 },
        { "const f = () => {\n  return null.x;\n};\nf();", 2, 3 },
        { "let s = `a\nb\nc`;\nundefinedName();", 4, 1 },
        { "class A {\n  x = 1;\n  m() {\n    this.y.z();\n  }\n}\n"
          "new A().m();",
          4, 5 },
        { "for (const x of [1]) {\n  const { a } = x.b;\n}", 2, 3 },
        { "const o = {\n  f() {\n    throw new Error('e');\n  }\n};\no.f();", 3,
          5 },
        { "{\n  var q = 1;\n  function later() {\n    null.x;\n  }\n"
          "  later();\n}",
          4, 5 },
        { "export default async function f() {\n  const { x } = await null;\n"
          "}\nawait f();",
          2, 3 },
        { "let é = 1; /* é */\n  é.x.y;", 2, 3 },
        { "1;\r\n2;\rnull.x;", 3, 1 },
    };
    apr_pool_t *p;
    int line, column;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        apr_pool_create(&p, NULL);
        error_place(cases[i].source, cases[i].word, &line, &column, p);
        if (line != cases[i].line || column != cases[i].column) {
            fail_msg("%s: %d:%d", cases[i].source, line, column);
        }
        apr_pool_destroy(p);
    }
}

static void what_needs_no_runtime_says_so(void **state)
{
    static const struct {
        const char *source;
        int needs;
    } cases[] = {
        { "import { a } from 'm'; export const f = () => a?.b ?? `x${a}`;", 1 },
        { "import { a } from 'm'; export function f() { return a?.b ?? `${a}`; "
          "}",
          0 },
        { "async function f({ a }) { await a; }", 0 },
        { "async function f(a) { await a; }", 0 },
        { "for (const x of y) f(x);", 1 },
        { "class A {}", 1 },
    };
    flow_es_output_t out;
    flow_error_t err = FLOW_ERROR_INIT;
    apr_pool_t *p;
    size_t i;

    (void)state;
    apr_pool_create(&p, NULL);
    for (i = 0; i < COUNT(cases); ++i) {
        assert_int_equal(flow_es_compile(cases[i].source,
                                         strlen(cases[i].source), "t.js", NULL,
                                         &out, p, &err),
                         APR_SUCCESS);
        assert_int_equal(out.needs_runtime, cases[i].needs);
    }
    apr_pool_destroy(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_have_variables_of_their_own),
        cmocka_unit_test(a_name_before_its_declaration_is_an_error),
        cmocka_unit_test(constants_stay_as_they_are),
        cmocka_unit_test(closures_keep_the_variables_of_their_iteration),
        cmocka_unit_test(arrow_functions_are_bound_to_what_is_outside),
        cmocka_unit_test(parameters_have_defaults_and_rest),
        cmocka_unit_test(patterns_take_values_apart),
        cmocka_unit_test(spread_and_rest_take_any_iterable),
        cmocka_unit_test(for_of_walks_whatever_can_be_iterated),
        cmocka_unit_test(classes_do_what_classes_do),
        cmocka_unit_test(objects_are_written_in_short),
        cmocka_unit_test(optional_chains_stop_where_nothing_is),
        cmocka_unit_test(operators_of_later_years),
        cmocka_unit_test(templates_and_tags),
        cmocka_unit_test(strings_and_names_in_unicode),
        cmocka_unit_test(lines_end_where_they_must),
        cmocka_unit_test(labels_jumps_and_finally),
        cmocka_unit_test(functions_keep_their_names),
        cmocka_unit_test(asynchronous_functions_run_at_once),
        cmocka_unit_test(eval_and_function_take_the_language_too),
        cmocka_unit_test(private_methods_belong_to_objects_of_their_class),
        cmocka_unit_test(constructors_of_derived_classes_return_at_the_end),
        cmocka_unit_test(members_have_names),
        cmocka_unit_test(symbols_are_copied_but_not_listed),
        cmocka_unit_test(a_finally_that_jumps_forgets_what_was_thrown),
        cmocka_unit_test(what_is_thrown_is_not_hidden_by_closing),
        cmocka_unit_test(statements_have_a_value_in_eval),
        cmocka_unit_test(references_are_made_before_keys_are_read),
        cmocka_unit_test(modules_are_imported_and_exported),
        cmocka_unit_test(the_output_lists_functions_and_imports),
        cmocka_unit_test(what_is_wrong_is_refused_with_its_place),
        cmocka_unit_test(deep_and_large_scripts_are_refused_not_crashed_on),
        cmocka_unit_test(an_error_is_mapped_to_its_line_and_column),
        cmocka_unit_test(what_needs_no_runtime_says_so),
    };
    int failed;

    apr_initialize();
    js_globalinit();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
