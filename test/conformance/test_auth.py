"""AUTH: enhanced authentication and re-authentication, with the method ECHO of the test mode.

ECHO answers the client's data with AUTH 0x18 and the same data once, and then lets it in unless
the second data is "fail".
"""

import mqtt as m
from case import case

METHOD, DATA = m.AUTH_METHOD, m.AUTH_DATA
ECHO = (METHOD, "ECHO")


def begin(c, cid=None, data=b"d1", **kw):
    """CONNECT up to the server's AUTH."""
    peer = c.open()
    peer.hello(c.cid() if cid is None else cid, props=[ECHO, (DATA, data)], **kw)
    got = peer.want(m.AUTH, code=0x18)
    assert got.get(METHOD) == "ECHO" and got.get(DATA) == data
    return peer


def authenticated(c):
    peer = begin(c)
    peer.send(m.auth(0x18, [ECHO, (DATA, b"d2")]))
    got = peer.want(m.CONNACK, code=0)
    assert got.get(METHOD) == "ECHO"
    return peer


@case(v5="4.12.0-2 4.12.0-3 4.12.0-5 3.15.2-1 3.2.0-1 U5-4.12-3 U5-3.2.2.3.17-1 U5-3.2.2.3.18-1 "
         "U5-3.15-1 2.2.2-1 U5-4.12-1")
def test_enhanced_authentication(c):
    """AUTH 0x18 both ways, the method in every packet, CONNACK 0 at the end; then it works."""
    topic = c.topic()
    peer = authenticated(c)
    peer.subscribe(topic, 1)
    peer.publish(topic, b"x", 1)
    peer.message(payload="x")
    assert not peer.connack.has(m.ASSIGNED_CLIENT_ID)


@case(v5="4.12.0-4 3.1.4-2 3.2.2-7 U5-3.1.4-4 3.1.2-7")
def test_failed_authentication(c):
    """Refused and closed; what followed is not processed, the will not stored."""
    topic = c.topic()
    watcher = c.connect()
    watcher.subscribe(topic)
    peer = begin(c, will=m.Will(topic))
    peer.send(m.auth(0x18, [ECHO, (DATA, b"fail")]), m.publish(5, topic, b"x"))
    peer.refused((0x87, 0x86))
    c.expect(watcher, [])


@case(v5="4.12.1-2 4.13.2-1")
def test_re_authentication_that_fails(c):
    peer = authenticated(c)
    peer.send(m.auth(0x19, [ECHO, (DATA, b"x")]))
    peer.want(m.AUTH, code=0x18)
    peer.send(m.auth(0x18, [ECHO, (DATA, b"fail")]))
    peer.closed((0x87, 0x8C))


@case(v5="4.12.0-1 4.12.0-4 U5-3.1.4-4 3.1.4-2")
def test_unsupported_method(c):
    for method in ("NOPE", "", "echo", "SCRAM-SHA-3-999"):
        c.refuse(m.connect(5, c.cid(), props=[(METHOD, method)]), (0x8C, 0x87))


@case(v5="4.12.0-1", config="small")
def test_no_method_is_offered_by_default(c):
    c.refuse(m.connect(5, c.cid(), props=[ECHO, (DATA, b"x")]), (0x8C, 0x87))


@case(v5="4.12.0-6 U5-4.12-4")
def test_no_auth_without_method(c):
    got = c.connect(user="u", password="p").connack
    assert not got.has(METHOD) and not got.has(DATA)


@case(v5="4.12.0-7 U5-3.15-1 U5-3.15.2.1-1")
def test_auth_from_a_client_without_method(c):
    for packet in (m.auth(0x19, [ECHO]), m.auth(0x18, [ECHO]), m.auth(), m.auth(0, [])):
        c.kills(packet, (0x82, 0x81))


@case(v5="3.1.2-30 4.12.0-4 3.1.4-2 3.14.0-1")
def test_other_packets_during_authentication(c):
    """Only AUTH and DISCONNECT may come before CONNACK."""
    for packet in (m.pingreq(), m.publish(5, c.topic(), b"x"), m.connect(5, c.cid()),
                   m.subscribe(5, 1, [(c.topic(), 0)])):
        peer = begin(c)
        peer.send(packet)
        peer.refused((0x82, 0x81, 0x87), optional=True)


@case(v5="U5-4.12-2 3.14.4-3")
def test_client_gives_up_during_authentication(c):
    topic = c.topic()
    watcher = c.connect()
    watcher.subscribe(topic)
    peer = begin(c, will=m.Will(topic))
    peer.send(m.disconnect())
    peer.closed()
    assert peer.connack is None
    begin(c, will=m.Will(topic)).shut()
    c.expect(watcher, [])


@case(v5="4.12.0-3 4.12.0-4 4.12.0-5 3.15.2-1 U5-3.15.2.2.2-1 U5-3.15-1 3.1.4-2 3.14.0-1")
def test_bad_answer_during_authentication(c):
    """Wrong code, wrong or missing or double method: refused, closed, never a DISCONNECT."""
    bad = [m.auth(0x00, [ECHO]), m.auth(0x19, [ECHO]), m.auth(0x18, [(METHOD, "OTHER")]),
           m.auth(0x18, []), m.auth(0x18), m.auth(), m.auth(0x18, [ECHO, ECHO]),
           m.auth(0x18, [(DATA, b"x")]), m.auth(0x55, [ECHO]), m.auth(0x87, [ECHO])]
    for packet in bad:
        peer = begin(c)
        peer.send(packet)
        peer.refused((0x82, 0x81, 0x87, 0x8C), optional=True)


@case(v5="3.15.1-1 2.1.3-1")
def test_auth_flags(c):
    for flags in (1, 2, 4, 8):
        peer = authenticated(c)
        peer.send(m.auth(0x19, [ECHO], flags=flags))
        peer.closed(0x81)


@case(v5="U5-3.15.2.2.3-1 U5-3.15.2.2.4-1 U5-3.15.2.2.2-1 U5-2.2.2.2-1")
def test_auth_properties(c):
    """Twice is a protocol error, what does not belong is malformed."""
    for item in ((DATA, b"x"), (m.REASON_STRING, "x")):
        peer = authenticated(c)
        peer.send(m.auth(0x19, [ECHO, item, item]))
        peer.closed(0x82)
    peer = authenticated(c)
    peer.send(m.auth(0x19, [ECHO, ECHO]))
    peer.closed(0x82)
    for item in ((m.SESSION_EXPIRY, 1), (m.TOPIC_ALIAS, 1), b"\x7f\x00", (m.CONTENT_TYPE, "x"),
                 (m.REASON_STRING, b"\xff"), (m.USER_PROPERTY, (b"\xff", ""))):
        peer = authenticated(c)
        peer.send(m.auth(0x19, [ECHO, item]))
        peer.closed(0x81)


@case(v5="4.12.1-1 4.12.0-5 3.15.2-1 U5-4.12.1-1 U5-3.15-1")
def test_re_authentication(c):
    """Other traffic goes on meanwhile; afterwards it can be done again."""
    topic, peer = c.topic(), authenticated(c)
    peer.subscribe(topic)
    for turn in (b"1", b"2"):
        peer.send(m.auth(0x19, [ECHO, (DATA, turn), (m.USER_PROPERTY, ("a", "b"))]))
        got = peer.want(m.AUTH, code=0x18)
        assert got.get(METHOD) == "ECHO" and got.get(DATA) == turn
        peer.publish(topic, turn, 1)
        peer.message(payload=turn)
        peer.ping()
        peer.send(m.auth(0x18, [ECHO, (DATA, turn)]))
        assert peer.want(m.AUTH, code=0).get(METHOD) == "ECHO"
    peer.ping()


@case(v5="4.12.1-1 4.12.1-2 4.12.0-5 U5-3.15.2.2.2-1 3.15.2-1 4.13.1-1")
def test_bad_re_authentication(c):
    """Another method, no method, codes out of turn: DISCONNECT and close."""
    for packet in (m.auth(0x19, [(METHOD, "OTHER")]), m.auth(0x19, []), m.auth(0x19),
                   m.auth(0x18, [ECHO]), m.auth(0x00, [ECHO]), m.auth(), m.auth(0x80, [ECHO])):
        peer = authenticated(c)
        peer.send(packet)
        peer.closed((0x82, 0x81, 0x87, 0x8C))


@case(v5="4.12.1-2 4.12.0-5 U5-4.13.1-3")
def test_failed_re_authentication_closes(c):
    """Also in its second step, or when a second one is begun in the middle."""
    for packet in (m.auth(0x19, [ECHO]), m.auth(0x18, [(METHOD, "OTHER")]), m.auth(0x18, [])):
        peer = authenticated(c)
        peer.send(m.auth(0x19, [ECHO, (DATA, b"x")]))
        peer.want(m.AUTH, code=0x18)
        peer.send(packet)
        peer.closed((0x82, 0x81, 0x87, 0x8C))


@case(v5="3.15.2-2 3.15.2-3 3.1.2-24")
def test_auth_fits_the_maximum_packet_size(c):
    """The smallest size that holds the method and the data gets AUTH without extras."""
    props = [ECHO, (DATA, b"1234567890" * 6), (m.MAXIMUM_PACKET_SIZE, 90)]
    peer = c.open()
    peer.hello(c.cid(), props=props)
    got = peer.want(m.AUTH, code=0x18)
    assert not got.has(m.REASON_STRING) and not got.has(m.USER_PROPERTY)


@case(v4="4.8.0-1", versions=(3, 4))
def test_auth_does_not_exist_before_5(c):
    c.kills(m.auth())
    c.kills(b"\xf0\x01\x18")
