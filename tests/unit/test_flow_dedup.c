/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <apr_general.h>

#include <sys/wait.h>
#include <unistd.h>

#include <apr_strings.h>

#include "data/flow_json.h"
#include "flow/flow_webhook_private.h"
#include "jobs/flow_dedup.h"
#include "jobs/flow_event.h"
#include "jobs/flow_jobs_private.h"
#include "jobs_fixture.h"

typedef struct fixture_t {
    jobs_fixture_t *f;
    flow_store_t *store;
    apr_pool_t *child;
    flow_jobs_t *jobs;
    flow_webhook_t webhook;
    flow_error_t err;
} fixture_t;

static int setup(void **state)
{
    jobs_fixture_t *f = jobs_fixture_new();
    fixture_t *x = f ? apr_pcalloc(f->p, sizeof(*x)) : NULL;

    if (!x) {
        return -1;
    }
    x->f = f;
    jobs_fixture_flow(f, "one", "hook", 1);
    jobs_fixture_flow(f, "two", "hook", 1);
    x->webhook.id_window = apr_time_from_sec(60);
    ((flow_export_t *)jobs_fixture_export(f, "hook"))->webhook = &x->webhook;
    x->store = jobs_fixture_store(f);
    *state = x;
    return x->store ? 0 : -1;
}

static void start(fixture_t *x)
{
    apr_pool_create(&x->child, NULL);
    assert_int_equal(flow_jobs_start(&x->jobs, &x->f->settings, &x->f->env,
                                     x->child, &x->err),
                     0);
}

static int teardown(void **state)
{
    fixture_t *x = *state;

    if (x->child) {
        apr_pool_destroy(x->child);
    }
    flow_store_close(x->store);
    jobs_fixture_free(x->f);
    return 0;
}

static int claim(fixture_t *x, const char *key, apr_time_t now,
                 apr_time_t until, char *id)
{
    int is_known = -1;

    assert_int_equal(flow_store_begin(x->store, -1, &x->err), 0);
    assert_int_equal(flow_dedup_claim(x->store, "hook", key, now, until, id,
                                      &is_known, &x->err),
                     0);
    assert_int_equal(flow_store_commit(x->store, &x->err), 0);
    return is_known;
}

static void a_claim_holds_until_its_time_is_over(void **state)
{
    fixture_t *x = *state;
    char id[FLOW_ID_SIZE] = "first";
    int n = 0;

    assert_int_equal(claim(x, "k", 100, 200, id), 0);
    apr_cpystrn(id, "second", sizeof(id));
    assert_int_equal(claim(x, "k", 150, 250, id), 1);
    assert_string_equal(id, "first");
    apr_cpystrn(id, "third", sizeof(id));
    assert_int_equal(claim(x, "k", 200, 300, id), 0);
    assert_string_equal(id, "third");
    apr_cpystrn(id, "fourth", sizeof(id));
    assert_int_equal(claim(x, "k", 299, 400, id), 1);
    assert_string_equal(id, "third");
    apr_cpystrn(id, "other", sizeof(id));
    assert_int_equal(claim(x, "another", 299, 400, id), 0);
    assert_int_equal(flow_store_begin(x->store, -1, &x->err), 0);
    assert_int_equal(flow_dedup_purge(x->store, 350, 10, &n, &x->err), 0);
    assert_int_equal(flow_store_commit(x->store, &x->err), 0);
    assert_int_equal(n, 1);
}

static flow_request_t *event(fixture_t *x, const char *id)
{
    flow_request_t *req = jobs_fixture_request(x->f->p, "{}", 2);

    apr_table_set((apr_table_t *)req->headers, "webhook-id", id);
    return req;
}

static const char *accept_event(fixture_t *x, const char *key)
{
    const char *id = NULL;

    assert_int_equal(flow_jobs_accept(x->jobs,
                                      jobs_fixture_export(x->f, "hook"),
                                      event(x, key), &id, x->f->p, &x->err),
                     0);
    return id;
}

static const char *count(fixture_t *x, const char *table)
{
    return jobs_fixture_query(
        x->f, apr_psprintf(x->f->p, "SELECT count(*) FROM %s", table));
}

static void a_second_delivery_stores_nothing_and_has_the_first_ones_id(
    void **state)
{
    fixture_t *x = *state;
    const char *first, *second;

    start(x);
    first = accept_event(x, "a");
    second = accept_event(x, "a");
    assert_string_equal(first, second);
    assert_string_equal(count(x, "event"), "1");
    assert_string_equal(count(x, "job"), "2");
    assert_int_equal(__atomic_load_n(&x->jobs->waiting, __ATOMIC_RELAXED), 2);
    assert_string_not_equal(accept_event(x, "b"), first);
    assert_string_equal(count(x, "event"), "2");
}

static void no_event_no_claim(void **state)
{
    fixture_t *x = *state;
    const char *id = NULL;

    x->f->settings.queue_limit = 1;
    start(x);
    accept_event(x, "a"); /* two jobs: the queue is full now */
    assert_int_equal(flow_jobs_accept(x->jobs,
                                      jobs_fixture_export(x->f, "hook"),
                                      event(x, "b"), &id, x->f->p, &x->err),
                     APR_EAGAIN);
    assert_string_equal(count(x, "event_key"), "1");
}

/* ---- several processes at the same instant ---- */

#define PROCESSES 4
#define EVENTS    50

static void send_all(fixture_t *x)
{
    flow_jobs_t *jobs;
    apr_pool_t *child;
    int i;

    apr_pool_create(&child, NULL);
    if (flow_jobs_start(&jobs, &x->f->settings, &x->f->env, child, &x->err)) {
        _exit(1);
    }
    for (i = 0; i < EVENTS; ++i) {
        const char *id = NULL;
        char key[20];

        apr_snprintf(key, sizeof(key), "e%d", i);
        if (flow_jobs_accept(jobs, jobs_fixture_export(x->f, "hook"),
                             event(x, key), &id, x->f->p, &x->err) ||
            !id) {
            _exit(2);
        }
    }
    apr_pool_destroy(child);
    _exit(0);
}

static void four_processes_store_each_event_once(void **state)
{
    fixture_t *x = *state;
    int i, status;

    flow_store_close(x->store);
    x->store = NULL;
    for (i = 0; i < PROCESSES; ++i) {
        if (fork() == 0) {
            send_all(x);
        }
    }
    for (i = 0; i < PROCESSES; ++i) {
        assert_true(wait(&status) > 0);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    assert_string_equal(count(x, "event"), apr_itoa(x->f->p, EVENTS));
    assert_string_equal(count(x, "job"), apr_itoa(x->f->p, 2 * EVENTS));
}

/* ---- replay ---- */

static int replay(fixture_t *x, const char *id, const char *flow_id, int *pn)
{
    flow_ids_t ids;
    apr_status_t rv;

    flow_ids_init(&ids);
    assert_int_equal(flow_store_begin(x->store, -1, &x->err), 0);
    rv = flow_event_replay(x->store, id, flow_id, &ids, pn, x->f->p, &x->err);
    assert_int_equal(flow_store_commit(x->store, &x->err), 0);
    return rv;
}

static void a_replay_queues_what_the_event_had_started(void **state)
{
    fixture_t *x = *state;
    const char *id;
    int n = -1;

    start(x);
    id = accept_event(x, "a");
    accept_event(x, "b");
    assert_int_equal(replay(x, id, NULL, &n), 0);
    assert_int_equal(n, 2);
    /* replays of it are not replayed along */
    assert_int_equal(replay(x, id, NULL, &n), 0);
    assert_int_equal(n, 2);
    assert_int_equal(replay(x, id, "three", &n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(replay(x, "nope", NULL, &n), APR_NOTFOUND);
    assert_string_equal(
        jobs_fixture_query(x->f, "SELECT group_concat(flow_id || origin) FROM"
                                 " (SELECT flow_id, origin FROM job WHERE"
                                 " origin IS NOT NULL ORDER BY id) AS t"),
        "onereplay,tworeplay,onereplay,tworeplay,threereplay");
    assert_string_equal(count(x, "event"), "2");
}

static void purge(fixture_t *x, apr_time_t before)
{
    int more;

    assert_int_equal(flow_store_begin(x->store, -1, &x->err), 0);
    assert_int_equal(
        flow_queue_purge(x->store, before, "zz", &more, x->f->p, &x->err), 0);
    assert_int_equal(flow_store_commit(x->store, &x->err), 0);
}

/* A process replays the event while another one deletes what is old, and had
 * found that nobody needs it. */
static void an_event_that_is_replayed_meanwhile_is_not_deleted(void **state)
{
    fixture_t *x = *state;
    int ready[2], status, n;
    const char *id;
    pid_t pid;
    char c;

    start(x);
    id = accept_event(x, "a");
    accept_event(x, "b");
    assert_int_equal(pipe(ready), 0);
    pid = fork();
    if (pid == 0) {
        flow_store_t *mine = NULL;
        flow_ids_t ids;
        int ok;

        flow_ids_init(&ids);
        ok = flow_store_open(&mine, x->f->settings.driver, x->f->params,
                             &x->err) == 0 &&
             flow_store_begin(mine, -1, &x->err) == 0 &&
             flow_event_replay(mine, id, "one", &ids, &n, x->f->p, &x->err) ==
                 0 &&
             write(ready[1], "x", 1) == 1;
        usleep(100000);
        _exit(ok && flow_store_commit(mine, &x->err) == 0 ? 0 : 1);
    }
    assert_int_equal(read(ready[0], &c, 1), 1);
    purge(x, apr_time_now() - apr_time_from_sec(60));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_string_equal(jobs_fixture_query(x->f, "SELECT id FROM event"), id);
    assert_string_equal(count(x, "event"), "1");
    purge(x, apr_time_now() + apr_time_from_sec(60));
    assert_string_equal(count(x, "event"), "0");
    close(ready[0]);
    close(ready[1]);
}

static void events_are_listed_by_time_and_listener(void **state)
{
    fixture_t *x = *state;
    flow_event_filter_t filter = { NULL };
    json_t *list = NULL, *whole = NULL;
    const char *ids[3];
    int i;

    start(x);
    for (i = 0; i < 3; ++i) {
        ids[i] = accept_event(x, apr_itoa(x->f->p, i));
    }
    assert_int_equal(
        flow_event_select(x->store, &filter, 2, &list, x->f->p, &x->err), 0);
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(flow_json_member(json_array_get(list, 0), "_id"),
                        ids[2]);
    json_decref(list);
    filter.oldest_first = 1;
    filter.after = ids[0];
    filter.export_id = "hook";
    assert_int_equal(
        flow_event_select(x->store, &filter, 9, &list, x->f->p, &x->err), 0);
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(flow_json_member(json_array_get(list, 0), "_id"),
                        ids[1]);
    json_decref(list);
    filter.since = apr_time_now() + apr_time_from_sec(5);
    assert_int_equal(
        flow_event_select(x->store, &filter, 9, &list, x->f->p, &x->err), 0);
    assert_int_equal(json_array_size(list), 0);
    json_decref(list);
    assert_int_equal(flow_event_get(x->store, ids[1], &whole, x->f->p, &x->err),
                     0);
    assert_int_equal(json_array_size(json_object_get(whole, "jobs")), 2);
    assert_string_equal(
        flow_json_member(json_object_get(whole, "request"), "body"), "{}");
    json_decref(whole);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_claim_holds_until_its_time_is_over),
        TEST(a_second_delivery_stores_nothing_and_has_the_first_ones_id),
        TEST(no_event_no_claim),
        TEST(four_processes_store_each_event_once),
        TEST(a_replay_queues_what_the_event_had_started),
        TEST(an_event_that_is_replayed_meanwhile_is_not_deleted),
        TEST(events_are_listed_by_time_and_listener),
    };

    apr_initialize();
    return JOBS_FIXTURE_BOTH(tests);
}
