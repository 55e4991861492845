#include "wire/disconnect.h"

#include "base/compiler.h"
#include "wire/fault.h"
#include "wire/reason.h"

/* Reads reason code and properties of MQTT 5; both may be left out from behind. */
static enum gw_status take_reason(struct gw_reader *r, bool from_server, struct gw_disconnect *d,
                                  struct gw_fault *ret_fault)
{
    bool empty = gw_reader_u8(r, &d->reason) != GW_OK;
    if (!gw_reason_allowed(d->reason, d->type, from_server))
        return gw_fault_raise_reason(d->type, GW_VERSION_5, ret_fault);
    if (empty)
        return GW_OK;
    if (gw_reader_left(r) > 0)
        GW_TRY(gw_props_decode(r, 1u << d->type, from_server, GW_USER_PROPERTIES_MAX_DEFAULT,
                               &d->props, ret_fault));
    if (d->type == GW_PACKET_AUTH && !gw_props_has(&d->props, AUTH_METHOD))
        return gw_fault_raise(GW_FAULT_AUTH_WITHOUT_METHOD, GW_VERSION_5, ret_fault);
    return GW_OK;
}

enum gw_status gw_disconnect_decode(enum gw_packet_type type, struct gw_span body,
                                    enum gw_version version, bool from_server,
                                    struct gw_disconnect *ret_disconnect,
                                    struct gw_fault *ret_fault)
{
    struct gw_reader reader = gw_reader_of(body), *r = &reader;
    ret_disconnect->type = type;
    ret_disconnect->reason = GW_REASON_SUCCESS;
    gw_props_clear(&ret_disconnect->props);
    if (version == GW_VERSION_5)
        GW_TRY(take_reason(r, from_server, ret_disconnect, ret_fault));
    else if (type == GW_PACKET_AUTH)
        return gw_fault_raise(GW_FAULT_TYPE_AUTH, version, ret_fault);
    if (gw_reader_left(r) > 0)
        return gw_fault_raise(GW_FAULT_TRAILING, version, ret_fault);
    return GW_OK;
}

size_t gw_disconnect_encode(struct gw_writer *w, enum gw_version version,
                            const struct gw_disconnect *disconnect)
{
    bool v5 = version == GW_VERSION_5;
    if (!v5 && disconnect->type == GW_PACKET_AUTH)
        return 0;
    bool with_props = v5 && !gw_props_empty(&disconnect->props);
    bool with_reason = v5 && (with_props || disconnect->reason != 0);
    size_t body_size = (size_t)with_reason + (with_props ? gw_props_size(&disconnect->props) : 0);
    size_t size = gw_packet_begin(w, disconnect->type, body_size);
    if (size == 0)
        return 0;
    if (with_reason)
        gw_writer_u8(w, disconnect->reason);
    if (with_props)
        gw_props_encode(w, &disconnect->props);
    return size;
}
