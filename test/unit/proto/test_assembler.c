#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "proto/assembler.h"
#include "wire/reason.h"

#define STREAM_MAX 40000
#define FRAMES_MAX 32

/* What came out of a stream: frames, then perhaps a refusal. */
struct outcome {
    struct gw_header headers[FRAMES_MAX];
    uint64_t sums[FRAMES_MAX]; /* of the bodies */
    size_t count;
    enum gw_status status;
    uint8_t reason;
};

struct stream {
    uint8_t bytes[STREAM_MAX];
    size_t size;
};

static uint64_t sum_of(struct gw_span body)
{
    uint64_t sum = body.size;
    for (size_t i = 0; i < body.size; i++)
        sum = sum * 1099511628211u ^ body.data[i];
    return sum;
}

static void put(struct stream *stream, const void *bytes, size_t size)
{
    assert_true(stream->size + size <= STREAM_MAX);
    memcpy(stream->bytes + stream->size, bytes, size);
    stream->size += size;
}

static void put_packet(struct stream *stream, uint8_t first, uint32_t remaining_length)
{
    uint8_t header[GW_HEADER_SIZE_MAX];
    struct gw_writer w = gw_writer_of(header, sizeof(header));
    gw_header_encode(&w, (enum gw_packet_type)(first >> 4), first & 15, remaining_length);
    put(stream, header, gw_writer_size(&w));
    for (uint32_t i = 0; i < remaining_length; i++)
        put(stream, &(uint8_t){(uint8_t)(i * 7 + first)}, 1);
}

/* What the machine holds must have come; between packets that is nothing. */
static void check_memory(const struct gw_assembler *assembler)
{
    size_t pending = gw_assembler_pending(assembler);
    if (pending == 0)
        assert_null(assembler->tail.data);
    assert_true(assembler->tail.capacity <= (pending < 32 ? 64 : 2 * pending));
}

/* Gives one piece, in memory of its own that is gone afterwards. */
static bool feed(struct gw_assembler *assembler, struct gw_span piece, struct outcome *outcome)
{
    uint8_t *copy = malloc(piece.size + 1);
    assert_non_null(copy);
    if (piece.size > 0)
        memcpy(copy, piece.data, piece.size);
    struct gw_span bytes = gw_span_of(copy, piece.size);
    struct gw_frame frame;
    struct gw_fault fault = {0};
    enum gw_status status;
    while ((status = gw_assembler_next(assembler, &bytes, &frame, &fault)) == GW_OK) {
        assert_true(outcome->count < FRAMES_MAX);
        assert_int_equal(frame.body.size, frame.header.remaining_length);
        assert_int_equal(gw_assembler_pending(assembler), 0);
        outcome->headers[outcome->count] = frame.header;
        outcome->sums[outcome->count++] = sum_of(frame.body);
    }
    if (status == GW_MORE) {
        assert_int_equal(bytes.size, 0);
        check_memory(assembler);
    }
    outcome->status = status;
    outcome->reason = fault.reason;
    free(copy);
    return status == GW_MORE;
}

static void expect_same(const struct outcome *a, const struct outcome *b)
{
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->reason, b->reason);
    for (size_t i = 0; i < a->count; i++) {
        assert_int_equal(a->headers[i].type, b->headers[i].type);
        assert_int_equal(a->headers[i].flags, b->headers[i].flags);
        assert_int_equal(a->headers[i].size, b->headers[i].size);
        assert_int_equal(a->headers[i].remaining_length, b->headers[i].remaining_length);
        assert_true(a->sums[i] == b->sums[i]);
    }
}

/* Cuts the stream where `cuts` says (ascending) and compares with the whole. */
static void run(const struct stream *stream, uint32_t packet_max, const size_t *cuts,
                size_t cut_count, struct outcome *ret_outcome)
{
    struct gw_assembler assembler;
    size_t at = 0;
    *ret_outcome = (struct outcome){0};
    gw_assembler_init(&assembler, packet_max);
    for (size_t i = 0; i <= cut_count; i++) {
        size_t end = i < cut_count ? cuts[i] : stream->size;
        if (!feed(&assembler, gw_span_of(stream->bytes + at, end - at), ret_outcome))
            break;
        at = end;
    }
    gw_assembler_fini(&assembler);
}

/* -- every cut gives the same -- */

static void two_cuts_anywhere(void **state)
{
    (void)state;
    static struct stream stream;
    stream.size = 0;
    static const uint32_t lengths[] = {0, 1, 2, 0, 127, 128, 3, 60, 0};
    for (size_t i = 0; i < GW_COUNT_OF(lengths); i++)
        put_packet(&stream, (uint8_t)(0x10 * (i + 1) + i), lengths[i]);
    put(&stream, "\x30\x81\x00z", 4); /* a length in more bytes than it needs */
    put(&stream, "\x30\x80\x80\x00", 4);
    put(&stream, "\x32\x05half", 6); /* stays unfinished */
    struct outcome whole, cut;
    run(&stream, 1000, NULL, 0, &whole);
    assert_int_equal(whole.count, GW_COUNT_OF(lengths) + 2);
    assert_int_equal(whole.status, GW_MORE);
    for (size_t i = 0; i < GW_COUNT_OF(lengths); i++)
        assert_int_equal(whole.headers[i].remaining_length, lengths[i]);
    for (size_t i = 0; i <= stream.size; i++) {
        for (size_t j = i; j <= stream.size; j += 1 + (j - i) / 8) {
            run(&stream, 1000, (const size_t[]){i, j}, 2, &cut);
            expect_same(&cut, &whole);
        }
    }
}

static void random_pieces(void **state)
{
    (void)state;
    static struct stream stream;
    stream.size = 0;
    static const uint32_t lengths[] = {2, 16383, 16384, 0, 5, 127, 700, 0};
    for (size_t i = 0; i < GW_COUNT_OF(lengths); i++)
        put_packet(&stream, (uint8_t)(0x30 + i), lengths[i]);
    struct outcome whole, cut;
    run(&stream, 20000, NULL, 0, &whole);
    assert_int_equal(whole.count, GW_COUNT_OF(lengths));
    struct gw_random random;
    gw_random_init(&random, 5);
    static size_t cuts[STREAM_MAX];
    for (int round = 0; round < 60; round++) {
        uint64_t piece_max = round == 0 ? 1 : (uint64_t)1 << (round % 15);
        size_t count = 0;
        for (size_t at = 0; at < stream.size; cuts[count++] = at)
            at += 1 + (size_t)gw_random_below(&random, piece_max);
        while (count > 0 && cuts[count - 1] > stream.size)
            count--;
        run(&stream, 20000, cuts, count, &cut);
        expect_same(&cut, &whole);
    }
}

/* -- limits -- */

static void packets_above_the_limit_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint32_t packet_max, remaining_length;
        enum gw_status status;
    } rows[] = {
        {0, 0, GW_PROTOCOL},     {1, 16384, GW_PROTOCOL},     {2, 128, GW_PROTOCOL},
        {2, 0, GW_MORE},         {2, 1, GW_PROTOCOL},         {10, 8, GW_MORE},
        {10, 9, GW_PROTOCOL},    {129, 127, GW_MORE},         {130, 128, GW_PROTOCOL},
        {131, 128, GW_MORE},     {16386, 16383, GW_MORE},     {16387, 16384, GW_PROTOCOL},
        {16388, 16384, GW_MORE}, {16388, 16385, GW_PROTOCOL},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        static struct stream stream;
        stream.size = 0;
        put_packet(&stream, 0x30, rows[i].remaining_length);
        struct outcome outcome;
        for (size_t cut = 0; cut <= 6 && cut <= stream.size; cut++) {
            run(&stream, rows[i].packet_max, &cut, 1, &outcome);
            assert_int_equal(outcome.status, rows[i].status);
            assert_int_equal(outcome.count, rows[i].status == GW_MORE);
            if (rows[i].status != GW_MORE)
                assert_int_equal(outcome.reason, GW_REASON_PACKET_TOO_LARGE);
        }
    }
}

/* Refused as soon as it can be known, and the same however the bytes come. */
static void bad_headers(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        enum gw_version version;
        enum gw_status status;
        uint8_t reason;
    } rows[] = {
        {"\x30\xFF\xFF\xFF\xFF", 5, GW_VERSION_NONE, GW_MALFORMED, 0x81},
        {"\x30\x80\x80\x80\x80\x01", 6, GW_VERSION_311, GW_MALFORMED, 0x81},
        {"\x30\x80\x80\x80\x80", 5, GW_VERSION_5, GW_MALFORMED, 0x81},
        {"\x30\x80\x00", 3, GW_VERSION_5, GW_MALFORMED, 0x81},
        {"\x30\x81\x80\x00", 4, GW_VERSION_5, GW_MALFORMED, 0x81},
        {"\x30\xFF\xFF\xFF\x7F", 5, GW_VERSION_5, GW_PROTOCOL, 0x95},
        {"\xC0\x00\x30\xFF\xFF\xFF\x7F", 7, GW_VERSION_5, GW_PROTOCOL, 0x95},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        for (size_t cut = 0; cut <= rows[i].size; cut++) {
            struct gw_assembler assembler;
            struct outcome outcome = {0};
            gw_assembler_init(&assembler, 1000);
            gw_assembler_set(&assembler, rows[i].version, 1000);
            struct gw_span all = gw_span_of(rows[i].bytes, rows[i].size);
            if (feed(&assembler, gw_span_of(all.data, cut), &outcome))
                feed(&assembler, gw_span_from(all, cut), &outcome);
            assert_int_equal(outcome.status, rows[i].status);
            assert_int_equal(outcome.reason, rows[i].reason);
            gw_assembler_fini(&assembler);
        }
    }
}

/* Who announces 256 MB and sends little costs little. */
static void memory_follows_what_came(void **state)
{
    (void)state;
    struct gw_assembler assembler;
    struct outcome outcome = {0};
    gw_assembler_init(&assembler, UINT32_MAX);
    assert_true(feed(&assembler, GW_SPAN_LIT("\x30\xFF\xFF\xFF\x7F"), &outcome));
    for (size_t i = 1; i <= 3000; i++) {
        assert_true(feed(&assembler, gw_span_of("x", 1), &outcome));
        assert_int_equal(gw_assembler_pending(&assembler), 5 + i);
    }
    assert_int_equal(outcome.count, 0);
    gw_assembler_fini(&assembler);
    assert_null(assembler.tail.data);
}

/* The buffer never grows above the limit, though doubling would. */
static void memory_ends_at_the_limit(void **state)
{
    (void)state;
    static struct stream stream;
    stream.size = 0;
    put_packet(&stream, 0x30, 1100);
    struct gw_assembler assembler;
    struct outcome outcome = {0};
    gw_assembler_init(&assembler, 1103);
    assert_true(feed(&assembler, gw_span_of(stream.bytes, stream.size - 1), &outcome));
    assert_true(assembler.tail.capacity <= 1103);
    assert_true(feed(&assembler, gw_span_of(stream.bytes + stream.size - 1, 1), &outcome));
    assert_int_equal(outcome.count, 1);
    gw_assembler_fini(&assembler);
}

/* -- what a packet can change for the next -- */

static void version_and_limit_hold_from_the_next_packet_on(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x10, 0x81, 0x00, 'c', /* long form, version not known yet */
                                    0x30, 0x82, 0x00, 'a', 'b'};
    static const struct {
        enum gw_version version;
        uint32_t packet_max;
        enum gw_status status;
        uint8_t reason;
    } rows[] = {
        {GW_VERSION_311, 5, GW_OK, 0},
        {GW_VERSION_311, 4, GW_PROTOCOL, 0x95},
        {GW_VERSION_5, 5, GW_MALFORMED, 0x81},
        {GW_VERSION_31, 1000, GW_OK, 0},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        for (size_t cut = 0; cut <= 4; cut++) { /* inside the first packet or behind it */
            struct gw_assembler assembler;
            struct gw_frame frame;
            struct gw_fault fault = {0};
            struct gw_span first = gw_span_of(bytes, cut);
            struct gw_span rest = gw_span_of(bytes + cut, sizeof(bytes) - cut);
            gw_assembler_init(&assembler, 4);
            enum gw_status status = gw_assembler_next(&assembler, &first, &frame, &fault);
            if (status == GW_MORE)
                status = gw_assembler_next(&assembler, &rest, &frame, &fault);
            assert_int_equal(status, GW_OK);
            gw_assembler_set(&assembler, rows[i].version, rows[i].packet_max);
            assert_true(gw_span_equal(frame.body, GW_SPAN_LIT("c")));
            assert_int_equal(gw_assembler_next(&assembler, &rest, &frame, &fault), rows[i].status);
            assert_int_equal(fault.reason, rows[i].reason);
            if (rows[i].status == GW_OK)
                assert_true(gw_span_equal(frame.body, GW_SPAN_LIT("ab")));
            gw_assembler_fini(&assembler);
        }
    }
}

/* Whole packets are views into the caller's bytes: nothing is copied. */
static void whole_packets_are_not_copied(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x30, 2, 'a', 'b', 0xC0, 0, 0x30, 1, 'z'};
    struct gw_assembler assembler;
    struct gw_frame frame;
    struct gw_fault fault;
    struct gw_span rest = gw_span_of(bytes, sizeof(bytes));
    gw_assembler_init(&assembler, 100);
    static const size_t bodies[] = {2, 6, 8};
    for (size_t i = 0; i < GW_COUNT_OF(bodies); i++) {
        assert_int_equal(gw_assembler_next(&assembler, &rest, &frame, &fault), GW_OK);
        assert_ptr_equal(frame.body.data, bytes + bodies[i]);
        assert_null(assembler.tail.data);
    }
    assert_int_equal(gw_assembler_next(&assembler, &rest, &frame, &fault), GW_MORE);
    assert_int_equal(gw_assembler_next(&assembler, &rest, &frame, &fault), GW_MORE);
    assert_null(assembler.tail.data);
    gw_assembler_fini(&assembler);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_cuts_anywhere),
        cmocka_unit_test(random_pieces),
        cmocka_unit_test(packets_above_the_limit_are_refused),
        cmocka_unit_test(bad_headers),
        cmocka_unit_test(memory_follows_what_came),
        cmocka_unit_test(memory_ends_at_the_limit),
        cmocka_unit_test(version_and_limit_hold_from_the_next_packet_on),
        cmocka_unit_test(whole_packets_are_not_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
