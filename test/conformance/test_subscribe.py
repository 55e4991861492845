"""SUBSCRIBE and UNSUBSCRIBE: answers, options, identifiers, overlaps, what is malformed."""

import mqtt as m
from case import case

ALL = (3, 4, 5)
IDENT = m.SUBSCRIPTION_ID


@case(v5="3.8.4-1 3.8.4-2 3.8.4-6 3.8.4-7 3.9.3-1 3.9.3-2 2.2.1-6 2.2.2-1",
      v4="3.8.4-1 3.8.4-2 3.8.4-5 3.9.3-1 3.9.3-2 2.3.1-7", versions=ALL)
def test_suback(c):
    """One answer with the same identifier and a code for each filter, in order."""
    peer = c.connect()
    for pid in (1, 255, 256, 65535):
        for wanted in ([0], [1, 0], [2, 1, 0, 2]):
            peer.send(m.subscribe(c.v, pid, [(c.topic(), qos) for qos in wanted]))
            peer.want(m.SUBACK, pid=pid, codes=wanted)
    peer.ping()


@case(v5="3.8.4-1 4.5.0-1", v4="3.8.4-1 4.5.0-1", versions=ALL)
def test_subscription_holds_from_its_suback(c):
    """Whichever connections meet: what is published after SUBACK is delivered."""
    subs, pubs = [c.connect() for _ in range(4)], [c.connect() for _ in range(4)]
    for turn in range(64):
        sub, pub = subs[turn % 4], pubs[turn // 4 % 4]
        topic = c.topic()
        filter_ = (topic, topic[:-1] + "+", f"$share/g/{topic}")[turn % 3]
        sub.subscribe(filter_, 1)
        pub.publish(topic, str(turn), 1, code=0)
        sub.message(payload=str(turn))
        sub.unsubscribe(filter_)


@case(v5="3.8.4-6 3.8.4-7 3.9.3-1 3.9.3-2 4.7.1-1 4.7.1-2 U5-4.13.2-1",
      v4="3.8.4-5 3.9.3-1 3.9.3-2 4.7.1-2 4.7.1-3")
def test_invalid_filters(c):
    """Each is refused by its own code; the good one between them is installed."""
    topic, peer = c.topic(), c.connect()
    bad = 0x8F if c.v == 5 else 0x80
    filters = ["a#", "a/#/b", topic, "a+", "+a", "#/", "##", "a/b+/c", "++", "/+a", "#/a"]
    peer.subscribe(filters, 1, granted=[1 if f == topic else bad for f in filters])
    c.connect().publish(topic, b"x", 1)
    peer.message(payload="x", qos=1)


@case(v5="4.7.3-1", v4="4.7.3-1")
def test_empty_filter(c):
    peer = c.connect()
    peer.subscribe("", granted=[0x8F if c.v == 5 else 0x80])


@case(v5="2.1.3-1 3.8.1-1 3.10.1-1", v4="2.2.2-1 2.2.2-2 3.8.1-1 3.10.1-1")
def test_subscribe_fixed_header_flags(c):
    for flags in (0, 1, 3, 6, 10, 15):
        c.kills(m.subscribe(c.v, 1, [(c.topic(), 0)], flags=flags), 0x81)
        c.kills(m.unsubscribe(c.v, 1, [c.topic()], flags=flags), 0x81)


@case(v5="2.2.1-3", v4="2.3.1-1", versions=ALL)
def test_subscribe_with_packet_identifier_0(c):
    c.kills(m.subscribe(c.v, 0, [(c.topic(), 0)]), (0x82, 0x81))
    c.kills(m.unsubscribe(c.v, 0, [c.topic()]), (0x82, 0x81))


@case(v5="3.8.3-2 3.10.3-2", v4="3.8.3-3 3.10.3-2", versions=ALL)
def test_subscribe_without_filter(c):
    c.kills(m.subscribe(c.v, 1, []), (0x82, 0x81))
    c.kills(m.unsubscribe(c.v, 1, []), (0x82, 0x81))


@case(v5="3.8.3-1 3.10.3-1 1.5.4-1 1.5.4-2 4.7.3-2", v4="3.8.3-1 3.10.3-1 1.5.3-1 1.5.3-2 4.7.3-2",
      versions=ALL)
def test_bad_utf8_in_filters(c):
    for bad in (b"\xff", b"a/\xc3\x28", b"\xed\xa0\x80", b"a\0b", b"\xc0\x80"):
        c.kills(m.subscribe(c.v, 1, [(c.topic(), 0), (bad, 0)]), 0x81)
        c.kills(m.unsubscribe(c.v, 1, [bad]), 0x81)


@case(v5="4.13.1-1 3.8.3-1", v4="4.8.0-1 3.10.3-1", versions=ALL)
def test_subscribe_cut_short(c):
    topic = c.topic()
    for whole in (m.subscribe(c.v, 1, [(topic, 1)]), m.unsubscribe(c.v, 1, [topic])):
        body = whole[2:]
        for size in range(len(body)):
            c.kills(m.packet(whole[0] >> 4, 2, body[:size]), (0x81, 0x82))
    c.kills(m.packet(m.SUBSCRIBE, 2, m.subscribe(c.v, 1, [(topic, 1)])[2:] + b"\0"), 0x81)


@case(v5="3.8.3-5", v4="3.8.3-4")
def test_reserved_bits_of_subscription_options(c):
    for byte in ((0x40, 0x80, 0xC0, 0x41) if c.v == 5 else (0x04, 0x08, 0x10, 0x20, 0x40, 0x80)):
        c.kills(m.subscribe(c.v, 1, [(c.topic(), byte)]), 0x81)


@case(v5="U5-3.8.3.1-1 U5-3.8.3.1-2", v4="3.8.3-4")
def test_subscription_options_out_of_range(c):
    for byte in ((0x03, 0x30) if c.v == 5 else (0x03,)):
        c.kills(m.subscribe(c.v, 1, [(c.topic(), byte)]), (0x82, 0x81))


@case(v5="U5-3.8.2.1.2-1 U5-3.3.2.3.8-1")
def test_bad_subscription_identifier(c):
    filters = [(c.topic(), 0)]
    c.kills(m.subscribe(5, 1, filters, props=[(IDENT, 0)]), 0x82)
    c.kills(m.subscribe(5, 1, filters, props=[(IDENT, 1), (IDENT, 2)]), 0x82)
    c.kills(m.subscribe(5, 1, filters, props=[b"\x0b\x81\x00"]), 0x81)
    c.kills(m.subscribe(5, 1, filters, props=[b"\x0b\xff\xff\xff\xff\x01"]), 0x81)


@case(v5="U5-2.2.2.2-1 2.2.2-1 1.5.7-1 1.5.5-1")
def test_property_not_allowed_in_subscribe(c):
    wrong = [(m.PAYLOAD_FORMAT, 1), (m.MESSAGE_EXPIRY, 1), (m.CONTENT_TYPE, "a"),
             (m.SESSION_EXPIRY, 1), (m.REASON_STRING, "a"), (m.TOPIC_ALIAS, 1),
             (m.RECEIVE_MAXIMUM, 1), (m.AUTH_METHOD, "a"), b"\x00\x00", b"\x7f\x01",
             m.prop(m.USER_PROPERTY, ("a", b"\xff"))]
    for item in wrong:
        c.kills(m.subscribe(5, 1, [(c.topic(), 0)], props=[item]), 0x81)
        c.kills(m.unsubscribe(5, 1, [c.topic()], props=[item]), 0x81)
    c.kills(m.unsubscribe(5, 1, [c.topic()], props=[(IDENT, 1)]), 0x81)
    peer = c.connect()
    pairs = [(m.USER_PROPERTY, ("a", "b"))] * 2
    peer.subscribe(c.topic(), props=pairs)
    assert peer.unsubscribe(c.topic(), props=pairs).codes == [0x11]


@case(v5="3.8.4-8 U5-3.8.4-2", v4="3.8.4-6", versions=ALL)
def test_delivery_qos_is_the_lower_one(c):
    topic, pub = c.topic(), c.connect()
    subs = [c.connect() for _ in range(3)]
    for granted, sub in enumerate(subs):
        sub.subscribe(topic, granted)
    for sent in (0, 1, 2):
        pub.publish(topic, b"x", sent)
        for granted, sub in enumerate(subs):
            sub.message(qos=min(sent, granted))


@case(v5="3.8.4-5", v4="3.8.4-4", versions=ALL)
def test_many_filters_in_one_subscribe(c):
    topics, pub, sub = [c.topic() for _ in range(20)], c.connect(), c.connect()
    sub.subscribe([(t, i % 3) for i, t in enumerate(topics)])
    for index, topic in enumerate(topics):
        pub.publish(topic, str(index), 2)
        sub.message(topic=topic, qos=index % 3)


@case(v5="3.8.4-5 3.8.4-3", v4="3.8.4-4 3.8.4-3", versions=ALL)
def test_same_filter_twice_in_one_subscribe(c):
    """As two SUBSCRIBEs in that order: the last one holds, one copy is delivered."""
    topic = c.topic()
    sub = c.connect()
    sub.subscribe([(topic, 2), (topic, 0)])
    pub = c.connect()
    pub.publish(topic, b"x", 2)
    found = c.expect(sub, ["x"], pub)
    assert found[0].qos == 0


@case(v5="3.8.4-3", v4="3.8.4-3", versions=ALL)
def test_subscribing_again_replaces(c):
    topic = c.topic()
    sub, pub = c.connect(), c.connect()
    for qos in (2, 0, 1):
        sub.subscribe(topic, qos)
        pub.publish(topic, b"x", 2)
        found = c.expect(sub, ["x"], pub)
        assert found[0].qos == qos


@case(v5="3.8.4-3 3.3.1-13 3.8.3-3")
def test_replacing_changes_all_options(c):
    topic, sub = c.topic(), c.connect()
    sub.subscribe(topic, no_local=True)
    sub.publish(topic, b"1")
    sub.subscribe(topic, as_published=True)
    sub.publish(topic, b"2", retain=True)
    sub.subscribe(topic, handling=2)
    sub.publish(topic, b"3", retain=True)
    found = c.expect(sub, ["2", "3"], sub)
    assert [p.retain for p in found] == [True, False]


@case(v5="3.8.4-4", v4="3.8.4-3", versions=ALL)
def test_no_message_is_lost_while_replacing(c):
    """A stream goes on while the subscription is replaced again and again."""
    topic = c.topic()
    sub, pub = c.pair(topic, qos=1)
    for turn in range(100):
        pub.send(m.publish(c.v, topic, str(turn), 1, pid=turn + 1))
        if turn % 5 == 0:
            sub.send(m.subscribe(c.v, 1000 + turn, [(topic, 1)]))
    got, acks = [], 0
    while len(got) < 100 or acks < 20:
        packet = sub.read()
        if packet.kind == m.PUBLISH:
            got.append(packet.payload.decode())
            sub.finish(packet)
        else:
            acks += packet.kind == m.SUBACK
    assert got == [str(turn) for turn in range(100)]


@case(v5="3.8.3-3")
def test_no_local(c):
    """The client's own messages do not come back, those of others do; also after a reconnect."""
    topic, cid = c.topic(), c.cid()
    sub, other = c.connect(cid, session=30), c.connect()
    sub.subscribe(topic, 1, no_local=True)
    sub.publish(topic, b"own", 1)
    other.publish(topic, b"other", 1)
    c.expect(sub, ["other"], other)
    sub.bye()
    sub = c.connect(cid, session=30, present=True)
    sub.publish(topic, b"own again", 1)
    assert not c.drain(sub, sub)


@case(v5="3.8.3-3", versions=(5, 4), v4="3.3.5-1")
def test_own_messages_come_back_otherwise(c):
    topic, peer = c.topic(), c.connect()
    peer.subscribe(topic, 1)
    peer.publish(topic, b"own", 1)
    peer.message(payload="own")


@case(v5="3.8.3-3 3.3.4-2 3.3.4-4")
def test_no_local_beside_another_subscription(c):
    """The one without No Local still delivers, with its identifier only."""
    topic, peer = c.topic(), c.connect()
    peer.subscribe(topic, 2, no_local=True, props=[(IDENT, 1)])
    peer.subscribe(topic[:-1] + "+", 1, props=[(IDENT, 2)])
    peer.publish(topic, b"own", 2)
    found = c.expect(peer, ["own"], peer)
    assert found[0].all(IDENT) == [2] and found[0].qos == 1


@case(v5="3.3.4-2 3.3.4-3 3.3.4-4 3.3.4-5 U5-3.3.4-1 U5-3.3.4-2",
      v4="3.3.5-1 U311-3.3.5-1", versions=ALL)
def test_overlapping_subscriptions(c):
    """One copy, highest QoS, all identifiers."""
    topic = c.topic()
    sub, pub = c.connect(), c.connect()
    for filter_, qos, ident in ((topic, 0, 7), (topic[:-1] + "+", 2, 268435455),
                                (topic[:-2] + "/#", 1, None), (topic[:-2] + "/+/#", 0, 7)):
        props = [(IDENT, ident)] if c.v == 5 and ident else ()
        sub.subscribe(filter_, qos, props=props)
    for qos in (0, 1, 2):
        pub.publish(topic, str(qos), qos)
    found = c.expect(sub, ["0", "1", "2"], pub)
    assert [p.qos for p in found] == [0, 1, 2]
    if c.v == 5:
        for got in found:
            assert sorted(got.all(IDENT)) in ([7, 268435455], [7, 7, 268435455])


@case(v5="3.3.1-13 3.3.4-2")
def test_overlapping_retain_as_published(c):
    topic = c.topic()
    sub, pub = c.connect(), c.connect()
    sub.subscribe(topic, 0)
    sub.subscribe(topic[:-1] + "+", 0, as_published=True)
    pub.publish(topic, b"x", retain=True)
    found = c.expect(sub, ["x"], pub)
    assert found[0].retain


@case(v5="U5-3.3.4-2 3.3.4-4 U5-3.3.2.3.8-1")
def test_subscription_identifier(c):
    """One identifier for all filters of a packet; kept in the session; with retained ones too."""
    first, second, none, cid = c.topic(), c.topic(), c.topic(), c.cid()
    pub = c.connect()
    pub.publish(second, b"kept", 1, retain=True)
    sub = c.connect(cid, session=30)
    sub.subscribe([first, second], 1, props=[(IDENT, 128)])
    sub.subscribe(none, 1)
    assert sub.message(payload="kept", retain=True).all(IDENT) == [128]
    for _ in range(2):
        pub.publish(first, b"x", 1)
        pub.publish(none, b"y", 1)
        assert sub.message(topic=first).all(IDENT) == [128]
        assert sub.message(topic=none).all(IDENT) == []
        sub.bye()
        sub = c.connect(cid, session=30, present=True)
    sub.bye()
    pub.publish(first, b"x", 1)
    sub = c.connect(cid, session=30, present=True)
    assert sub.message(topic=first).all(IDENT) == [128]


@case(v5="U5-3.8.4-4 3.8.4-3")
def test_subscription_identifier_is_replaced_and_removed(c):
    topic = c.topic()
    sub, pub = c.connect(), c.connect()
    for props, want in (([(IDENT, 5)], [5]), ([(IDENT, 6)], [6]), ((), []), ([(IDENT, 7)], [7])):
        sub.subscribe(topic, 1, props=props)
        pub.publish(topic, b"x", 1)
        assert sub.message().all(IDENT) == want


@case(v5="U5-3.8.4-1 3.8.4-1", v4="U311-3.8.4-1 3.8.4-1", versions=ALL)
def test_retained_messages_come_after_suback(c):
    """Messages before SUBACK are allowed; this broker sends SUBACK first."""
    topic = c.topic()
    c.connect().publish(topic, b"x", 1, retain=True)
    sub = c.connect()
    sub.send(m.subscribe(c.v, 1, [(topic, 1)]))
    assert sub.read().kind == m.SUBACK
    sub.message(payload="x")


@case(v4="U311-3.8.3-1", v5="U5-3.2.2.3.11-1 U5-3.2.2.3.11-3")
def test_wildcards_are_supported(c):
    topic = c.topic()
    sub, pub = c.pair(topic[:-1] + "+")
    pub.publish(topic, b"x")
    sub.message(topic=topic)


# ---- UNSUBSCRIBE ---------------------------------------------------------------------------------

@case(v5="3.10.4-1 3.10.4-2 3.10.4-4 3.10.4-5 3.10.4-6 3.11.3-1 3.11.3-2 2.2.1-6",
      v4="3.10.4-1 3.10.4-2 3.10.4-4 3.10.4-5 3.10.4-6 2.3.1-7", versions=ALL)
def test_unsubscribe(c):
    """Exact filters only; an answer in any case; a code for each filter in v5."""
    topic, wild = c.topic(), c.topic()[:-1] + "+"
    sub, pub = c.connect(), c.connect()
    sub.subscribe([topic, wild], 1)
    got = sub.unsubscribe([topic[:-1] + "+", topic.upper(), topic + "/", "#"])
    if c.v == 5:
        assert got.codes == [0x11] * 4
    else:
        assert got.size == 4
    pub.publish(topic, b"still", 1)
    sub.message(payload="still")
    got = sub.unsubscribe(["none", topic, wild, topic])
    if c.v == 5:
        assert got.codes == [0x11, 0, 0, 0x11]
    pub.publish(topic, b"gone", 1)
    pub.publish(wild[:-1] + "x", b"gone", 1)
    assert not c.drain(sub, pub)
    sub.send(m.unsubscribe(c.v, 65535, [topic]))
    sub.want(m.UNSUBACK, pid=65535)


@case(v5="3.10.4-3 U5-3.10.4-1", v4="3.10.4-3 U311-3.10.4-1", versions=ALL)
def test_begun_deliveries_are_completed_after_unsubscribe(c):
    topic, cid = c.topic(), c.cid()
    sub, pub = c.connect(cid, session=30), c.connect()
    sub.subscribe(topic, 2)
    for qos in (1, 2):
        pub.publish(topic, str(qos), qos)
        sub.message(qos=qos, ack=False)
    sub.unsubscribe(topic)
    sub.shut()
    again = c.connect(cid, session=30, present=True)
    for qos in (1, 2):
        again.message(qos=qos, payload=str(qos), dup=True)
    assert not c.drain(again, pub)


@case(v5="3.10.4-2", v4="3.10.4-2", versions=ALL)
def test_unsubscribe_one_of_overlapping(c):
    topic = c.topic()
    sub, pub = c.connect(), c.connect()
    sub.subscribe([(topic, 2), (topic[:-1] + "+", 1)])
    sub.unsubscribe(topic)
    pub.publish(topic, b"x", 2)
    found = c.expect(sub, ["x"], pub)
    assert found[0].qos == 1


@case(v5="4.7.1-1 4.7.1-2 3.10.4-4", v4="4.7.1-2 4.7.1-3 3.10.4-5")
def test_unsubscribe_invalid_filter(c):
    """There cannot be such a subscription: answered, nothing removed."""
    got = c.connect().unsubscribe(["a#", "a+", "a/#/b"])
    if c.v == 5:
        assert all(code in (0x11, 0x8F) for code in got.codes)


@case(v5="3.9.2-1 3.9.2-2 3.11.2-1 3.11.2-2 3.1.2-24")
def test_suback_fits_the_maximum_packet_size(c):
    """A refusing SUBACK and UNSUBACK come without extras in the smallest size that holds them."""
    peer = c.connect(props=[(m.MAXIMUM_PACKET_SIZE, 60)])
    for count in (1, 2, 40):
        suback = peer.subscribe(["a#"] * count, granted=[0x8F] * count)
        assert suback.size <= 60
        assert peer.unsubscribe(["a/b/none"] * count).size <= 60
    tiny = c.connect(props=[(m.MAXIMUM_PACKET_SIZE, tightest(c))])
    tiny.subscribe("a#", granted=[0x8F])
    tiny.unsubscribe("none")


def tightest(c):
    """The size of this broker's CONNACK for a plain client: acknowledgements are smaller."""
    return c.connect().connack.size
