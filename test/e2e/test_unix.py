"""Unix sockets: who may open them, who one is there, and what is left of them."""

import grp
import os
import pwd
import signal
import socket
import stat
import subprocess

import mqtt as m
import pytest
from doors import root
from peer import Peer
from rig import WAIT, binary, fresh, until

VERSIONS = ("31", "311", "5")
ME = pwd.getpwuid(os.geteuid()).pw_name


def connect(path, v=5, **more):
    peer = Peer(path, v)
    peer.hello(fresh("unix"), clean=True, **more)
    return peer, peer.want(m.CONNACK).code


# ---- messages ------------------------------------------------------------------------------------

@pytest.mark.parametrize("version", VERSIONS)
def test_foreign_clients(serve_doors, program, version):
    broker = serve_doors(["unix://DIR/s"])
    sub = program("stdbuf", "-oL", "mosquitto_sub", "--unix", broker.door(), "-V", version, "-d", "-t", "a/#",
                  "-q", "2", "-F", "MSG %q %t %p")
    sub.next_line(b"Subscribed")
    text = b"x" * 300_000
    for words in (["-m", "one"], ["-q", "1", "-m", "two"], ["-q", "2", "-s"]):
        pub = program("mosquitto_pub", "--unix", broker.door(), "-V", version, "-t", "a/b", *words, stdin=True)
        pub.write(text if "-s" in words else b"")
        pub.end_of_input()
        assert pub.wait()[0] == 0
    assert sub.next_line(b"MSG") == b"MSG 0 a/b one"
    assert sub.next_line(b"MSG") == b"MSG 1 a/b two"
    assert sub.next_line(b"MSG") == b"MSG 2 a/b " + text
    told = broker.wait_for("client.connected", 4)
    assert told["from"] == f"unix:{broker.door()} uid={os.geteuid()}"


def test_our_tools(serve_doors, program):
    broker = serve_doors(["unix://DIR/s"])
    where = ["--unix", broker.door(), "-t", "a"]
    assert program(binary(), "pub", *where, "-m", "hi", "-r", "-q", "1").wait()[0] == 0
    assert program(binary(), "sub", *where, "-C", "1").wait() == (0, [b"hi"])


# ---- the file ------------------------------------------------------------------------------------

@pytest.mark.parametrize("mode, found", [(None, 0o660), ("0600", 0o600), ("0666", 0o666)])
def test_mode_and_group(serve_doors, mode, found):
    group = grp.getgrgid(os.getegid()).gr_name
    words = f", mode: {mode}" if mode else ""
    broker = serve_doors([f"{{url: unix://DIR/s, group: {group}{words}}}"])
    info = os.lstat(broker.door())
    assert stat.S_ISSOCK(info.st_mode) and stat.S_IMODE(info.st_mode) == found
    assert info.st_gid == os.getegid()


def test_the_file_goes_with_the_broker(serve_doors):
    broker = serve_doors(["unix://DIR/s"])
    path = broker.door()
    broker.signal(signal.SIGTERM)
    assert broker.wait() == 0
    assert not os.path.lexists(path)
    broker.remove()


def test_a_file_left_behind_is_replaced(serve_doors):
    broker = serve_doors(["unix://DIR/s"])
    broker.process.kill()
    broker.wait()
    assert stat.S_ISSOCK(os.lstat(broker.door()).st_mode)
    broker.launch()
    broker.await_ready()
    assert connect(broker.door())[1] == 0


def refusal(*listeners):
    """What `serve` says that cannot listen there, and its exit code."""
    sets = [f"--set=listeners=[{','.join(listeners)}]"]
    done = subprocess.run([binary(), "serve", *sets, "--set", "log.format=text"], capture_output=True, text=True,
                          timeout=WAIT, check=False)
    return done.stderr, done.returncode


def test_refusals(serve_doors, tmp_path):
    broker = serve_doors(["unix://DIR/s"])
    for path, words in [(broker.door(), "another program listens there"),
                        (tmp_path / "none" / "s", "its directory does not exist")]:
        text, code = refusal(f"'unix://{path}'")
        assert f"cannot listen on {path}" in text and words in text and code > 0, text
    assert connect(broker.door())[1] == 0  # who was there first stays
    (tmp_path / "file").write_text("precious")
    text, code = refusal(f"'unix://{tmp_path}/file'")
    assert "or it is no socket" in text and (tmp_path / "file").read_text() == "precious"
    text, code = refusal(f"{{url: 'unix://{tmp_path}/s', group: no-such-group}}")
    assert "there is no group no-such-group" in text and "L305" in text
    assert not os.path.lexists(tmp_path / "s")


# ---- who it is -----------------------------------------------------------------------------------

RIGHTS = (f"access:\n  - {{allow: pubsub, user: {ME}, topic: \"#\"}}\n"
          "  - {allow: sub, user: daemon, topic: \"for/daemon\"}\n")


def test_the_peer_is_its_user(serve_doors, tmp_path):
    """No password is asked, and the name in CONNECT says nothing; other listeners ask as ever."""
    (tmp_path / "users").write_text("")
    broker = serve_doors(["{url: unix://DIR/s, peer_identity: user}", "unix://DIR/open",
                          "{url: unix://DIR/closed, anonymous: false}"],
                         f"auth: [{{file: {tmp_path}/users}}]\n" + RIGHTS)
    for v in (3, 4, 5):
        for more in ({}, {"user": "mallory", "password": b"x"}):
            peer, code = connect(broker.door(), v, **more)
            assert code == 0
            told = broker.wait_for("client.connected", id=peer.cid)
            assert told["user"] == ME
    peer.subscribe("a/b", 1)
    stranger, code = connect(broker.door(1))
    assert code == 0
    stranger.subscribe("a/b", 1, granted=[0x87])
    assert connect(broker.door(2))[1] == 0x87
    assert connect(broker.door(2), user=ME, password=b"x")[1] == 0x86


def as_user(name, *words):
    return subprocess.run([str(word) for word in words], user=name, group=pwd.getpwnam(name).pw_gid,
                          extra_groups=[], capture_output=True, text=True, timeout=WAIT, check=False)


@pytest.mark.skipif(not root(), reason="needs root to be somebody else")
def test_another_user(serve_doors):
    broker = serve_doors(["{url: unix://DIR/s, mode: 0666, peer_identity: user}", "unix://DIR/shut"],
                         RIGHTS)
    broker.directory.chmod(0o755)
    pub = ["mosquitto_pub", "-V", "5", "-q", "1", "-t", "for/daemon", "-m", "x", "-u", "root", "--unix"]
    assert as_user("daemon", *pub, broker.door(1)).returncode != 0  # mode 0660 of root's
    done = as_user("daemon", *pub, broker.door())
    told = broker.wait_for("client.connected")
    uid = pwd.getpwnam("daemon").pw_uid
    assert (told["user"], told["from"]) == ("daemon", f"unix:{broker.door()} uid={uid}")
    assert broker.wait_for("acl.denied")["user"] == "daemon", done
    # Somebody of whom the system knows nothing.
    as_user_of_number = subprocess.run(["setpriv", "--reuid", "54321", "--clear-groups", *pub, broker.door()],
                                       capture_output=True, timeout=WAIT, check=False)
    assert as_user_of_number.returncode != 0
    told = broker.wait_for("connection.closed")
    assert "no name for the peer's user" in told["reason"] and told["from"].endswith("uid=54321")


@pytest.mark.skipif(not root(), reason="needs root to be somebody else")
def test_limits_count_by_user(serve_doors, program):
    """One user at the bound of connections before CONNECT does not keep another out."""
    broker = serve_doors(["{url: unix://DIR/s, mode: 0666}"],
                         "limits: {connections_unauthenticated_per_address: 2}\n")
    broker.directory.chmod(0o755)
    held = []
    for _ in range(2):
        held.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        held[-1].connect(broker.door())
    until(lambda: shut_at_once(broker.door()), "a third connection is refused")
    assert "connections_unauthenticated_per_address" in broker.wait_for("connection.refused")["reason"]
    done = as_user("daemon", "mosquitto_pub", "--unix", broker.door(), "-t", "a", "-m", "x")
    assert done.returncode == 0, done
    for each in held:
        each.close()


def shut_at_once(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(0.2)
        sock.connect(path)
        try:
            return sock.recv(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False


def test_bans_count_by_user(serve_doors, tmp_path):
    users = tmp_path / "users"
    subprocess.run(["mosquitto_passwd", "-c", "-H", "sha512", "-b", str(users), "alice", "secret"], check=True,
                   capture_output=True, timeout=WAIT)
    broker = serve_doors(["unix://DIR/s"], f"auth: [{{file: {users}}}]\n"
                         "limits: {login: {failures: 2, delay: 0s, ban: 1h}}\n")
    assert [connect(broker.door(), user="alice", password=b"wrong")[1] for _ in range(3)] == [0x86, 0x86, 0x8A]
    assert broker.wait_for("auth.banned")["from"].endswith(f"uid={os.geteuid()}")
