#include "os/account.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST ((size_t)1024)
#define ROOM_MAX   ((size_t)64 * 1024)

/* What the kernel gives for users that the name space of this process has no number for. */
#define UID_OVERFLOW 65534u

/* Asks the data base with more and more room; returns an errno, ENOENT if it has no entry. */
typedef int ask_fn(const void *what, char *room, size_t size, void *ret_answer);

static enum gw_status ask_with_room(ask_fn *ask, const void *what, void *ret_answer)
{
    int error = ERANGE;
    for (size_t size = ROOM_FIRST; error == ERANGE && size <= ROOM_MAX; size *= 4) {
        char *room = malloc(size);
        if (room == NULL)
            return GW_NO_MEMORY;
        error = ask(what, room, size, ret_answer);
        free(room);
    }
    switch (error) {
    case 0: return GW_OK;
    case ENOENT:
    case ESRCH:
    case EBADF:
    case EPERM: return GW_NOT_FOUND; /* as getpwnam(3) has it */
    case ENOMEM: return GW_NO_MEMORY;
    default: return GW_OS_ERROR;
    }
}

static int take_user(int error, const struct passwd *entry, struct gw_account *account)
{
    if (error != 0 || entry == NULL)
        return error != 0 ? error : ENOENT;
    size_t size = strlen(entry->pw_name);
    if (size == 0 || size >= sizeof account->name || entry->pw_uid == UID_OVERFLOW)
        return ENOENT;
    memcpy(account->name, entry->pw_name, size + 1);
    account->uid = entry->pw_uid;
    account->gid = entry->pw_gid;
    return 0;
}

static int ask_uid(const void *what, char *room, size_t size, void *ret_answer)
{
    struct passwd entry, *found = NULL;
    int error = getpwuid_r(*(const uint32_t *)what, &entry, room, size, &found);
    return take_user(error, found, ret_answer);
}

static int ask_name(const void *what, char *room, size_t size, void *ret_answer)
{
    struct passwd entry, *found = NULL;
    int error = getpwnam_r(what, &entry, room, size, &found);
    return take_user(error, found, ret_answer);
}

static int ask_group(const void *what, char *room, size_t size, void *ret_answer)
{
    struct group entry, *found = NULL;
    int error = getgrnam_r(what, &entry, room, size, &found);
    if (error != 0 || found == NULL)
        return error != 0 ? error : ENOENT;
    *(uint32_t *)ret_answer = found->gr_gid;
    return 0;
}

enum gw_status gw_account_of(uint32_t uid, struct gw_account *ret_account)
{
    return ask_with_room(ask_uid, &uid, ret_account);
}

enum gw_status gw_account_find(const char *name, struct gw_account *ret_account)
{
    return ask_with_room(ask_name, name, ret_account);
}

/* True for digits; (gid_t)-1 is no number of a group, it means "none" to the system. */
static bool is_number(const char *name, uint32_t *ret_number)
{
    uint64_t number = 0;
    for (const char *at = name; *at != 0; at++) {
        if (*at < '0' || *at > '9')
            return false;
        number = number * 10 + (uint64_t)(*at - '0');
        if (number >= UINT32_MAX)
            return false;
    }
    *ret_number = (uint32_t)number;
    return name[0] != 0;
}

enum gw_status gw_account_group(const char *name, uint32_t *ret_gid)
{
    if (is_number(name, ret_gid))
        return GW_OK;
    return ask_with_room(ask_group, name, ret_gid);
}
