#include "daemon/confining.h"

#include <stdlib.h>

#include "config/confvalue.h"
#include "os/confine.h"

/* Libraries, name services, certificates of the system, what the process asks about itself. */
static const char *const systems[] = {"/etc",  "/usr", "/lib", "/lib64", "/bin",
                                      "/proc", "/sys", "/dev", "/run",   "/var/lib/sss"};

/* A text of the configuration that names a file that is there; all others are none. */
static void allow_text(struct gw_confine *confine, const char *text)
{
    if (text != NULL && text[0] != '\0')
        (void)gw_confine_allow_around(confine, text);
}

static void allow_listeners(struct gw_confine *confine, const struct gw_config *config)
{
    for (size_t i = 0; i < config->listeners.count; i++) {
        const struct gw_config_listener *listener = &config->listeners.items[i];
        char path[GW_ADDRESS_TEXT_MAX];

        for (size_t j = 0; j < listener->tls.count; j++)
            allow_text(confine, listener->tls.items[j].text);
        if (listener->scheme != GW_CONFIG_UNIX)
            continue;
        gw_address_text(&listener->address, path);
        char *slash = strrchr(path, '/');
        if (slash != NULL)
            slash[slash == path ? 1 : 0] = '\0';
        (void)gw_confine_allow(confine, path, true); /* its socket is made and removed there */
    }
}

static void allow_named(struct gw_confine *confine, const struct gw_config *config)
{
    allow_text(confine, config->path);
    for (size_t i = 0; i < GW_CONFIG_KEY_COUNT; i++) {
        const struct gw_config_key *key = &gw_config_keys[i];

        if (key->kind == GW_CONFIG_TEXT)
            allow_text(confine, *(char *const *)gw_confvalue_member_const(config, key));
    }
    for (size_t i = 0; i < config->tls.certificates.count; i++) {
        allow_text(confine, config->tls.certificates.items[i].cert);
        allow_text(confine, config->tls.certificates.items[i].key);
    }
    for (size_t i = 0; i < config->auth.count; i++) {
        for (size_t j = 0; j < config->auth.items[i].count; j++)
            allow_text(confine, config->auth.items[i].saids[j].text);
    }
}

/* The store, or where it is to be made. */
static void allow_store(struct gw_confine *confine, const char *path)
{
    if (path == NULL || path[0] == '\0' || gw_confine_allow(confine, path, true))
        return;
    char *parent = strdup(path);
    char *slash = parent != NULL ? strrchr(parent, '/') : NULL;
    if (slash != NULL)
        slash[slash == parent ? 1 : 0] = '\0';
    if (parent != NULL)
        (void)gw_confine_allow(confine, slash != NULL ? parent : ".", true);
    free(parent);
}

void gw_confining_run(const struct gw_config *config, const char *store, const struct gw_log *log)
{
    struct gw_confine confine;
    char *program;

    if (!config->landlock)
        return;
    enum gw_status status = gw_confine_begin(&confine);
    if (status == GW_OK) {
        for (size_t i = 0; i < GW_COUNT_OF(systems); i++)
            (void)gw_confine_allow(&confine, systems[i], false);
        program = realpath("/proc/self/exe", NULL);
        allow_text(&confine, program); /* modules lie beside it */
        free(program);
        allow_named(&confine, config);
        allow_listeners(&confine, config);
        allow_store(&confine, store);
        status = gw_confine_end(&confine);
    }
    struct gw_log_field fields[] = {
        gw_log_number("abi", status == GW_OK ? confine.abi : 0),
        gw_log_str("hint", status == GW_OK ? ""
                                           : "Landlock is in kernels from 5.13 on, if the boot "
                                             "parameter lsm= has it"),
    };
    if (status == GW_OK)
        gw_log_event(log, GW_LOG_INFO, "process.confined",
                     "only files that the configuration names can be reached", fields,
                     GW_COUNT_OF(fields));
    else
        gw_log_event(log, GW_LOG_WARN, "process.unconfined",
                     "this kernel cannot confine the process to its files", fields,
                     GW_COUNT_OF(fields));
}
