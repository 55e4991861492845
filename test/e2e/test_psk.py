"""Pre-shared keys: foreign clients and ours, both versions of TLS, files that change, what is refused."""

import signal
import subprocess

import mqtt as m
import pytest
from rig import WAIT, binary, fresh, until
from tlsrig import (  # noqa: F401 - fixtures among them
    TlsPeer,
    ca,
    context_of,
    pair,
    secure,
    tool,
    words_of_refusal,
)

KEYS = {"device-1": "000102030405060708090a0b0c0d0e0f", "gerät 2": "ABCDEF0123456789" * 4}
OTHER = "ff" * 16
RIGHTS = 'access: [{allow: pubsub, user: "*", topic: "#"}]\n'


def write(path, keys):
    """Puts a file of keys there at once."""
    new = path.with_suffix(".new")
    new.write_text("# identity:key\n" + "".join(f"{name}:{key}\n" for name, key in keys.items()))
    new.replace(path)


@pytest.fixture
def keys(tmp_path):
    path = tmp_path / "keys"
    write(path, KEYS)
    return path


@pytest.fixture
def shared(secure, keys):
    """A broker that has keys and no certificate; who has none of them is not let in."""
    return secure({"psk_file": str(keys)}, "threads: 2\n", anonymous=False)


def words_of(identity="device-1", key=None):
    return ("--psk", key or KEYS[identity], "--psk-identity", identity)


def s_client(broker, packets, *more, at=0):
    """What a broker answers to packets through `openssl s_client`, and what that says of errors."""
    done = subprocess.run(["openssl", "s_client", "-quiet", "-connect",
                           f"127.0.0.1:{broker.ports[at]}", *map(str, more)], input=packets,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=WAIT, check=False)
    return done.stdout, done.stderr.decode(errors="replace")


def visit(broker, *more, at=0, user="said"):
    """Comes, is let in or not, and goes: its user name as the broker has it, None if refused."""
    cid = fresh("visit")
    packets = m.connect(5, cid, user=user) + m.pingreq() + m.disconnect()
    answer, _ = s_client(broker, packets, *more, at=at)
    if not answer:
        return None
    assert answer[:1] == b"\x20" and answer.endswith(b"\xd0\x00"), answer
    return broker.wait_for("client.connected", id=cid)["user"]


def psk(identity="device-1", key=None):
    return ("-psk", key or KEYS[identity], "-psk_identity", identity)


# ---- clients -------------------------------------------------------------------------------------

@pytest.mark.parametrize("version", ["311", "5"])
def test_mosquitto_clients(shared, program, version):
    words = ("-h", "localhost", "-p", shared.port, "-V", version, "-q", 1, *words_of())
    topic = fresh("mosquitto")
    sub = program("stdbuf", "-oL", "mosquitto_sub", *words, "-t", topic, "-C", 2, "-d")
    sub.next_line(lambda line: b"SUBACK" in line)
    for text in ("one", "two"):
        code, lines = program("mosquitto_pub", *words, "-t", topic, "-m", text).wait()
        assert code == 0, lines
    code, lines = sub.wait()
    assert code == 0 and [line for line in lines if line in (b"one", b"two")] == [b"one", b"two"]
    assert shared.wait_for("client.connected", 3)["user"] == "device-1"


@pytest.mark.parametrize("where", [("-h", "localhost"), ("-h", "127.0.0.1"), ("--ws",)])
def test_tools(secure, keys, program, where):
    broker = secure({"psk_file": str(keys)}, anonymous=False,
                    listeners=["wss://127.0.0.1:0/mqtt" if "--ws" in where else
                               "mqtts://127.0.0.1:0"])
    topic, words = fresh("tool"), (*where, "-p", broker.port, "-q", 1, *words_of("gerät 2"))
    sub = program("stdbuf", "-oL", binary(), "sub", *words, "-t", topic, "-C", 1, "-d")
    sub.next_line(lambda line: b"SUBACK" in line)
    assert tool("pub", *words, "-t", topic, "-m", "here", "--tls-version", "tlsv1.3") == (0, b"", "")
    sub.next_line(b"here")
    assert sub.wait()[0] == 0
    assert broker.wait_for("client.connected", 2)["user"] == "gerät 2"


def test_what_tools_say(shared):
    where = ("pub", "-h", "localhost", "-p", shared.port, "-t", "x", "-m", "y", "-q", 1)
    for more, code, words in (
            (words_of(key=OTHER), 8, "localhost does not take our pre-shared key: "),
            (("--psk", OTHER, "--psk-identity", "nobody"), 8, "does not take our pre-shared key: "),
            (("--psk", "12x4", "--psk-identity", "a"), 1, "the key is not hexadecimal"),
            (("--psk", OTHER), 1, "--psk needs --psk-identity"),
            (("--psk-identity", "a"), 1, "--psk-identity needs --psk"),
            ((*words_of(), "--cafile", "x"), 1, "--psk takes the place of certificates")):
        got, out, err = tool(*where, *more)
        assert (got, out) == (code, b"") and words in err and "hint: " in err, (more, got, err)


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize("certified", [False, True])
def test_versions_with_and_without_a_certificate(secure, pair, ca, keys, version, certified):
    tls = {"psk_file": str(keys)}
    if certified:
        tls.update({"cert": str(pair[0]), "key": str(pair[1])})
    broker = secure(tls, anonymous=False)
    ours = (version, *psk()) + (("-cipher", "PSK") if version == "-tls1_2" else ())
    assert visit(broker, *ours) == "device-1"
    assert visit(broker, version, *psk("gerät 2"), *ours[5:]) == "gerät 2"
    assert visit(broker, version, *psk(key=OTHER), *ours[5:]) is None
    broker.wait_for("connection.closed",
                    reason='the client\'s pre-shared key is wrong, for the identity "device-1"')
    assert visit(broker, version, "-psk", OTHER, "-psk_identity", "nobody",
                 *ours[5:], "-verify", "1", "-verify_return_error") is None
    if version == "-tls1_2" or not certified:
        broker.wait_for("connection.closed",
                        reason='there is no pre-shared key for the identity "nobody"')
    if certified:  # who comes without a key gets the certificate, and is nobody yet
        peer = TlsPeer(broker, 5, context_of(ca))
        peer.hello(fresh("stranger"))
        peer.want(m.CONNACK, code=0x87)


def test_a_key_or_a_certificate(secure, pair, ca, keys):
    """Where certificates are required a key does as well, and nobody comes in without either."""
    broker = secure({"cert": str(pair[0]), "key": str(pair[1]), "psk_file": str(keys),
                     "client_cert": "required", "client_ca": str(ca.cert), "identity": "cn"},
                    anonymous=False)
    peer = TlsPeer(broker, 5, context_of(ca, ca.issue("device-7"))).join()
    assert broker.wait_for("client.connected", id=peer.cid)["user"] == "device-7"
    peer.bye()
    for version in ("-tls1_2", "-tls1_3"):
        more = ("-cipher", "PSK") if version == "-tls1_2" else ()
        assert visit(broker, version, *psk(), *more) == "device-1"
        assert visit(broker, version) is None
    broker.wait_for("connection.closed",
                    reason="the client sent no certificate, and this listener requires one")


def test_rights_go_by_identity(secure, keys):
    broker = secure({"psk_file": str(keys)}, anonymous=False, text='access:\n'
                    '  - {allow: pubsub, user: device-1, topic: "of/%u/#"}\n')
    words = ("-p", broker.port, "-V", 5, "-q", 1)
    assert tool("pub", *words, *words_of(), "-t", "of/device-1/x", "-m", "y")[0] == 0
    _, _, err = tool("pub", *words, *words_of(), "-t", "of/device-2/x", "-m", "y")
    assert "Not authorized" in err, err
    _, _, err = tool("pub", *words, *words_of("gerät 2"), "-t", "of/device-1/x", "-m", "y")
    assert "Not authorized" in err, err


# ---- tickets and changes -------------------------------------------------------------------------

def ticket(broker, path, *more):
    """Gets a session ticket, which only comes once something was read."""
    packets = m.connect(5, fresh("ticket"), user="said") + m.pingreq() + m.disconnect()
    s_client(broker, packets, "-sess_out", path, *more)
    assert path.stat().st_size > 0


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_tickets_keep_the_identity(shared, keys, tmp_path, version):
    more = (version, "-cipher", "PSK") if version == "-tls1_2" else (version,)
    path = tmp_path / "session"
    # Without any key TLS 1.2 would not offer the cipher; this one lets nobody in.
    again = ("-sess_in", path, *more, *(psk(key="ee" * 16) if version == "-tls1_2" else ()))
    ticket(shared, path, *psk(), *more)
    assert visit(shared, *again) == "device-1"
    write(keys, {"device-1": OTHER, "third": OTHER})
    told = shared.wait_for("cert.reloaded")
    assert told["keys"] == 2, told
    assert visit(shared, *again) is None
    assert visit(shared, *psk(), *more) is None
    assert visit(shared, *psk(key=OTHER), *more) == "device-1"
    assert visit(shared, *psk("gerät 2"), *more) is None


def test_changed_keys_disturb_nobody(shared, keys, program):
    words = ("-p", shared.port, "-q", 1)
    topic = fresh("standing")
    sub = program("stdbuf", "-oL", "mosquitto_sub", *words, *words_of(), "-t", topic, "-d")
    sub.next_line(lambda line: b"SUBACK" in line)
    write(keys, {"third": OTHER})
    shared.wait_for("cert.reloaded")
    third = ("--psk", OTHER, "--psk-identity", "third")
    assert tool("pub", *words, *third, "-t", topic, "-m", "still here")[0] == 0
    sub.next_line(b"still here")
    assert tool("pub", *words, *words_of(), "-t", topic, "-m", "x")[0] == 8


def test_faulty_files_leave_the_old_in_force(shared, keys):
    shared.errors_expected = True
    keys.with_suffix(".new").write_text("device-1:00\n\nthird;00\n")
    keys.with_suffix(".new").replace(keys)
    told = shared.wait_for("cert.refused")
    assert told["code"] == "T215" and told["error"].endswith(
        "keys, line 3: there is no colon: a line is IDENTITY:KEY"), told
    assert visit(shared, *psk()) == "device-1"
    shared.signal(signal.SIGHUP)
    shared.wait_for("config.refused")
    assert visit(shared, *psk()) == "device-1"
    keys.unlink()
    until(lambda: [e for e in shared.events("cert.refused") if e["code"] == "T202"], "T202")
    assert visit(shared, *psk()) == "device-1"
    write(keys, {"device-1": OTHER})
    shared.wait_for("cert.reloaded")
    assert visit(shared, *psk(key=OTHER)) == "device-1"


def test_refusals_at_the_start(keys, tmp_path):
    for text, words in (("a", "line 1: there is no colon"), ("a:00\na:11\n", "line 2: this identity"),
                        ("a:0\n", "an odd number"), (":00\n", "the identity is empty"),
                        ("a:\n", "the key is empty"), ("a:zz\n", "not hexadecimal")):
        keys.write_text(text)
        code, said = words_of_refusal({"psk_file": str(keys)}, tmp_path)
        assert code == 78 and words in said and "[T215]" in said, said
    code, said = words_of_refusal({"psk_file": str(tmp_path / "none")}, tmp_path)
    assert code == 78 and "cannot read the file of pre-shared keys" in said and "[T202]" in said
    code, said = words_of_refusal({}, tmp_path)
    assert code == 78 and "needs a certificate, or pre-shared keys" in said and "[T201]" in said


def test_who_is_let_in_is_not_warned_of(shared):
    assert not shared.events("listener.closed")


def test_short_keys_are_told(secure, keys):
    write(keys, {"a": "00", "b": "00" * 15, "c": "00" * 16})
    assert secure({"psk_file": str(keys)}).wait_for("psk.short")["keys"] == 2
