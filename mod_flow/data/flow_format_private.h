/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_FORMAT_PRIVATE_H
#define FLOW_FORMAT_PRIVATE_H

#include "data/flow_format.h"

/**
 * The readers that flow_reader_t chooses from. Each is made in a pool, hands
 * records to a function, and is not used again after a failure.
 */
typedef struct flow_json_stream_t flow_json_stream_t;
flow_json_stream_t *flow_json_stream_create(const char *const *path,
                                            flow_record_fn *record, void *baton,
                                            apr_pool_t *p);
/** Between JSON lines. One that is wrong makes the rest of the text be taken
 * line by line. */
void flow_json_stream_tolerate(flow_json_stream_t *stream,
                               flow_bad_record_fn *bad, void *baton);
apr_status_t flow_json_stream_feed(flow_json_stream_t *stream, const char *data,
                                   apr_size_t len, flow_error_t *err);
apr_status_t flow_json_stream_finish(flow_json_stream_t *stream,
                                     flow_error_t *err);

/** flow_json_lines.c: each line is a record of its own, an object or an array,
 * or it is wrong; blank lines are none. With @a or_else (copied) the first line
 * must at least end like one, or the text does not consist of lines and that is
 * what is wrong with it. */
typedef struct flow_json_lines_t flow_json_lines_t;
flow_json_lines_t *flow_json_lines_create(flow_record_fn *record, void *baton,
                                          flow_bad_record_fn *bad,
                                          void *bad_baton,
                                          const flow_error_t *or_else,
                                          apr_pool_t *p);
/** Where in the text the lines begin. */
void flow_json_lines_at(flow_json_lines_t *lines, int line, apr_uint64_t at);
apr_status_t flow_json_lines_feed(flow_json_lines_t *lines, const char *data,
                                  apr_size_t len, flow_error_t *err);
apr_status_t flow_json_lines_finish(flow_json_lines_t *lines,
                                    flow_error_t *err);

typedef struct flow_xml_stream_t flow_xml_stream_t;
apr_status_t flow_xml_stream_create(flow_xml_stream_t **pstream,
                                    const flow_xpath_t *path,
                                    flow_record_fn *record, void *baton,
                                    apr_pool_t *p, flow_error_t *err);
apr_status_t flow_xml_stream_feed(flow_xml_stream_t *stream, const char *data,
                                  apr_size_t len, flow_error_t *err);
apr_status_t flow_xml_stream_finish(flow_xml_stream_t *stream,
                                    flow_error_t *err);

typedef struct flow_layout_reader_t flow_layout_reader_t;
apr_status_t flow_layout_reader_create(flow_layout_reader_t **preader,
                                       const flow_layout_t *layout,
                                       flow_record_fn *record, void *baton,
                                       apr_pool_t *p, flow_error_t *err);
void flow_layout_reader_tolerate(flow_layout_reader_t *reader,
                                 flow_bad_record_fn *bad, void *baton);
apr_status_t flow_layout_reader_feed(flow_layout_reader_t *reader,
                                     const char *data, apr_size_t len,
                                     flow_error_t *err);
apr_status_t flow_layout_reader_finish(flow_layout_reader_t *reader,
                                       flow_error_t *err);

#endif
