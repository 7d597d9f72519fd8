/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects: a list of blocks of members in the order in which they came, each
 * block larger than the one before it. Members stay where they are until so
 * many have been deleted that it pays to move the rest. Small objects are
 * searched by walking, large ones through an index.
 */
#include "data/flow_tree_private.h"

#include <stdlib.h>
#include <string.h>

#include "data/flow_json.h"

#define FIRST_BLOCK 7
#define BLOCK_MAX   4096
#define INDEX_FROM  16 /* members that are still searched by walking */
/* Of larger objects names are more likely keys that never come again. */
#define SHARED_MAX 64

typedef struct flow_tree_object object_t;
typedef struct flow_tree_member member_t;
typedef struct flow_tree_block block_t;
typedef struct flow_tree_name name_t;

/* One that is shared, or NULL. */
static const name_t *get_shared(const object_t *object, const char *key,
                                size_t len, uint32_t hash)
{
    return len <= FLOW_TREE_NAME_MAX && object->n < SHARED_MAX
               ? flow_tree_find_name(key, len, hash)
               : NULL;
}

static const name_t dead_name;

static void start(object_t *object)
{
    object->n = object->used = 0;
    object->seen = 0;
    object->has_own = 0;
    object->first = object->last = NULL;
    object->index = NULL;
    object->indexed = object->mask = 0;
}

json_t *json_object(void)
{
    object_t *object = flow_tree_make(JSON_OBJECT, sizeof(*object));

    if (!object)
        return NULL;
    start(object);
    return &object->json;
}

static object_t *as_object(const json_t *v)
{
    return json_is_object(v) ? (object_t *)v : NULL;
}

static int may_have(const object_t *object, uint32_t hash)
{
    return (object->seen >> (hash >> 26)) & 1;
}

/* Over the end of a block. */
static member_t *over_end(member_t *m)
{
    while (m && !m->name)
        m = m->value ? ((block_t *)m->value)->members : NULL;
    return m;
}

static member_t *first_member(const object_t *object)
{
    return object->first ? over_end(object->first->members) : NULL;
}

static member_t *find(const object_t *object, const char *key, size_t len,
                      uint32_t hash)
{
    member_t *m;
    size_t i;

    if (!may_have(object, hash))
        return NULL;
    if (object->index) {
        for (i = hash & object->mask; (m = object->index[i]) != NULL;
             i = (i + 1) & object->mask) {
            if (flow_tree_is_name(m->name, key, len, hash))
                return m;
        }
        return NULL;
    }
    for (m = first_member(object); m; m = over_end(m + 1)) {
        if (flow_tree_is_name(m->name, key, len, hash))
            return m;
    }
    return NULL;
}

/* The same for a name that is shared. */
static member_t *find_shared(const object_t *object, const name_t *name)
{
    member_t *m;

    if (!may_have(object, name->hash))
        return NULL;
    if (object->index || object->has_own)
        return find(object, name->text, name->len, name->hash);
    for (m = first_member(object); m; m = over_end(m + 1)) {
        if (m->name == name)
            return m;
    }
    return NULL;
}

static size_t block_size(size_t cap)
{
    return sizeof(block_t) + (cap + 1) * sizeof(member_t);
}

static block_t *make_block(size_t cap)
{
    block_t *block = flow_tree_take(block_size(cap));

    if (block) {
        block->n = 0;
        block->cap = cap;
        block->members[0].name = NULL;
        block->members[0].value = NULL;
    }
    return block;
}

static block_t *block_after(const block_t *block)
{
    return (block_t *)block->members[block->n].value;
}

/* The block has room. */
static member_t *put(block_t *block, const name_t *name, json_t *value)
{
    member_t *m = &block->members[block->n++];

    m[0].name = name;
    m[0].value = value;
    m[1].name = NULL;
    m[1].value = NULL;
    return m;
}

static void add_to_index(object_t *object, member_t *m)
{
    size_t i = m->name->hash & object->mask;

    while (object->index[i])
        i = (i + 1) & object->mask;
    object->index[i] = m;
    ++object->indexed;
}

/* For twice as many members as there are. */
static int make_index(object_t *object)
{
    size_t size = 64;
    member_t **index, *m;

    while (size < 4 * (object->n + 1))
        size *= 2;
    index = calloc(size, sizeof(*index));
    if (!index)
        return 0;
    free(object->index);
    object->index = index;
    object->indexed = 0;
    object->mask = size - 1;
    for (m = json_object_iter(&object->json); m;
         m = json_object_iter_next(NULL, m))
        add_to_index(object, m);
    return 1;
}

static void free_blocks(block_t *block)
{
    while (block) {
        block_t *next = block_after(block);

        flow_tree_give(block, block_size(block->cap));
        block = next;
    }
}

/* Too many were deleted: the rest moves into one block. */
static int compact(object_t *object)
{
    block_t *old = object->first;
    block_t *block =
        make_block(2 * object->n > FIRST_BLOCK ? 2 * object->n : FIRST_BLOCK);
    member_t *m;

    if (!block)
        return 0;
    for (m = json_object_iter(&object->json); m;
         m = json_object_iter_next(NULL, m))
        put(block, m->name, m->value);
    free_blocks(old);
    object->first = object->last = block;
    object->used = object->n;
    if (!object->index)
        return 1;
    free(object->index);
    object->index = NULL;
    return object->n <= INDEX_FROM || make_index(object);
}

static int make_room(object_t *object)
{
    block_t *last = object->last, *block;
    size_t cap;

    if (last && last->n < last->cap)
        return 1;
    if (object->used > 2 * INDEX_FROM && object->n < object->used / 2)
        return compact(object);
    cap = last ? 2 * last->cap + 1 : FIRST_BLOCK;
    block = make_block(cap < BLOCK_MAX ? cap : BLOCK_MAX);
    if (!block)
        return 0;
    if (last)
        last->members[last->n].value = (json_t *)block;
    else
        object->first = block;
    object->last = block;
    return 1;
}

/* A member that is not there yet. */
static int append(object_t *object, const name_t *name, json_t *value)
{
    member_t *m;

    if (!make_room(object))
        return 0;
    if (object->used >= INDEX_FROM &&
        (!object->index || 2 * object->indexed > object->mask) &&
        !make_index(object))
        return 0;
    m = put(object->last, name, value);
    ++object->n;
    ++object->used;
    object->seen |= (uint64_t)1 << (name->hash >> 26);
    object->has_own |= !name->is_shared;
    if (object->index)
        add_to_index(object, m);
    return 1;
}

static int replace(member_t *m, json_t *value)
{
    json_t *old = m->value;

    m->value = value;
    json_decref(old);
    return 0;
}

static int set_shared(object_t *object, const name_t *name, json_t *value)
{
    member_t *m = find_shared(object, name);

    if (m)
        return replace(m, value);
    return append(object, name, value) ? 0 : flow_tree_refuse(value);
}

/* The name that was put last, or one that nothing follows. */
static const name_t *last_name(const object_t *object)
{
    const block_t *last = object->last;

    return last && last->n ? last->members[last->n - 1].name : &dead_name;
}

/* Objects of a kind have their names in the same order. */
static const name_t *guess(const name_t *before, const char *key, size_t len)
{
    const name_t *name = __atomic_load_n(&before->next, __ATOMIC_ACQUIRE);

    return name && name->len == len && memcmp(name->text, key, len) == 0 ? name
                                                                         : NULL;
}

static int set_own(object_t *object, const char *key, size_t len, uint32_t hash,
                   json_t *value)
{
    member_t *m = find(object, key, len, hash);
    const name_t *name;

    if (m)
        return replace(m, value);
    name = flow_tree_own_name(key, len, hash);
    if (name && append(object, name, value))
        return 0;
    free((name_t *)name);
    return flow_tree_refuse(value);
}

static int set(json_t *v, const char *key, size_t len, json_t *value)
{
    object_t *object = as_object(v);
    const name_t *before, *name;
    uint32_t hash;

    if (!object || !key || !value || value == v || len > UINT32_MAX / 2)
        return flow_tree_refuse(value);
    before = last_name(object);
    name = guess(before, key, len);
    if (name)
        return set_shared(object, name, value);
    hash = flow_tree_hash_of(key, len);
    name = get_shared(object, key, len, hash);
    if (!name)
        return set_own(object, key, len, hash, value);
    if (before->is_shared)
        __atomic_store_n(&((name_t *)before)->next, name, __ATOMIC_RELEASE);
    return set_shared(object, name, value);
}

json_t *flow_tree_get_named(const json_t *v, const name_t *name,
                            const char *key, size_t len)
{
    const object_t *object = as_object(v);
    const member_t *m;

    if (!object || !name)
        return json_object_getn(v, key, len);
    m = find_shared(object, name);
    return m ? m->value : NULL;
}

int flow_tree_set_named(json_t *v, const name_t *name, const char *key,
                        size_t len, json_t *value)
{
    object_t *object = as_object(v);

    if (!object || !name || !value || value == v)
        return set(v, key, len, value);
    return set_shared(object, name, value);
}

json_t *json_object_getn(const json_t *v, const char *key, size_t len)
{
    const object_t *object = as_object(v);
    const member_t *m;

    if (!object || !key || !object->n)
        return NULL;
    m = find(object, key, len, flow_tree_hash_of(key, len));
    return m ? m->value : NULL;
}

json_t *json_object_get(const json_t *v, const char *key)
{
    return key ? json_object_getn(v, key, strlen(key)) : NULL;
}

int json_object_setn_new_nocheck(json_t *object, const char *key, size_t len,
                                 json_t *value)
{
    return set(object, key, len, value);
}

int json_object_setn_new(json_t *object, const char *key, size_t len,
                         json_t *value)
{
    if (!key || !flow_utf8_is_valid(key, len))
        return flow_tree_refuse(value);
    return set(object, key, len, value);
}

int json_object_set_new_nocheck(json_t *object, const char *key, json_t *value)
{
    return key ? set(object, key, strlen(key), value) : flow_tree_refuse(value);
}

int json_object_set_new(json_t *object, const char *key, json_t *value)
{
    return key ? json_object_setn_new(object, key, strlen(key), value)
               : flow_tree_refuse(value);
}

int json_object_deln(json_t *v, const char *key, size_t len)
{
    object_t *object = as_object(v);
    member_t *m = object && key
                      ? find(object, key, len, flow_tree_hash_of(key, len))
                      : NULL;
    json_t *old;

    if (!m)
        return -1;
    old = m->value;
    flow_tree_release_name(m->name);
    m->name = &dead_name;
    m->value = NULL;
    --object->n;
    json_decref(old);
    return 0;
}

int json_object_del(json_t *object, const char *key)
{
    return key ? json_object_deln(object, key, strlen(key)) : -1;
}

void flow_tree_drop_members(object_t *object)
{
    member_t *m;

    for (m = json_object_iter(&object->json); m;
         m = json_object_iter_next(NULL, m)) {
        json_decref(m->value);
        flow_tree_release_name(m->name);
    }
    free_blocks(object->first);
    free(object->index);
}

int json_object_clear(json_t *v)
{
    object_t *object = as_object(v);
    object_t old;

    if (!object)
        return -1;
    old = *object;
    start(object);
    flow_tree_drop_members(&old);
    return 0;
}

int json_object_update(json_t *object, json_t *other)
{
    member_t *m;

    if (!as_object(object) || !as_object(other))
        return -1;
    for (m = json_object_iter(other); m; m = json_object_iter_next(other, m)) {
        if (set(object, m->name->text, m->name->len, json_incref(m->value)))
            return -1;
    }
    return 0;
}

static int copy_member(object_t *copy, const member_t *m, int is_deep)
{
    const name_t *name = m->name;
    json_t *value = is_deep ? json_deep_copy(m->value) : json_incref(m->value);

    if (value && !name->is_shared)
        name = flow_tree_own_name(name->text, name->len, name->hash);
    if (value && name && append(copy, name, value))
        return 1;
    if (name && name != m->name)
        flow_tree_release_name(name);
    json_decref(value);
    return 0;
}

json_t *flow_tree_copy_object(const json_t *v, int is_deep)
{
    json_t *copy = json_object();
    member_t *m;

    for (m = copy ? json_object_iter((json_t *)v) : NULL; m;
         m = json_object_iter_next(NULL, m)) {
        if (!copy_member((object_t *)copy, m, is_deep)) {
            json_decref(copy);
            return NULL;
        }
    }
    return copy;
}
