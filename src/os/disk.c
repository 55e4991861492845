#include "os/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/compiler.h"

#define PARTS_AT_ONCE  64
#define FILE_MODE      0600 /* messages are nobody else's business */
#define DIRECTORY_MODE 0700

/* Says what errno means for the caller. */
static enum gw_status failed(int *ret_errno)
{
    *ret_errno = errno;
    switch (errno) {
    case ENOENT: return GW_NOT_FOUND;
    case EEXIST: return GW_EXISTS;
    case ENOSPC:
    case EDQUOT: return GW_NO_SPACE;
    default: return GW_OS_ERROR;
    }
}

static enum gw_status outcome(int result, int *ret_errno)
{
    return result == 0 ? GW_OK : failed(ret_errno);
}

static enum gw_status op_open(void *ctx, const char *path, enum gw_disk_open how,
                              gw_file_handle *ret_file, int *ret_errno)
{
    static const int flags[] = {
        [GW_DISK_READ] = O_RDONLY,
        [GW_DISK_WRITE] = O_RDWR,
        [GW_DISK_CREATE] = O_RDWR | O_CREAT | O_EXCL,
    };
    (void)ctx;
    do
        *ret_file = open(path, flags[how] | O_CLOEXEC, FILE_MODE);
    while (*ret_file < 0 && errno == EINTR);
    return *ret_file >= 0 ? GW_OK : failed(ret_errno);
}

static void op_close(void *ctx, gw_file_handle file)
{
    (void)ctx;
    close(file);
}

static enum gw_status op_read(void *ctx, gw_file_handle file, uint64_t offset, struct iovec into,
                              size_t *ret_size, int *ret_errno)
{
    uint8_t *at = into.iov_base;
    (void)ctx;
    *ret_size = 0;
    while (*ret_size < into.iov_len) {
        ssize_t got =
            pread(file, at + *ret_size, into.iov_len - *ret_size, (off_t)(offset + *ret_size));
        if (got == 0)
            break;
        if (got > 0)
            *ret_size += (size_t)got;
        else if (errno != EINTR)
            return failed(ret_errno);
    }
    return GW_OK;
}

/* Where a write has got to: `skip` bytes of the first part are done. */
struct progress {
    const struct iovec *parts;
    int count;
    size_t skip;
};

static void advance(struct progress *at, size_t size)
{
    at->skip += size;
    while (at->count > 0 && at->skip >= at->parts->iov_len) {
        at->skip -= at->parts->iov_len;
        at->parts++;
        at->count--;
    }
}

/* The next parts for one call. */
static int gather(const struct progress *at, struct iovec *batch)
{
    int count = at->count < PARTS_AT_ONCE ? at->count : PARTS_AT_ONCE;
    memcpy(batch, at->parts, (size_t)count * sizeof *batch);
    batch[0].iov_base = (uint8_t *)batch[0].iov_base + at->skip;
    batch[0].iov_len -= at->skip;
    return count;
}

static enum gw_status op_write(void *ctx, gw_file_handle file, uint64_t offset,
                               const struct iovec *parts, int part_count, int *ret_errno)
{
    struct progress at = {parts, part_count, 0};
    struct iovec batch[PARTS_AT_ONCE];
    (void)ctx;
    advance(&at, 0); /* over empty parts: a call that moves nothing would tell nothing */
    while (at.count > 0) {
        ssize_t done = pwritev(file, batch, gather(&at, batch), (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return failed(ret_errno);
        if (done == 0) {
            errno = EIO;
            return failed(ret_errno);
        }
        offset += (uint64_t)done;
        advance(&at, (size_t)done);
    }
    return GW_OK;
}

/* Never GW_NO_SPACE: whatever the reason, what was written before may be gone. */
static enum gw_status op_sync(void *ctx, gw_file_handle file, int *ret_errno)
{
    int result;
    (void)ctx;
    do
        result = fdatasync(file);
    while (result != 0 && errno == EINTR);
    if (result == 0)
        return GW_OK;
    *ret_errno = errno;
    return GW_OS_ERROR;
}

static enum gw_status op_allocate(void *ctx, gw_file_handle file, uint64_t size, int *ret_errno)
{
    (void)ctx;
    if (size == 0)
        return GW_OK;
    do
        errno = posix_fallocate(file, 0, (off_t)size);
    while (errno == EINTR);
    return errno == 0 ? GW_OK : failed(ret_errno);
}

static enum gw_status op_size(void *ctx, gw_file_handle file, uint64_t *ret_size, int *ret_errno)
{
    struct stat stat;
    (void)ctx;
    if (fstat(file, &stat) != 0)
        return failed(ret_errno);
    *ret_size = (uint64_t)stat.st_size;
    return GW_OK;
}

static enum gw_status op_truncate(void *ctx, gw_file_handle file, uint64_t size, int *ret_errno)
{
    int result;
    (void)ctx;
    do
        result = ftruncate(file, (off_t)size);
    while (result != 0 && errno == EINTR);
    return outcome(result, ret_errno);
}

static enum gw_status op_lock(void *ctx, gw_file_handle file, int *ret_errno)
{
    int result;
    (void)ctx;
    do
        result = flock(file, LOCK_EX | LOCK_NB);
    while (result != 0 && errno == EINTR);
    if (result != 0 && errno == EWOULDBLOCK) {
        *ret_errno = errno;
        return GW_LIMIT;
    }
    return outcome(result, ret_errno);
}

static enum gw_status op_rename(void *ctx, const char *from, const char *to, int *ret_errno)
{
    (void)ctx;
    return outcome(rename(from, to), ret_errno);
}

static enum gw_status op_remove(void *ctx, const char *path, int *ret_errno)
{
    (void)ctx;
    return outcome(unlink(path), ret_errno);
}

static enum gw_status op_make_directory(void *ctx, const char *path, int *ret_errno)
{
    (void)ctx;
    return outcome(mkdir(path, DIRECTORY_MODE), ret_errno);
}

static enum gw_status op_sync_directory(void *ctx, const char *path, int *ret_errno)
{
    int result;
    (void)ctx;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return failed(ret_errno);
    do
        result = fsync(fd);
    while (result != 0 && errno == EINTR);
    *ret_errno = errno;
    close(fd);
    return result == 0 ? GW_OK : GW_OS_ERROR;
}

static enum gw_status op_list(void *ctx, const char *path, gw_disk_name_fn *fn, void *user,
                              int *ret_errno)
{
    (void)ctx;
    DIR *directory = opendir(path);
    if (!directory)
        return failed(ret_errno);
    const struct dirent *entry;
    for (errno = 0; (entry = readdir(directory)) != NULL; errno = 0)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            fn(user, entry->d_name);
    enum gw_status status = errno == 0 ? GW_OK : failed(ret_errno);
    closedir(directory);
    return status;
}

static enum gw_status op_room(void *ctx, const char *path, uint64_t *ret_bytes, int *ret_errno)
{
    struct statvfs stat;
    int result;
    (void)ctx;
    do
        result = statvfs(path, &stat);
    while (result != 0 && errno == EINTR);
    if (result != 0)
        return failed(ret_errno);
    *ret_bytes = (uint64_t)stat.f_bavail * stat.f_frsize;
    return GW_OK;
}

static const struct gw_disk_ops ops = {
    .open = op_open,
    .close = op_close,
    .read = op_read,
    .write = op_write,
    .sync = op_sync,
    .allocate = op_allocate,
    .size = op_size,
    .truncate = op_truncate,
    .lock = op_lock,
    .rename = op_rename,
    .remove = op_remove,
    .make_directory = op_make_directory,
    .sync_directory = op_sync_directory,
    .list = op_list,
    .room = op_room,
};

const struct gw_disk *gw_disk_system(void)
{
    static const struct gw_disk disk = {&ops, NULL};
    return &disk;
}
