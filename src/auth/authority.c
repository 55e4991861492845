#include "auth/authority.h"

enum gw_authority_verdict gw_authority_publish(struct gw_span topic_name)
{
    bool system = gw_span_starts_with(topic_name, GW_SPAN_LIT("$SYS")) &&
                  (topic_name.size == 4 || topic_name.data[4] == '/');
    return system ? GW_AUTHORITY_NO : GW_AUTHORITY_YES;
}

enum gw_authority_verdict gw_authority_subscribe(struct gw_span filter)
{
    (void)filter;
    return GW_AUTHORITY_YES;
}
