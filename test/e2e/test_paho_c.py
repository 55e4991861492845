"""Eclipse Paho's C libraries as foreign peers, asynchronous and synchronous."""

import fcntl
import signal
import subprocess

import pytest
from proxy import Cut
from rig import HERE, ROOT, fresh, until

VERSIONS = (3, 4, 5)
QOS = (0, 1, 2)
FLAGS = "-std=c17 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror".split()
# Few, as this library takes seconds to notice that a connection is gone. Those of a sender wait
# until it has nothing to write: it forgets a PUBLISH whose first write fails (1.3.12).
CUTS = {
    ("send", 1): (("down", "PUBACK", 20, "before", True),),
    ("send", 2): (("down", "PUBREC", 14, "before", True), ("down", "PUBCOMP", 30, "within", True)),
    ("receive", 1): (("up", "PUBACK", 20, "before"),),
    ("receive", 2): (("up", "PUBREC", 14, "before"), ("down", "PUBREL", 30, "within")),
}


def compiled(name, library):
    """Compiles one of the programs into build/e2e unless that is done."""
    source, out = HERE / f"{name}.c", ROOT / "build" / "e2e" / name
    out.parent.mkdir(parents=True, exist_ok=True)
    with open(out.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not out.is_file() or out.stat().st_mtime < source.stat().st_mtime:
            subprocess.run(["cc", *FLAGS, "-o", out, source, "-l" + library, "-lpthread"], check=True)
    return out


@pytest.fixture(scope="session")
def sync_program():
    return compiled("paho_sync", "paho-mqtt3c")


@pytest.fixture(scope="session")
def async_program():
    return compiled("paho_async", "paho-mqtt3a")


@pytest.fixture
def join(program, async_program, shared):
    """Starts an asynchronous client; `at` is a broker or a proxy."""
    def start(version=5, keep=False, name=None, at=shared, will=()):
        peer = program(async_program, f"tcp://127.0.0.1:{at.port}", name or fresh("paho-c"), version,
                       int(keep), *will, stdin=True)
        peer.next_line(b"connected")
        return peer
    return start


def tell(peer, *words, answer=None):
    peer.write((" ".join(map(str, words)) + "\n").encode())
    return peer.next_line(answer) if answer else None


def subscribe(peer, pattern, qos):
    assert tell(peer, "subscribe", pattern, qos, answer=b"done") == b"done %d" % qos


def heard(peer):
    return [line.decode().split(" ", 1)[1] for line in peer.lines if line.startswith(b"message ")]


def wait_heard(peer, count):
    until(lambda: len(heard(peer)) >= count, lambda: f"{count} messages: {peer.lines[-50:]}")
    return heard(peer)


@pytest.mark.parametrize("qos", QOS)
@pytest.mark.parametrize("version", VERSIONS)
def test_synchronous_client(shared, program, sync_program, version, qos):
    one = program(sync_program, f"tcp://127.0.0.1:{shared.port}", fresh("sync"), version, qos,
                  fresh("sync"), 10)
    assert one.wait() == (0, [b"ok"])


@pytest.mark.parametrize("qos", QOS)
@pytest.mark.parametrize("sends, receives", [(3, 5), (4, 4), (5, 4), (5, 5)])
def test_messages_pass(join, sends, receives, qos):
    topic, reader, sender = fresh("pass"), join(receives), join(sends)
    subscribe(reader, f"{topic}/+", 2)
    tell(sender, "numbers", f"{topic}/x", qos, 100)
    assert wait_heard(reader, 100) == [f"{topic}/x {qos} 0 {n}" for n in range(100)]
    if qos:
        sender.next_line(b"delivered 100")
    tell(reader, "unsubscribe", f"{topic}/+", answer=b"done")
    tell(sender, "publish", f"{topic}/x", 1, 0, "unheard", answer=b"delivered 1")
    subscribe(reader, f"{topic}/end", 1)
    tell(sender, "publish", f"{topic}/end", 1, 0, "end")
    assert wait_heard(reader, 101)[100:] == [f"{topic}/end 1 0 end"]


@pytest.mark.parametrize("version", VERSIONS)
def test_retained(join, version):
    topic, sender = fresh("kept"), join(version)
    for n in range(4):
        tell(sender, "publish", f"{topic}/{n}", 1, 1, f"text{n}", answer=b"delivered 1")
    tell(sender, "publish", f"{topic}/2", 2, 1, "-", answer=b"delivered 1")
    reader = join(version)
    subscribe(reader, f"{topic}/#", 2)
    tell(sender, "publish", f"{topic}/end", 1, 0, "end")
    want = [f"{topic}/{n} 1 1 text{n}" for n in (0, 1, 3)] + [f"{topic}/end 1 0 end"]
    assert sorted(wait_heard(reader, 4)) == want


def test_large_retained_set_is_complete(join):
    topic, sender, reader = fresh("set"), join(4), join(5)
    for n in range(3000):
        sender.write(f"publish {topic}/{n} 0 1 {n:0190}\n".encode())
    tell(sender, "publish", f"{topic}/end", 1, 1, "x", answer=b"delivered 1")
    subscribe(reader, f"{topic}/#", 1)
    want = [f"{topic}/{n} 0 1 {n:0190}" for n in range(3000)] + [f"{topic}/end 1 1 x"]
    assert sorted(wait_heard(reader, 3001)) == sorted(want)


@pytest.mark.parametrize("version", VERSIONS)
def test_will(join, version):
    topic, watcher = fresh("will"), join(version)
    subscribe(watcher, topic, 2)
    join(version, will=(topic, "gone", 2, 0)).stop(signal.SIGKILL)
    watcher.next_line(f"message {topic} 2 0 gone{' z=1 a=2' if version == 5 else ''}".encode())
    tell(join(version, will=(topic, "gone", 2, 0)), "disconnect", answer=b"done")
    tell(join(version), "publish", topic, 1, 0, "barrier")
    assert wait_heard(watcher, 2)[1:] == [f"{topic} 1 0 barrier"]


def test_will_with_delay(join):
    topic, watcher, name = fresh("delay"), join(), fresh("delay")
    subscribe(watcher, topic, 1)
    join(keep=True, will=(topic, "gone", 1, 1)).stop(signal.SIGKILL)
    watcher.next_line(f"message {topic} 1 0 gone z=1 a=2".encode())
    join(name=name, keep=True, will=(topic, "never", 1, 1000)).stop(signal.SIGKILL)
    tell(join(name=name, keep=True), "publish", topic, 1, 0, "barrier")
    assert wait_heard(watcher, 2)[1:] == [f"{topic} 1 0 barrier"]


def test_properties_and_aliases(join):
    topic, client = fresh("props"), join()
    subscribe(client, f"{topic}/#", 1)
    tell(client, "publish", f"{topic}/a", 1, 0, "text", "1:1", "3:text/plain", "8:to/me", "9:c17",
         "z=1", "a=2", "z=1")
    got = wait_heard(client, 1)[0].split(" ")
    assert got[:4] == [f"{topic}/a", "1", "0", "text"]
    assert sorted(got[4:8]) == ["1:1", "3:text/plain", "8:to/me", "9:c17"]
    assert got[8:] == ["z=1", "a=2", "z=1"]
    for n in range(20):
        tell(client, "publish", f"{topic}/{n % 2}", 1, 0, n, f"35:{n % 2 + 1}")
    assert wait_heard(client, 21)[1:] == [f"{topic}/{n % 2} 1 0 {n}" for n in range(20)]


@pytest.mark.parametrize("version", VERSIONS)
def test_session_and_take_over(join, shared, version):
    topic, name, sender = fresh("session"), fresh("session"), join(version)
    first = join(version, True, name)
    subscribe(first, topic, 2)
    first.stop(signal.SIGKILL)
    shared.wait_for("client.disconnected", id=name)
    tell(sender, "numbers", topic, 2, 50, answer=b"delivered 50")
    again = join(version, True, name)
    assert wait_heard(again, 50) == [f"{topic} 2 0 {n}" for n in range(50)]
    taker = join(version, True, name)
    again.next_line(b"told 142" if version == 5 else b"lost")
    assert shared.wait_for("client.disconnected", 2, id=name)["code"] == 0x8E
    again.stop()
    taker.stop()


@pytest.mark.parametrize("qos", QOS)
@pytest.mark.parametrize("version", VERSIONS)
def test_shared_subscription(join, version, qos):
    topic, members, sender = fresh("share"), [join(version) for _ in range(3)], join(version)
    for member in members:
        subscribe(member, f"$share/group/{topic}", qos)
    tell(sender, "numbers", topic, qos, 60)
    until(lambda: sum(len(heard(member)) for member in members) >= 60, "60 messages")
    got = [int(text.split(" ")[3]) for member in members for text in heard(member)]
    assert sorted(got) == list(range(60))
    assert all(heard(member) for member in members)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("role, qos", CUTS)
def test_broken_connection(join, proxy, shared, role, qos, version):
    topic = fresh(role)
    way = proxy(shared, *(Cut(*cut) for cut in CUTS[role, qos]))
    reader = join(version, role == "receive", at=way if role == "receive" else shared)
    subscribe(reader, topic, qos)
    sender = join(version, role == "send", at=way if role == "send" else shared)
    tell(sender, "numbers", topic, qos, 60, answer=b"delivered 60")
    way.wait_done()
    until(lambda: way.connections > len(way.cuts), "a connection after the last cut")
    tell(sender, "publish", topic, qos, 0, "end", answer=b"delivered 1")
    reader.next_line(f"message {topic} {qos} 0 end".encode())
    got = [text.split(" ")[3] for text in heard(reader)]
    assert sorted(set(got[:-1]), key=int) == [*map(str, range(60))] and got[-1] == "end"
    if role == "receive":
        assert list(dict.fromkeys(way.received(version))) == [*map(str, range(60)), "end"]
    else:
        assert tuple(dict.fromkeys(got)) in way.might_take(version)
    assert qos == 1 or len(got) == 61


@pytest.mark.parametrize("version", VERSIONS)
def test_large_payload(join, version):
    topic, client = fresh("large"), join(version)
    subscribe(client, topic, 2)
    said = tell(client, "large", topic, 2, 1_900_000, answer=b"sum").decode().split(" ")[1]
    assert wait_heard(client, 1) == [f"{topic} 2 0 {said}"]


@pytest.mark.parametrize("version, qos", [(4, 1), (5, 2)])
def test_very_large_payload_where_allowed(join, serve, version, qos):
    broker = serve("limits: {packet: 32MB}\n")
    client = join(version, at=broker)
    subscribe(client, "large", qos)
    said = tell(client, "large", "large", qos, 20_000_000, answer=b"sum").decode().split(" ")[1]
    assert wait_heard(client, 1) == [f"large {qos} 0 {said}"]


def test_end_of_the_broker(join, serve):
    broker = serve()
    five, four = join(5, at=broker), join(4, at=broker)
    broker.signal(signal.SIGTERM)
    five.next_line(b"told 139")
    four.next_line(b"lost")
    assert broker.wait() == 0
    broker.remove()
