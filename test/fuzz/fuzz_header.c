/* wire/packet: fixed headers and variable byte integers out of any bytes, whole and cut. */
#include "wire.h"

static const enum gw_version versions[] = {GW_VERSION_NONE, GW_VERSION_31, GW_VERSION_311,
                                           GW_VERSION_5};

/* Writes the header again: the same bytes if they were in the shortest form, else fewer. Returns
 * how many. */
static size_t encode_again(struct gw_span bytes, const struct gw_header *header)
{
    uint8_t memory[GW_HEADER_SIZE_MAX];
    struct gw_writer w = gw_writer_of(memory, sizeof(memory));
    gw_header_encode(&w, header->type, header->flags, header->remaining_length);
    size_t size = gw_writer_size(&w);
    FUZZ_CHECK(!w.overflow && size <= header->size);
    FUZZ_CHECK(size == 1 + gw_varint_size(header->remaining_length));
    if (size == header->size)
        FUZZ_CHECK(memcmp(memory, bytes.data, size) == 0);
    struct gw_header again;
    struct gw_fault fault;
    FUZZ_CHECK(gw_header_decode(gw_span_of(memory, size), GW_VERSION_5, &again, &fault) == GW_OK);
    FUZZ_CHECK(again.type == header->type && again.flags == header->flags);
    FUZZ_CHECK(again.remaining_length == header->remaining_length && again.size == size);
    struct gw_writer small = gw_writer_of(memory, size - 1);
    gw_header_encode(&small, header->type, header->flags, header->remaining_length);
    FUZZ_CHECK(small.overflow);
    return size;
}

static void check_header(struct gw_span bytes, enum gw_version version)
{
    struct gw_header header;
    struct gw_fault fault = {0};
    enum gw_status status = gw_header_decode(bytes, version, &header, &fault);
    if (status == GW_MORE) {
        FUZZ_CHECK(bytes.size < GW_HEADER_SIZE_MAX);
        return;
    }
    if (status != GW_OK) {
        fuzz_fault(status, &fault);
        return;
    }
    FUZZ_CHECK(header.size >= 2 && header.size <= GW_HEADER_SIZE_MAX && header.size <= bytes.size);
    FUZZ_CHECK(header.remaining_length <= GW_VARINT_MAX);
    for (size_t cut = 0; cut < header.size; cut++)
        FUZZ_CHECK(gw_header_decode(gw_span_of(bytes.data, cut), version, &header, &fault) ==
                   GW_MORE);
    FUZZ_CHECK(gw_header_decode(bytes, version, &header, &fault) == GW_OK);
    size_t shortest = encode_again(bytes, &header);
    FUZZ_CHECK(version != GW_VERSION_5 || shortest == header.size);
    status = gw_header_check(&header, version, &fault);
    if (status != GW_OK)
        fuzz_fault(status, &fault);
    FUZZ_CHECK(gw_packet_name(header.type)[0] != '\0');
}

static void check_varint(struct gw_span bytes)
{
    struct gw_reader r = gw_reader_of(bytes);
    uint32_t value;
    if (gw_varint_read(&r, &value) != GW_OK) {
        FUZZ_CHECK(gw_reader_left(&r) == bytes.size);
        return;
    }
    size_t size = bytes.size - gw_reader_left(&r);
    uint8_t memory[4];
    struct gw_writer w = gw_writer_of(memory, sizeof(memory));
    gw_varint_write(&w, value);
    FUZZ_CHECK(value <= GW_VARINT_MAX && gw_varint_size(value) == size);
    FUZZ_CHECK(gw_writer_size(&w) == size && memcmp(memory, bytes.data, size) == 0);
}

static void check_string(struct gw_span bytes)
{
    struct gw_reader r = gw_reader_of(bytes);
    struct gw_span text;
    struct gw_fault fault = {0};
    enum gw_status status = gw_string_read(&r, &text, &fault);
    if (status != GW_OK) {
        fuzz_fault(status, &fault);
        return;
    }
    FUZZ_CHECK(text.size + 2 + gw_reader_left(&r) == bytes.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gw_span bytes = gw_span_of(data, size);
    for (size_t i = 0; i < GW_COUNT_OF(versions); i++)
        check_header(bytes, versions[i]);
    check_varint(bytes);
    check_string(bytes);
    return 0;
}
