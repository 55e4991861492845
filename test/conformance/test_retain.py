"""Retained messages: store, replace, delete, send at subscribe, the RETAIN bit."""

import mqtt as m
from case import case

ALL = (3, 4, 5)


@case(v5="3.3.1-5 U5-3.3.1.3-3 U5-3.8.3.1-3 3.8.4-8", v4="3.3.1-5 3.3.1-6 3.3.1-8 3.8.4-6",
      versions=ALL)
def test_retained_message_is_stored_and_replaced(c):
    """With its QoS; sent with RETAIN 1 at the lower of both QoS."""
    topic, pub = c.topic(), c.connect()
    for qos in (2, 1, 0):
        pub.publish(topic, f"old {qos}", qos, retain=True)
        pub.publish(topic, f"new {qos}", qos, retain=True)
        for wanted in (0, 1, 2):
            found = c.stored(topic, [f"new {qos}"], wanted)
            assert found[0].retain and found[0].qos == min(qos, wanted) and not found[0].dup


@case(v5="U5-3.3.1.3-1 U5-3.3.1.3-2", v4="3.3.1-7 U311-3.3.1.3-1", versions=ALL)
def test_retained_qos_0_message_is_kept(c):
    topic, pub = c.topic(), c.connect()
    pub.publish(topic, b"qos 2", 2, retain=True)
    pub.publish(topic, b"qos 0", 0, retain=True)
    c.stored(topic, ["qos 0"])


@case(v5="3.3.1-6 3.3.1-7 3.3.1-12 U5-3.3.3-1", v4="3.3.1-10 3.3.1-11 3.3.1-9",
      v3="V3-retain-1")
def test_empty_retained_message_deletes(c):
    """It is forwarded as any other, and not stored itself."""
    topic = c.topic()
    for qos in (0, 1, 2):
        sub, pub = c.pair(topic, qos=2)
        pub.publish(topic, b"x", qos, retain=True)
        pub.publish(topic, b"", qos, retain=True)
        sub.message(payload="x", retain=False)
        sub.message(payload="", retain=False, qos=qos)
        c.stored(topic, [])
    pub.publish(topic, b"", 1, retain=True)
    c.stored(topic, [])


@case(v5="3.3.1-8", v4="3.3.1-12", versions=ALL)
def test_unretained_message_leaves_the_store_alone(c):
    topic, pub = c.topic(), c.connect()
    pub.publish(topic, b"plain", 1)
    c.stored(topic, [])
    pub.publish(topic, b"kept", 1, retain=True)
    pub.publish(topic, b"plain", 1)
    pub.publish(topic, b"", 1)
    c.stored(topic, ["kept"])


@case(v5="3.3.1-12 3.3.1-13")
def test_retain_as_published(c):
    topic = c.topic()
    plain, kept, pub = c.connect(), c.connect(), c.connect()
    plain.subscribe(topic, 1)
    kept.subscribe(topic, 1, as_published=True)
    for flag in (True, False):
        for qos in (0, 1):
            pub.publish(topic, b"x", qos, retain=flag)
            plain.message(retain=False, qos=qos)
            kept.message(retain=flag, qos=qos)


@case(v4="3.3.1-9", versions=(3, 4))
def test_established_subscriptions_see_retain_0(c):
    topic = c.topic()
    sub, pub = c.pair(topic, qos=1)
    for qos in (0, 1):
        pub.publish(topic, b"x", qos, retain=True)
        sub.message(retain=False, qos=qos)


@case(v5="U5-3.8.3.1-3 U5-3.3.1.3-3")
def test_retained_at_subscribe_has_retain_1(c):
    topic = c.topic()
    c.connect().publish(topic, b"x", 1, retain=True)
    for as_published in (False, True):
        assert c.stored(topic, ["x"], as_published=as_published)[0].retain


@case(v5="3.3.1-9 3.8.4-4", v4="3.8.4-3 3.3.1-6", versions=ALL)
def test_retained_messages_on_every_subscribe(c):
    """Retain Handling 0, and every 3.x SUBSCRIBE, for new and for existing subscriptions."""
    topic = c.topic()
    c.connect().publish(topic, b"x", 1, retain=True)
    sub = c.connect()
    for _ in range(3):
        sub.subscribe(topic, 1)
        sub.message(payload="x", retain=True)


@case(v5="3.3.1-10")
def test_retain_handling_1(c):
    """Only for a subscription that did not exist in the session, earlier connections included."""
    topic, cid = c.topic(), c.cid()
    c.connect().publish(topic, b"x", 1, retain=True)
    sub = c.connect(cid, session=30)
    sub.subscribe(topic, 1, handling=1)
    sub.message(payload="x", retain=True)
    sub.subscribe(topic, 0, handling=1)
    assert not c.drain(sub)
    sub.bye()
    sub = c.connect(cid, session=30, present=True)
    sub.subscribe(topic, 1, handling=1)
    assert not c.drain(sub)
    sub.unsubscribe(topic)
    sub.subscribe(topic, 1, handling=1)
    sub.message(payload="x", retain=True)


@case(v5="3.3.1-11")
def test_retain_handling_2(c):
    topic = c.topic()
    c.connect().publish(topic, b"x", 1, retain=True)
    c.stored(topic, [], handling=2)


@case(v5="U5-3.2.2.3.5-1", config="reduced")
def test_retain_handling_without_retained_messages(c):
    for handling in (0, 1, 2):
        c.stored(c.topic(), [], qos=1, handling=handling)


@case(v5="U5-4.1-2", v4="3.1.2-7 U311-4.1-1", versions=ALL)
def test_retained_messages_outlive_the_session(c):
    topic, pub = c.topic(), c.connect(clean=True)
    pub.publish(topic, b"x", 1, retain=True)
    pub.bye()
    c.stored(topic, ["x"])


@case(v5="3.3.1-9 U5-3.3.1.3-3 3.3.4-9", v4="3.3.1-6 3.3.1-8", versions=ALL)
def test_many_retained_messages_arrive_complete(c):
    """More than the windows of both sides hold, through a wildcard."""
    base, pub, count = c.topic("many"), c.connect(), 300
    for turn in range(count):
        pub.publish(f"{base}/{turn}", str(turn), turn % 3, retain=True)
    props = [(m.RECEIVE_MAXIMUM, 7)] if c.v == 5 else ()
    sub = c.connect(props=props)
    sub.subscribe(base + "/#", 2)
    found = [sub.message(retain=True) for _ in range(count)]
    assert {p.topic for p in found} == {f"{base}/{turn}" for turn in range(count)}
    assert all(p.payload.decode() == p.topic.rsplit("/", 1)[1] for p in found)
    for turn in range(count):
        pub.publish(f"{base}/{turn}", b"", retain=True)


@case(v5="3.3.1-9 4.7.1-1 U5-4.7.1.2-1", v4="3.3.1-6 4.7.1-2", versions=ALL)
def test_retained_messages_match_like_live_ones(c):
    base, pub = c.topic("tree"), c.connect()
    names = ["", "/", "/a", "/a/b", "/a//b", "/a/b/c", "/A"]
    for name in names:
        pub.publish(base + name, "=" + name, 1, retain=True)
    for tail, want in (("/#", names), ("/+", ["/", "/a", "/A"]), ("/+/b", ["/a/b"]),
                       ("/a/+/b", ["/a//b"]), ("/a", ["/a"]), ("/+/#", names[1:]),
                       ("/a/#", ["/a", "/a/b", "/a//b", "/a/b/c"])):
        found = c.stored(base + tail, ["=" + name for name in want])
        assert all(p.topic == base + p.payload.decode()[1:] for p in found), tail
    for name in names:
        pub.publish(base + name, b"", retain=True)


@case(v5="3.3.1-9 3.8.4-5", v4="3.8.4-4 3.3.1-6", versions=ALL)
def test_each_filter_brings_its_retained_messages(c):
    topic = c.topic()
    c.connect().publish(topic, b"x", 1, retain=True)
    sub = c.connect()
    sub.subscribe([topic, topic[:-1] + "+"], 1)
    c.expect(sub, ["x", "x"])


@case(v5="3.3.1-5 4.5.0-1", v4="3.3.1-5", versions=ALL)
def test_retained_of_a_large_message(c):
    topic, data = c.topic(), bytes(range(256)) * 2000
    pub = c.connect()
    pub.publish(topic, data, 1, retain=True)
    c.stored(topic, [data])
    pub.publish(topic, b"", retain=True)


@case(v5="3.3.1-9 3.3.1-12", v4="3.3.1-6 3.3.1-9", versions=ALL)
def test_a_message_is_not_both_live_and_retained(c):
    """What is published right behind SUBACK comes once, as a live message."""
    subs, pubs = [c.connect() for _ in range(4)], [c.connect() for _ in range(4)]
    for turn in range(48):
        sub, pub, topic = subs[turn % 4], pubs[turn // 4 % 4], c.topic()
        sub.subscribe(topic[:-1] + "+", 1)
        pub.send(m.publish(c.v, topic, b"x", retain=True))
        sub.message(payload="x", retain=False)
        sub.ping()
        assert not sub.inbox
