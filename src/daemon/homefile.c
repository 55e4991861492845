#include "daemon/homefile.h"

#include <stdio.h>

#include "base/compiler.h"
#include "daemon/command.h"
#include "os/trust.h"

static int refuse(const char *command, const char *what, const char *why)
{
    fprintf(stderr,
            "%s: ./" GW_HOMEFILE_PATH " is not taken unasked: %s %s\n"
            "   hint: -c " GW_HOMEFILE_PATH " takes it all the same; -c FILE takes another one\n",
            command, what, why);
    return GW_COMMAND_CONFIG;
}

int gw_homefile_find(const char *command, const char **ret_path)
{
    static const char *const parts[] = {"godwit", GW_HOMEFILE_PATH};
    *ret_path = NULL;
    if (gw_trust_judge(GW_HOMEFILE_PATH, false) == GW_TRUST_NONE)
        return GW_COMMAND_OK;
    if (gw_trust_place(".") != GW_TRUST_OURS)
        return refuse(command, "this directory", "is one in which everybody may put things");
    for (size_t i = 0; i < GW_COUNT_OF(parts); i++) {
        enum gw_trust trust = gw_trust_judge(parts[i], false);
        if (trust == GW_TRUST_FOREIGN)
            return refuse(command, parts[i], "belongs to another user");
        if (trust != GW_TRUST_OURS)
            return refuse(command, parts[i], "may be written by everybody");
    }
    *ret_path = GW_HOMEFILE_PATH;
    return GW_COMMAND_OK;
}
