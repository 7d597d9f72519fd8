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

/* What the compiler's output calls is no code of the author's. */
#define RUNTIME "(runtime):"

/* A file without its directory. */
static const char *base_of(const char *path, apr_size_t *plen)
{
    const char *slash = memrchr(path, '/', *plen);

    if (slash) {
        *plen -= (apr_size_t)(slash + 1 - path);
        return slash + 1;
    }
    return path;
}

static const flow_script_module_t *module_of(const flow_script_t *script,
                                             const char *path, apr_size_t len)
{
    int i;

    for (i = 0; i < script->n_modules; ++i) {
        const char *own = script->modules[i]->tag;

        if (strlen(own) == len && memcmp(own, path, len) == 0) {
            return script->modules[i];
        }
    }
    return NULL;
}

#define WORD_MAX 128

/* What in the source an error is about, the most exact first; "": no more. */
typedef struct words_t {
    char text[3][WORD_MAX];
} words_t;

static const words_t no_words;

static void find_column(const flow_es_map_t *map, int gen_line,
                        const words_t *words, int *pline, int *pcolumn)
{
    int i, start, column;

    flow_es_map_position(map, gen_line, NULL, pline, &start);
    *pcolumn = start;
    for (i = 0; i < 3 && *pcolumn == start && words->text[i][0]; ++i) {
        flow_es_map_position(map, gen_line, words->text[i], pline, &column);
        *pcolumn = column;
    }
}

/* "FILE:LINE" of the engine's in the author's terms: FILE:LINE:COLUMN, where
 * the statement began or where one of @a words stands in it. */
static int author_place(const flow_script_call_t *call, const char *place,
                        apr_size_t len, const words_t *words, char *out,
                        apr_size_t size)
{
    const char *colon = memrchr(place, ':', len);
    apr_size_t n = colon ? (apr_size_t)(colon - place) : len;
    const flow_script_module_t *m = module_of(call->script, place, n);
    int line = colon ? (int)apr_strtoi64(colon + 1, NULL, 10) : 0, column = 0;

    if (m) {
        place = m->path;
        n = strlen(place);
    }
    if (m && m->map) {
        find_column(m->map, line, words, &line, &column);
    }
    if (call->function) {
        /* a caller need not know where the server keeps its files */
        place = base_of(place, &n);
    }
    if (column) {
        return apr_snprintf(out, size, "%.*s:%d:%d", (int)n, place, line,
                            column);
    }
    return apr_snprintf(out, size, "%.*s:%d", (int)n, place, line);
}

typedef struct frame_t {
    const char *name, *place;
    apr_size_t name_len, place_len;
} frame_t;

/* The next frame of a trace that is no built-in function: lines are
 * "\n\tat name (FILE:LINE)" or "\n\tat FILE:LINE". */
static const char *next_frame(const char *trace, frame_t *frame)
{
    const char *line, *end, *open;

    for (line = strstr(trace, "\n\tat "); line; line = strstr(end, "\n\tat ")) {
        line += strlen("\n\tat ");
        end = line + strcspn(line, "\n");
        frame->name = frame->place = line;
        frame->name_len = 0;
        frame->place_len = (apr_size_t)(end - line);
        if (end > line && end[-1] == ')' && (open = strstr(line, " (")) &&
            open < end) {
            frame->name_len = (apr_size_t)(open - line);
            frame->place = open + 2;
            frame->place_len = (apr_size_t)(end - 1 - frame->place);
        }
        if (memchr(frame->place, ':', frame->place_len)) {
            return end;
        }
    }
    return NULL;
}

static int is_runtime(const frame_t *frame)
{
    return strncmp(frame->place, RUNTIME, strlen(RUNTIME)) == 0;
}

/* All of the trace in one line, as much of it as there is room for. */
static void trace_text(const flow_script_call_t *call, const char *trace,
                       char *out, apr_size_t size)
{
    char place[256], one[400];
    apr_size_t used = 0;
    frame_t frame;
    int n;

    out[0] = '\0';
    while ((trace = next_frame(trace, &frame)) != NULL) {
        if (is_runtime(&frame)) {
            continue;
        }
        author_place(call, frame.place, frame.place_len, &no_words, place,
                     sizeof(place));
        if (frame.name_len > 120) {
            frame.name_len = 120;
        }
        n = apr_snprintf(one, sizeof(one),
                         frame.name_len ? "%.*s (%s)" : "%.*s%s",
                         (int)frame.name_len, frame.name, place);
        if (used + (apr_size_t)n + 3 > size) {
            break;
        }
        used += (apr_size_t)apr_snprintf(out + used, size - used, "%s%s",
                                         used ? ", " : "", one);
    }
}

/* The word in quotes that a complaint of the engine's is about, and what stands
 * before it: "cannot read 'x' of null: a.b" is about a.b.x, then x. */
static void quoted_words(const char *text, words_t *words)
{
    const char *quote = strchr(text, '\'');
    apr_size_t len = quote ? strcspn(quote + 1, "'") : 0;
    const char *word, *of, *last;
    int n = 0;

    memset(words, 0, sizeof(*words));
    word = quote ? quote + 1 : "";
    if (len == 0 || len >= WORD_MAX || word[len] != '\'') {
        return;
    }
    of = strstr(word + len, ": ");
    of = of && strlen(of) < WORD_MAX / 2 ? of + 2 : "";
    last = strrchr(of, '.');
    if (last && strlen(last + 1) == len && !memcmp(last + 1, word, len)) {
        apr_cpystrn(words->text[n++], of, WORD_MAX);
    }
    else if (*of && len < WORD_MAX / 2) {
        apr_snprintf(words->text[n++], WORD_MAX, "%s.%.*s", of, (int)len, word);
    }
    memcpy(words->text[n], word, len);
}

/* Where an error was made, "FILE:LINE:COLUMN: "; @a text is its message. */
static void place_text(const flow_script_call_t *call, const char *trace,
                       const char *text, char *out, apr_size_t size)
{
    words_t words;
    frame_t frame;
    int n;

    quoted_words(text, &words);
    while ((trace = next_frame(trace, &frame)) != NULL) {
        if (!is_runtime(&frame)) {
            n = author_place(call, frame.place, frame.place_len, &words, out,
                             size - 3);
            apr_cpystrn(out + n, ": ", 3);
            return;
        }
    }
    out[0] = '\0';
}

static int own_trace(const flow_script_call_t *call, char *out, apr_size_t size)
{
    char trace[4 * FLOW_TRACE_MAX];

    out[0] = '\0';
    if (member_text(call->J, "stackTrace", trace, sizeof(trace))) {
        trace_text(call, trace, out, size);
    }
    return out[0] != '\0';
}

void flow_throw_text(flow_script_call_t *call, int with_trace)
{
    js_State *J = call->J;
    char trace[FLOW_TRACE_MAX];
    int has_trace = with_trace && own_trace(call, trace, sizeof(trace));

    js_pushstring(J, js_trystring(J, -1, "[object]"));
    if (has_trace) {
        js_pushstring(J, "; at ");
        js_concat(J);
        js_pushstring(J, trace);
        js_concat(J);
    }
    js_rot2pop1(J);
}

/* ---- Error.prototype.stack ---- */

/* As other engines have it, the author's places for frames:
 * "TypeError: text\n    at f (lib.js:3:5)\n    at main.js:7:1". */
static void get_stack(js_State *J)
{
    const flow_script_call_t *call = flow_call_of(J);
    char trace[4 * FLOW_TRACE_MAX], place[256], out[4 * FLOW_TRACE_MAX];
    const char *at = trace;
    apr_size_t used = 0;
    frame_t frame;

    js_copy(J, 0);
    if (!js_iserror(J, -1) ||
        !member_text(J, "stackTrace", trace, sizeof(trace))) {
        js_pushundefined(J);
        return;
    }
    out[0] = '\0';
    while ((at = next_frame(at, &frame)) != NULL && used + 512 < sizeof(out)) {
        if (is_runtime(&frame)) {
            continue;
        }
        author_place(call, frame.place, frame.place_len, &no_words, place,
                     sizeof(place));
        used += (apr_size_t)apr_snprintf(
            out + used, sizeof(out) - used,
            frame.name_len ? "\n    at %.*s (%s)" : "\n    at %.*s%s",
            (int)(frame.name_len < 120 ? frame.name_len : 120), frame.name,
            place);
    }
    js_pushstring(J, js_tostring(J, -1));
    js_pushstring(J, out);
    js_concat(J);
}

static void set_stack(js_State *J)
{
    js_copy(J, 0);
    js_copy(J, 1);
    js_defproperty(J, -2, "stack", JS_DONTENUM);
    js_pushundefined(J);
}

void flow_throw_define(js_State *J)
{
    js_getglobal(J, "Error");
    js_getproperty(J, -1, "prototype");
    js_newcfunction(J, get_stack, "get stack", 0);
    js_newcfunction(J, set_stack, "set stack", 1);
    js_defaccessor(J, -3, "stack", JS_DONTENUM);
    js_pop(J, 2);
}

typedef struct description_t {
    char code[FLOW_ERROR_CODE_MAX];
    char place[256];
    char text[TEXT_MAX];
    char trace[FLOW_TRACE_MAX];
    int host_error; /* 1-based number, or 0 */
} description_t;

/* Reads the exception; a getter may throw or run for ever. */
static void read_exception(const flow_script_call_t *call, description_t *d)
{
    js_State *J = call->J;
    int mark = js_errormark(J, -1);
    char trace[4 * FLOW_TRACE_MAX];
    frame_t first;

    d->host_error = mark > 0 ? mark : 0;
    if (!member_text(J, "code", d->code, sizeof(d->code)) &&
        !(js_iserror(J, -1) &&
          member_text(J, "name", d->code, sizeof(d->code)))) {
        keep_text(d->code, sizeof(d->code), "script_error");
    }
    if (!member_text(J, "message", d->text, sizeof(d->text))) {
        keep_text(d->text, sizeof(d->text),
                  js_trystring(J, -1, "(an object without a message)"));
    }
    if (!member_text(J, "stackTrace", trace, sizeof(trace))) {
        return;
    }
    if (mark < 0 || (next_frame(trace, &first) && is_runtime(&first))) {
        place_text(call, trace, d->text, d->place, sizeof(d->place));
    }
    trace_text(call, trace, d->trace, sizeof(d->trace));
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

/* A syntax error of the engine's carries FILE:LINE itself; text behind that,
 * and the place in the author's terms. */
static const char *own_place(const flow_script_call_t *call, const char *text,
                             char *out, apr_size_t size)
{
    static const words_t slash = { { "/" } };
    int i;

    for (i = 0; i < call->script->n_modules; ++i) {
        const char *tag = call->script->modules[i]->tag;
        apr_size_t n = strlen(tag), digits;

        if (strncmp(text, tag, n) == 0 && text[n] == ':') {
            digits = strspn(text + n + 1, "0123456789");
            if (digits > 0 && strncmp(text + n + 1 + digits, ": ", 2) == 0) {
                const char *rest = text + n + 1 + digits + 2;
                /* all that the engine itself refuses in what we compile */
                int is_regexp = strncmp(rest, "regular expression", 18) == 0;
                int len =
                    author_place(call, text, n + 1 + digits,
                                 is_regexp ? &slash : &no_words, out, size - 3);

                apr_cpystrn(out + len, ": ", 3);
                return rest;
            }
        }
    }
    return text;
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
        read_exception(call, &d);
        js_endtry(J);
    }
    flow_stop_leave(&call->stop);
    call->threw = 1;
    original = host_error(call, d.host_error);
    apr_cpystrn(call->trace,
                flow_utf8_repair(d.trace, strlen(d.trace), NULL, call->p),
                sizeof(call->trace));
    if (original) {
        *call->err = *original;
    }
    else {
        const char *text =
            flow_utf8_repair(d.text, strlen(d.text), NULL, call->p);

        text = own_place(call, text, d.place, sizeof(d.place));
        flow_error_set(call->err, FLOW_E_SCRIPT, APR_EGENERAL, d.code, "%s%s",
                       d.place, text);
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

/* "30 s"; "200 ms" */
static const char *duration(apr_interval_time_t t, char *out, apr_size_t size)
{
    apr_int64_t ms = (t + 500) / 1000;

    if (ms < 1000) {
        apr_snprintf(out, size, "%" APR_INT64_T_FMT " ms", ms);
    }
    else {
        apr_snprintf(out, size, "%" APR_INT64_T_FMT " s", (ms + 500) / 1000);
    }
    return out;
}

apr_status_t flow_throw_stopped(flow_script_call_t *call, flow_stop_e why)
{
    /* the id of a script without one is its path, which is no caller's */
    const char *id = flow_script_base_name(call->script->id);
    char time[40];

    /* Whatever was being said about an exception is void. */
    flow_error_clear(call->err);
    switch (why) {
    case FLOW_STOP_TIME:
        return flow_error_set(
            call->err, FLOW_E_SCRIPT, APR_TIMEUP, "script_timeout",
            "script '%s' took more than %s %s", id,
            duration(call->allowed, time, sizeof(time)),
            call->function ? "and was stopped; see FlowScriptTimeout"
                           : "at its top level and was stopped");
    case FLOW_STOP_CLIENT:
        return flow_error_set(call->err, FLOW_E_SCRIPT, APR_ECONNABORTED,
                              "client_gone",
                              "script '%s' was stopped because the client "
                              "went away",
                              id);
    case FLOW_STOP_MEMORY:
        return flow_error_set(call->err, FLOW_E_SCRIPT, APR_EGENERAL,
                              "script_memory",
                              "script '%s' used more than %d MB of memory; see "
                              "FlowScriptMemory",
                              id, (int)(call->memory >> 20));
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
