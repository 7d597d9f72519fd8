/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_SEAL_H
#define FLOW_SEAL_H

#include <apr_pools.h>

#include "base/flow_error.h"

/**
 * Texts encrypted at rest: AES-256-GCM with a key from a file.
 *
 * The file holds one key per line, 64 hexadecimal digits; empty lines and those
 * that begin with # do not count. The first key seals, all of them open, so a
 * key is replaced by putting a new one before it, and dropped when nothing is
 * sealed with it any more. A sealed text names its key:
 *
 *     1.KEYID.BASE64(nonce, ciphertext, tag)
 *
 * KEYID is eight digits of the key's digest. Nonces are random. What the text
 * is for goes into the tag, so that one cannot be put in the place of another.
 * Read once; immutable; any thread.
 */
typedef struct flow_seal_t flow_seal_t;

#define FLOW_SEAL_KEYS_MAX 16

/**
 * Read the key file; with @a create one with a new key is made first when there
 * is none (mode 0600, owner @a uid and @a gid unless -1), and whoever comes
 * second finds the first one's. FLOW_E_CONFIG "key_file" when it cannot be read,
 * others may read it, or a line is no key; the message names file and line.
 */
apr_status_t flow_seal_open_file(flow_seal_t **pseal, const char *path,
                                 int create, int uid, int gid, apr_pool_t *p,
                                 flow_error_t *err);

/** The id of the key that seals. */
const char *flow_seal_key_id(const flow_seal_t *seal);

/** @a purpose: what the text is and whose, such as "credential c1". */
apr_status_t flow_seal(const flow_seal_t *seal, const char *purpose,
                       const char *text, char **psealed, apr_pool_t *p,
                       flow_error_t *err);
/** FLOW_E_CONFIG "seal_key": it was sealed with a key that the file does not
 * have; "seal_broken": it was changed, or is not for this purpose. */
apr_status_t flow_unseal(const flow_seal_t *seal, const char *purpose,
                         const char *sealed, char **ptext, apr_pool_t *p,
                         flow_error_t *err);

#endif
