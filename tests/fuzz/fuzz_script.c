/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Values into a script and out of it. The body of a function of o, a line of
 * three dashes, a JSON text for o.
 *
 * Untouched, o comes back with the same text, also through JSON.parse and
 * JSON.stringify. Whatever the body returns, prints, throws or hands to a host
 * function is valid UTF-8 and JSON, or refused.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "base/flow_buf.h"
#include "data/flow_json.h"
#include "script/flow_script.h"

#define MEMORY   ((apr_size_t)8 << 20)
#define TEXT_MAX ((apr_size_t)16 << 20)
#define CALL_MS  50

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char source[] =
    "import { exports } from 'integrator-api'\n"
    "function echo(o) { return o }\n"
    "function parsed(o) { return JSON.parse(JSON.stringify(o)) }\n"
    "function passed(o) { return exports.run(o) }\n"
    "function run(o) {\n"
    "  const v = new Function('o', o.code)(o.value)\n"
    "  console.log(v, o)\n"
    "  try { exports.run(v) } catch (e) { console.error(e) }\n"
    "  return v\n"
    "}\n";

static flow_script_engine_t *engine;
static flow_script_t *script;

static void check(int holds)
{
    if (!holds) {
        abort();
    }
}

static void check_text(const char *text, apr_size_t len)
{
    check(flow_utf8_is_valid(text, len));
}

/* What is written of it can be read, and is the same then. */
static void check_value(const json_t *v)
{
    json_t *again = NULL;
    flow_buf_t text;

    if (!v) {
        return;
    }
    flow_buf_init(&text, TEXT_MAX);
    flow_json_write(&text, v, FLOW_JSON_COMPACT);
    check(text.status == APR_SUCCESS);
    check_text(text.data, text.len);
    check(flow_json_parse(&again, text.data, text.len, NULL) == APR_SUCCESS);
    check(flow_json_equal(v, again));
    json_decref(again);
    flow_buf_release(&text);
}

static int same_text(const char *a, apr_size_t a_len, const char *b,
                     apr_size_t b_len)
{
    return a_len == b_len && memcmp(a, b, a_len) == 0;
}

/* Numbers have the same text. Keys that are array indexes may have moved to the
 * front, as in every engine. */
static void check_same(const json_t *a, const json_t *b)
{
    char a_tmp[FLOW_JSON_NUMBER_MAX], b_tmp[FLOW_JSON_NUMBER_MAX];
    apr_size_t a_len = 0, b_len = 0, i;
    const char *a_text, *b_text, *key;
    json_t *member;

    check(flow_json_type(a) == flow_json_type(b));
    switch (flow_json_type(a)) {
    case FLOW_JSON_NUMBER:
        a_text = flow_json_number_text(a, a_tmp, &a_len);
        b_text = flow_json_number_text(b, b_tmp, &b_len);
        check(same_text(a_text, a_len, b_text, b_len));
        break;
    case FLOW_JSON_ARRAY:
        check(json_array_size(a) == json_array_size(b));
        for (i = 0; i < json_array_size(a); ++i) {
            check_same(json_array_get(a, i), json_array_get(b, i));
        }
        break;
    case FLOW_JSON_OBJECT:
        check(json_object_size(a) == json_object_size(b));
        json_object_keylen_foreach((json_t *)(apr_uintptr_t)a, key, i, member)
        {
            check_same(member, json_object_getn(b, key, i));
        }
        break;
    default:
        check(flow_json_equal(a, b));
        break;
    }
}

static apr_status_t give_back(void *baton, const char *object,
                              const char *function, const json_t *args,
                              apr_time_t deadline, json_t **presult,
                              int *pstatus, flow_error_t *err)
{
    (void)baton;
    (void)object;
    (void)function;
    (void)deadline;
    (void)pstatus;
    (void)err;
    check_value(args);
    *presult = json_incref(json_array_get(args, 0));
    return APR_SUCCESS;
}

static void hear(void *baton, const char *level, const char *text,
                 apr_size_t len)
{
    (void)baton;
    (void)level;
    check_text(text, len);
}

static void hear_failure(void *baton, const flow_error_t *why,
                         const char *trace)
{
    (void)baton;
    check_text(why->message, strlen(why->message));
    check_text(why->code, strlen(why->code));
    check_text(trace, strlen(trace));
}

static const flow_script_host_t host = { NULL, give_back, hear, hear_failure };

static void start(void)
{
    flow_error_t err = FLOW_ERROR_INIT;
    apr_pool_t *p;

    apr_initialize();
    atexit(apr_terminate); /* joins the engine's thread */
    flow_json_global_init();
    flow_script_global_init();
    apr_pool_create(&p, NULL);
    check(flow_script_compile(&script, "fuzz", "fuzz.js", source,
                              sizeof(source) - 1, MEMORY, p,
                              &err) == APR_SUCCESS);
    check(flow_script_engine_create(&engine, MEMORY, 1, MEMORY, p, &err) ==
          APR_SUCCESS);
}

static json_t *call(const char *function, const json_t *arg, apr_pool_t *p)
{
    flow_script_limits_t limits = { 0 };
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *result = NULL;

    limits.deadline = apr_time_now() + apr_time_from_msec(CALL_MS);
    if (flow_script_call(engine, script, function, arg, &limits, &host, &result,
                         p, &err) != APR_SUCCESS) {
        check(!result);
        check(err.code[0] != '\0');
    }
    check_value(result);
    return result;
}

static void check_kept(const char *function, const json_t *value, apr_pool_t *p)
{
    json_t *result = call(function, value, p);

    if (result) {
        check_same(value, result);
    }
    json_decref(result);
}

static void run_code(const char *code, apr_size_t len, json_t *value,
                     apr_pool_t *p)
{
    json_t *arg = json_object();

    code = flow_utf8_repair(code, len, &len, p);
    json_object_set_new(arg, "code", flow_json_string_new(code, len));
    json_object_set(arg, "value", value);
    json_decref(call("run", arg, p));
    json_decref(arg);
}

static const char mark[] = "\n---\n";
#define MARK_LEN (sizeof(mark) - 1)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const char *at = memmem(text, size, mark, MARK_LEN);
    apr_size_t code_len = at ? (apr_size_t)(at - text) : 0;
    apr_size_t from = at ? code_len + MARK_LEN : 0;
    json_t *value = NULL;
    apr_pool_t *p;

    if (!engine) {
        start();
    }
    apr_pool_create(&p, NULL);
    flow_json_parse(&value, text + from, size - from, NULL);
    if (value) {
        check_kept("echo", value, p);
        check_kept("parsed", value, p);
        check_kept("passed", value, p);
    }
    if (code_len) {
        run_code(text, code_len, value, p);
    }
    json_decref(value);
    apr_pool_destroy(p);
    return 0;
}
