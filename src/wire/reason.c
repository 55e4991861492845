#include "wire/reason.h"

#include "base/compiler.h"

static const struct row {
    const char *title;
    uint16_t from_server; /* bits by packet type */
    uint16_t from_client;
} rows[] = {
#define X(name, code, title, both, server, client)                                                 \
    [code] = {title, (both) | (server), (both) | (client)},
#include "wire/reason.def"
#undef X
};

/* Codes whose words depend on the packet. */
static const struct other_title {
    uint8_t code;
    uint8_t type;
    const char *title;
} other_titles[] = {
    {GW_REASON_SUCCESS, GW_PACKET_DISCONNECT, "Normal disconnection"},
    {GW_REASON_SUCCESS, GW_PACKET_SUBACK, "Granted QoS 0"},
};

#define X(name, code, title, both, server, client)                                                 \
    _Static_assert(GW_REASON_##name == (code), "reason.def and enum gw_reason differ: " #name);
#include "wire/reason.def"
#undef X

bool gw_reason_known(uint8_t code)
{
    return code < GW_COUNT_OF(rows) && rows[code].title;
}

bool gw_reason_allowed(uint8_t code, enum gw_packet_type type, bool from_server)
{
    if (code >= GW_COUNT_OF(rows) || (unsigned)type > GW_PACKET_AUTH)
        return false;
    unsigned packets = from_server ? rows[code].from_server : rows[code].from_client;
    return (packets >> type & 1) != 0;
}

const char *gw_reason_name(uint8_t code, enum gw_packet_type type)
{
    for (size_t i = 0; i < GW_COUNT_OF(other_titles); i++)
        if (other_titles[i].code == code && other_titles[i].type == type)
            return other_titles[i].title;
    return gw_reason_known(code) ? rows[code].title : "unknown reason code";
}

const char *gw_return_code_name(uint8_t code)
{
    static const char *const names[] = {
        [GW_RETURN_ACCEPTED] = "Connection Accepted",
        [GW_RETURN_BAD_PROTOCOL] = "Connection Refused, unacceptable protocol version",
        [GW_RETURN_IDENTIFIER_REJECTED] = "Connection Refused, identifier rejected",
        [GW_RETURN_SERVER_UNAVAILABLE] = "Connection Refused, Server unavailable",
        [GW_RETURN_BAD_USER_OR_PASSWORD] = "Connection Refused, bad user name or password",
        [GW_RETURN_NOT_AUTHORIZED] = "Connection Refused, not authorized",
    };
    return code < GW_COUNT_OF(names) ? names[code] : "unknown return code";
}

enum gw_return_code gw_reason_to_return_code(enum gw_reason reason)
{
    static const struct {
        uint8_t reason;
        uint8_t code;
    } map[] = {
        {GW_REASON_SUCCESS, GW_RETURN_ACCEPTED},
        {GW_REASON_UNSUPPORTED_PROTOCOL_VERSION, GW_RETURN_BAD_PROTOCOL},
        {GW_REASON_CLIENT_ID_NOT_VALID, GW_RETURN_IDENTIFIER_REJECTED},
        {GW_REASON_UNSPECIFIED, GW_RETURN_SERVER_UNAVAILABLE},
        {GW_REASON_IMPLEMENTATION_SPECIFIC, GW_RETURN_SERVER_UNAVAILABLE},
        {GW_REASON_SERVER_UNAVAILABLE, GW_RETURN_SERVER_UNAVAILABLE},
        {GW_REASON_SERVER_BUSY, GW_RETURN_SERVER_UNAVAILABLE},
        {GW_REASON_QUOTA_EXCEEDED, GW_RETURN_SERVER_UNAVAILABLE},
        {GW_REASON_USE_ANOTHER_SERVER, GW_RETURN_SERVER_UNAVAILABLE},
        {GW_REASON_SERVER_MOVED, GW_RETURN_SERVER_UNAVAILABLE},
        {GW_REASON_CONNECTION_RATE_EXCEEDED, GW_RETURN_SERVER_UNAVAILABLE},
        {GW_REASON_BAD_USER_NAME_OR_PASSWORD, GW_RETURN_BAD_USER_OR_PASSWORD},
        {GW_REASON_NOT_AUTHORIZED, GW_RETURN_NOT_AUTHORIZED},
        {GW_REASON_BANNED, GW_RETURN_NOT_AUTHORIZED},
        {GW_REASON_BAD_AUTHENTICATION_METHOD, GW_RETURN_NOT_AUTHORIZED},
        /* a will that is not acceptable */
        {GW_REASON_TOPIC_NAME_INVALID, GW_RETURN_NOT_AUTHORIZED},
        {GW_REASON_PAYLOAD_FORMAT_INVALID, GW_RETURN_NOT_AUTHORIZED},
        {GW_REASON_RETAIN_NOT_SUPPORTED, GW_RETURN_NOT_AUTHORIZED},
        {GW_REASON_QOS_NOT_SUPPORTED, GW_RETURN_NOT_AUTHORIZED},
    };
    for (size_t i = 0; i < GW_COUNT_OF(map); i++)
        if (map[i].reason == reason)
            return (enum gw_return_code)map[i].code;
    return GW_RETURN_NONE;
}
