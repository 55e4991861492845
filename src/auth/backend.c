#include "auth/backend.h"

#include <stdarg.h>
#include <stdio.h>
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

void gw_backend_say(char words[GW_BACKEND_WORDS_MAX], const char *format, ...)
{
    va_list list;
    va_start(list, format);
    (void)vsnprintf(words, GW_BACKEND_WORDS_MAX, format, list);
    va_end(list);
    for (char *at = words; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7F)
            *at = ' ';
}

void gw_backend_limit(const struct gw_backend_host *host, uint32_t valid_ms,
                      struct gw_warrant *warrant)
{
    warrant->expires = valid_ms > 0 ? host->now(host->ctx) + ((uint64_t)valid_ms + 999) / 1000 : 0;
}

bool gw_backend_is_near(const char *url)
{
    static const char *const hosts[] = {"localhost", "127.0.0.1", "[::1]"};
    const char *host = strstr(url, "://");
    if (!host)
        return false;
    host += strlen("://");
    const char *user_end = strchr(host, '@');
    if (user_end && user_end < host + strcspn(host, "/?#"))
        host = user_end + 1;
    for (size_t i = 0; i < GW_COUNT_OF(hosts); i++) {
        size_t size = strlen(hosts[i]);
        if (strncmp(host, hosts[i], size) == 0 && strchr(":/?#", host[size]))
            return true; /* the end of the text is found by strchr as well */
    }
    return false;
}
