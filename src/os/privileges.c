#include "os/privileges.h"

#include <errno.h>
#include <grp.h>
#include <sys/prctl.h>
#include <unistd.h>

bool gw_privileges_are_roots(void)
{
    return geteuid() == 0;
}

/* Whoever could be root again has not become somebody else. */
static bool is_for_good(const struct gw_account *account)
{
    uid_t real, effective, saved;
    gid_t real_group, effective_group, saved_group;
    if (getresuid(&real, &effective, &saved) != 0 ||
        getresgid(&real_group, &effective_group, &saved_group) != 0)
        return false;
    return real == account->uid && effective == account->uid && saved == account->uid &&
           real_group == account->gid && effective_group == account->gid &&
           saved_group == account->gid && (account->uid == 0 || setuid(0) != 0);
}

enum gw_status gw_privileges_become(const struct gw_account *account, int *ret_errno)
{
    errno = 0;
    if (geteuid() == account->uid && getuid() == account->uid && account->uid != 0)
        return GW_OK;
    if (initgroups(account->name, account->gid) != 0 ||
        setresgid(account->gid, account->gid, account->gid) != 0 ||
        setresuid(account->uid, account->uid, account->uid) != 0) {
        *ret_errno = errno;
        return GW_OS_ERROR;
    }
    if (!is_for_good(account) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        *ret_errno = EPERM;
        return GW_OS_ERROR;
    }
    return GW_OK;
}
