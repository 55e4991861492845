#include "daemon/benching.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "bench/verdict.h"
#include "daemon/arguments.h"
#include "daemon/command.h"
#include "os/console.h"
#include "os/entropy.h"
#include "os/interrupt.h"
#include "os/process.h"

#define COMMAND     "godwit bench"
#define SIZE_MAX_   (64u * 1024 * 1024)
#define PREFIX_MAX  32u
#define REPORT_MAX  ((size_t)64 * 1024)
#define BAR_WIDTH   20
#define BAR_SIZE    (3 * BAR_WIDTH + 1)
#define SPARE_FILES 64u /* descriptors beside those of the clients */

static const char usage[] =
    "godwit bench conn -c 5000                        how fast clients are let in\n"
    "godwit bench pubsub -c 500 --rate 20k            pairs of a publisher and a subscriber\n"
    "godwit bench fanout -c 1000 --window 4           one publisher, many subscribers\n"
    "godwit bench fanin -c 500 -q 1                   many publishers, one subscriber\n"
    "godwit bench shared -c 100 --subscribers 5       a subscription that five share\n"
    "godwit bench pub -c 100 -q 1                     publishers alone\n"
    "\n"
    "  -h, --host HOST      the broker (localhost)\n"
    "  -p, --port PORT      (1883)\n"
    "  -u, --user NAME      a user name\n"
    "  -P, --password WORD  its password\n"
    "  -V, --mqtt VERSION   5 or 311 (5)\n"
    "  -c, --clients N      conn: clients; pubsub: pairs; fanout: subscribers; else publishers "
    "(100)\n"
    "      --publishers N   of fanout (1)\n"
    "      --subscribers N  of fanin and shared (1)\n"
    "  -q, --qos N          0, 1 or 2 (0)\n"
    "  -s, --size BYTES     of a payload, 16 or more (64)\n"
    "      --rate N         messages a second of all together, as 500, 20k, 1.5M (1k): each has "
    "its time,\n"
    "                       and its latency counts from then on\n"
    "      --window N       instead: so many messages of each publisher under way; the next one "
    "goes when\n"
    "                       one has reached everybody\n"
    "  -d, --duration TIME  as 500ms, 10s, 2m (10s)\n"
    "      --warm-up TIME   of the duration, not measured (1s)\n"
    "      --count N        ends it after so many messages\n"
    "      --connecting N   connections under way at a time (32)\n"
    "      --patience TIME  to wait for what does not come (10s)\n"
    "      --pid N          the broker's process, for its CPU and memory\n"
    "      --json           the result as one JSON object\n"
    "      --quiet          no progress on standard error\n"
    "      --help           this text\n"
    "\n"
    "Every message has its publisher and its number: the result tells what was lost, came twice "
    "or\n"
    "out of order. Ends with 1 then.\n";

struct bench {
    struct gw_drill_plan plan;
    const char *scene;
    const char *host;
    const char *user_name;
    const char *password;
    uint32_t publishers, subscribers; /* 0: not said */
    uint16_t port;
    bool rate_said, window_said;
    bool json, quiet;
    int interrupt; /* descriptor */
    char prefix[PREFIX_MAX];
};

static int complain(const char *what, const char *value, const char *wanted)
{
    fprintf(stderr, COMMAND ": %s \"%s\": %s\n  hint: " COMMAND " --help\n", what, value, wanted);
    return GW_COMMAND_USAGE;
}

/* -- values -- */

/* "500", "20k", "1.5M". */
static bool read_number(const char *text, double max, double *ret_value)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text)
        return false;
    double factor = *end == 'k' ? 1e3 : *end == 'M' ? 1e6 : 1;
    if (factor > 1)
        end++;
    *ret_value = value * factor;
    return *end == '\0' && *ret_value >= 0 && *ret_value <= max;
}

/* "500ms", "10s", "2m", "1h"; a bare number is seconds. */
static bool read_time(const char *text, gw_mono_ns *ret_time)
{
    char *end;
    double value = strtod(text, &end);
    double factor = strcmp(end, "ms") == 0                  ? 1e6
                    : strcmp(end, "s") == 0 || *end == '\0' ? 1e9
                    : strcmp(end, "m") == 0                 ? 60e9
                    : strcmp(end, "h") == 0                 ? 3600e9
                                                            : -1;
    if (end == text || factor < 0 || value < 0 || value * factor > 7 * 86400e9)
        return false;
    *ret_time = (gw_mono_ns)(value * factor);
    return true;
}

enum kind { COUNT, PORT, SIZE, RATE, TIME, TEXT, QOS, VERSION, PID };

static int read_version(const char *text, enum gw_version *ret_version)
{
    if (strcmp(text, "5") == 0 || strcmp(text, "mqttv5") == 0)
        *ret_version = GW_VERSION_5;
    else if (strcmp(text, "311") == 0 || strcmp(text, "3.1.1") == 0 ||
             strcmp(text, "mqttv311") == 0)
        *ret_version = GW_VERSION_311;
    else
        return complain("-V", text, "5 or 311 is wanted");
    return GW_COMMAND_OK;
}

static int read_value(enum kind kind, const char *name, const char *text, void *member)
{
    static const struct {
        double min, max;
        const char *wanted;
    } ranges[] = {
        [COUNT] = {1, GW_DRILL_CLIENTS_MAX, "a number from 1 to 1M is wanted"},
        [PORT] = {1, UINT16_MAX, "a port from 1 to 65535 is wanted"},
        [SIZE] = {GW_WITNESS_SIZE, SIZE_MAX_,
                  "16 bytes to 64 MiB are wanted: the first 16 prove which message it is"},
        [RATE] = {0.001, 1e9, "messages a second are wanted, as 500, 20k, 1.5M"},
        [QOS] = {0, GW_QOS_MAX, "0, 1 or 2 is wanted"},
        [PID] = {1, INT32_MAX, "the number of a process is wanted"},
    };
    double number = 0;
    if (kind == TEXT) {
        *(const char **)member = text;
        return GW_COMMAND_OK;
    }
    if (kind == VERSION)
        return read_version(text, member);
    if (kind == TIME)
        return read_time(text, member)
                   ? GW_COMMAND_OK
                   : complain(name, text, "a time is wanted, as 500ms, 10s, 2m");
    bool good = read_number(text, ranges[kind].max, &number) && number >= ranges[kind].min &&
                (kind == RATE || number == (double)(uint64_t)number);
    if (!good)
        return complain(name, text, ranges[kind].wanted);
    if (kind == RATE)
        *(double *)member = number;
    else if (kind == PORT)
        *(uint16_t *)member = (uint16_t)number;
    else if (kind == QOS)
        *(uint8_t *)member = (uint8_t)number;
    else if (kind == PID)
        *(int64_t *)member = (int64_t)number;
    else
        *(uint32_t *)member = (uint32_t)number;
    return GW_COMMAND_OK;
}

/* -- the command line -- */

struct option {
    const char *letter;
    const char *word;
    enum kind kind;
    size_t offset;
};

static const struct option options[] = {
    {"-h", "--host", TEXT, offsetof(struct bench, host)},
    {"-p", "--port", PORT, offsetof(struct bench, port)},
    {"-u", "--user", TEXT, offsetof(struct bench, user_name)},
    {"-P", "--password", TEXT, offsetof(struct bench, password)},
    {"-V", "--mqtt", VERSION, offsetof(struct bench, plan.player.version)},
    {"-c", "--clients", COUNT, offsetof(struct bench, plan.clients)},
    {NULL, "--publishers", COUNT, offsetof(struct bench, publishers)},
    {NULL, "--subscribers", COUNT, offsetof(struct bench, subscribers)},
    {"-q", "--qos", QOS, offsetof(struct bench, plan.player.qos)},
    {"-s", "--size", SIZE, offsetof(struct bench, plan.player.payload_size)},
    {NULL, "--rate", RATE, offsetof(struct bench, plan.rate)},
    {NULL, "--window", COUNT, offsetof(struct bench, plan.window)},
    {"-d", "--duration", TIME, offsetof(struct bench, plan.duration)},
    {NULL, "--warm-up", TIME, offsetof(struct bench, plan.warm_up)},
    {NULL, "--count", COUNT, offsetof(struct bench, plan.count)},
    {NULL, "--connecting", COUNT, offsetof(struct bench, plan.connecting)},
    {NULL, "--patience", TIME, offsetof(struct bench, plan.patience)},
    {NULL, "--pid", PID, offsetof(struct bench, plan.pid)},
};

static bool take_option(struct bench *bench, struct gw_arguments *words, int *ret_code)
{
    const char *value;
    for (size_t i = 0; i < GW_COUNT_OF(options); i++) {
        const struct option *option = &options[i];
        if (!gw_arguments_take_value(words, option->letter, option->word, &value))
            continue;
        *ret_code =
            value ? read_value(option->kind, option->word, value, (char *)bench + option->offset)
                  : complain("option", option->word, "its value is missing");
        return true;
    }
    return false;
}

static int read_words(struct bench *bench, struct gw_arguments *words, bool *ret_help)
{
    const char *names[GW_COUNT_OF(options) + 3] = {"--json", "--quiet", "--help"};
    int code = GW_COMMAND_OK;
    for (size_t i = 0; i < GW_COUNT_OF(options); i++)
        names[i + 3] = options[i].word;
    while (words->index < words->argc && code == GW_COMMAND_OK) {
        if (take_option(bench, words, &code))
            continue;
        if (gw_arguments_take_flag(words, NULL, "--json"))
            bench->json = true;
        else if (gw_arguments_take_flag(words, NULL, "--quiet"))
            bench->quiet = true;
        else if (gw_arguments_take_flag(words, NULL, "--help"))
            *ret_help = true;
        else if (words->argv[words->index][0] == '-' || bench->scene)
            code = gw_arguments_refuse(words, names, GW_COUNT_OF(names));
        else
            bench->scene = words->argv[words->index++];
    }
    return code;
}

static uint32_t or_else(uint32_t said, uint32_t otherwise)
{
    return said > 0 ? said : otherwise;
}

/* What the scenes of the command line are to a drill. */
static int choose_scene(struct bench *bench)
{
    struct gw_drill_plan *plan = &bench->plan;
    static const char *const names[] = {"conn", "pub", "pubsub", "fanout", "fanin", "shared"};
    static const enum gw_drill_scene scenes[] = {GW_DRILL_CONNECT, GW_DRILL_PUBLISH,
                                                 GW_DRILL_PAIRS,   GW_DRILL_FAN,
                                                 GW_DRILL_FAN,     GW_DRILL_SHARED};
    size_t i = 0;
    while (i < GW_COUNT_OF(names) && bench->scene && strcmp(names[i], bench->scene) != 0)
        i++;
    if (!bench->scene || i == GW_COUNT_OF(names))
        return complain("scenario", bench->scene ? bench->scene : "",
                        "conn, pub, pubsub, fanout, fanin or shared is wanted");
    bool fanout = strcmp(bench->scene, "fanout") == 0;
    plan->scene = scenes[i];
    plan->publishers = plan->scene == GW_DRILL_CONNECT ? 0
                       : fanout                        ? or_else(bench->publishers, 1)
                                                       : plan->clients;
    plan->subscribers = plan->scene == GW_DRILL_PAIRS || fanout ? plan->clients
                        : plan->scene == GW_DRILL_FAN || plan->scene == GW_DRILL_SHARED
                            ? or_else(bench->subscribers, 1)
                            : 0;
    if (plan->publishers + plan->subscribers > GW_DRILL_CLIENTS_MAX)
        return complain("--clients", bench->scene, "that is more than a million clients");
    return GW_COMMAND_OK;
}

/* Where nothing was said, and what does not go together. */
static int complete(struct bench *bench)
{
    struct gw_drill_plan *plan = &bench->plan;
    if (plan->rate > 0 && plan->window > 0)
        return complain("--window", "and --rate", "one of them says when the next message goes");
    if (plan->rate == 0 && plan->window == 0)
        plan->rate = 1000;
    if (plan->scene == GW_DRILL_PUBLISH && plan->player.qos == 0 && plan->window > 0)
        return complain("--window", "with QoS 0",
                        "nobody says when a message has come: give -q 1, or --rate");
    if (plan->warm_up >= plan->duration)
        plan->warm_up = 0;
    plan->player.unacknowledged = plan->window > 0 ? plan->window : 1024;
    if (plan->player.unacknowledged > 65535)
        plan->player.unacknowledged = 65535;
    plan->player.packet_max = plan->player.payload_size + 4096;
    plan->player.user_name = gw_span_str(bench->user_name);
    plan->player.password = gw_span_str(bench->password);
    uint32_t number;
    gw_entropy_fill(&number, sizeof number);
    snprintf(bench->prefix, sizeof bench->prefix, "bench-%08x", number);
    plan->prefix = bench->prefix;
    return GW_COMMAND_OK;
}

static int prepare(struct bench *bench)
{
    struct gw_drill_plan *plan = &bench->plan;
    uint64_t wanted = (uint64_t)plan->clients + plan->publishers + plan->subscribers + SPARE_FILES;
    if (gw_address_resolve(gw_span_str(bench->host), bench->port, &plan->player.address) != GW_OK) {
        fprintf(stderr, COMMAND ": there is no host \"%s\"\n", bench->host);
        return GW_COMMAND_UNAVAILABLE;
    }
    uint64_t files = gw_process_raise_descriptors(wanted);
    if (files >= wanted)
        return GW_COMMAND_OK;
    fprintf(stderr,
            COMMAND ": so many clients want %llu open files, and %llu are allowed\n"
                    "  hint: ulimit -n %llu, or fewer clients\n",
            (unsigned long long)wanted, (unsigned long long)files, (unsigned long long)wanted);
    return GW_COMMAND_SYSTEM;
}

/* -- while it runs -- */

/* A bar of so many blocks, blanks behind it. */
static const char *bar_of(double done, char text[BAR_SIZE])
{
    static const char block[] = "\u2588";
    char *at = text;
    for (int i = 0; i < BAR_WIDTH; i++) {
        bool full = i < done * BAR_WIDTH;
        memcpy(at, full ? block : " ", full ? sizeof block - 1 : 1);
        at += full ? sizeof block - 1 : 1;
    }
    *at = '\0';
    return text;
}

static bool show(void *user, const struct gw_drill_progress *progress)
{
    const struct bench *bench = user;
    const struct gw_drill_result *result = progress->result;
    char bar[BAR_SIZE];
    bool running = progress->phase == GW_DRILL_RUNNING;
    double done = running ? (double)progress->elapsed / (double)(progress->total + 1)
                          : (double)progress->connected / (double)progress->clients;
    if (bench->quiet || progress->phase > GW_DRILL_RUNNING)
        return gw_interrupt_take(bench->interrupt) == 0;
    bar_of(done, bar);
    if (running)
        fprintf(stderr, "\rrun       %5.1f / %.0f s  %s  %llu sent  p50 %.3f ms  p99 %.3f ms\033[K",
                (double)progress->elapsed / 1e9, (double)progress->total / 1e9, bar,
                (unsigned long long)result->sent,
                (double)gw_histogram_quantile(&result->latencies, 0.5) / 1e6,
                (double)gw_histogram_quantile(&result->latencies, 0.99) / 1e6);
    else
        fprintf(stderr, "\rconnect   %u/%u  %s\033[K", progress->connected, progress->clients, bar);
    return gw_interrupt_take(bench->interrupt) == 0;
}

static int report(const struct bench *bench, struct gw_drill *drill, enum gw_status status)
{
    const struct gw_drill_result *result = gw_drill_result(drill);
    struct gw_buf text;
    if (!bench->quiet)
        fputs("\r\033[K", stderr);
    if (status != GW_OK)
        fprintf(stderr, COMMAND ": %s\n", result->trouble);
    if (status == GW_OS_ERROR)
        return GW_COMMAND_UNAVAILABLE;
    gw_buf_init(&text, REPORT_MAX);
    status = bench->json ? gw_verdict_json(&bench->plan, result, &text)
                         : gw_verdict_text(&bench->plan, result, &text);
    if (status == GW_OK)
        status = gw_console_write(GW_CONSOLE_OUT, gw_buf_span(&text));
    gw_buf_fini(&text);
    if (status != GW_OK)
        return GW_COMMAND_SYSTEM;
    return gw_verdict_good(&bench->plan, result) ? GW_COMMAND_OK : 1;
}

static int run(struct bench *bench)
{
    struct gw_drill *drill;
    if (gw_interrupt_open(&bench->interrupt) != GW_OK) {
        fputs(COMMAND ": cannot wait for signals\n", stderr);
        return GW_COMMAND_SYSTEM;
    }
    bench->quiet = bench->quiet || !gw_console_is_terminal(GW_CONSOLE_ERR);
    if (gw_drill_new(&bench->plan, show, bench, &drill) != GW_OK) {
        gw_interrupt_close(bench->interrupt);
        fputs(COMMAND ": out of memory\n", stderr);
        return GW_COMMAND_SYSTEM;
    }
    int code = report(bench, drill, gw_drill_run(drill));
    gw_drill_free(drill);
    gw_interrupt_close(bench->interrupt);
    return code;
}

int gw_benching_run(const char *program, int argc, char **argv)
{
    struct bench bench = {
        .plan = {.player = {.version = GW_VERSION_5, .payload_size = 64},
                 .clients = 100,
                 .connecting = 32,
                 .warm_up = GW_NS_PER_S,
                 .duration = 10 * GW_NS_PER_S,
                 .patience = 10 * GW_NS_PER_S},
        .host = "localhost",
        .port = 1883,
    };
    struct gw_arguments words = {COMMAND, argc, argv, 1};
    bool help = false;
    (void)program;
    int code = read_words(&bench, &words, &help);
    if (help) {
        fputs(usage, stdout);
        return GW_COMMAND_OK;
    }
    if (code == GW_COMMAND_OK)
        code = choose_scene(&bench);
    if (code == GW_COMMAND_OK)
        code = complete(&bench);
    if (code == GW_COMMAND_OK)
        code = prepare(&bench);
    return code == GW_COMMAND_OK ? run(&bench) : code;
}
