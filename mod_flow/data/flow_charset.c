/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_text_private.h"

#include <string.h>

#include <apr_xlate.h>

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

apr_status_t flow_charset_decode(const char **ptext, apr_size_t *plen,
                                 const char *charset, apr_pool_t *p,
                                 flow_error_t *err)
{
    apr_size_t i;

    for (i = 0; i < CHARSETS; ++i) {
        if (strcasecmp(charset, charsets[i].name) != 0) {
            continue;
        }
        if (!charsets[i].iconv) {
            return APR_SUCCESS;
        }
        return to_utf8(ptext, plen, charset,
                       detect_utf16(charsets[i].iconv, ptext, plen), p, err);
    }
    return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "unsupported_charset",
                          "unknown charset '%.64s'; UTF-8 is always right",
                          charset);
}
