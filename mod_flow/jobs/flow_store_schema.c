/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_store.h"
#include "jobs/flow_store_admin.h"
#include "jobs/flow_store_private.h"

#include <apr_strings.h>
#include <string.h>

/*
 * The schema, in steps. A step that has been released is never changed: a
 * change is a new step. Times are microseconds since 1970. Long texts stand in
 * tables of their own, so that the small rows that change often stay small.
 *
 * Types and statements are plain enough for both databases; what differs
 * (WITHOUT ROWID, for small rows that are found by their key only, and the
 * collation of texts) flow_store_pg_schema() changes on the way. Two indexes
 * carry rules: job_running lets one process only have a flow, whoever
 * claims; job_queued orders the waiting jobs of each flow (with the status in
 * it, counting reads no table).
 *
 * PostgreSQL: one row of `meta` is locked while the schema changes, which
 * every database that speaks its language can do.
 */
#define MIGRATE_WAIT apr_time_from_sec(60)
#define MAKE_TRIES   20

/* clang-format off */
static const char *const step_1[] = {
    "CREATE TABLE event ("
    " id TEXT PRIMARY KEY NOT NULL,"
    " export_id TEXT NOT NULL,"
    " received_at BIGINT NOT NULL,"
    " request TEXT NOT NULL)",

    "CREATE TABLE job ("
    " id TEXT PRIMARY KEY NOT NULL,"
    " type TEXT NOT NULL,"
    " flow_id TEXT NOT NULL,"
    " export_id TEXT,"
    " event_id TEXT,"
    " status TEXT NOT NULL,"
    " priority INTEGER NOT NULL DEFAULT 0,"
    " collect INTEGER NOT NULL DEFAULT 0,"
    " checkpoint TEXT,"
    " num_success BIGINT NOT NULL DEFAULT 0,"
    " num_error BIGINT NOT NULL DEFAULT 0,"
    " num_ignore BIGINT NOT NULL DEFAULT 0,"
    " num_export BIGINT NOT NULL DEFAULT 0,"
    " num_pages_generated BIGINT NOT NULL DEFAULT 0,"
    " num_pages_processed BIGINT NOT NULL DEFAULT 0,"
    " done_exporting INTEGER NOT NULL DEFAULT 0,"
    " created BIGINT NOT NULL,"
    " started BIGINT NOT NULL DEFAULT 0,"
    " ended BIGINT NOT NULL DEFAULT 0,"
    " modified BIGINT NOT NULL,"
    " owner TEXT,"
    " lease_until BIGINT NOT NULL DEFAULT 0,"
    " attempts INTEGER NOT NULL DEFAULT 0,"
    " error_code TEXT,"
    " error_message TEXT) WITHOUT ROWID",

    "CREATE INDEX job_queued ON job (status, flow_id, priority DESC, created, id)"
    " WHERE status = 'queued'",
    "CREATE UNIQUE INDEX job_running ON job (flow_id)"
    " WHERE status = 'running'",
    "CREATE INDEX job_final ON job (status, ended)"
    " WHERE status IN ('completed', 'failed', 'canceled')",

    "CREATE TABLE job_text ("
    " job_id TEXT NOT NULL,"
    " kind TEXT NOT NULL," /* request, result */
    " text TEXT NOT NULL,"
    " PRIMARY KEY (job_id, kind))",

    "CREATE TABLE job_error ("
    " id TEXT PRIMARY KEY NOT NULL,"
    " job_id TEXT NOT NULL,"
    " flow_id TEXT NOT NULL,"
    " step_id TEXT NOT NULL,"
    " step_index INTEGER NOT NULL,"
    " occurred_at BIGINT NOT NULL,"
    " code TEXT NOT NULL,"
    " message TEXT NOT NULL,"
    " source TEXT NOT NULL,"
    " trace_key TEXT,"
    " classification TEXT,"
    " retry_data TEXT,"
    " resolved_at BIGINT NOT NULL DEFAULT 0,"
    " resolved_by TEXT)",
    "CREATE INDEX job_error_job ON job_error (job_id)",

    "CREATE TABLE token ("
    " id TEXT PRIMARY KEY NOT NULL,"
    " name TEXT NOT NULL,"
    " hash TEXT NOT NULL UNIQUE,"
    " full_access INTEGER NOT NULL DEFAULT 0,"
    " apis TEXT, exports TEXT, imports TEXT, flows TEXT,"
    " created BIGINT NOT NULL,"
    " expires BIGINT NOT NULL DEFAULT 0,"
    " revoked INTEGER NOT NULL DEFAULT 0)",

    "CREATE TABLE state ("
    " scope TEXT NOT NULL,"
    " name TEXT NOT NULL,"
    " value TEXT NOT NULL,"
    " PRIMARY KEY (scope, name)) WITHOUT ROWID",
    NULL
};

/* What scripts keep beside `state`: lookup caches, and the script log. */
static const char *const step_2[] = {
    "CREATE TABLE lookup_cache ("
    " id TEXT PRIMARY KEY NOT NULL,"
    " size BIGINT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE lookup_entry ("
    " cache_id TEXT NOT NULL,"
    " name TEXT NOT NULL,"
    " size BIGINT NOT NULL,"
    " value TEXT NOT NULL,"
    " PRIMARY KEY (cache_id, name)) WITHOUT ROWID",

    "CREATE TABLE script_log ("
    " id TEXT PRIMARY KEY NOT NULL,"
    " at BIGINT NOT NULL,"
    " level TEXT NOT NULL,"
    " script_id TEXT, flow_id TEXT, api_id TEXT, job_id TEXT,"
    " text TEXT NOT NULL)",
    NULL
};

/*
 * attempts: deaths of the process that ran the job, in a row, without a page
 * in between; it counted claims before. alone: the run that is under way (or
 * was, when its process died) has the process to itself. cancel: somebody
 * wants a running job to end. leaving: its process is about to
 * end, and how it ends is not the job's fault. spilled: the ids of errors that stand in the
 * table although their page is not done, "first last".
 */
static const char *const step_3[] = {
    "ALTER TABLE job ADD COLUMN alone INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE job ADD COLUMN cancel INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE job ADD COLUMN leaving INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE job ADD COLUMN spilled TEXT",
    "UPDATE job SET attempts = 0, lease_until = 0 WHERE ended = 0",
    NULL
};

/* Errors that can be worked with, events that come once, locks on records. An
 * error is open or resolved; each has indexes of its own, so a list of open
 * ones never reads the others. What is long stands in error_data. */
static const char *const step_4[] = {
    "ALTER TABLE job ADD COLUMN error_source TEXT",
    "ALTER TABLE job ADD COLUMN origin TEXT",    /* replay, rerun, retry, auto */
    "ALTER TABLE job ADD COLUMN origin_id TEXT", /* the job or event it is of */

    "ALTER TABLE job_error ADD COLUMN classified_by TEXT",
    "ALTER TABLE job_error ADD COLUMN export_uri TEXT",
    "ALTER TABLE job_error ADD COLUMN import_uri TEXT",
    "ALTER TABLE job_error ADD COLUMN tags TEXT", /* ",a,b," */
    "ALTER TABLE job_error ADD COLUMN assigned_to TEXT",
    "ALTER TABLE job_error ADD COLUMN exchange_key TEXT",
    "ALTER TABLE job_error ADD COLUMN has_retry INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE job_error ADD COLUMN occurrences BIGINT NOT NULL DEFAULT 1",
    "ALTER TABLE job_error ADD COLUMN retry_job TEXT",
    "ALTER TABLE job_error ADD COLUMN tries INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE job_error ADD COLUMN retry_at BIGINT NOT NULL DEFAULT 0",
    "CREATE TABLE error_data ("
    " error_id TEXT NOT NULL,"
    " kind TEXT NOT NULL," /* retry, edited, exchange */
    " text TEXT NOT NULL,"
    " PRIMARY KEY (error_id, kind))",
    "INSERT INTO error_data (error_id, kind, text)"
    " SELECT id, 'retry', retry_data FROM job_error"
    " WHERE retry_data IS NOT NULL",
    "UPDATE job_error SET retry_data = NULL, has_retry = 1"
    " WHERE retry_data IS NOT NULL",
    "DROP INDEX job_error_job",
    "CREATE INDEX job_error_job ON job_error (job_id, id)",
    "CREATE INDEX error_open_step ON job_error (flow_id, step_id, id)"
    " WHERE resolved_at = 0",
    "CREATE INDEX error_open_flow ON job_error (flow_id, id)"
    " WHERE resolved_at = 0",
    "CREATE INDEX error_open_class ON job_error (classification, id)"
    " WHERE resolved_at = 0",
    "CREATE INDEX error_open ON job_error (id) WHERE resolved_at = 0",
    "CREATE INDEX error_open_trace ON job_error (flow_id, step_id, trace_key,"
    " id)"
    " WHERE resolved_at = 0 AND trace_key IS NOT NULL",
    "CREATE INDEX error_resolved_flow ON job_error (flow_id, id)"
    " WHERE resolved_at > 0",
    "CREATE INDEX error_resolved ON job_error (id) WHERE resolved_at > 0",
    "CREATE INDEX error_retry_job ON job_error (retry_job, id)"
    " WHERE retry_job IS NOT NULL",
    "CREATE INDEX error_retry_at ON job_error (retry_at) WHERE retry_at > 0",

    "CREATE TABLE event_key ("
    " export_id TEXT NOT NULL,"
    " name TEXT NOT NULL,"
    " event_id TEXT NOT NULL,"
    " until BIGINT NOT NULL,"
    " PRIMARY KEY (export_id, name))",
    "CREATE INDEX event_key_until ON event_key (until)",

    "CREATE TABLE record_lock ("
    " scope TEXT NOT NULL,"
    " name TEXT NOT NULL,"
    " owner TEXT NOT NULL,"
    " until BIGINT NOT NULL,"
    " PRIMARY KEY (scope, name))",
    NULL
};

/*
 * Schedules: flow_ticks.h. definition: what tells that it has changed;
 * config_at: when the configuration that has it was read; seen_at: when a
 * process last knew it.
 */
static const char *const step_5[] = {
    "CREATE TABLE schedule ("
    " flow_id TEXT NOT NULL,"
    " name TEXT NOT NULL,"
    " definition TEXT NOT NULL,"
    " next_at BIGINT NOT NULL,"
    " last_at BIGINT NOT NULL DEFAULT 0,"
    " last_job_id TEXT,"
    " merged BIGINT NOT NULL DEFAULT 0,"
    " config_at BIGINT NOT NULL,"
    " seen_at BIGINT NOT NULL,"
    " PRIMARY KEY (flow_id, name)) WITHOUT ROWID",
    NULL
};

/* Credentials that were got while running, sealed with the key key_id; whoever
 * gets new ones holds the row's lease. */
static const char *const step_6[] = {
    "CREATE TABLE credential ("
    " connection_id TEXT PRIMARY KEY NOT NULL,"
    " generation BIGINT NOT NULL,"
    " key_id TEXT,"
    " value TEXT,"
    " modified BIGINT NOT NULL,"
    " lease_owner TEXT,"
    " lease_until BIGINT NOT NULL DEFAULT 0)",
    NULL
};

/*
 * place: a process may claim several jobs of a flow at once, which it runs one
 * after the other; they have different places, and one of them is at 0 as long
 * as there are any, so that the index still lets only one process have the
 * flow. job_final: for a condition with IN SQLite makes two tables with each
 * UPDATE.
 */
static const char *const step_7[] = {
    "ALTER TABLE job ADD COLUMN place INTEGER NOT NULL DEFAULT 0",
    "DROP INDEX job_running",
    ("CREATE UNIQUE INDEX job_running ON job (flow_id, place)"
     " WHERE status = 'running'"),
    "DROP INDEX job_final",
    "CREATE INDEX job_final ON job (status, ended) WHERE ended > 0",
    NULL
};

/* Retries that are being given their errors (flow_retry.h); errors by their
 * code; replayed_at: when a job was last given the old event, which keeps it;
 * repeats: deliveries of an event after the first one. */
static const char *const step_8[] = {
    "ALTER TABLE event ADD COLUMN replayed_at BIGINT NOT NULL DEFAULT 0",
    "CREATE INDEX job_preparing ON job (modified) WHERE status = 'preparing'",
    ("CREATE INDEX error_open_code ON job_error (code, id)"
     " WHERE resolved_at = 0"),
    ("CREATE INDEX error_resolved_job ON job_error (job_id)"
     " WHERE resolved_at > 0"),
    "ALTER TABLE event_key ADD COLUMN repeats BIGINT NOT NULL DEFAULT 0",
    "CREATE INDEX event_key_event ON event_key (event_id)",
    ("CREATE INDEX error_resolved_code ON job_error (code, id)"
     " WHERE resolved_at > 0"),
    NULL
};

static const char *const *const steps[] = { step_1, step_2, step_3, step_4,
                                            step_5, step_6, step_7, step_8 };
/* clang-format on */

#define VERSION ((int)(sizeof(steps) / sizeof(steps[0])))

/* -1 and APR_SUCCESS: there is no schema at all. */
static apr_status_t read_version(flow_store_t *store, int *pversion,
                                 flow_error_t *err)
{
    const char *value = NULL;
    apr_status_t rv;

    *pversion = -1;
    rv = flow_store_pragma(store,
                           store->is_pg ? "SELECT to_regclass('meta')"
                                        : "SELECT name FROM sqlite_master WHERE"
                                          " type = 'table' AND name = 'meta'",
                           &value, err);
    if (rv != APR_SUCCESS || !value || !*value) {
        return rv;
    }
    rv = flow_store_pragma(
        store, "SELECT value FROM meta WHERE name = 'schema'", &value, err);
    if (rv == APR_SUCCESS && value && *value) {
        *pversion = (int)apr_strtoi64(value, NULL, 10);
    }
    return rv;
}

static apr_status_t too_new(flow_store_t *store, int version, flow_error_t *err)
{
    return flow_error_set(err, FLOW_E_CONFIG, APR_EGENERAL, "store_version",
                          "store '%s' has schema %d, this mod_flow knows %d; "
                          "use the newer mod_flow or another file",
                          store->name, version, VERSION);
}

static const char meta[] =
    "CREATE TABLE meta (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL)";

/* In a transaction. */
static apr_status_t upgrade(flow_store_t *store, int version, flow_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;
    char sql[128];
    int i;

    if (version < 0) {
        rv = store->is_pg ? APR_SUCCESS : flow_store_query(store, meta, err);
        version = 0;
    }
    for (; version < VERSION && rv == APR_SUCCESS; ++version) {
        for (i = 0; steps[version][i] && rv == APR_SUCCESS; ++i) {
            rv = flow_store_query(
                store,
                store->is_pg ? flow_store_pg_schema(steps[version][i], store->p)
                             : steps[version][i],
                err);
        }
    }
    if (rv == APR_SUCCESS) {
        rv = flow_store_query(store, "DELETE FROM meta WHERE name = 'schema'",
                              err);
    }
    if (rv == APR_SUCCESS) {
        apr_snprintf(sql, sizeof(sql),
                     "INSERT INTO meta (name, value) VALUES ('schema', '%d')",
                     VERSION);
        rv = flow_store_query(store, sql, err);
    }
    return rv;
}

static apr_status_t use_wal(flow_store_t *store, flow_error_t *err)
{
    const char *mode = NULL;
    apr_status_t rv;

    rv = flow_store_pragma(store, "PRAGMA journal_mode=WAL", &mode, err);
    if (rv == APR_SUCCESS && (!mode || strcmp(mode, "wal") != 0)) {
        rv = flow_error_set(err, FLOW_E_CONFIG, APR_EGENERAL,
                            "store_unavailable",
                            "store '%s' cannot use write-ahead logging (mode "
                            "'%s'); put it on a local file system",
                            store->params, mode ? mode : "unknown");
    }
    return rv;
}

/* The table that tells the version, and in it the row that is locked. Two who
 * make the same table at once may both fail where only one should. */
static apr_status_t pg_begin(flow_store_t *store, flow_error_t *err)
{
    static const char lock_row[] =
        "INSERT INTO meta (name, value)"
        " VALUES ('lock', '') ON CONFLICT DO NOTHING";
    apr_status_t rv = APR_EGENERAL;
    const char *found = NULL;
    int i;

    for (i = 0; i < MAKE_TRIES && rv != APR_SUCCESS; ++i) {
        flow_error_clear(err);
        rv =
            flow_store_pragma(store, "SELECT to_regclass('meta')", &found, err);
        if (rv == APR_SUCCESS && (!found || !*found)) {
            rv = flow_store_query(store, flow_store_pg_schema(meta, store->p),
                                  err);
        }
        if (rv == APR_SUCCESS) {
            rv = flow_store_query(store, lock_row, err);
        }
        if (rv != APR_SUCCESS) {
            apr_sleep(apr_time_from_msec(50));
        }
    }
    store->broken = 0;
    if (rv == APR_SUCCESS) {
        rv = flow_store_query(store, "SET lock_timeout = '60s'", err);
    }
    if (rv == APR_SUCCESS) {
        rv = flow_store_query(store, "BEGIN", err);
    }
    if (rv == APR_SUCCESS) {
        rv = flow_store_pragma(
            store, "SELECT value FROM meta WHERE name = 'lock' FOR UPDATE",
            NULL, err);
    }
    return rv;
}

static apr_status_t begin(flow_store_t *store, flow_error_t *err)
{
    apr_status_t rv;

    if (store->is_pg) {
        return pg_begin(store, err);
    }
    rv = use_wal(store, err);
    return rv == APR_SUCCESS ? flow_store_query(store, "BEGIN IMMEDIATE", err)
                             : rv;
}

static apr_status_t migrate(flow_store_t *store, flow_error_t *err)
{
    flow_error_t ignored = FLOW_ERROR_INIT;
    apr_status_t rv;
    int version;

    rv = begin(store, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = read_version(store, &version, err);
    if (rv == APR_SUCCESS && version > VERSION) {
        rv = too_new(store, version, err);
    }
    if (rv == APR_SUCCESS && version < VERSION) {
        rv = upgrade(store, version, err);
    }
    if (rv == APR_SUCCESS) {
        rv = flow_store_query(store, "COMMIT", err);
    }
    if (rv != APR_SUCCESS) {
        flow_store_query(store, "ROLLBACK", &ignored);
    }
    return rv;
}

/* Under the lock from before the file is looked into until it is closed: a
 * handle that has seen an older schema would fail in its first statement. */
apr_status_t flow_store_migrate(const char *driver, const char *params,
                                flow_error_t *err)
{
    flow_store_t *store;
    apr_status_t rv;

    rv = flow_store_new(&store, driver, params, err);
    if (rv == APR_SUCCESS && !store->is_pg) {
        rv = flow_store_lock_open(store, err);
        if (rv == APR_SUCCESS) {
            rv = flow_store_lock(store, MIGRATE_WAIT, err);
        }
    }
    if (rv == APR_SUCCESS) {
        rv = flow_store_connect(store, err);
    }
    if (rv == APR_SUCCESS) {
        rv = migrate(store, err);
    }
    flow_store_close(store); /* and with it the lock */
    return rv;
}

apr_status_t flow_store_versions(flow_store_t *store, int *phave, int *pwant,
                                 flow_error_t *err)
{
    *pwant = VERSION;
    return read_version(store, phave, err);
}

apr_status_t flow_store_check(flow_store_t *store, flow_error_t *err)
{
    apr_status_t rv;
    int version;

    rv = read_version(store, &version, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (version > VERSION) {
        return too_new(store, version, err);
    }
    if (version < VERSION) {
        return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EGENERAL,
                              "store_unavailable",
                              "store '%s' has not been set up; start the "
                              "server once",
                              store->name);
    }
    return APR_SUCCESS;
}
