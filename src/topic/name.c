#include "topic/name.h"

#define TOPIC_BYTES_MAX 65535u

size_t gw_name_levels(struct gw_span topic)
{
    size_t levels = 1;
    for (size_t i = 0; i < topic.size; i++)
        levels += topic.data[i] == '/';
    return levels;
}

static enum gw_status check_levels(struct gw_span topic, size_t levels_max)
{
    if (levels_max != 0 && gw_name_levels(topic) > levels_max)
        return GW_LIMIT;
    return GW_OK;
}

static bool has_wildcard(struct gw_span text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '+' || text.data[i] == '#')
            return true;
    }
    return false;
}

enum gw_status gw_name_validate(struct gw_span name, size_t levels_max)
{
    if (name.size == 0 || name.size > TOPIC_BYTES_MAX || has_wildcard(name))
        return GW_INVALID;
    return check_levels(name, levels_max);
}

enum gw_status gw_filter_validate(struct gw_span filter, size_t levels_max)
{
    if (filter.size == 0 || filter.size > TOPIC_BYTES_MAX)
        return GW_INVALID;
    for (size_t i = 0; i < filter.size; i++) {
        uint8_t byte = filter.data[i];
        if (byte != '+' && byte != '#')
            continue;
        bool last = i + 1 == filter.size;
        /* MQTT-4.7.1-1, 4.7.1-2: a wildcard is a whole level, and '#' is the last one. */
        if (i > 0 && filter.data[i - 1] != '/')
            return GW_INVALID;
        if (!last && (byte == '#' || filter.data[i + 1] != '/'))
            return GW_INVALID;
    }
    return check_levels(filter, levels_max);
}

enum gw_status gw_filter_split(struct gw_span text, size_t levels_max,
                               struct gw_filter_parts *ret_parts)
{
    struct gw_span prefix = GW_SPAN_LIT("$share/");
    struct gw_filter_parts parts = {GW_SPAN_NONE, text, false};

    if (text.size > TOPIC_BYTES_MAX)
        return GW_INVALID;
    if (gw_span_starts_with(text, prefix)) {
        struct gw_span rest = gw_span_from(text, prefix.size);
        const uint8_t *slash = rest.size ? memchr(rest.data, '/', rest.size) : NULL;
        if (!slash || slash == rest.data)
            return GW_INVALID;
        parts.share_name = gw_span_of(rest.data, (size_t)(slash - rest.data));
        parts.filter = gw_span_from(rest, parts.share_name.size + 1);
        parts.shared = true;
        if (has_wildcard(parts.share_name))
            return GW_INVALID;
    }
    GW_TRY(gw_filter_validate(parts.filter, levels_max));
    *ret_parts = parts;
    return GW_OK;
}

bool gw_filter_has_wildcard(struct gw_span filter)
{
    return has_wildcard(filter);
}

/* Where the level that begins at `at` ends: its separator or the end of the topic. */
static size_t level_end(struct gw_span topic, size_t at)
{
    const uint8_t *slash = at < topic.size ? memchr(topic.data + at, '/', topic.size - at) : NULL;
    return slash ? (size_t)(slash - topic.data) : topic.size;
}

bool gw_filter_matches(struct gw_span filter, struct gw_span name)
{
    size_t f = 0;
    size_t n = 0;

    if (filter.size == 0 || name.size == 0)
        return false;
    if (name.data[0] == '$' && (filter.data[0] == '+' || filter.data[0] == '#'))
        return false; /* MQTT-4.7.2-1 */
    for (;;) {
        size_t f_end = level_end(filter, f);
        size_t n_end = level_end(name, n);
        struct gw_span f_level = gw_span_of(filter.data + f, f_end - f);
        struct gw_span n_level = gw_span_of(name.data + n, n_end - n);

        if (f_level.size == 1 && f_level.data[0] == '#')
            return true;
        bool plus = f_level.size == 1 && f_level.data[0] == '+';
        if (!plus && !gw_span_equal(f_level, n_level))
            return false;
        if (n_end == name.size) {
            /* "a/#" takes its parent "a" too. */
            return f_end == filter.size ||
                   gw_span_equal(gw_span_from(filter, f_end), GW_SPAN_LIT("/#"));
        }
        if (f_end == filter.size)
            return false;
        f = f_end + 1;
        n = n_end + 1;
    }
}
