/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_MAPPING_PRIVATE_H
#define FLOW_MAPPING_PRIVATE_H

#include <apr_tables.h>

#include "data/flow_convert.h"
#include "data/flow_mapping.h"
#include "data/flow_path_private.h"
#include "data/flow_template.h"
#include "data/flow_xpath.h"

/** flow_mapping_compile.c, _rule.c and flow_mapper_compile.c make these,
 * flow_mapping.c and flow_mapper.c carry them out. */
#define FLOW_MAPPING_RULES_MAX 10000
#define FLOW_MAPPING_TEXT_MAX  (1024 * 1024) /* what one template may render */
#define FLOW_MAPPING_MADE_MAX  1000000       /* elements: helpers multiply */
/** Text that the mapping of one record may make, and about the length of the
 * text that the record has in the end: fields multiply what they copy. */
#define FLOW_MAPPING_SIZE_MAX (64 * 1024 * 1024)

typedef enum {
    FLOW_WHEN_ALWAYS,
    FLOW_WHEN_EXTRACT_NOT_EMPTY,
    FLOW_WHEN_RECORD_CREATED,
    FLOW_WHEN_RECORD_UPDATED,
    FLOW_WHEN_LOOKUP_NOT_EMPTY,
    FLOW_WHEN_LOOKUP_EMPTY,
    FLOW_WHEN_IGNORE_IF_SET
} flow_when_e;

/** One field of Mapper 1.0. Where its value comes from: exactly one of
 * constant, tpl and the two paths, or none when a lookup asks the far end. */
typedef struct flow_rule_t {
    const char *where; /* "mapping.fields[3] 'price'", for messages */
    const flow_path_t *generate;
    json_t *constant;
    const flow_template_t *tpl;
    const flow_path_t *inner;  /* in the element of a list, first; or NULL */
    const flow_path_t *outer;  /* in the record; or NULL */
    const flow_xpath_t *xpath; /* in a record that was XML, instead; or NULL */
    const flow_lookup_t *lookup;
    const flow_lookup_t *condition;
    const flow_dates_t *dates;
    json_t *fallback; /* "default", converted already; or NULL */
    flow_type_e type;
    flow_when_e when;
    int discards_empty;
    int is_first; /* useAsAnInitializeValue: before the others */
    int is_each;  /* from a[*].x to b[*].y: convert element by element */
} flow_rule_t;

typedef struct flow_rule_list_t {
    const char *where;
    const flow_path_t *generate;
    const flow_path_t *source; /* an array: its elements; else one element */
    const flow_rule_t *rules;
    int n;
} flow_rule_list_t;

/* --- Mapper 2.0 ----------------------------------------------------------- */

/**
 * The composite object of a helper's element is not made unless somebody
 * looks at it as a whole: every array on the helper's path has a slot, which
 * holds the element of the moment, and a path below is read from the slot of
 * the longest part of it that has one.
 */
typedef struct flow_frame_t {
    const struct flow_frame_t *outer; /* NULL: the input */
    const flow_path_t *path;          /* seen from there */
    const int *slots; /* of each step: which one, or -1: no array */
    int depth;
} flow_frame_t;

typedef struct flow_mapper_path_t {
    int slot;                /* -1: from the input's root */
    int needs_composite;     /* then from that */
    const flow_path_t *path; /* from there */
} flow_mapper_path_t;

typedef struct flow_source_t {
    json_t *constant;
    const flow_template_t *tpl;
    const flow_mapper_path_t *paths; /* `$.a|$.b` */
    int n;
} flow_source_t;

typedef struct flow_mapper_field_t flow_mapper_field_t;

typedef struct flow_mapper_helper_t {
    const char *where;
    flow_source_t source;
    flow_type_e source_type;
    json_t *fallback;
    int needs_value; /* extract_not_empty */
    const flow_mapper_field_t *fields;
    int n;
    const flow_frame_t *frame;      /* composite: of the fields; or NULL */
    const flow_mapper_path_t *from; /* composite: where its path begins */
} flow_mapper_helper_t;

struct flow_mapper_field_t {
    const char *where;
    const char *name;
    apr_size_t len;
    flow_type_e type, source_type;
    flow_source_t source;
    json_t *fallback; /* "default", converted already; or NULL */
    const flow_lookup_t *lookup;
    const flow_dates_t *dates;
    flow_when_e when;
    const flow_mapper_field_t *fields; /* of an object */
    int n;
    const flow_mapper_helper_t *helpers; /* of an array */
    int nhelpers;
};

struct flow_mapping_t {
    const flow_rule_t *rules;
    int n;
    const flow_rule_list_t *lists;
    int nlists;
    const flow_lookups_t *lookups;
    const flow_lookup_t *const *asked; /* whose {{lookup.NAME}} is used */
    int nasked;
    int needs_state;
    /* What templates see at the top, beside `record`: these names, or all. */
    const apr_array_header_t *members; /* const char * */
    int needs_context;
    /* Mapper 2.0 */
    int is_mapper;
    int is_envelope;
    int is_modify;
    const flow_mapper_field_t *fields;
    int nfields;
    int nslots;
    const flow_mapping_t *next; /* rule groups: works on what this one made */
};

/* --- running: flow_mapping.c and _context.c, also for flow_mapper.c -------- */

typedef struct flow_mapping_run_t {
    const flow_mapping_t *mapping;
    const flow_mapping_env_t *env;
    const json_t *record;
    const json_t *element; /* of a list; NULL outside one */
    json_t *context;       /* what templates see; made when first needed */
    json_t *asked;         /* {name: value} of mapping->asked, or NULL */
    const json_t **slots;
    apr_size_t made; /* elements of arrays */
    apr_size_t text; /* bytes of text that was made */
    apr_size_t size; /* about the text of what has been put, at most */
    int is_fresh;    /* nothing was there before, and what was put adds up */
    int has_array;   /* what is put below one may be put many times */
    int level;       /* Mapper 2.0: how deep the object being filled is */
    int is_building; /* within an array, which is counted as a whole */
    flow_buf_t out;  /* for templates */
    apr_pool_t *scratch;
    flow_error_t *err;
} flow_mapping_run_t;

apr_status_t flow_mapping_no_memory(const flow_mapping_run_t *run);
/** *pv is a new text. @a input: what the template sees as `record`. */
apr_status_t flow_mapping_render(flow_mapping_run_t *run,
                                 const flow_template_t *tpl,
                                 const json_t *context, const json_t *input,
                                 const char *where, json_t **pv);
/** New. @a element may be NULL. */
json_t *flow_mapping_context(flow_mapping_run_t *run, const json_t *input,
                             const json_t *element, apr_status_t *prv);
apr_status_t flow_mapping_look_up(const flow_mapping_run_t *run,
                                  const flow_lookup_t *lookup,
                                  const json_t *record, const char *where,
                                  const json_t *fallback, json_t **pv);
/** Count what became of a value. */
apr_status_t flow_mapping_count_text(flow_mapping_run_t *run, const char *where,
                                     const json_t *v);
int flow_mapping_when(const flow_mapping_run_t *run, flow_when_e when);
/** Count what is about to be put, that many levels down in what is made. */
void flow_mapping_note_put(flow_mapping_run_t *run, const json_t *v,
                           int levels);

/** Mapper 2.0 for one input; *pout is the object to fill. */
apr_status_t flow_mapper_apply(flow_mapping_run_t *run, json_t *out);

/* --- compiling: flow_mapping_rule.c, for the others ------------------------ */

typedef struct flow_mapping_compiler_t {
    const flow_mapping_options_t *options;
    flow_mapping_t *mapping;
    apr_array_header_t *asked;   /* const flow_lookup_t * */
    apr_array_header_t *members; /* const char * */
    apr_size_t rules;            /* so far, for the maximum */
    const char *root;            /* "mapping", "transform.rules" ... */
    apr_pool_t *p;
    flow_notes_t *notes;
} flow_mapping_compiler_t;

/** Refuse the document: @a where says which part of it. */
apr_status_t flow_mapping_bad(const flow_mapping_compiler_t *c,
                              const char *where, const char *code,
                              const char *what);
apr_status_t flow_mapping_not_yet(const flow_mapping_compiler_t *c,
                                  const char *where, const char *field);
apr_status_t flow_mapping_unknown(const flow_mapping_compiler_t *c,
                                  const char *where, const char *what,
                                  const char *name, const char *const *known,
                                  apr_size_t n);
/** A member that is neither absent nor null, else NULL. Borrowed. */
const json_t *flow_mapping_member(const json_t *object, const char *key);
json_t *flow_mapping_keep(const flow_mapping_compiler_t *c, const json_t *v);
/** Every key of @a object is in @a known, or the first other one is named. */
apr_status_t flow_mapping_check_keys(const flow_mapping_compiler_t *c,
                                     const json_t *object, const char *where,
                                     const char *const *known, apr_size_t n);
apr_status_t flow_mapping_path(const flow_mapping_compiler_t *c,
                               const char *where, const char *text,
                               const flow_path_t **ppath);
/** A path that values can be put at. */
apr_status_t flow_mapping_target(const flow_mapping_compiler_t *c,
                                 const char *where, const char *text,
                                 const flow_path_t **ppath);
apr_status_t flow_mapping_template(flow_mapping_compiler_t *c,
                                   const char *where, const char *text,
                                   apr_size_t len,
                                   const flow_template_t **ptpl);
/** `key` (dataType, sourceDataType) among the first @a n of flow_type_names;
 * absent: NONE. */
apr_status_t flow_mapping_type(const flow_mapping_compiler_t *c,
                               const char *where, const json_t *doc,
                               const char *key, flow_type_e *ptype);
/** "default" converted; "" and null stay what they are. */
apr_status_t flow_mapping_default(const flow_mapping_compiler_t *c,
                                  const char *where, const json_t *doc,
                                  flow_type_e type, json_t **pfallback);
/** conditional.when; *pname is conditional.lookupName. @a allowed: how many of
 * the conditions the mapper has. */
apr_status_t flow_mapping_conditional(flow_mapping_compiler_t *c,
                                      const char *where, const json_t *doc,
                                      int allowed, flow_when_e *pwhen,
                                      const char **pname);
apr_status_t flow_mapping_lookup(const flow_mapping_compiler_t *c,
                                 const char *where, const char *name,
                                 const flow_lookup_t **plookup);
/** *pdates stays NULL when none of the four fields is set. */
apr_status_t flow_mapping_dates(const flow_mapping_compiler_t *c,
                                const char *where, const json_t *doc,
                                const flow_dates_t **pdates);
apr_status_t flow_mapping_rule(flow_mapping_compiler_t *c, flow_rule_t *rule,
                               const json_t *doc, const char *where);

/* --- flow_mapper_compile.c ------------------------------------------------ */

apr_status_t flow_mapper_compile(flow_mapping_compiler_t *c, const json_t *doc);

#endif
