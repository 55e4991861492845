"""A queue that is larger than memory: taken, kept, and delivered in order, across a kill -9."""

import struct

import pytest
import test_limits as wire

MEMORY = 16 << 20  # the least that limits.memory can be
TIMES = 20
PAYLOAD = 16 << 10
COUNT = TIMES * MEMORY // PAYLOAD
TEXT = """limits:
  memory: 16MiB
  receive_maximum: 1000
  inflight: 100
  queue: {messages: 10000000, bytes: 10GiB}
threads: 2
"""


@pytest.fixture
def phoenix(phoenix):
    return phoenix(text=TEXT)


def payload(number):
    return struct.pack(">I", number) * (PAYLOAD // 4)


def fill(one, first, count):
    """Publishes messages with QoS 1, a window of them at a time; every one is acknowledged."""
    sock, code = wire.connect(one, b"filler")
    assert code == 0
    sent = acknowledged = 0
    while acknowledged < count:
        while sent < count and sent - acknowledged < 200:
            pid = struct.pack(">H", sent % 60000 + 1)
            sock.sendall(wire.packet(0x32, wire.string(b"backlog") + pid + b"\0" + payload(first + sent)))
            sent += 1
        head, body = wire.read(sock)
        assert head == 0x40 and (len(body) == 2 or body[2] == 0), (head, body)
        acknowledged += 1
    sock.close()


def drain(sock, first, count):
    """Takes the messages in their order and acknowledges each."""
    for number in range(first, first + count):
        head, body = wire.read(sock)
        assert head & 0xF6 == 0x32, (head, body[:40])
        size = struct.unpack(">H", body[:2])[0]
        at = 2 + size + 2
        assert body[at + 1 + body[at]:] == payload(number), number
        sock.sendall(wire.packet(0x40, body[2 + size:at]))


def test_a_backlog_of_twenty_times_the_memory(phoenix):
    sock, code = wire.connect(phoenix, b"absent", expiry=3600, clean=False)
    assert code == 0
    sock.sendall(wire.packet(0x82, b"\0\1\0" + wire.string(b"backlog") + b"\1"))
    head, body = wire.read(sock)
    assert head == 0x90 and body[-1] == 1
    sock.close()
    phoenix.wait_for("client.disconnected", id="absent")
    fill(phoenix, 0, COUNT)
    held = phoenix.rss("RssAnon")
    assert held < 6 * MEMORY, f"{held >> 20} MiB"
    phoenix.restart()
    sock, code = wire.connect(phoenix, b"absent", expiry=3600, clean=False)
    assert code == 0
    drain(sock, 0, COUNT // 2)
    fill(phoenix, COUNT, 1000)  # what comes meanwhile goes behind
    assert phoenix.rss("RssAnon") < 6 * MEMORY
    sock.close()
    phoenix.wait_for("client.disconnected", id="absent")
    phoenix.restart()
    sock, code = wire.connect(phoenix, b"absent", expiry=3600, clean=False)
    assert code == 0
    # The window that was open may come once more; QoS 1 allows it, and no more than that.
    head, body = wire.read(sock)
    at = 2 + struct.unpack(">H", body[:2])[0] + 2
    first = struct.unpack(">I", body[at + 1 + body[at]:][:4])[0]
    assert COUNT // 2 - 1000 <= first <= COUNT // 2
    sock.sendall(wire.packet(0x40, body[at - 2:at]))
    drain(sock, first + 1, COUNT + 1000 - first - 1)
    sock.close()
