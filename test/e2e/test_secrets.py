"""No password, token, key or proof gets into the log, whatever its level and form, nor out of the tools."""

import base64
import json
import signal
import ssl
import subprocess

import mqtt as m
import pytest
import scram
from gates import GatedBroker, dial, plain, secured
from hook import Hook
from peer import Closed, Peer
from rig import WAIT, binary, fresh, until
from websock import BINARY, Wire, frame, request

RIGHT, WRONG = "Otter-right-7261", "Otter-wrong-9917"
TOKEN = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (
    b'{"alg":"HS256","typ":"JWT"}', b'{"sub":"ada","exp":9999999999,"aud":"mqtt"}', b"signature of 32 bytes, or of so"))
KEY, NO_KEY = "5eed0badc0ffee11" * 2, "facade0ddba11222" * 2
FORMS = ("json", "text", "journal")


def shapes(secret):
    """The ways in which somebody could write it down."""
    raw = secret if isinstance(secret, bytes) else secret.encode()
    found = {raw, raw.hex().encode(), raw.hex().upper().encode()}
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        found |= {encode(raw).rstrip(b"=")[:-1]}
    found.add("".join(f"\\x{byte:02x}" for byte in raw).encode())
    found.add("".join(f"\\u00{byte:02x}" for byte in raw).encode())
    return found


def said_nothing(text, secrets):
    assert text
    for secret in secrets:
        for shape in shapes(secret):
            assert len(shape) > 7, "too short to be looked for"
            at = text.find(shape)
            assert at < 0, f"a secret ({shape!r}) in {text[max(at - 300, 0):at + 300]!r}"


@pytest.fixture
def people(tmp_path):
    """ada with a hash, bea with a credential of SCRAM."""
    path = tmp_path / "users"
    path.touch()
    subprocess.run(["mosquitto_passwd", "-H", "sha512", "-b", str(path), "ada", RIGHT], check=True,
                   capture_output=True, timeout=WAIT)
    done = subprocess.run([binary(), "passwd", "--hash", "scram-sha-256", "-I", "4096", str(path), "bea"],
                          input=RIGHT + "\n", text=True, capture_output=True, timeout=WAIT)
    assert done.returncode == 0, done.stderr
    said_nothing((done.stdout + done.stderr + "said").encode(), [RIGHT])
    return path


def stored(path):
    """What a user file holds of each: the salts, hashes and keys."""
    text = path.read_text()
    found = [part for line in text.splitlines() for part in line.replace(":", "$").split("$") if len(part) > 20]
    assert len(found) >= 3, text
    return found


def goes(peer):
    """Reads to the end, which comes by itself."""
    try:
        while True:
            peer.read()
    except (Closed, AssertionError):
        peer.shut()


def log_in(broker, user, password, v=5, scheme="mqtt", **more):
    peer = dial(broker.gates[scheme], v)
    peer.hello(fresh("secret"), user=user, password=password, **more)
    answer = peer.want(m.CONNACK)
    peer.shut()
    return answer.code


def passwords(broker):
    for v in (3, 4, 5):
        for scheme in broker.gates:
            assert log_in(broker, "ada", RIGHT, v, scheme) == 0
        for user, password in (("ada", WRONG), ("nobody", WRONG), ("ada", TOKEN), ("", TOKEN), ("ada", RIGHT * 2),
                               ("ada", RIGHT.encode() + b"\0\xff"), ("a\0b", RIGHT)):
            peer = dial(broker.gates["mqtt"], v)
            peer.send(m.connect(v, fresh("wrong"), user=user, password=password))
            goes(peer)
    # Malformed behind it, cut within it, and where no password should be.
    whole = m.connect(5, "cut", user="ada", password=RIGHT, tail=b"more")
    for bad in (whole, whole[:-6], m.connect(5, "odd", user="ada", password=RIGHT, flags=0xC3),
                m.connect(5, "will", will=m.Will("a/#", RIGHT), user="ada", password=RIGHT),
                m.connect(5, "props", props=[b"\x7e"], user="ada", password=RIGHT),
                RIGHT.encode() * 3, m.packet(15, 0, RIGHT.encode())):
        peer = dial(broker.gates["mqtt"], 5)
        peer.send(bad)
        peer.sock.shutdown(1)
        goes(peer)


def proofs(broker):
    """SCRAM, done well and badly; returns what went over the wire."""
    secrets = []
    for password in (RIGHT, WRONG):
        client = scram.Client("SCRAM-SHA-256", "bea", password)
        peer = Peer(broker.address, 5, WAIT)
        peer.hello(fresh("scram"), props=[(m.AUTH_METHOD, "SCRAM-SHA-256"), (m.AUTH_DATA, client.first())])
        answer = peer.want(m.AUTH, code=0x18)
        last = client.last(answer.get(m.AUTH_DATA))
        peer.send(m.auth(0x18, [(m.AUTH_METHOD, "SCRAM-SHA-256"), (m.AUTH_DATA, last)]))
        assert (peer.want(m.CONNACK).code == 0) == (password == RIGHT)
        peer.shut()
        secrets += [client.nonce, last.split(b"p=")[1]]
    for method, data in (("SCRAM-SHA-256", TOKEN), ("OAUTHBEARER", f"n,,\1auth=Bearer {TOKEN}\1\1"),
                         ("UNHEARD-OF", RIGHT)):
        peer = Peer(broker.address, 5, WAIT)
        peer.hello(fresh("other"), props=[(m.AUTH_METHOD, method), (m.AUTH_DATA, data)])
        goes(peer)
    return secrets


def upgrades(broker):
    """Secrets in the head of a WebSocket's request: in a field, in the query, in the URL."""
    basic = base64.b64encode(f"ada:{RIGHT}".encode()).decode()
    gate = broker.gates["ws"]
    for ask in (request(Authorization=f"Basic {basic}"), request(f"/mqtt?password={RIGHT}&token={TOKEN}"),
                request(f"http://ada:{RIGHT}@localhost/mqtt"), request(Cookie=f"token={TOKEN}"),
                request(f"/other?token={TOKEN}"), request(Authorization=f"Bearer {TOKEN}", method="POST"),
                request(Sec_WebSocket_Protocol="chat", Authorization=f"Bearer {TOKEN}")):
        wire = Wire(None, plain(gate))
        wire.send(ask + frame(BINARY, m.connect(5, fresh("web"), user="ada", password=RIGHT)
                              + m.disconnect()))
        wire.ended()


def keys(broker):
    """Pre-shared keys, the right one and one that is none of the broker's."""
    for key in (KEY, NO_KEY):
        subprocess.run(["openssl", "s_client", "-quiet", "-connect", f"127.0.0.1:{broker.gates['mqtts']['port']}",
                        "-psk_identity", "device", "-psk", key],
                       input=m.connect(5, fresh("psk")) + m.disconnect(), stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=WAIT, check=False)


class Talkative(GatedBroker):
    """Writes all that it has to say, in one of its forms; what is waited for stands there in words."""

    def __init__(self, authority, people, psk, form):
        self.form, self.psk = form, psk
        super().__init__(*authority, self.text(people), anonymous=False)
        self.write(self.text(people, form))
        self.signal(signal.SIGHUP)
        self.wait_for_words(b"reloaded")

    def wait_for_words(self, words, count=1):
        until(lambda: self.log.read_bytes().count(words) >= count, lambda: self.log.read_text()[-3000:])

    @staticmethod
    def text(people, form="json"):
        return (f"auth: [{{file: '{people}'}}]\naccess: [{{allow: pubsub, topic: '#'}}]\n"
                f"log: {{level: debug, repeats: 0, format: {form}}}\n"
                "limits: {login: {delay: 0s, failures: 0}}\n")

    def write(self, text):
        super().write(text)
        whole = self.config.read_text().replace('"cert":', f'"psk_file": "{self.psk}", "cert":')
        self.config.write_text(whole)


@pytest.mark.parametrize("form", FORMS)
def test_the_log_of_a_broker(authority, people, tmp_path, form):
    psk = tmp_path / "keys"
    psk.write_text(f"device:{KEY}\n")
    ca, (cert, key) = authority
    private = [line for line in key.read_text().splitlines() if "-" not in line and len(line) > 8]
    broker = Talkative(authority, people, psk, form)
    try:
        passwords(broker)
        wire = proofs(broker)
        upgrades(broker)
        keys(broker)
        with pytest.raises((ssl.SSLError, OSError)):  # a client that does not trust us
            sock = plain(broker.gates["mqtts"])
            ssl.create_default_context().wrap_socket(sock, server_hostname="localhost")
        secured(broker.gates["mqtts"], plain(broker.gates["mqtts"])).close()
        # Files that are broken: a password in clear, a key that is none.
        whole, count = people.read_text(), broker.log.read_bytes().count(b"users")
        people.write_text(f"{whole}cora:{RIGHT}\n{WRONG}\n")
        broker.wait_for_words(b"users", count + 1)
        count = broker.log.read_bytes().count(str(psk).encode())
        psk.write_text(f"device:{KEY}\nother:{KEY}x\n{NO_KEY}\n")
        broker.wait_for_words(str(psk).encode(), count + 1)
        log = broker.log.read_bytes()
        assert log.count(b"ada") > 10 and b"bea" in log and b"nobody" in log
        said_nothing(log, [RIGHT, WRONG, TOKEN, TOKEN.split(".")[2], KEY, NO_KEY, bytes.fromhex(KEY),
                           *stored(people), *wire, *private])
        broker.errors_expected = True
        broker.log.write_bytes(b"")  # what is left of it may have any form
    finally:
        broker.process.terminate()
        assert broker.wait() == 0
        broker.remove()


@pytest.mark.parametrize("words", (("-P", RIGHT), ("-P", WRONG), ("--psk", KEY, "--psk-identity", "device"),
                                   ("--psk", KEY + "x", "--psk-identity", "device")),
                         ids=("right", "wrong", "key", "no key"))
def test_the_tools(gated, people, words):
    broker = gated(Talkative.text(people), anonymous=False)
    port = broker.gates["mqtts" if "--psk" in words else "mqtt"]["port"]
    for tool in (("pub", "-m", "x"), ("sub", "-C", "1", "-W", "1", "-v"), ("rr", "-m", "x", "-e", "y", "-W", "1")):
        done = subprocess.run([binary(), *tool, "-d", "-p", str(port), "-t", "x", "-u", "ada", *words],
                              capture_output=True, timeout=WAIT)
        said_nothing(done.stdout + done.stderr + b"said", [RIGHT, WRONG, KEY])
    broker.errors_expected = True


def test_a_web_service_that_repeats_what_it_hears(serve, tmp_path):
    """Its answers, good and bad, hold the password, and its key stands in a file: none of it is told on."""
    secret = tmp_path / "header"
    secret.write_text(f"Authorization: Bearer {KEY}\n")
    service = Hook()
    echo = json.dumps({"result": "deny", "password": RIGHT, "why": TOKEN}).encode()
    service.answers.update({"ada": {"result": "allow", "password": RIGHT}, "bea": echo, "cora": echo[:-1],
                            "dora": RIGHT.encode(), "emma": 500, "fanny": {"result": RIGHT}, "gina": "hang up",
                            "hanna": {"result": "allow", "groups": RIGHT}, "ida": 302})
    entry = json.dumps([{"http": {"url": service.url(), "header_file": str(secret)}}])
    broker = serve(f"auth: {entry}\naccess: [{{allow: pubsub, topic: '#'}}]\n"
                   f"log: {{level: debug, repeats: 0}}\nlimits: {{login: {{delay: 0s, failures: 0}}}}\n")
    broker.errors_expected = True
    for user in (*service.answers, "nobody"):
        for password in (RIGHT, WRONG, TOKEN):
            peer = Peer(broker.address, 5, WAIT)
            peer.hello(fresh("hook"), user=user, password=password)
            assert (peer.want(m.CONNACK).code == 0) == (user == "ada")
            peer.shut()
    said_nothing(broker.log.read_bytes(), [RIGHT, WRONG, TOKEN, KEY])
    service.close()
