"""Sessions whose clients were there when the broker crashed, and never came back."""

import time

import pytest
from phoenix import Phoenix
from scenes import guest, join

import mqtt as m


@pytest.fixture
def broker():
    one = Phoenix()
    yield one
    one.remove()


def test_their_time_runs_from_the_first_crash(broker):
    expiry = 3
    join(broker, "gone", props=[(m.SESSION_EXPIRY, expiry)])
    stays = join(broker, "stays")
    broker.restart()
    began = time.monotonic()
    stays.shut()
    while time.monotonic() < began + expiry + 0.5:
        broker.restart()
    join(broker, "gone", present=False, props=[(m.SESSION_EXPIRY, expiry)])
    join(broker, "stays", present=True)


def test_what_may_have_gone_out_is_said_to_be_a_repetition(broker):
    peer = join(broker, "receiver")
    peer.subscribe("t", 1)
    guest(broker, "sender").publish("t", b"before", 1)
    assert not peer.message(ack=False).dup
    broker.restart()
    guest(broker, "sender").publish("t", b"after", 1)
    broker.restart()
    peer = join(broker, "receiver", present=True)
    got = [peer.message() for _ in range(2)]
    assert [(each.payload, each.dup) for each in got] == [(b"before", True), (b"after", False)]
