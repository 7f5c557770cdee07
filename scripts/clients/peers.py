# SPDX-License-Identifier: GPL-2.0
"""DMA of two devices of an inner guest into the controller memory buffer (CMB) of a third."""

import contextlib
import hashlib
import mmap
import os
import re

import host
from host import PCI, Failure, wait_for

CMB_BAR = 2
# What the inner guest's nvme driver uses of the CMB is at its beginning.
DISK_AT, EDU_AT, PAGE_AT = 0x800000, 0x900000, 0xa00000
# An edu copies less than a page.
EDU_BYTES = 4088
PAGE = 4096


def digest(data):
    return hashlib.sha256(data).hexdigest()


@contextlib.contextmanager
def outer_cmb(address):
    """The CMB as this machine sees it. No driver has the device meanwhile."""
    device = PCI / address
    host.unbind(address)
    (device / "enable").write_text("1", encoding="utf-8")
    with open(device / f"resource{CMB_BAR}", "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        yield memory
    (device / "enable").write_text("0", encoding="utf-8")
    host.bind(address)


class Peers:
    """In the inner guest: disk0, without its driver, and an nvme with a CMB."""

    def __init__(self, vmm, log):
        self.vmm, self.log = vmm, log
        self.disk, self.target = vmm.run("pci disk0"), vmm.run("pci cmb")
        self.base = int(vmm.run(f"peer address {self.target} {CMB_BAR}"), 0)
        self.page = vmm.run("sum_page disk0")
        vmm.run(f"release {self.disk}")

    def give_back(self):
        """Let the inner guest's nvme driver have disk0 again."""
        self.vmm.run(f"probe {self.disk}")

    def fill(self, offset, length):
        """Put random bytes into the CMB. Return: their checksum."""
        return self.vmm.run(f"random {length // PAGE} >/tmp/random && "
                            f"peer fill {self.target} {CMB_BAR} {offset:#x} </tmp/random && "
                            "sha256sum </tmp/random | cut -d ' ' -f 1")

    def sum(self, offset, length):
        return self.vmm.run(f"peer show {self.target} {CMB_BAR} {offset:#x} {length} | sha256sum | cut -d ' ' -f 1")

    def holds(self, offset, length, wanted):
        got = self.sum(offset, length)
        if got != wanted:
            raise Failure(f"{length} bytes at {offset:#x} of the CMB have the checksum {got}, not {wanted}")

    def nvme_in(self, wanted):
        """The disk's first MiB goes into the CMB, which has other bytes before."""
        if self.fill(DISK_AT, host.MIB) == wanted:
            raise Failure("the random bytes are those of the disk")
        self.vmm.run(f"peer read {self.disk} 0 {self.base + DISK_AT:#x}")
        self.holds(DISK_AT, host.MIB, wanted)

    def nvme_out(self, mib):
        """That MiB goes from the CMB to a place on the disk."""
        self.vmm.run(f"peer write {self.disk} {mib} {self.base + DISK_AT:#x}")

    def edu(self):
        """An edu copies bytes within the CMB."""
        self.fill(EDU_AT, PAGE)
        wanted = self.sum(DISK_AT, EDU_BYTES)
        self.vmm.run(f"edu_copy 0 {self.base + DISK_AT:#x} {self.base + EDU_AT:#x} {EDU_BYTES}")
        self.holds(EDU_AT, EDU_BYTES, wanted)

    def stray(self):
        """DMA to the CMB must fault, and change nothing."""
        before = self.fill(DISK_AT, host.MIB)
        faults = self.faults()
        self.vmm.run(f"peer read {self.disk} 0 {self.base + DISK_AT:#x}")
        self.wait_for_fault(faults)
        self.holds(DISK_AT, host.MIB, before)

    def faults(self):
        """How many faults of writes to the CMB are in the log."""
        found = (re.search(r"DMAR: \[DMA Write.* fault addr 0x([0-9a-f]+)", line) for line in self.log.read())
        return sum(1 for match in found if match and DISK_AT <= int(match[1], 16) - self.base < PAGE_AT + PAGE)

    def wait_for_fault(self, before):
        wait_for("fault of a write to the CMB", lambda: self.faults() > before, 60)

    def loop(self):
        """From now on, the disk's first page is read into the CMB again and again."""
        self.vmm.run(f"loop {self.disk} {self.base + PAGE_AT:#x}")
        self.wait_for_transfers()

    def end_loop(self):
        self.vmm.run("end_loop")

    def transfers(self):
        count, failed = map(int, self.vmm.run("cat /tmp/loop").split())
        if failed:
            raise Failure(f"{failed} of {count} transfers failed")
        return count

    def wait_for_transfers(self, count=20):
        """Wait until so many more were made. Return: how many are made in all."""
        start = self.transfers()
        wait_for(f"{count} transfers", lambda: self.transfers() >= start + count, 60)
        return self.transfers()

    def arrives(self):
        """While the loop runs: bytes in the CMB are overwritten with the disk's."""
        self.fill(PAGE_AT, PAGE)
        wait_for("DMA to the CMB", lambda: self.sum(PAGE_AT, PAGE) == self.page, 30)

    def decoding_off(self):
        """While the target does not decode its BARs, DMA to them faults and writes nothing."""
        self.vmm.run(f"release {self.target}")
        self.vmm.run(f"decode {self.target} 2")
        before, faults = self.fill(PAGE_AT, PAGE), self.faults()
        self.vmm.run(f"decode {self.target} 0")
        self.loop()
        self.wait_for_fault(faults)
        self.end_loop()
        self.vmm.run(f"decode {self.target} 2")
        self.holds(PAGE_AT, PAGE, before)
        self.loop()
        self.arrives()
        self.vmm.run(f"probe {self.target}")

    def reset_in_transfer(self, dma_buf):
        """A reset begins while an edu waits to write. The inner guest and QEMU still map the CMB:
        only this machine's kernel takes it from the IOMMU. It brings a BAR back, but not a
        dma-buf: QEMU maps that again when the BAR was away in its view too."""
        self.vmm.run(f"release {self.target}")
        self.vmm.run(f"decode {self.target} 2")
        before, faults = self.fill(EDU_AT, PAGE), self.faults()
        self.vmm.run(f"peer flr {self.target} $(pci_edu 0) {self.base + EDU_AT:#x} {EDU_BYTES}")
        self.wait_for_fault(faults)
        self.holds(EDU_AT, PAGE, before)
        if dma_buf:
            faults = self.faults()
            self.vmm.run(f"edu_copy 0 {self.base + DISK_AT:#x} {self.base + EDU_AT:#x} {EDU_BYTES}")
            self.wait_for_fault(faults)
            self.holds(EDU_AT, PAGE, before)
            self.vmm.run(f"decode {self.target} 0")
            self.vmm.run(f"decode {self.target} 2")
        self.edu()
        self.vmm.run(f"probe {self.target}")

    def reset(self, times):
        """Reset the target while the loop runs."""
        for _ in range(times):
            self.vmm.run(f"echo 1 >/sys/bus/pci/devices/{self.target}/reset")
            self.wait_for_transfers()
            self.arrives()

    def returned(self):
        """The target was plugged in again, and has its old address."""
        self.target = self.vmm.run("pci cmb")
        base = int(self.vmm.run(f"peer address {self.target} {CMB_BAR}"), 0)
        if base != self.base:
            raise Failure(f"the CMB is at {base:#x} now, the loop writes to {self.base:#x}")
        self.arrives()

    def gone(self, address):
        """The target is not the inner guest's any more. The loop runs, its DMA faults, and the
        target's CMB does not change."""
        data = os.urandom(PAGE)
        with outer_cmb(address) as cmb:
            cmb[PAGE_AT:PAGE_AT + PAGE] = data
            faults = self.faults()
            self.wait_for_transfers(50)
            self.wait_for_fault(faults)
            found = cmb[PAGE_AT:PAGE_AT + PAGE]
        if found != data:
            raise Failure(f"the CMB of {address} has changed: {digest(found)}, not {digest(data)}")
