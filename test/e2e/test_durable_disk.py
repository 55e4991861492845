"""The store meets a full disk, a damaged file, and another broker."""

import random
import shutil
import subprocess

import pytest
from loopdisk import command
from rig import WAIT, binary, until
from scenes import guest, heard, join, retained

import mqtt as m
from peer import Silence

MIB = 1 << 20


# ---- the disk is full ----------------------------------------------------------------------------

@pytest.fixture
def small(tmp_path):
    """A file system of 12 MiB in memory."""
    path = tmp_path / "small"
    path.mkdir()
    try:
        command("mount", "-t", "tmpfs", "-o", "size=12m", "godwit-test", path)
    except OSError as refusal:
        pytest.skip(f"no small file system here: {refusal}")
    yield path
    command("umount", "-l", path)


class Ballast:
    """A file that takes all the room there is."""

    def __init__(self, directory):
        self.path = directory / "ballast"

    def fill(self):
        with self.path.open("ab", buffering=0) as file:
            size = MIB
            while size >= 512:
                try:
                    if file.write(b"\0" * size) < size:
                        size //= 2
                except OSError:
                    size //= 2

    def free(self):
        self.path.unlink()


def publish_until_refused(broker, taken, name):
    """QoS 1 with 5.0 until the broker says 0x97; the payloads it took are added."""
    peer = guest(broker, name)
    for number in range(100000):
        payload = b"%s %d " % (name.encode(), number) + b"%" * 20000
        pid = peer.pid()
        peer.send(m.publish(5, "full/t", payload, 1, pid=pid))
        got = peer.want(m.PUBACK, pid=pid)
        if got.code:
            assert got.code == 0x97, got
            peer.bye()
            return
        taken.append(payload)
    raise AssertionError("the disk was never full")


def test_full_disk_refuses_what_it_must_and_recovers(small, phoenix):
    broker = phoenix("disk", store=small / "store", segment="1MiB")
    broker.errors_expected = True  # store.full
    ballast = Ballast(small)
    join(broker, "absent").subscribe("full/#", 1)
    retainer = guest(broker, "retainer")
    retainer.publish("kept", b"before", 1, retain=True)
    taken = []
    ballast.fill()
    publish_until_refused(broker, taken, "first")
    publish_until_refused(broker, taken, "second")  # and goes on saying so

    # Reads and QoS 0 go on, and so does what nobody durable waits for.
    live = guest(broker, "live")
    live.subscribe("free/#", 1)
    retainer.publish("free/0", b"zero")
    live.message(payload=b"zero")
    retainer.publish("free/1", b"one", 1)
    live.message(payload=b"one")
    assert retained(broker, "kept") == {"kept": b"before"}

    # A 3.1.1 client is told nothing: it waits.
    old = guest(broker, "old", 4)
    old.send(m.publish(4, "full/old", b"patience", 1, pid=1))
    with pytest.raises(Silence):
        old.read(0.5)

    ballast.free()
    old.want(m.PUBACK, 5, pid=1)
    peer = guest(broker, "after")
    until(lambda: accepted(peer, b"after"), "taken again after there is room", 10)
    broker.restart()
    got = heard(join(broker, "absent", present=True), 1)
    assert [each for each in got if each in set(taken)] == taken
    assert b"patience" in got and b"after" in got
    assert retained(broker, "kept") == {"kept": b"before"}
    broker.stop()


def accepted(peer, payload):
    pid = peer.pid()
    peer.send(m.publish(5, "full/t", payload, 1, pid=pid))
    got = peer.want(m.PUBACK, pid=pid)
    assert got.code in (0, 0x97), got
    return got.code == 0


def test_full_and_free_again_and_again(small, phoenix):
    """Nothing acknowledged is lost, nothing refused becomes durable twice, it always comes back."""
    broker = phoenix("disk", store=small / "store", segment="1MiB")
    broker.errors_expected = True  # store.full
    ballast, taken = Ballast(small), []
    join(broker, "absent").shut()
    reader = join(broker, "absent", present=True)
    reader.subscribe("full/#", 1)
    for number in range(5):
        ballast.fill()
        publish_until_refused(broker, taken, f"round{number}")
        if number == 2:
            broker.restart()
            reader = join(broker, "absent", present=True)
        got = heard(reader, 1)
        assert [each for each in dict.fromkeys(got) if each in set(taken)] == taken
        taken.clear()
        ballast.free()
        peer = guest(broker, f"after{number}")
        until(lambda: accepted(peer, b"after"), "taken again", 10)
        heard(reader, 0.3)
    broker.stop()


# ---- a damaged store -----------------------------------------------------------------------------

def fill_store(broker):
    """A store with some of everything; returns all payloads that were ever published."""
    payloads = set()
    for name in ("one", "two"):
        peer = join(broker, name)
        peer.subscribe("d/#", 2)
        peer.bye()
    peer = guest(broker, "writer")
    for number in range(30):
        payload = b"payload %d " % number + bytes([97 + number % 26]) * (number * 7 % 100)
        peer.publish(f"d/{number % 3}", payload, 1 + number % 2)
        peer.publish(f"r/{number % 5}", payload, 1, retain=True)
        payloads.add(payload)
    peer.bye()
    return payloads


def damages(files, chance, count):
    """(file, what, at) of flips and cuts: more of them where something is written."""
    found = []
    for path in files:
        data = path.read_bytes()
        used = len(data.rstrip(b"\0"))
        for _ in range(count):
            found.append((path.name, "flip", chance.randrange(max(used, 1))))
            found.append((path.name, "cut", chance.randrange(max(used, 1))))
    return found


def damage(path, what, at, chance):
    data = bytearray(path.read_bytes())
    if what == "flip":
        data[at] ^= 1 << chance.randrange(8)
    else:
        del data[at:]
    path.write_bytes(bytes(data))


def starts(broker):
    """Starts it; what it said if it refuses."""
    broker.write("")
    broker.launch()
    until(lambda: broker.process.poll() is not None or broker.events("broker.ready"), "a decision")
    if broker.process.poll() is None:
        broker.await_ready()
        return None
    return broker.log.read_text()


def test_damage_is_told_and_never_served(phoenix, tmp_path):
    broker = phoenix("disk", segment="1MiB")
    payloads = fill_store(broker)
    broker.kill()
    broker.copy_store(tmp_path / "whole")
    chance = random.Random(20261122)
    files = sorted(path for path in broker.store.iterdir()
                   if path.is_file() and path.stat().st_size and path.suffix == ".seg")
    assert files
    counts = {"served": 0, "refused": 0, "told": 0}
    for name, what, at in damages(files, chance, max(24 // len(files), 4)):
        shutil.rmtree(broker.store)
        shutil.copytree(tmp_path / "whole", broker.store)
        damage(broker.store / name, what, at, chance)
        words = starts(broker)
        place = f"{what} {name} at {at}"
        if words is not None:
            counts["refused"] += 1
            assert name in words, f"{place}: refused without the place: {words}"
            continue
        counts["served"] += 1
        counts["told"] += bool(broker.events("store.torn") or broker.events("store.damaged"))
        for peer in (join(broker, "one"), join(broker, "two")):
            for payload in heard(peer, 0.05):
                assert payload in payloads, f"{place}: served {payload}"
        for payload in retained(broker, "r/#").values():
            assert payload in payloads, f"{place}: retained {payload}"
        broker.kill()
    assert counts["served"] and counts["told"], counts


def test_damage_in_the_middle_keeps_the_rest(phoenix):
    """One chunk of many is damaged: it is told, set aside, and what is around it is served."""
    broker = phoenix("disk", segment="1MiB")
    peer = join(broker, "sub")
    peer.subscribe("d/#", 1)
    peer.bye()
    writer = guest(broker, "writer")
    payloads = [b"number %03d" % number for number in range(60)]
    for payload in payloads:
        writer.publish("d/t", payload, 1)
    broker.kill()
    where = next(path for path in broker.store.iterdir()
                 if path.suffix == ".seg" and b"number 030" in path.read_bytes())
    data = bytearray(where.read_bytes())
    data[data.index(b"number 030")] ^= 1
    where.write_bytes(bytes(data))
    broker.start()
    assert broker.events("store.damaged"), broker.log.read_text()
    got = heard(join(broker, "sub", present=True), 0.5)
    assert b"number 030" not in got and len(got) >= 58, got
    assert set(got) <= set(payloads)
    assert [path for path in broker.store.iterdir() if path.name.startswith("damaged")]
    broker.errors_expected = True
    broker.stop()


# ---- who may use it ------------------------------------------------------------------------------

def test_two_brokers_cannot_share_a_store(phoenix):
    broker = phoenix("disk")
    done = subprocess.run(
        [binary(), "serve", "--set", "listeners=mqtt://127.0.0.1:0", "--set",
         f"store.path={broker.store}"], capture_output=True, text=True, timeout=WAIT, check=False)
    assert done.returncode and str(broker.store) in done.stderr, done
    broker.stop()


def test_start_tells_what_was_recovered(phoenix):
    broker = phoenix("disk")
    fill_store(broker)
    broker.restart()
    told = broker.wait_for("store.open")
    assert told["sessions"] == 2 and told["retained"] == 5, told
    broker.restart(hard=False)
    assert broker.wait_for("store.open")["sessions"] == 2
    broker.stop()
