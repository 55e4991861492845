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

const char *gw_durability_name(enum gw_durability durability)
{
    size_t count;

    return gw_confvalue_words(GW_CONFIG_DURABILITY, &count)[durability];
}
