#include "daemon/watched.h"

#include <stdlib.h>

enum gw_status gw_watched_init(struct gw_watched *watched, const char *path)
{
    watched->path = strdup(path);
    if (watched->path == NULL)
        return GW_NO_MEMORY;
    gw_file_stamp_take(path, &watched->stamp);
    watched->seen = watched->stamp;
    return GW_OK;
}

void gw_watched_fini(struct gw_watched *watched)
{
    free(watched->path);
    watched->path = NULL;
}

bool gw_watched_is_due(struct gw_watched *watched)
{
    struct gw_file_stamp now;
    bool quiet;

    gw_file_stamp_take(watched->path, &now);
    quiet = gw_file_stamp_equal(&now, &watched->seen) || now.node != watched->stamp.node;
    watched->seen = now;
    return quiet && !gw_file_stamp_equal(&now, &watched->stamp);
}

void gw_watched_take(struct gw_watched *watched)
{
    watched->stamp = watched->seen;
}
