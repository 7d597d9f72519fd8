/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_CLASSIFY_H
#define FLOW_CLASSIFY_H

/**
 * The class of an error, for those who sort, retry and report: connection,
 * authentication, rate_limit, governance, intermittent, value, missing,
 * duplicate, too_large, parse; NULL when unsure. Decided by the code (an HTTP
 * status, or one of ours), then by what the far end's words give away.
 */
#define FLOW_CLASS_INTERMITTENT "intermittent"

const char *flow_error_class(const char *code, const char *message,
                             const char *source);

#endif
