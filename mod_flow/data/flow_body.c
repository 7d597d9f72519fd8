/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_text.h"

#include <string.h>

#include <apr_strings.h>

#include "data/flow_json.h"
#include "data/flow_text_private.h"

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

const char *flow_media_charset(const char *content_type, apr_pool_t *p)
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

/* *pis_known: somebody said what the bytes are. A BOM outranks the header. */
static apr_status_t decode(const char **pbody, apr_size_t *plen,
                           const char *content_type, int *pis_known,
                           apr_pool_t *p, flow_error_t *err)
{
    const char *charset;

    if (*plen >= 3 && memcmp(*pbody, "\xef\xbb\xbf", 3) == 0) {
        *pbody += 3;
        *plen -= 3;
        *pis_known = 1;
        return APR_SUCCESS;
    }
    charset = flow_media_charset(content_type, p);
    *pis_known = charset != NULL;
    return charset ? flow_charset_decode(pbody, plen, charset, p, err)
                   : APR_SUCCESS;
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
