"""TLS listeners: foreign clients, versions, names, client certificates, renewal, hostile peers."""

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading

import mqtt as m
import paho.mqtt.client as paho
import pytest
from authority import Authority
from peer import Closed
from rig import HERE, ROOT, WAIT, Program, binary, fresh, until
from tlsrig import (  # noqa: F401 - fixtures among them
    SERVER_NAMES,
    TlsPeer,
    ca,
    client_ends,
    context_of,
    dial,
    pair,
    plain_tls,
    put,
    secure,
    serial_of,
    tool,
    words_of_refusal,
)

MIB = 1024 * 1024


# ---- foreign clients -----------------------------------------------------------------------------

@pytest.mark.parametrize("version", ["311", "5"])
def test_mosquitto_clients(plain_tls, program, ca, version):
    words = ("-h", "localhost", "-p", plain_tls.port, "--cafile", ca.cert, "-V", version, "-q", 1)
    topic = fresh("mosquitto")
    sub = program("stdbuf", "-oL", "mosquitto_sub", *words, "-t", topic, "-C", 3, "-d")
    sub.next_line(lambda line: b"SUBACK" in line)
    for number in range(3):
        code, lines = program("mosquitto_pub", *words, "-t", topic, "-m", f"m{number}").wait()
        assert code == 0, lines
    code, lines = sub.wait()
    assert code == 0 and [line for line in lines if line[:1] == b"m" and line[1:].isdigit()] == [
        b"m0", b"m1", b"m2"], lines


def test_paho_python(plain_tls, ca):
    heard, acks, connected, ready = [], [], threading.Event(), threading.Event()
    client = paho.Client(fresh("paho"), protocol=paho.MQTTv5)
    client.tls_set(ca_certs=str(ca.cert))
    client.on_connect = lambda *_: connected.set()
    client.on_subscribe = lambda *_: ready.set()
    client.on_message = lambda _client, _user, message: heard.append(message.payload)
    client.on_publish = lambda *args: acks.append(args[2])
    client.connect("localhost", plain_tls.port)
    client.loop_start()
    try:
        assert connected.wait(WAIT)
        topic = fresh("paho")
        client.subscribe(topic, 2)
        assert ready.wait(WAIT)
        for number in range(30):
            client.publish(topic, str(number), qos=number % 3)
        until(lambda: len(heard) == 30 and len(acks) == 30, lambda: (heard, acks))
        assert sorted(map(int, heard)) == list(range(30))
    finally:
        client.disconnect()
        client.loop_stop()


@pytest.mark.parametrize("version", [4, 5])
def test_mqttjs(plain_tls, ca, version):
    node = Program(["node", HERE / "mqttjs_peer.js"], stdin=True, NODE_PATH=os.environ.get(
        "NODE_PATH") or str(ROOT / "build" / "node" / "node_modules"))
    more = {"protocol": "mqtts", "ca": ca.cert.read_text(), "servername": "localhost"}
    try:
        for run in ({"scenario": "pass", "receives": version, "qos": 2}, {"scenario": "session"},
                    {"scenario": "retainedSet"}):
            run = {**run, "port": plain_tls.port, "version": version, "more": more}
            node.write(json.dumps(run).encode() + b"\n")
            answer = node.next_line(lambda line: line.startswith((b"ok", b"FAILED")), 90)
            assert answer == b"ok", json.loads(answer[7:])
    finally:
        node.stop()


def test_websocket_over_tls(secure, pair, ca):
    broker = secure({"cert": str(pair[0]), "key": str(pair[1])}, listeners=["wss://127.0.0.1:0/mqtt"])
    node = Program(["node", HERE / "mqttjs_peer.js"], stdin=True, NODE_PATH=os.environ.get(
        "NODE_PATH") or str(ROOT / "build" / "node" / "node_modules"))
    more = {"protocol": "wss", "path": "/mqtt", "ca": ca.cert.read_text(), "servername": "localhost"}
    try:
        for run in ({"scenario": "pass", "receives": 5, "qos": 2}, {"scenario": "retainedSet"}):
            run = {**run, "port": broker.port, "version": 5, "more": more}
            node.write(json.dumps(run).encode() + b"\n")
            answer = node.next_line(lambda line: line.startswith((b"ok", b"FAILED")), 90)
            assert answer == b"ok", json.loads(answer[7:])
        told = broker.events("client.connected")[0]
        assert told["tls"].startswith("TLSv1.") and told["path"] == "/mqtt", told
        url = f"wss://localhost:{broker.port}/mqtt/x"
        assert tool("pub", "-L", url, "--cafile", ca.cert, "-q", 1, "-m", "y") == (0, b"", "")
        code, _, err = tool("pub", "-L", url, "--tls-use-os-certs", "-q", 1, "-m", "y")
        assert code == 8 and "not among those we trust" in err, err
    finally:
        node.stop()


# ---- versions, names, protocols ------------------------------------------------------------------

@pytest.mark.parametrize("version, words", [("TLSv1_2", "TLSv1.2"), ("TLSv1_3", "TLSv1.3")])
def test_versions_and_what_the_log_says(plain_tls, ca, version, words):
    one = getattr(ssl.TLSVersion, version)
    peer = TlsPeer(plain_tls, 5, context_of(ca, low=one, high=one)).join()
    told = plain_tls.wait_for("client.connected", id=peer.cid)
    assert (told["tls"], told["sni"]) == (words, "localhost") and told["cipher"], told
    peer.bye()


def test_old_version_is_refused_in_words(plain_tls, ca):
    out = client_ends(plain_tls, "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0", "-CAfile", str(ca.cert))
    assert "alert protocol version" in out or "no protocols available" in out, out
    if "alert" in out:
        plain_tls.wait_for("connection.closed", reason="no shared protocol version")


def test_version_min(secure, pair, ca):
    broker = secure({"cert": str(pair[0]), "key": str(pair[1]), "version_min": "1.3"})
    with pytest.raises(ssl.SSLError):
        dial(broker, context_of(ca, high=ssl.TLSVersion.TLSv1_2))
    broker.wait_for("connection.closed", reason="no shared protocol version")
    dial(broker, context_of(ca)).close()


def test_alpn(plain_tls, ca):
    context = context_of(ca)
    context.set_alpn_protocols(["other", "mqtt"])
    with dial(plain_tls, context) as one:
        assert one.selected_alpn_protocol() == "mqtt"
    with dial(plain_tls, context_of(ca)) as one:
        assert one.selected_alpn_protocol() is None
    context.set_alpn_protocols(["x-other"])
    with pytest.raises(ssl.SSLError):
        dial(plain_tls, context)
    plain_tls.wait_for("connection.closed",
                       reason="the peer offers no application protocol (ALPN) of ours")


def test_names_choose_certificates(secure, pair, ca):
    more = [ca.issue("a.example", san=["DNS:a.example"]),
            ca.issue("b", san=["DNS:*.b.example", "DNS:b.example"])]
    broker = secure({"cert": str(pair[0]), "key": str(pair[1]),
                     "certificates": [{"cert": str(c), "key": str(k)} for c, k in more]})
    for name, wanted in (("localhost", "localhost"), ("a.example", "a.example"),
                         ("x.b.example", "b"), ("b.example", "b")):
        with dial(broker, context_of(ca), name) as one:
            subject = dict(part[0] for part in one.getpeercert()["subject"])
            assert subject["commonName"] == wanted
    with pytest.raises(ssl.SSLCertVerificationError):
        dial(broker, context_of(ca), "c.example")
    broker.wait_for("connection.closed")


def test_tickets_hold_on_every_loop(secure, pair, ca):
    broker = secure({"cert": str(pair[0]), "key": str(pair[1])}, "threads: 4\n")
    context = context_of(ca, high=ssl.TLSVersion.TLSv1_2)
    with dial(broker, context) as first:
        session = first.session
    reused = 0
    for _ in range(16):
        with dial(broker, context, session=session) as one:
            reused += one.session_reused
            session = one.session
    assert reused == 16
    off = secure({"cert": str(pair[0]), "key": str(pair[1]), "tickets": False})
    with dial(off, context) as first:
        session = first.session
    with dial(off, context, session=session) as one:
        assert not one.session_reused


# ---- client certificates -------------------------------------------------------------------------

def names_of(broker, ca, pair, at=0):
    peer = TlsPeer(broker, 5, context_of(ca, pair), at).join(user="said")
    user = broker.wait_for("client.connected", id=peer.cid)["user"]
    peer.bye()
    return user


def refused(broker, ca, pair, reason, at=0):
    """The end may be told to the client in its handshake or, with TLS 1.3, with its first read."""
    count = len(broker.events("connection.closed"))
    with pytest.raises((ssl.SSLError, Closed, ConnectionError)):
        TlsPeer(broker, 5, context_of(ca, pair), at).join()
    told = broker.wait_for("connection.closed", count + 1)
    assert told["reason"] == reason, told


def test_client_certificates(secure, pair, ca):
    other = Authority("another CA")
    client = ca.issue("device-7", "O=Plant", san=["DNS:d7.example", "email:d7@example.org",
                                                  "URI:urn:dev:7"])
    foreign = other.issue("device-8")
    gone = ca.issue("device-9")
    base = {"client_ca": str(ca.cert)}
    broker = secure({"cert": str(pair[0]), "key": str(pair[1])}, listeners=[
        {"url": "mqtts://127.0.0.1:0", "anonymous": True,
         "tls": {**base, "client_cert": "optional", "identity": "cn"}},
        {"url": "mqtts://127.0.0.1:0", "anonymous": False,
         "tls": {**base, "client_cert": "required", "identity": "subject",
                 "crl": str(ca.revoke(gone[0]))}},
        *({"url": "mqtts://127.0.0.1:0", "anonymous": False,
           "tls": {**base, "client_cert": "required", "identity": kind}}
          for kind in ("san_dns", "san_email", "san_uri", "fingerprint"))])
    assert names_of(broker, ca, client) == "device-7"
    assert names_of(broker, ca, None) == "said"
    assert names_of(broker, ca, client, 1) == "O=Plant,CN=device-7"
    assert names_of(broker, ca, client, 2) == "d7.example"
    assert names_of(broker, ca, client, 3) == "d7@example.org"
    assert names_of(broker, ca, client, 4) == "urn:dev:7"
    assert len(names_of(broker, ca, client, 5)) == 64
    refused(broker, ca, None, "the client sent no certificate, and this listener requires one", 1)
    refused(broker, ca, gone, "the client's certificate is not good: certificate revoked", 1)
    for at in (0, 1):
        refused(broker, ca, foreign, "the client's certificate is not good: unable to get local "
                "issuer certificate", at)
    other.remove()


def test_revoked_while_it_runs(secure, pair, ca):
    """A new list holds for the next connection, tickets notwithstanding."""
    authority = Authority("for clients")
    client = authority.issue("device-1")
    crl = authority.revoke()
    broker = secure({"cert": str(pair[0]), "key": str(pair[1]), "client_cert": "required",
                     "client_ca": str(authority.cert), "crl": str(crl), "identity": "cn"})
    context = context_of(ca, client, high=ssl.TLSVersion.TLSv1_2)
    peer = TlsPeer(broker, 5, context).join()
    session = peer.sock.session
    authority.revoke(client[0]).replace(crl)
    broker.wait_for("cert.reloaded")
    with pytest.raises((ssl.SSLError, Closed, ConnectionError)):
        TlsPeer(broker, 5, context, session=session).join()
    broker.wait_for("connection.closed",
                    reason="the client's certificate is not good: certificate revoked")
    peer.ping()
    peer.bye()
    authority.remove()


# ---- renewal -------------------------------------------------------------------------------------

@pytest.mark.parametrize("how", ["watched", "signal"])
def test_renewal_under_load_drops_nobody(secure, ca, tmp_path, how):
    cert, key = tmp_path / "server.pem", tmp_path / "server.key"
    put(ca.issue("localhost", san=SERVER_NAMES), cert, key)
    broker = secure({"cert": str(cert), "key": str(key)}, "threads: 2\nlog: {repeats: 0}\n")
    before = serial_of(broker, ca)
    over, faults, counts = threading.Event(), [], []

    def pair_runs():
        try:
            sub, pub = (TlsPeer(broker, 5, context_of(ca)).join() for _ in range(2))
            topic, count = fresh("load"), 0
            sub.subscribe(topic, qos=1)
            while not over.is_set():
                pub.send(m.publish(5, topic, str(count), qos=1, pid=count % 60000 + 1))
                sub.message(topic=topic, payload=str(count), qos=1)
                pub.want(m.PUBACK, pid=count % 60000 + 1)
                count += 1
            counts.append(count)
            sub.bye()
            pub.bye()
        except Exception as fault:  # noqa: BLE001 - whatever it is, the test is told
            faults.append(repr(fault))

    threads = [threading.Thread(target=pair_runs) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        until(lambda: len(broker.events("client.connected")) == 6 or faults, "six clients")
        for _ in range(3):
            put(ca.issue("localhost", san=SERVER_NAMES), cert, key)
            if how == "signal":
                count = len(broker.events("config.reloaded"))
                broker.signal(signal.SIGHUP)
                broker.wait_for("config.reloaded", count + 1)
            until(lambda before=before: serial_of(broker, ca) != before, "a new certificate")
            before = serial_of(broker, ca)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert not faults and len(counts) == 3 and min(counts) > 0, (faults, counts)
    broker.errors_expected = True  # between the two files of a pair there may have been a look


def test_faulty_renewal_leaves_the_old_in_force(secure, ca, tmp_path):
    cert, key = tmp_path / "server.pem", tmp_path / "server.key"
    put(ca.issue("localhost", san=SERVER_NAMES), cert, key)
    broker = secure({"cert": str(cert), "key": str(key)})
    broker.errors_expected = True
    before = serial_of(broker, ca)
    put((ca.issue("localhost", san=SERVER_NAMES)[0], key), cert, tmp_path / "same.key")
    told = broker.wait_for("cert.refused")
    assert told["code"] == "T205" and "does not belong" in told["error"], told
    assert serial_of(broker, ca) == before
    broker.signal(signal.SIGHUP)
    broker.wait_for("config.refused")
    assert serial_of(broker, ca) == before
    put(ca.issue("localhost", san=SERVER_NAMES), cert, key)
    broker.wait_for("cert.reloaded")
    assert serial_of(broker, ca) != before


def test_certificates_that_end_are_told(secure, ca):
    cert, key = ca.issue("localhost", san=SERVER_NAMES, days=3)
    broker = secure({"cert": str(cert), "key": str(key)})
    assert broker.wait_for("cert.expiring")["days_left"] in (2, 3)


# ---- what is wrong before it starts --------------------------------------------------------------

def test_refusals_at_the_start(ca, pair, tmp_path):
    cert, key = map(str, pair)
    locked, junk = tmp_path / "locked.key", tmp_path / "junk.pem"
    subprocess.run(["openssl", "pkey", "-in", key, "-aes256", "-passout", "pass:x", "-out", locked],
                   check=True)
    junk.write_text("nothing of this kind\n")
    other = str(ca.issue("other")[1])
    for tls, code, what in (
            ({}, "T201", "mqtts://127.0.0.1:0 needs a certificate"),
            ({"cert": "/nowhere/x.pem"}, "T202", "cannot read the certificate /nowhere/x.pem: No such"),
            ({"cert": cert, "key": "/nowhere/x"}, "T202", "cannot read the key /nowhere/x: No such"),
            ({"cert": str(junk)}, "T204", "holds no certificate (PEM)"),
            ({"cert": cert, "key": str(junk)}, "T204", "holds no private key (PEM)"),
            ({"cert": cert}, "T204", "holds no private key (PEM)"),
            ({"cert": cert, "key": other}, "T205", "does not belong to the certificate"),
            ({"cert": cert, "key": key, "client_cert": "required"}, "T206", "who may have signed"),
            ({"cert": cert, "key": key, "ciphers": "NONSENSE"}, "T207", "is called \"NONSENSE\""),
            ({"cert": cert, "key": key, "ciphersuites": "X"}, "T207", "is called \"X\""),
            ({"cert": cert, "key": key, "curves": "X"}, "T207", "no curves are called \"X\""),
            ({"cert": cert, "key": str(locked)}, "T208", "is locked with a pass phrase"),
            ({"cert": cert, "key": key, "client_ca": str(junk)}, "T204", "holds no certificate"),
            ({"cert": cert, "key": key, "crl": str(junk)}, "T209", "holds no revocation list")):
        status, out = words_of_refusal(tls, tmp_path)
        assert status == 78 and f"[{code}]" in out and what in out, (tls, status, out)


def test_unreadable_key_names_its_owner(ca, pair, tmp_path):
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        pytest.skip("root reads everything")
    room = tmp_path / "private"
    room.mkdir(mode=0o700)
    shutil.copy(pair[1], room / "server.key")
    shutil.copy(pair[0], tmp_path / "server.pem")
    (tmp_path / "g.yaml").write_text(
        f"listeners: ['mqtts://127.0.0.1:0']\n"
        f"tls: {{cert: {tmp_path}/server.pem, key: {room}/server.key}}\n")
    words = [binary(), "serve", "-c", str(tmp_path / "g.yaml")]
    if os.geteuid() == 0:
        for part in (*tmp_path.parents, tmp_path, tmp_path / "server.pem", tmp_path / "g.yaml"):
            if str(part).startswith("/tmp/") and part.stat().st_uid == 0:
                part.chmod(0o755)
        words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *words]
    else:
        room.chmod(0)
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=WAIT,
                          check=False)
    room.chmod(0o700)
    out = done.stdout.decode()
    assert done.returncode == 77 and "[T203]" in out and "permission denied (running as" in out, out
    assert f"{room} is d" in out and "hint: setfacl" in out, out


# ---- hostile and clumsy peers --------------------------------------------------------------------

@pytest.mark.parametrize("said, reason", [
    (m.connect(5, "plain"), "plain MQTT on a TLS port"),
    (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "an HTTP request on a TLS port"),
    (b"\x00\x01\x02garbage garbage garbage", "what came is not TLS"),
    (b"\x30" * 60, "what came is not TLS")])
def test_strangers_are_told_apart(plain_tls, said, reason):
    with socket.create_connection(plain_tls.address, timeout=WAIT) as one:
        one.sendall(said)
        plain_tls.wait_for("connection.closed", reason=reason)


def test_client_that_does_not_trust_us(plain_tls):
    with pytest.raises(ssl.SSLCertVerificationError):
        dial(plain_tls, ssl.create_default_context())
    told = plain_tls.wait_for("connection.closed")
    assert told["reason"].startswith("the peer does not trust our certificate"), told


def test_half_handshakes_end_in_time(secure, pair, ca):
    """The start of a ClientHello and then nothing; and one byte at a time."""
    broker = secure({"cert": str(pair[0]), "key": str(pair[1])}, "limits: {connect_time: 1s}\n")
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context_of(ca).wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    hello = outgoing.read()
    for part in (b"", hello[:1], hello[:40], hello):
        with socket.create_connection(broker.address, timeout=WAIT) as one:
            one.sendall(part)
            while one.recv(65536):
                pass
    broker.wait_for("connection.closed", 4, reason="the handshake was not done in time")


def test_byte_by_byte(plain_tls, ca):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context_of(ca).wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection(plain_tls.address, timeout=WAIT) as one:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def pump(step):
            while True:
                try:
                    result = step()
                    done = True
                except ssl.SSLWantReadError:
                    done = False
                for byte in outgoing.read():
                    one.sendall(bytes([byte]))
                if done:
                    return result
                incoming.write(one.recv(7))

        pump(tls.do_handshake)
        topic = fresh("drip")
        pump(lambda: tls.write(m.connect(5, fresh("drip")) + m.subscribe(5, 1, [(topic, 0)]) +
                               m.publish(5, topic, b"drop")))
        heard = b""
        while not heard.endswith(b"drop"):
            heard += pump(lambda: tls.read(100))


def test_flood_of_handshakes_with_an_innocent_pair(secure, pair, ca):
    broker = secure({"cert": str(pair[0]), "key": str(pair[1])},
                    "threads: 1\nlimits: {connections_unauthenticated_per_address: 100000}\n")
    sub, pub = (TlsPeer(broker, 5, context_of(ca)).join() for _ in range(2))
    topic = fresh("calm")
    sub.subscribe(topic, qos=1)
    over, shaken = threading.Event(), []

    def flood():
        context = context_of(ca)
        while not over.is_set():
            try:
                dial(broker, context).close()
                shaken.append(1)
            except OSError:
                pass

    threads = [threading.Thread(target=flood) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        count = 0
        while count < 300 or len(shaken) < 100:
            pub.send(m.publish(5, topic, str(count), qos=1, pid=count % 60000 + 1))
            sub.message(topic=topic, payload=str(count), qos=1)
            pub.want(m.PUBACK, pid=count % 60000 + 1)
            count += 1
    finally:
        over.set()
        for thread in threads:
            thread.join()
    sub.bye()
    pub.bye()


def test_handshakes_are_counted(secure, pair, ca):
    broker = secure({"cert": str(pair[0]), "key": str(pair[1])}, "sys: {interval: 100ms}\n")
    with socket.create_connection(broker.address, timeout=WAIT) as one:
        one.sendall(b"nonsense, not a record")
        broker.wait_for("connection.closed")
    peer = TlsPeer(broker, 5, context_of(ca)).join()
    for name, least in (("done", 1), ("failed", 1)):
        topic = f"$SYS/broker/connections/handshakes/{name}"
        peer.subscribe(topic)
        while int(peer.message(topic=topic).payload) < least:
            pass
    peer.bye()


# ---- bytes ---------------------------------------------------------------------------------------

def test_large_messages_both_ways(secure, pair, ca):
    broker = secure({"cert": str(pair[0]), "key": str(pair[1])},
                    "threads: 2\nlimits: {packet: 16MiB, queue: {bytes: 64MiB}}\n")
    sub, pub = (TlsPeer(broker, 5, context_of(ca)).join() for _ in range(2))
    topic = fresh("large")
    sub.subscribe(topic, qos=1)
    for size in (16 * 1024 - 30, 16 * 1024, 64 * 1024, MIB + 7, 10 * MIB):
        payload = os.urandom(size)
        sender = threading.Thread(
            target=lambda: pub.send(m.publish(5, topic, payload, qos=1, pid=7)))
        sender.start()
        assert sub.message(topic=topic, qos=1, wait=120).payload == payload
        sender.join()
        pub.want(m.PUBACK, pid=7, wait=60)
    sub.bye()
    pub.bye()


def test_connections_move_between_loops_with_what_was_sent(secure, pair, ca):
    """CONNECT and many packets behind it in one record: the connection moves, its bytes with it."""
    broker = secure({"cert": str(pair[0]), "key": str(pair[1])}, "threads: 4\n")
    for _ in range(40):
        peer = TlsPeer(broker, 5, context_of(ca))
        topic = fresh("moved")
        peer.hello_later = m.connect(5, fresh("moved"))
        peer.send(peer.hello_later + m.subscribe(5, 1, [(topic, 1)]) + b"".join(
            m.publish(5, topic, b"x" * 1000 + str(i).encode(), qos=0) for i in range(60)))
        peer.want(m.CONNACK, code=0)
        peer.want(m.SUBACK)
        for i in range(60):
            assert peer.message(topic=topic).payload == b"x" * 1000 + str(i).encode()
        peer.bye()


def test_sessions_are_taken_over_across_loops(secure, pair, ca):
    broker = secure({"cert": str(pair[0]), "key": str(pair[1])}, "threads: 4\n")
    cid, topic = fresh("taken"), fresh("taken")
    keep = [(m.SESSION_EXPIRY, 60)]
    old = TlsPeer(broker, 5, context_of(ca)).join(cid, clean=True, props=keep)
    old.subscribe(topic, qos=1)
    for _ in range(12):
        new = TlsPeer(broker, 5, context_of(ca))
        new.hello(cid, clean=False, props=keep)
        new.want(m.CONNACK, code=0, present=True)
        old.closed(0x8E)
        new.publish(topic, b"still here", qos=1)
        new.message(topic=topic, payload=b"still here")
        old = new
    old.bye()


# ---- the tools -----------------------------------------------------------------------------------

@pytest.mark.parametrize("where", [("-h", "localhost"), ("-h", "127.0.0.1"), ("--url",)])
def test_tools_speak_tls(plain_tls, program, ca, where):
    topic = fresh("tool")
    if where == ("--url",):
        where = ("-L", f"mqtts://localhost:{plain_tls.port}/{topic}")
    else:
        where = (*where, "-p", plain_tls.port, "-t", topic)
    sub = program("stdbuf", "-oL", binary(), "sub", *where, "--cafile", ca.cert, "-q", 1, "-C", 3, "-d")
    sub.next_line(lambda line: b"SUBACK" in line)
    large = os.urandom(100000).hex()
    for text in ("one", "two"):
        code, _, err = tool("pub", *where, "--cafile", ca.cert, "-q", 1, "-m", text)
        assert code == 0, err
    code, _, err = tool("pub", *where, "--cafile", ca.cert, "-q", 2, "-m", large[:120000])
    assert code == 0, err
    code, lines = sub.wait()
    assert code == 0 and [b"one", b"two", large[:120000].encode()] == [
        line for line in lines if line in (b"one", b"two") or len(line) > 100000]


def test_large_messages_of_tools(secure, pair, ca, program, tmp_path):
    broker = secure({"cert": str(pair[0]), "key": str(pair[1])}, "limits: {packet: 16MiB}\n")
    (tmp_path / "large").write_bytes(os.urandom(10 * MIB))
    sub = program("bash", "-c", f"{binary()} sub -h localhost -p {broker.port} --cafile {ca.cert} "
                  f"-t large -q 1 -C 1 -N > {tmp_path}/out", stdin=False)
    broker.wait_for("client.connected")
    until(lambda: tool("pub", "-p", broker.port, "--cafile", ca.cert, "-t", "large", "-q", 1, "-f",
                       tmp_path / "large", wait=120)[0] == 0 and sub.process.poll() is not None,
          "the large message to arrive", 120)
    assert (tmp_path / "out").read_bytes() == (tmp_path / "large").read_bytes()


def test_tools_name_what_they_compared(secure, pair, ca):
    old = ca.issue("localhost", san=SERVER_NAMES, days=-1)
    wrong = ca.issue("other", san=("DNS:other.example", "IP:10.0.0.1"))
    broker = secure({"cert": str(pair[0]), "key": str(pair[1])}, listeners=[
        {"url": "mqtts://127.0.0.1:0", "anonymous": True},
        *({"url": "mqtts://127.0.0.1:0", "anonymous": True, "tls": {"cert": str(c), "key": str(k)}}
          for c, k in (wrong, old)),
        {"url": "mqtts://127.0.0.1:0", "tls": {"client_cert": "required", "client_ca": str(ca.cert),
                                               "identity": "cn"}},
        {"url": "mqtt://127.0.0.1:0", "anonymous": True}])
    client = ca.issue("tool-7")
    trust = ("--cafile", ca.cert)
    for at, more, code, words in (
            (0, trust, 0, ""),
            (0, ("--tls-use-os-certs",), 8, 'signed by "test CA", which is not among those'),
            (0, ("--cafile", "/nowhere"), 8, "cannot read the CA file /nowhere: No such file"),
            (0, (*trust, "--cert", client[0], "--key", pair[1]), 8, "does not belong to the cert"),
            (0, (*trust, "--ciphers", "NONSENSE"), 8, 'is called "NONSENSE"'),
            (0, (*trust, "--tls-alpn", "other"), 8, "speaks none of the protocols we offer"),
            (0, (*trust, "--tls-version", "tlsv1.3"), 0, ""),
            (1, trust, 8, 'presented a certificate for "other.example", "10.0.0.1"; we asked for '
                          '"localhost"'),
            (1, (*trust, "--insecure"), 0, ""),
            (2, trust, 8, "has expired ("),
            (3, trust, 8, "the peer wants a certificate of ours"),
            (3, (*trust, "--cert", client[0], "--key", client[1]), 0, ""),
            (4, trust, 8, "no TLS with localhost:")):
        got, out, err = tool("pub", "-h", "localhost", "-p", broker.ports[at], "-t", "x", "-m", "y",
                             "-q", 1, *more)
        assert (got, out) == (code, b"") and words in err and (code == 0) == (err == ""), (got, err)
        assert code == 0 or "hint: " in err, err
        assert "A TLS error" not in err


def test_sub_comes_again_over_tls(secure, pair, ca, program):
    """The broker is stopped and started on the same port; sub connects again by itself."""
    broker = secure({"cert": str(pair[0]), "key": str(pair[1])})
    port, config = broker.port, broker.config.read_text()
    sub = program("stdbuf", "-oL", binary(), "sub", "-p", port, "--cafile", ca.cert, "-t", "again", "-q", 1, "-d")
    sub.next_line(lambda line: b"SUBACK" in line)
    broker.signal(signal.SIGTERM)
    assert broker.wait() == 0
    broker.config.write_text(config.replace("127.0.0.1:0", f"127.0.0.1:{port}"))
    broker.launch()
    broker.await_ready()
    sub.next_line(lambda line: b"SUBACK" in line)
    assert tool("pub", "-p", port, "--cafile", ca.cert, "-t", "again", "-q", 1, "-m", "here")[0] == 0
    sub.next_line(b"here")
