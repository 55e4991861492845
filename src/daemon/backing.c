#include "daemon/backing.h"

#include <errno.h>
#include <stdlib.h>

#include "auth/password.h"
#include "base/hash.h"
#include "config/confauth.h"

#define SECRET_MAX ((size_t)64 * 1024)
#define ID_SEED    0x6175746863686169u /* an id means the same over a restart */

/* What is on its way to a backend's open. */
struct opening {
    const struct gw_config *config;
    const struct gw_config_auth_item *item;
    struct gw_loader *loader;
    struct gw_confreport *report;
    struct gw_buf texts[GW_AUTHKINDS_SETTINGS_MAX];
    struct gw_backend_setting settings[GW_AUTHKINDS_SETTINGS_MAX];
    size_t count;
};

/* -- what is wrong -- */

/* Tells it at the entry's line. */
static enum gw_status refuse(const struct opening *opening, const struct gw_confreport_error *error)
{
    const char *path = opening->config->path;
    struct gw_confreport_place place = {path != NULL ? path : "auth", GW_SPAN_NONE, 0, 1, 1};
    struct gw_buf text;
    int number;

    gw_buf_init(&text, GW_CONFIG_FILE_SIZE_MAX);
    if (path != NULL && strcmp(path, "-") != 0 && opening->item->line > 0 &&
        gw_file_read(path, &text, &number) == GW_OK) {
        place.text = gw_buf_span(&text);
        place.line = opening->item->line;
    }
    gw_confreport_add(opening->report, &place, error);
    gw_buf_fini(&text);
    return GW_INVALID;
}

static enum gw_status refuse_words(const struct opening *opening, const char *words)
{
    struct gw_confreport_error error;

    gw_confreport_set(&error, GW_CONFREPORT_AUTH, "%s: %s", opening->item->kind->name, words);
    return refuse(opening, &error);
}

static enum gw_status refuse_file(const struct opening *opening, const char *setting,
                                  const char *path, int number)
{
    struct gw_confreport_error error;

    gw_confreport_set(&error, GW_CONFREPORT_UNREADABLE, "%s: cannot read %s \"%s\": %s",
                      opening->item->kind->name, setting, path,
                      number == ENOENT   ? "it does not exist"
                      : number == EACCES ? "permission denied"
                      : number == EISDIR ? "it is a directory"
                                         : strerror(number));
    if (number == EACCES)
        gw_confreport_set_hint(&error, "ls -l %s shows who may read it", path);
    return refuse(opening, &error);
}

/* -- settings -- */

/* The content of a secret's file without the end of its last line. */
static enum gw_status read_secret(const struct opening *opening, const char *setting,
                                  const char *path, struct gw_buf *out)
{
    int number = 0;
    enum gw_status status = gw_file_read(path, out, &number);

    if (status == GW_LIMIT)
        return refuse_words(opening, "the file of a secret is larger than 64 KiB");
    if (status == GW_OS_ERROR)
        return refuse_file(opening, setting, path, number);
    GW_TRY(status);
    if (out->size > 0 && out->data[out->size - 1] == '\n')
        out->size--;
    if (out->size > 0 && out->data[out->size - 1] == '\r')
        out->size--;
    if (out->size == 0 || memchr(out->data, 0, out->size) != NULL)
        return refuse_words(opening, "the file of a secret is empty, or has U+0000 in it");
    return GW_OK;
}

/* Others than secrets are read by the backend itself; that they can be read is known before. */
static enum gw_status judge_file(const struct opening *opening, const char *setting,
                                 const char *path)
{
    struct gw_file_stamp stamp;
    struct gw_file_stamp none = {0};

    gw_file_stamp_take(path, &stamp);
    return gw_file_stamp_equal(&stamp, &none) ? refuse_file(opening, setting, path, ENOENT) : GW_OK;
}

static enum gw_status add_setting(struct opening *opening, struct gw_backing_item *backed,
                                  const struct gw_authkinds_setting *setting)
{
    const char *text = gw_confauth_value(opening->item, setting->name);
    struct gw_buf *out = &opening->texts[opening->count];

    if (text == NULL)
        return GW_OK;
    if (gw_authkinds_names_file(setting->type, text)) {
        GW_TRY(gw_watched_init(&backed->files[backed->file_count], text));
        backed->file_count++;
        if (setting->type != GW_AUTHKINDS_SECRET)
            GW_TRY(judge_file(opening, setting->name, text));
    }
    gw_buf_init(out, SECRET_MAX + 1);
    opening->count++;
    if (setting->type == GW_AUTHKINDS_SECRET)
        GW_TRY(read_secret(opening, setting->name, text, out));
    else
        GW_TRY(gw_confauth_plain(setting, text, out));
    GW_TRY(gw_buf_append(out, gw_span_of("", 1)));
    opening->settings[opening->count - 1] =
        (struct gw_backend_setting){setting->name, (const char *)out->data};
    return GW_OK;
}

static enum gw_status add_settings(struct opening *opening, struct gw_backing_item *backed)
{
    size_t count;
    const struct gw_authkinds_setting *settings =
        gw_authkinds_settings(opening->item->kind, &count);

    for (size_t i = 0; i < count; i++)
        GW_TRY(add_setting(opening, backed, &settings[i]));
    return GW_OK;
}

/* -- parts -- */

static enum gw_status need(const struct opening *opening, const char *part)
{
    char words[GW_LOADER_WORDS_MAX];
    enum gw_status status = gw_loader_load(opening->loader, part, words);

    return status == GW_OK ? GW_OK : refuse_words(opening, words);
}

/* Loads what knows the kind, and what gets documents if a setting names one on the web. */
static enum gw_status need_parts(const struct opening *opening)
{
    const struct gw_config_auth_item *item = opening->item;

    if (item->kind->module[0] != '\0')
        GW_TRY(need(opening, item->kind->module));
    for (size_t i = 0; i < item->count; i++)
        if (item->saids[i].setting->type == GW_AUTHKINDS_SOURCE &&
            !gw_authkinds_names_file(GW_AUTHKINDS_SOURCE, item->saids[i].text))
            GW_TRY(need(opening, "curl"));
    return GW_OK;
}

/* -- one entry -- */

/* An id of the settings as they are written. */
static enum gw_status id_of(const struct gw_config_auth_item *item, uint64_t *ret_id)
{
    struct gw_buf text;

    gw_buf_init(&text, SIZE_MAX);
    enum gw_status status = gw_confauth_print(item, &text);
    *ret_id = gw_hash_bytes(gw_buf_span(&text), ID_SEED) | 1; /* 0 is no id */
    gw_buf_fini(&text);
    return status;
}

static enum gw_status open_backend(const struct opening *opening, uint64_t id,
                                   struct gw_sponsor **ret_sponsor)
{
    const struct gw_backend_ops *ops = gw_loader_find(opening->loader, opening->item->kind->name);
    const struct gw_backend_settings settings = {opening->settings, opening->count};
    char words[GW_BACKEND_WORDS_MAX] = "its settings cannot be used";
    void *backend;

    if (ops == NULL)
        return refuse_words(opening, "this program was built without it");
    enum gw_status status = ops->open(&settings, &opening->loader->host, &backend, words);
    if (status == GW_NO_MEMORY)
        return status;
    if (status != GW_OK)
        return refuse_words(opening, words);
    const struct gw_sponsor_options options = {
        .ops = ops,
        .backend = backend,
        .id = id,
        .workers = gw_confauth_number(opening->item, "workers"),
    };
    *ret_sponsor = gw_sponsor_new(&options);
    return *ret_sponsor != NULL ? GW_OK : GW_NO_MEMORY;
}

static enum gw_status open_item(struct opening *opening, uint64_t id,
                                struct gw_backing_item *backed)
{
    enum gw_status status = need_parts(opening);

    if (status == GW_OK)
        status = add_settings(opening, backed);
    if (status == GW_OK)
        status = open_backend(opening, id, &backed->sponsor);
    for (size_t i = 0; i < opening->count; i++) {
        gw_password_drop(&opening->texts[i]);
    }
    return status;
}

/* The same one as it is open already; NULL if it is not. */
static const struct gw_backing_item *find_open(const struct gw_backing *before, uint64_t id)
{
    for (size_t i = 0; before != NULL && i < before->count; i++) {
        const struct gw_backing_item *item = &before->items[i];

        if (item->sponsor == NULL || item->changed || item->stale ||
            gw_sponsor_id(item->sponsor) != id)
            continue;
        for (size_t f = 0; f < item->file_count; f++) {
            struct gw_file_stamp now;

            gw_file_stamp_take(item->files[f].path, &now);
            if (!gw_file_stamp_equal(&now, &item->files[f].stamp))
                return NULL;
        }
        return item;
    }
    return NULL;
}

static enum gw_status take_over(const struct gw_backing_item *open, struct gw_backing_item *backed)
{
    for (size_t i = 0; i < open->file_count; i++) {
        GW_TRY(gw_watched_init(&backed->files[i], open->files[i].path));
        backed->file_count++;
        backed->files[i].stamp = open->files[i].stamp;
    }
    backed->sponsor = gw_sponsor_ref(open->sponsor);
    return GW_OK;
}

static enum gw_status load_item(struct opening *opening, const struct gw_backing *before,
                                struct gw_chain *chain, struct gw_backing_item *backed)
{
    const struct gw_backing_item *open;
    uint64_t id;

    GW_TRY(id_of(opening->item, &id));
    if (gw_confauth_is_file(opening->item)) {
        gw_chain_add_file(chain, id);
        return GW_OK;
    }
    open = find_open(before, id);
    GW_TRY(open != NULL ? take_over(open, backed) : open_item(opening, id, backed));
    gw_chain_add(chain, backed->sponsor);
    return GW_OK;
}

/* -- all of them -- */

static enum gw_status load_items(struct gw_backing *backing, const struct gw_config *config,
                                 struct gw_loader *loader, const struct gw_backing *before,
                                 struct gw_confreport *report)
{
    enum gw_status worst = GW_OK;

    for (size_t i = 0; i < config->auth.count; i++) {
        struct opening opening = {config, &config->auth.items[i], loader, report, {{0}}, {{0}}, 0};
        enum gw_status status = load_item(&opening, before, backing->chain, &backing->items[i]);

        backing->count = i + 1;
        if (status != GW_OK && worst != GW_NO_MEMORY)
            worst = status; /* go on: all errors are told at once */
    }
    return worst;
}

enum gw_status gw_backing_load(struct gw_backing *backing, const struct gw_config *config,
                               struct gw_loader *loader, const struct gw_backing *before,
                               struct gw_confreport *report)
{
    *backing = (struct gw_backing){.count = 0};
    backing->chain = gw_chain_new();
    if (backing->chain == NULL)
        return GW_NO_MEMORY;
    enum gw_status status = load_items(backing, config, loader, before, report);
    if (status != GW_OK) {
        gw_backing_fini(backing);
        return status;
    }
    struct gw_chain *old = before != NULL ? before->chain : NULL;
    bool keep = old != NULL && gw_chain_equal(backing->chain, old);
    if (!gw_chain_has_sponsors(backing->chain) || keep) {
        gw_chain_unref(backing->chain);
        backing->chain = keep ? gw_chain_ref(old) : NULL;
    }
    return GW_OK;
}

void gw_backing_fini(struct gw_backing *backing)
{
    gw_chain_unref(backing->chain);
    for (size_t i = 0; i < backing->count; i++) {
        for (size_t f = 0; f < backing->items[i].file_count; f++)
            gw_watched_fini(&backing->items[i].files[f]);
        gw_sponsor_unref(backing->items[i].sponsor);
    }
    *backing = (struct gw_backing){.count = 0};
}

bool gw_backing_is_due(struct gw_backing *backing)
{
    bool due = false;

    for (size_t i = 0; i < backing->count; i++) {
        struct gw_backing_item *item = &backing->items[i];

        for (size_t f = 0; f < item->file_count; f++)
            item->changed = gw_watched_is_due(&item->files[f]) || item->changed;
        due = due || item->changed;
    }
    return due;
}

void gw_backing_settle(struct gw_backing *backing)
{
    for (size_t i = 0; i < backing->count; i++) {
        struct gw_backing_item *item = &backing->items[i];

        if (!item->changed) /* a file of it may be in the midst of a change */
            continue;
        for (size_t f = 0; f < item->file_count; f++)
            gw_watched_take(&item->files[f]);
        item->changed = false;
        item->stale = true;
    }
}
