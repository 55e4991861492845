#include "cli/contextopt.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/brokerurl.h"
#include "cli/contextdir.h"
#include "os/file.h"

#define PASSWORD_MAX ((size_t)UINT16_MAX + 2)

static bool names_broker(const struct gw_options_net *net)
{
    return net->host || net->unix_path || net->port > 0 || net->plain || net->not_built;
}

/* Takes host, port and what else a URL says; the topic that the reader wants is none of ours. */
enum gw_status gw_contextopt_judge(struct gw_options *options, const char *url)
{
    char text[4096];
    size_t topics = options->select.topics.count;
    const char *host = strstr(url, "://");
    bool ended = host && strchr(host + 3, '/');
    int size = snprintf(text, sizeof text, "%s%s", url, ended ? "" : "/");
    if (size < 0 || (size_t)size >= sizeof text)
        return gw_options_refuse(options, "the URL of the context is too long");
    enum gw_status status = gw_brokerurl_read(options, text);
    options->select.topics.count = topics;
    return status;
}

/* The first line of a file. */
static enum gw_status read_password(struct gw_options *options, const char *path)
{
    struct gw_buf text;
    int os_errno = 0;
    gw_buf_init(&text, PASSWORD_MAX);
    enum gw_status status = gw_file_read(path, &text, &os_errno);
    if (status == GW_OK) {
        size_t size = 0;
        while (size < text.size && text.data[size] != '\n' && text.data[size] != '\r')
            size++;
        options->session.password =
            gw_options_keep(options, text.data ? (const char *)text.data : "", size);
        status = options->session.password ? GW_OK : GW_NO_MEMORY;
    } else if (status != GW_NO_MEMORY) {
        status = gw_options_refuse(options, "cannot read the password in %.300s: %s", path,
                                   os_errno ? strerror(os_errno) : gw_status_name(status));
    }
    if (text.data)
        explicit_bzero(text.data, text.size);
    gw_buf_fini(&text);
    return status;
}

static enum gw_status keep(struct gw_options *options, const char *text, const char **ret_text)
{
    *ret_text = gw_options_keep(options, text, strlen(text));
    return *ret_text ? GW_OK : GW_NO_MEMORY;
}

/* A name of the command line does not go with another's password. */
static enum gw_status apply_user(struct gw_options *options, const struct gw_context *context)
{
    struct gw_options_session *session = &options->session;
    if (session->user_name)
        return GW_OK;
    if (context->user)
        GW_TRY(keep(options, context->user, &session->user_name));
    if (session->password)
        return GW_OK;
    if (context->password)
        GW_TRY(keep(options, context->password, &session->password));
    else if (context->password_file)
        GW_TRY(read_password(options, context->password_file));
    if (session->password)
        options->context_login = true;
    return GW_OK;
}

/* What the command line says of a CA or a certificate takes the place of the context's. */
static enum gw_status apply_tls(struct gw_options *options, const struct gw_context *context)
{
    struct gw_driver_tls *tls = &options->net.tls;
    if (tls->psk_key)
        return GW_OK; /* there are no certificates then */
    if (context->ca && !tls->ca_file && !tls->ca_path && !tls->system_cas)
        GW_TRY(keep(options, context->ca, &tls->ca_file));
    if (tls->cert || tls->key)
        return GW_OK;
    if (context->cert)
        GW_TRY(keep(options, context->cert, &tls->cert));
    return context->key ? keep(options, context->key, &tls->key) : GW_OK;
}

static enum gw_status apply(struct gw_options *options, const struct gw_context *context)
{
    const struct gw_options_net said = options->net;
    GW_TRY(gw_contextopt_judge(options, context->url));
    if (said.host)
        options->net.host = said.host;
    if (said.port > 0)
        options->net.port = said.port;
    if (options->net.tls_on)
        GW_TRY(apply_tls(options, context));
    return apply_user(options, context);
}

/* The name of the context to take; NULL: none. */
static const char *choose(const struct gw_options *options, const struct gw_contextdir *dir,
                          char active[GW_CONTEXTDIR_NAME_MAX])
{
    const char *named = getenv("GODWIT_CONTEXT");
    if (options->context)
        return options->context;
    if (named)
        return named[0] != '\0' ? named : NULL;
    return dir && gw_contextdir_active(dir, active) ? active : NULL;
}

static enum gw_status apply_named(struct gw_options *options, const struct gw_contextdir *dir,
                                  const char *name)
{
    struct gw_context context;
    struct gw_contextdir_error error;
    enum gw_status status = gw_contextdir_read(dir, name, &context, &error);
    if (status == GW_NO_MEMORY)
        return status;
    if (status != GW_OK)
        return gw_options_refuse(options, "%.240s%s%.240s", error.what,
                                 error.hint[0] ? "\n  hint: " : "", error.hint);
    status = apply(options, &context);
    if (status == GW_OK && options->output.debug)
        printf("Using context %s (%s)\n", name, context.url);
    gw_context_fini(&context);
    if (status == GW_OK)
        status = keep(options, name, &options->context);
    return status;
}

enum gw_status gw_contextopt_apply(struct gw_options *options)
{
    struct gw_contextdir dir;
    char active[GW_CONTEXTDIR_NAME_MAX];
    if (!options->context && (options->as_mosquitto || names_broker(&options->net)))
        return GW_OK;
    bool found = gw_contextdir_find(&dir);
    const char *name = choose(options, found ? &dir : NULL, active);
    if (!name)
        return GW_OK;
    if (!found)
        return gw_options_refuse(options, "there is no context \"%.80s\": HOME is not set", name);
    return apply_named(options, &dir, name);
}
