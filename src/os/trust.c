#include "os/trust.h"

#include <sys/stat.h>
#include <unistd.h>

static bool is_ours(const struct stat *facts)
{
    return facts->st_uid == geteuid() || facts->st_uid == 0;
}

enum gw_trust gw_trust_judge(const char *path, bool secret)
{
    struct stat link, facts;
    if (lstat(path, &link) != 0 || stat(path, &facts) != 0)
        return GW_TRUST_NONE;
    if (!is_ours(&link) || !is_ours(&facts))
        return GW_TRUST_FOREIGN;
    if (facts.st_mode & S_IWOTH)
        return GW_TRUST_WRITABLE;
    return secret && (facts.st_mode & (S_IRWXG | S_IRWXO)) ? GW_TRUST_READABLE : GW_TRUST_OURS;
}

enum gw_trust gw_trust_place(const char *path)
{
    struct stat facts;
    if (stat(path, &facts) != 0)
        return GW_TRUST_NONE;
    return (facts.st_mode & S_IWOTH) && !(facts.st_mode & S_ISVTX) ? GW_TRUST_WRITABLE
                                                                   : GW_TRUST_OURS;
}
