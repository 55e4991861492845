/*
 * Measures the durable store beside what it stands on:
 *
 *     bench_store [--dir DIR] [--seconds S] [--messages N] [--only append|recovery|retained]
 *         appending: 8 producers with 64 records in flight each, 64 to 1,024 bytes, against a bare
 *         loop of pwrite and fdatasync with as many syncs and bytes of payload; recovery of N
 *         queued messages of 10,000 sessions; memory of queued and of retained messages
 *     bench_store [--dir DIR] --floor SYNCS BYTES
 *         the bare loop alone
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/random.h"
#include "base/writer.h"
#include "proto/message.h"
#include "session/cold.h"
#include "session/image.h"
#include "session/session.h"
#include "store/store.h"
#include "topic/retained.h"

#define PRODUCERS    8u
#define IN_FLIGHT    64u
#define SIZE_MIN     64u
#define SIZE_MAX_    1024u
#define SEGMENT      ((uint64_t)16 * 1024 * 1024)
#define SESSIONS     10000u
#define TOPICS       1000000u
#define CHECK_PERIOD ((uint64_t)64 * 1024 * 1024)
#define STAGE_MAX    ((size_t)256 * 1024)

static uint8_t noise[SIZE_MAX_];

static void die(const char *what)
{
    fprintf(stderr, "bench_store: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void must(enum gw_status status, const char *what)
{
    if (status != GW_OK)
        die(what);
}

static double seconds_of(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double now(void)
{
    return seconds_of(CLOCK_MONOTONIC);
}

static double cpu(void)
{
    return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

static double heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return (double)(info.uordblks + info.hblkhd);
}

/* -- a directory of our own -- */

static void make_directory(const char *parent, char path[512])
{
    snprintf(path, 512, "%s/bench-XXXXXX", parent);
    if (!mkdtemp(path))
        die(path);
}

static void remove_directory(const char *path)
{
    char command[600];
    snprintf(command, sizeof(command), "rm -r '%s'", path);
    if (system(command) != 0)
        die(path);
}

static struct gw_store *open_store(const char *path, unsigned streams)
{
    struct gw_store *store;
    struct gw_store_error error;
    struct gw_store_options options = {
        .disk = gw_disk_system(),
        .clock = gw_clock_system(),
        .log = &(const struct gw_log){0},
        .path = path,
        .segment_size = SEGMENT,
        .stream_count = streams,
    };
    must(gw_store_open(&options, &store, &error), path);
    return store;
}

static void ignore(void *user, uint8_t kind, gw_position position, struct gw_span body)
{
    (void)user, (void)kind, (void)position, (void)body;
}

/* -- the floor -- */

/* A file that was written before, as a recycled segment was: only content changes. */
static int make_written(const char *path, uint64_t size)
{
    static uint8_t zeros[1 << 20];
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0)
        die(path);
    for (uint64_t at = 0; at < size; at += sizeof(zeros))
        if (pwrite(file, zeros, sizeof(zeros), (off_t)at) != (ssize_t)sizeof(zeros))
            die("pwrite");
    if (fsync(file) != 0)
        die("fsync");
    return file;
}

struct floor_result {
    double seconds, cpu;
};

static struct floor_result run_floor(const char *parent, uint64_t syncs, uint64_t bytes)
{
    char directory[512];
    char path[600];
    make_directory(parent, directory);
    snprintf(path, sizeof(path), "%s/floor", directory);
    size_t each = (size_t)(bytes / syncs);
    uint64_t size = SEGMENT > 2 * each ? SEGMENT : 2 * (uint64_t)each;
    int file = make_written(path, size);
    uint8_t *data = malloc(each + 1);
    if (!data)
        die("memory");
    for (size_t i = 0; i < each; i++)
        data[i] = noise[i % sizeof(noise)];
    double began = now();
    double began_cpu = cpu();
    uint64_t at = 0;
    for (uint64_t i = 0; i < syncs; i++) {
        at = at + each > size ? 0 : at;
        if (pwrite(file, data, each, (off_t)at) != (ssize_t)each || fdatasync(file) != 0)
            die("pwrite, fdatasync");
        at += each;
    }
    struct floor_result result = {now() - began, cpu() - began_cpu};
    free(data);
    close(file);
    remove_directory(directory);
    return result;
}

/* -- appending -- */

struct producer {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t progress;
    bool moved;
    struct gw_store *store;
    struct gw_store_stream *stream;
    unsigned index;
    double ends;
    uint64_t records, payload;
};

static void on_progress(void *user)
{
    struct producer *producer = user;
    pthread_mutex_lock(&producer->mutex);
    producer->moved = true;
    pthread_cond_signal(&producer->progress);
    pthread_mutex_unlock(&producer->mutex);
}

static void append_one(struct producer *producer, struct gw_random *random)
{
    size_t size = SIZE_MIN + (size_t)gw_random_below(random, SIZE_MAX_ - SIZE_MIN + 1);
    struct gw_store_part part = {gw_span_of(noise, size), NULL};
    must(gw_store_append(producer->stream, 1 | GW_STORE_ALONE, &part, 1, NULL), "append");
    producer->records++;
    producer->payload += size;
}

static void wait_for(struct producer *producer, gw_store_ticket ticket)
{
    pthread_mutex_lock(&producer->mutex);
    while (gw_store_synced(producer->stream) < ticket) {
        while (!producer->moved)
            pthread_cond_wait(&producer->progress, &producer->mutex);
        producer->moved = false;
    }
    pthread_mutex_unlock(&producer->mutex);
}

/* As a loop does it: what it has for one turn is one chunk; the next turn begins when that is
 * durable, so 64 are in flight. */
static void *produce(void *user)
{
    struct producer *producer = user;
    struct gw_random random;
    uint64_t checked = 0;
    gw_random_init(&random, producer->index + 1);
    while (now() < producer->ends) {
        for (unsigned i = 0; i < IN_FLIGHT; i++)
            append_one(producer, &random);
        gw_store_ticket ticket = gw_store_next(producer->stream);
        gw_position position = gw_store_submit(producer->stream);
        wait_for(producer, ticket);
        if (producer->index == 0 && producer->payload - checked > CHECK_PERIOD / PRODUCERS) {
            checked = producer->payload;
            gw_store_set_checkpoint(producer->store, position); /* nobody needs what was before */
        }
    }
    return NULL;
}

static void start_producers(struct producer *producers, struct gw_store *store, double seconds)
{
    for (unsigned i = 0; i < PRODUCERS; i++) {
        producers[i] = (struct producer){.store = store, .index = i, .ends = now() + seconds};
        pthread_mutex_init(&producers[i].mutex, NULL);
        pthread_cond_init(&producers[i].progress, NULL);
        producers[i].stream = gw_store_stream(store, i);
        gw_store_watch(producers[i].stream, on_progress, &producers[i]);
    }
    for (unsigned i = 0; i < PRODUCERS; i++)
        if (pthread_create(&producers[i].thread, NULL, produce, &producers[i]) != 0)
            die("pthread_create");
}

static void run_append(const char *parent, double seconds)
{
    char directory[512];
    struct gw_store_report report;
    struct gw_store_error error;
    struct gw_store_figures before, after;
    struct producer producers[PRODUCERS];
    uint64_t records = 0, payload = 0;

    make_directory(parent, directory);
    struct gw_store *store = open_store(directory, PRODUCERS);
    must(gw_store_recover(store, ignore, NULL, &report, &error), "recover");
    must(gw_store_start(store), "start");
    start_producers(producers, store, seconds / 2); /* the first half makes what is recycled */
    for (unsigned i = 0; i < PRODUCERS; i++)
        pthread_join(producers[i].thread, NULL);
    gw_store_get_figures(store, &before);
    double began = now();
    double began_cpu = cpu();
    start_producers(producers, store, seconds / 2);
    for (unsigned i = 0; i < PRODUCERS; i++) {
        pthread_join(producers[i].thread, NULL);
        records += producers[i].records;
        payload += producers[i].payload;
    }
    double took = now() - began;
    double took_cpu = cpu() - began_cpu;
    gw_store_get_figures(store, &after);
    gw_store_stop(store);
    gw_store_close(store);
    remove_directory(directory);

    uint64_t syncs = after.syncs - before.syncs;
    struct floor_result floor = run_floor(parent, syncs, payload);
    double bytes = (double)(after.bytes_written - before.bytes_written);
    printf("append: %u producers, %u in flight each, %u-%u B\n", PRODUCERS, IN_FLIGHT, SIZE_MIN,
           SIZE_MAX_);
    printf("  %-8s %12s %10s %12s %14s\n", "", "records/s", "syncs/s", "CPU us/rec",
           "records/sync");
    printf("  %-8s %12.0f %10.0f %12.3f %14.1f\n", "store", (double)records / took,
           (double)syncs / took, took_cpu * 1e6 / (double)records, (double)records / (double)syncs);
    printf("  %-8s %12.0f %10.0f %12.3f %14.1f\n", "floor", (double)records / floor.seconds,
           (double)syncs / floor.seconds, floor.cpu * 1e6 / (double)records,
           (double)records / (double)syncs);
    printf("  store/floor %.2f; written %.4f of the payload; longest sync %.2f ms; %" PRIu64
           " segments recycled\n",
           floor.seconds / took, bytes / (double)payload, (double)after.sync_ns_max / 1e6,
           after.recycled);
}

/* -- recovery -- */

static void append_session(struct gw_store_stream *stream, uint64_t serial)
{
    uint8_t bytes[256];
    char name[32];
    snprintf(name, sizeof(name), "s%u", (unsigned)serial);
    struct gw_record_session record = {
        .serial = serial,
        .expiry = GW_SESSION_EXPIRY_NEVER,
        .client_id = gw_span_str(name),
    };
    struct gw_writer w = gw_writer_of(bytes, sizeof(bytes));
    gw_record_write_session(&w, &record);
    struct gw_store_part part = {gw_span_of(bytes, gw_writer_size(&w)), NULL};
    must(gw_store_append(stream, GW_RECORD_SESSION, &part, 1, NULL), "append");
}

/* MESSAGE and OWE, as the broker writes them for one session. */
static void append_queued(struct gw_store_stream *stream, uint64_t serial, uint32_t order,
                          size_t size)
{
    uint8_t bytes[256];
    char topic[64];
    snprintf(topic, sizeof(topic), "bench/session/%05u", (unsigned)serial);
    struct gw_record_message message = {
        .message = {.topic_name = gw_span_str(topic), .payload = gw_span_of(noise, size), .qos = 1},
    };
    struct gw_writer w = gw_writer_of(bytes, sizeof(bytes));
    gw_record_write_message(&w, &message);
    struct gw_store_part parts[] = {
        {gw_span_of(bytes, gw_writer_size(&w)), NULL},
        {message.message.topic_name, NULL},
        {message.message.payload, NULL},
    };
    size_t at = gw_store_staged(stream);
    must(gw_store_append(stream, GW_RECORD_MESSAGE | GW_STORE_ALONE, parts, 3, NULL), "append");
    struct gw_record_owe owe = {
        .serial = serial,
        .order = order,
        .size = (uint32_t)size,
        .qos = 1,
        .message = {.back = (uint32_t)(gw_store_staged(stream) - at)},
    };
    w = gw_writer_of(bytes, sizeof(bytes));
    gw_record_write_owe(&w, &owe);
    struct gw_store_part part = {gw_span_of(bytes, gw_writer_size(&w)), NULL};
    must(gw_store_append(stream, GW_RECORD_OWE, &part, 1, NULL), "append");
}

static void submit_and_step(struct gw_store *store, struct gw_store_stream *stream)
{
    gw_store_submit(stream);
    while (gw_store_step(store))
        ;
}

static void fill(const char *directory, uint32_t messages)
{
    struct gw_store_report report;
    struct gw_store_error error;
    struct gw_random random;
    struct gw_store *store = open_store(directory, 1);
    struct gw_store_stream *stream = gw_store_stream(store, 0);
    must(gw_store_recover(store, ignore, NULL, &report, &error), "recover");
    gw_random_init(&random, 3);
    for (uint64_t serial = 1; serial <= SESSIONS; serial++)
        append_session(stream, serial);
    for (uint32_t i = 0; i < messages; i++) {
        append_queued(stream, 1 + gw_random_below(&random, SESSIONS), i,
                      SIZE_MIN + (size_t)gw_random_below(&random, SIZE_MAX_ - SIZE_MIN + 1));
        if (gw_store_staged(stream) > STAGE_MAX)
            submit_and_step(store, stream);
    }
    submit_and_step(store, stream);
    gw_store_close(store);
}

static void apply(void *user, uint8_t kind, gw_position position, struct gw_span body)
{
    gw_image_apply(user, kind, position, body);
}

/* The cold queues of all sessions of an image: what queued messages take in memory. */
static double cold_bytes(struct gw_image *image, uint64_t *ret_count)
{
    struct gw_map_cursor cursor;
    struct gw_cold_queue *queues = calloc(SESSIONS, sizeof(*queues));
    size_t at = 0;
    if (!queues)
        die("memory");
    double before = heap_bytes();
    gw_map_first(&image->sessions, &cursor);
    for (const struct gw_image_session *s; (s = gw_image_next_session(image, &cursor)); at++) {
        gw_cold_init(&queues[at]);
        for (size_t i = 0; i < s->delivery_count; i++) {
            struct gw_cold entry = {.message = s->deliveries[i].message,
                                    .order = s->deliveries[i].order,
                                    .size = s->deliveries[i].size,
                                    .qos = 1};
            must(gw_cold_push(&queues[at], &entry, NULL), "push");
        }
        *ret_count += s->delivery_count;
    }
    double bytes = heap_bytes() - before;
    for (size_t i = 0; i < at; i++)
        gw_cold_fini(&queues[i]);
    free(queues);
    return bytes;
}

static void run_recovery(const char *parent, uint32_t messages)
{
    char directory[512];
    struct gw_store_report report;
    struct gw_store_error error;
    make_directory(parent, directory);
    fill(directory, messages);
    double before = heap_bytes();
    double began = now();
    double began_cpu = cpu();
    struct gw_store *store = open_store(directory, 1);
    struct gw_image *image = gw_image_new(5);
    if (!image)
        die("memory");
    must(gw_store_recover(store, apply, image, &report, &error), "recover");
    double read = now();
    must(gw_image_finish(image), "finish");
    double finished = now();
    double took_cpu = cpu() - began_cpu;
    uint64_t count = 0;
    double heap = heap_bytes() - before;
    double cold = cold_bytes(image, &count);
    printf("recovery, warm: %" PRIu64 " queued messages of %u sessions, %" PRIu64 " records, "
           "%.0f MB: %.3f s (reading %.3f, sorting %.3f), %.3f s of CPU\n",
           count, SESSIONS, report.records, (double)report.bytes / 1e6, finished - began,
           read - began, finished - read, took_cpu);
    printf("memory: %.1f B a queued message (cold), %.1f B in the image while starting\n",
           cold / (double)count, heap / (double)count);
    gw_image_free(image);
    gw_store_close(store);
    remove_directory(directory);
}

/* -- retained -- */

static void release(void *user, struct gw_span name, struct gw_retained_value *value)
{
    struct gw_blob *blob = (struct gw_blob *)(uintptr_t)value->word;
    (void)user;
    (void)name;
    gw_blob_unref(&blob);
}

/* Topics of `size` bytes that do not come in order, each with a message or (cold) without. */
static double retained_bytes(uint32_t topics, int size, bool hot)
{
    double before = heap_bytes();
    struct gw_retained *set = gw_retained_new(11);
    if (!set)
        die("memory");
    for (uint32_t i = 0; i < topics; i++) {
        char name[32];
        snprintf(name, sizeof(name), "site/%03u/%0*u", i * 7919u % 1000, size - 9, i);
        struct gw_message message = {
            .topic_name = gw_span_of(name, (size_t)size),
            .payload = gw_span_of(noise, 16),
            .qos = 1,
            .retain = true,
        };
        if (hot)
            must(gw_message_keep(&message), "keep");
        struct gw_retained_value value = {.word = (uintptr_t)message.blob};
        must(gw_retained_add(set, message.topic_name, &value), "add");
    }
    double bytes = (heap_bytes() - before) / (double)topics;
    gw_retained_free(set, release, NULL);
    return bytes;
}

static void run_retained(uint32_t topics)
{
    for (int size = 16; size <= 24; size += 4)
        printf("memory: %.1f B a retained topic when hot, %.1f B when cold (%d B topic, 16 B "
               "payload)\n",
               retained_bytes(topics, size, true), retained_bytes(topics, size, false), size);
}

/* -- */

int main(int argc, char **argv)
{
    const char *directory = GW_BENCH_DIRECTORY;
    double seconds = 6;
    const char *only = "";
    uint32_t messages = 1000000;
    struct gw_random random;

    gw_random_init(&random, 1);
    for (size_t i = 0; i < sizeof(noise); i++)
        noise[i] = (uint8_t)gw_random_next(&random);
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--dir") == 0)
            directory = argv[i + 1];
        else if (strcmp(argv[i], "--seconds") == 0)
            seconds = strtod(argv[i + 1], NULL);
        else if (strcmp(argv[i], "--only") == 0)
            only = argv[i + 1];
        else if (strcmp(argv[i], "--messages") == 0)
            messages = (uint32_t)strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--floor") == 0 && i + 2 < argc) {
            struct floor_result floor = run_floor(directory, strtoull(argv[i + 1], NULL, 10),
                                                  strtoull(argv[i + 2], NULL, 10));
            printf("floor: seconds=%.4f cpu=%.4f\n", floor.seconds, floor.cpu);
            return 0;
        } else {
            fprintf(stderr, "bench_store: unknown option %s\n", argv[i]);
            return 2;
        }
    }
    if (!only[0] || strcmp(only, "append") == 0)
        run_append(directory, seconds);
    if (!only[0] || strcmp(only, "recovery") == 0)
        run_recovery(directory, messages);
    if (!only[0] || strcmp(only, "retained") == 0)
        run_retained(messages < TOPICS ? messages : TOPICS);
    return 0;
}
