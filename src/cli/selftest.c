#include "cli/selftest.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/crashcast.h"
#include "cli/jsonout.h"
#include "os/child.h"
#include "os/clock.h"
#include "os/console.h"
#include "os/disk.h"
#include "os/entropy.h"

#define EXIT_USAGE     64
#define CYCLES_DEFAULT 20u
#define AWAY_EVERY     5u /* lives between two visits of the reader that is away */
#define LIFE_MS_MIN    20u
#define LIFE_MS_MAX    600u
#define STUMBLE_MS_MAX 50u /* a start that is cut off */
#define STUMBLE_ONE_IN 6u
#define TEXT_MAX       ((size_t)64 * 1024)
#define SET_MAX        (GW_CHILD_PATH_MAX + 64)
#define TURN_NS        ((gw_mono_ns)5 * GW_NS_PER_MS)
#define PATIENCE_NS    (GW_SELFTEST_PATIENCE_S * GW_NS_PER_S / 10)
#define IMPATIENCE_NS  (PATIENCE_NS / 10)

static const char usage[] =
    "godwit selftest --crash --dir DIR        kill a broker with a store in DIR, 20 times, and\n"
    "                                         count what it had acknowledged and lost\n"
    "godwit selftest --crash --dir DIR --cycles 200 --seed 7\n"
    "\n"
    "      --crash           the test to make\n"
    "      --dir DIR         a directory on the disk in question, made if its parent exists\n"
    "      --cycles N        lives of the broker (20)\n"
    "      --seed N          choose as the run with this seed did (else by chance, and told)\n"
    "      --class CLASS     disk (the default), os or memory, as store.durability\n"
    "      --json            the result as a JSON object\n"
    "  -h, --help            this text\n"
    "\n"
    "Ends with 0 if nothing was lost, doubled or out of order, else with 1. A kill does not cut "
    "the\n"
    "power: what the disk itself forgets is not seen.\n";

/* What stays the same in a run. */
struct settings {
    const char *directory;
    const char *durability;
    uint32_t cycles;
    uint64_t seed;
    bool crash, seeded, json, help;
};

/* What is at work. */
struct run {
    const struct settings *settings;
    struct gw_random random;
    struct gw_crashbook book;
    struct gw_crashcast *cast;
    struct gw_child broker;
    uint16_t port;
    uint32_t cycle;
    uint64_t kills;
    gw_mono_ns recovery, recovery_max;
    gw_mono_ns patience; /* with what should be there; short once something was missing */
    char program[GW_CHILD_PATH_MAX];
    char store[GW_CHILD_PATH_MAX];
    char log[GW_CHILD_PATH_MAX];
    char problem[GW_CHILD_PATH_MAX * 2];
};

/* ---- the command line ---- */

static bool read_count(const char *text, uint64_t max, uint64_t *ret_count)
{
    char *end;
    if (!text || text[0] < '0' || text[0] > '9')
        return false;
    unsigned long long count = strtoull(text, &end, 10);
    *ret_count = count;
    return *end == '\0' && count <= max;
}

/* Takes the value of an option; the words that say what is wrong with it, or NULL. */
static const char *read_value(struct settings *settings, const char *name, const char *value)
{
    uint64_t count = 0;
    if (strcmp(name, "--dir") == 0) {
        settings->directory = value;
        return value ? NULL : "--dir wants a directory";
    }
    if (strcmp(name, "--seed") == 0) {
        settings->seeded = true;
        return read_count(value, UINT64_MAX, &settings->seed) ? NULL : "--seed wants a number";
    }
    if (strcmp(name, "--cycles") == 0) {
        bool good = read_count(value, GW_SELFTEST_CYCLES_MAX, &count) && count > 0;
        settings->cycles = (uint32_t)count;
        return good ? NULL : "--cycles wants a number, 1 to 1000000";
    }
    if (strcmp(name, "--class") == 0) {
        settings->durability = value;
        bool good = value && (strcmp(value, "disk") == 0 || strcmp(value, "os") == 0 ||
                              strcmp(value, "memory") == 0);
        return good ? NULL : "--class wants disk, os or memory";
    }
    return "there is no such option";
}

/* Takes a word that stands alone; false if it is none. */
static bool read_flag(struct settings *settings, const char *word)
{
    if (strcmp(word, "--crash") == 0)
        settings->crash = true;
    else if (strcmp(word, "--json") == 0)
        settings->json = true;
    else if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0)
        settings->help = true;
    else
        return false;
    return true;
}

static const char *read_words(struct settings *settings, int argc, char **argv,
                              const char **ret_word)
{
    for (int i = 1; i < argc; i++) {
        *ret_word = argv[i];
        if (read_flag(settings, argv[i]))
            continue;
        const char *wrong = read_value(settings, argv[i], i + 1 < argc ? argv[i + 1] : NULL);
        if (wrong)
            return wrong;
        i++;
    }
    *ret_word = NULL;
    if (!settings->help && !settings->crash)
        return "which test? --crash";
    if (!settings->help && !settings->directory)
        return "--crash wants --dir DIR, a directory on the disk in question";
    return NULL;
}

/* ---- the broker ---- */

static enum gw_status fail(struct run *run, const char *what)
{
    snprintf(run->problem, sizeof run->problem, "%s (life %u, its log: %s)", what, run->cycle,
             run->log);
    return GW_OS_ERROR;
}

/* A port of 127.0.0.1 that nobody uses. */
static enum gw_status find_port(uint16_t *ret_port)
{
    const struct gw_sockets *sockets = gw_socket_system();
    struct gw_address address;
    gw_socket socket;
    int error = 0;
    GW_TRY(gw_address_parse(GW_SPAN_LIT("127.0.0.1"), 0, &address));
    const struct gw_socket_place place = {.address = &address, .backlog = 1};
    GW_TRY(sockets->ops->listen(sockets->ctx, &place, &socket, &error));
    enum gw_status status = sockets->ops->local(sockets->ctx, socket, &address);
    sockets->ops->close(sockets->ctx, socket);
    *ret_port = gw_address_port(&address);
    return status;
}

static enum gw_status start(struct run *run)
{
    char listeners[64], durability[64], path[SET_MAX];
    snprintf(listeners, sizeof listeners, "listeners=mqtt://127.0.0.1:%u", run->port);
    snprintf(path, sizeof path, "store.path=%s", run->store);
    snprintf(durability, sizeof durability, "store.durability=%s", run->settings->durability);
    const char *const words[] = {run->program, "serve",
                                 "--set",      listeners,
                                 "--set",      path,
                                 "--set",      durability,
                                 "--set",      "limits.queue.messages=10000000",
                                 "--set",      "limits.queue.bytes=1TiB",
                                 NULL};
    int error = 0;
    if (gw_child_start(&run->broker, words, run->log, &error) == GW_OK)
        return GW_OK;
    return fail(run, strerror(error));
}

static void wait_ms(struct run *run, uint32_t ms)
{
    gw_mono_ns end = gw_driver_now() + (gw_mono_ns)ms * GW_NS_PER_MS;
    while (gw_driver_now() < end)
        (void)gw_crashcast_drain(run->cast, end);
}

/* Repeats a step of the cast until it is done, the broker has ended or patience has. */
static enum gw_status join(struct run *run, unsigned roles)
{
    gw_mono_ns end = gw_time_add_s(gw_driver_now(), GW_SELFTEST_PATIENCE_S);
    for (;;) {
        enum gw_status status = gw_crashcast_join(run->cast, roles);
        if (status == GW_OK)
            return GW_OK;
        if (!gw_child_running(&run->broker))
            return fail(run, "the broker ended by itself");
        if (status != GW_AGAIN || gw_driver_now() > end)
            return fail(run, "the broker does not let its clients in");
    }
}

static enum gw_status subscribe(struct run *run)
{
    gw_mono_ns end = gw_time_add_s(gw_driver_now(), GW_SELFTEST_PATIENCE_S);
    enum gw_status status;
    do {
        status = gw_crashcast_subscribe(run->cast);
    } while (status == GW_AGAIN && gw_driver_now() < end);
    return status == GW_OK ? GW_OK : fail(run, "the broker does not acknowledge a subscription");
}

/* Looks at what is retained, before anyone could write it again, and at the subscriptions. */
static enum gw_status look(struct run *run)
{
    gw_mono_ns end = gw_driver_now() + run->patience;
    enum gw_status status;
    do {
        status = gw_crashcast_look(run->cast, end);
    } while (status == GW_AGAIN);
    if (run->book.rows[GW_CRASHBOOK_RETAINED].lost > 0)
        run->patience = IMPATIENCE_NS;
    return status == GW_OK ? GW_OK : fail(run, "the broker does not answer");
}

static enum gw_status probe(struct run *run)
{
    gw_mono_ns end = gw_driver_now() + run->patience;
    enum gw_status status;
    do {
        status = gw_crashcast_probe(run->cast, end);
    } while (status == GW_AGAIN);
    if (run->book.rows[GW_CRASHBOOK_SUBSCRIBED].lost > 0)
        run->patience = IMPATIENCE_NS;
    return status == GW_OK ? GW_OK : fail(run, "the broker does not take messages");
}

/* ---- lives ---- */

/* Starts the broker and checks what can be checked at once. */
static enum gw_status begin_life(struct run *run, bool with_away)
{
    unsigned absent = with_away ? 0 : GW_CRASHCAST_BIT(GW_CRASHCAST_AWAY);
    gw_mono_ns began = gw_driver_now();
    GW_TRY(start(run));
    GW_TRY(join(run, GW_CRASHCAST_BIT(GW_CRASHCAST_LOOKER)));
    run->recovery = gw_driver_now() - began;
    if (run->recovery > run->recovery_max)
        run->recovery_max = run->recovery;
    GW_TRY(look(run));
    absent |= GW_CRASHCAST_BIT(GW_CRASHCAST_LOOKER);
    GW_TRY(join(run, GW_CRASHCAST_ALL & ~absent));
    if (run->cycle == 1)
        GW_TRY(subscribe(run));
    return probe(run);
}

static void kill_broker(struct run *run)
{
    gw_child_kill(&run->broker);
    gw_crashcast_bury(run->cast);
    run->kills++;
}

static void tell_progress(const struct run *run, uint32_t life_ms)
{
    if (gw_console_is_terminal(GW_CONSOLE_ERR))
        fprintf(stderr,
                "\r\033[Klife %u of %u: started in %llu ms, killed after %u ms; %llu messages "
                "acknowledged so far",
                run->cycle, run->settings->cycles,
                (unsigned long long)(run->recovery / GW_NS_PER_MS), life_ms,
                (unsigned long long)run->book.acknowledged);
}

static enum gw_status live_once(struct run *run)
{
    uint32_t life_ms =
        LIFE_MS_MIN + (uint32_t)gw_random_below(&run->random, LIFE_MS_MAX - LIFE_MS_MIN);
    bool stumbles = gw_random_below(&run->random, STUMBLE_ONE_IN) == 0;
    uint32_t stumble_ms = (uint32_t)gw_random_below(&run->random, STUMBLE_MS_MAX);
    GW_TRY(begin_life(run, run->cycle % AWAY_EVERY == 1));
    if (run->cycle % AWAY_EVERY == 1 && gw_random_below(&run->random, 2) == 0)
        gw_crashcast_part(run->cast, GW_CRASHCAST_AWAY);
    gw_mono_ns end = gw_driver_now() + (gw_mono_ns)life_ms * GW_NS_PER_MS;
    while (gw_driver_now() < end) {
        gw_mono_ns next = gw_driver_now() + TURN_NS;
        GW_TRY(gw_crashcast_load(run->cast, next < end ? next : end));
    }
    kill_broker(run);
    tell_progress(run, life_ms);
    if (!stumbles)
        return GW_OK;
    GW_TRY(start(run)); /* recovery itself is cut off */
    wait_ms(run, stumble_ms);
    kill_broker(run);
    return GW_OK;
}

/* All is finished that was begun, and what is owed comes, as long as anything comes. */
static enum gw_status finish(struct run *run)
{
    run->cycle++;
    GW_TRY(begin_life(run, true));
    uint64_t arrivals = run->book.arrivals;
    gw_mono_ns end = gw_time_add_s(gw_driver_now(), GW_SELFTEST_PATIENCE_S / 6);
    for (;;) {
        gw_mono_ns now = gw_driver_now();
        bool idle = gw_crashcast_drain(run->cast, now + TURN_NS);
        if (run->book.arrivals != arrivals) {
            arrivals = run->book.arrivals;
            end = gw_time_add_s(now, GW_SELFTEST_PATIENCE_S / 6);
        } else if (now > end || (idle && gw_crashbook_missing(&run->book) == 0)) {
            break;
        }
    }
    wait_ms(run, LIFE_MS_MIN); /* what must not come has a chance to */
    kill_broker(run);
    gw_crashbook_close(&run->book);
    return GW_OK;
}

/* ---- the result ---- */

static void print_table(const struct run *run)
{
    printf("%-28s %12s %12s %8s %8s %13s\n", "promise", "acknowledged", "found", "lost", "doubled",
           "out of order");
    for (unsigned i = 0; i < GW_CRASHBOOK_ROWS; i++) {
        const struct gw_crashbook_figures *row = &run->book.rows[i];
        printf("%-28s %12llu %12llu %8llu %8llu %13llu\n", gw_crashbook_title(i),
               (unsigned long long)row->acknowledged, (unsigned long long)row->found,
               (unsigned long long)row->lost, (unsigned long long)row->doubled,
               (unsigned long long)row->disordered);
    }
    if (run->book.strangers > 0)
        printf("%llu messages came that nobody published\n",
               (unsigned long long)run->book.strangers);
    printf("\nclass %s, %llu kills, seed %llu, longest start %llu ms: %s\n",
           run->settings->durability, (unsigned long long)run->kills,
           (unsigned long long)run->settings->seed,
           (unsigned long long)(run->recovery_max / GW_NS_PER_MS),
           gw_crashbook_faults(&run->book) == 0 ? "nothing acknowledged was lost"
                                                : "promises were broken");
}

static void put_number(struct gw_jsonout *out, const char *key, uint64_t number)
{
    gw_jsonout_key(out, gw_span_str(key));
    gw_jsonout_integer(out, (int64_t)number);
}

static void print_json(const struct run *run)
{
    struct gw_buf text;
    struct gw_jsonout out;
    gw_buf_init(&text, TEXT_MAX);
    gw_jsonout_init(&out, &text, false);
    gw_jsonout_open(&out, true);
    gw_jsonout_key(&out, GW_SPAN_LIT("class"));
    gw_jsonout_string(&out, gw_span_str(run->settings->durability));
    put_number(&out, "seed", run->settings->seed);
    put_number(&out, "kills", run->kills);
    put_number(&out, "longest_start_ms", run->recovery_max / GW_NS_PER_MS);
    put_number(&out, "strangers", run->book.strangers);
    put_number(&out, "faults", gw_crashbook_faults(&run->book));
    gw_jsonout_key(&out, GW_SPAN_LIT("promises"));
    gw_jsonout_open(&out, true);
    for (unsigned i = 0; i < GW_CRASHBOOK_ROWS; i++) {
        const struct gw_crashbook_figures *row = &run->book.rows[i];
        gw_jsonout_key(&out, gw_span_str(gw_crashbook_key(i)));
        gw_jsonout_open(&out, true);
        put_number(&out, "acknowledged", row->acknowledged);
        put_number(&out, "found", row->found);
        put_number(&out, "lost", row->lost);
        put_number(&out, "doubled", row->doubled);
        put_number(&out, "out_of_order", row->disordered);
        gw_jsonout_close(&out, true);
    }
    gw_jsonout_close(&out, true);
    gw_jsonout_close(&out, true);
    printf("%.*s\n", GW_SPAN_FMT(gw_buf_span(&text)));
    gw_buf_fini(&text);
}

static enum gw_status prepare(struct run *run)
{
    const char *directory = run->settings->directory;
    const struct gw_disk *disk = gw_disk_system();
    int error = 0;
    int size = snprintf(run->store, sizeof run->store, "%s/godwit-selftest", directory);
    snprintf(run->log, sizeof run->log, "%s/godwit-selftest.log", directory);
    enum gw_status made = disk->ops->make_directory(disk->ctx, directory, &error);
    if (size < 0 || (size_t)size + 8 >= sizeof run->store || (made != GW_OK && made != GW_EXISTS)) {
        snprintf(run->problem, sizeof run->problem, "%s: cannot make this directory: %s", directory,
                 strerror(error));
        return GW_NOT_FOUND;
    }
    if (gw_child_path_exists(run->store)) {
        snprintf(run->problem, sizeof run->problem,
                 "%s is left from another run: look at it, then remove it", run->store);
        return GW_EXISTS;
    }
    if (gw_child_self(run->program, sizeof run->program) != GW_OK || find_port(&run->port) != GW_OK)
        return fail(run, "cannot prepare a broker");
    run->patience = PATIENCE_NS;
    gw_random_init(&run->random, run->settings->seed);
    gw_crashbook_init(&run->book);
    run->cast = gw_crashcast_new(&run->book, &run->random, run->port);
    return run->cast ? GW_OK : fail(run, "not enough memory");
}

/* What is left of a run without a fault goes; of another one it stays to be looked at. */
static void clear(struct run *run, bool good)
{
    if (good && (!gw_child_path_exists(run->store) || gw_child_clear(run->store) == GW_OK) &&
        gw_child_clear(run->log) == GW_OK)
        return;
    fprintf(stderr, "godwit selftest: the store and its log are kept: %s, %s\n", run->store,
            run->log);
}

static int run_crash(const struct settings *settings)
{
    struct run *run = calloc(1, sizeof *run);
    if (!run)
        return 1;
    run->settings = settings;
    enum gw_status status = prepare(run);
    bool prepared = status == GW_OK;
    while (status == GW_OK && run->cycle < settings->cycles) {
        run->cycle++;
        status = live_once(run);
    }
    if (status == GW_OK)
        status = finish(run);
    gw_child_kill(&run->broker);
    if (gw_console_is_terminal(GW_CONSOLE_ERR) && prepared)
        fputs("\r\033[K", stderr);
    if (status == GW_OK)
        (settings->json ? print_json : print_table)(run);
    else
        fprintf(stderr, "godwit selftest: %s\n",
                run->problem[0] ? run->problem : gw_status_name(status));
    bool good = status == GW_OK && gw_crashbook_faults(&run->book) == 0;
    if (prepared)
        clear(run, good);
    gw_crashcast_free(run->cast);
    gw_crashbook_fini(&run->book);
    free(run);
    return good ? 0 : 1;
}

int gw_selftest_run(int argc, char **argv)
{
    struct settings settings = {.durability = "disk", .cycles = CYCLES_DEFAULT};
    const char *word = NULL;
    const char *wrong = read_words(&settings, argc, argv, &word);
    if (settings.help) {
        fputs(usage, stdout);
        return 0;
    }
    if (wrong) {
        fprintf(stderr, "godwit selftest: %s%s%s\n   hint: godwit selftest --help\n",
                word ? word : "", word ? ": " : "", wrong);
        return EXIT_USAGE;
    }
    if (!settings.seeded) {
        gw_entropy_fill(&settings.seed, sizeof settings.seed);
        settings.seed %= 1000000000;
    }
    return run_crash(&settings);
}
