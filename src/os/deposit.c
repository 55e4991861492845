#include "os/deposit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/entropy.h"
#include "os/folder.h"

#define NAME_EXTRA 40 /* of the name beside the place: dots, mark, number */

static enum gw_status fail(int *ret_errno)
{
    *ret_errno = errno;
    return GW_OS_ERROR;
}

/* ".NAME.godwit-new-NUMBER" in the same directory; false if the path is too long. */
static bool name_beside(const char *path, char *beside, size_t size)
{
    const char *slash = strrchr(path, '/');
    int before = slash ? (int)(slash - path + 1) : 0;
    uint64_t number;
    gw_entropy_fill(&number, sizeof number);
    int wanted = snprintf(beside, size, "%.*s.%s.godwit-new-%016" PRIx64, before, path,
                          path + before, number);
    return wanted > 0 && (size_t)wanted < size && path[before] != '\0';
}

static enum gw_status write_all(int fd, struct gw_span content, int *ret_errno)
{
    while (content.size > 0) {
        ssize_t put = write(fd, content.data, content.size);
        if (put < 0 && errno != EINTR)
            return fail(ret_errno);
        if (put > 0)
            content = gw_span_from(content, (size_t)put);
    }
    return GW_OK;
}

/* Only root may give a file away; who may not has one of his own then, which still does. */
static enum gw_status take_after(int fd, const struct stat *model, int *ret_errno)
{
    bool given = fchown(fd, model->st_uid, model->st_gid) == 0 || errno == EPERM;
    return given && fchmod(fd, model->st_mode & 0777) == 0 ? GW_OK : fail(ret_errno);
}

static enum gw_status fill(int fd, const struct gw_deposit *deposit, int *ret_errno)
{
    struct stat model;
    if (deposit->over == GW_DEPOSIT_RENEW && stat(deposit->path, &model) == 0)
        GW_TRY(take_after(fd, &model, ret_errno));
    else if (fchmod(fd, deposit->mode) != 0)
        return fail(ret_errno);
    GW_TRY(write_all(fd, deposit->content, ret_errno));
    return fsync(fd) == 0 ? GW_OK : fail(ret_errno);
}

/* Gives a file its name; where the system cannot refuse to replace, a second name does it. */
static enum gw_status give_name(const char *beside, const struct gw_deposit *deposit,
                                int *ret_errno)
{
    bool replace = deposit->over != GW_DEPOSIT_NEW;
    unsigned flags = replace ? 0 : RENAME_NOREPLACE;
    if (renameat2(AT_FDCWD, beside, AT_FDCWD, deposit->path, flags) == 0)
        return GW_OK;
    if (!replace && (errno == EINVAL || errno == ENOSYS) && link(beside, deposit->path) == 0) {
        unlink(beside);
        return GW_OK;
    }
    return !replace && errno == EEXIST ? GW_EXISTS : fail(ret_errno);
}

/* The name lasts as the content does; where directories cannot be synced, nothing is lost by it. */
static void sync_parent(const char *path)
{
    char parent[GW_DEPOSIT_PATH_MAX];
    gw_folder_parent(path, parent, sizeof parent);
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)fsync(fd);
    close(fd);
}

static enum gw_status put(const struct gw_deposit *deposit, int *ret_errno)
{
    char beside[GW_DEPOSIT_PATH_MAX + NAME_EXTRA];
    struct stat there;
    *ret_errno = 0;
    if (strlen(deposit->path) >= GW_DEPOSIT_PATH_MAX ||
        !name_beside(deposit->path, beside, sizeof beside)) {
        *ret_errno = deposit->path[0] == '\0' ? ENOENT : ENAMETOOLONG;
        return GW_OS_ERROR;
    }
    if (deposit->over == GW_DEPOSIT_NEW && lstat(deposit->path, &there) == 0)
        return GW_EXISTS;
    int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fail(ret_errno);
    enum gw_status status = fill(fd, deposit, ret_errno);
    if (close(fd) != 0 && status == GW_OK)
        status = fail(ret_errno);
    if (status == GW_OK)
        status = give_name(beside, deposit, ret_errno);
    if (status == GW_OK)
        sync_parent(deposit->path);
    else
        unlink(beside);
    return status;
}

enum gw_status gw_deposit_write(const struct gw_deposit *deposit, int *ret_errno)
{
    char real[PATH_MAX];
    struct gw_deposit there = *deposit;
    if (deposit->over == GW_DEPOSIT_RENEW && realpath(deposit->path, real))
        there.path = real;
    return put(&there, ret_errno);
}

enum gw_status gw_deposit_directory(const char *path, unsigned mode, int *ret_errno)
{
    struct stat facts;
    *ret_errno = 0;
    if (mkdir(path, mode) == 0)
        return chmod(path, mode) == 0 ? GW_OK : fail(ret_errno);
    if (errno == EEXIST && stat(path, &facts) == 0 && S_ISDIR(facts.st_mode))
        return GW_EXISTS;
    return fail(ret_errno);
}

enum gw_status gw_deposit_directories(const char *path, unsigned mode, int *ret_errno)
{
    char part[GW_DEPOSIT_PATH_MAX];
    size_t size = strlen(path);
    *ret_errno = ENAMETOOLONG;
    if (size >= sizeof part)
        return GW_OS_ERROR;
    for (size_t i = 1; i <= size; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        enum gw_status status = gw_deposit_directory(part, mode, ret_errno);
        if (status != GW_OK && status != GW_EXISTS)
            return status;
    }
    return GW_OK;
}

enum gw_status gw_deposit_remove(const char *path, int *ret_errno)
{
    *ret_errno = 0;
    if (unlink(path) == 0)
        return GW_OK;
    return errno == ENOENT ? GW_NOT_FOUND : fail(ret_errno);
}
