"""TLS as `openssl s_client` sees it: versions, names, OCSP responses, tickets, what is refused."""

import re
import shutil
import signal
import socket
import subprocess

import mqtt as m
import pytest
from rig import WAIT, fresh, until
from tlsrig import (  # noqa: F401 - fixtures among them
    SERVER_NAMES,
    TlsPeer,
    ca,
    client_ends,
    context_of,
    pair,
    plain_tls,
    put,
    secure,
    words_of_refusal,
)


@pytest.fixture
def look(ca):
    """What s_client says of a broker that it trusts."""
    def ask(broker, *words, stdin=b""):
        return client_ends(broker, "-CAfile", str(ca.cert), *map(str, words), stdin=stdin)
    return ask


def replace(source, target):
    shutil.copy(source, f"{target}.new")
    target.with_name(target.name + ".new").replace(target)


# ---- versions and protocols ----------------------------------------------------------------------

@pytest.mark.parametrize("words, wanted", [
    (["-tls1_2"], "Protocol  : TLSv1.2"), (["-tls1_3"], "New, TLSv1.3"), ([], "New, TLSv1.3"),
    (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"], "ECDHE-ECDSA-AES128-GCM-SHA256"),
    (["-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"], "TLS_CHACHA20_POLY1305_SHA256"),
    (["-curves", "P-256"], "ECDH, prime256v1"), (["-curves", "X25519"], "X25519, 253 bits"),
    (["-alpn", "x,mqtt"], "ALPN protocol: mqtt"), ([], "No ALPN negotiated"),
    (["-servername", "localhost"], "Verification: OK")])
def test_what_is_spoken(plain_tls, look, words, wanted):
    out = look(plain_tls, *words)
    assert wanted in out and "Verify return code: 0 (ok)" in out, out


@pytest.mark.parametrize("words, reason", [
    (["-tls1_2", "-cipher", "AES128-SHA"], "no shared cipher"),
    (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"], "no shared cipher"),
    (["-alpn", "http/1.1"], "the peer offers no application protocol (ALPN) of ours"),
    (["-tls1_3", "-curves", "P-521"], "no shared curve")])
def test_what_is_not_spoken(plain_tls, look, words, reason):
    out = look(plain_tls, *words)
    assert "Cipher is (NONE)" in out and "alert" in out, out
    plain_tls.wait_for("connection.closed", reason=reason)


def test_nothing_is_renegotiated(plain_tls, ca):
    """A client of TLS 1.2 that asks for it is refused, or left without an answer; others live on."""
    peer = TlsPeer(plain_tls, 5, context_of(ca)).join()
    done = subprocess.Popen(["openssl", "s_client", "-tls1_2", "-connect",
                             f"127.0.0.1:{plain_tls.port}"], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    done.stdin.write(b"R\n")
    done.stdin.flush()
    out, _ = done.communicate(timeout=WAIT)
    assert b"RENEGOTIATING" in out and b"no renegotiation" in out, out.decode(errors="replace")
    peer.ping()
    peer.bye()


def test_no_early_data(plain_tls, look, tmp_path):
    """A ticket of TLS 1.3 brings a client back, but nothing is taken before it has shaken hands."""
    path = tmp_path / "session"
    hello = m.connect(5, fresh("early")) + m.disconnect()
    client_ends(plain_tls, "-quiet", "-tls1_3", "-sess_out", str(path), stdin=hello)
    out = look(plain_tls, "-tls1_3", "-sess_in", path)
    assert "Reused, TLSv1.3" in out and "Early data was not sent" in out, out
    said = subprocess.run(["openssl", "sess_id", "-in", path, "-noout", "-text"],
                          stdout=subprocess.PIPE, check=True).stdout.decode()
    assert re.search(r"Max Early Data: 0\b", said), said


# ---- names ---------------------------------------------------------------------------------------

def test_names(secure, ca, pair, look):
    more = ca.issue("a.example", san=["DNS:a.example", "DNS:*.wild.example"])
    broker = secure({"cert": str(pair[0]), "key": str(pair[1]),
                     "certificates": [{"cert": str(more[0]), "key": str(more[1])}]})
    for version in ("-tls1_2", "-tls1_3"):
        for name, wanted in (("a.example", "a.example"), ("x.wild.example", "a.example"),
                             ("x.y.wild.example", "localhost"), ("localhost", "localhost"),
                             ("A.EXAMPLE", "a.example"), ("nobody.example", "localhost")):
            out = look(broker, version, "-servername", name)
            assert f"subject=CN = {wanted}" in out, (name, out)
        assert "subject=CN = localhost" in look(broker, version, "-noservername")


# ---- tickets -------------------------------------------------------------------------------------

@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_tickets(plain_tls, look, tmp_path, version):
    path = tmp_path / "session"
    hello = m.connect(5, fresh("ticket")) + m.disconnect()
    client_ends(plain_tls, "-quiet", version, "-sess_out", str(path), stdin=hello)
    assert "Reused, " in look(plain_tls, version, "-sess_in", path)
    # After a restart the keys are others: the ticket is worth nothing, and does no harm.
    plain_tls.signal(signal.SIGTERM)
    assert plain_tls.wait() == 0
    plain_tls.launch()
    plain_tls.await_ready()
    out = look(plain_tls, version, "-sess_in", path)
    assert "New, " in out and "Verify return code: 0 (ok)" in out, out


# ---- OCSP responses ------------------------------------------------------------------------------

def stapled(out):
    if "OCSP response: no response sent" in out:
        return None
    return re.search(r"Cert Status: (\w+)", out).group(1)


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_ocsp_responses_go_with_their_certificate(secure, ca, pair, look, version):
    more = ca.issue("a.example", san=["DNS:a.example"])
    bare = ca.issue("b.example", san=["DNS:b.example"])
    broker = secure({"cert": str(pair[0]), "key": str(pair[1]), "ocsp_file": str(ca.respond(pair[0])),
                     "certificates": [{"cert": str(more[0]), "key": str(more[1]),
                                       "ocsp_file": str(ca.respond(more[0]))},
                                      {"cert": str(bare[0]), "key": str(bare[1])}]})
    assert not broker.events("ocsp.unused")
    for name, wanted in (("localhost", "good"), ("a.example", "good"), ("b.example", None)):
        out = look(broker, version, "-status", "-servername", name)
        assert stapled(out) == wanted, (name, out)
        serial = serial_in(out)
        assert wanted is None or f"Serial Number: {serial}" in out, out
    assert "OCSP" not in look(broker, version)  # who does not ask gets none


def serial_in(out):
    out = out[out.index("Server certificate"):]  # the response has certificates too
    cert = re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", out, re.S).group()
    done = subprocess.run(["openssl", "x509", "-noout", "-serial"], input=cert.encode(),
                          stdout=subprocess.PIPE, check=True)
    return done.stdout.decode().strip().split("=")[1]


def test_ocsp_responses_are_watched(secure, ca, look, tmp_path):
    cert, key, response = tmp_path / "s.pem", tmp_path / "s.key", tmp_path / "s.der"
    put(ca.issue("localhost", san=SERVER_NAMES), cert, key)
    replace(ca.respond(cert), response)
    broker = secure({"cert": str(cert), "key": str(key), "ocsp_file": str(response)})
    assert stapled(look(broker, "-status")) == "good"

    def becomes(source, why):
        replace(source, response)
        broker.wait_for("ocsp.unused", why=why)
        assert stapled(look(broker, "-status")) is None

    becomes(ca.respond(cert, "R"), "it says that the certificate is revoked")
    becomes(ca.respond(cert, None), "it says that the certificate is not known to the CA")
    becomes(ca.respond(ca.issue("other")[0]), "it is of another certificate")
    replace(ca.respond(cert), response)
    until(lambda: stapled(look(broker, "-status")) == "good", "the new response")
    # A new certificate comes before its response: it is taken, without one until then.
    put(ca.issue("localhost", san=SERVER_NAMES), cert, key)
    broker.errors_expected = True  # between its two files there may have been a look
    until(lambda: stapled(look(broker, "-status")) is None, "the new certificate alone")
    replace(ca.respond(cert), response)
    until(lambda: stapled(look(broker, "-status")) == "good", "the response of the new one")
    response.with_name("bad").write_bytes(b"0\x03\n\x01")
    replace(response.with_name("bad"), response)
    assert broker.wait_for("cert.refused", code="T217")["error"].endswith("holds no OCSP response (DER)")
    assert stapled(look(broker, "-status")) == "good"


def test_ocsp_responses_end(secure, ca, pair, look):
    broker = secure({"cert": str(pair[0]), "key": str(pair[1]),
                     "ocsp_file": str(ca.respond(pair[0], "V", "-nmin", "1"))})
    assert stapled(look(broker, "-status")) == "good"


@pytest.mark.parametrize("bytes_, words", [
    (b"", "holds no OCSP response"), (b"x" * 100, "holds no OCSP response"),
    (b"x" * 17000, "is larger than 16 KiB"), (b"0\x03\x0a\x01\x06", "the responder refused")])
def test_ocsp_refusals(ca, pair, tmp_path, bytes_, words):
    path = tmp_path / "response.der"
    path.write_bytes(bytes_)
    code, said = words_of_refusal({"cert": str(pair[0]), "key": str(pair[1]),
                                   "ocsp_file": str(path)}, tmp_path)
    assert code == 78 and words in said and "[T217]" in said, said


# ---- floods --------------------------------------------------------------------------------------

def test_unfinished_handshakes_have_a_bound(secure, ca, pair):
    """Whoever does not go on makes room; those who do come in meanwhile, and talk undisturbed."""
    broker = secure({"cert": str(pair[0]), "key": str(pair[1])},
                    "threads: 1\nlimits: {login: {handshakes: 8}, connect_time: 1h}\n")
    sub, pub = (TlsPeer(broker, 5, context_of(ca)).join() for _ in range(2))
    topic, count = fresh("calm"), 0
    sub.subscribe(topic, qos=1)
    idle = [socket.create_connection(broker.address, timeout=WAIT) for _ in range(40)]
    words = "limits.login.handshakes is reached, and this one took longest"

    def talk():
        nonlocal count
        count += 1
        pub.send(m.publish(5, topic, str(count), qos=1, pid=count % 60000 + 1))
        sub.message(topic=topic, payload=str(count), qos=1)
        pub.want(m.PUBACK, pid=count % 60000 + 1)
        return len(broker.events("connection.closed", reason=words)) >= 33

    until(talk, "33 to be ended")
    for _ in range(5):
        TlsPeer(broker, 5, context_of(ca)).join().bye()
    ended = broker.events("connection.closed", reason=words)
    assert len(ended) <= 40 and all(e["after_ms"] >= 2000 for e in ended), ended
    for one in idle:
        one.close()
    talk()
    sub.bye()
    pub.bye()
