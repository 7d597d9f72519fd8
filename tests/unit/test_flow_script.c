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

#define MB ((apr_size_t)1 << 20)

static void a_top_level_that_does_not_end_is_found_at_startup(void **state)
{
    /* clang-format off */
    static const struct { const char *source, *complaint; } cases[] = {
        { "for (;;) {}", "script_timeout: script 'test' took more than 2 s at its top level and was stopped" },
        { "var s = 'x'; for (;;) s += s", "script_memory: script 'test' used more than 16 MB of memory; see FlowScriptMemory" },
        { "import { flows } from 'integrator-api'; flows.run({})",
          "not_available: flows.run() is not available here" },
    };
    /* clang-format on */
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        assert_string_equal(script_complaint(cases[i].source, *state),
                            cases[i].complaint);
    }
}

/* ---- isolation ---- */

static void a_call_sees_nothing_of_an_earlier_one(void **state)
{
    static const char text[] =
        "var counter = 0, list = [];\n"
        "function spoil() { leaked = 1; counter++; list.push(1);\n"
        "  Array.prototype.extra = 1; Object.prototype.also = 2;\n"
        "  Array.prototype.push = function () { return 'mine' };\n"
        "  JSON.stringify = null; spoil.member = 1; delete Math.max;\n"
        "  look = function () { return 'another' } }\n"
        "function spoil_and_throw() { spoil(); throw new Error('x') }\n"
        "function spoil_and_loop() { spoil(); for (;;) {} }\n"
        "function look() { var k, seen = []; for (k in []) seen.push(k);\n"
        "  return [typeof leaked, counter, list.length, seen, [].push(5),\n"
        "          typeof JSON.stringify, typeof spoil.member, Math.max(1, 2)] "
        "}\n";
    static const char clean[] =
        "[\"undefined\",0,0,[],1,\"function\",\"undefined\",2]";
    flow_script_t *script = script_compile(text, *state);
    flow_script_engine_t *engine = script_engine(16 * MB, 1, *state);
    static const char *const spoilers[] = { "spoil", "spoil_and_throw",
                                            "spoil_and_loop" };
    size_t i;

    for (i = 0; i < COUNT(spoilers); ++i) {
        script_call(engine, script, spoilers[i], NULL, 30, NULL, *state);
        assert_string_equal(
            script_call(engine, script, "look", NULL, 1000, NULL, *state),
            clean);
    }
}

static void random_numbers_differ_from_call_to_call(void **state)
{
    flow_script_t *script =
        script_compile("function f() { return Math.random() }", *state);
    flow_script_engine_t *engine = script_engine(16 * MB, 1, *state);
    const char *first =
        script_call(engine, script, "f", NULL, 1000, NULL, *state);

    apr_sleep(10); /* seeds are moments */
    assert_string_not_equal(
        first, script_call(engine, script, "f", NULL, 1000, NULL, *state));
}

/* ---- errors ---- */

static void what_a_script_throws_becomes_an_error(void **state)
{
    /* clang-format off */
    static const struct { const char *body, *result; } cases[] = {
        { "throw new Error('plain')", "!Error: plain" },
        { "throw new RangeError('r')", "!RangeError: r" },
        { "throw { message: 'm', code: 'c' }", "!c: m" },
        { "throw { message: 'm' }", "!script_error: m" },
        { "throw { code: 42, name: 'N' }", "!42: [object Object]" },
        { "var e = new Error('m'); e.code = 'mine'; throw e", "!mine: m" },
        { "var e = new Error('m'); e.name = 'Mine'; throw e", "!Mine: m" },
        { "throw 'text'", "!script_error: text" },
        { "throw null", "!script_error: null" },
        { "throw undefined", "!script_error: undefined" },
        { "throw 5", "!script_error: 5" },
        { "throw {}", "!script_error: [object Object]" },
        { "throw { toString: null, valueOf: null }", "!script_error: (an object without a message)" },
        { "throw { get message() { throw 1 } }",
          "!script_error: an exception whose message cannot be read" },
        { "\nnull.x", "!TypeError: test.js:2:6: cannot read 'x' of null" },
        { "\n\nnothere", "!ReferenceError: test.js:3:1: 'nothere' is not defined" },
        { "[1].map(function (x) {\n x.y.z })",
          "!TypeError: test.js:2:6: cannot read 'z' of undefined: x.y" },
        { "new Function('a b')", "!SyntaxError: test.js:1:32: eval:1:26: unexpected 'b'" },
        { "throw new Error('\\ud83d\\ude00 \\ud83d')",
          "!Error: \xf0\x9f\x98\x80 \xef\xbf\xbd" },
    };
    /* clang-format on */
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        const char *text =
            apr_pstrcat(*state, "function f() { ", cases[i].body, " }", NULL);
        assert_string_equal(script_once(text, NULL, *state), cases[i].result);
    }
}

static void an_unknown_function_names_the_known_ones(void **state)
{
    flow_script_t *script = script_compile(
        "function a() {} var b = function () {}, c = 1, d = Math.max", *state);
    flow_script_engine_t *engine = script_engine(16 * MB, 1, *state);

    assert_string_equal(flow_script_functions(script, *state), "a, b");
    assert_true(flow_script_has(script, "a"));
    assert_true(flow_script_has(script, "b"));
    assert_false(flow_script_has(script, "A"));
    assert_false(flow_script_has(script, "c"));
    assert_false(flow_script_has(script, "parseInt"));
    assert_string_equal(
        script_call(engine, script, "eval", NULL, 1000, NULL, *state),
        "!invalid_function: script 'test' has no function 'eval'; it has a, b");
}

static void nothing_of_the_machine_is_in_reach(void **state)
{
    assert_string_equal(
        script_once("function f() { var n = Object.getOwnPropertyNames("
                    "Function('return this')()); return n.filter(function (k) "
                    "{ return /read|load|file|print|quit|exit|require|process"
                    "|import|gc/.test(k) }) }",
                    NULL, *state),
        "[]");
    assert_string_equal(
        script_once("function f() { debugger; return 1 }", NULL, *state), "1");
}

/* ---- the host ---- */

typedef struct host_t {
    apr_pool_t *p;
    char log[4096];
    flow_script_engine_t *engine;
    const flow_script_t *other;
    int other_ms; /* 0: what is left */
    apr_time_t sleep;
} host_t;

static void note(host_t *host, const char *text)
{
    apr_cpystrn(host->log + strlen(host->log), text,
                sizeof(host->log) - strlen(host->log));
}

static apr_status_t answer(void *baton, const char *object,
                           const char *function, const json_t *args,
                           apr_time_t deadline, json_t **presult, int *pstatus,
                           flow_error_t *err)
{
    host_t *host = baton;
    const char *text = "{\"_jobId\":\"j1\",\"big\":9007199254740993}";

    note(host, apr_psprintf(host->p, "%s.%s%s;", object, function,
                            flow_json_text(args, NULL, host->p)));
    if (strcmp(object, "exports") == 0) {
        *pstatus = 404;
        return flow_error_set(err, FLOW_E_REFUSED, APR_EGENERAL, "not_found",
                              "export 'x': the far end says no");
    }
    if (strcmp(object, "imports") == 0) {
        return APR_SUCCESS; /* undefined */
    }
    if (host->sleep) {
        apr_sleep(host->sleep);
    }
    if (host->other) {
        int ms = host->other_ms
                     ? host->other_ms
                     : (int)apr_time_as_msec(deadline - apr_time_now()) + 1;
        text = script_call(host->engine, host->other, "f", NULL, ms, NULL,
                           host->p);
        text = apr_psprintf(host->p, "[\"%s\"]", text);
    }
    return flow_json_parse(presult, text, strlen(text), err);
}

static void log_line(void *baton, const char *level, const char *text,
                     apr_size_t len)
{
    host_t *host = baton;

    note(host, apr_psprintf(host->p, "%s:%.*s;", level, (int)len, text));
}

#define IMPORTS                                                                \
    "import { flows, exports, imports, connections } from 'integrator-api'\n"

static void a_script_calls_its_host(void **state)
{
    /* clang-format off */
    static const struct { const char *body, *result, *log; } cases[] = {
        { "return flows.run({ _id: 'a', n: o.n })._jobId", "\"j1\"",
          "flows.run[{\"_id\":\"a\",\"n\":19.90}];" },
        { "return flows.run()", "{\"_jobId\":\"j1\",\"big\":9007199254740993}",
          "flows.run[];" },
        { "return [imports.run(1, 'b')]", "[null]", "imports.run[1,\"b\"];" },
        { "exports.run({})", "!not_found: export 'x': the far end says no",
          "exports.run[{}];" },
        { "try { exports.run({}) } catch (e) { throw e }",
          "!not_found: export 'x': the far end says no", "exports.run[{}];" },
        { "try { exports.run({}) } catch (e) { return e instanceof Error &&"
          " [e.code, e.message, e.statusCode, e.errors.length, '' + e] }",
          "[\"not_found\",\"export 'x': the far end says no\",404,1,"
          "\"Error: export 'x': the far end says no\"]", "exports.run[{}];" },
        { "try { exports.run({}) } catch (e) { return JSON.parse(JSON.stringify(e)) }",
          "{\"name\":\"Error\",\"code\":\"not_found\",\"message\":\"export 'x': the "
          "far end says no\",\"statusCode\":404,\"errors\":[{\"code\":\"not_found\","
          "\"message\":\"export 'x': the far end says no\"}]}", "exports.run[{}];" },
        { "var i; for (i = 0; i < 40; i++) try { exports.run(i) } catch (e) { var l = e }"
          " throw l", "!not_found: export 'x': the far end says no", NULL },
        { "return flows.run({ d: new Date(0), f: f, u: undefined, e: new Error('x') }) && 1",
          "1", "flows.run[{\"d\":\"1970-01-01T00:00:00.000Z\",\"e\":{}}];" },
        { "var a = {}; a.a = a; flows.run(a)",
          "!TypeError: test.js:2:38: an argument cannot be passed on: '[0].a' contains itself", "" },
        { "flows.run({ get x() { throw new Error('g') } })", "!Error: g", "" },
        { "try { flows.run({ get x() { console.log('in'); throw 1 } }) } catch (e) {}"
          " return flows.run({ y: 2 })._jobId", "\"j1\"", "log:in;flows.run[{\"y\":2}];" },
        { "return connections.get === connections.get && typeof connections.find",
          "\"function\"", "" },
        { "console.log('a', 1.50, [1, { b: null }], undefined, f, null, true)",
          "undefined", "log:a 1.5 [1,{\"b\":null}] undefined [function] null true;" },
        { "console.error(new TypeError('bad'), { e: new Error('in') })", "undefined",
          "error:TypeError: bad; at f (test.js:2:17) {\"e\":\"Error: in\"};" },
        { "console.warn(); console.info(o); console.debug('\\ud83d')", "undefined",
          "warn:;info:{\"n\":19.90};debug:\xef\xbf\xbd;" },
        { "var a = []; a[0] = a; console.log(a)", "undefined",
          "log:(value '[0]' contains itself);" },
        { "console.log({ get x() { throw 5 } })", "!script_error: 5", "" },
    };
    /* clang-format on */
    flow_script_engine_t *engine = script_engine(16 * MB, 1, *state);
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        host_t host = { *state, "", NULL, NULL, 0, 0 };
        flow_script_host_t table = { &host, answer, log_line };
        const char *text = apr_pstrcat(*state, IMPORTS "function f(o) { ",
                                       cases[i].body, " }", NULL);

        assert_string_equal(script_call(engine, script_compile(text, *state),
                                        "f", "{\"n\":19.90}", 1000, &table,
                                        *state),
                            cases[i].result);
        if (cases[i].log) {
            assert_string_equal(host.log, cases[i].log);
        }
    }
}

static void a_console_line_is_cut(void **state)
{
    host_t host = { *state, "", NULL, NULL, 0, 0 };
    flow_script_host_t table = { &host, answer, log_line };
    flow_script_t *script = script_compile(
        "function f() { console.log(new Array(20000).join('\xc3\xbc')) }",
        *state);

    script_call(script_engine(16 * MB, 1, *state), script, "f", NULL, 1000,
                &table, *state);
    /* the fixture's log is shorter still */
    assert_int_equal(strlen(host.log), sizeof(host.log) - 1);
}

/* Says the time and what sets it. */
static void assert_timeout(const char *result)
{
    static const char start[] =
        "!script_timeout: script 'test' took more than ";

    if (strncmp(result, start, strlen(start)) != 0 ||
        !strstr(result, " ms and was stopped; see FlowScriptTimeout")) {
        fail_msg("%s", result);
    }
}

static void time_that_a_host_function_takes_counts(void **state)
{
    host_t host = { *state, "", NULL, NULL, 0, apr_time_from_msec(30) };
    flow_script_host_t table = { &host, answer, NULL };
    flow_script_t *script = script_compile(
        IMPORTS "function f() { try { flows.run() } catch (e) {} return 1 }",
        *state);

    assert_timeout(script_call(script_engine(16 * MB, 1, *state), script, "f",
                               NULL, 10, &table, *state));
    assert_string_equal(host.log, "flows.run[];");
}

static void scripts_run_within_scripts(void **state)
{
    flow_script_t *outer = script_compile(
        IMPORTS "function f(o) { var r = flows.run({}); return [r, o.x] }",
        *state);
    host_t host = { *state, "", NULL, NULL, 0, 0 };
    flow_script_host_t table = { &host, answer, NULL };

    host.engine = script_engine(16 * MB, 2, *state);
    host.other = script_compile("function f() { return 7 }", *state);
    assert_string_equal(
        script_call(host.engine, outer, "f", "{\"x\":1}", 1000, &table, *state),
        "[[\"7\"],1]");
    /* the inner one is stopped, and the outer one after it */
    host.other = script_compile("function f() { for (;;) {} }", *state);
    assert_timeout(
        script_call(host.engine, outer, "f", "{}", 20, &table, *state));
    host.other = script_compile("function f() { return f() }", *state);
    assert_string_equal(
        script_call(host.engine, outer, "f", "{}", 1000, &table, *state),
        "[[\"!script_stack: script 'test' called too deeply; is there an "
        "endless recursion\"],null]");
}

/* ---- the pool ---- */

static void a_call_waits_for_an_arena_no_longer_than_its_deadline(void **state)
{
    flow_script_t *outer =
        script_compile(IMPORTS "function f() { return flows.run({}) }", *state);
    host_t host = { *state, "", NULL, NULL, 0, 0 };
    flow_script_host_t table = { &host, answer, NULL };
    flow_error_t err = FLOW_ERROR_INIT;
    flow_script_limits_t limits;
    json_t *result;

    host.engine = script_engine(16 * MB, 1, *state);
    host.other = outer;
    host.other_ms = 20;
    assert_non_null(
        strstr(script_call(host.engine, outer, "f", NULL, 3000, &table, *state),
               "[\"!script_busy: all script arenas are busy"));

    limits.deadline = apr_time_now() - 1;
    limits.result_size = 0;
    assert_int_equal(flow_script_call(host.engine, outer, "f", NULL, &limits,
                                      &table, &result, *state, &err),
                     APR_TIMEUP);
    assert_string_equal(err.code, "script_timeout");
    assert_int_equal(err.kind, FLOW_E_SCRIPT);
}

static void arenas_move_between_scripts(void **state)
{
    flow_script_t *one = script_compile("function f() { return 1 }", *state);
    flow_script_t *two = script_compile("function f() { return 2 }", *state);
    flow_script_engine_t *engine = script_engine(16 * MB, 1, *state);
    flow_script_stats_t stats;
    int i;

    for (i = 0; i < 5; ++i) {
        assert_string_equal(
            script_call(engine, one, "f", NULL, 1000, NULL, *state), "1");
        assert_string_equal(
            script_call(engine, two, "f", NULL, 1000, NULL, *state), "2");
        assert_string_equal(
            script_call(engine, two, "f", NULL, 1000, NULL, *state), "2");
    }
    flow_script_engine_stats(engine, &stats);
    assert_int_equal(stats.loads, 10);
    assert_int_equal(stats.arenas, 1);
}

static void idle_arenas_have_a_bound(void **state)
{
    flow_script_t *script = script_compile("function f() {}", *state);
    flow_error_t err = FLOW_ERROR_INIT;
    flow_script_engine_t *engine;
    flow_script_stats_t stats;

    flow_script_engine_create(&engine, 16 * MB, 4, 1000, *state, &err);
    script_call(engine, script, "f", NULL, 1000, NULL, *state);
    flow_script_engine_stats(engine, &stats);
    assert_int_equal(stats.arenas, 0);
    script_call(engine, script, "f", NULL, 1000, NULL, *state);
    flow_script_engine_stats(engine, &stats);
    assert_int_equal(stats.loads, 2);
}

/* ---- memory ---- */

static void garbage_is_not_memory(void **state)
{
    assert_string_equal(
        script_once("function f() { var n = 0, i, j, s; for (i = 0; i < 100; "
                    "i++) { s = 'x'; for (j = 0; j < 20; j++) s += s;"
                    " n += s.length } return n }",
                    NULL, *state),
        "104857600");
    assert_string_equal(
        script_once("function f() { var i, a; for (i = 0; i < 50; i++) {"
                    " a = []; while (a.length < 20000) a.push({ x: 1 }) }"
                    " return a.length }",
                    NULL, *state),
        "20000");
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

#define with_pool(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_pool(a_top_level_that_does_not_end_is_found_at_startup),
        with_pool(a_call_sees_nothing_of_an_earlier_one),
        with_pool(random_numbers_differ_from_call_to_call),
        with_pool(what_a_script_throws_becomes_an_error),
        with_pool(an_unknown_function_names_the_known_ones),
        with_pool(nothing_of_the_machine_is_in_reach),
        with_pool(a_script_calls_its_host),
        with_pool(a_console_line_is_cut),
        with_pool(time_that_a_host_function_takes_counts),
        with_pool(scripts_run_within_scripts),
        with_pool(a_call_waits_for_an_arena_no_longer_than_its_deadline),
        with_pool(arenas_move_between_scripts),
        with_pool(idle_arenas_have_a_bound),
        with_pool(garbage_is_not_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
