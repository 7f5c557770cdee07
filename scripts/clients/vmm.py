# SPDX-License-Identifier: GPL-2.0
"""A QEMU with an inner guest."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from host import Failure, cdev, wait_for

FILES = Path(__file__).resolve().parent
# Limits for a boot. Without KVM the inner guest is interpreted by a QEMU that is itself interpreted.
SECONDS = {"kvm": 240, "tcg": 900}
# The inner kernel's command line. It leaves a megabyte alone for DMA, see inner-init, and does
# not look for hardware that this machine does not have. It does not probe AMD's performance
# counters: after the write to such an MSR, which KVM of 6.1 refuses, the outer machine often
# hangs (QEMU 7.2 with TCG: in HLT, it takes neither a pending interrupt nor an NMI).
# noxsave: the sizes that emulated SVM reports for XSAVE are not consistent, and then 7.3 dies.
APPEND = ("console=ttyS0 noxsave loglevel=4 panic=-1 memmap=1M$0x8000000 iomem=relaxed mitigations=off "
          "no_timer_check tsc=reliable nokaslr audit=0 initcall_blacklist=init_hw_perf_events "
          "i8042.noaux i8042.nokbd 8250.nr_uarts=2 init=/init")

# Where the inner guest's RAM is
RAM = {
    "anonymous": "memory-backend-ram",
    "memfd": "memory-backend-memfd",
    "hugetlb": "memory-backend-memfd,hugetlb=on,hugetlbsize=2M",
    "tmpfs": "memory-backend-file,mem-path=/dev/shm,share=on",
}


class Stream:
    """A socket that QEMU listens at."""

    def __init__(self, path, process, seconds):
        self.buffer = b""
        self.process = process
        self.socket = socket.socket(socket.AF_UNIX)
        wait_for(f"socket {path}", lambda: process.poll() is not None or self.connect(path), seconds)
        if process.poll() is not None:
            raise Failure(f"QEMU ended with {process.returncode}")

    def connect(self, path):
        """Connect, if QEMU listens already."""
        try:
            self.socket.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        return True

    def send(self, text, *descriptors):
        """Send text, and file descriptors with it."""
        socket.send_fds(self.socket, [text.encode()], descriptors)

    def line(self, seconds):
        """The next line, without its end."""
        end = time.monotonic() + seconds
        while b"\n" not in self.buffer:
            self.socket.settimeout(max(0.01, end - time.monotonic()))
            try:
                data = self.socket.recv(65536)
            except TimeoutError as error:
                raise Failure(f"no answer after {seconds} s; so far: {self.buffer[-200:]}") from error
            if not data:
                raise Failure(f"QEMU closed the connection; its exit code is {self.process.poll()}")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.decode(errors="replace").rstrip("\r")


class Vmm:
    """A running QEMU. @how is "host" for -device host=BDF, "fd" for passed file descriptors,
    "group" for VFIO's groups, without iommufd."""

    def __init__(self, accel, how, addresses, ram="anonymous", memory=256):
        self.accel, self.how, self.addresses = accel, how, addresses
        self.seconds = SECONDS[accel]
        self.ram, self.memory = ram, memory
        self.directory = Path(tempfile.mkdtemp(prefix="vmm."))
        self.events = []
        self.process = self.monitor = self.shell = None
        self.passed = []

    def device(self, number):
        """The option for a device."""
        address = self.addresses[number]
        options = {"driver": "vfio-pci", "id": f"dev{number}", "bus": f"port{number}"}
        if self.how == "fd":
            self.passed.append(os.open(cdev(address), os.O_RDWR))
            return {**options, "fd": str(self.passed[-1]), "iommufd": "i"}
        if self.how == "host":
            return {**options, "host": address, "iommufd": "i"}
        return {**options, "host": address}

    def command(self):
        command = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none",
                   "-machine", f"q35,accel={self.accel},memory-backend=ram",
                   "-object", f"{RAM[self.ram]},id=ram,size={self.memory}M", "-cpu", "host" if self.accel == "kvm" else "max",
                   "-m", str(self.memory), "-smp", "1",
                   "-kernel", str(FILES / "vmlinux"), "-initrd", str(FILES / "inner.cpio"), "-append", APPEND,
                   "-serial", f"file:{self.directory}/console",
                   "-serial", f"unix:{self.directory}/shell,server=on,wait=on",
                   "-qmp", f"unix:{self.directory}/monitor,server=on,wait=off",
                   "-trace", "vfio_pci_hot_reset*", "-trace", "iommufd_backend_map*", "-D", f"{self.directory}/trace"]
        if self.how == "fd":
            self.passed.append(os.open("/dev/iommu", os.O_RDWR))
            command += ["-object", f"iommufd,id=i,fd={self.passed[-1]}"]
        elif self.how == "host":
            command += ["-object", "iommufd,id=i"]
        for number in range(len(self.addresses)):
            command += ["-device", f"pcie-root-port,id=port{number},chassis={number},slot={number}"]
            command += ["-device", ",".join(f"{key}={value}" for key, value in self.device(number).items())]
        return [word.replace("driver=", "") for word in command]

    def start(self):
        """Start QEMU and wait until the inner guest has booted."""
        started = time.monotonic()
        with open(self.directory / "errors", "w", encoding="utf-8") as errors:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=errors,
                                            stderr=errors, pass_fds=self.passed)
        self.close_passed()
        try:
            self.shell = Stream(self.directory / "shell", self.process, self.seconds)
            self.monitor = Stream(self.directory / "monitor", self.process, self.seconds)
            self.monitor.line(self.seconds)
            self.ask("qmp_capabilities")
            self.wait_for_boot()
        except Failure as failure:
            raise Failure(f"{failure}\n{self.said()}") from failure
        return time.monotonic() - started

    def close_passed(self):
        for fd in self.passed:
            os.close(fd)
        self.passed = []

    def wait_for_boot(self):
        while self.shell.line(self.seconds) != "@0":
            pass

    def said(self):
        """What QEMU and the inner guest's kernel printed last."""
        text = []
        for name in ("errors", "console"):
            path = self.directory / name
            if path.exists():
                text += [f"{name}: {line}" for line in path.read_text(errors="replace").splitlines()[-15:]]
        return "\n".join(text)

    def run(self, command, seconds=None):
        """Run a command in the inner guest. Return: its output."""
        self.shell.send(command + "\n")
        output = []
        while True:
            line = self.shell.line(seconds or self.seconds)
            if line.startswith("@"):
                break
            output.append(line)
        if line != "@0":
            raise Failure(f"'{command}' failed with {line[1:]}: {' '.join(output)}\n{self.said()}")
        return "\n".join(output)

    def ask(self, command, *descriptors, **arguments):
        """The answer of QEMU's monitor."""
        self.monitor.send(json.dumps({"execute": command, "arguments": arguments}) + "\n", *descriptors)
        while True:
            answer = json.loads(self.monitor.line(self.seconds))
            if "event" in answer:
                self.events.append(answer)
            elif "error" in answer:
                raise Failure(f"{command}: {answer['error']['desc']}")
            else:
                return answer["return"]

    def event(self, name, **data):
        """Wait for an event that carries this data, and forget it."""
        while True:
            for event in self.events:
                if event["event"] == name and data.items() <= event.get("data", {}).items():
                    self.events.remove(event)
                    return event
            answer = json.loads(self.monitor.line(self.seconds))
            if "event" in answer:
                self.events.append(answer)

    def messages(self):
        """QEMU's warnings and errors, each once."""
        text = (self.directory / "errors").read_text(errors="replace")
        return list(dict.fromkeys(line for line in text.splitlines() if ": info: " not in line))

    def trace(self):
        return (self.directory / "trace").read_text(errors="replace")

    def mappings(self):
        """What QEMU has mapped by iommufd: "", or "_file" for memory of a file, size, result."""
        return re.findall(r"iommufd_backend_map(_file|)_dma .* size=(0x[0-9a-f]+) .*\((-?\d+)\)", self.trace())

    def status(self, name):
        """A line of QEMU's /proc/PID/status."""
        text = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        return re.search(rf"^{name}:\s*(.*)", text, re.M)[1]

    def ram_of(self, kind):
        """How many bytes QEMU has in large mappings of a path that begins so, with pages of so
        many KiB."""
        path, page = kind
        text = Path(f"/proc/{self.process.pid}/smaps").read_text(encoding="utf-8")
        mappings = re.findall(r"^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \S+ *(.*)\nSize: *(\d+) kB\n"
                              r"KernelPageSize: *(\d+) kB", text, re.M)
        large = [(name, int(size)) for name, size, of in mappings
                 if int(of) == page and int(size) >= self.memory * 1024 // 4]
        return sum(size * 1024 for name, size in large if (name.startswith(path) if path else not name))

    def reboot(self):
        self.shell.send("reboot -f\n")
        self.event("RESET", guest=True)
        self.wait_for_boot()

    def remove(self, number):
        self.ask("device_del", id=f"dev{number}")
        self.event("DEVICE_DELETED", device=f"dev{number}")

    def add(self, number):
        """Add a device. A file descriptor goes over the monitor's socket, and gets a name."""
        options = self.device(number)
        for fd in self.passed:
            self.ask("getfd", fd, fdname=f"cdev{number}")
            options["fd"] = f"cdev{number}"
        self.close_passed()
        self.ask("device_add", **options)

    def kill(self):
        """kill -9. The process is gone when this returns."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def quit(self):
        self.ask("quit")
        try:
            code = self.process.wait(self.seconds)
        except subprocess.TimeoutExpired as error:
            raise Failure("QEMU does not end") from error
        if code:
            raise Failure(f"QEMU ended with {code}\n{self.said()}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.directory)
