"""Limits that hold whatever a client does: memory, retained messages, and what is given back."""

import os
import select
import signal
import socket
import struct
import time

from rig import WAIT, until
from test_daemon import broker  # noqa: F401 (the fixture)

MEMORY = "limits: {memory: 16MiB, queue: {bytes: 100MB, messages: 100000}}\nsys: {interval: 100ms}\n"


def string(text):
    return struct.pack(">H", len(text)) + text


def packet(first, body):
    size, length = len(body), b""
    while True:
        size, digit = size >> 7, size & 127
        length += bytes([digit | 128 if size else digit])
        if not size:
            return bytes([first]) + length + body


def connect(one, cid, expiry=0, clean=True, will=b""):
    """A v5 connection; returns it with the reason code of its CONNACK."""
    sock = socket.create_connection(("127.0.0.1", one.port), timeout=10)
    flags = (2 if clean else 0) | (0x24 if will else 0)
    sock.sendall(packet(0x10, b"\0\4MQTT\5" + bytes([flags]) + b"\0\0\5\x11" + struct.pack(">I", expiry)
                        + string(cid) + will))
    head, body = read(sock)
    assert head == 0x20
    return sock, body[1]


def take(sock, size):
    found = b""
    while len(found) < size:
        part = sock.recv(size - len(found))
        assert part, "the broker closed"
        found += part
    return found


def read(sock):
    """The next packet: its first byte and what stands behind its length."""
    first, size, shift = take(sock, 1)[0], 0, 0
    while True:
        digit = take(sock, 1)[0]
        size, shift = size | (digit & 127) << shift, shift + 7
        if digit < 128:
            return first, take(sock, size)


def publish(sock, topic, payload, props=b"", retain=False):
    """QoS 1; returns the reason code."""
    sock.sendall(packet(0x32 | retain, string(topic) + b"\0\1" + bytes([len(props)]) + props + payload))
    while True:
        head, body = read(sock)
        if head == 0x40:
            return body[2] if len(body) > 2 else 0


def subscribe(sock, *filters):
    sock.sendall(packet(0x82, b"\0\1\0" + b"".join(string(f) + b"\1" for f in filters)))
    head, body = read(sock)
    while head != 0x90:
        head, body = read(sock)
    return body[3:]


def figure(one, name):
    """The latest value of a $SYS topic."""
    sock, _ = connect(one, b"reader")
    with sock:
        assert subscribe(sock, b"$SYS/broker/" + name) == b"\1"
        _, body = read(sock)
        return int(body.split(name)[1].lstrip(b"\0"))


def test_subscriptions_count(broker):
    """Each level of a long filter costs more than its text."""
    one = broker(MEMORY)
    sock, _ = connect(one, b"many", expiry=1000)
    with sock:
        granted = 0
        for i in range(2000):
            codes = subscribe(sock, *(b"%d/%d/" % (i, j) + b"a/b/" * 30 + b"+" for j in range(10)))
            granted += codes.count(1)
            if 0x97 in codes:
                break
        assert 0 < granted < 9000, granted
        let_in = []  # what the last SUBSCRIBE itself took, while it was read, has been given back
        while True:
            other, code = connect(one, b"new%d" % len(let_in))
            if code != 0:
                break
            let_in.append(other)
            assert len(let_in) < 20
        assert code == 0x89
        for each in (other, *let_in):
            each.close()
    again, code = connect(one, b"many", clean=True)  # takes no more than there was
    again.close()
    assert code == 0
    for _ in range(100):
        other, code = connect(one, b"new")
        other.close()
        if code == 0:
            break
        time.sleep(0.05)
    assert code == 0


def test_unfinished_packets_count(broker):
    one = broker(MEMORY)
    socks = [connect(one, b"c%d" % i)[0] for i in range(20)]
    cut = 0
    for sock in socks:
        try:
            sock.sendall(packet(0x30, b"\0\1a\0" + bytes(1_900_000))[:-1])
        except ConnectionError:
            pass
    select.select(socks, [], [], WAIT)
    for sock in socks:
        sock.setblocking(False)
        try:
            cut += sock.recv(100)[0] == 0xE0
        except BlockingIOError:
            pass
        except ConnectionError:
            cut += 1
    assert cut > 0  # all of them, if the broker came to read only when everything was sent
    for sock in socks:
        sock.close()
    one.process.send_signal(signal.SIGTERM)
    assert one.process.wait(10) == 0


def test_who_holds_the_memory_may_come_and_take_it(broker):
    one = broker(MEMORY)
    keeper, code = connect(one, b"keeper", expiry=1000, clean=False)
    assert code == 0 and subscribe(keeper, b"q") == b"\1"
    keeper.close()
    with connect(one, b"publisher")[0] as publisher:
        for size in (100_000, 1000, 10):  # a large one counts while it is on its way, too
            for _ in range(1000):
                if publish(publisher, b"q", bytes(size)) == 0x97:
                    break
            else:
                raise AssertionError("limits.memory does not hold")
        assert connect(one, b"stranger")[1] == 0x89
        keeper, code = connect(one, b"keeper", expiry=1000, clean=False)
        assert code == 0
        for _ in range(100):  # what was taken makes room
            head, body = read(keeper)
            assert head & 0xF0 == 0x30
            keeper.sendall(b"\x40\2" + body[3:5])
        keeper.sendall(b"\xc0\0")
        while read(keeper)[0] != 0xD0:
            pass
        assert publish(publisher, b"q", b"more") == 0
    keeper.close()


def test_retained_wills_are_bounded(broker):
    one = broker("limits: {retained: {messages: 40}}\nsys: {interval: 0}\n")
    for i in range(100):
        sock, code = connect(one, b"w%d" % i, will=b"\0" + string(b"will/%d" % i) + string(b"gone"))
        assert code == 0
        sock.close()
    with connect(one, b"reader")[0] as reader:
        subscribe(reader, b"will/#")
        found = 0
        try:
            while True:
                found += read(reader)[0] & 1  # what comes late comes live, without RETAIN
                reader.settimeout(0.5 if found >= 40 else WAIT)
        except TimeoutError:
            pass
    assert 40 <= found <= 40 + os.cpu_count()  # each loop may add one that the others have not seen yet


def test_expired_retained_messages_go(broker):
    """Below topics that `#` does not match too, and however many they are."""
    one = broker("sys: {interval: 100ms}\n")
    with connect(one, b"publisher")[0] as publisher:
        sent = b"".join(packet(0x33, string(b"$x/%d" % i) + b"\0\1" + b"\5\2\0\0\0\4" + b"soon gone")
                        for i in range(600))
        publisher.sendall(sent)
        take_acks(publisher, 600)
        until(lambda: figure(one, b"retained messages/count") >= 600, "600 retained messages")
        until(lambda: figure(one, b"retained messages/count") < 200, "expired messages gone")


def take_acks(sock, count):
    for _ in range(count):
        head, body = read(sock)
        assert head == 0x40 and body[2:3] in (b"", b"\x10"), (head, body)


def value_of(sock, topic):
    """Subscribes to a topic of $SYS and returns the first number there that is not 0."""
    sock.sendall(packet(0x82, b"\0\1\0" + string(topic) + b"\0"))
    while True:
        head, body = read(sock)
        if head & 0xF0 == 0x30 and (number := int(body[2 + len(topic) + 1:])):
            return number


def test_a_fast_publisher_is_slowed_down(broker):  # noqa: F811
    """Twenty messages at once, five of them free: the others come in their time, all of them."""
    one = broker("limits: {publish_rate: {messages: 50, burst: 100ms}}\nsys: {interval: 100ms}\n")
    sock, _ = connect(one, b"fast")
    began = time.monotonic()
    sock.sendall((packet(0x32, string(b"t") + b"\0\1\0" + b"x") * 20))
    take_acks(sock, 20)
    assert time.monotonic() - began > 0.2  # 15 messages at 50 a second are 0.3 s, never less
    told = one.wait_for("client.throttled")
    assert told["id"] == "fast" and told["level"] == "info"
    other, _ = connect(one, b"slow")
    other.sendall(packet(0x32, string(b"t") + b"\0\1\0" + b"x"))
    take_acks(other, 1)
    assert value_of(other, b"$SYS/broker/clients/throttled") > 0
    assert len(one.events("client.throttled")) == 1


def test_the_rate_of_bytes_holds_too_and_a_reload_lifts_it(broker):  # noqa: F811
    one = broker("limits: {publish_rate: {bytes: 1000, burst: 1s}}\n")
    sock, _ = connect(one, b"large")
    sock.sendall(packet(0x32, string(b"t") + b"\0\1\0" + b"x" * 1000000))  # 1000 s worth of it
    take_acks(sock, 1)
    sock.sendall(packet(0x32, string(b"t") + b"\0\2\0" + b"x"))
    sock.settimeout(1.5)
    try:
        raise AssertionError(f"not slowed down: {sock.recv(100)}")
    except TimeoutError:
        sock.settimeout(10)
    one.write("limits: {publish_rate: {bytes: 0}}\n")
    one.process.send_signal(signal.SIGHUP)
    take_acks(sock, 1)


def test_a_slowed_down_client_is_not_silent(broker):  # noqa: F811
    """Its keep-alive of a second does not end it while it is the broker that does not read."""
    one = broker("limits: {publish_rate: {messages: 1, burst: 1s}}\n")
    sock = socket.create_connection(("127.0.0.1", one.port), timeout=10)
    sock.sendall(packet(0x10, b"\0\4MQTT\5\2\0\1\0" + string(b"brief")))
    assert read(sock)[0] == 0x20
    sock.sendall(packet(0x32, string(b"t") + b"\0\1\0" + b"x") * 4)
    take_acks(sock, 4)  # the last one after about three seconds
    assert not one.events("client.disconnected")
