"""Every packet of a client, cut off at every byte and with every length and flag made wrong, in each
version and through each gate. A fault ends the connection and nothing else; what is no fault is served.
"""

import random

import mqtt as m
import pytest
from gates import SCHEMES, dial
from peer import Closed
from rig import WAIT, fresh
from siege import MIB, in_threads, sanitized, share, siege

VERSIONS = (3, 4, 5)
SEED = 41
# Of each kind of fault one in so many is tried at a gate: TCP has them all, handshakes take their time.
ONE_IN = {"mqtt": 1, "mqtts": 8, "ws": 3, "wss": 8}
FAULT = (0x81, 0x82)  # malformed, protocol error


class Text(bytes):
    """The bytes of a length-prefixed field."""

    def __new__(cls, text):
        return super().__new__(cls, m.s(text))


class Bytes(Text):
    """The same, but it need not be text."""


class Body:
    """A packet in parts: bytes, Text, or END where a shorter packet would be whole as well."""

    END = object()

    def __init__(self, kind, flags, *parts):
        self.kind, self.flags, self.parts = kind, flags, parts
        self.bytes = b"".join(part for part in parts if part is not self.END)
        self.ends, at = {len(self.bytes)}, 0
        for part in parts:
            if part is self.END:
                self.ends.add(at)
            else:
                at += len(part)

    def whole(self, flags=None, body=None):
        return m.packet(self.kind, self.flags if flags is None else flags,
                        self.bytes if body is None else body)

    def fields(self):
        """(offset, part) of each field that has a length of its own."""
        at = 0
        for part in self.parts:
            if isinstance(part, Text):
                yield at, part
            at += 0 if part is self.END else len(part)


END = Body.END


def payload(text):
    """A payload may end anywhere."""
    return [part for byte in text for part in (END, bytes([byte]))]


def properties(v, *items):
    """The block, and where an acknowledgement has it: its code, too."""
    return [m.block(v, items)] if v == 5 else []


USER = (m.USER_PROPERTY, ("key", "value"))


def bodies(v, topic):
    """What a client may send behind CONNECT, each kind in a long form."""
    late = [END, b"\x00", END, m.block(v, [(m.REASON_STRING, "why"), USER])] if v == 5 else []
    filters = [Text(topic), b"\x01", END, Text(topic + "/+/#"), b"\x02"]
    names = [Text(topic), END, Text(topic + "/+/#")]
    told = properties(v, (m.PAYLOAD_FORMAT, 1), (m.MESSAGE_EXPIRY, 9), (m.CONTENT_TYPE, "t"),
                      (m.RESPONSE_TOPIC, "r"), (m.CORRELATION_DATA, b"c"), USER)
    found = [
        Body(m.PUBLISH, 0, Text(topic), *told, *payload(b"payload")),
        Body(m.PUBLISH, 2, Text(topic), m.u16(7), *told, *payload(b"payload")),
        Body(m.PUBLISH, 5, Text(topic), m.u16(8), *told, *payload(b"payload")),
        Body(m.PUBREL, 2, m.u16(9), *late),
        Body(m.SUBSCRIBE, 2, m.u16(2), *properties(v, (m.SUBSCRIPTION_ID, 300), USER), *filters),
        Body(m.UNSUBSCRIBE, 2, m.u16(3), *properties(v, USER), *names),
        Body(m.PINGREQ, 0),
    ]
    if v == 5:
        found.append(Body(m.DISCONNECT, 0, END, b"\x04", END, m.block(v, [
            (m.SESSION_EXPIRY, 0), (m.REASON_STRING, "bye"), USER])))
        found.append(Body(m.AUTH, 0, END, b"\x18", m.block(v, [(m.AUTH_METHOD, "X"), USER])))
    else:
        found.append(Body(m.DISCONNECT, 0))
    return found


def connects(v):
    """CONNECT, long and short."""
    end = properties(v, (m.SESSION_EXPIRY, 9), (m.RECEIVE_MAXIMUM, 3), (m.MAXIMUM_PACKET_SIZE, 999),
                     (m.TOPIC_ALIAS_MAXIMUM, 2), (m.REQUEST_RESPONSE, 1), (m.REQUEST_PROBLEM, 1), USER)
    will = properties(v, (m.WILL_DELAY, 1), (m.PAYLOAD_FORMAT, 1), (m.CONTENT_TYPE, "t"), USER)
    name = Text("MQIsdp" if v == 3 else "MQTT")
    lenient = [END] * (v == 3)  # 3.1 lets name and password be missing whatever the flags say
    return [
        Body(m.CONNECT, 0, name, bytes([v, 0xEE]), m.u16(60), *end, Text(fresh("cut")), *will,
             Text("will/topic"), Bytes("will"), *lenient, Text("user"), *lenient, Bytes("secret")),
        Body(m.CONNECT, 0, name, bytes([v, 0x02]), m.u16(60), *properties(v), Text(fresh("cut"))),
    ]


def shortened(body):
    """Each truncation as a whole packet: (bytes, whether it is a packet all the same)."""
    for size in range(len(body.bytes)):
        yield body.whole(body=body.bytes[:size]), size in body.ends


def bad_flags(v, body):
    for flags in range(16):
        if body.kind == m.PUBLISH and flags & 6 != 6 and (v == 3 or flags & 8 == 0 or flags & 6):
            continue  # another QoS makes another packet
        if v == 3 and body.kind not in (m.PUBLISH, m.CONNECT) and (flags & 6 == body.flags or not body.flags):
            continue  # 3.1 has bits that say nothing
        if flags != body.flags:
            yield body.whole(flags)


def bad_lengths(body):
    """Lengths of fields that reach too far, the packet's own in too many bytes, bytes behind the end."""
    for at, part in body.fields():
        left = len(body.bytes) - at - 2
        for size in (left + 1, left + 255, 0xFFFF):
            if size < 0x10000:
                yield body.whole(body=body.bytes[:at] + m.u16(size) + body.bytes[at + 2:])
    head = bytes([body.kind << 4 | body.flags])
    yield head + b"\xff\xff\xff\xff\x01" + body.bytes
    yield head + b"\x80\x80\x80\x80\x00" + body.bytes
    if body.kind != m.PUBLISH:
        for more in (b"\x00", b"\x00\x01", b"\xff" * 40):
            yield body.whole(body=body.bytes + more)


def bad_texts(body):
    """What no text may hold, in each field."""
    for at, part in (one for one in body.fields() if not isinstance(one[1], Bytes)):
        for bad in (b"\x00", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"):
            yield body.whole(body=body.bytes[:at] + m.s(bad) + body.bytes[at + len(part):])


def bad_properties(v, body):
    """A block of properties whose length is wrong, or that holds what does not belong there."""
    if v != 5:
        return
    rest, at = body.bytes, 0
    for part in body.parts:
        if part is END:
            continue
        if not isinstance(part, Text) and len(part) > 2 and part[0] == len(part) - 1:
            for block in (bytes([part[0] + 200 & 0x7F]) + part[1:], b"\xff\xff\xff\xff" + part[1:],
                          b"\xff\xff\xff\x7f" + part[1:],
                          m.props([part[1:], b"\x7e\x00"]), m.props([part[1:], b"\x80\x80\x80\x80\x01"]),
                          m.props([part[1:], m.prop(m.ASSIGNED_CLIENT_ID, "x")]),
                          m.props([part[1:], m.prop(m.SERVER_KEEP_ALIVE, 5)]),
                          m.props([part[1:], b"\x26\x00\x01k\xff\xff"]), m.props([part[1:], b"\x26"])):
                yield body.whole(body=rest[:at] + block + rest[at + len(part):])
        at += len(part)


# ---- how it ends ---------------------------------------------------------------------------------

def some(scheme, items):
    """All of them, or every so many-th from a place that is another one for each gate."""
    items = list(items)
    return items[SCHEMES.index(scheme) % ONE_IN[scheme]::ONE_IN[scheme]]


def ended(peer, said):
    """Reads strictly to the end of the connection; returns what came, which has no PINGRESP in it."""
    found = []
    while True:
        try:
            found.append(peer.read())
        except Closed:
            peer.shut()
            return found
        assert found[-1].kind != m.PINGRESP, f"served: {said}"


def refuse(gate, v, bad, first=b""):
    """A fault ends the connection, and nothing that comes behind it is heard."""
    peer = dial(gate, v, cut=random.Random(bad).choice([None, 1, 3]) if len(bad) < 300 else None)
    if first:
        peer.cid = "known"
    peer.send(first + bad + m.pingreq())
    found = ended(peer, bad)
    last = found[-1] if found else None
    if v == 5 and first:
        assert last and last.kind == m.DISCONNECT and last.code in FAULT, (bad, found)
    elif first:
        assert [one for one in found if one.kind == m.CONNACK], (bad, found)
    else:
        assert not found or found[0].code, (bad, found)


def serve_on(gate, v, good, first):
    """What is no fault is served, and the connection goes on (or ends by the client's own word)."""
    peer = dial(gate, v)
    peer.send(first + good + m.pingreq())
    try:
        while peer.read().kind != m.PINGRESP:
            pass
    except Closed:
        assert good[0] >> 4 in (m.DISCONNECT, m.AUTH), good
    peer.shut()


def storm(broker, scheme, v, bad, good=(), known=True):
    def job(heap):
        for what, is_bad in heap:
            first = m.connect(v, fresh("evil"), will=m.Will("evil/will")) if known else b""
            (refuse if is_bad else serve_on)(broker.gates[scheme], v, what, first)
    todo = [(one, True) for one in some(scheme, bad)] + [(one, False) for one in some(scheme, good)]
    assert todo
    print(f"{len(todo)} connections")
    in_threads(*(lambda heap=heap: job(heap) for heap in share(todo, 3)))


@pytest.fixture
def strict(gated):
    """A broker that takes as many beginners as three threads can be."""
    return gated("threads: 3\nlog: {repeats: 0}\n"
                 "limits: {connections_unauthenticated_per_address: 10000}\n")


EACH = [(scheme, v) for scheme in SCHEMES for v in VERSIONS]


@pytest.mark.parametrize("scheme, v", EACH)
def test_packets_that_are_shorter_than_they_must_be(strict, record_property, scheme, v):
    cuts = [cut for body in bodies(v, fresh("cut")) for cut in shortened(body)]
    bad = [data for data, whole in cuts if not whole]
    good = [data for data, whole in cuts if whole]
    with siege(strict, [(scheme, 5)], record_property):
        storm(strict, scheme, v, bad, good)


@pytest.mark.parametrize("scheme, v", EACH)
def test_flags_lengths_and_texts(strict, record_property, scheme, v):
    bad = [data for body in bodies(v, fresh("bad"))
           for data in (*bad_flags(v, body), *bad_lengths(body), *bad_texts(body), *bad_properties(v, body))]
    with siege(strict, [(scheme, 4)], record_property):
        storm(strict, scheme, v, bad)


@pytest.mark.parametrize("scheme, v", EACH)
def test_connects_that_are_none(strict, record_property, scheme, v):
    bad = [data for body in connects(v)
           for data in (*(cut for cut, whole in shortened(body) if not whole), *bad_flags(v, body),
                        *bad_lengths(body), *bad_texts(body), *bad_properties(v, body))]
    with siege(strict, [(scheme, 4)], record_property):
        storm(strict, scheme, v, bad, known=False)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_packets_of_servers_and_out_of_turn(strict, record_property, scheme):
    """What only a server sends, the types that are none, CONNECT twice, and all of them before it."""
    with siege(strict, [(scheme, 5)], record_property):
        for v in VERSIONS:
            odd = [m.packet(m.CONNACK, 0, b"\0\0"), m.packet(m.SUBACK, 0, b"\0\1\0\0"),
                   m.packet(m.UNSUBACK, 0, b"\0\1\0"), m.packet(m.PINGRESP, 0, b""), m.packet(0, 0, b""),
                   m.packet(0, 15, b"\0\0")]
            odd += [m.packet(m.AUTH, 0, b""), m.packet(15, 15, b"")] if v < 5 else []
            early = odd + [body.whole() for body in bodies(v, "early") if body.kind != m.CONNECT]
            for bad in (*odd, m.connect(v, fresh("twice"))):
                refuse(strict.gates[scheme], v, bad, m.connect(v, fresh("odd")))
            for bad in early:
                refuse(strict.gates[scheme], v, bad)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("v", VERSIONS)
def test_whole_sessions_cut_off(strict, record_property, scheme, v):
    """The stream ends after each byte of a session, and a will, QoS 2 and a group are half done."""
    topic = fresh("off")
    data = b"".join([
        m.connect(v, topic, clean=False, will=m.Will(topic, b"w", qos=1)), m.subscribe(v, 1, [(topic, 2)]),
        m.publish(v, topic, b"y" * 9, qos=2, pid=7), m.ack(m.PUBREL, 7), m.disconnect()])
    with siege(strict, [(scheme, v)], record_property):
        def job(heap):
            for at in heap:
                peer = dial(strict.gates[scheme], v)
                peer.send(data[:at])
                peer.shut()
        in_threads(*(lambda heap=heap: job(heap) for heap in share(some(scheme, range(1, len(data))), 3)))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_thousands_of_refusals_leave_nothing(strict, record_property, scheme):
    """Memory is flat over as many: what was read of a refused packet is given back."""
    count = 3000 // ONE_IN[scheme]
    bad = [(5, data) for body in connects(5) for data in bad_properties(5, body)]
    bad += [(v, m.connect(v, fresh("bad"), props=[USER] * 50 if v == 5 else (), tail=b"x" * 3000,
                          will=m.Will("t", b"w" * 9000))) for v in VERSIONS]

    def job(heap):
        for v, data in heap:
            refuse(strict.gates[scheme], v, data)

    def wave():
        todo = [bad[n % len(bad)] for n in range(count)]
        in_threads(*(lambda heap=heap: job(heap) for heap in share(todo, 3)))
        return strict.rss()
    with siege(strict, [(scheme, 5)], record_property):
        first = wave()
        second = wave()
    print(f"{count} refusals: {first // 1024} KiB, again: {second // 1024} KiB")
    assert sanitized() or second - first < 4 * MIB


@pytest.mark.parametrize("scheme", SCHEMES)
def test_announced_sizes_cost_nothing(strict, record_property, scheme):
    """Packets announced as large: memory comes with the bytes, not with the promise."""
    gate, peers = strict.gates[scheme], []
    with siege(strict, [(scheme, 5)], record_property, peak=24 * MIB):
        for _ in range(100 // ONE_IN[scheme]):
            refuse(gate, 4, b"\x10\xff\xff\xff\x7f" + b"\0\4MQTT\4")
            one = dial(gate, 5)
            one.send(m.connect(5, fresh("huge")) + b"\x30\xff\xff\xff\x7f")
            one.want(m.CONNACK, code=0)
            one.closed(0x95)
            peers.append(dial(gate, 4, wait=WAIT))
            peers[-1].send(m.connect(4, fresh("huge")) + b"\x30" + m.var(1999000) + b"\x00\x01a")
            peers[-1].want(m.CONNACK, code=0)
        for _ in range(10):
            for peer in peers:
                peer.send(b"z" * 10)
        for peer in peers:
            peer.shut()
