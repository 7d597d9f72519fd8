/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_SCHEMA_H
#define FLOW_SCHEMA_H

#include <apr_pools.h>
#include <jansson.h>

#include "base/flow_error.h"
#include "data/flow_json.h"

/**
 * What documents may say: one row per field and kind, the single source for
 * checking JSON documents and FlowSet lines, typing values, masking secrets
 * and the reference in docs/fields.md (flowctl prints it; a lint compares).
 *
 * A connector adds rows of its own (its object, e.g. `http`). Rows are const
 * and shared by all threads.
 */
typedef enum {
    FLOW_KIND_CONNECTION,
    FLOW_KIND_EXPORT,
    FLOW_KIND_IMPORT,
    FLOW_KIND_FLOW,
    FLOW_KIND_SCRIPT,
    FLOW_KIND_API,
    FLOW_KIND_ICLIENT,
    FLOW_KIND_ASYNC_HELPER,
    FLOW_KIND_COUNT
} flow_kind_e;

/** "connection" ... "api"; and the plural names of bundles and folders. */
const char *flow_kind_name(flow_kind_e kind);
const char *flow_kind_plural(flow_kind_e kind);

typedef enum {
    FLOW_FIELD_STRING,
    FLOW_FIELD_TEMPLATE, /* a string with {{...}} */
    FLOW_FIELD_PATH,     /* a string that flow_path_compile() takes */
    FLOW_FIELD_INT,
    FLOW_FIELD_BOOL,
    FLOW_FIELD_ID,        /* _id of a document of another kind (see `values`) */
    FLOW_FIELD_OBJECT,    /* its members have rows of their own */
    FLOW_FIELD_ARRAY,     /* its elements have rows with [] */
    FLOW_FIELD_STRINGS,   /* array of strings; FlowSet may give words */
    FLOW_FIELD_TEMPLATES, /* array of templates, one per operation; FlowSet may
                             give one as it is */
    FLOW_FIELD_ANY        /* any JSON; checked elsewhere (filters, mappings) */
} flow_field_type_e;

#define FLOW_FIELD_REQUIRED 0x01
#define FLOW_FIELD_SECRET   0x02 /* env:NAME and file:PATH work; masked */
#define FLOW_FIELD_READONLY 0x04 /* accepted and ignored: createdAt ... */
#define FLOW_FIELD_LATER    0x08 /* known, refused by name: not supported yet */

typedef struct flow_field_t {
    const char *path; /* "http.paging.method", "pageGenerators[]._exportId" */
    flow_field_type_e type;
    unsigned flags;
    const char *values; /* allowed words, blank separated, behind a '|' those
                           that are known but not supported yet; for ID the
                           kind; for INT "min max"; else NULL */
    const char *dflt;   /* text form, or NULL */
    const char *help;   /* one line, no full stop at its end */
} flow_field_t;

/** Rows of a kind; ends with a row whose path is NULL. Without connectors'. */
const flow_field_t *flow_schema_fields(flow_kind_e kind);

/** The row for a concrete path ("pageGenerators[3]._exportId") among the
 * kind's own rows and those of the connector named @a connector (may be NULL =
 * search all connectors). What lies inside of an ANY, READONLY or LATER field
 * has that field's row. NULL when there is none. */
const flow_field_t *flow_schema_find(flow_kind_e kind, const char *connector,
                                     const char *path);
/** The known path nearest to @a path, or NULL. */
const char *flow_schema_nearest(flow_kind_e kind, const char *path,
                                apr_pool_t *p);

/** FlowSet: the text of a value as the row types it. `@path` is replaced by
 * the file's content (relative to @a base_dir; without its last line break)
 * first, `@@x` means "@x". Where a field can be an array or an object, a text
 * that begins with [ or { is JSON. *pv is new. Messages say what would be
 * right. */
apr_status_t flow_schema_value(const flow_field_t *field, const char *text,
                               const char *base_dir, json_t **pv, apr_pool_t *p,
                               flow_error_t *err);

/** What flow_schema_check() tells and asks. */
typedef struct flow_schema_check_t {
    void *baton;
    void (*problem)(void *baton, const char *path, const char *message);
    /** Is there a document @a id? If not, *pnearest may name one. NULL: not
     * asked. */
    int (*exists)(void *baton, const char *kind, const char *id,
                  const char **pnearest);
} flow_schema_check_t;

/** Check a whole document: unknown and unsupported fields, types, values,
 * ranges, required fields, references. What is wrong is reported and then
 * taken out of @a doc (in arrays: made null), so that compiling can go on and
 * find more; hence even a required field may be missing afterwards.
 * @a connector as in flow_schema_find(); "webhook" for listeners. Returns the
 * number of problems. In documents that Celigo has exported (they have its times
 * or an id of 24 hexadecimal digits) unknown fields whose value says nothing are
 * ignored. */
int flow_schema_check(flow_kind_e kind, const char *connector, json_t *doc,
                      const flow_schema_check_t *check, apr_pool_t *p);

/** Call @a fn for every text (or number, as text) in a SECRET field; what it returns (new, or NULL
 * to keep) takes the text's place. */
typedef json_t *flow_schema_secret_fn(void *baton, const char *path,
                                      const char *text);
void flow_schema_secrets(flow_kind_e kind, json_t *doc,
                         flow_schema_secret_fn *fn, void *baton, apr_pool_t *p);

/** A deep copy in which secrets that have a value read "******". New. */
json_t *flow_schema_mask(flow_kind_e kind, const json_t *doc);

/** The reference of all kinds as Markdown (docs/fields.md). */
apr_status_t flow_schema_write_markdown(flow_buf_t *out);

#endif
