"""Brokers whose listeners a test names."""

import os

from rig import Broker


class DoorBroker(Broker):
    """A broker with listeners of the test's own behind the first, plain one; DIR in them is the broker's
    directory. `doors` holds what the log has of them."""

    def __init__(self, listeners, text="", *words):
        self.listeners = listeners
        super().__init__(text, *words)

    def write(self, text):
        rows = "".join(f"  - {each}\n" for each in ["mqtt://127.0.0.1:0", *self.listeners])
        whole = f"listeners:\n{rows}{text}"
        self.config.write_text(whole.replace("DIR", str(self.directory)))

    def await_ready(self):
        super().await_ready()
        self.doors = [event["url"] for event in self.events("listener.open")[1:]]

    def door(self, index=0):
        """Where one of them listens, as a socket has it."""
        scheme, _, rest = self.doors[index].partition("://")
        if scheme == "unix":
            return rest
        host, _, port = rest.partition("/")[0].rpartition(":")
        return host.strip("[]"), int(port)


def root():
    return os.geteuid() == 0
