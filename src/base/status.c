#include "base/status.h"

static const char *const names[GW_STATUS_COUNT] = {
    [GW_OK] = "ok",
    [GW_MORE] = "more",
    [GW_AGAIN] = "again",
    [GW_END] = "end",
    [GW_NOT_FOUND] = "not found",
    [GW_EXISTS] = "exists",
    [GW_NO_MEMORY] = "no memory",
    [GW_NO_SPACE] = "no space",
    [GW_LIMIT] = "limit reached",
    [GW_INVALID] = "invalid",
    [GW_MALFORMED] = "malformed",
    [GW_PROTOCOL] = "protocol error",
    [GW_REFUSED] = "refused",
    [GW_TIMEOUT] = "timeout",
    [GW_CLOSED] = "closed",
    [GW_OS_ERROR] = "operating system error",
};

const char *gw_status_name(enum gw_status status)
{
    return (unsigned)status < GW_STATUS_COUNT ? names[status] : "unknown status";
}
