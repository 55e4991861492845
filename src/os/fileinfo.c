#include "os/fileinfo.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "os/file.h"

uint64_t gw_fileinfo_stamp(const char *path)
{
    struct gw_file_stamp stamp;
    gw_file_stamp_take(path, &stamp);
    if (stamp.node == 0)
        return 0;
    const uint64_t parts[] = {stamp.device, stamp.node, stamp.size, (uint64_t)stamp.changed_ns};
    return gw_hash_bytes(gw_span_of(parts, sizeof parts), 1) | 1;
}

static void mode_text(mode_t mode, char text[11])
{
    static const char letters[] = "rwxrwxrwx";
    text[0] = S_ISDIR(mode) ? 'd' : '-';
    for (unsigned i = 0; i < 9; i++)
        text[i + 1] = (mode & (0400u >> i)) != 0 ? letters[i] : '-';
    text[10] = '\0';
}

static void owner_text(uid_t uid, char *text, size_t size)
{
    char memory[1024];
    struct passwd entry;
    struct passwd *found = NULL;
    if (getpwuid_r(uid, &entry, memory, sizeof memory, &found) == 0 && found != NULL)
        snprintf(text, size, "%s", found->pw_name);
    else
        snprintf(text, size, "user %lu", (unsigned long)uid);
}

bool gw_fileinfo_blame(const char *path, struct gw_fileinfo_blame *ret_blame)
{
    size_t size = strlen(path);
    if (size >= sizeof ret_blame->path)
        return false;
    /* From the root on: the first that cannot be passed hides all behind it. */
    for (size_t end = 1; end <= size; end++) {
        if (end < size && path[end] != '/')
            continue;
        memcpy(ret_blame->path, path, end);
        ret_blame->path[end] = '\0';
        struct stat info;
        if (stat(ret_blame->path, &info) != 0)
            return false;
        int wanted = S_ISDIR(info.st_mode) ? X_OK : R_OK;
        if (faccessat(AT_FDCWD, ret_blame->path, wanted, AT_EACCESS) == 0)
            continue;
        mode_text(info.st_mode, ret_blame->mode);
        owner_text(info.st_uid, ret_blame->owner, sizeof ret_blame->owner);
        return true;
    }
    return false;
}
