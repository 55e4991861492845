/*
 * pki/cabinet: a directory with a CA in it, and what it issues: ca.pem, ca.key, server.pem,
 *              server.key.
 *
 * Layer   pki (may include os, base). Reads and writes files.
 * Owner   whoever holds it; not thread-safe.
 * Life    open fills it, fini releases.
 * Limits  GW_CABINET_FILE_MAX bytes of a file, GW_DEPOSIT_PATH_MAX of a path.
 *
 * Keys are files of mode 0600, certificates of 0644. What is there is never replaced unless that is
 * asked for; a CA never is.
 */
#ifndef GW_PKI_CABINET_H
#define GW_PKI_CABINET_H

#include "os/deposit.h"
#include "pki/issuer.h"

#define GW_CABINET_FILE_MAX    ((size_t)256 * 1024)
#define GW_CABINET_CA          "ca.pem"
#define GW_CABINET_CA_KEY      "ca.key"
#define GW_CABINET_SERVER      "server.pem"
#define GW_CABINET_SERVER_KEY  "server.key"
#define GW_CABINET_KEY_MODE    0600u
#define GW_CABINET_PUBLIC_MODE 0644u

struct gw_cabinet {
    char path[GW_DEPOSIT_PATH_MAX];
    struct gw_certificate certificate; /* of the CA */
    struct gw_certkey key;
};

/* Why something could not be done. */
struct gw_cabinet_error {
    char what[GW_DEPOSIT_PATH_MAX + 256];
    int os_errno; /* 0: it was not the system */
};

/* What to issue. */
struct gw_cabinet_order {
    const char *name; /* common name of a CA or client */
    const struct gw_certnames *names;
    int64_t now_s;
    uint32_t days;
    bool replace; /* the server certificate that is there; its key stays */
};

/* "DIR/FILE"; an empty text if it is too long. Returns path. */
const char *gw_cabinet_path(const char *directory, const char *file,
                            char path[GW_DEPOSIT_PATH_MAX]);

/* Makes a CA in a directory that is there. GW_EXISTS: there is one; GW_OS_ERROR, GW_NO_MEMORY,
 * GW_INVALID; with the error, here and below. */
GW_MUST_USE enum gw_status gw_cabinet_found(const char *directory,
                                            const struct gw_cabinet_order *order,
                                            struct gw_cabinet_error *ret_error);

/* Opens a CA. GW_NOT_FOUND: there is none; GW_REFUSED: its key wants a pass phrase; GW_INVALID: key
 * and certificate do not belong together, or it is no CA; GW_OS_ERROR. */
GW_MUST_USE enum gw_status gw_cabinet_open(const char *directory, struct gw_cabinet *ret_cabinet,
                                           struct gw_cabinet_error *ret_error);
/* NULL is fine. */
void gw_cabinet_fini(struct gw_cabinet *cabinet);

/* Writes a server certificate beside the CA, and a key if there is none. GW_EXISTS: there is one,
 * and it is not to be replaced; GW_REFUSED: the CA is over; GW_OS_ERROR, GW_NO_MEMORY, GW_INVALID.
 */
GW_MUST_USE enum gw_status gw_cabinet_server(const struct gw_cabinet *cabinet,
                                             const struct gw_cabinet_order *order,
                                             struct gw_certificate_facts *ret_facts,
                                             struct gw_cabinet_error *ret_error);

/* What a client gets: PEM texts, and what the certificate says. */
struct gw_cabinet_client {
    struct gw_buf key; /* release with gw_certkey_wipe */
    struct gw_buf certificate;
    struct gw_buf ca;
    struct gw_certificate_facts facts;
};

/* Makes a key and a certificate for a client; writes no file. As gw_cabinet_server. */
GW_MUST_USE enum gw_status gw_cabinet_client(const struct gw_cabinet *cabinet,
                                             const struct gw_cabinet_order *order,
                                             struct gw_cabinet_client *ret_client,
                                             struct gw_cabinet_error *ret_error);
void gw_cabinet_client_fini(struct gw_cabinet_client *client);

/* Reads the first certificate of a file and tells what it says; GW_NOT_FOUND: there is no such
 * file; GW_INVALID: it holds none; GW_OS_ERROR. */
GW_MUST_USE enum gw_status gw_cabinet_tell(const char *path, struct gw_certificate_facts *ret_facts,
                                           struct gw_cabinet_error *ret_error);

#endif
