/*
 * Whole brokers, clients and their network in one thread under one seed.
 *
 *   godwit-sim --seed N [--steps N]      one run
 *   godwit-sim --trace N [--steps N]     the same, telling what happens
 *   godwit-sim --seconds N [--steps N]   fresh seeds until the time is over
 *   godwit-sim --from N [--runs N]       so many seeds (1000) from one on
 *   godwit-sim --seeds-file FILE         the seeds in a file, one a line, then 0..7
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "os/entropy.h"
#include "sim/simboot.h"
#include "sim/simclient.h"
#include "wire/connect.h"
#include "wire/publish.h"
#include "wire/subscribe.h"

#define STEPS_DEFAULT 4000u
#define RUNS_DEFAULT  1000u
#define REST_STEPS    20000u
#define FLOODS_EVERY  11u  /* of so many seeds one has long queues */
#define CRASH_EVERY   400u /* steps, on average */
#define FULL_EVERY    3000u
#define FULL_STEPS    900u /* for so long there is no room, */
#define DAMAGED_STEPS 600u
#define AFTER_STEPS   1500u /* and so long until the broker has noticed that there is again */
#define DEAD_STEPS    500u  /* so long at most a broker lives with a dead disk */
#define AGAIN_STEPS   40u   /* a crash that follows another one comes within so many */
#define CUT_STEPS     60u   /* so long is waited for a moment in the middle of a turn */
#define STALL_EVERY   300u
#define STALL_STEPS   120u
#define PACE_STEPS    150u /* for so long, on average, the disk is as fast as it is */

struct sim {
    struct gw_random random;
    struct simnet *net;
    struct model *model;
    struct simboot boot;
    struct simclient clients[MODEL_CLIENTS];
    uint32_t step;
    bool alone;         /* clients do nothing */
    bool busy;          /* the last step had something to write to the disk */
    bool recycled;      /* the store took segments back in the last step */
    uint32_t full_till; /* steps; 0: there is room */
    uint32_t troubled_till;
    uint32_t crash_at; /* step; 0: whenever it comes to pass */
    unsigned stalled;  /* this loop has no turn until that step: others run ahead of it */
    uint32_t stalled_till;
    uint64_t turning; /* a bit for each loop that is in the middle of its turn */
    unsigned pace;    /* of so many steps one ends with a commit */
    unsigned cut_in;  /* so many reads and writes of loops; 0: not */
    unsigned stop_in; /* so many writes and syncs of the store; 0: not */
    bool at_risk;     /* the machine may stop at any moment */
    bool is_cut;      /* it has */
};

/* -- threads: a loop's turn and a commit may be interrupted by the others -- */

static void turn_loop(struct sim *sim, unsigned index)
{
    struct gw_loop *loop = gw_broker_loop(sim->boot.broker, index);
    if ((sim->turning & (uint64_t)1 << index) != 0)
        return;
    sim->turning |= (uint64_t)1 << index;
    gw_loop_wait(loop);
    gw_loop_turn(loop, simnet_now(sim->net));
    sim->turning &= ~((uint64_t)1 << index);
}

/* The machine stops at this moment: whatever the process still does leads nowhere. */
static void cut(struct sim *sim)
{
    sim->cut_in = sim->stop_in = 0;
    sim->is_cut = true;
    gw_simdisk_stop(sim->boot.disk);
    simnet_reset(sim->net);
}

static bool commit(struct sim *sim)
{
    bool recycled = false;
    bool any = simboot_commit(&sim->boot, &recycled);
    sim->recycled |= recycled;
    return any;
}

/* In the middle of a loop's turn: the writer of the store may have its round, the machine end. */
static void on_network(void *user)
{
    struct sim *sim = user;
    if (sim->turning == 0)
        return;
    bool before = sim->recycled;
    if (gw_random_below(&sim->boot.random, 1 + sim->pace) == 0)
        (void)commit(sim);
    /* What made segments free may not be in the log yet. */
    bool now = !before && sim->recycled && gw_random_below(&sim->boot.random, 2) == 0;
    now |= sim->cut_in > 0 && --sim->cut_in == 0;
    if (now && sim->at_risk && !sim->is_cut)
        cut(sim);
}

/* In the middle of a commit: loops that are not interrupted by it go on. */
static void on_disk(void *user)
{
    struct sim *sim = user;
    if (!sim->boot.committing)
        return;
    if (sim->stop_in > 0 && --sim->stop_in == 0 && sim->at_risk && !sim->is_cut)
        cut(sim);
    if (gw_random_below(&sim->boot.random, 4) != 0)
        return;
    turn_loop(sim,
              (unsigned)gw_random_below(&sim->boot.random, gw_broker_loop_count(sim->boot.broker)));
}

/* Lets each loop have a turn with some chance, in an order that the seed chooses. */
static void turn_loops(struct sim *sim)
{
    unsigned count = gw_broker_loop_count(sim->boot.broker);
    unsigned first = (unsigned)gw_random_below(&sim->random, count);
    for (unsigned i = 0; i < count; i++) {
        unsigned index = (first + i) % count;
        bool stalls = index == sim->stalled && sim->step < sim->stalled_till;
        if (gw_random_below(&sim->random, 4) != 0 && !(stalls && sim->at_risk))
            turn_loop(sim, index);
    }
}

static void step(struct sim *sim, bool calm)
{
    sim->step++;
    sim->recycled = false;
    model_set_step(sim->model, sim->step, simnet_now(sim->net));
    simnet_advance(sim->net, gw_random_below(&sim->random, 3 * GW_NS_PER_MS));
    simnet_step(sim->net);
    for (unsigned i = 0; i < MODEL_CLIENTS && !sim->alone; i++)
        if (calm || gw_random_below(&sim->random, 2) == 0)
            simclient_step(&sim->clients[i], calm);
    turn_loops(sim);
    sim->busy = (calm || gw_random_below(&sim->boot.random, sim->pace) == 0) && commit(sim);
    if (sim->at_risk && sim->recycled && !sim->is_cut && gw_random_below(&sim->boot.random, 4) == 0)
        cut(sim);
}

static void set_troubled(struct sim *sim, bool troubled)
{
    for (unsigned i = 0; i < MODEL_CLIENTS; i++)
        sim->clients[i].troubled = troubled;
    model_set_troubled(sim->model, troubled);
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
        if (i >= REST_STEPS && model_damaged(sim->model))
            return;
        for (unsigned c = 0; i >= REST_STEPS && c < MODEL_CLIENTS; c++)
            simclient_note(&sim->clients[c]);
        if (i >= REST_STEPS)
            model_fail(sim->model, "no rest after %u calm steps", REST_STEPS);
        uint64_t before = model_delivery_count(sim->model);
        step(sim, true);
        bool still = all_rest(sim) && !sim->busy && model_delivery_count(sim->model) == before;
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
    if (frame->header.type != GW_PACKET_PUBLISH)
        return;
    if (gw_publish_decode(&frame->header, frame->body, GW_VERSION_311, true, 0, &packet, &fault) !=
        GW_OK)
        model_fail(reader->sim->model, "a bad retained message");
    uint32_t number = model_read_payload(reader->sim->model, packet.payload);
    if (!packet.retain && gw_span_equal(packet.topic_name, GW_SPAN_LIT("w/will")))
        return; /* its time has come just now */
    for (unsigned t = 0; t < MODEL_TOPICS; t++) {
        if (!gw_span_equal(packet.topic_name, gw_span_str(model_topics[t])))
            continue;
        if (reader->found[t] || !packet.retain)
            model_fail(reader->sim->model, "retained %s given twice, or unmarked", model_topics[t]);
        reader->found[t] = true;
        reader->numbers[t] = number;
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

/* -- the end of a process, and the next -- */

/* Lets the broker begin its life again with what is stored. */
static void restart(struct sim *sim, bool look)
{
    simnet_advance(sim->net, gw_random_below(&sim->boot.random, 2 * GW_NS_PER_S));
    (void)simboot_start(&sim->boot);
    if (gw_random_below(&sim->boot.random, 4) == 0)
        sim->crash_at = sim->step + 1 + (uint32_t)gw_random_below(&sim->boot.random, AGAIN_STEPS);
    for (unsigned i = 0; i < MODEL_CLIENTS; i++)
        simclient_on_restart(&sim->clients[i]);
    if (!look)
        return;
    sim->alone = true;
    check_retained(sim);
    sim->alone = false;
}

static void leave_room(struct sim *sim)
{
    if (sim->boot.disk)
        simboot_set_room(&sim->boot, UINT64_MAX);
    sim->boot.failing = false;
    sim->full_till = sim->troubled_till = 0;
    set_troubled(sim, false);
}

/* At some write soon, after which the disk is dead and the process goes on for a while. */
static void crash_at_write(struct sim *sim)
{
    struct gw_random *random = &sim->boot.random;
    sim->boot.failing = true;
    set_troubled(sim, true);
    gw_simdisk_cut_at(sim->boot.disk, 1 + gw_random_below(random, 20));
    uint64_t more = gw_random_below(random, 4) == 0 ? DEAD_STEPS : 80;
    for (uint64_t i = gw_random_below(random, more); i > 0; i--)
        step(sim, false);
    gw_simdisk_stop(sim->boot.disk);
    for (uint64_t i = gw_random_below(random, 8); i > 0; i--) {
        turn_loops(sim);
        (void)commit(sim);
        simnet_step(sim->net);
    }
}

/* In the middle of a turn or of a commit. */
static void crash_soon(struct sim *sim)
{
    if (gw_random_below(&sim->boot.random, 2) == 0)
        sim->cut_in = 1 + (unsigned)gw_random_below(&sim->boot.random, 30);
    else
        sim->stop_in = 1 + (unsigned)gw_random_below(&sim->boot.random, 8);
    for (unsigned i = 0; i < CUT_STEPS && !sim->is_cut; i++)
        step(sim, false);
}

/* The process ends. */
static void crash(struct sim *sim)
{
    sim->at_risk = true;
    switch (sim->is_cut ? 0 : gw_random_below(&sim->boot.random, 5)) {
    case 0: break; /* at this moment, between two turns */
    case 1: crash_at_write(sim); break;
    default: crash_soon(sim); break;
    }
    cut(sim);
    sim->at_risk = sim->is_cut = false;
    sim->crash_at = 0;
    sim->boot.was_full |= sim->full_till != 0 || sim->troubled_till != 0;
    for (unsigned i = 0; i < MODEL_CLIENTS; i++)
        simclient_on_crash(&sim->clients[i]);
    model_on_crash(sim->model);
    simboot_crash(&sim->boot);
    leave_room(sim);
}

/* The disk is full for a while: what needs it is refused, and it recovers by itself. */
static void fill(struct sim *sim)
{
    struct gw_random *random = &sim->boot.random;
    sim->full_till = sim->step + (uint32_t)gw_random_below(random, FULL_STEPS);
    sim->boot.failing = true;
    simboot_set_room(&sim->boot, gw_random_below(random, 3 * sim->boot.segment));
    set_troubled(sim, true);
}

/* A disk is fast, or slow for a while: then much waits for it at once. */
static void choose_pace(struct sim *sim)
{
    static const unsigned paces[] = {1, 3, 3, 3, 10, 40};
    sim->pace = paces[gw_random_below(&sim->boot.random, GW_COUNT_OF(paces))];
}

/* What may happen to a disk and who writes on it. */
static void disturb(struct sim *sim)
{
    struct gw_random *random = &sim->boot.random;
    if (sim->full_till != 0 && sim->step >= sim->full_till) {
        simboot_set_room(&sim->boot, UINT64_MAX);
        sim->full_till = 0;
        sim->troubled_till = sim->step + AFTER_STEPS;
    }
    if (sim->troubled_till != 0 && sim->step >= sim->troubled_till)
        leave_room(sim);
    if (sim->full_till == 0 && sim->troubled_till == 0 && gw_random_below(random, FULL_EVERY) == 0)
        fill(sim);
    bool now =
        sim->crash_at != 0 ? sim->step >= sim->crash_at : gw_random_below(random, CRASH_EVERY) == 0;
    if (gw_random_below(random, PACE_STEPS) == 0)
        choose_pace(sim);
    if (gw_random_below(random, STALL_EVERY) == 0) {
        sim->stalled = (unsigned)gw_random_below(random, gw_broker_loop_count(sim->boot.broker));
        sim->stalled_till = sim->step + (uint32_t)gw_random_below(random, STALL_STEPS);
    }
    if (!now && !sim->is_cut)
        return;
    crash(sim);
    restart(sim, gw_random_below(random, 2) == 0);
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
        (void)commit(sim);
    }
    gw_broker_drain(sim->boot.broker);
    for (unsigned i = 0; i < REST_STEPS && !gw_broker_drained(sim->boot.broker); i++) {
        simnet_advance(sim->net, GW_NS_PER_MS);
        simnet_step(sim->net);
        turn_loops(sim);
        (void)commit(sim);
    }
    if (!gw_broker_drained(sim->boot.broker))
        model_fail(sim->model, "the broker does not come to its end");
    simboot_end(&sim->boot);
    if (simnet_open_count(sim->net) != 0)
        model_fail(sim->model, "%zu links are left open", simnet_open_count(sim->net));
}

/* Ends the broker in the middle of everything, without a word to anybody. */
static void end_abruptly(struct sim *sim)
{
    simboot_release(&sim->boot);
    for (unsigned i = 0; i < MODEL_CLIENTS; i++)
        if (sim->clients[i].state != SIMCLIENT_OFF)
            simnet_finish(sim->net, sim->clients[i].end);
    if (simnet_open_count(sim->net) != 0)
        model_fail(sim->model, "%zu links are left open", simnet_open_count(sim->net));
}

static void end_in_order(struct sim *sim)
{
    come_to_rest(sim);
    leave_room(sim);
    model_check_end(sim->model);
    check_retained(sim);
    end_broker(sim);
    if (!sim->boot.disk)
        return;
    restart(sim, true);
    end_broker(sim);
}

/* Bits of what is stored change: the broker starts, or says why not; it makes nothing up. If they
 * cannot be mistaken for a torn end, nothing is missing that it does not speak of. */
static void end_in_damage(struct sim *sim)
{
    crash(sim);
    bool vouched = gw_random_below(&sim->boot.random, 3) != 0;
    if (!vouched)
        model_set_damaged(sim->model);
    simboot_damage(&sim->boot, 1 + (unsigned)gw_random_below(&sim->boot.random, vouched ? 3 : 20),
                   vouched);
    if (!simboot_start(&sim->boot))
        return;
    for (unsigned i = 0; i < MODEL_CLIENTS; i++)
        simclient_on_restart(&sim->clients[i]);
    for (unsigned i = 0; i < DAMAGED_STEPS; i++) {
        set_troubled(sim, model_damaged(sim->model));
        step(sim, true);
    }
    if (!model_damaged(sim->model)) {
        come_to_rest(sim);
        model_check_end(sim->model);
        check_retained(sim);
    }
    set_troubled(sim, model_damaged(sim->model));
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
    simboot_init(&sim->boot, seed, sim->net, sim->model, &sim->random);
    sim->pace = 3;
    if (sim->boot.disk) {
        simnet_watch(sim->net, on_network, sim);
        gw_simdisk_watch(sim->boot.disk, on_disk, sim);
    }
    (void)simboot_start(&sim->boot);
    for (unsigned i = 0; i < MODEL_CLIENTS; i++)
        simclient_init(&sim->clients[i], i, sim->net, sim->model, &sim->random);
    for (unsigned i = 0; i < MODEL_CLIENTS; i++)
        sim->clients[i].floods = seed % FLOODS_EVERY == 0;
    while (sim->step < steps) {
        sim->at_risk = true;
        step(sim, false);
        if (sim->boot.disk)
            disturb(sim);
    }
    sim->at_risk = false;
    if (sim->full_till != 0)
        simboot_set_room(&sim->boot, UINT64_MAX);
    if (gw_random_below(&sim->random, 8) == 0)
        end_abruptly(sim);
    else if (sim->boot.disk && gw_random_below(&sim->boot.random, 5) == 0)
        end_in_damage(sim);
    else
        end_in_order(sim);
    uint32_t taken = sim->step;
    if (talk)
        printf("seed %llu: %u steps, %u messages, %u starts, %llu checkpoints, %llu segments taken"
               " back, nothing found\n",
               (unsigned long long)seed, taken, model_message_count(sim->model), sim->boot.starts,
               (unsigned long long)sim->boot.sums.rounds,
               (unsigned long long)sim->boot.sums.recycled);
    for (unsigned i = 0; i < MODEL_CLIENTS; i++)
        simclient_fini(&sim->clients[i]);
    simboot_fini(&sim->boot);
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

static int run_from(uint64_t seed, uint64_t runs, uint32_t steps)
{
    uint64_t total = 0;
    for (uint64_t i = 0; i < runs; i++)
        total += run(seed + i, steps, false, false);
    printf("sim: %llu runs from seed %llu on, %llu steps, nothing found\n",
           (unsigned long long)runs, (unsigned long long)seed, (unsigned long long)total);
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
    uint64_t runs = RUNS_DEFAULT;
    const char *mode = NULL, *value = NULL;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--steps") == 0) {
            steps = (uint32_t)strtoul(argv[i + 1], NULL, 10);
        } else if (strcmp(argv[i], "--runs") == 0) {
            runs = strtoull(argv[i + 1], NULL, 10);
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
    if (mode && strcmp(mode, "--from") == 0)
        return run_from(strtoull(value, NULL, 10), runs, steps);
    if (mode && strcmp(mode, "--seeds-file") == 0)
        return run_file(value, steps);
    fprintf(stderr, "usage: godwit-sim (--seed N | --trace N | --seconds N | --from N [--runs N] |"
                    " --seeds-file FILE) [--steps N]\n");
    return 2;
}
