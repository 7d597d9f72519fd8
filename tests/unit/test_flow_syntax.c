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
#include "script/flow_syntax.h"
#include "tests/unit/script_fixture.h"

static void modern_forms_become_old_ones(void **state)
{
    /* clang-format off */
    static const struct { const char *source, *text; } cases[] = {
        { "",                        "" },
        { "var a = 1",               "var a = 1" },
        { "let a = 1",               "var a = 1" },
        { "const a = 1;",            "var   a = 1;" },
        { "let a",                   "var a=void 0" },
        { "let a, b = 2, c;",        "var a=void 0, b = 2, c=void 0;" },
        { "let a = f(1, 2), b;",     "var a = f(1, 2), b=void 0;" },
        { "let a = {b: 1, c: 2}\nlet d", "var a = {b: 1, c: 2}\nvar d=void 0" },
        { "for (let i = 0, n; i < 1; i++) {}",
                                     "for (var i = 0, n; i < 1; i++) {}" },
        { "for (const k in o) {}",   "for (var   k in o) {}" },
        { "a.let = b.const",         "a.let = b.const" },
        { "x = {let: 1, const: 2}",  "x = {let: 1, const: 2}" },
        { "let = 5; let in x",       "let = 5; let in x" },
        { "'let a'; // let b\n/* let c */ /let d/", "'let a'; // let b\n/* let c */ /let d/" },
        { "a = b / let / c",         "a = b / let / c" },
        { "if (a) /let x/.test(b)",  "if (a) /let x/.test(b)" },
        { "x = [/[/]'/, 'let y']",   "x = [/[/]'/, 'let y']" },
        { "a++ / 2; let b = 1",      "a++ / 2; var b = 1" },
        { "import { flows } from 'integrator-api'",
          "var flows=__flow_import('integrator-api','flows');" },
        { "import {\n  flows as f,\n  exports\n} from 'integrator-api';\nx",
          "var f=__flow_import('integrator-api','flows'),"
          "exports=__flow_import('integrator-api','exports');\n\n\n;\nx" },
        { "import api from \"integrator-api\"",
          "var api=__flow_import('integrator-api','*');" },
        { "import * as api from 'integrator-api'",
          "var api=__flow_import('integrator-api','*');" },
        { "import api, { state } from 'integrator-api'",
          "var api=__flow_import('integrator-api','*'),"
          "state=__flow_import('integrator-api','state');" },
        { "import 'integrator-api'", ";" },
        { "import {} from 'integrator-api'", ";" },
        { "export function f() {}",  "       function f() {}" },
        { "export default function f() {}", "               function f() {}" },
        { "export const a = 1",      "       var   a = 1" },
        { "export { f, g };",        "               ;" },
        { "\xef\xbb\xbflet a = 1",   "var a = 1" },
        { "let a = 1\r\nlet b = 2",  "var a = 1\r\nvar b = 2" },
        { "{ let a = 1 } { let a = 2 }", "{ var a = 1 } { var a = 2 }" },
        { "function f(a) { let b = 1 } function g(b) { let a = 1 }",
          "function f(a) { var b = 1 } function g(b) { var a = 1 }" },
        { "let a = 1; function f() { let a = 2 }",
          "var a = 1; function f() { var a = 2 }" },
        { "for (let i = 0;;) x(); for (let i = 0;;) { y() }",
          "for (var i = 0;;) x(); for (var i = 0;;) { y() }" },
    };
    /* clang-format on */
    flow_error_t err = FLOW_ERROR_INIT;
    const char *text;
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        const char *source = cases[i].source;
        if (flow_syntax_compile(&text, source, strlen(source), "a.js", *state,
                                &err) != APR_SUCCESS) {
            fail_msg("%s: %s", source, err.message);
        }
        assert_string_equal(text, cases[i].text);
    }
}

static void what_is_not_understood_names_its_place(void **state)
{
    /* clang-format off */
    static const struct { const char *source, *message; } cases[] = {
        { "var a\n  import x from 'lodash'",
          "a.js:2:17: no module 'lodash'; there is 'integrator-api'" },
        { "import { flow } from 'integrator-api'",
          "a.js:1:10: 'integrator-api' has no 'flow'; it has exports, imports, "
          "flows, connections, integrations, accessTokens, asyncHelpers, "
          "fileDefinitions, state, lookupCaches, request" },
        { "import { a b } from 'integrator-api'",
          "a.js:1:12: expected ',' in this import" },
        { "import { a as } from 'integrator-api'",
          "a.js:1:15: expected a name behind 'as'" },
        { "import x 'integrator-api'", "a.js:1:10: expected 'from' in this import" },
        { "import x from integrator",
          "a.js:1:15: expected the name of a module in quotes" },
        { "function f() { import x from 'integrator-api' }",
          "a.js:1:16: import belongs at the top of the script" },
        { "x = import('y')", "a.js:1:5: import() is not supported" },
        { "\n\n\xc3\xa9 = `x`",
          "a.js:3:5: template literals are not supported; use '...' + x" },
        { "a = x => 1", "a.js:1:7: arrow functions are not supported; use function" },
        { "f(...x)", "a.js:1:3: spread and rest are not supported" },
        { "a?.b", "a.js:1:2: '?.' is not supported; use a && a.b" },
        { "class A {}", "a.js:1:1: classes are not supported; use function and prototype" },
        { "let { a } = b",
          "a.js:1:5: destructuring is not supported; assign the members one by one" },
        { "for (const x of y) {}",
          "a.js:1:14: for-of is not supported; use forEach() or an index" },
        { "function f(a = 1) {}",
          "a.js:1:14: default values and destructuring of parameters are not "
          "supported" },
        { "function* g() {}", "a.js:1:9: generators are not supported" },
        { "export class A {}",
          "a.js:1:1: export stands before function, var, let or const only" },
        { "let a = 1\nif (a) { let a = 2 }",
          "a.js:2:14: 'a' would hide the one of line 1, which is not supported; "
          "use another name" },
        { "let i; for (let i = 0;;) {}",
          "a.js:1:17: 'i' would hide the one of line 1, which is not supported; "
          "use another name" },
        { "for (let i;;) { for (let i;;) {} }",
          "a.js:1:26: 'i' would hide the one of line 1, which is not supported; "
          "use another name" },
        { "function f(a) { if (a) { let a } }",
          "a.js:1:30: 'a' would hide the one of line 1, which is not supported; "
          "use another name" },
        { "let a; let a", "a.js:1:12: 'a' is declared already, in line 1" },
        { "'abc", "a.js:1:1: string is not closed" },
        { "'a\nb'", "a.js:1:1: string is not closed" },
        { "x = /a", "a.js:1:5: regular expression is not closed" },
        { "x\n /* y", "a.js:1:2: comment is not closed" },
        { "a\xff", "a.js:1:1: the script is not valid UTF-8" },
    };
    /* clang-format on */
    const char *text;
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        const char *source = cases[i].source;
        flow_error_t err = FLOW_ERROR_INIT;

        assert_int_not_equal(flow_syntax_compile(&text, source, strlen(source),
                                                 "a.js", *state, &err),
                             APR_SUCCESS);
        assert_null(text);
        assert_int_equal(err.kind, FLOW_E_CONFIG);
        assert_string_equal(err.code, "script_syntax");
        assert_string_equal(err.message, cases[i].message);
    }
}

static void a_script_has_bounds(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    apr_size_t len = FLOW_SYNTAX_MAX + 1;
    char *source = apr_palloc(*state, len);
    const char *text;

    memset(source, ' ', len);
    assert_int_not_equal(
        flow_syntax_compile(&text, source, len, "a.js", *state, &err),
        APR_SUCCESS);
    assert_non_null(strstr(err.message, "larger than 1 MB"));
    flow_error_clear(&err);
    assert_int_not_equal(
        flow_syntax_compile(&text, "a\0b", 3, "a.js", *state, &err),
        APR_SUCCESS);
    assert_non_null(strstr(err.message, "NUL"));

    /* one long line, and many brackets */
    flow_error_clear(&err);
    memset(source, '{', len);
    assert_int_not_equal(
        flow_syntax_compile(&text, source, len - 1, "a.js", *state, &err),
        APR_SUCCESS);
    assert_non_null(strstr(err.message, "nested too deeply"));
    flow_error_clear(&err);
    memset(source, '(', len);
    assert_int_equal(
        flow_syntax_compile(&text, source, len - 1, "a.js", *state, &err),
        APR_SUCCESS);
}

/* What the engine itself refuses. */
static void the_engines_complaints_have_line_and_column(void **state)
{
    /* clang-format off */
    static const struct { const char *source, *message; } cases[] = {
        { "var a = 1\nvar b = ) 2",
          "script_syntax: test.js:2:9: unexpected token in expression: ')'" },
        { "function f( ] ) {\n}",
          "script_syntax: test.js:1:13: unexpected token: ']' (expected identifier)" },
        { "x\n  return }", "script_syntax: test.js:2:10: " },
        { "var a\n\n  nothere()", "ReferenceError: test.js:3:3: 'nothere' is not defined" },
        { "throw new Error('no luck')", "Error: no luck" },
        { "throw { code: 'mine', message: 'odd' }", "mine: odd" },
        { "throw 'text'", "script_error: text" },
    };
    /* clang-format on */
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        const char *complaint = script_complaint(cases[i].source, *state);
        if (strncmp(complaint, cases[i].message, strlen(cases[i].message))) {
            fail_msg("%s\n%s\ninstead of\n%s", cases[i].source, complaint,
                     cases[i].message);
        }
    }
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
        cmocka_unit_test(modern_forms_become_old_ones),
        cmocka_unit_test(what_is_not_understood_names_its_place),
        cmocka_unit_test(a_script_has_bounds),
        cmocka_unit_test(the_engines_complaints_have_line_and_column),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
