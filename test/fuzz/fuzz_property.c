/* wire/property: a property block for any packet out of any bytes; what passes is walked, filtered,
 * written and read again. */
#include "wire.h"

static const uint32_t limits[] = {GW_USER_PROPERTIES_MAX_DEFAULT, 0, 1, 3, UINT32_MAX};

/* The walk covers the block, and counts what decode counted. */
static void walk(const struct gw_props *props)
{
    struct gw_reader block = gw_reader_of(props->raw);
    struct gw_prop_item item;
    size_t bytes = 0;
    size_t users = 0;
    size_t ids = 0;
    uint32_t present = 0;
    enum gw_status status;
    while ((status = gw_props_next(&block, &item)) == GW_OK) {
        FUZZ_CHECK(item.raw.data == props->raw.data + bytes && item.raw.size > 0);
        FUZZ_CHECK(gw_prop_name(item.prop)[0] != '\0');
        bytes += item.raw.size;
        users += item.prop == GW_PROP_USER_PROPERTY;
        ids += item.prop == GW_PROP_SUBSCRIPTION_ID;
        if (item.prop == GW_PROP_SUBSCRIPTION_ID && ids == 1)
            FUZZ_CHECK(item.number == props->subscription_id);
        present |= (uint32_t)1 << item.prop;
    }
    FUZZ_CHECK(status == GW_END && bytes == props->raw.size && present == props->present);
    FUZZ_CHECK(users == props->user_property_count && ids == props->subscription_id_count);
}

/* A mask and its complement share the block out between them. */
static void filter(const struct gw_props *props, uint32_t mask)
{
    uint8_t *memory = malloc(props->raw.size + 1);
    FUZZ_CHECK(memory != NULL);
    size_t all = gw_props_filter(props->raw, UINT32_MAX, memory);
    FUZZ_CHECK(gw_span_equal(gw_span_of(memory, all), props->raw));
    size_t some = gw_props_filter(props->raw, mask, memory);
    size_t others = gw_props_filter(props->raw, ~mask, memory);
    FUZZ_CHECK(some + others == props->raw.size);
    free(memory);
}

static void encode_again(const struct gw_props *props, uint32_t packet, bool from_server)
{
    struct gw_props copy = *props;
    uint8_t *repeats = fuzz_props_prepare(&copy);
    size_t size = gw_props_size(&copy);
    uint8_t *memory = malloc(size);
    FUZZ_CHECK(memory != NULL);
    struct gw_writer w = gw_writer_of(memory, size);
    gw_props_encode(&w, &copy);
    FUZZ_CHECK(!w.overflow && gw_writer_size(&w) == size);
    struct gw_reader r = gw_reader_of(gw_span_of(memory, size));
    struct gw_props again;
    struct gw_fault fault;
    FUZZ_CHECK(gw_props_decode(&r, packet, from_server, UINT32_MAX, &again, &fault) == GW_OK);
    FUZZ_CHECK(gw_reader_left(&r) == 0);
    fuzz_props_equal(props, &again);
    struct gw_writer small = gw_writer_of(memory, size - 1);
    gw_props_encode(&small, &copy);
    FUZZ_CHECK(small.overflow);
    free(memory);
    free(repeats);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gw_span input = gw_span_of(data, size);
    uint32_t packet = (uint32_t)1 << fuzz_u8(&input) % 17;
    uint8_t config = fuzz_u8(&input);
    bool from_server = (config & 1) != 0;
    uint32_t users_max = limits[(config >> 2) % GW_COUNT_OF(limits)];
    uint8_t *bytes = fuzz_copy(input);
    struct gw_reader r = gw_reader_of(gw_span_of(bytes, input.size));
    struct gw_props props;
    struct gw_fault fault = {0};
    enum gw_status status = gw_props_decode(&r, packet, from_server, users_max, &props, &fault);
    if (status == GW_OK) {
        FUZZ_CHECK(props.user_property_count <= users_max);
        walk(&props);
        filter(&props, config * 0x01010101u);
        encode_again(&props, packet, from_server);
    } else {
        fuzz_fault(status, &fault);
    }
    free(bytes);
    return 0;
}
