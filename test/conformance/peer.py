"""A raw client: sends what it is told, reads strictly, and watches the server's rules all the time.

Whatever a case is about, each packet it receives is held against the rules that every packet of a
server has to keep (order of CONNACK, packet size, aliases, receive maximum, identifiers in use).
"""

import socket
import time

import mqtt as m

WAIT = 5.0  # seconds for an answer that has to come; only a failing case waits this long


class Closed(Exception):
    """The server closed the connection while a packet was expected."""


class Silence(Exception):
    """No packet came in time."""


class Breach(AssertionError):
    """The server broke a rule that holds on every connection."""


def dial(address, wait):
    """A socket to (host, port), or to a Unix socket by its path; one that is connected is taken as it is."""
    if isinstance(address, socket.socket):
        address.settimeout(wait)
        return address
    if isinstance(address, str):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(wait)
        sock.connect(address)
        return sock
    sock = socket.create_connection(address, timeout=wait)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


class Peer:
    def __init__(self, address, v, wait=WAIT):
        self.v, self.wait, self.buffer, self.inbox = v, wait, b"", []
        self.sock = dial(address, wait)
        self.next_pid, self.connack, self.over = 1, None, False
        self.size_max, self.alias_max, self.receive_max = None, 0, 65535
        self.aliases, self.in_flight, self.released = {}, {}, set()
        self.cid = None

    # ---- sending -------------------------------------------------------------------------------

    def send(self, *packets):
        try:
            self.sock.sendall(b"".join(packets))
        except ConnectionError:
            pass  # the server closed already; the next read says so

    def pid(self):
        self.next_pid += 1
        return self.next_pid - 1

    def hello(self, cid, **kw):
        """CONNECT, remembering what it announces."""
        self.cid = cid
        for ident, value in [p for p in kw.get("props", ()) if isinstance(p, tuple)]:
            if ident == m.MAXIMUM_PACKET_SIZE:
                self.size_max = value
            elif ident == m.TOPIC_ALIAS_MAXIMUM:
                self.alias_max = value
            elif ident == m.RECEIVE_MAXIMUM:
                self.receive_max = value
        self.send(m.connect(self.v, cid, **kw))

    def shut(self):
        """Ends the TCP connection without a DISCONNECT."""
        self.sock.close()

    def bye(self, code=None, props=None):
        """DISCONNECT, then waits for the server to close."""
        self.send(m.disconnect(code, props))
        self.closed()

    # ---- receiving -----------------------------------------------------------------------------

    def _fill(self, until):
        left = until - time.monotonic()
        if left <= 0:
            raise Silence
        self.sock.settimeout(left)
        try:
            data = self.sock.recv(65536)
        except socket.timeout:
            raise Silence from None
        except ConnectionError:
            data = b""
        if not data:
            raise Closed
        self.buffer += data

    def _frame(self):
        """(first byte, body, bytes used) of the first whole packet in the buffer, or None."""
        size, shift = 0, 0
        for at in range(1, 5):
            if at >= len(self.buffer):
                return None
            size |= (self.buffer[at] & 0x7F) << shift
            if not self.buffer[at] & 0x80:
                break
            shift += 7
        else:
            raise m.Malformed("remaining length longer than four bytes")
        if at > 1 and self.buffer[at] == 0:
            raise m.Malformed("remaining length is padded")
        end = at + 1 + size
        if len(self.buffer) < end:
            return None
        return self.buffer[0], self.buffer[at + 1:end], end

    def read(self, wait=None):
        """The next packet from the wire; raises Closed or Silence."""
        until = time.monotonic() + (self.wait if wait is None else wait)
        while True:
            frame = self._frame()
            if frame:
                break
            self._fill(until)
        self.buffer = self.buffer[frame[2]:]
        got = m.Packet(self.v, *frame)
        self._watch(got)
        return got

    def _watch(self, got):
        if self.over:
            raise Breach(f"{got} after the server's DISCONNECT")
        if got.kind == m.CONNACK:
            if self.connack:
                raise Breach("a second CONNACK")
            self.connack = got
        elif not self.connack and got.kind != m.AUTH:
            raise Breach(f"{got.name} before CONNACK")
        self.over = got.kind == m.DISCONNECT
        if self.size_max is not None and got.size > self.size_max:
            raise Breach(f"{got.name} of {got.size} bytes above maximum packet size")
        if got.kind == m.PUBLISH:
            self._watch_publish(got)
        elif got.kind == m.PUBREL:
            self.released.add(got.pid)

    def _watch_publish(self, got):
        alias = got.get(m.TOPIC_ALIAS)
        if alias is not None:
            if alias > self.alias_max:
                raise Breach(f"topic alias {alias} above {self.alias_max}")
            if not got.topic and alias not in self.aliases:
                raise Breach(f"topic alias {alias} never set")
            self.aliases[alias] = got.topic = got.topic or self.aliases[alias]
        if got.qos:
            if got.pid in self.in_flight:
                raise Breach(f"packet identifier {got.pid} used again while in flight")
            self.in_flight[got.pid] = got.qos
            if len(self.in_flight) > self.receive_max:
                raise Breach(f"{len(self.in_flight)} in flight above {self.receive_max}")

    def want(self, kind, wait=None, **fields):
        """The next packet that is not PUBLISH (those go to the inbox) has to be of this kind."""
        while True:
            got = self.read(wait)
            if got.kind == m.PUBLISH and kind != m.PUBLISH:
                self.inbox.append(got)
                continue
            assert got.kind == kind, f"expected {m.NAMES[kind]}, got {got}"
            for name, value in fields.items():
                assert getattr(got, name) == value, f"expected {name}={value!r}, got {got}"
            return got

    def answer(self, kind, pid, code=None, props=None):
        """An acknowledgement from this client, kept in the books of what is in flight."""
        if kind in (m.PUBACK, m.PUBCOMP) or kind == m.PUBREC and (code or 0) >= 0x80:
            self.in_flight.pop(pid, None)
        self.send(m.ack(kind, pid, code, props))

    def message(self, wait=None, ack=True, **fields):
        """The next PUBLISH (inbox first); its QoS handshake is completed unless ack is False."""
        got = self.inbox.pop(0) if self.inbox else self.want(m.PUBLISH, wait)
        for name, value in fields.items():
            value = m.raw(value) if name == "payload" else value
            assert getattr(got, name) == value, f"expected {name}={value!r}, got {got}"
        if ack:
            self.finish(got)
        return got

    def finish(self, got):
        if got.qos == 1:
            self.answer(m.PUBACK, got.pid)
        elif got.qos == 2:
            self.answer(m.PUBREC, got.pid)
            self.want(m.PUBREL, pid=got.pid, code=0)
            self.answer(m.PUBCOMP, got.pid)

    def ping(self):
        """A round trip; the PUBLISH packets that came before its end are in the inbox."""
        self.send(m.pingreq())
        self.want(m.PINGRESP)

    def silent(self, wait):
        """Nothing at all comes within `wait` seconds."""
        try:
            got = self.read(wait)
        except Silence:
            return
        raise AssertionError(f"expected silence, got {got}")

    def closed(self, code=None, wait=None):
        """Reads to the end of the connection; `code` is the DISCONNECT reason that v5 has to see.

        In 3.x nothing but the close may come. PUBLISH packets under way are put in the inbox.
        """
        last = None
        while True:
            try:
                got = self.read(wait)
            except Closed:
                break
            except Silence:
                raise AssertionError(f"connection still open, last packet {last}") from None
            if got.kind == m.PUBLISH:
                self.inbox.append(got)
                continue
            assert got.kind == m.DISCONNECT, f"expected the connection to close, got {got}"
            last = got
        self.sock.close()
        if code is not None and self.v == 5:
            codes = code if isinstance(code, tuple) else (code,)
            assert last, f"closed without a DISCONNECT, expected 0x{codes[0]:02X}"
            assert last.code in codes, f"DISCONNECT 0x{last.code:02X}, expected 0x{codes[0]:02X}"
        return last

    def refused(self, code=None, return_code=None, optional=False):
        """CONNECT is refused, then the connection closes.

        v5 wants CONNACK with `code`, 3.x with `return_code`; None wants no CONNACK at all, and
        `optional` also takes a close without one. Returns the CONNACK, if any.
        """
        want = code if self.v == 5 else return_code
        codes = want if isinstance(want, tuple) else (want,)
        try:
            got = self.read()
        except Closed:
            self.sock.close()
            assert want is None or optional, f"closed without CONNACK, expected {codes}"
            return None
        assert got.kind == m.CONNACK, f"expected CONNACK, got {got}"
        assert got.code in codes, f"CONNACK {got.code:#x}, expected {want}"
        self.closed()
        return got

    # ---- whole exchanges -----------------------------------------------------------------------

    def subscribe(self, filters, qos=0, props=(), granted=None, **opts):
        """SUBSCRIBE for one filter or several; returns SUBACK after checking what was granted."""
        if isinstance(filters, (str, bytes)):
            filters = [filters]
        pairs = [f if isinstance(f, tuple) else (f, m.options(qos, **opts)) for f in filters]
        pid = self.pid()
        self.send(m.subscribe(self.v, pid, pairs, props))
        got = self.want(m.SUBACK, pid=pid)
        expected = [o & 3 for _, o in pairs] if granted is None else granted
        assert got.codes == expected, f"SUBACK {got.codes}, expected {expected}"
        return got

    def unsubscribe(self, filters, props=()):
        pid = self.pid()
        self.send(m.unsubscribe(self.v, pid, [filters] if isinstance(filters, str) else filters,
                                props))
        return self.want(m.UNSUBACK, pid=pid)

    def publish(self, topic, payload=b"", qos=0, code=(0, 0x10), **kw):
        """PUBLISH with its whole handshake; returns PUBACK, PUBREC or None."""
        if not qos:
            self.send(m.publish(self.v, topic, payload, **kw))
            if kw.get("retain"):
                self.ping()  # somebody may ask for it next: it has to be there
            return None
        pid = self.pid()
        self.send(m.publish(self.v, topic, payload, qos, pid=pid, **kw))
        got = self.want(m.PUBACK if qos == 1 else m.PUBREC, pid=pid)
        codes = code if isinstance(code, tuple) else (code,)
        assert got.code in codes, f"{got.name} 0x{got.code:02X}, expected {codes}"
        if qos == 2 and got.code < 0x80:
            self.send(m.ack(m.PUBREL, pid))
            self.want(m.PUBCOMP, pid=pid, code=0)
        return got
