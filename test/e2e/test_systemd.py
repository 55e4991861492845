"""Started by a service manager: sockets that it opened, and rights that root gives up."""

import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile

import mqtt as m
import pytest
from doors import DoorBroker, root
from peer import Peer
from rig import WAIT, binary, fresh


def listening(family=socket.AF_INET, address=("127.0.0.1", 0)):
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.bind(address)
    sock.listen(64)
    return sock


class Activated(DoorBroker):
    """A broker that is handed these sockets as systemd does it; `pid` is whom they are said to be for."""

    def __init__(self, sockets, listeners, text="", pid="$$"):
        self.sockets, self.for_pid = sockets, pid
        super().__init__(listeners, text)

    def launch(self):
        moves = " ".join(f"{3 + n}<&{sock.fileno()}" for n, sock in enumerate(self.sockets))
        names = ":".join(f"name-{n}" for n in range(len(self.sockets)))
        script = (f"export LISTEN_PID={self.for_pid} LISTEN_FDS={len(self.sockets)} LISTEN_FDNAMES={names}\n"
                  f'exec "$@" {moves}')
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["bash", "-c", script, "bash", binary(), "serve", "-c", str(self.config)], stderr=log,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=[s.fileno() for s in self.sockets])
        self.pid = self.process.pid


@pytest.fixture
def activated():
    started = []

    def start(*words, **more):
        started.append(Activated(*words, **more))
        return started[-1]

    yield start
    for broker in started:
        if broker.directory.is_dir():
            broker.stop()
        for sock in broker.sockets:
            sock.close()


def join(address, v=5, **more):
    peer = Peer(address, v)
    peer.hello(fresh("systemd"), **more)
    peer.want(m.CONNACK, code=0)
    return peer


def url(sock):
    host, port = sock.getsockname()[:2]
    return f"mqtt://[{host}]:{port}" if ":" in host else f"mqtt://{host}:{port}"


def test_sockets_are_taken_over(activated, tmp_path):
    path = str(tmp_path / "s")
    sockets = [listening(), listening(socket.AF_UNIX, path), listening(socket.AF_INET6, ("::1", 0))]
    broker = activated(sockets, [url(sockets[0]), f"{{url: unix://{path}, peer_identity: user}}", url(sockets[2])])
    assert broker.doors == [url(sockets[0]), f"unix://{path}", url(sockets[2])]
    for address in (sockets[0].getsockname(), path, sockets[2].getsockname()[:2]):
        join(address).bye()
    assert broker.events("client.connected")[1]["user"] == pwd.getpwuid(os.geteuid()).pw_name
    assert not broker.events("listener.unclaimed")


def test_they_stay_open_over_a_restart(activated, tmp_path):
    """Whoever connects while no broker runs waits, and is served by the next."""
    path = str(tmp_path / "s")
    sockets = [listening(), listening(socket.AF_UNIX, path)]
    broker = activated(sockets, [url(sockets[0]), f"unix://{path}"])
    broker.signal(signal.SIGTERM)
    assert broker.wait() == 0
    sockets[1].setblocking(False)
    with pytest.raises(BlockingIOError):  # its end is nobody's visit, for which it would be started again
        sockets[1].accept()
    sockets[1].setblocking(True)
    waiting = []
    for address in (sockets[0].getsockname(), path):  # the file is the service manager's and stays
        waiting.append(Peer(address, 5))
        waiting[-1].hello(fresh("waits"))
    broker.launch()
    broker.await_ready()
    for peer in waiting:
        peer.want(m.CONNACK, code=0)
        peer.bye()


def test_what_nobody_takes_is_closed(activated):
    spare, datagram = listening(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    broker = activated([spare, datagram], [])
    told = broker.wait_for("listener.unclaimed")
    assert (told["address"], told["name"]) == ("127.0.0.1:{}".format(spare.getsockname()[1]), "name-0")
    assert len(broker.events("listener.unclaimed")) == 1
    assert broker.descriptors() < 40


def test_sockets_for_others_are_left_alone(activated):
    sock = listening()
    broker = activated([sock], [], pid="1")
    assert not broker.events("listener.unclaimed")
    join(broker.address)


@pytest.mark.skipif(not shutil.which("systemd-socket-activate"), reason="needs systemd-socket-activate")
def test_the_real_thing(program, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = probe.getsockname()
    config = tmp_path / "godwit.yaml"
    config.write_text(f"listeners: [mqtt://127.0.0.1:{address[1]}]\nlog: {{format: json}}\n")
    one = program("systemd-socket-activate", "-l", "{}:{}".format(*address), binary(), "serve", "-c", config)
    one.next_line(lambda line: b"Listening on" in line)
    join(address).bye()
    one.stop(signal.SIGTERM)


def test_any_address_is_both_families(serve_doors):
    broker = serve_doors(['"mqtt://[::]:0"', "\"mqtt://*:0\"", "mqtt://0.0.0.0:0"])
    for index, hosts in enumerate([("127.0.0.1", "::1"), ("127.0.0.1", "::1"), ("127.0.0.1",)]):
        for host in hosts:
            sock = socket.create_connection((host, broker.door(index)[1]), timeout=WAIT)
            own = sock.getsockname()
            peer = Peer(sock, 5)
            peer.hello(fresh("both"))
            peer.want(m.CONNACK, code=0x87)  # beyond loopback nobody comes in without a name
            told = broker.wait_for("connection.closed", code=0x87, **{"from": where(own)})
            assert told


def where(own):
    return f"[{own[0]}]:{own[1]}" if ":" in own[0] else f"{own[0]}:{own[1]}"


# ---- another user --------------------------------------------------------------------------------

def status(broker, name):
    with open(f"/proc/{broker.pid}/status", encoding="ascii") as file:
        return next(line.split()[1:] for line in file if line.startswith(name + ":"))


def low_port():
    """A port that only root may open."""
    for port in range(1023, 600, -1):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")


@pytest.fixture
def room():
    """A directory that every user may pass, unlike pytest's."""
    with tempfile.TemporaryDirectory(prefix="godwit-e2e-") as name:
        os.chmod(name, 0o755)
        yield pathlib.Path(name)


@pytest.mark.skipif(not root(), reason="needs root to become somebody else")
def test_root_becomes_somebody_else(room):
    daemon = pwd.getpwnam("daemon")
    store, port = room / "store", low_port()
    store.mkdir()
    os.chown(store, daemon.pw_uid, daemon.pw_gid)
    broker = DoorBroker([f"mqtt://127.0.0.1:{port}", f"unix://{room}/s"],
                        f"user: daemon\nstore: {{path: {store}}}\n")
    try:
        uid, gid = str(daemon.pw_uid), str(daemon.pw_gid)
        assert status(broker, "Uid") == [uid] * 4 and status(broker, "Gid") == [gid] * 4
        assert status(broker, "NoNewPrivs") == ["1"]
        assert int(status(broker, "CapEff")[0], 16) == 0 and int(status(broker, "CapPrm")[0], 16) == 0
        for address in (("127.0.0.1", port), str(room / "s"), broker.address):
            peer = join(address)
            peer.publish("a", b"kept", 1, retain=True)
            peer.bye()
        assert all(path.stat().st_uid == daemon.pw_uid for path in store.rglob("*"))
        for thread in os.listdir(f"/proc/{broker.pid}/task"):
            with open(f"/proc/{broker.pid}/task/{thread}/status", encoding="ascii") as file:
                assert f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}\n" in file.read()
        broker.stop()
    finally:
        broker.remove()


def refusal(text, room, **more):
    config = room / "c.yaml"
    config.write_text("listeners: [mqtt://127.0.0.1:0]\n" + text)
    config.chmod(0o644)
    done = subprocess.run([binary(), "serve", "-c", str(config)], capture_output=True, text=True, timeout=WAIT,
                          check=False, **more)
    return done.stderr, done.returncode


def test_users_that_are_not_there(room):
    for words in ("user: no-such-user\n", f"user: {pwd.getpwuid(os.geteuid()).pw_name}\ngroup: no-such-group\n"):
        text, code = refusal(words, room)
        assert "there is no" in text and "P501" in text and code > 0, text


@pytest.mark.skipif(not root(), reason="needs root to be somebody else")
def test_only_root_can(room):
    text, code = refusal("user: bin\n", room, user="daemon", group="daemon", extra_groups=[])
    assert "cannot become user bin" in text and "P502" in text and code > 0, text
    assert "start it as root" in text


# ---- files out of reach --------------------------------------------------------------------------

def write_user(path, name):
    subprocess.run(["mosquitto_passwd", "-c", "-H", "sha512", "-b", str(path), name, "secret"], check=True,
                   capture_output=True, timeout=WAIT)


def test_only_named_files_are_in_reach(serve_doors, room):
    """What the configuration names can be read and replaced; the store is written; another file is not there."""
    users, elsewhere = room / "users" / "file", room / "elsewhere"
    for path in (users.parent, elsewhere, room / "sockets", room / "data"):
        path.mkdir()
    write_user(users, "alice")
    write_user(elsewhere / "users", "alice")
    broker = serve_doors([f"unix://{room}/sockets/s"],
                         f"landlock: true\nauth: [{{file: {users}}}]\nstore: {{path: {room}/data/store}}\n"
                         "access: [{allow: pubsub, topic: \"#\"}]\n")
    told = broker.events("process.confined") or broker.events("process.unconfined")
    assert len(told) == 1
    confined = told[0]["event"] == "process.confined"
    peer = join(broker.door(), user="alice", password=b"secret")
    peer.publish("a", b"kept", 1, retain=True)
    peer.bye()
    write_user(users.with_name("new"), "bob")
    users.with_name("new").replace(users)
    broker.wait_for("users.loaded", 2)
    join(broker.door(), user="bob", password=b"secret").bye()
    broker.write(f"landlock: true\nauth: [{{file: {elsewhere}/users}}]\nstore: {{path: {room}/data/store}}\n"
                 "access: [{allow: pubsub, topic: \"#\"}]\n")
    broker.errors_expected = True
    broker.signal(signal.SIGHUP)
    broker.wait_for("config.refused" if confined else "config.reloaded")
    broker.signal(signal.SIGTERM)
    assert broker.wait() == 0
    assert not (room / "sockets" / "s").exists()
    broker.remove()
