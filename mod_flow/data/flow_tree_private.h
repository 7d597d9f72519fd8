/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_TREE_PRIVATE_H
#define FLOW_TREE_PRIVATE_H

#include <stdint.h>
#include <string.h>

#include "data/flow_tree.h"

/* --- names: flow_tree_name.c ---------------------------------------------- */

#define FLOW_TREE_NAME_MAX 48 /* bytes of a name that is shared */

/** Never 0. */
uint32_t flow_tree_hash_of(const char *key, size_t len);
/** Shared; NULL when there is no room for one more. */
const struct flow_tree_name *flow_tree_find_name(const char *key, size_t len,
                                                 uint32_t hash);
const struct flow_tree_name *flow_tree_own_name(const char *key, size_t len,
                                                uint32_t hash);

static inline int flow_tree_is_name(const struct flow_tree_name *name,
                                    const char *key, size_t len, uint32_t hash)
{
    return name->hash == hash && name->len == len &&
           memcmp(name->text, key, len) == 0;
}

static inline void flow_tree_release_name(const struct flow_tree_name *name)
{
    if (!name->is_shared)
        free((struct flow_tree_name *)name);
}

/* --- memory: flow_tree_spare.c -------------------------------------------- */

/*
 * Records come and go, each with dozens of small values. What a thread gives
 * up it keeps, up to a number of each size, for its next ones; a value may be
 * given up by another thread than the one that made it. Only the pointer is
 * thread-local storage, of which a loaded module may have little.
 */
#if defined(__SANITIZE_ADDRESS__)
#define FLOW_TREE_HAS_SPARE 0 /* who uses what is gone shall be seen */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FLOW_TREE_HAS_SPARE 0
#endif
#endif
#ifndef FLOW_TREE_HAS_SPARE
#define FLOW_TREE_HAS_SPARE 1
#endif

#if FLOW_TREE_HAS_SPARE
#define FLOW_TREE_SPARE_UNIT  16
#define FLOW_TREE_SPARE_SIZES 10 /* up to 160 bytes: an object's first block */
#define FLOW_TREE_SPARE_MAX   512

typedef struct flow_tree_spare_t {
    void *first
        [FLOW_TREE_SPARE_SIZES]; /* each begins with a pointer to the next */
    unsigned n[FLOW_TREE_SPARE_SIZES];
} flow_tree_spare_t;

extern __thread flow_tree_spare_t *flow_tree_spare
    __attribute__((tls_model("initial-exec")));

flow_tree_spare_t *flow_tree_start_spare(void);

static inline void *flow_tree_take(size_t size)
{
    size_t i = (size - 1) / FLOW_TREE_SPARE_UNIT;
    void *got;

    if (i >= FLOW_TREE_SPARE_SIZES)
        return malloc(size);
    if (!flow_tree_spare || !flow_tree_spare->first[i])
        return malloc((i + 1) * FLOW_TREE_SPARE_UNIT);
    got = flow_tree_spare->first[i];
    flow_tree_spare->first[i] = *(void **)got;
    --flow_tree_spare->n[i];
    return got;
}

/* The size is that which was asked for. */
static inline void flow_tree_give(void *data, size_t size)
{
    size_t i = (size - 1) / FLOW_TREE_SPARE_UNIT;

    if (i >= FLOW_TREE_SPARE_SIZES ||
        (!flow_tree_spare && !flow_tree_start_spare()) ||
        flow_tree_spare->n[i] == FLOW_TREE_SPARE_MAX) {
        free(data);
        return;
    }
    *(void **)data = flow_tree_spare->first[i];
    flow_tree_spare->first[i] = data;
    ++flow_tree_spare->n[i];
}
#else
static inline void *flow_tree_take(size_t size)
{
    return malloc(size);
}

static inline void flow_tree_give(void *data, size_t size)
{
    (void)size;
    free(data);
}
#endif

/* --- trees ---------------------------------------------------------------- */

/* What is not taken is given up. */
static inline int flow_tree_refuse(json_t *v)
{
    json_decref(v);
    return -1;
}

/** NULL when out of memory. */
static inline void *flow_tree_make(json_type type, size_t size)
{
    json_t *v = flow_tree_take(size);

    if (v) {
        v->type = type;
        v->refcount = 1;
    }
    return v;
}

/** Give up what is in an object that is about to go. */
void flow_tree_drop_members(struct flow_tree_object *object);
json_t *flow_tree_copy_object(const json_t *v, int is_deep);

#endif
