/*
 * A load for a running broker, from one thread (MQTT 3.1.1, so that any broker can be measured):
 *
 *     load setup   --port P [--sessions N]
 *         makes N persistent sessions, each subscribed to a topic of its own with QoS 1, and leaves
 *     load publish --port P [--sessions N] [--count C] [--connections K] [--inflight I] [--online
 * M] publishes C messages of QoS 1, 64 to 1,024 bytes, each to the topic of one session, I in
 *         flight in all; the first M sessions are online meanwhile and take theirs
 *     load pair    --port P [--seconds S]
 *         a publisher and a subscriber of QoS 0, one message every 2 ms: how long they take
 *
 * Prints one line of JSON. bench/run-durable.py runs it against brokers.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/random.h"

#define SIZE_MIN      64u
#define SIZE_MAX_     1024u
#define SETUP_BATCH   32u
#define ROOM          65536u
#define PAIR_PERIOD   2000000u /* ns */
#define EVENTS_MAX    256
#define CONNECTED_MAX 4096u

struct options {
    const char *mode;
    uint32_t port, sessions, count, connections, inflight, online, seconds, rate;
};

/* One connection: what came and is no whole packet yet, what goes and the socket did not take. */
struct peer {
    int fd;
    bool subscriber;
    size_t in, out;
    uint32_t free_count;
    uint16_t *free_ids;
    uint64_t *sent_at; /* by packet identifier */
    uint8_t *input, *output;
};

struct load {
    struct options options;
    struct gw_random random;
    struct peer *peers;
    uint32_t peer_count;
    int epoll;
    uint64_t sent, acked, taken, payload, began;
    uint32_t *latencies; /* us, of each acknowledged */
    uint8_t noise[SIZE_MAX_];
};

static void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, errno ? strerror(errno) : "not what was expected");
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* -- packets -- */

static size_t put_text(uint8_t *at, const char *text)
{
    size_t size = strlen(text);
    at[0] = (uint8_t)(size >> 8);
    at[1] = (uint8_t)size;
    memcpy(at + 2, text, size);
    return size + 2;
}

static size_t put_head(uint8_t *at, uint8_t first, size_t rest)
{
    size_t size = 0;
    at[size++] = first;
    do {
        at[size++] = (uint8_t)((rest & 0x7F) | (rest > 0x7F ? 0x80 : 0));
        rest >>= 7;
    } while (rest > 0);
    return size;
}

static size_t put_connect(uint8_t *at, const char *client_id, bool clean)
{
    uint8_t flags = clean ? 2 : 0;
    size_t size = put_head(at, 0x10, 12 + strlen(client_id));
    size += put_text(at + size, "MQTT");
    at[size++] = 4;
    at[size++] = flags;
    at[size++] = 0; /* no keep alive */
    at[size++] = 0;
    return size + put_text(at + size, client_id);
}

static size_t put_subscribe(uint8_t *at, const char *filter, uint8_t qos)
{
    size_t size = put_head(at, 0x82, 5 + strlen(filter));
    at[size++] = 0;
    at[size++] = 1;
    size += put_text(at + size, filter);
    at[size++] = qos;
    return size;
}

/* The size of the first packet of these bytes; 0: it is not whole. */
static size_t whole(const uint8_t *bytes, size_t size)
{
    size_t rest = 0;
    for (size_t i = 1; i < size && i < 5; i++) {
        rest |= (size_t)(bytes[i] & 0x7F) << (7 * (i - 1));
        if (!(bytes[i] & 0x80))
            return i + 1 + rest <= size ? i + 1 + rest : 0;
    }
    return 0;
}

/* -- blocking calls, for what is not measured -- */

static int dial(uint32_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

static void send_all(int fd, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t done = send(fd, bytes, size, MSG_NOSIGNAL);
        if (done <= 0)
            die("send");
        bytes += done;
        size -= (size_t)done;
    }
}

/* Reads until a packet of this type came, past others. */
static void await(int fd, uint8_t type)
{
    uint8_t bytes[2 * SIZE_MAX_];
    for (;;) {
        size_t size = 0;
        while (whole(bytes, size) == 0) {
            if (size == sizeof(bytes) || recv(fd, bytes + size, 1, 0) != 1)
                die("recv");
            size++;
        }
        if (bytes[0] >> 4 == type)
            return;
    }
}

static void session_name(char *text, size_t size, uint32_t number)
{
    snprintf(text, size, "s%u", number);
}

static void session_topic(char *text, size_t size, uint32_t number)
{
    snprintf(text, size, "bench/session/%05u", number);
}

static int open_session(uint32_t port, uint32_t number, bool subscribe)
{
    uint8_t bytes[256];
    char name[32];
    char topic[64];
    int fd = dial(port);
    session_name(name, sizeof(name), number);
    session_topic(topic, sizeof(topic), number);
    size_t size = put_connect(bytes, name, false);
    if (subscribe)
        size += put_subscribe(bytes + size, topic, 1);
    send_all(fd, bytes, size);
    return fd;
}

static int run_setup(const struct options *options)
{
    static const uint8_t leave[] = {0xE0, 0};
    int fds[SETUP_BATCH];
    uint64_t began = now_ns();
    for (uint32_t done = 0; done < options->sessions;) {
        uint32_t count = 0;
        for (; count < SETUP_BATCH && done < options->sessions; count++)
            fds[count] = open_session(options->port, done++, true);
        for (uint32_t i = 0; i < count; i++) {
            await(fds[i], 9);
            send_all(fds[i], leave, sizeof(leave));
            close(fds[i]);
        }
    }
    printf("{\"sessions\": %u, \"seconds\": %.3f}\n", options->sessions,
           (double)(now_ns() - began) / 1e9);
    return 0;
}

/* -- publishing -- */

static void flush(struct load *load, struct peer *peer)
{
    size_t at = 0;
    while (at < peer->out) {
        ssize_t done =
            send(peer->fd, peer->output + at, peer->out - at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (done < 0 && errno == EAGAIN)
            break;
        if (done <= 0)
            die("send");
        at += (size_t)done;
    }
    memmove(peer->output, peer->output + at, peer->out - at);
    peer->out -= at;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
    if (peer->out > 0)
        event.events |= EPOLLOUT;
    if (at > 0 && peer->out > 0 && epoll_ctl(load->epoll, EPOLL_CTL_MOD, peer->fd, &event) != 0)
        die("epoll_ctl");
}

static void publish_one(struct load *load, struct peer *peer, uint64_t now)
{
    char topic[64];
    uint16_t id = peer->free_ids[--peer->free_count];
    uint32_t session = (uint32_t)gw_random_below(&load->random, load->options.sessions);
    size_t payload = SIZE_MIN + (size_t)gw_random_below(&load->random, SIZE_MAX_ - SIZE_MIN + 1);
    session_topic(topic, sizeof(topic), session);
    uint8_t *at = peer->output + peer->out;
    size_t size = put_head(at, 0x32, 2 + strlen(topic) + 2 + payload);
    size += put_text(at + size, topic);
    at[size++] = (uint8_t)(id >> 8);
    at[size++] = (uint8_t)id;
    memcpy(at + size, load->noise, payload);
    peer->out += size + payload;
    peer->sent_at[id] = now;
    load->sent++;
    load->payload += payload;
}

/* How many may have been sent by now. */
static uint64_t allowed(const struct load *load, uint64_t now)
{
    const struct options *options = &load->options;
    uint64_t by_time = (now - load->began) / 1000 * options->rate / 1000000;
    return options->rate > 0 && by_time < options->count ? by_time : options->count;
}

static void publish(struct load *load, struct peer *peer)
{
    uint64_t now = now_ns();
    uint64_t until = allowed(load, now);
    while (peer->free_count > 0 && load->sent < until && peer->out + 2 * SIZE_MAX_ < ROOM)
        publish_one(load, peer, now);
    if (peer->out > 0)
        flush(load, peer);
}

/* A subscriber's PUBLISH of QoS 1 is answered; its identifier is behind the topic. */
static void take(struct load *load, struct peer *peer, const uint8_t *packet)
{
    size_t head = 1;
    while (packet[head++] & 0x80)
        ;
    size_t topic = (size_t)packet[head] << 8 | packet[head + 1];
    const uint8_t *id = packet + head + 2 + topic;
    load->taken++;
    if (!(packet[0] & 0x06))
        return;
    const uint8_t answer[] = {0x40, 2, id[0], id[1]};
    if (peer->out + sizeof(answer) > ROOM)
        die("a subscriber does not get rid of its answers");
    memcpy(peer->output + peer->out, answer, sizeof(answer));
    peer->out += sizeof(answer);
}

static void on_packet(struct load *load, struct peer *peer, const uint8_t *packet, uint64_t now)
{
    unsigned type = packet[0] >> 4;
    if (type == 3) {
        take(load, peer, packet);
    } else if (type == 4) {
        uint16_t id = (uint16_t)(packet[2] << 8 | packet[3]);
        load->latencies[load->acked++] = (uint32_t)((now - peer->sent_at[id]) / 1000);
        peer->free_ids[peer->free_count++] = id;
    }
}

static void on_input(struct load *load, struct peer *peer)
{
    ssize_t got = recv(peer->fd, peer->input + peer->in, ROOM - peer->in, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0)
        die("the broker ended a connection");
    peer->in += (size_t)got;
    uint64_t now = now_ns();
    size_t at = 0;
    size_t size;
    while ((size = whole(peer->input + at, peer->in - at)) > 0) {
        on_packet(load, peer, peer->input + at, now);
        at += size;
    }
    memmove(peer->input, peer->input + at, peer->in - at);
    peer->in -= at;
    if (peer->subscriber)
        flush(load, peer);
    else
        publish(load, peer);
}

static void add_peer(struct load *load, int fd, bool subscriber, uint32_t window)
{
    struct peer *peer = &load->peers[load->peer_count++];
    *peer = (struct peer){.fd = fd, .subscriber = subscriber};
    peer->input = malloc(ROOM);
    peer->output = malloc(ROOM);
    peer->free_ids = calloc(window + 1, sizeof(*peer->free_ids));
    peer->sent_at = calloc(window + 1, sizeof(*peer->sent_at));
    if (!peer->input || !peer->output || !peer->free_ids || !peer->sent_at)
        die("memory");
    for (uint32_t id = 1; id <= window; id++)
        peer->free_ids[peer->free_count++] = (uint16_t)id;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        die("epoll_ctl");
}

static void open_peers(struct load *load)
{
    const struct options *options = &load->options;
    load->peers = calloc(options->connections + options->online, sizeof(*load->peers));
    load->latencies = calloc(options->count, sizeof(*load->latencies));
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!load->peers || !load->latencies || load->epoll < 0)
        die("memory");
    for (uint32_t i = 0; i < options->online; i++) {
        int fd = open_session(options->port, i, false);
        await(fd, 2);
        add_peer(load, fd, true, 0);
    }
    for (uint32_t i = 0; i < options->connections; i++) {
        uint8_t bytes[64];
        char name[32];
        int fd = dial(options->port);
        snprintf(name, sizeof(name), "publisher%u", i);
        send_all(fd, bytes, put_connect(bytes, name, true));
        await(fd, 2);
        add_peer(load, fd, false, options->inflight / options->connections);
    }
}

static int compare(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static double at_part(const uint32_t *sorted, uint64_t count, double part)
{
    return count ? (double)sorted[(uint64_t)((double)(count - 1) * part)] / 1000 : 0;
}

static void print_latencies(uint32_t *values, uint64_t count)
{
    qsort(values, count, sizeof(*values), compare);
    printf("\"p50_ms\": %.3f, \"p99_ms\": %.3f, \"p999_ms\": %.3f, \"max_ms\": %.3f}\n",
           at_part(values, count, 0.5), at_part(values, count, 0.99), at_part(values, count, 0.999),
           at_part(values, count, 1));
}

static void publish_all(struct load *load)
{
    for (uint32_t i = load->options.online; i < load->peer_count; i++)
        publish(load, &load->peers[i]);
}

static int run_publish(const struct options *options)
{
    struct load load = {.options = *options};
    struct epoll_event events[EVENTS_MAX];
    gw_random_init(&load.random, 7);
    for (size_t i = 0; i < sizeof(load.noise); i++)
        load.noise[i] = (uint8_t)gw_random_next(&load.random);
    open_peers(&load);
    load.began = now_ns();
    publish_all(&load);
    while (load.acked < options->count) {
        int count = epoll_wait(load.epoll, events, EVENTS_MAX, options->rate > 0 ? 1 : 10000);
        errno = 0;
        if (count <= 0 && options->rate == 0)
            die("nothing came for 10 s");
        if (options->rate > 0)
            publish_all(&load);
        for (int i = 0; i < count; i++) {
            if (events[i].events & EPOLLOUT)
                flush(&load, events[i].data.ptr);
            on_input(&load, events[i].data.ptr);
        }
    }
    double seconds = (double)(now_ns() - load.began) / 1e9;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    printf("{\"messages\": %llu, \"seconds\": %.4f, \"payload\": %llu, \"taken\": %llu, "
           "\"own_cpu\": %.3f, ",
           (unsigned long long)load.acked, seconds, (unsigned long long)load.payload,
           (unsigned long long)load.taken, cpu);
    print_latencies(load.latencies, load.acked);
    return 0;
}

/* -- an unrelated pair -- */

static int open_other(uint32_t port, const char *name, bool subscribe)
{
    uint8_t bytes[128];
    int fd = dial(port);
    size_t size = put_connect(bytes, name, true);
    if (subscribe)
        size += put_subscribe(bytes + size, "bench/pair", 0);
    send_all(fd, bytes, size);
    await(fd, subscribe ? 9 : 2);
    return fd;
}

static void sleep_until(uint64_t when)
{
    struct timespec time = {(time_t)(when / 1000000000u), (long)(when % 1000000000u)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR)
        ;
}

/* One message on its way at a time: what is measured is the broker, not a queue before it. */
static int run_pair(const struct options *options)
{
    int from = open_other(options->port, "pair-publisher", false);
    int to = open_other(options->port, "pair-subscriber", true);
    uint64_t count = 0;
    uint64_t room = (uint64_t)options->seconds * 500 + 1;
    uint32_t *latencies = calloc(room, sizeof(*latencies));
    uint8_t bytes[64];
    if (!latencies)
        die("memory");
    uint64_t ends = now_ns() + (uint64_t)options->seconds * 1000000000u;
    size_t size = put_head(bytes, 0x30, 12 + 16);
    size += put_text(bytes + size, "bench/pair");
    memset(bytes + size, 'x', 16);
    for (uint64_t next = now_ns(); next < ends && count < room; next += PAIR_PERIOD) {
        sleep_until(next);
        uint64_t began = now_ns();
        send_all(from, bytes, size + 16);
        await(to, 3);
        uint64_t took = now_ns() - began;
        latencies[count++] = (uint32_t)(took / 1000);
        if (took > PAIR_PERIOD)
            next = now_ns() - PAIR_PERIOD; /* late ones are not made up for */
    }
    printf("{\"messages\": %llu, ", (unsigned long long)count);
    print_latencies(latencies, count);
    free(latencies);
    return 0;
}

/* -- */

static uint32_t *option(struct options *options, const char *name)
{
    const struct {
        const char *name;
        uint32_t *value;
    } known[] = {
        {"--port", &options->port},       {"--sessions", &options->sessions},
        {"--count", &options->count},     {"--connections", &options->connections},
        {"--online", &options->online},   {"--inflight", &options->inflight},
        {"--seconds", &options->seconds}, {"--rate", &options->rate},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i].name, name) == 0)
            return known[i].value;
    return NULL;
}

int main(int argc, char **argv)
{
    struct options options = {
        .mode = argc > 1 ? argv[1] : "",
        .sessions = 10000,
        .count = 500000,
        .connections = 16,
        .inflight = 512,
        .seconds = 5,
    };
    for (int i = 2; i + 1 < argc; i += 2) {
        uint32_t *value = option(&options, argv[i]);
        if (!value) {
            fprintf(stderr, "load: unknown option %s\n", argv[i]);
            return 2;
        }
        *value = (uint32_t)strtoul(argv[i + 1], NULL, 10);
    }
    if (options.online > options.sessions || options.online > CONNECTED_MAX ||
        options.connections == 0 || options.inflight / options.connections == 0) {
        fprintf(stderr, "load: these numbers do not go together\n");
        return 2;
    }
    if (strcmp(options.mode, "setup") == 0)
        return run_setup(&options);
    if (strcmp(options.mode, "publish") == 0)
        return run_publish(&options);
    if (strcmp(options.mode, "pair") == 0)
        return run_pair(&options);
    fprintf(stderr, "load: setup, publish or pair?\n");
    return 2;
}
