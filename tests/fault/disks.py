"""Disks that can lose power: an ext4 file system in a file, on a loop device.

`cut` shuts the file system down without flushing anything, as a power failure does: all that was not
synced is gone, names of files too, when it is mounted again. The kernel's own writing back is put
off (noauto_da_alloc, a journal commit every 600 s), so that only the program's syncs count.
"""

import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from harness import wait_until

MOUNT_OPTIONS = "loop,noauto_da_alloc,commit=600"
TOOLS = ("mkfs.ext4", "mount", "umount", "xfs_io")


def _run(*command):
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


@functools.cache
def why_not():
    """Why there can be no such disk here, or None. A container's root may not be allowed to mount."""
    if os.geteuid() != 0:
        return "needs root, to mount a file system"
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        return f"needs {', '.join(missing)}"
    with tempfile.TemporaryDirectory() as directory:
        try:
            disk = LoopDisk(Path(directory), 8)
            disk.cut()
            disk.unmount()
        except AssertionError as error:
            return f"needs to mount and shut down a file system: {error}"
    return None


class LoopDisk:
    """A small file system in a file of its own, mounted at `path`."""

    def __init__(self, directory, size_mb):
        self.image = directory / "disk.image"
        self.path = directory / "disk"
        self.path.mkdir()
        with open(self.image, "wb") as image:
            image.truncate(size_mb * 1024 * 1024)
        _run("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0",
             self.image)  # fmt: skip
        self.mounted = False
        self.mount()

    def mount(self):
        _run("mount", "-o", MOUNT_OPTIONS, self.image, self.path)
        self.mounted = True

    def shutdown(self):
        """The power fails: from now on every write and sync ends with an error."""
        _run("xfs_io", "-x", "-c", "shutdown", self.path)

    def come_back(self):
        """Mounts what the disk has. No process has a file open on it."""
        self.unmount()
        self.mount()

    def cut(self):
        self.shutdown()
        self.come_back()

    def unmount(self):
        """The last descriptor of a killed process may be given back a moment after its end."""
        if self.mounted:
            command = ["umount", str(self.path)]
            wait_until(lambda: subprocess.run(command, capture_output=True).returncode == 0, 10, command)
            self.mounted = False


@pytest.fixture
def make_disk(tmp_path):
    """A function that makes a disk of so many MB; it is unmounted after the test."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    disks = []

    def make(size_mb=160):
        directory = tmp_path / f"loop{len(disks)}"
        directory.mkdir()
        disks.append(LoopDisk(directory, size_mb))
        return disks[-1]

    yield make
    for disk in disks:
        disk.unmount()
