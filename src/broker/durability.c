#include "broker/durability.h"

#include "config/confrules.h"
#include "config/confvalue.h"
#include "os/file.h"

const char *gw_durability_path(const struct gw_config *config)
{
    const char *path = config->store.path;
    int number;

    if (strcmp(path, GW_CONFIG_STORE_PATH_NONE) == 0)
        return NULL;
    if (path[0] != '\0')
        return path;
    return gw_file_judge_directory(GW_CONFIG_STORE_PATH_DEFAULT, &number) == GW_OK
               ? GW_CONFIG_STORE_PATH_DEFAULT
               : NULL;
}

enum gw_durability gw_durability_by_rules(const struct gw_config *config, struct gw_span topic_name)
{
    const struct gw_config_rules *rules = &config->store.durability_rules;

    for (size_t i = 0; i < rules->count; i++) {
        if (gw_confrules_matches(&rules->items[i], topic_name))
            return rules->items[i].result;
    }
    return config->store.durability;
}

bool gw_durability_asked(const struct gw_props *props)
{
    struct gw_reader block = gw_reader_of(props->raw);
    struct gw_prop_item item;

    if (props->user_property_count == 0)
        return false;
    while (gw_props_next(&block, &item) == GW_OK) {
        if (item.prop == GW_PROP_USER_PROPERTY &&
            gw_span_equal(item.text, GW_SPAN_LIT(GW_DURABILITY_PROPERTY)) &&
            gw_span_equal(item.value, GW_SPAN_LIT("tell")))
            return true;
    }
    return false;
}

/* Identifier, and both texts behind their lengths (MQTT 5.0 section 3.4.2.2.3). */
#define PROPERTY(size, word) "\x26\x00\x11" GW_DURABILITY_PROPERTY "\x00" size word

_Static_assert(sizeof GW_DURABILITY_PROPERTY - 1 == 0x11, "as written before it");
_Static_assert(sizeof PROPERTY("\x06", "memory") - 1 + 2 <= GW_DURABILITY_PROPERTY_MAX,
               "the longest with reason code and property length");

struct gw_span gw_durability_property(enum gw_durability reached)
{
    switch (reached) {
    case GW_DURABILITY_DISK: return GW_SPAN_LIT(PROPERTY("\x04", "disk"));
    case GW_DURABILITY_OS: return GW_SPAN_LIT(PROPERTY("\x02", "os"));
    case GW_DURABILITY_MEMORY:
    case GW_DURABILITY_COUNT: break;
    }
    return GW_SPAN_LIT(PROPERTY("\x06", "memory"));
}

const char *gw_durability_name(enum gw_durability durability)
{
    size_t count;

    return gw_confvalue_words(GW_CONFIG_DURABILITY, &count)[durability];
}
