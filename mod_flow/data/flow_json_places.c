/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_json.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "data/flow_json_private.h"

/* Places are for configuration; a document full of data must not fill the
 * pool with them. */
#define PLACES_MAX 100000

struct flow_json_places_t {
    apr_pool_t *p;
    apr_hash_t *lines; /* path -> int */
};

flow_json_places_t *flow_json_places_create(apr_pool_t *p)
{
    flow_json_places_t *places = apr_palloc(p, sizeof(*places));

    places->p = p;
    places->lines = apr_hash_make(p);
    return places;
}

int flow_json_places_line(const flow_json_places_t *places, const char *path)
{
    apr_size_t len = strlen(path);

    for (;;) {
        const int *line = apr_hash_get(places->lines, path, (apr_ssize_t)len);

        if (line) {
            return *line;
        }
        while (len > 0 && path[len - 1] != '.' && path[len - 1] != '[') {
            --len;
        }
        if (len == 0) {
            break;
        }
        --len;
    }
    return 1;
}

void flow_json_places_note(flow_json_places_t *places, const char *path,
                           apr_size_t len, int line)
{
    int *pline = apr_hash_get(places->lines, path, (apr_ssize_t)len);

    if (!pline) {
        if (apr_hash_count(places->lines) >= PLACES_MAX) {
            return;
        }
        pline = apr_palloc(places->p, sizeof(*pline));
        apr_hash_set(places->lines, apr_pstrmemdup(places->p, path, len),
                     (apr_ssize_t)len, pline);
    }
    *pline = line;
}
