/* SPDX-License-Identifier: Apache-2.0 */
#include "script/flow_regexp.h"

#include <stdio.h>
#include <string.h>

#include "script/flow_es_private.h"
#include "script/flow_regexp_private.h"

/* PCRE2 counts to here; a larger maximum means "any number". */
#define REPEAT_MAX 65535

typedef enum {
    NOTHING,   /* nothing that could be repeated */
    ATOM,      /* may be repeated */
    LOOKAHEAD, /* may be repeated, but not with the flag u */
} before_e;

typedef enum {
    GROUP,
    AHEAD,
    BEHIND
} group_e;

int flow_regexp_flags(const char *text)
{
    static const char names[] = "gimsuyd";
    unsigned flags = 0;

    for (; *text; ++text) {
        const char *at = strchr(names, *text);
        if (!at || (flags & (1u << (at - names)))) {
            return -1;
        }
        flags |= 1u << (at - names);
    }
    return (int)flags;
}

/* ---- output ---- */

void flow_regexp_fail(flow_regexp_reader_t *r, const char *why)
{
    if (!r->re->error) {
        r->re->error = why;
    }
    r->at = r->end; /* every loop ends there */
}

static void put(flow_regexp_reader_t *r, const char *text, size_t len)
{
    flow_regexp_t *re = r->re;
    size_t size = re->size ? re->size : 128;
    char *more;

    while (size - re->len < len) {
        size *= 2;
    }
    if (size != re->size) {
        more = re->alloc(re->baton, re->text, size);
        if (!more) {
            flow_regexp_fail(r, "out of memory");
            return;
        }
        re->text = more;
        re->size = size;
    }
    memcpy(re->text + re->len, text, len);
    re->len += len;
}

void flow_regexp_puts(flow_regexp_reader_t *r, const char *text)
{
    put(r, text, strlen(text));
}

void flow_regexp_put_char(flow_regexp_reader_t *r, unsigned c)
{
    char buf[16];

    if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c == '_' ||
        (c >= 'a' && c <= 'z')) {
        buf[0] = (char)c;
        put(r, buf, 1);
    }
    else {
        snprintf(buf, sizeof(buf), "\\x{%x}", c);
        flow_regexp_puts(r, buf);
    }
}

/* ---- input ---- */

unsigned flow_regexp_next(flow_regexp_reader_t *r)
{
    const unsigned char *s = (const unsigned char *)r->at;
    size_t left = (size_t)(r->end - r->at);
    unsigned c = s[0];
    size_t n = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4, i;

    /* the engine's strings are whole; others end early */
    for (i = 1; i < n && i < left && (s[i] & 0xC0) == 0x80; ++i) {
    }
    n = i;
    if (n > 1) {
        c &= 0x7Fu >> n;
    }
    for (i = 1; i < n; ++i) {
        c = c << 6 | (s[i] & 0x3F);
    }
    r->at += n;
    return c > 0x10FFFF ? 0xFFFD : c;
}

int flow_regexp_peek(const flow_regexp_reader_t *r, size_t i)
{
    return (size_t)(r->end - r->at) > i ? (unsigned char)r->at[i] : -1;
}

int flow_regexp_accept(flow_regexp_reader_t *r, const char *text)
{
    size_t n = strlen(text);

    if ((size_t)(r->end - r->at) < n || memcmp(r->at, text, n) != 0) {
        return 0;
    }
    r->at += n;
    return 1;
}

/* ---- names of groups ---- */

/* Behind the "<"; 0 when it is no name. */
static size_t name_length(const flow_regexp_reader_t *r)
{
    flow_regexp_reader_t name = *r;
    unsigned c;
    int first = 1;

    for (; name.at < name.end && *name.at != '>'; first = 0) {
        c = flow_regexp_next(&name);
        if (!(first ? flow_es_id_start(c) : flow_es_id_part(c))) {
            return 0;
        }
    }
    return name.at < name.end ? (size_t)(name.at - r->at) : 0;
}

static const flow_regexp_name_t *find_name(const flow_regexp_t *re,
                                           const char *name, size_t len)
{
    int i;

    for (i = 0; i < re->n_names; ++i) {
        if (re->names[i].len == len &&
            memcmp(re->names[i].name, name, len) == 0) {
            return &re->names[i];
        }
    }
    return NULL;
}

static void add_name(flow_regexp_reader_t *r)
{
    flow_regexp_t *re = r->re;
    size_t len = name_length(r);
    flow_regexp_name_t *more;

    if (!len) {
        flow_regexp_fail(r, "invalid name of a group");
        return;
    }
    if (find_name(re, r->at, len)) {
        flow_regexp_fail(r, "two groups have the same name");
        return;
    }
    if (re->n_names == FLOW_REGEXP_NAMES_MAX) {
        flow_regexp_fail(r, "too many named groups");
        return;
    }
    if (re->n_names % 8 == 0) {
        more = re->alloc(re->baton, re->names,
                         ((size_t)re->n_names + 8) * sizeof(*more));
        if (!more) {
            flow_regexp_fail(r, "out of memory");
            return;
        }
        re->names = more;
    }
    re->names[re->n_names].name = r->at;
    re->names[re->n_names].len = len;
    re->names[re->n_names].group = re->groups;
    ++re->n_names;
    r->at += len + 1;
}

/* References may come before their groups, so groups are counted first. */
static void count_groups(flow_regexp_reader_t *r)
{
    const char *start = r->at;
    int in_class = 0;

    while (r->at < r->end) {
        char c = *r->at++;
        if (c == '\\' && r->at < r->end) {
            ++r->at;
        }
        else if (c == '[') {
            in_class = 1;
        }
        else if (c == ']') {
            in_class = 0;
        }
        else if (c == '(' && !in_class) {
            if (flow_regexp_peek(r, 0) != '?') {
                ++r->re->groups;
            }
            else if (flow_regexp_peek(r, 1) == '<' &&
                     flow_regexp_peek(r, 2) != '=' &&
                     flow_regexp_peek(r, 2) != '!') {
                ++r->re->groups;
                r->at += 2;
                add_name(r);
            }
        }
    }
    r->at = start;
}

/* ---- atoms ---- */

static void put_literal(flow_regexp_reader_t *r, unsigned c)
{
    /* PCRE2 folds like the flag u does; without it k and s have no relatives
     * beyond ASCII. */
    if ((r->flags & FLOW_REGEXP_I) && !(r->flags & FLOW_REGEXP_U)) {
        switch (c) {
        case 'k':
        case 'K':
            flow_regexp_puts(r, "(?-i:[kK])");
            return;
        case 's':
        case 'S':
            flow_regexp_puts(r, "(?-i:[sS])");
            return;
        case 0x17F:
            flow_regexp_puts(r, "(?-i:\\x{17f})");
            return;
        case 0x212A:
            flow_regexp_puts(r, "(?-i:\\x{212a})");
            return;
        default:
            break;
        }
    }
    if (c >= 0x10000 && !(r->flags & FLOW_REGEXP_U)) {
        flow_regexp_put_char(r, 0xD800 + ((c - 0x10000) >> 10));
        c = 0xDC00 + ((c - 0x10000) & 0x3FF);
    }
    flow_regexp_put_char(r, c);
}

static void put_reference(flow_regexp_reader_t *r, int group)
{
    char buf[24];

    snprintf(buf, sizeof(buf), "\\g{%d}", group);
    flow_regexp_puts(r, buf);
}

static void put_named_reference(flow_regexp_reader_t *r)
{
    const flow_regexp_name_t *name = NULL;
    size_t len = 0;

    if (flow_regexp_accept(r, "<") && (len = name_length(r)) > 0) {
        name = find_name(r->re, r->at, len);
    }
    if (!name) {
        flow_regexp_fail(r, "invalid reference to a named group");
        return;
    }
    r->at += len + 1;
    put_reference(r, name->group);
}

static before_e put_escape(flow_regexp_reader_t *r)
{
    flow_regexp_escape_t e;

    flow_regexp_escape(r, 0, &e);
    switch (e.kind) {
    case FLOW_REGEXP_CHAR:
        put_literal(r, e.value);
        break;
    case FLOW_REGEXP_SET:
        flow_regexp_put_set(r, (char)e.value);
        break;
    case FLOW_REGEXP_PROPERTY:
        flow_regexp_put_property(r, e.value == 'P');
        break;
    case FLOW_REGEXP_REFERENCE:
        put_reference(r, (int)e.value);
        break;
    case FLOW_REGEXP_NAMED:
        put_named_reference(r);
        break;
    case FLOW_REGEXP_BOUNDARY:
        flow_regexp_puts(r, e.value == 'b' ? "\\b" : "\\B");
        return NOTHING;
    }
    return ATOM;
}

/* ---- quantifiers ---- */

static int read_count(flow_regexp_reader_t *r, unsigned *count)
{
    const char *start = r->at;

    *count = 0;
    while (flow_regexp_peek(r, 0) >= '0' && flow_regexp_peek(r, 0) <= '9') {
        if (*count <= REPEAT_MAX) {
            *count = *count * 10 + (unsigned)(*r->at - '0');
        }
        ++r->at;
    }
    return r->at > start;
}

/* Behind "{". Is it a quantifier? */
static int read_braces(flow_regexp_reader_t *r, unsigned *min, unsigned *max,
                       int *is_open)
{
    *is_open = 0;
    if (!read_count(r, min)) {
        return 0;
    }
    *max = *min;
    if (flow_regexp_accept(r, ",")) {
        if (!read_count(r, max)) {
            *is_open = 1;
        }
    }
    return flow_regexp_accept(r, "}");
}

static void put_braces(flow_regexp_reader_t *r, unsigned min, unsigned max,
                       int is_open)
{
    char buf[40];

    if (!is_open && max < min) {
        flow_regexp_fail(r, "numbers out of order in {} quantifier");
        return;
    }
    if (min > REPEAT_MAX) {
        flow_regexp_fail(r, "number too large in {} quantifier");
        return;
    }
    if (is_open || max > REPEAT_MAX) {
        snprintf(buf, sizeof(buf), "{%u,}", min);
    }
    else {
        snprintf(buf, sizeof(buf), "{%u,%u}", min, max);
    }
    flow_regexp_puts(r, buf);
}

/* At one of * + ? {. */
static before_e quantifier(flow_regexp_reader_t *r, before_e before)
{
    char mark[2] = { *r->at, 0 };
    const char *start = r->at++;
    unsigned min = 0, max = 0;
    int is_open = 0;

    if (*mark == '{' && !read_braces(r, &min, &max, &is_open)) {
        if (r->flags & FLOW_REGEXP_U) {
            flow_regexp_fail(r, "incomplete quantifier");
            return NOTHING;
        }
        r->at = start + 1;
        flow_regexp_put_char(r, '{');
        return ATOM;
    }
    if (before == NOTHING ||
        (before == LOOKAHEAD && (r->flags & FLOW_REGEXP_U))) {
        flow_regexp_fail(r, "nothing to repeat");
        return NOTHING;
    }
    if (*mark == '{') {
        put_braces(r, min, max, is_open);
    }
    else {
        flow_regexp_puts(r, mark);
    }
    if (flow_regexp_accept(r, "?")) {
        flow_regexp_puts(r, "?");
    }
    return NOTHING;
}

/* ---- groups ---- */

/* Behind "(". */
static void open_group(flow_regexp_reader_t *r)
{
    group_e kind = GROUP;

    if (r->depth == FLOW_REGEXP_DEPTH_MAX) {
        flow_regexp_fail(r, "groups are nested too deeply");
        return;
    }
    if (!flow_regexp_accept(r, "?")) {
        flow_regexp_puts(r, "(");
    }
    else if (flow_regexp_accept(r, ":")) {
        flow_regexp_puts(r, "(?:");
    }
    else if (flow_regexp_accept(r, "=")) {
        flow_regexp_puts(r, "(?=");
        kind = AHEAD;
    }
    else if (flow_regexp_accept(r, "!")) {
        flow_regexp_puts(r, "(?!");
        kind = AHEAD;
    }
    else if (flow_regexp_accept(r, "<=")) {
        flow_regexp_puts(r, "(?<=");
        kind = BEHIND;
    }
    else if (flow_regexp_accept(r, "<!")) {
        flow_regexp_puts(r, "(?<!");
        kind = BEHIND;
    }
    else if (flow_regexp_accept(r, "<")) {
        r->at += name_length(r) + 1; /* which count_groups() has seen */
        flow_regexp_puts(r, "(");
    }
    else {
        flow_regexp_fail(r, "invalid group");
        return;
    }
    r->kinds[r->depth++] = (unsigned char)kind;
}

static before_e close_group(flow_regexp_reader_t *r)
{
    if (r->depth == 0) {
        flow_regexp_fail(r, "unmatched ')'");
        return NOTHING;
    }
    flow_regexp_puts(r, ")");
    switch (r->kinds[--r->depth]) {
    case AHEAD:
        return LOOKAHEAD;
    case BEHIND:
        return NOTHING;
    default:
        return ATOM;
    }
}

/* ---- the pattern ---- */

#define TERMINATORS "\\n\\r\\x{2028}\\x{2029}"

static before_e one(flow_regexp_reader_t *r, before_e before)
{
    int multiline = (r->flags & FLOW_REGEXP_M) != 0;

    switch (*r->at) {
    case '*':
    case '+':
    case '?':
    case '{':
        return quantifier(r, before);
    case '(':
        ++r->at;
        open_group(r);
        return NOTHING;
    case ')':
        ++r->at;
        return close_group(r);
    case '|':
        ++r->at;
        flow_regexp_puts(r, "|");
        return NOTHING;
    case '^':
        ++r->at;
        flow_regexp_puts(r, multiline ? "(?<![^" TERMINATORS "])" : "^");
        return NOTHING;
    case '$':
        ++r->at;
        flow_regexp_puts(r, multiline ? "(?![^" TERMINATORS "])" : "\\z");
        return NOTHING;
    case '.':
        ++r->at;
        flow_regexp_puts(r, r->flags & FLOW_REGEXP_S ? "(?s:.)"
                                                     : "[^" TERMINATORS "]");
        return ATOM;
    case '[':
        ++r->at;
        flow_regexp_class(r);
        return ATOM;
    case '\\':
        ++r->at;
        return put_escape(r);
    case ']':
    case '}':
        if (r->flags & FLOW_REGEXP_U) {
            flow_regexp_fail(r, "lone bracket");
            return NOTHING;
        }
        break;
    default:
        break;
    }
    put_literal(r, flow_regexp_next(r));
    return ATOM;
}

int flow_regexp_translate(flow_regexp_t *re, const char *pattern, size_t len,
                          unsigned flags)
{
    flow_regexp_reader_t r;
    before_e before = NOTHING;

    memset(&r, 0, sizeof(r));
    r.re = re;
    r.at = pattern;
    r.end = pattern + len;
    r.flags = flags;
    count_groups(&r);
    if (re->error) {
        return -1;
    }
    while (r.at < r.end) {
        before = one(&r, before);
    }
    if (r.depth > 0) {
        flow_regexp_fail(&r, "unterminated group");
    }
    return re->error ? -1 : 0;
}

void flow_regexp_release(flow_regexp_t *re)
{
    if (re->text) {
        re->alloc(re->baton, re->text, 0);
    }
    if (re->names) {
        re->alloc(re->baton, re->names, 0);
    }
    re->text = NULL;
    re->names = NULL;
}
