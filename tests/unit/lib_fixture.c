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
#include "tests/unit/lib_fixture.h"

#define MEMORY ((apr_size_t)16 << 20)

/* A value as a text in which nothing is lost: holes, undefined, -0, Maps. */
/* clang-format off */
static const char lib_show[] =
    "function show(v, d) { var r, k; d = d || 0;\012"
    "  if (v === null || v === undefined) return String(v);\012"
    "  if (typeof v === 'string') return JSON.stringify(v);\012"
    "  if (typeof v === 'number') return Object.is(v, -0) ? '-0' : String(v);\012"
    "  if (typeof v === 'function') return 'function';\012"
    "  if (typeof v !== 'object') return String(v);\012"
    "  if (d > 5) return '...';\012"
    "  if (Array.isArray(v)) { r = []; for (k = 0; k < v.length; ++k) r.push(k in v ? show(v[k], d + 1) : 'hole');\012"
    "    var s = '[' + r.join(',') + ']'; if ('index' in v) s += '@' + v.index; if (v.groups) s += show(v.groups, d + 1); return s; }\012"
    "  if (v instanceof Date) return 'Date(' + v.getTime() + ')';\012"
    "  if (v instanceof RegExp) return String(v);\012"
    "  if (v instanceof Error) return v.name;\012"
    "  if (v instanceof Map) { r = []; v.forEach(function (a, b) { r.push(show(b, d + 1) + '=>' + show(a, d + 1)) }); return 'Map{' + r.join(',') + '}'; }\012"
    "  if (v instanceof Set) { r = []; v.forEach(function (a) { r.push(show(a, d + 1)) }); return 'Set{' + r.join(',') + '}'; }\012"
    "  r = Object.keys(v).map(function (k) { return k + ':' + show(v[k], d + 1) }); return '{' + r.join(',') + '}'; }\012"
    ;
/* clang-format on */

static void check_one(flow_script_engine_t *engine, const lib_case_t *one,
                      apr_pool_t *p)
{
    flow_script_t *script = script_compile(
        apr_pstrcat(p, lib_show, "function f() { try { return show(",
                    one->expression,
                    ") } catch (e) { return 'throws ' + e.name } }", NULL),
        p);
    const char *got = script_call(engine, script, "f", NULL, 3000, NULL, p);
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *text = NULL;

    if (flow_json_parse(&text, got, strlen(got), &err) == APR_SUCCESS) {
        got = apr_pstrdup(p, flow_json_string(text, NULL));
        json_decref(text);
    }
    if (strcmp(got, one->result) != 0) {
        print_error("%s\n", one->expression);
    }
    assert_string_equal(got, one->result);
}

void lib_check(const lib_case_t *cases, size_t n, apr_pool_t *p)
{
    flow_script_engine_t *engine = script_engine(MEMORY, 1, p);
    size_t i;

    for (i = 0; i < n; ++i) {
        check_one(engine, &cases[i], p);
    }
}

int lib_setup(void **state)
{
    apr_pool_t *p;

    apr_initialize();
    apr_pool_create(&p, NULL);
    *state = p;
    return 0;
}

int lib_teardown(void **state)
{
    apr_pool_destroy(*state);
    apr_terminate();
    return 0;
}
