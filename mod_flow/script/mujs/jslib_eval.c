/* SPDX-License-Identifier: Apache-2.0 */

/* async functions, eval and Function: what the syntax compiler stands behind; part
 * of jslib.c's room. */

/* ---- async and await ---- */

/* __flow_async(f): a Promise of what f() returns or throws. */
static void flow_async(js_State *J)
{
    js_Object *promise;

    push_promise(J); /* 2 */
    promise = js_toobject(J, 2);
    if (js_try(J)) {
        settle(J, promise, REJECTED);
        js_pushobject(J, promise);
        return;
    }
    js_copy(J, 1);
    js_pushundefined(J);
    js_call(J, 0);
    js_endtry(J);
    resolve(J, promise);
    js_copy(J, 2);
}

void js_libsettle(js_State *J)
{
    js_Object *promise;

    if (js_isobject(J, -1) && !lib_is(J, -1, JS_LIBPROMISE)) {
        js_getproperty(J, -1, "then");
        promise = js_iscallable(J, -1) ? js_toobject(J, -1) : NULL;
        js_pop(J, 1);
        if (promise) {
            to_promise(J);
        }
    }
    run_jobs(J);
    promise = lib_is(J, -1, JS_LIBPROMISE);
    if (!promise) {
        return;
    }
    js_pop(J, 1);
    if (promise->u.lib.what == PENDING) {
        js_error(J, "a Promise is waited for that nothing will settle");
    }
    js_pushvalue(J, promise->u.lib.value);
    if (promise->u.lib.what == REJECTED) {
        js_throw(J);
    }
}

static void flow_await(js_State *J)
{
    js_copy(J, 1);
    js_libsettle(J);
}

/* ---- eval and Function ---- */

void js_setcompile(js_State *J, void (*compile)(js_State *J, const char *text))
{
    J->lib->compile = compile;
}

void js_libcompile(js_State *J)
{
    if (J->lib->compile) {
        J->lib->compile(J, js_tostring(J, -1));
        js_rot2pop1(J);
    }
}

/* Run the text on top in the global scope. */
static void run_text(js_State *J)
{
    js_libcompile(J);
    js_loadstring(J, "(eval)", js_tostring(J, -1));
    js_pushundefined(J);
    js_call(J, 0);
}

/* Called by another name than eval, or through a variable. */
static void global_eval(js_State *J)
{
    js_copy(J, 1);
    if (js_isstring(J, 1)) {
        run_text(J);
    }
}

static void jsB_Function2(js_State *J)
{
    int i, top = js_gettop(J);
    js_Text out;

    text_begin(J, &out, 256);
    text_add(J, &out, "(function anonymous(", 20);
    for (i = 1; i < top - 1; ++i) {
        const char *s = js_tostring(J, i);
        text_add(J, &out, ",", i > 1);
        text_add(J, &out, s, (int)strlen(s));
    }
    text_add(J, &out, ") {", 3);
    if (top > 1) {
        const char *s = js_tostring(J, top - 1);
        text_add(J, &out, s, (int)strlen(s));
    }
    text_add(J, &out, "\n})", 3);
    text_end(J, &out);
    run_text(J);
    if (!js_iscallable(J, -1)) {
        js_syntaxerror(J, "not the body of a function");
    }
}

static void init_eval(js_State *J)
{
    js_Object *f;

    js_newcfunction(J, global_eval, "eval", 1);
    js_defglobal(J, "eval", JS_DONTENUM);
    js_getglobal(J, "Function");
    f = js_toobject(J, -1);
    f->u.c.function = f->u.c.constructor = jsB_Function2;
    js_pop(J, 1);
}
