"""MQTT over WebSocket: foreign clients, and peers that break each rule of it."""

import os
import socket
import ssl
import struct
import subprocess
import time

import mqtt as m
import peer
import pytest
from authority import Authority
from rig import HERE, WAIT, binary, fresh, sanitized
from test_mqttjs import MODULES, node, play  # noqa: F401 - fixtures
from test_paho_python import QOS, VERSIONS, join  # noqa: F401 - a fixture too
from websock import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, WebBroker, WebPeer, Wire, frame, request

MIB = 1024 * 1024
CONNECT = m.connect(4, "")


@pytest.fixture(scope="module")
def web():
    """One broker with defaults for all tests that need nothing else."""
    broker = WebBroker("threads: 2\nlog: {level: debug, repeats: 0}\n")
    yield broker
    broker.stop()


@pytest.fixture
def serve_web():
    """Starts brokers of the test's own; each must end well."""
    started = []

    def start(*words):
        started.append(WebBroker(*words))
        return started[-1]

    yield start
    for broker in started:
        broker.stop()


# ---- foreign clients -----------------------------------------------------------------------------

@pytest.mark.parametrize("qos", QOS)
@pytest.mark.parametrize("sends, receives", [(3, 5), (4, 4), (5, 4), (5, 5)])
def test_mqttjs_messages_pass(play, web, sends, receives, qos):  # noqa: F811
    play("pass", web, version=sends, receives=receives, qos=qos, web=web.ws_port)


@pytest.mark.parametrize("version, qos", [(4, 0), (5, 1), (5, 2)])
def test_mqttjs_large_payload(play, web, version, qos):  # noqa: F811
    play("large", web, version=version, qos=qos, size=1_900_000, web=web.ws_port)


@pytest.mark.parametrize("scenario", ["will", "retained", "session", "retainedSet", "shared"])
def test_mqttjs_sessions(play, web, scenario):  # noqa: F811
    play(scenario, web, version=5, qos=1, web=web.ws_port)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("qos", QOS)
def test_paho_messages_pass(join, web, version, qos):  # noqa: F811
    topic = fresh("paho")
    sender, reader = (join(version, web, transport="websockets") for _ in range(2))
    reader.subscribe(topic + "/+", 2)
    for n in range(40):
        sender.paho.publish(f"{topic}/x", f"ä{n}", qos)
    assert reader.take(40) == [(f"{topic}/x", qos, False, f"ä{n}") for n in range(40)]
    sender.publish(f"{topic}/large", "x" * 300_000, qos)
    assert reader.next().payload == b"x" * 300_000


# ---- our own tools -------------------------------------------------------------------------------

@pytest.fixture(params=["godwit", "ws"])
def port(request, web, program):
    """Of our listener, or of the foreign library ws in front of our plain one."""
    if request.param == "godwit":
        return str(web.ws_port)
    bridge = program("node", HERE / "wsbridge.js", str(web.port),
                     NODE_PATH=os.environ.get("NODE_PATH") or str(MODULES))
    return bridge.next_line(b"listening ").split()[1].decode()


def tool(*words, **more):
    return subprocess.run([binary(), *words], check=False, timeout=WAIT, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env={**os.environ, "XDG_CONFIG_HOME": "/nonexistent"}, **more)


@pytest.mark.parametrize("version", ["31", "311", "5"])
def test_tools(port, version):
    topic, at = fresh("tools"), ["--ws", "-h", "127.0.0.1", "-p", port, "-V", version]
    reader = ["sub", *at, "-c", "-i", fresh("tools"), "-t", topic + "/#", "-q", "2"]
    if version == "5":
        reader += ["-x", "600"]
    assert tool(*reader, "-E").returncode == 0
    lines = b"".join(b"line %d\n" % n for n in range(20))
    assert tool("pub", *at, "-t", topic + "/x", "-l", "-q", "2", input=lines).stdout == b""
    large = "x" * 100_000
    url = f"ws://127.0.0.1:{port}/mqtt/{topic}/y"
    assert tool("pub", "-L", url, "-m", large, "-q", "1").stdout == b""
    assert tool("pub", "-L", url, "-m", "end", "-q", "1").stdout == b""
    got = tool(*reader, "-C", "22")
    assert (got.returncode, got.stdout) == (0, lines + large.encode() + b"\nend\n")


def test_request_and_response(port, program):
    topic, at = fresh("rr"), ["--ws", "-h", "127.0.0.1", "-p", port]
    worker = ["sub", *at, "-c", "-i", fresh("rr"), "-t", topic, "-q", "1"]
    assert tool(*worker, "-E").returncode == 0
    rr = program(binary(), "rr", *at, "-t", topic, "-e", topic + "/answer", "-m", "6*7", "-q", "1")
    assert tool(*worker, "-C", "1").stdout == b"6*7\n"
    assert tool("pub", *at, "-t", topic + "/answer", "-m", "42").stdout == b""
    assert rr.wait() == (0, [b"42"])


def test_tools_say_what_is_wrong(web):
    at = ["pub", "-h", "127.0.0.1", "-t", "a", "-m", "b"]
    done = tool(*at, "-p", str(web.ws_port), "--ws-path", "/other")
    assert (done.returncode, done.stdout) == (
        7, b"godwit pub: the server refused the WebSocket: 404 Not Found\n")
    done = tool("sub", "--ws", "-h", "127.0.0.1", "-p", str(web.port), "-t", "a")  # plain MQTT there
    assert (done.returncode, done.stdout) == (
        7, b"godwit sub: no WebSocket there: the server ended the connection\n")
    done = tool(*at, "--ws-path", "/a b", "-p", str(web.ws_port))
    assert b"cannot stand in a request" in done.stdout


# ---- the handshake -------------------------------------------------------------------------------

REFUSED = [
    (request("/"), 404, "there is nothing at this path"),
    (request("/mqtt/"), 404, "there is nothing at this path"),
    (request(method="POST"), 405, "a WebSocket begins with GET"),
    (request(without=["Upgrade", "Connection"]), 426, "this is no request for a WebSocket"),
    (request(Sec_WebSocket_Version="8"), 426, "the version of WebSocket here is 13"),
    (request(Sec_WebSocket_Protocol="chat"), 400, "none of the offered subprotocols is mqtt or mqttv3.1"),
    (request(Sec_WebSocket_Protocol=None), 400,
     "the subprotocol mqtt must be offered in Sec-WebSocket-Protocol"),
    (request(key="short"), 400, "Sec-WebSocket-Key is missing or not 16 bytes in base64"),
    (request(Origin="https://evil.example"), 403,
     "the page comes from another origin; the listener's origins must name it"),
    (request(version="HTTP/1.0"), 505,
     "HTTP/1.0 cannot become a WebSocket; a proxy must speak HTTP/1.1 to us"),
    (request().replace(b"\r\n", b"\n"), 400, "this is no HTTP request"),
    (b"GET /mqtt HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 8200, 431,
     "the head of the request is larger than 8 KiB"),
    (CONNECT, 400, "an MQTT CONNECT came to a WebSocket port; plain MQTT has a port of its own"),
    (b"\x16\x03\x01\x02\x00\x01", 400,
     "a TLS handshake came to a WebSocket port without TLS; wss:// has its own"),
]


@pytest.mark.parametrize("sent, status, reason", REFUSED, ids=range(len(REFUSED)))
def test_what_is_refused(web, sent, status, reason):
    before = len(web.events("connection.closed", reason=reason))
    wire = Wire(web.ws_address)
    wire.send(sent)
    got, fields, body = wire.answer()
    assert (got, fields["content-type"]) == (status, "text/plain")
    assert body == f"{reason}.\nThis port speaks MQTT over WebSocket: path /mqtt, subprotocol mqtt.\n"
    assert status != 426 or fields["sec-websocket-version"] == "13"
    wire.ended()
    event = web.wait_for("connection.closed", before + 1, reason=reason)
    assert (event["by"], event["level"]) == ("broker", "info")


def test_the_other_way_round(web):
    """A WebSocket at the port of plain MQTT ends at once, and the log says why."""
    wire = Wire(web.address)
    wire.send(request())
    wire.ended()
    web.wait_for("connection.closed", reason="an HTTP request: this listener speaks MQTT without "
                                             "WebSocket (MQTT-3.1.0-1)")


def test_the_request_may_come_byte_by_byte(web):
    wire = Wire(web.ws_address)
    for byte in request(Sec_WebSocket_Protocol="x, mqttv3.1") + frame(BINARY, CONNECT):
        wire.send(bytes([byte]))
    assert wire.answer()[1]["sec-websocket-protocol"] == "mqttv3.1"
    assert wire.next() == (BINARY, b"\x20\x02\0\0")


def test_origins_of_pages(serve_web):
    broker = serve_web("", "{url: 'ws://127.0.0.1:0/a/b', origins: [https://a.example, 'http://b:8']}")
    for origin, status in ((None, 101), ("https://a.example", 101), ("http://B:8", 101),
                           ("https://b:8", 403), ("null", 403), ("https://a.example.evil", 403)):
        wire = Wire(broker.ws_address)
        wire.send(request("/a/b", Origin=origin))
        assert wire.answer()[0] == status
    event = broker.wait_for("connection.closed", origin="https://a.example.evil")
    assert (event["reason"], event["path"]) == ("the page's origin is not among the listener's origins",
                                                "/a/b")


def test_origins_without_a_list(web):
    """Same host as in the request, if nobody can make a name mean this machine (DNS rebinding)."""
    here = f"127.0.0.1:{web.ws_port}"
    for origin, host, status in ((f"http://{here}", here, 101), ("http://localhost:1", "localhost:1", 101),
                                 ("http://name:1", "name:1", 403), (f"http://{here}", "localhost", 403)):
        wire = Wire(web.ws_address)
        wire.send(request(Origin=origin, Host=host))
        assert wire.answer()[0] == status, (origin, host)


@pytest.mark.parametrize("said", [b"", b"GET /mqtt HTTP/1.1\r\nHost: a\r\n", request(),
                                  request() + frame(BINARY, CONNECT[:5])], ids=range(4))
def test_time_to_connect(serve_web, said):
    """One limit for the head, the frames and the CONNECT in them."""
    broker = serve_web("limits: {connect_time: 300ms}\n")
    wire = Wire(broker.ws_address)
    for byte in said:
        wire.send(bytes([byte]))
    wire.ended()
    broker.wait_for("connection.closed", reason="no CONNECT in time")


def test_connections_before_connect_are_counted(serve_web):
    broker = serve_web("limits: {connections_unauthenticated_per_address: 2}\n")
    waiting = [Wire(broker.ws_address) for _ in range(2)]
    waiting[0].open()
    third = Wire(broker.ws_address)
    third.ended()
    broker.wait_for("connection.refused",
                    reason="limits.connections_unauthenticated_per_address is reached")
    waiting[0].send(frame(BINARY, CONNECT))
    assert waiting[0].next()[1][:1] == b"\x20"
    Wire(broker.ws_address).open()


# ---- frames --------------------------------------------------------------------------------------

@pytest.mark.parametrize("cut", (1, 2, 3, 7))
@pytest.mark.parametrize("v", (3, 4, 5))
def test_packets_across_frames(web, v, cut):
    topic, one = fresh("cut"), WebPeer(web, v, cut=cut)
    one.hello(fresh("cut"))
    one.want(m.CONNACK, code=0)
    one.subscribe(topic, qos=2)
    one.send(*(m.publish(v, topic, f"{n}", qos=0) for n in range(20)))
    for n in range(20):
        one.message(topic=topic, payload=f"{n}", qos=0)
    one.send(m.disconnect())
    assert one.sock.wire.close_code() == 1000


def connected(broker):
    wire = Wire(broker.ws_address)
    wire.open()
    wire.send(frame(BINARY, CONNECT))
    assert wire.next() == (BINARY, b"\x20\x02\0\0")
    return wire


def test_fragments_with_control_frames_between(web):
    wire = Wire(web.ws_address)
    wire.open()
    wire.send(frame(BINARY, CONNECT[:3], fin=False) + frame(PING, b"one") + frame(PONG, b"unasked"))
    assert wire.next() == (PONG, b"one")
    wire.send(frame(CONTINUATION, b"", fin=False) + frame(CONTINUATION, CONNECT[3:]))
    assert wire.next() == (BINARY, b"\x20\x02\0\0")
    ping = b"\xc0\0"
    wire.send(frame(BINARY, ping * 3))  # several packets in one frame
    got = b""
    while len(got) < 6:
        opcode, payload = wire.next()
        assert opcode == BINARY
        got += payload
    assert got == b"\xd0\0" * 3
    wire.send(frame(BINARY, ping + m.disconnect()))
    assert wire.next() == (BINARY, b"\xd0\0")
    assert wire.close_code() == 1000


HOSTILE = [
    (frame(TEXT, b"text"), 1003),
    (frame(TEXT, b"te", fin=False), 1003),
    (frame(BINARY, b"\xc0\0", mask=None), 1002),
    (frame(PING, b"", mask=None), 1002),
    (frame(CONTINUATION, b"\xc0\0"), 1002),
    (frame(BINARY, b"\xc0", fin=False) + frame(BINARY, b"\0"), 1002),
    (frame(BINARY, b"\xc0\0", first=0xC2), 1002),  # compressed
    (frame(BINARY, b"\xc0\0", first=0xA2), 1002),
    (frame(BINARY, b"\xc0\0", first=0x83), 1002),
    (frame(BINARY, b"\xc0\0", first=0x8F), 1002),
    (frame(PING, b"x", fin=False), 1002),
    (frame(CLOSE, b"", fin=False), 1002),
    (frame(PING, b"x" * 126), 1002),
    (frame(BINARY, b"\xc0\0", length=b"\x7e\0\2"), 1002),
    (frame(BINARY, b"x" * 126, length=b"\x7f" + struct.pack(">Q", 126)), 1002),
    (frame(BINARY, b"", length=b"\x7f" + struct.pack(">Q", 1 << 63)), 1002),
    (frame(CLOSE, b"\x03"), 1002),
    (frame(CLOSE, struct.pack(">H", 1005)), 1002),
    (frame(CLOSE, struct.pack(">H", 1000) + b"\xff"), 1007),
    (frame(CLOSE, struct.pack(">H", 1000) + b"bye"), 1000),
    (frame(CLOSE, struct.pack(">H", 3000)), 3000),
    (frame(CLOSE, b""), None),
]


@pytest.mark.parametrize("sent, code", HOSTILE, ids=range(len(HOSTILE)))
def test_each_violation_has_its_code(web, sent, code):
    wire = connected(web)
    wire.send(frame(BINARY, b"\xc0\0") + sent + frame(BINARY, b"\xc0\0"))  # the last is not heard
    assert wire.close_code() == code


def test_a_length_is_not_believed(web):
    """2^63 - 1 bytes announced: MQTT in them is served as it comes, and nothing is held for the rest."""
    wire = Wire(web.ws_address)
    wire.open()
    wire.send(b"\x82\xff\x7f" + b"\xff" * 7 + b"\0\0\0\0" + CONNECT)
    assert wire.next() == (BINARY, b"\x20\x02\0\0")
    wire.send(b"\xc0\0\xc0")
    assert wire.next() == (BINARY, b"\xd0\0")
    wire.send(b"\0")
    assert wire.next() == (BINARY, b"\xd0\0")
    wire.send(b"\xe0\0")
    assert wire.close_code() == 1000


def test_a_malformed_packet_is_told_in_mqtt(web):
    one = WebPeer(web, 5)
    one.hello(fresh("bad"))
    one.want(m.CONNACK, code=0)
    one.send(b"\xc1\0")  # PINGREQ with a flag
    one.want(m.DISCONNECT, code=0x81)
    assert one.sock.wire.close_code() == 1000


# ---- pings ---------------------------------------------------------------------------------------

def test_pings_do_not_keep_alive(web):
    """Only whole MQTT packets do: pings go on, and the broker ends it all the same."""
    name, one = fresh("ping"), WebPeer(web, 5)
    one.hello(name, keepalive=1)
    one.want(m.CONNACK, code=0)
    one.sock.settimeout(0.05)
    deadline = time.monotonic() + WAIT
    while not web.events("client.disconnected", id=name):
        assert time.monotonic() < deadline
        one.sock.wire.send(frame(PING, b"alive?"))
        try:
            one.sock.wire.fill()
        except socket.timeout:
            pass
    event = web.wait_for("client.disconnected", id=name)
    assert event["reason"].startswith("nothing came for one and a half times the keep alive")


def test_pings_without_reading_cost_no_memory(web):
    wire, innocent = connected(web), connected(web)
    before = web.rss()
    flood = frame(PING, b"p" * 125) * 500
    wire.sock.settimeout(1)
    sent = 0
    try:
        while sent < 48 * MIB:  # far more than the sockets' buffers in both directions
            sent += wire.sock.send(flood)
    except socket.timeout:
        pass  # not read from: fine as well
    innocent.send(frame(BINARY, b"\xc0\0"))
    assert innocent.next() == (BINARY, b"\xd0\0")
    if not sanitized():
        assert web.rss() - before < 8 * MIB
    wire.sock.close()


# ---- over TLS ------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def tls():
    """(broker with a wss:// listener, its authority's certificate)"""
    ca = Authority()
    cert, key = ca.issue("localhost", san=("DNS:localhost", "IP:127.0.0.1"))
    broker = WebBroker(f"threads: 2\nlog: {{repeats: 0}}\nlimits: {{output: 64MB}}\n"
                       f"tls: {{cert: {cert}, key: {key}}}\n",
                       "{url: 'wss://127.0.0.1:0', anonymous: true}")
    yield broker, str(ca.cert)
    broker.stop()
    ca.remove()


def secured(tls, sock=None):
    """A raw connection, frames not begun."""
    broker, ca = tls
    context = ssl.create_default_context(cafile=ca)
    plain = sock or socket.create_connection(broker.ws_address, timeout=WAIT)
    return Wire(None, context.wrap_socket(plain, server_hostname="localhost"))


@pytest.mark.parametrize("version, qos, size", [(3, 0, 1_900_000), (4, 1, 1_900_000), (5, 2, 1_900_000)])
def test_tls_mqttjs(play, tls, version, qos, size):  # noqa: F811
    broker, ca = tls
    play("pass", broker, version=version, receives=version, qos=qos, web=broker.ws_port, ca=ca)
    play("large", broker, version=version, qos=qos, size=size, web=broker.ws_port, ca=ca)


@pytest.mark.parametrize("version", VERSIONS)
def test_tls_paho(join, tls, version):  # noqa: F811
    broker, ca = tls
    topic = fresh("tls")
    client = join(version, broker, transport="websockets", setup=lambda one: one.tls_set(ca))
    client.subscribe(topic, 2)
    for n in range(40):
        client.paho.publish(topic, "x" * (n * 1000), n % 3)
    assert sorted(len(message[3]) for message in client.take(40)) == [n * 1000 for n in range(40)]


def test_tls_hostile_frames(tls):
    for sent, code in HOSTILE:
        wire = secured(tls)
        wire.open()
        wire.send(frame(BINARY, CONNECT))
        assert wire.next() == (BINARY, b"\x20\x02\0\0")
        wire.send(frame(BINARY, b"\xc0\0") + sent)
        assert wire.close_code() == code


def test_tls_refusals(tls):
    for sent, status, reason in REFUSED:
        wire = secured(tls)
        wire.send(sent)
        got, _, body = wire.answer()
        assert (got, body.split(".\n")[0]) == (status, reason)
        wire.ended()


def test_tls_slow_reader(tls):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(WAIT)
    sock.connect(tls[0].ws_address)
    wire = secured(tls, sock)
    wire.open()
    read_slowly(tls[0], wire)


# ---- ends ----------------------------------------------------------------------------------------

def test_the_log_tells_the_path(serve_web):
    broker = serve_web("", "ws://127.0.0.1:0/up/there")
    name = fresh("path")
    one = WebPeer(broker, 5)
    one.hello(name)
    one.want(m.CONNACK, code=0)
    assert broker.wait_for("client.connected", id=name)["path"] == "/up/there"
    one.sock.wire.send(frame(CLOSE, struct.pack(">H", 1001)))
    assert one.sock.wire.close_code() == 1001
    event = broker.wait_for("client.disconnected", id=name)
    assert (event["by"], event["path"]) == ("network", "/up/there")


def test_the_end_of_the_broker(serve_web):
    broker = serve_web()
    one = WebPeer(broker, 5)
    one.hello(fresh("end"))
    one.want(m.CONNACK, code=0)
    broker.process.terminate()
    one.want(m.DISCONNECT, code=0x8B)
    with pytest.raises(peer.Closed):
        one.read()
    assert one.sock.closed == 1000
    assert broker.wait() == 0
    broker.stop = broker.remove


def test_a_slow_reader_gets_whole_frames(serve_web):
    broker = serve_web("limits: {output: 64MB}\n")
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(WAIT)
    sock.connect(broker.ws_address)
    wire = Wire(None, sock)
    wire.open()
    read_slowly(broker, wire)


def read_slowly(broker, wire):
    """Output that the sockets do not take at once arrives whole and in order, pongs between frames."""
    topic, sender = fresh("slow"), peer.Peer(broker.address, 4, WAIT)
    wire.send(frame(BINARY, CONNECT + m.subscribe(4, 1, [(topic, 0)])))
    answers = b""
    while len(answers) < 9:
        answers += wire.next()[1]
    assert answers == b"\x20\x02\0\0\x90\x03\0\1\0"
    sender.hello(fresh("fast"))
    sender.want(m.CONNACK, code=0)
    payload, count = bytes(range(256)) * 250, 200
    for n in range(count):
        sender.send(m.publish(4, topic, bytes([n]) + payload, qos=1, pid=n + 1))
        sender.want(m.PUBACK, pid=n + 1)
        if n % 10 == 0:
            wire.send(frame(PING, bytes([n])))
    wanted = b"".join(m.publish(4, topic, bytes([n]) + payload, qos=0) for n in range(count))
    stream, pongs = b"", []
    while len(stream) < len(wanted):
        opcode, data = wire.next()
        if opcode == PONG:
            pongs.append(data)
        else:
            stream += data
    assert stream == wanted
    assert pongs == sorted(pongs)
