/* net/wsframe: however a stream is cut, the same bytes and control frames come out and the same
 * refusal ends it; what comes out, written again in whole frames, is read back the same. */
#include "fuzz.h"

#include "base/random.h"
#include "net/wsframe.h"

/* What came out, as one text: each control frame with its opcode and size, the data between. */
struct outcome {
    uint8_t text[4 * FUZZ_INPUT_MAX];
    size_t size;
    uint8_t control[GW_WSFRAME_CONTROL_MAX];
    size_t control_size;
    bool data_open; /* the last thing in text is data: more of it may follow */
    size_t data_head;
    enum gw_status status;
    uint16_t code;
};

static void put(struct outcome *outcome, const void *bytes, size_t size)
{
    FUZZ_CHECK(outcome->size + size <= sizeof outcome->text);
    if (size > 0)
        memcpy(outcome->text + outcome->size, bytes, size);
    outcome->size += size;
}

static void put_item(struct outcome *outcome, unsigned opcode, const void *bytes, size_t size)
{
    uint8_t head[3] = {(uint8_t)opcode, (uint8_t)(size >> 8), (uint8_t)size};
    put(outcome, head, sizeof head);
    put(outcome, bytes, size);
}

static void take_data(struct outcome *outcome, const struct gw_wsframe_piece *piece)
{
    if (piece->size == 0)
        return;
    if (!outcome->data_open) {
        outcome->data_head = outcome->size;
        put_item(outcome, GW_WSFRAME_BINARY, NULL, 0);
    }
    put(outcome, piece->data, piece->size);
    size_t size = outcome->size - outcome->data_head - 3;
    outcome->text[outcome->data_head + 1] = (uint8_t)(size >> 8);
    outcome->text[outcome->data_head + 2] = (uint8_t)size;
    outcome->data_open = true;
}

static void take_control(struct outcome *outcome, const struct gw_wsframe_piece *piece)
{
    FUZZ_CHECK(outcome->control_size + piece->size <= GW_WSFRAME_CONTROL_MAX);
    memcpy(outcome->control + outcome->control_size, piece->data, piece->size);
    outcome->control_size += piece->size;
    if (!piece->last)
        return;
    put_item(outcome, piece->opcode, outcome->control, outcome->control_size);
    if (piece->opcode == GW_WSFRAME_CLOSE) {
        struct gw_wsframe_fault fault = {0};
        struct gw_span reason;
        uint16_t code;
        if (gw_wsframe_read_close(gw_span_of(outcome->control, outcome->control_size), &code,
                                  &reason, &fault) != GW_OK)
            FUZZ_CHECK(fault.what != NULL && fault.code >= 1002 && fault.code <= 1007);
    }
    outcome->control_size = 0;
    outcome->data_open = false;
}

static bool feed(struct gw_wsframe *frame, struct gw_span piece_in, struct outcome *outcome)
{
    uint8_t *copy = fuzz_copy(piece_in);
    struct gw_wsframe_bytes bytes = {copy, piece_in.size};
    struct gw_wsframe_piece piece;
    struct gw_wsframe_fault fault = {0};
    while ((outcome->status = gw_wsframe_next(frame, &bytes, &piece, &fault)) == GW_OK) {
        FUZZ_CHECK(piece.size <= piece_in.size && piece.data >= copy);
        FUZZ_CHECK(piece.data + piece.size == bytes.at);
        if (piece.opcode == GW_WSFRAME_BINARY)
            take_data(outcome, &piece);
        else
            take_control(outcome, &piece);
    }
    if (outcome->status == GW_MORE)
        FUZZ_CHECK(bytes.size == 0);
    else
        FUZZ_CHECK(fault.what != NULL && (fault.code == 1002 || fault.code == 1003));
    outcome->code = fault.code;
    free(copy);
    return outcome->status == GW_MORE;
}

/* Reads a stream in pieces of up to piece_max bytes. */
static void run(struct gw_span stream, enum gw_wsframe_from from, size_t piece_max,
                struct outcome *outcome)
{
    struct gw_wsframe frame;
    struct gw_random random;
    gw_random_init(&random, stream.size + piece_max);
    gw_wsframe_init(&frame, from);
    *outcome = (struct outcome){.status = GW_MORE};
    for (size_t at = 0; at < stream.size;) {
        size_t size = 1 + (size_t)gw_random_below(&random, piece_max);
        size = size < stream.size - at ? size : stream.size - at;
        if (!feed(&frame, gw_span_of(stream.data + at, size), outcome))
            return;
        at += size;
    }
}

static void expect_same(const struct outcome *a, const struct outcome *b)
{
    FUZZ_CHECK(a->status == b->status && a->code == b->code);
    FUZZ_CHECK(gw_span_equal(gw_span_of(a->text, a->size), gw_span_of(b->text, b->size)));
}

/* Writes what came out in whole frames and reads that. */
static void write_again(const struct outcome *outcome, enum gw_wsframe_from from)
{
    static const uint8_t key[GW_WSFRAME_MASK_SIZE] = {0xA5, 0, 0x5A, 0xFF};
    static uint8_t wire[8 * FUZZ_INPUT_MAX];
    const uint8_t *mask = from == GW_WSFRAME_FROM_CLIENT ? key : NULL;
    size_t wire_size = 0;
    for (size_t at = 0; at < outcome->size;) {
        size_t size = (size_t)outcome->text[at + 1] << 8 | outcome->text[at + 2];
        wire_size += gw_wsframe_put_head(wire + wire_size,
                                         (enum gw_wsframe_opcode)outcome->text[at], size, mask);
        FUZZ_CHECK(wire_size + size + GW_WSFRAME_HEAD_MAX <= sizeof wire);
        memcpy(wire + wire_size, outcome->text + at + 3, size);
        if (mask)
            gw_wsframe_mask(wire + wire_size, size, mask, 0);
        wire_size += size;
        at += 3 + size;
    }
    static struct outcome again;
    run(gw_span_of(wire, wire_size), from, 50, &again);
    FUZZ_CHECK(again.status == GW_MORE);
    FUZZ_CHECK(gw_span_equal(gw_span_of(outcome->text, outcome->size),
                             gw_span_of(again.text, again.size)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct outcome whole, cut;
    struct gw_span input = gw_span_of(data, size);
    if (size > FUZZ_INPUT_MAX || size == 0)
        return 0;
    enum gw_wsframe_from from =
        fuzz_u8(&input) & 1 ? GW_WSFRAME_FROM_SERVER : GW_WSFRAME_FROM_CLIENT;
    run(input, from, input.size + 1, &whole);
    run(input, from, 1, &cut);
    expect_same(&whole, &cut);
    run(input, from, 9, &cut);
    expect_same(&whole, &cut);
    run(input, from, 200, &cut);
    expect_same(&whole, &cut);
    write_again(&whole, from);
    return 0;
}
