#include "cli/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/contextopt.h"
#include "cli/optset.h"
#include "cli/propopt.h"
#include "cli/prove.h"
#include "os/file.h"

#define LINE_WORDS_MAX  5
#define TLS_PORT        8883
#define WSS_PORT        8084
#define TLS_VERSION_MIN 12

static const struct {
    enum gw_tool tool;
    const char *name;
    const char *file; /* in the user's directory of configuration files */
} tools[] = {{GW_TOOL_PUB, "pub", "mosquitto_pub"},
             {GW_TOOL_SUB, "sub", "mosquitto_sub"},
             {GW_TOOL_RR, "rr", "mosquitto_rr"}};

void gw_options_init(struct gw_options *options, enum gw_tool tool)
{
    *options = (struct gw_options){.tool = tool};
    for (size_t i = 0; i < GW_COUNT_OF(tools); i++) {
        if (tools[i].tool == tool)
            options->name = tools[i].name;
    }
    options->session.version = tool == GW_TOOL_RR ? GW_VERSION_5 : GW_VERSION_311;
    options->session.keep_alive = 60;
    options->session.inflight_max = 20;
    options->net.ws_path = "/mqtt";
    options->message.repeat_count = 1;
    options->select.random_percent = 100.0;
    for (size_t i = 0; i < GW_COMMAND_COUNT; i++)
        gw_buf_init(&options->props[i].users, GW_PROPOPT_USERS_MAX);
}

static void free_list(struct gw_options_list *list)
{
    free(list->items);
    *list = (struct gw_options_list){NULL, 0};
}

void gw_options_fini(struct gw_options *options)
{
    for (size_t i = 0; i < options->owned.count; i++) {
        void *text;
        memcpy(&text, &options->owned.items[i], sizeof text); /* ours, const only by the list */
        free(text);
    }
    free_list(&options->owned);
    free_list(&options->select.topics);
    free_list(&options->select.filter_outs);
    free_list(&options->select.unsubscribes);
    for (size_t i = 0; i < GW_COMMAND_COUNT; i++)
        gw_buf_fini(&options->props[i].users);
}

enum gw_status gw_options_refuse(struct gw_options *options, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(options->problem, sizeof options->problem, format, args);
    va_end(args);
    return GW_INVALID;
}

enum gw_status gw_options_add(struct gw_options_list *list, const char *text)
{
    if (list->count == GW_OPTIONS_LIST_MAX)
        return GW_LIMIT;
    if ((list->count & (list->count - 1)) == 0) {
        size_t room = list->count > 0 ? list->count * 2 : 1;
        const char **grown = realloc(list->items, room * sizeof *grown);
        if (!grown)
            return GW_NO_MEMORY;
        list->items = grown;
    }
    list->items[list->count++] = text;
    return GW_OK;
}

char *gw_options_keep(struct gw_options *options, const char *text, size_t size)
{
    char *copy = gw_span_dup(gw_span_of(text, size));
    if (!copy)
        return NULL;
    if (gw_options_add(&options->owned, copy) == GW_OK)
        return copy;
    free(copy);
    return NULL;
}

const struct gw_props *gw_options_props(struct gw_options *options, enum gw_options_command command)
{
    const struct gw_props *props = &options->props[command].props;
    bool any = props->present != 0 || props->user_property_count > 0;
    return any && options->session.version == GW_VERSION_5 ? props : NULL;
}

static enum gw_status read_file(struct gw_options *options, const char *path, bool optional);

/* Takes the option at the front of the words and its values; *ret_used words are done with. */
static enum gw_status read_option(struct gw_options *options, char *const *words, size_t count,
                                  size_t *ret_used)
{
    const struct gw_optset_row *row = gw_optset_find(options->tool, words[0]);
    *ret_used = 1;
    if (!row)
        return gw_options_refuse(options, "unknown option \"%s\"", words[0]);
    if (row->takes && count < 2)
        return gw_options_refuse(options, "%s takes a value: %s", words[0], row->takes);
    if (row->letter && strcmp(row->letter, "-D") == 0) {
        size_t used = 0;
        GW_TRY(gw_propopt_read(options, words + 1, count - 1, &used));
        *ret_used = 1 + used;
        return GW_OK;
    }
    if (row->takes)
        *ret_used = 2;
    if (row->letter && strcmp(row->letter, "-o") == 0)
        return GW_OK; /* read before the others */
    if (!row->help) {
        if (!options->net.not_built)
            options->net.not_built = row->word ? row->word : row->letter;
        return GW_OK;
    }
    return row->set(options, row->takes ? words[1] : NULL);
}

/* Cuts a line into words: the option, and its value, which is all the rest (but for -D, which
 * takes several). Cuts in place. */
static size_t cut_line(char *line, char **words)
{
    size_t count = 0;
    while (*line && count < LINE_WORDS_MAX) {
        words[count++] = line;
        bool many = strcmp(words[0], "-D") == 0 || strcmp(words[0], "--property") == 0;
        if (count == (many ? LINE_WORDS_MAX : 2))
            break;
        char *space = strchr(line, ' ');
        if (!space)
            break;
        *space = '\0';
        line = space + 1 + strspn(space + 1, " ");
    }
    return count;
}

static enum gw_status read_line(struct gw_options *options, const char *path, size_t line_number,
                                char *line)
{
    char *words[LINE_WORDS_MAX];
    line[strcspn(line, "\r")] = '\0';
    if (line[0] == '#' || line[0] == '\0')
        return GW_OK;
    size_t used = 0;
    size_t count = cut_line(line, words);
    enum gw_status status = read_option(options, words, count, &used);
    if (status == GW_OK && used < count)
        status = gw_options_refuse(options, "%s takes no value", words[0]);
    if (status != GW_INVALID)
        return status;
    char problem[sizeof options->problem];
    memcpy(problem, options->problem, sizeof problem);
    return gw_options_refuse(options, "%s:%zu: %.300s", path, line_number, problem);
}

static enum gw_status read_file(struct gw_options *options, const char *path, bool optional)
{
    struct gw_buf buf;
    int error = 0;
    gw_buf_init(&buf, GW_OPTIONS_FILE_MAX);
    enum gw_status status = gw_file_read(path, &buf, &error);
    char *text = NULL;
    if (status == GW_OK) {
        text = gw_options_keep(options, buf.data ? (const char *)buf.data : "", buf.size);
        status = text ? GW_OK : GW_NO_MEMORY;
    } else if (status == GW_OS_ERROR) {
        status = optional && error == ENOENT
                     ? GW_OK
                     : gw_options_refuse(options, "cannot read %s: %s", path, strerror(error));
    }
    gw_buf_fini(&buf);
    for (size_t line_number = 1; text && *text && status == GW_OK; line_number++) {
        char *end = text + strcspn(text, "\n");
        bool last = *end == '\0';
        *end = '\0';
        status = read_line(options, path, line_number, text);
        text = last ? end : end + 1;
    }
    /* The copy is the options' own until fini. */
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
    return status;
}

/* The file of defaults, as mosquitto's tools have it. */
static enum gw_status read_default_file(struct gw_options *options)
{
    const char *base = getenv("XDG_CONFIG_HOME");
    const char *between = "";
    if (!base) {
        base = getenv("HOME");
        between = "/.config";
    }
    const char *file = "";
    for (size_t i = 0; i < GW_COUNT_OF(tools); i++) {
        if (tools[i].tool == options->tool)
            file = tools[i].file;
    }
    char path[4096];
    int size = base ? snprintf(path, sizeof path, "%s%s/%s", base, between, file) : -1;
    if (size < 0 || (size_t)size >= sizeof path)
        return GW_OK;
    return read_file(options, path, true);
}

/* -o FILE anywhere on the command line takes the place of the default file. */
static enum gw_status read_files(struct gw_options *options, int argc, char **argv)
{
    bool given = false;
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], "-o") != 0)
            continue;
        given = true;
        GW_TRY(read_file(options, argv[i + 1], false));
    }
    return given ? GW_OK : read_default_file(options);
}

static enum gw_status check_session(struct gw_options *options)
{
    const struct gw_options_session *session = &options->session;
    const struct gw_options_will *will = &options->will;
    bool named = session->id || session->id_prefix;
    if (will->payload && !will->topic)
        return gw_options_refuse(options, "--will-payload needs --will-topic");
    if (will->retain && !will->topic)
        return gw_options_refuse(options, "--will-retain needs --will-topic");
    bool for_ever = session->has_expiry && session->expiry == UINT32_MAX;
    if (session->version == GW_VERSION_5 && for_ever && !named)
        return gw_options_refuse(options, "a session that never expires needs a client id (-i)");
    if (session->keep && !named)
        return gw_options_refuse(options, "-c needs a client id (-i)");
    if (session->password && !session->user_name && session->version != GW_VERSION_5)
        return gw_options_refuse(options, "a password needs a user name (-u) before MQTT 5");
    return GW_OK;
}

static enum gw_status check_tool(struct gw_options *options)
{
    const struct gw_options_select *select = &options->select;
    bool topic = select->topics.count > 0;
    bool message = options->message.mode != GW_MODE_NONE;
    if (options->tool == GW_TOOL_PUB && !(topic && message))
        return gw_options_refuse(options, "a topic (-t) and a message (-m, -f, -l, -n or -s) are "
                                          "needed");
    if (options->tool == GW_TOOL_RR && !(topic && message && select->response_topic))
        return gw_options_refuse(options, "a topic (-t), a message (-m, -f, -n or -s) and a "
                                          "response topic (-e) are needed");
    if (options->tool != GW_TOOL_SUB)
        return GW_OK;
    if (!topic && select->unsubscribes.count == 0)
        return gw_options_refuse(options, "a topic to subscribe to (-t) is needed");
    if (select->no_retained && select->retained_only)
        return gw_options_refuse(options, "-R and --retained-only leave nothing to show");
    return GW_OK;
}

static enum gw_status check_method(struct gw_options *options)
{
    const char *why = gw_prove_judge(&options->session);
    return why ? gw_options_refuse(options, "%s", why) : GW_OK;
}

static enum gw_status check_built(struct gw_options *options)
{
    const struct gw_options_net *net = &options->net;
    if (net->not_built)
        return gw_options_refuse(options,
                                 "%s: proxies, SRV records and TLS engines are not built in yet",
                                 net->not_built);
    return GW_OK;
}

/* With a key that both sides have there are no certificates. */
static enum gw_status check_psk(struct gw_options *options)
{
    const struct gw_driver_tls *tls = &options->net.tls;
    if (tls->psk_key && !tls->psk_identity)
        return gw_options_refuse(options, "--psk needs --psk-identity NAME");
    if (tls->psk_identity && !tls->psk_key)
        return gw_options_refuse(options, "--psk-identity needs --psk KEY");
    if (tls->psk_key && (tls->ca_file || tls->ca_path || tls->system_cas || tls->cert))
        return gw_options_refuse(options,
                                 "--psk takes the place of certificates: without --cafile, "
                                 "--capath, --tls-use-os-certs and --cert");
    return GW_OK;
}

/* Whether there is to be TLS, with whose certificates, and on which port. */
static enum gw_status settle_net(struct gw_options *options)
{
    struct gw_options_net *net = &options->net;
    struct gw_driver_tls *tls = &net->tls;
    net->tls_on = net->tls_on || net->port == TLS_PORT;
    if (net->plain || net->unix_path)
        net->tls_on = false;
    if (!net->tls_on && (tls->cert || tls->key) && !net->plain)
        return gw_options_refuse(options, "--cert and --key are for TLS: add --cafile FILE or "
                                          "--tls-use-os-certs, or take a URL mqtts://");
    if (tls->key && !tls->cert)
        return gw_options_refuse(options, "--key needs --cert");
    GW_TRY(check_psk(options));
    if (!tls->ca_file && !tls->ca_path && !tls->psk_key)
        tls->system_cas = true;
    if (!tls->alpn)
        tls->alpn = net->ws ? "http/1.1" : "mqtt";
    if (tls->version_min == 0)
        tls->version_min = TLS_VERSION_MIN;
    if (net->port == 0 && net->tls_on)
        net->port = net->ws ? WSS_PORT : TLS_PORT;
    return GW_OK;
}

enum gw_status gw_options_read(struct gw_options *options, int argc, char **argv)
{
    GW_TRY(read_files(options, argc, argv));
    for (int i = 1; i < argc;) {
        size_t used = 0;
        GW_TRY(read_option(options, argv + i, (size_t)(argc - i), &used));
        i += (int)used;
    }
    if (options->help || options->version)
        return GW_OK;
    GW_TRY(gw_contextopt_apply(options));
    GW_TRY(check_session(options));
    GW_TRY(check_tool(options));
    GW_TRY(check_method(options));
    GW_TRY(check_built(options));
    return settle_net(options);
}
