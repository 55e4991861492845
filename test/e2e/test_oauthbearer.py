"""OAUTHBEARER (RFC 7628) over AUTH packets: tokens that let in, that do not, that end, and newer ones for them."""

import subprocess
import time

import pytest
from rig import WAIT, binary, fresh
from tokens import Issuer, make

import mqtt as m
from peer import Peer

METHOD = "OAUTHBEARER"


@pytest.fixture
def issuer():
    return Issuer()


@pytest.fixture
def guarded(serve, tmp_path, issuer):
    """A broker that takes the issuer's tokens for "mqtt"; each user may use what bears the name."""
    path = tmp_path / "jwks.json"
    path.write_text(issuer.jwks())

    def start(*, failures=0, delay="0s", entries=()):
        auth = "".join(f"  - {entry}\n" for entry in
                       (f"jwt: {{jwks: '{path}', audience: mqtt, leeway: 0s}}", *entries))
        return serve(f"auth:\n{auth}access: [{{allow: pubsub, topic: 'own/%u/#'}}]\n",
                     "--set", "log.repeats=0", "--set", "log.level=debug",
                     "--set", f"limits.login.failures={failures}", "--set", f"limits.login.delay={delay}",
                     "--set", "listeners=[{url: 'mqtt://127.0.0.1:0', anonymous: false}]")
    return start


@pytest.fixture
def token(issuer):
    """Makes good tokens of ann for an hour, unless told otherwise."""
    def sign(**more):
        return issuer.token(**{"aud": "mqtt", "exp": int(time.time()) + 3600, **more})
    return sign


def message(token, header="n,,"):
    return f"{header}\1auth=Bearer {token}\1\1".encode()


def props(data=None):
    return [(m.AUTH_METHOD, METHOD)] + ([(m.AUTH_DATA, data)] if data is not None else [])


def open_with(broker, data, **more):
    peer = Peer(broker.address, 5, WAIT)
    peer.hello(fresh("bearer"), props=props(data), **more)
    return peer


def join(broker, token, **more):
    peer = open_with(broker, message(token), **more)
    assert peer.want(m.CONNACK, code=0).get(m.AUTH_METHOD) == METHOD
    return peer


def refused(broker, data, code=0x87, **more):
    peer = open_with(broker, data, **more)
    peer.want(m.CONNACK, code=code)
    peer.closed()


def renew(peer, token):
    peer.send(m.auth(0x19, props(message(token))))


# ---- who is let in, who is not -------------------------------------------------------------------

def test_a_token_says_who_it_is(guarded, token):
    broker = guarded()
    peer = join(broker, token())
    assert broker.wait_for("client.connected", user="ann")
    peer.subscribe("own/ann/1", 1)
    peer.publish("own/ann/1", b"x", 1)
    peer.message(payload="x")
    peer.send(m.publish(5, "own/bob/1", b"x", 1, pid=77))
    assert peer.want(m.PUBACK).code == 0x87
    peer.bye()
    for header, user in (("n,a=ann,", None), ("y,,", "ann"), ("n,a=ann,\1host=here\1port=1883", "ann")):
        peer = open_with(broker, message(token(), header), user=user)
        peer.want(m.CONNACK, code=0)
        peer.bye()
    odd = open_with(broker, message(token(sub="a,b=c"), "n,a=a=2Cb=3Dc,"))
    odd.want(m.CONNACK, code=0)
    assert broker.wait_for("client.connected", user="a,b=c")
    odd.bye()
    assert b"eyJ" not in broker.log.read_bytes()  # no token ever


def test_wrong_tokens_are_refused(guarded, issuer, token):
    broker = guarded()
    mallory = Issuer()
    mallory.keys = {kid: (algorithm, make(algorithm)) for kid, (algorithm, _) in issuer.keys.items()}
    wrong = (
        ("not by its key", mallory.token(aud="mqtt")), ("not by its key", token()[:-4] + "AAAA"),
        ("ended", token(exp=int(time.time()) - 1)), ("never ends", token(exp=None)),
        ("for", token(aud="web")), ("for", token(aud=None)), ("no user name", token(sub=None)),
    )
    for count, (words, text) in enumerate(wrong, 1):
        refused(broker, message(text))
        assert words in broker.wait_for("auth.failed", count, method=METHOD)["reason"]
    assert not broker.events("client.connected")
    assert b"eyJ" not in broker.log.read_bytes()


def test_nobody_acts_as_another(guarded, token):
    broker = guarded()
    refused(broker, message(token(), "n,a=bob,"))
    refused(broker, message(token()), user="bob")
    refused(broker, message(token(), "n,a=ann,"), user="bob")
    broker.wait_for("auth.failed", 3, method=METHOD)
    assert all("another" in event["reason"] for event in broker.events("auth.failed"))


@pytest.mark.parametrize("shape", (
    None, b"", b"n,,", b"n,,\1\1", b"TOKEN", b"n,,\1auth=Bearer TOKEN", b"n,,\1auth=Bearer TOKEN\1",
    b"n,,\1auth=Bearer TOKEN\1\1x", b"n,,\1auth=Bearer \1\1", b"n,,\1auth=Basic TOKEN\1\1", b"n,,\1auth=TOKEN\1\1",
    b"n,,\1auth=Bearer TOKEN\1auth=Bearer TOKEN\1\1", b"p=tls-exporter,,\1auth=Bearer TOKEN\1\1",
    b"n,a=,\1auth=Bearer TOKEN\1\1", b"n,a=ann=,\1auth=Bearer TOKEN\1\1", b"n,a=\xff,\1auth=Bearer TOKEN\1\1",
    b"n,,\1auth=Bearer TOKEN\0\1\1", b"n,,\1auth=Bearer not.a.token\1\1", b"n,,\1auth=Bearer " + b"A" * 20000 + b"\1\1"))
def test_a_message_that_is_none(guarded, token, shape):
    broker = guarded()
    refused(broker, shape if shape is None else shape.replace(b"TOKEN", token().encode()))
    assert broker.wait_for("auth.failed", method=METHOD)["reason"]


def test_wrong_tokens_ban_the_address(guarded, token):
    broker = guarded(failures=3)
    for _ in range(3):
        refused(broker, message(token(aud="web")))
    assert broker.wait_for("auth.banned", failures=3)
    refused(broker, message(token()), 0x8A)


def test_a_wrong_token_is_answered_later(guarded, token):
    broker = guarded(delay="1s")
    peer = open_with(broker, message(token(aud="web")))
    assert broker.wait_for("auth.failed", method=METHOD)
    join(broker, token()).bye()  # nobody else waits
    peer.want(m.CONNACK, code=0x87)
    assert broker.wait_for("connection.closed", code=0x87)["after_ms"] >= 1000


def test_it_is_offered_only_with_jwt(serve):
    refused(serve(""), message("a.b.c"), 0x8C)


def test_the_first_entry_of_jwt_is_asked(guarded, token, tmp_path):
    """As the page says: others take their tokens as passwords."""
    other, path = Issuer("EdDSA"), tmp_path / "other.json"
    path.write_text(other.jwks())
    broker = guarded(entries=(f"jwt: {{jwks: '{path}', audience: mqtt}}",))
    join(broker, token()).bye()
    refused(broker, message(other.token(aud="mqtt")))
    peer = Peer(broker.address, 5, WAIT)
    peer.hello(fresh("plain"), user="", password=other.token(aud="mqtt"))
    peer.want(m.CONNACK, code=0)


# ---- its end, and a newer one --------------------------------------------------------------------

def test_the_connection_ends_with_its_token(guarded, token):
    broker = guarded()
    end = int(time.time()) + 3
    peer = join(broker, token(exp=end))
    peer.want(m.DISCONNECT, code=0xA0)
    peer.closed()
    assert time.time() >= end
    assert "expired" in broker.wait_for("client.disconnected", by="broker", code=0xA0)["reason"]
    refused(broker, message(token(exp=end)))


def test_a_newer_token_prolongs_it(guarded, token):
    """Another one with the first one's end has gone by when the renewed one still works; and the renewed ends too."""
    broker = guarded()
    end = int(time.time()) + 4
    prolonged, other = join(broker, token(exp=end)), join(broker, token(exp=end))
    renew(prolonged, token())
    assert prolonged.want(m.AUTH, code=0).get(m.AUTH_METHOD) == METHOD
    assert broker.wait_for("auth.renewed", user="ann", method=METHOD)
    other.want(m.DISCONNECT, code=0xA0)
    prolonged.subscribe("own/ann/2", 1)
    prolonged.publish("own/ann/2", b"x", 1)
    prolonged.message(payload="x")
    renew(prolonged, token(exp=int(time.time()) + 3))
    prolonged.want(m.AUTH, code=0)
    prolonged.want(m.DISCONNECT, code=0xA0)


@pytest.mark.parametrize("how", ("another user", "the same for another", "too late", "no message"))
def test_a_renewal_that_fails_ends_the_connection(guarded, token, how):
    broker = guarded()
    peer = join(broker, token())
    if how == "no message":
        peer.send(m.auth(0x19, props()))
    else:
        renew(peer, {"another user": lambda: token(sub="bob"), "the same for another": lambda: token(aud="web"),
                     "too late": lambda: token(exp=int(time.time()) - 1)}[how]())
    peer.closed(0x87)
    assert broker.wait_for("auth.failed", method=METHOD)


# ---- the tools -----------------------------------------------------------------------------------

def run(broker, *words):
    return subprocess.run([binary(), "pub", "-h", "127.0.0.1", "-p", str(broker.port), "-V", "5", "--auth-method",
                           METHOD, "-t", "own/ann/3", "-q", "1", *words], capture_output=True, text=True,
                          timeout=WAIT, stdin=subprocess.DEVNULL)


def test_the_tools_show_a_token(guarded, token, tmp_path):
    broker = guarded()
    peer = join(broker, token())
    peer.subscribe("own/ann/#", 1)
    path = tmp_path / "token"
    path.write_text(token() + "\n")
    for words in ((), ("-u", "ann")):
        done = run(broker, "--token-file", str(path), "-m", "house", *words)
        assert done.returncode == 0, done.stderr
        peer.message(payload="house")
    done = run(broker, "--token-file", str(path), "-m", "x", "-u", "bob")
    assert done.returncode == 0x87, done.stderr
    path.write_text(token(aud="web"))
    done = run(broker, "--token-file", str(path), "-m", "x")
    assert done.returncode == 0x87 and "eyJ" not in done.stderr
    path.write_text("\n")
    done = run(broker, "--token-file", str(path), "-m", "x")
    assert done.returncode not in (0, 0x87) and str(path) in done.stderr
