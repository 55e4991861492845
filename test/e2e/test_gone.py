"""Messages that were taken from a publisher whose right is gone since: nobody gets them any more."""

import signal

import mqtt as m
import pytest
from peer import Peer
from phoenix import Phoenix
from rig import WAIT, fresh
from scenes import EXPIRY
from test_access import people, reload

NO = 0x87
RULES = """
access:
  - {allow: pubsub, user: alice, topic: "#"}
  - {allow: sub, user: reader, topic: "#"}
  - {allow: pubsub, user: bob, topic: "bob/#"}
  - {allow: pub, group: staff, topic: "staff/#"}
  - {allow: pub, topic: "own/%c/#"}
log: {repeats: 0, level: debug}
limits: {login: {delay: 0s}}
"""
LESS = RULES.replace('  - {allow: pubsub, user: bob, topic: "bob/#"}\n', "")
LESS = LESS.replace('  - {allow: pub, topic: "own/%c/#"}\n', '  - {allow: pub, topic: "own/other/#"}\n')


def come(broker, name, cid=None, clean=True, **more):
    peer = Peer(broker.address, 5, WAIT)
    peer.hello(cid or fresh(name), user=name, password="secret", clean=clean, **more)
    peer.want(m.CONNACK, code=0)
    return peer


def config(path, rules):
    return f"threads: 2\nauth: [{{file: '{path}'}}]\n{rules}"


@pytest.fixture
def town(serve, tmp_path):
    path = tmp_path / "users"
    path.touch()
    people(path, ("alice", ""), ("bob", "staff"), ("reader", ""))
    broker = serve(config(path, RULES))
    broker.people, broker.rules = path, RULES
    return broker


def change(broker, without=None, rules=None):
    """Puts other users and rules in force."""
    loaded = len(broker.events("users.loaded"))
    if without is not None:
        lines = [line for line in broker.people.read_text().splitlines() if not line.startswith(without + ":")]
        broker.people.write_text("".join(line + "\n" for line in lines))
        broker.signal(signal.SIGHUP)
        broker.wait_for("users.loaded", loaded + 1)
    if rules and rules is not broker.rules:
        broker.rules = rules
        reload(broker, config(broker.people, rules))


def found(broker, want):
    """What a new subscriber finds retained; the last one is alice's, whose right stands."""
    reader = come(broker, "reader")
    reader.subscribe("#", qos=1)
    topics = set()
    while not topics >= want:
        topics.add(reader.message().topic)
    reader.ping()
    topics |= {got.topic for got in reader.inbox if got.kind == m.PUBLISH}
    reader.bye()
    return topics


def leave_behind(broker):
    cid = fresh("cam")
    bob, alice = come(broker, "bob", cid), come(broker, "alice")
    for topic in ("bob/a", "staff/a", f"own/{cid}/a"):
        bob.publish(topic, b"left", qos=1, retain=True)
    alice.publish("alice/a", b"stays", qos=1, retain=True)
    bob.bye()
    alice.bye()
    return {"bob/a", "staff/a", f"own/{cid}/a"}, cid


def test_retained_of_a_user_who_was_removed(town):
    left, _ = leave_behind(town)
    assert found(town, left | {"alice/a"}) == left | {"alice/a"}
    change(town, without="bob")
    assert found(town, {"alice/a"}) == {"alice/a"}
    people(town.people, ("bob", "staff"))
    change(town, without="nobody")
    assert found(town, left | {"alice/a"}) == left | {"alice/a"}


def test_retained_of_a_right_that_was_taken(town):
    left, cid = leave_behind(town)
    change(town, rules=LESS)
    assert found(town, {"alice/a", "staff/a"}) == {"alice/a", "staff/a"}
    lines = town.people.read_text().replace(":staff", "")
    town.people.write_text(lines)
    change(town, without="nobody")
    assert found(town, {"alice/a"}) == {"alice/a"}
    change(town, rules=RULES)
    assert found(town, {"alice/a", "bob/a"}) == {"alice/a", "bob/a", f"own/{cid}/a"}


@pytest.mark.parametrize("qos", (1, 2))
@pytest.mark.parametrize("pattern", ("#", "$share/g/#"))
def test_what_waits_in_queues(town, qos, pattern):
    cid = fresh("away")
    away = come(town, "reader", cid, clean=False, props=EXPIRY)
    away.subscribe(pattern, qos=2)
    away.bye()
    bob, alice = come(town, "bob"), come(town, "alice")
    for n in range(100):  # more than are kept hot, if they can be cold
        bob.publish("bob/a", b"%d" % n, qos=qos)
    alice.publish("end/a", b"end", qos=qos)
    bob.bye()
    alice.bye()
    change(town, without="bob")
    back = come(town, "reader", cid, clean=False, props=EXPIRY)
    assert back.message().payload == b"end"
    back.ping()
    assert not back.inbox
    back.bye()


def test_a_message_whose_sender_is_between_publish_and_pubrel(town):
    """It was given to the session that is away when PUBLISH came; PUBREL, were it sent, would change nothing."""
    cid = fresh("away")
    away = come(town, "reader", cid, clean=False, props=EXPIRY)
    away.subscribe("#", qos=2)
    away.bye()
    bob = come(town, "bob")
    bob.send(m.publish(5, "bob/a", b"half", 2, pid=7))
    bob.want(m.PUBREC)
    change(town, without="bob")
    bob.closed(NO)
    alice = come(town, "alice")
    alice.publish("end/a", b"end", qos=2)
    alice.bye()
    back = come(town, "reader", cid, clean=False, props=EXPIRY)
    assert back.message().payload == b"end"
    back.bye()


@pytest.mark.parametrize("rules", (RULES, LESS))
def test_a_delayed_will(town, rules):
    reader = come(town, "reader")
    reader.subscribe("#", qos=1)
    for name, topic in (("bob", "bob/will"), ("alice", "alice/will")):
        peer = Peer(town.address, 5, WAIT)
        peer.hello(fresh(name), user=name, password="secret", props=EXPIRY,
                   will=m.Will(topic, b"gone", 1, props=[(m.WILL_DELAY, 2)]))
        peer.want(m.CONNACK, code=0)
        peer.shut()
    change(town, without="bob" if rules is RULES else "nobody", rules=rules)
    assert reader.message().topic == "alice/will"
    town.wait_for("acl.denied", action="will", topic="bob/will")
    reader.ping()
    assert not reader.inbox
    reader.bye()


def test_they_are_known_after_a_restart(tmp_path):
    path = tmp_path / "users"
    path.touch()
    people(path, ("alice", ""), ("bob", "staff"), ("reader", ""))
    broker = Phoenix("os", text=config(path, RULES))
    try:
        cid = fresh("away")
        away = come(broker, "reader", cid, clean=False, props=EXPIRY)
        away.subscribe("#", qos=1)
        away.bye()
        left, _ = leave_behind(broker)
        bob = come(broker, "bob")
        for n in range(100):
            bob.publish("bob/queued", b"%d" % n, qos=1)
        bob.bye()
        broker.restart()
        assert found(broker, left | {"alice/a"}) == left | {"alice/a"}
        broker.kill()
        lines = [line for line in path.read_text().splitlines() if not line.startswith("bob:")]
        path.write_text("".join(line + "\n" for line in lines))
        broker.start()  # nobody was there to see it change
        assert found(broker, {"alice/a"}) == {"alice/a"}
        back = come(broker, "reader", cid, clean=False, props=EXPIRY)
        assert back.message().topic == "alice/a"
        back.ping()
        assert not back.inbox
        back.bye()
    finally:
        broker.stop()
