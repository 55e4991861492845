"""Each cell of the table "what survives what" (docs/explanation/durability.md), played for real.

The expectation of a cell is read from the page, so that page and broker cannot differ: a class that
stands in a cell must survive. What does not stand there must be gone after kill -9 (a broker that
keeps what it need not keep has not done what its class says). A failed disk is a file system that
was shut down below the broker (loopdisk.py); failing syncs are the simulator's part as well.
"""

import re

import pytest
from loopdisk import Loops, refusal
from phoenix import Phoenix
from rig import ROOT
from scenes import SCENES, guest

import mqtt as m
from peer import Closed, Silence

PAGE = ROOT / "docs" / "explanation" / "durability.md"
CLASSES = ("disk", "os", "memory")
ACCIDENTS = {"kill -9, crash": "kill", "power cut": "cut", "disk full": "full",
             "failed disk": "failed"}
REFUSAL = refusal()


def cells():
    """{(row, column): classes} of the page's table."""
    text = PAGE.read_text().split("\n## The table\n")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")]
            for line in text.splitlines() if line.startswith("|")]
    columns, found = rows[0], {}
    for row in rows[2:]:
        for column, cell in list(zip(columns, row))[1:-1]:
            classes = CLASSES if cell == "all" else tuple(re.findall(r"`(\w+)`", cell))
            assert classes, (row[0], column, cell)
            found[row[0], column] = classes
    return found


CELLS = cells()


def test_each_row_and_column_of_the_page_is_played():
    assert {row for row, _ in CELLS} == set(SCENES), "the page and scenes.py differ"
    assert {column for _, column in CELLS} == set(ACCIDENTS)


class Stage:
    """One class and one accident: all rows are promised, it happens, all rows are looked at."""

    def __init__(self, durability, accident):
        self.accident, self.loops, self.found = accident, None, {}
        if accident in ("cut", "full", "failed"):
            self.loops = Loops()
            self.disk = self.loops.disk(24 if accident == "full" else 96)
        self.broker = None
        try:
            store = self.disk.path / "store" if self.loops else None
            self.broker = Phoenix(durability, store=store, segment="1MiB")
            self.durability = durability
            self._play()
        finally:
            if self.broker:
                self.broker.remove()
            if self.loops:
                self.loops.close()

    def _play(self):
        scenes = [scene(self.broker) for scene in SCENES.values()]
        for scene in scenes:
            scene.promise()
        getattr(self, "_" + self.accident)()
        for scene in scenes:
            scene.leave()
        for scene in scenes:
            try:
                self.found[scene.title] = (scene.found(), "it is not")
            except (AssertionError, Closed, Silence) as fault:
                self.found[scene.title] = (False, repr(fault))

    def _nothing(self):
        pass

    def _kill(self):
        self.broker.restart()

    def _cut(self):
        with self.broker.between_calls():
            self.disk.cut()
        self.broker.kill()
        self.disk.power_on()
        self.broker.start()

    def _full(self):
        """The disk fills up; a broker that promises more than its own life is killed and started
        without any room."""
        block, size = self.disk.path / "ballast", 1 << 20
        with block.open("wb", buffering=0) as file:
            while size >= 512:
                try:
                    file.write(b"\0" * size)
                except OSError:
                    size //= 2
        if self.durability != "memory":
            self.broker.restart()
        block.unlink()

    def _failed(self):
        with self.broker.between_calls():
            self.disk.cut()
        if self.durability != "memory":
            lies = guest(self.broker, "lies")
            lies.send(m.publish(5, "Retained/lie", b"lie", 1, retain=True, pid=1))
            try:
                got = lies.read(3)
                assert got.kind != m.PUBACK or got.code >= 0x80 or self.durability == "os", got
            except (Closed, Silence):
                pass
        self.broker.errors_expected = True
        self.broker.kill()
        self.disk.power_on()
        self.broker.start()


STAGES = {}


def stage(durability, accident):
    if (durability, accident) not in STAGES:
        STAGES[durability, accident] = Stage(durability, accident)
    return STAGES[durability, accident]


@pytest.mark.parametrize("row", SCENES, ids=lambda row: SCENES[row].__name__)
def test_without_an_accident_all_is_found(row):
    """The rows by themselves: only connections end."""
    found, words = stage("memory", "nothing").found[row]
    assert found, words


def played():
    """Every cell and class that says something, one accident after the other. What is not promised
    may be there all the same, except behind kill -9."""
    return [pytest.param(durability, column, row, id=f"{scene.__name__}-{accident}-{durability}")
            for column, accident in ACCIDENTS.items() for durability in CLASSES
            for row, scene in SCENES.items()
            if durability in CELLS[row, column] or (accident == "kill" and scene.vanishes)]


@pytest.mark.parametrize("durability, column, row", played())
def test_cell(durability, column, row):
    accident = ACCIDENTS[column]
    if accident != "kill" and REFUSAL:
        pytest.skip(REFUSAL)
    found, words = stage(durability, accident).found[row]
    if durability in CELLS[row, column]:
        assert found, words
    else:
        assert not found, "it need not be there, and is"
