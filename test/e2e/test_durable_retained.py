"""Retained messages that are more than memory: taken, kept over a kill -9, given to whoever asks, moved on in the
log, replaced and deleted while they are cold."""

import struct
import time

import pytest
import test_limits as wire

MEMORY = 16 << 20  # the least that limits.memory can be
TIMES = 20
PAYLOAD = 128 << 10
COUNT = TIMES * MEMORY // PAYLOAD
TEXT = """limits:
  memory: 16MiB
  receive_maximum: 1000
  inflight: 100
  retained: {messages: 10000000, bytes: 10GiB}
sys: {interval: 100ms}
threads: 2
"""
WINDOW = 24  # on their way: they are in memory until they are written


@pytest.fixture
def phoenix(phoenix):
    return phoenix(text=TEXT)


def topic(number):
    return b"plant/%05d/state" % number


def payload(number, version=0, size=PAYLOAD):
    return struct.pack(">II", number, version) * (size // 8)


def keep(one, messages):
    """Publishes retained messages with QoS 1, some of them at a time; every one is acknowledged."""
    sock, code = wire.connect(one, b"keeper")
    assert code == 0
    sent = acknowledged = 0
    messages = list(messages)
    while acknowledged < len(messages):
        while sent < len(messages) and sent - acknowledged < WINDOW:
            name, content = messages[sent]
            pid = struct.pack(">H", sent % 60000 + 1)
            sock.sendall(wire.packet(0x33, wire.string(name) + pid + b"\0" + content()))
            sent += 1
        head, body = wire.read(sock)
        assert head == 0x40 and (len(body) == 2 or body[2] in (0, 16)), (head, body)
        acknowledged += 1
    sock.close()


def ask(one, client_id, text):
    sock, code = wire.connect(one, client_id)
    assert code == 0
    sock.sendall(wire.packet(0x82, b"\0\1\0" + wire.string(text) + b"\0"))
    head, body = wire.read(sock)
    assert head == 0x90 and body[-1] == 0
    return sock


def take(sock):
    """The next message: topic, content, whether it is marked as retained."""
    head, body = wire.read(sock)
    assert head & 0xF6 == 0x30, (head, body[:40])
    size = struct.unpack(">H", body[:2])[0]
    at = 2 + size
    return body[2:at], body[at + 1 + body[at]:], head & 1 == 1


def check_all(one, client_id, wanted):
    """A new subscriber is given each topic once with what was kept last."""
    sock = ask(one, client_id, b"plant/#")
    left = dict(wanted)
    while left:
        name, content, retained = take(sock)
        assert retained and name in left, name
        assert content == left.pop(name)(), name
    sock.close()


def figure(one, name):
    sock = ask(one, b"figures", b"$SYS/broker/" + name)
    value = int(take(sock)[1])
    sock.close()
    return value


def everything(version=0):
    return {topic(n): (lambda n=n: payload(n, version)) for n in range(COUNT)}


def test_twenty_times_the_memory(phoenix):
    wanted = everything()
    keep(phoenix, wanted.items())
    assert phoenix.rss("RssAnon") < 4 * MEMORY, f"{phoenix.rss('RssAnon') >> 20} MiB"
    phoenix.restart()
    # What another loop had not yet written down goes there again after this line: all of it is asked for below.
    assert COUNT - WINDOW <= phoenix.events("store.open")[-1]["retained"] <= COUNT
    assert phoenix.rss("RssAnon") < 2 * MEMORY, f"{phoenix.rss('RssAnon') >> 20} MiB"  # nothing but names
    check_all(phoenix, b"first", wanted)
    assert phoenix.rss("RssAnon") < 4 * MEMORY, f"{phoenix.rss('RssAnon') >> 20} MiB"
    # Replaced and deleted while they are cold.
    changed = {topic(n): (lambda n=n: payload(n, 1, 64)) for n in range(0, COUNT, 7)}
    keep(phoenix, changed.items())
    keep(phoenix, [(topic(n), bytes) for n in range(3, COUNT, 7)])
    wanted.update(changed)
    for number in range(3, COUNT, 7):
        del wanted[topic(number)]
    assert figure(phoenix, b"retained messages/hot") < COUNT // 4
    phoenix.restart()
    check_all(phoenix, b"second", wanted)
    assert not phoenix.events("store.unreadable") and not phoenix.events("memory.out")


def test_exact_topics_and_two_who_ask_at_once(phoenix):
    wanted = {topic(n): (lambda n=n: payload(n, 0, 4096)) for n in range(2000)}
    keep(phoenix, wanted.items())
    phoenix.restart()
    for number in (0, 999, 1999):
        sock = ask(phoenix, b"one", topic(number))
        assert take(sock) == (topic(number), payload(number, 0, 4096), True)
        sock.close()
    socks = [ask(phoenix, b"many%d" % n, b"plant/+/state") for n in range(20)]
    for sock in socks:
        left = dict(wanted)
        while left:
            name, content, retained = take(sock)
            assert retained and content == left.pop(name)()
        sock.close()


def test_what_expires_while_it_is_cold_is_gone(phoenix):
    sock, code = wire.connect(phoenix, b"keeper")
    assert code == 0
    for number in range(50):
        expiry = b"\5\2" + struct.pack(">I", 1 if number % 2 else 3600)
        pid = struct.pack(">H", number + 1)
        sock.sendall(wire.packet(0x33, wire.string(topic(number)) + pid + expiry + b"x"))
        assert wire.read(sock)[0] == 0x40
    sock.close()
    phoenix.restart()
    assert 25 <= phoenix.events("store.open")[-1]["retained"] <= 50  # some may be over already
    time.sleep(2.1)  # their second is over, wherever it began
    check_all(phoenix, b"late", {topic(n): (lambda: b"x") for n in range(0, 50, 2)})


def test_one_that_cannot_be_read_back_is_told_and_left_out(phoenix):
    wanted = {topic(n): (lambda n=n: payload(n, 0, 256)) for n in range(100)}
    keep(phoenix, wanted.items())
    phoenix.restart()
    for path in phoenix.store.glob("*.seg"):  # under the running broker, which has names only
        at = path.read_bytes().find(payload(50, 0, 256))
        if at >= 0:
            with path.open("r+b") as segment:
                segment.seek(at + 100)
                segment.write(b"?")
    del wanted[topic(50)]
    check_all(phoenix, b"first", wanted)
    event = phoenix.wait_for("store.unreadable")
    assert event["topic"] == topic(50).decode() and event["what"] == "retained"
    check_all(phoenix, b"second", wanted)
    assert len(phoenix.events("store.unreadable")) == 1
