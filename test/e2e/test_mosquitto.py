"""Mosquitto's own clients as foreign peers: mosquitto_pub, mosquitto_sub, mosquitto_rr."""

import hashlib
import signal

import pytest
from proxy import Cut
from rig import fresh, until

import mqtt
from peer import Peer

VERSIONS = ("31", "311", "5")
LEVELS = {"31": 3, "311": 4, "5": 5}
QOS = (0, 1, 2)
# Every step at which a flow can be lost, seen from the peer that sends ("up") or receives ("down").
SENDING = {1: (("up", "PUBLISH", 7, "within"), ("down", "PUBACK", 15, "before")),
           2: (("up", "PUBLISH", 7, "within"), ("down", "PUBREC", 12, "before"),
               ("up", "PUBREL", 20, "before"), ("down", "PUBCOMP", 26, "before"))}
RECEIVING = {1: (("down", "PUBLISH", 7, "within"), ("up", "PUBACK", 15, "before")),
             2: (("down", "PUBLISH", 7, "within"), ("up", "PUBREC", 12, "before"),
                 ("down", "PUBREL", 20, "before"), ("up", "PUBCOMP", 26, "before"))}


@pytest.fixture
def sub(program):
    """Starts mosquitto_sub and returns once it has its SUBACK; messages are lines with `MSG `."""
    def start(broker, *words, version="5", form="%q %r %t %p", ready=b"Subscribed"):
        one = program("stdbuf", "-oL", "mosquitto_sub", "-h", "127.0.0.1", "-p", broker.port, "-V",
                      version, "-d", "-F", "MSG " + form, *words)
        one.next_line(ready)
        return one
    return start


@pytest.fixture
def pub(program):
    """Runs mosquitto_pub to its end and returns its exit code."""
    def run(broker, *words, version="5", text=None):
        one = program("mosquitto_pub", "-h", "127.0.0.1", "-p", broker.port, "-V", version, *words,
                      stdin=text is not None)
        if text is not None:
            one.write(text)
            one.end_of_input()
        return one.wait()[0]
    return run


def messages(lines):
    return [line[4:].decode() for line in lines if line.startswith(b"MSG ")]


def numbered(count):
    return "".join(f"{n}\n" for n in range(count)).encode()


@pytest.mark.parametrize("qos", QOS)
@pytest.mark.parametrize("sends, receives", [("31", "5"), ("311", "31"), ("311", "311"), ("5", "311"),
                                             ("5", "5")])
def test_messages_pass(shared, sub, pub, sends, receives, qos):
    topic = fresh("pass")
    reader = sub(shared, "-t", f"{topic}/#", "-q", 2, "-C", 50, version=receives)
    assert pub(shared, "-t", f"{topic}/a", "-q", qos, "-l", version=sends, text=numbered(50)) == 0
    code, lines = reader.wait()
    assert code == 0
    assert messages(lines) == [f"{qos} 0 {topic}/a {n}" for n in range(50)]


@pytest.mark.parametrize("version", VERSIONS)
def test_wildcards_unsubscribe_and_binary(shared, sub, pub, version):
    topic = fresh("wild")
    reader = sub(shared, "-t", f"{topic}/+/x", "-t", f"{topic}/b/#", "-U", f"{topic}/gone", "-C", 3,
                 version=version, form="%t %x")
    for level in ("a/x", "a/y", "b", "b/c/d"):
        assert pub(shared, "-t", f"{topic}/{level}", "-s", version=version, text=b"\0\xff\n") == 0
    code, lines = reader.wait()
    assert code == 0
    assert messages(lines) == [f"{topic}/{level} 00ff0a" for level in ("a/x", "b", "b/c/d")]


@pytest.mark.parametrize("version", VERSIONS)
def test_empty_message(shared, sub, pub, version):
    topic = fresh("empty")
    reader = sub(shared, "-t", topic, "-q", 1, "-C", 1, version=version, form="%l")
    assert pub(shared, "-t", topic, "-q", 1, "-n", version=version) == 0
    assert messages(reader.wait()[1]) == ["0"]


# ---- wills ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("retain", (False, True))
@pytest.mark.parametrize("version", VERSIONS)
def test_will_of_a_killed_client(shared, sub, program, version, retain):
    topic = fresh("will")
    watcher = sub(shared, "-t", topic, "-q", 2, version=version)
    dying = sub(shared, "-t", fresh("unused"), "--will-topic", topic, "--will-payload", "gone",
                "--will-qos", 2, *(["--will-retain"] if retain else []), version=version)
    dying.stop(signal.SIGKILL)
    watcher.next_line(f"MSG 2 0 {topic} gone".encode())
    if retain:
        late = sub(shared, "-t", topic, "-q", 1, "-C", 1, version=version)
        assert messages(late.wait()[1]) == [f"1 1 {topic} gone"]


@pytest.mark.parametrize("version", VERSIONS)
def test_no_will_after_disconnect(shared, sub, pub, version):
    topic = fresh("nowill")
    watcher = sub(shared, "-t", topic, "-C", 1, version=version)
    name = fresh("leaving")
    leaving = sub(shared, "-i", name, "-t", fresh("unused"), "-E", "--will-topic", topic,
                  "--will-payload", "gone", version=version)
    assert leaving.wait()[0] == 0
    said = shared.wait_for("client.disconnected", id=name)
    assert (said["code"], said["by"], said["last"]) == (0, "client", "DISCONNECT")
    assert pub(shared, "-t", topic, "-m", "barrier", version=version) == 0
    assert messages(watcher.wait()[1]) == [f"0 0 {topic} barrier"]


def test_disconnect_with_will(shared, sub):
    """On a signal mosquitto_sub leaves with reason 0x04 in version 5."""
    topic, name = fresh("withwill"), fresh("leaving")
    watcher = sub(shared, "-t", topic, "-C", 1)
    sub(shared, "-i", name, "-t", fresh("unused"), "--will-topic", topic, "--will-payload",
        "gone").stop(signal.SIGTERM)
    assert messages(watcher.wait()[1]) == [f"0 0 {topic} gone"]
    assert shared.wait_for("client.disconnected", id=name)["code"] == 4


def test_will_delay_and_properties(shared, sub, pub):
    topic = fresh("delayed")
    watcher = sub(shared, "-t", topic, "-q", 1, "-C", 1, form="%p %C %D %R %F %P")
    dying = sub(shared, "-i", fresh("dying"), "-x", 100, "-t", fresh("unused"), "--will-topic", topic,
                "--will-payload", "gone", "--will-qos", 1,
                "-D", "will", "will-delay-interval", 1, "-D", "will", "content-type", "text/plain",
                "-D", "will", "correlation-data", "c1", "-D", "will", "response-topic", "answer/here",
                "-D", "will", "payload-format-indicator", 1,
                "-D", "will", "user-property", "b", "2", "-D", "will", "user-property", "a", "1")
    dying.stop(signal.SIGKILL)
    assert messages(watcher.wait()[1]) == ["gone text/plain c1 answer/here 1 b:2 a:1"]


def test_delayed_will_is_dropped_when_the_client_comes_back(shared, sub, pub):
    topic, name = fresh("dropped"), fresh("back")
    watcher = sub(shared, "-t", topic, "-C", 1)
    words = ["-i", name, "-c", "-x", 3000, "-t", fresh("unused")]
    dying = sub(shared, *words, "--will-topic", topic, "--will-payload", "gone",
                "-D", "will", "will-delay-interval", 2000)
    dying.stop(signal.SIGKILL)
    shared.wait_for("client.disconnected", id=name)
    sub(shared, *words).stop(signal.SIGTERM)  # comes back, leaves in order: nothing to say
    shared.wait_for("client.disconnected", 2, id=name)
    assert pub(shared, "-t", topic, "-m", "barrier") == 0
    assert messages(watcher.wait()[1]) == [f"0 0 {topic} barrier"]


# ---- retained messages ---------------------------------------------------------------------------

@pytest.mark.parametrize("version", VERSIONS)
def test_retained_kept_replaced_deleted(shared, sub, pub, version):
    topic = fresh("kept")
    for qos, text in ((0, "first"), (1, "second"), (2, "third")):
        assert pub(shared, "-r", "-q", qos, "-t", f"{topic}/a", "-m", text, version=version) == 0
    assert pub(shared, "-r", "-q", 1, "-t", f"{topic}/b", "-m", "stays", version=version) == 0
    late = sub(shared, "-t", f"{topic}/#", "-q", 2, "-C", 2, version=version)
    assert sorted(messages(late.wait()[1])) == [f"1 1 {topic}/b stays", f"2 1 {topic}/a third"]
    assert pub(shared, "-r", "-q", 1, "-t", f"{topic}/a", "-n", version=version) == 0
    late = sub(shared, "-t", f"{topic}/#", "-q", 2, version=version)
    late.next_line(f"MSG 1 1 {topic}/b stays".encode())
    assert pub(shared, "-q", 1, "-t", f"{topic}/end", "-m", "", version=version) == 0
    late.next_line(f"MSG 1 0 {topic}/end".encode())
    assert len(messages(late.lines)) == 2


def test_stale_and_live_messages(shared, sub, pub):
    topic = fresh("options")
    assert pub(shared, "-r", "-q", 1, "-t", topic, "-m", "old") == 0
    live = sub(shared, "-t", topic, "-D", "subscribe", "subscription-identifier", 1, "-R", "-C", 1)
    always = sub(shared, "-t", topic, "-C", 2)
    always.next_line(f"MSG 0 1 {topic} old".encode())
    assert pub(shared, "-r", "-q", 1, "-t", topic, "-m", "new") == 0
    assert messages(live.wait()[1]) == [f"0 0 {topic} new"]
    assert messages(always.wait()[1])[1:] == [f"0 0 {topic} new"]


@pytest.fixture(scope="module")
def retained_set(shared):
    """3,000 retained messages of 1,000 bytes: more than the queue and the output of one client."""
    topic = fresh("set")
    with Peer(shared.address, 4, wait=30).sock as sock:
        sock.sendall(mqtt.connect(4, fresh("keeper")))
        sock.sendall(b"".join(mqtt.publish(4, f"{topic}/{n}", f"{n:01000}", retain=True)
                              for n in range(3000)) + mqtt.pingreq())
        answer = b""
        while not answer.endswith(b"\xd0\x00"):
            answer += sock.recv(100)
    return topic


@pytest.mark.parametrize("qos", QOS)
@pytest.mark.parametrize("version, more", [("31", ()), ("311", ()), ("5", ()),
                                           ("5", ("-D", "connect", "receive-maximum", 5))])
def test_large_retained_set_is_complete(shared, sub, retained_set, version, more, qos):
    reader = sub(shared, "-t", f"{retained_set}/+", "-q", qos, "-C", 3000, *more, version=version,
                 form="%r %t %p")
    code, lines = reader.wait()
    assert code == 0
    assert sorted(messages(lines)) == sorted(f"1 {retained_set}/{n} {n:01000}" for n in range(3000))


def test_retained_messages_are_removed(shared, program, sub):
    topic = fresh("remove")
    words = ["-h", "127.0.0.1", "-p", shared.port]
    for n in range(5):
        assert program("mosquitto_pub", *words, "-q", 1, "-r", "-t", f"{topic}/{n}", "-m", n).wait()[0] == 0
    removing = sub(shared, "-t", f"{topic}/#", "--remove-retained", version="311")
    for _ in range(5):
        removing.next_line(lambda line: b"received PUBACK" in line)
    late = sub(shared, "-t", f"{topic}/#")
    assert program("mosquitto_pub", *words, "-q", 1, "-t", f"{topic}/z", "-m", "z").wait()[0] == 0
    late.next_line(f"MSG 0 0 {topic}/z z".encode())
    assert len(messages(late.lines)) == 1


# ---- shared subscriptions ------------------------------------------------------------------------

@pytest.mark.parametrize("qos", QOS)
@pytest.mark.parametrize("version", VERSIONS)
def test_exactly_one_member_gets_each(shared, sub, pub, version, qos):
    topic = fresh("share")
    members = [sub(shared, "-t", f"$share/group/{topic}", "-q", qos, version=version, form="%p")
               for _ in range(3)]
    plain = sub(shared, "-t", topic, "-q", qos, "-C", 60, version=version, form="%p")
    assert pub(shared, "-t", topic, "-q", qos, "-l", version=version, text=numbered(60)) == 0
    plain.wait()

    def got():
        return [text for member in members for text in messages(member.lines)]
    until(lambda: len(got()) >= 60, lambda: f"60 messages: {got()}")
    assert sorted(got(), key=int) == [str(n) for n in range(60)]
    assert all(messages(member.lines) for member in members)


def test_messages_of_a_lost_member_go_to_another(shared, sub, pub):
    """The lost one takes its part and acknowledges nothing; then its connection breaks."""
    topic = fresh("lost")
    lost = Peer(shared.address, 5, wait=30)
    lost.hello(fresh("lost"))
    lost.read()
    lost.send(mqtt.subscribe(5, 1, [(f"$share/group/{topic}", 1)]))
    lost.read()
    other = sub(shared, "-t", f"$share/group/{topic}", "-q", 1, form="%p")
    assert pub(shared, "-t", topic, "-q", 1, "-l", text=numbered(20)) == 0
    taken = [lost.read().payload.decode() for _ in range(10)]
    lost.shut()
    until(lambda: len(messages(other.lines)) >= 20, lambda: f"20 messages: {other.lines}")
    got = messages(other.lines)
    assert sorted(got, key=int) == [str(n) for n in range(20)]
    assert set(got[-10:]) == set(taken)


def test_group_keeps_messages_while_its_members_are_away(shared, sub, pub):
    topic, name = fresh("away"), fresh("member")
    words = ["-i", name, "-c", "-x", 100, "-q", 1, "-t", f"$share/group/{topic}"]
    sub(shared, *words).stop(signal.SIGTERM)
    shared.wait_for("client.disconnected", id=name)
    assert pub(shared, "-t", topic, "-q", 1, "-l", text=numbered(20)) == 0
    back = sub(shared, *words, "-C", 20, form="%p", ready=b"MSG 0")
    assert messages(back.wait()[1]) == [str(n) for n in range(20)]


# ---- broken connections --------------------------------------------------------------------------

@pytest.mark.parametrize("qos", (1, 2))
@pytest.mark.parametrize("version", VERSIONS)
def test_resume_of_a_receiver(shared, sub, pub, proxy, version, qos):
    topic = fresh("receiver")
    way = proxy(shared, *(Cut(*cut) for cut in RECEIVING[qos]))
    words = ["-i", fresh("receiver"), "-c", "-q", qos, "-t", topic]
    # libmosquitto counts a repeated PUBLISH twice against its receive maximum (20), so it gets more.
    words += ["-x", 100, "-D", "connect", "receive-maximum", 1000] if version == "5" else []
    reader = sub(way, *words, version=version, form="%q %p")
    assert pub(shared, "-t", topic, "-q", qos, "-l", version=version, text=numbered(40)) == 0
    want = [str(n) for n in range(40)]
    # libmosquitto forgets that it has a QoS 2 message already when it comes again, and mixes them
    # up; so what went through is held against a receiver that follows the standard.
    until(lambda: set(way.received(LEVELS[version])) >= set(want),
          lambda: f"all of them: {reader.lines[-40:]}")
    way.wait_done()
    until(lambda: way.connections == len(way.cuts) + 1, "a connection after the last cut")
    assert pub(shared, "-t", topic, "-q", qos, "-m", "end", version=version) == 0
    reader.next_line(f"MSG {qos} end".encode())
    got = way.received(LEVELS[version])
    assert list(dict.fromkeys(got)) == [*want, "end"]
    assert len(got) == 41 if qos == 2 else set(messages(reader.lines)) == {f"1 {n}" for n in got}


@pytest.mark.parametrize("qos", (1, 2))
@pytest.mark.parametrize("version", VERSIONS)
def test_resume_of_a_sender(shared, sub, pub, proxy, version, qos):
    topic = fresh("sender")
    way = proxy(shared, *(Cut(*cut) for cut in SENDING[qos]))
    reader = sub(shared, "-t", topic, "-q", qos, version=version, form="%q %p")
    words = ["-i", fresh("sender"), "-c", "-q", qos, "-t", topic]
    words += ["-x", 100] if version == "5" else []
    assert pub(way, *words, "-l", version=version, text=numbered(40)) == 0
    want = [f"{qos} {n}" for n in range(40)]
    until(lambda: set(messages(reader.lines)) >= set(want), lambda: f"all of them: {reader.lines[-40:]}")
    assert pub(shared, "-t", topic, "-q", qos, "-m", "end", version=version) == 0
    reader.next_line(f"MSG {qos} end".encode())
    way.wait_done()
    got = messages(reader.lines)[:-1]
    assert list(dict.fromkeys(got)) == want
    assert qos == 1 or got == want


@pytest.mark.parametrize("version", VERSIONS)
def test_queue_of_an_absent_client(shared, sub, pub, version):
    topic, name = fresh("absent"), fresh("absent")
    words = ["-i", name, "-c", "-q", 2, "-t", topic]
    words += ["-x", 100] if version == "5" else []
    sub(shared, *words, version=version).stop(signal.SIGKILL)
    shared.wait_for("client.disconnected", id=name)
    for qos in (1, 2):
        assert pub(shared, "-t", topic, "-q", qos, "-l", version=version, text=numbered(30)) == 0
    back = sub(shared, *words, "-C", 60, version=version, form="%q %p", ready=b"MSG 1 0")
    assert messages(back.wait()[1]) == [f"{qos} {n}" for qos in (1, 2) for n in range(30)]


@pytest.mark.parametrize("version", VERSIONS)
def test_take_over(shared, sub, pub, version):
    topic, name = fresh("take"), fresh("take")
    first = sub(shared, "-i", name, "-t", topic, version=version)
    second = sub(shared, "-i", name, "-t", topic, "-C", 1, version=version)
    said = shared.wait_for("client.disconnected", id=name)
    assert (said["code"], said["by"]) == (0x8E, "broker")
    if version == "5":
        first.next_line(b"Received DISCONNECT (142)")
    first.stop()  # it would come back and take over in its turn
    second.stop()


# ---- sizes, aliases, expiry, properties ----------------------------------------------------------

def digest(lines):
    return [hashlib.sha256(text.encode()).hexdigest() for text in messages(lines)]


@pytest.mark.parametrize("version, qos", [("31", 1), ("311", 0), ("311", 2), ("5", 1)])
def test_large_payload(shared, sub, pub, tmp_path, version, qos):
    topic, file = fresh("large"), tmp_path / "payload"
    file.write_bytes(bytes(ord("a") + n * n % 26 for n in range(1_900_000)))
    reader = sub(shared, "-t", topic, "-q", 2, "-C", 1, version=version, form="%p")
    assert pub(shared, "-t", topic, "-q", qos, "-f", file, version=version) == 0
    assert digest(reader.wait()[1]) == [hashlib.sha256(file.read_bytes()).hexdigest()]


@pytest.mark.parametrize("version, qos", [("311", 0), ("5", 2)])
def test_very_large_payload_where_allowed(serve, sub, pub, tmp_path, version, qos):
    broker = serve("limits: {packet: 32MB}\n")
    file = tmp_path / "payload"
    file.write_bytes(bytes(ord("a") + n * n % 26 for n in range(26 * 40_000)) * 20)
    readers = [sub(broker, "-t", "large", "-q", 2, "-C", 1, version=other, form="%p")
               for other in VERSIONS]
    assert pub(broker, "-t", "large", "-q", qos, "-f", file, version=version) == 0
    for reader in readers:
        assert digest(reader.wait()[1]) == [hashlib.sha256(file.read_bytes()).hexdigest()]


def test_too_large_payload_costs_its_sender_only(shared, sub, pub, tmp_path):
    topic, name, file = fresh("toolarge"), fresh("toolarge"), tmp_path / "payload"
    file.write_bytes(b"x" * 2_100_000)
    reader = sub(shared, "-t", topic, "-C", 1)
    pub(shared, "-i", name, "-t", topic, "-q", 0, "-f", file, version="311")
    said = shared.wait_for("client.disconnected", id=name)
    assert (said["code"], said["by"], said["last"]) == (0x95, "broker", "CONNECT")
    pub(shared, "-i", name + "-5", "-t", topic, "-f", file)  # was told the limit, and leaves
    assert shared.wait_for("client.disconnected", id=name + "-5")["code"] == 0
    assert pub(shared, "-t", topic, "-m", "fine") == 0
    assert messages(reader.wait()[1]) == [f"0 0 {topic} fine"]


def test_topic_alias_of_a_publisher(shared, sub, pub):
    topic = fresh("alias")
    reader = sub(shared, "-t", topic, "-q", 1, "-C", 30, form="%t %p")
    assert pub(shared, "-t", topic, "-q", 1, "-D", "publish", "topic-alias", 3, "-l",
               text=numbered(30)) == 0
    assert messages(reader.wait()[1]) == [f"{topic} {n}" for n in range(30)]


@pytest.mark.parametrize("receive", (1, 3, 65535))
def test_receive_maximum(shared, sub, pub, proxy, receive):
    topic, way = fresh("maximum"), proxy(shared)
    reader = sub(way, "-t", topic, "-q", 2, "-C", 60, "-D", "connect", "receive-maximum", receive,
                 form="%p")
    assert pub(shared, "-t", topic, "-q", 2, "-l", text=numbered(60)) == 0
    assert messages(reader.wait()[1]) == [str(n) for n in range(60)]
    flying = most = 0
    for step in way.seen:
        flying += (step == ("down", "PUBLISH")) - (step == ("up", "PUBCOMP"))
        most = max(most, flying)
    assert most <= receive


def test_message_expiry(shared, sub, pub):
    topic = fresh("expiry")
    for name, seconds in (("long", 1000), ("short", 1)):
        assert pub(shared, "-r", "-q", 1, "-t", f"{topic}/{name}", "-m", name,
                   "-D", "publish", "message-expiry-interval", seconds) == 0

    def present():
        late = sub(shared, "-t", f"{topic}/#", "-q", 1, form="%t %E")
        assert pub(shared, "-q", 1, "-t", f"{topic}/end", "-m", "end") == 0
        late.next_line(f"MSG {topic}/end".encode())
        late.stop()
        return dict(text.split(" ") for text in messages(late.lines) if not text.startswith(f"{topic}/end"))
    found = until(lambda: (lambda p: f"{topic}/short" not in p and p)(present()), "the end of a message")
    assert list(found) == [f"{topic}/long"] and 0 < int(found[f"{topic}/long"]) <= 1000


def test_properties_are_passed_on_in_order(shared, sub, pub):
    topic = fresh("properties")
    pairs = [("z", "1"), ("a", "2"), ("z", "1"), ("", "empty"), ("m", "")]
    words = [word for key, value in pairs for word in ("-D", "publish", "user-property", key, value)]
    reader = sub(shared, "-t", topic, "-C", 1, form="%C|%D|%R|%F|%S|%P",
                 *("-D", "subscribe", "subscription-identifier", 77))
    assert pub(shared, "-t", topic, "-m", "text", "-D", "publish", "content-type", "text/plain",
               "-D", "publish", "correlation-data", "data", "-D", "publish", "response-topic", "to/me",
               "-D", "publish", "payload-format-indicator", 1, *words) == 0
    want = " ".join(f"{key}:{value}" for key, value in pairs)
    assert messages(reader.wait()[1]) == [f"text/plain|data|to/me|1|77|{want}"]


@pytest.mark.parametrize("version", ("311", "5"))
def test_request_and_response(shared, sub, pub, program, version):
    """mosquitto_rr asks; the answer goes to the response topic with the correlation data."""
    topic = fresh("request")
    answers = sub(shared, "-t", topic, "-C", 1, form="%p %R %D")
    asking = program("mosquitto_rr", "-h", "127.0.0.1", "-p", shared.port, "-V", version, "-q", 1,
                     "-t", topic, "-e", f"{topic}/answer", "-m", "question", "-W", 30,
                     *(("-D", "publish", "correlation-data", "c-17") if version == "5" else ()))
    heard = messages(answers.wait()[1])
    assert heard == ["question " + (f"{topic}/answer c-17" if version == "5" else " ")]
    more = ("-D", "publish", "correlation-data", "c-17") if version == "5" else ()
    assert pub(shared, "-t", f"{topic}/answer", "-q", 1, "-m", "answer", *more, version=version) == 0
    assert asking.wait() == (0, [b"answer"])


def test_monitor_topics_have_their_names(serve, sub):
    broker = serve("sys: {interval: 200ms}\n")
    reader = sub(broker, "-t", "$SYS/#", form="%t %p")
    for name in ("version", "uptime", "clients/connected", "clients/total", "messages/received",
                 "publish/messages/sent", "bytes/received", "subscriptions/count",
                 "retained messages/count", "load/messages/received/1min"):
        until(lambda: any(text.startswith(f"$SYS/broker/{name} ") for text in messages(reader.lines)),
              lambda: f"{name} in {messages(reader.lines)}")
    until(lambda: "$SYS/broker/clients/connected 1" in messages(reader.lines), "the count of one client")
