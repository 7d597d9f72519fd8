/* SPDX-License-Identifier: Apache-2.0 */
#include "base/flow_seal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/flow_sign.h"

#define KEY_BYTES   32
#define NONCE_BYTES 12
#define TAG_BYTES   16
#define ID_LEN      8
#define FILE_MAX    8192
#define VERSION     "1."

typedef struct seal_key_t {
    unsigned char key[KEY_BYTES];
    char id[ID_LEN + 1];
} seal_key_t;

struct flow_seal_t {
    seal_key_t keys[FLOW_SEAL_KEYS_MAX];
    int n;
};

static apr_status_t seal_cleanup(void *data)
{
    OPENSSL_cleanse(data, sizeof(flow_seal_t));
    return APR_SUCCESS;
}

/* ---- the key file ---- */

static apr_status_t bad_file(const char *path, const char *why, apr_status_t rv,
                             flow_error_t *err)
{
    char text[128];

    return flow_error_set(
        err, FLOW_E_CONFIG, rv, "key_file", "key file '%s' %s%s%s", path, why,
        rv == APR_SUCCESS ? "" : ": ",
        rv == APR_SUCCESS ? "" : apr_strerror(rv, text, sizeof(text)));
}

static int is_hex(const char *s)
{
    int i;

    for (i = 0; i < 2 * KEY_BYTES; ++i) {
        if (!apr_isxdigit(s[i])) {
            return 0;
        }
    }
    return 1;
}

static unsigned char nibble(char c)
{
    return (unsigned char)(apr_isdigit(c) ? c - '0'
                                          : apr_tolower(c) - 'a' + 10);
}

static void add_key(flow_seal_t *seal, const char *hex, apr_pool_t *p)
{
    static const char label[] = "mod_flow key id";
    seal_key_t *key = &seal->keys[seal->n++];
    unsigned char raw[FLOW_DIGEST_MAX];
    apr_size_t len = 0;
    int i;

    for (i = 0; i < KEY_BYTES; ++i) {
        key->key[i] =
            (unsigned char)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
    }
    /* An HMAC tells nothing about its key. */
    if (flow_hmac(FLOW_DIGEST_SHA256, key->key, KEY_BYTES, label,
                  sizeof(label) - 1, raw, &len) == APR_SUCCESS) {
        apr_cpystrn(key->id, flow_hex(raw, ID_LEN / 2, p), sizeof(key->id));
    }
}

static apr_status_t read_keys(flow_seal_t *seal, const char *path, char *text,
                              apr_pool_t *p, flow_error_t *err)
{
    char *line, *next;
    int number = 0;

    for (line = text; line; line = next) {
        next = strchr(line, '\n');
        if (next) {
            *next++ = '\0';
        }
        ++number;
        line += strspn(line, " \t\r");
        if (!*line || *line == '#') {
            continue;
        }
        if (strspn(line, "0123456789abcdefABCDEF") != 2 * KEY_BYTES ||
            !is_hex(line) ||
            line[2 * KEY_BYTES + strspn(line + 2 * KEY_BYTES, " \t\r")]) {
            return bad_file(path,
                            apr_psprintf(p,
                                         "line %d is no key; a key is 64 "
                                         "hexadecimal digits",
                                         number),
                            APR_SUCCESS, err);
        }
        if (seal->n == FLOW_SEAL_KEYS_MAX) {
            return bad_file(path, "has more than 16 keys", APR_SUCCESS, err);
        }
        add_key(seal, line, p);
    }
    return seal->n ? APR_SUCCESS
                   : bad_file(path, "has no key in it", APR_SUCCESS, err);
}

static apr_status_t check_file(int fd, const char *path, flow_error_t *err)
{
    struct stat info;

    if (fstat(fd, &info) != 0) {
        return bad_file(path, "cannot be looked at", errno, err);
    }
    if (!S_ISREG(info.st_mode)) {
        return bad_file(path, "is no file", APR_SUCCESS, err);
    }
    if (info.st_mode & S_IRWXO) {
        return bad_file(path, "may be used by everybody; chmod 600 it",
                        APR_SUCCESS, err);
    }
    if (info.st_size > FILE_MAX) {
        return bad_file(path, "is too large to be one", APR_SUCCESS, err);
    }
    return APR_SUCCESS;
}

static apr_status_t read_file(flow_seal_t *seal, const char *path,
                              apr_pool_t *p, flow_error_t *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char text[FILE_MAX + 1];
    apr_status_t rv;
    ssize_t n = 0;
    size_t len = 0;

    if (fd < 0) {
        return bad_file(path, "cannot be opened", errno, err);
    }
    rv = check_file(fd, path, err);
    while (rv == APR_SUCCESS && len < FILE_MAX &&
           (n = read(fd, text + len, FILE_MAX - len)) > 0) {
        len += (size_t)n;
    }
    if (rv == APR_SUCCESS && n < 0) {
        rv = bad_file(path, "cannot be read", errno, err);
    }
    close(fd);
    text[len] = '\0';
    if (rv == APR_SUCCESS) {
        rv = read_keys(seal, path, text, p, err);
    }
    OPENSSL_cleanse(text, sizeof(text));
    return rv;
}

static int write_all(int fd, const char *text)
{
    size_t len = strlen(text);

    return write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;
}

/* Under another name first: nobody ever sees half a file, and of two that start
 * at the same time the second one's link fails. */
static apr_status_t make_file(const char *path, int uid, int gid, apr_pool_t *p,
                              flow_error_t *err)
{
    const char *temp = apr_pstrcat(p, path, ".XXXXXX", NULL);
    unsigned char key[KEY_BYTES];
    const char *text;
    apr_status_t rv = APR_SUCCESS;
    int fd, ok;

    if (flow_random(key, sizeof(key)) != APR_SUCCESS) {
        return bad_file(path, "cannot be made: no random bytes", APR_SUCCESS,
                        err);
    }
    fd = mkstemp((char *)temp); /* mode 0600 */
    if (fd < 0) {
        return bad_file(path, "cannot be made", errno, err);
    }
    text = apr_pstrcat(p, flow_hex(key, sizeof(key), p), "\n", NULL);
    ok = write_all(fd, text) && (geteuid() != 0 || (uid < 0 && gid < 0) ||
                                 fchown(fd, (uid_t)uid, (gid_t)gid) == 0);
    if (!ok || (link(temp, path) != 0 && errno != EEXIST)) {
        rv = bad_file(path, "cannot be made", errno, err);
    }
    close(fd);
    unlink(temp);
    OPENSSL_cleanse(key, sizeof(key));
    OPENSSL_cleanse((char *)text, strlen(text));
    return rv;
}

apr_status_t flow_seal_open_file(flow_seal_t **pseal, const char *path,
                                 int create, int uid, int gid, apr_pool_t *p,
                                 flow_error_t *err)
{
    flow_seal_t *seal = apr_pcalloc(p, sizeof(*seal));
    apr_status_t rv = APR_SUCCESS;

    apr_pool_cleanup_register(p, seal, seal_cleanup, apr_pool_cleanup_null);
    if (create && access(path, F_OK) != 0 && errno == ENOENT) {
        rv = make_file(path, uid, gid, p, err);
    }
    if (rv == APR_SUCCESS) {
        rv = read_file(seal, path, p, err);
    }
    *pseal = rv == APR_SUCCESS ? seal : NULL;
    return rv;
}

const char *flow_seal_key_id(const flow_seal_t *seal)
{
    return seal->keys[0].id;
}

/* ---- sealing ---- */

static apr_status_t failed(const char *what, flow_error_t *err)
{
    return flow_error_set(err, FLOW_E_INTERNAL, APR_EGENERAL, "seal_failed",
                          "%s failed in the cryptographic library", what);
}

/* @a out: ciphertext and tag. */
static int encrypt(EVP_CIPHER_CTX *ctx, const seal_key_t *key,
                   const unsigned char *nonce, const char *purpose,
                   const char *text, int len, unsigned char *out)
{
    int n = 0;

    return EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->key, nonce) &&
           EVP_EncryptUpdate(ctx, NULL, &n, (const unsigned char *)purpose,
                             (int)strlen(purpose)) &&
           EVP_EncryptUpdate(ctx, out, &n, (const unsigned char *)text, len) &&
           EVP_EncryptFinal_ex(ctx, out + n, &n) &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, out + len);
}

static int decrypt(EVP_CIPHER_CTX *ctx, const seal_key_t *key,
                   const unsigned char *raw, int len, const char *purpose,
                   char *out)
{
    const unsigned char *text = raw + NONCE_BYTES;
    int n = 0;

    return EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->key, raw) &&
           EVP_DecryptUpdate(ctx, NULL, &n, (const unsigned char *)purpose,
                             (int)strlen(purpose)) &&
           EVP_DecryptUpdate(ctx, (unsigned char *)out, &n, text, len) &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_BYTES,
                               (void *)(text + len)) &&
           EVP_DecryptFinal_ex(ctx, (unsigned char *)out + n, &n) > 0;
}

apr_status_t flow_seal(const flow_seal_t *seal, const char *purpose,
                       const char *text, char **psealed, apr_pool_t *p,
                       flow_error_t *err)
{
    apr_size_t len = strlen(text);
    unsigned char *raw = apr_palloc(p, NONCE_BYTES + len + TAG_BYTES);
    EVP_CIPHER_CTX *ctx;
    int ok;

    if (len > INT_MAX / 2 || flow_random(raw, NONCE_BYTES) != APR_SUCCESS) {
        return failed("sealing", err);
    }
    ctx = EVP_CIPHER_CTX_new();
    ok = ctx && encrypt(ctx, &seal->keys[0], raw, purpose, text, (int)len,
                        raw + NONCE_BYTES);
    EVP_CIPHER_CTX_free(ctx);
    if (!ok) {
        return failed("sealing", err);
    }
    *psealed =
        apr_pstrcat(p, VERSION, seal->keys[0].id, ".",
                    flow_base64(raw, NONCE_BYTES + len + TAG_BYTES, p), NULL);
    return APR_SUCCESS;
}

static apr_status_t broken(const char *purpose, flow_error_t *err)
{
    return flow_error_set(err, FLOW_E_CONFIG, APR_EINVAL, "seal_broken",
                          "what is stored as '%s' has been changed or belongs "
                          "elsewhere",
                          purpose);
}

static const seal_key_t *find_key(const flow_seal_t *seal, const char *id)
{
    int i;

    for (i = 0; i < seal->n; ++i) {
        if (strncmp(seal->keys[i].id, id, ID_LEN) == 0) {
            return &seal->keys[i];
        }
    }
    return NULL;
}

apr_status_t flow_unseal(const flow_seal_t *seal, const char *purpose,
                         const char *sealed, char **ptext, apr_pool_t *p,
                         flow_error_t *err)
{
    apr_size_t head = strlen(VERSION) + ID_LEN, len = 0;
    const seal_key_t *key;
    EVP_CIPHER_CTX *ctx;
    char *raw, *out;
    int ok;

    if (strncmp(sealed, VERSION, strlen(VERSION)) != 0 ||
        strlen(sealed) <= head || sealed[head] != '.') {
        return broken(purpose, err);
    }
    key = find_key(seal, sealed + strlen(VERSION));
    if (!key) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_NOTFOUND, "seal_key",
                              "what is stored as '%s' was sealed with key "
                              "%.*s, which the key file does not have",
                              purpose, ID_LEN, sealed + strlen(VERSION));
    }
    if (flow_base64_decode(&raw, &len, sealed + head + 1, p) != APR_SUCCESS ||
        len < NONCE_BYTES + TAG_BYTES || len > INT_MAX) {
        return broken(purpose, err);
    }
    len -= NONCE_BYTES + TAG_BYTES;
    out = apr_palloc(p, len + 1);
    ctx = EVP_CIPHER_CTX_new();
    ok = ctx &&
         decrypt(ctx, key, (const unsigned char *)raw, (int)len, purpose, out);
    EVP_CIPHER_CTX_free(ctx);
    if (!ok) {
        return broken(purpose, err);
    }
    out[len] = '\0';
    *ptext = out;
    return APR_SUCCESS;
}
