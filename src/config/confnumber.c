#include "config/confnumber.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/suggest.h"

#define FRACTION_DIGITS_MAX 9

struct unit {
    const char *name;
    uint64_t factor;
};

/* The first name of a factor is the one that is printed. */
static const struct unit count_units[] = {{"", 1}, {"k", 1000}, {"M", 1000000}, {"G", 1000000000}};

static const struct unit byte_units[] = {
    {"", 1},
    {"B", 1},
    {"kB", 1000},
    {"KB", 1000},
    {"KiB", (uint64_t)1 << 10},
    {"MB", 1000000},
    {"MiB", (uint64_t)1 << 20},
    {"GB", 1000000000},
    {"GiB", (uint64_t)1 << 30},
    {"TB", 1000000000000},
    {"TiB", (uint64_t)1 << 40},
    {"PB", 1000000000000000},
    {"PiB", (uint64_t)1 << 50},
};

static const struct unit time_units[] = {
    {"ns", 1},
    {"us", GW_NS_PER_US},
    {"ms", GW_NS_PER_MS},
    {"s", GW_NS_PER_S},
    {"m", 60 * GW_NS_PER_S},
    {"min", 60 * GW_NS_PER_S},
    {"h", 3600 * GW_NS_PER_S},
    {"d", 86400 * GW_NS_PER_S},
    {"w", 604800 * GW_NS_PER_S},
};

struct units {
    const struct unit *items;
    size_t count;
    const char *example;
    bool bare; /* a number without a unit says something */
};

static struct units units_of(enum gw_config_kind kind)
{
    if (kind == GW_CONFIG_COUNT)
        return (struct units){count_units, GW_COUNT_OF(count_units), "a number, as 500 or 50k",
                              true};
    if (kind == GW_CONFIG_BYTES)
        return (struct units){byte_units, GW_COUNT_OF(byte_units), "a size, as 64KiB or 2MB", true};
    return (struct units){time_units, GW_COUNT_OF(time_units), "a time, as 100ms, 30s, 7d or never",
                          false};
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* A number cut into its parts: digits before and behind the point, and the word behind. */
struct parts {
    uint64_t whole;
    uint64_t fraction; /* in 1/scale */
    uint64_t scale;
    struct gw_span unit;
    size_t size; /* of all parts together */
};

/* Reads digits, with single underscores between them. GW_INVALID: there is none, or more than
 * digits_max; GW_LIMIT: too large. */
static enum gw_status take_digits(struct gw_span text, size_t *at, size_t digits_max,
                                  uint64_t *value, size_t *digits)
{
    for (; *at < text.size; (*at)++) {
        uint8_t c = text.data[*at];

        if (c == '_' && *digits > 0 && *at + 1 < text.size && is_digit(text.data[*at + 1]))
            continue;
        if (!is_digit(c))
            break;
        if (++*digits > digits_max)
            return GW_INVALID;
        if (__builtin_mul_overflow(*value, (uint64_t)10, value) ||
            __builtin_add_overflow(*value, (uint64_t)(c - '0'), value))
            return GW_LIMIT;
    }
    return *digits > 0 ? GW_OK : GW_INVALID;
}

/* Cuts "12.5 MB" off the front of a text. */
static enum gw_status cut(struct gw_span text, struct parts *parts)
{
    size_t at = 0;
    size_t digits = 0;
    size_t unit;

    *parts = (struct parts){0, 0, 1, GW_SPAN_NONE, 0};
    GW_TRY(take_digits(text, &at, SIZE_MAX, &parts->whole, &digits));
    if (at < text.size && text.data[at] == '.') {
        at++;
        digits = 0;
        GW_TRY(take_digits(text, &at, FRACTION_DIGITS_MAX, &parts->fraction, &digits));
        while (digits-- > 0)
            parts->scale *= 10;
    }
    while (at < text.size && text.data[at] == ' ')
        at++;
    for (unit = at; at < text.size && !is_digit(text.data[at]) && text.data[at] != ' '; at++)
        ;
    parts->unit = gw_span_of(text.data + unit, at - unit);
    parts->size = at;
    return GW_OK;
}

static const struct unit *find_unit(struct units units, struct gw_span name)
{
    for (size_t i = 0; i < units.count; i++) {
        if (gw_span_equal(gw_span_str(units.items[i].name), name))
            return &units.items[i]; /* cppcheck-suppress returnDanglingLifetime; a static table */
    }
    return NULL;
}

/* Adds a part in its unit to a sum; GW_INVALID: not a whole number of the smallest unit. */
static enum gw_status add_part(const struct parts *parts, uint64_t factor, uint64_t *sum)
{
    uint64_t whole;
    uint64_t fraction;

    if (__builtin_mul_overflow(parts->whole, factor, &whole) ||
        __builtin_mul_overflow(parts->fraction, factor, &fraction) ||
        __builtin_add_overflow(whole, fraction / parts->scale, &whole) ||
        __builtin_add_overflow(*sum, whole, sum))
        return GW_LIMIT;
    return fraction % parts->scale == 0 ? GW_OK : GW_INVALID;
}

static enum gw_status refuse(struct units units, struct gw_span text,
                             struct gw_confreport_error *error)
{
    gw_confreport_set(error, GW_CONFREPORT_VALUE, "\"%.*s\" is not %s", GW_CONFREPORT_QUOTE(text),
                      units.example);
    return GW_INVALID;
}

/* A unit in other capitals, or a "16M" that leaves open which million is meant. */
static void suggest_unit(struct units units, struct gw_span text, const struct parts *parts,
                         struct gw_confreport_error *error)
{
    struct gw_span number = gw_span_of(text.data, text.size - parts->unit.size);

    if (parts->unit.size == 0 && !units.bare) {
        gw_confreport_set_why(error, "the unit is missing: \"%.*sms\" or \"%.*ss\"?",
                              GW_CONFREPORT_QUOTE(number), GW_CONFREPORT_QUOTE(number));
        return;
    }
    for (size_t i = 0; i < units.count; i++) {
        struct gw_span name = gw_span_str(units.items[i].name);

        if (gw_suggest_distance(parts->unit, name) == 0) {
            gw_confreport_set_why(error, "did you mean \"%.*s%s\"?", GW_CONFREPORT_QUOTE(number),
                                  units.items[i].name);
            return;
        }
    }
    if (units.items == byte_units && parts->unit.size == 1 &&
        strchr("kKMGTP", parts->unit.data[0]) != NULL)
        gw_confreport_set_why(error, "\"%.*s%.*sB\" or \"%.*s%.*siB\"?",
                              GW_CONFREPORT_QUOTE(number), GW_CONFREPORT_QUOTE(parts->unit),
                              GW_CONFREPORT_QUOTE(number), GW_CONFREPORT_QUOTE(parts->unit));
}

enum gw_status gw_confnumber_parse(enum gw_config_kind kind, struct gw_span text,
                                   uint64_t *ret_number, struct gw_confreport_error *error)
{
    struct units units = units_of(kind);
    bool is_time = kind == GW_CONFIG_TIME || kind == GW_CONFIG_SECONDS;
    struct gw_span rest = text;
    uint64_t sum = 0;

    if (is_time && gw_span_equal(text, GW_SPAN_LIT("never"))) {
        *ret_number = GW_NEVER;
        return GW_OK;
    }
    do {
        struct parts parts;
        enum gw_status status = cut(rest, &parts);
        const struct unit *unit;

        if (status == GW_LIMIT)
            return gw_confreport_set(error, GW_CONFREPORT_RANGE, "%.*s is too large",
                                     GW_CONFREPORT_QUOTE(text));
        if (status != GW_OK)
            return refuse(units, text, error);
        unit = find_unit(units, parts.unit);
        if (unit == NULL && is_time && parts.whole == 0 && text.size == parts.size &&
            parts.fraction == 0 && parts.unit.size == 0)
            unit = &time_units[0]; /* nothing is nothing in every unit */
        if (unit == NULL) {
            refuse(units, text, error);
            suggest_unit(units, text, &parts, error);
            return GW_INVALID;
        }
        status = add_part(&parts, unit->factor, &sum);
        if (status == GW_LIMIT || sum == GW_NEVER)
            return gw_confreport_set(error, GW_CONFREPORT_RANGE, "%.*s is too large",
                                     GW_CONFREPORT_QUOTE(text));
        if (status != GW_OK)
            return refuse(units, text, error);
        rest = gw_span_from(rest, parts.size);
    } while (is_time && rest.size > 0);
    if (rest.size > 0)
        return refuse(units, text, error);
    *ret_number = sum;
    return GW_OK;
}

const char *gw_confnumber_text(enum gw_config_kind kind, uint64_t number,
                               char text[GW_CONFNUMBER_TEXT_MAX])
{
    struct units units = units_of(kind);
    const struct unit *best = NULL;

    if (!units.bare && number == GW_NEVER) {
        snprintf(text, GW_CONFNUMBER_TEXT_MAX, "never");
        return text;
    }
    if (!units.bare && number == 0) {
        snprintf(text, GW_CONFNUMBER_TEXT_MAX, "0s");
        return text;
    }
    for (size_t i = 0; i < units.count; i++) {
        const struct unit *unit = &units.items[i];

        if (kind == GW_CONFIG_COUNT && unit->factor > 1)
            break; /* counts read best in digits */
        if (!units.bare && unit->factor > 86400 * GW_NS_PER_S)
            break; /* people say 7d and 30d */
        if (number % unit->factor == 0 && (number > 0 || unit->factor == 1) &&
            (best == NULL || unit->factor > best->factor))
            best = unit;
    }
    GW_ASSERT(best != NULL); /* each table has a unit of 1 */
    snprintf(text, GW_CONFNUMBER_TEXT_MAX, "%" PRIu64 "%s", number / best->factor, best->name);
    return text;
}
