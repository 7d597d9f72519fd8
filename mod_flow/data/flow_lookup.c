/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_lookup.h"

#include "data/flow_json.h"
#include "data/flow_nearest.h"
#include "data/flow_value.h"

#include <apr_strings.h>
#include <string.h>

#define LOOKUPS_MAX 1000

/* --- compiling ------------------------------------------------------------ */

static apr_status_t bad(flow_notes_t *notes, const char *where,
                        const char *what)
{
    return flow_error_set(&notes->now, FLOW_E_CONFIG, APR_EINVAL, "lookup",
                          "%s: %s", where, what);
}

static const json_t *member(const json_t *doc, const char *key)
{
    const json_t *v = json_object_get(doc, key);

    return v && !flow_json_is(v, NULL) ? v : NULL;
}

static json_t *keep(const json_t *v, apr_pool_t *p)
{
    return v ? flow_json_own(p, json_incref((json_t *)v)) : NULL;
}

static apr_status_t compile_cache(flow_lookup_t *lookup, const json_t *doc,
                                  const char *where, flow_notes_t *notes,
                                  apr_pool_t *p)
{
    const char *id = flow_json_member(doc, "_lookupCacheId");
    const char *extract = flow_json_member(doc, "extract");
    flow_path_t *path;

    lookup->kind = FLOW_LOOKUP_CACHE;
    if (!id || !*id)
        return bad(notes, where, "'_lookupCacheId' must be the id of a cache");
    lookup->cache = apr_pstrdup(p, id);
    if (!extract || !*extract)
        return APR_SUCCESS;
    if (flow_path_compile(&path, extract, p, &notes->now) != APR_SUCCESS)
        return flow_error_prefix(&notes->now, "%s: extract", where);
    lookup->extract = path;
    return APR_SUCCESS;
}

/* Which of two is meant? */
static const flow_lookup_t *of_same_name(const flow_lookups_t *lookups)
{
    const flow_lookup_t *last = &lookups->all[lookups->n];

    return last->name ? flow_lookups_find(lookups, last->name) : NULL;
}

static apr_status_t compile_one(flow_lookup_t *lookup, const json_t *doc,
                                const char *where, flow_notes_t *notes,
                                apr_pool_t *p)
{
    const char *name = flow_json_member(doc, "name");
    const json_t *map = member(doc, "map");

    if (!flow_json_is(doc, OBJECT))
        return bad(notes, where, "must be an object");
    if (!name || !*name)
        return bad(notes, where, "'name' is missing");
    where = apr_psprintf(p, "%s '%.64s'", where, name);
    lookup->name = apr_pstrdup(p, name);
    lookup->may_miss = flow_json_member_bool(doc, "allowFailures") == 1;
    lookup->fallback = keep(member(doc, "default"), p);
    if (map && !flow_json_is(map, OBJECT)) {
        return bad(notes, where,
                   "'map' must be an object of keys and values, such as "
                   "{\"DE\": \"Germany\"}");
    }
    if (map) {
        lookup->map = keep(map, p);
        return APR_SUCCESS;
    }
    if (member(doc, "_lookupCacheId"))
        return compile_cache(lookup, doc, where, notes, p);
    if (member(doc, "relativeURI") || member(doc, "method") ||
        member(doc, "query") || member(doc, "recordType")) {
        lookup->kind = FLOW_LOOKUP_REQUEST;
        return APR_SUCCESS;
    }
    return bad(notes, where,
               "needs 'map' (a table), '_lookupCacheId' (a cache) or "
               "'relativeURI' (a request)");
}

void flow_lookups_compile(flow_lookups_t **plookups, const json_t *list,
                          const char *where, flow_notes_t *notes, apr_pool_t *p)
{
    flow_lookups_t *lookups = apr_pcalloc(p, sizeof(*lookups));
    apr_size_t n = json_array_size(list), i;
    flow_lookup_t *all;

    *plookups = lookups;
    if ((list && !flow_json_is(list, NULL) && !flow_json_is(list, ARRAY)) ||
        n > LOOKUPS_MAX) {
        flow_notes_take(notes, bad(notes, where,
                                   n ? "has more than " APR_STRINGIFY(
                                           LOOKUPS_MAX) " elements"
                                     : "must be an array of lookups"));
        return;
    }
    lookups->all = all = apr_pcalloc(p, (n + 1) * sizeof(*all));
    for (i = 0; i < n; ++i) {
        flow_lookup_t *lookup = &all[lookups->n];

        if (flow_json_is(json_array_get(list, i), NULL))
            continue; /* what was wrong there has been told */
        lookup->index = (int)i;
        if (flow_notes_take(
                notes, compile_one(
                           lookup, json_array_get(list, i),
                           apr_psprintf(p, "%s[%" APR_SIZE_T_FMT "]", where, i),
                           notes, p)) == APR_SUCCESS ||
            lookup->name) {
            /* One that is wrong is told once, not by every field with it. */
            const flow_lookup_t *other = of_same_name(lookups);

            if (other) {
                flow_notes_take(
                    notes,
                    bad(notes,
                        apr_psprintf(p, "%s[%" APR_SIZE_T_FMT "] '%.64s'",
                                     where, i, lookup->name),
                        apr_psprintf(p,
                                     "lookup %d has the same name; give each "
                                     "its own",
                                     other->index)));
                continue;
            }
            ++lookups->n;
        }
    }
}

const flow_lookup_t *flow_lookups_find(const flow_lookups_t *lookups,
                                       const char *name)
{
    int i;

    for (i = 0; lookups && i < lookups->n; ++i) {
        if (strcmp(lookups->all[i].name, name) == 0)
            return &lookups->all[i];
    }
    return NULL;
}

const char *flow_lookups_unknown(const flow_lookups_t *lookups,
                                 const char *name, apr_pool_t *p)
{
    int n = lookups ? lookups->n : 0, i;
    const char **names = apr_palloc(p, (apr_size_t)(n + 1) * sizeof(names[0]));
    const char *near;

    for (i = 0; i < n; ++i)
        names[i] = lookups->all[i].name;
    near = flow_nearest(name, names, (apr_size_t)n);
    return apr_psprintf(p,
                        near ? "unknown lookup '%.64s'; did you mean '%s'"
                             : "unknown lookup '%.64s'",
                        name, near);
}

/* --- looking up ----------------------------------------------------------- */

static apr_status_t unavailable(const flow_lookup_t *lookup, flow_error_t *err)
{
    return flow_error_set(
        err, FLOW_E_INPUT, APR_ENOTIMPL, "lookup_unavailable",
        "lookup '%s' needs a %s, which is not there here", lookup->name,
        lookup->kind == FLOW_LOOKUP_CACHE ? "lookup cache" : "far end");
}

/* A cache's entry is a text, which is JSON more often than not. */
static json_t *entry_value(const flow_lookup_t *lookup, json_t *entry)
{
    json_t *v = NULL, *found;
    apr_size_t len;
    const char *text = flow_json_string(entry, &len);

    if (text && flow_json_parse(&v, text, len, NULL) == APR_SUCCESS) {
        json_decref(entry);
        entry = v;
    }
    if (!lookup->extract)
        return entry;
    found = flow_path_get(lookup->extract, entry);
    json_decref(entry);
    return found;
}

static apr_status_t find_cached(const flow_lookup_t *lookup,
                                const flow_lookup_env_t *env, const char *key,
                                apr_size_t len, json_t **pvalue,
                                apr_pool_t *scratch, flow_error_t *err)
{
    json_t *entry = NULL;
    apr_status_t rv;

    if (!env || !env->cached)
        return unavailable(lookup, err);
    rv = env->cached(env->baton, lookup->cache, key, len, &entry, scratch, err);
    if (rv != APR_SUCCESS)
        return flow_error_prefix(err, "lookup '%s'", lookup->name);
    if (entry)
        *pvalue = entry_value(lookup, entry);
    return APR_SUCCESS;
}

apr_status_t flow_lookup_find(const flow_lookup_t *lookup,
                              const flow_lookup_env_t *env, const json_t *key,
                              const json_t *record, json_t **pvalue,
                              apr_pool_t *scratch, flow_error_t *err)
{
    const char *text;
    apr_size_t len;

    *pvalue = NULL;
    if (lookup->kind == FLOW_LOOKUP_REQUEST) {
        if (!env || !env->request)
            return unavailable(lookup, err);
        return env->request(env->baton, lookup, record, pvalue, scratch, err);
    }
    if (!key)
        return APR_SUCCESS;
    text = flow_json_to_text(key, &len, scratch);
    if (!text)
        return APR_SUCCESS;
    if (lookup->kind == FLOW_LOOKUP_CACHE)
        return find_cached(lookup, env, text, len, pvalue, scratch, err);
    *pvalue = json_incref(json_object_getn(lookup->map, text, len));
    return APR_SUCCESS;
}

apr_status_t flow_lookup_value(const flow_lookup_t *lookup,
                               const flow_lookup_env_t *env, const json_t *key,
                               const json_t *record, json_t **pvalue,
                               apr_pool_t *scratch, flow_error_t *err)
{
    apr_status_t rv =
        flow_lookup_find(lookup, env, key, record, pvalue, scratch, err);

    if (rv != APR_SUCCESS || *pvalue)
        return rv;
    if (!lookup->may_miss) {
        return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "lookup_failed",
                              lookup->kind == FLOW_LOOKUP_REQUEST
                                  ? "lookup '%s' has found nothing"
                                  : "lookup '%s' has no entry for the value",
                              lookup->name);
    }
    *pvalue = json_incref(lookup->fallback);
    return APR_SUCCESS;
}

apr_status_t flow_lookup_for_template(void *baton, const char *name,
                                      const json_t *key, const json_t **pvalue,
                                      flow_error_t *err)
{
    const flow_lookup_template_t *t = baton;
    const flow_lookup_t *lookup = flow_lookups_find(t->lookups, name);
    json_t *found = NULL;
    apr_status_t rv;

    if (!lookup) {
        return flow_error_set(
            err, FLOW_E_INPUT, APR_EINVAL, "lookup_unknown", "%s",
            flow_lookups_unknown(t->lookups, name, t->scratch));
    }
    rv = flow_lookup_value(lookup, t->env, key, t->record, &found, t->scratch,
                           err);
    if (rv != APR_SUCCESS || !found)
        return rv;
    *pvalue = found;
    if (lookup->kind == FLOW_LOOKUP_TABLE)
        json_decref(found); /* the table holds it */
    else
        flow_json_own(t->scratch, found);
    return APR_SUCCESS;
}
