/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_XML_PRIVATE_H
#define FLOW_XML_PRIVATE_H

#include <libxml/parser.h>

#include "data/flow_format_private.h"
#include "data/flow_xml_guard.h"

/**
 * What flow_xml.c (events to values) and flow_xml_stream.c (documents of any
 * length) share.
 */
#define FLOW_XML_DEPTH_MAX 128

/* An open element. */
typedef struct flow_xml_element_t {
    json_t *object; /* NULL as long as there is nothing but text */
    flow_buf_t text;
    int is_cdata;       /* blanks count when somebody took the trouble */
    int has_underscore; /* a child is named as we name the text */
} flow_xml_element_t;

typedef struct flow_xml_reader_t {
    xmlParserCtxtPtr ctxt;
    json_t *root; /* {name: value}, once the root element is closed */
    flow_xml_element_t stack[FLOW_XML_DEPTH_MAX];
    int depth;
    int n_nodes;
    apr_size_t max; /* no text is longer than the document */
    flow_error_t err;

    /* records out of a document of any length; NULL = the document */
    const flow_xpath_t *path;
    flow_xpath_set_t sets[FLOW_XML_DEPTH_MAX + 1];
    int record_depth; /* of the record being read; 0 = none */
    apr_size_t bytes; /* of names and texts in it */
    flow_record_fn *record_fn;
    void *baton;
} flow_xml_reader_t;

/** libxml2's events go to @a r, which is the parser's userData. */
void flow_xml_set_handler(xmlSAXHandler *sax);
/** Release what is open. */
void flow_xml_close_all(flow_xml_reader_t *r);
/** Note what is wrong here and stop the parser; the first failure counts. */
void flow_xml_fail(flow_xml_reader_t *r, const char *code, const char *why);
/** Note libxml2's own complaint, if it has one. */
void flow_xml_explain(flow_xml_reader_t *r);

#endif
