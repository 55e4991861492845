#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_STEP ((size_t)16 * 1024)

/* Tells the end of the file from a file that does not fit. */
static enum gw_status probe_end(int fd, int *ret_errno)
{
    char byte;
    ssize_t got;
    do
        got = read(fd, &byte, 1);
    while (got < 0 && errno == EINTR);
    if (got < 0) {
        *ret_errno = errno;
        return GW_OS_ERROR;
    }
    return got == 0 ? GW_OK : GW_LIMIT;
}

static enum gw_status read_all(int fd, struct gw_buf *buf, int *ret_errno)
{
    for (;;) {
        size_t left = buf->size_max - buf->size;
        if (left == 0)
            return probe_end(fd, ret_errno);
        size_t step = left < READ_STEP ? left : READ_STEP;
        GW_TRY(gw_buf_reserve(buf, step));
        ssize_t got = read(fd, buf->data + buf->size, step);
        if (got == 0)
            return GW_OK;
        if (got > 0) {
            buf->size += (size_t)got;
        } else if (errno != EINTR) {
            *ret_errno = errno;
            return GW_OS_ERROR;
        }
    }
}

enum gw_status gw_file_read(const char *path, struct gw_buf *buf, int *ret_errno)
{
    *ret_errno = 0;
    if (strcmp(path, "-") == 0)
        return read_all(STDIN_FILENO, buf, ret_errno);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        *ret_errno = errno;
        return GW_OS_ERROR;
    }
    enum gw_status status = read_all(fd, buf, ret_errno);
    close(fd);
    return status;
}

enum gw_status gw_file_judge_directory(const char *path, int *ret_errno)
{
    struct stat facts;
    *ret_errno = 0;
    if (stat(path, &facts) != 0 || faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) != 0)
        *ret_errno = errno;
    else if (!S_ISDIR(facts.st_mode))
        *ret_errno = ENOTDIR;
    return *ret_errno == 0 ? GW_OK : GW_OS_ERROR;
}

void gw_file_stamp_take(const char *path, struct gw_file_stamp *ret_stamp)
{
    struct stat facts;
    *ret_stamp = (struct gw_file_stamp){0};
    if (stat(path, &facts) != 0)
        return;
    ret_stamp->device = (uint64_t)facts.st_dev;
    ret_stamp->node = (uint64_t)facts.st_ino;
    ret_stamp->size = (uint64_t)facts.st_size;
    /* Of the inode, not of the content: nobody can set this time back. */
    ret_stamp->changed_ns =
        (int64_t)facts.st_ctim.tv_sec * 1000000000 + (int64_t)facts.st_ctim.tv_nsec;
}

bool gw_file_stamp_equal(const struct gw_file_stamp *a, const struct gw_file_stamp *b)
{
    return a->device == b->device && a->node == b->node && a->size == b->size &&
           a->changed_ns == b->changed_ns;
}
