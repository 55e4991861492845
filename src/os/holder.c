#include "os/holder.h"

#include <dirent.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATE_LISTEN 0x0A
#define PATH_SIZE    320

struct found {
    unsigned long inode;
    unsigned uid;
};

/* Looks for a listening socket in one table of the kernel. */
static bool search_table(const char *path, uint16_t port, struct found *found)
{
    FILE *table = fopen(path, "re");
    char line[512];
    bool result = false;

    if (table == NULL)
        return false;
    while (!result && fgets(line, sizeof line, table) != NULL) {
        unsigned local_port;
        unsigned state;

        if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %u %*d %lu",
                   &local_port, &state, &found->uid, &found->inode) == 4)
            result = state == STATE_LISTEN && local_port == port;
    }
    fclose(table);
    return result;
}

/* True if the process has a descriptor of this socket; false too if we may not look. */
static bool has_socket(const char *pid, unsigned long inode)
{
    char path[PATH_SIZE];
    char wanted[64];
    DIR *directory;
    const struct dirent *entry;
    bool result = false;

    snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
    snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
    directory = opendir(path);
    if (directory == NULL)
        return false;
    while (!result && (entry = readdir(directory)) != NULL) {
        char target[64];
        ssize_t size;

        snprintf(path, sizeof path, "/proc/%.20s/fd/%.200s", pid, entry->d_name);
        size = readlink(path, target, sizeof target - 1);
        if (size < 0)
            continue;
        target[size] = '\0';
        result = strcmp(target, wanted) == 0;
    }
    closedir(directory);
    return result;
}

static void read_name(const char *pid, struct gw_holder *holder)
{
    char path[PATH_SIZE];
    FILE *file;

    snprintf(path, sizeof path, "/proc/%.20s/comm", pid);
    file = fopen(path, "re");
    if (file == NULL)
        return;
    if (fgets(holder->name, sizeof holder->name, file) != NULL)
        holder->name[strcspn(holder->name, "\n")] = '\0';
    fclose(file);
}

static void search_processes(unsigned long inode, struct gw_holder *holder)
{
    DIR *directory = opendir("/proc");
    const struct dirent *entry;

    if (directory == NULL)
        return;
    while (holder->pid == 0 && (entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] < '0' || entry->d_name[0] > '9' || !has_socket(entry->d_name, inode))
            continue;
        holder->pid = strtoll(entry->d_name, NULL, 10);
        read_name(entry->d_name, holder);
    }
    closedir(directory);
}

bool gw_holder_find(uint16_t port, struct gw_holder *ret_holder)
{
    struct found found;
    const struct passwd *entry;

    *ret_holder = (struct gw_holder){0};
    if (!search_table("/proc/net/tcp", port, &found) &&
        !search_table("/proc/net/tcp6", port, &found))
        return false;
    /* cppcheck-suppress getpwuidCalled; the main thread asks, to say something went wrong */
    entry = getpwuid(found.uid);
    if (entry != NULL)
        snprintf(ret_holder->user, sizeof ret_holder->user, "%s", entry->pw_name);
    else
        snprintf(ret_holder->user, sizeof ret_holder->user, "uid %u", found.uid);
    search_processes(found.inode, ret_holder);
    return true;
}
