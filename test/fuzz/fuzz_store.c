/* Recovery of a store whose bytes were changed: nothing breaks, and as long as no sum was made good
 * again, nothing comes back that was not appended. What goes on behind it is complete. */
#include "fuzz.h"

#include "base/crc.h"
#include "sim/simdisk.h"
#include "store/layout.h"
#include "store/store.h"

#define SEGMENTS     3u
#define SEGMENT_SIZE 8192u
#define CHUNKS       5u
#define RECORDS      4u
#define EDITS_MAX    64

struct image {
    uint8_t bytes[SEGMENTS][SEGMENT_SIZE];
    size_t size[SEGMENTS];
    uint32_t offsets[SEGMENTS][CHUNKS]; /* of chunks */
    bool forged;                        /* a sum was made good */
};

struct witness {
    const struct image *original;
    bool forged;
    gw_position last;
    uint64_t count;
    unsigned own; /* records of kind 77: what the target itself appended */
};

static uint64_t salt_of(unsigned segment)
{
    return 0x1234567890ABCDEFu * (segment + 1);
}

static void seal(struct image *image, unsigned segment, uint32_t offset, bool data_too)
{
    uint8_t *head = image->bytes[segment] + offset;
    uint32_t seed = gw_layout_seed(salt_of(segment));
    size_t size = head[12] | (size_t)head[13] << 8;
    if (data_too && offset + GW_LAYOUT_CHUNK_HEAD + size <= SEGMENT_SIZE)
        gw_layout_put_u32(head + 8, gw_crc32c(seed, gw_span_of(head + GW_LAYOUT_CHUNK_HEAD, size)));
    gw_layout_put_u32(head + 4, gw_crc32c(seed, gw_span_of(head + 8, GW_LAYOUT_CHUNK_HEAD - 8)));
}

static void build(struct image *image)
{
    memset(image, 0, sizeof *image);
    gw_position end = 0;
    for (unsigned s = 0; s < SEGMENTS; s++) {
        struct gw_layout_segment head = {.version = 1,
                                         .number = s + 1,
                                         .size = SEGMENT_SIZE,
                                         .checkpoint = gw_position_of(1, 4096),
                                         .previous_end = end,
                                         .salt = salt_of(s)};
        gw_layout_put_segment(image->bytes[s], &head);
        uint32_t at = GW_LAYOUT_SEGMENT_AREA;
        for (unsigned c = 0; c < CHUNKS; c++) {
            uint8_t *chunk = image->bytes[s] + at;
            size_t size = 0;
            for (unsigned r = 0; r < RECORDS; r++) {
                uint8_t *record = chunk + GW_LAYOUT_CHUNK_HEAD + size;
                size_t body = 10 + 13 * r;
                size_t head_size = gw_layout_put_record(record, (uint8_t)(1 + c), body);
                memset(record + head_size, (int)(s * 40 + c * 7 + r), body);
                size += head_size + body;
            }
            image->offsets[s][c] = at;
            struct gw_layout_chunk head_of = {.data_size = (uint32_t)size,
                                              .position = gw_position_of(s + 1, at),
                                              .synced_upto = end,
                                              .checkpoint = gw_position_of(1, 4096),
                                              .records = RECORDS};
            gw_layout_put_chunk(chunk, gw_layout_seed(salt_of(s)), &head_of);
            seal(image, s, at, true);
            at += (uint32_t)GW_LAYOUT_CHUNK_SIZE(size);
            end = gw_position_of(s + 1, at);
        }
        image->size[s] = SEGMENT_SIZE;
    }
}

static void put_field(uint8_t *at, struct gw_span *input)
{
    uint64_t segment = fuzz_u8(input) % 6;
    uint64_t value = segment << 32 | fuzz_u16(input);
    for (unsigned i = 0; i < 8; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static void edit(struct image *image, struct gw_span *input)
{
    uint8_t op = fuzz_u8(input);
    unsigned s = fuzz_u8(input) % SEGMENTS;
    uint32_t chunk = image->offsets[s][fuzz_u8(input) % CHUNKS];
    switch (op % 7) {
    case 0: image->bytes[s][fuzz_u16(input) % SEGMENT_SIZE] ^= fuzz_u8(input); break;
    case 1: image->bytes[s][chunk + fuzz_u8(input)] ^= fuzz_u8(input); break;
    case 2: image->size[s] = fuzz_u16(input) % (SEGMENT_SIZE + 1); break;
    case 3: /* a field of the segment's head, with a good sum */
        put_field(image->bytes[s] + 16 + 8 * (size_t)(fuzz_u8(input) % 6), input);
        gw_layout_put_u32(image->bytes[s] + 12,
                          gw_crc32c(gw_crc32c(0, gw_span_of(image->bytes[s], 12)),
                                    gw_span_of(image->bytes[s] + 16, 48)));
        image->forged = true;
        break;
    case 4: /* of a chunk's */
        put_field(image->bytes[s] + chunk + 8 + 8 * (size_t)(fuzz_u8(input) % 5), input);
        seal(image, s, chunk, false);
        image->forged = true;
        break;
    case 5:
        seal(image, s, chunk, true);
        image->forged = true;
        break;
    default: image->size[s] = 0; break;
    }
}

static void on_record(void *user, uint8_t kind, gw_position position, struct gw_span body)
{
    struct witness *witness = user;
    FUZZ_CHECK(position > witness->last);
    witness->last = position;
    witness->count++;
    for (size_t i = 0; i < body.size; i++) /* all of it can be read */
        witness->own += body.data[i] == 0xEE && kind == 77 && i == 0;
    uint32_t s = gw_position_segment(position) - 1;
    uint32_t at = gw_position_offset(position);
    if (witness->forged || kind == 77)
        return;
    FUZZ_CHECK(s < SEGMENTS && at < SEGMENT_SIZE);
    const uint8_t *there = witness->original->bytes[s] + at;
    FUZZ_CHECK(there[0] == kind && there[1] == body.size);
    FUZZ_CHECK(memcmp(there + 2, body.data, body.size) == 0);
}

static struct gw_simdisk *put_on_disk(const struct image *image)
{
    struct gw_simdisk *simulated = gw_simdisk_new(1);
    const struct gw_disk *disk = gw_simdisk_disk(simulated);
    int error;
    FUZZ_CHECK(disk->ops->make_directory(disk->ctx, "s", &error) == GW_OK);
    for (unsigned s = 0; s < SEGMENTS; s++) {
        char path[32];
        gw_file_handle file;
        uint8_t copy[SEGMENT_SIZE];
        memcpy(copy, image->bytes[s], sizeof copy);
        struct iovec part = {copy, image->size[s]};
        snprintf(path, sizeof path, "s/%08x.seg", s + 1);
        FUZZ_CHECK(disk->ops->open(disk->ctx, path, GW_DISK_CREATE, &file, &error) == GW_OK);
        FUZZ_CHECK(disk->ops->write(disk->ctx, file, 0, &part, 1, &error) == GW_OK);
        FUZZ_CHECK(disk->ops->sync(disk->ctx, file, &error) == GW_OK);
        disk->ops->close(disk->ctx, file);
    }
    FUZZ_CHECK(disk->ops->sync_directory(disk->ctx, "s", &error) == GW_OK);
    return simulated;
}

static struct gw_store *open_store(struct gw_simdisk *disk, struct witness *witness)
{
    struct gw_store_options options = {.disk = gw_simdisk_disk(disk),
                                       .clock = gw_clock_system(),
                                       .path = "s",
                                       .segment_size = SEGMENT_SIZE,
                                       .stream_count = 1};
    struct gw_store *store;
    struct gw_store_error error;
    struct gw_store_report report;
    enum gw_status status = gw_store_open(&options, &store, &error);
    if (status != GW_OK) {
        FUZZ_CHECK(status == GW_INVALID && error.what != NULL);
        return NULL;
    }
    witness->last = 0;
    witness->count = 0;
    witness->own = 0;
    FUZZ_CHECK(gw_store_recover(store, on_record, witness, &report, &error) == GW_OK);
    FUZZ_CHECK(report.records == witness->count);
    return store;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct image original, changed;
    if (size > FUZZ_INPUT_MAX)
        return 0;
    if (original.size[0] == 0)
        build(&original);
    changed = original;
    struct gw_span input = gw_span_of(data, size);
    for (int i = 0; i < EDITS_MAX && input.size > 0; i++)
        edit(&changed, &input);
    struct witness witness = {.original = &original, .forged = changed.forged};
    struct gw_simdisk *disk = put_on_disk(&changed);
    for (unsigned life = 0; life < 3; life++) {
        struct gw_store *store = open_store(disk, &witness);
        if (store == NULL)
            break;
        FUZZ_CHECK(size > 0 || witness.count >= SEGMENTS * CHUNKS * RECORDS);
        FUZZ_CHECK(witness.own == life);
        static const uint8_t own[] = {0xEE};
        struct gw_store_part part = {gw_span_of(own, 1), NULL};
        struct gw_store_stream *stream = gw_store_stream(store, 0);
        FUZZ_CHECK(gw_store_append(stream, 77, &part, 1, NULL) == GW_OK);
        FUZZ_CHECK(gw_store_submit(stream) != 0);
        while (gw_store_step(store)) {
        }
        FUZZ_CHECK(gw_store_synced(stream) == 1);
        gw_store_close(store);
        gw_simdisk_crash(disk, GW_SIMDISK_LOSE);
    }
    gw_simdisk_free(disk);
    return 0;
}
