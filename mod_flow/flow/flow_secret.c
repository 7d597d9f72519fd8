/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/flow_secret.h"

#include "data/flow_json.h"
#include "flow/flow_connector.h"
#include "flow/flow_file.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>

#define SECRET_FILE_MAX 65536
#define MASK_MIN        4 /* shorter values would mask half of every text */

static int is_variable_name(const char *name)
{
    const char *s;

    for (s = name; *s; ++s) {
        if (!apr_isalnum(*s) && *s != '_') {
            return 0;
        }
    }
    return s != name && !apr_isdigit(name[0]);
}

static apr_status_t from_env(const char **pvalue, const char *name,
                             apr_pool_t *p, flow_error_t *err)
{
    const char *value;

    if (!is_variable_name(name)) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_EINVAL, "secret",
                              "'env:' must be followed by the name of an "
                              "environment variable, such as env:SHOP_TOKEN");
    }
    value = getenv(name);
    if (!value || !value[0]) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_NOTFOUND, "secret",
                              "environment variable '%s' is %s", name,
                              value ? "empty" : "not set");
    }
    *pvalue = apr_pstrdup(p, value);
    return APR_SUCCESS;
}

static apr_status_t from_file(const char **pvalue, const char *path,
                              apr_pool_t *p, flow_error_t *err)
{
    const char *data;
    apr_size_t len;
    apr_status_t rv;

    rv = flow_file_read(&data, &len, path, SECRET_FILE_MAX, p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (len > 0 && data[len - 1] == '\n') {
        --len;
        len -= len > 0 && data[len - 1] == '\r';
    }
    if (len == 0 || memchr(data, '\0', len)) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_EINVAL, "secret",
                              "file '%s' %s", path,
                              len ? "holds a NUL byte" : "is empty");
    }
    *pvalue = apr_pstrmemdup(p, data, len);
    return APR_SUCCESS;
}

apr_status_t flow_secret_resolve(const char **pvalue, const char *text,
                                 const char *base_dir, apr_pool_t *p,
                                 flow_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;

    *pvalue = text;
    if (strncmp(text, "env:", 4) == 0) {
        rv = from_env(pvalue, text + 4, p, err);
    }
    else if (strncmp(text, "file:", 5) == 0) {
        rv = from_file(pvalue, flow_file_absolute(base_dir, text + 5, p), p,
                       err);
    }
    if (rv == APR_SUCCESS && !flow_utf8_is_valid(*pvalue, strlen(*pvalue))) {
        rv = flow_error_set(err, FLOW_E_CONFIG, APR_EINVAL, "secret",
                            "the value of this secret is not UTF-8");
    }
    return rv;
}

/* ---- masking ---- */

/* The longest secret that stands at @a at, so that one that is the beginning
 * of another does not leave the rest of it readable. */
static apr_size_t secret_at(const char *at, apr_size_t left,
                            const json_t *secrets)
{
    apr_size_t best = 0;
    size_t i;

    for (i = 0; i < json_array_size(secrets); ++i) {
        apr_size_t len = 0;
        const char *s = flow_json_string(json_array_get(secrets, i), &len);

        if (s && len >= MASK_MIN && len > best && len <= left &&
            memcmp(at, s, len) == 0) {
            best = len;
        }
    }
    return best;
}

char *flow_secret_mask_cut(const char *text, apr_size_t len, apr_size_t max,
                           const json_t *secrets, apr_size_t *pout,
                           apr_pool_t *p)
{
    static const char stars[] = "******";
    const char *s = text, *end = text + len;
    /* A replacement is at most half as long again: 6 for 4. */
    apr_size_t room = len + len / 2 + sizeof(stars), n = 0;
    char *out;

    room = room > max + sizeof(stars) ? max + sizeof(stars) : room;
    out = apr_palloc(p, room + 1);
    while (s < end && n < max) {
        apr_size_t found = secret_at(s, (apr_size_t)(end - s), secrets);

        if (found) {
            memcpy(out + n, stars, sizeof(stars) - 1);
            n += sizeof(stars) - 1;
            s += found;
        }
        else {
            out[n++] = *s++;
        }
    }
    n = n > max ? max : n;
    out[n] = '\0';
    *pout = n;
    return out;
}

const char *flow_secret_mask(const char *text, const json_t *secrets,
                             apr_pool_t *p)
{
    apr_size_t len = strlen(text), n;
    const char *s;

    for (s = text; *s && json_array_size(secrets) > 0; ++s) {
        if (secret_at(s, len - (apr_size_t)(s - text), secrets)) {
            return flow_secret_mask_cut(text, len, 2 * len + 16, secrets, &n,
                                        p);
        }
    }
    return text;
}
