# SPDX-License-Identifier: GPL-2.0
"""A small machine as files: what the tool reads of /sys, /proc and /dev, below a directory.

It has an Intel IOMMU and six PCI devices: a bridge, an NVMe disk that is mounted, a network
card with an address, two test devices in one group, and one on vfio-pci that process 42 has
open."""

import os
from pathlib import Path

RELEASE = "6.12.1-test"
BRIDGE, DISK, CARD = "0000:00:01.0", "0000:01:00.0", "0000:02:00.0"
PAIR = ("0000:03:00.0", "0000:03:00.1")
GIVEN = "0000:04:00.0"
PAGE = 4096
MIB = 1 << 20

# The registers of QEMU's VT-d, with addresses of 39 bits
CAP, ECAP = "d2008c22260286", "f00f5e"


class Tree:
    """The files of a machine below a directory."""

    def __init__(self, root):
        self.root = Path(root)

    def file(self, path, text=""):
        """Write a file; a line end is added."""
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"{text}\n" if text else "", encoding="utf-8")

    def remove(self, path):
        """Remove a file or a link."""
        (self.root / path.lstrip("/")).unlink()

    def link(self, path, target):
        """Link to another path of the machine."""
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        where = self.root / target.lstrip("/")
        place.symlink_to(os.path.relpath(where, place.parent))

    def raw_link(self, path, text):
        """A link to a text, as those of /proc/PID/fd"""
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(text)

    def pci(self, bdf, ids, pci_class, group, driver, reset="flr"):
        """A PCI device; returns its directory."""
        real = f"/sys/devices/pci0000:00/{bdf}"
        vendor, device = ids.split(":")
        self.file(f"{real}/vendor", f"0x{vendor}")
        self.file(f"{real}/device", f"0x{device}")
        self.file(f"{real}/class", f"0x{pci_class}")
        self.file(f"{real}/driver_override", "(null)")
        if reset:
            self.file(f"{real}/reset_method", reset)
        if group is not None:
            self.link(f"{real}/iommu_group", f"/sys/kernel/iommu_groups/{group}")
            self.file(f"/sys/kernel/iommu_groups/{group}/type", "DMA")
            self.link(f"/sys/kernel/iommu_groups/{group}/devices/{bdf}", real)
        if driver:
            self.file(f"/sys/bus/pci/drivers/{driver}/unbind")
            self.link(f"{real}/driver", f"/sys/bus/pci/drivers/{driver}")
        self.link(f"/sys/bus/pci/devices/{bdf}", real)
        return real

    def process(self, pid, comm, uid, fds):
        """A process; fds has the target and the fdinfo of each descriptor."""
        self.file(f"/proc/{pid}/comm", comm)
        self.file(f"/proc/{pid}/status", f"Name:\t{comm}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}")
        self.file(f"/proc/{pid}/limits",
                  "Limit                     Soft Limit           Hard Limit           Units     \n"
                  "Max locked memory         8388608              8388608              bytes     ")
        (self.root / f"proc/{pid}/fd").mkdir()
        for number, (target, info) in enumerate(fds):
            self.raw_link(f"/proc/{pid}/fd/{number}", target)
            self.file(f"/proc/{pid}/fdinfo/{number}", f"pos:\t0\nflags:\t02\n{info}")


FDINFO = f"""iommufd-context:\t7
iommufd-objects:\t4
iommufd-accounting:\tuser
iommufd-mapped:\t{6 * MIB}
iommufd-pinned:\t{4 * MIB}
iommufd-charged:\t{4 * MIB}
iommufd-payer-uid:\t0
iommufd-in-progress:\tmap {MIB} {4 * MIB}
iommufd-ioas:\t1 areas=3 mapped={6 * MIB} pinned={4 * MIB} hwpts=1 devices=1 accesses=0
iommufd-hwpt:\t2 ioas=1 kind=auto flags=0x0 devices=1 mapped={6 * MIB}
iommufd-device:\t3 name={GIVEN} hwpt=2
iommufd-object:\t4 type=viommu
iommufd-unlisted:\t5
iommufd-of-the-future:\t1 2 3"""

# A mapping in long runs, one in single pages, and one far away that is not pinned
AREAS = f"""ioas 1
reserved 0xfee00000 0xfeefffff
allowed 0x0 0xfedfffff
allowed 0xfef00000 0xffffffffffff
0x0 0x1fffff {2 * MIB} 1 rwp 2500
0x200000 0x3fffff {2 * MIB} 512 rwp 100
0x10000000000 0x100001fffff {2 * MIB} 0 rf 0"""


def add_platform(tree):
    """The kernel, its modules and its IOMMU"""
    tree.file("/proc/sys/kernel/osrelease", RELEASE)
    tree.file("/proc/cmdline", "root=/dev/sda1 quiet")
    tree.file("/proc/cpuinfo", "vendor_id\t: GenuineIntel")
    tree.file("/proc/modules", "iommufd 1 0 - Live 0x0\nvfio_cdev 1 0 - Live 0x0\nvfio_pci 1 0 - Live 0x0")
    tree.file("/proc/interrupts", "  24:  0  IR-PCI-MSI-0000:01:00.0  0-edge  nvme0q0")
    tree.file("/sys/module/iommufd/version", "0.1.0")
    tree.file("/sys/module/iommufd/parameters/allow_unsafe_interrupts", "N")
    for name, value in (("mapped_bytes", 6 * MIB), ("pinned_bytes", 4 * MIB), ("map_failures", 1)):
        tree.file(f"/sys/module/iommufd/counters/{name}", str(value))
    tree.file(f"/lib/modules/{RELEASE}/modules.dep",
              "updates/iommufd.ko:\nupdates/vfio-cdev.ko: updates/iommufd.ko\nupdates/vfio-cdev-kvm.ko:")
    tree.file(f"/lib/modules/{RELEASE}/modules.builtin", "kernel/drivers/vfio/vfio.ko")
    tree.file(f"/lib/modules/{RELEASE}/updates/vfio-cdev-kvm.ko", "a module without a signature, long enough")
    tree.file("/sys/class/iommu/dmar0/intel-iommu/cap", CAP)
    tree.file("/sys/class/iommu/dmar0/intel-iommu/ecap", ECAP)
    tree.file("/dev/iommu")
    tree.file("/dev/vfio/devices/vfio0")


def add_devices(tree):
    """The PCI devices and what the host uses them for"""
    tree.pci(BRIDGE, "8086:1901", "060400", 0, "pcieport")
    disk = tree.pci(DISK, "144d:a808", "010802", 1, "nvme")
    card = tree.pci(CARD, "8086:10d3", "020000", 2, "e1000e")
    for bdf in PAIR:
        tree.pci(bdf, "1234:11e8", "00ff00", 3, "other")
    given = tree.pci(GIVEN, "1234:11e8", "00ff00", 4, "vfio-pci", reset="")
    tree.link(f"/sys/kernel/iommu_groups/0/devices/{GIVEN}", given)

    tree.file(f"{disk}/nvme/nvme0/nvme0n1/dev", "259:0")
    tree.link("/sys/class/block/nvme0n1", f"{disk}/nvme/nvme0/nvme0n1")
    tree.file("/proc/self/mountinfo", "30 1 259:0 / /srv rw,relatime shared:1 - ext4 /dev/nvme0n1 rw")
    tree.file("/proc/swaps", "Filename Type Size Used Priority")
    tree.file(f"{card}/net/eth0/address", "52:54:00:00:00:01")
    tree.link("/sys/class/net/eth0", f"{card}/net/eth0")
    tree.file("/proc/net/if_inet6", "fe800000000000005054fffe000001 02 40 20 80     eth0")
    tree.file(f"{given}/vfio-dev/vfio0/vfio0/dev", "511:0")
    tree.file("/sys/bus/pci/drivers_probe")


def make(root):
    """Make the machine below a directory."""
    tree = Tree(root)
    add_platform(tree)
    add_devices(tree)
    tree.process(1, "init", 0, [("/dev/null", "")])
    tree.process(42, "vm\x1b[31m", 0, [
        ("/dev/iommu", FDINFO),
        ("/dev/vfio/devices/vfio0",
         f"vfio-device-syspath: /sys/devices/pci0000:00/{GIVEN}\nvfio-device-iommufd-id:\t3\nvfio-device-pt-id:\t2")])
    tree.process(43, "old", 12345, [("/dev/iommu", "")])
    tree.process(44, "older", 12345, [("/dev/iommu (deleted)", "")])
    tree.file("/sys/kernel/debug/iommufd/42-7/owner", "pid 42 comm vm uid 0")
    tree.file("/sys/kernel/debug/iommufd/42-7/areas", AREAS)
    return tree
