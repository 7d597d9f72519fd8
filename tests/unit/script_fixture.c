/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <apr_strings.h>

#include "data/flow_json.h"
#include "tests/unit/script_fixture.h"

#define MEMORY ((apr_size_t)16 << 20)

static apr_status_t compile(flow_script_t **pscript, const char *text,
                            apr_pool_t *p, flow_error_t *err)
{
    return flow_script_compile(pscript, "test", "test.js", text, strlen(text),
                               MEMORY, p, err);
}

flow_script_t *script_compile(const char *text, apr_pool_t *p)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_script_t *script;

    if (compile(&script, text, p, &err) != APR_SUCCESS) {
        fail_msg("%s\n%s: %s", text, err.code, err.message);
    }
    return script;
}

const char *script_complaint(const char *text, apr_pool_t *p)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_script_t *script;

    if (compile(&script, text, p, &err) == APR_SUCCESS) {
        fail_msg("this compiles: %s", text);
    }
    assert_null(script);
    return apr_psprintf(p, "%s: %s", err.code, err.message);
}

flow_script_engine_t *script_engine(apr_size_t memory, int max_arenas,
                                    apr_pool_t *p)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_script_engine_t *engine;

    if (flow_script_engine_create(&engine, memory, max_arenas,
                                  (apr_size_t)64 << 20, p,
                                  &err) != APR_SUCCESS) {
        fail_msg("%s: %s", err.code, err.message);
    }
    return engine;
}

const char *script_call(flow_script_engine_t *engine,
                        const flow_script_t *script, const char *function,
                        const char *arg, int ms, const flow_script_host_t *host,
                        apr_pool_t *p)
{
    flow_script_limits_t limits = { apr_time_now() + apr_time_from_msec(ms),
                                    0 };
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *value = NULL, *result;
    const char *text;

    if (arg && flow_json_parse(&value, arg, strlen(arg), &err) != APR_SUCCESS) {
        fail_msg("%s: %s", arg, err.message);
    }
    if (flow_script_call(engine, script, function, value, &limits, host,
                         &result, p, &err) != APR_SUCCESS) {
        assert_null(result);
        text = apr_psprintf(p, "!%s: %s", err.code, err.message);
    }
    else {
        text = result ? flow_json_text(result, NULL, p) : "undefined";
    }
    json_decref(result);
    json_decref(value);
    return text;
}

const char *script_once(const char *text, const char *arg, apr_pool_t *p)
{
    apr_pool_t *own;
    const char *result;

    apr_pool_create(&own, p);
    result = script_call(script_engine(MEMORY, 1, own),
                         script_compile(text, own), "f", arg, 20000, NULL, p);
    apr_pool_destroy(own);
    return result;
}

long resident_kb(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    long size = 0, resident = 0;

    if (f) {
        if (fscanf(f, "%ld %ld", &size, &resident) != 2) {
            resident = 0;
        }
        fclose(f);
    }
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}
