/* SPDX-License-Identifier: Apache-2.0 */
/*
 * size: one machine whose states are nobody else's.
 *
 * JSON of any length, record by record. Outside of records only brackets,
 * names and separators are looked at; what stands beside the path is skipped
 * with its brackets and quotes checked. A record that lies in one piece is
 * parsed where it is; only one that is cut by the end of a piece is put
 * together in a buffer, by looking for where it ends.
 */
#include "data/flow_format_private.h"

#include <string.h>

#include <apr_strings.h>

#include "data/flow_json.h"
#include "data/flow_json_private.h"
#include "data/flow_text_private.h"

#define NAME_MAX_BYTES (64 * 1024)

typedef enum {
    AT_VALUE, /* a value must come */
    AT_FIRST, /* behind an opening bracket: a value or name, or the closing */
    AT_NAME,  /* behind a comma in an object */
    IN_NAME,  /* collecting it */
    AT_COLON,
    AT_NEXT,  /* a comma or the closing bracket */
    IN_VALUE, /* of a value that is collected or skipped */
    AT_TOP    /* between documents */
} state_e;

struct flow_json_stream_t {
    const char *const *path;
    int n_path;
    flow_record_fn *record_fn;
    void *baton;

    state_e state;
    int level;      /* open objects on the path */
    int is_in_list; /* in the array of records */
    int is_wanted;  /* the value to come stands at the next step of the path */
    int has_top;    /* a document has been read */
    int had_list;   /* ... and it was an array of records */
    int bom;        /* bytes of a BOM at the start; -1 = past that */

    /* a value in pieces */
    int is_record;
    int depth;
    int is_in_string, is_escaped;
    int is_scalar;
    unsigned char kinds[(FLOW_JSON_DEPTH + 7) / 8]; /* 1 = object */
    flow_buf_t text;                                /* also of names */
    int text_line;
    apr_uint64_t text_at;

    /* JSON lines, tolerated: when a record at the top is wrong, the text from
     * its beginning on is read again line by line */
    flow_bad_record_fn *bad_fn;
    void *bad_baton;
    flow_json_lines_t *lines; /* NULL: not yet */
    apr_pool_t *p;
    apr_size_t n_top;      /* records at the top */
    const char *top;       /* where the last one begins in the piece, or NULL */
    apr_size_t text_given; /* of the text: from pieces before */

    const char *piece; /* the one being fed */
    apr_uint64_t piece_at;
    int piece_line;
    flow_error_t err;
};

static int is_failed(const flow_json_stream_t *s)
{
    return s->err.kind != FLOW_E_NONE;
}

static int count_lines(const char *s, const char *end)
{
    int n = 0;

    while (s < end && (s = memchr(s, '\n', (apr_size_t)(end - s))) != NULL) {
        ++n;
        ++s;
    }
    return n;
}

static void fail_at(flow_json_stream_t *s, int line, apr_uint64_t at,
                    const char *why)
{
    flow_error_set(&s->err, FLOW_E_INPUT, APR_EINVAL, "invalid_json",
                   "invalid JSON at line %d, byte %" APR_UINT64_T_FMT ": %s",
                   line, at + 1, why);
}

static const char *fail(flow_json_stream_t *s, const char *at, const char *why)
{
    fail_at(s, s->piece_line + count_lines(s->piece, at),
            s->piece_at + (apr_uint64_t)(at - s->piece), why);
    return at;
}

static int is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* ---- records ---- */

static void deliver(flow_json_stream_t *s, json_t *v)
{
    apr_status_t rv;

    if (!s->is_in_list && flow_json_type(v) == FLOW_JSON_NULL) {
        json_decref(v);
        return; /* nothing there */
    }
    s->n_top += !s->is_in_list;
    rv = s->record_fn(s->baton, v, &s->err);
    if (rv != APR_SUCCESS) {
        flow_error_set(&s->err, FLOW_E_INTERNAL, rv, "json_stopped",
                       "the reader of the records stopped");
    }
}

static state_e after_value(const flow_json_stream_t *s)
{
    return s->level || s->is_in_list ? AT_NEXT : AT_TOP;
}

/* The value whose text has been collected is complete. */
static void end_value(flow_json_stream_t *s)
{
    apr_size_t used = 0;
    const char *why = NULL;
    json_t *v;

    s->state = after_value(s);
    if (!s->is_record && !s->is_scalar) {
        return;
    }
    v = flow_json_parse_prefix(s->text.data ? s->text.data : "", s->text.len,
                               &used, &why);
    if (v && used < s->text.len) {
        json_decref(v);
        v = NULL;
        why = "malformed value";
    }
    if (!v) {
        const char *text = s->text.data ? s->text.data : "";

        fail_at(s, s->text_line + count_lines(text, text + used),
                s->text_at + used, why ? why : "malformed value");
        return;
    }
    if (s->is_record) {
        deliver(s, v);
    }
    else {
        json_decref(v);
    }
}

/* ---- a value in pieces ---- */

static void start_text(flow_json_stream_t *s, const char *at)
{
    flow_buf_clear(&s->text);
    s->text_line = s->piece_line + count_lines(s->piece, at);
    s->text_at = s->piece_at + (apr_uint64_t)(at - s->piece);
}

static const char *start_value(flow_json_stream_t *s, const char *at,
                               int is_record)
{
    start_text(s, at);
    s->is_record = is_record;
    s->depth = 0;
    s->is_in_string = s->is_escaped = 0;
    s->is_scalar = *at != '{' && *at != '[' && *at != '"';
    s->state = IN_VALUE;
    return at;
}

static int set_kind(flow_json_stream_t *s, char c)
{
    int i = s->depth;

    if (i >= FLOW_JSON_DEPTH) {
        return 0;
    }
    if (c == '{') {
        s->kinds[i / 8] |= (unsigned char)(1 << (i % 8));
    }
    else {
        s->kinds[i / 8] &= (unsigned char)~(1 << (i % 8));
    }
    ++s->depth;
    return 1;
}

static int closes(flow_json_stream_t *s, char c)
{
    int i = s->depth - 1;
    int is_object = i >= 0 && (s->kinds[i / 8] >> (i % 8)) & 1;

    --s->depth;
    return i >= 0 && is_object == (c == '}');
}

/* Over the inside of a string; behind its closing quote when that is there. */
static const char *pass_string(flow_json_stream_t *s, const char *at,
                               const char *end)
{
    while (at < end) {
        if (s->is_escaped) {
            s->is_escaped = 0;
            ++at;
            continue;
        }
        if (end - at >= 8) {
            unsigned n = flow_json_plain8(at);

            at += n;
            if (n == 8) {
                continue;
            }
        }
        if (*at == '"') {
            s->is_in_string = 0;
            return at + 1;
        }
        if ((unsigned char)*at < 0x20) {
            return fail(s, at,
                        "control character in a string; write it as an escape");
        }
        s->is_escaped = *at == '\\';
        ++at;
    }
    return at;
}

/* What numbers and words are made of, rightly or wrongly. */
static int is_in_scalar(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z') || c == '-' || c == '+' || c == '.';
}

static const char *pass_scalar(const char *at, const char *end)
{
    while (at < end && is_in_scalar(*at)) {
        ++at;
    }
    return at;
}

/* Looks for the end of the value; *pis_end = it was found. */
static const char *pass_value(flow_json_stream_t *s, const char *at,
                              const char *end, int *pis_end)
{
    *pis_end = 0;
    if (s->is_scalar) {
        at = pass_scalar(at, end);
        *pis_end = at < end;
        return at;
    }
    while (at < end && !is_failed(s)) {
        if (s->is_in_string) {
            at = pass_string(s, at, end);
        }
        else if (*at == '"') {
            s->is_in_string = 1;
            ++at;
            continue;
        }
        else if (*at == '{' || *at == '[') {
            if (!set_kind(s, *at)) {
                return fail(s, at,
                            "nested too deeply; at most " APR_STRINGIFY(
                                FLOW_JSON_DEPTH) " levels");
            }
            ++at;
            continue;
        }
        else if (*at == '}' || *at == ']') {
            if (!closes(s, *at)) {
                return fail(s, at, "a closing bracket that does not match");
            }
            ++at;
        }
        else {
            ++at;
            continue;
        }
        if (s->depth == 0 && !s->is_in_string) {
            *pis_end = 1;
            return at;
        }
    }
    return at;
}

static const char *in_value(flow_json_stream_t *s, const char *at,
                            const char *end)
{
    int is_end = 0;
    const char *to = pass_value(s, at, end, &is_end);

    if (is_failed(s)) {
        return to;
    }
    if (s->is_record || s->is_scalar) {
        if (s->text.len + (apr_size_t)(to - at) > FLOW_FORMAT_RECORD_MAX) {
            fail_at(s, s->text_line, s->text_at,
                    "a record is longer than 16 MB");
            return to;
        }
        if (flow_buf_add(&s->text, at, (apr_size_t)(to - at)) != APR_SUCCESS) {
            flow_text_no_memory(&s->err);
            return to;
        }
    }
    if (is_end) {
        end_value(s);
    }
    return to;
}

/* A record that begins here, in one piece if possible. */
static const char *read_record(flow_json_stream_t *s, const char *at,
                               const char *end)
{
    int is_scalar = *at != '{' && *at != '[' && *at != '"';
    apr_size_t used = 0;
    const char *why = NULL;
    json_t *v;

    v = flow_json_parse_prefix(at, (apr_size_t)(end - at), &used, &why);
    if (v && is_scalar && at + used < end && is_in_scalar(at[used])) {
        json_decref(v);
        return fail(s, at + used, "malformed value");
    }
    if (v && (!is_scalar || at + used < end)) {
        s->state = after_value(s);
        deliver(s, v);
        return at + used;
    }
    json_decref(v);
    /* where less than an escape pair is left it may be the end that is amiss */
    if (!v && end - (at + used) > 16) {
        return fail(s, at + used, why);
    }
    return start_value(s, at, 1);
}

/* ---- structure ---- */

static const char *at_value(flow_json_stream_t *s, const char *at,
                            const char *end)
{
    int is_target = s->is_wanted && s->level == s->n_path;

    if (*at && strchr("]},:", *at)) {
        return fail(s, at, "expected a value");
    }
    if (s->is_in_list) {
        return read_record(s, at, end);
    }
    if (is_target && *at == '[') {
        s->is_in_list = 1;
        s->state = AT_FIRST;
        return at + 1;
    }
    if (is_target) {
        return read_record(s, at, end);
    }
    if (s->is_wanted && *at == '{') {
        ++s->level;
        s->state = AT_FIRST;
        return at + 1;
    }
    return start_value(s, at, 0);
}

static const char *close_container(flow_json_stream_t *s, const char *at)
{
    if (*at != (s->is_in_list ? ']' : '}')) {
        return fail(s, at,
                    s->is_in_list ? "expected ',' or ']' in an array"
                                  : "expected ',' or '}' in an object");
    }
    if (s->is_in_list) {
        s->is_in_list = 0;
        s->had_list |= s->level == 0;
    }
    else {
        --s->level;
    }
    s->state = after_value(s);
    return at + 1;
}

static const char *at_first(flow_json_stream_t *s, const char *at,
                            const char *end)
{
    if (*at == (s->is_in_list ? ']' : '}')) {
        return close_container(s, at);
    }
    s->state = s->is_in_list ? AT_VALUE : AT_NAME;
    return s->is_in_list ? at_value(s, at, end) : at;
}

static const char *at_name(flow_json_stream_t *s, const char *at)
{
    if (*at != '"') {
        return fail(s, at, "expected a name in double quotes");
    }
    start_text(s, at);
    flow_buf_addc(&s->text, '"');
    s->is_in_string = 1;
    s->is_escaped = 0;
    s->state = IN_NAME;
    return at + 1;
}

static void end_name(flow_json_stream_t *s)
{
    apr_size_t used = 0, len = 0;
    const char *why = NULL, *name;
    json_t *v = flow_json_parse_prefix(s->text.data, s->text.len, &used, &why);

    if (!v) {
        fail_at(s, s->text_line, s->text_at + used, why);
        return;
    }
    name = flow_json_string(v, &len);
    s->is_wanted = s->level <= s->n_path &&
                   strlen(s->path[s->level - 1]) == len &&
                   memcmp(s->path[s->level - 1], name, len) == 0;
    json_decref(v);
    s->state = AT_COLON;
}

static const char *in_name(flow_json_stream_t *s, const char *at,
                           const char *end)
{
    const char *to = pass_string(s, at, end);

    if (is_failed(s)) {
        return to;
    }
    if (s->text.len + (apr_size_t)(to - at) > NAME_MAX_BYTES) {
        fail_at(s, s->text_line, s->text_at, "a name is longer than 64 KB");
        return to;
    }
    flow_buf_add(&s->text, at, (apr_size_t)(to - at));
    if (!s->is_in_string) {
        end_name(s);
    }
    return to;
}

static const char *at_next(flow_json_stream_t *s, const char *at)
{
    if (*at != ',') {
        return close_container(s, at);
    }
    s->state = s->is_in_list ? AT_VALUE : AT_NAME;
    return at + 1;
}

static const char *at_top(flow_json_stream_t *s, const char *at,
                          const char *end)
{
    if (s->had_list) {
        return fail(s, at, "something follows the array of records");
    }
    s->has_top = 1;
    s->is_wanted = 1;
    s->top = at;
    return at_value(s, at, end);
}

static const char *step(flow_json_stream_t *s, const char *at, const char *end)
{
    switch (s->state) {
    case IN_NAME:
        return in_name(s, at, end);
    case IN_VALUE:
        return in_value(s, at, end);
    default:
        break;
    }
    if (is_space(*at)) {
        return at + 1;
    }
    switch (s->state) {
    case AT_VALUE:
        return at_value(s, at, end);
    case AT_FIRST:
        return at_first(s, at, end);
    case AT_NAME:
        return at_name(s, at);
    case AT_COLON:
        if (*at != ':') {
            return fail(s, at, "expected ':' after a name");
        }
        s->state = AT_VALUE;
        return at + 1;
    case AT_NEXT:
        return at_next(s, at);
    default:
        return at_top(s, at, end);
    }
}

/* ---- the reader ---- */

static apr_status_t status_of(const flow_json_stream_t *s, flow_error_t *err)
{
    if (!is_failed(s)) {
        return APR_SUCCESS;
    }
    return flow_error_set(err, s->err.kind, s->err.status, s->err.code, "%s",
                          s->err.message);
}

/* A failure inside of a record at the top: what there is of it and behind it
 * as lines. Bytes before the piece are in the text. */
static void fall_back(flow_json_stream_t *s, const char *end)
{
    const char *from = s->top ? s->top : s->piece;
    apr_size_t before = s->top ? 0 : s->text_given;
    int line =
        s->top ? s->piece_line + count_lines(s->piece, from) : s->text_line;
    apr_uint64_t at =
        s->top ? s->piece_at + (apr_uint64_t)(from - s->piece) : s->text_at;

    if (s->err.kind != FLOW_E_INPUT || s->n_path || s->level || s->is_in_list ||
        s->had_list || !s->has_top || (!s->top && !before)) {
        return;
    }
    s->lines =
        flow_json_lines_create(s->record_fn, s->baton, s->bad_fn, s->bad_baton,
                               s->n_top ? NULL : &s->err, s->p);
    flow_json_lines_at(s->lines, line, at);
    s->err.kind = FLOW_E_NONE;
    if (before) {
        flow_json_lines_feed(s->lines, s->text.data, before, &s->err);
    }
    if (!is_failed(s)) {
        flow_json_lines_feed(s->lines, from, (apr_size_t)(end - from), &s->err);
    }
}

static void take(flow_json_stream_t *s, const char *data, apr_size_t len)
{
    const char *at = data, *end = data + len;

    if (s->lines) {
        flow_json_lines_feed(s->lines, data, len, &s->err);
        return;
    }
    s->piece = data;
    s->top = NULL;
    s->text_given = s->state == IN_VALUE ? s->text.len : 0;
    while (at < end && !is_failed(s)) {
        at = step(s, at, end);
    }
    if (is_failed(s) && s->bad_fn) {
        fall_back(s, end);
    }
    s->piece_line += count_lines(data, end);
    s->piece_at += len;
}

void flow_json_stream_tolerate(flow_json_stream_t *s, flow_bad_record_fn *bad,
                               void *baton)
{
    s->bad_fn = bad;
    s->bad_baton = baton;
}

apr_status_t flow_json_stream_feed(flow_json_stream_t *s, const char *data,
                                   apr_size_t len, flow_error_t *err)
{
    static const char bom[] = "\xef\xbb\xbf";

    while (s->bom >= 0 && s->bom < 3 && len > 0) {
        if (*data != bom[s->bom]) {
            int n = s->bom;

            s->bom = -1;
            take(s, bom, (apr_size_t)n);
            break;
        }
        ++s->bom;
        ++data;
        --len;
    }
    if (s->bom == 3) {
        s->bom = -1;
        s->piece_at = 3;
    }
    take(s, data, len);
    return status_of(s, err);
}

/* A record that never ends: of lines perhaps one that breaks off. */
static void end_cut_record(flow_json_stream_t *s)
{
    s->top = NULL;
    s->piece = "";
    s->text_given = s->text.len;
    fall_back(s, s->piece);
    if (s->lines && !is_failed(s)) {
        flow_json_lines_finish(s->lines, &s->err);
    }
}

apr_status_t flow_json_stream_finish(flow_json_stream_t *s, flow_error_t *err)
{
    if (s->lines) {
        if (!is_failed(s)) {
            flow_json_lines_finish(s->lines, &s->err);
        }
        return status_of(s, err);
    }
    if (!is_failed(s) && s->state == IN_VALUE && s->is_scalar) {
        end_value(s);
    }
    if (!is_failed(s) && (s->bom > 0 || s->state != AT_TOP || !s->has_top)) {
        fail_at(s, s->piece_line, s->piece_at,
                s->has_top ? "the text ends inside a value"
                           : "the text is empty");
        if (s->bad_fn && s->state == IN_VALUE) {
            end_cut_record(s);
        }
    }
    return status_of(s, err);
}

static apr_status_t release(void *data)
{
    flow_json_stream_t *s = data;

    flow_buf_release(&s->text);
    return APR_SUCCESS;
}

flow_json_stream_t *flow_json_stream_create(const char *const *path,
                                            flow_record_fn *record, void *baton,
                                            apr_pool_t *p)
{
    flow_json_stream_t *s = apr_pcalloc(p, sizeof(*s));

    s->path = path;
    while (path && path[s->n_path]) {
        ++s->n_path;
    }
    s->p = p;
    s->record_fn = record;
    s->baton = baton;
    s->state = AT_TOP;
    s->piece_line = 1;
    flow_buf_init(&s->text, FLOW_FORMAT_RECORD_MAX + 64);
    apr_pool_cleanup_register(p, s, release, apr_pool_cleanup_null);
    return s;
}
