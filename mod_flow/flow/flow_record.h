/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_RECORD_H
#define FLOW_RECORD_H

#include <apr_pools.h>
#include <apr_time.h>

#include "base/flow_error.h"
#include "data/flow_template.h"
#include "data/flow_tree.h"

/**
 * What every part of a run says about records: error elements, trace keys,
 * sizes. Any thread.
 */

#define FLOW_PAGE_BYTES    (5 * 1024 * 1024) /* a page, or a whole result */
#define FLOW_TRACE_KEY_MAX 512               /* characters */

/** Where a record failed: values of `source` (celigo-data 3.8). */
#define FLOW_SOURCE_INTERNAL         "internal"
#define FLOW_SOURCE_APPLICATION      "application"
#define FLOW_SOURCE_CONNECTION       "connection"
#define FLOW_SOURCE_RESOURCE         "resource"
#define FLOW_SOURCE_TRANSFORMATION   "transformation"
#define FLOW_SOURCE_OUTPUT_FILTER    "output_filter"
#define FLOW_SOURCE_INPUT_FILTER     "input_filter"
#define FLOW_SOURCE_IMPORT_FILTER    "import_filter"
#define FLOW_SOURCE_MAPPING          "mapping"
#define FLOW_SOURCE_LOOKUP           "lookup"
#define FLOW_SOURCE_RESPONSE_MAPPING "response_mapping"
#define FLOW_SOURCE_PRE_SAVE_PAGE    "pre_save_page_hook"
#define FLOW_SOURCE_PRE_MAP          "pre_map_hook"
#define FLOW_SOURCE_POST_MAP         "post_map_hook"
#define FLOW_SOURCE_POST_SUBMIT      "post_submit_hook"
#define FLOW_SOURCE_SCRIPT           "script"

/** The source of a failed call to the far end: the connection could not be
 * used, the resource (the export or import) is not set up for it, the
 * application said no. */
const char *flow_error_source(const flow_error_t *err);

/** New {code, message, source}. */
json_t *flow_record_error(const char *code, const char *message,
                          const char *source);
json_t *flow_record_error_from(const flow_error_t *err, const char *source);
/** New: @a element as {code, message, source}: members that are missing or no
 * text are filled in, other members are dropped. A text becomes the message.*/
json_t *flow_record_error_normal(const json_t *element, const char *source,
                                 apr_pool_t *scratch);
/** New array of normal elements; anything but an array is one element, NULL
 * and null are none. */
json_t *flow_record_errors_normal(const json_t *errors, const char *source,
                                  apr_pool_t *scratch);

/**
 * What identifies the record: the template's text, else `id`, `_id`, `key` or
 * `name` (of a grouped record: of its first row). At most FLOW_TRACE_KEY_MAX
 * characters, longer ones lose their middle. NULL when there is nothing.
 */
const char *flow_record_trace_key(const flow_template_t *tpl,
                                  const json_t *record, apr_pool_t *p);

/** About the length of its JSON text (escapes are not counted), without
 * writing it; stops counting beyond @a limit. */
apr_size_t flow_record_size(const json_t *v, apr_size_t limit);

/** "2026-11-25T02:00:01.200Z" */
const char *flow_record_time(apr_time_t t, apr_pool_t *p);

/** New text of @a s; what is no UTF-8 is repaired. */
json_t *flow_record_text(const char *s);
/** A member for a new object: nothing happens when @a s is NULL. @a key is
 * valid UTF-8, here and below. */
void flow_record_set_text(json_t *object, const char *key, const char *s);
/** Share @a value (borrowed) as a member; nothing happens when NULL. */
void flow_record_share(json_t *object, const char *key, const json_t *value);
/** One more reference to a value that is only read. */
json_t *flow_record_ref(const json_t *value);

#endif
