"""Access rules, seen by clients: who may publish and receive what, and how a no sounds."""

import signal
import subprocess

import paho.mqtt.client as paho
import pytest
from rig import binary, fresh
from scenes import guest, join
from test_mosquitto import messages, pub, sub  # noqa: F401 (fixtures)
from test_paho_python import Client

import mqtt as m
from peer import Peer

NO = 0x87
RULES = """
access:
  - {allow: pubsub, client_id: root, topic: "#"}
  - {deny: pubsub, topic: "own/secret/#"}
  - {allow: pubsub, topic: "own/%c/#"}
  - {allow: pub, topic: "plain/#", retain: false}
  - {allow: pub, topic: "slow/#", qos: 1}
  - {allow: sub, topic: "slow/#", qos: 1}
  - {allow: sub, topic: "plain/+/out"}
  - {deny: pubsub, client_id: outcast}
  - {allow: pubsub, topic: "open/#"}
log: {repeats: 0, level: debug}
"""


@pytest.fixture(scope="module")
def ruled():
    import rig
    broker = rig.Broker("threads: 2\n" + RULES)
    yield broker
    broker.stop()



def told(broker, **fields):
    return broker.wait_for("acl.denied", **fields)


# ---- publishing ----------------------------------------------------------------------------------

@pytest.mark.parametrize("qos", (1, 2))
def test_a_publication_is_refused_by_its_own_code(ruled, qos):
    name = fresh("writer")
    writer = guest(ruled, name)
    writer.publish(f"own/{name}/a", qos=qos)
    writer.publish("own/other/a", qos=qos, code=NO)
    writer.publish("plain/a", qos=qos)
    writer.publish("plain/a", qos=qos, code=NO, retain=True)
    writer.publish("$SYS/a", qos=qos, code=NO)
    writer.publish(f"own/{name}/a", qos=qos)  # the connection lives
    assert told(ruled, id=name, topic="own/other/a")["rule"] == "none"
    assert told(ruled, id=name, topic="$SYS/a")["action"] == "publish"
    writer.bye()


def test_the_rule_that_denied_is_named(ruled):
    one = guest(ruled, "secret")
    one.publish("own/secret/a", qos=1, code=NO)
    assert told(ruled, id="secret", topic="own/secret/a")["rule"] == "access rule 2"
    one.bye()


def test_qos_above_the_rule_is_refused(ruled):
    writer = guest(ruled, fresh("slow"))
    writer.publish("slow/a", qos=1)
    writer.publish("slow/a", qos=2, code=NO)
    writer.subscribe("slow/a", qos=2, granted=[1])
    writer.bye()


def test_older_clients_hear_an_acknowledgement_and_nobody_gets_it(ruled):
    name = fresh("old")
    watcher = guest(ruled, "root", 5)
    watcher.subscribe(["own/#", "open/#"], qos=1)
    writer = guest(ruled, name, 4)
    for qos in (0, 1, 2):
        writer.publish("own/other/a", b"no", qos=qos)
    writer.publish(f"open/{name}", b"end", qos=1)
    assert watcher.message().payload == b"end"
    told(ruled, count=3, id=name, topic="own/other/a")
    writer.bye()
    watcher.bye()


def test_mosquitto_pub_is_told(ruled, program):
    one = program("mosquitto_pub", "-h", "127.0.0.1", "-p", ruled.port, "-V", "5", "-q", "1", "-i",
                  fresh("mosquitto"), "-t", "own/other/a", "-m", "x")
    _, lines = one.wait()
    assert any(b"Not authorized" in line for line in lines), lines


def words_of(got):
    return dict(got.props or ()).get(m.REASON_STRING, "")


def test_a_refusal_says_how_to_find_out(ruled):
    """What the client knows itself, and the command that tells the rest; never the rule."""
    name = fresh("curious")
    one = guest(ruled, name)
    for qos, kind in ((1, m.PUBACK), (2, m.PUBREC)):
        one.send(m.publish(5, "own/secret/a", b"", qos, pid=7))
        said = words_of(one.want(kind, code=NO))
        assert said == ('no access rule lets a client without a user publish to "own/secret/a"; test it where the broker '
                        f"runs: godwit acl test '-' pub 'own/secret/a' --id '{name}'")
    command = said.split("runs: ")[1]
    done = subprocess.run(f"{binary()} {command.removeprefix('godwit ')} -c {ruled.config}", shell=True,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "rule 2 does not let" in done.stdout, done
    one.send(m.subscribe(5, 8, [("own/secret/#", 0)]))
    assert "subscribe to \"own/secret/#\"" in words_of(one.want(m.SUBACK))
    one.send(m.publish(5, "$SYS/a", b"", 1, pid=9))
    assert "$SYS is the broker's" in words_of(one.want(m.PUBACK, code=NO))
    for topic in ("own/it's", 'own/"', "own/" + "x" * 200):  # nothing that a shell could stumble on
        one.send(m.publish(5, topic, b"", 1, pid=10))
        assert words_of(one.want(m.PUBACK, code=NO)) == "no access rule lets this client publish to that"
    one.bye()


@pytest.mark.parametrize("what", ("publish to", "subscribe to"))
def test_the_longest_refusal_is_whole(serve, tmp_path, what):
    path, long, name, topic = tmp_path / "users", "u" * 60, "i" * 60, "t" * 120
    path.touch()
    people(path, (long, ""))
    broker = serve(f"auth: [{{file: '{path}'}}]\naccess: [{{allow: pubsub, topic: 'open/#'}}]\n")
    one = user(broker, long, name)
    pub = what == "publish to"
    one.send(m.publish(5, topic, b"", 1, pid=7) if pub else m.subscribe(5, 8, [(topic, 0)]))
    assert words_of(one.want(m.PUBACK if pub else m.SUBACK)) == (
        f'no access rule lets user "{long}" {what} "{topic}"; test it where the broker runs: '
        f"godwit acl test '{long}' {'pub' if pub else 'sub'} '{topic}' --id '{name}'")
    one.bye()


def test_who_does_not_want_to_hear_it_is_not_told(ruled):
    for props, limit in ([(m.REQUEST_PROBLEM, 0)], None), ([(m.MAXIMUM_PACKET_SIZE, 60)], 60):
        one = Peer(ruled.address, 5)
        one.hello(fresh("short"), props=props)
        one.want(m.CONNACK, code=0)
        one.send(m.publish(5, "own/secret/a", b"", 1, pid=7))
        assert not words_of(one.want(m.PUBACK, code=NO)), limit
        one.send(m.subscribe(5, 8, [("own/secret/#", 0)]))
        assert not words_of(one.want(m.SUBACK)), limit
        one.bye()


def test_the_tools_show_it(ruled):
    for words in (["pub", "-m", "x", "-q", "1"], ["sub"]):
        done = subprocess.run([binary(), *words, "-V", "5", "-h", "127.0.0.1", "-p", str(ruled.port), "-t", "own/secret/a"],
                              capture_output=True, text=True, timeout=60)
        assert "godwit acl test" in done.stderr, done


# ---- subscribing ---------------------------------------------------------------------------------

@pytest.mark.parametrize("v, no", [(5, NO), (4, 0x80), (3, 0)])  # 3.1 has no code for a no
def test_each_filter_has_its_own_answer(ruled, v, no):
    name = fresh("reader")
    if v == 3:
        name = name[:23]
    reader = guest(ruled, name, v)
    filters = [f"own/{name}/#", "own/other/#", "own/secret/#", "own/secret", "open/#", "$SYS/#", "#",
               "+/x/out", "nothing/#", "own/+/a"]
    reader.subscribe([(f, 0) for f in filters],
                     granted=[0, no, no, no, 0, no, 0, 0, no, 0])
    assert told(ruled, id=name, topic="own/secret/#")["rule"] == "access rule 2"
    assert told(ruled, id=name, topic="nothing/#")["rule"] == "none"
    reader.bye()


def test_a_shared_filter_is_judged_bare(ruled):
    name = fresh("shared")
    reader = guest(ruled, name)
    reader.subscribe([("$share/g/own/other/#", 0), (f"$share/g/own/{name}/#", 0), ("$share/own/a", 0)],
                     granted=[NO, 0, NO])
    reader.bye()


def test_mosquitto_sub_is_told(ruled, program):
    one = program("mosquitto_sub", "-h", "127.0.0.1", "-p", ruled.port, "-V", "5", "-i",
                  fresh("mosquitto"), "-t", "own/other/#")
    _, lines = one.wait()
    assert any(b"denied" in line for line in lines), lines


# ---- receiving -----------------------------------------------------------------------------------

@pytest.mark.parametrize("filters", (["#"], ["+/#"], ["#", "own/+/a"], ["+/+/+", "open/#"]))
@pytest.mark.parametrize("qos", (0, 1, 2))
def test_wildcards_bring_only_what_may_be_received(ruled, filters, qos):
    name = fresh("wide")
    wide = Client(ruled, ruled, name=name)
    wide.subscribe([(f, paho.SubscribeOptions(qos)) for f in filters])
    writer = guest(ruled, "root")
    for topic in ("own/other/a", "own/secret/a", f"own/{name}/a", "else/x/y", "plain/x/out",
                  "plain/x/in", f"open/{name}/end"):
        writer.publish(topic, b"x", qos=qos)
    wanted = [f"own/{name}/a", "plain/x/out", f"open/{name}/end"]
    seen = []
    while f"open/{name}/end" not in seen:
        seen.append(wide.next().topic)
    assert sorted(set(seen)) == sorted(wanted)
    assert ruled.events("acl.denied", id=name, action="receive")
    wide.leave()
    writer.bye()


@pytest.mark.parametrize("name", ("#", "+", "+/#", "other/#", "a/b", "/"))
def test_a_client_identifier_is_no_pattern(ruled, name):
    hostile = guest(ruled, name)
    hostile.subscribe([("own/#", 0), ("own/+/x", 0), (f"own/{name}/x" if "#" not in name else "own/other", 0)],
                      granted=[NO, NO, NO])
    hostile.publish("own/other/x", qos=1, code=NO)
    hostile.publish("own/a/b/x", qos=1, code=NO)
    hostile.bye()


def test_retained_messages_are_withheld_too(ruled):
    name = fresh("late")
    writer = guest(ruled, "root")
    for topic in ("own/other/r", f"own/{name}/r", "own/secret/r"):
        writer.publish(topic, b"kept", qos=1, retain=True)
    late = guest(ruled, name)
    late.subscribe("own/#", qos=1)
    assert late.message().topic == f"own/{name}/r"
    writer.publish(f"own/{name}/end", b"", qos=1)
    assert late.message().topic == f"own/{name}/end"
    for topic in ("own/other/r", f"own/{name}/r", "own/secret/r"):
        writer.publish(topic, b"", qos=1, retain=True)
    late.bye()
    writer.bye()


# ---- wills ---------------------------------------------------------------------------------------

def test_a_will_needs_the_right_at_connect(ruled):
    one = Peer(ruled.address, 5)
    one.hello(fresh("dying"), will=m.Will("own/other/w"))
    one.refused(NO, 5)
    old = Peer(ruled.address, 4)
    old.hello(fresh("dying"), will=m.Will("own/other/w"))
    old.refused(NO, 5)
    assert told(ruled, topic="own/other/w")["action"] == "will"


OPEN = 'access: [{allow: pubsub, topic: "#"}]\nlog: {repeats: 0}\n'
CLOSED = """
access: [{deny: pubsub, topic: "shut/#"}, {allow: pubsub, topic: "#"}]
log: {repeats: 0}
"""


HIDDEN = """
access: [{deny: sub, topic: "shut/#"}, {allow: pubsub, topic: "#"}]
log: {repeats: 0}
"""


def reload(broker, text):
    count = len(broker.events("config.reloaded"))
    broker.write(text)
    broker.signal(signal.SIGHUP)
    broker.wait_for("config.reloaded", count + 1)


@pytest.mark.parametrize("delay", (0, 1))
def test_a_will_whose_right_is_gone_is_not_published(serve, delay):
    broker = serve("threads: 2\n" + OPEN)
    watcher = guest(broker, fresh("watcher"))
    props = ((m.SESSION_EXPIRY, 30),)
    watcher.subscribe("#", qos=1)
    lucky, dying = (Peer(broker.address, 5) for _ in range(2))
    for peer, cid, topic in ((dying, "dying", "shut/will"), (lucky, "lucky", "fine/will")):
        peer.hello(cid, will=m.Will(topic, b"gone", 1, props=[(m.WILL_DELAY, delay)]), props=props)
        peer.want(m.CONNACK, code=0)
    reload(broker, CLOSED)
    dying.shut()
    broker.wait_for("client.disconnected", id="dying")
    told(broker, id="dying", action="will") if delay == 0 else None
    lucky.shut()
    assert watcher.message().topic == "fine/will"
    told(broker, id="dying", action="will", topic="shut/will", rule="access rule 1")
    watcher.ping()
    assert not watcher.inbox
    watcher.bye()


# ---- revocation ----------------------------------------------------------------------------------

@pytest.mark.parametrize("qos", (0, 1, 2))
def test_a_reload_reaches_living_subscriptions(serve, qos):
    broker = serve("threads: 2\n" + OPEN)
    reader, writer = guest(broker, fresh("reader")), guest(broker, fresh("writer"))
    reader.subscribe(["shut/#", "fine/#"], qos=qos)
    for text, heard in ((OPEN, True), (HIDDEN, False), (OPEN, True)):
        reload(broker, text)
        reload(broker, text)  # the same again changes nothing
        writer.publish("shut/a", b"secret", qos=qos)
        writer.publish("fine/a", b"end", qos=qos)
        if heard:
            assert reader.message().payload == b"secret"
        assert reader.message().payload == b"end"
    reader.bye()
    writer.bye()


def test_what_was_queued_before_is_withheld_when_it_goes_out(serve):
    broker = serve("threads: 2\n" + OPEN)
    name = fresh("absent")
    absent = join(broker, name, props=((m.SESSION_EXPIRY, 300),))
    absent.subscribe("#", qos=2)
    absent.bye()
    writer = guest(broker, fresh("writer"))
    for n in range(20):
        writer.publish("shut/a", b"secret", qos=1 + n % 2)
    writer.publish("fine/a", b"end", qos=1)
    reload(broker, CLOSED)
    back = join(broker, name, clean=False, props=((m.SESSION_EXPIRY, 300),))
    assert back.message().payload == b"end"
    back.ping()
    assert not back.inbox
    back.bye()
    writer.bye()


def test_absent_sessions_are_not_filled_with_what_they_may_not_have(serve):
    broker = serve("threads: 2\nlimits: {queue: {messages: 5}}\n" + CLOSED)
    name = fresh("absent")
    absent = join(broker, name, props=((m.SESSION_EXPIRY, 300),))
    absent.subscribe("#", qos=1)
    absent.bye()
    writer = guest(broker, fresh("writer"))
    reload(broker, 'limits: {queue: {messages: 5}}\naccess: [{deny: sub, topic: "shut/#"}, '
                   '{allow: pubsub, topic: "#"}]\n')
    for _ in range(20):
        writer.publish("shut/a", b"secret", qos=1)
    writer.publish("fine/a", b"end", qos=1)
    back = join(broker, name, clean=False, props=((m.SESSION_EXPIRY, 300),))
    assert back.message().payload == b"end"
    back.bye()
    writer.bye()


def test_rights_given_later_reach_old_subscriptions(serve):
    broker = serve("threads: 2\n" + HIDDEN)
    reader, writer = guest(broker, fresh("reader")), guest(broker, fresh("writer"))
    reader.subscribe("+/a", qos=1)
    writer.publish("shut/a", b"secret", qos=1)
    reload(broker, "threads: 2\n")
    writer.publish("shut/a", b"open", qos=1)
    assert reader.message().payload == b"open"
    reader.bye()
    writer.bye()


# ---- files ---------------------------------------------------------------------------------------

ACL_FILE = """# as mosquitto reads it
topic read open/#
topic deny open/shut
topic write in/#
pattern readwrite own/%c/#
user someone
topic #
"""


def test_an_acl_file_of_mosquitto(serve, sub, pub, tmp_path):  # noqa: F811
    path = tmp_path / "acl"
    path.write_text(ACL_FILE)
    broker = serve(f"threads: 2\naccess_file: {path}\naccess: [{{allow: pub, client_id: feeder, topic: '#'}}]\n"
                   "log: {repeats: 0}\n")
    name = fresh("reader")
    reader = sub(broker, "-i", name, "-t", "#", "-q", "1", form="%t")
    for topic in ("in/a", "open/shut", "other/a", "open/a", f"own/{name}/a"):
        assert pub(broker, "-i", "feeder", "-q", "1", "-t", topic, "-m", "x") == 0
    reader.next_line(f"MSG own/{name}/a".encode())
    assert messages(reader.lines) == ["open/a", f"own/{name}/a"]
    one = guest(broker, name + "x")
    one.publish("open/a", qos=1, code=NO)
    one.publish("in/a", qos=1)
    assert told(broker, id=name + "x", topic="open/a")["rule"] == "none"
    one.subscribe("open/shut", granted=[NO])
    assert told(broker, id=name + "x", topic="open/shut")["rule"] == "access_file line 3"
    # The file alone changes: a reload takes it.
    path.write_text(ACL_FILE.replace("topic read", "topic readwrite"))
    reload(broker, f"threads: 2\naccess_file: {path}\naccess: [{{allow: pub, client_id: feeder, topic: '#'}}]\n"
                   "log: {repeats: 0}\n")
    one.publish("open/a", qos=1)
    # A broken one changes nothing.
    path.write_text("topic reed open/#\n")
    broker.signal(signal.SIGHUP)
    broker.wait_for("config.refused")
    one.publish("open/a", qos=1)
    one.publish("open/shut", qos=1, code=NO)
    broker.errors_expected = True
    one.bye()


@pytest.mark.parametrize("text, said", [
    ("access:\n", "access has no rules"),
    ("access: [{allow: pub}]\n", "a rule that allows needs a topic"),
    ("access: [{allow: pub, topic: 'a/%x'}]\n", "unknown placeholder"),
    ("access_file: /nonexistent/acl\n", "cannot read /nonexistent/acl"),
])
def test_broken_rules_let_nobody_in(tmp_path, text, said):
    path = tmp_path / "godwit.yaml"
    path.write_text("listeners: [mqtt://127.0.0.1:0]\n" + text)
    ended = subprocess.run([binary(), "serve", "-c", str(path)], capture_output=True, text=True,
                           timeout=60)
    assert ended.returncode == 78 and said in ended.stderr


def test_an_empty_list_denies_everything(serve):
    broker = serve("access: []\n")
    one = guest(broker, fresh("one"))
    one.subscribe("#", granted=[NO])
    one.publish("a", qos=1, code=NO)
    one.bye()


def test_addresses(serve):
    broker = serve('access: [{allow: pub, topic: "near", address: 127.0.0.0/8},'
                   ' {allow: pub, topic: "far", address: "fd00::/8"}]\n')
    one = guest(broker, fresh("one"))
    one.publish("near", qos=1)
    one.publish("far", qos=1, code=NO)
    one.bye()


# ---- users ---------------------------------------------------------------------------------------

USERS = """
access:
  - {deny: pubsub, user: eve, topic: "room/secret"}
  - {allow: pubsub, user: alice, topic: "#"}
  - {allow: pubsub, topic: "home/%u/#"}
  - {allow: pubsub, group: staff, topic: "room/#"}
  - {allow: pubsub, anonymous: true, topic: "lobby/#"}
log: {repeats: 0}
limits: {login: {delay: 0s}}
"""


def people(path, *users):
    """A user file; names may be anything."""
    for name, groups in users:
        done = subprocess.run([binary(), "passwd", "-b", *(["--groups", groups] if groups else []),
                               str(path), name, "secret"], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr


def user(broker, name, cid=None, v=5, **more):
    peer = Peer(broker.address, v)
    peer.hello(cid or fresh("user"), user=name, password="secret", **more)
    peer.want(m.CONNACK, code=0)
    return peer


@pytest.fixture
def town(serve, tmp_path):
    path = tmp_path / "users"
    path.touch()
    people(path, ("alice", ""), ("bob", "staff"), ("eve", "staff"), ("u#", ""), ("a+b", ""), ("x/y", ""))
    broker = serve(f"threads: 2\nauth: [{{file: '{path}'}}]\n" + USERS)
    broker.people = path
    return broker


def test_users_and_groups(town):
    rows = (("alice", "room/1", True), ("alice", "home/bob/x", True), ("bob", "home/bob/x", True),
            ("bob", "home/alice/x", False), ("bob", "room/1", True), ("bob", "room/secret", True),
            ("eve", "room/1", True), ("eve", "room/secret", False), ("eve", "lobby/1", False),
            ("u#", "home/alice/x", False), ("a+b", "home/a/x", False), ("x/y", "home/x/y/z", False))
    for name, topic, yes in rows:
        peer = user(town, name)
        peer.publish(topic, qos=1, code=(0, 0x10) if yes else NO)
        peer.subscribe(topic, granted=[0 if yes else NO])
        peer.bye()
    nobody = guest(town, fresh("nobody"))
    nobody.publish("lobby/1", qos=1)
    nobody.publish("room/1", qos=1, code=NO)
    nobody.bye()


@pytest.mark.parametrize("name", ("u#", "a+b", "x/y"))
def test_a_user_name_is_no_pattern(town, name):
    hostile = user(town, name)
    hostile.subscribe(["home/#", "home/+/x", "home/alice/x"], granted=[NO, NO, NO])
    assert told(town, user=name, topic="home/#")["rule"] == "none"
    hostile.bye()


def test_a_group_that_is_taken_away_takes_its_rights_along(town):
    bob, alice = user(town, "bob"), user(town, "alice")
    bob.subscribe(["room/#", "home/bob/#"], qos=1)
    alice.publish("room/1", b"before", qos=1)
    assert bob.message().payload == b"before"
    loaded = len(town.events("users.loaded"))
    lines = town.people.read_text().splitlines()
    town.people.write_text("".join(":".join(line.split(":")[:2]) + "\n" for line in lines))
    town.signal(signal.SIGHUP)
    town.wait_for("users.loaded", loaded + 1)
    bob.publish("room/1", qos=1, code=NO)
    alice.publish("room/1", b"after", qos=1)
    alice.publish("home/bob/end", b"end", qos=1)
    assert bob.message().payload == b"end"
    bob.bye()
    alice.bye()


def test_users_without_rules_may_do_nothing(serve, tmp_path):
    path = tmp_path / "users"
    path.touch()
    people(path, ("alice", ""))
    broker = serve(f"auth: [{{file: '{path}'}}]\n")
    broker.wait_for("acl.empty")
    alice = user(broker, "alice")
    alice.subscribe(["#", "$SYS/#", "a"], granted=[NO, NO, NO])
    alice.publish("a", qos=1, code=NO)
    alice.bye()
