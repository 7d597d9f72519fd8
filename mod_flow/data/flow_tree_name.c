/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of members. Records have the same ones over and over, so names of
 * moderate length are kept once, in a table that only grows, up to a fixed
 * size: readers need no lock and writers one compare-and-swap. What does not
 * fit has its own memory. The order in the table, and in the indexes of large
 * objects, depends on a random seed: nobody who sends us names can make them
 * collide.
 */
#include "data/flow_tree_private.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define NAMES        8192 /* slots of the table */
#define NAMES_PROBED 8
#define NAMES_SPACE  (256 * 1024)

typedef struct flow_tree_name name_t;

static uint64_t the_seed; /* 0: not made yet */

static uint64_t seed_with(uint64_t seed)
{
    uint64_t none = 0;

    __atomic_compare_exchange_n(&the_seed, &none, seed | 1, 0, __ATOMIC_ACQ_REL,
                                __ATOMIC_ACQUIRE);
    return __atomic_load_n(&the_seed, __ATOMIC_ACQUIRE);
}

static uint64_t make_seed(void)
{
    uint64_t seed;

    if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed)) {
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        seed = ((uint64_t)now.tv_nsec << 32) ^ (uint64_t)now.tv_sec ^
               ((uint64_t)getpid() << 16) ^ (uintptr_t)&seed;
    }
    return seed_with(seed);
}

void json_object_seed(size_t seed)
{
    if (seed)
        seed_with(seed);
    else if (!__atomic_load_n(&the_seed, __ATOMIC_ACQUIRE))
        make_seed();
}

/* All bits of the product of two words count. */
static uint64_t mix(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
    unsigned __int128 r = (unsigned __int128)a * b;

    return (uint64_t)r ^ (uint64_t)(r >> 64);
#else
    uint64_t low = (a & 0xffffffffu) * (b >> 32 | 1);
    uint64_t high = (a >> 32 | 1) * (b & 0xffffffffu);

    return low ^ (high << 32 | high >> 32) ^ a * b;
#endif
}

static uint64_t word_at(const char *s)
{
    uint64_t w;

    memcpy(&w, s, sizeof(w));
    return w;
}

/* The last 1 to 8 bytes, or all of a text that is shorter. */
static uint64_t tail_of(const char *s, size_t len)
{
    uint32_t low, high;

    if (len >= 8)
        return word_at(s + len - 8);
    if (len >= 4) {
        memcpy(&low, s, 4);
        memcpy(&high, s + len - 4, 4);
        return (uint64_t)high << 32 | low;
    }
    if (len == 0)
        return 0;
    return (uint64_t)(unsigned char)s[0] << 16 |
           (uint64_t)(unsigned char)s[len / 2] << 8 | (unsigned char)s[len - 1];
}

uint32_t flow_tree_hash_of(const char *s, size_t len)
{
    const uint64_t odd = 0x9e3779b97f4a7c15ULL;
    uint64_t seed = __atomic_load_n(&the_seed, __ATOMIC_RELAXED), h;
    size_t i;

    if (!seed)
        seed = make_seed();
    h = seed ^ (len * odd);
    for (i = 0; i + 8 < len; i += 8)
        h = mix(h ^ word_at(s + i), seed ^ odd);
    h = mix(h ^ tail_of(s, len), odd ^ (seed << 1));
    h = mix(h ^ seed, odd);
    return (uint32_t)(h ^ (h >> 32)) | 1; /* 0 is of deleted members */
}

static name_t *names[NAMES];
static char names_space[NAMES_SPACE] __attribute__((aligned(16)));
static size_t names_used;

static void fill_name(name_t *name, const char *key, size_t len, uint32_t hash,
                      int is_shared)
{
    name->next = NULL;
    name->hash = hash;
    name->len = (uint32_t)len;
    name->is_shared = is_shared;
    memcpy(name->text, key, len);
    name->text[len] = '\0';
}

/* A name for the table, or NULL when that is full. */
static name_t *shared_name(const char *key, size_t len, uint32_t hash)
{
    size_t need = (sizeof(name_t) + len + 8) & ~(size_t)7, at;
    name_t *name;

    /* full: do not count on for ever */
    if (__atomic_load_n(&names_used, __ATOMIC_RELAXED) + need > NAMES_SPACE)
        return NULL;
    at = __atomic_fetch_add(&names_used, need, __ATOMIC_RELAXED);
    if (at + need > NAMES_SPACE)
        return NULL;
    name = (name_t *)(void *)(names_space + at);
    fill_name(name, key, len, hash, 1);
    return name;
}

const name_t *flow_tree_find_name(const char *key, size_t len, uint32_t hash)
{
    name_t *made = NULL, *there;
    size_t i;

    for (i = 0; i < NAMES_PROBED; ++i) {
        name_t **slot = &names[(hash + i) % NAMES];

        there = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
        if (!there) {
            if (!made)
                made = shared_name(key, len, hash);
            if (!made)
                return NULL;
            if (__atomic_compare_exchange_n(slot, &there, made, 0,
                                            __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
                return made;
        }
        if (flow_tree_is_name(there, key, len, hash))
            return there;
    }
    return NULL;
}

const name_t *flow_tree_own_name(const char *key, size_t len, uint32_t hash)
{
    name_t *name = malloc(sizeof(*name) + len + 1);

    if (name)
        fill_name(name, key, len, hash, 0);
    return name;
}

const name_t *flow_tree_name(const char *key, size_t len)
{
    return len <= FLOW_TREE_NAME_MAX
               ? flow_tree_find_name(key, len, flow_tree_hash_of(key, len))
               : NULL;
}
