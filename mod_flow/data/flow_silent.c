/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_json.h"

int flow_json_is_silent(const json_t *v, int with_leaves)
{
    const char *key;
    apr_size_t len = 0, i;
    json_t *item;

    switch (flow_json_type(v)) {
    case FLOW_JSON_NULL:
        return 1;
    case FLOW_JSON_BOOL:
        return with_leaves && json_is_false(v);
    case FLOW_JSON_STRING:
        flow_json_string(v, &len);
        return with_leaves && len == 0;
    case FLOW_JSON_OBJECT:
        json_object_foreach((json_t *)v, key, item)
        {
            if (!flow_json_is_silent(item, with_leaves)) {
                return 0;
            }
        }
        return 1;
    case FLOW_JSON_ARRAY:
        for (i = 0; i < json_array_size(v); ++i) {
            /* an element that is an object is one, even when empty */
            item = json_array_get(v, i);
            if (flow_json_is(item, OBJECT) ||
                !flow_json_is_silent(item, with_leaves)) {
                return 0;
            }
        }
        return 1;
    default:
        return 0;
    }
}
