"""The broker as its operator meets it: what the log says of each end, what bad input costs, memory
and descriptors under attack, bad configurations, and the end by a signal."""

import json
import os
import random
import signal
import socket
import struct
import subprocess
import threading

import pytest
from rig import WAIT, Peak, binary, fresh, sanitized, until

import mqtt as m
from peer import Closed, Peer, Silence

MIB = 1024 * 1024
VERSIONS = (3, 4, 5)


def join(broker, v=5, name=None, **more):
    peer = Peer(broker.address, v, WAIT)
    peer.hello(name or fresh("peer"), **more)
    peer.want(m.CONNACK, code=0)
    return peer


def reset(peer):
    """Ends the TCP connection by RST."""
    peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.sock.close()


def gone(sock):
    """Waits until the broker has closed a connection."""
    sock.settimeout(WAIT)
    try:
        while sock.recv(1 << 16):
            pass
    except ConnectionError:
        pass
    sock.close()


def last_words(peer):
    """The DISCONNECT of the broker, behind whatever it said before."""
    while True:
        got = peer.read()
        if got.kind == m.DISCONNECT:
            return got


# ---- what the log says of each end ---------------------------------------------------------------

def too_many_in_flight(v):
    return b"".join(m.publish(v, "a", b"", 2, pid=n) for n in range(1, 12))


# Cause: versions, what the client sends after CONNACK and PINGREQ, then (code, by, last packet).
ENDS = {
    "disconnect": (VERSIONS, lambda v: m.disconnect(), (0x00, "client", "DISCONNECT")),
    "disconnect with will": ((5,), lambda v: m.disconnect(4), (0x04, "client", "DISCONNECT")),
    "second CONNECT": (VERSIONS, lambda v: m.connect(v, "again"), (0x82, "broker", "CONNECT")),
    "QoS 3": (VERSIONS, lambda v: m.packet(m.PUBLISH, 6, m.s("a") + m.u16(1)), (0x81, "broker", "PUBLISH")),
    "reserved type 0": (VERSIONS, lambda v: b"\0\0", (0x81, "broker", None)),
    "packet of a server": (VERSIONS, lambda v: b"\x20\x02\0\0", (0x82, "broker", None)),
    "long length": (VERSIONS, lambda v: b"\x30\xff\xff\xff\xff\x01", (0x81, "broker", None)),
    "bad UTF-8": (VERSIONS, lambda v: m.publish(v, b"a\xff"), (0x81, "broker", "PUBLISH")),
    "topic with wildcard": (VERSIONS, lambda v: m.publish(v, "a/#"), (0x90, "broker", "PUBLISH")),
    "empty SUBSCRIBE": (VERSIONS, lambda v: m.subscribe(v, 1, []), (0x82, "broker", "SUBSCRIBE")),
    "field past the end": (VERSIONS, lambda v: m.packet(m.PUBLISH, 0, b"\0\x09a"), (0x81, "broker", "PUBLISH")),
    "alias too large": ((5,), lambda v: m.publish(v, "a", props=[(m.TOPIC_ALIAS, 17)]),
                        (0x94, "broker", "PUBLISH")),
    "alias never set": ((5,), lambda v: m.publish(v, "", props=[(m.TOPIC_ALIAS, 3)]),
                        (0x82, "broker", "PUBLISH")),
    "property of another packet": ((5,), lambda v: m.publish(v, "a", props=[(m.SESSION_EXPIRY, 3)]),
                                   (0x81, "broker", "PUBLISH")),
    "property twice": ((5,), lambda v: m.publish(v, "a", props=[(m.CONTENT_TYPE, "x")] * 2),
                       (0x82, "broker", "PUBLISH")),
    "above receive maximum": ((5,), too_many_in_flight, (0x93, "broker", "PUBLISH")),
    "above maximum packet size": (VERSIONS, lambda v: b"\x30" + m.var(5000) + bytes(100), (0x95, "broker", None)),
    "AUTH from nowhere": ((5,), lambda v: m.auth(0x19), (0x82, "broker", "AUTH")),
}


@pytest.fixture(scope="module")
def strict():
    """A broker with small limits, for the ends."""
    from rig import Broker
    broker = Broker("threads: 2\nlog: {repeats: 0, level: debug}\n"
                    "limits: {receive_maximum: 10, packet: 4KiB, packet_before_connect: 4KiB}\n")
    yield broker
    broker.stop()


@pytest.mark.parametrize("cause", ENDS)
def test_each_end_is_told(strict, cause):
    versions, said, (code, by, last) = ENDS[cause]
    innocent = join(strict)
    innocent.subscribe("innocent", 1)
    for v in versions:
        name = fresh("end")
        peer = join(strict, v, name, user="bob")
        peer.ping()
        peer.send(said(v))
        if by == "broker" and v == 5:
            assert last_words(peer).code == code
        gone(peer.sock)
        told = strict.wait_for("client.disconnected", id=name)
        assert (told["code"], told["by"], told["user"]) == (code, by, "bob"), told
        assert last in (None, told["last"]), told
        assert told["reason"] and told["from"].startswith("127.0.0.1:") and told["after_ms"] >= 0
        assert told["in_bytes"] > 10 and told["out_bytes"] > 4
        assert len(strict.events("client.disconnected", id=name)) == 1
    innocent.publish("innocent", "fine", 1)
    innocent.message(payload="fine")
    innocent.shut()


@pytest.mark.parametrize("v", VERSIONS)
def test_ends_without_a_word(strict, v):
    for end in (Peer.shut, reset):
        name = fresh("lost")
        peer = join(strict, v, name)
        peer.ping()
        end(peer)
        told = strict.wait_for("client.disconnected", id=name)
        assert (told["by"], told["last"]) == ("network", "PINGREQ"), told


@pytest.mark.parametrize("v", VERSIONS)
def test_keep_alive_and_half_a_packet(strict, v):
    """Bytes that make no packet keep nobody alive; both are closed for the silence."""
    silent, half = (join(strict, v, fresh("still"), keepalive=1) for _ in range(2))
    for byte in m.publish(v, "a", "x" * 20)[:10]:
        half.send(bytes([byte]))
    for peer in (silent, half):
        peer.closed(0x8D)
        told = strict.wait_for("client.disconnected", id=peer.cid)
        assert (told["code"], told["by"], told["last"]) == (0x8D, "broker", "CONNECT")


def test_connections_and_sessions_are_told(strict):
    name = fresh("told")
    join(strict, 5, name, clean=True, keepalive=30, user="bob", props=[(m.SESSION_EXPIRY, 100)],
         will=m.Will("w")).shut()
    told = strict.wait_for("client.connected", id=name)
    assert (told["proto"], told["user"], told["keep_alive_s"], told["expiry_s"]) == ("5", "bob", 30, 100)
    assert (told["clean"], told["session_present"], told["will"]) == (True, False, True)
    strict.wait_for("client.disconnected", id=name)
    join(strict, 4, name, clean=False).bye()
    told = strict.wait_for("client.connected", 2, id=name)
    assert (told["proto"], told["clean"], told["session_present"]) == ("3.1.1", False, True)


# ---- what bad input costs ------------------------------------------------------------------------

REFUSED = [
    ("CONNECT", b"\x10\x0c\0\4MQTT\x09\2\0\0\0\0"),
    ("no MQTT", b"GET / HTTP/1.1\r\n\r\n"),
    ("before CONNECT", m.publish(5, "a", "x" * 1000)),
    ("bad flags", m.connect(4, "x", flags=0x01)),
    ("cut will", m.packet(m.CONNECT, 0, m.protocol(5) + b"\x06\0\0\0\0\1a\0\0\0\3w")),
    ("two properties", m.connect(5, "x", props=[(m.SESSION_EXPIRY, 1)] * 2)),
    ("will properties", m.connect(5, "x", will=m.Will("w", props=[(m.CONTENT_TYPE, "y" * 500)] * 2))),
    ("bad PUBLISH", m.connect(5, "") + m.publish(5, "a", props=[(m.USER_PROPERTY, ("a", "b" * 500)),
                                                               (m.SESSION_EXPIRY, 1)])),
    ("bad SUBSCRIBE", m.connect(5, "") + m.subscribe(5, 1, [("a/b/c" * 50, 1), ("b/#/c", 0)])),
    ("bad UNSUBSCRIBE", m.connect(4, "") + m.unsubscribe(4, 0, ["a"])),
    ("QoS 2 and gone", m.connect(5, "") + m.publish(5, "a", "x" * 5000, 2, pid=1) + b"\xf0\0"),
    ("half a packet", m.connect(4, "") + m.publish(4, "a", "x" * 50000)[:20000] + b""),
]


def throw(broker, data):
    """Sends bytes, ends its half, and waits for the end."""
    with socket.create_connection(broker.address, WAIT) as sock:
        try:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        gone(sock)


def test_refused_packets_cost_nothing_that_stays(serve):
    """3,000 of them: memory stays flat, descriptors come back, and no loop keeps turning."""
    broker = serve("threads: 2\nlog: {repeats: 10}\n")
    for _ in range(20):  # what pools and stacks take once
        for _, data in REFUSED:
            throw(broker, data)
    memory, descriptors = broker.rss(), broker.descriptors()
    for _ in range(3000 // len(REFUSED)):
        for _, data in REFUSED:
            throw(broker, data)
    assert sanitized() or broker.rss() - memory < 2 * MIB
    until(lambda: broker.descriptors() <= descriptors, lambda: f"{broker.descriptors()} descriptors open")
    quiet(broker)


def quiet(broker, seconds=0.5):
    """Waits for a stretch of time in which the broker takes next to no CPU."""
    limit = int(os.sysconf("SC_CLK_TCK") * seconds * 0.02) + 1

    def ask():
        before = broker.cpu_ticks()
        threading.Event().wait(seconds)
        return broker.cpu_ticks() - before <= limit
    until(ask, "a broker that rests")


def test_broker_rests_after_broken_connections(serve):
    """Half-open, reset, full and random connections leave no event that fires for ever."""
    broker, rnd, kept = serve("threads: 2\nlog: {repeats: 10}\n"), random.Random(7), []
    for n in range(30):
        peer = join(broker, 4)
        if n % 3 == 0:
            peer.send(rnd.randbytes(2000))
            reset(peer)
        elif n % 3 == 1:
            peer.sock.shutdown(socket.SHUT_WR)
            kept.append(peer)
        else:  # does not read its answers
            for buffer in (socket.SO_SNDBUF, socket.SO_RCVBUF):
                peer.sock.setsockopt(socket.SOL_SOCKET, buffer, 32768)
            peer.sock.setblocking(False)
            try:
                while True:
                    peer.sock.send(m.pingreq() * 1000)
            except BlockingIOError:
                kept.append(peer)
    quiet(broker)
    assert join(broker).connack


@pytest.mark.parametrize("v, qos", [(4, 0), (5, 0), (5, 1)])
def test_a_client_that_reads_nothing(serve, v, qos):
    """200 MB are published at it: it costs its bound, and others get everything."""
    broker = serve("threads: 2\n")
    deaf = join(broker, v)
    deaf.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    deaf.subscribe("flood/#", qos)
    payload, before = bytes(100_000), broker.rss()
    reader, writer = join(broker, 4), join(broker, 5)
    reader.subscribe("flood/count")
    with Peak(broker) as peak:
        for n in range(2000):
            writer.publish("flood/data", payload, qos)
            if n % 100 == 99:
                writer.publish("flood/count", str(n))
                reader.message(payload=str(n))
        writer.ping()
    assert sanitized() or peak.most - before < 32 * MIB
    deaf.shut()
    quiet(broker)


def test_a_slow_reader_gets_what_its_queue_held(serve):
    """QoS 1 beyond the queue is dropped and told; what was kept comes in order."""
    broker = serve("threads: 1\nlimits: {queue: {messages: 50}, inflight: 10}\n")
    slow, writer = join(broker, 4), join(broker, 5)
    slow.subscribe("flood", 1)
    for n in range(200):
        writer.publish("flood", str(n), 1)
    told = broker.wait_for("queue.full", id=slow.cid)
    assert told["queued"] == 50 and told["dropped"] > 0
    got = [int(slow.message().payload) for _ in range(60)]
    assert got == list(range(60))


# ---- limits --------------------------------------------------------------------------------------

def test_connect_that_never_comes(serve):
    broker = serve("limits: {connect_time: 300ms}\nlog: {repeats: 0}\n")
    socks = [socket.create_connection(broker.address, WAIT) for _ in range(4)]
    connect = m.connect(5, "late")
    socks[1].sendall(connect[:1])
    socks[2].sendall(connect[:-1])
    socks[3].sendall(m.connect(5, "auth", props=[(m.AUTH_METHOD, "nobody knows")]))
    for sock in socks:
        gone(sock)
    assert broker.wait_for("connection.closed", 4)
    told = broker.events("connection.closed")
    assert all(event["reason"] for event in told)
    assert {event["by"] for event in told} == {"broker"}
    join(broker).bye()


def test_unauthenticated_connections_of_one_address(serve):
    """64 may wait, one more is closed, those who are in do not count, and places come back."""
    broker = serve("threads: 2\nlog: {repeats: 0}\n")
    inside = [join(broker) for _ in range(10)]
    waiting = [socket.create_connection(broker.address, WAIT) for _ in range(65)]
    assert "limits.connections_unauthenticated_per_address" in broker.wait_for("connection.refused")["reason"]
    for peer in inside:
        peer.ping()
    assert len(broker.events("connection.refused")) == 1
    for sock in waiting:
        sock.close()

    def enters():
        try:
            return join(broker)
        except (Closed, ConnectionError):
            return None
    until(enters, "a place that came back")


def test_floods_of_subscriptions_and_properties(serve):
    broker = serve("threads: 2\nlimits: {subscriptions: 100, filters_per_packet: 50, user_properties: 10,"
                   " topic_levels: 16}\n")
    peer = join(broker)
    for n in range(4):
        pairs = [(f"flood/{n}/{i}", 0) for i in range(50)]
        peer.subscribe(pairs, granted=[0] * 50 if n < 2 else [0x97] * 50)
    peer.unsubscribe("flood/0/0")
    peer.subscribe("flood/again")  # there is room again
    assert peer.publish("/" * 100, "x", 1, code=0x90)
    peer.subscribe([("/" * 100, 0)], granted=[0x8F])
    many = join(broker)
    many.send(m.subscribe(5, 1, [(f"a/{n}", 0) for n in range(51)]))
    many.closed((0x97, 0x95))
    many = join(broker)
    many.send(m.publish(5, "a", props=[(m.USER_PROPERTY, ("a", "b"))] * 11))
    many.closed((0x97, 0x95))
    deep = join(broker)
    deep.send(m.publish(5, "/".join("a" * 32767), "x"))
    deep.closed(0x90)  # QoS 0 has no other answer
    peer.ping()


def test_deep_topics_where_allowed(serve):
    broker = serve("limits: {topic_levels: 65536}\n")
    peer, topic = join(broker), "/" * 65535
    peer.subscribe([("/" * 32766 + "#", 1), ("+/" * 32766 + "+", 1), ("/" * 32767, 1), ("#", 1)])
    peer.publish(topic, "deep", 1)
    peer.message(payload="deep", topic=topic)
    peer.publish("/" * 32767, "same", 1)
    peer.message(payload="same")
    peer.unsubscribe(["#", "/" * 32767, "+/" * 32766 + "+"])
    peer.bye()


def test_connections_at_their_limit(serve):
    broker = serve("limits: {connections: 5}\n")
    inside = [join(broker) for _ in range(5)]
    gone(socket.create_connection(broker.address, WAIT))
    assert "limits.connections" in broker.wait_for("connection.refused")["reason"]
    inside[0].bye()

    def enters():
        try:
            return join(broker)
        except (Closed, ConnectionError, Silence):
            return None
    until(enters, "a place that came back")


# ---- the log in a pipe ---------------------------------------------------------------------------

def started(text, tmp_path, **more):
    """A broker whose log goes into a pipe; returns (process, port)."""
    config = tmp_path / "godwit.yaml"
    config.write_text("listeners: [mqtt://127.0.0.1:0]\n" + text)
    process = subprocess.Popen([binary(), "serve", "-c", config], stderr=subprocess.PIPE, **more)
    for line in process.stderr:
        event = json.loads(line)
        if event["event"] == "listener.open":
            return process, int(event["url"].rsplit(":", 1)[1])
    raise AssertionError("the broker ended at once")


class Place:
    """Where a broker that is not a rig.Broker listens."""

    def __init__(self, port):
        self.address = ("127.0.0.1", port)


def test_log_in_a_pipe_is_json(tmp_path):
    """Every line is one, whatever clients send; the events have their stable names."""
    process, port = started("log: {repeats: 0}\n", tmp_path)
    names = ["plain", 'quote" \\', "line\nbreak", "tab\tä€😀", "\x1b[31mred", "x" * 2000]
    for name in names:
        join(Place(port), 5, name, user="{}" + name).bye()
    process.terminate()
    events = [json.loads(line) for line in process.stderr]
    assert process.wait(WAIT) == 0
    process.stderr.close()
    ids = [e["id"] for e in events if e["event"] == "client.connected"]
    assert ids[:5] == names[:5] and ids[5].startswith("x" * 500) and ids[5].endswith("...")
    assert all(e["ts"].endswith("Z") and e["level"] in ("info", "warn", "debug") and e["message"]
               for e in events)
    assert [e["event"] for e in events if e["event"].startswith("broker.")] == [
        "broker.ready", "broker.stopping", "broker.stopped"]


def test_a_log_that_nobody_reads_stops_nothing(tmp_path):
    """A full pipe costs lines, which are counted, and never a client's time."""
    process, port = started("log: {repeats: 0}\n", tmp_path)
    for _ in range(600):
        join(Place(port), 4).bye()
    lines = []
    reader = threading.Thread(target=lambda: lines.extend(process.stderr), daemon=True)
    reader.start()
    for _ in range(20):
        join(Place(port), 4).bye()
    process.terminate()
    assert process.wait(WAIT) == 0
    reader.join(WAIT)
    lost = [e for e in map(json.loads, lines) if e["event"] == "log.lost"]
    assert lost and sum(e["lines"] for e in lost) > 0


def test_a_log_whose_reader_is_gone_stops_nothing(tmp_path):
    process, port = started("log: {repeats: 0}\n", tmp_path)
    process.stderr.close()
    for _ in range(20):
        join(Place(port), 4).bye()
    process.terminate()
    assert process.wait(WAIT) == 0


# ---- configurations that cannot be ---------------------------------------------------------------

@pytest.mark.parametrize("text, line, words", [
    ("limits: {packt: 2MB}\n", 1, ('unknown key', 'did you mean', 'packet')),
    ("limits:\n  packet: 2MB\n  inflght: 3\n", 3, ('inflght', 'inflight')),
    ("threads: many\n", 1, ('threads', 'many')),
    ("threads: 65\n", 1, ('65', '64')),
    ("limits: {packet: 16M}\n", 1, ('16MB', '16MiB')),
    ("limits: {connect_time: 5}\n", 1, ('5s',)),
    ("threads: 1\nthreads: 2\n", 2, ('threads',)),
    ("limits: [1, 2]\n", 1, ('limits',)),
    ("listeners: [mqtt//localhost]\n", 1, ('mqtt://',)),
    ("listeners: [http://localhost:1]\n", 1, ('http',)),
    ("limits: {packet: 2MB\n", None, ()),
    ("a: *b\n", 1, ()),
    ("\0\1\2", None, ()),
])
def test_bad_configuration(tmp_path, text, line, words):
    """One clear sentence with its place, the line itself with a caret, and exit code 78."""
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    for command in (["serve", "-c", file], ["check", "config", file]):
        result = subprocess.run([binary(), *command], capture_output=True, text=True, timeout=WAIT)
        assert (result.returncode, result.stdout) == (78, ""), result
        first, *rest = result.stderr.splitlines()
        assert first.startswith(f"{file}:{line if line else ''}"), result.stderr
        assert all(word in result.stderr for word in words), result.stderr
        if line:
            assert any(each.strip().strip("~").startswith("^") or "^" in each for each in rest), result.stderr


def test_configuration_that_cannot_be_read(tmp_path):
    for name, make in (("none.yaml", None), ("folder.yaml", "mkdir"), ("loop.yaml", "link")):
        file = tmp_path / name
        if make == "mkdir":
            file.mkdir()
        elif make == "link":
            file.symlink_to(file)
        result = subprocess.run([binary(), "serve", "-c", file], capture_output=True, text=True, timeout=WAIT)
        assert (result.returncode, result.stdout) == (78, ""), result
        assert result.stderr.startswith(f"{file}: cannot read the file: "), result.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user")
def test_configuration_of_somebody_else(tmp_path):
    tmp_path.chmod(0o755)
    file = tmp_path / "secret.yaml"
    file.write_text("threads: 1\n")
    file.chmod(0o600)
    result = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", binary(), "check", "config", file],
                            capture_output=True, text=True, timeout=WAIT)
    if "setpriv" in result.stderr or result.returncode in (126, 127):
        pytest.skip("another user cannot run the binary here")
    assert result.returncode == 78 and "secret.yaml" in result.stderr, result


# ---- the end by a signal -------------------------------------------------------------------------

@pytest.mark.parametrize("number", (signal.SIGTERM, signal.SIGINT))
def test_end_by_signal(serve, number):
    """Clients are told (5.0) or closed (3.x), nobody is let in any more, and the exit code is 0."""
    broker = serve("threads: 2\n")
    peers = [join(broker, v, will=m.Will("will", retain=True), keepalive=60) for v in VERSIONS * 5]
    for peer in peers:
        peer.subscribe([("will", 0), ("$share/g/x", 1 if peer.v == 5 else 0)], granted=None)
    waiting = socket.create_connection(broker.address, WAIT)
    broker.signal(number)
    for peer in peers:
        last = peer.closed(0x8B)
        assert (last is not None) == (peer.v == 5)
    gone(waiting)
    assert broker.wait() == 0
    ends = broker.events("client.disconnected")
    assert [(e["code"], e["by"]) for e in ends] == [(0x8B, "broker")] * 15
    assert broker.events("broker.stopping")[0]["signal"] == signal.strsignal(number)
    assert broker.events("broker.stopped")
    with socket.socket() as again, pytest.raises(ConnectionRefusedError):
        again.connect(broker.address)
    # The port can be had again at once.
    serve("", "--set", f"listeners=mqtt://127.0.0.1:{broker.port}")
    broker.remove()


def test_messages_on_their_way_out_arrive_before_the_end(serve):
    """What a client that reads slowly was owed in its output comes before DISCONNECT."""
    broker = serve("threads: 2\n")
    reader, writer = join(broker), join(broker)
    reader.subscribe("t", 0)
    for n in range(100):
        writer.publish("t", f"{n:0500}")
    writer.ping()
    broker.signal(signal.SIGTERM)
    reader.closed(0x8B)
    assert broker.wait() == 0
    assert [int(got.payload) for got in reader.inbox] == list(range(100))
    broker.remove()


def test_reload_good_and_bad(serve):
    """New limits hold for new clients; a bad file changes nothing and ends nobody."""
    broker = serve("limits: {packet: 3MB}\n")
    stays = join(broker)
    assert stays.connack.get(m.MAXIMUM_PACKET_SIZE) == 3_000_000
    for text, event in (("limits: {packet: 4MB}\n", "config.reloaded"), ("limits: {packet: lots}\n", "config.refused"),
                        ("limits: {\n", "config.refused")):
        count = len(broker.events(event))
        broker.write(text)
        broker.signal(signal.SIGHUP)
        broker.wait_for(event, count + 1)
        later = join(broker)
        assert later.connack.get(m.MAXIMUM_PACKET_SIZE) == 4_000_000
        later.bye()
        stays.ping()
    broker.config.unlink()
    broker.signal(signal.SIGHUP)
    broker.wait_for("config.refused", 3)
    stays.ping()
    broker.errors_expected = True
