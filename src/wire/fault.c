#include "wire/fault.h"

#include "wire/reason.h"

static const struct row {
    const char *what;
    const char *clause5, *clause3;
    uint8_t reason;
} rows[GW_FAULT_KIND_COUNT] = {
#define X(name, reason, what, clause5, clause3)                                                    \
    [GW_FAULT_##name] = {what, clause5, clause3, reason},
#include "wire/fault.def"
#undef X
};

enum gw_status gw_fault_set(struct gw_fault *fault, uint8_t reason, const char *what,
                            const char *clause)
{
    if (fault)
        *fault = (struct gw_fault){reason, what, clause};
    return reason == GW_REASON_MALFORMED_PACKET ? GW_MALFORMED : GW_PROTOCOL;
}

enum gw_status gw_fault_raise(enum gw_fault_kind kind, enum gw_version version,
                              struct gw_fault *ret_fault)
{
    const struct row *row = &rows[kind];
    bool old = version == GW_VERSION_31 || version == GW_VERSION_311;
    return gw_fault_set(ret_fault, row->reason, row->what, old ? row->clause3 : row->clause5);
}

enum gw_status gw_fault_raise_utf8(enum gw_utf8_fault why, enum gw_version version,
                                   struct gw_fault *ret_fault)
{
    enum gw_fault_kind kind = why == GW_UTF8_NUL         ? GW_FAULT_STRING_NUL
                              : why == GW_UTF8_SURROGATE ? GW_FAULT_STRING_SURROGATE
                                                         : GW_FAULT_STRING_ILL_FORMED;
    return gw_fault_raise(kind, version, ret_fault);
}

enum gw_status gw_fault_raise_reason(enum gw_packet_type type, enum gw_version version,
                                     struct gw_fault *ret_fault)
{
    static const uint8_t kinds[16] = {
        [GW_PACKET_CONNACK] = GW_FAULT_CONNACK_REASON,
        [GW_PACKET_PUBACK] = GW_FAULT_PUBACK_REASON,
        [GW_PACKET_PUBREC] = GW_FAULT_PUBREC_REASON,
        [GW_PACKET_PUBREL] = GW_FAULT_PUBREL_REASON,
        [GW_PACKET_PUBCOMP] = GW_FAULT_PUBCOMP_REASON,
        [GW_PACKET_SUBACK] = GW_FAULT_SUBACK_REASON,
        [GW_PACKET_UNSUBACK] = GW_FAULT_UNSUBACK_REASON,
        [GW_PACKET_DISCONNECT] = GW_FAULT_DISCONNECT_REASON,
        [GW_PACKET_AUTH] = GW_FAULT_AUTH_REASON,
    };
    return gw_fault_raise(kinds[type & 15], version, ret_fault);
}

enum gw_status gw_fault_read_string(struct gw_reader *r, enum gw_version version,
                                    struct gw_span *ret_span, struct gw_fault *ret_fault)
{
    struct gw_span text;
    if (gw_binary_read(r, &text) != GW_OK)
        return gw_fault_raise(GW_FAULT_TRUNCATED, version, ret_fault);
    enum gw_utf8_fault why = gw_utf8_check(text);
    if (why != GW_UTF8_VALID)
        return gw_fault_raise_utf8(why, version, ret_fault);
    *ret_span = text;
    return GW_OK;
}
