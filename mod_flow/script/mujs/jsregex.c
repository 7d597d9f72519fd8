/* SPDX-License-Identifier: Apache-2.0 */

/* Compiled into mujs' one object: it knows its insides. See jsregex.h. */

#include "jsi.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "script/flow_regexp.h"

/* What one match may do: steps at one place of the text, and memory for going
 * back (in kB). Time is bounded by the hard stop. */
#define REGEX_STEPS 10000000
#define REGEX_HEAP  (24 << 10)

#define REGEX_OPTIONS                                                          \
    (PCRE2_UTF | PCRE2_NO_UTF_CHECK | PCRE2_MATCH_UNSET_BACKREF |              \
     PCRE2_NEVER_BACKSLASH_C)

struct js_Program {
    js_Program *next;    /* literals */
    const char *pattern; /* of a literal: the interned text */
    int refs;
    int flags;
    int groups;
    int nnames;
    struct {
        const char *name;
        int group;
    } * names;
    pcre2_code *code;
    char source[1];
};

struct js_Regexes {
    pcre2_general_context *general;
    pcre2_compile_context *compile;
    pcre2_match_context *match;
    pcre2_match_data *data; /* of the latest match */
    int room;               /* pairs in it */
    js_Program *literals;
};

/* ---- memory ---- */

static void *regex_alloc(PCRE2_SIZE size, void *baton)
{
    js_State *J = baton;

    if (size > INT_MAX - 64) {
        return NULL;
    }
    J->gcbytes += (unsigned)size;
    return J->alloc(J->actx, NULL, (int)size);
}

static void regex_free(void *ptr, void *baton)
{
    js_State *J = baton;

    if (ptr) {
        J->alloc(J->actx, ptr, 0);
    }
}

static void *regex_realloc(void *baton, void *ptr, size_t size)
{
    js_State *J = baton;

    return size > INT_MAX - 64 ? NULL : J->alloc(J->actx, ptr, (int)size);
}

/* PCRE2's compiler calls itself for groups. */
static int regex_guard(uint32_t depth, void *baton)
{
    char here;

    (void)depth;
    (void)baton;
    return &here < js_stackguard + 16384;
}

static js_Regexes *regexes(js_State *J)
{
    js_Regexes *rx = J->regexes;

    if (!rx) {
        rx = js_malloc(J, sizeof(*rx));
        memset(rx, 0, sizeof(*rx));
        rx->general = pcre2_general_context_create(regex_alloc, regex_free, J);
        rx->compile = pcre2_compile_context_create(rx->general);
        rx->match = pcre2_match_context_create(rx->general);
        pcre2_set_compile_extra_options(rx->compile,
                                        PCRE2_EXTRA_ALLOW_SURROGATE_ESCAPES);
        pcre2_set_compile_recursion_guard(rx->compile, regex_guard, J);
        pcre2_set_parens_nest_limit(rx->compile, 2 * FLOW_REGEXP_DEPTH_MAX);
        pcre2_set_match_limit(rx->match, REGEX_STEPS);
        pcre2_set_heap_limit(rx->match, REGEX_HEAP);
        J->regexes = rx;
    }
    return rx;
}

void js_regexend(js_State *J)
{
    js_Regexes *rx = J->regexes;

    js_regexrest(J);
    if (rx) {
        while (rx->literals) {
            js_Program *prog = rx->literals;

            rx->literals = prog->next;
            prog->pattern = NULL;
            prog->refs = 1;
            js_regexfree(J, prog);
        }
        pcre2_match_context_free(rx->match);
        pcre2_compile_context_free(rx->compile);
        pcre2_general_context_free(rx->general);
        js_free(J, rx);
        J->regexes = NULL;
    }
}

void js_regexrest(js_State *J)
{
    if (J->regexes && J->regexes->data) {
        pcre2_match_data_free(J->regexes->data);
        J->regexes->data = NULL;
        J->regexes->room = 0;
    }
}

void js_regexglobalinit(void)
{
    static const char *const patterns[] = {
        "(?i)(a|b)*[^c-e]+\\x{100}{2}(?<!xy)z",
        "(a+)\\g{1}[\\x{100}\\d]*?(?=q)\\z"
    };
    static const char text[] = "abababzz\304\200\304\200zaaa1q";
    size_t i, size;

    for (i = 0; i < sizeof(patterns) / sizeof(patterns[0]); ++i) {
        int code;
        PCRE2_SIZE at;
        pcre2_code *re =
            pcre2_compile((PCRE2_SPTR)patterns[i], PCRE2_ZERO_TERMINATED,
                          REGEX_OPTIONS, &code, &at, NULL);
        pcre2_match_data *data =
            re ? pcre2_match_data_create_from_pattern(re, NULL) : NULL;
        if (data) {
            PCRE2_UCHAR buf[80];
            pcre2_match(re, (PCRE2_SPTR)text, sizeof(text) - 1, 0, 0, data,
                        NULL);
            pcre2_pattern_info(re, PCRE2_INFO_SIZE, &size);
            pcre2_get_error_message(101, buf, sizeof(buf));
        }
        pcre2_match_data_free(data);
        pcre2_code_free(re);
    }
}

/* ---- programs ---- */

/* What stands between the slashes: a slash needs a backslash, a line break
 * cannot stand there. At most six times as long. */
static int regex_source(char *out, const char *s)
{
    char *start = out;
    int in_class = 0;

    for (; *s; ++s) {
        if (*s == '\\' && s[1]) {
            *out++ = *s++;
        }
        else if (*s == '[') {
            in_class = 1;
        }
        else if (*s == ']') {
            in_class = 0;
        }
        else if (*s == '/' && !in_class) {
            *out++ = '\\';
        }
        else if (*s == '\n' || *s == '\r') {
            *out++ = '\\';
            *out++ = *s == '\n' ? 'n' : 'r';
            continue;
        }
        *out++ = *s;
    }
    if (out == start) {
        memcpy(out, "(?:)", 4);
        out += 4;
    }
    *out = 0;
    return (int)(out - start);
}

static void regex_names(js_State *J, js_Program *prog, const flow_regexp_t *re)
{
    char *text;
    size_t room = 0;
    int i;

    if (!re->n_names) {
        return;
    }
    for (i = 0; i < re->n_names; ++i) {
        room += sizeof(*prog->names) + re->names[i].len + 1;
    }
    prog->names = js_malloc(J, (int)room);
    prog->nnames = re->n_names;
    text = (char *)(prog->names + re->n_names);
    for (i = 0; i < re->n_names; ++i) {
        prog->names[i].name = text;
        prog->names[i].group = re->names[i].group;
        memcpy(text, re->names[i].name, re->names[i].len);
        text += re->names[i].len;
        *text++ = 0;
    }
}

static js_Program *regex_compile(js_State *J, const char *pattern, int flags,
                                 char why[160])
{
    js_Regexes *rx = regexes(J);
    int len = (int)strlen(pattern), code = 0;
    flow_regexp_t re;
    js_Program *prog;
    PCRE2_SIZE at;

    memset(&re, 0, sizeof(re));
    re.alloc = regex_realloc;
    re.baton = J;
    if (flow_regexp_translate(&re, pattern, len, (unsigned)flags) != 0) {
        snprintf(why, 160, "%s", re.error);
        flow_regexp_release(&re);
        return NULL;
    }
    prog = js_malloc(J, (int)sizeof(*prog) + 2 * len + 8);
    memset(prog, 0, sizeof(*prog));
    prog->flags = flags;
    prog->groups = re.groups;
    regex_source(prog->source, pattern);
    prog->code = pcre2_compile((PCRE2_SPTR)(re.text ? re.text : ""), re.len,
                               REGEX_OPTIONS |
                                   (flags & JS_REGEXP_I ? PCRE2_CASELESS : 0),
                               &code, &at, rx->compile);
    if (prog->code) {
        regex_names(J, prog, &re);
    }
    else {
        if (code == 125) {
            snprintf(why, 160,
                     "each alternative of a lookbehind must have a "
                     "fixed length");
        }
        else {
            pcre2_get_error_message(code, (PCRE2_UCHAR *)why, 160);
        }
        js_free(J, prog);
        prog = NULL;
    }
    flow_regexp_release(&re);
    return prog;
}

void js_regexfree(js_State *J, js_Program *prog)
{
    if (prog && --prog->refs <= 0 && !prog->pattern) {
        pcre2_code_free(prog->code);
        js_free(J, prog->names);
        js_free(J, prog);
    }
}

js_Program *js_regexliteral(js_State *J, const char *pattern, int flags,
                            char why[160])
{
    js_Program *prog, **link = &regexes(J)->literals;

    for (; (prog = *link) != NULL; link = &prog->next) {
        if (prog->pattern == pattern && prog->flags == flags) {
            *link = prog->next; /* the latest is found first */
            prog->next = J->regexes->literals;
            J->regexes->literals = prog;
            return prog;
        }
    }
    prog = regex_compile(J, pattern, flags, why);
    if (prog) {
        prog->pattern = pattern;
        prog->next = J->regexes->literals;
        J->regexes->literals = prog;
    }
    return prog;
}

static void regex_push(js_State *J, js_Program *prog)
{
    js_Object *obj = jsV_newobject(J, JS_CREGEXP, J->RegExp_prototype);

    ++prog->refs;
    obj->u.r.prog = prog;
    obj->u.r.source = prog->source;
    obj->u.r.flags = prog->flags;
    obj->u.r.last = 0;
    js_pushobject(J, obj);
}

/* OP_NEWREGEXP: the program is there since the script was compiled. */
void js_newregexpliteral(js_State *J, const char *pattern, int flags)
{
    char why[160];
    js_Program *prog = js_regexliteral(J, pattern, flags, why);

    if (!prog) {
        js_syntaxerror(J, "regular expression: %s", why);
    }
    regex_push(J, prog);
}

void js_newregexp(js_State *J, const char *pattern, int flags)
{
    char why[160];
    js_Program *prog = regex_compile(J, pattern, flags, why);

    if (!prog) {
        js_syntaxerror(J, "regular expression: %s", why);
    }
    if (js_try(J)) {
        js_regexfree(J, prog);
        js_throw(J);
    }
    regex_push(J, prog);
    js_endtry(J);
}
