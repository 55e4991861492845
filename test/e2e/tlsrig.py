"""What the tests of TLS share: a CA, brokers with TLS listeners, peers that speak TLS."""

import json
import os
import shutil
import socket
import ssl
import subprocess

import mqtt as m
import pytest
from authority import Authority
from peer import Closed, Peer
from rig import WAIT, Broker, binary, fresh, stop_all

SERVER_NAMES = ("DNS:localhost", "IP:127.0.0.1")


@pytest.fixture(scope="module")
def ca():
    one = Authority()
    yield one
    one.remove()


@pytest.fixture(scope="module")
def pair(ca):
    return ca.issue("localhost", san=SERVER_NAMES)


class Secure(Broker):
    """A broker whose listeners are written by the test; `ports` are theirs in order."""

    def __init__(self, listeners, text=""):
        self.listeners = listeners
        super().__init__(text)

    def write(self, text):
        self.config.write_text(f"listeners: {json.dumps(self.listeners)}\n{text}")

    def await_ready(self):
        self.wait_for("broker.ready")
        self.ports = [int(event["url"].rsplit(":", 1)[1].split("/")[0])
                      for event in self.events("listener.open")]
        self.port, self.address = self.ports[0], ("127.0.0.1", self.ports[0])


@pytest.fixture
def secure():
    """Starts brokers with TLS; each must live at the end and end well."""
    started = []

    def start(tls, text="threads: 2\n", listeners=("mqtts://127.0.0.1:0",), anonymous=True):
        written = [{"url": one, "anonymous": anonymous} if isinstance(one, str) else one
                   for one in listeners]
        started.append(Secure(written, f"tls: {json.dumps(tls)}\n{text}"))
        return started[-1]

    yield start
    stop_all(started)


@pytest.fixture
def plain_tls(secure, pair):
    cert, key = pair
    return secure({"cert": str(cert), "key": str(key)})


def context_of(ca, pair=None, low=None, high=None):
    context = ssl.create_default_context(cafile=ca.cert)
    if pair:
        context.load_cert_chain(*pair)
    context.minimum_version = low or context.minimum_version
    context.maximum_version = high or context.maximum_version
    return context


def dial(broker, context, name="localhost", at=0, **more):
    raw = socket.create_connection(("127.0.0.1", broker.ports[at]), timeout=WAIT)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        return context.wrap_socket(raw, server_hostname=name, **more)
    except BaseException:
        raw.close()
        raise


class TlsPeer(Peer):
    """The raw client of the conformance tests over TLS."""

    def __init__(self, broker, v, context, at=0, **more):
        super().__init__(("127.0.0.1", broker.ports[at]), v, WAIT)
        self.sock = context.wrap_socket(self.sock, server_hostname="localhost", **more)

    def _fill(self, until):
        try:
            super()._fill(until)
        except ssl.SSLError as error:
            raise Closed from error

    def join(self, cid=None, **more):
        self.hello(cid or fresh("tls"), **more)
        self.want(m.CONNACK, code=0)
        return self


def client_ends(broker, *words, stdin=b""):
    """What `openssl s_client` printed."""
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{broker.port}", *words],
                          input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=WAIT, check=False)
    return done.stdout.decode(errors="replace")


def serial_of(broker, ca):
    with dial(broker, context_of(ca)) as one:
        return one.getpeercert()["serialNumber"]


def put(pair, cert, key):
    """Puts a pair into the files of another, each at once."""
    for source, target in zip(pair, (cert, key)):
        shutil.copy(source, f"{target}.new")
        os.replace(f"{target}.new", target)


def words_of_refusal(tls, tmp_path, url="mqtts://127.0.0.1:0"):
    config = tmp_path / "g.yaml"
    config.write_text(f"listeners: [{url}]\ntls: {json.dumps(tls)}\n")
    done = subprocess.run([binary(), "serve", "-c", str(config)], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=WAIT, check=False)
    return done.returncode, done.stdout.decode()


def tool(*words, wait=WAIT):
    done = subprocess.run([binary(), *map(str, words)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=wait, check=False)
    return done.returncode, done.stdout, done.stderr.decode()
