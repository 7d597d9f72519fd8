/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Printing patterns: a list of assignments from one value.
 */
#include <string.h>

#include <apr_strings.h>

#include "script/flow_es_private.h"

/* One element: its value is the text @a value; a default may apply. */
static void element(es_t *es, es_node_t *item, const char *value, int init)
{
    const char *t;

    if (item->type != N_DEFAULT) {
        flow_es_print_store(es, item, value, NULL, init);
        return;
    }
    t = flow_es_temp(es);
    flow_es_sayf(es, "%s = %s, ", t, value);
    if (item->a->type == N_ID) {
        /* a = t === void 0 ? default : t */
        es_node_t *cond = flow_es_alloc(es, sizeof(*cond));

        cond->type = N_DEFAULT;
        cond->atom = flow_es_atom(es, t, strlen(t));
        cond->b = item->b;
        cond->a = item->a;
        cond->line = item->line;
        cond->pos = item->pos;
        flow_es_print_store(es, item->a, NULL, cond, init);
    }
    else {
        flow_es_sayf(es, "%s === void 0 && (%s = ", t, t);
        flow_es_print_expr(es, item->b, P_ASSIGN);
        flow_es_say(es, "), ");
        flow_es_print_store(es, item->a, t, NULL, init);
    }
    flow_es_untemp(es, t);
}

static void array_pattern(es_t *es, es_node_t *pattern, const char *value,
                          int init)
{
    es_node_t *item;
    const char *t = flow_es_temp(es);
    int n = 0, i = 0, rest = 0;

    for (item = pattern->list; item; item = item->next) {
        rest |= item->type == N_REST;
        ++n;
    }
    flow_es_sayf(es, "%s = __flow_list(%s, %d)", t, value, rest ? -1 : n);
    for (item = pattern->list; item; item = item->next, ++i) {
        if (item->type == N_HOLE) {
            continue;
        }
        flow_es_say(es, ", ");
        if (item->type == N_REST) {
            flow_es_print_store(
                es, item->a, apr_psprintf(es->p, "__flow_rest(%s, %d)", t, i),
                NULL, init);
        }
        else {
            element(es, item, apr_psprintf(es->p, "%s[%d]", t, i), init);
        }
    }
    flow_es_untemp(es, t);
}

/* Text that reads the property; a computed key goes into a temporary. */
static const char *property_text(es_t *es, es_node_t *prop, const char *value,
                                 int keep, const char **pkey)
{
    const char *k;

    *pkey = NULL;
    if (prop->flags & NF_COMPUTED) {
        *pkey = k = flow_es_temp(es);
        flow_es_sayf(es, "%s = %s", k, keep ? "__flow_key(" : "");
        flow_es_print_expr(es, prop->a, P_ASSIGN);
        flow_es_say(es, keep ? "), " : ", ");
        return apr_psprintf(es->p, "%s[%s]", value, k);
    }
    if (prop->a->type == N_STR && prop->a->atom->ascii) {
        return apr_psprintf(es->p, "%s.%s", value, prop->a->atom->s);
    }
    return apr_psprintf(es->p, "%s[%s]", value, flow_es_text_of(es, prop->a));
}

static void rest_of_object(es_t *es, es_node_t *pattern, es_node_t *rest,
                           const char *value, const char *const *keys, int init)
{
    es_text_t text = { NULL, 0, 0 };
    es_node_t *item;
    const char *s;
    int i = 0;

    flow_es_put(es, &text, "__flow_omit(", 12);
    flow_es_put(es, &text, value, strlen(value));
    flow_es_put(es, &text, ", [", 3);
    for (item = pattern->list; item != rest; item = item->next, ++i) {
        s = keys[i] ? keys[i] : flow_es_text_of(es, item->a);
        flow_es_put(es, &text, i ? ", " : "", i ? 2 : 0);
        flow_es_put(es, &text, s, strlen(s));
    }
    flow_es_put(es, &text, "])", 3);
    flow_es_print_store(es, rest->a, text.s, NULL, init);
}

static void object_pattern(es_t *es, es_node_t *pattern, const char *value,
                           int init)
{
    es_node_t *item;
    const char **keys, *read;
    int n = 0, rest = 0, i, first = 1;

    for (item = pattern->list; item; item = item->next) {
        rest |= item->type == N_REST;
        ++n;
    }
    keys = flow_es_alloc(es, (apr_size_t)(n + 1) * sizeof(*keys));
    if (n == 0 || rest || pattern->list->flags & NF_COMPUTED ||
        (pattern->list->b && (pattern->list->b->type == N_MEMBER ||
                              pattern->list->b->type == N_INDEX))) {
        flow_es_sayf(es, "__flow_object(%s)", value);
        first = 0;
    }
    for (i = 0, item = pattern->list; item; item = item->next, ++i) {
        flow_es_say(es, first ? "" : ", ");
        first = 0;
        flow_es_at(es, item->line, item->pos);
        if (item->type == N_REST) {
            rest_of_object(es, pattern, item, value, keys, init);
            break;
        }
        if (!item->b) {
            continue;
        }
        read = property_text(es, item, value, rest, &keys[i]);
        element(es, item->b, read, init);
        if (!rest) {
            flow_es_untemp(es, keys[i]);
        }
    }
    for (i = 0; rest && i < n; ++i) {
        flow_es_untemp(es, keys[i]);
    }
}

/* A list of assignments without parentheses; never empty. */
void flow_es_print_pattern(es_t *es, es_node_t *pattern, const char *value,
                           int init)
{
    if (pattern->type == N_ARRAY_PATTERN) {
        array_pattern(es, pattern, value, init);
    }
    else {
        object_pattern(es, pattern, value, init);
    }
}
