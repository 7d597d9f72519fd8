/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_text.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_xlate.h>

#include "data/flow_json.h"
#include "data/flow_text_private.h"

/* A body grows by no more than this when it becomes UTF-8: one byte of a
 * Windows code page may need three. */
#define GROWTH_MAX 4

apr_status_t flow_text_no_memory(flow_error_t *err)
{
    return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_ENOMEM, "out_of_memory",
                          "out of memory");
}

apr_status_t flow_text_buffer_status(const flow_buf_t *out, flow_error_t *err)
{
    if (out->status == APR_SUCCESS) {
        return APR_SUCCESS;
    }
    if (out->status == APR_ENOSPC) {
        return flow_error_set(err, FLOW_E_INPUT, out->status, "too_large",
                              "the text would be longer than %" APR_SIZE_T_FMT
                              " bytes",
                              out->max);
    }
    return flow_text_no_memory(err);
}

/* --- charsets --------------------------------------------------------------*/

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

/* The charset parameter of a Content-Type, or NULL. */
static const char *find_charset(const char *content_type, apr_pool_t *p)
{
    const char *s = content_type ? strchr(content_type, ';') : NULL;

    while (s) {
        apr_size_t len;

        ++s;
        s += strspn(s, " \t");
        if (strncasecmp(s, "charset=", 8) == 0) {
            s += 8;
            s += *s == '"' || *s == '\'';
            len = strcspn(s, "\"'; \t");
            return len ? apr_pstrndup(p, s, len) : NULL;
        }
        s = strchr(s, ';');
    }
    return NULL;
}

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
                              " of the body is not valid '%s'",
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

/* *pis_known: somebody said what the bytes are. */
static apr_status_t decode(const char **pbody, apr_size_t *plen,
                           const char *content_type, int *pis_known,
                           apr_pool_t *p, flow_error_t *err)
{
    const char *charset = find_charset(content_type, p);
    apr_size_t i;

    *pis_known = charset != NULL;
    if (!charset) {
        return APR_SUCCESS;
    }
    for (i = 0; i < CHARSETS; ++i) {
        if (strcasecmp(charset, charsets[i].name) != 0) {
            continue;
        }
        if (!charsets[i].iconv) {
            return APR_SUCCESS;
        }
        return to_utf8(pbody, plen, charset,
                       detect_utf16(charsets[i].iconv, pbody, plen), p, err);
    }
    return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "unsupported_charset",
                          "unknown charset '%.64s'; UTF-8 is always right",
                          charset);
}

/* --- bodies ----------------------------------------------------------------*/

static apr_status_t parse_text(json_t **pv, const char *body, apr_size_t len,
                               apr_pool_t *p, flow_error_t *err)
{
    body = flow_utf8_repair(body, len, &len, p);
    *pv = json_stringn_nocheck(body, len);
    return *pv ? APR_SUCCESS : flow_text_no_memory(err);
}

apr_status_t flow_body_parse(json_t **pv, flow_media_e media,
                             const char *content_type, const char *body,
                             apr_size_t len, apr_pool_t *p, flow_error_t *err)
{
    int is_known;
    apr_status_t rv;

    *pv = NULL;
    rv = decode(&body, &len, content_type, &is_known, p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (starts_with(body, len, "\xef\xbb\xbf", 3)) {
        body += 3;
        len -= 3;
        is_known = 1;
    }
    switch (media) {
    case FLOW_MEDIA_JSON:
        return flow_json_parse(pv, body, len, err);
    case FLOW_MEDIA_XML:
        return is_known ? flow_xml_parse_utf8(pv, body, len, p, err)
                        : flow_xml_parse(pv, body, len, p, err);
    case FLOW_MEDIA_CSV:
        return flow_csv_parse(pv, body, len, p, err);
    case FLOW_MEDIA_URLENCODED:
        *pv = flow_query_parse(body, len, p, err);
        return *pv ? APR_SUCCESS : err ? err->status : APR_EINVAL;
    case FLOW_MEDIA_PLAINTEXT:
        return parse_text(pv, body, len, p, err);
    case FLOW_MEDIA_FORM_DATA:
    case FLOW_MEDIA_UNKNOWN:
        break;
    }
    return flow_error_set(err, FLOW_E_INPUT, APR_ENOTIMPL,
                          "unsupported_media_type",
                          "a body of this type is not parsed; send JSON, XML, "
                          "CSV, a urlencoded form or text");
}

apr_status_t flow_body_write(flow_buf_t *out, flow_media_e media,
                             const json_t *v, apr_pool_t *scratch,
                             flow_error_t *err)
{
    apr_size_t len;
    const char *text;

    switch (media) {
    case FLOW_MEDIA_JSON:
        flow_json_write(out, v, FLOW_JSON_COMPACT);
        return flow_text_buffer_status(out, err);
    case FLOW_MEDIA_XML:
        return flow_xml_write(out, v, err);
    case FLOW_MEDIA_CSV:
        return flow_csv_write(out, v, scratch, err);
    case FLOW_MEDIA_URLENCODED:
        return flow_form_write(out, v, scratch, err);
    case FLOW_MEDIA_PLAINTEXT:
        text = flow_json_to_text(v, &len, scratch);
        flow_buf_add(out, text, len);
        return flow_text_buffer_status(out, err);
    case FLOW_MEDIA_FORM_DATA:
    case FLOW_MEDIA_UNKNOWN:
        break;
    }
    return flow_error_set(err, FLOW_E_CONFIG, APR_ENOTIMPL,
                          "unsupported_media_type",
                          "a body of this type cannot be written; json, xml, "
                          "csv, urlencoded and plaintext can");
}
