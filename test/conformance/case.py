"""How cases are declared: @case(v5=, v4=, v3=, ...) on a function taking a Context.

A case becomes one pytest item per protocol version. Slow cases (they wait for the server's clock)
are started in threads when the run begins, and their items only collect the outcome.
"""

import itertools
import os
import threading
import time

import pytest

from broker import Unavailable
from peer import Peer, Silence, WAIT
import mqtt as m

CASES = {}  # function name -> Case
_number = itertools.count(1)
_run = f"{os.getpid():x}"  # a broker that outlives the run has no leftovers of these names


class Case:
    def __init__(self, function, ids, versions, config, slow):
        self.function, self.name = function, function.__name__.replace("test_", "", 1)
        self.ids, self.versions, self.config, self.slow = ids, versions, config, slow
        self.outcomes = {}  # version -> "pass", "FAIL" or "skip"


def full(words):
    """"3.1.0-2 U5-3.15-1" -> ("MQTT-3.1.0-2", "U5-3.15-1")"""
    return tuple(f"MQTT-{w}" if w[0].isdigit() else w for w in words.split())


def case(v5="", v4="", v3="", versions=None, config="default", slow=False):
    """Declares a case: `v5`, `v4`, `v3` list the statements of each standard that it covers.

    It runs in the versions that have statements, or in `versions`.
    """
    ids = {5: full(v5), 4: full(v4), 3: full(v3)}
    chosen = versions or tuple(v for v in (3, 4, 5) if ids[v])

    def wrap(function):
        entry = Case(function, ids, chosen, config, slow)
        assert entry.name not in CASES, f"two cases named {entry.name}"
        CASES[entry.name] = entry

        @pytest.mark.parametrize("version", chosen, ids=[f"v{v}" for v in chosen])
        def item(version, brokers):
            future = FUTURES.pop((entry.name, version), None)
            if future:
                future.result()
            else:
                run(entry, version, brokers)
        item.__name__, item.__doc__ = function.__name__, function.__doc__
        item.__module__ = function.__module__
        item.case = entry
        return item
    return wrap


FUTURES = {}  # (name, version) -> future of a slow case already running


def run(entry, version, brokers):
    try:
        broker = brokers.get(entry.config)
    except Unavailable:
        pytest.skip(f"needs configuration {entry.config}")
    with Context(version, broker) as context:
        entry.function(context)


class Context:
    """What a case works with: its version, unique names, and peers that are closed at its end."""

    def __init__(self, version, broker):
        self.v, self.broker, self.peers = version, broker, []
        self.tag, self.count = f"{_run}x{next(_number):x}", itertools.count(1)
        self.lock = threading.Lock()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for peer in self.peers:
            peer.sock.close()

    def cid(self):
        """A client id nobody else uses: 1 to 23 letters and digits."""
        return f"c{self.tag}x{next(self.count)}"

    def topic(self, tail="t"):
        """A topic name nobody else uses."""
        return f"conf/{self.tag}/{next(self.count)}/{tail}"

    def open(self, v=None):
        """A TCP connection on which nothing was said yet."""
        peer = Peer(self.broker.address, self.v if v is None else v)
        self.peers.append(peer)
        return peer

    def connect(self, cid=None, v=None, session=None, present=None, **kw):
        """A peer after a successful CONNACK.

        `session` keeps the session: seconds of expiry in v5, clean session 0 in 3.x; unless
        clean is given as well, the session is then also resumed.
        """
        peer = self.open(v)
        if session is not None:
            kw.setdefault("clean", False)
            if peer.v == 5:
                kw["props"] = [(m.SESSION_EXPIRY, session), *kw.get("props", ())]
        peer.hello(self.cid() if cid is None else cid, **kw)
        got = peer.want(m.CONNACK)
        assert got.code == 0, f"CONNECT refused: {got}"
        if present is not None and peer.v > 3:
            assert got.present is present, f"session present {got.present}, expected {present}"
        return peer

    def refuse(self, packet, code=None, return_code=None, optional=False):
        """A first packet that has to be refused on a connection of its own."""
        peer = self.open()
        peer.send(packet)
        return peer.refused(code, return_code, optional)

    def kills(self, packet, code=None, **kw):
        """A packet after which the server has to close (v5: with this DISCONNECT reason)."""
        peer = self.connect(**kw)
        peer.send(packet)
        return peer.closed(code)

    def drain(self, subscriber, publisher=None):
        """All PUBLISH packets that reach `subscriber` before a marker sent after them.

        This proves that something was not delivered without waiting for it.
        """
        publisher = publisher or self.connect()
        marker = self.topic("marker")
        subscriber.subscribe(marker, 1)
        publisher.publish(marker, b"end", 1)
        found = []
        while True:
            got = subscriber.message()
            if got.topic == marker:
                return found
            found.append(got)

    def expect(self, subscriber, payloads, publisher=None, any_order=False):
        """Exactly these payloads reach the subscriber, in this order; returns the packets."""
        found = []
        try:
            while len(found) < len(payloads):
                found.append(subscriber.message())
        except Silence:
            pass  # told below
        found += self.drain(subscriber, publisher)
        got, want = [p.payload for p in found], [m.raw(p) for p in payloads]
        assert (sorted(got) == sorted(want)) if any_order else got == want, f"{got} != {want}"
        return found

    def gather(self, peers, total, ack=True):
        """What each peer got once `total` messages reached them together, as lists of packets."""
        found, until = [[] for _ in peers], time.monotonic() + WAIT
        while sum(map(len, found)) < total and time.monotonic() < until:
            for peer, mine in zip(peers, found):
                peer.ping()
                while peer.inbox:
                    mine.append(peer.message(ack=ack))
        count = sum(map(len, found))
        assert count == total, f"{count} messages, expected {total}"
        return found

    def stored(self, filter_, payloads, qos=2, **opts):
        """A new subscription to the filter gets exactly these retained messages."""
        peer = self.connect()
        peer.subscribe(filter_, qos, **opts)
        return self.expect(peer, payloads, any_order=True)

    def pair(self, topic, qos=0, **kw):
        """A subscriber to `topic` and a publisher, both connected."""
        subscriber = self.connect(**kw)
        subscriber.subscribe(topic, qos)
        return subscriber, self.connect()
