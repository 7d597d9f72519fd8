/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `httpd -t -D FLOW_DUMP`: what the configuration holds, for flowctl
 * (flowctl_httpd.c), as a line "FLOW_DUMP {...}" on standard output. Documents
 * are told as they stand, before presets and defaults; secrets as they are
 * written there, which whoever can read the configuration knows. A terminal is
 * not shown them.
 */
#include "httpd/mod_flow_private.h"

#include "data/flow_json.h"
#include "jobs/flow_errors.h"

#include <http_main.h>
#include <stdio.h>
#include <unistd.h>

#define DUMP_MAX ((apr_size_t)256 * 1024 * 1024)

static json_t *document(const flow_doc_t *doc, apr_pool_t *p)
{
    json_t *v = json_object();

    flow_json_put(v, "kind", flow_kind_name(doc->kind), p);
    flow_json_put(v, "id", doc->id, p);
    flow_json_put(v, "file", doc->file, p);
    json_object_set_new(v, "line", json_integer(doc->line));
    if (doc->json) {
        json_object_set_new(v, "json", json_deep_copy(doc->json));
    }
    if (doc->source) {
        json_object_set_new(v, "source",
                            flow_json_string_new(doc->source, doc->source_len));
    }
    return v;
}

void mod_flow_dump_prepare(mod_flow_global_t *g, apr_pool_t *p)
{
    flow_jobs_settings_t settings;
    json_t *v, *list;
    apr_size_t i;

    if (!ap_exists_config_define("FLOW_DUMP")) {
        return;
    }
    flow_docs_finish(g->docs);
    mod_flow_jobs_settings(&settings, p);
    v = json_object();
    list = json_array();
    flow_json_put(v, "driver", settings.driver, p);
    flow_json_put(v, "params", settings.params, p);
    flow_json_put(v, "keyFile", mod_flow_key_path(g, p), p);
    flow_json_put(v, "presets", g->preset_dir, p);
    flow_json_put(v, "proxy", g->http.proxy, p);
    for (i = 0; i < flow_docs_count(g->docs); ++i) {
        json_array_append_new(list, document(flow_docs_at(g->docs, i), p));
    }
    json_object_set_new(v, "documents", list);
    g->dump = flow_json_own(p, v);
}

void mod_flow_test_config(apr_pool_t *pconf, server_rec *s)
{
    const mod_flow_global_t *g = mod_flow_global;
    flow_buf_t text;

    (void)pconf;
    (void)s;
    if (!g || !g->dump) {
        return;
    }
    if (isatty(STDOUT_FILENO)) {
        fputs("FLOW_DUMP is for flowctl, and may have secrets in it; a "
              "terminal is not shown it\n",
              stderr);
        return;
    }
    flow_buf_init(&text, DUMP_MAX);
    flow_json_write(&text, g->dump, 0);
    if (text.status == APR_SUCCESS) {
        fputs("FLOW_DUMP ", stdout);
        fwrite(text.data, 1, text.len, stdout);
        fputc('\n', stdout);
        fflush(stdout);
    }
    flow_buf_release(&text);
}
