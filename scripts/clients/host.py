# SPDX-License-Identifier: GPL-2.0
"""The machine that the client runs on: its devices, pages and log."""

import contextlib
import os
import re
import time
from pathlib import Path

PCI = Path("/sys/bus/pci/devices")
MIB = 1 << 20


def read(path):
    return Path(path).read_text(encoding="utf-8").strip()


class Failure(Exception):
    """Something did not hold; the text says what."""


def wait_for(what, condition, seconds=30):
    """Wait until a condition holds, and return what it returned."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"no {what} after {seconds} s")
        time.sleep(0.05)


def devices(identity):
    """The addresses of all PCI devices with this "vendor:device"."""
    wanted = ["0x" + word for word in identity.split(":")]
    return sorted(path.name for path in PCI.iterdir()
                  if [read(path / name) for name in ("vendor", "device")] == wanted)


def driver(address):
    link = PCI / address / "driver"
    return link.resolve().name if link.exists() else None


def unbind(address):
    (PCI / address / "driver/unbind").write_text(address, encoding="utf-8")


def bind(address, name="vfio-pci"):
    """Give a device to a driver, which gets it however often it is asked."""
    if driver(address) == name:
        return
    if driver(address):
        unbind(address)
    (PCI / address / "driver_override").write_text(name, encoding="utf-8")
    Path("/sys/bus/pci/drivers_probe").write_text(address, encoding="utf-8")
    if driver(address) != name:
        raise Failure(f"the driver of {address} is {driver(address)}, not {name}")


def cdev(address):
    """The path of a device's cdev."""
    entries = list((PCI / address / "vfio-dev").glob("vfio*"))
    if len(entries) != 1:
        raise Failure(f"vfio-dev of {address} has {[entry.name for entry in entries]}")
    path = Path("/dev/vfio/devices") / entries[0].name
    number = read(entries[0] / "dev")
    stat = os.stat(path)
    if f"{os.major(stat.st_rdev)}:{os.minor(stat.st_rdev)}" != number:
        raise Failure(f"{path} is not {number}")
    return path


def pinned_pages():
    """The number of pages that are pinned."""
    try:
        read("/proc/sys/vm/stat_refresh")
    except OSError:
        pass
    text = read("/proc/vmstat")
    count = {name: int(value) for name, value in re.findall(r"nr_foll_pin_(\w+) (\d+)", text)}
    return count["acquired"] - count["released"]


@contextlib.contextmanager
def setting(path, value):
    """Write a value to a file of the kernel, and at the end what was there before."""
    path = Path(path)
    before = read(path)
    path.write_text(value, encoding="utf-8")
    if read(path) != value:
        raise Failure(f"{path} has {read(path)}, not {value}")
    try:
        yield
    finally:
        path.write_text(before, encoding="utf-8")


class Log:
    """The lines of the kernel's log from now on."""

    def __init__(self):
        self.kmsg = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
        os.lseek(self.kmsg, 0, os.SEEK_END)
        self.lines = []

    def read(self):
        while True:
            try:
                record = os.read(self.kmsg, 8192).decode(errors="replace")
            except BlockingIOError:
                return self.lines
            except BrokenPipeError:  # lines were lost
                continue
            self.lines.append(record.partition(";")[2].splitlines()[0])

    def find(self, pattern):
        return next((line for line in self.read() if re.search(pattern, line)), None)
