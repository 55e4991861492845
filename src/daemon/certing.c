#include "daemon/certing.h"

#include <stdio.h>

#include "daemon/certkit.h"
#include "daemon/certshow.h"
#include "daemon/certwords.h"
#include "daemon/command.h"
#include "os/entropy.h"
#include "os/netnames.h"

static const char usage[] =
    "godwit cert ca                                   a certificate authority of your own\n"
    "godwit cert server --name broker.lan --name 10.0.0.9\n"
    "                                                 a certificate for a broker\n"
    "godwit cert client sensor-7 --out sensor-7.tar   what a device needs, in one archive\n"
    "godwit cert show server.pem                      what stands in it, and how long it lasts\n"
    "\n"
    "  --dir DIR     ca, server, client: where ca.pem and ca.key are; without it the first of .,\n"
    "                tls and godwit/tls that has them (ca: .)\n"
    "  --days N      ca, server, client: how long it lasts (3650, 825, 730), not longer than its "
    "CA\n"
    "  --name NAME   ca: its name (godwit CA HOST NUMBER)\n"
    "                server: a name or address of the broker, may be repeated (those of this "
    "machine)\n"
    "  --add NAME    server: one more than in the certificate that is there; may be repeated,\n"
    "                implies --force\n"
    "  --force       server: replace the certificate that is there; its key stays\n"
    "  --out PLACE   client: a new directory, or an archive if it ends with .tar (./NAME)\n"
    "  --host HOST   client: the broker's name (the first in DIR/server.pem)\n"
    "  -h, --help    this text\n"
    "\n"
    "server writes DIR/server.pem and, if there is none, DIR/server.key. client makes a key, a\n"
    "certificate, a C header and a page how to use them. show ends with 1 if a certificate is "
    "over,\n"
    "not valid yet, or the key beside it is another's.\n";

static const struct gw_certwords_command ca_command = {"godwit cert ca", usage, GW_CERTWORDS_NAME,
                                                       GW_ISSUER_DAYS_CA};
static const struct gw_certwords_command server_command = {
    "godwit cert server", usage, GW_CERTWORDS_NAME | GW_CERTWORDS_ADD | GW_CERTWORDS_FORCE,
    GW_ISSUER_DAYS_SERVER};
static const struct gw_certwords_command client_command = {
    "godwit cert client", usage, GW_CERTWORDS_WORD | GW_CERTWORDS_OUT | GW_CERTWORDS_HOST,
    GW_ISSUER_DAYS_CLIENT};

bool gw_certing_own_names(struct gw_certnames *names)
{
    char host[GW_NETNAMES_HOST_MAX];
    struct gw_address addresses[GW_NETNAMES_ADDRESSES_MAX];
    bool good = gw_certnames_add_host(names, gw_netnames_host(host));
    size_t count = gw_netnames_addresses(addresses);
    for (size_t i = 0; i < count; i++) {
        char text[GW_ADDRESS_TEXT_MAX];
        const char *why;
        gw_address_text(&addresses[i], text);
        char *colon = strrchr(text, ':');
        if (colon != NULL) /* behind it the port */
            *colon = '\0';
        /* More of them than a certificate takes: those that fit are in it. */
        if (gw_certnames_add(names, gw_span_str(text), &why) == GW_LIMIT)
            break;
    }
    return good;
}

const char *gw_certing_ca_name(char text[GW_CERTING_CA_NAME_MAX])
{
    char host[GW_NETNAMES_HOST_MAX];
    struct gw_certnames names = {0};
    uint16_t number;
    gw_entropy_fill(&number, sizeof number);
    bool good = gw_certnames_add_host(&names, gw_netnames_host(host));
    snprintf(text, GW_CERTING_CA_NAME_MAX, "godwit CA %.40s %04x",
             good ? names.items[0].text : "localhost", number);
    return text;
}

static int make_ca(const struct gw_certwords *words)
{
    const char *directory = words->directory != NULL ? words->directory : ".";
    char name[GW_CERTING_CA_NAME_MAX];
    char day[GW_CERTWORDS_DATE_MAX];
    struct gw_cabinet_error error = {0};
    struct gw_cabinet_order order = {.now_s = words->now_s, .days = words->days};
    order.name = words->name != NULL ? words->name : gw_certing_ca_name(name);
    if (strlen(order.name) > GW_ISSUER_NAME_MAX)
        return gw_certwords_ask(words, "a name has %d bytes at most", GW_ISSUER_NAME_MAX);
    enum gw_status status = gw_deposit_directory(directory, 0755, &error.os_errno);
    if (status == GW_OS_ERROR) {
        snprintf(error.what, sizeof error.what, "cannot make the directory %s: %s", directory,
                 strerror(error.os_errno));
        return gw_certwords_fail(words, status, &error, NULL);
    }
    status = gw_cabinet_found(directory, &order, &error);
    if (status != GW_OK)
        return gw_certwords_fail(words, status, &error,
                                 status == GW_EXISTS
                                     ? "what it signed is worth nothing without it: it is never "
                                       "replaced; --dir DIR takes another place"
                                     : NULL);
    printf("Created %s/" GW_CABINET_CA " and " GW_CABINET_CA_KEY " (%s, until %s)\n"
           "Keep " GW_CABINET_CA_KEY " to yourself; give " GW_CABINET_CA " to every client\n"
           "Next:  godwit cert server --dir %s --name NAME\n",
           directory, order.name,
           gw_certwords_date(words->now_s + (int64_t)words->days * GW_CERTIFICATE_DAY_S, day),
           directory);
    return GW_COMMAND_OK;
}

/* The names to have: those that are said, and with --add those that are there. */
static int gather_names(const struct gw_certwords *words, const struct gw_cabinet *cabinet,
                        struct gw_certnames *names)
{
    struct gw_certificate_facts there;
    struct gw_cabinet_error error;
    char path[GW_DEPOSIT_PATH_MAX];
    *names = (struct gw_certnames){0};
    if (words->add) {
        enum gw_status status = gw_cabinet_tell(
            gw_cabinet_path(cabinet->path, GW_CABINET_SERVER, path), &there, &error);
        if (status == GW_OK)
            *names = there.names;
        else if (status != GW_NOT_FOUND)
            return gw_certwords_fail(words, status, &error, NULL);
    }
    if (names->count == 0 && (words->add || words->names.count == 0) &&
        !gw_certing_own_names(names))
        fputs("Note: the name of this machine cannot stand in a certificate and is left out\n",
              stderr);
    if (gw_certnames_merge(names, &words->names) != GW_OK)
        return gw_certwords_ask(words, "a certificate has %d names at most", GW_CERTNAMES_MAX);
    return GW_COMMAND_OK;
}

static int make_server(const struct gw_certwords *words, const struct gw_cabinet *cabinet)
{
    struct gw_certnames names;
    struct gw_certificate_facts facts;
    struct gw_cabinet_error error;
    char list[1024];
    char day[GW_CERTWORDS_DATE_MAX];
    int result = gather_names(words, cabinet, &names);
    if (result != GW_COMMAND_OK)
        return result;
    struct gw_cabinet_order order = {.names = &names,
                                     .now_s = words->now_s,
                                     .days = words->days,
                                     .replace = words->force || words->add};
    enum gw_status status = gw_cabinet_server(cabinet, &order, &facts, &error);
    if (status != GW_OK)
        return gw_certwords_fail(words, status, &error,
                                 status == GW_EXISTS ? "--force replaces it, --add NAME gives it "
                                                       "one more name; its key stays"
                                                     : NULL);
    printf("Created %s/" GW_CABINET_SERVER " for %s (until %s)\n", cabinet->path,
           gw_certnames_text(&facts.names, list, sizeof list),
           gw_certwords_date(facts.not_after, day));
    return GW_COMMAND_OK;
}

static int run_ca(int argc, char **argv)
{
    struct gw_certwords words;
    int result;
    return gw_certwords_read(&words, &ca_command, argc, argv, &result) ? result : make_ca(&words);
}

/* Reads the words, opens the CA and goes on with both. */
static int run_with_ca(const struct gw_certwords_command *command, int argc, char **argv,
                       int (*run)(const struct gw_certwords *, const struct gw_cabinet *))
{
    struct gw_certwords words;
    struct gw_cabinet cabinet;
    int result;
    if (gw_certwords_read(&words, command, argc, argv, &result))
        return result;
    if (command == &client_command && words.name == NULL)
        return gw_certwords_ask(&words, "which client? It wants a name, as sensor-7");
    result = gw_certwords_open(&words, &cabinet);
    if (result != GW_COMMAND_OK)
        return result;
    result = run(&words, &cabinet);
    gw_cabinet_fini(&cabinet);
    return result;
}

static int run_server(int argc, char **argv)
{
    return run_with_ca(&server_command, argc, argv, make_server);
}

static int run_client(int argc, char **argv)
{
    return run_with_ca(&client_command, argc, argv, gw_certkit_make);
}

static int run_show(int argc, char **argv)
{
    return gw_certshow_run(usage, argc, argv);
}

static const struct {
    const char *word;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"ca", run_ca},
    {"server", run_server},
    {"client", run_client},
    {"show", run_show},
};

int gw_certing_run(const char *program, int argc, char **argv)
{
    static const char *const names[] = {"ca", "server", "client", "show", "--help"};
    struct gw_arguments arguments = {"godwit cert", argc, argv, 1};
    (void)program;
    if (argc == 1 || gw_arguments_take_flag(&arguments, "-h", "--help")) {
        fputs(usage, argc == 1 ? stderr : stdout);
        return argc == 1 ? GW_COMMAND_USAGE : GW_COMMAND_OK;
    }
    for (size_t i = 0; i < GW_COUNT_OF(commands); i++) {
        if (gw_arguments_take_flag(&arguments, commands[i].word, NULL))
            return commands[i].run(argc - 1, argv + 1);
    }
    return gw_arguments_refuse(&arguments, names, GW_COUNT_OF(names));
}
