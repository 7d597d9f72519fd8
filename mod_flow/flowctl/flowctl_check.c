/* SPDX-License-Identifier: Apache-2.0 */
#include "flowctl/flowctl.h"

#include <stdio.h>
#include <unistd.h>

#include <apr_file_info.h>
#include <apr_strings.h>

#include "data/flow_json.h"
#include "flow/flow_connector.h"
#include "flow/flow_docs.h"
#include "flow/flow_file.h"
#include "flow/flow_model.h"
#include "jobs/flow_errors.h"
#include "script/flow_script.h"

#define FIELDS_MAX (16 * 1024 * 1024)

static void register_connectors(void)
{
    flow_connector_register(&flow_connector_http);
    flow_connector_register(&flow_connector_filesystem);
}

static json_t *problem_json(const flow_problem_t *problem, apr_pool_t *p)
{
    json_t *v = json_object();

    flow_json_put(v, "file", problem->file, p);
    json_object_set_new(v, "line", json_integer(problem->line));
    flow_json_put(v, "document", problem->what, p);
    flow_json_put(v, "field", problem->field, p);
    flow_json_put(v, "message", problem->message, p);
    return v;
}

/* The problems are the result, so they go to stdout. */
int flowctl_print_problems(flowctl_t *ctl, const flow_docs_t *docs)
{
    apr_size_t i, n;
    const flow_problem_t *problems = flow_docs_problems(docs, &n);
    json_t *all;

    if (ctl->json) {
        all = json_array();
        for (i = 0; i < n; ++i) {
            json_array_append_new(all, problem_json(&problems[i], ctl->p));
        }
        flowctl_print_json(all);
    }
    else {
        for (i = 0; i < n; ++i) {
            puts(flow_problem_text(&problems[i], ctl->p));
        }
        if (!n) {
            fprintf(stderr, "flowctl: %lu documents, no mistakes\n",
                    (unsigned long)flow_docs_count(docs));
        }
    }
    return n ? FLOWCTL_FAILED : FLOWCTL_OK;
}

flow_docs_t *flowctl_compile(flowctl_t *ctl, flow_model_t **pmodel)
{
    flow_compile_settings_t settings = { FLOWCTL_SCRIPT_MEMORY, ctl->presets };
    char *here = NULL;
    apr_pool_t *scratch;
    flow_docs_t *docs;
    int i;

    if (apr_filepath_get(&here, APR_FILEPATH_NATIVE, ctl->p) != APR_SUCCESS) {
        here = apr_pstrdup(ctl->p, ".");
    }
    flow_script_global_init();
    register_connectors();
    apr_pool_create(&scratch, ctl->p);
    docs = flow_docs_create(ctl->p);
    for (i = 0; i < ctl->includes->nelts; ++i) {
        const char *path = APR_ARRAY_IDX(ctl->includes, i, const char *);

        flow_docs_include(docs, flow_file_absolute(here, path, ctl->p),
                          "--include", i + 1);
    }
    if (ctl->dump) {
        flowctl_httpd_add(ctl, docs);
    }
    if (flow_compile(pmodel, docs, &settings, ctl->p, scratch) != APR_SUCCESS) {
        *pmodel = NULL;
    }
    return docs;
}

int flowctl_has_documents(const flowctl_t *ctl)
{
    return ctl->includes->nelts || ctl->dump;
}

flow_model_t *flowctl_model(flowctl_t *ctl)
{
    flow_model_t *model = NULL;

    if (flowctl_has_documents(ctl)) {
        flowctl_compile(ctl, &model);
    }
    return model;
}

int flowctl_check(flowctl_t *ctl)
{
    int rc = flowctl_options(ctl, NULL, NULL, 0), i;
    flow_model_t *model = NULL;

    if (rc != FLOWCTL_OK) {
        return rc;
    }
    if (!flowctl_has_documents(ctl)) {
        return flowctl_usage("check: what to check is missing; give --include "
                             "with a file, a directory or a wildcard, or "
                             "--httpd-conf");
    }
    rc = flowctl_print_problems(ctl, flowctl_compile(ctl, &model));
    for (i = 0; model && i < model->warnings->nelts; ++i) {
        fprintf(stderr, "warning: %s\n",
                APR_ARRAY_IDX(model->warnings, i, const char *));
    }
    return rc;
}

int flowctl_fields(flowctl_t *ctl)
{
    int rc = flowctl_options(ctl, NULL, NULL, 0);
    flow_buf_t text;

    if (rc != FLOWCTL_OK) {
        return rc;
    }
    register_connectors();
    flow_buf_init(&text, FIELDS_MAX);
    if (flow_schema_write_markdown(&text) != APR_SUCCESS) {
        fputs("flowctl: the list of fields is too large\n", stderr);
        rc = FLOWCTL_FAILED;
    }
    else {
        fwrite(text.data, 1, text.len, stdout);
    }
    flow_buf_release(&text);
    return rc;
}
