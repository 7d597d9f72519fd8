/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_json.h"

#include <stdlib.h>
#include <string.h>

#include "data/flow_json_private.h"

/* --- strings ---------------------------------------------------------------*/

static apr_status_t add_escape(flow_buf_t *b, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    char tmp[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };

    switch (c) {
    case '"':
        return flow_buf_add(b, "\\\"", 2);
    case '\\':
        return flow_buf_add(b, "\\\\", 2);
    case '\b':
        return flow_buf_add(b, "\\b", 2);
    case '\f':
        return flow_buf_add(b, "\\f", 2);
    case '\n':
        return flow_buf_add(b, "\\n", 2);
    case '\r':
        return flow_buf_add(b, "\\r", 2);
    case '\t':
        return flow_buf_add(b, "\\t", 2);
    default:
        return flow_buf_add(b, tmp, sizeof(tmp));
    }
}

static int needs_escape(unsigned char c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

/* Of the eight bytes at @a s: how many, from the first on, are written as they
 * are. As flow_json_plain8(), but what is beyond ASCII is, too. */
static inline apr_uint64_t find_escapes(apr_uint64_t w)
{
    const apr_uint64_t ones = 0x0101010101010101ULL;
    const apr_uint64_t high = 0x8080808080808080ULL;
    apr_uint64_t quote = w ^ (ones * '"'), slash = w ^ (ones * '\\');

    return ((~w & (w - ones * 0x20)) | (~quote & (quote - ones)) |
            (~slash & (slash - ones))) &
           high;
}

static inline unsigned verbatim8(const char *s)
{
    apr_uint64_t w, hit;

    memcpy(&w, s, sizeof(w));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    w = __builtin_bswap64(w);
#endif
    hit = find_escapes(w);
    return hit ? (unsigned)__builtin_ctzll(hit) / 8 : 8;
}

/* Copies @a len bytes unless one of them needs an escape: 0 then. */
static inline int copy_verbatim(char *o, const char *s, apr_size_t len)
{
    apr_uint64_t w, hit = 0;
    apr_size_t i;

    if (len >= 8) {
        for (i = 0; i + 8 < len; i += 8) {
            memcpy(&w, s + i, 8);
            memcpy(o + i, &w, 8);
            hit |= find_escapes(w);
        }
        memcpy(&w, s + len - 8, 8);
        memcpy(o + len - 8, &w, 8);
        hit |= find_escapes(w);
    }
    else if (len >= 4) {
        apr_uint32_t a, b;

        memcpy(&a, s, 4);
        memcpy(&b, s + len - 4, 4);
        memcpy(o, &a, 4);
        memcpy(o + len - 4, &b, 4);
        hit = find_escapes((apr_uint64_t)a << 32 | b);
    }
    else {
        for (i = 0; i < len; ++i) {
            o[i] = s[i];
            hit |= (apr_uint64_t)needs_escape((unsigned char)s[i]);
        }
    }
    return hit == 0;
}

/* How much of the text stands for itself. */
static apr_size_t plain_run(const char *s, apr_size_t len)
{
    apr_size_t i = 0;

    while (i < len) {
        if (len - i >= 8) {
            apr_size_t n = verbatim8(s + i);

            i += n;
            if (n == 8) {
                continue;
            }
        }
        if (needs_escape((unsigned char)s[i])) {
            break;
        }
        ++i;
    }
    return i;
}

apr_status_t flow_json_write_escaped(flow_buf_t *b, const char *s,
                                     apr_size_t len)
{
    while (len > 0) {
        apr_size_t n = plain_run(s, len);

        flow_buf_add(b, s, n);
        if (n == len) {
            break;
        }
        add_escape(b, (unsigned char)s[n]);
        s += n + 1;
        len -= n + 1;
    }
    return b->status;
}

/* Texts as they mostly are: short ones into a buffer that has room, with
 * nothing to escape. Gives 0 when it is otherwise, having written nothing. */
static inline int write_plainly(flow_buf_t *b, const char *s, apr_size_t len,
                                const char *tail, apr_size_t tail_len)
{
    char *o;

    if (b->status != APR_SUCCESS || b->cap - b->len <= len + 3) {
        return 0;
    }
    o = b->data + b->len;
    *o++ = '"';
    if (!copy_verbatim(o, s, len)) {
        return 0;
    }
    memcpy(o + len, tail, tail_len);
    b->len += len + 1 + tail_len;
    b->data[b->len] = '\0';
    return 1;
}

apr_status_t flow_json_write_string(flow_buf_t *b, const char *s,
                                    apr_size_t len)
{
    if (write_plainly(b, s, len, "\"", 1)) {
        return APR_SUCCESS;
    }
    if (b->data && b->status == APR_SUCCESS) {
        b->data[b->len] = '\0'; /* what write_plainly() tried is none of it */
    }
    flow_buf_addc(b, '"');
    flow_json_write_escaped(b, s, len);
    return flow_buf_addc(b, '"');
}

/* --- trees -----------------------------------------------------------------*/

/* One open container. */
typedef struct frame_t {
    json_t *v; /* only read; jansson's iterators want it mutable */
    void *iter;
    apr_size_t index; /* elements written */
} frame_t;

/* Trees are not bounded in depth here, so the stack is ours. It grows no
 * faster than the text, which the buffer bounds. */
typedef struct writer_t {
    flow_buf_t *b;
    int indent;
    frame_t *stack;
    apr_size_t depth;
    apr_size_t cap;
    frame_t first[32];
} writer_t;

static void add_line(writer_t *w)
{
    static const char blanks[] = "                                ";
    apr_size_t n;

    if (!w->indent) {
        return;
    }
    flow_buf_addc(w->b, '\n');
    for (n = w->depth * 2; n > sizeof(blanks) - 1; n -= sizeof(blanks) - 1) {
        flow_buf_add(w->b, blanks, sizeof(blanks) - 1);
    }
    flow_buf_add(w->b, blanks, n);
}

static frame_t *push(writer_t *w)
{
    if (w->depth == w->cap) {
        frame_t *more = malloc(w->cap * 2 * sizeof(*more));

        if (!more) {
            w->b->status = APR_ENOMEM;
            return NULL;
        }
        memcpy(more, w->stack, w->depth * sizeof(*more));
        if (w->stack != w->first) {
            free(w->stack);
        }
        w->stack = more;
        w->cap *= 2;
    }
    return &w->stack[w->depth++];
}

/* Into the buffer itself when it has room. */
static void add_number(flow_buf_t *b, const json_t *v)
{
    char tmp[FLOW_JSON_NUMBER_MAX];
    apr_size_t len = 0;
    const char *text;

    if (b->status == APR_SUCCESS && b->cap - b->len > FLOW_JSON_NUMBER_MAX) {
        flow_json_number_text(v, b->data + b->len, &len);
        b->len += len;
        return;
    }
    text = flow_json_number_text(v, tmp, &len);
    flow_buf_add(b, text, len);
}

static void add_text(flow_buf_t *b, const json_t *v)
{
    const char *text = json_string_value(v);
    apr_size_t len = json_string_length(v);

    if (text[0] == FLOW_JSON_RAW) {
        flow_buf_add(b, text + 1, len - 1);
    }
    else {
        flow_json_write_string(b, text, len);
    }
}

static void open_container(writer_t *w, json_t *v)
{
    int is_object = json_is_object(v);
    frame_t *frame;

    if ((is_object ? json_object_size(v) : json_array_size(v)) == 0) {
        flow_buf_add(w->b, is_object ? "{}" : "[]", 2);
        return;
    }
    flow_buf_addc(w->b, is_object ? '{' : '[');
    frame = push(w);
    if (frame) {
        frame->v = v;
        frame->iter = is_object ? json_object_iter(v) : NULL;
        frame->index = 0;
    }
}

/* Write v, or only its opening bracket when there is something in it; 1 then. */
static int add_value(writer_t *w, json_t *v)
{
    switch (v ? json_typeof(v) : JSON_NULL) {
    case JSON_STRING:
        add_text(w->b, v);
        return 0;
    case JSON_INTEGER:
    case JSON_REAL:
        add_number(w->b, v);
        return 0;
    case JSON_TRUE:
        flow_buf_add(w->b, "true", 4);
        return 0;
    case JSON_FALSE:
        flow_buf_add(w->b, "false", 5);
        return 0;
    case JSON_OBJECT:
    case JSON_ARRAY:
        open_container(w, v);
        return 1;
    default:
        flow_buf_add(w->b, "null", 4);
        return 0;
    }
}

static void add_key(writer_t *w, void *iter)
{
    const char *key = json_object_iter_key(iter);
    apr_size_t len = json_object_iter_key_len(iter);

    if (w->indent || !write_plainly(w->b, key, len, "\":", 2)) {
        flow_json_write_string(w->b, key, len);
        flow_buf_add(w->b, ": ", w->indent ? 2 : 1);
    }
}

static void start_element(writer_t *w, frame_t *frame)
{
    if (frame->index++ > 0) {
        flow_buf_addc(w->b, ',');
    }
    add_line(w);
}

/* Members up to the next one that is a container; 0: there are no more. */
static int add_members(writer_t *w, frame_t *frame)
{
    while (frame->iter && w->b->status == APR_SUCCESS) {
        void *iter = frame->iter;

        start_element(w, frame);
        add_key(w, iter);
        frame->iter = json_object_iter_next(frame->v, iter);
        if (add_value(w, json_object_iter_value(iter))) {
            return 1;
        }
    }
    return 0;
}

static int add_elements(writer_t *w, frame_t *frame)
{
    json_t *v;

    while ((v = json_array_get(frame->v, frame->index)) != NULL &&
           w->b->status == APR_SUCCESS) {
        start_element(w, frame);
        if (add_value(w, v)) {
            return 1;
        }
    }
    return 0;
}

/* The rest of the innermost container, as far as it has no others. */
static void add_next(writer_t *w)
{
    frame_t *frame = &w->stack[w->depth - 1];
    int is_object = json_is_object(frame->v);

    if (is_object ? add_members(w, frame) : add_elements(w, frame)) {
        return;
    }
    --w->depth;
    add_line(w);
    flow_buf_addc(w->b, is_object ? '}' : ']');
}

apr_status_t flow_json_write(flow_buf_t *b, const json_t *v, int flags)
{
    writer_t w;

    w.b = b;
    w.indent = (flags & FLOW_JSON_INDENT) != 0;
    w.stack = w.first;
    w.depth = 0;
    w.cap = sizeof(w.first) / sizeof(w.first[0]);

    add_value(&w, (json_t *)v);
    while (w.depth > 0 && b->status == APR_SUCCESS) {
        add_next(&w);
    }
    if (w.stack != w.first) {
        free(w.stack);
    }
    return b->status;
}

char *flow_json_text(const json_t *v, apr_size_t *plen, apr_pool_t *p)
{
    flow_buf_t b;

    flow_buf_init(&b, FLOW_JSON_TEXT_MAX);
    if (flow_json_write(&b, v, FLOW_JSON_COMPACT) != APR_SUCCESS) {
        flow_buf_release(&b);
        return NULL;
    }
    return flow_buf_steal(&b, plen, p);
}
