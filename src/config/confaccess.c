#include "config/confaccess.h"

#include "auth/aclfile.h"
#include "auth/reach.h"
#include "auth/warrant.h"
#include "base/suggest.h"
#include "base/utf8.h"
#include "config/confitem.h"
#include "config/confvalue.h"
#include "os/file.h"
#include "topic/name.h"

#define RULE_EXAMPLE "as - {allow: pub, user: bob, topic: \"devices/#\"}"
#define QOS_ANY      2u

enum field {
    FIELD_ALLOW,
    FIELD_DENY,
    FIELD_TOPIC,
    FIELD_USER,
    FIELD_GROUP,
    FIELD_CLIENT_ID,
    FIELD_ADDRESS,
    FIELD_LISTENER,
    FIELD_CERTIFICATE,
    FIELD_CLAIM,
    FIELD_ANONYMOUS,
    FIELD_QOS,
    FIELD_RETAIN,
    FIELD_COUNT
};

static const char *const field_names[FIELD_COUNT] = {
    [FIELD_ALLOW] = "allow",       [FIELD_DENY] = "deny",
    [FIELD_TOPIC] = "topic",       [FIELD_USER] = "user",
    [FIELD_GROUP] = "group",       [FIELD_CLIENT_ID] = "client_id",
    [FIELD_ADDRESS] = "address",   [FIELD_QOS] = "qos",
    [FIELD_RETAIN] = "retain",     [FIELD_ANONYMOUS] = "anonymous",
    [FIELD_LISTENER] = "listener", [FIELD_CERTIFICATE] = "certificate",
    [FIELD_CLAIM] = "claim",
};

/* Of a certificate, as net/tlsnames tells them. */
static const char *const certificate_names[] = {"cn",        "o",       "ou",        "c",
                                                "l",         "st",      "email",     "san_dns",
                                                "san_email", "san_uri", "issuer_cn", "fingerprint"};

/* What the texts of one rule are built in. */
struct rule_texts {
    struct gw_buf topic;
    struct gw_buf certificate;
    struct gw_buf claim;
};

/* By enum gw_access_action. */
static const char *const action_words[] = {"", "pub", "sub", "pubsub"};

/* -- fields -- */

static enum gw_status read_action(struct gw_span text, uint8_t *ret_actions,
                                  struct gw_confreport_error *error)
{
    for (unsigned i = GW_ACCESS_PUBLISH; i <= GW_ACCESS_BOTH; i++) {
        if (gw_span_equal(text, gw_span_str(action_words[i]))) {
            *ret_actions = (uint8_t)i;
            return GW_OK;
        }
    }
    const char *meant = gw_suggest_word(text, action_words + 1, 3);

    gw_confreport_set(error, GW_CONFREPORT_ACCESS, "\"%.*s\" is nothing that can be allowed",
                      GW_CONFREPORT_QUOTE(text));
    if (meant != NULL)
        gw_confreport_set_why(error, "did you mean \"%s\"?", meant);
    else
        gw_confreport_set_why(error, "it is pub, sub or pubsub");
    return GW_INVALID;
}

static enum gw_status refuse_topic(struct gw_span text, enum gw_status status,
                                   struct gw_confreport_error *error)
{
    if (status == GW_NO_MEMORY)
        return status;
    if (text.size == 0) {
        gw_confreport_set(error, GW_CONFREPORT_FILTER, "the topic is empty");
        gw_confreport_set_why(error, "\"#\" is every topic");
        return GW_INVALID;
    }
    if (gw_span_starts_with(text, GW_SPAN_LIT("$share/"))) {
        gw_confreport_set(error, GW_CONFREPORT_FILTER,
                          "a rule is for topics, not for a subscription");
        gw_confreport_set_why(error, "write the filter without $share/GROUP/");
        return GW_INVALID;
    }
    if (status == GW_NOT_FOUND) {
        gw_confreport_set(error, GW_CONFREPORT_FILTER, "\"%.*s\" has an unknown placeholder",
                          GW_CONFREPORT_QUOTE(text));
        gw_confreport_set_why(error, "%%u is the user, %%c the client id, %%%% a percent sign");
        return GW_INVALID;
    }
    gw_confreport_set(error, GW_CONFREPORT_FILTER, "\"%.*s\" is not a topic filter",
                      GW_CONFREPORT_QUOTE(text));
    gw_confreport_set_why(error, "+ and # are levels of their own, # the last one");
    return GW_INVALID;
}

static enum gw_status read_topic(struct gw_span text, struct gw_buf *topic,
                                 struct gw_confreport_error *error)
{
    enum gw_status status =
        gw_utf8_check(text) == GW_UTF8_VALID ? gw_reach_encode(text, topic) : GW_INVALID;

    return status == GW_OK ? GW_OK : refuse_topic(text, status, error);
}

static enum gw_status read_name(struct gw_span text, struct gw_span *ret_name,
                                struct gw_confreport_error *error)
{
    *ret_name = text;
    if (text.size > 0 && gw_utf8_check(text) == GW_UTF8_VALID)
        return GW_OK;
    gw_confreport_set(error, GW_CONFREPORT_ACCESS,
                      text.size > 0 ? "a name is UTF-8 without U+0000" : "the name is empty");
    if (text.size == 0)
        gw_confreport_set_why(error, "anonymous: true is for clients without a user");
    return GW_INVALID;
}

static enum gw_status read_address(struct gw_span text, struct gw_access_net *ret_net,
                                   struct gw_confreport_error *error)
{
    if (gw_access_parse_net(text, ret_net) == GW_OK)
        return GW_OK;
    gw_confreport_set(error, GW_CONFREPORT_ACCESS, "\"%.*s\" is no address",
                      GW_CONFREPORT_QUOTE(text));
    gw_confreport_set_why(error, "as 10.1.2.3, 10.0.0.0/8 or fd00::/8");
    return GW_INVALID;
}

/* Cuts "o=Example" into its halves. */
static enum gw_status cut_pair(struct gw_span text, const char *example, struct gw_span *ret_name,
                               struct gw_span *ret_value, struct gw_confreport_error *error)
{
    const uint8_t *equals = text.size > 0 ? memchr(text.data, '=', text.size) : NULL;

    if (equals == NULL || equals == text.data || equals == text.data + text.size - 1) {
        gw_confreport_set(error, GW_CONFREPORT_ACCESS, "\"%.*s\" is no name and value",
                          GW_CONFREPORT_QUOTE(text));
        gw_confreport_set_why(error, "as %s", example);
        return GW_INVALID;
    }
    if (gw_utf8_check(text) != GW_UTF8_VALID)
        return gw_confreport_set(error, GW_CONFREPORT_ACCESS, "a value is UTF-8 without U+0000");
    *ret_name = gw_span_of(text.data, (size_t)(equals - text.data));
    *ret_value = gw_span_from(text, ret_name->size + 1);
    return GW_OK;
}

/* Puts an attribute together whose name is of one kind: "cert.", "claim.". */
static enum gw_status put_pair(const char *kind, struct gw_span name, struct gw_span value,
                               struct gw_buf *attribute)
{
    struct gw_buf full;

    gw_buf_init(&full, GW_CONFIG_TEXT_MAX + 8);
    enum gw_status status = gw_buf_append(&full, gw_span_str(kind));
    if (status == GW_OK)
        status = gw_buf_append(&full, name);
    if (status == GW_OK)
        status = gw_warrant_put(attribute, gw_buf_span(&full), value);
    gw_buf_fini(&full);
    return status;
}

enum gw_status gw_confaccess_certificate(struct gw_span text, struct gw_buf *attribute,
                                         struct gw_confreport_error *error)
{
    struct gw_span name = GW_SPAN_NONE, value = GW_SPAN_NONE;

    GW_TRY(cut_pair(text, "\"o=Example\"", &name, &value, error));
    for (size_t i = 0; i < GW_COUNT_OF(certificate_names); i++)
        if (gw_span_equal(name, gw_span_str(certificate_names[i])))
            return put_pair("cert.", name, value, attribute);
    const char *meant = gw_suggest_word(name, certificate_names, GW_COUNT_OF(certificate_names));
    gw_confreport_set(error, GW_CONFREPORT_ACCESS, "a certificate has no field \"%.*s\"",
                      GW_CONFREPORT_QUOTE(name));
    if (meant != NULL)
        gw_confreport_set_why(error, "did you mean \"%s\"?", meant);
    else
        gw_confreport_set_why(error, "it has cn, o, ou, c, l, st, email, san_dns, san_email, "
                                     "san_uri, issuer_cn, fingerprint");
    return GW_INVALID;
}

enum gw_status gw_confaccess_claim(struct gw_span text, struct gw_buf *attribute,
                                   struct gw_confreport_error *error)
{
    struct gw_span name = GW_SPAN_NONE, value = GW_SPAN_NONE;

    GW_TRY(cut_pair(text, "\"role=operator\"", &name, &value, error));
    return put_pair("claim.", name, value, attribute);
}

static enum gw_status read_qos(struct gw_span text, uint8_t *ret_qos,
                               struct gw_confreport_error *error)
{
    if (text.size == 1 && text.data[0] >= '0' && text.data[0] <= '2') {
        *ret_qos = (uint8_t)(text.data[0] - '0');
        return GW_OK;
    }
    gw_confreport_set(error, GW_CONFREPORT_ACCESS, "\"%.*s\" is no QoS", GW_CONFREPORT_QUOTE(text));
    gw_confreport_set_why(error, "it is 0, 1 or 2, and the rule is for no more");
    return GW_INVALID;
}

static enum gw_status read_flag(struct gw_span text, bool *ret_flag,
                                struct gw_confreport_error *error)
{
    *ret_flag = gw_span_equal(text, GW_SPAN_LIT("true"));
    if (*ret_flag || gw_span_equal(text, GW_SPAN_LIT("false")))
        return GW_OK;
    gw_confreport_set(error, GW_CONFREPORT_VALUE, "\"%.*s\" is not true or false",
                      GW_CONFREPORT_QUOTE(text));
    return GW_INVALID;
}

/* -- a rule -- */

/* Puts one field into the rule. */
static enum gw_status take_field(struct gw_access_rule *rule, enum field field, struct gw_span text,
                                 struct rule_texts *texts, struct gw_confreport_error *error)
{
    enum gw_status status = GW_OK;
    bool flag = false;

    switch (field) {
    case FIELD_ALLOW:
    case FIELD_DENY:
        rule->allow = field == FIELD_ALLOW;
        return read_action(text, &rule->actions, error);
    case FIELD_TOPIC:
        status = read_topic(text, &texts->topic, error);
        rule->topic = gw_buf_span(&texts->topic);
        return status;
    case FIELD_CERTIFICATE:
        status = gw_confaccess_certificate(text, &texts->certificate, error);
        rule->certificate = gw_buf_span(&texts->certificate);
        return status;
    case FIELD_CLAIM:
        status = gw_confaccess_claim(text, &texts->claim, error);
        rule->claim = gw_buf_span(&texts->claim);
        return status;
    case FIELD_LISTENER: return read_name(text, &rule->listener, error);
    case FIELD_USER: return read_name(text, &rule->user, error);
    case FIELD_GROUP: return read_name(text, &rule->group, error);
    case FIELD_CLIENT_ID: return read_name(text, &rule->client_id, error);
    case FIELD_ADDRESS: return read_address(text, &rule->net, error);
    case FIELD_QOS: return read_qos(text, &rule->qos_max, error);
    case FIELD_RETAIN:
        status = read_flag(text, &flag, error);
        rule->retain = flag ? GW_ACCESS_RETAIN_ONLY : GW_ACCESS_RETAIN_NO;
        return status;
    case FIELD_ANONYMOUS:
        status = read_flag(text, &rule->anonymous, error);
        if (status == GW_OK && !rule->anonymous) {
            gw_confreport_set(error, GW_CONFREPORT_VALUE, "anonymous can only be true");
            gw_confreport_set_why(error, "leave it out: the rule is for all then");
            status = GW_INVALID;
        }
        return status;
    case FIELD_COUNT: break;
    }
    return status;
}

static enum gw_status conflict(struct gw_confreport_error *error, const char *what, const char *why)
{
    gw_confreport_set(error, GW_CONFREPORT_ACCESS, "%s", what);
    gw_confreport_set_why(error, "%s", why);
    return GW_INVALID;
}

/* What no field can judge alone; *ret_field is where it stands. */
static enum gw_status check_rule(const struct gw_confitem *item, const struct gw_access_rule *rule,
                                 enum field *ret_field, struct gw_confreport_error *error)
{
    const struct gw_confitem_field *fields = item->fields;

    *ret_field = FIELD_DENY;
    if (fields[FIELD_ALLOW].stands && fields[FIELD_DENY].stands)
        return conflict(error, "a rule allows or denies, not both", "make two rules of it");
    *ret_field = FIELD_ALLOW;
    if (!fields[FIELD_ALLOW].stands && !fields[FIELD_DENY].stands)
        return conflict(error, "a rule needs allow or deny", RULE_EXAMPLE);
    if (rule->allow && !fields[FIELD_TOPIC].stands)
        return conflict(error, "a rule that allows needs a topic", "\"#\" is every topic");
    *ret_field = FIELD_QOS;
    if (!rule->allow && fields[FIELD_QOS].stands)
        return conflict(error, "qos is for rules that allow",
                        "what is above the qos of a rule goes on to the next one");
    *ret_field = FIELD_RETAIN;
    if (fields[FIELD_RETAIN].stands && (rule->actions & GW_ACCESS_PUBLISH) == 0)
        return conflict(error, "retain is for rules about publishing", "");
    *ret_field = FIELD_ANONYMOUS;
    if (rule->anonymous && (rule->user.size > 0 || rule->group.size > 0))
        return conflict(error, "anonymous clients have no user and no group", "delete one of them");
    return GW_OK;
}

static enum gw_status append(struct gw_access *access, const struct gw_access_rule *rule,
                             struct gw_confreport_error *error)
{
    enum gw_status status = gw_access_add(access, rule);

    if (status != GW_LIMIT)
        return status;
    gw_confreport_set(error, GW_CONFREPORT_RANGE, "there are too many rules");
    gw_confreport_set_why(error, "at most %u, and %u of them without a user", GW_ACCESS_RULES_MAX,
                          GW_ACCESS_GENERAL_MAX);
    return GW_INVALID;
}

static void add_rule(struct gw_confwalk *walk, struct gw_confitem *item)
{
    struct gw_access_rule rule = {.qos_max = QOS_ANY, .line = item->place.line};
    struct gw_confreport_error error;
    struct rule_texts texts;
    enum field field;

    gw_buf_init(&texts.topic, GW_CONFIG_TEXT_MAX);
    gw_buf_init(&texts.certificate, GW_WARRANT_TEXT_MAX);
    gw_buf_init(&texts.claim, GW_WARRANT_TEXT_MAX);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (item->fields[i].stands)
            gw_confitem_note(
                item, walk, i,
                take_field(&rule, (enum field)i, gw_confitem_text(item, i), &texts, &error),
                &error);
    }
    if (!item->broken) {
        enum gw_status status = check_rule(item, &rule, &field, &error);

        if (status == GW_OK)
            status = append(walk->config->access, &rule, &error);
        gw_confitem_note(item, walk, field, status, &error);
    }
    gw_buf_fini(&texts.topic);
    gw_buf_fini(&texts.certificate);
    gw_buf_fini(&texts.claim);
}

/* Reads `{allow: ..., topic: ...}` from the current event on. */
static void read_rule(struct gw_confwalk *walk)
{
    struct gw_confitem item;

    if (walk->event.type != YAML_MAPPING_START_EVENT) {
        gw_confwalk_note_here(walk, GW_CONFREPORT_SHAPE, "a rule is a mapping", RULE_EXAMPLE);
        gw_confwalk_skip(walk);
        return;
    }
    gw_confitem_init(&item, walk, "an access rule", field_names, FIELD_COUNT);
    gw_confitem_read(&item, walk);
    if (!walk->ended && !item.broken)
        add_rule(walk, &item);
    gw_confitem_fini(&item);
}

void gw_confaccess_read(struct gw_confwalk *walk)
{
    struct gw_access **access = &walk->config->access;

    gw_access_unref(access);
    if (gw_confwalk_is_null(walk)) {
        /* Nothing behind the key looks like rules that have gone: better ask than let all in. */
        if (gw_confwalk_scalar(walk).size == 0)
            gw_confwalk_note_here(walk, GW_CONFREPORT_ACCESS, "access has no rules",
                                  "[] denies everything, without the key everything is allowed");
        return;
    }
    *access = gw_access_new();
    if (*access == NULL) {
        gw_confwalk_note(walk, GW_NO_MEMORY, NULL, NULL);
        return;
    }
    if (walk->event.type != YAML_SEQUENCE_START_EVENT) {
        read_rule(walk);
    } else {
        while (gw_confwalk_next(walk) && walk->event.type != YAML_SEQUENCE_END_EVENT)
            read_rule(walk);
    }
    if (gw_access_seal(*access) != GW_OK)
        gw_confwalk_note(walk, GW_NO_MEMORY, NULL, NULL);
}

/* -- both keys together -- */

static enum gw_status refuse_file(const char *path, enum gw_status status, int number,
                                  struct gw_confreport *report)
{
    struct gw_confreport_place place = {"access_file", GW_SPAN_NONE, 0, 1, 1};
    struct gw_confreport_error error;

    if (status == GW_NO_MEMORY)
        return status;
    if (status == GW_LIMIT)
        gw_confreport_set(&error, GW_CONFREPORT_TOO_MUCH, "%.150s is larger than 16 MiB", path);
    else
        gw_confreport_set(&error, GW_CONFREPORT_UNREADABLE, "cannot read %.150s: %s", path,
                          strerror(number));
    gw_confreport_set_hint(&error, "ls -l %s", path);
    gw_confreport_add(report, &place, &error);
    return GW_INVALID;
}

static enum gw_status parse_file(const char *path, struct gw_span text, struct gw_access *access,
                                 struct gw_confreport *report)
{
    struct gw_aclfile_error found;
    struct gw_confreport_error error;
    enum gw_status status = gw_aclfile_parse(text, access, &found);
    struct gw_confreport_place place = {path, text, found.line, found.column, found.width};

    if (status == GW_OK || status == GW_NO_MEMORY)
        return status;
    gw_confreport_set(&error, GW_CONFREPORT_ACCESS, "%s", found.what);
    gw_confreport_set_why(&error, "%s", found.why);
    gw_confreport_add(report, &place, &error);
    return GW_INVALID;
}

static enum gw_status read_file(const char *path, struct gw_access *access,
                                struct gw_confreport *report)
{
    struct gw_buf content;
    int number = 0;

    gw_buf_init(&content, GW_ACLFILE_SIZE_MAX);
    enum gw_status status = gw_file_read(path, &content, &number);
    status = status != GW_OK ? refuse_file(path, status, number, report)
                             : parse_file(path, gw_buf_span(&content), access, report);
    gw_buf_fini(&content);
    return status;
}

/* The rules of `access`, then those of the file. */
static enum gw_status fill(const struct gw_config *config, struct gw_access *all,
                           struct gw_confreport *report)
{
    for (size_t i = 0; i < gw_access_count(config->access); i++)
        GW_TRY(gw_access_add(all, gw_access_at(config->access, i)));
    GW_TRY(read_file(config->access_file, all, report));
    return gw_access_seal(all);
}

static bool has_listener(const struct gw_config_listeners *listeners, struct gw_span name)
{
    for (size_t i = 0; i < listeners->count; i++)
        if (gw_span_equal(name, gw_span_str(listeners->items[i].url)))
            return true;
    return false;
}

/* A rule for a listener that does not exist is a slip, and might have been one that denies. */
static enum gw_status check_listeners(const struct gw_config *config, struct gw_confreport *report)
{
    const struct gw_config_listeners *listeners = &config->listeners;
    enum gw_status status = GW_OK;

    for (size_t i = 0; i < gw_access_count(config->access); i++) {
        const struct gw_access_rule *rule = gw_access_at(config->access, i);
        struct gw_confreport_place place = {config->path ? config->path : "access", GW_SPAN_NONE,
                                            rule->line, 1, 1};
        struct gw_confreport_error error;

        if (rule->listener.size == 0 || has_listener(listeners, rule->listener))
            continue;
        gw_confreport_set(&error, GW_CONFREPORT_ACCESS, "no listener is called \"%.*s\"",
                          GW_CONFREPORT_QUOTE(rule->listener));
        gw_confreport_set_hint(&error, "listeners has \"%.100s\"", listeners->items[0].url);
        gw_confreport_add(report, &place, &error);
        status = GW_INVALID;
    }
    return status;
}

enum gw_status gw_confaccess_join(struct gw_config *config, struct gw_confreport *report)
{
    GW_TRY(check_listeners(config, report));
    gw_access_unref(&config->rights);
    if (config->access_file[0] == '\0' && (config->access != NULL || config->auth.count == 0)) {
        config->rights = gw_access_ref(config->access);
        return GW_OK;
    }
    config->rights = gw_access_new();
    if (config->access_file[0] ==
        '\0') /* who has users wants rules: none of them allows anything */
        return config->rights != NULL ? gw_access_seal(config->rights) : GW_NO_MEMORY;
    return config->rights != NULL ? fill(config, config->rights, report) : GW_NO_MEMORY;
}

/* -- printing -- */

static enum gw_status put(struct gw_buf *out, const char *text)
{
    return gw_buf_append(out, gw_span_str(text));
}

/* ", user: bob", unless there is none. */
static enum gw_status put_name(const char *field, struct gw_span name, struct gw_buf *out)
{
    if (name.size == 0)
        return GW_OK;
    GW_TRY(put(out, field));
    return gw_confvalue_print_text(name, out);
}

/* ", certificate: o=Example", unless there is none. */
static enum gw_status put_attribute(const char *field, struct gw_span attribute, struct gw_buf *out)
{
    struct gw_span name = GW_SPAN_NONE, value = GW_SPAN_NONE;
    struct gw_buf text;

    if (!gw_warrant_next(&attribute, &name, &value))
        return GW_OK;
    while (name.size > 0 && name.data[0] != '.') /* its kind */
        name = gw_span_from(name, 1);
    gw_buf_init(&text, GW_WARRANT_TEXT_MAX);
    enum gw_status status = gw_buf_append(&text, gw_span_from(name, 1));
    if (status == GW_OK)
        status = gw_buf_append(&text, GW_SPAN_LIT("="));
    if (status == GW_OK)
        status = gw_buf_append(&text, value);
    if (status == GW_OK)
        status = put_name(field, gw_buf_span(&text), out);
    gw_buf_fini(&text);
    return status;
}

static enum gw_status put_topic(struct gw_span topic, struct gw_buf *out)
{
    struct gw_buf text;

    if (topic.size == 0)
        return GW_OK;
    gw_buf_init(&text, 2 * (size_t)UINT16_MAX);
    enum gw_status status = gw_reach_decode(topic, &text);
    if (status == GW_OK)
        status = put_name(", topic: ", gw_buf_span(&text), out);
    gw_buf_fini(&text);
    return status;
}

enum gw_status gw_confaccess_print(const struct gw_access_rule *rule, struct gw_buf *out)
{
    static const char *const qos_words[] = {", qos: 0", ", qos: 1", ""};
    static const char *const retain_words[] = {"", ", retain: false", ", retain: true"};
    char net[GW_ACCESS_NET_TEXT_MAX];

    GW_TRY(put(out, rule->allow ? "{allow: " : "{deny: "));
    GW_TRY(put(out, action_words[rule->actions]));
    GW_TRY(put_name(", user: ", rule->user, out));
    GW_TRY(put_name(", group: ", rule->group, out));
    GW_TRY(put_name(", client_id: ", rule->client_id, out));
    if (rule->net.stands)
        GW_TRY(put_name(", address: ", gw_span_str(gw_access_net_text(&rule->net, net)), out));
    GW_TRY(put_name(", listener: ", rule->listener, out));
    GW_TRY(put_attribute(", certificate: ", rule->certificate, out));
    GW_TRY(put_attribute(", claim: ", rule->claim, out));
    GW_TRY(put(out, rule->anonymous ? ", anonymous: true" : ""));
    GW_TRY(put(out, qos_words[rule->qos_max]));
    GW_TRY(put(out, retain_words[rule->retain]));
    GW_TRY(put_topic(rule->topic, out));
    return put(out, "}");
}
