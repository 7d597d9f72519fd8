/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCS_FIXTURE_H
#define DOCS_FIXTURE_H

#include <apr_pools.h>

#include "flow/flow_docs.h"
#include "flow/flow_model.h"

/** Documents for tests: sections written as text, files in a directory of
 * their own, problems as one text. */
typedef struct docs_fixture_t {
    apr_pool_t *p;
    flow_docs_t *docs;
    char *dir; /* made on first use; removed by docs_fixture_end() */
    flow_model_t *model;
    const char *presets; /* where they are; NULL: ours */
} docs_fixture_t;

/** With our connectors registered. */
docs_fixture_t *docs_fixture_begin(void);
void docs_fixture_end(docs_fixture_t *f);

/** Read @a text as httpd.conf: lines "<export ID>" (any kind's name) begin a
 * document, all others are "FIELD VALUE"; blank lines count. */
void docs_fixture_conf(docs_fixture_t *f, const char *file, const char *text);
/** Write a file below the directory, folders included; its path. */
const char *docs_fixture_file(docs_fixture_t *f, const char *name,
                              const char *text);
/** FlowInclude of a path below the directory, as from test.conf line 1. */
void docs_fixture_include(docs_fixture_t *f, const char *name);
apr_status_t docs_fixture_compile(docs_fixture_t *f);
/** All problems, one a line; the directory reads DIR. */
const char *docs_fixture_problems(docs_fixture_t *f);

#endif
