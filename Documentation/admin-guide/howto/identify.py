#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""identify.py CDEV: an NVMe driver in user space that asks a disk for its name.

The disk writes the answer into memory of this program by DMA. All that it reaches are the three
pages that are mapped here."""

import ctypes
import fcntl
import mmap
import os
import struct
import sys
import time

IOMMU_IOAS_ALLOC, IOMMU_IOAS_MAP = 0x3b81, 0x3b85
MAP_FIXED_IOVA, MAP_WRITEABLE, MAP_READABLE = 1, 2, 4
VFIO_DEVICE_GET_REGION_INFO, VFIO_DEVICE_BIND_IOMMUFD, VFIO_DEVICE_ATTACH_IOMMUFD_PT = 0x3b6c, 0x3b76, 0x3b77
BAR0, CONFIG = 0, 7
IOVA = 0x100000  # where the disk sees the pages


def ioctl(fd, request, layout, *values):
    """An ioctl with a struct. Return: what the kernel wrote into it."""
    data = bytearray(struct.pack(layout, struct.calcsize(layout), *values))
    fcntl.ioctl(fd, request, data)
    return struct.unpack(layout, data)


class Disk:
    """An NVMe controller and its first BAR."""

    def __init__(self, path, pages):
        self.fd, iommu = os.open(path, os.O_RDWR), os.open("/dev/iommu", os.O_RDWR)
        ioctl(self.fd, VFIO_DEVICE_BIND_IOMMUFD, "IIiI", 0, iommu, 0)
        ioas = ioctl(iommu, IOMMU_IOAS_ALLOC, "III", 0, 0)[2]
        ioctl(self.fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, "III", 0, ioas)
        address = ctypes.addressof(ctypes.c_char.from_buffer(pages))
        ioctl(iommu, IOMMU_IOAS_MAP, "IIIIQQQ", MAP_FIXED_IOVA | MAP_WRITEABLE | MAP_READABLE, ioas, 0, address,
              len(pages), IOVA)
        config = ioctl(self.fd, VFIO_DEVICE_GET_REGION_INFO, "IIIIQQ", 0, CONFIG, 0, 0, 0)[5]
        os.pwrite(self.fd, struct.pack("<H", 6), config + 4)  # decode memory, do DMA
        _, _, _, _, size, offset = ioctl(self.fd, VFIO_DEVICE_GET_REGION_INFO, "IIIIQQ", 0, BAR0, 0, 0, 0)
        self.bar = mmap.mmap(self.fd, size, offset=offset)

    def register(self, offset, kind=ctypes.c_uint32):
        """A register; each access is one of its size."""
        return kind.from_buffer(self.bar, offset)

    def wait_ready(self, value):
        """Wait until the ready bit has that value."""
        while self.register(0x1c).value & 1 != value:
            time.sleep(0.01)

    def enable(self):
        """Start it with two queues: commands in the first page, completions in the second."""
        self.register(0x14).value = 0
        self.wait_ready(0)
        self.register(0x24).value = 15 << 16 | 15
        self.register(0x28, ctypes.c_uint64).value = IOVA
        self.register(0x30, ctypes.c_uint64).value = IOVA + mmap.PAGESIZE
        self.register(0x14).value = 4 << 20 | 6 << 16 | 1
        self.wait_ready(1)


def main():
    """Let the disk write what it is into the third page."""
    pages = mmap.mmap(-1, 3 * mmap.PAGESIZE)
    disk = Disk(sys.argv[1], pages)
    disk.enable()
    pages[:64] = struct.pack("<IIQQQQIIQQ", 1 << 16 | 6, 0, 0, 0, IOVA + 2 * mmap.PAGESIZE, 0, 1, 0, 0, 0)
    disk.register(0x1000).value = 1
    while not pages[mmap.PAGESIZE + 14] & 1:
        time.sleep(0.01)
    page = pages[2 * mmap.PAGESIZE:]
    print(f"model {page[24:64].decode().strip()}, serial number {page[4:24].decode().strip()}")


main()
