/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "data/flow_json.h"
#include "jobs/flow_state_store.h"
#include "jobs_fixture.h"

static jobs_fixture_t *f;
static flow_jobs_t *jobs;
static const flow_state_iface_t *kept;
static apr_pool_t *child;
static flow_error_t err;

static void start(void)
{
    apr_pool_create(&child, NULL);
    flow_error_clear(&err);
    if (flow_jobs_prepare(&f->settings, f->p, &err) != APR_SUCCESS ||
        flow_jobs_start(&jobs, &f->settings, &f->env, child, &err) !=
            APR_SUCCESS) {
        fail_msg("%s", err.message);
    }
    kept = flow_jobs_state(jobs);
    flow_jobs_release(jobs);
}

static void stop(void)
{
    apr_pool_destroy(child);
}

static int setup(void **state)
{
    (void)state;
    f = jobs_fixture_new();
    start();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    stop();
    jobs_fixture_free(f);
    return 0;
}

static apr_time_t soon(void)
{
    return apr_time_now() + apr_time_from_sec(10);
}

static int put(const char *scope, const char *name, const char *text)
{
    int is_new = -1;

    if (kept->put(kept->baton, scope, name, text, soon(), &is_new, &err) !=
        APR_SUCCESS) {
        return -1;
    }
    return is_new;
}

static const char *get(const char *scope, const char *name)
{
    const char *text = NULL;
    apr_status_t rv = kept->get(kept->baton, scope, name, &text, f->p, &err);

    return rv == APR_SUCCESS ? text : rv == APR_NOTFOUND ? "none" : "error";
}

/* A list as text; lets go of it. */
static const char *text_of(json_t *v)
{
    const char *text = flow_json_text(v, NULL, f->p);

    json_decref(v);
    return text;
}

static const char *keys(const char *scope)
{
    json_t *list = NULL;

    assert_int_equal(kept->keys(kept->baton, scope, &list, f->p, &err), 0);
    return text_of(list);
}

/* ---- state ---- */

static void state_survives_a_restart(void **state)
{
    (void)state;
    assert_int_equal(put("", "b", "{\"n\":19.90}"), 1);
    assert_int_equal(put("", "a", "1"), 1);
    assert_int_equal(put("", "a", "2"), 0);
    assert_int_equal(put("exports/e", "a", "3"), 1);
    stop();
    start();
    assert_string_equal(get("", "a"), "2");
    assert_string_equal(get("", "b"), "{\"n\":19.90}");
    assert_string_equal(get("exports/e", "a"), "3");
    assert_string_equal(get("exports/e", "b"), "none");
    assert_string_equal(keys(""), "[\"a\",\"b\"]");
    assert_string_equal(keys("exports/e"), "[\"a\"]");
}

static void state_is_removed_by_key_and_by_scope(void **state)
{
    (void)state;
    put("", "a", "1");
    put("", "b", "1");
    put("flows/f", "a", "1");
    assert_int_equal(kept->remove(kept->baton, "", "a", soon(), &err), 0);
    assert_int_equal(kept->remove(kept->baton, "", "none", soon(), &err), 0);
    assert_string_equal(keys(""), "[\"b\"]");
    assert_int_equal(kept->remove(kept->baton, "", NULL, soon(), &err), 0);
    assert_string_equal(keys(""), "[]");
    assert_string_equal(keys("flows/f"), "[\"a\"]");
}

static void a_scope_has_a_limit_of_keys(void **state)
{
    (void)state;
    /* as many as there may be, without as many commits */
    jobs_fixture_query(
        f,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
        " WHERE i < 9999) INSERT INTO state SELECT '', 'k' || i, '1' FROM n");
    assert_int_equal(put("", "last", "1"), 1);
    assert_int_equal(put("", "more", "1"), -1);
    assert_string_equal(err.code, "state_full");
    flow_error_clear(&err);
    assert_int_equal(put("", "last", "2"), 0);
    assert_int_equal(put("exports/e", "more", "1"), 1);
}

/* ---- lookup caches ---- */

static json_t *json(const char *text)
{
    char *copy = apr_pstrdup(f->p, text), *s;
    json_t *v = NULL;

    for (s = copy; *s; ++s) {
        *s = *s == '\'' ? '"' : *s;
    }
    assert_int_equal(flow_json_parse(&v, copy, strlen(copy), NULL), 0);
    return flow_json_own(f->p, v);
}

static apr_status_t write_entries(const char *cache, const char *text)
{
    flow_error_clear(&err);
    return kept->cache_write(kept->baton, cache, json(text), soon(), &err);
}

static const char *entries(const char *cache, const char *wanted,
                           const char *prefix, const char *after)
{
    flow_cache_query_t query = { wanted ? json(wanted) : NULL, prefix, after };
    json_t *list = NULL;

    assert_int_equal(
        kept->cache_read(kept->baton, cache, &query, &list, f->p, &err), 0);
    return text_of(list);
}

static const char *caches(void)
{
    json_t *list = NULL;

    assert_int_equal(kept->caches(kept->baton, &list, f->p, &err), 0);
    return text_of(list);
}

static void a_lookup_cache_keeps_what_was_written_last(void **state)
{
    (void)state;
    assert_int_equal(write_entries("c", "[{'key':'a1','value':'x'},"
                                        "{'key':'a2','value':'yy'},"
                                        "{'key':'b','value':'z'},"
                                        "{'key':'a1','value':'xxx'}]"),
                     0);
    assert_string_equal(entries("c", NULL, NULL, NULL),
                        "[{\"key\":\"a1\",\"value\":\"xxx\"},"
                        "{\"key\":\"a2\",\"value\":\"yy\"},"
                        "{\"key\":\"b\",\"value\":\"z\"}]");
    assert_string_equal(entries("c", "['b','none']", NULL, NULL),
                        "[{\"key\":\"b\",\"value\":\"z\"}]");
    assert_string_equal(entries("c", NULL, "a", "a1"),
                        "[{\"key\":\"a2\",\"value\":\"yy\"}]");
    assert_string_equal(entries("d", NULL, NULL, NULL), "[]");
    assert_string_equal(caches(),
                        "[{\"_id\":\"c\",\"name\":\"c\",\"size\":11}]");
    assert_int_equal(kept->cache_remove(kept->baton, "c",
                                        json("['a1','none','b']"), soon(),
                                        &err),
                     0);
    assert_string_equal(caches(),
                        "[{\"_id\":\"c\",\"name\":\"c\",\"size\":4}]");
    assert_int_equal(kept->cache_remove(kept->baton, "c", NULL, soon(), &err),
                     0);
    assert_string_equal(entries("c", NULL, NULL, NULL), "[]");
    assert_string_equal(caches(), "[]");
}

static void a_lookup_cache_that_is_full_takes_nothing_of_it(void **state)
{
    (void)state;
    assert_int_equal(write_entries("c", "[{'key':'a','value':'x'}]"), 0);
    jobs_fixture_query(f, "UPDATE lookup_cache SET size = 52428795");
    assert_int_not_equal(write_entries("c", "[{'key':'b','value':'x'},"
                                            "{'key':'c','value':'xxxxx'}]"),
                         0);
    assert_string_equal(err.code, "cache_full");
    assert_string_equal(entries("c", NULL, NULL, NULL),
                        "[{\"key\":\"a\",\"value\":\"x\"}]");
    assert_int_equal(write_entries("d", "[{'key':'b','value':'x'}]"), 0);
}

static void an_answer_of_a_lookup_cache_is_bounded(void **state)
{
    json_t *list = json_array(), *entry;
    char *big = apr_palloc(f->p, 1000001);
    flow_cache_query_t query = { NULL, NULL, NULL };
    json_t *found = NULL;
    int i;

    (void)state;
    memset(big, 'v', 1000000);
    big[1000000] = '\0';
    for (i = 0; i < 6; ++i) {
        char key[2] = { (char)('a' + i), '\0' };

        entry = json_object();
        json_object_set_new(entry, "key", flow_json_string_new(key, 1));
        json_object_set_new(entry, "value", flow_json_string_new(big, 1000000));
        json_array_append_new(list, entry);
    }
    assert_int_equal(kept->cache_write(kept->baton, "c", list, soon(), &err),
                     0);
    json_decref(list);
    assert_int_equal(
        kept->cache_read(kept->baton, "c", &query, &found, f->p, &err), 0);
    assert_int_equal(json_array_size(found), 4);
    json_decref(found);
    query.after = "d";
    assert_int_equal(
        kept->cache_read(kept->baton, "c", &query, &found, f->p, &err), 0);
    assert_int_equal(json_array_size(found), 2);
    json_decref(found);
    query.after = NULL;
    query.keys = json("['a','b','c','d','e']");
    assert_int_not_equal(
        kept->cache_read(kept->baton, "c", &query, &found, f->p, &err), 0);
    assert_string_equal(err.code, "too_large");
}

/* ---- the script log ---- */

static void write_line(const char *level, const char *script, const char *text)
{
    flow_script_line_t line = { level, script, NULL,        "an-api",
                                NULL,  text,   strlen(text) };

    kept->log(kept->baton, &line);
}

static json_t *lines(const char *script, int limit)
{
    flow_store_t *store = jobs_fixture_store(f);
    json_t *list = NULL;

    assert_int_equal(
        flow_script_log_list(store, script, limit, &list, f->p, &err), 0);
    flow_store_close(store);
    return flow_json_own(f->p, list);
}

static void lines_of_scripts_are_kept_with_where_they_come_from(void **state)
{
    const json_t *line;
    json_t *list;

    (void)state;
    write_line("info", "s", "one \xe2\x82\xac");
    write_line("error", "t", "two");
    write_line("log", "s", "three");
    flow_script_log_flush(jobs);
    list = lines(NULL, 10);
    assert_int_equal(json_array_size(list), 3);
    line = json_array_get(list, 0);
    assert_string_equal(flow_json_member(line, "message"), "one \xe2\x82\xac");
    assert_string_equal(flow_json_member(line, "level"), "info");
    assert_string_equal(flow_json_member(line, "_scriptId"), "s");
    assert_string_equal(flow_json_member(line, "_apiId"), "an-api");
    assert_null(json_object_get(line, "_jobId"));
    list = lines("s", 1);
    assert_int_equal(json_array_size(list), 1);
    assert_string_equal(flow_json_member(json_array_get(list, 0), "message"),
                        "three");
}

static void the_script_log_is_bounded_and_says_what_it_lost(void **state)
{
    json_t *list;
    int i;

    (void)state;
    jobs_fixture_query(
        f, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
           " WHERE i < 11000) INSERT INTO script_log (id, at, level, text)"
           " SELECT '0' || (100000 + i), i, 'log', 'old' FROM n");
    flow_script_log_trim(jobs, 0);
    assert_string_equal(
        jobs_fixture_query(f, "SELECT COUNT(*) FROM script_log"), "10000");
    flow_script_log_trim(jobs, 10900);
    assert_string_equal(
        jobs_fixture_query(f, "SELECT COUNT(*) FROM script_log"), "101");

    for (i = 0; i < 2600; ++i) {
        write_line("log", "s", "much");
    }
    stop(); /* what waits is stored */
    start();
    list = lines(NULL, 10000);
    assert_true(json_array_size(list) > 2000);
    for (i = 0; i < (int)json_array_size(list); ++i) {
        const char *text =
            flow_json_member(json_array_get(list, (size_t)i), "message");
        if (strstr(text, "lines were lost")) {
            break;
        }
    }
    /* the keeper may have been fast enough for all of them */
    assert_true(i < (int)json_array_size(list) ||
                json_array_size(list) == 2701);
}

/* ---- all of it ---- */

/* What later steps have added goes; what they changed is as it was. */
/* clang-format off */
static const char *const first_schema[] = {
    "DROP TABLE lookup_cache",
    "DROP TABLE lookup_entry",
    "DROP TABLE script_log",
    "DROP TABLE error_data",
    "ALTER TABLE event DROP COLUMN replayed_at",
    "DROP TABLE event_key",
    "DROP TABLE record_lock",
    "DROP TABLE schedule",
    "DROP TABLE credential",
    "DROP TABLE job",
    "DROP TABLE job_error",
    "CREATE TABLE job (id TEXT PRIMARY KEY NOT NULL, type TEXT NOT NULL,"
    " flow_id TEXT NOT NULL, export_id TEXT, event_id TEXT,"
    " status TEXT NOT NULL, priority INTEGER NOT NULL DEFAULT 0,"
    " collect INTEGER NOT NULL DEFAULT 0, checkpoint TEXT,"
    " num_success BIGINT NOT NULL DEFAULT 0,"
    " num_error BIGINT NOT NULL DEFAULT 0,"
    " num_ignore BIGINT NOT NULL DEFAULT 0,"
    " num_export BIGINT NOT NULL DEFAULT 0,"
    " num_pages_generated BIGINT NOT NULL DEFAULT 0,"
    " num_pages_processed BIGINT NOT NULL DEFAULT 0,"
    " done_exporting INTEGER NOT NULL DEFAULT 0, created BIGINT NOT NULL,"
    " started BIGINT NOT NULL DEFAULT 0, ended BIGINT NOT NULL DEFAULT 0,"
    " modified BIGINT NOT NULL, owner TEXT,"
    " lease_until BIGINT NOT NULL DEFAULT 0,"
    " attempts INTEGER NOT NULL DEFAULT 0, error_code TEXT,"
    " error_message TEXT) WITHOUT ROWID",
    "CREATE INDEX job_queued ON job (status, flow_id, priority DESC, created,"
    " id) WHERE status = 'queued'",
    "CREATE UNIQUE INDEX job_running ON job (flow_id)"
    " WHERE status = 'running'",
    "CREATE INDEX job_final ON job (status, ended)"
    " WHERE status IN ('completed', 'failed', 'canceled')",
    "CREATE TABLE job_error (id TEXT PRIMARY KEY NOT NULL,"
    " job_id TEXT NOT NULL, flow_id TEXT NOT NULL, step_id TEXT NOT NULL,"
    " step_index INTEGER NOT NULL, occurred_at BIGINT NOT NULL,"
    " code TEXT NOT NULL, message TEXT NOT NULL, source TEXT NOT NULL,"
    " trace_key TEXT, classification TEXT, retry_data TEXT,"
    " resolved_at BIGINT NOT NULL DEFAULT 0, resolved_by TEXT)",
    "CREATE INDEX job_error_job ON job_error (job_id)",
    "INSERT INTO job_error (id, job_id, flow_id, step_id, step_index,"
    " occurred_at, code, message, source, retry_data)"
    " VALUES ('e', 'j', 'f', 'i', 1, 1, 'c', 'm', 's', '{}')",
    "UPDATE meta SET value = '1' WHERE name = 'schema'",
    NULL
};
/* clang-format on */

static void a_store_of_the_first_schema_is_brought_up_to_date(void **state)
{
    int i;

    (void)state;
    put("", "a", "1");
    stop();
    for (i = 0; first_schema[i]; ++i) {
        char sql[4096], *end;

        apr_cpystrn(sql, first_schema[i], sizeof(sql));
        end = strstr(sql, " WITHOUT ROWID");
        if (end && flow_store_is_shared(jobs_fixture_driver())) {
            *end = '\0'; /* SQLite's alone */
        }
        assert_string_equal(jobs_fixture_query(f, sql), "");
    }
    start();
    /* what an error could be retried with has found its new place */
    assert_string_equal(
        jobs_fixture_query(f, "SELECT kind || text || has_retry FROM error_data"
                              " JOIN job_error ON id = error_id"),
        "retry{}1");
    assert_string_equal(get("", "a"), "1");
    assert_int_equal(write_entries("c", "[{'key':'a','value':'x'}]"), 0);
    write_line("info", "s", "again");
    flow_script_log_flush(jobs);
    assert_int_equal(json_array_size(lines("s", 5)), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(state_survives_a_restart),
        TEST(state_is_removed_by_key_and_by_scope),
        TEST(a_scope_has_a_limit_of_keys),
        TEST(a_lookup_cache_keeps_what_was_written_last),
        TEST(a_lookup_cache_that_is_full_takes_nothing_of_it),
        TEST(an_answer_of_a_lookup_cache_is_bounded),
        TEST(lines_of_scripts_are_kept_with_where_they_come_from),
        TEST(the_script_log_is_bounded_and_says_what_it_lost),
        TEST(a_store_of_the_first_schema_is_brought_up_to_date),
    };

    apr_initialize();
    return JOBS_FIXTURE_BOTH(tests);
}
