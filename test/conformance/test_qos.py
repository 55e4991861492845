"""QoS 1 and 2 in both directions: identifiers, handshakes, sending again, order, flow control."""

import time

import mqtt as m
from case import case

ALL = (3, 4, 5)
ONE = [(m.RECEIVE_MAXIMUM, 1)]


@case(v5="3.3.4-1 4.3.2-4 2.2.1-5 3.4.2-1 U5-3.4.2.1-1",
      v4="3.3.4-1 4.3.2-2 2.3.1-6", versions=ALL)
def test_qos_1_to_server(c):
    topic = c.topic()
    sub, pub = c.pair(topic)
    for pid in (1, 2, 255, 256, 65535):
        pub.send(m.publish(c.v, topic, b"x", 1, pid=pid))
        got = pub.want(m.PUBACK, pid=pid, code=0)
        if c.v < 5:
            assert got.size == 4
    c.expect(sub, ["x"] * 5, pub)


@case(v5="3.3.4-1 4.3.3-8 4.3.3-11 2.2.1-5 3.5.2-1 3.7.2-1 U5-3.4.2.1-1",
      v4="3.3.4-1 4.3.3-2 2.3.1-6", versions=ALL)
def test_qos_2_to_server(c):
    topic = c.topic()
    sub, pub = c.pair(topic)
    for pid in (1, 256, 65535):
        pub.send(m.publish(c.v, topic, b"x", 2, pid=pid))
        pub.want(m.PUBREC, pid=pid, code=0)
        pub.send(m.ack(m.PUBREL, pid))
        got = pub.want(m.PUBCOMP, pid=pid, code=0)
        if c.v < 5:
            assert got.size == 4
    c.expect(sub, ["x"] * 3, pub)


@case(v5="4.3.2-5", v4="4.3.2-2 2.3.1-3", versions=ALL)
def test_qos_1_after_puback_is_new(c):
    """Whatever DUP says."""
    topic = c.topic()
    sub, pub = c.pair(topic)
    for dup, payload in ((False, "1"), (True, "2"), (False, "3")):
        pub.send(m.publish(c.v, topic, payload, 1, dup=dup, pid=9))
        pub.want(m.PUBACK, pid=9)
    c.expect(sub, ["1", "2", "3"], pub)


@case(v5="4.3.3-10 4.3.3-12", v4="4.3.3-2 2.3.1-3", versions=ALL)
def test_qos_2_is_delivered_once(c):
    """Repeats before PUBREL get PUBREC and no second delivery; after PUBCOMP the id is new."""
    topic = c.topic()
    sub, pub = c.pair(topic)
    pub.send(m.publish(c.v, topic, b"once", 2, pid=7))
    pub.want(m.PUBREC, pid=7)
    for dup in (True, False):
        pub.send(m.publish(c.v, topic, b"once", 2, dup=dup, pid=7))
        pub.want(m.PUBREC, pid=7)
    pub.send(m.ack(m.PUBREL, 7))
    pub.want(m.PUBCOMP, pid=7)
    pub.send(m.publish(c.v, topic, b"new", 2, pid=7, dup=True))
    pub.want(m.PUBREC, pid=7)
    pub.send(m.ack(m.PUBREL, 7))
    pub.want(m.PUBCOMP, pid=7)
    c.expect(sub, ["once", "new"], pub)


@case(v5="4.3.3-10 4.4.0-1 4.1.0-1", v4="4.3.3-2 4.4.0-1 3.1.2-4", versions=ALL)
def test_received_qos_2_identifiers_survive(c):
    """The server keeps them in the session: a repeat on the next connection is no new message."""
    topic, cid = c.topic(), c.cid()
    sub, pub = c.connect(), c.connect(cid, session=30)
    sub.subscribe(topic)
    pub.send(m.publish(c.v, topic, b"once", 2, pid=7))
    pub.want(m.PUBREC, pid=7)
    pub.shut()
    pub = c.connect(cid, session=30, present=True)
    pub.send(m.publish(c.v, topic, b"once", 2, dup=True, pid=7))
    pub.want(m.PUBREC, pid=7, code=0)
    pub.send(m.ack(m.PUBREL, 7))
    pub.want(m.PUBCOMP, pid=7, code=0)
    c.expect(sub, ["once"], pub)


@case(v5="3.1.2-4", v4="3.1.2-6", versions=ALL)
def test_received_qos_2_identifiers_end_with_the_session(c):
    topic, cid = c.topic(), c.cid()
    sub, pub = c.connect(), c.connect(cid, session=30)
    sub.subscribe(topic)
    pub.send(m.publish(c.v, topic, b"1", 2, pid=7))
    pub.want(m.PUBREC, pid=7)
    pub.shut()
    pub = c.connect(cid, clean=True, present=False)
    pub.send(m.publish(c.v, topic, b"2", 2, pid=7))
    pub.want(m.PUBREC, pid=7, code=0)
    pub.send(m.ack(m.PUBREL, 7))
    pub.want(m.PUBCOMP, pid=7, code=0)
    c.expect(sub, ["1", "2"], pub)


@case(v5="3.7.2-1 4.3.3-11 2.2.1-5", v4="4.3.3-2", versions=ALL)
def test_pubrel_of_an_unknown_identifier(c):
    """It is answered, so that a client that lost a PUBCOMP can go on; v5 says 0x92."""
    peer = c.connect()
    peer.send(m.ack(m.PUBREL, 99))
    peer.want(m.PUBCOMP, pid=99, code=0x92 if c.v == 5 else 0)


@case(v5="3.6.2-1", v4="4.3.3-1", versions=ALL)
def test_pubrec_of_an_unknown_identifier(c):
    peer = c.connect()
    peer.send(m.ack(m.PUBREC, 99))
    peer.want(m.PUBREL, pid=99, code=0x92 if c.v == 5 else 0)


@case(v5="U5-4.13.2-1", v4="4.8.0-1", versions=ALL)
def test_stray_acknowledgements_are_ignored(c):
    """PUBACK and PUBCOMP of unknown identifiers change nothing."""
    peer = c.connect()
    peer.send(m.ack(m.PUBACK, 5), m.ack(m.PUBCOMP, 6))
    peer.ping()


@case(v5="2.2.1-5 3.6.2-1", v4="2.3.1-6", versions=ALL)
def test_acknowledgement_with_identifier_0(c):
    for kind in (m.PUBACK, m.PUBREC, m.PUBREL, m.PUBCOMP):
        c.kills(m.ack(kind, 0), (0x82, 0x81))


@case(v5="U5-3.4.2.1-1")
def test_forms_of_acknowledgements(c):
    """Two bytes, with a code, with a code and properties: all are understood."""
    topic = c.topic()
    sub, pub = c.pair(topic, qos=2)
    text = [(m.REASON_STRING, "why"), (m.USER_PROPERTY, ("a", "b"))]
    forms = ((), (0,), (0, []), (0, text))
    for form in forms:
        pub.publish(topic, b"x", 1)
        got = sub.message(qos=1, ack=False)
        sub.answer(m.PUBACK, got.pid, *form)
        pub.publish(topic, b"y", 2)
        got = sub.message(qos=2, ack=False)
        sub.answer(m.PUBREC, got.pid, *form)
        sub.want(m.PUBREL, pid=got.pid, code=0)
        sub.answer(m.PUBCOMP, got.pid, *form)
        pid = pub.pid()
        pub.send(m.publish(5, topic, b"z", 2, pid=pid))
        pub.want(m.PUBREC, pid=pid)
        pub.send(m.ack(m.PUBREL, pid, *form))
        pub.want(m.PUBCOMP, pid=pid, code=0)
        sub.message(payload="z")
    sub.ping()


@case(v5="U5-3.4.2.1-2 3.4.2-1 3.5.2-1 U5-2.4-1")
def test_no_matching_subscribers(c):
    topic, pub = c.topic(), c.connect()
    assert pub.publish(topic, b"x", 1).code == 0x10
    assert pub.publish(topic, b"x", 2).code == 0x10
    c.connect().subscribe(topic)
    assert pub.publish(topic, b"x", 1).code == 0
    assert pub.publish(topic, b"x", 2).code == 0


# ---- server to client ----------------------------------------------------------------------------

@case(v5="2.2.1-4 4.3.2-1 4.3.2-2 4.3.3-1 4.3.3-2 4.3.3-4 3.3.1-3 3.6.1-1",
      v4="2.3.1-4 2.3.1-1 4.3.2-1 4.3.3-1 3.3.1-3", versions=ALL)
def test_qos_1_and_2_to_client(c):
    """Identifiers are not 0 and not in use (the reader checks); DUP is not copied."""
    topic = c.topic()
    sub, pub = c.pair(topic, qos=2)
    held = []
    for turn in range(8):
        qos = 1 + turn % 2
        pub.send(m.publish(c.v, topic, str(turn), qos, dup=True, pid=100 + turn))
        held.append(sub.message(payload=str(turn), qos=qos, dup=False, retain=False, ack=False))
    for got in held:
        sub.finish(got)
    sub.ping()


@case(v5="4.3.3-4 4.3.3-6 4.3.3-5", v4="4.3.3-1", versions=ALL)
def test_pubrel_follows_pubrec(c):
    """A repeated PUBREC gets PUBREL again, never PUBLISH."""
    topic = c.topic()
    sub, pub = c.pair(topic, qos=2)
    pub.publish(topic, b"x", 2)
    got = sub.message(qos=2, ack=False)
    for _ in range(2):
        sub.answer(m.PUBREC, got.pid)
        sub.want(m.PUBREL, pid=got.pid, code=0)
    sub.answer(m.PUBCOMP, got.pid)
    assert not c.drain(sub, pub)


@case(v5="4.4.0-1 4.3.2-3 4.3.3-3 3.3.1-1 3.1.2-5 3.1.2-23 4.6.0-1 4.1.0-1",
      v4="4.4.0-1 4.3.2-1 4.3.3-1 3.3.1-1 3.1.2-4 2.3.1-3 4.6.0-1", versions=ALL)
def test_unacknowledged_messages_are_sent_again(c):
    """On the next connection, same identifiers, DUP 1, old order; then what is new."""
    topic, cid = c.topic(), c.cid()
    sub, pub = c.connect(cid, session=30), c.connect()
    sub.subscribe(topic, 2)
    first = []
    for turn in range(6):
        pub.publish(topic, str(turn), 1 + turn % 2)
        first.append(sub.message(payload=str(turn), dup=False, ack=False))
    sub.shut()
    pub.publish(topic, b"later", 1)
    again = c.connect(cid, session=30, present=True)
    for old in first:
        again.message(payload=old.payload, pid=old.pid, qos=old.qos, dup=True)
    again.message(payload="later")
    again.ping()
    again.shut()
    third = c.connect(cid, session=30, present=True)
    assert not c.drain(third, pub)


@case(v5="4.3.3-5 4.3.3-6 4.4.0-1", v4="4.3.3-1 4.4.0-1", versions=ALL)
def test_pubrel_is_sent_again(c):
    """After PUBREC the next connection gets PUBREL, not PUBLISH."""
    topic, cid = c.topic(), c.cid()
    sub, pub = c.connect(cid, session=30), c.connect()
    sub.subscribe(topic, 2)
    pids = []
    for turn in range(3):
        pub.publish(topic, str(turn), 2)
        pids.append(sub.message(ack=False).pid)
    for pid in pids:
        sub.answer(m.PUBREC, pid)
        sub.want(m.PUBREL, pid=pid)
    sub.shut()
    again = c.connect(cid, session=30, present=True)
    for pid in pids:
        again.want(m.PUBREL, pid=pid, code=0)
        again.answer(m.PUBCOMP, pid)
    assert not c.drain(again, pub)


@case(v5="4.3.3-13 4.3.3-11 U5-3.3.2.3.3-1", slow=True)
def test_handshake_of_an_expired_message_is_finished(c):
    """The publisher's QoS 2 handshake goes on though its message expired meanwhile."""
    topic, cid = c.topic(), c.cid()
    sub = c.connect(cid, session=60)
    sub.subscribe(topic, 2)
    sub.bye()
    pub = c.connect()
    pub.send(m.publish(5, topic, b"x", 2, pid=5, props=[(m.MESSAGE_EXPIRY, 1)]))
    pub.want(m.PUBREC, pid=5, code=0)
    time.sleep(2.1)
    pub.send(m.publish(5, topic, b"x", 2, pid=5, dup=True, props=[(m.MESSAGE_EXPIRY, 1)]))
    pub.want(m.PUBREC, pid=5, code=0)
    pub.send(m.ack(m.PUBREL, 5))
    pub.want(m.PUBCOMP, pid=5, code=0)
    again = c.connect(cid, session=60, present=True)
    c.expect(again, [], pub)


@case(v5="4.4.0-1", v4="4.4.0-1", versions=ALL, slow=True)
def test_nothing_is_sent_again_meanwhile(c):
    """Only a reconnect makes the server send again, no clock does."""
    topic = c.topic()
    sub, pub = c.pair(topic, qos=2)
    for qos in (1, 2):
        pub.publish(topic, b"x", qos)
        sub.message(qos=qos, ack=False)
    sub.silent(2.5)


@case(v5="4.4.0-2 4.3.3-9 U5-4.13.2-1")
def test_refusing_acknowledgement_ends_a_delivery(c):
    """PUBACK and PUBREC with an error: never sent again, the identifier is free, no PUBREL."""
    topic, cid = c.topic(), c.cid()
    sub, pub = c.connect(cid, session=30, props=ONE), c.connect()
    sub.subscribe(topic, 2)
    for kind, qos in ((m.PUBACK, 1), (m.PUBREC, 2)):
        pub.publish(topic, b"no", qos)
        got = sub.message(payload="no", qos=qos, ack=False)
        sub.answer(kind, got.pid, 0x83)
    pub.publish(topic, b"next", 1)
    sub.message(payload="next")
    sub.ping()
    sub.shut()
    again = c.connect(cid, session=30, present=True)
    assert not c.drain(again, pub)


@case(v5="4.5.0-1 3.1.2-23 U5-4.1-1", v4="4.5.0-1 3.1.2-5 U311-3.1.2.4-1", versions=ALL)
def test_messages_wait_for_an_absent_client(c):
    """QoS 1 and 2 are kept; QoS 0 is not (a free choice, limits.queue.qos0)."""
    topic, cid = c.topic(), c.cid()
    sub = c.connect(cid, session=30)
    sub.subscribe(topic, 2)
    sub.bye()
    pub = c.connect()
    for turn in range(9):
        pub.publish(topic, str(turn), turn % 3)
    again = c.connect(cid, session=30, present=True)
    found = c.expect(again, ["1", "2", "4", "5", "7", "8"], pub)
    assert all(not p.dup for p in found)


@case(v5="4.6.0-5 4.6.0-6", v4="4.6.0-5 4.6.0-6", versions=ALL)
def test_order_of_one_publisher(c):
    """Per QoS, messages of a topic arrive in the order sent, many at a time."""
    topic = c.topic()
    sub, pub = c.pair(topic, qos=2)
    count = 60
    for qos in (0, 1, 2):
        for turn in range(count):
            pub.send(m.publish(c.v, topic, f"{qos} {turn}", qos, pid=turn + 1 if qos else None))
            if qos == 1:
                pub.want(m.PUBACK, pid=turn + 1)
            elif qos == 2:
                pub.want(m.PUBREC, pid=turn + 1)
                pub.send(m.ack(m.PUBREL, turn + 1))
                pub.want(m.PUBCOMP, pid=turn + 1)
        got = [sub.message().payload.decode() for _ in range(count)]
        assert got == [f"{qos} {turn}" for turn in range(count)]


@case(v5="4.6.0-5 4.6.0-2 4.6.0-3 4.6.0-4", v4="4.6.0-6 4.6.0-2 4.6.0-3 4.6.0-4", versions=ALL)
def test_acknowledgements_keep_the_order(c):
    """A pipelined client gets PUBACK, PUBREC and PUBCOMP in the order of what they answer."""
    topic, pub = c.topic(), c.connect()
    pids = list(range(1, 21))
    pub.send(*[m.publish(c.v, topic, b"x", 1, pid=pid) for pid in pids])
    assert [pub.want(m.PUBACK).pid for _ in pids] == pids
    pub.send(*[m.publish(c.v, topic, b"x", 2, pid=pid) for pid in pids])
    assert [pub.want(m.PUBREC).pid for _ in pids] == pids
    pub.send(*[m.ack(m.PUBREL, pid) for pid in pids])
    assert [pub.want(m.PUBCOMP).pid for _ in pids] == pids


@case(v5="4.6.0-4 4.6.0-1", v4="4.6.0-6", versions=ALL)
def test_pubrel_keeps_the_order_of_pubrec(c):
    topic = c.topic()
    sub, pub = c.pair(topic, qos=2)
    pids = []
    for turn in range(5):
        pub.publish(topic, str(turn), 2)
        pids.append(sub.message(ack=False).pid)
    sub.send(*[m.ack(m.PUBREC, pid) for pid in pids])
    assert [sub.want(m.PUBREL).pid for _ in pids] == pids


# ---- flow control --------------------------------------------------------------------------------

@case(v5="3.3.4-9 4.9.0-2 U5-4.9-1 U5-3.1.2.11.3-2")
def test_receive_maximum_of_the_client(c):
    """The reader counts; a QoS 2 message holds its place until PUBCOMP."""
    topic = c.topic()
    for limit in (1, 2, 3):
        sub, pub = c.connect(props=[(m.RECEIVE_MAXIMUM, limit)]), c.connect()
        sub.subscribe(topic, 2)
        for turn in range(6):
            pub.publish(topic, str(turn), 1 + turn % 2)
        held = [sub.message(ack=False) for _ in range(limit)]
        sub.ping()
        assert not sub.inbox, "above receive maximum"
        payloads = [p.payload.decode() for p in held]
        while len(payloads) < 6:
            got = held.pop(0)
            if got.qos == 2:
                sub.answer(m.PUBREC, got.pid)
                sub.want(m.PUBREL, pid=got.pid)
                sub.ping()
                assert not sub.inbox, "PUBREC frees no place"
                sub.answer(m.PUBCOMP, got.pid)
            else:
                sub.answer(m.PUBACK, got.pid)
            held.append(sub.message(ack=False))
            payloads.append(held[-1].payload.decode())
        assert payloads == ["0", "1", "2", "3", "4", "5"]
        sub.bye()


@case(v5="3.3.4-10 4.9.0-3 U5-4.9-2 3.3.4-8")
def test_other_packets_flow_when_the_quota_is_used_up(c):
    """PINGRESP, SUBACK, UNSUBACK, PUBACK, PUBREC, PUBCOMP; QoS 0 may go on or wait its turn."""
    topic = c.topic()
    sub, pub = c.connect(props=ONE), c.connect()
    sub.subscribe(topic, 1)
    pub.publish(topic, b"1", 1)
    pub.publish(topic, b"2", 1)
    held = sub.message(payload="1", ack=False)
    sub.ping()
    sub.subscribe(topic + "/0")
    sub.publish(topic + "/none", b"x", 1)
    sub.publish(topic + "/none", b"x", 2)
    sub.unsubscribe(topic + "/none")
    pub.publish(topic + "/0", b"qos 0")
    sub.ping()
    assert all(p.qos == 0 for p in sub.inbox)
    sub.finish(held)
    assert {sub.message().payload for _ in range(2)} == {b"2", b"qos 0"}


@case(v5="U5-4.9-1 U5-3.1.2.11.3-2 4.9.0-2")
def test_quota_starts_anew_with_each_connection(c):
    """Messages sent again count; the value of the new CONNECT holds."""
    topic, cid = c.topic(), c.cid()
    sub, pub = c.connect(cid, session=30, props=[(m.RECEIVE_MAXIMUM, 4)]), c.connect()
    sub.subscribe(topic, 2)
    for turn in range(5):
        pub.publish(topic, str(turn), 1 + turn % 2)
    for _ in range(4):
        sub.message(ack=False)
    sub.shut()
    again = c.connect(cid, session=30, present=True, props=[(m.RECEIVE_MAXIMUM, 2)])
    for turn in range(5):
        again.message(payload=str(turn))
    again.ping()
    last = c.connect(cid, session=30, present=True)
    for turn in range(20):
        pub.publish(topic, str(turn), 1)
        last.message(payload=str(turn), ack=False)


@case(v5="3.3.4-7 U5-3.3.4-6", config="small")
def test_receive_maximum_of_the_server(c):
    """Five open QoS 2 deliveries are fine, the sixth message is one too many."""
    for qos in (1, 2):
        pub = c.connect()
        for pid in range(1, 6):
            pub.send(m.publish(5, c.topic(), b"x", 2, pid=pid))
            pub.want(m.PUBREC, pid=pid)
        pub.publish(c.topic(), b"qos 0 is not counted")
        pub.send(m.publish(5, c.topic(), b"x", 2, pid=1, dup=True))
        pub.want(m.PUBREC, pid=1)
        pub.send(m.publish(5, c.topic(), b"x", qos, pid=6))
        pub.closed(0x93)


@case(v5="U5-4.9-1 3.3.4-7", config="small")
def test_places_of_the_server_come_back(c):
    """PUBACK, PUBCOMP and a refusing PUBREC free a place."""
    pub = c.connect()
    for turn in range(12):
        pub.publish(c.topic(), b"x", 1 + turn % 2)
    for _ in range(12):
        pub.publish(c.topic(), b"\xff", 2, code=0x99, props=[(m.PAYLOAD_FORMAT, 1)])


@case(v4="4.3.2-2", v3="V3-resend-1", config="small", versions=(3, 4))
def test_older_clients_have_no_receive_maximum(c):
    """The announced limit cannot bind a 3.x client: many open QoS 2 deliveries are served."""
    pub = c.connect()
    for pid in range(1, 21):
        pub.send(m.publish(c.v, c.topic(), b"x", 2, pid=pid))
        pub.want(m.PUBREC, pid=pid)
    for pid in range(1, 21):
        pub.send(m.ack(m.PUBREL, pid))
        pub.want(m.PUBCOMP, pid=pid)
