/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Printing for loops. A variable of one iteration that a closure keeps lives
 * in an object of its own, which `with` puts into scope.
 */
#include <string.h>

#include <apr_strings.h>

#include "script/flow_es_private.h"

void flow_es_print_labels(es_t *es)
{
    es_label_t *label = es->pending;

    es->pending = NULL;
    for (; label; label = label->outer) {
        flow_es_sayf(es, " %s: ", flow_es_ascii_name(es, label->name));
    }
}

/* The loop's body, without braces of its own. */
static void body(es_t *es, es_node_t *n)
{
    flow_es_print_stmt(es, n);
}

static int has_copies(const es_node_t *n)
{
    return n->scope2 && n->scope2->env;
}

/* Must an iteration's variable be written back for the next one? */
static const char *copy_back(es_t *es, es_node_t *n)
{
    es_binding_t *b;

    for (b = n->scope2->first; b; b = b->next) {
        if (b->in_env && b->assigned) {
            return flow_es_variable(es, "__flow_e");
        }
    }
    return NULL;
}

static void open_copies(es_t *es, es_node_t *n, const char *e)
{
    es_binding_t *b;
    int first = 1;

    flow_es_sayf(es, e ? " with (%s = __flow_scope({" : " with (__flow_scope({",
                 e);
    for (b = n->scope2->first; b; b = b->next) {
        if (b->in_env) {
            flow_es_sayf(es, "%s%s: %s", first ? " " : ", ", b->out,
                         b->copy_of->out);
            first = 0;
        }
    }
    flow_es_say(es, " })) {");
}

static void update(es_t *es, es_node_t *n, const char *e)
{
    es_binding_t *b;
    const char *between = "";

    for (b = e ? n->scope2->first : NULL; b; b = b->next) {
        if (b->in_env) {
            flow_es_sayf(es, "%s%s = %s.%s", between, b->copy_of->out, e,
                         b->out);
            between = ", ";
        }
    }
    if (n->c) {
        flow_es_say(es, between);
        flow_es_print_expr(es, n->c, P_SEQ);
    }
}

void flow_es_print_for(es_t *es, es_node_t *n)
{
    es_label_t *pending = es->pending;
    const char *e = NULL;
    int env;

    es->pending = NULL;
    env = flow_es_print_scope(es, n->scope, NULL);
    es->pending = pending;
    flow_es_print_labels(es);
    flow_es_say(es, "for (");
    if (n->a && n->a->type == N_VAR) {
        flow_es_print_declaration(es, n->a);
    }
    else if (n->a) {
        flow_es_print_expr(es, n->a, P_SEQ);
    }
    flow_es_say(es, "; ");
    if (n->b) {
        flow_es_print_expr(es, n->b, P_SEQ);
    }
    flow_es_say(es, "; ");
    if (has_copies(n)) {
        e = copy_back(es, n);
    }
    update(es, n, e);
    flow_es_say(es, ") {");
    if (has_copies(n)) {
        open_copies(es, n, e);
    }
    body(es, n->d);
    flow_es_say(es, has_copies(n) ? " } }" : " }");
    flow_es_say(es, env ? " }" : "");
}

/* The variable or target of for-in and for-of gets the text @a value. */
static int iteration_start(es_t *es, es_node_t *n, const char *value)
{
    es_node_t *target = n->a->type == N_VAR ? n->a->list->a : n->a;
    int env = n->scope ? flow_es_print_scope(es, n->scope, NULL) : 0;

    flow_es_print_quiet(es, target, value, NULL, n->a->type == N_VAR);
    return env;
}

void flow_es_print_for_in(es_t *es, es_node_t *n)
{
    es_label_t *pending = es->pending;
    const char *t = flow_es_temp(es);
    int env;

    es->pending = NULL;
    if (n->a->type == N_VAR && n->a->list->b) {
        flow_es_print_quiet(es, n->a->list->a, NULL, n->a->list->b, 1);
        flow_es_say(es, " ");
    }
    es->pending = pending;
    flow_es_print_labels(es);
    flow_es_sayf(es, "for (%s in ", t);
    flow_es_print_expr(es, n->b, P_SEQ);
    flow_es_say(es, ") {");
    env = iteration_start(es, n, t);
    body(es, n->d);
    flow_es_say(es, env ? " } }" : " }");
    flow_es_untemp(es, t);
}

/* An array is walked by index; anything else by its iterator, which is closed
 * when the loop is left early. */
void flow_es_print_for_of(es_t *es, es_node_t *n)
{
    es_label_t *pending = es->pending;
    const char *a = flow_es_temp(es), *i = flow_es_temp(es), *value, *c;
    int env;

    es->pending = NULL;
    flow_es_sayf(es,
                 flow_es_completes(es) ? "var %s = __flow_iter("
                                       : "%s = __flow_iter(",
                 a);
    flow_es_print_expr(es, n->b, P_ASSIGN);
    flow_es_sayf(es,
                 flow_es_completes(es)
                     ? "); var %s = %s.__flow_it ? -1 : 0; try {"
                     : "); %s = %s.__flow_it ? -1 : 0; try {",
                 i, a);
    es->pending = pending;
    flow_es_print_labels(es);
    flow_es_sayf(es, " for (; %s < 0 ? __flow_step(%s) : %s < %s.length;) {", i,
                 a, i, a);
    value = apr_psprintf(es->p, "%s(%s < 0 ? %s.value : %s[%s++])",
                         n->flags & NF_AWAIT ? "__flow_await" : "", i, a, a, i);
    env = iteration_start(es, n, value);
    body(es, n->d);
    c = flow_es_unique(es, "__flow_c");
    flow_es_sayf(es,
                 "%s } catch (%s) { if (%s < 0) __flow_abort(%s); throw %s; }"
                 " finally { if (%s < 0) __flow_close(%s); }",
                 env ? " } }" : " }", c, i, a, c, i, a);
    flow_es_untemp(es, i);
    flow_es_untemp(es, a);
}
