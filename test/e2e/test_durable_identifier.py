"""A packet identifier that a client may have is not forgotten, whatever becomes of its message."""

import pytest
from phoenix import Phoenix
from scenes import guest, join

import mqtt as m

TEXT = """\
threads: 2
log: {repeats: 0}
"""
# What is published below light/ survives nothing.
RULES = "  durability_rules:\n    - {filter: 'light/#', class: memory}\n"


class Lightly(Phoenix):
    def write(self, text):
        super().write(RULES + text)


@pytest.fixture
def broker():
    one = Lightly(text=TEXT)
    yield one
    one.remove()


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("far", ["sent", "received"])
def test_the_message_is_gone_and_its_identifier_is_released(broker, version, far):
    peer = join(broker, "receiver", version)
    peer.subscribe("#", 2)
    sender = guest(broker, "sender")
    sender.publish("light/t", b"forgotten", 2)
    pid = peer.message(ack=False).pid
    if far == "received":
        peer.answer(m.PUBREC, pid)
        peer.want(m.PUBREL, pid=pid)
    broker.restart()
    peer = join(broker, "receiver", version, present=True)
    peer.want(m.PUBREL, pid=pid)  # else it would take the next one under it for the same
    guest(broker, "sender").publish("disk/t", b"another", 2)
    other = peer.message(ack=False)
    assert (other.payload, other.dup) == (b"another", False) and other.pid != pid
    peer.answer(m.PUBCOMP, pid)
    peer.answer(m.PUBREC, other.pid)
    peer.want(m.PUBREL, pid=other.pid)
    peer.answer(m.PUBCOMP, other.pid)
    peer.shut()
