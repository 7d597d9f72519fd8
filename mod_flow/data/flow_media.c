/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_text.h"

#include <string.h>

#include <apr_lib.h>

/* clang-format off */
static const struct {
    flow_media_e media;
    const char *name;
    const char *type;
} medias[] = {
    { FLOW_MEDIA_JSON,       "json",       "application/json" },
    { FLOW_MEDIA_XML,        "xml",        "application/xml" },
    { FLOW_MEDIA_CSV,        "csv",        "text/csv" },
    { FLOW_MEDIA_URLENCODED, "urlencoded", "application/x-www-form-urlencoded" },
    { FLOW_MEDIA_FORM_DATA,  "form-data",  "multipart/form-data" },
    { FLOW_MEDIA_PLAINTEXT,  "plaintext",  "text/plain" },
    /* further spellings; the first of a kind is the one that is sent */
    { FLOW_MEDIA_JSON,       NULL,         "text/json" },
    { FLOW_MEDIA_XML,        NULL,         "text/xml" },
};
/* clang-format on */

#define MEDIAS (sizeof(medias) / sizeof(medias[0]))

static int equals(const char *s, apr_size_t len, const char *word)
{
    apr_size_t i;

    if (strlen(word) != len) {
        return 0;
    }
    for (i = 0; i < len; ++i) {
        if (apr_tolower(s[i]) != word[i]) {
            return 0;
        }
    }
    return 1;
}

static int ends_with(const char *s, apr_size_t len, const char *suffix)
{
    apr_size_t n = strlen(suffix);

    return len > n && equals(s + len - n, n, suffix);
}

flow_media_e flow_media_from_type(const char *content_type)
{
    apr_size_t len, i;

    if (!content_type) {
        return FLOW_MEDIA_UNKNOWN;
    }
    content_type += strspn(content_type, " \t");
    len = strcspn(content_type, "; \t,");
    for (i = 0; i < MEDIAS; ++i) {
        if (equals(content_type, len, medias[i].type)) {
            return medias[i].media;
        }
    }
    if (ends_with(content_type, len, "+json")) {
        return FLOW_MEDIA_JSON;
    }
    if (ends_with(content_type, len, "+xml")) {
        return FLOW_MEDIA_XML;
    }
    if (len > 5 && equals(content_type, 5, "text/")) {
        return FLOW_MEDIA_PLAINTEXT;
    }
    return FLOW_MEDIA_UNKNOWN;
}

flow_media_e flow_media_from_name(const char *name)
{
    apr_size_t i;

    for (i = 0; name && i < MEDIAS; ++i) {
        if (medias[i].name && strcmp(name, medias[i].name) == 0) {
            return medias[i].media;
        }
    }
    return FLOW_MEDIA_UNKNOWN;
}

const char *flow_media_type(flow_media_e media)
{
    apr_size_t i;

    for (i = 0; i < MEDIAS; ++i) {
        if (medias[i].media == media) {
            return medias[i].type;
        }
    }
    return "application/octet-stream";
}
