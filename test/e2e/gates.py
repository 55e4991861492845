"""The four ways into a broker (TCP, TLS, WebSocket, WebSocket over TLS) for clients that are raw.

A gate is a dict, so that it can be handed to another process: scheme, port, path, ca.
"""

import json
import socket
import ssl
from functools import lru_cache

from rig import WAIT, Broker  # also makes `peer` known
from websock import Stream, Wire

import peer

SCHEMES = ("mqtt", "mqtts", "ws", "wss")


class GatedBroker(Broker):
    """Listens at all four; `gates` has them by scheme. `pair` is (certificate, key), `ca` their signer."""

    def __init__(self, ca, pair, text="", *words, anonymous=True):
        self.ca, self.pair, self.anonymous = ca, pair, anonymous
        super().__init__(text, *words)

    def listener(self, scheme):
        return {"url": f"{scheme}://127.0.0.1:0", "anonymous": self.anonymous}

    def write(self, text):
        listeners = [self.listener(scheme) for scheme in SCHEMES]
        tls = {"cert": str(self.pair[0]), "key": str(self.pair[1])}
        # At once: a reload that is under way must not see half of it.
        whole = self.directory / "whole.yaml"
        whole.write_text(f"listeners: {json.dumps(listeners)}\ntls: {json.dumps(tls)}\n{text}")
        whole.replace(self.config)

    def await_ready(self):
        super().await_ready()
        self.gates = {}
        for scheme, event in zip(SCHEMES, self.events("listener.open")):
            place, _, path = event["url"].split("://")[1].partition("/")
            self.gates[scheme] = {"scheme": scheme, "port": int(place.rsplit(":", 1)[1]),
                                  "path": "/" + path, "ca": str(self.ca.cert)}


@lru_cache
def context_of(ca):
    return ssl.create_default_context(cafile=ca)


def plain(gate):
    """A TCP connection to a gate, whatever is to be spoken there."""
    sock = socket.create_connection(("127.0.0.1", gate["port"]), timeout=WAIT)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def secured(gate, sock):
    """The same, behind the TLS handshake if the gate wants one."""
    if gate["scheme"] in ("mqtt", "ws"):
        return sock
    try:
        return context_of(gate["ca"]).wrap_socket(sock, server_hostname="localhost")
    except BaseException:
        sock.close()
        raise


def through(gate, cut=None):
    """What looks like a socket and takes MQTT: TLS and WebSocket handshakes are done."""
    sock = secured(gate, plain(gate))
    if gate["scheme"] in ("mqtt", "mqtts"):
        return sock
    wire = Wire(None, sock)
    wire.open(gate["path"])
    return Stream(wire, cut)


class GatePeer(peer.Peer):
    """The raw MQTT client at any gate."""

    def __init__(self, gate, v, wait=WAIT, cut=None):
        self.gate, self.cut = gate, cut
        super().__init__(("127.0.0.1", gate["port"]), v, wait)
        self.sock = secured(gate, self.sock)
        if gate["scheme"] in ("ws", "wss"):
            wire = Wire(None, self.sock)
            wire.open(gate["path"])
            self.sock = Stream(wire, cut)

    def _fill(self, until):
        try:
            super()._fill(until)
        except ssl.SSLError as error:
            raise peer.Closed from error


def dial(gate, v, **more):
    return GatePeer(gate, v, **more)
