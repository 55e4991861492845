"""The operator's tools for the durable store, on stores that the real broker wrote."""

import json
import shutil
import signal
import subprocess
import tarfile
import threading
import time

import paho.mqtt.client as paho
import pytest

import rig

STORE = 74   # the store cannot be read or written
USAGE = 64


def godwit(*words, text=None, code=0):
    """Runs the program to its end and judges its exit code; returns (output, errors)."""
    done = subprocess.run([rig.binary(), *map(str, words)], input=text, capture_output=True,
                          timeout=120, text=True)
    assert done.returncode == code, (words, done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout, done.stderr


def info(store):
    return json.loads(godwit("store", "info", store, "--json")[0])


def export(store, code=0):
    return godwit("export", store, code=code)[0]


def lines(text, kind=None):
    found = [json.loads(line) for line in text.splitlines()]
    return [line for line in found if kind is None or line["kind"] == kind]


def reserve(broker, client, *filters, qos=2):
    """A session that stays, with subscriptions."""
    words = [word for each in filters for word in ("-t", each)]
    godwit("sub", "-p", broker.port, "-V", 5, "-c", "-i", client, "-x", 100000, "-q", qos, *words,
           "-E")


def publish(broker, topic, payload, *words):
    godwit("pub", "-p", broker.port, "-V", 5, "-t", topic, "-m", payload, *words)


def collect(broker, client, topic, count):
    """What a session of that name still gets."""
    return godwit("sub", "-p", broker.port, "-V", 5, "-c", "-i", client, "-x", 100000, "-q", 2,
                  "-t", topic, "-C", count, "-W", 20)[0].splitlines()


@pytest.fixture
def filled(phoenix):
    """A broker that was stopped after it kept something of each kind."""
    broker = phoenix()
    reserve(broker, "one", "a/#", "b/+")
    reserve(broker, "two", "a/#", qos=1)
    reserve(broker, "member", "$share/group/g/#")
    for number in range(20):
        publish(broker, "a/x", f"message {number}", "-q", 2)
    publish(broker, "g/1", "for one of a group", "-q", 1)
    publish(broker, "b/ä", "€ with properties", "-q", 1, "-D", "PUBLISH", "user-property", "k", "v",
            "-D", "PUBLISH", "content-type", "text/plain")
    publish(broker, "r/1", "kept", "-q", 1, "-r")
    publish(broker, "r/2", "cleared", "-q", 1, "-r")
    godwit("pub", "-p", broker.port, "-t", "r/2", "-n", "-q", 1, "-r")
    payload = broker.directory / "payload"
    payload.write_bytes(bytes(range(256)))
    godwit("pub", "-p", broker.port, "-t", "r/bytes", "-f", payload, "-q", 2, "-r")
    broker.down()
    return broker


# ---- info ----------------------------------------------------------------------------------------

def test_info_counts_what_is_there(filled):
    found = info(filled.store)
    assert (found["sessions"], found["subscriptions"], found["shared_subscriptions"]) == (3, 4, 1)
    assert (found["queued"], found["retained"], found["format"]) == (41, 2, 1)
    assert found["groups"] == 1 and found["group_queued"] == 1
    assert found["damaged"] == found["torn_bytes"] == 0
    text = godwit("store", "info", "-c", filled.config)[0]
    assert "sessions       3, 0 of them online" in text and str(filled.store) in text


def test_info_beside_a_broker(filled):
    filled.start()
    assert info(filled.store)["sessions"] == 3
    publish(filled, "a/y", "one more", "-q", 1)
    rig.until(lambda: info(filled.store)["queued"] == 43, "the message counted twice")
    assert collect(filled, "two", "a/#", 21)[-1] == "one more"


@pytest.mark.parametrize("words", [("store", "info"), ("store", "verify"), ("export",),
                                   ("store", "compact")])
def test_what_is_no_store_is_refused(tmp_path, words):
    _, told = godwit(*words, tmp_path / "none", code=STORE)
    assert "there is no store at" in told and "hint:" in told
    (tmp_path / "letters").write_text("no segment")
    _, told = godwit(*words, tmp_path, code=STORE)
    assert "is no store" in told


@pytest.mark.parametrize("words", [("store", "info"), ("store", "verify"), ("store", "compact"),
                                   ("export",)])
def test_an_empty_store_is_one(phoenix, words):
    broker = phoenix()
    broker.down()
    godwit(*words, broker.store)


def test_words_that_are_wrong():
    for words in (["store"], ["store", "infos"], ["store", "info", "a", "b"], ["export", "--too"],
                  ["backup", "x"], ["restore"], ["store", "compact", "--json"], ["import", "--to"]):
        _, told = godwit(*words, code=USAGE)
        assert told
    for words in (["store"], ["backup"], ["restore"], ["export"], ["import"]):
        assert "--help" in godwit("help", *words)[0]


# ---- export and import ---------------------------------------------------------------------------

def test_export_import_export_is_the_same(filled, tmp_path):
    first = export(filled.store)
    # A message is unfinished until the loops have told each other, a second later at most.
    kinds = {line["kind"] for line in lines(first)} - {"unfinished"}
    assert kinds == {"store", "group", "session", "subscription", "queued", "group_queued",
                     "retained"}
    assert [line["message"]["payload"] for line in lines(first, "queued")
            if line["client_id"] == "two"] == [f"message {number}" for number in range(20)]
    godwit("import", "--to", tmp_path / "new", text=first)
    assert export(tmp_path / "new") == first
    godwit("export", tmp_path / "new", "--to", tmp_path / "file")
    assert (tmp_path / "file").read_text() == first
    godwit("store", "verify", tmp_path / "new")


def test_a_broker_takes_what_was_imported(filled, phoenix, tmp_path):
    (tmp_path / "all.jsonl").write_text(export(filled.store))
    godwit("import", tmp_path / "all.jsonl", "--to", tmp_path / "new")
    broker = phoenix(store=tmp_path / "new")
    assert collect(broker, "one", "a/#", 21) == [*(f"message {n}" for n in range(20)),
                                                 "€ with properties"]
    assert collect(broker, "two", "a/#", 20)[0] == "message 0"
    assert collect(broker, "member", "$share/group/g/#", 1) == ["for one of a group"]
    retained = godwit("sub", "-p", broker.port, "-t", "r/+", "-C", 2, "-F", "%x")[0].split()
    assert sorted(retained) == [bytes(range(256)).hex(), b"kept".hex()]
    broker.stop()


def test_a_part_of_an_export_goes_into_another_store(filled, tmp_path):
    """Retained messages alone: sessions and queues of the target stay."""
    kept = "".join(json.dumps(line) + "\n" for line in lines(export(filled.store), "retained"))
    more = kept.replace('"r/1"', '"r/new"').replace('"kept"', '"fresh"')
    before = lines(export(filled.store))
    godwit("import", "--to", filled.store, text=more)
    after = lines(export(filled.store))
    assert [line for line in after if line not in before] == [
        line for line in lines(more) if line["topic"] == "r/new"]
    assert [line for line in before if line not in after] == []
    assert lines(export(f"{filled.store}.old")) == before


def test_the_longest_author_is_kept(tmp_path):
    line = {"kind": "retained", "topic": "t",
            "message": {"qos": 1, "retain": True, "author": "f:" + "u" * 158, "payload": "kept"}}
    godwit("import", "--to", tmp_path / "new", text=json.dumps(line) + "\n")
    godwit("store", "compact", tmp_path / "new")
    assert lines(export(tmp_path / "new"), "retained")[0]["message"]["author"] == "f:" + "u" * 158


def test_a_session_that_comes_anew_replaces_the_one_that_is_there(filled):
    text = ('{"kind":"session","client_id":"two","expiry":60}\n'
            '{"kind":"subscription","client_id":"two","filter":"only","qos":1}\n'
            '{"kind":"queued","client_id":"one","qos":1,"topic":"z",'
            '"message":{"qos":1,"payload":"last"}}\n')
    godwit("import", "--to", filled.store, "--discard", text=text)
    after = lines(export(filled.store))
    assert not [line for line in after if line["kind"] == "queued" and line["client_id"] == "two"]
    assert [line["filter"] for line in after
            if line["kind"] == "subscription" and line["client_id"] == "two"] == ["only"]
    assert [line["message"]["payload"] for line in after
            if line["kind"] == "queued" and line["client_id"] == "one"][-1] == "last"
    assert not (filled.directory / "store.old").exists()


@pytest.mark.parametrize("line, told", [
    ("{", "column 2"),
    ("[]", "no JSON object"),
    ('{"kind":"sesion"}', 'no kind "sesion"'),
    ('{"kind":"session"}', '"client_id" is missing'),
    ('{"kind":"session","client_id":"x"}', '"expiry" is missing'),
    ('{"kind":"subscription","client_id":"x","filter":"a"}', 'no session "x"'),
    ('{"kind":"retained","topic":"a/+","message":{"payload":"x"}}', '"topic" is no topic name'),
    ('{"kind":"retained","topic":"a","message":{"payload":""}}', "nothing would be retained"),
    ('{"kind":"retained","topic":"a","message":{"payload_b64":"?"}}', "no base64"),
    ('{"kind":"group","filter":"a"}', "$share/"),
    ('{"kind":"store","version":2}', "a newer godwit"),
    ('{"kind":"queued","client_id":"one","qos":3}', '"qos" is too large'),
])
def test_a_wrong_line_changes_nothing(filled, line, told):
    before = export(filled.store)
    text = '{"kind":"session","client_id":"fine","expiry":60}\n' + line + "\n"
    _, said = godwit("import", "--to", filled.store, text=text, code=STORE)
    assert "-:2: " in said and told in said, said
    assert export(filled.store) == before
    assert sorted(path.name for path in filled.directory.iterdir()
                  if "store" in path.name) == ["store"]


# ---- compact -------------------------------------------------------------------------------------

def test_compact_keeps_all_and_makes_it_small(phoenix):
    broker = phoenix(segment="1MiB")
    reserve(broker, "one", "a/#")
    godwit("pub", "-p", broker.port, "-V", 5, "-t", "a/x", "-q", 1, "--repeat", 3000, "-m",
           "x" * 1000)
    assert len(collect(broker, "one", "a/#", 2990)) == 2990
    _, told = godwit("store", "compact", broker.store, code=STORE)
    assert "in use" in told
    broker.down()
    before, bytes_before = export(broker.store), info(broker.store)["bytes"]
    assert len(lines(before, "queued")) == 10
    godwit("store", "compact", "-c", broker.config)
    assert export(broker.store) == before
    assert info(broker.store)["bytes"] < bytes_before or bytes_before <= 1 << 20
    assert export(f"{broker.store}.old") == before
    _, told = godwit("store", "compact", broker.store, code=STORE)
    assert "still there" in told and "--discard" in told
    godwit("store", "compact", broker.store, "--discard")
    assert export(broker.store) == before
    broker.start()
    assert len(collect(broker, "one", "a/#", 10)) == 10


def test_compact_clears_what_a_try_before_left(filled):
    left = filled.directory / ".store.godwit-new"
    left.mkdir()
    (left / "00000001.seg").write_bytes(b"half")
    before = export(filled.store)
    godwit("store", "compact", filled.store, "--discard")
    assert export(filled.store) == before and not left.exists()


# ---- verify --------------------------------------------------------------------------------------

def flip(path, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ 0x40]))


def test_verify_says_where_the_damage_is(filled):
    assert "all good" in godwit("store", "verify", filled.store)[0]
    segment = min(filled.store.glob("*.seg"))
    data = segment.read_bytes()
    at = data.index(b"message 7")
    flip(segment, at)
    said, _ = godwit("store", "verify", filled.store, code=1)
    assert f"{segment}+" in said and "wrong sum over a chunk" in said, said
    found = json.loads(godwit("store", "verify", filled.store, "--json", code=1)[0])
    place = found["places"][0]
    assert place["segment"] == segment.stem
    assert place["offset"] <= at < place["offset"] + place["bytes"]
    flip(segment, at)
    assert "all good" in godwit("store", "verify", filled.store)[0]


def test_verify_sees_every_byte_of_a_chunk(filled):
    """In the middle of the log, any byte: found, or the store says the same as before."""
    before = export(filled.store)
    segment = min(filled.store.glob("*.seg"))
    begin = segment.read_bytes().index(b"message 3")
    for offset in range(begin - 60, begin + 60, 7):
        flip(segment, offset)
        done = subprocess.run([rig.binary(), "store", "verify", filled.store], capture_output=True)
        assert done.returncode == 1 or export(filled.store) == before, offset
        flip(segment, offset)


def test_verify_beside_a_broker_under_load(phoenix):
    broker = phoenix(segment="1MiB")
    with Load(broker) as load:
        for _ in range(5):
            load.wait_for_more(300)
            godwit("store", "verify", broker.store)


# ---- backup and restore --------------------------------------------------------------------------

class Load:
    """Publishes numbers at QoS 1 while a block runs, to a session that reads and, each `every`th, to
    one that is away; `acknowledged` is the last number of which the broker said that it has it."""

    def __init__(self, broker, every=1):
        self.broker, self.every = broker, every
        self.acknowledged, self.over = -1, threading.Event()
        reserve(broker, "away", "n/keep", qos=1)
        self.reader = self._client("reader")
        self.reader.on_message = lambda *_: None
        self.reader.subscribe("n/#", 1)
        self.thread = threading.Thread(target=self._publish, daemon=True)

    def _client(self, name):
        client = paho.Client(client_id=name, clean_session=False)
        client.max_inflight_messages_set(20)
        client.connect("127.0.0.1", self.broker.port)
        client.loop_start()
        return client

    def _publish(self):
        client, number = self._client("publisher"), 0
        while not self.over.is_set():
            waits = [client.publish("n/x" if (number + i) % self.every else "n/keep",
                                    f"{number + i} " + "x" * 1500, 1) for i in range(20)]
            for each in waits:
                each.wait_for_publish(rig.WAIT)
            number += 20
            self.acknowledged = number - 1
        client.loop_stop()
        client.disconnect()

    def wait_for_more(self, count):
        wanted = self.acknowledged + count
        rig.until(lambda: self.acknowledged >= wanted, lambda: f"{wanted}, got {self.acknowledged}")

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join(rig.WAIT)
        self.reader.loop_stop()
        self.reader.disconnect()


def numbers(store, client):
    return [int(line["message"]["payload"].split()[0]) for line in lines(export(store), "queued")
            if line["client_id"] == client]


@pytest.mark.parametrize("form", ["directory", "copy.tar"])
def test_a_backup_under_load_is_the_store_of_one_moment(phoenix, tmp_path, form):
    broker = phoenix(segment="1MiB")
    with Load(broker) as load:
        for turn in range(4):
            load.wait_for_more(700)
            before = load.acknowledged
            backup = tmp_path / f"{turn}-{form}"
            godwit("backup", broker.store, "--to", backup)
            after = load.acknowledged + 20
            godwit("restore", backup, "--to", tmp_path / f"back-{turn}")
            found = numbers(tmp_path / f"back-{turn}", "away")
            assert found == list(range(len(found))), "a gap, or out of order"
            assert before < len(found) <= after + 1
    restored = phoenix(store=tmp_path / "back-3")
    assert len(collect(restored, "away", "n/keep", len(found))) == len(found)
    restored.stop()


def test_a_backup_that_is_held_up_while_segments_are_recycled(phoenix, tmp_path):
    """Stopped at moments of its run until the log has moved on by several segments."""
    broker, every = phoenix(segment="1MiB"), 600
    with Load(broker, every) as load:
        for turn in range(3):
            load.wait_for_more(every)
            before = load.acknowledged
            tool = subprocess.Popen([rig.binary(), "backup", broker.store, "--to",
                                     tmp_path / str(turn)])
            for moment in range(3):
                time.sleep(0.001 * (1 + turn + 2 * moment))
                if tool.poll() is None:
                    tool.send_signal(signal.SIGSTOP)
                    load.wait_for_more(3 * every)
                    tool.send_signal(signal.SIGCONT)
            assert tool.wait(60) == 0
            after = load.acknowledged + 20
            godwit("restore", tmp_path / str(turn), "--to", tmp_path / f"back-{turn}")
            found = numbers(tmp_path / f"back-{turn}", "away")
            assert found == [every * i for i in range(len(found))], "a gap, or out of order"
            assert before < every * len(found) and found[-1] <= after


def test_a_segment_that_is_recycled_while_it_is_copied_is_left_out(tmp_path):
    """As the broker does it: the file is renamed, then written anew."""
    text = "".join(json.dumps({"kind": "retained", "topic": f"t/{number}", "message": {
        "qos": 1, "payload": f"{number} " * 100000}}) + "\n" for number in range(80))
    godwit("import", "--to", tmp_path / "store", "--set", "store.segment=32MiB", text=text)
    segment, spare = tmp_path / "store" / "00000001.seg", tmp_path / "store" / "spare-9.new"
    data, cut = segment.read_bytes(), 0
    for turn in range(12):
        backup = tmp_path / f"b{turn}"
        tool = subprocess.Popen([rig.binary(), "backup", tmp_path / "store", "--to", backup],
                                stdout=subprocess.DEVNULL)
        time.sleep(0.002 * turn)
        if tool.poll() is None:
            tool.send_signal(signal.SIGSTOP)
        segment.rename(spare)
        with open(spare, "r+b") as file:
            file.write(bytes(len(data)))
        tool.send_signal(signal.SIGCONT)
        assert tool.wait(60) == 0
        copied = backup / "00000001.seg"
        assert not copied.exists() or copied.read_bytes() == data
        cut += not copied.exists()
        spare.unlink()
        segment.write_bytes(data)
        shutil.rmtree(backup)
    assert cut > 0


def test_restore_takes_the_place_of_a_store_only_when_told(filled, tmp_path):
    before = export(filled.store)
    godwit("backup", "-c", filled.config, "--to", tmp_path / "b")
    assert export(tmp_path / "b") == before
    _, told = godwit("backup", filled.store, "--to", tmp_path / "b", code=STORE)
    assert "not empty" in told
    filled.start()
    publish(filled, "r/later", "after the backup", "-q", 1, "-r")
    _, told = godwit("restore", tmp_path / "b", "--to", filled.store, code=STORE)
    assert "is not empty" in told and "--force" in told
    _, told = godwit("restore", tmp_path / "b", "--to", filled.store, "--force", code=STORE)
    assert "in use" in told
    filled.down()
    said, _ = godwit("restore", tmp_path / "b", "-c", filled.config, "--force")
    assert "restored" in said and f"{filled.store}.old" in said
    assert export(filled.store) == before
    assert len(lines(export(f"{filled.store}.old"), "retained")) == 3
    (tmp_path / "empty").mkdir()
    godwit("restore", tmp_path / "b", "--to", tmp_path / "empty")
    assert export(tmp_path / "empty") == before


def test_an_archive_is_one_for_every_tar(filled, tmp_path):
    godwit("backup", filled.store, "--to", tmp_path / "b.tar")
    with tarfile.open(tmp_path / "b.tar") as archive:
        archive.extractall(tmp_path)
    assert export(tmp_path / "godwit-store") == export(filled.store)
    with tarfile.open(tmp_path / "again.tar", "w") as archive:
        archive.add(tmp_path / "godwit-store", "some/where")
    godwit("restore", tmp_path / "again.tar", "--to", tmp_path / "back")
    assert export(tmp_path / "back") == export(filled.store)


def test_a_damaged_backup_is_not_restored(filled, tmp_path):
    godwit("backup", filled.store, "--to", tmp_path / "b")
    segment = min((tmp_path / "b").glob("*.seg"))
    flip(segment, segment.read_bytes().index(b"message 5"))
    _, told = godwit("restore", tmp_path / "b", "--to", tmp_path / "back", code=STORE)
    assert "damaged" in told and "--force" in told
    assert not (tmp_path / "back").exists()
    godwit("restore", tmp_path / "b", "--to", tmp_path / "back", "--force", code=1)
    left = lines(export(tmp_path / "back", code=1), "queued")
    assert 0 < len(left) < 41
    godwit("backup", filled.store, "--to", tmp_path / "b.tar")
    data = (tmp_path / "b.tar").read_bytes()
    (tmp_path / "half.tar").write_bytes(data[:len(data) // 2])
    _, told = godwit("restore", tmp_path / "half.tar", "--to", tmp_path / "none", code=STORE)
    assert "cut off" in told and not (tmp_path / "none").exists()
    _, told = godwit("restore", filled.config, "--to", tmp_path / "none", code=STORE)
    assert "no backup" in told


def test_a_tool_that_is_killed_leaves_one_store_or_the_other(phoenix):
    """compact, killed at moments all over its run: what the path names is whole each time."""
    broker = phoenix(segment="1MiB")
    reserve(broker, "one", "a/#")
    godwit("pub", "-p", broker.port, "-V", 5, "-t", "a/x", "-q", 1, "--repeat", 2000, "-m",
           "y" * 1000)
    broker.down()
    before = export(broker.store)
    for delay in (0, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16):
        tool = subprocess.Popen([rig.binary(), "store", "compact", broker.store, "--discard"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            tool.wait(delay)
        except subprocess.TimeoutExpired:
            tool.send_signal(signal.SIGKILL)
        tool.wait()
        assert export(broker.store) == before
    godwit("store", "compact", broker.store, "--discard")
    assert export(broker.store) == before
