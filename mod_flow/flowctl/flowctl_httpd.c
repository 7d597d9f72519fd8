/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The documents in httpd's configuration. Only httpd can read that (includes,
 * macros, variables, conditions), so it is asked: `httpd -t -D FLOW_DUMP` makes
 * the module print, as one line of JSON, what it has read
 * (mod_flow_dump.c).
 */
#include "flowctl/flowctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_thread_proc.h>

#include "data/flow_json.h"
#include "flow/flow_docs.h"
#include "flow/flow_file.h"

#define DUMP_MAX ((apr_size_t)256 * 1024 * 1024)
#define MARK     "FLOW_DUMP "

/* The program named without a directory, as a shell finds it; else as given,
 * and starting it tells. */
static const char *on_path(const flowctl_t *ctl)
{
    const char *at = getenv("PATH");
    apr_size_t len;

    for (; at && *at; at += len + (at[len] == ':')) {
        const char *path;

        len = strcspn(at, ":");
        path = apr_pstrcat(ctl->p, apr_pstrmemdup(ctl->p, at, len), "/",
                           ctl->httpd, NULL);
        if (len > 0 && access(path, X_OK) == 0) {
            return path;
        }
    }
    return ctl->httpd;
}

static const char *find_program(const flowctl_t *ctl)
{
    /* The first of them knows Debian's environment variables. */
    static const char *const known[] = { "/usr/sbin/apache2ctl",
                                         "/usr/sbin/apachectl",
                                         "/usr/sbin/httpd",
                                         "/usr/local/apache2/bin/apachectl" };
    size_t i;

    if (ctl->httpd) {
        return strchr(ctl->httpd, '/') ? ctl->httpd : on_path(ctl);
    }
    for (i = 0; i < sizeof(known) / sizeof(known[0]); ++i) {
        if (access(known[i], X_OK) == 0) {
            return known[i];
        }
    }
    return NULL;
}

/* No shell, an empty input; what it says to stderr goes to ours. */
static apr_status_t start(flowctl_t *ctl, const char *program, const char *conf,
                          apr_proc_t *proc)
{
    const char *args[] = { program, "-t", "-D", "FLOW_DUMP", "-f", conf, NULL };
    apr_procattr_t *attr;
    apr_file_t *in = NULL;
    apr_status_t rv;

    rv = apr_procattr_create(&attr, ctl->p);
    if (rv == APR_SUCCESS) {
        rv =
            apr_procattr_io_set(attr, APR_NO_PIPE, APR_FULL_BLOCK, APR_NO_PIPE);
    }
    if (rv == APR_SUCCESS) {
        rv = apr_procattr_cmdtype_set(attr, APR_PROGRAM_ENV);
    }
    if (rv == APR_SUCCESS) {
        rv = apr_file_open(&in, "/dev/null", APR_FOPEN_READ, 0, ctl->p);
    }
    if (rv == APR_SUCCESS) {
        rv = apr_procattr_child_in_set(attr, in, NULL);
    }
    return rv == APR_SUCCESS
               ? apr_proc_create(proc, program, args, NULL, attr, ctl->p)
               : rv;
}

static apr_status_t read_all(apr_proc_t *proc, flow_buf_t *out)
{
    char part[16384];
    apr_status_t rv = APR_SUCCESS;

    while (rv == APR_SUCCESS) {
        apr_size_t n = sizeof(part);

        rv = apr_file_read(proc->out, part, &n);
        if (rv == APR_SUCCESS) {
            flow_buf_add(out, part, n);
        }
    }
    apr_file_close(proc->out);
    return APR_STATUS_IS_EOF(rv) ? out->status : rv;
}

/* The store of the server, unless another one was named. */
static void take_settings(flowctl_t *ctl)
{
    const char *const presets = flow_json_member(ctl->dump, "presets");
    const char *const proxy = flow_json_member(ctl->dump, "proxy");
    const char *const driver = flow_json_member(ctl->dump, "driver");
    const char *const params = flow_json_member(ctl->dump, "params");

    if (!ctl->key_file && !ctl->state_dir && !ctl->store) {
        ctl->key_file = flow_json_member(ctl->dump, "keyFile");
    }
    ctl->presets = ctl->presets ? ctl->presets : presets;
    ctl->proxy = ctl->proxy ? ctl->proxy : proxy;
    ctl->settings.driver = driver ? driver : ctl->settings.driver;
    ctl->settings.params = params ? params : "";
}

static int read_dump(flowctl_t *ctl, const char *program, const char *text,
                     apr_size_t len)
{
    const char *at = text, *end;
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *v = NULL;

    while (at && strncmp(at, MARK, strlen(MARK)) != 0) {
        at = strchr(at, '\n');
        at = at ? at + 1 : NULL;
    }
    if (!at) {
        fprintf(stderr,
                "flowctl: '%s' has read '%s', but no mod_flow was "
                "there to tell about it; is it loaded, and of this "
                "version?\n",
                program, ctl->httpd_conf);
        return FLOWCTL_FAILED;
    }
    at += strlen(MARK);
    end = strchr(at, '\n');
    len = end ? (apr_size_t)(end - at) : len - (apr_size_t)(at - text);
    if (flow_json_parse(&v, at, len, &err) != APR_SUCCESS) {
        return flowctl_failed(&err);
    }
    ctl->dump = flow_json_own(ctl->p, v);
    take_settings(ctl);
    return FLOWCTL_OK;
}

int flowctl_httpd_read(flowctl_t *ctl)
{
    const char *program = find_program(ctl), *conf;
    char *here = NULL, space[120];
    apr_exit_why_e why = APR_PROC_EXIT;
    apr_proc_t proc = { 0 };
    flow_buf_t out;
    apr_status_t rv;
    int code = 0, rc;

    if (ctl->dump) {
        return FLOWCTL_OK;
    }
    if (!program) {
        return flowctl_usage("there is no apache2ctl, apachectl or httpd where "
                             "they usually are; name it with --httpd");
    }
    apr_filepath_get(&here, APR_FILEPATH_NATIVE, ctl->p);
    conf = flow_file_absolute(here ? here : ".", ctl->httpd_conf, ctl->p);
    rv = strchr(program, '/') && access(program, X_OK) == 0 ? APR_SUCCESS
                                                            : APR_ENOENT;
    if (rv == APR_SUCCESS) {
        rv = start(ctl, program, conf, &proc);
    }
    if (rv != APR_SUCCESS) {
        fprintf(stderr, "flowctl: cannot start '%s': %s\n", program,
                apr_strerror(rv, space, sizeof(space)));
        return FLOWCTL_FAILED;
    }
    flow_buf_init(&out, DUMP_MAX);
    rv = read_all(&proc, &out);
    flow_buf_addc(&out, '\0');
    apr_proc_wait(&proc, &code, &why, APR_WAIT);
    if (!APR_PROC_CHECK_EXIT(why) || code != 0) {
        fprintf(stderr, "flowctl: '%s' does not take the configuration '%s'\n",
                program, ctl->httpd_conf);
        rc = FLOWCTL_FAILED;
    }
    else if (rv != APR_SUCCESS || out.status != APR_SUCCESS) {
        fprintf(stderr, "flowctl: cannot read what '%s' says\n", program);
        rc = FLOWCTL_FAILED;
    }
    else {
        rc = read_dump(ctl, program, out.data, out.len - 1);
    }
    flow_buf_release(&out);
    return rc;
}

static void add_one(flowctl_t *ctl, flow_docs_t *docs, const json_t *v)
{
    const char *kind = flow_json_member(v, "kind");
    const char *id = flow_json_member(v, "id");
    const char *file = flow_json_member(v, "file");
    const char *source = flow_json_member(v, "source");
    const json_t *json = json_object_get(v, "json");
    apr_int64_t line = 0;
    flow_doc_t *doc;
    int k;

    flow_json_int64(json_object_get(v, "line"), &line);
    for (k = 0; kind && k < FLOW_KIND_COUNT &&
                strcmp(kind, flow_kind_name((flow_kind_e)k)) != 0;
         ++k) {
    }
    if (!kind || !id || k == FLOW_KIND_COUNT) {
        return;
    }
    doc = flow_docs_add(docs, (flow_kind_e)k, id, file ? file : "", (int)line);
    if (!doc) {
        return;
    }
    if (source) {
        doc->source = source;
        doc->source_len = strlen(source);
    }
    if (json_is_object(json)) {
        doc->json = flow_json_own(ctl->p, json_deep_copy(json));
    }
}

void flowctl_httpd_add(flowctl_t *ctl, flow_docs_t *docs)
{
    const json_t *list = json_object_get(ctl->dump, "documents");
    size_t i;

    for (i = 0; i < json_array_size(list); ++i) {
        add_one(ctl, docs, json_array_get(list, i));
    }
}
