"""Certificates renewed again and again while clients of mqtts:// and wss:// publish: nobody is dropped."""

import os
import signal

import pytest
from authority import Authority
from rig import binary, fresh, until
from tlsrig import SERVER_NAMES, ca, secure, serial_of  # noqa: F401 - fixtures among them

ROUNDS = 8


@pytest.fixture
def chained(ca):
    """Issues server certificates with a chain of two that leads to the CA of the tests."""
    name = "test CA between"
    between = Authority(name)
    link = ca.adopt(between, name).read_bytes()

    def issue():
        cert, key = between.issue("localhost", san=SERVER_NAMES)
        cert.write_bytes(cert.read_bytes() + link)
        return cert, key

    yield issue
    between.remove()


def put_both(pair, path):
    """Certificate chain and key in one file, which is replaced at once."""
    new = path.with_suffix(".new")
    new.write_bytes(pair[0].read_bytes() + pair[1].read_bytes())
    os.replace(new, path)


@pytest.mark.parametrize("how", ["watched", "signal"])
def test_many_renewals_under_load(secure, program, ca, chained, tmp_path, how):
    path = tmp_path / "server.pem"
    put_both(ca.issue("localhost", san=SERVER_NAMES), path)
    broker = secure({"cert": str(path)}, "threads: 2\nlog: {repeats: 0}\n",
                    listeners=["mqtts://127.0.0.1:0", "wss://127.0.0.1:0/mqtt"])
    pairs = []
    for port, more in ((broker.ports[0], ()), (broker.ports[1], ("--ws",))):
        words = ("-h", "localhost", "-p", port, "--cafile", ca.cert, "-q", 1, *more)
        topic = fresh("renewal")
        sub = program("stdbuf", "-oL", binary(), "sub", *words, "-i", fresh("sub"), "-t", topic, "-d")
        sub.next_line(lambda line: b"SUBACK" in line)
        pub = program(binary(), "pub", *words, "-i", fresh("pub"), "-t", topic, "-l", stdin=True)
        pairs.append((sub, pub))
    sent = 0

    def talk():
        nonlocal sent
        sent += 1
        for _, pub in pairs:
            pub.write(b"m%d\n" % sent)
        for sub, _ in pairs:
            sub.next_line(b"m%d" % sent)
        return True

    talk()
    before = serial_of(broker, ca)
    for number in range(ROUNDS):
        put_both(ca.issue("localhost", san=SERVER_NAMES) if number % 2 else chained(), path)
        if how == "signal":
            broker.signal(signal.SIGHUP)
        until(lambda before=before: talk() and serial_of(broker, ca) != before, "the new one")
        before = serial_of(broker, ca)
        if how == "watched":
            continue
        broker.wait_for("config.reloaded", number + 1)
    for _ in range(10):
        talk()
    lost = [e for e in broker.events("client.disconnected") if e["id"].startswith(("sub-", "pub-"))]
    came = [e["id"] for e in broker.events("client.connected")]
    assert not lost and len(came) == len(set(came)) == 4, (lost, came)
    assert not broker.events("cert.refused")
