"""Clients of a load that outlive their connections, all in one thread, and the books kept on them.

An Actor does what the standard asks of a client with a session: it repeats what is not acknowledged
(PUBLISH with DUP, PUBREL) in order, keeps the packet identifiers of QoS 2 messages it took until
PUBREL, and forgets all that only when the server says that there is no session.
"""

import random
import selectors
import socket
import time

import mqtt as m

NEVER = 0xFFFFFFFF


class Flow:
    """An outgoing message: where its handshake is."""

    __slots__ = ("message", "step", "repeated")

    def __init__(self, message):
        self.message, self.repeated = message, False
        self.step = m.PUBACK if message.qos == 1 else m.PUBREC


class Actor:
    """One client identifier. `keep`: its session survives its connections."""

    def __init__(self, fleet, name, v, keep=True, shared=False, will=None):
        self.fleet, self.ledger, self.name, self.v, self.keep = fleet, fleet.ledger, name, v, keep
        self.book = self.ledger.book(name, shared)
        self.will = will  # () -> mqtt.Will or None
        self.sock, self.up = None, False
        self.known = None  # whether there is a session; None: a CONNECT without answer leaves it open
        self.last_pid = 0
        self.flows, self.asks, self.wanted = {}, {}, {}
        self.taken = {}  # packet identifier -> message of a QoS 2 message that awaits its PUBREL
        self.in_use = {}  # packet identifiers seen on this connection and not finished
        self.ready = None  # called once, after CONNACK
        fleet.actors.append(self)

    # ---- the connection ------------------------------------------------------------------------

    def open(self, clean=None, expiry=NEVER):
        self.close()
        clean = (not self.keep) if clean is None else clean
        self.opening = (clean, expiry, None if clean else self.known, self.ledger.tick())
        if clean or not self.known:
            self.known = None
        self.inbuf, self.outbuf, self.up = b"", b"", False
        self.sock = socket.socket()
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.connect_ex(self.fleet.address)
        keep = self.keep and not (clean and not expiry)
        props = [(m.SESSION_EXPIRY, expiry)] if self.v == 5 and keep else []
        will = self.will() if self.will else None
        self.fleet.selector.register(self.sock, selectors.EVENT_READ, self)
        self.send(m.connect(self.v, self.name, clean=clean, props=props, will=will))

    def close(self):
        """The end of the TCP connection, without a word."""
        if self.sock is None:
            return
        self.fleet.selector.unregister(self.sock)
        self.sock.close()
        self.sock, self.up, self.asks, self.in_use = None, False, {}, {}
        for flow in self.flows.values():
            flow.repeated = True
        if not self.keep:
            self.flows, self.taken = {}, {}

    def bye(self):
        """DISCONNECT, after which the will is gone."""
        if self.sock is not None:
            self.send(m.disconnect())
            self.flush()
            self.close()

    def send(self, data):
        self.outbuf += data

    def flush(self):
        while self.sock is not None and self.outbuf:
            try:
                sent = self.sock.send(self.outbuf)
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:
                if error.errno == 107:  # not connected yet
                    break
                self.outbuf = b""  # what came before the end is still read
                break
            self.outbuf = self.outbuf[sent:]
        if self.sock is not None:
            wants = selectors.EVENT_READ | (selectors.EVENT_WRITE if self.outbuf else 0)
            self.fleet.selector.modify(self.sock, wants, self)

    def readable(self):
        try:
            data = self.sock.recv(1 << 18)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        self.inbuf += data
        while self.sock is not None:
            frame = self._frame()
            if frame is None:
                break
            self.handle(m.Packet(self.v, *frame))
        if not data:
            self.close()

    def _frame(self):
        data, size, shift = self.inbuf, 0, 0
        for at in range(1, 5):
            if at >= len(data):
                return None
            size |= (data[at] & 0x7F) << shift
            shift += 7
            if not data[at] & 0x80:
                break
        end = at + 1 + size
        if len(data) < end:
            return None
        self.inbuf = data[end:]
        return data[0], data[at + 1:end], end

    # ---- what arrives --------------------------------------------------------------------------

    def handle(self, got):
        kind = got.kind
        if kind == m.PUBLISH:
            self.on_publish(got)
        elif kind in (m.PUBACK, m.PUBREC, m.PUBCOMP):
            self.on_ack(got)
        elif kind == m.PUBREL:
            self.taken.pop(got.pid, None)
            self.in_use.pop(got.pid, None)
            self.send(m.ack(m.PUBCOMP, got.pid))
        elif kind in (m.SUBACK, m.UNSUBACK):
            self.on_reply(got)
        elif kind == m.CONNACK:
            self.on_connack(got)
        elif kind == m.DISCONNECT:
            self.fleet.told.append((self.name, got.code))
            self.ledger.find("refused", f"{self.name}: DISCONNECT 0x{got.code:02X}")

    def on_connack(self, got):
        clean, expiry, expected, sent = self.opening
        if got.code:
            self.ledger.find("refused", f"{self.name}: CONNACK 0x{got.code:02X}")
            return
        if clean and got.present:
            self.ledger.find("session", f"{self.name}: session present after a clean start")
        if expected is not None and got.present != expected:
            self.ledger.find("session", f"{self.name}: session present is {got.present}")
        if not got.present:
            self._start_anew(sent, expected)
        self.up = True
        self.known = self.keep and not (clean and not expiry)
        self._resume()
        if self.ready:
            ready, self.ready = self.ready, None
            ready()

    def _start_anew(self, sent, lost):
        """There is no session; one that was `lost` is still owed all it had."""
        if not lost and any(ops[-1].qos is not None for ops in self.book.ops.values()):
            self.book.end(sent)
        self.taken = {}
        flows, self.flows = self.flows, {}
        for flow in flows.values():  # a new session: what is open is published once more
            if flow.message.qos == 1:
                self._launch(flow.message)

    def _resume(self):
        for pid, flow in self.flows.items():
            if flow.step == m.PUBCOMP:
                self.send(m.ack(m.PUBREL, pid))
            elif flow.repeated:
                self._write(pid, flow.message, True)
        asked, self.wanted = self.wanted, {}
        for pattern, qos in asked.items():
            self.subscribe(pattern, qos) if qos is not None else self.unsubscribe(pattern)

    def on_publish(self, got):
        tag = None
        if self.v == 5:
            tag = next((v.encode() for k, v in got.all(m.USER_PROPERTY) if k == "name"), None)
        if not got.payload and tag is None:
            message = None  # a deletion that cannot be told apart
        else:
            message = self.ledger.named(self.name, got.topic, got.payload, tag)
        if got.qos and got.pid in self.in_use:
            self.ledger.find("identifier", f"{self.name}: {got.pid} again on one connection")
        if got.qos == 2 and got.pid in self.taken:
            self._again(got, message)
        elif message is not None:
            self.book.arrived(message, got.qos, got.retain)
        if got.qos == 2:
            self.taken[got.pid] = message
        if got.qos:
            self.in_use[got.pid] = message
            self.fleet.answer(self, got)

    def _again(self, got, message):
        if not got.dup:
            self.ledger.find("identifier", f"{self.name}: {got.pid} without DUP, not released yet")
        if self.taken[got.pid] is not message:
            self.ledger.find("identifier", f"{self.name}: {got.pid} was {self.taken[got.pid]}, "
                                           f"now {message}")

    def answer(self, got):
        if self.sock is None or not self.up:
            return
        if got.qos == 1:
            self.in_use.pop(got.pid, None)
        self.send(m.ack(m.PUBACK if got.qos == 1 else m.PUBREC, got.pid))

    def on_ack(self, got):
        flow = self.flows.get(got.pid)
        if flow is None or got.kind != flow.step:
            self.ledger.find("identifier", f"{self.name}: {got} answers nothing")
            return
        if got.kind == m.PUBREC and got.code < 0x80:
            self.ledger.acked(flow.message, got.code)
            flow.step = m.PUBCOMP
            self.send(m.ack(m.PUBREL, got.pid))
            return
        if got.kind != m.PUBCOMP:
            self.ledger.acked(flow.message, got.code)
        elif got.code and not (got.code == 0x92 and flow.repeated):
            self.ledger.find("identifier", f"{self.name}: PUBCOMP 0x{got.code:02X}")
        del self.flows[got.pid]

    def on_reply(self, got):
        pattern, op = self.asks.pop(got.pid)
        if any(code >= 0x80 for code in got.codes):
            self.ledger.find("refused", f"{self.name}: {pattern} {got}")
            return
        op.acked = self.ledger.tick()
        self.wanted.pop(pattern, None)

    # ---- what it does --------------------------------------------------------------------------

    def pid(self):
        while True:
            self.last_pid = self.last_pid % 65535 + 1
            if self.last_pid not in self.flows and self.last_pid not in self.asks:
                return self.last_pid

    def publish(self, topic, qos, retain=False, empty=False, size=0):
        message = self.ledger.message(self.name, topic, qos, retain=retain, empty=empty, size=size)
        self._launch(message)
        return message

    def _launch(self, message):
        pid = self.pid()
        self.ledger.sent(message)
        self.flows[pid] = Flow(message)
        self._write(pid, message, False)

    def _write(self, pid, message, dup):
        props = []
        if self.v == 5 and message.retain:
            props = [(m.USER_PROPERTY, ("name", f"{message.publisher} {message.seq}"))]
        self.send(m.publish(self.v, message.topic, message.payload(), message.qos, message.retain,
                            dup, pid, props))

    def subscribe(self, pattern, qos):
        self._ask(pattern, qos)

    def unsubscribe(self, pattern):
        self._ask(pattern, None)

    def _ask(self, pattern, qos):
        self.wanted[pattern] = qos  # asked for again if the answer does not come
        if not self.up:
            return
        pid = self.pid()
        self.asks[pid] = (pattern, self.book.op(pattern, qos))
        if qos is None:
            self.send(m.unsubscribe(self.v, pid, [pattern]))
            return
        handling = 2 if self.v == 5 and not pattern.startswith("$share") else 0
        self.send(m.subscribe(self.v, pid, [(pattern, m.options(qos, handling=handling))]))

    def idle(self):
        """Nothing that it began is unfinished."""
        return self.up and not self.flows and not self.asks and not self.taken


class Fleet:
    """All actors, one selector, one thread."""

    def __init__(self, ledger, seed):
        self.ledger = ledger
        self.random = random.Random(seed)
        self.selector = selectors.DefaultSelector()
        self.actors, self.told, self.late, self.address = [], [], [], None

    def answer(self, actor, got):
        """Acknowledges a delivery, at once or (a quarter of them) some turns later."""
        if self.random.random() < 0.75 and not any(who is actor for who, _, _ in self.late):
            actor.answer(got)
        else:
            self.late.append((actor, actor.sock, got))

    def _answer_late(self):
        late, self.late = self.late, []
        for actor, sock, got in late:
            if actor.sock is sock and sock is not None:
                actor.answer(got)

    def turn(self, timeout=0.002):
        for actor in self.actors:
            actor.flush()
        for key, events in self.selector.select(timeout):
            actor = key.data
            if actor.sock is key.fileobj and events & selectors.EVENT_READ:
                actor.readable()
        if self.late and self.random.random() < 0.2:
            self._answer_late()

    def run(self, done, seconds, step=None):
        """Turns until `done` says so (True) or the time is over (False)."""
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                return False
            if step:
                step()
            self.turn()
        return True

    def read_to_the_end(self):
        """The broker is dead: what it had said before still counts."""
        deadline = time.monotonic() + 10
        self.late = []
        while any(actor.sock for actor in self.actors) and time.monotonic() < deadline:
            for key, _ in self.selector.select(0.1):
                if key.data.sock is key.fileobj:
                    key.data.readable()

    def leave(self):
        for actor in self.actors:
            actor.bye()
        self.selector.close()
