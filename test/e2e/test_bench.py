"""`godwit bench`: it measures brokers that are right, ours and another's, and tells on one that is not."""

import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import threading

import pytest

import rig


def bench(port, *words, code=0):
    done = subprocess.run([rig.binary(), "bench", *map(str, words), "-p", str(port), "-h", "127.0.0.1", "--json"],
                          text=True, timeout=rig.WAIT * 3, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert done.returncode == code, done
    return json.loads(done.stdout) if done.stdout else done.stderr


SCENES = [
    ("conn", "-c", 50),
    ("pubsub", "-c", 5, "--rate", 1000, "-d", "600ms"),
    ("pubsub", "-c", 5, "--window", 3, "-q", 1, "-d", "300ms"),
    ("pubsub", "-c", 5, "--window", 3, "-q", 2, "-d", "300ms"),
    ("pubsub", "-c", 2, "--window", 1, "-s", 200000, "--count", 20),
    ("fanout", "-c", 20, "--window", 2, "-s", 16, "-d", "300ms"),
    ("fanout", "-c", 4, "--publishers", 3, "--rate", 300, "-d", "300ms"),
    ("fanin", "-c", 20, "--subscribers", 2, "--rate", 500, "-d", "300ms"),
    ("shared", "-c", 5, "--subscribers", 3, "-q", 1, "--rate", 500, "-d", "300ms"),
    ("pub", "-c", 5, "-q", 1, "--window", 4, "-d", "300ms"),
    ("pub", "-c", 5, "--rate", 500, "-d", "300ms"),
]


@pytest.mark.parametrize("version", ["311", "5"])
@pytest.mark.parametrize("words", SCENES, ids=lambda words: "-".join(map(str, words[:1])))
def test_a_good_broker_gets_a_good_mark(shared, words, version):
    found = bench(shared.port, *words, "-V", version, "--warm-up", 0, "--pid", shared.pid)
    assert found["good"] and found["lost"] == found["duplicate"] == found["out_of_order"] == 0, found
    assert found["connected"] == found["connect_us"]["count"]
    if words[0] == "conn":
        return
    assert found["sent"] > 0 and found["latency_us"]["p50"] <= found["latency_us"]["max"] if words[0] != "pub" else True
    if "--count" in words:
        assert found["sent"] == 20


def test_another_maker_s_broker_is_measured_too(tmp_path):
    if not shutil.which("mosquitto", path="/usr/sbin:" + os.environ["PATH"]):
        pytest.fail("mosquitto is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    conf = tmp_path / "mosquitto.conf"
    conf.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    other = rig.Program([shutil.which("mosquitto", path="/usr/sbin:" + os.environ["PATH"]), "-c", str(conf)])
    try:
        rig.until(lambda: not socket.socket().connect_ex(("127.0.0.1", port)), "mosquitto listens")
        found = bench(port, "pubsub", "-c", 5, "-q", 1, "--window", 2, "--count", 200)
        assert found["good"] and found["received"] == 200, found
    finally:
        other.stop(signal.SIGTERM)


class Liar(threading.Thread):
    """A broker for QoS 0 that loses every message whose number ends with 3, doubles those with 5, and lets those
    with 7 wait for the next one."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.pollster = selectors.DefaultSelector()
        self.pollster.register(self.listener, selectors.EVENT_READ)
        self.buffers, self.subscriber, self.held = {}, None, b""
        self.start()

    def run(self):
        while self.listener:
            for key, _ in self.pollster.select(0.2):
                if key.fileobj is self.listener:
                    sock, _ = self.listener.accept()
                    self.pollster.register(sock, selectors.EVENT_READ)
                    self.buffers[sock] = b""
                else:
                    self.read(key.fileobj)

    def read(self, sock):
        data = sock.recv(65536)
        if not data:
            self.pollster.unregister(sock)
            sock.close()
            return
        self.buffers[sock] += data
        while len(self.buffers[sock]) >= 2 and len(self.buffers[sock]) >= 2 + self.buffers[sock][1]:
            size = 2 + self.buffers[sock][1]  # all packets of this test are short
            packet, self.buffers[sock] = self.buffers[sock][:size], self.buffers[sock][size:]
            self.answer(sock, packet)

    def answer(self, sock, packet):
        kind = packet[0] >> 4
        if kind == 1:
            sock.sendall(b"\x20\x02\x00\x00")
        elif kind == 8:
            self.subscriber = sock
            sock.sendall(b"\x90\x03" + packet[2:4] + b"\x00")
        elif kind == 3:
            payload = packet[4 + int.from_bytes(packet[2:4], "big"):]
            last = int.from_bytes(payload[4:8], "little") % 10
            if last == 7:
                self.held = packet
            elif last != 3:
                self.subscriber.sendall(packet * (2 if last == 5 else 1) + self.held)
                self.held = b""

    def close(self):
        listener, self.listener = self.listener, None
        self.join()
        listener.close()


def test_a_broker_that_loses_doubles_and_reorders_is_told_on():
    liar = Liar()
    try:
        found = bench(liar.port, "pubsub", "-c", 1, "-V", "311", "--count", 100, "--rate", 2000, "--patience", "500ms",
                      code=1)
    finally:
        liar.close()
    assert (found["sent"], found["received"]) == (100, 90)
    assert (found["lost"], found["duplicate"], found["out_of_order"], found["good"]) == (10, 10, 10, False)


def test_a_broker_that_goes_away_is_noticed(serve):
    broker = serve("threads: 1\n")
    one = rig.Program([rig.binary(), "bench", "pubsub", "-c", "3", "-p", str(broker.port), "-h", "127.0.0.1", "-d", "60s",
                       "--json"])
    broker.wait_for("client.connected", 6)
    broker.remove()
    code, lines = one.wait()
    assert code == 1, lines
    found = json.loads(next(line for line in lines if line.startswith(b"{")))
    assert found["lost_connections"] == 1 and found["trouble"] and not found["good"]


def test_ctrl_c_ends_it_in_order(serve):
    broker = serve("threads: 1\n")
    one = rig.Program([rig.binary(), "bench", "pubsub", "-c", "3", "-p", str(broker.port), "-h", "127.0.0.1", "-d", "60s",
                       "--json"])
    broker.wait_for("client.connected", 6)
    one.process.send_signal(signal.SIGINT)
    code, lines = one.wait()
    assert code == 0, lines
    assert json.loads(lines[-1])["good"]
    broker.wait_for("client.disconnected", 6, by="client")


@pytest.mark.parametrize("words, code, said", [
    (("pubsub",), 69, "Connection refused"),
    (("pubsu",), 64, "conn, pub, pubsub"),
    (("pubsub", "--window", "2", "--rate", "5"), 64, "one of them"),
    (("pubsub", "-s", "15"), 64, "16 bytes"),
    (("pubsub", "-d", "5 parsecs"), 64, "a time is wanted"),
    (("pub", "--window", "2"), 64, "nobody says when a message has come"),
    (("pubsub", "--rat", "5"), 64, 'did you mean "--rate"'),
    (("pubsub", "-q", "3"), 64, "0, 1 or 2"),
])
def test_what_is_wrong_is_said(words, code, said):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        assert said in bench(nobody.getsockname()[1], *words, code=code)
