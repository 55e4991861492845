"""CONNECT: order, protocol name and version, flags, payload, client identifiers."""

import mqtt as m
from case import case

ALL = (3, 4, 5)


@case(v5="3.1.0-1 3.14.0-1 3.2.0-1 4.13.1-1", v4="3.1.0-1 3.2.0-1 4.8.0-1", versions=ALL)
def test_first_packet_is_not_connect(c):
    """Whatever comes before CONNECT closes the connection, and nothing is sent."""
    for packet in (m.pingreq(), m.publish(c.v, c.topic(), b"x"), m.disconnect(),
                   m.subscribe(c.v, 1, [(c.topic(), 0)]), m.unsubscribe(c.v, 1, [c.topic()]),
                   m.ack(m.PUBACK, 1), m.ack(m.PUBREL, 1), m.auth(), b"\x00\x00",
                   m.packet(m.CONNACK, 0, b"\0\0")):
        peer = c.open()
        peer.send(packet)
        peer.closed()
        assert peer.over is False, "nothing may be sent before CONNACK"


@case(v5="3.1.0-2 U5-4.13.1-3 U5-4.13.1-4", v4="3.1.0-2 4.8.0-1", versions=ALL)
def test_second_connect(c):
    for cid in (None, c.cid()):
        peer = c.connect()
        peer.send(m.connect(c.v, cid or peer.cid))
        peer.closed(0x82)


@case(v5="3.1.2-1", v4="3.1.2-1", v3="V3-name-1", versions=ALL)
def test_wrong_protocol_name(c):
    level = bytes([c.v])
    names = [b"MQTX", b"mqtt", b"MQTTX", b"MQ", b"", b"MQIsdq", b"\xef\xbb\xbfMQTT"]
    names.append(b"MQTT" if c.v == 3 else b"MQIsdp")
    for name in names:
        c.refuse(m.connect(c.v, c.cid(), head=m.s(name) + level), 0x84, 1, optional=True)


@case(v5="3.1.2-2 U5-3.2.2.2-1")
def test_later_protocol_version(c):
    """A version above 5 is told so in the form of the newest version served."""
    for level in (6, 7, 127):
        c.refuse(m.connect(5, c.cid(), head=m.s("MQTT") + bytes([level])), 0x84)


@case(v4="3.1.2-2 3.2.2-4 3.2.2-5 U311-3.2.2.3-1")
def test_earlier_protocol_level(c):
    for level in (0, 1, 2):
        c.refuse(m.connect(4, c.cid(), head=m.s("MQTT") + bytes([level])), None, 1)


@case(v3="V3-name-2")
def test_name_and_level_of_different_versions(c):
    for head in (m.s("MQTT") + b"\3", m.s("MQIsdp") + b"\4", m.s("MQIsdp") + b"\2"):
        c.refuse(m.connect(3, c.cid(), head=head), None, 1)


@case(v5="3.1.2-2 3.1.4-2", config="only4", versions=(5,))
def test_version_5_not_served(c):
    c.refuse(m.connect(5, c.cid()), 0x84)


@case(v3="V3-name-2", config="only4")
def test_version_31_not_served(c):
    c.refuse(m.connect(3, c.cid()), None, 1)


@case(v5="3.1.2-3 3.1.4-1 U5-3.1.4-3 U5-4.13.1-2", v4="3.1.2-3 3.1.4-1 3.2.2-6")
def test_reserved_connect_flag(c):
    c.refuse(m.connect(c.v, c.cid(), flags=3), 0x81)


@case(v3="V3-flags-1")
def test_reserved_connect_flag_is_ignored_in_31(c):
    peer = c.open()
    peer.send(m.connect(3, c.cid(), flags=3))
    peer.want(m.CONNACK, code=0)


@case(v5="2.1.3-1 3.1.4-1", v4="2.2.2-1 2.2.2-2 3.1.4-1")
def test_connect_fixed_header_flags(c):
    for bits in (1, 2, 4, 8, 15):
        packet = m.connect(c.v, c.cid())
        c.refuse(bytes([packet[0] | bits]) + packet[1:], 0x81, optional=True)


@case(v5="3.1.4-1 3.1.3-1 3.1.3-3 3.1.2-9 3.1.2-17 3.1.2-19",
      v4="3.1.4-1 3.1.3-1 3.1.3-3 3.1.2-9 3.1.2-19 3.1.2-21 3.2.2-6 4.8.0-1")
def test_connect_cut_at_every_byte(c):
    """A field missing or cut short, with a remaining length that fits: malformed."""
    will = m.Will(c.topic(), b"w", props=[(m.WILL_DELAY, 1)])
    whole = m.connect(c.v, c.cid(), will=will, user="u", password="p",
                      props=[(m.USER_PROPERTY, ("a", "b"))])
    body = whole[2:]
    for size in range(len(body)):
        c.refuse(m.packet(m.CONNECT, 0, body[:size]), 0x81, optional=size < 10)


@case(v5="3.1.4-1 3.1.2-16 3.1.2-18", v4="3.1.4-1 3.1.2-18 3.1.2-20 3.1.2-11")
def test_connect_with_trailing_bytes(c):
    """Fields whose flags are 0 (will, user name, password) may not be there."""
    for tail in (b"\0", m.s("user"), m.s("user") + m.s("password"), m.s("t") + m.s("w")):
        c.refuse(m.connect(c.v, c.cid(), tail=tail), 0x81)


@case(v5="3.1.2-11 3.1.2-12 3.1.2-13", v4="3.1.2-11 3.1.2-13 3.1.2-14 3.1.2-15", versions=(4, 5))
def test_will_flags_that_contradict(c):
    for flags in (0x02 | 0x08, 0x02 | 0x10, 0x02 | 0x18, 0x02 | 0x20):
        c.refuse(m.connect(c.v, c.cid(), flags=flags), 0x81)
    packet = m.connect(c.v, c.cid(), will=m.Will(c.topic()), flags=0x02 | 0x04 | 0x18)
    c.refuse(packet, 0x81)


@case(v4="3.1.2-22", v3="V3-password-1")
def test_password_without_user_name(c):
    c.refuse(m.connect(c.v, c.cid(), password="secret"))


@case(v5="3.1.2-19 U5-3.1.4-4 U5-4.12-4")
def test_password_without_user_name_is_fine_in_5(c):
    c.connect(password="secret")


@case(v5="3.1.2-17 3.1.2-19", v4="3.1.2-19 3.1.2-21 U311-3.1.4-3", versions=ALL)
def test_user_name_and_password(c):
    """Without configured users everybody is let in, with or without a name."""
    c.connect(user="user", password=b"\x00\xff binary")
    c.connect(user="user")
    c.connect(user="", password=b"")


@case(v3="V3-missing-1")
def test_user_name_flag_without_field_in_31(c):
    """The remaining length wins over the flags."""
    peer = c.open()
    peer.send(m.connect(3, c.cid(), flags=0x02 | 0x80 | 0x40))
    peer.want(m.CONNACK, code=0)


BAD_TEXT = (b"\xff", b"\xc3\x28", b"\xc0\x80", b"\xed\xa0\x80", b"\xed\xbf\xbf",
            b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"ab\x00c", b"\xe2\x82", b"\xe0\x80\xaf")


@case(v5="1.5.4-1 1.5.4-2 3.1.3-4 3.1.3-11 3.1.3-12",
      v4="1.5.3-1 1.5.3-2 3.1.3-4 3.1.3-10 3.1.3-11")
def test_bad_utf8_in_connect(c):
    for bad in BAD_TEXT:
        c.refuse(m.connect(c.v, bad), 0x81)
        c.refuse(m.connect(c.v, c.cid(), user=bad), 0x81)
        c.refuse(m.connect(c.v, c.cid(), will=m.Will(bad)), 0x81)


@case(v5="4.7.0-1 4.7.3-1", v4="4.7.1-1 4.7.3-1", versions=ALL)
def test_will_topic_is_no_topic_name(c):
    for topic in ("a/+", "#", "a/#/b", "a+", ""):
        c.refuse(m.connect(c.v, c.cid(), will=m.Will(topic)), (0x90, 0x81), 5, optional=True)


@case(v5="3.1.3-5 3.1.4-5 3.2.0-1", v4="3.1.3-5 3.1.4-4 3.2.0-1", versions=ALL)
def test_plain_client_ids_are_accepted(c):
    alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    for cid in (alphabet[:23], alphabet[23:46], alphabet[46:], "Z"):
        c.connect(cid=cid).bye()


@case(v5="U5-3.1.3.1-1 1.5.4-3", v4="U311-3.1.3.1-1 1.5.3-3", v3="V3-cid-2")
def test_long_and_unusual_client_ids(c):
    """Longer ones and other characters are accepted; U+FEFF counts."""
    for cid in ("x" * 24 + c.cid(), f"ä/{c.cid()} #+", "\ufeff" + c.cid(), "\U0001f600" + c.cid()):
        c.connect(cid=cid, session=30, present=False).bye()
        again = c.connect(cid=cid, session=30, present=True)
        again.bye()
        c.connect(cid=cid.replace("\ufeff", "") + "y", session=30, present=False).bye()
        c.connect(cid=cid, clean=True).bye()


@case(v5="3.1.3-6 3.1.3-7 3.2.2-16")
def test_empty_client_id_is_assigned(c):
    """Each connection gets another id; the id can be used to come back."""
    first = c.open()
    first.hello("", clean=True, props=[(m.SESSION_EXPIRY, 30)])
    assigned = first.want(m.CONNACK, code=0, present=False).get(m.ASSIGNED_CLIENT_ID)
    assert assigned
    second = c.open()
    second.hello("", clean=False)
    other = second.want(m.CONNACK, code=0, present=False).get(m.ASSIGNED_CLIENT_ID)
    assert other and other != assigned
    first.ping()
    first.bye()
    c.connect(cid=assigned, clean=False, present=True).bye()


@case(v5="3.1.3-7")
def test_no_assigned_id_for_a_named_client(c):
    assert not c.connect().connack.has(m.ASSIGNED_CLIENT_ID)


@case(v4="3.1.3-6 U311-3.1.3.1-1")
def test_empty_client_id_with_clean_session(c):
    first, second = c.connect(cid=""), c.connect(cid="")
    first.ping()
    second.ping()


@case(v4="3.1.3-7 3.1.3-8 3.1.3-9 3.2.2-4 3.2.2-5")
def test_empty_client_id_without_clean_session(c):
    c.refuse(m.connect(4, "", clean=False), None, 2)


@case(v3="V3-cid-1")
def test_empty_client_id_in_31(c):
    for clean in (True, False):
        c.refuse(m.connect(3, "", clean=clean), None, 2)


@case(v5="3.1.3-8 3.1.4-2 3.2.2-6 3.2.2-7", v4="3.1.3-9 3.2.2-4 3.2.2-5 U311-3.1.4-4",
      config="small", versions=ALL)
def test_client_id_above_the_configured_limit(c):
    c.refuse(m.connect(c.v, "x" * 33), 0x85, 2)
    c.connect(cid="x" * 32)


@case(v5="3.1.4-6 3.2.0-2", v4="3.1.4-5", versions=ALL)
def test_nothing_is_processed_after_a_refusal(c):
    """A PUBLISH that follows a refused CONNECT reaches nobody."""
    topic = c.topic()
    watcher = c.connect()
    watcher.subscribe(topic)
    refused = (m.connect(5, c.cid(), head=m.s("MQTT") + b"\x07") if c.v == 5 else
               m.connect(c.v, "", clean=False))
    peer = c.open()
    peer.send(refused, m.publish(c.v, topic, b"ghost"), m.connect(c.v, c.cid()))
    peer.refused(0x84, 2)
    c.expect(watcher, [])


@case(v5="U5-3.1.4-6 3.1.4-5 3.2.0-1", v4="3.1.4-4 3.2.0-1", versions=ALL)
def test_packets_right_behind_connect(c):
    """A client may send without waiting for CONNACK; CONNACK still comes first."""
    topic = c.topic()
    peer = c.open()
    peer.send(m.connect(c.v, c.cid()) + m.subscribe(c.v, 7, [(topic, 0)]) +
              m.publish(c.v, topic, b"early") + m.pingreq())
    peer.want(m.CONNACK, code=0)
    peer.want(m.SUBACK, pid=7)
    peer.message(topic=topic, payload="early")
    peer.want(m.PINGRESP)


@case(v5="U5-3.1.4-1 4.2.0-1", v4="U311-3.1.4-1 7.1.1-1", v3="V3-port-1")
def test_versions_share_one_port(c):
    """Clients of all versions meet in one topic."""
    topic = c.topic()
    peers = [c.connect(v=v) for v in ALL]
    for peer in peers:
        peer.subscribe(topic)
    for peer in peers:
        peer.publish(topic, f"from {peer.v}")
    for peer in peers:
        assert {peer.message().payload for _ in peers} == {b"from 3", b"from 4", b"from 5"}


@case(v5="4.2.0-1", v4="7.1.1-1", versions=ALL)
def test_bytes_may_come_in_any_pieces(c):
    """The stream may be cut anywhere; packets are put together again."""
    topic = c.topic()
    peer = c.open()
    stream = (m.connect(c.v, c.cid()) + m.subscribe(c.v, 1, [(topic, 1)]) +
              m.publish(c.v, topic, b"payload", 1, pid=2) + m.pingreq())
    for at in range(len(stream)):
        peer.send(stream[at:at + 1])
    peer.want(m.CONNACK, code=0)
    peer.want(m.SUBACK, pid=1)
    peer.want(m.PUBACK, pid=2)
    peer.message(topic=topic, payload="payload")
    peer.want(m.PINGRESP)


@case(v5="U5-3.1.4-2 3.14.0-1", v4="U311-3.1.4-2", versions=ALL, config="small", slow=True)
def test_connect_that_never_comes(c):
    """Also when it begins and never ends."""
    for start in (b"", m.connect(c.v, c.cid())[:-1]):
        peer = c.open()
        peer.send(start)
        peer.closed()


@case(v5="1.5.5-1 3.1.4-1", v4="4.8.0-1")
def test_remaining_length_of_connect_too_long(c):
    """Five bytes are malformed in every version; so is, in v5, one byte more than needed."""
    body = m.connect(c.v, c.cid())[2:]
    c.refuse(b"\x10" + m.var(len(body), pad=4) + body, 0x81, optional=True)
    if c.v == 5:
        c.refuse(b"\x10" + m.var(len(body), pad=1) + body, 0x81, optional=True)
