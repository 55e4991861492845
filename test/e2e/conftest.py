"""pytest glue: the brokers, proxies and programs of a test, each ended with it."""

import pytest

pytest.register_assert_rewrite("rig", "peers", "siege")

import rig  # noqa: E402
from authority import Authority  # noqa: E402
from doors import DoorBroker  # noqa: E402
from gates import GatedBroker  # noqa: E402
from phoenix import Phoenix  # noqa: E402
from proxy import Proxy  # noqa: E402


@pytest.fixture(scope="session")
def shared():
    """One broker with the defaults and two loops for all tests that need nothing else."""
    broker = rig.Broker("threads: 2\nlog: {repeats: 0}\n")
    yield broker
    broker.stop()


@pytest.fixture
def serve():
    """Starts brokers of the test's own; each must still live at its end and end well."""
    started = []

    def start(text="", *words):
        started.append(rig.Broker(text, *words))
        return started[-1]

    yield start
    rig.stop_all(broker for broker in started if broker.directory.is_dir())


@pytest.fixture
def serve_doors():
    """Starts brokers with listeners of the test's own; each must end well."""
    started = []

    def start(*words):
        started.append(DoorBroker(*words))
        return started[-1]

    yield start
    for broker in started:
        if broker.directory.is_dir():
            broker.stop()


@pytest.fixture
def phoenix():
    """Starts brokers with a store that may be killed; they are removed with it."""
    started = []

    def start(*words, **more):
        started.append(Phoenix(*words, **more))
        return started[-1]

    yield start
    for each in started:
        each.remove()


@pytest.fixture
def proxy():
    """Starts proxies in front of a broker."""
    started = []

    def start(broker, *cuts):
        started.append(Proxy(broker, cuts))
        return started[-1]

    yield start
    for each in started:
        each.close()


@pytest.fixture
def program():
    """Starts foreign programs; what still runs at the end of the test is killed."""
    started = []

    def start(*words, stdin=False, **environment):
        started.append(rig.Program(words, stdin, **environment))
        return started[-1]

    yield start
    for each in started:
        each.stop()


@pytest.fixture(scope="module")
def authority():
    """(a certificate authority, certificate and key of localhost that it signed)"""
    ca = Authority()
    yield ca, ca.issue("localhost", san=("DNS:localhost", "IP:127.0.0.1"))
    ca.remove()


@pytest.fixture
def gated(authority):
    """Starts brokers with all four transports; each must still live at its end and end well."""
    started = []

    def start(text="", *words, **more):
        started.append(GatedBroker(*authority, text, *words, **more))
        return started[-1]

    yield start
    rig.stop_all(started)
