/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_PATH_PRIVATE_H
#define FLOW_PATH_PRIVATE_H

#include "data/flow_path.h"

/**
 * What templates, filters and mappings share with paths: they write their
 * paths in other words, but walk them the same way.
 */
#define FLOW_PATH_TEXT_MAX  2048
#define FLOW_PATH_STEPS_MAX 64
#define FLOW_PATH_INDEX_MAX 10000 /* highest index that a set creates */

typedef enum {
    FLOW_STEP_NAME,
    FLOW_STEP_INDEX, /* an element; in an object the member of that name */
    FLOW_STEP_ALL
} flow_step_e;

typedef struct flow_step_t {
    flow_step_e kind;
    const char *name; /* also of an index; NUL-terminated */
    apr_size_t len;
    apr_size_t index;
    const struct flow_tree_name *known; /* or NULL: see flow_step_know() */
} flow_step_t;

struct flow_path_t {
    const char *text;
    const flow_step_t *steps;
    int n;
    int is_multi;
    const struct flow_xpath_t *xpath; /* instead of steps, or NULL */
};

/** A step from a bare word: "0" and "12" are indexes, all else is a name. */
flow_step_t flow_step_from_word(const char *word, apr_size_t len,
                                apr_pool_t *p);
/** Make walking faster: for steps of documents, not of records. */
void flow_step_know(flow_step_t *steps, int n);
/** A path from steps that were read elsewhere; they are copied, the text is
 * not. */
flow_path_t *flow_path_make(const flow_step_t *steps, int n, const char *text,
                            apr_pool_t *p);
/** One step down, borrowed or NULL. @a step is no FLOW_STEP_ALL. */
const json_t *flow_step_take(const flow_step_t *step, const json_t *v);
/** Like flow_path_get() for a path without `*`, but borrowed. */
const json_t *flow_path_find(const flow_path_t *path, const json_t *root);
/** Can flow_path_set() use this path at all? Explains if not. */
apr_status_t flow_path_check_target(const flow_path_t *path, flow_error_t *err);

#endif
