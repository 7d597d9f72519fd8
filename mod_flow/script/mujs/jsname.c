/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What an expression that failed was called in the source; part of jsrun.c's
 * room, so that a TypeError can say "'foo' is not a function: order.foo".
 *
 * Nothing is kept for this while code runs. When something has failed, the
 * function's code is read once more from its beginning to the place, and the
 * stack is played with texts in place of values. Jumps are not followed: what
 * both ways of a conditional leave behind has no text. Texts that are wrong
 * would be worse than none, so whatever is in doubt has none.
 */

#define NAME_DEPTH 48
#define NAME_MAX   64
#define NAME_JUMPS 32

typedef struct js_Names {
    char text[NAME_DEPTH][NAME_MAX]; /* "": unknown */
    int n;
    const js_Instruction *joins[NAME_JUMPS]; /* where two ways meet */
    int njoins;
} js_Names;

static void name_push(js_Names *names, const char *text)
{
    char *to;

    if (names->n == NAME_DEPTH) {
        memmove(names->text[0], names->text[1],
                sizeof(names->text) - sizeof(names->text[0]));
        --names->n;
    }
    to = names->text[names->n++];
    /* the compiler's own variables and texts too long to be read */
    if (strstr(text, "__flow") || strlen(text) >= NAME_MAX) {
        text = "";
    }
    memcpy(to, text, strlen(text) + 1);
}

static const char *name_at(const js_Names *names, int down)
{
    return names->n > down ? names->text[names->n - 1 - down] : "";
}

static void name_pop(js_Names *names, int n)
{
    names->n = names->n > n ? names->n - n : 0;
}

static void name_replace(js_Names *names, int n, const char *text)
{
    char kept[NAME_MAX];

    snprintf(kept, sizeof(kept), "%s", text);
    name_pop(names, n);
    name_push(names, kept);
}

static void name_member(js_Names *names, int n, const char *member)
{
    const char *of = name_at(names, n - 1);
    char text[2 * NAME_MAX];

    if (*of && *of != '\'' && strlen(member) < NAME_MAX) {
        snprintf(text, sizeof(text), "%s.%s", of, member);
    }
    else {
        text[0] = 0;
    }
    name_replace(names, n, text);
}

static const char *name_string(const js_Instruction *pc)
{
    const char *str;

    memcpy(&str, pc, sizeof(str));
    return str;
}

static int name_isword(const char *text)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz_$0123456789"
                            "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

    return n > 0 && !text[n] && (text[0] < '0' || text[0] > '9');
}

/* of, key -- of[key]; a key that is a text stands in quotes. */
static void name_index(js_Names *names)
{
    const char *of = name_at(names, 1), *key = name_at(names, 0);
    size_t n = strlen(key);
    char text[3 * NAME_MAX], word[NAME_MAX];

    text[0] = 0;
    if (*of && *of != '\'' && n > 0) {
        snprintf(text, sizeof(text), "%s[%s]", of, key);
        if (key[0] == '\'' && n > 2) {
            snprintf(word, sizeof(word), "%.*s", (int)n - 2, key + 1);
            if (name_isword(word)) {
                snprintf(text, sizeof(text), "%s.%s", of, word);
            }
        }
    }
    if (strlen(text) >= NAME_MAX) {
        text[0] = 0;
    }
    name_replace(names, 2, text);
}

static void name_literal(js_Names *names, int opcode, const js_Instruction *pc)
{
    char text[NAME_MAX + 8];

    if (opcode == OP_INTEGER) {
        snprintf(text, sizeof(text), "%d", *pc - 32768);
    }
    else {
        const char *str = name_string(pc);
        snprintf(text, sizeof(text), strlen(str) < NAME_MAX ? "'%s'" : "", str);
    }
    name_push(names, text);
}

/* A, B -- B, A: the text on top goes below n others. */
static void name_rotate(js_Names *names, int n)
{
    char top[NAME_MAX];

    if (names->n <= n) {
        names->n = 0;
        return;
    }
    memcpy(top, names->text[names->n - 1], sizeof(top));
    memmove(names->text[names->n - n], names->text[names->n - n - 1],
            n * sizeof(names->text[0]));
    memcpy(names->text[names->n - n - 1], top, sizeof(top));
}

static void name_copy(js_Names *names, int n)
{
    char text[NAME_MAX];
    int i;

    for (i = 0; i < n; ++i) {
        snprintf(text, sizeof(text), "%s", name_at(names, n - 1));
        name_push(names, text);
    }
}

static void name_join(js_Names *names, const js_Instruction *from,
                      const js_Instruction *at)
{
    if (at < from) {
        return; /* a loop's */
    }
    if (names->njoins < NAME_JUMPS) {
        names->joins[names->njoins++] = at;
    }
    else {
        names->n = 0;
    }
}

/* How many words of code stand behind an opcode. */
static int name_words(int opcode)
{
    const int string = sizeof(char *) / sizeof(js_Instruction);

    switch (opcode) {
    case OP_INTEGER:
    case OP_CLOSURE:
    case OP_GETLOCAL:
    case OP_SETLOCAL:
    case OP_DELLOCAL:
    case OP_EVAL:
    case OP_CALL:
    case OP_NEW:
    case OP_TRY:
    case OP_JUMP:
    case OP_JTRUE:
    case OP_JFALSE:
    case OP_JCASE:
        return 1;
    case OP_NUMBER:
        return sizeof(double) / sizeof(js_Instruction);
    case OP_NEWREGEXP:
        return string + 1;
    case OP_STRING:
    case OP_HASVAR:
    case OP_GETVAR:
    case OP_SETVAR:
    case OP_DELVAR:
    case OP_GETPROP_S:
    case OP_SETPROP_S:
    case OP_DELPROP_S:
    case OP_CATCH:
        return string;
    default:
        return 0;
    }
}

/* Variables and members: their texts are what this is for. */
static int name_play_text(js_Names *names, const js_Function *F, int opcode,
                          const js_Instruction *pc)
{
    switch (opcode) {
    case OP_THIS:
        name_push(names, "this");
        return 1;
    case OP_GETLOCAL:
        name_push(names, F->vartab[*pc - 1]);
        return 1;
    case OP_GETVAR:
    case OP_HASVAR:
        name_push(names, name_string(pc));
        return 1;
    case OP_GETPROP:
        name_index(names);
        return 1;
    case OP_INTEGER:
    case OP_STRING:
        name_literal(names, opcode, pc);
        return 1;
    case OP_GETPROP_S:
        name_member(names, 1, name_string(pc));
        return 1;
    case OP_CALL:
        name_replace(names, *pc + 2, "");
        return 1;
    case OP_NEW:
        name_replace(names, *pc + 1, "");
        return 1;
    case OP_EVAL:
        name_replace(names, *pc, "");
        return 1;
    default:
        return 0;
    }
}

/* What moves texts. */
static int name_play_move(js_Names *names, int opcode)
{
    switch (opcode) {
    case OP_POP:
        name_pop(names, 1);
        return 1;
    case OP_DUP:
        name_copy(names, 1);
        return 1;
    case OP_DUP2:
        name_copy(names, 2);
        return 1;
    case OP_ROT2:
        name_rotate(names, 1);
        return 1;
    case OP_ROT3:
        name_rotate(names, 2);
        return 1;
    case OP_ROT4:
        name_rotate(names, 3);
        return 1;
    case OP_SETLOCAL:
    case OP_SETVAR:
    case OP_DEBUGGER:
    case OP_ENDTRY:
    case OP_ENDCATCH:
    case OP_ENDWITH:
    case OP_SKIPARRAY:
        return 1;
    default:
        return 0;
    }
}

/* size: a case for each opcode. */
static void name_play(js_Names *names, const js_Function *F, int opcode,
                      const js_Instruction *pc)
{
    if (name_play_text(names, F, opcode, pc) || name_play_move(names, opcode)) {
        return;
    }
    switch (opcode) {
    case OP_NUMBER:
    case OP_CLOSURE:
    case OP_NEWARRAY:
    case OP_NEWOBJECT:
    case OP_NEWREGEXP:
    case OP_UNDEF:
    case OP_NULL:
    case OP_TRUE:
    case OP_FALSE:
    case OP_CURRENT:
    case OP_DELLOCAL:
    case OP_DELVAR:
        name_push(names, "");
        break;
    case OP_INITARRAY:
    case OP_WITH:
        name_pop(names, 1);
        break;
    case OP_INITPROP:
    case OP_INITGETTER:
    case OP_INITSETTER:
        name_pop(names, 2);
        break;
    case OP_SETPROP:
        name_replace(names, 3, "");
        break;
    case OP_TYPEOF:
    case OP_POS:
    case OP_NEG:
    case OP_BITNOT:
    case OP_LOGNOT:
    case OP_INC:
    case OP_DEC:
    case OP_DELPROP_S:
        name_replace(names, 1, "");
        break;
    case OP_POSTINC:
    case OP_POSTDEC:
        name_replace(names, 1, "");
        name_push(names, "");
        break;
    case OP_JTRUE:
    case OP_JFALSE:
        name_pop(names, 1);
        name_join(names, pc, F->code + *pc);
        break;
    case OP_JUMP:
        /* the other way leaves a value, too; a loop's jump back does not */
        name_pop(names, 1);
        name_join(names, pc, F->code + *pc);
        break;
    case OP_IN:
    case OP_DELPROP:
    case OP_SETPROP_S:
    case OP_MUL:
    case OP_DIV:
    case OP_MOD:
    case OP_ADD:
    case OP_SUB:
    case OP_SHL:
    case OP_SHR:
    case OP_USHR:
    case OP_LT:
    case OP_GT:
    case OP_LE:
    case OP_GE:
    case OP_EQ:
    case OP_NE:
    case OP_STRICTEQ:
    case OP_STRICTNE:
    case OP_BITAND:
    case OP_BITXOR:
    case OP_BITOR:
    case OP_INSTANCEOF:
        name_replace(names, 2, "");
        break;
    default: /* try, catch, for-in, switch, return, throw */
        names->n = 0;
        break;
    }
}

/* What the value @a down from the top is called at the instruction @a at, ""
 * when that cannot be told. */
static void name_find(const js_Function *F, const js_Instruction *at, int down,
                      char out[NAME_MAX])
{
    const js_Instruction *pc = F->code, *end = F->code + F->codelen;
    js_Names names;
    int i, opcode;

    names.n = names.njoins = 0;
    while (pc < at && pc + 1 < end) {
        for (i = 0; i < names.njoins; ++i) {
            if (names.joins[i] == pc) {
                name_replace(&names, 1, "");
                names.joins[i--] = names.joins[--names.njoins];
            }
        }
        opcode = pc[1]; /* behind its line */
        name_play(&names, F, opcode, pc + 2);
        pc += 2 + name_words(opcode);
    }
    for (i = 0; i < names.njoins; ++i) {
        if (names.joins[i] == at && down == 0) {
            names.n = 0;
        }
    }
    snprintf(out, NAME_MAX, "%s", pc == at ? name_at(&names, down) : "");
}

/* The instruction whose opcode and operands end at @a pc. */
#define NAME_BEGIN(pc, words) ((pc) - (words)-2)

/* Without script code: what it says of an object is nobody's name. */
static const char *name_ofkey(js_State *J, int idx)
{
    return js_isobject(J, idx) ? "[object]" : js_tostring(J, idx);
}

/* What is @a down from the top was to be called. */
static void jsR_notcallable(js_State *J, const js_Function *F,
                            const js_Instruction *at, int down,
                            const char *what)
{
    char text[NAME_MAX];
    const char *last;

    name_find(F, at, down, text);
    last = strrchr(text, '.');
    if (last && name_isword(last + 1)) {
        js_typeerror(J, "'%s' is not %s: %s", last + 1, what, text);
    }
    if (text[0]) {
        js_typeerror(J, "'%s' is not %s", text, what);
    }
    js_typeerror(J, "%s is not %s", js_typeof(J, -down - 1), what);
}

/* A member of undefined or null was wanted; @a words is how long the
 * instruction is behind its opcode. */
static void jsR_nomember(js_State *J, const js_Function *F,
                         const js_Instruction *pc, int words, int down,
                         const char *verb, const char *member)
{
    const char *of = js_isnull(J, -down - 1) ? "null" : "undefined";
    char text[NAME_MAX], shown[NAME_MAX];

    /* f(...list) is f.apply(), and super.f() is f.call() */
    if (!strcmp(member, "apply") || !strcmp(member, "call")) {
        jsR_notcallable(J, F, NAME_BEGIN(pc, words), down, "a function");
    }
    name_find(F, NAME_BEGIN(pc, words), down, text);
    if (!strcmp(text, of)) {
        text[0] = 0;
    }
    snprintf(shown, sizeof(shown), "%s", member);
    if (JS_ISSYMBOL(member)) {
        js_typeerror(J, "cannot %s a member of %s%s%s", verb, of,
                     text[0] ? ": " : "", text);
    }
    js_typeerror(J, "cannot %s '%s' of %s%s%s", verb, shown, of,
                 text[0] ? ": " : "", text);
}

#define NAME_STRING (sizeof(char *) / sizeof(js_Instruction))

/* Complain when what is @a down from the top has no members. */
#define NAME_CHECK(at, words, down, verb, member)                              \
    do {                                                                       \
        const js_Value *of_ = &STACK[TOP - (down)-1];                          \
        if (of_->t.type == JS_TUNDEFINED || of_->t.type == JS_TNULL)           \
            jsR_nomember(J, F, at, words, down, verb, member);                 \
    } while (0)

/* js_toobject(), of objects in a few instructions. What it makes of a text or
 * number is on no stack: nothing may be allocated before it is used. */
#define NAME_OBJECT(down)                                                      \
    (STACK[TOP - (down)-1].t.type == JS_TOBJECT                                \
         ? STACK[TOP - (down)-1].u.object                                      \
         : jsV_toobject(J, &STACK[TOP - (down)-1]))
