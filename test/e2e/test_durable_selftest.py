"""`godwit selftest --crash`: the user's own proof says what is so, of a store and of none."""

import json
import subprocess

import pytest
from rig import binary

ROWS = {"qos1", "qos2", "absent", "retained", "retained_deleted", "subscribed", "unsubscribed",
        "session"}


def run(*words, seconds=240):
    return subprocess.run([binary(), "selftest", *map(str, words)], capture_output=True, text=True,
                          timeout=seconds, check=False)


@pytest.mark.parametrize("durability", ["disk", "os"])
def test_nothing_is_lost(tmp_path, durability):
    done = run("--crash", "--dir", tmp_path, "--cycles", 6, "--seed", 7, "--class", durability,
               "--json")
    assert done.returncode == 0, done
    told = json.loads(done.stdout)
    assert told["class"] == durability and told["seed"] == 7 and told["kills"] >= 7
    assert set(told["promises"]) == ROWS
    for row in told["promises"].values():
        assert row["acknowledged"] == row["found"] and row["acknowledged"], told
        assert not row["lost"] and not row["doubled"] and not row["out_of_order"], told
    assert told["faults"] == told["strangers"] == 0
    assert list(tmp_path.iterdir()) == []


def test_a_class_that_keeps_nothing_is_seen(tmp_path):
    done = run("--crash", "--dir", tmp_path, "--cycles", 2, "--seed", 7, "--class", "memory")
    assert done.returncode == 1, done
    assert "promises were broken" in done.stdout
    rows = {line[:28].strip(): line[28:].split() for line in done.stdout.splitlines()[1:9]}
    assert int(rows["message for an absent client"][2]) and int(rows["retained message set"][2])
    assert (tmp_path / "godwit-selftest.log").is_file()  # to be looked at
    again = run("--crash", "--dir", tmp_path, "--cycles", 1)
    assert again.returncode == 1 and "left from another run" in again.stderr


@pytest.mark.parametrize("words, code, what", [
    ([], 64, "which test? --crash"),
    (["--crash"], 64, "--crash wants --dir DIR"),
    (["--crash", "--dir"], 64, "--dir wants a directory"),
    (["--crash", "--dir", "/nonexistent/there"], 1, "cannot make this directory: No such file"),
    (["--crash", "--dir", "/tmp", "--cycles", "0"], 64, "--cycles wants a number"),
    (["--crash", "--dir", "/tmp", "--seed", "x"], 64, "--seed wants a number"),
    (["--crash", "--dir", "/tmp", "--class", "paper"], 64, "--class wants disk, os or memory"),
    (["--krash"], 64, "there is no such option"),
])
def test_words(words, code, what):
    done = run(*words)
    assert done.returncode == code and what in done.stderr, done
