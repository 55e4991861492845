"""The program as an operator meets it: exit codes, errors with a cure, signals, reload, logs."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = os.environ.get("GODWIT_BIN") or str(ROOT / "build" / "debug" / "godwit")
CONNECT_5 = bytes.fromhex("10 10 0004 4d515454 05 02 003c 00 0003 616263".replace(" ", ""))


def run(*words, stdin="", **env):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("GODWIT__")}
    return subprocess.run([BIN, *words], input=stdin, capture_output=True, text=True, timeout=20,
                          env={**clean, **env}, check=False)


class Broker:
    """`godwit serve` on a free port, its log as a list of JSON objects."""

    def __init__(self, tmp_path, text="", *words, **env):
        self.config = tmp_path / "godwit.yaml"
        self.write(text)
        self.log = tmp_path / "log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen([BIN, "serve", "-c", self.config, *words], stderr=log,
                                            stdin=subprocess.DEVNULL, env={**os.environ, **env})
        self.wait_for("broker.ready")
        self.port = int(self.wait_for("listener.open")["url"].rsplit(":", 1)[1])

    def write(self, text):
        self.config.write_text("listeners: [mqtt://127.0.0.1:0]\n" + text)

    def events(self, name):
        lines = self.log.read_text().splitlines()
        return [e for e in map(json.loads, filter(None, lines)) if e["event"] == name]

    def wait_for(self, name, count=1):
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            found = self.events(name)
            if len(found) >= count:
                return found[-1]
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.02)
        raise AssertionError(f"no {name} in {self.log.read_text()}")

    def connect(self):
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        sock.sendall(CONNECT_5)
        head = sock.recv(2, socket.MSG_WAITALL)
        assert head[0] == 0x20
        rest = sock.recv(head[1], socket.MSG_WAITALL)
        assert rest[1] == 0
        return sock


@pytest.fixture
def broker(tmp_path):
    started = []

    def start(text="", *words, **env):
        started.append(Broker(tmp_path, text, *words, **env))
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.wait()


@pytest.mark.parametrize("words, code, stdout, stderr", [
    (["version"], 0, "MQTT 3.1, 3.1.1, 5.0", ""),
    (["--version"], 0, "godwit ", ""),
    (["help"], 0, "serve", ""),
    (["help", "serve"], 0, "--config", ""),
    (["serve", "--help"], 0, "--config", ""),
    (["help", "limits.packet"], 0, "default   2MB", ""),
    (["help", "limits"], 0, "limits.connect_time  ", ""),
    (["help", "pub"], 0, "--topic", ""),
    (["help", "limits.packt"], 64, "", 'did you mean "limits.packet"?'),
    (["help", "srve"], 64, "", 'did you mean "serve"?'),
    ([], 64, "", "godwit serve"),
    (["srve"], 64, "", 'there is no command "srve": did you mean "serve"?'),
    (["serve", "--prot", "1"], 64, "", 'did you mean "--port"?'),
    (["serve", "-p", "65536"], 64, "", "0 to 65535"),
    (["serve", "-c"], 64, "", "-c wants a file"),
    (["serve", "-c", "/nonexistent"], 78, "", "/nonexistent: cannot read the file: it does not exist"),
    (["serve", "--set", "limits.packet=16M"], 78, "", '"16MB" or "16MiB"?'),
    (["serve", "--set", "listeners=mqtt://192.0.2.1:1"], 69, "", "no such address"),
    (["check"], 64, "", "godwit check config"),
    (["check", "config"], 64, "", "which file?"),
    (["check", "config", "/dev/null"], 0, "no errors", ""),
    (["config", "shwo"], 64, "", 'did you mean "show"?'),
    (["config", "show", "--defaults"], 0, "# largest packet", ""),
    (["config", "show", "--set", "threads=3"], 0, "# command line", ""),
    (["config", "reference"], 0, "# Configuration keys", ""),
])
def test_words(words, code, stdout, stderr):
    result = run(*words)
    assert result.returncode == code, result
    assert stdout in result.stdout
    assert stderr in result.stderr
    assert code != 0 or result.stderr == ""
    assert code == 0 or result.stdout == ""


def test_configuration_from_standard_input_and_environment():
    result = run("config", "show", "--diff", "-c", "-", stdin="threads: 2\n", GODWIT__LIMITS__PACKET="3MB")
    assert result.returncode == 0
    assert [" ".join(line.split()) for line in result.stdout.splitlines()] == [
        "threads: 2 # -:1", "", "limits:", "packet: 3MB # environment"]


def test_a_command_of_somebody_else(tmp_path):
    other = tmp_path / "godwit-hello"
    other.write_text("#!/bin/sh\necho hello $*\n")
    other.chmod(0o755)
    result = run("hello", "you", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert (result.returncode, result.stdout) == (0, "hello you\n")


def test_under_the_names_of_mosquitto(tmp_path, broker):
    one = broker()
    for name in ("mosquitto_pub", "mosquitto_sub", "mosquitto_rr"):
        (tmp_path / name).symlink_to(BIN)
    port = ["-p", str(one.port)]
    sub = subprocess.Popen([tmp_path / "mosquitto_sub", *port, "-t", "a", "-v", "-C", "1", "-W", "10"],
                           stdout=subprocess.PIPE, text=True)
    one.wait_for("client.connected")
    deadline = time.monotonic() + 10
    while sub.poll() is None and time.monotonic() < deadline:  # until the subscription is there
        subprocess.run([tmp_path / "mosquitto_pub", *port, "-t", "a", "-m", "hi"], check=True, timeout=10)
    assert sub.communicate(timeout=10)[0] == "a hi\n"
    assert run("rr", "--help").returncode == subprocess.run(
        [tmp_path / "mosquitto_rr", "--help"], capture_output=True, timeout=10, check=False).returncode


def test_second_signal_ends_at_once(broker):
    """A subscriber that reads nothing keeps the drain waiting; the second signal does not wait."""
    one = broker("limits: {drain_time: 60s, queue: {bytes: 100MB}}\n")
    with one.connect() as slow, socket.create_connection(("127.0.0.1", one.port), timeout=10) as fast:
        slow.sendall(b"\x82\x07\0\1\0\0\1a\0")
        assert slow.recv(100)[0] == 0x90
        fast.sendall(CONNECT_5.replace(b"abc", b"xyz"))
        assert fast.recv(100)[0] == 0x20
        for _ in range(200):
            fast.sendall(b"\x30\xa4\x8d\x06\0\1a\0" + bytes(100_000))
        fast.sendall(b"\xc0\0")
        assert fast.recv(100)[0] == 0xD0
        one.process.terminate()
        one.wait_for("broker.stopping")
        time.sleep(0.2)
        assert one.process.poll() is None
        one.process.terminate()
        assert one.process.wait(5) == -signal.SIGTERM


def test_port_in_use():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = run("serve", "-p", str(port))
    assert result.returncode == 69
    assert result.stderr.startswith(f"cannot listen on 127.0.0.1:{port}: already in use by python")
    assert f"(pid {os.getpid()})" in result.stderr
    assert "hint: " in result.stderr and "[L301]" in result.stderr


def test_without_configuration_it_says_so():
    process = subprocess.Popen([BIN, "serve", "-p", "0", "--set", "log.format=text"], stderr=subprocess.PIPE,
                               text=True)
    first = process.stderr.readline()
    process.terminate()
    rest = process.stderr.read()  # communicate() would lose what readline() has buffered
    process.wait(10)
    assert process.returncode == 0
    assert "listening" in first and "mqtt://127.0.0.1:" in first and "stopped" in rest
    process = subprocess.Popen([BIN, "serve", "-p", "0"], stderr=subprocess.PIPE, text=True)
    first = json.loads(process.stderr.readline())
    process.terminate()
    rest = process.stderr.read()  # communicate() would lose what readline() has buffered
    process.wait(10)
    assert first["event"] == "config.none" and "pub -p" in rest


@pytest.mark.parametrize("said, words", [
    (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "an HTTP request"),
    (bytes.fromhex("16030100050100000103"), "a TLS handshake"),
    (b"\x81", "the first packet is not CONNECT"),
])
def test_foreign_protocols(broker, said, words):
    """Who speaks something else hears so at once, not when limits.connect_time is over."""
    one = broker("limits: {connect_time: 1h}\n")
    with socket.create_connection(("127.0.0.1", one.port), timeout=10) as peer:
        peer.sendall(said)
        try:
            assert peer.recv(100) == b""
        except ConnectionResetError:
            pass
    assert one.wait_for("connection.closed")["reason"].startswith(words)


def test_end_in_order(broker):
    one = broker()
    with one.connect() as client:
        one.process.send_signal(signal.SIGTERM)
        assert client.recv(100)[0:3:2] == bytes([0xE0, 0x8B])
        assert client.recv(100) == b""
    assert one.process.wait(10) == 0
    assert one.events("broker.stopped")


def test_reload(broker):
    one = broker("limits: {inflight: 5}\n")
    one.write("limits: {inflight: 6, packet: 3MB}\nthreads: 3\nlog: {level: debug}\n")
    one.process.send_signal(signal.SIGHUP)
    done = one.wait_for("config.reloaded")
    assert (done["changed"], done["need_restart"]) == (4, 1)
    changes = {e["key"]: (e["from"], e["to"], e["takes_effect"]) for e in one.events("config.changed")}
    assert changes["limits.inflight"] == ("5", "6", "for new connections")
    assert changes["threads"] == ("0", "3", "after a restart")
    assert changes["log.level"] == ("info", "debug", "now")

    one.write("limits: {inflight: none}\nlag: {}\n")
    one.process.send_signal(signal.SIGHUP)
    one.wait_for("config.refused")
    errors = [e["error"] for e in one.events("config.error")]
    assert len(errors) == 2 and errors[0].startswith(f"{one.config}:2:20: ")

    # What was refused changed nothing: only what differs from the second file is told.
    one.write("limits: {inflight: 6, packet: 3MB}\nthreads: 3\nlog: {level: debug}\nsys: {interval: 0}\n")
    one.process.send_signal(signal.SIGHUP)
    done = one.wait_for("config.reloaded", 2)
    assert (done["changed"], done["need_restart"]) == (2, 1)
    with one.connect():
        pass
    one.process.terminate()
    assert one.process.wait(10) == 0


def reload(one, text):
    count = len(one.events("config.reloaded"))
    one.write(text)
    one.process.send_signal(signal.SIGHUP)
    one.wait_for("config.reloaded", count + 1)


def test_clients_that_stay_are_cut(broker):
    """No time to leave: what is left is cut, and the end is still one in order."""
    one = broker("limits: {drain_time: 0s}\nthreads: 3\n")
    with one.connect() as client:
        client.sendall(b"\x82\x07\0\1\0\0\1a\0")
        assert client.recv(100)[0] == 0x90
        one.process.terminate()
        assert one.process.wait(10) == 0, one.log.read_text()
    assert one.events("broker.stopped")


def test_reload_keeps_what_a_client_was_promised(broker):
    one = broker()
    with one.connect() as before:
        reload(one, "mqtt: {max_qos: 0, retain: off, wildcard_subscriptions: off}\n")
        with socket.create_connection(("127.0.0.1", one.port), 10) as later:
            later.sendall(CONNECT_5.replace(b"abc", b"new"))
            assert b"\x24\0" in later.recv(100)  # maximum QoS 0
        before.sendall(b"\x33\x07\0\1a\0\1\0x")  # QoS 1, retained
        assert before.recv(100)[:4] == b"\x40\3\0\1"  # no subscribers, but taken
        before.sendall(b"\x82\x07\0\1\0\0\1#\1")
        got = before.recv(100)
        assert got[:6] == b"\x90\4\0\1\0\1", got


def test_sys_interval_takes_effect_at_once(broker):
    one = broker("sys: {interval: 0}\n")
    with one.connect() as client:
        client.sendall(b"\x82\x0c\0\1\0\0\6$SYS/#\0")
        assert client.recv(100)[0] == 0x90
        reload(one, "sys: {interval: 100ms}\n")
        assert client.recv(100)[0] & 0xF0 == 0x30


def test_a_full_queue_is_told_once(broker):
    one = broker("limits: {queue: {messages: 1}, inflight: 1}\nlog: {repeats: 0}\n")
    with one.connect() as slow:
        slow.sendall(b"\x82\x07\0\1\0\0\1a\1")
        assert slow.recv(100)[0] == 0x90
        slow.sendall(b"\x32\x07\0\1a\0\1\0x" * 100)  # to itself; nothing is acknowledged
        slow.settimeout(10)
        got = b""
        while got.count(b"\x40") < 100:
            got += slow.recv(4096)
        told = one.wait_for("queue.full")
        assert told["id"] == "abc" and told["dropped"] == 1
        assert len(one.events("queue.full")) == 1


def test_a_service_manager_is_told(tmp_path, broker):
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(tmp_path / "notify"))
    manager.settimeout(10)
    one = broker("", NOTIFY_SOCKET=str(tmp_path / "notify"))
    ready = manager.recv(1000).decode().split("\n")
    assert ready[0] == "READY=1" and ready[1].startswith("STATUS=1 listeners, ")
    reload(one, "limits: {inflight: 5}\n")
    reloading = manager.recv(1000).decode().split("\n")
    assert reloading[0] == "RELOADING=1" and int(reloading[1].removeprefix("MONOTONIC_USEC=")) > 0
    assert manager.recv(1000).startswith(b"READY=1\n")
    one.write("limits: {inflight: none}\n")  # refused: in force is what was, and it goes on
    one.process.send_signal(signal.SIGHUP)
    assert manager.recv(1000).startswith(b"RELOADING=1\n")
    assert manager.recv(1000).startswith(b"READY=1\n")
    one.process.send_signal(signal.SIGTERM)
    assert manager.recv(1000) == b"STOPPING=1"
    assert one.process.wait(10) == 0
