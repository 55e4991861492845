"""PUBLISH: names, properties, aliases, expiry, payload; what is passed on and what is not."""

import mqtt as m
from case import case

ALL = (3, 4, 5)


@case(v5="3.3.2-1 3.3.2-3 4.3.1-1 2.2.1-2 3.3.1-2 3.3.4-1 U5-3.3.3-1",
      v4="3.3.2-1 3.3.2-3 4.3.1-1 2.3.1-5 3.3.1-2 3.3.4-1", versions=ALL)
def test_qos_0_delivery(c):
    """No identifier, no DUP, no answer; an empty payload and a large one are fine."""
    topic = c.topic()
    sub, pub = c.pair(topic, qos=2)
    for payload in (b"", b"x", b"\x00\xff" * 500, b"z" * 300000):
        pub.publish(topic, payload)
        sub.message(topic=topic, payload=payload, qos=0, dup=False, retain=False)
    pub.ping()


@case(v5="3.3.1-4", v4="3.3.1-4", versions=ALL)
def test_qos_3(c):
    for first in (0x36, 0x37, 0x3E, 0x3F):
        c.kills(bytes([first]) + m.publish(c.v, c.topic(), b"x", 2, pid=1)[1:], 0x81)


@case(v5="3.3.1-2", v4="3.3.1-2")
def test_dup_with_qos_0(c):
    c.kills(m.publish(c.v, c.topic(), b"x", dup=True), (0x81, 0x82))


@case(v5="2.2.1-3 2.2.1-2", v4="2.3.1-1", versions=ALL)
def test_publish_with_packet_identifier_0(c):
    for qos in (1, 2):
        c.kills(m.publish(c.v, c.topic(), b"x", qos, pid=0), (0x82, 0x81))


@case(v5="3.3.2-2 4.7.0-1", v4="3.3.2-2 4.7.1-1", versions=ALL)
def test_wildcard_in_topic_name(c):
    for topic in ("+", "#", "a/+/b", "a/#", "a+", "a#b"):
        for qos in (0, 1):
            c.kills(m.publish(c.v, topic, b"x", qos, pid=1 if qos else None), (0x90, 0x81))


@case(v5="3.3.2-1 1.5.4-1 1.5.4-2 4.7.3-2", v4="3.3.2-1 1.5.3-1 1.5.3-2 4.7.3-2", versions=ALL)
def test_bad_utf8_in_topic_name(c):
    for bad in (b"\xff", b"a/\xc3\x28", b"\xc0\x80", b"\xed\xa0\x80/x", b"\xf4\x90\x80\x80", b"a\0",
                b"\xe2\x82", b"\xf0\x80\x80\xaf"):
        c.kills(m.publish(c.v, bad, b"x"), 0x81)


@case(v5="4.7.3-1 U5-3.3.2.1-1", v4="4.7.3-1", versions=ALL)
def test_empty_topic_name(c):
    c.kills(m.publish(c.v, "", b"x"), 0x82)
    c.kills(m.publish(c.v, "", b"x", 1, pid=1), 0x82)


@case(v5="4.13.1-1 3.3.2-1", v4="4.8.0-1 3.3.2-1", versions=ALL)
def test_publish_cut_short(c):
    """Topic longer than the packet, no identifier, no property block."""
    c.kills(m.packet(m.PUBLISH, 0, m.u16(9) + b"abc"), 0x81)
    c.kills(m.packet(m.PUBLISH, 0, b"\x00"), 0x81)
    c.kills(m.packet(m.PUBLISH, 0, b""), 0x81)
    c.kills(m.packet(m.PUBLISH, 2, m.s("abc") + b"\x00"), 0x81)
    if c.v == 5:
        c.kills(m.packet(m.PUBLISH, 0, m.s("abc")), 0x81)


@case(v5="1.5.4-3 4.7.3-4", v4="1.5.3-3 4.7.3-4", versions=ALL)
def test_bom_in_topic_is_a_character(c):
    topic = c.topic()
    sub, pub = c.pair("\ufeff" + topic)
    sub.subscribe(topic + "\ufeffend")
    pub.publish(topic, b"other")
    pub.publish("\ufeff" + topic, b"1")
    pub.publish(topic + "\ufeffend", b"2")
    got = c.expect(sub, ["1", "2"], pub)
    assert got[0].topic == "\ufeff" + topic


@case(v5="U5-1.5.4-1 U5-1.5.4-2", v4="U311-1.5.3-1 U311-1.5.3-2", versions=ALL)
def test_control_characters_and_non_characters_pass(c):
    """The broker is lenient: it takes them and hands them on unchanged."""
    for odd in ("\x01", "\x1f", "\x7f", "\x9f", "\ufdd0", "\uffff", "\U0010ffff"):
        topic = c.topic(odd)
        sub, pub = c.pair(topic)
        pub.publish(topic, b"x")
        sub.message(topic=topic, payload="x")


@case(v5="4.7.3-3", v4="4.7.3-3", versions=ALL)
def test_longest_topic_name(c):
    topic = c.topic()
    topic += "x" * (65535 - len(topic))
    sub, pub = c.pair(topic)
    pub.publish(topic, b"far")
    sub.message(topic=topic, payload="far")


EVERYTHING = [
    (m.PAYLOAD_FORMAT, 1), (m.MESSAGE_EXPIRY, 3600), (m.CONTENT_TYPE, "text/plain; ä"),
    (m.RESPONSE_TOPIC, "reply/to/me"), (m.CORRELATION_DATA, b"\x00\xff\x01"),
    (m.USER_PROPERTY, ("b", "2")), (m.USER_PROPERTY, ("a", "1")), (m.USER_PROPERTY, ("b", "2")),
    (m.USER_PROPERTY, ("", "")), (m.USER_PROPERTY, ("\ufeffa", "\U0001f600"))]
UNCHANGED = [p for p in EVERYTHING if p[0] != m.MESSAGE_EXPIRY]


def same_properties(got):
    assert got.get(m.MESSAGE_EXPIRY) in (3600, 3599)
    kept = [p for p in got.props if p[0] != m.MESSAGE_EXPIRY]
    assert sorted(kept, key=repr) == sorted(UNCHANGED, key=repr)
    assert got.all(m.USER_PROPERTY) == [v for i, v in UNCHANGED if i == m.USER_PROPERTY]


@case(v5="3.3.2-4 3.3.2-6 3.3.2-15 3.3.2-16 3.3.2-17 3.3.2-18 3.3.2-20 1.5.4-3 U5-3.3.2.3.2-1")
def test_properties_are_passed_on(c):
    """All QoS, live, from the retained store and from an offline queue."""
    topic, keeper = c.topic(), c.cid()
    sub, pub = c.pair(topic, qos=2)
    c.connect(keeper, session=60).subscribe(topic, 2)
    for peer in c.peers:
        if peer.cid == keeper:
            peer.bye()
    for qos in (0, 1, 2):
        pub.publish(topic, b"text", qos, props=EVERYTHING, retain=True)
        same_properties(sub.message(topic=topic))
    late = c.connect()
    late.subscribe(topic)
    same_properties(late.message())
    back = c.connect(keeper, session=60, present=True)
    same_properties(back.message(qos=1))
    same_properties(back.message(qos=2))


@case(v5="3.3.2-4 3.3.2-20 3.3.2-15 3.3.2-16")
def test_absent_properties_stay_absent(c):
    topic = c.topic()
    sub, pub = c.pair(topic)
    pub.publish(topic, b"x")
    assert sub.message().props == []
    pub.publish(topic, b"x", props=[(m.PAYLOAD_FORMAT, 0), (m.CONTENT_TYPE, ""),
                                    (m.CORRELATION_DATA, b"")])
    got = sub.message()
    assert got.get(m.CONTENT_TYPE) == "" and got.get(m.CORRELATION_DATA) == b""
    assert got.get(m.PAYLOAD_FORMAT, 0) == 0


@case(v5="U5-3.1.4-1", v4="3.3.2-3", versions=(5, 4))
def test_properties_do_not_reach_older_clients(c):
    """A 3.x subscriber gets the message without a property block."""
    topic = c.topic()
    sub, pub = c.connect(v=4 if c.v == 5 else 3), c.connect(v=5)
    sub.subscribe(topic, 1)
    pub.publish(topic, b"text", 1, props=EVERYTHING)
    sub.message(topic=topic, payload="text", qos=1)


PUBLISH_TWICE = {
    "U5-3.3.2.3.4-1": (m.TOPIC_ALIAS, 1), "U5-3.3.2.3.5-1": (m.RESPONSE_TOPIC, "a"),
    "U5-3.3.2.3.6-1": (m.CORRELATION_DATA, b"a"), "U5-3.3.2.3.9-1": (m.CONTENT_TYPE, "a"),
    "4.13.1-1": (m.PAYLOAD_FORMAT, 1), "U5-4.13.1-4": (m.MESSAGE_EXPIRY, 1),
}


@case(v5=" ".join(PUBLISH_TWICE) + " U5-4.13.1-3")
def test_publish_property_twice(c):
    for item in PUBLISH_TWICE.values():
        c.kills(m.publish(5, c.topic(), b"x", props=[item, item]), 0x82)


@case(v5="U5-3.3.2.3.2-1")
def test_payload_format_out_of_range(c):
    c.kills(m.publish(5, c.topic(), b"x", props=[(m.PAYLOAD_FORMAT, 2)]), 0x82)


@case(v5="3.3.2-13 3.3.2-19 1.5.7-1 1.5.4-1 1.5.4-2")
def test_bad_utf8_in_publish_properties(c):
    for ident in (m.RESPONSE_TOPIC, m.CONTENT_TYPE):
        for bad in (b"\xff", b"a\0b", b"\xed\xa0\x80"):
            c.kills(m.publish(5, c.topic(), b"x", props=[(ident, bad)]), 0x81)
    for bad in ((b"\xff", "a"), ("a", b"\xff"), ("a\0", "a"), ("a", "\0")):
        c.kills(m.publish(5, c.topic(), b"x", props=[(m.USER_PROPERTY, bad)]), 0x81)


@case(v5="3.3.2-14")
def test_wildcard_in_response_topic(c):
    for bad in ("a/+", "#", "+/b"):
        c.kills(m.publish(5, c.topic(), b"x", props=[(m.RESPONSE_TOPIC, bad)]),
                (0x82, 0x81, 0x90))


@case(v5="U5-2.2.2.2-1 1.5.5-1 2.2.2-1")
def test_property_not_allowed_in_publish(c):
    wrong = [(m.SESSION_EXPIRY, 1), (m.ASSIGNED_CLIENT_ID, "a"), (m.SERVER_KEEP_ALIVE, 1),
             (m.AUTH_METHOD, "a"), (m.AUTH_DATA, b"a"), (m.REQUEST_PROBLEM, 1), (m.WILL_DELAY, 1),
             (m.REQUEST_RESPONSE, 1), (m.RESPONSE_INFO, "a"), (m.SERVER_REFERENCE, "a"),
             (m.REASON_STRING, "a"), (m.RECEIVE_MAXIMUM, 1), (m.TOPIC_ALIAS_MAXIMUM, 1),
             (m.MAXIMUM_QOS, 1), (m.RETAIN_AVAILABLE, 1), (m.MAXIMUM_PACKET_SIZE, 1),
             (m.WILDCARD_AVAILABLE, 1), (m.SUBSCRIPTION_ID_AVAILABLE, 1), (m.SHARED_AVAILABLE, 1),
             b"\x00\x00", b"\x7f\x01", b"\x81\x00\x01", b"\x23\x00"]
    for item in wrong:
        c.kills(m.publish(5, c.topic(), b"", props=[item]), 0x81)
    for block in (b"\x80\x00", b"\x05\x01", b"\xff\xff\xff\xff\x7f"):
        c.kills(m.packet(m.PUBLISH, 0, m.s(c.topic()) + block), 0x81)


@case(v5="U5-2.2.2.2-2")
def test_publish_properties_in_any_order(c):
    topic = c.topic()
    sub, pub = c.pair(topic)
    for turn in range(len(EVERYTHING)):
        pub.publish(topic, b"x", props=(EVERYTHING[turn:] + EVERYTHING[:turn])[::-1])
        assert len(sub.message().props) == len(EVERYTHING)


@case(v5="3.3.4-6 U5-3.3.2.3.8-1")
def test_subscription_identifier_from_a_client(c):
    for ident in (0, 1, 268435455):
        c.kills(m.publish(5, c.topic(), b"x", props=[(m.SUBSCRIPTION_ID, ident)]), (0x82, 0x81))


@case(v5="U5-3.3.2.3.2-2 3.4.2-1 3.5.2-1 4.3.3-9 U5-4.13.2-1 4.4.0-2")
def test_payload_that_is_not_utf8(c):
    """QoS 1 and 2 are refused by their acknowledgement, QoS 0 by DISCONNECT; nobody gets it."""
    topic = c.topic()
    sub, pub = c.pair(topic, qos=2)
    text = [(m.PAYLOAD_FORMAT, 1)]
    pub.publish(topic, b"\xff\xfe", 1, code=0x99, props=text)
    pub.publish(topic, b"ab\xc0\x80", 2, code=0x99, props=text)
    pub.publish(topic, "für dich".encode(), 1, props=text)
    pub.publish(topic, b"\xff\xfe", 1, props=[(m.PAYLOAD_FORMAT, 0)])
    c.expect(sub, ["für dich", b"\xff\xfe"], pub)
    pub.send(m.publish(5, topic, b"\xff", props=text))
    pub.closed(0x99)


# ---- topic aliases -------------------------------------------------------------------------------

@case(v5="3.3.2-12 3.3.2-9 U5-3.3.2.3.4-2 3.2.2-17")
def test_alias_from_client(c):
    """Every alias up to the announced maximum works, at every QoS, and can be set anew."""
    pub, sub = c.connect(), c.connect()
    top = pub.connack.get(m.TOPIC_ALIAS_MAXIMUM, 0)
    assert top > 0
    topics = {alias: c.topic() for alias in range(1, top + 1)}
    for topic in topics.values():
        sub.subscribe(topic, 2)
    for alias, topic in topics.items():
        pub.publish(topic, b"set", alias % 3, props=[(m.TOPIC_ALIAS, alias)])
        sub.message(topic=topic, payload="set")
    for alias, topic in topics.items():
        pub.publish("", b"use", alias % 3, props=[(m.TOPIC_ALIAS, alias)])
        got = sub.message(topic=topic, payload="use")
        assert not got.has(m.TOPIC_ALIAS)
    pub.publish(topics[top], b"again", props=[(m.TOPIC_ALIAS, 1)])
    pub.publish("", b"moved", props=[(m.TOPIC_ALIAS, 1)])
    sub.message(topic=topics[top], payload="again")
    sub.message(topic=topics[top], payload="moved")


@case(v5="3.3.2-8 3.3.2-9 U5-3.3.4-4 3.2.2-17", config="small")
def test_alias_out_of_range(c):
    for alias in (0, 4, 65535):
        c.kills(m.publish(5, c.topic(), b"x", props=[(m.TOPIC_ALIAS, alias)]), 0x94)
        c.kills(m.publish(5, "", b"x", props=[(m.TOPIC_ALIAS, alias)]), 0x94)


@case(v5="3.2.2-18 U5-3.3.4-4 U5-3.2.2.3.8-1", config="qos0")
def test_alias_without_any_allowed(c):
    c.kills(m.publish(5, c.topic(), b"x", props=[(m.TOPIC_ALIAS, 1)]), 0x94)


@case(v5="U5-3.3.4-5")
def test_unknown_alias(c):
    c.kills(m.publish(5, "", b"x", props=[(m.TOPIC_ALIAS, 1)]), 0x82)
    peer = c.connect()
    peer.publish(c.topic(), b"x", props=[(m.TOPIC_ALIAS, 1)])
    peer.send(m.publish(5, "", b"x", props=[(m.TOPIC_ALIAS, 2)]))
    peer.closed(0x82)


@case(v5="3.3.2-7 U5-3.3.4-5")
def test_aliases_end_with_the_connection(c):
    cid = c.cid()
    first = c.connect(cid, session=30)
    first.publish(c.topic(), b"x", 1, props=[(m.TOPIC_ALIAS, 1)])
    first.bye()
    second = c.connect(cid, session=30, present=True)
    second.send(m.publish(5, "", b"x", props=[(m.TOPIC_ALIAS, 1)]))
    second.closed(0x82)


@case(v5="3.3.2-9 3.3.2-12")
def test_alias_is_set_even_if_the_message_is_refused(c):
    topic = c.topic()
    sub, pub = c.pair(topic)
    pub.publish(topic, b"\xff", 1, code=0x99, props=[(m.PAYLOAD_FORMAT, 1), (m.TOPIC_ALIAS, 2)])
    pub.publish("", b"fine", props=[(m.TOPIC_ALIAS, 2)])
    sub.message(topic=topic, payload="fine")


@case(v5="3.3.2-2 4.7.3-2 1.5.4-1")
def test_names_set_through_aliases_are_checked(c):
    for bad, code in (("a/+", (0x90, 0x81)), (b"\xff", 0x81), ("a\0", 0x81)):
        c.kills(m.publish(5, bad, b"x", props=[(m.TOPIC_ALIAS, 1)]), code)


@case(v5="3.1.2-26 3.3.2-11 3.3.2-10 3.3.2-8")
def test_alias_from_server(c):
    """Never above the client's maximum (the reader checks), and it saves repeating the name."""
    topics = [c.topic() for _ in range(5)]
    sub, pub = c.connect(props=[(m.TOPIC_ALIAS_MAXIMUM, 2)]), c.connect()
    for topic in topics:
        sub.subscribe(topic, 1)
    sizes = []
    for turn in range(6):
        for topic in topics:
            pub.publish(topic, b"x", turn % 2)
            got = sub.message(payload="x")
            assert got.topic == topic
            sizes.append(got.has(m.TOPIC_ALIAS))
    assert any(sizes), "the broker is known to assign aliases"


@case(v5="3.1.2-27 U5-3.1.2.11.5-1")
def test_no_alias_from_server_unless_allowed(c):
    topic = c.topic()
    for extra in ((), [(m.TOPIC_ALIAS_MAXIMUM, 0)]):
        sub, pub = c.connect(props=extra), c.connect()
        sub.subscribe(topic)
        for _ in range(5):
            pub.publish(topic, b"x")
            assert not sub.message(topic=topic).has(m.TOPIC_ALIAS)


@case(v5="3.3.2-7 3.3.1-1")
def test_resent_publish_has_its_full_name(c):
    """Aliases of the old connection are gone when a message is sent again."""
    topic, cid, some = c.topic(), c.cid(), [(m.TOPIC_ALIAS_MAXIMUM, 5)]
    sub, pub = c.connect(cid, session=30, props=some), c.connect()
    sub.subscribe(topic, 1)
    for payload in (b"1", b"2", b"3"):
        pub.publish(topic, payload, 1)
        sub.message(ack=False)
    sub.shut()
    again = c.connect(cid, session=30, present=True, props=some)
    for payload in ("1", "2", "3"):
        again.message(topic=topic, payload=payload, dup=True)


# ---- expiry --------------------------------------------------------------------------------------

@case(v5="3.3.2-5 3.3.2-6 U5-3.3.1.3-4 U5-3.3.2.3.3-1 4.3.3-13", slow=True)
def test_message_expiry(c):
    """Offline queue and retained store; what lives on has waited its seconds."""
    import time
    topic, kept, cid = c.topic(), c.topic("retained"), c.cid()
    sub = c.connect(cid, session=60)
    sub.subscribe(topic, 2)
    sub.bye()
    pub = c.connect()
    for qos in (1, 2):
        pub.publish(topic, b"short", qos, props=[(m.MESSAGE_EXPIRY, 1)])
        pub.publish(topic, b"long", qos, props=[(m.MESSAGE_EXPIRY, 100)])
        pub.publish(topic, b"ever", qos)
    pub.publish(kept + "/short", b"short", 1, retain=True, props=[(m.MESSAGE_EXPIRY, 1)])
    pub.publish(kept + "/long", b"long", 1, retain=True, props=[(m.MESSAGE_EXPIRY, 100)])
    pub.publish(kept + "/ever", b"ever", 1, retain=True)
    time.sleep(2.2)
    sub = c.connect(cid, session=60, present=True)
    found = [sub.message() for _ in range(4)]
    assert [p.payload for p in found] == [b"long", b"ever"] * 2
    for got in found[0::2]:
        assert got.get(m.MESSAGE_EXPIRY) in (96, 97, 98)
    assert not found[1].has(m.MESSAGE_EXPIRY)
    sub.subscribe(kept + "/#")
    found = {p.payload: p for p in c.expect(sub, ["long", "ever"], pub, any_order=True)}
    assert found[b"long"].get(m.MESSAGE_EXPIRY) in (96, 97, 98)


@case(v5="3.3.2-5", slow=True)
def test_message_expires_while_the_window_is_full(c):
    """A message that waits behind receive maximum expires too; its place goes to the next."""
    import time
    topic = c.topic()
    sub, pub = c.connect(props=[(m.RECEIVE_MAXIMUM, 1)]), c.connect()
    sub.subscribe(topic, 1)
    pub.publish(topic, b"first", 1)
    held = sub.message(payload="first", ack=False)
    pub.publish(topic, b"expires", 1, props=[(m.MESSAGE_EXPIRY, 1)])
    pub.publish(topic, b"stays", 1)
    time.sleep(2.1)
    sub.finish(held)
    sub.message(payload="stays")


@case(v5="4.3.3-7 4.3.3-13 4.4.0-1", slow=True)
def test_begun_delivery_does_not_expire(c):
    import time
    topic, cid = c.topic(), c.cid()
    sub, pub = c.connect(cid, session=60), c.connect()
    sub.subscribe(topic, 2)
    for qos in (1, 2):
        pub.publish(topic, b"begun", qos, props=[(m.MESSAGE_EXPIRY, 1)])
        sub.message(qos=qos, ack=False)
    sub.shut()
    time.sleep(2.1)
    again = c.connect(cid, session=60, present=True)
    for qos in (1, 2):
        again.message(qos=qos, payload="begun", dup=True)


@case(v4="3.1.2-5", slow=True)
def test_messages_expire_for_older_subscribers_too(c):
    import time
    topic, cid = c.topic(), c.cid()
    sub = c.connect(cid, session=True)
    sub.subscribe(topic, 1)
    sub.bye()
    pub = c.connect(v=5)
    pub.publish(topic, b"short", 1, props=[(m.MESSAGE_EXPIRY, 1)])
    pub.publish(topic, b"stays", 1, props=[(m.MESSAGE_EXPIRY, 100)])
    time.sleep(2.1)
    again = c.connect(cid, session=True, present=True)
    again.message(payload="stays")
