#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "net/wsframe.h"

#define STREAM_MAX 70000
#define NOTES_MAX  64

/* What came out of a stream: its data joined, each control frame, then perhaps a refusal. */
struct outcome {
    uint8_t data[STREAM_MAX];
    size_t data_size;
    struct {
        enum gw_wsframe_opcode opcode;
        uint8_t payload[GW_WSFRAME_CONTROL_MAX];
        size_t size;
        size_t data_before;
    } controls[NOTES_MAX];
    size_t control_count;
    bool control_open;
    enum gw_status status;
    uint16_t code;
};

struct stream {
    uint8_t bytes[STREAM_MAX];
    size_t size;
};

static const uint8_t mask[GW_WSFRAME_MASK_SIZE] = {0x37, 0xfa, 0x21, 0x3d};

static void put(struct stream *stream, const void *bytes, size_t size)
{
    assert_true(stream->size + size <= STREAM_MAX);
    memcpy(stream->bytes + stream->size, bytes, size);
    stream->size += size;
}

/* A masked frame of a client; `first` is its first byte. */
static void put_frame(struct stream *stream, uint8_t first, const void *payload, size_t size)
{
    uint8_t head[GW_WSFRAME_HEAD_MAX];
    size_t head_size = gw_wsframe_put_head(head, GW_WSFRAME_BINARY, size, mask);
    head[0] = first;
    put(stream, head, head_size);
    put(stream, payload, size);
    gw_wsframe_mask(stream->bytes + stream->size - size, size, mask, 0);
}

static void note(struct outcome *outcome, const struct gw_wsframe_piece *piece)
{
    if (piece->opcode == GW_WSFRAME_BINARY) {
        memcpy(outcome->data + outcome->data_size, piece->data, piece->size);
        outcome->data_size += piece->size;
        return;
    }
    assert_true(outcome->control_count < NOTES_MAX);
    size_t i = outcome->control_count;
    if (!outcome->control_open) {
        outcome->controls[i].opcode = piece->opcode;
        outcome->controls[i].size = 0;
        outcome->controls[i].data_before = outcome->data_size;
    }
    assert_int_equal(outcome->controls[i].opcode, piece->opcode);
    assert_true(outcome->controls[i].size + piece->size <= GW_WSFRAME_CONTROL_MAX);
    memcpy(outcome->controls[i].payload + outcome->controls[i].size, piece->data, piece->size);
    outcome->controls[i].size += piece->size;
    outcome->control_open = !piece->last;
    outcome->control_count += piece->last;
}

/* Gives one piece in memory of its own, gone afterwards; false after a refusal. */
static bool feed(struct gw_wsframe *frame, const uint8_t *data, size_t size,
                 struct outcome *outcome)
{
    uint8_t *copy = malloc(size + 1);
    assert_non_null(copy);
    memcpy(copy, data, size);
    struct gw_wsframe_bytes bytes = {copy, size};
    struct gw_wsframe_piece piece;
    struct gw_wsframe_fault fault = {0};
    while ((outcome->status = gw_wsframe_next(frame, &bytes, &piece, &fault)) == GW_OK) {
        assert_true(piece.data >= copy && piece.data + piece.size <= copy + size);
        note(outcome, &piece);
    }
    if (outcome->status == GW_MORE)
        assert_int_equal(bytes.size, 0);
    else
        assert_non_null(fault.what);
    outcome->code = fault.code;
    free(copy);
    return outcome->status == GW_MORE;
}

static struct outcome *run(const struct stream *stream, enum gw_wsframe_from from, size_t cut_a,
                           size_t cut_b)
{
    struct outcome *outcome = calloc(1, sizeof *outcome);
    struct gw_wsframe frame;
    assert_non_null(outcome);
    gw_wsframe_init(&frame, from);
    if (feed(&frame, stream->bytes, cut_a, outcome) &&
        feed(&frame, stream->bytes + cut_a, cut_b - cut_a, outcome))
        (void)feed(&frame, stream->bytes + cut_b, stream->size - cut_b, outcome);
    return outcome;
}

static void expect_same(const struct outcome *a, const struct outcome *b)
{
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->code, b->code);
    assert_int_equal(a->data_size, b->data_size);
    assert_memory_equal(a->data, b->data, a->data_size);
    assert_int_equal(a->control_count, b->control_count);
    assert_int_equal(a->control_open, b->control_open);
    for (size_t i = 0; i < a->control_count; i++) {
        assert_int_equal(a->controls[i].opcode, b->controls[i].opcode);
        assert_int_equal(a->controls[i].size, b->controls[i].size);
        assert_int_equal(a->controls[i].data_before, b->controls[i].data_before);
        assert_memory_equal(a->controls[i].payload, b->controls[i].payload, a->controls[i].size);
    }
}

/* Cuts a short stream in every two places. */
static void expect_any_cut(const struct stream *stream, enum gw_wsframe_from from,
                           const struct outcome *whole)
{
    for (size_t a = 0; a <= stream->size; a++) {
        for (size_t b = a; b <= stream->size; b++) {
            struct outcome *cut = run(stream, from, a, b);
            expect_same(whole, cut);
            free(cut);
        }
    }
}

/* -- streams in order -- */

static void test_controls_stand_between_fragments(void **state)
{
    (void)state;
    struct stream stream = {0};
    put_frame(&stream, 0x02, "a whole ", 8);
    put_frame(&stream, 0x89, "ping", 4);
    put_frame(&stream, 0x00, "", 0);
    put_frame(&stream, 0x00, "message in ", 11);
    put_frame(&stream, 0x8A, "", 0);
    put_frame(&stream, 0x80, "parts", 5);
    put_frame(&stream, 0x82, ", one whole", 11);
    put_frame(&stream, 0x82, "", 0);
    put_frame(&stream, 0x88,
              "\x03\xe8"
              "bye",
              5);
    struct outcome *whole = run(&stream, GW_WSFRAME_FROM_CLIENT, 0, 0);
    assert_int_equal(whole->status, GW_MORE);
    assert_int_equal(whole->data_size, 35);
    assert_memory_equal(whole->data, "a whole message in parts, one whole", 35);
    assert_int_equal(whole->control_count, 3);
    assert_int_equal(whole->controls[0].opcode, GW_WSFRAME_PING);
    assert_int_equal(whole->controls[0].data_before, 8);
    assert_memory_equal(whole->controls[0].payload, "ping", 4);
    assert_int_equal(whole->controls[1].opcode, GW_WSFRAME_PONG);
    assert_int_equal(whole->controls[1].data_before, 19);
    assert_int_equal(whole->controls[2].opcode, GW_WSFRAME_CLOSE);
    assert_memory_equal(whole->controls[2].payload,
                        "\x03\xe8"
                        "bye",
                        5);
    expect_any_cut(&stream, GW_WSFRAME_FROM_CLIENT, whole);
    free(whole);
}

static void test_each_length_is_read_and_written_in_its_shortest_form(void **state)
{
    (void)state;
    static const struct {
        size_t size, head;
    } rows[] = {{0, 6},   {1, 6},   {7, 6},     {8, 6},     {9, 6},
                {125, 6}, {126, 8}, {65535, 8}, {65536, 14}};
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct stream *stream = calloc(1, sizeof *stream);
        uint8_t *payload = malloc(rows[i].size + 1);
        assert_true(stream && payload);
        for (size_t at = 0; at < rows[i].size; at++)
            payload[at] = (uint8_t)(at * 7 + 1);
        put_frame(stream, 0x82, payload, rows[i].size);
        assert_int_equal(stream->size, rows[i].head + rows[i].size);
        size_t cuts[] = {0, 1, 5, rows[i].head, stream->size / 2, stream->size};
        for (size_t c = 0; c < GW_COUNT_OF(cuts); c++) {
            size_t cut = cuts[c] < stream->size ? cuts[c] : stream->size;
            struct outcome *outcome = run(stream, GW_WSFRAME_FROM_CLIENT, cut, cut);
            assert_int_equal(outcome->status, GW_MORE);
            assert_int_equal(outcome->data_size, rows[i].size);
            assert_memory_equal(outcome->data, payload, rows[i].size);
            free(outcome);
        }
        free(payload);
        free(stream);
    }
}

static void test_the_mask_may_begin_anywhere(void **state)
{
    (void)state;
    uint8_t whole[64], parts[64];
    for (size_t i = 0; i < sizeof whole; i++)
        whole[i] = parts[i] = (uint8_t)(i * 3);
    gw_wsframe_mask(whole, sizeof whole, mask, 0);
    for (size_t i = 0; i < sizeof whole; i++)
        assert_int_equal(whole[i], (uint8_t)(i * 3) ^ mask[i % 4]);
    for (size_t step = 1; step < 20; step++) {
        for (size_t i = 0; i < sizeof parts; i++)
            parts[i] = (uint8_t)(i * 3);
        for (size_t at = 0; at < sizeof parts; at += step)
            gw_wsframe_mask(parts + at, at + step > sizeof parts ? sizeof parts - at : step, mask,
                            at);
        assert_memory_equal(whole, parts, sizeof whole);
    }
}

static void test_a_server_is_heard_without_mask(void **state)
{
    (void)state;
    struct stream stream = {0};
    uint8_t head[GW_WSFRAME_HEAD_MAX];
    assert_int_equal(gw_wsframe_put_head(head, GW_WSFRAME_BINARY, 3, NULL), 2);
    put(&stream, head, 2);
    put(&stream, "abc", 3);
    struct outcome *whole = run(&stream, GW_WSFRAME_FROM_SERVER, 0, 0);
    assert_int_equal(whole->status, GW_MORE);
    assert_memory_equal(whole->data, "abc", 3);
    expect_any_cut(&stream, GW_WSFRAME_FROM_SERVER, whole);
    free(whole);
}

/* -- refusals -- */

#define IN_MESSAGE "\x02\x80\0\0\0\0"

static const struct {
    const char *bytes;
    uint8_t size; /* of which the last byte is what gives it away */
    bool from_server;
    uint16_t code;
} bad[] = {
    {"\xC2", 1, false, 1002},                                  /* RSV1: compression */
    {"\xA2", 1, false, 1002},                                  /* RSV2 */
    {"\x92", 1, false, 1002},                                  /* RSV3 */
    {"\x83", 1, false, 1002},                                  /* reserved data opcodes */
    {"\x87", 1, false, 1002},                                  //
    {"\x8B", 1, false, 1002},                                  /* reserved control opcodes */
    {"\x8F", 1, false, 1002},                                  //
    {"\x81", 1, false, 1003},                                  /* text */
    {"\x01", 1, false, 1003},                                  /* its first fragment */
    {"\x80", 1, false, 1002},                                  /* continues nothing */
    {"\x00", 1, false, 1002},                                  //
    {"\x82\x80\0\0\0\0\x80", 7, false, 1002},                  /* nothing any more */
    {IN_MESSAGE "\x82", 7, false, 1002},                       /* a message within one */
    {IN_MESSAGE "\x02", 7, false, 1002},                       //
    {IN_MESSAGE "\x81", 7, false, 1003},                       //
    {"\x08", 1, false, 1002},                                  /* control in fragments */
    {"\x09", 1, false, 1002},                                  //
    {"\x0A", 1, false, 1002},                                  //
    {"\x89\xFE", 2, false, 1002},                              /* control too large */
    {"\x88\xFF", 2, false, 1002},                              //
    {"\x82\x01", 2, false, 1002},                              /* without mask */
    {"\x89\x00", 2, false, 1002},                              //
    {"\x82\x81", 2, true, 1002},                               /* with mask */
    {"\x82\xFE\0\x7D\1\2\3\4", 8, false, 1002},                /* 125 in two bytes */
    {"\x82\xFE\0\0\1\2\3\4", 8, false, 1002},                  /* 0 in two bytes */
    {"\x82\xFF\0\0\0\0\0\0\xFF\xFF\1\2\3\4", 14, false, 1002}, /* 65535 in eight */
    {"\x82\xFF\x80\0\0\0\0\0\0\0\1\2\3\4", 14, false, 1002},   /* 2^63 */
    {"\x82\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\1\2\3\4", 14, false, 1002},
    {"\x82\x7F\0\0\0\0\0\0\0\1", 10, true, 1002},
};

static void test_what_breaks_the_rules_is_refused_at_its_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < GW_COUNT_OF(bad); i++) {
        enum gw_wsframe_from from =
            bad[i].from_server ? GW_WSFRAME_FROM_SERVER : GW_WSFRAME_FROM_CLIENT;
        struct stream stream = {0};
        put(&stream, bad[i].bytes, bad[i].size - 1u);
        struct outcome *before = run(&stream, from, 0, 0);
        assert_int_equal(before->status, GW_MORE);
        free(before);
        put(&stream, bad[i].bytes + bad[i].size - 1, 1);
        struct outcome *whole = run(&stream, from, 0, 0);
        assert_int_equal(whole->status, GW_MALFORMED);
        assert_int_equal(whole->code, bad[i].code);
        expect_any_cut(&stream, from, whole);
        free(whole);
    }
}

static void test_the_largest_length_costs_nothing(void **state)
{
    (void)state;
    struct stream stream = {0};
    put(&stream, "\x82\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\0\0\0\0", 14);
    put(&stream, "only what came", 14);
    struct outcome *outcome = run(&stream, GW_WSFRAME_FROM_CLIENT, 3, 17);
    assert_int_equal(outcome->status, GW_MORE);
    assert_int_equal(outcome->data_size, 14);
    assert_memory_equal(outcome->data, "only what came", 14);
    free(outcome);
}

static void test_it_knows_when_something_is_unfinished(void **state)
{
    (void)state;
    uint8_t bytes[] = "\x02\x81\0\0\0\0x\x80\x81\0\0\0\0y";
    struct gw_wsframe frame;
    struct gw_wsframe_piece piece;
    struct gw_wsframe_fault fault;
    gw_wsframe_init(&frame, GW_WSFRAME_FROM_CLIENT);
    assert_false(gw_wsframe_unfinished(&frame));
    for (size_t i = 0; i < 14; i++) {
        struct gw_wsframe_bytes one = {bytes + i, 1};
        enum gw_status status = gw_wsframe_next(&frame, &one, &piece, &fault);
        assert_int_equal(status, i == 6 || i == 13 ? GW_OK : GW_MORE);
        assert_int_equal(gw_wsframe_unfinished(&frame), i < 13);
    }
}

/* -- Close -- */

static void test_close_payloads_are_judged(void **state)
{
    (void)state;
    static const struct {
        const char *payload;
        size_t size;
        uint16_t code; /* read, or of the fault */
        bool refused;
    } rows[] = {
        {"", 0, 1005, false},
        {"\x03", 1, 1002, true},
        {"\x03\xE8", 2, 1000, false},
        {"\x03\xE8"
         "bye",
         5, 1000, false},
        {"\x03\xEB", 2, 1003, false},
        {"\x03\xE7", 2, 1002, true}, /* 999 */
        {"\x03\xEC", 2, 1002, true}, /* 1004 to 1006 */
        {"\x03\xED", 2, 1002, true},
        {"\x03\xEE", 2, 1002, true},
        {"\x03\xEF", 2, 1007, false},
        {"\x03\xF6", 2, 1014, false},
        {"\x03\xF7", 2, 1002, true}, /* 1015 */
        {"\x0B\xB7", 2, 1002, true}, /* 2999 */
        {"\x0B\xB8", 2, 3000, false},
        {"\x13\x87", 2, 4999, false},
        {"\x13\x88", 2, 1002, true},
        {"\x03\xE8\xC3", 3, 1007, true},
        {"\x03\xE8\xC3\xBC", 4, 1000, false},
    };
    for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
        struct gw_wsframe_fault fault = {0};
        struct gw_span reason;
        uint16_t code = 0;
        enum gw_status status = gw_wsframe_read_close(gw_span_of(rows[i].payload, rows[i].size),
                                                      &code, &reason, &fault);
        assert_int_equal(status, rows[i].refused ? GW_MALFORMED : GW_OK);
        assert_int_equal(rows[i].refused ? fault.code : code, rows[i].code);
        if (!rows[i].refused)
            assert_int_equal(reason.size, rows[i].size < 2 ? 0 : rows[i].size - 2);
    }
}

static void test_close_payloads_are_written(void **state)
{
    (void)state;
    uint8_t payload[GW_WSFRAME_CONTROL_MAX];
    char longer[200];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(gw_wsframe_put_close(payload, GW_WSFRAME_NO_CODE, "why"), 0);
    assert_int_equal(gw_wsframe_put_close(payload, GW_WSFRAME_POLICY, "why"), 5);
    assert_memory_equal(payload,
                        "\x03\xF0"
                        "why",
                        5);
    assert_int_equal(gw_wsframe_put_close(payload, GW_WSFRAME_NORMAL, longer),
                     GW_WSFRAME_CONTROL_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_controls_stand_between_fragments),
        cmocka_unit_test(test_each_length_is_read_and_written_in_its_shortest_form),
        cmocka_unit_test(test_the_mask_may_begin_anywhere),
        cmocka_unit_test(test_a_server_is_heard_without_mask),
        cmocka_unit_test(test_what_breaks_the_rules_is_refused_at_its_byte),
        cmocka_unit_test(test_the_largest_length_costs_nothing),
        cmocka_unit_test(test_it_knows_when_something_is_unfinished),
        cmocka_unit_test(test_close_payloads_are_judged),
        cmocka_unit_test(test_close_payloads_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
