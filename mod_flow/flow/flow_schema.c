/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/flow_schema_private.h"

#include "data/flow_nearest.h"
#include "flow/flow_connector.h"
#include "flow/flow_webhook.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include <string.h>

/* ---- the tables ---- */

static const flow_field_t *rows_of(const flow_connector_t *connector,
                                   flow_kind_e kind)
{
    switch (kind) {
    case FLOW_KIND_CONNECTION:
        return connector->connection_fields;
    case FLOW_KIND_EXPORT:
        return connector->export_fields;
    case FLOW_KIND_IMPORT:
        return connector->import_fields;
    default:
        return NULL;
    }
}

int flow_schema_table(flow_kind_e kind, const char *connector, int i,
                      const flow_field_t **ptable)
{
    static const flow_field_t none[] = { { NULL } };
    const flow_connector_t *other;
    const flow_field_t *rows = NULL;

    *ptable = none;
    if (i == 0) {
        rows = flow_schema_fields(kind);
    }
    else if (i == 1) {
        rows = kind == FLOW_KIND_EXPORT ? flow_webhook_fields : NULL;
    }
    else if (i == 2) {
        rows = flow_schema_kept(kind);
    }
    else {
        other = flow_connector_at(i - FLOW_SCHEMA_OWN);
        if (!other) {
            return 0;
        }
        if (!connector || strcmp(connector, other->name) == 0) {
            rows = rows_of(other, kind);
        }
    }
    if (rows) {
        *ptable = rows;
    }
    return 1;
}

const char *flow_schema_member_name(const char *pattern, const char *path)
{
    apr_size_t len = strlen(pattern);
    const char *name = path;

    if (len > 0) {
        if (strncmp(path, pattern, len) != 0 || path[len] != '.') {
            return NULL;
        }
        name = path + len + 1;
    }
    return strpbrk(name, ".[") ? NULL : name;
}

static const flow_field_t *find_pattern(flow_kind_e kind, const char *connector,
                                        const char *pattern)
{
    const flow_field_t *row;
    int i;

    for (i = 0; flow_schema_table(kind, connector, i, &row); ++i) {
        for (; row->path; ++row) {
            if (strcmp(row->path, pattern) == 0) {
                return row;
            }
        }
    }
    return NULL;
}

const flow_field_t *flow_schema_member(flow_kind_e kind, const char *connector,
                                       const char *pattern, const char *key)
{
    const flow_field_t *row;
    const char *name;
    int i;

    for (i = 0; flow_schema_table(kind, connector, i, &row); ++i) {
        for (; row->path; ++row) {
            name = flow_schema_member_name(pattern, row->path);
            if (name && strcmp(name, key) == 0) {
                return row;
            }
        }
    }
    return NULL;
}

/* ---- concrete paths ---- */

#define PATH_MAX_LEN 512

/* "a[3].b" -> "a[].b"; 0 when it is no path of ours. */
static int to_pattern(const char *path, char out[PATH_MAX_LEN])
{
    apr_size_t n = 0;
    const char *s = path;

    while (*s) {
        if (n + 3 > PATH_MAX_LEN) {
            return 0;
        }
        out[n++] = *s;
        if (*s++ != '[') {
            continue;
        }
        while (apr_isdigit(*s)) {
            ++s;
        }
        if (*s++ != ']') {
            return 0;
        }
        out[n++] = ']';
    }
    out[n] = '\0';
    return n > 0;
}

static int takes_all_below(const flow_field_t *row)
{
    return row->type == FLOW_FIELD_ANY ||
           (row->flags & (FLOW_FIELD_READONLY | FLOW_FIELD_LATER));
}

/* Cut the last step: "a[].b" -> "a[]" -> "a"; 0 when nothing is left. */
static int cut_step(char *pattern)
{
    apr_size_t n = strlen(pattern);
    char *dot = strrchr(pattern, '.');

    if (n > 2 && strcmp(pattern + n - 2, "[]") == 0) {
        pattern[n - 2] = '\0';
        return 1;
    }
    if (!dot) {
        return 0;
    }
    *dot = '\0';
    return 1;
}

const flow_field_t *flow_schema_find(flow_kind_e kind, const char *connector,
                                     const char *path)
{
    char pattern[PATH_MAX_LEN];
    const flow_field_t *row;

    if (!to_pattern(path, pattern)) {
        return NULL;
    }
    row = find_pattern(kind, connector, pattern);
    while (!row && cut_step(pattern)) {
        row = find_pattern(kind, connector, pattern);
        if (row) {
            return takes_all_below(row) ? row : NULL;
        }
    }
    return row;
}

/* ---- the nearest known name ---- */

#define NEAR_MAX 256

static const char *nearest_member(flow_kind_e kind, const char *pattern,
                                  const char *name)
{
    const char *known[NEAR_MAX];
    const flow_field_t *row;
    apr_size_t n = 0;
    int i;

    for (i = 0; flow_schema_table(kind, NULL, i, &row); ++i) {
        for (; i != 2 && row->path && n < NEAR_MAX; ++row) {
            known[n] = flow_schema_member_name(pattern, row->path);
            n += known[n] != NULL;
        }
    }
    return flow_nearest(name, known, n);
}

/* The name is right but stands in the wrong object. */
static const char *same_name_elsewhere(flow_kind_e kind, const char *name)
{
    const flow_field_t *row;
    const char *dot;
    int i;

    for (i = 0; flow_schema_table(kind, NULL, i, &row); ++i) {
        for (; row->path; ++row) {
            dot = strrchr(row->path, '.');
            if (dot && strcasecmp(dot + 1, name) == 0 &&
                !(row->flags & (FLOW_FIELD_LATER | FLOW_FIELD_READONLY))) {
                return row->path;
            }
        }
    }
    return NULL;
}

/* Correct step after step as long as each has a near name. */
static const char *correct(flow_kind_e kind, const char *pattern, apr_pool_t *p)
{
    const char *good = "", *step = pattern;

    while (*step) {
        apr_size_t len = strcspn(step, ".[");
        const char *name = apr_pstrmemdup(p, step, len);
        const flow_field_t *row = flow_schema_member(kind, NULL, good, name);
        const char *near = row ? name : nearest_member(kind, good, name);

        if (!near) {
            return good[0] ? NULL : same_name_elsewhere(kind, name);
        }
        good = apr_pstrcat(p, good, good[0] ? "." : "", near, NULL);
        step += len;
        if (strncmp(step, "[]", 2) == 0) {
            good = apr_pstrcat(p, good, "[]", NULL);
            step += 2;
        }
        step += *step == '.';
    }
    return good;
}

const char *flow_schema_nearest(flow_kind_e kind, const char *path,
                                apr_pool_t *p)
{
    char pattern[PATH_MAX_LEN];
    const char *near, *last;

    if (!to_pattern(path, pattern)) {
        return NULL;
    }
    near = correct(kind, pattern, p);
    if (!near) {
        last = strrchr(pattern, '.');
        near = last ? same_name_elsewhere(kind, last + 1) : NULL;
    }
    return near && strcmp(near, pattern) != 0 ? near : NULL;
}

const char *flow_schema_unknown(flow_kind_e kind, const char *path,
                                const char **pnearest, apr_pool_t *p)
{
    const char *near = flow_schema_nearest(kind, path, p);

    if (pnearest) {
        *pnearest = near;
    }
    if (near) {
        return apr_psprintf(p, "unknown field '%s'; did you mean '%s'?",
                            flow_printable(path, p), near);
    }
    return apr_psprintf(p, "unknown field '%s'", flow_printable(path, p));
}

const char *flow_printable(const char *text, apr_pool_t *p)
{
    apr_size_t len = strlen(text), i;
    char *out;

    /* Never cut inside of a UTF-8 sequence. */
    if (len > 80) {
        len = 80;
        while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80) {
            --len;
        }
    }
    out = apr_pstrmemdup(p, text, len);
    for (i = 0; i < len; ++i) {
        if ((unsigned char)out[i] < 0x20 || out[i] == 0x7F) {
            out[i] = '?';
        }
    }
    return out;
}
