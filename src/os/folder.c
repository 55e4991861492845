#include "os/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum gw_status fail(int *ret_errno)
{
    *ret_errno = errno;
    return GW_OS_ERROR;
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

enum gw_status gw_folder_look(const char *path, enum gw_folder_kind *ret_kind, int *ret_errno)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    if (directory == NULL && errno == ENOENT) {
        *ret_kind = GW_FOLDER_NONE;
        return GW_OK;
    }
    if (directory == NULL && errno == ENOTDIR) {
        *ret_kind = GW_FOLDER_OTHER;
        return GW_OK;
    }
    if (directory == NULL)
        return fail(ret_errno);
    *ret_kind = GW_FOLDER_EMPTY;
    while ((entry = readdir(directory)) != NULL) {
        if (!is_dots(entry->d_name))
            *ret_kind = GW_FOLDER_FULL;
    }
    closedir(directory);
    return GW_OK;
}

enum gw_status gw_folder_each(const char *path, gw_folder_each_fn *tell, void *user, int *ret_errno)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    if (directory == NULL)
        return errno == ENOENT ? GW_NOT_FOUND : fail(ret_errno);
    while ((entry = readdir(directory)) != NULL) {
        if (!is_dots(entry->d_name))
            tell(user, entry->d_name);
    }
    closedir(directory);
    return GW_OK;
}

enum gw_status gw_folder_exchange(const char *one, const char *other, int *ret_errno)
{
    if (renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE) == 0)
        return GW_OK;
    return fail(ret_errno);
}

static enum gw_status give(int directory, const char *name, const struct stat *model,
                           int *ret_errno)
{
    struct stat own;
    if (fstatat(directory, name, &own, AT_SYMLINK_NOFOLLOW) != 0)
        return fail(ret_errno);
    if (own.st_uid == model->st_uid && own.st_gid == model->st_gid)
        return GW_OK;
    if (fchownat(directory, name, model->st_uid, model->st_gid, AT_SYMLINK_NOFOLLOW) != 0)
        return fail(ret_errno);
    return GW_OK;
}

static enum gw_status give_all(DIR *directory, const struct stat *model, int *ret_errno)
{
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        if (strcmp(entry->d_name, "..") != 0)
            GW_TRY(give(dirfd(directory), entry->d_name, model, ret_errno));
    }
    return GW_OK;
}

enum gw_status gw_folder_take_after(const char *path, const char *model, int *ret_errno)
{
    struct stat wanted;
    if (stat(model, &wanted) != 0)
        return fail(ret_errno);
    DIR *directory = opendir(path);
    if (directory == NULL)
        return fail(ret_errno);
    enum gw_status status = give_all(directory, &wanted, ret_errno);
    if (status == GW_OK && fchmod(dirfd(directory), wanted.st_mode & 07777) != 0)
        status = fail(ret_errno);
    closedir(directory);
    return status;
}

void gw_folder_trim(const char *path, char *trimmed, size_t size)
{
    snprintf(trimmed, size, "%s", path);
    size_t length = strlen(trimmed);
    while (length > 1 && trimmed[length - 1] == '/')
        trimmed[--length] = '\0';
}

void gw_folder_parent(const char *path, char *parent, size_t size)
{
    gw_folder_trim(path, parent, size);
    char *slash = strrchr(parent, '/');
    if (slash == NULL)
        snprintf(parent, size, ".");
    else
        slash[slash == parent] = '\0';
}
