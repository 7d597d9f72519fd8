/* SPDX-License-Identifier: Apache-2.0 */
#include "script/flow_script_private.h"

#include <string.h>

#include <apr_strings.h>

#include "data/flow_json.h"

/* What of a script's text goes into an error. */
#define TEXT_MAX 900

/* Copy what may be needed after the stack has changed; outside or inside. */
static void keep_text(char *out, apr_size_t size, const char *text)
{
    apr_size_t len = strlen(text);

    if (len >= size) {
        len = size - 1;
    }
    memcpy(out, text, len);
    out[len] = '\0';
}

/* Member @a name of the exception as text; 0 when there is none. */
static int member_text(js_State *J, const char *name, char *out,
                       apr_size_t size)
{
    int found = 0;

    if (js_isobject(J, -1) && js_hasproperty(J, -1, name)) {
        if (js_isstring(J, -1) || js_isnumber(J, -1)) {
            keep_text(out, size, js_tostring(J, -1));
            found = out[0] != '\0';
        }
        js_pop(J, 1);
    }
    return found;
}

/* Where the engine made this error: the first line of its trace that is no
 * built-in function, "\n\tat name (FILE:LINE)" or "\n\tat FILE:LINE". */
static void place_text(js_State *J, char *out, apr_size_t size)
{
    char trace[512];
    const char *line, *end, *start;

    out[0] = '\0';
    if (!member_text(J, "stackTrace", trace, sizeof(trace))) {
        return;
    }
    for (line = strchr(trace, '\n'); line; line = strchr(end, '\n')) {
        end = line + 1 + strcspn(line + 1, "\n");
        start = line + strlen("\n\tat ");
        if (start > end || end[-1] == ')') {
            start = end;
            while (start > line && *start != '(') {
                --start;
            }
            ++start;
        }
        if (memchr(start, ':', (apr_size_t)(end - start))) {
            apr_size_t len = (apr_size_t)(end - start) - (end[-1] == ')');
            apr_snprintf(out, size, "%.*s: ", (int)len, start);
            return;
        }
    }
}

typedef struct description_t {
    char code[FLOW_ERROR_CODE_MAX];
    char place[256];
    char text[TEXT_MAX];
    int host_error; /* 1-based number, or 0 */
} description_t;

/* Reads the exception; a getter may throw or run for ever. */
static void read_exception(js_State *J, description_t *d)
{
    int mark = js_errormark(J, -1);

    d->host_error = mark > 0 ? mark : 0;
    if (!member_text(J, "code", d->code, sizeof(d->code)) &&
        !(js_iserror(J, -1) &&
          member_text(J, "name", d->code, sizeof(d->code)))) {
        keep_text(d->code, sizeof(d->code), "script_error");
    }
    if (mark < 0) {
        place_text(J, d->place, sizeof(d->place));
    }
    if (!member_text(J, "message", d->text, sizeof(d->text))) {
        keep_text(d->text, sizeof(d->text),
                  js_trystring(J, -1, "(an object without a message)"));
    }
}

/* The failure of a host call that this exception stands for. */
static const flow_error_t *host_error(const flow_script_call_t *call,
                                      int number)
{
    unsigned n = (unsigned)number;

    if (!call->host_errors || n == 0 || n > call->n_host_errors ||
        call->n_host_errors - n >= FLOW_CALL_ERRORS) {
        return NULL;
    }
    return &call->host_errors[n % FLOW_CALL_ERRORS];
}

/* A syntax error carries FILE:LINE itself. */
static int begins_with_place(const flow_script_call_t *call, const char *text)
{
    apr_size_t n = strlen(call->script->filename);

    return strncmp(text, call->script->filename, n) == 0 && text[n] == ':';
}

void flow_throw_describe(flow_script_call_t *call)
{
    js_State *J = call->J;
    const flow_error_t *original;
    description_t d;

    memset(&d, 0, sizeof(d));
    if (js_try(J)) {
        js_pop(J, 1);
        keep_text(d.code, sizeof(d.code), "script_error");
        keep_text(d.text, sizeof(d.text),
                  "an exception whose message cannot be read");
    }
    else {
        read_exception(J, &d);
        js_endtry(J);
    }
    flow_stop_leave(&call->stop);
    call->threw = 1;
    original = host_error(call, d.host_error);
    if (original) {
        *call->err = *original;
    }
    else {
        const char *text =
            flow_utf8_repair(d.text, strlen(d.text), NULL, call->p);
        flow_error_set(call->err, FLOW_E_SCRIPT, APR_EGENERAL, d.code, "%s%s",
                       begins_with_place(call, text) ? "" : d.place, text);
    }
    flow_stop_enter(&call->stop);
}

/* ---- to the script ---- */

static void set_member(js_State *J, const char *name)
{
    js_defproperty(J, -2, name, 0);
}

void flow_throw_host(flow_script_call_t *call, int status,
                     const flow_error_t *why)
{
    js_State *J = call->J;
    flow_error_t *kept;
    unsigned number;

    flow_stop_leave(&call->stop);
    if (!call->host_errors) {
        call->host_errors =
            apr_palloc(call->p, FLOW_CALL_ERRORS * sizeof(flow_error_t));
    }
    number = ++call->n_host_errors;
    kept = &call->host_errors[number % FLOW_CALL_ERRORS];
    *kept = *why;
    flow_stop_enter(&call->stop);

    js_newerror(J, kept->message);
    js_seterrormark(J, -1, (int)number);
    /* defined anew, so that JSON.stringify shows them */
    js_delproperty(J, -1, "message");
    js_pushliteral(J, "Error");
    set_member(J, "name");
    js_pushstring(J, kept->code);
    set_member(J, "code");
    js_pushstring(J, kept->message);
    set_member(J, "message");
    if (status) {
        js_pushnumber(J, status);
        set_member(J, "statusCode");
    }
    js_newarray(J);
    js_newobject(J);
    js_pushstring(J, kept->code);
    set_member(J, "code");
    js_pushstring(J, kept->message);
    set_member(J, "message");
    js_setindex(J, -2, 0);
    set_member(J, "errors");
    js_throw(J);
}

/* ---- stopped ---- */

apr_status_t flow_throw_stopped(flow_script_call_t *call, flow_stop_e why)
{
    const char *id = call->script->id;

    /* Whatever was being said about an exception is void. */
    flow_error_clear(call->err);
    switch (why) {
    case FLOW_STOP_TIME:
        return flow_error_set(call->err, FLOW_E_SCRIPT, APR_TIMEUP,
                              "script_timeout",
                              "script '%s' took too long and was stopped", id);
    case FLOW_STOP_MEMORY:
        return flow_error_set(call->err, FLOW_E_SCRIPT, APR_EGENERAL,
                              "script_memory",
                              "script '%s' used too much memory", id);
    case FLOW_STOP_STACK:
        return flow_error_set(call->err, FLOW_E_SCRIPT, APR_EGENERAL,
                              "script_stack",
                              "script '%s' called too deeply; is there an "
                              "endless recursion",
                              id);
    case FLOW_STOP_NONE:
    case FLOW_STOP_BROKEN:
        break;
    }
    return flow_error_set(call->err, FLOW_E_INTERNAL, APR_EGENERAL,
                          "script_engine",
                          "the script engine failed in script '%s'", id);
}
