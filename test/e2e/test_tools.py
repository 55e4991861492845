"""pub, sub and rr against mosquitto's own clients: the same situation, the same stdout and exit code.

Run with /usr/bin/python3 -m pytest test/e2e/test_tools.py. The broker is mosquitto on a free port,
or the one at GODWIT_TEST_BROKER (host:port, anonymous). The program is GODWIT_BIN or build/debug/godwit.
"""

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
import uuid
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GODWIT = os.environ.get("GODWIT_BIN", str(ROOT / "build" / "debug" / "godwit"))
TOOLS = {
    "mosquitto": lambda tool: ["mosquitto_" + tool],
    "godwit": lambda tool: [GODWIT, tool],
}
ENV = {**os.environ, "XDG_CONFIG_HOME": "/nonexistent", "TZ": "Europe/Berlin"}


def restore_signals():
    """As a terminal starts a program: Python ignores SIGPIPE, a shell's background job SIGINT."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_port(port, host="127.0.0.1"):
    for _ in range(200):
        try:
            socket.create_connection((host, port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise AssertionError("no broker on port %d" % port)


class Broker(tuple):
    """Host and port of a broker, and where it logs subscriptions, if it does."""

    def __new__(cls, host, port, log=None):
        self = super().__new__(cls, (host, port))
        self.log, self.base, self.pending = log, 0, 0
        return self

    def _count(self):
        return len(self.log.read_bytes().splitlines()) if self.log.exists() else 0

    def expect(self, count):
        """So many subscriptions are about to be made."""
        if self.log is not None and self.pending == 0:
            self.base = self._count()
        self.pending += count

    def await_subscriptions(self):
        """Waits until everything that was started has subscribed, as the broker's log tells."""
        if self.log is None:
            time.sleep(0.5)
        for _ in range(1000 if self.log is not None else 0):
            if self._count() >= self.base + self.pending:
                break
            time.sleep(0.01)
        self.pending = 0

    def await_first(self):
        self.pending = 1
        self.await_subscriptions()


def start_mosquitto(directory, extra=""):
    port = free_port()
    conf = directory / "mosquitto.conf"
    log = directory / "subscriptions.log"
    conf.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 100000\n"
                    f"log_dest file {log}\nlog_type subscribe\nuser root\n{extra}")
    process = subprocess.Popen(["mosquitto", "-c", str(conf)], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    wait_port(port)
    return process, port


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    given = os.environ.get("GODWIT_TEST_BROKER")
    if given:
        host, port = given.rsplit(":", 1)
        yield Broker(host, int(port))
        return
    directory = tmp_path_factory.mktemp("broker")
    process, port = start_mosquitto(directory)
    yield Broker("127.0.0.1", port, directory / "subscriptions.log")
    process.terminate()
    process.wait(10)


class Run:
    """One run of a tool, gathered."""

    def __init__(self, process):
        self.process = process

    def finish(self, timeout=60, data=None):
        try:
            out, err = self.process.communicate(data, timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise
        return self.process.returncode, out, err


def start(maker, tool, args, address=None, **kwargs):
    where = ["-h", address[0], "-p", str(address[1])] if address else []
    if isinstance(address, Broker) and tool in ("sub", "rr"):
        address.expect(max(1, list(args).count("-t")) if tool == "sub" else 1)
    return Run(subprocess.Popen(TOOLS[maker](tool) + where + list(args), stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV,
                                preexec_fn=restore_signals, **kwargs))


def run(maker, tool, args, address=None, data=None):
    return start(maker, tool, args, address).finish(data=data)


def publish(address, *args, data=None):
    code, _, err = run("mosquitto", "pub", args, address, data)
    assert code == 0, err


def neutral(text):
    """Takes out what differs from run to run: times, ids made by the broker, process ids."""
    text = re.sub(rb'"tst":\s*"[^"]*"', b'"tst":"T"', text)
    text = re.sub(rb"auto-[0-9A-F-]{36}|auto-[0-9a-zA-Z]+", b"AUTO", text)
    return re.sub(rb"(Client pre)\d+", rb"\1PID", text)


def subscribed(address, maker, args, pubs, seconds="1.2", sub_tool="sub"):
    """Runs sub, publishes when it is subscribed, and gives its exit code and stdout."""
    sub = start(maker, sub_tool, args, address)
    address.await_subscriptions()
    for pub in pubs:
        publish(address, *pub)
    return sub.finish()


# -- the command line --------------------------------------------------------------------------

USAGE = [
    ("pub", []),
    ("pub", ["--help"]),
    ("pub", ["-t"]),
    ("pub", ["-t", "a"]),
    ("pub", ["-m", "a"]),
    ("pub", ["-t", "a", "-m", "b", "-m", "c"]),
    ("pub", ["-t", "a", "-m", "b", "-n"]),
    ("pub", ["-t", "a/#", "-m", "b"]),
    ("pub", ["-t", "a/+", "-m", "b"]),
    ("pub", ["-t", "", "-m", "b"]),
    ("pub", ["-t", "a", "-m", "b", "-q", "3"]),
    ("pub", ["-t", "a", "-m", "b", "-q"]),
    ("pub", ["-t", "a", "-m", "b", "-p", "70000"]),
    ("pub", ["-t", "a", "-m", "b", "-k", "2"]),
    ("pub", ["-t", "a", "-m", "b", "-k", "65536"]),
    ("pub", ["-t", "a", "-m", "b", "-c"]),
    ("pub", ["-t", "a", "-m", "b", "-V", "6"]),
    ("pub", ["-t", "a", "-m", "b", "-x", "-1"]),
    ("pub", ["-t", "a", "-m", "b", "-x", "lots"]),
    ("pub", ["-t", "a", "-m", "b", "-i", "x", "-I", "y"]),
    ("pub", ["-t", "a", "-m", "b", "-W", "3"]),
    ("pub", ["-t", "a", "-m", "b", "--will-payload", "x"]),
    ("pub", ["-t", "a", "-m", "b", "--will-retain"]),
    ("pub", ["-t", "a", "-m", "b", "--will-topic", "w/#"]),
    ("pub", ["-t", "a", "-m", "b", "--repeat", "0"]),
    ("pub", ["-t", "a", "-m", "b", "-P", "secret"]),
    ("pub", ["-t", "a", "-f", "/nonexistent"]),
    ("pub", ["-t", "a", "-m", "b", "-D", "PUBLISH", "content-type"]),
    ("pub", ["-t", "a", "-m", "b", "-D", "CONNECT", "content-type", "x"]),
    ("pub", ["-t", "a", "-m", "b", "-D", "PUBLISH", "nonsense", "x"]),
    ("pub", ["-t", "a", "-m", "b", "-D", "NONSENSE", "content-type", "x"]),
    ("pub", ["-t", "a", "-m", "b", "-D", "PUBLISH", "topic-alias", "65536"]),
    ("pub", ["-t", "a", "-m", "b", "-D", "PUBLISH", "user-property", "x"]),
    ("pub", ["-m", "b", "-L", "http://localhost/a"]),
    ("pub", ["-m", "b", "-L", "mqtt://localhost"]),
    ("sub", []),
    ("sub", ["--help"]),
    ("sub", ["-t", "#/a"]),
    ("sub", ["-t", "a+"]),
    ("sub", ["-t", "a", "-C", "0"]),
    ("sub", ["-t", "a", "-W", "0"]),
    ("sub", ["-t", "a", "-R", "--retained-only"]),
    ("sub", ["-t", "a", "-F", "%k"]),
    ("sub", ["-t", "a", "-F", "%"]),
    ("sub", ["-t", "a", "-F", "\\q"]),
    ("sub", ["-t", "a", "-F", "\\"]),
    ("sub", ["-t", "a", "-F", "%0-5l"]),
    ("sub", ["-t", "a", "-F", "x%5"]),
    ("sub", ["-t", "a", "-F", "@"]),
    ("sub", ["-t", "a", "-l"]),
    ("sub", ["-t", "a", "-T", "#/x"]),
    ("sub", ["-t", "a", "--random-filter", "0"]),
    ("sub", ["-t", "a", "-zz"]),
    ("rr", []),
    ("rr", ["-t", "a", "-m", "b"]),
    ("rr", ["-t", "a", "-e", "b"]),
    ("rr", ["-t", "a", "-e", "b/#", "-m", "c"]),
    ("rr", ["-t", "a", "-e", "b", "-l"]),
]


@pytest.mark.parametrize("tool,args", USAGE, ids=lambda v: v if isinstance(v, str) else " ".join(v))
def test_usage_has_the_same_exit_code(tool, args):
    theirs, _, _ = run("mosquitto", tool, args)
    ours, _, err = run("godwit", tool, args)
    assert ours == theirs == 1
    if args != ["--help"]:
        assert err.startswith(b"godwit %s: " % tool.encode())


@pytest.mark.parametrize("option", ["--proxy socks5h://x", "-S"])
def test_what_is_not_built_says_so(option):
    code, out, err = run("godwit", "pub", ["-t", "a", "-m", "b"] + option.split())
    assert code != 0 and out == b""
    assert b"not built in yet" in err


@pytest.mark.parametrize("tool,args", [("pub", ["-t", "a", "-m", "b"]), ("sub", ["-t", "a"]),
                                       ("rr", ["-t", "a", "-e", "b", "-m", "c"])])
def test_no_broker(tool, args):
    port = free_port()
    for where in (["-h", "127.0.0.1", "-p", str(port)], ["-h", "nohost.invalid"],
                  ["--unix", "/nonexistent/socket"]):
        theirs, _, _ = run("mosquitto", tool, args + where)
        ours, out, err = run("godwit", tool, args + where)
        assert (ours, out) == (theirs, b"")
        assert b"cannot connect to" in err
        assert run("godwit", tool, args + where + ["--quiet"])[2] == b""


def test_unix_socket(tmp_path):
    path = tmp_path / "s"
    conf = tmp_path / "c"
    conf.write_text(f"listener 0 {path}\nallow_anonymous true\n")
    process = subprocess.Popen(["mosquitto", "-c", str(conf)], stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            if path.exists():
                break
            time.sleep(0.02)
        args = ["--unix", str(path), "-t", "u", "-m", "x", "-d"]
        assert run("godwit", "pub", args)[:2] == run("mosquitto", "pub", args)[:2]
    finally:
        process.terminate()
        process.wait(10)


# -- publishing --------------------------------------------------------------------------------

PUBS = [
    (["-m", "hello"], None),
    (["-m", "hello", "-q", "1"], None),
    (["-m", "hello", "-q", "2"], None),
    (["-m", "hello", "-V", "31"], None),
    (["-m", "hello", "-V", "5", "-q", "2"], None),
    (["-m", "hello", "-V", "mqttv5", "-q", "1"], None),
    (["-m", ""], None),
    (["-n", "-q", "1"], None),
    (["-n", "-r"], None),
    (["-s"], b"all\nof\0it\xff"),
    (["-s"], b""),  # refused
    (["-l"], b"one\ntwo\n\nfour"),
    (["-l", "-q", "1"], b"one\ntwo\n\nfour\n"),
    (["-l", "-q", "2"], b"one\n"),
    (["-l"], b""),
    (["-m", "x", "--repeat", "3"], None),
    (["-m", "x", "--repeat", "3", "-q", "2", "--repeat-delay", "0.05"], None),
    (["-m", "x", "-i", "someone", "-k", "10", "-u", "name", "-P", "word"], None),
    (["-m", "x", "-P", "word", "-V", "5"], None),
    (["-m", "x", "-I", "pre"], None),
    (["-m", "x", "-c", "-i", "keeper"], None),
    (["-m", "x", "-x", "5", "-i", "keeper2"], None),
    (["-m", "x", "-D", "publish", "topic-alias", "5"], None),
    (["-m", "x", "--will-topic", "w", "--will-payload", "p", "--will-qos", "1"], None),
    (["-m", "x", "--nodelay", "-M", "1"], None),
]


@pytest.mark.parametrize("args,data", PUBS, ids=lambda v: " ".join(v) if isinstance(v, list) else "")
def test_pub_sends_the_same(broker, args, data):
    results = []
    topic = "pub/" + uuid.uuid4().hex
    for maker in TOOLS:
        sub = start("mosquitto", "sub", ["-t", topic, "-q", "2", "-F", "%q %l %x", "-W", "2"], broker)
        broker.await_subscriptions()
        code, out, _ = run(maker, "pub", ["-t", topic, "-d"] + args, broker, data)
        # The lines of parallel work may come in another order.
        lines = sorted(neutral(out).splitlines())
        if args[-1:] == ["31"]:  # the id is made by the tool
            lines = [re.sub(rb"Client \S+", b"Client X", line) for line in lines]
        time.sleep(0.1)
        sub.process.send_signal(signal.SIGTERM)
        results.append((code, lines, sub.finish()[1]))
    assert results[1] == results[0]


def test_pub_sends_a_file(broker, tmp_path):
    content = bytes(range(256)) * 5000
    (tmp_path / "f").write_bytes(content)
    for maker in TOOLS:
        sub = start(maker, "sub", ["-t", "file", "-q", "1", "-C", "1", "-N"], broker)
        broker.await_subscriptions()
        assert run(maker, "pub", ["-t", "file", "-q", "1", "-f", str(tmp_path / "f")], broker)[0] == 0
        assert sub.finish()[:2] == (0, content)


def test_pub_lines_in_bulk_arrive_in_order(broker):
    # a foreign broker may drop what is beyond its queue for a slow subscriber
    count = 900 if os.environ.get("GODWIT_TEST_BROKER") else 10000
    lines = b"".join(b"%d\n" % i for i in range(count))
    for qos in ("0", "1", "2"):
        sub = start("godwit", "sub", ["-t", "bulk", "-q", qos, "-C", str(count)], broker)
        broker.await_subscriptions()
        pub = threading.Thread(target=run, args=("godwit", "pub", ["-t", "bulk", "-q", qos, "-l"],
                                                 broker, lines))
        pub.start()
        assert sub.finish(60)[:2] == (0, lines)
        pub.join()


def test_pub_lines_go_while_input_waits(broker):
    sub = start("godwit", "sub", ["-t", "slow", "-C", "2"], broker)
    broker.await_subscriptions()
    pub = start("godwit", "pub", ["-t", "slow", "-l"], broker)
    pub.process.stdin.write(b"first\nsecond\n")
    pub.process.stdin.flush()
    assert sub.finish()[:2] == (0, b"first\nsecond\n")
    assert pub.process.poll() is None
    assert pub.finish()[0] == 0


def test_pub_url(broker):
    results = []
    for maker in TOOLS:
        sub = start(maker, "sub", ["-t", "url/t", "-C", "1", "-W", "10"], broker)
        broker.await_subscriptions()
        code = run(maker, "pub", ["-m", "x", "-L", f"mqtt://u:p@{broker[0]}:{broker[1]}/url/t"])[0]
        results.append((code, sub.finish()[:2]))
    assert results[0] == results[1] == (0, (0, b"x\n"))


# -- subscribing -------------------------------------------------------------------------------

X = ["-m", "x"]
SUBS = [
    (["-v"], [["-n"], X]),
    ([], [["-n"], X]),
    (["-N"], [["-n"], X]),
    (["-v", "-N"], [["-n"], X]),
    (["-C", "2"], [X, ["-m", "y"], ["-m", "z"]]),
    (["-C", "1", "-q", "1"], [["-m", "x", "-q", "1"]]),
    (["-C", "1", "-q", "2"], [["-m", "x", "-q", "2"]]),
    (["-E"], []),
    (["-T", "{}", "-v"], [X]),
    (["-U", "{}"], [X]),
    (["-R"], [X]),
    (["--retained-only"], [X]),
    (["-V", "5", "-x", "10", "-i", "subber"], [X]),
    (["-V", "31"], [X]),
    (["--pretty", "-F", "%j"], [X]),
    (["--pretty", "-F", "%J"], [["-m", '{"a":[1,2,{"x":null}],"e":[],"o":{}}']]),
    (["-F", "%t %J %q"], [["-m", "no json"], ["-m", "{}"]]),
]


@pytest.mark.parametrize("args,pubs", SUBS, ids=lambda v: " ".join(v) if v and isinstance(v[0], str) else "")
def test_sub_shows_the_same(broker, args, pubs):
    results = []
    topic = "sub/" + uuid.uuid4().hex
    args = [arg.replace("{}", topic) for arg in args]
    for maker in TOOLS:
        code, out, _ = subscribed(broker, maker, ["-t", topic, "-W", "1"] + args,
                                  [["-t", topic] + pub for pub in pubs])
        results.append((code, neutral(out)))
    assert results[1] == results[0]


DEBUG = [
    ["-t", "dbg/#", "-t", "other", "-q", "2", "-C", "3"],
    ["-t", "dbg/#", "-V", "5", "-q", "1", "-C", "3", "-i", "me", "--retain-as-published"],
    ["-t", "dbg/#", "-U", "dbg/a", "-U", "dbg/b", "-q", "1", "-C", "3"],
]


@pytest.mark.parametrize("args", DEBUG, ids=" ".join)
def test_sub_debug_lines(broker, args):
    results = []
    for maker in TOOLS:
        code, out, _ = subscribed(broker, maker, ["-d", "-W", "3"] + args,
                                  [["-t", "dbg/x", "-m", "1"], ["-t", "dbg/x", "-m", "2", "-q", "1"],
                                   ["-t", "dbg/x", "-m", "3", "-q", "1"]])
        results.append((code, sorted(neutral(out).splitlines())))
    assert results[1] == results[0]


FORMATS = [
    "|%10t|%-10t|%010t|%.3t|%5.2t|%-5.2t|%010l|%-5l|%5l|%-05l|",
    "|%A|%C|%D|%E|%F|%P|%R|%S|%20P|%20C|%-20C|%5E|%05E|%3F|%03F|%3A|%03A|%5S|%10D|",
    "|%x|%X|%12x|%-12x|%012x|%.2x|%.4x|%3x|%20.2X|",
    "|%5q|%05r|%5m|%05m|%-5m|%5p|%.2p|%%|%5%|",
    "|%p|%10p|%3p|%-10p|%010p|%-3p|%10x|%1x|%2x|%7x|",
    r"|@@|@z|\\|\n\t\0\e\a\r\v|",
    "@Q@E@O@@",
    "%j",
    "%.j|%-0.5t|%100t|",
    "%t%t%t",
    "é%té",
]
MESSAGES = [
    ["-m", "xyzzy", "-q", "1", "-D", "publish", "user-property", "k", "v", "-D", "publish",
     "content-type", "text/plain", "-D", "publish", "user-property", "k", "v2", "-D", "publish",
     "user-property", 'a"b', "c\\d", "-D", "publish", "correlation-data", "corr", "-D", "publish",
     "response-topic", "r/t", "-D", "publish", "payload-format-indicator", "1"],
    ["-n"],
    ["-m", "long payload, with spaces: é \" \\ \t and more of it"],
]


@pytest.mark.parametrize("message", range(len(MESSAGES)))
@pytest.mark.parametrize("version", ["5", "311"])
def test_formats(broker, version, message):
    """All formats at once: a subscriber each, of both makers."""
    topic = "fmt/" + uuid.uuid4().hex[:8]
    args = ["-V", version, "-t", topic, "-q", "1", "-C", "1", "-W", "20", "-F"]
    subs = [[start(maker, "sub", args + [form], broker) for maker in TOOLS] for form in FORMATS]
    broker.await_subscriptions()
    publish(broker, "-V", "5", "-t", topic, *MESSAGES[message])
    for form, pair in zip(FORMATS, subs):
        theirs, ours = (sub.finish() for sub in pair)
        assert (form, ours[0], neutral(ours[1])) == (form, theirs[0], neutral(theirs[1]))


def test_format_of_time(broker):
    """What holds the time: the same but for the digits."""
    form = "%I|%30I|%U|@N|@s|@H:@M:@S|@Y-@m-@d|@z|@Z|%j"
    outs = []
    for maker in TOOLS:
        _, out, _ = subscribed(broker, maker, ["-t", "time", "-C", "1", "-F", form],
                               [["-t", "time", "-m", "x"]])
        outs.append(re.sub(rb"\d", b"9", out))
    assert outs[1] == outs[0]


JSON = ['{"a":  1.50, "b":[1,2,{"x":null}], "c":"é\\u00e9"}', "5", '"x"', " [1] ", '{"a":1}x',
        "1e400", "-0", "01", "true", "{}", "[]", "123456789012345678901234567890", "0.1", "1E3",
        '"a\\/b"', "nul", "[1,]", "{,}", '{"a"}', "[1 2]", '"\\ud83d\\ude00"', '"\\ud83d"', "1.e5",
        "0.30000000000000004", "[[[[]]]]", '{"a":{}}', "-", "'x'", '"', "1 1"]


def test_json_payloads(broker):
    lines = "\n".join(JSON).encode()
    results = []
    for maker in TOOLS:
        sub = start(maker, "sub", ["-t", "json", "-F", "%J", "-W", "1"], broker)
        broker.await_subscriptions()
        publish(broker, "-t", "json", "-l", data=lines)
        results.append([neutral(line) for line in sub.finish()[1].split(b"\n")])
    assert results[1] == results[0]


def test_retained(broker):
    results = []
    base = "ret/" + uuid.uuid4().hex
    for maker in TOOLS:
        for name in ("a", "b", "c"):
            publish(broker, "-t", f"{base}/{name}", "-m", name, "-r")
        steps = [["-v", "-C", "3"], ["-R"], ["--retained-only"], ["-T", f"{base}/b", "-v"],
                 ["--remove-retained", "-T", f"{base}/b", "-v"], ["-v"],
                 ["--remove-retained"], []]
        for step in steps:
            results.append(run(maker, "sub", ["-t", f"{base}/#", "-W", "1"] + step, broker)[:2])
    half = len(results) // 2
    assert results[half:] == results[:half]
    assert results[-1] == (27, b"")


def test_remove_retained_ends_with_retained_only(broker):
    """As the manual page has it; mosquitto 2.0.11 waits for an answer that it already had."""
    publish(broker, "-t", "rro/a", "-m", "x", "-r")
    code, out, _ = subscribed(broker, "godwit", ["-t", "rro/#", "--remove-retained",
                                                 "--retained-only", "-W", "3"],
                              [["-t", "rro/b", "-m", "end"]])
    assert (code, out) == (0, b"x\n")


def test_remove_retained_works_with_no_retained(broker):
    """As the manual page has it; mosquitto 2.0.11 clears nothing with -R."""
    publish(broker, "-t", "rrn/a", "-m", "x", "-r")
    args = ["-t", "rrn/#", "-W", "1"]
    assert run("godwit", "sub", args + ["-R", "--remove-retained"], broker)[:2] == (27, b"")
    assert run("godwit", "sub", args, broker)[:2] == (27, b"")


@pytest.mark.parametrize("qos", ["1", "2"])
def test_kept_session_gives_what_came_meanwhile(broker, qos):
    """Each message once. mosquitto 2.0.11 closes with bytes unread, so that the reset that follows
    overtakes its acknowledgements, and it shows messages again."""
    name = "keep" + uuid.uuid4().hex
    args = ["-i", name, "-c", "-t", name, "-q", qos]
    assert run("godwit", "sub", args + ["-E"], broker)[0] == 0
    for text in range(40):
        publish(broker, "-t", name, "-q", qos, "-m", str(text))
    seen = b"".join(run("godwit", "sub", args + ["-C", "10"], broker)[1] for _ in range(4))
    assert seen == b"".join(b"%d\n" % i for i in range(40))


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("version", ["311", "5"])
def test_sub_ends_in_order_on_a_signal(broker, name, version):
    results = []
    for maker in TOOLS:
        watch = start("mosquitto", "sub", ["-t", "will/x", "-W", "1"], broker)
        sub = start(maker, "sub", ["-t", "sig", "-V", version, "--will-topic", "will/x", "-d",
                                   "--will-payload", "gone"], broker)
        broker.await_subscriptions()
        sub.process.send_signal(getattr(signal, name))
        code, out, _ = sub.finish()
        # The broker knows of the subscription before the client knows that it does.
        said = b"".join(line for line in neutral(out).splitlines(True)
                        if b"SUBACK" not in line and b"Subscribed" not in line)
        results.append((code, said, watch.finish()[1]))
    assert results[1] == results[0]


def test_sub_ends_when_its_reader_has_gone(broker):
    for maker in TOOLS:
        sub = start(maker, "sub", ["-t", "pipe"], broker)
        broker.await_subscriptions()
        sub.process.stdout.close()
        for _ in range(2):
            publish(broker, "-t", "pipe", "-m", "x")
            time.sleep(0.1)
        sub.process.stdin.close()
        assert sub.process.wait(5) == 0, maker
        sub.process.stderr.close()


def test_options_file(broker, tmp_path):
    (tmp_path / "mosquitto_sub").write_text(
        f"# defaults\n-h {broker[0]}\n-p {broker[1]}\n\n-v\n-t file/with space\n-W 1\n")
    results = []
    for maker in TOOLS:
        broker.expect(2)
        sub = subprocess.Popen(TOOLS[maker]("sub") + ["-t", "more"], stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, env={**ENV, "XDG_CONFIG_HOME": str(tmp_path)})
        broker.await_subscriptions()
        publish(broker, "-t", "file/with space", "-m", "1")
        publish(broker, "-t", "more", "-m", "2")
        out, _ = sub.communicate(timeout=10)
        results.append((sub.returncode, out))
    assert results[1] == results[0] == (27, b"file/with space 1\nmore 2\n")
    code, out, _ = run("godwit", "sub", ["-o", str(tmp_path / "mosquitto_sub"), "-C", "9"])
    assert (code, out) == (27, b"")


# -- request and response ----------------------------------------------------------------------

@pytest.mark.parametrize("args", [[], ["-q", "2"], ["-V", "311"], ["-v"], ["-F", "%t %p %D", "-D",
                                  "publish", "correlation-data", "c"], ["-W", "5"]], ids=" ".join)
def test_rr(broker, args):
    results = []
    topic = "rr/" + uuid.uuid4().hex
    for maker in TOOLS:
        seen = start("mosquitto", "sub", ["-V", "5", "-t", topic, "-C", "1", "-F", "%q %p %R %D"],
                     broker)
        broker.await_subscriptions()
        rr = start(maker, "rr", ["-t", topic, "-e", topic + "/back", "-m", "ask", "-d"] + args, broker)
        request = seen.finish()[1]
        publish(broker, "-V", "5", "-t", topic + "/back", "-m", "answer")
        code, out, _ = rr.finish()
        # mosquitto 2.0.11 leaves without DISCONNECT
        lines = [line for line in neutral(out).splitlines() if not line.endswith(b"DISCONNECT")]
        results.append((request, code, sorted(lines)))
    assert results[1] == results[0]


def test_rr_times_out(broker):
    args = ["-t", "rr/none", "-e", "rr/never", "-m", "x", "-W", "1"]
    assert run("godwit", "rr", args, broker)[:2] == run("mosquitto", "rr", args, broker)[:2] == (27, b"")


# -- brokers that refuse, die or talk nonsense -------------------------------------------------

class Scripted:
    """A server that answers each read with the next bytes, then closes."""

    def __init__(self, replies, hold=0.0, connections=3):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(8)
        self.socket.settimeout(10)
        self.port = self.socket.getsockname()[1]
        self.replies, self.hold, self.connections = replies, hold, connections
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        try:
            for _ in range(self.connections):
                peer, _ = self.socket.accept()
                with peer:
                    peer.settimeout(3)
                    self.talk(peer)
        except OSError:
            pass
        finally:
            self.socket.close()

    def talk(self, peer):
        try:
            for reply in self.replies:
                peer.recv(4096)
                peer.sendall(bytes.fromhex(reply))
            time.sleep(self.hold)
        except OSError:
            pass


SCRIPTS = [
    ("pub", ["-t", "a", "-m", "b"], ["20020001"], 0, 1),
    ("pub", ["-t", "a", "-m", "b"], ["20020005"], 0, 5),
    ("sub", ["-t", "a"], ["20020004"], 0, 4),
    ("rr", ["-t", "a", "-e", "b", "-m", "c"], ["2003008700"], 0, 135),
    ("pub", ["-t", "a", "-m", "b", "-V", "5"], ["2003008700"], 0, 135),
    ("pub", ["-t", "a", "-m", "b", "-V", "5"], ["2003008400"], 0, 132),
    ("sub", ["-t", "a", "-V", "5"], ["2003008600"], 0, 134),
    ("pub", ["-t", "a", "-m", "b"], [""], 0, 7),
    ("rr", ["-t", "a", "-e", "b", "-m", "c"], [""], 0, 7),
    ("pub", ["-t", "a", "-m", "b", "-q", "1"], ["20020000", ""], 0, 7),
    ("pub", ["-t", "a", "-m", "b", "-q", "2"], ["20020000", "50020001", ""], 0, 7),
    ("sub", ["-t", "a"], ["20020000", "9003000180"], 1, 0),
    ("sub", ["-t", "a", "-t", "b", "-W", "1"], ["20020000", "900400010080"], 2, 27),
    ("sub", ["-t", "a", "-V", "5"], ["2003000000", "900400010087"], 1, 0),
    ("sub", ["-t", "a", "-V", "5", "-W", "2"], ["2003000000", "900400010000e0028b00"], 1, 0),
    ("sub", ["-t", "a", "-W", "2"], ["20020000", "9003000100"], 0.2, 27),
    ("sub", ["-t", "a", "-W", "1"], [""], 3, 255),
    ("pub", ["-t", "a", "-m", "b", "-V", "5", "-q", "1"], ["2003000000", "4003000187"], 1, 0),
    ("pub", ["-t", "a", "-m", "b", "-V", "5", "-q", "2"], ["2003000000", "5003000197"], 1, 0),
    ("pub", ["-t", "a", "-m", "b", "-V", "5", "-q", "2"], ["20050000022401"], 1, 0),
    ("pub", ["-t", "a" * 31, "-m", "b", "-V", "5", "-q", "1"], ["2008000005270000000a"], 1, 0),
    ("pub", ["-t", "a", "-m", "b"], ["ffffffffff"], 1, 7),
    ("sub", ["-t", "a", "-W", "2"], ["20020000", "9003000100ffffffffff"], 0.5, 27),
]


@pytest.mark.parametrize("tool,args,replies,hold,expected", SCRIPTS,
                         ids=lambda v: " ".join(v) if isinstance(v, list) else str(v))
def test_odd_brokers(tool, args, replies, hold, expected):
    codes = []
    for maker in TOOLS:
        server = Scripted(replies, hold)
        codes.append(run(maker, tool, args, ("127.0.0.1", server.port))[0])
    assert codes == [expected, expected]


def test_a_pubrel_that_does_not_come_holds_nobody():
    server = Scripted(["20020000", "9003000102" "34060001740001" "61"], hold=20)
    args = ["-t", "t", "-q", "2", "-C", "1"]
    assert run("godwit", "sub", args, ("127.0.0.1", server.port))[:2] == (0, b"a\n")


def test_a_broker_that_stops_reading_holds_nobody(tmp_path):
    (tmp_path / "big").write_bytes(bytes(30_000_000))
    server = Scripted(["20020000"], hold=30)
    code, _, err = start("godwit", "pub", ["-t", "t", "-f", str(tmp_path / "big")],
                         ("127.0.0.1", server.port)).finish(25)
    assert code == 7 and b"does not take" in err


def test_json_option(broker):
    code, out, _ = subscribed(broker, "godwit", ["-t", "json/b", "-C", "2", "--json"],
                              [["-t", "json/b", "-m", "text"], ["-t", "json/b", "-m", "\x7f"]])
    assert code == 0
    assert [json.loads(line)["payload"] for line in out.splitlines()] == ["text", "\x7f"]


def test_sub_connects_again(tmp_path):
    process, port = start_mosquitto(tmp_path)
    sub = start("godwit", "sub", ["-t", "again", "-C", "2"], ("127.0.0.1", port))
    Broker("127.0.0.1", port, tmp_path / "subscriptions.log").await_first()
    publish(("127.0.0.1", port), "-t", "again", "-m", "1")
    process.terminate()
    process.wait(10)
    process = subprocess.Popen(["mosquitto", "-c", str(tmp_path / "mosquitto.conf")],
                               stderr=subprocess.DEVNULL)
    try:
        wait_port(port)
        time.sleep(2.5)
        publish(("127.0.0.1", port), "-t", "again", "-m", "2")
        assert sub.finish()[:2] == (0, b"1\n2\n")
    finally:
        process.terminate()
        process.wait(10)


def test_lines_survive_a_restart_of_the_broker(tmp_path):
    extra = f"persistence true\npersistence_location {tmp_path}/\n"
    process, port = start_mosquitto(tmp_path, extra)
    pub = start("godwit", "pub", ["-t", "live", "-l", "-q", "1"], ("127.0.0.1", port))
    pub.process.stdin.write(b"1\n")
    pub.process.stdin.flush()
    time.sleep(0.3)
    process.terminate()
    process.wait(10)
    pub.process.stdin.write(b"2\n")
    pub.process.stdin.flush()
    process = subprocess.Popen(["mosquitto", "-c", str(tmp_path / "mosquitto.conf")],
                               stderr=subprocess.DEVNULL)
    try:
        wait_port(port)
        sub = start("mosquitto", "sub", ["-t", "live", "-C", "1", "-W", "5"], ("127.0.0.1", port))
        assert pub.finish()[0] == 0
        assert sub.finish()[:2] == (0, b"2\n")
    finally:
        process.terminate()
        process.wait(10)
