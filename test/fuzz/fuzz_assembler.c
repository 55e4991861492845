/* proto/assembler: however a stream is cut, the same packets come out and the same refusal ends it,
 * and they are those that a naive walk over the whole stream finds. */
#include "fuzz.h"

#include "base/random.h"
#include "proto/assembler.h"
#include "wire/publish.h"
#include "wire/reason.h"

struct settings {
    enum gw_version version;
    uint32_t packet_max;
    uint64_t seed; /* of the cuts */
};

/* What a run has met so far: where the next packet must begin. */
struct walk {
    struct gw_span stream;
    const struct settings *settings;
    size_t at;
};

/* The naive walk: the packet at `at`. GW_OK with its sizes, or what must be said of it. */
static enum gw_status naive(const struct walk *walk, size_t *ret_head, size_t *ret_body,
                            uint8_t *ret_reason)
{
    struct gw_span rest = gw_span_from(walk->stream, walk->at);
    uint32_t value = 0;
    for (size_t i = 1; i < rest.size; i++) {
        value |= (uint32_t)(rest.data[i] & 0x7F) << (7 * (i - 1));
        bool more = (rest.data[i] & 0x80) != 0;
        *ret_reason = GW_REASON_MALFORMED_PACKET;
        if (more && i == 4)
            return GW_MALFORMED;
        if (more)
            continue;
        if (i > 1 && rest.data[i] == 0 && walk->settings->version == GW_VERSION_5)
            return GW_MALFORMED;
        *ret_reason = GW_REASON_PACKET_TOO_LARGE;
        *ret_head = 1 + i;
        *ret_body = value;
        if (*ret_head + *ret_body > walk->settings->packet_max)
            return GW_PROTOCOL;
        return rest.size - *ret_head >= *ret_body ? GW_OK : GW_MORE;
    }
    return GW_MORE;
}

static void check_frame(struct walk *walk, const struct gw_frame *frame)
{
    size_t head = 0, body = 0;
    uint8_t reason;
    FUZZ_CHECK(naive(walk, &head, &body, &reason) == GW_OK);
    const uint8_t *packet = walk->stream.data + walk->at;
    FUZZ_CHECK(frame->header.size == head && frame->header.remaining_length == body);
    FUZZ_CHECK((unsigned)frame->header.type == packet[0] >> 4);
    FUZZ_CHECK(frame->header.flags == (packet[0] & 15));
    FUZZ_CHECK(gw_span_equal(frame->body, gw_span_of(packet + head, body)));
    walk->at += head + body;
}

/* Gives one piece in memory of its own; false at a refusal. */
static bool feed(struct gw_assembler *assembler, struct gw_span piece, struct walk *walk)
{
    uint8_t *copy = fuzz_copy(piece);
    struct gw_span bytes = gw_span_of(copy, piece.size);
    struct gw_frame frame;
    struct gw_fault fault = {0};
    enum gw_status status;
    size_t end = (size_t)(piece.data - walk->stream.data) + piece.size;
    while ((status = gw_assembler_next(assembler, &bytes, &frame, &fault)) == GW_OK)
        check_frame(walk, &frame);
    if (status == GW_MORE) {
        size_t pending = gw_assembler_pending(assembler);
        FUZZ_CHECK(bytes.size == 0 && pending == end - walk->at);
        FUZZ_CHECK(assembler->tail.capacity <= (pending < 32 ? 64 : 2 * pending));
        FUZZ_CHECK(pending > 0 || assembler->tail.data == NULL);
    } else {
        size_t head, body;
        uint8_t reason = 0;
        FUZZ_CHECK(naive(walk, &head, &body, &reason) == status);
        FUZZ_CHECK(fault.reason == reason && fault.what != NULL);
    }
    free(copy);
    return status == GW_MORE;
}

/* Runs the stream in pieces of up to piece_max bytes (0: at once). */
static void run(struct gw_span stream, const struct settings *settings, size_t piece_max)
{
    struct gw_random random;
    struct gw_assembler assembler;
    struct walk walk = {.stream = stream, .settings = settings};
    bool open = true;
    gw_random_init(&random, settings->seed);
    gw_assembler_init(&assembler, 100);
    gw_assembler_set(&assembler, settings->version, settings->packet_max);
    for (size_t at = 0; open && at < stream.size;) {
        size_t size = piece_max > 0 ? 1 + (size_t)gw_random_below(&random, piece_max) : stream.size;
        size = size < stream.size - at ? size : stream.size - at;
        open = feed(&assembler, gw_span_of(stream.data + at, size), &walk);
        at += size;
    }
    if (open && stream.size > 0) { /* nothing that could be told was left untold */
        size_t head, body;
        uint8_t reason;
        FUZZ_CHECK(walk.at == stream.size || naive(&walk, &head, &body, &reason) == GW_MORE);
    }
    gw_assembler_fini(&assembler);
    FUZZ_CHECK(assembler.tail.data == NULL);
}

/* A glance at the same stream stays within it, and sees whole packets only. */
static void glance(struct gw_span stream, enum gw_version version)
{
    struct gw_span names[4];
    size_t seen;
    size_t count = gw_publish_glance(stream, version, names, GW_COUNT_OF(names), &seen);
    FUZZ_CHECK(seen <= stream.size && count <= GW_COUNT_OF(names) && count * 5 <= seen);
    for (size_t i = 0; i < count; i++)
        FUZZ_CHECK(names[i].size > 0 && names[i].data > stream.data &&
                   names[i].data + names[i].size <= stream.data + seen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum gw_version versions[] = {GW_VERSION_NONE, GW_VERSION_31, GW_VERSION_311,
                                               GW_VERSION_5};
    static const uint32_t limits[] = {2, 20, 150, 5000, 17000, UINT32_MAX};
    struct gw_span input = gw_span_of(data, size);
    struct settings settings;
    if (size > (size_t)8 * FUZZ_INPUT_MAX)
        return 0;
    uint8_t choice = fuzz_u8(&input);
    settings.version = versions[choice & 3];
    settings.packet_max = limits[(choice >> 2) % GW_COUNT_OF(limits)];
    settings.seed = fuzz_u8(&input);
    glance(input, settings.version);
    run(input, &settings, 0);
    run(input, &settings, 1);
    run(input, &settings, 7);
    run(input, &settings, 300);
    return 0;
}
