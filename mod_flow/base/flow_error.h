/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_ERROR_H
#define FLOW_ERROR_H

#include <apr_errno.h>

/**
 * The one way to fail.
 *
 * A function that can fail returns an apr_status_t and explains itself in a
 * flow_error_t that its caller owns (and may omit by passing NULL). Nothing is
 * allocated, so this also works when memory is the problem.
 *
 * "Nothing there" is not an error: such functions return APR_NOTFOUND and
 * leave the flow_error_t alone. An error is logged once, where it stops
 * travelling; a layer that only passes it on may prefix what it alone knows.
 *
 * Text: lower case start, no full stop, names in single quotes, the cause
 * after a colon, the remedy after a semicolon. Never a secret, a payload, a
 * header value or a query string: the text reaches logs and callers.
 */

/** Who has to act on a failure. HTTP status and "retry?" derive from it. */
typedef enum {
    FLOW_E_NONE = 0,
    FLOW_E_INPUT,       /* the caller: bad request, record or payload      */
    FLOW_E_CONFIG,      /* the administrator: a setting must change        */
    FLOW_E_SCRIPT,      /* the script's author: it threw, or broke a limit */
    FLOW_E_REFUSED,     /* the far end answered, and the answer is no      */
    FLOW_E_UNAVAILABLE, /* nobody: trying again later may succeed          */
    FLOW_E_INTERNAL     /* us: a promise inside mod_flow was broken        */
} flow_error_kind_e;

#define FLOW_ERROR_CODE_MAX    64
#define FLOW_ERROR_MESSAGE_MAX 1024

typedef struct flow_error_t {
    flow_error_kind_e kind;
    apr_status_t status;
    char code[FLOW_ERROR_CODE_MAX]; /* "script_timeout": for programs     */
    char message[FLOW_ERROR_MESSAGE_MAX]; /* valid UTF-8: for people       */
} flow_error_t;

#define FLOW_ERROR_INIT                                                        \
    {                                                                          \
        FLOW_E_NONE, APR_SUCCESS, "", ""                                       \
    }

/**
 * Record a failure and return its status, so that a caller can write
 * `return flow_error_set(...)`. @a status must not be APR_SUCCESS (it is then
 * turned into APR_EGENERAL).
 *
 * The first failure wins: a second one, met while cleaning up after the
 * first, leaves @a err alone. Text that does not fit is cut at a character
 * boundary; bytes that are not UTF-8 are replaced by '?'.
 */
apr_status_t flow_error_set(flow_error_t *err, flow_error_kind_e kind,
                            apr_status_t status, const char *code,
                            const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/** Put context in front of the message: "import 'to-erp': <message>".
 * Returns err->status (APR_EGENERAL when @a err is NULL). */
apr_status_t flow_error_prefix(flow_error_t *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/** Forget the error so that the struct can be used again. */
void flow_error_clear(flow_error_t *err);

/** Would the same call, later, perhaps succeed? Only UNAVAILABLE says yes. */
int flow_error_is_retryable(const flow_error_t *err);

/** 400 INPUT, 422 SCRIPT, 502 REFUSED, 503 UNAVAILABLE, else 500; a script
 * stopped by its time limit (code "script_timeout") is 504. */
int flow_error_http_status(const flow_error_t *err);

#endif
