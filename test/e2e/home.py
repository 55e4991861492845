"""A user with a home of his own, in which `godwit` runs as he would run it."""

import os
import subprocess

import rig


class Home:
    """`env` is what his programs see: nothing of this machine's user."""

    def __init__(self, path):
        self.path = path
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("GODWIT_", "XDG_"))}
        self.env["HOME"] = str(path)

    def run(self, *words, code=0, **env):
        done = subprocess.run([os.path.abspath(rig.binary()), *map(str, words)], cwd=self.path, text=True,
                              timeout=rig.WAIT, stdin=subprocess.DEVNULL, capture_output=True, check=False,
                              env={**self.env, **env})
        assert done.returncode == code, (words, done)
        return done.stdout + done.stderr
