"""The pages of docs/reference hold what the code holds, no more and no less."""

import re
import signal
import socket

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
