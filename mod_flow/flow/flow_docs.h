/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_DOCS_H
#define FLOW_DOCS_H

#include <apr_hash.h>
#include <apr_pools.h>
#include <apr_tables.h>

#include "base/flow_error.h"
#include "data/flow_tree.h"
#include "flow/flow_schema.h"

/**
 * Collecting documents while the configuration is read, from sections with
 * FlowSet lines, FlowInclude and FlowScript. Mistakes do not stop the
 * collecting: they become problems, all of which are reported at the end.
 *
 * One thread (the one that reads the configuration). Everything lives in the
 * pool given to flow_docs_create().
 */
typedef struct flow_problem_t {
    const char *file;  /* where the mistake stands */
    int line;          /* 1-based */
    const char *what;  /* "export 'orders'", or NULL */
    const char *field; /* "http.paging.method", or NULL */
    const char *message;
} flow_problem_t;

typedef struct flow_docs_t flow_docs_t;

flow_docs_t *flow_docs_create(apr_pool_t *p);

/** Start a document given by a section. A second one with the same kind and
 * id is a problem that names the first one's place. @a id may be any text of
 * 1-100 characters without blanks, '/' and control characters. */
void flow_docs_begin(flow_docs_t *docs, flow_kind_e kind, const char *id,
                     const char *file, int line);
/** One FlowSet line of the document begun last. @a value keeps its blanks. */
void flow_docs_set(flow_docs_t *docs, const char *path, const char *value,
                   const char *file, int line);
/** Read a file, a directory or a wildcard (fnmatch in the last component).
 * @a file and @a line are the directive's place. Relative paths have been
 * made absolute by the caller. */
void flow_docs_include(flow_docs_t *docs, const char *path, const char *file,
                       int line);
void flow_docs_script(flow_docs_t *docs, const char *name, const char *path,
                      const char *file, int line);
/** Add a problem by hand (the glue's own findings). */
void flow_docs_problem(flow_docs_t *docs, const char *file, int line,
                       const char *what, const char *field, const char *fmt,
                       ...) __attribute__((format(printf, 6, 7)));

/** All problems so far, in order of place. */
const flow_problem_t *flow_docs_problems(const flow_docs_t *docs,
                                         apr_size_t *pn);
/** "FILE:LINE: export 'orders', http.method: message" */
const char *flow_problem_text(const flow_problem_t *problem, apr_pool_t *p);

/** Type the FlowSet lines and make documents of them. Fields belong to
 * connectors, and those of other modules are registered only after the
 * configuration was read: hence not in flow_docs_set(). flow_compile() calls
 * this; a second call does nothing. */
void flow_docs_finish(flow_docs_t *docs);

/* For flow_compile.c: the documents themselves. */
typedef struct flow_place_t {
    const char *file;
    int line;
} flow_place_t;

typedef struct flow_doc_t {
    flow_kind_e kind;
    const char *id;
    json_t *json;     /* secrets still as env:NAME or file:PATH */
    const char *file; /* where it begins */
    int line;
    flow_json_places_t *places; /* of JSON documents, else NULL */
    const char *place_prefix;   /* "exports[2]" in a bundle, else "" */
    apr_hash_t *lines;  /* of FlowSet lines: path -> flow_place_t*, else NULL */
    apr_hash_t *failed; /* fields whose FlowSet line was wrong: path -> "" */
    apr_array_header_t *sets; /* FlowSet lines not typed yet, or NULL */
    const struct flow_doc_preset_t *preset; /* flow_presets.h, or NULL */
    const char *source;                     /* scripts: the text */
    apr_size_t source_len;
} flow_doc_t;
apr_size_t flow_docs_count(const flow_docs_t *docs);
flow_doc_t *flow_docs_at(const flow_docs_t *docs, apr_size_t i);
flow_doc_t *flow_docs_find(const flow_docs_t *docs, flow_kind_e kind,
                           const char *id);
/** The id nearest to @a id among the documents of @a kind, or NULL. */
const char *flow_docs_nearest(const flow_docs_t *docs, flow_kind_e kind,
                              const char *id, apr_pool_t *p);
/** Is "a.b[0].c" below "a.b"? */
int flow_path_is_below(const char *path, const char *parent);
/** Where @a path of the document stands. */
void flow_doc_place(const flow_doc_t *doc, const char *path, const char **pfile,
                    int *pline);
/** "export 'orders'" */
const char *flow_doc_what(const flow_doc_t *doc, apr_pool_t *p);

/* Between flow_docs.c and flow_include.c. */
apr_pool_t *flow_docs_pool(const flow_docs_t *docs);
/** A document with neither content nor places; NULL when @a id is not usable
 * or taken (then a problem has been added). */
flow_doc_t *flow_docs_add(flow_docs_t *docs, flow_kind_e kind, const char *id,
                          const char *file, int line);

#endif
