"""Kerberos: GS2-KRB5 over AUTH packets, with a real KDC, and the client of GNU SASL."""

import base64
import subprocess

import pytest
from realm import REALM, Realm, Sasl, missing
from rig import WAIT, binary, fresh

import mqtt as m
from peer import Peer

METHOD = "GS2-KRB5"

pytestmark = pytest.mark.skipif(bool(missing()), reason=f"{', '.join(missing())} not installed (script/setup test)")


@pytest.fixture(scope="module")
def realm(tmp_path_factory):
    """ada and bea, and the service mqtt/localhost."""
    realm = Realm(tmp_path_factory.mktemp("realm"))
    try:
        realm.add("ada", "pencil")
        realm.add("bea", "crayon")
        realm.add_service("mqtt/localhost")
        yield realm
    finally:
        realm.stop()


@pytest.fixture
def guarded(serve, realm, monkeypatch):
    def start(more="", keytab=None, hostname="localhost", access="[{allow: pubsub, topic: '#', user: ada}]"):
        for name in ("KRB5_CONFIG", "KRB5RCACHEDIR"):
            monkeypatch.setenv(name, realm.environment[name])
        return serve(f"auth: [{{kerberos: {{keytab: '{keytab or realm.keytab}', hostname: {hostname}{more}}}}}]\n"
                     f"access: {access}\n", "--set", "log.repeats=0", "--set", "log.level=debug",
                     "--set", "limits.login.delay=0s", "--set", "limits.login.failures=0",
                     "--set", "listeners=[{url: 'mqtt://127.0.0.1:0', anonymous: false}]")
    return start


def props(data):
    return [(m.AUTH_METHOD, METHOD), (m.AUTH_DATA, data)]


def talk(peer, client, code=0x18, answer=m.CONNACK):
    """From the client's first message to the broker's last word, which is returned."""
    while True:
        said = client.says()
        data = base64.b64decode(said)
        peer.send(m.auth(code, props(data)) if code else m.connect(5, fresh("krb"), props=props(data)))
        code = 0x18
        got = peer.read()
        if got.kind != m.AUTH or (answer == m.AUTH and got.code == 0):
            return got
        client.hears(base64.b64encode(got.get(m.AUTH_DATA)).decode())


@pytest.fixture
def client(realm):
    clients = []

    def start(name, password, *words):
        environment = {**realm.environment, "KRB5CCNAME": realm.ticket(name, password)}
        words = (*(words or ("--authorization-id=",)), "--hostname=localhost")
        hosts = [word for word in words if word.startswith("--hostname=")]
        clients.append(Sasl(METHOD, "--service=mqtt", hosts[0], *(w for w in words if w not in hosts),
                            **environment))
        return clients[-1]
    yield start
    for one in clients:
        one.close()


def join(broker, client, code=0):
    peer = Peer(broker.address, 5, WAIT)
    got = talk(peer, client, code=None)
    assert got.kind == m.CONNACK and got.code == code, got
    return peer


def test_a_ticket_opens(guarded, client):
    broker = guarded(f", realm: {REALM}")
    peer = join(broker, client("ada", "pencil"))
    peer.subscribe("drawings", 1)
    peer.publish("drawings", b"x", 1)
    peer.message(payload="x")
    assert broker.wait_for("client.connected", user="ada")
    again = client("ada", "pencil")
    got = talk(peer, again, code=0x19, answer=m.AUTH)
    assert got.kind == m.AUTH and got.code == 0
    assert broker.wait_for("auth.renewed", user="ada", method=METHOD)
    got = talk(peer, client("bea", "crayon"), code=0x19, answer=m.AUTH)
    assert got.kind == m.DISCONNECT and got.code == 0x87


def test_without_a_realm_users_have_their_whole_name(guarded, client):
    broker = guarded()
    join(broker, client("bea", "crayon")).bye()
    assert broker.wait_for("client.connected", user=f"bea@{REALM}")


def test_other_realms_stay_out(guarded, client):
    broker = guarded(", realm: OTHER.TEST")
    join(broker, client("ada", "pencil"), 0x87)
    assert "realm" in broker.wait_for("auth.failed", method=METHOD)["reason"]


@pytest.mark.parametrize("more", ("", f", realm: {REALM}"))
def test_a_ticket_of_nobody_opens_nothing(guarded, client, realm, more):
    realm.add("WELLKNOWN/NOBODY", "eraser")
    broker = guarded(more)
    join(broker, client("WELLKNOWN/NOBODY", "eraser"), 0x87)
    assert "nobody" in broker.wait_for("auth.failed", method=METHOD)["reason"]


def test_nobody_acts_as_another(guarded, client):
    broker = guarded(f", realm: {REALM}")
    join(broker, client("ada", "pencil", "--authorization-id=ada")).bye()
    join(broker, client("ada", "pencil", "--authorization-id=bea"), 0x87)
    assert broker.wait_for("auth.failed", user="ada")


@pytest.mark.parametrize("data", (b"", b"n,,", b"n,,\x60\x01", b"p=x,,abc", b"\xff" * 5000))
def test_what_is_no_ticket(guarded, data):
    broker = guarded()
    peer = Peer(broker.address, 5, WAIT)
    peer.send(m.connect(5, fresh("krb"), props=props(data)))
    got = peer.read()
    while got.kind == m.AUTH:  # an empty message asks for the first one; steps are counted
        peer.send(m.auth(0x18, props(b"n,,nonsense")))
        got = peer.read()
    assert got.kind == m.CONNACK and got.code == 0x87
    assert broker.wait_for("auth.failed", method=METHOD)["reason"]


def test_a_ticket_of_another_key_is_worth_nothing(guarded, client, realm, tmp_path):
    """The service got a new key, and the broker has the old one."""
    realm.add_service("mqtt/again", tmp_path / "old")
    realm.run("kadmin.local", "-q", f"ktadd -k {tmp_path / 'new'} mqtt/again")
    words = ("--authorization-id=", "--hostname=again")
    join(guarded(keytab=tmp_path / "new", hostname="again"), client("ada", "pencil", *words)).bye()
    old = guarded(keytab=tmp_path / "old", hostname="again")
    join(old, client("ada", "pencil", *words), 0x87)
    assert old.wait_for("auth.failed", method=METHOD)["reason"]


def test_a_keytab_without_the_key_is_told_at_the_start(realm, tmp_path):
    realm.add_service("http/localhost", tmp_path / "other")
    config = tmp_path / "godwit.yaml"
    # libkrb5 itself loses some bytes when it does not find a key; the program ends with that.
    environment = {**realm.environment, "ASAN_OPTIONS": realm.environment.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}
    for keytab, say in ((tmp_path / "other", "mqtt/localhost"), (tmp_path / "none", "none")):
        config.write_text(f"auth: [{{kerberos: {{keytab: '{keytab}', hostname: localhost}}}}]\n"
                          "listeners: [mqtt://127.0.0.1:0]\n")
        done = subprocess.run([binary(), "serve", "-c", str(config)], env=environment, capture_output=True,
                              text=True, timeout=WAIT)
        assert done.returncode == 78 and say in done.stderr, done.stderr


def test_passwords_are_not_its_business(guarded):
    broker = guarded()
    peer = Peer(broker.address, 5, WAIT)
    peer.hello(fresh("plain"), user="ada", password="pencil")
    assert peer.want(m.CONNACK).code == 0x86
