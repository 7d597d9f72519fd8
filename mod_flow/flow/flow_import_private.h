/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_IMPORT_PRIVATE_H
#define FLOW_IMPORT_PRIVATE_H

#include "flow/flow_import.h"

/** What the files of the import's pipeline share. */

/** One record (with oneToMany: one child) on its way. */
typedef struct flow_import_item_t {
    const json_t *incoming; /* as it came; borrowed */
    const char *lock;       /* key of idLockTemplate, or NULL */
    json_t *original;       /* as preMap left it */
    json_t *mapped;
    flow_import_result_t *result; /* response NULL while it is on its way */
} flow_import_item_t;

typedef struct flow_import_work_t {
    flow_scope_t *scope;
    const flow_import_t *imp;
    flow_import_page_t *page;
    flow_import_item_t *items; /* those still on their way, in order */
    size_t n;
    const char *page_key; /* or NULL */
    apr_pool_t *p;
} flow_import_work_t;

/** What keys are made of, when somebody asks for one. */
typedef struct flow_call_keys_t {
    const flow_import_work_t *work;
    const char **made; /* one per item; NULL until asked for */
} flow_call_keys_t;

/** New: a response element for every item; exchanges with the far end go into
 * their results. */
json_t *flow_import_submit(const flow_import_work_t *w, json_t *records,
                           json_t *originals);

#endif
