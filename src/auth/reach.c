#include "auth/reach.h"

#include "topic/name.h"

/* -- text -- */

enum gw_status gw_reach_encode(struct gw_span text, struct gw_buf *out)
{
    size_t begin = out->size;

    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];

        if (byte == '%') {
            uint8_t letter = ++i < text.size ? text.data[i] : 0;

            if (letter != 'u' && letter != 'c' && letter != '%')
                return GW_NOT_FOUND;
            byte = letter == 'u' ? GW_REACH_USER : letter == 'c' ? GW_REACH_CLIENT : '%';
        }
        GW_TRY(gw_buf_append(out, gw_span_of(&byte, 1)));
    }
    struct gw_span reach = gw_span_from(gw_buf_span(out), begin);

    if (gw_span_starts_with(reach, GW_SPAN_LIT("$share/")))
        return GW_INVALID;
    return gw_filter_validate(reach, 0);
}

enum gw_status gw_reach_decode(struct gw_span reach, struct gw_buf *out)
{
    for (size_t i = 0; i < reach.size; i++) {
        uint8_t byte = reach.data[i];
        struct gw_span text = byte == GW_REACH_USER     ? GW_SPAN_LIT("%u")
                              : byte == GW_REACH_CLIENT ? GW_SPAN_LIT("%c")
                              : byte == '%'             ? GW_SPAN_LIT("%%")
                                                        : gw_span_of(&reach.data[i], 1);

        GW_TRY(gw_buf_append(out, text));
    }
    return GW_OK;
}

static bool is_placeholder(uint8_t byte)
{
    return byte == GW_REACH_USER || byte == GW_REACH_CLIENT;
}

static struct gw_span name_of(const struct gw_identity *who, uint8_t placeholder)
{
    return placeholder == GW_REACH_USER ? who->user : who->client_id;
}

bool gw_reach_has_placeholder(struct gw_span reach)
{
    for (size_t i = 0; i < reach.size; i++) {
        if (is_placeholder(reach.data[i]))
            return true;
    }
    return false;
}

/* A name that stays one level, or a part of one, whatever stands around it. */
static bool is_harmless(struct gw_span name, bool first)
{
    if (name.size == 0 || (first && name.data[0] == '$'))
        return false;
    for (size_t i = 0; i < name.size; i++) {
        uint8_t byte = name.data[i];

        if (byte == '+' || byte == '#' || byte == '/' || byte == 0 || is_placeholder(byte))
            return false;
    }
    return true;
}

bool gw_reach_fits(struct gw_span reach, const struct gw_identity *who)
{
    for (size_t i = 0; i < reach.size; i++) {
        uint8_t byte = reach.data[i];

        if (!is_placeholder(byte))
            continue;
        if (byte == GW_REACH_USER && who->anonymous)
            return false;
        if (!is_harmless(name_of(who, byte), i == 0))
            return false;
    }
    return true;
}

/* -- levels -- */

/* A walk over the levels of a filter. */
struct walk {
    const uint8_t *at;
    const uint8_t *end;
    bool ended;
};

static struct walk walk_of(struct gw_span filter)
{
    return (struct walk){filter.data, filter.data + filter.size, filter.size == 0};
}

static bool next_level(struct walk *walk, struct gw_span *ret_level)
{
    if (walk->ended)
        return false;
    size_t left = (size_t)(walk->end - walk->at);
    const uint8_t *slash = left > 0 ? memchr(walk->at, '/', left) : NULL;
    const uint8_t *stop = slash ? slash : walk->end;
    *ret_level = gw_span_of(walk->at, (size_t)(stop - walk->at));
    walk->ended = slash == NULL;
    walk->at = slash ? slash + 1 : walk->end;
    return true;
}

static bool is_byte(struct gw_span level, uint8_t byte)
{
    return level.size == 1 && level.data[0] == byte;
}

static bool is_hash(struct gw_span level)
{
    return is_byte(level, '#');
}

static bool is_plus(struct gw_span level)
{
    return is_byte(level, '+');
}

static bool begins_with_wildcard(struct gw_span level)
{
    return is_hash(level) || is_plus(level);
}

static bool begins_with_dollar(struct gw_span level)
{
    return level.size > 0 && level.data[0] == '$';
}

/* The bytes of a level, names in their places. */
struct bytes {
    struct gw_span left;
    struct gw_span name; /* what is left of one that is being put in */
    const struct gw_identity *who;
};

/* The next byte, -1 at the end. */
static int next_byte(struct bytes *bytes)
{
    for (;;) {
        if (bytes->name.size > 0) {
            uint8_t byte = bytes->name.data[0];

            bytes->name = gw_span_from(bytes->name, 1);
            return byte;
        }
        if (bytes->left.size == 0)
            return -1;
        uint8_t byte = bytes->left.data[0];

        bytes->left = gw_span_from(bytes->left, 1);
        if (!is_placeholder(byte))
            return byte;
        bytes->name = name_of(bytes->who, byte);
    }
}

/* Neither is a wildcard. */
static bool same_level(struct gw_span a, struct gw_span b, const struct gw_identity *who)
{
    struct bytes one = {a, GW_SPAN_NONE, who};
    struct bytes two = {b, GW_SPAN_NONE, who};

    if (gw_span_equal(a, b))
        return true;
    for (;;) {
        int byte = next_byte(&one);

        if (byte != next_byte(&two))
            return false;
        if (byte < 0)
            return true;
    }
}

/* -- matching -- */

bool gw_reach_overlaps(struct gw_span reach, const struct gw_identity *who, struct gw_span filter)
{
    struct walk one = walk_of(reach);
    struct walk two = walk_of(filter);

    for (bool first = true;; first = false) {
        struct gw_span a;
        struct gw_span b;
        bool has_a = next_level(&one, &a);
        bool has_b = next_level(&two, &b);

        if (!has_a || !has_b) /* "a/#" matches "a" too */
            return (!has_a && !has_b) || is_hash(has_a ? a : b);
        if (first && ((begins_with_dollar(a) && begins_with_wildcard(b)) ||
                      (begins_with_wildcard(a) && begins_with_dollar(b))))
            return false; /* MQTT-4.7.2-1 */
        if (is_hash(a) || is_hash(b))
            return true;
        if (!is_plus(a) && !is_plus(b) && !same_level(a, b, who))
            return false;
    }
}

bool gw_reach_matches(struct gw_span reach, const struct gw_identity *who, struct gw_span name)
{
    return gw_reach_overlaps(reach, who, name); /* a name is a filter for itself */
}

/* What two filters that overlap have in common, which is a filter too, level by level. */
struct common {
    struct walk one;
    struct walk two;
    bool only_one; /* the other has come to its # */
    bool only_two;
};

static bool next_common(struct common *common, struct gw_span *ret_level)
{
    struct gw_span other;

    if (common->only_two)
        return next_level(&common->two, ret_level);
    if (!next_level(&common->one, ret_level))
        return false;
    if (common->only_one)
        return true;
    if (!next_level(&common->two, &other))
        return false;
    common->only_one = is_hash(other);
    common->only_two = !common->only_one && is_hash(*ret_level);
    if (!common->only_one && begins_with_wildcard(*ret_level))
        *ret_level = other;
    return true;
}

/* Whatever `common` matches, `reach` matches. */
static bool covers(struct gw_span reach, const struct gw_identity *who, struct common *common)
{
    struct walk walk = walk_of(reach);

    for (bool first = true;; first = false) {
        struct gw_span wide;
        struct gw_span narrow;
        bool has_wide = next_level(&walk, &wide);
        bool has_narrow = next_common(common, &narrow);

        if (first && has_wide && has_narrow && begins_with_wildcard(wide) &&
            begins_with_dollar(narrow))
            return false; /* MQTT-4.7.2-1 */
        if (has_wide && is_hash(wide))
            return true;
        if (!has_wide || !has_narrow)
            return !has_wide && !has_narrow;
        if (is_hash(narrow)) /* every name has a first level: "+/#" is "#" */
            return first && is_plus(wide) && next_level(&walk, &wide) && is_hash(wide);
        if (!is_plus(wide) && (is_plus(narrow) || !same_level(wide, narrow, who)))
            return false;
    }
}

bool gw_reach_covers(struct gw_span reach, const struct gw_identity *who, struct gw_span filter)
{
    struct common common = {.one = walk_of(filter), .only_one = true};

    return covers(reach, who, &common);
}

bool gw_reach_covers_both(struct gw_span reach, const struct gw_identity *who,
                          struct gw_span filter, struct gw_span other)
{
    struct common common = {.one = walk_of(filter), .two = walk_of(other)};

    return covers(reach, who, &common);
}
