"""Starts the broker under test: one process per named configuration, shared by the whole run.

GODWIT_BIN          the binary (default: build/release/godwit of this tree)
CONFORMANCE_BROKER  host:port of a running broker to test instead; cases that need a special
                    configuration are skipped then
"""

import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]

# What each configuration sets beside the listener; keys as in src/config/config.def.
MANY = {"limits.connections_unauthenticated_per_address": 1000, "log.repeats": 0}
CONFIGS = {
    "default": {"threads": 3, "debug.auth_echo": "true", "sys.interval": "500ms",
                "mqtt.response_information": "reply/"},
    "small": {"limits.receive_maximum": 5, "limits.topic_alias_in": 3, "limits.packet": "4KiB",
              "limits.packet_before_connect": "4KiB", "limits.client_id": 32,
              "limits.connect_time": "500ms"},
    "reduced": {"threads": 1, "mqtt.max_qos": 1, "mqtt.retain": "false",
                "mqtt.wildcard_subscriptions": "false", "mqtt.subscription_ids": "false",
                "mqtt.shared_subscriptions": "false"},
    "qos0": {"mqtt.max_qos": 0, "limits.topic_alias_in": 0},
    "timed": {"mqtt.server_keep_alive": "1s", "limits.session_expiry": "1s"},
    "stopped": {},
    "only4": {"mqtt.versions": "[3.1.1]"},
}


class Unavailable(Exception):
    """This configuration cannot be had with a foreign broker."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Broker:
    def __init__(self, name):
        self.process = None
        foreign = os.environ.get("CONFORMANCE_BROKER")
        if foreign:
            if name != "default":
                raise Unavailable(name)
            host, port = foreign.rsplit(":", 1)
            self.address = (host, int(port))
            return
        binary = os.environ.get("GODWIT_BIN", str(ROOT / "build/release/godwit"))
        self.address = ("127.0.0.1", free_port())
        self.log = tempfile.TemporaryFile()
        command = [binary, "serve", "--set", f"listeners=mqtt://127.0.0.1:{self.address[1]}"]
        for key, value in {**MANY, **CONFIGS[name]}.items():
            command += ["--set", f"{key}={value}"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=subprocess.STDOUT)
        self._await()

    def _await(self):
        for _ in range(200):
            if self.process.poll() is not None:
                raise RuntimeError(f"the broker ended at once:\n{self.output()}")
            try:
                socket.create_connection(self.address, timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"the broker does not listen:\n{self.output()}")

    def output(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")[-4000:]

    def stop(self):
        """Ends the process; returns its exit code (None for a foreign broker)."""
        if not self.process:
            return None
        process, self.process = self.process, None
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


class Brokers:
    """The running brokers by configuration name; cases in several threads may ask."""

    def __init__(self):
        self.lock, self.running = threading.Lock(), {}

    def get(self, name):
        with self.lock:
            if name not in self.running:
                self.running[name] = Broker(name)
            return self.running[name]

    def stop(self):
        """Stops all; returns a sentence for each that did not end with exit code 0."""
        faults = []
        for name, broker in self.running.items():
            before = broker.process.poll() if broker.process else None
            code = broker.stop()
            if before is not None or code not in (0, None):
                faults.append(f"broker '{name}' ended with {code}:\n{broker.output()}")
        return faults
