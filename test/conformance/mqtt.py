"""MQTT 3.1, 3.1.1 and 5.0 packets, written apart from the broker's own codec.

Encoders take raw values and check nothing, so that a case can build any malformation; decoders are
strict and raise Malformed for whatever a server must not send (flags, lengths, properties in the
wrong packet or twice, reason codes outside their table, padded integers, bad UTF-8, identifier 0).
"""

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = 1, 2, 3, 4, 5, 6, 7
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP = 8, 9, 10, 11, 12, 13
DISCONNECT, AUTH = 14, 15
NAMES = {value: name for name, value in list(globals().items()) if name.isupper()}

# Properties: identifier -> (name, type, packets a server may send it in).
PAYLOAD_FORMAT, MESSAGE_EXPIRY, CONTENT_TYPE, RESPONSE_TOPIC = 0x01, 0x02, 0x03, 0x08
CORRELATION_DATA, SUBSCRIPTION_ID, SESSION_EXPIRY, ASSIGNED_CLIENT_ID = 0x09, 0x0B, 0x11, 0x12
SERVER_KEEP_ALIVE, AUTH_METHOD, AUTH_DATA, REQUEST_PROBLEM = 0x13, 0x15, 0x16, 0x17
WILL_DELAY, REQUEST_RESPONSE, RESPONSE_INFO, SERVER_REFERENCE = 0x18, 0x19, 0x1A, 0x1C
REASON_STRING, RECEIVE_MAXIMUM, TOPIC_ALIAS_MAXIMUM, TOPIC_ALIAS = 0x1F, 0x21, 0x22, 0x23
MAXIMUM_QOS, RETAIN_AVAILABLE, USER_PROPERTY, MAXIMUM_PACKET_SIZE = 0x24, 0x25, 0x26, 0x27
WILDCARD_AVAILABLE, SUBSCRIPTION_ID_AVAILABLE, SHARED_AVAILABLE = 0x28, 0x29, 0x2A

ACKS = (PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK)
PROPERTIES = {
    PAYLOAD_FORMAT: ("byte", (PUBLISH,)),
    MESSAGE_EXPIRY: ("u32", (PUBLISH,)),
    CONTENT_TYPE: ("str", (PUBLISH,)),
    RESPONSE_TOPIC: ("str", (PUBLISH,)),
    CORRELATION_DATA: ("bin", (PUBLISH,)),
    SUBSCRIPTION_ID: ("var", (PUBLISH,)),
    SESSION_EXPIRY: ("u32", (CONNACK,)),
    ASSIGNED_CLIENT_ID: ("str", (CONNACK,)),
    SERVER_KEEP_ALIVE: ("u16", (CONNACK,)),
    AUTH_METHOD: ("str", (CONNACK, AUTH)),
    AUTH_DATA: ("bin", (CONNACK, AUTH)),
    REQUEST_PROBLEM: ("byte", ()),
    WILL_DELAY: ("u32", ()),
    REQUEST_RESPONSE: ("byte", ()),
    RESPONSE_INFO: ("str", (CONNACK,)),
    SERVER_REFERENCE: ("str", (CONNACK, DISCONNECT)),
    REASON_STRING: ("str", (CONNACK, DISCONNECT, AUTH) + ACKS),
    RECEIVE_MAXIMUM: ("u16", (CONNACK,)),
    TOPIC_ALIAS_MAXIMUM: ("u16", (CONNACK,)),
    TOPIC_ALIAS: ("u16", (PUBLISH,)),
    MAXIMUM_QOS: ("byte", (CONNACK,)),
    RETAIN_AVAILABLE: ("byte", (CONNACK,)),
    USER_PROPERTY: ("pair", (CONNACK, PUBLISH, DISCONNECT, AUTH) + ACKS),
    MAXIMUM_PACKET_SIZE: ("u32", (CONNACK,)),
    WILDCARD_AVAILABLE: ("byte", (CONNACK,)),
    SUBSCRIPTION_ID_AVAILABLE: ("byte", (CONNACK,)),
    SHARED_AVAILABLE: ("byte", (CONNACK,)),
}
BOOLEAN = (PAYLOAD_FORMAT, MAXIMUM_QOS, RETAIN_AVAILABLE, WILDCARD_AVAILABLE,
           SUBSCRIPTION_ID_AVAILABLE, SHARED_AVAILABLE)
NOT_ZERO = (RECEIVE_MAXIMUM, TOPIC_ALIAS, MAXIMUM_PACKET_SIZE, SUBSCRIPTION_ID)

# Reason codes a server may put in each packet (v5).
REASONS = {
    CONNACK: {0, *range(0x80, 0x8B), 0x8C, 0x90, 0x95, 0x97, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9F},
    PUBACK: {0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99},
    PUBREC: {0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99},
    PUBREL: {0, 0x92},
    PUBCOMP: {0, 0x92},
    SUBACK: {0, 1, 2, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2},
    UNSUBACK: {0, 0x11, 0x80, 0x83, 0x87, 0x8F, 0x91},
    DISCONNECT: {0, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8B, 0x8D, 0x8E, 0x8F, 0x90, 0x93, 0x94,
                 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9E, 0x9F, 0xA0, 0xA1,
                 0xA2},
    AUTH: {0x00, 0x18},
}
FROM_SERVER = (CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK, PINGRESP,
               DISCONNECT, AUTH)


class Malformed(Exception):
    """The server sent something that no server may send."""


# ---- encoding ------------------------------------------------------------------------------------

def u16(value):
    return value.to_bytes(2, "big")


def u32(value):
    return value.to_bytes(4, "big")


def var(value, pad=0):
    """A variable byte integer; `pad` adds that many needless continuation bytes."""
    out = bytearray()
    while True:
        value, low = divmod(value, 128)
        if not value:
            break
        out.append(low | 0x80)
    out.append(low | (0x80 if pad else 0))
    out += b"\x80" * (pad - 1) + b"\x00" if pad else b""
    return bytes(out)


def raw(text):
    return text.encode() if isinstance(text, str) else bytes(text)


def s(text):
    """A string or binary field: two byte length and the bytes."""
    data = raw(text)
    return u16(len(data)) + data


ENCODE = {"byte": lambda v: bytes([v]), "u16": u16, "u32": u32, "str": s, "bin": s, "var": var,
          "pair": lambda v: s(v[0]) + s(v[1])}


def prop(ident, value):
    return bytes([ident]) + ENCODE[PROPERTIES[ident][0]](value)


def props(items=()):
    """A property block; items are (identifier, value) pairs or ready bytes."""
    body = b"".join(i if isinstance(i, (bytes, bytearray)) else prop(*i) for i in items)
    return var(len(body)) + body


def block(v, items):
    """The property block of a v5 packet, nothing in 3.x."""
    return props(items or ()) if v == 5 else b""


def packet(kind, flags, body):
    return bytes([kind << 4 | flags]) + var(len(body)) + body


class Will:
    """The will fields of a CONNECT."""

    def __init__(self, topic, payload=b"will", qos=0, retain=False, props=()):
        self.topic, self.payload, self.qos = topic, payload, qos
        self.retain, self.props = retain, props


def protocol(v):
    return (s("MQIsdp") if v == 3 else s("MQTT")) + bytes([v])


def connect(v, cid, clean=True, keepalive=0, will=None, user=None, password=None, props=(),
            flags=None, head=None, tail=b""):
    bits = (0x02 if clean else 0) | (0x80 if user is not None else 0)
    bits |= 0x40 if password is not None else 0
    body = s(cid)
    if will:
        bits |= 0x04 | will.qos << 3 | (0x20 if will.retain else 0)
        body += block(v, will.props) + s(will.topic) + s(will.payload)
    body += s(user) if user is not None else b""
    body += s(password) if password is not None else b""
    head = protocol(v) if head is None else head
    head += bytes([bits if flags is None else flags]) + u16(keepalive) + block(v, props)
    return packet(CONNECT, 0, head + body + tail)


def publish(v, topic, payload=b"", qos=0, retain=False, dup=False, pid=None, props=()):
    flags = (8 if dup else 0) | qos << 1 | (1 if retain else 0)
    body = s(topic) + (u16(pid) if pid is not None else b"") + block(v, props) + raw(payload)
    return packet(PUBLISH, flags, body)


def ack(kind, pid, code=None, props=None, flags=None):
    """PUBACK, PUBREC, PUBREL, PUBCOMP: code and properties only if given."""
    body = u16(pid) + (bytes([code]) if code is not None else b"")
    body += globals()["props"](props) if props is not None else b""
    return packet(kind, (2 if kind == PUBREL else 0) if flags is None else flags, body)


def subscribe(v, pid, filters, props=(), flags=2):
    """`filters` is a list of (filter, options byte)."""
    body = u16(pid) + block(v, props) + b"".join(s(f) + bytes([o]) for f, o in filters)
    return packet(SUBSCRIBE, flags, body)


def unsubscribe(v, pid, filters, props=(), flags=2):
    body = u16(pid) + block(v, props) + b"".join(s(f) for f in filters)
    return packet(UNSUBSCRIBE, flags, body)


def pingreq(flags=0):
    return packet(PINGREQ, flags, b"")


def disconnect(code=None, props=None, flags=0):
    body = bytes([code]) if code is not None else b""
    body += globals()["props"](props) if props is not None else b""
    return packet(DISCONNECT, flags, body)


def auth(code=None, props=None, flags=0):
    body = bytes([code]) if code is not None else b""
    body += globals()["props"](props) if props is not None else b""
    return packet(AUTH, flags, body)


def options(qos=0, no_local=False, as_published=False, handling=0):
    return qos | (4 if no_local else 0) | (8 if as_published else 0) | handling << 4


# ---- decoding ------------------------------------------------------------------------------------

class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if self.at + count > len(self.data):
            raise Malformed("field reaches past the end of the packet")
        self.at += count
        return self.data[self.at - count:self.at]

    def left(self):
        return len(self.data) - self.at

    def byte(self):
        return self.take(1)[0]

    def u16(self):
        return int.from_bytes(self.take(2), "big")

    def u32(self):
        return int.from_bytes(self.take(4), "big")

    def var(self):
        value, shift = 0, 0
        while True:
            digit = self.byte()
            value |= (digit & 0x7F) << shift
            if not digit & 0x80:
                break
            shift += 7
            if shift > 21:
                raise Malformed("variable byte integer longer than four bytes")
        if digit == 0 and shift:
            raise Malformed("variable byte integer is padded")
        return value

    def bin(self):
        return self.take(self.u16())

    def str(self):
        try:
            text = self.bin().decode("utf-8", "strict")
        except UnicodeDecodeError as error:
            raise Malformed(f"bad UTF-8 in string: {error}") from None
        if "\0" in text:
            raise Malformed("U+0000 in string")
        return text

    def pair(self):
        return self.str(), self.str()


def read_props(reader, kind):
    size = reader.var()
    inner = Reader(reader.take(size))
    found = []
    while inner.left():
        ident = inner.var()
        if ident not in PROPERTIES:
            raise Malformed(f"unknown property 0x{ident:02X}")
        form, allowed = PROPERTIES[ident]
        if kind not in allowed:
            raise Malformed(f"property 0x{ident:02X} in {NAMES[kind]} from a server")
        value = getattr(inner, form)()
        once = ident != USER_PROPERTY and not (ident == SUBSCRIPTION_ID and kind == PUBLISH)
        if once and any(ident == other for other, _ in found):
            raise Malformed(f"property 0x{ident:02X} twice")
        if ident in BOOLEAN and value > 1 or ident in NOT_ZERO and value == 0:
            raise Malformed(f"property 0x{ident:02X} has value {value}")
        found.append((ident, value))
    return found


class Packet:
    """One packet from the server, decoded; `size` is its whole length on the wire."""

    def __init__(self, v, first, body, size):
        self.v, self.kind, self.flags, self.body, self.size = v, first >> 4, first & 15, body, size
        self.name = NAMES.get(self.kind, "reserved 0")
        self.code, self.props, self.pid = 0, [], None
        if self.kind not in FROM_SERVER or (v < 5 and self.kind in (DISCONNECT, AUTH)):
            raise Malformed(f"{self.name} from a server, protocol version {v}")
        want = {PUBLISH: self.flags, PUBREL: 2}.get(self.kind, 0)
        if self.flags != want:
            raise Malformed(f"{self.name} with flags {self.flags:04b}")
        reader = Reader(body)
        getattr(self, "_" + {PUBREC: "puback", PUBREL: "puback", PUBCOMP: "puback",
                             AUTH: "disconnect"}.get(self.kind, self.name.lower()))(reader)
        if reader.left():
            raise Malformed(f"{self.name} has {reader.left()} bytes too many")
        if v == 5 and self.kind in REASONS and not hasattr(self, "codes"):
            if self.code not in REASONS[self.kind]:
                raise Malformed(f"{self.name} with reason 0x{self.code:02X}")

    def __repr__(self):
        keep = {k: x for k, x in vars(self).items() if k not in ("v", "kind", "body", "name")}
        return f"{self.name}({keep})"

    def get(self, ident, default=None):
        """The value of a property that may occur once."""
        return next((value for i, value in self.props if i == ident), default)

    def all(self, ident):
        return [value for i, value in self.props if i == ident]

    def has(self, ident):
        return any(i == ident for i, _ in self.props)

    def _identifier(self, reader):
        self.pid = reader.u16()
        if not self.pid:
            raise Malformed(f"{self.name} with packet identifier 0")

    def _connack(self, reader):
        self.ack_flags, self.code = reader.byte(), reader.byte()
        if self.ack_flags & 0xFE:
            raise Malformed(f"CONNACK flags 0x{self.ack_flags:02X}")
        self.present = self.ack_flags == 1
        if self.v == 5:
            self.props = read_props(reader, CONNACK)
        elif self.code > 5:
            raise Malformed(f"CONNACK return code {self.code}")
        if self.code and self.present:
            raise Malformed("session present in a refusing CONNACK")

    def _publish(self, reader):
        self.dup, self.qos, self.retain = bool(self.flags & 8), self.flags >> 1 & 3, self.flags & 1
        self.retain = bool(self.retain)
        if self.qos == 3 or self.dup and not self.qos:
            raise Malformed(f"PUBLISH flags {self.flags:04b}")
        self.topic = reader.str()
        if self.qos:
            self._identifier(reader)
        if self.v == 5:
            self.props = read_props(reader, PUBLISH)
        if "+" in self.topic or "#" in self.topic:
            raise Malformed("wildcard in a topic name")
        if not self.topic and not self.has(TOPIC_ALIAS):
            raise Malformed("no topic name and no alias")
        self.payload = reader.take(reader.left())

    def _puback(self, reader):
        self._identifier(reader)
        if self.v == 5 and reader.left():
            self.code = reader.byte()
            if reader.left():
                self.props = read_props(reader, self.kind)

    def _suback(self, reader):
        self._identifier(reader)
        if self.v == 5:
            self.props = read_props(reader, SUBACK)
        self.codes = list(reader.take(reader.left()))
        allowed = REASONS[SUBACK] if self.v == 5 else (0, 1, 2, 0x80) if self.v == 4 else (0, 1, 2)
        if not self.codes or any(c not in allowed for c in self.codes):
            raise Malformed(f"SUBACK codes {self.codes}")

    def _unsuback(self, reader):
        self._identifier(reader)
        self.codes = []
        if self.v == 5:
            self.props = read_props(reader, UNSUBACK)
            self.codes = list(reader.take(reader.left()))
            if not self.codes or any(c not in REASONS[UNSUBACK] for c in self.codes):
                raise Malformed(f"UNSUBACK codes {self.codes}")

    def _pingresp(self, reader):
        pass

    def _disconnect(self, reader):
        if reader.left():
            self.code = reader.byte()
            if reader.left():
                self.props = read_props(reader, self.kind)
