/*
 * Fails the Nth allocation of each scenario, N = 1, 2, 3, ... until it runs through clean. A
 * scenario tries again what said GW_NO_MEMORY, so it always completes, and releases everything; in
 * between it holds its subject against what it knows. Linked with --wrap.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/session/consistent.h"
#include "../unit/session/ledger.h"
#include "base/assert.h"
#include "base/handles.h"
#include "base/hash.h"
#include "base/random.h"
#include "proto/alias.h"
#include "proto/assembler.h"
#include "scenario.h"
#include "session/session.h"

#define FAILURES_MAX 100000

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void __wrap_free(void *memory);

static unsigned long countdown; /* to the allocation that fails; 0 = none does */
static long live;

static bool fails(void)
{
    return countdown > 0 && --countdown == 0;
}

static void *note(void *memory)
{
    live += memory != NULL;
    return memory;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : note(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : note(__real_calloc(count, size));
}

void *__wrap_realloc(void *memory, size_t size)
{
    if (fails())
        return NULL;
    void *moved = __real_realloc(memory, size);
    return memory ? moved : note(moved);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return fails() ? NULL : note(__real_aligned_alloc(alignment, size));
}

void __wrap_free(void *memory)
{
    live -= memory != NULL;
    __real_free(memory);
}

/* -- proto, base -- */

static void handles(void)
{
    static char objects[100];
    uint64_t names[100];
    enum gw_status status;
    struct gw_handles table;
    gw_handles_init(&table, 1);
    for (size_t i = 0; i < 100; i++) {
        AGAIN(status, gw_handles_add(&table, &objects[i], &names[i]));
        GW_ASSERT(status == GW_OK);
        for (size_t j = 0; j <= i; j++)
            GW_ASSERT(gw_handles_get(&table, names[j]) == &objects[j]);
    }
    gw_handles_fini(&table);
}

/* A packet in pieces: memory that is out ends the connection, and nothing is left. */
static void assembler(void)
{
    static const uint8_t packet[] = {0x30, 200, 1};
    struct gw_assembler machine;
    struct gw_frame frame;
    struct gw_fault fault;
    gw_assembler_init(&machine, 1000);
    enum gw_status status = GW_MORE;
    for (size_t i = 0; i < 203 && status == GW_MORE; i++) {
        uint8_t byte = i < sizeof(packet) ? packet[i] : 0;
        struct gw_span bytes = gw_span_of(&byte, 1);
        status = gw_assembler_next(&machine, &bytes, &frame, &fault);
    }
    GW_ASSERT(status == GW_OK || status == GW_NO_MEMORY);
    gw_assembler_fini(&machine);
}

/* Both ends of a connection: what the sender believes the receiver to know, it knows. */
static void alias(void)
{
    struct gw_alias_table out, in;
    struct gw_random random;
    enum gw_status status;
    gw_alias_init(&out, 4);
    gw_alias_init(&in, 4);
    gw_random_init(&random, 1);
    for (int i = 0; i < 60; i++) {
        char letter = (char)('a' + gw_random_below(&random, 8));
        struct gw_span name = gw_span_of(&letter, 1);
        struct gw_span got;
        bool known;
        uint16_t number = gw_alias_assign(&out, name, gw_hash_bytes(name, 1), &known);
        GW_ASSERT(number != 0 || !known);
        if (number == 0)
            continue; /* the name goes out in full */
        if (!known) {
            AGAIN(status, gw_alias_set(&in, number, name));
            GW_ASSERT(status == GW_OK);
        }
        GW_ASSERT(gw_alias_get(&in, number, &got) == GW_OK && gw_span_equal(got, name));
    }
    gw_alias_fini(&out);
    gw_alias_fini(&in);
}

static void idset(void)
{
    struct gw_idset set;
    enum gw_status status;
    gw_idset_init(&set);
    for (gw_packet_id id = 1; id <= 100; id++) {
        AGAIN(status, gw_idset_add(&set, id));
        GW_ASSERT(status == GW_OK && set.count == id);
        for (gw_packet_id other = 1; other <= 101; other++)
            GW_ASSERT(gw_idset_has(&set, other) == (other <= id));
    }
    gw_idset_fini(&set);
}

static void window(void)
{
    static char items[100];
    struct gw_window slots;
    enum gw_status status;
    gw_packet_id id;
    gw_window_init(&slots);
    for (uint32_t i = 0; i < 100; i++) {
        AGAIN(status, gw_window_open(&slots, &items[i], &id));
        GW_ASSERT(status == GW_OK && id == i + 1 && slots.count == i + 1);
        for (uint32_t other = 0; other <= i; other++)
            GW_ASSERT(gw_window_get(&slots, (gw_packet_id)(other + 1)) == &items[other]);
    }
    gw_window_fini(&slots);
}

/* -- session -- */

static void on_settled(void *user, struct gw_outbox *outbox, uint64_t share, uint32_t group_order)
{
    (void)user;
    (void)outbox;
    (void)share;
    (void)group_order;
}

static struct gw_outbox_host *host_open(struct gw_outbox_host *host)
{
    *host = (struct gw_outbox_host){.on_settled = on_settled};
    gw_pool_init(&host->deliveries, sizeof(struct gw_delivery), 1000);
    return host;
}

static void push(struct gw_outbox *outbox, struct gw_outbox_host *host, int i)
{
    static const uint32_t ids[] = {1, 2, 3};
    struct gw_outbox_limits limits = {SIZE_MAX, 30, GW_OUTBOX_DROP_OLDEST, 0};
    struct gw_delivery_options options = {
        .ids = ids, .id_count = (uint32_t)i % 4, .qos = (uint8_t)(i % 3), .share = i % 5 == 0};
    struct gw_message message = {.topic_name = GW_SPAN_LIT("t"), .qos = 2};
    enum gw_status status;
    do {
        uint32_t before = outbox->queued_count, evicted = 0;
        status = gw_outbox_push(outbox, host, &message, &options, &limits, &evicted);
        GW_ASSERT(consistent(outbox));
        GW_ASSERT(outbox->queued_count == before - evicted + (status == GW_OK));
    } while (status == GW_NO_MEMORY);
    gw_message_drop(&message);
    GW_ASSERT(status == GW_OK);
}

static void send_all(struct gw_outbox *outbox, struct gw_outbox_host *host)
{
    struct gw_delivery *next;
    while ((next = gw_outbox_next(outbox, host, 0)) != NULL) {
        bool dup;
        enum gw_status status = gw_outbox_begin(outbox, host, next, &dup);
        GW_ASSERT(status == GW_OK || status == GW_NO_MEMORY);
        GW_ASSERT(status == GW_OK || (next->packet_id == 0 && !next->counted));
        if (status == GW_OK)
            gw_outbox_sent(outbox, host, next);
        GW_ASSERT(consistent(outbox));
    }
}

static void outbox(void)
{
    struct gw_outbox_host host;
    struct gw_outbox box;
    host_open(&host);
    gw_outbox_init(&box);
    gw_outbox_on_resume(&box, 20);
    for (int i = 0; i < 80; i++) {
        push(&box, &host, i);
        if (i % 9 == 0)
            send_all(&box, &host);
        if (i % 7 == 0 && gw_outbox_on_puback(&box, &host, (gw_packet_id)(i / 7)) == GW_OK)
            GW_ASSERT(consistent(&box));
        if (i == 50)
            gw_outbox_on_resume(&box, 10);
    }
    gw_outbox_fini(&box, &host);
    gw_pool_fini(&host.deliveries);
}

/* -- a durable outbox, its ledger does not fail -- */

static void push_durable(struct gw_outbox *box, struct gw_outbox_host *host, struct ledger *log,
                         int i)
{
    static const uint32_t ids[] = {1, 2, 3};
    struct gw_delivery_options options = {.ids = ids,
                                          .id_count = (uint32_t)i % 4,
                                          .group_order = (uint32_t)i,
                                          .qos = (uint8_t)(1 + i % 2),
                                          .share = i % 10 == 1};
    struct gw_message message = {.topic_name = GW_SPAN_LIT("t"), .qos = 2};
    unsigned long left = countdown;
    countdown = 0;
    GW_ASSERT(ledger_write(log, &message));
    countdown = left;
    uint32_t owed = log->owed;
    enum gw_status status;
    AGAIN(status, gw_outbox_push(box, host, &message, &options, NULL, NULL));
    GW_ASSERT(status == GW_OK && log->owed == owed + (options.share == 0));
    gw_message_drop(&message);
}

static void serve(struct gw_outbox *box, struct gw_outbox_host *host, struct ledger *log)
{
    gw_position positions[50];
    struct gw_blob *messages[50];
    size_t count = gw_outbox_cold_next(box, 50, SIZE_MAX, positions);
    unsigned long left = countdown;
    countdown = 0;
    for (size_t i = 0; i < count; i++)
        messages[i] = ledger_copy(log->messages[positions[i]], positions[i]);
    countdown = left;
    gw_outbox_warm(box, host, positions, messages, count);
    GW_ASSERT(consistent(box));
}

/* Sends everything and has it acknowledged, whatever it takes. */
static void drain(struct gw_outbox *box, struct gw_outbox_host *host, struct ledger *log)
{
    while (box->queued_count + box->flight_count > 0) {
        send_all(box, host);
        ledger_sync(log);
        if (box->fetching)
            serve(box, host, log);
        for (unsigned id = 1; id < 1000; id++) {
            enum gw_status status = gw_outbox_on_puback(box, host, (gw_packet_id)id);
            if (status == GW_PROTOCOL)
                status = gw_outbox_on_pubrec(box, host, (gw_packet_id)id, true);
            GW_ASSERT(status == GW_OK || status == GW_NOT_FOUND);
        }
        ledger_check(log, box, host);
    }
    GW_ASSERT(log->unsettled == 0 && box->dropped == 0);
}

static void backlog(void)
{
    struct gw_outbox_host host;
    struct gw_outbox box;
    struct ledger log;
    unsigned long left = countdown;
    countdown = 0;
    ledger_init(&log);
    countdown = left;
    host_open(&host)->ledger = &log.ledger;
    gw_outbox_init(&box);
    box.durable = true;
    gw_outbox_on_resume(&box, 20);
    for (int i = 0; i < 150; i++) {
        push_durable(&box, &host, &log, i);
        if (i % 10 == 0)
            ledger_sync(&log);
        if (i % 30 == 29)
            gw_outbox_cool(&box, &host);
        GW_ASSERT(consistent(&box));
        ledger_check(&log, &box, &host);
    }
    send_all(&box, &host);
    box.away = true;
    gw_outbox_cool(&box, &host);
    GW_ASSERT(consistent(&box));
    uint32_t orders = box.next_order;
    ledger_sync(&log);
    do {
        gw_outbox_fini(&box, &host);
        box.durable = true;
    } while (ledger_restore(&log, &box, &host, orders) != GW_OK);
    GW_ASSERT(consistent(&box));
    ledger_check(&log, &box, &host);
    gw_outbox_on_resume(&box, 20);
    drain(&box, &host, &log);
    gw_outbox_fini(&box, &host);
    gw_pool_fini(&host.deliveries);
    ledger_fini(&log);
}

static void session(void)
{
    struct gw_outbox_host host;
    struct gw_session *one;
    struct gw_subscription *subscription;
    host_open(&host);
    do
        one = gw_session_new(GW_SPAN_LIT("client"), 1);
    while (!one);
    for (int i = 0; i < 3; i++) {
        struct gw_message will = {.topic_name = GW_SPAN_LIT("w")};
        enum gw_status status = gw_session_set_will(one, &will, 0);
        GW_ASSERT(status == GW_OK || status == GW_NO_MEMORY);
        GW_ASSERT((one->will != NULL) == (status == GW_OK) && will.blob == NULL);
        if (i == 1 && one->will) {
            struct gw_message message, keeper;
            GW_ASSERT(gw_session_take_will(one, 1, &message, &keeper));
            gw_message_drop(&keeper);
        }
    }
    do
        subscription = gw_subscription_new(one, 1, GW_SPAN_LIT("a/#"));
    while (!subscription);
    gw_subscription_free(subscription);
    gw_session_free(one, &host);
    gw_pool_fini(&host.deliveries);
}

/* -- all of them -- */

static const struct scenario {
    const char *name;
    void (*run)(void);
} scenarios[] = {
    {"handles", handles}, {"assembler", assembler}, {"alias", alias},
    {"idset", idset},     {"window", window},       {"outbox", outbox},
    {"backlog", backlog}, {"session", session},     {"store", scenario_store},
};

int main(void)
{
    for (size_t i = 0; i < GW_COUNT_OF(scenarios); i++) {
        unsigned long n = 1;
        for (; n < FAILURES_MAX; n++) {
            long before = live;
            countdown = n;
            scenarios[i].run();
            bool clean = countdown > 0;
            countdown = 0;
            if (live != before) {
                fprintf(stderr, "fault: %s leaks with allocation %lu failing\n", scenarios[i].name,
                        n);
                return 1;
            }
            if (clean)
                break;
        }
        printf("%s: %lu allocations failed in turn\n", scenarios[i].name, n - 1);
        GW_ASSERT(n > 1 && n < FAILURES_MAX);
    }
    return 0;
}
