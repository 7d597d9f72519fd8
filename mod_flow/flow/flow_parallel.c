/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/flow_parallel.h"

#include <pthread.h>
#include <signal.h>

#include <apr_allocator.h>
#include <apr_strings.h>

#include "base/flow_clock.h"
#include "data/flow_json.h"
#include "flow/flow_record.h"

/* How soon a wish to stop reaches the threads. */
#define LOOK_EVERY apr_time_from_msec(50)
/* Errors of a batch that wait for its end; beyond that they go on ahead (and
 * after a crash they may be there twice). */
#define ERRORS_MAX 10000

typedef struct shared_t shared_t;

/** A generator under way. */
typedef struct lane_t {
    shared_t *shared;
    int generator;
    flow_run_t run;
    flow_run_sink_t sink; /* what its run reports to: us */
    json_t *position;     /* after its last batch; NULL = at the beginning */
    int is_done;
    json_t *errors; /* array: those of the batch at hand */
    flow_counters_t told;
} lane_t;

struct shared_t {
    const flow_env_t *env;
    flow_run_t *run;
    const flow_run_sink_t *sink;
    lane_t *lanes;
    int n;
    volatile apr_uint32_t stop, abort;

    pthread_mutex_t lock; /* guards everything below, and the sink */
    pthread_cond_t ended;
    int next, alive;
    flow_counters_t told; /* all that has been told to the sink */
    int is_interrupted;   /* the server is stopping */
    int is_deaf;          /* the sink has refused something: no more of it */
    apr_status_t rv;      /* of what went wrong first */
    flow_error_t error;
};

/* ---- counters ---- */

static void add(flow_counters_t *to, const flow_counters_t *n, int sign)
{
    to->success += sign * n->success;
    to->error += sign * n->error;
    to->ignore += sign * n->ignore;
    to->exported += sign * n->exported;
    to->pages_generated += sign * n->pages_generated;
    to->pages_processed += sign * n->pages_processed;
}

/* ---- checkpoints ---- */

static int has_more(const lane_t *lane)
{
    const json_t *cursor = json_object_get(lane->position, "cursor");

    if (lane->is_done) {
        return 0;
    }
    return !lane->position || (cursor && !json_is_null(cursor)) ||
           json_object_get(lane->position, "rest") != NULL;
}

/* New. */
static json_t *checkpoint_of(const shared_t *s)
{
    json_t *all = json_object(), *v = json_object();
    char name[16];
    int i, more = 0;

    for (i = 0; i < s->n; ++i) {
        const lane_t *lane = &s->lanes[i];

        more += has_more(lane);
        apr_snprintf(name, sizeof(name), "%d", lane->generator);
        if (lane->is_done) {
            json_object_set_new(all, name, json_true());
        }
        else if (lane->position) {
            json_object_set(all, name, lane->position);
        }
    }
    json_object_set_new(v, "generator",
                        json_integer(s->run->flow->ngenerators - 1));
    if (more) {
        json_object_set_new(v, "rest", json_integer(more));
    }
    json_object_set_new(v, "parallel", all);
    return v;
}

/* Where an earlier try has left the generator. */
static void resume(lane_t *lane, const json_t *checkpoint)
{
    const json_t *all = json_object_get(checkpoint, "parallel");
    json_t *position;
    char name[16];

    apr_snprintf(name, sizeof(name), "%d", lane->generator);
    position = json_object_get(all, name);
    lane->is_done = json_is_true(position);
    lane->position = json_is_object(position) ? json_incref(position) : NULL;
}

/* ---- upwards, under the lock ---- */

static void fail(shared_t *s, apr_status_t rv, const flow_error_t *err)
{
    if (s->rv == APR_SUCCESS) {
        s->rv = rv;
        s->error = *err;
    }
    __atomic_store_n(&s->stop, 1, __ATOMIC_RELAXED);
}

/* By the sink. When a generator fails, it still wants to hear what became of
 * the records of the others. */
static void refused(shared_t *s, apr_status_t rv, const flow_error_t *err)
{
    s->is_deaf = 1;
    fail(s, rv, err);
}

static apr_status_t stopped(flow_error_t *err)
{
    return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EINTR, "stopping",
                          "another generator of the run has ended it");
}

static apr_status_t forward(shared_t *s, lane_t *lane, flow_error_t *err)
{
    size_t i, n = json_array_size(lane->errors);
    apr_status_t rv = APR_SUCCESS;

    for (i = 0; i < n && rv == APR_SUCCESS; ++i) {
        const json_t *v = json_array_get(lane->errors, i);
        apr_int64_t index = 0;
        flow_record_error_t e = {
            flow_json_member(v, "step"),   0,
            flow_json_member(v, "code"),   flow_json_member(v, "message"),
            flow_json_member(v, "source"), flow_json_member(v, "key"),
            json_object_get(v, "retry"),   json_object_get(v, "exchange"),
            flow_json_member(v, "from"),   flow_json_member(v, "to")
        };

        flow_json_int64(json_object_get(v, "index"), &index);
        e.step_index = (int)index;
        rv = s->sink->record_error(s->sink->baton, &e, err);
    }
    json_array_clear(lane->errors);
    return rv;
}

static apr_status_t tell(shared_t *s, lane_t *lane,
                         const flow_counters_t *counters,
                         const json_t *position, flow_error_t *err)
{
    apr_status_t rv = forward(s, lane, err);
    json_t *checkpoint;

    add(&s->told, counters, 1);
    add(&s->told, &lane->told, -1);
    lane->told = *counters;
    json_decref(lane->position);
    lane->position = flow_record_ref(position);
    if (rv == APR_SUCCESS && s->sink->page_done) {
        checkpoint = checkpoint_of(s);
        rv = s->sink->page_done(s->sink->baton, &s->told, checkpoint, err);
        json_decref(checkpoint);
    }
    return rv;
}

static apr_status_t record_good(void *baton, const char *step_id,
                                const char *trace_key, flow_error_t *err)
{
    lane_t *lane = baton;
    shared_t *s = lane->shared;
    apr_status_t rv;

    pthread_mutex_lock(&s->lock);
    rv = s->is_deaf
             ? stopped(err)
             : s->sink->record_good(s->sink->baton, step_id, trace_key, err);
    if (rv != APR_SUCCESS) {
        refused(s, rv, err);
    }
    pthread_mutex_unlock(&s->lock);
    return rv;
}

/* Whether it wants to know, our sink may decide when it has seen an error. */
static void want_good(lane_t *lane)
{
    if (lane->shared->sink->record_good) {
        lane->sink.record_good = record_good;
    }
}

static apr_status_t page_done(void *baton, const flow_counters_t *counters,
                              const json_t *checkpoint, flow_error_t *err)
{
    lane_t *lane = baton;
    shared_t *s = lane->shared;
    apr_status_t rv;

    pthread_mutex_lock(&s->lock);
    if (s->is_deaf) {
        rv = stopped(err);
    }
    else {
        rv = tell(s, lane, counters, checkpoint, err);
        if (rv != APR_SUCCESS) {
            refused(s, rv, err);
        }
    }
    want_good(lane);
    pthread_mutex_unlock(&s->lock);
    return rv;
}

static apr_status_t record_error(void *baton, const flow_record_error_t *e,
                                 flow_error_t *err)
{
    lane_t *lane = baton;
    shared_t *s = lane->shared;
    apr_status_t rv = APR_SUCCESS;
    json_t *v = json_object();

    flow_record_set_text(v, "step", e->step_id);
    json_object_set_new(v, "index", json_integer(e->step_index));
    flow_record_set_text(v, "code", e->code);
    flow_record_set_text(v, "message", e->message);
    flow_record_set_text(v, "source", e->source);
    flow_record_set_text(v, "key", e->trace_key);
    flow_record_share(v, "retry", e->retry_data);
    flow_record_share(v, "exchange", e->exchange);
    flow_record_set_text(v, "from", e->export_uri);
    flow_record_set_text(v, "to", e->import_uri);
    json_array_append_new(lane->errors, v);
    if (json_array_size(lane->errors) < ERRORS_MAX) {
        return APR_SUCCESS;
    }
    pthread_mutex_lock(&s->lock);
    rv = s->is_deaf ? stopped(err) : forward(s, lane, err);
    if (rv != APR_SUCCESS) {
        refused(s, rv, err);
    }
    pthread_mutex_unlock(&s->lock);
    return rv;
}

/* ---- the threads ---- */

static void run_lane(shared_t *s, lane_t *lane, apr_pool_t *p)
{
    flow_error_t err = FLOW_ERROR_INIT;
    apr_status_t rv;

    lane->sink.baton = lane;
    lane->sink.page_done = page_done;
    lane->sink.record_error = s->sink->record_error ? record_error : NULL;
    want_good(lane);
    rv = flow_run_generator(s->env, &lane->run, &lane->sink, lane->generator, p,
                            &err);
    pthread_mutex_lock(&s->lock);
    lane->is_done = rv == APR_SUCCESS;
    if (rv == APR_EINTR) {
        /* the others may still save where they stand */
        s->is_interrupted = 1;
    }
    else if (rv != APR_SUCCESS && s->rv == APR_SUCCESS) {
        fail(s, rv, &err);
        s->run->failed_source = lane->run.failed_source;
    }
    pthread_mutex_unlock(&s->lock);
}

/* The next generator that is to be run, or NULL. */
static lane_t *take(shared_t *s)
{
    lane_t *lane = NULL;

    pthread_mutex_lock(&s->lock);
    while (!lane && s->next < s->n && !s->stop && !s->is_interrupted) {
        lane = &s->lanes[s->next++];
        lane = lane->is_done ? NULL : lane;
    }
    pthread_mutex_unlock(&s->lock);
    return lane;
}

/* A root pool with an allocator of its own, for one thread. */
static apr_pool_t *own_pool(void)
{
    apr_allocator_t *allocator;
    apr_pool_t *p;

    if (apr_allocator_create(&allocator) != APR_SUCCESS) {
        return NULL;
    }
    if (apr_pool_create_ex(&p, NULL, NULL, allocator) != APR_SUCCESS) {
        apr_allocator_destroy(allocator);
        return NULL;
    }
    apr_allocator_owner_set(allocator, p);
    return p;
}

static void *lane_main(void *data)
{
    shared_t *s = data;
    apr_pool_t *p = own_pool();
    flow_error_t err = FLOW_ERROR_INIT;
    lane_t *lane;

    flow_abort_watch(&s->abort);
    while (p && (lane = take(s)) != NULL) {
        run_lane(s, lane, p);
        apr_pool_clear(p);
    }
    flow_abort_watch(NULL);
    pthread_mutex_lock(&s->lock);
    if (!p) {
        flow_error_set(&err, FLOW_E_INTERNAL, APR_ENOMEM, "out_of_memory",
                       "no memory for a generator");
        fail(s, APR_ENOMEM, &err);
    }
    else {
        apr_pool_destroy(p);
    }
    --s->alive;
    pthread_cond_signal(&s->ended);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* How many could be started. */
static int start(shared_t *s, pthread_t *threads, int wanted)
{
    sigset_t all, before;
    int n = 0;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_mutex_lock(&s->lock);
    while (n < wanted && pthread_create(&threads[n], NULL, lane_main, s) == 0) {
        ++n;
        ++s->alive;
    }
    pthread_mutex_unlock(&s->lock);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return n;
}

/* Pass on what the run is told while it lasts. */
static void watch(shared_t *s)
{
    const volatile apr_uint32_t *stopping = s->run->stopping;

    pthread_mutex_lock(&s->lock);
    while (s->alive) {
        flow_clock_cond_wait(&s->ended, &s->lock, flow_clock() + LOOK_EVERY);
        if (stopping && __atomic_load_n(stopping, __ATOMIC_RELAXED)) {
            __atomic_store_n(&s->stop, 1, __ATOMIC_RELAXED);
        }
        if (flow_abort_asked()) {
            __atomic_store_n(&s->abort, 1, __ATOMIC_RELAXED);
        }
    }
    pthread_mutex_unlock(&s->lock);
}

/* The run has failed and nobody goes on with it: what became of records in
 * batches that were not finished is told, too. */
static void tell_rest(shared_t *s)
{
    flow_error_t ignored = FLOW_ERROR_INIT;
    int i;

    for (i = 0; i < s->n && s->sink->record_error && !s->is_deaf &&
                !APR_STATUS_IS_EINTR(s->rv);
         ++i) {
        s->is_deaf = forward(s, &s->lanes[i], &ignored) != APR_SUCCESS;
    }
}

static apr_status_t run_lanes(shared_t *s, flow_error_t *err)
{
    pthread_t threads[FLOW_PARALLEL_MAX];
    int i, n;

    n = start(s, threads, s->n < FLOW_PARALLEL_MAX ? s->n : FLOW_PARALLEL_MAX);
    if (!n && s->n) {
        return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_ENOMEM, "no_thread",
                              "cannot start a thread for a generator");
    }
    watch(s);
    for (i = 0; i < n; ++i) {
        pthread_join(threads[i], NULL);
    }
    if (s->rv != APR_SUCCESS) {
        tell_rest(s);
        *err = s->error;
    }
    else if (s->is_interrupted) {
        s->rv = flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EINTR, "stopping",
                               "the server is stopping");
    }
    return s->rv;
}

/* ---- the run ---- */

static void make_lanes(shared_t *s, apr_pool_t *p)
{
    flow_run_t *run = s->run;
    int i;

    s->lanes = apr_pcalloc(p, sizeof(*s->lanes) *
                                  (apr_size_t)(run->flow->ngenerators + 1));
    for (i = 0; i < run->flow->ngenerators; ++i) {
        lane_t *lane = &s->lanes[s->n];

        if (!flow_run_wants(run, i)) {
            continue;
        }
        ++s->n;
        lane->shared = s;
        lane->generator = i;
        lane->errors = json_array();
        resume(lane, run->checkpoint);
        lane->run = *run;
        lane->run.checkpoint = lane->position;
        lane->run.stopping = &s->stop;
        lane->run.counters = (flow_counters_t){ 0 };
        lane->run.data = NULL;
        lane->run.data_truncated = 0;
    }
}

/* In the order of the generators. */
static void gather(shared_t *s)
{
    flow_run_t *run = s->run;
    apr_size_t size = 0;
    size_t k;
    int i;

    run->data = run->collect ? json_array() : NULL;
    /* what an earlier try had collected is gone */
    run->data_truncated = run->collect && run->checkpoint;
    for (i = 0; i < s->n; ++i) {
        lane_t *lane = &s->lanes[i];

        add(&run->counters, &lane->run.counters, 1);
        run->data_truncated |= lane->run.data_truncated;
        for (k = 0; k < json_array_size(lane->run.data); ++k) {
            json_t *record = json_array_get(lane->run.data, k);

            size += flow_record_size(record, FLOW_PAGE_BYTES);
            if (size > FLOW_PAGE_BYTES) {
                run->data_truncated = 1;
                break;
            }
            json_array_append(run->data, record);
        }
        json_decref(lane->run.data);
        json_decref(lane->position);
        json_decref(lane->errors);
    }
}

int flow_parallel_is(const flow_run_t *run)
{
    if (run->test_mode || run->event) {
        return 0;
    }
    /* what an earlier try has begun is gone on with as it was */
    return run->checkpoint
               ? json_object_get(run->checkpoint, "parallel") != NULL
               : run->flow->parallel && run->flow->ngenerators > 1;
}

apr_status_t flow_parallel_run(const flow_env_t *env, flow_run_t *run,
                               const flow_run_sink_t *sink, apr_pool_t *p,
                               flow_error_t *err)
{
    static const flow_run_sink_t none = { NULL, NULL, NULL };
    shared_t s = { .env = env, .run = run, .sink = sink ? sink : &none };
    apr_status_t rv;

    s.told = run->counters;
    pthread_mutex_init(&s.lock, NULL);
    flow_clock_cond_init(&s.ended);
    make_lanes(&s, p);
    if (s.n) {
        rv = run_lanes(&s, err);
    }
    else {
        rv = flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "nothing_to_run",
                            "flow '%s' has no export to run; a listener needs "
                            "data",
                            run->flow->id);
    }
    gather(&s);
    pthread_cond_destroy(&s.ended);
    pthread_mutex_destroy(&s.lock);
    return rv;
}
