"""A proxy between a client and the broker that breaks the connection at a chosen packet.

A cut says: when the nth packet of this type goes in this direction, end both connections before,
within or after it. So every step of a QoS flow can be lost on purpose, the same way each time. A
quiet cut waits until nothing has come from the other side for a while.
"""

import itertools
import socket
import threading
import time

from rig import until  # also makes `mqtt` known

import mqtt

NAMES = ("0 CONNECT CONNACK PUBLISH PUBACK PUBREC PUBREL PUBCOMP SUBSCRIBE SUBACK UNSUBSCRIBE "
         "UNSUBACK PINGREQ PINGRESP DISCONNECT AUTH").split()


QUIET = 0.3  # seconds


class Cut:
    def __init__(self, way, kind, nth, where="before", quiet=False):
        assert way in ("up", "down") and kind in NAMES and where in ("before", "within", "after")
        self.way, self.kind, self.nth, self.where, self.quiet = way, kind, nth, where, quiet
        self.done = False

    def __repr__(self):
        return f"{self.where} {self.kind} {self.nth} {self.way}"


def split(data):
    """Cuts the whole packets off the front of a bytearray; returns them."""
    found = []
    while True:
        size = shift = 0
        at = 1
        while at < len(data):
            size |= (data[at] & 0x7F) << shift
            shift += 7
            at += 1
            if not data[at - 1] & 0x80:
                break
        else:
            return found
        if len(data) < at + size:
            return found
        found.append(bytes(data[:at + size]))
        del data[:at + size]


def decode(version, packets):
    """(type, QoS, packet identifier, payload) of those of the packets that matter to a receiver."""
    found = []
    for packet in packets:
        if packet[0] >> 4 not in (mqtt.PUBLISH, mqtt.PUBREL):
            continue
        body = next(at for at in range(1, 5) if not packet[at] & 0x80) + 1
        got = mqtt.Packet(version, packet[0], packet[body:], len(packet))
        publish = got.kind == mqtt.PUBLISH
        found.append((got.kind, publish and got.qos, got.pid, publish and got.payload.decode()))
    return found


def hand_on(packets):
    """The payloads that a receiver hands on: it knows a QoS 2 message by its identifier from
    PUBLISH to PUBREL, as the standard asks.
    """
    texts, known = [], set()
    for kind, qos, pid, text in packets:
        if kind == mqtt.PUBREL:
            known.discard(pid)
        elif qos < 2 or pid not in known:
            texts.append(text)
        if qos == 2:
            known.add(pid)
    return texts


def take(texts, known, kind, qos, pid, text):
    """What a receiver has handed on, and which identifiers it knows, after one more packet."""
    if kind == mqtt.PUBREL:
        return texts, known - {pid}
    if text not in texts and pid not in known:
        texts = (*texts, text)
    return texts, known | {pid} if qos == 2 else known


class Proxy:
    """Listens on a port of its own; counts packets over all connections that it has carried."""

    def __init__(self, broker, cuts=()):
        self.broker, self.cuts, self.lock = broker, list(cuts), threading.Lock()
        self.seen, self.passed, self.counts, self.open = [], [], {}, []
        self.went_up = []  # for each connection, the whole packets that were sent on to the broker
        self.server = socket.create_server(("127.0.0.1", 0))
        self.address = self.server.getsockname()
        self.port = self.address[1]
        self.connections = 0
        self.heard = {"up": 0, "down": 0}  # when bytes came last
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.server.accept()
                broker = socket.create_connection(self.broker.address)
            except OSError:
                return
            for sock in (client, broker):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.connections += 1
                self.open.append((client, broker))
                self.went_up.append([])
                passed = {"up": self.went_up[-1], "down": self.passed}
            for way, source, sink in (("up", client, broker), ("down", broker, client)):
                threading.Thread(target=self._carry, args=(way, source, sink, passed[way]),
                                 daemon=True).start()

    def _carry(self, way, source, sink, passed):
        buffer = bytearray()
        try:
            while True:
                data = source.recv(1 << 18)
                if not data:
                    break
                self.heard[way] = time.monotonic()
                buffer += data
                for packet in split(buffer):
                    if not self._forward(way, packet, sink, passed):
                        return
        except OSError:
            pass
        finally:
            self._shut(source, sink)

    def _forward(self, way, packet, sink, passed):
        kind = NAMES[packet[0] >> 4]
        with self.lock:
            self.counts[way, kind] = nth = self.counts.get((way, kind), 0) + 1
            cut = next((c for c in self.cuts if (c.way, c.kind, c.nth) == (way, kind, nth)), None)
            self.seen.append((way, kind))
        if cut and cut.quiet:
            other = "down" if way == "up" else "up"
            until(lambda: time.monotonic() - self.heard[other] > QUIET, "silence")
        if cut and cut.where != "after":
            packet = packet[:len(packet) // 2 if cut.where == "within" else 0]
        else:
            passed.append(packet)
        sink.sendall(packet)
        if cut:
            cut.done = True
        return not cut

    @staticmethod
    def _shut(*socks):
        for sock in socks:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut_all(self):
        """Breaks every connection that is open now."""
        with self.lock:
            broken, self.open = self.open, []
        for pair in broken:
            self._shut(*pair)

    def wait_done(self):
        """Waits until every cut was made."""
        until(lambda: all(cut.done for cut in self.cuts),
              lambda: f"cuts {[c for c in self.cuts if not c.done]}, carried {self.counts}")

    def received(self, version):
        """The payloads that a receiver of everything that went down would hand on, in order."""
        return hand_on(decode(version, self.passed))

    def might_take(self, version):
        """Every order in which a broker may have taken the payloads that went up, each once: of a
        connection that was cut, the last packets may have been lost on the way. A client that
        publishes while it connects again may itself send out of order; what the broker makes of it
        must be one of these.
        """
        states = {((), frozenset())}
        for connection, packets in enumerate(self.went_up):
            after, was_cut = set(), connection < len(self.went_up) - 1
            for state in states:
                for packet in decode(version, packets):
                    if was_cut:
                        after.add(state)
                    state = take(*state, *packet)
                after.add(state)
            states = after
        return {texts for texts, _known in states}

    def close(self):
        self._shut(self.server)
        self.server.close()
        self.cut_all()
