/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_dbd.h>
#include <apr_strings.h>

#include "data/flow_json.h"

static const char *driver = "sqlite3";
static char server[256]; /* how to connect with PostgreSQL */
static char server_dir[64];
static int stores; /* made so far */

/* ---- PostgreSQL ---- */

static void stop_server(void)
{
    char command[200];

    snprintf(command, sizeof(command), "sh tests/pgsql.sh stop %s; rm -rf %s",
             server_dir, server_dir);
    if (system(command) != 0) {
        fprintf(stderr, "cannot stop %s\n", server_dir);
    }
}

static int start_server(void)
{
    char command[200];
    FILE *answer;

    snprintf(server_dir, sizeof(server_dir), "/tmp/flow-pg-XXXXXX");
    if (!mkdtemp(server_dir)) {
        return 0;
    }
    snprintf(command, sizeof(command), "sh tests/pgsql.sh start %s",
             server_dir);
    answer = popen(command, "r");
    if (!answer || !fgets(server, sizeof(server), answer)) {
        server[0] = '\0';
    }
    server[strcspn(server, "\n")] = '\0';
    if (answer) {
        pclose(answer);
    }
    if (server[0]) {
        atexit(stop_server);
    }
    return server[0] != '\0';
}

int jobs_fixture_use(const char *name)
{
    const char *given = getenv("FLOW_TEST_PGSQL");

    driver = name;
    if (strcmp(name, "pgsql") != 0 || server[0]) {
        return 1;
    }
    if (given && strcmp(given, "none") != 0) {
        snprintf(server, sizeof(server), "%s", given);
        return 1;
    }
    if (!given && start_server()) {
        return 1;
    }
    printf("SKIPPED with pgsql: PostgreSQL cannot be started here\n");
    return 0;
}

const char *jobs_fixture_driver(void)
{
    return driver;
}

static const char *query(apr_pool_t *p, const char *params, const char *sql)
{
    const apr_dbd_driver_t *dbd;
    apr_dbd_results_t *results = NULL;
    apr_dbd_row_t *row = NULL;
    apr_dbd_t *handle;
    const char *text = "";
    int is_pg = strcmp(driver, "pgsql") == 0;

    apr_dbd_get_driver(p, driver, &dbd);
    if (apr_dbd_open(dbd, p, params, &handle) != APR_SUCCESS) {
        return "cannot open";
    }
    if (!is_pg) {
        apr_dbd_select(dbd, p, handle, &results, "PRAGMA busy_timeout=2000", 0);
    }
    results = NULL;
    if (apr_dbd_select(dbd, p, handle, &results, sql, is_pg) != 0) {
        text = apr_pstrdup(p, apr_dbd_error(dbd, handle, 0));
    }
    else if ((!is_pg || apr_dbd_num_tuples(dbd, results) > 0) &&
             apr_dbd_get_row(dbd, p, results, &row, -1) == 0) {
        text = apr_dbd_get_entry(dbd, row, 0);
    }
    apr_dbd_close(dbd, handle);
    return text ? text : "";
}

/* ---- the fixture ---- */

jobs_fixture_t *jobs_fixture_new(void)
{
    flow_error_t err = FLOW_ERROR_INIT;
    jobs_fixture_t *f;
    apr_pool_t *p;

    apr_pool_create(&p, NULL);
    flow_json_global_init();
    flow_store_global_init(driver, p, &err);
    f = apr_pcalloc(p, sizeof(*f));
    f->p = p;
    snprintf(f->dir, sizeof(f->dir), "/tmp/flow-unit-XXXXXX");
    if (!mkdtemp(f->dir)) {
        return NULL;
    }
    snprintf(f->file, sizeof(f->file), "%s/flow.db", f->dir);
    f->params = f->file;
    if (strcmp(driver, "pgsql") == 0) {
        const char *schema =
            apr_psprintf(p, "t%ld_%d", (long)getpid(), ++stores);

        f->params =
            apr_psprintf(p, "%s options='-c search_path=%s'", server, schema);
        query(p, server, apr_pstrcat(p, "CREATE SCHEMA ", schema, NULL));
        /* what tests ask SQLite for */
        query(p, f->params,
              "CREATE FUNCTION comma(text, text) RETURNS text LANGUAGE sql"
              " AS $$SELECT coalesce($1 || ',', '') || $2$$");
        query(p, f->params,
              "CREATE AGGREGATE group_concat(text)"
              " (SFUNC = comma, STYPE = text)");
    }
    f->settings.driver = driver;
    f->settings.params = f->params;
    f->settings.queue_limit = 100000;
    f->settings.uid = f->settings.gid = -1;
    f->model.p = p;
    f->model.connections = apr_hash_make(p);
    f->model.exports = apr_hash_make(p);
    f->model.imports = apr_hash_make(p);
    f->model.flows = apr_hash_make(p);
    f->model.scripts = apr_hash_make(p);
    f->model.apis = apr_hash_make(p);
    f->model.listeners = apr_hash_make(p);
    f->env.model = &f->model;
    return f;
}

void jobs_fixture_free(jobs_fixture_t *f)
{
    DIR *dir = opendir(f->dir);
    struct dirent *entry;
    char path[400];

    if (f->params != f->file) {
        const char *schema = strrchr(f->params, '=') + 1;

        query(f->p, server,
              apr_psprintf(f->p, "DROP SCHEMA %.*s CASCADE",
                           (int)strcspn(schema, "'"), schema));
    }
    while (dir && (entry = readdir(dir)) != NULL) {
        snprintf(path, sizeof(path), "%s/%s", f->dir, entry->d_name);
        unlink(path);
    }
    if (dir) {
        closedir(dir);
    }
    rmdir(f->dir);
    apr_pool_destroy(f->p);
}

flow_flow_t *jobs_fixture_flow(jobs_fixture_t *f, const char *id,
                               const char *export_id, int is_listener)
{
    flow_export_t *exp =
        apr_hash_get(f->model.exports, export_id, APR_HASH_KEY_STRING);
    flow_flow_t *flow = apr_pcalloc(f->p, sizeof(*flow));
    apr_array_header_t *listening;

    if (!exp) {
        exp = apr_pcalloc(f->p, sizeof(*exp));
        exp->id = apr_pstrdup(f->p, export_id);
        exp->slot = -1;
        apr_hash_set(f->model.exports, exp->id, APR_HASH_KEY_STRING, exp);
    }
    flow->id = apr_pstrdup(f->p, id);
    flow->slot = -1;
    flow->ngenerators = 1;
    flow->generators = apr_pcalloc(f->p, sizeof(flow->generators[0]));
    flow->generators[0] = exp;
    apr_hash_set(f->model.flows, flow->id, APR_HASH_KEY_STRING, flow);
    if (is_listener) {
        listening =
            apr_hash_get(f->model.listeners, exp->id, APR_HASH_KEY_STRING);
        if (!listening) {
            listening = apr_array_make(f->p, 2, sizeof(const flow_flow_t *));
            apr_hash_set(f->model.listeners, exp->id, APR_HASH_KEY_STRING,
                         listening);
        }
        APR_ARRAY_PUSH(listening, const flow_flow_t *) = flow;
    }
    return flow;
}

const flow_export_t *jobs_fixture_export(jobs_fixture_t *f, const char *id)
{
    return apr_hash_get(f->model.exports, id, APR_HASH_KEY_STRING);
}

flow_store_t *jobs_fixture_store(jobs_fixture_t *f)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_store_t *store = NULL;

    if (flow_jobs_prepare(&f->settings, f->p, &err) != APR_SUCCESS ||
        flow_store_open(&store, driver, f->params, &err) != APR_SUCCESS) {
        fprintf(stderr, "%s\n", err.message);
    }
    return store;
}

const char *jobs_fixture_query(jobs_fixture_t *f, const char *sql)
{
    return query(f->p, f->params, sql);
}

flow_request_t *jobs_fixture_request(apr_pool_t *p, const char *body,
                                     apr_size_t len)
{
    flow_request_t *req = apr_pcalloc(p, sizeof(*req));
    apr_table_t *headers = apr_table_make(p, 2);

    apr_table_setn(headers, "Content-Type", "application/json");
    req->method = "POST";
    req->uri = "/hooks/x";
    req->path_info = "";
    req->headers = headers;
    req->body = body;
    req->body_len = len;
    req->remote = "127.0.0.1";
    return req;
}
