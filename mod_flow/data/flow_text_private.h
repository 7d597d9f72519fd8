/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_TEXT_PRIVATE_H
#define FLOW_TEXT_PRIVATE_H

#include "data/flow_text.h"

/**
 * One pair of functions per format, gathered by flow_body.c.
 */

/** Make UTF-8 of a text in @a charset, in place or in @a p. For UTF-8 itself
 * nothing is checked. FLOW_E_INPUT "unsupported_charset", "invalid_charset". */
apr_status_t flow_charset_decode(const char **ptext, apr_size_t *plen,
                                 const char *charset, apr_pool_t *p,
                                 flow_error_t *err);

/** The charset of an XML document by its first bytes: a BOM, the zeros of
 * UTF-16, what its declaration says; else "utf-8". */
const char *flow_xml_charset(const char *xml, apr_size_t len, apr_pool_t *p);

/** XML whose encoding is known to be UTF-8, whatever its declaration says. */
apr_status_t flow_xml_parse_utf8(json_t **pv, const char *xml, apr_size_t len,
                                 apr_pool_t *p, flow_error_t *err);

/** One element, without a declaration before it. */
apr_status_t flow_xml_write_element(flow_buf_t *out, const char *name,
                                    const json_t *v, flow_error_t *err);

/** A whole CSV text as an array of rows; new. */
apr_status_t flow_csv_parse(json_t **pv, const char *csv, apr_size_t len,
                            apr_pool_t *p, flow_error_t *err);
/** An array of objects (or one object): the header is the union of their
 * names, in the order in which they turn up. */
apr_status_t flow_csv_write(flow_buf_t *out, const json_t *v,
                            apr_pool_t *scratch, flow_error_t *err);

/** An object as name=value&...; an array gives its name once per element. */
apr_status_t flow_form_write(flow_buf_t *out, const json_t *v,
                             apr_pool_t *scratch, flow_error_t *err);

/** Out of memory while making values. */
apr_status_t flow_text_no_memory(flow_error_t *err);
/** What a full buffer means to the one who asked for the text. */
apr_status_t flow_text_buffer_status(const flow_buf_t *out, flow_error_t *err);

#endif
