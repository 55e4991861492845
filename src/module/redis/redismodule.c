#include "auth/loadable.h"
#include "module/redis/redisusers.h"

static const struct gw_backend_ops *const backends[] = {&gw_redisusers_ops, NULL};

static const struct gw_loadable loadable = {
    .version = GW_VERSION_TEXT,
    .backends = backends,
};

const struct gw_loadable *gw_loadable(void)
{
    return &loadable;
}
