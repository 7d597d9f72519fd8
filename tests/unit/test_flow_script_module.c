/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "script_fixture.h"

#define MEMORY ((apr_size_t)16 << 20)

static apr_pool_t *pool;

/* ---- files that are none ---- */

typedef struct text_t {
    const char *path, *text;
} text_t;

static const text_t *texts;
static int reads;

static apr_status_t read_text(void *baton, const char *path, const char **ptext,
                              apr_size_t *plen, apr_pool_t *p,
                              flow_error_t *err)
{
    const text_t *t;

    (void)baton;
    (void)p;
    ++reads;
    for (t = texts; t && t->path; ++t) {
        if (strcmp(t->path, path) == 0) {
            *ptext = t->text;
            *plen = strlen(t->text);
            return APR_SUCCESS;
        }
    }
    return flow_error_set(err, FLOW_E_CONFIG, APR_ENOENT, "file",
                          "cannot read '%s'", path);
}

static flow_script_files_t files = { NULL, NULL, read_text };
static const char *main_file = "/etc/s/main.js";

static flow_script_t *compile(const char *source, flow_error_t *err)
{
    flow_script_t *script = NULL;

    reads = 0;
    flow_script_compile_files(&script, "s", main_file, &files, source,
                              strlen(source), MEMORY, pool, err);
    return script;
}

static const char *result_of(const char *source)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_script_t *script = compile(source, &err);

    if (!script) {
        return apr_psprintf(pool, "!!%s", err.message);
    }
    return script_call(script_engine(MEMORY, 2, pool), script, "f", "{}", 20000,
                       NULL, pool);
}

static void expect(const char *source, const char *expected)
{
    const char *result = result_of(source);

    if (strcmp(result, expected) != 0) {
        fail_msg("%s\ngives   %s\ninstead %s", source, result, expected);
    }
}

static void expect_in(const char *source, const char *part)
{
    const char *result = result_of(source);

    if (!strstr(result, part)) {
        fail_msg("%s\ngives   %s\nwithout %s", source, result, part);
    }
}

static int setup(void **state)
{
    (void)state;
    texts = NULL;
    return apr_pool_create(&pool, NULL) != APR_SUCCESS;
}

static int teardown(void **state)
{
    (void)state;
    apr_pool_destroy(pool);
    return 0;
}

/* ---- files ---- */

static void files_are_imported_relative_to_the_one_that_does(void **state)
{
    static const text_t tree[] = {
        { "/etc/s/lib/a.js", "import { two } from '../b.js'\n"
                             "export function twice(x) { return two * x }\n"
                             "export const name = 'a', other = 'o'\n"
                             "function hidden() {}\n"
                             "function inner() { return 7 }\n"
                             "export { inner, inner as seven }\n"
                             "export default function () { return 'dflt' }\n" },
        { "/etc/s/b.js", "export let two = 2;" },
        { NULL, NULL },
    };

    (void)state;
    texts = tree;
    expect("import dflt, { twice, name as n, seven } from './lib/a.js'\n"
           "import * as a from './lib/../lib/a'\n"
           "import { two } from \"./b.js\"\n"
           "function f() { return [twice(4), n, seven(), dflt(), two,"
           " Object.keys(a).sort(), typeof hidden, typeof inner] }",
           "[8,\"a\",7,\"dflt\",2,[\"default\",\"inner\",\"name\",\"other\","
           "\"seven\",\"twice\"],\"undefined\",\"undefined\"]");
    assert_int_equal(reads, 2);
}

static void a_relative_path_stays_one(void **state)
{
    static const text_t tree[] = {
        { "../b.js", "import '../../c.js'; export var b = 1" },
        { "../../../c.js", "" },
        { NULL, NULL },
    };

    (void)state;
    texts = tree;
    main_file = "sub/main.js";
    expect("import { b } from '../../b.js'\nfunction f() { return b }", "1");
    main_file = "main.js";
    expect("import { b } from '../b.js'\nfunction f() { return b }", "1");
    files.dir = ".";
    expect("import { b } from './x/../../b'\nfunction f() { return b }", "1");
    files.dir = NULL;
    main_file = "/etc/s/main.js";
}

static void a_file_runs_once_and_only_when_it_is_imported(void **state)
{
    static const text_t tree[] = {
        { "/etc/s/count.js", "export var c = { n: 0 }; c.n++" },
        { "/etc/s/x.js", "import { c } from './count.js'\n"
                         "c.n += 10; export default c" },
        { NULL, NULL },
    };

    (void)state;
    texts = tree;
    expect("import { c } from './count.js'\nimport x from './x.js'\n"
           "import './x.js'\n"
           "function f() { return [c.n, x === c] }",
           "[11,true]");
}

static void mistakes_in_imports_name_their_place(void **state)
{
    static const text_t tree[] = {
        { "/etc/s/bad.js", "export function g() {}\nvar a = ;" },
        { "/etc/s/worse.js", "\nexport { a as 7 }" },
        { "/etc/s/throws.js", "\n\nnull.x" },
        { "/etc/s/one.js", "import './two.js'" },
        { "/etc/s/two.js", "\n  import './three.js'" },
        { "/etc/s/three.js", "import { x } from './two.js'" },
        { "/etc/s/self.js", "import './self.js'" },
        { "/etc/s/lib.js", "export var y = 1" },
        { NULL, NULL },
    };
    static const char *const cases[][2] = {
        { "\nimport { x } from './none.js'",
          "!!/etc/s/main.js:2:19: cannot read '/etc/s/none.js'" },
        { "import './bad.js'", "!!/etc/s/bad.js:2:9: " },
        { "import './worse.js'", "!!/etc/s/worse.js:2:15: unexpected '7'" },
        { "import './throws.js'",
          "!!/etc/s/throws.js:3:6: cannot read 'x' of null" },
        { "import './one.js'",
          "!!/etc/s/three.js:1:19: files import each other in a circle: "
          "two.js -> three.js -> two.js" },
        { "import './self.js'", "circle: self.js -> self.js" },
        { "import { x } from './lib.js'",
          "!!/etc/s/main.js:1:10: './lib.js' exports no 'x'" },
        { "import x from './lib.js'", "'./lib.js' exports no 'default'" },
        { "import x from 'moment'",
          "!!/etc/s/main.js:1:15: no module 'moment'; there are "
          "'integrator-api', 'mod_flow', 'dayjs'" },
        { "import x from '/etc/passwd'", "no module '/etc/passwd'" },
        { "import x from './a\\x2ejs'", "cannot read '/etc/s/a.js'" },
        { "export { f } from './lib.js'",
          "!!/etc/s/main.js:1:10: './lib.js' exports no 'f'" },
        { "import { flow } from 'integrator-api'",
          "!!/etc/s/main.js:1:10: 'integrator-api' has no 'flow'; it has "
          "exports, "
          "imports, flows, connections, integrations, accessTokens, "
          "asyncHelpers, "
          "fileDefinitions, state, lookupCaches, request" },
        { "import { nothing } from 'dayjs'", "'dayjs' exports no 'nothing'" },
        { "function f() { export var a = 1 }", "at the top of a script" },
    };
    size_t i;

    (void)state;
    texts = tree;
    for (i = 0; i < COUNT(cases); ++i) {
        expect_in(cases[i][0], cases[i][1]);
    }
}

static void files_pass_on_what_others_export(void **state)
{
    static const text_t tree[] = {
        { "/etc/s/all.js", "export * from './one.js'; export { b as c } from "
                           "'./one.js'; export * as ns from './one.js'" },
        { "/etc/s/one.js", "export let n = 1; export function add() { n++ } "
                           "export const b = 'b'; export default 5" },
        { NULL, NULL },
    };

    (void)state;
    texts = tree;
    expect("import { n, add, c, ns } from './all.js'\n"
           "export function f() { add(); return [n, c, ns.b, ns.default] }",
           "[2,\"b\",\"b\",5]");
    /* a function of another file can be called like the script's own */
    expect("export { add as f } from './all.js'", "undefined");
    expect_in("import x from './all.js'", "exports no 'default'");
}

static void a_module_of_the_hosts_has_only_what_is_asked_for(void **state)
{
    (void)state;
    texts = NULL;
    expect("import api, { flows, request } from 'integrator-api'\n"
           "import * as all from 'integrator-api'\n"
           "import { sleep as s } from 'mod_flow'\n"
           "const f = () => [typeof flows.run, typeof request, api.flows === "
           "flows, all.flows === flows, typeof s]",
           "[\"function\",\"function\",true,true,\"function\"]");
}

static void a_script_without_a_place_imports_no_files(void **state)
{
    (void)state;
    assert_non_null(strstr(script_complaint("import './x.js'", pool),
                           "files cannot be imported here"));
}

/* ---- packages ---- */

static void dayjs_works(void **state)
{
    (void)state;
    expect(
        "import dayjs from 'dayjs'\n"
        "import utc from 'dayjs/plugin/utc'\n"
        "import customParseFormat from 'dayjs/plugin/customParseFormat'\n"
        "dayjs.extend(utc); dayjs.extend(customParseFormat)\n"
        "function f() { var d = dayjs.utc('2026-03-01T10:20:30Z'); return ["
        "d.format('YYYY-MM-DD HH:mm'), d.add(1, 'month').toISOString(),"
        "d.diff(dayjs.utc('2026-02-01'), 'day'), dayjs('nonsense').isValid(),"
        "d.isBefore(d.endOf('year')), d.subtract(2, 'hour').format('H'),"
        "dayjs.utc('24/12/2026', 'DD/MM/YYYY').toISOString()] }",
        "[\"2026-03-01 10:20\",\"2026-04-01T10:20:30.000Z\",28,false,true,"
        "\"8\",\"2026-12-24T00:00:00.000Z\"]");
}

static void sjcl_works_and_its_random_words_differ_in_each_call(void **state)
{
    static const char source[] =
        "import sjcl from 'sjcl'\n"
        "function f() { return sjcl.random.randomWords(4) }\n"
        "function g() { var key = 'pass', c = sjcl.encrypt(key, 'text \\u20ac',"
        "{iter: 1000}); return [sjcl.decrypt(key, c),"
        "sjcl.codec.hex.fromBits(sjcl.hash.sha256.hash('abc')),"
        "sjcl.codec.base64.fromBits(new sjcl.misc.hmac("
        "sjcl.codec.utf8String.toBits('k')).encrypt('m'))] }\n";
    flow_script_engine_t *engine = script_engine(MEMORY, 1, pool);
    flow_error_t err = FLOW_ERROR_INIT;
    flow_script_t *script = compile(source, &err);
    const char *a, *b;

    (void)state;
    assert_non_null(script);
    assert_string_equal(
        script_call(engine, script, "g", NULL, 20000, NULL, pool),
        "[\"text "
        "\xe2\x82\xac\",\"ba7816bf8f01cfea414140de5dae2223b00361a396177a"
        "9cb410ff61f20015ad\",\"tgCQ4wUil661oICInOL8S8qVfnVvrrTffTGADKHncew="
        "\"]");
    a = script_call(engine, script, "f", NULL, 20000, NULL, pool);
    b = script_call(engine, script, "f", NULL, 20000, NULL, pool);
    assert_int_equal(a[0], '[');
    assert_string_not_equal(a, b);
}

/* ---- errors in the author's terms ---- */

typedef struct heard_t {
    char code[64], message[256], trace[1024];
    int n;
} heard_t;

static void hear(void *baton, const flow_error_t *why, const char *trace)
{
    heard_t *heard = baton;

    ++heard->n;
    apr_cpystrn(heard->code, why->code, sizeof(heard->code));
    apr_cpystrn(heard->message, why->message, sizeof(heard->message));
    apr_cpystrn(heard->trace, trace, sizeof(heard->trace));
}

static void an_error_tells_the_call_stack_and_no_paths(void **state)
{
    static const text_t tree[] = {
        { "/etc/s/lib.js", "export function deep(o) {\n  return o.a.b\n}" },
        { NULL, NULL },
    };
    static const char source[] =
        "import { deep } from './lib.js'\n"
        "function g(o) {\n  return deep(o)\n}\n"
        "function f(o) { return [1].map(function each() { return g(o) }) }\n"
        "function thrower() { throw new Error('mine') }\n"
        "function endless() { for (;;) {} }\n";
    flow_script_engine_t *engine = script_engine(MEMORY, 1, pool);
    heard_t heard = { "", "", "", 0 };
    const flow_script_host_t host = { &heard, NULL, NULL, hear };
    flow_error_t err = FLOW_ERROR_INIT;
    flow_script_t *script;

    (void)state;
    texts = tree;
    script = compile(source, &err);
    assert_non_null(script);
    script_call(engine, script, "f", "{}", 20000, &host, pool);
    assert_int_equal(heard.n, 1);
    assert_string_equal(heard.code, "TypeError");
    assert_string_equal(heard.message,
                        "lib.js:2:10: cannot read 'b' of undefined: o.a");
    assert_string_equal(heard.trace, "deep (lib.js:2:3), g (main.js:3:3), "
                                     "each (main.js:5:50), f (main.js:5:17)");
    script_call(engine, script, "thrower", "{}", 20000, &host, pool);
    assert_string_equal(heard.message, "mine");
    assert_string_equal(heard.trace, "thrower (main.js:6:22)");
    script_call(engine, script, "endless", "{}", 20, &host, pool);
    assert_string_equal(heard.code, "script_timeout");
    assert_string_equal(heard.trace, "");
    assert_int_equal(heard.n, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_are_imported_relative_to_the_one_that_does),
        TEST(a_relative_path_stays_one),
        TEST(a_file_runs_once_and_only_when_it_is_imported),
        TEST(mistakes_in_imports_name_their_place),
        TEST(files_pass_on_what_others_export),
        TEST(a_module_of_the_hosts_has_only_what_is_asked_for),
        TEST(a_script_without_a_place_imports_no_files),
        TEST(dayjs_works),
        TEST(sjcl_works_and_its_random_words_differ_in_each_call),
        TEST(an_error_tells_the_call_stack_and_no_paths),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
