/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_jobs_private.h"

#include <string.h>

#include <apr_strings.h>

#include "base/flow_log.h"
#include "data/flow_json.h"
#include "flow/flow_delta.h"
#include "jobs/flow_marks.h"
#include "jobs/flow_next.h"
#include "jobs/flow_retry.h"

/*
 * One job, from claimed to ended, on a worker's thread.
 *
 * After each page the counters, the place to go on from and the errors of the
 * page are committed together. The last page's are kept back for the
 * transaction that ends the job, so a job of one page costs one commit. A page
 * that has not been committed is run again after a crash, and its errors are
 * then not stored twice.
 *
 * size: one job from beginning to end; all of it works on the same execution.
 */
#define ERRORS_MAX (16 * 1024 * 1024) /* bytes of errors held in memory */
/* Who takes no longer lets more jobs be claimed ahead. */
#define QUICK apr_time_from_msec(2)
/* No run is meant to last longer; calls and hooks have limits of their own. */
#define RUN_MAX apr_time_from_sec(24 * 3600)

typedef struct execution_t execution_t;

typedef struct end_work_t {
    flow_work_t work;
    flow_progress_t at;
    const char *status; /* NULL: hand it back */
    const char *code, *message, *result;
    const execution_t *moves; /* whose marks move; NULL: none do */
    int lost;
    int tries;        /* how often it has been stored, or has not */
    apr_time_t since; /* the end is not older, by the wall clock */
    int nnext;        /* jobs of other flows that were queued */
    int is_quick;     /* it took no time */
    int waits;        /* its worker waits, and is free then */
    execution_t *x;
    flow_end_t plain; /* when it is stored together with others */
    int is_plain;
} end_work_t;

struct execution_t {
    flow_jobs_t *jobs;
    flow_job_t *job;
    const flow_flow_t *flow;
    const flow_export_t *listener;
    apr_pool_t *p;
    apr_pool_t *page_p; /* checkpoint text, cleared per page */
    flow_held_t *held;
    flow_running_t *running;
    flow_run_t run;
    flow_errors_t *errors;
    flow_progress_t reached; /* after the last whole page */
    const char *spilled;     /* first id of the errors stored before that */
    char spilled_to[FLOW_ID_SIZE]; /* ... and the last one */
    int kept_back;                 /* that page has not been committed yet */
    flow_delta_t delta;
    flow_retry_t *retry; /* NULL: an ordinary run */
    flow_run_sink_t sink;
    apr_time_t began;
    flow_error_t why; /* it failed */
    end_work_t end;
};

static int is_set(const volatile apr_uint32_t *flag)
{
    return __atomic_load_n(flag, __ATOMIC_RELAXED) != 0;
}

/* ---- what the run reports ---- */

typedef struct page_work_t {
    flow_work_t work;
    const flow_progress_t *at;
    const char *range; /* not NULL: only errors of a page that goes on */
    int lost;
} page_work_t;

static apr_status_t run_page(flow_work_t *work, flow_store_t *store,
                             flow_error_t *err)
{
    page_work_t *w = (page_work_t *)work;

    return w->range ? flow_queue_spill(store, w->at, w->range, &w->lost, err)
                    : flow_queue_page(store, w->at, &w->lost, err);
}

/* Past this nothing counts: what a run that is being aborted reports is not
 * what became of its records. */
static apr_status_t check_abort(const execution_t *x, flow_error_t *err)
{
    return is_set(&x->running->abort)
               ? flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EINTR, "stopping",
                                "the server is stopping")
               : APR_SUCCESS;
}

static apr_status_t commit_page(execution_t *x, const flow_progress_t *at,
                                const char *range, flow_error_t *err)
{
    page_work_t w = { .work.run = run_page, .at = at, .range = range };
    apr_status_t rv = flow_jobs_do(x->jobs, &w.work, err);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (w.lost) {
        __atomic_store_n(&x->running->lost, 1, __ATOMIC_RELAXED);
        return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EINTR, "lease_lost",
                              "another process has taken the job over");
    }
    flow_errors_clear(x->errors);
    if (!range) {
        x->spilled = NULL;
    }
    return APR_SUCCESS;
}

/* Is there nothing to read after this page? Then the end of the job comes
 * next. (flow_run.c leaves a cursor or a rest while a generator goes on.) */
static int is_last(const execution_t *x, const json_t *checkpoint)
{
    const json_t *cursor = json_object_get(checkpoint, "cursor");
    apr_int64_t generator = 0;

    if ((cursor && !json_is_null(cursor)) ||
        json_object_get(checkpoint, "rest")) {
        return 0;
    }
    flow_json_int64(json_object_get(checkpoint, "generator"), &generator);
    return x->listener || generator + 1 >= x->flow->ngenerators;
}

static apr_status_t page_done(void *baton, const flow_counters_t *counters,
                              const json_t *checkpoint, flow_error_t *err)
{
    execution_t *x = baton;
    flow_progress_t at = x->reached;
    apr_pool_t *page_p, *old_p = x->page_p;
    apr_status_t rv = check_abort(x, err);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_pool_create(&page_p, x->p);
    at.counters = *counters;
    at.checkpoint = flow_json_text(checkpoint, NULL, page_p);
    at.errors = x->errors;
    x->kept_back = is_last(x, checkpoint);
    rv = x->kept_back ? APR_SUCCESS : commit_page(x, &at, NULL, err);
    if (rv != APR_SUCCESS) {
        apr_pool_destroy(page_p);
        return rv;
    }
    x->page_p = page_p;
    x->reached.counters = at.counters;
    x->reached.checkpoint = at.checkpoint;
    if (old_p) {
        apr_pool_destroy(old_p);
    }
    return APR_SUCCESS;
}

/* More errors than memory should hold, in the middle of a page. */
static apr_status_t spill(execution_t *x, const flow_progress_t *at,
                          flow_error_t *err)
{
    const char *first, *last, *range = "";

    flow_errors_range(x->errors, &first, &last);
    if (first && !x->spilled) {
        x->spilled = apr_pstrdup(x->p, first);
    }
    if (last) {
        apr_cpystrn(x->spilled_to, last, sizeof(x->spilled_to));
    }
    if (x->spilled) { /* else there are only successes */
        range = apr_pstrcat(x->p, x->spilled, " ", x->spilled_to, NULL);
    }
    return commit_page(x, at, range, err);
}

/* Before something is added to x->errors: the page kept back was not the last
 * one after all, or more is held than may be. */
static apr_status_t make_room(execution_t *x, flow_error_t *err)
{
    flow_progress_t at = x->reached;
    apr_status_t rv = check_abort(x, err);

    at.errors = x->errors;
    if (rv == APR_SUCCESS && x->kept_back) {
        rv = commit_page(x, &at, NULL, err);
        x->kept_back = rv != APR_SUCCESS;
    }
    else if (rv == APR_SUCCESS && !x->retry &&
             flow_errors_size(x->errors) >= ERRORS_MAX) {
        rv = spill(x, &at, err);
    }
    return rv;
}

static apr_status_t record_good(void *baton, const char *step_id,
                                const char *trace_key, flow_error_t *err)
{
    execution_t *x = baton;
    apr_status_t rv = x->retry ? APR_SUCCESS : make_room(x, err);

    if (rv == APR_SUCCESS) {
        flow_errors_good(x->errors, step_id, trace_key);
    }
    return rv;
}

static apr_status_t record_error(void *baton, const flow_record_error_t *e,
                                 flow_error_t *err)
{
    execution_t *x = baton;
    apr_status_t rv;

    if (e->trace_key && x->flow->auto_resolve) {
        x->sink.record_good = record_good; /* a later record may resolve it */
    }
    if (x->retry) {
        rv = check_abort(x, err);
        return rv == APR_SUCCESS ? flow_retry_error(x->retry, e, err) : rv;
    }
    rv = make_room(x, err);
    if (rv == APR_SUCCESS) {
        flow_errors_add(x->errors, e);
    }
    return rv;
}

/* ---- the end ---- */

/* Flows come after a run of the flow, not after a retry of some records. */
static int starts_others(const end_work_t *w)
{
    return w->x->flow && strcmp(w->status, "completed") == 0 &&
           strcmp(w->x->job->type, "flow") == 0;
}

/* Nothing but the job's own row changes. */
static int is_simple(const end_work_t *w)
{
    return !w->moves && !(starts_others(w) && w->x->flow->nnext) &&
           flow_queue_end_is_plain(&w->at, w->result);
}

static apr_status_t run_end(flow_work_t *work, flow_store_t *store,
                            flow_error_t *err)
{
    end_work_t *w = (end_work_t *)work;
    apr_status_t rv;

    w->nnext = 0;
    ++w->tries;
    flow_claims_ask(w->x->jobs);
    w->x->jobs->claims.quick += w->is_quick;
    w->x->jobs->claims.slow += !w->is_quick;
    w->x->jobs->claims.freeing += w->waits;
    w->x->running->is_ending = 1;
    if (!w->status) {
        return flow_queue_return(store, &w->at, &w->lost, err);
    }
    w->is_plain = flow_store_is_bulk(store) && is_simple(w);
    if (w->is_plain) {
        w->plain.at = &w->at;
        w->plain.status = w->status;
        w->plain.code = w->code;
        w->plain.message = w->message;
        flow_claims_add_end(w->x->jobs, &w->plain);
        w->lost = 0;
        rv = APR_SUCCESS;
    }
    else {
        rv = flow_queue_end(store, &w->at, w->status, w->code, w->message,
                            w->result, &w->lost, err);
    }
    if (rv == APR_SUCCESS && w->moves && !w->lost) {
        rv = flow_next_marks(w->moves->flow, w->moves->run.request,
                             w->moves->delta.now, store, w->moves->p, err);
    }
    if (rv == APR_SUCCESS && !w->lost && starts_others(w)) {
        rv = flow_next_queue(w->x->jobs, w->x->flow, store, &w->nnext, w->x->p,
                             err);
    }
    return rv;
}

/* Have the end stored. When it is the end itself that the store refuses (a
 * result beyond its limits, say), the job fails without it. */
static apr_status_t commit_end(execution_t *x, end_work_t *w, flow_error_t *err)
{
    apr_status_t rv = flow_jobs_do(x->jobs, &w->work, err);

    if (rv != APR_SUCCESS && w->status &&
        strcmp(err->code, "store_refused") == 0) {
        flow_log(FLOW_LOG_ERROR,
                 FLOW_LOGNO(0303) "job %s of flow '%s': its end cannot be "
                                  "stored: %s",
                 x->job->id, x->job->flow_id, err->message);
        w->status = "failed";
        w->code = "store_refused";
        w->message = "the store refused the end of the job";
        w->at.source = NULL;
        w->result = NULL;
        w->moves = NULL;
        w->at.errors = NULL;
        flow_error_clear(err);
        rv = flow_jobs_do(x->jobs, &w->work, err);
    }
    return rv;
}

static const char *result_text(execution_t *x)
{
    flow_run_t *run = &x->run;
    json_t *result;
    apr_size_t len = 0;
    char *text;

    if (!x->job->collect || !run->data) {
        return NULL;
    }
    result = json_object();
    json_object_set(result, "data", run->data);
    json_object_set_new(result, "truncated", json_boolean(run->data_truncated));
    text = flow_json_text(result, &len, x->p);
    json_decref(result);
    return len > FLOW_RESULT_MAX ? "{\"data\":[],\"truncated\":true}" : text;
}

static void count(execution_t *x, int failed, apr_time_t began)
{
    flow_stats_t *stats = x->jobs->settings.stats;
    const flow_counters_t *before = &x->job->counters;
    const flow_counters_t *after = &x->run.counters;

    if (!stats) {
        return;
    }
    flow_stats_add64(failed ? &stats->jobs_failed : &stats->jobs_done, 1);
    if (x->flow) {
        flow_stats_count(stats, x->flow->slot, failed,
                         (apr_uint64_t)(flow_clock() - began));
        flow_stats_records(stats, x->flow->slot,
                           (apr_uint64_t)(after->success - before->success),
                           (apr_uint64_t)(after->error - before->error));
    }
}

static void report(execution_t *x, const end_work_t *w, apr_time_t began)
{
    const flow_counters_t *c = &x->run.counters;

    if (w->status && strcmp(w->status, "completed") == 0) {
        flow_log(FLOW_LOG_INFO,
                 "job %s of flow '%s' completed: %" APR_INT64_T_FMT
                 " good, %" APR_INT64_T_FMT " failed, %" APR_INT64_T_FMT
                 " ignored, %" APR_INT64_T_FMT " pages, %" APR_INT64_T_FMT
                 " ms",
                 x->job->id, x->job->flow_id, c->success, c->error, c->ignore,
                 c->pages_processed,
                 (apr_int64_t)apr_time_as_msec(flow_clock() - began));
    }
    else if (w->status) {
        flow_log(FLOW_LOG_WARNING,
                 FLOW_LOGNO(0304) "job %s of flow '%s' %s: %s: %s", x->job->id,
                 x->job->flow_id, w->status, w->code, w->message);
    }
    else {
        flow_log(FLOW_LOG_INFO, "job %s of flow '%s' handed back", x->job->id,
                 x->job->flow_id);
    }
}

/* What the return of flow_run() means for the job. */
static void judge(execution_t *x, end_work_t *w, apr_status_t rv,
                  const flow_error_t *why)
{
    w->at = x->reached;
    w->at.errors = x->kept_back ? x->errors : NULL;
    if (rv == APR_EINTR || (rv != APR_SUCCESS && is_set(&x->running->stop))) {
        if (is_set(&x->running->cancel)) {
            w->status = w->code = "canceled";
            w->message = FLOW_CANCELED_TEXT;
        }
        return;
    }
    w->at.counters = x->run.counters;
    w->at.errors = x->errors;
    if (rv == APR_SUCCESS) {
        w->status = "completed";
        w->result = result_text(x);
        w->moves = x->run.delta && x->delta.end < 0 ? x : NULL;
        return;
    }
    w->status = strcmp(why->code, "canceled") == 0 ? "canceled" : "failed";
    w->code = *why->code ? why->code : "error";
    w->message = why->message;
    w->at.source = x->run.failed_source;
}

static void lost(execution_t *x)
{
    flow_log(FLOW_LOG_WARNING,
             FLOW_LOGNO(0305) "job %s of flow '%s': another process has taken "
                              "it over; what was done since its last page is "
                              "done twice",
             x->job->id, x->job->flow_id);
}

/* The end is stored, or will not be: the job is no longer ours. */
static void leave(execution_t *x)
{
    flow_jobs_t *jobs = x->jobs;

    pthread_mutex_lock(&jobs->lock);
    flow_held_leave(jobs, x->held);
    pthread_mutex_unlock(&jobs->lock);
    flow_held_free(jobs, x->held);
}

/* The end is not there to be stored. A COMMIT that broke off may have been one,
 * and then it was stored before it was tried again: not lost. */
static int is_stored(execution_t *x)
{
    const end_work_t *w = &x->end;
    flow_error_t ignored = FLOW_ERROR_INIT;
    flow_store_t *store;
    int yes = 0;

    if (w->tries > 1 &&
        flow_jobs_reader(x->jobs, &store, &ignored) == APR_SUCCESS) {
        yes = flow_queue_is(store, x->job->id, w->status ? w->status : "queued",
                            w->since, x->p);
        flow_jobs_reader_done(x->jobs, store);
    }
    return yes;
}

static void stored(execution_t *x)
{
    const end_work_t *w = &x->end;

    if ((w->is_plain ? w->plain.lost : w->lost) && !is_stored(x)) {
        lost(x);
    }
    else {
        report(x, w, x->began);
        if (w->status) {
            count(x, strcmp(w->status, "failed") == 0, x->began);
            flow_waiters_tell(x->jobs, x->job->id);
            flow_next_wake(x->jobs, w->nnext);
        }
    }
    leave(x);
}

/* On the committer's thread, or the teller's. */
static void ended(flow_work_t *work)
{
    execution_t *x = ((end_work_t *)work)->x;
    flow_jobs_t *jobs = x->jobs;
    int is_done = work->status == APR_SUCCESS;

    if (is_done) {
        stored(x);
    }
    pthread_mutex_lock(&jobs->lock);
    if (!is_done) {
        x->held->next = jobs->undone;
        jobs->undone = x->held;
        pthread_cond_signal(&jobs->wake);
    }
    if (--jobs->pending == 0 && flow_jobs_is_stopping(jobs)) {
        pthread_cond_broadcast(&jobs->wake);
    }
    pthread_mutex_unlock(&jobs->lock);
}

static void end_and_wait(execution_t *x)
{
    end_work_t *w = &x->end;
    flow_error_t err = FLOW_ERROR_INIT;

    w->work.ended = NULL;
    w->waits = 1;
    if (commit_end(x, w, &err) == APR_SUCCESS) {
        stored(x);
        return;
    }
    flow_log(FLOW_LOG_WARNING,
             FLOW_LOGNO(0306) "job %s of flow '%s': its end is not stored "
                              "(%s); it runs again from its last page",
             x->job->id, x->job->flow_id, err.message);
    leave(x);
}

/* An end that is no more than a row need not be waited for: the worker goes on
 * with the next job. Should it not be stored, a worker tries again. */
static int submit_end(execution_t *x)
{
    flow_jobs_t *jobs = x->jobs;
    flow_error_t err = FLOW_ERROR_INIT;

    pthread_mutex_lock(&jobs->lock);
    ++jobs->pending;
    pthread_mutex_unlock(&jobs->lock);
    x->end.work.ended = ended;
    if (flow_committer_submit(jobs->committer, &x->end.work, &err) ==
        APR_SUCCESS) {
        return 1;
    }
    pthread_mutex_lock(&jobs->lock);
    --jobs->pending;
    pthread_mutex_unlock(&jobs->lock);
    return 0;
}

static void end(execution_t *x, apr_status_t rv)
{
    end_work_t *w = &x->end;

    if (is_set(&x->running->lost)) {
        lost(x);
        leave(x);
        return;
    }
    w->work.run = run_end;
    w->x = x;
    w->since = apr_time_now();
    judge(x, w, rv, &x->why);
    json_decref(x->run.data);
    x->run.data = NULL;
    w->is_quick = w->status && flow_clock() - x->began < QUICK;
    if (!w->status || !is_simple(w) || !submit_end(x)) {
        end_and_wait(x);
    }
}

void flow_job_end_again(flow_jobs_t *jobs, flow_held_t *held)
{
    (void)jobs;
    end_and_wait(held->x);
}

/* ---- the beginning ---- */

static apr_status_t parse(execution_t *x, const char *what, const char *text,
                          json_t **pv, flow_error_t *err)
{
    flow_error_t why = FLOW_ERROR_INIT;

    *pv = NULL;
    if (!text) {
        return APR_SUCCESS;
    }
    if (flow_json_parse(pv, text, strlen(text), &why) != APR_SUCCESS) {
        return flow_error_set(err, FLOW_E_INTERNAL, APR_EGENERAL,
                              "job_undecodable",
                              "the stored %s is not JSON: "
                              "%s",
                              what, why.message);
    }
    flow_json_own(x->p, *pv);
    return APR_SUCCESS;
}

static json_t *job_document(const flow_job_t *job, apr_pool_t *p)
{
    json_t *v = json_object();

    flow_json_put(v, "_id", job->id, p);
    flow_json_put(v, "type", job->type, p);
    flow_json_put(v, "_flowId", job->flow_id, p);
    flow_json_put(v, "_exportId", job->export_id, p);
    flow_json_put(v, "status", "running", p);
    flow_json_put(v, "createdAt", flow_iso_time(job->created, p), p);
    flow_json_put(v, "startedAt", flow_iso_time(job->started, p), p);
    return flow_json_own(p, v);
}

/* For a flow with exports of type delta that no event has started. The marks
 * are read here: no other job of the flow is running, so they stand. */
static apr_status_t prepare_delta(execution_t *x, const json_t *request,
                                  flow_error_t *err)
{
    flow_store_t *store;
    json_t *marks = NULL;
    apr_status_t rv;
    int i, any = 0;

    for (i = 0; i < x->flow->ngenerators && !x->listener; ++i) {
        any |= x->flow->generators[i]->is_delta;
    }
    if (!any) {
        return APR_SUCCESS;
    }
    rv = flow_jobs_reader(x->jobs, &store, err);
    if (rv == APR_SUCCESS) {
        rv = flow_marks_read(store, x->flow->id, &marks, x->p, err);
        flow_jobs_reader_done(x->jobs, store);
    }
    if (rv != APR_SUCCESS) {
        return APR_EINTR; /* not the job's fault: it is handed back */
    }
    rv = flow_delta_init(&x->delta, request, flow_json_own(x->p, marks),
                         x->job->started, x->p, err);
    x->run.delta = rv == APR_SUCCESS ? &x->delta : NULL;
    return rv;
}

static apr_status_t prepare(execution_t *x, flow_error_t *err)
{
    const flow_model_t *model = x->jobs->env->model;
    json_t *event = NULL, *request = NULL, *checkpoint = NULL;
    const flow_job_t *job = x->job;
    apr_status_t rv;

    x->flow = apr_hash_get(model->flows, job->flow_id, APR_HASH_KEY_STRING);
    if (job->export_id) {
        x->listener =
            apr_hash_get(model->exports, job->export_id, APR_HASH_KEY_STRING);
    }
    if (!x->flow || (job->export_id && !x->listener)) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_NOTFOUND, "flow_unknown",
                              "flow '%s' is not configured any more",
                              job->flow_id);
    }
    rv = parse(x, "event", job->event, &event, err);
    if (rv == APR_SUCCESS) {
        rv = parse(x, "request", job->request, &request, err);
    }
    if (rv == APR_SUCCESS) {
        rv = parse(x, "checkpoint", job->checkpoint, &checkpoint, err);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (job->event_id && !event) {
        return flow_error_set(
            err, FLOW_E_INTERNAL, APR_NOTFOUND, "job_undecodable",
            "the event '%s' is not in the store", job->event_id);
    }
    x->run.flow = x->flow;
    x->run.listener = x->listener;
    x->run.job = job_document(job, x->p);
    x->run.request = request;
    x->run.event = event ? flow_request_from_json(event, x->p) : NULL;
    x->run.checkpoint = checkpoint;
    x->run.collect = job->collect;
    x->run.deadline = flow_clock() + RUN_MAX;
    x->run.stopping = &x->running->stop;
    return prepare_delta(x, request, err);
}

static apr_status_t run(execution_t *x, flow_error_t *err)
{
    flow_stats_t *stats = x->jobs->settings.stats;
    const flow_job_t *job = x->job;
    apr_status_t rv = prepare(x, err);
    int any = 0;

    x->sink.baton = x;
    x->sink.page_done = page_done;
    x->sink.record_error = record_error;

    if (rv == APR_SUCCESS) {
        rv = flow_retry_prepare(&x->retry, x->jobs, job, &x->reached, &x->run,
                                x->errors, &any, x->p, err);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    x->sink.record_good = any ? record_good : NULL;
    if (stats) {
        flow_stats_add32(&stats->workers_busy, 1);
    }
    rv = x->jobs->run(x->jobs->env, &x->run, &x->sink, x->p, err);
    if (x->retry) {
        if (rv == APR_EINTR || is_set(&x->running->stop)) {
            flow_retry_forget(x->retry, &x->run.counters);
        }
        rv = flow_retry_finish(x->retry, &x->run, rv, err);
        x->reached.counters = x->run.counters;
    }
    if (stats) {
        flow_stats_add32(&stats->workers_busy, -1);
    }
    return rv;
}

flow_held_t *flow_job_run(flow_jobs_t *jobs, flow_held_t *held)
{
    execution_t *x = apr_pcalloc(held->p, sizeof(*x));
    flow_held_t *next;
    apr_status_t rv;

    held->x = x;
    x->held = held;
    x->running = &held->running;
    x->jobs = jobs;
    x->job = held->claim.job;
    x->p = held->p;
    x->began = flow_clock();
    x->errors = flow_errors_create(&jobs->ids, x->p);
    x->reached.job_id = x->job->id;
    x->reached.flow_id = x->job->flow_id;
    x->reached.owner = jobs->owner;
    x->reached.counters = x->job->counters;
    x->reached.checkpoint = x->job->checkpoint;
    x->run.counters = x->job->counters;
    flow_abort_watch(&x->running->abort);
    /* It may have been canceled before it began. */
    rv = flow_jobs_is_stopping(jobs) || is_set(&x->running->stop)
             ? APR_EINTR
             : run(x, &x->why);
    flow_abort_watch(NULL);
    pthread_mutex_lock(&jobs->lock);
    next = flow_ready_chain(jobs, held);
    pthread_mutex_unlock(&jobs->lock);
    end(x, rv);
    return next;
}
