"""Nothing acknowledged is lost: the broker is killed by SIGKILL at random moments under load.

GODWIT_CRASH_CYCLES  lives of the broker (default 20; 200 is the longer run)
GODWIT_CRASH_SEED    repeats a run's choices (the moments of the kills depend on the machine too)
"""

import os
import time

import pytest
from crowd import Crowd

CYCLES = int(os.environ.get("GODWIT_CRASH_CYCLES", "20"))
SEED = int(os.environ.get("GODWIT_CRASH_SEED", "0")) or time.time_ns() % 1000000
ROUND = 20  # lives between two judgements


def errors(broker):
    """What it said at level error in any of its lives."""
    lines = "\n".join([*broker.past, broker.log.read_text()]).splitlines()
    return [line for line in lines if '"level":"error"' in line.replace(" ", "")]


def lives(broker, seed, cycles):
    crowd = Crowd(broker, seed)
    crowd.assemble()
    for _ in range(cycles):
        crowd.cycle()
    ledger = crowd.finish()
    crowd.fleet.leave()
    return ledger


@pytest.mark.parametrize("durability", ["disk", "os"])
def test_nothing_acknowledged_is_lost(phoenix, durability):
    left = CYCLES if durability == "disk" else max(CYCLES // 4, 1)
    for number in range(0, left, ROUND):
        seed = SEED + number
        broker = phoenix(durability)
        ledger = lives(broker, seed, min(ROUND, left - number))
        print(f"seed {seed}: {ledger.figures()}")
        assert ledger.clean(), f"seed {seed}\n{ledger.report()}"
        assert ledger.figures()["acknowledged"] > 0
        assert not errors(broker)
        broker.stop()


def test_the_judge_sees_a_broker_that_keeps_nothing(phoenix):
    """Without a store behind the acknowledgements the same load is judged guilty, on each count that
    a memory can fail."""
    broker = phoenix("memory")
    crowd = Crowd(broker, SEED, strict=False)
    crowd.assemble()
    for _ in range(2):
        crowd.cycle()
    ledger = crowd.finish(3, patient=False)
    crowd.fleet.leave()
    faults = ledger.figures()
    assert faults["lost"] and faults["retained"], ledger.report()


def test_the_judge_finds_nothing_where_only_connections_die(phoenix):
    broker = phoenix("memory")
    crowd = Crowd(broker, SEED)
    crowd.assemble()
    for _ in range(4):
        crowd.calm_cycle()
    ledger = crowd.finish()
    assert ledger.clean(), f"seed {SEED}\n{ledger.report()}"
    crowd.fleet.leave()
