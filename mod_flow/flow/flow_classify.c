/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/flow_classify.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <apr_lib.h>

/* clang-format off */
#define CONNECTION     "connection"
#define AUTHENTICATION "authentication"
#define RATE_LIMIT     "rate_limit"
#define GOVERNANCE     "governance"
#define INTERMITTENT   FLOW_CLASS_INTERMITTENT
#define VALUE          "value"
#define MISSING        "missing"
#define DUPLICATE      "duplicate"
#define TOO_LARGE      "too_large"
#define PARSE          "parse"

typedef struct rule_t {
    const char *what, *class;
} rule_t;

/* Codes of ours, whole. */
static const rule_t codes[] = {
    { "connect_failed",    CONNECTION },
    { "tls_failed",        CONNECTION },
    { "egress_refused",    CONNECTION },
    { "url_invalid",       CONNECTION },
    { "auth_failed",       AUTHENTICATION },
    { "connection_busy",   INTERMITTENT },
    { "connection_lost",   INTERMITTENT },
    { "timeout",           INTERMITTENT },
    { "record_locked",     INTERMITTENT },
    { "too_large",         TOO_LARGE },
    { "body_too_large",    TOO_LARGE },
    { "response_too_large", TOO_LARGE },
    { "response_invalid",  PARSE },
    { "invalid_body",      PARSE },
    { "lookup_failed",     MISSING },
    { "one_to_many",       VALUE },
};

/* In the far end's words, in lower case; the first that is found. */
static const rule_t words[] = {
    { "governance",         GOVERNANCE },
    { "usage limit",        GOVERNANCE },
    { "usage_limit",        GOVERNANCE },
    { "quota",              GOVERNANCE },
    { "rate limit",         RATE_LIMIT },
    { "rate_limit",         RATE_LIMIT },
    { "too many requests",  RATE_LIMIT },
    { "throttl",            RATE_LIMIT },
    { "duplicate",          DUPLICATE },
    { "already exists",     DUPLICATE },
    { "already been taken", DUPLICATE },
    { "must be unique",     DUPLICATE },
    { "unique constraint",  DUPLICATE },
    { "unauthorized",       AUTHENTICATION },
    { "invalid credential", AUTHENTICATION },
    { "invalid token",      AUTHENTICATION },
    { "expired token",      AUTHENTICATION },
    { "not found",          MISSING },
    { "does not exist",     MISSING },
    { "is required",        MISSING },
    { "is missing",         MISSING },
    { "can't be blank",     MISSING },
    { "too large",          TOO_LARGE },
    { "too long",           TOO_LARGE },
    { "unexpected token",   PARSE },
    { "cannot be parsed",   PARSE },
    { "malformed",          PARSE },
    { "temporarily",        INTERMITTENT },
    { "try again",          INTERMITTENT },
    { "timed out",          INTERMITTENT },
    { "deadlock",           INTERMITTENT },
    { "invalid",            VALUE },
    { "must be",            VALUE },
    { "not valid",          VALUE },
};

static const struct {
    int status;
    const char *class; /* NULL: the words decide, else `otherwise` */
    const char *otherwise;
} statuses[] = {
    { 400, NULL,           VALUE },
    { 401, AUTHENTICATION, NULL },
    { 403, NULL,           AUTHENTICATION },
    { 404, MISSING,        NULL },
    { 408, INTERMITTENT,   NULL },
    { 409, NULL,           DUPLICATE },
    { 410, MISSING,        NULL },
    { 413, TOO_LARGE,      NULL },
    { 414, TOO_LARGE,      NULL },
    { 422, NULL,           VALUE },
    { 425, INTERMITTENT,   NULL },
    { 429, RATE_LIMIT,     NULL },
    { 500, NULL,           INTERMITTENT },
    { 502, INTERMITTENT,   NULL },
    { 503, INTERMITTENT,   NULL },
    { 504, INTERMITTENT,   NULL },
};
/* clang-format on */

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *by_words(const char *text)
{
    size_t i;

    for (i = 0; text && i < COUNT(words); ++i) {
        if (strcasestr(text, words[i].what)) {
            return words[i].class;
        }
    }
    return NULL;
}

static const char *by_status(const char *code, const char *message)
{
    long status = strtol(code, NULL, 10);
    size_t i;

    for (i = 0; i < COUNT(statuses); ++i) {
        if (statuses[i].status == status) {
            const char *class = statuses[i].class;

            class = class ? class : by_words(message);
            return class ? class : statuses[i].otherwise;
        }
    }
    return by_words(message);
}

const char *flow_error_class(const char *code, const char *message,
                             const char *source)
{
    const char *class;
    size_t i;

    if (code && strlen(code) == 3 && apr_isdigit(code[0])) {
        return by_status(code, message);
    }
    for (i = 0; code && i < COUNT(codes); ++i) {
        if (strcmp(code, codes[i].what) == 0) {
            return codes[i].class;
        }
    }
    class = by_words(code);
    class = class ? class : by_words(message);
    if (!class && source &&
        (strcmp(source, "mapping") == 0 ||
         strcmp(source, "transformation") == 0)) {
        class = VALUE;
    }
    return class;
}
