#include "pki/cabinet.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "os/file.h"
#include "os/process.h"

GW_PRINTF(3, 4)
static enum gw_status refuse(struct gw_cabinet_error *error, enum gw_status status,
                             const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->what, sizeof error->what, format, args);
    va_end(args);
    return status;
}

static enum gw_status refuse_by_system(struct gw_cabinet_error *error, const char *verb,
                                       const char *path, int os_errno)
{
    char user[64];
    error->os_errno = os_errno;
    if (os_errno != EACCES && os_errno != EPERM)
        return refuse(error, GW_OS_ERROR, "cannot %s %s: %s", verb, path, strerror(os_errno));
    return refuse(error, GW_OS_ERROR, "cannot %s %s: %s (running as user %s)", verb, path,
                  strerror(os_errno), gw_process_user(user, sizeof user));
}

static enum gw_status no_memory(struct gw_cabinet_error *error)
{
    return refuse(error, GW_NO_MEMORY, "out of memory");
}

const char *gw_cabinet_path(const char *directory, const char *file, char path[GW_DEPOSIT_PATH_MAX])
{
    int size = snprintf(path, GW_DEPOSIT_PATH_MAX, "%s/%s", directory, file);
    if (size < 0 || size >= GW_DEPOSIT_PATH_MAX)
        path[0] = '\0';
    return path;
}

/* Reads DIR/FILE; a missing file is GW_NOT_FOUND without words. */
static enum gw_status read_file(const char *path, struct gw_buf *buf,
                                struct gw_cabinet_error *error)
{
    int os_errno;
    gw_buf_init(buf, GW_CABINET_FILE_MAX);
    enum gw_status status = gw_file_read(path, buf, &os_errno);
    if (status == GW_OS_ERROR && os_errno == ENOENT)
        return GW_NOT_FOUND;
    if (status == GW_OS_ERROR)
        return refuse_by_system(error, "read", path, os_errno);
    if (status == GW_LIMIT)
        return refuse(error, GW_INVALID, "%s is too large for a key or a certificate", path);
    return status == GW_OK ? GW_OK : no_memory(error);
}

static enum gw_status write_file(const struct gw_deposit *deposit, struct gw_cabinet_error *error)
{
    int os_errno;
    enum gw_status status = gw_deposit_write(deposit, &os_errno);
    if (status == GW_EXISTS)
        return refuse(error, GW_EXISTS, "%s is there already", deposit->path);
    return status == GW_OK ? GW_OK : refuse_by_system(error, "write", deposit->path, os_errno);
}

static enum gw_status read_key(const char *path, struct gw_certkey *ret_key,
                               struct gw_cabinet_error *error)
{
    struct gw_buf text;
    *ret_key = (struct gw_certkey){0};
    enum gw_status status = read_file(path, &text, error);
    if (status == GW_OK) {
        status = gw_certkey_parse(gw_buf_span(&text), ret_key);
        if (status == GW_REFUSED)
            refuse(error, status, "the key %s wants a pass phrase", path);
        else if (status == GW_NO_MEMORY)
            no_memory(error);
        else if (status != GW_OK)
            status = refuse(error, GW_INVALID, "there is no private key in %s", path);
    }
    gw_certkey_wipe(&text);
    return status;
}

static enum gw_status read_certificate(const char *path, struct gw_certificate *ret_certificate,
                                       struct gw_cabinet_error *error)
{
    struct gw_buf text;
    *ret_certificate = (struct gw_certificate){0};
    enum gw_status status = read_file(path, &text, error);
    if (status == GW_OK) {
        struct gw_span rest = gw_buf_span(&text);
        status = gw_certificate_parse(&rest, ret_certificate);
        if (status == GW_NO_MEMORY)
            no_memory(error);
        else if (status != GW_OK)
            status = refuse(error, GW_INVALID, "there is no certificate in %s", path);
    }
    gw_buf_fini(&text);
    return status;
}

static enum gw_status write_key(const char *path, const struct gw_certkey *key,
                                struct gw_cabinet_error *error)
{
    struct gw_buf text;
    gw_buf_init(&text, GW_CABINET_FILE_MAX);
    enum gw_status status = gw_certkey_print(key, &text);
    if (status == GW_OK) {
        struct gw_deposit deposit = {path, gw_buf_span(&text), GW_CABINET_KEY_MODE, GW_DEPOSIT_NEW};
        status = write_file(&deposit, error);
    } else {
        no_memory(error);
    }
    gw_certkey_wipe(&text);
    return status;
}

static enum gw_status write_certificate(const char *path, const struct gw_certificate *certificate,
                                        bool replace, struct gw_cabinet_error *error)
{
    struct gw_buf text;
    gw_buf_init(&text, GW_CABINET_FILE_MAX);
    enum gw_status status = gw_certificate_print(certificate, &text);
    if (status == GW_OK) {
        struct gw_deposit deposit = {path, gw_buf_span(&text), GW_CABINET_PUBLIC_MODE,
                                     replace ? GW_DEPOSIT_REPLACE : GW_DEPOSIT_NEW};
        status = write_file(&deposit, error);
    } else {
        no_memory(error);
    }
    gw_buf_fini(&text);
    return status;
}

enum gw_status gw_cabinet_tell(const char *path, struct gw_certificate_facts *ret_facts,
                               struct gw_cabinet_error *ret_error)
{
    struct gw_certificate certificate;
    *ret_error = (struct gw_cabinet_error){0};
    enum gw_status status = read_certificate(path, &certificate, ret_error);
    if (status == GW_NOT_FOUND)
        return refuse(ret_error, GW_NOT_FOUND, "there is no %s", path);
    if (status == GW_OK)
        status = gw_certificate_tell(&certificate, ret_facts);
    gw_certificate_fini(&certificate);
    return status;
}

/* Both paths of a pair; false if the directory's is too long. */
static bool pair(const char *directory, const char *const files[2],
                 char paths[2][GW_DEPOSIT_PATH_MAX], struct gw_cabinet_error *error)
{
    *error = (struct gw_cabinet_error){0};
    if (gw_cabinet_path(directory, files[0], paths[0])[0] != '\0' &&
        gw_cabinet_path(directory, files[1], paths[1])[0] != '\0')
        return true;
    refuse(error, GW_OS_ERROR, "the path of the directory is too long");
    error->os_errno = ENAMETOOLONG;
    return false;
}

static const char *const ca_files[2] = {GW_CABINET_CA, GW_CABINET_CA_KEY};
static const char *const server_files[2] = {GW_CABINET_SERVER, GW_CABINET_SERVER_KEY};

enum gw_status gw_cabinet_found(const char *directory, const struct gw_cabinet_order *order,
                                struct gw_cabinet_error *ret_error)
{
    char paths[2][GW_DEPOSIT_PATH_MAX];
    struct gw_certkey key = {0};
    struct gw_certificate certificate = {0};
    struct gw_buf there;
    if (!pair(directory, ca_files, paths, ret_error))
        return GW_OS_ERROR;
    enum gw_status status = read_file(paths[0], &there, ret_error);
    gw_buf_fini(&there);
    if (status == GW_OK)
        return refuse(ret_error, GW_EXISTS, "%s is there already", paths[0]);
    if (status != GW_NOT_FOUND)
        return status;
    struct gw_issuer_request request = {.kind = GW_ISSUER_CA,
                                        .common_name = order->name,
                                        .key = &key,
                                        .now_s = order->now_s,
                                        .days = order->days};
    status = gw_certkey_make(&key);
    if (status == GW_OK)
        status = gw_issuer_make(&request, NULL, &certificate);
    if (status != GW_OK)
        refuse(ret_error, status, "cannot make a CA: %s", gw_status_name(status));
    if (status == GW_OK)
        status = write_key(paths[1], &key, ret_error);
    if (status == GW_OK)
        status = write_certificate(paths[0], &certificate, false, ret_error);
    gw_certificate_fini(&certificate);
    gw_certkey_fini(&key);
    return status;
}

static enum gw_status judge(const struct gw_cabinet *cabinet, struct gw_cabinet_error *error)
{
    struct gw_certificate_facts facts;
    GW_TRY(gw_certificate_tell(&cabinet->certificate, &facts));
    if (!facts.is_ca)
        return refuse(error, GW_INVALID, "the certificate %s/" GW_CABINET_CA " is not of a CA",
                      cabinet->path);
    if (!gw_certificate_has_key(&cabinet->certificate, &cabinet->key))
        return refuse(error, GW_INVALID,
                      "%s/" GW_CABINET_CA_KEY " is not the key of %s/" GW_CABINET_CA, cabinet->path,
                      cabinet->path);
    return GW_OK;
}

enum gw_status gw_cabinet_open(const char *directory, struct gw_cabinet *ret_cabinet,
                               struct gw_cabinet_error *ret_error)
{
    char paths[2][GW_DEPOSIT_PATH_MAX];
    *ret_cabinet = (struct gw_cabinet){0};
    if (!pair(directory, ca_files, paths, ret_error))
        return GW_OS_ERROR;
    snprintf(ret_cabinet->path, sizeof ret_cabinet->path, "%s", directory);
    enum gw_status status = read_certificate(paths[0], &ret_cabinet->certificate, ret_error);
    if (status == GW_OK)
        status = read_key(paths[1], &ret_cabinet->key, ret_error);
    if (status == GW_NOT_FOUND)
        refuse(ret_error, status, "there is no CA in %s: no %s", directory,
               ret_cabinet->certificate.x509 == NULL ? GW_CABINET_CA : GW_CABINET_CA_KEY);
    if (status == GW_OK)
        status = judge(ret_cabinet, ret_error);
    if (status != GW_OK)
        gw_cabinet_fini(ret_cabinet);
    return status;
}

void gw_cabinet_fini(struct gw_cabinet *cabinet)
{
    if (cabinet == NULL)
        return;
    gw_certificate_fini(&cabinet->certificate);
    gw_certkey_fini(&cabinet->key);
}

/* Signs; says why not. */
static enum gw_status issue(const struct gw_cabinet *cabinet,
                            const struct gw_issuer_request *request,
                            struct gw_certificate *ret_certificate,
                            struct gw_certificate_facts *ret_facts, struct gw_cabinet_error *error)
{
    struct gw_issuer_signer signer = {&cabinet->certificate, &cabinet->key};
    enum gw_status status = gw_issuer_make(request, &signer, ret_certificate);
    if (status == GW_REFUSED)
        return refuse(error, status, "the CA in %s is over: it can sign nothing any more",
                      cabinet->path);
    if (status == GW_OK)
        status = gw_certificate_tell(ret_certificate, ret_facts);
    if (status != GW_OK)
        refuse(error, status, "cannot make a certificate: %s", gw_status_name(status));
    return status;
}

/* The key that is there, or a new one. */
static enum gw_status have_key(const char *path, struct gw_certkey *ret_key,
                               struct gw_cabinet_error *error)
{
    enum gw_status status = read_key(path, ret_key, error);
    if (status != GW_NOT_FOUND)
        return status;
    if (gw_certkey_make(ret_key) != GW_OK)
        return no_memory(error);
    return write_key(path, ret_key, error);
}

enum gw_status gw_cabinet_server(const struct gw_cabinet *cabinet,
                                 const struct gw_cabinet_order *order,
                                 struct gw_certificate_facts *ret_facts,
                                 struct gw_cabinet_error *ret_error)
{
    char paths[2][GW_DEPOSIT_PATH_MAX];
    struct gw_certkey key = {0};
    struct gw_certificate certificate = {0};
    struct gw_buf there;
    if (!pair(cabinet->path, server_files, paths, ret_error))
        return GW_OS_ERROR;
    enum gw_status status = read_file(paths[0], &there, ret_error);
    gw_buf_fini(&there);
    if (status == GW_OK && !order->replace)
        return refuse(ret_error, GW_EXISTS, "%s is there already", paths[0]);
    if (status != GW_OK && status != GW_NOT_FOUND)
        return status;
    const struct gw_certnames_item *first = gw_certnames_public(order->names);
    struct gw_issuer_request request = {.kind = GW_ISSUER_SERVER,
                                        .common_name = first != NULL ? first->text : NULL,
                                        .names = order->names,
                                        .key = &key,
                                        .now_s = order->now_s,
                                        .days = order->days};
    status = have_key(paths[1], &key, ret_error);
    if (status == GW_OK)
        status = issue(cabinet, &request, &certificate, ret_facts, ret_error);
    if (status == GW_OK)
        status = write_certificate(paths[0], &certificate, order->replace, ret_error);
    gw_certificate_fini(&certificate);
    gw_certkey_fini(&key);
    return status;
}

enum gw_status gw_cabinet_client(const struct gw_cabinet *cabinet,
                                 const struct gw_cabinet_order *order,
                                 struct gw_cabinet_client *ret_client,
                                 struct gw_cabinet_error *ret_error)
{
    struct gw_certkey key = {0};
    struct gw_certificate certificate = {0};
    *ret_error = (struct gw_cabinet_error){0};
    gw_buf_init(&ret_client->key, GW_CABINET_FILE_MAX);
    gw_buf_init(&ret_client->certificate, GW_CABINET_FILE_MAX);
    gw_buf_init(&ret_client->ca, GW_CABINET_FILE_MAX);
    struct gw_issuer_request request = {.kind = GW_ISSUER_CLIENT,
                                        .common_name = order->name,
                                        .key = &key,
                                        .now_s = order->now_s,
                                        .days = order->days};
    enum gw_status status = gw_certkey_make(&key);
    if (status == GW_OK)
        status = issue(cabinet, &request, &certificate, &ret_client->facts, ret_error);
    if (status == GW_OK)
        status = gw_certkey_print(&key, &ret_client->key);
    if (status == GW_OK)
        status = gw_certificate_print(&certificate, &ret_client->certificate);
    if (status == GW_OK)
        status = gw_certificate_print(&cabinet->certificate, &ret_client->ca);
    if (status != GW_OK && ret_error->what[0] == '\0')
        no_memory(ret_error);
    gw_certificate_fini(&certificate);
    gw_certkey_fini(&key);
    if (status != GW_OK)
        gw_cabinet_client_fini(ret_client);
    return status;
}

void gw_cabinet_client_fini(struct gw_cabinet_client *client)
{
    gw_certkey_wipe(&client->key);
    gw_buf_fini(&client->certificate);
    gw_buf_fini(&client->ca);
}
