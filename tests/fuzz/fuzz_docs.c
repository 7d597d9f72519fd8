/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Documents. Input that begins with '{' is one document, tried as every kind:
 * checking takes out all that is wrong, so that a second check finds only
 * missing fields, and a masked copy has no secret left. All other input is
 * sections with FlowSet lines, compiled as far as they go.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "flow/flow_connector.h"
#include "flow/flow_docs.h"
#include "flow/flow_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void start(void)
{
    static int is_ready;

    if (!is_ready) {
        apr_initialize();
        flow_json_global_init();
        flow_connector_register(&flow_connector_http);
        flow_connector_register(&flow_connector_filesystem);
        is_ready = 1;
    }
}

/* ---- one document ---- */

static void count_all(void *baton, const char *path, const char *message)
{
    if (!path || !message[0]) {
        abort();
    }
    ++*(int *)baton;
}

static void only_missing(void *baton, const char *path, const char *message)
{
    (void)baton;
    (void)path;
    if (strncmp(message, "required ", 9) != 0 &&
        strncmp(message, "must be an object, not a null", 29) != 0 &&
        strncmp(message, "must be a string, not a null", 28) != 0) {
        abort();
    }
}

static json_t *no_secret(void *baton, const char *path, const char *text)
{
    (void)baton;
    (void)path;
    if (text[0] && strcmp(text, "******") != 0) {
        abort();
    }
    return NULL;
}

static void try_document(json_t *doc, flow_kind_e kind, const char *connector,
                         apr_pool_t *p)
{
    int n = 0;
    flow_schema_check_t first = { &n, count_all, NULL };
    flow_schema_check_t second = { NULL, only_missing, NULL };
    json_t *copy = json_deep_copy(doc);
    json_t *masked = flow_schema_mask(kind, doc);

    flow_schema_check(kind, connector, copy, &first, p);
    flow_schema_check(kind, connector, copy, &second, p);
    flow_schema_secrets(kind, masked, no_secret, NULL, p);
    json_decref(masked);
    json_decref(copy);
}

static void try_json(const char *text, size_t len, apr_pool_t *p)
{
    static const char *const connectors[] = { NULL, "http", "filesystem",
                                              "webhook" };
    json_t *doc = NULL;
    int kind, i;

    if (memchr(text, '\0', len) || strstr(text, "\\u0000") ||
        flow_json_parse(&doc, text, len, NULL) != APR_SUCCESS) {
        return;
    }
    for (kind = 0; kind < FLOW_KIND_COUNT; ++kind) {
        for (i = 0; i < 4; ++i) {
            try_document(doc, (flow_kind_e)kind, connectors[i], p);
        }
    }
    json_decref(doc);
}

/* ---- sections ---- */

static void add_line(flow_docs_t *docs, char *line, int n)
{
    char *space = strchr(line, ' ');
    int kind;

    if (space) {
        *space++ = '\0';
    }
    for (kind = 0; kind < FLOW_KIND_COUNT; ++kind) {
        if (line[0] == '<' &&
            strcmp(line + 1, flow_kind_name((flow_kind_e)kind)) == 0) {
            flow_docs_begin(docs, (flow_kind_e)kind, space ? space : "", "t",
                            n);
            return;
        }
    }
    /* Nothing of this machine's files and environment. */
    if (!space || (space[0] != '@' && !strstr(space, "file:") &&
                   !strstr(space, "env:"))) {
        flow_docs_set(docs, line, space ? space : "", "t", n);
    }
}

static void try_sections(char *text, apr_pool_t *p)
{
    flow_compile_settings_t settings = { 1024 * 1024 };
    flow_docs_t *docs = flow_docs_create(p);
    const flow_problem_t *problems;
    flow_model_t *model = NULL;
    apr_size_t i, n;
    apr_status_t rv;
    int line = 0;

    while (text) {
        char *end = strchr(text, '\n');

        if (end) {
            *end++ = '\0';
        }
        if (text[0]) {
            add_line(docs, text, ++line);
        }
        text = end;
    }
    rv = flow_compile(&model, docs, &settings, p, p);
    problems = flow_docs_problems(docs, &n);
    if (!model || (rv == APR_SUCCESS) != (n == 0)) {
        abort();
    }
    for (i = 0; i < n; ++i) {
        if (strchr(flow_problem_text(&problems[i], p), '\n')) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = NULL;
    char *text;

    if (size > 65536) {
        return 0;
    }
    start();
    apr_pool_create(&p, NULL);
    text = apr_pstrmemdup(p, (const char *)data, size);
    if (text[0] == '{') {
        try_json(text, size, p);
    }
    else {
        try_sections(text, p);
    }
    apr_pool_destroy(p);
    return 0;
}
