#include "auth/loadable.h"
#include "module/pgsql/pgusers.h"

static const struct gw_backend_ops *const backends[] = {&gw_pgusers_ops, NULL};

static const struct gw_loadable loadable = {
    .version = GW_VERSION_TEXT,
    .backends = backends,
};

const struct gw_loadable *gw_loadable(void)
{
    return &loadable;
}
