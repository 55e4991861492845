#include "proto/assembler.h"

#include "base/assert.h"

/* Room for the longest header whatever the limit: it takes a whole header to refuse by it. */
static size_t tail_max(uint32_t packet_max)
{
    return packet_max > GW_HEADER_SIZE_MAX ? packet_max : GW_HEADER_SIZE_MAX;
}

void gw_assembler_init(struct gw_assembler *assembler, uint32_t packet_max)
{
    gw_buf_init(&assembler->tail, tail_max(packet_max));
    assembler->packet_max = packet_max;
    assembler->packet_size = 0;
    assembler->version = GW_VERSION_NONE;
    assembler->given = false;
}

void gw_assembler_fini(struct gw_assembler *assembler)
{
    gw_buf_fini(&assembler->tail);
}

void gw_assembler_set(struct gw_assembler *assembler, enum gw_version version, uint32_t packet_max)
{
    GW_ASSERT(gw_assembler_pending(assembler) == 0);
    assembler->version = (uint8_t)version;
    assembler->packet_max = packet_max;
    assembler->tail.size_max = tail_max(packet_max);
}

size_t gw_assembler_pending(const struct gw_assembler *assembler)
{
    return assembler->given ? 0 : assembler->tail.size;
}

static enum gw_status decode_header(const struct gw_assembler *assembler, struct gw_span bytes,
                                    struct gw_header *ret_header, struct gw_fault *ret_fault)
{
    GW_TRY(gw_header_decode(bytes, (enum gw_version)assembler->version, ret_header, ret_fault));
    if ((size_t)ret_header->size + ret_header->remaining_length > assembler->packet_max)
        return gw_fault_set(ret_fault, 0x95, "packet larger than the limit", "MQTT-3.2.2-15");
    return GW_OK;
}

/* Moves up to `size` bytes from *bytes into the tail. */
static enum gw_status take(struct gw_assembler *assembler, struct gw_span *bytes, size_t size)
{
    if (size > bytes->size)
        size = bytes->size;
    GW_TRY(gw_buf_append(&assembler->tail, gw_span_of(bytes->data, size)));
    *bytes = gw_span_from(*bytes, size);
    return GW_OK;
}

/* Goes on with a packet whose beginning is in the tail. */
static enum gw_status next_from_tail(struct gw_assembler *assembler, struct gw_span *bytes,
                                     struct gw_frame *ret_frame, struct gw_fault *ret_fault)
{
    while (assembler->packet_size == 0) {
        if (bytes->size == 0)
            return GW_MORE;
        GW_TRY(take(assembler, bytes, 1));
        struct gw_header header;
        enum gw_status status =
            decode_header(assembler, gw_buf_span(&assembler->tail), &header, ret_fault);
        if (status == GW_MORE)
            continue;
        GW_TRY(status);
        assembler->packet_size = header.size + header.remaining_length;
    }
    GW_TRY(take(assembler, bytes, assembler->packet_size - assembler->tail.size));
    if (assembler->tail.size < assembler->packet_size)
        return GW_MORE;
    struct gw_span whole = gw_buf_span(&assembler->tail);
    GW_TRY(decode_header(assembler, whole, &ret_frame->header, ret_fault));
    ret_frame->body = gw_span_from(whole, ret_frame->header.size);
    assembler->packet_size = 0;
    assembler->given = true;
    return GW_OK;
}

enum gw_status gw_assembler_next(struct gw_assembler *assembler, struct gw_span *bytes,
                                 struct gw_frame *ret_frame, struct gw_fault *ret_fault)
{
    if (assembler->given) {
        gw_buf_fini(&assembler->tail);
        assembler->given = false;
    }
    if (assembler->tail.size > 0)
        return next_from_tail(assembler, bytes, ret_frame, ret_fault);
    if (bytes->size == 0)
        return GW_MORE;

    struct gw_header *header = &ret_frame->header;
    enum gw_status status = decode_header(assembler, *bytes, header, ret_fault);
    if (status == GW_MORE) {
        GW_TRY(take(assembler, bytes, bytes->size));
        return GW_MORE;
    }
    GW_TRY(status);
    size_t packet_size = (size_t)header->size + header->remaining_length;
    if (bytes->size < packet_size) {
        assembler->packet_size = (uint32_t)packet_size;
        GW_TRY(take(assembler, bytes, bytes->size));
        return GW_MORE;
    }
    ret_frame->body = gw_span_of(bytes->data + header->size, header->remaining_length);
    *bytes = gw_span_from(*bytes, packet_size);
    return GW_OK;
}
