/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_text.h"

#include <limits.h>
#include <string.h>

#include <apr_strings.h>
#include <libxml/parserInternals.h>
#include <libxml/xmlerror.h>

#include "data/flow_json.h"
#include "data/flow_text_private.h"
#include "data/flow_xml_private.h"

#define DEPTH_MAX FLOW_XML_DEPTH_MAX
#define NODES_MAX 1000000 /* elements and attributes */

/*
 * libxml2 in its older event form: names arrive as they are written, with
 * their prefix, and xmlns attributes among the others in their order. No tree
 * of libxml2's is ever built.
 */

void flow_text_global_init(void)
{
    xmlInitParser();
}

/* --- reading ---------------------------------------------------------------*/

static void stop(flow_xml_reader_t *r)
{
    xmlStopParser(r->ctxt);
}

static void note_failure(flow_xml_reader_t *r, const char *code, int line,
                         const char *why)
{
    if (r->path) {
        flow_error_set(&r->err, FLOW_E_INPUT, APR_EINVAL, code,
                       "invalid XML at line %d, byte %ld: %s", line,
                       xmlByteConsumed(r->ctxt) + 1, why);
    }
    else {
        flow_error_set(&r->err, FLOW_E_INPUT, APR_EINVAL, code,
                       "invalid XML at line %d: %s", line, why);
    }
}

void flow_xml_fail(flow_xml_reader_t *r, const char *code, const char *why)
{
    if (r->err.kind == FLOW_E_NONE) {
        note_failure(r, code, xmlSAX2GetLineNumber(r->ctxt), why);
    }
    stop(r);
}

static void fail_memory(flow_xml_reader_t *r)
{
    flow_text_no_memory(&r->err);
    stop(r);
}

/* libxml2's own complaint; it ends with a newline. */
void flow_xml_explain(flow_xml_reader_t *r)
{
    const xmlError *error = xmlCtxtGetLastError(r->ctxt);
    char why[256];

    if (!error || error->level < XML_ERR_ERROR || r->err.kind != FLOW_E_NONE) {
        return;
    }
    if (error->code == XML_ERR_NO_MEMORY) {
        fail_memory(r);
        return;
    }
    apr_cpystrn(why, error->message ? error->message : "not well-formed",
                sizeof(why));
    why[strcspn(why, "\n")] = '\0';
    note_failure(r, "invalid_xml", error->line, why);
}

/* The first of several is the one that counts. */
static void on_error(void *data, const char *format, ...)
{
    (void)format;
    flow_xml_explain(data);
}

static json_t *make_text(const char *s, apr_size_t len)
{
    /* libxml2 has checked it; what is stored must be valid in any case */
    json_t *v = flow_json_string_new(s, len);

    return v ? v : json_string_nocheck("\xef\xbf\xbd");
}

/*
 * Without entity substitution, which would open the door to entities, libxml2
 * hands over every '&' in an attribute as "&#38;". Nothing else in the value
 * begins with '&'.
 */
static json_t *make_attribute(const char *value)
{
    apr_size_t len = strlen(value);
    const char *s = value;
    flow_buf_t b;
    json_t *v;

    if (!strchr(value, '&')) {
        return make_text(value, len);
    }
    flow_buf_init(&b, len);
    while (*s) {
        const char *amp = strstr(s, "&#38;");
        apr_size_t n = amp ? (apr_size_t)(amp - s) + 1 : strlen(s);

        flow_buf_add(&b, s, n);
        s += amp ? n + 4 : n;
    }
    v = b.status == APR_SUCCESS ? make_text(b.data, b.len) : NULL;
    flow_buf_release(&b);
    return v;
}

/* The element's object, made when first needed, with a place for the text in
 * front. */
static json_t *need_object(flow_xml_reader_t *r, flow_xml_element_t *e)
{
    if (!e->object) {
        e->object = json_object();
        if (json_object_set_new_nocheck(e->object, "_", json_null()) != 0) {
            fail_memory(r);
        }
    }
    return e->object;
}

static int count_node(flow_xml_reader_t *r)
{
    if (++r->n_nodes > NODES_MAX) {
        flow_xml_fail(
            r, "invalid_xml",
            "more than " APR_STRINGIFY(NODES_MAX) " elements and attributes");
        return 0;
    }
    return 1;
}

/* Of what is kept at once. */
static int count_bytes(flow_xml_reader_t *r, apr_size_t len)
{
    r->bytes += len;
    if (r->path && r->bytes > r->max) {
        flow_xml_fail(r, "invalid_xml", "a record is longer than 16 MB");
        return 0;
    }
    return 1;
}

static const char *sax_attribute(const void *baton, const char *name)
{
    const xmlChar *const *atts = baton;

    for (; atts && atts[0]; atts += 2) {
        if (strcmp((const char *)atts[0], name) == 0) {
            return atts[1] ? (const char *)atts[1] : "";
        }
    }
    return NULL;
}

/* Does the element that has just been opened belong to a record? Always, when
 * it is the document that is wanted. */
static int is_part(flow_xml_reader_t *r, const xmlChar *name,
                   const xmlChar **atts)
{
    if (!r->path || r->record_depth) {
        return 1;
    }
    r->sets[r->depth] =
        flow_xpath_step(r->path, r->sets[r->depth - 1], (const char *)name,
                        sax_attribute, atts);
    r->n_nodes = 0;
    r->bytes = 0;
    if (flow_xpath_is_found(r->path, r->sets[r->depth])) {
        r->record_depth = r->depth;
    }
    return r->record_depth != 0;
}

static void on_start(void *data, const xmlChar *name, const xmlChar **atts)
{
    flow_xml_reader_t *r = data;
    flow_xml_element_t *e = &r->stack[r->depth];
    json_t *dollar = NULL;

    if (r->err.kind != FLOW_E_NONE || !count_node(r)) {
        return;
    }
    if (r->depth == DEPTH_MAX) {
        flow_xml_fail(
            r, "invalid_xml",
            "nested too deeply; at most " APR_STRINGIFY(DEPTH_MAX) " levels");
        return;
    }
    memset(e, 0, sizeof(*e));
    flow_buf_init(&e->text, r->max);
    ++r->depth;
    if (!is_part(r, name, atts) || !count_bytes(r, strlen((char *)name))) {
        return;
    }
    for (; atts && atts[0]; atts += 2) {
        if (!count_node(r) ||
            !count_bytes(r, strlen((char *)atts[0]) +
                                (atts[1] ? strlen((char *)atts[1]) : 0))) {
            return;
        }
        if (!dollar) {
            dollar = json_object();
            if (json_object_set_new_nocheck(need_object(r, e), "$", dollar)) {
                fail_memory(r);
                return;
            }
        }
        if (json_object_set_new_nocheck(
                dollar, (const char *)atts[0],
                make_attribute(atts[1] ? (const char *)atts[1] : "")) != 0) {
            fail_memory(r);
            return;
        }
    }
}

static void add_text(flow_xml_reader_t *r, const xmlChar *s, int len,
                     int is_cdata)
{
    flow_xml_element_t *e;

    if (r->err.kind != FLOW_E_NONE || r->depth == 0 ||
        (r->path && !r->record_depth) || !count_bytes(r, (apr_size_t)len)) {
        return;
    }
    e = &r->stack[r->depth - 1];
    e->is_cdata |= is_cdata;
    if (flow_buf_add(&e->text, s, (apr_size_t)len) != APR_SUCCESS) {
        fail_memory(r);
    }
}

static void on_text(void *data, const xmlChar *s, int len)
{
    add_text(data, s, len, 0);
}

static void on_cdata(void *data, const xmlChar *s, int len)
{
    add_text(data, s, len, 1);
}

static void on_doctype(void *data, const xmlChar *name,
                       const xmlChar *external_id, const xmlChar *system_id)
{
    (void)name;
    (void)external_id;
    (void)system_id;
    flow_xml_fail(data, "xml_doctype",
                  "a DOCTYPE is not allowed; send the document without it");
}

static int is_blank(const flow_buf_t *text)
{
    return text->len == 0 || strspn(text->data, " \t\r\n") == text->len;
}

/* What the element is worth, now that it is complete. Takes e->object. */
static json_t *take_value(flow_xml_element_t *e)
{
    json_t *object = e->object;
    int has_text = e->is_cdata || !is_blank(&e->text);
    json_t *text;
    int rv = 0;

    e->object = NULL;
    if (!object) {
        return make_text(e->text.len ? e->text.data : "", e->text.len);
    }
    if (has_text) {
        text = make_text(e->text.data ? e->text.data : "", e->text.len);
        rv = e->has_underscore
                 ? json_array_insert_new(json_object_get(object, "_"), 0, text)
                 : json_object_set_new_nocheck(object, "_", text);
    }
    else if (!e->has_underscore) {
        rv = json_object_del(object, "_");
    }
    if (rv != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

/* Takes value. */
static int add_child(flow_xml_reader_t *r, flow_xml_element_t *parent,
                     const char *name, json_t *value)
{
    json_t *object = need_object(r, parent);
    json_t *list = json_object_get(object, name);

    if (strcmp(name, "_") == 0 && !parent->has_underscore) {
        parent->has_underscore = 1;
        list = NULL;
    }
    if (!list) {
        list = json_array();
        if (json_object_set_new_nocheck(object, name, list) != 0) {
            json_decref(value);
            return 0;
        }
    }
    return json_array_append_new(list, value) == 0;
}

/* A record is an object: nothing but text becomes its "_". */
static void deliver(flow_xml_reader_t *r, json_t *value)
{
    json_t *record = value;
    apr_status_t rv;

    if (!json_is_object(value)) {
        record = json_object();
        json_object_set_new(record, "_", value);
    }
    rv = r->record_fn(r->baton, record, &r->err);
    if (rv != APR_SUCCESS) {
        flow_error_set(&r->err, FLOW_E_INTERNAL, rv, "xml_stopped",
                       "the reader of the records stopped");
        stop(r);
    }
}

static void on_end(void *data, const xmlChar *name)
{
    flow_xml_reader_t *r = data;
    flow_xml_element_t *e;
    json_t *value;
    int is_added;

    if (r->err.kind != FLOW_E_NONE || r->depth == 0) {
        return;
    }
    e = &r->stack[--r->depth];
    if (r->path && !r->record_depth) {
        return;
    }
    value = take_value(e);
    flow_buf_release(&e->text);
    if (!value) {
        fail_memory(r);
        return;
    }
    if (r->record_depth == r->depth + 1) {
        r->record_depth = 0;
        deliver(r, value);
        return;
    }
    if (r->depth > 0) {
        is_added = add_child(r, e - 1, (const char *)name, value);
    }
    else {
        r->root = json_object();
        is_added = json_object_set_new_nocheck(r->root, (const char *)name,
                                               value) == 0;
    }
    if (!is_added) {
        fail_memory(r);
    }
}

void flow_xml_set_handler(xmlSAXHandler *sax)
{
    memset(sax, 0, sizeof(*sax));
    sax->initialized = 1; /* not the magic number: the older events */
    sax->error = on_error;
    sax->startElement = on_start;
    sax->endElement = on_end;
    sax->characters = on_text;
    sax->ignorableWhitespace = on_text;
    sax->cdataBlock = on_cdata;
    sax->internalSubset = on_doctype;
}

void flow_xml_close_all(flow_xml_reader_t *r)
{
    while (r->depth > 0) {
        flow_xml_element_t *e = &r->stack[--r->depth];

        flow_buf_release(&e->text);
        json_decref(e->object);
    }
}

static void run(flow_xml_reader_t *r, const char *xml, int len)
{
    r->ctxt = xmlCreateMemoryParserCtxt(xml, len);
    if (!r->ctxt) {
        flow_text_no_memory(&r->err);
        return;
    }
    flow_xml_set_handler(r->ctxt->sax);
    r->ctxt->userData = r;
    xmlCtxtUseOptions(r->ctxt, XML_PARSE_NONET | XML_PARSE_IGNORE_ENC);
    xmlParseDocument(r->ctxt);
    flow_xml_explain(r); /* another module may have taken the error channel */
    if (r->err.kind == FLOW_E_NONE && (!r->ctxt->wellFormed || !r->root)) {
        flow_xml_fail(r, "invalid_xml", "not well-formed");
    }
    flow_xml_close_all(r);
    /* there is none, unless libxml2 made one on its way to a DOCTYPE */
    if (r->ctxt->myDoc) {
        xmlFreeDoc(r->ctxt->myDoc);
    }
    xmlFreeParserCtxt(r->ctxt);
}

/* libxml2 gets nothing but what it will not take for another encoding. */
static apr_status_t check_bytes(const char *xml, apr_size_t len,
                                flow_error_t *err)
{
    flow_xml_guard_t guard = { 0 };
    const char *why = NULL;

    if (len == 0) {
        why = "the document is empty";
    }
    else if (len > INT_MAX) {
        why = "the document is too large";
    }
    else if (!flow_utf8_is_valid(xml, len)) {
        why = "bytes that are not valid UTF-8";
    }
    else if (memchr(xml, '\0', len)) {
        why = "a NUL character";
    }
    else if (!flow_xml_guard(&guard, xml, len)) {
        why = FLOW_XML_ATTRIBUTES_WHY;
    }
    return why ? flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "invalid_xml",
                                "invalid XML: %s", why)
               : APR_SUCCESS;
}

apr_status_t flow_xml_parse_utf8(json_t **pv, const char *xml, apr_size_t len,
                                 apr_pool_t *p, flow_error_t *err)
{
    apr_status_t rv = check_bytes(xml, len, err);
    flow_xml_reader_t *r;

    *pv = NULL;
    if (rv != APR_SUCCESS) {
        return rv;
    }
    r = apr_pcalloc(p, sizeof(*r)); /* 10 KB: too much for some stacks */
    r->max = len;
    run(r, xml, (int)len);
    if (r->err.kind != FLOW_E_NONE) {
        json_decref(r->root);
        return flow_error_set(err, r->err.kind, r->err.status, r->err.code,
                              "%s", r->err.message);
    }
    *pv = r->root;
    return APR_SUCCESS;
}

/* --- encodings -------------------------------------------------------------*/

/*
 * Not left to libxml2: it would load whatever conversion the document names,
 * and complain about broken text on stderr.
 */

static int begins(const char *s, apr_size_t len, const char *mark, apr_size_t n)
{
    return len >= n && memcmp(s, mark, n) == 0;
}

/* The encoding that an XML declaration names, or NULL. */
static const char *declared_encoding(const char *xml, apr_size_t len,
                                     apr_pool_t *p)
{
    const char *end = memchr(xml, '>', len < 256 ? len : 256);
    const char *s;
    char *head;
    apr_size_t n;

    if (!end || !begins(xml, len, "<?xml", 5)) {
        return NULL;
    }
    head = apr_pstrmemdup(p, xml, (apr_size_t)(end - xml));
    s = strstr(head, "encoding");
    if (!s) {
        return NULL;
    }
    s += strlen("encoding");
    s += strspn(s, " \t\r\n");
    s += *s == '=';
    s += strspn(s, " \t\r\n");
    if (*s != '"' && *s != '\'') {
        return NULL;
    }
    ++s;
    n = strcspn(s, "\"'");
    return n ? apr_pstrndup(p, s, n) : NULL;
}

const char *flow_xml_charset(const char *xml, apr_size_t len, apr_pool_t *p)
{
    const char *declared;

    if (begins(xml, len, "\xef\xbb\xbf", 3)) {
        return "utf-8";
    }
    if (begins(xml, len, "\xff\xfe", 2) || begins(xml, len, "<\0", 2)) {
        return "utf-16le";
    }
    if (begins(xml, len, "\xfe\xff", 2) || begins(xml, len, "\0<", 2)) {
        return "utf-16be";
    }
    declared = declared_encoding(xml, len, p);
    return declared ? declared : "utf-8";
}

apr_status_t flow_xml_parse(json_t **pv, const char *xml, apr_size_t len,
                            apr_pool_t *p, flow_error_t *err)
{
    apr_status_t rv;

    *pv = NULL;
    rv = flow_charset_decode(&xml, &len, flow_xml_charset(xml, len, p), p, err);
    if (rv == APR_SUCCESS && begins(xml, len, "\xef\xbb\xbf", 3)) {
        xml += 3;
        len -= 3;
    }
    return rv == APR_SUCCESS ? flow_xml_parse_utf8(pv, xml, len, p, err) : rv;
}
