/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_TREE_H
#define FLOW_TREE_H

#ifdef JANSSON_H
#error "data/flow_tree.h stands for <jansson.h>: include only this one"
#endif
#define JANSSON_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/**
 * JSON trees: jansson's interface, as far as mod_flow uses it, on a tree of our
 * own. What is here does what jansson 2.14 documents for it; include this and
 * never <jansson.h>. The functions carry names of their own:
 * httpd may hold a module that uses the library, and neither must get the
 * other's values.
 *
 * A record is many small values, and the library takes two or three
 * allocations for each. Here a text is one, a member none beside its value
 * (names are shared by all trees), and asking what a value is needs no call.
 * Differences: lengths count everywhere, so names and texts may hold U+0000 in
 * copies, too; a deep copy shares scalars, which nothing changes once they are
 * made; new members may be added while an object is walked.
 *
 * Reference counts are atomic; a tree that two threads see is never changed.
 */
typedef enum {
    JSON_OBJECT,
    JSON_ARRAY,
    JSON_STRING,
    JSON_INTEGER,
    JSON_REAL,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL
} json_type;

typedef struct json_t {
    json_type type;
    size_t refcount; /* (size_t)-1: never freed */
} json_t;

typedef long long json_int_t;

/* --- what is behind a json_t: for the functions below only ---------------- */

struct flow_tree_string {
    json_t json;
    size_t len;
    char text[];
};

struct flow_tree_integer {
    json_t json;
    json_int_t value;
};

struct flow_tree_real {
    json_t json;
    double value;
};

struct flow_tree_array {
    json_t json;
    size_t n, cap;
    json_t **items;
};

struct flow_tree_name {
    const struct flow_tree_name *next; /* what often follows it; a guess */
    uint32_t hash;
    uint32_t len;
    int is_shared; /* by all trees, for ever */
    char text[];
};

/* A member; without a value it was deleted, without a name it is the end of
 * its block, and the value is the next block. */
struct flow_tree_member {
    const struct flow_tree_name *name;
    json_t *value;
};

struct flow_tree_block {
    size_t n, cap;
    struct flow_tree_member members[]; /* cap + 1 */
};

struct flow_tree_object {
    json_t json;
    size_t n;      /* members */
    size_t used;   /* and deleted ones */
    uint64_t seen; /* a bit for the hash of each name that it has, or had */
    int has_own;   /* a name that is not shared, though it might be elsewhere */
    struct flow_tree_block *first, *last;
    struct flow_tree_member **index; /* of large objects */
    size_t indexed;                  /* members that it has, or had */
    size_t mask;
};

/* --- names ---------------------------------------------------------------- */

#define json_object                  flow_tree_object
#define json_array                   flow_tree_array
#define json_string                  flow_tree_string
#define json_string_nocheck          flow_tree_string_nocheck
#define json_stringn                 flow_tree_stringn
#define json_stringn_nocheck         flow_tree_stringn_nocheck
#define json_integer                 flow_tree_integer
#define json_real                    flow_tree_real
#define json_delete                  flow_tree_delete
#define json_copy                    flow_tree_copy
#define json_deep_copy               flow_tree_deep_copy
#define json_object_seed             flow_tree_seed
#define json_object_get              flow_tree_get
#define json_object_getn             flow_tree_getn
#define json_object_set_new          flow_tree_set_new
#define json_object_set_new_nocheck  flow_tree_set_new_nocheck
#define json_object_setn_new         flow_tree_setn_new
#define json_object_setn_new_nocheck flow_tree_setn_new_nocheck
#define json_object_del              flow_tree_del
#define json_object_deln             flow_tree_deln
#define json_object_clear            flow_tree_clear
#define json_object_update           flow_tree_update
#define json_array_set_new           flow_tree_array_set_new
#define json_array_append_new        flow_tree_array_append_new
#define json_array_insert_new        flow_tree_array_insert_new
#define json_array_remove            flow_tree_array_remove
#define json_array_clear             flow_tree_array_clear
#define json_array_extend            flow_tree_array_extend

extern json_t flow_tree_true, flow_tree_false, flow_tree_null;

#define json_true()      (&flow_tree_true)
#define json_false()     (&flow_tree_false)
#define json_null()      (&flow_tree_null)
#define json_boolean(is) ((is) ? json_true() : json_false())

/* --- making; NULL when out of memory or, but for _nocheck, no UTF-8 ------- */

json_t *json_object(void);
json_t *json_array(void);
json_t *json_string(const char *text);
json_t *json_string_nocheck(const char *text);
json_t *json_stringn(const char *text, size_t len);
json_t *json_stringn_nocheck(const char *text, size_t len);
json_t *json_integer(json_int_t value);
json_t *json_real(double value); /* NULL: not finite */
void json_delete(json_t *v);
json_t *json_copy(json_t *v);            /* one level */
json_t *json_deep_copy(const json_t *v); /* all containers */
/** 0: from the system. Only the first call counts, and only before the first
 * name. */
void json_object_seed(size_t seed);

static inline json_t *json_incref(json_t *v)
{
    if (v && __atomic_load_n(&v->refcount, __ATOMIC_RELAXED) != (size_t)-1)
        __atomic_add_fetch(&v->refcount, 1, __ATOMIC_RELAXED);
    return v;
}

static inline void json_decref(json_t *v)
{
    size_t n;

    if (!v)
        return;
    n = __atomic_load_n(&v->refcount, __ATOMIC_ACQUIRE);
    if (n == (size_t)-1)
        return;
    /* A count of one is ours, and nobody else can raise it. */
    if (n == 1 || __atomic_sub_fetch(&v->refcount, 1, __ATOMIC_ACQ_REL) == 0)
        json_delete(v);
}

/* --- asking --------------------------------------------------------------- */

#define json_typeof(v)     ((v)->type)
#define json_is_object(v)  ((v) && json_typeof(v) == JSON_OBJECT)
#define json_is_array(v)   ((v) && json_typeof(v) == JSON_ARRAY)
#define json_is_string(v)  ((v) && json_typeof(v) == JSON_STRING)
#define json_is_integer(v) ((v) && json_typeof(v) == JSON_INTEGER)
#define json_is_real(v)    ((v) && json_typeof(v) == JSON_REAL)
#define json_is_true(v)    ((v) && json_typeof(v) == JSON_TRUE)
#define json_is_false(v)   ((v) && json_typeof(v) == JSON_FALSE)
#define json_is_boolean(v) (json_is_true(v) || json_is_false(v))
#define json_is_null(v)    ((v) && json_typeof(v) == JSON_NULL)

static inline const char *json_string_value(const json_t *v)
{
    return json_is_string(v) ? ((const struct flow_tree_string *)v)->text
                             : NULL;
}

static inline size_t json_string_length(const json_t *v)
{
    return json_is_string(v) ? ((const struct flow_tree_string *)v)->len : 0;
}

static inline json_int_t json_integer_value(const json_t *v)
{
    return json_is_integer(v) ? ((const struct flow_tree_integer *)v)->value
                              : 0;
}

static inline double json_real_value(const json_t *v)
{
    return json_is_real(v) ? ((const struct flow_tree_real *)v)->value : 0;
}

/* --- arrays --------------------------------------------------------------- */

static inline size_t json_array_size(const json_t *v)
{
    return json_is_array(v) ? ((const struct flow_tree_array *)v)->n : 0;
}

static inline json_t *json_array_get(const json_t *v, size_t i)
{
    return i < json_array_size(v)
               ? ((const struct flow_tree_array *)v)->items[i]
               : NULL;
}

/* 0, or -1 on failure. _new takes the reference, also on failure. */
int json_array_set_new(json_t *array, size_t i, json_t *v);
int json_array_append_new(json_t *array, json_t *v);
int json_array_insert_new(json_t *array, size_t i, json_t *v);
int json_array_remove(json_t *array, size_t i);
int json_array_clear(json_t *array);
int json_array_extend(json_t *array, json_t *other);

static inline int json_array_set(json_t *array, size_t i, json_t *v)
{
    return json_array_set_new(array, i, json_incref(v));
}

static inline int json_array_append(json_t *array, json_t *v)
{
    return json_array_append_new(array, json_incref(v));
}

static inline int json_array_insert(json_t *array, size_t i, json_t *v)
{
    return json_array_insert_new(array, i, json_incref(v));
}

#define json_array_foreach(array, i, v)                                        \
    for ((i) = 0;                                                              \
         (i) < json_array_size(array) && ((v) = json_array_get(array, i));     \
         ++(i))

/* --- objects -------------------------------------------------------------- */

static inline size_t json_object_size(const json_t *v)
{
    return json_is_object(v) ? ((const struct flow_tree_object *)v)->n : 0;
}

/**
 * Names that are known beforehand are found without reading them. NULL when
 * there is no room for one more; it is as good as the name itself for the
 * functions below, only slower.
 */
const struct flow_tree_name *flow_tree_name(const char *key, size_t len);
json_t *flow_tree_get_named(const json_t *object,
                            const struct flow_tree_name *name, const char *key,
                            size_t len);
int flow_tree_set_named(json_t *object, const struct flow_tree_name *name,
                        const char *key, size_t len, json_t *v);

/* Borrowed or NULL. */
json_t *json_object_get(const json_t *object, const char *key);
json_t *json_object_getn(const json_t *object, const char *key, size_t len);

/* 0, or -1 on failure. _new takes the reference, also on failure. */
int json_object_set_new(json_t *object, const char *key, json_t *v);
int json_object_set_new_nocheck(json_t *object, const char *key, json_t *v);
int json_object_setn_new(json_t *object, const char *key, size_t len,
                         json_t *v);
int json_object_setn_new_nocheck(json_t *object, const char *key, size_t len,
                                 json_t *v);
int json_object_del(json_t *object, const char *key);
int json_object_deln(json_t *object, const char *key, size_t len);
int json_object_clear(json_t *object);
int json_object_update(json_t *object, json_t *other);

static inline int json_object_set(json_t *object, const char *key, json_t *v)
{
    return json_object_set_new(object, key, json_incref(v));
}

static inline int json_object_set_nocheck(json_t *object, const char *key,
                                          json_t *v)
{
    return json_object_set_new_nocheck(object, key, json_incref(v));
}

static inline int json_object_setn(json_t *object, const char *key, size_t len,
                                   json_t *v)
{
    return json_object_setn_new(object, key, len, json_incref(v));
}

static inline int json_object_setn_nocheck(json_t *object, const char *key,
                                           size_t len, json_t *v)
{
    return json_object_setn_new_nocheck(object, key, len, json_incref(v));
}

/* An iterator is a member. It stays good when members are added or given other
 * values; a deleted one can still be stepped from. */
static inline void *flow_tree_live(struct flow_tree_member *m)
{
    while (!m->value || !m->name) {
        if (m->name) {
            ++m;
        }
        else {
            struct flow_tree_block *next = (struct flow_tree_block *)m->value;

            if (!next)
                return NULL;
            m = next->members;
        }
    }
    return m;
}

static inline void *json_object_iter(json_t *v)
{
    struct flow_tree_object *object = (struct flow_tree_object *)v;

    return json_object_size(v) ? flow_tree_live(object->first->members) : NULL;
}

static inline void *json_object_iter_next(json_t *v, void *iter)
{
    (void)v;
    return iter ? flow_tree_live((struct flow_tree_member *)iter + 1) : NULL;
}

static inline const char *json_object_iter_key(void *iter)
{
    return iter ? ((struct flow_tree_member *)iter)->name->text : NULL;
}

static inline size_t json_object_iter_key_len(void *iter)
{
    return iter ? ((struct flow_tree_member *)iter)->name->len : 0;
}

static inline json_t *json_object_iter_value(void *iter)
{
    return iter ? ((struct flow_tree_member *)iter)->value : NULL;
}

#define FLOW_TREE_PASTE(a, b) a##b
#define FLOW_TREE_NAME(a, b)  FLOW_TREE_PASTE(a, b)
#define FLOW_TREE_ITER        FLOW_TREE_NAME(flow_tree_iter_, __LINE__)

#define json_object_foreach(object, key, v)                                    \
    for (void *FLOW_TREE_ITER = json_object_iter(object);                      \
         ((key) = json_object_iter_key(FLOW_TREE_ITER)) != NULL &&             \
         ((v) = json_object_iter_value(FLOW_TREE_ITER)) != NULL;               \
         FLOW_TREE_ITER = json_object_iter_next(object, FLOW_TREE_ITER))

#define json_object_keylen_foreach(object, key, len, v)                        \
    for (void *FLOW_TREE_ITER = json_object_iter(object);                      \
         ((key) = json_object_iter_key(FLOW_TREE_ITER)) != NULL &&             \
         (((len) = json_object_iter_key_len(FLOW_TREE_ITER)),                  \
          ((v) = json_object_iter_value(FLOW_TREE_ITER)) != NULL);             \
         FLOW_TREE_ITER = json_object_iter_next(object, FLOW_TREE_ITER))

/* The member that the loop is at may be deleted. */
#define json_object_foreach_safe(object, next, key, v)                         \
    for (void *FLOW_TREE_ITER = json_object_iter(object);                      \
         ((next) = json_object_iter_next(object, FLOW_TREE_ITER)),             \
              ((key) = json_object_iter_key(FLOW_TREE_ITER)) != NULL &&        \
                  ((v) = json_object_iter_value(FLOW_TREE_ITER)) != NULL;      \
         FLOW_TREE_ITER = (next))

#endif
