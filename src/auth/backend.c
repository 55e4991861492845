#include "auth/backend.h"

#include <stdlib.h>

const char *gw_backend_setting(const struct gw_backend_settings *settings, const char *name,
                               const char *fallback)
{
    for (size_t i = 0; i < settings->count; i++)
        if (strcmp(settings->items[i].name, name) == 0)
            return settings->items[i].value;
    return fallback;
}

uint32_t gw_backend_setting_ms(const struct gw_backend_settings *settings, const char *name,
                               uint32_t fallback)
{
    const char *text = gw_backend_setting(settings, name, NULL);
    char *unit = NULL;
    if (!text)
        return fallback;
    unsigned long number = strtoul(text, &unit, 10);
    unsigned long factor = strcmp(unit, "ms") == 0  ? 1
                           : strcmp(unit, "s") == 0 ? 1000
                           : strcmp(unit, "m") == 0 ? 60000
                                                    : 0;
    bool good = factor > 0 && number <= UINT32_MAX / factor;
    return good ? (uint32_t)(number * factor) : fallback;
}
