/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_LAYOUT_PRIVATE_H
#define FLOW_LAYOUT_PRIVATE_H

#include "data/flow_layout.h"

/**
 * A layout, compiled: what reading (flow_layout.c) and writing
 * (flow_layout_write.c) share.
 */
#define FLOW_LAYOUT_DEPTH_MAX 8
#define FLOW_LAYOUT_ROW_MAX   (1024 * 1024)

typedef struct flow_layout_element_t {
    const char *name; /* NULL: a gap */
    apr_size_t name_len;
    apr_size_t size;   /* characters */
    const char *value; /* what must stand there, or NULL */
    int is_right;
    char fill;
} flow_layout_element_t;

typedef struct flow_layout_rule_t flow_layout_rule_t;
struct flow_layout_rule_t {
    const char *name;
    flow_layout_element_t *elements;
    int n_elements;
    flow_layout_rule_t *children;
    int n_children;
    apr_size_t size; /* of a whole row */
};

struct flow_layout_t {
    const char *row_delimiter; /* NULL: LF or CR LF; LF is written */
    flow_layout_rule_t *rules;
    int n_rules;
};

#endif
