/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_ES_H
#define FLOW_ES_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "base/flow_error.h"

typedef struct flow_es_map_t flow_es_map_t;
typedef struct flow_es_options_t {
    int eval;
    int strict;
} flow_es_options_t;
typedef struct flow_es_output_t {
    const char *text;
    apr_size_t len;
    const flow_es_map_t *map;
    const char *const *functions;
    int nfunctions;
    const char *const *imports;
    int nimports;
} flow_es_output_t;

apr_status_t flow_es_compile(const char *source, apr_size_t len,
                             const char *filename, const flow_es_options_t *opt,
                             flow_es_output_t *out, apr_pool_t *p,
                             flow_error_t *err);
const char *flow_es_runtime(void);
int flow_es_map_position(const flow_es_map_t *map, int gen_line, int *src_line,
                         int *src_col);
#endif
