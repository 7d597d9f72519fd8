/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_helper_private.h"

#include "data/flow_json.h"

#include <apr_strings.h>
#include <string.h>

/** A context; `../` goes to the one around it. */
typedef struct context_t {
    flow_any_t value;
    const struct context_t *up;
} context_t;

/** What @index and its like are. */
typedef struct loop_t {
    apr_size_t index;
    const char *key; /* NULL in an array */
    apr_size_t key_len;
    int is_last;
    const struct loop_t *up;
} loop_t;

/** as |x y| */
typedef struct params_t {
    flow_any_t value[2];
    const struct params_t *up;
} params_t;

struct flow_render_t {
    const flow_template_t *tpl;
    const flow_template_env_t *env;
    const json_t *root;
    flow_buf_t *out;
    flow_escape_e escape;
    apr_pool_t *p;
    const context_t *context;
    const loop_t *loop;
    const params_t *params;
    apr_size_t steps;
    apr_size_t live; /* bytes of intermediate values, roughly */
    apr_time_t now;
    flow_error_t *err;
};

static apr_status_t run_program(flow_render_t *run,
                                const flow_program_t *program);
static apr_status_t evaluate(flow_render_t *run, const flow_expr_t *expr,
                             flow_any_t *out);

/* --- paths ---------------------------------------------------------------- */

static flow_any_t base_of(const flow_render_t *run, const flow_expr_t *expr)
{
    const context_t *context = run->context;
    const params_t *params = run->params;
    const loop_t *loop = run->loop;
    int up = expr->up;

    switch (expr->kind) {
    case FLOW_EXPR_PATH:
        for (; up && context; --up)
            context = context->up;
        return context ? context->value : flow_any_missing();
    case FLOW_EXPR_ROOT:
        return flow_any_from(run->root);
    case FLOW_EXPR_PARAM:
        for (; up && params; --up)
            params = params->up;
        return params ? params->value[expr->param] : flow_any_missing();
    default:
        break;
    }
    for (; up && loop; --up)
        loop = loop->up;
    if (!loop)
        return flow_any_missing();
    switch (expr->kind) {
    case FLOW_EXPR_FIRST:
        return flow_any_of_bool(loop->index == 0);
    case FLOW_EXPR_LAST:
        return flow_any_of_bool(loop->is_last);
    case FLOW_EXPR_KEY:
        if (loop->key)
            return flow_any_of_text(loop->key, loop->key_len);
        /* fall through */
    default:
        return flow_any_of_number((double)loop->index);
    }
}

static apr_status_t missing(flow_render_t *run, const flow_expr_t *expr)
{
    return flow_error_set(run->err, FLOW_E_INPUT, APR_EINVAL,
                          "template_missing",
                          "'%.200s' has no value, at template line %d, column "
                          "%d",
                          expr->text, expr->place.line, expr->place.column);
}

/* As far as containers lead to containers: no values are made on the way. */
static const json_t *walk_containers(const flow_expr_t *expr, const json_t *v,
                                     int *pi)
{
    const flow_step_t *step = &expr->steps[*pi];

    for (; *pi < expr->n; ++*pi, ++step) {
        if (flow_json_is(v, ARRAY) && step->len == 6)
            break; /* perhaps its length */
        if (!flow_json_is(v, OBJECT) && !flow_json_is(v, ARRAY))
            break;
        v = flow_step_take(step, v);
    }
    return v;
}

/* In a strict template nothing may be missing on the way; whether the end may
 * be is up to the caller. */
static apr_status_t follow(flow_render_t *run, const flow_expr_t *expr,
                           flow_any_t *out)
{
    const context_t *context = run->context;
    flow_any_t v;
    int i = 0;

    if (expr->kind == FLOW_EXPR_PATH && expr->up == 0 && expr->n &&
        context->value.type >= FLOW_ANY_ARRAY && !run->tpl->options.is_strict) {
        const json_t *found = walk_containers(expr, context->value.json, &i);

        *out = flow_any_from(found);
        if (i == expr->n)
            return APR_SUCCESS;
        v = *out;
    }
    else {
        v = base_of(run, expr);
    }
    for (; i < expr->n; ++i) {
        if (run->tpl->options.is_strict && flow_any_is_nothing(&v))
            return missing(run, expr);
        v = flow_template_step(&v, &expr->steps[i]);
    }
    *out = v;
    return APR_SUCCESS;
}

/* --- calls ---------------------------------------------------------------- */

static apr_status_t too_much(flow_render_t *run, const char *what)
{
    return flow_error_set(run->err, FLOW_E_INPUT, APR_ENOSPC, "template_limit",
                          "the template %s; let it do less", what);
}

static apr_status_t charge(flow_render_t *run, apr_size_t bytes)
{
    run->live += bytes;
    run->steps += bytes / 64;
    if (run->live > FLOW_TEMPLATE_LIVE_MAX)
        return too_much(run, "holds more than 64 MB of intermediate values");
    return APR_SUCCESS;
}

static apr_status_t step(flow_render_t *run)
{
    if (++run->steps > FLOW_TEMPLATE_STEPS_MAX)
        return too_much(run, "takes more than 20 million steps");
    return APR_SUCCESS;
}

#define ARGS_INLINE 6

/** A call with its arguments evaluated. */
typedef struct ready_t {
    flow_helper_call_t call;
    flow_any_t few[ARGS_INLINE];
} ready_t;

static apr_status_t make_ready(flow_render_t *run,
                               const flow_invocation_t *node, ready_t *ready)
{
    static const flow_template_env_t nothing;
    flow_any_t *args = ready->few;
    apr_status_t rv = step(run);
    int i;

    args[0] = flow_any_missing();
    if (node->n + node->n_hash > ARGS_INLINE) {
        args = apr_palloc(run->p, (apr_size_t)(node->n + node->n_hash) *
                                      sizeof(args[0]));
    }
    for (i = 0; i < node->n && rv == APR_SUCCESS; ++i)
        rv = evaluate(run, &node->args[i], &args[i]);
    for (i = 0; i < node->n_hash && rv == APR_SUCCESS; ++i)
        rv = evaluate(run, node->hash[i].value, &args[node->n + i]);
    ready->call.args = args;
    ready->call.n = node->n;
    ready->call.hash = args + node->n;
    ready->call.node = node;
    ready->call.run = run;
    ready->call.env = run->env ? run->env : &nothing;
    ready->call.root = run->root;
    ready->call.p = run->p;
    ready->call.err = run->err;
    return rv;
}

static apr_status_t evaluate(flow_render_t *run, const flow_expr_t *expr,
                             flow_any_t *out)
{
    ready_t ready;
    apr_status_t rv;

    if (expr->kind == FLOW_EXPR_LITERAL) {
        *out = expr->literal;
        return APR_SUCCESS;
    }
    if (expr->kind != FLOW_EXPR_CALL)
        return follow(run, expr, out);
    rv = make_ready(run, expr->call, &ready);
    if (rv != APR_SUCCESS)
        return rv;
    *out = flow_any_missing();
    rv = expr->call->helper->run(&ready.call, out);
    if (rv == APR_SUCCESS && out->type == FLOW_ANY_TEXT)
        rv = charge(run, out->len);
    return rv;
}

/* --- the program ---------------------------------------------------------- */

static apr_status_t run_value(flow_render_t *run, const flow_node_t *node)
{
    flow_any_t v;
    apr_status_t rv = evaluate(run, node->expr, &v);

    if (rv != APR_SUCCESS)
        return rv;
    if (run->tpl->options.is_strict && v.type == FLOW_ANY_MISSING &&
        node->expr->kind != FLOW_EXPR_CALL)
        return missing(run, node->expr);
    flow_template_print(run->out, node->is_raw ? FLOW_ESCAPE_NONE : run->escape,
                        &v, run->p);
    return run->out->status;
}

static apr_status_t run_block(flow_render_t *run, const flow_block_t *block)
{
    const flow_helper_t *helper = block->call.helper;
    flow_any_t choice;
    ready_t ready;
    apr_status_t rv = make_ready(run, &block->call, &ready);

    if (rv != APR_SUCCESS)
        return rv;
    if (!helper)
        return flow_render_section(&ready.call, block);
    if (helper->block)
        return helper->block(&ready.call, block);
    choice = flow_any_missing();
    rv = helper->run(&ready.call, &choice);
    if (rv != APR_SUCCESS || choice.type == FLOW_ANY_MISSING)
        return rv;
    if (flow_any_is_true(&choice))
        return flow_render_body(&ready.call, block, block->main, NULL);
    return flow_render_else(&ready.call, block);
}

static apr_status_t run_program(flow_render_t *run,
                                const flow_program_t *program)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < program->n && rv == APR_SUCCESS; ++i) {
        const flow_node_t *node = &program->nodes[i];

        rv = step(run);
        if (rv != APR_SUCCESS)
            return rv;
        switch (node->kind) {
        case FLOW_NODE_TEXT:
            rv = flow_buf_add(run->out, node->text, node->len);
            break;
        case FLOW_NODE_VALUE:
            rv = run_value(run, node);
            break;
        case FLOW_NODE_BLOCK:
            rv = run_block(run, node->block);
            break;
        case FLOW_NODE_COMMENT:
            break;
        }
    }
    return rv;
}

/* --- for blocks ----------------------------------------------------------- */

apr_time_t flow_render_now(const flow_helper_call_t *call)
{
    flow_render_t *run = call->run;

    /* One rendering has one time. */
    if (!run->now)
        run->now = call->env->now ? call->env->now : apr_time_now();
    return run->now;
}

/* As in handlebars.js a context that is the same as the one around it is no
 * level of its own, so `../` means the same inside {{#if}} as outside. */
static int is_new_context(const flow_render_t *run, const flow_any_t *value)
{
    const flow_any_t *old = &run->context->value;

    if (old->type >= FLOW_ANY_ARRAY || value->type >= FLOW_ANY_ARRAY)
        return old->json != value->json;
    return !flow_any_is_equal(old, value, run->p);
}

/* @a value: NULL keeps the context. */
static apr_status_t run_body(flow_render_t *run, const flow_block_t *block,
                             const flow_program_t *program,
                             const flow_any_t *value, const flow_any_t *second)
{
    const context_t *context = run->context;
    const params_t *params = run->params;
    context_t inner;
    params_t given;
    apr_status_t rv;

    if (!program)
        return APR_SUCCESS;
    if (value && is_new_context(run, value)) {
        inner.value = *value;
        inner.up = context;
        run->context = &inner;
    }
    if (block->n_params && program == block->main) {
        given.value[0] = value ? *value : flow_any_missing();
        given.value[1] = second ? *second : flow_any_missing();
        given.up = params;
        run->params = &given;
    }
    rv = run_program(run, program);
    run->context = context;
    run->params = params;
    return rv;
}

apr_status_t flow_render_body(flow_helper_call_t *call,
                              const flow_block_t *block,
                              const flow_program_t *program,
                              const flow_any_t *context)
{
    return run_body(call->run, block, program, context, NULL);
}

apr_status_t flow_render_else(flow_helper_call_t *call,
                              const flow_block_t *block)
{
    return run_body(call->run, block, block->inverse, NULL, NULL);
}

/** A walk over an array or object. */
typedef struct walk_t {
    flow_render_t *run;
    const flow_block_t *block;
    loop_t loop;
    apr_pool_t *p; /* of one round; NULL when none is needed */
    apr_size_t live;
} walk_t;

static apr_status_t run_round(walk_t *walk, const json_t *element)
{
    flow_render_t *run = walk->run;
    flow_any_t value = flow_any_from(element);
    flow_any_t key = flow_any_of_number((double)walk->loop.index);
    apr_status_t rv = step(run);

    if (rv != APR_SUCCESS)
        return rv;
    if (walk->loop.key)
        key = flow_any_of_text(walk->loop.key, walk->loop.key_len);
    rv = run_body(run, walk->block, walk->block->main, &value, &key);
    if (walk->p)
        apr_pool_clear(walk->p);
    run->live = walk->live;
    return rv;
}

static apr_status_t walk_array(walk_t *walk, const json_t *array,
                               flow_render_accept_fn *accepts, void *baton,
                               apr_size_t *pcount)
{
    apr_size_t i, n = json_array_size(array);
    apr_status_t rv = APR_SUCCESS;

    for (i = 0; i < n && rv == APR_SUCCESS; ++i) {
        const json_t *element = json_array_get(array, i);

        if (accepts && !accepts(baton, element)) {
            ++walk->run->steps;
            continue;
        }
        walk->loop.index = i;
        walk->loop.is_last = i + 1 == n;
        ++*pcount;
        rv = run_round(walk, element);
    }
    return rv;
}

static apr_status_t walk_object(walk_t *walk, json_t *object,
                                apr_size_t *pcount)
{
    apr_size_t n = json_object_size(object);
    apr_status_t rv = APR_SUCCESS;
    const char *key;
    apr_size_t len;
    json_t *member;

    json_object_keylen_foreach(object, key, len, member)
    {
        walk->loop.index = *pcount;
        walk->loop.key = key;
        walk->loop.key_len = len;
        walk->loop.is_last = ++*pcount == n;
        rv = run_round(walk, member);
        if (rv != APR_SUCCESS)
            break;
    }
    return rv;
}

apr_status_t flow_render_loop(flow_helper_call_t *call,
                              const flow_block_t *block,
                              const flow_any_t *collection,
                              flow_render_accept_fn *accepts, void *baton,
                              apr_size_t *pcount)
{
    flow_render_t *run = call->run;
    const loop_t *loop = run->loop;
    apr_pool_t *p = run->p;
    walk_t walk;
    apr_status_t rv;

    *pcount = 0;
    memset(&walk, 0, sizeof(walk));
    walk.run = run;
    walk.block = block;
    walk.loop.up = loop;
    walk.live = run->live;
    if (block->main && block->main->has_calls && p) {
        rv = apr_pool_create(&walk.p, p);
        if (rv != APR_SUCCESS)
            return flow_helper_no_memory(call);
        run->p = walk.p;
    }
    run->loop = &walk.loop;
    if (collection->type == FLOW_ANY_ARRAY)
        rv = walk_array(&walk, collection->json, accepts, baton, pcount);
    else
        rv = walk_object(&walk, (json_t *)collection->json, pcount);
    run->loop = loop;
    run->p = p;
    if (walk.p)
        apr_pool_destroy(walk.p);
    return rv;
}

apr_status_t flow_render_section(flow_helper_call_t *call,
                                 const flow_block_t *block)
{
    const flow_any_t *v = &call->args[0];
    const flow_expr_t *expr = &call->node->args[0];
    apr_size_t count;

    if (v->type == FLOW_ANY_MISSING && call->run->tpl->options.is_strict)
        return missing(call->run, expr);
    if (flow_any_is_nothing(v) ||
        (v->type == FLOW_ANY_BOOL && !flow_any_is_true(v)) ||
        (v->type == FLOW_ANY_ARRAY && json_array_size(v->json) == 0))
        return flow_render_else(call, block);
    if (v->type == FLOW_ANY_ARRAY)
        return flow_render_loop(call, block, v, NULL, NULL, &count);
    return flow_render_body(call, block, block->main,
                            v->type == FLOW_ANY_BOOL ? NULL : v);
}

apr_status_t flow_helper_charge(const flow_helper_call_t *call,
                                apr_size_t bytes)
{
    return charge(call->run, bytes);
}

flow_any_t flow_render_find(const flow_render_t *run, const char *path,
                            apr_size_t len)
{
    flow_any_t v = flow_template_find(run->context->value, path, len, run->p);

    if (flow_any_is_nothing(&v))
        v = flow_template_find(flow_any_from(run->root), path, len, run->p);
    return v;
}

/* --- the interface -------------------------------------------------------- */

static apr_status_t explain(const flow_buf_t *out, flow_error_t *err)
{
    if (out->status == APR_ENOSPC) {
        return flow_error_set(err, FLOW_E_INPUT, out->status,
                              "template_too_large",
                              "the rendered template would be longer than "
                              "%" APR_SIZE_T_FMT " bytes",
                              out->max);
    }
    return flow_error_set(err, FLOW_E_INTERNAL, out->status, "out_of_memory",
                          "no memory to render a template");
}

apr_status_t flow_template_render_with(const flow_template_t *tpl,
                                       const json_t *context,
                                       const flow_template_env_t *env,
                                       flow_buf_t *out, apr_pool_t *scratch,
                                       flow_error_t *err)
{
    flow_render_t run;
    context_t top;
    apr_status_t rv;

    memset(&run, 0, sizeof(run));
    memset(&top, 0, sizeof(top));
    top.value = flow_any_from(context);
    run.tpl = tpl;
    run.env = env;
    run.root = context;
    run.out = out;
    run.escape = tpl->options.escape;
    run.p = scratch;
    run.context = &top;
    run.err = err;
    rv = run_program(&run, tpl->program);
    if (out->status != APR_SUCCESS)
        return explain(out, err);
    return rv;
}
