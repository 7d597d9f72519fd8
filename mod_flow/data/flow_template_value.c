/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rendering's values: steps into them, paths that are given as text, and how
 * they print.
 */
#include "data/flow_template_private.h"

#include "data/flow_escape.h"
#include "data/flow_json.h"

#include <string.h>

/* --- steps --------------------------------------------------------------- */

static flow_any_t unit_of_text(const flow_any_t *text, apr_size_t index)
{
    apr_size_t from = flow_any_unit_offset(text->text, text->len, index), to;

    if (from >= text->len)
        return flow_any_missing();
    for (to = from + 1;
         to < text->len && ((unsigned char)text->text[to] & 0xc0) == 0x80;)
        ++to;
    return flow_any_of_text(text->text + from, to - from);
}

/* One step: members and elements, `length`, and the units of a text. */
flow_any_t flow_template_step(const flow_any_t *v, const flow_step_t *step)
{
    int is_length = step->len == 6 && memcmp(step->name, "length", 6) == 0;

    switch (v->type) {
    case FLOW_ANY_ARRAY:
        if (is_length)
            return flow_any_of_number((double)json_array_size(v->json));
        /* fall through */
    case FLOW_ANY_OBJECT:
        return flow_any_from(flow_step_take(step, v->json));
    case FLOW_ANY_TEXT:
        if (is_length) {
            return flow_any_of_number((double)flow_any_units(v->text, v->len));
        }
        return step->kind == FLOW_STEP_INDEX ? unit_of_text(v, step->index)
                                             : flow_any_missing();
    case FLOW_ANY_NULL:
        return *v; /* and no "undefined", as in handlebars.js */
    default:
        return flow_any_missing();
    }
}

/* --- a path as text ------------------------------------------------------- */

/* The next name of "a.b[0].['c']"; 0 at the end. */
static int next_name(const char **ps, const char *end, const char **pname,
                     apr_size_t *plen)
{
    const char *s = *ps, *stop;

    while (s < end && (*s == '.' || *s == '/'))
        ++s;
    if (s >= end)
        return 0;
    if (*s == '[') {
        stop = memchr(s, ']', (apr_size_t)(end - s));
        if (!stop)
            stop = end;
        *pname = ++s;
        *plen = (apr_size_t)(stop - s);
        *ps = stop < end ? stop + 1 : end;
        if (*plen >= 2 && (*s == '\'' || *s == '"') && s[*plen - 1] == *s) {
            ++*pname;
            *plen -= 2;
        }
        return 1;
    }
    for (stop = s; stop < end && !strchr("./[", *stop);)
        ++stop;
    *pname = s;
    *plen = (apr_size_t)(stop - s);
    *ps = stop;
    return 1;
}

flow_any_t flow_template_find(flow_any_t v, const char *path, apr_size_t len,
                              apr_pool_t *p)
{
    const char *end = path + len, *name;
    apr_size_t n;

    while (v.type != FLOW_ANY_MISSING && next_name(&path, end, &name, &n)) {
        flow_step_t one = flow_step_from_word(name, n, p);

        v = flow_template_step(&v, &one);
    }
    return v;
}

/* --- printing ------------------------------------------------------------- */

static void write_sql(flow_buf_t *out, const char *s, apr_size_t len)
{
    const char *end = s + len, *quote;

    flow_buf_addc(out, '\'');
    while ((quote = memchr(s, '\'', (apr_size_t)(end - s))) != NULL) {
        flow_buf_add(out, s, (apr_size_t)(quote - s));
        flow_buf_add(out, "''", 2);
        s = quote + 1;
    }
    flow_buf_add(out, s, (apr_size_t)(end - s));
    flow_buf_addc(out, '\'');
}

static const char *html_entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#x27;";
    case '`':
        return "&#x60;";
    case '=':
        return "&#x3D;";
    default:
        return NULL;
    }
}

static void write_html(flow_buf_t *out, const char *s, apr_size_t len)
{
    const char *end = s + len, *run = s, *entity;

    for (; s < end; ++s) {
        entity = html_entity(*s);
        if (!entity)
            continue;
        flow_buf_add(out, run, (apr_size_t)(s - run));
        flow_buf_adds(out, entity);
        run = s + 1;
    }
    flow_buf_add(out, run, (apr_size_t)(s - run));
}

static void write_text(flow_buf_t *out, flow_escape_e escape, const char *s,
                       apr_size_t len)
{
    switch (escape) {
    case FLOW_ESCAPE_NONE:
        flow_buf_add(out, s, len);
        break;
    case FLOW_ESCAPE_URI:
        flow_escape_uri(out, s, len);
        break;
    case FLOW_ESCAPE_JSON:
        flow_json_write_escaped(out, s, len);
        break;
    case FLOW_ESCAPE_XML:
        flow_escape_xml(out, s, len);
        break;
    case FLOW_ESCAPE_HTML:
        write_html(out, s, len);
        break;
    case FLOW_ESCAPE_SQL:
        write_sql(out, s, len);
        break;
    }
}

/* Texts and numbers go straight to the buffer. */
void flow_template_print(flow_buf_t *out, flow_escape_e escape,
                         const flow_any_t *v, apr_pool_t *p)
{
    char tmp[FLOW_JSON_NUMBER_MAX];
    const char *s = NULL;
    apr_size_t len = 0;

    if (v->type == FLOW_ANY_TEXT) {
        s = v->text;
        len = v->len;
    }
    else if (v->type == FLOW_ANY_NUMBER) {
        s = v->json ? flow_json_number_text(v->json, tmp, &len) : tmp;
        if (!v->json)
            len = flow_any_format_number(v->number, tmp);
    }
    else if (!flow_any_is_nothing(v)) {
        s = flow_any_text(v, &len, p);
    }
    if (s)
        write_text(out, escape, s, len);
}
