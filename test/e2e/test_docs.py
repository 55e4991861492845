"""The pages of docs/reference hold what the code holds, no more and no less."""

import os
import re
import signal
import socket
import subprocess

import pytest

import rig
import mqtt as m

SRC = rig.ROOT / "src"
PAGES = rig.ROOT / "docs" / "reference"


def page(name):
    return (PAGES / name).read_text()


def differ(code, written, what):
    """Complains about what stands in one of two sets only."""
    missing, stale = sorted(set(code) - set(written)), sorted(set(written) - set(code))
    assert not missing and not stale, f"{what}: not on the page {missing}, not in the code {stale}"


def rows(text, columns):
    """The cells of a page's tables with so many columns, without heads."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")]
             for line in text.splitlines() if line.startswith("|")]
    return [row for row in cells if len(row) == columns and not set(row[0]) <= set("-")]


def names(cell):
    return re.findall(r"`([^`]+)`", cell)


# ---- log events ----------------------------------------------------------------------------------

def events_in_code():
    """Names in the calls that write an event: {name: levels}."""
    found = {}
    call = re.compile(r"\b(?:gw_log_event|say)\(|struct gw_logline_event \w+ = \{")
    for path in sorted(SRC.rglob("*.c")):
        text = path.read_text()
        for begin in call.finditer(text):
            statement = text[begin.start():text.index(";", begin.start())]
            levels = {level.lower() for level in re.findall(r"GW_LOG_(ERROR|WARN|INFO|DEBUG)", statement)}
            for name in re.findall(r'"([a-z]+\.[a-z_]+)"', statement):
                found.setdefault(name, set()).update(levels)
    return found


def events_on_page():
    """{name: (levels, fields)}"""
    return {names(row[0])[0]: (set(re.split(r"[, ]+", row[1])), names(row[2]))
            for row in rows(page("log-events.md"), 5) if names(row[0])}


def test_each_log_event_is_on_the_page():
    code, written = events_in_code(), events_on_page()
    assert len(code) > 15
    differ(code, written, "log events")
    for name, levels in code.items():  # some choose theirs by a variable
        assert levels <= written[name][0], f"{name}: {levels} in the code"


def test_each_field_is_explained():
    used = {field for _, fields in events_on_page().values() for field in fields}
    explained = [name for row in rows(page("log-events.md"), 2) for name in names(row[0])]
    differ(used, explained, "fields")


def test_live_log_has_the_fields_of_the_page(serve):
    """What a broker writes, field by field and in order."""
    broker = serve("limits: {topic_levels: 8, connections_unauthenticated_per_address: 1}\n"
                   "log: {level: debug}\nthreads: 1\n")

    def connect():
        sock = socket.create_connection(broker.address, timeout=10)
        sock.sendall(m.connect(5, "docs"))
        sock.recv(100)
        return sock

    with connect() as client:
        client.sendall(m.publish(5, "/".join("abcdefghij"), b"x", qos=1, pid=1))
        client.recv(100)
        with socket.create_connection(broker.address, timeout=10), \
                socket.create_connection(broker.address, timeout=10) as second:
            try:
                assert second.recv(1) == b""
            except ConnectionResetError:
                pass
    broker.wait_for("client.disconnected")
    broker.write("limits: {inflight: 3}\nthreads: 1\nlog: {level: debug}\n")
    broker.signal(signal.SIGHUP)
    broker.wait_for("config.reloaded")
    broker.signal(signal.SIGTERM)
    assert broker.wait() == 0
    seen, written, log = set(), events_on_page(), broker.events()
    broker.remove()
    for event in log:
        name, level = event["event"], event["level"]
        fields = [key for key in event if key not in ("ts", "level", "event", "message")]
        assert level in written[name][0], event
        assert fields == written[name][1], event
        seen.add(name)
    assert seen >= {"client.connected", "client.disconnected", "connection.closed", "connection.refused",
                    "publish.refused", "config.changed", "config.reloaded", "listener.open",
                    "broker.ready", "broker.stopping", "broker.stopped"}, seen


def test_full_queues_are_told(serve):
    """A client's and a shared subscription's: at once, with what was dropped so far."""
    broker = serve("limits: {queue: {messages: 2}}\nshared: {queue: {messages: 2}}\nthreads: 1\n")

    def connect(name, *packets):
        sock = socket.create_connection(broker.address, timeout=10)
        sock.sendall(m.connect(5, name, props=[(0x11, 100)]))
        sock.recv(100)
        for packet in packets:
            sock.sendall(packet)
            sock.recv(100)
        return sock

    for name, topic in (("alone", "a"), ("member", "$share/g/b")):
        connect(name, m.subscribe(5, 1, [(topic, 1)]), m.disconnect(0)).close()
    broker.wait_for("client.disconnected", 2)
    publisher = connect("docs")
    for pid in range(1, 5):
        for topic in "ab":
            publisher.sendall(m.publish(5, topic, b"x", qos=1, pid=pid))
            publisher.recv(100)
    publisher.close()
    for name, key, who in (("queue.full", "id", "alone"), ("group.full", "filter", "$share/g/b")):
        told = broker.wait_for(name)
        assert [k for k in told if k not in ("ts", "level", "event", "message")] == events_on_page()[name][1]
        assert (told[key], told["queued"], told["dropped"]) == (who, 2, 1)
        assert len(broker.events(name)) == 1


def test_want_of_descriptors_is_told(serve):
    broker = serve("threads: 1\n")
    held = []
    subprocess.run(["prlimit", f"--pid={broker.pid}", f"--nofile={broker.descriptors() + 2}"], check=True)
    try:
        for _ in range(8):
            held.append(socket.create_connection(broker.address, timeout=10))
        told = broker.wait_for("listener.exhausted")
    finally:
        for sock in held:
            sock.close()
    assert [k for k in told if k not in ("ts", "level", "event", "message")] == \
        events_on_page()["listener.exhausted"][1]
    broker.signal(signal.SIGTERM)
    assert broker.wait() == 0
    broker.remove()


# ---- $SYS ----------------------------------------------------------------------------------------

def sys_topics_on_page():
    """(names under $SYS/broker/, names under $SYS/broker/load/ without their windows)"""
    values, rates = page("sys-topics.md").split("## Rates")
    return ([names(row[0])[0] for row in rows(values, 2) if names(row[0])],
            [names(row[0])[0] for row in rows(rates, 2) if names(row[0])])


def test_each_sys_topic_is_on_the_page():
    table = (SRC / "broker" / "sysinfo.def").read_text()
    values, rates = sys_topics_on_page()
    differ(re.findall(r'^VALUE\("([^"]+)"', table, re.M) + ["version", "uptime"], values, "values")
    differ(re.findall(r'^RATE\("([^"]+)"', table, re.M), rates, "rates")


def test_live_broker_has_the_sys_topics_of_the_page(serve, program):
    """All of them are there before anything has happened."""
    values, rates = sys_topics_on_page()
    wanted = {f"$SYS/broker/{name}" for name in values}
    wanted |= {f"$SYS/broker/load/{name}/{window}" for name in rates for window in ("1min", "5min", "15min")}
    broker = serve("sys: {interval: 1h}\n")
    sub = program(rig.binary(), "sub", "-p", broker.port, "-t", "$SYS/#", "-F", "%t", "-W", 10,
                  "-C", len(wanted))
    code, lines = sub.wait()
    differ(wanted, [line.decode() for line in lines], "topics of a broker that just began")
    assert code == 0


# ---- limits --------------------------------------------------------------------------------------

def test_each_limit_is_on_the_page():
    table = (SRC / "config" / "config.def").read_text()
    keys = re.findall(r"^X\(((?:limits|shared\.queue)\.[a-z0-9_.]+|store\.(?:segment|pressure)),", table, re.M)
    written = [names(row[0])[0] for row in rows(page("limits.md"), 5) if names(row[0])]
    assert len(keys) > 25
    differ(keys, written, "limits")


def test_pages_name_only_keys_events_and_topics_that_exist():
    table = (SRC / "config" / "config.def").read_text()
    known = set(re.findall(r"^X\(([a-z0-9_.]+),", table, re.M)) | set(events_in_code())
    known |= {key.rsplit(".", 1)[0] for key in known}  # limits.queue
    for path in [*PAGES.glob("*.md"), *PAGES.parent.glob("*/*.md"), rig.ROOT / "README.md"]:
        if "decisions" in path.parts:
            continue
        for name in re.findall(r"`((?:limits|shared|mqtt|sys|log|client|connection|publish|queue)\.[a-z0-9_.]+)`",
                               path.read_text()):
            assert name in known, f"{path.name}: {name}"


def test_links_lead_somewhere():
    for path in [*(rig.ROOT / "docs").rglob("*.md"), *rig.ROOT.glob("*.md")]:
        text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.M | re.S)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if "://" in target:
                continue
            name, _, anchor = target.partition("#")
            other = (path.parent / name).resolve() if name else path
            assert other.exists(), f"{path.name}: {target}"
            heads = [re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-")
                     for head in re.findall(r"^#+ (.*)$", other.read_text(), re.M)] if anchor else []
            assert not anchor or anchor in heads, f"{path.name}: {target}"


# ---- command line --------------------------------------------------------------------------------

def help_of(*words):
    return subprocess.run([rig.binary(), *words, "--help"], capture_output=True, text=True, timeout=20,
                          check=False).stdout


def section(name):
    return page("cli.md").split(f"## godwit {name}")[1].split("\n## ")[0]


@pytest.mark.parametrize("tool", ["pub", "sub", "rr"])
def test_options_of_the_tools_are_on_the_page(tool):
    shown = help_of(tool).split("Options:")[1].split("Not built in yet")[0]
    options = [re.findall(r"(?:^|, )(--?[\w-]+)", line.strip()) for line in re.findall(r"^  +-.*", shown, re.M)]
    written = [names(row[0]) for row in rows(section("pub, sub, rr"), 4)
               if row[2] == "all" or tool in row[2].split()]
    differ(map(" ".join, options), map(" ".join, written), f"options of {tool}")


@pytest.mark.parametrize("command, words", [("serve", ["serve"]), ("check", ["check"]), ("config", ["config"]),
                                            ("selftest", ["selftest"]), ("cert", ["cert"]), ("acl", ["acl"]),
                                            ("context", ["context"]), ("init", ["init"]), ("bench", ["bench"]), *((word, [word]) for word in (
                                                "store", "backup", "restore", "export", "import"))])
def test_options_of_the_commands_are_on_the_page(command, words):
    options = re.findall(r"^  +(?:(-\w), )? *(--[\w-]+)", help_of(*words), re.M)
    written = [names(row[0]) for row in rows(section(command), 2) if row[0].startswith("`-")]
    differ([" ".join(filter(None, pair)) for pair in options], map(" ".join, written), f"options of {command}")


def test_commands_are_on_the_page():
    shown = re.findall(r"^  ([a-z]+) +[a-z]", subprocess.run(
        [rig.binary(), "help"], capture_output=True, text=True, timeout=20, check=True).stdout, re.M)
    written = [names(row[0])[0] for row in rows(page("cli.md").split("## ")[0], 2) if names(row[0])]
    differ([word for word in shown if word != "godwit"], written, "commands")


# ---- commands ------------------------------------------------------------------------------------

def guides():
    return sorted(path for kind in ("tutorial", "how-to", "explanation")
                  for path in (rig.ROOT / "docs" / kind).glob("*.md"))


@pytest.mark.parametrize("guide", guides(), ids=lambda path: path.stem)
def test_commands_do_what_the_page_shows(guide, tmp_path):
    """```yaml NAME is a file (and so is ```text NAME), ```console holds commands ("$ ...") and what they print."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "godwit").symlink_to(os.path.abspath(rig.binary()))
    clean = {k: v for k, v in os.environ.items() if not k.startswith("GODWIT__")}
    env = {**clean, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
    blocks = re.findall(r"^```(\w+) ?(\S*)\n(.*?)^```", guide.read_text(), re.M | re.S)
    for kind, name, text in blocks:
        if kind in ("yaml", "text") and name:
            (tmp_path / name).write_text(text)
        for part in re.split(r"^\$ ", text, flags=re.M)[1:] if kind == "console" else []:
            command, _, shown = part.partition("\n")
            done = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=env, text=True, timeout=20,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            assert done.stdout == shown, command
