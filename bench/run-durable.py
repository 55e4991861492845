#!/usr/bin/env python3
"""The cost of durability in a running broker, in one run: `godwit serve` with class disk, os and memory,
the bare append loop with as many syncs and bytes (the floor), mosquitto if it is there (the peer), and
what an unrelated QoS 0 pair feels meanwhile. docs/reference/performance.md says what each figure is.

    bench/run-durable.py [--build build/release] [--dir DIR] [--messages N] [--sessions N] [--smoke]
"""

import argparse
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Broker:
    """A broker that was started here, and what the system says about its process."""

    def __init__(self, arguments, command, directory, port):
        self.port, self.log_path = port, directory / "log"
        self.counter = directory / "syncs"
        self.began = time.monotonic()
        with self.log_path.open("w") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                env={**os.environ, "LD_PRELOAD": str(arguments.build / "bench" / "syncs.so"),
                     "GODWIT_SYNCS": str(self.counter)})
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if self.process.poll() is not None or time.monotonic() > self.began + 60:
                    sys.exit(f"the broker did not start:\n{self.log_path.read_text()}")
                time.sleep(0.005)
        self.ready_s = time.monotonic() - self.began

    def figures(self):
        proc = Path("/proc") / str(self.process.pid)
        stat = (proc / "stat").read_text().rsplit(")", 1)[1].split()
        written = dict(line.split(": ") for line in (proc / "io").read_text().splitlines())
        status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
        counter = self.counter.read_bytes() if self.counter.exists() else b""
        return {"cpu_s": (int(stat[11]) + int(stat[12])) / TICKS, "written": int(written["wchar"]),
                "pages": int(written["write_bytes"]), "rss": int(status["VmRSS"].split()[0]) * 1024,
                "syncs": struct.unpack("Q", counter)[0] if len(counter) == 8 else 0}

    def loop_times(self):
        """Seconds that the loops had a core, and that they waited for one."""
        ran = waited = 0
        for task in (Path("/proc") / str(self.process.pid) / "task").iterdir():
            if (task / "comm").read_text().strip() == "godwit-loop":
                times = (task / "schedstat").read_text().split()
                ran, waited = ran + int(times[0]) / 1e9, waited + int(times[1]) / 1e9
        return ran, waited

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def serve(arguments, directory, durability, **more):
    port = free_port()
    keys = {"store.path": directory / "store", "store.durability": durability, "sys.interval": "0s",
            "log.format": "json", "limits.memory": "4GiB", "limits.queue.messages": "100000",
            "limits.queue.bytes": "64MB", **more}
    command = [str(arguments.build / "godwit"), "serve", "-p", str(port)]
    for key, value in keys.items():
        command += ["--set", f"{key}={value}"]
    return Broker(arguments, command, directory, port)


def mosquitto(arguments, directory):
    port = free_port()
    (directory / "mosquitto.conf").write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
        f"persistence_location {directory}/\nmax_queued_messages 0\nmax_inflight_messages 0\n"
        f"autosave_interval 1\nautosave_on_changes false\nlog_type error\n"
        + (f"user {os.environ['USER']}\n" if os.environ.get("USER") else ""))
    return Broker(arguments, ["mosquitto", "-c", str(directory / "mosquitto.conf")], directory, port)


def load(arguments, mode, port, **options):
    command = [str(arguments.build / "bench" / "load"), mode, "--port", str(port)]
    for name, value in options.items():
        command += ["--" + name, str(value)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def result_of(process):
    text = process.communicate()[0]
    if process.returncode != 0:
        sys.exit(f"the load ended with {process.returncode}")
    return json.loads(text)


def measure(arguments, broker, online=0):
    """One load against a broker with its sessions; what that cost, per message."""
    result_of(load(arguments, "setup", broker.port, sessions=arguments.sessions))
    before = broker.figures()
    result = result_of(load(arguments, "publish", broker.port, sessions=arguments.sessions,
                            count=arguments.messages, online=online))
    time.sleep(0.5 if not arguments.smoke else 0)  # what is done behind the answers belongs to them
    after = broker.figures()
    count = result["messages"]
    return {"rate": count / result["seconds"], "cpu_us": (after["cpu_s"] - before["cpu_s"]) * 1e6 / count,
            "rss": after["rss"], "rss_each": (after["rss"] - before["rss"]) / count,
            "written": after["written"] - before["written"], "pages": after["pages"] - before["pages"],
            "syncs": after["syncs"] - before["syncs"], "payload": result["payload"], "count": count,
            "seconds": result["seconds"], "load_cpu_us": result["own_cpu"] * 1e6 / count,
            "p50": result["p50_ms"], "p99": result["p99_ms"]}


def floors_of(arguments, measured):
    """The bare loop that writes the same payload with the same number of syncs, three times: the disk is shared."""
    command = [str(arguments.build / "bench" / "bench_store"), "--dir", str(arguments.dir), "--floor",
               str(max(measured["syncs"], 1)), str(measured["payload"])]
    texts = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(3)]
    return sorted(measured["count"] / float(re.search(r"seconds=([0-9.]+)", text)[1]) for text in texts)


def print_row(name, row, memory=None):
    per_payload = (row["written"] - 40 * row["count"]) / row["payload"]
    above = f"{row['cpu_us'] - memory['cpu_us']:+9.2f}" if memory else "        -"
    print(f"{name:10} {row['rate']:9.0f} {row['cpu_us']:9.2f} {above} {row['load_cpu_us']:7.2f} "
          f"{row['rss'] / 2**20:8.0f} {row['syncs']:7} {row['count'] / max(row['syncs'], 1):8.0f} "
          f"{row['written'] / row['count']:9.0f} {row['written'] / row['payload']:7.3f} {per_payload:8.3f} "
          f"{row['pages'] / row['payload']:7.2f} {row['p50']:7.2f} {row['p99']:8.2f}")


def directory_in(arguments):
    return Path(tempfile.mkdtemp(prefix="durable-", dir=arguments.dir))


def run_classes(arguments):
    print(f"{arguments.messages} messages of QoS 1, 64-1,024 B, 512 in flight, to {arguments.sessions} "
          "persistent sessions that are away")
    print(f"{'class':10} {'msg/s':>9} {'CPU us':>9} {'> memory':>9} {'load us':>7} {'RSS MiB':>8} {'syncs':>7} "
          f"{'msg/sync':>8} {'B/msg':>9} {'x':>7} {'x-40B':>8} {'pages x':>7} {'p50 ms':>7} {'p99 ms':>8}")
    rows = {}
    for durability in ("memory", "os", "disk"):
        directory = directory_in(arguments)
        broker = serve(arguments, directory, durability)
        try:
            rows[durability] = measure(arguments, broker)
        finally:
            broker.stop()
        print_row(durability, rows[durability], rows.get("memory"))
        if durability == "disk":
            floors = floors_of(arguments, rows["disk"])
            print_restart(arguments, directory)
        shutil.rmtree(directory)
    if shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin"):
        rows["mosquitto"] = run_peer(arguments)
    print(f"floor: {floors[0]:.0f}, {floors[1]:.0f}, {floors[2]:.0f} msg/s for a bare loop with the same payload "
          f"and syncs; class disk reaches {100 * rows['disk']['rate'] / floors[1]:.0f} % of the middle one, "
          f"class memory {100 * rows['memory']['rate'] / floors[1]:.0f} %")
    if "mosquitto" in rows:
        print(f"peer: class disk is {rows['disk']['rate'] / rows['mosquitto']['rate']:.2f} times as fast as "
              f"mosquitto, for {rows['disk']['cpu_us'] / rows['mosquitto']['cpu_us']:.2f} times the CPU")


def run_peer(arguments):
    directory = directory_in(arguments)
    os.environ["PATH"] += ":/usr/sbin"
    broker = mosquitto(arguments, directory)
    try:
        row = measure(arguments, broker)
    finally:
        broker.stop()
        shutil.rmtree(directory)
    print_row("mosquitto", row)
    return row


def print_restart(arguments, directory):
    broker = serve(arguments, directory, "disk")
    rss = broker.figures()["rss"]
    broker.stop()
    found = re.search(r'\{[^\n]*"store.open"[^\n]*\}', broker.log_path.read_text())
    said = json.loads(found[0]) if found else {}
    print(f"restart, warm: {said.get('queued')} queued messages of {said.get('sessions')} sessions, "
          f"{int(said.get('read_bytes', 0)) / 1e6:.0f} MB read, {said.get('after_ms')} ms; listening after "
          f"{broker.ready_s * 1000:.0f} ms; RSS {rss / 2**20:.0f} MiB")


def run_pauses(arguments):
    print("\na QoS 0 pair, one message every 2 ms, beside that load (store.segment 1MiB, so that snapshots "
          "and recycling go on)")
    print(f"{'beside':50} {'p50 ms':>8} {'p99 ms':>8} {'p99.9 ms':>8} {'max ms':>8} {'msg/s':>9} "
          f"{'loops ran, waited for a core':>28}")
    rate = arguments.pair_rate
    cases = [("nothing", "disk", None)]
    for name, limit in ((f"{rate}/s", rate), ("as fast as it goes", 0)):
        cases += [(f"memory, all away, {name}", "memory", (arguments.sessions, 0, limit)),
                  (f"disk, all away (snapshots), {name}", "disk", (arguments.sessions, 0, limit)),
                  (f"memory, all online, {name}", "memory", (500, 500, limit)),
                  (f"disk, all online (recycling), {name}", "disk", (500, 500, limit))]
    for name, durability, publishing in cases:
        directory = directory_in(arguments)
        broker = serve(arguments, directory, durability, **{"store.segment": "1MiB"})
        try:
            print_pause(arguments, name, broker, publishing)
        finally:
            broker.stop()
            shutil.rmtree(directory)


def print_pause(arguments, name, broker, publishing):
    publisher = None
    if publishing:
        sessions, online, limit = publishing
        result_of(load(arguments, "setup", broker.port, sessions=sessions))
        count = limit * arguments.seconds if limit else arguments.messages
        publisher = load(arguments, "publish", broker.port, sessions=sessions, count=count,
                         online=online, rate=limit)
    felt = result_of(load(arguments, "pair", broker.port, seconds=arguments.seconds))
    result = result_of(publisher) if publisher else {"messages": 0, "seconds": 1}
    ran, waited = broker.loop_times()
    print(f"{name:50} {felt['p50_ms']:8.3f} {felt['p99_ms']:8.3f} {felt['p999_ms']:8.3f} {felt['max_ms']:8.3f} "
          f"{result['messages'] / result['seconds']:9.0f} {ran:18.2f} s {waited:6.2f} s")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "release")
    parser.add_argument("--dir", type=Path, help="where stores are put: the disk that is measured")
    parser.add_argument("--messages", type=int, default=500000)
    parser.add_argument("--sessions", type=int, default=10000)
    parser.add_argument("--seconds", type=int, default=5, help="of each pause measurement")
    parser.add_argument("--pair-rate", type=int, default=20000, help="messages a second of the slower load")
    parser.add_argument("--only", choices=("classes", "pauses"))
    parser.add_argument("--smoke", action="store_true", help="a second of each, to see that it works")
    arguments = parser.parse_args()
    if arguments.smoke:
        arguments.messages, arguments.sessions, arguments.seconds = 5000, 200, 1
    arguments.dir = arguments.dir or arguments.build
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} before this run")
    if arguments.only != "pauses":
        run_classes(arguments)
    if arguments.only != "classes":
        run_pauses(arguments)


if __name__ == "__main__":
    main()
