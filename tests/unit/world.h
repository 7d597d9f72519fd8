/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORLD_H
#define WORLD_H

#include <apr_pools.h>

#include "data/flow_tree.h"
#include "flow/flow_run.h"

/**
 * Documents compiled into a model, with a script engine and a connector
 * "fake" that reads from and writes to memory: what tests of runs and APIs
 * begin with. One world at a time.
 */
typedef struct world_t {
    apr_pool_t *p;
    flow_docs_t *docs;
    flow_model_t *model;
    flow_env_t env;
    flow_caller_t caller; /* 10 seconds from world_compile() on */
} world_t;

world_t *world_create(void);
void world_destroy(world_t *w);

/** A document: pairs of path and value as in FlowSet, NULL at the end. The
 * connection "far" of type fake is always there. */
void world_doc(world_t *w, flow_kind_e kind, const char *id, ...)
    __attribute__((sentinel));
void world_script(world_t *w, const char *id, const char *source);
/** Fails the test, showing them, when there are problems. */
void world_compile(world_t *w);
/** All problems, one a line. For tests of mistakes. */
const char *world_problems(world_t *w);

const flow_export_t *world_export(world_t *w, const char *id);
const flow_import_t *world_import(world_t *w, const char *id);
const flow_flow_t *world_flow(world_t *w, const char *id);

/** From the text in which ' stands for ". New, owned by the world. */
json_t *world_json(world_t *w, const char *text);
/** Fails the test when @a v is not equal to that. */
void world_expect(world_t *w, const json_t *v, const char *text);
/** New; *presult from a run of an export or import, owned by the world. */
json_t *world_own(world_t *w, json_t *v);

/** A request to the document's address; @a type and @a body may be NULL. */
flow_request_t *world_request(world_t *w, const char *method, const char *type,
                              const char *body);
/** One more header of it. Returns it. */
flow_request_t *world_header(flow_request_t *req, const char *name,
                             const char *value);

/** What the connector "fake" does. */
typedef struct fake_t {
    json_t *pages; /* array of pages (arrays of records) to be read */
    int fail_at;   /* reading this page fails; -1 = none */
    flow_error_kind_e fail_kind;
    json_t *inputs;      /* array: what exports were fed with */
    json_t *sent;        /* array: records that arrived */
    json_t *marked;      /* array: records of exports of type once */
    int mark_fails;      /* marking fails for the record with this id */
    json_t *originals;   /* array: and what they were before mapping */
    json_t *contexts;    /* array: template contexts of all calls */
    int calls;           /* of import_records */
    apr_time_t deadline; /* of its last call */
    apr_time_t until;    /* what a request of it would have had */
    int dry_runs;
    int import_fails;          /* import_records itself fails */
    int echo_input;            /* lookups: answer [{"found": input's id}] */
    void (*on_read)(int page); /* called before a page is read, or NULL */
} fake_t;
extern fake_t fake;

#endif
