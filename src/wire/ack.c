#include "wire/ack.h"

#include "base/compiler.h"
#include "wire/fault.h"
#include "wire/reason.h"

/* Reads reason code and properties of MQTT 5; both may be left out from behind. */
static enum gw_status take_reason(struct gw_reader *r, bool from_server, struct gw_ack *ack,
                                  struct gw_fault *ret_fault)
{
    if (gw_reader_u8(r, &ack->reason) != GW_OK)
        return GW_OK; /* the short form */
    if (!gw_reason_allowed(ack->reason, ack->type, from_server))
        return gw_fault_raise_reason(ack->type, GW_VERSION_5, ret_fault);
    if (gw_reader_left(r) == 0)
        return GW_OK;
    return gw_props_decode(r, 1u << ack->type, from_server, GW_USER_PROPERTIES_MAX_DEFAULT,
                           &ack->props, ret_fault);
}

enum gw_status gw_ack_decode(enum gw_packet_type type, struct gw_span body, enum gw_version version,
                             bool from_server, struct gw_ack *ret_ack, struct gw_fault *ret_fault)
{
    struct gw_reader reader = gw_reader_of(body), *r = &reader;
    ret_ack->type = type;
    ret_ack->reason = GW_REASON_SUCCESS;
    gw_props_clear(&ret_ack->props);
    if (gw_reader_u16(r, &ret_ack->packet_id) != GW_OK)
        return gw_fault_raise(GW_FAULT_TRUNCATED, version, ret_fault);
    if (ret_ack->packet_id == 0)
        return gw_fault_raise(GW_FAULT_ACK_ID_0, version, ret_fault);
    if (version == GW_VERSION_5)
        GW_TRY(take_reason(r, from_server, ret_ack, ret_fault));
    if (gw_reader_left(r) > 0)
        return gw_fault_raise(GW_FAULT_TRAILING, version, ret_fault);
    return GW_OK;
}

static size_t encode(struct gw_writer *w, enum gw_version version, const struct gw_ack *ack,
                     bool with_props)
{
    with_props = with_props && version == GW_VERSION_5 && !gw_props_empty(&ack->props);
    bool with_reason = version == GW_VERSION_5 && (with_props || ack->reason != 0);
    size_t body_size = 2 + (size_t)with_reason + (with_props ? gw_props_size(&ack->props) : 0);
    size_t size = gw_packet_begin(w, ack->type, body_size);
    if (size == 0)
        return 0;
    gw_writer_u16(w, ack->packet_id);
    if (with_reason)
        gw_writer_u8(w, ack->reason);
    if (with_props)
        gw_props_encode(w, &ack->props);
    return size;
}

size_t gw_ack_encode(struct gw_writer *w, enum gw_version version, const struct gw_ack *ack)
{
    return encode(w, version, ack, true);
}

size_t gw_ack_encode_within(struct gw_writer *w, enum gw_version version, const struct gw_ack *ack,
                            uint32_t packet_max)
{
    size_t size = gw_packet_size(3 + gw_props_size(&ack->props));
    return encode(w, version, ack, size <= packet_max);
}

void gw_ack_encode_ping(struct gw_writer *w, enum gw_packet_type type)
{
    gw_header_encode(w, type, 0, 0);
}
