/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_CONVERT_H
#define FLOW_CONVERT_H

#include <apr_pools.h>
#include <apr_time.h>

#include "base/flow_error.h"
#include "data/flow_date.h"
#include "data/flow_tree.h"

/**
 * dataType and the four date fields: what a mapping does to a value before it
 * is put. Any thread.
 */
typedef enum {
    FLOW_TYPE_NONE,
    FLOW_TYPE_STRING,
    FLOW_TYPE_NUMBER,
    FLOW_TYPE_BOOLEAN,
    FLOW_TYPE_DATE, /* Mapper 1.0: a hint, the date fields do the work */
    FLOW_TYPE_OBJECT,
    FLOW_TYPE_STRINGARRAY,
    FLOW_TYPE_NUMBERARRAY,
    FLOW_TYPE_BOOLEANARRAY,
    FLOW_TYPE_OBJECTARRAY,
    FLOW_TYPE_ARRAYARRAY,
    FLOW_TYPES
} flow_type_e;

/** "numberarray"; FLOW_TYPE_NONE has "". */
extern const char *const flow_type_names[FLOW_TYPES];
/** FLOW_TYPES when there is none of that name. */
flow_type_e flow_type_find(const char *name);
int flow_type_is_array(flow_type_e type);
/** Of an array type that of its elements, NONE for those of arrayarray. */
flow_type_e flow_type_element(flow_type_e type);

/**
 * *pv (a reference) is replaced by what it is as @a type; null and NULL stay.
 * Texts become objects and arrays when they are their JSON, and numbers with
 * their digits; an empty text is null as a number; a single value is an array
 * of one. Else "mapping_number", "mapping_object", "mapping_array", and *pv is
 * as it was.
 */
apr_status_t flow_type_convert(flow_type_e type, json_t **pv,
                               apr_pool_t *scratch, flow_error_t *err);
/** Read a value as its sourceDataType says: the text "false" as a boolean. */
apr_status_t flow_type_read(flow_type_e source, flow_type_e target,
                            json_t **pv);

/** extractDateFormat and its three sisters; NULL = not given. */
typedef struct flow_dates_t {
    const char *from, *to;
    const flow_zone_t *from_zone, *to_zone;
} flow_dates_t;

/** Dates (of an array: all its elements) written anew; "mapping_date". */
apr_status_t flow_dates_convert(const flow_dates_t *dates, apr_time_t now,
                                json_t **pv, apr_pool_t *scratch,
                                flow_error_t *err);

#endif
