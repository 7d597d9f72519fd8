/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_AWS4_H
#define FLOW_AWS4_H

#include <apr_pools.h>

#include "base/flow_error.h"
#include "data/flow_tree.h"

/**
 * AWS Signature Version 4: the value of an Authorization header. Any thread.
 */
typedef struct flow_aws4_t {
    const char *method;
    const char *url;       /* absolute, as it will be sent */
    const json_t *headers; /* all but Authorization; with X-Amz-Date */
    const char *body;
    apr_size_t body_len;
    const char *access_key;
    const char *secret_key;
    const char *token;   /* "" or NULL: none */
    const char *region;  /* "" or NULL: from the host's name */
    const char *service; /* the same */
} flow_aws4_t;

/**
 * Every header is signed that does not change on the way, and Host. The body's
 * digest is that of the header X-Amz-Content-Sha256 if there is one
 * ("UNSIGNED-PAYLOAD" too), else it is computed. For every service but s3 the
 * path is normalised, and encoded once more. FLOW_E_CONFIG "aws4" says what is
 * missing.
 */
apr_status_t flow_aws4_sign(const flow_aws4_t *request, const char **pvalue,
                            apr_pool_t *p, flow_error_t *err);

#endif
