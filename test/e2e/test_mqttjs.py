"""mqtt.js as a foreign peer; what it does stands in mqttjs_peer.js, one scenario a test."""

import json
import os
import signal

import pytest
from proxy import Cut
from rig import HERE, ROOT, Program

VERSIONS = (3, 4, 5)
QOS = (0, 1, 2)
MODULES = ROOT / "build" / "node" / "node_modules"
CUTS = {
    ("resumeSend", 1): (("up", "PUBLISH", 9, "within"), ("down", "PUBACK", 20, "before")),
    ("resumeSend", 2): (("up", "PUBLISH", 9, "within"), ("down", "PUBREC", 14, "before"),
                        ("up", "PUBREL", 22, "within"), ("down", "PUBCOMP", 30, "before")),
    ("resumeReceive", 1): (("down", "PUBLISH", 9, "within"), ("up", "PUBACK", 20, "before")),
    ("resumeReceive", 2): (("down", "PUBLISH", 9, "within"), ("up", "PUBREC", 14, "before"),
                           ("down", "PUBREL", 22, "within"), ("up", "PUBCOMP", 30, "before")),
}


@pytest.fixture(scope="module")
def node():
    """The one process that plays them all; to start one is what takes longest."""
    one = Program(["node", HERE / "mqttjs_peer.js"], stdin=True,
                  NODE_PATH=os.environ.get("NODE_PATH") or str(MODULES))
    yield one
    one.stop()


@pytest.fixture
def play(node, shared):
    """Runs a scenario to its end, which must be a good one; `meanwhile` runs when it is READY."""
    def play(scenario, broker=shared, meanwhile=None, **run):
        node.write(json.dumps({"scenario": scenario, "port": broker.port, **run}).encode() + b"\n")
        if meanwhile:
            node.next_line(b"READY")
            meanwhile()
        answer = node.next_line(lambda line: line.startswith((b"ok", b"FAILED")), 90)
        assert answer == b"ok", json.loads(answer[7:])
    return play


@pytest.mark.parametrize("qos", QOS)
@pytest.mark.parametrize("sends, receives", [(3, 5), (4, 4), (5, 4), (5, 5)])
def test_messages_pass(play, sends, receives, qos):
    play("pass", version=sends, receives=receives, qos=qos)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("scenario", ["will", "retained", "session", "sharedLost"])
def test_every_version(play, scenario, version):
    play(scenario, version=version)


@pytest.mark.parametrize("version", (4, 5))
def test_large_retained_set_is_complete(play, version):
    play("retainedSet", version=version)


@pytest.mark.parametrize("scenario", ["willProperties", "retainOptions", "aliases", "receiveMaximum",
                                      "properties", "expiry", "request"])
def test_version_5(play, scenario):
    play(scenario, version=5)


@pytest.mark.parametrize("qos", QOS)
@pytest.mark.parametrize("version", (4, 5))
def test_shared_subscription(play, version, qos):
    play("shared", version=version, qos=qos)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("scenario, qos", CUTS)
def test_broken_connection(play, proxy, shared, scenario, qos, version):
    way = proxy(shared, *(Cut(*cut) for cut in CUTS[scenario, qos]))
    play(scenario, version=version, qos=qos, via=way.port)
    way.wait_done()


@pytest.mark.parametrize("version, qos", [(4, 0), (5, 1), (5, 2)])
def test_large_payload(play, version, qos):
    play("large", version=version, qos=qos, size=1_900_000)


@pytest.mark.parametrize("version", (4, 5))
def test_very_large_payload_where_allowed(play, serve, version):
    play("large", serve("limits: {packet: 32MB}\n"), version=version, qos=1, size=20_000_000)


def test_end_of_the_broker(play, serve):
    broker = serve()
    play("stop", broker, lambda: broker.signal(signal.SIGTERM), version=5)
    assert broker.wait() == 0
    broker.remove()
