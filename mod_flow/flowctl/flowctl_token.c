/* SPDX-License-Identifier: Apache-2.0 */
#include "flowctl/flowctl.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "data/flow_json.h"
#include "jobs/flow_errors.h"
#include "jobs/flow_token.h"

#define DAYS_MAX 36500

/* "45s", "90m", "1h", "30d", "never" as a span of time, 0 = never; -1 = neither. */
static apr_interval_time_t parse_span(const char *text)
{
    apr_int64_t n, unit;
    char *end;

    if (strcmp(text, "never") == 0) {
        return 0;
    }
    n = apr_strtoi64(text, &end, 10);
    unit = *end == 's'   ? 1
           : *end == 'm' ? 60
           : *end == 'h' ? 3600
           : *end == 'd' ? 86400
                         : 0;
    if (end == text || !unit || end[1] || n < 1 ||
        n > (apr_int64_t)DAYS_MAX * 86400 / unit) {
        return -1;
    }
    return apr_time_from_sec(n * unit);
}

static flow_token_store_t *open_store(flowctl_t *ctl, int must_exist)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_token_store_t *store = NULL;

    if (must_exist && access(ctl->settings.params, F_OK) != 0) {
        fprintf(stderr,
                "flowctl: there is no store '%s'; name the server's "
                "FlowStateDir with --state-dir\n",
                ctl->settings.params);
        return NULL;
    }
    if (flow_token_store_open(&store, &ctl->settings, ctl->p, &err) !=
        APR_SUCCESS) {
        flowctl_failed(&err);
        return NULL;
    }
    return store;
}

/* A scope that names nothing lets nobody in, and nobody knows why. */
static int check_scope(const flow_model_t *model, const char *option,
                       const char *id)
{
    const struct {
        const char *option, *kind;
        apr_hash_t *hash;
    } hashes[] = { { "--api", "api:", model->apis },
                   { "--api", "script:", model->scripts },
                   { "--export", "", model->exports },
                   { "--import", "", model->imports },
                   { "--flow", "", model->flows } };
    apr_size_t len = strlen(id), i;

    /* a script's path is known to httpd.conf only */
    if (strcmp(option, "--api") == 0 && len > 3 &&
        strcmp(id + len - 3, ".js") == 0) {
        return FLOWCTL_OK;
    }
    for (i = 0; i < sizeof(hashes) / sizeof(hashes[0]); ++i) {
        apr_size_t prefix = strlen(hashes[i].kind);
        const char *name = prefix && strncmp(id, hashes[i].kind, prefix) == 0
                               ? id + prefix
                               : id;

        if (strcmp(hashes[i].option, option) == 0 &&
            apr_hash_get(hashes[i].hash, name, APR_HASH_KEY_STRING)) {
            return FLOWCTL_OK;
        }
    }
    fprintf(stderr,
            "flowctl: token create: %s '%s' is in none of the documents that "
            "--include names\n",
            option, id);
    return FLOWCTL_FAILED;
}

static int check_scopes(flowctl_t *ctl, apr_array_header_t *const *lists)
{
    static const char *const options[] = { "--api", "--export", "--import",
                                           "--flow" };
    flow_model_t *model = NULL;
    flow_docs_t *docs;
    int i, k;

    if (!flowctl_has_documents(ctl)) {
        return FLOWCTL_OK;
    }
    docs = flowctl_compile(ctl, &model);
    if (!model) {
        flowctl_print_problems(ctl, docs);
        return FLOWCTL_FAILED;
    }
    for (i = 0; i < 4; ++i) {
        for (k = 0; k < lists[i]->nelts; ++k) {
            int rc = check_scope(model, options[i],
                                 APR_ARRAY_IDX(lists[i], k, const char *));

            if (rc != FLOWCTL_OK) {
                return rc;
            }
        }
    }
    return FLOWCTL_OK;
}

int flowctl_token_create(flowctl_t *ctl)
{
    apr_array_header_t *lists[4];
    const char *name = NULL, *expires = NULL, *plain = NULL;
    flow_error_t err = FLOW_ERROR_INIT;
    flow_token_t token = { NULL };
    apr_interval_time_t span = 0;
    flow_token_store_t *store;
    int i, rc, full = 0, chosen = 0;

    for (i = 0; i < 4; ++i) {
        lists[i] = apr_array_make(ctl->p, 4, sizeof(const char *));
    }
    const flowctl_option_t options[] = {
        { "--name", .value = &name },     { "--expires", .value = &expires },
        { "--full", .flag = &full },      { "--api", .list = lists[0] },
        { "--export", .list = lists[1] }, { "--import", .list = lists[2] },
        { "--flow", .list = lists[3] },   { NULL },
    };
    rc = flowctl_options(ctl, options, NULL, 0);
    if (rc != FLOWCTL_OK) {
        return rc;
    }
    for (i = 0; i < 4; ++i) {
        chosen += lists[i]->nelts;
    }
    if (!name) {
        return flowctl_usage("token create: --name NAME is missing; it says "
                             "who uses the token");
    }
    if (full && chosen) {
        return flowctl_usage("token create: --full already covers what the "
                             "other options choose; give one or the other");
    }
    if (!full && !chosen) {
        return flowctl_usage("token create: nothing is chosen; give --full, or "
                             "--api, --export, --import or --flow with an id");
    }
    if (expires) {
        span = parse_span(expires);
    }
    if (span < 0) {
        return flowctl_usage("token create: '--expires %s' is no time; write "
                             "90m, 1h, 4h, 1d, 30d or never",
                             expires);
    }
    rc = check_scopes(ctl, lists);
    if (rc != FLOWCTL_OK) {
        return rc;
    }
    if (chosen && !flowctl_has_documents(ctl)) {
        fputs("flowctl: note: whether these ids exist was not checked; name "
              "the documents with --include\n",
              stderr);
    }
    store = open_store(ctl, 0);
    if (!store) {
        return FLOWCTL_FAILED;
    }
    token.name = name;
    token.full_access = full;
    token.apis = lists[0];
    token.exports = lists[1];
    token.imports = lists[2];
    token.flows = lists[3];
    token.expires = span ? apr_time_now() + span : 0;
    if (flow_token_create(store, &token, &plain, ctl->p, &err) != APR_SUCCESS) {
        return flowctl_failed(&err);
    }
    if (ctl->json) {
        json_t *v = json_object();

        flow_json_put(v, "_id", token.id, ctl->p);
        flow_json_put(v, "name", token.name, ctl->p);
        flow_json_put(v, "token", plain, ctl->p);
        return flowctl_print_json(v);
    }
    puts(plain);
    return FLOWCTL_OK;
}

/* ---- list ---- */

static json_t *ids_json(const apr_array_header_t *ids, apr_pool_t *p)
{
    json_t *list = json_array();
    int i;

    (void)p;
    for (i = 0; ids && i < ids->nelts; ++i) {
        const char *id = APR_ARRAY_IDX(ids, i, const char *);

        json_array_append_new(list, flow_json_string_new(id, strlen(id)));
    }
    return list;
}

/* Celigo's token document. */
static json_t *token_json(const flowctl_t *ctl, const flow_token_t *token)
{
    json_t *v = json_object();

    flow_json_put(v, "_id", token->id, ctl->p);
    flow_json_put(v, "name", token->name, ctl->p);
    flow_json_put(v, "createdAt", flowctl_time(ctl, token->created, NULL),
                  ctl->p);
    flow_json_put(v, "autoPurgeAt", flowctl_time(ctl, token->expires, NULL),
                  ctl->p);
    json_object_set_new(v, "fullAccess", json_boolean(token->full_access));
    json_object_set_new(v, "revoked", json_boolean(token->revoked));
    json_object_set_new(v, "_apiIds", ids_json(token->apis, ctl->p));
    json_object_set_new(v, "_exportIds", ids_json(token->exports, ctl->p));
    json_object_set_new(v, "_importIds", ids_json(token->imports, ctl->p));
    json_object_set_new(v, "_flowIds", ids_json(token->flows, ctl->p));
    return v;
}

static const char *scope_text(const flowctl_t *ctl, const flow_token_t *token)
{
    const struct {
        const char *kind;
        const apr_array_header_t *ids;
    } kinds[] = { { "api", token->apis },
                  { "export", token->exports },
                  { "import", token->imports },
                  { "flow", token->flows } };
    const char *text = token->full_access ? "full" : "";
    int i, j;

    for (i = 0; i < 4 && !token->full_access; ++i) {
        for (j = 0; kinds[i].ids && j < kinds[i].ids->nelts; ++j) {
            const char *id = APR_ARRAY_IDX(kinds[i].ids, j, const char *);

            text = apr_pstrcat(ctl->p, text, *text ? " " : "",
                               i || !strchr(id, ':') ? kinds[i].kind : "",
                               i || !strchr(id, ':') ? ":" : "", id, NULL);
        }
    }
    return text;
}

int flowctl_token_list(flowctl_t *ctl)
{
    int i, rc = flowctl_options(ctl, NULL, NULL, 0);
    flow_error_t err = FLOW_ERROR_INIT;
    flow_token_store_t *store;
    apr_array_header_t *list;
    json_t *all;

    if (rc != FLOWCTL_OK) {
        return rc;
    }
    store = open_store(ctl, 1);
    if (!store) {
        return FLOWCTL_FAILED;
    }
    if (flow_token_list(store, &list, ctl->p, &err) != APR_SUCCESS) {
        return flowctl_failed(&err);
    }
    if (ctl->json) {
        all = json_array();
        for (i = 0; i < list->nelts; ++i) {
            json_array_append_new(
                all, token_json(ctl, &APR_ARRAY_IDX(list, i, flow_token_t)));
        }
        return flowctl_print_json(all);
    }
    for (i = 0; i < list->nelts; ++i) {
        const flow_token_t *token = &APR_ARRAY_IDX(list, i, flow_token_t);
        int is_expired = token->expires && token->expires <= apr_time_now();

        printf("%s  %-7s  %-24s  %s  (%s)\n", token->id,
               token->revoked ? "revoked"
               : is_expired   ? "expired"
                              : "valid",
               flowctl_time(ctl, token->expires, "never expires"), token->name,
               scope_text(ctl, token));
    }
    return FLOWCTL_OK;
}

int flowctl_token_revoke(flowctl_t *ctl)
{
    const char *id = NULL;
    int rc = flowctl_options(ctl, NULL, &id, 1);
    flow_error_t err = FLOW_ERROR_INIT;
    flow_token_store_t *store;
    apr_status_t rv;

    if (rc != FLOWCTL_OK) {
        return rc;
    }
    if (!id) {
        return flowctl_usage("token revoke: the token's id is missing; "
                             "'flowctl token list' shows it");
    }
    store = open_store(ctl, 1);
    if (!store) {
        return FLOWCTL_FAILED;
    }
    rv = flow_token_revoke(store, id, ctl->p, &err);
    if (rv == APR_NOTFOUND) {
        fprintf(stderr,
                "flowctl: there is no token with the id '%s'; 'flowctl token "
                "list' shows them\n",
                id);
        return FLOWCTL_FAILED;
    }
    return rv == APR_SUCCESS ? FLOWCTL_OK : flowctl_failed(&err);
}
