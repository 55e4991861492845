"""A web service is asked who may connect: what it is asked, what its answers do, and its troubles."""

import json
import signal
import subprocess
import time

import pytest
from hook import Hook
from rig import WAIT, binary, fresh, until

import mqtt as m
from peer import Peer

VERSIONS = (4, 5)
WRONG = {4: 5, 5: 0x86}
UNAVAILABLE = {4: 3, 5: 0x88}
RULES = ("access: [{allow: pubsub, group: staff, topic: 'staff/#'},"
         " {allow: pubsub, topic: 'all/%u/#'}]\n"
         "limits: {login: {delay: 0s, failures: 0}}\nlog: {repeats: 0}\n")


@pytest.fixture
def hook():
    """Starts services; each is closed."""
    started = []

    def start(*words, **answers):
        started.append(Hook(*words))
        started[-1].answers.update(answers)
        return started[-1]

    yield start
    for each in started:
        each.close()


@pytest.fixture
def users(tmp_path):
    """A user file with bob (builder)."""
    path = tmp_path / "users"
    path.touch()
    subprocess.run(["mosquitto_passwd", "-H", "sha512", "-b", str(path), "bob", "builder"], check=True,
                   capture_output=True, timeout=WAIT)
    return path


def entry(service, **settings):
    return {"http": {"url": service.url(), **settings}}


def config(*entries, more=""):
    return f"auth: {json.dumps(entries)}\n{RULES}{more}"


def login(broker, v, user=None, password="x", **more):
    peer = Peer(broker.address, v, WAIT)
    peer.hello(more.pop("name", None) or fresh("c"), user=user, password=password, **more)
    return peer


def join(broker, v, user=None, password="x", **more):
    peer = login(broker, v, user, password, **more)
    peer.want(m.CONNACK, code=0)
    return peer


def refused(broker, v, code, user=None, password="x", **more):
    peer = login(broker, v, user, password, **more)
    peer.want(m.CONNACK, code=code)
    peer.closed()


@pytest.mark.parametrize("v", VERSIONS)
def test_it_says_who_may_connect(serve, hook, users, v):
    service = hook(ann={"result": "allow"}, eve={"result": "deny"}, bob={"result": "ignore"},
                   old={"result": "allow", "expires": 1000},
                   new={"result": "allow", "expires": int(time.time()) + 3600, "groups": None})
    broker = serve(config(entry(service), {"file": str(users)}))
    join(broker, v, "ann").bye()
    join(broker, v, "new").bye()
    refused(broker, v, WRONG[v], "eve")
    refused(broker, v, WRONG[v], "old")
    refused(broker, v, WRONG[v], "who")          # it ignores him, and nobody else knows him
    join(broker, v, "bob", "builder").bye()      # it ignores him, the file knows him
    refused(broker, v, WRONG[v], "bob", "wrong")
    refused(broker, v, WRONG[v], "ann", "")      # it is not even asked
    assert broker.wait_for("auth.failed", user="eve")["method"] == "http"
    assert broker.wait_for("auth.failed", user="bob")["method"] == "password"


def test_who_stands_first_is_asked_first(serve, hook, users):
    service = hook(bob={"result": "deny"}, ann={"result": "allow"})
    broker = serve(config({"file": str(users)}, entry(service)))
    join(broker, 5, "bob", "builder").bye()
    refused(broker, 5, 0x86, "bob", "wrong")
    assert service.count() == 0
    join(broker, 5, "ann").bye()
    assert service.count() == 1


def test_it_is_told_who_asks_over_one_connection(serve, hook, tmp_path):
    header = tmp_path / "header"
    header.write_text("Authorization: Bearer t0p-s3cret\n")
    name, password = 'a"n\\n\u00e9', 'p"\\\u20acss'
    service = hook(**{name: {"result": "allow"}})
    broker = serve(config(entry(service, workers=1, header_file=str(header))))
    for _ in range(5):
        join(broker, 5, name, password, name=fresh("told")).bye()
    body, headers, path = service.asked[0]
    assert path == "/login"
    assert (body["username"], body["password"], body["address"]) == (name, password, "127.0.0.1")
    assert body["client_id"].startswith("told-") and body["listener"] == "mqtt://127.0.0.1:0"
    assert headers["Content-Type"] == "application/json"
    assert headers["Authorization"] == "Bearer t0p-s3cret"
    assert service.connections == 1
    refused(broker, 5, 0x86, name, b"\xff\xfe")  # no text: there is no way to ask
    assert service.count() == 5
    log = broker.log.read_text()
    assert "t0p-s3cret" not in log and "\u20acss" not in log
    shown = subprocess.run([binary(), "config", "show", "-c", str(broker.config)], text=True,
                           capture_output=True, check=True, timeout=WAIT).stdout
    assert str(header) in shown and "t0p-s3cret" not in shown


def test_it_says_names_and_groups(serve, hook):
    service = hook(ann={"result": "allow", "user": "anna", "groups": ["staff", "night"]},
                   tom={"result": "allow"})
    service.answers[""] = {"result": "allow", "user": "token"}
    broker = serve(config(entry(service)))
    ann, tom, token = join(broker, 5, "ann"), join(broker, 5, "tom"), join(broker, 5, None)
    ann.subscribe(["staff/#"], granted=[0])
    ann.subscribe(["all/anna/#"], granted=[0])
    tom.subscribe(["staff/#"], granted=[0x87])
    token.subscribe(["all/token/#"], granted=[0])
    assert broker.wait_for("client.connected", user="anna")
    for peer in (ann, tom, token):
        peer.bye()


TROUBLES = {
    "status 500": 500, "status 404": 404, "status 204": 204, "a redirect": 307, "no JSON": b"allow",
    "nothing": b"", "half of it": b'{"result": "allow"', "no object": [1], "no result": {"allow": True},
    "another result": {"result": "yes"}, "a result that is no text": {"result": True},
    "two results": b'{"result": "allow", "result": "deny"}', "groups no list": {"result": "allow", "groups": "a"},
    "a group with a comma": {"result": "allow", "groups": ["a,b"]},
    "expires no time": {"result": "allow", "expires": "soon"}, "expires 0": {"result": "allow", "expires": 0},
    "an empty name": {"result": "allow", "user": ""}, "bad bytes": b'{"result": "allow", "user": "\xff"}',
    "too much": b'{"result": "allow", "x": "' + b"x" * 100_000 + b'"}', "hang up": "hang up",
}


def test_no_trouble_lets_anybody_in(serve, hook, users):
    service = hook(**{name: answer for name, answer in TROUBLES.items()})
    broker = serve(config({"file": str(users)}, entry(service)))
    broker.errors_expected = True
    for name in TROUBLES:
        refused(broker, 5, 0x88, name)
        words = broker.wait_for("auth.trouble", user=name)
        assert words["method"] == "http" and words["reason"], words
    refused(broker, 4, 3, "status 500")
    join(broker, 5, "bob", "builder").bye()
    assert not broker.events("auth.failed")


def test_a_dead_and_a_slow_one(serve, hook, users):
    dead, slow = hook(), hook(ann="hang")
    port = dead.port
    dead.close()
    broker = serve(config({"file": str(users)},
                          {"http": {"url": f"http://127.0.0.1:{port}/"}}, entry(slow)))
    broker.errors_expected = True
    refused(broker, 5, 0x88, "ann")
    assert slow.count() == 0  # nobody is asked behind one that has trouble
    broker.write(config({"file": str(users)}, entry(slow, timeout="300ms")))
    broker.signal(signal.SIGHUP)
    broker.wait_for("config.reloaded")
    until(lambda: slow.count() > 0 or login(broker, 5, "ann").want(m.CONNACK).code and False,
          "the slow one is asked")
    refused(broker, 5, 0x88, "ann")
    join(broker, 5, "bob", "builder").bye()


def test_who_waits_holds_up_nobody_else(serve, hook, users):
    """Its workers and its queue are full: whoever else can be judged is, and the rest is told."""
    waiting = {f"w{n}": "hang" for n in range(8)}
    service = hook(**waiting)
    broker = serve(config({"file": str(users)}, entry(service, workers=2, timeout="1m"),
                          more="threads: 1\n"),
                   "--set", "limits.login.queue=4", "--set", "limits.connect_time=50s",
                   "--set", "limits.connections_unauthenticated_per_address=1000")
    first = [login(broker, 5, user) for user in list(waiting)[:2]]
    until(lambda: service.count() == 2, "both workers ask")
    queued = [login(broker, 5, user) for user in list(waiting)[2:6]]
    late = [login(broker, 5, user) for user in list(waiting)[6:]]
    for peer in late:  # one loop reads one after the other: these came behind those
        code = peer.want(m.CONNACK).code
        assert code in (0x89, 0x97), code
    for _ in range(20):
        join(broker, 5, "bob", "builder").bye()
    queued[0].shut()  # who leaves is not waited for
    service.free.set()
    for peer in first + queued[1:]:
        peer.want(m.CONNACK, code=0)
        peer.bye()


def test_it_ends_while_somebody_is_asked(serve, hook):
    service = hook(ann="hang")
    broker = serve(config(entry(service, timeout="1s")), "--set", "limits.drain_time=100ms")
    peer = login(broker, 5, "ann")
    until(lambda: service.count() == 1, "it is asked")
    broker.signal(signal.SIGTERM)
    assert broker.wait() == 0
    peer.shut()
    broker.remove()


# ---- over TLS --------------------------------------------------------------------------------------

def test_over_tls_it_must_be_who_it_should_be(serve, hook, authority):
    ca = authority[0]
    service = hook(ca.issue("localhost", san=("DNS:localhost",)), ann={"result": "allow"})
    other = hook(ca.issue("other", san=("DNS:other",)), ann={"result": "allow"})
    good = {"http": {"url": service.url("localhost"), "ca_file": str(ca.cert)}}
    unknown = {"http": {"url": service.url("localhost")}}
    wrong = {"http": {"url": other.url("localhost"), "ca_file": str(ca.cert)}}
    broker = serve(config(good))
    join(broker, 5, "ann").bye()
    for bad in (unknown, wrong):
        broker = serve(config(bad))
        broker.errors_expected = True
        refused(broker, 5, 0x88, "ann")
        assert "certificate" in broker.wait_for("auth.trouble")["reason"].lower()
    assert not other.asked


# ---- changes -----------------------------------------------------------------------------------------

def test_whom_a_deleted_entry_let_in_is_sent_away(serve, hook, users):
    service = hook(ann={"result": "allow"})
    broker = serve(config({"file": str(users)}, entry(service)))
    ann, bob = join(broker, 5, "ann"), join(broker, 5, "bob", "builder")
    broker.signal(signal.SIGHUP)  # nothing has changed: they stay
    broker.wait_for("config.reloaded", count=1)
    ann.ping()
    broker.write(config({"file": str(users)}, more="mqtt: {max_qos: 1}\n"))
    broker.signal(signal.SIGHUP)
    broker.wait_for("config.reloaded", count=2)
    assert ann.want(m.DISCONNECT).code == 0x87
    bob.ping()
    bob.bye()
    refused(broker, 5, 0x86, "ann")


def test_a_new_secret_is_used_when_its_file_changes(serve, hook, tmp_path):
    header = tmp_path / "header"
    header.write_text("X-Key: one\n")
    service = hook(ann={"result": "allow"})
    broker = serve(config(entry(service, header_file=str(header))))
    ann = join(broker, 5, "ann")

    def key():
        join(broker, 5, "ann").bye()
        return service.asked[-1][1]["X-Key"]

    assert key() == "one"
    (tmp_path / "next").write_text("X-Key: two\n")
    (tmp_path / "next").rename(header)
    until(lambda: key() == "two", "the new key is used")
    (tmp_path / "next").write_text("no header\n")
    (tmp_path / "next").rename(header)
    broker.errors_expected = True
    assert "header_file" in broker.wait_for("users.refused")["why"]
    assert key() == "two"
    ann.ping()
    ann.bye()


# ---- mistakes ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("settings, words", [
    ({"url": "http://x/"}, "url must begin with https://: passwords go there"),
    ({"url": "ftp://x/"}, "url must begin with https:// or http://"),
    ({"url": "http://u:pw@x/"}, "there is a password in url"),
    ({"url": "http://x/", "ca_file": "/nowhere"}, "cannot read ca_file \"/nowhere\": it does not exist"),
    ({"url": "http://x/", "header_file": "/nowhere"}, "cannot read header_file"),
    ({"url": "http://x/", "timeout": "10m"}, "timeout cannot be 10m"),
    ({"url": "http://x/", "tiemout": "1s"}, "did you mean \"timeout\"?"),
    ({}, "http needs url"),
])
def test_mistakes_are_told(tmp_path, settings, words):
    path = tmp_path / "godwit.yaml"
    path.write_text(config({"http": settings}))
    done = subprocess.run([binary(), "check", "config", str(path)], text=True, capture_output=True,
                          timeout=WAIT)
    assert done.returncode == 78 and words in done.stderr, done.stderr


def test_an_empty_secret_is_told(tmp_path):
    (tmp_path / "empty").write_text("\n")
    path = tmp_path / "godwit.yaml"
    path.write_text(config({"http": {"url": "http://x/", "header_file": str(tmp_path / "empty")}}))
    done = subprocess.run([binary(), "check", "config", str(path)], text=True, capture_output=True,
                          timeout=WAIT)
    assert done.returncode == 78 and "is empty" in done.stderr, done.stderr
