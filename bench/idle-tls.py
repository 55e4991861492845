#!/usr/bin/env python3
"""What a connection at rest costs the broker, plain and over TLS 1.2 and 1.3: bench/idle-tls.py [COUNT]

GODWIT_BIN names the binary (default: as for test/e2e). A measurement, no test.
"""

import json
import pathlib
import ssl
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "test" / "e2e"), str(ROOT / "test" / "conformance")]

import mqtt as m  # noqa: E402
from authority import Authority  # noqa: E402
from peer import Peer  # noqa: E402
from rig import Broker, fresh  # noqa: E402


class Both(Broker):
    """A broker with a plain and a TLS listener."""

    def write(self, text):
        self.config.write_text("listeners: [mqtt://127.0.0.1:0, mqtts://127.0.0.1:0]\n" + text)


def bytes_each(tls, version, count):
    broker = Both(f"tls: {json.dumps(tls)}\nthreads: 1\nsys: {{interval: 0s}}\n")
    urls = [event["url"] for event in broker.events("listener.open")]
    context = ssl._create_unverified_context()  # noqa: SLF001 - what is checked costs the client
    if version:
        context.minimum_version = context.maximum_version = version
    peers = []

    def open_some(number):
        for _ in range(number):
            peer = Peer(("127.0.0.1", int(urls[version is not None].rsplit(":", 1)[1])), 5, 60)
            if version:
                peer.sock = context.wrap_socket(peer.sock)
            peer.hello(fresh("idle"))
            peer.want(m.CONNACK, code=0)
            peers.append(peer)

    open_some(count // 10)  # the first ones fill what everybody shares
    before = broker.rss()
    open_some(count)
    peers[-1].ping()
    each = (broker.rss() - before) / count
    for peer in peers:
        peer.shut()
    broker.stop()
    return each


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    ca = Authority()
    cert, key = ca.issue("localhost", san=["DNS:localhost"])
    tls = {"cert": str(cert), "key": str(key)}
    for name, version in (("plain", None), ("TLS 1.2", ssl.TLSVersion.TLSv1_2),
                          ("TLS 1.3", ssl.TLSVersion.TLSv1_3)):
        print(f"{name:8} {bytes_each(tls, version, count):8.0f} bytes a connection at rest")
    ca.remove()


if __name__ == "__main__":
    main()
