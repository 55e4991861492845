"""What the tests of the real binary share: brokers, foreign programs, bounded waits, memory figures.

GODWIT_BIN  the binary (default: build/release/godwit of this tree, else the debug build)

Every wait is for an event and has a bound that only a failing test reaches.
"""

import itertools
import json
import os
import pathlib
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
WAIT = 30.0

# The packets as bytes, written apart from the broker's codec; `mqtt` and `peer` live there.
sys.path.insert(0, str(ROOT / "test" / "conformance"))


def binary():
    named = os.environ.get("GODWIT_BIN")
    if named:
        return named
    builds = [ROOT / "build" / preset / "godwit" for preset in ("release", "debug")]
    return str(next((path for path in builds if path.is_file()), builds[0]))


def sanitized():
    """Whether the binary keeps freed memory on purpose, which makes figures of memory worthless."""
    with open(binary(), "rb") as file:
        data = file.read()
    return b"__asan_init" in data or b"__tsan_init" in data


def until(ask, what, seconds=WAIT):
    """Asks again and again until the answer is true, and returns it."""
    deadline = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what() if callable(what) else what}")
        time.sleep(0.01)


COUNTER = itertools.count()


def fresh(stem):
    """A name that nothing else on this broker uses."""
    return f"{stem}-{os.getpid()}-{next(COUNTER)}"


# ---- the broker ----------------------------------------------------------------------------------

class Broker:
    """`godwit serve` on a free loopback port; its log is a list of JSON objects."""

    environment = {}  # for the process, beside the test's own

    def __init__(self, text="", *words):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="godwit-e2e-"))
        self.config = self.directory / "godwit.yaml"
        self.words = words
        self.write(text)
        self.log = self.directory / "log"
        self.errors_expected = False
        self.launch()
        self.await_ready()

    def launch(self):
        """Starts the process, with an empty log; does not wait for it."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("GODWIT__")}
        environment.update(self.environment)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [binary(), "serve", "-c", str(self.config), *self.words], env=environment,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)
        self.pid = self.process.pid

    def await_ready(self):
        self.wait_for("broker.ready")
        self.port = int(self.events("listener.open")[0]["url"].rsplit(":", 1)[1])
        self.address = ("127.0.0.1", self.port)

    def write(self, text):
        self.config.write_text("listeners: [mqtt://127.0.0.1:0]\n" + text)

    def events(self, name=None, **fields):
        """The log's events of a name (every one if none) whose fields have the given values."""
        lines = self.log.read_bytes().split(b"\n")[:-1]
        found = map(json.loads, filter(None, lines))
        return [e for e in found if (name is None or e["event"] == name)
                and all(e.get(key) == value for key, value in fields.items())]

    def wait_for(self, name, count=1, **fields):
        """Waits until the log holds `count` such events; returns the last of them."""
        def ask():
            ended = self.process.poll() is not None
            assert not ended or self.log.read_bytes()[:1] == b"{", self.log.read_text()
            found = self.events(name, **fields)
            assert found[count - 1:] or not ended, self.log.read_text()
            return found if len(found) >= count else None
        return until(ask, lambda: f"{count} {name} {fields} in\n{self.log.read_text()[-3000:]}")[-1]

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self):
        return self.process.wait(WAIT)

    def stop(self):
        """Ends the broker in order; complains if it did not live until then or did not end well."""
        try:
            ended = self.process.poll()
            assert ended is None, f"the broker ended by itself with {ended}: {self.log.read_text()}"
            self.signal(signal.SIGTERM)
            code = self.wait()
            assert code == 0, f"exit code {code}: {self.log.read_text()[-3000:]}"
            errors = [e for e in self.events() if e["level"] == "error"]
            assert self.errors_expected or not errors, errors
        finally:
            self.remove()

    def remove(self):
        """Ends what is left of it, whatever state it is in."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    # What it costs, from /proc.

    def rss(self, kind="VmRSS"):
        """Bytes of memory that it holds; of RssAnon those of its own, without files that the system caches."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith(kind + ":"))
        return int(line.split()[1]) * 1024

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def cpu_ticks(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])


def stop_all(brokers):
    """Ends brokers; each must have lived until now, and end well."""
    faults = []
    for broker in brokers:
        try:
            broker.stop()
        except AssertionError as fault:
            faults.append(fault)
    assert not faults, faults


class Peak:
    """Watches a broker's memory while a block runs; `most` is the highest figure seen."""

    def __init__(self, broker):
        self.broker, self.most, self.over = broker, broker.rss(), threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self):
        while not self.over.wait(0.02):
            self.most = max(self.most, self.broker.rss())

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        self.most = max(self.most, self.broker.rss())


# ---- foreign programs ----------------------------------------------------------------------------

class Program:
    """A foreign program whose lines of output can be waited for."""

    def __init__(self, words, stdin=False, **environment):
        self.words, self.lines, self.fresh = words, [], queue.Queue()
        self.process = subprocess.Popen(
            [str(word) for word in words], stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, **environment})
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            line = line.rstrip(b"\n")
            self.lines.append(line)
            self.fresh.put(line)
        self.fresh.put(None)

    def next_line(self, wanted, seconds=WAIT):
        """Waits for the next line for which `wanted` is true (or that begins with it)."""
        accept = wanted if callable(wanted) else (lambda line: line.startswith(wanted))
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self.fresh.get(timeout=max(deadline - time.monotonic(), 0.001))
            except queue.Empty:
                raise AssertionError(f"{self.words[0]} did not print {wanted}; it did: "
                                     f"{self.lines[-30:]}") from None
            if line is None:
                self.fresh.put(None)
                raise AssertionError(f"{self.words[0]} ended ({self.process.wait()}) before it "
                                     f"printed {wanted}; it did: {self.lines[-30:]}")
            if accept(line):
                return line

    def write(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def end_of_input(self):
        self.process.stdin.close()

    def wait(self, seconds=WAIT):
        """Waits for its end; returns (exit code, lines)."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.stop()
            raise AssertionError(f"{self.words} did not end; it printed {self.lines[-30:]}") from None
        self.reader.join(seconds)
        return code, self.lines

    def stop(self, number=signal.SIGKILL):
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait()
        if self.process.stdin:
            self.process.stdin.close()
        self.reader.join(WAIT)
