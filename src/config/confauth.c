#include "config/confauth.h"

#include <stdlib.h>

static enum gw_status judge(const struct gw_config_auth *auth, struct gw_span file,
                            struct gw_confreport_error *error)
{
    if (file.size == 0) {
        gw_confreport_set(error, GW_CONFREPORT_VALUE, "the name of the user file is empty");
        gw_confreport_set_hint(error, "godwit passwd -c users NAME makes a file \"users\"");
        return GW_INVALID;
    }
    if (auth->count >= GW_CONFIG_AUTH_MAX)
        return gw_confreport_set(error, GW_CONFREPORT_RANGE, "more than %d user files",
                                 GW_CONFIG_AUTH_MAX);
    for (size_t i = 0; i < auth->count; i++) {
        if (!gw_span_equal(gw_span_str(auth->files[i]), file))
            continue;
        gw_confreport_set(error, GW_CONFREPORT_CONFLICT, "\"%.*s\" stands here already",
                          GW_CONFREPORT_QUOTE(file));
        gw_confreport_set_why(error, "the first file that knows a user decides: delete one");
        return GW_INVALID;
    }
    return GW_OK;
}

static enum gw_status append(struct gw_config_auth *auth, struct gw_span file)
{
    char **files = realloc(auth->files, (auth->count + 1) * sizeof *files);
    char *copy;

    if (files == NULL)
        return GW_NO_MEMORY;
    auth->files = files;
    copy = gw_span_dup(file);
    if (copy == NULL)
        return GW_NO_MEMORY;
    files[auth->count++] = copy;
    return GW_OK;
}

enum gw_status gw_confauth_add(struct gw_config_auth *auth, struct gw_span file,
                               struct gw_confreport_error *error)
{
    GW_TRY(judge(auth, file, error));
    return append(auth, file);
}

enum gw_status gw_confauth_copy(const struct gw_config_auth *auth, struct gw_config_auth *ret_auth)
{
    *ret_auth = (struct gw_config_auth){NULL, 0};
    for (size_t i = 0; i < auth->count; i++) {
        if (append(ret_auth, gw_span_str(auth->files[i])) != GW_OK) {
            gw_confauth_fini(ret_auth);
            return GW_NO_MEMORY;
        }
    }
    return GW_OK;
}

void gw_confauth_fini(struct gw_config_auth *auth)
{
    for (size_t i = 0; i < auth->count; i++)
        free(auth->files[i]);
    free(auth->files);
    *auth = (struct gw_config_auth){NULL, 0};
}
