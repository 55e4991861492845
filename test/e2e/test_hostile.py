"""Peers that mean harm, while two innocent pairs go on: nothing of theirs may be lost, doubled or
out of order, the broker lives, ends well when told to, and takes no more memory than it may.

GODWIT_BIN may name a sanitizer's build: then its findings fail the test by the exit code.
"""

import random
import signal
import socket
import struct
import threading
import time

import mqtt as m
import pytest
from peer import Peer, Silence
from rig import WAIT, fresh, sanitized
from siege import MIB, in_threads, siege

SEED = 20260


@pytest.fixture
def attacked(gated, record_property):
    """A broker with three loops whose innocents are watched until the test ends."""
    broker = gated("threads: 3\nlog: {repeats: 0}\n")
    with siege(broker, [("mqtt", 4), ("mqtt", 5)], record_property):
        yield broker


def join(address, v, cid=None, **kw):
    peer = Peer(address, v, WAIT)
    peer.hello(cid or fresh("evil"), **kw)
    peer.want(m.CONNACK, code=0)
    return peer


def throw(address, data, wait=None, reset=False):
    """Opens a connection, sends bytes, perhaps reads to the end, and is gone."""
    try:
        with socket.create_connection(address, WAIT) as sock:
            sock.sendall(data)
            if wait is not None:
                sock.settimeout(wait)
                for _ in range(50):
                    if not sock.recv(65536):
                        break
            if reset:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        pass


# ---- bytes that are no packets -------------------------------------------------------------------

def a_session(v, rnd):
    """The bytes of a valid session, made from a seed."""
    props = [(m.SESSION_EXPIRY, 1), (m.RECEIVE_MAXIMUM, 2), (m.TOPIC_ALIAS_MAXIMUM, 3),
             (m.MAXIMUM_PACKET_SIZE, 200)][:rnd.randrange(5)] if v == 5 else ()
    will = m.Will("z/will", b"w", qos=1) if rnd.random() < 0.5 else None
    out = [m.connect(v, f"fuzz{rnd.randrange(9)}", clean=rnd.random() < 0.5, will=will, props=props)]
    for _ in range(rnd.randrange(1, 10)):
        pid, qos, topic = rnd.randrange(1, 5), rnd.randrange(3), rnd.choice(["z/1", "z/2/3", "z", "/"])
        filters = [rnd.choice(["z/#", "+/1", "#", "z/+/3"] + ["$share/g/z/#"] * (v > 3))]
        extra = [(m.PAYLOAD_FORMAT, 1), (m.MESSAGE_EXPIRY, 1), (m.USER_PROPERTY, ("k", "v")),
                 (m.TOPIC_ALIAS, 1)][:rnd.randrange(5)] if v == 5 else ()
        out.append(rnd.choice([
            m.publish(v, topic, b"p", qos=qos, retain=rnd.random() < 0.3, pid=pid if qos else None,
                      props=extra),
            m.subscribe(v, pid, [(f, qos) for f in filters]),
            m.unsubscribe(v, pid, filters),
            m.ack(rnd.choice([m.PUBACK, m.PUBREC, m.PUBREL, m.PUBCOMP]), pid),
            m.pingreq(),
        ]))
    return out


def mutated(rnd):
    packets = a_session(rnd.choice([3, 4, 5]), rnd)
    if rnd.random() < 0.2:
        return packets[0] + rnd.randbytes(rnd.randrange(1, 500))
    data, keep = bytearray(b"".join(packets)), rnd.choice([0, len(packets[0])])
    for _ in range(rnd.randrange(4)):
        at = rnd.randrange(keep, len(data) + 1)
        how = rnd.randrange(3)
        if how == 0 and at < len(data):
            data[at] ^= 1 << rnd.randrange(8)
        elif how == 1:
            del data[at:at + rnd.randrange(1, 6)]
        else:
            data[at:at] = rnd.randbytes(rnd.randrange(1, 6))
    return bytes(data)


def test_mutated_sessions(attacked):
    def run(seed):
        rnd = random.Random(seed)
        for _ in range(250):
            throw(attacked.address, mutated(rnd), wait=0.01 if rnd.random() < 0.2 else None,
                  reset=rnd.random() < 0.2)
    in_threads(*(lambda seed=seed: run(seed) for seed in (SEED, SEED + 1)))


@pytest.mark.parametrize("v", (3, 4, 5))
def test_cut_at_every_byte(attacked, v):
    """A session cut off after each byte, and one that comes in two pieces at each byte."""
    topic = fresh("cut")
    data = b"".join([
        m.connect(v, topic, will=m.Will(topic, b"w")), m.subscribe(v, 1, [(topic, 2)]),
        m.publish(v, topic, b"y" * 140, qos=2, pid=7), m.ack(m.PUBREL, 7), m.disconnect()])
    for at in range(1, len(data)):
        throw(attacked.address, data[:at])
        with socket.create_connection(attacked.address, WAIT) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.sendall(data[:at])
            sock.sendall(data[at:])
            while sock.recv(65536):
                pass


# ---- connections ---------------------------------------------------------------------------------

def test_bytes_behind_connect_move_along(attacked):
    """Whatever loop accepts, everything behind CONNECT is acted on, once and in order."""
    def run(seed):
        rnd = random.Random(seed)
        for _ in range(60):
            v, topic, count = rnd.choice([4, 5]), fresh("move"), rnd.choice([1, 9, 90])
            data = m.connect(v, topic) + m.subscribe(v, 1, [(topic, 0)]) + b"".join(
                m.publish(v, topic, b"%d" % n + b"." * rnd.choice([0, 700]), qos=1, pid=n + 2)
                for n in range(count))
            peer = Peer(attacked.address, v, WAIT)
            cut = rnd.randrange(len(data))
            peer.send(data[:cut])
            peer.send(data[cut:])
            got = [peer.read() for _ in range(2 + 2 * count)]
            seen = [int(p.payload.rstrip(b".")) for p in got if p.kind == m.PUBLISH]
            assert seen == list(range(count))
            peer.shut()
    in_threads(*(lambda seed=seed: run(seed) for seed in range(2)))


def test_take_over_duels(attacked):
    """Many connections fight for three identifiers, with wills, queues and bytes behind CONNECT."""
    def run(seed):
        rnd, open_ones = random.Random(seed), []
        for _ in range(120):
            v = rnd.choice([4, 5])
            will = m.Will("duel/will", b"w" * rnd.randrange(200), qos=1, retain=rnd.random() < 0.3)
            data = m.connect(v, f"duel{rnd.randrange(3)}", clean=rnd.random() < 0.3, will=will,
                             props=[(m.SESSION_EXPIRY, rnd.choice([0, 1, 99]))] if v == 5 else ())
            for n in range(1, rnd.randrange(1, 10)):
                data += rnd.choice([
                    m.subscribe(v, n, [("duel/#", 1), (f"$share/g/duel/{n}", 1)]),
                    m.publish(v, f"duel/{n}", b"p" * rnd.choice([1, 3000]), qos=1, pid=n,
                              retain=rnd.random() < 0.5),
                    m.publish(v, f"duel/{n}", b"p", qos=2, pid=n), m.ack(m.PUBREL, n)])
            sock = socket.create_connection(attacked.address, WAIT)
            open_ones.append(sock)
            try:
                sock.sendall(data)
            except OSError:
                pass  # taken over already
            if len(open_ones) > 6:
                open_ones.pop(rnd.randrange(6)).close()
        for sock in open_ones:
            sock.close()
    in_threads(*(lambda seed=seed: run(seed) for seed in range(3)))


def test_every_will_of_a_mass_disconnect_once(attacked):
    count, topic = 200, fresh("will")
    watcher = join(attacked.address, 4)
    watcher.subscribe(topic + "/#")
    for resets in (False, True):
        clients = [join(attacked.address, (3, 4, 5)[n % 3], will=m.Will(f"{topic}/{n}", b"w"))
                   for n in range(count)]
        for one in clients:
            if resets:
                one.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.shut()
        seen = sorted(watcher.message().topic for _ in range(count))
        assert seen == sorted(f"{topic}/{n}" for n in range(count))
    watcher.silent(0.1)


# ---- what is waited for, or never read -----------------------------------------------------------

@pytest.mark.parametrize("size", (2100, 4100, 16500, 200000))
def test_retained_of_any_size_come_completely(shared, size):
    """QoS 0 replays that fill the output with nothing in the queue behind it."""
    topic, count = fresh("fill"), 150 if size < 20000 else 10
    pub, sub = join(shared.address, 4), join(shared.address, 4)
    for n in range(count):
        pub.send(m.publish(4, f"{topic}/{n}", b"x" * size, retain=True))
    pub.ping()
    sub.subscribe(topic + "/#")
    assert len({sub.message(retain=True).topic for _ in range(count)}) == count
    for n in range(count):
        pub.send(m.publish(4, f"{topic}/{n}", retain=True))
    pub.ping()


def test_a_group_gives_up_a_long_queue_without_a_deep_stack(serve):
    """A member that can take nothing of what waits for its group: message after message goes."""
    broker = serve("threads: 1\nshared: {queue: {messages: 100000, bytes: 100MB}}\n")
    member = join(broker.address, 5, props=[(m.MAXIMUM_PACKET_SIZE, 60), (m.RECEIVE_MAXIMUM, 1)])
    member.subscribe([("$share/g/x", 1)])
    pub, small, large = join(broker.address, 4), 66, 15000
    for n in range(small + large):
        pub.send(m.publish(4, "x", b"s" if n < small else b"L" * 100, qos=1, pid=n + 1))
    for n in range(small + large):
        pub.want(m.PUBACK)
    for _ in range(small):
        member.message(payload=b"s")
    pub.send(m.publish(4, "x", b"end", qos=1, pid=1))
    member.message(payload=b"end")


def test_thousands_of_replays_wait(attacked):
    """A client that takes nothing has a replay of retained messages for each of many filters, and
    more of them come live."""
    pub = join(attacked.address, 5)
    topic, count = fresh("many"), 4000
    for n in range(100):
        pub.send(m.publish(5, f"{topic}/{n}", b"x" * 3000, retain=True))
    pub.ping()
    before = attacked.rss()
    idle = join(attacked.address, 5, props=[(m.RECEIVE_MAXIMUM, 1)])
    for at in range(0, count, 500):
        idle.send(m.subscribe(5, at + 1, [(f"{topic}/#" if n == 0 else f"+/{n}/#", 1)
                                          for n in range(at, at + 500)]))
        idle.want(m.SUBACK)
    for n in range(100):
        pub.send(m.publish(5, f"{topic}/{n}", b"y", retain=True))
    pub.ping()
    assert sanitized() or attacked.rss() - before < 32 * MIB


def test_a_stopped_subscriber_costs_its_bound_and_goes_on(attacked):
    """A subscriber that stops reading, as under SIGSTOP, holds no more than its queue and output."""
    topic = fresh("stop")
    sub, pub = join(attacked.address, 4), join(attacked.address, 4)
    sub.subscribe(topic, qos=1)
    before = attacked.rss()
    for n in range(20000):
        pub.send(m.publish(4, topic, b"%d" % n + b"." * 1000))
    pub.ping()
    assert sanitized() or attacked.rss() - before < 16 * MIB
    last = -1
    pub.send(m.publish(4, topic, b"end"))
    try:
        while True:
            payload = sub.message(wait=0.5).payload
            if payload == b"end":
                break
            number = int(payload.rstrip(b"."))
            assert number > last
            last = number
    except Silence:  # "end" did not fit the queue either; now there is room
        pub.send(m.publish(4, topic, b"end", qos=1, pid=1))
        sub.message(payload=b"end")
    assert last >= 0


@pytest.mark.parametrize("tail", ("/#", "/a" * 60 + "/b"), ids=("all", "almost"))
def test_a_flood_that_costs_much_to_match(serve, tail):
    """Thousands of overlapping filters and a flood to their topic, which matches them or almost does:
    others get their turns on every loop, so that nothing of theirs piles up beyond its queue."""
    broker = serve("threads: 3\nlog: {repeats: 0}\n")
    filters = ["/".join("a" if n >> bit & 1 else "+" for bit in range(11)) + tail
               for n in range(1000)]
    idle = [join(broker.address, 5) for _ in range(6)]
    for peer in idle:
        for at in range(0, len(filters), 100):
            peer.send(m.subscribe(5, at + 1, [(f, 0) for f in filters[at:at + 100]]))
            peer.want(m.SUBACK)
    over, count, topic = threading.Event(), 1500, fresh("calm")
    name = "a" + "/a" * 10 + ("" if tail == "/#" else "/a" * 60)

    def flood():
        peer, data = join(broker.address, 5), m.publish(5, name, b"x") * 200
        peer.sock.setblocking(False)
        while not over.is_set():
            try:
                sent = peer.sock.send(data)
                data = data[sent:] + data[:sent]
            except BlockingIOError:
                time.sleep(0.005)
        peer.shut()

    def innocents():
        try:
            sub, pub, acked = join(broker.address, 5), join(broker.address, 5), 0
            sub.subscribe(topic, qos=2)
            seen, faults = [0], []

            def read():
                try:
                    for n in range(count):
                        sub.message(payload=str(n))
                        seen[0] = n + 1
                except Exception as fault:  # noqa: BLE001 - a thread's fault must reach the test
                    faults.append(repr(fault))
            reader = threading.Thread(target=read)
            reader.start()
            for n in range(count):
                while n - seen[0] > 500 and not faults:  # its queue is bounded, and may be slow
                    time.sleep(0.001)
                pub.send(m.publish(5, topic, str(n), qos=1, pid=n + 1))
                if n - acked >= 30:
                    pub.want(m.PUBACK, code=0)
                    acked += 1
            reader.join()  # each message has its time
            assert (faults, seen[0]) == ([], count)
        finally:
            over.set()
    in_threads(flood, innocents)
    for peer in idle:
        peer.shut()


# ---- under load ----------------------------------------------------------------------------------

def load(address, over, seed):
    """Whatever comes to mind, until told to stop."""
    rnd = random.Random(seed)
    while not over.is_set():
        throw(address, b"".join(a_session(rnd.choice([3, 4, 5]), rnd)),
              wait=0.01 if rnd.random() < 0.3 else None, reset=rnd.random() < 0.2)


def test_reloads_under_load(attacked):
    over = threading.Event()

    def reload():
        rnd = random.Random(SEED)
        try:
            for _ in range(40):
                attacked.write("threads: 3\nlog: {repeats: 0}\n"
                               f"limits: {{inflight: {rnd.choice([1, 5, 100])}, topic_levels: "
                               f"{rnd.choice([8, 128])}, topic_alias_in: {rnd.choice([0, 16])}, "
                               f"queue: {{policy: {rnd.choice(['drop_oldest', 'disconnect'])}}}}}\n")
                attacked.signal(signal.SIGHUP)
                time.sleep(0.02)
        finally:
            over.set()
    in_threads(reload, *(lambda seed=seed: load(attacked.address, over, seed) for seed in (1, 2)))
    attacked.wait_for("config.reloaded")


def test_an_end_that_clients_do_not_wait_for(serve):
    """No time to drain: everybody is cut, wills and shared messages under way, and all is released."""
    broker = serve("threads: 3\nlimits: {drain_time: 0s}\n")
    peers = [join(broker.address, 5, will=m.Will("w/x", b"w", retain=True)) for _ in range(20)]
    for peer in peers:
        peer.subscribe([("w/#", 1), ("$share/g/w/#", 1)], granted=[1, 1])
    broker.stop()


@pytest.mark.parametrize("seed", (1, 2, 3))
def test_the_end_under_load(serve, seed):
    """SIGTERM while everything is under way: an end in order (the fixture looks at the code)."""
    broker, over = serve("threads: 3\nlog: {repeats: 0}\n"), threading.Event()

    def end():
        time.sleep(0.3)
        broker.signal(signal.SIGTERM)
        try:
            assert broker.wait() == 0, broker.log.read_text()[-3000:]
        finally:
            over.set()
            broker.remove()
    in_threads(end, *(lambda s=s: load(broker.address, over, s) for s in (seed * 10, seed * 10 + 1)))
