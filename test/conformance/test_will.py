"""Wills: when they are published, when not, with what; delay against expiry and take-over."""

import time

import mqtt as m
from case import case

ALL = (3, 4, 5)
DELAY = m.WILL_DELAY


def watch(c, topic, qos=2, **opts):
    peer = c.connect()
    peer.subscribe(topic, qos, **opts)
    return peer


def after(c, cid, watcher, payloads):
    """What reached the watcher once a next connection of the same client id was up."""
    back = c.connect(cid, clean=True)
    found = c.expect(watcher, payloads, back)
    back.bye()
    return found


@case(v5="3.1.2-7 3.1.2-8 3.1.2-10 3.1.2-14 U5-3.1.2.5-1",
      v4="3.1.2-8 3.1.2-10 3.1.2-16 U311-3.1.2.5-1", versions=ALL)
def test_will_after_a_broken_connection(c):
    """Published once, at its QoS, not retained, payload as given."""
    for qos in (0, 1, 2):
        topic, cid = c.topic(), c.cid()
        watcher = watch(c, topic)
        c.connect(cid, will=m.Will(topic, b"\x00will\xff", qos)).shut()
        watcher.message(payload=b"\x00will\xff", qos=qos, retain=False)
        after(c, cid, watcher, [])
        assert not c.drain(watch(c, topic))


@case(v5="3.1.2-15 3.3.1-5", v4="3.1.2-17", versions=ALL)
def test_retained_will(c):
    topic = c.topic()
    watcher = watch(c, topic)
    c.connect(will=m.Will(topic, b"gone", 1, retain=True)).shut()
    watcher.message(payload="gone", retain=False)
    watch(c, topic).message(payload="gone", retain=True, qos=1)


@case(v5="3.1.2-15 3.3.1-6", v4="3.1.2-17 3.3.1-10", versions=ALL)
def test_empty_retained_will_deletes(c):
    topic = c.topic()
    c.connect().publish(topic, b"old", 1, retain=True)
    watcher = watch(c, topic, handling=2) if c.v == 5 else watch(c, topic)
    if c.v < 5:
        watcher.message(retain=True)
    c.connect(will=m.Will(topic, b"", 1, retain=True)).shut()
    watcher.message(payload="")
    assert not c.drain(watch(c, topic))


@case(v5="3.14.4-3 3.1.2-8 3.1.2-10", v4="3.14.4-3 3.1.2-10 3.1.2-8", versions=ALL)
def test_no_will_after_disconnect(c):
    topic, cid = c.topic(), c.cid()
    watcher = watch(c, topic)
    for form in ((), (0,), (0, [])) if c.v == 5 else ((),):
        c.connect(cid, will=m.Will(topic)).bye(*form)
        after(c, cid, watcher, [])


@case(v5="3.14.4-3", v4="3.14.4-3", versions=ALL)
def test_no_will_when_the_next_connection_overtakes_the_disconnect(c):
    """The server may read the next CONNECT before the DISCONNECT that was sent before it."""
    topic, cids = c.topic(), [c.cid() for _ in range(8)]
    watcher = watch(c, topic)
    for _ in range(10):
        older = [c.connect(cid, will=m.Will(topic)) for cid in cids]
        later = [c.open() for _ in cids]
        for peer, other, cid in zip(older, later, cids):
            peer.send(m.disconnect())
            peer.shut()
            other.hello(cid)
        for other in later:
            assert other.want(m.CONNACK).code == 0
            other.bye()
    after(c, cids[0], watcher, [])


@case(v4="3.1.2-12", v5="3.1.2-8", versions=ALL)
def test_no_will_without_will_flag(c):
    """A CONNECT without a will takes the place of an earlier one with a will."""
    topic, cid = c.topic(), c.cid()
    watcher = watch(c, topic)
    c.connect(cid, session=30, will=m.Will(topic)).bye()
    c.connect(cid, session=30).shut()
    after(c, cid, watcher, [])


@case(v5="3.1.2-8 3.14.2-1")
def test_disconnect_that_asks_for_the_will(c):
    """0x04, and every error code."""
    topic = c.topic()
    watcher = watch(c, topic)
    for code in (0x04, 0x80, 0x82, 0x98):
        c.connect(will=m.Will(topic, bytes([code]))).bye(code)
        watcher.message(payload=bytes([code]))


@case(v5="3.1.2-8 4.13.1-1", v4="3.1.2-8 4.8.0-1", versions=ALL)
def test_will_after_an_error(c):
    """A connection that the server closed ends without DISCONNECT."""
    topic = c.topic()
    watcher = watch(c, topic)
    peer = c.connect(will=m.Will(topic, b"error"))
    peer.send(m.publish(c.v, "a/#", b"x"))
    peer.closed((0x90, 0x81))
    watcher.message(payload="error")


@case(v5="3.1.4-6 3.1.2-7", v4="3.1.2-8")
def test_no_will_of_a_refused_connect(c):
    topic = c.topic()
    watcher = watch(c, topic)
    will = m.Will(topic)
    if c.v == 5:
        c.refuse(m.connect(5, c.cid(), will=will, props=[(m.AUTH_METHOD, "NOPE")]), 0x8C)
    else:
        c.refuse(m.connect(4, "", clean=False, will=will), None, 2)
    c.expect(watcher, [])


def late(watcher, end):
    """The will comes about a second after the connection ended, not before."""
    begin = time.monotonic()
    end()
    watcher.message(payload="will")
    assert 0.95 < time.monotonic() - begin < 4


WILL_PROPS = [
    (m.PAYLOAD_FORMAT, 1), (m.MESSAGE_EXPIRY, 1000), (m.CONTENT_TYPE, "text/plain"),
    (m.RESPONSE_TOPIC, "answer/here"), (m.CORRELATION_DATA, b"\x00\x01"),
    (m.USER_PROPERTY, ("z", "1")), (m.USER_PROPERTY, ("a", "2")), (m.USER_PROPERTY, ("z", "3"))]


@case(v5="3.1.3-10 U5-3.1.3.2.4-2 3.3.2-4 3.3.2-15 3.3.2-16 3.3.2-20 3.1.2-9")
def test_will_properties(c):
    topic = c.topic()
    watcher = watch(c, topic)
    c.connect(will=m.Will(topic, b"text", 1, props=WILL_PROPS)).shut()
    got = watcher.message(payload="text", qos=1)
    assert got.all(m.USER_PROPERTY) == [("z", "1"), ("a", "2"), ("z", "3")]
    assert got.get(m.MESSAGE_EXPIRY) in (999, 1000)
    rest = [p for p in got.props if p[0] != m.MESSAGE_EXPIRY]
    assert sorted(rest, key=repr) == sorted((p for p in WILL_PROPS if p[0] != m.MESSAGE_EXPIRY),
                                            key=repr)


@case(v5="3.8.3-3 3.1.2-8")
def test_will_counts_as_published_by_its_client(c):
    """No Local holds for the will of the same client id."""
    topic, cid = c.topic(), c.cid()
    watcher = watch(c, topic)
    peer = c.connect(cid, session=60, will=m.Will(topic, b"will"))
    peer.subscribe(topic, 1, no_local=True)
    peer.shut()
    watcher.message(payload="will")
    back = c.connect(cid, session=60, present=True)
    c.expect(back, [], back)


@case(v5="U5-4.7.2-1 3.1.2-8", v4="U311-4.7.2-1", versions=ALL)
def test_will_below_sys_reaches_nobody(c):
    topic = "$SYS/" + c.topic()
    watcher, cid = watch(c, topic), c.cid()
    peer = c.open()
    peer.hello(cid, will=m.Will(topic, b"x"))
    try:
        if peer.read().code == 0:
            peer.shut()
    except Exception as error:
        assert type(error).__name__ == "Closed"
    after(c, cid, watcher, [])


@case(v5="3.1.2-23 3.1.2-8 U5-3.1.3.2.2-2 U5-3.1.3.2.2-1")
def test_will_without_delay_goes_at_once(c):
    """Also when the session lives on."""
    for props in ((), [(DELAY, 0)]):
        topic = c.topic()
        watcher = watch(c, topic)
        c.connect(session=60, will=m.Will(topic, props=props)).shut()
        watcher.message(payload="will")


@case(v5="U5-3.1.3.2.2-2 3.1.2-8 4.1.0-2")
def test_will_delay_ends_with_the_session(c):
    """Session expiry 0 makes the delay void; so does DISCONNECT 0x04 with expiry 0."""
    topic = c.topic()
    watcher = watch(c, topic)
    c.connect(will=m.Will(topic, b"1", props=[(DELAY, 60)])).shut()
    watcher.message(payload="1")
    peer = c.connect(session=60, will=m.Will(topic, b"2", props=[(DELAY, 60)]))
    peer.bye(4, [(m.SESSION_EXPIRY, 0)])
    watcher.message(payload="2")


@case(v5="3.1.2-8 U5-3.1.3.2.2-2 U5-3.1.2.5-1 3.1.2-10", slow=True)
def test_will_delay(c):
    """Not before the delay has passed, promptly after it, once."""
    topic, cid = c.topic(), c.cid()
    watcher = watch(c, topic)
    late(watcher, c.connect(cid, session=60, will=m.Will(topic, props=[(DELAY, 1)])).shut)
    c.connect(cid, session=60, present=True).shut()
    watcher.silent(1.5)


@case(v5="3.1.2-8 U5-3.1.3.2.2-2", slow=True)
def test_will_delay_after_disconnect_with_will(c):
    topic = c.topic()
    watcher = watch(c, topic)
    peer = c.connect(session=60, will=m.Will(topic, props=[(DELAY, 1)]))
    late(watcher, lambda: peer.bye(4))


@case(v5="U5-3.1.3.2.2-2 3.1.2-8 4.1.0-2", slow=True)
def test_will_at_the_end_of_the_session(c):
    """A delay longer than the session ends with it."""
    topic = c.topic()
    watcher = watch(c, topic)
    late(watcher, c.connect(session=1, will=m.Will(topic, props=[(DELAY, 3600)])).shut)


@case(v5="3.1.3-9 3.1.2-8 3.1.2-10", slow=True)
def test_no_will_if_the_client_is_back_in_time(c):
    """The will of the new connection takes the place of the old one."""
    topic, cid = c.topic(), c.cid()
    watcher = watch(c, topic)
    c.connect(cid, session=60, will=m.Will(topic, b"old", props=[(DELAY, 2)])).shut()
    back = c.connect(cid, session=60, present=True, will=m.Will(topic, b"new"))
    watcher.silent(3.2)
    back.shut()
    watcher.message(payload="new")


@case(v5="3.1.2-4 3.1.2-8 U5-3.1.3.2.2-2")
def test_clean_start_releases_a_delayed_will(c):
    """The old session ends, so its will is due at once."""
    topic, cid = c.topic(), c.cid()
    watcher = watch(c, topic)
    c.connect(cid, session=60, will=m.Will(topic, b"old", props=[(DELAY, 60)])).shut()
    c.connect(cid, clean=True, present=False)
    watcher.message(payload="old")


@case(v5="U5-3.1.4-5 3.1.3-9 3.1.4-3")
def test_will_at_take_over(c):
    """(session expiry, delay, clean start of the new one) -> published or not."""
    for expiry, delay, clean, due in ((60, 60, False, False), (60, 0, False, True),
                                      (0, 60, False, True), (60, 60, True, True),
                                      (0, 0, True, True)):
        topic, cid = c.topic(), c.cid()
        watcher = watch(c, topic)
        old = c.connect(cid, session=expiry, will=m.Will(topic, props=[(DELAY, delay)]))
        new = c.connect(cid, session=60, clean=clean)
        old.closed(0x8E)
        c.expect(watcher, ["will"] if due else [], new)
        new.bye(0, [(m.SESSION_EXPIRY, 0)])


@case(v5="U5-3.1.3.2.4-2 3.3.2-5", slow=True)
def test_will_expiry_counts_from_publication(c):
    """Time spent waiting for the delay does not count."""
    topic, cid = c.topic(), c.cid()
    props = [(DELAY, 1), (m.MESSAGE_EXPIRY, 2)]
    sub = c.connect(cid, session=60)
    sub.subscribe(topic, 1)
    c.connect(session=60, will=m.Will(topic, b"will", 1, props=props)).shut()
    got = sub.message(payload="will")
    assert got.get(m.MESSAGE_EXPIRY) == 2


@case(v5="4.5.0-1 3.1.2-8", v4="4.5.0-1 3.1.2-8", versions=ALL)
def test_will_waits_for_absent_subscribers(c):
    topic, cid, watched = c.topic(), c.cid(), c.cid()
    sub = c.connect(cid, session=60)
    sub.subscribe(topic, 1)
    sub.bye()
    c.connect(watched, will=m.Will(topic, b"will", 1)).shut()
    c.connect(watched, clean=True)
    again = c.connect(cid, session=60, present=True)
    again.message(payload="will", qos=1)
