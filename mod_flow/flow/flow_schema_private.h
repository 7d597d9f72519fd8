/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_SCHEMA_PRIVATE_H
#define FLOW_SCHEMA_PRIVATE_H

#include "flow/flow_schema.h"

/**
 * Between the files of the schema. A *pattern* is a row's path, with [] for
 * every element of an array; "" is the document itself.
 */

/** The rows of a kind come from several tables; 0 past the last one. Tables
 * beyond FLOW_SCHEMA_OWN belong to connectors. */
#define FLOW_SCHEMA_OWN 3
int flow_schema_table(flow_kind_e kind, const char *connector, int i,
                      const flow_field_t **ptable);

/** Rows of what Celigo keeps in its documents for itself (flow_schema_kept.c);
 * all are READONLY. */
const flow_field_t *flow_schema_kept(flow_kind_e kind);

/** The row of member @a key of the object at @a pattern, or NULL. */
const flow_field_t *flow_schema_member(flow_kind_e kind, const char *connector,
                                       const char *pattern, const char *key);
/** Is @a path a member of the object at @a pattern (no deeper)? Then its
 * name, else NULL. */
const char *flow_schema_member_name(const char *pattern, const char *path);

/** NULL, or what is wrong with a scalar (or an element of an array). */
const char *flow_schema_scalar_problem(const flow_field_t *field,
                                       const json_t *v, apr_pool_t *p);

/** "'PSOT' is not one of GET POST; did you mean 'POST'?", or NULL. */
const char *flow_schema_word_problem(const flow_field_t *field,
                                     const char *word, apr_pool_t *p);

/** "unknown field 'x'; did you mean 'y'?"; @a pnearest may be NULL. */
const char *flow_schema_unknown(flow_kind_e kind, const char *path,
                                const char **pnearest, apr_pool_t *p);

/** At most 80 bytes of @a text without control characters, for messages. */
const char *flow_printable(const char *text, apr_pool_t *p);

#endif
