#include "daemon/serve.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "broker/broker.h"
#include "broker/durability.h"
#include "broker/logger.h"
#include "config/conflisten.h"
#include "config/conftls.h"
#include "daemon/arguments.h"
#include "daemon/command.h"
#include "daemon/confining.h"
#include "daemon/dropping.h"
#include "daemon/people.h"
#include "daemon/refusal.h"
#include "daemon/reload.h"
#include "os/console.h"
#include "os/entropy.h"
#include "os/notify.h"
#include "os/process.h"

#define TICK_MS           1000 /* folded log lines and changed files are seen so much later */
#define DESCRIPTORS_SPARE 64   /* beside connections: listeners, pollers, files */
#define URL_PATH_MAX      300  /* scheme and path beside the address */
#define DEFAULT_PORT      1883

static const char usage[] =
    "godwit serve                       the broker that godwit init made in ./godwit, or one on\n"
    "                                   port 1883 of this machine only\n"
    "godwit serve -p 1884               on another port\n"
    "godwit serve -c godwit.yaml        with a configuration\n"
    "godwit serve --set log.level=debug --set limits.packet=16MB\n"
    "\n"
    "  -c, --config FILE     read a configuration (YAML; \"-\" is standard input); without it\n"
    "                        godwit/godwit.yaml, if it is there and nobody else may write it\n"
    "      --set KEY=VALUE   set one key, stronger than file and environment; may be repeated\n"
    "  -p, --port PORT       listen on this port of 127.0.0.1 and ::1 only; 0 takes a free one\n"
    "  -v, --verbose         log.level debug\n"
    "  -h, --help            this text\n"
    "\n"
    "SIGTERM and SIGINT end it in order (a second one at once), SIGHUP reloads the file.\n"
    "Keys: godwit config reference. What is in force: godwit config show.\n";

/* Everything that lives while the broker runs. */
struct serve {
    const char *program;
    struct gw_arguments_config options;
    struct gw_config config;
    struct gw_logger *logger;
    const struct gw_log *log;
    struct gw_broker *broker;
    struct gw_loader loader;
    struct gw_people people;
    struct gw_inherited inherited;
    int signals;
    bool verbose;
    gw_mono_ns began;
};

/* Reads the command line; true if there is an exit code already. */
static bool read_options(struct serve *serve, int argc, char **argv, int *ret_exit)
{
    static const char *const names[] = {"--config", "--set", "--port", "--verbose", "--help"};
    struct gw_arguments options = {"godwit serve", argc, argv, 1};

    while (options.index < argc) {
        enum gw_arguments_outcome outcome = gw_arguments_config_take(&serve->options, &options);

        if (outcome == GW_ARGUMENTS_TAKEN)
            continue;
        if (outcome == GW_ARGUMENTS_BAD) {
            *ret_exit = GW_COMMAND_USAGE;
            return true;
        }
        if (gw_arguments_take_flag(&options, "-h", "--help")) {
            fputs(usage, stdout);
            *ret_exit = GW_COMMAND_OK;
            return true;
        }
        if (gw_arguments_take_flag(&options, "-v", "--verbose")) {
            if (!serve->verbose)
                serve->options.sets[serve->options.set_count++] = "log.level=debug";
            serve->verbose = true;
            continue;
        }
        *ret_exit = gw_arguments_refuse(&options, names, GW_COUNT_OF(names));
        return true;
    }
    return false;
}

static void say(const struct serve *serve, enum gw_log_level level, const char *event,
                const char *message)
{
    gw_log_event(serve->log, level, event, message, NULL, 0);
}

static void check_descriptors(const struct serve *serve)
{
    uint64_t wanted = (uint64_t)serve->config.limits.connections + DESCRIPTORS_SPARE;
    uint64_t have = gw_process_raise_descriptors(wanted);
    const struct gw_config_key *key = gw_config_find(GW_SPAN_LIT("limits.connections"));
    bool asked = gw_config_origin(&serve->config, key)->source != GW_CONFIG_FROM_DEFAULT;
    struct gw_log_field fields[] = {
        gw_log_number("descriptors", (int64_t)have),
        gw_log_number("limits.connections", serve->config.limits.connections),
        gw_log_str("hint", "raise it with ulimit -n, or LimitNOFILE= of the service"),
    };

    if (have < wanted)
        gw_log_event(serve->log, asked ? GW_LOG_WARN : GW_LOG_DEBUG, "limits.descriptors",
                     "the system allows fewer connections than the configuration", fields,
                     GW_COUNT_OF(fields));
}

/* Who has users and says nothing about their rights gives them none. */
static void tell_rights(const struct serve *serve)
{
    struct gw_log_field field =
        gw_log_str("hint", "access: [{allow: pubsub, topic: \"#\"}] lets everybody do everything");

    if (serve->config.rights != NULL && gw_access_count(serve->config.rights) == 0)
        gw_log_event(serve->log, GW_LOG_WARN, "acl.empty",
                     "no access rules: nobody may publish or receive anything", &field, 1);
}

static void warn_about_listeners(const struct serve *serve)
{
    for (size_t i = 0; i < serve->config.listeners.count; i++) {
        const struct gw_config_listener *listener = &serve->config.listeners.items[i];
        struct gw_log_field fields[] = {
            gw_log_str("url", listener->url),
            gw_log_str("hint", "auth: [{file: users}] names a user file, godwit passwd writes one"),
        };

        if (!listener->anonymous &&
            (!gw_people_are_none(&serve->people) || gw_conftls_proves(&serve->config, listener)))
            continue;
        if (!listener->anonymous)
            gw_log_event(serve->log, GW_LOG_WARN, "listener.closed",
                         "nobody is let in: strangers are refused, and there are no users", fields,
                         GW_COUNT_OF(fields));
        else if (!gw_address_is_loopback(&listener->address))
            gw_log_event(serve->log, GW_LOG_WARN, "listener.insecure",
                         "whoever reaches this address may read and publish everything", fields, 1);
    }
    tell_rights(serve);
}

/* The first port that is listened on, for the line to try. */
static uint16_t first_port(const struct serve *serve)
{
    if (gw_broker_listener_count(serve->broker) == 0)
        return 0;
    return gw_address_port(gw_broker_listener_address(serve->broker, 0));
}

/* True if nothing was said about how to run but -p and -v. */
static bool is_unconfigured(const struct serve *serve)
{
    size_t said = (serve->options.port_set[0] != '\0') + (size_t)serve->verbose;
    size_t count = 0;

    for (size_t i = 0; i < GW_CONFIG_KEY_COUNT; i++)
        count += serve->config.origins[i].source != GW_CONFIG_FROM_DEFAULT;
    return serve->config.path == NULL && count == said;
}

GW_PRINTF(2, 3) static void say_hint(const struct serve *serve, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    say(serve, GW_LOG_INFO, "broker.hint", text);
}

/* What somebody who just tries it wants next. */
static void say_hints(const struct serve *serve)
{
    char port[16] = "";
    uint16_t number = first_port(serve);
    const char *program = serve->program;

    if (number != DEFAULT_PORT)
        snprintf(port, sizeof port, " -p %u", number);
    say_hint(serve, "try in another terminal:  %s sub%s -v -t 'test/#'", program, port);
    say_hint(serve, "and in a third:           %s pub%s -t test/hello -m hi", program, port);
    say_hint(serve, "with TLS and users:       %s init", program);
    say_hint(serve, "                          %s serve", program);
    say_hint(serve, "to configure:             %s config show --defaults > godwit.yaml", program);
    say_hint(serve, "                          %s serve -c godwit.yaml", program);
}

static void announce_listener(const struct serve *serve, size_t index)
{
    const struct gw_config_listener *listener = gw_broker_listener_config(serve->broker, index);
    char address[GW_ADDRESS_TEXT_MAX];
    char url[GW_ADDRESS_TEXT_MAX + URL_PATH_MAX];

    gw_address_text(gw_broker_listener_address(serve->broker, index), address);
    snprintf(url, sizeof url, "%s://%s%s", gw_conflisten_scheme_name(listener->scheme), address,
             listener->path ? listener->path : "");
    struct gw_log_field field = gw_log_str("url", url);
    gw_log_event(serve->log, GW_LOG_INFO, "listener.open", "listening", &field, 1);
}

static void say_banner(const struct serve *serve)
{
    const struct gw_clock *clock = gw_clock_system();
    struct gw_log_field ready[] = {
        gw_log_number("after_ms", (int64_t)((gw_clock_mono(clock) - serve->began) / GW_NS_PER_MS)),
        gw_log_number("loops", gw_broker_loop_count(serve->broker)),
        gw_log_number("pid", gw_process_id()),
        gw_log_str("version", GW_VERSION_TEXT),
        gw_log_str("config", serve->config.path),
    };

    if (is_unconfigured(serve))
        say(serve, GW_LOG_INFO, "config.none",
            "no configuration: for this machine only, without passwords, nothing is kept");
    for (size_t i = 0; i < gw_broker_listener_count(serve->broker); i++)
        announce_listener(serve, i);
    gw_people_say(&serve->people, serve->log);
    warn_about_listeners(serve);
    check_descriptors(serve);
    gw_log_event(serve->log, GW_LOG_INFO, "broker.ready", "ready", ready, GW_COUNT_OF(ready));
    if (is_unconfigured(serve))
        say_hints(serve);
}

/* What the service manager listens on and no listener of ours does. */
static void tell_unclaimed(struct serve *serve)
{
    for (size_t i = 0; i < serve->inherited.count; i++) {
        char address[GW_ADDRESS_TEXT_MAX];
        struct gw_log_field fields[] = {
            gw_log_str("address", gw_address_text(&serve->inherited.items[i].address, address)),
            gw_log_str("name", serve->inherited.items[i].name),
            gw_log_str("hint", "a listener takes it whose URL has the same address"),
        };

        gw_log_event(serve->log, GW_LOG_WARN, "listener.unclaimed",
                     "the service manager opened an address that no listener has", fields,
                     GW_COUNT_OF(fields));
    }
    gw_inherited_fini(&serve->inherited);
}

/* Makes the broker, opens what it listens on and starts its loops; returns the exit code. */
static int start(struct serve *serve)
{
    struct gw_broker_services services = {
        .log = serve->log,
        .sockets = gw_socket_system(),
        .clock = gw_clock_system(),
        .disk = gw_disk_system(),
        .inherited = &serve->inherited,
    };
    struct gw_store_error store_error;
    struct gw_broker_error error = {0};
    enum gw_status status;

    gw_entropy_fill(&services.seed, sizeof services.seed);
    status = gw_broker_new(&serve->config, &services, &serve->broker);
    if (status != GW_OK) {
        error.os_errno = status == GW_OS_ERROR ? errno : 0;
        error.what = status == GW_NO_MEMORY ? "out of memory" : "the system refuses";
        return gw_refusal_listen(&error);
    }
    if (gw_broker_set_auth(serve->broker, serve->people.users, serve->people.backing.chain) !=
        GW_OK) {
        error = (struct gw_broker_error){.what = "out of memory"};
        return gw_refusal_listen(&error);
    }
    if (gw_broker_recover(serve->broker, &store_error) != GW_OK)
        return gw_refusal_store(&store_error);
    if (gw_broker_open(serve->broker, &error) != GW_OK)
        return gw_refusal_listen(&error);
    if (gw_broker_start(serve->broker) != GW_OK) {
        error = (struct gw_broker_error){.os_errno = errno, .what = "cannot start a thread"};
        return gw_refusal_listen(&error);
    }
    return GW_COMMAND_OK;
}

/* Words for the service manager, if there is one; nothing hangs on whether it hears them. */
static void notify_ready(const struct serve *serve)
{
    char text[GW_NOTIFY_TEXT_MAX];

    snprintf(text, sizeof text, "READY=1\nSTATUS=%zu listeners, %u loops",
             gw_broker_listener_count(serve->broker), gw_broker_loop_count(serve->broker));
    (void)gw_notify_send(text);
}

static void reload(struct serve *serve)
{
    (void)gw_notify_send_reloading();
    gw_reload_run(serve->broker, serve->logger, &serve->options, &serve->config, &serve->people);
    notify_ready(serve);
}

/* Answers signals until one says to end. */
static void run_until_end(struct serve *serve)
{
    int number = 0;

    for (;;) {
        enum gw_process_signal signal = gw_process_wait_signal(serve->signals, TICK_MS, &number);

        gw_logger_tick(serve->logger);
        gw_broker_tick(serve->broker);
        if (signal == GW_PROCESS_RELOAD)
            reload(serve);
        else
            gw_people_look(&serve->people, &serve->config, serve->broker, serve->log);
        if (signal == GW_PROCESS_END)
            break;
    }
    struct gw_log_field field = gw_log_str("signal", strsignal(number));
    gw_log_event(serve->log, GW_LOG_INFO, "broker.stopping", "stopping", &field, 1);
    (void)gw_notify_send("STOPPING=1");
}

static void stop(struct serve *serve)
{
    gw_process_release_signals(serve->signals);
    gw_broker_drain(serve->broker);
    if (gw_broker_wait(serve->broker) == GW_TIMEOUT)
        say(serve, GW_LOG_WARN, "broker.cut", "some clients did not leave in time and were cut");
    struct gw_log_field field = gw_log_number(
        "uptime_s", (int64_t)((gw_clock_mono(gw_clock_system()) - serve->began) / GW_NS_PER_S));
    gw_log_event(serve->log, GW_LOG_INFO, "broker.stopped", "stopped", &field, 1);
}

static int run(struct serve *serve)
{
    struct gw_logger_options options = {
        .config = serve->config.log, .clock = gw_clock_system(), .fd = GW_CONSOLE_ERR};
    int result;

    serve->logger = gw_logger_new(&options);
    if (serve->logger == NULL || gw_process_open_signals(&serve->signals) != GW_OK) {
        fputs("cannot start: out of memory or descriptors\n", stderr);
        return GW_COMMAND_SYSTEM;
    }
    serve->log = gw_logger_log(serve->logger);
    serve->loader.log = serve->log;
    result = gw_dropping_run(&serve->config, &serve->inherited);
    if (result == GW_COMMAND_OK) {
        gw_confining_run(&serve->config, gw_durability_path(&serve->config), serve->log);
        result = start(serve);
    }
    if (result == GW_COMMAND_OK) {
        tell_unclaimed(serve);
        say_banner(serve);
        notify_ready(serve);
        run_until_end(serve);
        stop(serve);
    }
    return result;
}

int gw_serve_run(const char *program, int argc, char **argv)
{
    struct serve serve = {.program = program, .began = gw_clock_mono(gw_clock_system())};
    int result = GW_COMMAND_OK;

    gw_loader_init(&serve.loader);
    if (!gw_arguments_config_init(&serve.options, argc))
        return GW_COMMAND_SYSTEM;
    gw_inherited_collect(&serve.inherited);
    if (!read_options(&serve, argc, argv, &result)) {
        result = gw_arguments_config_load(&serve.options, &serve.config);
        if (result == GW_COMMAND_OK)
            result = gw_people_open(&serve.people, &serve.config, &serve.loader);
        if (result == GW_COMMAND_OK)
            result = run(&serve);
    }
    gw_broker_free(serve.broker);
    gw_people_fini(&serve.people);
    gw_inherited_fini(&serve.inherited);
    gw_logger_free(serve.logger);
    gw_config_fini(&serve.config);
    gw_arguments_config_fini(&serve.options);
    return result;
}
