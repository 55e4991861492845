"""A small ext4 of the test's own, on a loop device over a sparse file, whose power can be cut.

Two ways, both without flushing anything:

cut      the kernel's own switch for such tests (EXT4_IOC_SHUTDOWN without flushing the log): from
         that moment on every write fails, dirty pages are thrown away, the journal stays as it was;
         then it is mounted again, which replays the journal as after a power cut.
copy     the backing file is copied as it is; what the inner file system holds in its page cache is
         not in it (the loop device uses direct I/O), and the copy is mounted elsewhere.
"""

import fcntl
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import time

SHUTDOWN, NO_LOG_FLUSH = 0x8004587D, 2  # _IOR('X', 125, __u32), EXT4_GOING_FLAGS_NOLOGFLUSH
TOOLS = ("losetup", "mkfs.ext4", "mount", "umount")
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def command(*words):
    """Runs a program of the administrator; returns its output, raises with what it said."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, check=False, timeout=60,
                          env={**os.environ, "PATH": PATH})
    if done.returncode:
        raise OSError(f"{words[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


def unmount(path):
    """Takes a file system away; one that is still busy for a moment is waited for."""
    for _ in range(50):
        try:
            command("umount", path)
            return
        except OSError as error:
            if "not mounted" in str(error):
                return
            time.sleep(0.1)
    command("umount", "-l", path)


class Disk:
    """One image, its loop device and where it is mounted."""

    def __init__(self, image, directory):
        self.image, self.path, self.device = image, directory, None
        directory.mkdir()

    def attach(self):
        """Makes the device and mounts it; recovery of the file system happens here."""
        try:
            self.device = command("losetup", "-f", "--show", "--direct-io=on", self.image)
        except OSError:  # the file system below does without: then it caches, and sync is slower
            self.device = command("losetup", "-f", "--show", self.image)
        try:
            # No commit of the journal but by fsync: nothing becomes durable by luck.
            command("mount", "-t", "ext4", "-o", "commit=600", self.device, self.path)
        except OSError:
            self.detach()
            raise
        return self

    def detach(self):
        unmount(self.path)
        if self.device:
            command("losetup", "-d", self.device)
            self.device = None

    def cut(self):
        """Power off: nothing is written from now on."""
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(descriptor)

    def power_on(self):
        """Mounted anew, after whoever used it has ended."""
        self.detach()
        return self.attach()


class Loops:
    """All disks of a test, and their end."""

    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="godwit-loop-"))
        self.disks = []

    def disk(self, mebibytes=96):
        name = f"disk{len(self.disks)}"
        image = self.directory / f"{name}.img"
        with image.open("wb") as file:
            file.truncate(mebibytes << 20)
        command("mkfs.ext4", "-q", "-F", "-m", "0", image)
        return self._add(image, name)

    def copy(self, disk):
        """Another disk that holds what this one's device had, mounted."""
        name = f"disk{len(self.disks)}"
        image = self.directory / f"{name}.img"
        command("cp", "--sparse=always", disk.image, image)
        return self._add(image, name)

    def _add(self, image, name):
        disk = Disk(image, self.directory / name)
        self.disks.append(disk)
        return disk.attach()

    def close(self):
        for disk in self.disks:
            disk.detach()
        shutil.rmtree(self.directory, ignore_errors=True)


def refusal():
    """Why this machine cannot do it, in one sentence; None if it can."""
    if os.geteuid() != 0:
        return "mounting needs root"
    missing = [tool for tool in TOOLS if not shutil.which(tool, path=PATH)]
    if missing:
        return f"{missing[0]} is not installed"
    loops = Loops()
    try:
        disk = loops.disk(16)
        (disk.path / "probe").write_bytes(b"x")
        disk.cut()
    except OSError as error:
        return f"no file system on a loop device here: {error}"
    finally:
        loops.close()
    return None
