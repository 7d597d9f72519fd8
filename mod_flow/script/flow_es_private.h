/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_ES_PRIVATE_H
#define FLOW_ES_PRIVATE_H

#include "script/flow_es.h"

/**
 * Inside of the syntax compiler: tokens, tree, scopes, printer.
 *
 * source -> flow_es_lex*.c -> flow_es_parse*.c (tree) -> flow_es_scope*.c
 * (declarations, references, names) -> flow_es_print*.c (ES5 text).
 *
 * Errors are sticky: the first one is kept in es_t, the lexer then only says
 * "end of text", and every loop of the parser stops at the end of the text. So
 * no function returns a status, and no node is NULL by mistake.
 */

#define ES_DEPTH_MAX      1000 /* nesting of the source */
#define ES_NODE_DEPTH_MAX 1500 /* height of the tree: mujs allows 2000 */

typedef struct es_node es_node_t;
typedef struct es_scope es_scope_t;
typedef struct es_func es_func_t;
typedef struct es_binding es_binding_t;

/** Reserved and contextual words; the order is that of the table in
 * flow_es_lex.c. */
/* clang-format off */
typedef enum {
    KW_NONE = 0, KW_BREAK, KW_CASE, KW_CATCH, KW_CLASS, KW_CONST, KW_CONTINUE,
    KW_DEBUGGER, KW_DEFAULT, KW_DELETE, KW_DO, KW_ELSE, KW_ENUM, KW_EXPORT,
    KW_EXTENDS, KW_FALSE, KW_FINALLY, KW_FOR, KW_FUNCTION, KW_IF, KW_IMPORT,
    KW_IN, KW_INSTANCEOF, KW_NEW, KW_NULL, KW_RETURN, KW_SUPER, KW_SWITCH,
    KW_THIS, KW_THROW, KW_TRUE, KW_TRY, KW_TYPEOF, KW_VAR, KW_VOID, KW_WHILE,
    KW_WITH, KW_LAST_RESERVED = KW_WITH,
    /* reserved in strict code */
    KW_IMPLEMENTS, KW_INTERFACE, KW_LET, KW_PACKAGE, KW_PRIVATE, KW_PROTECTED,
    KW_PUBLIC, KW_STATIC, KW_YIELD, KW_LAST_STRICT = KW_YIELD,
    /* words with a meaning in some places */
    KW_ARGUMENTS, KW_AS, KW_ASYNC, KW_AWAIT, KW_CONSTRUCTOR, KW_EVAL, KW_FROM,
    KW_GET, KW_META, KW_OF, KW_PROTO, KW_PROTOTYPE, KW_SET, KW_TARGET,
    KW_UNDEFINED, KW_USE_STRICT
} es_kw_e;
/* clang-format on */

typedef struct es_atom {
    struct es_atom *chain;
    const char *s;
    unsigned int len;
    unsigned int hash;
    unsigned char kw;
    unsigned char ascii;    /* only letters, digits, $ and _ */
    struct es_binding *top; /* what the name means at this point of the walk */
} es_atom_t;

/* clang-format off */
typedef enum {
    T_EOF = 0, T_NAME, T_PRIVATE, T_NUM, T_BIGINT, T_STR, T_TEMPLATE, T_REGEX,
    /* punctuation */
    T_LBRACE, T_RBRACE, T_LPAREN, T_RPAREN, T_LBRACK, T_RBRACK, T_DOT,
    T_ELLIPSIS, T_SEMI, T_COMMA, T_COLON, T_QUESTION, T_QDOT, T_ARROW, T_NOT,
    T_TILDE, T_INC, T_DEC, T_AT, T_HASH,
    /* binary operators */
    T_LT, T_GT, T_LE, T_GE, T_EQ, T_NE, T_SEQ, T_SNE, T_PLUS, T_MINUS, T_MUL,
    T_DIV, T_MOD, T_POW, T_SHL, T_SHR, T_USHR, T_AND, T_OR, T_XOR, T_LAND,
    T_LOR, T_NULLISH,
    /* assignment: = first, then in the order of the operators above */
    T_ASSIGN, T_A_PLUS, T_A_MINUS, T_A_MUL, T_A_DIV, T_A_MOD, T_A_POW, T_A_SHL,
    T_A_SHR, T_A_USHR, T_A_AND, T_A_OR, T_A_XOR, T_A_LAND, T_A_LOR,
    T_A_NULLISH,
    /* words that are operators */
    T_IN, T_INSTANCEOF, T_TYPEOF, T_VOID, T_DELETE
} es_token_e;
/* clang-format on */

#define TF_ESCAPED 1 /* a name with \u, or a string with any escape */
#define TF_OCTAL   2 /* 017, 08, "\1": not in strict code */
#define TF_TAIL    4 /* a template chunk that ends the template */
#define TF_BAD     8 /* a template chunk whose escapes are wrong */

typedef struct es_token {
    int type;
    int flags;
    int newline; /* a line break stands before it */
    int line;
    unsigned int pos, end; /* in the source */
    es_atom_t *atom;       /* name, text of a string or chunk, pattern */
    es_atom_t *raw;        /* of a template chunk; flags of a pattern */
    double number;
} es_token_t;

/* clang-format off */
typedef enum {
    /* expressions */
    N_ERROR = 0, N_ID, N_NUM, N_STR, N_REGEX, N_TEMPLATE, N_CHUNK, N_TAGGED,
    N_THIS, N_NULL, N_TRUE, N_FALSE, N_SUPER, N_ARRAY, N_HOLE, N_OBJECT,
    N_PROP, N_FUNCTION, N_CLASS, N_UNARY, N_UPDATE, N_BINARY, N_LOGICAL,
    N_ASSIGN, N_COND, N_CALL, N_NEW, N_MEMBER, N_INDEX, N_PRIVATE, N_SEQ,
    N_SPREAD, N_AWAIT, N_NEWTARGET, N_PRIVATE_IN, N_TEMP, N_TEXT,
    /* patterns: targets are N_ID, N_MEMBER, N_INDEX, N_PRIVATE or a pattern */
    N_ARRAY_PATTERN, N_OBJECT_PATTERN, N_DEFAULT, N_REST,
    /* statements */
    N_VAR, N_DECL, N_EXPR, N_BLOCK, N_IF, N_FOR, N_FORIN, N_FOROF, N_WHILE,
    N_DO, N_RETURN, N_BREAK, N_CONTINUE, N_THROW, N_TRY, N_SWITCH, N_CASE,
    N_LABEL, N_EMPTY, N_IMPORT, N_EXPORT, N_SPECIFIER, N_PROGRAM
} es_type_e;
/* clang-format on */

/* flags of nodes */
#define NF_PAREN        0x1 /* stood in parentheses */
#define NF_OPTIONAL     0x2 /* ?. stands before this link */
#define NF_COMPUTED     0x4 /* [key] */
#define NF_SHORTHAND    0x8 /* {a} or {a = 1} */
#define NF_STATIC       0x10
#define NF_METHOD       0x20 /* property or function: a method */
#define NF_GET          0x40
#define NF_SET          0x80
#define NF_FIELD        0x100
#define NF_ARROW        0x200
#define NF_ASYNC        0x400
#define NF_EXPR_BODY    0x800  /* arrow without braces */
#define NF_DECL         0x1000 /* function or class declaration */
#define NF_STRICT       0x2000
#define NF_CONSTRUCTOR  0x4000
#define NF_DERIVED      0x8000
#define NF_PREFIX       0x10000 /* ++x */
#define NF_ESCAPED      0x20000
#define NF_DEFAULT      0x40000  /* export default */
#define NF_STAR         0x80000  /* import * as, export * */
#define NF_AWAIT        0x100000 /* for await */
#define NF_TRAILING     0x200000 /* [a, ...b,] : no pattern */
#define NF_PRIVATE_NAME 0x400000 /* property #x */
#define NF_NO_SCOPE     0x800000 /* block that shares the scope of its function */
#define NF_PROTO        0x2000000   /* __proto__: value */
#define NF_HOME         0x80000000u /* class or object: a member says super */
#define NF_TDZ          0x4000000   /* reference: uninitialized for certain */
#define NF_CHECK        0x8000000   /* reference: perhaps uninitialized */
#define NF_INIT         0x10000000 /* this identifier initializes its binding */
#define NF_CHAIN        0x20000000 /* holds a ?. whose end skips this too */

struct es_node {
    unsigned char type;
    unsigned char op; /* token, or KW_VAR/KW_LET/KW_CONST */
    unsigned short depth;
    unsigned int flags;
    unsigned int pos; /* where it begins */
    unsigned int end;
    int line;
    es_node_t *a, *b, *c, *d;
    es_node_t *list; /* first child, linked by next */
    es_node_t *next;
    es_atom_t *atom;
    es_atom_t *atom2;
    double number;
    es_binding_t *binding; /* N_ID: what it means; NULL = global */
    es_scope_t *scope;     /* N_BLOCK, loops, N_SWITCH, N_TRY */
    es_scope_t *scope2;    /* N_FOR: of one iteration */
    es_func_t *func;       /* N_FUNCTION, N_CLASS, N_PROGRAM, fields */
};

typedef enum {
    B_VAR,
    B_PARAM,
    B_FUNCTION,
    B_LET,
    B_CONST,
    B_CLASS,
    B_CATCH,
    B_SELF,
    B_IMPORT,
    B_PRIVATE
} es_binding_e;

struct es_binding {
    es_binding_t *next;   /* in its scope, in order */
    es_binding_t *nfunc;  /* in its function */
    es_binding_t *shadow; /* what the name meant outside */
    es_atom_t *name;
    es_scope_t *scope;
    const char *out;       /* the name in the output */
    es_node_t *node;       /* B_IMPORT: the specifier; B_PRIVATE: the member */
    es_binding_t *copy_of; /* loop variable: that of the loop's head; function
                              in a block: the variable outside */
    unsigned int pos;      /* from here on it is initialized */
    unsigned int case_end; /* in a switch: the end of its case */
    unsigned char kind;
    unsigned captured : 1; /* used by an inner function */
    unsigned assigned : 1; /* other than by its declaration */
    unsigned checked : 1;  /* some use is checked at run time */
    unsigned in_env : 1;   /* lives in the object of a `with` */
    unsigned declared : 1; /* the printed text declares it itself */
    unsigned has_get : 1, has_set : 1, is_static : 1; /* B_PRIVATE */
};

struct es_scope {
    es_scope_t *outer;
    es_func_t *func;
    es_binding_t *first, *last;
    unsigned in_loop : 1;
    unsigned env : 1; /* its captured bindings live in an object */
    unsigned is_switch : 1;
    unsigned is_function : 1;
    unsigned is_catch : 1;
    unsigned int begin;
    unsigned int inert_end; /* code before this position calls nothing */
};

struct es_func {
    es_func_t *outer;
    es_func_t *next; /* all of them, for naming */
    es_node_t *node;
    es_scope_t *scope; /* parameters and body */
    es_binding_t *first, *last;
    es_node_t *home;       /* class or object whose member this is */
    unsigned int created;  /* position from which on it may be called */
    unsigned is_arrow : 1; /* this, arguments, new.target are the outer's */
    unsigned is_class : 1;
    unsigned is_field : 1;
    unsigned is_static : 1;
    unsigned is_async : 1;
    unsigned strict : 1;
    unsigned derived : 1;   /* constructor of a class with extends */
    unsigned uses_this : 1; /* by an inner arrow, or in an async body */
    unsigned uses_arguments : 1;
    unsigned uses_newtarget : 1;
    unsigned own_arguments : 1; /* the text says `arguments` itself */
    unsigned has_eval : 1;
    unsigned int super_end; /* behind a statement super(...) of the body */
    /* printer */
    int temps, nfree;
    const char *free_temps[64];
    apr_array_header_t *vars; /* names to declare at the end */
    const char *self_name;    /* the function's name in the text */
    unsigned in_params : 1;
    const char *this_name, *arguments_name, *newtarget_name;
    const char *class_name, *super_name;
    const char *returned_name; /* [what a derived constructor returns] */
    /* what objects with private methods are marked with; NULL: there are none */
    const char *brand_name, *static_brand;
};

/** Places of a cover grammar that are wrong unless a pattern follows. */
typedef struct es_cover {
    unsigned int init_pos;  /* {a = 1} */
    unsigned int proto_pos; /* two __proto__ */
    int set_init, set_proto;
} es_cover_t;

/** Growing output. */
typedef struct es_text {
    char *s;
    apr_size_t len, cap;
} es_text_t;

typedef struct es_label {
    struct es_label *outer;
    es_atom_t *name;
    int loop;
} es_label_t;

typedef struct es_map_entry {
    unsigned int line, pos;
} es_map_entry_t;

/** One compilation. */
typedef struct es {
    apr_pool_t *p;
    const char *src, *filename;
    const flow_es_options_t *opt;
    es_node_t *program;
    apr_array_header_t *functions, *exports; /* const char * */
    apr_array_header_t *imports;             /* es_node_t * */
    const char *error_text;
    unsigned int len, error_pos;
    int failed;
    /* lexer */
    int line;
    unsigned int pos, last_end; /* the end of the token before */
    es_token_t tok;
    es_text_t buf;
    /* arena and atoms */
    char *block;
    apr_size_t block_left, block_used;
    es_atom_t **atoms;
    unsigned int atom_mask, atom_count;
    /* parser */
    es_label_t *labels;
    es_cover_t *cover;             /* NULL: no pattern may follow */
    unsigned int strict_octal_pos; /* an octal escape seen in a prologue */
    unsigned int assign_start;     /* an arrow function may begin here */
    int depth, strict, in_function, in_async, in_params, in_loop, in_switch;
    int allow_super_call, allow_super, allow_newtarget;
    /* scopes */
    es_scope_t *scope;
    es_func_t *func, *funcs, *funcs_tail;
    struct es_through *through;
    unsigned int through_mask, through_count, case_end;
    int unique, loop_depth;
    /* printer */
    es_func_t *pf;       /* the function being printed */
    es_label_t *pending; /* labels of the loop that comes next */
    es_text_t out;
    es_map_entry_t *map;
    int nmap, map_cap, out_line;
    int cur_line; /* of the source, for the line being written */
} es_t;

/* ---- flow_es.c ---- */
/** Has it failed, or does it now, for want of stack? */
int flow_es_is_deep(es_t *es, unsigned int pos);
void *flow_es_alloc(es_t *es, apr_size_t size);
void flow_es_fail(es_t *es, unsigned int pos, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
es_atom_t *flow_es_atom(es_t *es, const char *s, apr_size_t len);
void flow_es_put(es_t *es, es_text_t *t, const char *s, apr_size_t len);
void flow_es_putc(es_t *es, es_text_t *t, char c);
void flow_es_put_utf8(es_t *es, es_text_t *t, unsigned int c);

/* ---- flow_es_lex*.c ---- */
/** The next token into es->tok. */
void flow_es_next(es_t *es);
/** es->tok is / or /=: read a regular expression from there instead. */
void flow_es_lex_regex(es_t *es);
/** es->tok is the } after a substitution: go on with the template. */
void flow_es_lex_template(es_t *es);
void flow_es_lex_string(es_t *es, char quote);
void flow_es_lex_number(es_t *es);
/** \u at es->pos (behind the u); -1 when it is wrong. */
int flow_es_lex_unicode(es_t *es);
/** Decode one character at @a pos; *pnext is behind it. */
unsigned int flow_es_char(const es_t *es, unsigned int pos,
                          unsigned int *pnext);
int flow_es_id_start(unsigned int c);
int flow_es_id_part(unsigned int c);
int flow_es_is_space(unsigned int c);
const char *flow_es_token_text(es_t *es, const es_token_t *t);

/* ---- flow_es_parse*.c ---- */
es_node_t *flow_es_node(es_t *es, int type, const es_token_t *at);
/** A node that begins where @a first does. */
es_node_t *flow_es_node_at(es_t *es, int type, const es_node_t *first);
/** Set children and keep the depth in bounds; returns @a n. */
es_node_t *flow_es_kids(es_t *es, es_node_t *n, es_node_t *a, es_node_t *b);
void flow_es_deepen(es_t *es, es_node_t *n, const es_node_t *child);
void flow_es_finish(es_t *es, es_node_t *n);
int flow_es_enter(es_t *es);
void flow_es_leave(es_t *es);
int flow_es_is(const es_t *es, int token);
int flow_es_is_word(const es_t *es, int kw);
int flow_es_accept(es_t *es, int token);
int flow_es_accept_word(es_t *es, int kw);
void flow_es_expect(es_t *es, int token);
void flow_es_expect_word(es_t *es, int kw);
void flow_es_unexpected(es_t *es);
void flow_es_semicolon(es_t *es);
/** The token after the current one. */
es_token_t flow_es_peek(es_t *es);
/** Is the current token a name that may be a variable here? */
int flow_es_is_identifier(const es_t *es);
es_node_t *flow_es_identifier(es_t *es);
es_node_t *flow_es_binding_target(es_t *es);
es_node_t *flow_es_parse_expression(es_t *es, int no_in);
es_node_t *flow_es_parse_assignment(es_t *es, int no_in);
es_node_t *flow_es_parse_unary(es_t *es);
/** parse_assignment() where no pattern can follow. */
es_node_t *flow_es_parse_value(es_t *es, int no_in);
int flow_es_is_arrow(const es_node_t *n);
void flow_es_check_target(es_t *es, const es_node_t *n);
es_node_t *flow_es_parse_lhs(es_t *es);
es_node_t *flow_es_parse_primary(es_t *es);
es_node_t *flow_es_parse_array(es_t *es);
es_node_t *flow_es_parse_object(es_t *es);
es_node_t *flow_es_parse_template(es_t *es, int tagged);
es_node_t *flow_es_parse_class(es_t *es, int decl);
es_node_t *flow_es_parse_function(es_t *es, unsigned int flags);
es_node_t *flow_es_parse_method(es_t *es, unsigned int flags);
es_node_t *flow_es_parse_arrow(es_t *es, es_node_t *params,
                               const es_node_t *start, unsigned int flags,
                               int no_in);
/** Property name: the key node; *pflags gets NF_COMPUTED, NF_PRIVATE_NAME. */
es_node_t *flow_es_parse_key(es_t *es, unsigned int *pflags);
void flow_es_cover_check(es_t *es, const es_cover_t *cover);
/** Expression -> assignment target (or binding pattern when @a binding). */
es_node_t *flow_es_to_pattern(es_t *es, es_node_t *n, int binding);
void flow_es_arguments(es_t *es, es_node_t *call);
es_node_t *flow_es_parse_program(es_t *es);
es_node_t *flow_es_parse_statement(es_t *es);
es_node_t *flow_es_parse_item(es_t *es);
es_node_t *flow_es_parse_block(es_t *es);
/** The body of if, a loop or a label: no declaration. */
es_node_t *flow_es_parse_sub(es_t *es, int in_if);
es_node_t *flow_es_parse_for(es_t *es);
es_node_t *flow_es_parse_if(es_t *es);
es_node_t *flow_es_parse_while(es_t *es);
es_node_t *flow_es_parse_do(es_t *es);
es_node_t *flow_es_parse_jump(es_t *es, int type);
es_node_t *flow_es_parse_return(es_t *es);
es_node_t *flow_es_parse_throw(es_t *es);
es_node_t *flow_es_parse_try(es_t *es);
es_node_t *flow_es_parse_switch(es_t *es);
/** Does a declaration begin here? */
int flow_es_is_let(es_t *es);
int flow_es_is_async_function(es_t *es);
es_node_t *flow_es_parse_var(es_t *es, int kw, int no_in);
es_node_t *flow_es_parse_import(es_t *es);
es_node_t *flow_es_parse_export(es_t *es);
/** Statements up to } with directives; sets *pstrict. */
es_node_t *flow_es_parse_body(es_t *es, es_node_t *func);
void flow_es_append(es_node_t **plist, es_node_t **ptail, es_node_t *n);

/* ---- flow_es_scope*.c ---- */
/** Declare and resolve everything, then choose the output's names. */
void flow_es_resolve(es_t *es);
void flow_es_name_bindings(es_t *es);
void flow_es_walk_function(es_t *es, es_node_t *fn);
void flow_es_walk_class(es_t *es, es_node_t *cls);
void flow_es_walk_list(es_t *es, es_node_t *list);
void flow_es_walk_expr(es_t *es, es_node_t *n);
void flow_es_walk_stmt(es_t *es, es_node_t *n);
void flow_es_walk_pattern(es_t *es, es_node_t *n, int init);
void flow_es_walk_reference(es_t *es, es_node_t *id, int assign);
es_scope_t *flow_es_open_scope(es_t *es, unsigned int begin);
void flow_es_close_scope(es_t *es);
es_func_t *flow_es_open_func(es_t *es, es_node_t *node);
void flow_es_close_func(es_t *es);
es_binding_t *flow_es_declare(es_t *es, es_scope_t *scope, es_node_t *id,
                              int kind, unsigned int pos);
void flow_es_declare_pattern(es_t *es, es_scope_t *scope, es_node_t *n,
                             int kind, unsigned int pos);
void flow_es_declare_lexical(es_t *es, es_node_t *list);
void flow_es_hoist(es_t *es, es_node_t *n);
void flow_es_inert(es_t *es, es_scope_t *scope, const es_node_t *list);
/** Does @a name pass @a func on its way to its declaration? */
int flow_es_passes(const es_t *es, const es_func_t *func,
                   const es_atom_t *name);
void flow_es_note_passing(es_t *es, es_func_t *from, const es_func_t *to,
                          const es_atom_t *name);
/** The name in letters that mujs knows. */
const char *flow_es_ascii_name(es_t *es, const es_atom_t *name);
/** A name that occurs nowhere in the source. */
const char *flow_es_unique(es_t *es, const char *stem);
/** The function whose this and arguments are meant here. */
es_func_t *flow_es_this_func(es_func_t *func);

/* ---- flow_es_print*.c ---- */
/** Precedences of the output. */
/* clang-format off */
enum {
    P_SEQ, P_ASSIGN, P_COND, P_LOR, P_LAND, P_BOR, P_XOR, P_BAND, P_EQ, P_REL, P_SHIFT, P_ADD,
    P_MUL, P_UNARY = 14, P_POSTFIX, P_CALL = 17, P_MEMBER, P_PRIMARY = 20
};
/* clang-format on */

void flow_es_say(es_t *es, const char *s);
void flow_es_sayf(es_t *es, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/** A string literal. */
void flow_es_quote(es_t *es, const es_atom_t *text);
/** What is written next comes from there. */
void flow_es_at(es_t *es, int line, unsigned int pos);
/** A statement begins there: on a line of its own, so that errors find it. */
void flow_es_at_statement(es_t *es, int line, unsigned int pos);
void flow_es_map_line(es_t *es, unsigned int pos);
const char *flow_es_temp(es_t *es);
void flow_es_untemp(es_t *es, const char *name);
/** A variable of the function in hand that no other code uses. */
const char *flow_es_variable(es_t *es, const char *stem);
int flow_es_can_name(const es_t *es, const es_atom_t *name);
/** Is reading it twice the same as reading it once? */
int flow_es_is_simple(const es_node_t *n);

void flow_es_print_expr(es_t *es, es_node_t *n, int prec);
/** The value of something named @a id: functions and classes take the name. */
void flow_es_print_named(es_t *es, es_node_t *n, es_node_t *id, int prec);
void flow_es_print_reference(es_t *es, es_node_t *id, int prec);
void flow_es_print_args(es_t *es, es_node_t *list);
/** An expression whose value is an array of the list's values. */
void flow_es_print_array_of(es_t *es, es_node_t *list, int fresh);
int flow_es_has_spread(const es_node_t *list);
void flow_es_print_call(es_t *es, es_node_t *n, int prec);
void flow_es_print_new(es_t *es, es_node_t *n, int prec);
void flow_es_print_member(es_t *es, es_node_t *n, int prec);
void flow_es_print_chain(es_t *es, es_node_t *n, int prec);
void flow_es_print_object(es_t *es, es_node_t *n, int prec);
void flow_es_print_key(es_t *es, es_node_t *prop);
void flow_es_print_template(es_t *es, es_node_t *n, int prec);
void flow_es_print_tagged(es_t *es, es_node_t *n, int prec);
void flow_es_print_template_site(es_t *es, es_node_t *n);
void flow_es_print_assign(es_t *es, es_node_t *n, int prec);
void flow_es_print_update(es_t *es, es_node_t *n, int prec);
/** target = value, where the value is that text (or @a value's). */
void flow_es_print_store(es_t *es, es_node_t *target, const char *text,
                         es_node_t *value, int init);
void flow_es_print_pattern(es_t *es, es_node_t *pattern, const char *value,
                           int init);
/** What a simple expression prints, not printed. */
const char *flow_es_text_of(es_t *es, es_node_t *n);
void flow_es_print_this(es_t *es, es_node_t *n);
void flow_es_print_super_base(es_t *es, es_func_t *func);
void flow_es_print_super_call(es_t *es, es_node_t *n);
void flow_es_print_function(es_t *es, es_node_t *fn, es_node_t *hint_id,
                            const es_atom_t *hint);
void flow_es_print_body_start(es_t *es, es_func_t *func);
void flow_es_print_vars(es_t *es, es_func_t *func);
void flow_es_print_class(es_t *es, es_node_t *cls, es_node_t *hint_id,
                         const es_atom_t *hint);
/** Is completion of a statement being kept here, the value of eval()? */
int flow_es_completes(const es_t *es);
void flow_es_print_quiet(es_t *es, es_node_t *target, const char *text,
                         es_node_t *value, int init);
void flow_es_print_fields_call(es_t *es, es_node_t *cls, const char *self);
void flow_es_print_stmt(es_t *es, es_node_t *n);
void flow_es_print_stmts(es_t *es, es_node_t *list);
/** The start of a block scope: its object, its functions; returns whether a
 * brace must be closed. */
int flow_es_print_scope(es_t *es, es_scope_t *scope, es_node_t *list);
void flow_es_print_declaration(es_t *es, es_node_t *var);
void flow_es_print_for(es_t *es, es_node_t *n);
void flow_es_print_for_in(es_t *es, es_node_t *n);
void flow_es_print_for_of(es_t *es, es_node_t *n);
void flow_es_print_labels(es_t *es);
void flow_es_print_program(es_t *es);
void flow_es_print_imports(es_t *es, es_node_t *list);
void flow_es_print_exports(es_t *es, es_node_t *list);
void flow_es_print_export(es_t *es, es_node_t *n);
void flow_es_print_import_name(es_t *es, es_binding_t *b);

#endif
