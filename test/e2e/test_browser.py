"""mqtt.js in headless Chromium, over ws:// and wss://: what it does stands in browser_peer.html."""

import base64
import hashlib
import http.server
import json
import os
import pathlib
import queue
import signal
import subprocess
import tempfile
import threading

import pytest
from authority import openssl
from gates import GatedBroker
from rig import HERE, ROOT, WAIT, fresh

MODULES = pathlib.Path(os.environ.get("NODE_PATH") or ROOT / "build" / "node" / "node_modules")
START = 90  # seconds that a browser may take to begin on a busy machine


class Page(http.server.ThreadingHTTPServer):
    """Serves the page, hands it tasks, and takes what became of them."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answers)
        self.tasks, self.outcomes = queue.Queue(), queue.Queue()
        self.files = {"/": (HERE / "browser_peer.html", "text/html"),
                      "/mqtt.js": (MODULES / "mqtt" / "dist" / "mqtt.min.js", "text/javascript")}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, host="127.0.0.1"):
        return f"http://{host}:{self.server_address[1]}"


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def give(self, code, kind, body):
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/next":
            try:
                task = self.server.tasks.get(timeout=2)
            except queue.Empty:
                task = None
            self.give(200, "application/json", json.dumps(task).encode())
        elif self.path in self.server.files:
            path, kind = self.server.files[self.path]
            self.give(200, kind, path.read_bytes())
        else:
            self.give(404, "text/plain", b"")

    def do_POST(self):
        self.server.outcomes.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.give(200, "text/plain", b"")


class Browser:
    """Chromium at a page; it trusts the key with the given fingerprint."""

    def __init__(self, url, trusted):
        self.home = tempfile.TemporaryDirectory(prefix="godwit-browser-", ignore_cleanup_errors=True)
        self.log = open(pathlib.Path(self.home.name) / "log", "wb")
        self.process = subprocess.Popen(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--no-first-run", "--disable-background-networking", "--disable-component-update",
             "--disable-sync", "--disable-extensions", f"--user-data-dir={self.home.name}/profile",
             f"--ignore-certificate-errors-spki-list={trusted}", "--remote-debugging-port=0", url],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True,
            env={**os.environ, "HOME": self.home.name})

    def stop(self):
        """Ends it and those it started: they are a process group of their own."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.log.close()
        self.home.cleanup()


def fingerprint(cert):
    """SHA-256 of the public key, as browsers write it."""
    key = openssl("x509", "-in", cert, "-pubkey", "-noout")
    return base64.b64encode(hashlib.sha256(openssl("pkey", "-pubin", "-outform", "DER", stdin=key)).digest()
                            ).decode()


class PagedBroker(GatedBroker):
    """Its listeners for WebSockets take the page of one origin."""

    def __init__(self, origin, *more):
        self.origin = origin
        super().__init__(*more)

    def listener(self, scheme):
        more = {"origins": [self.origin]} if scheme in ("ws", "wss") else {}
        return {**super().listener(scheme), **more}


@pytest.fixture
def scene(authority):
    """(broker, play): `play` has the page do something and returns what became of it."""
    page = Page()
    broker = PagedBroker(page.url(), *authority, "threads: 2\nlog: {repeats: 0}\n")
    browser = Browser(page.url(), fingerprint(authority[1][0]))

    def play(what, scheme, version, **more):
        gate = broker.gates[scheme]
        page.tasks.put({"what": what, "url": f"{scheme}://localhost:{gate['port']}{gate['path']}",
                        "version": version, "name": fresh("browser"), **more})
        try:
            outcome = page.outcomes.get(timeout=START + WAIT)
        except queue.Empty:
            log = pathlib.Path(browser.log.name).read_text(errors="replace")
            raise AssertionError(f"the browser says nothing: {log[-3000:]}") from None
        assert "failed" not in outcome, outcome
        return outcome

    yield broker, play
    browser.stop()
    page.shutdown()
    page.server_close()
    broker.stop()


def messages_of_all_sizes_pass(broker, play, scheme, version):
    outcome = play("pass", scheme, version)
    assert (outcome["lost"], outcome["more"], outcome["count"]) == ([], 0, 22), outcome
    told = broker.wait_for("client.connected", proto={4: "3.1.1", 5: "5"}[version],
                           origin=broker.origin, path=broker.gates[scheme]["path"],
                           tls="TLSv1.3" if scheme == "wss" else "")
    assert told["id"].startswith("browser")


def another_sites_page_is_kept_out(broker, play):
    """The same page at a listener that lists another origin."""
    other = PagedBroker("https://good.example", broker.ca, broker.pair)
    try:
        outcome = play("refused", "ws", 5,
                       url=f"ws://localhost:{other.gates['ws']['port']}{other.gates['ws']['path']}")
        assert outcome["refused"], outcome
        assert other.wait_for("connection.closed", origin=broker.origin)["reason"] == (
            "the page's origin is not among the listener's origins")
    finally:
        other.stop()


def test_a_page_of_a_browser(scene):
    """One test, since to start a browser is what takes longest."""
    for scheme in ("ws", "wss"):
        for version in (4, 5):
            messages_of_all_sizes_pass(*scene, scheme, version)
    another_sites_page_is_kept_out(*scene)
