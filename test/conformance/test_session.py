"""Sessions: clean start, expiry, take-over; DISCONNECT; PING and keep-alive."""

import time

import mqtt as m
from case import case

ALL = (3, 4, 5)
EXPIRY = m.SESSION_EXPIRY


def present(c, cid):
    """Whether the server holds a session for this client id (it does not after this)."""
    peer = c.connect(cid, clean=False)
    found = peer.connack.present
    peer.bye()
    return found


@case(v5="3.1.2-4 3.1.2-5 3.1.2-6 3.1.4-4 4.1.0-1", v4="3.1.2-4 3.1.2-6 3.1.4-3", versions=ALL)
def test_clean_start_drops_the_session(c):
    """Subscriptions and queued messages go; without it they stay."""
    topic, cid, pub = c.topic(), c.cid(), c.connect()
    sub = c.connect(cid, session=60)
    sub.subscribe(topic, 1)
    sub.bye()
    pub.publish(topic, b"1", 1)
    sub = c.connect(cid, session=60, present=True)
    sub.message(payload="1")
    sub.bye()
    pub.publish(topic, b"2", 1)
    sub = c.connect(cid, clean=True, present=False)
    pub.publish(topic, b"3", 1)
    c.expect(sub, [], pub)
    sub.bye()
    sub = c.connect(cid, session=60, present=False)
    c.expect(sub, [], pub)


@case(v5="U5-3.1.2.11.2-2 4.1.0-2", v4="3.1.2-6", versions=(4, 5))
def test_session_that_lasts_for_the_connection(c):
    """v5: no expiry or 0. 3.1.1: clean session 1."""
    for props in ((), [(EXPIRY, 0)]) if c.v == 5 else ((),):
        for end in ("bye", "shut"):
            cid = c.cid()
            peer = c.connect(cid, clean=True, props=props)
            peer.subscribe(c.topic(), 1)
            getattr(peer, end)()
            assert not present(c, cid)


@case(v5="U5-3.1.2.11.2-2 3.1.2-23")
def test_session_that_never_expires(c):
    cid = c.cid()
    c.connect(cid, session=0xFFFFFFFF).shut()
    assert present(c, cid)


@case(v5="4.1.0-2 3.1.2-23 U5-3.1.2.11.2-2", slow=True)
def test_session_expiry(c):
    """Kept for its time, gone after it; a connection in between starts the time anew."""
    brief, longer = c.cid(), c.cid()
    for cid, seconds in ((brief, 2), (longer, 60)):
        peer = c.connect(cid, session=seconds)
        peer.subscribe(c.topic(), 1)
        peer.shut()
    c.connect(brief, session=2, present=True).shut()
    time.sleep(3.2)
    assert present(c, longer)
    assert not present(c, brief)


@case(v5="4.1.0-2 U5-3.2.2.3.2-1", config="timed", slow=True)
def test_session_expiry_is_limited_by_the_server(c):
    cid = c.cid()
    c.connect(cid, session=3600).shut()
    time.sleep(2.2)
    assert not present(c, cid)


@case(v5="4.1.0-1", slow=True)
def test_session_does_not_expire_while_connected(c):
    cid = c.cid()
    peer = c.connect(cid, session=1)
    time.sleep(2.2)
    peer.shut()
    c.connect(cid, session=1, present=True)


@case(v5="U5-3.14.2.2.2-1", slow=True)
def test_disconnect_changes_the_session_expiry(c):
    """Absent keeps the value of CONNECT; another one replaces it, 0 ends the session."""
    kept, ended, longer = c.cid(), c.cid(), c.cid()
    c.connect(kept, session=30).bye(0, [])
    c.connect(ended, session=30).bye(0, [(EXPIRY, 0)])
    c.connect(longer, session=1).bye(0, [(EXPIRY, 30)])
    assert not present(c, ended)
    time.sleep(2.2)
    assert present(c, kept) and present(c, longer)


@case(v5="U5-3.14.2.2.2-2")
def test_disconnect_may_not_raise_a_session_expiry_of_0(c):
    """0x82, and the will goes out, as it was no valid DISCONNECT."""
    topic = c.topic()
    watcher = c.connect()
    watcher.subscribe(topic)
    cid = c.cid()
    peer = c.connect(cid, will=m.Will(topic, b"gone"))
    peer.send(m.disconnect(0, [(EXPIRY, 5)]))
    peer.closed(0x82)
    watcher.message(payload="gone")
    assert not present(c, cid)


@case(v5="3.1.4-3 U5-3.1.4-5 3.14.2-1", v4="3.1.4-2", versions=ALL)
def test_take_over(c):
    """The old connection hears 0x8E and is closed; its will is handled; the new one goes on."""
    topic, cid = c.topic(), c.cid()
    watcher = c.connect()
    watcher.subscribe(topic)
    old = c.connect(cid, will=m.Will(topic, b"taken"))
    new = c.connect(cid)
    old.closed(0x8E)
    watcher.message(payload="taken")
    new.ping()


@case(v5="3.1.4-3 3.1.2-5 3.2.2-3", v4="3.1.4-2 3.1.2-4 3.2.2-2", versions=ALL)
def test_take_over_of_a_session(c):
    """Subscriptions, messages in flight and queued ones move to the new connection."""
    topic, cid, pub = c.topic(), c.cid(), c.connect()
    old = c.connect(cid, session=30)
    old.subscribe(topic, 1)
    pub.publish(topic, b"1", 1)
    first = old.message(ack=False)
    new = c.connect(cid, session=30, present=True)
    old.closed(0x8E)
    new.message(payload="1", pid=first.pid, dup=True)
    pub.publish(topic, b"2", 1)
    new.message(payload="2", dup=False)


@case(v5="3.1.4-3 3.2.2-2 3.2.2-3", v4="3.1.4-2 3.1.2-6", versions=(4, 5))
def test_take_over_without_anything_to_resume(c):
    cid, topic = c.cid(), c.topic()
    for clean in (True, False):
        old = c.connect(cid)
        old.subscribe(topic, 1)
        new = c.connect(cid, clean=clean, present=False)
        old.closed(0x8E)
        pub = c.connect()
        pub.publish(topic, b"x", 1)
        c.expect(new, [], pub)
        new.bye()
        c.connect(cid, clean=True).bye()


@case(v5="3.1.4-3", v4="3.1.4-2", versions=(4, 5))
def test_take_over_by_another_version(c):
    cid = c.cid()
    old = c.connect(cid)
    new = c.connect(cid, v=9 - c.v)
    old.closed(0x8E)
    new.ping()


@case(v5="3.1.2-5 3.1.4-4", v4="3.1.2-4", versions=(4, 5))
def test_session_moves_between_versions(c):
    """A session left by 3.1.1 is resumed by 5.0 and the other way round."""
    cid, topic, pub = c.cid(), c.topic(), c.connect()
    first = c.connect(cid, session=60)
    first.subscribe(topic, 1)
    first.bye()
    pub.publish(topic, b"x", 1)
    second = c.connect(cid, v=9 - c.v, session=60, present=True)
    second.message(payload="x", qos=1)


@case(v5="3.1.4-3 3.2.2-3", v4="3.1.4-2", versions=ALL)
def test_client_ids_are_case_sensitive(c):
    cid = c.cid()
    one, two = c.connect(cid), c.connect(cid.upper())
    one.ping()
    two.ping()


# ---- DISCONNECT ----------------------------------------------------------------------------------

@case(v5="U5-3.14.4-1 U5-3.14.2.1-1 3.14.4-1 U5-3.14-1", v4="U311-3.14.4-1 3.14.4-1",
      versions=ALL)
def test_disconnect_closes(c):
    """The server closes, without a word; what follows is not looked at."""
    topic = c.topic()
    watcher = c.connect()
    watcher.subscribe(topic)
    forms = ((), (0,), (0, []), (0, [(m.REASON_STRING, "bye"), (m.USER_PROPERTY, ("a", "b"))]))
    for form in forms if c.v == 5 else forms[:1]:
        peer = c.connect()
        peer.send(m.disconnect(*form), m.publish(c.v, topic, b"late"), m.pingreq())
        assert peer.closed() is None
    c.expect(watcher, [])


@case(v5="3.14.1-1 2.1.3-1", v4="3.14.1-1 2.2.2-2")
def test_disconnect_flags(c):
    """Malformed; it is no DISCONNECT, so the will is due."""
    topic = c.topic()
    watcher = c.connect()
    watcher.subscribe(topic)
    for flags in (1, 2, 4, 8):
        peer = c.connect(will=m.Will(topic, b"gone"))
        peer.send(m.disconnect(flags=flags))
        peer.closed(0x81)
        watcher.message(payload="gone")


@case(v5="3.14.2-1 3.14.2-2")
def test_disconnect_reasons(c):
    """Every code a client may send is taken; others are not."""
    good = (0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99)
    for code in good:
        peer = c.connect()
        peer.send(m.disconnect(code))
        assert peer.closed() is None, f"code 0x{code:02X}"
    for code in (0x01, 0x02, 0x10, 0x84, 0x87, 0x8B, 0x8D, 0x8E, 0x9C, 0x9E, 0xA2, 0xFF):
        c.kills(m.disconnect(code), (0x82, 0x81))


@case(v5="U5-3.14.2.2.2-1 U5-3.14.2.2.3-1 U5-3.14.2.2.5-1 U5-2.2.2.2-1 3.14.2-1")
def test_disconnect_properties(c):
    for item in ((EXPIRY, 1), (m.REASON_STRING, "a")):
        c.kills(m.disconnect(0, [item, item]), 0x82, session=30)
    for item in ((m.PAYLOAD_FORMAT, 1), (m.TOPIC_ALIAS, 1), b"\x7f\x01", (m.SERVER_REFERENCE, "a"),
                 (m.REASON_STRING, b"\xff"), (m.USER_PROPERTY, ("a", b"\0")), b"\x11\x00"):
        c.kills(m.disconnect(0, [item]), (0x81, 0x82))
    c.kills(m.packet(m.DISCONNECT, 0, b"\0\0\0"), 0x81)


@case(v4="4.8.0-1")
def test_disconnect_with_a_body(c):
    c.kills(b"\xe0\x01\x00")


@case(v5="3.14.4-2 3.14.4-1 3.14.2-2 3.14.2-1 4.13.2-1 U5-4.13.1-3")
def test_servers_disconnect(c):
    """A reason of its table, no session expiry (the reader checks), and then the close."""
    peer = c.connect(session=30)
    peer.send(m.publish(5, "a/+", b"x"), m.pingreq(), m.pingreq())
    last = peer.closed((0x90, 0x81))
    assert not last.has(EXPIRY)


@case(v5="3.14.4-2 3.14.2-1 3.14.2-2 4.13.2-1", config="stopped")
def test_server_shutting_down(c):
    """v5 hears 0x8B, 3.x just the close; the broker ends with exit code 0."""
    peers = [c.connect(v=v) for v in ALL]
    assert c.broker.stop() in (0, None)
    for peer in peers:
        peer.closed(0x8B)


# ---- PING, keep-alive ----------------------------------------------------------------------------

@case(v5="3.12.4-1 2.2.2-1", v4="3.12.4-1", versions=ALL)
def test_ping(c):
    peer = c.connect()
    peer.send(*[m.pingreq()] * 5)
    for _ in range(5):
        peer.want(m.PINGRESP)


@case(v5="2.1.3-1 4.13.1-1", v4="2.2.2-2 2.2.2-1")
def test_ping_malformed(c):
    for flags in (1, 2, 4, 8):
        c.kills(m.pingreq(flags), 0x81)
    c.kills(b"\xc0\x01\x00", 0x81)


@case(v5="3.1.2-22 3.1.2-20 3.2.2-22", v4="3.1.2-24 3.1.2-23", versions=ALL, slow=True)
def test_keep_alive_runs_out(c):
    """After 1.5 times the interval: 0x8D, close, and the will goes out."""
    topic = c.topic()
    watcher = c.connect()
    watcher.subscribe(topic)
    begin = time.monotonic()
    peer = c.connect(keepalive=1, will=m.Will(topic, b"silent"))
    peer.closed(0x8D)
    assert 1.45 < time.monotonic() - begin < 5
    watcher.message(payload="silent")


@case(v5="3.1.2-22 3.1.2-20", v4="3.1.2-24 3.1.2-23", versions=ALL, slow=True)
def test_keep_alive_is_fed_by_any_packet(c):
    peer = c.connect(keepalive=1)
    for _ in range(2):
        for packet in (m.pingreq(), m.publish(c.v, c.topic(), b"x")):
            time.sleep(0.6)
            peer.send(packet)
    peer.want(m.PINGRESP)
    peer.want(m.PINGRESP)
    peer.ping()


@case(v5="3.1.2-22", v4="3.1.2-24", versions=ALL, slow=True)
def test_traffic_to_the_client_does_not_feed_its_keep_alive(c):
    topic = c.topic()
    peer, pub = c.connect(keepalive=1), c.connect()
    peer.subscribe(topic)
    for _ in range(5):
        time.sleep(0.4)
        pub.publish(topic, b"x")
    peer.closed(0x8D)


@case(v5="3.1.2-22", v4="3.1.2-24 U311-3.1.2.10-2", versions=ALL, slow=True)
def test_keep_alive_0_is_off(c):
    """The server closes no inactive client, though it might."""
    peer = c.connect(keepalive=0)
    peer.silent(2.5)
    peer.ping()


@case(v5="3.1.2-22 3.1.2-21 3.2.2-21 U5-3.2.2.3.14-1", config="timed", slow=True)
def test_servers_keep_alive_holds(c):
    begin = time.monotonic()
    c.connect(keepalive=600).closed(0x8D)
    assert 1.45 < time.monotonic() - begin < 5
