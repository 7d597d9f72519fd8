/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What only the whole configuration can show.
 *
 * check_config runs for `apachectl configtest` as well as before a start, so
 * documents are compiled there and every mistake is reported: to the
 * terminal, one line each, with file and line. post_config then makes what
 * outlives the reading: the store and the shared counters.
 */
#include "httpd/mod_flow_private.h"

#include "data/flow_json.h"
#include "data/flow_text.h"
#include "flow/flow_connector.h"
#include "jobs/flow_ticker.h"

#include <ap_provider.h>
#include <apr_file_info.h>
#include <apr_shm.h>
#include <unistd.h>
#include <unixd.h>

/* Find a document; a missing one is a problem that names the nearest id. */
static void *find(apr_hash_t *hash, flow_kind_e kind, const char *id,
                  const mod_flow_location_t *loc, apr_pool_t *p)
{
    void *found = apr_hash_get(hash, id, APR_HASH_KEY_STRING);
    const char *near;

    /* One that exists but did not compile has been complained about. */
    if (!found && !flow_docs_find(mod_flow_global->docs, kind, id)) {
        near = flow_docs_nearest(mod_flow_global->docs, kind, id, p);
        flow_docs_problem(mod_flow_global->docs, loc->file, loc->line, NULL,
                          NULL, "no %s '%s'%s%s%s", flow_kind_name(kind), id,
                          near ? "; did you mean '" : "", near ? near : "",
                          near ? "'?" : "");
    }
    return found;
}

static void need_function(const mod_flow_location_t *loc, apr_pool_t *p)
{
    const flow_script_t *script = loc->api.script.script;

    if (script && !flow_script_has(script, loc->function)) {
        flow_docs_problem(mod_flow_global->docs, loc->file, loc->line, NULL,
                          NULL, "script '%s' has no function '%s'; it has: %s",
                          flow_script_id(script), loc->function,
                          flow_script_functions(script, p));
    }
}

static void resolve_api(mod_flow_location_t *loc, const flow_model_t *model,
                        apr_pool_t *p)
{
    const char *colon = strchr(loc->target, ':');
    const char *id = colon ? colon + 1 : NULL;
    flow_api_target_t *api = &loc->api;

    api->label = loc->target;
    api->slot = mod_flow_global->nslots++;
    if (!strncmp(loc->target, "script:", 7)) {
        api->script.script = find(model->scripts, FLOW_KIND_SCRIPT, id, loc, p);
        api->script.function = loc->function;
        need_function(loc, p);
    }
    else if (!strncmp(loc->target, "export:", 7)) {
        api->exp = find(model->exports, FLOW_KIND_EXPORT, id, loc, p);
        if (api->exp && api->exp->webhook) {
            flow_docs_problem(mod_flow_global->docs, loc->file, loc->line, NULL,
                              NULL,
                              "export '%s' is a webhook and has no records to "
                              "answer; use 'FlowWebhook %s'",
                              id, id);
        }
    }
    else if (!strncmp(loc->target, "import:", 7)) {
        api->imp = find(model->imports, FLOW_KIND_IMPORT, id, loc, p);
    }
    else if (!strncmp(loc->target, "flow:", 5)) {
        api->flow = find(model->flows, FLOW_KIND_FLOW, id, loc, p);
    }
    else if (!strncmp(loc->target, "api:", 4)) {
        api->api = find(model->apis, FLOW_KIND_API, id, loc, p);
        if (api->api) {
            api->script = api->api->handler;
        }
    }
    else if (strlen(loc->target) > 3 &&
             !strcmp(loc->target + strlen(loc->target) - 3, ".js")) {
        api->script.script = flow_compile_script_file(
            mod_flow_global->docs, ap_server_root_relative(p, loc->target),
            mod_flow_global->script_memory, loc->file, loc->line, model->p);
        api->script.function = loc->function;
        need_function(loc, p);
    }
    else {
        flow_docs_problem(mod_flow_global->docs, loc->file, loc->line, NULL,
                          NULL,
                          "FlowAPI '%s' is none of script:ID, api:ID, "
                          "export:ID, import:ID, flow:ID and a path that ends "
                          "in .js",
                          loc->target);
    }
}

static void resolve_webhook(mod_flow_location_t *loc, const flow_model_t *model,
                            apr_pool_t *p)
{
    loc->listener = find(model->exports, FLOW_KIND_EXPORT, loc->target, loc, p);
    if (loc->listener && loc->listener->connection) {
        flow_docs_problem(mod_flow_global->docs, loc->file, loc->line, NULL,
                          NULL,
                          "export '%s' is no webhook; FlowWebhook needs an "
                          "export whose type is webhook",
                          loc->target);
    }
}

static void register_connectors(void)
{
    ap_list_provider_names_t *names;
    apr_array_header_t *list;
    int i;

    flow_connector_reset();
    flow_connector_register(&flow_connector_http);
    flow_connector_register(&flow_connector_filesystem);
    /* Third parties' last, so that one may replace ours. */
    list = ap_list_provider_names(mod_flow_global->p, FLOW_CONNECTOR_GROUP,
                                  FLOW_CONNECTOR_VERSION);
    names = (ap_list_provider_names_t *)list->elts;
    for (i = 0; i < list->nelts; ++i) {
        const flow_connector_t *connector =
            ap_lookup_provider(FLOW_CONNECTOR_GROUP, names[i].provider_name,
                               FLOW_CONNECTOR_VERSION);

        if (connector) {
            flow_connector_register(connector);
        }
    }
}

static int report(apr_pool_t *p)
{
    const flow_problem_t *problems;
    apr_size_t i, n = 0;

    problems = flow_docs_problems(mod_flow_global->docs, &n);
    for (i = 0; i < n; ++i) {
        ap_log_error(APLOG_MARK, APLOG_CRIT | APLOG_STARTUP, 0, NULL, "%s",
                     flow_problem_text(&problems[i], p));
    }
    if (n) {
        ap_log_error(APLOG_MARK, APLOG_CRIT | APLOG_STARTUP, 0, NULL,
                     FLOW_LOGNO(0101) "%" APR_SIZE_T_FMT
                                      " mistake%s in the flow configuration",
                     n, n == 1 ? "" : "s");
    }
    return n ? HTTP_INTERNAL_SERVER_ERROR : OK;
}

/* A flow that is disabled has a listener, too. */
static int is_heard(const flow_model_t *model, const flow_export_t *listener,
                    apr_pool_t *p)
{
    apr_hash_index_t *hi;
    int i;

    for (hi = apr_hash_first(p, model->flows); hi; hi = apr_hash_next(hi)) {
        const flow_flow_t *flow = apr_hash_this_val(hi);

        for (i = 0; i < flow->ngenerators; ++i) {
            if (flow->generators[i] == listener) {
                return 1;
            }
        }
    }
    return 0;
}

/* Events that nobody takes are answered and forgotten: better said before the
 * first one comes. */
static void warn_unheard(const mod_flow_global_t *g, apr_pool_t *p,
                         server_rec *s)
{
    int i;

    for (i = 0; i < g->locations->nelts; ++i) {
        const mod_flow_location_t *loc =
            APR_ARRAY_IDX(g->locations, i, mod_flow_location_t *);

        if (loc->kind == MOD_FLOW_WEBHOOK && loc->listener &&
            !is_heard(g->model, loc->listener, p)) {
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                         FLOW_LOGNO(0460) "%s:%d: no flow has the webhook '%s' "
                                          "among its pageGenerators; its "
                                          "events will start nothing",
                         loc->file, loc->line, loc->listener->id);
        }
    }
}

static void warn_documents(const mod_flow_global_t *g, server_rec *s)
{
    int i;

    for (i = 0; i < g->model->warnings->nelts; ++i) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, FLOW_LOGNO(0440) "%s",
                     APR_ARRAY_IDX(g->model->warnings, i, const char *));
    }
}

static void warn(const mod_flow_global_t *g, apr_pool_t *p, server_rec *s)
{
    warn_documents(g, s);
    warn_unheard(g, p, s);
}

int mod_flow_check_config(apr_pool_t *pconf, apr_pool_t *plog,
                          apr_pool_t *ptemp, server_rec *s)
{
    mod_flow_global_t *g = mod_flow_global;
    flow_compile_settings_t settings = { g->script_memory, g->preset_dir };
    int i;

    (void)plog;
    if (!g->used) {
        return OK;
    }
    flow_json_global_init();
    flow_text_global_init();
    flow_script_global_init();
    register_connectors();
    mod_flow_dump_prepare(g, pconf);
    (void)flow_compile(&g->model, g->docs, &settings, pconf, ptemp);
    /* Locations are resolved even when documents are wrong, to say all there
     * is to say; flow_compile() leaves what it could compile. */
    if (g->model) {
        g->nslots = g->model->nslots;
        for (i = 0; i < g->locations->nelts; ++i) {
            mod_flow_location_t *loc =
                APR_ARRAY_IDX(g->locations, i, mod_flow_location_t *);

            if (loc->kind == MOD_FLOW_API) {
                resolve_api(loc, g->model, ptemp);
            }
            else {
                resolve_webhook(loc, g->model, ptemp);
            }
        }
    }
    i = report(ptemp);
    if (i == OK && ap_state_query(AP_SQ_RUN_MODE) == AP_SQ_RM_CONFIG_TEST) {
        warn(g, ptemp, s); /* a start does after it has opened its log */
    }
    return i;
}

/* The state directory, made when missing, owned by those who will use it. */
static apr_status_t make_state_dir(const char *dir, apr_pool_t *p,
                                   server_rec *s)
{
    apr_status_t rv = apr_dir_make_recursive(
        dir, APR_UREAD | APR_UWRITE | APR_UEXECUTE | APR_GREAD | APR_GEXECUTE,
        p);

    if (rv == APR_SUCCESS && geteuid() == 0) {
        apr_finfo_t info;

        /* Only a directory that is ours to give: one that an administrator
         * gave to somebody else stays theirs. */
        rv = apr_stat(&info, dir, APR_FINFO_USER, p);
        if (rv == APR_SUCCESS && info.user == 0 &&
            chown(dir, ap_unixd_config.user_id, ap_unixd_config.group_id)) {
            rv = errno;
        }
    }
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s,
                     FLOW_LOGNO(0102) "cannot use the directory '%s'; "
                                      "FlowStateDir names another",
                     dir);
    }
    return rv;
}

static apr_status_t make_stats(mod_flow_global_t *g, server_rec *s)
{
    apr_size_t size = flow_stats_size((apr_uint32_t)g->nslots);
    apr_shm_t *shm;
    apr_status_t rv = apr_shm_create(&shm, size, NULL, g->p);

    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s,
                     FLOW_LOGNO(0103) "cannot make %" APR_SIZE_T_FMT
                                      " bytes of shared memory for counters",
                     size);
        return rv;
    }
    g->stats = apr_shm_baseaddr_get(shm);
    flow_stats_init(g->stats, (apr_uint32_t)g->nslots);
    return APR_SUCCESS;
}

const char *mod_flow_key_path(const mod_flow_global_t *g, apr_pool_t *p)
{
    const char *dir = g->state_dir ? g->state_dir : MOD_FLOW_STATE_DIR;

    return g->key_file ? g->key_file : apr_pstrcat(p, dir, "/flow.key", NULL);
}

/* Read by the parent only, so the file may stay root's; the keys go to the
 * children by fork. A file that was named is not made: a new key in its place
 * could open nothing that is stored. */
static apr_status_t open_keys(mod_flow_global_t *g,
                              const flow_jobs_settings_t *settings,
                              server_rec *s)
{
    const char *path = mod_flow_key_path(g, g->p);
    flow_error_t err = FLOW_ERROR_INIT;
    flow_seal_t *seal = NULL;
    apr_status_t rv;

    rv = flow_seal_open_file(&seal, path, !g->key_file, settings->uid,
                             settings->gid, g->p, &err);
    g->seal = seal;
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s, FLOW_LOGNO(0400) "%s",
                     err.message);
    }
    return rv;
}

int mod_flow_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                         server_rec *s)
{
    mod_flow_global_t *g = mod_flow_global;
    flow_jobs_settings_t settings;
    flow_error_t err = FLOW_ERROR_INIT;

    (void)plog;
    mod_flow_log_install(s);
    /* httpd reads the configuration twice before it starts; what lasts is
     * made the second time. */
    if (!g->used ||
        ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK;
    }
    if ((!g->store_params || !g->key_file) &&
        make_state_dir(g->state_dir ? g->state_dir : MOD_FLOW_STATE_DIR, ptemp,
                       s) != APR_SUCCESS) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    if (make_stats(g, s) != APR_SUCCESS) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    mod_flow_jobs_settings(&settings, pconf);
    if (geteuid() == 0) {
        settings.uid = (int)ap_unixd_config.user_id;
        settings.gid = (int)ap_unixd_config.group_id;
    }
    if (open_keys(g, &settings, s) != APR_SUCCESS) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    if (flow_http_global_init() != APR_SUCCESS ||
        flow_jobs_prepare(&settings, ptemp, &err) != APR_SUCCESS) {
        ap_log_error(
            APLOG_MARK, APLOG_CRIT, err.status, s, FLOW_LOGNO(0104) "%s",
            *err.message ? err.message : "libcurl cannot be initialised");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    g->model->compiled =
        flow_ticker_config_time(&settings, g->model->compiled, ptemp);
    warn(g, ptemp, s);
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                 FLOW_LOGNO(0105) "mod_flow: %u flows, %u exports, %u imports, "
                                  "%d locations; %d workers in each child",
                 apr_hash_count(g->model->flows),
                 apr_hash_count(g->model->exports),
                 apr_hash_count(g->model->imports), g->locations->nelts,
                 settings.workers);
    return OK;
}
