#include "keep/item.h"

static const char *const names[] = {
    [GW_ITEM_STORE] = "store",
    [GW_ITEM_GROUP] = "group",
    [GW_ITEM_SESSION] = "session",
    [GW_ITEM_WILL] = "will",
    [GW_ITEM_SUBSCRIPTION] = "subscription",
    [GW_ITEM_UNFINISHED] = "unfinished",
    [GW_ITEM_QUEUED] = "queued",
    [GW_ITEM_GROUP_QUEUED] = "group_queued",
    [GW_ITEM_RETAINED] = "retained",
};

_Static_assert(sizeof names / sizeof *names == GW_ITEM_KIND_COUNT, "a name for each kind");

const char *gw_item_kind_name(enum gw_item_kind kind)
{
    return names[kind];
}
