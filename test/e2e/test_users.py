"""Users and passwords: who is let in, what becomes of them when the files change, whose a session is."""

import re
import signal
import subprocess
import threading

import pytest
from rig import WAIT, binary, fresh, until

import mqtt as m
from peer import Closed, Peer

VERSIONS = (3, 4, 5)
REFUSED = {3: 5, 4: 5, 5: 0x86}          # wrong user name or password
NOT_AUTHORIZED = {3: 5, 4: 5, 5: 0x87}
# SHA512 is cheap: what a hash costs is not what these tests are about.
SHA512 = ("-H", "sha512")


def mosquitto_passwd(path, name, password, *words):
    path.touch()
    subprocess.run(["mosquitto_passwd", *words, "-b", str(path), name, password], check=True,
                   capture_output=True, timeout=WAIT)


def passwd(*words, text=""):
    return subprocess.run([binary(), "passwd", *map(str, words)], input=text, text=True,
                          capture_output=True, timeout=WAIT)


@pytest.fixture
def people(tmp_path):
    """A user file with alice (secret) and bob (builder)."""
    path = tmp_path / "users"
    mosquitto_passwd(path, "alice", "secret", *SHA512)
    mosquitto_passwd(path, "bob", "builder", *SHA512)
    return path


def configure(people, more=""):
    return f"auth: [{{file: '{people}'}}]\naccess: [{{allow: pubsub, topic: '#'}}]\n{more}"


@pytest.fixture
def guarded(serve, people):
    """Starts a broker that asks for users."""
    def start(anonymous="false", more="limits: {connect_time: 1m, login: {delay: 0s}}\n", file=None,
              failures=0):
        return serve(configure(file or people, more), "--set", "log.repeats=0",
                     "--set", f"limits.login.failures={failures}", "--set",
                     "listeners=[{url: 'mqtt://127.0.0.1:0', anonymous: %s}]" % anonymous)
    return start


def hello(broker, v, user=None, password=None, name=None, **more):
    peer = Peer(broker.address, v, WAIT)
    peer.hello(name or fresh("peer"), user=user, password=password, **more)
    return peer


def join(broker, v, user=None, password=None, name=None, **more):
    peer = hello(broker, v, user, password, name, **more)
    peer.want(m.CONNACK, code=0)
    return peer


def refused(broker, v, code, user=None, password=None, name=None, **more):
    """The answer to a login that is refused; the connection ends behind it."""
    peer = hello(broker, v, user, password, name, **more)
    answer = peer.want(m.CONNACK, code=code)
    peer.closed()
    return answer


def becomes(broker, v, code, user, password):
    """Logs in until the answer is this one: each event loop takes new users over by itself."""
    def ask():
        peer = hello(broker, v, user, password)
        answer = peer.want(m.CONNACK).code
        peer.shut()
        return answer == code
    until(ask, f"{user} hears {code}")


def last_words(peer):
    """The DISCONNECT of the broker; of older versions only the end is seen."""
    if peer.v != 5:
        peer.closed()
        return None
    return peer.want(m.DISCONNECT).code


# ---- who is let in -------------------------------------------------------------------------------

@pytest.mark.parametrize("v", VERSIONS)
def test_who_knows_the_password_comes_in(guarded, v):
    broker = guarded()
    join(broker, v, "alice", "secret", name=fresh("in")).bye()
    assert broker.wait_for("client.connected", user="alice")
    answers = [refused(broker, v, REFUSED[v], *wrong)
               for wrong in (("alice", "wrong"), ("alice", "secre"), ("alice", b"secret\0"), ("alice", b""),
                             ("alice", None), ("nobody", "secret"),
                             ("", "secret"), ("ALICE", "secret"), ("bob", "secret"))]
    assert len({answer.body for answer in answers}) == 1  # all are told the same
    assert broker.wait_for("auth.failed", count=len(answers))["method"] == "password"
    refused(broker, v, NOT_AUTHORIZED[v])
    assert not re.search(rb"secret|builder", broker.log.read_bytes())


@pytest.mark.parametrize("v", VERSIONS)
def test_an_open_door_is_for_those_without_a_name(guarded, v):
    broker = guarded("true")
    join(broker, v).bye()
    join(broker, v, "alice", "secret").bye()
    refused(broker, v, REFUSED[v], "alice", "wrong")
    refused(broker, v, REFUSED[v], "stranger", "x")


def test_a_refusal_says_what_is_wanted(guarded):
    broker = guarded()
    assert b"user name and a password" in refused(broker, 5, 0x87).body


def test_who_logs_in_may_send_on_at_once(guarded):
    """What stands behind CONNECT in the same segment waits for the answer, and is not lost."""
    broker = guarded()
    topic = fresh("t")
    peer = Peer(broker.address, 5, WAIT)
    peer.cid = fresh("eager")
    peer.send(m.connect(5, peer.cid, user="alice", password="secret"),
              m.subscribe(5, 1, [(topic, 1)]), *[m.publish(5, topic, b"%d" % n, 1, pid=n + 2) for n in range(20)])
    peer.want(m.CONNACK, code=0)
    got = []
    while len(got) < 20:
        packet = peer.read()
        if packet.kind == m.PUBLISH:
            got.append(packet.payload)
            peer.send(m.ack(m.PUBACK, packet.pid))
    assert got == [b"%d" % n for n in range(20)]


def test_hashes_of_every_kind_are_taken(guarded, tmp_path):
    file = tmp_path / "mixed"
    mosquitto_passwd(file, "old", "one", *SHA512)
    mosquitto_passwd(file, "new", "two")
    assert passwd("-b", file, "argon", "three").returncode == 0
    assert passwd("--hash", "pbkdf2", file, "kdf", text="four\n").returncode == 0
    broker = guarded(file=file)
    for name, password in (("old", "one"), ("new", "two"), ("argon", "three"), ("kdf", "four")):
        join(broker, 5, name, password).bye()
        refused(broker, 4, 5, name, password + "x")
        refused(broker, 5, 0x86, name, password.encode() + b"\0")


def test_mosquittos_clients_log_in(guarded, program):
    broker = guarded()

    def run(name, *words):
        return program("stdbuf", "-oL", name, "-h", "127.0.0.1", "-p", broker.port, *words)
    topic = fresh("m")
    sub = run("mosquitto_sub", "-d", "-t", topic, "-u", "alice", "-P", "secret", "-C", "1", "-q", "1")
    sub.next_line(b"Subscribed")
    assert run("mosquitto_pub", "-t", topic, "-m", "hi", "-q", "1", "-u", "bob", "-P", "builder").wait()[0] == 0
    assert b"hi" in sub.wait()[1]
    assert run("mosquitto_pub", "-t", topic, "-m", "hi", "-u", "bob", "-P", "wrong").wait()[0] == 5
    assert run("mosquitto_pub", "-V", "5", "-t", topic, "-m", "hi", "-u", "bob", "-P", "wrong").wait()[0] == 0x86
    assert run("mosquitto_pub", "-t", topic, "-m", "hi").wait()[0] == 5


def test_mosquitto_reads_what_passwd_writes(tmp_path):
    """--hash pbkdf2 is the format of the other program: its own tool takes such a file further."""
    file = tmp_path / "users"
    assert passwd("-c", "--hash", "pbkdf2", file, "alice", text="secret\n").returncode == 0
    before = file.read_text()
    mosquitto_passwd(file, "bob", "builder")
    assert before.strip() in file.read_text()
    assert passwd("-D", file, "alice").returncode == 0
    assert file.read_text().startswith("bob:$7$")


# ---- the answer comes later ----------------------------------------------------------------------

def test_who_leaves_before_the_answer_is_forgotten(guarded):
    broker = guarded(more="limits: {login: {delay: 1m}, connect_time: 1m}\n")
    for n in range(30):
        peer = hello(broker, 5, "alice", "wrong" if n % 2 else "secret")
        peer.shut()
    join(broker, 5, "alice", "secret").bye()
    broker.wait_for("auth.failed", count=15)  # wrong is wrong, heard or not


def test_too_many_that_wait_are_told_so(guarded, tmp_path):
    """One worker, a queue of one, and hashes that take long enough: most are told to come again."""
    file = tmp_path / "dear"
    subprocess.run([binary(), "passwd", "-c", "-b", str(file), "alice", "secret"], check=True, timeout=WAIT)
    broker = guarded(file=file, more="limits: {login: {workers: 1, queue: 1}}\n")
    peers = [hello(broker, 5, "alice", "secret") for _ in range(40)]
    codes = [peer.want(m.CONNACK).code for peer in peers]
    assert set(codes) == {0, 0x89}
    assert codes.count(0) >= 1
    join_again = [code for code in codes if code == 0x89]
    assert join_again
    join(broker, 4, "alice", "secret").bye()


def test_a_slow_login_ends_with_the_time_to_connect(guarded):
    broker = guarded(more="limits: {connect_time: 300ms, login: {delay: 1m}}\n")
    refused(broker, 5, 0x86, "alice", "wrong")


# ---- addresses that only try ---------------------------------------------------------------------

@pytest.mark.parametrize("v", VERSIONS)
def test_too_many_wrong_ones_ban_the_address(guarded, v):
    broker = guarded("true", more="limits: {login: {delay: 0s, ban: 1d}}\n", failures=5)
    friend = join(broker, v, "alice", "secret")
    for _ in range(5):
        refused(broker, v, REFUSED[v], "alice", "wrong")
    told = broker.wait_for("auth.banned")
    assert told["failures"] == 5 and told["ban_s"] == 86400
    refused(broker, v, 0x8A if v == 5 else 5, "alice", "secret")
    join(broker, v).bye()  # without a name nothing is guessed
    friend.send(m.pingreq())
    friend.want(m.PINGRESP)


def test_a_flood_of_wrong_passwords_disturbs_nobody(guarded, tmp_path):
    """An innocent pair keeps its order and loses nothing while others try passwords."""
    file = tmp_path / "dear"
    subprocess.run([binary(), "passwd", "-c", "-b", str(file), "alice", "secret"], check=True, timeout=WAIT)
    broker = guarded(file=file, more="limits: {login: {delay: 0s, queue: 4, workers: 1}}\n")
    topic = fresh("pair")
    sub, pub = join(broker, 5, "alice", "secret"), join(broker, 4, "alice", "secret")
    sub.send(m.subscribe(5, 1, [(topic, 1)]))
    sub.want(m.SUBACK)
    stop = threading.Event()
    answers = []

    def flood():
        while not stop.is_set():
            try:
                peer = hello(broker, 5, "alice" if len(answers) % 2 else "nobody", "wrong")
                answers.append(peer.read().code)
                peer.shut()
            except (Closed, OSError):
                answers.append(None)
    floods = [threading.Thread(target=flood) for _ in range(12)]
    for one in floods:
        one.start()
    try:
        for n in range(300):
            pub.send(m.publish(4, topic, b"%d" % n, 1, pid=n + 1))
            got = sub.want(m.PUBLISH)
            assert got.payload == b"%d" % n
            sub.send(m.ack(m.PUBACK, got.pid))
            pub.want(m.PUBACK)
    finally:
        stop.set()
        for one in floods:
            one.join(WAIT)
    assert 0x86 in answers and 0 not in answers


# ---- the files change ----------------------------------------------------------------------------

@pytest.mark.parametrize("how", ["watched", "asked"])
@pytest.mark.parametrize("v", VERSIONS)
def test_a_removed_user_goes_and_a_new_one_comes(guarded, people, v, how):
    broker = guarded()
    will = m.Will(fresh("will"), b"gone", 1)
    alice, bob = join(broker, v, "alice", "secret", will=will), join(broker, v, "bob", "builder")
    bob.send(m.subscribe(v, 1, [(will.topic, 1)]))
    bob.want(m.SUBACK)
    assert passwd("-D", people, "alice").returncode == 0
    if how == "asked":
        broker.signal(signal.SIGHUP)
    assert last_words(alice) in (None, 0x87)
    broker.wait_for("client.disconnected", user="alice", reason="its user was removed")
    becomes(broker, v, REFUSED[v], "alice", "secret")
    mosquitto_passwd(people, "carol", "new", *SHA512)
    becomes(broker, v, 0, "carol", "new")
    bob.send(m.pingreq())
    bob.want(m.PINGRESP)  # and no will came before it


@pytest.mark.parametrize("v", VERSIONS)
def test_a_changed_password_ends_what_came_in_by_the_old(guarded, people, v):
    broker = guarded()
    alice, bob = join(broker, v, "alice", "secret"), join(broker, v, "bob", "builder")
    mosquitto_passwd(people, "alice", "fresh", *SHA512)
    assert last_words(alice) in (None, 0x87)
    becomes(broker, v, REFUSED[v], "alice", "secret")
    becomes(broker, v, 0, "alice", "fresh")
    bob.send(m.pingreq())
    bob.want(m.PINGRESP)


def test_a_broken_file_changes_nothing(guarded, people):
    broker = guarded()
    broker.errors_expected = True
    alice = join(broker, 5, "alice", "secret")
    good = people.read_text()
    people.write_text(good + "carol:in clear\n")
    why = broker.wait_for("users.refused")["why"]
    assert f"{people}:3:7:" in why and "in clear" not in why
    broker.signal(signal.SIGHUP)
    broker.wait_for("config.refused")
    alice.send(m.pingreq())
    alice.want(m.PINGRESP)
    join(broker, 5, "bob", "builder").bye()
    refused(broker, 5, 0x86, "carol", "in clear")
    people.unlink()
    broker.wait_for("users.refused", count=2)
    join(broker, 5, "bob", "builder").bye()
    people.write_text(good)
    broker.wait_for("users.loaded", count=2)


@pytest.mark.parametrize("text, place", [("alice\n", ":1:1:"), ("# x\nalice:secret\n", ":2:7:"),
                                         ("alice:$7$1$x\n", ":1:"), (None, ": cannot read")])
def test_a_broken_file_is_no_way_in(tmp_path, text, place):
    file, config = tmp_path / "users", tmp_path / "godwit.yaml"
    if text is not None:
        file.write_text(text)
    config.write_text(configure(file))
    for words in (["serve", "-c"], ["check", "config"]):
        done = subprocess.run([binary(), *words, str(config)], capture_output=True, text=True, timeout=WAIT)
        assert done.returncode == 78
        assert done.stderr.startswith(f"{file}{place}") and "secret" not in done.stderr


def test_an_empty_file_lets_in_nobody(guarded, tmp_path):
    file = tmp_path / "nobody"
    file.write_text("# nobody yet\n")
    broker = guarded(file=file)
    broker.wait_for("users.none")
    refused(broker, 5, 0x86, "alice", "secret")
    refused(broker, 5, 0x87)


def test_users_that_come_with_a_reload_are_asked_for(serve, people):
    """Names that were taken on trust before are not, once there are users."""
    broker = serve("")
    trusted, nameless = join(broker, 5, "alice", "whatever"), join(broker, 5)
    broker.config.write_text(broker.config.read_text() + f"auth: [{{file: '{people}'}}]\n")
    broker.signal(signal.SIGHUP)
    assert last_words(trusted) == 0x87
    nameless.send(m.pingreq())
    nameless.want(m.PINGRESP)
    becomes(broker, 5, 0x86, "alice", "whatever")
    becomes(broker, 5, 0, "alice", "secret")


# ---- godwit passwd -------------------------------------------------------------------------------

def test_passwd_keeps_what_is_not_its_business(tmp_path):
    file = tmp_path / "users"
    assert passwd("-c", "-b", file, "alice", "one").returncode == 0
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text("# first\n" + file.read_text() + "# last")
    file.chmod(0o640)
    assert passwd("--groups", "ops,dash", file, "bob", text="two\n").returncode == 0
    assert passwd("-b", file, "alice", "three").returncode == 0
    assert passwd("-b", file, "bob", "four").returncode == 0
    lines = file.read_text().splitlines()
    assert [line.split(":")[0] for line in lines] == ["# first", "alice", "# last", "bob"]
    assert lines[3].endswith(":ops,dash")
    assert file.stat().st_mode & 0o777 == 0o640
    assert passwd("--groups", "", "-b", file, "bob", "five").returncode == 0
    assert file.read_text().count(":") == 2
    assert passwd("-D", file, "bob").returncode == 0
    assert passwd("-D", file, "bob").returncode == 1
    assert "bob" not in file.read_text()
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("words, text, code", [
    (("-b", "FILE", "new"), "", 64), (("FILE", "a:b"), "x\n", 64), (("FILE", "new", "word"), "", 64),
    (("FILE", "new"), "", 64), (("FILE", "new"), "\n", 64), (("--hash", "md5", "FILE", "new"), "x\n", 64),
    (("-c", "FILE", "new"), "x\n", 64), (("FILE",), "", 64), (("--groups", "a,,b", "FILE", "new"), "x\n", 64),
    (("/nowhere/at/all", "new"), "x\n", 71), (("--colour", "FILE", "new"), "x\n", 64)])
def test_passwd_refuses_with_words(people, words, text, code):
    before = people.read_text()
    done = passwd(*[people if word == "FILE" else word for word in words], text=text)
    assert done.returncode == code, done.stderr
    assert done.stderr.strip() and people.read_text() == before


# ---- whose session it is -------------------------------------------------------------------------

OPEN = {3: {"clean": False}, 4: {"clean": False}, 5: {"clean": False, "props": [(m.SESSION_EXPIRY, 600)]}}


def queue_for(broker, v, name, topic):
    """Alice's session with one message in its queue."""
    alice = join(broker, v, "alice", "secret", name, **OPEN[v])
    alice.send(m.subscribe(v, 1, [(topic, 1)]))
    alice.want(m.SUBACK)
    alice.bye()
    bob = join(broker, 5, "bob", "builder")
    bob.send(m.publish(5, topic, b"for alice", 1, pid=1))
    bob.want(m.PUBACK)
    bob.bye()


def takes_it(broker, v, name):
    alice = join(broker, v, "alice", "secret", name, **OPEN[v])
    got = alice.want(m.PUBLISH)
    assert got.payload == b"for alice"
    alice.send(m.ack(m.PUBACK, got.pid))
    return alice


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("v", VERSIONS)
def test_nobody_else_takes_a_session(guarded, v, clean):
    """Neither one that waits nor one that is there; and its owner notices nothing."""
    broker = guarded("true")
    name, topic = fresh("mine"), fresh("t")
    queue_for(broker, v, name, topic)
    for user, password in (("bob", "builder"), (None, None)):
        refused(broker, v, NOT_AUTHORIZED[v], user, password, name, clean=clean)
    alice = takes_it(broker, v, name)
    for user, password in (("bob", "builder"), (None, None)):
        refused(broker, v, NOT_AUTHORIZED[v], user, password, name, clean=clean)
    alice.send(m.pingreq())
    alice.want(m.PINGRESP)
    again = join(broker, v, "alice", "secret", name, **OPEN[v])  # her own second connection may
    assert last_words(alice) in (None, 0x8E)
    again.bye()


def test_what_belongs_to_nobody_may_be_taken(guarded):
    broker = guarded("true")
    name = fresh("nobodys")
    stranger = join(broker, 5, name=name, **OPEN[5])
    other = join(broker, 5, name=name, **OPEN[5])
    assert last_words(stranger) == 0x8E
    alice = join(broker, 5, "alice", "secret", name, **OPEN[5])
    assert last_words(other) == 0x8E
    refused(broker, 5, 0x87, name=name)  # hers from now on
    alice.send(m.pingreq())
    alice.want(m.PINGRESP)


def test_the_old_behaviour_can_be_had(guarded):
    broker = guarded(more="mqtt: {sessions_by_user: false}\nlimits: {login: {delay: 0s}}\n")
    name = fresh("anyones")
    alice = join(broker, 5, "alice", "secret", name, **OPEN[5])
    bob = join(broker, 5, "bob", "builder", name, **OPEN[5])
    assert bob.connack and last_words(alice) == 0x8E


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_session_is_its_users_after_a_restart(guarded, tmp_path, how):
    broker = guarded("true", more=f"store: {{path: '{tmp_path / 'store'}'}}\nlimits: {{login: {{delay: 0s}}}}\n")
    name, topic, nobodys = fresh("mine"), fresh("t"), fresh("nobodys")
    queue_for(broker, 5, name, topic)
    join(broker, 5, name=nobodys, **OPEN[5]).bye()
    broker.signal(how)
    broker.wait()
    broker.launch()
    broker.await_ready()
    refused(broker, 5, 0x87, "bob", "builder", name, clean=False)
    refused(broker, 5, 0x87, name=name)
    takes_it(broker, 5, name).bye()
    join(broker, 5, "bob", "builder", nobodys, **OPEN[5]).bye()
