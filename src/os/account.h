/*
 * os/account: users and groups of the system, by name and by number.
 *
 * Layer   os (may include base).
 * Owner   any thread; the system's data base is asked at each call, which may block.
 * Life    values only; nothing to release.
 * Limits  GW_ACCOUNT_NAME_MAX bytes of a name with its end mark; entries of 64 KiB.
 */
#ifndef GW_OS_ACCOUNT_H
#define GW_OS_ACCOUNT_H

#include <stdint.h>

#include "base/status.h"

#define GW_ACCOUNT_NAME_MAX 256

struct gw_account {
    char name[GW_ACCOUNT_NAME_MAX];
    uint32_t uid;
    uint32_t gid; /* of its first group */
};

/* Finds a user by number. GW_NOT_FOUND: there is none, it has no usable name, or it is the one that
 * stands for users of other name spaces, of whom nothing is known; GW_NO_MEMORY, GW_OS_ERROR. */
GW_MUST_USE enum gw_status gw_account_of(uint32_t uid, struct gw_account *ret_account);
/* Finds a user by name; as above. */
GW_MUST_USE enum gw_status gw_account_find(const char *name, struct gw_account *ret_account);
/* Finds a group by name or, if it is digits, takes its number; as above. */
GW_MUST_USE enum gw_status gw_account_group(const char *name, uint32_t *ret_gid);

#endif
