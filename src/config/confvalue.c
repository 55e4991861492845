#include "config/confvalue.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/suggest.h"
#include "base/utf8.h"
#include "config/confaccess.h"
#include "config/confauth.h"
#include "config/confnumber.h"
#include "config/confsocket.h"
#include "config/conftls.h"
#include "wire/packet.h"

static const char *const policy_words[] = {
    [GW_CONFIG_DROP_NEWEST] = "drop_newest",
    [GW_CONFIG_DROP_OLDEST] = "drop_oldest",
    [GW_CONFIG_DISCONNECT] = "disconnect",
};

static const char *const strategy_words[] = {
    [GW_SHARE_ROUND_ROBIN] = "round_robin",
    [GW_SHARE_LEAST_IN_FLIGHT] = "least_in_flight",
    [GW_SHARE_STICKY_CLIENT] = "sticky_client",
    [GW_SHARE_STICKY_TOPIC] = "sticky_topic",
};

static const char *const level_words[] = {
    [GW_LOG_ERROR] = "error",
    [GW_LOG_WARN] = "warn",
    [GW_LOG_INFO] = "info",
    [GW_LOG_DEBUG] = "debug",
};

static const char *const format_words[] = {
    [GW_CONFIG_FORMAT_AUTO] = "auto",
    [GW_CONFIG_FORMAT_TEXT] = "text",
    [GW_CONFIG_FORMAT_JSON] = "json",
    [GW_CONFIG_FORMAT_JOURNAL] = "journal",
};

static const char *const durability_words[] = {
    [GW_DURABILITY_MEMORY] = "memory",
    [GW_DURABILITY_OS] = "os",
    [GW_DURABILITY_DISK] = "disk",
};

static const char *const client_cert_words[] = {
    [GW_CONFIG_CLIENT_CERT_OFF] = "off",
    [GW_CONFIG_CLIENT_CERT_OPTIONAL] = "optional",
    [GW_CONFIG_CLIENT_CERT_REQUIRED] = "required",
};

static const char *const identity_words[] = {
    [GW_CONFIG_IDENTITY_OFF] = "off",
    [GW_CONFIG_IDENTITY_CN] = "cn",
    [GW_CONFIG_IDENTITY_SUBJECT] = "subject",
    [GW_CONFIG_IDENTITY_SAN_DNS] = "san_dns",
    [GW_CONFIG_IDENTITY_SAN_EMAIL] = "san_email",
    [GW_CONFIG_IDENTITY_SAN_URI] = "san_uri",
    [GW_CONFIG_IDENTITY_FINGERPRINT] = "fingerprint",
};

static const char *const tls_version_words[] = {
    [GW_CONFIG_TLS_12] = "1.2",
    [GW_CONFIG_TLS_13] = "1.3",
};

/* The first two are what a value is printed as. */
static const char *const bool_words[] = {"false", "true", "no", "yes", "off", "on"};

static const struct {
    const char *name;
    enum gw_version version;
} version_words[] = {
    {"3.1", GW_VERSION_31}, {"3.1.1", GW_VERSION_311}, {"5", GW_VERSION_5}, {"5.0", GW_VERSION_5}};

_Static_assert(GW_COUNT_OF(policy_words) == GW_CONFIG_POLICY_COUNT, "one word per policy");
_Static_assert(GW_COUNT_OF(strategy_words) == GW_SHARE_STRATEGY_COUNT, "one word per strategy");
_Static_assert(GW_COUNT_OF(format_words) == GW_CONFIG_FORMAT_COUNT, "one word per format");
_Static_assert(GW_COUNT_OF(durability_words) == GW_DURABILITY_COUNT, "one word per class");
_Static_assert(GW_COUNT_OF(client_cert_words) == GW_CONFIG_CLIENT_CERT_COUNT, "one word each");
_Static_assert(GW_COUNT_OF(identity_words) == GW_CONFIG_IDENTITY_COUNT, "one word each");
_Static_assert(GW_COUNT_OF(tls_version_words) == GW_CONFIG_TLS_VERSION_COUNT, "one word each");
_Static_assert(sizeof(enum gw_config_policy) == sizeof(unsigned) &&
                   sizeof(enum gw_share_strategy) == sizeof(unsigned) &&
                   sizeof(enum gw_log_level) == sizeof(unsigned) &&
                   sizeof(enum gw_config_format) == sizeof(unsigned) &&
                   sizeof(enum gw_durability) == sizeof(unsigned),
               "choices are stored as unsigned");

struct kind {
    const char *text;
    const char *const *words;
    size_t word_count;
    size_t size; /* of the member */
};

static const struct kind kinds[] = {
    [GW_CONFIG_BOOL] = {"true or false", NULL, 0, sizeof(bool)},
    [GW_CONFIG_COUNT] = {"number, as 500 or 50k", NULL, 0, sizeof(uint32_t)},
    [GW_CONFIG_BYTES] = {"size, as 64KiB or 2MB", NULL, 0, sizeof(uint64_t)},
    [GW_CONFIG_TIME] = {"time, as 100ms or 30s", NULL, 0, sizeof(gw_mono_ns)},
    [GW_CONFIG_SECONDS] = {"time in whole seconds, as 30s or 7d", NULL, 0,
                           sizeof(gw_config_seconds)},
    [GW_CONFIG_TEXT] = {"text", NULL, 0, sizeof(char *)},
    [GW_CONFIG_LISTENERS] = {"list of listeners", NULL, 0, sizeof(struct gw_config_listeners)},
    [GW_CONFIG_VERSIONS] = {"list of 3.1, 3.1.1, 5", NULL, 0, sizeof(uint32_t)},
    [GW_CONFIG_POLICY] = {"choice", policy_words, GW_COUNT_OF(policy_words),
                          sizeof(enum gw_config_policy)},
    [GW_CONFIG_STRATEGY] = {"choice", strategy_words, GW_COUNT_OF(strategy_words),
                            sizeof(enum gw_share_strategy)},
    [GW_CONFIG_LEVEL] = {"choice", level_words, GW_COUNT_OF(level_words),
                         sizeof(enum gw_log_level)},
    [GW_CONFIG_FORMAT] = {"choice", format_words, GW_COUNT_OF(format_words),
                          sizeof(enum gw_config_format)},
    [GW_CONFIG_DURABILITY] = {"choice", durability_words, GW_COUNT_OF(durability_words),
                              sizeof(enum gw_durability)},
    [GW_CONFIG_RULES] = {"list of {filter, class}", NULL, 0, sizeof(struct gw_config_rules)},
    [GW_CONFIG_CLIENT_CERT] = {"choice", client_cert_words, GW_COUNT_OF(client_cert_words),
                               sizeof(enum gw_config_client_cert)},
    [GW_CONFIG_IDENTITY] = {"choice", identity_words, GW_COUNT_OF(identity_words),
                            sizeof(enum gw_config_identity)},
    [GW_CONFIG_TLS_VERSION] = {"choice", tls_version_words, GW_COUNT_OF(tls_version_words),
                               sizeof(enum gw_config_tls_version)},
    [GW_CONFIG_PAIRS] = {"list of {cert, key, ocsp_file}", NULL, 0, sizeof(struct gw_config_pairs)},
    [GW_CONFIG_AUTH] = {"list of who is asked", NULL, 0, sizeof(struct gw_config_auth)},
    [GW_CONFIG_ACCESS] = {"list of rules", NULL, 0, sizeof(struct gw_access *)},
};
_Static_assert(GW_COUNT_OF(kinds) == GW_CONFIG_KIND_COUNT, "one row per kind");

const char *gw_confvalue_kind_text(enum gw_config_kind kind)
{
    return kinds[kind].text;
}

size_t gw_confvalue_size(enum gw_config_kind kind)
{
    return kinds[kind].size;
}

const char *const *gw_confvalue_words(enum gw_config_kind kind, size_t *ret_count)
{
    *ret_count = kinds[kind].word_count;
    return kinds[kind].words;
}

/* Finds a word; `count` if it is none of them. */
static size_t find_word(struct gw_span text, const char *const *words, size_t count)
{
    size_t i = 0;

    while (i < count && !gw_span_equal(text, gw_span_str(words[i])))
        i++;
    return i;
}

static enum gw_status set_choice(void *member, const struct gw_config_key *key, struct gw_span text,
                                 struct gw_confreport_error *error)
{
    const struct kind *kind = &kinds[key->kind];
    unsigned index = (unsigned)find_word(text, kind->words, kind->word_count);
    const char *meant;
    char list[GW_CONFREPORT_TEXT_MAX / 2] = "";
    size_t used = 0;

    if (index < kind->word_count) {
        memcpy(member, &index, sizeof index);
        return GW_OK;
    }
    for (size_t i = 0; i < kind->word_count && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s",
                                 i == 0                      ? ""
                                 : i + 1 == kind->word_count ? " or "
                                                             : ", ",
                                 kind->words[i]);
    gw_confreport_set(error, GW_CONFREPORT_VALUE, "%s cannot be \"%.*s\"", key->name,
                      GW_CONFREPORT_QUOTE(text));
    meant = gw_suggest_word(text, kind->words, kind->word_count);
    if (meant != NULL)
        gw_confreport_set_why(error, "did you mean \"%s\"?", meant);
    else
        gw_confreport_set_why(error, "it is %s", list);
    return GW_INVALID;
}

static enum gw_status set_bool(bool *member, const struct gw_config_key *key, struct gw_span text,
                               struct gw_confreport_error *error)
{
    size_t index = find_word(text, bool_words, GW_COUNT_OF(bool_words));

    if (index == GW_COUNT_OF(bool_words)) {
        gw_confreport_set(error, GW_CONFREPORT_VALUE, "%s cannot be \"%.*s\"", key->name,
                          GW_CONFREPORT_QUOTE(text));
        gw_confreport_set_why(error, "it is true or false");
        return GW_INVALID;
    }
    *member = index % 2 == 1;
    return GW_OK;
}

static enum gw_status set_text(char **member, const struct gw_config_key *key, struct gw_span text,
                               struct gw_confreport_error *error)
{
    char *copy;

    if (text.size > GW_CONFIG_TEXT_MAX)
        return gw_confreport_set(error, GW_CONFREPORT_RANGE, "%s is longer than %d bytes",
                                 key->name, GW_CONFIG_TEXT_MAX);
    if (gw_utf8_check(text) != GW_UTF8_VALID)
        return gw_confreport_set(error, GW_CONFREPORT_VALUE, "%s is not UTF-8 without U+0000",
                                 key->name);
    copy = gw_span_dup(text);
    if (copy == NULL)
        return GW_NO_MEMORY;
    free(*member);
    *member = copy;
    return GW_OK;
}

enum gw_status gw_confvalue_add_version(struct gw_span text, uint32_t *versions,
                                        struct gw_confreport_error *error)
{
    for (size_t i = 0; i < GW_COUNT_OF(version_words); i++) {
        if (gw_span_equal(text, gw_span_str(version_words[i].name))) {
            *versions |= 1u << version_words[i].version;
            return GW_OK;
        }
    }
    gw_confreport_set(error, GW_CONFREPORT_VALUE, "\"%.*s\" is not a protocol version",
                      GW_CONFREPORT_QUOTE(text));
    gw_confreport_set_why(error, "there are 3.1, 3.1.1 and 5");
    return GW_INVALID;
}

static struct gw_span trim(struct gw_span text)
{
    while (text.size > 0 && text.data[0] == ' ')
        text = gw_span_from(text, 1);
    while (text.size > 0 && text.data[text.size - 1] == ' ')
        text.size--;
    return text;
}

static enum gw_status set_versions(uint32_t *member, struct gw_span text,
                                   struct gw_confreport_error *error)
{
    uint32_t versions = 0;

    if (text.size >= 2 && text.data[0] == '[' && text.data[text.size - 1] == ']')
        text = gw_span_of(text.data + 1, text.size - 2);
    do {
        const uint8_t *comma = text.size > 0 ? memchr(text.data, ',', text.size) : NULL;
        size_t size = comma != NULL ? (size_t)(comma - text.data) : text.size;

        GW_TRY(gw_confvalue_add_version(trim(gw_span_of(text.data, size)), &versions, error));
        text = gw_span_from(text, size + (comma != NULL));
    } while (text.size > 0);
    *member = versions;
    return GW_OK;
}

/* Seconds of the wire are 32 bits, all ones of them "never". */
static enum gw_status to_seconds(const struct gw_config_key *key, uint64_t *number,
                                 struct gw_confreport_error *error)
{
    if (*number == GW_NEVER) {
        *number = GW_CONFIG_SECONDS_NEVER;
        return GW_OK;
    }
    if (*number % GW_NS_PER_S != 0)
        return gw_confreport_set(error, GW_CONFREPORT_VALUE, "%s takes whole seconds", key->name);
    *number /= GW_NS_PER_S;
    if (*number >= GW_CONFIG_SECONDS_NEVER) {
        gw_confreport_set(error, GW_CONFREPORT_RANGE, "%s is more than 136 years", key->name);
        gw_confreport_set_why(error, "write \"never\"");
        return GW_INVALID;
    }
    return GW_OK;
}

static uint64_t bound(const struct gw_config_key *key, const char *text)
{
    struct gw_confreport_error error;
    uint64_t number = 0;
    enum gw_status status = gw_confnumber_parse(key->kind, gw_span_str(text), &number, &error);

    GW_ASSERT(status == GW_OK); /* the table is ours */
    return number;
}

static enum gw_status set_number(void *member, const struct gw_config_key *key, struct gw_span text,
                                 struct gw_confreport_error *error)
{
    uint64_t number;
    uint32_t small;

    if (gw_confnumber_parse(key->kind, text, &number, error) != GW_OK)
        return GW_INVALID;
    if (number < bound(key, key->min) || number > bound(key, key->max)) {
        gw_confreport_set(error, GW_CONFREPORT_RANGE, "%s cannot be %.*s", key->name,
                          GW_CONFREPORT_QUOTE(text));
        gw_confreport_set_why(error, "it is %s to %s", key->min, key->max);
        return GW_INVALID;
    }
    if (key->kind == GW_CONFIG_SECONDS)
        GW_TRY(to_seconds(key, &number, error));
    if (key->kind == GW_CONFIG_BYTES || key->kind == GW_CONFIG_TIME) {
        memcpy(member, &number, sizeof number);
        return GW_OK;
    }
    small = (uint32_t)number; /* a test holds the bounds of the table to 32 bits */
    memcpy(member, &small, sizeof small);
    return GW_OK;
}

enum gw_status gw_confvalue_set(struct gw_config *config, const struct gw_config_key *key,
                                struct gw_span text, struct gw_confreport_error *error)
{
    void *member = gw_confvalue_member(config, key);

    switch (key->kind) {
    case GW_CONFIG_BOOL: return set_bool(member, key, text, error);
    case GW_CONFIG_COUNT:
    case GW_CONFIG_BYTES:
    case GW_CONFIG_TIME:
    case GW_CONFIG_SECONDS: return set_number(member, key, text, error);
    case GW_CONFIG_TEXT: return set_text(member, key, text, error);
    case GW_CONFIG_VERSIONS: return set_versions(member, text, error);
    case GW_CONFIG_POLICY:
    case GW_CONFIG_STRATEGY:
    case GW_CONFIG_LEVEL:
    case GW_CONFIG_FORMAT:
    case GW_CONFIG_DURABILITY:
    case GW_CONFIG_CLIENT_CERT:
    case GW_CONFIG_IDENTITY:
    case GW_CONFIG_TLS_VERSION: return set_choice(member, key, text, error);
    case GW_CONFIG_LISTENERS:
    case GW_CONFIG_RULES:
    case GW_CONFIG_PAIRS:
    case GW_CONFIG_AUTH:
    case GW_CONFIG_ACCESS:
    case GW_CONFIG_KIND_COUNT: break;
    }
    GW_ASSERT(!gw_confvalue_is_list(key->kind)); /* a list is not one value */
    return GW_INVALID;
}

/* Characters that may stand anywhere in a plain scalar of ours. */
static bool is_plain(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '/' || c == '-';
}

/* The code of a character of two or three bytes at the front of valid UTF-8; 0 for any other. */
static uint32_t code_of(struct gw_span text)
{
    if ((text.data[0] & 0xE0) == 0xC0)
        return (text.data[0] & 0x1Fu) << 6 | (text.data[1] & 0x3Fu);
    if ((text.data[0] & 0xF0) == 0xE0)
        return (text.data[0] & 0x0Fu) << 12 | (text.data[1] & 0x3Fu) << 6 | (text.data[2] & 0x3Fu);
    return 0;
}

/* Writes the character at the front of a text as it stands between double quotes of YAML; returns
 * the bytes it had. */
static size_t escape(struct gw_span text, char out[8])
{
    uint8_t c = text.data[0];
    uint32_t code = code_of(text);

    if (c < 0x20 || c == 0x7F)
        snprintf(out, 8, "\\x%02X", c);
    else if (c == '"' || c == '\\')
        snprintf(out, 8, "\\%c", c);
    else if (gw_span_starts_with(text, GW_SPAN_LIT("${")))
        snprintf(out, 8, "$$");
    else if ((code >= 0x80 && code < 0xA0) || code == 0x2028 || code == 0x2029 || code == 0xFEFF ||
             code >= 0xFFFE) /* YAML takes them as line ends, or not at all */
        snprintf(out, 8, "\\u%04X", code);
    else
        snprintf(out, 8, "%c", c);
    return out[0] == '\\' && code > 0 ? (code < 0x800 ? 2 : 3) : 1;
}

enum gw_status gw_confvalue_print_text(struct gw_span text, struct gw_buf *out)
{
    bool plain = text.size > 0 && is_plain(text.data[0]) && text.data[0] != '-';

    for (size_t i = 0; i < text.size; i++)
        plain = plain && is_plain(text.data[i]);
    if (plain)
        return gw_buf_append(out, text);
    GW_TRY(gw_buf_append(out, GW_SPAN_LIT("\"")));
    while (text.size > 0) {
        char escaped[8];
        size_t size = escape(text, escaped);

        GW_TRY(gw_buf_append(out, gw_span_str(escaped)));
        text = gw_span_from(text, size);
    }
    return gw_buf_append(out, GW_SPAN_LIT("\""));
}

static enum gw_status print_versions(uint32_t versions, struct gw_buf *out)
{
    const char *separator = "";
    uint32_t printed = 0;

    GW_TRY(gw_buf_append(out, GW_SPAN_LIT("[")));
    for (size_t i = 0; i < GW_COUNT_OF(version_words); i++) {
        uint32_t bit = 1u << version_words[i].version;

        if ((versions & bit & ~printed) == 0)
            continue;
        GW_TRY(gw_buf_append(out, gw_span_str(separator)));
        GW_TRY(gw_buf_append(out, gw_span_str(version_words[i].name)));
        printed |= bit;
        separator = ", ";
    }
    return gw_buf_append(out, GW_SPAN_LIT("]"));
}

size_t gw_confvalue_item_count(const struct gw_config *config, const struct gw_config_key *key)
{
    const void *member = gw_confvalue_member_const(config, key);

    if (key->kind == GW_CONFIG_PAIRS)
        return ((const struct gw_config_pairs *)member)->count;
    if (key->kind == GW_CONFIG_ACCESS)
        return gw_access_count(*(struct gw_access *const *)member);
    if (key->kind == GW_CONFIG_LISTENERS)
        return ((const struct gw_config_listeners *)member)->count;
    if (key->kind == GW_CONFIG_AUTH)
        return ((const struct gw_config_auth *)member)->count;
    return ((const struct gw_config_rules *)member)->count;
}

static enum gw_status print_listener(const struct gw_config_listener *item, struct gw_buf *out)
{
    const char *anonymous = item->insecure ? "insecure" : item->anonymous ? "true" : "false";

    GW_TRY(gw_buf_append(out, GW_SPAN_LIT("{url: ")));
    GW_TRY(gw_confvalue_print_text(gw_span_str(item->url), out));
    GW_TRY(gw_buf_append(out, GW_SPAN_LIT(", anonymous: ")));
    GW_TRY(gw_buf_append(out, gw_span_str(anonymous)));
    if (item->origins != NULL) {
        GW_TRY(gw_buf_append(out, GW_SPAN_LIT(", origins: ")));
        GW_TRY(gw_confvalue_print_text(gw_span_str(item->origins), out));
    }
    GW_TRY(gw_confsocket_print(&item->socket, out));
    if (item->tls.count > 0) {
        GW_TRY(gw_buf_append(out, GW_SPAN_LIT(", tls: ")));
        GW_TRY(gw_conftls_print_said(&item->tls, out));
    }
    return gw_buf_append(out, GW_SPAN_LIT("}"));
}

static enum gw_status print_pair(const struct gw_config_pair *item, struct gw_buf *out)
{
    GW_TRY(gw_buf_append(out, GW_SPAN_LIT("{cert: ")));
    GW_TRY(gw_confvalue_print_text(gw_span_str(item->cert), out));
    GW_TRY(gw_buf_append(out, GW_SPAN_LIT(", key: ")));
    GW_TRY(gw_confvalue_print_text(gw_span_str(item->key), out));
    if (item->ocsp[0] != '\0') {
        GW_TRY(gw_buf_append(out, GW_SPAN_LIT(", ocsp_file: ")));
        GW_TRY(gw_confvalue_print_text(gw_span_str(item->ocsp), out));
    }
    return gw_buf_append(out, GW_SPAN_LIT("}"));
}

static enum gw_status print_rule(const struct gw_config_rule *item, struct gw_buf *out)
{
    GW_TRY(gw_buf_append(out, GW_SPAN_LIT("{filter: ")));
    GW_TRY(gw_confvalue_print_text(gw_span_str(item->filter), out));
    GW_TRY(gw_buf_append(out, GW_SPAN_LIT(", class: ")));
    GW_TRY(gw_buf_append(out, gw_span_str(durability_words[item->result])));
    return gw_buf_append(out, GW_SPAN_LIT("}"));
}

enum gw_status gw_confvalue_print_item(const struct gw_config *config,
                                       const struct gw_config_key *key, size_t index,
                                       struct gw_buf *out)
{
    const void *member = gw_confvalue_member_const(config, key);

    if (key->kind == GW_CONFIG_PAIRS)
        return print_pair(&((const struct gw_config_pairs *)member)->items[index], out);
    if (key->kind == GW_CONFIG_ACCESS)
        return gw_confaccess_print(gw_access_at(*(struct gw_access *const *)member, index), out);
    if (key->kind == GW_CONFIG_LISTENERS)
        return print_listener(&((const struct gw_config_listeners *)member)->items[index], out);
    if (key->kind == GW_CONFIG_AUTH)
        return gw_confauth_print(&((const struct gw_config_auth *)member)->items[index], out);
    return print_rule(&((const struct gw_config_rules *)member)->items[index], out);
}

static enum gw_status print_list(const struct gw_config *config, const struct gw_config_key *key,
                                 struct gw_buf *out)
{
    size_t count = gw_confvalue_item_count(config, key);

    GW_TRY(gw_buf_append(out, GW_SPAN_LIT("[")));
    for (size_t i = 0; i < count; i++) {
        GW_TRY(gw_buf_append(out, gw_span_str(i > 0 ? ", " : "")));
        GW_TRY(gw_confvalue_print_item(config, key, i, out));
    }
    return gw_buf_append(out, GW_SPAN_LIT("]"));
}

static uint64_t load_number(const void *member, enum gw_config_kind kind)
{
    uint64_t number;
    uint32_t small;

    if (kind == GW_CONFIG_BYTES || kind == GW_CONFIG_TIME) {
        memcpy(&number, member, sizeof number);
        return number;
    }
    memcpy(&small, member, sizeof small);
    if (kind != GW_CONFIG_SECONDS)
        return small;
    return small == GW_CONFIG_SECONDS_NEVER ? GW_NEVER : small * GW_NS_PER_S;
}

enum gw_status gw_confvalue_print(const struct gw_config *config, const struct gw_config_key *key,
                                  struct gw_buf *out)
{
    const void *member = gw_confvalue_member_const(config, key);
    char text[GW_CONFNUMBER_TEXT_MAX];
    unsigned choice;

    switch (key->kind) {
    case GW_CONFIG_BOOL: return gw_buf_append(out, gw_span_str(bool_words[*(const bool *)member]));
    case GW_CONFIG_COUNT:
    case GW_CONFIG_BYTES:
    case GW_CONFIG_TIME:
    case GW_CONFIG_SECONDS:
        gw_confnumber_text(key->kind, load_number(member, key->kind), text);
        return gw_buf_append(out, gw_span_str(text));
    case GW_CONFIG_TEXT: return gw_confvalue_print_text(gw_span_str(*(char *const *)member), out);
    case GW_CONFIG_VERSIONS: return print_versions(*(const uint32_t *)member, out);
    case GW_CONFIG_LISTENERS:
    case GW_CONFIG_RULES:
    case GW_CONFIG_PAIRS:
    case GW_CONFIG_AUTH: return print_list(config, key, out);
    case GW_CONFIG_ACCESS: /* no rules and none that would deny everything are not the same */
        return *(struct gw_access *const *)member != NULL ? print_list(config, key, out)
                                                          : gw_buf_append(out, GW_SPAN_LIT("null"));
    case GW_CONFIG_POLICY:
    case GW_CONFIG_STRATEGY:
    case GW_CONFIG_LEVEL:
    case GW_CONFIG_FORMAT:
    case GW_CONFIG_DURABILITY:
    case GW_CONFIG_CLIENT_CERT:
    case GW_CONFIG_IDENTITY:
    case GW_CONFIG_TLS_VERSION:
    case GW_CONFIG_KIND_COUNT: break;
    }
    memcpy(&choice, member, sizeof choice);
    return gw_buf_append(out, gw_span_str(kinds[key->kind].words[choice]));
}
