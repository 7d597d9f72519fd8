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

static apr_pool_t *pool;

typedef struct say_t {
    const char *code, *said;
} say_t;

/* f's argument is o; what the statement says when it throws. */
static const char *said(const char *code)
{
    const char *text = apr_pstrcat(
        pool,
        "function f(o) { let nothing, a = 1, b = 0, i = 0;\n"
        "  try {\n",
        code, "\n  } catch (e) { return e.name + ': ' + e.message } }\n", NULL);

    return script_once(text, "{\"item\":null,\"n\":1,\"list\":[{}]}", pool);
}

static void check_all(const say_t *says, size_t n)
{
    size_t i;

    for (i = 0; i < n; ++i) {
        const char *got = said(says[i].code);
        const char *right =
            apr_psprintf(pool, "\"TypeError: %s\"", says[i].said);

        if (strcmp(got, right)) {
            fail_msg("%s\nsays %s\nnot  %s", says[i].code, got, right);
        }
    }
}

static void what_is_read_of_nothing_has_a_name(void **state)
{
    /* clang-format off */
    static const say_t says[] = {
        { "o.item.price",        "cannot read 'price' of null: o.item" },
        { "nothing.x",           "cannot read 'x' of undefined: nothing" },
        { "o.list[0].y.z",       "cannot read 'z' of undefined: o.list[0].y" },
        { "o.list[i].q.x",       "cannot read 'x' of undefined: o.list[i].q" },
        { "o['item'].x",         "cannot read 'x' of null: o.item" },
        { "o.item[0]",           "cannot read '0' of null: o.item" },
        { "o.item[nothing]",     "cannot read 'undefined' of null: o.item" },
        { "o.x = o.item.x",      "cannot read 'x' of null: o.item" },
        { "o.item.x = 2",        "cannot set 'x' of null: o.item" },
        { "o.item[i] = 2",       "cannot set '0' of null: o.item" },
        { "o.item.x += 2",       "cannot read 'x' of null: o.item" },
        { "o.item.x++",          "cannot read 'x' of null: o.item" },
        { "undefined.x",         "cannot read 'x' of undefined" },
        { "null.x",              "cannot read 'x' of null" },
        { "this.x.y",            "cannot read 'y' of undefined: this.x" },
        { "o.f().x",             "'f' is not a function: o.f" },
        { "o.list.pop().y.z",    "cannot read 'z' of undefined" },
        { "'abc'.foo.bar",       "cannot read 'bar' of undefined" },
        { "const { x } = nothing", "cannot read 'x' of undefined" },
        { "nothing[{ toString() { throw 5 } }]",
          "cannot read '[object]' of undefined: nothing" },
        { "o.item[Symbol.iterator]", "cannot read a member of null: o.item" },
        /* both ways of a conditional meet: neither name would be right */
        { "(b ? o : nothing).x", "cannot read 'x' of undefined" },
        { "(b || nothing).x",    "cannot read 'x' of undefined" },
        { "for (i = 0; i < 9; i++) if (i) o.list[i].qty",
          "cannot read 'qty' of undefined: o.list[i]" },
        { "switch (a) { case 1: o.item.x }",
          "cannot read 'x' of null: o.item" },
        { "try { a = 2 } finally { o.item.x }",
          "cannot read 'x' of null: o.item" },
        { "for (const k in o) { o.item.x }",
          "cannot read 'x' of null: o.item" },
    };
    /* clang-format on */

    (void)state;
    check_all(says, COUNT(says));
}

static void what_is_called_and_is_no_function_has_a_name(void **state)
{
    /* clang-format off */
    static const say_t says[] = {
        { "o.foo()",              "'foo' is not a function: o.foo" },
        { "o.n()",                "'n' is not a function: o.n" },
        { "nothing()",            "'nothing' is not a function" },
        { "o.foo(a ? 1 : 2, b || a, [1, { x: 2 }])",
          "'foo' is not a function: o.foo" },
        { "o.foo(o.list.map(x => x.y ? 1 : 2))",
          "'foo' is not a function: o.foo" },
        { "o['foo']()",           "'foo' is not a function: o.foo" },
        { "o.foo(...[1])",        "'foo' is not a function: o.foo" },
        { "o.list.map(x => x.go())", "'go' is not a function: x.go" },
        { "o.foo.bar()",          "cannot read 'bar' of undefined: o.foo" },
        { "Math.foo(1)",          "'foo' is not a function: Math.foo" },
        { "(() => 1)()()",        "number is not a function" },
        { "(a ? o : nothing).foo()", "undefined is not a function" },
        { "new o.Foo()",          "'Foo' is not a constructor: o.Foo" },
        { "new nothing()",        "'nothing' is not a constructor" },
        { "if (a) { o.bar() } else { o.baz() }",
          "'bar' is not a function: o.bar" },
    };
    /* clang-format on */

    (void)state;
    check_all(says, COUNT(says));
}

/* 60 levels, names of 200 characters: what is too much has no name. */
static void long_expressions_do_no_harm(void **state)
{
    char name[201], *code = "o.item.x";
    int i;

    (void)state;
    memset(name, 'v', 200);
    name[200] = '\0';
    assert_string_equal(said(apr_psprintf(pool, "o.%s.x", name)),
                        "\"TypeError: cannot read 'x' of undefined\"");
    assert_non_null(
        strstr(said(apr_psprintf(pool, "o.item.%s", name)), "of null: o.item"));
    for (i = 0; i < 60; ++i) {
        code = apr_psprintf(pool, "[%s, a ? 1 : b].concat(%d)", code, i);
    }
    assert_string_equal(said(code),
                        "\"TypeError: cannot read 'x' of null: o.item\"");
    code = "0";
    for (i = 0; i < 60; ++i) {
        code = apr_psprintf(pool, "Math.max(%d, %s)", i, code);
    }
    assert_string_equal(said(apr_psprintf(pool, "o.foo(%s)", code)),
                        "\"TypeError: undefined is not a function\"");
}

static void timers_are_explained(void **state)
{
    static const char *const names[] = { "setTimeout", "setInterval",
                                         "clearTimeout" };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(names); ++i) {
        assert_string_equal(
            said(apr_psprintf(pool, "%s(() => 1, 5)", names[i])),
            apr_psprintf(pool,
                         "\"ReferenceError: '%s' is not available: a script "
                         "runs to its end at once; to wait, import { sleep } "
                         "from 'mod_flow' and call sleep(ms)\"",
                         names[i]));
    }
}

/* The place of what is meant, not of the first word that is like it. */
static void the_column_is_that_of_the_expression(void **state)
{
    static const say_t says[] = {
        { "const price = o.item.price", "1:31: cannot read 'price' of null: "
                                        "o.item" },
        { "const foo = 1; return o.foo()", "1:39: 'foo' is not a function: "
                                           "o.foo" },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(says); ++i) {
        assert_string_equal(
            script_once(
                apr_pstrcat(pool, "function f(o) { ", says[i].code, " }", NULL),
                "{\"item\":null}", pool),
            apr_pstrcat(pool, "!TypeError: test.js:", says[i].said, NULL));
    }
}

/* ---- stack ---- */

static void an_error_has_a_stack(void **state)
{
    static const say_t stacks[] = {
        { "try { deep({}) } catch (e) { return e.stack }",
          "\"TypeError: cannot read 'b' of undefined: o.a\\n"
          "    at deep (test.js:1:20)\\n    at f (test.js:3:7)\"" },
        { "try { throw new RangeError('x') } catch (e) { return e.stack }",
          "\"RangeError: x\\n    at f (test.js:3:7)\"" },
        { "class My extends Error { }\n"
          "try { throw new My('x') } catch (e) { return "
          "e.stack.split('\\n')[0] }",
          "\"Error: x\"" },
        { "const e = new Error('x'); e.stack = 'mine';\n"
          "return [e.stack, Object.keys(e), 'stack' in Error.prototype]",
          "[\"mine\",[],true]" },
        { "return typeof Error.prototype.stack", "\"undefined\"" },
        { "return JSON.stringify(new Error('x'))", "\"{}\"" },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(stacks); ++i) {
        const char *text = apr_pstrcat(pool,
                                       "function deep(o) { return o.a.b }\n"
                                       "function f() {\n",
                                       stacks[i].code, "\n}", NULL);

        assert_string_equal(script_once(text, NULL, pool), stacks[i].said);
    }
}

static void nothing_in_an_error_names_the_servers_files(void **state)
{
    static const char text[] =
        "function f() { try { null.x } catch (e) {\n"
        "  return Object.getOwnPropertyNames(e).map(k => k + e[k]) + e.stack } "
        "}";
    flow_error_t err = FLOW_ERROR_INIT;
    flow_script_t *script;

    (void)state;
    assert_int_equal(flow_script_compile(&script, "s", "/srv/secret/s.js", text,
                                         strlen(text), 16 << 20, pool, &err),
                     APR_SUCCESS);
    assert_null(strstr(script_call(script_engine(16 << 20, 1, pool), script,
                                   "f", NULL, 1000, NULL, pool),
                       "secret"));
}

/* ---- console ---- */

static void note_line(void *baton, const char *level, const char *text,
                      apr_size_t len)
{
    char *out = baton;

    (void)level;
    apr_snprintf(out, 1024, "%.*s", (int)len, text);
}

static void the_console_shows_what_people_want_to_see(void **state)
{
    static const say_t lines[] = {
        { "new Map([['a', { b: 1 }], [2, new Set([3])]])",
          "{\"Map\":[[\"a\",{\"b\":1}],[2,{\"Set\":[3]}]]}" },
        { "new Set('aba')", "{\"Set\":[\"a\",\"b\"]}" },
        { "new Map()", "{\"Map\":[]}" },
        { "{ m: new Map([[1, 2]]), a: [new Set()] }",
          "{\"m\":{\"Map\":[[1,2]]},\"a\":[{\"Set\":[]}]}" },
        { "new Error('x')", "Error: x; at f (test.js:1:16)" },
        { "[new Error('x')]", "[\"Error: x\"]" },
        { "/x+/g, new Date(0), undefined, null, () => 1",
          "/x+/g 1970-01-01T00:00:00.000Z undefined null [function]" },
        { "'text', { a: [1, { b: 2 }] }", "text {\"a\":[1,{\"b\":2}]}" },
    };
    char line[1024];
    const flow_script_host_t host = { line, NULL, note_line, NULL };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(lines); ++i) {
        flow_script_t *script =
            script_compile(apr_pstrcat(pool, "function f() { console.log(",
                                       lines[i].code, ") }", NULL),
                           pool);

        line[0] = '\0';
        script_call(script_engine(16 << 20, 1, pool), script, "f", NULL, 2000,
                    &host, pool);
        assert_string_equal(line, lines[i].said);
    }
}

static void a_map_is_no_result(void **state)
{
    (void)state;
    assert_string_equal(
        script_once("function f() { return { a: [new Map()] } }", NULL, pool),
        "!invalid_extension_response: the result of f() is no JSON: 'a[0]' is "
        "a Map; use Object.fromEntries()");
    assert_string_equal(
        script_once("function f() { return new Set() }", NULL, pool),
        "!invalid_extension_response: the result of f() is a Set; use "
        "Array.from()");
}

static int setup(void **state)
{
    (void)state;
    return apr_pool_create(&pool, NULL) != APR_SUCCESS;
}

static int teardown(void **state)
{
    (void)state;
    apr_pool_destroy(pool);
    return 0;
}

#define with_pool(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_pool(what_is_read_of_nothing_has_a_name),
        with_pool(what_is_called_and_is_no_function_has_a_name),
        with_pool(long_expressions_do_no_harm),
        with_pool(timers_are_explained),
        with_pool(the_column_is_that_of_the_expression),
        with_pool(an_error_has_a_stack),
        with_pool(nothing_in_an_error_names_the_servers_files),
        with_pool(the_console_shows_what_people_want_to_see),
        with_pool(a_map_is_no_result),
    };
    int rc;

    apr_initialize();
    flow_json_global_init();
    flow_script_global_init();
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return rc;
}
