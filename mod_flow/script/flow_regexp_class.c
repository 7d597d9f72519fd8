/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "script/flow_regexp_private.h"

/* What the sets hold, for use in a class. The complements are written out:
 * PCRE2's own \S and \W know only ASCII. */
#define SPACE                                                                  \
    "\\x{9}-\\x{d}\\x{20}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}"         \
    "\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}"
#define NOT_SPACE                                                              \
    "\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{9f}\\x{a1}-\\x{167f}"              \
    "\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}"                \
    "\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{fefe}"                \
    "\\x{ff00}-\\x{10ffff}"
#define DIGIT     "0-9"
#define NOT_DIGIT "\\x{0}-\\x{2f}\\x{3a}-\\x{10ffff}"
#define WORD      "0-9A-Z_a-z"
#define NOT_WORD                                                               \
    "\\x{0}-\\x{2f}\\x{3a}-\\x{40}\\x{5b}-\\x{5e}\\x{60}\\x{7b}-\\x{10ffff}"
/* With i and u together two more letters fold to ASCII's. */
#define WORD_IU WORD "\\x{17f}\\x{212a}"
#define NOT_WORD_IU                                                            \
    "\\x{0}-\\x{2f}\\x{3a}-\\x{40}\\x{5b}-\\x{5e}\\x{60}\\x{7b}-\\x{17e}"      \
    "\\x{180}-\\x{2129}\\x{212b}-\\x{10ffff}"

#define ANYTHING     "(?s:.)"
#define NEVER        "[^\\x{0}-\\x{10ffff}]"
#define PROPERTY_MAX 60

static int is_iu(const flow_regexp_reader_t *r)
{
    return (r->flags & FLOW_REGEXP_I) && (r->flags & FLOW_REGEXP_U);
}

/* ---- sets ---- */

void flow_regexp_put_set(flow_regexp_reader_t *r, char which)
{
    char text[3] = { '\\', which, 0 };

    switch (which) {
    case 's':
        flow_regexp_puts(r, "[" SPACE "]");
        break;
    case 'S':
        flow_regexp_puts(r, "[^" SPACE "]");
        break;
    case 'w':
    case 'W':
        if (is_iu(r)) {
            flow_regexp_puts(r, which == 'w' ? "(?-i:[" WORD_IU "])"
                                             : "(?-i:[^" WORD_IU "])");
            break;
        }
        flow_regexp_puts(r, text);
        break;
    default:
        flow_regexp_puts(r, text);
        break;
    }
}

static const char *set_members(const flow_regexp_reader_t *r, char which)
{
    switch (which) {
    case 'd':
        return DIGIT;
    case 'D':
        return NOT_DIGIT;
    case 's':
        return SPACE;
    case 'S':
        return NOT_SPACE;
    case 'w':
        return is_iu(r) ? WORD_IU : WORD;
    default:
        return is_iu(r) ? NOT_WORD_IU : NOT_WORD;
    }
}

/* ---- properties ---- */

/* General categories by their long names; PCRE2 knows the short ones. */
static const char *const categories[] = { "Cased_Letter",
                                          "L&",
                                          "Close_Punctuation",
                                          "Pe",
                                          "Connector_Punctuation",
                                          "Pc",
                                          "Control",
                                          "Cc",
                                          "cntrl",
                                          "Cc",
                                          "Currency_Symbol",
                                          "Sc",
                                          "Dash_Punctuation",
                                          "Pd",
                                          "Decimal_Number",
                                          "Nd",
                                          "digit",
                                          "Nd",
                                          "Enclosing_Mark",
                                          "Me",
                                          "Final_Punctuation",
                                          "Pf",
                                          "Format",
                                          "Cf",
                                          "Initial_Punctuation",
                                          "Pi",
                                          "Letter",
                                          "L",
                                          "Letter_Number",
                                          "Nl",
                                          "Line_Separator",
                                          "Zl",
                                          "Lowercase_Letter",
                                          "Ll",
                                          "Mark",
                                          "M",
                                          "Combining_Mark",
                                          "M",
                                          "Math_Symbol",
                                          "Sm",
                                          "Modifier_Letter",
                                          "Lm",
                                          "Modifier_Symbol",
                                          "Sk",
                                          "Nonspacing_Mark",
                                          "Mn",
                                          "Number",
                                          "N",
                                          "Open_Punctuation",
                                          "Ps",
                                          "Other",
                                          "C",
                                          "Other_Letter",
                                          "Lo",
                                          "Other_Number",
                                          "No",
                                          "Other_Punctuation",
                                          "Po",
                                          "Other_Symbol",
                                          "So",
                                          "Paragraph_Separator",
                                          "Zp",
                                          "Private_Use",
                                          "Co",
                                          "Punctuation",
                                          "P",
                                          "punct",
                                          "P",
                                          "Separator",
                                          "Z",
                                          "Space_Separator",
                                          "Zs",
                                          "Spacing_Mark",
                                          "Mc",
                                          "Surrogate",
                                          "Cs",
                                          "Symbol",
                                          "S",
                                          "Titlecase_Letter",
                                          "Lt",
                                          "Unassigned",
                                          "Cn",
                                          "Uppercase_Letter",
                                          "Lu",
                                          "LC",
                                          "L&",
                                          NULL };

static const char *category(const char *name)
{
    int i;

    for (i = 0; categories[i]; i += 2) {
        if (strcmp(categories[i], name) == 0) {
            return categories[i + 1];
        }
    }
    return name;
}

/* At "{". */
void flow_regexp_put_property(flow_regexp_reader_t *r, int is_negated)
{
    char name[PROPERTY_MAX + 1];
    const char *value, *prefix = "";
    size_t n = 0;
    int c;

    if (!flow_regexp_accept(r, "{")) {
        flow_regexp_fail(r, "invalid property name");
        return;
    }
    while ((c = flow_regexp_peek(r, n)) > ' ' && c < 0x7F && c != '}' &&
           n < PROPERTY_MAX) {
        name[n++] = (char)c;
    }
    name[n] = 0;
    if (n == 0 || c != '}' || strchr("^:&", name[0])) {
        flow_regexp_fail(r, "invalid property name");
        return;
    }
    r->at += n + 1;
    if ((value = strchr(name, '=')) != NULL) {
        ++value;
        if (strncmp(name, "Script=", 7) == 0 || strncmp(name, "sc=", 3) == 0) {
            prefix = "sc:";
        }
        else if (strncmp(name, "Script_Extensions=", 18) == 0 ||
                 strncmp(name, "scx=", 4) == 0) {
            prefix = "scx:";
        }
        else if (strncmp(name, "General_Category=", 17) != 0 &&
                 strncmp(name, "gc=", 3) != 0) {
            flow_regexp_fail(r, "invalid property name");
            return;
        }
    }
    else {
        value = name;
    }
    flow_regexp_puts(r, is_negated ? "\\P{" : "\\p{");
    flow_regexp_puts(r, prefix);
    flow_regexp_puts(r, *prefix ? value : category(value));
    flow_regexp_puts(r, "}");
}

/* ---- classes ---- */

/* What a first reading of a class finds. */
typedef struct class_t {
    int ascii;      /* nothing beyond ASCII */
    int complement; /* \W, \D or \S, so everything beyond ASCII */
    int properties;
    unsigned sets; /* one bit for each of dDwWsS */
    int fold;      /* second reading: write both cases of ASCII letters */
    int write;
} class_t;

static void put_range(flow_regexp_reader_t *r, unsigned a, unsigned b)
{
    flow_regexp_put_char(r, a);
    if (b > a) {
        flow_regexp_puts(r, "-");
        flow_regexp_put_char(r, b);
    }
}

/* The part of a to b in first to last, moved by @a by. */
static void put_folded(flow_regexp_reader_t *r, unsigned a, unsigned b,
                       unsigned first, unsigned last, int by)
{
    a = a > first ? a : first;
    b = b < last ? b : last;
    if (a <= b) {
        put_range(r, (unsigned)((int)a + by), (unsigned)((int)b + by));
    }
}

static void add_range(flow_regexp_reader_t *r, class_t *c, unsigned a,
                      unsigned b)
{
    if (b > 0x7F) {
        c->ascii = 0;
    }
    if (!c->write) {
        return;
    }
    put_range(r, a, b);
    if (c->fold) {
        put_folded(r, a, b, 'a', 'z', -32);
        put_folded(r, a, b, 'A', 'Z', 32);
    }
}

static void add_char(flow_regexp_reader_t *r, class_t *c, unsigned x)
{
    if (x >= 0x10000 && !(r->flags & FLOW_REGEXP_U)) {
        add_range(r, c, 0xD800 + ((x - 0x10000) >> 10),
                  0xD800 + ((x - 0x10000) >> 10));
        x = 0xDC00 + ((x - 0x10000) & 0x3FF);
    }
    add_range(r, c, x, x);
}

static void add_set(flow_regexp_reader_t *r, class_t *c, char which)
{
    static const char sets[] = "dDwWsS";

    c->sets |= 1u << (strchr(sets, which) - sets);
    if (strchr("DWS", which)) {
        c->complement = 1;
    }
    else if (which == 's' || is_iu(r)) {
        c->ascii = 0;
    }
    if (c->write) {
        flow_regexp_puts(r, set_members(r, which));
    }
}

/* One member; its code, or -1 for a set. */
static long read_member(flow_regexp_reader_t *r, class_t *c)
{
    flow_regexp_escape_t e;
    size_t len;

    if (!flow_regexp_accept(r, "\\")) {
        return (long)flow_regexp_next(r);
    }
    flow_regexp_escape(r, 1, &e);
    if (e.kind == FLOW_REGEXP_SET) {
        add_set(r, c, (char)e.value);
        return -1;
    }
    if (e.kind == FLOW_REGEXP_PROPERTY) {
        len = r->re->len;
        flow_regexp_put_property(r, e.value == 'P');
        if (!c->write && !r->re->error) {
            r->re->len = len;
        }
        c->ascii = 0;
        c->properties = 1;
        return -1;
    }
    return (long)e.value;
}

/* Without u an astral character is two; only its half takes part in a range. */
static unsigned half(flow_regexp_reader_t *r, class_t *c, long x, int first)
{
    if (x < 0x10000 || (r->flags & FLOW_REGEXP_U)) {
        return (unsigned)x;
    }
    if (first) {
        add_char(r, c, 0xD800 + (((unsigned)x - 0x10000) >> 10));
        return 0xDC00 + (((unsigned)x - 0x10000) & 0x3FF);
    }
    return 0xD800 + (((unsigned)x - 0x10000) >> 10);
}

static void read_range(flow_regexp_reader_t *r, class_t *c)
{
    long a = read_member(r, c), b;
    unsigned from, to;

    if (flow_regexp_peek(r, 0) != '-' || flow_regexp_peek(r, 1) == ']' ||
        flow_regexp_peek(r, 1) < 0) {
        if (a >= 0) {
            add_char(r, c, (unsigned)a);
        }
        return;
    }
    ++r->at;
    b = read_member(r, c);
    if (a < 0 || b < 0) {
        if (r->flags & FLOW_REGEXP_U) {
            flow_regexp_fail(r, "invalid character class");
            return;
        }
        add_char(r, c, '-');
        if (a >= 0) {
            add_char(r, c, (unsigned)a);
        }
        if (b >= 0) {
            add_char(r, c, (unsigned)b);
        }
        return;
    }
    from = half(r, c, a, 1);
    to = half(r, c, b, 0);
    if (to < from) {
        flow_regexp_fail(r, "range out of order in character class");
        return;
    }
    add_range(r, c, from, to);
    if (to != (unsigned)b) {
        add_char(r, c, 0xDC00 + (((unsigned)b - 0x10000) & 0x3FF));
    }
}

static void read_members(flow_regexp_reader_t *r, class_t *c)
{
    while (r->at < r->end && *r->at != ']') {
        read_range(r, c);
    }
    if (r->at >= r->end) {
        flow_regexp_fail(r, "unterminated character class");
        return;
    }
    ++r->at;
}

/* A set and its complement. */
static int is_everything(const class_t *c)
{
    unsigned sets = c->sets;

    return ((sets & 3) == 3) || ((sets & 12) == 12) || ((sets & 48) == 48);
}

void flow_regexp_class(flow_regexp_reader_t *r)
{
    int is_negated = flow_regexp_accept(r, "^");
    int is_i = (r->flags & FLOW_REGEXP_I) != 0;
    int is_u = (r->flags & FLOW_REGEXP_U) != 0;
    const char *start = r->at;
    class_t c;

    if (flow_regexp_accept(r, "]")) {
        flow_regexp_puts(r, is_negated ? ANYTHING : NEVER);
        return;
    }
    memset(&c, 0, sizeof(c));
    c.ascii = 1;
    read_members(r, &c);
    if (r->re->error) {
        return;
    }
    if (is_everything(&c)) {
        flow_regexp_puts(r, is_negated ? NEVER : ANYTHING);
        return;
    }
    /* PCRE2's folding would add relatives of k and s beyond ASCII, and to
     * them those within. */
    c.fold = is_i && !c.properties && ((c.ascii && !is_u) || c.complement);
    c.write = 1;
    r->at = start;
    flow_regexp_puts(r, c.fold ? "(?-i:[" : "[");
    flow_regexp_puts(r, is_negated ? "^" : "");
    read_members(r, &c);
    flow_regexp_puts(r, c.fold ? "])" : "]");
}
