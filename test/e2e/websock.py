"""A raw WebSocket client, written apart from the broker's codec, and a broker that listens for it.

`Wire` speaks HTTP and frames by hand, so it can break every rule; `Stream` looks like a socket to
the raw MQTT peer and puts what it sends into frames.
"""

import base64
import hashlib
import os
import socket
import struct

from rig import WAIT, Broker  # also makes `peer` known

import peer

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


class WebBroker(Broker):
    """Listens for WebSockets too; `listener` is that listener as the configuration has it."""

    def __init__(self, text="", listener="ws://127.0.0.1:0"):
        self.listener = listener
        super().__init__(text)

    def write(self, text):
        self.config.write_text(f"listeners: [mqtt://127.0.0.1:0, {self.listener}]\n" + text)

    def await_ready(self):
        super().await_ready()
        url = self.events("listener.open")[1]["url"]
        scheme, rest = url.split("://")
        assert scheme in ("ws", "wss"), url
        place, _, path = rest.partition("/")
        self.ws_port, self.path = int(place.rsplit(":", 1)[1]), "/" + path
        self.ws_address = ("127.0.0.1", self.ws_port)


def frame(opcode, payload=b"", fin=True, mask=b"\x5a\x01\xff\x80", first=None, length=None):
    """A frame of a client; mask None leaves it out, first and length replace what belongs there."""
    size = len(payload)
    head = bytes([(0x80 if fin else 0) | opcode if first is None else first])
    bit = 0 if mask is None else 0x80
    if length is not None:
        head += bytes([bit | length[0]]) + length[1:]
    elif size < 126:
        head += bytes([bit | size])
    elif size < 65536:
        head += bytes([bit | 126]) + struct.pack(">H", size)
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", size)
    if mask is None:
        return head + payload
    pattern = (mask * (size // 4 + 1))[:size]
    masked = int.from_bytes(payload, "big") ^ int.from_bytes(pattern, "big")
    return head + mask + masked.to_bytes(size, "big")


def request(path="/mqtt", method="GET", version="HTTP/1.1", without=(), key=None, **fields):
    """The lines of a request; a field given as None or named in `without` is left out."""
    key = key or base64.b64encode(os.urandom(16)).decode()
    given = {"Host": "localhost", "Upgrade": "websocket", "Connection": "keep-alive, Upgrade",
             "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key,
             "Sec-WebSocket-Protocol": "mqtt"}
    given.update({name.replace("_", "-"): value for name, value in fields.items()})
    lines = [f"{method} {path} {version}"]
    lines += [f"{k}: {v}" for k, v in given.items() if v is not None and k not in without]
    return "\r\n".join(lines + ["", ""]).encode()


class Wire:
    """A TCP (or other) connection to a WebSocket listener."""

    def __init__(self, address, sock=None):
        self.sock = sock or socket.create_connection(address, timeout=WAIT)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def send(self, data):
        try:
            self.sock.sendall(data)
        except ConnectionError:
            pass  # the next read says so

    def fill(self):
        """More bytes; False at the end of the stream."""
        try:
            data = self.sock.recv(65536)
        except ConnectionError:
            data = b""
        self.buffer += data
        return bool(data)

    def need(self, size):
        """Reads until the buffer holds so many bytes, and returns their number."""
        while len(self.buffer) < size:
            if not self.fill():
                raise peer.Closed
        return size

    def take(self, size):
        self.need(size)
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def answer(self):
        """The HTTP answer as (status, fields in lower case, body); a body goes to the end."""
        while b"\r\n\r\n" not in self.buffer:
            assert self.fill(), self.buffer
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        first, *lines = head.decode().split("\r\n")
        fields = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
        body = self.take(int(fields.get("content-length", 0))).decode()
        return int(first.split()[1]), fields, body

    def open(self, path="/mqtt", **more):
        """The handshake, which must succeed; returns the fields of the answer."""
        key = base64.b64encode(os.urandom(16)).decode()
        self.send(request(path, key=key, **more))
        status, fields, _ = self.answer()
        assert status == 101, status
        want = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        assert fields["sec-websocket-accept"] == want
        assert fields["upgrade"].lower() == "websocket" and fields["connection"].lower() == "upgrade"
        assert "sec-websocket-extensions" not in fields
        return fields

    def next(self):
        """The next frame as (opcode, payload); the server's frames are whole and without mask.

        Whoever runs out of patience in the middle of one loses nothing of it.
        """
        self.need(2)
        first, second = self.buffer[:2]
        assert first & 0x70 == 0 and first & 0x80 and not second & 0x80, (first, second)
        size, head = second & 0x7F, 2
        if size == 126:
            head = self.need(4)
            size = struct.unpack(">H", self.buffer[2:4])[0]
            assert size > 125
        elif size == 127:
            head = self.need(10)
            size = struct.unpack(">Q", self.buffer[2:10])[0]
            assert size > 65535
        self.need(head + size)
        return first & 0x0F, self.take(head + size)[head:]

    def close_code(self):
        """Reads on until the Close frame, which must be the last thing; returns its code."""
        while True:
            opcode, payload = self.next()
            if opcode == CLOSE:
                break
        assert not self.fill() and not self.buffer, self.buffer
        self.sock.close()
        return struct.unpack(">H", payload[:2])[0] if payload else None

    def ended(self):
        """Reads to the end of the stream, then ends the other direction too."""
        while self.fill():
            pass
        self.sock.close()


class Stream:
    """What looks like a socket to peer.Peer; each send is cut as `cut` says (bytes a frame)."""

    def __init__(self, wire, cut=None):
        self.wire, self.cut, self.pongs, self.closed = wire, cut, [], None

    def sendall(self, data):
        size = self.cut or max(len(data), 1)
        for at in range(0, len(data), size):
            self.wire.sock.sendall(frame(BINARY, data[at:at + size]))

    def settimeout(self, seconds):
        self.wire.sock.settimeout(seconds)

    def recv(self, _size):
        while self.closed is None:
            try:
                opcode, payload = self.wire.next()
            except peer.Closed:
                return b""
            if opcode == BINARY:
                return payload
            if opcode == CLOSE:
                self.closed = struct.unpack(">H", payload[:2])[0] if payload else 0
            elif opcode == PONG:
                self.pongs.append(payload)
        return b""

    def close(self):
        self.wire.sock.close()


class WebPeer(peer.Peer):
    """The raw MQTT peer over a WebSocket."""

    def __init__(self, broker, v, wait=WAIT, cut=None, **more):
        super().__init__(broker.ws_address, v, wait)
        wire = Wire(None, self.sock)
        wire.open(broker.path, **more)
        self.sock = Stream(wire, cut)
