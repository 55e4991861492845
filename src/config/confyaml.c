#include "config/confyaml.h"

#include "base/utf8.h"
#include "config/confaccess.h"
#include "config/confauth.h"
#include "config/confitem.h"
#include "config/conflisten.h"
#include "config/confname.h"
#include "config/confrules.h"
#include "config/confsocket.h"
#include "config/conftls.h"
#include "config/confvalue.h"
#include "config/confwalk.h"

#define LISTENER_SOCKET 3 /* ... those of its socket, as config/confsocket has them */
#define LISTENER_TLS                                                                               \
    (LISTENER_SOCKET +                                                                             \
     GW_CONFSOCKET_FIELD_COUNT) /* the fields of a listener from here on belong to its tls */
#define RULE_EXAMPLE "as - {filter: \"plant/#\", class: memory}"

static void set_origin(struct gw_confwalk *walk, const struct gw_config_key *key, uint32_t line)
{
    struct gw_config_origin *origin = &walk->config->origins[key - gw_config_keys];

    origin->source = walk->input->source;
    origin->line = walk->input->show_lines ? line : 0;
}

static void read_scalar(struct gw_confwalk *walk, const struct gw_config_key *key)
{
    struct gw_confreport_place place = gw_confwalk_here(walk);
    struct gw_confreport_error error;
    struct gw_buf text;
    enum gw_status status;

    if (gw_confwalk_is_null(walk) && key->kind != GW_CONFIG_TEXT) {
        gw_confreport_set(&error, GW_CONFREPORT_VALUE, "%s has no value", key->name);
        gw_confwalk_note(walk, GW_INVALID, &place, &error);
        return;
    }
    if (!gw_confwalk_read_text(walk, &text))
        return;
    status = gw_confvalue_set(
        walk->config, key, gw_confwalk_is_null(walk) ? GW_SPAN_NONE : gw_buf_span(&text), &error);
    if (status != GW_OK)
        gw_confwalk_note(walk, status, &place, &error);
    gw_buf_fini(&text);
}

static void read_version(struct gw_confwalk *walk, uint32_t *versions)
{
    struct gw_confreport_place place = gw_confwalk_here(walk);
    struct gw_confreport_error error;
    struct gw_buf text;
    enum gw_status status;

    if (walk->event.type != YAML_SCALAR_EVENT) {
        gw_confwalk_note_here(walk, GW_CONFREPORT_SHAPE, "a protocol version is one word",
                              "as 3.1.1");
        gw_confwalk_skip(walk);
        return;
    }
    if (!gw_confwalk_read_text(walk, &text))
        return;
    status = gw_confvalue_add_version(gw_buf_span(&text), versions, &error);
    if (status != GW_OK)
        gw_confwalk_note(walk, status, &place, &error);
    gw_buf_fini(&text);
}

/* Notes what an item says of its socket. */
static void set_socket(struct gw_confwalk *walk, struct gw_confitem *item,
                       struct gw_config_listener *listener, enum gw_conflisten_anonymous anonymous)
{
    struct gw_confreport_error error;
    enum gw_confsocket_field blamed;
    enum gw_status status;

    for (size_t i = 0; i < GW_CONFSOCKET_FIELD_COUNT; i++) {
        size_t field = LISTENER_SOCKET + i;

        if (item->fields[field].stands)
            gw_confitem_note(item, walk, field,
                             gw_confsocket_set(listener, (enum gw_confsocket_field)i,
                                               gw_confitem_text(item, field), &error),
                             &error);
    }
    if (item->broken)
        return;
    status = gw_confsocket_check(listener, &blamed, &error);
    gw_confitem_note(item, walk, LISTENER_SOCKET + blamed, status, &error);
    if (!item->broken)
        gw_confitem_note(item, walk, 1, gw_conflisten_settle(listener, anonymous, &error), &error);
}

/* Notes what an item has behind `tls:`. */
static void say_tls(struct gw_confwalk *walk, struct gw_confitem *item,
                    struct gw_config_listener *listener)
{
    struct gw_confreport_error error;

    for (size_t i = LISTENER_TLS; i < item->field_count; i++) {
        if (item->fields[i].stands)
            gw_confitem_note(item, walk, i,
                             gw_conftls_say(&listener->tls, gw_span_str(item->fields[i].name),
                                            gw_confitem_text(item, i), &error),
                             &error);
    }
}

static void add_listener(struct gw_confwalk *walk, struct gw_confitem *item)
{
    enum gw_conflisten_anonymous anonymous = GW_CONFLISTEN_UNSAID;
    struct gw_confitem_field *fields = item->fields;
    size_t before = walk->config->listeners.count;
    struct gw_confreport_error error;

    if (fields[1].stands)
        gw_confitem_note(item, walk, 1,
                         gw_conflisten_word(gw_confitem_text(item, 1), &anonymous, &error), &error);
    if (!fields[0].stands)
        gw_confitem_note(
            item, walk, 0,
            gw_confreport_set(&error, GW_CONFREPORT_LISTENER, "a listener needs a url"), &error);
    if (!item->broken)
        gw_confitem_note(item, walk, 0,
                         gw_conflisten_add(&walk->config->listeners, gw_confitem_text(item, 0),
                                           anonymous, &error),
                         &error);
    if (!item->broken && fields[2].stands)
        gw_confitem_note(item, walk, 2,
                         gw_conflisten_set_origins(&walk->config->listeners, before,
                                                   gw_confitem_text(item, 2), &error),
                         &error);
    for (size_t i = before; i < walk->config->listeners.count && !item->broken; i++)
        set_socket(walk, item, &walk->config->listeners.items[i], anonymous);
    for (size_t i = before; i < walk->config->listeners.count && !item->broken; i++)
        say_tls(walk, item, &walk->config->listeners.items[i]);
}

/* Reads `URL` or `{url: ..., anonymous: ..., tls: {...}}` from the current event on. */
static void read_listener(struct gw_confwalk *walk)
{
    static const char *const names[] = {
        "url",          "anonymous",       "origins",        "mode",
        "group",        "peer_identity",   "proxy_protocol", "trusted_proxies",
        "tls.cert",     "tls.key",         "tls.client_ca",  "tls.crl",
        "tls.identity", "tls.client_cert", "tls.ciphers",    "tls.ciphersuites",
        "tls.curves",   "tls.version_min", "tls.tickets",    "tls.psk_file",
        "tls.ocsp_file"};
    struct gw_confitem item;

    gw_confitem_init(&item, walk, "a listener", names, GW_COUNT_OF(names));
    item.fields[2].is_list = true;
    item.fields[LISTENER_SOCKET + GW_CONFSOCKET_TRUSTED_PROXIES].is_list = true;
    if (walk->event.type == YAML_SCALAR_EVENT) {
        gw_confitem_read_as(&item, walk, 0);
    } else if (walk->event.type == YAML_MAPPING_START_EVENT) {
        gw_confitem_read(&item, walk);
    } else {
        gw_confwalk_note_here(walk, GW_CONFREPORT_SHAPE, "a listener is a URL or a mapping",
                              "as - mqtt://127.0.0.1:1883");
        gw_confwalk_skip(walk);
        item.broken = true;
    }
    if (!walk->ended && !item.broken)
        add_listener(walk, &item);
    gw_confitem_fini(&item);
}

static void read_pair(struct gw_confwalk *walk)
{
    static const char *const names[] = {"cert", "key", "ocsp_file"};
    struct gw_confreport_error error;
    struct gw_confitem item;

    if (walk->event.type != YAML_MAPPING_START_EVENT) {
        gw_confwalk_note_here(walk, GW_CONFREPORT_SHAPE, "a certificate is a mapping",
                              "as - {cert: other.pem, key: other.key}");
        gw_confwalk_skip(walk);
        return;
    }
    gw_confitem_init(&item, walk, "a certificate", names, GW_COUNT_OF(names));
    gw_confitem_read(&item, walk);
    if (!walk->ended && !item.broken)
        gw_confitem_note(&item, walk, 0,
                         gw_conftls_add(&walk->config->tls.certificates, gw_confitem_text(&item, 0),
                                        gw_confitem_text(&item, 1), gw_confitem_text(&item, 2),
                                        &error),
                         &error);
    gw_confitem_fini(&item);
}

/* Reads the list behind `tls.certificates:`, or the one item; none is fine. */
static void read_pairs(struct gw_confwalk *walk)
{
    gw_conftls_fini(&walk->config->tls.certificates);
    if (gw_confwalk_is_null(walk))
        return;
    if (walk->event.type != YAML_SEQUENCE_START_EVENT) {
        read_pair(walk);
        return;
    }
    while (gw_confwalk_next(walk) && walk->event.type != YAML_SEQUENCE_END_EVENT)
        read_pair(walk);
}

static void add_rule(struct gw_confwalk *walk, struct gw_confitem *item)
{
    enum gw_durability result = GW_DURABILITY_DISK;
    struct gw_confitem_field *fields = item->fields;
    struct gw_confreport_error error;

    for (size_t i = 0; i < item->field_count; i++) {
        if (fields[i].stands)
            continue;
        gw_confreport_set(&error, GW_CONFREPORT_SHAPE, "a rule needs a %s", fields[i].name);
        gw_confreport_set_why(&error, RULE_EXAMPLE);
        gw_confitem_note(item, walk, i, GW_INVALID, &error);
    }
    if (fields[1].stands)
        gw_confitem_note(item, walk, 1,
                         gw_confrules_word(gw_confitem_text(item, 1), &result, &error), &error);
    if (!item->broken)
        gw_confitem_note(item, walk, 0,
                         gw_confrules_add(&walk->config->store.durability_rules,
                                          gw_confitem_text(item, 0), result, &error),
                         &error);
}

/* Reads `{filter: ..., class: ...}` from the current event on. */
static void read_rule(struct gw_confwalk *walk)
{
    static const char *const names[] = {"filter", "class"};
    struct gw_confitem item;

    if (walk->event.type != YAML_MAPPING_START_EVENT) {
        gw_confwalk_note_here(walk, GW_CONFREPORT_SHAPE, "a rule is a mapping", RULE_EXAMPLE);
        gw_confwalk_skip(walk);
        return;
    }
    gw_confitem_init(&item, walk, "a rule", names, GW_COUNT_OF(names));
    gw_confitem_read(&item, walk);
    if (!walk->ended && !item.broken)
        add_rule(walk, &item);
    gw_confitem_fini(&item);
}

/* Reads the list behind `store.durability_rules:`, or the one rule; none is fine. */
static void read_rules(struct gw_confwalk *walk)
{
    gw_confrules_fini(&walk->config->store.durability_rules);
    if (gw_confwalk_is_null(walk))
        return;
    if (walk->event.type != YAML_SEQUENCE_START_EVENT) {
        read_rule(walk);
        return;
    }
    while (gw_confwalk_next(walk) && walk->event.type != YAML_SEQUENCE_END_EVENT)
        read_rule(walk);
}

/* Reads the list behind `listeners:`, or the one listener. */
static void read_listeners(struct gw_confwalk *walk)
{
    struct gw_confreport_place place = gw_confwalk_here(walk);
    struct gw_confreport_error error;
    uint32_t before = walk->error_count;

    gw_conflisten_fini(&walk->config->listeners);
    if (walk->event.type != YAML_SEQUENCE_START_EVENT && !gw_confwalk_is_null(walk)) {
        read_listener(walk);
        return;
    }
    if (!gw_confwalk_is_null(walk)) {
        while (gw_confwalk_next(walk) && walk->event.type != YAML_SEQUENCE_END_EVENT)
            read_listener(walk);
    }
    if (walk->config->listeners.count == 0 && before == walk->error_count) {
        gw_confreport_set(&error, GW_CONFREPORT_SHAPE, "listeners has none");
        gw_confreport_set_why(&error, "without the key it is 127.0.0.1 and ::1");
        gw_confwalk_note(walk, GW_INVALID, &place, &error);
    }
}

static void read_versions(struct gw_confwalk *walk, const struct gw_config_key *key)
{
    uint32_t versions = 0;
    uint32_t before = walk->error_count;

    while (gw_confwalk_next(walk) && walk->event.type != YAML_SEQUENCE_END_EVENT)
        read_version(walk, &versions);
    if (versions == 0 && before == walk->error_count)
        gw_confwalk_note_here(walk, GW_CONFREPORT_SHAPE, "mqtt.versions has none", "");
    if (versions != 0)
        memcpy(gw_confvalue_member(walk->config, key), &versions, sizeof versions);
}

/* Reads the value of a key from the current event on. */
static void read_value(struct gw_confwalk *walk, const struct gw_config_key *key)
{
    if (key->kind == GW_CONFIG_LISTENERS) {
        read_listeners(walk);
    } else if (key->kind == GW_CONFIG_RULES) {
        read_rules(walk);
    } else if (key->kind == GW_CONFIG_PAIRS) {
        read_pairs(walk);
    } else if (key->kind == GW_CONFIG_AUTH) {
        gw_confauth_read(walk);
    } else if (key->kind == GW_CONFIG_ACCESS) {
        gw_confaccess_read(walk);
    } else if (walk->event.type == YAML_SCALAR_EVENT) {
        read_scalar(walk, key);
    } else if (walk->event.type == YAML_SEQUENCE_START_EVENT && key->kind == GW_CONFIG_VERSIONS) {
        read_versions(walk, key);
    } else {
        struct gw_confreport_place place = gw_confwalk_here(walk);
        struct gw_confreport_error error;

        gw_confreport_set(&error, GW_CONFREPORT_SHAPE, "%s is one value, not a %s", key->name,
                          walk->event.type == YAML_MAPPING_START_EVENT ? "mapping" : "list");
        gw_confreport_set_why(&error, "%s", gw_confvalue_kind_text(key->kind));
        gw_confwalk_note(walk, GW_INVALID, &place, &error);
        gw_confwalk_skip(walk);
    }
}

static void read_mapping(struct gw_confwalk *walk, struct gw_confname *name);

/* Reads the mapping behind a group's name. */
static void read_group(struct gw_confwalk *walk, struct gw_confname *name)
{
    struct gw_confreport_place place = gw_confwalk_here(walk);
    struct gw_confreport_error error;

    if (walk->event.type == YAML_MAPPING_START_EVENT) {
        read_mapping(walk, name);
        return;
    }
    if (gw_confwalk_is_null(walk))
        return;
    gw_confreport_set(&error, GW_CONFREPORT_SHAPE, "%s is a group of keys, not a value",
                      name->text);
    gw_confreport_set_why(&error, "as %s: {%s: ...}", name->text, gw_confname_first_child(name));
    gw_confwalk_note(walk, GW_INVALID, &place, &error);
    gw_confwalk_skip(walk);
}

/* Notes a key that stood before; remembers it otherwise. */
static bool is_duplicate(struct gw_confwalk *walk, const struct gw_confname *name,
                         const struct gw_confreport_place *place)
{
    uint32_t *seen = &walk->seen[name->first - gw_config_keys][name->depth - 1];
    struct gw_confreport_error error;

    if (*seen == 0) {
        *seen = (uint32_t)walk->event.start_mark.line + 1;
        return false;
    }
    gw_confreport_set(&error, GW_CONFREPORT_DUPLICATE_KEY, "%s stands twice", name->text);
    gw_confreport_set_why(&error, "the first is in line %u", *seen);
    gw_confwalk_note(walk, GW_INVALID, place, &error);
    return true;
}

/* Reads one entry of a mapping; the current event is its key. */
static void read_entry(struct gw_confwalk *walk, struct gw_confname *name)
{
    struct gw_confreport_place place = gw_confwalk_here(walk);
    struct gw_confreport_error error;
    size_t outer = name->size;

    if (walk->event.type != YAML_SCALAR_EVENT) {
        gw_confwalk_note_here(walk, GW_CONFREPORT_SHAPE, "the name of a key is one word", "");
        gw_confwalk_skip(walk);
        if (gw_confwalk_next(walk))
            gw_confwalk_skip(walk);
        return;
    }
    if (!gw_confname_enter(name, gw_confwalk_scalar(walk))) {
        struct gw_span prefix = gw_span_of(name->text, outer);

        gw_confwalk_note(walk, gw_confname_unknown(prefix, gw_confwalk_scalar(walk), &error),
                         &place, &error);
        if (gw_confwalk_next(walk))
            gw_confwalk_skip(walk);
        return;
    }
    if (is_duplicate(walk, name, &place)) {
        if (gw_confwalk_next(walk))
            gw_confwalk_skip(walk);
    } else if (gw_confwalk_next(walk)) {
        if (name->key != NULL) {
            set_origin(walk, name->key, place.line);
            read_value(walk, name->key);
        } else {
            read_group(walk, name);
        }
    }
    gw_confname_leave(name, outer);
}

static void read_mapping(struct gw_confwalk *walk, struct gw_confname *name)
{
    while (gw_confwalk_next(walk) && walk->event.type != YAML_MAPPING_END_EVENT)
        read_entry(walk, name);
}

/* Reads the one document of a text. With a key, the document is that key's value. */
static void read_stream(struct gw_confwalk *walk, const struct gw_config_key *key)
{
    struct gw_confname name = {0};

    if (!gw_confwalk_next(walk) || !gw_confwalk_next(walk) ||
        walk->event.type == YAML_STREAM_END_EVENT || !gw_confwalk_next(walk))
        return;
    if (key != NULL) {
        set_origin(walk, key, 0);
        read_value(walk, key);
    } else if (walk->event.type == YAML_MAPPING_START_EVENT) {
        read_mapping(walk, &name);
    } else if (!gw_confwalk_is_null(walk)) {
        gw_confwalk_note_here(walk, GW_CONFREPORT_SHAPE,
                              "a configuration is made of keys with values",
                              "as log: {level: info}");
        gw_confwalk_skip(walk);
    }
    if (gw_confwalk_next(walk) && gw_confwalk_next(walk) &&
        walk->event.type != YAML_STREAM_END_EVENT)
        gw_confwalk_note_here(walk, GW_CONFREPORT_SHAPE, "a second document begins here",
                              "a file holds one configuration");
}

/* Judges the bytes before a parser sees them. */
static enum gw_status check_bytes(const struct gw_confyaml_input *input,
                                  struct gw_confreport *report)
{
    struct gw_confreport_place place = {input->name, GW_SPAN_NONE, 0, 1, 1};
    struct gw_confreport_error error;

    if (input->text.size > GW_CONFIG_FILE_SIZE_MAX)
        gw_confreport_set(&error, GW_CONFREPORT_TOO_MUCH, "the file is larger than 1 MiB");
    else if (gw_utf8_check(input->text) == GW_UTF8_NUL)
        gw_confreport_set(&error, GW_CONFREPORT_SYNTAX, "the file contains zero bytes");
    else if (gw_utf8_check(input->text) != GW_UTF8_VALID)
        gw_confreport_set(&error, GW_CONFREPORT_SYNTAX, "the file is not UTF-8");
    else
        return GW_OK;
    gw_confreport_add(report, &place, &error);
    return GW_INVALID;
}

static enum gw_status load(const struct gw_confyaml_input *input, const struct gw_config_key *key,
                           struct gw_config *config, struct gw_confreport *report)
{
    struct gw_confwalk walk = {.input = input, .config = config, .report = report, .status = GW_OK};

    GW_TRY(check_bytes(input, report));
    if (!yaml_parser_initialize(&walk.parser))
        return GW_NO_MEMORY;
    yaml_parser_set_encoding(&walk.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&walk.parser,
                                 input->text.size > 0 ? input->text.data : (const uint8_t *)"",
                                 input->text.size);
    read_stream(&walk, key);
    yaml_event_delete(&walk.event);
    yaml_parser_delete(&walk.parser);
    return walk.status;
}

enum gw_status gw_confyaml_load(const struct gw_confyaml_input *input, struct gw_config *config,
                                struct gw_confreport *report)
{
    return load(input, NULL, config, report);
}

enum gw_status gw_confyaml_load_value(const struct gw_confyaml_input *input,
                                      const struct gw_config_key *key, struct gw_config *config,
                                      struct gw_confreport *report)
{
    return load(input, key, config, report);
}
