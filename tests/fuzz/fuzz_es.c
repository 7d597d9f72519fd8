/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The syntax compiler: any text is compiled or refused, and what it compiles
 * mujs can read.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "mujs.h"

#include "script/flow_es.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static js_State *J;

static void *allocate(void *actx, void *ptr, int size)
{
    (void)actx;
    if (size == 0) {
        free(ptr);
        return NULL;
    }
    return realloc(ptr, (size_t)size);
}

static void limit(js_State *state, int which)
{
    (void)state;
    fprintf(stderr, "limit %d of mujs\n", which);
    abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    apr_initialize();
    J = js_newstate(allocate, NULL, 0);
    js_setlimit(J, limit, 16 << 20);
    return J ? 0 : 1;
}

/* mujs has limits of its own, and so has its regular expression reader. */
static int is_limit(const char *message)
{
    return strstr(message, "too much recursion") != NULL ||
           strstr(message, "egular expression") != NULL;
}

static void check_mujs(const char *text)
{
    const char *message;

    if (js_ploadstring(J, "fuzz.js", text)) {
        message = js_trystring(J, -1, "error");
        if (!is_limit(message)) {
            fprintf(stderr, "mujs: %s\n%s\n", message, text);
            abort();
        }
    }
    js_pop(J, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    flow_es_options_t opt = { 0, 0, NULL };
    flow_es_output_t out;
    flow_error_t err = FLOW_ERROR_INIT;
    apr_pool_t *p;
    int line, column;

    if (size == 0 || size > 65536) {
        return 0;
    }
    opt.eval = data[0] == 'E';
    apr_pool_create(&p, NULL);
    if (flow_es_compile((const char *)data + 1, size - 1, "fuzz.js", &opt, &out,
                        p, &err) == APR_SUCCESS) {
        if (out.len != strlen(out.text)) {
            abort();
        }
        check_mujs(out.text);
        flow_es_map_position(out.map, 1, "a", &line, &column);
        flow_es_map_position(out.map, 1 << 30, NULL, &line, &column);
    }
    else if (strncmp(err.message, "fuzz.js:", 8) != 0) {
        abort();
    }
    apr_pool_destroy(p);
    return 0;
}
