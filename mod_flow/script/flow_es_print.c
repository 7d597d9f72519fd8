/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The printer's ground: text, lines, temporary variables, literals, names.
 */
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include <apr_strings.h>

#include "script/flow_es_private.h"

void flow_es_say(es_t *es, const char *s)
{
    flow_es_put(es, &es->out, s, strlen(s));
}

void flow_es_sayf(es_t *es, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    flow_es_say(es, apr_pvsprintf(es->p, fmt, args));
    va_end(args);
}

/* ---- lines ---- */

void flow_es_map_line(es_t *es, unsigned int pos)
{
    es_map_entry_t *grown;

    if (es->nmap == es->map_cap) {
        es->map_cap = es->map_cap ? es->map_cap * 2 : 256;
        grown = apr_palloc(es->p, (apr_size_t)es->map_cap * sizeof(*grown));
        if (es->nmap) {
            memcpy(grown, es->map, (apr_size_t)es->nmap * sizeof(*grown));
        }
        es->map = grown;
    }
    es->map[es->nmap].line = (unsigned)es->out_line;
    es->map[es->nmap++].pos = pos;
}

void flow_es_at(es_t *es, int line, unsigned int pos)
{
    if (line == es->cur_line || line <= 0) {
        return;
    }
    flow_es_putc(es, &es->out, '\n');
    ++es->out_line;
    es->cur_line = line;
    flow_es_map_line(es, pos);
}

void flow_es_at_statement(es_t *es, int line, unsigned int pos)
{
    if (line != es->cur_line && line > 0) {
        flow_es_at(es, line, pos);
    }
    else if (es->nmap && es->map[es->nmap - 1].pos != pos) {
        flow_es_putc(es, &es->out, '\n');
        ++es->out_line;
        flow_es_map_line(es, pos);
    }
}

/* ---- variables of our own ---- */

static void declare_later(es_t *es, const char *name)
{
    if (!es->pf->vars) {
        es->pf->vars = apr_array_make(es->p, 8, sizeof(const char *));
    }
    APR_ARRAY_PUSH(es->pf->vars, const char *) = name;
}

const char *flow_es_temp(es_t *es)
{
    const char *name;

    if (es->pf->nfree > 0) {
        return es->pf->free_temps[--es->pf->nfree];
    }
    name = apr_psprintf(es->p, "__flow_%c%d", es->opt->eval ? 'u' : 't',
                        ++es->pf->temps);
    declare_later(es, name);
    return name;
}

void flow_es_untemp(es_t *es, const char *name)
{
    if (name && es->pf->nfree < 64) {
        es->pf->free_temps[es->pf->nfree++] = name;
    }
}

const char *flow_es_variable(es_t *es, const char *stem)
{
    const char *name = flow_es_unique(es, stem);

    declare_later(es, name);
    return name;
}

/* ---- literals ---- */

static void quote_char(es_t *es, unsigned int c)
{
    switch (c) {
    case '"':
        flow_es_say(es, "\\\"");
        break;
    case '\\':
        flow_es_say(es, "\\\\");
        break;
    case '\n':
        flow_es_say(es, "\\n");
        break;
    case '\r':
        flow_es_say(es, "\\r");
        break;
    default:
        if (c < 0x20 || c == 0x7F || c == 0x2028 || c == 0x2029 ||
            (c >= 0xD800 && c <= 0xDFFF) || c == 0xFEFF) {
            flow_es_sayf(es, "\\u%04x", c);
        }
        else {
            flow_es_put_utf8(es, &es->out, c);
        }
        break;
    }
}

static unsigned int next_char(const unsigned char *s, unsigned int len,
                              unsigned int *pi)
{
    unsigned int i = *pi, c = s[i++], n;

    if (c >= 0x80) {
        n = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : 1;
        c &= 0x3Fu >> n;
        while (n-- > 0 && i < len) {
            c = (c << 6) | (s[i++] & 0x3Fu);
        }
    }
    *pi = i;
    return c;
}

void flow_es_quote(es_t *es, const es_atom_t *text)
{
    const unsigned char *s = (const unsigned char *)text->s;
    unsigned int i = 0, from;

    flow_es_putc(es, &es->out, '"');
    while (i < text->len) {
        from = i;
        while (i < text->len && s[i] >= 0x20 && s[i] < 0x7F && s[i] != '"' &&
               s[i] != '\\') {
            ++i;
        }
        flow_es_put(es, &es->out, text->s + from, i - from);
        if (i < text->len) {
            quote_char(es, next_char(s, text->len, &i));
        }
    }
    flow_es_putc(es, &es->out, '"');
}

/* ---- names ---- */

int flow_es_can_name(const es_t *es, const es_atom_t *name)
{
    (void)es;
    return name && name->ascii && name->len < 200 &&
           (name->kw == KW_NONE ||
            (name->kw > KW_LAST_STRICT && name->kw != KW_EVAL &&
             name->kw != KW_ARGUMENTS && name->kw != KW_UNDEFINED)) &&
           strncmp(name->s, "__flow_", 7) != 0;
}

int flow_es_is_simple(const es_node_t *n)
{
    return n->type == N_THIS || n->type == N_TEMP ||
           (n->type == N_ID && n->binding && !(n->flags & NF_TDZ) &&
            n->binding->kind != B_IMPORT);
}

static void unresolved(es_t *es, es_node_t *id)
{
    if (id->atom->kw == KW_EVAL) {
        flow_es_say(es, "eval");
    }
    else if (id->func) {
        flow_es_say(es, id->func->arguments_name);
    }
    else {
        flow_es_say(es, flow_es_ascii_name(es, id->atom));
    }
}

void flow_es_print_reference(es_t *es, es_node_t *id, int prec)
{
    es_binding_t *b = id->binding;

    flow_es_at(es, id->line, id->pos);
    if (!b) {
        unresolved(es, id);
    }
    else if (id->flags & NF_TDZ) {
        flow_es_say(es, "__flow_tdz(");
        flow_es_quote(es, id->atom);
        flow_es_say(es, ")");
    }
    else if (b->kind == B_IMPORT) {
        flow_es_print_import_name(es, b);
    }
    else if (id->flags & NF_CHECK && b->checked) {
        flow_es_sayf(es, "%s%s === __flow_T ? __flow_tdz(",
                     prec > P_COND ? "(" : "", b->out);
        flow_es_quote(es, id->atom);
        flow_es_sayf(es, ") : %s%s", b->out, prec > P_COND ? ")" : "");
    }
    else {
        flow_es_say(es, b->out);
    }
}
