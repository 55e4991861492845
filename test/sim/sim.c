/*
 * Whole brokers, clients and their network in one thread under one seed.
 *
 *   godwit-sim --seed N [--steps N]      one run
 *   godwit-sim --trace N [--steps N]     the same, telling what happens
 *   godwit-sim --seconds N [--steps N]   fresh seeds until the time is over
 *   godwit-sim --seeds-file FILE         the seeds in a file, one a line, then 0..7
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "broker/broker.h"
#include "os/entropy.h"
#include "sim/simclient.h"
#include "wire/connect.h"
#include "wire/publish.h"
#include "wire/subscribe.h"

#define STEPS_DEFAULT 4000u
#define REST_STEPS    20000u

struct sim {
    struct gw_random random;
    struct simnet *net;
    struct model *model;
    struct gw_broker *broker;
    struct simclient clients[MODEL_CLIENTS];
    uint32_t step;
};

static struct gw_broker *start_broker(struct sim *sim, uint64_t seed)
{
    static const char *const sets[] = {
        "listeners=[mqtt://127.0.0.1:1883]",
        "limits.inflight=6",
        "limits.output=16KiB",
        "sys.interval=0s",
    };
    static const char *const thread_sets[] = {"threads=1", "threads=2", "threads=3", "threads=5"};
    static const char *const share_sets[] = {
        "shared.strategy=round_robin", "shared.strategy=least_in_flight",
        "shared.strategy=sticky_client", "shared.strategy=sticky_topic"};
    static const char *const wide[] = {"limits.queue.messages=100000", "limits.queue.bytes=100MB",
                                       "shared.queue.messages=100000", "shared.queue.bytes=100MB",
                                       "limits.queue.qos0=false"};
    static const char *const narrow[] = {
        "limits.queue.messages=4", "limits.queue.bytes=1KiB", "shared.queue.messages=4",
        "limits.queue.policy=drop_oldest", "limits.queue.qos0=true"};
    const char *all[GW_COUNT_OF(sets) + 2 + GW_COUNT_OF(wide)];
    memcpy(all, sets, sizeof(sets));
    all[GW_COUNT_OF(sets)] = thread_sets[gw_random_below(&sim->random, 4)];
    all[GW_COUNT_OF(sets) + 1] = share_sets[gw_random_below(&sim->random, 4)];
    bool lossy = gw_random_below(&sim->random, 4) == 0;
    memcpy(all + GW_COUNT_OF(sets) + 2, lossy ? narrow : wide, sizeof(wide));
    if (lossy)
        model_set_lossy(sim->model);
    if (lossy && gw_random_below(&sim->random, 2) == 0)
        all[GW_COUNT_OF(sets) + 5] = "limits.queue.policy=drop_newest";
    struct gw_config_input input = {.sets = all, .set_count = GW_COUNT_OF(all)};
    struct gw_config config;
    struct gw_broker *broker;
    struct gw_broker_error error;
    struct gw_broker_services services = {
        .sockets = simnet_sockets(sim->net), .clock = simnet_clock(sim->net), .seed = seed};
    if (gw_config_load(&input, &config, NULL) != GW_OK ||
        gw_broker_new(&config, &services, &broker) != GW_OK ||
        gw_broker_open(broker, &error) != GW_OK)
        abort();
    gw_config_fini(&config);
    return broker;
}

/* Lets each loop have a turn with some chance, in an order that the seed chooses. */
static void turn_loops(struct sim *sim)
{
    unsigned count = gw_broker_loop_count(sim->broker);
    unsigned first = (unsigned)gw_random_below(&sim->random, count);
    for (unsigned i = 0; i < count; i++) {
        struct gw_loop *loop = gw_broker_loop(sim->broker, (first + i) % count);
        if (gw_random_below(&sim->random, 4) == 0)
            continue;
        gw_loop_wait(loop);
        gw_loop_turn(loop, simnet_now(sim->net));
    }
}

static void step(struct sim *sim, bool calm)
{
    sim->step++;
    model_set_step(sim->model, sim->step);
    simnet_advance(sim->net, gw_random_below(&sim->random, 3 * GW_NS_PER_MS));
    simnet_step(sim->net);
    for (unsigned i = 0; i < MODEL_CLIENTS; i++)
        if (calm || gw_random_below(&sim->random, 2) == 0)
            simclient_step(&sim->clients[i], calm);
    turn_loops(sim);
}

static bool all_rest(const struct sim *sim)
{
    for (unsigned i = 0; i < MODEL_CLIENTS; i++)
        if (!simclient_rests(&sim->clients[i]))
            return false;
    return true;
}

/* Goes on calmly until nothing has been owed for a while. */
static void come_to_rest(struct sim *sim)
{
    unsigned quiet = 0;
    for (unsigned i = 0; quiet < 200; i++) {
        if (i >= REST_STEPS)
            model_fail(sim->model, "no rest after %u calm steps", REST_STEPS);
        uint64_t before = model_delivery_count(sim->model);
        step(sim, true);
        bool still = all_rest(sim) && model_delivery_count(sim->model) == before;
        quiet = still ? quiet + 1 : 0;
    }
}

/* -- the retained set, as a fresh client sees it -- */

struct reader {
    struct sim *sim;
    struct gw_assembler in;
    int end;
    unsigned quiet;
    bool found[MODEL_TOPICS];
    uint32_t numbers[MODEL_TOPICS];
};

static void reader_write(struct reader *reader, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        size_t taken = simnet_write(reader->sim->net, reader->end, bytes, size);
        bytes += taken;
        size -= taken;
    }
}

static void reader_note(struct reader *reader, const struct gw_frame *frame)
{
    struct gw_publish packet;
    struct gw_fault fault;
    char text[16] = {0};
    if (frame->header.type != GW_PACKET_PUBLISH)
        return;
    if (gw_publish_decode(&frame->header, frame->body, GW_VERSION_311, true, 0, &packet, &fault) !=
            GW_OK ||
        packet.payload.size >= sizeof(text))
        model_fail(reader->sim->model, "a bad retained message");
    memcpy(text, packet.payload.data, packet.payload.size);
    for (unsigned t = 0; t < MODEL_TOPICS; t++) {
        if (!gw_span_equal(packet.topic_name, gw_span_str(model_topics[t])))
            continue;
        if (reader->found[t] || !packet.retain)
            model_fail(reader->sim->model, "retained %s given twice, or unmarked", model_topics[t]);
        reader->found[t] = true;
        reader->numbers[t] = (uint32_t)strtoul(text, NULL, 10);
    }
}

static void reader_step(struct reader *reader)
{
    uint8_t bytes[1024];
    bool ended;
    size_t size = simnet_read(reader->sim->net, reader->end, bytes, sizeof(bytes), &ended);
    struct gw_span span = gw_span_of(bytes, size);
    struct gw_frame frame;
    struct gw_fault fault;
    reader->quiet = size == 0 ? reader->quiet + 1 : 0;
    while (gw_assembler_next(&reader->in, &span, &frame, &fault) == GW_OK)
        reader_note(reader, &frame);
}

static void check_retained(struct sim *sim)
{
    struct reader reader = {.sim = sim, .end = simnet_connect(sim->net)};
    uint8_t bytes[128];
    struct gw_writer w = gw_writer_of(bytes, sizeof(bytes));
    struct gw_connect connect = {
        .version = GW_VERSION_311, .clean_start = true, .client_id = GW_SPAN_LIT("reader")};
    struct gw_filter_request wanted = {.filter = GW_SPAN_LIT("#")};
    gw_assembler_init(&reader.in, 4096);
    size_t size = gw_connect_encode(&w, &connect);
    size += gw_subscribe_encode(&w, GW_VERSION_311, GW_PACKET_SUBSCRIBE, 1, NULL, &wanted, 1);
    GW_ASSERT(size == gw_writer_size(&w));
    reader_write(&reader, bytes, size);
    while (reader.quiet < 300) {
        step(sim, true);
        reader_step(&reader);
    }
    simnet_cut(sim->net, reader.end);
    gw_assembler_fini(&reader.in);
    for (unsigned t = 0; t < MODEL_TOPICS; t++)
        if (model_topic_retained(t) || reader.found[t])
            model_check_retained(sim->model, t, reader.found[t], reader.numbers[t]);
}

/* -- a run -- */

static void end_broker(struct sim *sim)
{
    for (unsigned i = 0; i < MODEL_CLIENTS; i++)
        simclient_leave(&sim->clients[i]);
    for (unsigned i = 0; i < REST_STEPS; i++) {
        bool gone = true;
        simnet_step(sim->net);
        for (unsigned c = 0; c < MODEL_CLIENTS; c++) {
            if (sim->clients[c].state != SIMCLIENT_OFF)
                simclient_step(&sim->clients[c], true);
            gone &= sim->clients[c].state == SIMCLIENT_OFF;
        }
        if (gone)
            break;
        turn_loops(sim);
    }
    gw_broker_drain(sim->broker);
    for (unsigned i = 0; i < REST_STEPS && !gw_broker_drained(sim->broker); i++) {
        simnet_advance(sim->net, GW_NS_PER_MS);
        simnet_step(sim->net);
        turn_loops(sim);
    }
    if (!gw_broker_drained(sim->broker))
        model_fail(sim->model, "the broker does not come to its end");
    gw_broker_free(sim->broker);
    if (simnet_open_count(sim->net) != 0)
        model_fail(sim->model, "%zu links are left open", simnet_open_count(sim->net));
}

/* Ends the broker in the middle of everything, without a word to anybody. */
static void end_abruptly(struct sim *sim)
{
    gw_broker_free(sim->broker);
    for (unsigned i = 0; i < MODEL_CLIENTS; i++)
        if (sim->clients[i].state != SIMCLIENT_OFF)
            simnet_finish(sim->net, sim->clients[i].end);
    if (simnet_open_count(sim->net) != 0)
        model_fail(sim->model, "%zu links are left open", simnet_open_count(sim->net));
}

static void end_in_order(struct sim *sim)
{
    come_to_rest(sim);
    model_check_end(sim->model);
    check_retained(sim);
    end_broker(sim);
}

/* Returns how many steps the run took. */
static uint32_t run(uint64_t seed, uint32_t steps, bool talk, bool trace)
{
    struct sim *sim = calloc(1, sizeof(*sim));
    GW_ASSERT(sim != NULL);
    gw_random_init(&sim->random, seed);
    sim->net = simnet_new(&sim->random);
    sim->model = model_new(seed);
    model_set_trace(sim->model, trace);
    sim->broker = start_broker(sim, seed);
    for (unsigned i = 0; i < MODEL_CLIENTS; i++)
        simclient_init(&sim->clients[i], i, sim->net, sim->model, &sim->random);
    while (sim->step < steps)
        step(sim, false);
    if (gw_random_below(&sim->random, 8) == 0)
        end_abruptly(sim);
    else
        end_in_order(sim);
    uint32_t taken = sim->step;
    if (talk)
        printf("seed %llu: %u steps, %u messages, nothing found\n", (unsigned long long)seed, taken,
               model_message_count(sim->model));
    for (unsigned i = 0; i < MODEL_CLIENTS; i++)
        simclient_fini(&sim->clients[i]);
    model_free(sim->model);
    simnet_free(sim->net);
    free(sim);
    return taken;
}

static int run_for(unsigned seconds, uint32_t steps)
{
    time_t end = time(NULL) + (time_t)seconds;
    uint64_t seed, total = 0, runs = 0;
    gw_entropy_fill(&seed, sizeof(seed));
    while (time(NULL) < end) {
        printf("sim: seed %llu\r", (unsigned long long)++seed);
        fflush(stdout);
        total += run(seed, steps, false, false);
        runs++;
    }
    printf("sim: %llu runs on fresh seeds, %llu steps, nothing found\n", (unsigned long long)runs,
           (unsigned long long)total);
    return 0;
}

static int run_file(const char *path, uint32_t steps)
{
    char line[64];
    FILE *file = fopen(path, "r");
    if (!file) {
        fprintf(stderr, "sim: cannot read %s\n", path);
        return 1;
    }
    while (fgets(line, sizeof(line), file))
        if (line[0] >= '0' && line[0] <= '9')
            run(strtoull(line, NULL, 10), steps, true, false);
    fclose(file);
    for (uint64_t seed = 0; seed < 8; seed++)
        run(seed, steps, true, false);
    return 0;
}

int main(int argc, char **argv)
{
    uint32_t steps = STEPS_DEFAULT;
    const char *mode = NULL, *value = NULL;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--steps") == 0) {
            steps = (uint32_t)strtoul(argv[i + 1], NULL, 10);
        } else {
            mode = argv[i];
            value = argv[i + 1];
        }
    }
    if (mode && (strcmp(mode, "--seed") == 0 || strcmp(mode, "--trace") == 0)) {
        run(strtoull(value, NULL, 10), steps, true, mode[2] == 't');
        return 0;
    }
    if (mode && strcmp(mode, "--seconds") == 0)
        return run_for((unsigned)strtoul(value, NULL, 10), steps);
    if (mode && strcmp(mode, "--seeds-file") == 0)
        return run_file(value, steps);
    fprintf(
        stderr,
        "usage: godwit-sim (--seed N | --trace N | --seconds N | --seeds-file FILE) [--steps N]\n");
    return 2;
}
