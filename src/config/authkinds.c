#include "config/authkinds.h"

#define KIND(name, module, help) {#name, module, help},
#define SETTING(kind, name, type, need, value, min, max, help)
static const struct gw_authkinds_kind kinds[] = {
#include "config/authkinds.def"
};
#undef KIND
#undef SETTING

/* By the words of the table. */
enum { OPTIONAL, REQUIRED };
enum {
    TYPE_TEXT = GW_AUTHKINDS_TEXT,
    TYPE_LIST = GW_AUTHKINDS_LIST,
    TYPE_URL = GW_AUTHKINDS_URL,
    TYPE_FILE = GW_AUTHKINDS_FILE_NAME,
    TYPE_SOURCE = GW_AUTHKINDS_SOURCE,
    TYPE_SECRET = GW_AUTHKINDS_SECRET,
    TYPE_TIME = GW_AUTHKINDS_TIME,
    TYPE_COUNT = GW_AUTHKINDS_COUNT,
    TYPE_BOOL = GW_AUTHKINDS_BOOL
};

#define KIND(name, module, help)
#define SETTING(kind, name, type, need, value, min, max, help)                                     \
    {#kind, #name, (enum gw_authkinds_type)TYPE_##type, (need) == REQUIRED, value, min, max, help},
static const struct gw_authkinds_setting settings[] = {
#include "config/authkinds.def"
};
#undef KIND
#undef SETTING

static const char *const type_texts[] = {
    [GW_AUTHKINDS_TEXT] = "text",
    [GW_AUTHKINDS_LIST] = "list, or \"a, b\"",
    [GW_AUTHKINDS_URL] = "URL",
    [GW_AUTHKINDS_FILE_NAME] = "file",
    [GW_AUTHKINDS_SOURCE] = "file or URL",
    [GW_AUTHKINDS_SECRET] = "file with nothing else in it",
    [GW_AUTHKINDS_TIME] = "time",
    [GW_AUTHKINDS_COUNT] = "number",
    [GW_AUTHKINDS_BOOL] = "true or false",
};
_Static_assert(GW_COUNT_OF(type_texts) == GW_AUTHKINDS_TYPE_COUNT, "one text per type");

size_t gw_authkinds_count(void)
{
    return GW_COUNT_OF(kinds);
}

const struct gw_authkinds_kind *gw_authkinds_at(size_t index)
{
    return &kinds[index];
}

const struct gw_authkinds_kind *gw_authkinds_find(struct gw_span name)
{
    for (size_t i = 0; i < GW_COUNT_OF(kinds); i++)
        if (gw_span_equal(gw_span_str(kinds[i].name), name))
            return &kinds[i];
    return NULL;
}

const struct gw_authkinds_setting *gw_authkinds_settings(const struct gw_authkinds_kind *kind,
                                                         size_t *ret_count)
{
    size_t first = 0;
    size_t end;

    while (first < GW_COUNT_OF(settings) && strcmp(settings[first].kind, kind->name) != 0)
        first++;
    for (end = first; end < GW_COUNT_OF(settings); end++)
        if (strcmp(settings[end].kind, kind->name) != 0)
            break;
    *ret_count = end - first;
    return &settings[first];
}

const char *gw_authkinds_type_text(enum gw_authkinds_type type)
{
    return type_texts[type];
}

bool gw_authkinds_names_file(enum gw_authkinds_type type, const char *value)
{
    return type == GW_AUTHKINDS_FILE_NAME || type == GW_AUTHKINDS_SECRET ||
           (type == GW_AUTHKINDS_SOURCE && strstr(value, "://") == NULL);
}
