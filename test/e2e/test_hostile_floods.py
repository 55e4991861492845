"""Floods and slow peers through each gate, while innocents go on: they lose nothing, memory has its
bounds, and when it is over descriptors, memory and processor are back at rest.
"""

import resource
import socket
import ssl
import struct
import subprocess
import threading
import time
from functools import lru_cache

import mqtt as m
import pytest
from gates import SCHEMES, context_of, dial, plain, through
from peer import Closed, Silence
from rig import WAIT, binary, fresh, sanitized, until
from siege import EVERYWHERE, MIB, PEAK, in_threads, siege
from websock import BINARY, PING, frame, request

OPEN = "threads: 3\nlog: {repeats: 0}\n"
LONG = 3.0  # seconds that a flood takes at most
CROWD = "connections_unauthenticated_per_address: 10000"


def join(gate, v=5, cid=None, **more):
    peer = dial(gate, v)
    peer.hello(cid or fresh("evil"), **more)
    peer.want(m.CONNACK, code=0)
    return peer


def reset(sock):
    """The connection ends with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def raw_of(peer):
    """What a peer's bytes go through: the TLS or TCP socket, below any frames."""
    return peer.sock.wire.sock if hasattr(peer.sock, "wire") else peer.sock


def framed(peer, data):
    """Bytes as they go through that socket."""
    return frame(BINARY, data) if hasattr(peer.sock, "wire") else data


def pour(sock, data, most, patience=0.5):
    """Sends the same again and again, never reading, until nothing more is taken (or it was long)."""
    sock.settimeout(patience)
    sent, enough = 0, time.monotonic() + LONG
    try:
        while sent < most and time.monotonic() < enough:
            sock.sendall(data)
            sent += len(data)
    except (TimeoutError, ConnectionError, ssl.SSLError):
        pass
    return sent


# ---- connections ---------------------------------------------------------------------------------

@pytest.mark.parametrize("how", ("close", "reset", "silent connect", "hello"))
def test_connects(gated, record_property, how):
    """Connections that come and go as fast as they can."""
    broker = gated(f"{OPEN}limits: {{{CROWD}}}\n")
    port = {"port": broker.port}

    def flood():
        for n in range(500):
            try:
                sock = plain(port)
                if how == "hello":
                    sock.sendall(m.connect(5, "") + m.disconnect())
                elif how == "silent connect":
                    sock.sendall(m.connect(4, fresh("gone"), will=m.Will("gone/will"))[:-n % 9 - 1])
                (reset if how == "reset" or n % 7 == 0 else socket.socket.close)(sock)
            except OSError:
                pass
    with siege(broker, EVERYWHERE[:2], record_property):
        in_threads(*[flood] * 4)


def test_half_tls_handshakes(gated, record_property):
    """Hundreds of handshakes that stop in the middle, or are no handshakes."""
    broker = gated(f"{OPEN}limits: {{connect_time: 2s, {CROWD}}}\n")
    hello = client_hello(broker)
    with siege(broker, EVERYWHERE, record_property):
        socks = []
        for n in range(300):
            sock = plain(broker.gates[("mqtts", "wss")[n % 2]])
            sock.sendall((hello[:n % len(hello)], hello, b"\x16\x03\x01\x40\x00" + b"\0" * n,
                          hello[:5] + b"\xff" * n)[n % 4])
            socks.append(sock)
        for sock in socks:
            gone(sock)


def client_hello(broker):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context_of(broker.gates["mqtts"]["ca"]).wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def gone(sock):
    """The broker ends it, by itself."""
    sock.settimeout(WAIT)
    try:
        while sock.recv(65536):
            pass
    except (ConnectionError, ssl.SSLError):
        pass
    sock.close()


def drip(socks, data, over, pause=0.02):
    """A byte to each that still takes it, and again, until told to stop."""
    at = 0
    while not over.is_set():
        for sock in socks:
            try:
                sock.sendall(data[at % len(data):at % len(data) + 1])
            except OSError:
                pass
        at += 1
        over.wait(pause)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_connect_drop_by_drop(gated, record_property, scheme):
    """Each byte comes, none of them late, and still there is an end to the time a CONNECT has."""
    broker = gated(f"{OPEN}limits: {{connect_time: 1s, {CROWD}}}\n")
    gate, over = broker.gates[scheme], threading.Event()
    with siege(broker, EVERYWHERE[:2], record_property):
        socks = [raw_stream(gate) for _ in range(30)]
        data = m.connect(5, "x" * 60000)
        if scheme in ("ws", "wss"):
            data = frame(BINARY, data)
        dripping = threading.Thread(target=drip, args=(socks, data, over))
        dripping.start()
        try:
            for sock in socks:
                until_closed(sock)
        finally:
            over.set()
            dripping.join()
        for sock in socks:
            sock.close()


def raw_stream(gate):
    sock = through(gate)
    return sock.wire.sock if hasattr(sock, "wire") else sock


def until_closed(sock):
    sock.settimeout(WAIT)
    try:
        while sock.recv(65536):
            pass
    except TimeoutError:
        raise AssertionError("still open") from None
    except OSError:
        pass


@pytest.mark.parametrize("scheme", SCHEMES)
def test_bytes_that_are_no_packet_keep_nobody_alive(gated, record_property, scheme):
    """A packet that never ends, WebSocket pings, empty fragments: the keep alive runs out."""
    broker = gated(OPEN)
    gate, over, name = broker.gates[scheme], threading.Event(), fresh("drip")
    with siege(broker, [(scheme, 5)], record_property):
        peers = [join(gate, v, f"{name}-{n}", keepalive=1) for n, v in enumerate((3, 4, 5))]
        socks = [raw_of(peer) for peer in peers]
        never = b"\x30" + m.var(1999000) + b"\x00\x01a" + b"z" * 100
        if scheme in ("ws", "wss"):
            # The head of a large frame, then its content: pings cannot come between.
            never = b"\x82\xff" + struct.pack(">Q", 1 << 40) + b"\0\0\0\0" + never
        dripping = threading.Thread(target=drip, args=(socks, never + b"z" * 100000, over))
        dripping.start()
        try:
            for n in range(3):
                broker.wait_for("client.disconnected", id=f"{name}-{n}", by="broker")
        finally:
            over.set()
            dripping.join()
        for peer in peers:
            peer.shut()


@pytest.mark.parametrize("what", ("ping", "fragment"))
def test_frames_without_content_keep_nobody_alive(gated, record_property, what):
    broker = gated(OPEN)
    name, over = fresh("frames"), threading.Event()
    piece = {"ping": frame(PING, b"alive?"), "fragment": frame(0, b"", fin=False)}[what]
    with siege(broker, [("ws", 5)], record_property):
        peer = join(broker.gates["ws"], 5, name, keepalive=1)
        raw = raw_of(peer)
        raw.sendall(frame(BINARY, b"", fin=False))

        def keep_on():
            while not over.is_set():
                try:
                    raw.sendall(piece)
                except OSError:
                    pass
                over.wait(0.01)
        sending = threading.Thread(target=keep_on)
        sending.start()
        try:
            told = broker.wait_for("client.disconnected", id=name)
        finally:
            over.set()
            sending.join()
        assert told["reason"].startswith("nothing came for one and a half times the keep alive")
        peer.shut()


def test_out_of_descriptors(gated, record_property):
    """More connections than descriptors, at every gate: those who are in go on, who comes is sent away,
    nothing spins, and room is used again."""
    broker = gated(f"{OPEN}limits: {{{CROWD}}}\n")
    resource.prlimit(broker.pid, resource.RLIMIT_NOFILE, (60, 60))
    with siege(broker, EVERYWHERE, record_property):
        for _ in range(2):
            crowd = [plain(broker.gates[SCHEMES[n % 4]]) for n in range(120)]
            for sock in crowd:
                try:
                    sock.sendall(m.connect(4, fresh("crowd")))
                except OSError:
                    pass
            broker.wait_for("listener.exhausted")
            # Nobody waits for an answer that will not come: CPU is for the innocents only.
            busy = broker.cpu_ticks()
            time.sleep(0.5)
            assert sanitized() or broker.cpu_ticks() - busy < 45, "out of descriptors it spins"
            for sock in crowd:
                sock.close()
            until(lambda: lets_in(broker), "let in again")


def lets_in(broker):
    try:
        join(broker.gates["wss"], 4).shut()
        return True
    except (Closed, OSError, AssertionError):
        return False


# ---- answers that nobody reads -------------------------------------------------------------------

@lru_cache
def asked(what, v):
    """Packets that each want an answer, some hundred KiB of them."""
    if what == "ping":
        return m.pingreq() * 5000
    if what == "subscribe":
        return b"".join(m.subscribe(v, n + 1, [(f"flood/{n % 50}/+", 1)]) for n in range(2000))
    if what == "unsubscribe":
        return m.unsubscribe(v, 1, ["flood/q"] * 200) * 50
    if what == "publish":
        return b"".join(m.publish(v, "flood/x", b"x", qos=1, pid=n % 50 + 1) for n in range(3000))
    return b"".join(m.publish(v, "flood/x", b"x", qos=2, pid=n % 50 + 1) for n in range(3000))


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("what", ("ping", "subscribe", "unsubscribe", "publish", "publish twice"))
def test_answers_that_are_not_read(gated, record_property, what, scheme):
    """Who does not read what it asked for is not read from either, or put out."""
    broker = gated(OPEN)
    gate = broker.gates[scheme]
    with siege(broker, [(scheme, 5)], record_property, peak=24 * MIB):
        peers = [join(gate, v) for v in (4, 5)]

        def flood(peer):
            sent = pour(raw_of(peer), framed(peer, asked(what, peer.v)), 24 * MIB)
            print(f"{what} v{peer.v}: {sent // 1024} KiB taken")
        in_threads(*(lambda peer=peer: flood(peer) for peer in peers))
        for peer in peers:
            peer.shut()


@pytest.mark.parametrize("what", ("ping", "subscribe", "unsubscribe", "publish", "publish twice"))
def test_floods_that_are_read(gated, record_property, what):
    """The same from clients that read as fast as they can: others get their turns."""
    broker = gated(OPEN)
    with siege(broker, [("mqtt", 4), ("wss", 5)], record_property):
        def flood(v):
            peer, over = join(broker.gates["mqtt"], v), threading.Event()

            def read():
                sock = peer.sock.dup()
                sock.settimeout(0.1)
                while not over.is_set():
                    try:
                        if not sock.recv(1 << 20):
                            break
                    except TimeoutError:
                        pass
                    except OSError:
                        break
                sock.close()
            reader = threading.Thread(target=read)
            reader.start()
            pour(peer.sock, asked(what, v), 4 * MIB, WAIT)
            over.set()
            reader.join()
            peer.shut()
        in_threads(*(lambda v=v: flood(v) for v in (4, 5, 5)))


# ---- packets that cost ---------------------------------------------------------------------------

def test_user_property_bombs(gated, record_property):
    """As many as fit a packet, in each packet that takes them: an error, at no great cost."""
    broker = gated(OPEN)
    bomb = [m.prop(m.USER_PROPERTY, ("", "")) * 12000]  # 60 KB, which a CONNECT may have
    huge = [m.prop(m.USER_PROPERTY, ("k", "v")) * 280000]
    gate = broker.gates["mqtt"]

    def throw(packet, first=True):
        peer = dial(gate, 5)
        peer.send((m.connect(5, fresh("bomb")) if first else b"") + packet)
        try:
            while True:
                assert peer.read().kind in (m.CONNACK, m.DISCONNECT)
        except Closed:
            peer.shut()

    def flood():
        for _ in range(6):
            throw(m.connect(5, fresh("bomb"), props=bomb), first=False)
            throw(m.connect(5, fresh("bomb"), will=m.Will("w", props=bomb)), first=False)
            throw(m.publish(5, "bomb", props=huge))
            throw(m.subscribe(5, 1, [("bomb", 0)], props=huge))
            throw(m.unsubscribe(5, 1, ["bomb"], props=huge))
            throw(m.ack(m.PUBREL, 1, 0, props=bomb))
            throw(m.disconnect(0, props=bomb))
    with siege(broker, EVERYWHERE, record_property):
        in_threads(flood, flood)


@pytest.mark.parametrize("v", (4, 5))
def test_qos_2_with_one_identifier(gated, record_property, v):
    """The same identifier again and again: one slot, one delivery, no memory."""
    broker, topic = gated(OPEN), fresh("same")
    with siege(broker, [("mqtt", v)], record_property, peak=24 * MIB):
        watcher, peer = join(broker.gates["mqtt"], 4), join(broker.gates["mqtt"], v)
        watcher.subscribe(topic, qos=0)
        for _ in range(30):
            peer.send(m.publish(v, topic, b"y" * 1000, qos=2, pid=1, dup=True) * 300)
            for _ in range(300):
                peer.want(m.PUBREC, pid=1)
        peer.send(m.ack(m.PUBREL, 1))
        peer.want(m.PUBCOMP, pid=1)
        watcher.message(topic=topic)
        watcher.silent(0.1)
        for one in (watcher, peer):
            one.shut()


def test_qos_2_never_released(gated, record_property):
    """More of them begun than the receive maximum lets: the end for version 5, and no memory for 4."""
    broker = gated(OPEN)
    with siege(broker, [("mqtt", 5)], record_property):
        for v in (4, 5):
            peer = join(broker.gates["mqtt"], v)
            for n in range(30000):
                peer.send(m.publish(v, "begun", b"z" * 200, qos=2, pid=n + 1))
            pour(peer.sock, m.publish(v, "begun", b"z" * 200, qos=2, pid=60000), MIB)
            peer.shut()


def test_topic_aliases(gated, record_property):
    """Aliases above the maximum, never set, zero, and one set anew with a long topic each time."""
    broker = gated(OPEN)
    gate = broker.gates["mqtt"]

    def alias(number, topic=""):
        return m.publish(5, topic, b"x", props=[(m.TOPIC_ALIAS, number)])
    with siege(broker, EVERYWHERE[:2], record_property, peak=24 * MIB):
        for bad, code in ((alias(17, "a"), 0x94), (alias(65535, "a"), 0x94), (alias(0, "a"), (0x94, 0x82)),
                          (alias(3), (0x82, 0x94)), (alias(1, "a") + alias(2), (0x82, 0x94))):
            peer = join(gate)
            peer.send(bad)
            peer.closed(code)
        peers = [join(gate, props=[(m.TOPIC_ALIAS_MAXIMUM, 65535)]) for _ in range(4)]
        for peer in peers:
            peer.subscribe("alias/#")
            for n in range(300):
                peer.send(alias(n % 16 + 1, f"nobody/{n}/" + "t" * 60000))
            peer.ping()
        for n in range(20000):  # the broker's own towards them: 16, whatever they would take
            peers[0].send(m.publish(5, f"alias/{n}", b"x"))
        peers[0].ping()
        for peer in peers:
            peer.shut()


def test_retained_flood(gated, record_property):
    """New topics without an end: what is above the limit is refused, and no memory goes to it."""
    broker = gated(OPEN + "limits: {retained: {messages: 2000, bytes: 4MB}}\n")
    gate = broker.gates["mqtt"]
    with siege(broker, EVERYWHERE[:2], record_property):
        def flood(name):
            peer, codes = join(gate), set()
            for n in range(6000):
                peer.send(m.publish(5, f"kept/{name}/{n}", b"r" * 500, qos=1, pid=1, retain=True))
                if n % 50 == 49:
                    codes |= {peer.want(m.PUBACK).code for _ in range(50)}
            assert 0x97 in codes, codes
            peer.shut()
        in_threads(*(lambda name=name: flood(name) for name in range(3)))
        # Clearing them makes room, and the innocents' broker is as it was.
        peer = join(gate)
        for name in range(3):
            for n in range(6000):
                peer.send(m.publish(5, f"kept/{name}/{n}", retain=True))
        peer.ping()
        peer.publish("kept/again", b"room", qos=1, retain=True)
        peer.send(m.publish(5, "kept/again", retain=True))
        peer.ping()
        peer.shut()


def test_wildcard_storm(gated, record_property):
    """Everybody asks for everything, again and again, and some of them do not read."""
    broker = gated(OPEN)
    gate, topic = broker.gates["mqtt"], fresh("storm")
    with siege(broker, EVERYWHERE, record_property):
        pub = join(gate)
        for n in range(1000):
            pub.send(m.publish(5, f"{topic}/{n % 10}/{n}", b"k" * 500, retain=True))
        pub.ping()

        def storm(reads):
            peer = join(gate)
            wanted = [("#", 0), ("+/#", 0), (f"{topic}/+/+", 0), (f"{topic}/#", 1)]
            for n in range(15):
                peer.send(m.subscribe(5, n + 1, wanted), m.unsubscribe(5, n + 100, ["#", "+/#"]))
                if reads:
                    drain(peer, n + 100)
            peer.shut()
        in_threads(*(lambda reads=reads: storm(reads) for reads in (True, True, False, False)))
        for n in range(1000):
            pub.send(m.publish(5, f"{topic}/{n % 10}/{n}", retain=True))
        pub.ping()
        pub.shut()


def drain(peer, pid):
    """Reads until the UNSUBACK of this identifier."""
    while True:
        got = peer.read()
        if got.kind == m.PUBLISH and got.qos:
            peer.finish(got)
        if got.kind == m.UNSUBACK and got.pid == pid:
            return


# ---- passwords -----------------------------------------------------------------------------------

@pytest.fixture
def dear(tmp_path):
    """A user file: what alice's password costs is what argon2id costs, the innocents' costs little."""
    path = tmp_path / "users"
    subprocess.run([binary(), "passwd", "-c", "-b", str(path), "alice", "secret"], check=True, timeout=WAIT)
    subprocess.run(["mosquitto_passwd", "-H", "sha512", "-b", str(path), "innocent", "lamb"], check=True,
                   timeout=WAIT)
    return path


def test_wrong_passwords(gated, record_property, dear):
    """Guesses through each gate, more than the workers can check, and answers that nobody waits for."""
    broker = gated(f"{OPEN}auth: [{{file: '{dear}'}}]\naccess: [{{allow: pubsub, topic: '#'}}]\n"
                   f"limits: {{{CROWD}, login: {{delay: 100ms, failures: 0, queue: 8, workers: 2}}}}\n",
                   anonymous=False)
    heard = set()

    def guess(scheme):
        for n in range(12):
            try:
                peer = dial(broker.gates[scheme], 5 if n % 3 else 4)
                peer.hello(fresh("guess"), user="alice" if n % 2 else "nobody", password=f"guess {n}")
                if n % 4:
                    heard.add((peer.v, peer.want(m.CONNACK).code))
                peer.shut()
            except (Closed, OSError):
                pass
    with siege(broker, EVERYWHERE, record_property, peak=3 * PEAK, user="innocent", password="lamb"):
        in_threads(*(lambda scheme=scheme: guess(scheme) for scheme in SCHEMES * 2))
    assert (5, 0x86) in heard and not {(4, 0), (5, 0)} & heard, heard


# ---- sessions ------------------------------------------------------------------------------------

@pytest.mark.parametrize("scheme", SCHEMES)
def test_take_over_duel(gated, record_property, scheme):
    """Four clients take one session from each other as fast as they can."""
    broker = gated(f"{OPEN}limits: {{{CROWD}}}\n")
    gate, name = broker.gates[scheme], fresh("duel")
    with siege(broker, [(scheme, 5)], record_property):
        def fight():
            old = None
            for n in range(60 if scheme == "mqtt" else 20):
                try:
                    new = dial(gate, 5)
                except (Closed, OSError):
                    continue
                new.hello(name, clean=n % 5 == 0, will=m.Will("duel/will", b"w" * 99),
                          props=[(m.SESSION_EXPIRY, 5)])
                new.send(m.subscribe(5, 1, [("duel/#", 1)]), m.publish(5, "duel/x", b"p", qos=1, pid=9))
                try:
                    new.read()
                except (Closed, Silence):
                    pass
                if old:
                    old.shut()
                old = new
            old.shut()
        in_threads(*[fight] * 4)
        last = join(gate, 5, name, clean=True)  # ends the session
        last.bye()


def test_will_storm(gated, record_property):
    """Hundreds of wills at once, from each gate: each comes, once."""
    broker, topic = gated(f"{OPEN}limits: {{{CROWD}}}\n"), fresh("wills")
    with siege(broker, EVERYWHERE, record_property):
        watcher, count = join(broker.gates["mqtt"], 4), 200
        watcher.subscribe(topic + "/#")
        clients = [join(broker.gates[SCHEMES[n % 40 // 10]], (3, 4, 5)[n % 3],
                        will=m.Will(f"{topic}/{n}", b"w" * 100, qos=n % 3)) for n in range(count)]
        for one in clients:
            one.shut()
        seen = sorted(watcher.message().topic for _ in range(count))
        assert seen == sorted(f"{topic}/{n}" for n in range(count))
        watcher.silent(0.1)
        watcher.shut()


def test_upgrades_that_are_refused(gated, record_property):
    """Pages of strangers, paths that are none, methods, missing fields: answered, and forgotten."""
    broker = gated(f"{OPEN}limits: {{{CROWD}}}\n")
    asks = [request(Origin="https://evil.example"), request("/other"), request(method="POST"),
            request(without=("Upgrade",)), request(Sec_WebSocket_Version="12"),
            request(Sec_WebSocket_Protocol="chat"), request(key="short"), b"\r\n\r\n", b"\0" * 100,
            b"GET /mqtt HTTP/1.1\r\n" + b"X: " + b"y" * 9000]

    def flood(scheme, count):
        for n in range(count):
            sock = plain(broker.gates[scheme])
            if scheme == "wss":
                sock = context_of(broker.gates[scheme]["ca"]).wrap_socket(sock, server_hostname="localhost")
            sock.sendall(asks[n % len(asks)])
            gone(sock)
    with siege(broker, [("ws", 5), ("wss", 5)], record_property):
        in_threads(*(lambda one=one: flood(*one) for one in (("ws", 300), ("ws", 300), ("wss", 80))))


def test_slow_heads(gated, record_property):
    """HTTP that comes drop by drop has the time that a CONNECT has, and no more."""
    broker = gated(f"{OPEN}limits: {{connect_time: 1s, {CROWD}}}\n")
    over = threading.Event()
    with siege(broker, EVERYWHERE[2:], record_property):
        socks = [plain(broker.gates["ws"]) for _ in range(60)]
        head = b"GET /mqtt HTTP/1.1\r\n" + b"X-Long: y\r\n" * 700
        dripping = threading.Thread(target=drip, args=(socks, head, over))
        dripping.start()
        try:
            for sock in socks:
                until_closed(sock)
        finally:
            over.set()
            dripping.join()
        for sock in socks:
            sock.close()


@pytest.mark.parametrize("scheme", ("ws", "wss"))
@pytest.mark.parametrize("what", ("pings", "unmasked", "bytes", "empty", "huge", "closes"))
def test_frames(gated, record_property, scheme, what):
    broker = gated(f"{OPEN}limits: {{{CROWD}}}\n")
    gate, topic = broker.gates[scheme], fresh("frames")
    with siege(broker, [(scheme, 5)], record_property, peak=24 * MIB):
        if what in ("unmasked", "closes"):
            bad = {"unmasked": frame(BINARY, m.pingreq(), mask=None), "closes": frame(8, b"\x03")}[what]
            for _ in range(60 if scheme == "ws" else 20):
                peer = join(gate)
                raw_of(peer).sendall(bad)
                try:
                    peer.read()
                except Closed:
                    pass
                assert peer.sock.closed == 1002
                peer.shut()
            return
        peer = join(gate)
        raw = raw_of(peer)
        if what == "pings":
            print(pour(raw, frame(PING, b"p" * 125) * 500, 24 * MIB) // 1024, "KiB taken")
        elif what == "empty":
            raw.sendall(frame(BINARY, b"", fin=False))
            pour(raw, frame(0, b"", fin=False) * 5000, 4 * MIB, WAIT)
        elif what == "bytes":
            packet = m.publish(5, topic, b"b" * 100000, qos=1, pid=1)
            raw.sendall(frame(BINARY, packet[:1], fin=False))
            raw.sendall(b"".join(frame(0, packet[at:at + 1], fin=False) for at in range(1, len(packet) - 1)))
            raw.sendall(frame(0, packet[-1:]))
            peer.want(m.PUBACK, pid=1)
        elif what == "huge":
            raw.sendall(b"\x82\xff\x7f" + b"\xff" * 7 + b"\0\0\0\0")
            raw.sendall((m.publish(5, topic, b"h" * 1000) * 100 + m.pingreq()) * 20)
            for _ in range(20):
                peer.want(m.PINGRESP)
        peer.shut()
