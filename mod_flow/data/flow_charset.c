/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_source.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_xlate.h>

#include "data/flow_text_private.h"

/* A text grows by no more than this when it becomes UTF-8: one byte of a
 * Windows code page may need three. */
#define GROWTH_MAX 4

/*
 * The names that are understood, and what iconv calls them. A closed list:
 * iconv loads code by name, and the name comes from the network.
 */
/* clang-format off */
static const struct {
    const char *name;
    const char *iconv; /* NULL: nothing to convert */
} charsets[] = {
    { "utf-8", NULL }, { "utf8", NULL }, { "us-ascii", NULL },
    { "ascii", NULL },
    { "iso-8859-1", "ISO-8859-1" }, { "iso8859-1", "ISO-8859-1" },
    { "latin1", "ISO-8859-1" }, { "iso88591", "ISO-8859-1" },
    { "iso-8859-2", "ISO-8859-2" }, { "iso-8859-15", "ISO-8859-15" },
    { "windows-1250", "WINDOWS-1250" }, { "windows-1251", "WINDOWS-1251" },
    { "windows-1252", "WINDOWS-1252" }, { "cp1252", "WINDOWS-1252" },
    { "win1252", "WINDOWS-1252" },
    { "utf-16", "UTF-16LE" }, { "utf-16le", "UTF-16LE" },
    { "utf-16be", "UTF-16BE" },
    { "shift_jis", "SHIFT_JIS" }, { "shiftjis", "SHIFT_JIS" },
    { "gb18030", "GB18030" }, { "gbk", "GB18030" }, { "gb2312", "GB18030" },
    { "macintosh", "MACINTOSH" }, { "macroman", "MACINTOSH" },
};
/* clang-format on */

#define CHARSETS (sizeof(charsets) / sizeof(charsets[0]))

static int starts_with(const char *s, apr_size_t len, const char *mark,
                       apr_size_t n)
{
    return len >= n && memcmp(s, mark, n) == 0;
}

static apr_status_t to_utf8(const char **pbody, apr_size_t *plen,
                            const char *charset, const char *iconv_name,
                            apr_pool_t *p, flow_error_t *err)
{
    apr_size_t in_left = *plen;
    apr_size_t room = *plen * GROWTH_MAX + 16;
    apr_size_t out_left = room;
    apr_xlate_t *xlate;
    char *out;
    apr_status_t rv;

    if (*plen > APR_SIZE_MAX / GROWTH_MAX - 16) {
        return flow_text_no_memory(err);
    }
    rv = apr_xlate_open(&xlate, "UTF-8", iconv_name, p);
    if (rv != APR_SUCCESS) {
        return flow_error_set(err, FLOW_E_INTERNAL, rv, "unsupported_charset",
                              "this system cannot convert the charset '%s'",
                              charset);
    }
    out = apr_palloc(p, room);
    rv = apr_xlate_conv_buffer(xlate, *pbody, &in_left, out, &out_left);
    if (rv == APR_SUCCESS && in_left == 0) {
        rv = apr_xlate_conv_buffer(xlate, NULL, NULL, out + room - out_left,
                                   &out_left);
    }
    apr_xlate_close(xlate);
    if (rv != APR_SUCCESS || in_left) {
        return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "invalid_charset",
                              "byte %" APR_SIZE_T_FMT
                              " of the text is not valid '%s'",
                              *plen - in_left + 1, charset);
    }
    *pbody = out;
    *plen = room - out_left;
    return APR_SUCCESS;
}

/* UTF-16 says by its first character how it is written. */
static const char *detect_utf16(const char *iconv_name, const char **pbody,
                                apr_size_t *plen)
{
    if (strncmp(iconv_name, "UTF-16", 6) != 0) {
        return iconv_name;
    }
    if (starts_with(*pbody, *plen, "\xff\xfe", 2)) {
        iconv_name = "UTF-16LE";
    }
    else if (starts_with(*pbody, *plen, "\xfe\xff", 2)) {
        iconv_name = "UTF-16BE";
    }
    else {
        return iconv_name;
    }
    *pbody += 2;
    *plen -= 2;
    return iconv_name;
}

/* The row of a name, or NULL. */
static const char *const *find_charset(const char *name)
{
    apr_size_t i;

    for (i = 0; i < CHARSETS; ++i) {
        if (strcasecmp(name, charsets[i].name) == 0) {
            return &charsets[i].iconv;
        }
    }
    return NULL;
}

static apr_status_t unknown(const char *charset, flow_error_kind_e kind,
                            flow_error_t *err)
{
    return flow_error_set(err, kind, APR_EINVAL, "unsupported_charset",
                          "unknown charset '%.64s'; UTF-8 is always right",
                          charset);
}

int flow_charset_is_known(const char *charset)
{
    return find_charset(charset) != NULL;
}

apr_status_t flow_charset_decode(const char **ptext, apr_size_t *plen,
                                 const char *charset, apr_pool_t *p,
                                 flow_error_t *err)
{
    const char *const *found = find_charset(charset);

    if (!found) {
        return unknown(charset, FLOW_E_INPUT, err);
    }
    if (!*found) {
        return APR_SUCCESS;
    }
    return to_utf8(ptext, plen, charset, detect_utf16(*found, ptext, plen), p,
                   err);
}

/* ---- as a stream ---- */

#define PIECE_MAX 16384

typedef struct decoder_t {
    flow_source_t from;
    const char *charset;
    apr_xlate_t *xlate;
    char in[PIECE_MAX];
    apr_size_t in_at, in_len;
    apr_uint64_t offset; /* of what has been read from below */
    int is_end;
    char out[PIECE_MAX];
    apr_size_t out_at, out_len;
} decoder_t;

static apr_status_t refill(decoder_t *d, flow_error_t *err)
{
    apr_size_t n;
    apr_status_t rv;

    memmove(d->in, d->in + d->in_at, d->in_len - d->in_at);
    d->in_len -= d->in_at;
    d->in_at = 0;
    n = sizeof(d->in) - d->in_len;
    rv = d->from.read(d->from.baton, d->in + d->in_len, &n, err);
    if (rv == APR_SUCCESS) {
        d->is_end = n == 0;
        d->offset += n;
        d->in_len += n;
    }
    return rv;
}

static apr_status_t refuse(const decoder_t *d, flow_error_t *err)
{
    return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "invalid_charset",
                          "byte %" APR_UINT64_T_FMT
                          " of the text is not valid '%s'",
                          d->offset - (d->in_len - d->in_at) + 1, d->charset);
}

/* Some text, or the end. */
static apr_status_t convert(decoder_t *d, flow_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;

    d->out_at = d->out_len = 0;
    while (d->out_len == 0) {
        apr_size_t left = d->in_len - d->in_at, room = sizeof(d->out);

        rv = APR_SUCCESS;
        if (left > 0) {
            rv = apr_xlate_conv_buffer(d->xlate, d->in + d->in_at, &left,
                                       d->out, &room);
            d->in_at = d->in_len - left;
            d->out_len = sizeof(d->out) - room;
        }
        if (d->out_len > 0) {
            return APR_SUCCESS; /* what is wrong comes up again */
        }
        /* the end of a piece may cut a character */
        if (rv != APR_SUCCESS && (rv != APR_INCOMPLETE || d->is_end)) {
            return refuse(d, err);
        }
        if (d->is_end) {
            return left > 0 ? refuse(d, err) : APR_SUCCESS;
        }
        rv = refill(d, err);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    return rv;
}

static apr_status_t read_decoded(void *baton, char *data, apr_size_t *plen,
                                 flow_error_t *err)
{
    decoder_t *d = baton;
    apr_size_t n;
    apr_status_t rv;

    if (d->out_at == d->out_len) {
        rv = convert(d, err);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    n = d->out_len - d->out_at;
    n = n < *plen ? n : *plen;
    memcpy(data, d->out + d->out_at, n);
    d->out_at += n;
    *plen = n;
    return APR_SUCCESS;
}

/* ---- what has been looked at already ---- */

typedef struct replay_t {
    flow_source_t from;
    char head[256];
    apr_size_t at, len;
} replay_t;

static apr_status_t read_replay(void *baton, char *data, apr_size_t *plen,
                                flow_error_t *err)
{
    replay_t *r = baton;
    apr_size_t n = r->len - r->at;

    if (n == 0) {
        return r->from.read(r->from.baton, data, plen, err);
    }
    n = n < *plen ? n : *plen;
    memcpy(data, r->head + r->at, n);
    r->at += n;
    *plen = n;
    return APR_SUCCESS;
}

/* The first bytes of the source, which gives them again. */
static apr_status_t look_ahead(flow_source_t *source, replay_t **phead,
                               apr_pool_t *p, flow_error_t *err)
{
    replay_t *r = apr_pcalloc(p, sizeof(*r));
    apr_status_t rv = APR_SUCCESS;
    apr_size_t n = 1;

    r->from = *source;
    while (rv == APR_SUCCESS && n > 0 && r->len < sizeof(r->head)) {
        n = sizeof(r->head) - r->len;
        rv = source->read(source->baton, r->head + r->len, &n, err);
        r->len += rv == APR_SUCCESS ? n : 0;
    }
    source->read = read_replay;
    source->baton = r;
    *phead = r;
    return rv;
}

apr_status_t flow_source_detect(flow_source_t *source, const char **pcharset,
                                apr_pool_t *p, flow_error_t *err)
{
    replay_t *r;
    apr_status_t rv = look_ahead(source, &r, p, err);

    if (rv == APR_SUCCESS) {
        *pcharset = flow_xml_charset(r->head, r->len, p);
    }
    return rv;
}

apr_status_t flow_source_decode(flow_source_t *source, const char *charset,
                                apr_pool_t *p, flow_error_t *err)
{
    const char *const *found = find_charset(charset);
    const char *iconv_name, *head;
    apr_size_t len;
    decoder_t *d;
    replay_t *r;
    apr_status_t rv;

    if (!found) {
        return unknown(charset, FLOW_E_CONFIG, err);
    }
    rv = look_ahead(source, &r, p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!*found || starts_with(r->head, r->len, "\xef\xbb\xbf", 3)) {
        return APR_SUCCESS; /* UTF-8, whatever somebody has said */
    }
    head = r->head;
    len = r->len;
    iconv_name = detect_utf16(*found, &head, &len);
    d = apr_pcalloc(p, sizeof(*d));
    d->from = *source;
    d->offset = r->at = r->len - len;
    d->charset = charset;
    rv = apr_xlate_open(&d->xlate, "UTF-8", iconv_name, p);
    if (rv != APR_SUCCESS) {
        return flow_error_set(err, FLOW_E_INTERNAL, rv, "unsupported_charset",
                              "this system cannot convert the charset '%s'",
                              charset);
    }
    source->read = read_decoded;
    source->baton = d;
    return APR_SUCCESS;
}

/* ---- the other way ---- */

/* Line of the byte at which it stopped. */
static apr_status_t cannot_write(const char *charset, const char *data,
                                 apr_size_t at, flow_error_t *err)
{
    apr_size_t i;
    int line = 1;

    for (i = 0; i < at; ++i) {
        line += data[i] == '\n';
    }
    return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "invalid_charset",
                          "a character in line %d, byte %" APR_SIZE_T_FMT
                          ", does not exist in '%s'; utf8 has all",
                          line, at + 1, charset);
}

apr_status_t flow_charset_write(flow_buf_t *out, const char *charset,
                                const char *data, apr_size_t len, apr_pool_t *p,
                                flow_error_t *err)
{
    const char *const *found = find_charset(charset);
    apr_size_t left = len, before = out->len;
    apr_xlate_t *xlate;
    apr_status_t rv;

    if (!found) {
        return unknown(charset, FLOW_E_CONFIG, err);
    }
    if (!*found) {
        return flow_buf_add(out, data, len);
    }
    rv = apr_xlate_open(&xlate, *found, "UTF-8", p);
    if (rv != APR_SUCCESS) {
        return flow_error_set(err, FLOW_E_INTERNAL, rv, "unsupported_charset",
                              "this system cannot convert the charset '%s'",
                              charset);
    }
    while (left > 0 && rv == APR_SUCCESS) {
        char piece[PIECE_MAX];
        apr_size_t room = sizeof(piece), was = left;

        rv = apr_xlate_conv_buffer(xlate, data + (len - left), &left, piece,
                                   &room);
        flow_buf_add(out, piece, sizeof(piece) - room);
        if (rv == APR_SUCCESS && left == was) {
            rv = APR_EINVAL;
        }
    }
    apr_xlate_close(xlate);
    if (rv != APR_SUCCESS) {
        out->len = before;
        return cannot_write(charset, data, len - left, err);
    }
    return out->status;
}
