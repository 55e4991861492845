/* session/image with any records at all: the first byte of each says its kind, the next ones how
 * long its body is. Whatever they say, the image stays in one piece: found by serial and by client
 * identifier are the same sessions, deliveries are in order and have a message unless they are
 * being released, every position that is needed is one, and a record that can be read is written
 * again as it was. */
#include "fuzz.h"

#include "session/image.h"

#define BODY_MAX 400
#define POSITION gw_position_of(3, 1000)

static void count_position(void *user, gw_position position)
{
    size_t *count = user;
    FUZZ_CHECK(position != 0);
    (*count)++;
}

static size_t check_session(struct gw_image *image, const struct gw_image_session *session)
{
    size_t held = 0;
    FUZZ_CHECK(gw_image_find(image, session->serial) == session);
    FUZZ_CHECK(gw_map_find(&image->by_client_id,
                           gw_span_of(session->client_id, session->client_id_size)) ==
               &session->by_client_id);
    FUZZ_CHECK(session->serial <= image->serial_max);
    for (size_t i = 0; i < session->delivery_count; i++) {
        const struct gw_image_delivery *d = &session->deliveries[i];
        const uint32_t *ids;
        FUZZ_CHECK(d->qos == 1 || d->qos == 2);
        FUZZ_CHECK((d->message == 0) == d->releasing);
        FUZZ_CHECK(!d->releasing || (d->qos == 2 && d->packet_id != 0));
        FUZZ_CHECK(i == 0 || d->order != d[-1].order);
        FUZZ_CHECK((d->ids != NULL) == (gw_image_delivery_ids(d, &ids) > 1));
        held += !d->releasing;
    }
    for (size_t i = 0; i < session->received_count; i++)
        FUZZ_CHECK(session->received[i] != 0);
    if (session->will) {
        struct gw_record_will will;
        struct gw_span body = gw_span_of(session->will->data, session->will->size);
        FUZZ_CHECK(gw_record_read_will(body, &will) == GW_OK && will.present);
    }
    return held;
}

static void check(struct gw_image *image)
{
    const struct gw_image_session *session;
    const struct gw_image_group *group;
    struct gw_map_cursor cursor;
    size_t needed = image->unfinished_count + image->retained.count;
    size_t told = 0;
    FUZZ_CHECK(image->sessions.count == image->by_client_id.count);
    FUZZ_CHECK(image->groups.count == image->groups_by_serial.count);
    gw_map_first(&image->sessions, &cursor);
    while ((session = gw_image_next_session(image, &cursor)) != NULL)
        needed += check_session(image, session);
    gw_map_first(&image->groups, &cursor);
    while ((group = gw_image_next_group(image, &cursor)) != NULL) {
        FUZZ_CHECK(gw_image_find_group(image, group->serial) == group);
        needed += group->entry_count;
    }
    for (size_t i = 0; i < image->unfinished_count; i++) {
        const struct gw_image_unfinished *u = &image->unfinished[i];
        FUZZ_CHECK(i == 0 || u->message > u[-1].message);
        FUZZ_CHECK(u->message > image->complete[u->origin]);
    }
    gw_image_holds(image, count_position, &told);
    FUZZ_CHECK(told == needed);
}

/* An OWE that was read is read from what is written of it too. */
static void check_owe(struct gw_span body)
{
    struct gw_record_owe owe;
    struct gw_record_owe again;
    uint8_t memory[GW_RECORD_HEAD_MAX + BODY_MAX];
    struct gw_writer w = gw_writer_of(memory, sizeof(memory));
    if (gw_record_read_owe(body, &owe) != GW_OK)
        return;
    gw_record_write_owe(&w, &owe);
    FUZZ_CHECK(!w.overflow);
    FUZZ_CHECK(gw_record_read_owe(gw_span_of(memory, gw_writer_size(&w)), &again) == GW_OK);
    FUZZ_CHECK(again.serial == owe.serial && again.order == owe.order);
    FUZZ_CHECK(again.group == owe.group && again.group_order == owe.group_order);
    FUZZ_CHECK(again.message.back == owe.message.back);
    FUZZ_CHECK(again.message.position == owe.message.position);
    FUZZ_CHECK(again.id_count == owe.id_count && again.qos == owe.qos);
    for (uint32_t i = 0; i < owe.id_count; i++)
        FUZZ_CHECK(gw_record_owe_id(&again, i) == gw_record_owe_id(&owe, i));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gw_span input = gw_span_of(data, size);
    struct gw_image *image = gw_image_new(7);
    FUZZ_CHECK(image != NULL);
    gw_position position = POSITION;
    while (size <= FUZZ_INPUT_MAX && input.size > 0) {
        uint8_t kind = fuzz_u8(&input);
        size_t length = fuzz_u8(&input);
        length = length < input.size ? length : input.size;
        struct gw_span body = gw_span_of(input.data, length);
        uint8_t *copy = fuzz_copy(body);
        gw_image_apply(image, kind, position, gw_span_of(copy, length));
        if (kind == GW_RECORD_OWE)
            check_owe(gw_span_of(copy, length));
        free(copy);
        input = gw_span_from(input, length);
        position += 16;
    }
    FUZZ_CHECK(gw_image_finish(image) == GW_OK);
    check(image);
    gw_image_free(image);
    return 0;
}
