/* SPDX-License-Identifier: Apache-2.0 */
#include "docs_fixture.h"

#include "flow/flow_connector.h"
#include "script/flow_script.h"

#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_general.h>
#include <apr_strings.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

docs_fixture_t *docs_fixture_begin(void)
{
    apr_pool_t *p = NULL;
    docs_fixture_t *f;

    apr_initialize();
    apr_pool_create(&p, NULL);
    f = apr_pcalloc(p, sizeof(*f));
    f->p = p;
    f->docs = flow_docs_create(p);
    flow_script_global_init();
    flow_connector_reset();
    flow_connector_register(&flow_connector_http);
    flow_connector_register(&flow_connector_filesystem);
    return f;
}

static void remove_tree(const char *path, apr_pool_t *p)
{
    apr_finfo_t info;
    apr_dir_t *dir;

    if (apr_dir_open(&dir, path, p) == APR_SUCCESS) {
        while (apr_dir_read(&info, APR_FINFO_NAME, dir) == APR_SUCCESS) {
            if (strcmp(info.name, ".") != 0 && strcmp(info.name, "..") != 0) {
                remove_tree(apr_pstrcat(p, path, "/", info.name, NULL), p);
            }
        }
        apr_dir_close(dir);
        apr_dir_remove(path, p);
        return;
    }
    apr_file_remove(path, p);
}

void docs_fixture_end(docs_fixture_t *f)
{
    if (f->dir) {
        remove_tree(f->dir, f->p);
    }
    apr_pool_destroy(f->p);
}

static flow_kind_e kind_named(const char *name)
{
    int kind;

    for (kind = 0; kind < FLOW_KIND_COUNT; ++kind) {
        if (strcmp(name, flow_kind_name((flow_kind_e)kind)) == 0) {
            return (flow_kind_e)kind;
        }
    }
    fprintf(stderr, "no kind '%s'\n", name);
    exit(1);
}

void docs_fixture_conf(docs_fixture_t *f, const char *file, const char *text)
{
    int line = 0;
    const char *s = text;

    while (*s) {
        apr_size_t len = strcspn(s, "\n");
        char *word = apr_pstrmemdup(f->p, s, len);
        char *space = strchr(word, ' ');

        ++line;
        s += len + (s[len] == '\n');
        if (!word[0]) {
            continue;
        }
        if (space) {
            *space++ = '\0';
        }
        if (word[0] == '<') {
            space[strlen(space) - 1] = '\0';
            flow_docs_begin(f->docs, kind_named(word + 1), space, file, line);
        }
        else {
            flow_docs_set(f->docs, word, space ? space : "", file, line);
        }
    }
}

static const char *path_of(docs_fixture_t *f, const char *name)
{
    char template[] = "/tmp/flow-docs-XXXXXX";

    if (!f->dir) {
        f->dir = apr_pstrdup(f->p, mkdtemp(template));
    }
    return apr_pstrcat(f->p, f->dir, name[0] ? "/" : "", name, NULL);
}

const char *docs_fixture_file(docs_fixture_t *f, const char *name,
                              const char *text)
{
    const char *path = path_of(f, name);
    char *dir = apr_pstrdup(f->p, path);
    apr_file_t *file = NULL;
    apr_size_t len = strlen(text);

    *strrchr(dir, '/') = '\0';
    apr_dir_make_recursive(dir, APR_OS_DEFAULT, f->p);
    if (apr_file_open(&file, path,
                      APR_WRITE | APR_CREATE | APR_TRUNCATE | APR_BINARY,
                      APR_OS_DEFAULT, f->p) != APR_SUCCESS ||
        apr_file_write_full(file, text, len, NULL) != APR_SUCCESS) {
        fprintf(stderr, "cannot write %s\n", path);
        exit(1);
    }
    apr_file_close(file);
    return path;
}

void docs_fixture_include(docs_fixture_t *f, const char *name)
{
    flow_docs_include(f->docs, path_of(f, name), "test.conf", 1);
}

apr_status_t docs_fixture_compile(docs_fixture_t *f)
{
    flow_compile_settings_t settings = { 8 * 1024 * 1024,
                                         f->presets ? f->presets
                                                    : "connectors/presets" };

    return flow_compile(&f->model, f->docs, &settings, f->p, f->p);
}

static const char *without_dir(docs_fixture_t *f, const char *text)
{
    const char *at = f->dir ? strstr(text, f->dir) : NULL;

    if (!at) {
        return text;
    }
    return apr_pstrcat(f->p, apr_pstrmemdup(f->p, text, at - text), "DIR",
                       without_dir(f, at + strlen(f->dir)), NULL);
}

const char *docs_fixture_problems(docs_fixture_t *f)
{
    const flow_problem_t *problems;
    const char *out = "";
    apr_size_t i, n;

    problems = flow_docs_problems(f->docs, &n);
    for (i = 0; i < n; ++i) {
        out = apr_pstrcat(f->p, out, i ? "\n" : "",
                          flow_problem_text(&problems[i], f->p), NULL);
    }
    return without_dir(f, out);
}
