/*
 * wire/reason: MQTT 5 reason codes, which packets may carry them, and their 3.x forms.
 *
 * Layer   wire (may include base). Pure.
 * Owner   immutable tables.
 * Life    none.
 * Limits  none.
 */
#ifndef GW_WIRE_REASON_H
#define GW_WIRE_REASON_H

#include <stdbool.h>

#include "base/status.h"
#include "wire/packet.h"

enum gw_reason {
    GW_REASON_SUCCESS = 0x00, /* also Normal disconnection, Granted QoS 0 */
    GW_REASON_GRANTED_QOS_1 = 0x01,
    GW_REASON_GRANTED_QOS_2 = 0x02,
    GW_REASON_DISCONNECT_WITH_WILL = 0x04,
    GW_REASON_NO_MATCHING_SUBSCRIBERS = 0x10,
    GW_REASON_NO_SUBSCRIPTION_EXISTED = 0x11,
    GW_REASON_CONTINUE_AUTHENTICATION = 0x18,
    GW_REASON_RE_AUTHENTICATE = 0x19,
    GW_REASON_UNSPECIFIED = 0x80,
    GW_REASON_MALFORMED_PACKET = 0x81,
    GW_REASON_PROTOCOL_ERROR = 0x82,
    GW_REASON_IMPLEMENTATION_SPECIFIC = 0x83,
    GW_REASON_UNSUPPORTED_PROTOCOL_VERSION = 0x84,
    GW_REASON_CLIENT_ID_NOT_VALID = 0x85,
    GW_REASON_BAD_USER_NAME_OR_PASSWORD = 0x86,
    GW_REASON_NOT_AUTHORIZED = 0x87,
    GW_REASON_SERVER_UNAVAILABLE = 0x88,
    GW_REASON_SERVER_BUSY = 0x89,
    GW_REASON_BANNED = 0x8A,
    GW_REASON_SERVER_SHUTTING_DOWN = 0x8B,
    GW_REASON_BAD_AUTHENTICATION_METHOD = 0x8C,
    GW_REASON_KEEP_ALIVE_TIMEOUT = 0x8D,
    GW_REASON_SESSION_TAKEN_OVER = 0x8E,
    GW_REASON_TOPIC_FILTER_INVALID = 0x8F,
    GW_REASON_TOPIC_NAME_INVALID = 0x90,
    GW_REASON_PACKET_ID_IN_USE = 0x91,
    GW_REASON_PACKET_ID_NOT_FOUND = 0x92,
    GW_REASON_RECEIVE_MAXIMUM_EXCEEDED = 0x93,
    GW_REASON_TOPIC_ALIAS_INVALID = 0x94,
    GW_REASON_PACKET_TOO_LARGE = 0x95,
    GW_REASON_MESSAGE_RATE_TOO_HIGH = 0x96,
    GW_REASON_QUOTA_EXCEEDED = 0x97,
    GW_REASON_ADMINISTRATIVE_ACTION = 0x98,
    GW_REASON_PAYLOAD_FORMAT_INVALID = 0x99,
    GW_REASON_RETAIN_NOT_SUPPORTED = 0x9A,
    GW_REASON_QOS_NOT_SUPPORTED = 0x9B,
    GW_REASON_USE_ANOTHER_SERVER = 0x9C,
    GW_REASON_SERVER_MOVED = 0x9D,
    GW_REASON_SHARED_NOT_SUPPORTED = 0x9E,
    GW_REASON_CONNECTION_RATE_EXCEEDED = 0x9F,
    GW_REASON_MAXIMUM_CONNECT_TIME = 0xA0,
    GW_REASON_SUBSCRIPTION_IDS_NOT_SUPPORTED = 0xA1,
    GW_REASON_WILDCARDS_NOT_SUPPORTED = 0xA2,
};

/* MQTT 3.x CONNACK return codes (3.1.1 table 3.1). */
enum gw_return_code {
    GW_RETURN_ACCEPTED = 0,
    GW_RETURN_BAD_PROTOCOL = 1,
    GW_RETURN_IDENTIFIER_REJECTED = 2,
    GW_RETURN_SERVER_UNAVAILABLE = 3,
    GW_RETURN_BAD_USER_OR_PASSWORD = 4,
    GW_RETURN_NOT_AUTHORIZED = 5,
    GW_RETURN_NONE = 0xFF, /* close without a CONNACK */
};

/* True if a reason code value exists at all. */
bool gw_reason_known(uint8_t code);

/* True if `code` may stand in a packet of `type` sent by a server (or by a client), as tables 2-6
 * and 3-x of MQTT 5.0 say. For SUBACK 0..2 are the granted QoS. */
bool gw_reason_allowed(uint8_t code, enum gw_packet_type type, bool from_server);

/* The words of the standard for a reason code as found in a packet of `type` ("Granted QoS 1",
 * "Normal disconnection", "Success"), "unknown reason code" for others; never NULL. */
const char *gw_reason_name(uint8_t code, enum gw_packet_type type);

/* The words for a 3.x CONNACK return code; never NULL. */
const char *gw_return_code_name(uint8_t code);

/* The 3.x CONNACK return code for a reason that refuses a connection (facts: section 6). */
enum gw_return_code gw_reason_to_return_code(enum gw_reason reason);

#endif
