/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_PRESETS_H
#define FLOW_PRESETS_H

#include "flow/flow_docs.h"

/**
 * Presets: what is the same in everybody's connection to an application. A
 * preset is a file NAME.json of one directory:
 *
 *   {"title", "docs": [addresses of the application's documentation],
 *    "required": {field: what it is},
 *    "connection": {...}, "export": {...}, "import": {...}}
 *
 * The three last are documents without what belongs to one user. A document
 * whose field `assistant` is NAME takes what it lacks from there: objects are
 * merged member by member, everything else it has (null, too) stays. `required`
 * fields (of the connection) must then be there. An export takes `http.paging`
 * only with what its method needs: its variable in the address or the body, or
 * the address or body of later pages.
 */

/** The directory used when nobody names one. */
const char *flow_presets_dir(void);

/** Read the presets that documents name and apply them. Mistakes are problems
 * of @a docs; those in a preset name its file, line and field. After
 * flow_docs_finish(). @a dir NULL: flow_presets_dir(). */
void flow_presets_apply(flow_docs_t *docs, const char *dir);

/** Where @a path stands when a preset gave it: 1 and the place, else 0. */
int flow_presets_place(const flow_doc_t *doc, const char *path,
                       const char **pfile, int *pline);

#endif
