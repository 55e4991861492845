"""What MQTT 3.1 (MQIsdp) does differently; the other cases run with 3.1 clients too."""

import mqtt as m
from case import case


@case(v3="V3-flags-2")
def test_retransmission_bits_in_31(c):
    """SUBSCRIBE, UNSUBSCRIBE and PUBREL are QoS 1 messages and may set DUP."""
    topic, peer = c.topic(), c.connect()
    for flags in (2, 10):
        peer.send(m.subscribe(3, 5, [(topic, 1)], flags=flags))
        peer.want(m.SUBACK, pid=5, codes=[1])
    peer.send(m.publish(3, topic, b"x", 2, pid=6))
    peer.want(m.PUBREC, pid=6)
    for flags in (2, 10):
        peer.send(m.ack(m.PUBREL, 6, flags=flags))
        peer.want(m.PUBCOMP, pid=6)
    peer.message(payload="x", qos=1)
    for flags in (2, 10):
        peer.send(m.unsubscribe(3, 7, [topic], flags=flags))
        peer.want(m.UNSUBACK, pid=7)


@case(v3="V3-flags-1")
def test_unused_flag_bits_are_ignored_in_31(c):
    """After CONNECT, that is: before it the version is not known yet."""
    peer = c.connect()
    for flags in (1, 8, 15):
        peer.send(m.pingreq(flags), m.ack(m.PUBACK, 9, flags=flags))
        peer.want(m.PINGRESP)
    peer.send(m.disconnect(flags=8))
    assert peer.closed() is None


@case(v3="V3-resend-1")
def test_repeats_on_the_same_connection_in_31(c):
    """Clients may send again after a time-out: answered again, QoS 2 delivered once."""
    topic = c.topic()
    sub, pub = c.pair(topic, qos=2)
    for dup in (False, True, True):
        pub.send(m.publish(3, topic, b"once", 2, dup=dup, pid=3))
        pub.want(m.PUBREC, pid=3)
    for flags in (2, 10):
        pub.send(m.ack(m.PUBREL, 3, flags=flags))
        pub.want(m.PUBCOMP, pid=3)
    c.expect(sub, ["once"], pub)


@case(v3="V3-suback-1")
def test_refused_subscription_in_31(c):
    """There is no failure code: a granted QoS is answered and nothing delivered, or it closes."""
    peer = c.connect()
    peer.send(m.subscribe(3, 1, [("a#", 1), (c.topic(), 1)]))
    try:
        got = peer.read()
    except Exception as error:
        assert type(error).__name__ == "Closed"
    else:
        assert got.kind == m.SUBACK and len(got.codes) == 2
        peer.ping()


@case(v3="V3-dollar-1")
def test_dollar_topics_in_31(c):
    """The rule of 3.1.1 is used: '#' shows nothing of $SYS."""
    peer = c.connect()
    peer.subscribe("#")
    assert not [p for p in c.drain(peer) if p.topic.startswith("$")]


@case(v3="V3-same-1")
def test_a_day_of_a_31_client(c):
    """Connect with a will, subscribe, all QoS, retained, resume, disconnect."""
    base, cid = c.topic("day"), c.cid()
    peer = c.connect(cid, session=True, keepalive=60, user="u", password="p",
                     will=m.Will(base + "/will", b"gone", 1))
    peer.subscribe([(base + "/#", 2)])
    for qos in (0, 1, 2):
        peer.publish(base + "/x", str(qos), qos, retain=True)
        peer.message(payload=str(qos), qos=qos, retain=False)
    peer.ping()
    peer.shut()
    c.connect().publish(base + "/y", b"while away", 1)
    peer = c.connect(cid, session=True)
    assert {peer.message().payload for _ in range(2)} == {b"gone", b"while away"}
    peer.unsubscribe(base + "/#")
    peer.bye()
    c.connect(cid, clean=True).bye()
