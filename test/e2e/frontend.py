"""HAProxy and nginx in front of a broker, each with a configuration of the test's own."""

import pathlib
import socket
import subprocess
import tempfile

from rig import WAIT, until


class Front:
    """A proxy that listens on `address`; `log` is what it wrote."""

    def __init__(self):
        self.room = tempfile.TemporaryDirectory(prefix="godwit-front-")
        self.directory = pathlib.Path(self.room.name)
        self.log = self.directory / "log"

    def launch(self, words, **more):
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, **more)

    def up(self):
        """Whether it takes connections; complains if it has ended."""
        assert self.process.poll() is None, self.log.read_text()
        with socket.socket() as probe:
            return probe.connect_ex(self.address) == 0

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(WAIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.room.cleanup()


class HAProxy(Front):
    """`server` is the line behind "server broker", `bind` what follows the address to listen on."""

    def __init__(self, server, bind="", mode="tcp"):
        super().__init__()
        with socket.socket() as listener:  # bound here, so that its port is nobody else's
            listener.bind(("127.0.0.1", 0))
            listener.listen(64)
            self.address = listener.getsockname()
            config = self.directory / "haproxy.cfg"
            config.write_text(
                f"defaults\n  mode {mode}\n  timeout connect 10s\n  timeout client 5m\n  timeout server 5m\n"
                f"frontend in\n  bind fd@{listener.fileno()} {bind}\n  default_backend out\n"
                f"backend out\n  server broker {server}\n")
            self.launch(["haproxy", "-db", "-f", config], pass_fds=[listener.fileno()])
        until(self.up, lambda: f"haproxy listens: {self.log.read_text()}")


class Nginx(Front):
    """Streams to a broker; its port is free when it is chosen, and another is taken if it is not any more."""

    def __init__(self, upstream, words="proxy_protocol on;"):
        super().__init__()
        for _ in range(5):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.address = probe.getsockname()
            self.write(upstream, words)
            self.launch(["nginx", "-c", self.directory / "nginx.conf", "-p", self.directory, "-e", "stderr"])
            until(lambda: self.process.poll() is not None or self.up(), "nginx listens")
            if self.process.poll() is None:
                return
        raise AssertionError(self.log.read_text())

    def write(self, upstream, words):
        (self.directory / "nginx.conf").write_text(
            f"daemon off;\nmaster_process off;\npid {self.directory}/pid;\n"
            "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\n"
            "events { worker_connections 64; }\n"
            f"stream {{ server {{ listen 127.0.0.1:{self.address[1]}; proxy_pass {upstream}; {words} }} }}\n")
