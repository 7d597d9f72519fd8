/* SPDX-License-Identifier: Apache-2.0 */

/* Included at the end of mujs' one.c, so all of its insides are known here. */

#include <time.h>

#include "jsflow.h"

void js_globalinit(void)
{
    time_t now = time(NULL);
    struct tm local;

    tzset();
    if (!js_clocale) {
        js_clocale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    }
    if (localtime_r(&now, &local)) {
        js_localtza = local.tm_gmtoff * 1000.0;
    }
    js_regexglobalinit();
}

void js_rest(js_State *J)
{
    js_regexrest(J);
}

void js_settle(js_State *J)
{
    js_libsettle(J);
}

void js_seed(js_State *J, unsigned int seed)
{
    /* Seeds are moments, so near each other; the generator keeps such
     * nearness, and stays at 0 for ever. */
    seed = (seed ^ seed >> 16) * 0x45d9f3bu;
    seed = (seed ^ seed >> 16) * 0x45d9f3bu;
    seed ^= seed >> 16;
    J->seed = seed % 0x7ffffffe + 1;
}

void js_pushutf8(js_State *J, const char *s, int len)
{
    char *copy, *out;
    int i;

    if (!memchr(s, 0, len)) {
        js_pushlstring(J, s, len);
        return;
    }
    if (len > JS_STRLIMIT) {
        js_rangeerror(J, "invalid string length");
    }
    /* strings end at a zero byte here, so U+0000 is written C0 80 */
    copy = out = js_malloc(J, 2 * len);
    for (i = 0; i < len; ++i) {
        if (s[i] == 0) {
            *out++ = (char)0xC0;
            *out++ = (char)0x80;
        }
        else {
            *out++ = s[i];
        }
    }
    js_pushlstring(J, copy, (int)(out - copy));
    js_free(J, copy);
}

/* ---- numbers with their text ---- */

/* The word beside a number: the top bit says that the text is what String()
 * gives with so many more bytes of ".", "0" behind it; else it is the distance
 * of a text from the state, in units of 8 bytes. */
#define WORD_PADDED  0x80000000u
#define NUMBER_SPACE 40

static int padding_of(const char *plain, const char *text, int len)
{
    int n = (int)strlen(plain), i = n;

    if (len <= n || len >= NUMBER_SPACE || memcmp(plain, text, n) != 0 ||
        strchr(plain, 'e')) {
        return 0;
    }
    if (!strchr(plain, '.') && (text[i++] != '.' || i == len)) {
        return 0;
    }
    for (; i < len; ++i) {
        if (text[i] != '0') {
            return 0;
        }
    }
    return len - n;
}

static unsigned int word_for(js_State *J, double v, const char *text, int len)
{
    char buf[NUMBER_SPACE];
    const char *plain = jsV_numbertostring(J, buf, v);
    int pad = isfinite(v) ? padding_of(plain, text, len) : 0;
    char *copy;

    if (pad) {
        return WORD_PADDED | (unsigned int)pad;
    }
    if ((int)strlen(plain) == len && memcmp(plain, text, len) == 0) {
        return 0;
    }
    copy = js_malloc(J, len + 1);
    memcpy(copy, text, len);
    copy[len] = 0;
    return (unsigned int)(((size_t)copy - (size_t)J) / 8);
}

static const char *text_for(js_State *J, double v, unsigned int word,
                            char buf[NUMBER_SPACE])
{
    char plain[NUMBER_SPACE];
    int n, pad;

    if (!(word & WORD_PADDED)) {
        return (const char *)J + (size_t)word * 8;
    }
    snprintf(buf, NUMBER_SPACE, "%s", jsV_numbertostring(J, plain, v));
    n = (int)strlen(buf);
    pad = (int)(word & ~WORD_PADDED);
    if (!strchr(buf, '.')) {
        buf[n++] = '.';
        --pad;
    }
    memset(buf + n, '0', pad);
    buf[n + pad] = 0;
    return buf;
}

void js_pushnumberastext(js_State *J, const char *text, int len)
{
    double v = js_strtod(text, NULL);

    js_pushnumbertext(J, v, word_for(J, v, text, len));
}

void js_flowinit(js_State *J, js_ParseText parse)
{
    js_setjson(J, text_for, parse);
}

/* ---- reading values ---- */

const js_Value *js_peek(js_State *J, int idx)
{
    return js_tovalue(J, idx);
}

static js_Kind kind_of_object(const js_Object *obj)
{
    switch (obj->type) {
    case JS_CARRAY:
        return JS_KARRAY;
    case JS_CFUNCTION:
    case JS_CSCRIPT:
    case JS_CCFUNCTION:
        return JS_KFUNCTION;
    case JS_CERROR:
        return JS_KERROR;
    case JS_CDATE:
        return JS_KDATE;
    case JS_CBOOLEAN:
        return JS_KBOOLEAN;
    case JS_CNUMBER:
        return JS_KNUMBER;
    case JS_CSTRING:
        return JS_KSTRING;
    default:
        return JS_KOBJECT;
    }
}

js_Kind js_valuekind(const js_Value *v)
{
    switch (v->t.type) {
    case JS_TUNDEFINED:
        return JS_KUNDEFINED;
    case JS_TNULL:
        return JS_KNULL;
    case JS_TBOOLEAN:
        return JS_KBOOLEAN;
    case JS_TNUMBER:
        return JS_KNUMBER;
    case JS_TOBJECT:
        return kind_of_object(v->u.object);
    default:
        return JS_ISSYMBOL(js_valuestring(v)) ? JS_KUNDEFINED : JS_KSTRING;
    }
}

int js_valueboolean(const js_Value *v)
{
    return v->t.type == JS_TOBJECT ? v->u.object->u.boolean : v->u.boolean;
}

double js_valuenumber(const js_Value *v)
{
    return v->t.type == JS_TOBJECT ? v->u.object->u.number : v->u.number;
}

const char *js_valuestring(const js_Value *v)
{
    switch (v->t.type) {
    case JS_TSHRSTR:
        return v->u.shrstr;
    case JS_TLITSTR:
        return v->u.litstr;
    case JS_TMEMSTR:
        return v->u.memstr->p;
    case JS_TOBJECT:
        return v->u.object->u.s.string ? v->u.object->u.s.string : "";
    default:
        return "";
    }
}

const char *js_valuetext(js_State *J, const js_Value *v, char buf[40])
{
    if (v->t.type != JS_TNUMBER || !v->u.num.text) {
        return NULL;
    }
    return text_for(J, v->u.num.number, v->u.num.text, buf);
}

const void *js_valueobject(const js_Value *v)
{
    return v->t.type == JS_TOBJECT ? v->u.object : NULL;
}

int js_arraylength(const js_Value *array)
{
    unsigned int n = array->u.object->u.a.length;

    return n > INT_MAX ? INT_MAX : (int)n; /* no result is that large */
}

const js_Value *js_arrayat(const js_Value *array, int i, int *paccessor)
{
    js_Object *obj = array->u.object;
    js_Property *prop;
    char name[32];

    *paccessor = 0;
    if (obj->u.a.simple) {
        return i < obj->u.a.flat_length ? &obj->u.a.array[i] : NULL;
    }
    prop = jsV_getproperty(NULL, obj, js_itoa(name, i));
    if (prop && (prop->getter || prop->setter)) {
        *paccessor = 1;
        return NULL;
    }
    return prop ? &prop->value : NULL;
}

js_Property **js_members(js_State *J, const js_Value *object, int *pn)
{
    *pn = object->u.object->count;
    return jsV_ownorder(J, object->u.object);
}

void js_freemembers(js_State *J, js_Property **members)
{
    if (members) {
        js_free(J, members);
    }
}

const char *js_membername(const js_Property *m)
{
    return m->name;
}

int js_memberenumerable(const js_Property *m)
{
    return !(m->atts & JS_DONTENUM) && !JS_ISSYMBOL(m->name);
}

const js_Value *js_membervalue(const js_Property *m)
{
    return m->getter || m->setter ? NULL : &m->value;
}

int js_hastojson(js_State *J, const js_Value *object)
{
    js_Property *p = jsV_getproperty(J, object->u.object, "toJSON");

    return p && (p->getter || js_valuekind(&p->value) == JS_KFUNCTION);
}

const char *js_classname(const js_Value *v)
{
    if (v->t.type == JS_TOBJECT && v->u.object->type == JS_CREGEXP) {
        return "RegExp";
    }
    if (v->t.type != JS_TOBJECT || v->u.object->type != JS_CLIB) {
        return NULL;
    }
    switch (v->u.object->u.lib.kind) {
    case JS_LIBMAP:
        return "Map";
    case JS_LIBSET:
        return "Set";
    case JS_LIBPROMISE:
        return "Promise";
    default:
        return NULL;
    }
}

int js_iscollection(const js_Value *v)
{
    return v->t.type == JS_TOBJECT && v->u.object->type == JS_CLIB &&
           (v->u.object->u.lib.kind == JS_LIBMAP ||
            v->u.object->u.lib.kind == JS_LIBSET);
}

void js_showcollection(js_State *J)
{
    const char *name = js_classname(js_tovalue(J, -1));
    js_Table *t = js_toobject(J, -1)->u.lib.u.table;
    int i, n = 0;

    js_newobject(J);
    js_newarray(J);
    /* nothing here runs script code, so the table stays as it is */
    for (i = 0; t && i < t->n; ++i) {
        if (!t->entries[i].live) {
            continue;
        }
        if (*name == 'M') {
            js_newarray(J);
            js_pushvalue(J, t->entries[i].key);
            js_setindex(J, -2, 0);
            js_pushvalue(J, t->entries[i].value);
            js_setindex(J, -2, 1);
        }
        else {
            js_pushvalue(J, t->entries[i].key);
        }
        js_setindex(J, -2, n++);
    }
    js_defproperty(J, -2, name, 0);
    js_rot2pop1(J);
}

int js_isscripted(const js_Value *v)
{
    return v->t.type == JS_TOBJECT && v->u.object->type == JS_CFUNCTION;
}

/* ---- errors ---- */

int js_errormark(js_State *J, int idx)
{
    return js_iserror(J, idx) ? js_tovalue(J, idx)->u.object->u.boolean : 0;
}

void js_seterrormark(js_State *J, int idx, int mark)
{
    if (js_iserror(J, idx)) {
        js_tovalue(J, idx)->u.object->u.boolean = mark;
    }
}
