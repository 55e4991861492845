"""pytest glue: the brokers of the run, the slow cases in threads, the matrix at the end."""

import concurrent.futures

import pytest

pytest.register_assert_rewrite("peer", "case")

import case  # noqa: E402
import matrix  # noqa: E402
from broker import Brokers  # noqa: E402

SLOW_THREADS = 24


def pytest_addoption(parser):
    parser.addoption("--page", choices=("no", "check", "write"), default="no",
                     help="docs/reference/conformance.md: leave it, compare it, or write it")


def pytest_configure(config):
    config.brokers = Brokers()
    config.pool = concurrent.futures.ThreadPoolExecutor(SLOW_THREADS)
    config.faults = []


@pytest.fixture(scope="session")
def brokers(request):
    return request.config.brokers


def entry_of(item):
    return getattr(getattr(item, "function", None), "case", None)


def pytest_collection_finish(session):
    if session.config.option.collectonly:
        return
    for item in session.items:
        entry = entry_of(item)
        if entry and entry.slow:
            version = item.callspec.params["version"]
            case.FUTURES[entry.name, version] = session.config.pool.submit(
                case.run, entry, version, session.config.brokers)


def pytest_collection_modifyitems(items):
    """Quick cases first, so that the slow ones wait meanwhile."""
    items.sort(key=lambda item: bool(entry_of(item) and entry_of(item).slow))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    entry = entry_of(item)
    if entry and (report.when == "call" or report.failed):
        word = {"passed": "pass", "failed": "FAIL", "skipped": "skip"}[report.outcome]
        entry.outcomes[item.callspec.params["version"]] = word


def pytest_sessionfinish(session):
    config = session.config
    config.pool.shutdown(cancel_futures=True)
    config.faults = config.brokers.stop()
    mode = config.option.page
    if mode != "no" and not config.option.collectonly:
        config.faults += matrix.finish(case.CASES, mode)
    if config.faults and session.exitstatus == 0:
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter, config):
    for fault in config.faults:
        terminalreporter.write_line("conformance: " + fault, red=True)
