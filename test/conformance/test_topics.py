"""Topic names and filters: what matches what; names beginning with '$'."""

import time

import mqtt as m
from case import case

ALL = (3, 4, 5)

# (filter, name, match); all below a topic of the case's own.
BELOW = (
    ("a/b", "a/b", 1), ("a/b", "a/b/", 0), ("a/b", "/a/b", 0), ("a/+", "a", 0), ("a/+", "a/", 1),
    ("a/+", "a/b/c", 0), ("+", "a", 1), ("+", "/a", 0), ("+/+", "/a", 1), ("/+", "/a", 1),
    ("/", "/", 1), ("+/+", "/", 1), ("#", "/", 1), ("#", "a/b/c", 1), ("a/#", "a", 1),
    ("a/#", "a/", 1), ("a/#", "a/b/c", 1), ("a/#", "ab", 0), ("a/+/#", "a", 0),
    ("a/+/#", "a/b", 1), ("+/#", "a", 1), ("/#", "/", 1), ("/#", "a", 0), ("a//b", "a//b", 1),
    ("a//b", "a/b", 0), ("a/+/b", "a//b", 1), ("A", "a", 0), ("a b", "a b", 1), ("a b", "ab", 0),
    ("a/$x/+", "a/$x/b", 1), ("+/$x", "a/$x", 1), ("+/b/+/d", "a/b/c/d", 1),
    ("+/b/+/d", "a/b/c/c", 0), ("a/+/+", "a//", 1))


@case(v5="4.7.1-1 4.7.1-2 U5-4.7.1.2-1 U5-4.7.1.3-1 U5-4.7.3-1 3.3.2-3 4.7.3-4",
      v4="4.7.1-2 4.7.1-3 3.3.2-3 4.7.3-4", versions=ALL)
def test_matching(c):
    pub, base = c.connect(), c.topic("match")
    for number, (filter_, name, match) in enumerate(BELOW):
        here = f"{base}{number}/"
        sub = c.connect()
        sub.subscribe(here + filter_)
        pub.publish(here + name, b"x")
        found = c.expect(sub, ["x"] * match, pub)
        assert all(p.topic == here + name for p in found), f"filter {filter_!r}"
        sub.bye()


@case(v5="4.7.3-4 U5-4.7.3-1", v4="4.7.3-4", versions=ALL)
def test_no_normalization(c):
    """Composed and decomposed letters, upper and lower case, full and half width differ."""
    topic = c.topic()
    forms = ("\u00e9", "e\u0301", "\u00c9", "\uff21", "A", "a", "\u212b", "\u00c5", "ß", "ss")
    pub = c.connect()
    for form in forms:
        sub = c.connect()
        sub.subscribe(topic + form)
        for other in forms:
            pub.publish(topic + other, other)
        c.expect(sub, [form], pub)
        sub.bye()


@case(v5="4.7.2-1 U5-4.7.2-2", v4="4.7.2-1 U311-4.7.2-2", versions=ALL)
def test_leading_wildcards_skip_dollar_topics(c):
    """The broker publishes below $SYS; '#' and '+/...' see none of it, '$SYS/#' does."""
    every, plus, sys = c.connect(), c.connect(), c.connect()
    every.subscribe("#")
    plus.subscribe("+/broker/#")
    sys.subscribe("$SYS/#")
    assert sys.message().topic.startswith("$SYS/broker/")
    for peer in (every, plus):
        assert not [p for p in c.drain(peer) if p.topic.startswith("$")]
    exact = c.connect()
    exact.subscribe("$SYS/broker/+", granted=[0])
    assert exact.message().topic.startswith("$SYS/broker/")


@case(v5="4.7.2-1", v4="4.7.2-1", versions=ALL)
def test_other_dollar_topics(c):
    name = "$other/" + c.topic()
    exact, every, pub = c.connect(), c.connect(), c.connect()
    exact.subscribe([name, "$other/#"], 0)
    every.subscribe("+/" + name.split("/", 1)[1])
    pub.publish(name, b"x")
    c.expect(exact, ["x"], pub)
    c.expect(every, [], pub)


@case(v5="U5-4.7.2-1 3.4.2-1 3.5.2-1 U5-4.13.2-1", v4="3.3.5-2 U311-4.7.2-1", versions=ALL)
def test_clients_may_not_publish_to_sys(c):
    """v5: refused by the acknowledgement. 3.x: acknowledged as usual. Nobody gets it."""
    topic = "$SYS/" + c.topic()
    sub, pub = c.pair(topic, qos=2)
    code = 0x87 if c.v == 5 else 0
    for qos in (0, 1, 2):
        pub.publish(topic, b"x", qos, code=code)
        pub.publish(topic, b"x", qos, code=code, retain=True)
    assert not c.drain(sub, pub)
    late = c.connect()
    late.subscribe(topic)
    assert not c.drain(late, pub)


@case(v5="4.7.3-3", v4="4.7.3-3", versions=ALL)
def test_longest_filter(c):
    topic = c.topic()
    long = topic + "/" + "x" * (65535 - len(topic) - 3) + "/#"
    assert len(long) == 65535
    sub, pub = c.pair(long)
    pub.publish(long[:-2], b"parent")
    sub.message(payload="parent")
    assert sub.unsubscribe(long).codes == ([0] if c.v == 5 else [])


@case(v5="4.7.3-3 U5-4.13.2-1", v4="4.8.0-1", versions=ALL)
def test_very_deep_topics(c):
    """Beyond the configured number of levels a filter or message is refused, not the broker."""
    deep = "/".join("x" * 32767)
    peer, other = c.connect(), c.connect()
    peer.send(m.publish(c.v, deep, b"x", 1, pid=1), m.subscribe(c.v, 2, [(deep, 0)]))
    try:
        got = peer.read()
        assert c.v < 5 or got.code >= 0x80
    except Exception as error:
        assert type(error).__name__ == "Closed"
    other.ping()


# ---- shared subscriptions ------------------------------------------------------------------------

@case(v5="4.8.2-1 4.8.2-2 3.9.3-2 U5-4.13.2-1")
def test_malformed_share_names(c):
    """Refused by SUBACK, the connection stays."""
    peer = c.connect()
    for bad in ("$share/g", "$share/g/", "$share//a", "$share/g+/a", "$share/#/a", "$share/",
                "$share/+/a", "$share/a", "$share/g/a#", "$share/g/a/#/b"):
        peer.subscribe(bad, granted=[0x8F])
    peer.ping()


@case(v5="3.8.3-4")
def test_no_local_on_a_shared_subscription(c):
    c.kills(m.subscribe(5, 1, [("$share/g/" + c.topic(), m.options(0, no_local=True))]), 0x82)


@case(v5="4.8.2-1 U5-4.8.2-3 4.8.2-3", v4="4.5.0-1", versions=ALL)
def test_each_shared_message_goes_to_one_member(c):
    """Beside it an ordinary subscription gets its copy; the granted QoS of each holds."""
    topic = c.topic()
    members, plain, pub = [c.connect() for _ in range(3)], c.connect(), c.connect()
    for qos, member in enumerate(members):
        member.subscribe(f"$share/g/{topic}", qos)
    plain.subscribe(topic, 2)
    for turn in range(30):
        pub.publish(topic, str(turn), 2)
    got = []
    for qos, found in enumerate(c.gather(members, 30)):
        assert all(p.qos == qos and p.topic == topic for p in found)
        got += [p.payload for p in found]
    assert sorted(got) == sorted(str(turn).encode() for turn in range(30))
    for member in members:
        c.expect(member, [], pub)
    c.expect(plain, [str(turn) for turn in range(30)], pub)


@case(v5="U5-4.8.2-4 4.8.2-2")
def test_groups_are_independent(c):
    topic = c.topic()
    wild = topic[:-1] + "+"
    names = [f"$share/one/{topic}", f"$share/two/{topic}", f"$share/one/{wild}",
             f"$share/ü €/{topic}"]
    subs, pub = [c.connect() for _ in names], c.connect()
    for name, sub in zip(names, subs):
        sub.subscribe(name, 1)
    for turn in range(4):
        pub.publish(topic, str(turn), 1)
    for sub in subs:
        c.expect(sub, ["0", "1", "2", "3"], pub)


@case(v5="4.7.2-1 4.8.2-2")
def test_filter_of_a_share_is_an_ordinary_filter(c):
    base = c.topic("s")
    for filter_, name, match in (("/a", "/a", 1), ("a/#", "a", 1), ("+", "b", 1), ("a", "b", 0)):
        here = f"{base}/{len(filter_)}{name}"
        sub, pub = c.connect(), c.connect()
        sub.subscribe(f"$share/g/{here}/{filter_}")
        pub.publish(f"{here}/{name}", b"x")
        c.expect(sub, ["x"] * match, pub)
    sub = c.connect()
    sub.subscribe("$share/g/#")
    assert not [p for p in c.drain(sub) if p.topic.startswith("$")]


@case(v5="U5-3.8.4-3")
def test_no_retained_messages_for_a_share(c):
    topic = c.topic()
    c.connect().publish(topic, b"x", 1, retain=True)
    for handling in (0, 1, 2):
        sub = c.connect()
        sub.subscribe(f"$share/g{handling}/{topic}", 1, handling=handling)
        assert not c.drain(sub)


@case(v5="U5-3.10.4-2 3.10.4-1")
def test_leaving_a_share(c):
    """Only this session leaves; the string has to be exact; the last one ends the group."""
    topic, pub = c.topic(), c.connect()
    name = f"$share/g/{topic}"
    one, two = c.connect(), c.connect()
    for sub in (one, two):
        sub.subscribe(name, 1)
        sub.subscribe(name, 1)
    assert one.unsubscribe([topic, f"$share/h/{topic}", name]).codes == [0x11, 0x11, 0]
    for turn in range(4):
        pub.publish(topic, str(turn), 1)
    c.expect(two, ["0", "1", "2", "3"], pub)
    c.expect(one, [], pub)
    assert two.unsubscribe(name).codes == [0]
    end = time.monotonic() + 5
    while pub.publish(topic, b"x", 1).code != 0x10:  # every loop has heard of it soon
        assert time.monotonic() < end, "the group is still there"
    c.expect(two, [], pub)


@case(v5="U5-3.3.4-3 3.3.4-4 3.3.1-13")
def test_identifier_and_options_of_a_share_member(c):
    topic, pub = c.topic(), c.connect()
    subs = [c.connect(), c.connect()]
    for number, sub in enumerate(subs, 1):
        sub.subscribe(f"$share/g/{topic}", 1, as_published=number == 2,
                      props=[(m.SUBSCRIPTION_ID, number)])
    for turn in range(10):
        pub.publish(topic, str(turn), 1, retain=True)
    for number, found in enumerate(c.gather(subs, 10), 1):
        assert all(p.all(m.SUBSCRIPTION_ID) == [number] for p in found)
        assert all(p.retain == (number == 2) for p in found)


@case(v5="4.8.2-6 4.4.0-2")
def test_refused_shared_message_is_discarded(c):
    topic, pub = c.topic(), c.connect()
    subs = [c.connect(), c.connect()]
    for sub in subs:
        sub.subscribe(f"$share/g/{topic}", 2)
    for turn in range(4):
        pub.publish(topic, str(turn), 1 + turn % 2)
    for sub, found in zip(subs, c.gather(subs, 4, ack=False)):
        for got in found:
            sub.answer(m.PUBACK if got.qos == 1 else m.PUBREC, got.pid, 0x83)
    for sub in subs:
        c.expect(sub, [], pub)


@case(v5="4.8.2-4")
def test_shared_qos_2_is_finished_with_its_member(c):
    """Begun with one member: the others never get it, the same one does when it comes back."""
    topic, pub, cid = c.topic(), c.connect(), c.cid()
    one = c.connect(cid, session=30)
    one.subscribe(f"$share/g/{topic}", 2)
    pub.publish(topic, b"begun", 2)
    begun = one.message(qos=2, ack=False)
    two = c.connect()
    two.subscribe(f"$share/g/{topic}", 2)
    one.shut()
    c.expect(two, [], pub)
    one = c.connect(cid, session=30, present=True)
    one.message(payload="begun", qos=2, dup=True, pid=begun.pid)
    c.expect(two, [], pub)


@case(v5="4.8.2-5")
def test_shared_qos_2_ends_with_the_session(c):
    topic, pub, cid = c.topic(), c.connect(), c.cid()
    one = c.connect(cid, session=30)
    one.subscribe(f"$share/g/{topic}", 2)
    pub.publish(topic, b"begun", 2)
    one.message(qos=2, ack=False)
    two = c.connect()
    two.subscribe(f"$share/g/{topic}", 2)
    one.shut()
    c.connect(cid, clean=True, present=False)
    c.expect(two, [], pub)


@case(v5="U5-4.8.2-1 U5-4.8.2-2")
def test_shared_qos_1_goes_to_another_member(c):
    """An unacknowledged message of a member whose session ended is not lost."""
    topic, pub = c.topic(), c.connect()
    one, two = c.connect(), c.connect()
    one.subscribe(f"$share/g/{topic}", 1)
    pub.publish(topic, b"begun", 1)
    one.message(payload="begun", ack=False)
    two.subscribe(f"$share/g/{topic}", 1)
    one.shut()
    two.message(payload="begun")


@case(v5="U5-3.1.2.11.4-3 3.1.2-25")
def test_shared_message_too_big_for_a_member(c):
    """It goes to another or is dropped; the small member never sees it."""
    topic, pub = c.topic(), c.connect()
    small, large = c.connect(props=[(m.MAXIMUM_PACKET_SIZE, 100)]), c.connect()
    for sub in (small, large):
        sub.subscribe(f"$share/g/{topic}", 1)
    for _ in range(6):
        pub.publish(topic, b"x" * 200, 1)
    assert not c.drain(small, pub)
    assert all(len(p.payload) == 200 for p in c.drain(large, pub))


@case(v5="4.8.2-1", v4="4.7.2-1")
def test_what_only_looks_like_a_share(c):
    """'$SHARE' and '$shared' are ordinary topics."""
    topic = c.topic()
    sub, pub = c.connect(), c.connect()
    for start in ("$SHARE/g/", "$shared/g/"):
        sub.subscribe(start + topic)
        pub.publish(topic, b"no")
        pub.publish(start + topic, b"yes")
        c.expect(sub, ["yes"], pub)
