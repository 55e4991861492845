#include "cli/contextdir.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "os/file.h"
#include "os/folder.h"
#include "os/trust.h"

#define SUFFIX ".yaml"

GW_PRINTF(3, 4)
static enum gw_status refuse(struct gw_contextdir_error *error, enum gw_status status,
                             const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->what, sizeof error->what, format, args);
    va_end(args);
    return status;
}

bool gw_contextdir_find(struct gw_contextdir *ret_dir)
{
    const char *base = getenv("XDG_CONFIG_HOME");
    const char *between = "";
    if (base == NULL || base[0] == '\0') {
        base = getenv("HOME");
        between = "/.config";
    }
    if (base == NULL || base[0] == '\0')
        return false;
    int size = snprintf(ret_dir->path, sizeof ret_dir->path, "%s%s/godwit", base, between);
    return size > 0 && (size_t)size < sizeof ret_dir->path;
}

bool gw_contextdir_name_valid(const char *name)
{
    size_t size = strlen(name);
    return size > 0 && size < GW_CONTEXTDIR_NAME_MAX && name[0] != '.' && name[0] != '-' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
               size;
}

/* "DIR/PART"; empty if it is too long. */
static const char *join(const char *directory, const char *part, char path[GW_DEPOSIT_PATH_MAX])
{
    int size = snprintf(path, GW_DEPOSIT_PATH_MAX, "%s/%s", directory, part);
    if (size < 0 || size >= GW_DEPOSIT_PATH_MAX)
        path[0] = '\0';
    return path;
}

const char *gw_contextdir_path(const struct gw_contextdir *dir, const char *name,
                               char path[GW_DEPOSIT_PATH_MAX])
{
    char part[GW_CONTEXTDIR_NAME_MAX + 16];
    snprintf(part, sizeof part, "contexts/%s" SUFFIX, name);
    return join(dir->path, part, path);
}

bool gw_contextdir_active(const struct gw_contextdir *dir, char name[GW_CONTEXTDIR_NAME_MAX])
{
    char path[GW_DEPOSIT_PATH_MAX];
    struct gw_buf text;
    int os_errno;
    gw_buf_init(&text, GW_CONTEXTDIR_NAME_MAX);
    bool found =
        gw_file_read(join(dir->path, "context", path), &text, &os_errno) == GW_OK && text.size > 0;
    if (found) {
        snprintf(name, GW_CONTEXTDIR_NAME_MAX, "%.*s", GW_SPAN_FMT(gw_buf_span(&text)));
        name[strcspn(name, "\r\n")] = '\0';
        found = gw_contextdir_name_valid(name);
    }
    gw_buf_fini(&text);
    return found;
}

/* A password is for its owner alone, and a URL that others may change is worth no more. */
static enum gw_status judge(const char *path, const struct gw_context *context,
                            struct gw_contextdir_error *error)
{
    switch (gw_trust_judge(path, context->password != NULL)) {
    case GW_TRUST_OURS: return GW_OK;
    case GW_TRUST_NONE:
    case GW_TRUST_FOREIGN: refuse(error, GW_REFUSED, "%s belongs to somebody else", path); break;
    case GW_TRUST_WRITABLE:
    case GW_TRUST_READABLE:
        refuse(error, GW_REFUSED, "others may read or write %s, which holds a password", path);
        if (context->password == NULL)
            refuse(error, GW_REFUSED, "others may write %s", path);
        snprintf(error->hint, sizeof error->hint, "chmod 600 %.4000s", path);
        break;
    }
    return GW_REFUSED;
}

enum gw_status gw_contextdir_read(const struct gw_contextdir *dir, const char *name,
                                  struct gw_context *ret_context,
                                  struct gw_contextdir_error *ret_error)
{
    char path[GW_DEPOSIT_PATH_MAX];
    struct gw_context_error detail;
    struct gw_buf text;
    int os_errno;
    *ret_context = (struct gw_context){0};
    *ret_error = (struct gw_contextdir_error){0};
    if (!gw_contextdir_name_valid(name))
        return refuse(ret_error, GW_INVALID, "\"%.80s\" cannot be the name of a context", name);
    gw_buf_init(&text, GW_CONTEXT_SIZE_MAX);
    gw_contextdir_path(dir, name, path);
    enum gw_status status = gw_file_read(path, &text, &os_errno);
    if (status == GW_OS_ERROR && os_errno == ENOENT)
        status = refuse(ret_error, GW_NOT_FOUND, "there is no context \"%s\" (%s)", name, path);
    else if (status == GW_OS_ERROR)
        refuse(ret_error, status, "cannot read %s: %s", path, strerror(os_errno));
    else if (status != GW_OK)
        refuse(ret_error, status, "cannot read %s: %s", path, gw_status_name(status));
    if (status == GW_OK) {
        status = gw_context_parse(gw_buf_span(&text), ret_context, &detail);
        if (status != GW_OK)
            refuse(ret_error, status, "%s:%zu: %s", path, detail.line,
                   status == GW_INVALID ? detail.what : gw_status_name(status));
    }
    if (text.data != NULL)
        explicit_bzero(text.data, text.size);
    gw_buf_fini(&text);
    if (status == GW_OK)
        status = judge(path, ret_context, ret_error);
    if (status != GW_OK)
        gw_context_fini(ret_context);
    return status;
}

static enum gw_status deposit(const char *path, struct gw_span content, bool replace,
                              struct gw_contextdir_error *error)
{
    struct gw_deposit file = {path, content, 0600, replace ? GW_DEPOSIT_REPLACE : GW_DEPOSIT_NEW};
    char parent[GW_DEPOSIT_PATH_MAX];
    int os_errno;
    gw_folder_parent(path, parent, sizeof parent);
    enum gw_status status = gw_deposit_directories(parent, 0700, &os_errno);
    if (status != GW_OK)
        return refuse(error, status, "cannot make the directory %s: %s", parent,
                      strerror(os_errno));
    status = gw_deposit_write(&file, &os_errno);
    if (status == GW_EXISTS)
        return refuse(error, status, "%s is there already", path);
    if (status != GW_OK)
        return refuse(error, status, "cannot write %s: %s", path, strerror(os_errno));
    return GW_OK;
}

enum gw_status gw_contextdir_write(const struct gw_contextdir *dir, const char *name,
                                   const struct gw_context *context, bool replace,
                                   struct gw_contextdir_error *ret_error)
{
    char path[GW_DEPOSIT_PATH_MAX];
    struct gw_buf text;
    *ret_error = (struct gw_contextdir_error){0};
    if (!gw_contextdir_name_valid(name))
        return refuse(ret_error, GW_INVALID, "\"%.80s\" cannot be the name of a context", name);
    gw_buf_init(&text, GW_CONTEXT_SIZE_MAX);
    enum gw_status status = gw_context_print(context, &text);
    if (status == GW_OK)
        status =
            deposit(gw_contextdir_path(dir, name, path), gw_buf_span(&text), replace, ret_error);
    else
        refuse(ret_error, status, "cannot write the context: %s", gw_status_name(status));
    if (text.data != NULL)
        explicit_bzero(text.data, text.size);
    gw_buf_fini(&text);
    return status;
}

enum gw_status gw_contextdir_use(const struct gw_contextdir *dir, const char *name,
                                 struct gw_contextdir_error *ret_error)
{
    char path[GW_DEPOSIT_PATH_MAX];
    char line[GW_CONTEXTDIR_NAME_MAX + 1];
    int os_errno;
    *ret_error = (struct gw_contextdir_error){0};
    join(dir->path, "context", path);
    if (name == NULL) {
        enum gw_status status = gw_deposit_remove(path, &os_errno);
        return status == GW_OS_ERROR
                   ? refuse(ret_error, status, "cannot remove %s: %s", path, strerror(os_errno))
                   : GW_OK;
    }
    snprintf(line, sizeof line, "%s\n", name);
    return deposit(path, gw_span_str(line), true, ret_error);
}

enum gw_status gw_contextdir_remove(const struct gw_contextdir *dir, const char *name,
                                    struct gw_contextdir_error *ret_error)
{
    char path[GW_DEPOSIT_PATH_MAX];
    char active[GW_CONTEXTDIR_NAME_MAX];
    int os_errno;
    *ret_error = (struct gw_contextdir_error){0};
    if (!gw_contextdir_name_valid(name))
        return refuse(ret_error, GW_INVALID, "\"%.80s\" cannot be the name of a context", name);
    enum gw_status status = gw_deposit_remove(gw_contextdir_path(dir, name, path), &os_errno);
    if (status == GW_NOT_FOUND)
        return refuse(ret_error, status, "there is no context \"%s\"", name);
    if (status != GW_OK)
        return refuse(ret_error, status, "cannot remove %s: %s", path, strerror(os_errno));
    if (gw_contextdir_active(dir, active) && strcmp(active, name) == 0)
        return gw_contextdir_use(dir, NULL, ret_error);
    return GW_OK;
}

struct teller {
    void (*tell)(void *user, const char *name);
    void *user;
};

static void tell_file(void *user, const char *file)
{
    const struct teller *teller = user;
    char name[GW_CONTEXTDIR_NAME_MAX];
    size_t size = strlen(file);
    size_t suffix = sizeof SUFFIX - 1;
    if (size <= suffix || size - suffix >= sizeof name || strcmp(file + size - suffix, SUFFIX) != 0)
        return;
    snprintf(name, sizeof name, "%.*s", (int)(size - suffix), file);
    if (gw_contextdir_name_valid(name))
        teller->tell(teller->user, name);
}

void gw_contextdir_each(const struct gw_contextdir *dir, void (*tell)(void *user, const char *name),
                        void *user)
{
    char path[GW_DEPOSIT_PATH_MAX];
    struct teller teller = {tell, user};
    int os_errno;
    /* A directory that is not there or cannot be read holds no contexts for us. */
    enum gw_status status =
        gw_folder_each(join(dir->path, "contexts", path), tell_file, &teller, &os_errno);
    (void)status;
}
