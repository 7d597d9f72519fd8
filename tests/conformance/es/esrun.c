/* SPDX-License-Identifier: Apache-2.0 */

/*
 * esrun [-c|-l|-t] FILE...: compile scripts and run each in a
 * mujs of its own; or print what was compiled (-c), only load it (-l), or
 * measure the compiler (-t). print(text) writes a line. More than one FILE:
 * "ok FILE" or "FAILED FILE: error" is written for each.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "mujs.h"
#include "jsflow.h"
#include "jses.h"

#include "data/flow_json.h"
#include "script/flow_es.h"

static apr_pool_t *pool;

static char *read_file(const char *name, size_t *plen)
{
    FILE *f = strcmp(name, "-") == 0 ? stdin : fopen(name, "rb");
    char *s = malloc(1 << 21);

    if (!f || !s) {
        fprintf(stderr, "esrun: cannot read '%s'\n", name);
        exit(2);
    }
    *plen = fread(s, 1, (1 << 21) - 1, f);
    s[*plen] = 0;
    if (f != stdin) {
        fclose(f);
    }
    return s;
}

static int many; /* files */

static void es_print(js_State *J)
{
    puts(js_tostring(J, 1));
    js_pushundefined(J);
}

/* evalScript of test262's host object: code in the global scope. */
static void es_script(js_State *J)
{
    js_getglobal(J, "eval");
    js_pushundefined(J);
    js_copy(J, 1);
    js_call(J, 1);
}

static void push_json(js_State *J, const json_t *v)
{
    char buf[FLOW_JSON_NUMBER_MAX];
    const char *text;
    apr_size_t len;
    void *it;
    size_t i;

    switch (flow_json_type(v)) {
    case FLOW_JSON_NULL:
        js_pushnull(J);
        break;
    case FLOW_JSON_BOOL:
        js_pushboolean(J, json_is_true(v));
        break;
    case FLOW_JSON_NUMBER:
        text = flow_json_number_text(v, buf, &len);
        js_pushnumberastext(J, text, (int)len);
        break;
    case FLOW_JSON_STRING:
        text = flow_json_string(v, &len);
        js_pushutf8(J, text, (int)len);
        break;
    case FLOW_JSON_ARRAY:
        js_newarray(J);
        for (i = 0; i < json_array_size(v); ++i) {
            push_json(J, json_array_get(v, i));
            js_setindex(J, -2, (int)i);
        }
        break;
    case FLOW_JSON_OBJECT:
        js_newobject(J);
        for (it = json_object_iter((json_t *)(uintptr_t)v); it;
             it = json_object_iter_next((json_t *)(uintptr_t)v, it)) {
            push_json(J, json_object_iter_value(it));
            js_defproperty(J, -2, json_object_iter_key(it), 0);
        }
        break;
    }
}

static const char *compile(const char *source, size_t len, const char *name,
                           int eval, flow_es_output_t *out, flow_error_t *err)
{
    flow_es_options_t opt = { eval, 0, NULL };

    if (flow_es_compile(source, len, name, &opt, out, pool, err) !=
        APR_SUCCESS) {
        return NULL;
    }
    return out->text;
}

static void compiled(js_State *J, const char *source)
{
    flow_es_output_t out;
    flow_error_t err = FLOW_ERROR_INIT;
    const char *text = compile(source, strlen(source), "eval", 1, &out, &err);

    if (!text) {
        js_newsyntaxerror(J, err.message);
        js_throw(J);
    }
    js_pushstring(J, text);
}

static void es_parse(js_State *J, const char *source)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *v = NULL;

    if (flow_json_parse(&v, source, strlen(source), &err) != APR_SUCCESS) {
        js_syntaxerror(J, "JSON: %s", err.message);
    }
    push_json(J, v);
    json_decref(v);
}

static void *allocate(void *actx, void *ptr, int size)
{
    (void)actx;
    if (size == 0) {
        free(ptr);
        return NULL;
    }
    return realloc(ptr, (size_t)size);
}

/* A script that reached a limit is done: so is this program. */
static void limit(js_State *J, int which)
{
    (void)J;
    printf("limit %d\n", which);
    exit(3);
}

static js_State *new_state(void)
{
    js_State *J = js_newstate(allocate, NULL, 0);

    js_setlimit(J, limit, 64 << 20);
    js_flowinit(J, es_parse);
    js_esinit(J);
    js_newcfunction(J, es_print, "print", 1);
    js_setglobal(J, "print");
    js_newobject(J);
    js_newcfunction(J, es_script, "evalScript", 1);
    js_setproperty(J, -2, "evalScript");
    js_pushglobal(J);
    js_setproperty(J, -2, "global");
    js_setglobal(J, "$262");
    js_setcompile(J, compiled);
    if (js_ploadstring(J, "es_runtime.js", flow_es_runtime())) {
        fprintf(stderr, "runtime: %s\n", js_tostring(J, -1));
        exit(2);
    }
    js_pushundefined(J);
    if (js_pcall(J, 0)) {
        fprintf(stderr, "runtime: %s\n", js_tostring(J, -1));
        exit(2);
    }
    js_pop(J, 1);
    return J;
}

/* "at LINE:COLUMN" of the source for "name:LINE:" in the error's trace */
static void place(js_State *J, const char *name, const flow_es_output_t *out)
{
    const char *trace = "", *at;
    int line, column;

    if (js_isobject(J, -1)) {
        js_getproperty(J, -1, "stackTrace");
        trace = js_trystring(J, -1, "");
        at = strstr(trace, apr_pstrcat(pool, name, ":", NULL));
        if (at && flow_es_map_position(out->map, atoi(at + strlen(name) + 1),
                                       NULL, &line, &column)) {
            printf("  at %s:%d:%d\n", name, line, column);
        }
        js_pop(J, 1);
    }
}

/* Whatever Promises have to do. */
static int settle(js_State *J)
{
    if (js_try(J)) {
        return 1;
    }
    js_pushundefined(J);
    js_settle(J);
    js_pop(J, 1);
    js_endtry(J);
    return 0;
}

static int load_only;

/* Of the processor; 0: none. A test needs two or three. */
static void limit_time(int ms)
{
    struct itimerval limit = { { 0, 0 }, { 0, ms * 1000 } };

    setitimer(ITIMER_PROF, &limit, NULL);
}

static int run(const char *name, int only_compile)
{
    size_t len;
    char *source = read_file(name, &len);
    flow_es_output_t out;
    flow_error_t err = FLOW_ERROR_INIT;
    const char *text = compile(source, len, name, 0, &out, &err);
    js_State *J;
    int failed = 0;

    limit_time(many ? 400 : 0);
    free(source);
    if (!text) {
        printf(many ? "FAILED %s: SyntaxError: %s\n" : "%s%s\n",
               many ? name : "SyntaxError: ", err.message);
        return 1;
    }
    if (only_compile) {
        printf("%s", text);
        return 0;
    }
    J = new_state();
    failed = js_ploadstring(J, name, text);
    if (!failed && !load_only) {
        js_pushundefined(J);
        failed = js_pcall(J, 0);
    }
    if (!failed && !load_only) {
        js_pushglobal(J);    /* this */
        js_newobject(J);     /* exports */
        js_newobject(J);     /* functions */
        js_pushundefined(J); /* nothing to import */
        failed = js_pcall(J, 3);
        failed = failed || settle(J);
    }
    if (many) {
        printf(failed ? "FAILED %s: %s\n" : "ok %s\n", name,
               failed ? js_trystring(J, -1, "error") : "");
    }
    else if (failed) {
        js_copy(J, -1);
        printf("%s\n", js_trystring(J, -1, "error"));
        js_pop(J, 1);
        place(J, name, &out);
    }
    js_freestate(J);
    return failed;
}

static int measure(const char *name)
{
    size_t len;
    char *source = read_file(name, &len);
    flow_es_output_t out;
    flow_error_t err = FLOW_ERROR_INIT;
    struct timespec a, b;
    int i, rounds = 200;
    apr_pool_t *top = pool;
    double ms;

    clock_gettime(CLOCK_MONOTONIC, &a);
    for (i = 0; i < rounds; ++i) {
        apr_pool_create(&pool, top);
        if (!compile(source, len, name, 0, &out, &err)) {
            printf("%s\n", err.message);
            return 1;
        }
        apr_pool_destroy(pool);
    }
    clock_gettime(CLOCK_MONOTONIC, &b);
    pool = top;
    ms = ((double)(b.tv_sec - a.tv_sec) * 1e3 +
          (double)(b.tv_nsec - a.tv_nsec) / 1e6) /
         rounds;
    printf("%s: %zu bytes, %.3f ms, %.4f ms per kB\n", name, len, ms,
           ms / ((double)len / 1024));
    free(source);
    return 0;
}

int main(int argc, const char *const *argv)
{
    int i = 1, only_compile = 0, time = 0, failed = 0;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    flow_json_global_init();
    js_globalinit();
    for (; i < argc && argv[i][0] == '-' && argv[i][1]; ++i) {
        if (strcmp(argv[i], "-c") == 0) {
            only_compile = 1;
        }
        else if (strcmp(argv[i], "-l") == 0) {
            load_only = 1;
        }
        else if (strcmp(argv[i], "-t") == 0) {
            time = 1;
        }
    }
    many = i + 1 < argc;
    if (many) {
        for (; i < argc; ++i) {
            apr_pool_t *top = pool;

            apr_pool_create(&pool, top);
            failed |= time ? measure(argv[i]) : run(argv[i], only_compile);
            apr_pool_destroy(pool);
            pool = top;
            fflush(stdout);
        }
    }
    else if (i < argc) {
        failed = time ? measure(argv[i]) : run(argv[i], only_compile);
    }
    return failed;
}
