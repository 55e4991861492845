/*
 * Holds a promise of the message path: once warm, a QoS 0 message to subscribers of its own loop
 * allocates nothing, in MQTT 3.1.1 and 5, with and without overlapping subscriptions. Linked with
 * --wrap, so that every allocation of ours is counted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "broker/broker.h"
#include "sim/simnet.h"
#include "wire/connect.h"
#include "wire/publish.h"
#include "wire/subscribe.h"

#define WARM_MESSAGES    200u
#define COUNTED_MESSAGES 1000u
#define CLIENTS          5

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static unsigned long allocations;

void *__wrap_malloc(size_t size)
{
    allocations++;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    allocations++;
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    allocations++;
    return __real_realloc(memory, size);
}

struct bench {
    struct simnet *net;
    struct gw_broker *broker;
    int ends[CLIENTS];
    int count; /* clients so far */
    size_t received;
};

static void turn(struct bench *bench)
{
    simnet_advance(bench->net, GW_NS_PER_MS);
    simnet_step(bench->net);
    gw_loop_wait(gw_broker_loop(bench->broker, 0));
    gw_loop_turn(gw_broker_loop(bench->broker, 0), simnet_now(bench->net));
    for (int i = 0; i < bench->count; i++) {
        uint8_t bytes[4096];
        bool ended;
        bench->received += simnet_read(bench->net, bench->ends[i], bytes, sizeof(bytes), &ended);
        GW_ASSERT(!ended);
    }
}

static void write_all(struct bench *bench, int end, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        size_t taken = simnet_write(bench->net, end, bytes, size);
        bytes += taken;
        size -= taken;
        turn(bench);
    }
}

static void join(struct bench *bench, int index, enum gw_version version)
{
    uint8_t bytes[256];
    char id[8] = {'c', (char)('0' + index), 0};
    struct gw_writer w = gw_writer_of(bytes, sizeof(bytes));
    struct gw_connect connect = {
        .version = version, .clean_start = true, .client_id = gw_span_str(id)};
    struct gw_filter_request filters[] = {{.filter = GW_SPAN_LIT("plant/+/temp")},
                                          {.filter = GW_SPAN_LIT("plant/#"), .qos = 1}};
    bench->ends[bench->count++] = simnet_connect(bench->net);
    (void)gw_connect_encode(&w, &connect);
    (void)gw_subscribe_encode(&w, version, GW_PACKET_SUBSCRIBE, 1, NULL, filters,
                              index % 2 ? 2 : 1);
    write_all(bench, bench->ends[index], bytes, gw_writer_size(&w));
}

static void publish(struct bench *bench, int index, enum gw_version version, unsigned count)
{
    uint8_t bytes[256];
    struct gw_writer w = gw_writer_of(bytes, sizeof(bytes));
    struct gw_publish packet = {.topic_name = GW_SPAN_LIT("plant/7/temp"),
                                .payload = GW_SPAN_LIT("twenty-one degrees")};
    (void)gw_publish_encode_head(&w, &packet, version);
    gw_writer_bytes(&w, packet.payload);
    for (unsigned i = 0; i < count; i++)
        write_all(bench, bench->ends[index], bytes, gw_writer_size(&w));
}

static int check(struct bench *bench, int index, enum gw_version version)
{
    publish(bench, index, version, WARM_MESSAGES);
    size_t received = bench->received;
    unsigned long before = allocations;
    publish(bench, index, version, COUNTED_MESSAGES);
    unsigned long count = allocations - before;
    for (int i = 0; i < 100; i++)
        turn(bench);
    bool delivered = bench->received - received > (size_t)COUNTED_MESSAGES * CLIENTS * 20;
    printf("MQTT %d: %u messages to %d subscribers, %lu allocations%s\n", (int)version,
           COUNTED_MESSAGES, CLIENTS, count, delivered ? "" : ", but they were not delivered");
    return count == 0 && delivered ? 0 : 1;
}

int main(void)
{
    static struct bench bench;
    static const char *const sets[] = {"listeners=[mqtt://127.0.0.1:1883]", "threads=1",
                                       "sys.interval=0s"};
    struct gw_config_input input = {.sets = sets, .set_count = GW_COUNT_OF(sets)};
    struct gw_config config;
    struct gw_broker_error error;
    bench.net = simnet_new(NULL);
    struct gw_broker_services services = {
        .sockets = simnet_sockets(bench.net), .clock = simnet_clock(bench.net), .seed = 1};
    if (gw_config_load(&input, &config, NULL) != GW_OK ||
        gw_broker_new(&config, &services, &bench.broker) != GW_OK ||
        gw_broker_open(bench.broker, &error) != GW_OK)
        return 2;
    for (int i = 0; i < CLIENTS; i++)
        join(&bench, i, i < 3 ? GW_VERSION_311 : GW_VERSION_5);
    int failed = check(&bench, 0, GW_VERSION_311) + check(&bench, 4, GW_VERSION_5);
    for (int i = 0; i < CLIENTS; i++)
        simnet_cut(bench.net, bench.ends[i]);
    gw_broker_drain(bench.broker);
    while (!gw_broker_drained(bench.broker)) {
        gw_loop_wait(gw_broker_loop(bench.broker, 0));
        gw_loop_turn(gw_broker_loop(bench.broker, 0), simnet_now(bench.net));
        simnet_advance(bench.net, GW_NS_PER_MS);
    }
    gw_broker_free(bench.broker);
    gw_config_fini(&config);
    simnet_free(bench.net);
    printf("%d passed, %d failed\n", 2 - failed, failed);
    return failed;
}
