/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XML of any length. libxml2 is fed checked UTF-8 in pieces that end with a
 * whole character, and never sees the beginning of a document before there
 * is enough of it to tell that it is no other encoding.
 */
#include "data/flow_xml_private.h"

#include <string.h>

#include <apr_strings.h>

#include "data/flow_json.h"
#include "data/flow_json_private.h"
#include "data/flow_text_private.h"

#define SLICE_MAX ((apr_size_t)65536)

struct flow_xml_stream_t {
    flow_xml_reader_t r;
    flow_xml_guard_t guard;
    char held[4]; /* bytes of a character that is not complete */
    apr_size_t n_held;
    int has_begun;
};

static apr_status_t status_of(const flow_xml_stream_t *s, flow_error_t *err)
{
    const flow_error_t *e = &s->r.err;

    return e->kind == FLOW_E_NONE ? APR_SUCCESS
                                  : flow_error_set(err, e->kind, e->status,
                                                   e->code, "%s", e->message);
}

/* Bytes of @a s that are whole characters; what is left is the beginning of
 * one, or wrong. */
static apr_size_t whole_characters(const char *s, apr_size_t len)
{
    apr_size_t n = len, back;

    for (back = 1; back <= 3 && back <= len; ++back) {
        unsigned char c = (unsigned char)s[len - back];

        if (c >= 0xc0) {
            apr_size_t need = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;

            return need > back ? len - back : len;
        }
        if (c < 0x80) {
            break;
        }
    }
    return n;
}

static void parse(flow_xml_stream_t *s, const char *data, apr_size_t len)
{
    if (s->r.err.kind != FLOW_E_NONE || len == 0) {
        return;
    }
    if (!flow_utf8_is_valid(data, len) || memchr(data, '\0', len)) {
        flow_xml_fail(&s->r, "invalid_xml",
                      "bytes that are not valid UTF-8, or a NUL character, "
                      "within the next 64 KB");
        return;
    }
    if (!flow_xml_guard(&s->guard, data, len)) {
        flow_xml_fail(&s->r, "invalid_xml", FLOW_XML_ATTRIBUTES_WHY);
        return;
    }
    xmlParseChunk(s->r.ctxt, data, (int)len, 0);
    flow_xml_explain(&s->r);
}

/* The held bytes with enough of the new ones to make whole characters. */
static void parse_held(flow_xml_stream_t *s, const char **pdata,
                       apr_size_t *plen)
{
    apr_size_t n;

    while (s->n_held < sizeof(s->held) && *plen > 0) {
        s->held[s->n_held++] = **pdata;
        ++*pdata;
        --*plen;
        n = whole_characters(s->held, s->n_held);
        if (n == s->n_held && (s->has_begun || n == sizeof(s->held))) {
            break;
        }
    }
    n = whole_characters(s->held, s->n_held);
    if (n < s->n_held && s->n_held < sizeof(s->held)) {
        return; /* more is needed */
    }
    if (!s->has_begun && s->n_held < sizeof(s->held)) {
        return;
    }
    s->has_begun = 1;
    parse(s, s->held, n);
    memmove(s->held, s->held + n, s->n_held - n);
    s->n_held -= n;
    if (n == 0) {
        flow_xml_fail(&s->r, "invalid_xml", "bytes that are not valid UTF-8");
    }
}

apr_status_t flow_xml_stream_feed(flow_xml_stream_t *s, const char *data,
                                  apr_size_t len, flow_error_t *err)
{
    while (len > 0 && s->r.err.kind == FLOW_E_NONE) {
        apr_size_t n;

        if (s->n_held > 0 || !s->has_begun) {
            parse_held(s, &data, &len);
            continue;
        }
        n = whole_characters(data, len < SLICE_MAX ? len : SLICE_MAX);
        parse(s, data, n);
        data += n;
        len -= n;
        if (len > 0 && len <= 3) {
            memcpy(s->held, data, len);
            s->n_held = len;
            len = 0;
        }
    }
    return status_of(s, err);
}

apr_status_t flow_xml_stream_finish(flow_xml_stream_t *s, flow_error_t *err)
{
    flow_xml_reader_t *r = &s->r;

    if (s->n_held > 0) {
        parse(s, s->held, s->n_held);
    }
    if (r->err.kind == FLOW_E_NONE) {
        xmlParseChunk(r->ctxt, NULL, 0, 1);
        flow_xml_explain(r);
    }
    if (r->err.kind == FLOW_E_NONE && !r->ctxt->wellFormed) {
        flow_xml_fail(r, "invalid_xml", "not well-formed");
    }
    return status_of(s, err);
}

static apr_status_t release(void *data)
{
    flow_xml_stream_t *s = data;

    flow_xml_close_all(&s->r);
    /* there is none, unless libxml2 made one on its way to a DOCTYPE */
    if (s->r.ctxt->myDoc) {
        xmlFreeDoc(s->r.ctxt->myDoc);
    }
    xmlFreeParserCtxt(s->r.ctxt);
    return APR_SUCCESS;
}

apr_status_t flow_xml_stream_create(flow_xml_stream_t **pstream,
                                    const flow_xpath_t *path,
                                    flow_record_fn *record, void *baton,
                                    apr_pool_t *p, flow_error_t *err)
{
    flow_xml_stream_t *s = apr_pcalloc(p, sizeof(*s));
    xmlSAXHandler sax;

    *pstream = NULL;
    flow_xml_set_handler(&sax);
    s->r.ctxt = xmlCreatePushParserCtxt(&sax, &s->r, NULL, 0, NULL);
    if (!s->r.ctxt) {
        return flow_text_no_memory(err);
    }
    apr_pool_cleanup_register(p, s, release, apr_pool_cleanup_null);
    xmlCtxtUseOptions(s->r.ctxt, XML_PARSE_NONET | XML_PARSE_IGNORE_ENC);
    s->r.path = path;
    s->r.sets[0] = FLOW_XPATH_START;
    s->r.max = FLOW_FORMAT_RECORD_MAX;
    s->r.record_fn = record;
    s->r.baton = baton;
    *pstream = s;
    return APR_SUCCESS;
}
