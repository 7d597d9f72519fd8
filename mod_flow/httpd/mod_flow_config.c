/* SPDX-License-Identifier: Apache-2.0 */
/*
 * size: one function a directive.
 *
 * Directives. Each stores what it was given or says what would be right; what
 * only the whole configuration can show is mod_flow_check.c's.
 *
 * Documents are the exception to "the first mistake stops httpd": their
 * mistakes are collected, so that configtest shows all of them at once.
 */
#include "httpd/mod_flow_private.h"

#include <apr_lib.h>
#include <http_main.h>
#include <stddef.h>

#include "jobs/flow_store.h"

#define DEFAULT_WORKERS        2
#define DEFAULT_QUEUE_LIMIT    100000
#define DEFAULT_RETENTION_DAYS 30
#define DEFAULT_API_TIMEOUT    apr_time_from_sec(30)
#define DEFAULT_HOOK_TIMEOUT   apr_time_from_sec(300)
#define DEFAULT_CALL_TIMEOUT   apr_time_from_sec(120)
#define DEFAULT_SCRIPT_MEMORY  (64 * 1024 * 1024)
#define DEFAULT_MAX_BODY       (5 * 1024 * 1024)
#define DEFAULT_FUNCTION       "handleRequest"

mod_flow_global_t *mod_flow_global;

/* Also called by check_config when no directive of ours was seen. */
int mod_flow_pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    mod_flow_global_t *g = apr_pcalloc(pconf, sizeof(*g));

    (void)plog;
    (void)ptemp;
    g->p = pconf;
    g->workers = -1;
    g->queue_limit = -1;
    g->retention_days = -1;
    g->api_timeout = DEFAULT_API_TIMEOUT;
    g->hook_timeout = DEFAULT_HOOK_TIMEOUT;
    g->script_memory = DEFAULT_SCRIPT_MEMORY;
    g->script_watch = 1;
    g->call_timeout = DEFAULT_CALL_TIMEOUT;
    g->max_body = DEFAULT_MAX_BODY;
    g->docs = flow_docs_create(pconf);
    g->egress = flow_egress_create(pconf);
    g->locations = apr_array_make(pconf, 16, sizeof(mod_flow_location_t *));
    mod_flow_global = g;
    return OK;
}

void mod_flow_jobs_settings(flow_jobs_settings_t *settings, apr_pool_t *p)
{
    const mod_flow_global_t *g = mod_flow_global;
    const char *dir = g->state_dir ? g->state_dir : MOD_FLOW_STATE_DIR;

    memset(settings, 0, sizeof(*settings));
    settings->driver = g->store_driver ? g->store_driver : "sqlite3";
    settings->params = g->store_params ? g->store_params
                                       : apr_pstrcat(p, dir, "/flow.db", NULL);
    settings->workers = g->workers < 0 ? DEFAULT_WORKERS : g->workers;
    settings->queue_limit =
        g->queue_limit < 0 ? DEFAULT_QUEUE_LIMIT : g->queue_limit;
    settings->retention_days =
        g->retention_days < 0 ? DEFAULT_RETENTION_DAYS : g->retention_days;
    settings->stats = g->stats;
    settings->seal = g->seal;
    settings->uid = -1;
    settings->gid = -1;
}

/* ---- per-Location configuration ---- */

void *mod_flow_dir_create(apr_pool_t *p, char *path)
{
    (void)path;
    return apr_pcalloc(p, sizeof(mod_flow_dir_t));
}

void *mod_flow_dir_merge(apr_pool_t *p, void *base, void *add)
{
    const mod_flow_dir_t *outer = base, *inner = add;
    mod_flow_dir_t *merged = apr_palloc(p, sizeof(*merged));

    merged->location = inner->location ? inner->location : outer->location;
    /* A Location that names a target of its own is not opened by an outer
     * one: "open to all" must stand where it is meant. */
    merged->open = inner->open || (!inner->location && outer->open);
    return merged;
}

const mod_flow_location_t *mod_flow_location(request_rec *r)
{
    const mod_flow_dir_t *dir =
        ap_get_module_config(r->per_dir_config, &flow_module);

    return dir ? dir->location : NULL;
}

/* ---- parsing ---- */

/* Context check and "used" mark, common to all global directives. */
const char *mod_flow_global_only(cmd_parms *cmd)
{
    mod_flow_global->used = 1;
    return ap_check_cmd_context(cmd, GLOBAL_ONLY);
}

static const char *parse_int(apr_int64_t *pn, const char *arg, apr_int64_t min,
                             apr_int64_t max, const char *unit, cmd_parms *cmd)
{
    char *end;
    apr_int64_t n = apr_strtoi64(arg, &end, 10);

    if (end == arg || *end || n < min || n > max) {
        return apr_psprintf(cmd->pool,
                            "%s: '%s' is not a number%s%s from "
                            "%" APR_INT64_T_FMT " to %" APR_INT64_T_FMT,
                            cmd->cmd->name, arg, *unit ? " of " : "", unit, min,
                            max);
    }
    *pn = n;
    return NULL;
}

/* Bytes, with an optional K, M or G. */
const char *mod_flow_parse_bytes(apr_size_t *pn, const char *arg,
                                 apr_int64_t min, apr_int64_t max,
                                 cmd_parms *cmd)
{
    char *end;
    apr_int64_t n = apr_strtoi64(arg, &end, 10);
    int shift = 0;

    if (end != arg && *end && !end[1]) {
        switch (apr_toupper(*end)) {
        case 'K':
            shift = 10;
            break;
        case 'M':
            shift = 20;
            break;
        case 'G':
            shift = 30;
            break;
        }
        if (shift && n >= 0 && n <= (max >> shift)) {
            n *= (apr_int64_t)1 << shift;
            ++end;
        }
    }
    if (end == arg || *end || n < min || n > max) {
        return apr_psprintf(cmd->pool,
                            "%s: '%s' is not a number of bytes from "
                            "%" APR_INT64_T_FMT " to %" APR_INT64_T_FMT
                            " (K, M or G may follow)",
                            cmd->cmd->name, arg, min, max);
    }
    *pn = (apr_size_t)n;
    return NULL;
}

static const char *absolute(cmd_parms *cmd, const char *path,
                            const char **pabsolute)
{
    *pabsolute = ap_server_root_relative(cmd->pool, path);
    if (!*pabsolute) {
        return apr_psprintf(cmd->pool, "%s: '%s' is not a valid path",
                            cmd->cmd->name, path);
    }
    return NULL;
}

/* ---- global directives ---- */

static const char *set_state_dir(cmd_parms *cmd, void *dummy, const char *arg)
{
    const char *err = mod_flow_global_only(cmd);

    (void)dummy;
    return err ? err : absolute(cmd, arg, &mod_flow_global->state_dir);
}

static const char *set_store(cmd_parms *cmd, void *dummy, const char *driver,
                             const char *params)
{
    flow_error_t why = FLOW_ERROR_INIT;
    const char *err = mod_flow_global_only(cmd);

    (void)dummy;
    if (err) {
        return err;
    }
    if (flow_store_driver_check(driver, &why) != APR_SUCCESS) {
        return apr_pstrcat(cmd->pool, "FlowStore: ", why.message, NULL);
    }
    mod_flow_global->store_driver = driver;
    if (flow_store_is_shared(driver)) {
        mod_flow_global->store_params = params;
        return NULL;
    }
    return absolute(cmd, params, &mod_flow_global->store_params);
}

static const char *set_key_file(cmd_parms *cmd, void *dummy, const char *arg)
{
    const char *err = mod_flow_global_only(cmd);

    (void)dummy;
    return err ? err : absolute(cmd, arg, &mod_flow_global->key_file);
}

static const char *set_include(cmd_parms *cmd, void *dummy, const char *arg)
{
    const char *err = mod_flow_global_only(cmd), *path = NULL;

    (void)dummy;
    if (!err) {
        err = absolute(cmd, arg, &path);
    }
    if (!err) {
        flow_docs_include(mod_flow_global->docs, path, cmd->directive->filename,
                          cmd->directive->line_num);
    }
    return err;
}

static const char *set_script(cmd_parms *cmd, void *dummy, const char *name,
                              const char *arg)
{
    const char *err = mod_flow_global_only(cmd), *path = NULL;

    (void)dummy;
    if (!err) {
        err = absolute(cmd, arg, &path);
    }
    if (!err) {
        flow_docs_script(mod_flow_global->docs, name, path,
                         cmd->directive->filename, cmd->directive->line_num);
    }
    return err;
}

/* FlowWorkers, FlowQueueLimit, FlowRetention: cmd->info says which. */
typedef struct int_setting_t {
    apr_size_t offset;
    int min, max;
    const char *unit;
} int_setting_t;

static const int_setting_t workers_setting = {
    offsetof(mod_flow_global_t, workers), 0, 64, "threads"
};
static const int_setting_t queue_setting = {
    offsetof(mod_flow_global_t, queue_limit), 1, 10000000, "jobs"
};
static const int_setting_t retention_setting = {
    offsetof(mod_flow_global_t, retention_days), 1, 3650, "days"
};

static const char *set_int(cmd_parms *cmd, void *dummy, const char *arg)
{
    const int_setting_t *setting = cmd->info;
    const char *err = mod_flow_global_only(cmd);
    apr_int64_t n = 0;

    (void)dummy;
    if (!err) {
        err =
            parse_int(&n, arg, setting->min, setting->max, setting->unit, cmd);
    }
    if (!err) {
        *(int *)((char *)mod_flow_global + setting->offset) = (int)n;
    }
    return err;
}

static const char *set_timeout(cmd_parms *cmd, void *dummy, const char *api,
                               const char *hook)
{
    const char *err = mod_flow_global_only(cmd);
    apr_int64_t n = 0;

    (void)dummy;
    if (!err) {
        err = parse_int(&n, api, 1, 3600, "seconds", cmd);
    }
    if (!err) {
        mod_flow_global->api_timeout = apr_time_from_sec(n);
        if (hook) {
            err = parse_int(&n, hook, 1, 86400, "seconds", cmd);
        }
    }
    if (!err) {
        mod_flow_global->hook_timeout = apr_time_from_sec(n);
    }
    return err;
}

static const char *set_script_watch(cmd_parms *cmd, void *dummy, int is_on)
{
    (void)dummy;
    mod_flow_global->script_watch = is_on;
    return mod_flow_global_only(cmd);
}

static const char *set_script_memory(cmd_parms *cmd, void *dummy,
                                     const char *arg)
{
    const char *err = mod_flow_global_only(cmd);

    (void)dummy;
    return err ? err
               : mod_flow_parse_bytes(&mod_flow_global->script_memory, arg,
                                      1024 * 1024, (apr_int64_t)1 << 30, cmd);
}

static const char *set_max_body(cmd_parms *cmd, void *dummy, const char *arg)
{
    const char *err = mod_flow_global_only(cmd);

    (void)dummy;
    return err ? err
               : mod_flow_parse_bytes(&mod_flow_global->max_body, arg, 1024,
                                      (apr_int64_t)1 << 30, cmd);
}

static const char *add_egress(cmd_parms *cmd, void *dummy, const char *verb,
                              const char *pattern)
{
    const char *err = mod_flow_global_only(cmd);
    int allow = !strcasecmp(verb, "allow");

    (void)dummy;
    if (err) {
        return err;
    }
    if (!allow && strcasecmp(verb, "deny")) {
        return apr_psprintf(
            cmd->pool, "FlowEgress: '%s' is neither 'allow' nor 'deny'", verb);
    }
    err = flow_egress_add(mod_flow_global->egress, allow, pattern, cmd->pool);
    return err ? apr_pstrcat(cmd->pool, "FlowEgress: ", err, NULL) : NULL;
}

/* ---- documents ---- */

/* Did a quote inside of {{...}} end the text that began with one like it? */
static int is_cut_in_template(const char *word)
{
    int depth = 0;

    for (; *word; ++word) {
        depth += word[0] == '{' && word[1] == '{';
        depth -= word[0] == '}' && word[1] == '}' && depth > 0;
    }
    return depth > 0;
}

/* One FlowSet line: the path, then everything else as it stands; a value that
 * is one quoted word loses its quotes. */
static void set_field(const ap_directive_t *line, apr_pool_t *p)
{
    const char *rest = line->args;
    const char *path = ap_getword_conf(p, &rest);
    const char *value = rest;

    if (!*path) {
        flow_docs_problem(mod_flow_global->docs, line->filename, line->line_num,
                          NULL, NULL,
                          "FlowSet needs a field and a value: "
                          "FlowSet http.method GET");
        return;
    }
    if (*rest == '"' || *rest == '\'') {
        const char *after = rest;
        const char *word = ap_getword_conf(p, &after);

        if (!*after) {
            value = word;
        }
        else if (is_cut_in_template(word)) {
            flow_docs_problem(
                mod_flow_global->docs, line->filename, line->line_num, NULL,
                path,
                "a quote inside of {{...}} ends the value, which begins with "
                "the same quote; write %s quotes around the value, or none",
                *rest == '"' ? "single" : "double");
            return;
        }
    }
    flow_docs_set(mod_flow_global->docs, path, value, line->filename,
                  line->line_num);
}

/* <FlowConnection ID> and its like; cmd->info is the kind. */
static const char *section(cmd_parms *cmd, void *dummy, const char *arg)
{
    flow_kind_e kind = (flow_kind_e)(apr_uintptr_t)cmd->info;
    const char *err = mod_flow_global_only(cmd);
    const ap_directive_t *line;
    const char *end = ap_strrchr_c(arg, '>');
    const char *id;

    (void)dummy;
    if (err) {
        return err;
    }
    if (!end || end[1]) {
        return apr_pstrcat(cmd->pool, cmd->cmd->name,
                           "> directive missing closing '>'", NULL);
    }
    arg = apr_pstrmemdup(cmd->pool, arg, (apr_size_t)(end - arg));
    id = ap_getword_conf(cmd->pool, &arg);
    if (!*id || *arg) {
        return apr_psprintf(cmd->pool,
                            "%s> takes one argument, the _id: %s order-sync>",
                            cmd->cmd->name, cmd->cmd->name);
    }
    flow_docs_begin(mod_flow_global->docs, kind, id, cmd->directive->filename,
                    cmd->directive->line_num);
    for (line = cmd->directive->first_child; line; line = line->next) {
        if (!strcasecmp(line->directive, "FlowSet")) {
            set_field(line, cmd->pool);
        }
        else {
            flow_docs_problem(
                mod_flow_global->docs, line->filename, line->line_num,
                apr_psprintf(cmd->pool, "%s '%s'", flow_kind_name(kind), id),
                NULL, "'%s' cannot stand in %s>; only FlowSet can",
                line->directive, cmd->cmd->name);
        }
    }
    return NULL;
}

static const char *stray_set(cmd_parms *cmd, void *dummy, const char *arg)
{
    (void)cmd;
    (void)dummy;
    (void)arg;
    return "FlowSet belongs in <FlowConnection>, <FlowExport>, <FlowImport> "
           "or <Flow>";
}

/* ---- Locations ---- */

/* Files are no APIs: in <Directory> a target would take over whatever else is
 * mapped there, this server's status page included. */
static const char *location_only(cmd_parms *cmd)
{
    mod_flow_global->used = 1;
    if (!cmd->path) {
        return apr_pstrcat(cmd->pool, cmd->cmd->name,
                           " belongs in a <Location>", NULL);
    }
    return ap_check_cmd_context(cmd, NOT_IN_DIRECTORY | NOT_IN_FILES |
                                         NOT_IN_LIMIT | NOT_IN_HTACCESS);
}

/* <LocationMatch RE> or <Location ~ RE>? */
static int is_pattern(const cmd_parms *cmd)
{
    const ap_directive_t *section = cmd->directive->parent;
    const char *args;

    if (!section) {
        return 0;
    }
    args = section->args ? section->args : "";
    return !strcasecmp(section->directive, "<LocationMatch") ||
           (!strcasecmp(section->directive, "<Location") &&
            args[strspn(args, " \t")] == '~');
}

static const char *make_location(cmd_parms *cmd, mod_flow_dir_t *dir,
                                 mod_flow_location_e kind, const char *target,
                                 const char *function)
{
    mod_flow_location_t *loc;
    const char *err = location_only(cmd);

    if (err) {
        return err;
    }
    if (dir->location) {
        return apr_psprintf(
            cmd->pool,
            "%s: this Location already is %s '%s' (%s:%d); "
            "one Location, one target",
            cmd->cmd->name,
            dir->location->kind == MOD_FLOW_API ? "API" : "webhook",
            dir->location->target, dir->location->file, dir->location->line);
    }
    loc = apr_pcalloc(cmd->pool, sizeof(*loc));
    loc->kind = kind;
    /* path_info is what follows a fixed prefix or what a pattern matched */
    if (is_pattern(cmd)) {
        loc->regex = ap_pregcomp(cmd->pool, cmd->path, AP_REG_EXTENDED);
    }
    else if (cmd->path && *cmd->path == '/' && !ap_is_matchexp(cmd->path)) {
        loc->path = cmd->path;
    }
    loc->target = target;
    loc->function = function;
    loc->file = cmd->directive->filename;
    loc->line = cmd->directive->line_num;
    dir->location = loc;
    APR_ARRAY_PUSH(mod_flow_global->locations, mod_flow_location_t *) = loc;
    return NULL;
}

static const char *set_api(cmd_parms *cmd, void *dir, const char *target,
                           const char *function)
{
    static const char *const kinds[] = { "export:", "import:", "flow:",
                                         "api:" };
    apr_size_t i;

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); ++i) {
        if (function && !strncmp(target, kinds[i], strlen(kinds[i]))) {
            return apr_psprintf(cmd->pool,
                                "FlowAPI: '%s' takes no function; only "
                                "script:ID and a .js path do",
                                target);
        }
    }
    return make_location(cmd, dir, MOD_FLOW_API, target,
                         function ? function : DEFAULT_FUNCTION);
}

static const char *set_webhook(cmd_parms *cmd, void *dir, const char *export_id)
{
    return make_location(cmd, dir, MOD_FLOW_WEBHOOK, export_id, NULL);
}

static const char *set_auth(cmd_parms *cmd, void *dir, const char *arg)
{
    mod_flow_dir_t *conf = dir;
    const char *err = location_only(cmd);

    if (err) {
        return err;
    }
    if (strcasecmp(arg, "none")) {
        return apr_psprintf(cmd->pool,
                            "FlowAuth: '%s' is unknown; the only value is "
                            "'none' (open to all). Without FlowAuth an API "
                            "demands a token and a webhook its verify method",
                            arg);
    }
    conf->open = 1;
    return NULL;
}

#define KIND(k) ((void *)(apr_uintptr_t)(k))

/* clang-format off */
const command_rec mod_flow_commands[] = {
    AP_INIT_TAKE1("FlowStateDir", set_state_dir, NULL, RSRC_CONF,
        "Directory of the embedded store (default " MOD_FLOW_STATE_DIR ")"),
    AP_INIT_TAKE2("FlowStore", set_store, NULL, RSRC_CONF,
        "apr_dbd driver and parameters of the store (default sqlite3 and "
        "flow.db in FlowStateDir)"),
    AP_INIT_TAKE1("FlowKeyFile", set_key_file, NULL, RSRC_CONF,
        "File with the key for credentials in the store (default flow.key in "
        "FlowStateDir, made when missing)"),
    AP_INIT_TAKE1("FlowInclude", set_include, NULL, RSRC_CONF,
        "A file, directory or wildcard with JSON documents and scripts"),
    AP_INIT_TAKE2("FlowScript", set_script, NULL, RSRC_CONF,
        "A script's _id and its file"),
    AP_INIT_RAW_ARGS("<FlowConnection", section, KIND(FLOW_KIND_CONNECTION),
        RSRC_CONF, "Container of FlowSet lines: a connection"),
    AP_INIT_RAW_ARGS("<FlowExport", section, KIND(FLOW_KIND_EXPORT),
        RSRC_CONF, "Container of FlowSet lines: an export"),
    AP_INIT_RAW_ARGS("<FlowImport", section, KIND(FLOW_KIND_IMPORT),
        RSRC_CONF, "Container of FlowSet lines: an import"),
    AP_INIT_RAW_ARGS("<Flow", section, KIND(FLOW_KIND_FLOW),
        RSRC_CONF, "Container of FlowSet lines: a flow"),
    AP_INIT_RAW_ARGS("FlowSet", stray_set, NULL, RSRC_CONF,
        "In a document's container: a field's path and its value"),
    AP_INIT_TAKE1("FlowWorkers", set_int, (void *)&workers_setting, RSRC_CONF,
        "Background threads in each child process (0-64, default 2); 0 = "
        "this server only accepts"),
    AP_INIT_TAKE1("FlowQueueLimit", set_int, (void *)&queue_setting, RSRC_CONF,
        "Waiting jobs beyond which new ones get 503 (1-10000000, default "
        "100000)"),
    AP_INIT_TAKE12("FlowScriptTimeout", set_timeout, NULL, RSRC_CONF,
        "Seconds a script of an API may take (1-3600, default 30) and, "
        "optionally, a hook (1-86400, default 300)"),
    AP_INIT_TAKE1("FlowScriptMemory", set_script_memory, NULL, RSRC_CONF,
        "Bytes a script may use (1M-1G, default 64M)"),
    AP_INIT_FLAG("FlowScriptWatch", set_script_watch, NULL, RSRC_CONF,
        "Off: copy all of a script's memory before each call, and leave "
        "SIGSEGV alone (default On)"),
    AP_INIT_TAKE1("FlowMaxBody", set_max_body, NULL, RSRC_CONF,
        "Largest request body of an API or webhook (1K-1G, default 5M)"),
    AP_INIT_ITERATE2("FlowEgress", add_egress, NULL, RSRC_CONF,
        "allow or deny, then patterns of hosts or addresses that connections "
        "may or may not reach"),
    AP_INIT_TAKE_ARGV("FlowProxy", mod_flow_set_proxy, NULL, RSRC_CONF,
        "Address of a proxy for calls, then patterns of hosts that are called "
        "without it"),
    AP_INIT_TAKE123("FlowHTTPTimeout", mod_flow_set_http_timeout, NULL,
        RSRC_CONF,
        "Seconds of a call (1-3600, default 120), of connecting (default 10) "
        "and until the answer begins (default 0 = as long as the call)"),
    AP_INIT_TAKE1("FlowHTTPMaxResponse", mod_flow_set_http_response, NULL,
        RSRC_CONF, "Largest answer, decompressed (1K-1G, default 50M)"),
    AP_INIT_TAKE1("FlowPresets", mod_flow_set_presets, NULL, RSRC_CONF,
        "Directory of presets of applications"),
    AP_INIT_TAKE1("FlowRetention", set_int, (void *)&retention_setting,
        RSRC_CONF,
        "Days that finished jobs, errors and events are kept (1-3650, default "
        "30)"),
    AP_INIT_TAKE12("FlowAPI", set_api, NULL, ACCESS_CONF,
        "The Location is an API: script:ID [FUNCTION], a .js path "
        "[FUNCTION], api:ID, export:ID, import:ID or flow:ID"),
    AP_INIT_TAKE1("FlowWebhook", set_webhook, NULL, ACCESS_CONF,
        "The Location is a webhook: the _id of an export of type webhook"),
    AP_INIT_TAKE1("FlowAuth", set_auth, NULL, ACCESS_CONF,
        "none: the Location is open to all, on purpose"),
    { NULL }
};
/* clang-format on */
