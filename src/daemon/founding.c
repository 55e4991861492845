#include "daemon/founding.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/passphrase.h"
#include "auth/password.h"
#include "auth/userfile.h"
#include "cli/contextdir.h"
#include "daemon/arguments.h"
#include "daemon/certing.h"
#include "daemon/command.h"
#include "daemon/foundtext.h"
#include "daemon/homefile.h"
#include "os/clock.h"
#include "os/folder.h"
#include "os/netnames.h"
#include "pki/cabinet.h"

#define TLS_PORT     8883
#define PLAIN_PORT   1883
#define NAMES_MAX    1024
#define CONTEXTS_MAX 99
#define HOME         "godwit"

static const char usage[] =
    "godwit init                        all that a secure broker needs, in ./godwit\n"
    "godwit init /etc/godwit --name broker.lan\n"
    "\n"
    "  --name NAME           one more name or address by which clients reach the broker; may be\n"
    "                        repeated (those of this machine are known)\n"
    "  --user NAME           the first user, who may do everything (admin)\n"
    "  -p, --port PORT       for TLS, on all addresses (8883)\n"
    "  --plain-port PORT     without TLS, for this machine only (1883)\n"
    "  --context NAME        save the login for pub, sub and rr under this name (local)\n"
    "  --no-context          do not save it\n"
    "  -h, --help            this text\n"
    "\n"
    "Makes a configuration, a CA, a server certificate, a user with a password that is shown "
    "once,\n"
    "and a directory for data. Replaces nothing. Then: godwit serve\n";

/* What was asked for, and how far it is. */
struct founding {
    const char *place; /* as it was named */
    const char *user;
    const char *context; /* NULL: none */
    struct gw_certnames names;
    uint16_t tls_port;
    uint16_t plain_port;
    bool made; /* the directory is ours to take away */
    char directory[GW_DEPOSIT_PATH_MAX];
    char password[GW_PASSPHRASE_MAX];
    char saved[GW_CONTEXTDIR_NAME_MAX]; /* the context's name; empty: not saved */
    bool in_use;                        /* it is the one that the tools take */
};

static int complain(int code, const char *what, const char *hint)
{
    fprintf(stderr, "godwit init: %s\n", what);
    if (hint != NULL)
        fprintf(stderr, "   hint: %s\n", hint);
    return code;
}

static int fail_at(const char *verb, const char *path, int os_errno)
{
    fprintf(stderr, "godwit init: cannot %s %s: %s\n", verb, path, strerror(os_errno));
    return os_errno == EACCES || os_errno == EPERM || os_errno == EROFS ? GW_COMMAND_PERMISSION
                                                                        : GW_COMMAND_SYSTEM;
}

/* -- the command line -- */

static int add_name(struct founding *founding, const char *name)
{
    const char *why = "it is missing";
    if (name != NULL && gw_certnames_add(&founding->names, gw_span_str(name), &why) == GW_OK)
        return GW_COMMAND_OK;
    fprintf(stderr, "godwit init: \"%.80s\" cannot stand in a certificate: %s\n",
            name != NULL ? name : "", why);
    return GW_COMMAND_USAGE;
}

static int set_user(struct founding *founding, const char *name)
{
    if (name == NULL || name[0] == '\0' || strlen(name) > 64 ||
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@-") !=
            strlen(name) ||
        strchr("._@-", name[0]) != NULL)
        return complain(GW_COMMAND_USAGE,
                        "--user wants a name of letters, digits and . _ @ -, at most 64", NULL);
    founding->user = name;
    return GW_COMMAND_OK;
}

static int set_context(struct founding *founding, const char *name)
{
    if (name == NULL || !gw_contextdir_name_valid(name))
        return complain(GW_COMMAND_USAGE,
                        "--context wants a name of letters, digits and . _ -, at most 64", NULL);
    founding->context = name;
    return GW_COMMAND_OK;
}

static int set_port(uint16_t *port, const char *text)
{
    char *end = NULL;
    long number = text != NULL && text[0] >= '0' && text[0] <= '9' ? strtol(text, &end, 10) : 0;
    if (number < 1 || number > UINT16_MAX || *end != '\0')
        return complain(GW_COMMAND_USAGE, "a port is 1 to 65535", NULL);
    *port = (uint16_t)number;
    return GW_COMMAND_OK;
}

static int read_word(struct founding *founding, struct gw_arguments *arguments)
{
    static const char *const names[] = {"--name",    "--user",       "--port", "--plain-port",
                                        "--context", "--no-context", "--help"};
    const char *word = arguments->argv[arguments->index];
    const char *value;
    if (gw_arguments_take_value(arguments, NULL, "--name", &value))
        return add_name(founding, value);
    if (gw_arguments_take_value(arguments, NULL, "--user", &value))
        return set_user(founding, value);
    if (gw_arguments_take_value(arguments, "-p", "--port", &value))
        return set_port(&founding->tls_port, value);
    if (gw_arguments_take_value(arguments, NULL, "--plain-port", &value))
        return set_port(&founding->plain_port, value);
    if (gw_arguments_take_value(arguments, NULL, "--context", &value))
        return set_context(founding, value);
    if (gw_arguments_take_flag(arguments, NULL, "--no-context")) {
        founding->context = NULL;
        return GW_COMMAND_OK;
    }
    if (word[0] == '-' || word[0] == '\0' || founding->place != NULL)
        return gw_arguments_refuse(arguments, names, GW_COUNT_OF(names));
    founding->place = word;
    arguments->index++;
    return GW_COMMAND_OK;
}

/* True if there is an exit code already. */
static bool read_words(struct founding *founding, int argc, char **argv, int *ret_exit)
{
    struct gw_arguments arguments = {"godwit init", argc, argv, 1};
    *ret_exit = GW_COMMAND_OK;
    while (arguments.index < argc) {
        if (gw_arguments_take_flag(&arguments, "-h", "--help")) {
            fputs(usage, stdout);
            return true;
        }
        *ret_exit = read_word(founding, &arguments);
        if (*ret_exit != GW_COMMAND_OK)
            return true;
    }
    if (founding->place == NULL)
        founding->place = HOME;
    if (founding->tls_port != founding->plain_port)
        return false;
    *ret_exit = complain(GW_COMMAND_USAGE, "--port and --plain-port are the same", NULL);
    return true;
}

/* -- the directory -- */

static int refuse_place(const char *place, const char *what)
{
    fprintf(stderr, "godwit init: %s %s; nothing is replaced\n", place, what);
    fprintf(stderr,
            "   hint: godwit serve -c %s/godwit.yaml runs what is there; godwit init DIR takes "
            "another place\n",
            place);
    return GW_COMMAND_EXISTS;
}

static int make_place(struct founding *founding)
{
    enum gw_folder_kind kind;
    int os_errno = 0;
    enum gw_status status = gw_folder_look(founding->place, &kind, &os_errno);
    if (status != GW_OK)
        return fail_at("look into", founding->place, os_errno);
    if (kind == GW_FOLDER_FULL)
        return refuse_place(founding->place, "is there already and not empty");
    if (kind == GW_FOLDER_OTHER)
        return refuse_place(founding->place, "is there already and no directory");
    status = gw_deposit_directory(founding->place, 0755, &os_errno);
    if (status == GW_OS_ERROR)
        return fail_at("make", founding->place, os_errno);
    founding->made = status == GW_OK;
    char *whole = realpath(founding->place, NULL);
    const char *why = "it is too long";
    if (whole != NULL && strlen(whole) + 32 < sizeof founding->directory) {
        snprintf(founding->directory, sizeof founding->directory, "%s", whole);
        why = gw_foundtext_judge(whole);
    }
    free(whole);
    if (why == NULL)
        return GW_COMMAND_OK;
    fprintf(stderr, "godwit init: the path of %s cannot stand in a configuration: %s\n",
            founding->place, why);
    return GW_COMMAND_USAGE;
}

static const char *path_of(const struct founding *founding, const char *file,
                           char path[GW_DEPOSIT_PATH_MAX])
{
    return gw_cabinet_path(founding->directory, file, path);
}

/* Takes away what a run made that came to nothing. */
static void undo(const struct founding *founding)
{
    static const char *const files[] = {"godwit.yaml",    "users",      "tls/server.pem",
                                        "tls/server.key", "tls/ca.pem", "tls/ca.key"};
    static const char *const folders[] = {"tls", "data"};
    char path[GW_DEPOSIT_PATH_MAX];
    if (founding->directory[0] != '\0') {
        for (size_t i = 0; i < GW_COUNT_OF(files); i++)
            unlink(path_of(founding, files[i], path));
        for (size_t i = 0; i < GW_COUNT_OF(folders); i++)
            rmdir(path_of(founding, folders[i], path));
    }
    if (founding->made)
        rmdir(founding->place);
}

static int make_folder(const struct founding *founding, const char *name, unsigned mode)
{
    char path[GW_DEPOSIT_PATH_MAX];
    int os_errno;
    enum gw_status status = gw_deposit_directory(path_of(founding, name, path), mode, &os_errno);
    return status == GW_OK ? GW_COMMAND_OK : fail_at("make", path, os_errno ? os_errno : EEXIST);
}

static int make_file(const struct founding *founding, const char *name, struct gw_span content,
                     unsigned mode)
{
    char path[GW_DEPOSIT_PATH_MAX];
    int os_errno;
    struct gw_deposit deposit = {path_of(founding, name, path), content, mode, GW_DEPOSIT_NEW};
    enum gw_status status = gw_deposit_write(&deposit, &os_errno);
    return status == GW_OK ? GW_COMMAND_OK : fail_at("write", path, os_errno ? os_errno : EEXIST);
}

/* -- what is in it -- */

static int make_certificates(struct founding *founding)
{
    char tls[GW_DEPOSIT_PATH_MAX];
    char name[GW_CERTING_CA_NAME_MAX];
    struct gw_cabinet cabinet;
    struct gw_cabinet_error error;
    struct gw_certificate_facts facts;
    struct gw_certnames names = {0};
    int64_t now_s = (int64_t)(gw_clock_wall(gw_clock_system()) / (int64_t)GW_NS_PER_S);
    struct gw_cabinet_order order = {
        .name = gw_certing_ca_name(name), .now_s = now_s, .days = GW_ISSUER_DAYS_CA};
    if (!gw_certing_own_names(&names))
        fputs(
            "Note: the host name cannot stand in a certificate and is left out; --name adds one\n",
            stderr);
    if (gw_certnames_merge(&names, &founding->names) != GW_OK)
        return complain(GW_COMMAND_USAGE, "a certificate has 32 names at most", NULL);
    founding->names = names;
    path_of(founding, "tls", tls);
    enum gw_status status = gw_cabinet_found(tls, &order, &error);
    if (status == GW_OK)
        status = gw_cabinet_open(tls, &cabinet, &error);
    if (status == GW_OK) {
        order.names = &names;
        order.days = GW_ISSUER_DAYS_SERVER;
        status = gw_cabinet_server(&cabinet, &order, &facts, &error);
        gw_cabinet_fini(&cabinet);
    }
    if (status == GW_OK)
        return GW_COMMAND_OK;
    return complain(error.os_errno == EACCES ? GW_COMMAND_PERMISSION : GW_COMMAND_SYSTEM,
                    error.what, NULL);
}

static int make_users(struct founding *founding)
{
    struct gw_hashtext hash;
    struct gw_buf text;
    gw_buf_init(&text, GW_FOUNDING_TEXT_MAX);
    gw_passphrase_make(founding->password);
    enum gw_status status =
        gw_password_hash(GW_HASHTEXT_ARGON2ID, gw_span_str(founding->password), &hash);
    if (status == GW_OK)
        status = gw_buf_append(&text, gw_span_str(founding->user));
    if (status == GW_OK)
        status = gw_buf_append(&text, GW_SPAN_LIT(":"));
    if (status == GW_OK)
        status = gw_hashtext_print(&hash, &text);
    if (status == GW_OK)
        status = gw_buf_append(&text, GW_SPAN_LIT("\n"));
    int result = status == GW_OK ? make_file(founding, "users", gw_buf_span(&text), 0600)
                                 : complain(GW_COMMAND_SYSTEM, gw_status_name(status), NULL);
    gw_buf_fini(&text);
    return result;
}

/* The last file: until it is there, nothing takes the directory for a broker's. */
static int make_config(const struct founding *founding)
{
    struct gw_buf text;
    struct gw_foundtext found = {.directory = founding->directory,
                                 .user = founding->user,
                                 .tls_port = founding->tls_port,
                                 .plain_port = founding->plain_port,
                                 .ipv6 = gw_netnames_has_ipv6()};
    gw_buf_init(&text, GW_FOUNDING_TEXT_MAX);
    enum gw_status status = gw_foundtext_print(&found, &text);
    int result = status == GW_OK ? make_file(founding, "godwit.yaml", gw_buf_span(&text), 0644)
                                 : complain(GW_COMMAND_SYSTEM, gw_status_name(status), NULL);
    gw_buf_fini(&text);
    return result;
}

static int make_all(struct founding *founding)
{
    int result = make_place(founding);
    if (result == GW_COMMAND_OK)
        result = make_folder(founding, "tls", 0755);
    if (result == GW_COMMAND_OK)
        result = make_certificates(founding);
    if (result == GW_COMMAND_OK)
        result = make_folder(founding, "data", 0700);
    if (result == GW_COMMAND_OK)
        result = make_users(founding);
    if (result == GW_COMMAND_OK)
        result = make_config(founding);
    if (result != GW_COMMAND_OK && result != GW_COMMAND_EXISTS)
        undo(founding);
    return result;
}

/* -- the context -- */

static enum gw_status fill_context(const struct founding *founding, struct gw_context *context)
{
    char url[64];
    char ca[GW_DEPOSIT_PATH_MAX];
    snprintf(url, sizeof url, "mqtts://localhost:%u", founding->tls_port);
    GW_TRY(gw_context_set(context, "url", url));
    GW_TRY(gw_context_set(context, "ca", path_of(founding, "tls/ca.pem", ca)));
    GW_TRY(gw_context_set(context, "user", founding->user));
    return gw_context_set(context, "password", founding->password);
}

/* Saves the login under the first name that is free: "local", "local-2" ... */
static enum gw_status save_context(struct founding *founding, const struct gw_contextdir *dir,
                                   const struct gw_context *context,
                                   struct gw_contextdir_error *error)
{
    enum gw_status status = GW_EXISTS;
    for (unsigned i = 1; i <= CONTEXTS_MAX && status == GW_EXISTS; i++) {
        char name[GW_CONTEXTDIR_NAME_MAX];
        if (i == 1)
            snprintf(name, sizeof name, "%s", founding->context);
        else
            snprintf(name, sizeof name, "%.60s-%u", founding->context, i % 1000);
        status = gw_contextdir_write(dir, name, context, false, error);
        if (status == GW_OK)
            snprintf(founding->saved, sizeof founding->saved, "%s", name);
    }
    return status;
}

/* The broker stands without it: what goes wrong here is told, and no more. */
static void make_context(struct founding *founding)
{
    struct gw_contextdir dir;
    struct gw_contextdir_error error = {0};
    struct gw_context context = {0};
    char active[GW_CONTEXTDIR_NAME_MAX];
    if (founding->context == NULL)
        return;
    if (!gw_contextdir_find(&dir)) {
        fputs("Note: HOME is not set, so no context is saved\n", stderr);
        return;
    }
    enum gw_status status = fill_context(founding, &context);
    if (status == GW_OK)
        status = save_context(founding, &dir, &context, &error);
    gw_context_fini(&context);
    if (status == GW_OK && !gw_contextdir_active(&dir, active)) {
        status = gw_contextdir_use(&dir, founding->saved, &error);
        founding->in_use = status == GW_OK;
    }
    if (status != GW_OK)
        fprintf(stderr, "Note: no context is %s: %s\n",
                founding->saved[0] != '\0' ? "in use" : "saved",
                error.what[0] != '\0' ? error.what : gw_status_name(status));
}

static void report(const struct founding *founding)
{
    char names[NAMES_MAX];
    bool usual = strcmp(founding->place, HOME) == 0 || strcmp(founding->place, "./" HOME) == 0 ||
                 strcmp(founding->place, HOME "/") == 0;
    printf("Created %s%s (config, CA, server certificate for %s)\n",
           strchr(founding->place, '/') == NULL ? "./" : "", founding->place,
           gw_certnames_text(&founding->names, names, sizeof names));
    printf("User %s, password  %s   (stored hashed; shown once", founding->user,
           founding->password);
    if (founding->saved[0] != '\0')
        printf("; saved in context \"%s\"", founding->saved);
    puts(")");
    if (usual)
        puts("Next:  godwit serve");
    else
        printf("Next:  godwit serve -c %s/godwit.yaml\n", founding->place);
    if (founding->saved[0] != '\0' && !founding->in_use)
        printf("And:   godwit context use %s   (another one is in use)\n", founding->saved);
}

int gw_founding_run(const char *program, int argc, char **argv)
{
    struct founding founding = {
        .user = "admin", .context = "local", .tls_port = TLS_PORT, .plain_port = PLAIN_PORT};
    int result;
    (void)program;
    if (read_words(&founding, argc, argv, &result))
        return result;
    result = make_all(&founding);
    if (result == GW_COMMAND_OK) {
        make_context(&founding);
        report(&founding);
    }
    gw_password_wipe(founding.password, sizeof founding.password);
    return result;
}
