/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_escape.h"

#include <apr_lib.h>
#include <string.h>

static int is_unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
           c == '~';
}

apr_status_t flow_escape_uri(flow_buf_t *out, const char *s, apr_size_t len)
{
    static const char hex[] = "0123456789ABCDEF";
    const char *end = s + len, *run;

    while (s < end) {
        for (run = s; s < end && is_unreserved((unsigned char)*s); ++s)
            ;
        if (s > run)
            flow_buf_add(out, run, (apr_size_t)(s - run));
        if (s < end) {
            unsigned char c = (unsigned char)*s++;
            char code[3] = { '%', hex[c >> 4], hex[c & 15] };

            flow_buf_add(out, code, sizeof(code));
        }
    }
    return out->status;
}

static const char replacement[] = "\xef\xbf\xbd";

/* The entity for the character at s, NULL when it stands for itself. */
static const char *xml_entity(const char *s, const char *end, apr_size_t *plen)
{
    unsigned char c = (unsigned char)*s;

    *plen = 1;
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    case '\r':
        return "&#13;";
    case '\t':
    case '\n':
        return NULL;
    default:
        break;
    }
    if (c < 0x20)
        return replacement;
    if (c == 0xef && end - s >= 3 && (unsigned char)s[1] == 0xbf &&
        (unsigned char)s[2] >= 0xbe) { /* U+FFFE, U+FFFF */
        *plen = 3;
        return replacement;
    }
    return NULL;
}

apr_status_t flow_escape_xml(flow_buf_t *out, const char *s, apr_size_t len)
{
    const char *end = s + len, *run = s;

    while (s < end) {
        apr_size_t taken;
        const char *entity = xml_entity(s, end, &taken);

        if (entity) {
            if (s > run)
                flow_buf_add(out, run, (apr_size_t)(s - run));
            flow_buf_adds(out, entity);
            run = s + taken;
        }
        s += taken;
    }
    if (s > run)
        flow_buf_add(out, run, (apr_size_t)(s - run));
    return out->status;
}
