/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts the attributes of elements before libxml2 sees them: it compares each
 * of them with all others, so that a megabyte of attributes keeps a thread
 * busy for minutes.
 */
#include "data/flow_xml_guard.h"

#include <string.h>

enum {
    TEXT,
    LESS,       /* behind < */
    TAG,        /* in a tag, outside of values */
    QUOTED,     /* in a value, until the quote */
    BANG,       /* behind <! */
    BANG_DASH,  /* behind <!- */
    COMMENT,    /* until --> */
    CDATA,      /* until ]]> */
    INSTRUCTION /* until ?> */
};

static const char *find(const char *s, const char *end, char c)
{
    const char *found = memchr(s, c, (size_t)(end - s));

    return found ? found : end;
}

/* What stands behind "<" or "<!". Whatever is none of these is refused by
 * libxml2. */
static void begin(flow_xml_guard_t *g, char c)
{
    if (g->state == LESS) {
        g->state = c == '!' ? BANG : c == '?' ? INSTRUCTION : TAG;
    }
    else if (g->state == BANG) {
        g->state = c == '-' ? BANG_DASH : c == '[' ? CDATA : TEXT;
    }
    else {
        g->state = COMMENT;
    }
    g->n = 0;
}

/* Twice (an instruction: once) the mark and then >. */
static void until_mark(flow_xml_guard_t *g, char c)
{
    char mark = g->state == COMMENT ? '-' : g->state == CDATA ? ']' : '?';
    int needed = g->state == INSTRUCTION ? 1 : 2;

    if (c == '>' && g->n >= needed) {
        g->state = TEXT;
    }
    g->n = c == mark ? g->n + (g->n < needed) : 0;
}

static void in_tag(flow_xml_guard_t *g, char c)
{
    if (c == '>') {
        g->state = TEXT;
    }
    else if (c == '"' || c == '\'') {
        g->quote = c;
        g->state = QUOTED;
    }
    else {
        g->n += c == '=';
    }
}

int flow_xml_guard(flow_xml_guard_t *g, const char *s, apr_size_t len)
{
    const char *end = s + len;

    for (; s < end; ++s) {
        switch (g->state) {
        case TEXT:
            s = find(s, end, '<');
            g->state = s < end ? LESS : TEXT;
            break;
        case QUOTED:
            s = find(s, end, g->quote);
            g->state = s < end ? TAG : QUOTED;
            break;
        case TAG:
            in_tag(g, *s);
            if (g->n > FLOW_XML_ATTRIBUTES_MAX) {
                return 0;
            }
            break;
        case COMMENT:
        case CDATA:
        case INSTRUCTION:
            until_mark(g, *s);
            break;
        default:
            begin(g, *s);
            break;
        }
        if (s == end) {
            break;
        }
    }
    return 1;
}
