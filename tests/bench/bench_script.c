/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a call of a script costs: bench_script [seconds per line, default 1].
 * docs/internals-script.md says how to build it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "data/flow_json.h"
#include "script/flow_script.h"

#define MEMORY ((apr_size_t)64 << 20)

static const char script_text[] =
    "import { exports } from 'integrator-api'\n"
    "function empty() {}\n"
    "function echo(options) { return options }\n"
    "function api(options) {\n"
    "  if (options.method !== 'POST') return { statusCode: 405 }\n"
    "  var out = [], i, item\n"
    "  for (i = 0; i < options.body.items.length; i++) {\n"
    "    item = options.body.items[i]\n"
    "    out.push({ sku: item.sku, qty: item.qty, price: item.price,\n"
    "               total: item.qty * item.price })\n"
    "  }\n"
    "  return { statusCode: 200, headers: { 'X-Count': '' + i },\n"
    "           body: { items: out } }\n"
    "}\n"
    "function json(options) {\n"
    "  return JSON.parse(JSON.stringify(options)).method\n"
    "}\n"
    "function host() { exports.run({ _id: 'e' }); return 1 }\n"
    "function count() { for (var i = 0, n = 0; i < 100000; i++) n += i;\n"
    "  return n }\n";

/* All that there is to import, and the compiler's helpers. */
static const char library_text[] =
    "import { exports, imports, flows, connections, state, lookupCaches } "
    "from 'integrator-api'\n"
    "import { sleep, crypto } from 'mod_flow'\n"
    "import dayjs from 'dayjs'\n"
    "import sjcl from 'sjcl'\n"
    "class Item { #n = 1; get n() { return this.#n } }\n"
    "function empty() {}\n"
    "function echo(options) { return options }\n"
    "const use = async ({ body, ...rest }) => {\n"
    "  for (const [k, v] of new Map([['a', 1]])) { rest[k] = `${v}` }\n"
    "  return { rest, n: new Item().n,\n"
    "           day: dayjs('2020-01-02').add(1, 'day').format('YYYY') } }\n";

static apr_status_t host_call(void *baton, const char *object,
                              const char *function, const json_t *args,
                              apr_time_t deadline, json_t **presult,
                              int *pstatus, flow_error_t *err)
{
    (void)baton;
    (void)object;
    (void)function;
    (void)args;
    (void)deadline;
    (void)pstatus;
    (void)err;
    *presult = json_object();
    return APR_SUCCESS;
}

static json_t *options_with(int items)
{
    json_t *options, *list = json_array();
    flow_error_t err = FLOW_ERROR_INIT;
    const char *text = "{\"method\":\"POST\",\"headers\":{\"host\":\"x\","
                       "\"accept\":\"*/*\",\"user-agent\":\"wrk\"},"
                       "\"queryString\":{},\"rawBody\":\"\",\"body\":{}}";
    int i;

    flow_json_parse(&options, text, strlen(text), &err);
    for (i = 0; i < items; ++i) {
        json_t *item;
        const char *one = "{\"sku\":\"ab-1234\",\"qty\":3,\"price\":19.90,"
                          "\"text\":\"a description of this thing\"}";
        flow_json_parse(&item, one, strlen(one), &err);
        json_array_append_new(list, item);
    }
    json_object_set_new(json_object_get(options, "body"), "items", list);
    return options;
}

static void measure(flow_script_engine_t *engine, const flow_script_t *script,
                    const char *function, int items, double seconds,
                    apr_pool_t *pool)
{
    const flow_script_host_t host = { NULL, host_call, NULL };
    json_t *arg = options_with(items);
    flow_error_t err = FLOW_ERROR_INIT;
    apr_pool_t *p;
    apr_time_t start, now;
    long n = 0;

    apr_pool_create(&p, pool);
    start = now = apr_time_now();
    while (now - start < (apr_time_t)(seconds * 1e6)) {
        flow_script_limits_t limits = { now + apr_time_from_sec(30), 0 };
        json_t *result;

        if (flow_script_call(engine, script, function, arg, &limits, &host,
                             &result, p, &err) != APR_SUCCESS) {
            printf("%s: %s: %s\n", function, err.code, err.message);
            break;
        }
        json_decref(result);
        apr_pool_clear(p);
        ++n;
        now = apr_time_now();
    }
    printf("%-8s %4d items %10.2f us a call\n", function, items,
           (double)(now - start) / (double)(n ? n : 1));
    json_decref(arg);
    apr_pool_destroy(p);
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 1.0;
    flow_error_t err = FLOW_ERROR_INIT;
    flow_script_engine_t *engine;
    flow_script_t *script;
    apr_pool_t *pool;
    apr_time_t start;
    int i;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    flow_json_global_init();
    flow_script_global_init();

    start = apr_time_now();
    for (i = 0; i < 100; ++i) {
        if (flow_script_compile(&script, "bench", "bench.js", script_text,
                                sizeof(script_text) - 1, MEMORY, pool,
                                &err) != APR_SUCCESS) {
            printf("%s: %s\n", err.code, err.message);
            return 1;
        }
    }
    printf("compile              %10.2f us a script\n",
           (double)(apr_time_now() - start) / 100);
    if (flow_script_engine_create(&engine, MEMORY, 1, MEMORY, pool, &err) !=
        APR_SUCCESS) {
        return 1;
    }
    measure(engine, script, "empty", 0, seconds, pool);
    measure(engine, script, "echo", 0, seconds, pool);
    measure(engine, script, "api", 1, seconds, pool);
    measure(engine, script, "api", 20, seconds, pool);
    measure(engine, script, "json", 20, seconds, pool);
    measure(engine, script, "host", 0, seconds, pool);
    measure(engine, script, "count", 0, seconds, pool);
    if (flow_script_compile(&script, "library", "library.js", library_text,
                            sizeof(library_text) - 1, MEMORY, pool,
                            &err) != APR_SUCCESS) {
        printf("%s: %s\n", err.code, err.message);
        return 1;
    }
    printf("with dayjs, sjcl and the whole library:\n");
    measure(engine, script, "empty", 0, seconds, pool);
    measure(engine, script, "echo", 0, seconds, pool);
    measure(engine, script, "use", 1, seconds, pool);
    apr_pool_destroy(pool);
    apr_terminate();
    return 0;
}
