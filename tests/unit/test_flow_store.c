/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "jobs/flow_owner.h"
#include "jobs/flow_store.h"
#include "jobs_fixture.h"

static int setup(void **state)
{
    jobs_fixture_t *f = jobs_fixture_new();

    *state = f;
    return f ? 0 : -1;
}

static int teardown(void **state)
{
    jobs_fixture_free(*state);
    return 0;
}

static void an_unknown_driver_is_told_what_works(void **state)
{
    jobs_fixture_t *f = *state;
    flow_error_t err = FLOW_ERROR_INIT;

    f->settings.driver = "mysql";
    assert_int_not_equal(flow_jobs_prepare(&f->settings, f->p, &err),
                         APR_SUCCESS);
    assert_int_equal(err.kind, FLOW_E_CONFIG);
    assert_string_equal(
        err.message, "there is no store driver 'mysql'; use sqlite3 or pgsql");
}

static void the_file_is_for_its_owner_only_and_uses_wal(void **state)
{
    jobs_fixture_t *f = *state;
    flow_store_t *store = jobs_fixture_store(f);
    struct stat st;

    assert_non_null(store);
    assert_int_equal(stat(f->file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    flow_store_close(store);
    assert_string_equal(jobs_fixture_query(f, "PRAGMA journal_mode"), "wal");
}

static void migrating_twice_changes_nothing(void **state)
{
    jobs_fixture_t *f = *state;
    flow_error_t err = FLOW_ERROR_INIT;
    flow_store_t *store = jobs_fixture_store(f);
    const char *before =
        jobs_fixture_query(f, "SELECT group_concat(sql) FROM sqlite_master");

    assert_string_equal(
        jobs_fixture_query(f, "SELECT value FROM meta WHERE name = 'schema'"),
        "8");
    assert_int_equal(flow_store_migrate("sqlite3", f->file, &err), APR_SUCCESS);
    assert_int_equal(flow_store_migrate("sqlite3", f->file, &err), APR_SUCCESS);
    assert_int_equal(flow_store_check(store, &err), APR_SUCCESS);
    assert_string_equal(
        jobs_fixture_query(f, "SELECT group_concat(sql) FROM sqlite_master"),
        before);
    flow_store_close(store);
}

/* A store of schema 6, as it was before jobs had places. */
static void jobs_of_an_older_schema_go_on(void **state)
{
    static const char *const back[] = {
        "DROP INDEX job_preparing",
        "DROP INDEX error_open_code",
        "DROP INDEX error_resolved_job",
        "DROP INDEX error_resolved_code",
        "DROP INDEX event_key_event",
        "ALTER TABLE event_key DROP COLUMN repeats",
        "ALTER TABLE event DROP COLUMN replayed_at",
        "DROP INDEX job_running",
        "DROP INDEX job_final",
        "ALTER TABLE job DROP COLUMN place",
        "CREATE UNIQUE INDEX job_running ON job (flow_id)"
        " WHERE status = 'running'",
        "CREATE INDEX job_final ON job (status, ended)"
        " WHERE status IN ('completed', 'failed', 'canceled')",
        "UPDATE meta SET value = '6' WHERE name = 'schema'",
        "INSERT INTO job (id, type, flow_id, status, created, modified, ended)"
        " VALUES ('1', 'flow', 'a', 'running', 1, 1, 0),"
        " ('2', 'flow', 'a', 'queued', 2, 2, 0),"
        " ('3', 'flow', 'b', 'failed', 3, 3, 3)"
    };
    jobs_fixture_t *f = *state;
    flow_error_t err = FLOW_ERROR_INIT;
    size_t i;

    flow_store_close(jobs_fixture_store(f));
    for (i = 0; i < sizeof(back) / sizeof(back[0]); ++i) {
        assert_string_equal(jobs_fixture_query(f, back[i]), "");
    }
    assert_int_equal(flow_store_migrate("sqlite3", f->file, &err), APR_SUCCESS);
    assert_string_equal(
        jobs_fixture_query(f, "SELECT value FROM meta WHERE name = 'schema'"),
        "8");
    assert_string_equal(jobs_fixture_query(f, "SELECT sum(place) FROM job"),
                        "0");
    assert_string_equal(
        jobs_fixture_query(f, "SELECT count(*) FROM job WHERE ended > 0"
                              " AND status = 'failed'"),
        "1");
    /* the rule about running jobs still stands */
    assert_non_null(
        strstr(jobs_fixture_query(f, "UPDATE job SET status = 'running'"
                                     " WHERE id = '2'"),
               "UNIQUE"));
}

static void several_processes_migrate_at_once(void **state)
{
    jobs_fixture_t *f = *state;
    int i, status, gate[2];
    char c = 0;

    assert_int_equal(pipe(gate), 0);
    for (i = 0; i < 6; ++i) {
        if (fork() == 0) {
            flow_error_t err = FLOW_ERROR_INIT;
            apr_status_t rv;

            close(gate[1]);
            if (read(gate[0], &c, 1) < 0) {
                _exit(3);
            }
            rv = flow_jobs_prepare(&f->settings, f->p, &err);
            if (rv != APR_SUCCESS) {
                fprintf(stderr, "%s\n", err.message);
            }
            _exit(rv == APR_SUCCESS ? 0 : 1);
        }
    }
    close(gate[0]);
    close(gate[1]); /* they are off */
    for (i = 0; i < 6; ++i) {
        assert_true(wait(&status) > 0);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    assert_string_equal(jobs_fixture_query(f, "SELECT count(*) FROM meta"),
                        "1");
}

static void a_newer_store_is_refused(void **state)
{
    jobs_fixture_t *f = *state;
    flow_error_t err = FLOW_ERROR_INIT;

    flow_store_close(jobs_fixture_store(f));
    jobs_fixture_query(f, "UPDATE meta SET value = '99'");
    assert_int_not_equal(flow_jobs_prepare(&f->settings, f->p, &err),
                         APR_SUCCESS);
    assert_int_equal(err.kind, FLOW_E_CONFIG);
    assert_non_null(strstr(err.message, "has schema 99"));
    assert_non_null(strstr(err.message, f->file));
}

static void a_file_that_is_no_database_is_not_touched(void **state)
{
    static const char text[] = "this is a letter to my aunt, and not a database"
                               " of any kind, however long one looks at it....";
    jobs_fixture_t *f = *state;
    flow_error_t err = FLOW_ERROR_INIT;
    char back[sizeof(text)] = "";
    FILE *file = fopen(f->file, "w");

    fwrite(text, 1, sizeof(text) - 1, file);
    fclose(file);
    assert_int_not_equal(flow_jobs_prepare(&f->settings, f->p, &err),
                         APR_SUCCESS);
    assert_non_null(strstr(err.message, "not a database"));
    file = fopen(f->file, "r");
    assert_int_equal(fread(back, 1, sizeof(text), file), sizeof(text) - 1);
    fclose(file);
    assert_string_equal(back, text);
}

static void values_come_back_as_they_went_in(void **state)
{
    static const char insert[] =
        "INSERT INTO state (scope, name, value) VALUES (%s, %s, %s)";
    static const char read[] =
        "SELECT value, NULL, 9223372036854775807 FROM state WHERE name = %s";
    jobs_fixture_t *f = *state;
    flow_store_t *store = jobs_fixture_store(f);
    flow_error_t err = FLOW_ERROR_INIT;
    const char *big = apr_psprintf(f->p, "%0100000d\xc3\xa9'\"%%s", 7);
    flow_rows_t rows;
    int n = 0;

    assert_int_equal(flow_store_begin(store, -1, &err), 0);
    assert_int_equal(
        flow_store_exec(store, insert, FLOW_SQL("a", "b", big), &n, &err), 0);
    assert_int_equal(n, 1);
    assert_int_equal(flow_store_commit(store, &err), 0);
    assert_int_equal(
        flow_store_select(store, &rows, read, FLOW_SQL("b"), f->p, &err), 0);
    assert_true(flow_rows_next(&rows));
    assert_string_equal(flow_rows_text(&rows, 0), big);
    assert_null(flow_rows_text(&rows, 1));
    assert_int_equal(flow_rows_int(&rows, 1), 0);
    assert_true(flow_rows_int(&rows, 2) == APR_INT64_MAX);
    assert_false(flow_rows_next(&rows));
    flow_store_close(store);
}

static void a_constraint_is_refused_and_leaves_the_handle_good(void **state)
{
    static const char insert[] =
        "INSERT INTO state (scope, name, value) VALUES (%s, %s, %s)";
    jobs_fixture_t *f = *state;
    flow_store_t *store = jobs_fixture_store(f);
    flow_error_t err = FLOW_ERROR_INIT;

    assert_int_equal(flow_store_begin(store, -1, &err), 0);
    assert_int_not_equal(
        flow_store_exec(store, insert, FLOW_SQL("a", "b", NULL), NULL, &err),
        0);
    assert_string_equal(err.code, "store_refused");
    assert_int_equal(err.kind, FLOW_E_INTERNAL);
    assert_false(flow_store_is_broken(store));
    flow_store_rollback(store);
    flow_error_clear(&err);
    assert_int_equal(flow_store_begin(store, -1, &err), 0);
    assert_int_equal(
        flow_store_exec(store, insert, FLOW_SQL("a", "b", "c"), NULL, &err), 0);
    assert_int_equal(flow_store_commit(store, &err), 0);
    flow_store_close(store);
    assert_string_equal(jobs_fixture_query(f, "SELECT count(*) FROM state"),
                        "1");
}

static void a_full_disk_is_called_so(void **state)
{
    static const char limit[] = "PRAGMA max_page_count=40";
    static const char insert[] =
        "INSERT INTO state (scope, name, value) VALUES (%s, %s, %s)";
    jobs_fixture_t *f = *state;
    flow_store_t *store = jobs_fixture_store(f);
    flow_error_t err = FLOW_ERROR_INIT;
    const char *big = apr_psprintf(f->p, "%0500000d", 7);
    flow_rows_t rows;

    assert_int_equal(
        flow_store_select(store, &rows, limit, FLOW_SQL_NONE, f->p, &err), 0);
    assert_int_equal(flow_store_begin(store, -1, &err), 0);
    assert_int_not_equal(
        flow_store_exec(store, insert, FLOW_SQL("a", "b", big), NULL, &err), 0);
    assert_string_equal(err.code, "store_full");
    assert_int_equal(err.kind, FLOW_E_UNAVAILABLE);
    assert_true(flow_store_is_broken(store));
    flow_store_rollback(store);
    flow_store_close(store);
}

static void a_writer_waits_for_another_one_but_not_for_ever(void **state)
{
    jobs_fixture_t *f = *state;
    flow_store_t *one = jobs_fixture_store(f), *two = jobs_fixture_store(f);
    flow_error_t err = FLOW_ERROR_INIT;
    apr_time_t began;

    assert_int_equal(flow_store_begin(one, -1, &err), 0);
    began = apr_time_now();
    assert_int_not_equal(flow_store_begin(two, 30000, &err), 0);
    assert_true(apr_time_now() - began >= 30000);
    assert_true(apr_time_now() - began < 2000000);
    assert_int_equal(err.kind, FLOW_E_UNAVAILABLE);
    flow_store_rollback(one);
    flow_error_clear(&err);
    assert_int_equal(flow_store_begin(two, 30000, &err), 0);
    flow_store_rollback(two);
    flow_store_close(one);
    flow_store_close(two);
}

static void an_owner_is_alive_dead_or_elsewhere(void **state)
{
    jobs_fixture_t *f = *state;
    char *mine = flow_owner_new(f->p), *other, *colon;
    int status, fds[2], i;
    char theirs[200] = "";
    pid_t pid;

    assert_int_equal(flow_owner_state(mine, 1), FLOW_OWNER_ALIVE);
    assert_string_not_equal(mine, flow_owner_new(f->p));

    assert_int_equal(pipe(fds), 0);
    pid = fork();
    if (!pid) {
        char *text = flow_owner_new(f->p);

        if (write(fds[1], text, strlen(text)) > 0) {
            pause();
        }
        _exit(1);
    }
    assert_true(read(fds[0], theirs, sizeof(theirs) - 1) > 0);
    assert_int_equal(flow_owner_state(theirs, 1), FLOW_OWNER_ALIVE);
    kill(pid, SIGKILL);
    for (i = 0; i < 500 && flow_owner_state(theirs, 1) != FLOW_OWNER_DEAD;
         ++i) {
        apr_sleep(10000);
    }
    assert_true(i < 500); /* dead although it is a zombie still */
    waitpid(pid, &status, 0);
    assert_int_equal(flow_owner_state(theirs, 1), FLOW_OWNER_DEAD);
    close(fds[0]);
    close(fds[1]);

    /* the same pid, started at another time */
    other = apr_pstrdup(f->p, mine);
    colon = strrchr(other, ':');
    colon[-1] = colon[-1] == '1' ? '2' : '1';
    assert_int_equal(flow_owner_state(other, 1), FLOW_OWNER_DEAD);

    /* another boot: dead where the store is local, else nobody knows */
    other = apr_pstrdup(f->p, mine);
    other[0] = other[0] == 'a' ? 'b' : 'a';
    assert_int_equal(flow_owner_state(other, 1), FLOW_OWNER_DEAD);
    assert_int_equal(flow_owner_state(other, 0), FLOW_OWNER_UNKNOWN);

    /* another pid namespace, and rubbish */
    colon = strchr(mine, ':');
    other = apr_psprintf(f->p, "%.*s:1:%s", (int)(colon - mine), mine,
                         strchr(colon + 1, ':') + 1);
    assert_int_equal(flow_owner_state(other, 1), FLOW_OWNER_UNKNOWN);
    other = apr_psprintf(f->p, "%.*s:x", (int)(colon - mine), mine);
    assert_int_equal(flow_owner_state(other, 1), FLOW_OWNER_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(an_unknown_driver_is_told_what_works),
        TEST(the_file_is_for_its_owner_only_and_uses_wal),
        TEST(migrating_twice_changes_nothing),
        TEST(jobs_of_an_older_schema_go_on),
        TEST(several_processes_migrate_at_once),
        TEST(a_newer_store_is_refused),
        TEST(a_file_that_is_no_database_is_not_touched),
        TEST(values_come_back_as_they_went_in),
        TEST(a_constraint_is_refused_and_leaves_the_handle_good),
        TEST(a_full_disk_is_called_so),
        TEST(a_writer_waits_for_another_one_but_not_for_ever),
        TEST(an_owner_is_alive_dead_or_elsewhere),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
