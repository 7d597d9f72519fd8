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

/* How much of the text stands for itself. */
static apr_size_t plain_run(const char *s, apr_size_t len)
{
    apr_size_t i = 0;

    while (i < len) {
        if (len - i >= 8) {
            apr_size_t n = flow_json_plain8(s + i);

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

apr_status_t flow_json_write_string(flow_buf_t *b, const char *s,
                                    apr_size_t len)
{
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

static void add_scalar(flow_buf_t *b, const json_t *v)
{
    char tmp[FLOW_JSON_NUMBER_MAX];
    const char *text = "null";
    apr_size_t len = 4;

    switch (v ? json_typeof(v) : JSON_NULL) {
    case JSON_STRING:
        text = json_string_value(v);
        len = json_string_length(v);
        if (text[0] == FLOW_JSON_RAW) {
            flow_buf_add(b, text + 1, len - 1);
        }
        else {
            flow_json_write_string(b, text, len);
        }
        return;
    case JSON_INTEGER:
    case JSON_REAL:
        text = flow_json_number_text(v, tmp, &len);
        break;
    case JSON_TRUE:
        text = "true";
        break;
    case JSON_FALSE:
        text = "false";
        len = 5;
        break;
    default:
        break;
    }
    flow_buf_add(b, text, len);
}

/* Write v, or only its opening bracket when there is something in it. */
static void add_value(writer_t *w, json_t *v)
{
    frame_t *frame;

    if (json_is_object(v) && json_object_size(v) > 0) {
        flow_buf_addc(w->b, '{');
    }
    else if (json_is_array(v) && json_array_size(v) > 0) {
        flow_buf_addc(w->b, '[');
    }
    else if (json_is_object(v) || json_is_array(v)) {
        flow_buf_add(w->b, json_is_object(v) ? "{}" : "[]", 2);
        return;
    }
    else {
        add_scalar(w->b, v);
        return;
    }
    frame = push(w);
    if (frame) {
        frame->v = v;
        frame->iter = json_is_object(v) ? json_object_iter(v) : NULL;
        frame->index = 0;
    }
}

static void add_key(writer_t *w, void *iter)
{
    flow_json_write_string(w->b, json_object_iter_key(iter),
                           json_object_iter_key_len(iter));
    flow_buf_add(w->b, ": ", w->indent ? 2 : 1);
}

/* The next element of the innermost container, or its closing bracket. */
static void add_next(writer_t *w)
{
    frame_t *frame = &w->stack[w->depth - 1];
    int is_object = json_is_object(frame->v);
    json_t *next = NULL;

    if (is_object && frame->iter) {
        next = json_object_iter_value(frame->iter);
    }
    else if (!is_object) {
        next = json_array_get(frame->v, frame->index);
    }
    if (!next) {
        --w->depth;
        add_line(w);
        flow_buf_addc(w->b, is_object ? '}' : ']');
        return;
    }
    if (frame->index++ > 0) {
        flow_buf_addc(w->b, ',');
    }
    add_line(w);
    if (is_object) {
        add_key(w, frame->iter);
        frame->iter = json_object_iter_next(frame->v, frame->iter);
    }
    add_value(w, next);
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
