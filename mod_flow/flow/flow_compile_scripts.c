/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scripts: those of documents, and files that FlowAPI names.
 */
#include "flow/flow_compile_private.h"

#include <string.h>

#include <apr_strings.h>

#include "flow/flow_file.h"

/* "FILE:LINE:COLUMN: reason" of this file or one that it imports: *pfile and
 * *pline, and what is left of the message. */
static const char *take_place(const char *message, const char *own,
                              const char **pfile, int *pline, apr_pool_t *p)
{
    apr_size_t len = strlen(own);
    const char *colon = strncmp(message, own, len) == 0 && message[len] == ':'
                            ? message + len
                            : NULL;
    char *end;

    if (!colon && message[0] == '/') {
        colon = strchr(message, ':');
    }
    if (!colon || colon[1] < '0' || colon[1] > '9') {
        return message;
    }
    *pfile = apr_pstrmemdup(p, message, (apr_size_t)(colon - message));
    *pline = (int)apr_strtoi64(colon + 1, &end, 10);
    message = end + strspn(end, ": ");
    if (*end == ':' && end[1] >= '0' && end[1] <= '9') {
        message = apr_pstrcat(p, "column ", end + 1, NULL);
    }
    return message;
}

static void script_problem(flow_compile_t *c, const flow_doc_t *doc,
                           const char *message)
{
    const char *file = doc->file;
    int line = doc->line;

    if (doc->places) {
        flow_compile_problem(c, "content", "%s", message);
        return;
    }
    message = take_place(message, doc->file, &file, &line, c->scratch);
    flow_docs_problem(c->docs, file, line > 0 ? line : 1,
                      flow_doc_what(doc, c->scratch), NULL, "%s", message);
}

static apr_status_t read_script(void *baton, const char *path,
                                const char **ptext, apr_size_t *plen,
                                apr_pool_t *p, flow_error_t *err)
{
    (void)baton;
    return flow_file_read(ptext, plen, path, FLOW_FILE_MAX, p, err);
}

void flow_compile_script(flow_compile_t *c, const flow_doc_t *doc)
{
    flow_script_files_t files = { NULL, NULL, read_script };
    flow_error_t err = FLOW_ERROR_INIT;
    flow_script_t *script = NULL;

    flow_compile_open(c, doc, NULL, NULL);
    if (!doc->source) {
        flow_compile_problem(c, "content",
                             "the script has no source; give 'content', or a "
                             "file scripts/%s.js",
                             doc->id);
        return;
    }
    files.dir = flow_file_dir(doc->file, c->p);
    if (flow_script_compile_files(
            &script, doc->id,
            doc->places ? apr_pstrcat(c->p, doc->id, ".js", NULL) : doc->file,
            &files, doc->source, doc->source_len, c->script_memory, c->p,
            &err) != APR_SUCCESS) {
        script_problem(c, doc, err.message);
        return;
    }
    apr_hash_set(c->model->scripts, doc->id, APR_HASH_KEY_STRING, script);
}

const flow_script_t *flow_compile_script_file(flow_docs_t *docs,
                                              const char *path,
                                              apr_size_t memory,
                                              const char *file, int line,
                                              apr_pool_t *p)
{
    const flow_script_files_t files = { NULL, NULL, read_script };
    flow_error_t err = FLOW_ERROR_INIT;
    flow_script_t *script = NULL;
    const char *text;
    apr_size_t len;

    if (flow_file_read(&text, &len, path, FLOW_FILE_MAX, p, &err) !=
            APR_SUCCESS ||
        flow_script_compile_files(&script, path, path, &files, text, len,
                                  memory, p, &err) != APR_SUCCESS) {
        flow_docs_problem(docs, file, line, NULL, NULL, "%s", err.message);
        return NULL;
    }
    return script;
}
