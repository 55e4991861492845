#include "config/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "config/confaccess.h"
#include "config/confauth.h"
#include "config/conflisten.h"
#include "config/confname.h"
#include "config/confreport.h"
#include "config/confrules.h"
#include "config/conftls.h"
#include "config/confvalue.h"
#include "config/confyaml.h"
#include "os/file.h"

#define ENV_PREFIX "GODWIT__"
#define PLACE_MAX  200 /* of the words that say where an override stands */

#define X(key, kind, value, min, max, reload, help)                                                \
    {#key,                                                                                         \
     GW_CONFIG_##kind,                                                                             \
     GW_CONFIG_##reload,                                                                           \
     value,                                                                                        \
     min,                                                                                          \
     max,                                                                                          \
     help,                                                                                         \
     offsetof(struct gw_config, key)},
const struct gw_config_key gw_config_keys[GW_CONFIG_KEY_COUNT] = {
#include "config/config.def"
};
#undef X

const struct gw_config_key *gw_config_find(struct gw_span name)
{
    for (size_t i = 0; i < GW_CONFIG_KEY_COUNT; i++) {
        if (gw_span_equal(gw_span_str(gw_config_keys[i].name), name))
            return &gw_config_keys[i];
    }
    return NULL;
}

enum gw_status gw_config_init_defaults(struct gw_config *config)
{
    struct gw_confreport_error error;
    enum gw_status status;

    memset(config, 0, sizeof *config);
    status = gw_conflisten_add(&config->listeners, GW_SPAN_LIT(GW_CONFLISTEN_DEFAULT),
                               GW_CONFLISTEN_UNSAID, &error);
    for (size_t i = 0; i < GW_CONFIG_KEY_COUNT && status == GW_OK; i++) {
        const struct gw_config_key *key = &gw_config_keys[i];

        if (!gw_confvalue_is_list(key->kind))
            status = gw_confvalue_set(config, key, gw_span_str(key->value), &error);
    }
    GW_ASSERT(status == GW_OK || status == GW_NO_MEMORY); /* the table is ours */
    if (status != GW_OK)
        gw_config_fini(config);
    return status;
}

void gw_config_fini(struct gw_config *config)
{
    if (config == NULL)
        return;
    gw_conflisten_fini(&config->listeners);
    gw_confauth_fini(&config->auth);
    gw_confrules_fini(&config->store.durability_rules);
    gw_conftls_fini(&config->tls.certificates);
    gw_access_unref(&config->access);
    gw_access_unref(&config->rights);
    for (size_t i = 0; i < GW_CONFIG_KEY_COUNT; i++) {
        if (gw_config_keys[i].kind == GW_CONFIG_TEXT)
            free(*(char **)gw_confvalue_member(config, &gw_config_keys[i]));
    }
    free(config->path);
    memset(config, 0, sizeof *config);
}

enum gw_status gw_config_copy(const struct gw_config *config, struct gw_config *ret_config)
{
    enum gw_status status;

    *ret_config = *config;
    ret_config->path = config->path != NULL ? strdup(config->path) : NULL;
    status = config->path != NULL && ret_config->path == NULL ? GW_NO_MEMORY : GW_OK;
    /* First nothing is shared, so that whatever fails below can be released. */
    ret_config->listeners = (struct gw_config_listeners){NULL, 0};
    ret_config->auth = (struct gw_config_auth){NULL, 0};
    ret_config->store.durability_rules = (struct gw_config_rules){NULL, 0};
    ret_config->tls.certificates = (struct gw_config_pairs){NULL, 0};
    ret_config->access = gw_access_ref(config->access);
    ret_config->rights = gw_access_ref(config->rights);
    for (size_t i = 0; i < GW_CONFIG_KEY_COUNT; i++) {
        const struct gw_config_key *key = &gw_config_keys[i];
        char **member = gw_confvalue_member(ret_config, key);

        if (key->kind != GW_CONFIG_TEXT)
            continue;
        *member = strdup(*(char *const *)gw_confvalue_member_const(config, key));
        if (*member == NULL)
            status = GW_NO_MEMORY;
    }
    if (status == GW_OK)
        status = gw_conflisten_copy(&config->listeners, &ret_config->listeners);
    if (status == GW_OK)
        status = gw_confauth_copy(&config->auth, &ret_config->auth);
    if (status == GW_OK)
        status =
            gw_confrules_copy(&config->store.durability_rules, &ret_config->store.durability_rules);
    if (status == GW_OK)
        status = gw_conftls_copy(&config->tls.certificates, &ret_config->tls.certificates);
    if (status != GW_OK)
        gw_config_fini(ret_config);
    return status;
}

/* -- overrides -- */

/* One "key=value" of the command line or the environment. */
struct override {
    const char *name; /* of where it stands, for errors */
    struct gw_span key;
    struct gw_span value;
    enum gw_config_source source;
};

static enum gw_status refuse(struct gw_confreport *report, const struct override *override,
                             const struct gw_confreport_error *error)
{
    struct gw_confreport_place place = {override->name, GW_SPAN_NONE, 0, 1, 1};

    gw_confreport_add(report, &place, error);
    return GW_INVALID;
}

/* Makes `["a", "b"]` of "a, b". The quotes keep "[::1]" whole; one inside ends as an error. */
static enum gw_status quote_list(struct gw_span items, struct gw_buf *list)
{
    bool at_begin = true;

    GW_TRY(gw_buf_append(list, GW_SPAN_LIT("[\"")));
    for (size_t i = 0; i < items.size; i++) {
        bool comma = items.data[i] == ',';

        if (comma)
            GW_TRY(gw_buf_append(list, GW_SPAN_LIT("\", \"")));
        else if (!at_begin || items.data[i] != ' ')
            GW_TRY(gw_buf_append(list, gw_span_of(&items.data[i], 1)));
        at_begin = comma || (at_begin && items.data[i] == ' ');
    }
    return gw_buf_append(list, GW_SPAN_LIT("\"]"));
}

/* "a,b" or "[a, b]" or "{url: a}" for a key that takes a list. */
static enum gw_status apply_list(struct gw_config *config, const struct override *override,
                                 const struct gw_config_key *key, struct gw_confreport *report)
{
    struct gw_confyaml_input input = {override->name, override->value, false, NULL,
                                      override->source};
    struct gw_confreport_error error;
    struct gw_buf list;
    enum gw_status status;

    if (override->value.size == 0) {
        gw_confreport_set(&error, GW_CONFREPORT_VALUE, "%s has no value", key->name);
        return refuse(report, override, &error);
    }
    if (override->value.data[0] == '[' || override->value.data[0] == '{')
        return gw_confyaml_load_value(&input, key, config, report);
    gw_buf_init(&list, GW_CONFIG_TEXT_MAX);
    status = quote_list(override->value, &list);
    input.text = gw_buf_span(&list);
    if (status == GW_OK) {
        status = gw_confyaml_load_value(&input, key, config, report);
    } else if (status == GW_LIMIT) {
        gw_confreport_set(&error, GW_CONFREPORT_RANGE, "%s is too long", key->name);
        status = refuse(report, override, &error);
    }
    gw_buf_fini(&list);
    return status;
}

static enum gw_status apply(struct gw_config *config, const struct override *override,
                            struct gw_confreport *report)
{
    const struct gw_config_key *key = gw_config_find(override->key);
    struct gw_confreport_error error;
    enum gw_status status;

    if (key == NULL) {
        gw_confname_unknown(GW_SPAN_NONE, override->key, &error);
        return refuse(report, override, &error);
    }
    config->origins[key - gw_config_keys] = (struct gw_config_origin){override->source, 0};
    if (gw_confvalue_is_list(key->kind) || key->kind == GW_CONFIG_VERSIONS)
        return apply_list(config, override, key, report);
    status = gw_confvalue_set(config, key, override->value, &error);
    return status == GW_INVALID ? refuse(report, override, &error) : status;
}

/* The worse of two outcomes. */
static enum gw_status worse(enum gw_status a, enum gw_status b)
{
    if (a == GW_NO_MEMORY || b == GW_NO_MEMORY)
        return GW_NO_MEMORY;
    return a != GW_OK ? a : b;
}

static enum gw_status apply_env(struct gw_config *config, const char *const *env,
                                struct gw_confreport *report)
{
    enum gw_status status = GW_OK;

    for (; env != NULL && *env != NULL; env++) {
        char key[GW_CONFNAME_SIZE_MAX];
        char place[PLACE_MAX];
        const char *equals = strchr(*env, '=');
        const char *begin = *env + strlen(ENV_PREFIX);
        struct override override = {place, GW_SPAN_NONE, GW_SPAN_NONE, GW_CONFIG_FROM_ENV};

        if (strncmp(*env, ENV_PREFIX, strlen(ENV_PREFIX)) != 0 || equals == NULL)
            continue;
        snprintf(place, sizeof place, "environment variable %.*s", (int)(equals - *env), *env);
        override.value = gw_span_str(equals + 1);
        override.key = gw_span_of(begin, (size_t)(equals - begin));
        if (gw_confname_of_variable(override.key, key))
            override.key = gw_span_str(key);
        status = worse(status, apply(config, &override, report));
    }
    return status;
}

static enum gw_status apply_sets(struct gw_config *config, const struct gw_config_input *input,
                                 struct gw_confreport *report)
{
    enum gw_status status = GW_OK;

    for (size_t i = 0; i < input->set_count; i++) {
        const char *set = input->sets[i];
        const char *equals = strchr(set, '=');
        char place[PLACE_MAX];
        struct override override = {place, GW_SPAN_NONE, GW_SPAN_NONE, GW_CONFIG_FROM_COMMAND};

        snprintf(place, sizeof place, "--set %s", set);
        if (equals == NULL) {
            struct gw_confreport_error error;

            gw_confreport_set(&error, GW_CONFREPORT_SHAPE, "there is no \"=\"");
            gw_confreport_set_why(&error, "as --set limits.packet=4MB");
            status = worse(status, refuse(report, &override, &error));
            continue;
        }
        override.key = gw_span_of(set, (size_t)(equals - set));
        override.value = gw_span_str(equals + 1);
        status = worse(status, apply(config, &override, report));
    }
    return status;
}

/* -- the file -- */

static enum gw_status refuse_file(const char *path, enum gw_status status, int number,
                                  struct gw_confreport *report)
{
    struct gw_confreport_place place = {path, GW_SPAN_NONE, 0, 1, 1};
    struct gw_confreport_error error;

    if (status == GW_NO_MEMORY)
        return status;
    if (status == GW_LIMIT) {
        gw_confreport_set(&error, GW_CONFREPORT_TOO_MUCH, "the file is larger than 1 MiB");
    } else {
        gw_confreport_set(&error, GW_CONFREPORT_UNREADABLE, "cannot read the file: %s",
                          number == ENOENT   ? "it does not exist"
                          : number == EACCES ? "permission denied"
                          : number == EISDIR ? "it is a directory"
                                             : strerror(number));
        if (number == ENOENT)
            gw_confreport_set_hint(&error, "godwit config show --defaults > %s writes one", path);
        else if (number == EACCES)
            gw_confreport_set_hint(&error, "ls -l %s shows who may read it", path);
    }
    gw_confreport_add(report, &place, &error);
    return GW_INVALID;
}

static enum gw_status load_file(struct gw_config *config, const struct gw_config_input *input,
                                struct gw_confreport *report)
{
    struct gw_confyaml_input yaml = {input->path != NULL ? input->path : "configuration",
                                     GW_SPAN_NONE, true, input->env, GW_CONFIG_FROM_FILE};
    struct gw_buf content;
    enum gw_status status = GW_OK;
    int number = 0;

    gw_buf_init(&content, GW_CONFIG_FILE_SIZE_MAX);
    if (input->path != NULL) {
        config->path = strdup(input->path);
        if (config->path == NULL)
            return GW_NO_MEMORY;
    }
    if (input->text == NULL)
        status = gw_file_read(input->path, &content, &number);
    yaml.text = input->text != NULL ? *input->text : gw_buf_span(&content);
    if (status != GW_OK)
        status = refuse_file(input->path, status, number, report);
    else
        status = gw_confyaml_load(&yaml, config, report);
    gw_buf_fini(&content);
    return status;
}

/* What no key can judge alone. */
static enum gw_status check_whole(const struct gw_config *config, struct gw_confreport *report)
{
    const struct gw_config_limits *limits = &config->limits;
    struct gw_confreport_place place = {config->path != NULL ? config->path : "configuration",
                                        GW_SPAN_NONE, 0, 1, 1};
    struct gw_confreport_error error;

    if (limits->packet_before_connect > limits->packet) {
        gw_confreport_set(&error, GW_CONFREPORT_CONFLICT,
                          "limits.packet_before_connect is larger than limits.packet");
        gw_confreport_set_hint(&error, "lower limits.packet_before_connect too");
    } else if (limits->memory < limits->packet * 2) {
        gw_confreport_set(&error, GW_CONFREPORT_CONFLICT,
                          "limits.memory does not hold two packets of limits.packet");
        gw_confreport_set_hint(&error, "raise limits.memory, or lower limits.packet");
    } else if (config->group[0] != '\0' && config->user[0] == '\0') {
        gw_confreport_set(&error, GW_CONFREPORT_CONFLICT, "group goes with user");
        gw_confreport_set_hint(&error, "name the user to become too");
    } else {
        return GW_OK;
    }
    gw_confreport_add(report, &place, &error);
    return GW_INVALID;
}

enum gw_status gw_config_load(const struct gw_config_input *input, struct gw_config *ret_config,
                              struct gw_confreport *report)
{
    enum gw_status status = gw_config_init_defaults(ret_config);

    if (status != GW_OK)
        return status;
    if (input->path != NULL || input->text != NULL)
        status = worse(status, load_file(ret_config, input, report));
    status = worse(status, apply_env(ret_config, input->env, report));
    status = worse(status, apply_sets(ret_config, input, report));
    if (status == GW_OK)
        status = check_whole(ret_config, report);
    if (status == GW_OK)
        status = gw_confaccess_join(ret_config, report);
    if (status != GW_OK)
        gw_config_fini(ret_config);
    return status;
}

/* -- comparing -- */

bool gw_config_equal(const struct gw_config *a, const struct gw_config *b,
                     const struct gw_config_key *key)
{
    struct gw_buf one;
    struct gw_buf two;
    bool result;

    gw_buf_init(&one, SIZE_MAX);
    gw_buf_init(&two, SIZE_MAX);
    /* The text of a value says all there is to it. Out of memory counts as a change. */
    result = gw_confvalue_print(a, key, &one) == GW_OK &&
             gw_confvalue_print(b, key, &two) == GW_OK &&
             gw_span_equal(gw_buf_span(&one), gw_buf_span(&two));
    gw_buf_fini(&one);
    gw_buf_fini(&two);
    /* What stands in the file counts too. */
    if (key->offset == offsetof(struct gw_config, access_file) && a->access_file[0] != '\0')
        result = result &&
                 (gw_access_equal(a->rights, b->rights) || !gw_access_equal(a->access, b->access));
    return result;
}

size_t gw_config_diff(const struct gw_config *before, const struct gw_config *after,
                      gw_config_diff_fn *fn, void *user)
{
    size_t count = 0;

    for (size_t i = 0; i < GW_CONFIG_KEY_COUNT; i++) {
        if (gw_config_equal(before, after, &gw_config_keys[i]))
            continue;
        count++;
        if (fn != NULL)
            fn(user, &gw_config_keys[i], before, after);
    }
    return count;
}

/* Releases what a value of a key points to, if it points to anything. */
static void release(struct gw_config *config, const struct gw_config_key *key)
{
    if (key->kind == GW_CONFIG_LISTENERS)
        gw_conflisten_fini(&config->listeners);
    else if (key->kind == GW_CONFIG_ACCESS)
        gw_access_unref(&config->access);
    else if (key->kind == GW_CONFIG_TEXT)
        free(*(char **)gw_confvalue_member(config, key));
}

enum gw_status gw_config_carry(struct gw_config *next, const struct gw_config *running)
{
    struct gw_config copy;

    GW_TRY(gw_config_copy(running, &copy));
    for (size_t i = 0; i < GW_CONFIG_KEY_COUNT; i++) {
        const struct gw_config_key *key = &gw_config_keys[i];
        void *from = gw_confvalue_member(&copy, key);
        size_t size = gw_confvalue_size(key->kind);

        if (key->reload != GW_CONFIG_RESTART)
            continue;
        release(next, key);
        next->origins[i] = running->origins[i];
        memcpy(gw_confvalue_member(next, key), from, size);
        memset(from, 0, size); /* it is next's now */
    }
    gw_config_fini(&copy);
    return GW_OK;
}
