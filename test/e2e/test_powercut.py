"""The power is cut under load: everything acknowledged is there afterwards.

Killing a process proves nothing about fsync, for the system still has what was written. Here the
file system below the store forgets what was not synced (see loopdisk.py).
"""

import os
import subprocess
import time

import pytest
from crowd import Crowd
from loopdisk import Loops, refusal
from phoenix import Phoenix
from rig import HERE, sanitized

REFUSAL = refusal()
pytestmark = pytest.mark.skipif(REFUSAL is not None, reason=str(REFUSAL))
SEED = int(os.environ.get("GODWIT_CRASH_SEED", "0")) or time.time_ns() % 1000000
CUTS = max(int(os.environ.get("GODWIT_CRASH_CYCLES", "20")) // 4, 2)


@pytest.fixture
def loops():
    made = Loops()
    yield made
    made.close()


@pytest.fixture
def phoenix(loops):
    started = []

    def start(disk, durability, **more):
        started.append(Phoenix(durability, store=disk.path / "store", segment="1MiB", **more))
        return started[-1]

    yield start
    for each in started:
        each.remove()


def files(directory):
    """Writes one file with fsync and one without."""
    for name, sync in (("synced", True), ("cached", False)):
        with (directory / name).open("wb") as file:
            file.write(b"x" * 10000)
            if sync:
                file.flush()
                os.fsync(file.fileno())
                os.fsync(os.open(directory, os.O_RDONLY))


def survived(disk):
    return {path.name for path in disk.path.iterdir() if path.stat().st_size == 10000}


def test_a_cut_forgets_what_was_not_synced(loops):
    disk = loops.disk()
    files(disk.path)
    disk.cut()
    disk.power_on()
    assert survived(disk) & {"synced", "cached"} == {"synced"}


def test_a_copy_lacks_what_was_not_synced(loops):
    disk = loops.disk()
    files(disk.path)
    assert survived(loops.copy(disk)) & {"synced", "cached"} == {"synced"}


def cut_once(crowd, disk):
    """Load, the power goes at a random moment, the broker may say what it likes for a while."""
    crowd.begin()
    crowd.load(crowd.random.uniform(0.03, 0.4))
    with crowd.broker.between_calls():
        disk.cut()
    crowd.load(0.05)
    crowd.finish_life()
    disk.power_on()
    crowd.broker.start()
    crowd.look()


def test_nothing_acknowledged_is_lost_in_a_power_cut(loops, phoenix):
    disk = loops.disk()
    broker = phoenix(disk, "disk")
    crowd = Crowd(broker, SEED, strict=False)  # DISCONNECT 0x88 is the right answer to a dead disk
    crowd.assemble()
    for _ in range(CUTS):
        cut_once(crowd, disk)
    ledger = crowd.finish()
    print(f"seed {SEED}: {ledger.figures()}")
    assert ledger.clean(), f"seed {SEED}\n{ledger.report()}"
    crowd.fleet.leave()
    broker.stop()


def test_nothing_acknowledged_is_lost_in_a_copy_of_the_disk(loops, phoenix):
    """The same without the help of the file system's switch: the bytes below the loop device."""
    disk = loops.disk()
    broker = phoenix(disk, "disk")
    crowd = Crowd(broker, SEED + 1)
    crowd.assemble()
    for _ in range(3):
        crowd.begin()
        crowd.load(crowd.random.uniform(0.05, 0.3))
        crowd.finish_life()
        disk = loops.copy(disk)
        broker.store = disk.path / "store"
        broker.start()
        crowd.look()
    ledger = crowd.finish()
    assert ledger.clean(), f"seed {SEED + 1}\n{ledger.report()}"
    crowd.fleet.leave()
    broker.stop()


@pytest.fixture(scope="module")
def nosync(tmp_path_factory):
    """A library under which no sync does anything."""
    library = tmp_path_factory.mktemp("nosync") / "nosync.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, HERE / "nosync.c"], check=True)
    return library


@pytest.mark.skipif(sanitized(), reason="a sanitizer wants to be the first library")
def test_the_judge_sees_a_broker_that_does_not_sync(loops, phoenix, nosync):
    disk = loops.disk()
    broker = phoenix(disk, "disk", environment={"LD_PRELOAD": str(nosync)})
    crowd = Crowd(broker, SEED, strict=False)
    crowd.assemble()
    for _ in range(2):
        cut_once(crowd, disk)
    ledger = crowd.finish(3, patient=False)
    faults = ledger.figures()
    assert faults["session"] and (faults["lost"] or faults["retained"]), ledger.report()
    crowd.fleet.leave()
