"""Few messages that wait for long do not keep the segments that they were written to."""

import contextlib

import pytest
from phoenix import Phoenix
from rig import until
from scenes import guest, heard, join

import mqtt as m
from peer import Silence

TEXT = """\
threads: 2
log: {repeats: 0}
limits: {queue: {messages: 8, bytes: 1GiB, policy: drop_oldest}}
"""
ERAS = 3
NOISE = b"%" * (60 << 10)


@pytest.fixture
def broker():
    one = Phoenix(text=TEXT, segment="1MiB")
    yield one
    one.remove()


def oldest(broker):
    return min(int(path.stem, 16) for path in broker.store.glob("*.seg"))


def newest(broker):
    return max(int(path.stem, 16) for path in broker.store.glob("*.seg"))


def make_noise(sender, is_enough):
    """What a queue of 8 messages forgets soon after it was written."""
    for _ in range(5000):
        if is_enough():
            return
        sender.publish("noise", NOISE, 1)
    raise AssertionError("so much was written, and nothing happened")


def test_what_waits_for_long_moves_on(broker):
    forgetful = join(broker, "forgetful")
    forgetful.subscribe("noise", 1)
    absent = [join(broker, f"absent-{era}") for era in range(ERAS)]
    for era, peer in enumerate(absent):
        peer.subscribe(f"era/{era}", 1 + era % 2)
    member = join(broker, "member")
    member.subscribe("$share/group/shared", 1)
    slow = join(broker, "slow")
    slow.subscribe("slow", 2)
    for peer in (*absent, member, forgetful):
        peer.shut()
    for name in (*(f"absent-{era}" for era in range(ERAS)), "member", "forgetful"):
        broker.wait_for("client.disconnected", id=name)
    sender = guest(broker, "sender")
    sender.publish("shared", b"for one of the group", 1)
    sender.publish("slow", b"on its way", 2)
    pid = slow.message(ack=False).pid  # and never answered in this life
    for era in range(ERAS):
        sender.publish(f"era/{era}", b"of era %d" % era, 2)
        old = newest(broker)
        make_noise(sender, lambda old=old: newest(broker) > old + 1)
    mark = newest(broker)
    make_noise(sender, lambda: broker.events("store.moved") and oldest(broker) > mark)
    until(lambda: sum(event["messages"] for event in broker.events("store.moved")) >= ERAS + 2,
          "all of them were moved")
    broker.restart()
    assert not broker.events("store.unreadable")
    for era in range(ERAS):
        assert heard(join(broker, f"absent-{era}", present=True), 0.3) == [b"of era %d" % era]
    assert heard(join(broker, "member", present=True), 0.3) == [b"for one of the group"]
    slow = join(broker, "slow", present=True)
    again = slow.message(ack=False)
    assert (again.payload, again.dup, again.pid) == (b"on its way", True, pid)
    slow.answer(m.PUBREC, pid)
    slow.want(m.PUBREL, pid=pid)
    with contextlib.suppress(Silence):
        assert slow.read(0.1) is None

