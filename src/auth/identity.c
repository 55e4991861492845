#include "auth/identity.h"

bool gw_identity_in_group(const struct gw_identity *who, struct gw_span group)
{
    struct gw_span rest = who->groups;
    if (group.size == 0 || memchr(group.data, ',', group.size))
        return false;
    while (rest.size > 0) {
        const uint8_t *comma = memchr(rest.data, ',', rest.size);
        size_t size = comma ? (size_t)(comma - rest.data) : rest.size;
        if (gw_span_equal(gw_span_of(rest.data, size), group))
            return true;
        rest = gw_span_from(rest, comma ? size + 1 : size);
    }
    return false;
}
