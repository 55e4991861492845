"""SCRAM over AUTH packets: who gets in, who does not, what it costs, and once more on a living connection."""

import base64
import re
import socket
import subprocess
import threading

import pytest
from realm import Sasl, program
from rig import WAIT, binary, fresh, until
from scram import HASHES, Client

import mqtt as m
from peer import Closed, Peer

METHODS = sorted(HASHES)
ROUNDS = "4096"
NAMES = {"SCRAM-SHA-256": "ada", "SCRAM-SHA-512": "bea"}
SECRET = "pencil"


def passwd(path, name, password, method, *words):
    done = subprocess.run([binary(), "passwd", "--hash", method.lower(), "-I", ROUNDS, *words, str(path), name],
                          input=password + "\n", text=True, capture_output=True, timeout=WAIT)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def people(tmp_path):
    """ada with a credential of SHA-256, bea with one of SHA-512, cora with a plain hash."""
    path = tmp_path / "users"
    path.touch()
    for method, name in NAMES.items():
        passwd(path, name, SECRET, method, "--groups", "drawers")
    subprocess.run(["mosquitto_passwd", "-H", "sha512", "-b", str(path), "cora", SECRET], check=True,
                   capture_output=True, timeout=WAIT)
    return path


@pytest.fixture
def guarded(serve, people):
    def start(more="", *words, failures=0, delay="0s"):
        text = (f"auth: [{{file: '{people}'}}]\n"
                "access: [{allow: pubsub, topic: 'drawings/#', group: drawers}]\n" + more)
        return serve(text, "--set", "log.repeats=0", "--set", "log.level=debug",
                     "--set", f"limits.login.failures={failures}", "--set", f"limits.login.delay={delay}",
                     "--set", "listeners=[{url: 'mqtt://127.0.0.1:0', anonymous: false}]", *words)
    return start


def props(method, data=None):
    return [(m.AUTH_METHOD, method)] + ([(m.AUTH_DATA, data)] if data is not None else [])


def open_with(broker, method, data, name=None, **more):
    peer = Peer(broker.address, 5, WAIT)
    peer.hello(name or fresh("scram"), props=props(method, data), **more)
    return peer


def exchange(broker, method, user, password, **more):
    """CONNECT and the proof; what comes then is the caller's. `header` is SCRAM's, the rest CONNECT's."""
    client = Client(method, user, password, more.pop("header", "n,,"))
    peer = open_with(broker, method, client.first(), **more)
    answer = peer.want(m.AUTH, code=0x18)
    assert answer.get(m.AUTH_METHOD) == method
    peer.send(m.auth(0x18, props(method, client.last(answer.get(m.AUTH_DATA)))))
    return peer, client


def join(broker, method, user=None, password=SECRET, **more):
    peer, client = exchange(broker, method, user or NAMES[method], password, **more)
    answer = peer.want(m.CONNACK, code=0)
    assert answer.get(m.AUTH_METHOD) == method and client.trusts(answer.get(m.AUTH_DATA))
    return peer


def refused(peer, code=0x87):
    answer = peer.want(m.CONNACK, code=code)
    peer.closed()
    return answer


@pytest.mark.parametrize("method", METHODS)
def test_who_proves_the_password_comes_in(guarded, method):
    """As its user, with its user's groups, and the broker proves that it knows the password too."""
    broker = guarded()
    peer = join(broker, method)
    peer.subscribe("drawings/1", 1)
    peer.publish("drawings/1", b"x", 1)
    peer.message(payload="x")
    assert broker.wait_for("client.connected", user=NAMES[method])
    peer.bye()
    assert SECRET.encode() not in broker.log.read_bytes()


@pytest.mark.parametrize("method", METHODS)
def test_who_does_not_is_told_nothing(guarded, method):
    broker = guarded()
    name = NAMES[method]
    other = NAMES[METHODS[1 - METHODS.index(method)]]
    answers = []
    for user, password in ((name, "pen"), (name, ""), ("nobody", SECRET), (other, SECRET), ("cora", SECRET)):
        peer, _ = exchange(broker, method, user, password)
        answers.append(refused(peer).body)
        assert broker.wait_for("auth.failed", user=user, method=method)
    assert len(set(answers)) == 1
    assert not broker.events("client.connected")


def test_names_that_are_not_there_look_like_those_that_are(guarded, people):
    """The salt of a made-up user is the same each time, also after a restart and for other users in the file."""
    def first(broker, user):
        client = Client("SCRAM-SHA-256", user, "x")
        peer = open_with(broker, "SCRAM-SHA-256", client.first())
        client.last(peer.want(m.AUTH, code=0x18).get(m.AUTH_DATA))
        peer.shut()
        return client.salt, client.rounds

    def all_of(broker):
        return {name: first(broker, name) for name in ("ada", "bea", "cora", "dora", "eva")}

    broker = guarded()
    one = all_of(broker)
    assert one == all_of(broker)
    assert len(set(one.values())) == 5
    assert len({(len(salt), rounds) for salt, rounds in one.values()}) == 1
    assert one == all_of(guarded())


@pytest.mark.parametrize("method", METHODS)
def test_a_password_does_too(guarded, method):
    """Who has a credential may also send the password itself; MQTT 3 has no other way."""
    broker = guarded()
    for v in (3, 4, 5):
        peer = Peer(broker.address, v, WAIT)
        peer.hello(fresh("plain"), user=NAMES[method], password=SECRET)
        peer.want(m.CONNACK, code=0)
        peer.bye()
        peer = Peer(broker.address, v, WAIT)
        peer.hello(fresh("plain"), user=NAMES[method], password=SECRET + "x")
        assert peer.want(m.CONNACK).code != 0


def test_what_is_not_offered(serve, guarded, tmp_path):
    broker = guarded()
    for method in ("SCRAM-SHA-1", "SCRAM-SHA-256-PLUS", "scram-sha-256", "PLAIN", "ECHO", "X" * 400):
        refused(open_with(broker, method, b"n,,n=ada,r=abc"), 0x8C)
    open_broker = serve("")
    refused(open_with(open_broker, "SCRAM-SHA-256", b"n,,n=ada,r=abc"), 0x8C)


@pytest.mark.parametrize("data", (None, b"", b"n,,", b"p=tls-exporter,,n=ada,r=abc", b"n,a=bea,n=ada,r=abc",
                                  b"n,,m=x,n=ada,r=abc", b"n,,n=ada", b"n,,n=a\xff,r=abc", b"n,,n=a=b,r=abc",
                                  b"n,,n=ada,r=abc" + b",x=y" * 2000))
def test_a_first_message_that_is_none(guarded, data):
    broker = guarded()
    refused(open_with(broker, "SCRAM-SHA-256", data))
    assert broker.wait_for("auth.failed", method="SCRAM-SHA-256")["reason"]


@pytest.mark.parametrize("twist", (
    lambda text: b"", lambda text: text[:-4], lambda text: text + b",x=y", lambda text: text.replace(b"c=biws", b"c=eSws"),
    lambda text: re.sub(rb"r=.", b"r=-", text), lambda text: re.sub(rb",p=.*", b"", text),
    lambda text: re.sub(rb"(,p=)(.)", lambda x: x[1] + (b"B" if x[2] == b"A" else b"A"), text),
    lambda text: re.sub(rb",p=.*", b",p=" + b"A" * 44, text)))
def test_a_last_message_that_is_wrong(guarded, twist):
    broker = guarded()
    client = Client("SCRAM-SHA-256", "ada", SECRET)
    peer = open_with(broker, "SCRAM-SHA-256", client.first())
    text = client.last(peer.want(m.AUTH, code=0x18).get(m.AUTH_DATA))
    peer.send(m.auth(0x18, props("SCRAM-SHA-256", twist(text))))
    refused(peer)


def test_a_proof_is_good_once(guarded):
    broker = guarded()
    client = Client("SCRAM-SHA-256", "ada", SECRET)
    peer = open_with(broker, "SCRAM-SHA-256", client.first())
    text = client.last(peer.want(m.AUTH, code=0x18).get(m.AUTH_DATA))
    peer.send(m.auth(0x18, props("SCRAM-SHA-256", text)))
    peer.want(m.CONNACK, code=0)
    again = open_with(broker, "SCRAM-SHA-256", client.first())
    again.want(m.AUTH, code=0x18)
    again.send(m.auth(0x18, props("SCRAM-SHA-256", text)))
    refused(again)
    peer.ping()


def test_the_name_beside_the_exchange_is_the_same_or_none(guarded):
    broker = guarded()
    join(broker, "SCRAM-SHA-256", user=None, name=fresh("same")).bye()
    peer, _ = exchange(broker, "SCRAM-SHA-256", "ada", SECRET, name=fresh("x"))
    peer.want(m.CONNACK, code=0)
    for given, code in (("ada", 0), ("bea", 0x87)):
        client = Client("SCRAM-SHA-256", "ada", SECRET)
        peer = Peer(broker.address, 5, WAIT)
        peer.send(m.connect(5, fresh("n"), user=given, password="no matter",
                            props=props("SCRAM-SHA-256", client.first())))
        answer = peer.want(m.AUTH, code=0x18)
        peer.send(m.auth(0x18, props("SCRAM-SHA-256", client.last(answer.get(m.AUTH_DATA)))))
        peer.want(m.CONNACK, code=code)


def test_wrong_proofs_ban_the_address(guarded):
    broker = guarded(failures=3)
    for _ in range(3):
        refused(exchange(broker, "SCRAM-SHA-256", "ada", "wrong")[0])
    assert broker.wait_for("auth.banned", failures=3)
    client = Client("SCRAM-SHA-256", "ada", SECRET)
    refused(open_with(broker, "SCRAM-SHA-256", client.first()), 0x8A)


def test_a_wrong_proof_is_answered_later(guarded):
    """Whoever guesses waits; what he sends meanwhile is not read."""
    broker = guarded(delay="1s")
    peer, _ = exchange(broker, "SCRAM-SHA-256", "ada", "wrong")
    peer.send(m.pingreq(), m.auth(0x18, props("SCRAM-SHA-256", b"x")))
    assert broker.wait_for("auth.failed")
    join(broker, "SCRAM-SHA-512")
    peer.want(m.CONNACK, code=0x87)
    assert broker.wait_for("connection.closed", code=0x87)["after_ms"] >= 1000


def test_who_stops_in_the_middle_is_closed(guarded):
    broker = guarded("limits: {connect_time: 1s}\n")
    peer = open_with(broker, "SCRAM-SHA-256", Client("SCRAM-SHA-256", "ada", "x").first())
    peer.want(m.AUTH, code=0x18)
    peer.closed()
    assert "authentication was not done in time" in broker.wait_for("connection.closed")["reason"]


@pytest.mark.skipif(not program("gsasl"), reason="gsasl not installed (script/setup test)")
def test_the_client_of_gnu_sasl_gets_in(guarded):
    broker = guarded()
    for user, password, code in (("ada", SECRET, 0), ("ada", "pen", 0x87), ("nobody", SECRET, 0x87)):
        client = Sasl("SCRAM-SHA-256", f"--authentication-id={user}", f"--password={password}",
                      f"--authorization-id={user}", "--no-cb")
        try:
            peer = open_with(broker, "SCRAM-SHA-256", base64.b64decode(client.says()))
            client.hears(base64.b64encode(peer.want(m.AUTH, code=0x18).get(m.AUTH_DATA)).decode())
            peer.send(m.auth(0x18, props("SCRAM-SHA-256", base64.b64decode(client.says()))))
            peer.want(m.CONNACK, code=code)
        finally:
            client.close()


# ---- on a living connection ----------------------------------------------------------------------

def renew(peer, method, user, password=SECRET):
    client = Client(method, user, password)
    peer.send(m.auth(0x19, props(method, client.first())))
    answer = peer.want(m.AUTH, code=0x18)
    peer.send(m.auth(0x18, props(method, client.last(answer.get(m.AUTH_DATA)))))
    return client


@pytest.mark.parametrize("method", METHODS)
def test_proving_it_again(guarded, method):
    broker = guarded()
    peer = join(broker, method)
    for turn in (1, 2):
        client = renew(peer, method, NAMES[method])
        answer = peer.want(m.AUTH, code=0)
        assert client.trusts(answer.get(m.AUTH_DATA))
        assert broker.wait_for("auth.renewed", turn, user=NAMES[method], method=method)
    peer.publish("drawings/2", b"x", 1)
    peer.ping()


def test_proving_it_again_wrongly_ends_the_connection(guarded, people):
    broker = guarded()
    passwd(people, "dora", SECRET, "SCRAM-SHA-256")
    assert broker.wait_for("users.loaded", users=4)
    for user, password in (("ada", "wrong"), ("nobody", SECRET), ("dora", SECRET)):
        peer = join(broker, "SCRAM-SHA-256")
        renew(peer, "SCRAM-SHA-256", user, password)
        peer.closed(0x87)
        assert broker.wait_for("auth.failed", user=user)


def test_work_goes_on_while_it_proves_it_again(guarded):
    broker = guarded()
    peer = join(broker, "SCRAM-SHA-256")
    client = Client("SCRAM-SHA-256", "ada", SECRET)
    peer.send(m.auth(0x19, props("SCRAM-SHA-256", client.first())))
    answer = peer.want(m.AUTH, code=0x18)
    peer.subscribe("drawings/3", 1)
    peer.publish("drawings/3", b"x", 1)
    peer.message(payload="x")
    peer.send(m.auth(0x18, props("SCRAM-SHA-256", client.last(answer.get(m.AUTH_DATA)))))
    peer.want(m.AUTH, code=0)


def test_who_begins_again_and_never_ends_is_sent_away(guarded):
    broker = guarded("limits: {connect_time: 1s}\n")
    peer = join(broker, "SCRAM-SHA-256")
    peer.send(m.auth(0x19, props("SCRAM-SHA-256", Client("SCRAM-SHA-256", "ada", "x").first())))
    peer.want(m.AUTH, code=0x18)
    peer.closed(0x87)
    assert "limits.connect_time" in broker.wait_for("client.disconnected")["reason"]


def test_a_flood_of_renewals_ends_the_connection(guarded):
    broker = guarded("limits: {login: {renewals: 3}}\n")
    peer = join(broker, "SCRAM-SHA-256")
    for _ in range(3):
        renew(peer, "SCRAM-SHA-256", "ada")
        peer.want(m.AUTH, code=0)
    peer.send(m.auth(0x19, props("SCRAM-SHA-256", Client("SCRAM-SHA-256", "ada", SECRET).first())))
    peer.closed(0x96)


# ---- when users change ---------------------------------------------------------------------------

def test_a_new_password_counts_at_once(guarded, people):
    broker = guarded()
    peer = join(broker, "SCRAM-SHA-256")
    half = Client("SCRAM-SHA-256", "ada", SECRET)
    waiting = open_with(broker, "SCRAM-SHA-256", half.first())
    answer = waiting.want(m.AUTH, code=0x18)
    passwd(people, "ada", "crayon", "SCRAM-SHA-256")
    peer.closed(0x87)  # who came in by the old one
    waiting.send(m.auth(0x18, props("SCRAM-SHA-256", half.last(answer.get(m.AUTH_DATA)))))
    if waiting.want(m.CONNACK).code != 0x87:  # its loop knows a moment later, and then sends it away
        waiting.closed(0x87)

    def renewed():
        try:
            join(broker, "SCRAM-SHA-256", "ada", "crayon").bye()
        except (AssertionError, Closed):
            return False
        return True
    until(renewed, "the new password opens")


# ---- the tools -----------------------------------------------------------------------------------

def tool(name, broker, *words):
    return [binary(), name, "-h", "127.0.0.1", "-p", str(broker.port), "-V", "5", *words]


def run(*words):
    return subprocess.run(words, capture_output=True, text=True, timeout=WAIT, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize("method", METHODS)
def test_the_tools_prove_it(guarded, method):
    broker = guarded()
    login = ("-u", NAMES[method], "-P", SECRET, "--auth-method", method)
    with subprocess.Popen(tool("sub", broker, *login, "-t", "drawings/4", "-C", "1", "-i", "viewer"),
                          stdout=subprocess.PIPE, text=True) as viewer:
        assert broker.wait_for("client.connected", id="viewer")
        sent = run(*tool("pub", broker, *login, "-t", "drawings/4", "-m", "house", "-q", "1", "-r"))
        assert sent.returncode == 0, sent.stderr
        assert viewer.communicate(timeout=WAIT)[0] == "house\n" and viewer.returncode == 0
    wrong = run(*tool("pub", broker, *login, "-P", "pen", "-t", "drawings/4", "-m", "x"))
    assert wrong.returncode == 0x87 and "password of user" in wrong.stderr
    assert SECRET.encode() not in broker.log.read_bytes()


def test_the_tools_refuse_what_cannot_be(guarded):
    broker = guarded()
    for words, say in ((("--auth-method", "SCRAM-SHA-256"), "-u NAME and -P"),
                       (("--auth-method", "CRAM", "-u", "a", "-P", "b"), "OAUTHBEARER"),
                       (("--auth-method", "SCRAM-SHA-256", "-u", "a", "-P", "b", "-V", "311"), "-V 5"),
                       (("--auth-method", "OAUTHBEARER"), "--token-file"),
                       (("--auth-method", "SCRAM-SHA-256", "-u", "a", "-P", "e\u0301"), "SCRAM does not take"),
                       (("--token-file", "x"), "--auth-method OAUTHBEARER")):
        done = run(*tool("pub", broker, *words, "-t", "t", "-m", "x"))
        assert done.returncode == 1 and say in done.stderr, done.stderr


def test_the_tools_trust_only_a_broker_that_knows_the_password():
    """One that lets everybody in has learned nothing, and is left at once."""
    heard = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        def pretend(last):
            sock, _ = server.accept()
            with sock:
                hello = sock.recv(10000)
                nonce = re.search(rb"r=([\x21-\x7e]+)", hello)[1]
                sock.sendall(m.auth(0x18, props("SCRAM-SHA-256", b"r=" + nonce + b"more,s=c2FsdA==,i=4096")))
                assert sock.recv(10000)[:1] == b"\xf0"
                body = b"\0\0" + m.props(props("SCRAM-SHA-256", last))
                sock.sendall(m.packet(m.CONNACK, 0, body))
                heard.append(sock.recv(10000))
        for last in (b"v=" + b"A" * 43 + b"=", b"", None):
            thread = threading.Thread(target=pretend, args=(last,))
            thread.start()
            done = run(binary(), "pub", "-h", "127.0.0.1", "-p", str(server.getsockname()[1]), "-V", "5", "-u", "ada",
                       "-P", SECRET, "--auth-method", "SCRAM-SHA-256", "-t", "t", "-m", "x")
            thread.join(WAIT)
            assert done.returncode == 2 and "did not prove" in done.stderr, done.stderr
    assert heard == [b""] * 3  # not one message


def test_godwit_passwd_says_what_scram_cannot_take(tmp_path):
    path = tmp_path / "users"
    path.touch()
    for words, text, say in ((("--hash", "scram-sha-256"), "e\u0301", "SCRAM does not take"),
                             (("--hash", "scram-sha-256", "-I", "4095"), "x", "4096 to"),
                             (("--hash", "scram-sha-256", "-I", "99999999"), "x", "4096 to"),
                             (("-I", "5000"), "x", "argon2id has no"),
                             (("--hash", "scram"), "x", "scram-sha-512")):
        done = subprocess.run([binary(), "passwd", *words, str(path), "ada"], input=text + "\n", text=True,
                              capture_output=True, timeout=WAIT)
        assert done.returncode == 64 and say in done.stderr, done.stderr
    assert path.read_text() == ""
