#include "config/confauth.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/suggest.h"
#include "base/time.h"
#include "base/utf8.h"
#include "config/confitem.h"
#include "config/confnumber.h"
#include "config/confvalue.h"

#define NAMES_MAX 32 /* kinds */
#define EXAMPLE   "as - {file: /etc/godwit/users}"

static const char *const true_words[] = {"true", "yes", "on"};
static const char *const false_words[] = {"false", "no", "off"};

/* -- life -- */

static void forget(struct gw_config_auth_item *item)
{
    for (size_t i = 0; i < item->count; i++)
        free(item->saids[i].text);
    free(item->saids);
    *item = (struct gw_config_auth_item){.kind = item->kind};
}

static enum gw_status say(struct gw_config_auth_item *item,
                          const struct gw_authkinds_setting *setting, struct gw_span text)
{
    struct gw_config_auth_said *saids = realloc(item->saids, (item->count + 1) * sizeof *saids);

    if (saids == NULL)
        return GW_NO_MEMORY;
    item->saids = saids;
    saids[item->count] = (struct gw_config_auth_said){setting, gw_span_dup(text)};
    if (saids[item->count].text == NULL)
        return GW_NO_MEMORY;
    item->count++;
    return GW_OK;
}

/* Puts an item at the end of the list; it is the list's then. */
static enum gw_status append(struct gw_config_auth *auth, struct gw_config_auth_item *item)
{
    struct gw_config_auth_item *items = realloc(auth->items, (auth->count + 1) * sizeof *items);

    if (items == NULL)
        return GW_NO_MEMORY;
    auth->items = items;
    items[auth->count++] = *item;
    *item = (struct gw_config_auth_item){.kind = item->kind};
    return GW_OK;
}

static enum gw_status copy_item(const struct gw_config_auth_item *item, struct gw_config_auth *auth)
{
    struct gw_config_auth_item copy = {.kind = item->kind, .line = item->line};
    enum gw_status status = GW_OK;

    for (size_t i = 0; i < item->count && status == GW_OK; i++)
        status = say(&copy, item->saids[i].setting, gw_span_str(item->saids[i].text));
    if (status == GW_OK)
        status = append(auth, &copy);
    forget(&copy);
    return status;
}

enum gw_status gw_confauth_copy(const struct gw_config_auth *auth, struct gw_config_auth *ret_auth)
{
    *ret_auth = (struct gw_config_auth){NULL, 0};
    for (size_t i = 0; i < auth->count; i++) {
        if (copy_item(&auth->items[i], ret_auth) != GW_OK) {
            gw_confauth_fini(ret_auth);
            return GW_NO_MEMORY;
        }
    }
    return GW_OK;
}

void gw_confauth_fini(struct gw_config_auth *auth)
{
    for (size_t i = 0; i < auth->count; i++)
        forget(&auth->items[i]);
    free(auth->items);
    *auth = (struct gw_config_auth){NULL, 0};
}

/* -- values -- */

static bool is_word(struct gw_span text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (gw_span_equal(text, gw_span_str(words[i])))
            return true;
    return false;
}

static enum gw_status judge_bool(const struct gw_authkinds_setting *setting, struct gw_span text,
                                 struct gw_confreport_error *error)
{
    if (is_word(text, true_words, GW_COUNT_OF(true_words)) ||
        is_word(text, false_words, GW_COUNT_OF(false_words)))
        return GW_OK;
    gw_confreport_set(error, GW_CONFREPORT_VALUE, "%s cannot be \"%.*s\"", setting->name,
                      GW_CONFREPORT_QUOTE(text));
    gw_confreport_set_why(error, "it is true or false");
    return GW_INVALID;
}

static enum gw_config_kind number_kind(const struct gw_authkinds_setting *setting)
{
    return setting->type == GW_AUTHKINDS_TIME ? GW_CONFIG_TIME : GW_CONFIG_COUNT;
}

static uint64_t number_of(const struct gw_authkinds_setting *setting, const char *text)
{
    struct gw_confreport_error error;
    uint64_t number = 0;
    enum gw_status status =
        gw_confnumber_parse(number_kind(setting), gw_span_str(text), &number, &error);

    GW_ASSERT(status == GW_OK); /* the table is ours, and what was said has been judged */
    return number;
}

static enum gw_status judge_number(const struct gw_authkinds_setting *setting, struct gw_span text,
                                   struct gw_confreport_error *error)
{
    uint64_t number;

    GW_TRY(gw_confnumber_parse(number_kind(setting), text, &number, error));
    if (number >= number_of(setting, setting->min) && number <= number_of(setting, setting->max))
        return GW_OK;
    gw_confreport_set(error, GW_CONFREPORT_RANGE, "%s cannot be %.*s", setting->name,
                      GW_CONFREPORT_QUOTE(text));
    gw_confreport_set_why(error, "it is %s to %s", setting->min, setting->max);
    return GW_INVALID;
}

/* What is printed and logged must not hold a password. */
static enum gw_status judge_url(const struct gw_authkinds_setting *setting, struct gw_span text,
                                struct gw_confreport_error *error)
{
    const uint8_t *colon = memchr(text.data, ':', text.size);
    struct gw_span host;

    if (colon == NULL || colon == text.data) {
        gw_confreport_set(error, GW_CONFREPORT_VALUE, "%s cannot be \"%.*s\"", setting->name,
                          GW_CONFREPORT_QUOTE(text));
        gw_confreport_set_why(error, "it is a URL");
        return GW_INVALID;
    }
    host = gw_span_from(text, (size_t)(colon - text.data) + 1);
    while (host.size > 0 && host.data[0] == '/')
        host = gw_span_from(host, 1);
    for (size_t i = 0; i < host.size && strchr("/?#", host.data[i]) == NULL; i++) {
        if (host.data[i] != '@' || memchr(host.data, ':', i) == NULL)
            continue;
        gw_confreport_set(error, GW_CONFREPORT_VALUE, "there is a password in %s", setting->name);
        gw_confreport_set_why(error, "whoever may see the configuration would see it");
        gw_confreport_set_hint(error, "a setting that ends with _file has room for it");
        return GW_INVALID;
    }
    return GW_OK;
}

static enum gw_status judge(const struct gw_authkinds_setting *setting, struct gw_span text,
                            struct gw_confreport_error *error)
{
    if (text.size == 0) {
        gw_confreport_set(error, GW_CONFREPORT_VALUE, "%s is empty", setting->name);
        if (strcmp(setting->kind, GW_AUTHKINDS_FILE) == 0)
            gw_confreport_set_hint(error, "godwit passwd -c users NAME makes a file \"users\"");
        return GW_INVALID;
    }
    if (gw_utf8_check(text) != GW_UTF8_VALID)
        return gw_confreport_set(error, GW_CONFREPORT_VALUE, "%s is not UTF-8 without U+0000",
                                 setting->name);
    if (setting->type == GW_AUTHKINDS_TIME || setting->type == GW_AUTHKINDS_COUNT)
        return judge_number(setting, text, error);
    if (setting->type == GW_AUTHKINDS_BOOL)
        return judge_bool(setting, text, error);
    if (setting->type == GW_AUTHKINDS_URL)
        return judge_url(setting, text, error);
    return GW_OK;
}

bool gw_confauth_is_file(const struct gw_config_auth_item *item)
{
    return strcmp(item->kind->name, GW_AUTHKINDS_FILE) == 0;
}

const char *gw_confauth_value(const struct gw_config_auth_item *item, const char *name)
{
    size_t count;
    const struct gw_authkinds_setting *settings = gw_authkinds_settings(item->kind, &count);

    for (size_t i = 0; i < item->count; i++)
        if (strcmp(item->saids[i].setting->name, name) == 0)
            return item->saids[i].text;
    for (size_t i = 0; i < count; i++)
        if (strcmp(settings[i].name, name) == 0 && settings[i].value[0] != '\0')
            return settings[i].value;
    return NULL;
}

uint32_t gw_confauth_number(const struct gw_config_auth_item *item, const char *name)
{
    struct gw_confreport_error error;
    const char *text = gw_confauth_value(item, name);
    uint64_t number = 0;

    if (text != NULL &&
        gw_confnumber_parse(GW_CONFIG_COUNT, gw_span_str(text), &number, &error) != GW_OK)
        return 0;
    return number < UINT32_MAX ? (uint32_t)number : UINT32_MAX;
}

enum gw_status gw_confauth_plain(const struct gw_authkinds_setting *setting, const char *text,
                                 struct gw_buf *out)
{
    char number[32];

    if (setting->type == GW_AUTHKINDS_BOOL)
        text = is_word(gw_span_str(text), true_words, GW_COUNT_OF(true_words)) ? "true" : "false";
    if (setting->type == GW_AUTHKINDS_TIME) {
        snprintf(number, sizeof number, "%llums",
                 (unsigned long long)(number_of(setting, text) / GW_NS_PER_MS));
        text = number;
    } else if (setting->type == GW_AUTHKINDS_COUNT) {
        snprintf(number, sizeof number, "%llu", (unsigned long long)number_of(setting, text));
        text = number;
    }
    return gw_buf_append(out, gw_span_str(text));
}

/* -- reading -- */

static enum gw_status judge_item(const struct gw_config_auth *auth,
                                 const struct gw_config_auth_item *item,
                                 struct gw_confreport_error *error)
{
    if (auth->count >= GW_CONFIG_AUTH_MAX)
        return gw_confreport_set(error, GW_CONFREPORT_RANGE, "more than %d entries of auth",
                                 GW_CONFIG_AUTH_MAX);
    for (size_t i = 0; i < auth->count && gw_confauth_is_file(item); i++) {
        if (!gw_confauth_is_file(&auth->items[i]) ||
            strcmp(auth->items[i].saids[0].text, item->saids[0].text) != 0)
            continue;
        gw_confreport_set(error, GW_CONFREPORT_CONFLICT, "\"%s\" stands here already",
                          item->saids[0].text);
        gw_confreport_set_why(error, "the first file that knows a user decides: delete one");
        return GW_INVALID;
    }
    return GW_OK;
}

/* Takes what was read of a kind's settings into an item of the configuration. */
static void take(struct gw_confwalk *walk, struct gw_confitem *fields,
                 const struct gw_authkinds_kind *kind, uint32_t line)
{
    struct gw_config_auth_item item = {.kind = kind, .line = line};
    struct gw_confreport_error error;
    size_t count;
    const struct gw_authkinds_setting *settings = gw_authkinds_settings(kind, &count);

    for (size_t i = 0; i < count; i++) {
        struct gw_span text = gw_confitem_text(fields, i);

        if (fields->fields[i].stands) {
            enum gw_status status = judge(&settings[i], text, &error);

            gw_confitem_note(fields, walk, i,
                             status == GW_OK ? say(&item, &settings[i], text) : status, &error);
        } else if (settings[i].required) {
            gw_confreport_set(&error, GW_CONFREPORT_SHAPE, "%s needs %s: %s", kind->name,
                              settings[i].name, settings[i].help);
            gw_confitem_note(fields, walk, i, GW_INVALID, &error);
        }
    }
    if (!fields->broken)
        gw_confitem_note(fields, walk, 0, judge_item(&walk->config->auth, &item, &error), &error);
    if (!fields->broken)
        gw_confitem_note(fields, walk, 0, append(&walk->config->auth, &item), &error);
    forget(&item);
}

/* Reads what stands behind a kind's name; the current event is the value. */
static void read_settings(struct gw_confwalk *walk, const struct gw_authkinds_kind *kind,
                          uint32_t line)
{
    const char *names[GW_AUTHKINDS_SETTINGS_MAX];
    struct gw_confitem fields;
    size_t count;
    const struct gw_authkinds_setting *settings = gw_authkinds_settings(kind, &count);
    char what[GW_CONFREPORT_TEXT_MAX];

    for (size_t i = 0; i < count; i++)
        names[i] = settings[i].name;
    gw_confitem_init(&fields, walk, kind->name, names, count);
    for (size_t i = 0; i < count; i++)
        fields.fields[i].is_list = settings[i].type == GW_AUTHKINDS_LIST;
    if (count == 1) {
        gw_confitem_read_as(&fields, walk, 0);
    } else if (walk->event.type == YAML_MAPPING_START_EVENT) {
        gw_confitem_read(&fields, walk);
    } else {
        snprintf(what, sizeof what, "%s has settings, as %s: {%s: ...}", kind->name, kind->name,
                 names[0]);
        gw_confwalk_note_here(walk, GW_CONFREPORT_SHAPE, what, "");
        gw_confwalk_skip(walk);
        fields.broken = true;
    }
    if (!walk->ended && !fields.broken)
        take(walk, &fields, kind, line);
    gw_confitem_fini(&fields);
}

static void refuse_kind(struct gw_confwalk *walk, struct gw_span name)
{
    struct gw_confreport_place place = gw_confwalk_here(walk);
    const char *names[NAMES_MAX];
    struct gw_confreport_error error;
    char list[GW_CONFREPORT_TEXT_MAX / 2] = "";
    size_t count = gw_authkinds_count();
    size_t used = 0;

    GW_ASSERT(count <= NAMES_MAX);
    for (size_t i = 0; i < count; i++) {
        const char *separator = i == 0 ? "" : i + 1 == count ? " and " : ", ";

        names[i] = gw_authkinds_at(i)->name;
        if (used < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", separator, names[i]);
    }
    const char *meant = gw_suggest_word(name, names, count);

    gw_confreport_set(&error, GW_CONFREPORT_UNKNOWN_KEY, "unknown key \"%.*s\" in an entry of auth",
                      GW_CONFREPORT_QUOTE(name));
    if (meant != NULL)
        gw_confreport_set_why(&error, "did you mean \"%s\"?", meant);
    else
        gw_confreport_set_why(&error, "there are %s", list);
    gw_confwalk_note(walk, GW_INVALID, &place, &error);
}

/* Reads `http: {...}`, one part of an entry; the current event is its key. */
static void read_kind(struct gw_confwalk *walk, bool is_first)
{
    struct gw_span name =
        walk->event.type == YAML_SCALAR_EVENT ? gw_confwalk_scalar(walk) : GW_SPAN_LIT("(a list)");
    const struct gw_authkinds_kind *kind = gw_authkinds_find(name);
    uint32_t line = walk->input->show_lines ? (uint32_t)walk->event.start_mark.line + 1 : 0;

    if (kind == NULL)
        refuse_kind(walk, name);
    else if (!is_first)
        gw_confwalk_note_here(walk, GW_CONFREPORT_SHAPE, "an entry of auth is of one kind",
                              "begin another entry with \"- \"");
    if (kind != NULL && is_first) {
        if (gw_confwalk_next(walk))
            read_settings(walk, kind, line);
        return;
    }
    gw_confwalk_skip(walk);
    if (gw_confwalk_next(walk))
        gw_confwalk_skip(walk);
}

/* Reads `{file: ...}` or `{http: {...}}` from the current event on. */
static void read_entry(struct gw_confwalk *walk)
{
    struct gw_confreport_place place = gw_confwalk_here(walk);
    struct gw_confreport_error error;
    bool found = false;

    if (walk->event.type != YAML_MAPPING_START_EVENT) {
        gw_confwalk_note_here(walk, GW_CONFREPORT_SHAPE, "an entry of auth is a mapping", EXAMPLE);
        gw_confwalk_skip(walk);
        return;
    }
    while (gw_confwalk_next(walk) && walk->event.type != YAML_MAPPING_END_EVENT) {
        read_kind(walk, !found);
        found = true;
    }
    if (walk->ended || found)
        return;
    gw_confreport_set(&error, GW_CONFREPORT_SHAPE,
                      "an entry of auth needs a file, or another kind");
    gw_confreport_set_why(&error, EXAMPLE);
    gw_confwalk_note(walk, GW_INVALID, &place, &error);
}

void gw_confauth_read(struct gw_confwalk *walk)
{
    gw_confauth_fini(&walk->config->auth);
    if (gw_confwalk_is_null(walk))
        return;
    if (walk->event.type != YAML_SEQUENCE_START_EVENT) {
        read_entry(walk);
        return;
    }
    while (gw_confwalk_next(walk) && walk->event.type != YAML_SEQUENCE_END_EVENT)
        read_entry(walk);
}

/* -- printing -- */

static enum gw_status put(struct gw_buf *out, const char *text)
{
    return gw_buf_append(out, gw_span_str(text));
}

static enum gw_status put_number(const struct gw_config_auth_said *said, struct gw_buf *out)
{
    char text[GW_CONFNUMBER_TEXT_MAX];

    gw_confnumber_text(number_kind(said->setting), number_of(said->setting, said->text), text);
    return put(out, text);
}

static enum gw_status put_said(const struct gw_config_auth_said *said, struct gw_buf *out)
{
    GW_TRY(put(out, said->setting->name));
    GW_TRY(put(out, ": "));
    if (said->setting->type == GW_AUTHKINDS_TIME || said->setting->type == GW_AUTHKINDS_COUNT)
        return put_number(said, out);
    if (said->setting->type == GW_AUTHKINDS_BOOL)
        return gw_confauth_plain(said->setting, said->text, out);
    return gw_confvalue_print_text(gw_span_str(said->text), out);
}

enum gw_status gw_confauth_print(const struct gw_config_auth_item *item, struct gw_buf *out)
{
    size_t count;

    (void)gw_authkinds_settings(item->kind, &count);
    GW_TRY(put(out, "{"));
    if (count > 1) {
        GW_TRY(put(out, item->kind->name));
        GW_TRY(put(out, ": {"));
    }
    for (size_t i = 0; i < item->count; i++) {
        GW_TRY(put(out, i > 0 ? ", " : ""));
        GW_TRY(put_said(&item->saids[i], out));
    }
    return put(out, count > 1 ? "}}" : "}");
}

/* "`5s`", or a word where there is no default. */
static enum gw_status put_default(const struct gw_authkinds_setting *setting, struct gw_buf *out)
{
    if (setting->value[0] == '\0')
        return put(out, setting->required ? "(needed)" : "(none)");
    GW_TRY(put(out, "`"));
    GW_TRY(put(out, setting->value));
    return put(out, "`");
}

static enum gw_status put_setting(const struct gw_authkinds_setting *setting, struct gw_buf *out)
{
    char row[512];

    snprintf(row, sizeof row, "| `%s` | `%s` | ", setting->kind, setting->name);
    GW_TRY(put(out, row));
    GW_TRY(put_default(setting, out));
    snprintf(row, sizeof row, " | %s", gw_authkinds_type_text(setting->type));
    GW_TRY(put(out, row));
    if (setting->min[0] != '\0') {
        snprintf(row, sizeof row, "; %s to %s", setting->min, setting->max);
        GW_TRY(put(out, row));
    }
    snprintf(row, sizeof row, " | %s |\n", setting->help);
    return put(out, row);
}

enum gw_status gw_confauth_reference(struct gw_buf *out)
{
    GW_TRY(put(out, "| kind | setting | default | takes | meaning |\n|---|---|---|---|---|\n"));
    for (size_t k = 0; k < gw_authkinds_count(); k++) {
        size_t count;
        const struct gw_authkinds_setting *settings =
            gw_authkinds_settings(gw_authkinds_at(k), &count);

        for (size_t i = 0; i < count; i++)
            GW_TRY(put_setting(&settings[i], out));
    }
    return GW_OK;
}
