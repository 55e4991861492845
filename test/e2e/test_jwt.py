"""Tokens as passwords: who signed them, for whom, until when; keys that change under a running broker."""

import http.server
import re
import signal
import socket
import ssl
import subprocess
import threading
import time

import jwt
import pytest
from authority import Authority
from rig import ROOT, WAIT, binary, fresh, until
from tokens import ALGORITHMS, Issuer, claims, hs256, make, pem, unsafe

import mqtt as m
from peer import Peer

VERSIONS = (3, 4, 5)
REFUSED = {3: 5, 4: 5, 5: 0x86}
TROUBLE = {3: 3, 4: 3, 5: 0x88}
SECRET = b"a secret of forty bytes, which is enough"


def configure(entries, more=""):
    auth = "".join(f"  - {entry}\n" for entry in entries)
    return f"auth:\n{auth}access: [{{allow: pubsub, topic: '#'}}]\nlog: {{repeats: 0}}\n{more}"


@pytest.fixture
def guarded(serve):
    """Starts a broker with these entries of auth."""
    def start(*entries, more="", text=None):
        return serve(text or configure(entries, more), "--set", "limits.login.failures=0",
                     "--set", "limits.login.delay=0s",
                     "--set", "listeners=[{url: 'mqtt://127.0.0.1:0', anonymous: false}]")
    return start


@pytest.fixture
def issuer():
    return Issuer()


@pytest.fixture
def keys(tmp_path, issuer):
    """The issuer's key set in a file."""
    path = tmp_path / "jwks.json"
    path.write_text(issuer.jwks())
    return path


def hello(broker, v, token, user="", **more):
    peer = Peer(broker.address, v, WAIT)
    peer.hello(fresh("peer"), user=user, password=token, **more)
    return peer


def join(broker, v, token, user="", **more):
    peer = hello(broker, v, token, user, **more)
    peer.want(m.CONNACK, code=0)
    return peer


def refused(broker, v, token, user="", code=None):
    peer = hello(broker, v, token, user)
    peer.want(m.CONNACK, code=code or REFUSED[v])
    peer.closed()


def becomes(broker, code, token):
    """Logs in until the answer is this one."""
    def ask():
        peer = hello(broker, 5, token)
        answer = peer.want(m.CONNACK).code
        peer.shut()
        return answer == code
    until(ask, f"the answer {code}")


# ---- who is let in -------------------------------------------------------------------------------

def test_every_algorithm_is_taken(guarded, tmp_path):
    issuer = Issuer(*ALGORITHMS)
    path = tmp_path / "jwks.json"
    path.write_text(issuer.jwks())
    broker = guarded(f"jwt: {{jwks: '{path}'}}")
    for kid in issuer.keys:
        join(broker, 5, issuer.token(kid)).bye()
    for size, name in ((32, "HS256"), (48, "HS384"), (64, "HS512")):
        secret = tmp_path / f"secret-{size}"
        secret.write_text("x" * size + "\n")
        other = guarded(f"jwt: {{secret_file: '{secret}'}}")
        join(other, 5, jwt.encode(claims(), "x" * size, name)).bye()
        refused(other, 5, jwt.encode(claims(), "y" * size, name))


@pytest.mark.parametrize("v", VERSIONS)
def test_a_token_says_who_it_is(guarded, keys, issuer, v):
    broker = guarded(f"jwt: {{jwks: '{keys}'}}")
    for user in ("ann", ""):
        join(broker, v, issuer.token(), user).bye()
    assert broker.wait_for("client.connected", count=2)["user"] == "ann"
    refused(broker, v, issuer.token(), "bob")
    refused(broker, v, "secret", "ann")
    refused(broker, v, None, "ann")
    assert "another user" in broker.wait_for("auth.failed", method="jwt", user="bob")["reason"]
    assert not re.search(rb"eyJ", broker.log.read_bytes())  # no token ever


def test_a_token_alone_will_do(guarded, keys, issuer):
    """MQTT 5 lets a password come without a user name."""
    broker = guarded(f"jwt: {{jwks: '{keys}'}}")
    join(broker, 5, issuer.token(), None).bye()
    assert broker.wait_for("client.connected", user="ann")


def test_mosquittos_clients_bring_tokens(guarded, keys, issuer, program):
    broker = guarded(f"jwt: {{jwks: '{keys}'}}")
    words = ("mosquitto_pub", "-h", "127.0.0.1", "-p", broker.port, "-t", "t", "-m", "hi", "-u", "ann")
    assert program(*words, "-P", issuer.token()).wait()[0] == 0
    assert program(*words, "-P", issuer.token(exp=1)).wait()[0] == 5
    assert program(*words, "-V", "5", "-P", issuer.token(exp=1)).wait()[0] == 0x86


def test_pem_keys_are_taken(guarded, issuer, tmp_path):
    path = tmp_path / "key.pem"
    (_, key), other = next(iter(issuer.keys.values())), make("EdDSA")
    path.write_text(pem(key) + pem(other))
    broker = guarded(f"jwt: {{public_key: '{path}'}}")
    join(broker, 5, issuer.token()).bye()
    join(broker, 5, jwt.encode(claims(), other, "EdDSA")).bye()


def test_the_shell_script_of_the_page_makes_tokens(guarded, tmp_path, program):
    page = (ROOT / "docs" / "how-to" / "jwt.md").read_text()
    script, config, claims_of_it = (re.search(pattern, page, re.M | re.S).group(1) for pattern in (
        r"^```sh token.sh\n(.*?)^```", r"^```yaml godwit.yaml\n(.*?)^```", r"sh token.sh '(.*?)'"))
    (tmp_path / "token.secret").write_text("0123456789abcdef" * 4 + "\n")
    (tmp_path / "token.sh").write_text(script)
    token = subprocess.run(["sh", "token.sh", claims_of_it], cwd=tmp_path, check=True, timeout=WAIT,
                           capture_output=True, text=True).stdout.strip()
    config = config.replace("token.secret", str(tmp_path / "token.secret"))
    broker = guarded(text=config.partition("auth:\n")[2].join(("auth:\n", "")))
    for topic, code in (("own/press-7/state", 0), ("machines/7/start", 0), ("own/other/state", 0x87)):
        peer = join(broker, 5, token, "press-7")
        peer.send(m.publish(5, topic, b"up", 1, pid=1))
        assert (peer.want(m.PUBACK).code or 0) in ({0, 0x10} if code == 0 else {code})
        peer.bye()


# ---- who is not ----------------------------------------------------------------------------------

def test_wrong_tokens_are_refused(guarded, keys, issuer, tmp_path):
    broker = guarded(f"jwt: {{jwks: '{keys}', issuer: 'https://id.example', audience: [mqtt, other], "
                     "leeway: 0s, algorithms: 'ES256, RS256'}")
    public = tmp_path / "public.pem"
    (algorithm, key), now = next(iter(issuer.keys.values())), int(time.time())
    public.write_text(pem(key))
    good = {"iss": "https://id.example", "aud": "mqtt"}
    right = issuer.token(**good)
    head, body, signature = right.split(".")
    mallory = Issuer()
    mallory.keys = {kid: (algorithm, make(algorithm)) for kid in issuer.keys}
    join(broker, 5, right).bye()
    join(broker, 5, issuer.token(iss="https://id.example", aud=["x", "other"])).bye()
    kid = next(iter(issuer.keys))
    wrong = {
        "expired": issuer.token(**good, exp=now - 1),
        "without an end": issuer.token(**good, exp=None),
        "early": issuer.token(**good, nbf=now + 1000),
        "of tomorrow": issuer.token(**good, iat=now + 1000),
        "by another": issuer.token(iss="https://evil.example", aud="mqtt"),
        "for another": issuer.token(iss="https://id.example", aud="web"),
        "for nobody": issuer.token(iss="https://id.example"),
        "nameless": issuer.token(**good, sub=None),
        "signed by another": mallory.token(**good),
        "cut": right[:-2],
        "with a longer signature": right + "AA",
        "with another's body": head + "." + issuer.token(**good, sub="root").split(".")[1] + "." + signature,
        "not signed": head + "." + body + ".",
        "none": unsafe({"alg": "none"}, claims(**good), lambda _: b""),
        "None": unsafe({"alg": "None", "kid": kid}, claims(**good), lambda _: b""),
        "signed with what all know": unsafe({"alg": "HS256", "kid": kid}, claims(**good),
                                            hs256(public.read_bytes())),
        "critical": issuer.token(**good, headers={"crit": ["x"], "x": 1}),
        "padded": head + "=." + body + "." + signature,
        "spaced": right + "\n",
    }
    for name, token in wrong.items():
        try:
            refused(broker, 5, token)
        except AssertionError as fault:
            raise AssertionError(name) from fault
    reasons = [event["reason"] for event in broker.events("auth.failed")]
    assert len(reasons) == len(wrong)
    for words in ("ended", "never ends", "nbf", "evil.example", 'for "web"', "no user name",
                  "not by its key", '"none" is not known', "not among the algorithms", "crit"):
        assert any(words in reason for reason in reasons), (words, reasons)


def test_two_issuers_and_a_file_stand_side_by_side(guarded, keys, issuer, tmp_path):
    other = Issuer("RS256")
    second, people = tmp_path / "second.json", tmp_path / "users"
    second.write_text(other.jwks())
    subprocess.run([binary(), "passwd", "-c", "-b", people, "alice", "secret"], check=True, timeout=WAIT)
    broker = guarded(f"jwt: {{jwks: '{keys}'}}", f"jwt: {{jwks: '{second}', username_claim: realm.name}}",
                     f"file: '{people}'")
    join(broker, 5, issuer.token()).bye()
    join(broker, 5, other.token(realm={"name": "eve"})).bye()
    assert broker.wait_for("client.connected", user="eve")
    join(broker, 5, "secret", "alice").bye()
    refused(broker, 5, other.token())
    refused(broker, 5, issuer.token(), "alice")
    refused(broker, 5, "wrong", "alice")


def test_claims_and_groups_decide_what_one_may_do(guarded, keys, issuer):
    broker = guarded(text=f"""
auth: [{{jwt: {{jwks: '{keys}', groups_claim: realm.groups}}}}]
access:
  - {{allow: pub, topic: "floor/#", group: floor}}
  - {{allow: pub, topic: "op/#", claim: role=operator}}
  - {{allow: pub, topic: "plant/#", claim: plants=7}}
log: {{repeats: 0}}
""")
    def may(topic, **more):
        peer = join(broker, 5, issuer.token(**more))
        peer.send(m.publish(5, topic, b"x", 1, pid=1))
        code = peer.want(m.PUBACK).code
        peer.bye()
        return code in (0, 0x10, None)
    assert may("floor/a", realm={"groups": ["x", "floor"]})
    assert not may("floor/a", groups=["floor"])
    assert not may("floor/a", realm={"groups": ["floors"]})
    assert may("op/a", role="operator")
    assert may("op/a", role=["reader", "operator"])
    assert not may("op/a", role="operator2")
    assert not may("op/a")
    assert may("plant/a", plants=[1, 7])
    assert not may("plant/a", plants=[70])


# ---- the end of a token --------------------------------------------------------------------------

@pytest.mark.parametrize("v", VERSIONS)
def test_a_connection_ends_with_its_token(guarded, keys, issuer, v):
    broker = guarded(f"jwt: {{jwks: '{keys}', leeway: 0s}}")
    will = m.Will(fresh("will"), b"gone", 1)
    watcher = join(broker, 5, issuer.token(exp=int(time.time()) + 3600))
    watcher.send(m.subscribe(5, 1, [(will.topic, 1)]))
    watcher.want(m.SUBACK)
    end = int(time.time()) + 3
    peer = join(broker, v, issuer.token(exp=end), will=will)
    if v == 5:
        peer.want(m.DISCONNECT, code=0xA0)
    peer.closed()
    assert time.time() >= end
    event = broker.wait_for("client.disconnected", by="broker")
    assert event["code"] == 0xA0 and "expired" in event["reason"]
    assert watcher.want(m.PUBLISH).payload == b"gone"
    refused(broker, v, issuer.token(exp=end))


def test_clocks_may_be_apart(guarded, keys, issuer):
    broker = guarded(f"jwt: {{jwks: '{keys}', leeway: 10m}}")
    past = int(time.time()) - 300
    join(broker, 5, issuer.token(exp=past)).bye()
    join(broker, 5, issuer.token(nbf=int(time.time()) + 300)).bye()
    refused(broker, 5, issuer.token(exp=past - 600))


# ---- keys that change ----------------------------------------------------------------------------

@pytest.mark.parametrize("how", ("watched", "asked"))
def test_a_file_of_keys_is_watched(guarded, keys, issuer, how):
    broker = guarded(f"jwt: {{jwks: '{keys}'}}")
    old, newer = issuer.token(), Issuer("EdDSA")
    kept = issuer.add("RS256")
    newer.keys[kept] = issuer.keys[kept]
    keys.write_text(issuer.jwks())
    becomes(broker, 0, issuer.token(kept))
    stays, goes = join(broker, 5, issuer.token(kept)), join(broker, 5, old)
    keys.write_text(newer.jwks())
    if how == "asked":
        broker.signal(signal.SIGHUP)
    becomes(broker, 0, newer.token())
    becomes(broker, 0x86, old)
    goes.want(m.DISCONNECT, code=0x87)
    stays.send(m.pingreq())
    stays.want(m.PINGRESP)


def test_a_broken_file_of_keys_changes_nothing(guarded, keys, issuer):
    broker = guarded(f"jwt: {{jwks: '{keys}'}}")
    broker.errors_expected = True
    keys.write_text("{")
    broker.signal(signal.SIGHUP)
    until(lambda: [e for e in broker.events() if e["level"] == "error"], "an error in the log")
    join(broker, 5, issuer.token()).bye()


@pytest.mark.parametrize("how", ("watched", "asked"))
def test_withdrawn_keys_go_though_another_file_was_broken_first(guarded, keys, issuer, tmp_path, how):
    other = tmp_path / "other.json"
    other.write_text(Issuer("ES384").jwks())
    broker = guarded(f"jwt: {{jwks: '{keys}'}}", f"jwt: {{jwks: '{other}'}}")
    broker.errors_expected = True
    old, newer, fixed = issuer.token(), Issuer("EdDSA"), Issuer("ES384")
    goes = join(broker, 5, old)
    other.write_text("{")
    keys.write_text(newer.jwks())
    broker.wait_for("users.refused")
    time.sleep(3)  # it has looked at both
    other.write_text(fixed.jwks())
    if how == "asked":
        broker.signal(signal.SIGHUP)
    becomes(broker, 0, fixed.token())
    goes.want(m.DISCONNECT, code=0x87)
    becomes(broker, 0x86, old)
    becomes(broker, 0, newer.token())


# ---- keys of a web service -----------------------------------------------------------------------

class Service:
    """Serves a key set; `status` and `body` may be changed while it runs."""

    def __init__(self, body, certificate=None):
        self.body, self.status, self.asked = body, 200, 0
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # noqa: N802 (the library's name)
                service.asked += 1
                body = service.body.encode()
                self.send_response(service.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        scheme = "https" if certificate else "http"
        self.url = f"{scheme}://localhost:{self.server.server_address[1]}/jwks.json"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(WAIT)


@pytest.fixture
def service(issuer):
    """A key set over http, which is allowed on this machine."""
    one = Service(issuer.jwks())
    yield one
    one.stop()


@pytest.fixture(scope="module")
def authority():
    one = Authority()
    yield one
    one.remove()


def test_keys_come_by_https_and_change(guarded, issuer, authority):
    """A certificate of its own authority; a key that is not known is asked for, within bounds."""
    one, begun = Service(issuer.jwks(), authority.issue("localhost", san=["DNS:localhost"])), time.monotonic()
    try:
        broker = guarded(f"jwt: {{jwks: '{one.url}', ca_file: '{authority.cert}'}}")
        assert one.asked == 0  # nobody came yet
        join(broker, 5, issuer.token()).bye()
        assert one.asked == 1
        join(broker, 5, issuer.token()).bye()
        assert one.asked == 1
        new = issuer.add("EdDSA")
        one.body = issuer.jwks()
        for _ in range(20):
            hello(broker, 5, issuer.token(new)).want(m.CONNACK)
        assert one.asked <= 2 + (time.monotonic() - begun) / 10  # a flood of them is no flood of fetches
        becomes(broker, 0, issuer.token(new))
        join(broker, 5, issuer.token()).bye()
    finally:
        one.stop()


def test_a_certificate_that_nobody_trusts_lets_nobody_in(guarded, issuer, authority):
    one = Service(issuer.jwks(), authority.issue("localhost", san=["DNS:localhost"]))
    try:
        broker = guarded(f"jwt: {{jwks: '{one.url}'}}")
        broker.errors_expected = True
        for v in VERSIONS:
            refused(broker, v, issuer.token(), code=TROUBLE[v])
        assert one.asked == 0
        assert "no keys yet" in broker.wait_for("auth.trouble", method="jwt")["reason"]
    finally:
        one.stop()


def test_old_keys_stay_when_the_service_fails(guarded, issuer, service):
    broker = guarded(f"jwt: {{jwks: '{service.url}', refresh: 10s}}")
    join(broker, 5, issuer.token()).bye()
    service.status, service.body = 500, "ouch"

    def asked_again():
        join(broker, 5, issuer.token()).bye()
        return service.asked >= 2
    until(asked_again, "another fetch", 3 * WAIT)
    join(broker, 5, issuer.token()).bye()
    assert service.url in broker.wait_for("auth.backend")["words"]


@pytest.mark.parametrize("body, status", (("", 200), ("<html>", 200), ("{}", 200), ("[]", 404),
                                          ("x" * 1000000, 200)), ids=("empty", "html", "none", "404", "large"))
def test_no_keys_is_no_way_in(guarded, issuer, service, body, status):
    service.body, service.status = body, status
    broker = guarded(f"jwt: {{jwks: '{service.url}'}}")
    broker.errors_expected = True
    refused(broker, 5, issuer.token(), code=0x88)
    broker.wait_for("auth.trouble", method="jwt")


def test_a_slow_service_stalls_nobody_else(guarded, issuer, keys, tmp_path):
    """Its own workers wait for it; user files and others that are asked before do not."""
    silent = socket.socket()
    silent.bind(("127.0.0.1", 0))
    silent.listen()
    people = tmp_path / "users"
    subprocess.run([binary(), "passwd", "-c", "-b", people, "alice", "secret"], check=True, timeout=WAIT)
    url = f"http://localhost:{silent.getsockname()[1]}/"
    broker = guarded(f"file: '{people}'", f"jwt: {{jwks: '{keys}'}}", f"jwt: {{jwks: '{url}', timeout: 1s}}")
    broker.errors_expected = True
    other = Issuer("RS256")
    waiting = [hello(broker, 5, other.token()) for _ in range(8)]
    join(broker, 5, "secret", "alice").bye()
    join(broker, 5, issuer.token()).bye()
    for peer in waiting:
        peer.want(m.CONNACK, code=0x88)
    silent.close()


# ---- the configuration ---------------------------------------------------------------------------

@pytest.mark.parametrize("settings, words", (
    ("{issuer: us}", "one of jwks, public_key, secret_file"),
    ("{jwks: 'KEYS', public_key: 'KEYS'}", "more than one"),
    ("{jwks: 'KEYS', algorithms: none}", '"none" is none of RS256'),
    ("{jwks: 'KEYS', algorithms: [RS256, hs256]}", '"hs256"'),
    ("{public_key: 'KEYS'}", "there is no key in it"),
    ("{jwks: '/nowhere.json'}", "/nowhere.json"),
    ("{secret_file: 'SHORT'}", "shorter than 32 bytes"),
    ("{jwks: 'KEYS', algorithms: HS256}", "none of them"),
    ("{jwk: 'KEYS'}", "did you mean"),
))
def test_what_is_wrong_is_told_before_anybody_is_let_in(keys, tmp_path, settings, words):
    short, config = tmp_path / "short", tmp_path / "godwit.yaml"
    short.write_text("too short\n")
    settings = settings.replace("KEYS", str(keys)).replace("SHORT", str(short))
    config.write_text("listeners: [mqtt://127.0.0.1:0]\n" + configure([f"jwt: {settings}"]))
    done = subprocess.run([binary(), "serve", "-c", str(config)], capture_output=True, text=True,
                          timeout=WAIT, check=False)
    assert done.returncode not in (0, None)
    assert words in done.stdout + done.stderr
