/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <pthread.h>
#include <signal.h>
#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "data/flow_json.h"
#include "tests/unit/script_fixture.h"

#define MB ((apr_size_t)1 << 20)

/* The sanitizer keeps what was freed for a while. */
#ifdef __SANITIZE_ADDRESS__
/* of <sanitizer/allocator_interface.h>, which gcc does not bring along */
size_t __sanitizer_get_current_allocated_bytes(void);
#define GROWTH_KB (256 * 1024)
#else
#include <malloc.h>
#define GROWTH_KB (4 * 1024)
#endif

static const char abuse_text[] =
    "function good(o) { return { twice: o.n * 2, text: o.text } }\n"
    "function loop() { for (;;) {} }\n"
    "function loop_in_catch() { for (;;) { try { for (;;) {} } catch (e) {} } "
    "}\n"
    "function loop_in_finally() { try { for (;;) {} } finally { for (;;) {} } "
    "}\n"
    "function regexp() { return /^(a+)+$/.test(new Array(60).join('a') + '!') "
    "}\n"
    "function doubling() { var s = 'x'; for (;;) s += s }\n"
    "function doubling_in_catch() {\n"
    "  for (;;) try { var s = 'x'; for (;;) s += s } catch (e) {} }\n"
    "function filling() { var a = []; for (;;) a.push({ a: a.length }) }\n"
    "function filling_in_catch() {\n"
    "  for (;;) try { var a = []; for (;;) a.push(a.length) } catch (e) {} }\n"
    "function long_array() { var a = []; a.length = 1 << 26; return a.fill(0) "
    "}\n"
    "function long_holes() {\n"
    "  var a = []; a.length = 4294967295; return a.reverse() }\n"
    "function long_object() {\n"
    "  return Array.prototype.fill.call({ length: 9007199254740991 }, 0) }\n"
    "function recursion() { return recursion() + 1 }\n"
    "function recursion_in_catch() {\n"
    "  try { return recursion_in_catch() } catch (e) { return "
    "recursion_in_catch() } }\n"
    "function recursion_native() { return [1].map(recursion_native) }\n"
    "function deep_json() { var a = [], i; for (i = 0; i < 1e6; i++) a = [a];\n"
    "  return JSON.stringify(a) }\n"
    "function deep_parse() { return JSON.parse(new Array(100000).join('[')) }\n"
    "function deep_join() { var a = [], i; for (i = 0; i < 1e6; i++) a = [a];\n"
    "  return String(a) }\n"
    "function deep_code() { return new Function('return ' + new "
    "Array(50000).join('('))() }\n"
    "function deep_regexp() { return new RegExp(new Array(5000).join('(?:')) "
    "}\n"
    "function deep_prototype() { var o = { x: 1 };\n"
    "  for (;;) { o = Object.create(o); if (Math.random() < 0.00001) for (var "
    "k in o); } }\n"
    "function comparator() { return [3, 1, 2].sort(function () { for (;;) {} "
    "}) }\n"
    "function hostile_sort() { var a = [], i; for (i = 0; i < 1000; i++) a[i] "
    "= i;\n"
    "  for (;;) a.sort(function (x, y) { a.length = i = (i * 7 + x) % 1000; "
    "return y - x }) }\n"
    "function code() { return new Function('for (;;) {}')() }\n"
    "function dates() { for (;;) new Date(new Date().getTime() + 1).toString() "
    "}\n"
    "function to_string() { return '' + { toString: function () { for (;;) {} "
    "} } }\n"
    "function value_of() { return 1 * { valueOf: function () { for (;;) {} } } "
    "}\n"
    "function getter() { return { a: { get x() { for (;;) {} } } } }\n"
    "function many_getters() { var o = { get x() { return o } }; return [o, o] "
    "}\n"
    "function to_json() { return { toJSON: function () { for (;;) {} } } }\n"
    "function message() { throw { get message() { for (;;) {} } } }\n"
    "function thrown_text() { throw { toString: function () { for (;;) {} } } "
    "}\n"
    "function names() { return new Array(3e6).join('ab').replace(/a/g, "
    "function () {\n"
    "  return 'xyz' }) }\n"
    "function parses() { for (;;) JSON.parse('{\"a\":[1,2,{\"b\":19.90}]}') }\n"
    "function prints() { for (;;) console.log('x', { a: [1, 2, 3] }) }\n"
    "function bad_arguments() { for (;;) try {\n"
    "  console.log({ get x() { throw 1 } }) } catch (e) {} }\n"
    "function bad_parses() { for (;;) try { JSON.parse('[\\ud83d') } catch (e) "
    "{} }\n"
    "function parses_in_getter() { return { get x() {\n"
    "  for (;;) JSON.parse('\"\\ud83d\"') } } }\n"
    "function functions() { for (;;) new Function('a', 'return a + ' + "
    "Math.random()) }\n"
    "function everyday() { return /^.{1,64}$/.test('x'.repeat(1e5)) }\n"
    "function stars() { return /a*a*a*b/.test('a'.repeat(2e4)) }\n"
    "function replaces() { return 'a'.repeat(3e4).replace(/(a+)+b/g, '') }\n"
    "function splits() { return 'a'.repeat(3e4).split(/(a*)*b/) }\n"
    "async function promises() { let p = Promise.resolve(0);\n"
    "  for (let i = 0; i < 100; i++) p = p.then(async (x) => await x + 1);\n"
    "  const n = await p; throw { code: 'n' + n, message: '' } }\n"
    "const again = () => Promise.resolve().then(again);\n"
    "function endless_promises() { return again() }\n"
    "function repeats() { return 'x'.repeat(1 << 28) + 'y'.repeat(1 << 28) }\n"
    "function prototypes() { Object.prototype.toJSON = null;\n"
    "  Array.prototype[Symbol.iterator] = null; Object.freeze = 1;\n"
    "  Object.defineProperty(Object.prototype, 'x', { get() { for (;;); } });\n"
    "  return ({}).x }\n"
    "const endless = { [Symbol.iterator]: () => ({ next: () => ({ value: 1 })"
    "}) };\n"
    "function iterates() { for (const x of endless); }\n"
    "function spreads() { return [...endless] }\n"
    "function sets() { return new Set(endless).size }\n"
    "function takes_apart() { const [a, ...b] = endless; return b }\n"
    "function cycle() { const a = {}; a.a = [a]; return JSON.stringify(a) }\n"
    "class Deep { x = new Deep() }\n"
    "function fields() { return new Deep() }\n"
    "function evals() { for (;;) eval('const a = 1; (() => a)()') }\n"
    "function deep_text() { return eval('['.repeat(1e5)) }\n"
    "function long_text() { return eval('a' + ',a'.repeat(1e6)) }\n"
    "function scopes() { const fs = []; for (;;) { let x = fs.length;\n"
    "  fs.push(() => x) } }\n";

typedef struct abuse_t {
    const char *function;
    const char *code; /* NULL: any of the three, or an answer */
} abuse_t;

/* clang-format off */
static const abuse_t abuses[] = {
    { "loop",               "script_timeout" },
    { "loop_in_catch",      "script_timeout" },
    { "loop_in_finally",    "script_timeout" },
    { "regexp",             "script_timeout" },
    { "doubling",           "script_memory" },
    { "doubling_in_catch",  "script_memory" },
    { "filling",            NULL }, /* memory, on a fast machine */
    { "filling_in_catch",   NULL },
    { "long_array",         "script_memory" },
    { "long_holes",         "script_timeout" },
    { "long_object",        "script_memory" },
    { "recursion",          "script_stack" },
    { "recursion_in_catch", "script_stack" },
    { "recursion_native",   "script_stack" },
    { "deep_json",          NULL },
    { "deep_parse",         "SyntaxError" },
    { "deep_join",          NULL },
    { "deep_code",          NULL },
    { "deep_regexp",        NULL },
    { "deep_prototype",     NULL },
    { "comparator",         "script_timeout" },
    { "hostile_sort",       NULL },
    { "code",               "script_timeout" },
    { "dates",              "script_timeout" },
    { "to_string",          "script_timeout" },
    { "value_of",           "script_timeout" },
    { "getter",             "script_timeout" },
    { "many_getters",       "invalid_extension_response" },
    { "to_json",            "script_timeout" },
    { "message",            "script_timeout" },
    { "thrown_text",        "script_timeout" },
    { "names",              NULL },
    { "parses",             "script_timeout" },
    { "prints",             "script_timeout" },
    { "bad_arguments",      "script_timeout" },
    { "bad_parses",         "script_timeout" },
    { "parses_in_getter",   "script_timeout" },
    { "functions",          NULL },
    { "everyday",           NULL },
    { "stars",              NULL },
    { "replaces",           NULL },
    { "splits",             NULL },
    { "promises",           "n100" },
    { "endless_promises",   NULL },
    { "repeats",            NULL },
    { "prototypes",         "script_timeout" },
    { "iterates",           "script_timeout" },
    { "spreads",            NULL },
    { "sets",               "script_timeout" },
    { "takes_apart",        NULL },
    { "cycle",              "TypeError" },
    { "fields",             "script_stack" },
    { "evals",              NULL },
    { "deep_text",          "SyntaxError" },
    { "long_text",          "RangeError" },
    { "scopes",             NULL },
};
/* clang-format on */

static void drop_line(void *baton, const char *level, const char *text,
                      apr_size_t len)
{
    (void)baton;
    (void)level;
    (void)text;
    (void)len;
}

static const flow_script_host_t quiet = { NULL, NULL, drop_line };

/* An abusive call ended as it should; what it says otherwise. */
static const char *abuse(flow_script_engine_t *engine,
                         const flow_script_t *script, const abuse_t *a, int ms,
                         apr_pool_t *p)
{
    apr_time_t start = apr_time_now();
    const char *result =
        script_call(engine, script, a->function, NULL, ms, &quiet, p);
    int took = (int)apr_time_as_msec(apr_time_now() - start);

    if (took > ms + 1000) {
        return apr_psprintf(p, "%s took %d ms", a->function, took);
    }
    if (a->code && (result[0] != '!' ||
                    strncmp(result + 1, a->code, strlen(a->code)) != 0)) {
        return apr_psprintf(p, "%s: %s", a->function, result);
    }
    return NULL;
}

static const char *be_good(flow_script_engine_t *engine,
                           const flow_script_t *script, int n, apr_pool_t *p)
{
    const char *arg = apr_psprintf(p, "{\"n\":%d,\"text\":\"t%d\"}", n, n);
    const char *right =
        apr_psprintf(p, "{\"twice\":%d,\"text\":\"t%d\"}", 2 * n, n);
    const char *result =
        script_call(engine, script, "good", arg, 5000, NULL, p);

    return strcmp(result, right) ? result : NULL;
}

static void abuse_ends_at_its_limit_and_hurts_nobody_else(void **state)
{
    flow_script_t *script = script_compile(abuse_text, *state);
    flow_script_engine_t *engine = script_engine(16 * MB, 2, *state);
    flow_script_stats_t stats;
    const char *wrong;
    apr_pool_t *p;
    size_t i;
    int n;

    apr_pool_create(&p, *state);
    for (i = 0; i < COUNT(abuses); ++i) {
        /* time enough for those that end on something else */
        const char *code = abuses[i].code;
        int ms = code && strcmp(code, "script_timeout") ? 3000 : 50;

        wrong = abuse(engine, script, &abuses[i], ms, p);
        if (wrong) {
            fail_msg("%s", wrong);
        }
        for (n = 0; n < 100; ++n) {
            wrong = be_good(engine, script, n, p);
            if (wrong) {
                fail_msg("after %s: %s", abuses[i].function, wrong);
            }
        }
        apr_pool_clear(p);
    }
    flow_script_engine_stats(engine, &stats);
    assert_int_equal(stats.calls, COUNT(abuses) * 101);
    assert_int_equal(stats.busy, 0);
    assert_int_equal(stats.arenas, 1);
    assert_int_equal(stats.loads, 1);
    assert_true(stats.stopped >= 15);
    assert_true(stats.out_of_memory >= 3);
}

/* FLOW_STORM=long: the nightly form, 10,000 abusive calls and 1,000,000 good
 * ones, run with and without sanitizers. */
static int is_long(void)
{
    const char *storm = getenv("FLOW_STORM");

    return storm && strcmp(storm, "long") == 0;
}

/* Bytes of the C library's heap in use: exact, where resident memory also
 * counts what a sanitizer keeps after it was freed. */
static long live_kb(void)
{
#ifdef __SANITIZE_ADDRESS__
    return (long)(__sanitizer_get_current_allocated_bytes() / 1024);
#else
    return (long)(mallinfo2().uordblks / 1024);
#endif
}

typedef struct level_t {
    long resident, live;
} level_t;

static level_t level_now(void)
{
    level_t now = { resident_kb(), live_kb() };

    return now;
}

static void check_growth(level_t before, long growth_kb)
{
    level_t now = level_now();

    print_message("  resident %ld kB, then %ld kB; heap %ld kB, then %ld kB\n",
                  before.resident, now.resident, before.live, now.live);
    if (now.live - before.live > 256 ||
        now.resident - before.resident > growth_kb) {
        fail_msg("resident from %ld kB to %ld kB, heap from %ld kB to %ld kB",
                 before.resident, now.resident, before.live, now.live);
    }
}

/* Of this thread, in ms. Time by the clock tells how busy the machine is; a call
 * that ran on beyond its limit has used the processor. */
static int processor_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int)(t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

static void abusive_calls_in_a_row_leave_memory_flat(void **state)
{
    flow_script_t *script = script_compile(abuse_text, *state);
    flow_script_engine_t *engine = script_engine(4 * MB, 2, *state);
    int n = is_long() ? 10000 : 2000, ms = is_long() ? 20 : 2;
    int longest = 0, slowest = 0;
    flow_script_stats_t stats;
    level_t before = { 0, 0 };
    apr_pool_t *p;
    int i;

    apr_pool_create(&p, *state);
    for (i = 0; i < n; ++i) {
        const abuse_t *a = &abuses[(size_t)i % COUNT(abuses)];
        apr_time_t start = apr_time_now();
        int before_ms = processor_ms(), took, used;

        script_call(engine, script, a->function, NULL, ms, &quiet, p);
        used = processor_ms() - before_ms;
        took = (int)apr_time_as_msec(apr_time_now() - start);
        slowest = took > slowest ? took : slowest;
        longest = used > longest ? used : longest;
        if (used > ms + 1000) {
            fail_msg("%s took %d ms of the processor", a->function, used);
        }
        if (i == n / 5) {
            before = level_now();
        }
        if (i % 100 == 0) {
            assert_null(be_good(engine, script, i, p));
        }
        apr_pool_clear(p);
    }
    print_message("%d abusive calls; at most %d ms of the processor, %d ms\n",
                  n, longest, slowest);
    check_growth(before, GROWTH_KB);
    assert_null(be_good(engine, script, 1, p));
    flow_script_engine_stats(engine, &stats);
    assert_int_equal(stats.busy, 0);
    assert_true(stats.arenas <= 2);
}

static void good_calls_in_a_row_leave_memory_flat(void **state)
{
    flow_script_t *script = script_compile(abuse_text, *state);
    flow_script_engine_t *engine = script_engine(16 * MB, 2, *state);
    int n = is_long() ? 1000000 : 20000, i;
    flow_script_stats_t stats;
    level_t before = { 0, 0 };
    apr_pool_t *p;

    apr_pool_create(&p, *state);
    for (i = 1; i <= n; ++i) {
        const char *wrong = be_good(engine, script, i, p);

        if (wrong) {
            fail_msg("call %d: %s", i, wrong);
        }
        if (i == n / 10) {
            before = level_now();
        }
        apr_pool_clear(p);
    }
    print_message("%d good calls; after a tenth of them and at the end:\n", n);
    check_growth(before, GROWTH_KB);
    flow_script_engine_stats(engine, &stats);
    assert_int_equal(stats.loads, 1);
    assert_int_equal(stats.arenas, 1);
}

/* ---- threads ---- */

typedef struct worker_t {
    flow_script_engine_t *engine;
    const flow_script_t *script;
    apr_pool_t *p;
    int number;
    const char *wrong;
} worker_t;

static void *work(void *baton)
{
    worker_t *w = baton;
    sigset_t all, after;
    int i;

    /* as httpd's workers do */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    for (i = 0; i < 30 && !w->wrong; ++i) {
        apr_pool_t *p;
        const char *wrong = NULL;
        int n = w->number * 1000 + i;

        apr_pool_create(&p, w->p);
        if ((i + w->number) % 6 == 0) {
            abuse_t any = { abuses[(size_t)n % COUNT(abuses)].function, NULL };
            wrong = abuse(w->engine, w->script, &any, 20, p);
        }
        wrong = wrong ? wrong : be_good(w->engine, w->script, n, p);
        w->wrong = wrong ? apr_pstrdup(w->p, wrong) : NULL;
        apr_pool_destroy(p);
    }
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (i = SIGRTMIN; i <= SIGRTMAX && !w->wrong; ++i) {
        if (!sigismember(&after, i)) {
            w->wrong = "the signal mask was not put back";
        }
    }
    return NULL;
}

static void threads_do_not_disturb_each_other(void **state)
{
    worker_t workers[16];
    pthread_t threads[COUNT(workers)];
    flow_script_t *script = script_compile(abuse_text, *state);
    flow_script_engine_t *engine = script_engine(8 * MB, 12, *state);
    flow_script_stats_t stats;
    size_t i;

    for (i = 0; i < COUNT(workers); ++i) {
        worker_t w = { engine, script, NULL, (int)i, NULL };
        workers[i] = w;
        apr_pool_create_unmanaged_ex(&workers[i].p, NULL, NULL);
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]),
                         0);
    }
    for (i = 0; i < COUNT(workers); ++i) {
        pthread_join(threads[i], NULL);
    }
    for (i = 0; i < COUNT(workers); ++i) {
        if (workers[i].wrong) {
            fail_msg("thread %d: %s", (int)i, workers[i].wrong);
        }
        apr_pool_destroy(workers[i].p);
    }
    flow_script_engine_stats(engine, &stats);
    assert_int_equal(stats.busy, 0);
    assert_true(stats.arenas <= 12);
}

static void *work_with_little_stack(void *baton)
{
    static const abuse_t deep[] = {
        { "recursion", "script_stack" },
        { "recursion_native", "script_stack" },
        { "deep_json", NULL },
        { "deep_join", NULL },
        { "deep_code", NULL },
        { "deep_regexp", NULL },
        { "regexp", NULL },
    };
    worker_t *w = baton;
    size_t i;

    for (i = 0; i < COUNT(deep) && !w->wrong; ++i) {
        w->wrong = abuse(w->engine, w->script, &deep[i], 50, w->p);
    }
    return NULL;
}

static void a_small_native_stack_is_respected(void **state)
{
    static const size_t sizes[] = { 128 << 10, 256 << 10, 1 << 20 };
    flow_script_t *script = script_compile(abuse_text, *state);
    worker_t w = { script_engine(16 * MB, 1, *state), script, *state, 0, NULL };
    pthread_attr_t attr;
    pthread_t thread;
    size_t i;

    for (i = 0; i < COUNT(sizes); ++i) {
        pthread_attr_init(&attr);
        assert_int_equal(pthread_attr_setstacksize(&attr, sizes[i]), 0);
        assert_int_equal(
            pthread_create(&thread, &attr, work_with_little_stack, &w), 0);
        pthread_join(thread, NULL);
        pthread_attr_destroy(&attr);
        if (w.wrong) {
            fail_msg("%d kB: %s", (int)(sizes[i] >> 10), w.wrong);
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

#define with_pool(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_pool(abuse_ends_at_its_limit_and_hurts_nobody_else),
        with_pool(abusive_calls_in_a_row_leave_memory_flat),
        with_pool(good_calls_in_a_row_leave_memory_flat),
        with_pool(threads_do_not_disturb_each_other),
        with_pool(a_small_native_stack_is_respected),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
