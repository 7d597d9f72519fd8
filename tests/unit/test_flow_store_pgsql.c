/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "jobs/flow_store.h"
#include "jobs_fixture.h"

static const char insert[] =
    "INSERT INTO state (scope, name, value) VALUES (%s, %s, %s)";
static const char update[] =
    "UPDATE state SET value = %s WHERE scope = 'a' AND name = %s";

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

/* ---- without a server ---- */

static void messages_name_the_store_without_its_password(void **state)
{
    static const char *const cases[][2] = {
        { "host=db dbname=flow", "host=db dbname=flow" },
        { "host=db password=s3cret dbname=flow", "host=db  dbname=flow" },
        { "password='s3 \\' cret' host=db", " host=db" },
        { "host=db password = s3cret", "host=db " },
        { "postgresql://me:s3cret@db/flow", "postgresql://me@db/flow" },
        { "postgresql://me@db/flow?password=s3cret&x=1",
          "postgresql://me@db/flow?&x=1" },
    };
    apr_pool_t *p;
    size_t i;

    (void)state;
    apr_pool_create(&p, NULL);
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        assert_string_equal(flow_store_name("pgsql", cases[i][0], p),
                            cases[i][1]);
    }
    apr_pool_destroy(p);
}

static void who_cannot_be_reached_is_unavailable(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_store_t *store = NULL;

    (void)state;
    assert_int_not_equal(
        flow_store_open(&store, "pgsql",
                        "host=/nowhere password=s3cret dbname=x", &err),
        0);
    assert_null(store);
    assert_int_equal(err.kind, FLOW_E_UNAVAILABLE);
    assert_string_equal(err.code, "store_unavailable");
    assert_null(strstr(err.message, "s3cret"));
}

/* ---- with one ---- */

static void put(flow_store_t *store, const char *name)
{
    flow_error_t err = FLOW_ERROR_INIT;

    assert_int_equal(flow_store_begin(store, -1, &err), 0);
    assert_int_equal(
        flow_store_exec(store, insert, FLOW_SQL("a", name, "x"), NULL, &err),
        0);
    assert_int_equal(flow_store_commit(store, &err), 0);
}

static void a_constraint_is_refused_and_the_handle_stays_good(void **state)
{
    jobs_fixture_t *f = *state;
    flow_store_t *store = jobs_fixture_store(f);
    flow_error_t err = FLOW_ERROR_INIT;

    put(store, "b");
    assert_int_equal(flow_store_begin(store, -1, &err), 0);
    assert_int_not_equal(
        flow_store_exec(store, insert, FLOW_SQL("a", "b", "y"), NULL, &err), 0);
    assert_string_equal(err.code, "store_refused");
    assert_int_equal(err.kind, FLOW_E_INTERNAL);
    assert_non_null(strstr(err.message, "23505"));
    assert_false(flow_store_is_broken(store));
    /* PostgreSQL would say that this COMMIT went well */
    flow_error_clear(&err);
    assert_int_not_equal(flow_store_commit(store, &err), 0);
    assert_string_equal(err.code, "store_refused");
    put(store, "c");
    flow_store_close(store);
    assert_string_equal(jobs_fixture_query(f, "SELECT count(*) FROM state"),
                        "2");
}

typedef struct other_t {
    flow_store_t *store;
    pthread_barrier_t *both;
    int conflict;
    apr_status_t rv;
} other_t;

/* The one locks x then y, the other y then x. */
static void cross(other_t *o, const char *first, const char *second)
{
    flow_error_t err = FLOW_ERROR_INIT;

    assert_int_equal(flow_store_begin(o->store, -1, &err), 0);
    assert_int_equal(
        flow_store_exec(o->store, update, FLOW_SQL("1", first), NULL, &err), 0);
    pthread_barrier_wait(o->both);
    o->rv =
        flow_store_exec(o->store, update, FLOW_SQL("2", second), NULL, &err);
    o->conflict = flow_store_is_conflict(o->store);
    if (o->rv == 0) {
        o->rv = flow_store_commit(o->store, &err);
    }
    else {
        flow_store_rollback(o->store);
    }
}

static void *cross_other(void *data)
{
    cross(data, "y", "x");
    return NULL;
}

static void a_deadlock_is_a_conflict_and_nothing_is_broken(void **state)
{
    jobs_fixture_t *f = *state;
    pthread_barrier_t both;
    other_t one = { jobs_fixture_store(f), &both };
    other_t two = { jobs_fixture_store(f), &both };
    pthread_t thread;

    put(one.store, "x");
    put(one.store, "y");
    pthread_barrier_init(&both, NULL, 2);
    pthread_create(&thread, NULL, cross_other, &two);
    cross(&one, "x", "y");
    pthread_join(thread, NULL);
    assert_true((one.rv == 0) != (two.rv == 0));
    assert_true(one.conflict != two.conflict);
    assert_false(flow_store_is_broken(one.store));
    assert_false(flow_store_is_broken(two.store));
    put(one.store, "more");
    put(two.store, "still more");
    flow_store_close(one.store);
    flow_store_close(two.store);
}

static void a_session_that_is_cut_breaks_the_handle(void **state)
{
    static const char who[] = "SELECT pg_backend_pid()";
    jobs_fixture_t *f = *state;
    flow_store_t *store = jobs_fixture_store(f);
    flow_error_t err = FLOW_ERROR_INIT;
    flow_rows_t rows;

    assert_int_equal(
        flow_store_select(store, &rows, who, FLOW_SQL_NONE, f->p, &err), 0);
    assert_true(flow_rows_next(&rows));
    jobs_fixture_query(f, apr_psprintf(f->p, "SELECT pg_terminate_backend(%s)",
                                       flow_rows_text(&rows, 0)));
    assert_int_not_equal(flow_store_begin(store, -1, &err), 0);
    assert_int_equal(err.kind, FLOW_E_UNAVAILABLE);
    assert_true(flow_store_is_broken(store));
    flow_store_close(store);
}

static void null_is_null_and_the_end_is_the_end(void **state)
{
    static const char read[] = "SELECT NULL, '', value FROM state"
                               " WHERE name = %s LIMIT %lld";
    jobs_fixture_t *f = *state;
    flow_store_t *store = jobs_fixture_store(f);
    flow_error_t err = FLOW_ERROR_INIT;
    apr_int64_t most = 5;
    const char *value;
    flow_rows_t rows;

    put(store, "b");
    assert_int_equal(
        flow_store_select(store, &rows, read, FLOW_SQL("b", &most), f->p, &err),
        0);
    assert_true(flow_rows_next(&rows));
    assert_null(flow_rows_text(&rows, 0));
    assert_string_equal(flow_rows_text(&rows, 1), "");
    value = flow_rows_text(&rows, 2);
    assert_false(flow_rows_next(&rows));
    assert_false(flow_rows_next(&rows));
    assert_string_equal(value, "x"); /* past the end it is still there */
    flow_store_close(store);
}

static void what_is_not_utf8_is_stored_repaired(void **state)
{
    jobs_fixture_t *f = *state;
    flow_store_t *store = jobs_fixture_store(f);

    put(store, "lone \xed\xa0\xbd and \xff");
    flow_store_close(store);
    assert_non_null(strstr(jobs_fixture_query(f, "SELECT name FROM state"),
                           "and \xef\xbf\xbd"));
}

static void rows_in_bulk_are_all_there(void **state)
{
    static const flow_insert_t into = {
        "INSERT INTO state (scope, name, value) VALUES (%s, %s, %s)",
        "INSERT INTO state (scope, name, value) VALUES " FLOW_TIMES_16(
            "(%s, %s, %s)"),
        3
    };
    jobs_fixture_t *f = *state;
    flow_store_t *store = jobs_fixture_store(f);
    flow_error_t err = FLOW_ERROR_INIT;
    int i, bulk;

    for (bulk = 0; bulk < 2; ++bulk) {
        assert_int_equal(flow_store_begin(store, -1, &err), 0);
        flow_store_set_bulk(store, bulk);
        for (i = 0; i < 37; ++i) {
            assert_int_equal(
                flow_store_insert(
                    store, &into,
                    FLOW_SQL("a", apr_psprintf(f->p, "%d-%d", bulk, i), "x"),
                    &err),
                0);
        }
        assert_int_equal(flow_store_commit(store, &err), 0);
    }
    flow_store_close(store);
    assert_string_equal(jobs_fixture_query(f, "SELECT count(*) FROM state"),
                        "74");
}

static void several_processes_migrate_at_once(void **state)
{
    jobs_fixture_t *f = *state;
    int i, status;

    for (i = 0; i < 6; ++i) {
        if (fork() == 0) {
            flow_error_t err = FLOW_ERROR_INIT;
            apr_status_t rv = flow_store_migrate("pgsql", f->params, &err);

            if (rv != APR_SUCCESS) {
                fprintf(stderr, "%s\n", err.message);
            }
            _exit(rv == APR_SUCCESS ? 0 : 1);
        }
    }
    for (i = 0; i < 6; ++i) {
        assert_true(wait(&status) > 0);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    assert_string_equal(
        jobs_fixture_query(f,
                           "SELECT count(*) FROM meta WHERE name = 'schema'"),
        "1");
}

static void a_newer_store_is_refused(void **state)
{
    jobs_fixture_t *f = *state;
    flow_error_t err = FLOW_ERROR_INIT;

    flow_store_close(jobs_fixture_store(f));
    jobs_fixture_query(f, "UPDATE meta SET value = '99' WHERE name = 'schema'");
    assert_int_not_equal(flow_jobs_prepare(&f->settings, f->p, &err), 0);
    assert_int_equal(err.kind, FLOW_E_CONFIG);
    assert_non_null(strstr(err.message, "has schema 99"));
}

int main(void)
{
    const struct CMUnitTest alone[] = {
        cmocka_unit_test(messages_name_the_store_without_its_password),
        cmocka_unit_test(who_cannot_be_reached_is_unavailable),
    };
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(a_constraint_is_refused_and_the_handle_stays_good),
        TEST(a_deadlock_is_a_conflict_and_nothing_is_broken),
        TEST(a_session_that_is_cut_breaks_the_handle),
        TEST(null_is_null_and_the_end_is_the_end),
        TEST(what_is_not_utf8_is_stored_repaired),
        TEST(rows_in_bulk_are_all_there),
        TEST(several_processes_migrate_at_once),
        TEST(a_newer_store_is_refused),
    };
    flow_error_t err = FLOW_ERROR_INIT;
    apr_pool_t *p;
    int failed;

    apr_initialize();
    apr_pool_create(&p, NULL);
    flow_store_global_init("pgsql", p, &err);
    failed = cmocka_run_group_tests_name("alone", alone, NULL, NULL);
    if (jobs_fixture_use("pgsql")) {
        failed += cmocka_run_group_tests(tests, NULL, NULL);
    }
    return failed;
}
