"""A broker with a store on disk that is killed and started again, on the same directory and port."""

import contextlib
import pathlib
import shutil
import signal
import time

import rig

# What tests of the store want besides: queues that never fill, and every log line by itself.
ROOMY = """\
threads: 2
log: {repeats: 0}
limits: {queue: {messages: 1000000, bytes: 1GiB}}
"""


def store_text(directory, durability="disk", segment=None):
    """The `store:` section of a configuration."""
    lines = ["store:", f"  path: {directory}", f"  durability: {durability}"]
    if segment:
        lines.append(f"  segment: {segment}")
    return "\n".join(lines) + "\n"


def state(task):
    """The state letter of a thread."""
    return (task / "stat").read_text().rsplit(")", 1)[1].split()[0]


class Phoenix(rig.Broker):
    """`godwit serve` with a store; `kill` is SIGKILL, what it said in earlier lives is in `past`."""

    def __init__(self, durability="disk", store=None, text=ROOMY, segment=None,
                 environment=None):
        self.environment = environment or {}
        self.past, self.text, self.port = [], text, 0
        self.durability, self.segment = durability, segment
        self.store = pathlib.Path(store) if store else None
        super().__init__()

    def write(self, text):
        if self.store is None:
            self.store = self.directory / "store"
        section = store_text(self.store, self.durability, self.segment)
        listener = f"listeners: [mqtt://127.0.0.1:{self.port}]\n"
        self.config.write_text(listener + self.text + section + text)

    def kill(self):
        """Ends it by SIGKILL: nothing of what it had in its own memory survives."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    @contextlib.contextmanager
    def between_calls(self):
        """Holds it where none of its threads is inside a call of the system: a sync that is under
        way when a file system is shut down may come back well although nothing was written (ext4
        does not tell a failed conversion of fresh blocks then), which no power cut does."""
        self.process.send_signal(signal.SIGSTOP)
        tasks = pathlib.Path(f"/proc/{self.pid}/task")
        rig.until(lambda: all(state(task) in "tT" for task in tasks.iterdir()), "it stops")
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def down(self):
        """Ends it in order, to be started again."""
        self.process.send_signal(signal.SIGTERM)
        code = self.wait()
        assert code == 0, f"exit code {code}: {self.log.read_text()[-3000:]}"

    def launch(self):
        if self.log.exists():
            self.past.append(self.log.read_text())
        super().launch()

    def start(self):
        """Starts it again where it was."""
        if self.process.poll() is None:
            raise AssertionError("it still runs")
        self.write("")
        self.launch()
        self.await_ready()
        return self

    def restart(self, *, hard=True):
        self.kill() if hard else self.down()
        return self.start()

    def stumble(self, seconds):
        """Starts it and kills it before it can have done much: recovery must bear that too."""
        self.write("")
        self.launch()
        time.sleep(seconds)
        self.kill()

    def copy_store(self, to):
        """A copy of the store of a broker that does not run."""
        shutil.copytree(self.store, to)
        return to
