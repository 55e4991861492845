"""CONNACK, and the properties of CONNECT and its will."""

import mqtt as m
from case import case

ALL = (3, 4, 5)
LIMIT = m.MAXIMUM_PACKET_SIZE


@case(v5="3.2.2-1 3.2.2-2 3.1.4-5 3.2.2-8 2.2.2-1 3.1.2-4 3.1.4-4",
      v4="3.2.2-1 3.1.4-4 U311-3.2.2.1-1 3.1.2-6 3.1.4-3", v3="V3-connack-1")
def test_connack_of_a_clean_start(c):
    peer = c.connect()
    assert peer.connack.ack_flags == 0 and peer.connack.code == 0
    if c.v < 5:
        assert peer.connack.size == 4


@case(v5="3.2.2-3 3.1.2-5 3.1.2-6 3.1.4-4", v4="3.2.2-2 3.2.2-3 3.1.2-4 3.1.4-3")
def test_session_present(c):
    cid = c.cid()
    c.connect(cid, session=30, present=False).bye()
    c.connect(cid, session=30, present=True).bye()
    c.connect(cid, clean=True, present=False).bye()
    c.connect(cid, session=30, present=False).bye()


@case(v3="V3-connack-1")
def test_no_session_present_in_31(c):
    """The byte is reserved: it stays 0 even when the session is resumed."""
    cid, topic = c.cid(), c.topic()
    first = c.connect(cid, session=True)
    first.subscribe(topic, 1)
    first.bye()
    c.connect().publish(topic, b"kept", 1)
    again = c.connect(cid, session=True)
    assert again.connack.ack_flags == 0
    again.message(payload="kept")


@case(v5="3.2.0-2", v4="3.2.0-1", versions=ALL)
def test_one_connack(c):
    peer = c.connect()
    peer.ping()
    assert not peer.inbox


@case(v5="3.2.2-6 3.2.2-7 3.2.2-8 4.13.2-1 4.12.0-1 3.1.4-2")
def test_refusal_closes(c):
    """Session Present is 0 in a refusal even if there is a session."""
    cid = c.cid()
    c.connect(cid, session=30).bye()
    got = c.refuse(m.connect(5, cid, clean=False, props=[(m.AUTH_METHOD, "NOPE")]), 0x8C)
    assert got.ack_flags == 0
    c.connect(cid, session=30, present=True)


@case(v5="U5-3.2.2.3.2-1 U5-3.2.2.3.3-1 U5-3.2.2.3.4-1 U5-3.2.2.3.5-1 U5-3.2.2.3.6-1 "
         "U5-3.2.2.3.8-1 U5-3.2.2.3.11-1 U5-3.2.2.3.12-1 U5-3.2.2.3.13-1 U5-3.2.2.3.14-1 "
         "U5-3.2.2.3.15-1 U5-3.2.2.3.16-1 U5-3.2.2.3.17-1 U5-3.2.2.3.18-1 U5-3.2.2.3.7-1 "
         "U5-4.11-1")
def test_connack_properties_are_valid(c):
    """The strict reader refuses doubles and values out of range; here it sees many CONNACKs."""
    peers = [c.connect(), c.connect(session=30), c.connect(props=[(m.REQUEST_RESPONSE, 1)]),
             c.connect(props=[(m.RECEIVE_MAXIMUM, 1), (m.TOPIC_ALIAS_MAXIMUM, 1)])]
    empty = c.open()
    empty.hello("")
    peers.append(empty)
    empty.want(m.CONNACK, code=0)
    for peer in peers:
        got = peer.connack
        assert not got.has(m.MAXIMUM_QOS) and got.get(m.RETAIN_AVAILABLE, 1) == 1
        assert got.get(m.WILDCARD_AVAILABLE, 1) == 1 and got.get(m.SHARED_AVAILABLE, 1) == 1
        assert got.get(m.SUBSCRIPTION_ID_AVAILABLE, 1) == 1
        assert got.get(m.RECEIVE_MAXIMUM, 65535) > 0 and not got.has(m.SERVER_REFERENCE)


@case(v5="3.2.2-9 U5-3.2.2.3.4-1 U5-3.2.2.3.5-1 U5-3.2.2.3.11-1 U5-3.2.2.3.12-1 U5-3.2.2.3.13-1",
      config="reduced")
def test_connack_announces_what_is_missing(c):
    got = c.connect().connack
    assert got.get(m.MAXIMUM_QOS) == 1 and got.get(m.RETAIN_AVAILABLE) == 0
    assert got.get(m.WILDCARD_AVAILABLE) == 0 and got.get(m.SHARED_AVAILABLE) == 0
    assert got.get(m.SUBSCRIPTION_ID_AVAILABLE) == 0


@case(v5="3.2.2-9 U5-3.2.2.3.4-1 U5-3.2.2.3.8-1", config="qos0")
def test_connack_announces_maximum_qos_0(c):
    got = c.connect().connack
    assert got.get(m.MAXIMUM_QOS) == 0 and got.get(m.TOPIC_ALIAS_MAXIMUM, 0) == 0


@case(v5="U5-3.2.2.3.3-1 U5-3.2.2.3.6-1 U5-3.2.2.3.8-1", config="small")
def test_connack_announces_limits(c):
    got = c.connect().connack
    assert got.get(m.RECEIVE_MAXIMUM) == 5 and got.get(m.TOPIC_ALIAS_MAXIMUM) == 3
    assert got.get(m.MAXIMUM_PACKET_SIZE) == 4096


@case(v5="U5-3.2.2.3.2-1", config="timed")
def test_connack_tells_a_shorter_session_expiry(c):
    """Sent only if the server uses another value than the client asked for."""
    assert c.connect(session=3600).connack.get(m.SESSION_EXPIRY) == 1
    assert c.connect(session=0xFFFFFFFF).connack.get(m.SESSION_EXPIRY) == 1
    assert c.connect(session=1).connack.get(m.SESSION_EXPIRY, 1) == 1
    assert c.connect().connack.get(m.SESSION_EXPIRY, 0) == 0


@case(v5="U5-3.2.2.3.14-1 3.1.2-21 3.2.2-21", config="timed")
def test_connack_tells_the_keep_alive(c):
    assert c.connect(keepalive=600).connack.get(m.SERVER_KEEP_ALIVE) == 1


@case(v5="3.2.2-22")
def test_no_server_keep_alive_unless_configured(c):
    assert not c.connect(keepalive=600).connack.has(m.SERVER_KEEP_ALIVE)


@case(v5="3.1.2-28 U5-3.1.2.11.6-1")
def test_no_response_information_unless_requested(c):
    for extra in ((), [(m.REQUEST_RESPONSE, 0)]):
        assert not c.connect(props=extra).connack.has(m.RESPONSE_INFO)


@case(v5="U5-3.1.2.11.6-2 U5-3.2.2.3.15-1")
def test_response_information_on_request(c):
    got = c.connect(props=[(m.REQUEST_RESPONSE, 1)]).connack
    assert got.get(m.RESPONSE_INFO, "").startswith("reply/")


@case(v5="3.2.2-19 3.2.2-20 3.1.2-24")
def test_connack_fits_the_maximum_packet_size(c):
    """A client with a tiny limit gets a CONNACK without extras, or none at all."""
    for limit in range(1, 64):
        peer = c.open()
        peer.hello(c.cid(), props=[(LIMIT, limit)])
        try:
            got = peer.read()
        except Exception:
            assert limit < 40
            continue
        assert got.kind == m.CONNACK and got.size <= limit


@case(v5="3.2.2-19 3.2.2-20")
def test_refusing_connack_fits_the_maximum_packet_size(c):
    peer = c.open()
    peer.hello(c.cid(), props=[(LIMIT, 5), (m.AUTH_METHOD, "NOPE")])
    assert peer.refused(0x8C).props == []


CONNECT_TWICE = {
    "U5-3.1.2.11.2-1": (m.SESSION_EXPIRY, 1), "U5-3.1.2.11.3-1": (m.RECEIVE_MAXIMUM, 1),
    "U5-3.1.2.11.4-1": (m.MAXIMUM_PACKET_SIZE, 999), "U5-3.1.2.11.5-1": (m.TOPIC_ALIAS_MAXIMUM, 1),
    "U5-3.1.2.11.6-1": (m.REQUEST_RESPONSE, 1), "U5-3.1.2.11.7-1": (m.REQUEST_PROBLEM, 1),
    "U5-3.1.2.11.9-1": (m.AUTH_METHOD, "ECHO"),
}


@case(v5=" ".join(CONNECT_TWICE) + " U5-4.13.1-2 U5-4.13.1-4")
def test_connect_property_twice(c):
    for item in CONNECT_TWICE.values():
        c.refuse(m.connect(5, c.cid(), props=[item, item]), 0x82)
    data = [(m.AUTH_METHOD, "ECHO"), (m.AUTH_DATA, b"a"), (m.AUTH_DATA, b"a")]
    c.refuse(m.connect(5, c.cid(), props=data), 0x82)


@case(v5="U5-3.1.2.11.10-1")
def test_authentication_data_without_method(c):
    c.refuse(m.connect(5, c.cid(), props=[(m.AUTH_DATA, b"x")]), 0x82)


@case(v5="U5-3.1.2.11.3-1 U5-3.1.2.11.4-1 U5-3.1.2.11.6-1 U5-3.1.2.11.7-1")
def test_connect_property_out_of_range(c):
    for item in ((m.RECEIVE_MAXIMUM, 0), (m.MAXIMUM_PACKET_SIZE, 0), (m.REQUEST_RESPONSE, 2),
                 (m.REQUEST_RESPONSE, 255), (m.REQUEST_PROBLEM, 2)):
        c.refuse(m.connect(5, c.cid(), props=[item]), 0x82)


WILL_TWICE = {
    "U5-3.1.3.2.2-1": (m.WILL_DELAY, 1), "U5-3.1.3.2.3-1": (m.PAYLOAD_FORMAT, 1),
    "U5-3.1.3.2.4-1": (m.MESSAGE_EXPIRY, 1), "U5-3.1.3.2.5-1": (m.CONTENT_TYPE, "x"),
    "U5-3.1.3.2.6-1": (m.RESPONSE_TOPIC, "x"), "U5-3.1.3.2.7-1": (m.CORRELATION_DATA, b"x"),
}


@case(v5=" ".join(WILL_TWICE))
def test_will_property_twice(c):
    for item in WILL_TWICE.values():
        will = m.Will(c.topic(), props=[item, item])
        c.refuse(m.connect(5, c.cid(), will=will), 0x82)


@case(v5="3.3.2-14 3.3.2-13 U5-3.3.2.3.2-1")
def test_will_property_out_of_range(c):
    for item in ((m.PAYLOAD_FORMAT, 2), (m.RESPONSE_TOPIC, "a/+"), (m.RESPONSE_TOPIC, "#"),
                 (m.RESPONSE_TOPIC, b"\xff")):
        will = m.Will(c.topic(), props=[item])
        c.refuse(m.connect(5, c.cid(), will=will), (0x81, 0x82, 0x90))


@case(v5="U5-3.1.3.2.3-2")
def test_will_payload_that_is_not_utf8(c):
    will = m.Will(c.topic(), b"\xff\xfe", props=[(m.PAYLOAD_FORMAT, 1)])
    c.refuse(m.connect(5, c.cid(), will=will), 0x99)
    good = m.Will(c.topic(), "grün".encode(), props=[(m.PAYLOAD_FORMAT, 1)])
    c.connect(will=good)


NOT_IN_CONNECT = (
    (m.PAYLOAD_FORMAT, 1), (m.MESSAGE_EXPIRY, 1), (m.CONTENT_TYPE, "a"), (m.RESPONSE_TOPIC, "a"),
    (m.CORRELATION_DATA, b"a"), (m.SUBSCRIPTION_ID, 1), (m.ASSIGNED_CLIENT_ID, "a"),
    (m.SERVER_KEEP_ALIVE, 1), (m.WILL_DELAY, 1), (m.RESPONSE_INFO, "a"),
    (m.SERVER_REFERENCE, "a"), (m.REASON_STRING, "a"), (m.TOPIC_ALIAS, 1), (m.MAXIMUM_QOS, 1),
    (m.RETAIN_AVAILABLE, 1), (m.WILDCARD_AVAILABLE, 1), (m.SUBSCRIPTION_ID_AVAILABLE, 1),
    (m.SHARED_AVAILABLE, 1))
NOT_IN_WILL = (
    (m.SESSION_EXPIRY, 1), (m.SUBSCRIPTION_ID, 1), (m.ASSIGNED_CLIENT_ID, "a"),
    (m.AUTH_METHOD, "a"), (m.AUTH_DATA, b"a"), (m.REQUEST_PROBLEM, 1), (m.REQUEST_RESPONSE, 1),
    (m.RECEIVE_MAXIMUM, 1), (m.TOPIC_ALIAS_MAXIMUM, 1), (m.TOPIC_ALIAS, 1),
    (m.MAXIMUM_PACKET_SIZE, 1), (m.REASON_STRING, "a"), (m.MAXIMUM_QOS, 1))
UNKNOWN = (b"\x00\x00", b"\x04\x00", b"\x0a\x00", b"\x14\x00", b"\x2b\x00", b"\x7f\x00",
           b"\x80\x01\x00")


@case(v5="U5-2.2.2.2-1 3.1.4-1")
def test_property_not_allowed_in_connect(c):
    for item in NOT_IN_CONNECT + UNKNOWN:
        c.refuse(m.connect(5, c.cid(), props=[item]), 0x81)
    for item in NOT_IN_WILL + UNKNOWN:
        c.refuse(m.connect(5, c.cid(), will=m.Will(c.topic(), props=[item])), 0x81)


@case(v5="U5-2.2.2.2-1 1.5.5-1 2.2.2-1 1.5.7-1 1.5.4-1")
def test_malformed_properties_in_connect(c):
    """Cut values, lying lengths, padded integers, bad text, a block that is not there."""
    bad = [m.prop(m.SESSION_EXPIRY, 1)[:-1], b"\x26\x00\x01",
           m.prop(m.USER_PROPERTY, (b"\xff", "a")), m.prop(m.USER_PROPERTY, ("a", b"\xff")),
           m.prop(m.USER_PROPERTY, ("a\0", "b")), m.prop(m.AUTH_METHOD, b"\xc0\x80"),
           b"\x91\x00" + m.u32(1)]
    for item in bad:
        c.refuse(m.connect(5, c.cid(), props=[item]), 0x81)
    start = m.protocol(5) + b"\x02" + m.u16(0)
    for block in (b"\x80\x00", b"\x7f", b"\xff\xff\xff\xff\x01", b"\xff\xff\xff\x7f", b""):
        c.refuse(m.packet(m.CONNECT, 0, start + block + m.s(c.cid())), 0x81)


@case(v5="U5-2.2.2.2-2")
def test_connect_properties_in_any_order(c):
    items = [(m.USER_PROPERTY, ("a", "b")), (m.MAXIMUM_PACKET_SIZE, 1000), (m.SESSION_EXPIRY, 0),
             (m.USER_PROPERTY, ("a", "b")), (m.RECEIVE_MAXIMUM, 9), (m.REQUEST_PROBLEM, 1),
             (m.TOPIC_ALIAS_MAXIMUM, 3), (m.REQUEST_RESPONSE, 0)]
    for turn in range(len(items)):
        c.connect(props=items[turn:] + items[:turn])
        c.connect(props=(items[turn:] + items[:turn])[::-1])


# ---- servers that lack something -----------------------------------------------------------------

@case(v5="3.2.2-12", config="reduced")
def test_will_qos_above_maximum(c):
    c.refuse(m.connect(5, c.cid(), will=m.Will(c.topic(), qos=2)), 0x9B)
    c.connect(will=m.Will(c.topic(), qos=1))


@case(v5="3.2.2-13", config="reduced")
def test_will_retain_without_retained_messages(c):
    c.refuse(m.connect(5, c.cid(), will=m.Will(c.topic(), retain=True)), 0x9A)


@case(v5="3.2.2-11 U5-3.2.2.3.4-2", v4="4.8.0-2", config="reduced", versions=ALL)
def test_publish_above_maximum_qos(c):
    c.kills(m.publish(c.v, c.topic(), b"x", 2, pid=1), 0x9B)


@case(v5="3.2.2-11 U5-3.2.2.3.4-2", config="qos0")
def test_publish_above_maximum_qos_0(c):
    for qos in (1, 2):
        c.kills(m.publish(5, c.topic(), b"x", qos, pid=1), 0x9B)


@case(v5="3.2.2-10 U5-3.8.4-2 3.8.4-7", v4="U311-3.8.4-1 3.8.4-5", config="qos0")
def test_any_qos_may_be_requested(c):
    """A server that lacks QoS 1 and 2 takes the SUBSCRIBE and grants what it can."""
    topic = c.topic()
    peer = c.connect()
    pid = peer.pid()
    peer.send(m.subscribe(c.v, pid, [(topic, q) for q in (0, 1, 2)]))
    got = peer.want(m.SUBACK, pid=pid)
    assert len(got.codes) == 3 and all(code <= 2 for code in got.codes)
    c.connect().publish(topic, b"x")
    peer.message(topic=topic, qos=0, payload="x")


@case(v5="3.2.2-14 U5-3.2.2.3.5-2", v4="4.8.0-2", config="reduced", versions=ALL)
def test_retain_without_retained_messages(c):
    c.kills(m.publish(c.v, c.topic(), b"x", retain=True), 0x9A)


@case(v5="U5-3.2.2.3.11-2", config="reduced")
def test_wildcard_subscription_without_support(c):
    for topic in ("a/+", "#"):
        c.kills(m.subscribe(5, 1, [(topic, 0)]), 0xA2)


@case(v4="3.8.3-2 3.9.3-2", config="reduced")
def test_wildcards_refused_in_311(c):
    """And shared subscriptions; what is allowed between them is granted."""
    peer = c.connect()
    filters = ["a/+", c.topic(), "#", "$share/g/a"]
    peer.subscribe(filters, granted=[0x80, 0, 0x80, 0x80])


@case(v5="U5-3.2.2.3.12-2", config="reduced")
def test_subscription_identifier_without_support(c):
    c.kills(m.subscribe(5, 1, [(c.topic(), 0)], props=[(m.SUBSCRIPTION_ID, 1)]), 0xA1)


@case(v5="U5-3.2.2.3.13-2", config="reduced")
def test_shared_subscription_without_support(c):
    c.kills(m.subscribe(5, 1, [("$share/g/" + c.topic(), 0)]), 0x9E)


@case(v5="U5-3.2.2.3.6-2 3.2.2-15", v4="U311-4.8-1 4.8.0-2", config="small", versions=ALL)
def test_packet_above_maximum_size(c):
    """The packet of exactly the limit is taken; a longer one is refused by its fixed header."""
    topic = c.topic()
    watcher, peer = c.connect(), c.connect()
    watcher.subscribe(topic)
    room = 4096 - len(m.publish(c.v, topic, b"x" * 4000)) + 4000
    peer.publish(topic, b"x" * room)
    watcher.message(topic=topic)
    peer.send(m.publish(c.v, topic, b"x" * (room + 1)))
    peer.closed(0x95)
    c.kills(b"\x30\xff\xff\xff\x7f", 0x95)
    c.expect(watcher, [])
