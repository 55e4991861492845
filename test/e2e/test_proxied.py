"""Behind proxies: real ones (HAProxy, nginx), and headers of our own making."""

import socket
import ssl
import struct
import subprocess
from types import SimpleNamespace

import mqtt as m
import pytest
from authority import Authority
from frontend import HAProxy, Nginx
from peer import Peer
from rig import WAIT, fresh, until
from websock import WebPeer

OPEN = "proxy_protocol: true, trusted_proxies: [127.0.0.1], anonymous: insecure"
LOG = "threads: 2\nlog: {level: debug, repeats: 0}\n"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
VERSIONS = (3, 4, 5)


@pytest.fixture
def front():
    """Starts proxies; they end with the test."""
    started = []

    def start(kind, *words, **more):
        started.append(kind(*words, **more))
        return started[-1]

    yield start
    for each in started:
        each.close()


@pytest.fixture(scope="module")
def ca():
    one = Authority()
    yield one
    one.remove()


def dial(address, source="127.0.0.1"):
    return socket.create_connection(address, timeout=WAIT, source_address=(source, 0))


def join(sock, v=5, code=0, **more):
    """CONNECT over a socket; the answer has to be `code`."""
    peer = Peer(sock, v)
    peer.hello(fresh("proxied"), **more)
    peer.want(m.CONNACK, code=code)
    return peer


def where(address):
    return "{}:{}".format(*address)


# ---- real proxies --------------------------------------------------------------------------------

def check_told(broker, address):
    """The client's own address stands in the log, whichever of 127/8 it has."""
    for v, source in zip(VERSIONS, ("127.0.0.1", "127.0.0.9", "127.1.2.3")):
        sock = dial(address, source)
        told = where(sock.getsockname())
        peer = join(sock, v)
        assert broker.wait_for("client.connected", id=peer.cid)["from"] == told
        topic = fresh("t")
        peer.subscribe(topic, 1)
        peer.publish(topic, b"x" * 100_000, 1)
        assert peer.message().payload == b"x" * 100_000
        peer.bye()
        assert broker.wait_for("client.disconnected", id=peer.cid)["from"] == told


@pytest.mark.parametrize("words", ["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c,unique-id"])
def test_haproxy(serve_doors, front, words):
    broker = serve_doors([f"{{url: mqtt://127.0.0.1:0, {OPEN}}}"], LOG)
    check_told(broker, front(HAProxy, f"{where(broker.door())} {words}").address)


def test_nginx(serve_doors, front):
    broker = serve_doors([f"{{url: mqtt://127.0.0.1:0, {OPEN}}}"], LOG)
    check_told(broker, front(Nginx, where(broker.door())).address)


def test_haproxy_by_a_unix_socket(serve_doors, front):
    broker = serve_doors(["{url: unix://DIR/s, proxy_protocol: true, trusted_proxies: [unix], anonymous: insecure}"],
                         LOG)
    check_told(broker, front(HAProxy, f"unix@{broker.door()} send-proxy-v2").address)


@pytest.mark.parametrize("proxy", ["haproxy", "nginx"])
def test_websockets(serve_doors, front, proxy):
    broker = serve_doors([f"{{url: ws://127.0.0.1:0, {OPEN}}}"], LOG)
    to = where(broker.door())
    one = front(Nginx, to) if proxy == "nginx" else front(HAProxy, f"{to} send-proxy-v2")
    for v in VERSIONS:
        sock = dial(one.address, "127.0.0.7")
        told = where(sock.getsockname())
        peer = WebPeer(SimpleNamespace(ws_address=sock, path="/mqtt"), v)
        peer.hello(fresh("ws"))
        peer.want(m.CONNACK, code=0)
        assert broker.wait_for("client.connected", id=peer.cid)["from"] == told


def test_health_checks_are_quiet(serve_doors, front):
    """The proxy's own connections say nothing of a client, and nothing is said of them."""
    broker = serve_doors([f"{{url: mqtt://127.0.0.1:0, {OPEN}}}"], LOG)
    one = front(HAProxy, f"{where(broker.door())} send-proxy-v2 check inter 20ms")
    broker.wait_for("connection.closed", 5)
    check_told(broker, one.address)
    assert not [event for event in broker.events() if event["level"] in ("warn", "error")]


def bundle(pair):
    """One file of a certificate and its key, as HAProxy wants it."""
    path = pair[0].with_suffix(".both")
    path.write_bytes(pair[0].read_bytes() + pair[1].read_bytes())
    return path


def secured(ca, pair=None):
    context = ssl.create_default_context(cafile=ca.cert)
    if pair:
        context.load_cert_chain(*pair)
    return context


def over_tls(address, context, source="127.0.0.1"):
    return context.wrap_socket(dial(address, source), server_hostname="localhost")


def test_tls_ends_at_the_proxy(serve_doors, front, ca, tmp_path):
    """Whose certificate the proxy has verified is who it names; whoever shows none is asked for a password."""
    (tmp_path / "users").write_text("")
    door = "{url: mqtt://127.0.0.1:0, proxy_protocol: true, trusted_proxies: [127.0.0.0/8], tls: {identity: cn}}"
    broker = serve_doors([door], LOG + f"auth: [{{file: {tmp_path}/users}}]\n"
                         "access: [{allow: pubsub, user: alice, topic: \"own/#\"}]\n")
    server = bundle(ca.issue("localhost", san=("DNS:localhost",)))
    one = front(HAProxy, f"{where(broker.door())} send-proxy-v2-ssl-cn",
                bind=f"ssl crt {server} ca-file {ca.cert} verify optional")
    sock = over_tls(one.address, secured(ca, ca.issue("alice")), "127.0.0.5")
    told = where(sock.getsockname())
    alice = join(sock)
    event = broker.wait_for("client.connected", id=alice.cid)
    assert (event["user"], event["from"], event["tls"]) == ("alice", told, "TLSv1.3")
    alice.subscribe("own/x", 1)
    alice.subscribe("other", 1, granted=[0x87])
    join(over_tls(one.address, secured(ca)), code=0x87)
    join(over_tls(one.address, secured(ca)), code=0x86, user="alice", password=b"x")


def test_the_proxy_must_have_seen_a_certificate(serve_doors, front, ca):
    door = (f"{{url: mqtt://127.0.0.1:0, {OPEN}, tls: {{client_cert: required}}}}")
    broker = serve_doors([door], LOG)
    server = bundle(ca.issue("localhost", san=("DNS:localhost",)))
    one = front(HAProxy, f"{where(broker.door())} send-proxy-v2-ssl-cn",
                bind=f"ssl crt {server} ca-file {ca.cert} verify optional")
    join(over_tls(one.address, secured(ca, ca.issue("alice"))))
    ended(over_tls(one.address, secured(ca)))
    assert "no certificate" in broker.wait_for("connection.closed", code=128)["reason"]


def test_tls_passes_through(serve_doors, front, ca):
    """The proxy sees nothing of what is said; certificates are shown to the broker itself."""
    cert, key = ca.issue("localhost", san=("DNS:localhost",))
    tls = f"tls: {{cert: {cert}, key: {key}, client_ca: {ca.cert}, client_cert: optional, identity: cn}}"
    broker = serve_doors([f"{{url: mqtts://127.0.0.1:0, {OPEN}, {tls}}}"], LOG)
    one = front(HAProxy, f"{where(broker.door())} send-proxy-v2")
    sock = over_tls(one.address, secured(ca, ca.issue("bob")), "127.0.0.6")
    told = where(sock.getsockname())
    bob = join(sock)
    event = broker.wait_for("client.connected", id=bob.cid)
    assert (event["user"], event["from"]) == ("bob", told)


# ---- headers of our own --------------------------------------------------------------------------

def line(source, port=4321):
    kind = "TCP6" if ":" in source else "TCP4"
    return f"PROXY {kind} {source} {'::1' if ':' in source else '10.0.0.1'} {port} 1883\r\n".encode()


def binary(source, fields=b""):
    v6 = ":" in source
    hosts = b"".join(socket.inet_pton(socket.AF_INET6 if v6 else socket.AF_INET, host)
                     for host in (source, "::1" if v6 else "10.0.0.1"))
    body = hosts + struct.pack(">HH", 4321, 1883) + fields
    return SIGNATURE + bytes([0x21, 0x21 if v6 else 0x11]) + struct.pack(">H", len(body)) + body


def certificate(name, client=7, verify=0):
    sub = b"\x22" + struct.pack(">H", len(name)) + name
    return b"\x20" + struct.pack(">HBI", len(sub) + 5, client, verify) + sub


def ended(sock):
    """The broker closes without a word."""
    sock.settimeout(WAIT)
    try:
        assert sock.recv(100) == b""
    except (ConnectionResetError, ssl.SSLError):
        pass
    sock.close()


@pytest.mark.parametrize("head, told", [
    (line("203.0.113.9"), "203.0.113.9:4321"), (binary("203.0.113.9"), "203.0.113.9:4321"),
    (line("2001:db8::7"), "[2001:db8::7]:4321"), (binary("2001:db8::7"), "[2001:db8::7]:4321"),
    (line("::ffff:203.0.113.9"), "203.0.113.9:4321"),
])
def test_bytes_come_in_any_pieces(serve_doors, head, told):
    broker = serve_doors([f"{{url: mqtt://127.0.0.1:0, {OPEN}}}"], LOG)
    data = head + m.connect(5, "pieces") + m.subscribe(5, 1, [("a", 0)])
    for step in (1, 7, len(head) - 1, len(head), len(head) + 1, len(data)):
        peer = Peer(broker.door(), 5)
        for at in range(0, len(data), step):
            peer.send(data[at:at + step])
        peer.want(m.CONNACK, code=0)
        peer.want(m.SUBACK)
        assert broker.events("client.connected")[-1]["from"] == told
        peer.bye()


@pytest.mark.parametrize("data, reason", [
    (m.connect(5, "x"), "no PROXY header came"),
    (b"GET /mqtt HTTP/1.1\r\n", "no PROXY header came"),
    (b"\x16\x03\x01\x02\x00\x01", "no PROXY header came"),
    (b"PROXY TCP4 1.2.3.4\r\n", "not as version 1 has it"),
    (b"PROXY TCP4 " + b"1" * 200, "within 107 bytes"),
    (SIGNATURE + b"\x31\x11\0\x0c", "no known version"),
    (SIGNATURE + b"\x21\x11\xff\xff", "longer than 8 KiB"),
    (binary("1.2.3.4", b"\x20\0\xff"), "cut short"),
    (binary("1.2.3.4", b"\x03\0\4abcd"), "checksum"),
])
@pytest.mark.parametrize("scheme", ["mqtt", "ws"])
def test_wrong_headers(serve_doors, scheme, data, reason):
    broker = serve_doors([f"{{url: {scheme}://127.0.0.1:0, {OPEN}}}"], LOG)
    sock = dial(broker.door())
    sock.sendall(data)
    ended(sock)
    told = broker.wait_for("connection.closed", by="broker")
    assert reason in told["reason"] and told["from"].startswith("127.0.0.1:")


def test_a_second_header_is_no_mqtt(serve_doors):
    broker = serve_doors([f"{{url: mqtt://127.0.0.1:0, {OPEN}}}"], LOG)
    sock = dial(broker.door())
    sock.sendall(line("1.2.3.4") + line("5.6.7.8") + m.connect(5, "x"))
    ended(sock)
    assert broker.wait_for("connection.closed", by="broker")["from"] == "1.2.3.4:4321"


@pytest.mark.parametrize("data", [b"", b"PROXY TCP4 1.2.3.4 ", SIGNATURE + b"\x21\x11\0\x0c123"])
def test_slow_headers_end_in_time(serve_doors, data):
    broker = serve_doors([f"{{url: mqtt://127.0.0.1:0, {OPEN}}}"], LOG + "limits: {connect_time: 1s}\n")
    sock = dial(broker.door())
    sock.sendall(data)
    ended(sock)
    assert broker.wait_for("connection.closed", by="broker")["code"] == 160


def test_others_may_not_speak_for_clients(serve_doors):
    broker = serve_doors(["{url: mqtt://127.0.0.1:0, proxy_protocol: true, anonymous: insecure, "
                          "trusted_proxies: [127.0.0.2, 10.0.0.0/8]}"], LOG)
    sock = dial(broker.door())
    ended(sock)
    told = broker.wait_for("connection.refused")
    assert "trusted_proxies" in told["reason"] and told["from"].startswith("127.0.0.1:")
    trusted = dial(broker.door(), "127.0.0.2")
    trusted.sendall(line("10.9.8.7"))
    join(trusted)


def told_peer(broker, source, v=5, head=line):
    peer = Peer(broker.door(), v)
    peer.send(head(source))
    return peer


def test_limits_are_the_clients(serve_doors):
    broker = serve_doors([f"{{url: mqtt://127.0.0.1:0, {OPEN}}}"],
                         LOG + "limits: {connections_unauthenticated_per_address: 2}\n")
    held = [told_peer(broker, "10.1.2.3") for _ in range(2)]
    refused = until(lambda: third_is_refused(broker), "a third one of the same address is refused")
    assert refused
    told = broker.wait_for("connection.closed", by="broker")
    assert told["from"].startswith("10.1.2.3:") and "unauthenticated_per_address" in told["reason"]
    for _ in range(3):  # of others there may be as many
        peer = told_peer(broker, "10.1.2.4")
        peer.hello(fresh("other"))
        peer.want(m.CONNACK, code=0)
    for peer in held:  # who was let in does not count any more
        peer.hello(fresh("held"))
        peer.want(m.CONNACK, code=0)
    again = told_peer(broker, "10.1.2.3", head=binary)
    again.hello(fresh("again"))
    again.want(m.CONNACK, code=0)


def third_is_refused(broker):
    peer = told_peer(broker, "10.1.2.3")
    try:
        peer.sock.settimeout(0.3)
        return peer.sock.recv(1) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False
    finally:
        peer.sock.close()


def test_bans_and_rights_are_the_clients(serve_doors, tmp_path):
    users = tmp_path / "users"
    subprocess.run(["mosquitto_passwd", "-c", "-H", "sha512", "-b", str(users), "alice", "secret"], check=True,
                   capture_output=True, timeout=WAIT)
    door = "{url: mqtt://127.0.0.1:0, proxy_protocol: true, trusted_proxies: [127.0.0.1]}"
    broker = serve_doors([door], LOG + f"auth: [{{file: {users}}}]\n"
                         "limits: {login: {failures: 2, delay: 0s, ban: 1h}}\n"
                         "access: [{allow: pubsub, address: 10.2.0.0/16, topic: \"#\"}]\n")

    def login(source, password):
        peer = told_peer(broker, source)
        peer.hello(fresh("login"), user="alice", password=password)
        return peer, peer.want(m.CONNACK).code

    assert [login("10.1.2.3", b"wrong")[1] for _ in range(2)] == [0x86, 0x86]
    assert login("10.1.2.3", b"secret")[1] == 0x8A
    assert broker.wait_for("auth.banned")["from"].startswith("10.1.2.3:")
    for source, granted in (("10.2.0.1", [1]), ("10.3.0.1", [0x87])):
        peer, code = login(source, b"secret")
        assert code == 0
        peer.subscribe("a", 1, granted=granted)
    peer = told_peer(broker, "127.0.0.1")  # near the proxy is not near the broker: no strangers
    peer.hello(fresh("stranger"))
    peer.want(m.CONNACK, code=0x87)


@pytest.mark.parametrize("client, verify, user", [(7, 0, "alice"), (3, 0, "alice"), (7, 1, ""), (1, 0, ""), (0, 0, "")])
def test_what_a_header_says_of_certificates(serve_doors, client, verify, user):
    broker = serve_doors([f"{{url: mqtt://127.0.0.1:0, {OPEN}, tls: {{identity: cn}}}}"], LOG)
    peer = Peer(broker.door(), 5)
    peer.send(binary("10.1.2.3", certificate(b"alice", client, verify)))
    peer.hello(fresh("cert"))
    peer.want(m.CONNACK, code=0)
    assert broker.wait_for("client.connected", id=peer.cid)["user"] == user
