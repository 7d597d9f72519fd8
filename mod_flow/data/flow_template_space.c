/* SPDX-License-Identifier: Apache-2.0 */
/*
 * White space around braces: what ~ takes, and the lines that hold nothing but
 * the braces of a block or a comment, which leave no trace. The order of the
 * steps and what each one looks at is that of handlebars.js, since templates
 * rely on it down to the last line end.
 */
#include "data/flow_template_private.h"

#include <string.h>

/* --- texts ---------------------------------------------------------------- */

/* Is there a line end in the white space that @a s begins with? With
 * @a or_all, nothing but white space will do too. */
static int begins_with_line_end(const char *s, apr_size_t len, int or_all)
{
    apr_size_t n;

    for (; len; s += n, len -= n) {
        if (*s == '\n')
            return 1;
        n = flow_any_space(s, len);
        if (n == 0)
            return 0;
    }
    return or_all;
}

static int ends_with_line_end(const char *s, apr_size_t len, int or_all)
{
    apr_size_t n;

    for (; len; len -= n) {
        if (s[len - 1] == '\n')
            return 1;
        n = flow_any_space_before(s, len);
        if (n == 0)
            return 0;
    }
    return or_all;
}

static flow_node_t *text_at(const flow_program_t *program, int i)
{
    if (!program || i < 0 || i >= program->n ||
        program->nodes[i].kind != FLOW_NODE_TEXT)
        return NULL;
    return &program->nodes[i];
}

/* Is the line in front of node i empty? What stands before the whole template
 * counts as a line end. */
static int is_alone_before(const flow_program_t *program, int i, int is_root)
{
    const flow_node_t *before;

    if (i == 0)
        return is_root;
    before = text_at(program, i - 1);
    return before && ends_with_line_end(before->source, before->source_len,
                                        is_root && i == 1);
}

static int is_alone_after(const flow_program_t *program, int i, int is_root)
{
    const flow_node_t *after;

    if (i + 1 >= program->n)
        return is_root;
    after = text_at(program, i + 1);
    return after && begins_with_line_end(after->source, after->source_len,
                                         is_root && i + 2 >= program->n);
}

/* Take white space from the start of the text behind node i: all of it, or to
 * the end of the line. */
static void take_right(const flow_program_t *program, int i, int all)
{
    flow_node_t *node = text_at(program, i + 1);
    const char *s;
    apr_size_t len, n;

    if (!node || (!all && node->right_done))
        return;
    s = node->text;
    len = node->len;
    if (all) {
        for (; (n = flow_any_space(s, len)) != 0; len -= n)
            s += n;
    }
    else {
        for (; len && (*s == ' ' || *s == '\t'); --len)
            ++s;
        if (len > 1 && s[0] == '\r' && s[1] == '\n') {
            s += 2;
            len -= 2;
        }
        else if (len && (*s == '\n' || *s == '\r')) {
            ++s;
            --len;
        }
    }
    node->right_done = len != node->len;
    node->text = s;
    node->len = len;
}

static void take_left(const flow_program_t *program, int i, int all)
{
    flow_node_t *node = text_at(program, i - 1);
    apr_size_t len, n;

    if (!node || (!all && node->left_done))
        return;
    len = node->len;
    if (all) {
        while ((n = flow_any_space_before(node->text, len)) != 0)
            len -= n;
    }
    else {
        while (len &&
               (node->text[len - 1] == ' ' || node->text[len - 1] == '\t'))
            --len;
    }
    node->left_done = len != node->len;
    node->len = len;
}

static void take_first(const flow_program_t *program, int all)
{
    if (program)
        take_right(program, -1, all);
}

static void take_last(const flow_program_t *program, int all)
{
    if (program)
        take_left(program, program->n, all);
}

/* --- nodes ---------------------------------------------------------------- */

/** What a node does to its neighbours. */
typedef struct effect_t {
    int before;     /* ~ */
    int after;      /* ~ */
    int opens_line; /* its opening braces may have a line to themselves */
    int closes_line;
    int is_line; /* it may be a line of its own as a whole */
} effect_t;

static void strip_program(const flow_program_t *program, int is_root);

static effect_t strip_block(const flow_block_t *block)
{
    const flow_program_t *first = block->main ? block->main : block->inverse;
    const flow_program_t *inverse = block->main ? block->inverse : NULL;
    const flow_program_t *first_inverse = inverse, *last_inverse = inverse;
    effect_t effect = { 0 };

    if (block->main)
        strip_program(block->main, 0);
    if (block->inverse)
        strip_program(block->inverse, 0);
    if (inverse && inverse->is_chained)
        first_inverse = last_inverse = inverse->nodes[0].block->main;
    if (!first)
        return effect;
    effect.before = block->open_before;
    effect.after = block->close_after;
    effect.opens_line = is_alone_after(first, -1, 0);
    effect.closes_line =
        is_alone_before(first_inverse ? first_inverse : first,
                        (first_inverse ? first_inverse : first)->n, 0);
    if (block->open_after)
        take_first(first, 1);
    if (!inverse) {
        if (block->close_before)
            take_last(first, 1);
        return effect;
    }
    if (block->else_before)
        take_last(first, 1);
    if (block->else_after)
        take_first(first_inverse, 1);
    if (block->close_before)
        take_last(last_inverse, 1);
    if (is_alone_before(first, first->n, 0) &&
        is_alone_after(first_inverse, -1, 0)) {
        take_last(first, 0);
        take_first(first_inverse, 0);
    }
    return effect;
}

static void strip_node(const flow_program_t *program, int i, int is_root)
{
    const flow_node_t *node = &program->nodes[i];
    int before, after;
    effect_t effect = { 0 };

    if (node->kind == FLOW_NODE_TEXT)
        return;
    if (node->kind == FLOW_NODE_BLOCK) {
        effect = strip_block(node->block);
    }
    else {
        effect.before = node->strips_before;
        effect.after = node->strips_after;
        effect.is_line = node->kind == FLOW_NODE_COMMENT;
    }
    before = is_alone_before(program, i, is_root);
    after = is_alone_after(program, i, is_root);
    if (effect.after)
        take_right(program, i, 1);
    if (effect.before)
        take_left(program, i, 1);
    if (effect.is_line && before && after) {
        take_right(program, i, 0);
        take_left(program, i, 0);
    }
    if (effect.opens_line && before) {
        take_first(node->block->main ? node->block->main : node->block->inverse,
                   0);
        take_left(program, i, 0);
    }
    if (effect.closes_line && after) {
        take_right(program, i, 0);
        take_last(
            node->block->inverse ? node->block->inverse : node->block->main, 0);
    }
}

static void strip_program(const flow_program_t *program, int is_root)
{
    int i;

    for (i = 0; i < program->n; ++i)
        strip_node(program, i, is_root);
}

static void forget_empty(flow_program_t *program)
{
    int i, n = 0;

    if (!program)
        return;
    for (i = 0; i < program->n; ++i) {
        flow_node_t *node = &program->nodes[i];

        if (node->kind == FLOW_NODE_COMMENT ||
            (node->kind == FLOW_NODE_TEXT && node->len == 0))
            continue;
        if (node->kind == FLOW_NODE_BLOCK) {
            forget_empty((flow_program_t *)node->block->main);
            forget_empty((flow_program_t *)node->block->inverse);
        }
        program->nodes[n++] = *node;
    }
    program->n = n;
}

void flow_template_strip(flow_program_t *program)
{
    strip_program(program, 1);
    forget_empty(program);
}
