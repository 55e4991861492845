#include "store/layout.h"

#include "base/crc.h"

static const char segment_magic[8] = {'G', 'O', 'D', 'W', 'I', 'T', 'S', 'G'};
static const char chunk_magic[4] = {'G', 'W', 'C', 'H'};

/* Written out, so that the compiler makes one store of it. */
void gw_layout_put_u32(uint8_t at[4], uint32_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
    at[2] = (uint8_t)(value >> 16);
    at[3] = (uint8_t)(value >> 24);
}

static void put_u64(uint8_t *at, uint64_t value)
{
    gw_layout_put_u32(at, (uint32_t)value);
    gw_layout_put_u32(at + 4, (uint32_t)(value >> 32));
}

static uint32_t get_u32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint64_t get_u64(const uint8_t *at)
{
    return get_u32(at) | (uint64_t)get_u32(at + 4) << 32;
}

static uint32_t segment_crc(const uint8_t *head)
{
    uint32_t crc = gw_crc32c(0, gw_span_of(head, 12));
    return gw_crc32c(crc, gw_span_of(head + 16, GW_LAYOUT_SEGMENT_HEAD - 16));
}

void gw_layout_put_segment(uint8_t area[GW_LAYOUT_SEGMENT_AREA],
                           const struct gw_layout_segment *segment)
{
    memset(area, 0, GW_LAYOUT_SEGMENT_AREA);
    memcpy(area, segment_magic, sizeof segment_magic);
    gw_layout_put_u32(area + 8, segment->version);
    gw_layout_put_u32(area + 16, segment->number);
    put_u64(area + 24, segment->size);
    put_u64(area + 32, segment->checkpoint);
    put_u64(area + 40, segment->previous_end);
    put_u64(area + 48, segment->salt);
    put_u64(area + 56, (uint64_t)segment->made_at);
    gw_layout_put_u32(area + 12, segment_crc(area));
    memcpy(area + GW_LAYOUT_SEGMENT_COPY, area, GW_LAYOUT_SEGMENT_HEAD);
}

static enum gw_status get_copy(const uint8_t *head, struct gw_layout_segment *ret_segment)
{
    if (memcmp(head, segment_magic, sizeof segment_magic) != 0 ||
        get_u32(head + 12) != segment_crc(head))
        return GW_MALFORMED;
    ret_segment->version = get_u32(head + 8);
    if (ret_segment->version > GW_LAYOUT_VERSION)
        return GW_LIMIT;
    if (ret_segment->version == 0)
        return GW_MALFORMED;
    ret_segment->number = get_u32(head + 16);
    ret_segment->size = get_u64(head + 24);
    ret_segment->checkpoint = get_u64(head + 32);
    ret_segment->previous_end = get_u64(head + 40);
    ret_segment->salt = get_u64(head + 48);
    ret_segment->made_at = (gw_wall_ns)get_u64(head + 56);
    return GW_OK;
}

static bool all_zero(struct gw_span bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        if (bytes.data[i] != 0)
            return false;
    }
    return true;
}

enum gw_status gw_layout_get_segment(struct gw_span area, struct gw_layout_segment *ret_segment)
{
    if (area.size >= GW_LAYOUT_SEGMENT_HEAD) {
        enum gw_status status = get_copy(area.data, ret_segment);
        if (status != GW_MALFORMED)
            return status;
    }
    if (area.size >= GW_LAYOUT_SEGMENT_COPY + GW_LAYOUT_SEGMENT_HEAD) {
        enum gw_status status = get_copy(area.data + GW_LAYOUT_SEGMENT_COPY, ret_segment);
        if (status != GW_MALFORMED)
            return status;
    }
    return all_zero(area) ? GW_NOT_FOUND : GW_MALFORMED;
}

uint32_t gw_layout_seed(uint64_t salt)
{
    uint8_t bytes[8];
    put_u64(bytes, salt);
    return gw_crc32c(0, gw_span_of(bytes, sizeof bytes));
}

static uint32_t chunk_crc(uint32_t seed, const uint8_t *head)
{
    return gw_crc32c(seed, gw_span_of(head + 8, GW_LAYOUT_CHUNK_HEAD - 8));
}

void gw_layout_put_chunk(uint8_t head[GW_LAYOUT_CHUNK_HEAD], uint32_t seed,
                         const struct gw_layout_chunk *chunk)
{
    memcpy(head, chunk_magic, sizeof chunk_magic);
    gw_layout_put_u32(head + 8, chunk->data_crc);
    gw_layout_put_u32(head + 12, chunk->data_size);
    put_u64(head + 16, chunk->position);
    put_u64(head + 24, chunk->synced_upto);
    put_u64(head + 32, chunk->checkpoint);
    gw_layout_put_u32(head + 40, chunk->records);
    gw_layout_put_u32(head + 44, chunk->stream);
    gw_layout_put_u32(head + 4, chunk_crc(seed, head));
}

bool gw_layout_claims_chunk(struct gw_span bytes, gw_position position)
{
    return bytes.size >= GW_LAYOUT_CHUNK_HEAD &&
           memcmp(bytes.data, chunk_magic, sizeof chunk_magic) == 0 &&
           get_u64(bytes.data + 16) == position;
}

bool gw_layout_get_chunk(struct gw_span bytes, uint32_t seed, gw_position position,
                         struct gw_layout_chunk *ret_chunk)
{
    const uint8_t *head = bytes.data;
    if (!gw_layout_claims_chunk(bytes, position) || get_u32(head + 4) != chunk_crc(seed, head))
        return false;
    ret_chunk->data_crc = get_u32(head + 8);
    ret_chunk->data_size = get_u32(head + 12);
    ret_chunk->position = position;
    ret_chunk->synced_upto = get_u64(head + 24);
    ret_chunk->checkpoint = get_u64(head + 32);
    ret_chunk->records = get_u32(head + 40);
    ret_chunk->stream = get_u32(head + 44);
    return ret_chunk->data_size <= GW_LAYOUT_CHUNK_MAX;
}

size_t gw_layout_put_record(uint8_t head[GW_LAYOUT_RECORD_HEAD_MAX], uint8_t kind, size_t size)
{
    size_t at = 0;
    head[at++] = kind;
    for (; size >= 0x80; size >>= 7)
        head[at++] = (uint8_t)(size | 0x80);
    head[at++] = (uint8_t)size;
    return at;
}

enum gw_status gw_layout_get_record(struct gw_span bytes, struct gw_layout_record *ret_record)
{
    if (bytes.size == 0)
        return GW_MORE;
    ret_record->kind = bytes.data[0];
    if ((ret_record->kind & 0x7Fu) == 0)
        return GW_MALFORMED;
    uint64_t size = 0;
    size_t at = 1;
    for (unsigned shift = 0;; shift += 7) {
        if (shift > 28)
            return GW_MALFORMED;
        if (at == bytes.size)
            return GW_MORE;
        uint8_t byte = bytes.data[at++];
        size |= (uint64_t)(byte & 0x7Fu) << shift;
        if (!(byte & 0x80u))
            break;
    }
    ret_record->crc = 0;
    if (ret_record->kind & GW_LAYOUT_RECORD_ALONE) {
        if (bytes.size - at < 4)
            return GW_MORE;
        ret_record->crc = get_u32(bytes.data + at);
        at += 4;
    }
    ret_record->head_size = at;
    ret_record->body_size = (size_t)size;
    return size <= GW_LAYOUT_CHUNK_MAX ? GW_OK : GW_MALFORMED;
}

uint32_t gw_layout_record_crc(const uint8_t *head, size_t head_size, struct gw_span body)
{
    return gw_crc32c(gw_crc32c(0, gw_span_of(head, head_size)), body);
}
