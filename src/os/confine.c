#include "os/confine.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Headers may be older than the kernel. */
#define RIGHT_REFER    (UINT64_C(1) << 13) /* from ABI 2 on */
#define RIGHT_TRUNCATE (UINT64_C(1) << 14) /* from ABI 3 on */

#define RIGHTS_FIRST                                                                               \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |   \
     LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR |                                 \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | \
     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |   \
     LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)
#define RIGHTS_NEVER                                                                               \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK)
#define RIGHTS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define RIGHTS_FILE (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE | RIGHT_TRUNCATE)

/* What this kernel judges. */
static uint64_t rights_of(unsigned abi)
{
    uint64_t rights = RIGHTS_FIRST;
    if (abi >= 2)
        rights |= RIGHT_REFER;
    if (abi >= 3)
        rights |= RIGHT_TRUNCATE;
    return rights;
}

enum gw_status gw_confine_begin(struct gw_confine *ret_confine)
{
    long abi =
        syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1)
        return GW_NOT_FOUND;
    struct landlock_ruleset_attr attr = {.handled_access_fs = rights_of((unsigned)abi)};
    long ruleset = syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (ruleset < 0)
        return GW_OS_ERROR;
    *ret_confine = (struct gw_confine){(int)ruleset, (unsigned)abi};
    return GW_OK;
}

bool gw_confine_allow(struct gw_confine *confine, const char *path, bool write)
{
    struct stat info;
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return false;
    struct landlock_path_beneath_attr rule = {.parent_fd = fd};
    uint64_t rights = write ? rights_of(confine->abi) & ~(uint64_t)RIGHTS_NEVER : RIGHTS_READ;
    bool good = fstat(fd, &info) == 0;
    rule.allowed_access = good && !S_ISDIR(info.st_mode) ? rights & RIGHTS_FILE : rights;
    good = good && syscall(SYS_landlock_add_rule, confine->ruleset, LANDLOCK_RULE_PATH_BENEATH,
                           &rule, 0) == 0;
    close(fd);
    return good;
}

/* "dir" of "dir/file", "." of "file", "/" of "/file". */
static bool allow_parent(struct gw_confine *confine, const char *file)
{
    char path[PATH_MAX];
    const char *slash = strrchr(file, '/');
    size_t size = slash == NULL ? 0 : slash == file ? 1 : (size_t)(slash - file);
    if (size >= sizeof path)
        return false;
    memcpy(path, file, size);
    path[size] = 0;
    return gw_confine_allow(confine, size == 0 ? "." : path, false);
}

bool gw_confine_allow_around(struct gw_confine *confine, const char *file)
{
    char *real = realpath(file, NULL);
    bool good = real != NULL && allow_parent(confine, real) && allow_parent(confine, file);
    free(real);
    return good;
}

enum gw_status gw_confine_end(struct gw_confine *confine)
{
    bool good = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                syscall(SYS_landlock_restrict_self, confine->ruleset, 0) == 0;
    close(confine->ruleset);
    confine->ruleset = -1;
    return good ? GW_OK : GW_OS_ERROR;
}
