/* SPDX-License-Identifier: Apache-2.0 */
/* size: many short cases over one fixture */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "data/flow_json.h"
#include "jobs/flow_job_list.h"
#include "jobs/flow_owner.h"
#include "jobs/flow_queue.h"
#include "jobs/flow_requeue.h"
#include "jobs_fixture.h"

typedef struct fixture_t {
    jobs_fixture_t *f;
    flow_store_t *store;
    apr_pool_t *p;
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
    x->p = f->p;
    x->store = jobs_fixture_store(f);
    *state = x;
    return x->store ? 0 : -1;
}

static int teardown(void **state)
{
    fixture_t *x = *state;

    flow_store_close(x->store);
    jobs_fixture_free(x->f);
    return 0;
}

static int knows_all(void *baton, const char *flow_id, const char *export_id)
{
    (void)baton;
    (void)export_id;
    return strncmp(flow_id, "unknown", 7) != 0;
}

static void begin(fixture_t *x)
{
    assert_int_equal(flow_store_begin(x->store, -1, &x->err), 0);
}

static void commit(fixture_t *x)
{
    assert_int_equal(flow_store_commit(x->store, &x->err), 0);
}

static void add(fixture_t *x, const char *id, const char *flow_id,
                apr_int64_t priority, apr_time_t created)
{
    flow_new_job_t job = { id, flow_id, .priority = priority };

    begin(x);
    assert_int_equal(flow_queue_job(x->store, &job, created, &x->err), 0);
    commit(x);
}

static flow_job_t *claim_as(fixture_t *x, const char *owner, const char *only,
                            int *pmore)
{
    flow_claim_t claim = { owner, knows_all, NULL, only };

    begin(x);
    assert_int_equal(flow_queue_claim(x->store, &claim, x->p, &x->err), 0);
    commit(x);
    if (pmore) {
        *pmore = claim.more;
    }
    return claim.job;
}

static apr_array_header_t *ids_of(fixture_t *x, const char *a, const char *b)
{
    apr_array_header_t *ids = apr_array_make(x->p, 2, sizeof(const char *));

    APR_ARRAY_PUSH(ids, const char *) = a;
    if (b) {
        APR_ARRAY_PUSH(ids, const char *) = b;
    }
    return ids;
}

static const char *claimed(fixture_t *x)
{
    flow_job_t *job = claim_as(x, "me", NULL, NULL);

    return job ? job->id : "none";
}

static int end_as(fixture_t *x, const char *id, const char *owner,
                  const char *status)
{
    flow_progress_t at = { id, "f", owner };
    int lost = 0;

    begin(x);
    assert_int_equal(
        flow_queue_end(x->store, &at, status, NULL, NULL, NULL, &lost, &x->err),
        0);
    commit(x);
    return !lost;
}

static const char *status_of(fixture_t *x, const char *id)
{
    return jobs_fixture_query(
        x->f, apr_psprintf(x->p, "SELECT status FROM job WHERE id = '%s'", id));
}

static void jobs_come_by_priority_age_and_id(void **state)
{
    fixture_t *x = *state;

    add(x, "4", "d", 0, 200);
    add(x, "3", "c", 0, 100);
    add(x, "2", "b", 0, 100);
    add(x, "1", "a", 5, 900);
    assert_string_equal(claimed(x), "1");
    assert_string_equal(claimed(x), "2");
    assert_string_equal(claimed(x), "3");
    assert_string_equal(claimed(x), "4");
    assert_string_equal(claimed(x), "none");
}

static void a_flow_has_one_running_job(void **state)
{
    fixture_t *x = *state;
    int more = -1;

    add(x, "1", "a", 0, 1);
    add(x, "2", "a", 0, 2);
    add(x, "3", "b", 0, 3);
    assert_string_equal(claim_as(x, "me", NULL, &more)->id, "1");
    assert_int_equal(more, 1); /* 3, not 2 */
    assert_string_equal(claim_as(x, "me", NULL, &more)->id, "3");
    assert_int_equal(more, 0);
    assert_string_equal(claimed(x), "none");
    assert_null(claim_as(x, "me", "2", NULL));
    assert_true(end_as(x, "1", "me", "completed"));
    assert_string_equal(claimed(x), "2");
    /* and the database would not have it otherwise */
    assert_non_null(strcasestr(
        jobs_fixture_query(x->f, "INSERT INTO job (id, type, flow_id, status,"
                                 " created, modified)"
                                 " VALUES ('9', 'flow', 'a', 'running', 1, 1)"),
        "unique"));
}

static void a_slow_flow_does_not_keep_others_waiting(void **state)
{
    fixture_t *x = *state;
    int i;

    add(x, "slow", "a", 0, 1);
    assert_string_equal(claimed(x), "slow");
    begin(x);
    for (i = 0; i < 3000; ++i) {
        flow_new_job_t job = { apr_psprintf(x->p, "a%d", i), "a" };

        assert_int_equal(flow_queue_job(x->store, &job, 2, &x->err), 0);
    }
    commit(x);
    add(x, "quick", "b", 0, 9);
    assert_string_equal(claimed(x), "quick");
}

static void flows_that_nobody_knows_here_stay_queued(void **state)
{
    fixture_t *x = *state;

    add(x, "1", "unknown", 9, 1);
    add(x, "2", "known", 0, 2);
    assert_string_equal(claimed(x), "2");
    assert_string_equal(claimed(x), "none");
    assert_string_equal(status_of(x, "1"), "queued");
}

static void any_number_of_held_flows_hides_no_other(void **state)
{
    fixture_t *x = *state;
    char id[16], flow[24];
    int i, more = 1;

    begin(x);
    for (i = 0; i < 1600; ++i) {
        flow_new_job_t job = { id, flow, .priority = 9 };

        apr_snprintf(id, sizeof(id), "%05d", i);
        apr_snprintf(flow, sizeof(flow), "unknown%05d", i);
        assert_int_equal(flow_queue_job(x->store, &job, 1, &x->err), 0);
        if (i == 1499) {
            commit(x);
            add(x, "known", "a", 0, 2);
            assert_string_equal(claimed(x), "known");
            assert_null(claim_as(x, "me", NULL, &more));
            assert_int_equal(more, 0); /* or workers would never sleep */
            begin(x);
        }
    }
    commit(x);
    add(x, "last", "b", 0, 2);
    assert_string_equal(claimed(x), "last");
    assert_string_equal(claimed(x), "none");
}

static void a_claim_brings_all_that_a_run_needs(void **state)
{
    fixture_t *x = *state;
    flow_new_job_t job = { .id = "1",
                           .flow_id = "a",
                           .export_id = "hook",
                           .event_id = "e",
                           .request = "{\"data\":1}",
                           .collect = 1 };
    flow_job_t *got;

    begin(x);
    assert_int_equal(
        flow_queue_event(x->store, "e", "hook", 7, "{\"m\":1}", &x->err), 0);
    assert_int_equal(flow_queue_job(x->store, &job, 7, &x->err), 0);
    commit(x);
    got = claim_as(x, "me", NULL, NULL);
    assert_string_equal(got->type, "flow");
    assert_string_equal(got->flow_id, "a");
    assert_string_equal(got->export_id, "hook");
    assert_string_equal(got->event_id, "e");
    assert_string_equal(got->event, "{\"m\":1}");
    assert_string_equal(got->request, "{\"data\":1}");
    assert_int_equal(got->collect, 1);
    assert_int_equal(got->attempts, 0);
    assert_null(got->checkpoint);
    assert_true(got->started > 0);
}

static void a_page_is_kept_with_its_counters_and_errors(void **state)
{
    fixture_t *x = *state;
    flow_ids_t ids;
    flow_errors_t *errors;
    flow_record_error_t e = { "imp",         1,    "bad",        "no\xff good",
                              "application", "k1", json_object() };
    flow_progress_t at = { "1", "a", "me", { 3, 1, 2, 6, 1, 1 }, "{\"c\":1}" };
    json_t *list = NULL, *job = NULL, *kept;
    int lost = 1;

    flow_ids_init(&ids);
    errors = flow_errors_create(&ids, x->p);
    add(x, "1", "a", 0, 1);
    claimed(x);
    flow_errors_add(errors, &e);
    json_decref((json_t *)e.retry_data);
    at.errors = errors;
    begin(x);
    assert_int_equal(flow_queue_page(x->store, &at, &lost, &x->err), 0);
    commit(x);
    assert_int_equal(lost, 0);

    assert_int_equal(flow_errors_list(x->store, "1", 10, &list, x->p, &x->err),
                     0);
    assert_int_equal(json_array_size(list), 1);
    kept = json_array_get(list, 0);
    assert_string_equal(flow_json_member(kept, "code"), "bad");
    assert_string_equal(flow_json_member(kept, "message"),
                        "no\xef\xbf\xbd good");
    assert_string_equal(flow_json_member(kept, "traceKey"), "k1");
    assert_string_equal(flow_json_member(kept, "oIndex"), "1");
    assert_string_equal(flow_json_member(kept, "stepId"), "imp");
    assert_string_equal(flow_json_member(kept, "retryDataKey"),
                        flow_json_member(kept, "errorId"));
    json_decref(list);

    assert_int_equal(flow_queue_get(x->store, "1", &job, NULL, x->p, &x->err),
                     0);
    assert_string_equal(
        flow_json_text(json_object_get(job, "numIgnore"), NULL, x->p), "2");
    json_decref(job);
}

static void an_end_is_final(void **state)
{
    static const char *const finals[] = { "completed", "failed", "canceled" };
    fixture_t *x = *state;
    flow_progress_t at = { NULL, "a", "me" };
    apr_array_header_t *held;
    int i, j, lost;

    for (i = 0; i < 3; ++i) {
        char *id = apr_itoa(x->p, i);

        add(x, id, "a", 0, 1);
        assert_string_equal(claimed(x), id);
        assert_false(end_as(x, id, "another", finals[i]));
        assert_true(end_as(x, id, "me", finals[i]));
        at.job_id = id;
        for (j = 0; j < 3; ++j) {
            assert_false(end_as(x, id, "me", finals[j]));
        }
        begin(x);
        assert_int_equal(flow_queue_page(x->store, &at, &lost, &x->err), 0);
        assert_int_equal(lost, 1);
        assert_int_equal(flow_queue_return(x->store, &at, &lost, &x->err), 0);
        assert_int_equal(lost, 1);
        assert_int_equal(flow_queue_heartbeat(x->store, "me",
                                              ids_of(x, "1", NULL), &held, x->p,
                                              &x->err),
                         0);
        assert_int_equal(held->nelts, 0);
        commit(x);
        assert_string_equal(status_of(x, id), finals[i]);
        assert_null(claim_as(x, "me", id, NULL));
    }
}

static void a_job_that_is_handed_back_goes_on_where_it_stood(void **state)
{
    fixture_t *x = *state;
    flow_progress_t at = { "1", "a", "me", { 3, 1, 2, 6, 1, 1 }, "{\"c\":1}" };
    flow_job_t *job;
    int lost = 1;

    add(x, "1", "a", 0, 1);
    claimed(x);
    begin(x);
    assert_int_equal(flow_queue_return(x->store, &at, &lost, &x->err), 0);
    commit(x);
    assert_int_equal(lost, 0);
    assert_string_equal(status_of(x, "1"), "queued");
    job = claim_as(x, "other", NULL, NULL);
    assert_string_equal(job->checkpoint, "{\"c\":1}");
    assert_int_equal(job->counters.success, 3);
    assert_int_equal(job->counters.exported, 6);
    assert_int_equal(job->attempts, 0); /* that was no crash */
}

/* ---- rescue ---- */

static const flow_orphan_t *orphan(fixture_t *x, const char *id)
{
    apr_array_header_t *list;
    int i;

    assert_int_equal(flow_queue_running(x->store, &list, x->p, &x->err), 0);
    for (i = 0; i < list->nelts; ++i) {
        const flow_orphan_t *o = &APR_ARRAY_IDX(list, i, flow_orphan_t);

        if (strcmp(o->id, id) == 0) {
            return o;
        }
    }
    return NULL;
}

static flow_rescue_e rescue(fixture_t *x, const flow_orphan_t *o)
{
    flow_rescue_e what;

    begin(x);
    assert_int_equal(flow_queue_rescue(x->store, o, 1, &what, &x->err), 0);
    commit(x);
    return what;
}

static void three_crashes_set_a_job_aside(void **state)
{
    fixture_t *x = *state;
    json_t *job = NULL, *reason = NULL;
    int i;

    add(x, "1", "a", 0, 1);
    for (i = 1; i <= 3; ++i) {
        assert_string_equal(claimed(x), "1");
        assert_int_equal(rescue(x, orphan(x, "1")),
                         i == 3 ? FLOW_BURIED : FLOW_RESCUED);
    }
    assert_string_equal(status_of(x, "1"), "failed");
    assert_string_equal(claimed(x), "none");
    assert_int_equal(
        flow_queue_get(x->store, "1", &job, &reason, x->p, &x->err), 0);
    assert_string_equal(flow_json_member(reason, "code"), "job_crashed");
    json_decref(job);
    json_decref(reason);
}

/* A claim for a flow of its own and @a followers that need not have one. */
static flow_claim_t *claim_many(fixture_t *x, int followers)
{
    flow_claim_t *list =
        apr_pcalloc(x->p, (size_t)(followers + 1) * sizeof(*list));
    int i, waiting;

    for (i = 0; i <= followers; ++i) {
        list[i].owner = "me";
        list[i].knows = knows_all;
        list[i].p = x->p;
        list[i].may_follow = i > 0;
        list[i].next = i < followers ? &list[i + 1] : NULL;
    }
    begin(x);
    assert_int_equal(flow_queue_claims(x->store, list, FLOW_ALONE_TOO,
                                       flow_candidates_create(x->p), &waiting,
                                       &x->err),
                     0);
    commit(x);
    return list;
}

static const char *ids_in(fixture_t *x, const flow_claim_t *claim)
{
    const char *text = "";

    for (; claim; claim = claim->next) {
        text = apr_pstrcat(x->p, text, claim->after ? ">" : " ",
                           claim->job ? claim->job->id : "-", NULL);
    }
    return text;
}

static void several_jobs_of_a_flow_are_claimed_in_their_order(void **state)
{
    static const char places[] =
        "SELECT group_concat(id || '=' || place) FROM (SELECT id, place"
        " FROM job WHERE status = 'running' ORDER BY id) AS r";
    fixture_t *x = *state;

    add(x, "3", "a", 0, 3);
    add(x, "1", "a", 0, 1);
    add(x, "4", "a", 5, 4);
    add(x, "2", "a", 0, 2);
    assert_string_equal(ids_in(x, claim_many(x, 1)), " 4>1");
    assert_string_equal(ids_in(x, claim_many(x, 5)), " - - - - - -");
    assert_string_equal(jobs_fixture_query(x->f, places), "1=1,4=0");
    /* the first one ends, its place is taken over, nobody gets between */
    assert_true(end_as(x, "4", "me", "completed"));
    begin(x);
    assert_int_equal(flow_queue_heir(x->store, "1", "me", &x->err), 0);
    commit(x);
    assert_string_equal(jobs_fixture_query(x->f, places), "1=0");
    assert_string_equal(claimed(x), "none");
    assert_true(end_as(x, "1", "me", "completed"));
    assert_string_equal(ids_in(x, claim_many(x, 7)), " 2>3 - - - - - -");
    assert_string_equal(status_of(x, "3"), "running");
    assert_int_equal(claim_many(x, 0)->job != NULL, 0);
}

static void a_suspect_follows_nobody(void **state)
{
    fixture_t *x = *state;

    add(x, "1", "a", 0, 1);
    add(x, "2", "a", 0, 2);
    add(x, "3", "a", 0, 3);
    jobs_fixture_query(x->f, "UPDATE job SET attempts = 1 WHERE id = '2'");
    /* and is not overtaken */
    assert_string_equal(ids_in(x, claim_many(x, 4)), " 1 - - - -");
}

static void a_death_is_not_that_of_jobs_that_had_not_begun(void **state)
{
    static const char deaths[] =
        "SELECT group_concat(id || '=' || attempts || '@' || place) FROM"
        " (SELECT id, attempts, place FROM job ORDER BY id) AS r";
    fixture_t *x = *state;
    const flow_orphan_t *o;
    static const char *const ids[] = { "1", "2", "3" };
    int i;

    for (i = 0; i < 3; ++i) {
        add(x, ids[i], "a", 0, i);
    }
    claim_many(x, 2);
    for (i = 2; i >= 0; --i) {
        o = orphan(x, ids[i]);
        assert_int_equal(o->is_behind, i > 0);
        assert_int_equal(rescue(x, o), FLOW_RESCUED);
    }
    assert_string_equal(jobs_fixture_query(x->f, deaths), "1=1@0,2=0@0,3=0@0");
    /* the first one is at its end, then it is the second one */
    jobs_fixture_query(x->f, "UPDATE job SET attempts = 0");
    claim_many(x, 2);
    assert_true(end_as(x, "1", "me", "completed"));
    assert_int_equal(orphan(x, "2")->is_behind, 0);
    assert_int_equal(orphan(x, "3")->is_behind, 1);
}

static void what_follows_is_not_claimed_by_two(void **state)
{
    fixture_t *x = *state;
    int i;

    for (i = 0; i < 30; ++i) {
        add(x, apr_psprintf(x->p, "%02d", i), "a", 0, i);
    }
    assert_string_equal(ids_in(x, claim_many(x, 3)), " 00>01>02>03");
    /* whoever else claims one of them at place 0 meets the index */
    begin(x);
    assert_int_not_equal(
        flow_store_exec(x->store,
                        "UPDATE job SET status = 'running', place = 0"
                        " WHERE id = '07'",
                        FLOW_SQL_NONE, NULL, &x->err),
        0);
    flow_store_rollback(x->store);
}

static flow_claim_t *claim_two(fixture_t *x, flow_alone_e alone, int *pwaiting)
{
    flow_claim_t *two = apr_pcalloc(x->p, 2 * sizeof(*two));
    int i;

    for (i = 0; i < 2; ++i) {
        two[i].owner = "me";
        two[i].knows = knows_all;
        two[i].p = x->p;
    }
    two[0].next = &two[1];
    begin(x);
    assert_int_equal(flow_queue_claims(x->store, two, alone,
                                       flow_candidates_create(x->p), pwaiting,
                                       &x->err),
                     0);
    commit(x);
    return two;
}

static void after_a_death_each_job_runs_alone(void **state)
{
    fixture_t *x = *state;
    flow_claim_t *two;
    int waiting = 0;

    add(x, "1", "a", 0, 1);
    add(x, "2", "b", 0, 2);
    add(x, "3", "c", 0, 3);
    two = claim_two(x, FLOW_ALONE_TOO, &waiting);
    /* in whatever order */
    assert_int_equal(two[0].job->id[0] + two[1].job->id[0], '1' + '2');
    assert_int_equal(two[0].more, 1);
    assert_int_equal(waiting, 0);
    /* the process that ran both dies */
    assert_int_equal(rescue(x, orphan(x, "1")), FLOW_RESCUED);
    assert_int_equal(rescue(x, orphan(x, "2")), FLOW_RESCUED);
    /* where others are running they wait, and nobody waits for them */
    two = claim_two(x, FLOW_ALONE_NOT, &waiting);
    assert_string_equal(two[0].job->id, "3");
    assert_null(two[1].job);
    assert_int_equal(waiting, 1);
    assert_true(end_as(x, "3", "me", "completed"));
    /* where nobody is they run, each by itself */
    two = claim_two(x, FLOW_ALONE_TOO, &waiting);
    assert_string_equal(two[0].job->id, "1");
    assert_null(two[1].job);
    assert_int_equal(two[0].job->attempts, 1);
}

static void who_makes_room_for_a_suspect_takes_it_first(void **state)
{
    fixture_t *x = *state;
    flow_claim_t *two;
    int waiting = 0;

    add(x, "1", "a", 0, 2);
    claimed(x);
    rescue(x, orphan(x, "1"));
    add(x, "2", "b", 9, 1);
    two = claim_two(x, FLOW_ALONE_FIRST, &waiting);
    assert_string_equal(two[0].job->id, "1");
    assert_null(two[1].job);
}

static void death_in_company_is_not_held_against_a_job_so_soon(void **state)
{
    fixture_t *x = *state;
    int i;

    add(x, "1", "a", 0, 1);
    for (i = 1; i <= FLOW_JOB_DEATHS_MOST; ++i) {
        claimed(x);
        jobs_fixture_query(x->f, "UPDATE job SET alone = 0");
        assert_int_equal(rescue(x, orphan(x, "1")), i == FLOW_JOB_DEATHS_MOST
                                                        ? FLOW_BURIED
                                                        : FLOW_RESCUED);
    }
}

static void a_finished_page_clears_a_job_of_suspicion(void **state)
{
    fixture_t *x = *state;
    flow_progress_t at = { "1", "a", "me", { 1 }, "{}" };
    int i, lost;

    add(x, "1", "a", 0, 1);
    for (i = 0; i < 5; ++i) {
        assert_string_equal(claimed(x), "1");
        begin(x);
        assert_int_equal(flow_queue_page(x->store, &at, &lost, &x->err), 0);
        commit(x);
        assert_int_equal(rescue(x, orphan(x, "1")), FLOW_RESCUED);
    }
}

static void an_end_that_was_planned_is_nobodys_fault(void **state)
{
    fixture_t *x = *state;
    int i;

    add(x, "1", "a", 0, 1);
    for (i = 0; i < 5; ++i) {
        flow_job_t *job = claim_as(x, "me", NULL, NULL);

        assert_non_null(job);
        assert_int_equal(job->attempts, 0);
        begin(x);
        assert_int_equal(flow_queue_leave(x->store, "me", &x->err), 0);
        commit(x);
        assert_int_equal(rescue(x, orphan(x, "1")), FLOW_RESCUED);
    }
}

/* ---- cancel ---- */

static const char *cancel(fixture_t *x, const char *id)
{
    const char *status = NULL;
    apr_status_t rv;

    begin(x);
    rv = flow_queue_cancel(x->store, id, &status, x->p, &x->err);
    commit(x);
    return rv == APR_NOTFOUND ? "unknown" : status;
}

static void who_waits_is_canceled_at_once_and_who_runs_is_asked(void **state)
{
    fixture_t *x = *state;
    json_t *job = NULL, *reason = NULL;

    add(x, "1", "a", 0, 1);
    add(x, "2", "a", 0, 2);
    assert_string_equal(claimed(x), "1");
    assert_string_equal(cancel(x, "2"), "canceled");
    assert_string_equal(status_of(x, "2"), "canceled");
    assert_string_equal(cancel(x, "2"), "canceled");
    assert_string_equal(cancel(x, "1"), "canceling");
    assert_string_equal(cancel(x, "1"), "canceling");
    assert_int_equal(orphan(x, "1")->cancel, 1);
    assert_int_equal(
        flow_queue_get(x->store, "1", &job, &reason, x->p, &x->err), 0);
    assert_string_equal(flow_json_member(job, "status"), "canceling");
    json_decref(job);
    json_decref(reason);
    assert_true(end_as(x, "1", "me", "canceled"));
    assert_string_equal(cancel(x, "1"), "canceled");
    assert_string_equal(cancel(x, "9"), "unknown");
    add(x, "3", "a", 0, 3);
    claimed(x);
    assert_true(end_as(x, "3", "me", "completed"));
    assert_string_equal(cancel(x, "3"), "completed");
}

static void a_job_whose_process_dies_while_canceling_is_canceled(void **state)
{
    fixture_t *x = *state;

    add(x, "1", "a", 0, 1);
    claimed(x);
    cancel(x, "1");
    assert_int_equal(rescue(x, orphan(x, "1")), FLOW_CANCELED);
    assert_string_equal(status_of(x, "1"), "canceled");
}

/* ---- errors of a page that is not done ---- */

static int count_errors(fixture_t *x)
{
    return (int)strtol(
        jobs_fixture_query(x->f, "SELECT count(*) FROM job_error"), NULL, 10);
}

static void spill_one(fixture_t *x, flow_errors_t *errors, int *plost)
{
    flow_record_error_t e = { "imp", 1, "bad", "no good", "application" };
    flow_progress_t at = { "1", "a", "me", .errors = errors };
    const char *first, *last;
    json_t *record = json_object();

    e.retry_data = record;
    flow_errors_rules(errors, 1, 1);
    flow_errors_clear(errors);
    flow_errors_good(errors, "imp", "k");
    flow_errors_range(errors, &first, &last);
    assert_null(first);
    assert_null(last);
    flow_errors_add(errors, &e);
    flow_errors_add(errors, &e);
    flow_errors_good(errors, "imp", "k"); /* has no row */
    flow_errors_range(errors, &first, &last);
    assert_true(*first && strcmp(first, last) < 0);
    json_decref(record);
    begin(x);
    assert_int_equal(flow_queue_spill(x->store, &at,
                                      apr_pstrcat(x->p, first, " ", last, NULL),
                                      plost, &x->err),
                     0);
    commit(x);
}

static void errors_of_a_page_that_is_repeated_are_not_there_twice(void **state)
{
    fixture_t *x = *state;
    flow_progress_t at = { "1", "a", "me", { 1 }, "{}" };
    flow_errors_t *errors;
    flow_ids_t ids;
    int lost = 1;

    flow_ids_init(&ids);
    errors = flow_errors_create(&ids, x->p);
    add(x, "1", "a", 0, 1);
    claimed(x);
    spill_one(x, errors, &lost);
    assert_int_equal(lost, 0);
    assert_int_equal(count_errors(x), 2);
    rescue(x, orphan(x, "1"));
    claimed(x); /* the page begins again */
    assert_int_equal(count_errors(x), 0);
    assert_string_equal(
        jobs_fixture_query(x->f, "SELECT count(*) FROM error_data"), "0");
    spill_one(x, errors, &lost);
    begin(x);
    assert_int_equal(flow_queue_page(x->store, &at, &lost, &x->err), 0);
    commit(x);
    rescue(x, orphan(x, "1"));
    claimed(x); /* that page is done, and its errors stay */
    assert_int_equal(count_errors(x), 2);
}

static void a_lease_that_was_renewed_is_not_taken(void **state)
{
    fixture_t *x = *state;
    const flow_orphan_t *o;
    apr_array_header_t *held;

    add(x, "1", "a", 0, 1);
    claimed(x);
    o = orphan(x, "1");
    begin(x);
    assert_int_equal(flow_queue_heartbeat(x->store, "me", ids_of(x, "1", NULL),
                                          &held, x->p, &x->err),
                     0);
    assert_int_equal(held->nelts, 1);
    assert_string_equal(APR_ARRAY_IDX(held, 0, const char *), "1");
    commit(x);
    assert_int_equal(rescue(x, o), FLOW_NO_ORPHAN);
    assert_string_equal(status_of(x, "1"), "running");
}

/* A COMMIT may have been one and not have said so: the store then has jobs as
 * running here that are not, and whose flows must not wait for ever. */
static void only_the_leases_of_jobs_that_run_are_renewed(void **state)
{
    fixture_t *x = *state;
    const flow_orphan_t *o;
    apr_array_header_t *held;

    add(x, "1", "a", 0, 1);
    add(x, "2", "b", 0, 2);
    add(x, "3", "c", 0, 3);
    assert_string_equal(claimed(x), "1");
    assert_string_equal(claimed(x), "2");
    assert_string_equal(claimed(x), "3");
    o = orphan(x, "2");
    begin(x);
    assert_int_equal(flow_queue_heartbeat(x->store, "me", ids_of(x, "1", "3"),
                                          &held, x->p, &x->err),
                     0);
    commit(x);
    assert_int_equal(held->nelts, 3);
    assert_int_equal(orphan(x, "2")->lease_until, o->lease_until);
    assert_true(orphan(x, "1")->lease_until > o->lease_until);
    assert_true(orphan(x, "3")->lease_until > o->lease_until);
    assert_int_equal(rescue(x, o), FLOW_RESCUED);
}

/* It would otherwise run once more, if only for a while. */
static void who_is_asked_to_stop_and_handed_back_is_canceled(void **state)
{
    fixture_t *x = *state;
    flow_progress_t at = { "1", "a", "me", { 3 }, "{\"c\":1}" };
    const flow_orphan_t *o;
    const char *status;
    int i, lost;

    add(x, "1", "a", 0, 1);
    add(x, "2", "b", 0, 2);
    claimed(x);
    claimed(x);
    o = orphan(x, "2"); /* as it was before */
    begin(x);
    for (i = 1; i < 3; ++i) {
        assert_int_equal(flow_queue_cancel(x->store, apr_itoa(x->p, i), &status,
                                           x->p, &x->err),
                         0);
        assert_string_equal(status, "canceling");
    }
    assert_int_equal(flow_queue_return(x->store, &at, &lost, &x->err), 0);
    commit(x);
    rescue(x, o);
    assert_string_equal(status_of(x, "1"), "canceled");
    assert_string_equal(status_of(x, "2"), "canceled");
    assert_string_equal(
        jobs_fixture_query(x->f, "SELECT error_code || (ended > 0) FROM job"
                                 " WHERE id = '1'"),
        strcmp(jobs_fixture_driver(), "pgsql") == 0 ? "canceledtrue"
                                                    : "canceled1");
    assert_string_equal(claimed(x), "none");
}

/* The committer does a transaction again whose COMMIT broke off. */
static void what_is_stored_a_second_time_is_there_once(void **state)
{
    fixture_t *x = *state;
    flow_progress_t at = { "1", "a", "me" };
    flow_new_job_t job = { "2", "a", .request = "{}" };
    flow_origin_t origin = { "flow", "rerun", "1" };
    json_t *record = json_object();
    flow_record_error_t e = { "imp",         1,    "bad",  "no",
                              "application", NULL, record, record };
    flow_errors_t *errors;
    flow_ids_t ids;
    int i, lost;

    flow_ids_init(&ids);
    errors = flow_errors_create(&ids, x->p);
    flow_errors_add(errors, &e);
    at.errors = errors;
    add(x, "1", "a", 0, 1);
    claimed(x);
    for (i = 0; i < 2; ++i) {
        begin(x);
        assert_int_equal(flow_queue_page(x->store, &at, &lost, &x->err), 0);
        assert_int_equal(lost, 0);
        assert_int_equal(flow_requeue_job(x->store, &job, &origin, 5, &x->err),
                         0);
        commit(x);
    }
    assert_int_equal(count_errors(x), 1);
    assert_string_equal(
        jobs_fixture_query(x->f, "SELECT count(*) FROM error_data"), "2");
    assert_string_equal(jobs_fixture_query(x->f, "SELECT count(*) FROM job"),
                        "2");
    json_decref(record);
}

/* ---- several processes ---- */

#define CLAIMERS 4
#define FLOWS    40
#define PER_FLOW 5

static void claim_all(jobs_fixture_t *f, int number)
{
    fixture_t x = { f, NULL, f->p };
    const char *owner = flow_owner_new(f->p);
    char path[100];
    FILE *log;
    int idle = 0;

    snprintf(path, sizeof(path), "%s/log%d", f->dir, number);
    log = fopen(path, "w");
    if (flow_store_open(&x.store, jobs_fixture_driver(), f->params, &x.err) !=
            0 ||
        !log) {
        _exit(2);
    }
    while (idle < 20) {
        flow_job_t *job = claim_as(&x, owner, NULL, NULL);

        if (!job) {
            ++idle;
            apr_sleep(2000);
            continue;
        }
        idle = 0;
        fprintf(log, "%s\n", job->id);
        if (!end_as(&x, job->id, owner, "completed")) {
            _exit(3);
        }
    }
    fclose(log);
    _exit(0);
}

static void four_processes_share_the_work_and_double_none(void **state)
{
    fixture_t *x = *state;
    char seen[FLOWS * PER_FLOW] = { 0 };
    int i, status, n = 0;

    begin(x);
    for (i = 0; i < FLOWS * PER_FLOW; ++i) {
        flow_new_job_t job = { apr_itoa(x->p, i),
                               apr_psprintf(x->p, "flow%d", i % FLOWS) };

        assert_int_equal(flow_queue_job(x->store, &job, i, &x->err), 0);
    }
    commit(x);
    flow_store_close(x->store);
    x->store = NULL;
    for (i = 0; i < CLAIMERS; ++i) {
        if (fork() == 0) {
            claim_all(x->f, i);
        }
    }
    for (i = 0; i < CLAIMERS; ++i) {
        assert_true(wait(&status) > 0);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    for (i = 0; i < CLAIMERS; ++i) {
        char path[100], line[40];
        FILE *log;

        snprintf(path, sizeof(path), "%s/log%d", x->f->dir, i);
        log = fopen(path, "r");
        assert_non_null(log);
        while (fgets(line, sizeof(line), log)) {
            int id = (int)strtol(line, NULL, 10);

            assert_int_equal(seen[id]++, 0);
            ++n;
        }
        fclose(log);
    }
    assert_int_equal(n, FLOWS * PER_FLOW);
    assert_string_equal(jobs_fixture_query(x->f, "SELECT count(*) FROM job"
                                                 " WHERE status = 'completed'"),
                        apr_itoa(x->p, n));
}

/* ---- reading ---- */

static void the_document_has_celigos_fields(void **state)
{
    fixture_t *x = *state;
    flow_job_filter_t all = { NULL };
    json_t *job = NULL, *list = NULL;
    char *text;

    add(x, "1", "a", 0, apr_time_from_sec(1790000000) + 1200);
    assert_int_equal(flow_queue_get(x->store, "1", &job, NULL, x->p, &x->err),
                     0);
    text = flow_json_text(job, NULL, x->p);
    assert_string_equal(
        text,
        "{\"_id\":\"1\",\"type\":\"flow\",\"_flowId\":\"a\","
        "\"status\":\"queued\",\"createdAt\":\"2026-09-21T14:13:20.001Z\","
        "\"lastModified\":\"2026-09-21T14:13:20.001Z\",\"numSuccess\":0,"
        "\"numError\":0,\"numIgnore\":0,\"numExport\":0,"
        "\"numPagesGenerated\":0,\"numPagesProcessed\":0,"
        "\"numResolved\":0,\"doneExporting\":false}");
    json_decref(job);
    assert_int_equal(flow_queue_get(x->store, "2", &job, NULL, x->p, &x->err),
                     APR_NOTFOUND);
    add(x, "2", "a", 0, 5);
    assert_int_equal(flow_job_select(x->store, &all, 10, &list, x->p, &x->err),
                     0);
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(flow_json_member(json_array_get(list, 0), "_id"), "2");
    json_decref(list);
}

static void old_ends_are_deleted_and_nothing_else(void **state)
{
    const char *sql = apr_pstrcat(
        ((fixture_t *)*state)->p,
        strcmp(jobs_fixture_driver(), "pgsql") == 0
            ? "SELECT string_agg(x, ',' ORDER BY x) FROM"
            : "SELECT group_concat(x) FROM",
        " (SELECT id AS x FROM job UNION ALL"
        " SELECT id FROM event UNION ALL SELECT text FROM job_text ORDER BY 1)"
        " AS rows",
        NULL);
    fixture_t *x = *state;
    const char *event_id = NULL;
    apr_time_t before = apr_time_from_sec(0x60000000);
    flow_new_job_t job = { .request = "text" };
    int more = 1, i;

    /* jobs 1 (ended long ago), 2 (ended now), 3 (queued, with an old event) */
    begin(x);
    for (i = 1; i <= 3; ++i) {
        job.id = apr_itoa(x->p, i);
        job.flow_id = job.id;
        job.event_id = apr_psprintf(x->p, "5000000%d", i);
        assert_int_equal(
            flow_queue_event(x->store, job.event_id, "h", 1, "{}", &x->err), 0);
        assert_int_equal(flow_queue_job(x->store, &job, 1, &x->err), 0);
    }
    commit(x);
    claimed(x);
    claimed(x);
    end_as(x, "1", "me", "failed");
    end_as(x, "2", "me", "completed");
    jobs_fixture_query(x->f, "UPDATE job SET ended = 5 WHERE id = '1'");

    assert_int_equal(
        flow_queue_oldest_event(x->store, before, &event_id, x->p, &x->err), 0);
    assert_string_equal(event_id, "50000003");
    begin(x);
    assert_int_equal(
        flow_queue_purge(x->store, before, event_id, &more, x->p, &x->err), 0);
    commit(x);
    assert_int_equal(more, 0);
    assert_string_equal(jobs_fixture_query(x->f, sql),
                        "2,3,50000003,text,text");
}

static int rows(fixture_t *x)
{
    return atoi(jobs_fixture_query(x->f, "SELECT (SELECT count(*) FROM job) +"
                                         " (SELECT count(*) FROM job_error) +"
                                         " (SELECT count(*) FROM event)"));
}

/* However much is old, a transaction is short: others write in between. */
static void what_is_old_is_deleted_in_small_portions(void **state)
{
    fixture_t *x = *state;
    flow_new_job_t job = { .flow_id = "f" };
    int i, before, after, more = 1, rounds = 0;

    begin(x);
    for (i = 0; i < 1500; ++i) {
        job.id = apr_psprintf(x->p, "j%05d", i);
        flow_queue_job(x->store, &job, 1, &x->err);
        flow_queue_event(x->store, apr_psprintf(x->p, "0000%04d", i), "h", 1,
                         "{}", &x->err);
    }
    commit(x);
    jobs_fixture_query(x->f, "UPDATE job SET status = 'completed', ended = 5");
    jobs_fixture_query(
        x->f, "INSERT INTO job_error (id, job_id, flow_id, step_id, step_index,"
              " occurred_at, code, message, source)"
              " SELECT 'e' || id, 'j00000', 'f', 's', 1, 1, 'c', 'm', 'a'"
              " FROM job");
    assert_int_equal(rows(x), 4500);
    for (after = 4500; more && rounds < 20; ++rounds) {
        before = after;
        begin(x);
        assert_int_equal(
            flow_queue_purge(x->store, 1000, "1", &more, x->p, &x->err), 0);
        commit(x);
        after = rows(x);
        assert_in_range(before - after, 0, 1000); /* 500 of each kind */
    }
    assert_int_equal(after, 0);
    assert_in_range(rounds, 5, 10);
}

/* For an end that may have been stored before its COMMIT broke off. */
static void an_end_that_is_stored_is_recognised(void **state)
{
    fixture_t *x = *state;
    apr_time_t began = apr_time_now();

    add(x, "1", "a", 0, 1);
    claimed(x);
    assert_int_equal(flow_queue_is(x->store, "1", "running", 0, x->p), 0);
    assert_true(end_as(x, "1", "me", "completed"));
    assert_int_equal(flow_queue_is(x->store, "1", "completed", began, x->p), 1);
    assert_int_equal(flow_queue_is(x->store, "1", "failed", began, x->p), 0);
    assert_int_equal(
        flow_queue_is(x->store, "1", "completed", apr_time_now() + 1, x->p), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(jobs_come_by_priority_age_and_id),
        TEST(a_flow_has_one_running_job),
        TEST(a_slow_flow_does_not_keep_others_waiting),
        TEST(flows_that_nobody_knows_here_stay_queued),
        TEST(any_number_of_held_flows_hides_no_other),
        TEST(a_claim_brings_all_that_a_run_needs),
        TEST(a_page_is_kept_with_its_counters_and_errors),
        TEST(an_end_is_final),
        TEST(a_job_that_is_handed_back_goes_on_where_it_stood),
        TEST(several_jobs_of_a_flow_are_claimed_in_their_order),
        TEST(a_suspect_follows_nobody),
        TEST(a_death_is_not_that_of_jobs_that_had_not_begun),
        TEST(what_follows_is_not_claimed_by_two),
        TEST(three_crashes_set_a_job_aside),
        TEST(after_a_death_each_job_runs_alone),
        TEST(who_makes_room_for_a_suspect_takes_it_first),
        TEST(death_in_company_is_not_held_against_a_job_so_soon),
        TEST(a_finished_page_clears_a_job_of_suspicion),
        TEST(an_end_that_was_planned_is_nobodys_fault),
        TEST(who_waits_is_canceled_at_once_and_who_runs_is_asked),
        TEST(a_job_whose_process_dies_while_canceling_is_canceled),
        TEST(errors_of_a_page_that_is_repeated_are_not_there_twice),
        TEST(a_lease_that_was_renewed_is_not_taken),
        TEST(only_the_leases_of_jobs_that_run_are_renewed),
        TEST(who_is_asked_to_stop_and_handed_back_is_canceled),
        TEST(what_is_stored_a_second_time_is_there_once),
        TEST(four_processes_share_the_work_and_double_none),
        TEST(the_document_has_celigos_fields),
        TEST(old_ends_are_deleted_and_nothing_else),
        TEST(what_is_old_is_deleted_in_small_portions),
        TEST(an_end_that_is_stored_is_recognised),
    };

    apr_initialize();
    return JOBS_FIXTURE_BOTH(tests);
}
