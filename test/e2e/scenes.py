"""The rows of "what survives what", each as two halves: what is promised before an accident, and
what is found after it. test_durable.py plays them against every accident and every class.

A row's title is the first cell of its row in docs/explanation/durability.md.
"""

import time

import mqtt as m
from peer import Peer, Silence
from rig import WAIT

NEVER = 0xFFFFFFFF
EXPIRY = [(m.SESSION_EXPIRY, NEVER)]


def join(broker, cid, v=5, present=None, props=EXPIRY, clean=False, **more):
    peer = Peer(broker.address, v, WAIT)
    peer.hello(cid, clean=clean, props=props if v == 5 else (), **more)
    peer.want(m.CONNACK, code=0, **({} if present is None else {"present": present}))
    return peer


def guest(broker, cid, v=5):
    """A client without a session."""
    return join(broker, cid, v, clean=True, props=())


def heard(peer, wait):
    """The payloads that come until it is silent for so long, first deliveries only."""
    payloads, taken = [], set()
    while True:
        try:
            got = peer.inbox.pop(0) if peer.inbox else peer.read(wait)
        except Silence:
            return payloads
        if got.kind == m.PUBREL:
            peer.answer(m.PUBCOMP, got.pid)
            taken.discard(got.pid)
        elif got.kind == m.PUBLISH:
            if not (got.qos == 2 and got.pid in taken):
                payloads.append(got.payload)
            if got.qos:
                peer.answer(m.PUBACK if got.qos == 1 else m.PUBREC, got.pid)
            if got.qos == 2:
                taken.add(got.pid)


def retained(broker, pattern):
    probe = guest(broker, "probe")
    probe.subscribe(pattern, 1)
    found = {}
    try:
        while True:
            got = probe.message(0.3)
            found[got.topic] = got.payload
    except Silence:
        pass
    probe.bye()
    return found


class Scene:
    """`vanishes`: where it is not promised and the process that knew it is dead, it is gone."""

    title, vanishes = "", True

    def __init__(self, broker):
        self.broker = broker

    def topic(self, last="t"):
        return f"{type(self).__name__}/{last}"

    def subscriber(self, cid, qos, pattern=None, v=5, **more):
        """A session with a subscription, its connection gone."""
        peer = join(self.broker, cid, v, **more)
        peer.subscribe(pattern or self.topic("#"), qos)
        return peer

    def leave(self):
        """Ends what connections are left, without a word."""
        for each in vars(self).values():
            for peer in each if isinstance(each, list) else [each]:
                if isinstance(peer, Peer):
                    peer.shut()

    def send(self, payload, qos, last="t", **more):
        peer = guest(self.broker, "sender")
        peer.publish(self.topic(last), payload, qos, **more)
        peer.bye()


class Qos1(Scene):
    title = "QoS 1 message, PUBACK went out"

    def promise(self):
        self.slow = self.subscriber("qos1-slow", 1)  # has it, says nothing
        self.subscriber("qos1-old", 1, v=4).shut()
        self.send(b"once", 1)

    def found(self):
        return all(heard(join(self.broker, cid, v, present=True), 0.3) == [b"once"]
                   for cid, v in (("qos1-slow", 5), ("qos1-old", 4)))


class Qos2(Scene):
    title = "QoS 2 message, PUBREC went out"

    def promise(self):
        self.subscriber("qos2-sub", 2).shut()
        peer = join(self.broker, "qos2-pub")
        peer.send(m.publish(5, self.topic(), b"once", 2, pid=9))
        peer.want(m.PUBREC, pid=9, code=0)
        self.peer = peer

    def found(self):
        peer = join(self.broker, "qos2-pub", present=True)
        peer.send(m.ack(m.PUBREL, 9))
        answer = peer.want(m.PUBCOMP, pid=9)
        return answer.code == 0 and heard(join(self.broker, "qos2-sub"), 0.3) == [b"once"]


class Queued(Scene):
    title = "queued for an absent session"
    many = [b"%d" % n for n in range(20)]

    def promise(self):
        self.subscriber("queued-5", 2).shut()
        self.subscriber("queued-4", 1, v=4).shut()
        peer = guest(self.broker, "sender")
        for payload in self.many:
            peer.publish(self.topic(), payload, 1)
        peer.bye()

    def found(self):
        return all(heard(join(self.broker, cid, v, present=True), 0.3) == self.many
                   for cid, v in (("queued-5", 5), ("queued-4", 4)))


class InFlight(Scene):
    title = "in flight to a subscriber, not acknowledged by it"

    def promise(self):
        peer = self.subscriber("flight", 2)
        for payload, qos in ((b"one", 1), (b"two", 2), (b"rel", 2)):
            self.send(payload, qos)
        got = [peer.message(ack=False) for _ in range(3)]
        self.pids = {each.payload: each.pid for each in got}
        peer.answer(m.PUBREC, self.pids[b"rel"])
        peer.want(m.PUBREL, pid=self.pids[b"rel"])
        self.peer = peer

    def found(self):
        peer = join(self.broker, "flight", present=True)
        again = {}
        try:
            while len(again) < 3:
                got = peer.read(1)
                key = got.payload if got.kind == m.PUBLISH else b"rel"
                again[key] = (got.kind, got.pid, getattr(got, "dup", None))
        except Silence:
            pass
        two, rel = again.get(b"two"), again.get(b"rel")
        return (b"one" in again and two == (m.PUBLISH, self.pids[b"two"], True)
                and rel == (m.PUBREL, self.pids[b"rel"], None))


class Settled(Scene):
    title, vanishes = "acknowledged by the subscriber", False

    def promise(self):
        peer = self.subscriber("settled", 2)
        self.send(b"done", 2)
        peer.message(payload=b"done")
        peer.ping()
        self.peer = peer

    def found(self):
        return heard(join(self.broker, "settled"), 0.3) == []


class Retained(Scene):
    title = "retained message set"

    def promise(self):
        self.send(b"old", 1, retain=True)
        self.send(b"new", 2, retain=True)
        self.send(b"other", 1, last="u", retain=True)

    def found(self):
        return retained(self.broker, self.topic("#")) == {
            self.topic("t"): b"new", self.topic("u"): b"other"}


class Deleted(Scene):
    title, vanishes = "retained message deleted", False

    def promise(self):
        self.send(b"gone", 1, retain=True)
        self.send(b"", 1, retain=True)

    def found(self):
        return retained(self.broker, self.topic("#")) == {}


class Subscribed(Scene):
    title = "subscription, SUBACK went out"

    def promise(self):
        peer = join(self.broker, "subscribed")
        peer.subscribe(self.topic("#"), 2, props=[(m.SUBSCRIPTION_ID, 77)], no_local=True,
                       as_published=True)
        self.peer = peer

    def found(self):
        peer = join(self.broker, "subscribed", present=True)
        self.send(b"new", 2, retain=True)
        peer.publish(self.topic(), b"own", 1)
        got = peer.message(payload=b"new", qos=2, retain=True)
        good = got.all(m.SUBSCRIPTION_ID) == [77] and heard(peer, 0.2) == []
        self.send(b"", 1, retain=True)
        return good


class Unsubscribed(Scene):
    title = "subscription ended, UNSUBACK went out"

    def promise(self):
        peer = self.subscriber("unsubscribed", 1)
        peer.unsubscribe(self.topic("#"))
        self.peer = peer

    def found(self):
        peer = join(self.broker, "unsubscribed", present=True)
        self.send(b"x", 1)
        return heard(peer, 0.3) == []


class Exists(Scene):
    title = "session: that it exists, its expiry"

    def promise(self):
        join(self.broker, "long").shut()
        join(self.broker, "old", 4).shut()
        join(self.broker, "short", props=[(m.SESSION_EXPIRY, 1)]).shut()
        self.end = time.monotonic() + 1.5

    def found(self):
        time.sleep(max(self.end - time.monotonic(), 0))
        present = {cid: join(self.broker, cid, v).connack.present
                   for cid, v in (("long", 5), ("old", 4), ("short", 5))}
        return present == {"long": True, "old": True, "short": False}


class Ended(Scene):
    title = "session ended by clean start or expiry 0"

    def promise(self):
        for cid, v in (("ended-5", 5), ("ended-4", 4), ("ended-0", 5)):
            self.subscriber(cid, 1, v=v).shut()
        self.peers = [join(self.broker, "ended-5", clean=True, props=[(m.SESSION_EXPIRY, 0)]),
                      join(self.broker, "ended-4", 4, clean=True),
                      join(self.broker, "ended-0", clean=True, props=())]

    def found(self):
        return not any(join(self.broker, cid, v).connack.present
                       for cid, v in (("ended-5", 5), ("ended-4", 4), ("ended-0", 5)))


class Will(Scene):
    title = "will of a session that outlives its connection, with its delay"

    def promise(self):
        self.subscriber("mourner", 2).shut()
        for cid, delay in (("soon", 1), ("late", 3600)):
            will = m.Will(self.topic(cid), cid.encode(), 2, props=[(m.WILL_DELAY, delay)])
            setattr(self, cid, join(self.broker, cid, will=will))

    def found(self):
        mourner = join(self.broker, "mourner", present=True)
        # One that falls due while the disk is full goes out from memory, at QoS 1.
        will = mourner.message(10, payload=b"soon")
        return will.qos > 0 and heard(mourner, 0.3) == []


class Shared(Scene):
    title = "queue of a shared group"

    def promise(self):
        self.subscriber("member", 2, "$share/group/" + self.topic("#")).shut()
        self.send(b"one", 1)
        self.send(b"two", 2)

    def found(self):
        return sorted(heard(join(self.broker, "member", present=True), 0.4)) == [b"one", b"two"]


class Identifiers(Scene):
    title, vanishes = "packet identifiers of QoS 2, both directions", False

    def promise(self):
        self.sub = self.subscriber("ids-sub", 2)
        self.pub = join(self.broker, "ids-pub", 4)
        self.pub.send(m.publish(4, self.topic(), b"once", 2, pid=7))
        self.pub.want(m.PUBREC, pid=7)
        self.pid = self.sub.message(ack=False, payload=b"once").pid

    def found(self):
        pub = join(self.broker, "ids-pub", 4, present=True)
        pub.send(m.publish(4, self.topic(), b"once", 2, dup=True, pid=7))
        pub.want(m.PUBREC, pid=7)
        pub.send(m.ack(m.PUBREL, 7))
        pub.want(m.PUBCOMP, pid=7)
        sub = join(self.broker, "ids-sub", present=True)
        got = sub.message(payload=b"once", qos=2, dup=True, pid=self.pid)
        return bool(got) and heard(sub, 0.3) == []


SCENES = {scene.title: scene for scene in Scene.__subclasses__()}
