"""The innocents: pairs of clients that go on while others do harm, watched from a process of their own.

`Innocents` starts this file as a program. Each pair publishes numbers at QoS 1 at a steady pace and
receives them on a second connection; what counts is that every number comes once and in order, and
how late it comes. A message is due at its time whatever became of the one before, so a pause of the
broker is seen by every message that fell into it. Times are printed, and only a gross bound is held.
"""

import json
import os
import pathlib
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from rig import WAIT, fresh, sanitized  # noqa: E402 - also makes `mqtt` and `peer` known

import mqtt as m  # noqa: E402
from gates import dial  # noqa: E402
from peer import Silence  # noqa: E402

PACE = 0.01       # seconds from message to message of a pair
OUTSTANDING = 50  # messages without PUBACK before the sender waits; half of what the broker takes
LATE = 10.0       # seconds; only a broker that somebody brought to a halt is so late


class Pair:
    """One publisher and one subscriber at a gate."""

    def __init__(self, gate, over):
        self.gate, self.over, self.count, self.seen = gate, over, 0, 0
        self.due, self.lags, self.faults, self.done = {}, [], [], threading.Event()
        self.topic = fresh("innocent")
        self.sub, self.pub = self._join(), self._join()
        self.sub.subscribe(self.topic, qos=1)
        self.threads = [threading.Thread(target=self._guard, args=(job,), daemon=True)
                        for job in (self._send, self._receive)]

    def _join(self):
        one = dial(self.gate, self.gate["v"])
        one.hello(fresh("innocent"), user=self.gate.get("user"), password=self.gate.get("password"))
        one.want(m.CONNACK, code=0)
        return one

    def _guard(self, job):
        try:
            job()
        except Exception as fault:  # noqa: BLE001 - whatever it is, the test is told
            self.faults.append(f"{job.__name__[1:]}: {fault!r}")

    def _send(self):
        start, acked, v = time.monotonic(), 0, self.gate["v"]
        while not self.over.is_set() or self.count == 0:
            due = start + self.count * PACE
            time.sleep(max(due - time.monotonic(), 0))
            self.due[self.count] = due
            pid = self.count % 60000 + 1
            self.pub.send(m.publish(v, self.topic, str(self.count), qos=1, pid=pid))
            self.count += 1
            while self.count - acked > OUTSTANDING:
                self.pub.want(m.PUBACK, pid=acked % 60000 + 1, code=0)
                acked += 1
        while acked < self.count:
            self.pub.want(m.PUBACK, pid=acked % 60000 + 1, code=0)
            acked += 1
        self.done.set()

    def _receive(self):
        silent_since = time.monotonic()
        while not (self.done.is_set() and self.seen == self.count):
            try:
                self.sub.message(wait=0.5, topic=self.topic, payload=str(self.seen), qos=1)
            except Silence:
                if time.monotonic() - silent_since > WAIT:
                    raise
                continue
            silent_since = time.monotonic()
            self.lags.append(silent_since - self.due.pop(self.seen))
            self.seen += 1
        self.sub.silent(0.05)

    def report(self):
        lags = sorted(self.lags) or [0.0]
        return {"gate": f"{self.gate['scheme']} v{self.gate['v']}", "sent": self.count,
                "came": self.seen, "faults": self.faults, "most": lags[-1],
                "half": lags[len(lags) // 2], "most_of_99": lags[len(lags) * 99 // 100]}


def main():
    over = threading.Event()
    pairs = [Pair(gate, over) for gate in json.loads(sys.argv[1])]
    for pair in pairs:
        for thread in pair.threads:
            thread.start()
    print("ready", flush=True)
    sys.stdin.read()
    over.set()
    for pair in pairs:
        for thread in pair.threads:
            thread.join(3 * WAIT)
    print(json.dumps([pair.report() for pair in pairs]), flush=True)


class Innocents:
    """Runs the pairs while a block runs; complains at its end if anything of theirs went wrong."""

    def __init__(self, gates, record=None):
        self.gates, self.record, self.reports = gates, record, []

    def __enter__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-B", __file__, json.dumps(self.gates)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env=dict(os.environ))
        self.began = time.monotonic()
        first = self.process.stdout.readline()
        assert first == b"ready\n", f"the innocents could not begin: {first}"
        return self

    def __exit__(self, kind, *_):
        # A block that was over at once would say nothing about anybody.
        if kind is None:
            time.sleep(max(self.began + 0.3 - time.monotonic(), 0))
        try:
            out, _ = self.process.communicate(timeout=4 * WAIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, _ = self.process.communicate()
        if kind is not None:
            return
        self.reports = json.loads(out)
        for one in self.reports:
            text = (f"innocents at {one['gate']}: {one['came']} messages, p50 {one['half'] * 1000:.1f} ms, "
                    f"p99 {one['most_of_99'] * 1000:.1f} ms, max {one['most'] * 1000:.1f} ms")
            print(text)
            if self.record:
                self.record("innocents", text)
        for one in self.reports:
            assert not one["faults"] and one["came"] == one["sent"] > 0, one
            assert one["most"] < LATE * (3 if sanitized() else 1), one


if __name__ == "__main__":
    main()
