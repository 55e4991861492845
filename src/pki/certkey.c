#include "pki/certkey.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#define MARK "PRIVATE KEY-----"

enum gw_status gw_certkey_make(struct gw_certkey *ret_key)
{
    ret_key->pkey = EVP_EC_gen("P-256");
    ERR_clear_error();
    return ret_key->pkey != NULL ? GW_OK : GW_NO_MEMORY;
}

/* OpenSSL would ask for a pass phrase on the terminal; this says that there is none. */
static int no_phrase(char *text, int size, int writing, void *user)
{
    bool *asked = user;
    (void)text;
    (void)size;
    (void)writing;
    *asked = true;
    return -1;
}

enum gw_status gw_certkey_parse(struct gw_span pem, struct gw_certkey *ret_key)
{
    bool asked = false;
    ret_key->pkey = NULL;
    if (pem.size == 0 || memmem(pem.data, pem.size, MARK, sizeof MARK - 1) == NULL)
        return GW_NOT_FOUND;
    if (pem.size > INT_MAX)
        return GW_INVALID;
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.size);
    if (bio == NULL)
        return GW_NO_MEMORY;
    ERR_clear_error();
    ret_key->pkey = PEM_read_bio_PrivateKey(bio, NULL, no_phrase, &asked);
    ERR_clear_error();
    BIO_free(bio);
    if (ret_key->pkey != NULL)
        return GW_OK;
    return asked ? GW_REFUSED : GW_INVALID;
}

void gw_certkey_fini(struct gw_certkey *key)
{
    if (key == NULL)
        return;
    EVP_PKEY_free(key->pkey);
    key->pkey = NULL;
}

enum gw_status gw_certkey_print(const struct gw_certkey *key, struct gw_buf *out)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    char *text;
    enum gw_status status = GW_NO_MEMORY;
    if (bio != NULL && PEM_write_bio_PKCS8PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL)) {
        long size = BIO_get_mem_data(bio, &text);
        status = gw_buf_append(out, gw_span_of(text, (size_t)size));
    }
    ERR_clear_error();
    BIO_free(bio);
    return status;
}

void gw_certkey_wipe(struct gw_buf *buf)
{
    if (buf->data != NULL)
        OPENSSL_cleanse(buf->data, buf->capacity);
    gw_buf_fini(buf);
}
