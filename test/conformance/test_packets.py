"""Any packet: flags, lengths, types, reason codes from clients; size limits of the client."""

import mqtt as m
from case import case

ALL = (3, 4, 5)
SIZE = m.MAXIMUM_PACKET_SIZE


@case(v5="2.1.3-1 3.6.1-1 4.13.1-1", v4="2.2.2-1 2.2.2-2 3.6.1-1 4.8.0-1")
def test_acknowledgement_flags(c):
    for kind in (m.PUBACK, m.PUBREC, m.PUBREL, m.PUBCOMP):
        right = 2 if kind == m.PUBREL else 0
        for flags in {0, 1, 2, 4, 8, 10} - {right}:
            c.kills(m.ack(kind, 1, flags=flags), 0x81)


@case(v5="4.13.1-1 U5-4.13.1-3 U5-4.13.1-4", v4="4.8.0-1", versions=ALL)
def test_packets_only_a_server_sends(c):
    for packet in (m.packet(m.CONNACK, 0, b"\0\0"), m.packet(m.SUBACK, 0, b"\0\1\0"),
                   m.packet(m.UNSUBACK, 0, b"\0\1"), m.packet(m.PINGRESP, 0, b""),
                   m.packet(m.CONNACK, 0, b"\0\0\0"), m.packet(m.UNSUBACK, 0, b"\0\1\0\0")):
        c.kills(packet, (0x82, 0x81))


@case(v5="4.13.1-1 2.1.3-1", v4="4.8.0-1 2.2.2-2", versions=ALL)
def test_reserved_packet_type(c):
    for first in (0x00, 0x01, 0x0F):
        c.kills(bytes([first, 0]), 0x81)


@case(v5="1.5.5-1 4.13.1-1", v4="4.8.0-1", versions=ALL)
def test_remaining_length(c):
    """More than four bytes is malformed everywhere, more than needed in v5."""
    c.kills(b"\xc0\xff\xff\xff\xff\x01", 0x81)
    c.kills(b"\xc0\x80\x80\x80\x80\x00", 0x81)
    if c.v == 5:
        c.kills(b"\xc0\x80\x00", 0x81)
        c.kills(b"\xc0\x80\x80\x00", 0x81)


@case(v5="4.13.1-1 1.5.5-1", v4="4.8.0-1", versions=ALL)
def test_acknowledgement_of_wrong_length(c):
    for kind in (m.PUBACK, m.PUBREC, m.PUBREL, m.PUBCOMP):
        flags = 2 if kind == m.PUBREL else 0
        for body in (b"", b"\0", b"\0\1\0\0\0", b"\0\1\0\5", b"\0\1\0\x80\0"):
            c.kills(m.packet(kind, flags, body), 0x81)
    if c.v < 5:
        c.kills(m.ack(m.PUBACK, 1, 0))


@case(v5="3.4.2-1 3.5.2-1 3.6.2-1 3.7.2-1 U5-4.13.1-4")
def test_reason_codes_out_of_their_table(c):
    for kind, codes in ((m.PUBACK, (0x01, 0x92, 0x81, 0xFF)), (m.PUBREC, (0x02, 0x92, 0x82)),
                        (m.PUBREL, (0x10, 0x80, 0x91)), (m.PUBCOMP, (0x10, 0x80, 0x91))):
        for code in codes:
            c.kills(m.ack(kind, 1, code), (0x82, 0x81))


@case(v5="U5-3.4.2.2.2-1 U5-2.2.2.2-1 1.5.7-1 U5-3.9.2.1.2-1")
def test_acknowledgement_properties(c):
    """Reason String twice is a protocol error; others do not belong there."""
    twice = [(m.REASON_STRING, "a")] * 2
    for kind in (m.PUBACK, m.PUBREC, m.PUBREL, m.PUBCOMP):
        c.kills(m.ack(kind, 1, 0, twice), 0x82)
        for item in ((m.CONTENT_TYPE, "a"), (m.TOPIC_ALIAS, 1), b"\x7f\x00", (m.SESSION_EXPIRY, 1),
                     (m.REASON_STRING, b"\xff"), (m.USER_PROPERTY, ("a", b"\0"))):
            c.kills(m.ack(kind, 1, 0, [item]), 0x81)
    peer = c.connect()
    assert len(peer.subscribe("a#", granted=[0x8F]).all(m.REASON_STRING)) <= 1


@case(v5="4.13.1-1 U5-4.13.2-1", v4="U311-4.8-1 4.8.0-1", versions=ALL)
def test_errors_do_not_touch_others(c):
    """While one connection after another breaks, a third pair goes on undisturbed."""
    topic = c.topic()
    sub, pub = c.pair(topic, qos=1)
    for turn, packet in enumerate((b"\x00\x00", b"\xc0\xff\xff\xff\xff", m.publish(c.v, "#", b""),
                                   m.connect(c.v, "again"), b"\x82\x02\x00\x00", b"\x30\x01\x00")):
        c.kills(packet)
        pub.publish(topic, str(turn), 1)
        sub.message(payload=str(turn))


# ---- the client's maximum packet size ------------------------------------------------------------

@case(v5="3.1.2-24 3.1.2-25 U5-3.1.2.11.4-2")
def test_messages_above_the_clients_maximum(c):
    """Dropped for that client as if delivered: what fits goes on, the window stays free."""
    topic, limit = c.topic(), 128
    small = c.connect(props=[(SIZE, limit), (m.RECEIVE_MAXIMUM, 1)])
    large, pub = c.connect(), c.connect()
    for sub in (small, large):
        sub.subscribe(topic, 2)
    room = limit - len(m.publish(5, topic, b"", 1, pid=1))
    fits = []
    for turn in range(9):
        payload = b"x" * (room + turn - 6)
        fits += [payload] if len(payload) <= room else []
        pub.publish(topic, payload, 1)
        large.message(payload=payload)
    for payload in fits:
        small.message(payload=payload)
    pub.publish(topic, b"end", 2)
    small.message(payload="end", qos=2)
    assert not c.drain(small, pub)


@case(v5="3.1.2-24 3.1.2-25")
def test_topic_aliases_fit_the_clients_maximum(c):
    """An alias never makes a packet too large and never costs one that fits without it."""
    base, pub = c.topic(), c.connect()
    for limit in (128, 132, 250):  # at 132 the alias makes the remaining length longer too
        sub = c.connect(props=[(SIZE, limit), (m.TOPIC_ALIAS_MAXIMUM, 5)])
        sub.subscribe(f"{base}/{limit}/+", 1)
        sizes = [len(m.publish(5, f"{base}/{limit}/0", b"x" * n, 1, pid=1)) for n in range(limit)]
        room = sizes.index(limit)
        for turn in range(9):
            topic, payload = f"{base}/{limit}/{turn}", b"x" * (room + turn - 8)
            pub.publish(topic, payload, 1)
            sub.message(topic=topic, payload=payload)


@case(v5="3.1.2-25 3.1.2-24 4.4.0-1")
def test_queued_messages_above_the_maximum_of_the_new_connection(c):
    topic, cid, pub = c.topic(), c.cid(), c.connect()
    sub = c.connect(cid, session=30)
    sub.subscribe(topic, 1)
    sub.bye()
    for payload in (b"1", b"x" * 500, b"2"):
        pub.publish(topic, payload, 1)
    sub = c.connect(cid, session=30, present=True, props=[(SIZE, 200)])
    c.expect(sub, ["1", "2"], pub)


@case(v5="3.1.2-25 3.1.2-24")
def test_retained_messages_above_the_maximum(c):
    topic, pub = c.topic("r"), c.connect()
    pub.publish(topic + "/big", b"x" * 500, 1, retain=True)
    pub.publish(topic + "/small", b"s", 1, retain=True)
    sub = c.connect(props=[(SIZE, 200)])
    sub.subscribe(topic + "/#", 1)
    c.expect(sub, ["s"], pub)
    pub.publish(topic + "/big", b"", retain=True)


@case(v5="3.4.2-2 3.4.2-3 3.5.2-2 3.5.2-3 3.6.2-2 3.6.2-3 3.7.2-2 3.7.2-3 3.1.2-24")
def test_acknowledgements_fit_the_maximum(c):
    """With a tiny maximum the codes arrive, without Reason String and User Property."""
    tight = c.connect().connack.size
    peer = c.connect(props=[(SIZE, tight)])
    text = [(m.PAYLOAD_FORMAT, 1)]
    for kind in (1, 2):
        got = peer.publish("$SYS/x", b"x", kind, code=0x87)
        assert got.size <= tight
        assert peer.publish(c.topic(), b"\xff", kind, code=0x99, props=text).size <= tight
    peer.send(m.ack(m.PUBREL, 77))
    assert peer.want(m.PUBCOMP, pid=77, code=0x92).size <= tight
    peer.send(m.ack(m.PUBREC, 78))
    assert peer.want(m.PUBREL, pid=78, code=0x92).size <= tight


@case(v5="3.14.2-3 3.14.2-4 3.1.2-24")
def test_disconnect_fits_the_maximum(c):
    for packet, code in ((m.publish(5, "", b"x"), 0x82), (b"\x00\x00", 0x81),
                         (m.publish(5, "#", b"x"), (0x90, 0x81))):
        tight = c.connect().connack.size
        peer = c.connect(props=[(SIZE, tight)])
        peer.send(packet)
        peer.closed(code)


@case(v5="3.1.2-29 U5-3.1.2.11.7-1")
def test_no_problem_information(c):
    """Reason String and User Property only on PUBLISH, CONNACK and DISCONNECT if so asked."""
    peer = c.connect(props=[(m.REQUEST_PROBLEM, 0)])
    topic = c.topic()
    found = [peer.subscribe(["a#", topic], 1, granted=[0x8F, 1]),
             peer.unsubscribe(["none", "a#"]),
             peer.publish("$SYS/x", b"x", 1, code=0x87), peer.publish("$SYS/x", b"x", 2, code=0x87),
             peer.publish(topic + "/none", b"x", 1)]
    peer.send(m.ack(m.PUBREL, 77))
    found.append(peer.want(m.PUBCOMP, code=0x92))
    for got in found:
        assert not got.has(m.REASON_STRING) and not got.has(m.USER_PROPERTY), got
    pair = [(m.USER_PROPERTY, ("a", "b"))]
    c.connect().publish(topic, b"x", 1, props=pair)
    assert peer.message().all(m.USER_PROPERTY) == [("a", "b")]


@case(v5="U5-3.1.2.11.7-3 3.4.2-1 U5-2.4-1")
def test_problem_information_is_allowed(c):
    """With 1 or nothing the server may explain; whatever it adds is valid (the reader checks)."""
    for props in ((), [(m.REQUEST_PROBLEM, 1)]):
        peer = c.connect(props=props)
        assert peer.publish("$SYS/x", b"x", 1, code=0x87).code >= 0x80
        peer.subscribe("a#", granted=[0x8F])


@case(v4="4.8.0-1", versions=(3, 4), v3="V3-disconnect-1")
def test_server_sends_no_disconnect_before_5(c):
    """The reader refuses DISCONNECT in 3.x; here are the ways a connection ends."""
    cid = c.cid()
    old = c.connect(cid)
    c.connect(cid)
    assert old.closed() is None
    for packet in (m.publish(c.v, "#", b""), b"\x00\x00", m.connect(c.v, cid)):
        assert c.kills(packet) is None
