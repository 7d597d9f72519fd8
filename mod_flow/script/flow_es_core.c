/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What all parts of the syntax compiler stand on: memory, the error, texts
 * that occur once, growing buffers.
 */
#include <stdarg.h>
#include <string.h>

#include <apr_strings.h>

#include "script/flow_es_private.h"

#define BLOCK_SIZE (32 * 1024)
/* All that one compilation may take; a source of 1 MB needs about 200 MB in
 * the worst of cases. */
#define ARENA_MAX ((apr_size_t)512 * 1024 * 1024)

void *flow_es_alloc(es_t *es, apr_size_t size)
{
    char *at;

    size = (size + 15) & ~(apr_size_t)15;
    if (size > es->block_left) {
        es->block_left = size > BLOCK_SIZE ? size : BLOCK_SIZE;
        es->block = apr_palloc(es->p, es->block_left);
        es->block_used += es->block_left;
        if (es->block_used > ARENA_MAX) {
            flow_es_fail(es, es->tok.pos, "script is too large");
        }
    }
    at = es->block;
    es->block += size;
    es->block_left -= size;
    memset(at, 0, size);
    return at;
}

void flow_es_fail(es_t *es, unsigned int pos, const char *fmt, ...)
{
    va_list args;

    if (es->failed) {
        return;
    }
    es->failed = 1;
    es->tok.type = T_EOF; /* so every loop of the parser ends */
    es->error_pos = pos;
    va_start(args, fmt);
    es->error_text = apr_pvsprintf(es->p, fmt, args);
    va_end(args);
}

void flow_es_put(es_t *es, es_text_t *t, const char *s, apr_size_t len)
{
    char *grown;

    if (len == 0) {
        return;
    }
    if (t->cap - t->len < len) {
        t->cap = (t->cap + len) * 2 + 64;
        grown = apr_palloc(es->p, t->cap);
        if (t->len) {
            memcpy(grown, t->s, t->len);
        }
        t->s = grown;
    }
    memcpy(t->s + t->len, s, len);
    t->len += len;
}

void flow_es_putc(es_t *es, es_text_t *t, char c)
{
    flow_es_put(es, t, &c, 1);
}

void flow_es_put_utf8(es_t *es, es_text_t *t, unsigned int c)
{
    char s[4];

    if (c < 0x80) {
        s[0] = (char)c;
        flow_es_put(es, t, s, 1);
    }
    else if (c < 0x800) {
        s[0] = (char)(0xC0 | (c >> 6));
        s[1] = (char)(0x80 | (c & 0x3F));
        flow_es_put(es, t, s, 2);
    }
    else if (c < 0x10000) {
        s[0] = (char)(0xE0 | (c >> 12));
        s[1] = (char)(0x80 | ((c >> 6) & 0x3F));
        s[2] = (char)(0x80 | (c & 0x3F));
        flow_es_put(es, t, s, 3);
    }
    else {
        s[0] = (char)(0xF0 | (c >> 18));
        s[1] = (char)(0x80 | ((c >> 12) & 0x3F));
        s[2] = (char)(0x80 | ((c >> 6) & 0x3F));
        s[3] = (char)(0x80 | (c & 0x3F));
        flow_es_put(es, t, s, 4);
    }
}

/* In the order of es_kw_e. */
static const char *const words[] = {
    "break",     "case",       "catch",     "class",   "const",
    "continue",  "debugger",   "default",   "delete",  "do",
    "else",      "enum",       "export",    "extends", "false",
    "finally",   "for",        "function",  "if",      "import",
    "in",        "instanceof", "new",       "null",    "return",
    "super",     "switch",     "this",      "throw",   "true",
    "try",       "typeof",     "var",       "void",    "while",
    "with",      "implements", "interface", "let",     "package",
    "private",   "protected",  "public",    "static",  "yield",
    "arguments", "as",         "async",     "await",   "constructor",
    "eval",      "from",       "get",       "meta",    "of",
    "__proto__", "prototype",  "set",       "target",  "undefined",
    "use strict"
};

#define NWORDS (sizeof(words) / sizeof(words[0]))

static void grow_atoms(es_t *es)
{
    unsigned int n = es->atoms ? (es->atom_mask + 1) * 2 : 512, i;
    es_atom_t **table = flow_es_alloc(es, n * sizeof(*table)), *a, *next;

    for (i = 0; es->atoms && i <= es->atom_mask; ++i) {
        for (a = es->atoms[i]; a; a = next) {
            next = a->chain;
            a->chain = table[a->hash & (n - 1)];
            table[a->hash & (n - 1)] = a;
        }
    }
    es->atoms = table;
    es->atom_mask = n - 1;
}

static int is_ascii_name(const char *s, apr_size_t len)
{
    apr_size_t i;

    for (i = 0; i < len; ++i) {
        if ((unsigned char)s[i] >= 0x80 ||
            !(i ? flow_es_id_part((unsigned char)s[i])
                : flow_es_id_start((unsigned char)s[i]))) {
            return 0;
        }
    }
    return len > 0;
}

es_atom_t *flow_es_atom(es_t *es, const char *s, apr_size_t len)
{
    unsigned int hash = 2166136261u;
    apr_size_t i;
    es_atom_t *a;
    char *copy;

    s = s ? s : "";
    if (!es->atoms) {
        grow_atoms(es);
        for (i = 0; i < NWORDS; ++i) {
            flow_es_atom(es, words[i], strlen(words[i]))->kw =
                (unsigned char)(i + 1);
        }
    }
    for (i = 0; i < len; ++i) {
        hash = (hash ^ (unsigned char)s[i]) * 16777619u;
    }
    for (a = es->atoms[hash & es->atom_mask]; a; a = a->chain) {
        if (a->hash == hash && a->len == len && memcmp(a->s, s, len) == 0) {
            return a;
        }
    }
    if (++es->atom_count > es->atom_mask) {
        grow_atoms(es);
    }
    a = flow_es_alloc(es, sizeof(*a) + len + 1);
    copy = (char *)(a + 1);
    if (len) {
        memcpy(copy, s, len);
    }
    a->s = copy;
    a->len = (unsigned)len;
    a->hash = hash;
    a->ascii = (unsigned char)is_ascii_name(s, len);
    a->chain = es->atoms[hash & es->atom_mask];
    es->atoms[hash & es->atom_mask] = a;
    return a;
}
