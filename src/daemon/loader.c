#include "daemon/loader.h"

#include <stdio.h>

#include "auth/backends.h"
#include "base/assert.h"
#include "base/time.h"
#include "os/child.h"
#include "os/clock.h"
#include "os/sharedlib.h"

static uint64_t tell_time(void *ctx)
{
    (void)ctx;
    return (uint64_t)(gw_clock_wall(gw_clock_system()) / (gw_wall_ns)GW_NS_PER_S);
}

static void tell(void *ctx, const char *words)
{
    const struct gw_loader *loader = ctx;
    struct gw_log_field field = gw_log_str("words", words);

    if (loader->log != NULL)
        gw_log_event(loader->log, GW_LOG_WARN, "auth.backend",
                     "somebody who knows the users has trouble", &field, 1);
}

void gw_loader_init(struct gw_loader *loader)
{
    *loader = (struct gw_loader){.count = 0};
    loader->host = (struct gw_backend_host){.ctx = loader, .tell = tell, .now = tell_time};
}

/* Loads it from one place; GW_NOT_FOUND if it is not there. */
static enum gw_status load_from(const char *folder, const char *name,
                                const struct gw_loadable **ret_loadable,
                                char words[GW_LOADER_WORDS_MAX])
{
    char path[GW_CHILD_PATH_MAX + 64];
    char why[GW_LOADER_WORDS_MAX / 2];
    gw_sharedlib_fn *fn;
    int size = snprintf(path, sizeof path, "%s/godwit-%s.so", folder, name);

    if (size < 0 || (size_t)size >= sizeof path)
        return GW_NOT_FOUND;
    enum gw_status status = gw_sharedlib_load(path, GW_LOADABLE_SYMBOL, &fn, why, sizeof why);
    if (status == GW_INVALID)
        snprintf(words, GW_LOADER_WORDS_MAX, "godwit-%s.so cannot be loaded: %s", name, why);
    GW_TRY(status);
    *ret_loadable = ((gw_loadable_fn *)(void (*)(void))fn)();
    if (*ret_loadable == NULL) {
        snprintf(words, GW_LOADER_WORDS_MAX, "godwit-%s.so cannot begin: out of memory?", name);
        return GW_INVALID;
    }
    if (strcmp((*ret_loadable)->version, GW_VERSION_TEXT) == 0)
        return GW_OK;
    snprintf(words, GW_LOADER_WORDS_MAX, "godwit-%s.so is of version %s, this is godwit %s", name,
             (*ret_loadable)->version, GW_VERSION_TEXT);
    return GW_INVALID;
}

static enum gw_status find(const char *name, const struct gw_loadable **ret_loadable,
                           char words[GW_LOADER_WORDS_MAX])
{
    static const char *const places[] = {"modules", "../lib/godwit"};
    char folder[GW_CHILD_PATH_MAX + 32];
    char self[GW_CHILD_PATH_MAX] = "";

    if (gw_child_self(self, sizeof self) != GW_OK || strrchr(self, '/') == NULL)
        self[0] = '\0';
    else
        *strrchr(self, '/') = '\0';
    for (size_t i = 0; i < GW_COUNT_OF(places) && self[0] != '\0'; i++) {
        snprintf(folder, sizeof folder, "%s/%s", self, places[i]);
        enum gw_status status = load_from(folder, name, ret_loadable, words);
        if (status != GW_NOT_FOUND)
            return status;
    }
    snprintf(words, GW_LOADER_WORDS_MAX,
             "godwit-%s.so is not installed: it was looked for in modules and ../lib/godwit beside "
             "the program; it is the package godwit-%s",
             name, name);
    return GW_INVALID;
}

enum gw_status gw_loader_load(struct gw_loader *loader, const char *name,
                              char words[GW_LOADER_WORDS_MAX])
{
    const struct gw_loadable *loadable;

    for (size_t i = 0; i < loader->count; i++)
        if (strcmp(loader->parts[i].name, name) == 0)
            return GW_OK;
    GW_ASSERT(loader->count < GW_LOADER_MAX); /* the names are ours: there are no more */
    GW_TRY(find(name, &loadable, words));
    loader->parts[loader->count++] = (struct gw_loader_part){name, loadable};
    if (loadable->fetch != NULL)
        loader->host.fetch = loadable->fetch;
    return GW_OK;
}

const struct gw_backend_ops *gw_loader_find(const struct gw_loader *loader, const char *kind)
{
    const struct gw_backend_ops *ops = gw_backends_find(kind);

    for (size_t i = 0; i < loader->count && ops == NULL; i++) {
        const struct gw_backend_ops *const *other = loader->parts[i].loadable->backends;

        while (*other != NULL && strcmp((*other)->kind, kind) != 0)
            other++;
        ops = *other;
    }
    return ops;
}
